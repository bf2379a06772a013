"""What is trusted and what is required: read from a policy file with its roots, or put together from flags."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from msgspec import Struct, field
from msgspec.structs import fields

from thwart import trust
from thwart.core.limits import MIB
from thwart.core.trust import Artifact, Bounds, Evidence, Judgement, Reason, Roots, TrustError
from thwart.lib import toml_bounded, yaml_positions
from thwart.lib.documents import DocumentError
from thwart.trust.policy import FILES, TrustPolicy

_BYTES = 4 * MIB
_KINDS = tuple(one.name.replace("_", "-") for one in fields(Roots))
PREDICATES = {
    "slsaprovenance": "slsa-provenance",
    "slsaprovenance02": "https://slsa.dev/provenance/v0.2",
    "slsaprovenance1": "https://slsa.dev/provenance/v1",
    "link": "https://in-toto.io/Link/v1",
    "spdx": "spdx",
    "spdxjson": "spdx",
    "cyclonedx": "cyclonedx",
    "vuln": "vulnerabilities",
    "openvex": "openvex",
    "custom": "https://cosign.sigstore.dev/attestation/v1",
}  # cosign's words


class Trusting(NamedTuple):
    """A policy, and what it speaks of."""

    policy: TrustPolicy
    anchors: trust.Anchors

    def judge(
        self, artifact: Artifact, evidence: Evidence, now: datetime, bounds: Bounds, known: Mapping[str, int]
    ) -> Judgement:
        """The trust room's word; `known` is what earlier runs learnt."""
        return trust.verify(artifact, evidence, self.policy, self.anchors, now, bounds, known)


class Court(Protocol):
    """A policy with what it trusts: ours, or notation's."""

    def judge(
        self, artifact: Artifact, evidence: Evidence, now: datetime, bounds: Bounds, known: Mapping[str, int]
    ) -> Judgement:
        """Judge an artifact by its evidence."""


class Required(Struct, frozen=True, kw_only=True):
    """One requirement for every target, as flags state it; files are read by `from_flags`."""

    keys: tuple[Path, ...] = ()
    threshold: int = 0
    subject: str = ""
    subject_regex: str = ""
    issuer: str = ""
    issuer_regex: str = ""
    authorities: tuple[Path, ...] = ()
    trusted_roots: tuple[Path, ...] = ()
    timestamping: tuple[Path, ...] = ()
    logs: tuple[Path, ...] = ()
    transparency: bool = False
    predicate: str = ""
    builder: str = ""
    source: str = ""
    annotations: Mapping[str, str] = field(default_factory=dict)
    pin: Path | None = None
    formats: tuple[str, ...] = ()


def from_file(path: Path) -> Trusting:
    """A policy file. Its table `roots` says in which files, from its own folder, what is trusted lies.

    A name that the table does not have is itself the path of a file.

    Raises:
        TrustError: the file, or one that it names, cannot be read or is wrong.
    """
    policy, stated = _stated(path)
    found = {kind: {name: read_file(file) for name, file in named.items()} for kind, named in stated.items()}
    anchors = trust.read_roots(Roots(**{kind.replace("-", "_"): named for kind, named in found.items()}))
    return Trusting(policy, anchors)


def files_of(path: Path) -> tuple[Path, ...]:
    """A policy file and those that it names: what must change for it to mean something else.

    Raises:
        TrustError: the policy cannot be read or is wrong.
    """
    return path, *(file for named in _stated(path)[1].values() for file in named.values())


def _stated(path: Path) -> tuple[TrustPolicy, dict[str, dict[str, Path]]]:
    """A policy, and for each kind of trust its files by name."""
    data = read_file(path)
    policy = trust.policy.parse(data, str(path))
    stated = _roots_table(data, path)
    keys, authorities = policy.names()
    for kind, names in (("keys", keys), ("authorities", authorities)):
        known = {*stated[kind], *(stated["sigstore"] if kind == "authorities" else ()), *stated["stores"]}
        stated[kind] |= {name: name for name in names if name not in known}
    return policy, {kind: {name: path.parent / file for name, file in named.items()} for kind, named in stated.items()}


def from_flags(required: Required) -> Trusting:
    """The policy that flags mean: the same grammar, so that the same carelessness is refused.

    Raises:
        TrustError: nobody is named, a pattern fits anybody, a file is wrong.
    """
    keys = {f"{path}": read_file(path) for path in required.keys}
    authorities = {f"{path}": read_file(path) for path in required.authorities}
    leaf = _without_empty(
        {
            "subject": required.subject,
            "subject-regex": required.subject_regex,
            "issuer": required.issuer,
            "issuer-regex": required.issuer_regex,
            "format": list(required.formats),
            "annotations": dict(required.annotations),
            "transparency": required.transparency,
            "attestation": _without_empty(
                {"predicate": required.predicate, "builder": required.builder, "source": required.source}
            ),
        }
    )
    if keys:
        leaf["keys"] = list(keys)
        if required.threshold:
            leaf["at-least"] = required.threshold
    elif authorities:
        leaf["authority"] = [*authorities, *(f"{path}" for path in required.trusted_roots)]
    document = {"trust": [{"scope": "**", **leaf}, {"scope": FILES, **_or_attested(leaf)}]}
    roots = Roots(
        keys=keys,
        authorities=authorities,
        sigstore=_read_all(required.trusted_roots),
        timestamping=_read_all(required.timestamping),
        logs=_read_all(required.logs),
        pins=dict.fromkeys(("**", FILES), read_file(required.pin)) if required.pin else {},
    )
    return Trusting(trust.policy.stated(document, "the command line"), trust.read_roots(roots))


def lint(path: Path) -> list[Reason]:
    """What is wrong with a policy file that can be read.

    Raises:
        TrustError: it cannot be read at all, or what it names cannot.
    """
    data = read_file(path)
    if b'"trustPolicies"' in data:
        from thwart.trust.notation_policy import read_policy

        read_policy(data, str(path))
        return []
    policy, anchors = from_file(path)
    keys = [f"{name}={key.fingerprint}" for name, key in anchors.keys.items()]
    names = [one.name for one in anchors.authorities]
    return trust.policy.check(policy, keys, [*names, *anchors.raw.stores])


def read_file(path: Path) -> bytes:
    """A key, a certificate, a root, a policy.

    Raises:
        TrustError: it is not there, or larger than any of these.
    """
    try:
        with path.expanduser().open("rb") as file:
            data = file.read(_BYTES + 1)
    except (OSError, ValueError, RuntimeError) as error:
        why = getattr(error, "strerror", None) or "its name is none"
        raise TrustError(f"{path} cannot be read: {why}") from None
    if len(data) > _BYTES:
        raise TrustError(f"{path} is larger than {_BYTES} bytes")
    return data


def _or_attested(leaf: Mapping[str, Any]) -> dict[str, Any]:
    """What vouches for a file may be a signature or, where none was asked for in particular, a statement about it."""
    return dict(leaf) if "attestation" in leaf else {"any-of": [leaf, {**leaf, "attestation": {"predicate": "any"}}]}


def _read_all(paths: Iterable[Path]) -> dict[str, bytes]:
    return {f"{path}": read_file(path) for path in paths}


def _without_empty(table: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in table.items() if value}


def _roots_table(data: bytes, path: Path) -> dict[str, dict[str, str]]:
    """`[roots]`: for each kind of trust, files by name."""

    def refuse(sentence: str) -> TrustError:
        return TrustError(f"{path}: {sentence}", f"kinds are {', '.join(_KINDS)}; each has files by name")

    load: Callable[[bytes], Any] = _toml if path.suffix == ".toml" else _yaml
    try:
        document = load(data)
    except DocumentError as error:
        raise TrustError(f"{path}:{error.line or 1}: {error.reason}") from None
    if path.name == "pyproject.toml":
        document = document.get("tool", {}).get("thwart", {})
    roots = document.get("roots", {}) if isinstance(document, dict) else {}
    if not isinstance(roots, dict):
        raise refuse("roots must be a table")
    unknown = [kind for kind in roots if kind not in _KINDS]
    if unknown:
        raise refuse(f"{str(unknown[0])[:60]!r} is no kind of root")
    for kind, named in roots.items():
        if not isinstance(named, dict) or not all(isinstance(one, str) and one for one in named.values()):
            raise refuse(f"roots.{kind} must be a table of file names")
    return {kind: {str(name): file for name, file in roots.get(kind, {}).items()} for kind in _KINDS}


def _toml(data: bytes) -> Any:  # noqa: ANN401
    return toml_bounded.load(data, max_bytes=_BYTES)


def _yaml(data: bytes) -> Any:  # noqa: ANN401
    return next(iter(yaml_positions.load_all(data, max_bytes=_BYTES, max_depth=64, max_nodes=100_000)), None)
