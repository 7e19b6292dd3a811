"""Lists through the database: what documents say stays, and what changed here is said."""

from __future__ import annotations

import threading
import xml.etree.ElementTree as ET
from collections import Counter
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

from monitor.actions.subscriptions import Imported, export_opml, import_opml
from monitor.config import Settings, load
from monitor.sources.opml import Node, read_opml
from monitor.storage import Database, sources
from monitor.storage.schema import imported_list, source
from monitor.storage.sources import NewSource

A, B, C = (f"https://{letter}.example/feed" for letter in "abc")
NOW = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def settings(tmp_path: Path, database: Database) -> Settings:
    return load(None, tmp_path, {"HEADLINES_DATABASE": database.url})


def bring(settings: Settings, text: str | bytes) -> Imported:
    path = settings.data / "list.opml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return import_opml(settings, path, None)


def opml(body: str, head: str = "", root: str = "") -> str:
    return f'<opml version="2.0"{root}><head>{head}</head><body>{body}</body></opml>'


def exported(settings: Settings) -> Node:
    """What goes out, without the moment when it did."""
    body = export_opml(settings)
    ET.fromstring(body)
    root = read_opml(body).root
    head, *rest = root.children
    kept = tuple(each for each in head.children if each.name != "dateCreated")
    return Node(root.name, root.attributes, root.text, (Node("head", children=kept), *rest))


def tree(text: str) -> Node:
    return read_opml(text.encode()).root


def remove(database: Database, url: str) -> None:
    with database.write() as connection:
        sources.remove(connection, sources.find(connection, url)["id"])


WHOLE = f"""<opml version="2.0" xmlns:q="https://q.example/"><head><title>T</title>
  <tag>1</tag><tag>2</tag><q:of a="1">me</q:of></head>
<body xmlns:r="https://r.example/" z="1">
  <outline text="f"><outline text="a" xmlUrl="{A}" q:n="1" headlinesSection="none such">
    <r:said>so</r:said></outline></outline>
  <outline text="f" color="red"><outline text="b" title="B" xmlUrl="{B}" r:m="2">
    <outline text="c in b" url="{C}" type="atom"/><outline text="a note in b"/></outline></outline>
  <outline text="f"/><outline><outline text="loop" xmlUrl="http://127.0.0.1/f"/></outline>
  <outline text="link" type="link" url="https://l.example/"/><q:other>hi</q:other>
</body></opml>"""


def test_hostile_34_a_document_comes_out_whole_again_and_again(settings: Settings) -> None:
    assert bring(settings, WHOLE).new == 3
    assert exported(settings) == tree(WHOLE)
    again = bring(settings, export_opml(settings))
    assert (again.new, again.kept) == (0, 0)
    assert exported(settings) == tree(WHOLE)


def test_only_the_outline_goes_with_its_feed(settings: Settings, database: Database) -> None:
    bring(settings, WHOLE)
    remove(database, A)
    remove(database, B)
    empty, red, *_ = exported(settings).children[1].children
    assert empty == Node("outline", (("text", "f"),))
    assert [each.get("text") for each in red.children] == ["c in b", "a note in b"]
    assert exported(settings).children[0] == tree(WHOLE).children[0]
    bring(settings, opml(f'<outline text="c" url="{C}" type="rss"/>'))
    bring(settings, opml(f'<outline text="new" xmlUrl="{A}"/>'))
    first, *_, last = exported(settings).children[1].children
    assert (first, last.attributes) == (empty, (("text", "new"), ("xmlUrl", A)))


def test_another_list_with_known_feeds_keeps_what_it_says_of_them(settings: Settings) -> None:
    first = f'<outline text="one"><outline text="x" xmlUrl="{A}"/></outline>'
    other = f'<outline text="two"><outline text="y" xmlUrl="{A}" note="n"/></outline>'
    bring(settings, opml(first, "<title>first</title><docs>d</docs>"))
    found = bring(settings, opml(other, "<title>other</title><ownerName>me</ownerName>"))
    assert (found.new, found.kept) == (0, 2)
    assert "title" in found.problems[-1]
    head = "<title>first</title><docs>d</docs><ownerName>me</ownerName>"
    assert exported(settings) == tree(opml(first + other, head))


def test_a_list_that_grew_stands_once(settings: Settings, database: Database) -> None:
    links = [f'<outline text="{n}" type="link" url="https://l.example/{n}"/>' for n in range(300)]
    sizes = set()
    for version in range(4):
        feed = f'<outline text="x" xmlUrl="{A}"/>'
        head = f"<title>t</title><dateModified>{version}</dateModified>"
        bring(settings, opml(feed + "".join(links), head))
        with database.read() as connection:
            sizes.add(len(connection.scalars(sa.select(imported_list.c.body)).one()))
            assert connection.scalars(sa.select(source.c.options)).one() == {}
    assert len(sizes) == 1
    assert exported(settings) == tree(opml(feed + "".join(links), head))
    assert bring(settings, opml(feed + "".join([*links, links[0]]))).kept == 1


def test_one_prefix_of_two_namespaces(settings: Settings) -> None:
    one = opml(f'<outline text="x" xmlUrl="{A}" q:n="1"/>', "", ' xmlns:q="https://one.example/"')
    two = one.replace("one.", "two.").replace(A, B)
    for document in (one, two, one, two):
        bring(settings, document)
    outlines = list(ET.fromstring(export_opml(settings)).iter("outline"))
    assert [each.get("{https://one.example/}n") for each in outlines] == ["1", None]
    assert [each.get("{https://two.example/}n") for each in outlines] == [None, "1"]


def test_what_changed_here_is_said(settings: Settings, database: Database) -> None:
    document = opml(f'<outline text="x" xmlUrl="{A}" k="v"/><outline text="x" xmlUrl="{A}"/>')
    bring(settings, document)
    with database.write() as connection:
        number = sources.find(connection, A)["id"]
        sources.record_moves(connection, [(number, A)], NOW)
        values = {"url": B, "name": "mine", "section": "tech", "interval_s": 60.0}
        connection.execute(sa.update(source).values(**values))
    first, second = exported(settings).children[1].children
    assert first.attributes == (
        ("text", "x"), ("xmlUrl", B), ("k", "v"), ("headlinesSection", "tech"),
        ("headlinesInterval", "60"), ("headlinesName", "mine"),
    )  # fmt: skip
    assert second.attributes == (("text", "x"), ("xmlUrl", B))
    assert bring(settings, document).kept == 0
    out = export_opml(settings)
    remove(database, B)
    assert bring(settings, out).new == 1
    with database.read() as connection:
        row = sources.find(connection, B)
    assert (row["name"], row["section"], round(row["interval_s"])) == ("mine", "tech", 60)


def test_sources_of_no_document_stand_in_folders_of_their_labels(
    settings: Settings, database: Database
) -> None:
    bring(settings, opml(f'<outline text="News" color="red"><outline xmlUrl="{A}"/></outline>'))
    with database.write() as connection:
        new = [NewSource(B, name="b", labels=("News", "deep")), NewSource(C, name="c")]
        sources.add_many(connection, new, NOW)
    out = exported(settings)
    news, c = out.children[1].children
    assert news.attributes == (("text", "News"), ("color", "red"))
    assert [each.get("text") for each in news.children] == ["", "deep"]
    assert (news.children[1].children[0].get("xmlUrl"), c.get("xmlUrl")) == (B, C)
    bring(settings, export_opml(settings))
    assert exported(settings) == out
    bring(settings, export_opml(settings))
    assert exported(settings) == out


def test_a_label_given_by_hand_stays_beside_a_documents_folders(
    settings: Settings, database: Database
) -> None:
    with database.write() as connection:
        sources.add_many(connection, [NewSource(A, name="a", labels=("mine",))], NOW)
    bring(settings, opml(f'<outline text="theirs"><outline text="x" xmlUrl="{A}"/></outline>'))
    for _ in range(2):
        folders = exported(settings).children[1].children
        assert [each.get("text") for each in folders] == ["theirs", "mine"]
        assert [each.children[0].get("xmlUrl") for each in folders] == [A, A]
        bring(settings, export_opml(settings))


def test_an_export_is_made_now(settings: Settings) -> None:
    bring(settings, opml(f'<outline xmlUrl="{A}"/>', "<dateCreated>long ago</dateCreated>"))
    found = ET.fromstring(export_opml(settings)).findall("head/dateCreated")
    (made,) = [parsedate_to_datetime(each.text or "") for each in found]
    assert abs((datetime.now(UTC) - made).total_seconds()) < 120


def test_attributes_of_a_folder_are_kept_once(settings: Settings, database: Database) -> None:
    feeds = "".join(f'<outline text="{n}" xmlUrl="{A}/{n}"/>' for n in range(50))
    noise = "".join(chr(0x4E00 + n * 7919 % 20_000) for n in range(5_000))
    bring(settings, opml(f'<outline text="f" description="{noise}">{feeds}</outline>'))
    with database.read() as connection:
        (kept,) = connection.scalars(sa.select(imported_list.c.body))
        options = connection.scalars(sa.select(source.c.options)).all()
    assert len(kept) < 8 * len(noise)
    assert options == [{}] * 50


def test_imports_at_once_lose_nothing_of_each_other(settings: Settings) -> None:
    bring(settings, opml(f'<outline text="a" xmlUrl="{A}"/>'))
    start = threading.Barrier(4)

    def at_once(number: int) -> None:
        path = settings.data / f"{number}.opml"
        path.write_text(opml(f'<outline text="{number}"/>' * 50))
        start.wait()
        import_opml(settings, path, None)

    threads = [threading.Thread(target=at_once, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    texts = [each.get("text") for each in exported(settings).children[1].children]
    assert Counter(texts) == {"a": 1, "0": 50, "1": 50, "2": 50, "3": 50}
