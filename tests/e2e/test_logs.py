"""The log: one JSON object a line, no secret in it, no control character acting."""

from __future__ import annotations

import base64
import json
import subprocess
import sys

from monitor.storage.schema import source
from tests.e2e.conftest import World
from tests.e2e.process import until
from tests.httpserver import Exchange, Reply

MAIL_PASSWORD = "planted-mail-password"
URL_PASSWORD = "planted-url-password"
QUERY_TOKEN = "planted-token-of-the-feed"
URL_TOKEN = "planted-token-of-the-hook"
HEADER_TOKEN = "planted-header-token"
HOOK_SECRET = "whsec_" + base64.b64encode(b"planted webhook secret 32 bytes.").decode()
HOSTILE = "bad\x1b[31m\nname\u202e"


def planted_settings(world: World) -> None:
    """A receiver that repeats everything it is told, and a mail server that refuses the login."""
    world.write_settings(
        **{
            "channels.hook": {
                "kind": "webhook",
                "url": world.hooks.server.url(f"/echo/{URL_TOKEN}"),
                "secrets": [HOOK_SECRET],
            },
            "channels.hook.headers": {"Authorization": f"Bearer {HEADER_TOKEN}"},
            "channels.mail": {
                "kind": "email",
                "host": "127.0.0.1",
                "port": world.mails.port,
                "tls": "none",
                "username": "someone",
                "password": MAIL_PASSWORD,
                "plain_login": True,
                "sender": "headlines@monitor.example",
                "recipients": ["you@reader.example"],
            },
            "log": {"level": "debug"},
        }
    )

    async def echo(exchange: Exchange) -> None:
        said = f"{exchange.request.path} {dict(exchange.request.headers)} \x1b[2J\r\nforged"
        await exchange.send(Reply(500, said.encode()))

    world.hooks.server.fallback(echo)


def test_hostile_42_no_secret_and_no_control_character_reaches_the_log(world: World) -> None:
    planted_settings(world)
    world.add(world.portal.add("/a", "chip"), history=True)
    address = f"127.0.0.1:{world.portal.server.port}"
    world.add(f"http://someone:{URL_PASSWORD}@{address}/missing?a=1&token={QUERY_TOKEN}")
    world.add(f"http://{address}/also-missing")
    with world.database.write() as connection:
        named = source.update().where(source.c.url.endswith("/also-missing"))
        connection.execute(named.values(name=HOSTILE))
    world.rule("chip")
    daemon = world.start()
    daemon.ready()
    until(lambda: daemon.text().count("was not delivered") >= 2, 60, "both deliveries fail")
    until(lambda: daemon.text().count("404") >= 2, 60, "both missing feeds are told")
    daemon.end()
    text = daemon.text()
    secrets = [MAIL_PASSWORD, URL_PASSWORD, QUERY_TOKEN, URL_TOKEN, HEADER_TOKEN, HOOK_SECRET]
    secrets += [base64.b64encode(MAIL_PASSWORD.encode()).decode(), HOOK_SECRET[6:]]
    assert [secret for secret in secrets if secret in text] == []
    events = daemon.events()
    assert all({"at", "level", "room", "message"} <= set(event) for event in events)
    shown = "".join(str(value) for event in events for value in event.values())
    assert shown.isprintable()
    assert "bad\\x1b[31m\\nname\\u202e" in shown


LIBRARIES = """
import asyncio, logging, warnings
from monitor import telemetry
telemetry.configure("info", "auto")
warnings.warn("planted warning")
logging.getLogger("some.library").error("planted\\nerror")
logging.getLogger("some.library").info("not for us")
async def main():
    asyncio.get_running_loop().call_exception_handler({"message": "planted fault"})
asyncio.run(main())
"""


def test_what_libraries_say_is_json_too() -> None:
    done = subprocess.run(
        [sys.executable, "-c", LIBRARIES], capture_output=True, text=True, timeout=30, check=True
    )
    messages = [json.loads(line)["message"] for line in done.stderr.splitlines()]
    assert len(messages) == 3
    for expected in ("planted warning", "planted\\nerror", "planted fault"):
        assert any(expected in message for message in messages)
