"""Bounded, streaming decompression of gzip (RFC 1952), zstandard (RFC 8878), bzip2 and xz, told apart by their magic."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain
from typing import Protocol

OUT = 1 << 20  # bytes given out at a time, at most


class InflateError(ValueError):
    """The stream is damaged, cut short, or grows beyond its bounds."""


class _Decoder(Protocol):
    """What the standard library's and isal's decompressor objects share."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int = -1, /) -> bytes: ...


def kind(head: bytes) -> str:
    """`gzip`, `zstd`, `bzip2`, `xz` or `` (not compressed) for the first bytes of a stream."""
    if head[:2] == b"\x1f\x8b":
        return "gzip"
    if head[:4] == b"\x28\xb5\x2f\xfd" or (head[1:4] == b"\x2a\x4d\x18" and head[:1] in _SKIPPABLE):
        return "zstd"
    if head[:3] == b"BZh" and head[4:10] == b"\x31\x41\x59\x26\x53\x59":
        return "bzip2"
    return "xz" if head[:6] == b"\xfd7zXZ\x00" else ""


_SKIPPABLE = tuple(bytes([0x50 + n]) for n in range(16))


def inflate(chunks: Iterator[bytes], *, max_bytes: int, max_ratio: int) -> Iterator[bytes]:
    """Yield the inflated stream in pieces of at most 1 MiB; what is not compressed passes as it is.

    Args:
        chunks: the stream as transported, in pieces of any size.
        max_bytes: bound on the inflated size.
        max_ratio: bound on inflated to compressed size, asked from the first GiB on: a bomb is cut there.

    Raises:
        InflateError: damaged or cut stream, data behind its end, or a bound passed.
    """
    head = b""
    for piece in chunks:
        head += piece
        if len(head) >= 10:
            break
    stream = chain((head,), chunks) if head else iter(())
    name = kind(head)
    pieces = _decode(stream, _DECODERS[name], name) if name else _whole(stream)
    return _bounded(pieces, max_bytes, max_ratio)


def _whole(stream: Iterator[bytes]) -> Iterator[tuple[bytes, int]]:
    for piece in stream:
        yield piece, len(piece)


def _decode(stream: Iterator[bytes], make: Callable[[], _Decoder], name: str) -> Iterator[tuple[bytes, int]]:
    """Members of a stream follow each other; only zero bytes may pad the end (as tar and gzip tools write them)."""
    decoder: _Decoder | None = None
    for piece in stream:
        fed, data = len(piece), piece
        while True:
            if decoder is None:
                data = data.lstrip(b"\0")
                if not data:
                    break
                decoder = make()
            try:
                out = decoder.decompress(data, OUT)
            except Exception as error:  # noqa: BLE001 - each library has its own error class
                raise InflateError(f"damaged {name} stream: {error}") from None
            if out:
                yield out, fed
                fed = 0
            data = b""
            if decoder.eof:
                data, decoder = decoder.unused_data, None
            elif decoder.needs_input:
                break
    if decoder is not None:
        raise InflateError(f"{name} stream ends in the middle")


def _bounded(pieces: Iterator[tuple[bytes, int]], max_bytes: int, max_ratio: int) -> Iterator[bytes]:
    total = fed = 0
    for out, used in pieces:
        total += len(out)
        fed += used
        if total > max_bytes:
            raise InflateError(f"inflates to more than {max_bytes} bytes")
        if total > 1 << 30 and total > max_ratio * max(fed, 1):
            raise InflateError(f"inflates to more than {max_ratio} times its size: a decompression bomb")
        if out:
            yield out


def _gzip() -> _Decoder:
    from isal import igzip_lib

    decoder: _Decoder = igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_GZIP)
    return decoder


def _bzip2() -> _Decoder:
    import bz2

    return bz2.BZ2Decompressor()


def _xz() -> _Decoder:
    import lzma

    return lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=256 << 20)


def _zstd() -> _Decoder:
    """The window is bounded at 128 MiB, what the `zstd` tool accepts without being asked for more."""
    from thwart.lib import zstd

    return zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: 27})


_DECODERS: dict[str, Callable[[], _Decoder]] = {"gzip": _gzip, "zstd": _zstd, "bzip2": _bzip2, "xz": _xz}
