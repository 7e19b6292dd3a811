"""Adapters of one's own at the command line: added by address, polled, and told when wrong."""

from __future__ import annotations

from tests.commandline import CommandLine
from tests.httpserver import HttpServer, Reply
from tests.monitor.cli.conftest import HTML

ADAPTER = r"""
name = "harbour"
title = "Harbour Gazette"
kind = "page"
language = "en"
hosts = ["127.0.0.1"]
story = ['/story/\d+$']
[[page]]
name = "front"
address = ['/$']
sweep = false
[[page.block]]
label = "Most read"
ranked = true
section = "travel"
[[page.block.way]]
generation = "2024 on"
items = ".most-read li"
[[page.block.way]]
generation = "until 2024"
items = "table.top td"
"""
TITLES = ["Harbour plan approved", "Bridge closes for the night", "Ferry sinks again"]
OLD = "<table class=top><tr>{}</tr></table>".format(
    "".join(f"<td><a href='/story/{n}'>{title}</a></td>" for n, title in enumerate(TITLES))
)
NEW = "<ul class=most-read>{}</ul>".format(
    "".join(
        f"<li><a href='/story/{n}'>{title}</a></li>"
        for n, title in enumerate([*TITLES, "Night market moves to the river"])
    )
)


def reply(body: str) -> Reply:
    return Reply(body=f"<html><body>{body}</body></html>".encode(), headers=HTML)


def own(cli: CommandLine, text: str = ADAPTER) -> None:
    (cli.folder / "portals").mkdir(exist_ok=True)
    (cli.folder / "portals" / "harbour.toml").write_text(text, encoding="utf-8")
    cli.configure('[sources]\nportals = "portals"\n')


def test_an_adapter_of_ones_own_reads_both_layouts_of_its_page(
    cli: CommandLine, portal: HttpServer
) -> None:
    portal.route("/", reply(OLD))
    assert cli("feeds", "test", portal.url("/")).code != 0
    own(cli)
    found = cli.good("feeds", "test", portal.url("/"), "--json").json
    assert found["kind"] == "page"
    assert [(each["title"], each["rank"], each["section"]) for each in found["entries"]] == [
        (title, rank, "travel") for rank, title in enumerate(TITLES, start=1)
    ]
    saved = cli.folder / "saved.html"
    saved.write_bytes(reply(NEW).body)
    found = cli.good("feeds", "test", portal.url("/"), "--file", saved, "--json").json
    assert len(found["entries"]) == 4
    cli.good("feeds", "add", portal.url("/"))
    (row,) = cli.good("feeds", "list", "--json").json
    assert row["kind"] == "page"
    assert cli.good("poll", "--all", "--json").json["new_entries"] == 3
    portal.route("/", reply(NEW))
    assert cli.good("poll", "--all", "--json").json["new_entries"] == 1
    titles = {each["title"] for each in cli.good("entries", "list", "--json").json}
    assert titles == {*TITLES, "Night market moves to the river"}


def test_a_wrong_adapter_is_told_before_anything_is_done(
    cli: CommandLine, portal: HttpServer
) -> None:
    portal.route("/", reply(OLD))
    own(cli, ADAPTER.replace('items = "table.top td"', "items = 3"))
    printed = cli("feeds", "test", portal.url("/"))
    assert printed.code == 2
    assert "harbour.toml: page[0].block[0].way[1].items: a string is expected" in printed.err
    assert "docs/portals.md" in printed.err


def test_entries_of_a_ranked_list_show_their_way(cli: CommandLine, portal: HttpServer) -> None:
    own(cli)
    portal.route("/", reply(OLD))
    cli.good("feeds", "add", portal.url("/"))
    cli.good("poll", "--all")
    swapped = NEW.replace(TITLES[0], "@").replace(TITLES[2], TITLES[0]).replace("@", TITLES[2])
    swapped = swapped.replace("/story/0", "@").replace("/story/2", "/story/0")
    portal.route("/", reply(swapped.replace("@", "/story/2")))
    cli.good("poll", "--all")
    found = {each["title"]: each["ranking"] for each in cli.good("entries", "list", "--json").json}
    way = found[TITLES[2]]
    assert (way["first"], way["best"], way["last"]) == (3, 1, 1)
    assert [point["rank"] for point in way["history"]] == [3, 1]
    assert set(way) == {
        "first", "best", "last", "minutes", "heat", "first_at", "last_at", "history",
    }  # fmt: skip
    assert found["Night market moves to the river"]["first"] == 4
    searched = cli.good("entries", "search", "rank:1", "--json").json
    assert {each["title"] for each in searched} == {TITLES[0], TITLES[2]}


TWO_BLOCKS = """
[[page.block]]
label = "Sport"
section = "sports"
[[page.block.way]]
items = ".sport li"
"""


def test_a_headline_in_two_blocks_is_one_entry_with_two_placements(
    cli: CommandLine, portal: HttpServer
) -> None:
    own(cli, ADAPTER + TWO_BLOCKS)
    links = [f"<li><a href='/story/{n}'>{title}</a></li>" for n, title in enumerate(TITLES)]
    portal.route(
        "/", reply(f"<ul class=most-read>{''.join(links)}</ul><ul class=sport>{links[1]}</ul>")
    )
    cli.good("feeds", "add", portal.url("/"))
    assert cli.good("poll", "--all", "--json").json["new_entries"] == len(TITLES)
    shown = {row["title"]: row for row in cli.good("entries", "list", "--json").json}
    first = {"label": "Most read", "section": "travel", "rank": 1}
    assert shown[TITLES[0]]["placements"] == [first]
    assert shown[TITLES[1]]["placements"] == [
        {"label": "Most read", "section": "travel", "rank": 2},
        {"label": "Sport", "section": "sports", "rank": None},
    ]
    assert cli.good("poll", "--all", "--json").json["new_entries"] == 0
