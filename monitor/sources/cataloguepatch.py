"""What a check found, written into the text of a catalogue file, and as a patch for it."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date

from monitor.stories.address import canonical_url

PATH = "monitor/sources/catalogue.toml"


@dataclass(frozen=True, slots=True)
class Finding:
    """What one fetched address gave: headlines, or the answer that it is gone (404, 410).

    ``moved`` is the address to which it redirects for good. What could not be reached, or
    was not understood, is no finding: that may be our end's fault.
    """

    url: str
    gone: bool = False
    moved: str = ""


def rewritten(text: str, findings: Iterable[Finding], today: date) -> str:
    """The catalogue with the findings in it; an entry is one line of it."""
    by_line = {f'url = "{finding.url}"': finding for finding in findings}
    known = {canonical_url(url) for url in re.findall(r'url = "([^"]+)"', text)}
    lines = []
    for line in text.splitlines(keepends=True):
        found = re.search(r'url = "[^"]+"', line)
        finding = by_line.get(found[0]) if found else None
        lines.append(_line(line, finding, today, known) if finding else line)
    return "".join(lines)


def diff(before: str, after: str) -> str:
    """A patch for ``git apply`` or ``patch -p1``; empty when nothing changed."""
    lines = difflib.unified_diff(
        before.splitlines(keepends=True),
        after.splitlines(keepends=True),
        f"a/{PATH}",
        f"b/{PATH}",
    )
    return "".join(lines)


def _line(line: str, finding: Finding, today: date, known: Collection[str]) -> str:
    state = re.search(r'state = "(\w+)"', line)
    if finding.gone:
        line = _set(line, "state", '"dead"')
    elif state and state[1] in {"old", "dead"}:
        line = _set(line, "state", '"off"')
    if finding.moved and canonical_url(finding.moved) not in known and '"' not in finding.moved:
        line = _set(line, "url", f'"{finding.moved}"')
    line = _set(line, "checked_on", today.isoformat())
    return _set(line, "checked_how", '"fetched"')


def _set(line: str, key: str, value: str) -> str:
    """An inline table's line with one key set, in its place or at its end."""
    assignment = f"{key} = {value}"
    changed, count = re.subn(
        rf'(?<=[{{,] ){key} = (?:"[^"]*"|[^\s,}}]+)', lambda _: assignment, line, count=1
    )
    return changed if count else re.sub(r"\s*\}(,?\s*)$", rf", {assignment} }}\1", line)
