"""Wrong use, broken surroundings, strange bytes: a sentence each, and the right exit code."""

from __future__ import annotations

import argparse
import json
import re
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from monitor.cli import parser
from tests.commandline import CommandLine

WRONG = [
    ("entries list --limit -5", "--limit"),
    ("entries list --limit 0", "--limit"),
    ("entries list --limit 99999999999999999999999", "--limit"),
    ("entries list --since yesterday", "duration"),
    ("entries list --since 99999999999d", "36500 days"),
    ("entries list --since -1d", "--since"),
    ("entries list --section spots", "did you mean 'sports'?"),
    ("entries search", "WORDS"),
    ("correct one sports", "number of an entry"),
    ("correct 1 spots", "did you mean 'sports'?"),
    ("feeds add https://a.example/ --unchecked --every 0", "one second"),
    ("feeds add https://a.example/ --unchecked --keep 0", "--keep"),
    ("feeds add https://a.example/ --unchecked --section spots", "did you mean 'sports'?"),
    ("feeds add file:///etc/passwd", "not http or https"),
    ("feeds add file:///etc/passwd --unchecked", "not http or https"),
    ("feeds add portal.example", "https://"),
    ("feeds add http://10.0.0.1/ --unchecked", "allow_private"),
    ("feeds test", "--file SAVED"),
    ("feeds test --file nosuch http://a.example/", "nosuch"),
    ("feeds import nosuch.opml", "nosuch.opml"),
    ("feeds catalogue --add https://nosuch.example/", "feeds catalogue --all"),
    ("rules add name 降息 --channel nosuch", "nosuch"),
    ("rules add name 降息", "--channel"),
    ("rules test (a", "^"),
    ("rules test section:spots", "did you mean"),
    ("rules test section:spots --title T", "did you mean"),
    ("alerts list --state lost", "invalid choice"),
    ("retrain --corpus nosuch:x", "unknown format"),
    ("retrain --corpus csv:nosuch.csv", "nosuch.csv"),
    ("evaluate --train builtin --test csv:nosuch.csv", "nosuch.csv"),
    ("evaluate --train builtin", "--test"),
    ("demo --seconds 0", "--seconds"),
    ("status --jso", "unrecognized"),
    ("nosuch", "invalid choice"),
    ("--config nosuch.toml status", "headlines init"),
]
MISSING = [
    ("correct 4711 sports", "no entry 4711"),
    ("correct 0 sports", "entries list"),
    ("correct 99999999999999999999999 sports", "entries list"),
    ("feeds remove nobody", "feeds list"),
    ("feeds pause 99999999999999999999999", "large"),
    ("feeds resume 7", "feeds list"),
    ("entries list --source nobody", "feeds list"),
    ("rules remove nobody", "rules list"),
    ("channels test nobody", "nobody"),
    ("alerts retry msg_none", "alerts list --state dead"),
    ("models promote 0123456789ab", "models list"),
    ("models promote ../..", "models list"),
    ("models show 0123456789ab", "models list"),
    ("models rollback", "no earlier release"),
]


def commands(found: argparse.ArgumentParser, path: tuple[str, ...] = ()) -> Iterator[list[str]]:
    """Every command and action, as it is written."""
    inner = [each for each in found._actions if isinstance(each, argparse._SubParsersAction)]
    for name, each in (inner[0].choices if inner else {}).items():
        yield from commands(each, (*path, name))
    if path:
        yield list(path)


ALL = list(commands(parser()))


@pytest.mark.parametrize(("line", "said"), WRONG, ids=[line for line, _ in WRONG])
def test_wrong_use_is_told_and_is_2(cli: CommandLine, line: str, said: str) -> None:
    printed = cli(*line.split())
    assert printed.code == 2
    assert said in printed.err
    assert not printed.out


@pytest.mark.parametrize(("line", "said"), MISSING, ids=[line for line, _ in MISSING])
def test_what_is_not_there_is_told_and_is_1(cli: CommandLine, line: str, said: str) -> None:
    printed = cli(*line.split())
    assert printed.code == 1
    assert said in printed.err
    assert not printed.out


def test_without_a_command_the_help_is_shown_as_wrong_use(cli: CommandLine) -> None:
    for argv in ((), ("feeds",), ("rules",), ("models",)):
        printed = cli(*argv)
        assert printed.code == 2
        assert printed.err.startswith("usage: headlines")
        assert "show this help" in printed.err
        assert not printed.out


@pytest.mark.parametrize("path", ALL, ids=" ".join)
def test_every_command_explains_itself(cli: CommandLine, path: list[str]) -> None:
    printed = cli(*path, "--help")
    assert printed.code == 0
    assert printed.out.startswith(f"usage: headlines {' '.join(path)}")


def test_the_settings_may_be_named_before_and_after_the_command(cli: CommandLine) -> None:
    (cli.folder / "other.toml").write_text("[polling]\ninterval = '0s'\n")
    for argv in (("--config", "other.toml", "status"), ("status", "--config", "other.toml")):
        assert "polling.interval" in cli(*argv).err
    for number, argv in enumerate((("--data", "a", "status"), ("status", "--data", "b"))):
        cli.good(*argv)
        assert (cli.folder / "ab"[number] / "headlines.db").is_file()


def test_unknown_settings_are_refused_with_the_nearest(cli: CommandLine) -> None:
    cli.configure("intervall = 3\n")
    printed = cli("status")
    assert printed.code == 2
    assert "did you mean 'interval'?" in printed.err


def test_a_data_folder_that_is_a_file(cli: CommandLine) -> None:
    (cli.folder / "data").write_text("")
    printed = cli("--data", "data", "status")
    assert printed.code == 1
    assert "--data" in printed.err


def test_a_data_folder_that_cannot_be_made(cli: CommandLine) -> None:
    printed = cli("--data", "/proc/headlines", "entries", "list")
    assert printed.code == 1
    assert "/proc/headlines" in printed.err


def test_a_database_that_cannot_be_written(cli: CommandLine) -> None:
    cli.good("status")
    url = f"sqlite:///file:{cli.folder}/headlines-data/headlines.db?mode=ro&uri=true"
    cli.configure(database=url)
    cli.good("entries", "list")
    printed = cli("feeds", "add", "https://portal.example/", "--unchecked")
    assert printed.code == 1
    assert "readonly" in printed.err


@pytest.mark.parametrize(
    "url",
    [
        "nonsense",
        "mysql://a/b",
        "nosuch://a/b",
        "postgresql://127.0.0.1:1/none",
        "sqlite:////proc/x/y",
    ],
)
def test_a_database_that_cannot_be_opened(cli: CommandLine, url: str) -> None:
    cli.configure(database=url)
    printed = cli("status")
    assert printed.code == 1
    assert printed.err.startswith("headlines: database:")


@pytest.mark.parametrize(
    "url", ["postgresql//me:PLANTED@db.example/news", "postgresql://me:PLAN:TED@[::1:5432/news"]
)
def test_a_database_address_that_cannot_be_read_is_not_repeated(cli: CommandLine, url: str) -> None:
    cli.configure(database=url)
    printed = cli("feeds", "list")
    assert (printed.code, printed.out) == (1, "")
    assert "postgresql://USER@HOST/NAME" in printed.err
    assert "PLAN" not in printed.err


def test_a_database_that_is_none(cli: CommandLine) -> None:
    (cli.folder / "headlines-data").mkdir()
    (cli.folder / "headlines-data" / "headlines.db").write_bytes(b"no database at all" * 400)
    printed = cli("entries", "list")
    assert printed.code == 1
    assert "not a database" in printed.err


def test_a_database_of_a_newer_program(cli: CommandLine, sqlite_template: Path) -> None:
    newer = cli.folder / "newer.db"
    shutil.copy(sqlite_template, newer)
    with sqlite3.connect(newer) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    cli.configure(database=f"sqlite:///{newer}")
    for argv in (("status",), ("poll",), ("feeds", "list")):
        printed = cli(*argv)
        assert printed.code == 1
        assert "newer" in printed.err
    doctor = cli("doctor", "--json")
    found = {each["check"]: each for each in doctor.json}
    assert found["database"]["result"] == "failed"
    assert "install" in found["database"]["advice"]
    printed = cli("evaluate", "--train", "builtin", "--test", f"database:{newer}")
    assert printed.code == 2
    assert "9999" in printed.err


def test_arguments_that_are_not_utf8(cli: CommandLine) -> None:
    cli.configure('[channels.hook]\nkind = "webhook"\nurl = "https://a.example"\nsecrets = []\n')
    for argv in (
        ("feeds", "add", "https://portal.example/", "--unchecked", "--name", "bad \udcff"),
        ("rules", "add", "bad \udcff", "foo", "--channel", "hook"),
        ("entries", "search", "\udcff"),
    ):
        printed = cli(*argv)
        assert printed.code in {0, 1, 2}
        assert "\udcff" not in printed.out


def test_control_characters_never_reach_the_terminal(cli: CommandLine) -> None:
    printed = cli.good(
        "feeds", "add", "https://portal.example/", "--unchecked", "--name", "\x1b[31mred\x07\u202e"
    )
    printed = cli.good("feeds", "list")
    assert not re.search("[\x00-\x09\x0b-\x1f\u202e]", printed.out)
    printed = cli.good("rules", "test", "red", "--title", "\x1b[31m red \u202e\x00")
    assert not re.search("[\x00-\x09\x0b-\x1f\u202e]", printed.out)


def test_a_reader_that_stops_early_is_no_failure(cli: CommandLine) -> None:
    line = f"{shutil.which('head')} -1"
    done = cli.process("feeds", "catalogue", "--all", "--json", stdout=_pipe_to(line), stderr=-1,
                       capture_output=False)  # fmt: skip
    assert done.returncode == 0
    assert done.stderr == b""


def _pipe_to(line: str) -> int:
    import subprocess

    process = subprocess.Popen(line.split(), stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    assert process.stdin
    return process.stdin.fileno()


def test_a_full_disk_on_standard_output_is_a_failure(cli: CommandLine) -> None:
    with Path("/dev/full").open("wb") as full:
        done = cli.process("feeds", "catalogue", stdout=full, stderr=-1, capture_output=False)
    assert done.returncode == 1
    assert done.stderr.count(b"\n") == 1
    assert b"No space left" in done.stderr


def test_a_terminal_without_utf8_still_gets_json(cli: CommandLine) -> None:
    done = cli.process("classify", "é😀中", "--json", environment={"PYTHONIOENCODING": "ascii"})
    assert json.loads(done.stdout)[0]["title"] == "é😀中"


def test_a_defect_is_one_line_that_names_its_place(
    capsys: pytest.CaptureFixture[str],
) -> None:
    from monitor.cli import explain

    try:
        raise KeyError("surprise")
    except KeyError as error:
        code = explain(error, argparse.Namespace())
    said = capsys.readouterr().err
    assert code == 1
    assert said.count("\n") == 1
    assert "KeyError: 'surprise' (test_usage.py:" in said
