"""``rules``: kept, and tried on titles and on history."""

from __future__ import annotations

import pytest

from tests.commandline import CommandLine
from tests.monitor.cli.conftest import TITLES

HOOK = '[channels.hook]\nkind = "webhook"\nurl = "https://a.example/"\nsecrets = ["{}"]\n'.format(
    "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
)


@pytest.fixture
def hooked(cli: CommandLine, database_url: str) -> CommandLine:
    cli.configure(HOOK, database_url)
    return cli


def test_rules_are_kept_listed_and_removed(hooked: CommandLine) -> None:
    hooked.good("rules", "add", "rates", '降息 OR "rate cut"', "--channel", "hook")
    (rule,) = hooked.good("rules", "list", "--json").json
    assert set(rule) == {
        *("id", "name", "query", "channels", "enabled", "version", "snoozed_until", "options")
    }
    assert (rule["name"], rule["query"], rule["channels"]) == (
        "rates", '降息 OR "rate cut"', ["hook"]
    )  # fmt: skip
    assert "rates" in hooked.good("rules", "list").out
    assert hooked("rules", "add", "rates", "x", "--channel", "hook").code == 2
    hooked.good("rules", "remove", "rates")
    assert hooked.good("rules", "list", "--json").json == []


def test_rules_are_the_same_after_export_and_import(hooked: CommandLine) -> None:
    exclusions = " ".join(f"-{at:x}" for at in range(256, 1056))  # longer with AND NOT
    hooked.good("rules", "add", "a  b", f"苹果 {exclusions}", "--channel", "hook")
    hooked.good("rules", "add", "a b", "(降息  降准)", "--channel", "hook")
    before = hooked.good("rules", "list", "--json").json
    file = hooked.folder / "rules.toml"
    file.write_text(hooked.good("rules", "export").out, encoding="utf-8")
    hooked.good("rules", "import", file, "--replace")
    assert hooked.good("rules", "list", "--json").json == before


def test_how_a_rule_is_told_is_set_listed_and_changed(hooked: CommandLine) -> None:
    hooked.good(
        "rules", "add", "rates", "降息", "--channel", "hook", "--digest", "weekly@mon 08:00",
        "--urgent", "--cap", "10/minute", "--cap", "60/hour", "--cooldown", "6h", "--top", "5",
    )  # fmt: skip
    (rule,) = hooked.good("rules", "list", "--json").json
    assert rule["version"] == 1
    assert rule["options"] == {
        "mode": "digest", "digest": "weekly@mon 08:00", "urgent": True, "quiet": "",
        "caps": ["10/minute", "60/hour"], "cooldown_s": 21600.0, "later": "none",
        "escalate": "", "top": 5,
    }  # fmt: skip
    assert "weekly@mon 08:00, urgent" in hooked.good("rules", "list").out
    hooked.good(
        "rules", "edit", "rates", "--mode", "now", "--no-urgent", "--cap", "none",
        "--query", "降准", "--escalate", "portals>=5", "--no-enabled",
    )  # fmt: skip
    (rule,) = hooked.good("rules", "list", "--json").json
    assert (rule["version"], rule["query"], rule["enabled"]) == (2, "降准", False)
    assert rule["options"]["caps"] == []
    assert rule["options"]["cooldown_s"] == 21600.0
    assert not rule["options"]["urgent"]


def test_what_cannot_be_set_names_the_option_and_changes_nothing(hooked: CommandLine) -> None:
    wrong = hooked("rules", "add", "rates", "x", "--channel", "hook", "--cap", "5/week")
    assert wrong.code == 2
    assert "60/hour" in wrong.err
    hooked.good("rules", "add", "rates", "x", "--channel", "hook")
    wrong_queries = (("--query", text) for text in ("(", "", " "))
    for words in (("--quiet", "10"), *wrong_queries, ("--channel", "hok"), ()):
        assert hooked("rules", "edit", "rates", *words).code == 2
    assert hooked("rules", "edit", "others", "--urgent").code == 1
    assert hooked.good("rules", "list", "--json").json[0]["version"] == 1


def test_a_name_that_comes_back_goes_on_with_its_versions(hooked: CommandLine) -> None:
    hooked.good("rules", "add", "rates", "x", "--channel", "hook")
    hooked.good("rules", "remove", "rates")
    hooked.good("rules", "add", "rates", "y", "--channel", "hook")
    assert hooked.good("rules", "list", "--json").json[0]["version"] == 2


def test_a_rule_is_snoozed_and_woken(hooked: CommandLine) -> None:
    hooked.good("rules", "add", "rates", "x", "--channel", "hook")
    hooked.good("rules", "snooze", "rates", "2h")
    assert hooked.good("rules", "list", "--json").json[0]["snoozed_until"]
    assert "snoozed until" in hooked.good("rules", "list").out
    hooked.good("rules", "snooze", "rates", "0")
    assert hooked.good("rules", "list", "--json").json[0]["snoozed_until"] is None
    assert hooked("rules", "snooze", "other", "2h").code == 1


def test_a_channel_named_twice_counts_once(hooked: CommandLine) -> None:
    hooked.good("rules", "add", "a", "x", "--channel", "hook", "--channel", "hook")
    assert hooked.good("rules", "list", "--json").json[0]["channels"] == ["hook"]


def test_an_unknown_channel_is_refused_with_the_nearest(hooked: CommandLine) -> None:
    printed = hooked("rules", "add", "a", "x", "--channel", "hok")
    assert printed.code == 2
    assert "did you mean 'hook'?" in printed.err
    assert hooked.good("rules", "list", "--json").json == []


@pytest.mark.parametrize("name", ["", " ", "a\nb", "x" * 201, "\x1b[31m"])
def test_names_that_cannot_be_shown_are_refused(hooked: CommandLine, name: str) -> None:
    assert hooked("rules", "add", name, "x", "--channel", "hook").code == 2


def test_a_rule_that_asks_for_nothing_is_kept_with_a_warning(hooked: CommandLine) -> None:
    printed = hooked.good("rules", "add", "all", "NOT 广告", "--channel", "hook")
    assert "nearly every headline" in printed.err
    assert not hooked.good("rules", "add", "some", "降息", "--channel", "hook").err
    assert "nearly every headline" in hooked.good("rules", "edit", "some", "--query", "-降息").err


def test_errors_point_at_the_place(hooked: CommandLine) -> None:
    printed = hooked("rules", "test", "降息 AND", "--title", "x")
    query, caret = printed.err.splitlines()[-2:]
    assert query.endswith("降息 AND")
    assert len(caret) == len(query) + 3  # behind the text, whose wide characters take two columns


@pytest.mark.parametrize(
    ("query", "title", "spans"),
    [
        ('降息 OR "rate cut"', "央行宣布降息25个基点", [[4, 6]]),
        ("AI", "AI芯片发布", [[0, 2]]),
        ("AI", "AIR Jordan", None),
        ("苹果 AND NOT (水果 OR 果农)", "苹果果农丰收", None),
        ("rate", "<b>😀 RATE</b>", [[5, 9]]),
        ("a", "", None),
        ("NOT a", "", []),
    ],
)
def test_a_title_is_tried(
    cli: CommandLine, query: str, title: str, spans: list[list[int]] | None
) -> None:
    found = cli.good("rules", "test", query, "--title", title, "--json").json
    assert found == {"matched": spans is not None, "spans": spans or []}
    shown = cli.good("rules", "test", query, "--title", title).out
    assert shown.splitlines()[0] == ("does not match" if spans is None else "matches")


def test_a_section_filter_asks_the_live_model(cli: CommandLine) -> None:
    title = "央行宣布降息25个基点"
    section = cli.good("classify", title, "--json").json[0]["section"]
    for query, matched in ((f"section:{section}", True), (f"NOT section:{section}", False)):
        found = cli.good("rules", "test", query, "--title", title, "--json").json
        assert found["matched"] is matched


def test_a_title_of_a_million_characters_is_tried(cli: CommandLine) -> None:
    found = cli.good("rules", "test", "降息 OR /a+b/", "--title", "降" * 1_000_000, "--json").json
    assert found == {"matched": False, "spans": []}


def test_history_is_tried(filled: CommandLine) -> None:
    found = filled.good("rules", "test", '降息 OR "rate cut"', "--json").json
    assert set(found) == {
        "matched", "looked_at", "per_day", "days", "stories", "alerts", "newest", "clauses",
        "near_misses", "against", "seconds",
    }  # fmt: skip
    assert (found["matched"], found["looked_at"], found["per_day"]) == (2, len(TITLES), 2.0)
    assert {entry["title"] for entry in found["newest"]} == {TITLES[0], TITLES[5]}
    assert [entry["spans"] for entry in found["newest"] if entry["title"] == TITLES[0]] == [
        [[4, 6]]
    ]
    one = filled.good("rules", "test", "降息 OR cut", "--limit", "1", "--json").json
    assert (one["matched"], len(one["newest"])) == (2, 1)
    assert "央行宣布[降息]" in filled.good("rules", "test", "降息").out
    assert filled.good("rules", "test", "降息", "--since", "0s", "--json").json["looked_at"] == 0
    by_source = 'source:"portal news"'
    assert filled.good("rules", "test", by_source, "--json").json["matched"] == len(TITLES)
