"""Certificate revocation lists that the user has at hand (RFC 5280 section 5; no list is fetched, OCSP is not asked).

Source: Notary Project trust store and trust policy specification, "Certificate Revocation Evaluation".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import pairwise
from typing import TYPE_CHECKING, Any, TypeVar

from thwart.core.trust import TrustError
from thwart.trust import chain
from thwart.trust._case import RefusedError
from thwart.trust._notation_chain import extension, named

if TYPE_CHECKING:
    from cryptography import x509

_E = TypeVar("_E", bound="x509.ExtensionType")
_PROCESSED = frozenset(["2.5.29.28", "2.5.29.27"])  # critical extensions that are looked at: scope, and base of a delta
_INVALIDITY = "2.5.29.24"
Lists = tuple["x509.CertificateRevocationList", ...]


def read(lists: Mapping[str, bytes]) -> Lists:
    """Revocation lists, each in PEM or DER.

    Raises:
        TrustError: one is malformed.
    """
    from cryptography import x509

    parsed = []
    for name, data in lists.items():
        load = x509.load_pem_x509_crl if b"-----BEGIN" in data else x509.load_der_x509_crl
        try:
            one = load(data)
            _ = one.extensions, one.issuer, one.next_update_utc, one.signature_hash_algorithm
        except (ValueError, TypeError):
            raise TrustError(f"the revocation list {name!r} is malformed") from None
        parsed.append(one)
    return tuple(parsed)


def check(
    path: Sequence[x509.Certificate], lists: Lists, now: datetime, signed_at: datetime | None, *, must: bool
) -> None:
    """Whether no certificate of the path, root aside, is revoked.

    Args:
        path: leaf first, root last.
        lists: what is known.
        now: against which lists are current.
        signed_at: a proven time of the signature, before which a later revocation does not reach.
        must: a certificate that says where its status is to be had has to be on a current list's account.

    Raises:
        RefusedError: one is revoked; or, its status cannot be known.
    """
    for certificate, issuer in pairwise(path):
        mine = [(one, _unusable(one, certificate, issuer, now)) for one in lists if one.issuer == issuer.subject]
        usable = [one for one, problem in mine if not problem]
        try:
            revoked = _revoked(certificate, usable, signed_at)
        except (ValueError, TypeError):
            raise RefusedError("revocation-unknown", f"a revocation list of {named(issuer)} is malformed") from None
        if revoked:
            raise RefusedError(
                "revoked", f"the certificate of {named(certificate)} is revoked, as {named(issuer)} says"
            )
        if not _covered(usable) and (mine or (must and _revocable(certificate))):
            problems = [problem for _, problem in mine if problem]
            why = problems[0] if problems else f"no sufficient revocation list of {named(issuer)} is given"
            raise RefusedError("revocation-unknown", f"whether {named(certificate)} is revoked cannot be known: {why}")


def _unusable(
    one: x509.CertificateRevocationList, certificate: x509.Certificate, issuer: x509.Certificate, now: datetime
) -> str:
    """Why a list of the right name says nothing about the certificate; nothing where it does."""
    from cryptography import x509
    from cryptography.exceptions import UnsupportedAlgorithm

    public: Any = issuer.public_key()
    usage = extension(issuer, x509.KeyUsage)
    try:
        right = one.is_signature_valid(public)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        right = False
    if not right or usage is None or not usage.value.crl_sign:
        return f"a list is not signed by {named(issuer)}, or that may not sign lists"
    if one.next_update_utc is None or now > one.next_update_utc:
        return f"the list of {named(issuer)} is out of date"
    if any(extra.critical and extra.oid.dotted_string not in _PROCESSED for extra in one.extensions):
        return f"the list of {named(issuer)} has a critical extension that is not known"
    return "" if _in_scope(one, certificate) else f"the list of {named(issuer)} is not about such certificates"


def _in_scope(one: x509.CertificateRevocationList, certificate: x509.Certificate) -> bool:
    """RFC 5280 section 5.2.5. Indirect lists, and lists of only some reasons, are nobody's whole account."""
    from cryptography import x509

    scope = _extension(one, x509.IssuingDistributionPoint)
    if scope is None:
        return True
    constraints = extension(certificate, x509.BasicConstraints)
    authority = constraints is not None and constraints.value.ca
    if scope.indirect_crl or scope.only_some_reasons or scope.only_contains_attribute_certs:
        return False
    if (scope.only_contains_user_certs and authority) or (scope.only_contains_ca_certs and not authority):
        return False
    if scope.relative_name is not None:
        return False
    points = extension(certificate, x509.CRLDistributionPoints)
    stated = [name for point in (points.value if points else ()) for name in point.full_name or ()]
    return scope.full_name is None or any(name in stated for name in scope.full_name)


def _revoked(
    certificate: x509.Certificate, lists: Sequence[x509.CertificateRevocationList], at: datetime | None
) -> bool:
    """Whether base lists, and deltas later than them, say so; a hold ends when a later entry lifts it."""
    from cryptography import x509

    held: tuple[datetime, bool] | None = None
    for entry in _entries(certificate, lists):
        reason = _extension(entry, x509.CRLReason)
        if any(one.critical and one.oid.dotted_string not in (_INVALIDITY, "2.5.29.21") for one in entry.extensions):
            return True  # RFC 5280 section 5.3: the entry counts, whatever else it says
        since = _extension(entry, x509.InvalidityDate)
        if at is not None and since is not None and at < since.invalidity_date_utc:
            continue
        kind = reason.reason if reason else None
        if kind not in (x509.ReasonFlags.certificate_hold, x509.ReasonFlags.remove_from_crl):
            return True
        if held is None or held[0] <= entry.revocation_date_utc:
            held = entry.revocation_date_utc, kind == x509.ReasonFlags.certificate_hold
    return held is not None and held[1]


def _entries(
    certificate: x509.Certificate, lists: Sequence[x509.CertificateRevocationList]
) -> Iterator[x509.RevokedCertificate]:
    """The certificate's entries in base lists, and then in the deltas that are newer (section 5.2.4)."""
    newest = _newest(lists)
    for one in sorted(lists, key=lambda one: _base(one) is not None):
        if _base(one) is None or _number(one) > newest:
            entry = one.get_revoked_certificate_by_serial_number(chain.issued_as(certificate)[1])
            if entry is not None:
                yield entry


def _covered(lists: Sequence[x509.CertificateRevocationList]) -> bool:
    """Whether there is a base list, and one at least as new as each delta builds on: nothing is missing in between."""
    newest = _newest(lists)
    bases = [_base(one) for one in lists]
    return None in bases and all(base is None or base <= newest for base in bases)


def _newest(lists: Sequence[x509.CertificateRevocationList]) -> int:
    return max((_number(one) for one in lists if _base(one) is None), default=-1)


def _base(one: x509.CertificateRevocationList) -> int | None:
    from cryptography import x509

    delta = _extension(one, x509.DeltaCRLIndicator)
    return delta.crl_number if delta else None


def _number(one: x509.CertificateRevocationList) -> int:
    from cryptography import x509

    number = _extension(one, x509.CRLNumber)
    return number.crl_number if number else -1


def _extension(of: x509.CertificateRevocationList | x509.RevokedCertificate, kind: type[_E]) -> _E | None:
    from cryptography import x509

    try:
        return of.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def _revocable(certificate: x509.Certificate) -> bool:
    """Whether it says where its status is to be had: a list, or an OCSP responder."""
    from cryptography import x509
    from cryptography.x509.oid import AuthorityInformationAccessOID

    access = extension(certificate, x509.AuthorityInformationAccess)
    methods = {one.access_method for one in access.value} if access else set()
    return (
        extension(certificate, x509.CRLDistributionPoints) is not None or AuthorityInformationAccessOID.OCSP in methods
    )
