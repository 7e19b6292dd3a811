"""The headlines of a list page that no adapter knows, and how sure that is.

Links that stand alike (same elements and classes above them) are one block. A block counts
when most of its links look like headlines: long enough a text, an address shaped like a
story's, on the page's own site. Navigation, footers and side matter are left out by name.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from dataclasses import dataclass
from urllib.parse import urlsplit

from selectolax.lexbor import LexborNode

from monitor.sources.links import absolute
from monitor.sources.pagetree import Page, Spot, link_of, squeeze, title_of
from monitor.stories.address import portal_of

_LEVELS = 4
_FEWEST = 3
_ENOUGH_SHARE = 0.5
_MANY = 20
_IP = re.compile(r"[\d.]+|.*:.*")
_HAN = re.compile(r"[\u3400-\u9fff\u3041-\u30fe\uac00-\ud7a3]")
_SIDE = re.compile(
    r"(?:^|[-_ ])(?:nav|menu|foot|footer|header|breadcrumb|crumb|copyright|login|share|tags?|"
    r"friend|friendlinks?|partner|sitemap|pagination|pager|ad|ads|advert|banner|toolbar|subnav|topbar)"
    r"(?:$|[-_ \d])",
    re.IGNORECASE,
)
_SIDE_TAGS = frozenset({"nav", "footer"})
_DATED = re.compile(r"/(?:19|20)\d\d[-/_]?(?:0\d|1[0-2])|\d{8}")
_STORY_END = re.compile(
    r"(?:\d{5,}|[0-9a-f]{12,}|[\w-]*\d[\w-]*\.s?html?|[\w-]{15,}\.s?html?|"
    r"/(?=[a-z]*[0-9])(?=[0-9]*[a-z])[0-9a-z]{9,})/?$",
    re.IGNORECASE,
)
_SLUG = re.compile(r"/(?:[a-z0-9]+-){3,}[a-z0-9]+/?$", re.IGNORECASE)
_NO_STORY = re.compile(
    r"/(?:tags?|category|categories|author|user|u|search|login|register|about|contact|video|"
    r"photo|photos|live|special|zt|topic|topics)(?:/|$|\.)",
    re.IGNORECASE,
)


@dataclass(slots=True)
class _Link:
    spot: Spot
    block: str
    good: bool
    shape: str


def guess(page: Page, base: str) -> tuple[list[Spot], float]:
    """The headlines, in the page's order, and how sure they are: a share from 0 to 1."""
    site = _site(base) if base else _usual_site(page)
    seen: dict[int, bool] = {}
    links = [link for node in page.root.css("a[href]") if (link := _link(node, base, site, seen))]
    blocks: dict[str, list[_Link]] = defaultdict(list)
    for link in links:
        blocks[link.block].append(link)
    chosen = {name for name, block in blocks.items() if _is_list(block)}
    shapes = {link.shape for link in links if link.block in chosen and link.good}
    taken = [link for link in links if link.good and (link.block in chosen or link.shape in shapes)]
    own = _own(page) if is_story_address(page.url) else []
    if not taken:
        return own, 0.5 if own else 0.0
    inside = [link for link in links if link.block in chosen]
    purity = sum(link.good for link in inside) / max(len(inside), 1)
    return own + [link.spot for link in taken], purity * min(1.0, len(taken) / _MANY)


def _own(page: Page) -> list[Spot]:
    """The headline of a story's own page: its only ``<h1>``."""
    titles = [squeeze(node.text(deep=True)) for node in page.root.css("h1")]
    return [Spot(titles[0], page.url, own=True)] if len(titles) == 1 and titles[0] else []


def _is_list(block: list[_Link]) -> bool:
    urls = {link.spot.href for link in block if link.good}
    return len(urls) >= _FEWEST and sum(link.good for link in block) / len(block) >= _ENOUGH_SHARE


def _link(node: LexborNode, base: str, site: str, seen: dict[int, bool]) -> _Link | None:
    """A link with a text, unless it stands among navigation or the like."""
    href = absolute(link_of(node), base)
    title = title_of(node)
    if not href or not title or href.partition("#")[0] == base.partition("#")[0]:
        return None
    if _is_aside(node, seen):
        return None
    names: list[str] = []
    parent: LexborNode | None = node
    while parent is not None and len(names) < _LEVELS:
        names.append(f"{parent.tag}.{squeeze(parent.attributes.get('class') or '')}")
        parent = parent.parent
    good = _is_title(title) and _site(href) == site and is_story_address(href)
    return _Link(Spot(title, href), ">".join(names), good, _shape(href))


def _is_aside(node: LexborNode, seen: dict[int, bool]) -> bool:
    """Whether ``node`` stands in what is no news by its name; ``seen`` keeps the answers."""
    passed = []
    parent: LexborNode | None = node
    answer = False
    while parent is not None and parent.tag not in {"body", "html"}:
        known = seen.get(parent.mem_id)
        if known is not None:
            answer = known
            break
        passed.append(parent.mem_id)
        marks = f"{parent.attributes.get('class') or ''} {parent.attributes.get('id') or ''}"
        if parent.tag in _SIDE_TAGS or _SIDE.search(marks):
            answer = True
            break
        parent = parent.parent
    seen.update(dict.fromkeys(passed, answer))
    return answer


def _site(url: str) -> str:
    """The part of an address's host that its owner registered; an IP address is one itself."""
    host = urlsplit(url).hostname or ""
    return host if _IP.fullmatch(host) else portal_of(url)


def _usual_site(page: Page) -> str:
    """The site that most links lead to: the page's own, where its address is not known."""
    found = (absolute(link_of(node), "") for node in page.root.css("a[href]"))
    sites = Counter(_site(url) for url in found if url)
    return max(sites, key=lambda site: sites[site], default="")


def _is_title(text: str) -> bool:
    """Whether a text is long enough for a headline: 8 Chinese characters, or 4 words."""
    han = len(_HAN.findall(text))
    return han >= 8 or (han >= 4 and len(text) >= 10) or len(text.split()) >= 4


def is_story_address(url: str) -> bool:
    """Whether an address is shaped like a story's: dated, numbered, or a long slug."""
    parts = urlsplit(url)
    path = parts.path
    if path in {"", "/"} or _NO_STORY.search(path):
        return False
    return bool(
        _DATED.search(path)
        or _STORY_END.search(path)
        or _SLUG.search(path)
        or re.search(r"(?:^|[?&])\w*id=\w{3,}", parts.query)
    )


def _shape(url: str) -> str:
    """An address with its changing parts made equal."""
    parts = urlsplit(url)
    folder, _, last = parts.path.rstrip("/").rpartition("/")
    ending = last.rpartition(".")[2][:6] if "." in last else ""
    return f"{parts.netloc}{re.sub('[0-9]+', '0', folder)}/{ending}"
