"""What attestations say against what is required of them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from thwart.core.trust import Attestation, Signature
from thwart.trust import policy, predicates

NOW = datetime(2026, 6, 1, tzinfo=UTC)
VULN = "https://cosign.sigstore.dev/attestation/vuln/v1"
SLSA = "https://slsa.dev/provenance/v1"
BOM = "https://cyclonedx.org/bom"
TRIVY = {"Results": [{"Vulnerabilities": [{"Severity": "HIGH"}, {"Severity": "LOW"}]}]}
GRYPE = {"matches": [{"vulnerability": {"severity": "Critical"}}]}


def scan(result: object, finished: str = "2026-05-30T00:00:00Z") -> dict[str, Any]:
    return {"scanner": {"uri": "pkg:scanner", "result": result}, "metadata": {"scanFinishedOn": finished}}


def provenance(**external: object) -> dict[str, Any]:
    return {
        "buildDefinition": {"buildType": "https://b.test/v1", "externalParameters": external},
        "runDetails": {"builder": {"id": "https://builder.test"}},
    }


OLD_PROVENANCE = {
    "builder": {"id": "https://builder.test"},
    "buildType": "https://b.test/v1",
    "invocation": {"configSource": {"uri": "git+https://git.test/team/app.git@refs/heads/main"}},
}
WORKFLOW = {"repository": "https://git.test/team/app"}


def misfit(rule: str, kind: str, predicate: dict[str, Any]) -> str:
    text = f'[[trust]]\nscope = "files"\nkey = "a"\nattestation = {{{rule}}}'.encode()
    (leaf,) = policy.parse(text, "thwart.toml").leaves()
    assert leaf.claims is not None
    signature = Signature(format="dsse", where="x", digest="sha256:0", key="sha256:0")
    reason = predicates.misfit(
        leaf.claims, Attestation(signature=signature, predicate_type=kind, predicate=predicate), NOW
    )
    return reason.slug if reason else ""


@pytest.mark.parametrize(
    ("rule", "kind", "predicate", "slug"),
    [
        ('predicate = "vulnerabilities"', VULN, scan(TRIVY), ""),
        ('predicate = "vulnerabilities", fail-on = "critical"', VULN, scan(TRIVY), ""),
        ('predicate = "vulnerabilities", fail-on = "high"', VULN, scan(TRIVY), "vulnerable"),
        ('predicate = "vulnerabilities", fail-on = "critical"', VULN, scan(GRYPE), "vulnerable"),
        ('predicate = "vulnerabilities", fail-on = "critical"', VULN, scan({"matches": []}), ""),
        ('predicate = "vulnerabilities", fail-on = "critical"', VULN, scan({"runs": []}), "unreadable-scan"),
        ('predicate = "vulnerabilities", fail-on = "critical"', VULN, scan(None), "unreadable-scan"),
        (
            'predicate = "vulnerabilities", fail-on = "critical"',
            VULN,
            scan({"matches": [{"vulnerability": {"severity": "Dreadful"}}]}),
            "vulnerable",
        ),
        (
            'predicate = "vulnerabilities", fail-on = "high"',
            "https://in-toto.io/attestation/vulns/v0.1",
            scan([{"id": "CVE-1", "severity": [{"method": "nvd", "score": "9.8"}]}]),
            "vulnerable",
        ),
        ('predicate = "vulnerabilities", scanner = "pkg:other"', VULN, scan(TRIVY), "wrong-scanner"),
        ('predicate = "vulnerabilities", max-age = "7d"', VULN, scan(TRIVY), ""),
        ('predicate = "vulnerabilities", max-age = "1d"', VULN, scan(TRIVY), "too-old"),
        ('predicate = "vulnerabilities", max-age = "1d"', VULN, scan(TRIVY, "2026-07-01T00:00:00Z"), "future"),
        ('predicate = "vulnerabilities", max-age = "1d"', VULN, scan(TRIVY, "yesterday"), "no-time"),
        ('predicate = "vulnerabilities"', SLSA, provenance(), "predicate"),
        ('predicate = "slsa-provenance", builder = "https://builder.test"', SLSA, provenance(), ""),
        ('predicate = "slsa-provenance", builder = "https://builder.tes"', SLSA, provenance(), "wrong-builder"),
        ('predicate = "slsa-provenance", build-type = "https://c.test"', SLSA, provenance(), "wrong-build-type"),
        ('predicate = "slsa-provenance", source = "https://git.test/team/app"', SLSA, provenance(workflow=WORKFLOW), ""),
        ('predicate = "slsa-provenance", source = "https://git.test/team/app"', SLSA, provenance(), "wrong-source"),
        (
            'predicate = "slsa-provenance", source = "https://git.test/team/app"',
            SLSA,
            provenance(workflow=WORKFLOW, source="https://git.test/evil"),
            "wrong-source",
        ),
        (
            'predicate = "slsa-provenance", source = "https://git.test/team/app"',
            "https://slsa.dev/provenance/v0.2",
            OLD_PROVENANCE,
            "",
        ),
        ('predicate = "slsa-provenance", parameters = ["workflow"]', SLSA, provenance(workflow=WORKFLOW), ""),
        ('predicate = "slsa-provenance", parameters = ["workflow"]', SLSA, provenance(debug=True), "parameters"),
        ('predicate = "slsa-provenance"', SLSA, {"buildDefinition": {}}, "provenance"),
        ('predicate = "sbom"', BOM, {"components": [{"name": "x"}]}, ""),
        ('predicate = "sbom"', BOM + "/v1.5", {"components": [{"name": "x"}]}, ""),
        ('predicate = "sbom"', BOM, {"components": []}, "empty"),
        ('predicate = "spdx"', BOM, {"components": [{"name": "x"}]}, "predicate"),
        ('predicate = "sbom", max-age = "30d"', "https://spdx.dev/Document", {"packages": [{}], "creationInfo": {"created": "2026-01-01T00:00:00Z"}}, "too-old"),
        ('predicate = "openvex", refuse-status = ["affected"]', "https://openvex.dev/ns", {"statements": [{"status": "affected"}]}, "vex"),
        ('predicate = "openvex", refuse-status = ["affected"]', "https://openvex.dev/ns", {"statements": [{"status": "fixed"}]}, ""),
        ('predicate = "https://own.test/v1"', "https://own.test/v1", {"x": 1}, ""),
        ('predicate = "https://own.test/v1"', "https://own.test/v1", {}, "empty"),
    ],
)  # fmt: skip
def test_claims(rule: str, kind: str, predicate: dict[str, Any], slug: str) -> None:
    assert misfit(rule, kind, predicate) == slug
