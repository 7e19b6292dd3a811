"""Lists of sources as OPML: folders are labels, attributes that came in go out again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from email.utils import format_datetime
from pathlib import Path
from typing import Any

from sqlalchemy.engine import RowMapping

from monitor.actions.feeds import list_all, store
from monitor.actions.opening import sections_of
from monitor.addresses import check_url, parse_allowed
from monitor.config import Settings
from monitor.errors import FetchError, ParseError, UsageError
from monitor.service import utc_now
from monitor.sources import opml
from monitor.sources.opml import Frame, Node, OpmlSource, Place
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
    if new:
        new[0] = _framed(new[0], document.frame)
    refused = len(outlines) - len(new)
    new, strange = _with_known_sections(new, settings)
    return Imported(len(outlines), store(settings, new), refused, (*problems, *strange))


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
                "places": [
                    [list(place.labels), [list(folder.items()) for folder in place.folders]]
                    for place in outline.places
                ],
            }
        },
    )


def _framed(new: NewSource, frame: Frame) -> NewSource:
    """``new`` with what its document says besides its outlines, for the export."""
    options = dict(new.options or {})
    options["opml"] = {**_kept(options), "frame": asdict(frame)}
    return replace(new, options=options)


def _seconds(text: str) -> float | None:
    known = text.isascii() and text.isdecimal() and len(text) < 10 and int(text) > 0
    return float(text) if known else None


def export_opml(settings: Settings) -> bytes:
    """Every source as OPML; labels become folders."""
    rows = list_all(settings)
    outlines = [_as_outline(row, settings) for row in rows]
    frames = [_frame(kept["frame"]) for row in rows if "frame" in (kept := _kept(row["options"]))]
    head = {"title": "Headline Monitor", "dateCreated": format_datetime(utc_now())}
    return opml.write_opml(opml.from_sources(outlines, head, frames))


def _frame(kept: Mapping[str, Any]) -> Frame:
    return Frame(_pairs(kept["attributes"]), tuple(map(_node, kept["head"])))


def _node(kept: Mapping[str, Any]) -> Node:
    children = tuple(map(_node, kept["children"]))
    return Node(kept["name"], _pairs(kept["attributes"]), kept["text"], children)


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
    first, *elsewhere = _places(kept) or [Place(tuple(row["labels"]))]  # added by hand
    return OpmlSource(
        url=row["url"],
        title=row["name"],
        html_url=kept.get("html_url", ""),
        labels=first.labels,
        attributes=attributes,
        folders=first.folders,
        elsewhere=tuple(elsewhere),
    )


def _places(kept: Mapping[str, Any]) -> list[Place]:
    return [
        Place(tuple(labels), tuple(map(dict, folders)))
        for labels, folders in kept.get("places", ())
    ]


def _strings(found: Mapping[str, str]) -> dict[str, str]:
    return {str(name): str(value) for name, value in found.items()}
