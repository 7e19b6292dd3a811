"""OPML in and out without loss."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.errors import ParseError
from monitor.sources.opml import (
    Node,
    Opml,
    OpmlSource,
    from_sources,
    read_opml,
    write_opml,
)

DOCUMENT = """<?xml version="1.0" encoding="{charset}"?>
<opml version="1.1" xmlns:my="urn:my"><head><title>订阅</title><my:note a="1">n</my:note></head>
<body>
 <outline text="网易" my:color="red"><outline text="新闻" description="d">
   <outline type="rss" text="头条" title="头条新闻" xmlUrl="http://n.example/1" htmlUrl="http://n.example/"
            category="/a,/b" my:rank="3" xmlurl2="kept"/>
 </outline></outline>
 <outline text="P &amp; Q&#10;line" xmlurl="https://p.example/f"/>
 <outline type="rss" text="by url" url="https://u.example/f"/>
 <outline type="link" text="a link" url="https://l.example/"/>
 <outline text="bad" xmlUrl="javascript:alert(1)"/>
 <outline text="again" xmlUrl="http://n.example/1"/>
</body></opml>"""


@pytest.mark.parametrize("charset", ["utf-8", "gb18030", "utf-16"])
def test_sources_with_labels_and_attributes(charset: str) -> None:
    opml = read_opml(DOCUMENT.format(charset=charset).encode(charset))
    assert opml.sources() == [
        OpmlSource(
            "http://n.example/1",
            "头条新闻",
            "http://n.example/",
            ("网易", "新闻"),
            {
                "type": "rss",
                "text": "头条",
                "category": "/a,/b",
                "my:rank": "3",
                "xmlurl2": "kept",
            },
        ),
        OpmlSource("https://p.example/f", "P & Q line", attributes={"text": "P & Q\nline"}),
        OpmlSource(
            "https://u.example/f",
            "by url",
            attributes={"type": "rss", "url": "https://u.example/f"},
        ),
    ]
    assert opml.problems == (
        "1 outlines have an address that is not http or https: not watched, kept for the export",
        "1 outlines repeat an address; each address is one source",
        "1 outlines name no feed: not watched, kept for the export",
    )


def test_hostile_34_the_round_trip_loses_nothing() -> None:
    opml = read_opml(DOCUMENT.format(charset="utf-8").encode())
    again = read_opml(write_opml(opml))
    assert again == opml
    assert write_opml(again) == write_opml(opml)


TEXT = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Cn")), max_size=20)
NAMES = st.sampled_from(["text", "title", "xmlUrl", "my:x", "é"])
NODES = st.recursive(
    st.builds(
        Node,
        st.just("outline"),
        st.dictionaries(NAMES, TEXT, max_size=4).map(lambda pairs: tuple(pairs.items())),
    ),
    lambda inner: st.builds(
        Node,
        st.just("outline"),
        st.dictionaries(NAMES, TEXT, max_size=2).map(lambda pairs: tuple(pairs.items())),
        st.just(""),
        st.lists(inner, max_size=4).map(tuple),
    ),
    max_leaves=10,
)


@given(st.lists(NODES, max_size=4))
def test_any_tree_survives(nodes: list[Node]) -> None:
    root = Node("opml", (("version", "2.0"),), "", (Node("body", (), "", tuple(nodes)),))
    assert read_opml(write_opml(Opml(root))).root == root


def test_sources_can_be_written_into_folders() -> None:
    sources = [
        OpmlSource(
            "https://a.example/", "A", "https://a.example/home", ("News", "World"), {"x": "1"}
        ),
        OpmlSource("https://b.example/", "B", labels=("News",)),
        OpmlSource("https://c.example/?a=1&b=2", ""),
    ]
    opml = read_opml(write_opml(from_sources(sources, {"title": "Mine"})))
    found = {source.url: source for source in opml.sources()}
    assert {url: (source.labels, source.title) for url, source in found.items()} == {
        "https://a.example/": (("News", "World"), "A"),
        "https://b.example/": (("News",), "B"),
        "https://c.example/?a=1&b=2": ((), "https://c.example/?a=1&b=2"),
    }
    assert found["https://a.example/"].attributes == {"x": "1", "type": "rss"}
    assert found["https://a.example/"].html_url == "https://a.example/home"
    head = opml.root.children[0]
    assert head.children == (Node("title", text="Mine"),)


def test_hostile_34_two_thousand_outlines_are_quick() -> None:
    sources = [
        OpmlSource(f"https://s{n}.example/f", "标题" * 10, labels=(f"L{n % 40}",))
        for n in range(2000)
    ]
    started = time.process_time()
    body = write_opml(from_sources(sources, {"title": "many"}))
    assert len(read_opml(body).sources()) == 2000
    assert time.process_time() - started < 20


def test_hostile_34_ten_megabytes_and_a_hundred_levels() -> None:
    big = OpmlSource("https://s.example/f", "t", attributes={"note": "x" * 10_000_000})
    deep = OpmlSource("https://d.example/f", "d", labels=tuple(f"L{n}" for n in range(100)))
    found = read_opml(write_opml(from_sources([big, deep], {}))).sources()
    by_url = {source.url: source for source in found}
    assert len(by_url["https://s.example/f"].attributes["note"]) == 10_000_000
    assert len(by_url["https://d.example/f"].labels) == 100


@pytest.mark.parametrize(
    ("body", "word"),
    [
        (
            b'<!DOCTYPE o [<!ENTITY x SYSTEM "file:///etc/passwd">]><opml>&x;</opml>',
            "external entity &x;",
        ),
        (
            b"<opml><body>" + b"<outline>" * 5000 + b"</outline>" * 5000 + b"</body></opml>",
            "nested deeper",
        ),
        (b"<html><body>x</body></html>", "root is <html>"),
        (b"", "not OPML"),
        (b"hello", "not OPML"),
    ],
)
def test_hostile_34_what_is_refused_is_named(body: bytes, word: str) -> None:
    with pytest.raises(ParseError, match=word):
        read_opml(body)


def test_an_ill_formed_list_is_repaired() -> None:
    opml = read_opml(b'<opml><body><outline text="R&D" xmlUrl="http://a.example/?a=1&b=2"></body>')
    assert [source.url for source in opml.sources()] == ["http://a.example/?a=1&b=2"]
    assert "repaired" in opml.problems[0]


@given(st.binary(max_size=300))
def test_any_bytes_give_a_document_or_a_parse_error(body: bytes) -> None:
    try:
        read_opml(b"<opml>" + body)
    except ParseError as error:
        assert str(error)
