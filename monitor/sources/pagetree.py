"""A page as a tree: what is seen of it, and fields by selector. The home of selectolax."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from selectolax.lexbor import LexborHTMLParser, LexborNode, SelectolaxError

from monitor.errors import ParseError

_UNSEEN = (
    "script, style, noscript, template, iframe, svg, select, textarea, "
    '[style*="display:none" i], [style*="display: none" i], '
    '[style*="visibility:hidden" i], [style*="visibility: hidden" i]'
)
_TITLE_READ = 2_000
_CUT = re.compile(r"\s*(?:…+|\.{3,})$")
_LITTLE_TEXT = 300
_HEADING = (
    "h1, h2, h3, h4, h5, h6, "
    '[class="title" i], [class$="-title" i], [class$="_title" i], [class*="headline" i]'
)
# What stands beside a headline within its link: a rank, a time, a count, a label.
_MARK = re.compile(
    r"(?:no\.)?\d{1,4}[.、]?|[\d年月日时分:：./ -]{4,}|\d+\s*图"
    r"|\d+\s*(?:秒|分钟|分|小时|時間|天|日|周|个月|月|年)前"
    r"|(?:\d+|an?)\s*(?:s|m|h|d|sec|min|minute|hour|day|week|month)s?\s*ago"
    r"|[\d.,]+\s*[万亿km]?\s*\+?(?:次?(?:阅读|评论|跟贴|播放|浏览)|views?|comments?)?"
    r"|[热新爆沸荐顶图]|置顶|推荐|独家|原创|视频|hot|new|top|live|previous|next"
    r"|[【\[]?[上下]一(?:篇|条)[】\]]?[:：]?",
    re.IGNORECASE,
)
_NEIGHBOUR = re.compile(
    r"^(?:[【\[]?[上下]一(?:篇|条)(?:新闻|文章)?[】\]]?\s*[:：]?|(?:原文|(?:相关|延伸|推荐)阅读)[:：])\s*(?=\S)"
)
_SHELLS = '#root, #app, #__next, #__nuxt, #__NUXT__, [id="J_app"], [data-reactroot], app-root'


@dataclass(frozen=True, slots=True)
class Spot:
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
            return "the page is written by JavaScript: without a browser it has hardly any text"
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


def title_of(node: LexborNode) -> str:
    """A link's headline: its heading's text, else its own, its title, its picture's words.

    Numbers, times and marks that stand around it in elements of their own are left out. A
    text cut short gives way to a title attribute that says it whole.
    """
    text = _NEIGHBOUR.sub("", _text_of(node))
    said = squeeze(node.attributes.get("title") or "")
    if text:
        trunk = _CUT.sub("", text)
        return said if trunk != text and said.startswith(trunk[:8]) else text
    if said:
        return said
    image = node.css_first("img[alt]")
    return squeeze(image.attributes.get("alt") or "") if image else ""


def _text_of(node: LexborNode) -> str:
    """The text of a link, or of the one part of it that is its headline."""
    first = node.child
    if first is None:
        return ""
    if first.next is None and first.is_text_node:
        return squeeze(first.text(deep=False))
    inner = node.css_first(_HEADING)
    if inner is None:
        found = node.css("p")
        inner = found[0] if len(found) == 1 else None
    if inner is not None and (text := squeeze(inner.text(deep=True))):
        return text
    return _between_marks(node)


def _between_marks(node: LexborNode) -> str:
    """The text of ``node`` without marks at its ends that have elements of their own."""
    parts = [part for part in walk(node) if part.is_text_node]
    texts = [squeeze(part.text(deep=False)) for part in parts]
    kept = [place for place, text in enumerate(texts) if text]
    own = node.mem_id
    for end in (0, -1):
        while len(kept) > 1 and _MARK.fullmatch(texts[kept[end]]):
            parent = parts[kept[end]].parent
            if parent is None or parent.mem_id == own:
                break
            kept.pop(end)
    if not kept:
        return ""
    inside = parts[kept[0] : kept[-1] + 1]
    return squeeze("".join(part.text(deep=False) for part in inside))


def item_title(node: LexborNode, specs: Sequence[str] = ()) -> str:
    """The headline of an item: as the selectors say, else of its longest link."""
    if specs:
        return field(node, specs)
    if node.tag == "a":
        return title_of(node)
    return max((title_of(each) for each in node.css("a[href]")), key=len, default="")


def by_selector(page: Page, css: str) -> list[Spot]:
    """The headlines that a person's selector points at: links, or what holds links."""
    found = []
    for node in page.select(css):
        links = [node] if node.tag == "a" else node.css("a[href]")
        found += [Spot(title_of(each), link_of(each)) for each in links]
    return [spot for spot in found if spot.title and spot.href]


def walk(node: LexborNode) -> Iterator[LexborNode]:
    """Elements and texts below ``node`` in the order in which they are read."""
    return node.traverse(include_text=True)


def _language(tree: LexborHTMLParser) -> str | None:
    node = tree.css_first("html[lang]")
    code = (node.attributes.get("lang") or "").strip().lower().replace("_", "-") if node else ""
    return code if re.fullmatch(r"[a-z]{2,3}(-[a-z0-9]{1,8})*", code) else None
