"""The trust policy: which repositories need which signatures and attestations, in one grammar for all formats.

A file (TOML, YAML or JSON) holds a list `trust`. Each entry has a `scope`, and either `reject = true`, or
`unsafe-accept-anything = true`, or a requirement. A requirement is a combination (`all-of`, `any-of`, or `at-least` with
`of`) of requirements, or a leaf; what a leaf may say is in `LEAF` and `CLAIMS` of `_policy_file`.

Scopes are names with registry: `registry.example/team/app`. `*` stands for anything within one part, `**` for any number
of parts, a host alone for all that it has, `**` alone for every image, `files` for what is no image. The most specific
scope that matches decides, alone: a name without wildcards, else the one with more literal characters, then the one
with fewer `**`, then with fewer `*`, then the earlier one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta

from msgspec import Struct

from thwart.core.trust import Reason

FILES = "files"
TEXT_MAX = 2048
_DOCKER_HUB = frozenset({"index.docker.io", "registry-1.docker.io", "registry.hub.docker.com"})
FORMATS = ("cosign", "dsse", "bundle", "detached", "notation", "dct", "tuf")


class Pattern(Struct, frozen=True):
    """What a text must be: itself, or a regular expression over all of it."""

    text: str
    regex: re.Pattern[str] | None = None

    def fits(self, value: str) -> bool:
        """Whether the value is meant; a value longer than any identity never is."""
        if self.regex is None:
            return value == self.text
        return len(value) <= TEXT_MAX and self.regex.fullmatch(value) is not None


class Claims(Struct, frozen=True, kw_only=True):
    """What an attestation must say."""

    predicate: str
    builder: Pattern | None = None
    source: Pattern | None = None
    build_type: str = ""
    parameters: tuple[str, ...] | None = None
    scanner: str = ""
    fail_on: str = ""
    max_age: timedelta | None = None
    refuse_status: tuple[str, ...] = ()


class Leaf(Struct, frozen=True, kw_only=True):
    """One signature or attestation that is required, and everything that must be true of it."""

    formats: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    subject: Pattern | None = None
    issuer: Pattern | None = None
    authorities: tuple[str, ...] = ()
    annotations: tuple[tuple[str, str], ...] = ()
    reference: str = ""
    transparency: bool = False
    timestamp: bool = False
    max_age: timedelta | None = None
    claims: Claims | None = None
    without_log: bool = False
    without_promise: bool = False
    first_use: bool = False


class Group(Struct, frozen=True, kw_only=True):
    """All of them, any of them, or at least so many of them, each by a signer of its own. `kind`: all, any, least."""

    kind: str
    members: tuple[Requirement, ...]
    count: int = 0


Requirement = Leaf | Group


class Rule(Struct, frozen=True, kw_only=True):
    """What is required in one scope. Without a requirement it rejects, or (unsafe) accepts, everything."""

    scope: str
    requirement: Requirement | None = None
    reject: bool = False

    @property
    def rank(self) -> tuple[bool, int, int, int]:
        """How specific the scope is; the greater decides."""
        scope = _whole(self.scope)
        double = scope.count("**")
        return "*" not in scope, len(scope.replace("*", "")), -double, -(scope.count("*") - 2 * double)


class TrustPolicy(Struct, frozen=True, kw_only=True):
    """Rules in the order of the file."""

    rules: tuple[Rule, ...]

    def rule_for(self, repository: str) -> Rule | None:
        """The most specific rule for a repository with its registry; an empty name asks for `files`."""
        name = canonical(repository) or FILES
        matching = [rule for rule in self.rules if _matches(rule.scope, name)]
        return max(matching, key=lambda rule: rule.rank, default=None)  # of equals, max keeps the first

    def leaves(self) -> Iterator[Leaf]:
        """Every leaf of every rule."""
        for rule in self.rules:
            if rule.requirement is not None:
                yield from leaves(rule.requirement)

    def names(self) -> tuple[frozenset[str], frozenset[str]]:
        """The names of keys and of authorities that the policy speaks of: what the shell has to read."""
        every = list(self.leaves())
        keys = frozenset(name for leaf in every for name in leaf.keys)
        return keys, frozenset(name for leaf in every for name in leaf.authorities)


def parse(data: bytes, path: str) -> TrustPolicy:
    """Read a policy: TOML where the path ends in `.toml` (the table `trust` of it), else YAML, of which JSON is a part.

    Raises:
        TrustError: not readable, no rule at all, an unknown key, a wildcard where an identity belongs.
    """
    from thwart.trust._policy_file import read

    return TrustPolicy(rules=read(data, path))


def stated(document: Mapping[str, object], where: str) -> TrustPolicy:
    """A policy that a program states, by the same rules. Raises as `parse` does; `where` begins the complaint."""
    from thwart.trust._policy_file import rules_of

    return TrustPolicy(rules=rules_of(document, where))


def leaves(requirement: Requirement) -> Iterator[Leaf]:
    """The leaves of a requirement."""
    if isinstance(requirement, Leaf):
        yield requirement
    else:
        for member in requirement.members:
            yield from leaves(member)


def check(policy: TrustPolicy, keys: Iterable[str], authorities: Iterable[str]) -> list[Reason]:
    """What is wrong with a policy that can be read: names that nothing has, and thresholds that nobody can reach.

    Args:
        policy: the policy.
        keys: fingerprints by which the keys differ, as `name` or `name=fingerprint`.
        authorities: the names of authorities that are known.
    """
    known = dict(one.partition("=")[::2] for one in keys)
    named = set(authorities)
    found = []
    for rule in policy.rules:
        if rule.requirement is None:
            if not rule.reject:
                found.append(Reason(slug="unsafe", sentence="accepts anything at all", where=rule.scope))
            continue
        for leaf in leaves(rule.requirement):
            missing = [name for name in leaf.keys if name not in known]
            missing += [name for name in leaf.authorities if name not in named]
            found += [
                Reason(slug="unknown-name", sentence=f"nothing is known by the name {name!r}", where=rule.scope)
                for name in missing
            ]
        found += _thresholds(rule.requirement, known, rule.scope)
    return found


def _thresholds(requirement: Requirement, known: Mapping[str, str], scope: str) -> Iterator[Reason]:
    if isinstance(requirement, Leaf):
        return
    for member in requirement.members:
        yield from _thresholds(member, known, scope)
    if requirement.kind != "least":
        return
    pinned = [member for member in requirement.members if isinstance(member, Leaf) and member.keys]
    signers = {known.get(name) or name for leaf in pinned for name in leaf.keys}
    most = len(requirement.members) - len(pinned) + min(len(signers), len(pinned))
    if requirement.count > most:
        sentence = f"asks for {requirement.count} signers, but there can be only {most}: keys are named twice"
        yield Reason(slug="unreachable", sentence=sentence, where=scope)


def _matches(scope: str, name: str) -> bool:
    if FILES in (scope, name):
        return scope == name
    return glob(_whole(scope)).fullmatch(name) is not None


def _whole(scope: str) -> str:
    """A host alone stands for all that it has."""
    return canonical(scope if "/" in scope or scope in ("**", FILES) else scope + "/**")


def canonical(repository: str) -> str:
    """The one spelling of a repository: a registry is the same in any case, with its default port and by its other names.

    Otherwise whoever names the image would choose the rule that judges it.
    """
    host, slash, path = repository.partition("/")
    if not slash:
        return repository
    bare, colon, port = host.lower().rpartition(":")
    if colon and port.isascii() and port.isdigit():
        stripped = port.lstrip("0")
        host = bare if stripped == "443" else f"{bare}:{stripped}"
    else:
        host = host.lower()
    host = host.removesuffix(".")
    return f"{'docker.io' if host in _DOCKER_HUB else host}/{path}"


def glob(pattern: str) -> re.Pattern[str]:
    """`*` stops at slashes; `/**` also stands for nothing at the end, so that `a/**` covers `a/b` but not `ab`."""
    parts = {"**": ".*", "*": "[^/]*"}
    return re.compile(
        "".join(parts.get(part) or re.escape(part) for part in re.split(r"(\*\*|\*)", pattern)), re.DOTALL
    )
