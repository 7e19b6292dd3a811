"""The command line on real subscription lists and a public corpus."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from monitor.errors import ParseError
from monitor.sources.opml import Node, read_opml
from tests.commandline import CommandLine

pytestmark = pytest.mark.real

KEYS = {
    "accuracy", "macro_f1", "ece", "titles", "train_seconds", "titles_per_second", "coverage",
    "per_section",
}  # fmt: skip


@pytest.fixture
def shared() -> Path:
    folder = Path(os.environ.get("HEADLINES_SHARED", Path(__file__).parents[3] / "shared"))
    assert folder.is_dir(), f"{folder} is not there; set HEADLINES_SHARED"
    return folder


@pytest.fixture
def cli(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> CommandLine:
    monkeypatch.chdir(tmp_path)
    return CommandLine(tmp_path, capsys)


def test_a_public_corpus_is_evaluated(cli: CommandLine, shared: Path) -> None:
    spec = f"agnews:{shared / 'corpora' / 'agnews' / 'train.csv'}"
    found = cli.good(
        "evaluate", "--train", spec, "--test", spec, "--labels", "sections", "--json"
    ).json
    assert set(found) == KEYS
    assert found["titles"] > 800
    assert found["accuracy"] > 0.70
    assert set(found["per_section"]) == {"world", "sports", "finance", "tech"}


def body_of(document: bytes) -> Node:
    """All that its body holds."""
    (body,) = (each for each in read_opml(document).root.children if each.name == "body")
    return body


def test_hostile_34_real_lists_survive_a_round_trip_through_the_database(
    cli: CommandLine, shared: Path
) -> None:
    tried = 0
    for number, path in enumerate(sorted((shared / "real" / "opml").rglob("*"))):
        if not path.is_file():
            continue
        try:
            was = body_of(path.read_bytes())
        except ParseError:
            continue
        folder = cli.folder / str(number)
        cli.good("--data", folder, "feeds", "import", path)
        exported = cli.good("--data", folder, "feeds", "export").out.encode()
        assert body_of(exported) == was, path
        again = cli.folder / "again.opml"
        again.write_bytes(exported)
        assert "kept for the export: 0 " in cli.good("--data", folder, "feeds", "import", again).out
        tried += 1
    assert tried > 5
