"""Labels of real pages, and what a reader's entries are worth by them.

A label file has one JSON object a page: ``page`` (below ``real/html``), ``sha256`` (its first
16 digits), ``url`` (the page's address, or one of its kind where it is not known), ``own``,
``true``, ``neutral``. A link is named by its position among all ``<a>`` elements of the tree
that an HTML5 parser builds, from 0. ``true`` holds ``[position, hash, …]``: the headline that
a reader sees there, in each spelling that counts (cut and whole). ``neutral`` holds positions
of what counts neither way: galleries, videos, specials, columns, forum posts. All other links
are wrong. ``own`` is the hash of a story page's ``<h1>``, "" where its headline stands in no
``<h1>`` and counts neither way, null where the page is no story. A hash is that of
``fingerprint``; no text of a page is in the file.
"""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

from selectolax.lexbor import LexborHTMLParser

_TRACKERS = re.compile(r"[?&](?:f|s|from|spm|scm|_f|rank|clickfrom|ref)=[^&]*")
LABELS = Path(__file__).parents[1] / "data" / "pages" / "labels.jsonl"


@dataclass(frozen=True, slots=True)
class Page:
    """A labelled page and its bytes. ``tuned``: it may be looked at while tuning."""

    name: str
    url: str
    body: bytes
    tuned: bool
    own: str | None
    stories: dict[str, int]  # a true headline's fingerprint → its story
    links: dict[str, int]  # a true link's address → its story
    neutral: frozenset[str]  # fingerprints and addresses


@dataclass(slots=True)
class Score:
    """Counts of headlines; ``errors`` are the titles that were wrong."""

    right: int = 0
    wrong: int = 0
    missed: int = 0
    errors: list[str] = field(default_factory=list)

    def add(self, other: Score) -> None:
        """Add another page's counts."""
        self.right += other.right
        self.wrong += other.wrong
        self.missed += other.missed

    @property
    def precision(self) -> float:
        """The share of what was taken that is a headline; 1 where nothing was taken."""
        taken = self.right + self.wrong
        return self.right / taken if taken else 1.0

    @property
    def recall(self) -> float:
        """The share of the headlines that was taken; 1 where there are none."""
        there = self.right + self.missed
        return self.right / there if there else 1.0

    def figures(self) -> dict[str, float | int]:
        """What a report shows."""
        return {
            "precision": self.precision,
            "recall": self.recall,
            "headlines": self.right + self.missed,
            "wrong": self.wrong,
            "missed": self.missed,
        }


def fingerprint(title: str) -> str:
    """The hash of a title: without white space, width and case."""
    plain = unicodedata.normalize("NFKC", title).casefold()
    plain = re.sub(r"[\s\u200b\ufeff]+", "", plain)
    return hashlib.sha256(plain.encode()).hexdigest()[:8]


def address(url: str) -> str:
    """What two spellings of a story's address have in common."""
    bare = url.partition("#")[0].lower()
    return _TRACKERS.sub("", bare.partition("://")[2] or bare).rstrip("/")


def read(labels: Path, folder: Path) -> Iterator[Page]:
    """The labelled pages below ``folder``. Raises ValueError for a page of other bytes."""
    for line in labels.read_text("utf-8").splitlines():
        row = json.loads(line)
        body = (folder / row["page"]).read_bytes()
        if not hashlib.sha256(body).hexdigest().startswith(row["sha256"]):
            raise ValueError(f"{row['page']} is not the page that was labelled")
        yield _page(row, body)


def _page(row: dict[str, Any], body: bytes) -> Page:
    nodes = LexborHTMLParser(body.decode("utf-8", "replace")).css("a")
    hrefs = [urljoin(row["url"], (node.attributes.get("href") or "").strip()) for node in nodes]
    true = {place: hashes for place, *hashes in row["true"]}
    stories, links = _stories(true, hrefs)
    neutral: set[str] = set()
    for place in row["neutral"]:
        node = nodes[place]
        image = node.css_first("img[alt]")
        texts = [node.text(deep=True), node.attributes.get("title")]
        texts.append(image.attributes.get("alt") if image else "")
        neutral |= {fingerprint(text) for text in texts if text and text.strip()}
        neutral.add(address(hrefs[place]))
    return Page(
        name=row["page"],
        url=row["url"],
        body=body,
        tuned=int(row["sha256"], 16) % 2 == 0,
        own=row["own"],
        stories=stories,
        links=links,
        neutral=frozenset(neutral),
    )


def _stories(true: dict[int, list[str]], hrefs: list[str]) -> tuple[dict[str, int], dict[str, int]]:
    """Links of one address or of one title are one story."""
    stories: dict[str, int] = {}
    links: dict[str, int] = {}
    for place, hashes in true.items():
        link = address(hrefs[place])
        known = {links.get(link), *map(stories.get, hashes)} - {None}
        story = min((each for each in known if each is not None), default=place)
        for table in (stories, links):
            table.update({key: story for key, value in table.items() if value in known})
        links[link] = story
        stories.update(dict.fromkeys(hashes, story))
    return stories, links


def score(page: Page, entries: Iterable[tuple[str, str]]) -> Score:
    """What titles with their addresses are worth on ``page``."""
    found: dict[int, bool] = defaultdict(bool)
    result = Score()
    own = False
    for title, url in entries:
        mark, link = fingerprint(title), address(url)
        if page.own is not None and link == address(page.url):
            own = own or mark == page.own
            if mark in page.stories:
                found[page.stories[mark]] = True
            elif mark == page.own:
                continue
            elif page.own and mark not in page.neutral:
                result.wrong += 1
                result.errors.append(title)
        elif mark in page.stories:
            found[page.stories[mark]] = True
        elif mark not in page.neutral and (link not in page.neutral or link in page.links):
            result.wrong += 1
            result.errors.append(title)
    there = set(page.stories.values())
    result.right = len(found) + own
    result.missed = len(there) - len(found) + (bool(page.own) and not own)
    return result
