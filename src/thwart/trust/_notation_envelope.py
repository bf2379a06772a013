"""Signature envelopes of the Notary Project, JWS and COSE, read to one noun; what is read is not yet trusted.

Source: Notary Project signature specification, "Signature Envelope", with signature-envelope-jws and -cose.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from thwart.core.trust import Artifact, Bounds
from thwart.trust import _notation_chain, _notation_keys
from thwart.trust._case import RefusedError
from thwart.trust._notation_json import strict
from thwart.trust._notation_keys import Algorithm
from thwart.trust._values import number, table, text

if TYPE_CHECKING:
    from cryptography import x509

PAYLOAD = "application/vnd.cncf.notary.payload.v1+json"
PREFIX = "io.cncf.notary."
SCHEME, EXPIRY = PREFIX + "signingScheme", PREFIX + "expiry"
TIMESTAMP, AGENT = PREFIX + "timestampSignature", PREFIX + "signingAgent"
X509, AUTHORITY = "notary.x509", "notary.x509.signingAuthority"
TIME_OF = {X509: PREFIX + "signingTime", AUTHORITY: PREFIX + "authenticSigningTime"}
_UNDERSTOOD = frozenset([SCHEME, EXPIRY, *TIME_OF.values()])
_ATTRIBUTE_TEXT = 100
_BYTES = 4 << 20  # a hundred times what envelopes have


class Attributes(Struct, frozen=True, kw_only=True):
    """What the signer said beside the payload, under the signature. `ignored`: said, not critical, and not known."""

    scheme: str
    signed_at: datetime
    expires: datetime | None
    ignored: tuple[str, ...]


class Envelope(Struct, frozen=True, kw_only=True):
    """One signature. `signed` are the bytes that it is over, `timestamp` the countersignature's token or nothing."""

    algorithm: Algorithm
    signed: bytes
    signature: bytes
    payload: bytes
    attributes: Attributes
    chain: tuple[x509.Certificate, ...]
    timestamp: bytes


class Target(Struct, frozen=True):
    """What the payload speaks of."""

    digest: str
    annotations: Mapping[str, str]


def read(content: bytes, bounds: Bounds) -> Envelope:
    """An envelope whose signature is right under its own certificates, which are as the specification wants them.

    Raises:
        RefusedError: it is malformed, or any of that is not so.
    """
    from thwart.trust import _notation_cose, _notation_jws

    if len(content) > _BYTES:
        raise RefusedError("too-large", f"an envelope of {len(content)} bytes, more than the {_BYTES} that are read")
    if content[:1] == _notation_cose.TAG:
        envelope = _notation_cose.read(content, bounds)
    else:
        envelope = _notation_jws.read(content, bounds)
    _notation_chain.check(envelope.chain)
    leaf = envelope.chain[0]
    wanted = _notation_keys.of(leaf.public_key())
    if envelope.algorithm != wanted:
        raise RefusedError(
            "algorithm", f"it claims {envelope.algorithm.name}, and its certificate's key signs {wanted.name}"
        )
    _notation_keys.verify(leaf, wanted, envelope.signature, envelope.signed)
    return envelope


def attributes(
    protected: Mapping[Any, Any], critical: object, own: Sequence[Any], moment: Callable[[object, str], datetime]
) -> Attributes:
    """The signed attributes, which have the same names in both forms of envelope.

    Args:
        protected: the protected header.
        critical: its list of what must be understood.
        own: the labels by which the form itself calls algorithm, content type and that list.
        moment: how the form writes a time.
    """
    marked = _marked(protected, critical)
    scheme = protected.get(SCHEME)
    if not isinstance(scheme, str) or scheme not in TIME_OF:
        raise RefusedError("scheme", f"the signing scheme {str(scheme)[:_ATTRIBUTE_TEXT]!r} is not known")
    mine = TIME_OF[scheme]
    for name in TIME_OF.values():
        if (name in protected) != (name == mine):
            what = "lacks" if name == mine else "must not have"
            raise RefusedError("malformed", f"a signature of the scheme {scheme} {what} {name}")
    signed_at = moment(protected[mine], mine)
    expires = moment(protected[EXPIRY], EXPIRY) if EXPIRY in protected else None
    if expires is not None and expires <= signed_at:
        raise RefusedError("malformed", "the signature expires before it was made")
    must = {SCHEME, EXPIRY if expires else SCHEME, mine if scheme == AUTHORITY else SCHEME}
    if must - marked:
        raise RefusedError("critical", f"{', '.join(sorted(must - marked))} must be marked as critical")
    reserved = [name for name in protected if str(name).startswith(PREFIX) and name not in _UNDERSTOOD]
    if reserved:
        raise RefusedError("attribute", f"the attribute {reserved[0][:_ATTRIBUTE_TEXT]} asks for what is not done here")
    ignored = tuple(str(name)[:_ATTRIBUTE_TEXT] for name in protected if name not in _UNDERSTOOD and name not in own)
    return Attributes(scheme=scheme, signed_at=signed_at, expires=expires, ignored=ignored)


def _marked(protected: Mapping[Any, Any], critical: object) -> set[str]:
    """RFC 7515 section 4.1.11, RFC 9052 section 3.1: not empty, present, each once, and all of it understood."""
    if not isinstance(critical, list) or not critical:
        raise RefusedError("critical", "the list of critical attributes is missing or empty")
    unknown = [one for one in critical if not isinstance(one, str) or one not in _UNDERSTOOD]
    if unknown:
        shown = str(unknown[0])[:_ATTRIBUTE_TEXT]
        raise RefusedError("critical", f"the attribute {shown!r} is critical, and is not understood here")
    if len(set(critical)) != len(critical):
        raise RefusedError("critical", "an attribute is marked as critical twice")
    absent = [one for one in critical if one not in protected]
    if absent:
        raise RefusedError("critical", f"{absent[0]} is marked as critical, and is not there")
    return set(critical)


def target(envelope: Envelope, artifact: Artifact, bounds: Bounds) -> Target:
    """What was signed, held against the artifact: digest, and size and media type where they are known.

    Raises:
        RefusedError: the payload is malformed, or speaks of another artifact.
    """
    stated = table(strict(envelope.payload, bounds, "the payload"), "targetArtifact")
    digest, size, media_type = text(stated, "digest"), number(stated, "size"), text(stated, "mediaType")
    if digest not in artifact.digests:
        raise RefusedError("wrong-digest", f"the payload is for {digest[:140]!r}, not for this artifact")
    if size is None or isinstance(stated["size"], str) or artifact.size not in (-1, size):
        raise RefusedError("wrong-size", f"the payload is for {size} bytes, and the artifact has {artifact.size}")
    if not media_type or artifact.media_type not in ("", media_type):
        raise RefusedError(
            "wrong-media-type",
            f"the payload is for {media_type[:140]!r}, and the artifact is {artifact.media_type!r}",
        )
    annotations = table(stated, "annotations")
    if not all(isinstance(value, str) for value in annotations.values()):
        raise RefusedError("malformed", "the payload's annotations are not texts")
    return Target(digest, annotations)
