"""What sources, blocks, addresses and categories say of a section."""

from __future__ import annotations

import tomllib
from datetime import UTC, datetime
from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifiers.taxonomy import default_ids
from monitor.hints import BLOCK, CATEGORY, KINDS, SOURCE, URL, Hint, derive, of_address
from monitor.types import ParsedEntry, Source


def source(section: str | None = None) -> Source:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    return Source(7, "feed", "https://portal.example/rss", "Portal", 600.0, at, section=section)


def said(section: str | None = None, **fields: object) -> set[Hint]:
    return set(derive(ParsedEntry("title", **fields), source(section)))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("url", "key", "section"),
    [
        ("https://money.portal.example/26/0101/a.html", "money.portal.example", "finance"),
        ("http://MIL.news.portal.com.cn/x", "mil.news.portal.com.cn", "military"),
        ("https://www.portal.co.uk/sport/football/1", "portal.co.uk/sport/", "sports"),
        ("https://portal.example/2026/01/Tech/a?x=/food/", "portal.example/tech/", "tech"),
        ("https://user:pw@ent.portal.example:8443/a", "ent.portal.example", "entertainment"),
        ("https://auto.portal.example/travel/a", "auto.portal.example", "auto"),
        ("http://127.0.0.1:80/sports/1", "127.0.0.1/sports/", "sports"),
    ],
)
def test_an_address_says_a_section(url: str, key: str, section: str) -> None:
    assert of_address(url) == (Hint(URL, key, section),)


@pytest.mark.parametrize(
    "url",
    [
        "https://auto.example/news/1",  # the site's own name
        "https://portal.example/sports",  # the page's own name
        "https://portal.example/sportsmanship/1",
        "https://portal.example/a/b/c/d/e/sports/1",
        "https://portal.example/?q=/sports/1",
        "mailto:sports@portal.example", "", "https://", "http:///sports/1", "//sports.example/1",
    ],
)  # fmt: skip
def test_an_address_that_says_nothing(url: str) -> None:
    assert of_address(url) == ()


@given(st.text(max_size=80), st.text(max_size=80))
def test_any_address_and_category_are_read(address: str, category: str) -> None:
    entry = ParsedEntry("t", url="https://" + address, categories=(category,))
    for hint in derive(entry, source()):
        assert hint.kind in KINDS
        assert len(hint.key) < 400


@pytest.mark.parametrize(
    ("names", "section"),
    [
        (["体育"], "sports"),
        (["要闻", "體育新聞"], "sports"),
        (["Sports News"], "sports"),
        (["News/Business & Economy"], "finance"),
        (["新闻 > 科技"], "tech"),
        (["ＮＢＡ"], "sports"),
        (["要闻", "Top stories"], None),
        (["x"] * 8 + ["体育"], None),
        ([], None),
    ],
)
def test_a_category_says_a_section(names: list[str], section: str | None) -> None:
    found = said(categories=tuple(names))
    assert [hint.section for hint in found] == ([section] if section else [])
    for hint in found:
        assert hint.kind == CATEGORY
        assert hint.key.startswith("7:")


def test_every_origin_is_one_voice() -> None:
    found = said(
        "finance",
        section_hint="auto",
        url="https://tech.portal.example/games/1",
        categories=("体育", "美食"),
    )
    assert found == {
        Hint(SOURCE, "7", "finance"),
        Hint(BLOCK, "7:auto", "auto"),
        Hint(URL, "tech.portal.example", "tech"),
        Hint(CATEGORY, "7:体育", "sports"),
    }
    assert said() == set()


def test_sections_that_the_model_lacks_are_left_out_but_for_what_a_person_declared() -> None:
    entry = ParsedEntry("t", url="https://portal.example/sports/1", categories=("科技",))
    found = derive(entry, source("home-made"), {"tech": "gadgets"})
    assert [hint.section for hint in found] == ["gadgets", "home-made"]
    assert [hint.section for hint in derive(entry, source("tech"), {"tech": "x"})] == ["x", "x"]


def test_the_words_name_each_section_and_no_word_twice() -> None:
    words = tomllib.loads((files("monitor.hints") / "words.toml").read_text(encoding="utf-8"))
    assert set(words) == set(default_ids())
    for kind in ("parts", "categories"):
        listed = [word for section in words.values() for word in section[kind]]
        assert len(listed) == len(set(listed))
        assert listed == [word.lower().strip() for word in listed]
