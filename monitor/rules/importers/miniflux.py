"""Miniflux's block and keep rules: lines of ``Field=regex``, or its JSON of users and feeds."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from monitor.rules.importers.draft import (
    Choices,
    Draft,
    Fate,
    Imported,
    Report,
    all_nodes,
    any_node,
    bad_file,
    but_not,
    expression,
    text_of,
)
from monitor.rules.tree import Bound, Filter, Node

FIELDS = (
    "EntryTitle", "EntryURL", "EntryCommentsURL", "EntryContent", "EntryAuthor", "EntryTag",
    "EntryDate",
)  # fmt: skip
_OLD = "it also looked at addresses, authors and tags; here at titles"
_HEADING = re.compile(r"\[(block|keep)\]", re.IGNORECASE)
_PLAIN = re.compile(r"(?:\(\?i\))?(?:[\w @'-]|[^\x00-\x7f])+")
_DAYS = re.compile(r"(\d{1,5})d")
_GO_SPAN = re.compile(r"(?:\d+(?:\.\d+)?(?:h|m|s))+")
_GO_PART = re.compile(r"(\d+(?:\.\d+)?)(h|m|s)")
_SECONDS = {"h": 3_600, "m": 60, "s": 1}


@dataclass(frozen=True, slots=True)
class _Rules:
    """Where rules hold (``source`` None: everywhere), and their lines with their numbers.

    ``old_keep`` is an expression that counts only where no line keeps anything.
    """

    name: str
    source: str | None
    block: tuple[tuple[int, str], ...]
    keep: tuple[tuple[int, str], ...]
    old_keep: str = ""


def read(text: str, choices: Choices) -> Imported:
    """The rules of a file. What a user keeps counts for every feed, as in Miniflux."""
    report = Report()
    is_json = re.match(r"\s*(?:\{|\[\s*[{\]])", text)
    found = list(_from_json(text, report) if is_json else _from_text(text, choices))
    shared = [each for each in found if each.source is None]
    keeps = any(_is_rule(line) for each in shared for _, line in each.keep)
    blocked = [node for each in shared for node in _nodes(each.block, report)]
    kept = [node for each in shared for node in _kept(each, keeps, report)]
    feeds = [each for each in found if each.source is not None]
    for feed in feeds:
        _feed(feed, blocked, (*kept, *_kept(feed, keeps, report)), report)
    if not feeds and (blocked or kept):
        _add(report, shared[0].name, any_node(kept) if kept else None, blocked)
    return report.done()


def _kept(rules: _Rules, keeps: bool, report: Report) -> list[Node]:
    """What they keep; ``keeps``: the user has lines of that kind."""
    lines = rules.keep
    if rules.old_keep:
        what = f"keeplist_rules={rules.old_keep}"
        if keeps or any(_is_rule(line) for _, line in lines):
            note = "Miniflux looks at it only where no line of user or feed keeps anything"
            report.note(0, Fate.LOST, what, note)
        else:
            report.note(0, Fate.CHANGED, what, _OLD)
            lines = (*lines, (0, f"EntryTitle={rules.old_keep}"))
    return _nodes(lines, report)


def _feed(feed: _Rules, blocked: list[Node], wanted: Sequence[Node], report: Report) -> None:
    own_block = _nodes(feed.block, report)
    parts: list[Node] = [Filter("source", (feed.source or "",))]
    parts += [any_node(wanted)] if wanted else []
    _add(report, feed.name, all_nodes(parts), [*blocked, *own_block], only_blocks=not wanted)


def _add(
    report: Report,
    name: str,
    wanted: Node | None,
    blocked: list[Node],
    *,
    only_blocks: bool = False,
) -> None:
    query = but_not(wanted, blocked)
    if query is None:
        return
    off = wanted is None or only_blocks
    if off:
        note = "it keeps nothing in particular, so the rule is off: it would fire on all the rest"
        report.note(0, Fate.CHANGED, name, note)
    report.add(Draft(name, text_of(query), enabled=not off), 0)


def _from_text(text: str, choices: Choices) -> Iterator[_Rules]:
    lists: dict[str, list[tuple[int, str]]] = {"block": [], "keep": []}
    current = "block" if choices.blocks else "keep"
    for number, line in enumerate(text.splitlines(), 1):
        heading = _HEADING.fullmatch(line.strip())
        if heading:
            current = heading[1].lower()
        elif line.strip():
            lists[current].append((number, line.strip("\r")))
    yield _Rules(choices.name, None, tuple(lists["block"]), tuple(lists["keep"]))


def _from_json(text: str, report: Report) -> Iterator[_Rules]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise bad_file(f"this is no JSON ({error})") from error
    for item in document if isinstance(document, list) else [document]:
        if not isinstance(item, dict):
            raise bad_file("Miniflux's JSON is a user, a feed or a list of feeds")
        yield _item(item, report)


def _item(item: Mapping[str, Any], report: Report) -> _Rules:
    source = item.get("feed_url") or item.get("site_url")
    name = str(item.get("title") or item.get("username") or source or "miniflux")
    block, keep = (_lines(item.get(f"{kind}_filter_entry_rules")) for kind in ("block", "keep"))
    old_block, old_keep = (item.get(f"{kind}list_rules") for kind in ("block", "keep"))
    if isinstance(old_block, str) and old_block:
        report.note(0, Fate.CHANGED, f"blocklist_rules={old_block}", _OLD)
        block += ((0, f"EntryTitle={old_block}"),)
    old = old_keep if isinstance(old_keep, str) else ""
    return _Rules(name, str(source) if source else None, block, keep, old)


def _lines(text: object) -> tuple[tuple[int, str], ...]:
    if not isinstance(text, str):
        return ()
    return tuple((0, line) for line in text.splitlines() if line.strip())


def _nodes(lines: tuple[tuple[int, str], ...], report: Report) -> list[Node]:
    found = []
    for number, line in lines:
        field, _, value = line.partition("=")
        if not _is_rule(line):
            wanted = "expected a field and =, as in EntryTitle=(?i)word"
            report.note(number, Fate.LOST, line, f"{wanted}; Miniflux skips it too")
            continue
        node = _READERS.get(field, _no_field)(value)
        if isinstance(node, str):
            report.note(number, Fate.LOST, line, node)
        else:
            report.note(number, Fate.KEPT, line, str(node))
            found.append(node)
    return found


def _is_rule(line: str) -> bool:
    """Whether Miniflux takes the line for a rule."""
    field, equals, _ = line.partition("=")
    return bool(equals) and field in FIELDS


def _title(value: str) -> Node | str:
    return expression(value, ignore_case=False)


def _author(value: str) -> Node | str:
    if not _PLAIN.fullmatch(value):
        return "authors are matched by name and *, not by expression: write author:NAME"
    name = value.removeprefix("(?i)").strip()
    return Filter("author", (f"*{name}*",)) if name else "the expression is empty"


def _date(value: str) -> Node | str:
    kind, _, span = value.partition(":")
    if kind != "max-age":
        return "a rule looks at the age of an entry (age:), not at dates"
    seconds = _span_s(span.strip())
    if seconds is None:
        return "expected max-age: and 7d, 36h or 90m"
    return Filter("age", (), (Bound(">", float(seconds)),))


def _span_s(text: str) -> int | None:
    if days := _DAYS.fullmatch(text):
        return int(days[1]) * 86_400
    if not _GO_SPAN.fullmatch(text):
        return None
    seconds = round(sum(float(n) * _SECONDS[unit] for n, unit in _GO_PART.findall(text)))
    return seconds or None


def _no_field(_: str) -> str:
    return "a rule sees titles, sections, sources and authors; not addresses, tags or texts"


_READERS: Mapping[str, Callable[[str], Node | str]] = {
    "EntryTitle": _title,
    "EntryAuthor": _author,
    "EntryDate": _date,
}
