"""How fast and how well feeds, pages and hot lists are read, beside feedparser, lxml and JMESPath.

Clean: well-formed feeds that hold at least one titled entry, feeds a second: the real ones
where ``../shared`` (or HEADLINES_SHARED) is there, else generated ones of 25 entries.
Damage: fifteen kinds of it done to thirty feeds; the share of entries whose title and link
are both right. Both readers get the same bytes.
Lists: hot lists a second, the real ones that hold anything, else generated ones of 50 topics;
beside JSON and the same JMESPath expressions alone, which neither know a list by its shape, nor
clean a title, nor make an address absolute.
Pages: pages a second, the real ones, else generated ones of 200 links; beside an extraction with
lxml in the manner of readability, which scores the blocks of a page by the text of their links.
How well pages are read has a benchmark of its own, ``pages``.
"""

from __future__ import annotations

import csv
import gc
import html
import json
import math
import os
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urljoin

import feedparser
import jmespath
import lxml.html
from lxml import etree

from monitor.errors import ParseError
from monitor.sources import adapters, feed, hotlist, page
from tests.benchmarks.damage import damaged, make
from tests.benchmarks.report import options, show

URL = "https://portal.example/feed.xml"
PAGE_URL = "https://portal.example/"
Pairs = set[tuple[str, str]]


def shared() -> Path:
    """The folder of real documents beside the clone."""
    beside = Path(__file__).parents[3] / "shared"
    return Path(os.environ.get("HEADLINES_SHARED", beside))


def clean_documents() -> list[bytes]:
    """Well-formed feeds with titled entries."""
    real = shared() / "real"
    outcomes = real / "feedparser_outcomes.tsv"
    if not outcomes.exists():
        return [make(seed)[0].encode() for seed in range(300)]
    with outcomes.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        names = [row["path"] for row in rows if row["bozo"] == "0" and int(row["titled"])]
    return [(real / name).read_bytes() for name in names]


def ours(body: bytes) -> Pairs:
    """Title and link of every entry, by this program."""
    try:
        return {(entry.title, entry.url) for entry in feed.parse(body, url=URL).entries}
    except ParseError:
        return set()


def theirs(body: bytes) -> Pairs:
    """The same by feedparser; titles with and without one more round of entities."""
    entries = feedparser.parse(body).entries
    titles = [" ".join(entry.get("title", "").split()) for entry in entries]
    links = [entry.get("link", "") for entry in entries]
    plain = [" ".join(html.unescape(title).split()) for title in titles]
    return {*zip(titles, links, strict=True), *zip(plain, links, strict=True)}


def seconds(read: Callable[[bytes], object], body: bytes) -> float:
    """Processor time to read ``body`` once."""
    started = time.process_time()
    read(body)
    return time.process_time() - started


def measure_clean(rounds: int) -> dict[str, float]:
    """Feeds a second: rounds of all documents by one reader, then by the other, as either
    would run; the best time of each document counts, since the machine may be shared."""
    bodies = clean_documents()
    best = {ours: [math.inf] * len(bodies), feedparser.parse: [math.inf] * len(bodies)}
    for _ in range(rounds):
        for read, times in best.items():
            gc.collect()
            for place, body in enumerate(bodies):
                times[place] = min(times[place], seconds(read, body))
    mine, other = (len(bodies) / sum(times) for times in best.values())
    return {"ours": mine, "feedparser": other, "ratio": mine / other, "feeds": len(bodies)}


def list_documents() -> list[bytes]:
    """Hot lists that hold topics."""
    real = sorted((shared() / "real" / "hotlists").rglob("*.json"))
    if not real:
        topics = [{"id": str(n), "title": f"话题第{n}号", "url": f"/t/{n}"} for n in range(50)]
        made = {"status": "success", "id": "x", "items": topics}
        return [json.dumps(made, ensure_ascii=False).encode()] * 50
    return [body for path in real if our_list(body := path.read_bytes())]


def our_list(body: bytes) -> int:
    """How many topics this program finds."""
    try:
        return len(hotlist.parse(body, url="https://list.example/api").entries)
    except ParseError:
        return 0


def bare_list(body: bytes) -> Callable[[bytes], object]:
    """JSON and JMESPath alone, told beforehand which expressions to use."""
    found = hotlist.parse(body, url="https://list.example/api")
    adapter = adapters.known()[found.format.partition(":")[2]]
    document = json.loads(body)
    shaped = (rule for rule in adapter.lists if hotlist.search(rule.items, document))
    rule = next(shaped, adapter.lists[0])
    items = jmespath.compile(rule.items)
    fields = [jmespath.compile(each) for each in (rule.title, rule.link, rule.heat) if each]

    def read(text: bytes) -> object:
        return [[each.search(item) for each in fields] for item in items.search(json.loads(text))]

    return read


def measure_lists(rounds: int) -> dict[str, float]:
    """Lists a second; the best time of each document counts."""
    bodies = list_documents()
    bare = [bare_list(body) for body in bodies]
    mine, other = ([math.inf] * len(bodies) for _ in range(2))
    for _ in range(rounds):
        for place, body in enumerate(bodies):
            mine[place] = min(mine[place], seconds(our_list, body))
            other[place] = min(other[place], seconds(bare[place], body))
    ours_a_s, theirs_a_s = (len(bodies) / sum(times) for times in (mine, other))
    return {
        "ours": ours_a_s,
        "jmespath": theirs_a_s,
        "ratio": ours_a_s / theirs_a_s,
        "lists": len(bodies),
    }


def page_documents() -> list[bytes]:
    """Pages of portals."""
    real = sorted((shared() / "real" / "html").rglob("*.html"))
    if real:
        return [path.read_bytes() for path in real]
    links = "".join(f"<li><a href='/news/{n}.html'>Headline {n} of the day</a>" for n in range(200))
    return [f"<html><body><ul>{links}</ul></body></html>".encode()]


def our_page(body: bytes) -> int:
    """Headlines of a page whose portal is not known, by this program."""
    try:
        found = page.parse(body, url=PAGE_URL, options=page.Options(guess=True))
    except ParseError:
        return 0
    return len(found.entries)


def scored_blocks(body: bytes) -> int:
    """Links of the blocks that lie above the page's mean score, a block being one parent's."""
    try:
        root = lxml.html.document_fromstring(body)
    except (etree.ParserError, ValueError):
        return 0
    blocks: dict[object, list[str]] = {}
    scores: dict[object, float] = {}
    for link in root.iter("a"):
        text = " ".join(link.text_content().split())
        above = link.getparent()
        block = above.getparent() if above is not None and len(above) == 1 else above
        if link.get("href") and text and block is not None:
            blocks.setdefault(block, []).append(urljoin(PAGE_URL, link.get("href")))
            scores[block] = scores.get(block, 0.0) + min(len(text), 40)
    mean = sum(scores.values()) / max(len(scores), 1)
    return sum(len(links) for block, links in blocks.items() if scores[block] >= mean)


def measure_pages(rounds: int) -> dict[str, float]:
    """Pages a second; the best time of each document counts."""
    bodies = page_documents()
    mine, other = ([math.inf] * len(bodies) for _ in range(2))
    for _ in range(rounds):
        for place, body in enumerate(bodies):
            mine[place] = min(mine[place], seconds(our_page, body))
            other[place] = min(other[place], seconds(scored_blocks, body))
    ours_a_s, theirs_a_s = (len(bodies) / sum(times) for times in (mine, other))
    return {
        "ours": ours_a_s,
        "lxml": theirs_a_s,
        "ratio": ours_a_s / theirs_a_s,
        "pages": len(bodies),
    }


def measure_damage(feeds: int) -> dict[str, object]:
    """Shares of entries right, in all and for each kind."""
    right: dict[str, list[int]] = {}
    for kind, body, truths in damaged(feeds):
        counts = right.setdefault(kind, [0, 0, 0])
        for place, found in enumerate((ours(body), theirs(body))):
            counts[place] += sum((truth.title, truth.link) in found for truth in truths)
        counts[2] += len(truths)
    total = sum(counts[2] for counts in right.values())
    kinds = {
        kind: {"ours": mine / of, "feedparser": other / of}
        for kind, (mine, other, of) in right.items()
    }
    return {
        "ours": sum(counts[0] for counts in right.values()) / total,
        "feedparser": sum(counts[1] for counts in right.values()) / total,
        "entries": total,
        "kinds": kinds,
    }


def main() -> None:
    """Print the tables."""
    chosen = options("Reading feeds, pages and hot lists, beside feedparser, lxml and JMESPath")
    figures = {
        "clean": measure_clean(rounds=3 if chosen.quick else 6),
        "lists": measure_lists(rounds=3 if chosen.quick else 10),
        "pages": measure_pages(rounds=2 if chosen.quick else 5),
        "damage": measure_damage(feeds=6 if chosen.quick else 30),
    }
    show(figures, as_json=chosen.json)


if __name__ == "__main__":
    main()
