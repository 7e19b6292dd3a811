"""Which addresses may be contacted: the guard against requests into private networks.

Two checks share one list. ``safe_url`` judges what the text of an address shows;
``check_peer`` judges the very address a socket is about to connect to, so that DNS
answers, redirects and rebinding cannot go round it. Sources: the IANA special-purpose
address registries, RFC 4291, 4380, 6052, 3056, 5214, the WHATWG Fetch port list.
"""

from __future__ import annotations

import functools
import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NoReturn

from yarl import URL

from monitor.errors import FetchError, UsageError
from monitor.types import FailureKind

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

MAX_URL_LENGTH = 8_192
NAT64 = ipaddress.IPv6Network("64:ff9b::/96")

# ``is_global`` of older Pythons calls some of these public; the list does not depend on it.
_NETWORKS = (
    "0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 "
    "192.0.2.0/24 192.88.99.0/24 192.168.0.0/16 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 "
    "224.0.0.0/4 240.0.0.0/4 "
    "::/96 64:ff9b:1::/48 100::/64 100:0:0:1::/64 2001::/23 2001:db8::/32 3fff::/20 5f00::/16 "
    "fc00::/7 fe80::/10 fec0::/10 ff00::/8"
)
REFUSED_NETWORKS = tuple(ipaddress.ip_network(network) for network in _NETWORKS.split())

# The WHATWG list, and databases and control ports that answer to plain text.
_PORTS = (
    "0 1 7 9 11 13 15 17 19 20 21 22 23 25 37 42 43 53 69 77 79 87 95 101 102 103 104 109 110 111 "
    "113 115 117 119 123 135 137 139 143 161 179 389 427 445 465 512 513 514 515 526 530 531 532 "
    "540 548 554 556 563 587 601 636 989 990 993 995 1433 1719 1720 1723 2049 2375 2376 3306 3389 "
    "3659 4045 4190 5060 5061 5432 5900 6000 6379 6566 6665 6666 6667 6668 6669 6679 6697 10080 "
    "11211 27017"
)
BAD_PORTS = frozenset(int(port) for port in _PORTS.split())

_FORBIDDEN = re.compile(r"[\x00-\x1f\x7f\\]")
_AUTHORITY = re.compile(r"\s*(?:[a-z][a-z0-9+.-]*:)?//([^/?#]*)", re.IGNORECASE)
_HOST = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*\.?")
_NUMERIC_LABEL = re.compile(r"(0x[0-9a-f]*|[0-9]+)$")


@dataclass(frozen=True, slots=True)
class Allowed:
    """Private places that the user opened by name: whole hosts, and single ports of hosts."""

    hosts: frozenset[str] = frozenset()
    ports: frozenset[tuple[str, int]] = frozenset()

    def opens(self, host: str, port: int) -> bool:
        """Whether ``host`` (a name or an address, as URLs show it) is open on ``port``."""
        if not self.hosts and not self.ports:
            return False
        name = host.rstrip(".").lower()
        return (name, port) in self.ports or (name in self.hosts and port not in BAD_PORTS)


NOTHING_ALLOWED = Allowed()


def parse_allowed(entries: Iterable[str]) -> Allowed:
    """Read ``allow_private``: ``10.1.2.3``, ``127.0.0.1:8000``, ``[::1]:8000``, ``portal.lan:80``.

    Raises UsageError for an entry that is none of these.
    """
    hosts: set[str] = set()
    ports: set[tuple[str, int]] = set()
    for entry in entries:
        host, port = _host_and_port(entry.strip())
        if port is None:
            hosts.add(host)
        else:
            ports.add((host, port))
    return Allowed(frozenset(hosts), frozenset(ports))


def _host_and_port(entry: str) -> tuple[str, int | None]:
    try:
        return str(ipaddress.ip_address(entry.strip("[]"))), None
    except ValueError:
        pass
    match = re.fullmatch(r"(\[[0-9a-f:.]+\]|[^\s:/\[\]]+)(?::([0-9]{1,5}))?", entry.lower())
    if match is None or (match[2] and int(match[2]) > 65_535):
        raise UsageError(
            f"allow_private: {entry!r} is not a host or host:port; write e.g. 127.0.0.1:8000"
        )
    host = match[1].strip("[]").rstrip(".")
    return host, int(match[2]) if match[2] else None


def check_url(url: str, allow: Allowed = NOTHING_ALLOWED) -> None:
    """Judge an address by its text, for the moment when it is saved. Raises FetchError.

    A name that passes may still resolve to a private address; connecting checks that.
    """
    safe_url(url, allow)


def safe_url(url: str, allow: Allowed = NOTHING_ALLOWED) -> URL:
    """The parsed ``url`` if its text shows nothing to refuse, else FetchError.

    The result is the very object to connect with: no second parser reads the text.
    """
    parsed = _parse(url)
    if url and (not parsed.scheme or "." in parsed.scheme):  # a host, as people write it
        _refuse(f"{_shown(url)!r} does not begin with https:// or http://; write that before it")
    if parsed.scheme not in {"http", "https"}:
        _refuse(f"{_shown(url)!r} is not http or https; only these are fetched")
    host, port = parsed.raw_host or "", parsed.port or 0
    if not host:
        raise FetchError(FailureKind.BAD_URL, f"{_shown(url)!r} names no host")
    check_host(host, port, allow)
    return parsed


def is_opened(url: str, allow: Allowed) -> bool:
    """Whether ``url`` names one of the private places that the user opened."""
    if not allow.hosts and not allow.ports:
        return False
    try:
        parsed = safe_url(url, allow)
    except FetchError:
        return False
    return allow.opens(parsed.raw_host or "", parsed.port or 0)


def _shown(url: str) -> str:
    """For messages: without the passwords and tokens that an address may hold."""
    return re.sub(r"//[^/?#]*@", "//…@", url.partition("?")[0])[:200]


def check_text(url: str) -> None:
    """Refuse what parsers are known to read differently: backslashes, controls, two ``@``."""
    if len(url) > MAX_URL_LENGTH:
        raise FetchError(FailureKind.BAD_URL, f"the address is longer than {MAX_URL_LENGTH}")
    authority = _AUTHORITY.match(url)
    if _FORBIDDEN.search(url) or (authority and re.search(r"\s|@.*@", authority[1])):
        raise FetchError(
            FailureKind.BAD_URL,
            f"{_shown(url)!r} holds characters that programs read differently; write it plainly",
        )


def _parse(url: str) -> URL:
    check_text(url)
    try:
        parsed = URL(url)
        _ = parsed.port, parsed.raw_host
    except ValueError as error:
        raise FetchError(FailureKind.BAD_URL, f"{_shown(url)!r} is no address: {error}") from error
    user = parsed.user
    if user is not None and (_literal(user) or user.lower().rstrip(".") == "localhost"):
        _refuse(f"{_shown(url)!r} has an address where a user name stands, to mislead")
    return parsed


def check_host(host: str, port: int, allow: Allowed = NOTHING_ALLOWED) -> None:
    """Judge a host as a URL names it, before any name is looked up. Raises FetchError."""
    if allow.opens(host, port):
        return
    if port in BAD_PORTS:
        _refuse(f"port {port} of {host} belongs to another service; feeds do not live there")
    literal = _literal(host)
    if literal is not None:
        if not is_public(literal):
            _refuse_private(host, port)
        return
    if _HOST.fullmatch(host) is None:
        raise FetchError(FailureKind.BAD_URL, f"{host!r} is no host name")
    name = host.rstrip(".")
    if _NUMERIC_LABEL.fullmatch(name.rsplit(".", 1)[-1]):
        _refuse(f"{host} is an address in an unusual notation; write four decimal numbers")
    if name == "localhost" or name.endswith((".localhost", ".localdomain")):
        _refuse_private(host, port)


def check_peer(address: str, host: str, port: int, allow: Allowed = NOTHING_ALLOWED) -> None:
    """Judge the numeric ``address`` that ``host`` stands for, before connecting. Raises FetchError.

    It may be public, or opened by its own number, or by the name that led to it.
    """
    if allow.opens(address, port) or allow.opens(host, port):
        return
    literal = _literal(address)
    if literal is None or not is_public(literal):
        _refuse_private(host, port, "" if host == address else f" (it is {address})")


def _literal(text: str) -> Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


@functools.lru_cache(maxsize=4_096)
def is_public(address: Address) -> bool:
    """Whether ``address``, and every IPv4 address it carries inside, is globally routable."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.scope_id is not None:
            return False
        embedded = _embedded(address)
        if embedded is not None:
            return is_public(embedded)
    listed = any(address in net for net in REFUSED_NETWORKS if net.version == address.version)
    return not listed and (address.is_global and not address.is_multicast)


def _embedded(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address inside a v4-mapped, 6to4, NAT64 or ISATAP one. Teredo is refused whole."""
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    low = int(address) & 0xFFFF_FFFF
    is_isatap = (int(address) >> 32) & 0xFDFF_FFFF == 0x0000_5EFE
    return ipaddress.IPv4Address(low) if address in NAT64 or is_isatap else None


def _refuse(message: str) -> NoReturn:
    raise FetchError(FailureKind.REFUSED_ADDRESS, message)


def _refuse_private(host: str, port: int, found: str = "") -> NoReturn:
    place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    _refuse(
        f"{host} is not on the public internet{found}; if you trust it, "
        f'add "{place}" to allow_private'
    )
