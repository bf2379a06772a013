"""What attestations say, compared with what the policy wants them to say.

Sources: SLSA provenance v0.2 and v1 ("Verifying artifacts": builder, source, build type, external parameters); cosign's
COSIGN_VULN_ATTESTATION_SPEC and in-toto's vulns predicates; CycloneDX, SPDX and OpenVEX documents as predicates. What
cannot be read never passes: a scan in an unknown form has findings of unknown severity.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from thwart.core.trust import Attestation, Reason
from thwart.trust._values import instant
from thwart.trust.policy import Claims

_SLSA_1 = "https://slsa.dev/provenance/v1"
_SLSA_0 = ("https://slsa.dev/provenance/v0.2", "https://slsa.dev/provenance/v0.1")
_CYCLONEDX = ("https://cyclonedx.org/bom", "https://cyclonedx.org/schema")
_SPDX = ("https://spdx.dev/Document",)
_VULNS = (
    "https://cosign.sigstore.dev/attestation/vuln/v1",
    "https://in-toto.io/attestation/vulns/v0.1",
    "https://in-toto.io/attestation/vulns/v0.2",
    "https://in-toto.io/attestation/vulns",
)
_OPENVEX = ("https://openvex.dev/ns", "https://openvex.dev/ns/v0.2.0")
NAMES = {
    "slsa-provenance": (_SLSA_1, *_SLSA_0),
    "sbom": (*_CYCLONEDX, *_SPDX),
    "cyclonedx": _CYCLONEDX,
    "spdx": _SPDX,
    "vulnerabilities": _VULNS,
    "openvex": _OPENVEX,
}
ANY = "any"
_RANK = {name: rank for rank, name in enumerate(("negligible", "low", "medium", "high", "critical"))}
_SKEW = timedelta(minutes=5)
_MOST = 200_000


def misfit(claims: Claims, attestation: Attestation, now: datetime) -> Reason | None:
    """Why an attestation is not what is required; None when it is."""
    kind, predicate = attestation.predicate_type, attestation.predicate
    if claims.predicate == ANY:
        return _too_old(claims.max_age, attestation, now) if claims.max_age is not None else None
    wanted = NAMES.get(claims.predicate, (claims.predicate,))
    if not any(kind == one or (one in _SPDX + _CYCLONEDX and kind.startswith(one + "/")) for one in wanted):
        return Reason(slug="predicate", sentence=f"it is of type {kind[:100]}, not {claims.predicate}")
    for slug, sentence in _wrong(claims, kind, predicate):
        return Reason(slug=slug, sentence=sentence)
    if claims.max_age is not None:
        return _too_old(claims.max_age, attestation, now)
    return None


def _wrong(claims: Claims, kind: str, predicate: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if not predicate:
        yield "empty", "it states nothing"
    if kind == _SLSA_1 or kind in _SLSA_0:
        yield from _wrong_provenance(claims, kind, predicate)
    elif claims.builder or claims.source or claims.build_type or claims.parameters is not None:
        yield "predicate", "it is no SLSA provenance, and one is required"
    if kind in _VULNS:
        yield from _wrong_scan(claims, predicate)
    elif claims.scanner or claims.fail_on:
        yield "predicate", "it is no vulnerability scan, and one is required"
    if kind in (*_CYCLONEDX, *_SPDX) and not (
        _list(predicate, "components") or _list(predicate, "packages") or predicate.get("@graph")
    ):
        yield "empty", "the bill of materials lists nothing"
    if claims.refuse_status:
        yield from _wrong_states(claims, kind, predicate)


def _wrong_provenance(claims: Claims, kind: str, predicate: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    new = kind == _SLSA_1
    definition = _at(predicate, "buildDefinition")
    builder = _text(_at(_at(predicate, "runDetails"), "builder") if new else _at(predicate, "builder"), "id")
    build_type = _text(definition if new else predicate, "buildType")
    if not builder or not build_type:
        yield "provenance", "the provenance lacks its builder or its build type"
    if claims.builder is not None and not claims.builder.fits(builder):
        yield "wrong-builder", f"it was built by {builder[:200]}"
    if claims.build_type and build_type != claims.build_type:
        yield "wrong-build-type", f"its build type is {build_type[:200]}"
    if claims.source is not None:
        sources = list(dict.fromkeys(_sources(predicate, new=new)))
        if not sources or not all(claims.source.fits(one) for one in sources):
            yield "wrong-source", f"it was built from {', '.join(sources)[:300] or 'an unknown source'}"
    if claims.parameters is not None:
        given = _at(definition, "externalParameters") if new else _at(_at(predicate, "invocation"), "parameters")
        odd = [name for name in given if name not in claims.parameters]
        if odd:
            yield "parameters", f"it was built with the parameter {odd[0][:60]!r}, which is not expected"


def _sources(predicate: Mapping[str, Any], *, new: bool) -> Iterator[str]:
    """The source repository, without `git+` and without the revision."""
    if new:
        external = _at(_at(predicate, "buildDefinition"), "externalParameters")
        for holder in (_at(external, "workflow"), external):
            for name in ("repository", "source", "sourceUri"):
                yield from _repository(holder.get(name))
        return
    yield from _repository(_at(_at(predicate, "invocation"), "configSource").get("uri"))


def _repository(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        value = value.get("uri")
    if isinstance(value, str) and value:
        bare = value.removeprefix("git+")
        scheme, mark, rest = bare.partition("://")
        yield (scheme + mark + rest.partition("@")[0] if mark else bare.partition("@")[0]).removesuffix(".git")


def _wrong_scan(claims: Claims, predicate: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    scanner = _at(predicate, "scanner")
    if claims.scanner and claims.scanner not in (_text(scanner, "uri"), _text(scanner, "name")):
        yield "wrong-scanner", f"it was scanned by {_text(scanner, 'uri')[:100] or 'an unknown scanner'}"
    if not claims.fail_on:
        return
    severities = _severities(scanner.get("result"))
    if severities is None:
        yield "unreadable-scan", "the scan's result is in a form that cannot be judged"
        return
    worst = max((_RANK.get(one, len(_RANK)) for one in severities), default=-1)  # an unknown word may be the worst
    if worst >= _RANK[claims.fail_on]:
        named = next((name for name, rank in _RANK.items() if rank == worst), "unknown")
        yield "vulnerable", f"the scan has a finding of severity {named}"


def _severities(result: object) -> list[str] | None:
    """The severities in a scanner's own output: Thwart's, Trivy's, Grype's, or in-toto's list; None when it is none of these."""
    if isinstance(result, list):
        return [_scored(one) for one in result[:_MOST] if isinstance(one, dict)]
    if not isinstance(result, dict):
        return None
    if isinstance(result.get("Results"), list) or "ArtifactName" in result:
        held = [_list(one, "Vulnerabilities") for one in _list(result, "Results")]
        return [_text(one, "Severity").lower() for found in held for one in found]
    if isinstance(result.get("reports"), list):
        found = [_list(report, "findings") for report in _list(result, "reports")]
        return [_text(one, "severity").lower() for each in found for one in each]
    if isinstance(result.get("matches"), list):
        return [_text(_at(one, "vulnerability"), "severity").lower() for one in _list(result, "matches")]
    return None


def _scored(one: Mapping[str, Any]) -> str:
    """in-toto vulns: `severity` is a list of {method, score}; the worst of the CVSS base scores counts (CVSS 3.1, 5)."""
    worst = -1.0
    for entry in _list(one, "severity"):
        try:
            worst = max(worst, float(str(entry.get("score"))))
        except ValueError:
            return "unknown"
    if worst < 0:
        return "unknown"
    bands = ((9.0, "critical"), (7.0, "high"), (4.0, "medium"), (0.1, "low"))
    return next((name for least, name in bands if worst >= least), "negligible")


def _wrong_states(claims: Claims, kind: str, predicate: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if kind not in _OPENVEX:
        yield "predicate", "it is no OpenVEX document, and one is required"
    statements = _list(predicate, "statements")
    if not statements:
        yield "empty", "the VEX document states nothing"
    for statement in statements:
        if _text(statement, "status") in claims.refuse_status:
            yield "vex", f"a statement has the status {_text(statement, 'status')}"


def _too_old(most: timedelta, attestation: Attestation, now: datetime) -> Reason | None:
    """By the document's own time; where it has none, by the signature's proven one."""
    stated = next((at for text in _times(attestation.predicate) if (at := instant(text)) is not None), None)
    proven = [moment.at for moment in attestation.signature.moments if moment.source != "clock"]
    at = stated or min(proven, default=None)
    if at is None:
        return Reason(slug="no-time", sentence="nothing says how old the document is")
    if at > now + _SKEW:
        return Reason(slug="future", sentence=f"the document is of {at:%Y-%m-%d %H:%M}, which is yet to come")
    if now - at > most:
        return Reason(slug="too-old", sentence=f"the document is of {at:%Y-%m-%d}")
    return None


def _times(predicate: Mapping[str, Any]) -> Iterator[str]:
    metadata = _at(predicate, "metadata")
    run = _at(_at(predicate, "runDetails"), "metadata")
    for holder, name in (
        (metadata, "scanFinishedOn"),
        (run, "finishedOn"),
        (run, "startedOn"),
        (metadata, "buildFinishedOn"),
        (metadata, "buildStartedOn"),
        (metadata, "timestamp"),
        (_at(predicate, "creationInfo"), "created"),
        (predicate, "timestamp"),
    ):
        yield _text(holder, name)


def _at(parent: object, key: str) -> Mapping[str, Any]:
    value = parent.get(key) if isinstance(parent, dict) else None
    return value if isinstance(value, dict) else {}


def _list(parent: object, key: str) -> list[Mapping[str, Any]]:
    value = parent.get(key) if isinstance(parent, dict) else None
    return [one for one in value[:_MOST] if isinstance(one, dict)] if isinstance(value, list) else []


def _text(parent: Mapping[str, Any], key: str) -> str:
    value = parent.get(key)
    return value if isinstance(value, str) else ""
