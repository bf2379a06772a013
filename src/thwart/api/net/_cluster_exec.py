"""Programs that others wrote, run with bounds on time and output; and what a kubeconfig's own program answers."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from threading import Event, Thread, Timer
from typing import IO, Any

import msgspec
from msgspec import Struct

from thwart.core.errors import SourceError
from thwart.sources._registry_errors import clean

APIS = ("client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1")
SECONDS = 60.0  # somebody may have to touch a key
_ANSWER = 1 << 20  # bytes of credentials
_COMPLAINT = 1 << 16  # bytes of a program's error output that are kept


class Done(Struct, frozen=True):
    """How a program ended: exit code, output, and the beginning of its error output."""

    code: int
    out: bytes
    complaint: str


class Plugin(Struct, frozen=True, kw_only=True):
    """`users[].user.exec` of a kubeconfig: what to run for credentials."""

    command: str
    arguments: tuple[str, ...]
    environment: Mapping[str, str]
    api: str
    hint: str
    cluster: Mapping[str, Any] | None  # what the program is told of the cluster, where it is to be told


class Secret(Struct, frozen=True, kw_only=True):
    """Credentials for one cluster. `certificate` and `key` are PEM."""

    token: str = ""
    username: str = ""
    password: str = ""
    certificate: bytes = b""
    key: bytes = b""


def run_bounded(
    command: Sequence[str],
    *,
    environment: Mapping[str, str],
    seconds: float,
    most: int,
    folder: Path | None = None,
    heard: bool = True,
) -> Done:
    """Run a program without a shell and without input.

    Args:
        most: bytes that it may write to its output.
        folder: where it runs; by default here.
        heard: whether to keep its error output, rather than let the user see it.

    Raises:
        SourceError: it cannot be run, takes longer or writes more than it may. It and its children are ended then.
    """
    try:
        process = subprocess.Popen(  # noqa: S603 - no shell, and each part is an argument of its own
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE if heard else None,
            env=dict(environment),
            cwd=folder,
            start_new_session=True,  # so that its children can be ended with it
        )
    except (OSError, ValueError) as error:
        reason = (getattr(error, "strerror", "") or "error").lower()
        raise SourceError(f"{clean(command[0], 120)} cannot be run: {reason}") from None
    expired = Event()

    def expire() -> None:
        expired.set()
        _end(process)

    timer = Timer(seconds, expire)
    timer.start()
    try:
        done = _gather(process, most)
    finally:
        timer.cancel()
    if expired.is_set():
        raise SourceError(f"{clean(command[0], 120)} did not finish within {seconds:g} seconds")
    if len(done.out) > most:
        raise SourceError(f"{clean(command[0], 120)} writes more than {most} bytes")
    return done


def _gather(process: subprocess.Popen[bytes], most: int) -> Done:
    complaint = bytearray()
    listener = Thread(target=_listen, args=(process.stderr, complaint), daemon=True)
    with process:
        try:
            listener.start()
            out = process.stdout.read(most + 1) if process.stdout else b""
            if len(out) > most:
                _end(process)
            code = process.wait()
            listener.join(1.0)  # a child that left the group may keep it open
        except BaseException:
            _end(process)
            raise
    return Done(code, out, complaint.decode("utf-8", "replace"))


def _listen(stream: IO[bytes] | None, kept: bytearray) -> None:
    while stream is not None and (piece := os.read(stream.fileno(), _COMPLAINT)):
        kept.extend(piece[: _COMPLAINT - len(kept)])


def _end(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


class _Status(msgspec.Struct, rename="camel"):
    token: str | None = None
    client_certificate_data: str | None = None
    client_key_data: str | None = None


class _Credential(msgspec.Struct, rename="camel"):
    api_version: str | None = None
    kind: str | None = None
    status: _Status | None = None


def ask(plugin: Plugin, environment: Mapping[str, str], seconds: float = SECONDS) -> Secret:
    """Run the program that the user's kubeconfig names for credentials (client.authentication.k8s.io).

    Raises:
        SourceError: it fails, or answers with something else.
    """
    spec: dict[str, Any] = {"interactive": False}
    if plugin.cluster is not None:
        spec["cluster"] = plugin.cluster
    question = {"apiVersion": plugin.api, "kind": "ExecCredential", "spec": spec}
    told = {**environment, **plugin.environment, "KUBERNETES_EXEC_INFO": msgspec.json.encode(question).decode()}
    name = clean(plugin.command, 120)
    hints = [clean(plugin.hint)] if plugin.hint else []
    try:
        done = run_bounded(
            [plugin.command, *plugin.arguments], environment=told, seconds=seconds, most=_ANSWER, heard=False
        )
    except SourceError as error:
        raise SourceError(f"credentials cannot be had: {error.sentence}", *hints) from None
    if done.code != 0:
        raise SourceError(f"{name}, which the kubeconfig names for credentials, ended with {done.code}", *hints)
    return _secret(done.out, plugin, name)


def _secret(out: bytes, plugin: Plugin, name: str) -> Secret:
    try:
        answer = msgspec.json.decode(out, type=_Credential)
    except (msgspec.MsgspecError, ValueError, RecursionError):  # the answer itself is not shown: it has secrets
        raise SourceError(f"{name} does not answer with an ExecCredential") from None
    if answer.kind != "ExecCredential" or answer.api_version != plugin.api:
        raise SourceError(f"{name} does not answer with an ExecCredential of {plugin.api}")
    status = answer.status or _Status()
    if bool(status.client_certificate_data) != bool(status.client_key_data):
        raise SourceError(f"{name} answers with a certificate or a key alone")
    if not (status.token or status.client_certificate_data):
        raise SourceError(f"{name} answers with neither a token nor a certificate")
    return Secret(
        token=status.token or "",
        certificate=(status.client_certificate_data or "").encode(),
        key=(status.client_key_data or "").encode(),
    )
