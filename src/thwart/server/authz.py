"""The authorization plugin of a Docker host: three questions of the engine over a Unix socket.

Source: Docker, "Access authorization plugin": `/Plugin.Activate`, `/AuthZPlugin.AuthZReq`, `/AuthZPlugin.AuthZRes`.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol
from urllib.parse import quote

import msgspec

from thwart.api.admission import Decision
from thwart.api.authz import Authorization, Known, Request
from thwart.core.errors import SourceError
from thwart.core.limits import DEFAULT
from thwart.server._asgi import Receive, Scope, Send, body_of, respond

_THREADS = 16
_MOST = 16 << 20  # bytes of a question: a body of 1 MiB in base64, headers and certificates
_KIND = b"application/vnd.docker.plugins.v1.1+json"
_REASONS = 5


class _Question(msgspec.Struct):
    """What the engine sends, under its own names."""

    RequestMethod: str = ""
    RequestUri: str = ""
    RequestBody: str | None = None
    User: str = ""


_DECODER = msgspec.json.Decoder(_Question)


class Deciding(Protocol):
    """Who decides by now."""

    @property
    def current(self) -> Authorization:
        """It may be another after the policy has changed."""


class App:
    """The ASGI application. Whatever goes wrong refuses, except what only reads."""

    def __init__(self, deciding: Deciding, note: Callable[[Decision], None] | None = None) -> None:
        self._deciding = deciding
        self._note = note
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="request")
        self.ready = True

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request (ASGI 3)."""
        if scope["type"] != "http":
            return
        path = scope["path"]
        if path == "/Plugin.Activate":
            await respond(send, 200, _KIND, b'{"Implements":["authz"]}')
        elif path == "/AuthZPlugin.AuthZReq":
            decision = await self._decided(await body_of(receive, _MOST))
            if self._note is not None and decision.outcome != "ignored":
                self._note(decision)
            await respond(send, 200, _KIND, _answer(decision))
        elif path == "/AuthZPlugin.AuthZRes":
            await respond(send, 200, _KIND, b'{"Allow":true}')
        else:
            await respond(send, 404, b"text/plain", b"nothing is here\n")

    async def _decided(self, body: bytes | None) -> Decision:
        try:
            question = _DECODER.decode(body or b"")
            stated = question.RequestBody
            data = base64.b64decode(stated, validate=True) if stated is not None else None
        except (msgspec.MsgspecError, RecursionError, binascii.Error, UnicodeDecodeError):
            return Decision("deny", "", "a request", ("the engine's question cannot be read",), allowed=False)
        request = Request(question.RequestMethod, question.RequestUri, data, question.User)
        authorization = self._deciding.current
        if request.method in ("GET", "HEAD"):  # at once: this plugin asks the engine too, and waits for the answer
            return authorization.decide(request)
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, authorization.decide, request)
        except Exception as error:  # noqa: BLE001 - a plugin that fails has not approved
            why = f"thwart failed where it never should ({type(error).__name__})"
            return Decision("deny", "", request.uri, (why,), allowed=False)


def _answer(decision: Decision) -> bytes:
    if decision.allowed:
        return b'{"Allow":true}'
    return msgspec.json.encode({"Allow": False, "Msg": f"thwart: {'; '.join(decision.reasons[:_REASONS])}"})


class DockerEngine:
    """The engine behind a socket, asked for images."""

    def __init__(self, socket: str) -> None:
        self._socket = socket

    def image(self, name: str) -> Known | None:
        """What it knows of an image; None where it has none of that name.

        Raises:
            SourceError: it does not answer.
        """
        from thwart.sources._engine_wire import EngineError, Wire

        wire = Wire(self._socket, DEFAULT)
        try:
            found = wire.get(f"/images/{quote(name, safe='/:@')}/json")
        except EngineError as error:
            if error.status == 404:
                return None
            raise SourceError(f"the engine does not tell what {name[:100]} is: {error.reason}") from error
        finally:
            wire.close()
        if not isinstance(found, dict) or not isinstance(found.get("Id"), str):
            raise SourceError(f"the engine does not tell what {name[:100]} is")
        config, digests = found.get("Config"), found.get("RepoDigests")
        user = config.get("User") if isinstance(config, dict) else ""
        stated = tuple(one for one in digests if isinstance(one, str)) if isinstance(digests, list) else ()
        return Known(found["Id"], stated, user if isinstance(user, str) else "")
