"""TrendRadar's ``frequency_words.txt``: groups of words, parted by empty lines.

It is read as that program reads it, traps included (``!`` counts for every group, a line of
spaces parts nothing); where its author must have meant something else, a note says so.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from monitor.rules.importers.draft import (
    Choices,
    Draft,
    Fate,
    Imported,
    Report,
    all_nodes,
    any_node,
    but_not,
    expression,
    substring,
    text_of,
)
from monitor.rules.tree import Node

_MARKER = re.compile(r"\[(global_filter|word_groups)\]", re.IGNORECASE)
_ALIAS = re.compile(r"\[([^\]]+)\]")
_REGEX = re.compile(r"/(.+)/([A-Za-z]*)(?:\s*=>\s*(.*))?")
_COMMENT = re.compile(r"\s+#.*$")
_LIMIT = re.compile(r"@\s*(\d{1,6})")
LARGEST_TOP = 100
Line = tuple[int, str]


@dataclass(slots=True)
class _Group:
    """A group as it is read; ``labels`` name its terms."""

    line: int
    alias: str = ""
    wanted: list[Node] = field(default_factory=list)
    required: list[Node] = field(default_factory=list)
    excluded: list[Node] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    top: int = 0


def read(text: str, choices: Choices) -> Imported:
    """The rules of a file."""
    return _Reader(choices).read(text)


class _Reader:
    def __init__(self, choices: Choices) -> None:
        self._choices = choices
        self._report = Report()
        self._everywhere: list[Node] = []

    def read(self, text: str) -> Imported:
        groups = []
        is_global = False
        for block in _blocks(text, self._report):
            marker = _MARKER.fullmatch(block[0][1].strip()) if block else None
            if marker:
                is_global = marker[1].lower() == "global_filter"
            lines = block[1:] if marker else block
            if is_global:
                self._read_global(lines)
            elif lines:
                groups.append(self._read_group(lines))
        for group in groups:
            self._finish(group)
        self._sum_up(groups)
        return self._report.done()

    def _read_global(self, block: Sequence[Line]) -> None:
        for number, line in block:
            if line[:1] in {"!", "+", "@"}:
                note = "TrendRadar passes over such a line among its global filters"
                self._report.note(number, Fate.LOST, line, note)
            elif node := self._term(number, line, [])[0]:
                self._everywhere.append(node)
                self._report.note(number, Fate.KEPT, line, "excluded from every rule")

    def _read_group(self, block: Sequence[Line]) -> _Group:
        group = _Group(block[0][0])
        if alias := _ALIAS.fullmatch(block[0][1].strip()):
            group.alias, block = alias[1], block[1:]
        for number, line in block:
            self._read_line(group, number, line)
        return group

    def _read_line(self, group: _Group, number: int, line: str) -> None:
        if line.startswith("@"):
            self._read_limit(group, number, line)
            return
        kind = line[0] if line[0] in "+!" else ""
        node, label = self._term(number, line[len(kind) :].strip(), group.labels, kind=kind)
        if node is None:
            return
        if kind == "!":
            target = group.excluded if self._choices.in_group else self._everywhere
            target.append(node)
            if not self._choices.in_group:
                note = (
                    "excluded from every rule, as TrendRadar does; --in-group keeps it to its own"
                )
                self._report.note(number, Fate.CHANGED, line, note)
            return
        (group.required if kind else group.wanted).append(node)
        if not kind:
            group.labels.append(label)
        self._report.note(number, Fate.KEPT, line, str(node))

    def _read_limit(self, group: _Group, number: int, line: str) -> None:
        found = _LIMIT.match(line)
        if not found or not int(found[1]):
            self._report.note(number, Fate.LOST, line, "expected @ and a number, as in @10")
            return
        group.top = min(int(found[1]), LARGEST_TOP)
        if found.end() < len(line.rstrip()):
            note = f"TrendRadar drops a limit with something behind it; read as @{found[1]}"
            self._report.note(number, Fate.CHANGED, line, note)
        else:
            note = f"a digest lists {group.top} of the rule's headlines and counts the rest"
            self._report.note(number, Fate.CHANGED, line, note)

    def _term(
        self, number: int, written: str, labels: Sequence[str], *, kind: str = ""
    ) -> tuple[Node | None, str]:
        """The term and its label; None, with a note, for what is none."""
        whole = _REGEX.fullmatch(written)
        if whole is None and (stripped := _COMMENT.sub("", written)) != written:
            note = "TrendRadar has no comment behind a word; taken off"
            self._report.note(number, Fate.CHANGED, written, note)
            written = stripped
            whole = _REGEX.fullmatch(written)
        if whole:
            return self._regex(number, written, whole)
        text, _, label = (part.strip() for part in written.partition("=>"))
        node = substring(text, self._choices)
        if node is None:
            what = f"{kind}{written}"
            effect = "hides every title there" if kind == "!" else "matches every title there"
            self._report.note(number, Fate.LOST, what, f"an empty term; it {effect}")
        return node, label or text

    def _regex(self, number: int, written: str, found: re.Match[str]) -> tuple[Node | None, str]:
        node = expression(found[1], ignore_case=True)
        if isinstance(node, str):
            note = f"{node}; TrendRadar looks for the text, slashes included"
            self._report.note(number, Fate.LOST, written, note)
            return None, ""
        if found[2] != found[2].lower():
            note = "TrendRadar takes flags in upper case for text; read as the expression"
            self._report.note(number, Fate.CHANGED, written, note)
        return node, found[3] or written

    def _finish(self, group: _Group) -> None:
        parts = [any_node(group.wanted)] if group.wanted else []
        parts += group.required
        if not parts:
            return
        query = but_not(all_nodes(parts), [*group.excluded, *self._everywhere])
        assert query is not None
        name = group.alias or " / ".join(group.labels) or str(all_nodes(parts))
        options = {"top": group.top} if group.top else {}
        self._report.add(Draft(name, text_of(query), options), group.line)

    def _sum_up(self, groups: Sequence[_Group]) -> None:
        counted = [group for group in groups if group.wanted or group.required]
        if len(counted) > 1:
            note = "TrendRadar counts a title in its first group alone; here each rule fires"
            self._report.note(0, Fate.CHANGED, f"{len(counted)} groups", note)
        if not counted:
            note = "a file without groups shows everything there; here it makes no rule"
            self._report.note(0, Fate.LOST, "no group", note)


def _blocks(text: str, report: Report) -> Iterator[list[Line]]:
    """Lines between empty ones, numbered, without comments; a line of spaces parts nothing."""
    block: list[Line] = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line:
            if block:
                yield block
            block = []
        elif not line.strip():
            if block:
                note = "a line of spaces parts no groups in TrendRadar: the two are one"
                report.note(number, Fate.CHANGED, "(spaces)", note)
        elif not line.lstrip().startswith("#"):
            block.append((number, line.strip()))
    if block:
        yield block
