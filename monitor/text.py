"""What matching and storage see of a title: cleaned, folded, its language. Pure.

``clean_title`` makes a title safe to keep, ``strip_markup`` turns its HTML into text,
``fold`` and ``unify`` make spellings comparable without losing the way back to the
characters of the title. The home of the package ``opencc``.
"""

from __future__ import annotations

import functools
import html
import re
import sys
import unicodedata
from array import array
from typing import NamedTuple

TITLE_LIMIT = 1_000
MARKS_PER_CHARACTER = 4
MARKUP_LIMIT = 65_536

_INVISIBLE = "\u00ad\u034f\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
_EMOJI = (
    "\u00a9\u00ae\u203c\u2049\u2122\u2139\u2190-\u2bff\u3030\u303d\u3297\u3299\U0001f000-\U0001faff"
)
_TAGS = "\U000e0000-\U000e007f"

_JUNK = re.compile(
    "[\\x00-\\x08\\x0e-\\x1b\\x7f-\\x84\\x86-\\x9f\ud800-\udfff\ufffe\uffff\ufe00-\ufe0d"
    f"\U000e0100-\U000e01ef{_INVISIBLE}]".replace("\u200b-\u200f", "\u200b\u200c\u200e\u200f")
)
_STRAY_TAGS = re.compile(f"(\U0001f3f4[{_TAGS}]+)|[{_TAGS}]+")
_STRAY_SELECTOR = re.compile(f"(?<![{_EMOJI}0-9#*])[\ufe0e\ufe0f]")
_STRAY_JOINER = re.compile(f"(?<![{_EMOJI}\ufe0f])\u200d|\u200d(?![{_EMOJI}])")

_KANA = re.compile("[\u3041-\u3096\u30a1-\u30fa\u31f0-\u31ff\uff66-\uff9d]")
_HAN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af]")
_HANGUL = re.compile("[\u1100-\u11ff\u3131-\u318e\uac00-\ud7a3]")
_LATIN = re.compile("[A-Za-z\u00c0-\u024f\u1e00-\u1eff\uff21-\uff3a\uff41-\uff5a]")

# Blocks without a combining mark: nearly every title stays within them.
_UNMARKED = re.compile(
    "[\x00-\u02ff\u0370-\u0482\u2010-\u20cf\u2100-\u2cee\u3000-\u3029\u3030-\u3098"
    "\u309b-\ua66e\uac00-\ud7ff\uf900-\ufb1d\uff00-\uffef]*"
).fullmatch

_CDATA = re.compile(r"<!\[CDATA\[|\]\]>")
_HIDDEN = [
    (re.compile(opening, re.IGNORECASE), re.compile(closing, re.IGNORECASE))
    for opening, closing in (
        ("<!--", "-->"),
        (r"<script\b", "</script>"),
        (r"<style\b", "</style>"),
    )
]
_HIDES = re.compile(r"<(?:!--|script\b|style\b)", re.IGNORECASE)
_TAG = re.compile(
    r"<(?P<name>/?[a-z][a-z0-9]*+|[!?/])"
    r"(?:[^<>=]++|=\s*+(?:\"[^\"]*+\"|'[^']*+')?+)*+>",
    re.IGNORECASE,
)
_LONG_REFERENCE = re.compile(r"&#([0-9]{8,});?")
_MOST_DIGITS = 7  # of a character's number
_BLOCKS = re.compile(
    "/?(br|p|div|li|ul|ol|td|tr|th|table|h[1-6]|hr|section|article)", re.IGNORECASE
)


def clean_title(raw: str, limit: int = TITLE_LIMIT) -> tuple[str, bool]:
    """``raw`` as plain text to keep, and whether it was cut to ``limit`` characters.

    NFC; no control, bidirectional, zero-width or surrogate characters (a joiner stays
    inside emoji); white space collapsed; at most four combining marks a character. A cut
    falls between characters as people see them. Doing it twice changes nothing.
    """
    text = _JUNK.sub("", raw)
    text = _STRAY_TAGS.sub(lambda match: match[1] or "", text)
    text = _STRAY_SELECTOR.sub("", text)
    text = _STRAY_JOINER.sub("", text)
    text = unicodedata.normalize("NFC", text)
    text = " ".join(_cap_marks(text).split())
    if len(text) <= limit:
        return text, False
    return text[: _safe_cut(text, limit)].rstrip(), True


def strip_markup(raw: str) -> str:
    """The text of an HTML fragment; entities are decoded once. Linear in its length.

    A ``<`` that opens no tag stays. Scripts, styles and comments go, blocks become
    spaces. What stands behind 65,536 characters is dropped.
    """
    text = raw[:MARKUP_LIMIT]
    if "]]>" in text or "<![" in text:
        text = _CDATA.sub("", text)
    if "<" in text:
        if _HIDES.search(text):
            for opening, closing in _HIDDEN:
                text = _drop_between(text, opening, closing)
        text = _TAG.sub(_tag_text, text)
    return unescape(text) if "&" in text else text


def unescape(text: str) -> str:
    """``text`` with HTML's character references resolved, however many digits they have."""
    return html.unescape(_LONG_REFERENCE.sub(_shorter, text))


def _shorter(found: re.Match[str]) -> str:
    """Python reads no number of thousands of digits; what no character has means U+FFFD."""
    digits = found[1].lstrip("0")
    return f"&#{digits or '0'};" if len(digits) <= _MOST_DIGITS else "\ufffd"


def detect_language(title: str) -> str:
    """``ja`` with kana, ``ko`` with more hangul than han, ``zh``, ``en`` (Latin), or ``und``."""
    han = len(_HAN.findall(title))
    kana = _KANA.findall(title)
    if kana and not (han and set(kana) == {"の"}):
        return "ja"
    if len(_HANGUL.findall(title)) > han:
        return "ko"
    if han:
        return "zh"
    return "en" if _LATIN.search(title) else "und"


def is_word_character(char: str) -> bool:
    """Whether ``char`` belongs to a word that must match whole: a digit, or a letter of an
    alphabet written with spaces (Latin, Greek, Cyrillic, Armenian)."""
    return (char < "\u0590" or "\u1c80" <= char <= "\u1fff") and char.isalnum()


class Folded(NamedTuple):
    """A text made comparable. ``exact``: one character for each of ``original``."""

    text: str
    original: str
    form: str
    exact: bool

    @property
    def offsets(self) -> tuple[tuple[int, int], ...]:
        """For each character of ``text`` the ``(start, end)`` it came from in ``original``."""
        if self.exact:
            return tuple((at, at + 1) for at in range(len(self.original)))
        return _offsets(self.text, self.original, self.form)

    def span(self, start: int, end: int) -> tuple[int, int]:
        """The span of ``original`` that ``text[start:end]`` came from; it is not empty."""
        if self.exact:
            return start, end
        offsets = self.offsets
        return offsets[start][0], offsets[end - 1][1]


@functools.lru_cache(maxsize=64)
def _offsets(text: str, original: str, form: str) -> tuple[tuple[int, int], ...]:
    """Kept for the next span of the same title: a title may have a thousand."""
    pieces = [
        (_apply(original[start:end], form)[0], start, end) for start, end in _segments(original)
    ]
    if "".join(piece for piece, _, _ in pieces) != text:
        pieces = [(text, 0, len(original))]
    return tuple((start, end) for piece, start, end in pieces for _ in piece)


def fold(text: str) -> Folded:
    """Case, width, compatibility forms, accents and traditional characters made one."""
    result, exact = _apply(text, "fold")
    return Folded(result, text, "fold", exact)


def unify(text: str) -> Folded:
    """Width, compatibility forms and traditional characters made one; case and accents kept."""
    result, exact = _apply(text, "unify")
    return Folded(result, text, "unify", exact)


_DROPPED = f"{_INVISIBLE}\ufe00-\ufe0f"
_SHRINK = {
    "fold": re.compile(f"(?<= )[ {_DROPPED}\u0300-\u036f]+|[{_DROPPED}\u0300-\u036f]+"),
    "unify": re.compile(f"(?<= )[ {_DROPPED}]+|[{_DROPPED}]+"),
}
# Without these, and without two spaces, nothing shrinks: told in a third of the time.
_SHRINKS = {
    "fold": re.compile(f"[{_DROPPED}\u0300-\u036f]"),
    "unify": re.compile(f"[{_DROPPED}]"),
}


def _apply(text: str, form: str) -> tuple[str, bool]:
    """The folded text, and whether each character of ``text`` gave exactly one.

    One to one first, which is all that most titles need; marks go before characters are
    composed, so that a composed and a decomposed spelling end alike.
    """
    table, shrink = _tables()[form], _SHRINK[form]
    mapped = text.translate(table)
    if (
        _composed(mapped, form) == mapped
        and "  " not in mapped
        and not _SHRINKS[form].search(mapped)
    ):
        return mapped, True
    full = _composed(shrink.sub("", mapped), form)
    full = unicodedata.normalize("NFKC", shrink.sub("", full).translate(table))
    return shrink.sub("", full).translate(table), False


def _composed(text: str, form: str) -> str:
    text = unicodedata.normalize("NFKC", text)
    return text.casefold() if form == "fold" else text


# Characters that one-to-one conversion leaves alone because both spellings are in use.
_MORE_SIMPLIFIED = {ord(old): new for old, new in zip("著瞭藉妳牠祂", "着了借你它他", strict=True)}

# ① to ⑳ become the black ones, which have no digits inside: AI is a word in ①AI. For ㉑ to ㊿ there
# are none: private ones stand in. Nor has ™ letters inside.
_SIGNS = (
    {chr(0x2460 + at): chr((0x2776 if at < 10 else 0x24EB - 10) + at) for at in range(20)}
    | {chr((0x3251 if at < 15 else 0x32B1 - 15) + at): chr(0xF8C0 + at) for at in range(30)}
    | {"⓪": "⓿", "™": "®", "℠": "®"}
)
# Marks that Unicode takes for a part of the letter.
_STROKES = dict(zip("łđøħŧı", "ldohti", strict=True))


@functools.cache
def _tables() -> dict[str, str]:
    """For each form a string of 65,536 characters: what each one becomes, one to one."""
    identity = _run(0, 0xD800) + "\ufffd" * 0x800 + _run(0xE000, 0x10000)
    changing = identity[:0x3400] + identity[0xF900:]  # no han, no hangul
    plain = "\n".join(" " if char.isspace() else char for char in changing)
    composed = unicodedata.normalize("NFKC", plain)
    bare = re.sub("[\u0300-\u036f]", "", unicodedata.normalize("NFKD", plain))
    folded = unicodedata.normalize("NFC", bare).casefold()
    simplified = _simplified()
    tables = {}
    for form, values in (("unify", composed), ("fold", folded)):
        becomes = {
            ord(old): simplified.get(ord(new), new)
            for old, new in zip(changing, values.split("\n"), strict=True)
            if old != new and len(new) == 1
        }
        signs = {ord(old): new for old, new in _SIGNS.items()}
        tables[form] = identity.translate(simplified | becomes | signs)
    tables["fold"] = tables["fold"].translate({ord(old): new for old, new in _STROKES.items()})
    return tables


def _run(start: int, end: int) -> str:
    """The characters of a range without surrogates: joining them takes ten times as long."""
    return array("H", range(start, end)).tobytes().decode(f"utf-16-{sys.byteorder[0]}e")


@functools.cache
def _simplified() -> dict[int, str]:
    from opencc import OpenCC  # 20 ms to import: not paid by commands that never match

    han = _run(0x3400, 0x4DC0) + _run(0x4E00, 0xA000)
    convert = OpenCC("t2s").convert
    converted = convert("\n".join(han)).split("\n")
    changed = [(old, new) for old, new in zip(han, converted, strict=True) if old != new]
    again = convert("\n".join(new for _, new in changed)).split("\n")
    simplified = {ord(old): new for (old, _), new in zip(changed, again, strict=True)}
    return simplified | _MORE_SIMPLIFIED


def _segments(text: str) -> list[tuple[int, int]]:
    """Spans that fold by themselves: a character with what may combine with it."""
    starts = [at for at, char in enumerate(text) if at == 0 or not _joins(char, text[at - 1])]
    return list(zip(starts, [*starts[1:], len(text)], strict=True))


def _joins(char: str, previous: str) -> bool:
    if _is_space(char):
        return _is_space(previous) or _is_dropped(previous)
    first = unicodedata.normalize("NFKD", char)[0]
    return (
        unicodedata.category(first)[0] == "M" or "\u1160" <= first <= "\u11ff" or _is_dropped(char)
    )


def _is_space(char: str) -> bool:
    """Whether folding makes a space of ``char``, as of an accent that stands alone."""
    return char.isspace() or unicodedata.normalize("NFKD", char)[0] == " "


def _is_dropped(char: str) -> bool:
    return _SHRINK["unify"].fullmatch(char) is not None


def _cap_marks(text: str) -> str:
    if _UNMARKED(text):
        return text
    kept: list[str] = []
    marks = 0
    for char in text:
        marks = marks + 1 if unicodedata.category(char)[0] == "M" else 0
        if marks <= MARKS_PER_CHARACTER:
            kept.append(char)
    return "".join(kept)


def _safe_cut(text: str, limit: int) -> int:
    """The last place at or before ``limit`` that splits no visible character."""
    for cut in range(limit, max(limit - 40, 0), -1):
        after = text[cut]
        if _extends(after) or text[cut - 1] == "\u200d":
            continue
        flags = re.search("[\U0001f1e6-\U0001f1ff]*$", text[:cut])
        if "\U0001f1e6" <= after <= "\U0001f1ff" and flags and len(flags[0]) % 2:
            continue
        return cut
    return limit


def _extends(char: str) -> bool:
    return (
        char == "\u200d"
        or unicodedata.category(char)[0] == "M"
        or "\u1160" <= char <= "\u11ff"
        or "\U0001f3fb" <= char <= "\U0001f3ff"
        or "\U000e0000" <= char <= "\U000e007f"
    )


def _drop_between(text: str, opening: re.Pattern[str], closing: re.Pattern[str]) -> str:
    kept, at = [], 0
    while (start := opening.search(text, at)) and (end := closing.search(text, start.end())):
        kept.append(text[at : start.start()])
        at = end.end()
    return "".join((*kept, text[at:]))


def _tag_text(match: re.Match[str]) -> str:
    return " " if _BLOCKS.fullmatch(match["name"]) else ""


_SECRET_NAME = re.compile(
    r"token|secret|passw|auth(?!or)|cred|session|signature|api_?key"
    r"|(?:^|[_.-])(?:key|pass|pwd|pw|sig|sid|code|hash)$",
    re.IGNORECASE,
)
_SECRET_VALUE = re.compile(r"(?=[^0-9]*[0-9])(?=[^A-Za-z]*[A-Za-z])[\w%+/=.~-]{20,}")


def without_secrets(url: str) -> str:
    """``url`` as it may be shown: without ``user:password@``, and of the query's values
    neither those that are called secret nor those that look like it.
    """

    def hidden(part: re.Match[str]) -> str:
        secret = _SECRET_NAME.search(part[2]) or _SECRET_VALUE.fullmatch(part[3])
        return f"{part[1]}{part[2]}=…" if secret else part[0]

    shown = re.sub(r"(?<=//)[^/?#]*@", "", url, count=1)
    return re.sub(r"([?&;])([^=&;#]*)=([^&;#]+)", hidden, shown)
