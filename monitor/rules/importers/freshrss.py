"""FreshRSS's searches: one a line, or JSON of its saved queries (``name`` and ``search``).

A search with a part that no rule can ask (addresses, tags, dates, feed numbers) is left out
whole: without it, it would mean something else.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

from monitor.rules.importers.draft import (
    Choices,
    Draft,
    Fate,
    Imported,
    Report,
    all_nodes,
    any_node,
    bad_file,
    expression,
    substring,
    text_of,
)
from monitor.rules.tree import Filter, Node, Not

DEEPEST = 60
_PIECE = re.compile(
    r"""\s*(?:
      (?P<open>\() | (?P<close>\)) | (?P<or>OR(?=[\s(]|$)) | (?P<and>AND(?=[\s(]|$)) | (?P<not>[!-])
      | (?P<name>[A-Za-z]+:|\#)?
        (?: /(?P<regex>(?:[^/\\]|\\.)+)/(?P<flags>[a-z]*)
          | "(?P<double>[^"]*)" | '(?P<single>[^']*)'
          | (?P<word>(?:\\[()]|[^\s()"'])(?:\\[()]|[^\s()])*) )
    )""",
    re.VERBOSE,
)
_NAMED = re.compile("[A-Za-z]+:")
_TITLE = {"intitle:", "", "intext:"}


class _Refused(Exception):
    """A search that cannot be a rule; the text says why."""


@dataclass(frozen=True, slots=True)
class _Search:
    line: int
    name: str
    text: str


def read(text: str, choices: Choices) -> Imported:
    """The rules of a file."""
    report = Report()
    for search in _searches(text):
        try:
            node = _Parser(search, choices, report).search()
        except _Refused as error:
            report.note(search.line, Fate.LOST, search.text, str(error))
            continue
        draft = Draft(search.name or search.text, text_of(node))
        if report.add(draft, search.line):
            report.note(search.line, Fate.KEPT, search.text, draft.query)
    return report.done()


def _searches(text: str) -> Iterator[_Search]:
    if text.lstrip()[:1] == "{":
        raise bad_file('a list [...] of saved queries with "name" and "search" is expected')
    if text.lstrip()[:1] == "[":
        try:
            document = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise bad_file(f"this is no JSON ({error})") from error
        for item in document:
            if not isinstance(item, dict) or not isinstance(item.get("search"), str):
                raise bad_file('each saved query is an object with "name" and "search"')
            if item["search"].strip():
                yield _Search(0, str(item.get("name") or ""), item["search"].strip())
        return
    for number, line in enumerate(text.splitlines(), 1):
        written = line.strip()
        if written.startswith(("?", "http://", "https://")):
            asked = parse_qs(urlsplit(written).query)
            found, name = asked.get("search", [""])[0], asked.get("name", [""])[0]
            if found.strip():
                yield _Search(number, name, found.strip())
        elif written and not written.startswith("# "):
            yield _Search(number, "", written)


class _Parser:
    """FreshRSS's precedence: side by side is AND, which binds tighter than OR."""

    def __init__(self, search: _Search, choices: Choices, report: Report) -> None:
        self._search, self._choices, self._report = search, choices, report
        self._pieces = self._split(search.text)
        self._at = 0
        self._depth = 0

    def _split(self, text: str) -> list[re.Match[str]]:
        pieces, at = [], 0
        while text[at:].strip():
            found = _PIECE.match(text, at)
            if found is None or found.end() == at:
                raise _Refused(f"cannot be read from {text[at : at + 20].strip()!r} on")
            pieces.append(found)
            at = found.end()
        return pieces

    def search(self) -> Node:
        node = self._any()
        if self._at < len(self._pieces):
            raise _Refused("a ) closes nothing")
        return node

    def _kind(self) -> str:
        found = self._pieces[self._at] if self._at < len(self._pieces) else None
        return (found.lastgroup or "") if found else "end"

    def _take(self) -> re.Match[str]:
        self._at += 1
        return self._pieces[self._at - 1]

    def _any(self) -> Node:
        nodes = [self._all()]
        while self._kind() == "or":
            self._take()
            nodes.append(self._all())
        return any_node(nodes)

    def _all(self) -> Node:
        nodes = [self._one()]
        while self._kind() not in {"or", "close", "end"}:
            if self._kind() == "and":
                self._take()
            nodes.append(self._one())
        return all_nodes(nodes)

    def _one(self) -> Node:
        kind = self._kind()
        if kind in {"end", "or", "and", "close"}:
            raise _Refused("a word is missing")
        piece = self._take()
        if kind in {"not", "open"}:
            self._depth += 1
            if self._depth > DEEPEST:
                raise _Refused(f"more than {DEEPEST} levels deep")
            node = Not(self._one()) if kind == "not" else self._group()
            self._depth -= 1
            return node
        return self._term(piece)

    def _group(self) -> Node:
        node = self._any()
        if self._kind() != "close":
            raise _Refused("a ( is not closed")
        self._take()
        return node

    def _term(self, piece: re.Match[str]) -> Node:
        name = (piece["name"] or "").lower()
        if piece["regex"] is not None and name in _TITLE:
            return self._regex(piece, name)
        text = next(
            each
            for each in (piece["double"], piece["single"], piece["word"], piece["regex"])
            if each is not None
        )
        if piece["word"] is not None and not name and (asked := _NAMED.match(text)):
            raise _Refused(f"a word or a text in quotes is expected directly after {asked[0]}")
        text = re.sub(r"\\([()])", r"\1", text)
        if name == "author:" and piece["regex"] is None:
            return Filter("author", (f"*{text}*",))
        if name not in _TITLE:
            raise _Refused(f"a rule cannot ask for {name}; the search is left out whole")
        self._tell_of_texts(name, text)
        word = substring(text, self._choices)
        if word is None:
            raise _Refused("a word is empty")
        return word

    def _tell_of_texts(self, name: str, what: str) -> None:
        if name != "intitle:":
            note = "FreshRSS looks in texts too; here in titles"
            self._report.note(self._search.line, Fate.CHANGED, what, note)

    def _regex(self, piece: re.Match[str], name: str) -> Node:
        flags = set(piece["flags"]) - {"m"}  # of one line, it means the same
        if flags - {"i"}:
            raise _Refused(f"the flags {piece['flags']} mean nothing here")
        node = expression(piece["regex"], "i" in flags)
        if isinstance(node, str):
            raise _Refused(node)
        self._tell_of_texts(name, f"/{piece['regex']}/{piece['flags']}")
        return node
