"""Whether a log is what its checkpoints say, and if not, which entry is not."""

from __future__ import annotations

import base64
import itertools
import re
from collections.abc import Iterator

from msgspec import Struct

from thwart.lib.merkle import EMPTY, ProofError, leaf_hash, verify_inclusion
from thwart.lib.signed_note import Note, NoteError
from thwart.lib.tiles import HASH, WIDTH, Fetch, Tile, Tree, fold
from thwart.record._errors import RecordError
from thwart.record._keys import NoteKey, moment, signed_by
from thwart.record._log import PROOF, Log, checked

_MOST = 100  # troubles that are told
_LONGEST_PROOF = 1 << 20
_INDEX = re.compile(r"0|[1-9][0-9]{0,18}")


class Trouble(Struct, frozen=True):
    """One thing that is not as it was signed. `index` is the entry's, -1 where it is of no one entry."""

    index: int
    sentence: str


def audit(log: Log) -> list[Trouble]:
    """Read every entry, tile and kept checkpoint, and compare; no trouble means that nothing changed.

    An entry's hash is compared with its tile; tiles with each other and with the checkpoint; each kept checkpoint with
    the tree of its size, so that entries whose tiles were forged too are found by the first checkpoint that disowns them.
    """
    leaves, troubles = _leaves(log)
    if len(leaves) != log.checkpoint.size:
        return troubles[:_MOST]
    levels = _levels(leaves)
    troubles += _tiles(log, levels)

    def fetch(tile: Tile) -> bytes:
        at = tile.number * WIDTH * HASH
        return levels[tile.level][at : at + tile.width * HASH]

    if (Tree(len(leaves), fetch).root() if leaves else EMPTY) != log.checkpoint.root and not troubles:
        troubles += _disowned(log, fetch)
    troubles += _history(log, fetch) if not troubles else []
    return troubles[:_MOST]


def _leaves(log: Log) -> tuple[list[bytes], list[Trouble]]:
    """The hash of every entry; and entries that are not what their tile says."""
    leaves: list[bytes] = []
    troubles: list[Trouble] = []
    size = log.checkpoint.size
    for number in range(-(-size // WIDTH)):
        width = min(WIDTH, size - number * WIDTH)
        try:
            bundle = [leaf_hash(one) for one in log.store.bundle(number, width)]
        except RecordError as error:
            last = number * WIDTH + width - 1
            return leaves, [*troubles, Trouble(-1, f"entries {number * WIDTH} to {last}: {error.sentence}")]
        stated = _stated(log, Tile(0, number, width))
        if stated is not None:
            troubles += _compare(number * WIDTH, bundle, stated)
        elif len(bundle) < width:
            troubles.append(Trouble(number * WIDTH + len(bundle), "is missing"))
        leaves += bundle
    return leaves, troubles


def _stated(log: Log, tile: Tile) -> list[bytes] | None:
    try:
        hashes = log.store.hashes(tile)
    except RecordError:
        return None
    return [hashes[at : at + HASH] for at in range(0, len(hashes), HASH)]


def _compare(first: int, found: list[bytes], stated: list[bytes]) -> Iterator[Trouble]:
    """In words what happened between two lists of hashes."""
    if len(found) < len(stated):
        gone = next((at for at, (a, b) in enumerate(zip(found, stated, strict=False)) if a != b), len(found))
        yield Trouble(first + gone, "was dropped")
        return
    where = {one: at for at, one in enumerate(stated)}
    for at, (one, other) in enumerate(itertools.zip_longest(found, stated)):
        if one == other:
            continue
        if one in where:
            yield Trouble(first + at, f"stands where entry {first + where[one]} did not: it was moved from there")
        else:
            yield Trouble(first + at, "was changed" if other is not None else "was added later")


def _levels(leaves: list[bytes]) -> list[bytes]:
    """The hashes of each tile level."""
    levels = [b"".join(leaves)]
    step = WIDTH * HASH
    while len(levels[-1]) >= step:
        below = levels[-1]
        levels.append(b"".join(fold(below[at : at + step]) for at in range(0, len(below) // step * step, step)))
    return levels


def _tiles(log: Log, levels: list[bytes]) -> Iterator[Trouble]:
    """Tiles that are missing, or not the hashes of what is below them; those of entries were compared before."""
    for level, hashes in enumerate(levels):
        count = len(hashes) // HASH
        for number in range(-(-count // WIDTH)):
            tile = Tile(level, number, min(WIDTH, count - number * WIDTH))
            at = number * WIDTH * HASH
            try:
                same = log.store.hashes(tile) == hashes[at : at + tile.width * HASH]
            except RecordError as error:
                yield Trouble(-1, error.sentence)
                continue
            if not same and level:
                yield Trouble(-1, f"{tile.path} is not the hash of the tiles below it")


def _disowned(log: Log, fetch: Fetch) -> Iterator[Trouble]:
    """Everything agrees but the signed root: name the stretch by the first kept checkpoint that says otherwise."""
    told = list(_history(log, fetch))
    yield from told or [Trouble(-1, "the tree is not what the checkpoint signs")]


def _history(log: Log, fetch: Fetch) -> Iterator[Trouble]:
    before = 0
    for data in log.store.history():
        try:
            _, kept = checked(data, log.key)
        except RecordError as error:
            yield Trouble(-1, f"a kept checkpoint was forged: {error.sentence}")
            return
        if kept.size > log.checkpoint.size:
            yield Trouble(log.checkpoint.size, f"was dropped: a checkpoint of {kept.size} entries was signed")
            return
        tree = Tree(kept.size, fetch)
        if kept.size and tree.root() != kept.root:
            stretch = f"entries {before} to {kept.size - 1}" if kept.size - before > 1 else f"entry {before}"
            one = before if kept.size - before == 1 else -1
            sentence = "was changed, with its tiles, after it was signed"
            yield Trouble(one, sentence if one >= 0 else f"{stretch}: one {sentence}")
            return
        before = kept.size


class Proven(Struct, frozen=True):
    """An entry that a proof shows to be in a log, as of a checkpoint."""

    index: int
    size: int
    witnesses: tuple[tuple[str, int], ...]  # name, and time in seconds since 1970


def prove(proof: bytes, entry: bytes, key: NoteKey, witnesses: tuple[NoteKey, ...] = ()) -> Proven:
    """Verify a C2SP tlog-proof offline.

    Raises:
        RecordError: it does not prove that the entry is in the log of that key.
    """
    if len(proof) > _LONGEST_PROOF:
        raise RecordError("the proof is too long")
    head, _, note = proof.partition(b"\n\n")
    lines = head.decode("utf-8", "replace").split("\n")
    if lines[0] != PROOF:
        raise RecordError(f"the proof does not begin with {PROOF}")
    if len(lines) > 1 and lines[1].startswith("extra "):
        del lines[1]
    index = lines[1].removeprefix("index ") if len(lines) > 1 else ""
    if not lines[1:] or not lines[1].startswith("index ") or not _INDEX.fullmatch(index):
        raise RecordError("the proof has no index")
    signed, checkpoint = checked(note, key)
    path = _hashes(lines[2:])
    try:
        verify_inclusion(int(index), checkpoint.size, leaf_hash(entry), path, checkpoint.root)
    except ProofError as error:
        raise RecordError(f"the proof is not of this entry in this log: {error}") from error
    return Proven(int(index), checkpoint.size, tuple(seen(signed, witnesses)))


def _hashes(lines: list[str]) -> list[bytes]:
    try:
        return [base64.b64decode(line, validate=True) for line in lines]
    except ValueError as error:
        raise RecordError("a hash of the proof is not base64") from error


def seen(note: Note, witnesses: tuple[NoteKey, ...]) -> Iterator[tuple[str, int]]:
    """The witnesses whose cosignature is on the note, and when each saw it.

    Raises:
        RecordError: a cosignature of one of them is wrong.
    """
    try:
        right = signed_by(note, witnesses)
    except NoteError as error:
        raise RecordError(f"the checkpoint cannot be trusted: {error}") from error
    for key in right:
        one = next(note.signatures_by(key.id, key.name))
        yield key.name, moment(one.signature)
