"""Provenance from the variables of CI services: nothing is made up; and cosign's predicates."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from msgspec import Struct
from msgspec.structs import fields

from thwart.core.trust import Attestation, Signature, TrustError
from thwart.trust._signing_predicates import provenance, scanned, type_of, wrapped
from thwart.trust.policy import Claims, parse
from thwart.trust.predicates import misfit

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
COMMIT = "0123456789abcdef0123456789abcdef01234567"
GITHUB = {
    "GITHUB_ACTIONS": "true",
    "GITHUB_SERVER_URL": "https://git.example.test",
    "GITHUB_REPOSITORY": "team/app",
    "GITHUB_WORKFLOW_REF": "team/app/.github/workflows/release.yml@refs/tags/v1",
    "GITHUB_REF": "refs/tags/v1",
    "GITHUB_SHA": COMMIT,
    "GITHUB_RUN_ID": "12",
    "GITHUB_RUN_ATTEMPT": "1",
    "GITHUB_EVENT_NAME": "push",
}
GITLAB = {
    "GITLAB_CI": "true",
    "CI_PROJECT_URL": "https://git.example.test/team/app",
    "CI_RUNNER_ID": "7",
    "CI_COMMIT_BRANCH": "main",
    "CI_COMMIT_SHA": COMMIT,
    "CI_CONFIG_PATH": ".gitlab-ci.yml",
    "CI_JOB_URL": "https://git.example.test/team/app/-/jobs/1",
}
JENKINS = {
    "JENKINS_URL": "https://ci.example.test/",
    "GIT_URL": "https://git.example.test/team/app",
    "GIT_BRANCH": "origin/main",
    "GIT_COMMIT": COMMIT,
    "JOB_NAME": "app/main",
    "BUILD_URL": "https://ci.example.test/job/app/1/",
}
BUILDKITE = {
    "BUILDKITE": "true",
    "BUILDKITE_BUILD_URL": "https://ci.example.test/team/app/builds/1",
    "BUILDKITE_REPO": "https://git.example.test/team/app",
    "BUILDKITE_BRANCH": "main",
    "BUILDKITE_COMMIT": COMMIT,
    "BUILDKITE_PIPELINE_SLUG": "app",
    "BUILDKITE_JOB_ID": "7",
}
GENERIC = {
    "THWART_BUILDER_ID": "https://ci.example.test/builder",
    "THWART_SOURCE_URI": "https://git.example.test/team/app",
    "THWART_SOURCE_REF": "refs/heads/main",
    "THWART_SOURCE_COMMIT": COMMIT,
    "THWART_WORKFLOW": "build.sh",
}
SERVICES = {"github": GITHUB, "gitlab": GITLAB, "jenkins": JENKINS, "buildkite": BUILDKITE, "generic": GENERIC}
OPTIONAL = {"GITHUB_EVENT_NAME"}


@pytest.mark.parametrize("name", SERVICES)
def test_the_policy_reads_what_is_stated(name: str) -> None:
    stated = provenance(SERVICES[name], NOW)
    definition = stated["buildDefinition"]
    assert definition["resolvedDependencies"][0]["digest"] == {"gitCommit": COMMIT}
    assert set(definition["externalParameters"]["workflow"]) == {"ref", "repository", "path"}
    builder = stated["runDetails"]["builder"]["id"]
    rule = '[[trust]]\nscope = "**"\nkey = "k"\nattestation = {{predicate = "slsa-provenance", builder = "{}", source = "{}"}}'
    attestation = Attestation(
        signature=Signature(format="dsse", where="", digest="", key=""),
        predicate_type=type_of("slsaprovenance1"),
        predicate=stated,
    )
    for source, slug in (
        ("https://git.example.test/team/app", ""),
        ("https://git.example.test/evil/app", "wrong-source"),
    ):
        claims = _claims(parse(rule.format(builder, source).encode(), "thwart.toml"))
        reason = misfit(claims, attestation, NOW)
        assert (reason.slug if reason else "") == slug


def _claims(policy: object) -> Claims:
    """The first requirement's claims, wherever the policy keeps them."""
    waiting: list[object] = [policy]
    while waiting:
        one = waiting.pop()
        if isinstance(one, Claims):
            return one
        if isinstance(one, (list, tuple)):
            waiting += one
        elif isinstance(one, Struct):
            waiting += [getattr(one, each.name) for each in fields(one)]
    raise AssertionError("no claims")


@pytest.mark.parametrize("name", SERVICES)
def test_nothing_is_made_up(name: str) -> None:
    whole = SERVICES[name]
    for lacking in whole:
        if lacking not in OPTIONAL:
            with pytest.raises(TrustError):
                provenance({key: value for key, value in whole.items() if key != lacking})


def test_what_cannot_be_a_source() -> None:
    for change in (
        {"GITHUB_SHA": "main"},
        {"GITHUB_SHA": COMMIT[:12]},
        {"GITHUB_SERVER_URL": "https://u:p@git.example.test"},
    ):
        with pytest.raises(TrustError):
            provenance(GITHUB | change)
    with pytest.raises(TrustError, match="never made up"):
        provenance({"CI": "true", "HOME": "/root"})


def test_github_is_what_github_itself_states() -> None:
    stated = provenance(GITHUB)
    definition = stated["buildDefinition"]
    assert definition["buildType"] == "https://actions.github.io/buildtypes/workflow/v1"
    assert definition["externalParameters"]["workflow"]["path"] == ".github/workflows/release.yml"
    assert definition["internalParameters"] == {"github": {"event_name": "push"}}
    assert "finishedOn" not in stated["runDetails"]["metadata"]


def test_cosigns_predicates() -> None:
    made = scanned("1.0", ("urn:db", "2026-11-20"), {"reports": []}, NOW, NOW)
    assert set(made) == {"invocation", "scanner", "metadata"}
    assert set(made["scanner"]) == {"uri", "version", "db", "result"}
    assert made["metadata"] == {"scanStartedOn": "2026-11-23T12:00:00Z", "scanFinishedOn": "2026-11-23T12:00:00Z"}
    assert wrapped("x", NOW) == {"Data": "x", "Timestamp": "2026-11-23T12:00:00Z"}


def test_types() -> None:
    assert type_of("spdxjson") == "https://spdx.dev/Document"
    assert type_of("https://example.test/x") == "https://example.test/x"
    for wrong in ("", "sbom", "a b:c", "https://a b"):
        with pytest.raises(TrustError, match="no type"):
            type_of(wrong)


def test_the_policy_judges_our_own_scans() -> None:
    rule = '[[trust]]\nscope = "**"\nkey = "k"\nattestation = {predicate = "vulnerabilities", fail-on = "high"}'
    claims = _claims(parse(rule.encode(), "thwart.toml"))
    for severity, slug in (("medium", ""), ("high", "vulnerable"), ("unheard-of", "vulnerable")):
        result = {"reports": [{"findings": [{"severity": severity}]}]}
        attestation = Attestation(
            signature=Signature(format="dsse", where="", digest="", key=""),
            predicate_type=type_of("vuln"),
            predicate=scanned("1.0", ("urn:db", "2026-11-20"), result, NOW, NOW),
        )
        reason = misfit(claims, attestation, NOW)
        assert (reason.slug if reason else "") == slug
