"""E-mail: each alert once to the whole list of recipients."""

from __future__ import annotations

import base64
import re
import ssl
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from email.errors import MessageError
from email.headerregistry import Address
from pathlib import Path

from monitor.channels import letter
from monitor.channels.base import Means, answer, read_file
from monitor.channels.smtp import QUIT_S, Envelope, Refusal, Server, converse
from monitor.dns import Lookup, system_lookup
from monitor.errors import SettingsError, TransportError
from monitor.types import Message, Receipt

DEADLINE_S = 60.0
PORTS = {"starttls": 587, "implicit": 465, "none": 25}
REMEMBERED = 1_000
_ADDRESS = re.compile(
    r"(?P<name>[^<>@]*)<(?P<inner>[^<>()\s,;:\"]+@[^<>()\s,;:\"@]+)>"
    r"|(?P<bare>[^<>()\s,;:\"]+@[^<>()\s,;:\"@]+)"
)


@dataclass(frozen=True, slots=True)
class EmailOptions:
    """``[channels.NAME]`` with ``kind = "email"``.

    ``tls`` is starttls (required, never left out), implicit, or none. ``port`` 0 means the
    usual one: 587, 465 or 25. ``ca_file`` replaces the system's certificate authorities.
    ``plain_login`` allows a password to be sent without TLS.
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
        self.deadline_s = deadline_s
        self._lookup = lookup
        self._server = make_server(name, options, means.folder)
        self._sender = parse_address(f"channels.{name}.sender", options.sender)
        self._recipients = parse_recipients(name, options.recipients)
        everyone = (self._sender, *self._recipients)
        self._international = not all(each.addr_spec.isascii() for each in everyone)
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
            raise TransportError(text, permanent=error.permanent) from None

    async def _send_rest(self, message: Message, progress: Progress) -> Receipt:
        settled = progress.settled()
        rest = [each.addr_spec for each in self._recipients if each.addr_spec not in settled]
        envelope = Envelope(self._sender.addr_spec, rest, self._write(message), self._international)
        talk_s = max(self.deadline_s - QUIT_S, self.deadline_s / 2)
        verdict = await converse(self._server, envelope, talk_s, self._lookup)
        progress.accepted |= set(rest) - set(verdict.refused)
        progress.refused |= {who: why for who, why in verdict.refused.items() if why.permanent}
        later = {who: why for who, why in verdict.refused.items() if not why.permanent}
        if later:
            raise TransportError(f"the server put off {listed(later)}")
        if not progress.accepted:
            raise TransportError(f"refused: {listed(progress.refused)}", permanent=True)
        refused = f"; refused for good: {listed(progress.refused)}" if progress.refused else ""
        return Receipt(answer(verdict.said + refused, self._hidden))

    def _write(self, message: Message) -> bytes:
        try:
            return letter.compose(
                message, self._sender, self._recipients, international=self._international
            ).as_bytes()
        except (MessageError, ValueError, LookupError) as error:
            text = f"no mail can be made of this message: {type(error).__name__}"
            raise TransportError(text, permanent=True) from error


def create(name: str, options: EmailOptions, means: Means) -> Email:
    """An e-mail channel as headlines.toml describes it. Raises SettingsError."""
    return Email(name, options, means)


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
        ascii_domain = domain if domain.isascii() else domain.encode("idna").decode("ascii")
        return Address(name, local, ascii_domain)
    except (ValueError, MessageError) as error:
        problem = f"{where}: {text!r} is not a mail address"
        raise SettingsError([("channels.address", problem)]) from error
