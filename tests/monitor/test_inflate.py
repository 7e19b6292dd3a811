"""Decompression in steps: the same bytes, however the wire cuts them."""

from __future__ import annotations

import gzip
import sys
import zlib

import brotli
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.errors import FetchError
from monitor.inflate import ACCEPT_ENCODING, RATIO_FREE_BYTES, Body
from monitor.types import FailureKind

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

MIB = 1024 * 1024


def raw_deflate(data: bytes) -> bytes:
    stream = zlib.compressobj(wbits=-15)
    return stream.compress(data) + stream.flush()


CODINGS = {
    "": bytes,
    "identity": bytes,
    "gzip": gzip.compress,
    "X-GZIP": gzip.compress,
    "deflate": zlib.compress,
    "Deflate ": raw_deflate,
    "br": lambda data: bytes(brotli.compress(data, quality=5)),
    "zstd": zstd.compress,
}
COMPRESSED = [name for name in CODINGS if name not in {"", "identity"}]


def read(coding: str, *pieces: bytes, max_bytes: int = 15 * MIB, cut: bool = False) -> bytes:
    body = Body("portal.example", coding, max_bytes=max_bytes, max_ratio=100, cut=cut)
    for piece in pieces:
        body.feed(piece)
    return body.finish()


def split(data: bytes, size: int) -> list[bytes]:
    return [data[start : start + size] for start in range(0, len(data), size)]


@given(st.sampled_from(list(CODINGS)), st.binary(max_size=400), st.integers(1, 50))
def test_every_coding_gives_back_the_bytes_at_any_cut(coding: str, data: bytes, size: int) -> None:
    assert read(coding, *split(CODINGS[coding](data), size)) == data


@pytest.mark.parametrize("coding", COMPRESSED)
def test_a_long_body_comes_through_whole(coding: str) -> None:
    data = b"".join(b"%d headlines, %d alerts\n" % (n, n * n % 7919) for n in range(120_000))
    assert read(coding, *split(CODINGS[coding](data), 65_536)) == data


def test_every_coding_that_is_asked_for_is_read() -> None:
    for coding in ACCEPT_ENCODING.split(", "):
        assert read(coding, CODINGS[coding](b"x")) == b"x"


def test_gzip_members_and_zstd_frames_may_follow_each_other() -> None:
    assert read("gzip", gzip.compress(b"one ") + gzip.compress(b"two")) == b"one two"
    assert read("gzip", gzip.compress(b"one"), gzip.compress(b"two")) == b"onetwo"
    assert read("gzip", gzip.compress(b"one") + bytes(512)) == b"one"
    assert read("zstd", zstd.compress(b"one "), zstd.compress(b"two")) == b"one two"


@pytest.mark.parametrize("coding", COMPRESSED)
def test_an_empty_answer_needs_no_stream(coding: str) -> None:
    assert read(coding) == b""


@pytest.mark.parametrize("coding", COMPRESSED)
def test_a_stream_that_is_cut_short_is_a_failure(coding: str) -> None:
    whole = CODINGS[coding](b"headline" * 1_000)
    with pytest.raises(FetchError, match=r"portal\.example .*cut short") as caught:
        read(coding, whole[: len(whole) // 2])
    assert caught.value.kind is FailureKind.PROTOCOL


@pytest.mark.parametrize("coding", COMPRESSED)
def test_bytes_that_are_not_of_the_coding_are_a_failure(coding: str) -> None:
    with pytest.raises(FetchError) as caught:
        read(coding, b"<rss><channel><title>plain</title></channel></rss>")
    assert caught.value.kind is FailureKind.PROTOCOL


@given(st.sampled_from(COMPRESSED), st.lists(st.binary(max_size=200), max_size=6))
def test_any_bytes_give_a_body_or_a_named_failure(coding: str, pieces: list[bytes]) -> None:
    try:
        read(coding, *pieces)
    except FetchError as error:
        assert error.kind is FailureKind.PROTOCOL


def test_an_unknown_coding_is_named() -> None:
    with pytest.raises(FetchError, match="'snappy'"):
        read("snappy")


@pytest.mark.parametrize("coding", COMPRESSED)
def test_the_ratio_counts_only_above_a_size(coding: str) -> None:
    small = bytes(RATIO_FREE_BYTES)
    assert read(coding, CODINGS[coding](small)) == small
    with pytest.raises(FetchError) as caught:
        read(coding, CODINGS[coding](bytes(8 * MIB)))
    assert caught.value.kind is FailureKind.RATIO


@pytest.mark.parametrize("coding", list(CODINGS))
def test_the_size_counts_after_decompression(coding: str) -> None:
    data = bytes(1_000)
    assert read(coding, CODINGS[coding](data), max_bytes=1_000) == data
    with pytest.raises(FetchError) as caught:
        read(coding, CODINGS[coding](data), max_bytes=999)
    assert caught.value.kind is FailureKind.TOO_LARGE
    assert read(coding, CODINGS[coding](data), max_bytes=999, cut=True) == data[:999]
