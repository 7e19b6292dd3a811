"""What a query's filters ask of a subject."""

from __future__ import annotations

import functools
import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from monitor.rules import tree
from monitor.rules.regex import Regex, compile_regex
from monitor.text import detect_language, fold


@dataclass(frozen=True, slots=True)
class Subject:
    """What a rule is asked about: an entry as it is known at the time of matching.

    ``language`` None is detected from the title. ``rank`` is the place on a hot list,
    ``age_s`` the seconds since it was published (else first seen); None is unknown.
    ``portals``, ``hot``, ``is_first`` and ``burst`` are of its story: on how many portals
    it is, how hot, whether this entry began it, and how many times faster than usual
    portals join it (0 where that is no burst). With ``event`` (as ``source-silent``) the
    subject is an event of the program and not an entry; ``title`` is then its sentence.
    """

    title: str
    section: str = ""
    probability: float = 0.0
    unsure: bool = False
    source: str = ""
    source_url: str = ""
    labels: tuple[str, ...] = ()
    language: str | None = None
    author: str = ""
    rank: int | None = None
    age_s: float | None = None
    portals: int = 1
    hot: float = 0.0
    is_first: bool = True
    burst: float = 0.0
    event: str | None = None


Check = Callable[[Subject], bool]


def check(term: tree.Filter) -> Check:
    """The question that ``term`` asks."""
    return _FILTERS[term.name](term)


def age_s(now: datetime, published_at: datetime | None, first_seen_at: datetime) -> float:
    """How old an entry is: since its source's word, else since we saw it; never negative."""
    return max((now - (published_at or first_seen_at)).total_seconds(), 0.0)


_COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    ">": operator.gt,
    "<=": operator.le,
    "<": operator.lt,
    "=": operator.eq,
}


def _holds(bound: tree.Bound) -> Callable[[float], bool]:
    if bound.comparison == "..":
        return lambda value: bound.number <= value <= bound.upto
    compare = _COMPARISONS[bound.comparison]
    return lambda value: compare(value, bound.number)


def _section(term: tree.Filter) -> Check:
    # Ids differ in more than case, and who read the query may not have known how they are written.
    names = frozenset(value.casefold() for value in term.values) - {"unsure"}
    unsure = "unsure" in term.values
    if not term.bounds:
        return lambda subject: unsure if subject.unsure else subject.section.casefold() in names
    holds = _holds(term.bounds[0])
    return lambda subject: subject.section.casefold() in names and holds(subject.probability)


def _source(term: tree.Filter) -> Check:
    globs = [glob(value) for value in term.values]
    return lambda subject: any(
        each.found(name)
        for name in _source_names(subject.source, subject.source_url)
        for each in globs
    )


def _label(term: tree.Filter) -> Check:
    globs = [glob(value) for value in term.values]
    return lambda subject: any(
        each.found(_encoded(label)) for label in subject.labels for each in globs
    )


def _author(term: tree.Filter) -> Check:
    globs = [glob(value) for value in term.values]
    return lambda subject: any(
        each.found(name) for name in _author_names(subject.author) for each in globs
    )


def _event(term: tree.Filter) -> Check:
    globs = [glob(value) for value in term.values]
    return lambda subject: (
        subject.event is not None and any(each.found(_encoded(subject.event)) for each in globs)
    )


def _lang(term: tree.Filter) -> Check:
    def holds(subject: Subject) -> bool:
        language = subject.language or detect_language(subject.title)
        tag = language.casefold().replace("_", "-")
        return any(tag == value or tag.startswith(value + "-") for value in term.values)

    return holds


def _number(name: str) -> Callable[[tree.Filter], Check]:
    read = operator.attrgetter(name)

    def make(term: tree.Filter) -> Check:
        tests = [_holds(bound) for bound in term.bounds]

        def holds(subject: Subject) -> bool:
            value = read(subject)
            return value is not None and any(test(value) for test in tests)

        return holds

    return make


def _is(_: tree.Filter) -> Check:
    return lambda subject: subject.is_first


def _burst(term: tree.Filter) -> Check:
    if term.bounds:
        return _number("burst")(term)
    wanted = term.values == ("yes",)
    return lambda subject: (subject.burst > 0) == wanted


_FILTERS: dict[str, Callable[[tree.Filter], Check]] = {
    "section": _section,
    "source": _source,
    "label": _label,
    "lang": _lang,
    "author": _author,
    "rank": _number("rank"),
    "age": _number("age_s"),
    "portals": _number("portals"),
    "hot": _number("hot"),
    "is": _is,
    "burst": _burst,
    "event": _event,
}


@functools.lru_cache(maxsize=4096)
def _author_names(author: str) -> tuple[bytes, ...]:
    """What ``author:`` is compared with: the whole line, and each name in it."""
    if not author:
        return ()
    names = [name for name in map(str.strip, _BETWEEN_NAMES.split(author)) if name]
    return tuple(_encoded(name) for name in dict.fromkeys((author, *names)))


@functools.lru_cache(maxsize=4096)
def _source_names(name: str, url: str) -> tuple[bytes, ...]:
    """What ``source:`` is compared with: the name, the host and the address, folded."""
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        host = ""
    return tuple(_encoded(text) for text in (name, host, url) if text)


def _encoded(text: str) -> bytes:
    return fold(text).text.encode()


_BETWEEN_NAMES = re.compile("[,;/、，；|&]")


def glob(value: str) -> Regex:
    """``*`` any characters, ``?`` one; the whole text must match."""
    parts = {"*": ".*", "?": "."}
    body = "".join(parts.get(char) or _escape(char) for char in fold(value).text)
    return compile_regex(f"(?s)^{body}$", False)


def _escape(char: str) -> str:
    return char if char.isalnum() or ord(char) > 127 else f"\\{char}"
