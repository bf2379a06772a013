"""ELF headers in both classes and byte orders, held against what the generator wrote."""

from __future__ import annotations

import pytest

from tests.unit.go_programs import BASE, Program
from thwart.lib import elf, gobuildinfo


@pytest.mark.parametrize("bits", [32, 64])
@pytest.mark.parametrize("big", [False, True])
def test_segments_and_sections(bits: int, big: bool) -> None:
    data = Program(bits=bits, big=big).data()
    known = elf.header(data[:64])
    assert known is not None
    assert (known.type, known.phnum, known.shnum, known.shstrndx) == (elf.ET_EXEC, 2, 4, 3)
    first, second = elf.segments(known, data)
    assert (first.type, first.flags, first.offset, first.vaddr) == (elf.PT_LOAD, 5, 0x1000, BASE + 0x1000)
    assert (second.flags, second.offset, second.filesz) == (6, 0x3000, second.memsz)
    section = elf.sections(known, data[known.shoff :])[2]
    assert (section.type, section.offset, section.addr, section.align) == (elf.SHT_PROGBITS, 0x3000, BASE + 0x3000, 16)
    assert section.flags == elf.SHF_WRITE | elf.SHF_ALLOC


@pytest.mark.parametrize(
    "head", [b"", b"\x7fELF", b"\x7fELF" + bytes(60), b"\x7fELF\x03\x01" + bytes(58), b"MZ" + bytes(62)]
)
def test_no_elf(head: bytes) -> None:
    assert elf.header(head) is None


def test_what_is_cut_off_is_left_out() -> None:
    data = Program().data()
    known = elf.header(data)
    assert known is not None
    assert len(elf.segments(known, data[: known.phoff + known.phentsize])) == 1
    assert elf.segments(known._replace(phoff=1 << 63), data) == []
    assert elf.segments(known._replace(phentsize=0), data) == []
    assert elf.sections(known._replace(shentsize=1), data[known.shoff :]) == []
    assert len(elf.sections(known, data[known.shoff : known.shoff + 130])) == 2


def test_the_mark_counts_only_where_it_is_aligned() -> None:
    data = b"x" * 5 + gobuildinfo.MAGIC + b"x" * 13 + gobuildinfo.MAGIC + bytes(10)
    assert list(gobuildinfo.find(data, 0x1000)) == [0x1020]
    assert list(gobuildinfo.find(data, 0x100B)) == [0x1010]
    assert list(gobuildinfo.find(b"", 0)) == []


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("build\t-tags=a,b", ("-tags", "a,b")),
        ('build\t-ldflags="-X main.v=\\"1\\""', ("-ldflags", '-X main.v="1"')),
        ("build\t-ldflags=`a b`", ("-ldflags", "a b")),
        ('build\t"odd key"=1', ("odd key", "1")),
        ("build\tempty=", ("empty", "")),
        ('build\tx="\\x41"', ("x", "\\x41")),  # an escape that JSON has not: the text as it stands
    ],
)
def test_settings(line: str, wanted: tuple[str, str]) -> None:
    assert gobuildinfo.parse("go1.22", line + "\n").settings == (wanted,)
