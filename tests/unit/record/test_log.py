"""The record: tiles against the definition, appending, crashes, tampering, proofs, witnesses."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from thwart.core.errors import ParseError
from thwart.core.record import MAX_ENTRY, Entry
from thwart.lib.merkle import EMPTY, ProofError, verify_consistency, verify_inclusion
from thwart.lib.merkle import leaf_hash as leaf
from thwart.lib.merkle import node_hash as node
from thwart.lib.signed_note import Checkpoint, NoteError
from thwart.lib.tiles import WIDTH, Tile, Tree
from thwart.record import Appender, Log, NoteKey, RecordError, Witness, audit, decode, encode, parse_key, prove, seen

SEED = bytes(range(32))


def mth(hashes: list[bytes]) -> bytes:
    """RFC 6962 section 2.1, as it is written there."""
    if len(hashes) < 2:
        return hashes[0] if hashes else EMPTY
    k = 1 << (len(hashes) - 1).bit_length() - 1
    return node(mth(hashes[:k]), mth(hashes[k:]))


def path(m: int, hashes: list[bytes]) -> list[bytes]:
    """RFC 6962 section 2.1.1."""
    if len(hashes) == 1:
        return []
    k = 1 << (len(hashes) - 1).bit_length() - 1
    if m < k:
        return [*path(m, hashes[:k]), mth(hashes[k:])]
    return [*path(m - k, hashes[k:]), mth(hashes[:k])]


def proof(m: int, hashes: list[bytes], whole: bool = True) -> list[bytes]:
    """RFC 6962 section 2.1.2."""
    if m == len(hashes):
        return [] if whole else [mth(hashes)]
    k = 1 << (len(hashes) - 1).bit_length() - 1
    if m <= k:
        return [*proof(m, hashes[:k], whole), mth(hashes[k:])]
    return [*proof(m - k, hashes[k:], False), mth(hashes[:k])]


def tree(hashes: list[bytes]) -> Tree:
    def fetch(tile: Tile) -> bytes:
        step = WIDTH**tile.level
        first = tile.number * WIDTH
        return b"".join(mth(hashes[at * step : (at + 1) * step]) for at in range(first, first + tile.width))

    return Tree(len(hashes), fetch)


def entries(count: int, first: int = 0) -> list[bytes]:
    return [f"entry {first + index}".encode() for index in range(count)]


def made(root: Path, *batches: int) -> Appender:
    appender = Appender(root, "example.test/log", SEED)
    appender.start()
    done = 0
    for count in batches:
        assert appender.append(entries(count, done)) == range(done, done + count)
        done += count
    return appender


def opened(root: Path) -> Log:
    return Log(root, Appender(root, "example.test/log", SEED).key)


def included(index: int, size: int, hashed: bytes, steps: list[bytes], root: bytes) -> bool:
    try:
        verify_inclusion(index, size, hashed, steps, root)
    except ProofError:
        return False
    return True


def consistent(old: int, new: int, old_root: bytes, new_root: bytes, steps: list[bytes]) -> bool:
    try:
        verify_consistency(old, new, steps, old_root, new_root)
    except ProofError:
        return False
    return True


# -- trees ---------------------------------------------------------------------------------------------------------------


@given(st.integers(1, 700), st.data())
def test_proofs_are_those_of_the_definition(size: int, data: st.DataObject) -> None:
    hashes = [leaf(one) for one in entries(size)]
    whole, root = tree(hashes), mth(hashes)
    assert whole.root() == root
    index = data.draw(st.integers(0, size - 1))
    steps = whole.inclusion(index)
    assert steps == path(index, hashes)
    assert included(index, size, hashes[index], steps, root)
    old = data.draw(st.integers(1, size))
    shown = whole.consistency(old)
    assert shown == proof(old, hashes)
    assert consistent(old, size, mth(hashes[:old]), root, shown)


@given(st.integers(2, 300), st.data())
def test_a_proof_of_something_else_is_refused(size: int, data: st.DataObject) -> None:
    hashes = [leaf(one) for one in entries(size)]
    whole, root = tree(hashes), mth(hashes)
    index = data.draw(st.integers(0, size - 1))
    steps = whole.inclusion(index)
    other = (index + 1) % size
    assert not included(index, size, hashes[other], steps, root)
    assert not included(other, size, hashes[index], steps, root)
    assert not included(index, size, hashes[index], steps[:-1], root)
    assert not included(index, size, hashes[index], [*steps, root], root)
    assert not included(size, size, hashes[index], steps, root)
    old = data.draw(st.integers(1, size - 1))
    shown = whole.consistency(old)
    assert not consistent(old, size, mth([*hashes[: old - 1], hashes[-1] if old < size else EMPTY]), root, shown)
    assert not consistent(old, size, mth(hashes[:old]), root, shown[:-1])
    assert not consistent(old, size, mth(hashes[:old]), root, [*shown, root])


def test_the_paths_of_tiles() -> None:
    assert Tile(0, 1234067, 256).path == "tile/0/x001/x234/067"
    assert Tile(2, 0, 7).path == "tile/2/000.p/7"
    assert Tile(-1, 1000, 256).path == "tile/entries/x001/000"


# -- appending -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("batches", [[], [1], [255, 1, 1], [256], [257, 3], [700, 1, 1, 1], [66_000]])
def test_what_is_appended_is_read(tmp_path: Path, batches: list[int]) -> None:
    made(tmp_path, *batches)
    log = opened(tmp_path)
    assert [data for _, data in log.entries()] == entries(sum(batches))
    assert log.checkpoint.root == mth([leaf(one) for one in entries(sum(batches))])
    assert audit(log) == []


def test_a_full_tile_leaves_no_partial_ones(tmp_path: Path) -> None:
    made(tmp_path, 100, 100, 100)
    assert sorted(str(one.relative_to(tmp_path)) for one in (tmp_path / "tile").rglob("*") if one.is_file()) == [
        "tile/0/000",
        "tile/0/001.p/44",
        "tile/1/000.p/1",
        "tile/entries/000",
        "tile/entries/001.p/44",
    ]


def test_two_appenders_and_many_threads_lose_nothing(tmp_path: Path) -> None:
    appenders = [made(tmp_path), Appender(tmp_path, "example.test/log", SEED)]
    given_: dict[int, bytes] = {}

    def work(number: int) -> None:
        for index in range(20):
            data = f"{number}/{index}".encode()
            [where] = appenders[number % 2].append([data])
            given_[where] = data

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert dict(opened(tmp_path).entries()) == given_
    assert len(given_) == 120
    assert audit(opened(tmp_path)) == []


def test_a_crash_before_the_checkpoint_is_no_loss(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    appender = made(tmp_path, 250)

    def cut(*_: object) -> None:
        raise OSError("the power went")

    monkeypatch.setattr(appender, "_publish", cut)
    with pytest.raises(OSError, match="power"):
        appender.append([b"never acknowledged"] * 10)
    assert audit(opened(tmp_path)) == []
    again = Appender(tmp_path, "example.test/log", SEED)
    assert again.append(entries(20, 250)) == range(250, 270)
    assert [data for _, data in opened(tmp_path).entries()] == entries(270)
    assert audit(opened(tmp_path)) == []


def test_what_cannot_be_appended(tmp_path: Path) -> None:
    appender = made(tmp_path)
    with pytest.raises(RecordError, match="longer than"):
        appender.append([b"x" * (MAX_ENTRY + 1)])
    with pytest.raises(RecordError, match="not signed by"):
        Appender(tmp_path, "other.test/log", SEED).append([b"x"])
    with pytest.raises(RecordError, match="holds no log"):
        opened(tmp_path / "nothing")


def test_nobody_goes_on_from_tiles_that_the_checkpoint_does_not_sign(tmp_path: Path) -> None:
    made(tmp_path, 3)
    (tmp_path / "tile/0/000.p/3").write_bytes(bytes(96))
    with pytest.raises(RecordError, match="not what its checkpoint signs"):
        Appender(tmp_path, "example.test/log", SEED).append([b"x"])


# -- tampering -----------------------------------------------------------------------------------------------------------


def bundle(data: list[bytes]) -> bytes:
    return b"".join(len(one).to_bytes(2, "big") + one for one in data)


def tampered(root: Path, data: list[bytes], *, forge_tile: bool = False) -> list[tuple[int, str]]:
    made(root, 2, 3, 4)
    (root / "tile/entries/000.p/9").write_bytes(bundle(data))
    if forge_tile:
        (root / "tile/0/000.p/9").write_bytes(b"".join(map(leaf, data)))
    return [(one.index, one.sentence) for one in audit(opened(root))]


def test_a_changed_entry_is_named(tmp_path: Path) -> None:
    data = entries(9)
    data[4] = b"deny"
    assert tampered(tmp_path, data) == [(4, "was changed")]


def test_exchanged_entries_are_named(tmp_path: Path) -> None:
    data = entries(9)
    data[2], data[5] = data[5], data[2]
    assert [index for index, _ in tampered(tmp_path, data)] == [2, 5]


def test_a_dropped_entry_is_named(tmp_path: Path) -> None:
    data = entries(9)
    del data[3]
    assert tampered(tmp_path, data) == [(3, "was dropped")]


def test_an_entry_whose_tile_was_forged_too_is_narrowed_down_by_kept_checkpoints(tmp_path: Path) -> None:
    data = entries(9)
    data[3] = b"deny"
    [(index, sentence)] = tampered(tmp_path, data, forge_tile=True)
    assert index == -1
    assert sentence.startswith("entries 2 to 4: one was changed")


def test_a_log_that_was_rolled_back_is_found_by_what_it_signed(tmp_path: Path) -> None:
    made(tmp_path / "log", 5)
    old = tmp_path / "old"
    shutil.copytree(tmp_path / "log", old)
    Appender(tmp_path / "log", "example.test/log", SEED).append(entries(2, 5))
    shutil.copy(tmp_path / "log/checkpoints", old / "checkpoints")
    assert [one.index for one in audit(opened(old))] == [5]


def test_a_forged_checkpoint_is_refused(tmp_path: Path) -> None:
    made(tmp_path, 5)
    text = (tmp_path / "checkpoint").read_text()
    (tmp_path / "checkpoint").write_text(text.replace("\n5\n", "\n4\n"))
    with pytest.raises(RecordError, match=r"signature of .* is wrong"):
        opened(tmp_path)


def test_missing_files_are_told(tmp_path: Path) -> None:
    made(tmp_path, 300)
    (tmp_path / "tile/entries/000").unlink()
    assert ["tile/entries/000 is missing" in one.sentence for one in audit(opened(tmp_path))] == [True]
    (tmp_path / "tile/1/000.p/1").unlink()
    made(tmp_path / "other", 300)
    (tmp_path / "other/tile/1/000.p/1").unlink()
    assert ["tile/1/000.p/1 is missing" in one.sentence for one in audit(opened(tmp_path / "other"))] == [True]


# -- proofs and witnesses ------------------------------------------------------------------------------------------------


def test_a_proof_verifies_without_the_log(tmp_path: Path) -> None:
    appender = made(tmp_path, 300)
    shown = opened(tmp_path).proof(257).encode()
    found = prove(shown, b"entry 257", appender.key)
    assert (found.index, found.size) == (257, 300)
    with pytest.raises(RecordError, match="not of this entry"):
        prove(shown, b"entry 258", appender.key)
    with pytest.raises(RecordError, match="not of this entry"):
        prove(shown.replace(b"index 257", b"index 256"), b"entry 257", appender.key)
    with pytest.raises(RecordError, match="not signed by"):
        prove(shown, b"entry 257", NoteKey("example.test/other", 1, appender.key.public))
    for end in range(0, len(shown), 7):
        with pytest.raises(RecordError):
            prove(shown[:end], b"entry 257", appender.key)


def test_a_witness_signs_what_continues_and_nothing_else(tmp_path: Path) -> None:
    appender = made(tmp_path, 5)
    witness = Witness("witness.example.test", bytes(32))
    first, last = witness.cosign((tmp_path / "checkpoint").read_bytes(), appender.key, None, [], 1_700_000_000)
    assert [*seen(first, (witness.key,))] == [("witness.example.test", 1_700_000_000)]
    appender.append(entries(4, 5))
    log = opened(tmp_path)
    data = (tmp_path / "checkpoint").read_bytes()
    witness.cosign(data, appender.key, last, log.tree.consistency(5), 1_700_000_001)
    with pytest.raises(RecordError, match="does not continue"):
        witness.cosign(data, appender.key, Checkpoint("example.test/log", 5, bytes(32)), log.tree.consistency(5), 2)
    with pytest.raises(RecordError, match="does not continue"):
        witness.cosign(data, appender.key, last, [], 2)


def test_keys_of_strangers() -> None:
    key = Appender(Path("unused"), "example.test/log", SEED).key
    assert parse_key(str(key)) == key
    for text in ("", "a+b", "a+00000000+AQ==", str(key)[:-4], f"x{key}"):
        with pytest.raises(NoteError):
            parse_key(text)


# -- entries -------------------------------------------------------------------------------------------------------------


def test_entries_come_back(tmp_path: Path) -> None:
    entry = Entry(
        kind="gate",
        time="2026-11-23T10:00:00Z",
        subject="oci:web",
        decision="deny",
        reasons=("one", "zwei ü"),
        details=(("owner", "x"),),
    )
    assert decode(encode(entry)) == entry
    huge = Entry(kind="scan", time="t", subject="s" * 9_000, decision="deny", reasons=("r" * 5_000,) * 1_000)
    assert len(encode(huge)) <= MAX_ENTRY
    assert "more" in decode(encode(huge)).reasons[-1]
    for data in (b"", b"[]", b"{}", b'{"schema": "thwart-record-v1", "kind": "scan", "time": 1}', b"\xff"):
        with pytest.raises(ParseError):
            decode(data)
