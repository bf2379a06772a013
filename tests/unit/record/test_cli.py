"""`thwart log`, as a user types it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from thwart.api import record
from thwart.cli import main
from thwart.core.errors import UsageError
from thwart.core.record import Entry


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    assert main(["log", "init", "--origin", "example.test/log"]) == 0
    for number in range(3):
        note(f"image-{number}")
    return tmp_path


def note(subject: str) -> None:
    entry = Entry(kind="gate", time="2026-11-23T10:00:00Z", subject=subject, decision="deny", reasons=("no",))
    record.append(record.LogFiles(folder=Path("thwart.log")), [entry])


def test_entries_are_listed(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert main(["log", "show", "--from", "1"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "1  2026-11-23T10:00:00Z  gate  deny  image-1: no",
        "2  2026-11-23T10:00:00Z  gate  deny  image-2: no",
    ]
    assert main(["log", "show", "-o", "jsonl"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(one["index"], one["subject"]) for one in lines] == [(0, "image-0"), (1, "image-1"), (2, "image-2")]


def test_a_changed_entry_is_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["log", "verify"]) == 0
    bundle = folder / "thwart.log/tile/entries/000.p/3"
    bundle.write_bytes(bundle.read_bytes().replace(b"image-1", b"image-9"))
    capsys.readouterr()
    assert main(["log", "verify"]) == 1
    assert capsys.readouterr().out == "entry 1 was changed\n"


def test_a_proof_is_written_and_verified(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["log", "prove", "1", "-o", "p"]) == 0
    verify = ["log", "verify", "--proof", "p.tlog-proof", "--entry", "p.json"]
    assert main(verify) == 0
    assert capsys.readouterr().out.endswith("proven: entry 1 of 3 in the log example.test/log\n")
    Path("p.json").write_text("{}")
    assert main(verify) == 1
    assert main(["log", "prove", "3"]) == 4
    assert main(verify[:-2]) == 2


def test_a_witness_refuses_another_past(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["log", "witness", "--state", "w"]) == 0
    assert main(["log", "verify", "--witness", "w/witness.pub"]) == 0
    note("image-3")
    capsys.readouterr()
    assert main(["log", "verify", "--witness", "w/witness.pub"]) == 1
    assert "witness.local has not seen" in capsys.readouterr().out
    assert main(["log", "witness", "--state", "w"]) == 0
    key = Path("thwart.log.key").read_text()
    for path in Path("thwart.log").rglob("*"):
        if path.is_file():
            path.unlink()
    assert main(["log", "init", "--origin", "example.test/log"]) == 0
    assert Path("thwart.log.key").read_text() == key
    for number in range(5):
        note(f"other-{number}")
    assert main(["log", "witness", "--state", "w"]) == 1
    assert "does not continue" in capsys.readouterr().out


def test_what_is_refused(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["log", "init"]) == 2
    assert main(["log", "show", "--log", "nothing"]) == 4
    assert main(["log", "show", "--key", "x+00000000+AQ=="]) == 2
    assert main(["log", "init", "--log", "other", "--origin", "two words"]) == 2
    assert main(["log", "verify", "--log", "thwart.log", "--key", "a.test+b+c"]) == 2
    Path("thwart.log.key").write_text("nonsense")
    with pytest.raises(UsageError, match="no key"):
        note("x")
