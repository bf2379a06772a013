"""Signed notes and the checkpoints of transparency logs (C2SP signed-note and tlog-checkpoint).

Nothing is verified here: `signatures_by` yields what a verifier with a key of this name and identifier has to check.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterator

from msgspec import Struct

BYTES_MAX = 1 << 20
SIGNATURES_MAX = 64
ED25519 = 0x01
COSIGNATURE = 0x04
_LINE = re.compile("\N{EM DASH} ([^\\s+]{1,1024}) ([A-Za-z0-9+/=]{8,16384})")
_SIZE = re.compile(r"0|[1-9][0-9]{0,19}")


class NoteError(ValueError):
    """A text is no signed note, or no checkpoint; the message is one sentence."""


class NoteSignature(Struct, frozen=True):
    """One signature line: the signer's name, the first 4 bytes of its key's identifier, and what it made."""

    name: str
    key_id: bytes
    signature: bytes


class Note(Struct, frozen=True):
    """A note. `text` ends in a newline and is, in UTF-8, exactly what was signed."""

    text: str
    signatures: tuple[NoteSignature, ...]

    def signatures_by(self, key_id: bytes, name: str | None = None) -> Iterator[NoteSignature]:
        """The signatures that claim to be of the key; all others are to be ignored (signed-note, "Signatures")."""
        for one in self.signatures:
            if one.key_id == key_id[:4] and name in (None, one.name):
                yield one


class Checkpoint(Struct, frozen=True):
    """A log's state: its name, how many entries it has, the root over them, and lines that mean nothing here."""

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()


def parse(data: str | bytes) -> Note:
    """Split a note into its text and its signatures.

    Raises:
        NoteError: malformed, larger than `BYTES_MAX`, or with no or more than `SIGNATURES_MAX` signatures.
    """
    if len(data) > BYTES_MAX:
        raise NoteError("the note is larger than a mebibyte")
    try:
        whole = data.decode() if isinstance(data, bytes) else data
    except UnicodeDecodeError:
        raise NoteError("the note is not UTF-8") from None
    text, blank, block = whole.rpartition("\n\n")
    if not blank or not block.endswith("\n"):
        raise NoteError("the note has no block of signatures")
    if any(ord(char) < 32 and char != "\n" for char in text):
        raise NoteError("the note has control characters")
    lines = block[:-1].split("\n")
    if len(lines) > SIGNATURES_MAX:
        raise NoteError(f"the note has more than {SIGNATURES_MAX} signatures")
    return Note(text + "\n", tuple(_signature(line) for line in lines))


def checkpoint(note: Note) -> Checkpoint:
    """The body of a checkpoint (tlog-checkpoint, "Note text").

    Raises:
        NoteError: the note's text is not a checkpoint.
    """
    lines = note.text[:-1].split("\n")
    if len(lines) < 3 or not lines[0]:
        raise NoteError("the checkpoint lacks origin, size or root")
    if not _SIZE.fullmatch(lines[1]):
        raise NoteError("the checkpoint's size is not a number")
    root = _base64(lines[2], "the checkpoint's root")
    if len(root) != 32:
        raise NoteError("the checkpoint's root is not of 32 bytes")
    return Checkpoint(lines[0], int(lines[1]), root, tuple(lines[3:]))


def key_id(name: str, kind: int, public: bytes) -> bytes:
    """The 4 bytes that identify a key in notes (signed-note, "Key ID")."""
    return hashlib.sha256(name.encode() + b"\n" + bytes([kind]) + public).digest()[:4]


def line(name: str, identifier: bytes, signature: bytes) -> str:
    """A signature line, with its newline."""
    return f"\N{EM DASH} {name} {base64.b64encode(identifier[:4] + signature).decode()}\n"


def _signature(text: str) -> NoteSignature:
    match = _LINE.fullmatch(text)
    if match is None:
        raise NoteError("a signature line of the note is malformed")
    blob = _base64(match[2], "a signature of the note")
    if len(blob) < 5:
        raise NoteError("a signature of the note is too short")
    return NoteSignature(match[1], blob[:4], blob[4:])


def _base64(text: str, what: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise NoteError(f"{what} is not base64") from None
