"""Merkle proofs of every small tree, against a definition by recursion (RFC 6962 section 2.1), and signed notes."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from thwart.lib import merkle, signed_note
from thwart.lib.merkle import ProofError

LEAVES = [merkle.leaf_hash(bytes([number])) for number in range(70)]


def split(count: int) -> int:
    return 1 << (count - 1).bit_length() - 1


def tree(leaves: Sequence[bytes]) -> bytes:
    if not leaves:
        return merkle.EMPTY
    if len(leaves) == 1:
        return leaves[0]
    at = split(len(leaves))
    return merkle.node_hash(tree(leaves[:at]), tree(leaves[at:]))


def path(index: int, leaves: Sequence[bytes]) -> list[bytes]:
    if len(leaves) == 1:
        return []
    at = split(len(leaves))
    if index < at:
        return [*path(index, leaves[:at]), tree(leaves[at:])]
    return [*path(index - at, leaves[at:]), tree(leaves[:at])]


def proof(old: int, leaves: Sequence[bytes], *, whole: bool = True) -> list[bytes]:
    if old == len(leaves):
        return [] if whole else [tree(leaves)]
    at = split(len(leaves))
    if old <= at:
        return [*proof(old, leaves[:at], whole=whole), tree(leaves[at:])]
    return [*proof(old - at, leaves[at:], whole=False), tree(leaves[:at])]


@pytest.mark.parametrize("size", range(1, 40))
def test_every_proof_of_a_tree(size: int) -> None:
    leaves = LEAVES[:size]
    root = merkle.root(leaves)
    assert root == tree(leaves)
    for index in range(size):
        steps = path(index, leaves)
        merkle.verify_inclusion(index, size, leaves[index], steps, root)
        for wrong in (steps[:-1], [*steps, root], [root, *steps[1:]]):
            if wrong != steps:
                with pytest.raises(ProofError):
                    merkle.verify_inclusion(index, size, leaves[index], wrong, root)
    for old in range(1, size):
        steps = proof(old, leaves)
        merkle.verify_consistency(old, size, steps, tree(leaves[:old]), root)
        for wrong in (steps[:-1], [*steps, root], [root, *steps[1:]]):
            if wrong != steps:
                with pytest.raises(ProofError):
                    merkle.verify_consistency(old, size, wrong, tree(leaves[:old]), root)


def test_trees_of_one_size_and_of_none() -> None:
    assert merkle.root([]) == hashlib.sha256(b"").digest()
    merkle.verify_consistency(0, 5, [], merkle.EMPTY, tree(LEAVES[:5]))
    merkle.verify_consistency(5, 5, [], tree(LEAVES[:5]), tree(LEAVES[:5]))
    for old, new, steps in ((5, 5, []), (5, 4, []), (0, 5, [LEAVES[0]])):
        with pytest.raises(ProofError):
            merkle.verify_consistency(old, new, steps, LEAVES[0], LEAVES[1])


@given(st.integers(-1, 1 << 70), st.integers(-1, 1 << 70), st.lists(st.binary(max_size=40), max_size=80))
def test_hostile_numbers_are_refused(index: int, size: int, steps: list[bytes]) -> None:
    with pytest.raises(ProofError):
        merkle.verify_inclusion(index, size, LEAVES[0], steps, b"no root")


TEXT = "log.example.test\n12\n" + "A" * 43 + "=\nextension\n"
LINE = signed_note.line("log.example.test", b"abcd", b"signature")


def test_a_checkpoint_and_its_signatures() -> None:
    note = signed_note.parse(f"{TEXT}\n{LINE}{signed_note.line('witness.test', b'wxyz', b'other')}")
    assert note.text == TEXT
    state = signed_note.checkpoint(note)
    assert (state.origin, state.size, state.root, state.extensions) == (
        "log.example.test",
        12,
        bytes(32),
        ("extension",),
    )
    assert [one.signature for one in note.signatures_by(b"abcdefgh")] == [b"signature"]
    assert not list(note.signatures_by(b"abcd", "witness.test"))


def test_the_key_identifier_of_the_specification() -> None:
    public = bytes(range(32))
    expected = hashlib.sha256(b"example.test\n\x01" + public).digest()[:4]
    assert signed_note.key_id("example.test", signed_note.ED25519, public) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        TEXT,
        f"{TEXT}\n",
        f"{TEXT}\n{LINE[:-1]}",
        f"{TEXT}\nno signature\n",
        f"{TEXT}\n{LINE * 65}",
        "\0\n\n" + LINE,
        f"{TEXT}\n{LINE}\n",
    ],
)
def test_what_is_no_note(text: str) -> None:
    with pytest.raises(signed_note.NoteError):
        signed_note.parse(text)


@pytest.mark.parametrize(
    "text", ["a\n1\n", "\n1\nAAAA\n", "a\n01\n" + "A" * 43 + "=\n", "a\n-1\nAAAA\n", "a\n1\n****\n", "a\n1\nAAAA\n"]
)
def test_what_is_no_checkpoint(text: str) -> None:
    with pytest.raises(signed_note.NoteError):
        signed_note.checkpoint(signed_note.Note(text, ()))
