"""Bytes to text: which charset a document is really in.

Order: byte order mark, UTF-16/32 without one, strict UTF-8, then what the document or
the server declare and the two Chinese families, each judged by how much its reading
looks like the language it is for. A declared charset wins a tie. ``gb2312`` and ``gbk``
mean GB18030, ``iso-8859-1`` means windows-1252, as browsers read them (WHATWG Encoding).
"""

from __future__ import annotations

import codecs
import contextlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from monitor.sources.plausible import plausibility

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_WIDE = (
    (re.compile(rb"[<{\[]\0\0\0"), "utf-32-le"),
    (re.compile(rb"\0\0\0[<{\[]"), "utf-32-be"),
    (re.compile(rb"[<{\[]\0"), "utf-16-le"),
    (re.compile(rb"\0[<{\[]"), "utf-16-be"),
)
_DECLARATION = re.compile(rb"""<\?xml[^>]{0,200}?\bencoding\s*=\s*["']\s*([A-Za-z0-9._:-]{1,40})""")
_ALIASES = {
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "cp936": "gb18030",
    "iso8859-1": "cp1252",
    "ascii": "cp1252",
    "iso8859-9": "cp1254",
    "iso8859-11": "cp874",
    "tis-620": "cp874",
    "shift_jis": "cp932",
    "euc_kr": "cp949",
    "big5": "big5hkscs",
}
_GUESSES = ("gb18030", "big5hkscs", "cp932", "euc_jp", "cp949")
# Tried only where no reading of more than one byte a character makes sense.
_ALPHABETS = ("cp1251", "koi8-r", "cp1252", "cp874")
_STATEFUL = ("iso2022", "hz", "utf-7")
# Python's own notations; no document is written in them.
_NO_CHARSETS = frozenset({"idna", "punycode", "undefined", "unicode-escape", "raw-unicode-escape"})
_HALF = re.compile("[\ud800-\udfff]")  # of a surrogate pair; UTF-7 lets it pass
_ENOUGH = 0.5
_SURE = 0.85
_EURO = "monitor.euro"
_LOSSY_UTF8 = 0.05
_HIGH_BYTE = re.compile(rb"[\x80-\xff]")
_HIGH = bytes(range(0x80, 0x100))


@dataclass(frozen=True, slots=True)
class Decoded:
    """``text`` read as ``charset`` (a Python codec name); ``problems`` are sentences."""

    text: str
    charset: str
    problems: tuple[str, ...] = ()


def decode(body: bytes, declared: str | None = None) -> Decoded:
    """Read ``body``; ``declared`` is the charset of Content-Type. Never raises.

    A sequence cut short at the end is dropped; bytes that no reading explains
    disappear rather than turn into replacement characters.
    """
    for mark, charset in _BOMS:
        if body.startswith(mark):
            return _forgiving(body[len(mark) :], charset)
    for pattern, charset in _WIDE:
        if pattern.match(body):
            return _forgiving(body, charset)
    names = list(_declared(body, declared))
    if not (names and names[0][0].startswith(_STATEFUL)):
        text = _strict(body, "utf-8")
        if text is not None:
            return Decoded(text, "utf-8", _mislabelled(names, "utf-8", text))
    return _judge(body, names)


def _single_euro(error: UnicodeError) -> tuple[str, int]:
    """Code page 936 writes the euro as 0x80, which GB 18030 does not know."""
    if not isinstance(error, UnicodeDecodeError) or error.encoding != "gb18030":
        raise error
    if error.object[error.start] != 0x80:
        raise error
    return "€", error.start + 1


codecs.register_error(_EURO, _single_euro)


def codec_name(label: str) -> str | None:
    """The Python codec that a charset label means on the web, or None if unknown."""
    try:
        info = codecs.lookup(label.strip().strip("\"'"))
    except (LookupError, ValueError):
        return None
    if not getattr(info, "_is_text_encoding", True) or info.name in _NO_CHARSETS:
        return None
    return _ALIASES.get(info.name, info.name)


def _declared(body: bytes, header: str | None) -> Iterator[tuple[str, str]]:
    """Each declared charset as ``(codec, label)``: the document's word, then the server's."""
    found = _DECLARATION.search(body, 0, 400)
    labels = [found[1].decode("ascii")] if found else []
    if header:
        labels.append(header)
    for label in labels:
        codec = codec_name(label)
        # Wide charsets were seen by their bytes; here their label is wrong.
        if codec and not codec.startswith(("utf-16", "utf-32")):
            yield codec, label


def _judge(body: bytes, names: list[tuple[str, str]]) -> Decoded:
    """The most plausible strict reading; else the least bad one."""
    declared = [codec for codec, _ in names if codec != "utf-8"]
    lossy = _lossy_utf8(body)
    if lossy is not None:
        return lossy
    best, score = _best(body, declared, 0.15)
    if score < _ENOUGH + 0.15:
        guess, guessed = _best(body, _GUESSES, 0.0)
        if guessed > score:
            best, score = guess, guessed
    if best is None:
        best, score = _least_bad(body, declared)
    if score < _ENOUGH:
        guess, guessed = _best(body, _ALPHABETS, 0.0)
        if guess is not None and guessed >= _SURE:
            best = guess
    wrong = _mislabelled(names, best.charset, best.text)
    return Decoded(best.text, best.charset, (*best.problems, *wrong))


def _best(body: bytes, charsets: Iterable[str], bonus: float) -> tuple[Decoded | None, float]:
    """The first of the most plausible strict readings, and its score with ``bonus``."""
    best, score = None, 0.0
    for charset in charsets:
        text = _strict(body, charset)
        if text is None:
            continue
        found = plausibility(text, charset) + bonus
        if found > score:
            best, score = Decoded(text, charset), found
    return best, score


def _least_bad(body: bytes, declared: list[str]) -> tuple[Decoded, float]:
    """No reading is without error: the one that looks best when errors count against it."""
    candidates = dict.fromkeys((*declared, "gb18030", "big5hkscs", "utf-8", "cp1252"))
    scores = {
        charset: plausibility(body.decode(charset, "replace"), charset) for charset in candidates
    }
    charset = max(scores, key=lambda name: scores[name])
    return _forgiving(body, charset), scores[charset]


def _lossy_utf8(body: bytes) -> Decoded | None:
    """UTF-8 with a few broken sequences, such as summaries cut in mid-character."""
    start = _HIGH_BYTE.search(body)
    if start is None or _broken_share(body[start.start() : start.start() + 1000]) > 0.25:
        return None
    if _broken_share(body) > _LOSSY_UTF8:
        return None
    return _forgiving(body, "utf-8")


def _broken_share(body: bytes) -> float:
    """How many of the bytes beyond ASCII are not UTF-8."""
    high = len(body) - len(body.translate(None, _HIGH))
    return body.decode("utf-8", "replace").count("\ufffd") / max(high, 1)


def _strict(body: bytes, charset: str) -> str | None:
    """``body`` in ``charset``, or None; only a sequence cut short at the end may be missing."""
    if charset == "utf-8":
        with contextlib.suppress(UnicodeDecodeError):
            return body.decode()
    try:
        text = codecs.getincrementaldecoder(charset)(_EURO).decode(body)
    except (UnicodeError, LookupError):
        return None
    return _HALF.sub("", text) if charset == "utf-7" else text


def _forgiving(body: bytes, charset: str) -> Decoded:
    text = _strict(body, charset)
    if text is not None:
        return Decoded(text, charset)
    text = _HALF.sub("\ufffd", body.decode(charset, "replace"))
    broken = text.count("\ufffd")
    return Decoded(
        text.replace("\ufffd", ""), charset, (f"{broken} bytes are not {charset}; dropped",)
    )


def _mislabelled(names: list[tuple[str, str]], charset: str, text: str) -> tuple[str, ...]:
    wrong = [label for codec, label in names if codec != charset]
    if not wrong or text.isascii():
        return ()
    return tuple(f"declared {label} but is {charset}" for label in dict.fromkeys(wrong))
