"""Lists of sources as OPML: what came in goes out again, with what has changed here since."""

from __future__ import annotations

import json
import zlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from email.utils import format_datetime
from pathlib import Path
from typing import Any

from sqlalchemy.engine import Connection, RowMapping

from monitor.actions.opening import opened, sections_of
from monitor.addresses import check_url, parse_allowed
from monitor.config import Settings
from monitor.errors import FetchError, ParseError, UsageError
from monitor.schedule import chosen_s
from monitor.service import utc_now
from monitor.sources import opml, opmllist
from monitor.sources.opml import Node, Opml, OpmlSource
from monitor.sources.opmllist import INTERVAL, NAME, SECTION, Present
from monitor.storage import lists, sources
from monitor.storage.sources import NewSource
from monitor.text import without_secrets


@dataclass(frozen=True, slots=True)
class Imported:
    """``total`` feeds stood in the file, ``new`` were not known, ``refused`` were left out;
    ``kept`` outlines were not yet in the list that is exported."""

    total: int
    new: int
    refused: int
    kept: int
    problems: tuple[str, ...]


def import_opml(settings: Settings, path: Path, every_s: float | None) -> Imported:
    """Add the sources of an OPML file, and keep all else that it says, in one transaction.

    Raises UsageError, ParseError.
    """
    document = _document(path)
    allowed = parse_allowed(settings.polling.allow_private)
    new, problems, refused = [], list(document.problems), set()
    outlines = document.sources()
    for outline in outlines:
        try:
            check_url(outline.url, allowed)
        except FetchError as error:
            problems.append(f"{outline.url}: left out: {error}")
            refused.add(outline.url)
            continue
        new.append(_as_new(outline, settings, every_s))
    new, strange = _with_known_sections(new, settings)
    added, kept, left = _stored(settings, new, document.root, refused)
    if left:
        strange.append(f"the list has its own {', '.join(left)}: not replaced by this file's")
    return Imported(len(outlines), added, len(refused), kept, (*problems, *strange))


def _document(path: Path) -> Opml:
    try:
        return opml.read_opml(path.read_bytes())
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from error
    except ParseError as error:
        raise ParseError(f"{path}: {error}") from error


def _stored(
    settings: Settings, new: Sequence[NewSource], root: Node, refused_now: set[str]
) -> tuple[int, int, tuple[str, ...]]:
    """How many sources and how many outlines were new, and what of the head is not kept."""

    def work(connection: Connection) -> tuple[int, int, tuple[str, ...]]:
        now = utc_now()
        lists.lock(connection, now)
        added = sources.add_many(connection, new, now)
        body, refused = lists.read(connection)
        present = _present(connection, sources.list_all(connection), settings)
        refused = (refused | refused_now) - present.keys()
        before = opmllist.refreshed(_unpacked(body), present, refused)
        after, left = opmllist.merged(before, root, present)
        lists.write(connection, _packed(after), refused, now)
        return added, opmllist.outlines_in(after) - opmllist.outlines_in(before), left

    with opened(settings) as database:
        return database.run(work)


def _with_known_sections(
    new: list[NewSource], settings: Settings
) -> tuple[list[NewSource], list[str]]:
    named = {item.section for item in new if item.section}
    strange = named - set(sections_of(settings)) if named else set()
    problems = [f"there is no section {name!r}: its feeds declare none" for name in sorted(strange)]
    kept = [replace(item, section=None) if item.section in strange else item for item in new]
    return kept, problems


def _as_new(outline: OpmlSource, settings: Settings, every_s: float | None) -> NewSource:
    said = outline.attributes
    said_s = every_s or opmllist.seconds(said.get(INTERVAL, ""))
    return NewSource(
        outline.url,
        name=said.get(NAME) or outline.title,
        section=said.get(SECTION) or None,
        labels=outline.labels,
        interval_s=chosen_s(said_s) if said_s else settings.polling.interval_s,
    )


def export_opml(settings: Settings) -> bytes:
    """The imported list as it is now, and every other source in folders by its labels."""
    with opened(settings) as database, database.read() as connection:
        body, refused = lists.read(connection)
        rows = sources.list_all(connection)
        present = _present(connection, rows, settings)
    root = opmllist.refreshed(_unpacked(body), present, refused)
    labels: dict[str, set[str]] = defaultdict(set)
    for url, _, around in opml.walk(root):
        labels[url].update(around)
    missing = [
        _as_outline(row, present[row["url"]])
        for row in rows
        if row["url"] not in labels or not labels[row["url"]].issuperset(row["labels"])
    ]
    whole = opmllist.added(root, opml.from_sources(missing, {}).root)
    created = format_datetime(utc_now())
    return opml.write_opml(Opml(opmllist.headed(whole, "Headline Monitor", created)))


def _present(
    connection: Connection, rows: Iterable[RowMapping], settings: Settings
) -> dict[str, Present]:
    """The sources by their addresses; one that another has now was nobody's before."""
    numbers = {
        row["id"]: Present(
            row["url"],
            "" if row["name"] == without_secrets(row["url"]) else row["name"],
            row["section"],
            row["interval_s"],
            row["interval_s"] == settings.polling.interval_s,
        )
        for row in rows
    }
    former = sources.former_addresses(connection).items()
    found = {url: numbers[number] for url, number in former if number in numbers}
    return found | {source.url: source for source in numbers.values()}


def _as_outline(row: RowMapping, source: Present) -> OpmlSource:
    attributes: dict[str, str] = {"title": row["name"], **opmllist.own(source, {}, named=True)}
    return OpmlSource(source.url, row["name"], "", tuple(row["labels"]), attributes)


# The tree as it is stored: lists, since JSON has no tuples.


def _packed(root: Node) -> bytes:
    def lists_of(node: Node) -> list[Any]:
        return [node.name, node.attributes, node.text, [lists_of(each) for each in node.children]]

    return zlib.compress(json.dumps(lists_of(root)).encode())


def _unpacked(body: bytes) -> Node:
    def node_of(kept: Sequence[Any]) -> Node:
        name, attributes, text, children = kept
        pairs = tuple((key, value) for key, value in attributes)
        return Node(name, pairs, text, tuple(map(node_of, children)))

    return node_of(json.loads(zlib.decompress(body))) if body else opmllist.EMPTY
