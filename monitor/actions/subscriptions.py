"""Lists of sources as OPML: folders are labels, attributes that came in go out again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from email.utils import format_datetime
from pathlib import Path
from typing import Any

from sqlalchemy.engine import Connection, RowMapping

from monitor.actions.feeds import list_all
from monitor.actions.opening import opened, sections_of
from monitor.addresses import check_url, parse_allowed
from monitor.config import Settings
from monitor.errors import FetchError, ParseError, UsageError
from monitor.service import utc_now
from monitor.sources import opml
from monitor.sources.opml import Frame, Node, OpmlSource, Place
from monitor.storage import sources
from monitor.storage.sources import NewSource

# What a source of ours has and OPML has no name for; read back when another installation imports.
OWN = {"section": "headlinesSection", "interval_s": "headlinesInterval"}


@dataclass(frozen=True, slots=True)
class Imported:
    """``total`` feeds stood in the file, ``new`` were not known, ``refused`` were left out."""

    total: int
    new: int
    refused: int
    problems: tuple[str, ...]


def import_opml(settings: Settings, path: Path, every_s: float | None) -> Imported:
    """Add the sources of an OPML file, in one transaction. Raises UsageError, ParseError."""
    try:
        document = opml.read_opml(path.read_bytes())
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from error
    except ParseError as error:
        raise ParseError(f"{path}: {error}") from error
    outlines = document.sources()
    allowed = parse_allowed(settings.polling.allow_private)
    new, problems = [], list(document.problems)
    for outline in outlines:
        try:
            check_url(outline.url, allowed)
        except FetchError as error:
            problems.append(f"{outline.url}: left out: {error}")
            continue
        new.append(_as_new(outline, settings, every_s))
    if not new and document.frame.rest:
        problems.append(f"{path} lists no feed to watch: nothing of it is kept")
    refused = len(outlines) - len(new)
    new, strange = _with_known_sections(new, settings)
    added = _stored(settings, new, document.frame)
    return Imported(len(outlines), added, refused, (*problems, *strange))


def _stored(settings: Settings, new: Sequence[NewSource], frame: Frame) -> int:
    """Store the sources, and with the first of them what their document says besides."""

    def work(connection: Connection) -> int:
        added = sources.add_many(connection, new, utc_now())
        if new:
            options = sources.options_of(connection, new[0].url)
            sources.set_options(connection, new[0].url, _with_frame(options, _packed_frame(frame)))
        return added

    with opened(settings) as database:
        return database.run(work)


def _with_frame(options: Mapping[str, Any], frame: list[Any]) -> dict[str, Any]:
    kept = _kept(options)
    frames = kept.get("frames", [])
    return {**options, "opml": {**kept, "frames": [*(f for f in frames if f != frame), frame]}}


def _with_known_sections(
    new: list[NewSource], settings: Settings
) -> tuple[list[NewSource], list[str]]:
    named = {item.section for item in new if item.section}
    strange = named - set(sections_of(settings)) if named else set()
    problems = [f"there is no section {name!r}: its feeds declare none" for name in sorted(strange)]
    kept = [replace(item, section=None) if item.section in strange else item for item in new]
    return kept, problems


def _as_new(outline: OpmlSource, settings: Settings, every_s: float | None) -> NewSource:
    attributes = dict(outline.attributes)
    own = {field: attributes.pop(name, "") for field, name in OWN.items()}
    return NewSource(
        outline.url,
        name=outline.title,
        section=own["section"] or None,
        labels=tuple(dict.fromkeys(label for place in outline.places for label in place.labels)),
        interval_s=every_s or _seconds(own["interval_s"]) or settings.polling.interval_s,
        options={
            "opml": {
                "html_url": outline.html_url,
                "attributes": attributes,
                "places": [_packed(place) for place in outline.places],
            }
        },
    )


def _seconds(text: str) -> float | None:
    known = text.isascii() and text.isdecimal() and len(text) < 10 and int(text) > 0
    return float(text) if known else None


def export_opml(settings: Settings) -> bytes:
    """Every source as OPML; labels become folders."""
    rows = list_all(settings)
    outlines = [_as_outline(row, settings) for row in rows]
    frames = [_frame(each) for row in rows for each in _kept(row["options"]).get("frames", ())]
    head = {"title": "Headline Monitor", "dateCreated": format_datetime(utc_now())}
    return opml.write_opml(opml.from_sources(outlines, head, frames))


# As lists: JSON has no tuples, and gives them back as these.


def _packed_frame(frame: Frame) -> list[Any]:
    rest = [[_packed(place), _packed_node(node)] for place, node in frame.rest]
    return [_listed(frame.attributes), [_packed_node(node) for node in frame.head], rest]


def _frame(kept: Sequence[Any]) -> Frame:
    attributes, head, rest = kept
    outlines = tuple((_place(place), _node(node)) for place, node in rest)
    return Frame(_pairs(attributes), tuple(map(_node, head)), outlines)


def _packed_node(node: Node) -> list[Any]:
    return [node.name, _listed(node.attributes), node.text, list(map(_packed_node, node.children))]


def _node(kept: Sequence[Any]) -> Node:
    name, attributes, text, children = kept
    return Node(name, _pairs(attributes), text, tuple(map(_node, children)))


def _packed(place: Place) -> list[Any]:
    folders = [_listed(folder.items()) for folder in place.folders]
    return [list(place.labels), folders, _listed(place.listed.items())]


def _place(kept: Sequence[Any]) -> Place:
    labels, folders, listed = kept
    return Place(tuple(labels), tuple(map(dict, folders)), dict(listed))


def _listed(pairs: Iterable[tuple[str, str]]) -> list[list[str]]:
    return [list(pair) for pair in pairs]


def _pairs(kept: Iterable[Sequence[str]]) -> tuple[tuple[str, str], ...]:
    return tuple((name, value) for name, value in kept)


def _kept(options: Mapping[str, Any]) -> dict[str, Any]:
    """What the source's own document said of it."""
    return dict(options.get("opml", {}))


def _as_outline(row: RowMapping, settings: Settings) -> OpmlSource:
    kept = _kept(row["options"])
    attributes: dict[str, str] = {"title": row["name"], **_strings(kept.get("attributes", {}))}
    if row["section"]:
        attributes[OWN["section"]] = row["section"]
    if row["interval_s"] != settings.polling.interval_s:
        attributes[OWN["interval_s"]] = f"{max(1, round(row['interval_s']))}"
    first, *elsewhere = map(
        _place, kept.get("places") or [[row["labels"], [], []]]
    )  # added by hand
    return OpmlSource(
        url=row["url"],
        title=row["name"],
        html_url=kept.get("html_url", ""),
        labels=first.labels,
        attributes=attributes,
        folders=first.folders,
        elsewhere=tuple(elsewhere),
    )


def _strings(found: Mapping[str, str]) -> dict[str, str]:
    return {str(name): str(value) for name, value in found.items()}
