"""All that scoring needs to know of a bucket, side by side: one look into memory a feature.

A record is a filter of the features that fell into the bucket (32 bits), the bucket's idf
(single precision), a 16-bit weight a section, and zeros up to a multiple of 16 bytes.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

_UNIT = 16  # bytes
_SEEN, _IDF = slice(0, 4), slice(4, 8)
STEPS_AT = 8  # bytes before the weights
_LINE = 64  # bytes that a processor fetches together

Filters = NDArray[np.uint32]
Idf = NDArray[np.float32]
Steps = NDArray[np.int16]


class Records(NamedTuple):
    """``whole`` is buckets x bytes; the others are views of it, and ``steps`` is buckets x
    sections."""

    whole: NDArray[np.uint8]
    seen: Filters
    idf: Idf
    steps: Steps


def pack(seen: Filters, idf: Idf, steps: Steps) -> Records:
    """Records of these parts, from an address that is the start of a line."""
    buckets, sections = steps.shape
    records = unpack(_lined_up(buckets, stride(sections)), sections)
    records.seen[:], records.idf[:], records.steps[:] = seen, idf, steps
    return records


def unpack(whole: NDArray[np.uint8], sections: int) -> Records:
    """The parts of records; ValueError where they are not records of so many sections."""
    if whole.dtype != np.uint8 or whole.shape[1:] != (stride(sections),):
        raise ValueError(f"records of {stride(sections)} bytes, not {whole.shape[1:]}")
    weights = whole[:, STEPS_AT : STEPS_AT + 2 * sections]
    return Records(
        whole,
        whole[:, _SEEN].view("<u4")[:, 0],
        whole[:, _IDF].view("<f4")[:, 0],
        weights.view("<i2"),
    )


def stride(sections: int) -> int:
    """Bytes of a record."""
    return -(-(STEPS_AT + 2 * sections) // _UNIT) * _UNIT


def _lined_up(buckets: int, size: int) -> NDArray[np.uint8]:
    room = np.zeros(buckets * size + _LINE, dtype=np.uint8)
    start = -room.ctypes.data % _LINE
    return room[start : start + buckets * size].reshape(buckets, size)
