"""Run an application under uvicorn: TLS that is taken up anew, files that are, and an end that drops no review."""

from __future__ import annotations

import asyncio
import gc
import signal
import ssl
import sys
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, NamedTuple, Protocol

import uvicorn

from thwart.core.errors import ThwartError
from thwart.server._http import Bounded, end_overdue
from thwart.server.certificates import Folder, ServeError

if TYPE_CHECKING:
    from thwart.server._asgi import Receive, Scope, Send

_LOOK = 1.0  # seconds between looks at files
_GRACE = 20  # seconds that reviews in flight are given at the end
_KEPT = 120  # seconds that an idle connection is kept; the API server reuses its own
_BACKLOG = 2048


class Application(Protocol):
    """An ASGI application that can say that it wants no more requests."""

    ready: bool

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""


class Where(NamedTuple):
    """Where to listen: a host and port, with certificates, or a Unix socket. `drain` is in seconds.

    While it drains, `/readyz` says no and everything is still answered: a Service needs a moment to look elsewhere.
    """

    host: str = "127.0.0.1"
    port: int = 0
    tls: Folder | None = None
    socket: Path | None = None
    drain: float = 5.0


def serve(app: Application, where: Where, renew: Callable[[], None] | None = None) -> None:
    """Serve until SIGTERM or SIGINT; `renew` is called every second, in a thread.

    Raises:
        ServeError: nobody can listen there, or the certificates cannot be used.
    """
    import uvloop

    gc.freeze()  # what is loaded by now stays, and no collection need look at it while reviews wait
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(app, where, renew))


def tell(line: str) -> None:
    """Say something to whoever watches the server."""
    sys.stderr.write(f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} thwart: {line}\n")
    sys.stderr.flush()


async def _serve(app: Application, where: Where, renew: Callable[[], None] | None) -> None:
    config = uvicorn.Config(
        app,
        host=where.host,
        port=where.port,
        uds=str(where.socket) if where.socket else None,
        http=Bounded,
        loop="none",
        ws="none",
        lifespan="off",
        log_level="error",  # what clients send wrongly they are told, and a log must not grow by it
        access_log=False,
        server_header=False,
        date_header=False,
        timeout_keep_alive=_KEPT,
        timeout_graceful_shutdown=_GRACE,
        backlog=_BACKLOG,
    )
    config.load()
    if where.tls is not None:
        where.tls.ensure(datetime.now(UTC))
        config.ssl = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        config.ssl.minimum_version = ssl.TLSVersion.TLSv1_2
        where.tls.load(config.ssl)
    server = _Server(config, app, where.drain)
    watch = asyncio.create_task(_watch(server, where, renew))
    try:
        await server.serve()
    except SystemExit as stop:  # uvicorn's way to say that it cannot listen; it has said why
        place = where.socket or f"{where.host}:{where.port}"
        raise ServeError(f"nobody can listen at {place}") from stop
    finally:
        watch.cancel()
        with suppress(asyncio.CancelledError):
            await watch


async def _watch(server: uvicorn.Server, where: Where, renew: Callable[[], None] | None) -> None:
    """Look at clients and files, for as long as the server runs; what fails is told once and tried again."""
    told = ""
    context = server.config.ssl
    while True:
        await asyncio.sleep(_LOOK)
        end_overdue(server.server_state.connections, asyncio.get_running_loop().time())
        try:
            if renew is not None:
                await asyncio.to_thread(renew)
            if where.tls is not None and context is not None:
                await asyncio.to_thread(where.tls.ensure, datetime.now(UTC))
                if where.tls.load(context):
                    tell("new connections are served with another certificate")
            told = ""
        except (ThwartError, OSError) as error:
            if str(error) != told:
                told = str(error)
                tell(told)


class _Server(uvicorn.Server):
    """uvicorn, with an end that waits for the Service to notice, and an exit code of 0."""

    def __init__(self, config: uvicorn.Config, app: Application, drain: float) -> None:
        super().__init__(config)
        self._app = app
        self._drain = drain
        self._loop = asyncio.get_running_loop()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 - uvicorn's form
        """The first signal begins the end, the second one ends it."""
        if sig == signal.SIGINT or not self._app.ready:
            self.should_exit = True
            return
        self._app.ready = False
        self._loop.call_soon_threadsafe(self._loop.call_later, self._drain, setattr, self, "should_exit", True)
