"""Notary (v1) repositories of our own, right or wrong in one place, for tests. Written from the format, not with notary."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from thwart import trust
from thwart.core.trust import Artifact, Evidence, Judgement, Piece, Roots
from thwart.trust import policy

GUN = "registry.example.test/team/app"
NOW = datetime(2026, 6, 1, tzinfo=UTC)
YEAR = timedelta(days=365)
DIGEST = "sha256:" + "ab" * 32
OTHER = "sha256:" + "cd" * 32


def plain(value: object) -> bytes:
    """Canonical JSON, as far as these tests go."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


@dataclass
class Maker:
    """A private key with what a repository says of it."""

    private: Any
    keytype: str
    public: bytes
    method: str

    @property
    def stated(self) -> dict[str, Any]:
        return {"keytype": self.keytype, "keyval": {"private": None, "public": b64(self.public)}}

    @property
    def id(self) -> str:
        return hashlib.sha256(plain(self.stated)).hexdigest()

    @property
    def pem(self) -> bytes:
        return bytes(self.private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))

    def sign(self, data: bytes) -> bytes:
        if self.method == "eddsa":
            return bytes(self.private.sign(data))
        if self.method == "rsapss":
            pss = padding.PSS(padding.MGF1(hashes.SHA256()), 32)
            return bytes(self.private.sign(data, pss, hashes.SHA256()))
        if self.method == "rsapkcs1v15":
            return bytes(self.private.sign(data, padding.PKCS1v15(), hashes.SHA256()))
        half = (self.private.key_size + 7) // 8
        r, s = utils.decode_dss_signature(self.private.sign(data, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(half, "big") + s.to_bytes(half, "big")


def ecdsa(curve: ec.EllipticCurve | None = None) -> Maker:
    private = ec.generate_private_key(curve or ec.SECP256R1())
    return Maker(private, "ecdsa", der(private), "ecdsa")


def ed() -> Maker:
    private = ed25519.Ed25519PrivateKey.generate()
    return Maker(private, "ed25519", private.public_key().public_bytes_raw(), "eddsa")


def rsa_key(method: str = "rsapss") -> Maker:
    private = rsa.generate_private_key(65537, 2048)
    return Maker(private, "rsa", der(private), method)


def certified(
    name: str = GUN,
    begins: datetime = NOW - YEAR,
    ends: datetime = NOW + 9 * YEAR,
    *,
    authority: bool = False,
    issuer: Maker | None = None,
) -> Maker:
    """A root key with its certificate, as `notary init` makes it; or issued by an authority named `authority`."""
    private = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    above = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "authority")]) if issuer else subject
    certificate = (
        x509.CertificateBuilder(above, subject, private.public_key(), x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(ends)
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING]), critical=False)
        .sign(issuer.private if issuer else private, hashes.SHA256())
    )
    return Maker(private, "ecdsa-x509", certificate.public_bytes(Encoding.PEM), "ecdsa")


def der(private: Any) -> bytes:
    return bytes(private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))


def signed(content: Mapping[str, Any], *makers: Maker, **changes: Any) -> bytes:
    """A file: `content` under the signatures of these keys. `changes` replace parts of every signature."""
    data = plain(content)
    listed = [{"keyid": one.id, "method": one.method, "sig": b64(one.sign(data)), **changes} for one in makers]
    return json.dumps({"signed": content, "signatures": listed}, separators=(",", ":"), ensure_ascii=False).encode()


def of(data: bytes) -> dict[str, Any]:
    """What another file says of this one."""
    both = {"sha256": b64(hashlib.sha256(data).digest()), "sha512": b64(hashlib.sha512(data).digest())}
    return {"hashes": both, "length": len(data)}


def target(digest: str = DIGEST, size: int = 528) -> dict[str, Any]:
    return {"hashes": {"sha256": b64(bytes.fromhex(digest.partition(":")[2]))}, "length": size}


def delegation(name: str, *makers: Maker, paths: Sequence[str] = ("",), threshold: int = 1) -> dict[str, Any]:
    return {"keyids": [one.id for one in makers], "name": name, "paths": list(paths), "threshold": threshold}


class Notary:
    """A repository. Change its parts, then `files()`."""

    def __init__(self, gun: str = GUN) -> None:
        self.root_key = certified(gun)
        self.keys = {name: ecdsa() for name in ("timestamp", "snapshot", "targets")}
        self.versions: dict[str, int] = {}
        self.expires: dict[str, datetime] = {}
        self.targets: dict[str, dict[str, Any]] = {"v1": target()}
        self.delegations: dict[str, list[dict[str, Any]]] = {}
        self.delegated: dict[str, tuple[list[Maker], dict[str, Any]]] = {}
        self.old_roots: list[bytes] = []
        self.root_signers: list[Maker] = [self.root_key]
        self.changes: dict[str, dict[str, Any]] = {}

    def delegate(
        self, name: str, makers: Sequence[Maker], targets: dict[str, Any], signers: Sequence[Maker] = (), **more: Any
    ) -> None:
        parent = name.rpartition("/")[0]
        self.delegations.setdefault(parent, []).append({"makers": makers, **delegation(name, *makers, **more)})
        self.delegated[name] = (list(signers or makers), targets)

    def common(self, role: str, kind: str) -> dict[str, Any]:
        return {
            "_type": kind,
            "expires": self.expires.get(role, NOW + YEAR / 2).isoformat(),
            "version": self.versions.get(role, 1),
            **self.changes.get(role, {}),
        }

    def root(self) -> bytes:
        makers = {"root": self.root_key, **self.keys}
        content = {
            "consistent_snapshot": False,
            "keys": {one.id: one.stated for one in makers.values()},
            "roles": {name: {"keyids": [one.id], "threshold": 1} for name, one in makers.items()},
            **self.common("root", "Root"),
        }
        return signed(content, *self.root_signers)

    def rotate(self, key: Maker, root_version: int) -> None:
        """A new root key: the next root is signed by the old one too."""
        self.old_roots.append(self.root())
        self.root_signers = [self.root_key, key]
        self.root_key = key
        self.versions["root"] = root_version

    def targets_file(self, role: str, makers: Sequence[Maker], listed: Mapping[str, Any]) -> bytes:
        children = self.delegations.get(role, [])
        keys = {one.id: one.stated for child in children for one in child["makers"]}
        roles = [{key: value for key, value in child.items() if key != "makers"} for child in children]
        content = {"delegations": {"keys": keys, "roles": roles}, "targets": listed, **self.common(role, "Targets")}
        return signed(content, *makers)

    def files(self) -> dict[str, bytes]:
        """Files by role; older roots are `1.root` and so on."""
        found = {f"{index + 1}.root": data for index, data in enumerate(self.old_roots)}
        found["root"] = self.root()
        found["targets"] = self.targets_file("targets", [self.keys["targets"]], self.targets)
        for name, (makers, listed) in self.delegated.items():
            found[name] = self.targets_file(name, makers, listed)
        listed_files = {name: of(data) for name, data in found.items() if name == "root" or name.startswith("targets")}
        found["snapshot"] = signed({"meta": listed_files, **self.common("snapshot", "Snapshot")}, self.keys["snapshot"])
        content = {"meta": {"snapshot": of(found["snapshot"])}, **self.common("timestamp", "Timestamp")}
        found["timestamp"] = signed(content, self.keys["timestamp"])
        return found


def pieces(files: Mapping[str, bytes]) -> tuple[Piece, ...]:
    return tuple(
        Piece(format="dct", where=name, content=data, annotations={"role": "root" if "root" in name else name})
        for name, data in files.items()
    )


POLICY = 'trust = [{ scope = "**", format = "dct" }]'
FIRST_USE = 'trust = [{ scope = "**", format = "dct", unsafe-first-use = true }]'


def judge(
    files: Mapping[str, bytes],
    pin: bytes | None,
    text: str = POLICY,
    *,
    digest: str = DIGEST,
    tag: str = "v1",
    size: int = -1,
    gun: str = GUN,
    now: datetime = NOW,
    remembered: Mapping[str, int] | None = None,
    keys: Mapping[str, bytes] | None = None,
) -> Judgement:
    """What Thwart says of a tag of such a repository."""
    roots = Roots(pins={} if pin is None else {"registry.example.test/**": pin}, keys=keys or {})
    return trust.verify(
        Artifact(digests=(digest,), repository=gun, tag=tag, size=size),
        Evidence(pieces=pieces(files)),
        policy.parse(text.encode(), "p.toml"),
        trust.read_roots(roots),
        now,
        remembered=remembered,
    )
