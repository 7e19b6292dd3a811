"""Ill-formed XML to well-formed XML, guided by what feeds look like. Pure and linear.

The document is cut into tags and text; text is escaped, attributes are quoted, tags are
balanced: a field ends where the next field begins, an entry where the next entry begins,
and a field that the end of the document cuts short is dropped. Nothing declared in a
document type survives.
"""

from __future__ import annotations

import html.entities
import re
from collections.abc import Iterator
from xml.sax.saxutils import quoteattr

from monitor.sources.vocabulary import (
    CATEGORY,
    CONSTRUCT,
    CONTAINER,
    ENTRY,
    GUID,
    LINK,
    LITERAL,
    USUAL,
    meaning,
)

MAX_DEPTH = 200
_TOKEN = re.compile(
    r"<!--.*?-->"
    r"|<!\[CDATA\[(?P<cdata>.*?)\]\]>"
    r"|<\?[^<>]*\?>"
    r"|<![A-Za-z][^<>]*+>"
    r"|</(?P<close>[A-Za-z_][\w.:-]*+)[^<>]*+>"
    r"|<(?P<open>[A-Za-z_][\w.:-]*+)(?P<attrs>(?:[\s/][^<>\"']*+(?:\"[^\"<]*+\"|'[^'<]*+')?+)*+)>",
    re.DOTALL,
)
_DOCTYPE = re.compile(
    r"\A(?:[^<]|<[^!]|<!--){0,2000}?<!DOCTYPE[^<>\[]{0,1000}\[[^\]]{0,100000}\]\s*>", re.IGNORECASE
)
_ATTRIBUTE = re.compile(
    r"""(?<![\w.:-])([A-Za-z_][\w.:-]*+)\s*+=\s*+(?:"([^"]*+)"|'([^']*+)'|([^\s"'>]++))"""
)
_TAG_START = re.compile(r"<[/!?A-Za-z]")
_ILLEGAL = re.compile("[\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f\ufffe\uffff\ud800-\udfff]")
_AMPERSAND = re.compile(r"&(?:#(\d{1,7});|#[xX]([0-9A-Fa-f]{1,6});|([A-Za-z]\w{1,30});|)")
_XML_NAMES = frozenset({"amp", "lt", "gt", "quot", "apos"})
_LEAVES = frozenset({CONSTRUCT, LITERAL, LINK, GUID, CATEGORY})
# Fields that may hold markup with elements of their own, some of which are named like fields.
_RICH = frozenset({"description", "content", "content:encoded", "summary", "body", "xhtml:body"})
_HTML_LIKE = frozenset({"title", "link", "summary", "content", "body", "id", "author"})


def repair(text: str) -> str:
    """``text`` as well-formed XML with one root; empty when it holds no element at all."""
    text = _DOCTYPE.sub("", _ILLEGAL.sub("", text), count=1)
    for opening, closing in (("<!--", "-->"), ("<![CDATA[", "]]>")):
        last = text.rfind(closing) + 1
        text = text[:last] + text[last:].replace(opening, " ")
    return _Repair().run(text)


class _Repair:
    """The output so far and the elements that are open in it."""

    def __init__(self) -> None:
        self.out: list[str] = []
        self.open: list[tuple[str, str, int, int]] = []  # name, lower case, meaning, place in out
        self.prefixes: set[str] = set()
        self.has_root = False

    def run(self, text: str) -> str:
        for token, plain in _tokens(text):
            if plain is not None:
                self.text(plain)
            elif token is not None:
                self.token(token)
        self.cut_short()
        while self.open:
            self.close()
        return "".join(self.out) if self.has_root else ""

    def token(self, token: re.Match[str]) -> None:
        if (name := token["open"]) is not None:
            self.start(name, token["attrs"])
        elif (name := token["close"]) is not None:
            self.end(name.lower())
        elif token["cdata"] is not None and self.open:
            self.out.append(_escape_all(token["cdata"]))

    def text(self, text: str) -> None:
        if self.open:
            self.out.append(_escape(text))

    def start(self, name: str, attrs: str) -> None:
        lower = name.lower()
        what = meaning(_conventional(lower))[0]
        self.make_room(lower, what)
        if not self.open and self.has_root:
            return  # junk behind the root
        empty = attrs.rstrip().endswith("/")
        if len(self.open) >= MAX_DEPTH and not empty:
            return
        pairs = _attributes(attrs)
        declared = self.declare(name, pairs)
        self.has_root = True
        if not empty:
            self.open.append((name, lower, what, len(self.out)))
        self.out.append(f"<{name}{declared}{pairs_text(pairs)}{'/' if empty else ''}>")

    def make_room(self, lower: str, what: int) -> None:
        """Close what cannot hold the element that starts."""
        if what == ENTRY:
            self.close_through(ENTRY)
            return
        if what not in _LEAVES:
            return
        leaf = next((i for i, part in enumerate(self.open) if part[2] in _LEAVES), None)
        if leaf is None or leaf == 0:
            return
        holder = self.open[leaf][1]
        rich = holder in _RICH and lower in _HTML_LIKE
        person = holder in {"author", "contributor"}
        if not rich and not person and self.open[leaf - 1][2] in {ENTRY, CONTAINER}:
            while len(self.open) > leaf:
                self.close()

    def close_through(self, what: int) -> None:
        """Close the innermost element of a meaning, and all within it."""
        if any(part[2] == what for part in self.open):
            while self.open[-1][2] != what:
                self.close()
            self.close()
            return
        while self.open and self.open[-1][2] in _LEAVES:
            self.close()

    def end(self, lower: str) -> None:
        """Close the innermost element of that name; an end tag of nothing open is dropped."""
        depth = next(
            (i for i in range(len(self.open) - 1, -1, -1) if self.open[i][1] == lower), None
        )
        if depth is None:
            return
        # </b> inside a field must not close what is outside of the field.
        inside = next((i for i, part in enumerate(self.open) if part[2] in _LEAVES), len(self.open))
        if depth < inside < len(self.open) and self.open[depth][2] not in {ENTRY, CONTAINER}:
            return
        while len(self.open) > depth:
            self.close()

    def close(self) -> None:
        self.out.append(f"</{self.open.pop()[0]}>")

    def cut_short(self) -> None:
        """Drop the field that the document's end cut: half a title or link is a wrong one."""
        leaf = next((i for i, part in enumerate(self.open) if part[2] in _LEAVES), None)
        if leaf is None or leaf == 0:
            return
        place = self.open[leaf][3]
        del self.open[leaf:]
        del self.out[place:]

    def declare(self, name: str, pairs: dict[str, str]) -> str:
        """Declarations for the prefixes that an element uses and nothing declared."""
        self.prefixes.update(key[6:] for key in pairs if key.startswith("xmlns:"))
        used = {part.partition(":")[0] for part in (name, *pairs) if ":" in part}
        missing = sorted(used - self.prefixes - {"xml", "xmlns"})
        return "".join(f" xmlns:{prefix}={quoteattr(_namespace(prefix))}" for prefix in missing)


def _tokens(text: str) -> Iterator[tuple[re.Match[str] | None, str | None]]:
    """Tokens and the text between them; a ``<`` that opens none is text."""
    at = 0
    for token in _TOKEN.finditer(text):
        if token.start() > at:
            yield None, text[at : token.start()]
        yield token, None
        at = token.end()
    rest = text[at:]
    cut = rest.rfind("<")
    unfinished = cut >= 0 and _TAG_START.match(rest, cut) and ">" not in rest[cut:]
    yield None, rest[:cut] if unfinished else rest


def _conventional(lower: str) -> str:
    """``dc:date`` as ``{namespace}date``, by the prefix's usual meaning."""
    prefix, colon, local = lower.partition(":")
    return f"{{{_namespace(prefix)}}}{local}" if colon else lower


def _namespace(prefix: str) -> str:
    return USUAL.get(prefix.lower(), f"urn:undeclared-module:{prefix}")


def _attributes(text: str) -> dict[str, str]:
    """Attributes in order, the first of equals; values without their quotes, escaped once."""
    found: dict[str, str] = {}
    for name, double, single, bare in _ATTRIBUTE.findall(text):
        if name.count(":") < 2 and not name.endswith(":"):
            value = double or single or (bare.rstrip("/") if bare == "/" else bare)
            if name != "xmlns" and name.startswith("xmlns:") and not value:
                continue
            found.setdefault(name, value)
    return found


def pairs_text(pairs: dict[str, str]) -> str:
    """Attributes as they stand in a tag."""
    return "".join(
        f' {name}="{_escape(value)}"'.replace("\n", " ") for name, value in pairs.items()
    )


def _escape(text: str) -> str:
    """Bare ampersands and brackets escaped, HTML's named characters resolved."""
    if "&" in text:
        text = _AMPERSAND.sub(_reference, text)
    if "<" in text or ">" in text or '"' in text:
        text = text.replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")
    return text


def _reference(found: re.Match[str]) -> str:
    decimal, hexadecimal, name = found.groups()
    if name:
        if name in _XML_NAMES:
            return found[0]
        char = html.entities.html5.get(name + ";")
        return _escape_all(char) if char else f"&amp;{name};"
    if decimal or hexadecimal:
        code = int(decimal) if decimal else int(hexadecimal, 16)
        legal = code in {9, 10, 13} or 32 <= code < 0xD800 or 0xE000 <= code < 0xFFFE
        return found[0] if legal or 0x10000 <= code < 0x110000 else ""
    return "&amp;"


def _escape_all(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
