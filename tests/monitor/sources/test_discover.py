"""The feeds that a page offers."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.sources.discover import WELL_KNOWN, Candidate, from_page, well_known

PAGE = "https://portal.example/news/"


def test_declared_feeds_come_before_links_and_each_address_once() -> None:
    page = """<html><head><title>P</title>
      <link rel="alternate" type="application/rss+xml" title="News &amp; more" href="/rss.xml">
      <LINK REL="ALTERNATE" TYPE="application/atom+xml; charset=utf-8" HREF="atom.xml">
      <link rel="alternate" type="application/feed+json" href="https://cdn.example/feed.json"/>
      <link rel="alternate" hreflang="en" href="/en/">
      <link rel="alternate" type="application/json+oembed" href="/oembed?url=x">
      <link rel="stylesheet" type="text/css" href="/feed.css">
      </head><body><a href="/rss.xml">again</a> <a href="/sport/rss/">Sport
      <b>RSS</b></a> <a href="javascript:rss()">x</a> <a href="/about">About</a></body></html>"""
    assert from_page(page.encode(), PAGE) == [
        Candidate("https://portal.example/rss.xml", "News & more", "rss"),
        Candidate("https://portal.example/news/atom.xml", "", "atom"),
        Candidate("https://cdn.example/feed.json", "", "json"),
        Candidate("https://portal.example/sport/rss/", "Sport RSS", ""),
    ]


def test_the_base_element_counts() -> None:
    page = '<base href="https://cdn.example/x/"><link rel=feed href=all.xml>'
    assert from_page(page.encode(), PAGE)[0].url == "https://cdn.example/x/all.xml"


def test_a_page_in_gbk_keeps_its_titles() -> None:
    page = (
        '<meta charset="gb2312"><link rel="alternate" type="application/rss+xml"'
        ' title="网易新闻头条订阅" href="/r">'
    )
    assert from_page(page.encode("gbk"), PAGE)[0].title == "网易新闻头条订阅"


def test_what_is_commented_out_or_in_a_script_is_no_offer() -> None:
    page = (
        b"<!-- <a href=/rss.xml>old</a> --><script>'<a href=/feed>x</a>'</script>"
        b"<a href=/atom/>A</a>"
    )
    assert from_page(page, PAGE) == [Candidate("https://portal.example/atom/", "A", "")]


def test_a_page_without_feeds_offers_none() -> None:
    assert from_page(b"<html><a href='/feedback'>feedback</a><a href='/x.xml'>", PAGE) == []


def test_well_known_addresses_are_on_the_host_of_the_page() -> None:
    found = well_known(PAGE)
    assert len(found) == len(WELL_KNOWN)
    assert found[0] == "https://portal.example/feed"


@given(st.binary(max_size=300))
def test_any_page_can_be_searched(body: bytes) -> None:
    for candidate in from_page(body, PAGE):
        assert candidate.url.startswith("http")


@pytest.mark.parametrize(
    "piece", ["<", "<a ", "<a href=", "<!--", "&", "<link rel='", "<script>", "</a>"]
)
def test_hostile_23_pages_of_nothing_but_tags_are_searched_in_time(piece: str) -> None:
    started = time.process_time()
    from_page(piece.encode() * 100_000, PAGE)
    from_page(b"<link " + piece.encode().strip(b"<>") * 100_000 + b">", PAGE)
    from_page(b"<a href=/" + b"rss" * 100_000 + b">", PAGE)
    assert time.process_time() - started < 30


def test_hostile_23_a_number_without_end_in_a_page_costs_its_own_link_at_most() -> None:
    huge = "&#" + "1" * 5_000 + ";"
    page = (
        f'<link rel="alternate" type="application/rss+xml" href="/a{huge}" title="{huge}">'
        f'<a href="/rss">News {huge}</a>'
    )
    assert [found.url for found in from_page(page.encode(), PAGE)][-1].endswith("/rss")
