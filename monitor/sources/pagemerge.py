"""Headlines where they stand to entries: cleaned, absolute, each story once."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import datetime

from monitor.sources.adapters import Adapter
from monitor.sources.clean import name_of, title_of
from monitor.sources.counts import count_of
from monitor.sources.dates import parse_date
from monitor.sources.links import absolute
from monitor.sources.pagetree import Spot
from monitor.stories import canonical_url
from monitor.types import ParsedEntry, Placement

_MAX_ENTRIES = 2_000
_SHORTEST = 5
_MOST_PLACES = 8
_SAME_START = 6
_MOST_CUT = 0.8  # more than this share of a title's length after it is a summary
_CUT = re.compile(r"(?:…+|\.{3,})$")
_NO_TITLE = re.compile(
    r"[\d.,:]+\s*[万亿]?\s*(?:阅读|评论|跟贴|人?参与|播放|次播放|views|comments)?\W*"  # a count
    r"|.*(?:ICP备|公网安备|增值电信业务|出版物经营许可证|网络出版服务许可证|复核同意书"
    r"|视听节目许可证|新闻信息服务许可证|节目制作经营许可证|网络文化经营许可证).*"
    r"|.*(?:举报受理公示|自律管理承诺书|用户管理制度)|隐私政策|用户(?:服务)?协议"
    r"|(?:our |the )?(?:privacy|cookie) policy|terms of (?:use|service)|.*all rights reserved\.?",
    re.IGNORECASE,
)
_ZONELESS = re.compile(r"[\d/.:T -]+")


class Resolver:
    """Addresses as a page gives them to those of stories; each is worked out once.

    Without ``adapter`` every http(s) address is taken for a story's.
    """

    def __init__(self, base: str, adapter: Adapter | None) -> None:
        self._base = base
        self._adapter = adapter
        self._known: dict[str, str] = {}

    def __call__(self, href: str) -> str:
        """The absolute address of a story, or nothing."""
        known = self._known.get(href)
        if known is None:
            known = self._known[href] = self._resolve(href)
        return known

    def _resolve(self, href: str) -> str:
        adapter = self._adapter
        if adapter and href.startswith(("http://", "https://")) and not adapter.is_story(href):
            return ""  # most links of a page
        link = absolute(href, self._base)
        if adapter is None or not link:
            return link
        if not adapter.is_story(link):
            return ""
        return without(link, adapter.trackers)


def merge(
    spots: Iterable[Spot], resolve: Resolver, adapter: Adapter | None, url: str
) -> tuple[ParsedEntry, ...]:
    """The entries of a page, in its order, at most 2,000.

    Stories only, as ``adapter`` knows them by address. One story is one entry, by its
    address and by its title: its placements are all its places in blocks (at most 8), its
    categories their labels, its rank and its section the first that any place gives. A
    picture's words give way to a text.
    """
    found: dict[str, ParsedEntry] = {}
    by_title: dict[str, str] = {}
    pictured: set[str] = set()
    shortest = adapter.shortest if adapter else _SHORTEST
    for spot in spots:
        link = url if spot.own else resolve(spot.href)
        title, cut = title_of(spot.title, "tree")
        if not link or len(title) < shortest or _NO_TITLE.fullmatch(title):
            continue
        key = canonical_url(link.partition("#")[0])
        key = key if key in found else by_title.get(title, key)
        entry = _entry(spot, title, link, cut, adapter.zone if adapter else "")
        if key not in found:
            found[key] = entry
            if spot.pictured:
                pictured.add(key)
        else:
            found[key] = _joined(found[key], entry, key in pictured, spot.pictured)
            if not spot.pictured:
                pictured.discard(key)
        by_title.setdefault(title, key)
        if len(found) >= _MAX_ENTRIES:
            break
    return tuple(found.values())


def without(link: str, names: Sequence[str]) -> str:
    """``link`` without the parameters of these names."""
    start, mark, query = link.partition("?")
    if not mark or not names:
        return link
    query, hash_mark, fragment = query.partition("#")
    kept = "&".join(pair for pair in query.split("&") if pair.partition("=")[0] not in names)
    return start + ("?" + kept if kept else "") + hash_mark + fragment


def _entry(spot: Spot, title: str, link: str, cut: bool, zone: str) -> ParsedEntry:
    return ParsedEntry(
        title=title,
        url=link.partition("#")[0] if "#" in link and "#/" not in link else link,
        author=name_of(spot.source) or None,
        published_at=instant(spot.time, zone),
        categories=(name_of(spot.label),) if spot.label else (),
        rank=spot.rank,
        section_hint=spot.section,
        title_cut=cut,
        heat=count_of(spot.heat),
        placements=_placed(spot),
    )


def _placed(spot: Spot) -> tuple[Placement, ...]:
    if not (spot.label or spot.section or spot.rank):
        return ()
    return (Placement(name_of(spot.label) if spot.label else "", spot.section, spot.rank),)


def _joined(
    first: ParsedEntry, other: ParsedEntry, first_pictured: bool, other_pictured: bool
) -> ParsedEntry:
    """One entry of two places: a title cut short gives way to the whole one, a picture's words
    to a text.
    """
    if first_pictured == other_pictured:
        better = _is_whole(other.title, first.title)
    else:
        better = first_pictured
    return first._replace(
        title=other.title if better else first.title,
        author=first.author or other.author,
        published_at=first.published_at or other.published_at,
        categories=tuple(dict.fromkeys((*first.categories, *other.categories))),
        rank=first.rank or other.rank,
        section_hint=first.section_hint or other.section_hint,
        heat=first.heat or other.heat,
        placements=tuple(dict.fromkeys((*first.placements, *other.placements)))[:_MOST_PLACES],
    )


def _is_whole(title: str, cut: str) -> bool:
    """Whether ``title`` says in full what ``cut`` begins to say, with an ellipsis or without."""
    trunk = _CUT.sub("", cut)
    if trunk != cut:
        return title.startswith(trunk[:_SAME_START])
    rest = title.removeprefix(cut)
    return 0 < len(rest) < len(title) and len(rest) <= _MOST_CUT * len(cut) and "。" not in rest


def instant(text: str, zone: str) -> datetime | None:
    """What ``text`` says of a time, in ``zone`` (+0800) where it names none itself."""
    if not text:
        return None
    return parse_date(f"{text} {zone}" if zone and _ZONELESS.fullmatch(text) else text)
