"""Drafts to the frozen records: texts cleaned, links absolute, dates read."""

from __future__ import annotations

import base64
import binascii
import re

from monitor.sources.clean import name_of, plain, title_of
from monitor.sources.dates import parse_date
from monitor.sources.drafts import Draft, Draught
from monitor.sources.links import absolute, as_given, join
from monitor.types import ParsedEntry, ParsedFeed

_RAW_NAME = 1_000
_CATEGORIES_MAX = 50
_GUID_MAX = 1_000
_NOTHING = (0, "", "text")
_DERIVED_TITLE_MAX = 120
_HOUR = re.compile("[0-9]{1,3}")
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_PERIODS_S = {"hourly": 3600.0, "daily": 86400.0, "weekly": 604800.0, "monthly": 2592000.0}


def finish(draught: Draught, url: str, problems: list[str]) -> ParsedFeed:
    """The feed that ``draught`` describes; ``url`` is the address it was fetched from."""
    feed = draught.feed
    home = absolute(_best_link(feed), join(url, feed.base) if feed.base else url)
    base = (url or home) if draught.format.startswith("atom") else (home or url)
    notes = _Notes()
    entries = tuple(
        entry for draft in draught.entries if (entry := _entry(draft, base, url, notes)) is not None
    )
    return ParsedFeed(
        format=draught.format,
        entries=entries,
        title=title_of(*_raw(feed, "title"))[0],
        link=home,
        language=_language(feed.language or feed.text("language")),
        ttl_s=_ttl(feed),
        skip_hours=_skip_hours(feed.text("skiphours")),
        skip_weekdays=_skip_weekdays(feed.text("skipdays")),
        problems=(*problems, *draught.problems, *notes.sentences()),
        hub=as_given(feed.text("hub"), url),
        topic=as_given(feed.text("self"), url),
    )


class _Notes:
    """What was wrong with single entries, counted."""

    def __init__(self) -> None:
        self.links = self.untitled = self.dates = 0
        self.example = ""

    def sentences(self) -> list[str]:
        found = []
        if self.links:
            found.append(
                f"{self.links} links are no usable http(s) addresses ({self.example!r}); dropped"
            )
        if self.untitled:
            found.append(f"{self.untitled} entries have neither title nor text; left out")
        if self.dates:
            found.append(f"{self.dates} dates cannot be read or cannot be true; dropped")
        return found


def _entry(draft: Draft, base: str, url: str, notes: _Notes) -> ParsedEntry | None:
    title, cut = title_of(*_raw(draft, "title"))
    raw, kind = _raw(draft, "summary")
    summary = plain(raw, kind)
    if not title:
        title = _derived(summary)
        if not title:
            notes.untitled += 1
            return None
    date = draft.text("date")
    published_at = parse_date(date) if date else None
    if date and published_at is None:
        notes.dates += 1
    author = draft.text("author")
    guid = draft.text("guid")
    return ParsedEntry(
        title=title,
        url=_entry_url(draft, base, url, notes),
        guid=guid[:_GUID_MAX].replace("\0", "") or None,
        author=_author(author) if author else None,
        published_at=published_at,
        summary=summary,
        categories=_categories(draft.categories) if draft.categories else (),
        title_cut=cut,
    )


def _entry_url(draft: Draft, base: str, url: str, notes: _Notes) -> str:
    if not draft.links:
        return ""
    if draft.base:
        base = join(url, draft.base)
    ranked = sorted(draft.links, key=_rank) if len(draft.links) > 1 else draft.links
    for _, href in ranked:
        found = absolute(href.strip(), base)
        if found:
            return found
    notes.links += 1
    notes.example = ranked[0][1].strip()[:80]
    return ""


def _rank(link: tuple[int, str]) -> int:
    return link[0]


def _best_link(draft: Draft) -> str:
    return min(draft.links, key=_rank)[1].strip() if draft.links else ""


def _raw(draft: Draft, name: str) -> tuple[str, str]:
    _, text, kind = draft.texts.get(name, _NOTHING)
    if kind == "base64":
        return _from_base64(text), "html"
    return text, kind


def _from_base64(text: str) -> str:
    """Atom 0.3's way to carry any text; empty when it is not that."""
    try:
        return base64.b64decode(text).decode("utf-8", "replace")
    except (binascii.Error, ValueError):
        return ""


def _derived(summary: str) -> str:
    """A title for an entry that has only a text: its beginning, cut at a space."""
    if len(summary) <= _DERIVED_TITLE_MAX:
        return summary
    start = summary[:_DERIVED_TITLE_MAX]
    head, space, _ = start.rpartition(" ")
    return (head if space and len(head) > _DERIVED_TITLE_MAX // 2 else start) + "…"


def _author(text: str) -> str | None:
    """The name in ``mail@host (Name)`` and ``Name <mail@host>``, else the text."""
    text = text[:_RAW_NAME]
    if "@" in text:
        if text.endswith(")"):
            text = text.partition("(")[2][:-1] or text
        elif text.endswith(">"):
            text = text.rpartition("<")[0] or text
    return name_of(text) or None


def _categories(raw: list[str]) -> tuple[str, ...]:
    names = [name_of(text[:_RAW_NAME]) for text in raw[:_CATEGORIES_MAX]]
    return (
        tuple(names) if len(names) == 1 and names[0] else tuple(dict.fromkeys(filter(None, names)))
    )


def _language(code: str) -> str | None:
    code = code.strip().lower().replace("_", "-")[:35]
    return code if re.fullmatch(r"[a-z]{2,3}(-[a-z0-9]{1,8})*", code) else None


def _skip_hours(listed: str) -> tuple[int, ...]:
    """RSS's skipHours: hours of the day in UTC; some write midnight as 24."""
    hours = {int(word) % 24 for word in listed.split() if _HOUR.fullmatch(word)}
    return tuple(sorted(hours)) if len(hours) < 24 else ()


def _skip_weekdays(listed: str) -> tuple[int, ...]:
    """RSS's skipDays: weekdays by their English names; Monday is 0."""
    days = {word.lower() for word in listed.split()}
    found = tuple(at for at, name in enumerate(_WEEKDAYS) if name in days)
    return found if len(found) < len(_WEEKDAYS) else ()


def _ttl(feed: Draft) -> float | None:
    """How long the feed asks to be left alone, in seconds (RSS ttl, else the sy module)."""
    minutes = feed.text("ttl")
    if minutes.isascii() and minutes.isdigit() and len(minutes) < 7 and int(minutes):
        return int(minutes) * 60.0
    period = _PERIODS_S.get(feed.text("period").lower())
    times = feed.text("frequency")
    if period is None:
        return None
    often = int(times) if times.isascii() and times.isdigit() and len(times) < 5 else 1
    return period / max(often, 1)
