"""The words that jieba ships, which rjieba has, too."""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path


def words_with(part: str) -> list[str]:
    """The words that hold ``part``. Reads the dictionary: some 30 ms, nothing is kept."""
    pattern = rf"^[^ \n]*{re.escape(part)}[^ \n]*(?= )"
    return re.findall(pattern, _path().read_text("utf-8"), re.MULTILINE)


def _path() -> Path:
    spec = find_spec("jieba")
    assert spec is not None and spec.origin is not None, "jieba comes with this program"
    return Path(spec.origin).with_name("dict.txt")
