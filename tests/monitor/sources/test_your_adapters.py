"""Adapters of the user's own: a folder that the settings name."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from monitor.config import load
from monitor.errors import ParseError, SettingsError
from monitor.sources import adapters, page, recognise
from monitor.sources.budget import ParserPool

PAPER = r"""
name = "paper"
title = "The Example Paper"
kind = "page"
language = "en"
hosts = ["paper.example"]
story = ['paper\.example/story/\d+']
[[page]]
name = "front"
address = ['^https?://paper\.example/$']
sweep = false
[[page.block]]
label = "Most read"
ranked = true
[[page.block.way]]
items = ".most-read li"
"""
BODY = b"""<html><body><ul class="most-read"><li><a href="/story/1">Harbour plan approved</a></li>
<li><a href="/story/2">Bridge closes for the night</a></li></ul></body></html>"""
URL = "https://paper.example/"


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    made = tmp_path / "portals"
    made.mkdir()
    (made / "paper.toml").write_text(PAPER, "utf-8")
    yield made
    adapters.use(None)


def test_your_adapter_reads_its_portal(folder: Path) -> None:
    assert recognise.kind_at(URL) == ("feed", {})
    adapters.use(folder)
    assert recognise.kind_at(URL) == ("page", {"adapter": "paper"})
    found = page.parse(BODY, url=URL)
    assert [(entry.title, entry.rank) for entry in found.entries] == [
        ("Harbour plan approved", 1), ("Bridge closes for the night", 2),
    ]  # fmt: skip
    assert recognise.kind_of(found) == ("page", {"adapter": "paper"})
    adapters.use(None)
    assert recognise.kind_at(URL) == ("feed", {})


def test_yours_is_asked_first_and_replaces_a_bundled_one_of_its_name(folder: Path) -> None:
    text = PAPER.replace("paper.example", "163.com").replace(r"paper\.example", r"news\.163\.com")
    (folder / "paper.toml").write_text(text, "utf-8")
    (folder / "sina.toml").write_text(PAPER.replace('"paper"', '"sina"'), "utf-8")
    adapters.use(folder)
    assert adapters.for_address("https://news.163.com/").name == "paper"  # type: ignore[union-attr]
    assert adapters.for_address("https://news.sina.com.cn/") is None
    assert adapters.for_address("https://www.sohu.com/").name == "sohu"  # type: ignore[union-attr]


def test_parser_processes_read_by_your_adapter(folder: Path) -> None:
    async def read() -> list[str]:
        async with ParserPool(1, portals=folder) as parsers:
            named = await parsers.parse("page", BODY, url=URL, options={"adapter": "paper"})
            (folder / "paper.toml").write_text("name = ", "utf-8")
        async with ParserPool(1, portals=folder) as parsers:
            with pytest.raises(ParseError, match="no adapter 'paper'"):
                await parsers.parse("page", BODY, url=URL, options={"adapter": "paper"})
            other = await parsers.parse("page", BODY, url=URL, options={"selector": "a"})
        return [entry.title for entry in (*named.feed.entries, *other.feed.entries)]

    assert asyncio.run(read()) == ["Harbour plan approved", "Bridge closes for the night"] * 2


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (('items = ".most-read li"', "items = 3"), "page[0].block[0].way[0].items: a string is"),
        (('name = "paper"', 'name = "papper"'), "name: 'paper' is expected, as the file is called"),
        (('title = "The', 'titel = "The'), "title: a string is expected"),
        (('name = "paper"', "name = "), "Invalid value"),
    ],
)
def test_a_wrong_adapter_is_told_with_file_place_and_way_out(
    folder: Path, change: tuple[str, str], said: str
) -> None:
    (folder / "paper.toml").write_text(PAPER.replace(*change, 1), "utf-8")
    settings = folder.parent / "headlines.toml"
    settings.write_text('[sources]\nportals = "portals"\n', "utf-8")
    with pytest.raises(SettingsError) as caught:
        load(settings, environment={})
    text = str(caught.value)
    assert f"{folder}/paper.toml: " in text
    assert said in text
    assert "docs/portals.md" in text
    with pytest.raises(SettingsError):
        adapters.use(folder)
    assert adapters.for_address(URL) is None


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    settings = tmp_path / "headlines.toml"
    settings.write_text('[sources]\nportals = "portals"\n', "utf-8")
    with pytest.raises(SettingsError, match=r"sources\.portals: .*portals: no such folder"):
        load(settings, environment={})


def test_the_schema_lies_beside_the_bundled_adapters() -> None:
    schema = Path(adapters.__file__).with_name("portals") / "adapter.schema.json"
    assert json.loads(schema.read_text("utf-8"))["type"] == "object"
