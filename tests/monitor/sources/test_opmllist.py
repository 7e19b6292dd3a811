"""The one list that documents grow into."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.sources import opmllist
from monitor.sources.opml import Node, Opml, read_opml
from tests.monitor.sources.test_opml import NODES


def document(nodes: list[Node]) -> Node:
    return Node("opml", (("version", "2.0"),), "", (Node("head"), Node("body", (), "", (*nodes,))))


def grown(*documents: Node) -> Node:
    kept = opmllist.EMPTY
    for each in documents:
        kept, _ = opmllist.merged(kept, each, {})
    return kept


@given(st.lists(NODES, max_size=4), st.lists(NODES, max_size=4))
def test_documents_stay_whole_and_stand_once(one: list[Node], two: list[Node]) -> None:
    first, second = document(one), document(two)
    assert grown(first) == first
    both = grown(first, second)
    assert grown(both, first) == grown(both, second) == grown(both, both) == both
    assert opmllist.outlines_in(both) <= sum(map(opmllist.outlines_in, (first, second)))


def test_work_grows_with_the_outlines_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    looks = 0
    get = Node.get

    def counted(node: Node, name: str) -> str:
        nonlocal looks
        looks += 1
        return get(node, name)

    monkeypatch.setattr(Node, "get", counted)
    counts = []
    for size in (1_000, 2_000):
        links = [Node("outline", (("text", "l"), ("url", f"https://l/{n}"))) for n in range(size)]
        feed = Node("outline", (("text", "x"), ("xmlUrl", "https://a.example/")))
        folders = [Node("outline", (("text", f"{n}"),), "", (feed,)) for n in range(size)]
        looks = 0
        root = grown(*[document([*links, *folders])] * 6)
        (source,) = Opml(root).sources()
        assert len(source.labels) == size
        counts.append(looks)
    assert counts[1] < 2.1 * counts[0]


def test_a_default_namespace_of_a_later_document_changes_nothing() -> None:
    one = document([Node("outline", (("text", "a"),))])
    two = read_opml(
        b'<opml xmlns="https://o.example/"><body><outline text="a"/></body></opml>'
    ).root
    assert grown(one, two) == one
    assert dict(grown(two).attributes) == {"xmlns": "https://o.example/"}


def test_prefixes_are_declared_again_where_they_are_used_first() -> None:
    def list_of(uri: str) -> Node:
        inner = Node("q:sub", (("p:a", "1"), ("q:b", "2")))
        outer = Node("outline", (("q:n", "1"),), "", (inner, Node("outline", (("text", "t"),))))
        spaces = (("xmlns:q", uri), ("xmlns:p", uri))
        return Node("opml", spaces, "", (Node("head"), Node("body", (), "", (outer,))))

    first, second = grown(list_of("u1"), list_of("u2")).children[1].children
    assert first.attributes == (("q:n", "1"),)
    assert second.attributes == (("q:n", "1"), ("xmlns:q", "u2"))
    assert [each.attributes for each in second.children] == [
        (("p:a", "1"), ("q:b", "2"), ("xmlns:p", "u2")), (("text", "t"),)
    ]  # fmt: skip
