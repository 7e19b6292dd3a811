"""The headlines of a list page that no adapter knows, and how sure that is.

Links that stand alike (same elements and classes above them) are one block. A block counts
when most of its links look like headlines: long enough a text, an address shaped like a
story's, on the page's own site. Links within running text are left out, and navigation,
footers and side matter by their names, unless that name is borne by what holds most of the
page. A page that leads to hardly any story of its own site is one that gathers others'.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace

from selectolax.lexbor import LexborNode

from monitor.sources.links import absolute
from monitor.sources.pageaddress import is_story, shape_of, site_of, split
from monitor.sources.pageown import own_headline
from monitor.sources.pagetitle import columns, spot_of
from monitor.sources.pagetree import Page, Spot, link_of, squeeze

_LEVELS, _OWN_LEVELS = 4, 2
_FEWEST = 3
_ENOUGH_SHARE = 0.5
_CLEAR_SHARE = 0.7
_MANY = 20
_WIDE = 22  # columns of an ordinary headline; a name in a menu is narrower
_RUNNING = 12  # columns of text before a link that make it a part of a sentence
_SENTENCE = 40  # and after one that begins it; less is a name: "by", "via"
_HAN = re.compile(r"[\u3400-\u9fff\u3041-\u30fe\uac00-\ud7a3]")
_WORD = re.compile(r"\b[^\W\d_]+\b")
_SIDE = re.compile(
    r"(?:^|[-_ ])(?:nav|menu|foot|footer|header|breadcrumb|crumb|copyright|login|share|tags?|"
    r"friend|friendlinks?|partner|sponsored|advertorial|sitemap|pagination|pager|ad|ads|advert|banner|toolbar|subnav|topbar)"
    r"(?:$|[-_ \d])",
    re.IGNORECASE,
)
_SIDE_TAGS = frozenset({"nav", "footer"})
_SENTENCE_END = re.compile(r"[.!?。！？:：|】\]]\s*$")


_NOTHING = Spot("", "")


@dataclass(slots=True)
class _Link:
    """``good``: a headline by itself; ``fair``: one when it stands among good ones."""

    spot: Spot
    block: str
    good: bool
    fair: bool
    site: str
    shape: str  # its address with the changing parts made equal
    asides: tuple[int, ...]  # elements around it that are no news by their names


def guess(page: Page, base: str) -> tuple[list[Spot], float]:
    """The headlines, in the page's order, and how sure they are: a share from 0 to 1."""
    site = site_of(split(base).host) if base else _usual_site(page)
    links, own = _links(page, base), own_headline(page, is_story(split(page.url)))
    found, sure = _choose(_headed(links, site))
    if len(found) < _FEWEST:
        others, other_sure = _choose(_headed(links, ""))
        if len(others) >= _FEWEST:
            found, sure = others, other_sure / 2
    return own + found, max(sure, 0.5 if own else 0.0)


def _choose(links: list[_Link]) -> tuple[list[Spot], float]:
    """The links of the blocks that are lists of headlines, and good ones shaped as those."""
    blocks: dict[str, list[_Link]] = defaultdict(list)
    for link in links:
        blocks[link.block].append(link)
    chosen = {name: share for name, block in blocks.items() if (share := _share(block))}
    shapes = {link.shape for link in links if link.block in chosen and link.good}
    taken = [
        link
        for link in links
        if (link.good and (link.block in chosen or link.shape in shapes))
        or (link.fair and link.shape in shapes and chosen.get(link.block, 0) >= _CLEAR_SHARE)
    ]
    if not taken:
        return [], 0.0
    inside = [link for link in links if link.block in chosen]
    purity = sum(link.good for link in inside) / max(len(inside), 1)
    return [link.spot for link in taken], purity * min(1.0, len(taken) / _MANY)


def _share(block: list[_Link]) -> float:
    """The share of headlines in a block of enough of them, else 0."""
    urls = {link.spot.href for link in block if link.good}
    share = sum(link.good for link in block) / len(block)
    return share if len(urls) >= _FEWEST and share >= _ENOUGH_SHARE else 0.0


def _links(page: Page, base: str) -> list[_Link]:
    """Every link with a text that is no part of a sentence."""
    above: dict[int, str] = {}
    seen: dict[int, tuple[int, ...]] = {}
    here = base.partition("#")[0]
    found = []
    for node in page.root.css("a[href]"):
        href = absolute(link_of(node), base)
        if not href or href.partition("#")[0] == here:
            continue
        parts = split(href)
        if not is_story(parts):
            if node.text(deep=True).strip():
                site = site_of(parts.host)
                found.append(_Link(_NOTHING, _block(node, above), False, False, site, "", ()))
            continue
        spot = spot_of(node)
        fair = _is_short_title(spot.title)
        if not spot.title or (fair and _is_running(node)):
            continue
        found.append(
            _Link(
                spot._replace(href=href),
                _block(node, above),
                good=fair and not spot.pictured and _is_title(spot.title),
                fair=fair,
                site=site_of(parts.host),
                shape=shape_of(parts),
                asides=_asides(node, seen) if fair else (),
            )
        )
    return found


def _block(node: LexborNode, above: dict[int, str]) -> str:
    """What links of one list have in common: the kinds of the elements around them.

    ``above`` keeps what has been worked out of those further up.
    """
    names = []
    around: LexborNode | None = node
    for _ in range(_OWN_LEVELS):
        if around is not None:
            names.append(_kind(around))
            around = around.parent
    if around is None:
        return ">".join(names)
    key = around.mem_id
    if key not in above:
        more: list[str] = []
        while around is not None and len(more) < _LEVELS - _OWN_LEVELS:
            more.append(_kind(around))
            around = around.parent
        above[key] = ">".join(more)
    return ">".join((*names, above[key]))


def _kind(node: LexborNode) -> str:
    """An element's tag and class, without what tells it from its neighbours."""
    first = (node.attributes.get("class") or "").split(maxsplit=1)
    return f"{node.tag}.{first[0].rstrip('0123456789') if first else ''}"


def _headed(links: Iterable[_Link], site: str) -> list[_Link]:
    """The links outside side matter; those that lead away from ``site`` are no headlines."""
    kept = [
        link
        if not link.fair or not site or link.site == site
        else replace(link, good=False, fair=False)
        for link in links
    ]
    good = [link for link in kept if link.good]
    inside = Counter(aside for link in good for aside in link.asides)
    wide = [link for link in good if columns(link.spot.title) >= _WIDE]
    most = {aside for aside, count in inside.items() if count * 2 > len(good)}
    if len(wide) * 2 < len(good):
        most = set()
    return [link for link in kept if most.issuperset(link.asides)]


def _is_running(node: LexborNode) -> bool:
    """Whether a link is a part of a sentence: something stands before it, or goes on after."""
    before = node.prev
    if before is not None and before.is_text_node:
        text = squeeze(before.text(deep=False))
        if columns(text) >= _RUNNING and not _SENTENCE_END.search(text):
            return True
    after = node.next
    text = squeeze(after.text(deep=False)) if after is not None and after.is_text_node else ""
    goes_on = text[:1].islower() or text[:1] in {"，", "、", "。", ","}
    led = before is not None and before.is_text_node and squeeze(before.text(deep=False))
    return goes_on and (bool(led) or columns(text) >= _SENTENCE or not text[0].isalpha())


def _asides(node: LexborNode, seen: dict[int, tuple[int, ...]]) -> tuple[int, ...]:
    """The elements around ``node`` whose names say that they hold no news; ``seen`` keeps
    the answers."""
    passed: list[tuple[int, bool]] = []
    parent: LexborNode | None = node
    answer: tuple[int, ...] = ()
    while parent is not None and parent.tag not in {"body", "html"}:
        if (known := seen.get(parent.mem_id)) is not None:
            answer = known
            break
        marks = f"{parent.attributes.get('class') or ''} {parent.attributes.get('id') or ''}"
        passed.append((parent.mem_id, parent.tag in _SIDE_TAGS or bool(_SIDE.search(marks))))
        parent = parent.parent
    for mem_id, aside in reversed(passed):
        if aside:
            answer = (*answer, mem_id)
        seen[mem_id] = answer
    return answer


def _usual_site(page: Page) -> str:
    """The site that most links lead to: the page's own, where its address is not known."""
    found = (absolute(link_of(node), "") for node in page.root.css("a[href]"))
    sites = Counter(site_of(split(url).host) for url in found if url)
    return max(sites, key=lambda site: sites[site], default="")


def _is_title(text: str) -> bool:
    """Whether a text is long enough for a headline: 8 Chinese characters, or 4 words."""
    han = len(_HAN.findall(text))
    if han >= 8 or (han >= 4 and len(text) >= 10):
        return True
    return len(text.split()) >= 4 and len(_WORD.findall(text)) >= 3


def _is_short_title(text: str) -> bool:
    """Whether a text may be a headline where it stands among others."""
    return len(_HAN.findall(text)) >= 5 or len(text.split()) >= 3 or _is_title(text)
