"""The root of a Notary repository: which of its root files is trusted, and the way from there to the newest.

Source: notary 0.7, `trustpinning/certs.go` and `client/tufclient.go` (`updateRoot`); TUF 1.0.34 section 5.3. Every root
follows its predecessor by one version, signed by the keys of both. Only the newest must not be expired.

What is pinned is, by repository: a root file (every newer one follows from it), or keys and certificates (one of the root
files must be signed by them), or the certificate of an authority that issued the root's. Without a pin the root's own
certificates are trusted when they are first seen, remembered by key id, and nothing else is trusted from then on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from msgspec import Struct

from thwart.core.trust import Piece, TrustError
from thwart.trust import chain
from thwart.trust import keys as public_keys
from thwart.trust._case import Case, RefusedError
from thwart.trust._dct_files import File, Role, SignerKey, read, role_of
from thwart.trust._values import table
from thwart.trust.policy import Rule, TrustPolicy

if TYPE_CHECKING:
    from cryptography import x509

_BASE = ("root", "timestamp", "snapshot", "targets")
_LEEWAY = timedelta(days=1)  # of a certificate's beginning, as notary has it
_PEM = b"-----BEGIN "


class Root(Struct, frozen=True, kw_only=True):
    """A verified root. `pin` is the name of what vouches for it, empty when it was trusted on first use."""

    file: File
    roles: Mapping[str, Role]
    pin: str
    memory: Mapping[str, int]


class _Pin(Struct, frozen=True, kw_only=True):
    """What the user trusts for some repositories."""

    name: str
    root: File | None = None
    keys: frozenset[str] = frozenset()  # fingerprints
    authorities: tuple[x509.Certificate, ...] = ()


def pinned(pins: Mapping[str, bytes], repository: str) -> tuple[str, bytes] | None:
    """The most specific pin for a repository, by the rules of the policy's scopes."""
    rule = TrustPolicy(rules=tuple(Rule(scope=scope) for scope in pins)).rule_for(repository)
    return (rule.scope, pins[rule.scope]) if rule is not None else None


def newest(case: Case, pieces: Sequence[Piece]) -> Root:
    """The newest root, trusted and not expired.

    Raises:
        RefusedError: no root is trusted, the way from there to the newest is broken, or it is a rollback.
    """
    gun = case.artifact.repository
    found = pinned(case.anchors.raw.pins, gun)
    pin = _pin(case, *found) if found else None
    files = _parsed(case, pieces, pin)
    last = max(files)
    if last < case.remembered.get(f"dct {gun} root", 0):
        raise RefusedError("rollback", f"root: version {last} is older than one that was already seen")
    start = _start(case, files, last, pin)
    anchor = _anchor(case, files[start], pin)
    files[start].signers(anchor)
    files[start].signers(_roles(files[start])["root"])
    for version in range(start + 1, last + 1):
        files[version].signers(_roles(files[version - 1])["root"])
        files[version].signers(_roles(files[version])["root"])
    root = files[last]
    root.fresh(case.now)
    roles = _roles(root)
    root.signers(_certified(roles["root"], root, gun, case.now, bare=pin is not None))
    memory = {f"dct {gun} root": last}
    if pin is None:
        memory |= {f"dct {gun} root-key {key_id}": last for key_id in roles["root"].keys}
    return Root(file=root, roles=roles, pin=pin.name if pin else "", memory=memory)


def _parsed(case: Case, pieces: Sequence[Piece], pin: _Pin | None) -> dict[int, File]:
    """Each version once, the pinned file among them. Two files that differ in one version are an attack."""
    files: dict[int, File] = {}
    for piece in pieces:
        file = read(piece, "root", case.bounds)
        if files.setdefault(file.version, file).piece.content != piece.content:
            raise RefusedError("conflict", f"root: there are two different files of version {file.version}")
    pinned_root = pin.root if pin is not None else None
    if pinned_root and files.setdefault(pinned_root.version, pinned_root).signed != pinned_root.signed:
        raise RefusedError("conflict", f"root: version {pinned_root.version} is not the one that is pinned")
    if not files:
        raise RefusedError("missing", "there is no root file")
    return files


def _start(case: Case, files: Mapping[int, File], last: int, pin: _Pin | None) -> int:
    """The oldest trusted version from which no version is missing up to the newest."""
    run = last
    while run - 1 in files:
        run -= 1
    if pin is not None and pin.root is not None:
        trusted = [pin.root.version]
    else:
        trusted = [version for version in range(run, last + 1) if _anchor(case, files[version], pin).keys]
    reachable = [version for version in trusted if run <= version <= last]
    if not reachable:
        what = f"what is pinned for {pin.name}" if pin else "the keys that were trusted on first use"
        raise RefusedError("untrusted-root", f"root: version {last} does not follow from {what}")
    return min(reachable)


def _anchor(case: Case, file: File, pin: _Pin | None) -> Role:
    """The root role of a file with only those keys that are trusted for themselves; none when it is no anchor."""
    role = _roles(file)["root"]
    if pin is None:
        ids = _remembered(case)
        keys = role.keys if not ids or set(ids) == set(role.keys) else {}
    elif pin.root is not None:
        keys = role.keys
    else:
        keys = {key_id: key for key_id, key in role.keys.items() if _trusted(case, key, pin)}
    return Role(name="root", keys=keys, threshold=role.threshold)


def _trusted(case: Case, key: SignerKey, pin: _Pin) -> bool:
    if key.key.fingerprint in pin.keys:
        return True
    if not pin.authorities or not key.certificates:
        return False
    leaf, *others = key.certificates
    try:
        chain.build(leaf, others, pin.authorities, case.now, chain.CODE_SIGNING, case.bounds)
    except RefusedError:
        return False
    return True


def _certified(role: Role, file: File, gun: str, now: datetime, *, bare: bool) -> Role:
    """The root role without certificates that are not this repository's, or not valid now.

    A bare key names no repository, so it counts only when it is pinned.
    """
    good = {
        key_id: key
        for key_id, key in role.keys.items()
        if (_certificate_fits(key.certificates[0], gun, now) if key.certificates else bare)
    }
    if not good:
        file.refuse("certificate", f"none of its keys has a certificate that is valid now and made for {gun}")
    return Role(name="root", keys=good, threshold=role.threshold)


def _certificate_fits(leaf: x509.Certificate, gun: str, now: datetime) -> bool:
    """`trustpinning/certs.go`, MatchCNToGun: the common name is the repository, or a beginning of it and an asterisk."""
    from cryptography.x509.oid import NameOID

    names = [str(one.value) for one in leaf.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    algorithm = leaf.signature_hash_algorithm
    if len(names) != 1 or _is_authority(leaf) or (algorithm is not None and algorithm.name in ("md5", "sha1")):
        return False
    name = names[0]
    fits = gun.startswith(name.rstrip("*")) if name.endswith("*") else gun == name
    return fits and leaf.not_valid_before_utc - _LEEWAY <= now <= leaf.not_valid_after_utc


def _roles(file: File) -> Mapping[str, Role]:
    listed, stated = table(file.content, "keys"), table(file.content, "roles")
    return {name: role_of(listed, table(stated, name), name) for name in _BASE}


def _pin(case: Case, name: str, data: bytes) -> _Pin:
    """Read a pin; what cannot be read is the user's mistake, and stops everything."""
    if data.lstrip()[:1] == b"{":
        try:
            return _Pin(name=name, root=read(Piece(format="dct", where=name, content=data), "root", case.bounds))
        except RefusedError as refused:
            raise TrustError(f"the pin for {name}: {refused.sentence}") from None
    if not data.strip():
        raise TrustError(f"the pin for {name} is empty")
    fingerprints, authorities = [], []
    for block in _blocks(data):
        fingerprints.append(public_keys.read(block, f"the pin for {name}").fingerprint)
        if b"CERTIFICATE" in block[:40]:
            authorities += [one for one in chain.load_pem(block, case.bounds) if _is_authority(one)]
    return _Pin(name=name, keys=frozenset(fingerprints), authorities=tuple(authorities))


def _blocks(data: bytes) -> list[bytes]:
    """The PEM blocks of a file; a file without any is one key."""
    parts = data.split(_PEM)
    return [_PEM + part for part in parts[1:]] if len(parts) > 1 else [data]


def _remembered(case: Case) -> list[str]:
    """The ids of the root keys that were trusted on first use."""
    prefix = f"dct {case.artifact.repository} root-key "
    return [name.removeprefix(prefix) for name in case.remembered if name.startswith(prefix)]


def _is_authority(certificate: x509.Certificate) -> bool:
    from cryptography import x509

    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False
