"""What files of keys, certificates and trusted roots hold, described."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from thwart import trust
from thwart.api._trusting import read_file
from thwart.core.errors import UsageError
from thwart.core.trust import Roots, TrustError
from thwart.trust import chain, keys
from thwart.trust._case import RefusedError
from thwart.trust.anchors import Authority, Log

if TYPE_CHECKING:
    from cryptography import x509

VALID, EXPIRED, FUTURE = "valid", "expired", "not yet valid"
_MOST = 1000  # files of a trust store


class Described(NamedTuple):
    """A key or certificate. `start` and `end` bound its validity; a bare key has neither."""

    kind: str
    fingerprint: str
    name: str = ""
    identity: str = ""
    start: datetime | None = None
    end: datetime | None = None

    def state(self, now: datetime) -> str:
        """`valid`, `expired` or `not yet valid`."""
        if self.end is not None and self.end < now:
            return EXPIRED
        return FUTURE if self.start is not None and self.start > now else VALID

    def validity(self, state: str) -> str:
        """From when to when, in a phrase; empty for bare keys."""
        if self.start is None:
            return ""
        return f"{self.start:%Y-%m-%d} to {f'{self.end:%Y-%m-%d}' if self.end else 'now'}, {state}"


def keys_in(path: Path) -> list[Described]:
    """The keys and certificates of a file.

    Raises:
        TrustError: it holds none.
    """
    data = read_file(path)
    if b"-----BEGIN CERTIFICATE-----" not in data:
        key = keys.read(data, path.name)
        return [Described(_kind(key.public), key.fingerprint)]
    try:
        return [_certificate(one) for one in chain.load_pem(data)]
    except RefusedError as refused:
        raise TrustError(f"{path}: {refused.sentence}") from None


def roots_in(path: Path) -> list[Described]:
    """What a trusted root of Sigstore, a file of certificates, or a folder of either (a trust store) holds.

    Raises:
        TrustError: a file is none of these. UsageError: the folder is empty, or too full to be a trust store.
    """
    if path.is_dir():
        files = sorted(one for one in path.rglob("*") if one.is_file())
        if not 0 < len(files) <= _MOST:
            raise UsageError(f"{path} holds {len(files)} files, where a trust store has 1 to {_MOST}")
        return [described for file in files for described in roots_in(file)]
    data = read_file(path)
    if data.lstrip()[:1] != b"{" or b'"kty"' in data:
        return keys_in(path)
    return list(_trusted_root(trust.read_roots(Roots(sigstore={path.name: data}))))


def _trusted_root(anchors: trust.Anchors) -> Iterator[Described]:
    for kind, authorities in (("authority", anchors.authorities), ("time-stamping", anchors.timestamping)):
        for authority in authorities:
            yield _authority(kind, authority)
    for kind, logs in (("transparency log", anchors.logs), ("certificate log", anchors.ct_logs)):
        for log in logs:
            yield _log(kind, log)


def _authority(kind: str, authority: Authority) -> Described:
    """An authority ends when its window does, or the first of its certificates."""
    ends = [one.not_valid_after_utc for one in authority.certificates]
    end = min([*ends, *([authority.window.end] if authority.window.end else [])])
    first = _certificate(authority.certificates[0])
    return Described(kind, first.fingerprint, first.name, "", max(authority.window.start, first.start or end), end)


def _log(kind: str, log: Log) -> Described:
    return Described(
        f"{kind}, {_kind(log.key.public)}", log.key.fingerprint, log.name, "", log.window.start, log.window.end
    )


def _certificate(certificate: x509.Certificate) -> Described:
    from cryptography.exceptions import UnsupportedAlgorithm

    try:
        key = keys.of(certificate.public_key(), "certificate")
        kind, fingerprint = _kind(key.public), key.fingerprint
    except (ValueError, TypeError, UnsupportedAlgorithm):
        kind, fingerprint = "a kind of key that is not accepted", ""
    names = [f"{one.subject} ({one.issuer})" if one.issuer else one.subject for one in chain.identities(certificate)]
    return Described(
        f"certificate, {kind}",
        fingerprint,
        chain.name_of(certificate),
        ", ".join(names),
        certificate.not_valid_before_utc,
        certificate.not_valid_after_utc,
    )


def _kind(public: Any) -> str:  # noqa: ANN401 - cryptography's key types have no common one
    curve, size = getattr(public, "curve", None), getattr(public, "key_size", 0)
    if curve is not None:
        return f"ECDSA {curve.name}"
    return f"RSA {size}" if size else "Ed25519"
