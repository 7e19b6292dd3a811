"""``classify``, ``correct`` and ``retrain``, ``evaluate``, ``models``."""

from __future__ import annotations

import html
import json
import time
from pathlib import Path

import pytest

from classifiers.registry import Registry
from monitor.model import Classifier
from tests.commandline import CommandLine
from tests.httpserver import HttpServer
from tests.monitor.actions.conftest import swapped, titles, write_corpus
from tests.monitor.cli.conftest import TITLES

CLASSIFIED = {"title", "section", "probability", "unsure", "runner_up"}
EVALUATED = {
    "accuracy", "macro_f1", "ece", "titles", "train_seconds", "titles_per_second", "coverage",
    "per_section",
}  # fmt: skip
WRONG_ON_PURPOSE = ("travel", "food", "health", "fashion", "games")


def test_titles_are_classified_in_order(cli: CommandLine) -> None:
    found = cli.good("classify", *TITLES, "--json").json
    assert [row["title"] for row in found] == list(TITLES)
    for row in found:
        assert set(row) == CLASSIFIED
        assert 0 <= row["probability"] <= 1
        assert row["section"] != row["runner_up"]
    assert len(cli.good("classify", *TITLES).out.splitlines()) == len(TITLES)
    assert isinstance(cli.good("classify", "one", "--json").json, list)


def test_thresholds_of_the_user_say_what_is_unsure(cli: CommandLine) -> None:
    title = TITLES[0]
    section = cli.good("classify", title, "--json").json[0]["section"]
    cli.configure("[classifier]\nunsure_below = { all = 0.0 }\n")
    assert cli.good("classify", title, "--json").json[0]["unsure"] is False
    cli.configure(f"[classifier]\nunsure_below = {{ all = 0.0, {section} = 1.0, fod = 0.5 }}\n")
    found = cli.good("classify", title, "--json")
    assert found.json[0]["unsure"] is True
    assert "classifier.unsure_below: fod is no section" in found.err


def test_classify_explains_itself(cli: CommandLine) -> None:
    found = cli.good("classify", *TITLES, "--explain", "--json").json
    plain = cli.good("classify", *TITLES, "--json").json
    for row, same in zip(found, plain, strict=True):
        assert {name: row[name] for name in CLASSIFIED} == same
        assert row["margin"] > 0
        weights = [reason["weight"] for reason in row["reasons"]]
        assert sum(weights) == pytest.approx(row["margin"], abs=1e-9)
        for reason in row["reasons"]:
            assert reason["for"] - reason["against"] == pytest.approx(reason["weight"], abs=1e-9)
        assert [abs(each) for each in weights] == sorted(map(abs, weights), reverse=True)
    text = cli.good("classify", TITLES[0], "--explain").out
    assert found[0]["reasons"][0]["text"] in text
    assert f"= {found[0]['section']} above {found[0]['runner_up']}" in text


def test_hostile_31_any_bytes_on_standard_input_are_answered_a_line_each(
    cli: CommandLine,
) -> None:
    lines = [
        b"\xff\xfe\x80 not UTF-8", b"", b"\x00\x00", "👩‍👩‍👧‍👦".encode(), b"x" * 1_000_000,
        b"\x1b[31mred",
        "\u202eabc".encode(), "央行降息".encode("gbk"), b"\xed\xa0\x80", b"a\rb", b"last",
    ]  # fmt: skip
    given = b"\n".join(lines)
    done = cli.process("classify", "--json", input=given)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert len(found) == len(lines)
    assert found[0]["title"] == "\ufffd\ufffd\ufffd not UTF-8"
    assert found[1]["unsure"] is True
    assert found[-1]["title"] == "last"
    plain = cli.process("classify", input=given)
    assert plain.returncode == 0
    assert b"\x1b" not in plain.stdout
    assert len(plain.stdout.splitlines()) == len(lines)


def test_no_titles_give_an_empty_document(cli: CommandLine) -> None:
    assert json.loads(cli.process("classify", "--json", input=b"").stdout) == []


def test_twenty_thousand_titles_are_one_document(cli: CommandLine) -> None:
    given = "\n".join(f"{title} {number}" for number in range(4_000) for title in TITLES[:5])
    done = cli.process("classify", "--json", input=given.encode())
    assert len(json.loads(done.stdout)) == 20_000


@pytest.fixture
def releases(cli: CommandLine) -> Registry:
    return Registry(cli.folder / "headlines-data" / "models")


def test_the_starter_can_be_promoted_and_returned_to(cli: CommandLine, releases: Registry) -> None:
    (starter,) = cli.good("models", "list", "--json").json
    assert (starter["id"], starter["live"]) == ("starter", True)
    assert set(starter) == {"id", "release", "live", "accuracy", "titles", "problem"}
    shown = cli.good("models", "show", "--json").json
    assert shown["id"] == starter["release"]
    assert cli.good("models", "show", "starter").json == shown
    cli.good("models", "promote", "starter")
    assert releases.current() == releases.root / starter["release"]
    live = [row["id"] for row in cli.good("models", "list", "--json").json if row["live"]]
    assert live == [starter["release"]]
    assert cli("models", "rollback").code == 1


def test_five_corrections_are_learnt_and_can_be_taken_back(
    cli: CommandLine, portal: HttpServer, releases: Registry
) -> None:
    nothing = cli.good("retrain", "--json")
    assert nothing.json["nothing_new"] is True
    assert "nothing new" in nothing.err
    cli.good("feeds", "add", portal.url("/rss"))
    cli.good("poll")
    numbers = {row["title"]: row["id"] for row in cli.good("entries", "list", "--json").json}
    wanted = dict(zip(TITLES, WRONG_ON_PURPOSE, strict=False))
    for title, section in wanted.items():
        cli.good("correct", str(numbers[title]), section)
    before = Classifier(releases.root).scorer.release

    printed = cli.good("retrain", "--json")
    keys = {"release", "live_release", "promoted", "refusal", "before", "after"}
    assert keys <= set(printed.json)
    assert (printed.json["promoted"], printed.json["corrections"]) == (True, 5)
    assert (printed.json["learnt"], printed.json["fixed"], printed.json["broken"]) == (5, 5, 0)
    answers = cli.good("classify", *wanted, "--json").json
    assert {row["title"]: row["section"] for row in answers} == wanted
    assert f"release {printed.json['release']} is live" in printed.err

    assert before in cli.good("models", "rollback").out
    assert Classifier(releases.root).scorer.release == before


def test_hostile_3_a_retraining_killed_by_the_system_leaves_the_old_model(
    cli: CommandLine, portal: HttpServer, releases: Registry
) -> None:
    import subprocess

    from tests.commandline import HEADLINES

    cli.good("feeds", "add", portal.url("/rss"))
    cli.good("poll")
    cli.good("correct", "1", "travel")
    before = Classifier(releases.root).scorer.release
    for after_s in (0.3, 1.5, 4.0):
        process = subprocess.Popen([HEADLINES, "retrain"], cwd=cli.folder, stderr=subprocess.PIPE)
        time.sleep(after_s)  # a point in time is what is tried here
        process.kill()
        process.communicate()
        found = releases.list()
        assert all(not each.problem for each in found)
        serving = Classifier(releases.root).scorer.release
        assert serving == before or (after_s > 1 and serving in {each.id for each in found})


def write_jsonl(path: Path, count: int) -> Path:
    words = {
        "sports": ["球队", "夺冠", "联赛", "进球"],
        "finance": ["央行", "降息", "股市", "债券"],
    }
    rows = [
        {"title": f"{found[number % 4]}{found[(number // 4) % 4]}消息{number}", "label": section}
        for number in range(count)
        for section, found in words.items()
    ]
    path.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows))
    return path


def test_an_evaluation_has_the_promised_keys(cli: CommandLine) -> None:
    corpus = f"jsonl:{write_jsonl(cli.folder / 'x.jsonl', 60)}"
    for labels in ("native", "sections"):
        printed = cli.good("evaluate", "--train", corpus, "--test", corpus, "--labels", labels,
                           "--json")  # fmt: skip
        assert set(printed.json) == EVALUATED
        assert set(printed.json["coverage"]) == {"0.80", "0.90", "0.95"}
        assert set(printed.json["per_section"]) == {"sports", "finance"}
        assert printed.json["accuracy"] == 1.0
    assert "accuracy" in cli.good("evaluate", "--train", corpus, "--test", corpus).out


def test_an_evaluation_writes_a_page_that_tells_the_same(cli: CommandLine) -> None:
    corpus = f"jsonl:{write_jsonl(cli.folder / 'x.jsonl', 60)}"
    printed = cli.good("evaluate", "--train", corpus, "--test", corpus, "--report", "r", "--json")
    page = cli.folder / "r" / "report.html"
    assert "r/report.html" in printed.err
    assert f"{100 * printed.json['accuracy']:.1f}\u00a0%" in page.read_text("utf-8")
    assert (page.parent / "confusion.png").is_file()
    (cli.folder / "file").touch()
    refused = cli("evaluate", "--train", corpus, "--test", corpus, "--report", "file")
    assert refused.code == 1
    assert "file: no report can be written there" in refused.err


@pytest.mark.parametrize(
    ("name", "opens_in"), [("zh_CN", "zh"), ("Chinese_China", "zh"), ("en_GB", "en"), (None, "en")]
)
def test_a_page_opens_in_the_language_of_the_locale(
    monkeypatch: pytest.MonkeyPatch, name: str | None, opens_in: str
) -> None:
    from monitor.actions.reporting import language

    monkeypatch.setenv("LC_ALL", "C")
    monkeypatch.setattr("locale.getlocale", lambda category: (name, "UTF-8"))
    assert language() == opens_in
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")  # whether or not the machine has it
    assert language() == "zh"


def test_a_retraining_writes_a_page_on_old_and_new(cli: CommandLine, releases: Registry) -> None:
    nothing = cli.good("retrain", "--report", "none")
    assert "no report is written" in nothing.err
    bad = write_corpus(cli.folder / "bad" / "x.jsonl", swapped(titles(1_500, seed=8)))
    printed = cli("retrain", "--corpus", bad, "--report", "r", "--json")
    assert printed.code == 1
    shown = (cli.folder / "r" / "report.html").read_text("utf-8")
    assert f"Release {printed.json['release']} was not promoted" in shown
    assert html.escape(printed.json["refusal"], quote=False) in shown
    assert f"{100 * printed.json['after']['accuracy']:.1f}\u00a0%" in shown
    assert {"changes.png", "learning-dark.png"} <= {
        each.name for each in (cli.folder / "r").iterdir()
    }


def test_the_database_is_a_corpus(filled: CommandLine) -> None:
    filled.good("correct", "2", "sports")
    corpus = f"jsonl:{write_jsonl(filled.folder / 'x.jsonl', 60)}"
    printed = filled.good(
        "evaluate", "--train", corpus, "--test", "database:", "--labels", "sections", "--json"
    )
    assert printed.json["titles"] == len(TITLES)
    assert printed.json["per_section"]["sports"]["count"] == 1
    assert printed.json["per_section"]["finance"]["count"] == len(TITLES) - 1


def test_corpora_that_give_no_model_are_failures(cli: CommandLine) -> None:
    one = cli.folder / "one.csv"
    one.write_text("title,label\na,sports\nb,sports\nc,sports\n")
    printed = cli("evaluate", "--train", f"csv:{one}", "--test", "builtin")
    assert printed.code == 1
    assert "two sections" in printed.err
    one.write_text("title,label\na,spots\n")
    printed = cli("retrain", "--corpus", f"csv:{one}")
    assert printed.code == 2
    assert "'spots' is no section" in printed.err


def test_a_worse_model_is_refused_with_the_reason(cli: CommandLine, releases: Registry) -> None:
    bad = write_corpus(cli.folder / "bad" / "x.jsonl", swapped(titles(1_500, seed=8)))
    printed = cli("retrain", "--corpus", bad, "--json")
    assert printed.code == 1
    assert printed.json["refusal"] in printed.err
    assert "--force" in printed.err
    assert (printed.json["promoted"], printed.json["compared_on"]) == (False, "held-out")
    assert releases.list() == []
