"""One SMTP conversation: greeting, TLS, login, one message, goodbye."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import aiosmtplib
from aiosmtplib.typing import Default

from monitor.channels.base import HIDDEN, Trace, no_trace
from monitor.dns import Lookup
from monitor.errors import TransportError

QUIT_S = 2.0
_GREETINGS = {(b"EHLO",), (b"HELO",)}
CLOSING = 421
# These 5xx speak of the login, not of the message: a person will mend that.
LOGIN_CODES = {530, 534, 535, 538}


@dataclass(frozen=True, slots=True)
class Server:
    """Where to go and how: ``tls`` is starttls (never left out), implicit, or none."""

    host: str
    port: int
    tls: str
    context: ssl.SSLContext | None
    username: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Envelope:
    """The message as bytes, and its addresses; ``international`` ones need SMTPUTF8."""

    sender: str
    recipients: Sequence[str]
    mail: bytes
    international: bool = False


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a recipient was refused."""

    code: int
    text: str

    @property
    def permanent(self) -> bool:
        return is_permanent(self.code)

    def __str__(self) -> str:
        return f"{self.code} {self.text}"


def is_permanent(code: int) -> bool:
    """Whether another try cannot help: 5xx, but for a login, which a person can mend."""
    return code >= 500 and code not in LOGIN_CODES


@dataclass(frozen=True, slots=True)
class Verdict:
    """The server's word: who was refused (all others have it), and its last answer."""

    refused: dict[str, Refusal]
    said: str = ""


class Client(aiosmtplib.SMTP):
    """Tells ``trace`` what is said by either side, but for what a login is made of."""

    trace: Trace = staticmethod(no_trace)
    secret = False

    async def execute_command(
        self,
        *args: bytes,
        timeout: float | Literal[Default.token] | None = Default.token,  # noqa: ASYNC109
    ) -> aiosmtplib.SMTPResponse:
        shown = args
        if self.secret and args[:1] not in _GREETINGS:
            shown = args[:2] if args[:1] == (b"AUTH",) else ()
        rest = () if shown == args else (HIDDEN.encode(),)
        self.trace("us", b" ".join((*shown, *rest)).decode("utf-8", "replace"))
        response = await super().execute_command(*args, timeout=timeout)
        self.heard(response)
        return response

    def heard(self, response: aiosmtplib.SMTPResponse) -> None:
        """What the server said."""
        for line in response.message.split("\n"):
            self.trace("them", f"{response.code} {line}")

    def encrypted(self) -> None:
        """How, once it is."""
        tls = self.get_transport_info("ssl_object")
        if tls is not None:
            self.trace("note", f"{tls.version()}, {tls.cipher()[0]}, the certificate is good")


async def converse(
    server: Server,
    envelope: Envelope,
    deadline_s: float,
    lookup: Lookup,
    trace: Trace = no_trace,
) -> Verdict:
    """Hand the message over within ``deadline_s``. Raises TransportError.

    5xx about sender or message is permanent. What concerns the connection or the login is
    tried again, whatever its code: silence, a wrong certificate, no STARTTLS, a bad password.
    """
    try:
        async with asyncio.timeout(deadline_s), contextlib.AsyncExitStack() as stack:
            client = await connect(server, deadline_s, lookup, stack, trace)
            verdict = await transact(client, envelope)
    except TimeoutError:
        text = f"{server.host} did not finish within {deadline_s:g} s"
        raise TransportError(text) from None
    except aiosmtplib.SMTPResponseException as error:
        about_message = isinstance(error, aiosmtplib.SMTPSenderRefused | aiosmtplib.SMTPDataError)
        permanent = about_message and is_permanent(error.code)
        text = f"{server.host} answered {error.code} {error.message}"
        raise TransportError(text, permanent=permanent) from None
    except (aiosmtplib.SMTPException, OSError, ValueError) as error:
        raise TransportError(f"{server.host}: {error or type(error).__name__}") from None
    return verdict


async def connect(
    server: Server,
    deadline_s: float,
    lookup: Lookup,
    stack: contextlib.AsyncExitStack,
    trace: Trace,
) -> Client:
    """A client that has said hello, encrypted and logged in; ``stack`` hangs it up."""
    peer = await open_socket(server.host, server.port, lookup)
    trace("note", f"connected to {server.host}, port {server.port}")
    client = Client(
        hostname=server.host,
        sock=peer,
        local_hostname=own_name(peer),
        timeout=deadline_s,
        use_tls=server.tls == "implicit",
        start_tls=False,
        tls_context=server.context,
    )
    client.trace = trace
    stack.callback(hang_up, client, peer)
    client.heard(await client.connect())
    if server.tls == "starttls":
        with contextlib.suppress(aiosmtplib.SMTPHeloError):
            await client.ehlo()
        if client.supports_extension("starttls"):
            trace("us", "STARTTLS")
        client.heard(await client.starttls())  # raises where it is not offered
    client.encrypted()
    if server.username:
        client.secret = True
        await client.login(server.username.encode(), server.password.encode())
        client.secret = False
    return client


async def transact(client: Client, envelope: Envelope) -> Verdict:
    """One message, and the goodbye."""
    encoding = "utf-8" if envelope.international else "ascii"
    if client.is_ehlo_or_helo_needed:
        try:
            await client.ehlo()
        except aiosmtplib.SMTPHeloError:
            await client.helo()
    await client.mail(envelope.sender, options=mail_options(client, envelope), encoding=encoding)
    refused: dict[str, Refusal] = {}
    for address in envelope.recipients:
        try:
            await client.rcpt(address, encoding=encoding)
        except aiosmtplib.SMTPRecipientRefused as error:
            if error.code == CLOSING:
                raise
            refused[address] = Refusal(error.code, error.message)
    if len(refused) == len(envelope.recipients):
        return Verdict(refused)
    client.trace("us", f"DATA, {len(envelope.mail)} bytes")
    answer = await client.data(envelope.mail)
    client.heard(answer)
    # The message has been taken: how the goodbye goes cannot change that.
    with contextlib.suppress(aiosmtplib.SMTPException, OSError, TimeoutError):
        async with asyncio.timeout(QUIT_S):
            await client.quit()
    return Verdict(refused, answer.message)


def mail_options(client: Client, envelope: Envelope) -> list[str]:
    """What MAIL FROM says of the message: its size (RFC 1870), and UTF-8 (RFC 6531)."""
    options = []
    if client.supports_extension("size"):
        options.append(f"SIZE={len(envelope.mail)}")
    if envelope.international:
        if not client.supports_extension("smtputf8"):
            text = "the server takes no addresses beyond ASCII (it offers no SMTPUTF8)"
            raise aiosmtplib.SMTPNotSupported(text)
        options += ["SMTPUTF8", "BODY=8BITMIME"]
    return options


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


def hang_up(client: Client, peer: socket.socket) -> None:
    """Close at once: a peer that does not read must not keep the connection alive."""
    transport = client.transport
    if isinstance(transport, asyncio.WriteTransport):
        transport.abort()
    client.close()
    peer.close()
