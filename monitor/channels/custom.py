"""The users' own templates: files that a channel's options name, checked when they are loaded.

They are filled in by a confined process. One that fails is replaced by the channel's own
words: the alert is sent all the same, and the owner hears why.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from jinja2 import Environment, TemplateSyntaxError, nodes

from monitor.channels.base import read_file
from monitor.channels.facts import Facts
from monitor.confined import process
from monitor.confined.render import environment
from monitor.errors import ConfinementError, SettingsError
from monitor.options import nearest

MAX_SOURCE = 64 * 1024
DEADLINE_S = 20.0
KNOWN = frozenset(Facts.__dataclass_fields__)
_CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_LEADS_OUT = (nodes.Include, nodes.Import, nodes.FromImport, nodes.Extends)


@dataclass(frozen=True, slots=True)
class Filled:
    """Texts by the template's name; ``warning`` tells of those that failed and are missing."""

    texts: Mapping[str, str] = field(default_factory=dict)
    warning: str = ""


@dataclass(frozen=True, slots=True)
class Template:
    """A file's text that has been checked; ``html`` escapes what is put into it."""

    file: str
    source: str
    html: bool


@dataclass(frozen=True, slots=True)
class Templates:
    """A channel's templates by name, such as ``subject``."""

    found: Mapping[str, Template] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.found)

    @property
    def deadline_s(self) -> float:
        """The longest time that ``fill`` takes."""
        return DEADLINE_S if self.found else 0.0

    async def fill(self, facts: Facts) -> Filled:
        """The texts for ``facts``. Notices of the program's own trouble are never templates'."""
        if not self.found or facts.notice:
            return Filled()
        asked = {
            name: {"file": each.file, "source": each.source, "html": each.html}
            for name, each in self.found.items()
        }
        request = {"templates": asked, "facts": facts.as_json()}
        try:
            answer = await process.run("monitor.confined.render", request, DEADLINE_S)
        except ConfinementError as error:
            return Filled(warning=failure({"/".join(self.found): str(error)}))
        texts = {name: sendable(text) for name, text in answer["rendered"].items() if text.strip()}
        empty = answer["rendered"].keys() - texts.keys()
        failed = answer["failed"] | {
            name: f"{self.found[name].file}: it makes nothing" for name in empty
        }
        return Filled(texts, failure(failed) if failed else "")


def failure(reasons: Mapping[str, str]) -> str:
    """A sentence for the owner."""
    told = "; ".join(reasons.values())
    return f"a template failed, the usual text was sent instead: {told}"


def load(
    name: str, files: Mapping[str, str], folder: Path, html: Collection[str] = ("html",)
) -> Templates:
    """The templates in ``files`` (by name; empty ones are left out); those of ``html`` escape.

    Raises SettingsError that lists every problem with file and line.
    """
    found: dict[str, Template] = {}
    problems: list[tuple[str, str]] = []
    for what, file in files.items():
        if not file:
            continue
        where = f"channels.{name}.{what}_template"
        try:
            source = read_file(file, where, folder)
        except SettingsError as error:
            problems += error.problems
            continue
        problems += [("channels.template", f"{where}: {text}") for text in faults(file, source)]
        found[what] = Template(file, source, what in html)
    if problems:
        raise SettingsError(problems)
    return Templates(found)


def sendable(text: str) -> str:
    """The text without what no mail may hold (RFC 5322): control characters, lone surrogates."""
    return _CONTROLS.sub("", text).encode("utf-8", "replace").decode()


def faults(file: str, source: str) -> list[str]:
    """What can be seen to be wrong without running it, each with its line."""
    if len(source.encode("utf-8", "replace")) > MAX_SOURCE:
        return [f"{file}: a template has at most {MAX_SOURCE // 1024} KiB"]
    made = environment(html=False)
    try:
        tree = made.parse(source, name=file, filename=file)
    except TemplateSyntaxError as error:
        return [f"{file}:{error.lineno}: {error.message}"]
    except RecursionError:
        return [f"{file}: it is nested too deeply"]
    except ValueError as error:
        return [f"{file}: {error}"]
    return unknown_names(file, made, tree)


def unknown_names(file: str, made: Environment, tree: nodes.Template) -> list[str]:
    """Filters, tests and variables that nothing defines, and what would read other files."""
    names = list(tree.find_all(nodes.Name))
    defined = KNOWN | made.globals.keys() | {"loop", "caller", "varargs", "kwargs", "self"}
    defined |= {each.name for each in names if each.ctx != "load"}
    defined |= {each.name for each in tree.find_all(nodes.Macro)}
    found = [
        *(
            (each.lineno, "a template cannot read other files")
            for each in tree.find_all(_LEADS_OUT)
        ),
        *(
            (each.lineno, f"there is no filter {each.name!r}{nearest(each.name, made.filters)}")
            for each in tree.find_all(nodes.Filter)
            if each.name not in made.filters
        ),
        *(
            (each.lineno, f"there is no test {each.name!r}")
            for each in tree.find_all(nodes.Test)
            if each.name not in made.tests
        ),
        *(
            (each.lineno, f"there is nothing called {each.name!r}{nearest(each.name, KNOWN)}")
            for each in names
            if each.name not in defined
        ),
    ]
    return [f"{file}:{line}: {text}" for line, text in sorted(found)]
