"""One connection of a client that may be slow, endless or hostile: uvicorn bounds neither heads nor the time of a request."""

from __future__ import annotations

from collections.abc import Iterable

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_PATIENCE = (
    30.0  # seconds until a request is there whole, also the first one; no API server waits longer for its answer
)
_HEAD = 65_536  # bytes of a request before its body


class Bounded(HttpToolsProtocol):
    """uvicorn's protocol that ends a connection whose request has too large a head, or does not end in time."""

    _due: float | None = None
    _head = 0
    _in_head = False

    def connection_made(self, transport: object) -> None:
        """From now on a request is due."""
        super().connection_made(transport)  # type: ignore[arg-type]  # uvicorn names the kind that it is given
        self._due = self.loop.time() + _PATIENCE

    def data_received(self, data: bytes) -> None:
        """Take what has come; a head that is not whole yet counts."""
        if self._due is None:
            self._due = self.loop.time() + _PATIENCE
        super().data_received(data)
        if self._in_head:
            self._head += len(data)
            if self._head > _HEAD and not self.transport.is_closing():
                self.send_400_response("The head of the request is too large.")

    def on_message_begin(self) -> None:
        """A head begins."""
        self._head, self._in_head = 0, True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """The head is whole."""
        self._in_head = False
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """The request is whole; how long its answer takes is our affair."""
        self._due = None
        super().on_message_complete()

    def end_overdue(self, now: float) -> None:
        """Close the connection where the rest of a request, or its first byte, should have come by now."""
        if self._due is not None and self._due < now:
            self.transport.close()


def end_overdue(connections: Iterable[object], now: float) -> None:
    """Close the connections whose requests are late; `now` is the loop's time."""
    for one in tuple(connections):
        if isinstance(one, Bounded):
            one.end_overdue(now)
