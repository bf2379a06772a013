"""The one writer: many threads give it entries, it signs a checkpoint for as many as came meanwhile."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING

from thwart.core.record import MAX_ENTRY
from thwart.lib.merkle import EMPTY, leaf_hash, node_hash
from thwart.lib.signed_note import ED25519, Checkpoint, Note, NoteSignature
from thwart.lib.tiles import HASH, WIDTH, Tile, fold, tiles_of
from thwart.record._errors import RecordError
from thwart.record._keys import NoteKey, checkpoint_text, written
from thwart.record._log import checked
from thwart.record._store import Store, packed

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

_FULL_HISTORY = 16 << 20  # bytes; beyond, only checkpoints that complete a tile are kept


class Appender:
    """Appends to the log in a folder; several may, in several processes, as each holds the folder's lock in its turn.

    An entry is acknowledged once a signed checkpoint that covers it is on the disk. `seed` is the Ed25519 key's 32 bytes.
    """

    def __init__(self, root: Path, origin: str, seed: bytes) -> None:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        self._private: Ed25519PrivateKey = Ed25519PrivateKey.from_private_bytes(seed)
        self.key = NoteKey(origin, ED25519, self._private.public_key().public_bytes_raw())
        self._store = Store(root)
        self._state = _State(Checkpoint(origin, 0, EMPTY), [], [])
        self._signed = b""
        self._turn = threading.Lock()
        self._waiting: list[_Batch] = []
        self._guard = threading.Lock()

    def start(self) -> None:
        """Sign an empty log where there is none."""
        self._store.begin()
        with self._store.locked():
            if self._store.checkpoint() is None:
                self._publish(self._state.checkpoint)
                self._store.settle(iter(["checkpoint"]))

    def append(self, entries: list[bytes]) -> range:
        """Add entries; returns their indices when they are durable.

        Threads that wait for the disk share one checkpoint.

        Raises:
            RecordError: an entry is too long, or the log is not this key's; OSError: the disk refuses.
        """
        if any(len(one) > MAX_ENTRY for one in entries):
            raise RecordError(f"an entry is longer than {MAX_ENTRY} bytes")
        if not entries:
            return range(0)
        batch = _Batch(entries)
        with self._guard:
            self._waiting.append(batch)
        with self._turn:
            if not batch.done:
                self._flush()
        if batch.error is not None:
            raise batch.error
        return range(batch.first, batch.first + len(entries))

    def _flush(self) -> None:
        with self._guard:
            batches, self._waiting = self._waiting, []
        first, error = 0, None
        try:
            with self._store.locked():
                self._catch_up()
                first = self._state.checkpoint.size
                self._write([one for batch in batches for one in batch.entries])
        except (OSError, RecordError) as failure:
            error = failure
            self._signed = b""  # what is on the disk decides from where to go on
        for batch in batches:
            batch.done, batch.error, batch.first = True, error, first
            first += len(batch.entries)

    def _catch_up(self) -> None:
        """Go on from the checkpoint on the disk, which another process may have written."""
        data = self._store.checkpoint()
        if data is None:
            raise RecordError(f"{self._store.root} holds no log", "make one: thwart log init FOLDER")
        if data != self._signed:
            _, checkpoint = checked(data, self.key)
            self._state = _State.read(self._store, checkpoint)
            self._signed = data

    def _write(self, entries: list[bytes]) -> None:
        old = self._state.checkpoint.size
        fresh, files = self._state.extended(entries)
        for tile, data in files:
            self._store.write(tile.path, data)
        self._store.settle(tile.path for tile, _ in files)
        self._publish(fresh.checkpoint)
        self._store.settle(iter(["checkpoint"]))
        self._state = fresh
        for tile in tiles_of(old):
            if tile.number < fresh.checkpoint.size // WIDTH ** (tile.level + 1):
                self._store.drop_partial(tile)
                if tile.level == 0:
                    self._store.drop_partial(tile._replace(level=-1))

    def _publish(self, checkpoint: Checkpoint) -> None:
        text = checkpoint_text(checkpoint)
        signature = NoteSignature(self.key.name, self.key.id, self._private.sign(text.encode()))
        data = written(Note(text, (signature,))).encode()
        full = checkpoint.size // WIDTH != self._state.checkpoint.size // WIDTH
        self._store.write("checkpoint", data)
        if full or self._store.history_size() < _FULL_HISTORY:
            self._store.remember(data)  # after, so that it never keeps what nobody acknowledged
        self._signed = data


class _Batch:
    """Entries of one caller, and what became of them."""

    __slots__ = ("done", "entries", "error", "first")

    def __init__(self, entries: list[bytes]) -> None:
        self.entries = entries
        self.done = False
        self.first = 0
        self.error: Exception | None = None


class _State:
    """The right edge of the tree: the hashes of each level's last tile, and the entries of the last bundle."""

    def __init__(self, checkpoint: Checkpoint, edges: list[bytes], bundle: list[bytes]) -> None:
        self.checkpoint = checkpoint
        self.edges = edges
        self.bundle = bundle

    @classmethod
    def read(cls, store: Store, checkpoint: Checkpoint) -> _State:
        """The state behind a checkpoint.

        Raises:
            RecordError: the tiles are not what the checkpoint signs.
        """
        edges: list[bytes] = []
        for tile in tiles_of(checkpoint.size):
            edges += [b""] * (tile.level - len(edges)) + [store.hashes(tile)]
        width = checkpoint.size % WIDTH
        bundle = store.bundle(checkpoint.size // WIDTH, width) if width else []
        if _root(edges) != checkpoint.root or len(bundle) != width:
            raise RecordError(
                "the log's tiles are not what its checkpoint signs", "find what changed: thwart log verify"
            )
        return cls(checkpoint, edges, bundle)

    def extended(self, entries: list[bytes]) -> tuple[_State, list[tuple[Tile, bytes]]]:
        """The state with more entries, and the files that change."""
        size = self.checkpoint.size + len(entries)
        files: list[tuple[Tile, bytes]] = []
        bundle, number = [*self.bundle, *entries], self.checkpoint.size // WIDTH
        for at in range(0, len(bundle), WIDTH):
            part = bundle[at : at + WIDTH]
            files.append((Tile(-1, number + at // WIDTH, len(part)), packed(part)))
        edges: list[bytes] = []
        fresh = b"".join(map(leaf_hash, entries))
        level, count = 0, self.checkpoint.size
        while fresh or level < len(self.edges):
            hashes = (self.edges[level] if level < len(self.edges) else b"") + fresh
            whole = len(hashes) // (WIDTH * HASH) * WIDTH * HASH
            if fresh:
                files += _tiles(level, count // WIDTH, hashes)
            edges.append(hashes[whole:])
            fresh = b"".join(fold(hashes[at : at + WIDTH * HASH]) for at in range(0, whole, WIDTH * HASH))
            level, count = level + 1, count // WIDTH
        checkpoint = Checkpoint(self.checkpoint.origin, size, _root(edges))
        return _State(checkpoint, edges, bundle[len(bundle) // WIDTH * WIDTH :]), files


def _tiles(level: int, number: int, hashes: bytes) -> list[tuple[Tile, bytes]]:
    step = WIDTH * HASH
    parts = [hashes[at : at + step] for at in range(0, len(hashes), step)]
    return [(Tile(level, number + index, len(part) // HASH), part) for index, part in enumerate(parts)]


def _root(edges: list[bytes]) -> bytes:
    """The tree's hash, from its complete subtrees, the smallest first (RFC 6962 section 2.1)."""
    root = b""
    for hashes in edges:
        end, count = len(hashes), len(hashes) // HASH
        while count:
            width = count & -count
            peak = fold(hashes[end - width * HASH : end])
            root = node_hash(peak, root) if root else peak
            end, count = end - width * HASH, count - width
    return root or EMPTY
