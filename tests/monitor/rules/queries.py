"""Random queries and titles that meet each other often."""

from __future__ import annotations

from hypothesis import strategies as st

from monitor.rules.matcher import Subject
from monitor.rules.tokens import normal
from monitor.rules.tree import And, Bound, Filter, Literal, Near, Node, Not, Or, Query, Regex
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
    *(
        "王兴",
        "王兴兴",
        "美的",
        "完美的",
        "，",
        ",",
        "^",
        "$",
        "NEAR/2",
        "3.5",
        "央行降息",
        "中国",
        "国际",
        "遇",
    ),
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

_visible = _texts.map(normal).filter(lambda text: fold(text).text.strip() != "")
_plain = _visible.map(Literal)
_moded = st.builds(
    Literal, _visible, st.sampled_from(("", "word", "sub", "exact")), st.booleans(), st.booleans()
)
_literals = _plain | _plain | _moded
_sides = st.lists(_literals, min_size=1, max_size=2).map(tuple)
_nears = st.builds(Near, st.integers(0, 4), _sides, _sides)

_comparisons = st.sampled_from((">=", ">", "<=", "<"))


def _some(*values: str) -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(st.sampled_from(values), min_size=1, max_size=2, unique=True).map(tuple)


def _bounds(numbers: tuple[float, ...]) -> st.SearchStrategy[Bound]:
    number = st.sampled_from(numbers)
    return st.builds(Bound, _comparisons | st.just("="), number) | st.tuples(number, number).map(
        lambda pair: Bound("..", min(pair), max(pair))
    )


def _numbers(name: str, numbers: tuple[float, ...]) -> st.SearchStrategy[Filter]:
    bounds = st.lists(_bounds(numbers), min_size=1, max_size=2, unique=True)
    return bounds.map(lambda found: Filter(name, (), tuple(found)))


def _probable(bound: Bound) -> bool:
    return bound.comparison != "="


_filters = st.one_of(
    st.builds(Filter, st.just("section"), _some(*SECTIONS, "unsure")),
    st.builds(
        Filter,
        st.just("section"),
        _some(*SECTIONS),
        _bounds((0.0, 0.25, 0.5, 0.7, 1.0)).filter(_probable).map(lambda bound: (bound,)),
    ),
    st.builds(Filter, st.just("lang"), _some("zh", "en", "und")),
    st.builds(
        Filter,
        st.sampled_from(("source", "label", "author")),
        _some("人民*", "BBC News", "b?c*", "a, b", 'say "x"'),
    ),
    st.builds(Filter, st.just("event"), _some("source-*", "source-silent")),
    st.builds(Filter, st.just("burst"), st.sampled_from((("yes",), ("no",)))),
    st.just(Filter("is", ("first",))),
    _numbers("rank", (1.0, 3.0, 10.0)),
    _numbers("age", (0.0, 59.0, 90.0, 7_200.0, 86_400.0)),
    _numbers("portals", (1.0, 3.0, 5.0)),
    _numbers("hot", (0.0, 0.5, 2.25, 100.0)),
    _numbers("burst", (1.0, 2.5)),
)

_regexes = st.builds(Regex, st.sampled_from(PATTERNS), st.booleans())


def _join(kind: type[And] | type[Or], children: list[Node]) -> Node:
    flat: list[Node] = []
    for child in children:
        flat.extend(child.children if isinstance(child, kind) else (child,))
    return kind(tuple(flat))


nodes: st.SearchStrategy[Node] = st.recursive(
    _literals | _literals | _literals | _nears | _regexes | _filters,
    lambda inner: st.one_of(
        inner.map(Not),
        st.lists(inner, min_size=2, max_size=3).map(lambda children: _join(And, children)),
        st.lists(inner, min_size=2, max_size=3).map(lambda children: _join(Or, children)),
    ),
    max_leaves=8,
)
queries = nodes.map(Query)

your_words = st.lists(
    st.sampled_from(("央行降息", "苹果水果", "ａｉ果", "漲停果", "果农")), max_size=2
)

subjects = st.builds(
    Subject,
    titles,
    section=st.sampled_from((*SECTIONS, "world")),
    probability=st.sampled_from((0.0, 0.3, 0.5, 0.7, 1.0)),
    unsure=st.booleans(),
    source=st.sampled_from(("", "人民网", "BBC News")),
    labels=st.sampled_from(((), ("bbc",), ("人民日报", "x"))),
    author=st.sampled_from(("", "BBC News", "a, b", "人民网、BBC")),
    rank=st.sampled_from((None, 1, 3, 50)),
    age_s=st.sampled_from((None, 0.0, 90.0, 7_200.0, 1e6)),
    portals=st.sampled_from((1, 3, 7)),
    hot=st.sampled_from((0.0, 0.5, 2.25, 7.0)),
    is_first=st.booleans(),
    burst=st.sampled_from((0.0, 2.5)),
    event=st.sampled_from((None, None, None, "source-silent", "disk-full")),
)
