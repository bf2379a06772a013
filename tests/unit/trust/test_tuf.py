"""Repositories of The Update Framework, made with python-tuf's metadata classes, and attacks on them."""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from securesystemslib.signer._crypto_signer import CryptoSigner
from tuf.api._payload import (
    DelegatedRole,
    Delegations,
    MetaFile,
    Root,
    Snapshot,
    SuccinctRoles,
    TargetFile,
    Targets,
    Timestamp,
)
from tuf.api.metadata import Metadata

from thwart import trust
from thwart.core.errors import SourceError
from thwart.core.trust import DENIED, VERIFIED, Artifact, Evidence, Judgement, Roots, TrustError
from thwart.sources import _tuf_mirror
from thwart.trust import policy

NOW = datetime(2026, 6, 1, tzinfo=UTC)
LATER = NOW + timedelta(days=30)
CONTENT = b"hello world"
DIGEST = "sha256:" + hashlib.sha256(CONTENT).hexdigest()
POLICY = 'trust = [{ scope = "files", format = "tuf", subject = "%s", authority = "files" }]'
TOP = ("root", "timestamp", "snapshot", "targets")


class Repository:
    """Every role with one key; change the metadata, then `write`."""

    def __init__(self) -> None:
        self.keys = {name: CryptoSigner.generate_ecdsa() for name in TOP}
        self.extra: dict[str, CryptoSigner] = {}
        self.root = Root(version=1, expires=LATER, consistent_snapshot=True)
        for name, signer in self.keys.items():
            self.root.add_key(signer.public_key, name)
        self.timestamp = Timestamp(expires=LATER, snapshot_meta=MetaFile(1))
        self.snapshot = Snapshot(expires=LATER, meta={"targets.json": MetaFile(1)})
        self.targets = Targets(expires=LATER, targets={"dir/a.txt": TargetFile.from_data("dir/a.txt", CONTENT)})
        self.delegated: dict[str, Targets] = {}
        self.files: dict[str, bytes] = {}
        self.publish_root([self.keys["root"]])

    def sign(self, signed: Any, *signers: CryptoSigner) -> bytes:
        metadata: Metadata[Any] = Metadata(signed)
        for signer in signers:
            metadata.sign(signer, append=True)
        return metadata.to_bytes()

    def publish_root(self, signers: list[CryptoSigner]) -> bytes:
        data = self.sign(self.root, *signers)
        self.files[f"{self.root.version}.root.json"] = data
        return data

    def rotate(self, role: str) -> None:
        old = self.keys["root"]
        (keyid,) = self.root.roles[role].keyids
        self.root.revoke_key(keyid, role)
        self.keys[role] = CryptoSigner.generate_ed25519()
        self.root.add_key(self.keys[role].public_key, role)
        self.root.version += 1
        self.publish_root([old] if role != "root" else [old, self.keys["root"]])

    def delegate(self, role: DelegatedRole, targets: Targets, parent: Targets | None = None) -> None:
        parent = parent or self.targets
        if parent.delegations is None:
            parent.delegations = Delegations(keys={}, roles={})
        assert parent.delegations.roles is not None
        parent.delegations.roles[role.name] = role
        self.extra[role.name] = CryptoSigner.generate_ecdsa()
        parent.add_key(self.extra[role.name].public_key, role.name)
        self.delegated[role.name] = targets
        self.snapshot.meta[f"{role.name}.json"] = MetaFile(targets.version)

    def all(self) -> dict[str, bytes]:
        found = dict(self.files)
        for name, targets in {"targets": self.targets, **self.delegated}.items():
            signer = self.extra.get(name) or self.keys["targets"]
            found[f"{targets.version}.{name}.json"] = self.sign(targets, signer)
        found[f"{self.snapshot.version}.snapshot.json"] = self.sign(self.snapshot, self.keys["snapshot"])
        found["timestamp.json"] = self.sign(self.timestamp, self.keys["timestamp"])
        return found


def delegated(name: str, paths: list[str] | None = None, **more: Any) -> DelegatedRole:
    if "path_hash_prefixes" not in more:
        more["paths"] = paths or ["*/*"]
    return DelegatedRole(name=name, keyids=[], threshold=1, terminating=more.pop("terminating", False), **more)


def with_target(path: str = "dir/b.txt", content: bytes = CONTENT) -> Targets:
    return Targets(expires=LATER, targets={path: TargetFile.from_data(path, content)})


@pytest.fixture
def repository() -> Repository:
    return Repository()


def judge(
    folder: Path,
    files: Mapping[str, bytes],
    pin: bytes,
    path: str = "dir/a.txt",
    role: str = "targets",
    *,
    content: bytes = CONTENT,
    now: datetime = NOW,
    remembered: Mapping[str, int] | None = None,
) -> Judgement:
    metadata = folder / "metadata"
    for old in metadata.glob("*"):
        old.unlink()
    metadata.mkdir(exist_ok=True)
    for name, data in files.items():
        (metadata / name.replace("/", "%2F")).write_bytes(data)
    digest = "sha256:" + hashlib.sha256(content).hexdigest()
    return trust.verify(
        Artifact(digests=(digest,), tag=path, size=len(content)),
        _tuf_mirror.read_folder(folder),
        policy.parse((POLICY % role).encode(), "p.toml"),
        trust.read_roots(Roots(pins={"files": pin})),
        now,
        remembered=remembered,
    )


def refused(judgement: Judgement, slug: str) -> None:
    assert judgement.decision == DENIED
    assert slug in {one.slug for one in judgement.refused}, judgement.refused


def test_a_target_is_vouched_for(repository: Repository, tmp_path: Path) -> None:
    files = repository.all()
    judgement = judge(tmp_path, files, files["1.root.json"])
    assert judgement.decision == VERIFIED
    assert judgement.signatures[0].digest == DIGEST
    refused(judge(tmp_path, files, files["1.root.json"], content=b"hello_world"), "wrong-digest")
    refused(judge(tmp_path, files, files["1.root.json"], path="dir/c.txt"), "no-target")
    refused(judge(tmp_path, files, files["1.root.json"], path=""), "no-target")
    refused(judge(tmp_path, files, Repository().files["1.root.json"]), "repository")


def test_a_policy_may_ask_for_any_role_that_the_root_leads_to(repository: Repository, tmp_path: Path) -> None:
    files = repository.all()
    judge(tmp_path, files, files["1.root.json"])
    judgement = trust.verify(
        Artifact(digests=(DIGEST,), tag="dir/a.txt"),
        _tuf_mirror.read_folder(tmp_path),
        policy.parse(b'trust = [{ scope = "files", format = "tuf" }]', "p.toml"),
        trust.read_roots(Roots(pins={"files": files["1.root.json"]})),
        NOW,
    )
    assert judgement.decision == VERIFIED
    assert judgement.signatures[0].digest == DIGEST


def test_a_root_whose_name_promises_another_version_is_refused(repository: Repository, tmp_path: Path) -> None:
    files = repository.all()
    pin = files["1.root.json"]
    refused(judge(tmp_path, {**files, "2.root.json": pin}, pin), "repository")
    repository.root.version = 3
    three = repository.sign(repository.root, repository.keys["root"])
    refused(judge(tmp_path, {**files, "2.root.json": three}, pin), "repository")


def test_a_pin_that_is_no_root_is_the_users_mistake(repository: Repository, tmp_path: Path) -> None:
    for pin in (b"{}", b"", b"[" * 9999, repository.all()["timestamp.json"]):
        with pytest.raises(TrustError):
            judge(tmp_path, repository.all(), pin)


def test_a_folder_without_metadata_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SourceError):
        _tuf_mirror.read_folder(tmp_path)


@pytest.mark.parametrize("role", TOP)
def test_keys_are_rotated_by_the_root(repository: Repository, tmp_path: Path, role: str) -> None:
    pin = repository.files["1.root.json"]
    repository.rotate(role)
    assert judge(tmp_path, repository.all(), pin).decision == VERIFIED


def test_the_chain_of_roots_has_no_gap_and_both_signatures(repository: Repository, tmp_path: Path) -> None:
    pin = repository.files["1.root.json"]
    repository.rotate("root")
    repository.rotate("root")
    files = repository.all()
    assert judge(tmp_path, files, pin).decision == VERIFIED
    only_new = {**files, "2.root.json": repository.sign(repository.root, repository.keys["root"])}
    refused(judge(tmp_path, only_new, pin), "repository")
    refused(judge(tmp_path, {**files, "3.root.json": b"garbage"}, pin), "malformed")


def test_only_the_last_root_must_not_be_expired(repository: Repository, tmp_path: Path) -> None:
    repository.root.expires = NOW - timedelta(days=1)
    pin = repository.publish_root([repository.keys["root"]])
    refused(judge(tmp_path, repository.all(), pin), "expired")
    repository.root.expires = LATER
    repository.root.version = 2
    repository.publish_root([repository.keys["root"]])
    assert judge(tmp_path, repository.all(), pin).decision == VERIFIED


@pytest.mark.parametrize("role", ["root", "timestamp", "snapshot", "targets"])
def test_whatever_expired_is_refused(repository: Repository, tmp_path: Path, role: str) -> None:
    getattr(repository, role).expires = NOW
    pin = repository.publish_root([repository.keys["root"]])
    refused(judge(tmp_path, repository.all(), pin), "expired")
    assert judge(tmp_path, repository.all(), pin, now=NOW - timedelta(seconds=1)).decision == VERIFIED


def test_versions_do_not_fall_and_no_role_vanishes(repository: Repository, tmp_path: Path) -> None:
    pin, old = repository.files["1.root.json"], repository.all()
    repository.timestamp.version = 2
    learnt = judge(tmp_path, repository.all(), pin).remembered
    refused(judge(tmp_path, old, pin, remembered=learnt), "rollback")
    repository.snapshot.version = repository.timestamp.snapshot_meta.version = 2
    repository.snapshot.meta["gone.json"] = MetaFile(1)
    repository.timestamp.version = 3
    learnt = judge(tmp_path, repository.all(), pin, remembered=learnt).remembered
    repository.timestamp.version = 4
    del repository.snapshot.meta["gone.json"]
    refused(judge(tmp_path, repository.all(), pin, remembered=learnt), "rollback")


def test_after_fast_forward_new_keys_lead_back(repository: Repository, tmp_path: Path) -> None:
    pin = repository.files["1.root.json"]
    repository.timestamp.version = 1 << 40
    learnt = judge(tmp_path, repository.all(), pin).remembered
    repository.timestamp.version = 1
    refused(judge(tmp_path, repository.all(), pin, remembered=learnt), "rollback")
    repository.rotate("timestamp")
    assert judge(tmp_path, repository.all(), pin, remembered=learnt).decision == VERIFIED


def test_files_of_two_states_do_not_mix(repository: Repository, tmp_path: Path) -> None:
    pin = repository.files["1.root.json"]
    repository.timestamp.snapshot_meta.version = 2
    refused(judge(tmp_path, repository.all(), pin), "missing")
    repository.timestamp.snapshot_meta = MetaFile(1, length=10, hashes={"sha256": "00" * 32})
    refused(judge(tmp_path, repository.all(), pin), "repository")


@pytest.mark.parametrize("role", ["timestamp", "snapshot", "targets"])
def test_a_signature_by_another_key_does_not_count(repository: Repository, tmp_path: Path, role: str) -> None:
    pin = repository.files["1.root.json"]
    repository.keys[role] = CryptoSigner.generate_ecdsa()
    refused(judge(tmp_path, repository.all(), pin), "repository")


def test_one_key_counts_once(repository: Repository, tmp_path: Path) -> None:
    repository.root.roles["timestamp"].threshold = 2
    repository.root.add_key(repository.keys["root"].public_key, "timestamp")
    pin = repository.publish_root([repository.keys["root"]])
    files = repository.all()
    value = json.loads(files["timestamp.json"])
    value["signatures"] *= 2
    refused(judge(tmp_path, {**files, "timestamp.json": json.dumps(value).encode()}, pin), "repository")


@pytest.mark.parametrize("role", TOP)
def test_one_key_under_two_identifiers_counts_once(repository: Repository, tmp_path: Path, role: str) -> None:
    (keyid,) = repository.root.roles[role].keyids
    twin = copy.copy(repository.root.keys[keyid])
    twin.keyid = "twin"
    repository.root.add_key(twin, role)
    repository.root.version = 2
    pin = repository.files["1.root.json"]
    name = {"root": "2.root.json", "timestamp": "timestamp.json"}.get(role, f"1.{role}.json")

    def files() -> dict[str, bytes]:
        repository.publish_root([repository.keys["root"]])
        found = repository.all()
        value = json.loads(found[name])
        value["signatures"].append({"keyid": "twin", "sig": value["signatures"][0]["sig"]})
        return {**found, name: json.dumps(value).encode()}

    assert judge(tmp_path, files(), pin).decision == VERIFIED
    repository.root.roles[role].threshold = 2
    refused(judge(tmp_path, files(), pin), "threshold")


def test_delegations_in_their_order(repository: Repository, tmp_path: Path) -> None:
    pin = repository.files["1.root.json"]
    repository.delegate(delegated("one", ["dir/*"]), with_target(content=b"other"))
    repository.delegate(delegated("two", ["dir/*"]), with_target())
    refused(judge(tmp_path, repository.all(), pin, "dir/b.txt", "two"), "wrong-digest")
    repository.delegated["one"].targets = {}
    judgement = judge(tmp_path, repository.all(), pin, "dir/b.txt", "two")
    assert judgement.decision == VERIFIED
    assert judge(tmp_path, repository.all(), pin, "dir/b.txt", "one").decision == DENIED


def test_a_terminating_delegation_ends_the_search(repository: Repository, tmp_path: Path) -> None:
    pin = repository.files["1.root.json"]
    repository.delegate(delegated("one", ["dir/*"], terminating=True), Targets(expires=LATER))
    repository.delegate(delegated("two", ["dir/*"]), with_target())
    refused(judge(tmp_path, repository.all(), pin, "dir/b.txt", "two"), "no-target")


def test_a_delegation_stays_within_its_paths(repository: Repository, tmp_path: Path) -> None:
    pin = repository.files["1.root.json"]
    repository.delegate(delegated("one", ["else/*"]), with_target())
    refused(judge(tmp_path, repository.all(), pin, "dir/b.txt", "one"), "no-target")
    prefix = hashlib.sha256(b"dir/b.txt").hexdigest()[:3]
    repository.delegate(delegated("two", path_hash_prefixes=[prefix]), with_target())
    assert judge(tmp_path, repository.all(), pin, "dir/b.txt", "two").decision == VERIFIED


def test_delegations_in_a_circle_end(repository: Repository, tmp_path: Path) -> None:
    pin = repository.files["1.root.json"]
    one = Targets(expires=LATER)
    repository.delegate(delegated("one"), one)
    repository.delegate(delegated("two"), Targets(expires=LATER), parent=one)
    two = repository.delegated["two"]
    two.delegations = Delegations(keys={}, roles={"one": delegated("one")})
    two.add_key(repository.extra["one"].public_key, "one")
    refused(judge(tmp_path, repository.all(), pin, "dir/b.txt", "one"), "no-target")


def test_a_chain_of_delegations_ends_at_a_bound(repository: Repository, tmp_path: Path) -> None:
    pin, parent = repository.files["1.root.json"], repository.targets
    for number in range(40):
        following = with_target() if number == 39 else Targets(expires=LATER)
        repository.delegate(delegated(f"r{number}"), following, parent=parent)
        parent = following
    refused(judge(tmp_path, repository.all(), pin, "dir/b.txt", "r39"), "no-target")


def test_succinct_roles(repository: Repository, tmp_path: Path) -> None:
    pin = repository.files["1.root.json"]
    signer = CryptoSigner.generate_ecdsa()
    roles = SuccinctRoles([], 1, 2, "bin")
    repository.targets.delegations = Delegations(keys={}, succinct_roles=roles)
    repository.targets.add_key(signer.public_key)
    name = roles.get_role_for_target("dir/b.txt")
    repository.extra[name], repository.delegated[name] = signer, with_target()
    repository.snapshot.meta[f"{name}.json"] = MetaFile(1)
    assert judge(tmp_path, repository.all(), pin, "dir/b.txt", name).decision == VERIFIED


def test_a_role_with_a_slash_in_its_name(repository: Repository, tmp_path: Path) -> None:
    pin = repository.files["1.root.json"]
    repository.delegate(delegated("a/../b"), with_target())
    assert judge(tmp_path, repository.all(), pin, "dir/b.txt", "a/../b").decision == VERIFIED


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b"null", b'{"signed":{"version":1}}', b"[" * 99999])
@pytest.mark.parametrize("name", ["timestamp.json", "1.snapshot.json", "1.targets.json", "2.root.json"])
def test_garbage_is_refused(repository: Repository, tmp_path: Path, name: str, data: bytes) -> None:
    files = {**repository.all(), name: data}
    judgement = judge(tmp_path, files, files["1.root.json"])
    assert judgement.decision == DENIED


def test_nothing_is_missing_from_a_small_mirror(repository: Repository, tmp_path: Path) -> None:
    judge(tmp_path, repository.all(), repository.files["1.root.json"])
    found = _tuf_mirror.read_folder(tmp_path)
    assert isinstance(found, Evidence)
    assert not found.missing
    assert len(found.pieces) == len(repository.all())
