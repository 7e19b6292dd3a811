"""Stored entries are scored again when another release serves: newest first, bit by bit.

Nothing is alerted because of it. Which entries are done stands in the entries themselves
(the release that scored them), so a crash costs one look through the recent ones.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy.engine import Connection

from monitor.hints.trust import Trust
from monitor.model import Classifier
from monitor.storage import Database, rescores
from monitor.storage.rescores import Place, Recent
from monitor.telemetry import logger
from monitor.trustbook import TrustBook

log = logger("rescore")
RECENT = timedelta(days=7)
LOOK_AT = 2_000  # entries looked at in one step
WRITE = 250  # and scored again at most


@dataclass(slots=True)
class Rescoring:
    """How far a release has come. ``step`` does a little; a step without work is one comparison.

    Two passes: what was being stored while the release changed is found by the second.
    """

    release: str = ""
    place: Place | None = None
    passes: int = 2
    changed: int = 0
    trust: TrustBook = field(default_factory=TrustBook)

    def step(
        self,
        database: Database,
        classifier: Classifier,
        now: datetime,
        names: Mapping[str, str] | None = None,
    ) -> int:
        """Score some entries again; how many. ``names`` are what the classifier calls sections.
        Raises StorageError."""
        release = classifier.scorer.release
        if release != self.release:
            # At the start everything may have been scored by this release already: one look tells.
            self.release, self.place, self.passes, self.changed = release, None, 2, 0
        if not self.passes:
            return 0
        since = now - RECENT
        found = database.look(lambda each: rescores.recent(each, since, self.place, LOOK_AT))
        old = [row for row in found if row.release != release][:WRITE]
        trust = database.look(lambda each: self.trust.trust(each, now))
        done = rescore(database, classifier, old, trust, names) if old else 0
        self._move_on(found, old)
        self.changed += done
        if not self.passes and self.changed:
            log.info("release %s has scored %d recent entries again", release, self.changed)
        return done

    def _move_on(self, found: Sequence[Recent], old: Sequence[Recent]) -> None:
        """To the last entry that is surely done; at the end, to the next pass."""
        if len(old) == WRITE:
            self.place = old[-1].place
        elif len(found) == LOOK_AT:
            self.place = found[-1].place
        else:
            self.place, self.passes = None, self.passes - 1


def rescore(
    database: Database,
    classifier: Classifier,
    rows: Sequence[Recent],
    trust: Trust,
    names: Mapping[str, str] | None = None,
) -> int:
    """Write what the live release says of ``rows``, unless they changed meanwhile."""
    predictions = classifier([row.title for row in rows])
    pairs = list(zip(rows, predictions, strict=True))

    def work(connection: Connection) -> int:
        return rescores.write(connection, pairs, trust, names)

    return database.run(work)
