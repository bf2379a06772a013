"""A log as its readers see it: entries and proofs under a checkpoint whose signature was verified."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from thwart.lib.signed_note import Checkpoint, Note, NoteError, checkpoint, parse
from thwart.lib.tiles import WIDTH, Tree
from thwart.record._errors import RecordError
from thwart.record._keys import NoteKey, signed_by, written
from thwart.record._store import Store

PROOF = "c2sp.org/tlog-proof@v1"


class Log:
    """One log in a folder, as its newest checkpoint says.

    Raises:
        RecordError: there is none, its key did not sign it, or it is malformed; SourceError: it cannot be read.
    """

    def __init__(self, root: Path, key: NoteKey) -> None:
        self.store = Store(root)
        self.key = key
        data = self.store.checkpoint()
        if data is None:
            raise RecordError(f"{root} holds no log", "make one: thwart log init FOLDER")
        self.note, self.checkpoint = checked(data, key)
        self.tree = Tree(self.checkpoint.size, self.store.hashes)

    def entries(self, first: int = 0, last: int | None = None) -> Iterator[tuple[int, bytes]]:
        """The entries from `first` on, before `last`, each with its index.

        Raises:
            RecordError: some are missing.
        """
        end = self.checkpoint.size if last is None else min(last, self.checkpoint.size)
        for number in range(first // WIDTH, -(-end // WIDTH)):
            start = number * WIDTH
            width = min(WIDTH, self.checkpoint.size - start)
            bundle = self.store.bundle(number, width)
            if len(bundle) < min(end - start, width):
                raise RecordError(f"entry {start + len(bundle)} is missing")
            for index, data in enumerate(bundle, start):
                if first <= index < end:
                    yield index, data

    def proof(self, index: int) -> str:
        """C2SP tlog-proof: what proves without the log that an entry is in it.

        Raises:
            RecordError: there is no such entry, or the log cannot prove it.
        """
        if not 0 <= index < self.checkpoint.size:
            raise RecordError(f"there is no entry {index}", f"the log has {self.checkpoint.size} entries, from 0")
        hashes = [*_lines(self.tree.inclusion(index))]
        return "\n".join([PROOF, f"index {index}", *hashes, "", written(self.note)])

    def consistency(self, old: int) -> list[str]:
        """The proof that this log continues that of `old` entries, as lines of base64."""
        return [*_lines(self.tree.consistency(old))]


def checked(data: bytes, key: NoteKey) -> tuple[Note, Checkpoint]:
    """A checkpoint that the key signed.

    Raises:
        RecordError: it did not, or the checkpoint is malformed.
    """
    try:
        note = parse(data)
        if not signed_by(note, [key]):
            raise RecordError(f"the checkpoint is not signed by {key.name}")
        found = checkpoint(note)
    except NoteError as error:
        raise RecordError(f"the checkpoint cannot be trusted: {error}") from error
    if found.origin != key.name:
        raise RecordError(f"the checkpoint is of the log {found.origin}, not of {key.name}")
    return note, found


def _lines(hashes: Iterable[bytes]) -> Iterator[str]:
    from base64 import b64encode

    return (b64encode(one).decode() for one in hashes)
