"""Which text of a link, or of an item with links, is its headline."""

from __future__ import annotations

import re
from collections.abc import Sequence

from selectolax.lexbor import LexborNode

from monitor.sources.pagetree import Page, Spot, field, link_of, squeeze, walk

_MOST_BLOCKS = 60
_WIDE = 16  # columns of text that are a headline rather than a label above one
_CUT = re.compile(r"\s*(?:…+|\.{3,})$")
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
_HAN = re.compile(r"[\u3400-\u9fff\u3041-\u30fe\uac00-\ud7a3]")


def columns(text: str) -> int:
    """The width of a text: a Chinese character is as wide as two letters."""
    return len(text) + len(_HAN.findall(text))


def title_of(node: LexborNode) -> str:
    """A link's headline; see ``headline_of``."""
    return headline_of(node)[0]


def headline_of(node: LexborNode) -> tuple[str, bool]:
    """A link's headline: its heading's text, else its own, its title, its picture's words; and
    whether it is a picture's.

    Numbers, times and marks that stand around it in elements of their own are left out. A
    text cut short gives way to a title attribute that says it whole, and one with more around
    it to one that says it alone.
    """
    text = _NEIGHBOUR.sub("", _text_of(node))
    said = squeeze(node.attributes.get("title") or "")
    if text:
        trunk = _CUT.sub("", text)
        whole = trunk != text and said.startswith(trunk[:8])
        # an attribute that a quotation mark has ended says less than a plain text
        within = columns(said) >= _WIDE and said in text and not _is_plain(node)
        return (said if whole or within else text), False
    if said := said or squeeze(node.attributes.get("aria-label") or ""):
        return said, False
    image = node.css_first("img[alt]")
    return (squeeze(image.attributes.get("alt") or "") if image else ""), True


def _is_plain(node: LexborNode) -> bool:
    """Whether a link holds a text and no element."""
    first = node.child
    return first is not None and first.next is None and bool(first.is_text_node)


def _text_of(node: LexborNode) -> str:
    """The text of a link, or of the one part of it that is its headline."""
    first = node.child
    if first is None:
        return ""
    if _is_plain(node):
        return squeeze(first.text(deep=False))
    inner = node.css_first(_HEADING) or _first_block(node)
    if inner is not None and (text := squeeze(inner.text(deep=True))):
        return text
    return _between_marks(node)


def _first_block(node: LexborNode) -> LexborNode | None:
    """Of several paragraphs the first that is wide enough; the only ``<p>``."""
    found = node.css("p, div")
    if len(found) > _MOST_BLOCKS:  # a link that was never closed
        return None
    blocks = [block for block in found if not _holds_block(block)]
    texts = [squeeze(block.text(deep=True)) for block in blocks]
    if sum(map(bool, texts)) > 1:
        wide = (
            block
            for block, text in zip(blocks, texts, strict=True)
            if columns(text) >= _WIDE and not _MARK.fullmatch(text)
        )
        return next(wide, None)
    paragraphs = [block for block in blocks if block.tag == "p"]
    return paragraphs[0] if len(paragraphs) == 1 else None


def _holds_block(node: LexborNode) -> bool:
    own = node.mem_id
    return any(each.mem_id != own for each in node.css("p, div"))


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
    return squeeze(_spaced(parts[kept[0] : kept[-1] + 1], own))


def _spaced(parts: Sequence[LexborNode], own: int) -> str:
    """Texts of a link, with a space between those of two elements that follow each other."""
    said, before = "", own
    for part in parts:
        parent = part.parent.mem_id if part.parent else own
        apart = own not in {before, parent} and before != parent
        said += (" " if said and apart else "") + part.text(deep=False)
        before = parent
    return said


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
        found += [spot_of(each) for each in links]
    return [spot for spot in found if spot.title and spot.href]


def spot_of(link: LexborNode) -> Spot:
    """A link as a headline where it stands."""
    title, pictured = headline_of(link)
    return Spot(title, link_of(link), pictured=pictured)
