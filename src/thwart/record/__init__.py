"""The record: every decision on an append-only log whose tampering shows.

A log is a Merkle tree (RFC 6962) in a folder of tiles (C2SP tlog-tiles) under checkpoints that its key signs and witnesses
cosign. `Appender` writes, `Log` reads and proves, `audit` finds what changed, `prove` verifies a proof without the log.
"""

from thwart.record._appender import Appender
from thwart.record._entries import decode, encode
from thwart.record._errors import RecordError
from thwart.record._keys import NoteKey, parse_key, written
from thwart.record._log import Log
from thwart.record._verify import Proven, Trouble, audit, prove, seen
from thwart.record._witness import Witness

__all__ = [
    "Appender",
    "Log",
    "NoteKey",
    "Proven",
    "RecordError",
    "Trouble",
    "Witness",
    "audit",
    "decode",
    "encode",
    "parse_key",
    "prove",
    "seen",
    "written",
]
