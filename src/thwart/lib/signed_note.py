"""Signed notes, checkpoints and cosignatures (C2SP signed-note, tlog-checkpoint, tlog-cosignature)."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

ED25519, ECDSA, COSIGNATURE = 1, 2, 4
_MOST_SIGNATURES = 100
_LONGEST = 1 << 20
_DASH = "\u2014 "


class NoteError(ValueError):
    """The note is malformed, or a known key's signature on it is wrong."""


class NoteKey(NamedTuple):
    """A verifier's key: `kind` is `ED25519` (raw public key), `ECDSA` (DER SPKI) or `COSIGNATURE` (raw Ed25519)."""

    name: str
    kind: int
    public: bytes

    @property
    def id(self) -> bytes:
        """C2SP signed-note: the first bytes of a hash; an ECDSA key's is of the SPKI alone, as Go's sumdb and Rekor do."""
        if self.kind == ECDSA:
            return hashlib.sha256(self.public).digest()[:4]
        return hashlib.sha256(f"{self.name}\n".encode() + bytes([self.kind]) + self.public).digest()[:4]

    def __str__(self) -> str:
        """The key in one line (vkey): NAME+ID+BASE64."""
        return f"{self.name}+{self.id.hex()}+{base64.b64encode(bytes([self.kind]) + self.public).decode()}"


class NoteSignature(NamedTuple):
    """A signature line: the signer's name, the id of its key, and the signature after the id."""

    name: str
    key_id: bytes
    signature: bytes


@dataclass(frozen=True, slots=True)
class Note:
    """A text, ending in a line feed, and the signatures on it."""

    text: str
    signatures: tuple[NoteSignature, ...]

    def signed_by(self, keys: Iterable[NoteKey]) -> list[NoteKey]:
        """The keys whose signature is on the note and right.

        Raises:
            NoteError: a signature of one of these keys is wrong (C2SP signed-note: the whole note is rejected).
        """
        found = []
        for key in keys:
            named = [one for one in self.signatures if one.name == key.name and one.key_id == key.id]
            for one in named:
                if not _right(key, self.text.encode(), one.signature):
                    raise NoteError(f"the signature of {key.name} is wrong")
            if named:
                found.append(key)
        return found

    def __str__(self) -> str:
        """The note as it is written."""
        lines = (
            f"{_DASH}{one.name} {base64.b64encode(one.key_id + one.signature).decode()}\n" for one in self.signatures
        )
        return f"{self.text}\n{''.join(lines)}"


def parse_note(data: bytes) -> Note:
    """A note of at most a megabyte and 100 signatures.

    Raises:
        NoteError: it is malformed.
    """
    if len(data) > _LONGEST:
        raise NoteError("the note is too long")
    try:
        whole = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise NoteError("the note is not UTF-8") from error
    head, gap, tail = whole.rpartition("\n\n")
    if not gap or not tail.endswith("\n"):
        raise NoteError("the note has no signatures after an empty line")
    if any(ord(letter) < 32 and letter != "\n" for letter in whole):
        raise NoteError("the note has control characters")
    lines = tail[:-1].split("\n")
    if len(lines) > _MOST_SIGNATURES:
        raise NoteError(f"the note has more than {_MOST_SIGNATURES} signatures")
    return Note(f"{head}\n", tuple(_line(line) for line in lines))


def _line(line: str) -> NoteSignature:
    name, _, encoded = line.removeprefix(_DASH).partition(" ")
    if not line.startswith(_DASH) or not name or "+" in name or any(letter.isspace() for letter in name):
        raise NoteError("a signature line of the note is malformed")
    try:
        raw = base64.b64decode(encoded, validate=True)
    except binascii.Error as error:
        raise NoteError("a signature of the note is not base64") from error
    if len(raw) < 5:
        raise NoteError("a signature of the note is too short")
    return NoteSignature(name, raw[:4], raw[4:])


def parse_key(text: str) -> NoteKey:
    """A key in one line: NAME+ID+BASE64.

    Raises:
        NoteError: it is malformed, or its id is not its own.
    """
    name, _, rest = text.strip().partition("+")
    stated, _, encoded = rest.partition("+")
    try:
        raw = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError) as error:
        raise NoteError("the key is not base64") from error
    if not name or len(raw) < 2 or raw[0] not in (ED25519, ECDSA, COSIGNATURE):
        raise NoteError("the key is not NAME+ID+KEY of a kind that is known")
    if raw[0] != ECDSA and len(raw) != 33:
        raise NoteError("an Ed25519 key has 32 bytes")
    key = NoteKey(name, raw[0], raw[1:])
    if key.id.hex() != stated:
        raise NoteError("the id of the key is not that of its bytes")
    return key


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a log says of itself: its name, its size, the hash of its tree."""

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    def __str__(self) -> str:
        """C2SP tlog-checkpoint: the text that is signed."""
        return "\n".join([self.origin, str(self.size), base64.b64encode(self.root).decode(), *self.extensions, ""])


def parse_checkpoint(text: str) -> Checkpoint:
    """The checkpoint that a note's text is.

    Raises:
        NoteError: it is none.
    """
    lines = text.split("\n")
    if len(lines) < 4 or lines[-1]:
        raise NoteError("the checkpoint has fewer than three lines")
    origin, size, root, *rest = lines[:-1]
    if not origin or not size.isascii() or not size.isdigit() or str(int(size[:20])) != size or "" in rest:
        raise NoteError("the checkpoint's name or size is malformed")
    try:
        digest = base64.b64decode(root, validate=True)
    except binascii.Error as error:
        raise NoteError("the checkpoint's hash is not base64") from error
    if len(digest) != 32:
        raise NoteError("the checkpoint's hash is not of SHA-256")
    return Checkpoint(origin, int(size), digest, tuple(rest))


def cosigned(signature: bytes, text: bytes) -> tuple[int, bytes, bytes]:
    """C2SP tlog-cosignature: the time of a cosignature, its Ed25519 signature, and what that is over.

    Raises:
        NoteError: it is not as long as a time and a signature.
    """
    if len(signature) != 72:
        raise NoteError("a cosignature has 72 bytes")
    time = int.from_bytes(signature[:8], "big")
    return time, signature[8:], f"cosignature/v1\ntime {time}\n".encode() + text


def _right(key: NoteKey, text: bytes, signature: bytes) -> bool:
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.serialization import load_der_public_key

    try:
        if key.kind == ECDSA:
            public = load_der_public_key(key.public)
            if not isinstance(public, ec.EllipticCurvePublicKey):
                return False
            public.verify(signature, text, ec.ECDSA(SHA256()))
            return True
        if key.kind == COSIGNATURE:
            _, signature, text = cosigned(signature, text)
        ed25519.Ed25519PublicKey.from_public_bytes(key.public).verify(signature, text)
    except (InvalidSignature, UnsupportedAlgorithm, ValueError):
        return False
    return True
