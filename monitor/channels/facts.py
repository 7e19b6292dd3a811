"""What a message says, in a reader's language and time zone: the same for every template. Pure."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, tzinfo
from importlib.resources import files
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo

from monitor.channels.base import Linker, NoLinks
from monitor.errors import SettingsError
from monitor.messages import AlertEntry, Message
from monitor.options import nearest
from monitor.text import clean_title

SUBJECT_LENGTH = 200
WORDS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "en": {
            "rule": "Rule",
            "query": "Query",
            "unsure": "unsure",
            "headlines": "{} headlines",
            "headline": "1 headline",
            "portals": "on {} portals",
            "more": "and {} more that are not listed here",
            "mute": "mute this story",
            "snooze": "snooze this rule",
            "unsubscribe": "unsubscribe",
        },
        "zh": {
            "rule": "规则",
            "query": "条件",
            "unsure": "存疑",
            "headlines": "{} 条新闻",
            "headline": "1 条新闻",
            "portals": "{} 家媒体",
            "more": "另有 {} 条未列出",
            "mute": "屏蔽此事件",
            "snooze": "暂停此规则",
            "unsubscribe": "退订",
        },
    }
)


@dataclass(frozen=True, slots=True)
class Told:
    """An entry as templates show it; ``pieces`` are the title's parts, matched or not.

    ``link`` is empty unless it is an http or https address. ``at`` is in the reader's time
    zone, ``published_at`` (empty where unknown) and ``first_seen_at`` are ISO 8601 in UTC.
    ``rule`` is the rule it matched where the message is about several, ``portals`` the number
    of portals that tell it, in words, where there are several.
    """

    title: str
    pieces: tuple[tuple[str, bool], ...]
    link: str
    source: str
    section: str
    section_key: str
    percent: int
    unsure: bool
    at: str
    published_at: str
    first_seen_at: str
    rule: str
    portals: str
    mute: str


@dataclass(frozen=True, slots=True)
class Group:
    """The entries of one section, in their order."""

    name: str
    entries: tuple[Told, ...]


@dataclass(frozen=True, slots=True)
class Counted:
    """A rule of a digest, and how many headlines are due to it."""

    rule: str
    query: str
    total: int


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything that a template may say of a message.

    ``count`` is the number of headlines in words, ``omitted`` how many of them are not listed.
    ``counts`` has each rule of a digest that is about several. ``snooze`` and
    ``unsubscribe`` are signed addresses, empty where there are none.
    """

    id: str
    channel: str
    rule: str
    query: str
    subject: str
    notice: str
    digest: bool
    follow_up: bool
    total: int
    omitted: int
    count: str
    at: str
    created_at: str
    language: str
    words: Mapping[str, str]
    entries: tuple[Told, ...]
    sections: tuple[Group, ...]
    counts: tuple[Counted, ...]
    snooze: str
    unsubscribe: str

    def as_json(self) -> dict[str, Any]:
        """For a template in another process."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Reader:
    """Whom a channel speaks to."""

    language: str = "en"
    zone: tzinfo = UTC


def read_reader(name: str, language: str, timezone: str, house: tzinfo) -> Reader:
    """The reader that the options describe; who names no zone lives in ``house``.

    Raises SettingsError.
    """
    problems = []
    zone = house
    if language not in WORDS:
        text = f"channels.{name}.language: en or zh is expected, not {language!r}"
        problems.append(("channels.language", text))
    try:
        zone = ZoneInfo(timezone) if timezone else house
    except (ValueError, OSError, LookupError):
        hint = nearest(timezone, ("Asia/Shanghai", "Europe/Berlin", "America/New_York", "UTC"))
        text = f"channels.{name}.timezone: there is no time zone {timezone!r}{hint}"
        problems.append(("channels.timezone", text))
    if problems:
        raise SettingsError(problems)
    return Reader(language, zone)


def facts(message: Message, reader: Reader, links: Linker | None = None) -> Facts:
    """What ``message`` says to ``reader``."""
    links = links or NoLinks()
    words = WORDS[reader.language]
    entries = tuple(
        told(
            entry,
            reader,
            mute="" if message.notice else links.mute(message, entry),
            rule="" if message.rule else clean_title(entry.rule)[0],
        )
        for entry in message.entries
    )
    total = max(message.total, len(entries))
    return Facts(
        id=message.id,
        channel=message.channel,
        rule=clean_title(message.rule)[0],
        query=clean_title(message.query, limit=8_192)[0],
        subject=subject(message, reader.language),
        notice="\n".join(
            clean_title(line, 8_192)[0] for line in notice_in(message, reader.language).split("\n")
        ),
        digest=message.digest,
        follow_up=message.follow_up,
        total=total,
        omitted=message.omitted,
        count=words["headline"] if total == 1 else words["headlines"].format(total),
        at=minute(message.created_at, reader.zone),
        created_at=instant(message.created_at),
        language=reader.language,
        words=words,
        entries=entries,
        sections=tuple(grouped(entries)),
        counts=tuple(
            Counted(clean_title(each.rule)[0], clean_title(each.query, 8_192)[0], each.total)
            for each in (() if message.rule else message.counts)
        ),
        snooze="" if message.notice else links.snooze(message),
        unsubscribe="" if message.notice else links.unsubscribe(message),
    )


def notice_in(message: Message, language: str) -> str:
    """What the program says of its own trouble, in a reader's language."""
    return message.notice_zh if language == "zh" and message.notice_zh else message.notice


def subject(message: Message, language: str = "en") -> str:
    """``[rule] title``, a digest's count, or the notice: one line of at most 200 characters."""
    if message.notice:
        return clean_title(f"[Headline Monitor] {notice_in(message, language)}", SUBJECT_LENGTH)[0]
    total = max(message.total, len(message.entries))
    words = WORDS[language]
    count = words["headline"] if total == 1 else words["headlines"].format(total)
    first = message.entries[0].title if message.entries else count
    more = f" (+{total - 1})" if total > 1 and message.entries else ""
    if message.follow_up and message.entries:
        more = f" · {words['portals'].format(message.entries[0].portals)}"
    if message.digest:
        more = f" · {count}"
    line = clean_title(
        f"[{message.rule or 'Headline Monitor'}] {first}", SUBJECT_LENGTH - len(more)
    )[0]
    return line + more


def told(entry: AlertEntry, reader: Reader, *, mute: str = "", rule: str = "") -> Told:
    """``entry`` for the templates, without anything that is not to be seen."""
    title = clean_title(entry.title)[0]
    spans = entry.spans if title == entry.title else ()
    url = clean_title(entry.url, limit=8_192)[0]
    return Told(
        title=title,
        pieces=tuple(pieces(title, spans)),
        link=url if url.lower().startswith(("http://", "https://")) else "",
        source=clean_title(entry.source)[0],
        section=section_name(clean_title(entry.section)[0], reader.language),
        section_key=clean_title(entry.section)[0],
        percent=round(entry.probability * 100),
        unsure=entry.unsure,
        at=minute(entry.published_at or entry.first_seen_at, reader.zone),
        published_at=instant(entry.published_at) if entry.published_at else "",
        first_seen_at=instant(entry.first_seen_at),
        rule=rule,
        portals=WORDS[reader.language]["portals"].format(entry.portals)
        if entry.portals > 1
        else "",
        mute=mute,
    )


def grouped(entries: Sequence[Told]) -> Iterator[Group]:
    """The entries by section, each where its first entry stands."""
    found: dict[str, list[Told]] = {}
    for entry in entries:
        found.setdefault(entry.section, []).append(entry)
    for name, each in found.items():
        yield Group(name, tuple(each))


def pieces(title: str, spans: Sequence[tuple[int, int]]) -> Iterator[tuple[str, bool]]:
    """The title's parts in order, each with whether a rule matched there; together the title."""
    at = 0
    for start, end in sorted(spans):
        first, last = max(start, at), min(end, len(title))
        if first >= last:
            continue
        if first > at:
            yield title[at:first], False
        yield title[first:last], True
        at = last
    if at < len(title):
        yield title[at:], False


def minute(moment: datetime, zone: tzinfo = UTC) -> str:
    """``2026-01-31 20:00`` in ``zone``; UTC, which nobody lives in, is named."""
    return moment.astimezone(zone).strftime("%Y-%m-%d %H:%M") + (
        " UTC" if str(zone) in {"UTC", "Etc/UTC"} else ""
    )


def instant(moment: datetime) -> str:
    """RFC 3339 in UTC, with milliseconds and Z."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def section_name(key: str, language: str) -> str:
    """How people call a section; a section of the user's own is called by its key."""
    return section_names().get((key, language), key)


@functools.cache
def section_names() -> Mapping[tuple[str, str], str]:
    """Names by key and language, of the default taxonomy."""
    text = (files("training_data") / "sections.toml").read_text(encoding="utf-8")
    rows = tomllib.loads(text)["section"]
    return {(row["id"], language): row[language] for row in rows for language in ("en", "zh")}
