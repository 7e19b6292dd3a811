"""Where a redirect may lead, and what may travel along. Pure; RFC 9110 15.4, RFC 7617."""

from __future__ import annotations

import base64

from yarl import URL

from monitor.addresses import Allowed, check_text, safe_url
from monitor.errors import FetchError
from monitor.types import FailureKind

REDIRECTS = frozenset({301, 302, 303, 307, 308})
PERMANENT = frozenset({301, 308})
_CREDENTIALS = frozenset({"authorization", "cookie", "proxy-authorization"})


def next_hop(location: str, visited: list[URL], max_redirects: int, allow: Allowed) -> URL:
    """The address that ``location`` means after the last of ``visited``, or FetchError."""
    here = visited[-1]
    check_text(location)
    try:
        target = here.join(URL(location.strip()))
    except ValueError as error:
        raise FetchError(
            FailureKind.BAD_URL, f"{here.host} redirects to no address: {location[:200]!r}"
        ) from error
    following = safe_url(str(target), allow).with_fragment(None)
    if here.scheme == "https" and following.scheme == "http":
        raise FetchError(
            FailureKind.REDIRECT_DOWNGRADE,
            f"{here.host} redirects from https to plain http on {following.host}; not followed",
        )
    if following in visited:
        raise FetchError(
            FailureKind.REDIRECT_LOOP, f"{here.host} redirects in a circle; check the address"
        )
    if len(visited) > max_redirects:
        raise FetchError(
            FailureKind.REDIRECT_LIMIT,
            f"{visited[0].host} redirects more than {max_redirects} times; check the address",
        )
    return following


def split_credentials(url: URL) -> tuple[URL, dict[str, str]]:
    """``url`` without its ``user:password@``, and the header that says the same."""
    if url.user is None:
        return url, {}
    pair = f"{url.user}:{url.password or ''}".encode()
    header = {"Authorization": "Basic " + base64.b64encode(pair).decode("ascii")}
    return url.with_user(None), header


def headers_for(headers: dict[str, str], here: URL, following: URL) -> dict[str, str]:
    """``headers`` as the next hop may see them: credentials stay with the host they are for.

    The same host counts as the same owner on the same port, or moving up from http to https.
    """
    same_port = here.port == following.port or (here.port, following.port) == (80, 443)
    if here.raw_host == following.raw_host and same_port:
        return headers
    return {name: value for name, value in headers.items() if name.lower() not in _CREDENTIALS}
