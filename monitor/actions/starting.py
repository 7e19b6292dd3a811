"""``headlines init``: a commented settings file, a database, and portals to begin with."""

from __future__ import annotations

import json
import os
from importlib import resources
from pathlib import Path

from monitor.actions.feeds import add_catalogue
from monitor.actions.opening import opened
from monitor.config import Settings, load
from monitor.errors import HeadlineError, SettingsError, UsageError

DATA_LINE = "# data ="


def start(path: Path, data: Path | None, *, catalogue: bool, replace: bool) -> tuple[int, Settings]:
    """Write ``path`` and create the database; how many portals were added, and the settings.

    The file is for its owner's eyes only: secrets may be put in. ``data`` is written into
    it, so that later commands find the same folder. A new file is taken away again when
    the database cannot be created. Raises UsageError for a file that is there already,
    unless ``replace``.
    """
    is_new = not path.exists()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write(path, template(data), replace=replace)
    except FileExistsError as error:
        raise UsageError(f"{path} exists already: --force replaces it") from error
    except OSError as error:
        raise SettingsError([("settings.file", f"{path}: {error.strerror}")]) from error
    try:
        settings = load(path, data)
        with opened(settings):
            pass
        return add_catalogue(settings) if catalogue else 0, settings
    except HeadlineError:
        if is_new:
            path.unlink(missing_ok=True)
        raise


def template(data: Path | None) -> str:
    """The commented file; its ``data`` is set where one was named."""
    text = resources.files("monitor.actions").joinpath("headlines.toml").read_text("utf-8")
    if data is None:
        return text
    lines = text.splitlines(keepends=True)
    place = next(at for at, line in enumerate(lines) if line.startswith(DATA_LINE))
    # A JSON string is a TOML basic string, but for characters beyond the basic plane.
    lines[place] = f"data = {json.dumps(str(data.resolve()), ensure_ascii=False)}\n"
    return "".join(lines)


def write(path: Path, text: str, *, replace: bool) -> None:
    """A file that only its owner may read. Raises OSError."""
    flags = os.O_WRONLY | os.O_CREAT | (os.O_TRUNC if replace else os.O_EXCL)
    with os.fdopen(os.open(path, flags, 0o600), "w", encoding="utf-8") as file:
        os.fchmod(file.fileno(), 0o600)
        file.write(text)
