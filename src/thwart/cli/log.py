"""`thwart log`: the record of decisions."""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from thwart.api import record
from thwart.cli._screen import plain
from thwart.core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from thwart.record import Log, NoteKey

_DENIED = 1


def configure(parser: argparse.ArgumentParser) -> None:
    """The verbs of `thwart log`."""
    parser.description = "The record of decisions: an append-only log whose tampering shows."
    parser.epilog = "exit codes: 0 fine, 1 something was changed or is not proven, 2 usage, 4 cannot be read"
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    init = verbs.add_parser("init", help="make a log and its key")
    init.add_argument(
        "--origin", default="thwart.local/record", metavar="NAME", help="the log's name: a host and a path"
    )
    show = verbs.add_parser("show", help="list the entries")
    show.add_argument("--from", dest="first", type=int, default=0, metavar="INDEX", help="begin here")
    show.add_argument("-o", "--output", choices=("text", "jsonl"), default="text", help="jsonl: a line for each entry")
    prove = verbs.add_parser("prove", help="write the proof that an entry is in the log")
    prove.add_argument("index", type=int, metavar="INDEX", help="the entry's number, from 0")
    prove.add_argument(
        "-o", "--output", type=Path, metavar="FILE", help="write FILE.tlog-proof and the entry as FILE.json"
    )
    verify = verbs.add_parser("verify", help="find what was changed, dropped or moved; or verify a proof")
    verify.add_argument("--proof", type=Path, metavar="FILE", help="verify this proof instead of the log")
    verify.add_argument("--entry", type=Path, metavar="FILE", help="the entry that the proof is of")
    verify.add_argument(
        "--witness", action="append", default=[], metavar="KEY", help="who must have seen it; may repeat"
    )
    witness = verbs.add_parser("witness", help="cosign what continues what this witness saw before")
    witness.add_argument("--state", type=Path, required=True, metavar="FOLDER", help="the witness's key and memory")
    witness.add_argument("--name", default="witness.local", metavar="NAME", help="the witness's name")
    for verb in (init, show, prove, verify, witness):
        verb.add_argument("--log", type=Path, default=Path("thwart.log"), metavar="FOLDER", help="default: thwart.log")
        if verb is not init:
            verb.add_argument("--key", metavar="KEY", help="the log's public key or its file (default: FOLDER.pub)")


def run(arguments: argparse.Namespace) -> int:
    """Carry out `thwart log VERB`."""
    verbs = {"init": _init, "show": _show, "prove": _prove, "verify": _verify, "witness": _witness}
    code: int = verbs[arguments.verb](arguments)
    return code


def _files(arguments: argparse.Namespace) -> record.LogFiles:
    return record.LogFiles(folder=arguments.log)


def _opened(arguments: argparse.Namespace) -> Log:
    from thwart.record import Log

    key = record.public_key(arguments.key or str(_files(arguments).public_file))
    return Log(arguments.log, key)


def _out(line: str) -> None:
    sys.stdout.write(f"{plain(line)}\n")


def _init(arguments: argparse.Namespace) -> int:
    files = _files(arguments)
    key = record.make(files, arguments.origin)
    _out(f"{files.folder}: an empty log; its secret key is in {files.private_file}, its public key is")
    _out(str(key))
    return 0


def _show(arguments: argparse.Namespace) -> int:
    log = _opened(arguments)
    for entry in record.shown(log, max(arguments.first, 0)):
        if arguments.output == "jsonl":
            sys.stdout.write(json.dumps(entry, ensure_ascii=True) + "\n")
        else:
            _out(_line(entry))
    return 0


def _line(entry: Mapping[str, object]) -> str:
    if "unreadable" in entry:
        return f"{entry['index']}  unreadable: {entry['unreadable']}"
    reasons = entry.get("reasons")
    why = f": {reasons[0]}" if isinstance(reasons, list) and reasons else ""
    return f"{entry['index']}  {entry['time']}  {entry['kind']}  {entry['decision']}  {entry['subject']}{why}"


def _prove(arguments: argparse.Namespace) -> int:
    log = _opened(arguments)
    proof = log.proof(arguments.index)
    if arguments.output is None:
        sys.stdout.write(proof)
        return 0
    [(_, data)] = log.entries(arguments.index, arguments.index + 1)
    for suffix, content in ((".tlog-proof", proof.encode()), (".json", data)):
        arguments.output.with_name(arguments.output.name + suffix).write_bytes(content)
    return 0


def _verify(arguments: argparse.Namespace) -> int:
    from thwart.record import RecordError, seen

    witnesses = tuple(record.public_key(text) for text in arguments.witness)
    try:
        if arguments.proof is not None:
            return _verify_proof(arguments, witnesses)
        log = _opened(arguments)
        troubles = record.audit(log)
        saw = dict(seen(log.note, witnesses))
    except RecordError as error:
        _out(f"not verified: {error.sentence}")
        return _DENIED
    for trouble in troubles:
        _out(f"entry {trouble.index} {trouble.sentence}" if trouble.index >= 0 else trouble.sentence)
    missing = [key.name for key in witnesses if key.name not in saw]
    for name in missing:
        _out(f"{name} has not seen this checkpoint")
    count = log.checkpoint.size
    if not troubles and not missing:
        _out(f"{count} entr{'y' if count == 1 else 'ies'}, none changed, under the signature of {log.key.name}")
    return _DENIED if troubles or missing else 0


def _verify_proof(arguments: argparse.Namespace, witnesses: tuple[NoteKey, ...]) -> int:
    if arguments.entry is None:
        raise UsageError("a proof is of an entry", "name its file: --entry FILE")
    key = record.public_key(arguments.key or str(_files(arguments).public_file))
    proven = record.verify_proof(arguments.proof, arguments.entry, key, witnesses)
    missing = {one.name for one in witnesses} - {name for name, _ in proven.witnesses}
    for name in sorted(missing):
        _out(f"{name} has not seen this checkpoint")
    if not missing:
        _out(f"proven: entry {proven.index} of {proven.size} in the log {key.name}")
    return _DENIED if missing else 0


def _witness(arguments: argparse.Namespace) -> int:
    from thwart.record import RecordError

    files = record.LogFiles(folder=arguments.log, public=Path(arguments.key) if arguments.key else None)
    try:
        key, checkpoint = record.witness(files, arguments.state, arguments.name, int(time.time()))
    except RecordError as error:
        _out(f"not cosigned: {error.sentence}")
        return _DENIED
    count = checkpoint.size
    _out(f"cosigned {count} entr{'y' if count == 1 else 'ies'}; the witness's key is")
    _out(str(key))
    return 0
