"""The zip index: what it reads, what it refuses, and that it stays bounded."""

from __future__ import annotations

import io
import random
import zipfile
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.java_archives import Member, archive
from thwart.lib.zipindex import ZipError, ZipIndex

MOST = 1 << 20


def content(data: bytes) -> dict[str, bytes]:
    index = ZipIndex(data, 1000)
    return {name.decode("utf-8", "replace"): index.read(number, MOST) for number, name in enumerate(index.names)}


@given(st.dictionaries(st.text(min_size=1, max_size=20), st.binary(max_size=200), max_size=8), st.booleans())
@settings(max_examples=80, deadline=None)
def test_reads_what_the_standard_library_writes(files: dict[str, bytes], packed: bool) -> None:
    names = {name.replace("\0", "_") or "_": data for name, data in files.items() if name.isprintable()}
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED) as target:
        for name, data in names.items():
            target.writestr(name, data)
    index = ZipIndex(out.getvalue(), 1000)
    assert [index.read(number, MOST) for number in range(len(index.names))] == list(names.values())


def test_wide_archives() -> None:
    data = archive(Member(name="a", data=b"x" * 100), Member(name="b", data=b"y", method=0), zip64=True)
    assert content(data) == {"a": b"x" * 100, "b": b"y"}


def test_bytes_before_the_archive_and_a_comment_that_looks_like_its_end() -> None:
    data = archive(Member(name="a", data=b"1"), prefix=b"#!/bin/sh\nexec java\n", comment=b"PK\x05\x06" * 20)
    assert content(data) == {"a": b"1"}
    assert content(archive(Member(name="a", data=b"1"), prefix=b"x", zip64=True)) == {"a": b"1"}


def test_empty_archive() -> None:
    assert content(archive()) == {}


@pytest.mark.parametrize("junk", [b"", b"PK", b"PK\x03\x04" + bytes(100), bytes(1000), b"PK\x05\x06" * 4000])
def test_what_is_no_archive(junk: bytes) -> None:
    with pytest.raises(ZipError, match="no end of the central directory"):
        ZipIndex(junk, 10)


@pytest.mark.parametrize(
    ("member", "slug", "reason"),
    [
        (Member(name="a", data=b"1" * 50, size=40), "damaged", "size"),
        (Member(name="a", data=b"1" * 50, size=60), "damaged", "size"),
        (Member(name="a", data=b"1", method=0, size=2), "damaged", "size"),
        (Member(name="a", data=b"1", crc=7), "damaged", "checksum"),
        (Member(name="a", data=b"1", flags=1), "encrypted", "encrypted"),
        (Member(name="a", data=b"1", method=12), "compression", "method 12"),
        (Member(name="a", data=b"1", at=1), "damaged", "does not begin"),
        (Member(name="a", data=b"1", at=999_999), "damaged", "cannot be read|does not begin|no end"),
        (Member(name="a", data=bytes(MOST + 1)), "limit", "more than"),
    ],
)
def test_members_that_lie(member: Member, slug: str, reason: str) -> None:
    with pytest.raises(ZipError, match=reason) as caught:
        content(archive(member))
    assert caught.value.slug == slug


def test_overlapping_members_are_read_once() -> None:
    first = Member(name="a", data=b"kernel" * 10)
    index = ZipIndex(archive(first, Member(name="b", data=b"kernel" * 10, at=0), Member(name="c", data=b"c")), 10)
    assert index.read(0, MOST) == first.data
    with pytest.raises(ZipError, match="shares its bytes"):
        index.read(1, MOST)
    assert index.read(2, MOST) == b"c"


def test_a_quoted_member_that_spans_others_is_refused() -> None:
    inner = archive(Member(name="x", data=b"1", method=0))
    index = ZipIndex(archive(Member(name="outer", data=inner, method=0), Member(name="inner", data=b"1", at=35)), 10)
    index.read(0, MOST)
    with pytest.raises(ZipError, match="shares its bytes"):
        index.read(1, MOST)


def test_more_members_than_allowed_are_cut() -> None:
    data = archive(*(Member(name=str(n), method=0) for n in range(100)))
    index = ZipIndex(data, 7)
    assert index.cut
    assert [name.decode() for name in index.names] == [str(n) for n in range(7)]
    assert not ZipIndex(data, 100).cut


def test_more_members_than_16_bits_count() -> None:
    data = archive(*(Member(name="m", method=0) for _ in range(70_000)))
    assert len(ZipIndex(data, 200_000).names) == 70_000


def test_bomb_stops_at_the_declared_size() -> None:
    bomb = archive(Member(name="a", data=bytes(50_000_000), size=10))
    with pytest.raises(ZipError, match="lies about its size"):
        content(bomb)


def test_any_damage_is_an_error_or_a_result() -> None:
    good = archive(Member(name="a", data=b"some text " * 20), Member(name="b", data=b"other", method=0), zip64=True)
    dice = random.Random(7)
    for _ in range(2000):
        bad = bytearray(good)
        for _ in range(dice.choice((1, 1, 3))):
            bad[dice.randrange(len(bad))] ^= 1 << dice.randrange(8)
        data = bytes(bad[: dice.choice((len(bad), len(bad), dice.randrange(len(bad))))])
        try:
            read = content(data)
        except ZipError:
            continue
        assert all(zlib.crc32(value) for value in read.values() if value)
