"""Templates of users: what is refused when they are loaded, and what is cut when they run."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from monitor.channels import custom
from monitor.channels.custom import Filled
from monitor.channels.facts import Reader, facts
from monitor.errors import SettingsError
from tests.fakes import make_message


def fill(tmp_path: Path, *sources: str, html: bool = False) -> Filled:
    """What the templates make of a message; they are called body0, body1 and so on."""
    named = {}
    for at, source in enumerate(sources):
        name = "html" if html else f"body{at}"
        (tmp_path / name).write_text(source, encoding="utf-8")
        named[name] = name
    templates = custom.load("one", named, tmp_path)
    return asyncio.run(templates.fill(facts(make_message(title="降息 <b>"), Reader())))


def test_a_template_tells_what_it_likes(tmp_path: Path) -> None:
    source = (
        "{% for e in entries %}{{ loop.index }} {{ e.title }} {{ e.section }} {{ e.percent }} "
        "{{ e.at }} {{ e.published_at }}{% endfor %} {{ subject }} {{ {'a': rule} | tojson }}"
    )
    assert fill(tmp_path, source) == Filled(
        {
            "body0": "1 降息 <b> Finance 93 2026-03-01 12:00 UTC 2026-03-01T12:00:00.000Z "
            '[rates] 降息 <b> {"a": "rates"}'
        }
    )


def test_what_no_mail_may_hold_is_left_out(tmp_path: Path) -> None:
    assert fill(tmp_path, r'{{ "a\ud83d\x00\x1b\tb\n" }}').texts == {"body0": "a?\tb\n"}


def test_html_is_escaped_unless_it_is_asked_for(tmp_path: Path) -> None:
    found = fill(tmp_path, "{{ entries[0].title }}{{ '<hr>' | safe }}", html=True)
    assert found.texts == {"html": "降息 &lt;b&gt;<hr>"}


LOOP = "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}"


@pytest.mark.parametrize(
    ("source", "word"),
    [
        (LOOP, "takes more than 1 s"),
        ("\n\n" + LOOP, ":3: "),
        ("{{ range(10 ** 9) | list }}", "Range too big"),
        ("{{ 'a' * 70000 }}", "more than 64 KiB"),
        ("{% for a in range(99999) %}aaaaaaaa{% endfor %}", "more than 64 KiB"),
        ("{{ 'a' * 10 ** 10 }}", "more than 128 MB"),
        ("{{ '%9999999999d' % 1 }}", "more than 128 MB"),
        ("{{ ''.__class__ }}", "unsafe"),
        ("{{ ''['__class__'] }}", "unsafe"),
        ("{{ '' | attr('__class__') }}", "unsafe"),
        ("{{ '{0.__class__}'.format(rule) }}", "unsafe"),
        ("{{ rule.format.__globals__ }}", "unsafe"),
        ("{{ cycler.__init__.__globals__ }}", "unsafe"),
        ("{{ entries.append(1) }}", "unsafe"),
        ("{{ words.update({'rule': 'x'}) }}", "unsafe"),
        ("{{ self.__init__ }}", "unsafe"),
        ("{{ entries[7].title }}", "no element 7"),
        ("\n{{ entries[0].titel }}", ":2: "),
        ("{% if digest %}digest{% endif %}\n", "it makes nothing"),
        ("{% macro a() %}{{ a() }}{% endmacro %}{{ a() }}", "RecursionError"),
    ],
)
def test_hostile_32_a_template_that_misbehaves_is_cut_and_told(
    tmp_path: Path, source: str, word: str
) -> None:
    found = fill(tmp_path, source, "{{ rule }}")
    assert word in found.warning
    assert "body0" in found.warning
    assert found.texts == {"body1": "rates"}


def test_hostile_32_a_calculation_that_nothing_interrupts_ends_with_its_process(
    tmp_path: Path,
) -> None:
    found = fill(tmp_path, "{{ (10 ** 8) ** (10 ** 8) }}")
    assert "usual text was sent" in found.warning
    assert found.texts == {}


def test_hostile_32_what_a_title_holds_is_never_a_template(tmp_path: Path) -> None:
    (tmp_path / "t").write_text("{{ entries[0].title }}", encoding="utf-8")
    templates = custom.load("one", {"body": "t"}, tmp_path)
    told = facts(make_message(title="{{ 7 * 7 }} ${7*7} {% raw %}"), Reader())
    assert asyncio.run(templates.fill(told)).texts == {"body": "{{ 7 * 7 }} ${7*7} {% raw %}"}


@pytest.mark.parametrize(
    ("source", "word"),
    [
        ("a\n{% if %}", "body:2: Expected an expression"),
        ("a\n\n{{ rulle }}", "body:3: there is nothing called 'rulle'; did you mean 'rule'"),
        ("{{ rule | uper }}", "body:1: there is no filter 'uper'; did you mean 'upper'"),
        ("{% if rule is od %}{% endif %}", "body:1: there is no test 'od'"),
        ("\n{% include 'x' %}", "body:2: a template cannot read other files"),
        ("{% extends 'x' %}", "cannot read other files"),
        ("{% import 'x' as y %}{{ y.z }}", "cannot read other files"),
        ("(" * 10 + "{{ " + "(" * 5000, "body"),
        ("a" * 70_000, "at most 64 KiB"),
        ("{{ " + "9" * 5_000 + " }}", "body: "),
    ],
)
def test_a_template_with_a_fault_is_refused_with_its_place(
    tmp_path: Path, source: str, word: str
) -> None:
    (tmp_path / "body").write_text(source, encoding="utf-8")
    with pytest.raises(SettingsError) as caught:
        custom.load("one", {"body": "body"}, tmp_path)
    assert word in str(caught.value)
    assert "channels.one.body_template" in str(caught.value)


def test_a_notice_is_told_in_the_programs_own_words(tmp_path: Path) -> None:
    (tmp_path / "t").write_text("{{ rule }}", encoding="utf-8")
    told = facts(make_message(notice="The disk is full.", entries=()), Reader())
    assert asyncio.run(custom.load("one", {"body": "t"}, tmp_path).fill(told)) == Filled()


def test_without_templates_no_process_is_started() -> None:
    assert not custom.load("one", {"body": ""}, Path())
