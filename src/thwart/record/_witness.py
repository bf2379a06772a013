"""A witness: it signs a log's checkpoints, and never two that contradict each other (C2SP tlog-witness)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from thwart.lib.merkle import ProofError, verify_consistency
from thwart.lib.signed_note import COSIGNATURE, Checkpoint, Note, NoteSignature
from thwart.record._errors import RecordError
from thwart.record._keys import NoteKey, cosigned_text
from thwart.record._log import checked

if TYPE_CHECKING:
    from collections.abc import Sequence


class Witness:
    """Cosigns with the Ed25519 key whose 32 bytes are `seed`."""

    def __init__(self, name: str, seed: bytes) -> None:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        self._private = Ed25519PrivateKey.from_private_bytes(seed)
        self.key = NoteKey(name, COSIGNATURE, self._private.public_key().public_bytes_raw())

    def cosign(
        self, data: bytes, key: NoteKey, last: Checkpoint | None, proof: Sequence[bytes], time: int
    ) -> tuple[Note, Checkpoint]:
        """The checkpoint with this witness's signature on it.

        Args:
            data: the checkpoint, signed by the log's `key`.
            last: what this witness signed last of this log; None for the first time.
            proof: RFC 6962 consistency from `last` to the checkpoint.
            time: seconds since 1970.

        Raises:
            RecordError: the log did not sign it, or it does not continue what was signed before.
        """
        note, fresh = checked(data, key)
        if last is not None:
            try:
                verify_consistency(last.size, fresh.size, proof, last.root, fresh.root)
            except ProofError as error:
                raise RecordError(
                    f"the log does not continue the {last.size} entries that {self.key.name} has seen: {error}",
                    "entries were changed or dropped since: thwart log verify names them",
                ) from error
        signature = time.to_bytes(8, "big") + self._private.sign(cosigned_text(note.text.encode(), time))
        others = tuple(one for one in note.signatures if one.key_id != self.key.id or one.name != self.key.name)
        return Note(note.text, (*others, NoteSignature(self.key.name, self.key.id, signature))), fresh
