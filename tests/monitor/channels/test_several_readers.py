"""Several readers of one channel, and what neither they nor a ledger may see."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import random
from datetime import timedelta
from pathlib import Path

import pytest

from monitor.actions.channels import try_channel
from monitor.channels.apprise import blocks, quiet
from monitor.channels.facts import Reader, facts
from monitor.config import load
from monitor.errors import TransportError
from monitor.outbox import Outbox, OutboxSettings
from monitor.storage import Database, deliveries
from tests.fakes import NOW, RecordingChannel, make_entry, make_message
from tests.httpserver import HttpServer, Reply
from tests.mailserver import MailServer
from tests.monitor.channels.rigs import SECRET, WebhookRig, deliver, opened

FULL = "452 4.2.2 mailbox full"


def table(port: int, **more: object) -> dict[str, object]:
    return {
        "kind": "email",
        "host": "127.0.0.1",
        "port": port,
        "tls": "none",
        "sender": "m@news.example",
        "recipients": ["a@x.example", "b@x.example"],
        **more,
    }


def test_one_full_mailbox_switches_nobody_off(database: Database) -> None:
    with MailServer() as server:
        server.answer("RCPT", FULL, who="b@x.example")

        async def main() -> None:
            now = NOW
            async with opened(table(server.port), server.port) as mail:
                outbox = Outbox(database, {"one": mail}, OutboxSettings(), worker="w",
                                now=lambda: now, rng=random.Random(1))  # fmt: skip
                for hour in range(0, 6 * 24, 2):
                    now = NOW + timedelta(hours=hour)
                    if hour % 12 == 0:
                        with database.write() as connection:
                            deliveries.insert_many(connection, [make_message(f"m{hour}")], now)
                    await outbox.deliver_due()

        asyncio.run(main())
        got = [mail for mail in server.mails if "a@x.example" in mail.recipients]
    with database.read() as connection:
        state = deliveries.channels_known(connection).get("one")
    assert len(got) == 12
    assert state is None or (state.disabled_at, state.failing_since) == (None, None)


def test_a_channel_with_one_full_mailbox_can_be_put_on_again(tmp_path: Path) -> None:
    with MailServer() as server:
        server.answer("RCPT", FULL, who="b@x.example")
        path = tmp_path / "headlines.toml"
        rows = [
            "[channels.mail]",
            *(f"{name} = {value!r}" for name, value in table(server.port).items()),
        ]
        path.write_text("\n".join(rows), "utf-8")
        trial = asyncio.run(try_channel(load(path, tmp_path), "mail"))
        assert len(server.mails) == 1
    assert trial.delivered
    assert "put off b@x.example" in trial.detail


def test_nothing_is_a_dead_letter_that_somebody_took() -> None:
    with MailServer() as server:
        server.answer("RCPT", "451 later", who="b@x.example", times=1)

        async def main() -> str:
            message = make_message()
            async with opened(table(server.port), server.port) as mail:
                with pytest.raises(TransportError, match=r"put off b@x\.example"):
                    await mail.send(message)
                server.answer("MAIL", "550 no such sender", times=1)
                return (await mail.send(message)).detail

        assert "some have it; refused for the rest" in asyncio.run(main())


def test_a_mail_goes_to_the_domain_that_was_named() -> None:
    with MailServer() as server:
        deliver(table(server.port, recipients=["kontakt@straße.example"]), make_message())
        assert server.mails[0].recipients == ("kontakt@xn--strae-oqa.example",)


def test_an_address_of_several_places_is_refused() -> None:
    with HttpServer() as server:
        address = f"ntfy://127.0.0.1:{server.port}/alpha/beta"
        with pytest.raises(Exception, match=r"several places.* make a channel of each"):
            deliver({"kind": "apprise", "url": address}, make_message())
        assert server.requests == []


@pytest.mark.parametrize("kind", ["webhook", "apprise"])
def test_a_login_that_the_receiver_repeats_is_hidden(kind: str) -> None:
    code = base64.b64encode(b"user:hunter2password").decode()
    with HttpServer() as server:
        server.fallback(Reply(500, f"bad login: Basic {code}".encode()))
        place = f"user:hunter2password@127.0.0.1:{server.port}/h"
        scheme, more = ("http", {"secrets": [SECRET]}) if kind == "webhook" else ("json", {})
        (out,) = deliver({"kind": kind, "url": f"{scheme}://{place}", **more}, make_message())
        assert server.requests[0].headers.get("authorization") == f"Basic {code}"
    assert "bad login" in str(out)
    assert code not in str(out)


def test_the_owner_is_told_once_of_a_template_that_makes_no_json(
    tmp_path: Path, database: Database
) -> None:
    path = tmp_path / "body.txt"
    path.write_text('{"text": "{{ entries[0].title }}"}', "utf-8")
    told = [
        make_message(f"m{at}", entries=(make_entry(id=at, title="x" * at + ' says "no"'),))
        for at in range(1, 6)
    ]
    with contextlib.ExitStack() as stack:
        rig = WebhookRig(stack)
        port = int(str(rig.table["url"]).rpartition(":")[2].partition("/")[0])

        async def main() -> None:
            async with opened({**rig.table, "body_template": str(path)}, port) as hook:
                channels = {"one": hook, "own": RecordingChannel("own")}
                outbox = Outbox(database, channels, OutboxSettings(owner="own"), worker="w",
                                now=lambda: NOW, rng=random.Random(1))  # fmt: skip
                with database.write() as connection:
                    deliveries.insert_many(connection, told, NOW)
                await outbox.deliver_due()

        asyncio.run(main())
    with database.read() as connection:
        rows = deliveries.list_by_state(connection, None, 100)
    assert sum(row["kind"] == "notice" for row in rows) == 1


def test_a_notice_calls_nobody() -> None:
    text = "The source '@everyone free coins' has not told anything for a day"
    message = make_message(entries=(), notice=text)
    shown = blocks(quiet(facts(message, Reader())))[0]
    assert "everyone free coins" in shown
    assert "@everyone" not in shown
