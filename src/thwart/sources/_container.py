"""Named files inside a tar archive on disk, or inside a folder: what a layout or a `docker save` archive is made of."""

from __future__ import annotations

import contextlib
import os
import posixpath
import stat
from collections.abc import Callable, Iterator, Mapping
from io import FileIO
from pathlib import Path
from typing import Protocol

from thwart.core.errors import LimitError, SourceError
from thwart.core.layer import CannotReopen
from thwart.core.limits import Limits
from thwart.lib.tarstream import Member, TarError, TarStream

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
    try:
        return b"".join(container.open(name))
    except CannotReopen:  # of an archive read in one pass, only what looked like JSON was kept
        raise SourceError(f"{name} is not a JSON document") from None


class TarContainer:
    """An uncompressed tar archive, indexed by one pass over its headers; safe for several threads."""

    def __init__(self, path: Path, limits: Limits) -> None:
        self._path = path
        self._places: dict[str, tuple[int, int]] = {}
        self._links: dict[str, str] = {}
        with opened(path) as file:
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
            elif target := link_target(member):
                self._links[name] = target

    def names(self) -> list[str]:
        """See `Container`."""
        return [*self._places, *self._links]

    def below(self, folder: str) -> list[str]:
        """The paths of the files in a folder."""
        return [name for name in self.names() if name.startswith(f"{folder}/")]

    def _place(self, name: str) -> tuple[int, int] | None:
        return self._places.get(follow(self._links, name))

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
        with opened(self._path) as file:
            file.seek(offset)
            while left > 0:
                piece = os.read(file.fileno(), min(PIECE, left))
                if not piece:
                    raise SourceError(f"{self._path} was cut while it was read")
                left -= len(piece)
                yield piece


class FolderContainer:
    """A folder; links that lead out of it are refused."""

    def __init__(self, root: Path) -> None:
        self._root = root.resolve()

    def names(self) -> list[str]:
        """See `Container`; the top folder only."""
        return sorted(entry.name for entry in self._root.iterdir())

    def below(self, folder: str) -> list[str]:
        """The paths of the files in a folder."""
        path = self._resolve(folder)
        return sorted(f"{folder}/{entry.name}" for entry in path.iterdir()) if path and path.is_dir() else []

    def _resolve(self, name: str) -> Path | None:
        try:
            path = (self._root / name).resolve(strict=True)
        except (OSError, RuntimeError, ValueError):  # missing, a loop, a name with NUL
            return None
        if not path.is_relative_to(self._root):
            raise SourceError(f"{name} leads out of {self._root}", "copy the layout with its links resolved: cp -rL")
        return path

    def size(self, name: str) -> int:
        """See `Container`."""
        path = self._resolve(name)
        try:
            status = path.stat() if path else None
        except OSError:
            return -1
        return status.st_size if status and stat.S_ISREG(status.st_mode) else -1

    def open(self, name: str) -> Iterator[bytes]:
        """See `Container`."""
        path = self._resolve(name)
        if path is None or self.size(name) < 0:
            raise SourceError(f"{self._root} has no {name}")
        return file_pieces(path)


def file_pieces(path: Path) -> Iterator[bytes]:
    """A file or a pipe in pieces of at most 1 MiB."""
    with opened(path) as file:
        yield from _pieces(file.fileno(), PIECE)


@contextlib.contextmanager
def opened(path: Path) -> Iterator[FileIO]:
    """A file to read; what goes wrong with it becomes a SourceError. A pipe that nobody writes to is empty."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        os.set_blocking(fd, True)
        with FileIO(fd) as file:
            yield file
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror}") from None


def _pieces(fd: int, size: int) -> Iterator[bytes]:
    while piece := os.read(fd, size):
        yield piece


def link_target(member: Member) -> str:
    """The member that a link in an archive stands for (older `docker save` wrote equal layers once); else nothing."""
    if member.kind == "2":
        return posixpath.normpath(f"/{member.name}/../{member.link}").lstrip("/")
    return member.link.removeprefix("./") if member.kind == "1" else ""


def follow(links: Mapping[str, str], name: str) -> str:
    """The name at the end of a chain of links, as far as it is reasonable to follow it."""
    for _ in range(8):
        name = links.get(name, name)
    return name


def told(chunks: Iterator[bytes], progress: Callable[[int], None] | None) -> Iterator[bytes]:
    """Pass pieces on and tell the size of each."""
    return chunks if progress is None else _tell(chunks, progress)


def _tell(chunks: Iterator[bytes], progress: Callable[[int], None]) -> Iterator[bytes]:
    for piece in chunks:
        progress(len(piece))
        yield piece
