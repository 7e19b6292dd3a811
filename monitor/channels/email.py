"""E-mail over SMTP, encrypted unless the user says otherwise."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import socket
import ssl
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from email.errors import MessageError
from email.headerregistry import Address
from email.utils import parseaddr

import aiosmtplib
from aiosmtplib import SMTPResponse

from monitor.channels import letter
from monitor.channels.base import answer, read_secret
from monitor.client import HttpClient
from monitor.dns import Lookup, system_lookup
from monitor.errors import SettingsError, TransportError
from monitor.types import Message, Receipt

DEADLINE_S = 60.0
QUIT_S = 2.0
PORTS = {"starttls": 587, "implicit": 465, "none": 25}
# These 5xx speak of the login, not of the message: a person will mend that.
LOGIN_CODES = {530, 534, 535, 538}
REMEMBERED = 1_000


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
    """Who has already taken a message, and who refused it for good (with the words)."""

    accepted: set[str] = field(default_factory=set)
    refused: dict[str, str] = field(default_factory=dict)


class Email:
    """Sends each message once to the whole list of recipients.

    Where a server takes it for some recipients and puts others off, only those are tried
    again. That is remembered in memory: after a restart all may get it again, under the
    same Message-ID.
    """

    def __init__(
        self,
        name: str,
        options: EmailOptions,
        *,
        deadline_s: float = DEADLINE_S,
        lookup: Lookup = system_lookup,
    ) -> None:
        self.name = name
        self.deadline_s = deadline_s + QUIT_S
        self._talk_s = deadline_s
        self._lookup = lookup
        self._options = options
        self._password = checked_password(name, options)
        self._context = tls_context(name, options)
        self._sender = parse_address(f"channels.{name}.sender", options.sender)
        self._recipients = parse_recipients(name, options.recipients)
        everyone = (self._sender, *self._recipients)
        self._international = not all(each.addr_spec.isascii() for each in everyone)
        self._hidden = hidden_forms(options.username, self._password)
        self._progress: OrderedDict[str, Progress] = OrderedDict()

    def __repr__(self) -> str:
        return f"Email({self.name!r}, {self._options.host!r})"

    async def send(self, message: Message) -> Receipt:
        """Hand ``message`` to the server. Raises TransportError.

        5xx about the message or its addresses is permanent. Everything else is tried again:
        4xx, silence, a wrong certificate, a server without STARTTLS, a refused login.
        """
        progress = self._progress.setdefault(message.id, Progress())
        self._progress.move_to_end(message.id)
        try:
            receipt = await self._send_rest(message, progress)
        except TransportError as error:
            if error.permanent or not progress.accepted | progress.refused.keys():
                self._progress.pop(message.id, None)
            raise
        finally:
            while len(self._progress) > REMEMBERED:
                self._progress.popitem(last=False)
        self._progress.pop(message.id, None)
        return receipt

    async def _send_rest(self, message: Message, progress: Progress) -> Receipt:
        done = progress.accepted | progress.refused.keys()
        rest = [each.addr_spec for each in self._recipients if each.addr_spec not in done]
        try:
            mail = letter.compose(
                message, self._sender, self._recipients, international=self._international
            ).as_bytes()
        except (MessageError, ValueError, LookupError) as error:
            text = f"no mail could be made of this message: {type(error).__name__}"
            raise TransportError(text, permanent=True) from error
        refusals, said = await self._converse(mail, rest)
        later = {who: why for who, why in refusals.items() if why.code < 500}
        progress.accepted |= set(rest) - set(refusals)
        for who, why in refusals.items():
            if who not in later:
                progress.refused[who] = f"{who}: {why.code} {why.message}"
        if later:
            words = "; ".join(f"{who}: {why.code} {why.message}" for who, why in later.items())
            raise TransportError(self._said(f"the server put off {words}"))
        refused = "; ".join(progress.refused.values())
        if not progress.accepted:
            raise TransportError(self._said(f"refused: {refused}"), permanent=True)
        return Receipt(self._said(f"{said}; refused for good: {refused}" if refused else said))

    async def _converse(
        self, mail: bytes, recipients: Sequence[str]
    ) -> tuple[dict[str, SMTPResponse], str]:
        """One conversation, cut off at the deadline: who was refused, and the last answer."""
        try:
            async with asyncio.timeout(self._talk_s), contextlib.AsyncExitStack() as stack:
                client = await self._connect(stack)
                result = await self._transact(client, mail, recipients)
        except TimeoutError:
            raise TransportError(
                f"{self._options.host} did not finish within {self._talk_s:g} s"
            ) from None
        except aiosmtplib.SMTPResponseException as error:
            raise self._explain(error) from None
        except (aiosmtplib.SMTPException, OSError, ValueError) as error:
            text = str(error) or type(error).__name__
            raise TransportError(self._said(f"{self._options.host}: {text}")) from None
        return result

    async def _connect(self, stack: contextlib.AsyncExitStack) -> aiosmtplib.SMTP:
        """A client that has said hello, encrypted and logged in as the options ask for."""
        options = self._options
        port = options.port or PORTS[options.tls]
        peer = await open_socket(options.host, port, self._lookup)
        client = aiosmtplib.SMTP(
            hostname=options.host,
            sock=peer,
            local_hostname=own_name(peer),
            timeout=self._talk_s,
            use_tls=options.tls == "implicit",
            start_tls=options.tls == "starttls",
            tls_context=self._context,
        )
        stack.callback(hang_up, client, peer)
        await client.connect()
        if options.username:
            await client.login(options.username.encode(), self._password.encode())
        return client

    async def _transact(
        self, client: aiosmtplib.SMTP, mail: bytes, recipients: Sequence[str]
    ) -> tuple[dict[str, SMTPResponse], str]:
        extra = ["SMTPUTF8", "BODY=8BITMIME"] if self._international else []
        try:
            refused, said = await client.sendmail(
                self._sender.addr_spec, recipients, mail, mail_options=extra
            )
        except aiosmtplib.SMTPRecipientsRefused as error:
            refusals = {
                who.recipient: SMTPResponse(who.code, who.message) for who in error.recipients
            }
            return refusals, ""
        # The message has been taken: how the goodbye goes cannot change that.
        with contextlib.suppress(aiosmtplib.SMTPException, OSError, TimeoutError):
            async with asyncio.timeout(QUIT_S):
                await client.quit()
        return refused, said

    def _explain(self, error: aiosmtplib.SMTPResponseException) -> TransportError:
        """A refusal of the message is permanent; one of the connection or the login is not."""
        about_message = isinstance(error, aiosmtplib.SMTPSenderRefused | aiosmtplib.SMTPDataError)
        permanent = about_message and error.code >= 500 and error.code not in LOGIN_CODES
        text = f"{self._options.host} answered {error.code} {error.message}"
        return TransportError(self._said(text), permanent=permanent)

    def _said(self, text: str) -> str:
        return answer(text, self._hidden)


def create(name: str, options: EmailOptions, _client: HttpClient) -> Email:
    """An e-mail channel as headlines.toml describes it. Raises SettingsError."""
    return Email(name, options)


async def open_socket(host: str, port: int, lookup: Lookup) -> socket.socket:
    """A connection to the first address of ``host`` that takes one. Raises OSError."""
    loop = asyncio.get_running_loop()
    problem: OSError = OSError("the name does not resolve")
    for address in dict.fromkeys(await lookup(host, port)):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        peer = socket.socket(family, socket.SOCK_STREAM)
        peer.setblocking(False)
        try:
            await loop.sock_connect(peer, (address, port))
        except OSError as error:
            problem = error
            peer.close()
        except BaseException:
            peer.close()
            raise
        else:
            return peer
    raise OSError(f"no connection to port {port}: {problem.strerror or problem}")


def own_name(peer: socket.socket) -> str:
    """What EHLO says: this machine's full name, else its address (RFC 5321, 4.1.4)."""
    name = socket.gethostname()
    if "." in name.strip(".") and name.isascii() and name.isprintable() and " " not in name:
        return name
    address = str(peer.getsockname()[0]).partition("%")[0]
    return f"[IPv6:{address}]" if ":" in address else f"[{address}]"


def hang_up(client: aiosmtplib.SMTP, peer: socket.socket) -> None:
    """Close at once: a peer that does not read must not keep the connection alive."""
    transport = client.transport
    if isinstance(transport, asyncio.WriteTransport):
        transport.abort()
    client.close()
    peer.close()


def hidden_forms(username: str, password: str) -> list[str]:
    """The password in every form in which it is sent."""
    if not password:
        return []
    plain = f"\0{username}\0{password}"
    return [password, *(base64.b64encode(text.encode()).decode() for text in (password, plain))]


def checked_password(name: str, options: EmailOptions) -> str:
    """The password, from where the options say. Raises SettingsError."""
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
    if options.password_file:
        return read_secret(options.password_file, f"{where}.password_file")
    return options.password


def tls_context(name: str, options: EmailOptions) -> ssl.SSLContext | None:
    """Certificates are always checked. Raises SettingsError for a CA file that is none."""
    if options.tls == "none":
        return None
    try:
        return ssl.create_default_context(cafile=options.ca_file or None)
    except (OSError, ssl.SSLError) as error:
        problem = f"channels.{name}.ca_file: {options.ca_file}: {error}"
        raise SettingsError([("channels.ca_file", problem)]) from error


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
    name, mailbox = parseaddr(text)
    local, _, domain = mailbox.rpartition("@")
    try:
        if not local or not domain or not text.isprintable():
            raise ValueError
        ascii_domain = domain if domain.isascii() else domain.encode("idna").decode("ascii")
        return Address(name, local, ascii_domain)
    except (ValueError, MessageError) as error:
        problem = f"{where}: {text!r} is not a mail address"
        raise SettingsError([("channels.address", problem)]) from error
