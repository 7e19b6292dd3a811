"""Every real feed: no crash, no entry fewer than feedparser finds, no title of rubbish."""

from __future__ import annotations

import csv
import os
import re
import unicodedata
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from monitor.errors import ParseError
from monitor.sources import feed
from monitor.sources.decode import codec_name, decode
from monitor.sources.discover import from_page
from monitor.sources.opml import read_opml, write_opml
from monitor.types import ParsedFeed

pytestmark = pytest.mark.real
SHARED = Path(os.environ.get("HEADLINES_SHARED", Path(__file__).parents[3] / "shared"))
REAL = SHARED / "real"
# Titles that are one picture without alternative text: as plain text they are empty.
PICTURES = re.compile(r"feedparser/tests/wellformed/sanitize/entry_title_on\w+\.xml$")
# Written in UTF-8 that had been read as Latin-1 before: the rubbish is the document's own.
TWICE_ENCODED = "feeds/feedparser/tests/encoding/bozo_double-encoded-html.xml"
FOLDERS = {"cp949": "cp949", "euc-kr": "cp949", "tis-620": "cp874", "big5": "big5hkscs"}
# What Chinese, Cyrillic or accented Latin looks like in the wrong charset.
RUBBISH = re.compile(
    "\ufffd|锟斤拷|烫烫烫|[ÃÂÐÑ][\u0080-\u00bf]|â€|ï»¿|[\u00c0-\u00ff]{4,}|[\ue000-\uf8ff]{2,}"
    "|[\u0080-\u009f]"
)


@pytest.fixture(scope="module", autouse=True)
def _shared() -> None:
    if not REAL.is_dir():
        pytest.fail(
            f"{REAL} is missing: put the shared folder beside the clone or set HEADLINES_SHARED"
        )


def table(name: str) -> Iterator[dict[str, str]]:
    with (REAL / name).open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)


@cache
def outcome(path: str) -> ParsedFeed | ParseError:
    try:
        return feed.parse((REAL / path).read_bytes(), url="https://portal.example/feed.xml")
    except ParseError as error:
        return error


def feeds() -> list[str]:
    return [row["path"] for row in table("manifest.tsv") if row["kind"].startswith("feed")]


def test_hostile_25_every_feed_is_read_or_refused_in_words() -> None:
    outcomes = [outcome(path) for path in feeds()]
    assert len(outcomes) >= 2000
    assert all(str(found) for found in outcomes)


def test_hostile_25_no_entry_fewer_than_feedparser_finds() -> None:
    short = {}
    rows = list(table("feedparser_outcomes.tsv"))
    for row in rows:
        found = outcome(row["path"])
        titled = len(found.entries) if isinstance(found, ParsedFeed) else 0
        if titled < int(row["titled"] or 0) and not PICTURES.search(row["path"]):
            short[row["path"]] = (titled, row["titled"])
    explained = sum(bool(PICTURES.search(row["path"])) for row in rows)
    assert short == {}
    assert explained <= 0.01 * len(rows)


def test_hostile_25_no_title_is_mojibake() -> None:
    rubbish = {
        (path, entry.title)
        for path in feeds()
        if path != TWICE_ENCODED and isinstance(found := outcome(path), ParsedFeed)
        for entry in found.entries
        if RUBBISH.search(entry.title)
    }
    assert rubbish == set()


def test_hostile_25_titles_are_normal_one_line_and_bounded() -> None:
    for path in feeds():
        found = outcome(path)
        for entry in found.entries if isinstance(found, ParsedFeed) else ():
            assert 0 < len(entry.title) <= 1000
            assert len(entry.summary) <= 2000
            assert unicodedata.is_normalized("NFC", entry.title)
            assert not any(unicodedata.category(char) == "Cc" for char in entry.title), path
            assert not entry.url or entry.url.lower().startswith(("http://", "https://"))


def charset_files() -> list[tuple[Path, str]]:
    """Feeds that are known, by their folder, to be written in a charset."""
    found = []
    for folder in sorted((REAL / "feeds/chardet/tests").iterdir()):
        name = re.match(r"(?:windows|iso-8859)-\d+|[\w-]+", folder.name.lower())
        assert name
        codec = FOLDERS.get(name[0]) or codec_name(name[0])
        assert codec, folder
        found += [(path, codec) for path in sorted(folder.iterdir())]
    return found


def same(text: str, body: bytes, codec: str) -> bool:
    """Whether ``text`` is what ``codec`` makes of ``body``, in 99.5 % of foreign characters."""
    truth = [char for char in body.decode(codec, "ignore") if char > "\x7f"]
    found = [char for char in text if char > "\x7f"]
    if abs(len(truth) - len(found)) > 0.01 * len(truth):
        return False
    equal = sum(a == b for a, b in zip(truth, found, strict=False))
    return equal >= 0.995 * len(truth) or len(truth) != len(found)


def test_hostile_24_real_feeds_are_decoded_as_their_folder_says() -> None:
    wrong = [
        str(path)
        for path, codec in charset_files()
        if not same(decode(body := path.read_bytes()).text, body, codec)
    ]
    assert wrong == []


DECLARED = re.compile(rb"""(<\?xml[^>]*?)\s+encoding\s*=\s*["'][^"']*["']""")


@pytest.mark.parametrize("label", [None, b"utf-8", b"iso-8859-1", b"gb2312", b"big5"])
@pytest.mark.parametrize("header", [None, "utf-8", "iso-8859-1", "gbk", "big5"])
def test_hostile_24_real_chinese_feeds_under_every_label(
    label: bytes | None, header: str | None
) -> None:
    files = [item for item in charset_files() if item[1] in {"gb18030", "big5hkscs"}]
    assert len(files) >= 25
    new = rb"\1" if label is None else rb'\1 encoding="' + label + b'"'
    wrong = []
    for path, codec in files:
        body = DECLARED.sub(new, path.read_bytes(), count=1)
        if not same(decode(body, header).text, body, codec):
            wrong.append(path.name)
    assert wrong == []


def opml_files() -> list[Path]:
    return [*sorted((REAL / "opml").iterdir()), *sorted((REAL / "catalogue").glob("*.opml"))]


def test_hostile_34_real_subscription_lists_survive_a_round_trip() -> None:
    files = opml_files()
    assert len(files) >= 15
    for path in files:
        opml = read_opml(path.read_bytes())
        again = read_opml(write_opml(opml))
        assert opml.sources(), path
        assert again.root == opml.root, path
        assert again.sources() == opml.sources(), path


def test_the_list_in_gb18030_reads_like_the_one_in_utf8() -> None:
    chinese = read_opml((REAL / "catalogue/portal_feeds.gb18030.opml").read_bytes())
    assert (
        chinese.sources()
        == read_opml((REAL / "catalogue/portal_feeds.opml").read_bytes()).sources()
    )


def test_hostile_25_real_pages_can_be_searched_for_feeds() -> None:
    pages = sorted((REAL / "html").rglob("*.html"))
    assert len(pages) >= 50
    found = [
        candidate
        for page in pages
        for candidate in from_page(page.read_bytes(), "https://p.example/")
    ]
    assert "https://rss.sina.com.cn/news/marquee/ddt.xml" in {candidate.url for candidate in found}
