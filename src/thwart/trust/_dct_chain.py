"""From the root of a Notary repository to its targets and delegations: hashes, signatures, versions, expiry, paths.

Source: notary 0.7, `tuf/builder.go`, `client/tufclient.go` and `tuf/data/roles.go`; TUF 1.0.34 sections 5.3.11 to 5.6.
A version is remembered for the set of keys that signed it: once keys were rotated it no longer counts, so that a stolen
key which ran ahead to huge versions does not bar the way back (section 5.3.11, fast-forward recovery).
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct, field

from thwart.core.trust import Piece, Reason
from thwart.trust import _dct_root
from thwart.trust._case import Case, RefusedError
from thwart.trust._dct_files import File, Role, SignerKey, matches, read, role_of
from thwart.trust._values import table, tables

ROLE = "role"  # the annotation of a piece that names its role: `root`, `timestamp`, `targets/releases`, …
_DELEGATION = re.compile(r"targets(?:/[-a-z0-9_]+)+")
_ROLES = 256


class Targets(Struct, frozen=True, kw_only=True):
    """A verified file of targets, and who signed it."""

    file: File
    role: Role
    signers: tuple[SignerKey, ...]

    def entry(self, name: str) -> Mapping[str, Any] | None:
        """What it says of a target that its paths cover."""
        listed = table(self.file.content, "targets")
        covered = any(name.startswith(path) for path in self.role.paths)
        return table(listed, name) if covered and name in listed else None

    def names(self) -> list[str]:
        """All targets that its paths cover."""
        return [name for name in table(self.file.content, "targets") if self.entry(name) is not None]


class Repository(Struct, frozen=True, kw_only=True):
    """A verified repository. `broken` says why delegations that should be there cannot be used."""

    pin: str
    targets: Mapping[str, Targets]
    broken: Mapping[str, Reason]
    memory: Mapping[str, int]


class _Walk(Struct):
    """What is known so far. `at_hand` are the given files by role."""

    case: Case
    root: _dct_root.Root
    at_hand: Mapping[str, Sequence[Piece]]
    memory: dict[str, int] = field(default_factory=dict)

    def timestamp(self) -> File:
        """The newest timestamp that is given; only its signature and its expiry vouch for it."""
        files = [read(piece, "timestamp", self.case.bounds) for piece in self.at_hand.get("timestamp", ())]
        if not files:
            raise RefusedError("missing", "timestamp: the file is not there")
        file = max(files, key=lambda one: one.version)
        self.accept(file, self.root.roles["timestamp"])
        return file

    def listed(self, role: Role, by: File) -> tuple[File, tuple[SignerKey, ...]]:
        """The file that another one lists by its hashes, signed and current."""
        stated = table(table(by.content, "meta"), role.name)
        pieces = self.at_hand.get(role.name, ())
        piece = next((one for one in pieces if matches(one.content, stated)), None)
        if piece is None:
            what = f"no file is the one that {by.role} lists" if pieces else "the file is not there"
            raise RefusedError("wrong-hash" if pieces else "missing", f"{role.name}: {what}")
        file = read(piece, role.name, self.case.bounds)
        return file, self.accept(file, role)

    def accept(self, file: File, role: Role) -> tuple[SignerKey, ...]:
        """Signatures, version, expiry; notes the version."""
        signers = file.signers(role)
        name = f"dct {self.case.artifact.repository} {role.name} {role.fingerprint}"
        if file.version < self.case.remembered.get(name, 0):
            file.refuse("rollback", f"version {file.version} is older than one that was already seen")
        file.fresh(self.case.now)
        self.memory[name] = file.version
        return signers


def verify(case: Case) -> Repository:
    """Everything that the files say and that is trusted.

    Raises:
        RefusedError: root, timestamp, snapshot or targets are not right.
    """
    at_hand: dict[str, list[Piece]] = {}
    for piece in case.pieces:
        at_hand.setdefault(piece.annotations.get(ROLE, ""), []).append(piece)
    root = _dct_root.newest(case, at_hand.get("root", ()))
    walk = _Walk(case, root, at_hand)
    timestamp = walk.timestamp()
    snapshot, _ = walk.listed(root.roles["snapshot"], timestamp)
    if not matches(root.file.piece.content, table(table(snapshot.content, "meta"), "root")):
        raise RefusedError("wrong-hash", "root: the newest file is not the one that snapshot lists")
    file, signers = walk.listed(root.roles["targets"], snapshot)
    targets = {"targets": Targets(file=file, role=root.roles["targets"], signers=signers)}
    broken: dict[str, Reason] = {}
    _delegated(walk, snapshot, targets, broken)
    return Repository(pin=root.pin, targets=targets, broken=broken, memory={**root.memory, **walk.memory})


def _delegated(walk: _Walk, snapshot: File, targets: dict[str, Targets], broken: dict[str, Reason]) -> None:
    """Delegations from their parents down; their names lengthen, so there is no circle. Unpublished ones are skipped."""
    published = table(snapshot.content, "meta")
    waiting = _children(targets["targets"])
    while waiting:
        role = waiting.pop()
        if role.name not in published:
            continue
        if len(targets) + len(broken) >= _ROLES:
            raise RefusedError("too-many", f"more than {_ROLES} delegations")
        try:
            file, signers = walk.listed(role, snapshot)
            found = Targets(file=file, role=role, signers=signers)
            waiting += _children(found)
        except RefusedError as refused:
            broken[role.name] = Reason(slug=refused.slug, sentence=refused.sentence, where=role.name)
        else:
            targets[role.name] = found


def _children(parent: Targets) -> list[Role]:
    """The roles to which a file delegates, with the paths that its own allow it to give away."""
    stated = table(parent.file.content, "delegations")
    found: dict[str, Role] = {}
    for one in tables(stated, "roles", _ROLES):
        name = one.get("name")
        if not isinstance(name, str) or len(name) > 255 or not _DELEGATION.fullmatch(name):
            parent.file.refuse("malformed", "it delegates to a role whose name is none")
        if posixpath.dirname(name) != parent.file.role or name in found:
            parent.file.refuse("malformed", f"it delegates to {name[:80]}, which is not its own, or does so twice")
        role = role_of(table(stated, "keys"), one, name)
        paths = tuple(path for path in role.paths if any(path.startswith(above) for above in parent.role.paths))
        found[name] = Role(name=name, keys=role.keys, threshold=role.threshold, paths=paths)
    return list(found.values())
