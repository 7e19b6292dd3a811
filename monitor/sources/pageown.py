"""The headline of a story's own page, where no adapter says where it stands."""

from __future__ import annotations

import itertools
import re

from selectolax.lexbor import LexborNode

from monitor.sources.links import absolute
from monitor.sources.pagetitle import columns
from monitor.sources.pagetree import Page, Spot, squeeze

_SAME = 12  # characters in which a page's title and its headline agree
_WIDE = 22  # columns of an ordinary headline
_PROSE, _FEWEST = 80, 3  # columns of a paragraph, and how many make a story
_STORY_MARKS = (
    'meta[property="og:type"][content="article" i], meta[property="article:published_time"], '
    '[itemtype*="NewsArticle"], [itemprop="headline"]'
)


def own_headline(page: Page, by_address: bool) -> list[Spot]:
    """The ``<h1>`` that the page's title repeats, else its only one.

    Only on a story's page, by its address, by what it says of itself, or by its paragraphs
    below an ``<h1>`` that the title repeats; never an ``<h1>`` that leads elsewhere, as a
    site's name does.
    """
    is_story = by_address or page.tree.css_first(_STORY_MARKS) is not None
    if not is_story and not _has_paragraphs(page):
        return []
    titles: dict[str, bool] = {}
    for node in page.root.css("h1"):
        text = squeeze(node.text(deep=True))
        if text and _stays(node.css_first("a[href]") or _around(node), page.url):
            titles[text] = True
    named = [text for text in titles if is_title_of(page, text)]
    if not is_story:
        named = [text for text in named if columns(text) >= _WIDE]
        return [Spot(text, page.url, own=True) for text in named[:1]]
    found = named or list(titles)
    return [Spot(found[0], page.url, own=True)] if named or len(found) == 1 else []


def is_title_of(page: Page, text: str) -> bool:
    """Whether the page's title repeats ``text``."""
    start = _bare(text)[:_SAME]
    return bool(start) and start in _bare(page.title)


def _has_paragraphs(page: Page) -> bool:
    """Whether the page has prose, as a story has and a list has not."""
    long = (node for node in page.root.css("p") if columns(squeeze(node.text(deep=True))) > _PROSE)
    return sum(1 for _ in itertools.islice(long, _FEWEST)) >= _FEWEST


def _stays(link: LexborNode | None, url: str) -> bool:
    """Whether there is no link, or one to the page itself."""
    href = (link.attributes.get("href") or "").strip() if link else ""
    return not href or href.startswith("#") or absolute(href, url) == url


def _around(node: LexborNode) -> LexborNode | None:
    parent = node.parent
    while parent is not None and parent.tag != "a":
        parent = parent.parent
    return parent


def _bare(text: str) -> str:
    """``text`` without what is set differently in a page's title."""
    return re.sub(r"\W+", "", text).casefold()
