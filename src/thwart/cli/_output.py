"""`-o FORMAT[=FILE]`: one scan, many formats; files appear whole or not at all."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from thwart.cli._screen import wants_color, width
from thwart.core.errors import UsageError
from thwart.core.report import Report, Verdict
from thwart.reports import RenderOptions, format_of, write


class Output(NamedTuple):
    """A format and the file it goes to; an empty name is standard output."""

    format: str
    file: str


def outputs(texts: Sequence[str]) -> list[Output]:
    """Check what was asked for; text on standard output when nothing was."""
    wanted = []
    for text in texts or ["text"]:
        name, _, file = text.partition("=")
        if "=" in text and not file:
            raise UsageError(f"-o {text} names no file", f"write -o {name} for standard output")
        wanted.append(Output(format_of(name).name, "" if file == "-" else file))
    if sum(not output.file for output in wanted) > 1:
        raise UsageError("two formats cannot share standard output", "give all but one a file: -o FORMAT=FILE")
    return wanted


def emit(
    wanted: Sequence[Output],
    judged: Sequence[tuple[Report, Verdict]],
    *,
    color: str,
    packages_only: bool = False,
    verbose: bool = False,
) -> None:
    """Write every output."""
    for output in wanted:
        colored = not output.file and wants_color(color, sys.stdout)
        options = RenderOptions(
            color=colored,
            width=width(sys.stdout) if not output.file else 120,
            packages_only=packages_only,
            verbose=verbose,
            links=colored and sys.stdout.isatty(),
        )
        data = write(output.format, judged, options)
        if output.file:
            save(Path(output.file), data)
        else:
            sys.stdout.flush()
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()


def save(path: Path, data: bytes) -> None:
    """Write a file, whole or not at all; UsageError where that cannot be done."""
    import tempfile

    try:
        if path.exists() and not path.is_file():
            path.write_bytes(data)  # a device or a pipe
            return
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
            Path(temporary).chmod(0o666 & ~_umask())
            Path(temporary).replace(path)
        except BaseException:
            with contextlib.suppress(OSError):
                Path(temporary).unlink()
            raise
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}") from None


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
