"""Whether a title looks ahead, or tells what is done. Pure."""

from __future__ import annotations

import re

_AHEAD = re.compile(
    r"(?<![名大主小麻上中少干武老虎门战悍])(?<!成功)(?<!已经)(?<!正式)将(?![军领士帅才至])|拟|即将|计划|有望|预计|明天|明日|下月|下周|待"
    r"|\b(?:will|plans?|set to|due to|to be|next (?:week|month|year))\b"
)
_DONE = re.compile(
    "正式|已经|已(?=[^经])|成功|完成|揭晓|出炉|落定|了(?![解不得])|落幕|首次公开|如期"
)


# As an English headline says will: X to visit Y.
_TO = re.compile(r"[a-z] to (?!the\b|a\b|an\b|its\b|his\b|her\b|their\b|\d)[a-z]{3}")


def hopes(text: str) -> bool:
    """Whether a folded title tells what will or may be, in the widest sense."""
    return bool(_AHEAD.search(text) or _TO.search(text))


def looks_ahead(text: str) -> bool:
    """Whether a folded title tells what will be."""
    return bool(_AHEAD.search(text))


def is_done(text: str) -> bool:
    """Whether a folded title tells, in words, that it is done."""
    return bool(_DONE.search(text)) and not _AHEAD.search(text)


def differ(one: str, other: str) -> bool:
    """Whether one title looks ahead to what the other says is done."""
    return (looks_ahead(one) and is_done(other)) or (looks_ahead(other) and is_done(one))
