"""Targets of a repository of The Update Framework 1.0 (specification 1.0.34, section 5, "Detailed client workflow").

A piece is one metadata file, and its annotation `role` says which: `root` (every version), `timestamp`, `snapshot`,
`targets` or a delegated role; `version` is the number in its name, if there is one. The root from which trust begins is the pin for `files`, or for the artifact's repository.
The artifact's `tag` is the target's path. Signatures and structures are python-tuf's; the order of the work, the clock,
and what is remembered from run to run are here, since its own client keeps files and asks the time.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from thwart.core.trust import Artifact, Identity, Moment, Piece, Signature, TrustError
from thwart.trust import keys as public_keys
from thwart.trust._case import Case, Found, RefusedError, reads
from thwart.trust._dct_root import pinned
from thwart.trust._values import document
from thwart.trust.policy import FILES

if TYPE_CHECKING:
    from securesystemslib.signer._key import Key
    from tuf.api._payload import Role, TargetFile, Targets
    from tuf.ngclient._internal.trusted_metadata_set import TrustedMetadataSet

ROLE, VERSION = "role", "version"
_ROOTS, _DELEGATIONS = 256, 32  # sections 5.3.3 and 5.6.7.1: both numbers are the client's to choose


@reads("tuf")
def verify(case: Case) -> Iterable[Found]:
    """All files of one repository, judged together."""
    where = pinned(case.anchors.raw.pins, case.artifact.repository)
    if where is None:
        what = case.artifact.repository or FILES
        raise RefusedError("untrusted-root", f"no root file is pinned for {what}, and a root never vouches for itself")
    if not case.artifact.tag:
        raise RefusedError("no-target", "a target is looked up by its path, and none was given")
    walk = _Walk(case, *where)
    with _Refusing():
        walk.refresh()
        role, delegator = walk.find(case.artifact.tag)
        stated = walk.role(role).targets[case.artifact.tag]
    case.learnt.update(walk.memory())
    digest = _right(case.artifact, stated)
    yield from _signatures(case, walk, role, delegator, digest)


class _Refusing:
    """Whatever python-tuf raises for files that are not right becomes a refusal."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        from tuf.api.exceptions import ExpiredMetadataError, RepositoryError

        if isinstance(error, ExpiredMetadataError):
            raise RefusedError("expired", str(error)[:200]) from None
        if isinstance(error, RepositoryError | ValueError | KeyError | TypeError | AttributeError):
            raise RefusedError("repository", f"the repository is refused: {str(error)[:200]}") from None


class _Walk:
    """The client workflow over files that are at hand."""

    def __init__(self, case: Case, name: str, pin: bytes) -> None:
        self._case = case
        self._prefix = f"tuf {case.artifact.repository or FILES} "
        self.name = name
        self._files: dict[str, list[tuple[int, Piece]]] = {}
        for piece in sorted(case.pieces, key=lambda one: VERSION not in one.annotations):
            role = piece.annotations.get(ROLE, "")
            self._files.setdefault(role, []).append((_version(case, role, piece), piece))
        self.trusted = self._begin(pin)

    def _begin(self, pin: bytes) -> TrustedMetadataSet:
        from tuf.api.exceptions import RepositoryError
        from tuf.ngclient._internal.trusted_metadata_set import TrustedMetadataSet
        from tuf.ngclient.config import EnvelopeType

        try:
            document(pin, self._case.bounds, "it")
            trusted = TrustedMetadataSet(pin, EnvelopeType.METADATA)
        except (RepositoryError, RefusedError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise TrustError(f"the pinned root for {self.name} is not a root of TUF: {str(error)[:200]}") from None
        trusted.reference_time = self._case.now  # section 5.2: one fixed time for the whole update
        return trusted

    def refresh(self) -> None:
        """Sections 5.3 to 5.6, to the top-level targets."""
        trusted = self.trusted
        for _ in range(_ROOTS):
            following = self._given("root", trusted.root.version + 1)
            if following is None:
                break
            trusted.update_root(following)
            self._distinct("root", "root")
        self._no_older("root", trusted.root.version, "")
        trusted.update_timestamp(self._need("timestamp", None))
        self._distinct("timestamp", "root")
        stated = trusted.timestamp.snapshot_meta
        keys = self._keys()
        self._no_older("timestamp", trusted.timestamp.version, keys)
        self._no_older("timestamp's snapshot", stated.version, keys)
        trusted.update_snapshot(self._need("snapshot", stated.version))
        self._distinct("snapshot", "root")
        for name, version in self._listed(keys).items():  # section 5.5.5: none vanishes or falls
            known = trusted.snapshot.meta.get(name)
            if known is None or known.version < version:
                raise RefusedError("rollback", f"snapshot: {name} is older than one that was already seen, or gone")
        self._load("targets", "root")

    def find(self, path: str) -> tuple[str, str]:
        """The role that speaks of the target, and who delegated to it (section 5.6.7: pre-order, depth first)."""
        waiting, visited = [("targets", "root")], set[str]()
        while waiting and len(visited) <= _DELEGATIONS:
            name, delegator = waiting.pop()
            if name in visited:
                continue
            role = self._load(name, delegator)
            if path in role.targets:
                return name, delegator
            visited.add(name)
            children = []
            for child, terminating in role.delegations.get_roles_for_target(path) if role.delegations else ():
                children.append((child, name))
                if terminating:
                    waiting = []
                    break
            waiting += reversed(children)
        raise RefusedError("no-target", f"the repository has no target {path[:200]}")

    def memory(self) -> dict[str, int]:
        """What the next run has to know. After a rotation of keys the names are others (section 5.3.11)."""
        keys = self._keys()
        found = {
            self._prefix + "root": self.trusted.root.version,
            f"{self._prefix}timestamp{keys}": self.trusted.timestamp.version,
            f"{self._prefix}timestamp's snapshot{keys}": self.trusted.timestamp.snapshot_meta.version,
        }
        listed = self.trusted.snapshot.meta.items()
        return found | {f"{self._prefix}snapshot{keys} {name}": one.version for name, one in listed}

    def signers(self, role: str, delegator: str) -> Iterator[Key]:
        """The keys that really signed a role's file."""
        from tuf.api.metadata import Metadata

        parent: Any = self.trusted[delegator]
        metadata = Metadata[Any].from_bytes(self._need(role, self.role(role).version))
        yield from parent.get_verification_result(role, metadata.signed_bytes, metadata.signatures).signed.values()

    def _distinct(self, role: str, delegator: str) -> None:
        """A key counts once, under however many identifiers it is listed (tuf-conformance, test_duplicate_keys_root)."""
        parent: Any = self.trusted[delegator]
        count = len({_fingerprint(key) for key in self.signers(role, delegator)})
        needed = parent.get_delegated_role(role).threshold
        if count < needed:
            raise RefusedError("threshold", f"{role}: signed by {count} different keys, and {needed} are required")

    def _load(self, name: str, delegator: str) -> Targets:
        if not self.trusted.contains(name, delegator):
            stated = self.trusted.snapshot.meta.get(f"{name}.json")
            if stated is None:
                raise RefusedError("missing", f"{name}: it is delegated to, but not in the snapshot")
            self.trusted.update_delegated_targets(self._need(name, stated.version), name, delegator)
            self._distinct(name, delegator)
        return self.role(name)

    def role(self, name: str) -> Targets:
        """A role that is loaded."""
        role: Any = self.trusted[name]
        return role  # type: ignore[no-any-return]

    def _given(self, role: str, version: int | None) -> bytes | None:
        """The file of a version, or the newest; of several of one version the first."""
        files = self._files.get(role, [])
        if version is None:
            return max(files, key=lambda one: one[0])[1].content if files else None
        return next((piece.content for number, piece in files if number == version), None)

    def _need(self, role: str, version: int | None) -> bytes:
        content = self._given(role, version)
        if content is None:
            which = f" of version {version}" if version else ""
            raise RefusedError("missing", f"{role}: the file{which} is not there")
        return content

    def _no_older(self, what: str, version: int, keys: str) -> None:
        if version < self._case.remembered.get(f"{self._prefix}{what}{keys}", 0):
            raise RefusedError("rollback", f"{what}: version {version} is older than one that was already seen")

    def _listed(self, keys: str) -> Mapping[str, int]:
        prefix = f"{self._prefix}snapshot{keys} "
        return {
            name.removeprefix(prefix): version
            for name, version in self._case.remembered.items()
            if name.startswith(prefix)
        }

    def _keys(self) -> str:
        """A short name for the keys of timestamp and snapshot: rotating either forgets both."""
        stated: Mapping[str, Role] = self.trusted.root.roles
        listed = sorted({*stated["timestamp"].keyids, "", *stated["snapshot"].keyids})
        return f" {hashlib.sha256(' '.join(listed).encode()).hexdigest()[:16]}"


def _right(artifact: Artifact, stated: TargetFile) -> str:
    """Section 5.7.2: length, and every hash that can be compared."""
    known = dict(one.partition(":")[::2] for one in artifact.digests)
    common = [name for name in stated.hashes if name in known]
    if not common:
        raise RefusedError("wrong-digest", "the target has no hash that is known of this artifact")
    if any(stated.hashes[name] != known[name] for name in common) or artifact.size not in (-1, stated.length):
        raise RefusedError("wrong-digest", "the target is not this artifact: its length or its hash is another")
    return artifact.digests[0]


def _signatures(case: Case, walk: _Walk, role: str, delegator: str, digest: str) -> Iterator[Signature]:
    for key in walk.signers(role, delegator):
        for identity in (Identity(subject=role, kind="role"), None):
            yield Signature(
                format="tuf",
                where=role,
                digest=digest,
                key=_fingerprint(key),
                identity=identity,
                authority=walk.name,
                moments=(Moment(at=case.now, source="clock"),),
                annotations={"role": role, "target": case.artifact.tag},
            )


def _fingerprint(key: Key) -> str:
    try:
        return public_keys.read(_public(key).encode(), key.keyid).fingerprint
    except TrustError:  # Ed25519 in hexadecimal, and what Thwart does not know by itself
        return _raw(key)


def _raw(key: Key) -> str:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        public = Ed25519PublicKey.from_public_bytes(bytes.fromhex(_public(key)))
        return public_keys.of(public, key.keyid).fingerprint
    except ValueError:
        return f"tuf:{key.keyid}"


def _public(key: Key) -> str:
    """What keys have that are no identities of Sigstore."""
    return str(key.keyval.get("public", ""))


def _version(case: Case, role: str, piece: Piece) -> int:
    """The version that a file's name promises, else what the file says before anything is verified; only to find it.

    A root that cannot be read is no end of the chain of roots but an attack on it; other such files are never found.
    """
    named = piece.annotations.get(VERSION, "")
    try:
        signed = document(piece.content, case.bounds, piece.where).get("signed")
    except RefusedError:
        if role == "root":
            raise
        return 0
    if named.isdecimal() and len(named) < 20:
        return int(named)
    version = signed.get("version") if isinstance(signed, dict) else None
    return version if isinstance(version, int) else 0
