"""Registries, asked for digests and for what vouches for them, with the credentials that the pods themselves would use."""

from __future__ import annotations

import json
import os
import threading
import time
import weakref
from collections import OrderedDict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct, field
from msgspec.structs import replace

from thwart.api.admission._cluster import Cluster
from thwart.api.admission._images import BUSY, Busy
from thwart.core.config import Registry as Stated
from thwart.core.errors import SourceError
from thwart.core.limits import DEFAULT, Limits
from thwart.core.trust import Judgement
from thwart.lib import json_bounded
from thwart.lib.documents import DocumentError
from thwart.lib.reference import Reference, ReferenceError_, parse

if TYPE_CHECKING:
    from thwart.sources.registry import RegistryStore

_MOST = 256  # repositories whose connections are kept
_LIFE = 300.0  # seconds for which they are: credentials change
_CHILDREN = 256  # images of an index that are looked at

Judge = Callable[[Reference, str, "RegistryStore"], Judgement]
"""The trust side: the image's name, the digest, and the store to ask for evidence beside it; `Judgement` out."""


class RegistryAccess(Struct, frozen=True, kw_only=True):
    """How to reach registries. `seconds` bounds each answer; `cluster` reads pull secrets, None outside of any."""

    registries: tuple[Stated, ...] = ()
    seconds: float = 8.0
    cluster: Cluster | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    limits: Limits = DEFAULT


class Registries:
    """`Registry` of real ones; safe for threads. Nothing is tried twice: a review has no time for that."""

    def __init__(self, access: RegistryAccess, judge: Judge | None = None) -> None:
        self._access = access
        self._judge = judge
        self._limits = replace(access.limits, network_seconds=access.seconds, retries=0)
        self._stores: OrderedDict[tuple[str, ...], tuple[RegistryStore, float]] = OrderedDict()
        self._guard = threading.Lock()

    def digest(self, image: str, secrets: tuple[str, ...], namespace: str) -> str:
        """The digest of the manifest or index that the name stands for now.

        Raises:
            Busy: the registry asks for patience; SourceError: it does not say.
        """
        reference = _parsed(image)
        with _patience():
            return self._store(reference, secrets, namespace).manifest(reference.wanted).digest

    def platforms(self, image: str, digest: str, secrets: tuple[str, ...], namespace: str) -> tuple[str, ...]:
        """The digests of the images in the index of that digest; none where it is no index.

        Raises:
            Busy: the registry asks for patience; SourceError: it does not say.
        """
        with _patience():
            raw = self._store(_parsed(image), secrets, namespace).manifest(digest).raw
        try:
            document = json_bounded.load(raw, max_bytes=len(raw), max_depth=self._limits.json_depth, max_items=100_000)
        except DocumentError as error:
            raise SourceError(f"the manifest of {digest[:19]} is no JSON: {error}") from error
        entries = document.get("manifests") if isinstance(document, dict) else None
        digests = [one.get("digest") for one in entries if isinstance(one, dict)] if isinstance(entries, list) else []
        return tuple(one for one in digests[:_CHILDREN] if isinstance(one, str))

    def judge(self, image: str, digest: str, secrets: tuple[str, ...], namespace: str) -> Judgement:
        """Whether the trust policy is satisfied for that digest.

        Raises:
            Busy: the registry asks for patience; ThwartError: it does not say.
        """
        if self._judge is None:
            raise SourceError("signatures are asked for, and there is no trust policy")
        reference = _parsed(image)
        with _patience():
            return self._judge(reference, digest, self._store(reference, secrets, namespace))

    def _store(self, reference: Reference, secrets: tuple[str, ...], namespace: str) -> RegistryStore:
        """The connections to a repository with what those secrets know; kept for some minutes."""
        key = (reference.registry, reference.repository, namespace, *secrets)
        now = time.monotonic()
        with self._guard:
            found = self._stores.get(key)
            if found is not None and found[1] > now:
                return found[0]
        store = self._connect(reference, secrets, namespace)
        with self._guard:
            self._stores[key] = store, now + _LIFE
            self._stores.move_to_end(key)
            while len(self._stores) > _MOST:
                self._stores.popitem(last=False)  # its connections close when nobody uses it any more
        return store

    def _connect(self, reference: Reference, secrets: tuple[str, ...], namespace: str) -> RegistryStore:
        from thwart.sources.registry import RegistryOptions, RegistryStore, default_auth_files

        access = self._access
        stated = next((one for one in access.registries if one.host == reference.registry), None)
        documents = access.cluster.pull_secrets(namespace, secrets) if access.cluster is not None else ()
        handles = [_in_memory(one) for one in documents]
        files = [Path(f"/proc/self/fd/{handle}") for handle in handles]
        options = RegistryOptions(
            plain_http=bool(stated and stated.plain_http),
            ca=Path(stated.ca) if stated and stated.ca else None,
            client_cert=Path(stated.client_cert) if stated and stated.client_cert else None,
            client_key=Path(stated.client_key) if stated and stated.client_key else None,
            auth_files=(*files, *default_auth_files(access.environment)),
            environment=access.environment,
        )
        store = RegistryStore(reference, options, self._limits)
        for handle in handles:
            weakref.finalize(store, os.close, handle)
        return store


class _patience:  # noqa: N801 - reads as a statement
    """A registry that answers 429 or 5xx is busy, and what is known of it goes on to count."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, SourceError) and error.slug in BUSY:
            raise Busy(error.sentence) from error


def _parsed(image: str) -> Reference:
    try:
        return parse(image)
    except ReferenceError_ as error:
        raise SourceError(f"{image[:100]} is not the name of an image: {error}") from error


def _in_memory(document: Mapping[str, object]) -> int:
    """A handle of a file that is on no disk, with credentials as Docker's `config.json` has them.

    Only `auths` are taken: a pull secret must not choose a program that is run here.
    """
    handle = os.memfd_create("pull-secret", os.MFD_CLOEXEC)
    os.write(handle, json.dumps({"auths": document.get("auths")}).encode())
    return handle
