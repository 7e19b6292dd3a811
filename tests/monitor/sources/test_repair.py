"""Ill-formed documents made well-formed, with their entries kept."""

from __future__ import annotations

from collections import Counter
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.sources import feed
from monitor.sources.repair import repair
from tests.benchmarks.damage import KINDS, damaged

ITEM = "<item><title>One &amp; all</title><link>https://p.example/1</link></item>"
FEED = f'<rss version="2.0"><channel><title>P</title>{ITEM}{ITEM.replace("1", "2")}</channel></rss>'


def entries(document: str) -> list[tuple[str, str]]:
    parsed = feed.parse(document.encode(), url="https://p.example/feed")
    return [(entry.title, entry.url) for entry in parsed.entries]


WHOLE = [("One & all", "https://p.example/1"), ("One & all", "https://p.example/2")]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("&amp;", "&"),
        ("</title>", "</Title>"),
        ("</item>", ""),
        ("</link>", ""),
        ("</rss>", ""),
        ("</channel></rss>", "</channel></rss></rss><p>served in 1 & 2 s"),
        ("<rss", "<br>\nWarning: <b>x</b><?xml version='1.0'?><rss"),
        ('version="2.0"', "version=2.0 version='2.0'"),
        ("<item>", "<item><dc:date>2025-11-13</dc:date>"),
        ("<item>", "<item><!-- a -- b -->"),
        ("<item>", "<item>\x08\x0b\x00"),
        ("<item>", "<item><description>a <b>b<i></b> c<br> &nbsp; &bogus; &#0;</description>"),
        ("<item>", "<item><description><![CDATA[ never closed </description>"),
        ("<item>", '<item><guid isPermaLink="false>9</guid>'),
        ("<rss", '<!DOCTYPE rss [<!ENTITY a "b">]><rss'),
    ],
)
def test_damage_costs_no_entry(old: str, new: str) -> None:
    assert entries(FEED.replace(old, new)) == WHOLE


def test_the_entry_that_the_end_cuts_short_is_dropped() -> None:
    cut = FEED[: FEED.rindex("all")]
    assert entries(cut) == WHOLE[:1]


def test_what_was_repaired_is_said() -> None:
    parsed = feed.parse(FEED.replace("&amp;", "&").encode(), url="https://p.example/")
    assert "not well-formed XML" in parsed.problems[0]


def test_nine_of_ten_entries_survive_every_kind_of_damage() -> None:
    right: Counter[str] = Counter()
    total: Counter[str] = Counter()
    for kind, body, truths in damaged(feeds=6):
        parsed = feed.parse(body, url="https://p.example/")
        found = {(entry.title, entry.url) for entry in parsed.entries}
        right[kind] += sum((truth.title, truth.link) in found for truth in truths)
        total[kind] += len(truths)
    assert set(total) == set(KINDS)
    assert {
        kind: right[kind] / total[kind] for kind in total if right[kind] < 0.9 * total[kind]
    } == {}
    assert sum(right.values()) >= 0.97 * sum(total.values())


PIECES = (
    "<rss>", "<item>", "<title>", "</title>", "</item>", "<a/>", "&", "&#x0;", "&#xD800;", "]]>",
    "[", "<![CDATA[", "<!--", "-->", "<", ">", '"', "='", "x:y", "<x:y z:a=1>", "&nbsp;", "\0",
    "\ufffe", "</", "<?pi ?>", "<!D", "<!DOCTYPE", "]", "xmlns:x=''", "<b a=1 a=2>",
)  # fmt: skip


@given(st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=3)), max_size=40))
def test_the_result_is_well_formed_or_empty(pieces: list[str]) -> None:
    repaired = repair("".join(pieces))
    if repaired:
        ElementTree.fromstring(repaired.encode())


def test_repair_takes_linear_time_on_what_never_closes() -> None:
    for piece in (
        "<!-- ",
        "<![CDATA[",
        "<a ",
        "<!D[",
        "</a",
        "<a b='",
        "&",
        "<a><b></a>",
        "<?",
        "<!DOCTYPE [",
    ):
        repair("<rss>" + piece * 30_000)
        repair("<rss " + piece.strip("<>") * 30_000 + ">")
