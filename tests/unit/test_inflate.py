"""Streams of every compression, in pieces of every size, whole, cut, damaged and as bombs."""

from __future__ import annotations

import bz2
import gzip
import lzma
import random
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from thwart.lib import zstd
from thwart.lib.inflate import InflateError, inflate, kind

COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "zstd": zstd.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
}
DATA = random.Random(1).randbytes(70_000) + b"thwart" * 90_000


def pieces(data: bytes, size: int) -> Iterator[bytes]:
    return (data[start : start + size] for start in range(0, len(data), size))


def run(data: bytes, size: int = 4096, max_bytes: int = 1 << 40, max_ratio: int = 1100) -> bytes:
    return b"".join(inflate(pieces(data, size), max_bytes=max_bytes, max_ratio=max_ratio))


@pytest.mark.parametrize("name", COMPRESS)
@pytest.mark.parametrize("size", [1 << 20, 4096, 13])
def test_gives_back_what_was_compressed(name: str, size: int) -> None:
    packed = COMPRESS[name](DATA)
    assert kind(packed) == name
    assert run(packed, size) == DATA


@pytest.mark.parametrize("name", COMPRESS)
def test_members_that_follow_each_other_are_one_stream(name: str) -> None:
    pack = COMPRESS[name]
    assert run(pack(DATA[:99]) + pack(DATA[99:]) + bytes(512)) == DATA


def test_what_is_not_compressed_passes() -> None:
    assert kind(DATA) == ""
    assert run(DATA, 7) == DATA
    assert run(b"") == b""


@pytest.mark.parametrize("name", COMPRESS)
@pytest.mark.parametrize("cut", [20, 1, 5000])
def test_a_cut_stream_is_an_error(name: str, cut: int) -> None:
    with pytest.raises(InflateError, match="ends in the middle"):
        run(COMPRESS[name](DATA)[:-cut])


@pytest.mark.parametrize("name", COMPRESS)
def test_garbage_behind_the_end_is_an_error(name: str) -> None:
    with pytest.raises(InflateError):
        run(COMPRESS[name](DATA) + b"more than padding")


@pytest.mark.parametrize("name", ["gzip", "bzip2", "xz"])
def test_a_flipped_bit_is_found_by_the_format(name: str) -> None:
    packed = bytearray(COMPRESS[name](DATA))
    packed[len(packed) // 2] ^= 1
    with pytest.raises(InflateError):
        run(bytes(packed))


def test_size_is_bounded() -> None:
    with pytest.raises(InflateError, match="more than 1000 bytes"):
        run(gzip.compress(DATA), max_bytes=1000)


def test_a_bomb_is_cut_in_bounded_pieces() -> None:
    bomb = zstd.compress(bytes(1 << 28)) * 8  # 2 GiB of zeros in some 70 KB
    longest = total = 0
    with pytest.raises(InflateError, match="bomb"):
        for piece in inflate(pieces(bomb, 65536), max_bytes=1 << 40, max_ratio=1100):
            longest, total = max(longest, len(piece)), total + len(piece)
    assert longest <= 1 << 20
    assert total <= (1 << 30) + (1 << 20)


@given(st.binary(max_size=300), st.sampled_from(sorted(COMPRESS)), st.integers(0, 2000), st.integers(0, 7))
def test_damage_yields_bytes_or_one_error(data: bytes, name: str, place: int, bit: int) -> None:
    packed = bytearray(COMPRESS[name](data))
    packed[place % len(packed)] ^= 1 << bit
    try:
        run(bytes(packed), 11)
    except InflateError as error:
        assert str(error)
