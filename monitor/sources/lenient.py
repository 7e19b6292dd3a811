"""The last resort: feedparser, for documents that nothing else makes sense of. Its home."""

from __future__ import annotations

import calendar
import re
from datetime import UTC, datetime
from typing import Any

from monitor.sources.drafts import Draft, Draught

LARGEST = 500_000
_DECLARATION = re.compile(r"^\s*<\?xml[^>]*\?>")


def read(text: str) -> Draught:
    """What feedparser finds in ``text``; an empty draught when it finds nothing or fails.

    It takes seconds on large documents of nonsense, so it sees only the beginning.
    """
    import feedparser  # 10 MB and 0.2 s, for one document in a thousand

    body = '<?xml version="1.0" encoding="utf-8"?>' + _DECLARATION.sub("", text[:LARGEST], count=1)
    headers = {"content-type": "application/xml; charset=utf-8"}
    try:
        found = feedparser.parse(
            body.encode("utf-8", "replace"), response_headers=headers, sanitize_html=False
        )
    except MemoryError:
        raise
    except Exception as error:
        return Draught(problems=[f"feedparser gave up: {type(error).__name__}"])
    out = Draught(format=found.get("version", "") or "", entries=[_entry(e) for e in found.entries])
    out.feed.put("title", 0, str(found.feed.get("title", "")), "html")
    out.feed.language = str(found.feed.get("language", ""))
    if href := found.feed.get("link"):
        out.feed.links.append((0, str(href)))
    return out


def _entry(found: Any) -> Draft:
    draft = Draft()
    draft.put("title", 0, str(found.get("title", "")), "html")
    draft.put("summary", 0, str(found.get("summary", "")), "html")
    draft.put("guid", 0, str(found.get("id", "")))
    draft.put("author", 0, str(found.get("author", "")))
    when = found.get("published_parsed") or found.get("updated_parsed")
    if when:
        draft.put("date", 0, datetime.fromtimestamp(calendar.timegm(when), UTC).isoformat())
    if href := found.get("link"):
        draft.links.append((0, str(href)))
    draft.categories = [str(tag.get("term")) for tag in found.get("tags", []) if tag.get("term")]
    return draft
