"""Frameworks: every control has an honest answer, every reference of a rule a control."""

from __future__ import annotations

from typing import Any

import pytest

from thwart import rules
from thwart.core.errors import UsageError
from thwart.core.finding import Diagnostic
from thwart.core.rule import Control
from thwart.rules import Options, Outcome, check
from thwart.rules._frameworks import MEMBERS, Framework, framework_of

ALL = rules.rules()
OURS = ("cis-docker", "cis-kubernetes", "nsa", "nist-800-190", "pss")
KUBERNETES = ("1.8", "1.9", "1.10", "1.11", "1.12")
ROOT_POD = """\
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop}
spec:
  hostPID: true
  containers:
    - {name: web, image: "registry.example.test/web:1.2"}
"""
DOCKERFILE = "FROM registry.example.test/a:1\nUSER 10001\n"


def newest(name: str) -> Framework:
    return framework_of(name)


def judge(text: str, framework: str, path: str = "x.yaml", unread: tuple[Diagnostic, ...] = ()) -> dict[str, Control]:
    return {one.id: one for one in outcome(text, framework, path, unread).controls}


def outcome(
    text: str, framework: str, path: str = "x.yaml", unread: tuple[Diagnostic, ...] = (), **more: Any
) -> Outcome:
    return check([(path, text.encode())], Options(framework=framework, **more), unread)


@pytest.mark.parametrize("name", list(MEMBERS.load()))
def test_controls_have_distinct_ids_titles_of_our_own_and_rules_that_exist(name: str) -> None:
    known = set(rules.ids())
    controls = newest(name).controls
    assert len({one.id for one in controls}) == len(controls) > 5
    for one in controls:
        assert one.title
        assert not one.title.endswith(".")
        assert not one.title.startswith(("Ensure", "Minimize"))
        assert set(one.rules) <= known, one.id


def test_every_reference_of_a_rule_is_a_control() -> None:
    controls = {one.reference or one.id for name in MEMBERS.load() for one in newest(name).controls}
    stray = {
        (rule.id, reference)
        for rule in ALL
        for reference in rule.references
        if reference.partition(":")[0] in OURS and not {reference, reference.rpartition(".")[0]} & controls
    }
    assert not stray


@pytest.mark.parametrize("version", KUBERNETES)
def test_versions_of_cis_kubernetes_number_as_they_do(version: str) -> None:
    controls = {one.id.partition(":")[2]: one for one in framework_of(f"cis-kubernetes@{version}").controls}
    minor = int(version.partition(".")[2])
    assert ("5.2.13" in controls) == (minor <= 11)
    assert ("5.7.4" in controls) == (minor <= 10)
    assert ("5.6.4" in controls) == (minor > 10)
    port = controls["5.2.13" if minor <= 11 else "5.2.12"]
    assert port.reference == "cis-kubernetes:5.2.12"
    assert "port" in port.title


def test_each_of_three_namespaces_has_its_own_answer() -> None:
    answers = judge(ROOT_POD, "cis-kubernetes")
    assert answers["cis-kubernetes:5.2.3"].status == "fail"
    assert answers["cis-kubernetes:5.2.4"].status == "pass"
    assert answers["cis-kubernetes:5.2.5"].status == "pass"
    assert answers["cis-kubernetes:5.2.3"].findings == 1


def test_added_capabilities_had_a_control_of_their_own() -> None:
    added = ROOT_POD.replace("image:", "securityContext: {capabilities: {add: [SYS_ADMIN], drop: [ALL]}}, image:")
    assert judge(added, "cis-kubernetes@1.8")["cis-kubernetes:5.2.9"].status == "fail"
    assert judge(ROOT_POD, "cis-kubernetes@1.8")["cis-kubernetes:5.2.9"].status == "pass"


def test_what_no_rule_answers_is_manual_and_never_passes() -> None:
    for name in ("cis-docker", "cis-kubernetes", "nsa", "nist-800-190"):
        answers = judge(ROOT_POD, name)
        manual = [one for one in answers.values() if one.status == "manual"]
        assert manual
        assert not any(one.findings for one in manual)
        assert all(one.rules or one.status == "manual" for one in answers.values())


def test_nothing_to_judge_is_not_applicable() -> None:
    statuses = {one.status for one in judge(DOCKERFILE, "cis-kubernetes", "Dockerfile").values()}
    assert statuses == {"not-applicable", "manual"}


def test_a_dockerfile_does_not_answer_for_containers_that_run() -> None:
    answers = judge(DOCKERFILE, "cis-docker", "Dockerfile")
    assert answers["cis-docker:4.1"].status == "pass"
    running = [one.status for name, one in answers.items() if name.startswith("cis-docker:5.")]
    assert set(running) <= {"manual", "not-applicable"}


def status_with(path: str, slug: str = "unreadable", *, incomplete: bool = True) -> str:
    """The answer to a control about Dockerfiles alone, beside something that could not be read."""
    gap = Diagnostic(slug=slug, message="no", path=path, incomplete=incomplete)
    return judge(DOCKERFILE, "cis-docker", "Dockerfile", (gap,))["cis-docker:4.7"].status


def test_a_gap_concerns_only_the_families_that_it_may_concern() -> None:
    assert status_with("deploy/web.yaml") == "pass"
    assert status_with("web/Dockerfile") == "unknown"
    assert status_with("web/Dockerfile", incomplete=False) == "pass"
    assert status_with("folder") == "unknown"
    assert status_with("chart", "chart-not-rendered") == "pass"
    chart = Diagnostic(slug="chart-not-rendered", message="no", path="web")
    own = judge(ROOT_POD.replace("  hostPID: true\n", ""), "cis-kubernetes", "x.yaml", (chart,))
    assert own["cis-kubernetes:5.2.3"].status == "unknown"


def test_what_was_found_fails_although_something_else_was_not_read() -> None:
    gap = Diagnostic(slug="unreadable", message="no", path="other.yaml")
    assert judge(ROOT_POD, "cis-kubernetes", "x.yaml", (gap,))["cis-kubernetes:5.2.3"].status == "fail"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("cis-dokcer", "did you mean cis-docker"),
        ("cis-docker@9", "1.6"),
        ("cis-kubernetes@1.7", "1.8"),
        ("nsa@2", "1.2"),
        ("nist-800-190@1", "one version"),
    ],
)
def test_a_framework_or_version_that_is_not_known_is_an_error(text: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        framework_of(text)
    assert said in " ".join([caught.value.sentence, *caught.value.hints])


def test_versions_may_be_left_out_or_latest() -> None:
    assert framework_of("cis-docker").name == framework_of("cis-docker@latest").name == "cis-docker@1.6"
    assert framework_of("cis-kubernetes").name == "cis-kubernetes@1.12"
    assert framework_of("nist-800-190@latest").name == "nist-800-190"
