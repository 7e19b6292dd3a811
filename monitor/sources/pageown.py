"""The headline of a story's own page, where no adapter says where it stands."""

from __future__ import annotations

import re

from selectolax.lexbor import LexborNode

from monitor.sources.links import absolute
from monitor.sources.pagetree import Page, Spot, squeeze

_SAME = 12  # characters in which a page's title and its headline agree
_STORY_MARKS = (
    'meta[property="og:type"][content="article" i], meta[property="article:published_time"], '
    '[itemtype*="NewsArticle"], [itemprop="headline"]'
)


def own_headline(page: Page, by_address: bool) -> list[Spot]:
    """The ``<h1>`` that the page's title repeats, else its only one.

    Only on a story's page, by its address or by what it says of itself; never an ``<h1>``
    that leads elsewhere, as a site's name does.
    """
    if not by_address and page.tree.css_first(_STORY_MARKS) is None:
        return []
    titles: dict[str, bool] = {}
    for node in page.root.css("h1"):
        text = squeeze(node.text(deep=True))
        if text and _stays(node.css_first("a[href]") or _around(node), page.url):
            titles[text] = True
    bare = _bare(page.title)
    named = [text for text in titles if (start := _bare(text)[:_SAME]) and start in bare]
    found = named or list(titles)
    return [Spot(found[0], page.url, own=True)] if named or len(found) == 1 else []


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
