"""C beside a module becomes a library, and only the one of that source is used."""

from __future__ import annotations

import ctypes
import os
from dataclasses import replace
from pathlib import Path

import pytest

from classifiers.building import Code

SOURCE = 'const char *digest(void) { return SOURCE_DIGEST; }\n#include "number.h"\n'


@pytest.fixture
def code(tmp_path: Path) -> Code:
    source, header = tmp_path / "number.c", tmp_path / "number.h"
    source.write_text(SOURCE, "utf-8")
    header.write_text("int number(void) { return 42; }\n", "utf-8")
    return Code((source,), (header,), tmp_path / "number.so", "digest")


def test_a_library_is_built_and_opened(code: Code) -> None:
    assert code.build() == ""
    assert code.open(ctypes.CDLL).number() == 42


def test_a_library_of_another_source_is_not_used(code: Code) -> None:
    elsewhere = code.library.with_name("other.so")
    assert code.build(elsewhere) == ""
    code.headers[0].write_text("int number(void) { return 43; }\n", "utf-8")
    with pytest.raises(ValueError, match=r"other\.so was built from another"):
        code.open(ctypes.CDLL, elsewhere)


def test_what_is_no_library_is_an_error(code: Code) -> None:
    code.library.write_text("no library", "utf-8")
    with pytest.raises(OSError, match=r"number\.so"):
        code.open(ctypes.CDLL)


def test_a_library_that_does_not_say_its_source_is_not_used(code: Code) -> None:
    assert code.build() == ""
    with pytest.raises(ValueError, match=r"number\.so does not say its source"):
        replace(code, digest="other").open(ctypes.CDLL)


def test_what_hinders_the_build_is_told(code: Code, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = code.library.with_name("broken.c")
    broken.write_text("int main( {", "utf-8")
    assert "error" in replace(code, sources=(broken,)).build()
    monkeypatch.setitem(os.environ, "PATH", "")
    monkeypatch.delenv("CC", raising=False)
    assert "no C compiler" in code.build()
    assert not code.library.exists()
