"""Random queries and titles that meet each other often."""

from __future__ import annotations

from hypothesis import strategies as st

from monitor.rules.matcher import Subject
from monitor.rules.tokens import normal
from monitor.rules.tree import And, Filter, Literal, Node, Not, Or, Query, Regex
from monitor.text import fold

PIECES = (
    *(
        "苹果",
        "蘋果",
        "果",
        "果农",
        "水果",
        "央行",
        "降息",
        "漲停",
        "涨停",
        "5月",
        "：",
        "（",
        "“",
        "”",
    ),
    *(
        "AI",
        "ai",
        "ＡＩ",
        "AIR",
        "Air",
        "5",
        "15",
        "Café",
        "cafe",
        "e\u0301",
        "é",
        "ß",
        "ss",
        "C++",
    ),
    *("㎡", "m2", "…", "...", ".NET", "Ж", "ж", "ｶﾞ", "ガ", "각", "-", "/", ":", ")", "AND", "or"),
    *("\u200b", "\u0301", "🇨🇳", "\U00020000", "_", "①"),
)
PATTERNS = (
    "涨停|跌停",
    "AI",
    "[A-Z]+",
    r"\d+",
    "果(农|酱)?",
    "^苹果",
    "停$",
    "a.?i",
    "(苹|水)果",
    "(?:央行)?降息",
    "央行(降息)*",
    "[果农]{2}",
    "e/m",
    "5月?",
    "水+果",
    "x*",
    "果农?",
    "水果{0,2}农*",
    "[a-z]{2}[0-9]?",
)
SECTIONS = ("finance", "tech")

titles = st.lists(
    st.sampled_from((*PIECES, " ", "  ", "，", "x", "\ud800")) | st.characters(), max_size=9
).map("".join)

_texts = st.lists(
    st.sampled_from(PIECES) | st.characters(exclude_categories=("Cc", "Cs")), min_size=1, max_size=3
).flatmap(lambda pieces: st.sampled_from(["".join(pieces), " ".join(pieces), pieces[0]]))

_literals = _texts.map(normal).filter(lambda text: fold(text).text.strip() != "").map(Literal)

_filters = st.one_of(
    st.builds(Filter, st.just("section"), st.sampled_from((*SECTIONS, "unsure"))),
    st.builds(
        Filter,
        st.just("section"),
        st.sampled_from(SECTIONS),
        st.sampled_from((">=", ">", "<=", "<")),
        st.sampled_from((0.0, 0.25, 0.5, 0.7, 1.0)),
    ),
    st.builds(Filter, st.just("lang"), st.sampled_from(("zh", "en", "und"))),
    st.builds(
        Filter, st.sampled_from(("source", "label")), st.sampled_from(("人民*", "BBC News", "b?c*"))
    ),
)

_regexes = st.builds(Regex, st.sampled_from(PATTERNS), st.booleans())


def _join(kind: type[And] | type[Or], children: list[Node]) -> Node:
    flat: list[Node] = []
    for child in children:
        flat.extend(child.children if isinstance(child, kind) else (child,))
    return kind(tuple(flat))


nodes: st.SearchStrategy[Node] = st.recursive(
    _literals | _literals | _regexes | _filters,
    lambda inner: st.one_of(
        inner.map(Not),
        st.lists(inner, min_size=2, max_size=3).map(lambda children: _join(And, children)),
        st.lists(inner, min_size=2, max_size=3).map(lambda children: _join(Or, children)),
    ),
    max_leaves=8,
)
queries = nodes.map(Query)

subjects = st.builds(
    Subject,
    titles,
    section=st.sampled_from((*SECTIONS, "world")),
    probability=st.sampled_from((0.0, 0.3, 0.5, 0.7, 1.0)),
    unsure=st.booleans(),
    source=st.sampled_from(("", "人民网", "BBC News")),
    labels=st.sampled_from(((), ("bbc",), ("人民日报", "x"))),
)
