"""JSON Feed 1.0 and 1.1 (jsonfeed.org/version/1.1), and lists that are nearly that."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping
from typing import NoReturn

from monitor.errors import ParseError
from monitor.sources.drafts import Draft, Draught

_MAX_DEPTH = 100
# Strings, also one without an end, and whatever else is no bracket.
_HALF = re.compile(r"\\u[dD][89a-fA-F]")  # an escaped surrogate, with its other half or not
_NO_BRACKETS = re.compile(r'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)|[^\[\]{}"]++', re.DOTALL)
_MAX_ENTRIES = 5_000


def read(text: str) -> Draught:
    """The feed that ``text`` holds; ParseError when it is not JSON or holds no items."""
    document = load(text)
    if isinstance(document, list):
        document = {"items": document}
    if not isinstance(document, dict):
        raise ParseError("the JSON document is neither an object nor a list")
    items = document.get("items")
    if not isinstance(items, list):
        raise ParseError('the JSON document has no "items" list, so it is not a JSON Feed')
    return _feed(document, items)


def load(text: str) -> object:
    """Strict JSON under limits: nesting up to 100, no NaN or Infinity, numbers of any length."""
    _check_depth(text)
    try:
        value = json.loads(text, parse_constant=_refuse_constant, parse_int=_integer)
        return _whole(value) if _HALF.search(text) else value
    except ValueError as error:
        raise ParseError(f"the document is not valid JSON: {error}") from error
    except RecursionError as error:
        raise ParseError("the JSON document is nested too deeply; refused") from error


def _whole(value: object) -> object:
    """``value`` with U+FFFD for halves of characters, which cannot be stored."""
    if isinstance(value, str):
        return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    if isinstance(value, list):
        return [_whole(each) for each in value]
    if isinstance(value, dict):
        return {_whole(name): _whole(each) for name, each in value.items()}
    return value


def _check_depth(text: str) -> None:
    """Count brackets; those within strings only make it stricter where it is already odd."""
    if text.count("[") + text.count("{") <= _MAX_DEPTH:
        return
    depth = 0
    for char in _NO_BRACKETS.sub("", text):
        if char in "]}":
            depth -= 1
        elif char in "[{":
            depth += 1
            if depth > _MAX_DEPTH:
                raise ParseError(f"the JSON document is nested deeper than {_MAX_DEPTH}; refused")


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) < 20 else float("inf")


def _feed(document: Mapping[str, object], items: list[object]) -> Draught:
    version = _text(document.get("version"))
    out = Draught(format="json11" if version.endswith("1.1") else "json1")
    if "jsonfeed.org" not in version:
        out.format = "json"
        out.problems.append("no JSON Feed version is declared")
    out.feed.put("title", 0, _text(document.get("title")), "text")
    out.feed.language = _text(document.get("language"))
    for name in ("home_page_url", "link", "url"):
        if href := _text(document.get(name)):
            out.feed.links.append((0, href))
    out.feed.put("self", 0, _text(document.get("feed_url")))
    hubs = document.get("hubs")
    for each in hubs if isinstance(hubs, list) else ():
        if isinstance(each, dict) and _text(each.get("type")).lower() == "websub":
            out.feed.put("hub", 0, _text(each.get("url")))
    out.entries = [_item(item) for item in items[:_MAX_ENTRIES] if isinstance(item, dict)]
    if len(items) > _MAX_ENTRIES:
        out.problems.append(f"only the first {_MAX_ENTRIES} entries were read")
    if len(out.entries) < min(len(items), _MAX_ENTRIES):
        out.problems.append("some items are not objects; left out")
    return out


def _item(item: Mapping[str, object]) -> Draft:
    draft = Draft()
    draft.put("guid", 0, _text(item.get("id")))
    draft.put("guid", 1, _text(item.get("guid")))
    draft.put("title", 0, _text(item.get("title")), "text")
    for rank, name in enumerate(("url", "link", "external_url")):
        if href := _text(item.get(name)):
            draft.links.append((rank, href))
    draft.put("summary", 0, _text(item.get("summary")), "text")
    draft.put("summary", 1, _text(item.get("content_text")), "text")
    draft.put("summary", 2, _text(item.get("content_html")), "html")
    draft.put("summary", 3, _text(item.get("description")), "html")
    for priority, name in enumerate(("date_published", "published", "pubDate", "date_modified")):
        draft.put("date", priority, _text(item.get(name)))
    draft.put("author", 0, _author(item))
    tags = item.get("tags")
    if isinstance(tags, list):
        draft.categories.extend(filter(None, map(_text, tags)))
    return draft


def _author(item: Mapping[str, object]) -> str:
    authors = item.get("authors")
    first = authors[0] if isinstance(authors, list) and authors else item.get("author")
    return _text(first.get("name")) if isinstance(first, dict) else _text(first)


def _text(value: object) -> str:
    """A string as it is, a number as its digits, anything else as nothing."""
    if isinstance(value, str):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value) if abs(value) < sys.maxsize else ""
    return ""
