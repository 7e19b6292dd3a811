// Asks the reference receiver: one JSON document on standard input, one on standard output.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";

const { Webhook } = createRequire(process.cwd() + "/")("standardwebhooks");
const { now, questions } = JSON.parse(readFileSync(0, "utf8"));
Date.now = () => now * 1000;

function answer({ secret, id, timestamp, body, headers }) {
  const webhook = new Webhook(secret);
  if (!headers) {
    return webhook.sign(id, new Date(timestamp * 1000), body);
  }
  try {
    webhook.verify(body, headers);
    return "";
  } catch (error) {
    return String(error.message);
  }
}

process.stdout.write(JSON.stringify(questions.map(answer)));
