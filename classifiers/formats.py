"""Readers of the corpus formats, one function each, and the table of their sections."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from classifiers.errors import CorpusError
from classifiers.examples import BadLine, Example, Format, Item, training_folder

THUCNEWS = "finance realty stocks education science society politics sports game entertainment"
TOUTIAO = (
    "news_story news_culture news_entertainment news_sports news_finance news_house news_car "
    "news_edu news_tech news_military news_travel news_world stock news_agriculture news_game"
)
NLPCC2017 = (
    "baby car entertainment fashion finance food game history military "
    "regimen society sports tech travel world"
)
AGNEWS_SECTIONS = {"World": "world", "Sports": "sports", "Business": "finance", "Sci/Tech": "tech"}
RENAMED = {
    "stocks": "finance",
    "stock": "finance",
    "science": "tech",
    "game": "games",
    "house": "realty",
    "car": "auto",
    "edu": "education",
    "baby": "parenting",
    "history": "culture",
    "regimen": "health",
}


def _mapping(labels: str, *left_out: str) -> dict[str, str]:
    """Native label -> section: its name, renamed where the taxonomy has another."""
    kept = [label for label in labels.split() if label not in left_out]
    names = {label: label.removeprefix("news_") for label in kept}
    return {label: RENAMED.get(name, name) for label, name in names.items()}


_BROKEN_ENTITY = re.compile(r" ?#39;| ?&?quot;")
_LATIN_GAP = re.compile(r"(?<=[\x21-\x7e]) (?=[\x21-\x7e])")


def lines_of(path: Path) -> Iterator[tuple[int, str]]:
    """Numbered lines, without their ends. UTF-8, with or without a byte order mark."""
    try:
        with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="\n") as file:
            for number, line in enumerate(file, 1):
                yield number, line.rstrip("\r\n")
    except OSError as error:
        raise CorpusError(f"cannot be read ({error.strerror})", path) from error


def files_of(path: str, names: tuple[str, ...]) -> list[Path]:
    """The file itself, or those of ``names`` that a folder has."""
    given = Path(path)
    found = [given / name for name in names if (given / name).is_file()]
    if given.is_dir() and not found:
        raise CorpusError(f"a folder with none of {', '.join(names)}", given)
    return found if given.is_dir() else [given]


def example(path: Path, number: int, title: str, label: str, weight: float = 1.0) -> Item:
    """The example, or a bad line where the title or the label is empty or not UTF-8."""
    title, label = title.strip(), label.strip()
    if not title or not label:
        return BadLine(path, number, "the title is empty" if label else "the label is empty")
    if any("\ud800" <= char <= "\udfff" for char in title + label):
        return BadLine(path, number, "not UTF-8; save the file as UTF-8")
    return Example(title, label, weight, f"{path}:{number}")


def read_builtin(path: str) -> Iterator[Item]:
    """``terms/`` and ``headlines/`` of a training data folder: ``SECTION.LANGUAGE.txt``.

    Lines are items, but for ``## subtopic`` and ``# comment``.
    """
    folder = Path(path) if path else training_folder()
    files = sorted(folder.glob("terms/*.*.txt")) + sorted(folder.glob("headlines/*.*.txt"))
    if not files:
        raise CorpusError("no terms/SECTION.LANGUAGE.txt and no headlines/… there", folder)
    for file in files:
        subtopic = ""
        for number, line in _filled(file):
            if line.startswith("##"):
                subtopic = line.lstrip("# ")
            elif not line.startswith("#"):
                item = example(file, number, line, file.name.split(".")[0])
                group = f"{file.parent.name}/{file.name}#{subtopic}"
                yield _grouped(item, group, file.parent.name == "terms")


def _grouped(item: Item, group: str, term: bool) -> Item:
    return replace(item, group=group, term=term) if isinstance(item, Example) else item


def read_thucnews(path: str) -> Iterator[Item]:
    """``title<TAB>class index``; names in ``class.txt`` beside it, else the usual ten."""
    for file in files_of(path, ("train.txt", "dev.txt", "test.txt")):
        classes = _classes(file.parent / "class.txt", THUCNEWS.split())
        for number, line in _filled(file):
            title, _, index = line.rpartition("\t")
            yield _indexed(file, number, title, index, classes)


def read_agnews(path: str) -> Iterator[Item]:
    """``"class","title","description"``, classes counted from 1; the title alone is used."""
    for file in files_of(path, ("train.csv", "dev.csv", "test.csv")):
        classes = _classes(file.parent / "classes.txt", list(AGNEWS_SECTIONS))
        for number, row in _csv_rows(file):
            if len(row) < 2 or not row[0].isdigit():
                yield BadLine(file, number, 'expected "class","title","description"')
                continue
            title = _BROKEN_ENTITY.sub("'", row[1].replace("\\", " "))
            yield _indexed(file, number, title, row[0], classes, first=1)


def read_toutiao(path: str) -> Iterator[Item]:
    """``id_!_code_!_name_!_title_!_keywords`` as published, or ``title_!_index``."""
    for file in files_of(path, ("train_titles.txt", "train.txt", "dev.txt", "test.txt")):
        classes = TOUTIAO.split()
        for number, line in _filled(file):
            parts = line.split("_!_")
            if len(parts) >= 5 and parts[0].isdigit():
                yield example(file, number, "_!_".join(parts[3:-1]), parts[2])
            else:
                title, _, index = line.rpartition("_!_")
                yield _indexed(file, number, title, index, classes)


def read_nlpcc2017(path: str) -> Iterator[Item]:
    """``label<TAB>words separated by blanks``; blanks stay between Latin words only."""
    for file in files_of(path, ("train.word", "dev.word", "test.word")):
        for number, line in _filled(file):
            label, tab, words = line.partition("\t")
            if not tab:
                yield BadLine(file, number, "expected a label, a tabulator and the words")
                continue
            kept = _LATIN_GAP.sub("\x00", " ".join(words.split()))
            yield example(file, number, kept.replace(" ", "").replace("\x00", " "), label)


def read_fasttext(path: str) -> Iterator[Item]:
    """``__label__NAME title``, one a line."""
    for number, line in _filled(Path(path)):
        label, _, title = line.partition(" ")
        if label.startswith("__label__"):
            yield example(Path(path), number, title, label.removeprefix("__label__"))
        else:
            yield BadLine(Path(path), number, "expected __label__NAME before the title")


def read_csv(path: str) -> Iterator[Item]:
    """A header with ``title`` and ``label`` (``weight`` if wanted), in any order."""
    rows = _csv_rows(Path(path))
    _, header = next(rows, (0, []))
    columns = [name.strip().lower() for name in header]
    if "title" not in columns or "label" not in columns:
        raise CorpusError("its first line must name the columns title and label", path, 1)
    for number, row in rows:
        if len(row) != len(columns):
            reason = f"{len(row)} columns where the header has {len(columns)}"
            yield BadLine(Path(path), number, reason)
        else:
            yield _record(Path(path), number, dict(zip(columns, row, strict=True)))


def read_jsonl(path: str) -> Iterator[Item]:
    """One ``{"title": …, "label": …, "weight": …}`` a line."""
    for number, line in _filled(Path(path)):
        try:
            record = json.loads(line)
        except (ValueError, RecursionError) as error:
            yield BadLine(Path(path), number, f"not JSON ({error})")
            continue
        if isinstance(record, dict):
            yield _record(Path(path), number, record)
        else:
            yield BadLine(Path(path), number, 'expected {"title": …, "label": …}')


def _record(path: Path, number: int, record: Mapping[str, object]) -> Item:
    title, label = record.get("title"), record.get("label")
    if not isinstance(title, str) or not isinstance(label, str):
        return BadLine(path, number, "title and label must both be there, as text")
    try:
        weight = float(str(record.get("weight") or 1))
    except ValueError:
        weight = -1.0
    if not 0 < weight < 1e6:
        return BadLine(path, number, f"the weight {record.get('weight')!r} is no positive number")
    return example(path, number, title, label, weight)


def _csv_rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(line for _, line in lines_of(path))
    while True:
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise CorpusError(f"not CSV ({error})", path, reader.line_num) from error
        if row:
            yield reader.line_num, row


def _classes(path: Path, usual: list[str]) -> list[str]:
    """Names in a file, one a line; the ``usual`` ones where there is none."""
    names = [line.strip() for _, line in lines_of(path)] if path.is_file() else usual
    return [name for name in names if name]


def _indexed(
    path: Path, number: int, title: str, index: str, classes: list[str], *, first: int = 0
) -> Item:
    """An example of the class that ``index`` counts, ``first`` being the first one's."""
    if not index.strip().isdecimal() or not 0 <= int(index) - first < len(classes):
        reason = f"{index[:20]!r} is no class index; there are {len(classes)}, from {first}"
        return BadLine(path, number, reason)
    return example(path, number, title, classes[int(index) - first])


def _filled(path: Path) -> Iterator[tuple[int, str]]:
    return ((number, line) for number, line in lines_of(path) if line.strip())


READERS = {
    "builtin": Format(read_builtin, None),
    "thucnews": Format(read_thucnews, _mapping(THUCNEWS)),
    "toutiao": Format(read_toutiao, _mapping(TOUTIAO, "news_story")),
    "nlpcc2017": Format(read_nlpcc2017, _mapping(NLPCC2017)),
    "agnews": Format(read_agnews, AGNEWS_SECTIONS),
    "fasttext": Format(read_fasttext, None),
    "csv": Format(read_csv, None),
    "jsonl": Format(read_jsonl, None),
}
