"""What the Go linker writes into a program: toolchain version, modules, build settings.

Source: `debug/buildinfo` and `runtime/debug` of Go 1.26 (the layout comments in `readRawBuildInfo`, `searchMagic`,
`elfExe.DataStart` and the line grammar of `ParseBuildInfo`).
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Iterator
from typing import NamedTuple

from thwart.lib import elf

MAGIC = b"\xff Go buildinf:"
ALIGN = 16
HEADER = 32
_INLINE = 2
_BIG = 1
_STRING = 4 * 1024 * 1024  # more than the text of 30,000 modules

Reader = Callable[[int, int], bytes]


class Missing(Exception):  # noqa: N818 - a request, not an error
    """Bytes that the reader does not have, as (file offset, length) pairs."""

    def __init__(self, *ranges: tuple[int, int]) -> None:
        super().__init__("more of the file is needed")
        self.ranges = ranges


class MalformedError(ValueError):
    """The build information contradicts itself."""


class Module(NamedTuple):
    """A module with its version; `replaced` says whether another one stands in for it."""

    path: str
    version: str
    replacement: tuple[str, str] | None = None


class BuildInfo(NamedTuple):
    """All of it. `go` is as the toolchain writes it (`go1.22.3 X:boringcrypto`); `main` is None outside module mode."""

    go: str
    path: str = ""
    main: Module | None = None
    modules: tuple[Module, ...] = ()
    settings: tuple[tuple[str, str], ...] = ()


def find(data: bytes, offset: int) -> Iterator[int]:
    """File offsets at which a header may begin in `data`, a stretch that lies at `offset` in the file.

    File offsets are aligned where addresses are: gABI 5 has both congruent modulo the page size.
    """
    at = data.find(MAGIC)
    while at >= 0:
        if (offset + at) % ALIGN == 0:
            yield offset + at
        at = data.find(MAGIC, at + 1)


def strings(offset: int, read: Reader, segments: list[elf.Segment]) -> tuple[str, str]:
    """The toolchain's version and the module text, without its frame, of the header at that file offset.

    Raises:
        Missing: when `read` has not got the bytes; ask again with them.
        MalformedError: when lengths or pointers lead nowhere.
    """
    head = read(offset, HEADER)
    if len(head) < HEADER:
        raise MalformedError("the build information is cut off")
    if head[15] & _INLINE:
        version, end = _inline(offset + HEADER, read)
        modules, _ = _inline(end, read)
    else:
        version, modules = _pointed(head, read, segments)
    return version.decode("utf-8", "replace"), _unframed(modules).decode("utf-8", "replace")


def _inline(offset: int, read: Reader) -> tuple[bytes, int]:
    """Go 1.18 and later: a length as unsigned LEB128, then that many bytes."""
    prefix = read(offset, 10)
    length = 0
    for at, byte in enumerate(prefix):
        length |= (byte & 0x7F) << 7 * at
        if byte < 0x80:
            start = offset + at + 1
            return _exactly(start, length, read), start + length
    raise MalformedError("the build information is cut off")


def _pointed(head: bytes, read: Reader, segments: list[elf.Segment]) -> tuple[bytes, bytes]:
    """Before Go 1.18: addresses of two Go strings, each an address and a length."""
    size = head[14]
    if size not in (4, 8):
        raise MalformedError(f"pointers of {size} bytes")
    pair = struct.Struct((">" if head[15] & _BIG else "<") + ("2I" if size == 4 else "2Q"))
    where = pair.unpack_from(head, 16)
    # a header in memory that the file does not fill (.bss) is an empty string
    places = [
        _offset(address, pair.size, segments) if address and not _blank(address, pair.size, segments) else None
        for address in where
    ]
    headers = _all([(place, pair.size) for place in places if place is not None], read)
    texts = []
    for place in places:
        address, length = pair.unpack(headers[place]) if place is not None else (0, 0)
        texts.append((_offset(address, length, segments), length) if length else None)
    found = _all([text for text in texts if text], read)
    version, modules = (found[text[0]] if text else b"" for text in texts)
    return version, modules


def _all(ranges: list[tuple[int, int]], read: Reader) -> dict[int, bytes]:
    """Every stretch; what is missing is asked for at once, since asking may mean to inflate a layer again."""
    out: dict[int, bytes] = {}
    missing: list[tuple[int, int]] = []
    for offset, length in ranges:
        try:
            out[offset] = _exactly(offset, length, read)
        except Missing as wanted:
            missing.extend(wanted.ranges)
    if missing:
        raise Missing(*missing)
    return out


def _exactly(offset: int, length: int, read: Reader) -> bytes:
    if length > _STRING:
        raise MalformedError(f"a text of {length} bytes in the build information")
    data = read(offset, length) if length else b""
    if len(data) < length:
        raise MalformedError("the build information is cut off")
    return data


def _offset(address: int, length: int, segments: list[elf.Segment]) -> int:
    for segment in segments:
        if segment.type == elf.PT_LOAD and segment.vaddr <= address:
            within = address - segment.vaddr
            if within + length <= segment.filesz:
                return segment.offset + within
    raise MalformedError("the build information points outside the file")


def _blank(address: int, length: int, segments: list[elf.Segment]) -> bool:
    """Whether an address lies in memory that starts as zeros because the file holds nothing for it."""
    return any(
        segment.type == elf.PT_LOAD
        and segment.vaddr + segment.filesz <= address
        and address + length <= segment.vaddr + segment.memsz
        for segment in segments
    )


def _unframed(text: bytes) -> bytes:
    """Without the two 16-byte marks that the go command puts around the modules (`modload.infoStart`, `infoEnd`)."""
    return text[16:-16] if len(text) >= 33 and text[-17:-16] == b"\n" else b""


def parse(go: str, text: str) -> BuildInfo:
    """Read the lines that `go version -m` prints.

    Raises:
        MalformedError: when a line has not the columns that it must have.
    """
    path = ""
    mains: list[Module] = []
    modules: list[Module] = []
    settings: list[tuple[str, str]] = []
    last: list[Module] | None = None
    for number, line in enumerate(text.split("\n"), 1):
        word, _, rest = line.partition("\t")
        if word == "path":
            path = rest
        elif word in ("mod", "dep"):
            last = mains if word == "mod" else modules
            last.append(_module(rest, number))
        elif word == "=>":
            if not last:
                raise MalformedError(f"line {number} of the build information replaces nothing")
            other = _module(rest, number)
            last[-1] = last[-1]._replace(replacement=(other.path, other.version))
            last = None
        elif word == "build":
            settings.append(_setting(rest))
    return BuildInfo(go, path, mains[-1] if mains else None, tuple(modules), tuple(settings))


def _module(columns: str, number: int) -> Module:
    parts = columns.split("\t")
    if len(parts) not in (2, 3) or not parts[0]:
        raise MalformedError(f"line {number} of the build information has {len(parts)} columns")
    return Module(parts[0], parts[1])


def _setting(text: str) -> tuple[str, str]:
    if text[:1] in ('"', "`"):
        end = text.find(f"{text[0]}=", 1)
        key, value = (_unquoted(text[: end + 1]), text[end + 2 :]) if end > 0 else (text, "")
    else:
        key, _, value = text.partition("=")
    return key, _unquoted(value)


def _unquoted(text: str) -> str:
    """A Go string literal's value, as far as JSON's escapes go; the text itself when it is none."""
    if len(text) > 1 and text[0] == text[-1] == "`":
        return text[1:-1]
    if len(text) > 1 and text[0] == text[-1] == '"':
        try:
            value = json.loads(text, strict=False)
        except ValueError:
            return text[1:-1]
        return value if isinstance(value, str) else text
    return text
