"""Forged proofs, entries that speak over their reader, and links in the log's folder."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from thwart.core.errors import ParseError, SourceError
from thwart.core.record import Entry
from thwart.record import Appender, Log, RecordError, decode, encode, prove


@pytest.fixture
def log(tmp_path: Path) -> tuple[Appender, Path]:
    appender = Appender(tmp_path / "log", "log.example.test/a", bytes(32))
    appender.start()
    appender.append([b"zero", b"one", b"two"])
    return appender, tmp_path / "log"


def test_a_proof_names_its_entry_s_own_index(log: tuple[Appender, Path]) -> None:
    """An index that was read in part once made entry 1 the proven entry 123."""
    appender, root = log
    proof = Log(root, appender.key).proof(1)
    assert prove(proof.encode(), b"one", appender.key).index == 1
    for forged in ("0" * 19 + "123", "01", "9" * 5000, "٣", "-1", "3", str(1 << 64)):
        with pytest.raises(RecordError):
            prove(proof.replace("index 1\n", f"index {forged}\n").encode(), b"one", appender.key)


def test_a_proof_with_a_hash_that_is_no_ascii_is_refused(log: tuple[Appender, Path]) -> None:
    appender, root = log
    head, _, rest = Log(root, appender.key).proof(1).partition("\n\n")
    with pytest.raises(RecordError, match="not base64"):
        prove(f"{head}\nä\n\n{rest}".encode(), b"one", appender.key)


@pytest.mark.parametrize("member", ["index", "hash", "unreadable"])
def test_an_entry_cannot_speak_over_its_reader(member: str) -> None:
    body = json.loads(encode(Entry(kind="gate", time="2026-01-01T00:00:00Z", subject="a", decision="allow")))
    with pytest.raises(ParseError, match=member):
        decode(json.dumps(body | {member: 0}).encode())


def test_an_entry_always_has_what_is_shown() -> None:
    entry = Entry(kind="gate", time="", subject="", decision="")
    assert {"time", "subject", "decision"} <= set(json.loads(encode(entry)))
    assert decode(encode(entry)) == entry
    with pytest.raises(ParseError):
        decode(b'{"schema": "thwart-record-v1", "kind": "gate"}')


@pytest.mark.parametrize("name", [".checkpoint.new", "checkpoints", ".lock"])
def test_nothing_is_written_through_a_link(log: tuple[Appender, Path], name: str, tmp_path: Path) -> None:
    appender, root = log
    victim = tmp_path / "victim"
    victim.write_bytes(b"precious")
    (root / name).unlink(missing_ok=True)
    (root / name).symlink_to(victim)
    with pytest.raises((OSError, SourceError, RecordError)):
        appender.append([b"three"])
    assert victim.read_bytes() == b"precious"
