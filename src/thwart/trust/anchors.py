"""What is trusted, parsed once: keys, authorities, transparency logs, time-stamping authorities."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from thwart.core.trust import BOUNDS, Bounds, Roots, TrustError
from thwart.trust import chain, keys
from thwart.trust._case import RefusedError
from thwart.trust._values import binary, document, instant, table, tables, text
from thwart.trust.keys import Key

if TYPE_CHECKING:
    from cryptography import x509

_ALWAYS = datetime.min.replace(tzinfo=UTC)
_MEDIA_TYPES = (
    "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
    "application/vnd.dev.sigstore.trustedroot.v0.2+json",
)
_MOST = 256


class Window(Struct, frozen=True, kw_only=True):
    """When something is to be trusted: a closed interval (sigstore_common.proto, TimeRange)."""

    start: datetime = _ALWAYS
    end: datetime | None = None

    def covers(self, at: datetime) -> bool:
        """Whether the moment is in it, both ends included."""
        return self.start <= at and (self.end is None or at <= self.end)


class Authority(Struct, frozen=True, kw_only=True):
    """Certificates under one name, from the leaf's side to the root. `sigstore`: it is from a trusted root."""

    name: str
    certificates: tuple[x509.Certificate, ...]
    window: Window
    sigstore: bool = False

    @property
    def anchors(self) -> list[x509.Certificate]:
        """Where paths may end: what signs itself, and the last in any case."""
        return [one for one in self.certificates if chain.self_signed(one) or one is self.certificates[-1]]


class Log(Struct, frozen=True, kw_only=True):
    """A transparency log. `id` is its identifier: SHA-256 of the key, or what the trusted root says."""

    name: str
    id: bytes
    key: Key
    window: Window


class Anchors(Struct, frozen=True, kw_only=True):
    """Everything that is trusted. `raw` keeps what the formats read themselves: stores, pins and revocation lists."""

    keys: Mapping[str, Key]
    authorities: tuple[Authority, ...]
    logs: tuple[Log, ...]
    ct_logs: tuple[Log, ...]
    timestamping: tuple[Authority, ...]
    raw: Roots


def read_roots(roots: Roots, bounds: Bounds = BOUNDS) -> Anchors:
    """Parse what the user trusts.

    Raises:
        TrustError: any of it is malformed; trust that is half read would be worse than none.
    """
    authorities = [_authority(name, data, bounds) for name, data in roots.authorities.items()]
    timestamping = [_authority(name, data, bounds) for name, data in roots.timestamping.items()]
    logs = [_log(name, data) for name, data in roots.logs.items()]
    ct_logs = [_log(name, data) for name, data in roots.ct_logs.items()]
    for name, data in roots.sigstore.items():
        try:
            root = _trusted_root(name, data, bounds)
        except RefusedError as refused:
            raise TrustError(f"the trusted root {name!r}: {refused.sentence}") from None
        authorities += root.authorities
        timestamping += root.timestamping
        logs += root.logs
        ct_logs += root.ct_logs
    return Anchors(
        keys={name: keys.read(data, name) for name, data in roots.keys.items()},
        authorities=tuple(authorities),
        logs=tuple(logs),
        ct_logs=tuple(ct_logs),
        timestamping=tuple(timestamping),
        raw=roots,
    )


def _authority(name: str, data: bytes, bounds: Bounds) -> Authority:
    try:
        return Authority(name=name, certificates=tuple(chain.load_pem(data, bounds)), window=Window())
    except RefusedError as refused:
        raise TrustError(f"the authority {name!r}: {refused.sentence}") from None


def _log(name: str, data: bytes) -> Log:
    key = keys.read(data, name)
    return Log(name=name, id=hashlib.sha256(key.spki).digest(), key=key, window=Window())


def _trusted_root(name: str, data: bytes, bounds: Bounds) -> Anchors:
    """sigstore_trustroot.proto, TrustedRoot. Entries of unknown kinds of keys are left out, as the protocol grows."""
    root = document(data, bounds, "it")
    if text(root, "mediaType") not in _MEDIA_TYPES:
        raise RefusedError("media-type", f"its media type is {text(root, 'mediaType')[:80]!r}")
    return Anchors(
        keys={},
        authorities=tuple(_listed_authorities(root, "certificateAuthorities", name, bounds)),
        logs=tuple(_listed_logs(root, "tlogs", name)),
        ct_logs=tuple(_listed_logs(root, "ctlogs", name)),
        timestamping=tuple(_listed_authorities(root, "timestampAuthorities", name, bounds)),
        raw=Roots(),
    )


def _listed_authorities(root: Mapping[str, Any], key: str, name: str, bounds: Bounds) -> Iterator[Authority]:
    for one in tables(root, key, _MOST):
        listed = tables(table(one, "certChain"), "certificates", bounds.certificates)
        certificates = tuple(chain.load_der(binary(entry, "rawBytes")) for entry in listed)
        if certificates:
            yield Authority(name=name, certificates=certificates, window=_window(one), sigstore=True)


def _listed_logs(root: Mapping[str, Any], key: str, name: str) -> Iterator[Log]:
    for one in tables(root, key, _MOST):
        public = table(one, "publicKey")
        label = text(one, "baseUrl").partition("://")[2] or name
        window = _window(public)
        try:
            parsed = keys.read(binary(public, "rawBytes"), label)
        except TrustError:
            continue
        identifier = binary(table(one, "logId"), "keyId") or hashlib.sha256(parsed.spki).digest()
        yield Log(name=label, id=identifier, key=parsed, window=window)


def _window(one: Mapping[str, Any]) -> Window:
    valid = table(one, "validFor")
    start, end = instant(text(valid, "start")), instant(text(valid, "end"))
    if start is None or (text(valid, "end") and end is None):
        raise RefusedError("malformed", "an entry does not say from when it is valid")
    return Window(start=start, end=end)
