"""Images in a registry: the pull side of the OCI distribution specification 1.1, and what Docker Hub makes of it."""

from __future__ import annotations

import hashlib
import os
import re
import time
import weakref
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from thwart.core.errors import DigestError, LimitError, SourceError
from thwart.core.limits import KIB, Limits
from thwart.lib.reference import DEFAULT_REGISTRY, Reference, ReferenceError_, check_digest, check_tag, split_host
from thwart.sources import ManifestBlob
from thwart.sources._auth import Authenticator
from thwart.sources._credentials import Credentials, default_auth_files, find_credentials
from thwart.sources._registry_answers import ACCEPT, OCI_INDEX, manifest_type, refusal
from thwart.sources._registry_errors import (
    AnswerError,
    BrokenError,
    ForeignLayerError,
    NotFoundError,
    ShortError,
    SizeError,
    StallError,
    clean,
)
from thwart.sources._registry_http import Answer, Call, Client, Tries, Trust
from thwart.sources._url import Url

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

__all__ = ["RegistryOptions", "RegistryStore", "default_auth_files"]

PIECE = 256 * KIB
RENEWED_BY = 8192 * KIB  # progress after which interruptions are counted anew
_PAGES = 32  # of a list of referrers
_NEXT = re.compile(r'<([^<>]{1,4096})>\s*;\s*rel="?next"?\s*$')  # RFC 8288
_HUB_ENDPOINT = "registry-1.docker.io"
_RANGE = re.compile(r"bytes (\d{1,19})-(\d{1,19})/(\d{1,19}|\*)")  # RFC 9110, 14.4


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryOptions:
    """How to reach a registry. There is no way to switch certificate checks off.

    `ca` (PEM) is trusted besides the system's authorities; `client_cert` and `client_key` are shown to the registry
    only. Credentials: `username` and `password` when given, else `docker_config`'s `config.json`, else the first of
    `auth_files` that knows the registry. `environment` (proxies, credential helpers) is the process's own when None.
    """

    plain_http: bool = False
    ca: Path | None = None
    client_cert: Path | None = None
    client_key: Path | None = None
    docker_config: Path | None = None
    auth_files: tuple[Path, ...] = ()
    username: str = ""
    password: str = field(default="", repr=False)
    offline: bool = False
    environment: Mapping[str, str] | None = None


class RegistryStore:
    """Manifests and blobs of one repository. Threads may share it; connections are kept and used again.

    Every method raises `SourceError` or a subclass, whatever the network does.
    """

    def __init__(
        self,
        reference: Reference,
        options: RegistryOptions,
        limits: Limits,
        *,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._reference = reference
        self._options = options
        self._limits = limits
        self._home = _endpoint(reference, options.plain_http)
        environment = os.environ if options.environment is None else options.environment
        self._environment: Mapping[str, str] = environment
        trust = Trust(ca=options.ca, certificate=options.client_cert, key=options.client_key)
        self._client = Client(self._home, limits, sleep, trust, environment, offline=options.offline)
        self._closer = weakref.finalize(self, self._client.close)
        self._auth = Authenticator(self._client, reference, options.plain_http, self._find)

    def manifest(self, reference: str) -> ManifestBlob:
        """The manifest or index for a tag or a digest.

        The digest is computed from the bytes, and compared with the one asked for and the registry's own statement.

        Raises:
            DigestError: the bytes are not what the digest promises. LimitError: more than `manifest_bytes`.
            NotFoundError, UnauthorizedError, …: see `_registry_errors`.
        """
        by_digest = ":" in reference
        _checked(check_digest if by_digest else check_tag, reference)
        where = f"registry {self._home.authority}"
        headers, raw = self._read_manifest(reference)
        digest = _digest_of(raw, reference if by_digest else "sha256:")
        if by_digest and digest != reference:
            raise DigestError(
                f"{where} sends a manifest that is not the one asked for: {digest} instead of {reference}"
            )
        _compare(raw, headers.get("docker-content-digest", ""), where)
        return ManifestBlob(raw, manifest_type(raw, headers.get("content-type", ""), where), digest)

    def blob(self, digest: str, size: int, urls: Sequence[str] = ()) -> Iterator[bytes]:
        """A blob in pieces of 256 KiB or little more; the *caller* verifies the digest.

        `size` is what the descriptor promises, negative when unknown. An interrupted body is resumed where it
        stopped. `urls` are a foreign layer's, which are never fetched: they lead to servers that nobody named.

        Raises:
            SizeError, ShortError: more or fewer bytes than promised. LimitError: more than `layer_bytes`.
            ForeignLayerError: the registry does not hold this layer, only its `urls` do.
        """
        _checked(check_digest, digest)
        if size > self._limits.layer_bytes:
            raise LimitError(
                f"blob {digest} is to have {size} bytes, more than the limit of {self._limits.layer_bytes}"
            )
        return self._pull(digest, size, tuple(urls))

    def referrers(self, digest: str) -> Iterator[bytes]:
        """What refers to a manifest, page by page: indexes (OCI distribution specification 1.1, "Listing Referrers").

        Raises:
            NotFoundError: the registry does not have this API; then the tag `sha256-HEX` may name such an index.
            LimitError: an endless list.
        """
        _checked(check_digest, digest)
        path, prefix = f"referrers/{digest}", f"/v2/{self._reference.repository}/"
        for _ in range(_PAGES):
            answer = self._get(path, digest, ("Accept", OCI_INDEX))
            _refuse_encoding(answer)
            yield answer.read(self._limits.manifest_bytes, f"the referrers of {digest}")
            link = _NEXT.match(answer.headers.get("link", ""))
            if link is None:
                return
            try:  # of the address only the path counts: registries behind proxies misname themselves
                target = answer.url.join(link[1]).target
            except ValueError:
                target = ""
            if not target.startswith(prefix):
                raise AnswerError(f"{answer.url.authority} says that its list goes on elsewhere")
            path = target.removeprefix(prefix)
        raise LimitError(f"registry {self._home.authority} lists referrers of {digest} on more than {_PAGES} pages")

    def close(self) -> None:
        """Close all connections; happens by itself when the store is no longer used."""
        self._closer()

    def _read_manifest(self, reference: str) -> tuple[Mapping[str, str], bytes]:
        """Headers and body; what was interrupted is read again from the beginning."""
        tries = self._client.tries()
        while True:
            answer = self._get(f"manifests/{reference}", reference, ("Accept", ACCEPT))
            _refuse_encoding(answer)
            if answer.status != 200:
                answer.close()
                raise AnswerError(f"{answer.url.authority} sends a part of a manifest, which was not asked for")
            try:
                raw = answer.read(self._limits.manifest_bytes, f"the manifest of {self._reference.familiar()}")
            except StallError:
                raise
            except BrokenError:
                if not tries.again():
                    raise
            else:
                return answer.headers, raw

    def _pull(self, digest: str, size: int, urls: tuple[str, ...]) -> Iterator[bytes]:
        bound = size if size >= 0 else self._limits.layer_bytes
        progress = _Progress(digest, size, bound, self._client.tries())
        while not progress.complete:
            answer = self._open_blob(digest, progress.got, urls)
            try:
                yield from progress.take(answer)
            except BrokenError as exc:
                progress.complete = progress.got == size
                if not progress.complete and not progress.again():
                    raise type(exc)(f"blob {digest} broke off after {progress.got} bytes: {exc.sentence}") from exc
        yield from progress.rest()

    def _open_blob(self, digest: str, start: int, urls: tuple[str, ...]) -> Answer:
        headers = [("Range", f"bytes={start}-")] if start else []
        try:
            answer = self._get(f"blobs/{digest}", digest, *headers)
        except NotFoundError as exc:
            if not urls:
                raise
            raise ForeignLayerError(
                f"layer {digest} is not in registry {self._home.authority}: its image keeps it on another server, "
                f"{clean(urls[0].partition('?')[0], 100)}",
                "foreign layers are not fetched; push the image with its foreign layers, or scan a saved archive",
            ) from exc
        _refuse_encoding(answer)
        return answer

    def _get(self, path: str, wanted: str, *headers: tuple[str, str]) -> Answer:
        """A successful answer (200 or 206), with at most one renewal of the authorization."""
        self._client.refuse_offline()
        url = self._home._replace(target=f"/v2/{self._reference.repository}/{path}")
        used = self._auth.header()
        answer = self._client.send(Call(url=url, headers=headers, authorization=used))
        if answer.status == 401 and answer.url.origin == url.origin:
            answer.discard()
            renewed = self._auth.renew(answer.headers.get("www-authenticate", ""), used)
            if renewed is not None:
                answer = self._client.send(Call(url=url, headers=headers, authorization=renewed))
        if answer.status in (200, 206):
            return answer
        raise refusal(answer, self._reference, wanted, self._auth.user, self._auth.hints())

    def _find(self) -> Credentials | None:
        options = self._options
        if options.username or options.password:
            return Credentials(username=options.username, password=options.password, origin="the environment")
        files = [options.docker_config / "config.json"] if options.docker_config else []
        name = self._reference.registry, self._reference.repository
        return find_credentials(*name, [*files, *options.auth_files], self._environment, self._limits)


class _Progress:
    """How far a blob has come, over several answers."""

    def __init__(self, digest: str, size: int, bound: int, tries: Tries) -> None:
        self.got = 0
        self.complete = False
        self._digest = digest
        self._size = size
        self._bound = bound
        self._tries = tries
        self._renewed_at = 0
        self._kept: list[bytes] = []
        self._kept_bytes = 0

    def take(self, answer: Answer) -> Iterator[bytes]:
        """What an answer adds, in larger pieces; sets `complete` at its proper end."""
        try:
            skip = self._position(answer)
            for piece in answer.stream():
                fresh = piece[skip:] if skip else piece
                skip = max(0, skip - len(piece))
                self._keep(fresh)
                if self._kept_bytes >= PIECE:
                    yield from self.rest()
        finally:
            answer.close()
        if self.got < self._size:
            raise ShortError(f"the answer ends after {self.got} of {self._size} bytes")
        self.complete = True

    def rest(self) -> Iterator[bytes]:
        """What has not been handed on yet."""
        if self._kept:
            piece = b"".join(self._kept)
            self._kept, self._kept_bytes = [], 0
            yield piece

    def again(self) -> bool:
        """Whether to resume; after real progress interruptions count anew."""
        if self.got - self._renewed_at >= RENEWED_BY:
            self._renewed_at = self.got
            self._tries.renew()
        return self._tries.again()

    def _keep(self, piece: bytes) -> None:
        if not piece:
            return
        self.got += len(piece)
        if self.got > self._bound:
            if self._size < 0:
                raise LimitError(f"blob {self._digest} has more than {self._bound} bytes")
            raise SizeError(f"blob {self._digest} has more than the {self._size} bytes that its manifest promises")
        self._kept.append(piece)
        self._kept_bytes += len(piece)

    def _position(self, answer: Answer) -> int:
        """How many bytes of this answer are known already; checks the lengths that it states."""
        start, total = 0, answer.length()
        if answer.status == 206:
            match = _RANGE.fullmatch(answer.headers.get("content-range", ""))
            if match is None or int(match[1]) != self.got or not self.got:
                raise AnswerError(
                    f"{answer.url.authority} sends another part of blob {self._digest} than was asked for"
                )
            start, total = self.got, None if match[3] == "*" else int(match[3])
        if total is not None and self._size >= 0 and total != self._size:
            raise SizeError(
                f"{answer.url.authority} has {total} bytes for blob {self._digest}, its manifest promises {self._size}"
            )
        return self.got - start


def _endpoint(reference: Reference, plain_http: bool) -> Url:
    try:
        host, port = split_host(reference.registry)
    except ReferenceError_ as exc:
        raise SourceError(str(exc)) from None
    if reference.registry == DEFAULT_REGISTRY:
        host = _HUB_ENDPOINT
    scheme = "http" if plain_http else "https"
    return Url(scheme, host.lower(), port or (80 if plain_http else 443), "/")


def _checked(check: Callable[[str], str], text: str) -> None:
    """Digests come from manifests: only what keeps to the grammar may become part of a path."""
    try:
        check(text)
    except ReferenceError_ as exc:
        raise SourceError(str(exc)) from None


def _digest_of(raw: bytes, like: str) -> str:
    algorithm = like.partition(":")[0]
    return f"{algorithm}:{hashlib.new(algorithm, raw).hexdigest()}"


def _compare(raw: bytes, stated: str, where: str) -> None:
    """Compare with `Docker-Content-Digest`, which is optional ("Pulling manifests"); unknown algorithms say nothing."""
    algorithm, colon, _ = stated.partition(":")
    if not stated or (colon and algorithm not in ("sha256", "sha384", "sha512")):
        return
    if _digest_of(raw, stated if colon else "sha256:") != stated:
        raise DigestError(f"{where} sends a manifest that is not what its own header promises: {clean(stated, 140)}")


def _refuse_encoding(answer: Answer) -> None:
    """Content is hashed as it is stored: a server that packs it on the way, unasked, would change it."""
    encoding = answer.headers.get("content-encoding", "").strip().lower()
    if encoding not in ("", "identity"):
        answer.close()
        raise AnswerError(
            f"{answer.url.authority} sends the content encoded ({clean(encoding, 40)}), which was not asked for"
        )
