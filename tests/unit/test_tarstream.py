"""The tar reader against the standard library's, and against damage."""

from __future__ import annotations

import io
import random
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.images import layer
from thwart.lib.tarstream import Member, TarError, TarStream


def pieces(data: bytes, size: int = 700) -> Iterator[bytes]:
    return (data[start : start + size] for start in range(0, len(data), size))


def listing(data: bytes, size: int = 700, max_members: int = 10_000) -> list[tuple[Member, bytes]]:
    tar = TarStream(pieces(data, size), max_members=max_members)
    return [(member, tar.read(1 << 20) if member.kind == "0" else b"") for member in tar]


def expected(data: bytes) -> list[tuple[str, str, bytes, str]]:
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        return [
            (m.name, m.type.decode(), (tar.extractfile(m) or io.BytesIO()).read() if m.isreg() else b"", m.linkname)
            for m in tar
        ]


LONG = "deep/" * 40 + "name-" + "x" * 120
SAMPLE = layer(
    ("etc", None),
    ("etc/passwd", b"root:x:0:0\n" * 80),
    ("etc/empty", b""),
    (LONG, b"long"),
    ("usr/lib/ünï", b"unicode"),
    ("link", "../" + LONG),
    ("hard", "=etc/passwd"),
    ("big", random.Random(2).randbytes(5000)),
)


@pytest.mark.parametrize("pax", [False, True])
@pytest.mark.parametrize("size", [1, 511, 512, 513, 1 << 20])
def test_reads_what_the_standard_library_reads(pax: bool, size: int) -> None:
    data = layer(
        ("d", None), (LONG, b"content" * 99), ("s", LONG), ("h", "=" + LONG), ("x" * 99, b"1"), ("ü", b"2"), pax=pax
    )
    got = [(m.name.rstrip("/"), m.kind, content, m.link) for m, content in listing(data, size)]
    assert got == expected(data)


def test_unread_content_is_skipped_and_parts_can_be_had() -> None:
    tar = TarStream(pieces(SAMPLE), max_members=100)
    seen = {}
    for member in tar:
        if member.name == "big":
            assert tar.starts_with(tar.head(4))
            seen = dict(tar.ranges([(10, 20), (4990, 50)]))
    whole = random.Random(2).randbytes(5000)
    assert seen == {10: whole[10:30], 4990: whole[4990:]}


def test_a_source_that_can_seek_is_sought_over() -> None:
    data = layer(("a", bytes(300_000)), ("b", b"here"))
    file, jumps = io.BytesIO(data), []

    def jump(length: int) -> None:
        jumps.append(length)
        file.seek(length, io.SEEK_CUR)

    tar = TarStream(iter(lambda: file.read(1000), b""), max_members=10, jump=jump)
    places = {member.name: tar.offset for member in tar}
    assert jumps
    assert data[places["b"] : places["b"] + 4] == b"here"


@pytest.mark.parametrize("form", ["gnu", "pax0.0", "pax0.1", "pax1.0"])
def test_sparse_files_are_whole_again(form: str, tmp_path: Path) -> None:
    with (tmp_path / "holes").open("wb") as file:
        for place in (0, 100_000, 400_000):
            file.seek(place)
            file.write(b"data at %d" % place)
        file.truncate(500_000)
    (tmp_path / "after").write_bytes(b"next")
    flags = ["--format=gnu"] if form == "gnu" else ["--format=posix", f"--sparse-version={form[3:]}"]
    made = subprocess.run(
        ["tar", "-c", "--sparse", *flags, "holes", "after"], cwd=tmp_path, capture_output=True, check=True
    )
    got = {member.name: content for member, content in listing(made.stdout)}
    assert got == {"holes": (tmp_path / "holes").read_bytes(), "after": b"next"}


def test_sizes_above_eight_gigabytes_are_read() -> None:
    info = tarfile.TarInfo("huge")
    info.size = 9 << 30
    tar = TarStream(pieces(info.tobuf(tarfile.GNU_FORMAT)), max_members=10)
    assert next(iter(tar)).size == 9 << 30


def test_names_that_are_not_utf8_survive() -> None:
    raw = bytearray(layer(("name-X", b"1")))
    raw[5] = 0xFF
    total = sum(raw[:148]) + 8 * 32 + sum(raw[156:512])
    raw[148:156] = b"%06o\0 " % total
    assert listing(bytes(raw))[0][0].name.encode("utf-8", "surrogateescape") == b"name-\xff"


def test_a_wrong_checksum_is_an_error() -> None:
    raw = bytearray(SAMPLE)
    raw[0] ^= 1
    with pytest.raises(TarError, match="checksum"):
        listing(bytes(raw))


@pytest.mark.parametrize("cut", [100, 513, 700, 1500])
def test_a_cut_archive_is_an_error(cut: int) -> None:
    with pytest.raises(TarError, match="ends in the middle"):
        listing(SAMPLE[:cut])


def test_an_archive_without_end_mark_ends() -> None:
    data = layer(("a", b"1" * 512))
    assert [m.name for m, _ in listing(data[:1024])] == ["a"]


def test_members_are_counted() -> None:
    with pytest.raises(TarError, match="more than 3 members"):
        listing(SAMPLE, max_members=3)


def test_content_is_bounded() -> None:
    tar = TarStream(pieces(SAMPLE), max_members=100)
    for member in tar:
        if member.name == "big":
            with pytest.raises(TarError, match="more than 100"):
                tar.read(100)
            return
    pytest.fail("no such member")


@given(st.integers(0, len(SAMPLE) - 1), st.integers(0, 255), st.integers(1, len(SAMPLE)))
def test_damage_yields_members_or_one_error(place: int, value: int, length: int) -> None:
    raw = bytearray(SAMPLE)
    raw[place] = value
    try:
        listing(bytes(raw[:length]), 4096)
    except TarError as error:
        assert str(error)


def member(name: str, content: bytes = b"", kind: bytes = b"0", size: int | None = None) -> bytes:
    """One header and its content, byte by byte as wanted."""
    info = tarfile.TarInfo(name)
    info.type, info.size = kind, len(content) if size is None else size
    return info.tobuf(tarfile.USTAR_FORMAT) + content + bytes(-len(content) % 512)


def pax(**records: str) -> bytes:
    text = b""
    for key, value in records.items():
        length = next(n for n in range(99) if n == len(f"{n} {key}={value}\n"))
        text += f"{length} {key}={value}\n".encode()
    return text


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        (member("g", pax(path="hidden"), b"g"), "real"),
        (member("x", pax(path="hidden"), b"x") + member("x", pax(mtime="1"), b"x"), "real"),
        (member("x", pax(path="hidden"), b"x") + member("././@LongLink", b"shown\0", b"L"), "shown"),
        (member("x", pax(**{"GNU.sparse.name": "hidden"}), b"x"), "real"),
        (member("x", pax(path=""), b"x"), "real"),
    ],
    ids=["global", "two pax headers", "both kinds of long name", "sparse name of a plain file", "empty"],
)
def test_names_are_those_that_engines_see(before: bytes, expected: str) -> None:
    """Go's reader, by which engines unpack, decides: else a layer shows us other files than it installs."""
    assert [m.name for m, _ in listing(before + member("real", b"content"))] == [expected]


@pytest.mark.parametrize("kind", [b"1", b"2", b"3", b"4", b"5", b"6"])
def test_what_is_no_regular_file_has_no_content(kind: bytes) -> None:
    for before in (b"", member("x", pax(size="512"), b"x")):
        got = listing(before + member("odd", b"", kind, 512) + member("next", b"seen"))
        assert [m.name.rstrip("/") for m, _ in got] == ["odd", "next"]


def test_a_size_that_fills_its_field_is_read_to_the_last_digit() -> None:
    raw = bytearray(member("a", b"x" * 512) + member("b", b"2"))
    raw[124:136] = b"%012o" % 512
    raw[148:156] = b" " * 8
    raw[148:156] = b"%06o\0 " % sum(raw[:512])
    assert [m.name for m, _ in listing(bytes(raw))] == ["a", "b"]


@pytest.mark.parametrize("form", ["gnu", "pax0.1", "pax1.0"])
def test_parts_of_sparse_files_cost_no_more_than_the_parts(form: str, tmp_path: Path) -> None:
    with (tmp_path / "holes").open("wb") as file:
        for place, text in ((0, b"head"), (1 << 38, b"middle"), ((1 << 39) - 4, b"tail")):
            file.seek(place)
            file.write(text)
    flags = ["--format=gnu"] if form == "gnu" else ["--format=posix", f"--sparse-version={form[3:]}"]
    made = subprocess.run(["tar", "-c", "--sparse", *flags, "holes"], cwd=tmp_path, capture_output=True, check=True)
    tar = TarStream(pieces(made.stdout), max_members=2)
    one = next(iter(tar))
    assert one.size == 1 << 39
    assert tar.starts_with(b"head")
    assert tar.head(6) == b"head\0\0"
    got = tar.ranges([(2, 4), ((1 << 38) - 2, 10), ((1 << 39) - 3, 100)])
    assert [data for _, data in got] == [b"ad\0\0", b"\0\0middle\0\0", b"ail"]
    with pytest.raises(TarError, match="more than"):
        tar.read(1 << 20)
