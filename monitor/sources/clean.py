"""Texts of feeds, as their kind says they are written, to plain text."""

from __future__ import annotations

import functools
import re

from monitor.text import TITLE_LIMIT, clean_title, strip_markup

SUMMARY_LIMIT = 2_000
NAME_LIMIT = 200
_TITLE_READ = 20_000
_SLACK = 50  # characters that cleaning may drop before a summary is cut
# A text that calls itself plain but has a closing tag, a break or an entity is not.
_MARKUP = re.compile(r"</\w|<br\b|<\w[^<>]{0,200}/>|&(?:#\d|#x|[A-Za-z]{2,8};)", re.IGNORECASE)
# Characters that cleaning never touches: most texts are made of them alone, and testing
# for that is ten times as fast as cleaning.
_ORDINARY = re.compile(
    "[ -~\u00a1-\u00ac\u00ae-\u017f\u0388-\u03ff\u0400-\u0481\u048a-\u052f\u05d0-\u05ea"
    "\u2010-\u2027\u2030-\u203a\u20a0-\u20bf\u3001-\u3011\u3041-\u3096\u30a1-\u30fe"
    "\u4e00-\u9fff\uac00-\ud7a3\uff01-\uff5e]*+"
)


def title_of(raw: str, kind: str) -> tuple[str, bool]:
    """One line of plain text and whether it was cut; ``kind`` as in Draft."""
    raw = _unmarked(raw[:_TITLE_READ], kind, _TITLE_READ)
    if len(raw) <= TITLE_LIMIT and _ORDINARY.fullmatch(raw):
        return raw, False
    return clean_title(raw)


def plain(raw: str, kind: str, limit: int = SUMMARY_LIMIT) -> str:
    """One line of plain text of at most ``limit`` characters; markup much longer than that
    is not read to its end."""
    if not raw:
        return ""
    read = limit + limit // 4
    raw = _unmarked(raw[:read], kind, read)[: limit + _SLACK]
    if _ORDINARY.fullmatch(raw, 0, limit):
        return raw[:limit].rstrip()
    return clean_title(raw, limit)[0]


@functools.lru_cache(maxsize=4096)
def name_of(raw: str) -> str:
    """A person's or a category's name as plain text; a feed repeats them in every entry."""
    return plain(raw, "html", NAME_LIMIT)


def _unmarked(raw: str, kind: str, limit: int) -> str:
    """Text without markup on one line, of which no more than ``limit`` characters count."""
    if ("<" in raw or "&" in raw) and (kind == "html" or (kind == "text" and _MARKUP.search(raw))):
        raw = strip_markup(raw)
    return " ".join(raw[:limit].split())
