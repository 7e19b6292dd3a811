"""Log lines: one an event, whatever a title holds."""

from __future__ import annotations

import io
import json
import logging

import pytest

from monitor import telemetry

HOSTILE = "a\r\nb\x1b[31mred\x07\u202egnp\u2028c\x9b1m"


def lines(style: str, level: str = "info") -> tuple[io.StringIO, logging.Logger]:
    stream = io.StringIO()
    telemetry.configure(level, style, stream)
    return stream, telemetry.logger("poll")


@pytest.mark.parametrize("style", ["human", "json", "auto"])
def test_hostile_42_control_characters_stay_on_one_line(style: str) -> None:
    stream, log = lines(style)
    log.warning("title %s", HOSTILE, extra={"source": HOSTILE})
    text = stream.getvalue()
    assert text.count("\n") == 1
    assert all(char.isprintable() or char == "\n" for char in text)
    assert "red" in text


def test_json_lines_hold_the_fields() -> None:
    stream, log = lines("json")
    log.info("polled", extra={"sources": 3})
    event = json.loads(stream.getvalue())
    assert (event["room"], event["message"], event["sources"], event["level"]) == (
        "poll", "polled", 3, "info",
    )  # fmt: skip


def test_a_pipe_gets_json_and_levels_are_kept() -> None:
    stream, log = lines("auto", "warning")
    log.info("not this")
    try:
        raise ValueError("boom\nsecond line")
    except ValueError:
        log.exception("failed")
    event = json.loads(stream.getvalue())
    assert "boom" in event["trace"]
