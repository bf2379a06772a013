"""What both applications need of ASGI: a bounded body in, one answer out."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
TOO_LARGE = 413
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

JSON, TEXT = b"application/json", b"text/plain; version=0.0.4; charset=utf-8"


async def body_of(receive: Receive, most: int) -> bytes | None:
    """The request's body; None where it is larger than `most` bytes, empty where the other side left."""
    parts, size = [], 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return b""
        part = message.get("body", b"")
        size += len(part)
        if size > most:
            return None
        parts.append(part)
        if not message.get("more_body"):
            return b"".join(parts)


async def respond(send: Send, status: int, kind: bytes, body: bytes, *, last: bool = False) -> None:
    """Send a whole answer; with `last` the connection ends with it."""
    headers = [(b"content-type", kind), (b"content-length", str(len(body)).encode())]
    if last or status == TOO_LARGE:  # of what is too large the rest would have to be read else
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
