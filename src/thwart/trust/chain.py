"""Certification paths at a moment, under anchors that the user chose (RFC 5280 section 6.1).

Own, because `cryptography`'s verifier keeps to the web's profile: it refuses leaves without a subject alternative name or
with an otherName, and keys of Ed25519, all of which sign containers. Validity is judged of the whole path, anchor
included, at the trusted time of the signature ("hybrid model" of Sigstore's client specification, section "Chain").
Not done, since no such certificate signs here: policy mapping and policy constraints (6.1.3 d-f), which when critical
make a path unacceptable.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from thwart.core.trust import BOUNDS, Bounds, Identity
from thwart.trust._case import RefusedError

if TYPE_CHECKING:
    from cryptography import x509

_E = TypeVar("_E", bound="x509.ExtensionType")
_KNOWN = frozenset(
    ["2.5.29.15", "2.5.29.17", "2.5.29.19", "2.5.29.30", "2.5.29.37", "2.5.29.14", "2.5.29.35", "2.5.29.32"]
)
_WEAK = frozenset({"md5", "sha1"})
CODE_SIGNING = "1.3.6.1.5.5.7.3.3"
TIME_STAMPING = "1.3.6.1.5.5.7.3.8"
_ANY_PURPOSE = "2.5.29.37.0"
_ISSUER_OLD, _ISSUER = "1.3.6.1.4.1.57264.1.1", "1.3.6.1.4.1.57264.1.8"
_USER_NAME = "1.3.6.1.4.1.57264.1.7"


def load_pem(data: bytes, bounds: Bounds = BOUNDS) -> list[x509.Certificate]:
    """All certificates of a PEM text.

    Raises:
        RefusedError: none, too many, or malformed.
    """
    from cryptography import x509

    if data.count(b"-----BEGIN CERTIFICATE-----") > bounds.certificates:
        raise RefusedError("too-many", f"more than {bounds.certificates} certificates")
    try:
        return _sound(lambda: x509.load_pem_x509_certificates(data))
    except _malformed():
        raise RefusedError("malformed", "a certificate cannot be read") from None


def load_der(data: bytes) -> x509.Certificate:
    """A certificate in DER.

    Raises:
        RefusedError: it is malformed.
    """
    from cryptography import x509

    try:
        return _sound(lambda: [x509.load_der_x509_certificate(data)])[0]
    except _malformed():
        raise RefusedError("malformed", "a certificate cannot be read") from None


def _sound(load: Callable[[], list[x509.Certificate]]) -> list[x509.Certificate]:
    """Read at once what `cryptography` reads late, and remembers: later nothing of it can fail, or warn of odd names."""
    import warnings

    with warnings.catch_warnings(action="ignore"):
        certificates = load()
        for one in certificates:
            _ = one.subject, one.issuer, one.extensions, one.signature_hash_algorithm
            _ = one.not_valid_before_utc, one.not_valid_after_utc
    return certificates


def issued_as(one: Any) -> tuple[x509.Name, int]:  # noqa: ANN401 - a certificate, or the signer of a timestamp
    """The issuer and the serial number, without a warning where they are odd.

    Raises:
        ValueError: a signer's are malformed.
    """
    import warnings

    with warnings.catch_warnings(action="ignore"):
        return one.issuer, one.serial_number


def _malformed() -> tuple[type[Exception], ...]:
    """What `cryptography` raises for certificates that are none; not all of it is a ValueError."""
    from cryptography import x509
    from cryptography.exceptions import UnsupportedAlgorithm

    odd = (x509.InvalidVersion, x509.DuplicateExtension, x509.UnsupportedGeneralNameType, UnsupportedAlgorithm)
    return ValueError, TypeError, OverflowError, *odd


def build(
    leaf: x509.Certificate,
    others: Sequence[x509.Certificate],
    anchors: Sequence[x509.Certificate],
    at: datetime,
    purpose: str,
    bounds: Bounds = BOUNDS,
) -> tuple[x509.Certificate, ...]:
    """The path from the leaf to an anchor, both included, valid at `at` for this extended key usage.

    Raises:
        RefusedError: there is none; with the reason of the path that came furthest.
    """
    search = _Search(others, anchors, at, purpose, bounds)
    try:
        _leaf(leaf, at, purpose)
        found = search.from_(leaf, (leaf,))
    except _malformed() as error:  # a key of an unknown kind
        raise RefusedError(
            "certificate", f"a certificate is malformed: {str(error).partition(chr(10))[0][:100]}"
        ) from None
    if found is None:
        raise search.refusal or RefusedError(
            "untrusted", f"no trusted authority issued the certificate of {name_of(leaf)}"
        )
    return found


def identities(leaf: x509.Certificate) -> list[Identity]:
    """Whom the certificate speaks of: its alternative names, else its subject."""
    from cryptography import x509

    issuer = oidc_issuer(leaf)
    try:
        names: Iterable[x509.GeneralName] = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        names = ()
    except ValueError:
        raise RefusedError("certificate", "the certificate's names are malformed") from None
    found = [one for name in names if (one := _identity(name, issuer)) is not None]
    return found or [Identity(subject=leaf.subject.rfc4514_string(), kind="distinguished-name", issuer=issuer)]


def oidc_issuer(leaf: x509.Certificate) -> str:
    """Who checked the identity of a Sigstore certificate: OID …57264.1.8 (a UTF8String), or 1.1 (bare bytes)."""
    values: dict[str, bytes] = {}
    for extension in leaf.extensions:
        oid = extension.oid.dotted_string
        if oid in (_ISSUER, _ISSUER_OLD):
            values[oid] = getattr(extension.value, "value", b"")
    if _ISSUER in values:
        return _utf8_string(values[_ISSUER])
    return values.get(_ISSUER_OLD, b"").decode("utf-8", "replace")


def name_of(certificate: x509.Certificate) -> str:
    """A short name for a reader."""
    try:
        return identities(certificate)[0].subject[:120] or "nobody"
    except (RefusedError, ValueError):
        return "nobody"


def self_signed(certificate: x509.Certificate) -> bool:
    """Whether it names itself as its issuer (RFC 5280 section 3.2: self-issued)."""
    return certificate.subject == certificate.issuer


class _Search:
    """A bounded walk through the issuers, depth first."""

    def __init__(
        self,
        others: Sequence[x509.Certificate],
        anchors: Sequence[x509.Certificate],
        at: datetime,
        purpose: str,
        bounds: Bounds,
    ) -> None:
        self._anchors = anchors
        self._others = others[: bounds.certificates]
        self._at = at
        self._purpose = purpose
        self._bounds = bounds
        self._steps = 0
        self.refusal: RefusedError | None = None

    def from_(self, child: x509.Certificate, path: tuple[x509.Certificate, ...]) -> tuple[x509.Certificate, ...] | None:
        if len(path) > self._bounds.path:
            return None
        if len(path) == 1 and child in self._anchors:  # a pinned leaf is its own path
            return path
        for parent, anchored in self._issuers(child):
            if parent in path or not self._issued(child, parent):
                continue
            longer = (*path, parent)
            try:
                _authority(parent, longer, self._at, self._purpose)
            except RefusedError as refusal:
                self.refusal = refusal
                continue
            if anchored:
                return longer
            found = self.from_(parent, longer)
            if found is not None:
                return found
        return None

    def _issuers(self, child: x509.Certificate) -> Iterable[tuple[x509.Certificate, bool]]:
        yield from ((one, True) for one in self._anchors if one.subject == child.issuer)
        yield from ((one, False) for one in self._others if one.subject == child.issuer and one not in self._anchors)

    def _issued(self, child: x509.Certificate, parent: x509.Certificate) -> bool:
        from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

        self._steps += 1
        if self._steps > self._bounds.steps:
            self.refusal = RefusedError("too-many", "too many certificates claim to be the issuer")
            return False
        algorithm = child.signature_hash_algorithm
        if algorithm is not None and algorithm.name in _WEAK:
            self.refusal = RefusedError("certificate", f"a certificate is signed over {algorithm.name}")
            return False
        try:
            child.verify_directly_issued_by(parent)
        except (InvalidSignature, UnsupportedAlgorithm, ValueError, TypeError):
            return False
        return True


def _leaf(leaf: x509.Certificate, at: datetime, purpose: str) -> None:
    """RFC 5280 section 4.2.1.3 (digitalSignature), 4.2.1.9 (not an authority), 4.2.1.12 (extended key usage)."""
    from cryptography import x509

    _valid(leaf, at)
    _critical(leaf)
    constraints = _extension(leaf, x509.BasicConstraints)
    if constraints is not None and constraints.ca:
        raise RefusedError("certificate", "the signer's certificate is that of an authority")
    usage = _extension(leaf, x509.KeyUsage)
    if usage is not None and not (usage.digital_signature or usage.content_commitment):
        raise RefusedError("certificate", "the signer's certificate is not for signatures")
    purposes = _extension(leaf, x509.ExtendedKeyUsage)
    if purposes is None or purpose not in {one.dotted_string for one in purposes}:
        raise RefusedError("certificate", f"the certificate of {name_of(leaf)} lacks the extended key usage {purpose}")


def _authority(parent: x509.Certificate, path: tuple[x509.Certificate, ...], at: datetime, purpose: str) -> None:
    """RFC 5280 section 6.1.4 (k) to (o) and 6.1.3 (a) to (c), for the last certificate of the path."""
    from cryptography import x509

    _valid(parent, at)
    _critical(parent)
    constraints = _extension(parent, x509.BasicConstraints)
    if constraints is None or not constraints.ca:
        raise RefusedError("certificate", f"{parent.subject.rfc4514_string()[:100]} is not an authority")
    below = sum(not self_signed(one) for one in path[1:-1])
    if constraints.path_length is not None and below > constraints.path_length:
        raise RefusedError("certificate", "the path of certificates is longer than an authority allows")
    usage = _extension(parent, x509.KeyUsage)
    if usage is not None and not usage.key_cert_sign:
        raise RefusedError("certificate", "an authority's certificate is not for signing certificates")
    purposes = _extension(parent, x509.ExtendedKeyUsage)
    if purposes is not None and not {purpose, _ANY_PURPOSE} & {one.dotted_string for one in purposes}:
        raise RefusedError("certificate", f"an authority is not for the extended key usage {purpose}")
    names = _extension(parent, x509.NameConstraints)
    if names is not None:
        for below_ in path[:-1]:
            _constrained(below_, names)


def _valid(certificate: x509.Certificate, at: datetime) -> None:
    if at < certificate.not_valid_before_utc:
        raise RefusedError(
            "not-yet-valid",
            f"the certificate of {name_of(certificate)} was not valid before {certificate.not_valid_before_utc:%Y-%m-%d %H:%M:%S}, and the signature is of {at:%Y-%m-%d %H:%M:%S}",
        )
    if at > certificate.not_valid_after_utc:
        raise RefusedError(
            "expired",
            f"the certificate of {name_of(certificate)} expired {certificate.not_valid_after_utc:%Y-%m-%d %H:%M:%S}, and the signature is of {at:%Y-%m-%d %H:%M:%S}",
        )


def _critical(certificate: x509.Certificate) -> None:
    """RFC 5280 section 4.2: a critical extension that is not processed makes the certificate unacceptable."""
    for extension in certificate.extensions:
        if extension.critical and extension.oid.dotted_string not in _KNOWN:
            raise RefusedError("certificate", f"a critical extension {extension.oid.dotted_string} is not known")


def _extension(certificate: x509.Certificate, kind: type[_E]) -> _E | None:
    from cryptography import x509

    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def _constrained(certificate: x509.Certificate, constraints: x509.NameConstraints) -> None:
    """RFC 5280 section 4.2.1.10. A kind of name that is constrained and not compared here is refused."""
    from cryptography import x509

    names: list[x509.GeneralName] = list(_extension(certificate, x509.SubjectAlternativeName) or ())
    if certificate.subject.rdns:
        names.append(x509.DirectoryName(certificate.subject))
    for name in names:
        permitted = [one for one in constraints.permitted_subtrees or () if type(one) is type(name)]
        excluded = [one for one in constraints.excluded_subtrees or () if type(one) is type(name)]
        if any(_within(name, one) for one in excluded) or (
            permitted and not any(_within(name, one) for one in permitted)
        ):
            raise RefusedError("certificate", f"an authority may not vouch for {name_of(certificate)}")


def _within(name: x509.GeneralName, tree: x509.GeneralName) -> bool:
    from cryptography import x509

    if isinstance(name, x509.DirectoryName) and isinstance(tree, x509.DirectoryName):
        wanted = [rdn.rfc4514_string() for rdn in tree.value.rdns]
        return [rdn.rfc4514_string() for rdn in name.value.rdns][: len(wanted)] == wanted
    if isinstance(name, x509.IPAddress):
        network, address = tree.value, name.value
        if isinstance(network, ipaddress.IPv4Network | ipaddress.IPv6Network):
            return isinstance(address, ipaddress.IPv4Address | ipaddress.IPv6Address) and address in network
        return False
    value, limit = str(name.value).casefold(), str(tree.value).casefold()
    if isinstance(name, x509.RFC822Name):
        host = value.rpartition("@")[2]
        return value == limit if "@" in limit else host.endswith(limit) if limit[:1] == "." else host == limit
    if isinstance(name, x509.UniformResourceIdentifier):
        from urllib.parse import urlsplit

        host = urlsplit(value).hostname or ""
        return host.endswith(limit) and host != limit if limit[:1] == "." else host == limit
    if isinstance(name, x509.DNSName):
        return not limit or value == limit.lstrip(".") or value.endswith("." + limit.lstrip("."))
    raise RefusedError("certificate", "an authority constrains a kind of name that is not compared here")


def _identity(name: x509.GeneralName, issuer: str) -> Identity | None:
    from cryptography import x509

    kinds = {x509.RFC822Name: "email", x509.UniformResourceIdentifier: "uri", x509.DNSName: "dns"}
    kind = kinds.get(type(name))
    if kind is not None:
        return Identity(subject=str(name.value), kind=kind, issuer=issuer)
    if isinstance(name, x509.OtherName) and name.type_id.dotted_string == _USER_NAME:
        return Identity(subject=_utf8_string(name.value), kind="other-name", issuer=issuer)
    return None


def _utf8_string(der: bytes) -> str:
    """The text of a DER UTF8String (X.690 section 8.23), of a length below 64 KiB."""
    if len(der) < 2 or der[0] != 0x0C:
        raise RefusedError("certificate", "an extension of the certificate is not a UTF8String")
    head, length = 2, der[1]
    if length & 0x80:
        count = length & 0x7F
        head, length = 2 + count, int.from_bytes(der[2 : 2 + count], "big")
        if count not in (1, 2):
            raise RefusedError("certificate", "an extension of the certificate has a malformed length")
    if len(der) != head + length:
        raise RefusedError("certificate", "an extension of the certificate has the wrong length")
    return der[head:].decode("utf-8", "replace")
