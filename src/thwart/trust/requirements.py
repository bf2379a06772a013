"""Whether what was found is what a rule requires; and for all that was found and does not count, why not."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from msgspec import Struct

from thwart.core.trust import Attestation, Reason, Signature
from thwart.trust import predicates
from thwart.trust.anchors import Anchors
from thwart.trust.policy import Group, Leaf, Requirement


class Finds(Struct, frozen=True, kw_only=True):
    """What is cryptographically right."""

    signatures: tuple[Signature, ...] = ()
    attestations: tuple[Attestation, ...] = ()


class Outcome(Struct, frozen=True, kw_only=True):
    """Whether the requirement is met, by what, and why not by anything else."""

    met: bool
    signatures: tuple[Signature, ...] = ()
    attestations: tuple[Attestation, ...] = ()
    reasons: tuple[Reason, ...] = ()
    refused: tuple[Reason, ...] = ()


def satisfy(requirement: Requirement, finds: Finds, anchors: Anchors, now: datetime) -> Outcome:
    """Ask a requirement of the finds. Nothing found never satisfies anything."""
    asking = _Asking(finds, anchors, now)
    met = asking.ask(requirement)
    used = list(dict.fromkeys(id(one) for one in asking.used))
    by_id = {id(one): one for one in asking.used}
    chosen = [by_id[one] for one in used]
    return Outcome(
        met=met,
        signatures=tuple(one for one in chosen if isinstance(one, Signature)),
        attestations=tuple(one for one in chosen if isinstance(one, Attestation)),
        reasons=tuple(asking.met if met else asking.unmet),
        refused=tuple(asking.refused),
    )


class _Asking:
    """One pass over a requirement; what it learns collects in its lists."""

    def __init__(self, finds: Finds, anchors: Anchors, now: datetime) -> None:
        self._finds = finds
        self._anchors = anchors
        self._now = now
        self.used: list[Signature | Attestation] = []
        self.met: list[Reason] = []
        self.unmet: list[Reason] = []
        self.refused: list[Reason] = []

    def ask(self, requirement: Requirement) -> bool:
        if isinstance(requirement, Leaf):
            return self._leaf(requirement)
        if requirement.kind == "all":
            return sum(self.ask(member) for member in requirement.members) == len(requirement.members)
        if requirement.kind == "any":  # every one is asked, so that every reason is known
            return sum(self.ask(member) for member in requirement.members) > 0
        return self._least(requirement)

    def _leaf(self, leaf: Leaf) -> bool:
        fitting = self._fitting(leaf)
        self.used += fitting
        if fitting:
            self.met.append(
                Reason(slug="met", sentence=f"{described(leaf)}: {_signer(fitting[0])}", where=_of(fitting[0]).where)
            )
        else:
            self.unmet.append(Reason(slug="missing", sentence=f"there is no {described(leaf)} that counts"))
        return bool(fitting)

    def _least(self, group: Group) -> bool:
        """A threshold: members and signers are paired off, so that neither counts twice (maximum matching)."""
        choices = [self._fitting(leaf) for leaf in group.members if isinstance(leaf, Leaf)]
        signers = _signers([one for fitting in choices for one in fitting])
        taken: dict[int, int] = {}
        for member in range(len(choices)):
            _assign(member, [[signers[id(one)] for one in fitting] for fitting in choices], taken, set())
        for signer, member in taken.items():
            self.used += [one for one in choices[member] if signers[id(one)] == signer]
        sentence = f"{len(taken)} of {len(group.members)} signers, and {group.count} are required"
        if len(taken) >= group.count:
            self.met.append(Reason(slug="met", sentence=sentence))
            return True
        self.unmet.append(Reason(slug="threshold", sentence=f"signed by only {sentence}"))
        return False

    def _fitting(self, leaf: Leaf) -> list[Signature | Attestation]:
        finds: Sequence[Signature | Attestation] = self._finds.attestations if leaf.claims else self._finds.signatures
        fitting = []
        for find in finds:
            misfit = self._misfit(leaf, find)
            if misfit is None:
                fitting.append(find)
            else:
                self.refused.append(Reason(slug=misfit.slug, sentence=misfit.sentence, where=_of(find).where))
        return fitting

    def _misfit(self, leaf: Leaf, find: Signature | Attestation) -> Reason | None:
        """Why a find is not what the leaf asks for."""
        signature = _of(find)
        if leaf.formats and signature.format not in leaf.formats:
            return _not("format", f"it is of the format {signature.format}, not {' or '.join(leaf.formats)}")
        reason = self._wrong_signer(leaf, signature) or self._wrong_facts(leaf, signature)
        if reason is None and leaf.claims is not None and isinstance(find, Attestation):
            return predicates.misfit(leaf.claims, find, self._now)
        return reason

    def _wrong_signer(self, leaf: Leaf, signature: Signature) -> Reason | None:
        if leaf.keys:
            wanted = {self._anchors.keys[name].fingerprint for name in leaf.keys if name in self._anchors.keys}
            if not wanted:
                return _not("unknown-name", f"no key is known by the name {leaf.keys[0]!r}")
            if signature.identity is not None or signature.key not in wanted:
                return _not("wrong-key", f"it is not by {' or '.join(leaf.keys)}, but by {_signer(signature)}")
            return None
        if signature.identity is None:
            return _not("wrong-signer", f"it is by a key, {signature.key[:23]}…, and an identity is required")
        if leaf.subject is not None and not leaf.subject.fits(signature.identity.subject):
            return _not("wrong-identity", f"it is by {_signer(signature)}, not by {leaf.subject.text}")
        if leaf.issuer is not None and not leaf.issuer.fits(signature.identity.issuer):
            return _not(
                "wrong-issuer",
                f"its identity was checked by {signature.identity.issuer or 'nobody'!s}, not by {leaf.issuer.text}",
            )
        if leaf.authorities and signature.authority not in leaf.authorities:
            return _not(
                "wrong-authority",
                f"its certificate is under {signature.authority}, not {' or '.join(leaf.authorities)}",
            )
        return None

    def _wrong_facts(self, leaf: Leaf, signature: Signature) -> Reason | None:
        if signature.first_use and not leaf.first_use:
            return _not("first-use", "its root is not pinned, and the policy does not allow trust on first use")
        needs_log = leaf.transparency or (signature.sigstore and not leaf.without_log)
        if needs_log and not signature.logs:
            return _not("no-log", "no trusted transparency log holds it")
        if signature.sigstore and not signature.promised and not leaf.without_promise:
            return _not("no-sct", "no trusted certificate log promised its certificate")
        if leaf.timestamp and not any(moment.source == "timestamp" for moment in signature.moments):
            return _not("no-timestamp", "no trusted time-stamping authority vouches for its time")
        if leaf.reference and signature.reference != leaf.reference:
            return _not("wrong-reference", f"it was made for {signature.reference[:100]!r}")
        for name, value in leaf.annotations:
            if signature.annotations.get(name) != value:
                return _not("annotation", f"it does not say {name}={value}")
        if leaf.max_age is not None:
            proven = [moment.at for moment in signature.moments if moment.source != "clock"]
            if not proven:
                return _not("no-time", "nothing proves how old it is")
            if self._now - min(proven) > leaf.max_age:
                return _not("too-old", f"it is of {min(proven):%Y-%m-%d}, older than {leaf.max_age.days} days")
        return None


def described(leaf: Leaf) -> str:
    """A leaf in words."""
    what = f"attestation ({leaf.claims.predicate})" if leaf.claims else f"{' or '.join(leaf.formats)} signature".strip()
    if leaf.keys:
        return f"{what} by {' or '.join(leaf.keys)}"
    subject = leaf.subject.text if leaf.subject else "anybody"
    by = leaf.issuer.text if leaf.issuer else " or ".join(leaf.authorities)
    return f"{what} by {subject}" + (f" of {by}" if by else "")


def _signers(finds: Iterable[Signature | Attestation]) -> dict[int, int]:
    """A number for each find: finds that share a key, or an identity, are of one signer."""
    finds = list(finds)
    parent: dict[str, str] = {}

    def top(token: str) -> str:
        while parent.setdefault(token, token) != token:
            token = parent[token]
        return token

    for find in finds:
        first, *others = _tokens(_of(find))
        for other in others:
            parent[top(other)] = top(first)
    numbers: dict[str, int] = {}
    return {id(find): numbers.setdefault(top(_tokens(_of(find))[0]), len(numbers)) for find in finds}


def _tokens(signature: Signature) -> list[str]:
    identity = signature.identity
    named = [f"identity {identity.issuer} {identity.subject.casefold()}"] if identity is not None else []
    return [f"key {signature.key}", *named]


def _assign(member: int, wanted: Sequence[Sequence[int]], taken: dict[int, int], seen: set[int]) -> bool:
    """Give a member a signer of its own, moving others where they have a choice (augmenting path)."""
    for signer in wanted[member]:
        if signer in seen:
            continue
        seen.add(signer)
        if signer not in taken or _assign(taken[signer], wanted, taken, seen):
            taken[signer] = member
            return True
    return False


def _of(find: Signature | Attestation) -> Signature:
    return find.signature if isinstance(find, Attestation) else find


def _signer(find: Signature | Attestation) -> str:
    signature = _of(find)
    if signature.identity is None:
        return f"the key {signature.key[:23]}…"
    checked = signature.identity.issuer or signature.authority
    return f"{signature.identity.subject[:200]} of {checked[:100]}"


def _not(slug: str, sentence: str) -> Reason:
    return Reason(slug=slug, sentence=sentence)
