"""What ``[alerts]``, ``[web]`` and the channels' caps say for all rules, read and checked."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from monitor import manners


def check_house(
    timezone: str, quiet: str, heartbeat_url: str, channels: Mapping[str, Any]
) -> list[tuple[str, str]]:
    """What cannot be of the zone, the quiet hours, the heartbeat and the channels' caps."""
    problems = []
    checks: list[tuple[str, Callable[[], object]]] = [
        ("alerts.timezone", lambda: zone_of(timezone)),
        ("alerts.quiet", lambda: quiet and manners.read_quiet(quiet)),
        *((f"channels.{name}.caps", partial(caps_of, table)) for name, table in channels.items()),
    ]
    for where, check in checks:
        try:
            check()
        except ValueError as error:
            problems.append(("settings.value", f"{where}: {error}"))
    if heartbeat_url and not heartbeat_url.startswith(("http://", "https://")):
        problems.append(("settings.value", "alerts.heartbeat_url: an http or https address"))
    return problems


def check_web(listen: str, public_url: str) -> list[tuple[str, str]]:
    """What cannot be of where pages are served and reached."""
    problems = []
    if listen:
        host, _, port = listen.rpartition(":")
        if not host or not port.isdecimal() or not 0 <= int(port) <= 65535:
            problems.append(("settings.value", "web.listen: HOST:PORT is expected"))
    if public_url and not public_url.startswith(("http://", "https://")):
        problems.append(("settings.value", "web.public_url: an http or https address is expected"))
    if public_url and not listen:
        problems.append(("settings.missing", "web.listen: 'public_url' leads nowhere without it"))
    return problems


def zone_of(name: str) -> ZoneInfo:
    """The zone of that name; for none, this machine's, or UTC. Raises ValueError."""
    try:
        return ZoneInfo(name or local_zone_name())
    except (ZoneInfoNotFoundError, ValueError, OSError):
        if not name:
            return ZoneInfo("UTC")
        raise ValueError(f"a name such as Asia/Shanghai is expected, not {name!r}") from None


def local_zone_name() -> str:
    """What this machine calls its zone; nothing good where it does not say."""
    named = os.environ.get("TZ", "").removeprefix(":")
    with contextlib.suppress(OSError):
        named = named or str(Path("/etc/localtime").readlink()).rpartition("zoneinfo/")[2]
    return named or "UTC"


def caps_of(table: Mapping[str, object]) -> tuple[manners.Cap, ...]:
    """The ``caps`` of a channel's table. Raises ValueError."""
    texts = table.get("caps", ())
    if not isinstance(texts, list | tuple) or not all(isinstance(text, str) for text in texts):
        raise ValueError("a list is expected, such as ['10/minute', '60/hour']")
    return manners.read_caps(texts)
