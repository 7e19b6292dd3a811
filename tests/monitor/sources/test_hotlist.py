"""Hot lists: ranks, identity and heat, by address and by shape."""

from __future__ import annotations

import json
from typing import Any

import jmespath
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.errors import ParseError
from monitor.sources import hotlist, recognise
from monitor.types import ParsedFeed

NEWSNOW = {
    "status": "success",
    "id": "weibo",
    "items": [
        {"id": "a", "title": "虚构话题一", "url": "https://x.example/1", "extra": {"info": "12万"}},
        {"id": "b", "title": "虚构话题二", "url": "https://x.example/2"},
        {"id": "a", "title": "虚构话题一又", "url": "https://x.example/1"},
    ],
}
CASES: list[tuple[str, str, Any]] = [
    (
        "weibo",
        "https://weibo.com/ajax/side/hotSearch",
        {"data": {"realtime": [{"word": "虚构话题一", "word_scheme": "#虚构话题一#", "num": 9}]}},
    ),
    (
        "weibo",
        "https://s.weibo.com/top/summary",
        {"topics": [{"rank": 1, "title": "虚构话题一", "query": "#虚构话题一#", "heat": 9}]},
    ),
    (
        "baidu",
        "https://top.baidu.com/api/board?tab=realtime",
        {
            "data": {
                "cards": [
                    {
                        "component": "hotList",
                        "content": [
                            {"word": "虚构话题一", "rawUrl": "https://b/", "hotScore": "9"}
                        ],
                    }
                ]
            }
        },
    ),
    (
        "zhihu",
        "https://www.zhihu.com/api/v3/feed/topstory/hot-lists/total",
        {
            "data": [
                {
                    "card_id": "Q_1",
                    "target": {
                        "title_area": {"text": "虚构话题一"},
                        "metrics_area": {"text": "9 热度"},
                        "link": {"url": "https://www.zhihu.com/question/1"},
                    },
                }
            ]
        },
    ),
    (
        "toutiao-hot",
        "https://www.toutiao.com/hot-event/hot-board/?origin=toutiao_pc",
        {
            "data": [
                {"Title": "虚构话题一", "ClusterIdStr": "1", "Url": "https://t/", "HotValue": "9"}
            ]
        },
    ),
    (
        "bilibili",
        "https://api.bilibili.com/x/web-interface/popular",
        {"data": {"list": [{"bvid": "BV1", "title": "虚构话题一", "stat": {"view": 9}}]}},
    ),
    (
        "douyin",
        "https://www.douyin.com/aweme/v1/web/hot/search/list/",
        {"data": {"word_list": [{"word": "虚构话题一", "position": 1, "hot_value": 9}]}},
    ),
    (
        "hackernews",
        "https://hn.algolia.com/api/v1/search?tags=front_page",
        {"hits": [{"objectID": "1", "title": "虚构话题一", "url": None, "points": 9}]},
    ),
    (
        "reddit",
        "https://www.reddit.com/r/news/hot.json",
        {
            "kind": "Listing",
            "data": {
                "children": [
                    {"kind": "t3", "data": {"title": "x", "stickied": True}},
                    {
                        "kind": "t3",
                        "data": {"title": "虚构话题一", "url": "https://r/", "score": 9},
                    },
                ]
            },
        },
    ),
    (
        "github",
        "https://api.github.com/search/repositories?q=stars:%3E1",
        {
            "items": [
                {
                    "full_name": "虚构话题一",
                    "name": "x",
                    "description": "y",
                    "html_url": "https://g/",
                    "stargazers_count": 9,
                }
            ]
        },
    ),
]


def read(document: Any, url: str = "https://lists.example/api/s?id=weibo") -> ParsedFeed:
    return recognise.parse(json.dumps(document).encode(), url=url)


@pytest.mark.parametrize(("adapter", "url", "document"), CASES)
@pytest.mark.parametrize("mirrored", [False, True])
def test_a_known_list_is_read_by_address_and_by_shape(
    adapter: str, url: str, document: Any, mirrored: bool
) -> None:
    found = read(document, "https://mirror.example/list" if mirrored else url)
    assert found.format == f"hotlist:{adapter}"
    (entry,) = found.entries
    assert entry.title.startswith("虚构话题一")
    assert entry.url.startswith("https://")
    assert (entry.rank, entry.heat) == (1, 9)
    assert entry.guid


def test_newsnow_answers_are_ranked_and_known_by_their_id() -> None:
    found = read(NEWSNOW)
    assert recognise.kind_of(found) == ("hotlist", {"adapter": "newsnow"})
    assert [(each.guid, each.rank) for each in found.entries] == [("a", 1), ("b", 2)]
    assert found.entries[0].heat == 120_000
    assert found.entries[0].title == "虚构话题一"


def test_a_bare_list_of_titles_and_addresses_is_a_hot_list() -> None:
    found = read([{"title": "虚构话题一", "url": "https://x.example/1"}])
    assert found.entries[0].rank == 1


def test_a_json_feed_stays_a_feed() -> None:
    document = {
        "version": "https://jsonfeed.org/version/1.1",
        "items": [{"id": "1", "title": "虚构话题一", "url": "https://x.example/1"}],
    }
    assert recognise.kind_of(read(document))[0] == "feed"


def test_one_odd_item_does_not_spoil_a_list() -> None:
    good = {"full_name": "a/b", "name": "b", "html_url": "https://g/"}
    odd: list[Any] = [{"full_name": 3, "description": [1]}, "text", None, good]
    found = read({"items": [good, *odd]}, "https://api.github.com/search/repositories?q=x")
    assert [entry.title for entry in found.entries] == ["a/b: b"]


def test_an_empty_list_is_no_error() -> None:
    found = hotlist.parse(
        b"[]", url="https://lists.example/x.json", options=hotlist.Options("newsnow")
    )
    assert found.entries == ()
    assert found.problems == ("the list is empty",)
    known = recognise.parse(b"[]", url="https://top.baidu.com/board?tab=realtime")
    assert (known.format, known.entries) == ("hotlist:baidu", ())


def test_daily_hot_answers_are_ranked() -> None:
    item = {
        "id": 7,
        "title": "虚构话题一",
        "url": "https://x.example/7",
        "hot": 90,
        "desc": "<b>a</b>",
    }
    found = read({"code": 200, "name": "x", "data": [item]})
    (entry,) = found.entries
    assert (entry.guid, entry.rank, entry.heat, entry.summary) == ("7", 1, 90, "a")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b'{"error": 1}', "no hot list that an adapter knows"),
        (b"<html>", "not valid JSON"),
        (b"[" * 200, "nested deeper"),
    ],
)
def test_what_is_no_list_is_refused(body: bytes, said: str) -> None:
    with pytest.raises(ParseError, match=said):
        hotlist.parse(body, url="https://lists.example/x.json")


def test_another_document_at_a_lists_address_is_refused_not_empty() -> None:
    with pytest.raises(ParseError, match="no list"):
        hotlist.parse(
            b'{"captcha": true}',
            url="https://top.baidu.com/board",
            options=hotlist.Options("baidu"),
        )


@given(
    st.recursive(
        st.none() | st.integers() | st.text("ab", max_size=2),
        lambda inner: (
            st.lists(inner, max_size=2)
            | st.dictionaries(st.sampled_from(["a", "b", "null"]), inner, max_size=3)
        ),
        max_leaves=8,
    ),
    st.sampled_from(["a", "b", "a.b", "b.a.a", "null", "a.null"]),
)
def test_names_mean_what_they_mean_to_jmespath(value: object, expression: str) -> None:
    assert hotlist.search(expression, value) == jmespath.search(expression, value)


@pytest.mark.parametrize("said", ["0000019999999999999", "000001" + "0" * 5_000, "²", "-1", "0"])
def test_a_place_that_cannot_be_one_is_counted(said: str) -> None:
    topics = [{"word": f"Topic number {n}", "position": said} for n in (1, 2)]
    parsed = read({"data": {"word_list": topics}}, "https://www.douyin.com/aweme/v1/web/hot/")
    assert [entry.rank for entry in parsed.entries] == [1, 2]


EMPTY = [
    ("weibo", {"ok": 1, "data": {"realtime": []}}),
    ("weibo", {"data": {"band_list": []}}),
    ("weibo", {"topics": []}),
    ("douyin", {"data": {"word_list": []}}),
    ("douyin", {"word_list": []}),
    ("baidu", {"data": {"cards": []}}),
    ("zhihu", {"data": []}),
    ("zhihu", {"top_search": {"words": []}}),
    ("zhihu", {"recommend_queries": {"queries": []}}),
    ("toutiao-hot", {"data": []}),
    ("bilibili", {"data": {"list": []}}),
    ("hackernews", {"hits": []}),
    ("reddit", {"kind": "Listing", "data": {"children": []}}),
    ("github", {"items": []}),
    ("newsnow", {"status": "success", "items": []}),
    ("newsnow", {"code": 200, "data": []}),
    *((name, []) for name in dict.fromkeys(case[0] for case in CASES)),
]


@pytest.mark.parametrize(("name", "document"), EMPTY)
def test_hostile_28_an_empty_list_of_every_form_is_no_news_at_any_address(
    name: str, document: Any
) -> None:
    options = hotlist.Options(name)
    parsed = hotlist.parse(
        json.dumps(document).encode(), url="http://10.0.0.1/hot", options=options
    )
    assert parsed.entries == ()
    assert "the list is empty" in parsed.problems


@pytest.mark.parametrize("name", sorted({name for name, _ in EMPTY}))
def test_what_is_no_list_is_no_empty_one(name: str) -> None:
    for document in ({"error": "login"}, {"data": {"error": 1}}, {"data": None}, {"items": "x"}):
        with pytest.raises(ParseError, match="no list stands"):
            hotlist.parse(
                json.dumps(document).encode(), url="http://10.0.0.1/", options=hotlist.Options(name)
            )
