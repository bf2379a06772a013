"""The files of a Notary (v1) repository: from a folder that mirrors one, or from a live server. Nothing is verified here.

Folders (notary 0.7, `storage/filestore.go`, and what its server answers): `GUN/_trust/tuf/ROLE.json`, `ROLE.SHA256.json` and
`VERSION.ROLE.json`, also under `v2/`; a client's cache, `tuf/GUN/metadata/ROLE.json`, in `~/.notary` or `~/.docker/trust`; or a
folder that holds the files themselves.
"""

from __future__ import annotations

import base64
import binascii
import os
import re
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from stat import S_ISREG
from typing import NamedTuple

from thwart.core.errors import LimitError, SourceError
from thwart.core.limits import Limits
from thwart.core.trust import BOUNDS, Evidence, Piece, Reason
from thwart.lib import json_bounded
from thwart.lib.documents import DocumentError
from thwart.lib.reference import Reference
from thwart.sources._auth import Authenticator
from thwart.sources._container import opened
from thwart.sources._credentials import Credentials
from thwart.sources._registry_answers import refusal
from thwart.sources._registry_errors import NotFoundError
from thwart.sources._registry_http import Answer, Call, Client, Trust
from thwart.sources._url import Url

_NAME = re.compile(
    r"(?:([1-9][0-9]{0,9})\.)?(root|timestamp|snapshot|targets(?:/[-a-z0-9_]+)*)(?:\.([0-9a-f]{64}))?\.json"
)
_GUN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,511}")
_FILES = 4096  # names in a folder that are looked at
_ROOTS = 128
_TIMESTAMP = 1 << 20  # notary, const.go: MaxTimestampSize


class _Named(NamedTuple):
    """A file of a repository by its name: what came first is the order in which the files matter."""

    later: bool
    kind: int
    age: int
    role: str
    path: Path


def read_folder(folder: Path, gun: str) -> Evidence:
    """The files of a repository in a folder; more than are read, or unreadable ones, are `missing`.

    Raises:
        SourceError: nothing in the folder is a Notary repository of that name.
    """
    base = _base(folder, gun)
    pieces: dict[tuple[str, bytes], Piece] = {}
    missing: list[Reason] = []
    named = sorted(_named(base))
    for one in named:
        try:
            content = content_of(one.path)
        except (SourceError, LimitError) as error:
            missing.append(Reason(slug="unreadable", sentence=error.sentence, where=str(one.path)))
            continue
        where = one.path.relative_to(base).as_posix()
        pieces.setdefault((one.role, content), _piece(one.role, where, content))
    if len(pieces) > BOUNDS.pieces:
        sentence = f"only {BOUNDS.pieces} of {len(pieces)} files were read"
        missing.append(Reason(slug="too-many", sentence=sentence, where=str(base)))
    return Evidence(pieces=tuple(pieces.values())[: BOUNDS.pieces], missing=tuple(missing))


class NotaryServer:
    """A server's repository over the API of notary 0.7 (`server/server.go`); every method raises `SourceError`s only."""

    def __init__(
        self,
        home: Url,
        gun: str,
        limits: Limits,
        *,
        trust: Trust | None = None,
        find: Callable[[], Credentials | None] = lambda: None,
        environment: Mapping[str, str] | None = None,
        offline: bool = False,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        if not _GUN.fullmatch(gun) or ".." in gun:
            raise SourceError(f"{gun[:80]!r} is no name of a repository")
        self._home = home
        self._gun = gun
        registry, _, repository = gun.partition("/")
        self._reference = Reference(registry, repository or registry)
        variables = os.environ if environment is None else environment
        self._client = Client(home, limits, sleep, trust or Trust(), variables, offline=offline)
        named = Reference(home.authority, gun)  # the token's scope speaks of the whole name
        self._auth = Authenticator(self._client, named, home.scheme == "http", find)

    def evidence(self) -> Evidence:
        """All files that a verification needs; what cannot be had is `missing`."""
        pieces: list[Piece] = []
        missing: list[Reason] = []
        try:
            for piece in self._files():
                pieces.append(piece)
                if len(pieces) == BOUNDS.pieces:
                    missing.append(Reason(slug="too-many", sentence=f"only {BOUNDS.pieces} files were read"))
                    break
        except (SourceError, LimitError) as error:
            missing.append(Reason(slug=error.slug, sentence=error.sentence, where=str(self._home)))
        return Evidence(pieces=tuple(pieces), missing=tuple(missing))

    def close(self) -> None:
        """Close all connections."""
        self._client.close()

    def _files(self) -> Iterator[Piece]:
        timestamp = self._get("timestamp.json", _TIMESTAMP)
        yield _piece("timestamp", "timestamp.json", timestamp)
        snapshot = yield from self._listed(timestamp, "snapshot")
        root = yield from self._listed(snapshot, "root")
        yield from self._older_roots(root)
        for role in _meta(snapshot):
            if role == "targets" or role.startswith("targets/"):
                yield from self._listed(snapshot, role)

    def _listed(self, by: bytes, role: str) -> Generator[Piece, None, bytes]:
        """A file by the hash that another one states, so that an update in between does not mix two states."""
        stated = _meta(by).get(role, "")
        content = b""
        if stated:
            with suppress(NotFoundError):
                content = self._get(f"{role}.{stated}.json", BOUNDS.piece_bytes)
        content = content or self._get(f"{role}.json", BOUNDS.piece_bytes)
        yield _piece(role, f"{role}.json", content)
        return content

    def _older_roots(self, newest: bytes) -> Iterator[Piece]:
        """From the newest backwards, so that what is cut off by the bound is the oldest."""
        signed = _json(newest).get("signed")
        version = signed.get("version") if isinstance(signed, dict) else None
        last = version if isinstance(version, int) else 1
        for number in range(last - 1, max(0, last - 1 - _ROOTS), -1):
            name = f"{number}.root.json"
            try:
                yield _piece("root", name, self._get(name, BOUNDS.piece_bytes))
            except NotFoundError:
                return

    def _get(self, name: str, bound: int) -> bytes:
        url = self._home._replace(target=f"/v2/{self._gun}/_trust/tuf/{name}")
        used = self._auth.header()
        answer = self._client.send(Call(url=url, authorization=used))
        if answer.status == 401 and answer.url.origin == url.origin:
            answer.discard()
            renewed = self._auth.renew(answer.headers.get("www-authenticate", ""), used)
            if renewed is not None:
                answer = self._client.send(Call(url=url, authorization=renewed))
        if answer.status == 200:
            return answer.read(bound, name)
        raise self._refusal(answer, name)

    def _refusal(self, answer: Answer, name: str) -> SourceError:
        if answer.status == 404:
            answer.close()
            return NotFoundError(f"the Notary server {self._home.authority} has no {name} of {self._gun}")
        return refusal(answer, self._reference, name, self._auth.user, self._auth.hints())


def _piece(role: str, where: str, content: bytes) -> Piece:
    return Piece(format="dct", where=where, content=content, annotations={"role": role})


def _base(folder: Path, gun: str) -> Path:
    """Where the files of the repository are."""
    if _GUN.fullmatch(gun) and ".." not in gun:
        for layout in ("{}/_trust/tuf", "v2/{}/_trust/tuf", "tuf/{}/metadata", "trust/tuf/{}/metadata", "{}/metadata"):
            base = folder / layout.format(gun)
            if base.is_dir():
                return base
    if any(_NAME.fullmatch(path.name) and "root" in path.name for path in folder.glob("*root*.json")):
        return folder
    raise SourceError(f"{folder} holds no files of a Notary repository {gun}", "a file root.json belongs to it")


def _named(base: Path) -> Iterator[_Named]:
    """Current files first, then roots, the newest first, and then whatever else has a number or a hash in its name."""
    for count, path in enumerate(base.rglob("*.json")):
        if count >= _FILES:
            raise LimitError(f"{base} has more than {_FILES} files")
        match = _NAME.fullmatch(path.relative_to(base).as_posix())
        if match:
            number, role, digest = match.groups()
            yield _Named(bool(number or digest), int(role != "root"), -int(number or 0), role, path)


def content_of(path: Path) -> bytes:
    """A regular file, not larger than a piece of evidence may be."""
    with opened(path) as file:
        if not S_ISREG(os.fstat(file.fileno()).st_mode):
            raise SourceError(f"{path} is not a regular file")
        content = file.read(BOUNDS.piece_bytes + 1)
    if len(content) > BOUNDS.piece_bytes:
        raise LimitError(f"{path} has more than {BOUNDS.piece_bytes} bytes")
    return content


def _json(content: bytes) -> Mapping[str, object]:
    bounds = {"max_bytes": BOUNDS.piece_bytes, "max_depth": BOUNDS.depth, "max_items": BOUNDS.values}
    try:
        value = json_bounded.load(content, **bounds)
    except DocumentError as error:
        raise SourceError(f"the Notary server sends what cannot be read: {error.reason}") from None
    return value if isinstance(value, dict) else {}


def _meta(content: bytes) -> dict[str, str]:
    """The roles that a file lists, with their SHA-256 in hexadecimal; only names that may become part of a path."""
    signed = _json(content).get("signed")
    meta = signed.get("meta") if isinstance(signed, dict) else None
    found = {}
    for role, stated in meta.items() if isinstance(meta, dict) else ():
        hashes = stated.get("hashes") if isinstance(stated, dict) else None
        value = hashes.get("sha256") if isinstance(hashes, dict) else None
        if _NAME.fullmatch(f"{role}.json") and isinstance(value, str):
            with suppress(binascii.Error, ValueError):
                found[role] = base64.b64decode(value).hex()
    return found
