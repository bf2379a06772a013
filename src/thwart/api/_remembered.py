"""What verification learnt and must not unlearn: versions below which files of Docker Content Trust are rolled back."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from thwart.core.errors import SourceError

_FILE = "trust.json"


def recall(folder: Path) -> dict[str, int]:
    """What was learnt before.

    Raises:
        SourceError: it cannot be read: to go on without it would forgive a rollback.
    """
    path = folder / _FILE
    try:
        found = json.loads(path.read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        raise SourceError(f"{path} cannot be read: {error}", "it remembers versions; remove it to trust anew") from None
    if not isinstance(found, dict) or not all(type(value) is int for value in found.values()):
        raise SourceError(f"{path} is not what thwart wrote", "it remembers versions; remove it to trust anew")
    return found


def remember(folder: Path, before: Mapping[str, int], learnt: Mapping[str, int]) -> None:
    """Keep what was learnt since `before`; of two runs at once the higher version stays. The file is replaced whole.

    Raises:
        SourceError: it cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _alone(folder):
            _replace(folder / _FILE, json.dumps(_merged(recall(folder), before, learnt), sort_keys=True).encode())
    except OSError as error:
        raise SourceError(f"{folder / _FILE} cannot be written: {error.strerror}") from None


def _merged(known: Mapping[str, int], before: Mapping[str, int], learnt: Mapping[str, int]) -> dict[str, int]:
    """What another run has changed meanwhile counts as well."""
    kept = {key: value for key, value in known.items() if key in learnt or before.get(key) != value}
    for key, value in learnt.items():
        others = known.get(key, value)
        kept[key] = value if others == before.get(key) else max(value, others)
    return kept


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    with (folder / f".{_FILE}.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _replace(path: Path, data: bytes) -> None:
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(temporary).unlink()
        raise
