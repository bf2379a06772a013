"""Pod Security Standards at every version, beside what Kubernetes' own implementation says.

`pod-security.json` has pods that were made for this test and the answers that k8s.io/pod-security-admission v0.37.2 gave
for them: the verdict at 1.0 to 1.37, and the first and last version at which each check, asked alone, refuses.
"""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import pytest

from tests.conftest import ROOT
from thwart.rules import NEWEST, Options, Outcome, check, rules

RECORDED = json.loads((ROOT / "tests" / "data" / "rules" / "pod-security.json").read_text())
VERSIONS = range(NEWEST + 1)
SINCE = {  # check: level, first version, and the check of the baseline that it replaces
    "privileged": ("baseline", 0, ""),
    "hostNamespaces": ("baseline", 0, ""),
    "hostPathVolumes": ("baseline", 0, ""),
    "hostPorts": ("baseline", 0, ""),
    "capabilities_baseline": ("baseline", 0, ""),
    "appArmorProfile": ("baseline", 0, ""),
    "seLinuxOptions": ("baseline", 0, ""),
    "procMount": ("baseline", 0, ""),
    "seccompProfile_baseline": ("baseline", 0, ""),
    "sysctls": ("baseline", 0, ""),
    "windowsHostProcess": ("baseline", 0, ""),
    "hostProbesAndHostLifecycle": ("baseline", 34, ""),
    "restrictedVolumes": ("restricted", 0, "hostPathVolumes"),
    "allowPrivilegeEscalation": ("restricted", 8, ""),
    "runAsNonRoot": ("restricted", 0, ""),
    "runAsUser": ("restricted", 23, ""),
    "seccompProfile_restricted": ("restricted", 19, "seccompProfile_baseline"),
    "capabilities_restricted": ("restricted", 22, "capabilities_baseline"),
    "procMount_restricted": ("restricted", 35, "procMount"),
}


@cache
def answers(level: str, minor: int) -> list[set[str]]:
    """The checks that refuse each recorded pod."""
    items = [
        {
            "apiVersion": "v1",
            "kind": "Pod",
            **entry["pod"],
            "metadata": {**entry["pod"]["metadata"], "name": f"p{number}"},
        }
        for number, entry in enumerate(RECORDED)
    ]
    data = json.dumps({"apiVersion": "v1", "kind": "List", "items": items}).encode()
    outcome = check([("pods.json", data)], Options(framework=f"pss-{level}@1.{minor}"))
    assert outcome.diagnostics == ()
    found: list[set[str]] = [set() for _ in RECORDED]
    for finding in outcome.findings:
        number = int(finding.subject.rpartition("Pod p")[2])
        found[number] |= {one.removeprefix("pss:") for one in finding.references if one.startswith("pss:")}
    return found


@pytest.mark.parametrize("level", ["baseline", "restricted"])
@pytest.mark.parametrize("minor", VERSIONS)
def test_verdicts_and_checks_are_those_of_kubernetes(level: str, minor: int) -> None:
    for number, (entry, named) in enumerate(zip(RECORDED, answers(level, minor), strict=True)):
        refusing = {one for one, (first, last) in entry["refused"].items() if first <= minor <= last}
        refusing = {one for one in refusing if level == "restricted" or SINCE[one][0] == "baseline"}
        if level == "restricted":  # a check that is replaced counts only beside its stricter successor
            replaced = {old: new for new, (_, since, old) in SINCE.items() if old and minor >= since}
            refusing = {one for one in refusing if one not in replaced or replaced[one] in refusing}
        assert named == refusing, (number, entry["pod"])
        assert (not named) is (entry["verdicts"][level][minor] == "y"), (number, entry["pod"])


def test_the_record_has_every_check_refusing_and_every_change() -> None:
    stretches: dict[str, set[tuple[int, int]]] = {}
    for entry in RECORDED:
        for one, stretch in entry["refused"].items():
            stretches.setdefault(one, set()).add(tuple(stretch))
    assert set(stretches) == set(SINCE)
    assert {26, 28, 31, 36, NEWEST} == {last for _, last in stretches["sysctls"]}
    assert {18} == {last for first, last in stretches["seccompProfile_baseline"] if first == 0}
    assert (0, 30) in stretches["seLinuxOptions"]
    assert (0, 34) in stretches["procMount"]
    assert (0, 34) in stretches["runAsNonRoot"]
    assert (8, 24) in stretches["allowPrivilegeEscalation"]
    assert (22, 24) in stretches["capabilities_restricted"]


@pytest.mark.parametrize("minor", VERSIONS)
def test_controls_are_the_checks_of_the_version(minor: int) -> None:
    outcome = judge(pod(), f"pss-restricted@1.{minor}")
    listed = [one.id.removeprefix("pss:") for one in outcome.controls]
    assert sorted(listed) == sorted(one for one, (_, since, _) in SINCE.items() if minor >= since)
    assert all(len(one.rules) == 1 for one in outcome.controls)
    baseline = [one.id.removeprefix("pss:") for one in judge(pod(), f"pss-baseline@1.{minor}").controls]
    assert baseline == [one for one in listed if SINCE[one][0] == "baseline"]


def test_every_check_is_one_rule() -> None:
    carried = [one.removeprefix("pss:") for rule in rules() for one in rule.references if one.startswith("pss:")]
    assert sorted(carried) == sorted(SINCE)


def pod(**spec: Any) -> dict[str, Any]:
    """A pod that is restricted at every version."""
    container = {
        "name": "c",
        "image": "x",
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    }
    context = {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "web"},
        "spec": {"containers": [container], "securityContext": context, **spec},
    }


def judge(document: object, framework: str) -> Outcome:
    return check([("x.json", json.dumps(document).encode())], Options(framework=framework))


def failed(document: object, framework: str) -> set[str]:
    return {one.id.removeprefix("pss:") for one in judge(document, framework).controls if one.status == "fail"}


def test_what_the_api_server_defaults_is_judged_as_it_will_be() -> None:
    assert failed(pod(volumes=[{"name": "v"}]), "pss-restricted") == set()  # an emptyDir
    assert failed(pod(volumes=[{"name": "v", "hostPath": None}]), "pss-restricted") == set()
    assert failed(pod(volumes=[{"name": "v", "newType": {}}]), "pss-restricted") == {"restrictedVolumes"}
    assert failed(pod(securityContext=None), "pss-restricted") == {"runAsNonRoot", "seccompProfile_restricted"}


def test_templates_are_judged_with_their_own_annotations() -> None:
    unconfined = {"seccomp.security.alpha.kubernetes.io/pod": "unconfined"}
    template = {"metadata": {"annotations": unconfined}, "spec": pod()["spec"]}
    workload = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "w"},
        "spec": {"template": template},
    }
    assert failed(workload, "pss-baseline@1.18") == {"seccompProfile_baseline"}
    assert failed(workload, "pss-baseline@1.19") == set()
    workload["metadata"] = {"name": "w", "annotations": unconfined}
    template["metadata"] = {}
    assert failed(workload, "pss-baseline@1.18") == set()


@pytest.mark.parametrize("value", ["true", 1, [True], {"a": True}, None, False])
def test_values_of_other_types_are_not_what_they_look_like(value: object) -> None:
    container = {"name": "c", "securityContext": {"privileged": value}}
    assert "privileged" not in failed(pod(containers=[container]), "pss-baseline")
    if value is not False:
        context = {"allowPrivilegeEscalation": value, "capabilities": {"drop": ["ALL"]}}
        refused = failed(pod(containers=[{"name": "c", "securityContext": context}]), "pss-restricted")
        assert refused == {"allowPrivilegeEscalation"}
