"""Markup of feeds to plain text."""

from __future__ import annotations

import html
import re
import unicodedata

_TITLE_MAX = 1_000
_TAG = re.compile(r"<(?:!--.*?-->|/?[A-Za-z!?][^<>]*>)", re.DOTALL)
_DROPPED = re.compile(r"<(script|style)\b[^>]*>.*?</\1\s*>", re.IGNORECASE | re.DOTALL)
_CONTROLS = re.compile(
    r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff\u200b\ufeff\xad]"
)
_MARKUP = re.compile(r"</\w|<br\b|<\w+[^<>]*/>|&(?:#\d|#x|\w{2,8};)", re.IGNORECASE)


def plain(text: str, kind: str) -> str:
    """One line of plain text; ``kind`` as in Draft."""
    if ("<" in text or "&" in text) and (
        kind == "html" or (kind == "text" and _MARKUP.search(text))
    ):
        text = html.unescape(_TAG.sub(" ", _DROPPED.sub(" ", text)))
    text = " ".join(_CONTROLS.sub("", text).split())
    return text if unicodedata.is_normalized("NFC", text) else unicodedata.normalize("NFC", text)


def title_of(text: str, kind: str) -> tuple[str, bool]:
    """A title of at most 1,000 characters, and whether it was longer."""
    title = plain(text, kind)
    return (title[:_TITLE_MAX], True) if len(title) > _TITLE_MAX else (title, False)
