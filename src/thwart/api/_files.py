"""Files that the user names, read whole and never beyond a bound."""

from __future__ import annotations

from pathlib import Path

from thwart.core.errors import SourceError


def read_file(path: Path, most: int) -> bytes:
    """The bytes of a file.

    Raises:
        SourceError: it cannot be read, or has more than `most` bytes.
    """
    try:
        with path.open("rb") as file:
            data = file.read(most + 1)
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror}") from error
    if len(data) > most:
        raise SourceError(f"{path} is larger than {most} bytes")
    return data
