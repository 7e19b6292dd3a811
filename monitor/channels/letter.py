"""A message as a mail: headers that no title can add to, a text part and an HTML part. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.header import Header
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import EmailPolicy
from email.utils import format_datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader

from monitor.text import clean_title
from monitor.types import AlertEntry, Message

SUBJECT_LENGTH = 200
PLAIN_SUBJECT_LENGTH = 68  # the rest of a line of 78
TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=lambda name: name is not None and name.endswith(".html"),
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)


@dataclass(frozen=True, slots=True)
class Told:
    """An entry as the templates show it; ``pieces`` are the title's parts, matched or not.

    ``link`` is empty unless it is an http or https address.
    """

    title: str
    pieces: tuple[tuple[str, bool], ...]
    link: str
    source: str
    section: str
    percent: int
    unsure: bool
    at: str


class LetterPolicy(EmailPolicy):
    """The library's policy for SMTP, but for subjects: some it folds so that they gain a space."""

    linesep = "\r\n"
    cte_type = "7bit"

    def fold_binary(self, name: str, value: Any) -> bytes:
        """The header's lines as they are sent."""
        if name == "Subject":
            return f"Subject: {encoded(str(value))}{self.linesep}".encode("ascii")
        return super().fold_binary(name, value)


def encoded(line: str) -> str:
    """``line`` as a Subject holds it (RFC 2047); what ASCII cannot say as it is is encoded."""
    plain = line.isascii() and "=?" not in line and len(line) <= PLAIN_SUBJECT_LENGTH
    if plain:
        return line
    return Header(line, "utf-8", maxlinelen=75, header_name="Subject").encode(linesep="\r\n")


def compose(
    message: Message, sender: Address, recipients: Sequence[Address], *, international: bool
) -> EmailMessage:
    """The mail that tells ``message``; ``international`` writes addresses in UTF-8 (RFC 6532)."""
    mail = EmailMessage(policy=LetterPolicy(utf8=international))
    # Encoded in any case: setting a header decodes what looks encoded, and a title may.
    mail["Subject"] = Header(subject(message), "utf-8").encode(maxlinelen=0)
    mail["From"] = sender
    mail["To"] = tuple(recipients)
    mail["Date"] = format_datetime(message.created_at)
    mail["Message-ID"] = f"<{message.id}@{sender.domain}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail["X-Auto-Response-Suppress"] = "All"
    facts = {
        "notice": message.notice,
        "entries": [told(entry) for entry in message.entries],
        "rule": clean_title(message.rule)[0],
        "query": clean_title(message.query)[0],
        "id": message.id,
    }
    mail.set_content(TEMPLATES.get_template("alert.txt").render(facts))
    mail.add_alternative(TEMPLATES.get_template("alert.html").render(facts), subtype="html")
    return mail


def subject(message: Message) -> str:
    """``[rule] title``, or the notice: one line of at most 200 characters."""
    if message.notice:
        return clean_title(f"[Headline Monitor] {message.notice}", SUBJECT_LENGTH)[0]
    first = message.entries[0].title if message.entries else ""
    more = f" (+{len(message.entries) - 1})" if len(message.entries) > 1 else ""
    line = clean_title(f"[{message.rule}] {first}", SUBJECT_LENGTH - len(more))[0]
    return line + more


def told(entry: AlertEntry) -> Told:
    """``entry`` for the templates, without anything that is not to be seen."""
    title = clean_title(entry.title)[0]
    spans = entry.spans if title == entry.title else ()
    url = clean_title(entry.url, limit=8_192)[0]
    return Told(
        title=title,
        pieces=tuple(pieces(title, spans)),
        link=url if url.lower().startswith(("http://", "https://")) else "",
        source=clean_title(entry.source)[0],
        section=clean_title(entry.section)[0],
        percent=round(entry.probability * 100),
        unsure=entry.unsure,
        at=minute(entry.published_at or entry.first_seen_at),
    )


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


def minute(moment: datetime) -> str:
    """``2026-01-31 12:00 UTC``."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
