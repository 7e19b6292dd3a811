"""Settings: ``headlines.toml``, overridden by ``HEADLINES_…`` variables, frozen.

``HEADLINES_POLLING_INTERVAL=5m`` sets ``interval`` of ``[polling]``;
``HEADLINES_CHANNELS_MAIL_PASSWORD`` sets ``password`` of ``[channels.mail]``; the same
name with ``_FILE`` at its end reads the value from a file, for secrets.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from monitor import house, manners, options, timetable, variables
from monitor.errors import SettingsError
from monitor.sources import adapters

FILE_NAME = "headlines.toml"
MAY_BE_ZERO = {"gap_s", "requests_per_minute"}


@dataclass(frozen=True, slots=True)
class Polling:
    """How sources are looked at. Sizes in bytes; a ``gap_s`` is between two requests to a host.

    ``interval_s`` is the average over the sources that have no interval of their own. While
    ``adaptive``, each is looked at when it usually publishes, between ``least_s`` and
    ``most_s`` after the last time; ``requests_per_minute`` (0: no limit) may make all rarer.
    ``browser`` is the program that draws pages for sources that ask for it (empty: the first
    Chromium on PATH), ``browser_mb`` the memory that a page may take in it.
    """

    interval_s: float = 900.0
    adaptive: bool = True
    least_s: float = 60.0
    most_s: float = 6 * 3600.0
    requests_per_minute: int = 0
    concurrency: int = 64
    per_host: int = 2
    gap_s: float = 1.0
    timeout_s: float = 30.0
    connect_timeout_s: float = 10.0
    max_bytes: int = 15 * 1024 * 1024
    allow_private: tuple[str, ...] = ()
    parsers: int = 1
    robots: bool = True
    browser: str = ""
    browser_mb: int = 1024


@dataclass(frozen=True, slots=True)
class Retention:
    """How long entries are kept; the marks that keep old items from coming back stay longer."""

    days: int = 90
    tombstone_days: int = 730


@dataclass(frozen=True, slots=True)
class Alerts:
    """``owner`` names the channel that hears of the program's own trouble.

    ``timezone`` is a name of the IANA database (empty: this machine's), in which quiet hours
    and digests are meant. ``quiet`` are the quiet hours of rules that set none of their own.
    ``heartbeat_url`` is asked for every minute, as long as all is well.
    """

    owner: str = ""
    lease_s: float = 120.0
    concurrency: int = 16
    timezone: str = ""
    quiet: str = ""
    heartbeat_url: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Web:
    """``listen`` is HOST:PORT (empty: nothing listens); ``public_url`` is how readers reach it.

    With both, alerts have links that mute a story or snooze a rule.
    """

    listen: str = ""
    public_url: str = ""


@dataclass(frozen=True, slots=True)
class Text:
    """``words`` is a file of the user's own words, one a line, for telling words apart."""

    words: Path | None = None


@dataclass(frozen=True, slots=True)
class Stories:
    """``reading``: where its extra is installed, a model of language reads pairs in doubt, too."""

    reading: bool = True


@dataclass(frozen=True, slots=True)
class Sources:
    """``portals`` is a folder of the user's own adapters: TOML files as in docs/portals.md."""

    portals: Path | None = None


@dataclass(frozen=True, slots=True)
class Classifier:
    """``sections`` is a file like ``sections.toml``: the user's own sections.

    ``answered_right`` is the share of sure answers that shall be right, for which retraining
    chooses each section's threshold. ``unsure_below`` sets thresholds (probabilities) by
    hand, by section id; ``all`` stands for every section that is not named.
    """

    sections: Path | None = None
    answered_right: float = 0.95
    unsure_below: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Retrain:
    """When the daemon retrains by itself, and what it learns then beside the corrections.

    ``schedule`` is what ``monitor.timetable`` reads, in the time zone of the alerts;
    ``corpora`` are SPECs.
    """

    schedule: str = "off"
    corpora: tuple[str, ...] = ()
    from_feeds: bool = False


@dataclass(frozen=True, slots=True)
class Log:
    """``format`` is auto (human on a terminal, else JSON lines), human or json."""

    level: str = "info"
    format: str = "auto"


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything a user may set. ``channels`` holds each channel's own table, by name."""

    data: Path
    database: str
    polling: Polling = field(default_factory=Polling)
    retention: Retention = field(default_factory=Retention)
    alerts: Alerts = field(default_factory=Alerts)
    text: Text = field(default_factory=Text)
    stories: Stories = field(default_factory=Stories)
    sources: Sources = field(default_factory=Sources)
    classifier: Classifier = field(default_factory=Classifier)
    retrain: Retrain = field(default_factory=Retrain)
    log: Log = field(default_factory=Log)
    web: Web = field(default_factory=Web)
    channels: Mapping[str, Mapping[str, object]] = field(default_factory=dict, repr=False)
    file: Path | None = None


GROUPS: dict[str, type[Any]] = {
    "polling": Polling,
    "retention": Retention,
    "alerts": Alerts,
    "text": Text,
    "stories": Stories,
    "sources": Sources,
    "classifier": Classifier,
    "retrain": Retrain,
    "log": Log,
    "web": Web,
}
TOP = {"data", "database", "channels", *GROUPS}


def load(
    file: Path | None = None,
    data: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> Settings:
    """The settings of ``file`` (else ``HEADLINES_CONFIG``, else ./headlines.toml if there is one).

    Raises SettingsError with every problem found.
    """
    environment = os.environ if environment is None else environment
    path = find_file(file, environment)
    table = read_file(path) if path else {}
    problems: list[tuple[str, str]] = []
    variables.merge(table, environment, GROUPS, problems)
    problems += [
        ("settings.unknown", f"unknown key {key!r}{options.nearest(key, TOP)}")
        for key in table
        if key not in TOP
    ]
    groups: dict[str, Any] = {}
    for name, record in GROUPS.items():
        try:
            groups[name] = options.read(record, expect_table(table.get(name, {}), name), name)
        except SettingsError as error:
            problems += error.problems
    channels = read_channels(table, problems)
    find_files(groups, path)
    problems += check_values(groups, channels) + check_learning(groups)
    if problems:
        raise SettingsError(problems)
    folder = choose_data(data, table, path, environment)
    database = str(table.get("database") or f"sqlite:///{folder / 'headlines.db'}")
    return Settings(data=folder, database=database, channels=channels, file=path, **groups)


def find_file(file: Path | None, environment: Mapping[str, str]) -> Path | None:
    """The settings file that was named, or the one in this folder; None where there is none."""
    named = file or (
        Path(environment["HEADLINES_CONFIG"]) if environment.get("HEADLINES_CONFIG") else None
    )
    if named is not None:
        if not named.is_file():
            raise SettingsError(
                [("settings.file", f"{named}: no such file; 'headlines init' writes one")]
            )
        return named.resolve()
    here = Path(FILE_NAME)
    return here.resolve() if here.is_file() else None


def read_file(path: Path) -> dict[str, Any]:
    """The parsed TOML; raises SettingsError that names line and column."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except UnicodeDecodeError as error:
        reason = f"{path}: not UTF-8 ({error}); save it as UTF-8"
        raise SettingsError([("settings.file", reason)]) from error
    except tomllib.TOMLDecodeError as error:
        raise SettingsError([("settings.file", f"{path}: {error}")]) from error
    except OSError as error:
        raise SettingsError([("settings.file", f"{path}: {error.strerror}")]) from error


def choose_data(
    data: Path | None, table: Mapping[str, Any], file: Path | None, environment: Mapping[str, str]
) -> Path:
    """The data folder: the option, the variable, the setting (beside its file), or a default."""
    if data is not None:
        return data.resolve()
    if environment.get("HEADLINES_DATA"):
        return Path(environment["HEADLINES_DATA"]).resolve()
    base = file.parent if file else Path.cwd()
    return (base / str(table.get("data", "headlines-data"))).resolve()


def expect_table(value: object, where: str) -> Mapping[str, object]:
    """``value`` if it is a TOML table; raises SettingsError."""
    if not isinstance(value, Mapping):
        raise SettingsError([("settings.type", f"{where}: a table [{where}] is expected")])
    return value


def read_channels(
    table: Mapping[str, Any], problems: list[tuple[str, str]]
) -> dict[str, Mapping[str, object]]:
    """The ``[channels.NAME]`` tables, each with its ``kind``; the kind's room checks the rest."""
    found: dict[str, Mapping[str, object]] = {}
    channels = table.get("channels", {})
    if not isinstance(channels, Mapping):
        problems.append(("settings.type", "channels: tables [channels.NAME] are expected"))
        return found
    for name, value in channels.items():
        if not isinstance(value, Mapping) or not isinstance(value.get("kind"), str):
            problems.append(("settings.missing", f"channels.{name}: 'kind' must be set"))
        else:
            found[name] = value
    return found


def check_values(groups: Mapping[str, Any], channels: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What is of the right type and still cannot be."""
    problems = []
    polling, log, alerts = groups.get("polling"), groups.get("log"), groups.get("alerts")
    for record, where in ((polling, "polling"), (groups.get("retention"), "retention")):
        for item in fields(record) if record else ():
            value = getattr(record, item.name)
            is_number = isinstance(value, int | float) and not isinstance(value, bool)
            if is_number and (value < 0 if item.name in MAY_BE_ZERO else value <= 0):
                key = item.name.removesuffix("_s")
                problems.append(("settings.value", f"{where}.{key}: must be more than 0"))
    if polling and polling.least_s > polling.most_s:
        problems.append(("settings.value", "polling.least: must not be more than polling.most"))
    if classifier := groups.get("classifier"):
        problems += check_classifier(classifier)
    if log and log.format not in {"auto", "human", "json"}:
        problems.append(("settings.value", "log.format: auto, human or json is expected"))
    if log and log.level not in {"debug", "info", "warning", "error"}:
        problems.append(("settings.value", "log.level: debug, info, warning or error is expected"))
    if alerts and alerts.owner and alerts.owner not in channels:
        problems.append(("settings.value", f"alerts.owner: there is no [channels.{alerts.owner}]"))
    if alerts:
        problems += house.check_house(alerts.timezone, alerts.quiet, alerts.heartbeat_url, channels)
    if groups.get("web"):
        problems += house.check_web(groups["web"].listen, groups["web"].public_url)
    return problems


def find_files(groups: dict[str, Any], file: Path | None) -> None:
    """Put each path that a group holds beside the settings file."""
    base = file.parent if file else Path.cwd()
    for name, record in groups.items():
        paths = {item.name: getattr(record, item.name) for item in fields(record)}
        found = {key: base / path for key, path in paths.items() if isinstance(path, Path)}
        groups[name] = replace(record, **found)


def check_learning(groups: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What ``[text]``, ``[sources]``, ``[classifier]`` and ``[retrain]`` hold that cannot be."""
    problems = []
    for group, key in (("text", "words"), ("classifier", "sections")):
        path = getattr(groups.get(group), key, None)
        if path is not None and not path.is_file():
            problems.append(("settings.file", f"{group}.{key}: {path}: no such file"))
    problems += check_portals(getattr(groups.get("sources"), "portals", None))
    retrain = groups.get("retrain")
    try:
        timetable.parse(retrain.schedule if retrain else "off")
    except ValueError as error:
        problems.append(("settings.value", f"retrain.schedule: {error}"))
    return problems


def check_portals(folder: Path | None) -> list[tuple[str, str]]:
    """What is wrong with the user's adapters."""
    if folder is None:
        return []
    if not folder.is_dir():
        return [("settings.file", f"sources.portals: {folder}: no such folder")]
    try:
        adapters.yours(folder)
    except SettingsError as error:
        return list(error.problems)
    return []


def house_of(settings: Settings) -> manners.House:
    """What the settings say for all rules. Raises SettingsError."""
    alerts = settings.alerts
    problems = house.check_house(
        alerts.timezone, alerts.quiet, alerts.heartbeat_url, settings.channels
    )
    if problems:
        raise SettingsError(problems)
    return manners.House(
        zone=house.zone_of(alerts.timezone),
        quiet=manners.read_quiet(alerts.quiet) if alerts.quiet else None,
        caps={name: house.caps_of(table) for name, table in settings.channels.items()},
    )


def check_classifier(classifier: Classifier) -> list[tuple[str, str]]:
    """Shares and probabilities that cannot be."""
    problems = []
    if not 0.5 <= classifier.answered_right < 1:
        reason = f"from 0.5 to below 1 is expected, not {classifier.answered_right:g}"
        problems.append(("settings.value", f"classifier.answered_right: {reason}"))
    below: Mapping[str, object] = classifier.unsure_below  # the reader of tables checks no values
    for section, value in below.items():
        if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= 1:
            reason = f"a probability from 0 to 1 is expected, not {value!r}"
            problems.append(("settings.value", f"classifier.unsure_below.{section}: {reason}"))
    return problems
