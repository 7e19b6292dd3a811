"""Bodies as they arrive: decompressed step by step, cut at a size and at a ratio.

Memory stays within the size limit plus one step, whatever the bytes would grow to.
"""

from __future__ import annotations

import sys
import zlib
from collections.abc import Iterator
from typing import Protocol

import brotli  # type: ignore[import-untyped]

from monitor.errors import FetchError
from monitor.types import FailureKind

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

ACCEPT_ENCODING = "gzip, deflate, br, zstd"
RATIO_FREE_BYTES = 256 * 1024
_STEP = 64 * 1024
_ZSTD_WINDOW_LOG = 23  # RFC 9659: at most 8 MiB for the zstd content coding


class _Decoder(Protocol):
    """One compressed stream: pieces of at most a step each, and whether the end was seen."""

    def pieces(self, data: bytes) -> Iterator[bytes]: ...

    def finished(self) -> bool: ...


class _Gzip:
    """gzip, RFC 1952: several members may follow each other."""

    def __init__(self) -> None:
        self._member = zlib.decompressobj(31)

    def pieces(self, data: bytes) -> Iterator[bytes]:
        while data:
            if self._member.eof:
                if not data.startswith(b"\x1f"):
                    return  # padding after the last member
                self._member = zlib.decompressobj(31)
            yield self._member.decompress(data, _STEP)
            data = self._member.unconsumed_tail or self._member.unused_data

    def finished(self) -> bool:
        return self._member.eof


class _Deflate:
    """deflate, RFC 9110 8.4.1.2: zlib's format, or the raw one that some servers send."""

    def __init__(self) -> None:
        self._stream = zlib.decompressobj()
        self._head = b""

    def pieces(self, data: bytes) -> Iterator[bytes]:
        if len(self._head) < 2:
            self._head += data
            if len(self._head) < 2:
                return
            data = self._head
            is_zlib = data[0] & 0x0F == 8 and int.from_bytes(data[:2], "big") % 31 == 0
            self._stream = zlib.decompressobj(15 if is_zlib else -15)
        while data and not self._stream.eof:
            yield self._stream.decompress(data, _STEP)
            data = self._stream.unconsumed_tail

    def finished(self) -> bool:
        return self._stream.eof


class _Brotli:
    """br, RFC 7932."""

    def __init__(self) -> None:
        self._stream = brotli.Decompressor()

    def pieces(self, data: bytes) -> Iterator[bytes]:
        piece = self._stream.process(data, output_buffer_limit=_STEP)
        while piece:  # more may wait inside, even where it says that it takes more input
            yield piece
            piece = self._stream.process(b"", output_buffer_limit=_STEP)

    def finished(self) -> bool:
        return bool(self._stream.is_finished())


class _Zstd:
    """zstd, RFC 8878: several frames may follow each other."""

    def __init__(self) -> None:
        self._frame = self._open()

    @staticmethod
    def _open() -> zstd.ZstdDecompressor:
        limit = {int(zstd.DecompressionParameter.window_log_max): _ZSTD_WINDOW_LOG}
        return zstd.ZstdDecompressor(options=limit)

    def pieces(self, data: bytes) -> Iterator[bytes]:
        while data:
            if self._frame.eof:
                self._frame = self._open()
            yield self._frame.decompress(data, _STEP)
            while not self._frame.eof and not self._frame.needs_input:
                yield self._frame.decompress(b"", _STEP)
            data = self._frame.unused_data if self._frame.eof else b""

    def finished(self) -> bool:
        return self._frame.eof


_DECODERS: dict[str, type[_Decoder]] = {
    "gzip": _Gzip,
    "x-gzip": _Gzip,
    "deflate": _Deflate,
    "br": _Brotli,
    "zstd": _Zstd,
}
_DECODING_ERRORS = (zlib.error, brotli.error, zstd.ZstdError, EOFError)


class Body:
    """Collects one body; ``host`` is for the messages.

    ``content_encoding`` is the header's value. With ``cut`` a body beyond ``max_bytes`` is
    shortened and ``full`` becomes true; without it FetchError TOO_LARGE is raised.
    """

    def __init__(
        self,
        host: str,
        content_encoding: str,
        *,
        max_bytes: int,
        max_ratio: float,
        cut: bool = False,
    ) -> None:
        self._host = host
        self._decoder = self._pick(content_encoding)
        self._max_bytes = max_bytes
        self._max_ratio = max_ratio
        self._cut = cut
        self._chunks: list[bytes] = []
        self._received = 0
        self.size = 0
        self.full = False

    def _pick(self, content_encoding: str) -> _Decoder | None:
        names = [name.strip().lower() for name in content_encoding.split(",")]
        codings = [name for name in names if name not in {"", "identity"}]
        if not codings:
            return None
        if len(codings) > 1:
            raise self._error(FailureKind.PROTOCOL, "compressed its answer more than once")
        if codings[0] not in _DECODERS:
            raise self._error(FailureKind.PROTOCOL, f"used the unknown encoding {codings[0]!r}")
        return _DECODERS[codings[0]]()

    def feed(self, data: bytes) -> None:
        """Take the next bytes off the wire. Raises FetchError as soon as a limit is passed."""
        self._received += len(data)
        if self._decoder is None:
            self._keep(data)
            return
        try:
            for piece in self._decoder.pieces(data):
                self._keep(piece)
                self._check_ratio()
                if self.full:
                    return
        except _DECODING_ERRORS as error:
            raise self._error(
                FailureKind.PROTOCOL, f"sent a body that does not decompress ({error})"
            ) from error

    def finish(self) -> bytes:
        """The whole body, once the wire has ended. Raises FetchError if it is cut short."""
        pending = self._decoder if self._received and not self.full else None
        if pending is not None and not pending.finished():
            raise self._error(FailureKind.PROTOCOL, "sent a compressed body that is cut short")
        return self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)

    def clear(self) -> None:
        """Let the bytes go: an error's traceback would keep them."""
        self._chunks = []

    def too_large(self) -> FetchError:
        """The error for a body beyond ``max_bytes``."""
        limit = f"{self._max_bytes / 1_048_576:g} MiB"
        return self._error(FailureKind.TOO_LARGE, f"sends more than {limit}; that is not read")

    def _keep(self, data: bytes) -> None:
        if not data:
            return
        room = self._max_bytes - self.size
        if len(data) > room:
            if not self._cut:
                raise self.too_large()
            data, self.full = data[:room], True
        self._chunks.append(data)
        self.size += len(data)

    def _check_ratio(self) -> None:
        if self.size > RATIO_FREE_BYTES and self.size > self._max_ratio * self._received:
            raise self._error(
                FailureKind.RATIO,
                f"sent a body that grows more than {self._max_ratio:g} times when decompressed",
            )

    def _error(self, kind: FailureKind, what: str) -> FetchError:
        return FetchError(kind, f"{self._host} {what}")
