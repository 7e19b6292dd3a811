"""Our own form: a TOML file that ``headlines rules export`` writes and ``import`` reads back."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable, Mapping

from monitor.rules.importers.draft import Choices, Draft, Fate, Imported, Report, bad_file

_KNOWN = {"name", "query", "channels", "enabled", "options"}


def read(text: str, _: Choices) -> Imported:
    """The rules of a file."""
    report = Report()
    try:
        document = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise bad_file(f"this is no TOML ({error})") from error
    tables = document.get("rules")
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise bad_file("tables [[rules]] are expected")
    for table in tables:
        _read_table(table, report)
    return report.done()


def _read_table(table: Mapping[str, object], report: Report) -> None:
    name, query = table.get("name"), table.get("query")
    if not isinstance(name, str) or not isinstance(query, str):
        report.note(0, Fate.LOST, str(name or query or table), "a rule has a name and a query")
        return
    for key in table.keys() - _KNOWN:
        report.note(0, Fate.LOST, f"{name}: {key}", f"known: {', '.join(sorted(_KNOWN))}")
    channels, options = table.get("channels"), table.get("options", {})
    listed = isinstance(channels, list) and all(isinstance(each, str) for each in channels)
    if channels is not None and not listed:
        report.note(0, Fate.LOST, f"{name}: channels", "a list of names is expected")
    if not isinstance(table.get("enabled", True), bool):
        report.note(0, Fate.LOST, f"{name}: enabled", "true or false is expected")
    if not isinstance(options, dict):
        report.note(0, Fate.LOST, f"{name}: options", "a table is expected")
        options = {}
    report.keep(
        Draft(
            name,
            query,
            options,
            tuple(channels) if listed and isinstance(channels, list) else None,
            table.get("enabled") is not False,
        ),
        0,
    )


def write(drafts: Iterable[Draft]) -> str:
    """The file that ``read`` reads back to the same rules."""
    return "\n".join(_table(draft) for draft in drafts)


def _table(draft: Draft) -> str:
    lines = ["[[rules]]", f"name = {_value(draft.name)}", f"query = {_value(draft.query)}"]
    if draft.channels is not None:
        lines.append(f"channels = {_value(list(draft.channels))}")
    if not draft.enabled:
        lines.append("enabled = false")
    if draft.options:
        lines += ["[rules.options]", *(f"{k} = {_value(v)}" for k, v in draft.options.items())]
    return "\n".join(lines) + "\n"


def _value(value: object) -> str:
    """JSON's strings, numbers, lists and booleans are TOML's, but for one character."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
