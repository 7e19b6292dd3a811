"""A user's own sections, and what labels become."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest

from classifiers.corpus import load
from classifiers.errors import CorpusError
from classifiers.taxonomy import read_taxonomy

OWN = """
[[section]]
id = "money"
zh = "钱"
en = "Money"
from = ["finance", "realty"]

[[section]]
id = "sports"
zh = "运动"
en = "Sport"

[[section]]
id = "rest"
zh = "其他"
en = "Rest"
from = ["tech"]
"""
JSONL = [
    ("降息", "finance"),
    ("大胜", "sports"),
    ("新芯片", "科技"),
    ("红烧肉", "food"),
    ("钱", "钱"),
]


@pytest.fixture
def own(tmp_path: Path) -> Path:
    path = tmp_path / "sections.toml"
    path.write_text(OWN, encoding="utf-8")
    return path


def write(path: Path, rows: list[tuple[str, str]]) -> str:
    path.write_text("\n".join(json.dumps({"title": t, "label": s}) for t, s in rows))
    return f"jsonl:{path}"


def test_names_in_two_languages_and_old_ids_lead_to_a_section(own: Path) -> None:
    found = read_taxonomy(own)
    assert found.ids == ("money", "sports", "rest")
    names = ("money", "钱", "MONEY", "finance", "realty", "运动", "tech", "food")
    assert [found.find(name) for name in names] == [*["money"] * 5, "sports", "rest", None]


def test_the_default_taxonomy_has_its_nineteen() -> None:
    assert len(read_taxonomy().ids) == 19
    assert read_taxonomy().find("财经") == "finance"


def test_a_corpus_comes_in_the_users_sections(own: Path, tmp_path: Path) -> None:
    """Default sections move; one that goes nowhere is left out, and is no bad line."""
    rows = [row for row in JSONL if row[1] != "科技"]
    found = load(write(tmp_path / "x.jsonl", rows), "sections", read_taxonomy(own))
    assert [each.label for each in found] == ["money", "sports", "money"]
    builtin = load("builtin", "sections", read_taxonomy(own))
    assert {each.label for each in builtin} == {"money", "sports", "rest"}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "two [[section]] tables"),
        ("[[section]]\nid = 'a'\nzh = 'b'\n" * 2, "section 1 (a): 'en' must be there"),
        (OWN + "[[section]]\nid='x y'\nzh='z'\nen='q'\n", "no blanks"),
        (OWN + "[[section]]\nid='unsure'\nzh='z'\nen='q'\n", "is not 'unsure'"),
        (OWN + "[[section]]\nid='x'\nzh='钱'\nen='q'\n", "'钱' names 'money' and 'x'"),
        (OWN + "[[section]]\nid='money'\nzh='z'\nen='q'\n", "two sections are called 'money'"),
        (OWN + "[[section]]\nid='x'\nzh='z'\nen='q'\nfrom=['bank']\n", "'bank' is none of"),
        (OWN + "[[section]]\nid='x'\nzh='z'\nen='q'\nfrom=['tech']\n", "goes to 'rest' and to 'x'"),
        (OWN + "[[section]]\nid='x'\nzh='z'\nen='q'\nfrm=['tech']\n", "unknown 'frm'"),
        ("[[section]\n", "not TOML"),
    ],
)
def test_what_is_no_taxonomy_is_named(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "sections.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(CorpusError) as caught:
        read_taxonomy(path)
    assert told in str(caught.value)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("m.toml", '[labels]\n"体育频道" = "sports"\n"广告" = ""\n"7" = "财经"\n'),
        ("m.csv", "label,section\n体育频道,sports\n广告,\n7,财经\n"),
    ],
)
def test_a_mapping_file_says_what_labels_become(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    rows = [("大胜", "体育频道"), ("买一送一", "广告"), ("降息", "7"), ("新芯片", "tech")]
    spec = f"{write(tmp_path / 'x.jsonl', rows)}#{tmp_path / name}"
    assert [each.label for each in load(spec, "sections")] == ["sports", "finance", "tech"]
    assert [each.label for each in load(spec)] == ["sports", "财经", "tech"]


def test_every_format_takes_a_mapping(tmp_path: Path) -> None:
    (tmp_path / "m.csv").write_text("label,section\nstocks,games\nsports,\n", encoding="utf-8")
    corpus = tmp_path / "thuc.txt"
    corpus.write_text("主场大胜\t7\n央行降息\t2\n新芯片\t4\n", encoding="utf-8")
    found = load(f"thucnews:{corpus}#{tmp_path / 'm.csv'}", "sections")
    assert [(each.title, each.label) for each in found] == [
        ("央行降息", "games"),
        ("新芯片", "tech"),
    ]


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("m.csv", "label,section\na,sports\n,x\n", "m.csv:3: a label and a section"),
        ("m.csv", "a,b\n", "m.csv:1: its first line must name"),
        ("m.toml", "[labels]\na = 3\n", "m.toml: 'a': the id of a section"),
        ("m.toml", "[labels]\na = 'sprots'\n", "m.toml: 'sprots' is no section"),
        ("none.toml", None, "none.toml: cannot be read"),
    ],
)
def test_a_bad_mapping_is_named(tmp_path: Path, name: str, text: str | None, told: str) -> None:
    if text is not None:
        (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(CorpusError) as caught:
        load(f"{write(tmp_path / 'x.jsonl', JSONL)}#{tmp_path / name}", "sections")
    assert told in str(caught.value)


def test_a_file_whose_name_has_a_hash_is_a_file(tmp_path: Path) -> None:
    assert len(load(write(tmp_path / "x#1.jsonl", JSONL))) == len(JSONL)


def test_one_bad_row_in_ten_thousand_is_left_out_and_reported(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rows = [*[(f"大胜{at}", "sports") for at in range(9_999)], ("坏", "sprots")]
    spec = write(tmp_path / "x.jsonl", rows)
    with caplog.at_level(logging.WARNING):
        assert len(load(spec, "sections")) == 9_999
    assert "x.jsonl:10000: left out: 'sprots' is no section" in caplog.text
    assert "mapping file" in caplog.text
