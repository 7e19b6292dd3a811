"""Logging: human lines on a terminal, JSON lines elsewhere, each event on exactly one line."""

from __future__ import annotations

import json
import logging
import sys
import time
from datetime import UTC, datetime
from typing import TextIO

ROOT = "headlines"
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


def logger(name: str) -> logging.Logger:
    """The logger of one room: ``logger("poll")`` writes as ``headlines.poll``."""
    return logging.getLogger(f"{ROOT}.{name}")


def configure(level: str, style: str, stream: TextIO | None = None) -> None:
    """Send this program's events to ``stream`` (standard error), replacing earlier handlers.

    ``style`` is human, json, or auto: human where the stream is a terminal.
    """
    stream = stream or sys.stderr
    human = style == "human" or (style == "auto" and stream.isatty())
    handler = logging.StreamHandler(stream)
    handler.setFormatter(HumanFormatter() if human else JsonFormatter())
    # What libraries have to say (warnings and worse) comes in the same form.
    logging.lastResort = handler
    logging.captureWarnings(capture=True)
    logging.getLogger("py.warnings").handlers[:] = [handler]
    root = logging.getLogger(ROOT)
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    root.propagate = False


class HumanFormatter(logging.Formatter):
    """``12:00:00 poll: 3 sources, 12 new  failed=1`` with control characters escaped."""

    def format(self, record: logging.LogRecord) -> str:
        clock = time.strftime("%H:%M:%S", time.localtime(record.created))
        level = "" if record.levelno == logging.INFO else f" {record.levelname.lower()}"
        room = record.name.removeprefix(f"{ROOT}.")
        extra = "".join(f"  {key}={value}" for key, value in _extras(record).items())
        return escape(f"{clock}{level} {room}: {record.getMessage()}{extra}{_trace(record)}")


class JsonFormatter(logging.Formatter):
    """One JSON object a line: at, level, room, message and the event's own fields."""

    def format(self, record: logging.LogRecord) -> str:
        event = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "room": record.name.removeprefix(f"{ROOT}."),
            "message": escape(record.getMessage()),
            **{key: _plain(value) for key, value in _extras(record).items()},
        }
        if record.exc_info:
            event["trace"] = _trace(record).strip()
        return json.dumps(event, ensure_ascii=False)


def escape(text: str) -> str:
    """``text`` on one line: C0, C1, bidirectional and line-breaking characters as ``\\xNN``."""
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() or char == " " else char.encode("unicode_escape").decode("ascii")
        for char in text
    )


def _plain(value: object) -> object:
    if isinstance(value, str):
        return escape(value)
    return value if isinstance(value, int | float | bool | None) else escape(str(value))


def _extras(record: logging.LogRecord) -> dict[str, object]:
    return {key: value for key, value in vars(record).items() if key not in _STANDARD}


def _trace(record: logging.LogRecord) -> str:
    if not record.exc_info:
        return ""
    return " | " + logging.Formatter().formatException(record.exc_info)
