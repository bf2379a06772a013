"""Named files inside a tar archive on disk, or inside a folder: what a layout or a `docker save` archive is made of."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

from thwart.core.errors import LimitError, SourceError
from thwart.core.limits import Limits
from thwart.lib.tarstream import TarError, TarStream

PIECE = 1 << 20


class Container(Protocol):
    """Files by their path inside a container."""

    def names(self) -> list[str]:
        """The paths of its files."""

    def open(self, name: str) -> Iterator[bytes]:
        """A file's content in pieces; SourceError when there is none."""

    def size(self, name: str) -> int:
        """A file's size in bytes, -1 when there is no such file."""


def read_small(container: Container, name: str, limit: int) -> bytes:
    """A whole small file."""
    size = container.size(name)
    if size < 0:
        raise SourceError(f"{name} is missing")
    if size > limit:
        raise LimitError(f"{name} is {size} bytes, more than {limit}")
    return b"".join(container.open(name))


class TarContainer:
    """An uncompressed tar archive, indexed by one pass over its headers; safe for several threads."""

    def __init__(self, path: Path, limits: Limits) -> None:
        self._path = path
        self._places: dict[str, tuple[int, int]] = {}
        self._links: dict[str, str] = {}
        with path.open("rb", buffering=0) as file:
            total = os.fstat(file.fileno()).st_size

            def jump(length: int) -> None:
                if file.seek(length, os.SEEK_CUR) > total:
                    raise TarError("the archive ends in the middle of a member")

            try:
                self._index(TarStream(_pieces(file.fileno(), 1 << 14), max_members=limits.entries, jump=jump))
            except TarError as error:
                raise SourceError(f"{path} cannot be read: {error}") from None

    def _index(self, tar: TarStream) -> None:
        for member in tar:
            name = member.name.removeprefix("./")
            if member.kind == "0":
                self._places[name] = (tar.offset, member.size)
                self._links.pop(name, None)
            elif member.kind == "2":
                self._links[name] = os.path.normpath(f"/{name}/../{member.link}").lstrip("/")
            elif member.kind == "1":
                self._links[name] = member.link.removeprefix("./")

    def names(self) -> list[str]:
        """See `Container`."""
        return [*self._places, *self._links]

    def _place(self, name: str) -> tuple[int, int] | None:
        for _ in range(8):
            if name not in self._links:
                break
            name = self._links[name]
        return self._places.get(name)

    def size(self, name: str) -> int:
        """See `Container`."""
        place = self._place(name)
        return place[1] if place else -1

    def open(self, name: str) -> Iterator[bytes]:
        """See `Container`."""
        place = self._place(name)
        if place is None:
            raise SourceError(f"{self._path} has no {name}")
        return self._read(*place)

    def _read(self, offset: int, left: int) -> Iterator[bytes]:
        fd = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            while left:
                piece = os.pread(fd, min(PIECE, left), offset)
                if not piece:
                    raise SourceError(f"{self._path} was cut while it was read")
                offset, left = offset + len(piece), left - len(piece)
                yield piece
        finally:
            os.close(fd)


class FolderContainer:
    """A folder; links that lead out of it are refused."""

    def __init__(self, root: Path) -> None:
        self._root = root.resolve()

    def names(self) -> list[str]:
        """See `Container`; the top folder only."""
        return sorted(entry.name for entry in self._root.iterdir())

    def _resolve(self, name: str) -> Path | None:
        try:
            path = (self._root / name).resolve(strict=True)
        except (OSError, RuntimeError):
            return None
        if not path.is_relative_to(self._root):
            raise SourceError(f"{name} leads out of {self._root}", "copy the layout with its links resolved: cp -rL")
        return path

    def size(self, name: str) -> int:
        """See `Container`."""
        path = self._resolve(name)
        if path is None:
            return -1
        status = path.stat()
        return status.st_size if stat.S_ISREG(status.st_mode) else -1

    def open(self, name: str) -> Iterator[bytes]:
        """See `Container`."""
        path = self._resolve(name)
        if path is None or self.size(name) < 0:
            raise SourceError(f"{self._root} has no {name}")
        return file_pieces(path)


def file_pieces(path: Path) -> Iterator[bytes]:
    """A file in pieces of 1 MiB."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror}") from None
    try:
        yield from _pieces(fd, PIECE)
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror}") from None
    finally:
        os.close(fd)


def _pieces(fd: int, size: int) -> Iterator[bytes]:
    while piece := os.read(fd, size):
        yield piece


def told(chunks: Iterator[bytes], progress: Callable[[int], None] | None) -> Iterator[bytes]:
    """Pass pieces on and tell the size of each."""
    return chunks if progress is None else _tell(chunks, progress)


def _tell(chunks: Iterator[bytes], progress: Callable[[int], None]) -> Iterator[bytes]:
    for piece in chunks:
        progress(len(piece))
        yield piece
