"""Merkle trees of transparency logs: hashes, inclusion and consistency proofs (RFC 6962 section 2.1, RFC 9162 section 2.1).

Sizes and indices are integers of up to 64 bits; a proof therefore never has more than 64 hashes for inclusion, nor
more than 65 for consistency, and a longer one is refused unread.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

EMPTY = hashlib.sha256(b"").digest()
_HASH = 32
_BITS = 64


class ProofError(ValueError):
    """A proof does not prove what it should; the message is one sentence."""


def leaf_hash(data: bytes) -> bytes:
    """The hash of an entry (RFC 9162 section 2.1.1)."""
    return hashlib.sha256(b"\0" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of two sub-trees (RFC 9162 section 2.1.1)."""
    return hashlib.sha256(b"\1" + left + right).digest()


def root(leaves: Sequence[bytes]) -> bytes:
    """The root of a tree with these leaf hashes, each full sub-tree folded as soon as it is complete."""
    stack: list[tuple[int, bytes]] = []
    for leaf in leaves:
        level, node = 0, leaf
        while stack and stack[-1][0] == level:
            node = node_hash(stack.pop()[1], node)
            level += 1
        stack.append((level, node))
    if not stack:
        return EMPTY
    _, node = stack.pop()
    while stack:
        node = node_hash(stack.pop()[1], node)
    return node


def root_from_inclusion(index: int, size: int, leaf: bytes, proof: Sequence[bytes]) -> bytes:
    """The root that an inclusion proof leads to (RFC 9162 section 2.1.3.2).

    Raises:
        ProofError: the proof has the wrong length for the index and size, or hashes of the wrong length.
    """
    if not 0 <= index < size < 1 << _BITS:
        raise ProofError(f"index {index} is not in a tree of {size}")
    _hashes(proof)
    at, last, node = index, size - 1, leaf
    for step in proof:
        if last == 0:
            raise ProofError("the inclusion proof is too long")
        if at & 1 or at == last:
            node = node_hash(step, node)
            while not at & 1 and at:
                at >>= 1
                last >>= 1
        else:
            node = node_hash(node, step)
        at >>= 1
        last >>= 1
    if last != 0:
        raise ProofError("the inclusion proof is too short")
    return node


def verify_inclusion(index: int, size: int, leaf: bytes, proof: Sequence[bytes], root: bytes) -> None:
    """Check that the leaf hash is at `index` in the tree of `size` leaves with this root.

    Raises:
        ProofError: it is not proven.
    """
    if root_from_inclusion(index, size, leaf, proof) != root:
        raise ProofError("the inclusion proof leads to another root")


def verify_consistency(old_size: int, new_size: int, proof: Sequence[bytes], old_root: bytes, new_root: bytes) -> None:
    """Check that the older tree is a prefix of the newer one (RFC 9162 section 2.1.4.2).

    Raises:
        ProofError: it is not proven.
    """
    if not 0 <= old_size <= new_size < 1 << _BITS:
        raise ProofError(f"a tree of {new_size} does not extend one of {old_size}")
    _hashes(proof)
    if old_size == 0 or old_size == new_size:
        if proof:
            raise ProofError("the consistency proof should be empty")
        if (old_root != EMPTY) if old_size == 0 else (old_root != new_root):
            raise ProofError("trees of one size have two roots")
        return
    path = list(proof) if old_size & (old_size - 1) else [old_root, *proof]
    older, newer = _roots_from_consistency(old_size - 1, new_size - 1, path)
    if older != old_root:
        raise ProofError("the consistency proof leads to another old root")
    if newer != new_root:
        raise ProofError("the consistency proof leads to another new root")


def _roots_from_consistency(at: int, last: int, path: Sequence[bytes]) -> tuple[bytes, bytes]:
    """The two roots that the proof leads to, from the last indices of both trees."""
    if not path:
        raise ProofError("the consistency proof is empty")
    while at & 1:
        at >>= 1
        last >>= 1
    older = newer = path[0]
    for step in path[1:]:
        if last == 0:
            raise ProofError("the consistency proof is too long")
        if at & 1 or at == last:
            older, newer = node_hash(step, older), node_hash(step, newer)
            while not at & 1 and at:
                at >>= 1
                last >>= 1
        else:
            newer = node_hash(newer, step)
        at >>= 1
        last >>= 1
    if last != 0:
        raise ProofError("the consistency proof is too short")
    return older, newer


def _hashes(proof: Sequence[bytes]) -> None:
    if len(proof) > _BITS + 1:
        raise ProofError(f"a proof of {len(proof)} hashes, more than any tree needs")
    if any(len(step) != _HASH for step in proof):
        raise ProofError("a hash of the proof is not of 32 bytes")
