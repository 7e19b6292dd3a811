"""The command line on real subscription lists and a public corpus."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from monitor.addresses import check_url
from monitor.errors import FetchError, ParseError
from monitor.sources.opml import OpmlSource, read_opml
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


def known(source: OpmlSource) -> tuple[object, ...]:
    """What a list says of a source, whichever names the attributes have."""
    attributes = {"type": "rss", **source.attributes}
    attributes.pop("title", None)
    return source.title or source.url, source.html_url, source.labels, attributes


def storable(body: bytes) -> list[OpmlSource]:
    found = []
    for source in read_opml(body).sources():
        try:
            check_url(source.url)
        except FetchError:
            continue
        found.append(source)
    return found


def test_hostile_34_real_lists_survive_a_round_trip_through_the_database(
    cli: CommandLine, shared: Path
) -> None:
    tried = 0
    for number, path in enumerate(sorted((shared / "real" / "opml").rglob("*"))):
        if not path.is_file():
            continue
        try:
            was = storable(path.read_bytes())
        except ParseError:
            continue
        folder = cli.folder / str(number)
        cli.good("--data", folder, "feeds", "import", path)
        exported = cli.good("--data", folder, "feeds", "export").out
        now = {source.url: source for source in read_opml(exported.encode()).sources()}
        assert now.keys() == {source.url for source in was}, path
        for source in was:
            assert known(now[source.url]) == known(source), path
        tried += 1
    assert tried > 5
