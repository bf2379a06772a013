"""Keys of logs and witnesses, as one line, and their signatures on notes (C2SP signed-note, tlog-cosignature)."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable
from typing import NamedTuple

from thwart.lib.signed_note import COSIGNATURE, ED25519, Checkpoint, Note, NoteError, key_id, line


class NoteKey(NamedTuple):
    """A public Ed25519 key: `kind` says whether it signs notes (a log's) or cosigns them (a witness's)."""

    name: str
    kind: int
    public: bytes

    @property
    def id(self) -> bytes:
        """The 4 bytes that name it in notes."""
        return key_id(self.name, self.kind, self.public)

    def __str__(self) -> str:
        """The key in one line: NAME+ID+BASE64 (signed-note, "Verifier keys")."""
        return f"{self.name}+{self.id.hex()}+{base64.b64encode(bytes([self.kind]) + self.public).decode()}"


def parse_key(text: str) -> NoteKey:
    """A key in one line.

    Raises:
        NoteError: it is malformed, or its id is not its own.
    """
    name, _, rest = text.strip().partition("+")
    stated, _, encoded = rest.partition("+")
    try:
        raw = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        raise NoteError("its bytes are not base64") from None
    if not name or len(raw) != 33 or raw[0] not in (ED25519, COSIGNATURE):
        raise NoteError("it is not NAME+ID+KEY with an Ed25519 key")
    key = NoteKey(name, raw[0], raw[1:])
    if key.id.hex() != stated:
        raise NoteError("its id is not that of its bytes")
    return key


def signed_by(note: Note, keys: Iterable[NoteKey]) -> list[NoteKey]:
    """The keys whose signature is on the note and right.

    Raises:
        NoteError: a signature of one of these keys is wrong (signed-note: the whole note is rejected).
    """
    found = []
    for key in keys:
        mine = list(note.signatures_by(key.id, key.name))
        if not all(_right(key, note.text.encode(), one.signature) for one in mine):
            raise NoteError(f"the signature of {key.name} is wrong")
        if mine:
            found.append(key)
    return found


def _right(key: NoteKey, text: bytes, signature: bytes) -> bool:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        if key.kind == COSIGNATURE:
            time, signature = moment(signature), signature[8:]
            text = cosigned_text(text, time)
        Ed25519PublicKey.from_public_bytes(key.public).verify(signature, text)
    except (InvalidSignature, ValueError):
        return False
    return True


def moment(cosignature: bytes) -> int:
    """When a witness signed, in seconds since 1970 (tlog-cosignature).

    Raises:
        NoteError: it is not as long as a time and a signature.
    """
    if len(cosignature) != 72:
        raise NoteError("a cosignature has 72 bytes")
    return int.from_bytes(cosignature[:8], "big")


def cosigned_text(text: bytes, time: int) -> bytes:
    """What a witness signs (tlog-cosignature, cosignature/v1)."""
    return f"cosignature/v1\ntime {time}\n".encode() + text


def checkpoint_text(checkpoint: Checkpoint) -> str:
    """What a log signs (tlog-checkpoint)."""
    root = base64.b64encode(checkpoint.root).decode()
    return "\n".join([checkpoint.origin, str(checkpoint.size), root, *checkpoint.extensions, ""])


def written(note: Note) -> str:
    """The note with its signatures, as it is kept."""
    return f"{note.text}\n{''.join(line(one.name, one.key_id, one.signature) for one in note.signatures)}"
