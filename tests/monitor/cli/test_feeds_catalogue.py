"""``feeds catalogue --pack`` and ``feeds check --patch``: choices to start with, kept fresh."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from monitor.sources import catalogue
from tests.commandline import CommandLine
from tests.httpserver import HttpServer, Reply

PAGE = "https://mainichi.jp/"


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A catalogue in place of the bundled one."""
    path = tmp_path / "catalogue.toml"
    monkeypatch.setattr(catalogue, "BUNDLED", path)
    catalogue.bundled.cache_clear()
    catalogue.packs.cache_clear()
    yield path
    catalogue.bundled.cache_clear()
    catalogue.packs.cache_clear()


def write(path: Path, *entries: str, pack: str = "") -> None:
    """A catalogue of one portal, with these entries, a line each."""
    lines = "".join(f"  {{ {entry} }},\n" for entry in entries)
    path.write_text(
        f'[[portal]]\nname = "P"\nlanguage = "en"\nfeeds = [\n{lines}]\n{pack}', encoding="utf-8"
    )


def test_packs_are_listed_shown_and_watched(cli: CommandLine) -> None:
    packs = {
        pack["name"]: pack for pack in cli.good("feeds", "catalogue", "--packs", "--json").json
    }
    assert "finance-zh" in cli.good("feeds", "catalogue", "--packs").out
    wanted = packs["news-ja"]["sources"]
    shown = cli.good("feeds", "catalogue", "--pack", "news-ja", "--json").json
    assert {portal["url"] for portal in shown} == set(wanted)
    assert {portal["checked_how"] for portal in shown} == {"offline"}
    assert "added 3 portals" in cli.good("feeds", "catalogue", "--pack", "news-ja", "--add").out
    (source,) = [row for row in cli.good("feeds", "list", "--json").json if row["url"] == PAGE]
    assert (source["kind"], source["language"]) == ("page", "ja")


def test_a_hot_list_of_the_catalogue_is_watched_as_one(cli: CommandLine) -> None:
    cli.good("feeds", "catalogue", "--pack", "hot-zh", "--add")
    assert {row["kind"] for row in cli.good("feeds", "list", "--json").json} == {"hotlist"}


def test_an_unknown_pack_is_refused_with_a_way_out(cli: CommandLine) -> None:
    done = cli("feeds", "catalogue", "--pack", "finanz-zh")
    assert (done.code, "finance-zh" in done.err, "--packs" in done.err) == (2, True, True)


def test_a_check_writes_what_the_catalogue_should_say(
    cli: CommandLine, portal: HttpServer, mine: Path, tmp_path: Path
) -> None:
    portal.route("/moved", Reply(status=301, headers={"Location": portal.url("/rss")}))
    portal.route("/error", Reply(status=500))
    write(
        mine,
        f'name = "a", url = "{portal.url("/moved")}", state = "old"',
        f'name = "b", url = "{portal.url("/gone")}", state = "on"',
        f'name = "c", url = "{portal.url("/error")}"',
    )
    patch = tmp_path / "found.patch"
    done = cli("feeds", "check", "--catalogue", "--patch", str(patch))
    assert (done.code, "2 entries" in done.err) == (1, True)
    added = [line for line in patch.read_text().splitlines() if line.startswith("+ ")]
    assert [portal.url("/rss") in added[0], 'state = "off"' in added[0]] == [True, True]
    assert 'state = "dead"' in added[1]
    assert all('checked_how = "fetched"' in line for line in added)


def test_a_pack_is_checked_alone_and_pages_ask_for_permission(
    cli: CommandLine, portal: HttpServer, mine: Path
) -> None:
    portal.route("/robots.txt", Reply(body=b"User-agent: *\nDisallow: /", headers={}))
    write(
        mine,
        f'name = "a", url = "{portal.url("/rss")}"',
        f'name = "b", url = "{portal.url("/front")}", kind = "page", adapter = "163"',
        f'name = "c", url = "{portal.url("/other")}"',
        pack='[[pack]]\nname = "p"\ntitle = "P"\nlanguage = "en"\nsources = '
        f'["{portal.url("/rss")}", "{portal.url("/front")}"]\n',
    )
    rows = cli("feeds", "check", "--pack", "p", "--json").json
    assert [row["name"] for row in rows] == ["P a", "P b"]
    assert rows[0]["entries"]
    assert "robots" in rows[1]["message"]
    assert not [each for each in portal.requests if each.path in {"/front", "/other"}]
