"""What is done before entries are stored, so that nobody waits for it while they are: pairs of
titles that are in doubt are read.

It takes some 20 ms a pair, and only alerts are the better for it: so a pair is read where a rule
matches the new title. Where rules ask how stories stand, or follow up on them, any title may be the
one that a story lacked.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from monitor import store, storybook
from monitor.rulebook import RuleBook
from monitor.storage import Database
from monitor.stories import reading
from monitor.storybook import StoryBook
from monitor.types import Placed


def read_doubtful(
    database: Database,
    stories: StoryBook,
    drafts: Sequence[store.Draft],
    book: RuleBook,
    now: datetime,
) -> None:
    """Read what is in doubt about new entries that may alert, where anybody reads."""
    if not (book.rules and reading.has_time()):
        return
    new = [draft for draft in drafts if not draft.update.silent and draft.revised is None]
    subjects = [store.subject(draft, Placed(0), now) for draft in new]
    hits = book.matcher.match_many(subjects)
    told = [(bool(hit), draft.parsed) for draft, hit in zip(new, hits, strict=True)]
    told.sort(key=lambda each: not each[0])  # what matches comes first
    asked = [(it.title, it.url) for matches, it in told if matches or book.watches_stories]
    if asked:
        storybook.read_ahead(database, stories, asked, now)
