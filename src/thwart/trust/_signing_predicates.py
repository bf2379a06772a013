"""What is attested: the types of predicates by cosign's words, a vulnerability scan, the provenance of a build.

Sources: cosign, specs/COSIGN_PREDICATE_SPEC.md and COSIGN_VULN_ATTESTATION_SPEC.md; SLSA build provenance v1; GitHub's
build type `workflow/v1`; the variables of each CI service as its own reference lists them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from thwart.core.trust import TrustError

TYPES = {
    "slsaprovenance": "https://slsa.dev/provenance/v0.2",
    "slsaprovenance02": "https://slsa.dev/provenance/v0.2",
    "slsaprovenance1": "https://slsa.dev/provenance/v1",
    "link": "https://in-toto.io/Link/v1",
    "spdx": "https://spdx.dev/Document",
    "spdxjson": "https://spdx.dev/Document",
    "cyclonedx": "https://cyclonedx.org/bom",
    "vuln": "https://cosign.sigstore.dev/attestation/vuln/v1",
    "openvex": "https://openvex.dev/ns",
    "custom": "https://cosign.sigstore.dev/attestation/v1",
}
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[\x21-\x7e]+")
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_GITHUB_TYPE = "https://actions.github.io/buildtypes/workflow/v1"
_OWN_TYPE = "urn:thwart:buildtype:{}:v1"  # what the parameters mean is written in docs/guides/attest.md


def type_of(word: str) -> str:
    """The URI of a predicate's type.

    Raises:
        TrustError: neither one of cosign's words nor a URI.
    """
    known = TYPES.get(word, word)
    if not _URI.fullmatch(known):
        raise TrustError(
            f"there is no type of attestation {word!r}", f"choose one of {', '.join(TYPES)}, or give a URI"
        )
    return known


def scanned(
    version: str, database: tuple[str, str], result: object, begun: datetime, ended: datetime
) -> dict[str, Any]:
    """cosign's predicate of a scan; `database` is where the data is from and the day it was built."""
    return {
        "invocation": {"parameters": [], "uri": "", "event_id": "", "builder.id": ""},
        "scanner": {
            "uri": f"pkg:pypi/thwart@{version}",
            "version": version,
            "db": {"uri": database[0], "version": database[1]},
            "result": result,
        },
        "metadata": {"scanStartedOn": _time(begun), "scanFinishedOn": _time(ended)},
    }


def wrapped(data: str, at: datetime) -> dict[str, str]:
    """cosign's predicate for what has no type."""
    return {"Data": data, "Timestamp": _time(at)}


class _Build(NamedTuple):
    """What all services tell of a build. `inside` is for those who look for causes, nobody verifies it."""

    kind: str
    builder: str
    repository: str
    ref: str
    commit: str
    workflow: str
    invocation: str
    inside: Mapping[str, str]


def provenance(environment: Mapping[str, str], finished: datetime | None = None) -> dict[str, Any]:
    """The SLSA provenance (v1) of the build that these variables are of.

    Raises:
        TrustError: no CI service is recognised, or a variable lacks that the provenance cannot do without.
    """
    for mark, read in _SERVICES:
        if environment.get(mark):
            return _stated(read(_Variables(environment)), finished)
    raise TrustError(
        "the environment is of no CI service that is known, and a provenance is never made up",
        "known are GitHub Actions, GitLab, Jenkins and Buildkite; elsewhere set THWART_BUILDER_ID, THWART_SOURCE_URI, "
        "THWART_SOURCE_REF, THWART_SOURCE_COMMIT and THWART_WORKFLOW",
    )


class _Variables:
    """Variables, of which none may lack that is asked for."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment

    def __getitem__(self, names: str) -> str:
        """The first of several names, divided by blanks, that has a value."""
        for name in names.split():
            if value := self._environment.get(name, ""):
                return value
        raise TrustError(f"the variable {names.replace(' ', ' or ')} is not set, and the provenance needs it")

    def some(self, **names: str) -> dict[str, str]:
        """Those that are set."""
        return {key: value for key, name in names.items() if (value := self._environment.get(name, ""))}

    def maybe(self, name: str) -> str:
        """One that may lack."""
        return self._environment.get(name, "")


def _github(of: _Variables) -> _Build:
    repository = f"{of['GITHUB_SERVER_URL']}/{of['GITHUB_REPOSITORY']}"
    place = of["GITHUB_WORKFLOW_REF"]  # owner/repository/.github/workflows/x.yml@refs/heads/main
    run = f"{repository}/actions/runs/{of['GITHUB_RUN_ID']}/attempts/{of['GITHUB_RUN_ATTEMPT']}"
    return _Build(
        kind=_GITHUB_TYPE,
        builder=f"{of['GITHUB_SERVER_URL']}/{place}",
        repository=repository,
        ref=of["GITHUB_REF"],
        commit=of["GITHUB_SHA"],
        workflow=place.partition("@")[0].removeprefix(f"{of['GITHUB_REPOSITORY']}/"),
        invocation=run,
        inside=of.some(
            event_name="GITHUB_EVENT_NAME",
            repository_id="GITHUB_REPOSITORY_ID",
            repository_owner_id="GITHUB_REPOSITORY_OWNER_ID",
            runner_environment="RUNNER_ENVIRONMENT",
        ),
    )


def _gitlab(of: _Variables) -> _Build:
    tag = of.maybe("CI_COMMIT_TAG")
    ref = f"refs/tags/{tag}" if tag else f"refs/heads/{of['CI_COMMIT_BRANCH CI_MERGE_REQUEST_SOURCE_BRANCH_NAME']}"
    return _Build(
        kind=_OWN_TYPE.format("gitlab"),
        builder=f"{of['CI_PROJECT_URL']}/-/runners/{of['CI_RUNNER_ID']}",
        repository=of["CI_PROJECT_URL"],
        ref=ref,
        commit=of["CI_COMMIT_SHA"],
        workflow=of["CI_CONFIG_PATH"],
        invocation=of["CI_JOB_URL"],
        inside=of.some(job="CI_JOB_NAME", source="CI_PIPELINE_SOURCE", project_id="CI_PROJECT_ID"),
    )


def _jenkins(of: _Variables) -> _Build:
    branch = of["GIT_BRANCH BRANCH_NAME"].removeprefix("origin/")
    return _Build(
        kind=_OWN_TYPE.format("jenkins"),
        builder=of["JENKINS_URL"],
        repository=of["GIT_URL"],
        ref=f"refs/heads/{branch}",
        commit=of["GIT_COMMIT"],
        workflow=of["JOB_NAME"],
        invocation=of["BUILD_URL"],
        inside=of.some(node="NODE_NAME"),
    )


def _buildkite(of: _Variables) -> _Build:
    tag = of.maybe("BUILDKITE_TAG")
    return _Build(
        kind=_OWN_TYPE.format("buildkite"),
        builder=of["BUILDKITE_BUILD_URL"].partition("/builds/")[0],
        repository=of["BUILDKITE_REPO"],
        ref=f"refs/tags/{tag}" if tag else f"refs/heads/{of['BUILDKITE_BRANCH']}",
        commit=of["BUILDKITE_COMMIT"],
        workflow=of["BUILDKITE_PIPELINE_SLUG"],
        invocation=f"{of['BUILDKITE_BUILD_URL']}#{of['BUILDKITE_JOB_ID']}",
        inside=of.some(source="BUILDKITE_SOURCE", agent="BUILDKITE_AGENT_NAME"),
    )


def _generic(of: _Variables) -> _Build:
    return _Build(
        kind=of.maybe("THWART_BUILD_TYPE") or _OWN_TYPE.format("generic"),
        builder=of["THWART_BUILDER_ID"],
        repository=of["THWART_SOURCE_URI"],
        ref=of["THWART_SOURCE_REF"],
        commit=of["THWART_SOURCE_COMMIT"],
        workflow=of["THWART_WORKFLOW"],
        invocation=of.maybe("THWART_INVOCATION_ID"),
        inside={},
    )


_SERVICES: tuple[tuple[str, Callable[[_Variables], _Build]], ...] = (
    ("THWART_BUILDER_ID", _generic),
    ("GITHUB_ACTIONS", _github),
    ("GITLAB_CI", _gitlab),
    ("JENKINS_URL", _jenkins),
    ("BUILDKITE", _buildkite),
)


def _stated(build: _Build, finished: datetime | None) -> dict[str, Any]:
    if not _COMMIT.fullmatch(build.commit):
        raise TrustError(f"the commit {build.commit[:60]!r} is no full digest of git", "40 or 64 hexadecimal digits")
    if not _URI.fullmatch(build.builder) or "@" in build.repository.partition("://")[2].partition("/")[0]:
        raise TrustError("the builder is no URI, or the source's address has a user or a password in it")
    workflow = {"ref": build.ref, "repository": build.repository, "path": build.workflow}
    inside = {"github": dict(build.inside)} if build.kind == _GITHUB_TYPE else dict(build.inside)
    metadata = {"invocationId": build.invocation} if build.invocation else {}
    if finished is not None:
        metadata["finishedOn"] = _time(finished)
    source = {"uri": f"git+{build.repository}@{build.ref}", "digest": {"gitCommit": build.commit}}
    return {
        "buildDefinition": {
            "buildType": build.kind,
            "externalParameters": {"workflow": workflow},
            **({"internalParameters": inside} if build.inside else {}),
            "resolvedDependencies": [source],
        },
        "runDetails": {"builder": {"id": build.builder}, **({"metadata": metadata} if metadata else {})},
    }


def _time(at: datetime) -> str:
    from datetime import UTC

    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
