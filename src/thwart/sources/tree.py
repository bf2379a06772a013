"""A folder on disk as one layer: walked without following links, never past its root."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from thwart.core.errors import SourceError
from thwart.core.layer import Member, Problem

VCS = frozenset({".git", ".hg", ".svn"})
VIRTUAL = frozenset({"proc", "sys", "dev", "run"})  # of a live root file system: not on disk


class FolderStream:
    """A `MemberStream` over a folder, in the order of names.

    Args:
        root: the folder.
        skip: names of folders that are passed over anywhere.
        skip_top: names that are passed over right below the root.
    """

    def __init__(
        self, root: Path, *, skip: frozenset[str] = frozenset(), skip_top: frozenset[str] = frozenset()
    ) -> None:
        self._root = root
        self._skip, self._skip_top = skip, skip_top
        self._folder = -1
        self._current = Member("", "", 0, 0, "")
        self.problems: list[Problem] = []

    def __iter__(self) -> Iterator[Member]:
        """Every entry; what cannot be opened is noted in `problems`."""
        walk = os.fwalk(self._root, follow_symlinks=False, onerror=self._note)
        for path, folders, names, descriptor in walk:
            relative = os.path.relpath(path, self._root)
            prefix = "" if relative == "." else relative + "/"
            if prefix:
                yield Member(prefix.rstrip("/"), "5", 0, 0o755, "")
            banned = self._skip | (frozenset() if prefix else self._skip_top)
            links = sorted(name for name in folders if _is_link(name, descriptor))
            folders[:] = sorted(name for name in folders if name not in banned and name not in links)
            self._folder = descriptor
            for name in sorted((*names, *links)):
                member = self._member(prefix, name)
                if member is not None:
                    self._current = member
                    yield member

    def _note(self, error: OSError) -> None:
        path = os.path.relpath(str(error.filename or self._root), self._root)
        self.problems.append(Problem("unreadable", f"cannot be read: {error.strerror}", path))

    def _member(self, prefix: str, name: str) -> Member | None:
        try:
            status = os.stat(name, dir_fd=self._folder, follow_symlinks=False)
            if stat.S_ISLNK(status.st_mode):
                return Member(prefix + name, "2", 0, 0o777, os.readlink(name, dir_fd=self._folder))
        except OSError as error:
            self.problems.append(Problem("unreadable", f"cannot be read: {error.strerror}", prefix + name))
            return None
        if stat.S_ISREG(status.st_mode):
            return Member(prefix + name, "0", status.st_size, stat.S_IMODE(status.st_mode), "")
        return Member(prefix + name, "6", 0, stat.S_IMODE(status.st_mode), "")

    def _open(self) -> int:
        name = self._current.name.rpartition("/")[2]
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        return os.open(name, flags, dir_fd=self._folder)

    def ranges(self, wanted: list[tuple[int, int]]) -> list[tuple[int, bytes]]:
        """See `MemberStream`; a file that cannot be opened is noted and yields nothing."""
        try:
            descriptor = self._open()
        except OSError as error:
            self.problems.append(Problem("unreadable", f"cannot be read: {error.strerror}", self._current.name))
            return []
        try:
            return [(start, os.pread(descriptor, length, start)) for start, length in wanted]
        finally:
            os.close(descriptor)

    def read(self, limit: int) -> bytes:
        """See `MemberStream`."""
        parts = self.ranges([(0, min(limit, self._current.size))])
        return parts[0][1] if parts else b""

    def head(self, length: int) -> bytes:
        """See `MemberStream`."""
        return self.read(length)

    def starts_with(self, magic: bytes) -> bool:
        """See `MemberStream`."""
        return self._current.size >= len(magic) and self.read(len(magic)) == magic


def _is_link(name: str, folder: int) -> bool:
    try:
        return stat.S_ISLNK(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode)
    except OSError:
        return False


def check_folder(path: Path) -> None:
    """SourceError unless `path` is a folder that can be listed."""
    if not path.is_dir():
        raise SourceError(f"{path} is not a folder")
    if not os.access(path, os.R_OK | os.X_OK):
        raise SourceError(f"{path} cannot be read: Permission denied")
