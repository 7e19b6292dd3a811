"""A reader of JSON schemas that knows the few keywords ours uses, and refuses all others."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

KNOWN = {
    "$schema", "title", "description", "format", "type", "enum", "pattern", "minimum", "maximum",
    "items", "minItems", "maxItems", "properties", "required", "additionalProperties", "oneOf",
}  # fmt: skip
TYPES: dict[str, Any] = {
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "array": list,
    "object": dict,
    "null": type(None),
}


def problems(schema: dict[str, Any], value: object, at: str = "$") -> list[str]:
    """How ``value`` breaks ``schema``."""
    found = [f"{at}: keyword {key}" for key in schema.keys() - KNOWN]
    if "oneOf" in schema and sum(not problems(each, value, at) for each in schema["oneOf"]) != 1:
        found.append(f"{at}: not one of the alternatives")
    if value not in schema.get("enum", [value]):
        found.append(f"{at}: {value!r} is not one of {schema['enum']}")
    types = schema.get("type", list(TYPES))
    if not any(is_a(value, name) for name in ([types] if isinstance(types, str) else types)):
        return [*found, f"{at}: {value!r} is no {types}"]
    return [*found, *inner(schema, value, at)]


def inner(schema: dict[str, Any], value: object, at: str) -> Iterator[str]:
    """What the keywords for the value's own type say."""
    if isinstance(value, str) and not re.search(schema.get("pattern", ""), value):
        yield f"{at}: {value!r} does not match"
    elif isinstance(value, int | float):
        if not schema.get("minimum", value) <= value <= schema.get("maximum", value):
            yield f"{at}: {value} is out of range"
    elif isinstance(value, list):
        if not schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", len(value)):
            yield f"{at}: {len(value)} items"
        for number, each in enumerate(value):
            yield from problems(schema.get("items", {}), each, f"{at}[{number}]")
    elif isinstance(value, dict):
        properties = schema.get("properties", {})
        yield from (f"{at}: lacks {key}" for key in schema.get("required", []) if key not in value)
        if schema.get("additionalProperties") is False:
            yield from (f"{at}: has {key}" for key in value.keys() - properties.keys())
        for key in value.keys() & properties.keys():
            yield from problems(properties[key], value[key], f"{at}.{key}")


def is_a(value: object, name: str) -> bool:
    """Whether ``value`` is of a type of JSON; Python counts booleans as numbers, JSON does not."""
    if isinstance(value, bool):
        return name == "boolean"
    return isinstance(value, TYPES[name])
