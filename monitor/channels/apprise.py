"""Services by way of Apprise: Telegram, Slack, DingTalk, Feishu, WeCom, Bark, ntfy, Gotify, …

Apprise runs in a process of its own that is ended at the deadline, opens no private address
(``allow_private``), no file and no program, and follows no redirect.
"""

from __future__ import annotations

import base64
import contextlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from monitor import options
from monitor.answers import retry_after_s
from monitor.channels import custom
from monitor.channels.base import Means, answer, read_file
from monitor.channels.facts import Facts, Told, facts, grouped, read_reader
from monitor.confined import process
from monitor.errors import ConfinementError, SettingsError, TransportError
from monitor.messages import Message, Receipt

DEADLINE_S = 30.0
CHECK_S = 30.0
FORMATS = ("text", "markdown", "html")
MODULE = "monitor.confined.notify"
_DESKTOP = "it shows a notice on a desktop, which a daemon does not have"
REFUSED_SCHEMES: Mapping[str, str] = {
    **dict.fromkeys(("dbus", "kde", "qt", "glib", "gio", "gnome", "macosx", "windows"), _DESKTOP),
    "blink1": "it lights a lamp on this machine",
    "syslog": "it writes into this machine's log",
    "rsyslog": "nobody confirms that anything arrived",
    "file": "files are not sent",
}
# These make a service read a file of this machine.
REFUSED_ARGUMENTS = frozenset(
    {"template", "attach", "attachment", "keyfile", "subfile", "pgpkey", "pem", "include", "config"}
)
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*", re.IGNORECASE)
_SPLIT = re.compile(r"[\s/?&=#:@,;]+")
_HOST = re.compile(r"(?:[a-z0-9-]+\.)+[a-z0-9-]+|localhost|\[[0-9a-f:.]+\]", re.IGNORECASE)
# In some services these call everybody: a headline must not.
_CALLS = re.compile(r"(?i)@(?=\s*(?:everyone|here|all|channel|room|所有人))|<(?=[@!#&/a-z])")

# What is known of addresses; settings that are loaded again ask nothing.
_FAULTS: dict[tuple[str, tuple[str, ...]], str] = {}


@dataclass(frozen=True, slots=True)
class AppriseOptions:
    """``[channels.NAME]`` with ``kind = "apprise"``.

    ``url`` is an Apprise address, ``url_file`` a file that holds it. The files named by
    ``title_template`` and ``body_template`` replace the usual texts; ``format`` says how the
    latter is marked up: text, markdown or html. ``language`` is en or zh; an empty
    ``timezone`` is that of ``[alerts]``.
    """

    url: str = field(default="", repr=False)
    url_file: str = ""
    language: str = "en"
    timezone: str = ""
    title_template: str = ""
    body_template: str = ""
    format: str = "text"


class Apprise:
    """Hands messages to one service."""

    def __init__(
        self, name: str, chosen: AppriseOptions, means: Means, *, deadline_s: float = DEADLINE_S
    ) -> None:
        self.name = name
        self._means = means
        self._url = read_url(name, chosen, means)
        self._scheme = check_url(name, self._url, means.client.allow_private)
        self._format = checked_format(name, chosen)
        self._reader = read_reader(name, chosen.language, chosen.timezone, means.zone)
        named = {"title": chosen.title_template, "body": chosen.body_template}
        escaped = ("body",) if self._format == "html" else ()
        self._templates = custom.load(name, named, means.folder, escaped)
        self._hidden = hidden_forms(self._url)
        self.deadline_s = deadline_s + self._templates.deadline_s

    def __repr__(self) -> str:
        return f"Apprise({self.name!r}, {self._scheme!r})"

    async def send(self, message: Message) -> Receipt:
        """Hand ``message`` to the service. Raises TransportError.

        410 asks never to be called again; everything else is tried again.
        """
        told = quiet(facts(message, self._reader, self._means.links))
        filled = await self._templates.fill(told)
        own = filled.texts.get("body")
        request = {
            "url": self._url,
            "title": " ".join(filled.texts.get("title", "").split()) or title(told),
            "blocks": ["", own] if own is not None else blocks(told),
            "more": told.words["more"].join(("… ", "")),
            "omitted": 0 if own is not None else told.omitted,
            "format": self._format if own is not None else "text",
            "id": message.id,
            "allow": list(self._means.client.allow_private),
        }
        left_s = max(self.deadline_s - self._templates.deadline_s, self.deadline_s / 2)
        try:
            found = await process.run(MODULE, request, left_s)
        except ConfinementError as error:
            raise TransportError(f"{self._scheme}: {error}") from None
        return replace(self._receipt(found), warning=filled.warning)

    def _receipt(self, found: Mapping[str, Any]) -> Receipt:
        exchanges = found["exchanges"]
        for place in found["reached"]:
            self._means.trace("note", f"connected to {place}")
        for each in exchanges:
            self._trace(each)
        said = answer(detail(found), self._hidden)
        if found["taken"]:
            return Receipt(said)
        for line in found["said"]:
            self._means.trace("note", answer(line, self._hidden))
        statuses = [each.get("status") for each in exchanges]
        gone = HTTPStatus.GONE in statuses
        asked = [each.get("retry_after") for each in exchanges if each.get("retry_after")]
        raise TransportError(
            said,
            permanent=gone,
            gone=gone,
            retry_after_s=retry_after_s(asked[-1], datetime.now(UTC)) if asked else None,
        )

    def _trace(self, exchange: Mapping[str, Any]) -> None:
        place = without_query(exchange["url"])
        sent = f"{exchange['method']} {place} ({exchange['sent']} bytes)"
        self._means.trace("us", answer(sent, self._hidden))
        error = without_query(exchange.get("error", ""))
        got = error or f"{exchange.get('status')} {exchange.get('said', '')}"
        self._means.trace("them", answer(got, self._hidden))


def create(name: str, chosen: AppriseOptions, means: Means) -> Apprise:
    """A service as headlines.toml describes it. Raises SettingsError."""
    return Apprise(name, chosen, means)


# what is sent


def calm(text: str) -> str:
    """``text`` with an invisible character where a service would see a call to everybody."""
    return _CALLS.sub(lambda match: match[0] + "\u200b", text)


def quiet(told: Facts) -> Facts:
    """``told`` with all that came from outside made calm."""
    entries = tuple(
        replace(
            entry,
            title=calm(entry.title),
            source=calm(entry.source),
            pieces=tuple((calm(text), matched) for text, matched in entry.pieces),
        )
        for entry in told.entries
    )
    sections = tuple(grouped(entries))
    return replace(
        told,
        subject=calm(told.subject),
        notice=calm(told.notice),
        entries=entries,
        sections=sections,
    )


def title(told: Facts) -> str:
    """The heading: the rule, and how many headlines where there are several."""
    if told.notice:
        return "Headline Monitor"
    name = told.rule or "Headline Monitor"
    return f"{name} · {told.count}" if told.total > 1 or told.digest else name


def blocks(told: Facts) -> list[str]:
    """The body in pieces of which the middle ones may be left out; the last one stays."""
    if told.notice:
        return [told.notice, ""]
    counts = " · ".join(f"{each.rule} {each.total}" for each in told.counts)
    snooze = f"{told.words['snooze']}: {told.snooze}" if told.snooze else ""
    tail = "\n".join(line for line in (counts, snooze) if line)
    return [*(block(entry, told) for entry in told.entries), tail]


def block(entry: Told, told: Facts) -> str:
    """One headline."""
    unsure = f" ({told.words['unsure']})" if entry.unsure else ""
    section = f"{entry.section} {entry.percent}%{unsure}"
    parts = (entry.source, section, entry.at, entry.portals, entry.rule)
    lines = (
        entry.title,
        " · ".join(part for part in parts if part),
        entry.link,
        f"{told.words['mute']}: {entry.mute}" if entry.mute else "",
    )
    return "\n".join(line for line in lines if line)


def detail(found: Mapping[str, Any]) -> str:
    """What the service said, or why it could say nothing."""
    exchanges = found["exchanges"]
    last = exchanges[-1] if exchanges else {}
    host = urlsplit(str(last.get("url", ""))).hostname or found["service"]
    if "status" in last:
        return f"{host} answered {last['status']} {last.get('said', '')}"
    if found["refused"] and not found["taken"]:
        return f"{found['service']}: {found['refused'][0]}"
    if "error" in last:
        return f"{host} could not be reached: {without_query(last['error'])}"
    if found["taken"]:
        return f"{found['service']} took it"
    said = "; ".join(found["said"][-2:]) or "it did not take the message and gave no reason"
    return f"{found['service']}: {said}"


def without_query(text: str) -> str:
    """``text`` without the arguments of addresses: some are made of secrets."""
    return re.sub(r"\?\S+", "?…", text)


# settings


def read_url(name: str, chosen: AppriseOptions, means: Means) -> str:
    """The address, from the settings or its file. Raises SettingsError."""
    where = f"channels.{name}"
    url = chosen.url.strip()
    if chosen.url_file:
        url = read_file(chosen.url_file, f"{where}.url_file", means.folder).strip()
    if not url:
        problem = f"{where}: 'url' must be set, or 'url_file'"
        raise SettingsError([("settings.missing", problem)])
    return url


def check_url(name: str, url: str, allow: tuple[str, ...]) -> str:
    """The scheme of an address that Apprise takes. Raises SettingsError that never shows it."""
    where = f"channels.{name}.url"
    scheme = check_text(where, url)
    fault = faults((url,), allow)[url]
    if fault:
        raise refusal(where, answer(fault, ()))
    return scheme


def check_text(where: str, url: str) -> str:
    """The scheme of an address that shows nothing to refuse. Raises SettingsError."""
    scheme, separator, rest = url.partition("://")
    scheme = scheme.lower()
    if not separator or not _SCHEME.fullmatch(scheme) or not url.isprintable() or " " in url:
        raise refusal(where, "an Apprise address such as 'tgram://TOKEN/CHAT' is expected")
    if scheme in REFUSED_SCHEMES:
        raise refusal(where, f"{scheme}:// is not used: {REFUSED_SCHEMES[scheme]}")
    # Apprise parts arguments at ";" as well, and strips their names.
    found = parse_qsl(rest.partition("?")[2].replace(";", "&"), keep_blank_values=True)
    arguments = {key.strip().lower().lstrip("+-:") for key, _ in found}
    for argument in sorted(arguments & REFUSED_ARGUMENTS):
        raise refusal(where, f"?{argument}= would read a file of this machine; leave it out")
    return scheme


def refusal(where: str, text: str) -> SettingsError:
    """One problem with an address."""
    return SettingsError([("channels.url", f"{where}: {text}")])


def prepare(tables: Iterable[Mapping[str, object]], means: Means) -> None:
    """Have every address checked in one process; ``create`` finds the answers there."""
    urls = []
    for table in tables:
        with contextlib.suppress(SettingsError):
            url = read_url("", options.read(AppriseOptions, table, ""), means)
            check_text("", url)
            urls.append(url)
    if urls:
        faults(tuple(urls), means.client.allow_private)


def faults(urls: tuple[str, ...], allow: tuple[str, ...]) -> Mapping[str, str]:
    """What Apprise finds wrong with each address, asked once for each. Raises SettingsError."""
    unknown = [url for url in dict.fromkeys(urls) if (url, allow) not in _FAULTS]
    if unknown:
        request = {"check": unknown, "allow": list(allow)}
        try:
            found = process.run_now(MODULE, request, CHECK_S)
        except ConfinementError as error:
            raise SettingsError([("channels.url", f"no address was checked: {error}")]) from error
        _FAULTS.update({(url, allow): text for url, text in zip(unknown, found, strict=True)})
    return {url: _FAULTS[url, allow] for url in urls}


def checked_format(name: str, chosen: AppriseOptions) -> str:
    """How a body of the user's own is marked up. Raises SettingsError."""
    where = f"channels.{name}.format"
    if chosen.format not in FORMATS:
        problem = f"{where}: one of {', '.join(FORMATS)} is expected"
        raise SettingsError([("channels.format", problem)])
    if chosen.format != "text" and not chosen.body_template:
        problem = f"{where}: without body_template the body is text"
        raise SettingsError([("channels.format", problem)])
    return chosen.format


def hidden_forms(url: str) -> list[str]:
    """Every piece of an Apprise address but its scheme and a real host: most are tokens."""
    _, _, rest = url.partition("://")
    texts = {rest, unquote(rest)}
    found: set[str] = set()
    for text in texts:
        host = text.partition("?")[0].partition("/")[0].rpartition("@")[2]
        name, _, port = host.rpartition(":") if re.search(r":\d+$", host) else (host, "", "")
        shown = {*_SPLIT.split(name), port} if _HOST.fullmatch(name) else set()
        found |= {piece for piece in _SPLIT.split(text) if piece and piece not in shown}
    login = rest.partition("/")[0].rpartition("@")[0]
    if ":" in login:  # as the header Authorization has it
        found.add(base64.b64encode(unquote(login).encode()).decode())
    return sorted(each for piece in found for each in spellings(piece))


def spellings(piece: str) -> Iterable[str]:
    """The forms in which a token may be repeated."""
    return {piece, piece.lower(), unquote(piece)}
