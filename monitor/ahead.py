"""What is done before entries are stored, so that nobody waits for it while they are: pairs of
titles that are in doubt are read.

It takes some 20 ms a pair, and only alerts are the better for it: so a pair is read where a rule
matches one of its titles.
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

# What a story that is not known yet may be to a rule: told for the first time, or everywhere.
NEW = Placed(0)
FAMOUS = Placed(0, first=False, portals=10**6, heat=1e9, burst=1e9)


def read_doubtful(
    database: Database,
    stories: StoryBook,
    drafts: Sequence[store.Draft],
    book: RuleBook,
    now: datetime,
) -> None:
    """Read what is in doubt about the entries that rules match, where anybody reads."""
    if not (reading.is_used() and book.rules):
        return
    loud = [draft for draft in drafts if not draft.update.silent]
    asked = [[store.subject(draft, placed, now) for draft in loud] for placed in (NEW, FAMOUS)]
    hits = [book.matcher.match_many(subjects) for subjects in asked]
    told = [
        (draft.parsed.title, draft.parsed.url)
        for draft, *found in zip(loud, *hits, strict=True)
        if any(found)
    ]
    if told:
        storybook.read_ahead(database, stories, told, now)
