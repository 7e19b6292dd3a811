"""The blocks of a page, as an adapter describes them, to headlines where they stand."""

from __future__ import annotations

import re
from collections.abc import Iterator

from selectolax.lexbor import LexborNode

from monitor.hints import of_categories
from monitor.sources.adapters import Adapter, Article, Block, PageRule, Way
from monitor.sources.counts import rank_of
from monitor.sources.dates import parse_date
from monitor.sources.pagemerge import Resolver
from monitor.sources.pageown import is_title_of
from monitor.sources.pagetitle import columns, item_title, spot_of, title_of
from monitor.sources.pagetree import (
    Page,
    Spot,
    field,
    link_of,
    select,
    squeeze,
    walk,
)

_OUTLET_MAX = 40
_WIDE = 16  # columns of a headline
_EXACT = re.compile(r"[.#\[]")  # a selector that names more than an element
_LABEL_MAX = 30
_NEWS_WORDS = re.compile(r"(?:要闻|新闻|频道|资讯|排行)$")
_FROM = re.compile(r"来源[:：]\s*(\S+)")
_CRUMB = re.compile(r"\s*(?:>|›|»|/|\|)\s*")
_CHINESE_TIME = re.compile(
    r"\d{4}[-/.年]\d{1,2}[-/.月]\d{1,2}日?(?:[ T]*\d{1,2}:\d{2}(?::\d{2})?)?"
)


def collect(page: Page, resolve: Resolver, rule: PageRule) -> list[Spot]:
    """Every headline of the page: its own first, then block by block, then the rest."""
    found = list(_own(page, rule.article)) if rule.article else []
    for block in rule.blocks:
        found += _of_block(page, resolve, block)
    if rule.sweep:
        whole = (spot for spot in found if not spot.title.endswith(("…", "...")))
        found += _rest(page, resolve, {resolve(spot.href) for spot in whole})
    return found


def rule_by_content(page: Page, adapter: Adapter, rule: PageRule) -> PageRule:
    """The rule for stories where the address does not tell that the page is one, as of a page
    that was saved without it: its title repeats what stands at a story's headline.
    """
    for other in adapter.pages if rule.article is None else ():
        if other.article:
            exact = [spec for spec in other.article.headline if _EXACT.search(spec)]
            title = field(page.root, exact)
            if columns(title) >= _WIDE and is_title_of(page, title):
                return other
    return rule


def _rest(page: Page, resolve: Resolver, known: set[str]) -> Iterator[Spot]:
    """Links to stories that stand in no block."""
    for node in page.root.css("a[href]"):
        href = link_of(node)
        if (link := resolve(href)) and link not in known:
            yield spot_of(node)


def _own(page: Page, article: Article) -> Iterator[Spot]:
    """The headline of a story's own page; its path's last part that names a section counts."""
    title = field(page.root, article.headline)
    if not title:
        return
    path = [part for part in _CRUMB.split(field(page.root, article.path)) if part]
    time = field(page.root, article.time)
    dated = _CHINESE_TIME.search(time)
    yield Spot(
        title=title,
        href=page.url,
        label=" > ".join(path),
        section=next(filter(None, map(section_of, reversed(path))), None),
        time=dated[0] if dated else time,
        source=_outlet(field(page.root, article.source)),
        own=True,
    )


def _outlet(text: str) -> str:
    """The name in 来源：虚构日报, or the text where it says nothing of the kind."""
    said = _FROM.search(text)
    return (said[1] if said else text)[:_OUTLET_MAX]


def _of_block(page: Page, resolve: Resolver, block: Block) -> list[Spot]:
    """What the first way finds that finds any story."""
    for way in block.ways:
        if way.heading:
            spots = _after_headings(page, resolve, way)
        elif way.tabs:
            spots = _behind_tabs(page, way)
        else:
            spots = _below_roots(page, way)
        kept = [
            spot
            for spot in spots
            if spot.title
            and (not block.only or re.fullmatch(block.only, spot.label))
            and resolve(spot.href)
        ]
        if kept:
            return _numbered(kept, block)
    return []


def _numbered(spots: list[Spot], block: Block) -> list[Spot]:
    """The block's label, section and ranks put in; what stands twice is counted once."""
    lists: dict[int, dict[str, int]] = {}
    out = []
    for spot in spots:
        label = spot.label or block.label
        ranks = lists.setdefault(spot.list, {})
        rank = spot.rank or ranks.setdefault(spot.href.partition("#")[0], len(ranks) + 1)
        out.append(
            spot._replace(
                label=label,
                section=block.section or section_of(label),
                rank=rank if block.ranked else None,
            )
        )
    return out


def section_of(label: str) -> str | None:
    """The section that a block's name says: 财经要闻 is finance."""
    name = _NEWS_WORDS.sub("", label.strip())
    hints = of_categories([name], 0) if name else ()
    return hints[0].section if hints else None


def _roots(page: Page, way: Way) -> list[LexborNode]:
    return page.select(way.root) if way.root else [page.root]


def _below_roots(page: Page, way: Way) -> Iterator[Spot]:
    for number, root in enumerate(_roots(page, way)):
        label = field(root, (way.label,))[:_LABEL_MAX] if way.label else ""
        for item in select(root, way.items):
            yield _spot(item, way, label)._replace(list=number)


def _behind_tabs(page: Page, way: Way) -> Iterator[Spot]:
    """The n-th panel under the n-th tab's name, within each root that has as many of both."""
    for root in _roots(page, way):
        tabs, panels = select(root, way.tabs), select(root, way.panels)
        if not tabs or len(tabs) != len(panels):
            continue
        for tab, panel in zip(tabs, panels, strict=True):
            label = squeeze(tab.text(deep=True))[:_LABEL_MAX]
            for item in select(panel, way.items or "a[href]"):
                yield _spot(item, way, label)


def _spot(item: LexborNode, way: Way, label: str) -> Spot:
    return Spot(
        title=item_title(item, way.title),
        href=link_of(item, way.link),
        label=label,
        rank=rank_of(field(item, way.rank), 1_000),
        time=field(item, way.time),
        source=_outlet(field(item, way.source)),
        heat=field(item, way.heat),
    )


def _after_headings(page: Page, resolve: Resolver, way: Way) -> Iterator[Spot]:
    """The stories that are read after a heading, each with the texts that follow its link.

    Of those, what is a time is the story's time, and the other one its source.
    """
    heading = re.compile(way.heading)
    if not heading.search(page.text):  # a walk over all nodes takes far longer
        return
    until = re.compile(way.until) if way.until else None
    label: str = ""
    spot: Spot | None = None
    for node in (node for root in _roots(page, way) for node in walk(root)):
        if node.tag == "a" and label:
            href = link_of(node)
            if not resolve(href):
                continue
            if spot and spot.href != href:
                yield spot
                spot = None
            title = title_of(node)
            if spot is None or len(title) > len(spot.title):
                spot = (spot or Spot("", href, label))._replace(title=title)
        elif node.is_text_node and (text := squeeze(node.text(deep=False))):
            if heading.fullmatch(text) or (until and until.fullmatch(text)):
                if spot:
                    yield spot
                label, spot = text if heading.fullmatch(text) else "", None
            elif spot and text not in spot.title:
                spot = _told(spot, text)
    if spot:
        yield spot


def _told(spot: Spot, text: str) -> Spot:
    """``spot`` with a text that stands beside it."""
    if not spot.time and text[:1].isdigit() and parse_date(text):
        return spot._replace(time=text)
    if not spot.source and len(text) <= _OUTLET_MAX and not spot.time:
        return spot._replace(source=text)
    return spot
