"""ELF headers from the first bytes of a file: enough to know where its segments and sections lie.

Source: System V ABI, "Object Files" (gABI 4.1), figures 4-3 (header), 4-8 (section header), 5-1 (program header).
"""

from __future__ import annotations

import struct
from typing import NamedTuple

MAGIC = b"\x7fELF"
ET_EXEC = 2
ET_DYN = 3
PT_LOAD = 1
PF_X = 1
PF_W = 2
SHT_PROGBITS = 1
SHF_WRITE = 1
SHF_ALLOC = 2

_ORDER = {1: "<", 2: ">"}
_HEADER = {
    (bits, order): struct.Struct(sign + ("HHIIIIIHHHHHH" if bits == 1 else "HHIQQQIHHHHHH"))
    for bits in (1, 2)
    for order, sign in _ORDER.items()
}
_SEGMENT = {
    (bits, order): struct.Struct(_ORDER[order] + ("8I" if bits == 1 else "IIQQQQQQ")) for bits, order in _HEADER
}
_SECTION = {
    (bits, order): struct.Struct(_ORDER[order] + ("10I" if bits == 1 else "IIQQQQIIQQ")) for bits, order in _HEADER
}


class Segment(NamedTuple):
    """A program header."""

    type: int
    flags: int
    offset: int
    vaddr: int
    filesz: int
    memsz: int


class Section(NamedTuple):
    """A section header; `name` is an offset into the section name table."""

    name: int
    type: int
    flags: int
    addr: int
    offset: int
    size: int
    align: int


class Header(NamedTuple):
    """The file header, without what nobody here asks for. `kind` is (class, byte order) as in `e_ident`."""

    kind: tuple[int, int]
    type: int
    phoff: int
    shoff: int
    phentsize: int
    phnum: int
    shentsize: int
    shnum: int
    shstrndx: int


def header(head: bytes) -> Header | None:
    """The file header in the first bytes of a file; None when they are none, or of an unknown class or byte order."""
    if len(head) < 64 or head[:4] != MAGIC:
        return None
    kind = (head[4], head[5])
    form = _HEADER.get(kind)
    if form is None:
        return None
    kind_of, _, _, _, phoff, shoff, _, _, phentsize, phnum, shentsize, shnum, shstrndx = form.unpack_from(head, 16)
    return Header(kind, kind_of, phoff, shoff, phentsize, phnum, shentsize, shnum, shstrndx)


def segments(known: Header, head: bytes) -> list[Segment]:
    """The program headers that lie in `head`, the file's first bytes."""
    form = _SEGMENT[known.kind]
    step = known.phentsize
    if step < form.size:
        return []
    wide = known.kind[0] == 2
    out = []
    for at in range(known.phoff, min(known.phoff + known.phnum * step, len(head) - form.size + 1), step):
        if wide:
            kind, flags, offset, vaddr, _, filesz, memsz, _ = form.unpack_from(head, at)
        else:
            kind, offset, vaddr, _, filesz, memsz, flags, _ = form.unpack_from(head, at)
        out.append(Segment(kind, flags, offset, vaddr, filesz, memsz))
    return out


def sections(known: Header, table: bytes) -> list[Section]:
    """The section headers in `table`, the bytes at `shoff`; those that are cut off are left out."""
    form = _SECTION[known.kind]
    step = known.shentsize
    if step < form.size:
        return []
    out = []
    for at in range(0, min(known.shnum * step, len(table) - form.size + 1), step):
        name, kind, flags, addr, offset, size, _, _, align, _ = form.unpack_from(table, at)
        out.append(Section(name, kind, flags, addr, offset, size, align))
    return out
