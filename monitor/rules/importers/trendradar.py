"""TrendRadar's ``frequency_words.txt``: groups of words, parted by empty lines.

It is read as that program reads it, traps included (``!`` counts for every group, a line of
spaces parts nothing); where its author must have meant something else, a note says so.
"""

from __future__ import annotations

import re
import warnings
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
from monitor.rules.tree import Node, Regex

_MARKER = re.compile(r"\[(global_filter|word_groups)\]", re.IGNORECASE)
_ALIAS = re.compile(r"\[([^\]]+)\]")
_REGEX = re.compile(r"/(.+)/([A-Za-z]*)(?:\s*=>\s*(.*))?")
_COMMENT = re.compile(r"\s+#.*$")
_LIMIT = re.compile(r"@\s*(\d{1,6})")
LARGEST_TOP = 100
_CLASS_OR_ESCAPE = re.compile(r"\[\^?\]?(?:\\.|[^\]\\])*\]|\\.", re.DOTALL)
_ESCAPE = re.compile(r"\\.", re.DOTALL)
# Python's classes are Unicode's, RE2's are ASCII's. \s is the same in a title: a space.
_UNICODE = {r"\w": r"[\pL\pN_]", r"\W": r"[^\pL\pN_]", r"\d": r"\p{Nd}", r"\D": r"\P{Nd}"}
_UNICODE_IN_CLASS = {r"\w": r"\pL\pN_", r"\d": r"\p{Nd}", r"\D": r"\P{Nd}"}
Line = tuple[int, str]


@dataclass(slots=True)
class _Group:
    """A group as it is read; ``labels`` name its terms, ``lost`` has the kinds of lost ones."""

    line: int
    alias: str = ""
    wanted: list[Node] = field(default_factory=list)
    required: list[Node] = field(default_factory=list)
    excluded: list[Node] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    lost: set[str] = field(default_factory=set)
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
            if label or not kind:  # an empty + asks for nothing
                group.lost.add(kind)
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
        is_python = _is_python(found[1])
        if isinstance(node, str):
            note = node if is_python else f"{node}; TrendRadar looks for the text, slashes included"
            self._report.note(number, Fate.LOST, written, note)
            return None, written
        if found[2] != found[2].lower():
            note = "TrendRadar takes flags in upper case for text; read as the expression"
            self._report.note(number, Fate.CHANGED, written, note)
        elif not is_python:
            note = "TrendRadar cannot read it and looks for the text; read as the expression"
            self._report.note(number, Fate.CHANGED, written, note)
        if is_python:
            node = self._in_unicode(number, written, node)
        return node, found[3] or written

    def _in_unicode(self, number: int, written: str, node: Regex) -> Regex:
        """Python's expression with its classes spelt out; a note where that cannot be."""
        spelt = expression(_spelt_out(node.pattern), ignore_case=True)
        result = node if isinstance(spelt, str) else spelt
        left = _ascii_left(result.pattern)
        for escapes, note in _NOTES:
            if left & escapes:
                self._report.note(number, Fate.CHANGED, written, note)
        return result

    def _finish(self, group: _Group) -> None:
        parts = [any_node(group.wanted)] if group.wanted else []
        parts += group.required
        if not parts:
            return
        name = group.alias or " / ".join(group.labels) or str(all_nodes(parts))
        if lost := _why_lost(group):
            self._report.note(group.line, Fate.LOST, name, lost)
            return
        query = but_not(all_nodes(parts), [*group.excluded, *self._everywhere])
        assert query is not None
        options = {"top": group.top} if group.top else {}
        self._report.add(Draft(name, text_of(query), options), group.line)

    def _sum_up(self, groups: Sequence[_Group]) -> None:
        counted = [group for group in groups if group.wanted or group.required or group.lost]
        kept = [group for group in counted if not _why_lost(group)]
        if len(kept) > 1:
            note = "TrendRadar counts a title in its first group alone; here each rule fires"
            self._report.note(0, Fate.CHANGED, f"{len(kept)} groups", note)
        if not counted:
            note = "a file without groups shows everything there; here it makes no rule"
            self._report.note(0, Fate.LOST, "no group", note)


def _why_lost(group: _Group) -> str:
    """Why what is left of a group would fire on far more than the group; empty where not."""
    if "" in group.lost and not group.wanted:
        return "none of its words can be kept, and the rest would fire on far more: left out whole"
    if "+" in group.lost:
        return "a + line of it is lost, and the rest would fire on far more: left out whole"
    return ""


_BOUNDARIES = (
    r"here \b and \B see ASCII alone: \bAI\b finds AI in 华为AI too, \b华为 nothing at the start; "
    r"leave \b out beside Chinese, or write (?:^|[^\pL\pN_]) before it, (?:$|[^\pL\pN_]) behind"
)
_CLASSES = r"here \w, \W, \d and \D see ASCII alone; write [\pL\pN_], [^\pL\pN_], \p{Nd} and \P{Nd}"
_NOTES = (({r"\b", r"\B"}, _BOUNDARIES), ({r"\w", r"\W", r"\d", r"\D"}, _CLASSES))


def _is_python(pattern: str) -> bool:
    """Whether Python, in which TrendRadar is written, reads the expression."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            re.compile(pattern, re.IGNORECASE)
        except (re.error, OverflowError, RecursionError):
            return False
    return True


def _spelt_out(pattern: str) -> str:
    """Python's expression with RE2's words for its classes."""

    def spelt(found: re.Match[str]) -> str:
        if found[0][0] == "\\":
            return _UNICODE.get(found[0], found[0])
        return _ESCAPE.sub(lambda part: _UNICODE_IN_CLASS.get(part[0], part[0]), found[0])

    return _CLASS_OR_ESCAPE.sub(spelt, pattern)


def _ascii_left(pattern: str) -> set[str]:
    r"""The escapes that mean more in Python. ``\b`` in a class is a character."""
    found: set[str] = set()
    for piece in _CLASS_OR_ESCAPE.findall(pattern):
        inside = piece[0] == "["
        found.update(each for each in _ESCAPE.findall(piece) if not (inside and each == r"\b"))
    return found


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
