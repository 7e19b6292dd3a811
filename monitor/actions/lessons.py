"""What a retraining learns from: corrections, corpora, and what sources say of themselves."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

from classifiers.errors import CorpusError
from classifiers.examples import Example
from classifiers.taxonomy import Taxonomy, read_taxonomy
from monitor.actions.corpora import DECLARED_LIMIT, FORMAT, register_database
from monitor.actions.opening import opened, taxonomy_of
from monitor.config import Settings
from monitor.hints.trust import DOUBT
from monitor.storage import Database, corrections, hints
from monitor.storage.corrections import Declared

if TYPE_CHECKING:
    from classifiers.corpus import Labels

# As often as this does a correction count, so that it outweighs what the model believed.
CORRECTION_WEIGHT = 30.0
# A correction says more of a source than a sure answer of the model, which may be wrong.
CORRECTION_VOTES = 10.0
# What is believed of a source before anything is known, and for how many answers it stands.
BELIEF, BELIEF_VOTES = 0.8, 5.0
MOST_SURE_VOTES = 200.0
# A source that is right less often than this teaches nothing good.
LEAST_AGREEMENT = 0.4
HINTED_LIMIT = 100_000


@dataclass(frozen=True, slots=True)
class Agreement:
    """How often what a source declares is right, as far as corrections and sure answers tell:
    its examples' ``weight``, 0 where it is not listened to."""

    source: str
    titles: int
    corrections: int
    sure: int
    agreement: float
    weight: float


@dataclass(frozen=True, slots=True)
class Lessons:
    """``own`` is the project's, ``more`` is from corpora and feeds. ``dropped`` corrections
    name sections that there are no more."""

    own: list[Example]
    corrected: list[Example]
    more: list[Example]
    feeds: list[Agreement] = field(default_factory=list)
    dropped: int = 0


def gather(
    settings: Settings,
    specs: Sequence[str],
    *,
    base: str,
    from_feeds: bool,
    labels: Labels = "sections",
) -> Lessons:
    """Read everything. With ``native`` labels the corpora's own are the sections, and the
    project's own data, which has others, is left out. Raises CorpusError, StorageError.
    """
    from classifiers import corpus

    register_database(settings)
    taxonomy = taxonomy_of(settings)
    own = [] if labels == "native" else corpus.load(base, "sections", taxonomy)
    more = [each for spec in specs for each in corpus.load(spec, labels, taxonomy)]
    if labels == "native":
        _check_native(more, taxonomy, settings)
    known = sections_known(taxonomy, (*own, *more))
    with opened(settings) as database:
        corrected, dropped = corrections_of(database, known)
        found, feeds = declared_of(database, known) if from_feeds else ([], [])
        hinted = hinted_of(database, known) if from_feeds else []
    return Lessons(own, corrected, [*more, *found, *hinted], feeds, dropped)


def _check_native(more: Iterable[Example], taxonomy: Taxonomy | None, settings: Settings) -> None:
    for each in more:
        if taxonomy and each.label not in taxonomy.ids:
            path, _, line = each.origin.rpartition(":")
            raise CorpusError(
                f"{each.label!r} is no section of {settings.classifier.sections}; add it there, "
                "or use a mapping file (FORMAT:PATH#MAPPING)",
                path,
                int(line) if line.isdecimal() else 0,
            )


def sections_known(taxonomy: Taxonomy | None, examples: Iterable[Example]) -> Taxonomy:
    """The user's taxonomy; else the default one, with what else examples are labelled."""
    if taxonomy:
        return taxonomy
    default = read_taxonomy()
    labels = {each.label: each.label for each in examples}
    return replace(default, names={**default.names, **labels})


def corrections_of(database: Database, known: Taxonomy) -> tuple[list[Example], int]:
    """The latest word on each title, with its weight; and how many name no section of now."""
    from classifiers.text import identity_key

    latest: dict[str, Example] = {}
    dropped = 0
    with database.read() as connection:
        for number, row in enumerate(corrections.examples(connection), 1):
            section = known.find(row.section)
            dropped += section is None
            if section:
                latest[identity_key(row.title)] = Example(
                    row.title, section, CORRECTION_WEIGHT,
                    _origin("corrections", number), group=_story(row.story_id),
                )  # fmt: skip
    return list(latest.values()), dropped


def declared_of(database: Database, known: Taxonomy) -> tuple[list[Example], list[Agreement]]:
    """Entries whose source declares a section, weighted by how far it is to be believed."""
    with database.read() as connection:
        rows = list(corrections.declared(connection, DECLARED_LIMIT))
    rows = [row._replace(declared=found) for row in rows if (found := known.find(row.declared))]
    by_source: dict[int, list[Declared]] = defaultdict(list)
    for row in rows:
        by_source[row.source_id].append(row)
    believed = {number: agreement_of(found, known) for number, found in by_source.items()}
    made = [
        Example(
            row.title, row.declared, believed[row.source_id].weight, _origin("feeds", number),
            group=_story(row.story_id), at=row.first_seen_at.timestamp(),
        )
        for number, row in enumerate(rows, 1)
        if row.corrected is None and believed[row.source_id].weight
    ]  # fmt: skip
    return made, list(believed.values())


def hinted_of(database: Database, known: Taxonomy) -> list[Example]:
    """Entries without a declared section of which their address or category says one,
    weighted by the trust in that (monitor.hints.trust); below a half they teach nothing."""
    with database.read() as connection:
        trust = hints.known(connection).trust
        rows = [
            (row, known.find(row.section)) for row in hints.taught(connection, trust, HINTED_LIMIT)
        ]
    return [
        Example(
            row.title, section, round(row.trust, 2), _origin("feeds", number),
            group=_story(row.story_id), at=row.first_seen_at.timestamp(),
        )
        for number, (row, section) in enumerate(rows, 1)
        if section and row.trust >= DOUBT
    ]  # fmt: skip


def agreement_of(rows: Sequence[Declared], known: Taxonomy) -> Agreement:
    """The share of a source's declarations that corrections and sure answers agree with."""
    corrected = [row for row in rows if row.corrected is not None]
    sure = [row for row in rows if row.corrected is None and not row.unsure]
    right = sum(known.find(row.corrected or "") == row.declared for row in corrected)
    alike = sum(known.find(row.section) == row.declared for row in sure)
    share = min(1.0, MOST_SURE_VOTES / len(sure)) if sure else 0.0
    votes = BELIEF_VOTES + CORRECTION_VOTES * len(corrected) + share * len(sure)
    agreed = BELIEF * BELIEF_VOTES + CORRECTION_VOTES * right + share * alike
    found = agreed / votes
    return Agreement(
        source=rows[0].source,
        titles=len(rows),
        corrections=len(corrected),
        sure=len(sure),
        agreement=round(found, 4),
        weight=round(found, 2) if found >= LEAST_AGREEMENT else 0.0,
    )


def _origin(kind: Literal["corrections", "feeds"], number: int) -> str:
    return f"{FORMAT}/{kind}/row:{number}"


def _story(number: int | None) -> str:
    return f"story/{number}" if number is not None else ""
