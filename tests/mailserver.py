"""Mail servers on loopback, each in a thread of its own: a real one, and ones that misbehave.

with MailServer() as server:
    server.answer("RCPT", "451 come back", who="b@x.example")   # until told otherwise
    server.answer("DATA", "554 no", times=1)                    # once
    server.mails                                                # what was taken

with TcpServer(handler) as server: ...    # async def handler(reader, writer)
"""

from __future__ import annotations

import asyncio
import ssl
import threading
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from types import TracebackType
from typing import Self

import trustme
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Mail:
    """A message that was taken, and how it came."""

    sender: str
    recipients: tuple[str, ...]
    raw: bytes
    encrypted: bool
    login: bytes | None

    @property
    def message(self) -> EmailMessage:
        """The message as a mail program reads it."""
        found = message_from_bytes(self.raw, policy=policy.default)
        assert isinstance(found, EmailMessage)
        return found

    def text(self, kind: str = "plain") -> str:
        """The text (or ``html``) part."""
        part = self.message.get_body((kind,))
        assert part is not None
        return str(part.get_content()).replace("\r\n", "\n")


@dataclass(slots=True)
class Rule:
    """An answer to a command (of one address), for so many times."""

    command: str
    reply: str
    who: str | None
    times: int


class Loop:
    """A server in a thread; ``port`` is set from ``with`` on."""

    def __init__(self) -> None:
        self.port = 0
        self.connections = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._started = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._main()), daemon=True)

    async def listen(self) -> asyncio.Server:
        raise NotImplementedError

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._started.wait(10), "the test server did not start"
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._loop is not None and self._stop is not None:
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)

    async def _main(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        server = await self.listen()
        self.port = server.sockets[0].getsockname()[1]
        self._started.set()
        await self._stop.wait()
        server.close()


class TcpServer(Loop):
    """Hands each connection to ``handler``; whatever it does with it is its own affair."""

    def __init__(self, handler: Handler) -> None:
        super().__init__()
        self._handler = handler

    async def listen(self) -> asyncio.Server:
        return await asyncio.start_server(self._serve, "127.0.0.1", 0)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            await self._handler(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.transport.abort()


class MailServer(Loop):
    """A server that keeps what it takes; ``tls`` offers STARTTLS, or ``implicit`` TLS."""

    def __init__(
        self,
        tls: ssl.SSLContext | None = None,
        *,
        implicit: bool = False,
        login: tuple[str, str] | None = None,
        utf8: bool = False,
        port: int = 0,
    ) -> None:
        super().__init__()
        self._wanted = port
        self.mails: list[Mail] = []
        self.commands: list[str] = []
        self.on_mail: Callable[[Mail], None] | None = None
        self._rules: list[Rule] = []
        self._tls = tls
        self._implicit = implicit
        self._login = login
        self._utf8 = utf8

    def answer(
        self, command: str, reply: str, *, who: str | None = None, times: int = 10**9
    ) -> None:
        """Answer MAIL, RCPT or DATA so; ``who`` limits it to one address."""
        self._rules.append(Rule(command, reply, who, times))

    def heal(self) -> None:
        """Answer everything well again."""
        self._rules.clear()

    def wait_for(self, count: int, timeout_s: float = 60.0) -> None:
        """Return when ``count`` mails are there; AssertionError after ``timeout_s``."""
        deadline = time.monotonic() + timeout_s
        while len(self.mails) < count:
            assert time.monotonic() < deadline, f"{len(self.mails)} of {count} mails came"
            time.sleep(0.01)

    async def listen(self) -> asyncio.Server:
        loop = asyncio.get_running_loop()
        context = self._tls if self._implicit else None
        return await loop.create_server(self._protocol, "127.0.0.1", self._wanted, ssl=context)

    def _protocol(self) -> SMTP:
        self.connections += 1
        return SMTP(
            self,
            hostname="localhost",
            enable_SMTPUTF8=self._utf8,
            tls_context=None if self._implicit else self._tls,
            authenticator=self._authenticate if self._login else None,
            auth_require_tls=False,
            auth_required=bool(self._login),
        )

    def _authenticate(
        self, _server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, data: object
    ) -> AuthResult:
        assert isinstance(data, LoginPassword)
        given = (data.login.decode(), data.password.decode())
        return AuthResult(success=given == self._login, handled=False, auth_data=data.login)

    def _ruled(self, command: str, address: str) -> str | None:
        self.commands.append(f"{command} {address}".strip())
        for rule in self._rules:
            if rule.command == command and rule.who in {None, address} and rule.times > 0:
                rule.times -= 1
                return rule.reply
        return None

    async def handle_MAIL(  # noqa: N802
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if reply := self._ruled("MAIL", address):
            return reply
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(  # noqa: N802
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if reply := self._ruled("RCPT", address):
            return reply
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        if reply := self._ruled("DATA", ""):
            return reply
        encrypted = server.transport.get_extra_info("sslcontext") is not None
        content = envelope.content
        assert isinstance(content, bytes)
        recipients = tuple(str(address) for address in envelope.rcpt_tos)
        login = session.auth_data if session.authenticated else None
        mail = Mail(str(envelope.mail_from), recipients, content, encrypted, login)
        self.mails.append(mail)
        if self.on_mail:
            self.on_mail(mail)
        return f"250 kept as number {len(self.mails)}"


def server_tls(authority: trustme.CA, *names: str) -> ssl.SSLContext:
    """A server's context with a certificate for ``names`` (127.0.0.1 and localhost)."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*(names or ("127.0.0.1", "localhost"))).configure_cert(context)
    return context
