"""The database that the package carries: compressed beside the code, inflated once into the user's cache."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import NamedTuple

from thwart.advisories.database import Database
from thwart.core.errors import DatabaseError

NAME = "thwart-db.sqlite"
EMBEDDED = "embedded"
_DATA = Path(__file__).parent / "data"
_PACKED = _DATA / f"{NAME}.zst"
_FACTS = _DATA / "thwart-db.json"
_KEPT_SECONDS = 30 * 86_400  # so that two versions used in turn do not inflate again and again
_MOST = 1 << 30  # inflated bytes: far above what the package carries


class _Facts(NamedTuple):
    """What is written beside the compressed file: the inflated file's digest and size."""

    sha256: str
    size: int
    built: str


def open_default(cache_dir: Path | None, path: Path | None, data_dir: Path | None = None) -> Database:
    """The database to scan with: the one that was asked for, else the user's own, else the embedded one.

    Args:
        cache_dir: where the embedded one may be kept inflated; in memory when None, or when it cannot be written.
        path: the database that was asked for; it must be there.
        data_dir: the user's data folder, where `db update` and `db build` put theirs.

    Raises:
        DatabaseError: the one to use is missing, damaged or of another schema.
    """
    if path is not None:
        return Database.open(path)
    if data_dir is not None and (data_dir / NAME).exists():
        return Database.open(data_dir / NAME)
    return open_embedded(cache_dir)


def open_embedded(cache_dir: Path | None) -> Database:
    """The database that this version of the package carries.

    The cached copy is named after its digest and has a modification time that is derived from it: whoever changes the
    file changes that time, so that size, time and owner tell cheaply whether it is still what was verified. A copy
    that differs is inflated anew.
    """
    place = inflated_path(cache_dir) if cache_dir is not None else None
    if place is None:
        return Database.from_bytes(_inflated(_facts()), EMBEDDED)
    database = Database.open(place)
    database.origin = EMBEDDED
    return database


def inflated_path(cache_dir: Path) -> Path | None:
    """The embedded database as a file in the cache, inflated if need be; None when the cache cannot be written."""
    facts = _facts()
    place = cache_dir / f"embedded-{facts.sha256[:16]}.sqlite"
    return place if _is_ours(place, facts) or _inflate_to(place, facts) else None


def _facts() -> _Facts:
    try:
        content = json.loads(_FACTS.read_bytes())
        return _Facts(str(content["sha256"]), int(content["size"]), str(content["built"]))
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise DatabaseError(
            f"the embedded advisory database is missing or damaged: {error}",
            "reinstall thwart, or name a database of your own",
        ) from None


def _stamp(facts: _Facts) -> int:
    """A time in seconds, even (some file systems count by two), between 2001 and 2018."""
    return 1_000_000_000 + 2 * int(facts.sha256[:7], 16)


def _is_ours(place: Path, facts: _Facts) -> bool:
    try:
        status = place.lstat()
    except OSError:
        return False
    regular = status.st_mode & 0o170000 == 0o100000
    owned = status.st_uid in (0, os.geteuid())
    return regular and owned and status.st_size == facts.size and status.st_mtime_ns == _stamp(facts) * 10**9


def _inflate_to(place: Path, facts: _Facts) -> bool:
    """Write the inflated file under its name, in one step; False when the folder cannot be written."""
    import tempfile

    data = _inflated(facts)
    try:
        place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor, name = tempfile.mkstemp(prefix=".embedded-", dir=place.parent)
        temporary = Path(name)
        try:
            with os.fdopen(descriptor, "wb") as stream:
                stream.write(data)
            temporary.chmod(0o444)
            os.utime(temporary, (_stamp(facts), _stamp(facts)))
            temporary.replace(place)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError:
        return False
    _forget_others(place)
    return True


def _forget_others(place: Path) -> None:
    """Remove copies that other versions left long ago; one that is in use stays readable to its readers."""
    import time

    for other in place.parent.glob("embedded-*.sqlite"):
        try:
            if other != place and time.time() - other.lstat().st_ctime > _KEPT_SECONDS:
                other.unlink()
        except OSError:
            return


def _inflated(facts: _Facts) -> bytes:
    """The inflated file, verified against its digest."""
    import hashlib

    from thwart.lib import zstd

    if not 0 < facts.size <= _MOST:
        raise DatabaseError(
            "the embedded advisory database is damaged: it states an impossible size", "reinstall thwart"
        )
    try:
        decoder = zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: 27})
        data = decoder.decompress(_PACKED.read_bytes(), facts.size + 1)
    except Exception as error:  # noqa: BLE001 - zstd has an error class of its own
        raise DatabaseError(f"the embedded advisory database cannot be inflated: {error}", "reinstall thwart") from None
    if len(data) != facts.size or hashlib.sha256(data).hexdigest() != facts.sha256:
        raise DatabaseError("the embedded advisory database does not have its digest", "reinstall thwart")
    return data
