"""JSON Feed 1.0 and 1.1, and its near relations."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.errors import ParseError
from monitor.sources import feed, jsonfeed
from monitor.types import ParsedEntry

URL = "https://p.example/feed.json"


def parse(value: object) -> list[ParsedEntry]:
    return list(feed.parse(json.dumps(value).encode(), url=URL).entries)


def test_all_fields() -> None:
    (entry,) = parse(
        {
            "version": "https://jsonfeed.org/version/1.1",
            "title": "P",
            "home_page_url": "https://p.example/",
            "items": [
                {
                    "id": 7,
                    "url": "/7?utm_source=json",
                    "title": "A < B",
                    "content_html": "<p>Body &amp; more</p>",
                    "date_published": "2025-11-13T11:39:00+08:00",
                    "authors": [{"name": "Li"}],
                    "tags": ["x", "x", 3],
                }
            ],
        }
    )
    assert entry == ParsedEntry(
        title="A < B",
        url="https://p.example/7",
        guid="7",
        author="Li",
        published_at=datetime(2025, 11, 13, 3, 39, tzinfo=UTC),
        summary="Body & more",
        categories=("x", "3"),
    )


def test_a_bare_list_is_read_and_reported() -> None:
    parsed = feed.parse(b'[{"title": "T", "link": "https://p.example/1"}]', url=URL)
    assert [(entry.title, entry.url) for entry in parsed.entries] == [("T", "https://p.example/1")]
    assert "no JSON Feed version is declared" in parsed.problems


def test_gb18030_json_is_decoded_first() -> None:
    body = '{"items": [{"title": "央行宣布下调存款准备金率"}]}'.encode("gb18030")
    assert feed.parse(body, url=URL).entries[0].title == "央行宣布下调存款准备金率"


def test_a_note_without_a_title_is_named_by_its_text() -> None:
    assert parse({"items": [{"content_text": "Only text"}]})[0].title == "Only text"


def test_items_of_another_shape_are_left_out() -> None:
    parsed = feed.parse(b'{"items": [1, "x", null, {"title": "T"}]}', url=URL)
    assert len(parsed.entries) == 1
    assert "some items are not objects; left out" in parsed.problems


VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=10)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)
KEYS = st.sampled_from(
    ["id", "title", "url", "authors", "author", "tags", "summary", "date_published"]
)


@given(st.lists(st.dictionaries(KEYS, VALUES), max_size=4))
def test_values_of_any_type_never_break_the_reader(items: list[dict[str, object]]) -> None:
    try:
        assert len(parse({"items": items})) <= len(items)
    except ParseError as error:
        assert "not JSON" in str(error)


@pytest.mark.parametrize("value", [{"items": {}}, {"items": None}, {}, 3, "x", {"feed": []}])
def test_what_has_no_items_is_refused(value: object) -> None:
    with pytest.raises(ParseError):
        parse(value)


@pytest.mark.parametrize("title", ["[" * 300, '\\"' + "[{" * 200, "]" * 300 + "[" * 300])
def test_brackets_within_strings_are_not_deep(title: str) -> None:
    text = f'{{"items": [{{"title": "{title}", "tags": {["x"] * 3}}}]}}'.replace("'", '"')
    assert jsonfeed.load(text)


@pytest.mark.parametrize("text", ["[" * 101, '["' + "]" * 200 + '"' + "[" * 100, '"' + "[" * 101])
def test_what_is_deep_is_refused_and_an_open_string_is_no_json(text: str) -> None:
    with pytest.raises(ParseError, match=r"deep|not valid JSON"):
        jsonfeed.load(text)


def test_a_feed_names_its_hub() -> None:
    document = {
        "version": "https://jsonfeed.org/version/1.1",
        "feed_url": "/feed.json",
        "hubs": [
            3,
            {"type": "rssCloud", "url": "https://cloud.example/"},
            {"type": "WebSub", "url": "https://hub.example/"},
        ],
        "items": [],
    }
    found = feed.parse(json.dumps(document).encode(), url=URL)
    assert (found.hub, found.topic) == ("https://hub.example/", URL)


def test_hostile_31_half_a_character_is_replaced_wherever_it_stands() -> None:
    (entry,) = parse([{"title": "a\ud800b \U0001f600", "url": "https://p.example/\udfff/1"}])
    for text in (entry.title, entry.url):
        text.encode()
    assert "\U0001f600" in entry.title
