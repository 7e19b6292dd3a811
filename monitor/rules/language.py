"""The query language: a text becomes a tree, or an error that points at the place.

docs/rules.md has the grammar. NOT binds tighter than AND, AND tighter than OR;
terms that stand side by side are joined by AND.
"""

from __future__ import annotations

import difflib

from monitor.rules.regex import RegexError, compile_regex
from monitor.rules.tokens import Kind, Token, query_error, tokenize
from monitor.rules.tree import (
    MODES,
    And,
    Filter,
    Leaf,
    Literal,
    Near,
    Node,
    Not,
    Or,
    Query,
    Regex,
    is_broad,
)
from monitor.rules.tree import quote as quoted
from monitor.rules.values import FILTERS, Sections, ValueFault, read_filter, renamed
from monitor.text import fold

__all__ = ["FILTERS", "Query", "is_broad", "parse", "with_ids"]

TEXT_LIMIT = 8_192
DEPTH_LIMIT = 64
TERM_LIMIT = 1_000
NEAR_LIMIT = 100

_TERM = "a word, a phrase, a filter or '('"
_STARTS = frozenset(
    {Kind.WORD, Kind.PHRASE, Kind.REGEX, Kind.FILTER, Kind.NEAR, Kind.NOT, Kind.OPEN},
)


def parse(text: str, *, sections: frozenset[str] | None = None) -> Query:
    """The query that ``text`` means.

    With ``sections``, a ``section:`` filter must name one of them, and asks for its id.
    Raises QueryError, and nothing else, with the position and what was expected there.
    """
    _check_size(text)
    return Query(_Parser(text, sections).query())


def with_ids(text: str, sections: Sections) -> str:
    """``text`` with each section by its id, as it is stored: a name may be given to another later.

    Raises QueryError, as ``parse`` does.
    """
    _check_size(text)
    parser = _Parser(text, sections)
    parser.query()
    for start, end, which in reversed(parser.renamed):
        text = text[:start] + which + text[end:]
    _check_size(text)
    return text


def _check_size(text: str) -> None:
    size = len(text.encode("utf-8", "surrogatepass"))
    if size > TEXT_LIMIT:
        expected = f"a query is at most {TEXT_LIMIT:,} bytes, this one has {size:,}; split it"
        raise query_error(text[:60] + "…", 0, expected)


class _Parser:
    """One pass over the tokens, one method a level of precedence."""

    def __init__(self, text: str, sections: frozenset[str] | None) -> None:
        self._text = text
        self._sections = sections
        self._tokens = tokenize(text)
        self._at = 0
        self._depth = 0
        self._terms = 0
        self.renamed: list[tuple[int, int, str]] = []

    def query(self) -> Node:
        first = self._peek()
        if first.kind is Kind.END:
            raise self._error(first, f"the query is empty; expected {_TERM}")
        node = self._any()
        left = self._peek()
        if left.kind is Kind.CLOSE:
            raise self._error(left, "this ')' closes nothing; expected '(' before it")
        return node

    def _any(self) -> Node:
        children = [self._all()]
        while self._peek().kind is Kind.OR:
            after = self._take()
            self._need_term(after)
            children.append(self._all())
        return _flat(Or, children)

    def _all(self) -> Node:
        children = [self._one()]
        while True:
            if self._peek().kind is Kind.AND:
                after = self._take()
                self._need_term(after)
            elif self._peek().kind not in _STARTS:
                return _flat(And, children)
            children.append(self._one())

    def _one(self) -> Node:
        token = self._peek()
        if token.kind not in _STARTS:
            hint = f"; to search for the word, write {quoted(token.kind.value)}"
            hint = hint if token.kind in {Kind.AND, Kind.OR} else ""
            raise self._error(token, f"expected {_TERM} before {token.kind.value}{hint}")
        self._take()
        if token.kind is Kind.NOT:
            self._need_term(token)
            self._deepen(token)
            child = self._one()
            self._depth -= 1
            return Not(child)
        if token.kind is Kind.OPEN:
            return self._group(token)
        return self._leaf(token)

    def _group(self, opening: Token) -> Node:
        if self._peek().kind is Kind.CLOSE:
            raise self._error(self._peek(), f"these parentheses are empty; expected {_TERM}")
        self._need_term(opening)
        self._deepen(opening)
        node = self._any()
        self._depth -= 1
        if self._peek().kind is not Kind.CLOSE:
            raise self._error(opening, "this '(' is not closed; expected ')' after its terms")
        self._take()
        return node

    def _leaf(self, token: Token) -> Leaf:
        if token.kind is Kind.NEAR:
            return self._near(token)
        self._count(token)
        if token.kind is Kind.REGEX:
            return self._regex(token)
        if token.kind is Kind.FILTER:
            return self._filter(token)
        return self._literal(token)

    def _count(self, token: Token) -> None:
        self._terms += 1
        if self._terms > TERM_LIMIT:
            raise self._error(token, f"a query has at most {TERM_LIMIT:,} terms; split it")

    def _literal(self, token: Token) -> Literal:
        if not fold(token.value).text.strip():
            raise self._error(token, "nothing visible to search for; expected a text")
        return Literal(token.value, token.name, token.first, token.last)

    def _near(self, token: Token) -> Near:
        distance = int(token.value)
        if distance > NEAR_LIMIT:
            raise self._error(token, f"NEAR reaches at most {NEAR_LIMIT} tokens far")
        self._deepen(token)
        self._take()  # the parenthesis: without one it is no NEAR
        left = self._operand(token)
        self._near_mark(token, Kind.COMMA)
        right = self._operand(token)
        self._near_mark(token, Kind.CLOSE)
        self._depth -= 1
        return Near(distance, left, right)

    def _operand(self, near: Token) -> tuple[Literal, ...]:
        """A literal, or several in parentheses joined by OR."""
        if self._peek().kind is not Kind.OPEN:
            return (self._near_word(near),)
        self._take()
        words = [self._near_word(near)]
        while self._peek().kind is Kind.OR:
            self._take()
            words.append(self._near_word(near))
        self._near_mark(near, Kind.CLOSE)
        return tuple(words)

    def _near_word(self, near: Token) -> Literal:
        token = self._peek()
        if token.kind not in {Kind.WORD, Kind.PHRASE}:
            wanted = "expected a word, a phrase or (a OR b)"
            raise self._error(token, f"{wanted}, as in {_near_example(near)}")
        self._count(token)
        return self._literal(self._take())

    def _near_mark(self, near: Token, kind: Kind) -> None:
        if self._peek().kind is not kind:
            wanted = f"expected {kind.value} here"
            hint = "; several words are one phrase in quotes"
            hint = hint if self._peek().kind in {Kind.WORD, Kind.PHRASE} else ""
            raise self._error(self._peek(), f"{wanted}, as in {_near_example(near)}{hint}")
        self._take()

    def _regex(self, token: Token) -> Regex:
        ignore_case = token.rest == "i"
        try:
            compile_regex(token.value, ignore_case)
        except RegexError as error:
            written = self._text[token.start + 1 : token.end]
            raise self._error_at(
                token.start + 1 + _where_written(written, error.offset), error.reason
            ) from error
        return Regex(token.value, ignore_case)

    def _filter(self, token: Token) -> Filter:
        name = token.name.lower()
        if name not in FILTERS:
            written = self._text[token.start : token.end]
            raise self._error(token, _unknown_filter(name, token.value, written))
        start = token.start + len(token.name) + 1
        try:
            found = read_filter(name, token.value, self._sections)
        except ValueFault as fault:
            raise self._error_at(start + fault.offset, fault.expected) from fault
        if name == "section" and isinstance(self._sections, Sections):
            named = renamed(token.value, self._sections)
            self.renamed += [(start + at, start + end, which) for at, end, which in named]
        return found

    def _peek(self) -> Token:
        return self._tokens[self._at]

    def _take(self) -> Token:
        self._at += 1
        return self._tokens[self._at - 1]

    def _deepen(self, token: Token) -> None:
        self._depth += 1
        if self._depth > DEPTH_LIMIT:
            raise self._error(token, f"more than {DEPTH_LIMIT} levels deep; expected fewer")

    def _need_term(self, after: Token) -> None:
        """After an operator or '(' a term must follow."""
        if self._peek().kind in _STARTS:
            return
        name = "-" if after.value == "-" else after.kind.value
        operator = after.kind in {Kind.AND, Kind.OR, Kind.NOT} and name != "-"
        hint = f"; to search for the word, write {quoted(name)}" if operator else ""
        raise self._error_at(self._peek().start, f"expected {_TERM} after {name}{hint}")

    def _error(self, token: Token, expected: str) -> Exception:
        return self._error_at(token.start, expected)

    def _error_at(self, position: int, expected: str) -> Exception:
        return query_error(self._text, position, expected)


def _flat(kind: type[And] | type[Or], children: list[Node]) -> Node:
    if len(children) == 1:
        return children[0]
    flat: list[Node] = []
    for child in children:
        flat.extend(child.children if isinstance(child, kind) else (child,))
    return kind(tuple(flat))


def _near_example(near: Token) -> str:
    return f"NEAR/{near.value}(this, that)"


def _unknown_filter(name: str, value: str, written: str) -> str:
    nearest = difflib.get_close_matches(name, (*FILTERS, *MODES), 1)
    if nearest:
        way_out = f"did you mean {nearest[0]}:{value} ?"
    else:
        way_out = "expected " + ", ".join(f"{known}:" for known in (*FILTERS, *MODES))
    text = f"to search for the text, write {quoted(written)}"
    return f"no filter is named {quoted(name)}; {way_out}; {text}"


def _where_written(pattern: str, offset: int) -> int:
    """Where a character of a pattern stands in it as it was written, with its ``\\/``."""
    at = 0
    for _ in range(offset):
        at += 2 if pattern[at] == "\\" and pattern[at + 1] == "/" else 1
    return at
