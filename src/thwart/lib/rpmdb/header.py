"""The header of an rpm package: an index of tags over a store of values (rpm's `header.c`, LSB 22.2.3)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from stat import S_IFDIR, S_IFMT

_ENTRIES = 0xFFFF  # rpm's own bounds, `hdrchkTags` and `hdrchkData`
_STORE = 0x0FFFFFFF
_VALUES = 1_000_000  # of one tag; the largest packages have some 200,000 files
_ENTRY = struct.Struct(">IIiI")  # tag, type, offset into the store, count
_NUMBERS = {1: "B", 2: "B", 3: "H", 4: "I", 5: "Q"}  # CHAR, INT8, INT16, INT32, INT64
_STRING, _STRINGS, _I18N = 6, 8, 9

NAME, VERSION, RELEASE, EPOCH = 1000, 1001, 1002, 1003
VENDOR, LICENSE, ARCH = 1011, 1014, 1022
OLDFILENAMES, FILESTATES, FILEMODES, SOURCERPM = 1027, 1029, 1030, 1044
DIRINDEXES, BASENAMES, DIRNAMES = 1116, 1117, 1118
MODULARITYLABEL = 5096

_NORMAL = 0  # file state: installed, and neither replaced by another package nor left out


class DamageError(ValueError):
    """The bytes are not what the format says; the sentence tells where."""


class Header:
    """Tags of one package. Values that are absent are empty; those that lie outside of the store raise `DamageError`."""

    __slots__ = ("_blob", "_index", "_start")

    def __init__(self, blob: bytes) -> None:
        if len(blob) < 8:
            raise DamageError("a header is shorter than its own lengths")
        entries, store = struct.unpack_from(">II", blob)
        if not 0 < entries <= _ENTRIES or store > _STORE or 8 + entries * _ENTRY.size + store != len(blob):
            raise DamageError("a header's lengths do not add up to its size")
        self._blob = blob
        self._start: int = 8 + entries * _ENTRY.size
        # Entries behind those of the immutable region replace these (`headerLoad`): the last of a tag counts.
        index = memoryview(blob)[8 : self._start]
        self._index = {tag: (kind, offset, count) for tag, kind, offset, count in _ENTRY.iter_unpack(index)}

    def string(self, tag: int) -> str:
        """A text; the first one of a list or of translations. Bytes that are not UTF-8 are replaced."""
        place = self._index.get(tag)
        if place is None or place[0] not in (_STRING, _STRINGS, _I18N):
            return ""
        start = self._place(tag, place[1], 1)
        end = self._blob.find(b"\0", start)
        if end < 0:
            raise DamageError(f"tag {tag} has a text without an end")
        return self._blob[start:end].decode("utf-8", "replace")

    def strings(self, tag: int) -> list[str]:
        """A list of texts, paths above all: bytes that are not UTF-8 are kept as surrogates."""
        place = self._index.get(tag)
        if place is None or place[0] not in (_STRING, _STRINGS, _I18N):
            return []
        count = place[2] if place[0] != _STRING else 1
        start = self._place(tag, place[1], count)  # a text has one byte at least
        parts = self._blob[start:].split(b"\0", count)
        if len(parts) <= count:
            raise DamageError(f"tag {tag} has fewer texts than it says")
        return [part.decode("utf-8", "surrogateescape") for part in parts[:count]]

    def numbers(self, tag: int) -> tuple[int, ...]:
        """A list of unsigned numbers."""
        kind, offset, count = self._index.get(tag, (0, 0, 0))
        letter = _NUMBERS.get(kind)
        if letter is None:
            return ()
        start = self._place(tag, offset, count * struct.calcsize(f">{letter}"))
        return struct.unpack_from(f">{count}{letter}", self._blob, start)

    def paths(self) -> Iterator[str]:
        """Absolute paths of the files that are on disk, without folders.

        Raises:
            DamageError: when names and folders do not fit together.
        """
        names = self.strings(BASENAMES)
        if names:
            folders = self.strings(DIRNAMES)
            indexes = self.numbers(DIRINDEXES)
            if len(indexes) != len(names) or max(indexes) >= len(folders):
                raise DamageError("file names and their folders do not fit together")
            found = [folders[at] + name for at, name in zip(indexes, names, strict=True)]
        else:
            found = self.strings(OLDFILENAMES)
        modes, states = self.numbers(FILEMODES), self.numbers(FILESTATES)
        modes = modes if len(modes) == len(found) else (0,) * len(found)
        states = states if len(states) == len(found) else (_NORMAL,) * len(found)
        for path, mode, state in zip(found, modes, states, strict=True):
            if state == _NORMAL and S_IFMT(mode) != S_IFDIR:
                yield path

    def _place(self, tag: int, offset: int, size: int) -> int:
        start = self._start + offset
        if self._index[tag][2] > _VALUES:
            raise DamageError(f"tag {tag} says that it has {self._index[tag][2]} values")
        if offset < 0 or start + size > len(self._blob):
            raise DamageError(f"tag {tag} lies outside of its header")
        return start
