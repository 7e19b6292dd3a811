"""What a document is when nobody has said: a feed, a portal's page, or a hot list.

By the address where an adapter knows it, else by the document's shape.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from monitor.sources import adapters, feed, hotlist, page
from monitor.sources.adapters import HOTLIST, PAGE
from monitor.types import ParsedFeed

FEED = "feed"


@dataclass(frozen=True, slots=True)
class Options:
    """``selector`` reads the document as a page, by it; ``guess`` reads pages without adapter;
    ``hotlist`` names the adapter of a list that is known to be one."""

    selector: str = ""
    guess: bool = False
    hotlist: str = ""


def parse(
    body: bytes,
    *,
    url: str,
    content_type: str = "",
    charset: str | None = None,
    options: Options | None = None,
) -> ParsedFeed:
    """Read a document as what it is; ``kind_of`` says that of the result. Raises ParseError."""
    options = options or Options()
    if options.selector:
        return page.parse(
            body, url=url, charset=charset, options=page.Options("", options.selector)
        )
    if options.hotlist:
        return hotlist.parse(
            body, url=url, charset=charset, options=hotlist.Options(options.hotlist)
        )
    start = body[:4096].replace(b"\0", b"").lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n")
    if start[:1] in {b"{", b"["}:
        known = b"jsonfeed.org" not in start and hotlist.recognise(body, url, charset)
        reader = hotlist.parse if known else feed.parse
        return reader(body, url=url, content_type=content_type, charset=charset)
    if feed.is_html(start.decode("latin-1")):
        adapter = adapters.for_address(url)
        if options.guess or (adapter and adapter.kind == PAGE):
            return page.parse(body, url=url, charset=charset)
    return feed.parse(body, url=url, content_type=content_type, charset=charset)


def kind_of(found: ParsedFeed) -> tuple[str, Mapping[str, object]]:
    """The kind of source that gives such documents, and the options to store with it."""
    kind, _, how = found.format.partition(":")
    if kind not in {PAGE, HOTLIST}:
        return FEED, {}
    adapter = how.partition("/")[0]
    return kind, {"adapter": adapter} if adapter in adapters.known() else {}


def kind_at(url: str) -> tuple[str, Mapping[str, object]]:
    """What an address alone says."""
    adapter = adapters.for_address(url)
    return (adapter.kind, {"adapter": adapter.name}) if adapter else (FEED, {})
