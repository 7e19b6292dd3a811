"""What stands behind a filter's colon: names, numbers, lists and ranges."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from monitor.rules.tokens import normal, unquoted
from monitor.rules.tree import Bound, Filter, quote, written_value

VALUE_LIMIT = 200
UNSURE = "unsure"
EXAMPLES = {
    "section": "section:finance",
    "source": "source:NAME",
    "label": "label:NAME",
    "lang": "lang:zh",
    "author": "author:NAME",
    "rank": "rank:<=10",
    "age": "age:<2h",
    "portals": "portals:>=3",
    "hot": "hot:>=5",
    "is": "is:first",
    "burst": "burst:yes",
    "event": "event:source-silent",
}
FILTERS = tuple(EXAMPLES)


class ValueFault(Exception):
    """A value that cannot be read: what was ``expected``, ``offset`` characters into it."""

    def __init__(self, offset: int, expected: str) -> None:
        self.offset = offset
        self.expected = expected
        super().__init__(expected)


@dataclass(frozen=True, slots=True)
class _Piece:
    """One item of a list, and where it begins and ends."""

    text: str
    at: int
    end: int
    quoted: bool


class Sections(frozenset[str]):
    """The ids that a ``section:`` filter may name; ``names`` leads to them from other names."""

    names: Mapping[str, str] = MappingProxyType({})

    @classmethod
    def of(cls, ids: Iterable[str], names: Mapping[str, str]) -> Sections:
        """``names`` in any case; those that lead to no id of ``ids`` are left out."""
        made = cls(ids)
        made.names = {_folded(name): which for name, which in names.items() if which in made}
        return made

    def id_of(self, name: str) -> str | None:
        """The id that an id or another name in any case stands for; None for no section."""
        return name if name in self else self.names.get(_folded(name))


def _folded(name: str) -> str:
    return normal(name.casefold())


def renamed(raw: str, sections: Sections) -> list[tuple[int, int, str]]:
    """Where the value of a ``section:`` filter names sections otherwise than by their ids: from
    and to which character, and the id as it is written."""
    found = []
    for piece in _split(raw[: _end_of_names(raw)]):
        which = sections.id_of(piece.text)
        if which is not None and which != piece.text:
            found.append((piece.at, piece.end, written_value(which)))
    return found


def read_filter(name: str, raw: str, sections: frozenset[str] | None) -> Filter:
    """The filter that ``name:raw`` means; raises ValueFault.

    With ``sections``, a ``section:`` filter must name some of them.
    """
    if not raw and name != "burst":
        raise ValueFault(0, f"expected a value directly after {name}: as in {EXAMPLES[name]}")
    if len(raw) > VALUE_LIMIT:
        raise ValueFault(0, f"a filter's value is at most {VALUE_LIMIT} characters")
    return _READERS[name](name, raw, sections)


def _names(name: str, raw: str, _: frozenset[str] | None) -> Filter:
    return Filter(name, _distinct(piece.text for piece in _split(raw)))


def _tags(name: str, raw: str, _: frozenset[str] | None) -> Filter:
    written = (piece.text.casefold() for piece in _split(raw))
    return Filter(name, _distinct(tag.replace("_", "-") for tag in written))


def _section(name: str, raw: str, sections: frozenset[str] | None) -> Filter:
    end = _end_of_names(raw)
    pieces = _split(raw[:end]) if end else []
    if not pieces:
        raise ValueFault(0, "expected a section's name, as in section:finance>=0.7")
    values = [_section_id(_folded(piece.text), piece.at, sections) for piece in pieces]
    if end == len(raw):
        return Filter(name, _distinct(values))
    nearest = f"section:{UNSURE}" if UNSURE in values else f"section:{values[0]}>=0.7"
    expected = f"expected a probability from 0 to 1, up to four decimals, as in {nearest}"
    bound = _bound(raw[end:], _probability)
    if bound is None or bound.comparison == "=" or UNSURE in values:
        raise ValueFault(end, expected)
    return Filter(name, _distinct(values), (bound,))


def _numbers(
    read: Callable[[str], float | None], kind: str
) -> Callable[[str, str, frozenset[str] | None], Filter]:
    def reader(name: str, raw: str, _: frozenset[str] | None) -> Filter:
        bounds = []
        for piece in _split(raw):
            bound = _bound(piece.text, read)
            if bound is None:
                ways = f"as in {EXAMPLES[name]}, {name}:{_range_of(name)}"
                raise ValueFault(piece.at, f"expected {kind}, {ways}")
            bounds.append(bound)
        return Filter(name, (), tuple(dict.fromkeys(bounds)))

    return reader


def _range_of(name: str) -> str:
    return {"age": "1h..2d", "hot": "2..9.5", "rank": "1..3,10"}.get(name, "3..5")


def _choice(name: str, raw: str, _: frozenset[str] | None) -> Filter:
    value = raw.casefold()
    if value != "first":
        raise ValueFault(0, "expected is:first (the first entry of its story)")
    return Filter(name, (value,))


def _burst(name: str, raw: str, sections: frozenset[str] | None) -> Filter:
    value = raw.casefold()
    if value in {"", "yes", "no"}:
        return Filter(name, (value or "yes",))
    return _READ_BURST(name, raw, sections)


def _split(raw: str) -> list[_Piece]:
    """The items between commas; a quoted one may hold commas itself."""
    pieces: list[_Piece] = []
    at = 0
    while True:
        found = _ITEM.match(raw, at)
        assert found is not None  # the expression matches the empty text too
        text = normal(unquoted(found[0][1:-1]) if found["quoted"] else found[0])
        end = found.end()
        if end < len(raw) and raw[end] != ",":
            raise ValueFault(end, "expected a space or a comma after the quote")
        if not text:
            raise ValueFault(at, "expected a value here, as in a,b")
        pieces.append(_Piece(text, at, end, found["quoted"] is not None))
        if end == len(raw):
            return pieces
        at = end + 1


def _end_of_names(raw: str) -> int:
    """Where the comparison of a section's probability begins, else the end."""
    found = _COMPARED.match(raw)
    return found.end() if found else len(raw)


def _section_id(value: str, at: int, sections: frozenset[str] | None) -> str:
    if sections is None or value == UNSURE or value in sections:
        return value
    names = sections.names if isinstance(sections, Sections) else {}
    if value in names:
        return names[value]
    alike = 0.6 if value.isascii() else 0.5  # one of two Chinese characters
    nearest = difflib.get_close_matches(value, sorted({*sections, *names}), 1, alike)
    known = f"did you mean section:{nearest[0]}?" if nearest else "expected one of: "
    known += "" if nearest else ", ".join(sorted(sections)) + f", {UNSURE}"
    raise ValueFault(at, f"no section is named {quote(value)}; {known}")


def _bound(text: str, read: Callable[[str], float | None]) -> Bound | None:
    """``>=3``, ``3``, ``3..5``, ``3..`` or ``..5``."""
    comparison = next((sign for sign in (">=", "<=", ">", "<") if text.startswith(sign)), "")
    if comparison:
        number = read(text[len(comparison) :])
        return None if number is None else Bound(comparison, number)
    low_text, dots, high_text = text.removeprefix("=").partition("..")
    low, high = read(low_text), read(high_text)
    if not dots:
        return None if low is None else Bound("=", low)
    if (low_text and low is None) or (high_text and high is None):
        return None
    if low is None:
        return None if high is None else Bound("<=", high)
    if high is None:
        return Bound(">=", low)
    return Bound("..", low, high) if low <= high else None


def _probability(text: str) -> float | None:
    return float(text) if _PROBABILITY.fullmatch(text) else None


def _whole(text: str) -> float | None:
    return float(text) if _WHOLE.fullmatch(text) else None


def _decimal(text: str) -> float | None:
    return float(text) if _DECIMAL.fullmatch(text) else None


def _span(text: str) -> float | None:
    found = _SPAN.fullmatch(text.casefold())
    return float(int(found[1]) * _UNITS[found[2]]) if found else None


def _distinct(values: Iterator[str] | list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(values))


_ITEM = re.compile(
    r"(?P<quoted>\"(?:[^\"\\]|\\.|\\)*+\"|“(?:[^”\\]|\\.|\\)*+”)|[^,\"“”]*", re.DOTALL
)
_COMPARED = re.compile(
    r"(?:\"(?:[^\"\\]|\\.|\\)*+\"|“(?:[^”\\]|\\.|\\)*+”|[^<>=\"“”])*(?=[<>=])", re.DOTALL
)
_PROBABILITY = re.compile(r"0?\.\d{1,4}|0|1(\.0{1,4})?", re.ASCII)
_WHOLE = re.compile(r"\d{1,9}", re.ASCII)
_DECIMAL = re.compile(r"\d{1,9}(\.\d{1,4})?", re.ASCII)
_SPAN = re.compile(r"(\d{1,6})([smhdw])", re.ASCII)
_UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}

_READ_BURST = _numbers(_decimal, "burst:yes, burst:no or how many times faster than usual")
_READERS: dict[str, Callable[[str, str, frozenset[str] | None], Filter]] = {
    "section": _section,
    "source": _names,
    "label": _names,
    "lang": _tags,
    "author": _names,
    "rank": _numbers(_whole, "a place on a hot list"),
    "age": _numbers(_span, "a span of whole s, m, h, d or w"),
    "portals": _numbers(_whole, "a number of portals"),
    "hot": _numbers(_decimal, "a number, up to four decimals"),
    "is": _choice,
    "burst": _burst,
    "event": _tags,
}
