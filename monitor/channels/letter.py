"""A message as a mail: headers that no title can add to, a text part and an HTML part. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from email.header import Header
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import EmailPolicy
from email.utils import format_datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader

from monitor.channels.facts import SUBJECT_LENGTH, Facts
from monitor.messages import Message
from monitor.text import clean_title

PLAIN_SUBJECT_LENGTH = 68  # the rest of a line of 78
TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=lambda name: name is not None and name.endswith(".html"),
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)
_ADDRESS = re.compile(r"[!-;=?-~]+")


@dataclass(frozen=True, slots=True)
class Sheet:
    """What every mail of a channel has on it.

    ``list_id`` is the part in angle brackets (RFC 2919); ``unsubscribe`` is the address to
    write to where the program has no page of its own. ``international`` writes addresses in
    UTF-8 (RFC 6532).
    """

    sender: Address
    recipients: Sequence[Address]
    list_id: str
    unsubscribe: str = ""
    international: bool = False


class LetterPolicy(EmailPolicy):
    """The library's policy for SMTP, but for headers that it folds to something else.

    Some subjects gain a space, long addresses would be encoded.
    """

    linesep = "\r\n"
    cte_type = "7bit"

    def fold_binary(self, name: str, value: Any) -> bytes:
        """The header's lines as they are sent."""
        if name == "Subject":
            return f"Subject: {encoded(str(value))}{self.linesep}".encode("ascii")
        if name.startswith("List-"):
            folded = str(value).replace(", ", f",{self.linesep} ")
            return f"{name}: {folded}{self.linesep}".encode("ascii")
        return super().fold_binary(name, value)


def encoded(line: str) -> str:
    """``line`` as a Subject holds it (RFC 2047); what ASCII cannot say as it is is encoded."""
    plain = line.isascii() and "=?" not in line and len(line) <= PLAIN_SUBJECT_LENGTH
    if plain:
        return line
    return Header(line, "utf-8", maxlinelen=75, header_name="Subject").encode(linesep="\r\n")


def compose(
    message: Message, facts: Facts, sheet: Sheet, custom: Mapping[str, str] | None = None
) -> EmailMessage:
    """The mail that tells ``message``; ``custom`` are the users' own subject, text and html."""
    custom = custom or {}
    mail = EmailMessage(policy=LetterPolicy(utf8=sheet.international))
    line = clean_title(custom.get("subject", ""), SUBJECT_LENGTH)[0] or facts.subject
    # Encoded in any case: setting a header decodes what looks encoded, and a title may.
    mail["Subject"] = Header(line, "utf-8").encode(maxlinelen=0)
    mail["From"] = sheet.sender
    mail["To"] = tuple(sheet.recipients)
    mail["Date"] = format_datetime(message.created_at)
    mail["Message-ID"] = f"<{message.id}@{sheet.sender.domain}>"
    mail["List-Id"] = f"<{sheet.list_id}>"
    for name, value in unsubscribing(facts.unsubscribe, sheet.unsubscribe).items():
        mail[name] = value
    mail["Auto-Submitted"] = "auto-generated"
    mail["X-Auto-Response-Suppress"] = "All"
    shown = facts.as_json()
    mail.set_content(custom.get("text") or TEMPLATES.get_template("alert.txt").render(shown))
    page = custom.get("html") or TEMPLATES.get_template("alert.html").render(shown)
    mail.add_alternative(page, subtype="html")
    return mail


def unsubscribing(link: str, address: str) -> dict[str, str]:
    """The headers by which a mail program offers to end such mails (RFC 2369, RFC 8058).

    One click needs an https address; elsewhere the address is offered, and so is a mail.
    """
    ways = []
    if link and _ADDRESS.fullmatch(link) and "," not in link:
        ways.append(f"<{link}>")
    if address:
        ways.append(f"<mailto:{address}?subject=unsubscribe>")
    if not ways:
        return {}
    found = {"List-Unsubscribe": ", ".join(ways)}
    if ways[0].startswith("<https://"):
        found["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    return found
