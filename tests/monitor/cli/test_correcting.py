"""``correct`` and ``unsure``: one at a time, from files, and by keys on a terminal."""

from __future__ import annotations

import os
import pty
import select
import subprocess
from pathlib import Path

import pytest

from tests.commandline import HEADLINES, CommandLine
from tests.httpserver import HttpServer, Reply
from tests.monitor.cli.conftest import RSS, TITLES, rss

ODD = tuple(f"某某{first}{second}之谜" for first in "甲乙丙丁戊" for second in "子丑寅卯")


def shown(cli: CommandLine) -> dict[int, str]:
    return {row["id"]: row["corrected"] for row in cli.good("entries", "list", "--json").json}


def write(cli: CommandLine, text: str | bytes) -> Path:
    path = cli.folder / "right.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_a_file_of_numbers_is_written_but_for_its_bad_rows(filled: CommandLine) -> None:
    path = write(
        filled,
        "entry,section\n1,travel\n2,体育\n99,food\nx,food\n3,spots\n4,Food\n5\n6,\n1,games\n",
    )
    printed = filled.good("correct", "--csv", path, "--json")
    assert printed.json["rows"] == 4
    assert printed.json["entries"] == 3
    found = shown(filled)
    assert [found[number] for number in range(1, 8)] == [
        "games", "sports", None, "food", None, None, None
    ]  # fmt: skip
    told = "\n".join(printed.json["problems"])
    assert f"{path}:4: left out: there is no entry 99: 'headlines entries list'" in told
    assert f"{path}:5: left out: 'x' is no number of an entry" in told
    assert f"{path}:6: left out: there is no section 'spots'; did you mean 'sports'?" in told
    assert f"{path}:8: left out: 1 columns where the header has 2" in told
    assert f"{path}:9: left out: the section is empty" in told
    assert printed.err.count("left out") == 5


def test_a_file_of_titles_finds_every_source_that_has_them(
    filled: CommandLine, portal: HttpServer
) -> None:
    portal.route("/other", Reply(body=rss("Other", TITLES[:2]), headers=RSS))
    filled.good("feeds", "add", portal.url("/other"))
    filled.good("poll")
    path = write(filled, f"title,section\n{TITLES[0]},travel\n从未见过的标题,food\n")
    assert filled.good("correct", "--csv", path, "--json").json == {
        "rows": 2, "entries": 2, "titles": 1, "problems": [],
    }  # fmt: skip
    listed = filled.good("entries", "list", "--section", "travel", "--json").json
    assert [row["title"] for row in listed] == [TITLES[0]] * 2
    again = filled.good("correct", "--csv", path)
    assert "2 rows: 2 entries corrected, 1 titles that no entry has; 0 bad rows" in again.out


def test_one_bad_row_in_ten_thousand_does_not_stop_the_rest(filled: CommandLine) -> None:
    rows = [f"标题{number},food" for number in range(9_999)]
    path = write(filled, "\n".join(["title,section", *rows[:5_000], "坏,spots", *rows[5_000:]]))
    printed = filled.good("correct", "--csv", path, "--json").json
    assert (printed["titles"], len(printed["problems"])) == (9_999, 1)
    assert "right.csv:5002: left out" in printed["problems"][0]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "right.csv:1: its first line must name"),
        ("id,section\n1,food\n", "right.csv:1: its first line must name"),
        ('entry,section\n1,"foo\0d\n', "right.csv"),
    ],
)
def test_what_is_no_such_file_is_wrong_use(filled: CommandLine, text: str, told: str) -> None:
    printed = filled("correct", "--csv", write(filled, text))
    assert told in printed.err
    assert printed.code in {1, 2}
    assert filled("correct", "--csv", "none.csv").code == 2
    assert filled("correct", "1").code == 2
    assert filled("correct", "1", "food", "--csv", "none.csv").code == 2


def test_a_correction_is_taken_back(filled: CommandLine) -> None:
    filled.good("correct", "1", "时政")
    assert shown(filled)[1] == "politics"
    assert TITLES[0] in filled.good("correct", "1", "--withdraw").out
    assert shown(filled)[1] is None
    assert filled("correct", "1", "--withdraw").code == 1


@pytest.fixture
def odd(stored: CommandLine, portal: HttpServer) -> CommandLine:
    """Twenty entries that no model can be sure of."""
    portal.route("/odd", Reply(body=rss("Odd", ODD), headers=RSS))
    stored.good("feeds", "add", portal.url("/odd"))
    stored.good("poll")
    assert len(stored.good("entries", "list", "--section", "unsure", "--json").json) > 10
    return stored


def test_the_queue_is_listed_where_nobody_can_answer(odd: CommandLine) -> None:
    unsure = {
        row["id"] for row in odd.good("entries", "list", "--section", "unsure", "--json").json
    }
    found = odd.good("unsure", "--limit", "8", "--json").json
    assert len(found) == 8
    assert {row["id"] for row in found} <= unsure
    assert set(found[0]) >= {"id", "title", "section", "runner_up", "probability", "source"}
    odd.good("correct", str(found[0]["id"]), "games")
    rest = odd.good("unsure", "--limit", "100", "--json").json
    assert found[0]["id"] not in {row["id"] for row in rest}
    assert rest[0]["title"] in odd.good("unsure").out


def press(cli: CommandLine, keys: str) -> str:
    """What ``headlines unsure`` shows on a terminal where ``keys`` are pressed."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [HEADLINES, "unsure"], cwd=cli.folder, stdin=theirs, stdout=theirs, stderr=theirs,
        env={**os.environ, "PYTHONUTF8": "1"},
    )  # fmt: skip
    os.close(theirs)
    seen = bytearray()
    while part := _read(ours):
        seen += part
        if keys and b" ?\r\n" in seen:  # the first question: keys are read from now on
            os.write(ours, keys.encode())
            keys = ""
    os.close(ours)
    assert process.wait(60) == 0, seen.decode()
    return seen.decode()


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 4096) if select.select([terminal], [], [], 60)[0] else b""
    except OSError:  # the other end is closed
        return b""


def test_a_key_answers_skips_undoes_and_ends(odd: CommandLine) -> None:
    asked = [row["id"] for row in odd.good("unsure", "--json").json]
    screen = press(odd, "1s2\x1buu1é3q")
    assert "1 时政 Politics" in screen
    assert screen.count("undone") == 2
    assert "2 corrected" in screen
    found = shown(odd)
    assert [found[number] for number in asked[:4]] == ["politics", "society", None, None]


def test_an_arrow_or_function_key_is_no_answer(odd: CommandLine) -> None:
    asked = [row["id"] for row in odd.good("unsure", "--json").json]
    screen = press(odd, "\x1b[A\x1b[15~\x1bOB\x1b[1;5C1q")
    assert "1 corrected" in screen
    assert shown(odd)[asked[0]] == "politics"


def test_enter_takes_the_first_guess(odd: CommandLine) -> None:
    first = odd.good("unsure", "--json").json[0]
    press(odd, "\nq")
    assert shown(odd)[first["id"]] == first["section"]


def test_an_answer_counts_although_the_terminal_is_closed(odd: CommandLine) -> None:
    first = odd.good("unsure", "--json").json[0]
    assert "1 corrected" in press(odd, "9\x04")
    assert shown(odd)[first["id"]] == "sports"


OWN = """
[[section]]
id = "money"
zh = "钱"
en = "Money"
from = ["finance", "realty"]

[[section]]
id = "rest"
zh = "其他"
en = "Rest"
from = ["sports", "tech", "auto", "society", "world", "education", "politics"]
"""


def test_a_users_own_sections_count_wherever_one_is_named(
    cli: CommandLine, portal: HttpServer, database_url: str
) -> None:
    (cli.folder / "own.toml").write_text(OWN, encoding="utf-8")
    cli.configure('[classifier]\nsections = "own.toml"\n', database=database_url)
    cli.good("feeds", "add", portal.url("/rss"), "--section", "钱")
    cli.good("poll")
    rows = {row["title"]: row for row in cli.good("entries", "list", "--json").json}
    assert rows[TITLES[0]]["section"] == "money"
    assert {row["section_hint"] for row in rows.values()} == {"money"}
    cli.good("correct", str(rows[TITLES[1]]["id"]), "其他")
    assert len(cli.good("entries", "list", "--section", "Rest", "--json").json) >= 1
    assert cli("correct", "1", "agriculture").code == 2
    assert "known: money, rest" in cli("correct", "1", "agriculture").err
    found = cli.good("rules", "test", "section:money", "--title", TITLES[0], "--json").json
    assert found["matched"] is True
    for query in ("section:钱", "section:MONEY,Rest", 'section:"其他",钱'):
        found = cli.good("rules", "test", query, "--title", TITLES[0], "--json").json
        assert found["matched"] is True
    assert "section:其他?" in cli("rules", "test", "section:其它", "--title", TITLES[0]).err
    assert cli("rules", "test", "section:food", "--title", TITLES[0]).code != 0
    learning = next(e for e in cli("doctor", "--json").json if e["check"] == "learning")
    assert learning["detail"].startswith("2 sections of your own")


def test_what_was_corrected_before_is_found_under_the_users_sections(
    cli: CommandLine, portal: HttpServer, database_url: str
) -> None:
    cli.configure(database=database_url)
    cli.good("feeds", "add", portal.url("/rss"))
    cli.good("poll")
    cli.good("correct", "2", "finance")
    cli.good("correct", "3", "realty")
    (cli.folder / "own.toml").write_text(OWN, encoding="utf-8")
    cli.configure('[classifier]\nsections = "own.toml"\n', database=database_url)
    for asked in (("list", "--section", "money"), ("search", "section:money")):
        found = cli.good("entries", *asked, "--json").json
        assert {2, 3} <= {each["id"] for each in found}


def test_a_broken_file_of_sections_is_named(cli: CommandLine) -> None:
    (cli.folder / "own.toml").write_text("[[section]]\nid = 'a'\n", encoding="utf-8")
    cli.configure('[classifier]\nsections = "own.toml"\n')
    printed = cli("correct", "1", "a")
    assert printed.code == 1
    assert "own.toml: two [[section]] tables or more are expected" in printed.err


def test_zero_is_no_number_of_an_entry(filled: CommandLine) -> None:
    path = write(filled, "entry,section\n0,food\n1,food\n")
    found = filled.good("correct", "--csv", path, "--json").json
    assert (found["rows"], found["entries"], found["titles"]) == (1, 1, 0)
    assert len(found["problems"]) == 1


def test_a_row_that_no_database_takes_is_told_and_the_others_count(filled: CommandLine) -> None:
    path = write(filled, "title,section\n甲\0乙,food\n没有的标题,food\n")
    found = filled.good("correct", "--csv", path, "--json").json
    assert (found["titles"], len(found["problems"])) == (1, 1)


def test_a_cell_too_long_ends_a_file_and_what_stood_before_counts(filled: CommandLine) -> None:
    rows = f"没有的标题,food\n{'长' * 140_000},food\n另一个,food\n"
    found = filled.good("correct", "--csv", write(filled, f"title,section\n{rows}"), "--json").json
    assert (found["titles"], len(found["problems"])) == (1, 1)
    assert "left out from here on: not CSV" in found["problems"][0]


def test_what_was_stored_before_a_file_broke_off_is_told(filled: CommandLine) -> None:
    rows = b"".join(b"title %d,food\n" % number for number in range(3_000))
    path = write(filled, b"title,section\n" + rows + "坏".encode("gbk") + b",food\n")
    found = filled.good("correct", "--csv", path, "--json").json
    assert found["rows"] == found["titles"] > 0
    assert "save the file as UTF-8" in found["problems"][-1]


def test_a_number_with_a_nought_before_it_is_told(filled: CommandLine) -> None:
    path = write(filled, "entry,section\n0123456789012345678901,food\n1,food\n")
    found = filled.good("correct", "--csv", path, "--json").json
    assert (found["entries"], len(found["problems"])) == (1, 1)


def test_a_number_of_thousands_of_digits_is_told(filled: CommandLine) -> None:
    path = write(filled, f"entry,section\n0{'1' * 5000},food\n1,food\n")
    found = filled.good("correct", "--csv", path, "--json").json
    assert (found["entries"], len(found["problems"])) == (1, 1)


def test_where_a_file_broke_off_is_told(filled: CommandLine) -> None:
    rows = "没有的标题,food\n" + '"开着的引号,food\n' + "title,food\n" * 20_000
    path = write(filled, f"title,section\n{rows}")
    found = filled.good("correct", "--csv", path, "--json").json
    assert f"{path}:3: left out from here on" in found["problems"][-1]


def test_a_file_that_broke_off_is_told_though_many_rows_were_bad(filled: CommandLine) -> None:
    rows = b"good,food\n" + b"bad,nosuch\n" * 25 + b"bad,food\n" * 20_000
    path = write(filled, b"title,section\n" + rows + "坏".encode("gbk") + b",food\n")
    done = filled("correct", "--csv", path)
    assert "left out from here on" in done.err
