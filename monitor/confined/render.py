"""A process that fills in templates: ``python -m monitor.confined.render``.

Request: ``{"templates": {NAME: {"file", "source", "html"}}, "facts": {...}}``; answer:
``{"rendered": {NAME: text}, "failed": {NAME: sentence}}``. Each template has CPU_S seconds of
processor time and MAX_BYTES of output.
"""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Iterator
from types import FrameType, TracebackType
from typing import Any, NoReturn

from jinja2 import StrictUndefined, Template
from jinja2.sandbox import ImmutableSandboxedEnvironment

from monitor.confined.guard import Guard, limit

CPU_S = 1.0
MAX_BYTES = 64 * 1024
MEMORY_MB = 128
# Python's own signal handler cannot break into one long operation; the kernel's limit can.
HARD_CPU_S = 5


class Overtime(Exception):
    """A template has had its time; raised again and again, should something catch it."""


class TooLong(Exception):
    """A template has written more than it may."""


def environment(*, html: bool) -> ImmutableSandboxedEnvironment:
    """Where templates live: no file, no module, no attribute that leads out, nothing changed."""
    made = ImmutableSandboxedEnvironment(
        autoescape=html,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.globals.pop("lipsum", None)
    return made


def main() -> None:
    """Answer the one request on standard input."""
    limit(cpu_s=HARD_CPU_S, memory_mb=MEMORY_MB)
    request = json.load(sys.stdin)
    Guard().install()
    signal.signal(signal.SIGPROF, stop)
    rendered: dict[str, str] = {}
    failed: dict[str, str] = {}
    for name, template in request["templates"].items():
        try:
            rendered[name] = render(template, request["facts"])
        except Exception as error:
            failed[name] = sentence(template["file"], error)
    json.dump({"rendered": rendered, "failed": failed}, sys.stdout)


def render(template: dict[str, Any], facts: dict[str, Any]) -> str:
    """The text that one template makes; raises Overtime, TooLong and whatever Jinja2 does."""
    signal.setitimer(signal.ITIMER_PROF, CPU_S, CPU_S / 2)
    try:
        made = environment(html=template["html"])
        code = made.compile(template["source"], name=template["file"], filename=template["file"])
        return "".join(limited(Template.from_code(made, code, made.globals).generate(facts)))
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def limited(pieces: Iterator[str]) -> Iterator[str]:
    """The pieces while they are not too much."""
    size = 0
    for piece in pieces:
        size += len(piece.encode("utf-8", "replace"))
        if size > MAX_BYTES:
            raise TooLong
        yield piece


def stop(_number: int, _frame: FrameType | None) -> NoReturn:
    """The timer rang."""
    raise Overtime


def sentence(file: str, error: BaseException) -> str:
    """What went wrong, with file and line."""
    if isinstance(error, Overtime):
        what = f"it takes more than {CPU_S:g} s"
    elif isinstance(error, TooLong):
        what = f"it writes more than {MAX_BYTES // 1024} KiB"
    elif isinstance(error, MemoryError):
        what = f"it takes more than {MEMORY_MB} MB"
    else:
        what = f"{type(error).__name__}: {str(error)[:200]}"
    line = getattr(error, "lineno", None) or line_of(file, error.__traceback__)
    return f"{file}:{line}: {what}" if line else f"{file}: {what}"


def line_of(file: str, trace: TracebackType | None) -> int | None:
    """The template's innermost line that was at work."""
    found = None
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == file:
            found = trace.tb_lineno
        trace = trace.tb_next
    return found


if __name__ == "__main__":
    main()
