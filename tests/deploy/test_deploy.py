"""What stands in deploy/ fits the program: unit, image, compose file, the guide's commands."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from monitor import cli, config
from monitor.errors import SettingsError

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
UNIT = DEPLOY / "headlines.service"
GUIDE = (DEPLOY / "README.md").read_text(encoding="utf-8")
COMPOSE_TEXT = (DEPLOY / "compose.yaml").read_text(encoding="utf-8")
COMPOSE: dict[str, Any] = yaml.safe_load(COMPOSE_TEXT)
TEMPLATE = ROOT / "monitor" / "actions" / "headlines.toml"
LARGEST_EXPOSURE = 3.0
DRAIN_S = 10


def systemd_analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run it; where it is missing the unit is unchecked, and that is a failure."""
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.fail("systemd-analyze is missing: install systemd 250 or newer to check the unit")
    return subprocess.run([program, *arguments], capture_output=True, text=True, check=False)


def settings_file_with_channels(folder: Path) -> Path:
    """The commented template with its channels switched on."""
    head, channels = TEMPLATE.read_text(encoding="utf-8").split("# [channels.mail]")
    live = re.sub(r"(?m)^# ", "", "# [channels.mail]" + channels)
    file = folder / "headlines.toml"
    file.write_text(head + live, encoding="utf-8")
    return file


def load_with(variables: dict[str, str], file: Path, folder: Path) -> config.Settings:
    """Settings under ``variables``, whose ``_FILE`` ones are led to a file that is there."""
    secret = folder / "secret"
    secret.write_text("sqlite:///:memory:\n", encoding="utf-8")
    led = {name: str(secret) if name.endswith("_FILE") else v for name, v in variables.items()}
    return config.load(file, folder, led)


# the unit


def unit_value(name: str) -> str:
    found = re.findall(rf"(?m)^{name}=(.*)$", UNIT.read_text(encoding="utf-8"))
    assert len(found) == 1, f"{name}= stands {len(found)} times in {UNIT.name}"
    return str(found[0])


def test_the_unit_is_one_that_systemd_accepts(tmp_path: Path) -> None:
    # Whether the program is installed on this machine is not the question.
    text = UNIT.read_text(encoding="utf-8").replace(unit_value("ExecStart").split()[0], "/bin/true")
    copy = tmp_path / UNIT.name
    copy.write_text(text, encoding="utf-8")
    result = systemd_analyze("verify", "--man=no", str(copy))
    said = [line for line in result.stderr.splitlines() if UNIT.name in line]
    assert result.returncode == 0, result.stderr
    assert not said


def test_the_unit_exposes_little() -> None:
    result = systemd_analyze("security", "--offline=true", "--no-pager", str(UNIT))
    found = re.search(r"Overall exposure level for \S+: ([\d.]+)", result.stdout)
    assert found, result.stdout + result.stderr
    assert float(found[1]) < LARGEST_EXPOSURE
    claimed = re.search(r"says (\d+\.\d) \(systemd", GUIDE)
    assert claimed is not None and float(claimed[1]) < LARGEST_EXPOSURE


def test_the_unit_starts_what_the_command_line_knows() -> None:
    program, *arguments = shlex.split(unit_value("ExecStart"))
    assert Path(program).name == "headlines"
    assert cli.parser().parse_args(arguments).config == Path("/etc/headlines/headlines.toml")


def test_the_unit_leaves_time_to_drain_and_asks_for_what_the_daemon_speaks() -> None:
    assert unit_value("Type") == "notify"
    assert unit_value("ExecReload") == '/bin/sh -c "kill -HUP $MAINPID"'
    assert int(unit_value("TimeoutStopSec")) > DRAIN_S
    assert int(unit_value("WatchdogSec")) >= 30


# compose


def environments() -> dict[str, str]:
    """The variables of the headlines service, those in comments included."""
    found = dict(COMPOSE["services"]["headlines"]["environment"])
    commented = re.findall(r"(?m)^\s*# (HEADLINES_\w+): (\S+)$", COMPOSE_TEXT)
    assert commented, "the compose file no longer shows how a password is set"
    return found | dict(commented)


def test_compose_names_only_variables_that_settings_know(tmp_path: Path) -> None:
    variables = environments()
    settings = load_with(variables, settings_file_with_channels(tmp_path), tmp_path)
    assert settings.database == "sqlite:///:memory:"
    mail = settings.channels["mail"]
    assert mail.get("password_file") == str(tmp_path / "secret") or mail.get("password")


def test_an_unknown_variable_in_compose_would_be_noticed(tmp_path: Path) -> None:
    variables = {**environments(), "HEADLINES_DATABSE_FILE": "/run/secrets/database"}
    with pytest.raises(SettingsError, match="DATABSE"):
        load_with(variables, settings_file_with_channels(tmp_path), tmp_path)


def test_compose_mounts_what_its_variables_name() -> None:
    for service in COMPOSE["services"].values():
        given = {f"/run/secrets/{name}" for name in service["secrets"]}
        mounts = [text.split(":")[1] for text in service["volumes"]]
        for name, value in service["environment"].items():
            if value.startswith("/run/secrets/"):
                assert value in given, f"{name} names {value}, which the service is not given"
            elif value.startswith("/"):
                assert any(value.startswith(f"{mount}/") for mount in mounts), f"{name}: {value}"
        assert set(service["secrets"]) <= set(COMPOSE["secrets"])
        named = {text.split(":")[0] for text in service["volumes"]}
        assert {name for name in named if not name.startswith(".")} <= set(COMPOSE["volumes"])


def test_compose_waits_for_postgres_and_lets_the_daemon_drain() -> None:
    headlines, postgres = (COMPOSE["services"][name] for name in ("headlines", "postgres"))
    assert headlines["depends_on"]["postgres"]["condition"] == "service_healthy"
    assert "pg_isready" in postgres["healthcheck"]["test"]
    assert int(headlines["stop_grace_period"].removesuffix("s")) > DRAIN_S
    assert all(service["restart"] for service in COMPOSE["services"].values())
    assert not any("ports" in service for service in COMPOSE["services"].values())


def test_compose_builds_from_files_that_are_there() -> None:
    build = COMPOSE["services"]["headlines"]["build"]
    assert (DEPLOY / build["context"]).resolve() == ROOT
    assert (ROOT / build["dockerfile"]).is_file()


# the image


def dockerfile() -> list[tuple[str, str]]:
    """Each instruction and its text, continued lines joined."""
    text = re.sub(r"\\\n", " ", (DEPLOY / "Dockerfile").read_text(encoding="utf-8"))
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [(line.split()[0], line.split(maxsplit=1)[1]) for line in lines]


def test_the_image_ends_without_root_and_with_a_signal_that_drains() -> None:
    instructions = dockerfile()
    stages = [at for at, (name, _) in enumerate(instructions) if name == "FROM"]
    last = instructions[stages[-1] :]
    assert len(stages) == 2
    assert len({instructions[at][1].split()[0] for at in stages}) == 1, "two different Pythons"
    assert [text for name, text in last if name == "USER"] == ["headlines"]
    assert ("STOPSIGNAL", "SIGTERM") in last
    assert not any("apt" in text for name, text in last if name == "RUN")


def test_the_images_commands_are_known() -> None:
    said = dict(dockerfile())
    program, arguments = yaml.safe_load(said["ENTRYPOINT"]), yaml.safe_load(said["CMD"])
    assert program == ["headlines"]
    assert cli.parser().parse_args(arguments).run
    check = re.search(r"CMD headlines ([^|]+) \|", said["HEALTHCHECK"])
    assert check is not None
    assert cli.parser().parse_args(check[1].split()).json


def test_the_image_gets_every_file_that_the_installation_reads() -> None:
    listed = (DEPLOY / "Dockerfile.dockerignore").read_text(encoding="utf-8").split()
    let_in = {line.removeprefix("!") for line in listed if line.startswith("!")}
    script = (DEPLOY / "install").read_text(encoding="utf-8")
    copied = re.search(r"for part in (.*?); do", script)
    assert copied is not None
    read = {*copied[1].split(), *re.findall(r"\$clone/([\w.]+)", script)}
    assert read | {"deploy/install"} == let_in
    assert all((ROOT / name).exists() for name in read)


# the installation script


def test_the_installation_refuses_a_folder_that_is_there(tmp_path: Path) -> None:
    result = install(str(tmp_path))
    assert result.returncode == 1
    assert "exists already" in result.stderr


def test_an_installation_that_fails_leaves_nothing(tmp_path: Path) -> None:
    target = tmp_path / "release"
    result = install(str(target), python="/bin/false")
    assert result.returncode != 0
    assert not target.exists()


def test_the_installation_needs_no_room_in_tmp(tmp_path: Path) -> None:
    """Which may be memory; 1.3 GB come and go on the way."""
    result = install(str(tmp_path / "release"), python="/bin/false", TMPDIR=str(tmp_path / "none"))
    assert "installing the build tools" in result.stdout, result.stderr


def install(
    target: str, python: str = sys.executable, **variables: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["/bin/sh", str(DEPLOY / "install"), target],
        env={"PATH": "/usr/bin:/bin", "PYTHON": python, **variables},
        capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_half_a_virtual_environment_is_made_anew(tmp_path: Path) -> None:
    """Debian's Python leaves one without pip where python3-venv is missing."""
    shutil.copy(ROOT / "Makefile", tmp_path)
    for name in ("requirements.lock", "pyproject.toml", "hatch_build.py"):
        (tmp_path / name).touch()
    scripts = tmp_path / ".venv" / "bin"
    scripts.mkdir(parents=True)
    for name in ("python", "system-python"):
        (scripts / name).write_text('#!/bin/sh\necho "$0 $*" >> asked\n', encoding="utf-8")
        (scripts / name).chmod(0o755)
    command = ["make", "-C", str(tmp_path), ".venv/.ready", "PYTHON=.venv/bin/system-python"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    asked = (tmp_path / "asked").read_text(encoding="utf-8").splitlines()
    assert asked[0] == ".venv/bin/system-python -m venv .venv"


def test_the_lock_file_is_made_for_the_oldest_python() -> None:
    """Its pins must install there, whichever Python makes it."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    oldest = project["requires-python"].removeprefix(">=")
    script = (ROOT / ".ci" / "lock").read_text(encoding="utf-8")
    assert re.findall(r"--python-version (\S+)", script) == [oldest]


# the guide


def guide_lines() -> list[str]:
    """Every line of the guide's shell blocks."""
    blocks = re.findall(r"(?ms)^ *```sh\n(.*?)^ *```$", GUIDE)
    assert len(blocks) > 10
    return [line.strip() for block in blocks for line in block.splitlines() if line.strip()]


HEADLINES_LINES = [line for line in guide_lines() if re.match(r"headlines(?!\(\))\b", line)]


def test_the_guide_uses_the_command_line() -> None:
    assert len(HEADLINES_LINES) > 8


@pytest.mark.parametrize("line", HEADLINES_LINES)
def test_the_guides_commands_are_known(line: str) -> None:
    _, *arguments = shlex.split(line, comments=True)
    assert cli.parser().parse_args(arguments).run


def test_commands_in_the_guides_text_are_known() -> None:
    found = re.findall(r"`headlines ((?:[a-z]+ ?)+)`", GUIDE)
    assert found
    for words in found:
        with pytest.raises(SystemExit) as ended:
            cli.parser().parse_args([*words.split(), "--help"])
        assert ended.value.code == 0, words


def test_the_guide_names_files_that_are_there() -> None:
    named = set(re.findall(r"(?<![\w/.])((?:deploy|monitor)/[\w./-]*\w)", GUIDE))
    written = {"deploy/secrets", "deploy/settings"}
    missing = {
        name
        for name in named
        if not (ROOT / name).exists() and not any(name.startswith(each) for each in written)
    }
    assert not missing
    ignored = (DEPLOY / ".gitignore").read_text(encoding="utf-8").split()
    assert {f"deploy{line.rstrip('/')}" for line in ignored} == written


def test_the_guide_names_only_variables_that_settings_know(tmp_path: Path) -> None:
    names = set(re.findall(r"HEADLINES_\w+", GUIDE))
    assert names
    load_with(
        {name: str(tmp_path) for name in names}, settings_file_with_channels(tmp_path), tmp_path
    )


def test_the_guides_edits_of_the_settings_fit_the_template(tmp_path: Path) -> None:
    edits = [line for line in guide_lines() if line.startswith("sudo sed -i ")]
    file = tmp_path / "headlines.toml"
    shutil.copy(TEMPLATE, file)
    for line in edits:
        expression = shlex.split(line)[3]
        subprocess.run(["sed", "-i", expression, str(file)], check=True)
    settings = config.load(file, None, {})
    assert settings.data == Path(unit_value("WorkingDirectory"))
    assert settings.database.startswith("postgresql://headlines@/headlines?host=")


def test_the_guide_explains_every_hardening_line_and_no_other() -> None:
    unit = UNIT.read_text(encoding="utf-8")
    hardening = set(re.findall(r"(?m)^([A-Z]\w+)=", unit[unit.index("# What it may see") :]))
    first_cells = [line.split("|")[1] for line in GUIDE.splitlines() if line.startswith("| `")]
    named = set(re.findall(r"`([A-Z]\w+…?)=?", " ".join(first_cells)))
    whole, starts = {n for n in named if "…" not in n}, [n[:-1] for n in named if "…" in n]
    assert all(re.search(rf"(?m)^{name}=", unit) for name in whole), whole
    assert all(f"\n{start}" in unit for start in starts)
    explained = {n for n in hardening if n in whole or n.startswith(tuple(starts))}
    assert hardening - explained == {"WantedBy"}
