"""Settings from variables of the environment: ``HEADLINES_…``, secrets also from files."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from monitor import options

PREFIX = "HEADLINES_"
# Variables that are not settings: where the settings are, who scores, what only tests read.
RESERVED = {"CONFIG", "DATA", "SCORER", "SHARED", "TEST_POSTGRES"}


def merge(
    table: dict[str, Any],
    environment: Mapping[str, str],
    groups: Mapping[str, type[Any]],
    problems: list[tuple[str, str]],
) -> None:
    """Put each ``HEADLINES_…`` variable in its place in ``table``; ``groups`` are its tables'
    records. What cannot be put there is added to ``problems``, with the kind of problem."""
    places = _places(table, groups)
    for variable in sorted(environment):
        name = variable.removeprefix(PREFIX)
        if not variable.startswith(PREFIX) or name in RESERVED:
            continue
        place, value = places.get(name), environment[variable]
        if place is None and name.endswith("_FILE") and name.removesuffix("_FILE") in places:
            place = places[name.removesuffix("_FILE")]
            try:
                value = Path(value).read_text(encoding="utf-8").strip()
            except (OSError, UnicodeDecodeError) as error:
                problems.append(("settings.file", f"{variable}: {value}: {error}"))
                continue
        place = place or _of_channel(name, table)
        if place is None:
            near = options.nearest(variable, [PREFIX + each for each in places])
            problems.append(("settings.unknown", f"{variable}: unknown{near}"))
            continue
        _put(table, place, value)


def _places(
    table: Mapping[str, Any], groups: Mapping[str, type[Any]]
) -> dict[str, tuple[str, ...]]:
    """Variable names without the prefix, and the keys that they set."""
    places: dict[str, tuple[str, ...]] = {"DATABASE": ("database",)}
    for group, record in groups.items():
        for item in fields(record):
            short = item.name.removesuffix("_s")
            places[f"{group}_{short}".upper()] = (group, item.name)
            places[f"{group}_{item.name}".upper()] = (group, item.name)
    channels = table.get("channels", {})
    for channel, keys in channels.items() if isinstance(channels, Mapping) else ():
        spelled = _spelled(channel)
        for key in {*(keys if isinstance(keys, Mapping) else ()), "password", "secrets", "url"}:
            places[f"CHANNELS_{spelled}_{key.upper()}"] = ("channels", channel, key)
    return places


def _of_channel(name: str, table: Mapping[str, Any]) -> tuple[str, ...] | None:
    """The key of a channel that a variable sets; the channel's kind says whether it is one."""
    channels = table.get("channels", {})
    found: tuple[str, ...] | None = None
    longest = ""
    for channel in channels if isinstance(channels, Mapping) else ():
        start = f"CHANNELS_{_spelled(channel)}_"
        # mail_boss is not mail; of two that are spelled alike the last, as in ``_places``.
        if name.startswith(start) and name != start and len(start) >= len(longest):
            found, longest = ("channels", channel, name.removeprefix(start).lower()), start
    return found


def _spelled(channel: str) -> str:
    return re.sub(r"[^A-Z0-9]", "_", channel.upper())


def _put(table: dict[str, Any], place: tuple[str, ...], value: str) -> None:
    """Set a nested key; a variable that sets a list holds its items separated by commas."""
    found: Any = table
    for key in place[:-1]:
        found = found.setdefault(key, {})
        if not isinstance(found, dict):
            return  # who reads the settings says that a table is expected
    is_list = place[-1] in {"allow_private", "secrets", "recipients", "corpora", "caps"}
    found[place[-1]] = [item.strip() for item in value.split(",")] if is_list else value
