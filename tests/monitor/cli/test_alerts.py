"""``channels`` and ``alerts``: what was owed, sent and given up."""

from __future__ import annotations

from datetime import timedelta

import pytest

from monitor.attempts import ChannelState
from monitor.service import utc_now
from monitor.storage import Database, deliveries
from monitor.storage.deliveries import Failure
from monitor.types import AlertEntry, Message
from tests.commandline import CommandLine
from tests.httpserver import HttpServer, Reply

LEASE = timedelta(minutes=1)
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # a published example


@pytest.fixture
def hooked(cli: CommandLine, database_url: str, portal: HttpServer) -> CommandLine:
    portal.route("/hook", Reply(status=204))
    cli.configure(
        f'[channels.hook]\nkind = "webhook"\nurl = "{portal.url("/hook")}"\n'
        f'secrets = ["{SECRET}"]\n',
        database_url,
    )
    return cli


def message(number: str, channel: str = "hook") -> Message:
    now = utc_now()
    entry = AlertEntry(
        1, "央行\x1b降息", "https://a.example", "A", "finance", 0.9, False, None, now
    )
    return Message(number, "rates", "降息", channel, now, (entry,))


def owe(database: Database, *messages: Message) -> None:
    database.run(lambda connection: deliveries.insert_many(connection, messages, utc_now()))


def kill(database: Database, number: str) -> None:
    now = utc_now()

    def work(connection: object) -> None:
        deliveries.claim(connection, "w", ["hook"], now, LEASE, 9)  # type: ignore[arg-type]
        failure = Failure(number, "500 Internal Server Error", None)
        deliveries.settle_failed(connection, "w", [failure], now)  # type: ignore[arg-type]
        deliveries.give_back(connection, "w")  # type: ignore[arg-type]

    database.run(work)


def test_a_dead_letter_is_listed_revived_and_sent(
    hooked: CommandLine, database: Database, portal: HttpServer
) -> None:
    owe(database, message("msg_a"), message("msg_b"))
    kill(database, "msg_a")
    (dead,) = hooked.good("alerts", "list", "--state", "dead", "--json").json
    assert set(dead) == {
        "id", "state", "channel", "rule", "attempts", "created_at", "next_attempt_at",
        "settled_at", "title", "detail",
    }  # fmt: skip
    assert (dead["id"], dead["rule"], dead["attempts"]) == ("msg_a", "rates", 1)
    assert "500" in dead["detail"]
    assert len(hooked.good("alerts", "list", "--json").json) == 2
    assert len(hooked.good("alerts", "list", "--limit", "1", "--json").json) == 1
    shown = hooked.good("alerts", "list").out
    assert "msg_a" in shown
    assert "\x1b" not in shown
    assert hooked("alerts", "retry", "msg_b").code == 1
    hooked.good("alerts", "retry", "msg_a")
    assert hooked("alerts", "retry", "msg_a").code == 1
    hooked.good("poll")
    sent = [request.headers["webhook-id"] for request in portal.requests]
    assert sorted(sent) == ["msg_a", "msg_b"]
    states = {row["state"] for row in hooked.good("alerts", "list", "--json").json}
    assert states == {"sent"}


def test_a_test_message_arrives(hooked: CommandLine, portal: HttpServer) -> None:
    assert "204" in hooked.good("channels", "test", "hook").out
    assert portal.count("/hook") == 1
    portal.route("/hook", Reply(status=500))
    printed = hooked("channels", "test", "hook")
    assert printed.code == 1
    assert "500" in printed.err


def test_a_successful_test_switches_a_channel_on_again(
    hooked: CommandLine, database: Database, portal: HttpServer
) -> None:
    now = utc_now()
    off = {"hook": ChannelState(now, now, "410 Gone")}
    database.run(lambda connection: deliveries.set_channels(connection, off))
    owe(database, message("msg_a"))
    (row,) = hooked.good("channels", "list", "--json").json
    assert (row["name"], row["kind"], row["waiting"]) == ("hook", "webhook", 1)
    assert row["state"].startswith("disabled: 410 Gone")
    hooked.good("poll")
    assert portal.count("/hook") == 0
    assert "due now" in hooked.good("channels", "test", "hook").out
    assert hooked.good("channels", "list", "--json").json[0]["state"] == "working"
    hooked.good("poll")
    assert portal.count("/hook") == 2


def test_alerts_for_a_channel_that_is_gone_are_seen(
    hooked: CommandLine, database: Database
) -> None:
    owe(database, message("msg_a", "old"))
    found = {row["name"]: row for row in hooked.good("channels", "list", "--json").json}
    assert found["old"]["waiting"] == 1
    assert "missing" in found["old"]["state"]
