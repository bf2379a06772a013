"""Write what a plan says: each file whole or not at all, only where it still is what was read, never through a link."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from thwart.core.errors import SourceError

if TYPE_CHECKING:
    from thwart.api._fix import FixPlan


class Unwritten(NamedTuple):
    """A file that was left as it was, and why."""

    path: str
    reason: str


def write_plan(plan: FixPlan, roots: Iterable[str]) -> list[Unwritten]:
    """Write the files of a plan.

    Args:
        plan: what `plan_fix` made.
        roots: the paths that were named; nothing outside of them is written, wherever links lead.

    Returns:
        the files that were not written.
    """
    homes = [_home(one) for one in roots]
    left = []
    for path, (before, after) in sorted(plan.files.items()):
        try:
            _write(path, before, after, homes)
        except SourceError as error:
            left.append(Unwritten(path, error.sentence))
        except OSError as error:
            left.append(Unwritten(path, error.strerror or str(error)))
    return left


def _home(root: str) -> str:
    """What may be written below a path that was named: the folder itself, or the folder of a file."""
    return os.path.realpath(root if Path(root).is_dir() else os.path.dirname(root) or os.curdir)  # noqa: PTH120


def _write(path: str, before: bytes | None, after: bytes, homes: list[str]) -> None:
    target = Path(os.path.realpath(path))
    if not any(target.is_relative_to(home) for home in homes):
        raise SourceError("it is a link that leads out of the folder")
    if before is None:
        with target.open("xb") as file:  # never over a file that came meanwhile
            file.write(after)
        return
    found = target.stat()
    if not stat.S_ISREG(found.st_mode):
        raise SourceError("it is no longer a file")
    handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(after)
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(PermissionError):
            os.chown(temporary, found.st_uid, found.st_gid)
        Path(temporary).chmod(stat.S_IMODE(found.st_mode))
        _replace(target, before, Path(temporary))
    except BaseException:
        with contextlib.suppress(OSError):
            Path(temporary).unlink()
        raise


def _replace(target: Path, before: bytes, temporary: Path) -> None:
    if target.read_bytes() != before:
        raise SourceError("it changed while it was looked at")
    temporary.replace(target)
