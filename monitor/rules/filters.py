"""What a query's filters ask of a subject."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from monitor.rules import tree
from monitor.rules.regex import Regex, compile_regex
from monitor.text import detect_language, fold


@dataclass(frozen=True, slots=True)
class Subject:
    """What a rule is asked about. ``language`` None is detected from the title."""

    title: str
    section: str = ""
    probability: float = 0.0
    unsure: bool = False
    source: str = ""
    source_url: str = ""
    labels: tuple[str, ...] = ()
    language: str | None = None


def check(term: tree.Filter) -> Callable[[Subject], bool]:
    """The question that ``term`` asks."""
    return _FILTERS[term.name](term)


_COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    ">": operator.gt,
    "<=": operator.le,
    "<": operator.lt,
}


def _section(term: tree.Filter) -> Callable[[Subject], bool]:
    if term.value == "unsure":
        return lambda subject: subject.unsure
    if not term.comparison:
        return lambda subject: subject.section == term.value and not subject.unsure
    compare = _COMPARISONS[term.comparison]
    return lambda subject: (
        subject.section == term.value and compare(subject.probability, term.bound)
    )


def _source(term: tree.Filter) -> Callable[[Subject], bool]:
    glob = _glob(term.value)
    return lambda subject: any(
        glob.found(name) for name in _source_names(subject.source, subject.source_url)
    )


def _label(term: tree.Filter) -> Callable[[Subject], bool]:
    glob = _glob(term.value)
    return lambda subject: any(glob.found(_encoded(label)) for label in subject.labels)


def _lang(term: tree.Filter) -> Callable[[Subject], bool]:
    def holds(subject: Subject) -> bool:
        language = subject.language or detect_language(subject.title)
        tag = language.casefold().replace("_", "-")
        return tag == term.value or tag.startswith(term.value + "-")

    return holds


_FILTERS: dict[str, Callable[[tree.Filter], Callable[[Subject], bool]]] = {
    "section": _section,
    "source": _source,
    "label": _label,
    "lang": _lang,
}


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


def _glob(value: str) -> Regex:
    """``*`` any characters, ``?`` one; the whole text must match."""
    parts = {"*": ".*", "?": "."}
    body = "".join(parts.get(char) or _escape(char) for char in fold(value).text)
    return compile_regex(f"(?s)^{body}$", False)


def _escape(char: str) -> str:
    return char if char.isalnum() or ord(char) > 127 else f"\\{char}"
