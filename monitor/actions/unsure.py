"""The queue of entries that the model is unsure of, in the order in which they teach."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.engine import Connection

from classifiers.asking import ask_first
from classifiers.taxonomy import read_taxonomy
from monitor.actions.correcting import say
from monitor.actions.opening import opened, sections_of, taxonomy_of
from monitor.config import Settings
from monitor.model import open_classifier
from monitor.service import utc_now
from monitor.storage import Database, corrections
from monitor.storage.corrections import Said

# Of so many of the newest entries, so many that are unsure are weighed against each other.
AMONG = 20_000
CANDIDATES = 1_000
NO_KEYS = "suq"
KEYS = "".join(key for key in "1234567890abcdefghijklmnopqrstuvwxyz" if key not in NO_KEYS)


@dataclass(frozen=True, slots=True)
class Question:
    """An entry to be asked about; ``section`` and ``runner_up`` are the model's guesses."""

    id: int
    title: str
    source: str
    first_seen_at: datetime
    section: str
    probability: float
    runner_up: str
    section_hint: str | None


def queue(settings: Settings, limit: int) -> list[Question]:
    """Up to ``limit`` unsure entries, the most telling first. Bounded work, whatever is stored."""
    with opened(settings) as database:
        rows = database.look(lambda each: corrections.unsure(each, AMONG, CANDIDATES))
    scorer = open_classifier(settings).scorer
    titles = [row["title"] for row in rows]
    now = utc_now()
    ages = [(now - row["first_seen_at"]).total_seconds() for row in rows]
    order = ask_first(titles, scorer.margins(titles), ages, limit)
    return [Question(**rows[at]) for at in order]


def keys_of(settings: Settings) -> dict[str, str]:
    """A key for each section, in the taxonomy's order; 33 sections at most have one."""
    known = sections_of(settings)
    ids = (taxonomy_of(settings) or read_taxonomy()).ids
    ordered = dict.fromkeys((*(each for each in ids if each in known), *known))
    return dict(zip(KEYS, ordered, strict=False))


def names_of(settings: Settings) -> dict[str, str]:
    """Each section's name as a person reads it: ``体育 Sports``."""
    taxonomy = taxonomy_of(settings) or read_taxonomy()
    return {each.id: f"{each.zh} {each.en}" for each in taxonomy.sections}


class Answers:
    """Writes each answer at once, and takes them back one by one."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._former: list[tuple[int, Said | None]] = []

    @property
    def count(self) -> int:
        """How many answers stand."""
        return len(self._former)

    def give(self, number: int, section: str) -> None:
        """Store an answer. Raises NotFound when the entry is gone by now."""

        def work(connection: Connection) -> Said | None:
            former = corrections.get(connection, number)
            say(connection, number, section)
            return former

        self._former.append((number, self._database.run(work)))

    def take_back(self) -> int | None:
        """Undo the last answer; the entry that it was about, or None when there is none."""
        if not self._former:
            return None
        number, former = self._former.pop()

        def work(connection: Connection) -> None:
            if former is None:
                corrections.withdraw(connection, number)
            else:
                corrections.store(connection, [former])

        self._database.run(work)
        return number
