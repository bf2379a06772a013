"""Files with secrets, in words that do not repeat them."""

from __future__ import annotations

from thwart.core.layer import Note
from thwart.rules._view import listed

SECRETS = frozenset({"private-key", "credentials"})


def told(note: Note) -> str:
    """What it holds: `an encrypted RSA private key`."""
    return listed([_row(row) for row in note.detail])


def _row(row: tuple[str, ...]) -> str:
    if len(row) == 1:
        return row[0]
    words = " ".join([*row[1:], row[0]]).strip()
    return f"{'an' if words[:1] in 'aeioEO' or words.startswith('RSA') else 'a'} {words}"
