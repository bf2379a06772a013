"""A folder on disk as one layer: walked without following links, never past its root."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from thwart.core.errors import SourceError
from thwart.core.layer import Member, Problem
from thwart.core.limits import Limits

MOST_TOLD = 1000  # files that could not be opened; a report of more helps nobody
VCS = frozenset({".git", ".hg", ".svn"})
# Endings of files that are opened for nothing when one looks for programs, unless they may be executed.
NO_PROGRAMS = frozenset(
    [
        "c",
        "cc",
        "conf",
        "cpp",
        "css",
        "csv",
        "gif",
        "go",
        "gz",
        "h",
        "html",
        "ico",
        "ini",
        "java",
        "jpg",
        "js",
        "json",
        "list",
        "lua",
        "map",
        "md",
        "mjs",
        "mo",
        "nls",
        "pem",
        "php",
        "pl",
        "pm",
        "png",
        "po",
        "py",
        "pyc",
        "pyi",
        "rb",
        "rs",
        "rst",
        "scss",
        "sh",
        "sql",
        "svg",
        "tcl",
        "toml",
        "ts",
        "tsx",
        "ttf",
        "txt",
        "vim",
        "woff",
        "woff2",
        "xml",
        "xz",
        "yaml",
        "yml",
        "zip",
    ]
)
_BEGINNING = 32  # bytes, more than any magic number has
VIRTUAL = frozenset({"proc", "sys", "dev", "run"})  # of a live root file system: not on disk


class _Level(NamedTuple):
    """A folder on the way down: its descriptor, its path with a slash, and its folders still to be visited."""

    descriptor: int
    prefix: str
    folders: Iterator[str]


class FolderStream:
    """A `MemberStream` over a folder, in the order of names; no step of the walk follows a link.

    Args:
        root: the folder.
        limits: bounds the depth, and with it the number of folders that are open at a time.
        skip: names of folders that are passed over anywhere.
        skip_top: names that are passed over right below the root.
    """

    def __init__(
        self,
        root: Path,
        limits: Limits,
        *,
        skip: frozenset[str] = frozenset(),
        skip_top: frozenset[str] = frozenset(),
    ) -> None:
        self._root = root
        self._depth = limits.path_parts
        self._skip, self._skip_top = skip, skip_top
        self._folder = -1
        self._current = Member("", "", 0, 0, "")
        self._owner = (-1, -1)
        self._begun, self._beginning = self._current, b""  # a member and its first bytes
        self._problems: dict[Problem, None] = {}

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What could not be opened, each once."""
        return tuple(self._problems)

    def __iter__(self) -> Iterator[Member]:
        """Every entry; what cannot be opened is noted in `problems`."""
        levels: list[_Level] = []
        try:
            yield from self._enter(levels, "", str(self._root))
            while levels:
                level = levels[-1]
                name = next(level.folders, "")
                if name:
                    yield from self._enter(levels, level.prefix + name, name)
                else:
                    os.close(levels.pop().descriptor)
        finally:
            for level in levels:
                os.close(level.descriptor)

    def _enter(self, levels: list[_Level], path: str, name: str) -> Iterator[Member]:
        """Give out a folder and its files, and put it on the way."""
        if path:
            yield self._folder_member(levels[-1].descriptor, path, name)
        if len(levels) > self._depth:
            self._problem("absurd-name", f"folders nest deeper than {self._depth}; what is below is left out", path)
            return
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | (os.O_NOFOLLOW if path else 0)
        try:
            descriptor = os.open(name, flags, dir_fd=levels[-1].descriptor if levels else None)
        except OSError as error:
            self._note(path, error)
            return
        prefix = path + "/" if path else ""
        folders, names = self._listed(descriptor, path)
        levels.append(_Level(descriptor, prefix, iter(folders)))
        self._folder = descriptor
        for each in names:
            member = self._member(prefix, each)
            if member is not None:
                self._current = member
                yield member

    def _folder_member(self, parent: int, path: str, name: str) -> Member:
        try:
            status = os.stat(name, dir_fd=parent, follow_symlinks=False)
        except OSError:  # is told when the folder cannot be opened
            return Member(path, "5", 0, 0o755, "")
        self._owner = status.st_uid, status.st_gid
        return Member(path, "5", 0, stat.S_IMODE(status.st_mode), "")

    def _listed(self, descriptor: int, path: str) -> tuple[list[str], list[str]]:
        """The names of folders to visit, and of everything else."""
        banned = self._skip | (frozenset() if path else self._skip_top)
        folders, names = [], []
        try:
            with os.scandir(descriptor) as entries:
                for entry in entries:
                    if not entry.is_dir(follow_symlinks=False):
                        names.append(entry.name)
                    elif entry.name not in banned:
                        folders.append(entry.name)
        except OSError as error:
            self._note(path, error)
        return sorted(folders), sorted(names)

    def _note(self, path: str, error: OSError) -> None:
        self._problem("unreadable", f"cannot be read: {error.strerror}", path)

    def _problem(self, slug: str, sentence: str, path: str) -> None:
        if len(self._problems) < MOST_TOLD:
            self._problems[Problem(slug, sentence, path)] = None
        else:
            self._problems[Problem(slug, f"more than {MOST_TOLD} things cannot be read; not all are listed", "")] = None

    def _member(self, prefix: str, name: str) -> Member | None:
        try:
            status = os.stat(name, dir_fd=self._folder, follow_symlinks=False)
            self._owner = status.st_uid, status.st_gid
            if stat.S_ISLNK(status.st_mode):
                return Member(prefix + name, "2", 0, 0o777, os.readlink(name, dir_fd=self._folder))
        except OSError as error:
            self._note(prefix + name, error)
            return None
        if stat.S_ISREG(status.st_mode):
            return Member(prefix + name, "0", status.st_size, stat.S_IMODE(status.st_mode), "")
        return Member(prefix + name, _special(status.st_mode), 0, stat.S_IMODE(status.st_mode), "")

    def _open(self) -> int:
        name = self._current.name.rpartition("/")[2]
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        return os.open(name, flags, dir_fd=self._folder)

    def ranges(self, wanted: list[tuple[int, int]]) -> list[tuple[int, bytes]]:
        """See `MemberStream`; a file that cannot be opened is noted and yields nothing."""
        try:
            descriptor = self._open()
            try:
                return [(start, os.pread(descriptor, length, start)) for start, length in wanted]
            finally:
                os.close(descriptor)
        except OSError as error:
            self._note(self._current.name, error)
            return []

    def read(self, limit: int) -> bytes:
        """See `MemberStream`."""
        parts = self.ranges([(0, min(limit, self._current.size))])
        return parts[0][1] if parts else b""

    def head(self, length: int) -> bytes:
        """See `MemberStream`."""
        return self.read(length)

    def owner(self) -> tuple[int, int]:
        """See `MemberStream`."""
        return self._owner

    def starts_with(self, magic: bytes) -> bool:
        """See `MemberStream`."""
        name, mode = self._current.name, self._current.mode
        if self._current.size < len(magic) or (not mode & 0o111 and name.rpartition(".")[2] in NO_PROGRAMS):
            return False
        if self._begun is not self._current:  # several ask, and each time a file would be opened
            self._begun, self._beginning = self._current, self.read(_BEGINNING)
        return self._beginning.startswith(magic)


def _special(mode: int) -> str:
    """The type flag of what is no file, folder or link."""
    return "3" if stat.S_ISCHR(mode) else "4" if stat.S_ISBLK(mode) else "6"


def check_folder(path: Path) -> None:
    """SourceError unless `path` is a folder that can be listed."""
    try:
        with os.scandir(path):
            return
    except NotADirectoryError:
        raise SourceError(f"{path} is not a folder") from None
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise SourceError(f"{path} cannot be read: {why}") from None
