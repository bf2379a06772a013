"""Clients that are slow, endless or pipeline: what a connection bears before it ends. No sockets: bytes in, bytes out."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import uvicorn
from uvicorn.server import ServerState

from tests.unit.admission.test_reviews import PRIVILEGED, admission, review
from thwart.api.admission import Images
from thwart.server._http import Bounded, end_overdue
from thwart.server.admission import App

PAGE = b"GET /healthz HTTP/1.1\r\nHost: a\r\n"


class Fixed:
    """Judging that never changes."""

    images: Images | None = None
    trouble = ""

    def __init__(self) -> None:
        self.current = admission()


class Transport(asyncio.Transport):
    """Keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.closed = False

    def write(self, data: Any) -> None:
        self.written += bytes(data)

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed

    def pause_reading(self) -> None:
        """Nothing comes by itself."""

    def resume_reading(self) -> None:
        """Nothing comes by itself."""


def connected(script: Callable[[Bounded, Transport], Awaitable[None]]) -> Transport:
    """What a connection has written after a script."""

    async def run() -> Transport:
        config = uvicorn.Config(App(Fixed()), http=Bounded, ws="none", lifespan="off", log_level="error")
        config.load()
        transport = Transport()
        connection = Bounded(config=config, server_state=ServerState(), app_state={})
        connection.connection_made(transport)
        await script(connection, transport)
        return transport

    return asyncio.run(run())


def fed(*parts: bytes) -> Transport:
    async def script(connection: Bounded, transport: Transport) -> None:
        for part in parts:
            if transport.closed:
                break
            connection.data_received(part)
            await settled()

    return connected(script)


async def settled() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


def at(connection: Bounded, seconds: float) -> None:
    """The look that the server takes at its connections, so many seconds from now."""
    end_overdue([connection, object()], asyncio.get_running_loop().time() + seconds)


# -- heads ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "parts",
    [
        [PAGE, *[b"X: " + b"a" * 1_000 + b"\r\n"] * 200],
        [PAGE + b"X: ", *[b"a" * 10_000] * 20],
        [b"GET /", *[b"a" * 10_000] * 20],
        [PAGE + b"\r\n" + PAGE, *[b"X: y\r\n" * 2_000] * 20],
    ],
    ids=["many", "one", "address", "second"],
)
def test_a_head_without_end_ends_the_connection(parts: list[bytes]) -> None:
    transport = fed(*parts)
    assert transport.closed
    assert transport.written.endswith(b"The head of the request is too large.")
    assert transport.written.count(b"HTTP/1.1 400") == 1


def test_a_head_in_pieces_and_a_large_body_are_served() -> None:
    body = review(PRIVILEGED) + b" " * 100_000
    head = b"POST /validate HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(body)
    transport = fed(*[head[at : at + 1] for at in range(len(head))], body)
    assert not transport.closed
    assert b'"allowed":false' in transport.written


def test_pipelined_requests_are_answered_in_their_order() -> None:
    body = review(PRIVILEGED)
    posted = b"POST /validate HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    transport = fed((PAGE + b"\r\n") + posted + b"GET /nowhere HTTP/1.1\r\nHost: a\r\n\r\n")
    found = [transport.written.find(one) for one in (b"ok\n", b'"allowed":false', b"404 Not Found")]
    assert found == sorted(found)
    assert found[0] >= 0
    assert not transport.closed


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01\x00\xff" * 40,
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"POST /validate HTTP/1.1\r\nContent-Length: -5\r\n\r\n",
        b"POST /validate HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef",
        b"POST /validate HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 6\r\n\r\n0\r\n\r\n",
        b"CONNECT a.example.test:443 HTTP/1.1\r\nHost: a\r\n\r\n",
    ],
)
def test_what_is_no_request_or_two_at_once_is_refused(sent: bytes) -> None:
    transport = fed(sent)
    assert transport.written.startswith(b"HTTP/1.1 400")
    assert transport.closed


def test_a_body_that_is_too_large_ends_the_connection() -> None:
    head = b"POST /validate HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999\r\n\r\n"
    transport = fed(head, *[b" " * (1 << 20)] * 9)
    assert transport.written.startswith(b"HTTP/1.1 413")
    assert transport.closed


# -- time ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "parts",
    [[], [b"\r\n"], [PAGE], [b"POST /validate HTTP/1.1\r\nContent-Length: 500\r\n\r\n{"], [PAGE + b"\r\n", b"\r\n"]],
    ids=["nothing", "blank", "head", "body", "blank-after-another"],
)
def test_a_request_that_does_not_come_to_its_end_is_not_waited_for(parts: list[bytes]) -> None:
    async def script(connection: Bounded, transport: Transport) -> None:
        for part in parts:
            connection.data_received(part)
            await settled()
        at(connection, 29)
        assert not transport.closed, "it has half a minute"
        at(connection, 31)
        assert transport.closed

    connected(script)


def test_a_drip_gains_no_time() -> None:
    async def script(connection: Bounded, transport: Transport) -> None:
        connection.data_received(PAGE)
        first = connection._due
        for _ in range(5):
            await asyncio.sleep(0.001)
            connection.data_received(b"X: y\r\n")
        assert connection._due == first

    connected(script)


def test_an_idle_connection_and_an_answer_that_takes_long_are_not_ended() -> None:
    async def script(connection: Bounded, transport: Transport) -> None:
        connection.data_received(PAGE + b"\r\n")
        at(connection, 1_000)
        assert not transport.closed, "the request was whole; its answer is on the way"
        await settled()
        assert transport.written.endswith(b"ok\n")
        at(connection, 1_000)
        assert not transport.closed, "an idle connection is kept for the next review"

    connected(script)
