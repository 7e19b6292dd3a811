"""Guessing the headlines of pages that no adapter knows."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.sources import page, pageaddress
from monitor.sources.budget import ParserPool

URL = "https://paper.example/news/"
STORY = "https://paper.example/2026/01/02/own-10001.html"


def guess(body: str, url: str = URL, head: str = "") -> list[str]:
    html = f"<html><head>{head}</head><body>{body}</body></html>".encode()
    found = page.parse(html, url=url, options=page.Options(guess=True))
    return [entry.title for entry in found.entries]


def links(count: int, text: str = "Council approves plan number {}", host: str = "") -> str:
    return "".join(
        f'<li><a href="{host}/2026/01/02/story-{text[:1]}{number}000{number}.html">'
        f"{text.format(number)}</a></li>"
        for number in range(1, count + 1)
    )


def plans(count: int) -> list[str]:
    return [f"Council approves plan number {number}" for number in range(1, count + 1)]


def test_what_is_named_a_header_but_holds_the_page_is_read() -> None:
    assert guess(f'<div class="post_header"><ul>{links(5)}</ul></div>') == plans(5)


def test_side_matter_beside_the_news_is_not_read() -> None:
    side = links(4, "Older plan of the council number {}")
    body = f'<div class="bottom nav"><ul>{side}</ul></div><ul class="news">{links(5)}</ul>'
    assert guess(body) == plans(5)


def test_a_menu_of_short_names_is_not_taken_for_the_page() -> None:
    menu = links(6, "战略规划和区域第{}")
    assert guess(f'<div class="nav"><ul>{menu}</ul></div>') == []


def test_links_within_sentences_are_no_headlines() -> None:
    sentences = "".join(
        f'<p>The mayor, who had promised as much, <a href="/2026/01/0{day}/vow-{day}0000.html">'
        "said in a speech last week</a>, agreed.</p>"
        for day in range(1, 5)
    )
    assert guess(f'{sentences}<ul class="news">{links(3)}</ul>') == plans(3)


@pytest.mark.parametrize("after", [" by A. Writer", " via Other Paper", " 3 min", ", our reporter"])
def test_a_name_after_a_headline_makes_no_sentence_of_it(after: str) -> None:
    body = links(4).replace("</a>", f"</a>{after}")
    assert guess(f"<ul>{body}</ul>") == ([] if after.startswith(",") else plans(4))


def test_a_sentence_that_begins_with_a_link_is_no_headline() -> None:
    body = links(4).replace("</a>", "</a> says the mayor, who had promised as much at the harbour")
    assert guess(f"<ul>{body}</ul>") == []


def test_sponsored_matter_is_not_read() -> None:
    paid = links(3, "Sponsored plan number {} for you")
    body = f'<div class="sponsored box"><ul>{paid}</ul></div><ul>{links(5)}</ul>'
    assert guess(body) == plans(5)


def test_a_short_headline_among_others_is_read() -> None:
    short = '<li><a href="/2026/01/02/story-C90009.html">Ferry sinks again</a></li>'
    assert guess(f"<ul>{links(5)}{short}</ul>") == [*plans(5), "Ferry sinks again"]


def test_a_page_that_gathers_others_stories_is_read() -> None:
    body = f'<ul class="links">{links(4, host="https://other.example")}</ul>'
    assert guess(body) == plans(4)
    assert guess(body + f'<ul class="news">{links(3, "Our own plan number {} stands")}</ul>') == [
        f"Our own plan number {number} stands" for number in range(1, 4)
    ]


@pytest.mark.parametrize(
    ("headings", "own"),
    [
        ("<h1>Harbour plan approved</h1>", ["Harbour plan approved"]),
        ("<h1></h1><h1>Harbour plan approved</h1>", ["Harbour plan approved"]),
        ("<h1>Most popular</h1><h1>Harbour plan approved</h1>", ["Harbour plan approved"]),
        ('<h1><a href="/">The Example Paper</a></h1>', []),
        ('<h1><a href="https://paper.example">The Example Paper</a></h1>', []),
        ("<h1>Most popular</h1><h1>Latest</h1>", []),
    ],
)
def test_a_storys_own_headline_is_the_one_that_its_title_repeats(
    headings: str, own: list[str]
) -> None:
    head = "<title>Harbour plan approved - The Example Paper</title>"
    assert guess(headings, STORY, head) == own


def test_a_story_is_known_by_its_paragraphs() -> None:
    head = "<title>Harbour plan approved by the council - The Example Paper</title>"
    heading = "<h1>Harbour plan approved by the council</h1>"
    said = "The council met on Monday evening and spoke for nine hours of quays and of ferries"
    prose = f"<p>{said}, until it was time to vote.</p>"
    assert guess(heading + prose * 3, "https://paper.example/", head) == [
        "Harbour plan approved by the council"
    ]
    assert guess(heading + prose * 2, "https://paper.example/", head) == []
    assert guess("<h1>Latest</h1>" + prose * 3, "https://paper.example/", head) == []


def test_a_story_is_known_by_what_it_says_of_itself() -> None:
    heading = "<h1>Harbour plan approved</h1>"
    assert guess(heading, "https://paper.example/harbour") == []
    mark = '<meta property="og:type" content="article">'
    assert guess(heading, "https://paper.example/harbour", mark) == ["Harbour plan approved"]


def test_names_of_pictures_are_no_list_of_headlines() -> None:
    people = "".join(
        f'<li><a href="/people/1{n}0000"><img alt="Fd359e5d 9a58 4315 aa4f {n}"></a></li>'
        for n in range(1, 6)
    )
    shots = "".join(
        f'<li><a href="/2026/01/02/shot-1{n}0000.html"><img alt="The mayor at sea {n}"></a></li>'
        for n in range(1, 6)
    )
    assert guess(f"<ul>{people}</ul><ol>{shots}</ol>") == []


@pytest.mark.parametrize(
    ("url", "parts"),
    [
        ("https://User:pw@News.Example:8443/a/b?c=d&e#f", ("news.example", "/a/b", "c=d&e")),
        ("http://[2001:db8::1]:80/a", ("2001:db8::1", "/a", "")),
        ("http://news.example", ("news.example", "", "")),
        ("mailto:a@b.example", ("", "", "")),
    ],
)
def test_the_parts_of_an_address(url: str, parts: tuple[str, str, str]) -> None:
    assert pageaddress.split(url) == parts


TAGS = st.sampled_from(["a", "p", "div", "li", "h1", "h3", "span", "nav", "em"])
MARKS = st.sampled_from(
    ["", ' class="nav"', ' class="title"', ' href="/2026/01/02/story-10001.html"']
)
PAGES = st.recursive(
    st.sampled_from(
        ["", "3", "2 hours ago", "Council approves plan number 7", "渡口今日重新开放", "…", ","]
    ),
    lambda inner: st.tuples(TAGS, MARKS, st.lists(inner, max_size=4)).map(
        lambda made: f"<{made[0]}{made[1]}>{''.join(made[2])}</{made[0]}>"
    ),
    max_leaves=30,
)


@given(
    PAGES, st.sampled_from([URL, STORY, "", "https://news.163.com/", "https://www.sohu.com/a/1_2"])
)
def test_any_page_gives_titles_and_addresses_of_stories(body: str, url: str) -> None:
    for options in (page.Options(), page.Options(guess=True), page.Options(selector="a, div")):
        for entry in page.parse(f"<html><body>{body}".encode(), url=url, options=options).entries:
            assert entry.title.strip() == entry.title != ""
            assert entry.url.startswith(("http://", "https://")) or not url


def test_hostile_23_a_link_that_is_never_closed_is_read_within_the_budget() -> None:
    body = b'<html><a href="/2026/01/02/story-10001.html">' + b"<div><p>plan</p>" * 2_000

    async def read() -> str:
        async with ParserPool(1) as parsers:
            options = {"guess": True}
            return (await parsers.parse("page", body, url=URL, options=options)).feed.format

    assert asyncio.run(read()) == "page:guessed"
