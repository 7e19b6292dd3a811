"""``channels`` and ``alerts``: what was owed, sent and given up."""

from __future__ import annotations

import csv
import re
import shlex
from dataclasses import replace
from datetime import timedelta
from io import StringIO
from pathlib import Path

import pytest

from monitor.alerts import Held, Reason
from monitor.attempts import ChannelState
from monitor.cli import parser
from monitor.cli.output import csv_cell
from monitor.messages import AlertEntry, Message
from monitor.service import utc_now
from monitor.storage import Database, deliveries, rules, telling
from monitor.storage.deliveries import Failure
from tests.commandline import CommandLine
from tests.httpserver import HttpServer, Reply
from tests.monitor.cli.conftest import RSS, rss

LEASE = timedelta(minutes=1)


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
        "settled_at", "title", "detail", "kind", "headlines",
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


def test_an_alert_shows_why_it_fired_and_each_attempt(
    hooked: CommandLine, database: Database, portal: HttpServer
) -> None:
    with database.write() as connection:
        rules.add(connection, "rates", "加息 OR (央行 AND 降息)", ["hook"], utc_now())
        told = replace(
            message("msg_a").entries[0], spans=((0, 2), (3, 5)), rule="rates", rule_version=1,
            story_id=7, portals=2,
        )  # fmt: skip
        changed = replace(rules.get(connection, "rates"), query="加息")
        rules.change(connection, changed, utc_now())
    owe(database, replace(message("msg_a"), entries=(told,)))
    portal.route("/hook", Reply(status=503, body=b"later"))
    hooked.good("poll")
    shown = hooked.good("alerts", "show", "msg_a", "--json").json
    (entry,) = shown["entries"]
    assert (entry["rule"], entry["rule_version"]) == ("rates", 1)
    assert entry["query"] == "加息 OR (央行 AND 降息)", "the query as it was then"
    assert entry["clauses"] == ["央行 AND 降息"]
    assert entry["matched"] == ["央行", "降息"]
    assert (entry["section"], entry["probability"]) == ("finance", 0.9)
    (attempt,) = shown["tries"]
    assert (attempt["number"], attempt["outcome"]) == (1, "retry")
    assert "503" in attempt["detail"]
    assert "later" in attempt["detail"]
    assert attempt["next_attempt_at"] == shown["next_attempt_at"]
    text = hooked.good("alerts", "show", "msg_a").out
    assert "[央行]" in text
    assert "version 1" in text
    assert hooked("alerts", "show", "msg_x").code == 1


def test_the_ledger_knows_which_filter_let_an_alert_fire(
    hooked: CommandLine, portal: HttpServer
) -> None:
    portal.route("/rss", Reply(body=rss("Portal News", ("旧闻",)), headers=RSS))
    hooked.good("feeds", "add", portal.url("/rss"), "--label", "早报")
    hooked.good("poll")
    met = ("author:desk@*", "label:早报", "source:127.*", "age:<9w", "王兴", "王兴兴")
    query = " OR ".join((*met, "rank:1", "burst:", "NOT is:first"))
    hooked.good("rules", "add", "all", query, "--channel", "hook")
    portal.route("/rss", Reply(body=rss("Portal News", ("旧闻", "王兴兴谈机器人")), headers=RSS))
    hooked.good("poll", "--all")
    (row,) = hooked.good("alerts", "list", "--json").json
    (entry,) = hooked.good("alerts", "show", row["id"], "--json").json["entries"]
    assert entry["clauses"] == list(met)


def test_a_pass_without_a_daemon_tells_of_sources_in_trouble_once(
    hooked: CommandLine, portal: HttpServer
) -> None:
    hooked.good("feeds", "add", portal.url("/rss"))
    hooked.good("poll")
    portal.route("/rss", Reply(status=500))
    for _ in range(7):
        hooked.good("poll", "--all")
    (row,) = hooked.good("alerts", "list", "--json").json
    assert (row["kind"], row["state"]) == ("notice", "sent")
    assert "failed 5 times" in row["title"]


def test_the_ledger_can_be_narrowed_and_exported_without_formulas(
    hooked: CommandLine, database: Database
) -> None:
    bad = replace(message("msg_b").entries[0], title='=HYPERLINK("http://x")\n"a",b')
    owe(database, message("msg_a"), replace(message("msg_b"), rule="+other", entries=(bad,)))
    rows = list(csv.DictReader(StringIO(hooked.good("alerts", "list", "--csv").out)))
    assert {row["id"] for row in rows} == {"msg_a", "msg_b"}
    (row,) = (row for row in rows if row["id"] == "msg_b")
    assert row["title"] == '\'=HYPERLINK("http://x")\n"a",b'
    assert row["rule"] == "'+other"
    assert row["attempts"] == "0"
    for words in (("--rule", "rates"), ("--channel", "hook", "--limit", "1"), ("--since", "1h")):
        assert hooked.good("alerts", "list", *words, "--json").json
    assert hooked("alerts", "list", "--rule", "none", "--json").code == 1
    assert hooked("alerts", "list", "--csv", "--json").code == 2


@pytest.mark.parametrize("cell", ["=1", "+1", "-1", "@x", "\tx", "\rx", "＝1"])
def test_hostile_34_no_cell_is_a_formula(cell: str) -> None:
    assert csv_cell(cell) == f"'{cell}"
    assert csv_cell(f"a{cell}") == f"a{cell}"
    assert csv_cell(-1) == "-1"


def test_a_replay_sends_again_under_new_ids_and_only_what_was_asked(
    hooked: CommandLine, database: Database, portal: HttpServer
) -> None:
    owe(database, message("msg_a"), replace(message("msg_b"), rule="other"))
    hooked.good("poll")
    owe(database, message("msg_c"))
    assert "1 deliveries" in hooked.good("alerts", "replay", "--since", "1d", "--rule", "rates").out
    hooked.good("poll")
    sent = [request.headers["webhook-id"] for request in portal.requests]
    assert len(sent) == len(set(sent)) == 4
    assert set(sent) > {"msg_a", "msg_b", "msg_c"}
    assert "3 deliveries" in hooked.good("alerts", "replay", "--since", "1d").out
    assert "0 deliveries" in hooked.good("alerts", "replay", "--since", "0").out


def test_what_is_held_is_listed(hooked: CommandLine, database: Database) -> None:
    with database.write() as connection:
        rules.add(connection, "rates", "降息", ["hook"], utc_now())
        rule = rules.get(connection, "rates")
        entry = replace(message("msg_a").entries[0], story_id=5)
        at = utc_now() + LEASE
        telling.hold(connection, [Held("hook", rule, entry, Reason.QUIET, at, 5, 0.0)], utc_now())
    (row,) = hooked.good("alerts", "list", "--state", "held", "--json").json
    assert (row["rule"], row["detail"], row["state"]) == ("rates", "quiet", "held")
    assert row["next_attempt_at"]


def test_a_story_is_muted_by_an_alert_s_id_and_told_again(
    hooked: CommandLine, database: Database
) -> None:
    told = replace(message("msg_a").entries[0], story_id=77)
    owe(database, replace(message("msg_a"), entries=(told,)), message("msg_b"))
    assert "77" in hooked.good("alerts", "mute", "msg_a").out
    assert hooked("alerts", "mute", "msg_a").code == 1
    hooked.good("alerts", "unmute", "77")
    assert hooked("alerts", "unmute", "77").code == 1
    assert hooked("alerts", "mute", "msg_b").code == 1, "about no story"
    assert hooked("alerts", "mute", "123").code == 1
    assert hooked("alerts", "mute", "msg_x").code == 1


def documented() -> list[str]:
    """The commands in the blocks of docs/alerts.md."""
    text = (Path(__file__).parents[3] / "docs" / "alerts.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if line[:9] == "headlines"]


@pytest.mark.parametrize("line", documented())
def test_what_the_documentation_says_can_be_typed(line: str) -> None:
    words = shlex.split(line, comments=True)[1:]
    arguments = parser().parse_args(words)
    assert arguments.run != parser().get_default("run")


def test_there_are_commands_in_the_documentation() -> None:
    assert len(documented()) >= 9
