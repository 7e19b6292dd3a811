"""``hot``, ``stories show`` and ``stories compare``."""

from __future__ import annotations

import json

import pytest

from monitor.stories import reading
from tests.commandline import CommandLine
from tests.httpserver import HttpServer, Reply
from tests.monitor.cli.conftest import RSS, TITLES, rss


@pytest.fixture
def told(stored: CommandLine, portal: HttpServer) -> CommandLine:
    """Three portals, of which two also tell the first title of the first one in their words."""
    again = ("快讯｜中国人民银行：降息25个基点", "某市图书馆周末延长开放时间")
    for name, titles in (("one", TITLES), ("two", again), ("three", again[:1])):
        portal.route(f"/{name}", Reply(body=rss(name, titles), headers=RSS))
        stored.good("feeds", "add", portal.url(f"/{name}"))
    stored.good("poll")
    return stored


def test_hot_lists_stories_by_heat_and_show_tells_who_has_them(told: CommandLine) -> None:
    found = told.good("hot", "--json").json
    assert [story["portals"] for story in found[:2]] == [3, 1]
    assert set(found[0]) == {
        "id", "title", "url", "section", "portals", "entries", "heat", "burst", "best_rank",
        "first_seen_at", "last_seen_at",
    }  # fmt: skip
    heats = [story["heat"] for story in found]
    assert heats == sorted(heats, reverse=True)
    assert len(found) == len(TITLES) + 1
    one = told.good("stories", "show", str(found[0]["id"]), "--json").json
    assert sorted(row["source"] for row in one["members"]) == ["one", "three", "two"]
    assert "3 portals, 3 entries" in told.good("stories", "show", str(found[0]["id"])).out
    assert len(told.good("hot", "--limit", "2").out.splitlines()) == 3
    section = found[0]["section"]
    same = told.good("hot", "--section", section, "--json").json
    assert {story["section"] for story in same} == {section}


def test_unknown_stories_and_sections_are_said_to_be(stored: CommandLine) -> None:
    missing, wrong = stored("stories", "show", "77"), stored("hot", "--section", "finanse")
    assert (missing.code, "no story 77" in missing.err) == (1, True)
    assert (wrong.code, "finance" in wrong.err) == (2, True)
    assert stored.good("hot", "--json").json == []


PAIRS = [
    {"a": "央行宣布降息25个基点", "b": "快讯｜中国人民银行：降息0.25个百分点"},
    {"a": "Magnitude 4.1 earthquake strikes Chile", "b": "Magnitude 5.2 earthquake strikes Chile"},
    {
        "a": "Fed cuts rates by a quarter point",
        "b": "Federal Reserve lowers rates 25 basis points",
    },
]


def test_compare_answers_each_pair_in_order(cli: CommandLine) -> None:
    path = cli.folder / "pairs.jsonl"
    path.write_text("\n".join(json.dumps(pair) for pair in PAIRS) + "\n\n", "utf-8")
    found = cli.good("stories", "compare", "--pairs", str(path), "--json").json
    assert [answer["same"] for answer in found] == [True, False, True]
    assert {frozenset(answer) for answer in found} == {frozenset({"same", "score"})}
    assert all(0 <= answer["score"] <= 1 for answer in found)
    table = cli.good("stories", "compare", "--pairs", str(path)).out.splitlines()
    assert len(table) == 1 + len(PAIRS)


def test_compare_tells_how_right_it_was_where_pairs_are_labelled(cli: CommandLine) -> None:
    path = cli.folder / "pairs.jsonl"
    labelled = [{**pair, "same": True} for pair in PAIRS]
    path.write_text("\n".join(json.dumps(pair) for pair in labelled), "utf-8")
    done = cli.good("stories", "compare", "--pairs", str(path))
    assert "3 pairs: precision 1.000, recall 0.667" in done.err


def test_compare_minds_the_time_of_publication(cli: CommandLine) -> None:
    path = cli.folder / "pairs.jsonl"
    same = {"a": "某市图书馆周末延长开放时间", "b": "某市图书馆周末延长开放时间"}
    times = {"a_published_at": "2026-03-01T10:00:00Z", "b_published_at": "2026-03-09T10:00:00"}
    path.write_text("\n".join(json.dumps(each) for each in (same, {**same, **times})), "utf-8")
    found = cli.good("stories", "compare", "--pairs", str(path), "--json").json
    assert [answer["same"] for answer in found] == [True, False]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("[1]", "line 1: an object"),
        ("{", "line 1: not JSON"),
        ('{"a": "x"}', "'b' is to be a title"),
        ('{"a": "x", "b": 3}', "'b' is to be a title"),
        ('{"a": "x", "b": "y", "a_published_at": "soon"}', "'a_published_at'"),
    ],
)
def test_compare_says_what_is_wrong_with_a_line(cli: CommandLine, line: str, words: str) -> None:
    path = cli.folder / "pairs.jsonl"
    path.write_text(line, "utf-8")
    bad, absent = (cli("stories", "compare", "--pairs", name) for name in (path, "no.jsonl"))
    assert (bad.code, words in bad.err) == (2, True)
    assert (absent.code, "no.jsonl" in absent.err) == (2, True)


def test_a_second_reader_is_asked_unless_the_settings_or_the_command_say_no(
    cli: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = cli.folder / "pairs.jsonl"
    pair = {"a": "城南大桥因裂缝封闭检修", "b": "裂缝严重 城南大桥禁止通行"}
    path.write_text(json.dumps(pair), "utf-8")
    monkeypatch.setattr(reading.Reader, "_read", lambda *_: 9.0)
    monkeypatch.setattr(reading.Reader, "missing", "")
    monkeypatch.setattr(reading, "is_installed", lambda: True)
    ask = ("stories", "compare", "--pairs", str(path), "--json")
    plain, read = (cli.good(*ask, *more).json[0]["score"] for more in (("--no-reading",), ()))
    assert read > plain
    cli.configure("[stories]\nreading = false")
    assert cli.good(*ask).json[0]["score"] == plain
    assert cli.good(*ask, "--reading").json[0]["score"] == read
    check = next(each for each in cli("doctor", "--json").json if each["check"] == "reading")
    assert (check["result"], check["detail"]) == ("skipped", "off in [stories]")


def test_a_reader_that_is_not_installed_is_named(
    cli: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading.base, "PACKAGE", "no_such_package")
    path = cli.folder / "pairs.jsonl"
    path.write_text("", "utf-8")
    done = cli("stories", "compare", "--pairs", str(path), "--reading")
    assert (done.code, "pip install 'headline-monitor[reading]'" in done.err) == (2, True)
    check = next(each for each in cli("doctor", "--json").json if each["check"] == "reading")
    assert check["result"] == "skipped"
    assert "pip install 'headline-monitor[reading]'" in check["detail"]
    assert not cli.good("stories", "compare", "--pairs", str(path)).err, "nobody asked for it"


def test_a_reader_of_another_version_is_told(
    cli: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = cli.folder / "other.bin"
    other.write_bytes(b"E5S1 and so on")
    monkeypatch.setattr(reading, "is_installed", lambda: True)
    monkeypatch.setattr(reading.base, "find", lambda: other)
    path = cli.folder / "pairs.jsonl"
    path.write_text("", "utf-8")
    done = cli.good("stories", "compare", "--pairs", str(path))
    assert "compared without being read: " in done.err
    assert "is another model" in done.err
    check = next(each for each in cli("doctor", "--json").json if each["check"] == "reading")
    assert (check["result"], "is another model" in check["detail"]) == ("failed", True)
