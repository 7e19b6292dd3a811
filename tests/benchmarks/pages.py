"""How well and how fast headlines are found on real pages, beside a rival.

Precision and recall by hand-made labels (``tests/data/pages``): of the adapters on their
portals' pages, of guessing on pages that no adapter knows, and of guessing on the adapters'
pages as if there were none. ``kept`` is the half of the pages that was not looked at while
tuning. The rival takes every link of at least 8 characters, as simple scrapers do.
Milliseconds are processor time, the best of several rounds; ``large`` are those of the pages of
at least 300 KB, brought to 500 KB: below that, what every page costs counts for more.
``../shared`` (or HEADLINES_SHARED) must be there; ``--labels FILE`` takes other labels of the
same form.
"""

from __future__ import annotations

import argparse
import math
import statistics
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from urllib.parse import urljoin

from selectolax.lexbor import LexborHTMLParser

from monitor.errors import ParseError
from monitor.sources import adapters
from monitor.sources import page as reader
from tests.benchmarks.pagelabels import LABELS, Page, Score, read, score
from tests.benchmarks.parse import shared
from tests.benchmarks.report import show

Read = Callable[[Page], list[tuple[str, str]]]
_SHORTEST = 8
_LARGE = 300_000


def by_adapter(page: Page) -> list[tuple[str, str]]:
    """What this program takes from the page."""
    return _entries(page, reader.Options())


def guessed(page: Page) -> list[tuple[str, str]]:
    """What it takes when no adapter is asked."""
    return _entries(page, reader.Options(guess=True))


def _entries(page: Page, options: reader.Options) -> list[tuple[str, str]]:
    try:
        found = reader.parse(page.body, url=page.url, options=options)
    except ParseError:
        return []
    return [(entry.title, entry.url) for entry in found.entries]


def all_links(page: Page) -> list[tuple[str, str]]:
    """The rival: every link that has a text of some length."""
    found = {}
    for node in LexborHTMLParser(page.body.decode("utf-8", "replace")).css("a[href]"):
        title = " ".join(node.text(deep=True).split())
        if len(title) >= _SHORTEST:
            found[title, urljoin(page.url, node.attributes.get("href") or "")] = True
    return list(found)


def known(page: Page) -> bool:
    """Whether an adapter has a rule for the page."""
    return adapters.for_address(page.url) is not None


def measure(pages: Iterable[Page], take: Read) -> dict[str, object]:
    """Scores in all, of the kept half, and page by page."""
    total, kept, single = Score(), Score(), {}
    for page in pages:
        found = score(page, take(page))
        total.add(found)
        if not page.tuned:
            kept.add(found)
        single[page.name] = f"{found.precision:.2f} {found.recall:.2f} of {_there(found)}"
    return {**total.figures(), "kept": kept.figures(), "pages": single}


def _there(found: Score) -> int:
    return found.right + found.missed


def speed(pages: list[Page], rounds: int) -> dict[str, float]:
    """Milliseconds a page and a 500 KB page, medians over the pages."""
    figures = {}
    for name, take in (("ours", by_adapter), ("rival", all_links)):
        best = [math.inf] * len(pages)
        for _ in range(rounds):
            for place, page in enumerate(pages):
                started = time.process_time()
                take(page)
                best[place] = min(best[place], (time.process_time() - started) * 1000)
        half = [each / len(page.body) * 500_000 for each, page in zip(best, pages, strict=True)]
        figures[f"{name}_ms"] = statistics.median(best)
        figures[f"{name}_ms_per_500_kb"] = statistics.median(half)
        large = [each for each, page in zip(half, pages, strict=True) if len(page.body) > _LARGE]
        figures[f"{name}_large_ms"] = statistics.median(large or half)
        figures[f"{name}_worst_ms"] = max(best)
    return figures


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description="Reading pages, by labels made by hand")
    parser.add_argument("--quick", action="store_true", help="end within 60 seconds")
    parser.add_argument("--json", action="store_true", help="one JSON document")
    parser.add_argument("--labels", type=Path, default=LABELS, help="other labels")
    parser.add_argument("--errors", action="store_true", help="what was wrongly taken")
    chosen = parser.parse_args()
    pages = list(read(chosen.labels, shared() / "real" / "html"))
    portals = [page for page in pages if known(page)]
    others = [page for page in pages if not known(page)]
    if chosen.errors:
        for page in pages:
            for title in score(page, by_adapter(page)).errors:
                print(f"{page.name}: {title}")
        return
    figures = {
        "adapters": measure(portals, by_adapter),
        "guessed": measure(others, guessed),
        "guessed_portals": measure(portals, guessed),
        "rival": measure(pages, all_links),
        "speed": speed(pages, 2 if chosen.quick else 7),
    }
    show(figures, as_json=chosen.json)


if __name__ == "__main__":
    main()
