"""A database as one file for places without a network: a tar archive in zstandard, its manifest first.

`tar --zstd -tf FILE` shows what is inside: `thwart-db.json` (schema, days, size and SHA-256) and `thwart-db.sqlite`.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import tarfile
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

from thwart.advisories.database import Database
from thwart.advisories.embedded import NAME
from thwart.advisories.pack import packed
from thwart.advisories.schema import SCHEMA
from thwart.advisories.writer import swap_in
from thwart.core.errors import DatabaseError
from thwart.core.limits import DEFAULT, Limits
from thwart.lib.inflate import InflateError, inflate

if TYPE_CHECKING:
    from collections.abc import Iterator

MANIFEST = "thwart-db.json"
_LEVEL = 12  # a second for the embedded database's size; 19 would take a quarter of a minute
_PIECE = 1 << 20
_HINT = "export it again and compare the sizes of the two files"


def export(database: Path, target: Path) -> dict[str, object]:
    """Write a database file as a bundle and give its manifest. `DatabaseError` when it is damaged: see `verify`."""
    with Database.open(database) as opened:
        opened.verify(thorough=True)
        built, feeds, digest = opened.built, opened.feeds(), opened.digest
    try:
        data = database.read_bytes()
        manifest: dict[str, object] = {
            "schema": SCHEMA,
            "built": built,
            "size": len(data),
            "sha256": hashlib.sha256(data).hexdigest(),
            "content_sha256": digest,
            "feeds": [[feed.name, feed.date, feed.records] for feed in feeds],
        }
        text = json.dumps(manifest, indent=1, sort_keys=True).encode()
        with _new_file(target) as new:
            new.write_bytes(packed(_tar({MANIFEST: text, NAME: data}), _LEVEL))
    except OSError as error:
        raise DatabaseError(f"cannot write {target}: {error.strerror}", "choose another place") from None
    return manifest


def _tar(members: dict[str, bytes]) -> bytes:
    whole = io.BytesIO()
    with tarfile.open(fileobj=whole, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return whole.getvalue()


@contextmanager
def _new_file(target: Path) -> Iterator[Path]:
    """A file that appears under the target's name when the block ends well, and not at all otherwise."""
    target.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(prefix=".thwart-", dir=target.parent)
    os.close(descriptor)
    new = Path(name)
    try:
        yield new
        new.chmod(0o644)
        swap_in(new, target)
    finally:
        new.unlink(missing_ok=True)


def import_(bundle: Path, target: Path, limits: Limits = DEFAULT) -> dict[str, object]:
    """Check a bundle in every respect, then put its database in place; give its manifest.

    Raises:
        DatabaseError: not a bundle, cut short, not what its manifest says, or of another schema. The database that
            was there stays.
    """
    try:
        with bundle.open("rb") as stream, _new_file(target) as new:
            with new.open("wb") as out:
                manifest = _unpack(stream, out, limits)
            with Database.open(new) as opened:
                opened.verify(thorough=True)
    except (tarfile.TarError, InflateError, EOFError, ValueError, LookupError, TypeError) as error:
        raise DatabaseError(f"{bundle} is no database bundle, or damaged: {error}", _HINT) from None
    except OSError as error:
        raise DatabaseError(f"cannot import {bundle}: {error.strerror or error}", "check both places") from None
    return manifest


def _unpack(stream: IO[bytes], new: IO[bytes], limits: Limits) -> dict[str, object]:
    pieces = iter(lambda: stream.read(_PIECE), b"")
    inflated = inflate(pieces, max_bytes=limits.nested_bytes * 4, max_ratio=limits.ratio)
    with tarfile.open(fileobj=_Pull(inflated), mode="r|") as archive:
        manifest = json.loads(_member(archive, MANIFEST, limits.manifest_bytes).read())
        size, sha256 = int(manifest["size"]), str(manifest["sha256"])
        source = _member(archive, NAME, limits.nested_bytes * 4)
        digest, total = hashlib.sha256(), 0
        while piece := source.read(_PIECE):
            digest.update(piece)
            total += len(piece)
            new.write(piece)
    if total != size or digest.hexdigest() != sha256:
        raise ValueError("the database in it does not have the size and digest of its manifest")
    if not isinstance(manifest, dict):
        raise TypeError("its manifest is no object")
    return manifest


def _member(archive: tarfile.TarFile, name: str, most: int) -> IO[bytes]:
    info = archive.next()
    if info is None or info.name != name or not info.isreg() or info.size > most:
        raise ValueError(f"{name} is missing, or larger than {most} bytes")
    stream = archive.extractfile(info)
    if stream is None:
        raise ValueError(f"{name} cannot be read")
    return stream


class _Pull(io.RawIOBase):
    """Pieces of bytes as a stream to read from."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._held = b""

    def readable(self) -> bool:
        """It is."""
        return True

    def read(self, size: int = -1) -> bytes:
        """As many bytes as asked for, fewer only at the end."""
        parts = [self._held]
        have = len(self._held)
        while size < 0 or have < size:
            piece = next(self._pieces, b"")
            if not piece:
                break
            parts.append(piece)
            have += len(piece)
        whole = b"".join(parts)
        self._held = whole[size:] if size >= 0 else b""
        return whole[:size] if size >= 0 else whole
