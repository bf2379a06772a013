"""Programs that the Go linker made: the toolchain and the modules inside, whatever the file is called."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from thwart.catalogers import cataloger
from thwart.catalogers._golang import module, standard_library, toolchain
from thwart.core.errors import ParseError
from thwart.core.limits import MIB, Limits
from thwart.core.package import File, FileFacts, Found, NeedRanges, Part
from thwart.lib import elf, gobuildinfo

if TYPE_CHECKING:
    from collections.abc import Iterator

_SECTION = b"\0.go.buildinfo\0"
_NAMES = 2048  # GNU ld and strip write the section names right before the section headers
_WRITABLE = 16 * MIB  # of all writable segments together; `.go.buildinfo` starts one, or follows `.data`
_TABLE = 4 * MIB
_NOTE = re.compile(
    rb"Go\0\0(?<=\x04\0\0\0Go\0\0|\0\0\0\x04Go\0\0)"
)  # owner `Go`, type 4, either byte order: the build id

_NO_VERSION = frozenset({"", "(devel)", "v0.0.0-00010101000000-000000000000"})  # the last: required, found in a folder

_Range = tuple[int, int]


def ranges(head: bytes, size: int) -> tuple[_Range, ...]:
    """The stretches that tell whether a program is Go's and what is in it; () for what cannot be one.

    A program of the C linker costs its section headers, some 3 KB. Go's own linker writes the section headers into
    the first page, the others at the end; a Go program of the latter kind is known by its build id, else by the name
    of its section, and then read once more.
    """
    known = elf.header(head)
    if known is None or known.type not in (elf.ET_EXEC, elf.ET_DYN):
        return ()
    table = _table(known, size)
    if table is None:
        return _writable(known, head, size)
    offset, length = table
    if offset + length <= len(head):
        return _named_in_head(known, head, size)
    back = min(offset, _NAMES)
    tail = (offset - back, length + back)
    if _NOTE.search(head):
        return (tail, *_writable(known, head, size))
    return (tail,)


def _table(known: elf.Header, size: int) -> _Range | None:
    length = known.shnum * known.shentsize
    if 0 < length <= _TABLE and 0 < known.shoff <= size - length and known.shstrndx < known.shnum:
        return known.shoff, length
    return None


def _named_in_head(known: elf.Header, head: bytes, size: int) -> tuple[_Range, ...]:
    """The section names, and what may be `.go.buildinfo`: aligned to 16, initialised, writable."""
    found = elf.sections(known, head[known.shoff :])
    wanted = [(found[known.shstrndx].offset, found[known.shstrndx].size)] if known.shstrndx < len(found) else []
    flags = elf.SHF_WRITE | elf.SHF_ALLOC
    for section in found:
        if section.type == elf.SHT_PROGBITS and section.flags & flags == flags and section.align == gobuildinfo.ALIGN:
            if section.size <= gobuildinfo.HEADER:  # Go before 1.18: pointers into `.data`
                wanted += _writable(known, head, size)
            wanted.append((section.offset, section.size + gobuildinfo.ALIGN))
    if len(wanted) < 2:
        wanted += _writable(known, head, size)
    return tuple((at, min(length, size - at)) for at, length in wanted if 0 <= at < size and 0 < length <= _WRITABLE)


def _writable(known: elf.Header, head: bytes, size: int) -> tuple[_Range, ...]:
    """Where `debug/buildinfo` looks when no section is named: initialised data that cannot be executed."""
    left = _WRITABLE
    out: list[_Range] = []
    for segment in elf.segments(known, head):
        if segment.type == elf.PT_LOAD and segment.flags & (elf.PF_W | elf.PF_X) == elf.PF_W and segment.offset < size:
            length = min(segment.filesz, left, size - segment.offset)
            if length:
                out.append((segment.offset, length))
                left -= length
    return tuple(out)


@cataloger(magic=elf.MAGIC, ranges=ranges)
def go_binary(file: File, limits: Limits) -> FileFacts:
    """Toolchain, main module and dependencies of a Go program."""
    known = elf.header(file.data)
    if known is None or known.type not in (elf.ET_EXEC, elf.ET_DYN):
        return FileFacts(cataloger="go_binary", path=file.path)
    read = _Reader(file)
    table = _table(known, read.size)
    noted = _NOTE.search(file.data) is not None
    try:
        info = _read(known, table, noted, file, read)
    except gobuildinfo.Missing as missing:
        raise NeedRanges(missing.ranges) from None
    except gobuildinfo.MalformedError as error:
        raise ParseError(f"Go program with build information that cannot be read: {error}") from None
    if info is None:
        return FileFacts(cataloger="go_binary", path=file.path, problems=_silence(table, noted, file.data))
    found = tuple(dict.fromkeys(_packages(info)))
    problems: tuple[tuple[str, str], ...] = ()
    if len(found) > limits.packages:
        problems = (("limit", f"Go program with {len(found)} modules: only the first {limits.packages} are listed"),)
    return FileFacts(cataloger="go_binary", path=file.path, found=found[: limits.packages], problems=problems)


class _Reader:
    """Bytes by file offset: those at hand, else `Missing`; shorter only where the file ends."""

    def __init__(self, file: File) -> None:
        self.size = max(file.size, len(file.data))
        self._parts = (Part(0, file.data), *file.parts)

    def __call__(self, offset: int, length: int) -> bytes:
        length = min(length, self.size - offset)
        if length <= 0 or offset < 0:
            return b""
        for start, data in self._parts:
            if start <= offset and offset + length <= start + len(data):
                return data[offset - start : offset - start + length]
        raise gobuildinfo.Missing((offset, length))


def _read(
    known: elf.Header, table: _Range | None, noted: bool, file: File, read: _Reader
) -> gobuildinfo.BuildInfo | None:
    place = _section(known, table, read) if table else None
    if place is not None:
        return gobuildinfo.parse(*gobuildinfo.strings(place, read, _segments(known, read)))
    if table and not noted:
        return None
    problem: gobuildinfo.MalformedError | None = None
    for place in _candidates(known, file, read):
        try:
            version, text = gobuildinfo.strings(place, read, _segments(known, read))
        except gobuildinfo.MalformedError as error:  # a program that reads build information holds the mark, too
            problem = problem or error
            continue
        if version.startswith(("go", "devel")):
            return gobuildinfo.parse(version, text)
    if problem:
        raise problem
    return None


def _section(known: elf.Header, table: _Range, read: _Reader) -> int | None:
    """File offset of `.go.buildinfo`, in whichever segment it lies; None when no section is called so."""
    one = elf.sections(known._replace(shnum=1), read(table[0] + known.shstrndx * known.shentsize, known.shentsize))
    if not one or one[0].size > _TABLE:
        return None
    names = read(one[0].offset, one[0].size)
    at = names.find(_SECTION)
    if at < 0:
        return None
    for section in elf.sections(known, read(*table)):
        if section.name == at + 1 and section.type == elf.SHT_PROGBITS:
            read(section.offset, min(section.size + gobuildinfo.ALIGN, _TABLE))  # all of it in one request
            return section.offset
    return None


def _segments(known: elf.Header, read: _Reader) -> list[elf.Segment]:
    table = read(known.phoff, min(known.phnum * known.phentsize, _TABLE))
    return elf.segments(known._replace(phoff=0), table)


def _candidates(known: elf.Header, file: File, read: _Reader) -> Iterator[int]:
    for offset, length in _writable(known, file.data, read.size):
        yield from gobuildinfo.find(read(offset, length), offset)


def _silence(table: _Range | None, noted: bool, head: bytes) -> tuple[tuple[str, str], ...]:
    """Why nothing was found, where that is worth saying."""
    if table is None and b"UPX!" in head:
        return (("packed", "program packed with UPX: what is inside cannot be read"),)
    if noted:
        return (("no-build-info", "Go program without build information (Go before 1.13 or removed): modules unknown"),)
    return ()


def _packages(info: gobuildinfo.BuildInfo) -> Iterator[Found]:
    release, confidence = toolchain(info.go)
    yield standard_library(release, confidence)
    if info.main is not None:
        yield _main(info.main, dict(info.settings))
    elif info.path.startswith("cmd/"):  # a program of the Go distribution: advisories call its module `toolchain`
        yield Found("toolchain", release, "golang", confidence=confidence)
    for one in info.modules:
        yield _dependency(one)


def _dependency(one: gobuildinfo.Module) -> Found:
    """What is inside: the replacement where there is one; from a folder, still the module that it stands for."""
    path, version = one.replacement or (one.path, one.version)
    if version not in _NO_VERSION:
        return module(path, version)
    return module(one.path, "" if one.version in _NO_VERSION else one.version, "low")


def _main(main: gobuildinfo.Module, settings: dict[str, str]) -> Found:
    """The program's own module. Built from a checkout it has no version, but the linker may have been told one."""
    if main.version not in _NO_VERSION:
        return module(main.path, main.version)
    return module(main.path, _told(settings.get("-ldflags", "")), "low")


_TOLD = re.compile(r"""(?:^|\s)--?X[=\s]\s*["']?([^\s"'=]+)=["']?v?([0-9]+\.[0-9][0-9A-Za-z.+-]*)(?=["'\s]|$)""")
_KEYS = frozenset({"version", "gitversion", "buildversion", "appversion", "releaseversion", "semver", "gittag"})
_FLAGS = 64 * 1024


def _told(flags: str) -> str:
    """The version in `-ldflags "-X main.version=1.2.3"`; empty when none or several are told."""
    named = [(key, value) for key, value in _TOLD.findall(flags[:_FLAGS]) if key.rpartition(".")[2].lower() in _KEYS]
    own = {value for key, value in named if key.startswith("main.")} or {value for _, value in named}
    return f"v{own.pop()}" if len(own) == 1 else ""
