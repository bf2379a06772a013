"""What layers hold, kept between scans: one file per layer, shared by any number of processes without a lock.

A file appears by an atomic rename and never changes, so a reader sees all of it or none. It carries its own checksum: a
damaged file is a miss. The least recently used files go when the cache outgrows its size.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from thwart.core.layer import LayerFacts, Problem, note_of
from thwart.core.package import FileFacts, Found, Owned, Release

MAX_BYTES = 1 << 30
SLACK = 0.8  # trimming goes down to this part of the limit, so that it is rare


class Cache:
    """Entries by key in a folder.

    Args:
        folder: created when missing; a folder that cannot be written makes a cache that remembers nothing.
        generation: what the entries' meaning depends on, such as the versions of all catalogers.
        max_bytes: bound on the sum of file sizes.
    """

    def __init__(self, folder: Path, generation: str, max_bytes: int = MAX_BYTES) -> None:
        self._folder = folder
        self._generation = generation
        self._max_bytes = max_bytes

    def _path(self, key: str) -> Path:
        name = hashlib.sha256(f"{self._generation}\0{key}".encode()).hexdigest()
        return self._folder / name[:2] / name

    def get(self, key: str) -> bytes | None:
        """The entry, or None."""
        path = self._path(key)
        try:
            raw = path.read_bytes()
        except OSError:
            return None
        body = raw[32:]
        if hashlib.sha256(body).digest() != raw[:32]:
            with contextlib.suppress(OSError):
                path.unlink()
            return None
        with contextlib.suppress(OSError):
            os.utime(path)
        try:
            return zlib.decompress(body)
        except zlib.error:
            return None

    def put(self, key: str, data: bytes) -> None:
        """Keep an entry; a full or read-only disk is no error."""
        import tempfile

        path = self._path(key)
        body = zlib.compress(data, 1)
        with contextlib.suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".new-")
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(hashlib.sha256(body).digest() + body)
                Path(temporary).replace(path)
            except BaseException:
                Path(temporary).unlink(missing_ok=True)
                raise

    def trim(self) -> None:
        """Drop the least recently used entries beyond the size limit."""
        entries = sorted(self._entries())
        total = sum(size for _, size, _ in entries)
        if total <= self._max_bytes:
            return
        for _, size, path in entries:
            with contextlib.suppress(OSError):
                path.unlink()
            total -= size
            if total <= self._max_bytes * SLACK:
                break

    def _entries(self) -> Iterator[tuple[float, int, Path]]:
        for path in self._folder.glob("??/*"):
            with contextlib.suppress(OSError):
                status = path.stat()
                yield status.st_mtime, status.st_size, path


def encode_facts(facts: LayerFacts) -> bytes:
    """Facts as JSON: plain lists, in the order of the fields."""
    document = [
        [_file(file) for file in facts.files],
        facts.dirs,
        facts.nondirs,
        facts.links,
        facts.wanted_links,
        facts.hidden,
        facts.opaque,
        facts.problems,
        facts.notes,
    ]
    return json.dumps(document, separators=(",", ":")).encode()


def _file(file: FileFacts) -> list[object]:
    r = file.release
    release = [r.id, r.version, r.codename, r.name, r.variant, r.id_like, r.ecosystem] if r else None
    return [file.cataloger, file.path, file.found, file.owns, release, file.problems]


def decode_facts(data: bytes) -> LayerFacts | None:
    """The facts of `encode_facts`; None when the document is of another shape."""
    return _guarded(_decode, data)


def _decode(data: bytes) -> LayerFacts:
    files, dirs, nondirs, links, wanted, hidden, opaque, problems, notes = json.loads(data)
    return LayerFacts(
        files=tuple(_file_of(*file) for file in files),
        dirs=tuple(dirs),
        nondirs=tuple(nondirs),
        links=tuple((path, target) for path, target in links),
        wanted_links=tuple((path, cataloger) for path, cataloger in wanted),
        hidden=tuple(hidden),
        opaque=tuple(opaque),
        problems=tuple(Problem(*problem) for problem in problems),
        notes=None if notes is None else tuple(map(note_of, notes)),
    )


def _file_of(
    cataloger: str,
    path: str,
    found: list[Any],
    owns: list[Any],
    release: list[Any] | None,
    problems: list[Any],
) -> FileFacts:
    return FileFacts(
        cataloger=cataloger,
        path=path,
        found=tuple(_found(entry) for entry in found),
        owns=tuple(Owned(owned, package) for owned, package in owns),
        release=_release(*release) if release else None,
        problems=tuple((slug, message) for slug, message in problems),
    )


_LICENCES = Found._fields.index("licences")
_QUALIFIERS = Found._fields.index("qualifiers")


def _found(entry: list[Any]) -> Found:
    entry[_LICENCES] = tuple(entry[_LICENCES])
    entry[_QUALIFIERS] = tuple((name, value) for name, value in entry[_QUALIFIERS])
    return Found(*entry)


def _release(
    who: str, version: str, codename: str, name: str, variant: str, id_like: list[str], ecosystem: str
) -> Release:
    return Release(
        id=who,
        version=version,
        codename=codename,
        name=name,
        variant=variant,
        id_like=tuple(id_like),
        ecosystem=ecosystem,
    )


def _guarded(decode: Callable[[bytes], LayerFacts], data: bytes) -> LayerFacts | None:
    try:
        return decode(data)
    except (ValueError, TypeError, KeyError, IndexError):
        return None
