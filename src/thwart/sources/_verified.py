"""A layer's members, read once while the digests of blob and content are taken along."""

from __future__ import annotations

import hashlib
import queue
import threading
from collections.abc import Iterator

from thwart.core.errors import DigestError, SourceError
from thwart.core.layer import Member
from thwart.core.limits import Limits
from thwart.lib.inflate import InflateError, inflate
from thwart.lib.tarstream import TarError, TarStream

_BROKEN = (TarError, InflateError)


class _Hasher:
    """A digest taken in a thread of its own: hashlib lets go of the interpreter, so it costs no time beside inflating."""

    AHEAD = 8  # pieces that may wait, of at most 1 MiB

    def __init__(self, algorithm: str) -> None:
        self._hash = hashlib.new(algorithm)
        self._pieces: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._room = threading.Semaphore(self.AHEAD)
        self._thread: threading.Thread | None = None

    def update(self, piece: bytes) -> None:
        if not piece:
            return  # nothing is the sign to end
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, daemon=True)
            self._thread.start()
        self._room.acquire()
        self._pieces.put(piece)

    def _work(self) -> None:
        while piece := self._pieces.get():
            self._hash.update(piece)
            self._room.release()

    def close(self) -> None:
        """Wait for what was given."""
        if self._thread is not None:
            self._pieces.put(b"")
            self._thread.join()
            self._thread = None

    def hexdigest(self) -> str:
        self.close()
        return self._hash.hexdigest()


class LayerTar:
    """A `MemberStream` over one layer blob.

    At the end of the iteration the whole blob has been read and every digest that was promised is verified; facts must
    not be used before. What was promised may be empty (a docker-archive names no blob digest; standard input is read
    before its manifest is known): `digests` then tells what was found.

    Args:
        chunks: the blob as transported.
        digest, size: what its descriptor promises; empty and negative when nothing does.
        diff_id: digest of the inflated content, as the configuration promises it, or empty.
    """

    def __init__(self, chunks: Iterator[bytes], digest: str, size: int, diff_id: str, limits: Limits) -> None:
        self._digest, self._size, self._diff_id = digest, size, diff_id
        self._what = f"layer {digest or diff_id or 'without a name'}"
        self._blob = _Hasher(_algorithm(digest)) if digest != diff_id or not digest else None
        self._content = _Hasher(_algorithm(diff_id))
        self._received = 0
        inflated = inflate(self._take(chunks), max_bytes=limits.layer_bytes, max_ratio=limits.ratio)
        self._tar = TarStream(self._pass(inflated), max_members=limits.entries)

    @property
    def digests(self) -> tuple[str, str]:
        """Digests of blob and content, once the iteration has ended."""
        content = f"{_algorithm(self._diff_id)}:{self._content.hexdigest()}"
        return (f"{_algorithm(self._digest)}:{self._blob.hexdigest()}" if self._blob else content, content)

    def _take(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        for piece in chunks:
            self._received += len(piece)
            if 0 <= self._size < self._received:
                raise DigestError(f"{self._what} is longer than the {self._size} bytes that its descriptor promises")
            if self._blob is not None:
                self._blob.update(piece)
            yield piece

    def _pass(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        for piece in pieces:
            self._content.update(piece)
            yield piece

    def __iter__(self) -> Iterator[Member]:
        """Members in order, then the verification."""
        try:
            yield from self._tar
            self._tar.drain()
        except _BROKEN as error:
            raise self._broken(error) from None
        finally:
            self._content.close()
            if self._blob is not None:
                self._blob.close()
        self._verify()

    def _verify(self) -> None:
        if 0 <= self._size != self._received:
            raise DigestError(f"{self._what} is {self._received} bytes, its descriptor says {self._size}")
        blob, content = self.digests
        if self._digest and blob != self._digest:
            raise DigestError(f"the content of {self._what} has another digest: damaged, or not what was pushed")
        if self._diff_id and content != self._diff_id:
            raise DigestError(f"the inflated content of {self._what} is not {self._diff_id}, as its image says")

    def read(self, limit: int) -> bytes:
        """See `MemberStream`."""
        try:
            return self._tar.read(limit)
        except _BROKEN as error:
            raise self._broken(error) from None

    def head(self, length: int) -> bytes:
        """See `MemberStream`."""
        try:
            return self._tar.head(length)
        except _BROKEN as error:
            raise self._broken(error) from None

    def starts_with(self, magic: bytes) -> bool:
        """See `MemberStream`."""
        try:
            return self._tar.starts_with(magic)
        except _BROKEN as error:
            raise self._broken(error) from None

    def ranges(self, wanted: list[tuple[int, int]]) -> list[tuple[int, bytes]]:
        """See `MemberStream`."""
        try:
            return self._tar.ranges(wanted)
        except _BROKEN as error:
            raise self._broken(error) from None

    def owner(self) -> tuple[int, int]:
        """See `MemberStream`."""
        return self._tar.owner()

    def _broken(self, error: Exception) -> SourceError:
        return SourceError(f"{self._what} cannot be read: {error}")


def _algorithm(digest: str) -> str:
    return digest.partition(":")[0] or "sha256"
