"""What an HTTP answer means for a source. Pure; RFC 9110, 9111."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus

from multidict import MultiMapping
from yarl import URL

from monitor.exchange import Response
from monitor.queues import host_key
from monitor.types import (
    Failed,
    FailureKind,
    Fetched,
    FetchRequest,
    HubLink,
    NotModified,
    Outcome,
)

MAX_RETRY_AFTER_S = 24 * 3600.0
_MAX_VALIDATOR_LENGTH = 1_024
_LONGEST_LINKS = 8_192
_LINK = re.compile(r'<([^<>]*)>((?:\s*;[^,;"<>]*(?:"[^"]*")?)*)')
_REL = re.compile(r";\s*rel\s*=\s*(?:\"([^\"]*)\"|([^\s;,\"]+))", re.IGNORECASE)
_ACCEPT = (
    "application/rss+xml, application/atom+xml, application/feed+json, application/xml;q=0.9, "
    "text/xml;q=0.9, application/json;q=0.8, text/html;q=0.7, */*;q=0.5"
)
_ADVICE = {
    400: "the address may have been cut when it was copied",
    401: "it wants a login; write https://user:password@host/… if you have one",
    402: "it wants payment",
    403: "it refuses this program; ask the portal, or use another of its feeds",
    404: "nothing is there; look for the feed's new address on the portal's pages",
    406: "it offers no feed under this address",
    451: "it is blocked for legal reasons",
}


def request_headers(request: FetchRequest) -> dict[str, str]:
    """Both validators are sent where both are known; servers differ in which one they honour."""
    headers = {"Accept": _ACCEPT}
    if request.etag:
        headers["If-None-Match"] = request.etag
    if request.last_modified:
        headers["If-Modified-Since"] = request.last_modified
    return headers


def outcome_of(request: FetchRequest, response: Response, now: datetime) -> Outcome:
    """The outcome that ``response`` is; ``now`` turns dates of Retry-After into seconds."""
    if response.status == HTTPStatus.NOT_MODIFIED and (request.etag or request.last_modified):
        return _not_modified(request, response)
    if 200 <= response.status < 300 and response.status != HTTPStatus.PARTIAL_CONTENT:
        return _fetched(request, response)
    return _failed(request, response, now)


def _not_modified(request: FetchRequest, response: Response) -> NotModified:
    headers = response.headers
    return NotModified(
        source_id=request.source_id,
        etag=_validator(headers.get("ETag")),
        last_modified=_validator(headers.get("Last-Modified")),
        max_age_s=max_age_s(headers),
        permanent_url=response.permanent_url,
        elapsed_s=response.elapsed_s,
    )


def _fetched(request: FetchRequest, response: Response) -> Fetched:
    headers = response.headers
    content_type = headers.get("Content-Type", "")
    return Fetched(
        source_id=request.source_id,
        url=response.url,
        body=response.body,
        content_type=_printable(content_type),
        charset=charset_of(content_type),
        etag=_validator(headers.get("ETag")),
        last_modified=_validator(headers.get("Last-Modified")),
        permanent_url=response.permanent_url,
        max_age_s=max_age_s(headers),
        hub=hub_of(headers, response.url),
        elapsed_s=response.elapsed_s,
    )


def hub_of(headers: Mapping[str, str], url: str) -> HubLink | None:
    """The hub and the topic that Link headers name (WebSub 4; RFC 8288), if they name both."""
    found: dict[str, str] = {}
    values = headers.getall("Link", []) if isinstance(headers, MultiMapping) else []
    for target, parameters in _LINK.findall(", ".join(values)[:_LONGEST_LINKS]):
        for relation in _relations(parameters):
            found.setdefault(relation, target.strip())
    if not found.get("hub") or not found.get("self"):
        return None
    try:
        return HubLink(*(str(URL(url).join(URL(found[each]))) for each in ("hub", "self")))
    except ValueError:
        return None


def _relations(parameters: str) -> list[str]:
    match = _REL.search(parameters)
    return (match[1] or match[2]).lower().split() if match else []


def _failed(request: FetchRequest, response: Response, now: datetime) -> Failed:
    status = response.status
    wait_s = retry_after_s(response.headers.get("Retry-After"), now)
    kind = FailureKind.HTTP_STATUS
    if status == HTTPStatus.GONE:
        kind = FailureKind.GONE
        message = "the server says that this feed is gone for good (410); remove it or replace it"
    elif status == HTTPStatus.TOO_MANY_REQUESTS or (status == 503 and wait_s is not None):
        kind = FailureKind.RATE_LIMITED
        delay = "later" if wait_s is None else f"in {wait_s:.0f} s"
        message = f"the server asks for fewer requests ({status}); it is asked again {delay}"
    else:
        message = f"the server answered {_named(status)}: {_advice(status)}"
    return Failed(
        source_id=request.source_id,
        kind=kind,
        message=message,
        status=status,
        retry_after_s=wait_s if kind is FailureKind.RATE_LIMITED else None,
        elapsed_s=response.elapsed_s,
        host=host_key(request.url),
    )


def _named(status: int) -> str:
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)


def _advice(status: int) -> str:
    if status in _ADVICE:
        return _ADVICE[status]
    if status >= 500:
        return "trouble on its side; it is tried again, less and less often"
    if 300 <= status < 400:
        return "a redirect or a cache answer that leads nowhere; check the address"
    return "nothing to read; check the address"


def retry_after_s(value: str | None, now: datetime) -> float | None:
    """Seconds to wait by a Retry-After header (a number, or an HTTP date), at most 24 h.

    None where there is no header or it says neither.
    """
    if value is None:
        return None
    text = value.strip()
    if re.fullmatch(r"[0-9]+", text):
        return min(float(text[:20]), MAX_RETRY_AFTER_S)
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return min(max(0.0, (moment - now).total_seconds()), MAX_RETRY_AFTER_S)


def max_age_s(headers: Mapping[str, str]) -> float | None:
    """How long the answer stays fresh by Cache-Control, less the Age that a cache reports."""
    control = headers.get("Cache-Control", "").lower()
    if "no-cache" in control or "no-store" in control:
        return None
    match = re.search(r"(?:^|[\s,])max-age\s*=\s*\"?([0-9]{1,10})", control)
    if match is None:
        return None
    age = re.fullmatch(r"[0-9]{1,10}", headers.get("Age", "").strip())
    return max(0.0, float(match[1]) - (float(age[0]) if age else 0.0))


def charset_of(content_type: str) -> str | None:
    """The charset parameter of Content-Type, in lower case."""
    match = re.search(r";\s*charset\s*=\s*[\"']?([a-z0-9._:-]{1,40})", content_type.lower())
    return match[1] if match else None


def _validator(value: str | None) -> str | None:
    """A validator that can be stored and sent back as it is, else None."""
    if not value or len(value) > _MAX_VALIDATOR_LENGTH:
        return None
    return value if value.isascii() and value.isprintable() else None


def _printable(text: str) -> str:
    return "".join(char for char in text[:200] if char.isascii() and char.isprintable())
