"""What a newcomer meets in the first hour."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from monitor.alerts import Held, Reason
from monitor.config import load
from monitor.errors import SettingsError
from monitor.service import utc_now
from monitor.storage import Database, rules, telling
from tests.commandline import CommandLine
from tests.monitor.cli.test_alerts import LEASE, message
from tests.monitor.cli.test_correcting import OWN


def test_add_takes_of_the_catalogue_what_is_listed(cli: CommandLine) -> None:
    cli.good("init", "--empty", "--force")
    listed = cli.good("feeds", "catalogue", "--section", "sports", "--json").json
    out = cli.good("feeds", "catalogue", "--section", "sports", "--add").out
    assert out == f"added {len(listed)} portals\n"
    assert {row["section"] for row in cli.good("feeds", "list", "--json").json} == {"sports"}


def test_the_catalogue_knows_sections_by_any_name(cli: CommandLine) -> None:
    known = cli.good("feeds", "catalogue", "--section", "finance", "--json").json
    assert cli.good("feeds", "catalogue", "--section", "财经", "--json").json == known != []
    assert "did you mean 'finance'?" in cli("feeds", "catalogue", "--section", "finanse").err


def test_the_documented_switch_of_the_scorer_is_no_unknown_setting(
    cli: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEADLINES_SCORER", "numpy")
    assert "央行" in cli.good("classify", "央行宣布降息").out


def test_all_rules_are_tried_as_their_own_options_say(hooked: CommandLine) -> None:
    hooked.good("rules", "add", "rates", "降息", "--channel", "hook")
    done = hooked("rules", "test", "--all", "--digest", "daily@08:00")
    assert (done.code, "--rule NAME" in done.err) == (2, True)
    assert hooked("rules", "test", "--all", "--cap", "bogus").code == 2


def test_the_list_says_until_when_something_is_held(
    hooked: CommandLine, database: Database
) -> None:
    at = utc_now() + LEASE
    with database.write() as connection:
        rules.add(connection, "rates", "降息", ["hook"], utc_now())
        rule = rules.get(connection, "rates")
        entry = replace(message("msg_a").entries[0], story_id=5)
        telling.hold(connection, [Held("hook", rule, entry, Reason.QUIET, at, 5, 0.0)], utc_now())
    out = hooked.good("alerts", "list", "--state", "held").out
    assert f"{at.astimezone():%Y-%m-%d %H:%M}" in out
    assert "NEXT_ATTEMPT_AT" in out


def test_the_list_says_when_a_digest_leaves(hooked: CommandLine) -> None:
    add = ("rules", "add")
    hooked.good(*add, "a", "降息", "--channel", "hook", "--digest", "daily@08:00")
    hooked.good(*add, "b", "加息", "--channel", "hook", "--mode", "now", "--later", "digest",
                "--digest", "hourly")  # fmt: skip
    out = hooked.good("rules", "list").out
    assert "mode digest, digest daily@08:00" in out
    assert "digest hourly" in out


def test_an_edit_says_that_the_rule_is_off(hooked: CommandLine) -> None:
    hooked.good("rules", "add", "rates", "降息", "--channel", "hook", "--urgent")
    assert "off, urgent" in hooked.good("rules", "edit", "rates", "--no-enabled").out
    assert "off, urgent" in hooked.good("rules", "edit", "rates", "--top", "5").out


MAIL = (
    "[channels.mail]\nkind = 'email'\nhost = 'h'\nsender = 'a@b.example'\n"
    "recipients = ['c@b.example']\n"
)


def test_a_variable_sets_what_the_file_leaves_out(tmp_path: Path) -> None:
    file = tmp_path / "headlines.toml"
    file.write_text(MAIL)
    names = {"PORT": "2525", "TLS": "none", "CAPS": "20/hour", "USERNAME": "u"}
    settings = load(file, environment={f"HEADLINES_CHANNELS_MAIL_{k}": v for k, v in names.items()})
    mail = settings.channels["mail"]
    assert (mail["port"], mail["tls"], mail["caps"]) == ("2525", "none", ["20/hour"])


@pytest.mark.parametrize(
    ("text", "variable"),
    [("polling = 3", "POLLING_INTERVAL"), ("[channels]\nmail = 3", "CHANNELS_MAIL_PASSWORD")],
)
def test_a_variable_of_what_is_no_table(tmp_path: Path, text: str, variable: str) -> None:
    file = tmp_path / "headlines.toml"
    file.write_text(text)
    with pytest.raises(SettingsError):
        load(file, environment={f"HEADLINES_{variable}": "5m"})


def test_settings_that_windows_wrote(tmp_path: Path) -> None:
    file = tmp_path / "headlines.toml"
    file.write_text("[alerts]\nquiet = '22:00-07:00'\n", encoding="utf-8-sig")
    assert load(file, environment={}).alerts.quiet == "22:00-07:00"
    file.write_bytes("# 邮件\n".encode("gb18030"))
    with pytest.raises(SettingsError, match="save it as UTF-8"):
        load(file, environment={})


def test_a_database_that_cannot_be_opened_says_what_to_do(cli: CommandLine, tmp_path: Path) -> None:
    cli.configure(database=f"sqlite:///{tmp_path}/none/x.db")
    told = cli("status").err
    assert "must be this user's to write" in told


def test_what_is_paused_has_no_next_time(cli: CommandLine) -> None:
    cli.good("feeds", "add", "https://a.example/rss", "--unchecked", "--name", "A")
    cli.good("feeds", "pause", "A")
    assert cli.good("feeds", "list").out.splitlines()[1].split() == ["1", "A", "paused", *"----"]


@pytest.mark.parametrize("order", [("mail", "mail_boss"), ("mail_boss", "mail")])
def test_a_variable_goes_to_the_channel_that_it_names(
    tmp_path: Path, order: tuple[str, str]
) -> None:
    file = tmp_path / "headlines.toml"
    file.write_text("".join(f"[channels.{name}]\nkind = 'email'\n" for name in order))
    settings = load(file, environment={"HEADLINES_CHANNELS_MAIL_BOSS_PORT": "2525"})
    assert settings.channels["mail_boss"] == {"kind": "email", "port": "2525"}
    assert settings.channels["mail"] == {"kind": "email"}


def test_variables_of_one_spelling_go_to_one_channel(tmp_path: Path) -> None:
    file = tmp_path / "headlines.toml"
    file.write_text("".join(f"[channels.{name}]\nkind = 'email'\n" for name in ("a-b", "a_b")))
    names = {"PASSWORD": "x", "PORT": "2525"}
    settings = load(file, environment={f"HEADLINES_CHANNELS_A_B_{k}": v for k, v in names.items()})
    assert sorted(len(each) for each in settings.channels.values()) == [1, 3]


def test_the_catalogue_is_listed_by_its_own_sections(cli: CommandLine, database_url: str) -> None:
    want = cli.good("feeds", "catalogue", "--section", "finance", "--json").json
    (cli.folder / "own.toml").write_text(OWN, encoding="utf-8")
    cli.configure('[classifier]\nsections = "own.toml"\n', database=database_url)
    assert cli.good("feeds", "catalogue", "--section", "finance", "--json").json == want != []


def test_a_rule_whose_name_begins_with_a_dash_can_be_ended(hooked: CommandLine) -> None:
    (hooked.folder / "words.txt").write_text("-20度\n", encoding="utf-8")
    importing = ("rules", "import", str(hooked.folder / "words.txt"))
    hooked.good(*importing, "--format", "trendradar", "--channel", "hook")
    assert [each["name"] for each in hooked.good("rules", "list", "--json").json] == ["-20度"]
    assert "matches" in hooked.good("rules", "test", "--rule", "-20度", "--title", "降至-20度").out
    hooked.good("rules", "remove", "-20度")
    hooked.good("rules", "add", "-x", "storm", "--channel", "hook")
    hooked.good("rules", "remove", "--", "-x")
    assert hooked.good("rules", "list", "--json").json == []


def test_a_channel_that_cannot_be_is_not_said_to_work(cli: CommandLine) -> None:
    cli.configure("[channels.mail]\nkind = 'emial'\n[channels.hook]\nkind = 'webhook'\nurl = 7")
    mail, hook = cli.good("channels", "list", "--json").json
    assert "unusable: " in mail["state"]
    assert "did you mean 'email'" in mail["state"]
    assert "channels.hook.url" in hook["state"]
    done = cli("rules", "add", "r", "storm", "--channel", "mail")
    assert (done.code, "emial" in done.err) == (2, True)
    assert cli.good("rules", "list", "--json").json == []


def test_names_that_nothing_has_are_told(hooked: CommandLine) -> None:
    hooked.good("rules", "add", "rates", "降息", "--channel", "hook")
    for ask in (("alerts", "list"), ("alerts", "replay", "--since", "1d")):
        done = hooked(*ask, "--rule", "rate")
        assert (done.code, "did you mean 'rates'?" in done.err) == (1, True)
        done = hooked(*ask, "--channel", "hok")
        assert (done.code, "did you mean 'hook'?" in done.err) == (1, True)
        hooked.good(*ask, "--rule", "rates", "--channel", "hook")


def test_options_that_would_not_count_are_refused(hooked: CommandLine) -> None:
    hooked.good("rules", "add", "rates", "降息", "--channel", "hook")
    ask = ("rules", "test", "降息", "--title", "央行降息")
    for more in (("--against", "rates"), ("--cap", "5/hour"), ("--quiet", "off")):
        done = hooked(*ask, *more)
        assert (done.code, "--title" in done.err) == (2, True)
    add = ("feeds", "add", "http://127.0.0.1:8099/f.xml", "--unchecked")
    hooked.good(*add, "--section", "sports")
    assert "is watched already" in hooked.good(*add).out
    told = hooked.good(*add, "--section", "tech", "--every", "5m").err
    assert "--section, --every not taken" in told
    assert [each["section"] for each in hooked.good("feeds", "list", "--json").json] == ["sports"]
