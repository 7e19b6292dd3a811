"""The compiled code: extraction and scoring in one pass (``_scan.c``), and the solver that
``solver`` calls (``_fit.c``), through ctypes.

The scanner gives the numbers of the NumPy code to 1e-6. It is used where it was built: when
the package was installed on a machine with a C compiler, or from a wheel for the platform.
``HEADLINES_SCORER=numpy`` leaves it out. A library that was not built from the source
beside it is not used.
"""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from classifiers.building import SWITCH, Code, is_wanted
from classifiers.calibration import Calibration
from classifiers.records import STEPS_AT
from classifiers.revision import Revision
from classifiers.text import MAX_CHARS, Codes, TextSettings

FOLDER = Path(__file__).parent
CODE = Code(
    (FOLDER / "_scan.c", FOLDER / "_fit.c"),
    (FOLDER / "_features.h", FOLDER / "_judge.h"),
    FOLDER / "_scan.so",
    "scan_digest",
)
_HALF_LINE = 32  # bytes: records of that many or fewer never straddle two cache lines
_FEATURES_EACH = 12  # at most, of a code point: room for a batch of them

Library = ctypes.CDLL
Floats = NDArray[np.float32]


class Parts(NamedTuple):
    """The arrays of a release that the scanner reads (see ``compiled.Scorer``)."""

    quick: NDArray[np.uint16]
    records: NDArray[np.uint8]
    scale: Floats
    bias: Floats
    sections: int
    revision: Revision | None = None


class Text(NamedTuple):
    """Titles in UTF-32 for a Scanner: see ``raw_text`` and ``folded_text``."""

    codes: bytes
    titles: int
    folded: bool


class Margins(NamedTuple):
    """``margins``: titles x sections. ``hard`` titles have none, and are to be folded first."""

    margins: Floats
    hard: NDArray[np.bool_]


class Answers(NamedTuple):
    """One of each a title; ``best`` and ``second`` are columns of the margins. ``hard`` titles
    have none, and are to be folded first."""

    best: NDArray[np.int32]
    probability: Floats
    second: NDArray[np.int32]
    unsure: NDArray[np.bool_]
    hard: NDArray[np.bool_]


class _Model(ctypes.Structure):
    _fields_ = (
        *((name, ctypes.c_void_p) for name in ("quick", "records", "tf", "scale", "bias")),
        *((name, ctypes.c_uint64) for name in ("shift", "stride", "last")),
        *(
            (name, ctypes.c_int32)
            for name in ("longest", "shape", "letters", "columns", "sections")
        ),
        *((name, ctypes.c_void_p) for name in ("most", "inner", "outer")),
        ("hidden", ctypes.c_int64),
    )


class _Judge(ctypes.Structure):
    _fields_ = (
        *((name, ctypes.c_void_p) for name in ("start", "end", "thresholds")),
        ("sharpness", ctypes.c_double),
        ("familiarity", ctypes.c_float),
        ("knots", ctypes.c_int32),
    )


class _Out(ctypes.Structure):
    _fields_ = tuple(
        (name, ctypes.c_void_p)
        for name in ("margins", "hard", "best", "second", "probability", "unsure")
    )


class Scanner:
    """Scores titles with one release's arrays. Safe to share between threads."""

    def __init__(self, library: Library, settings: TextSettings, parts: Parts) -> None:
        features, self.most_sections = (library.scan_limits(which) for which in (0, 1))
        given = (parts.quick, parts.records, tf_weights(features), parts.scale, parts.bias)
        kept = [np.ascontiguousarray(array) for array in given]
        look = _look_of(parts)
        self._kept = (kept, look)  # the structure holds addresses alone
        self._sections = parts.sections
        size = parts.records.shape[1]
        self._model = _Model(
            *(array.ctypes.data for array in kept),
            64 - settings.bits,
            size,
            size - 1 if size > _HALF_LINE else 0,
            settings.longest,
            settings.shape,
            settings.letters,
            len(parts.scale),
            parts.sections,
            *map(_address, look),
            *(each.shape[1] for each in look[1:2]),
        )
        self._at = ctypes.addressof(self._model)
        self._score = library.scan_score
        self._judge: tuple[Calibration, _Judge, Any] | None = None

    def margins(self, text: Text) -> Margins:
        """What the linear models say, of each section."""
        margins = np.empty((text.titles, self._sections), dtype=np.float32)
        hard = np.empty(text.titles, dtype=np.bool_)
        self._scan(text, None, _Out(margins=_address(margins), hard=_address(hard)))
        return Margins(margins, hard)

    def answers(self, text: Text, calibration: Calibration) -> Answers:
        """What ``calibration`` makes of the margins."""
        many = text.titles
        best, second = np.empty(many, dtype=np.int32), np.empty(many, dtype=np.int32)
        probability = np.empty(many, dtype=np.float32)
        unsure, hard = np.empty(many, dtype=np.bool_), np.empty(many, dtype=np.bool_)
        places = map(_address, (hard, best, second, probability, unsure))
        self._scan(text, self._judged_by(calibration), _Out(None, *places))
        return Answers(best, probability, second, unsure, hard)

    def _judged_by(self, calibration: Calibration) -> _Judge:
        """The structure for a calibration; the last one is kept."""
        kept = self._judge
        if kept is None or kept[0] is not calibration:
            given = (*calibration.curve, calibration.thresholds)
            arrays = [np.ascontiguousarray(each, dtype=np.float32) for each in given]
            places, knots = map(_address, arrays), len(arrays[0])
            judge = _Judge(*places, calibration.sharpness, calibration.familiarity, knots)
            kept = self._judge = (calibration, judge, arrays)
        return kept[1]

    def _scan(self, text: Text, judge: _Judge | None, out: _Out) -> None:
        by, to = None if judge is None else ctypes.addressof(judge), ctypes.addressof(out)
        size = len(text.codes) // 4
        found = self._score(self._at, by, text.codes, size, text.titles, text.folded, to)
        if found != text.titles:
            raise RuntimeError(f"the scanner found {found} titles where {text.titles} were given")


def raw_text(titles: Sequence[str]) -> Text:
    """Titles as they came."""
    text = "\n".join(titles)
    if text.count("\n") >= len(titles) or len(text) > len(titles) * MAX_CHARS:
        text = "\n".join(title[:MAX_CHARS].replace("\n", " ") for title in titles)
    return Text(text.encode("utf-32-le", "surrogatepass"), len(titles), folded=False)


def folded_text(codes: Codes, titles: int) -> Text:
    """What ``text.encode`` made of titles."""
    return Text(codes.astype("<u4").tobytes(), titles, folded=True)


def _look_of(parts: Parts) -> tuple[NDArray[Any], ...]:
    """The arrays of a revision, the last as wide as a record's lanes; none without one."""
    if parts.revision is None:
        return ()
    most, inner, outer = parts.revision.most, parts.revision.inner, parts.revision.outer
    lanes = (parts.records.shape[1] - STEPS_AT) // 2
    wide = np.zeros((len(outer), lanes))
    wide[:, : parts.sections] = outer
    return np.ascontiguousarray(most), inner.astype(np.float64), wide


def _address(array: NDArray[Any]) -> int:
    return array.ctypes.data


def tf_weights(most: int) -> Floats:
    """The weight of each count up to ``most``: 1 + ln(count), and 0 of 0."""
    weights = np.zeros(most + 1, dtype=np.float32)
    weights[1:] = 1 + np.log(np.arange(1, most + 1))
    return weights


def scanner(settings: TextSettings, parts: Parts) -> Scanner | None:
    """A Scanner where it can serve: there is a library, and the release needs no words."""
    found = library()
    if found is None or settings.words:
        return None
    made = Scanner(found, settings, parts)
    return made if len(parts.scale) <= made.most_sections else None


def extract(
    library: Library, settings: TextSettings, codes: Codes, titles: int
) -> tuple[NDArray[np.int64], NDArray[np.uint64], NDArray[np.bool_]]:
    """Rows, hashes and telling marks of all features of ``text.encode``'s titles."""
    room = len(codes) * _FEATURES_EACH + 4 * titles
    rows = np.empty(room, dtype=np.int64)
    hashes = np.empty(room, dtype=np.uint64)
    telling = np.empty(room, dtype=np.bool_)
    model = _Model(
        shift=64 - settings.bits,
        longest=settings.longest,
        shape=settings.shape,
        letters=settings.letters,
    )
    raw = codes.astype("<u4").tobytes()
    places = (each.ctypes.data for each in (rows, hashes, telling))
    address = ctypes.addressof(model)
    found = library.scan_extract(address, raw, len(codes), titles, room, *places)
    if found < 0:
        raise RuntimeError(f"more than {room} features in {len(codes)} code points")
    return rows[:found], hashes[:found], telling[:found]


def library() -> Library | None:
    """The library, or None where there is none or it is not wanted; ``problem`` says why."""
    return _opened()[0] if is_wanted() else None


def problem() -> str:
    """Why the compiled scanner is not in use; empty when it is."""
    return _opened()[1] if is_wanted() else f"{SWITCH} is numpy"


def usable(text: Mapping[str, Any]) -> bool:
    """Does the compiled code serve a release with these ``TextSettings``?"""
    return library() is not None and not text.get("words")


def description(compiled: bool) -> str:
    """Who scores, in words, given whether the release in question is scored compiled."""
    if compiled:
        return "compiled code"
    why = problem() or "the release needs words"
    return f"NumPy, several times slower ({why})"


@functools.cache
def _opened() -> tuple[Library | None, str]:
    if not CODE.library.exists():
        return None, "it was not built: install again with a C compiler at hand"
    try:
        return load(), ""
    except (OSError, ValueError) as error:
        return None, f"{error}: install again"


def load(path: Path = CODE.library) -> Library:
    """Open a library. OSError when it is none; ValueError when it is of another source."""
    found = CODE.open(ctypes.CDLL, path)
    pointer, count, flag = ctypes.c_void_p, ctypes.c_int64, ctypes.c_int32
    text = ctypes.c_char_p
    found.scan_score.argtypes = (pointer, pointer, text, count, count, flag, pointer)
    found.scan_score.restype = count
    found.scan_extract.argtypes = (pointer, text, *[count] * 3, *[pointer] * 3)
    found.scan_extract.restype = count
    found.fit_margins.argtypes = (pointer,) * 5
    found.fit_softmax.argtypes = (pointer,) * 3
    found.fit_softmax.restype = None
    return found
