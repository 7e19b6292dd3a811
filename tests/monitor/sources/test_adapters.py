"""The bundled adapters: their form, their examples, and what is said of a wrong one."""

from __future__ import annotations

import json
import re
import textwrap
import tomllib
from importlib.resources import files
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from monitor.errors import SettingsError
from monitor.sources import SOURCE_KINDS, adapters

DATA = Path(__file__).parents[2] / "data" / "portals"
FOLDER = files("monitor.sources") / "portals"
FILES = sorted(each.name for each in FOLDER.iterdir() if each.name.endswith(".toml"))
SCHEMA = json.loads((FOLDER / "adapter.schema.json").read_text("utf-8"))
EXAMPLES = [
    pytest.param(adapter, example, id=example.file)
    for adapter in adapters.bundled().values()
    for example in adapter.examples
]
PAGE = """
name = "x"
title = "X"
language = "zh"
[[page]]
name = "list"
address = "x"
[[page.block]]
label = "b"
[[page.block.way]]
items = "a"
"""


@pytest.mark.parametrize("name", FILES)
def test_an_adapter_has_the_form_of_the_schema(name: str) -> None:
    document = tomllib.loads((FOLDER / name).read_text("utf-8"))
    problems = [error.message for error in Draft202012Validator(SCHEMA).iter_errors(document)]
    assert problems == []
    assert name == f"{document['name']}.toml"


@pytest.mark.parametrize(("adapter", "example"), EXAMPLES)
def test_an_example_yields_what_it_says(
    adapter: adapters.Adapter, example: adapters.Example
) -> None:
    body = (DATA / example.file).read_bytes()
    found = SOURCE_KINDS["auto"].parse(body, url=example.url)
    assert found.format.startswith(f"{adapter.kind}:{adapter.name}")
    assert len(found.entries) == example.entries
    assert len({entry.title for entry in found.entries}) == example.entries


def test_every_adapter_of_pages_has_examples() -> None:
    pages = [each for each in adapters.bundled().values() if each.kind == adapters.PAGE]
    assert pages
    assert [each.name for each in pages if not each.examples] == []


def test_an_address_has_one_adapter() -> None:
    found = adapters.for_address("https://news.163.com/")
    assert found is not None
    assert found.name == "163"
    assert adapters.for_address("https://evil163.com/") is None
    assert adapters.for_address("https://nothing.example/") is None
    assert adapters.for_address("http://[broken") is None


@pytest.mark.parametrize(
    ("url", "name", "rule"),
    [
        ("https://news.sina.com.cn/china", "sina", "other"),
        ("https://www.thepaper.cn/channel_25950", "thepaper", "other"),
        ("https://www.guancha.cn/internation?s=dhguoji", "guancha", "other"),
        ("https://new.qq.com/ch/tech", "qq", "other"),
        ("https://mp.weixin.qq.com/s/AAAA", "wechat", "article"),
        ("https://news.163.com/", "163", "front"),
        ("https://www.toutiao.com/hot-event/hot-board/?origin=toutiao_pc", "toutiao-hot", None),
        ("http://news.163.com/special/00011K6L/rss_newstop.xml", None, None),
        ("https://www.people.com.cn/rss/politics.xml", None, None),
    ],
)
def test_every_page_of_a_known_portal_is_read_and_no_feed(
    url: str, name: str | None, rule: str | None
) -> None:
    adapter = adapters.for_address(url)
    assert (adapter.name if adapter else None) == name
    page = adapter.page_for(url) if adapter and adapter.pages else None
    assert (page.name if page else None) == rule


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (('title = "X"', ""), "title: a string is expected"),
        (('items = "a"', "items = 3"), "page[0].block[0].way[0].items: a string is expected"),
        (('items = "a"', 'tabs = "a"'), "page[0].block[0].way[0].items: a selector is expected"),
        (('label = "b"', 'label = "b"\nlable = "c"'), "page[0].block[0].lable: unknown key"),
        (('address = "x"', 'address = "("'), "page[0].address: no regular expression"),
        (('language = "zh"', 'language = "zh"\nkind = "pages"'), "kind: 'page' or 'hotlist'"),
        (('name = "x"', "name = "), "portals/x.toml: Invalid value"),
    ],
)
def test_a_wrong_adapter_is_told_with_its_place(change: tuple[str, str], said: str) -> None:
    adapters.load(PAGE, "portals/x.toml")
    with pytest.raises(SettingsError, match=r"portals/x\.toml: ") as caught:
        adapters.load(PAGE.replace(*change, 1), "portals/x.toml")
    assert re.search(re.escape(said), str(caught.value))


def test_the_documentation_is_true() -> None:
    text = (Path(__file__).parents[3] / "docs" / "portals.md").read_text("utf-8")
    blocks = re.findall(r"(?:^    .*\n|^\n(?=    ))+", text, re.MULTILINE)
    example = next(block for block in blocks if 'name = "example"' in block)
    listed = next(block for block in blocks if "[[list]]" in block)
    adapter = adapters.load(textwrap.dedent(example), "example.toml")
    assert [way.generation for way in adapter.pages[0].blocks[0].ways] == ["2024 on", "until 2024"]
    assert adapter.is_story("https://example.org/2026/a")
    head = 'name = "x"\ntitle = "X"\nlanguage = "en"\nkind = "hotlist"\n'
    assert adapters.load(head + textwrap.dedent(listed), "x.toml").lists[0].items == "data.list"
    assert [name for name in adapters.bundled() if name not in text] == []


def test_no_selector_of_a_much_watched_portal_takes_cubic_time_on_a_deep_page() -> None:
    """With three parts, each link is tried with each two of what it stands in."""
    adapter = adapters.known()["163"]
    blocks = [block for page in adapter.pages for block in page.blocks]
    ways = [way for block in blocks for way in block.ways]
    written = [css for way in ways for css in (way.root, way.items, way.tabs, way.panels)]
    for css in ", ".join([*adapter.drop, *written]).split(","):
        assert len(css.replace(" > ", ">").split()) <= 2, css
