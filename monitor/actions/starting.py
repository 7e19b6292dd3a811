"""``headlines init``: a commented settings file, a database, and portals to begin with."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from monitor.actions.feeds import add_catalogue
from monitor.config import Settings, load
from monitor.errors import SettingsError


def start(path: Path, data: Path | None, *, catalogue: bool) -> tuple[int, Settings]:
    """Write ``path`` and create the database; how many portals were added, and the settings."""
    template = resources.files("monitor.actions").joinpath("headlines.toml")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(template.read_text(encoding="utf-8"), encoding="utf-8")
    except OSError as error:
        raise SettingsError([("settings.file", f"{path}: {error.strerror}")]) from error
    settings = load(path, data)
    return add_catalogue(settings) if catalogue else 0, settings
