"""Go programs as the linkers lay them out, small enough to write by hand: ELF, build information, section names.

The layout is that of `cmd/link` (one section `.go.buildinfo`, its own string table last) and of `debug/buildinfo`;
tests/real/test_catalog_go_java.py holds it against the real toolchain.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

START = bytes.fromhex("3077af0c9274080241e1c107e6d618e6")  # frame that the go command puts around the modules
END = bytes.fromhex("f932433186182072008242104116d8f2")
BASE = 0x400000
MODULES = (
    "path\texample.com/acme/app/cmd/app\n"
    "mod\texample.com/acme/app\tv1.4.0\th1:abc=\n"
    "dep\tgithub.com/gorilla/mux\tv1.8.0\th1:def=\n"
    "dep\tgolang.org/x/text\tv0.3.7\n"
    "=>\tgolang.org/x/text\tv0.3.8\th1:ghi=\n"
    "dep\texample.com/acme/local\tv1.0.0\n"
    "=>\t../local\t(devel)\t\n"
    "dep\tgopkg.in/yaml.v3\tv3.0.1\th1:jkl=\n"
    "build\t-compiler=gc\n"
)


@dataclass(frozen=True, kw_only=True)
class Program:
    """What to lay out. `table` is where the section headers go: `head` (Go's linker), `tail` (GNU ld), `none`."""

    bits: int = 64
    big: bool = False
    version: str = "go1.22.3"
    modules: str = MODULES
    pointers: bool = False  # as before Go 1.18
    table: str = "head"
    note: bool = True  # the build id
    info: bool = True
    lead: int = 0  # bytes in the writable segment before the build information
    writable: bool = True
    names_apart: bool = False  # section names far from the section headers
    extra: bytes = b""  # at the end of the first page

    def data(self) -> bytes:
        """The file's bytes."""
        return _Layout(self).data()


class _Layout:
    def __init__(self, what: Program) -> None:
        self.what = what
        self.order = ">" if what.big else "<"
        self.wide = what.bits == 64
        self.text_at, self.data_at = 0x1000, 0x3000

    def data(self) -> bytes:
        what = self.what
        text, segment = self._contents()
        out = bytearray(self.data_at)
        out[self.text_at : self.text_at + len(text)] = text
        out += segment
        names = b"\0.text\0.go.buildinfo\0.shstrtab\0" if what.info else b"\0.text\0.bss.info.gone\0.shstrtab\0"
        names_at = len(out)
        out += names + bytes(-len(out + names) % 8)
        if what.names_apart:
            out += bytes(8192)
        table = self._sections(len(text), len(segment), names_at, len(names))
        shoff = {"head": 0x200, "tail": len(out), "none": 0}[what.table]
        if what.table == "head":
            out[shoff : shoff + len(table)] = table
        elif what.table == "tail":
            out += table
        note = struct.pack(self.order + "3I", 4, 8, 4) + b"Go\0\0buildid\0"
        if what.note:
            out[0xF00 : 0xF00 + len(note)] = note
        out[0x1000 - len(what.extra) : 0x1000] = what.extra
        head = self._header(shoff) + self._segments(len(text), len(segment))
        out[: len(head)] = head
        return bytes(out)

    def _contents(self) -> tuple[bytes, bytes]:
        """The read-only segment, and the writable one with the build information in it."""
        what = self.what
        framed = START + what.modules.encode() + END if what.modules else b""
        version = what.version.encode()
        mark = b"\xff Go buildinf:"
        lead = bytes(what.lead)
        if not what.info:
            return b"\x90" * 64, lead + bytes(64)
        if not what.pointers:
            inline = mark + bytes((8 if self.wide else 4, 2)) + bytes(16)
            return b"\x90" * 64, lead + inline + _counted(version) + _counted(framed)
        form = struct.Struct(self.order + ("Q" if self.wide else "I"))
        size = form.size
        strings = BASE + self.data_at + what.lead + 32
        texts = BASE + self.text_at + 16
        flags = 1 if what.big else 0
        head = mark + bytes((size, flags)) + form.pack(strings) + form.pack(strings + 2 * size if framed else 0)
        heads = form.pack(texts) + form.pack(len(version)) + form.pack(texts + len(version)) + form.pack(len(framed))
        return bytes(16) + version + framed, lead + head.ljust(32, b"\0") + heads

    def _header(self, shoff: int) -> bytes:
        ident = b"\x7fELF" + bytes((2 if self.wide else 1, 2 if self.what.big else 1, 1)) + bytes(9)
        word = "Q" if self.wide else "I"
        phoff, sizes = (64, (56, 64)) if self.wide else (52, (32, 40))
        shnum = 4 if shoff else 0
        return ident + struct.pack(
            f"{self.order}HHI3{word}I6H", 2, 62, 1, BASE, phoff, shoff, 0, phoff, sizes[0], 2, sizes[1], shnum, 3
        )

    def _segments(self, text: int, data: int) -> bytes:
        flags = 6 if self.what.writable else 4
        return self._segment(5, self.text_at, text) + self._segment(flags, self.data_at, data)

    def _segment(self, flags: int, offset: int, size: int) -> bytes:
        if self.wide:
            return struct.pack(self.order + "2I6Q", 1, flags, offset, BASE + offset, 0, size, size, 0x1000)
        return struct.pack(self.order + "8I", 1, offset, BASE + offset, 0, size, size, flags, 0x1000)

    def _sections(self, text: int, data: int, names_at: int, names: int) -> bytes:
        info = (self.data_at + self.what.lead, data - self.what.lead)
        if self.what.pointers:
            info = (info[0], 32)
        flags = 3 if self.what.writable else 2
        return b"".join(
            (
                self._section(0, 0, 0, 0, 0, 0),
                self._section(1, 1, 6, self.text_at, text, 16),
                self._section(7, 1, flags, *info, 16),
                self._section(21, 3, 0, names_at, names, 1),
            )
        )

    def _section(self, name: int, kind: int, flags: int, offset: int, size: int, align: int) -> bytes:
        form = self.order + ("2I4Q2I2Q" if self.wide else "10I")
        return struct.pack(form, name, kind, flags, BASE + offset, offset, size, 0, 0, align, 0)


def _counted(text: bytes) -> bytes:
    length, out = len(text), b""
    while length > 0x7F:
        out += bytes((length & 0x7F | 0x80,))
        length >>= 7
    return out + bytes((length,)) + text


DATA = {
    "inline/usr/bin/app": Program(table="head"),
    "pointers-32-bit-big-endian/usr/bin/old": Program(bits=32, big=True, pointers=True, version="go1.13.15"),
    "stripped-by-strip/usr/bin/app": Program(table="tail"),
    "without-build-information/usr/bin/old": Program(info=False),
    "of-the-distribution/usr/local/go/bin/go": Program(modules="path\tcmd/go\nbuild\t-compiler=gc\n"),
}
