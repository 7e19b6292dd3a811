"""A query's text as tokens, each with its position."""

from __future__ import annotations

import enum
import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass

from monitor.errors import QueryError
from monitor.rules.tree import MODES, quote

REGEX_LIMIT = 1_024


class Kind(enum.Enum):
    """What a token is; the value is how a message calls it."""

    WORD = "a word"
    PHRASE = "a phrase"
    REGEX = "a regular expression"
    FILTER = "a filter"
    NEAR = "NEAR"
    COMMA = "','"
    AND = "AND"
    OR = "OR"
    NOT = "NOT"
    OPEN = "'('"
    CLOSE = "')'"
    END = "the end"


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of the text from ``start`` to ``end``.

    ``value`` is the word, the phrase without quotes, the pattern without slashes, NEAR's
    distance or all that stands behind a filter's colon; ``name`` is the filter's name or the
    literal's mode, ``rest`` a regex's flags; ``first`` and ``last`` are a literal's anchors.
    """

    kind: Kind
    start: int
    end: int
    value: str = ""
    name: str = ""
    rest: str = ""
    first: bool = False
    last: bool = False


_SPACE = re.compile(r"\s+")
_WORD = re.compile(r"[^\s\"“”()（）]+")
_WORD_IN_NEAR = re.compile(r"[^\s\"“”()（）,，]+")
_FILTER = re.compile(r"([A-Za-z_]+)[:：]")
_NEAR = re.compile(r"NEAR(?:(?=[(（])|/[^\s()（）\d]*(?=[(（])|/(\d{1,9})\s*(?=[(（]))")
_HEAD = re.compile(r"(\^?)(?:(word|sub|exact)[:：])?(\^?)", re.IGNORECASE)
_PHRASES = {
    '"': re.compile(r'"((?:[^"\\]|\\.|\\)*+)"', re.DOTALL),
    "“": re.compile(r"“((?:[^”\\]|\\.|\\)*+)”", re.DOTALL),
}
_VALUE = re.compile(
    r"(?:\"(?:[^\"\\]|\\.|\\)*+\"|“(?:[^”\\]|\\.|\\)*+”|[^\s\"“”()（）])*+", re.DOTALL
)
_REGEX = re.compile(r"/((?:[^/\\]|\\.)*+)/([A-Za-z]*)", re.DOTALL)
_CONTROL = re.compile("[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\ud800-\udfff]")
_WORDS = {"AND": Kind.AND, "OR": Kind.OR, "NOT": Kind.NOT}
_MARKS = {"(": Kind.OPEN, "（": Kind.OPEN, ")": Kind.CLOSE, "）": Kind.CLOSE}


def tokenize(text: str) -> list[Token]:
    """The tokens of ``text`` and one END; QueryError where a piece cannot be read."""
    bad = _CONTROL.search(text)
    if bad:
        raise query_error(text, bad.start(), "this control character cannot be searched for")
    tokens: list[Token] = []
    opened: list[bool] = []  # whether each open parenthesis is within a NEAR, where commas separate
    at = 0
    while True:
        space = _SPACE.match(text, at)
        at = space.end() if space else at
        if at == len(text):
            return [*tokens, Token(Kind.END, at, at)]
        near = bool(opened) and opened[-1]
        token = _next(text, at, near)
        if token.kind is Kind.OPEN:
            opened.append(near or (bool(tokens) and tokens[-1].kind is Kind.NEAR))
        elif token.kind is Kind.CLOSE and opened:
            opened.pop()
        tokens.append(token)
        at = token.end


def normal(text: str) -> str:
    """NFC, white space collapsed: how a tree holds a text."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def unquoted(text: str) -> str:
    """What stood between quotes, without the backslashes that protect quotes."""
    return re.sub(r"\\([\"“”\\])", r"\1", text)


def unescaped(pattern: str) -> str:
    """A regular expression without the backslashes that protect slashes: how a tree holds it."""
    return re.sub(
        r"\\(.)", lambda pair: "/" if pair[1] == "/" else pair[0], pattern, flags=re.DOTALL
    )


def query_error(text: str, position: int, expected: str) -> QueryError:
    """A QueryError whose caret stays under its character, whatever the text holds."""
    shown = "".join(" " if char.isspace() else char for char in text)
    return QueryError(_CONTROL.sub("\ufffd", shown), position, expected)


def _next(text: str, at: int, near: bool) -> Token:
    char = text[at]
    if char in _MARKS:
        return Token(_MARKS[char], at, at + 1)
    if near and char in ",，":
        return Token(Kind.COMMA, at, at + 1)
    if special := _SPECIAL.get(char):
        return special(text, at)
    if found := _NEAR.match(text, at):
        return _near(text, found)
    name = _FILTER.match(text, at)
    if name and name[1].lower() not in MODES:
        return _filter(text, name)
    return _literal(text, at, near)


def _stray(text: str, at: int) -> Token:
    raise query_error(text, at, "this quote closes nothing; expected “ before it")


def _near(text: str, found: re.Match[str]) -> Token:
    if not found[1]:
        raise query_error(text, found.start(), "expected a distance, as in NEAR/5(this, that)")
    return Token(Kind.NEAR, found.start(), found.end(), found[1])


def _literal(text: str, at: int, near: bool) -> Token:
    """A word or a phrase with what may stand around it: a mode before, anchors."""
    head = _HEAD.match(text, at)
    assert head is not None  # the expression matches the empty text too
    mode, first = (head[2] or "").lower(), bool(head[1] or head[3])
    start = head.end()
    if text[start : start + 1] in _PHRASES and start < len(text):
        end, value = _phrase(text, start)
        last = text.startswith("$", end)
        return Token(Kind.PHRASE, at, end + last, value, mode, first=first, last=last)
    word = (_WORD_IN_NEAR if near else _WORD).match(text, start)
    written = word[0] if word else ""
    last = written.endswith("$")
    value = normal(written.removesuffix("$"))
    if not value:
        before = text[at : start + last]
        expected = f"expected a word or a phrase directly {'before' if last else 'after'} {before}"
        raise query_error(text, start, f"{expected}; to search for the text, write {quote(before)}")
    if mode and value.startswith("/"):
        raise query_error(text, start, f"{mode}: is for words and phrases, not for expressions")
    plain = not mode and not first and not last
    kind = _WORDS.get(value, Kind.WORD) if plain else Kind.WORD
    return Token(kind, at, start + len(written), value, mode, first=first, last=last)


def _phrase(text: str, at: int) -> tuple[int, str]:
    """Where the phrase that begins at ``at`` ends, and its text."""
    closing = "”" if text[at] == "“" else '"'
    found = _PHRASES[text[at]].match(text, at)
    if found is None:
        raise query_error(text, at, f"this phrase is not closed; expected {closing} after its text")
    value = normal(unquoted(found[1]))
    if not value:
        raise query_error(text, at, "these quotes are empty; expected a text between them")
    return found.end(), value


def _regex(text: str, at: int) -> Token:
    found = _REGEX.match(text, at)
    hint = f'to search for the text, quote it: "{(_WORD.match(text, at) or "/")[0]}"'
    if found is None:
        raise query_error(text, at, f"expected / at the end of this regular expression; {hint}")
    if not found[1]:
        raise query_error(text, at, f"expected a regular expression between the slashes; {hint}")
    if len(found[1].encode()) > REGEX_LIMIT:
        raise query_error(text, at, f"a regular expression is at most {REGEX_LIMIT:,} bytes")
    if found[2] not in {"", "i"}:
        raise query_error(text, found.start(2), f"expected the flag i or none; {hint}")
    return Token(Kind.REGEX, at, found.end(), unescaped(found[1]), rest=found[2])


def _minus(text: str, at: int) -> Token:
    after = text[at + 1 : at + 2]
    if not after or after.isspace() or after in ")）":
        expected = 'expected a word directly after -; to search for the character, write "-"'
        raise query_error(text, at, expected)
    return Token(Kind.NOT, at, at + 1, "-")


def _filter(text: str, name: re.Match[str]) -> Token:
    found = _VALUE.match(text, name.end())
    assert found is not None  # the expression matches the empty text too
    if text[found.end() : found.end() + 1] in _PHRASES and found.end() < len(text):
        _phrase(text, found.end())  # raises: it is not closed
    return Token(Kind.FILTER, name.start(), found.end(), found[0], name[1])


_SPECIAL: dict[str, Callable[[str, int], Token]] = {"/": _regex, "-": _minus, "”": _stray}
