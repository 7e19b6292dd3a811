"""Feeds of every format: bytes to ParsedFeed.

JSON is recognised first; XML is decoded, read strictly, repaired and read again if it is
not well-formed, and given to feedparser only when nothing else makes sense of it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from monitor.errors import ParseError
from monitor.sources import jsonfeed, lenient
from monitor.sources.decode import decode
from monitor.sources.drafts import Draught
from monitor.sources.finish import finish
from monitor.sources.repair import repair
from monitor.sources.tree import IllFormed, walk
from monitor.types import ParsedFeed

_HTML = re.compile(
    r"\s*(?:<!--.*?-->\s*)*<(?:!doctype\s+html|html|head|body)\b", re.IGNORECASE | re.DOTALL
)
_TINY = 300  # an empty channel may be all there is


@dataclass(frozen=True, slots=True)
class Options:
    """A feed needs no options."""


def parse(
    body: bytes,
    *,
    url: str,
    content_type: str = "",
    charset: str | None = None,
    options: Options | None = None,
) -> ParsedFeed:
    """Read any feed. ``url`` resolves relative links; ``charset`` is Content-Type's.

    Raises ParseError when ``body`` is not a feed.
    """
    if not body.strip(b"\0 \t\r\n\xef\xbb\xbf"):
        raise ParseError("the document is empty")
    decoded = decode(body, charset)
    problems = list(decoded.problems)
    text = decoded.text.lstrip("\ufeff \t\r\n\0")
    if text[:1] in {"{", "["}:
        return finish(jsonfeed.read(text), url, problems)
    as_it_came = decoded.charset == "utf-8" and not problems and body[:1] == b"<"
    document = body if as_it_came else text.encode("utf-8", "replace")
    draught = _read_xml(document, text, problems)
    if not draught.format and not draught.entries:
        raise ParseError(_not_a_feed(text))
    draught.format = draught.format or "xml"
    return finish(draught, url, problems)


def is_html(start: str) -> bool:
    """Whether a document that begins so is an HTML page."""
    return bool(_HTML.match(start))


def _read_xml(document: bytes, text: str, problems: list[str]) -> Draught:
    """Strictly; repaired when that fails; by feedparser when that finds nothing.

    ``document`` is ``text`` in UTF-8.
    """
    try:
        return walk(document)
    except IllFormed as error:
        if _HTML.match(text[:2000]):
            raise ParseError(_not_a_feed(text)) from error
        problems.append(f"not well-formed XML ({error}); repaired")
    draught = _read_repaired(text)
    if draught.entries or (draught.format and len(text) < _TINY):
        return draught
    last = lenient.read(text)
    return last if last.entries or not draught.format else draught


def _read_repaired(text: str) -> Draught:
    try:
        return walk(repair(text).encode("utf-8", "replace"))
    except IllFormed:
        return Draught()


def _not_a_feed(text: str) -> str:
    if _HTML.match(text[:2000]):
        return "the document is an HTML page, not a feed; look for the feeds that it links to"
    if re.match(r"\s*(?:<[?!][^>]*>\s*)*<opml\b", text[:2000], re.IGNORECASE):
        return "the document is an OPML list, not a feed; import it instead"
    return "the document is not a feed: no RSS, Atom, RDF, CDF or JSON Feed element was found"
