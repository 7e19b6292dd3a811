"""Settings: from file and variables, checked whole, with the way out in every error."""

from __future__ import annotations

from dataclasses import FrozenInstanceError
from importlib import resources
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor import options
from monitor.config import Polling, load
from monitor.errors import SettingsError


def write(folder: Path, text: str) -> Path:
    path = folder / "headlines.toml"
    path.write_text(text, encoding="utf-8")
    return path


def problems(folder: Path, text: str, **environment: str) -> str:
    with pytest.raises(SettingsError) as caught:
        load(write(folder, text), environment=environment)
    return str(caught.value)


def test_without_a_file_the_defaults_hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    settings = load(environment={})
    assert settings.polling.interval_s == 900
    assert settings.data == tmp_path / "headlines-data"
    assert settings.database == f"sqlite:///{tmp_path}/headlines-data/headlines.db"
    with pytest.raises(FrozenInstanceError):
        settings.data = tmp_path  # type: ignore[misc]


def test_durations_lists_and_tables_are_read(tmp_path: Path) -> None:
    file = write(
        tmp_path,
        'data = "d"\n[polling]\ninterval = "10m"\nallow_private = ["10.0.0.1:80"]\n'
        '[alerts]\nowner = "mail"\n[channels.mail]\nkind = "email"\nhost = "h"\n',
    )
    settings = load(file, environment={})
    assert settings.polling.interval_s == 600
    assert settings.polling.allow_private == ("10.0.0.1:80",)
    assert settings.channels["mail"]["host"] == "h"
    assert settings.data == tmp_path / "d"


def test_thresholds_of_the_user_are_read_and_checked(tmp_path: Path) -> None:
    text = "[classifier]\nanswered_right = 0.9\nunsure_below = { all = 0.5, food = 0.8 }\n"
    found = load(write(tmp_path, text), environment={}).classifier
    assert found.answered_right == 0.9
    assert found.unsure_below == {"all": 0.5, "food": 0.8}
    wrong = problems(
        tmp_path, "[classifier]\nanswered_right = 95\nunsure_below = { food = 2, auto = true }\n"
    )
    assert "classifier.answered_right: from 0.5 to below 1 is expected, not 95" in wrong
    assert "classifier.unsure_below.food: a probability from 0 to 1 is expected, not 2" in wrong
    assert "classifier.unsure_below.auto" in wrong
    assert "answered_right" in problems(tmp_path, "[classifier]\nanswered_right = nan\n")


def test_named_files_stand_beside_the_settings(tmp_path: Path) -> None:
    (tmp_path / "words.txt").write_text("词\n", encoding="utf-8")
    file = write(tmp_path, '[text]\nwords = "words.txt"\n[retrain]\ncorpora = ["csv:x.csv"]\n')
    settings = load(file, environment={"HEADLINES_RETRAIN_SCHEDULE": "sunday@04:00"})
    assert settings.text.words == tmp_path / "words.txt"
    assert settings.retrain.schedule == "sunday@04:00"
    assert settings.retrain.corpora == ("csv:x.csv",)


def test_an_unknown_key_names_the_nearest_known_one(tmp_path: Path) -> None:
    told = problems(tmp_path, "[polling]\nintervall = 5\n[poling]\n")
    assert "did you mean 'interval'?" in told
    assert "did you mean 'polling'?" in told


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[polling]\nconcurrency = 'many'", "a number is expected, not 'many'"),
        ("[polling]\nconcurrency = 1.5", "a whole number is expected"),
        ("[polling]\nconcurrency = 0", "must be more than 0"),
        ("[polling]\ninterval = 'soon'", "a duration such as"),
        ("[polling]\nallow_private = 'x'", "a list is expected"),
        ("polling = 3", "a table [polling] is expected"),
        ("[log]\nlevel = 'loud'", "debug, info, warning or error"),
        ("[alerts]\nowner = 'nobody'", "there is no [channels.nobody]"),
        ("[channels.mail]\nhost = 'h'", "channels.mail: 'kind' must be set"),
        ("data = [", "headlines.toml"),
        ("[text]\nwords = 'none.txt'", "none.txt: no such file"),
        ("[text]\nwords = ''", "the path of a file is expected"),
        ("[classifier]\nsections = 'none.toml'", "none.toml: no such file"),
        ("[retrain]\nschedule = 'weekly'", "retrain.schedule: 'off', 'daily@04:00'"),
    ],
)
def test_every_problem_says_where_and_what(tmp_path: Path, text: str, told: str) -> None:
    assert told in problems(tmp_path, text)


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    told = problems(tmp_path, "[polling]\nper_host = -1\ngap = 'x'\n[log]\nformat = 'xml'\n")
    assert told.count("\n") == 1
    assert "polling.gap:" in told
    assert "log.format" in told


def test_variables_override_the_file(tmp_path: Path) -> None:
    file = write(tmp_path, "[polling]\ninterval = '10m'\n[channels.mail]\nkind = 'email'\n")
    secret = tmp_path / "secret"
    secret.write_text("hush\n")
    settings = load(
        file,
        environment={
            "HEADLINES_POLLING_INTERVAL": "5m",
            "HEADLINES_POLLING_ALLOW_PRIVATE": "10.0.0.1, 10.0.0.2:81",
            "HEADLINES_CHANNELS_MAIL_PASSWORD_FILE": str(secret),
            "HEADLINES_DATABASE": "sqlite:///x.db",
            "HEADLINES_DATA": str(tmp_path / "elsewhere"),
            "PATH": "/bin",
        },
    )
    assert settings.polling.interval_s == 300
    assert settings.polling.allow_private == ("10.0.0.1", "10.0.0.2:81")
    assert settings.channels["mail"]["password"] == "hush"
    assert settings.database == "sqlite:///x.db"
    assert settings.data == tmp_path / "elsewhere"


def test_unknown_variables_and_unreadable_secrets_are_errors(tmp_path: Path) -> None:
    told = problems(
        tmp_path,
        "[channels.mail]\nkind = 'email'\n",
        HEADLINES_POLLING_INTERVALL="5m",
        HEADLINES_CHANNELS_MAIL_PASSWORD_FILE=str(tmp_path / "nowhere"),
    )
    assert "did you mean 'HEADLINES_POLLING_INTERVAL'?" in told
    assert "nowhere" in told


def test_a_named_file_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="headlines init"):
        load(tmp_path / "none.toml", environment={})


def test_secrets_do_not_show(tmp_path: Path) -> None:
    file = write(tmp_path, "[channels.hook]\nkind = 'webhook'\nsecrets = ['whsec_hush']\n")
    assert "hush" not in repr(load(file, environment={}))


def test_the_file_that_init_writes_says_what_the_defaults_are() -> None:
    text = resources.files("monitor.actions").joinpath("headlines.toml").read_text("utf-8")
    lines = [line.removeprefix("# ") for line in text.splitlines()]
    told = {
        line.split(" = ")[0]: line.split(" = ")[1].split("#")[0].strip()
        for line in lines
        if " = " in line
    }
    assert options.duration_s(told["interval"].strip('"')) == Polling().interval_s
    assert int(told["max_bytes"]) == Polling().max_bytes
    assert int(told["concurrency"]) in {64, 16}


@given(st.dictionaries(st.text(max_size=8), st.none() | st.booleans() | st.text() | st.floats()))
def test_any_table_is_read_or_refused(table: dict[str, object]) -> None:
    try:
        options.read(Polling, table, "polling")
    except SettingsError as error:
        assert error.problems


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('[alerts]\ntimezone = "Asia/Shangai"', "alerts.timezone"),
        ('[alerts]\nquiet = "22-7"', "alerts.quiet: 22:00-07:00"),
        ('[alerts]\nheartbeat_url = "ping"', "alerts.heartbeat_url"),
        ('[web]\nlisten = "8350"', "web.listen"),
        ('[web]\npublic_url = "https://a.example"', "web.listen"),
        ('[channels.a]\nkind = "email"\ncaps = ["5/week"]', "channels.a.caps"),
        ('[channels.a]\nkind = "email"\ncaps = "5/hour"', "channels.a.caps: a list"),
    ],
)
def test_manners_that_cannot_be_are_named(tmp_path: Path, text: str, expected: str) -> None:
    path = tmp_path / "headlines.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError) as error:
        load(path, environment={})
    assert expected in str(error.value)
