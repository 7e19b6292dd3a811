"""``poll``, ``entries``, ``correct``: what came in, found again and put right."""

from __future__ import annotations

from datetime import datetime

import pytest

from tests.commandline import CommandLine
from tests.httpserver import HttpServer, Reply
from tests.monitor.cli.conftest import TITLES

KEYS = {
    "id", "title", "url", "source", "author", "published_at", "first_seen_at", "language",
    "section", "probability", "runner_up", "unsure", "section_hint", "corrected", "shown",
    "section_by", "hints", "placements", "ranking",
}  # fmt: skip


def titles(cli: CommandLine, *argv: str) -> list[str]:
    return [entry["title"] for entry in cli.good("entries", *argv, "--json").json]


def test_a_poll_counts_what_it_did(stored: CommandLine, portal: HttpServer) -> None:
    assert stored.good("poll", "--json").json["sources"] == 0
    stored.good("feeds", "add", portal.url("/rss"))
    stored.good("feeds", "add", portal.url("/none"), "--unchecked")
    found = stored.good("poll", "--json").json
    assert set(found) == {"sources", "failed", "not_modified", "new_entries", "seconds"}
    assert (found["sources"], found["failed"], found["new_entries"]) == (2, 1, len(TITLES))
    assert stored.good("poll", "--json").json["sources"] == 0
    again = stored.good("poll", "--all", "--json").json
    assert (again["sources"], again["new_entries"]) == (2, 0)


def test_sources_that_come_due_again_are_for_the_next_pass(
    cli: CommandLine, portal: HttpServer
) -> None:
    portal.route("/slow", Reply(body=b"{}", delay_s=1.2))
    for path in ("/rss", "/slow"):
        cli.good("feeds", "add", portal.url(path), "--unchecked", "--every", "1s")
    assert cli.good("poll", "--json").json["sources"] == 2


def test_entries_are_listed_newest_first(filled: CommandLine) -> None:
    found = filled.good("entries", "list", "--json").json
    assert {frozenset(entry) for entry in found} == {frozenset(KEYS)}
    assert {entry["title"] for entry in found} == set(TITLES)
    assert {entry["source"] for entry in found} == {"Portal News"}
    seen = [datetime.fromisoformat(entry["first_seen_at"]) for entry in found]
    assert seen == sorted(seen, reverse=True)
    assert len(titles(filled, "list", "--limit", "3")) == 3
    assert len(titles(filled, "list", "--since", "1h", "--source", "Portal News")) == len(TITLES)
    assert titles(filled, "list", "--since", "0s") == []
    table = filled.good("entries", "list").out.splitlines()
    assert len(table) == 1 + len(TITLES)


def test_entries_are_searched_for_all_words(filled: CommandLine) -> None:
    assert titles(filled, "search", "降息") == [TITLES[0]]
    assert titles(filled, "search", "fed", "CUT") == [TITLES[5]]
    assert titles(filled, "search", "fed cut nothing") == []
    for sign in ("%", "_", "'", "\\", '"; DROP TABLE entry; --'):
        assert titles(filled, "search", sign) == []


def test_a_search_is_a_query(filled: CommandLine) -> None:
    assert titles(filled, "search", 'fed OR "AI芯片"') == [TITLES[6], TITLES[5]]
    assert titles(filled, "search", "降息 OR 決賽", "NOT", "国足") == [TITLES[0]]
    assert titles(filled, "search", "sub:ru") == []
    assert titles(filled, "search", "/^某地.*地震$/") == [TITLES[3]]
    assert titles(filled, "search", "^fed NEAR/1(announces, rate)") == [TITLES[5]]
    assert titles(filled, "search", "NOT lang:en", "--limit", "2") == [TITLES[6], TITLES[4]]
    assert titles(filled, "search", 'source:"portal news" author:desk* AI') == [TITLES[6]]
    assert titles(filled, "search", "is:first portals:1 国足") == [TITLES[1]]
    assert titles(filled, "search", "lang:zh", "--source", "Portal News", "--limit", "9") == [
        title for title in reversed(TITLES) if title != TITLES[5]
    ]
    assert titles(filled, "search", "降息", "--since", "0s") == []


def test_a_search_takes_a_section_by_any_of_its_names(filled: CommandLine) -> None:
    found = titles(filled, "search", "section:finance,unsure")
    assert found
    for name in ("财经", "Finance", '"FINANCE"'):
        assert titles(filled, "search", f"section:{name},unsure") == found
        listed = filled.good("entries", "search", f"section:{name}", "--json").json
        assert listed == filled.good("entries", "search", "section:finance", "--json").json


def test_a_search_that_is_no_query_is_its_words(filled: CommandLine) -> None:
    printed = filled.good("entries", "search", "(rate cut", "--json")
    assert printed.json == []
    assert "is not closed" in printed.err
    assert "plain words" in filled.good("entries", "search", "section:finanse").err
    assert filled("entries", "search", " ").code == 2


def test_a_correction_wins_on_display(filled: CommandLine) -> None:
    number = filled.good("entries", "search", "降息", "--json").json[0]["id"]
    assert TITLES[0] in filled.good("correct", str(number), "travel").out
    (entry,) = filled.good("entries", "list", "--section", "travel", "--json").json
    assert (entry["id"], entry["corrected"], entry["shown"]) == (number, "travel", "travel")
    assert entry["section"] != "travel"
    filled.good("correct", str(number), "food")
    assert titles(filled, "list", "--section", "travel") == []
    assert titles(filled, "list", "--section", "food") == [TITLES[0]]


@pytest.mark.parametrize("number", ["-1", "0", "999", "9" * 18, "9" * 400])
def test_entries_that_are_not_there_cannot_be_corrected(filled: CommandLine, number: str) -> None:
    printed = filled("correct", number, "food")
    assert printed.code in {1, 2}
    assert not printed.out
