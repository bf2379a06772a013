"""The log's folder: tiles and checkpoints as C2SP tlog-tiles lays them out, written so that a crash loses nothing."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from thwart.core.errors import SourceError
from thwart.lib.tiles import HASH, Tile
from thwart.record._errors import RecordError

_LONGEST_CHECKPOINT = 64 << 10
_LONGEST_BUNDLE = 256 * (2 + 65_535)
_HISTORY = "checkpoints"  # every checkpoint that was ever signed, one after the other


class Store:
    """Reads and writes the files of one log."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def read(self, name: str, most: int) -> bytes | None:
        """A file, or None; never a link, never more than `most` bytes.

        Raises:
            SourceError: it cannot be read; RecordError: it is larger.
        """
        try:
            handle = os.open(self.root / name, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise SourceError(f"{self.root / name} cannot be read: {error.strerror}") from error
        with os.fdopen(handle, "rb") as file:
            data = file.read(most + 1)
        if len(data) > most:
            raise RecordError(f"{name} is larger than {most} bytes")
        return data

    def checkpoint(self) -> bytes | None:
        """The newest checkpoint."""
        return self.read("checkpoint", _LONGEST_CHECKPOINT)

    def history(self) -> Iterator[bytes]:
        """Every checkpoint that was signed here, the oldest first."""
        data = self.read(_HISTORY, 1 << 30) or b""
        for part in data.split(b"\n\x00\n"):
            if part:
                yield part + b"\n"

    def hashes(self, tile: Tile) -> bytes:
        """The hashes of a tile; those of a partial one also out of a wider one.

        Raises:
            RecordError: it is missing or of another length.
        """
        for path in (tile.path, tile._replace(width=256).path):
            data = self.read(path, 256 * HASH)
            if data is not None and len(data) >= tile.width * HASH:
                return data[: tile.width * HASH]
        raise RecordError(f"{tile.path} is missing or cut short")

    def bundle(self, number: int, width: int) -> list[bytes]:
        """The entries of a tile.

        Raises:
            RecordError: it is missing or broken.
        """
        tile = Tile(-1, number, width)
        for path in (tile.path, tile._replace(width=256).path):
            data = self.read(path, _LONGEST_BUNDLE)
            if data is not None:
                return _entries(data, path)[:width]
        raise RecordError(f"{tile.path} is missing")

    def begin(self) -> None:
        """Make the folder."""
        self.root.mkdir(parents=True, exist_ok=True)

    def write(self, name: str, data: bytes) -> None:
        """Replace a file: whoever reads sees the old one or the new one, also after a crash."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_name(f".{path.name}.new")
        with self._opened(fresh, os.O_TRUNC) as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)

    @staticmethod
    def _opened(path: Path, how: int) -> BinaryIO:
        """A file to write; never through a link that somebody left there."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | how
        return os.fdopen(os.open(path, flags, 0o666), "wb")

    def settle(self, names: Iterator[str]) -> None:
        """Make the names of files durable, as `write` made what is in them."""
        folders = {folder for name in names for folder in _up(self.root / name, self.root)}
        for folder in sorted(folders, reverse=True):
            handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)

    def remember(self, checkpoint: bytes) -> None:
        """Add a checkpoint to the history."""
        with self._opened(self.root / _HISTORY, os.O_APPEND) as file:
            file.write(checkpoint + b"\x00\n")

    def cosigned(self, before: bytes, after: bytes) -> None:
        """Put cosignatures on the checkpoint, unless the log has gone on meanwhile."""
        with self.locked():
            if self.checkpoint() == before:
                self.write("checkpoint", after)

    def history_size(self) -> int:
        """The bytes of the history."""
        path = self.root / _HISTORY
        return path.stat().st_size if path.exists() else 0

    def drop_partial(self, tile: Tile) -> None:
        """Remove the partial forms of a tile that is full now; whoever still wants one finds it in the full one."""
        folder = (self.root / tile.path).parent
        with contextlib.suppress(OSError):
            for path in folder.iterdir():
                path.unlink()
            folder.rmdir()

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the log for one writer, among all processes of this machine."""
        with self._opened(self.root / ".lock", os.O_APPEND) as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


def _up(path: Path, root: Path) -> Iterator[Path]:
    folder = path.parent
    while folder != root:
        yield folder
        folder = folder.parent
    yield root


def packed(entries: list[bytes]) -> bytes:
    """C2SP tlog-tiles, entry bundles: each entry behind its length."""
    return b"".join(len(one).to_bytes(2, "big") + one for one in entries)


def _entries(data: bytes, path: str) -> list[bytes]:
    found: list[bytes] = []
    at = 0
    while at < len(data):
        length = int.from_bytes(data[at : at + 2], "big")
        one = data[at + 2 : at + 2 + length]
        if at + 2 > len(data) or len(one) < length:
            raise RecordError(f"{path} is cut short after {len(found)} entries")
        found.append(one)
        at += 2 + length
    return found
