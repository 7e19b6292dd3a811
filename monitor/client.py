"""The one HTTP client: every request the program makes leaves through here.

It judges addresses, counts bytes and seconds, follows redirects by its own rules, keeps no
cookies, reads no proxy variables, and turns every trouble into a FetchError with a kind.
"""

from __future__ import annotations

import asyncio
import functools
import socket
import ssl
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from types import MappingProxyType, TracebackType
from typing import Self

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from monitor.addresses import Allowed, check_peer, check_url, parse_allowed, safe_url
from monitor.dns import Lookup, system_lookup
from monitor.errors import FetchError
from monitor.exchange import DEFAULT_LIMITS, ClientSettings, Limits, Response
from monitor.inflate import ACCEPT_ENCODING, Body
from monitor.redirects import PERMANENT, REDIRECTS, headers_for, next_hop, split_credentials
from monitor.route import is_ours
from monitor.types import FailureKind

__all__ = [
    "DEFAULT_LIMITS",
    "ClientSettings",
    "HttpClient",
    "Limits",
    "Response",
    "anywhere",
    "check_url",
]

Follow = Callable[[str], Awaitable[None]]

_NO_HEADERS: Mapping[str, str] = MappingProxyType({})
_LARGE_BODY = 1024 * 1024


async def anywhere(_url: str) -> None:
    """Follow every redirect that the client's own rules allow."""


class HttpClient:
    """An async context manager; ``lookup`` turns a name into numeric addresses."""

    def __init__(self, settings: ClientSettings, *, lookup: Lookup = system_lookup) -> None:
        self._settings = settings
        self._allow = parse_allowed(settings.allow_private)
        self._resolver = _GuardedResolver(lookup, self._allow)
        self._session: aiohttp.ClientSession | None = None
        self._large = asyncio.Semaphore(settings.large_bodies)

    @property
    def allow_private(self) -> tuple[str, ...]:
        """The private places that are open, as the settings name them."""
        return self._settings.allow_private

    async def __aenter__(self) -> Self:
        connector = aiohttp.TCPConnector(
            resolver=self._resolver,
            socket_factory=self._resolver.open_socket,
            ssl=ssl.create_default_context(),
            limit=0,
            use_dns_cache=self._settings.dns_cache_s > 0,
            ttl_dns_cache=self._settings.dns_cache_s,
            keepalive_timeout=self._settings.keepalive_s,
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
            headers={"User-Agent": self._settings.user_agent, "Accept-Encoding": ACCEPT_ENCODING},
            max_line_size=8_190,
            max_field_size=32_768,
            max_headers=256,
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] = _NO_HEADERS,
        body: bytes | None = None,
        limits: Limits = DEFAULT_LIMITS,
        follow: Follow = anywhere,
    ) -> Response:
        """One exchange, redirects included. Only GET and HEAD are ever redirected, and only to
        where ``follow``, which is asked first, raises no FetchError.

        Raises FetchError for everything that keeps an answer from being read whole; an answer
        of any status, 404 too, is a Response.
        """
        started_s = asyncio.get_running_loop().time()
        led = follow if method in {"GET", "HEAD"} else None
        try:
            async with asyncio.timeout(limits.total_s):
                response = await self._exchange(method, url, dict(headers), body, limits, led)
        except TimeoutError as error:
            raise FetchError(
                FailureKind.TIMEOUT,
                f"{_host_of(url)} did not finish its answer within {limits.total_s:.3g} s",
            ) from error
        elapsed_s = asyncio.get_running_loop().time() - started_s
        return replace(response, elapsed_s=elapsed_s)

    async def get(
        self,
        url: str,
        *,
        headers: Mapping[str, str] = _NO_HEADERS,
        limits: Limits = DEFAULT_LIMITS,
        follow: Follow = anywhere,
    ) -> Response:
        """``request`` with GET, following redirects."""
        return await self.request("GET", url, headers=headers, limits=limits, follow=follow)

    async def _exchange(
        self,
        method: str,
        address: str,
        headers: dict[str, str],
        body: bytes | None,
        limits: Limits,
        follow: Follow | None,
    ) -> Response:
        url, login = split_credentials(safe_url(address, self._allow).with_fragment(None))
        headers = {**headers, **login}
        visited = [url]
        permanent = not login
        while True:
            reply = await self._send(method, url, headers, body, limits)
            try:
                location = reply.headers.get("Location")
                if follow is None or location is None or reply.status not in REDIRECTS:
                    try:
                        content = await self._read(reply, limits)
                    except FetchError:
                        if not limits.cut_body:
                            raise
                        content = b""  # the status is the answer; nobody needs the body whole
                    moved = str(url) if permanent and len(visited) > 1 else None
                    return Response(reply.status, str(url), reply.headers, content, moved)
            finally:
                reply.close()
            permanent = permanent and reply.status in PERMANENT
            following = next_hop(location, visited, limits.max_redirects, self._allow)
            await follow(str(following))
            headers = headers_for(headers, url, following)
            url, login = split_credentials(following)
            headers |= login
            visited.append(url)

    async def _send(
        self, method: str, url: URL, headers: dict[str, str], body: bytes | None, limits: Limits
    ) -> aiohttp.ClientResponse:
        if self._session is None:
            raise RuntimeError("use HttpClient as an async context manager")
        try:
            reply = await self._session.request(
                method,
                url,
                headers=headers,
                data=body,
                allow_redirects=False,
                timeout=_client_timeout(limits.connect_s),
            )
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise _explain(url, error, limits) from error
        size = sum(len(name) + len(value) + 4 for name, value in reply.raw_headers)
        if size > limits.max_header_bytes:
            reply.close()
            raise _headers_too_large(url)
        return reply

    async def _read(self, reply: aiohttp.ClientResponse, limits: Limits) -> bytes:
        body = Body(
            str(reply.url.host),
            reply.headers.get("Content-Encoding", ""),
            max_bytes=limits.max_bytes,
            max_ratio=limits.max_ratio,
            cut=limits.cut_body,
        )
        if not limits.cut_body and (reply.content_length or 0) > limits.max_bytes:
            raise body.too_large()
        stream = reply.content
        try:
            while not body.full and body.size <= _LARGE_BODY:
                data = await stream.readany()
                if not data:
                    return body.finish()
                body.feed(data)
            async with self._large:
                while not body.full and (data := await stream.readany()):
                    body.feed(data)
                return body.finish()
        except (aiohttp.ClientError, OSError) as error:
            raise _explain(reply.url, error, limits) from error
        finally:
            body.clear()


class _GuardedResolver(AbstractResolver):
    """Looks names up and lets only checked addresses out; opens sockets to checked ones only."""

    def __init__(self, lookup: Lookup, allow: Allowed) -> None:
        self._lookup = lookup
        self._allow = allow
        self._opened_by_name: set[tuple[str, int]] = set()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        addresses = await self._lookup(host, port)
        for address in addresses:
            check_peer(address, host, port, self._allow)
            if self._allow.opens(host, port):
                self._opened_by_name.add((address, port))
        return [_resolved(host, address, port) for address in dict.fromkeys(addresses)]

    def open_socket(self, info: aiohttp.AddrInfoType) -> socket.socket:
        """The last gate: aiohttp asks no resolver for literal addresses."""
        kind, style, protocol, _, peer = info
        address, port = str(peer[0]), int(peer[1])
        if (address, port) not in self._opened_by_name:
            check_peer(address, address, port, self._allow)
        return socket.socket(kind, style, protocol)

    async def close(self) -> None:
        self._opened_by_name.clear()


def _resolved(host: str, address: str, port: int) -> ResolveResult:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return ResolveResult(
        hostname=host, host=address, port=port, family=family, proto=0, flags=socket.AI_NUMERICHOST
    )


@functools.lru_cache(maxsize=32)
def _client_timeout(connect_s: float) -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(total=None, connect=connect_s)


def _host_of(url: str) -> str:
    """For messages: an address may hold a password or a token."""
    try:
        return URL(url).host or "the server"
    except ValueError:
        return "the server"


def _headers_too_large(url: URL) -> FetchError:
    return FetchError(
        FailureKind.HEADERS_TOO_LARGE, f"{url.host} sent more header lines than are accepted"
    )


def _explain(url: URL, error: Exception, limits: Limits) -> FetchError:
    """What ``error`` of aiohttp or the system means in our words."""
    text = str(error) or type(error).__name__
    if isinstance(error, aiohttp.ClientResponseError) and _is_header_limit(error.message):
        return _headers_too_large(url)
    kind, sentence = FailureKind.PROTOCOL, f"did not speak HTTP as agreed: {text}"
    if isinstance(error, OSError) and is_ours(getattr(error, "os_error", error)):
        kind, sentence = FailureKind.OFFLINE, "could not be asked: this machine is offline"
    elif isinstance(error, aiohttp.ClientConnectorDNSError):
        kind, sentence = FailureKind.DNS, "was not found: the name does not resolve"
    elif isinstance(error, TimeoutError):
        kind, sentence = FailureKind.TIMEOUT, f"did not connect within {limits.connect_s:g} s"
    elif isinstance(error, (aiohttp.ClientSSLError, ssl.SSLError)):
        kind, sentence = FailureKind.TLS, f"has no usable certificate or TLS: {text}"
    elif isinstance(error, aiohttp.ServerDisconnectedError):
        sentence = "closed the connection without an answer"
    elif isinstance(error, aiohttp.ClientPayloadError):
        sentence = f"broke off its answer: {text}"
    elif isinstance(error, aiohttp.InvalidURL):
        kind, sentence = FailureKind.BAD_URL, f"has an address that cannot be used: {text}"
    elif isinstance(error, OSError):
        kind, sentence = FailureKind.CONNECT, f"could not be reached: {text}"
    return FetchError(kind, f"{url.host} {sentence}")


def _is_header_limit(message: str) -> bool:
    """Whether aiohttp's parser complains of size; its exception types do not say."""
    return message.startswith(("Got more than", "Too many headers"))
