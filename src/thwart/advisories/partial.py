"""A download that can be taken up again: the bytes so far, and what they belong to."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import httpx

_PIECE = 1 << 18
_SLOWEST = 2048  # bytes a second over one time-out: less is a server that stalls


class FailedError(Exception):
    """One address did not give the file; the next mirror is asked."""


class LaterError(Exception):
    """The server asks to come again; `seconds` is its own word for when, if it gave one."""

    def __init__(self, sentence: str, seconds: float | None = None) -> None:
        super().__init__(sentence)
        self.seconds = seconds


def host(url: str) -> str:
    """The host of an address, without credentials."""
    return urlsplit(url).netloc.rpartition("@")[2] or url


class Part:
    """A download that may have been begun before: the bytes so far, and what they belong to."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.path = place.with_name(f".{place.name}.part")
        self._note = place.with_name(f".{place.name}.part.json")

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the part. When somebody else is at it, take one of our own instead of waiting for it."""
        self.place.parent.mkdir(parents=True, exist_ok=True)
        with self.place.with_name(f".{self.place.name}.lock").open("wb") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                self.path = self.place.with_name(f".{self.place.name}.{os.urandom(6).hex()}.part")
                self._note = self.path.with_suffix(".part.json")
                try:
                    yield
                finally:
                    self.forget()  # nobody will come back for it
            else:
                yield

    def size(self) -> int:
        """Bytes that are there."""
        try:
            return self.path.stat().st_size
        except OSError:
            return 0

    def headers(self, url: str) -> dict[str, str] | None:
        """What asks for the rest (RFC 9110, section 13.1.5), or None when there is nothing to go on with."""
        try:
            note = json.loads(self._note.read_bytes())
            validator = str(note["validator"])
            if note["url"] != url or not validator or not self.size():
                return None
        except (OSError, ValueError, LookupError, TypeError):
            return None
        return {"Accept-Encoding": "identity", "Range": f"bytes={self.size()}-", "If-Range": validator}

    def receive(self, answer: httpx.Response, url: str, most: int, seconds: float) -> tuple[str, int]:
        """Write the body behind what is there (206) or anew (200); SHA-256 and size of the whole."""
        again = answer.status_code == 206
        digest, size = self._so_far() if again else (hashlib.sha256(), 0)
        if not again:
            self._note.write_text(json.dumps({"url": url, "validator": _validator(answer)}), encoding="utf-8")
        began, mark = time.monotonic(), size
        with self.path.open("ab" if again else "wb") as stream:
            for piece in answer.iter_raw():  # of whatever size comes: what is gathered is lost when the line breaks
                size += len(piece)
                if size > most:
                    self.forget()
                    raise FailedError(f"{host(url)} sends more than {most} bytes")
                digest.update(piece)
                stream.write(piece)
                if time.monotonic() - began > seconds:
                    if size - mark < _SLOWEST * seconds:
                        raise LaterError(f"{host(url)} sends less than {_SLOWEST} bytes a second", 0.0)
                    began, mark = time.monotonic(), size
        return digest.hexdigest(), size

    def _so_far(self) -> tuple[hashlib._Hash, int]:
        digest, size = hashlib.sha256(), 0
        with self.path.open("rb") as stream:
            while piece := stream.read(_PIECE):
                digest.update(piece)
                size += len(piece)
        return digest, size

    def forget(self) -> None:
        """Remove what was begun."""
        self.path.unlink(missing_ok=True)
        self._note.unlink(missing_ok=True)


def _validator(answer: httpx.Response) -> str:
    """What `If-Range` may hold: a strong entity tag, else a date."""
    etag: str = answer.headers.get("etag", "")
    return etag if etag.startswith('"') else str(answer.headers.get("last-modified", ""))
