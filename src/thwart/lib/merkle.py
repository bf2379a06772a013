"""Merkle trees of transparency logs (RFC 6962 section 2.1, RFC 9162 section 2.1.3 and 2.1.4): hashes, and proofs verified."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

EMPTY = sha256(b"").digest()


def leaf(data: bytes) -> bytes:
    """RFC 6962 section 2.1: the hash of an entry."""
    return sha256(b"\x00" + data).digest()


def node(left: bytes, right: bytes) -> bytes:
    """RFC 6962 section 2.1: the hash of two subtrees."""
    return sha256(b"\x01" + left + right).digest()


def included(index: int, size: int, hashed: bytes, path: Sequence[bytes], root: bytes) -> bool:
    """RFC 9162 section 2.1.3.2: whether an audit path leads from a leaf's hash to the root of a tree of `size` leaves."""
    if not 0 <= index < size:
        return False
    first, last = index, size - 1
    for one in path:
        if last == 0 or len(one) != 32:
            return False
        if first & 1 or first == last:
            hashed = node(one, hashed)
            while not first & 1 and first:
                first, last = first >> 1, last >> 1
        else:
            hashed = node(hashed, one)
        first, last = first >> 1, last >> 1
    return last == 0 and hashed == root


def consistent(old: int, new: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]) -> bool:
    """RFC 9162 section 2.1.4.2: whether a tree of `new` leaves begins with the tree of `old` ones."""
    if not 0 <= old <= new or any(len(one) != 32 for one in proof):
        return False
    if old == new:
        return not proof and old_root == new_root
    if old == 0:
        return not proof and old_root == EMPTY
    path = [old_root, *proof] if old & (old - 1) == 0 else list(proof)
    if not path:
        return False
    first, last = old - 1, new - 1
    while first & 1:
        first, last = first >> 1, last >> 1
    small = large = path[0]
    for one in path[1:]:
        if last == 0:
            return False
        if first & 1 or first == last:
            small, large = node(one, small), node(one, large)
            while not first & 1 and first:
                first, last = first >> 1, last >> 1
        else:
            large = node(large, one)
        first, last = first >> 1, last >> 1
    return last == 0 and small == old_root and large == new_root
