"""Pages of portals: what an adapter, a selector and guessing take from them."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.errors import ParseError
from monitor.sources import page
from monitor.sources.budget import ParserPool
from monitor.types import ParsedFeed

DATA = Path(__file__).parents[2] / "data" / "portals"
NEW = "https://www.163.com/dy/article/AAAAAAAAAAAAAAA1.html"
OLD = "https://money.163.com/19/0907/13/BBBBBBBBBBBBBBB1.html"
LIST = "https://paper.example/news/"


def read(name: str, url: str) -> ParsedFeed:
    return page.parse((DATA / name).read_bytes(), url=url)


def listing(count: int) -> bytes:
    items = "".join(
        f'<li class="item"><a href="/2026/01/{number:02}/story-{number}00{number}.html">'
        f"Council approves plan number {number} for the harbour</a></li>"
        for number in range(1, count + 1)
    )
    return (
        '<html><body><nav><a href="/2026/01/01/nav-10001.html">Navigation is not a headline'
        f'</a></nav><ul class="list">{items}</ul><div class="footer"><a '
        'href="/2026/01/01/foot-10001.html">Footers are not headlines either</a></div>'
        "</body></html>"
    ).encode()


def test_a_story_page_gives_its_own_headline_with_time_source_and_path() -> None:
    own = read("163-article-2020.html", NEW).entries[0]
    assert own.url == NEW
    assert own.author == "虚构日报"
    assert own.published_at == datetime(2025, 10, 8, 1, 12, tzinfo=UTC)
    assert own.categories == ("网易首页 > 网易辽宁 > 正文",)
    assert read("163-article-2016.html", OLD).entries[0].section_hint == "finance"


def test_the_hot_list_has_all_its_ranks_sources_and_times() -> None:
    hot = [each for each in read("163-article-2020.html", NEW).entries if each.rank]
    assert [each.rank for each in hot] == list(range(1, 21))
    assert [each.author for each in hot] == [f"虚构媒体{number:02}" for number in range(1, 21)]
    assert all(each.published_at for each in hot)
    assert {each.categories for each in hot} == {("热点推荐",)}
    assert hot[0].url == "https://www.163.com/dy/article/HOT0000000000001.html"


def test_the_hot_list_is_found_by_its_heading_when_the_markup_is_another() -> None:
    body = (DATA / "163-article-2020.html").read_text("utf-8")
    body = body.replace("post_recommend", "quite_other").replace("js-content", "panel")
    hot = [each for each in page.parse(body.encode(), url=NEW).entries if each.rank]
    assert len(hot) == 22  # the two related ones stand behind the heading as well
    assert hot[2].author == "虚构媒体01"
    assert hot[2].published_at == datetime(2025, 11, 13, 3, 39, 45, tzinfo=UTC)


def test_blocks_carry_their_sections() -> None:
    entries = read("163-article-2020.html", NEW).entries
    labels = {each.categories[0]: each.section_hint for each in entries if each.section_hint}
    assert labels == {
        "财经要闻": "finance", "体育要闻": "sports", "娱乐要闻": "entertainment",
        "科技要闻": "tech", "汽车要闻": "auto", "健康": "health", "旅游": "travel",
    }  # fmt: skip


def test_each_of_two_lists_has_its_own_ranks() -> None:
    entries = read("163-article-2016.html", OLD).entries
    ranks = [each.rank for each in entries if each.categories == ("排行",)]
    assert ranks == [1, 2, 1, 2]


def test_comments_hidden_links_navigation_and_advertisements_are_not_read() -> None:
    titles = {
        entry.title
        for name, url in (("163-article-2020.html", NEW), ("163-article-2016.html", OLD))
        for entry in read(name, url).entries
    }
    assert not [title for title in titles if "不是新闻" in title or "不算新闻" in title]


def test_one_headline_in_two_blocks_is_one_entry_with_two_places() -> None:
    (twice,) = [
        entry
        for entry in read("163-front.html", "https://news.163.com/").entries
        if len(entry.categories) > 1
    ]
    assert twice.categories == ("最新", "热点排行")
    assert twice.rank == 2


STORIES = {
    "sina": "https://news.sina.com.cn/c/2026-01-02/doc-iaaaaaaa1000001.shtml",
    "sohu": "https://www.sohu.com/a/100000001_100",
    "qq": "https://tech.qq.com/a/20260102/000001.htm",
    "ifeng": "https://news.ifeng.com/c/7aaaaaaaaa1",
    "people": "http://culture.people.com.cn/n1/2026/0102/c1013-31137001.html",
    "xinhuanet": "http://www.xinhuanet.com/politics/2026-01/02/c_1125327001.htm",
    "thepaper": "https://www.thepaper.cn/newsDetail_forward_40000001",
    "guancha": "https://www.guancha.cn/politics/2026_01_02_516001.shtml",
    "huanqiu": "https://world.huanqiu.com/article/4aaaaaaaaa1",
}


@pytest.mark.parametrize(
    ("name", "author", "section", "ranked"),
    [
        ("sina", "虚构消息", "sports", 3),
        ("sohu", "虚构大学", None, 0),
        ("qq", "虚构科技", "tech", 3),
        ("ifeng", "虚构新闻网", "society", 3),
        ("people", "虚构文化频道", "culture", 3),
        ("xinhuanet", "虚构社", None, 0),
        ("thepaper", "虚构青年报", "finance", 3),
        ("guancha", "虚构观察", None, 0),
        ("huanqiu", "虚构通讯", None, 0),
    ],
)
def test_stories_of_other_portals_tell_source_time_and_section(
    name: str, author: str, section: str | None, ranked: int
) -> None:
    entries = read(f"{name}-article.html", STORIES[name]).entries
    own = entries[0]
    assert own.title.startswith("虚构主稿")
    assert (own.author, own.section_hint) == (author, section)
    assert own.published_at is not None
    assert own.published_at.date().isoformat() in {"2026-01-01", "2026-01-02"}
    assert [each.rank for each in entries if each.rank] == list(range(1, ranked + 1))
    assert not [each.title for each in entries if "不是新闻" in each.title or "不算" in each.title]


def test_a_story_saved_without_its_address_is_read_as_one() -> None:
    found = read("sina-article.html", "https://news.sina.com.cn/")
    assert found.format == "page:sina/front"  # its title says something else
    body = (DATA / "sina-article.html").read_text("utf-8")
    body = body.replace("<title>虚构新浪新闻", "<title>虚构主稿：球队连胜三场_新浪")
    found = page.parse(body.encode(), url="https://news.sina.com.cn/")
    assert found.format == "page:sina/article"
    assert found.entries[0].title == "虚构主稿：球队连胜三场"


def test_a_selector_replaces_the_adapter() -> None:
    found = page.parse(listing(3), url=LIST, options=page.Options(selector=".footer a"))
    assert [entry.title for entry in found.entries] == ["Footers are not headlines either"]
    with pytest.raises(ParseError, match="'li\\[' is not a CSS selector"):
        page.parse(listing(3), url=LIST, options=page.Options(selector="li["))


def test_a_list_page_is_guessed_without_navigation_and_footer() -> None:
    found = page.parse(listing(20), url=LIST)
    assert [entry.title for entry in found.entries] == [
        f"Council approves plan number {number} for the harbour" for number in range(1, 21)
    ]
    assert found.entries[0].url == "https://paper.example/2026/01/01/story-1001.html"
    assert any("100% sure" in problem for problem in found.problems)


@pytest.mark.parametrize(
    "text",
    [
        "1.6万 阅读",
        "12,345",
        "网络出版服务许可证 虚构字第一号",
        "Some Paper Ltd. All rights reserved.",
    ],
)
def test_counts_and_legal_notices_are_no_headlines(text: str) -> None:
    link = f'<li class="item"><a href="/2026/01/02/story-77007.html">{text}</a></li></ul>'
    body = listing(20).decode().replace("</ul>", link)
    assert text not in {entry.title for entry in page.parse(body.encode(), url=LIST).entries}


def test_a_page_of_unknown_address_is_guessed_by_where_its_links_lead() -> None:
    body = listing(20).replace(b'href="/', b'href="https://paper.example/')
    found = page.parse(body, url="")
    assert len(found.entries) == 20
    assert any("URL is not known" in problem for problem in found.problems)


def test_a_known_portals_page_that_moved_away_is_not_guessed() -> None:
    with pytest.raises(ParseError, match="no rule for the page at https://paper"):
        page.parse(listing(20), url=LIST, options=page.Options("163"))


def test_a_page_that_javascript_writes_is_told() -> None:
    body = b'<html><body><div id="root"></div><script src="/app.js"></script></body></html>'
    found = page.parse(body, url=LIST)
    assert found.entries == ()
    assert any("JavaScript" in problem for problem in found.problems)


@pytest.mark.parametrize(
    "text",
    ["请完成安全验证", "Verify you are human", "Access denied", "您的访问过于频繁，请稍后再试"],
)
@pytest.mark.parametrize("url", [OLD, LIST])
def test_an_anti_bot_page_has_no_headline(text: str, url: str) -> None:
    body = f'<html><body><h1>{text}以继续</h1><a href="/2026/01/02/a-10001.html">{text}'
    found = page.parse((body * 2).encode(), url=url)
    assert found.entries == ()
    assert any("refuses" in problem for problem in found.problems)


def test_a_story_of_captchas_is_a_story() -> None:
    body = (DATA / "163-article-2016.html").read_bytes() + "今起登录须完成安全验证。".encode(
        "gbk"
    ) * 200
    assert page.parse(body, url=OLD).entries


@pytest.mark.parametrize("body", [b"<div>" * 1_000_000, b"<div>" * 9_000 + b"</div>" * 9_000])
def test_nested_tags_are_refused_by_name(body: bytes) -> None:
    with pytest.raises(ParseError, match=r"tags.*refused"):
        page.parse(b"<html>" + body, url=LIST)


def test_many_lists_without_end_tags_are_not_deep() -> None:
    body = b"<html><body>" + b"<p>text<li>more<br><img>" * 5_000
    assert page.parse(body, url=LIST).entries == ()


@pytest.mark.parametrize("body", [b"", b"{}", b"plain words", b"<rss><channel/></rss>"])
def test_what_is_no_page_is_refused(body: bytes) -> None:
    with pytest.raises(ParseError):
        page.parse(body, url=LIST)


@given(st.binary(max_size=400), st.sampled_from([NEW, OLD, "https://news.163.com/", LIST]))
def test_any_bytes_are_a_page_or_a_parse_error(body: bytes, url: str) -> None:
    try:
        found = page.parse(b"<html>" + body, url=url)
    except ParseError:
        return
    assert isinstance(found, ParsedFeed)


def test_pages_are_read_within_the_worker_budget() -> None:
    async def scenario() -> None:
        async with ParserPool(1) as pool:
            body = (DATA / "163-article-2020.html").read_bytes()
            found = (await pool.parse("page", body, url=NEW, options={"adapter": "163"})).feed
            assert len(found.entries) == 31
            with pytest.raises(ParseError, match="refused"):
                await pool.parse("page", b"<html>" + b"<b>" * 1_600_000, url=NEW)

    asyncio.run(scenario())


@pytest.mark.parametrize(("said", "rank"), [("7", 7), ("0000019999999999999", 1), ("1000", 1)])
def test_a_place_that_a_page_writes_counts_where_it_can_be_one(said: str, rank: int) -> None:
    body = (
        '<ul class="mod_hot_rank"><li><em>' + said + "</em>"
        '<a href="https://news.163.com/20/0802/15/FJ1MLPDB000189FH.html">央行宣布降息二十五个基点</a>'
        "</li></ul>"
    ).encode()
    parsed = page.parse(b"<html><body>" + body, url="https://news.163.com/")
    assert [entry.rank for entry in parsed.entries] == [rank]
