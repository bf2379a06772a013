"""Docker Content Trust: what a Notary (v1) repository says of a tag (notary 0.7; docker/cli, `trust` package).

A piece is one file of the repository, and its annotation `role` says which: `root` (every version that there is), else
`timestamp`, `snapshot`, `targets`, `targets/releases`, …. The artifact's repository is the GUN, its tag the target's name;
without a tag, any target with its digest vouches for it.

Each role that vouches for the artifact gives signatures: by the role (an identity of the kind `role`, under the authority
that is the pin's name), and by each key that signed its file, so that the signers can be counted together with those of
other formats. As Docker does, `targets/releases` is asked before `targets`: where it names another digest, or cannot be
read though it was published, `targets` does not count.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec import Struct

from thwart.core.trust import Artifact, Identity, Moment, Reason, Signature
from thwart.trust import _dct_chain
from thwart.trust._case import Case, Found, RefusedError, reads
from thwart.trust._dct_chain import Repository, Targets
from thwart.trust._dct_files import exact
from thwart.trust._values import table, text

RELEASES, TARGETS = "targets/releases", "targets"


@reads("dct")
def verify(case: Case) -> Iterable[Found]:
    """All files of one repository, judged together."""
    repository = _dct_chain.verify(case)
    _learn(case, repository)
    yield from repository.broken.values()
    for name, targets in repository.targets.items():
        try:
            tag = _tag(case.artifact, targets)
            _not_overruled(repository, name, tag)
            yield from _signatures(case, repository, targets, tag)
        except RefusedError as refused:
            yield Reason(slug=refused.slug, sentence=refused.sentence, where=targets.file.piece.where)


class Vouched(Struct, frozen=True, kw_only=True):
    """A tag that Docker would accept, by which role."""

    tag: str
    digest: str
    size: int
    role: str


def vouched(case: Case, *, first_use: bool) -> tuple[list[Vouched], list[Reason]]:
    """Every tag that Docker would accept, by name, and why others, or whole delegations, do not count.

    The artifact of the case has only its repository. What is learnt goes into `case.learnt`.

    Raises:
        RefusedError: the repository is not right, or its root is not pinned and `first_use` does not allow that.
    """
    repository = _dct_chain.verify(case)
    if not repository.pin and not first_use:
        raise RefusedError("first-use", "the repository's root is not pinned, and trust on first use is not allowed")
    _learn(case, repository)
    found: dict[str, Vouched] = {}
    refused = list(repository.broken.values())
    for role in (RELEASES, TARGETS):
        targets = repository.targets.get(role)
        if targets is None:
            continue
        for tag in targets.names():
            if tag in found:
                continue
            try:
                _not_overruled(repository, role, tag)
                digest, size = _stated(targets, tag)
            except RefusedError as no:
                refused.append(Reason(slug=no.slug, sentence=no.sentence, where=f"{role} {tag[:128]}"))
                continue
            found[tag] = Vouched(tag=tag, digest=digest, size=size, role=role)
    return sorted(found.values(), key=lambda one: one.tag), refused


def _learn(case: Case, repository: Repository) -> None:
    """Replace what was known of the repository; of roles that are out of use nothing is kept."""
    prefix = f"dct {case.artifact.repository} "
    for name in [name for name in case.learnt if name.startswith(prefix)]:
        del case.learnt[name]
    case.learnt.update(repository.memory)


def _tag(artifact: Artifact, targets: Targets) -> str:
    """The target that is this artifact."""
    role = targets.role.name
    for tag in [artifact.tag] if artifact.tag else targets.names():
        if targets.entry(tag) is None:
            raise RefusedError("no-target", f"{role} says nothing of {tag[:128]}")
        digest, size = _stated(targets, tag)
        if digest in artifact.digests and artifact.size in (-1, size) and _also(targets, tag, artifact):
            return tag
        if artifact.tag:
            raise RefusedError("wrong-digest", f"{role} says that {tag[:128]} is {digest} of {size} bytes")
    raise RefusedError("no-target", f"{role} says nothing of this digest")


def _stated(targets: Targets, tag: str) -> tuple[str, int]:
    """Digest and size that a file gives for a target."""
    entry = targets.entry(tag) or {}
    value = exact(text(table(entry, "hashes"), "sha256"), targets.role.name)
    size = entry.get("length")
    if len(value) != 32 or not isinstance(size, int) or isinstance(size, bool) or size < 0:
        raise RefusedError("malformed", f"{targets.role.name}: {tag[:128]} has no SHA-256 or no length")
    return f"sha256:{value.hex()}", size


def _also(targets: Targets, tag: str, artifact: Artifact) -> bool:
    """Where SHA-512 is given and known, it has to be right as well."""
    known = next((one for one in artifact.digests if one.startswith("sha512:")), "")
    stated = text(table(targets.entry(tag) or {}, "hashes"), "sha512")
    return not known or not stated or f"sha512:{exact(stated, targets.role.name).hex()}" == known


def _not_overruled(repository: Repository, role: str, tag: str) -> None:
    """docker/cli, `getTrustedPullTargets`: the role for releases is asked first, and then `targets`."""
    if role != TARGETS:
        return
    if RELEASES in repository.broken:
        raise RefusedError("overruled", f"{RELEASES} is asked before {TARGETS}, and it cannot be used")
    releases = repository.targets.get(RELEASES)
    if releases is None or releases.entry(tag) is None:
        return
    if _stated(releases, tag) != _stated(repository.targets[TARGETS], tag):
        raise RefusedError("overruled", f"{RELEASES} is asked before {TARGETS}, and says otherwise of {tag[:128]}")


def _signatures(case: Case, repository: Repository, targets: Targets, tag: str) -> Iterator[Signature]:
    notes = () if repository.pin else ("the repository's root is trusted because it was the first one seen",)
    for signer in targets.signers:
        for identity in (Identity(subject=targets.role.name, kind="role"), None):
            yield Signature(
                format="dct",
                where=targets.file.piece.where,
                digest=_stated(targets, tag)[0],
                key=signer.key.fingerprint,
                identity=identity,
                authority=repository.pin,
                moments=(Moment(at=case.now, source="clock"),),
                annotations={"role": targets.role.name, "tag": tag},
                reference=case.artifact.repository,
                first_use=not repository.pin,
                notes=notes,
            )
