"""Corpora: every format, every way to get a line wrong, and splits without leakage."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifiers import corpus
from classifiers.errors import CorpusError
from classifiers.examples import Example
from classifiers.taxonomy import read_taxonomy

TOUTIAO = "6551_!_103_!_news_sports_!_主场大胜_!_足球,联赛"
TOUTIAO_STORY = "6552_!_100_!_news_story_!_从前有座山_!_"

SMALL_FILES = {
    "thucnews": ("主场大胜\t7\n央行降息\t2\n", [("主场大胜", "sports"), ("央行降息", "stocks")]),
    "toutiao": (
        f"{TOUTIAO}\n央行降息_!_12\n",
        [("主场大胜", "news_sports"), ("央行降息", "stock")],
    ),
    "nlpcc2017": (
        "car\t新车 上市 ！\nbaby\tAI Baby 来 了\n",
        [("新车上市！", "car"), ("AI Baby来了", "baby")],
    ),
    "agnews": (
        '"2","Fans #39; joy","A long, ""quoted"" text"\n"4","New\\probe","..."\n',
        [("Fans' joy", "Sports"), ("New probe", "Sci/Tech")],
    ),
    "fasttext": ("__label__sports 主场 大胜\n", [("主场 大胜", "sports")]),
    "csv": ('label,title\nsports,"主场,大胜"\n', [("主场,大胜", "sports")]),
    "jsonl": ('{"title": "主场大胜", "label": "sports"}\n', [("主场大胜", "sports")]),
}
SECTIONS = {
    "thucnews": ["sports", "finance"],
    "toutiao": ["sports", "finance"],
    "nlpcc2017": ["auto", "parenting"],
    "agnews": ["sports", "tech"],
    "fasttext": ["sports"],
    "csv": ["sports"],
    "jsonl": ["sports"],
}
BAD_LINES = {
    "thucnews": ("好\t0\n坏\t99\n", 2, "'99' is no class index"),
    "toutiao": ("好_!_0\n坏\n", 2, "is no class index"),
    "nlpcc2017": ("car\t好\ncar 坏\n", 2, "expected a label, a tabulator"),
    "agnews": ('"1","good","x"\n"zwei","bad","x"\n', 2, "expected"),
    "fasttext": ("__label__a 好\n坏\n", 2, "expected __label__NAME"),
    "csv": ("title,label\n好,a\n坏\n", 3, "1 columns where the header has 2"),
    "jsonl": ('{"title": "好", "label": "a"}\n{"title": 3, "label": "a"}\n', 2, "as text"),
}


def write(folder: Path, text: str, name: str = "corpus.txt") -> Path:
    path = folder / name
    path.write_text(text, "utf-8")
    return path


@pytest.mark.parametrize("name", SMALL_FILES)
def test_each_format_is_read(name: str, tmp_path: Path) -> None:
    text, expected = SMALL_FILES[name]
    path = write(tmp_path, text)
    found = corpus.load(f"{name}:{path}")
    assert [(each.title, each.label) for each in found] == expected
    assert [each.label for each in corpus.load(f"{name}:{path}", "sections")] == SECTIONS[name]
    assert found[0].origin.startswith(f"{path}:")


@pytest.mark.parametrize("name", BAD_LINES)
def test_a_bad_line_is_named_with_file_and_line(name: str, tmp_path: Path) -> None:
    text, line, reason = BAD_LINES[name]
    path = write(tmp_path, text)
    with pytest.raises(CorpusError) as caught:
        corpus.load(f"{name}:{path}")
    assert caught.value.line == line
    assert f"{path}:{line}: " in str(caught.value)
    assert reason in str(caught.value)


@pytest.mark.parametrize("index", ["0", "5", "²"])
def test_a_class_index_is_told_as_it_was_written(index: str, tmp_path: Path) -> None:
    path = write(tmp_path, f'"1","good","x"\n"{index}","bad","x"\n')
    with pytest.raises(CorpusError, match=f"'{index}' is no class index; there are 4, from 1"):
        corpus.load(f"agnews:{path}")


def test_one_bad_line_in_a_thousand_is_left_out_and_reported(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rows = [json.dumps({"title": f"标题{number}", "label": "sports"}) for number in range(1000)]
    rows[500] = "{not json"
    path = write(tmp_path, "\n".join(rows))
    with caplog.at_level(logging.WARNING):
        assert len(corpus.load(f"jsonl:{path}")) == 999
    assert f"{path}:501" in caplog.text


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"title": "", "label": "a"}', "the title is empty"),
        ('{"title": "x", "label": " "}', "the label is empty"),
        ('{"title": "x", "label": "a", "weight": -2}', "no positive number"),
        ('{"title": "x", "label": "a", "weight": "nan"}', "no positive number"),
        ("[1]", "expected"),
        ("[" * 100_000, "not JSON"),
    ],
)
def test_records_that_are_no_examples(text: str, reason: str, tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=reason):
        corpus.load(f"jsonl:{write(tmp_path, text)}")


def test_a_file_of_another_encoding_is_refused_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "gbk.txt"
    path.write_bytes("__label__a 标题\n".encode("gbk"))
    with pytest.raises(CorpusError, match=r"gbk\.txt:1: not UTF-8"):
        corpus.load(f"fasttext:{path}")


def test_a_csv_needs_its_header(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="columns title and label"):
        corpus.load(f"csv:{write(tmp_path, 'a,b')}")


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"none\.txt: cannot be read"):
        corpus.load(f"csv:{tmp_path}/none.txt")
    with pytest.raises(CorpusError, match=r"a folder with none of train\.txt"):
        corpus.load(f"thucnews:{tmp_path}")
    with pytest.raises(CorpusError, match="no labelled titles"):
        corpus.load(f"fasttext:{write(tmp_path, '')}")
    with pytest.raises(CorpusError, match="unknown format 'xml'; write FORMAT:PATH"):
        corpus.load("xml:there")


def test_a_folder_reads_its_files_and_its_class_names(tmp_path: Path) -> None:
    write(tmp_path, "甲\nstocks\n", "class.txt")
    write(tmp_path, "一\t0\n", "train.txt")
    write(tmp_path, "二\t1\n", "dev.txt")
    found = corpus.load(f"thucnews:{tmp_path}")
    assert [(each.title, each.label) for each in found] == [("一", "甲"), ("二", "stocks")]


def test_labels_without_a_section_are_left_out(tmp_path: Path) -> None:
    path = write(tmp_path, f"{TOUTIAO}\n{TOUTIAO_STORY}\n")
    assert len(corpus.load(f"toutiao:{path}")) == 2
    assert [each.label for each in corpus.load(f"toutiao:{path}", "sections")] == ["sports"]


def test_a_label_that_is_no_section_is_an_error_where_sections_are_asked(tmp_path: Path) -> None:
    path = write(tmp_path, "title,label\nx,体育\ny,Sports\n")
    assert {each.label for each in corpus.load(f"csv:{path}", "sections")} == {"sports"}
    path = write(tmp_path, "title,label\nx,sport\n")
    with pytest.raises(CorpusError, match="'sport' is no section; use an id"):
        corpus.load(f"csv:{path}", "sections")


def test_another_package_can_add_a_format() -> None:
    corpus.register("made", lambda path: [Example(path, "体育")])
    try:
        assert corpus.load("made:主场大胜", "sections") == [Example("主场大胜", "sports")]
    finally:
        del corpus.FORMATS["made"]


def test_own_data_has_terms_and_headlines_and_no_comments() -> None:
    found = corpus.load("builtin", "sections")
    assert {each.term for each in found} == {True, False}
    assert not [each for each in found if each.title.startswith("#")]
    assert all("#" in each.group for each in found)
    ids = set(read_taxonomy().ids)
    assert {each.label for each in found} <= ids


@given(st.lists(st.text(min_size=1, max_size=12), max_size=30), st.floats(0.05, 0.95))
def test_copies_never_stand_on_both_sides(titles: list[str], share: float) -> None:
    copies = [f" {title.upper()}！" for title in titles if title.upper().lower() == title.lower()]
    rest, held = corpus.split([Example(title, "a") for title in titles + copies], share)
    assert len(rest) + len(held) == len(titles) + len(copies)
    keys = [{corpus.identity_key(each.title) for each in side} for side in (rest, held)]
    assert not keys[0] & keys[1]


def test_about_the_share_is_held_out() -> None:
    examples = [Example(f"标题{number}", "a") for number in range(4000)]
    _, held = corpus.split(examples, 0.2)
    assert 700 < len(held) < 900
