"""The record: make a log, write decisions to it, show, prove, verify and witness it."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from thwart.api._files import read_file
from thwart.core.errors import SourceError, UsageError
from thwart.core.record import Entry

if TYPE_CHECKING:
    from thwart.core.report import Report, Verdict
    from thwart.lib.signed_note import Checkpoint
    from thwart.record import Appender, Log, NoteKey, Proven, Trouble

_SEED = 32
_LONGEST_KEY = 4_096
_LONGEST_PROOF = 1 << 20


class LogFiles(Struct, frozen=True, kw_only=True):
    """A log's folder, the file of its private key and that of its public one; by default beside the folder."""

    folder: Path
    private: Path | None = None
    public: Path | None = None

    @property
    def private_file(self) -> Path:
        """`FOLDER.key`."""
        return self.private or self.folder.with_name(f"{self.folder.name}.key")

    @property
    def public_file(self) -> Path:
        """`FOLDER.pub`."""
        return self.public or self.folder.with_name(f"{self.folder.name}.pub")


def make(files: LogFiles, origin: str) -> NoteKey:
    """A new, empty log, with a new key where its file is not there yet.

    Raises:
        UsageError: there is a log already, or the name is none; SourceError: a file cannot be written.
    """
    from thwart.record import Appender

    if (files.folder / "checkpoint").exists():
        raise UsageError(f"{files.folder} is a log already")
    if not origin or "+" in origin or any(letter.isspace() for letter in origin):
        raise UsageError(f"{origin!r} cannot be a log's name", "a host and a path, without spaces: example.test/log")
    appender = Appender(files.folder, origin, _key_of(files.private_file, origin))
    with _writing(files.folder):
        appender.start()
        files.public_file.write_text(f"{appender.key}\n", encoding="ascii")
    return appender.key


def _key_of(path: Path, name: str) -> bytes:
    """The 32 secret bytes in a key file, which is made where it lacks: `NAME BASE64`."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return _private(path)[1]
    except OSError as error:
        raise SourceError(f"{path} cannot be written: {error.strerror}") from error
    seed = os.urandom(_SEED)
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(f"{name} {base64.b64encode(seed).decode()}\n")
    return seed


def _private(path: Path) -> tuple[str, bytes]:
    name, _, encoded = read_file(path, _LONGEST_KEY).decode("utf-8", "replace").strip().partition(" ")
    try:
        seed = base64.b64decode(encoded, validate=True)
    except ValueError:
        seed = b""
    if not name or len(seed) != _SEED:
        raise UsageError(f"{path} is no key of a log", "make one: thwart log init FOLDER")
    return name, seed


class _writing:  # noqa: N801 - reads as a statement
    """Tell what cannot be written as the house tells it."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, OSError):
            raise SourceError(f"{self._path} cannot be written: {error.strerror}") from error


def writer(files: LogFiles) -> Appender:
    """Who appends to a log; keep it as long as there is something to write.

    Raises:
        UsageError: the key is none; SourceError: it cannot be read.
    """
    from thwart.record import Appender

    name, seed = _private(files.private_file)
    return Appender(files.folder, name, seed)


def append(files: LogFiles, entries: Iterable[Entry]) -> range:
    """Write decisions; returns their indices once they are durable.

    Raises:
        RecordError: the log is damaged or of another key; SourceError: it cannot be read or written.
    """
    from thwart.record import encode

    with _writing(files.folder):
        return writer(files).append([encode(one) for one in entries])


def decision(kind: str, report: Report, verdict: Verdict, now: datetime | None = None, actor: str = "") -> Entry:
    """The entry of a verdict on a report."""
    counts: dict[str, int] = {}
    for finding in report.findings:
        counts[finding.severity.word] = counts.get(finding.severity.word, 0) + 1
    details = {word: str(count) for word, count in sorted(counts.items())}
    details |= {"suppressed": str(len(report.suppressed))} if report.suppressed else {}
    details |= {"database": report.database.built} if report.database else {}
    return Entry(
        kind=kind,
        time=stamp(now),
        subject=report.asset.name,
        digest=report.asset.digest,
        decision=verdict.decision,
        actor=actor,
        reasons=(*verdict.reasons, *verdict.doubts),
        details=tuple(details.items()),
    )


def exemptions(report: Report, now: datetime | None = None) -> Iterator[Entry]:
    """An entry for each exception that set findings of a report aside."""
    told = set()
    for one in report.suppressed:
        key = (one.by, one.reason, one.owner, one.expires)
        if one.by == "exception" and key not in told:
            told.add(key)
            details = (("finding", one.finding.id), ("owner", one.owner), ("expires", one.expires))
            yield Entry(
                kind="exemption",
                time=stamp(now),
                subject=report.asset.name,
                digest=report.asset.digest,
                decision="allow",
                reasons=(one.reason,),
                details=tuple((name, text) for name, text in details if text),
            )


def stamp(now: datetime | None = None) -> str:
    """A moment as entries have it."""
    return (now or datetime.now(UTC)).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def public_key(text: str) -> NoteKey:
    """A key in one line, or in a file that holds it.

    Raises:
        UsageError: it is none; SourceError: the file cannot be read.
    """
    from thwart.lib.signed_note import NoteError
    from thwart.record import parse_key

    line = (
        text
        if "+" in text and not Path(text).exists()
        else read_file(Path(text), _LONGEST_KEY).decode("utf-8", "replace")
    )
    try:
        return parse_key(line)
    except NoteError as error:
        raise UsageError(f"{text[:200]} is no key: {error}", "a key is one line, NAME+ID+BASE64") from error


def open_log(files: LogFiles) -> Log:
    """A log whose checkpoint its key signed.

    Raises:
        RecordError: it is damaged or of another key; SourceError: it cannot be read.
    """
    from thwart.record import Log

    return Log(files.folder, public_key(str(files.public_file)))


def shown(log: Log, first: int = 0) -> Iterator[dict[str, object]]:
    """Entries as documents, each with its index and the hash that the log has of it; what is no entry is told as such."""
    from thwart.core.errors import ParseError
    from thwart.lib.merkle import leaf_hash
    from thwart.record import decode

    for index, data in log.entries(first):
        head: dict[str, object] = {"index": index, "hash": leaf_hash(data).hex()}
        try:
            decode(data)
        except ParseError as error:
            yield head | {"unreadable": error.reason}
        else:
            yield head | json.loads(data)


def audit(log: Log) -> list[Trouble]:
    """What is not as it was signed; empty where nothing changed."""
    from thwart import record

    return record.audit(log)


def verify_proof(proof: Path, entry: Path, key: NoteKey, witnesses: tuple[NoteKey, ...] = ()) -> Proven:
    """Whether an entry, as its bytes are in a file, is in the log of that key.

    Raises:
        RecordError: the proof does not show it; SourceError: a file cannot be read.
    """
    from thwart.record import prove

    data = read_file(entry, _LONGEST_PROOF)
    return prove(read_file(proof, _LONGEST_PROOF), data, key, witnesses)


def witness(files: LogFiles, state: Path, name: str, time: int) -> tuple[NoteKey, Checkpoint]:
    """Cosign a log's checkpoint with the witness whose key and memory are in the folder `state`.

    The first time it believes what it sees; from then on only what continues that. The cosignature is added to the
    log's checkpoint.

    Raises:
        RecordError: the log does not continue what this witness has signed.
    """
    from thwart.lib.signed_note import checkpoint, parse
    from thwart.record import Witness, written

    log = open_log(files)
    with _writing(state):
        state.mkdir(parents=True, exist_ok=True)
    own = Witness(name, _key_of(state / "witness.key", name))
    memory = state / f"{log.key.id.hex()}.checkpoint"
    last: Checkpoint | None = None
    if memory.exists():
        last = checkpoint(parse(read_file(memory, _LONGEST_PROOF)))
    proof = log.tree.consistency(last.size) if last is not None and last.size <= log.checkpoint.size else []
    note, fresh = own.cosign(written(log.note).encode(), log.key, last, proof, time)
    with _writing(files.folder):
        memory.write_text(written(note), encoding="utf-8")
        (state / "witness.pub").write_text(f"{own.key}\n", encoding="utf-8")
        log.store.cosigned(written(log.note).encode(), written(note).encode())
    return own.key, fresh
