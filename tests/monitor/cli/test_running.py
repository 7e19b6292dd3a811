"""``init``, ``status`` and ``doctor``."""

from __future__ import annotations

import socket
import stat

import pytest

from monitor.config import Polling, load
from monitor.storage import Database, rules
from tests.commandline import CommandLine
from tests.monitor.cli.conftest import TITLES

CHECKS = [
    "settings", "database", "model", "clock", "dns", "smtp", "disk", "files", "rules", "learning",
    "browser", "reading",
]  # fmt: skip


@pytest.fixture
def bare(cli: CommandLine) -> CommandLine:
    """A folder without settings."""
    (cli.folder / "headlines.toml").unlink()
    return cli


def test_init_writes_settings_that_load_and_portals_that_are_on(bare: CommandLine) -> None:
    printed = bare.good("init")
    path = bare.folder / "headlines.toml"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    settings = load(path, environment={})
    assert settings.polling == Polling()
    assert settings.data == bare.folder / "headlines-data"
    on = bare.good("feeds", "catalogue", "--json").json
    assert f"added {len(on)} portals" in printed.out
    assert "headlines run" in printed.out
    sources = bare.good("feeds", "list", "--json").json
    assert [row["url"] for row in sources] == [portal["url"] for portal in on]


def test_every_commented_setting_is_a_default_that_loads(bare: CommandLine) -> None:
    bare.good("init", "--empty")
    path = bare.folder / "headlines.toml"
    lines = path.read_text().splitlines()
    opened = [line.removeprefix("# ") if " = " in line else line for line in lines]
    kept = [line for line in opened if not line.startswith(("database", "owner", "data ="))]
    kept = [line for line in kept if not line.startswith(("words", "sections", "zone", "portals"))]
    body = [line for line in kept if "=" not in line.partition("#")[0] or line[0] != "#"]
    path.write_text("\n".join(body[: body.index("# [channels.mail]")]))
    found = load(path, environment={})
    written = load(None, bare.folder, environment={})
    assert (found.polling, found.retention, found.alerts, found.log) == (
        Polling(), written.retention, written.alerts, written.log
    )  # fmt: skip


def test_init_replaces_nothing_unless_it_is_forced(bare: CommandLine) -> None:
    bare.good("init", "--empty")
    path = bare.folder / "headlines.toml"
    path.write_text("# mine\n")
    path.chmod(0o644)
    printed = bare("init")
    assert printed.code == 2
    assert "--force" in printed.err
    assert path.read_text() == "# mine\n"
    bare.good("init", "--empty", "--force")
    assert path.read_text().startswith("# Headline Monitor's settings")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert bare.good("feeds", "list", "--json").json == []


def test_init_remembers_the_data_folder_it_was_given(bare: CommandLine) -> None:
    name = 'my "data" 数据\\'
    bare.good("init", "--data", name)
    assert (bare.folder / name / "headlines.db").is_file()
    assert load(bare.folder / "headlines.toml", environment={}).data == bare.folder / name
    assert len(bare.good("feeds", "list", "--json").json) > 10


def test_init_goes_where_the_variable_says(
    bare: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = bare.folder / "etc" / "watch.toml"
    monkeypatch.setenv("HEADLINES_CONFIG", str(path))
    bare.good("init", "--empty")
    assert path.is_file()
    assert not (bare.folder / "headlines.toml").exists()


def test_init_that_fails_leaves_nothing_in_the_way(bare: CommandLine) -> None:
    (bare.folder / "taken").write_text("")
    printed = bare("init", "--data", "taken")
    assert printed.code == 1
    assert not (bare.folder / "headlines.toml").exists()
    bare.good("init", "--empty")
    assert bare("init", "--force", "--config", bare.folder).code == 2


def test_status_tells_how_things_stand(filled: CommandLine) -> None:
    filled.good("feeds", "add", "https://portal.invalid/rss", "--unchecked", "--name", "dead")
    filled.good("poll")
    found = filled.good("status", "--json").json
    assert found["sources"] == {"active": 2, "failing": 1}
    assert [(row["name"], row["failures"]) for row in found["failing"]] == [("dead", 1)]
    assert found["entries"] == {"stored": len(TITLES), "last_24h": len(TITLES)}
    assert found["last_poll_at"] <= found["next_poll_at"]
    assert found["daemon"] is None
    assert found["channels"] == found["deliveries"] == {}
    assert "dead: " in filled.good("status").out


def findings(cli: CommandLine) -> dict[str, dict[str, str]]:
    printed = cli("doctor", "--json")
    found = printed.json
    assert [each["check"] for each in found] == CHECKS
    assert [each["number"] for each in found] == list(range(1, len(CHECKS) + 1))
    for each in found:
        assert set(each) == {"number", "check", "result", "detail", "advice"}
        assert each["result"] in {"ok", "failed", "skipped"}
        assert bool(each["advice"]) == (each["result"] == "failed")
    assert printed.code == int(any(each["result"] == "failed" for each in found))
    return {each["check"]: each for each in found}


def test_doctor_finds_a_healthy_installation(stored: CommandLine) -> None:
    found = findings(stored)
    for check in set(CHECKS) - {"dns", "smtp", "browser", "reading"}:
        assert found[check]["result"] == "ok", found[check]


def test_doctor_names_what_is_wrong_with_the_settings(cli: CommandLine) -> None:
    for text in ("gapp = 1", "[channels.x]\nkind = 'pigeon'", "[log]\nlevel = 'loud'"):
        cli.configure(text)
        found = findings(cli)
        assert found["settings"]["result"] == "failed"
        assert {found[check]["result"] for check in CHECKS[1:]} == {"skipped"}
    (cli.folder / "headlines.toml").write_text("[polling]\nallow_private = ['http://x y']")
    assert "allow_private" in findings(cli)["settings"]["detail"]


def test_doctor_tries_the_mail_servers(cli: CommandLine) -> None:
    mail = (
        '[channels.mail]\nkind = "email"\nhost = "127.0.0.1"\nport = {}\ntls = "none"\n'
        'sender = "a@b.example"\nrecipients = ["c@d.example"]\n'
    )
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        cli.configure(mail.format(port))
        assert findings(cli)["smtp"]["result"] == "ok"
    found = findings(cli)["smtp"]
    assert found["result"] == "failed"
    assert f"127.0.0.1:{port}" in found["detail"]


def test_doctor_notices_a_damaged_release(cli: CommandLine) -> None:
    cli.good("models", "promote", "starter")
    folder = next((cli.folder / "headlines-data" / "models").glob("????????????"))
    steps = folder / "records.npy"
    steps.write_bytes(steps.read_bytes()[:-1] + b"x")
    found = findings(cli)["model"]
    assert found["result"] == "failed"
    assert "records.npy" in found["detail"]
    assert "models promote" in found["advice"]
    listed = {row["id"]: row for row in cli.good("models", "list", "--json").json}
    assert "records.npy" in listed[folder.name]["problem"]
    assert cli.good("classify", "央行宣布降息", "--json").json  # the starter serves
    cli.good("models", "promote", "starter")
    assert findings(cli)["model"]["result"] == "ok"


def test_doctor_notices_rules_that_reach_nobody(stored: CommandLine, database: Database) -> None:
    from monitor.service import utc_now

    def work(connection: object) -> None:
        rules.add(connection, "lost", "降息", ("gone",), utc_now())  # type: ignore[arg-type]
        rules.add(connection, "odd", "section:spots", (), utc_now())  # type: ignore[arg-type]

    database.run(work)
    found = findings(stored)["rules"]
    assert found["result"] == "failed"
    assert "'gone'" in found["detail"]
    assert "spots" in found["detail"]


def test_doctor_and_a_data_folder_that_is_a_file(cli: CommandLine) -> None:
    (cli.folder / "headlines-data").write_text("")
    found = findings(cli)
    assert found["database"]["result"] == "failed"
    assert found["disk"]["result"] == "ok"
