"""The mailbox and the webhook sink of the demonstration."""

from __future__ import annotations

import asyncio
import base64
import hmac
import json
import threading
from collections.abc import Callable
from email import message_from_bytes, policy
from hashlib import sha256
from typing import Any

from aiosmtpd.smtp import SMTP, Envelope, Session


class Mailbox:
    """An SMTP server on loopback; ``on_mail`` gets the subject and the text of each message."""

    def __init__(self, on_mail: Callable[[str, str], None]) -> None:
        self._on_mail = on_mail
        self._server: asyncio.Server | None = None

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        content = envelope.content or b""
        raw = content if isinstance(content, bytes) else content.encode()
        message = message_from_bytes(raw, policy=policy.default)
        part = message.get_body(("plain",))
        self._on_mail(str(message["Subject"]), part.get_content() if part else "")
        return "250 kept"

    async def start(self) -> int:
        """Listen on this loop; returns the port."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: SMTP(self, loop=loop), "127.0.0.1", 0)
        return int(self._server.sockets[0].getsockname()[1])

    def stop(self) -> None:
        """End listening."""
        if self._server is not None:
            self._server.close()


class Sink:
    """Takes webhooks, checks their signature (Standard Webhooks), and tells ``on_hook`` the rest.

    A message that comes again under its id is counted as the same one.
    """

    def __init__(self, secret: str, on_hook: Callable[[str, dict[str, Any]], None]) -> None:
        self._key = base64.b64decode(secret.removeprefix("whsec_"))
        self._on_hook = on_hook
        self._lock = threading.Lock()
        self.refused = 0

    def take(self, headers: Any, body: bytes) -> int:
        """The status to answer: 200, or 401 for a signature that does not fit."""
        number, sent = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
        signed = f"{number}.{sent}.".encode() + body
        wanted = base64.b64encode(hmac.new(self._key, signed, sha256).digest()).decode()
        given = [
            part.partition(",")[2]
            for part in headers.get("webhook-signature", "").split()
            if part.startswith("v1,")
        ]
        if not any(hmac.compare_digest(wanted, one) for one in given):
            with self._lock:
                self.refused += 1
            return 401
        self._on_hook(number, json.loads(body))
        return 200
