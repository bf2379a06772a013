"""Packages of apk-tools (Alpine, Wolfi, Chainguard, Alpaquita) from the `installed` database."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO

from msgspec import Struct, field

from thwart.catalogers import cataloger
from thwart.catalogers._ownership import ownable
from thwart.catalogers._problems import Problems
from thwart.core.limits import Limits
from thwart.core.package import File, FileFacts, Found, Owned

_WANTED = frozenset(b"PVALo")
_FOLDER, _FILE = b"FR"


class _Entry(Struct):
    line: int
    room: int  # for so many paths
    values: dict[str, str] = field(default_factory=dict)
    files: list[str] = field(default_factory=list)
    folder: str = ""

    def read(self, line: bytes) -> bool:
        """Take in one line; a file's, `R:`, follows that of its folder, `F:`. False when it is no field."""
        if line[1:2] != b":":
            return False
        key = line[0]
        if key == _FILE:
            path = self.folder + line[2:].decode("utf-8", "surrogateescape")
            if ownable(path) and len(self.files) <= self.room:
                self.files.append(path)
        elif key == _FOLDER:
            folder = line[2:].strip(b"/").decode("utf-8", "surrogateescape")
            self.folder = f"{folder}/" if folder else ""
        elif key in _WANTED:
            self.values.setdefault(chr(key), line[2:].strip().decode("utf-8", "replace"))
        return True


@cataloger("lib/apk/db/installed", "usr/lib/apk/db/installed")
def apk(file: File, limits: Limits) -> FileFacts:
    """Read an installed database: records of `X:value` lines with an empty line between two (apk-tools, `database.c`).

    The text format is the same in apk-tools 2 and 3; version 3 moved it below `/usr` in merged trees.
    `o:` is the origin, whose version is that of the package; a package without one is its own origin.
    """
    found: list[Found] = []
    owns: list[Owned] = []
    problems = Problems()
    for entry in _entries(file.data, limits.entries, problems):
        name, version = entry.values.get("P", ""), entry.values.get("V", "")
        if not name or not version:
            problems.add("apk-record", f"the record at line {entry.line} has no {'name' if not name else 'version'}")
            continue
        if len(found) >= limits.packages or len(owns) + len(entry.files) > limits.entries:
            problems.add("limit", f"more than the limits allow: the rest from line {entry.line} is not read")
            break
        found.append(_found(entry, name, version))
        owns.extend(Owned(path, name) for path in entry.files)
    return FileFacts(cataloger="apk", path=file.path, found=tuple(found), owns=tuple(owns), problems=problems.all())


def _found(entry: _Entry, name: str, version: str) -> Found:
    licence = entry.values.get("L", "")
    return Found(
        name=name,
        version=version,
        type="apk",
        arch=entry.values.get("A", ""),
        source=entry.values.get("o", "") or name,
        source_version=version,
        licences=(licence,) if licence else (),
        line=entry.line,
    )


def _entries(data: bytes, room: int, problems: Problems) -> Iterator[_Entry]:
    entry: _Entry | None = None
    for number, raw in enumerate(BytesIO(data), start=1):
        line = raw.rstrip(b"\r\n")
        if not line:
            if entry is not None:
                yield entry
            entry = None
            continue
        if entry is None:
            entry = _Entry(number, room)
        if not entry.read(line):
            problems.add("apk-line", f"line {number} is not a letter, a colon and a value")
            if problems.hopeless:
                break
    if entry is not None:
        yield entry
