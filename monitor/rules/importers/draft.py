"""What an importer makes of a file: rules, and a report of what became of every part."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from monitor.errors import QueryError, UsageError
from monitor.rules.language import parse
from monitor.rules.regex import RegexError, compile_regex
from monitor.rules.tokens import REGEX_LIMIT, normal, unescaped
from monitor.rules.tree import And, Literal, Node, Not, Or, Query, Regex
from monitor.text import fold, is_word_character

LONGEST_NAME = 200
LARGEST_FILE = 4 << 20


class Fate(enum.StrEnum):
    """What became of a part of the file."""

    KEPT = "kept"  # it means the same
    CHANGED = "changed"  # it means nearly the same: the note says what differs
    LOST = "lost"  # it is not in the rules: the note says why


@dataclass(frozen=True, slots=True)
class Note:
    """A line of the report. ``line`` counts from 1; 0 speaks of the whole file."""

    line: int
    fate: Fate
    what: str
    note: str


@dataclass(frozen=True, slots=True)
class Draft:
    """A rule to store. ``options`` are as a TOML file writes them; ``channels`` None: not said.

    ``line`` is where the file has it, 0 for nowhere in particular.
    """

    name: str
    query: str
    options: Mapping[str, object] = field(default_factory=dict)
    channels: tuple[str, ...] | None = None
    enabled: bool = True
    line: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Imported:
    """All of a file."""

    drafts: tuple[Draft, ...]
    notes: tuple[Note, ...]


@dataclass(frozen=True, slots=True)
class Choices:
    """What a user may choose of how a file is read.

    ``whole_words``: Latin terms of other programs match whole words only. ``in_group``:
    TrendRadar's ``!`` lines exclude from their own group alone. ``blocks``: Miniflux's lines
    without a heading are of the block list. ``each``: a rule for each keyword of a list.
    ``name`` is for a file that is one rule and has no name in it.
    """

    whole_words: bool = False
    in_group: bool = False
    blocks: bool = False
    each: bool = False
    name: str = "keywords"


class Report:
    """Collects drafts and notes."""

    def __init__(self) -> None:
        self._drafts: list[Draft] = []
        self._notes: list[Note] = []
        self._names: set[str] = set()

    def note(self, line: int, fate: Fate, what: str, note: str) -> None:
        """Say what became of a part."""
        self._notes.append(Note(line, fate, what[:200], note))

    def add(self, draft: Draft, line: int) -> bool:
        """Keep a rule under a name of its own, or note why it cannot be one; whether it is one."""
        try:
            query = parse(draft.query)
        except QueryError as error:
            self._refuse(draft, error, line)
            return False
        self._take(replace(draft, name=_tidy(draft.name), query=str(query)), line)
        return True

    def keep(self, draft: Draft, line: int) -> None:
        """``add`` what is a rule in the file already, as it is written there; noted as kept."""
        try:
            parse(draft.query)
        except QueryError as error:
            self._refuse(draft, error, line)
            return
        name = draft.name if _is_name(draft.name) else _tidy(draft.name)
        kept = self._take(replace(draft, name=name), line)
        self.note(line, Fate.KEPT, kept.name, kept.query)

    def _refuse(self, draft: Draft, error: QueryError, line: int) -> None:
        self.note(line, Fate.LOST, draft.name, f"its query cannot be: {error.expected}")

    def _take(self, draft: Draft, line: int) -> Draft:
        self._drafts.append(replace(draft, name=self._free_name(draft.name), line=line))
        return self._drafts[-1]

    def _free_name(self, base: str) -> str:
        name, number = base, 1
        while name in self._names:
            number += 1
            end = f" ({number})"
            name = base[: LONGEST_NAME - len(end)] + end
        self._names.add(name)
        return name

    def done(self) -> Imported:
        """Everything so far, notes by line."""
        return Imported(tuple(self._drafts), tuple(sorted(self._notes, key=lambda n: n.line)))


def _is_name(text: str) -> bool:
    """Whether a rule may be called so."""
    return bool(text.strip()) and text.isprintable() and len(text) <= LONGEST_NAME


def _tidy(name: str) -> str:
    """A name that a rule may have."""
    shown = "".join(char if char.isprintable() else " " for char in name)
    return " ".join(shown.split())[:LONGEST_NAME] or "rule"


def substring(text: str, choices: Choices) -> Literal | None:
    """The term of a program that looks for ``text`` anywhere; None where nothing is visible."""
    value = normal(text)
    folded = fold(value).text.strip()
    if not folded:
        return None
    latin = is_word_character(folded[0]) or is_word_character(folded[-1])
    return Literal(value, "" if latin and choices.whole_words else "sub")


def expression(pattern: str, ignore_case: bool) -> Regex | str:
    """The expression, or why it cannot be one here."""
    if len(pattern.encode("utf-8", "replace")) > REGEX_LIMIT:
        return f"an expression is at most {REGEX_LIMIT:,} bytes"
    if not pattern:
        return "the expression is empty"
    pattern = unescaped(pattern)
    try:
        compile_regex(pattern, ignore_case)
    except RegexError as error:
        return error.reason
    return Regex(pattern, ignore_case)


def any_node(nodes: Sequence[Node]) -> Node:
    """One of ``nodes``, which are not empty."""
    unique = tuple(dict.fromkeys(nodes))
    return unique[0] if len(unique) == 1 else Or(unique)


def all_nodes(nodes: Sequence[Node]) -> Node:
    """All of ``nodes``, which are not empty."""
    unique = tuple(dict.fromkeys(nodes))
    return unique[0] if len(unique) == 1 else And(unique)


def but_not(node: Node | None, excluded: Sequence[Node]) -> Node | None:
    """``node`` (None: everything) and none of ``excluded``."""
    parts = ([node] if node is not None else []) + ([Not(any_node(excluded))] if excluded else [])
    return all_nodes(parts) if parts else None


def text_of(node: Node) -> str:
    """The query's text."""
    return str(Query(node))


def bad_file(expected: str) -> UsageError:
    """The error for a file that cannot be read at all."""
    return UsageError(f"the file cannot be imported: {expected}")
