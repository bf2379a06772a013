"""Who we are to a registry: Docker's `config.json`, podman's `auth.json` and credential helpers.

Sources: containers-auth.json(5), the Docker command line's "Credential stores" and "Credential helpers", and the
protocol of docker-credential-helpers (server on standard input, JSON on standard output).
"""

from __future__ import annotations

import base64
import binascii
import json
import os
import re
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Timer
from typing import TYPE_CHECKING, cast

from thwart.lib.reference import DEFAULT_REGISTRY
from thwart.sources._registry_errors import CredentialsError, clean

if TYPE_CHECKING:
    from thwart.core.limits import Limits

_HUB = "https://index.docker.io/v1/"  # the key under which Docker keeps what is for docker.io
_HUB_HOSTS = frozenset({"docker.io", "index.docker.io", "registry-1.docker.io"})
_HELPER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_IDENTITY_USER = "<token>"
_HELPER_BYTES = 65_536

Json = Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """What one registry accepts: user and password, an identity token to trade, or a token to show as it is.

    `origin` says where they come from, in words for messages. Secrets are kept out of `repr`.
    """

    username: str = ""
    password: str = field(default="", repr=False)
    identity_token: str = field(default="", repr=False)
    registry_token: str = field(default="", repr=False)
    origin: str = ""

    @property
    def basic(self) -> str:
        """The value of `Authorization` for user and password (RFC 7617), in UTF-8; empty when there are none."""
        if not self.username and not self.password:
            return ""
        return "Basic " + base64.b64encode(f"{self.username}:{self.password}".encode()).decode()


def default_auth_files(environment: Mapping[str, str]) -> list[Path]:
    """The files in which credentials may be, most important first; they need not exist.

    `REGISTRY_AUTH_FILE` replaces all others, as with podman and skopeo. Otherwise podman's `auth.json`
    (`XDG_RUNTIME_DIR`, `XDG_CONFIG_HOME`) comes before Docker's `config.json` (`DOCKER_CONFIG`, else `HOME`).
    """
    if chosen := environment.get("REGISTRY_AUTH_FILE"):
        return [Path(chosen)]
    home = environment.get("HOME", "")
    files: list[Path] = []
    if runtime := environment.get("XDG_RUNTIME_DIR"):
        files.append(Path(runtime, "containers", "auth.json"))
    if config := environment.get("XDG_CONFIG_HOME") or (home and f"{home}/.config"):
        files.append(Path(config, "containers", "auth.json"))
    if docker := environment.get("DOCKER_CONFIG") or (home and f"{home}/.docker"):
        files.append(Path(docker, "config.json"))
    return files


def find_credentials(
    registry: str, repository: str, files: Sequence[Path], environment: Mapping[str, str], limits: Limits
) -> Credentials | None:
    """What the first file that knows the registry says; None when none does.

    Within a file a helper for this registry comes first, then the general helper, then what is written in the file,
    the most specific key first: `auth.json` may name a namespace or a repository.

    Raises:
        CredentialsError: a file or a helper cannot be used; the message has no secret in it.
    """
    for file in files:
        found = _look_in(file, registry, repository, environment, limits)
        if found is not None:
            return found
    return None


def _look_in(
    file: Path, registry: str, repository: str, environment: Mapping[str, str], limits: Limits
) -> Credentials | None:
    document = _load(file, limits.config_bytes)
    if document is None:
        return None
    helper = _helper(document, registry, file)
    if helper:
        found = _ask_helper(helper, registry, environment, limits.network_seconds)
        if found is not None:
            return found
    entry = _entry(_table(document, "auths", file), registry, repository)
    return None if entry is None else _from_entry(entry, file)


def _load(file: Path, bound: int) -> Json | None:
    try:
        with file.open("rb") as stream:
            raw = stream.read(bound + 1)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as exc:
        raise CredentialsError(f"credentials file {file} cannot be read: {exc.strerror}") from None
    if len(raw) > bound:
        raise CredentialsError(f"credentials file {file} is larger than {bound} bytes")
    if not raw.strip():
        return None
    return _object(raw, f"credentials file {file}")


def _object(raw: bytes, what: str) -> Json:
    try:
        document = json.loads(raw)
    except (ValueError, RecursionError):  # the parser's own words would quote the content
        raise CredentialsError(f"{what} is not JSON") from None
    if not isinstance(document, dict):
        raise CredentialsError(f"{what} is not a JSON object")
    return document


def _table(document: Json, name: str, file: Path) -> Json:
    table = document.get(name)
    if table is None:
        return {}
    if not isinstance(table, dict):
        raise CredentialsError(f"credentials file {file}: {name} is not an object")
    return cast("Json", table)


def _key(text: str) -> str:
    """A key of `auths` as host and path: scheme and the old `/v1/` taken off, Docker Hub's names made one."""
    rest = re.sub(r"^https?://", "", text.strip())
    host, slash, path = rest.partition("/")
    path = re.sub(r"^v[12]$", "", path.strip("/"))
    host = host.lower()
    if host in _HUB_HOSTS:
        host = DEFAULT_REGISTRY
    return f"{host}/{path}" if slash and path else host


def _entry(auths: Json, registry: str, repository: str) -> Json | None:
    """The entry for the repository, its namespaces, then the host."""
    keys: dict[str, Json] = {}
    for text, entry in auths.items():
        if isinstance(entry, dict) and entry:
            keys.setdefault(_key(text), cast("Json", entry))
    path = f"{_key(registry)}/{repository}"
    while True:
        if path in keys:
            return keys[path]
        path, slash, _ = path.rpartition("/")
        if not slash:
            return None


def _from_entry(entry: Json, file: Path) -> Credentials | None:
    username, password = _text(entry, "username"), _text(entry, "password")
    if encoded := _text(entry, "auth"):
        username, password = _decode(encoded, file)
    identity = _text(entry, "identitytoken")
    if username == _IDENTITY_USER:
        username, password, identity = "", "", identity or password
    found = Credentials(
        username=username,
        password=password,
        identity_token=identity,
        registry_token=_text(entry, "registrytoken"),
        origin=str(file),
    )
    return found if found.basic or identity or found.registry_token else None


def _text(entry: Json, name: str) -> str:
    value = entry.get(name)
    return value if isinstance(value, str) else ""


def _decode(encoded: str, file: Path) -> tuple[str, str]:
    try:
        text = base64.b64decode(encoded, validate=True).decode()
    except (binascii.Error, ValueError):
        raise CredentialsError(f"credentials file {file}: an auth entry is not base64") from None
    username, colon, password = text.partition(":")
    if not colon or not username:
        raise CredentialsError(f"credentials file {file}: an auth entry is not user:password")
    return username, password.strip("\0")


def _helper(document: Json, registry: str, file: Path) -> str:
    helpers = _table(document, "credHelpers", file)
    wanted = _key(registry)
    name = next((value for text, value in helpers.items() if _key(text) == wanted), None)
    if name is None:
        name = document.get("credsStore") or ""
    if not isinstance(name, str) or (name and not _HELPER.fullmatch(name)):
        raise CredentialsError(f"credentials file {file} names a credential helper that no program can be called")
    return name


def _ask_helper(name: str, registry: str, environment: Mapping[str, str], seconds: float) -> Credentials | None:
    """Run `docker-credential-NAME get`; None when it has nothing for this registry."""
    program = f"docker-credential-{name}"
    server = _HUB if _key(registry) == DEFAULT_REGISTRY else registry
    code, raw = _run(program, server.encode(), environment, seconds)
    if code != 0:
        said = clean(raw.decode("utf-8", "replace"), 120)
        if "not found" in said:  # the protocol's own sentence: "credentials not found in native keychain"
            return None
        raise CredentialsError(f"{program} failed with exit code {code}: {said or 'it said nothing'}")
    answer = _object(raw, f"the answer of {program}")
    username, secret = _text(answer, "Username"), _text(answer, "Secret")
    if not secret:
        return None
    if username == _IDENTITY_USER:
        return Credentials(identity_token=secret, origin=program)
    return Credentials(username=username, password=secret, origin=program)


def _run(program: str, text: bytes, environment: Mapping[str, str], seconds: float) -> tuple[int, bytes]:
    """Exit code and output of a program, both bounded; its error output is not wanted: it may hold secrets."""
    try:
        process = subprocess.Popen(  # noqa: S603 - the name is checked, there is no shell
            [program, "get"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=dict(environment),
            start_new_session=True,  # so that its children can be ended with it
        )
    except OSError as exc:
        raise CredentialsError(
            f"{program} cannot be run: {(exc.strerror or 'error').lower()}",
            "install it, or take it out of the credentials file (credsStore, credHelpers)",
        ) from None
    expired = Event()

    def end() -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)

    def expire() -> None:
        expired.set()
        end()

    timer = Timer(seconds, expire)
    timer.start()
    try:
        code, raw = _converse(process, text, end)
    finally:
        timer.cancel()
    if expired.is_set():
        raise CredentialsError(f"{program} did not answer within {seconds:g} seconds")
    if len(raw) > _HELPER_BYTES:
        raise CredentialsError(f"{program} answers with more than {_HELPER_BYTES} bytes")
    return code, raw


def _converse(process: subprocess.Popen[bytes], text: bytes, end: Callable[[], None]) -> tuple[int, bytes]:
    """Give the question, take the answer and a byte more than it may have; nothing of the group is left behind."""
    with process:
        try:
            if process.stdin is None or process.stdout is None:
                return -1, b""
            with suppress(BrokenPipeError):
                process.stdin.write(text)
                process.stdin.close()
            raw = process.stdout.read(_HELPER_BYTES + 1)
            if len(raw) > _HELPER_BYTES:
                end()
            return process.wait(), raw
        except BaseException:
            end()
            raise
