"""Tables of settings into frozen records: one reader for headlines.toml, sources and channels."""

from __future__ import annotations

import dataclasses
import difflib
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from monitor.errors import SettingsError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Record = TypeVar("Record", bound="DataclassInstance")
SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}


def read(record: type[Record], table: Mapping[str, object], where: str) -> Record:
    """``table`` as ``record``; ``where`` (e.g. ``channels.mail``) names it in errors.

    A field ``interval_s`` is written ``interval`` and takes seconds or ``"10m"``.
    Raises SettingsError that lists every problem: unknown keys with the nearest known
    one, missing keys, wrong types.
    """
    hints = typing.get_type_hints(record)
    fields = {field.name: field for field in dataclasses.fields(record) if field.init}
    table = {f"{key}_s" if f"{key}_s" in fields else key: value for key, value in table.items()}
    spelled = [name.removesuffix("_s") for name in fields]
    problems = [
        ("settings.unknown", f"{where}: unknown key {key!r}{nearest(key, spelled)}")
        for key in table
        if key not in fields
    ]
    values: dict[str, Any] = {}
    for name, field in fields.items():
        if name in table:
            try:
                values[name] = convert(hints[name], table[name], name)
            except (TypeError, ValueError) as error:
                key = name.removesuffix("_s")
                problems.append(("settings.type", f"{where}.{key}: {error}"))
        elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            problems.append(("settings.missing", f"{where}: {name!r} must be set"))
    if problems:
        raise SettingsError(problems)
    return record(**values)


def nearest(word: str, known: typing.Iterable[str]) -> str:
    """``; did you mean 'x'?`` for the closest known word, or all known ones."""
    words = sorted(known)
    close = difflib.get_close_matches(word, words, n=1, cutoff=0.6)
    return f"; did you mean {close[0]!r}?" if close else f"; known: {', '.join(words)}"


def convert(hint: Any, value: object, name: str) -> object:
    """``value`` as the annotated type; raises TypeError or ValueError with a sentence."""
    origin = typing.get_origin(hint)
    if origin in {types.UnionType, typing.Union}:
        inner = [arg for arg in typing.get_args(hint) if arg is not type(None)]
        return convert(inner[0], value, name)
    if origin is tuple:
        if not isinstance(value, list | tuple):
            raise TypeError(f"a list is expected, not {value!r}")
        return tuple(convert(typing.get_args(hint)[0], item, name) for item in value)
    if origin in {dict, Mapping} or origin is typing.get_origin(Mapping[str, object]):
        if not isinstance(value, Mapping):
            raise TypeError(f"a table is expected, not {value!r}")
        return dict(value)
    if hint is float and name.endswith("_s"):
        return duration_s(value)
    return scalar(hint, value)


def scalar(hint: Any, value: object) -> object:
    """A bool, int, float, path or str; text from the environment is read as the type asked for."""
    if hint is bool:
        if isinstance(value, str) and value.lower() in {"1", "true", "yes", "on"}:
            return True
        if isinstance(value, str) and value.lower() in {"0", "false", "no", "off"}:
            return False
        if not isinstance(value, bool):
            raise TypeError(f"true or false is expected, not {value!r}")
        return value
    if hint in {int, float}:
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            raise TypeError(f"a number is expected, not {value!r}")
        return number(hint, value)
    if not isinstance(value, str):
        raise TypeError(f"text is expected, not {value!r}")
    if hint is Path and not value:
        raise ValueError("the path of a file is expected, not ''")
    return hint(value)


def number(kind: type[int] | type[float], value: float | str) -> float:
    """``value`` as an int or a float; raises ValueError with a sentence."""
    try:
        result = kind(value)
    except ValueError:
        raise ValueError(f"a number is expected, not {value!r}") from None
    if kind is int and result != float(value):
        raise ValueError(f"a whole number is expected, not {value!r}")
    return result


def duration_s(value: object) -> float:
    """Seconds from a number or from text such as ``90``, ``90s``, ``10m``, ``2h``, ``1d``."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        seconds = float(value)
    elif isinstance(value, str):
        text = value.strip().lower()
        unit = SECONDS.get(text[-1:])
        try:
            seconds = float(text[:-1]) * unit if unit else float(text)
        except ValueError:
            raise ValueError(
                f"a duration such as '90s', '10m', '2h' is expected, not {value!r}"
            ) from None
    else:
        raise TypeError(f"a duration such as '10m' is expected, not {value!r}")
    if not 0 <= seconds < float("inf"):
        raise ValueError(f"a duration cannot be {value!r}")
    return seconds
