"""Feeds with a known truth, and fifteen ways in which real servers damage them."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from html import escape

_WORDS = (
    "market", "summit", "river", "probe", "rail", "budget", "storm", "verdict", "harbour", "orbit",
)  # fmt: skip
_HAN = "央行宣布新规上海地铁开通今日股市收盘台风登陆沿海大学发布报告球队夺冠航天发射成功车展开幕"


@dataclass(frozen=True, slots=True)
class Truth:
    """What a reader should find, in order."""

    title: str
    link: str


def make(seed: int, entries: int = 25) -> tuple[str, list[Truth]]:
    """A well-formed RSS 2.0 or Atom feed as text, and its entries."""
    chance = random.Random(seed)
    truths = [_truth(chance, seed, number) for number in range(entries)]
    return (_atom if seed % 3 == 2 else _rss)(truths, chance), truths


def _truth(chance: random.Random, seed: int, number: int) -> Truth:
    if seed % 2:
        title = " ".join(chance.choices(_WORDS, k=6)).capitalize()
        title += chance.choice(("", " & co", ": what's next?", " <1% of votes"))
    else:
        title = "".join(chance.choices(_HAN, k=14)) + chance.choice(("", "：专家解读", "AT&T"))
    return Truth(f"{title} {number}", f"https://news{seed}.example.org/story?id={number}&page=1")


def _rss(truths: list[Truth], chance: random.Random) -> str:
    items = "".join(
        f"<item>\n<title>{escape(escape(truth.title, quote=False), quote=False)}</title>\n"
        f"<link>{escape(truth.link)}</link>\n"
        f'<guid isPermaLink="false">n{number}</guid>\n'
        f"<pubDate>Thu, 13 Nov 2025 {number % 24:02}:39:00 +0800</pubDate>\n"
        f"<description>{escape(_body(chance))}</description>\n</item>\n"
        for number, truth in enumerate(truths)
    )
    head = (
        "<title>Daily</title>\n<link>https://example.org/</link>\n<description>All</description>\n"
    )
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n<rss version="2.0">\n<channel>\n'
        f"{head}{items}</channel>\n</rss>\n"
    )


def _atom(truths: list[Truth], chance: random.Random) -> str:
    entries = "".join(
        f"<entry>\n<title>{escape(truth.title, quote=False)}</title>\n"
        f'<link rel="alternate" href="{escape(truth.link)}"/>\n<id>urn:n{number}</id>\n'
        f"<updated>2025-11-13T{number % 24:02}:39:00+08:00</updated>\n"
        f'<summary type="html">{escape(_body(chance))}</summary>\n</entry>\n'
        for number, truth in enumerate(truths)
    )
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n<feed xmlns="http://www.w3.org/2005/Atom">\n'
        f"<title>Daily</title>\n<id>urn:d</id>\n{entries}</feed>\n"
    )


def _body(chance: random.Random) -> str:
    words, han = " ".join(chance.choices(_WORDS, k=30)), "".join(chance.choices(_HAN, k=60))
    return f"<p>{words}</p><p>{han}</p>"


Damage = Callable[[str, random.Random], bytes]


def _place(text: str, chance: random.Random, mark: str) -> int:
    """The start of one occurrence of ``mark`` somewhere in the middle of the entries."""
    found = [match.start() for match in re.finditer(re.escape(mark), text)]
    return chance.choice(found[2:] or found)


def undefined_entity(text: str, chance: random.Random) -> bytes:
    """HTML's named characters, which XML does not know, in titles and bodies."""
    text = re.sub(r" (\d+)</title>", r"&nbsp;\1</title>", text)
    return text.replace("&lt;/p&gt;", "&nbsp;&hellip;&lt;/p&gt;").encode()


def bare_ampersand_in_text(text: str, chance: random.Random) -> bytes:
    """``AT&T`` written as it is."""
    text = text.replace("AT&amp;amp;T", "AT&T").replace("AT&amp;T", "AT&T")
    text = text.replace(" &amp;amp; co", " & co").replace(" &amp; co", " & co")
    return text.replace("&lt;p&gt;", "&lt;p&gt;R&D and Q & A ").encode()


def bare_ampersand_in_link(text: str, chance: random.Random) -> bytes:
    """Addresses that were never escaped."""
    return text.replace("&amp;page=1", "&page=1").encode()


def control_characters(text: str, chance: random.Random) -> bytes:
    """Bytes below 32 that an editor left behind."""
    text = re.sub(r" (\d+)</title>", "\x0b \\1\x08</title>", text)
    return text.replace("&lt;/p&gt;", "\x08\x0b\x1f&lt;/p&gt;").encode()


def truncated(text: str, chance: random.Random) -> bytes:
    """The connection ended in the middle of an entry."""
    place = _place(text, chance, "</description>" if "<rss" in text else "</summary>")
    return text[: place - 20].encode()


def unclosed_field(text: str, chance: random.Random) -> bytes:
    """Some end tags of fields are missing."""
    tag = "</description>" if "<rss" in text else "</summary>"
    return _without(_without(text, tag, chance, 4), "</title>", chance, 4).encode()


def unclosed_entry(text: str, chance: random.Random) -> bytes:
    """Some end tags of entries are missing."""
    return _without(text, "</item>" if "<rss" in text else "</entry>", chance, 3).encode()


def _without(text: str, tag: str, chance: random.Random, times: int) -> str:
    for _ in range(times):
        place = _place(text, chance, tag)
        text = text[:place] + text[place + len(tag) :]
    return text


def wrong_nesting(text: str, chance: random.Random) -> bytes:
    """Unescaped HTML in bodies, its tags crossed and unclosed."""
    return re.sub("&lt;p&gt;", "<p><b>note<i></b>it</i><br>", text).encode()


def undeclared_prefix(text: str, chance: random.Random) -> bytes:
    """A module is used without its namespace."""
    mark = "</item>" if "<rss" in text else "</entry>"
    return text.replace(mark, f"<dc:creator>Wang</dc:creator><x:y z:a='1'/>{mark}").encode()


def junk_before(text: str, chance: random.Random) -> bytes:
    """Warnings of the server's program stand before the document."""
    return b"\r\n<br />\n<b>Warning</b>: mysql_connect() in /var/www <br />\n" + text.encode()


def junk_behind(text: str, chance: random.Random) -> bytes:
    """Statistics of the server stand behind the document."""
    return text.encode() + b"\n<!-- 0.12 s -->\n<script>count(1 & 2)</script>\n<p>served"


def unquoted_attributes(text: str, chance: random.Random) -> bytes:
    """Attributes without quotes, or twice."""
    text = text.replace('version="2.0"', "version=2.0 version='2.0'")
    text = text.replace('isPermaLink="false"', "isPermaLink=false")
    return text.replace('rel="alternate"', "rel=alternate rel=alternate").encode()


def stray_bracket(text: str, chance: random.Random) -> bytes:
    """A ``<`` that opens nothing."""
    text = text.replace("&amp;lt;1%", "<1%").replace("&lt;1%", "<1%")
    return text.replace("&lt;p&gt;", "&lt;p&gt;a < b <3 <= c ").encode()


def invalid_bytes(text: str, chance: random.Random) -> bytes:
    """Bodies that were cut in the middle of a character, one of them in every entry."""
    return text.encode().replace(b"&lt;/p&gt;&lt;p&gt;", "开".encode()[:2] + b"&lt;/p&gt;&lt;p&gt;")


def wrong_charset(text: str, chance: random.Random) -> bytes:
    """GB18030 bytes under a declaration of UTF-8."""
    return (text.replace("</title>", "新</title>", 1)).encode("gb18030")


KINDS: dict[str, Damage] = {
    damage.__name__: damage
    for damage in (
        undefined_entity,
        bare_ampersand_in_text,
        bare_ampersand_in_link,
        control_characters,
        truncated,
        unclosed_field,
        unclosed_entry,
        wrong_nesting,
        undeclared_prefix,
        junk_before,
        junk_behind,
        unquoted_attributes,
        stray_bracket,
        invalid_bytes,
        wrong_charset,
    )
}


def damaged(feeds: int = 30) -> Iterator[tuple[str, bytes, list[Truth]]]:
    """Every kind of damage done to each of ``feeds`` feeds, with what can still be found."""
    for seed in range(feeds):
        text, truths = make(seed)
        for name, damage in KINDS.items():
            body = damage(text, random.Random(seed))
            yield name, body, truths[: _whole(body)] if name == "truncated" else truths


def _whole(body: bytes) -> int:
    """How many entries of a truncated document have title and link whole."""
    links = body.count(b"</link>") - 1
    return links if b"<rss" in body else body.count(b'<link rel="alternate"')
