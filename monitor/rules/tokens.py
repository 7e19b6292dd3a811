"""A query's text as tokens, each with its position."""

from __future__ import annotations

import enum
import re
import unicodedata
from dataclasses import dataclass

from monitor.errors import QueryError

REGEX_LIMIT = 1_024


class Kind(enum.Enum):
    """What a token is; the value is how a message calls it."""

    WORD = "a word"
    PHRASE = "a phrase"
    REGEX = "a regular expression"
    FILTER = "a filter"
    AND = "AND"
    OR = "OR"
    NOT = "NOT"
    OPEN = "'('"
    CLOSE = "')'"
    END = "the end"


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of the text from ``start`` to ``end``.

    ``value`` is the word, the phrase without quotes, the pattern without slashes or all that
    stands behind a filter's colon; ``name`` is the filter's name, ``rest`` a regex's flags.
    """

    kind: Kind
    start: int
    end: int
    value: str = ""
    name: str = ""
    rest: str = ""
    quoted: bool = False


_SPACE = re.compile(r"\s+")
_WORD = re.compile(r"[^\s\"“”()（）]+")
_FILTER = re.compile(r"([A-Za-z_]+)[:：]")
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
    at = 0
    while True:
        space = _SPACE.match(text, at)
        at = space.end() if space else at
        if at == len(text):
            return [*tokens, Token(Kind.END, at, at)]
        token = _next(text, at)
        tokens.append(token)
        at = token.end


def normal(text: str) -> str:
    """NFC, white space collapsed: how a tree holds a text."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def unquoted(text: str) -> str:
    """What stood between quotes, without the backslashes that protect quotes."""
    return re.sub(r"\\([\"“”\\])", r"\1", text)


def query_error(text: str, position: int, expected: str) -> QueryError:
    """A QueryError whose caret stays under its character, whatever the text holds."""
    shown = "".join(" " if char.isspace() else char for char in text)
    return QueryError(_CONTROL.sub("\ufffd", shown), position, expected)


def _next(text: str, at: int) -> Token:
    char = text[at]
    if char in _MARKS:
        return Token(_MARKS[char], at, at + 1)
    if char in _PHRASES:
        return _phrase(text, at)
    if char == "”":
        raise query_error(text, at, "this quote closes nothing; expected “ before it")
    if char == "/":
        return _regex(text, at)
    if char == "-":
        return _minus(text, at)
    if name := _FILTER.match(text, at):
        return _filter(text, name)
    word = _WORD.match(text, at)
    assert word is not None  # every other character has returned above
    kind = _WORDS.get(word[0], Kind.WORD)
    return Token(kind, at, word.end(), normal(word[0]))


def _phrase(text: str, at: int) -> Token:
    closing = "”" if text[at] == "“" else '"'
    found = _PHRASES[text[at]].match(text, at)
    if found is None:
        raise query_error(text, at, f"this phrase is not closed; expected {closing} after its text")
    value = normal(unquoted(found[1]))
    if not value:
        raise query_error(text, at, "these quotes are empty; expected a text between them")
    return Token(Kind.PHRASE, at, found.end(), value, quoted=True)


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
    pattern = re.sub(
        r"\\(.)", lambda pair: "/" if pair[1] == "/" else pair[0], found[1], flags=re.DOTALL
    )
    return Token(Kind.REGEX, at, found.end(), pattern, rest=found[2])


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
