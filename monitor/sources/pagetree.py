"""A page as a tree: what is seen of it, and fields by selector. The home of selectolax."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import NamedTuple

from selectolax.lexbor import LexborHTMLParser, LexborNode, SelectolaxError

from monitor.errors import ParseError

_UNSEEN = (
    "script, style, noscript, template, iframe, svg, select, textarea, "
    '[style*="display:none" i], [style*="display: none" i], '
    '[style*="visibility:hidden" i], [style*="visibility: hidden" i]'
)
_TITLE_READ = 2_000
_LITTLE_TEXT = 300
_SHELLS = '#root, #app, #__next, #__nuxt, #__NUXT__, [id="J_app"], [data-reactroot], app-root'


class Spot(NamedTuple):
    """A headline where it stands: raw texts, not yet cleaned.

    ``label`` names its block; ``rank`` counts from 1 in each ``list`` of a ranked one.
    """

    title: str
    href: str
    label: str = ""
    section: str | None = None
    rank: int | None = None
    time: str = ""
    source: str = ""
    heat: str = ""
    list: int = 0
    own: bool = False  # the page's own story
    pictured: bool = False  # the title is what a picture's words say


class Page:
    """A parsed page without what nobody sees. ``drop`` are selectors of what else goes."""

    def __init__(self, text: str, url: str, drop: Sequence[str] = ()) -> None:
        tree = LexborHTMLParser(text)
        self.url = url
        self.tree = tree
        self._scripts = len(tree.css("script"))
        base = tree.css_first("base[href]")
        self.base = (base.attributes.get("href") or "").strip() if base else ""
        title = tree.css_first("title")
        self.title = squeeze(title.text(deep=True))[:200] if title else ""
        self.language = _language(tree)
        self._shell = tree.css_first(_SHELLS) is not None
        for node in self.select(", ".join((_UNSEEN, *drop))):
            node.decompose()

    @property
    def root(self) -> LexborNode:
        """The body, or the whole tree."""
        found = self.tree.body or self.tree.root
        if found is None:
            raise ParseError("the document is not an HTML page")
        return found

    @cached_property
    def text(self) -> str:
        """All that is seen of the page."""
        return self.root.text(deep=True)

    def select(self, css: str) -> list[LexborNode]:
        """What ``css`` finds in the whole page."""
        return select(self.root, css)

    def why_empty(self) -> str:
        """A sentence about a page without headlines."""
        text = squeeze(self.text)
        if len(text) < _LITTLE_TEXT and (self._shell or self._scripts > 2):
            return (
                "the page is written by JavaScript: without a browser it has hardly any text "
                "(--render has one draw it)"
            )
        return "no headlines were found on the page"


def select(node: LexborNode, css: str) -> list[LexborNode]:
    """What ``css`` finds at and below ``node``. Raises ParseError for what is no selector."""
    try:
        return node.css(css)
    except SelectolaxError as error:
        raise ParseError(f"{css!r} is not a CSS selector that can be read") from error


def field(node: LexborNode, specs: Iterable[str]) -> str:
    """The first text that the selectors find; ``CSS@attribute`` reads an attribute."""
    for spec in specs:
        css, at, attribute = spec.rpartition("@")
        if not at or not re.fullmatch(r"[\w:-]+", attribute):
            css, attribute = spec, ""
        for found in select(node, css) if css else [node]:
            raw = found.attributes.get(attribute) if attribute else found.text(deep=True)
            if text := squeeze(raw or ""):
                return text
    return ""


def squeeze(text: str) -> str:
    """``text`` on one line."""
    return " ".join(text[: _TITLE_READ * 4].split())[:_TITLE_READ]


def link_of(node: LexborNode, specs: Sequence[str] = ()) -> str:
    """The address in an item: as the selectors say, else its own or its first link's."""
    if specs:
        return field(node, specs)
    if node.tag == "a":
        return (node.attributes.get("href") or "").strip()
    found = node.css_first("a[href]")
    return (found.attributes.get("href") or "").strip() if found else ""


def walk(node: LexborNode) -> Iterator[LexborNode]:
    """Elements and texts below ``node`` in the order in which they are read."""
    return node.traverse(include_text=True)


def _language(tree: LexborHTMLParser) -> str | None:
    node = tree.css_first("html[lang]")
    code = (node.attributes.get("lang") or "").strip().lower().replace("_", "-") if node else ""
    return code if re.fullmatch(r"[a-z]{2,3}(-[a-z0-9]{1,8})*", code) else None
