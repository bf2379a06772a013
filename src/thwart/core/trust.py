"""Trust: what is to be vouched for, what was found beside it, what is trusted, and the judgement."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any

from msgspec import Struct, field

from thwart.core.errors import UsageError
from thwart.core.limits import MIB

VERIFIED, DENIED, UNKNOWN = "verified", "denied", "unknown"
_NONE: Mapping[str, Any] = MappingProxyType({})


class TrustError(UsageError):
    """A key, a certificate, a trusted root or the trust policy that the user gave is wrong (exit 2)."""

    slug = "trust"


class Bounds(Struct, frozen=True, kw_only=True):
    """Upper bounds on evidence; sizes in bytes."""

    pieces: int = 256
    piece_bytes: int = 16 * MIB
    values: int = 500_000  # of one JSON document
    depth: int = 64
    signatures: int = 16  # of one envelope
    subjects: int = 4096  # of one statement
    entries: int = 16  # of a transparency log, in one bundle
    timestamps: int = 32
    certificates: int = 16  # that come with one signature
    path: int = 8  # certificates from leaf to anchor
    steps: int = 64  # signatures of certificates tried while a path is built
    reasons: int = 64


BOUNDS = Bounds()


class Reason(Struct, frozen=True, kw_only=True):
    """Why something was refused or could not be known. `where` is the piece of evidence, as its finder called it."""

    slug: str
    sentence: str
    where: str = ""


class Artifact(Struct, frozen=True, kw_only=True):
    """What is judged: an image (`repository` with its registry) or, without a repository, a file.

    `digests` all belong to the same bytes: `sha256:…` always, `sha384:…` and `sha512:…` where they are known. Of a file,
    `content` is needed only for signatures over the bytes themselves (Ed25519).
    """

    digests: tuple[str, ...]
    repository: str = ""
    tag: str = ""
    media_type: str = ""
    size: int = -1
    content: bytes | None = None


class Piece(Struct, frozen=True, kw_only=True):
    """One untrusted thing that was found. `format` names a module of `trust/formats` and says what `content` is.

    `where` is for the reader: a digest, a tag, a path. `annotations` are those of the layer or manifest, and for a
    detached signature whatever came beside it.
    """

    format: str
    where: str
    content: bytes
    annotations: Mapping[str, str] = field(default_factory=lambda: _NONE)


class Evidence(Struct, frozen=True, kw_only=True):
    """Everything that was found, and what could not be read: with anything `missing`, a denial is only `unknown`."""

    pieces: tuple[Piece, ...] = ()
    missing: tuple[Reason, ...] = ()


class Roots(Struct, frozen=True, kw_only=True):
    """What is trusted, as bytes by the name under which the policy speaks of it.

    keys: public keys (PEM, DER, JWK) or certificates whose key is meant. authorities: certificates in PEM, leaf-side
    first; those that are self-signed, and the last, are anchors. sigstore: `trusted_root.json`. timestamping:
    certificates in PEM of time-stamping authorities. logs, ct_logs: public keys of transparency logs. stores: notation
    trust stores (`ca:acme`, `tsa:acme`, `signingAuthority:acme`), PEM. revoked: certificate revocation lists. pins: root
    keys or root files of Docker Content Trust by repository.
    """

    keys: Mapping[str, bytes] = field(default_factory=lambda: _NONE)
    authorities: Mapping[str, bytes] = field(default_factory=lambda: _NONE)
    sigstore: Mapping[str, bytes] = field(default_factory=lambda: _NONE)
    timestamping: Mapping[str, bytes] = field(default_factory=lambda: _NONE)
    logs: Mapping[str, bytes] = field(default_factory=lambda: _NONE)
    ct_logs: Mapping[str, bytes] = field(default_factory=lambda: _NONE)
    stores: Mapping[str, bytes] = field(default_factory=lambda: _NONE)
    revoked: Mapping[str, bytes] = field(default_factory=lambda: _NONE)
    pins: Mapping[str, bytes] = field(default_factory=lambda: _NONE)


class Identity(Struct, frozen=True, kw_only=True):
    """Who a certificate speaks of. `kind`: `email`, `uri`, `dns`, `other-name` or `distinguished-name`.

    `issuer` is who checked that identity (the OpenID Connect issuer of a Sigstore certificate), empty where nobody says.
    """

    subject: str
    kind: str
    issuer: str = ""


class Moment(Struct, frozen=True, kw_only=True):
    """When a signature certainly existed, and what vouches for it: `timestamp` (RFC 3161), `log`, or `clock` (nothing)."""

    at: datetime
    source: str
    by: str = ""


class Signature(Struct, frozen=True, kw_only=True):
    """A signature that is cryptographically right, over the artifact's digest. Whether it counts is the policy's word.

    `key` is `sha256:` of the signer's SubjectPublicKeyInfo. Without `identity`, that key itself is trusted; with it, the
    authority named `authority` vouches for `identity`. `logs` are the transparency logs proven to hold it. `reference` is
    the image's name as the signer wrote it into a cosign payload.
    """

    format: str
    where: str
    digest: str
    key: str
    identity: Identity | None = None
    authority: str = ""
    moments: tuple[Moment, ...] = ()
    logs: tuple[str, ...] = ()
    annotations: Mapping[str, str] = field(default_factory=lambda: _NONE)
    promised: bool = False  # an SCT of a known certificate log is in the certificate
    sigstore: bool = False  # the authority is from a trusted root: its certificates live for minutes
    first_use: bool = False  # nothing vouches for the root but that it was the first one seen
    reference: str = ""
    notes: tuple[str, ...] = ()


class Attestation(Struct, frozen=True, kw_only=True):
    """A signed in-toto statement about the artifact. `predicate` is what the signer claims, parsed and bounded."""

    signature: Signature
    predicate_type: str
    predicate: Mapping[str, Any]


class Judgement(Struct, frozen=True, kw_only=True):
    """The decision: `verified`, `denied`, or `unknown` (denied, but evidence could not be read).

    `rule` is the scope of the policy that spoke. `reasons` made the decision. `signatures` and `attestations` are those
    that the rule accepted; `refused` says why all others, and all broken evidence, did not count. `remembered` is the
    state to give to the next run (versions of Docker Content Trust files).
    """

    decision: str
    rule: str = ""
    reasons: tuple[Reason, ...] = ()
    signatures: tuple[Signature, ...] = ()
    attestations: tuple[Attestation, ...] = ()
    refused: tuple[Reason, ...] = ()
    remembered: Mapping[str, int] = field(default_factory=lambda: _NONE)
