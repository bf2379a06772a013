"""Writing beside an image: blobs, manifests and tags, into its registry or into an OCI layout on disk.

The push side of the OCI distribution specification 1.1: "Pushing a blob monolithically" (POST then PUT), "Pushing
Manifests", "Pushing Manifests with Subject".
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from thwart.core.errors import DigestError, SourceError
from thwart.core.limits import Limits
from thwart.lib.reference import Reference
from thwart.sources import ManifestBlob, OpenOptions, Store
from thwart.sources._auth import Authenticator
from thwart.sources._container import FolderContainer, read_small
from thwart.sources._registry_answers import refusal
from thwart.sources._registry_errors import AnswerError, NotFoundError, RegistryError, clean
from thwart.sources._registry_http import Answer, Call
from thwart.sources._url import Url
from thwart.sources.layout import LayoutStore
from thwart.sources.oci import json_object
from thwart.sources.pull import reached
from thwart.sources.registry import RegistryOptions, RegistryStore

_REF = "org.opencontainers.image.ref.name"
_ATTEMPTS = 5
_READ_ONLY = frozenset({405, 501})
_KEPT = frozenset({400, 409, 412})  # what registries answer where a tag may not move


class ImmutableError(RegistryError):
    """The registry does not let a tag move."""

    slug = "immutable-tag"


class ReadOnlyError(RegistryError):
    """The registry takes nothing."""

    slug = "read-only"


class ConflictError(SourceError):
    """Somebody else keeps writing the same tag."""

    slug = "conflict"


class Writable(Store, Protocol):
    """A store that takes blobs and manifests."""

    def put_blob(self, content: bytes) -> None:
        """Store a blob, where it is not there yet."""

    def put_manifest(self, raw: bytes, media_type: str, reference: str = "") -> bool:
        """Store a manifest under a tag, or under its digest; whether its subject's referrers list it now."""

    def referrers(self, digest: str) -> Iterator[bytes]:
        """Indexes of what refers to a digest; NotFoundError where nobody can be asked."""


class Change(NamedTuple):
    """What a tag is to name, and the blobs that this needs."""

    manifest: bytes
    blobs: Sequence[bytes] = ()


def update(store: Writable, tag: str, media_type: str, change: Callable[[bytes | None], Change | None]) -> None:
    """Replace what a tag names by what `change` makes of it: None when nothing is left to change.

    Registries know no conditional writes. So the tag is read again right before and after: what another writer put there
    is taken over, not lost, unless it comes between the last look and our write and neither side looks again.

    Raises:
        ConflictError: others were quicker, again and again.
    """
    for _ in range(_ATTEMPTS):
        before = _named(store, tag)
        made = change(before)
        if made is None:
            return
        for blob in made.blobs:
            store.put_blob(blob)
        if _named(store, tag) != before:
            continue
        store.put_manifest(made.manifest, media_type, tag)
        if _named(store, tag) == made.manifest:
            return
    raise ConflictError(f"others keep writing the tag {tag}", "try again when they have finished")


def _named(store: Store, tag: str) -> bytes | None:
    try:
        return store.manifest(tag).raw
    except NotFoundError:
        return None


class _Pushing(Authenticator):
    """Asks for the right to write."""

    def _scopes(self, asked: str) -> list[str]:
        del asked  # a registry asks for reading, until the first write
        return [f"repository:{self._repository}:pull,push"]


class RegistryWriter(RegistryStore):
    """A repository to write to."""

    def __init__(self, reference: Reference, options: RegistryOptions, limits: Limits) -> None:
        super().__init__(reference, options, limits)
        self._auth = _Pushing(self._client, reference, options.plain_http, self._find)

    def put_blob(self, content: bytes) -> None:
        """See `Writable`.

        Raises:
            DigestError: the registry says that it stored something else. RegistryError: it refuses.
        """
        digest = _digest(content)
        if self._has(digest):
            return
        begun = self._send(Call(url=self._at("blobs/uploads/"), method="POST", headers=(("Content-Length", "0"),)), 202)
        begun.discard()
        try:
            to = begun.url.join(begun.headers.get("location", ""))
        except ValueError as error:
            raise AnswerError(f"{begun.url.authority} names no place for a blob: {error}") from None
        if self._home.scheme == "https" and to.scheme != "https":
            raise AnswerError(f"{begun.url.authority} wants the blob sent over plain http, to {to.authority}")
        joint = "&" if "?" in to.target else "?"
        to = to._replace(target=f"{to.target}{joint}digest={digest}")
        headers = (("Content-Type", "application/octet-stream"), *_length(content))
        self._stored(self._send(Call(url=to, method="PUT", headers=headers, content=content), 201), digest)

    def put_manifest(self, raw: bytes, media_type: str, reference: str = "") -> bool:
        """See `Writable`.

        Raises:
            DigestError: the registry says that it stored something else. ImmutableError: the tag may not move.
        """
        digest = _digest(raw)
        url = self._at(f"manifests/{reference or digest}")
        call = Call(url=url, method="PUT", headers=(("Content-Type", media_type), *_length(raw)), content=raw)
        answer = self._send(call, 201, reference)
        self._stored(answer, digest)
        return bool(answer.headers.get("oci-subject"))

    def _has(self, digest: str) -> bool:
        answer = self._authorized(Call(url=self._at(f"blobs/{digest}"), method="HEAD"))
        answer.discard()
        return answer.status == 200

    def _at(self, path: str) -> Url:
        return self._home._replace(target=f"/v2/{self._reference.repository}/{path}")

    def _send(self, call: Call, wanted: int, tag: str = "") -> Answer:
        answer = self._authorized(call)
        if answer.status in (wanted, 200, 201):
            return answer
        raise self._refused(answer, tag)

    def _authorized(self, call: Call) -> Answer:
        """The answer, with at most one renewal of the authorization, which only the registry itself may see."""
        self._client.refuse_offline()
        used = self._auth.header()
        at_home = call.url.origin == self._home.origin
        answer = self._client.send(replace(call, authorization=used if at_home else None))
        if answer.status == 401 and at_home and answer.url.origin == call.url.origin:
            answer.discard()
            renewed = self._auth.renew(answer.headers.get("www-authenticate", ""), used)
            if renewed is not None:
                answer = self._client.send(replace(call, authorization=renewed))
        return answer

    def _refused(self, answer: Answer, tag: str) -> RegistryError:
        status = answer.status
        error = refusal(answer, self._reference, tag or "an upload", self._auth.user, self._auth.hints())
        where = self._home.authority
        if status in _READ_ONLY:
            return ReadOnlyError(f"registry {where} takes no uploads", "is it read-only, or a mirror?")
        if tag and status in _KEPT and any(word in error.sentence.lower() for word in ("immutab", "overw", "exist")):
            return ImmutableError(
                f"registry {where} does not let the tag {tag} move: {clean(error.sentence, 120)}",
                "write referrers, which move no tag: --layout bundle; or exempt tags of signatures from the rule",
            )
        if status in (401, 403):
            return type(error)(error.sentence, "signing needs the right to push to this repository", *error.hints)
        return error

    def _stored(self, answer: Answer, digest: str) -> None:
        answer.discard()
        stated = answer.headers.get("docker-content-digest", "")
        if stated and stated != digest:
            raise DigestError(f"{answer.url.authority} stored {clean(stated, 90)} instead of {digest}")


class LayoutWriter(LayoutStore):
    """An OCI layout in a folder, to write to. Files appear whole or not at all; writers wait for each other."""

    def __init__(self, folder: Path, limits: Limits) -> None:
        super().__init__(FolderContainer(folder), limits)
        self._folder = folder
        self._most = limits.manifest_bytes

    def manifest(self, reference: str) -> ManifestBlob:
        """The manifest of a digest, or under a name of the index."""
        if ":" in reference:
            return super().manifest(reference)
        found = [one for one in self._entries() if _name(one) == reference]
        if not found:
            raise NotFoundError(f"{self._folder} has no {reference}")
        return super().manifest(str(found[0].get("digest", "")))

    def put_blob(self, content: bytes) -> None:
        """See `Writable`."""
        algorithm, _, value = _digest(content).partition(":")
        path = self._folder / "blobs" / algorithm / value
        if not path.exists():
            with self._written():
                path.parent.mkdir(parents=True, exist_ok=True)
                _replace(path, content)

    def put_manifest(self, raw: bytes, media_type: str, reference: str = "") -> bool:
        """See `Writable`; the index of a layout is also its list of referrers."""
        self.put_blob(raw)
        entry: dict[str, Any] = {"mediaType": media_type, "digest": _digest(raw), "size": len(raw)}
        stated = json.loads(raw)
        if stated.get("artifactType"):
            entry["artifactType"] = stated["artifactType"]
        if reference:
            entry["annotations"] = {_REF: reference}
        with self._written(), _locked(self._folder):
            index = dict(self._index())
            others = [one for one in self._entries() if (_name(one) != reference if reference else one != entry)]
            index["manifests"] = [*others, entry]
            _replace(self._folder / "index.json", json.dumps(index, indent=1).encode())
        return "subject" in stated

    def referrers(self, digest: str) -> Iterator[bytes]:
        """A layout has no such list but its index."""
        raise NotFoundError(f"{self._folder} is no registry that lists what refers to {digest}")

    def _index(self) -> dict[str, Any]:
        raw = read_small(FolderContainer(self._folder), "index.json", self._most)
        return dict(json_object(raw, f"the index of {self._folder}"))

    def _entries(self) -> list[dict[str, Any]]:
        entries = self._index().get("manifests")
        return [one for one in entries if isinstance(one, dict)] if isinstance(entries, list) else []

    @contextlib.contextmanager
    def _written(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise SourceError(
                f"the layout {self._folder} cannot be written: {error.strerror}", "is it read-only?"
            ) from None


def repository(reference: Reference, options: OpenOptions, limits: Limits) -> RegistryWriter:
    """The repository of a reference, to be written to.

    Raises:
        SourceError: the network is switched off.
    """
    return RegistryWriter(reference, reached(reference, options), limits)


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _replace(path: Path, content: bytes) -> None:
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".thwart-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(temporary).unlink()
        raise


def _name(entry: dict[str, Any]) -> str:
    notes = entry.get("annotations")
    return str(notes.get(_REF, "")) if isinstance(notes, dict) else ""


def _length(content: bytes) -> tuple[tuple[str, str], ...]:
    """The client counts what it sends; only nothing has to be counted here."""
    return () if content else (("Content-Length", "0"),)


def _digest(content: bytes) -> str:
    return "sha256:" + hashlib.sha256(content).hexdigest()
