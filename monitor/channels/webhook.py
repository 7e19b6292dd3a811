"""Webhooks: a signed JSON document by POST, after the Standard Webhooks specification.

The body is described by docs/webhook.schema.json.
"""

from __future__ import annotations

import asyncio
import base64
import json
import re
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import unquote, urlsplit

from monitor.answers import retry_after_s
from monitor.channels import custom, signing
from monitor.channels.base import HIDDEN, Means, answer, read_file
from monitor.channels.custom import Filled
from monitor.channels.facts import Reader, facts, instant
from monitor.client import Limits, Response
from monitor.errors import FetchError, SettingsError, TransportError
from monitor.messages import AlertEntry, Message, MessageKind, Receipt

DEADLINE_S = 15.0
MAX_ANSWER_BYTES = 64 * 1024
TYPES: Mapping[MessageKind, str] = {
    MessageKind.ALERT: "headline.matched",
    MessageKind.FOLLOW_UP: "headline.follow_up",
    MessageKind.DIGEST: "headline.digest",
    MessageKind.NOTICE: "monitor.notice",
}
JSON = "application/json"
SHOWN_HEADERS = 30
# A piece of an address or a header that is shorter is a word, not a token.
TOKEN_LENGTH = 8
_PIECES = re.compile(r"[\s/?&=#:@,;]+")
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_OURS = {"content-type", "content-length", "host", "transfer-encoding", "connection"}


@dataclass(frozen=True, slots=True)
class WebhookOptions:
    """``[channels.NAME]`` with ``kind = "webhook"``.

    ``secrets`` are ``whsec_…``; several are used at once while a receiver changes to a new
    one. ``secret_file`` holds one secret a line. ``headers`` are added to every request.
    The file named by ``body_template`` replaces the body, ``content_type`` says what it is.
    """

    url: str = field(repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)
    secret_file: str = ""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body_template: str = ""
    content_type: str = JSON


class Webhook:
    """Posts messages to one address. ``clock`` gives seconds since 1970."""

    def __init__(
        self,
        name: str,
        options: WebhookOptions,
        means: Means,
        *,
        deadline_s: float = DEADLINE_S,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.name = name
        self._means = means
        self._clock = clock
        self._templates = custom.load(name, {"body": options.body_template}, means.folder)
        self._content_type = checked_content_type(name, options)
        self._talk_s = deadline_s
        self.deadline_s = deadline_s + self._templates.deadline_s
        self._url = options.url
        self._keys, secrets = read_secrets(name, options, means.folder)
        self._headers = checked_headers(name, options.headers)
        self._host = checked_host(name, options.url)
        self._hidden = hidden_forms(options.url, secrets, self._headers.values())

    def __repr__(self) -> str:
        return f"Webhook({self.name!r}, {self._host!r})"

    async def send(self, message: Message) -> Receipt:
        """Post ``message``; any 2xx means that it arrived. Raises TransportError.

        410 asks never to be called again; everything else is tried again, redirects too:
        they are not followed, since a signed message goes where it was meant to go.
        """
        until_s = asyncio.get_running_loop().time() + self.deadline_s
        body, content_type, warning = await self._body(message)
        now_s = self._clock()
        headers = {
            **self._headers,
            **signing.headers(message.id, int(now_s), body, self._keys),
            "Content-Type": f"{content_type}; charset=utf-8",
            "Accept-Encoding": "identity",
        }
        left_s = min(self._talk_s, until_s - asyncio.get_running_loop().time())
        self._trace_request(headers, body)
        limits = Limits(total_s=left_s, max_bytes=MAX_ANSWER_BYTES, cut_body=True)
        try:
            response = await self._means.client.request(
                "POST", self._url, headers=headers, body=body, limits=limits
            )
        except FetchError as error:
            text = answer(str(error), self._hidden)
            raise TransportError(text, retry_after_s=error.retry_after_s) from None
        self._trace_response(response)
        return replace(self._receipt(response, now_s), warning=warning)

    def _trace_request(self, headers: Mapping[str, str], body: bytes) -> None:
        parts = urlsplit(self._url)
        place = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
        address = f"POST {place}/{HIDDEN if parts.path.strip('/') else ''} ({len(body)} bytes)"
        lines = [f"{name}: {value}" for name, value in headers.items()]
        for line in (address, *lines):
            self._means.trace("us", answer(line, self._hidden))

    def _trace_response(self, response: Response) -> None:
        status = f"{response.status} {_phrase(response.status)}".strip()
        lines = [f"{name}: {value}" for name, value in response.headers.items()][:SHOWN_HEADERS]
        body = response.body.decode("utf-8", "replace")
        for line in (status, *lines, *([body] if body else [])):
            self._means.trace("them", answer(line, self._hidden))

    async def _body(self, message: Message) -> tuple[bytes, str, str]:
        """What is posted, its type, and what the owner is to hear of it."""
        filled = Filled()
        if self._templates:
            filled = await self._templates.fill(facts(message, Reader(), self._means.links))
        text = filled.texts.get("body")
        if text is None:
            return document(message), JSON, filled.warning
        if self._content_type == JSON:
            try:
                json.loads(text, parse_constant=not_json)
            except (ValueError, RecursionError) as error:
                file = self._templates.found["body"].file
                what = getattr(error, "msg", None) or error  # without the place: told once
                reasons = {"body": f"{file}: what it makes is no JSON: {what}"}
                return document(message), JSON, custom.failure(reasons)
        return text.encode("utf-8", "replace"), self._content_type, ""

    def _receipt(self, response: Response, now_s: float) -> Receipt:
        status = response.status
        said = answer(response.body.decode("utf-8", "replace"), self._hidden)
        detail = f"{status} {_phrase(status)}".strip() + (f": {said}" if said else "")
        if 200 <= status < 300:
            return Receipt(detail)
        if status == HTTPStatus.GONE:
            raise TransportError(
                f"{self._host} answered {detail} and is not called again",
                permanent=True,
                gone=True,
            )
        moved = "; redirects are not followed: set the new address" if 300 <= status < 400 else ""
        raise TransportError(
            f"{self._host} answered {detail}{moved}",
            retry_after_s=retry_after_s(
                response.headers.get("Retry-After"), datetime.fromtimestamp(now_s, UTC)
            ),
        )


def create(name: str, options: WebhookOptions, means: Means) -> Webhook:
    """A webhook as headlines.toml describes it. Raises SettingsError."""
    return Webhook(name, options, means)


def document(message: Message) -> bytes:
    """The body: JSON in UTF-8, the same bytes at every attempt."""
    data: dict[str, Any] = {
        "channel": message.channel,
        "entries": [entry_document(entry) for entry in message.entries],
    }
    if message.notice:
        data["notice"] = message.notice
        if message.notice_zh:
            data["notice_zh"] = message.notice_zh
    elif message.digest:
        data["total"] = max(message.total, len(message.entries))
        data["rules"] = [
            {"name": each.rule, "query": each.query, "total": each.total} for each in message.counts
        ]
    else:
        data["rule"] = {"name": message.rule, "query": message.query}
    whole = {
        "type": TYPES[message.kind],
        "id": message.id,
        "timestamp": instant(message.created_at),
        "data": data,
    }
    text = json.dumps(whole, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "replace")


def entry_document(entry: AlertEntry) -> dict[str, Any]:
    """One headline; ``spans`` count the title's Unicode characters from 0."""
    return {
        "id": entry.id,
        "title": entry.title,
        "url": entry.url,
        "source": entry.source,
        "section": entry.section,
        "probability": round(entry.probability, 4),
        "unsure": entry.unsure,
        "published_at": instant(entry.published_at) if entry.published_at else None,
        "first_seen_at": instant(entry.first_seen_at),
        "spans": [list(span) for span in entry.spans],
        "rule": entry.rule,
        "story": entry.story_id,
        "portals": entry.portals,
    }


def read_secrets(name: str, options: WebhookOptions, folder: Path) -> tuple[list[bytes], list[str]]:
    """The keys to sign with, and their texts to be kept out of sight. Raises SettingsError."""
    where = f"channels.{name}"
    texts = list(options.secrets)
    if options.secret_file:
        texts += read_file(options.secret_file, f"{where}.secret_file", folder).split()
    if not texts:
        problem = f"{where}: set 'secrets' or 'secret_file': messages are signed"
        raise SettingsError([("channels.secret", problem)])
    try:
        return [signing.read_key(text) for text in texts], texts
    except ValueError as error:
        raise SettingsError([("channels.secret", f"{where}.secrets: {error}")]) from None


def checked_headers(name: str, headers: Mapping[str, str]) -> dict[str, str]:
    """``headers`` if they can be sent and replace none of ours. Raises SettingsError."""
    problems = []
    for key, value in headers.items():
        where = f"channels.{name}.headers.{key}"
        if not _TOKEN.fullmatch(key):
            problems.append(("channels.header", f"{where}: not the name of a header"))
        elif key.lower() in _OURS or key.lower().startswith("webhook-"):
            problems.append(("channels.header", f"{where}: this header is set by the program"))
        elif not isinstance(value, str) or not value.isascii() or not value.isprintable():
            problems.append(("channels.header", f"{where}: printable ASCII text is expected"))
    if problems:
        raise SettingsError(problems)
    return dict(headers)


def checked_content_type(name: str, options: WebhookOptions) -> str:
    """The type of a body of the user's own. Raises SettingsError."""
    where = f"channels.{name}.content_type"
    if not re.fullmatch(r"[a-z0-9.+-]+/[a-z0-9.+-]+", options.content_type):
        problem = f"{where}: a type such as 'text/plain' is expected, without a charset"
        raise SettingsError([("channels.header", problem)])
    if options.content_type != JSON and not options.body_template:
        problem = f"{where}: without body_template the body is JSON"
        raise SettingsError([("channels.header", problem)])
    return options.content_type


def checked_host(name: str, url: str) -> str:
    """The host of ``url``. Raises SettingsError unless it is an http or https address."""
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        host = None
    if not host or parts.scheme not in {"http", "https"}:
        problem = f"channels.{name}.url: an http or https address is expected"
        raise SettingsError([("channels.url", problem)])
    return host


def hidden_forms(url: str, secrets: Iterable[str], values: Iterable[str]) -> list[str]:
    """What no answer may show: the secrets, headers, and the address, often itself a password."""
    parts = urlsplit(url)
    login = [part for part in (parts.username, parts.password) if part]
    if login:  # as the header Authorization has it
        pair = f"{unquote(parts.username or '')}:{unquote(parts.password or '')}"
        login.append(base64.b64encode(pair.encode("latin-1", "replace")).decode())
    whole = [url, *login, parts.path, parts.query, *values]
    pieces = {piece for text in whole for piece in _PIECES.split(f"{unquote(text)} {text}")}
    bare = [secret.removeprefix(signing.PREFIX) for secret in secrets]
    tokens = {piece for piece in pieces if len(piece) >= TOKEN_LENGTH and piece != parts.hostname}
    return [*bare, *whole, *tokens]


def not_json(constant: str) -> NoReturn:
    """Python reads NaN and Infinity; receivers do not."""
    raise ValueError(f"{constant} is no JSON")


def _phrase(status: int) -> str:
    return HTTPStatus(status).phrase if status in HTTPStatus._value2member_map_ else ""
