"""The tree that a query's text means, and its canonical text.

Trees are built by ``language.parse``: And and Or are flat (no And directly in an And)
and have at least two children; depth is at most 64, so recursion over a tree is safe.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

MODES = ("word", "sub", "exact")


@dataclass(frozen=True, slots=True)
class Literal:
    """A word or phrase, NFC with single spaces.

    ``mode`` is ``""`` (folded, Latin ends whole, longest keyword wins), ``word`` (Chinese
    ends whole too), ``sub`` (anywhere) or ``exact`` (not folded). ``start`` and ``end``
    ask for the title's start and end.
    """

    text: str
    mode: str = ""
    start: bool = False
    end: bool = False

    def __str__(self) -> str:
        return self._written(is_plain(self.text))

    def within_near(self) -> str:
        """Its text where a comma separates."""
        return self._written(is_plain(self.text) and not _COMMA.search(self.text))

    def _written(self, plain: bool) -> str:
        text = self.text if plain else quote(self.text)
        prefix = f"{self.mode}:" if self.mode else ""
        return f"{prefix}{'^' if self.start else ''}{text}{'$' if self.end else ''}"


@dataclass(frozen=True, slots=True)
class Near:
    """A literal of ``left`` and one of ``right``, in either order, at most ``distance``
    tokens between them."""

    distance: int
    left: tuple[Literal, ...]
    right: tuple[Literal, ...]

    def __str__(self) -> str:
        return f"NEAR/{self.distance}({_operand(self.left)}, {_operand(self.right)})"


@dataclass(frozen=True, slots=True)
class Regex:
    """An RE2 pattern without its slashes."""

    pattern: str
    ignore_case: bool = False

    def __str__(self) -> str:
        escaped = re.sub(
            r"\\.|/", lambda part: part[0].replace("/", r"\/"), self.pattern, flags=re.DOTALL
        )
        return f"/{escaped}/{'i' if self.ignore_case else ''}"


@dataclass(frozen=True, slots=True)
class Bound:
    """A test of a number: ``>=``, ``>``, ``<=``, ``<``, ``=`` or ``..`` (both ends belong)."""

    comparison: str
    number: float
    upto: float = 0.0


@dataclass(frozen=True, slots=True)
class Filter:
    """``name:value,value``, where any value will do.

    ``values`` are names, ``bounds`` tests of a number (any will do); a section has both
    when its probability is compared. Ages are in seconds.
    """

    name: str
    values: tuple[str, ...] = ()
    bounds: tuple[Bound, ...] = ()

    def __str__(self) -> str:
        values = ",".join(map(written_value, self.values))
        write = _age if self.name == "age" else _number
        bounds = ",".join(_bound(bound, write, bare=not self.values) for bound in self.bounds)
        return f"{self.name}:{values}{bounds}"


@dataclass(frozen=True, slots=True)
class Not:
    """True where ``child`` is not."""

    child: Node

    def __str__(self) -> str:
        return f"NOT {_grouped(self.child)}"


@dataclass(frozen=True, slots=True)
class And:
    """True where every child is."""

    children: tuple[Node, ...]

    def __str__(self) -> str:
        return " AND ".join(
            _grouped(child) if isinstance(child, Or) else str(child) for child in self.children
        )


@dataclass(frozen=True, slots=True)
class Or:
    """True where at least one child is."""

    children: tuple[Node, ...]

    def __str__(self) -> str:
        return " OR ".join(map(str, self.children))


Leaf = Literal | Regex | Filter | Near
Node = Leaf | Not | And | Or


@dataclass(frozen=True, slots=True)
class Query:
    """A parsed query. ``str`` gives its canonical text, which parses to an equal query."""

    root: Node

    def __str__(self) -> str:
        return str(self.root)


def is_broad(query: Query) -> bool:
    """Whether the query can match without anything it asks for, only by what it excludes."""
    return _is_broad(query.root, negated=False)


def is_of_events(query: Query) -> bool:
    """Whether the query asks about events of the program, not about entries."""
    return any(isinstance(leaf, Filter) and leaf.name == "event" for leaf in leaves(query.root))


def leaves(node: Node) -> Iterator[Leaf]:
    """Every term of the tree, from left to right."""
    if isinstance(node, Not):
        yield from leaves(node.child)
    elif isinstance(node, And | Or):
        for child in node.children:
            yield from leaves(child)
    else:
        yield node


def literals(node: Node) -> Iterator[Literal]:
    """Every word and phrase of the tree."""
    for leaf in leaves(node):
        if isinstance(leaf, Literal):
            yield leaf
        elif isinstance(leaf, Near):
            yield from (*leaf.left, *leaf.right)


def _is_broad(node: Node, *, negated: bool) -> bool:
    if isinstance(node, Not):
        return _is_broad(node.child, negated=not negated)
    if isinstance(node, And | Or):
        broad = (_is_broad(child, negated=negated) for child in node.children)
        return any(broad) if isinstance(node, Or) != negated else all(broad)
    return negated


def _bound(bound: Bound, write: Callable[[float], str], *, bare: bool) -> str:
    if bound.comparison == "..":
        return f"{'' if bare else '='}{write(bound.number)}..{write(bound.upto)}"
    sign = "" if bound.comparison == "=" else bound.comparison
    return sign + write(bound.number)


def _number(value: float) -> str:
    text = f"{value:.4f}"
    return text.rstrip("0").rstrip(".")


def _age(seconds: float) -> str:
    for size, unit in ((604_800, "w"), (86_400, "d"), (3_600, "h"), (60, "m")):
        if seconds and seconds % size == 0:
            return f"{seconds / size:.0f}{unit}"
    return f"{seconds:.0f}s"


_BARE_VALUE = re.compile(r"[^\s\"“”()（）<>=,\\]+")
_PLAIN_WORD = re.compile(r"[^\s\"“”()（）]+")
_SPECIAL_WORD = re.compile(r"AND|OR|NOT|[-/^].*|.*\$|NEAR(?:/.*)?|[A-Za-z_]+[:：].*", re.DOTALL)
_COMMA = re.compile("[,，]")


def _operand(words: tuple[Literal, ...]) -> str:
    written = " OR ".join(word.within_near() for word in words)
    return f"({written})" if len(words) > 1 else written


def is_plain(text: str) -> bool:
    """Whether a literal reads the same without quotes."""
    return bool(_PLAIN_WORD.fullmatch(text)) and not _SPECIAL_WORD.fullmatch(text)


def written_value(value: str) -> str:
    """A name as a filter's list has it: quoted where it must be."""
    return value if _BARE_VALUE.fullmatch(value) else quote(value)


def quote(text: str) -> str:
    """``text`` as a quoted phrase."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _grouped(node: Node) -> str:
    return f"({node})" if isinstance(node, And | Or) else str(node)
