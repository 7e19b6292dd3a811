"""E-mail: each alert once to the whole list of recipients."""

from __future__ import annotations

import asyncio
import base64
import re
import ssl
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from email.errors import MessageError
from email.headerregistry import Address
from pathlib import Path

import idna

from monitor.channels import custom, letter, sealing
from monitor.channels.base import Means, answer, read_file
from monitor.channels.custom import Filled, Templates
from monitor.channels.facts import Facts, facts, read_reader
from monitor.channels.letter import Sheet
from monitor.channels.smtp import QUIT_S, Envelope, Refusal, Server, converse
from monitor.dns import Lookup, system_lookup
from monitor.errors import SettingsError, TransportError
from monitor.messages import Message, Receipt

DEADLINE_S = 60.0
PORTS = {"starttls": 587, "implicit": 465, "none": 25}
REMEMBERED = 1_000
_ADDRESS = re.compile(
    r"(?P<name>[^<>@]*)<(?P<inner>[^<>()\s,;:\"]+@[^<>()\s,;:\"@]+)>"
    r"|(?P<bare>[^<>()\s,;:\"]+@[^<>()\s,;:\"@]+)"
)

_LIST_ID = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)+")
_PLAIN_ADDRESS = re.compile(r"[A-Za-z0-9._+=-]+@[A-Za-z0-9.-]+")


@dataclass(frozen=True, slots=True)
class EmailOptions:
    """``[channels.NAME]`` with ``kind = "email"``.

    ``tls`` is starttls (required, never left out), implicit, or none. ``port`` 0 means the
    usual one: 587, 465 or 25. ``ca_file`` replaces the system's certificate authorities.
    ``plain_login`` allows a password to be sent without TLS. ``language`` is en or zh; an empty
    ``timezone`` is that of ``[alerts]``.
    ``list_id`` tells mail programs what belongs together (RFC 2919). ``unsubscribe`` is an
    address for those who want no more mails. The files named by ``…_template`` replace
    subject and parts. ``dkim_key_file`` and ``dkim_selector`` sign for ``dkim_domain``, the
    sender's if empty.
    """

    host: str
    sender: str
    recipients: tuple[str, ...]
    port: int = 0
    tls: str = "starttls"
    username: str = ""
    password: str = field(default="", repr=False)
    password_file: str = ""
    ca_file: str = ""
    plain_login: bool = False
    language: str = "en"
    timezone: str = ""
    list_id: str = ""
    unsubscribe: str = ""
    subject_template: str = ""
    text_template: str = ""
    html_template: str = ""
    dkim_key_file: str = ""
    dkim_selector: str = ""
    dkim_domain: str = ""


@dataclass(slots=True)
class Progress:
    """Who has taken a message, and who refused it for good."""

    accepted: set[str] = field(default_factory=set)
    refused: dict[str, Refusal] = field(default_factory=dict)

    def settled(self) -> set[str]:
        """Those who are not asked again."""
        return self.accepted | self.refused.keys()


class Email:
    """Sends over SMTP, encrypted unless the options say otherwise.

    Where a server takes a message for some recipients and puts others off, only those are
    tried again. That is remembered in memory: after a restart all may get it again, under
    the same Message-ID.
    """

    def __init__(
        self,
        name: str,
        options: EmailOptions,
        means: Means,
        *,
        deadline_s: float = DEADLINE_S,
        lookup: Lookup = system_lookup,
    ) -> None:
        self.name = name
        self._lookup = lookup
        self._means = means
        self._server = make_server(name, options, means.folder)
        self._sheet = make_sheet(name, options)
        self._reader = read_reader(name, options.language, options.timezone, means.zone)
        self._templates = read_templates(name, options, means.folder)
        self._talk_s = deadline_s
        self.deadline_s = deadline_s + self._templates.deadline_s
        self._seal = sealing.read_seal(
            name,
            options.dkim_domain or self._sheet.sender.domain,
            options.dkim_selector,
            options.dkim_key_file,
            means.folder,
        )
        self._hidden = hidden_forms(self._server)
        self._progress: OrderedDict[str, Progress] = OrderedDict()

    def __repr__(self) -> str:
        return f"Email({self.name!r}, {self._server.host!r})"

    async def send(self, message: Message) -> Receipt:
        """Hand ``message`` to the server. Raises TransportError.

        5xx about the message or all its addresses is permanent; everything else is tried
        again. An address that is refused for good beside others that are not is told in
        the receipt.
        """
        progress = self._progress.pop(message.id, None) or Progress()
        try:
            return await self._send_rest(message, progress)
        except TransportError as error:
            if progress.settled() and not error.permanent:
                self._progress[message.id] = progress
                if len(self._progress) > REMEMBERED:
                    self._progress.popitem(last=False)
            text = answer(str(error), self._hidden)
            if error.permanent and progress.accepted:
                return Receipt(answer(f"some have it; refused for the rest: {text}", self._hidden))
            raise TransportError(text, permanent=error.permanent, partly=error.partly) from None

    async def _send_rest(self, message: Message, progress: Progress) -> Receipt:
        settled = progress.settled()
        everyone = [each.addr_spec for each in self._sheet.recipients]
        rest = [each for each in everyone if each not in settled]
        until_s = asyncio.get_running_loop().time() + self.deadline_s
        told = facts(message, self._reader, self._means.links)
        filled = await self._templates.fill(told)
        mail = self._write(message, told, filled)
        sender = self._sheet.sender.addr_spec
        envelope = Envelope(sender, rest, mail, self._sheet.international)
        left_s = min(self._talk_s, until_s - asyncio.get_running_loop().time())
        talk_s = max(left_s - QUIT_S, left_s / 2)
        verdict = await converse(self._server, envelope, talk_s, self._lookup, self._trace)
        progress.accepted |= set(rest) - set(verdict.refused)
        progress.refused |= {who: why for who, why in verdict.refused.items() if why.permanent}
        later = {who: why for who, why in verdict.refused.items() if not why.permanent}
        if later:
            partly = bool(progress.accepted)
            raise TransportError(f"the server put off {listed(later)}", partly=partly)
        if not progress.accepted:
            raise TransportError(f"refused: {listed(progress.refused)}", permanent=True)
        refused = f"; refused for good: {listed(progress.refused)}" if progress.refused else ""
        return Receipt(answer(verdict.said + refused, self._hidden), filled.warning)

    def _trace(self, who: str, text: str) -> None:
        self._means.trace(who, answer(text, self._hidden))

    def _write(self, message: Message, told: Facts, filled: Filled) -> bytes:
        try:
            mail = letter.compose(message, told, self._sheet, filled.texts).as_bytes()
            return self._seal.put_on(mail) if self._seal else mail
        except (MessageError, ValueError, LookupError) as error:
            text = f"no mail can be made of this message: {type(error).__name__}"
            raise TransportError(text, permanent=True) from error


def create(name: str, options: EmailOptions, means: Means) -> Email:
    """An e-mail channel as headlines.toml describes it. Raises SettingsError."""
    return Email(name, options, means)


def make_sheet(name: str, options: EmailOptions) -> Sheet:
    """Who writes to whom. Raises SettingsError."""
    where = f"channels.{name}"
    sender = parse_address(f"{where}.sender", options.sender)
    recipients = parse_recipients(name, options.recipients)
    label = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "alerts"
    list_id = options.list_id or f"{label}.headlines.{sender.domain}"
    if not _LIST_ID.fullmatch(list_id):
        problem = f"{where}.list_id: a name such as 'alerts.example.org' is expected"
        raise SettingsError([("channels.list", problem)])
    unsubscribe = ""
    if options.unsubscribe:
        unsubscribe = parse_address(f"{where}.unsubscribe", options.unsubscribe).addr_spec
        if not _PLAIN_ADDRESS.fullmatch(unsubscribe):
            problem = f"{where}.unsubscribe: {unsubscribe!r} cannot stand in a header"
            raise SettingsError([("channels.address", problem)])
    international = not all(each.addr_spec.isascii() for each in (sender, *recipients))
    return Sheet(sender, recipients, list_id, unsubscribe, international)


def read_templates(name: str, options: EmailOptions, folder: Path) -> Templates:
    """The user's own subject and parts. Raises SettingsError."""
    named = {
        "subject": options.subject_template,
        "text": options.text_template,
        "html": options.html_template,
    }
    return custom.load(name, named, folder)


def listed(refused: dict[str, Refusal]) -> str:
    """Addresses with what was said to each."""
    return "; ".join(f"{who}: {why}" for who, why in refused.items())


def hidden_forms(server: Server) -> list[str]:
    """The password in every form in which it is sent."""
    if not server.password:
        return []
    forms = (server.password, f"\0{server.username}\0{server.password}")
    return [server.password, *(base64.b64encode(form.encode()).decode() for form in forms)]


def make_server(name: str, options: EmailOptions, folder: Path) -> Server:
    """The server that the options describe. Raises SettingsError."""
    where = f"channels.{name}"
    problems = []
    if options.tls not in PORTS:
        problems.append(("channels.tls", f"{where}.tls: starttls, implicit or none is expected"))
    if not 0 <= options.port <= 65535:
        problems.append(("channels.port", f"{where}.port: there is no port {options.port}"))
    if options.tls == "none" and options.username and not options.plain_login:
        text = f"{where}: a login without TLS shows the password to everyone on the way"
        problems.append(("channels.tls", f"{text}; set tls, or plain_login = true"))
    if problems:
        raise SettingsError(problems)
    password = options.password
    if options.password_file:
        where_file = f"{where}.password_file"
        password = read_file(options.password_file, where_file, folder).strip()
    port = options.port or PORTS[options.tls]
    context = None if options.tls == "none" else tls_context(name, options.ca_file, folder)
    return Server(options.host, port, options.tls, context, options.username, password)


def tls_context(name: str, ca_file: str, folder: Path) -> ssl.SSLContext:
    """Certificates are always checked. Raises SettingsError for a CA file that is none."""
    try:
        path = folder / Path(ca_file).expanduser() if ca_file else None
        return ssl.create_default_context(cafile=path)
    except OSError as error:
        problem = f"channels.{name}.ca_file: {ca_file}: {error}"
        raise SettingsError([("channels.file", problem)]) from error


def parse_recipients(name: str, texts: Sequence[str]) -> tuple[Address, ...]:
    """Every recipient once. Raises SettingsError."""
    where = f"channels.{name}.recipients"
    if not texts:
        raise SettingsError([("channels.address", f"{where}: name at least one")])
    found = [parse_address(where, text) for text in texts]
    return tuple({each.addr_spec: each for each in found}.values())


def parse_address(where: str, text: str) -> Address:
    """``a@b.example`` or ``Name <a@b.example>``; a domain of other letters in its ASCII form.

    Raises SettingsError.
    """
    found = _ADDRESS.fullmatch(text.strip())
    try:
        if found is None or not text.isprintable():
            raise ValueError
        name = (found["name"] or "").strip(' "')
        local, domain = (found["inner"] or found["bare"]).rsplit("@", 1)
        # IDNA 2008: that of 2003, which Python has, makes another domain of one with ß.
        ascii_domain = (
            domain if domain.isascii() else idna.encode(domain, uts46=True).decode("ascii")
        )
        return Address(name, local, ascii_domain)
    except (ValueError, MessageError) as error:
        problem = f"{where}: {text!r} is not a mail address"
        raise SettingsError([("channels.address", problem)]) from error
