"""Labels of pages: what a reader's entries are worth by them."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from monitor.sources import page
from tests.benchmarks.pagelabels import LABELS, Page, fingerprint, read, score

URL = "https://paper.example/2026/01/02/own-10001.html"
BODY = """<html><body><h1>Harbour plan approved</h1><a href="/">Home</a>
<a href="/2026/01/02/a-20001.html">Ferry stays in port…</a>
<a href="/2026/01/02/a-20001.html?from=list">Ferry stays in port for repairs</a>
<a href="/2026/01/02/b-20002.html">Bridge closes for the night</a>
<a href="/photo/30003.html">Pictures of the market</a></body></html>""".encode()


def labelled(tmp_path: Path, body: bytes = BODY) -> Page:
    row = {
        "page": "own.html",
        "sha256": hashlib.sha256(BODY).hexdigest()[:16],
        "url": URL,
        "own": fingerprint("Harbour plan approved"),
        "true": [
            [2, fingerprint("Ferry stays in port for repairs")],
            [3, fingerprint("Bridge closes for the night")],
        ],
        "neutral": [4],
    }
    (tmp_path / "own.html").write_bytes(body)
    (tmp_path / "labels.jsonl").write_text(json.dumps(row), "utf-8")
    (found,) = read(tmp_path / "labels.jsonl", tmp_path)
    return found


def test_headlines_are_counted_once_and_neutral_links_not_at_all(tmp_path: Path) -> None:
    found = score(
        labelled(tmp_path),
        [
            ("Harbour  plan approved", URL),
            ("Ferry stays in port for repairs", "https://paper.example/2026/01/02/a-20001.html"),
            ("FERRY STAYS IN PORT FOR REPAIRS", "https://paper.example/2026/01/02/a-20001.html"),
            ("Pictures of the market", "https://paper.example/photo/30003.html"),
        ],
    )
    assert (found.right, found.wrong, found.missed) == (2, 0, 1)
    assert found.precision == 1.0
    assert found.recall == 2 / 3


def test_other_links_and_cut_titles_are_wrong(tmp_path: Path) -> None:
    found = score(
        labelled(tmp_path),
        [
            ("Home", "https://paper.example/"),
            ("Ferry stays in port…", "https://paper.example/2026/01/02/a-20001.html"),
            ("Another headline", URL),
        ],
    )
    assert found.errors == ["Home", "Ferry stays in port…", "Another headline"]
    assert (found.right, found.missed) == (0, 3)


def test_another_page_than_the_labelled_one_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"own\.html"):
        labelled(tmp_path, BODY + b" ")


def test_the_labels_hold_positions_and_hashes_only() -> None:
    rows = [json.loads(line) for line in LABELS.read_text("utf-8").splitlines()]
    assert len(rows) >= 30
    for row in rows:
        assert row.keys() == {"page", "sha256", "url", "own", "true", "neutral"}
        assert all(isinstance(place, int) for place in row["neutral"])
        for place, *hashes in row["true"]:
            assert isinstance(place, int)
            assert hashes
            assert all(len(each) == 8 and int(each, 16) >= 0 for each in hashes)


def test_guessing_can_be_forced_on_a_page_that_an_adapter_knows() -> None:
    body = b"<html><body><h1>A plan</h1></body></html>"
    url = "https://www.163.com/dy/article/AAAAAAAAAAAAAAA1.html"
    assert page.parse(body, url=url).format == "page:163/article"
    options = page.Options(guess=True)
    assert page.parse(body, url=url, options=options).format == "page:guessed"
