"""What the demonstration prints, and what it has seen so far."""

from __future__ import annotations

import sys
import threading
import time
from collections import Counter
from collections.abc import Sequence
from typing import Any

from monitor.pipeline import PollReport
from monitor.store import Headline
from monitor.telemetry import escape

SHOWN_AT_ONCE = 12


class Screen:
    """Prints one line an event; threads may call it. ``awaited`` is the headline to follow."""

    def __init__(self, awaited: str) -> None:
        self._awaited = awaited
        self._lock = threading.Lock()
        self._classified = 0
        self._matched = False
        self._hook_ids: Counter[str] = Counter()
        self._awaited_hooks = 0
        self._awaited_mails = 0
        self._baseline_sources: set[str] = set()
        self.mails = 0
        self.hooks = 0

    @property
    def baselines(self) -> int:
        """How many sources have had their first poll stored."""
        with self._lock:
            return len(self._baseline_sources)

    def say(self, text: str) -> None:
        """One line with the time."""
        with self._lock:
            self._print(text)

    def _print(self, text: str) -> None:
        sys.stdout.write(f"{time.strftime('%H:%M:%S')}  {escape(text)}\n")
        sys.stdout.flush()

    def on_headlines(self, headlines: Sequence[Headline]) -> None:
        """New headlines: source, section, probability, matched rules."""
        with self._lock:
            for headline in headlines:
                self._note(headline)
            for headline in headlines[:SHOWN_AT_ONCE]:
                self._print(describe(headline))
            if len(headlines) > SHOWN_AT_ONCE:
                self._print(f"… and {len(headlines) - SHOWN_AT_ONCE} more")

    def _note(self, headline: Headline) -> None:
        if headline.silent:
            self._baseline_sources.add(headline.entry.source)
        if headline.entry.title == self._awaited:
            self._classified += 1
            self._matched = bool(headline.rules)

    def on_mail(self, subject: str, text: str) -> None:
        """A message in the mailbox."""
        with self._lock:
            self.mails += 1
            self._awaited_mails += self._awaited in text
            self._print(f"✉ mail: {subject}")

    def on_hook(self, number: str, document: dict[str, Any]) -> None:
        """A webhook whose signature was right."""
        titles = [entry["title"] for entry in document["data"]["entries"]]
        with self._lock:
            self._hook_ids[number] += 1
            if self._hook_ids[number] == 1:
                self.hooks += 1
                self._awaited_hooks += self._awaited in titles
            self._print(f"⚑ webhook, signature right: {' / '.join(titles)}")

    def on_poll(self, report: PollReport) -> None:
        """One summary line a poll."""
        self.say(
            f"poll: {report.sources} feeds, {report.new_entries} new, "
            f"{report.not_modified} not modified, {report.failed} failed"
        )

    def missing(self) -> list[str]:
        """What has not been seen of the awaited headline, in words."""
        with self._lock:
            missing = []
            if self._classified != 1:
                missing.append(f"the fresh headline, once ({self._classified} times)")
            if not self._matched:
                missing.append("a rule that matches it")
            if self._awaited_mails != 1:
                missing.append(f"its mail, once ({self._awaited_mails} times)")
            if self._awaited_hooks != 1:
                missing.append(f"its webhook, once ({self._awaited_hooks} times)")
            return missing


def describe(headline: Headline) -> str:
    """One headline on one line."""
    entry = headline.entry
    doubt = "?" if entry.unsure else " "
    rules = f"  ← {', '.join(headline.rules)}" if headline.rules else ""
    mark = "·" if headline.silent else "✎" if headline.revised else "★"
    verdict = f"{entry.section} {entry.probability:.0%}{doubt}"
    return f"{mark} {entry.source}  {verdict} {entry.title}{rules}"
