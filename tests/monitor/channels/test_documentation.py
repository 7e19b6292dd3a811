"""docs/channels.md says what the code does: options, defaults, examples, names in templates."""

from __future__ import annotations

import dataclasses
import json
import re
import tomllib
from pathlib import Path

import pytest

from monitor import options
from monitor.channels import CHANNEL_KINDS, apprise
from monitor.channels.custom import faults
from monitor.channels.facts import Facts, Told
from tests.monitor.channels.schema import problems

DOCS = Path(__file__).parents[3] / "docs"
TEXT = (DOCS / "channels.md").read_text(encoding="utf-8")
SECTIONS = {
    match[1]: section
    for section in re.split(r"(?m)^## ", TEXT)
    if (match := re.search(r"^`kind = \"(\w+)\"`$", section, re.MULTILINE))
}


def table(section: str) -> dict[str, str]:
    """The rows of a section's first table of options: key and default."""
    rows = section.partition("| key | default | |\n")[2].partition("\n\n")[0].splitlines()[1:]
    cells = [[cell.strip().strip("`") for cell in row.split("|")] for row in rows]
    return {row[1]: row[2] for row in cells}


def shown(field: dataclasses.Field[object]) -> str:
    """A default as TOML writes it."""
    if field.default_factory is not dataclasses.MISSING:
        return "{}"
    if field.default is dataclasses.MISSING:
        return "required"
    value = list(field.default) if isinstance(field.default, tuple) else field.default
    return json.dumps(value)


def test_every_kind_has_its_section() -> None:
    assert SECTIONS.keys() == CHANNEL_KINDS.keys()


@pytest.mark.parametrize("kind", sorted(CHANNEL_KINDS))
def test_every_option_is_told_with_its_default(kind: str) -> None:
    fields = dataclasses.fields(CHANNEL_KINDS[kind].options)
    assert table(SECTIONS[kind]) == {field.name: shown(field) for field in fields}


@pytest.mark.parametrize("kind", sorted(CHANNEL_KINDS))
def test_the_examples_are_settings(kind: str) -> None:
    found = re.findall(r"```toml\n(.*?)```", SECTIONS[kind], re.DOTALL)
    tables = [each for text in found for each in tomllib.loads(text)["channels"].values()]
    assert tables
    for each in tables:
        assert each.pop("kind") == kind
        options.read(CHANNEL_KINDS[kind].options, each, kind)


def test_every_name_in_templates_is_told() -> None:
    section = TEXT.partition("\n## Templates")[2].partition("\n## ")[0]
    named = set(re.findall(r"`(\w+)`", section))
    assert {field.name for field in dataclasses.fields(Facts)} <= named
    assert {field.name for field in dataclasses.fields(Told)} <= named


def test_the_example_templates_have_no_faults() -> None:
    found = re.findall(r"```jinja\n(.*?)```", TEXT, re.DOTALL)
    assert len(found) == 2
    assert [each for text in found for each in faults("example", text)] == []


def test_the_example_of_a_body_is_what_the_schema_says() -> None:
    schema = json.loads((DOCS / "webhook.schema.json").read_text(encoding="utf-8"))
    (example,) = re.findall(r"```json\n(.*?)```", TEXT, re.DOTALL)
    assert problems(schema, json.loads(example)) == []
    for name in schema["properties"]["type"]["enum"]:
        assert f"| `{name}` |" in TEXT


SAMPLES = {
    "BOT_TOKEN": "123456789:abcdefg_hijklmnopqrstuvwxyz123456",
    "CHAT_ID": "12315544",
    "TOKEN_A": "T1JJ3T3L2",
    "TOKEN_B": "A1BRTD4JD",
    "TOKEN_C": "TIiajkdnlazkcOXrIdevi7FQ",
    "WEBHOOK_ID": "417429632418316298",
    "WEBHOOK_TOKEN": "abcdefghijklmnopqrstuvwxyz0123456789",
    "DEVICE_KEY": "abcdefghij1234567890",
    "SECRET": "SECabcdefghij1234567890",
    "TOPIC": "headlines",
    "KEY": "693a91f6-7xxx-4bc4-97a0-0ec2sifa5aaa",
    "TOKEN": "a0b1c2d3e4f5a0b1c2d3e4f5",
}


def test_the_addresses_of_services_are_taken_by_apprise() -> None:
    rows = TEXT.partition("| service | address |\n")[2].partition("\n\n")[0].splitlines()[1:]
    urls = [row.split("|")[2].strip(" `") for row in rows]
    assert len(urls) >= 9
    names = "|".join(sorted(SAMPLES, key=len, reverse=True))
    filled = [re.sub(names, lambda match: SAMPLES[match[0]], url) for url in urls]
    found = apprise.faults(tuple(filled), ())
    assert {url: text for url, text in found.items() if text} == {}
