"""What of a link is its headline, and which text of several links to one story counts."""

from __future__ import annotations

import pytest

from monitor.sources import page

URL = "https://paper.example/2026/01/02/own-10001.html"


def titles(body: str, url: str = URL, selector: str = "a") -> list[str]:
    html = f"<html><body>{body}</body></html>".encode()
    found = page.parse(html, url=url, options=page.Options(selector=selector))
    return [entry.title for entry in found.entries]


@pytest.mark.parametrize(
    "inner",
    [
        "<em>3</em>Harbour plan approved by council<span>18</span>",
        '<span class="badge">6小时前</span> Harbour plan approved by council',
        "<div>下一篇</div><div>Harbour plan approved by council</div>",
        "下一篇：Harbour plan approved by council",
        "【上一篇】 Harbour plan approved by council",
        "<span>2026-01-02 15:09:13</span>Harbour plan approved by council<i>热</i>",
        "<h3>Harbour plan approved by council</h3><p>It took nine hours.</p><p>2 hours ago</p>",
        '<b class="card-title">Harbour plan approved by council</b><i>It took nine hours.</i>',
        "Harbour plan approved by council<span>1.6万 阅读</span><span>3 comments</span>",
        "<span>Harbour plan</span> approved by <em>council</em>",
        "<div><p>Harbour plan approved by council</p><p>It took nine hours and a walk.</p></div>",
        "<p>Live</p><p>Harbour plan approved by council</p><p>It took nine hours and a walk.</p>",
    ],
)
def test_marks_around_a_headline_are_left_out(inner: str) -> None:
    assert titles(f'<a href="/2026/01/02/a-2.html">{inner}</a>') == [
        "Harbour plan approved by council"
    ]


@pytest.mark.parametrize("text", ["2026", "Harbour plan 2026", "3 men in a boat", "热 harbour"])
def test_numbers_of_a_headline_stay(text: str) -> None:
    body = f'<a href="/2026/01/02/a-2.html">{text} approved</a>'
    assert titles(body) == [f"{text} approved"]


def test_a_label_before_a_headline_is_told_from_it() -> None:
    inner = "<span>Harbour</span><span>Plan approved by council</span>"
    link = f'<a href="/2026/01/02/a-2.html">{inner}</a>'
    assert titles(link) == ["Harbour Plan approved by council"]
    named = link.replace("<a", '<a title="Plan approved by council"')
    assert titles(named) == ["Plan approved by council"]
    assert titles('<a href="/2026/01/02/a-2.html"><b>i</b>Phone 20 is here</a>') == [
        "iPhone 20 is here"
    ]


def test_a_number_alone_is_the_text_of_its_link() -> None:
    body = '<a href="/2026/01/02/a-2.html"><em>2026</em><i>approved at last</i></a>'
    assert titles(body) == ["approved at last"]
    assert titles('<a href="/2026/01/02/a-2.html"><b><i>Mirror</i></b></a>') == ["Mirror"]


def test_a_link_laid_over_a_card_says_its_headline_itself() -> None:
    link = '<a href="/2026/01/02/a-2.html" aria-label="Harbour plan approved by council"></a>'
    assert titles(link) == ["Harbour plan approved by council"]


def test_a_pictures_words_give_way_to_a_text() -> None:
    link = '<a href="/2026/01/02/a-2.html">{}</a>'
    picture = link.format('<img src="/a.jpg" alt="The mayor on the quay, on Monday">')
    text = link.format("Harbour plan approved by council")
    assert titles(picture + text + picture) == ["Harbour plan approved by council"]
    assert titles(picture) == ["The mayor on the quay, on Monday"]
    numbered = link.format('<img src="/b.jpg" alt="Harbour plan approved by council-1">')
    assert titles(text + numbered) == ["Harbour plan approved by council"]


def test_a_title_cut_short_gives_way_to_its_whole_and_to_nothing_else() -> None:
    link = '<a href="/2026/01/02/a-2.html">{}</a>'
    cut, whole = "Harbour plan approved…", "Harbour plan approved by council"
    assert titles(link.format(cut) + link.format(whole)) == [whole]
    assert titles(link.format(cut) + link.format("All about ships")) == [cut]


def test_a_title_cut_without_a_mark_gives_way_to_its_whole_but_not_to_a_summary() -> None:
    link = '<a href="/2026/01/02/a-2.html">{}</a>'
    cut, whole = "Harbour plan approved", "Harbour plan approved by council"
    assert titles(link.format(cut) + link.format(whole)) == [whole]
    assert titles(link.format(whole) + link.format(cut)) == [whole]
    summary = f"{whole} after a night of nine hours, a walk along the quay and a late vote"
    assert titles(link.format(whole) + link.format(summary)) == [whole]
    assert titles(link.format("渡口今日重新开放") + link.format("渡口今日重新开放。昨晚的事")) == [
        "渡口今日重新开放"
    ]


@pytest.mark.parametrize(
    "text", ["17评论 ⋅", "1032人参与", "5.9万 阅读", "互联网新闻信息服务许可证"]
)
def test_counts_are_no_headlines(text: str) -> None:
    assert titles(f'<a href="/2026/01/02/a-2.html">{text}</a>') == []


def test_an_address_that_carries_a_storys_is_no_story() -> None:
    story = "https://www.163.com/dy/article/AAAAAAAAAAAAAAA1.html"
    body = (
        f'<a href="https://share.example/?url={story}">Share this story with friends</a>'
        f'<a href="{story}?from=list">Harbour plan approved by council</a>'
    )
    found = page.parse(f"<html><body>{body}</body></html>".encode(), url="https://news.163.com/")
    assert [(entry.title, entry.url) for entry in found.entries] == [
        ("Harbour plan approved by council", story)
    ]
