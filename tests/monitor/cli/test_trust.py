"""``feeds trust``, and what hints do to what is listed."""

from __future__ import annotations

from tests.commandline import CommandLine
from tests.httpserver import HttpServer, Reply
from tests.monitor.cli.conftest import RSS, TITLES

FIGURES = {"said", "agreed", "share", "trust"}


def feed(section: str, *more: str) -> Reply:
    items = "".join(
        f"<item><title>{title}</title><category>{section}</category>"
        f"<link>https://portal.example/sports/{at}</link></item>"
        for at, title in enumerate((*TITLES, *more))
    )
    body = f'<rss version="2.0"><channel><title>Wire</title>{items}</channel></rss>'
    return Reply(body=body.encode(), headers=RSS)


def test_nothing_measured_is_said_and_the_priors_are_told(stored: CommandLine) -> None:
    printed = stored.good("feeds", "trust")
    assert "no entry with a hint could be judged" in printed.err
    found = stored.good("feeds", "trust", "--json").json
    assert [row["kind"] for row in found["kinds"]] == ["block", "source", "url", "category"]
    assert {row["trust"] for row in found["kinds"]} == {0.8, 0.75, 0.7}
    assert (found["sources"], found["origins"]) == ([], [])


def test_each_origin_is_told_with_how_often_it_agrees(
    stored: CommandLine, portal: HttpServer
) -> None:
    portal.route("/wire", feed("体育"))
    stored.good("feeds", "add", portal.url("/wire"), "--section", "tech", "--name", "Wire")
    stored.good("poll")
    rows = stored.good("entries", "list", "--json").json
    for row in rows:
        assert {(hint["kind"], hint["section"]) for hint in row["hints"]} == {
            ("source", "tech"), ("url", "sports"), ("category", "sports"),
        }  # fmt: skip
        assert row["section_by"] in {"model", "source"}
        stored.good("correct", str(row["id"]), "sports")
    found = stored.good("feeds", "trust", "--json").json
    assert set(found) == {"measured_at", "kinds", "sources", "origins"}
    told = {row["kind"]: row for row in found["origins"]}
    said = 5 * len(rows)
    assert (told["source"]["origin"], told["source"]["agreed"]) == ("Wire", 0)
    assert (told["url"]["origin"], told["url"]["agreed"]) == ("portal.example/sports/", said)
    assert (told["category"]["origin"], told["category"]["section"]) == ("体育", "sports")
    assert told["category"]["said"] == said
    assert told["source"]["trust"] < 0.4
    assert told["url"]["trust"] > 0.8
    for part in ("kinds", "sources", "origins"):
        assert all(set(row) >= FIGURES for row in found[part])
    table = stored.good("feeds", "trust").out
    assert "portal.example/sports/" in table
    assert "体育" in table
    assert stored.good("feeds", "trust", "Wire", "--json").json["origins"] == found["origins"]
    assert stored("feeds", "trust", "nobody").code in {1, 2}


def test_measured_trust_decides_what_the_next_poll_shows_and_rules_see_it(
    stored: CommandLine, portal: HttpServer
) -> None:
    portal.route("/wire", feed("体育"))
    stored.good("feeds", "add", portal.url("/wire"))
    stored.good("poll")
    for row in stored.good("entries", "list", "--json").json:
        stored.good("correct", str(row["id"]), "sports")
    stored.good("feeds", "trust")
    portal.route("/wire", feed("体育", "zzyx qwv 8"))
    stored.good("poll", "--all")
    (new,) = [row for row in stored.good("entries", "list", "--json").json if not row["corrected"]]
    assert (new["shown"], new["section_by"]) == ("sports", "url")
    listed = stored.good("entries", "list", "--section", "sports", "--limit", "1").out
    assert "url" in listed
    tried = stored.good("rules", "test", "section:sports", "--json").json
    assert new["title"] in str(tried)
    stored.good("correct", str(new["id"]), "food")
    row = next(
        row for row in stored.good("entries", "list", "--json").json if row["id"] == new["id"]
    )
    assert (row["shown"], row["section_by"]) == ("food", "person")
