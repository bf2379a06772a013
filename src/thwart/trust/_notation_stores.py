"""Trust stores: certificates by `ca:NAME`, `signingAuthority:NAME` and `tsa:NAME`, and who is in them.

Source: Notary Project trust store and trust policy specification, "Trust Store".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from thwart.core.trust import Bounds, TrustError
from thwart.trust import _notation_chain, chain
from thwart.trust._case import RefusedError
from thwart.trust._notation_envelope import AUTHORITY, X509, Envelope
from thwart.trust.anchors import Authority, Window

if TYPE_CHECKING:
    from cryptography import x509

KINDS = ("ca", "signingAuthority", "tsa")
_KIND_OF = {X509: "ca", AUTHORITY: "signingAuthority"}
_MOST = 1024
Store = tuple["x509.Certificate", ...]


def certificates(data: bytes, what: str) -> list[x509.Certificate]:
    """All certificates of a file, in PEM or one in DER.

    Raises:
        TrustError: it holds none, or malformed ones.
    """
    try:
        return chain.load_pem(data, Bounds(certificates=_MOST)) if b"-----BEGIN" in data else [chain.load_der(data)]
    except RefusedError as refused:
        raise TrustError(f"{what}: {refused.sentence}") from None


def read(stores: Mapping[str, bytes]) -> dict[str, Store]:
    """The stores by their names with kind.

    Raises:
        TrustError: a store is empty, malformed, of an unknown kind, or holds what it must not hold.
    """
    parsed = {}
    for name, data in stores.items():
        kind = name.partition(":")[0]
        if kind not in KINDS:
            raise TrustError(
                f"the trust store {name!r} is of no kind that is known", f"the kinds are {', '.join(KINDS)}"
            )
        parsed[name] = tuple(certificates(data, f"the trust store {name!r}"))
        for one in parsed[name]:
            _belongs(one, name, root=kind == "tsa")
        if not parsed[name]:
            raise TrustError(f"the trust store {name!r} holds no certificate")
    return parsed


def _belongs(certificate: x509.Certificate, name: str, *, root: bool) -> None:
    """Authorities and self-signed certificates for signing; of time-stamping authorities only roots."""
    from cryptography import x509
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

    constraints = _notation_chain.extension(certificate, x509.BasicConstraints)
    if constraints is not None and constraints.value.ca and not root:
        return
    try:
        certificate.verify_directly_issued_by(certificate)
    except (InvalidSignature, UnsupportedAlgorithm, ValueError, TypeError):
        kind = "a root certificate" if root else "that of an authority, nor self-signed"
        shown = _notation_chain.named(certificate)
        raise TrustError(f"the certificate of {shown} in the trust store {name!r} is not {kind}") from None


def holding(envelope: Envelope, stores: Mapping[str, Store]) -> str:
    """The name of the store that holds a certificate of the signature's chain, exactly.

    Raises:
        RefusedError: none of the kind that the signing scheme asks for does.
    """
    kind = _KIND_OF[envelope.attributes.scheme]
    for name, store in stores.items():
        if name.partition(":")[0] == kind and set(store) & set(envelope.chain):
            return name
    leaf = _notation_chain.named(envelope.chain[0])
    raise RefusedError("untrusted", f"no certificate in the chain of {leaf} is in a trust store of the kind {kind}")


def stamping(stores: Mapping[str, Store], names: Iterable[str]) -> tuple[Authority, ...]:
    """Each root of the named time-stamping stores, as an authority of its own."""
    return tuple(
        Authority(name=name, certificates=(one,), window=Window())
        for name in names
        if name.startswith("tsa:")
        for one in stores.get(name, ())
    )
