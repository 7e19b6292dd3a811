"""``rules test``, ``import`` and ``export``: what a rule would have done, before it is trusted."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from monitor.actions.standing import placed
from monitor.rules.language import parse
from monitor.rules.matcher import RuleSet, Subject
from monitor.service import utc_now
from monitor.shown import subject_of
from monitor.storage import Database, entries, sources, stories
from monitor.storage.entries import NewEntry
from monitor.storage.schema import microseconds
from monitor.storage.sources import NewSource
from monitor.stories import heat
from monitor.stories.heat import Newcomer
from tests.commandline import CommandLine
from tests.monitor.cli.test_rules import HOOK


@dataclass(frozen=True)
class Row:
    """An entry to store; ``ago`` in hours, ``story`` the place of the entry that began it."""

    title: str
    ago: float = 1.0
    section: str = "finance"
    probability: float = 0.9
    unsure: bool = False
    source: int = 0
    story: int | None = None
    rank: int | None = None
    author: str | None = None


Store = Callable[[Sequence[Row]], None]


@pytest.fixture
def store(hooked: CommandLine, database_url: str) -> Store:
    """Store entries, numbered from 1 in their order."""
    hooked.good("rules", "list")  # makes the schema

    def work(rows: Sequence[Row]) -> None:
        database = Database(database_url)
        now = utc_now()
        with database.write() as connection:
            new = [NewSource(f"https://portal{at}.example/rss", name=f"Portal {at}",
                             labels=("odd",) if at % 2 else ()) for at in range(6)]  # fmt: skip
            sources.add_many(connection, new, now)
            ids = [row["id"] for row in sources.list_all(connection)]
            first = entries.allocate(connection, len(rows))
            stored = []
            for at, row in enumerate(rows):
                seen = microseconds(now - timedelta(hours=row.ago))
                stored.append(
                    NewEntry(
                        first + at, ids[row.source], row.title, False, "https://a.example/", None,
                        row.author, "", "[]", row.rank, "zh", None, None, seen, row.section,
                        row.probability, "tech", row.unsure, "r",
                        first + (at if row.story is None else row.story),
                    )
                )  # fmt: skip
            entries.insert_many(connection, stored, [])
        database.close()

    return work


@pytest.fixture
def hooked(cli: CommandLine, database_url: str) -> CommandLine:
    cli.configure(HOOK, database_url)
    return cli


ODD = [
    Row(f"央行降息 第{at}条" if at % 3 else f"要闻 AI {at}%", ago=at / 7,
        section=("finance", "tech", "world")[at % 3], probability=at % 10 / 10, unsure=at % 4 == 0,
        source=at % 6, story=at - at % 2 if at % 5 else None, rank=at % 11 or None,
        author=(None, "李明", "王红、李明")[at % 3])
    for at in range(60)
]  # fmt: skip


@pytest.mark.parametrize(
    "query",
    [
        "section:finance", "section:tech,unsure", "section:unsure", "section:world>=0.3",
        "section:finance,tech=0.2..0.7", "NOT section:finance", "source:*portal1*", "label:odd",
        "source:\"Portal 2\" OR label:odd", "lang:zh", "NOT lang:zh", "author:李明",
        "NOT author:李明", "rank:<=5", "rank:1,3,7..9", "NOT rank:>0", "age:<2h", "age:>=3h",
        "is:first", "NOT is:first", "portals:>=2", "portals:1 rank:<=3", "hot:>1.5", "NOT hot:>1.5",
        "burst:", "burst:no", "NOT 央行", "/[0-9]+%/", "NOT /[0-9]{2}%/", "央行 OR section:tech",
        "NEAR/0(央行, 降息) -section:world", "AI", "NOT sub:I", "event:source-*",
        "word:央行 is:first",
    ],
)  # fmt: skip
def test_history_is_asked_as_each_entry_would_be(
    hooked: CommandLine, store: Store, database_url: str, query: str
) -> None:
    store(ODD)
    rule_set = RuleSet([(0, parse(query))])
    database = Database(database_url)
    with database.read() as connection:
        rows = entries.list_shown(connection, entries.Filter(limit=len(ODD)))
        stood = placed(connection, rows)
        matching = [
            row["id"]
            for row in rows
            if rule_set.match(subject_of(row, row["first_seen_at"], stood[row["id"]]))
        ]
    database.close()
    found = _tried(hooked, query, "--limit", "60")
    assert [each["id"] for each in found["newest"]] == matching
    assert found["matched"] == len(matching)


def test_a_burst_in_history_is_faster_than_usual_in_its_section(
    hooked: CommandLine, store: Store, database_url: str
) -> None:
    store([Row("央行降息", source=at, story=0) for at in range(4)])
    assert _tried(hooked, "burst:")["matched"] == 2
    database = Database(database_url)
    usual = heat.begin(Newcomer(1, "", "", "a", "finance", None, utc_now()))
    with database.write() as connection:
        told = [replace(usual, id=at + 1, portals=5, peak=5) for at in range(10)]
        stories.save(connection, told)
    database.close()
    assert _tried(hooked, "burst:")["matched"] == 0
    assert hooked.good("entries", "search", "burst:no", "--json").json[0]["title"] == "央行降息"


def _tried(cli: CommandLine, *argv: str) -> Any:
    return cli.good("rules", "test", *argv, "--json").json


TITLES = (
    *(
        "央行降息",
        "央行降準",
        "中央行政",
        "AI芯片",
        "ＡＩ芯片",
        "AIR",
        "漲停板",
        "股市涨停",
        "CAFE",
    ),
    *("Café opens", "cafés", "房价每㎡两万", "㈱索尼", "株式会社", "王兴兴谈机器人", "王興谈外卖"),
    *("5月涨价", "５月", "ﬁne day", "Fine day", "100%", "100_", "é", "①AI", "ｶﾞｽ値上げ", "ガス"),
    *("삼성전자", "12345", ""),
)


QUERIES = (
    *("央行", "降准", "AI", "涨停", "cafe", "m2", "株", "王兴", "sub:王兴", "5月", "fine", "sub:f"),
    *('"100%"', '"100_"', "e", "ガス", "삼성", "/[0-9]{5}/", "/涨停|跌停/", "NOT 央行"),
    *("AI芯片 OR 株", "section:finance", "NEAR/2(央, 降)", "word:外卖", "exact:Fine"),
    *("lang:zh 月", "rank:1", "source:portal*", "label:odd", "author:x", "source:nobody OR 央行"),
    *("rank:1 OR AI", "AI OR cafe OR fine", "sub:ai OR 央行"),
)


def test_history_says_what_the_matcher_says(hooked: CommandLine, store: Store) -> None:
    store([Row(title) for title in TITLES])
    facts = {"section": "finance", "probability": 0.9, "source": "Portal 0",
             "source_url": "https://portal0.example/rss", "language": "zh"}  # fmt: skip
    for query in QUERIES:
        rule_set = RuleSet([(1, parse(query))])
        wanted = {title for title in TITLES if rule_set.match(Subject(title, **facts))}
        found = _tried(hooked, query, "--limit", "100")
        assert {entry["title"] for entry in found["newest"]} == wanted, query
        assert (found["matched"], found["looked_at"]) == (len(wanted), len(TITLES))


def test_letters_with_marks_of_their_own_are_found_in_history(
    hooked: CommandLine, store: Store
) -> None:
    store(
        [Row("G\u0303uarani language day"), Row("S\u0336A\u0336L\u0336E\u0336 ends"), Row("plain")]
    )
    for query in ("guarani", "sale", "sub:uaran"):
        assert _tried(hooked, query)["matched"] == 1, query


def test_a_follow_up_that_other_headlines_set_off_is_counted(
    hooked: CommandLine, store: Store
) -> None:
    store(
        [
            Row("央行宣布降准", 3),
            Row("央行降准", 2, source=1, story=0),
            Row("降准", 1, source=2, story=0),
        ]
    )
    found = _tried(hooked, "宣布", "--escalate", "portals>=3")
    assert (found["matched"], found["alerts"]["at_once"]) == (1, 2)
    assert _tried(hooked, "宣布", "--escalate", "portals>=4")["alerts"]["at_once"] == 1


def test_filters_are_asked_of_the_database_too(hooked: CommandLine, store: Store) -> None:
    store([
        Row("one", section="tech", probability=0.4, unsure=True, rank=3),
        Row("two", section="tech", probability=0.8, source=1, author="Li Ming"),
        Row("three", section="finance", source=3, rank=12),
    ])  # fmt: skip
    for query, matched in (
        ("section:tech", 1), ("section:tech>=0.3", 2), ("section:unsure", 1), ("rank:<=10", 1),
        ("section:tech,finance", 2), ("label:odd", 2), ('source:"portal 3"', 1),
            ("author:*ming", 1),
        ("section:tech OR rank:12", 2), ("lang:en", 0), ("NOT section:tech", 2), ("rank:3..12", 2),
    ):  # fmt: skip
        assert _tried(hooked, query)["matched"] == matched, query


def test_alerts_are_counted_after_stories_caps_and_quiet_hours(
    hooked: CommandLine, store: Store
) -> None:
    # Five stories an hour apart, the first told by three portals.
    rows = [Row("央行降息", ago=100 - at, source=at) for at in range(5)]
    rows += [Row("央行宣布降息", ago=99.5, source=1, story=0), Row("降息了", ago=99.4, story=0)]
    store(rows)
    found = _tried(hooked, "降息")
    assert (found["matched"], found["stories"]) == (7, 5)
    alerts = found["alerts"]
    assert (alerts["total"], alerts["at_once"], alerts["joined"]) == (5, 5, 2)
    assert alerts["per_day"] == pytest.approx(5 / found["days"])
    daily = _tried(hooked, "降息", "--digest", "daily@08:00")["alerts"]
    assert daily["at_once"] == 0
    assert 1 <= daily["digests"] <= 2
    assert daily["held"] == 5
    capped = _tried(hooked, "降息", "--cap", "2/day")["alerts"]
    assert (capped["at_once"], capped["by_caps"]) == (2, 3)
    assert _tried(hooked, "降息", "--mode", "none")["alerts"]["total"] == 0
    quiet = _tried(hooked, "降息", "--quiet", "00:00-23:59")["alerts"]
    assert quiet["by_quiet"] >= 4
    grown = _tried(hooked, "降息", "--escalate", "portals>=2")["alerts"]
    assert grown["at_once"] == 6


def test_story_filters_are_asked_as_of_then(hooked: CommandLine, store: Store) -> None:
    store(
        [Row("甲", ago=9), Row("乙", ago=8, source=1, story=0), Row("丙", ago=7, source=2, story=0)]
    )
    for query, titles in (
        ("portals:>=2", {"乙", "丙"}), ("portals:>=3", {"丙"}), ("is:first", {"甲"}),
        ("NOT is:first", {"乙", "丙"}),
    ):  # fmt: skip
        assert {entry["title"] for entry in _tried(hooked, query)["newest"]} == titles, query


def test_it_tells_what_each_clause_did(hooked: CommandLine, store: Store) -> None:
    store([
        Row("央行降息"), Row("央行加息"), Row("央行降息加息"), Row("央行降息传闻"),
        Row("央行降息", section="tech"),
    ])  # fmt: skip
    clauses = _tried(hooked, "央行 (降息 OR 加息) NOT 传闻 section:finance")["clauses"]
    told = [(each["text"], each["within"], each["alone"], each["kept_out"]) for each in clauses]
    assert told == [
        ("央行", 3, 3, None), ("降息", 2, 1, None), ("加息", 2, 1, None), ("NOT 传闻", 3, 3, 1),
        ("section:finance", 3, 3, 1),
    ]  # fmt: skip


def test_near_misses_say_what_kept_them_out(hooked: CommandLine, store: Store) -> None:
    store([
        Row("王兴兴谈机器人"), Row("王兴谈外卖"), Row("王兴谈足球", section="sports"),
        Row("AIR Jordan"), Row("AI芯片"),
    ])  # fmt: skip
    near = _tried(hooked, "(王兴 OR AI) section:finance")["near_misses"]
    assert near["counts"] == {"section": 1, "boundary": 2}
    assert {(each["title"], each["why"], each["detail"]) for each in near["newest"]} == {
        ("王兴谈足球", "section", "sports"),
        ("王兴兴谈机器人", "boundary", "王兴兴 (the bundled list)"),
        ("AIR Jordan", "boundary", "within a longer word"),
    }
    shown = hooked.good("rules", "test", "(王兴 OR AI) section:finance").out
    assert "kept out by the section filter" in shown
    assert "王兴兴 (the bundled list)" in shown


def test_a_changed_query_is_compared_with_the_rule(hooked: CommandLine, store: Store) -> None:
    store([Row("央行降息"), Row("央行加息"), Row("央行降准")])
    hooked.good("rules", "add", "rates", "降息 OR 加息", "--channel", "hook", "--cap", "1/day")
    found = _tried(hooked, "降息 OR 降准", "--against", "rates")
    against = found["against"]
    assert (against["adds"], against["loses"]) == (1, 1)
    assert [entry["title"] for entry in against["added"]] == ["央行降准"]
    assert [entry["title"] for entry in against["lost"]] == ["央行加息"]
    assert found["alerts"]["by_caps"] == 1  # told as the rule is told
    assert "1 fewer than rule 'rates'" in hooked.good(
        "rules", "test", "降息 OR 降准", "--against", "rates"
    ).out  # fmt: skip
    own = _tried(hooked, "--rule", "rates")
    assert (own["matched"], own["against"]) == (2, None)
    assert hooked("rules", "test", "x", "--against", "none").code == 1
    for wrong in ((), ("x", "--rule", "rates")):
        assert hooked("rules", "test", *wrong).code == 2


def test_every_rule_is_tried_at_once(hooked: CommandLine, store: Store) -> None:
    store(
        [Row("央行降息", ago=30), Row("降息了", ago=29, story=0), Row("央行加息"), Row("苹果丰收")]
    )
    assert hooked.good("rules", "test", "--all", "--json").json["rules"] == []
    for name, query, *more in (
        ("rates", "降息"), ("bank", "央行", "--digest", "hourly"), ("first", "is:first"),
    ):  # fmt: skip
        hooked.good("rules", "add", name, query, "--channel", "hook", *more)
    found = hooked.good("rules", "test", "--all", "--json").json
    told = {
        each["rule"]: (each["matched"], each["stories"], each["alerts"]["at_once"],
                       each["alerts"]["digests"])
        for each in found["rules"]
    }  # fmt: skip
    assert told == {"rates": (2, 1, 1, 0), "bank": (2, 2, 0, 2), "first": (3, 3, 3, 0)}
    assert found["looked_at"] == 4
    assert "rates" in hooked.good("rules", "test", "--all").out
    assert hooked("rules", "test", "--all", "x").code == 2


def test_keywords_of_stored_rules_count(hooked: CommandLine, store: Store) -> None:
    store([Row("苹果手机降价")])
    hooked.good("rules", "add", "phones", "苹果手机", "--channel", "hook")
    found = _tried(hooked, "苹果")
    assert found["matched"] == 0
    assert found["near_misses"]["newest"][0]["detail"] == "苹果手机 (a rule's keyword)"
    title = _tried(hooked, "苹果", "--title", "苹果手机降价")
    assert (title["matched"], title["hidden"][0]["word"]) == (False, "苹果手机")
    shown = hooked.good("rules", "test", "苹果", "--title", "苹果手机降价").out
    assert "it is part of '苹果手机', of a rule's keyword" in shown
    assert _tried(hooked, "苹果手机", "--title", "苹果手机降价") == {
        "matched": True,
        "spans": [[0, 4]],
    }


def test_your_words_count(hooked: CommandLine, database_url: str) -> None:
    (hooked.folder / "words.txt").write_text("苹果派\n", encoding="utf-8")
    hooked.configure(HOOK + '[text]\nwords = "words.txt"\n', database_url)
    found = _tried(hooked, "苹果", "--title", "苹果派食谱")
    assert (found["matched"], found["hidden"][0]["origin"]) == (False, "your word list")


def test_spans_are_coloured_on_a_terminal_alone(
    hooked: CommandLine, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store([Row("央行\x1b[2J降息")])
    assert "央行\\x1b[2J[降息]" in hooked.good("rules", "test", "降息").out
    monkeypatch.setattr(type(sys.stdout), "isatty", lambda _: True, raising=False)
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert "央行\\x1b[2J\x1b[1;31m降息\x1b[0m" in hooked.good("rules", "test", "降息").out
    monkeypatch.setenv("NO_COLOR", "1")
    assert "[降息]" in hooked.good("rules", "test", "降息").out


def test_a_file_is_imported_reported_and_exported(hooked: CommandLine) -> None:
    file = hooked.folder / "frequency_words.txt"
    file.write_text("[Fruit]\n苹果\n!果农\n@7\n\n央行\n/(?=x)/\n", encoding="utf-8")
    dry = hooked.good("rules", "import", file, "--dry-run", "--json").json
    assert (dry["format"], [rule["name"] for rule in dry["rules"]]) == (
        "trendradar", ["Fruit", "央行"]
    )  # fmt: skip
    assert hooked.good("rules", "list", "--json").json == []
    printed = hooked.good("rules", "import", file, "--digest", "daily@08:00")
    assert "look-around" in printed.out
    assert "2 rules stored" in printed.out
    (fruit, _) = stored = hooked.good("rules", "list", "--json").json
    assert fruit["channels"] == ["hook"]  # the only one there is
    assert (fruit["options"]["mode"], fruit["options"]["top"]) == ("digest", 7)
    exported = hooked.folder / "rules.toml"
    exported.write_text(hooked.good("rules", "export").out, encoding="utf-8")
    for options in (("--dry-run",), ()):
        again = hooked.good("rules", "import", exported, *options)
        assert "already" in again.err
        assert "0 rules" in again.out
    assert "2 rules would" in hooked.good("rules", "import", exported, "--replace", "--dry-run").out
    for rule in stored:
        hooked.good("rules", "remove", rule["name"])
    hooked.good("rules", "import", exported)
    kept = ("name", "query", "channels", "enabled", "options")
    read_back = hooked.good("rules", "list", "--json").json
    assert [[rule[key] for key in kept] for rule in read_back] == [
        [rule[key] for key in kept] for rule in stored
    ]


def test_a_list_is_a_rule_of_the_files_name(hooked: CommandLine) -> None:
    file = hooked.folder / "my banks.txt"
    file.write_text("央行\n证监会\n", encoding="utf-8")
    hooked.good("rules", "import", file, "--urgent")
    (rule,) = hooked.good("rules", "list", "--json").json
    assert (rule["name"], rule["query"]) == ("my banks", "央行 OR 证监会")
    assert rule["options"]["urgent"]


def test_whole_words_tell_what_they_lose(hooked: CommandLine, store: Store) -> None:
    store([Row("AIR Jordan"), Row("AI芯片"), Row("MAIN street"), Row("iPhone17发布")])
    file = hooked.folder / "frequency_words.txt"
    file.write_text("AI\niPhone\n\nEU\n芯片\n", encoding="utf-8")
    found = hooked.good("rules", "import", file, "--whole-words", "--dry-run", "--json").json
    assert [rule["query"] for rule in found["rules"]] == ["AI OR iPhone", "EU OR sub:芯片"]
    told = {note["what"]: note["note"] for note in found["report"] if note["line"] == 0}
    assert "loses 2 of 30 days" in told["AI"]
    assert "iPhone17" in told["iPhone"]
    assert "EU" not in told


def test_replacing_changes_rules_of_the_same_name(hooked: CommandLine) -> None:
    file = hooked.folder / "r.csv"
    file.write_text("name,query,enabled\na,甲,yes\n", encoding="utf-8")
    hooked.good("rules", "import", file)
    file.write_text("name,query,enabled\na,乙,no\nb,section:nowhere,\n", encoding="utf-8")
    printed = hooked.good("rules", "import", file, "--replace", "--json").json
    assert printed["report"][-1]["fate"] == "lost"
    (rule,) = hooked.good("rules", "list", "--json").json
    assert (rule["query"], rule["enabled"], rule["version"]) == ("乙", False, 2)


def test_each_line_of_a_list_of_rules_is_told_of(hooked: CommandLine, tmp_path: Path) -> None:
    file = tmp_path / "x.csv"
    lines = ("a,甲,", "b,乙,nowhere", "c,丙 AND,", "d,丁,,5/year", "e,戊,hook")
    file.write_text("\n".join(("name,query,channels,caps", *lines)), encoding="utf-8")
    found = hooked.good("rules", "import", file, "--json").json
    assert [rule["name"] for rule in found["rules"]] == ["a", "e"]
    fates = [(note["line"], note["fate"], note["what"]) for note in found["report"]]
    assert fates == [
        (2, "kept", "a"), (3, "lost", "b"), (4, "lost", "c"), (5, "lost", "d"), (6, "kept", "e"),
    ]  # fmt: skip
    assert "no channel is called 'nowhere'" in found["report"][1]["note"]
    exported = tmp_path / "rules.toml"
    exported.write_text(hooked.good("rules", "export").out, encoding="utf-8")
    assert "2 kept, 0 changed, 0 lost" in hooked.good("rules", "import", exported).out


def test_rules_that_silence_each_other_are_told_at_once(hooked: CommandLine) -> None:
    for name in ("one", "two"):
        hooked.good("rules", "add", name, "央行", "--channel", "hook")
    said = hooked.good("rules", "add", "cut", "央行降息", "--channel", "hook").err
    assert "in rule 'one' 央行 does not count within 央行降息" in said
    assert "in rule 'two' 央行 does not count within 央行降息" in said
    said = hooked.good("rules", "edit", "two", "--query", "降息").err
    assert "in rule 'two' 降息 does not count within 央行降息" in said
    assert "'one'" not in said
    assert "in rule" not in hooked.good("rules", "edit", "two", "--query", "sub:降息").err
    kinds = [(each["rule"], each["kind"]) for each in
             hooked("rules", "lint", "--json").json]  # fmt: skip
    assert kinds == [("one", "silenced")]


def test_a_query_may_begin_with_a_minus(hooked: CommandLine, store: Store) -> None:
    store([Row("央行降息"), Row("广告")])
    assert _tried(hooked, "-广告")["matched"] == 1
    assert hooked.good("rules", "test", "-广告", "--title", "要闻", "--json").json["matched"]
    hooked.good("rules", "add", "clean", "-广告", "--channel", "hook")
    assert hooked.good("rules", "list", "--json").json[0]["query"] == "-广告"
    hooked.good("rules", "edit", "clean", "--query", "-推广")
    assert "央行" in hooked.good("entries", "search", "-广告").out
    assert "-h" in hooked.good("rules", "test", "-h").out
    assert hooked("rules", "test", "a", "--limit", "-5").code == 2


def test_a_section_may_be_named_in_either_language_and_is_kept_by_its_id(
    hooked: CommandLine,
) -> None:
    hooked.good("rules", "add", "money", '降 (section：财经,"房产">=0.2)', "--channel", "hook")
    assert (
        hooked.good("rules", "list", "--json").json[0]["query"]
        == "降 (section：finance,realty>=0.2)"
    )
    hooked.good("rules", "edit", "money", "--query", "-section:FINANCE OR section:体育")
    hooked.good("rules", "lint")
    (rule,) = hooked.good("rules", "list", "--json").json
    assert rule["query"] == "-section:finance OR section:sports"
    printed = hooked("rules", "add", "other", "section:finanse", "--channel", "hook")
    assert printed.code
    assert "did you mean section:finance?" in printed.err
    (hooked.folder / "rules.csv").write_text("name,query\ncars,section:汽车\n", "utf-8")
    hooked.good("rules", "import", str(hooked.folder / "rules.csv"))
    assert "section:auto" in hooked.good("rules", "export").out


def test_an_empty_query_is_told_as_one(hooked: CommandLine) -> None:
    for argv in (("",), ("", "--title", "x"), ("  ",)):
        printed = hooked("rules", "test", *argv)
        assert printed.code
        assert "the query is empty" in printed.err


def test_a_file_that_cannot_be_imported_says_why(cli: CommandLine, tmp_path: Path) -> None:
    file = tmp_path / "x.txt"
    file.write_bytes(b"\xff\xfe")
    assert "UTF-8" in cli("rules", "import", file).err
    file.write_text("央行", encoding="utf-8")
    printed = cli("rules", "import", file)
    assert printed.code == 2
    assert "--channel" in printed.err
    assert "no channel is called" in cli("rules", "import", file, "--channel", "x").err
    assert cli("rules", "import", tmp_path / "none").code == 1
    assert cli("rules", "import", file, "--cap", "x", "--channel", "x").code == 2
    with file.open("wb") as large:
        large.truncate(5 << 20)
    assert "4 MiB" in cli("rules", "import", file).err


def test_lint_tells_what_is_wrong_with_stored_rules(
    hooked: CommandLine, store: Store, database_url: str
) -> None:
    store([])
    assert hooked.good("rules", "lint").out.strip() == "nothing to remark"
    for name, query in (
        ("never", "央行 NOT 央行"), ("always", "a OR NOT a"), ("broad", "NOT 广告"),
        ("fruit", "苹果"), ("phones", "苹果手机"), ("again", "苹果手机"), ("gone", "source:nobody"),
    ):  # fmt: skip
        hooked.good("rules", "add", name, query, "--channel", "hook")
    printed = hooked("rules", "lint", "--json")
    assert printed.code == 1
    assert {(each["rule"], each["kind"]) for each in printed.json} == {
        ("never", "never"), ("always", "always"), ("broad", "broad"), ("fruit", "silenced"),
        ("again", "twice"), ("gone", "never"),
    }  # fmt: skip
    assert "sub:苹果" in hooked("rules", "lint").out
    hooked.configure(HOOK.replace("hook]", "other]"), database_url)
    assert ("fruit", "channel") in {
        (each["rule"], each["kind"]) for each in hooked("rules", "lint", "--json").json
    }


def test_lint_of_one_query(hooked: CommandLine) -> None:
    assert hooked("rules", "lint", "a NOT a").code == 1
    assert "matches nearly every" in hooked.good("rules", "lint", "NOT a").out
    assert hooked("rules", "lint", "(a").code == 2
