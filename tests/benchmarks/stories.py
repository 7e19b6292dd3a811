"""Story grouping: time an entry against a full window, memory, and how stable it is.

Titles are recombined from the words of the project's own headlines, with two invented names each,
so that a window of three days can be filled; one in seven is an edited copy of an earlier one.
``us_per_entry`` is processor time for all of it: grams, candidates, comparing, adding; beside it
stands that with the window in Python, which serves where no C compiler was. ``naive``
compares the grams of each title with those of 300 others, which is what a loop would do.
``pairs_found``: of the labelled pairs that are told the same when compared, the share that the
window brings together, the first title being one of its last 60,000.

``reading``: what a second reader costs, where one is installed (docs/stories.md): how many pairs an
entry of such a window it is asked for, milliseconds of processor time for a pair, and for an entry
that a rule matches; no other is read, unless rules ask how stories stand.

Stability: the same stream is told in other orders to a story book on SQLite; of all pairs that
are together in any order, the share that is not together in the other one.
"""

from __future__ import annotations

import itertools
import json
import random
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest import mock

from monitor.storage import Database, entries, migrate, sources
from monitor.storage.entries import NewEntry
from monitor.storage.schema import microseconds
from monitor.storage.sources import NewSource
from monitor.stories import reading
from monitor.stories.compare import compare
from monitor.stories.compiled import CompiledWindow, new_window
from monitor.stories.heat import Newcomer
from monitor.stories.window import Window
from monitor.stories.wording import _said as said_of
from monitor.stories.wording import grams, wording
from monitor.storybook import StoryBook
from tests.benchmarks.report import options, show

ROOT = Path(__file__).parents[2]
NOW = datetime(2026, 3, 1, tzinfo=UTC)
COPIES = 7
# A daemon loads its words and trees once in its life: so many entries come before the clock runs.
WARMING, MEASURED = 300, 3_000


def headlines() -> list[str]:
    """The headlines that the starter model is trained on."""
    found = []
    for path in sorted((ROOT / "training_data" / "headlines").glob("*.txt")):
        lines = path.read_text("utf-8").splitlines()
        found += [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    return found


def stream(rng: random.Random, size: int) -> Iterator[tuple[str, int]]:
    """``size`` titles, each with the place of the one that it is a copy of (else its own)."""
    words, slices = pieces()
    latin, han = names(rng)
    told: list[tuple[str, int]] = []
    for at in range(size):
        if told and at % COPIES == 0:
            title, first = rng.choice(told[-5_000:])
            told.append((edited(rng, title), first))
        elif at % 2:
            told.append((" ".join((*rng.choices(latin, k=2), *rng.choices(words, k=8))), at))
        else:
            told.append(("".join((*rng.choices(han, k=2), *rng.choices(slices, k=6))), at))
        yield told[-1]


def names(rng: random.Random) -> tuple[list[str], list[str]]:
    """Invented names, 60,000 of each language: headlines are about somebody."""
    parts = [a + b for a in "bdfgklmnprstvz" for b in ("a", "e", "i", "o", "u", "an", "er", "il")]
    latin = ["".join(rng.choices(parts, k=3)).capitalize() for _ in range(60_000)]
    signs = sorted(
        {char for title in headlines() for char in title if "\u4e00" <= char <= "\u9fff"}
    )
    return latin, ["".join(rng.choices(signs, k=3)) for _ in range(60_000)]


def pieces() -> tuple[list[str], list[str]]:
    """English words, and parts of three Chinese characters, as often as headlines have them."""
    words: list[str] = []
    slices: list[str] = []
    for title in headlines():
        if title.isascii():
            words += title.split()
        else:
            slices += [title[at : at + 3] for at in range(0, len(title) - 2, 3)]
    return words, slices


def edited(rng: random.Random, title: str) -> str:
    """A copy as portals make it: framed, shortened, or with a word moved."""
    way = rng.randrange(4)
    if way == 0:
        return f"快讯｜{title}" if not title.isascii() else f"BREAKING: {title}"
    if way == 1:
        return f"{title}_新闻频道" if not title.isascii() else f"{title} - World"
    if way == 2:
        return title.replace("，", " ").replace("宣布", "公布")
    return title + ("（图）" if not title.isascii() else " (video)")


def measure_window(size: int) -> dict[str, float]:
    """Fill a window of ``size`` entries, then time further ones."""
    told = [title for title, _ in stream(random.Random(1), size + WARMING + MEASURED)]
    first_of = [first for _, first in stream(random.Random(1), size + WARMING + MEASURED)]
    before = resident_mb()
    window = fill(new_window(size), told[:size])
    memory = resident_mb() - before
    us, near = timed(window, told)
    plain_us, _ = timed(fill(Window(size), told[:size]), told)
    found = {
        number: [other for other in others if compare(told[number], told[other]).same]
        for number, others in near.items()
    }
    copies = [number for number in found if first_of[number] != number]
    right = sum(any(first_of[o] == first_of[number] for o in found[number]) for number in copies)
    false = sum(
        all(first_of[o] != first_of[number] for o in others)
        for number, others in found.items()
        if others
    )
    return {
        "entries": size,
        "us_per_entry": us,
        "us_per_entry_in_python": plain_us,
        "compared_per_entry": sum(map(len, near.values())) / MEASURED,
        "copies_found": right / max(len(copies), 1),
        "wrongly_joined": false / MEASURED,
        "pairs_found": measure_candidates(told[:size]),
        "mb": memory,
    }


AnyWindow = Window | CompiledWindow


def fill(window: AnyWindow, titles: Sequence[str]) -> AnyWindow:
    """Add titles, each by its place."""
    for number, title in enumerate(titles):
        window.add(number, number, grams(title))
    return window


def timed(window: AnyWindow, titles: Sequence[str]) -> tuple[float, dict[int, list[int]]]:
    """Microseconds of processor time that an entry behind those of the window takes, and what
    was near each; caches are as empty as for titles that were never told."""
    for cached in (grams, wording, said_of):
        cached.cache_clear()
    found: dict[int, list[int]] = {}
    started, begin = 0.0, len(window) + WARMING
    for number in range(len(window), len(titles)):
        if number == begin:
            started = time.process_time()
        title = titles[number]
        rare = grams(title)
        near = window.near(rare, 0)
        for other in near:
            compare(title, titles[other])
        window.add(number, number, rare)
        if number >= begin:
            found[number] = near
    return (time.process_time() - started) / MEASURED * 1e6, found


def labelled() -> list[dict[str, Any]]:
    """The labelled pairs."""
    folder = ROOT / "tests" / "data" / "stories"
    files = sorted(folder.glob("*.jsonl"))
    return [json.loads(line) for path in files for line in path.read_text("utf-8").splitlines()]


def measure_candidates(titles: Sequence[str]) -> float:
    """The share of pairs told the same that a window of ``titles`` and them brings together."""
    pairs = [each for each in labelled() if compare(each["a"], each["b"]).same]
    window, number, kept = new_window(2 * len(titles)), 0, list[int]()
    places = random.Random(4).sample(range(max(len(titles) - 60_000, 0), len(titles)), len(pairs))
    first = dict(zip(sorted(places), pairs, strict=True))
    for at, title in enumerate(titles):
        number += 1
        window.add(number, number, grams(title))
        if at in first:
            number += 1
            window.add(number, number, grams(first[at]["a"]))
            kept.append(number)
    found = zip(kept, first.values(), strict=True)
    return sum(told in window.near(grams(pair["b"]), 0) for told, pair in found) / len(pairs)


def resident_mb() -> float:
    """Resident memory of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 1e6


def measure_naive(count: int = 300) -> float:
    """Microseconds to compare one title's grams with those of ``count`` others."""
    titles = [title for title, _ in stream(random.Random(2), 2 * count)]
    known = [frozenset(grams(title)) for title in titles[:count]]
    started = time.process_time()
    for title in titles[count:]:
        mine = frozenset(grams(title))
        max(len(mine & other) / max(len(mine | other), 1) for other in known)
    return (time.process_time() - started) / count * 1e6


def told_in_order(told: Sequence[tuple[int, str]], portals: int) -> dict[int, int]:
    """The story of each title when they are told in this order, on a fresh SQLite database."""
    with tempfile.TemporaryDirectory() as folder:
        database = Database(f"sqlite:///{folder}/stories.db")
        migrate.ensure(database)
        with database.write() as connection:
            new = [NewSource(f"https://portal{at}.example/") for at in range(portals)]
            sources.add_many(connection, new, NOW)
        book, story_of, label_of = StoryBook(), dict[int, int](), dict[int, int]()
        for start in range(0, len(told), 50):
            batch = told[start : start + 50]
            now = NOW + timedelta(minutes=start // 50)
            with database.write() as connection:
                first = entries.allocate(connection, len(batch))
                new_entries = [
                    Newcomer(first + at, title, "", f"p{label % portals}", "world", None, now)
                    for at, (label, title) in enumerate(batch)
                ]
                placed = book.place(connection, new_entries, now)
                rows = [row(each, placed[each.id].story_id, label % portals + 1)
                        for each, (label, _) in zip(new_entries, batch, strict=True)]  # fmt: skip
                entries.insert_many(connection, rows, [])
            label_of.update(
                {each.id: label for each, (label, _) in zip(new_entries, batch, strict=True)}
            )
        with database.read() as connection:
            from sqlalchemy import select

            from monitor.storage.schema import entry

            for number, story in connection.execute(select(entry.c.id, entry.c.story_id)):
                story_of[label_of[number]] = story
        database.close()
    return story_of


def row(each: Newcomer, story: int, source: int) -> NewEntry:
    """An entry as a poll stores it."""
    return NewEntry(
        id=each.id, source_id=source, title=each.title, title_cut=False, url="", guid=None,
        author=None, summary="", categories="[]", rank=None, language="zh", section_hint=None,
        published_at=None, first_seen_at=microseconds(each.at), section=each.section,
        probability=0.9, runner_up="tech", unsure=False, release="r", story_id=story,
    )  # fmt: skip


def together(story_of: dict[int, int]) -> set[tuple[int, int]]:
    """Every two titles of one story."""
    groups = defaultdict(list)
    for label, story in story_of.items():
        groups[story].append(label)
    return {pair for each in groups.values() for pair in itertools.combinations(sorted(each), 2)}


def measure_stability(orders: int, every: int) -> dict[str, float]:
    """Tell every so manieth labelled pair, and edited copies of it, in several orders."""
    rng = random.Random(3)
    titles: list[str] = []
    for pair in labelled()[::every]:
        titles += [pair["a"], pair["b"], edited(rng, pair["a"]), edited(rng, pair["b"])]
    told = list(enumerate(titles))
    started = time.process_time()
    first = together(told_in_order(told, 40))
    seconds = time.process_time() - started
    changed = []
    for _ in range(orders):
        rng.shuffle(told)
        other = together(told_in_order(told, 40))
        changed.append(len(first ^ other) / len(first | other))
    return {
        "titles": len(titles),
        "pairs_together": len(first),
        "changed_mean": sum(changed) / len(changed),
        "changed_most": max(changed),
        "us_per_entry_with_database": seconds / len(titles) * 1e6,
    }


def measure_reading(size: int = 30_000, most: int = 100) -> dict[str, float]:
    """Pairs in doubt for an entry behind a window of ``size``, and the time to read one."""
    told = [title for title, _ in stream(random.Random(1), size + WARMING + MEASURED)]
    reader, pairs = reading.Reader(), list[tuple[str, str]]()
    with mock.patch.object(reading, "weigh", lambda total, *pair: doubted(pairs, total, pair)):
        timed(fill(new_window(size), told[:size]), told)
    reader.margin("one", "another")  # the model is loaded once in the life of a process
    started = time.process_time()
    for one, other in pairs[:most]:
        reader.margin(one, other)
    spent = time.process_time() - started
    per_entry = len(pairs) / (WARMING + MEASURED)
    ms = spent / max(len(pairs[:most]), 1) * 1e3
    return {"pairs_per_entry": per_entry, "ms_per_pair": ms, "ms_per_matched_entry": per_entry * ms}


def doubted(pairs: list[tuple[str, str]], total: float, pair: tuple[str, str]) -> float:
    """Note a pair that would be read, and leave its sum as it is."""
    if abs(total) <= reading.DOUBT:
        pairs.append(pair)
    return total


def main() -> None:
    """Parse, run, print."""
    chosen = options(__doc__ or "")
    sizes = (30_000,) if chosen.quick else (30_000, 300_000)
    figures = {
        "window": {str(size): measure_window(size) for size in sizes},
        "naive_us_per_entry": measure_naive(),
        "reading": measure_reading(),
        "stability": measure_stability(*((1, 8) if chosen.quick else (4, 1))),
    }
    show(figures, as_json=chosen.json)


if __name__ == "__main__":
    main()
