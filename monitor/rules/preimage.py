"""Which characters of a title can become a character of its folded form.

With this, a database that knows nothing of folding can leave out titles that cannot match.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping

from monitor.text import fold

BREAK = "\x00"
_GAP = 8
_DROPPED = (("\u0300", "\u036f"), ("\ufe0e", "\ufe0f"))


def is_han(char: str) -> bool:
    """Whether ``char`` is a Chinese character of the basic plane."""
    return "\u3400" <= char <= "\u4dbf" or "\u4e00" <= char <= "\u9fff"


def spellings(char: str) -> frozenset[str]:
    """The characters of which folding makes ``char``, alone or among others; itself included.

    Where a folded text holds the Chinese character ``char``, the text holds one of these.
    """
    return _preimages().get(char, frozenset()) | {char}


@functools.cache
def foreign_letters() -> tuple[tuple[str, str], ...]:
    """Ranges of all characters beyond ASCII that fold to letters or digits of ASCII, and of the
    marks that fold to nothing between such."""
    codes = sorted(
        ord(each)
        for char, sources in _preimages().items()
        if char.isascii() and char.isalnum()
        for each in sources
        if not each.isascii()
    )
    ranges: list[tuple[int, int]] = []
    for code in codes:
        if ranges and code - ranges[-1][1] <= _GAP:
            ranges[-1] = (ranges[-1][0], code)
        else:
            ranges.append((code, code))
    return (*((chr(first), chr(last)) for first, last in ranges), *_DROPPED)


def holds_foreign(text: str) -> bool:
    """Whether ``text`` holds one of ``foreign_letters``, or a character close to them."""
    return _foreign().search(text) is not None


@functools.cache
def _foreign() -> re.Pattern[str]:
    return re.compile(f"[{''.join(f'{first}-{last}' for first, last in foreign_letters())}]")


@functools.cache
def _preimages() -> Mapping[str, frozenset[str]]:
    codes = (*range(1, 0xD800), *range(0xE000, 0x10000), *range(0x1D400, 0x1D800),
             *range(0x1F100, 0x1F260), *range(0x2F800, 0x2FA20))  # fmt: skip
    chars = [chr(code) for code in codes]
    # Folded one by one, since a mark after a letter is not what it is alone.
    folded = fold(BREAK.join(chars)).text.split(BREAK)
    found: dict[str, set[str]] = {}
    for char, forms in zip(chars, folded, strict=True):
        for form in forms:
            if form != char:
                found.setdefault(form, set()).add(char)
    return {form: frozenset(sources) for form, sources in found.items()}
