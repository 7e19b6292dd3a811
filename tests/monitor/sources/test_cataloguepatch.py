"""What a check found becomes a patch of the catalogue."""

from __future__ import annotations

import shutil
import subprocess
from datetime import date
from pathlib import Path

from monitor.sources import catalogue
from monitor.sources.cataloguepatch import PATH, Finding, diff, rewritten

TODAY = date(2026, 1, 31)
TEXT = """[[portal]]
name = "P"
language = "en"
feeds = [
  { name = "a", url = "http://a.example/feed", section = "tech", state = "on" },
  { name = "b", url = "http://b.example/feed", state = "old", seen = "2010" },
  { name = "c", url = "http://c.example/feed" },
]
"""


def read(tmp_path: Path, text: str) -> list[catalogue.CatalogueEntry]:
    path = tmp_path / "catalogue.toml"
    path.write_text(text, encoding="utf-8")
    return list(catalogue.load(path))


def test_what_answers_is_dated_and_no_longer_old(tmp_path: Path) -> None:
    found = [Finding("http://a.example/feed"), Finding("http://b.example/feed")]
    a, b, c = read(tmp_path, rewritten(TEXT, found, TODAY))
    assert (a.state, a.checked_on, a.checked_how) == ("on", TODAY, "fetched")
    assert (b.state, b.checked_on, b.seen) == ("off", TODAY, "2010")
    assert (c.checked_on, c.checked_how) == (None, "offline")


def test_what_is_gone_is_dead_and_may_come_back(tmp_path: Path) -> None:
    gone = rewritten(TEXT, [Finding("http://a.example/feed", gone=True)], TODAY)
    assert read(tmp_path, gone)[0].state == "dead"
    back = rewritten(gone, [Finding("http://a.example/feed")], date(2026, 2, 1))
    entry = read(tmp_path, back)[0]
    assert (entry.state, entry.checked_on) == ("off", date(2026, 2, 1))


def test_a_new_address_is_taken_unless_the_catalogue_has_it(tmp_path: Path) -> None:
    found = [
        Finding("http://a.example/feed", moved="https://new.example/feed"),
        Finding("http://c.example/feed", moved="https://www.b.example/feed/"),
    ]
    a, _, c = read(tmp_path, rewritten(TEXT, found, TODAY))
    assert (a.url, c.url) == ("https://new.example/feed", "http://c.example/feed")


def test_the_patch_applies_to_the_bundled_file(tmp_path: Path) -> None:
    before = catalogue.BUNDLED.read_text(encoding="utf-8")
    entries = catalogue.bundled()
    after = rewritten(before, [Finding(entry.url) for entry in entries], TODAY)
    path = tmp_path / PATH
    path.parent.mkdir(parents=True)
    shutil.copy(catalogue.BUNDLED, path)
    done = ["git", "apply", "--unsafe-paths", "-"]
    subprocess.run(done, cwd=tmp_path, input=diff(before, after).encode(), check=True)
    assert path.read_text(encoding="utf-8") == after
    assert all(entry.checked_on == TODAY for entry in catalogue.load(path))
    assert diff(before, before) == ""
