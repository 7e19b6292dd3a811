"""Pages of portals: HTML bytes to ParsedFeed, by an adapter, by one selector, or by guessing.

Text counts where a reader sees it: never in comments, scripts or what an inline style hides.
A headline that stands in several blocks is one entry; its categories name the blocks.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from monitor.errors import ParseError
from monitor.sources import adapters
from monitor.sources.adapters import Adapter, PageRule
from monitor.sources.decode import decode
from monitor.sources.links import absolute, join
from monitor.types import ParsedFeed

if TYPE_CHECKING:
    from monitor.sources.pagemerge import Resolver
    from monitor.sources.pagetree import Page, Spot

_MAX_BYTES = 8_000_000
_MAX_TAGS = 200_000
_MAX_DEPTH = 3_000  # parsing takes time that grows with the square of it
_STEP = 8_192
_NESTS = re.compile(
    r"<(?!(?:area|base|br|col|dd|dt|hr|img|input|li|link|meta|option|p|param|source|t[dhr])\b)[a-z]",
    re.IGNORECASE,
)
_META = re.compile(rb"<meta[^>]{0,200}charset\s*=\s*[\"']?\s*([\w-]{1,40})", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Options:
    """``adapter`` names one of ``portals/``; empty: the one that knows the address.

    ``selector`` is CSS for the links that are headlines, or for what holds one link each;
    with it no adapter is asked. ``guess``: nor is one asked at all. ``render``: a browser
    draws the page before it is read.
    """

    adapter: str = ""
    selector: str = ""
    guess: bool = False
    render: bool = False


def parse(
    body: bytes,
    *,
    url: str,
    content_type: str = "",
    charset: str | None = None,
    options: Options | None = None,
) -> ParsedFeed:
    """Read a page. ``url`` chooses the adapter's rule and resolves relative links.

    Raises ParseError for what is no page, for a page too large, and for a selector that
    cannot be read. A page without headlines is no error: its feed is empty and says why.
    """
    options = options or Options()
    text, problems = _text(body, charset)
    adapter, rule = _rule(options, url)
    from monitor.sources import pagetree  # selectolax is loaded with the first page

    page = pagetree.Page(text, url, adapter.drop if adapter else ())
    base = absolute(page.base, url) if page.base else ""
    base = join(url, base) if base else url
    from monitor.sources.pagemerge import Resolver, merge
    from monitor.sources.pagewall import wall_of

    resolve = Resolver(base, adapter if rule else None)
    how, sure = "page:wall", 1.0
    found: list[Spot] = []
    if wall := wall_of(page):
        problems.append(f"the site asks whether a person is there, or refuses: {wall!r}")
    else:
        how, found, sure = _read(page, resolve, options, adapter, rule, base)
    entries = merge(found, resolve, adapter if rule else None, url)
    if not url:
        problems.append("its URL is not known: no adapter is chosen, relative links are lost")
    if not entries and not wall:
        problems.append(page.why_empty())
    elif how == "page:guessed":
        problems.append(f"no adapter knows this page: its headlines are guessed ({sure:.0%} sure)")
    title = page.title or (adapter.title if adapter else "")
    language = adapter.language if adapter else page.language
    return ParsedFeed(how, entries, title, url, language, problems=tuple(problems))


def _read(
    page: Page,
    resolve: Resolver,
    options: Options,
    adapter: Adapter | None,
    rule: PageRule | None,
    base: str,
) -> tuple[str, list[Spot], float]:
    """How the page is read, its headlines where they stand, and how sure that is."""
    if adapter and rule:
        from monitor.sources.pageblocks import collect, rule_by_content

        rule = rule_by_content(page, adapter, rule)
        return f"page:{adapter.name}/{rule.name}", collect(page, resolve, rule), 1.0
    if options.selector:
        from monitor.sources.pagetitle import by_selector

        return "page:selector", by_selector(page, options.selector), 1.0
    from monitor.sources.pageguess import guess

    return "page:guessed", *guess(page, base)


def _text(body: bytes, charset: str | None) -> tuple[str, list[str]]:
    """The document as text, once it is known to be a page of a bearable size."""
    if not body.strip(b"\0 \t\r\n\xef\xbb\xbf"):
        raise ParseError("the document is empty")
    if len(body) > _MAX_BYTES:
        raise ParseError(f"the page is larger than {_MAX_BYTES // 1_000_000} MB; refused")
    declared = _META.search(body, 0, 4096)
    decoded = decode(body, charset or (declared[1].decode() if declared else None))
    if (tags := decoded.text.count("<")) > _MAX_TAGS:
        raise ParseError(f"the page has {tags} tags, more than {_MAX_TAGS}; refused")
    _check_depth(decoded.text)
    start = decoded.text[:2000].lstrip("\ufeff \t\r\n\0")
    if not start.startswith("<") or re.match(r"<(?:\?xml[^>]*>\s*<)?(?:rss|feed|rdf)\b", start):
        raise ParseError("the document is not an HTML page")
    return decoded.text, list(decoded.problems)


def _check_depth(text: str) -> None:
    """Refuse tags nested too deeply; counted a step at a time, exactly where there are many."""
    rough = depth = 0
    for start in range(0, len(text), _STEP):
        end = start + _STEP
        closed = text.count("</", start, end)
        rough += text.count("<", start, end) - 2 * closed
        if rough > _MAX_DEPTH:
            depth = len(_NESTS.findall(text, 0, end)) - text.count("</", 0, end)
            if depth > _MAX_DEPTH:
                raise ParseError(f"tags are nested deeper than {_MAX_DEPTH}; refused")
            rough = depth


def _rule(options: Options, url: str) -> tuple[Adapter, PageRule] | tuple[None, None]:
    """The adapter and its rule for this page, unless a selector replaces them."""
    if options.selector or options.guess:
        return None, None
    if options.adapter:
        adapter = adapters.known().get(options.adapter)
        if adapter is None:
            raise ParseError(f"there is no adapter {options.adapter!r}")
    else:
        adapter = adapters.for_address(url)
    rule = adapter.page_for(url) if adapter else None
    if options.adapter and adapter and rule is None:
        raise ParseError(f"the adapter of {adapter.title} has no rule for the page at {url}")
    return (adapter, rule) if adapter and rule else (None, None)
