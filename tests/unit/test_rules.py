"""Rules: every page is its own test; documents of strangers; places; comments; crashes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from thwart import rules
from thwart.core.advisory import Severity
from thwart.core.errors import UsageError
from thwart.core.finding import Finding
from thwart.core.registry import Registry
from thwart.core.rule import Rule
from thwart.rules import FAMILIES, Options, Outcome, check
from thwart.rules._member import Member, page, register
from thwart.rules._secrets import secret
from thwart.rules._view import Hit, View, listed
from thwart.rules.kubernetes import Pod

ALL = rules.rules()
SUFFIX = {
    "yaml": "example.yaml",
    "dockerfile": "Dockerfile",
    "image": ":image:",
    "compose": "compose.yaml",
    "json": "engine.json",
}
TODAY = "2026-11-23"  # for rules that ask for the day


def judge(text: str, path: str = "x.yaml", **options: Any) -> Outcome:
    return check([(path, text.encode())], Options(**options))


def found(text: str, path: str = "x.yaml", **options: Any) -> dict[str, Finding]:
    outcome = judge(text, path, **options)
    assert not any(one.incomplete for one in outcome.diagnostics)
    return {finding.id: finding for finding in outcome.findings}


# -- pages ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rule", ALL, ids=lambda rule: rule.id)
def test_a_page_says_everything_and_its_examples_are_true(rule: Rule) -> None:
    assert rule.title
    assert not rule.title.endswith(".")
    assert len(rule.why) > 60, "say why it matters"
    assert rule.fix, "a fix, or the reason for none"
    assert rule.bad
    assert rule.good
    assert rule.severity is not Severity.UNKNOWN
    assert rule.confidence in ("high", "medium", "low")
    assert all(reference.count(":") == 1 for reference in rule.references)
    path = SUFFIX[rule.language]
    assert rule.id in found(rule.bad, path, today=TODAY)
    assert rule.id not in found(rule.good, path, today=TODAY)


def test_a_rule_is_found_by_its_id_and_listed() -> None:
    assert [rule.id for rule in ALL] == rules.ids() == sorted(rules.ids())
    assert rules.rule_of("run-as-root") == next(rule for rule in ALL if rule.id == "run-as-root")
    assert rules.rule_of("run_as_root") is None
    assert rules.rule_of("_seccomp") is None
    assert rules.rule_of("../x") is None


def test_what_covers_a_rule_exists() -> None:
    members = FAMILIES.load()["kubernetes"].members.load()
    named = {name for member in members.values() for name in member.covered_by}
    assert named <= set(rules.ids())


def test_a_page_is_taken_apart() -> None:
    parts = page("""A thing happens.

    Because of
    this.

    And that.

    Fix: Do it
    now.

    Bad:
        a:
          b: 1

    Good:
        a: 2
    """)
    assert parts == {
        "title": "A thing happens",
        "why": "Because of this.\n\nAnd that.",
        "fix": "Do it now.",
        "bad": "a:\n  b: 1",
        "good": "a: 2",
    }


# -- documents -------------------------------------------------------------------------------------------------------------

POD = "{apiVersion: v1, kind: Pod, metadata: {name: web}, spec: {containers: [{name: c, securityContext: {privileged: true}}]}}"
TEMPLATE = "{metadata: {}, spec: {containers: [{name: c, securityContext: {privileged: true}}]}}"
HOLDERS = {
    "Deployment": "{apiVersion: apps/v1, kind: Deployment, metadata: {name: w}, spec: {template: %s}}",
    "StatefulSet": "{apiVersion: apps/v1, kind: StatefulSet, metadata: {name: w}, spec: {template: %s}}",
    "DaemonSet": "{apiVersion: apps/v1, kind: DaemonSet, metadata: {name: w}, spec: {template: %s}}",
    "ReplicaSet": "{apiVersion: apps/v1, kind: ReplicaSet, metadata: {name: w}, spec: {template: %s}}",
    "ReplicationController": "{apiVersion: v1, kind: ReplicationController, metadata: {name: w}, spec: {template: %s}}",
    "Job": "{apiVersion: batch/v1, kind: Job, metadata: {name: w}, spec: {template: %s}}",
    "CronJob": "{apiVersion: batch/v1, kind: CronJob, metadata: {name: w}, spec: {jobTemplate: {spec: {template: %s}}}}",
    "PodTemplate": "{apiVersion: v1, kind: PodTemplate, metadata: {name: w}, template: %s}",
    "Rollout": "{apiVersion: argoproj.io/v1alpha1, kind: Rollout, metadata: {name: w}, spec: {template: %s}}",
    "Knative": "{apiVersion: serving.knative.dev/v1, kind: Service, metadata: {name: w}, spec: {template: %s}}",
    "List": "{apiVersion: v1, kind: List, items: [{apiVersion: v1, kind: PodTemplate, template: %s}]}",
    "PodTemplateList": "{apiVersion: v1, kind: PodTemplateList, items: [{template: %s}]}",
    "nested": "{apiVersion: v1, kind: List, items: [{apiVersion: v1, kind: List, items: "
    "[{apiVersion: v1, kind: PodTemplate, template: %s}]}]}",
}


@pytest.mark.parametrize("kind", HOLDERS)
def test_pods_are_found_wherever_they_are_made(kind: str) -> None:
    assert "privileged-container" in found(HOLDERS[kind] % TEMPLATE)


@pytest.mark.parametrize("key", ["initContainers", "containers", "ephemeralContainers"])
def test_every_list_of_containers_counts(key: str) -> None:
    one = found(f"{{apiVersion: v1, kind: Pod, spec: {{{key}: [{{name: c, securityContext: {{privileged: true}}}}]}}}}")
    word = {"initContainers": "init container", "containers": "container", "ephemeralContainers": "ephemeral container"}
    assert one["privileged-container"].subject == f"{word[key]} c of Pod"


def test_several_documents_and_json() -> None:
    outcome = judge(f"{POD}\n---\n# nothing\n---\nkind: x\n---\n{POD}\n")
    assert [f.locations[0].line for f in outcome.findings if f.id == "privileged-container"] == [1, 7]
    assert outcome.documents == 2
    value = {"apiVersion": "v1", "kind": "Pod", "spec": {"containers": [{"securityContext": {"privileged": True}}]}}
    one = found(json.dumps(value, indent=2), "x.json")["privileged-container"]
    assert (one.locations[0].line, one.locations[0].column) == (8, 11)
    tabs = found(json.dumps(value, indent="\t"), "x.json")["privileged-container"]
    assert (tabs.locations[0].line, tabs.evidence[0].source.strip()) == (8, '"privileged": true')
    value["metadata"] = {"name": "\U0001f600"}  # written as surrogates, which YAML does not have
    smile = found(json.dumps(value, indent=2), "x.json")["privileged-container"]
    assert (smile.locations[0].line, smile.evidence[0].source) == (0, "")  # no place is better than a wrong one


def test_other_encodings_and_escapes_hide_nothing() -> None:
    assert "privileged-container" in {f.id for f in check([("x.yaml", POD.encode("utf-16"))]).findings}
    escaped = POD.replace("kind", '"\\x6bind"').replace("apiVersion", '"\\u0061piVersion"')
    assert "privileged-container" in found(escaped)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a: 1",
        "kind: x",
        "services: {web: {class: x}}",
        "apiVersion: v1\nkind: [Pod]",
        "[1, 2]",
        "kind: null\napiVersion: 1",
    ],
)
def test_what_is_no_manifest_is_passed_over(text: str) -> None:
    outcome = judge(text)
    assert (outcome.findings, outcome.diagnostics, outcome.documents) == ((), (), 0)


def test_broken_manifests_are_told_with_their_line() -> None:
    outcome = judge("apiVersion: v1\nkind: Pod\nspec: [\n")
    assert [one.slug for one in outcome.diagnostics] == ["unreadable"]
    assert outcome.diagnostics[0].incomplete
    assert outcome.diagnostics[0].message.startswith("line ")
    broken = judge("name: {{ .Values.name }}\n  x\n")
    assert broken.diagnostics == ()  # says nothing of a kind


def test_a_bomb_is_a_diagnostic() -> None:
    lines = ["apiVersion: v1", "kind: Pod", "a0: &a0 [x,x,x,x,x,x,x,x,x,x]"]
    lines += [f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    outcome = judge("\n".join(lines))
    assert [one.slug for one in outcome.diagnostics] == ["unreadable"]


ODD = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 70000) | st.text("ab/:.-", max_size=8) | st.floats(allow_nan=False),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["name", "type", "add", "x"]), inner, max_size=3)
    ),
    max_leaves=6,
)
KEYS = st.sampled_from(
    [
        "securityContext",
        "containers",
        "initContainers",
        "volumes",
        "env",
        "envFrom",
        "image",
        "ports",
        "hostPath",
        "capabilities",
        "add",
        "drop",
        "sysctls",
        "seccompProfile",
        "type",
        "resources",
        "limits",
        "labels",
        "annotations",
        "livenessProbe",
        "httpGet",
        "host",
        "metadata",
        "name",
        "spec",
    ]
)
DEEP = st.recursive(
    ODD, lambda inner: st.dictionaries(KEYS, inner, max_size=5) | st.lists(inner, max_size=2), max_leaves=25
)


@settings(max_examples=150, deadline=None)
@given(
    kind=st.sampled_from(
        ["Pod", "Deployment", "CronJob", "Namespace", "Role", "ClusterRoleBinding", "Service", "Ingress"]
    ),
    api=st.sampled_from(["v1", "apps/v1", "rbac.authorization.k8s.io/v1", "networking.k8s.io/v1"]),
    spec=DEEP,
    rest=st.dictionaries(
        st.sampled_from(["metadata", "rules", "subjects", "roleRef", "template", "items"]), DEEP, max_size=3
    ),
)
def test_no_document_makes_a_rule_crash(kind: str, api: str, spec: object, rest: dict[str, object]) -> None:
    for wrapped in (
        spec,
        {"template": {"spec": spec}},
        {"containers": [spec], "volumes": [spec], "securityContext": spec},
    ):
        value = {"apiVersion": api, "kind": kind, **rest, "spec": wrapped}
        outcome = check([("x.json", json.dumps(value).encode())])
        assert {one.slug for one in outcome.diagnostics} <= {"partial-manifest"}
        assert all(finding.locations and finding.message for finding in outcome.findings)


def test_broken_bytes_only_make_diagnostics() -> None:
    data = (POD + "\n---\n" + HOLDERS["CronJob"] % TEMPLATE).encode()
    for cut in range(0, len(data), 7):
        flipped = bytearray(data)
        flipped[cut] ^= 0x41
        for text in (data[:cut], bytes(flipped)):
            assert {one.slug for one in check([("x.yaml", text)]).diagnostics} <= {"unreadable", "partial-manifest"}


# -- findings --------------------------------------------------------------------------------------------------------------

TWO = """\
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop}
spec:
  containers:
    - name: a
      securityContext:
        privileged: true
    - {name: b, image: b}
"""

PATCH = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  template:
    spec:
      containers:
        - name: a
          securityContext: {privileged: true, allowPrivilegeEscalation: true}
"""


def test_of_a_patch_only_what_it_says_is_judged() -> None:
    outcome = judge(PATCH)
    assert {one.id for one in outcome.findings} == {"privileged-container"}
    assert [(one.slug, one.incomplete) for one in outcome.diagnostics] == [("partial-manifest", False)]
    assert {one.status for one in judge(PATCH, framework="pss-restricted").controls} == {"pass", "fail"}


def test_a_finding_has_place_subject_evidence_and_references() -> None:
    outcome = judge(TWO)
    one = next(f for f in outcome.findings if f.id == "privileged-container")
    assert one.message == "container a of Pod shop/web is privileged"
    assert (one.locations[0].path, one.locations[0].line, one.locations[0].column) == ("x.yaml", 8, 9)
    assert one.evidence[0].pointer == "/spec/containers/0/securityContext/privileged"
    assert one.evidence[0].source == "        privileged: true"
    assert "pss:privileged" in one.references
    assert one.kind == "rule"
    assert {rule.id for rule in outcome.rules} == {finding.id for finding in outcome.findings}
    missing = [f for f in outcome.findings if f.id == "run-as-root"]
    assert [f.locations[0].line for f in missing] == [7, 9]  # what lacks it
    assert len({f.fingerprint for f in outcome.findings}) == len(outcome.findings)


def test_a_fingerprint_does_not_know_lines() -> None:
    before = {f.fingerprint for f in judge(TWO).findings}
    assert {f.fingerprint for f in judge("# a comment\n\n" + TWO).findings} == before
    assert {f.fingerprint for f in judge(TWO.replace("name: a", "name: z")).findings} != before


def test_what_is_covered_is_silent_unless_a_framework_asks() -> None:
    text = "{apiVersion: v1, kind: Pod, spec: {containers: [{name: c, securityContext: {runAsUser: 0}}]}}"
    assert "run-as-root" not in found(text)
    assert {"run-as-root", "root-user-id"} <= set(found(text, framework="pss-restricted"))


def test_a_secret_is_not_repeated() -> None:
    text = (
        "{apiVersion: v1, kind: Pod, spec: {containers: [{name: c, image: 'x:1@sha256:0', "
        "env: [{name: A_PASSWORD, value: zebra7}, {name: URL, value: 'redis://u:zebra7@db'}]}]}}"
    )
    one = found(text)["literal-secret"]
    assert len(one.evidence) == 2
    assert "zebra7" not in repr(one)


@pytest.mark.parametrize(
    "value",
    ["", "/run/secrets/x", "$(FROM_ELSEWHERE)", "${VAR}", "<password>", "true"],
)
def test_what_is_no_secret(value: str) -> None:
    env = json.dumps([{"name": "A_TOKEN", "value": value}])
    assert "literal-secret" not in found(
        f"{{apiVersion: v1, kind: Pod, spec: {{containers: [{{name: c, env: {env}}}]}}}}"
    )


@pytest.mark.parametrize(
    "name", ["DB_PASSWORD", "SESSION_KEY", "api-key", "apikey", "TOKEN", "spring.datasource.password"]
)
def test_names_of_secrets(name: str) -> None:
    assert secret(name, "zebra7")
    assert not secret(f"{name}_FILE", "zebra7")


@pytest.mark.parametrize("name", ["CACHE_KEY", "KEYBOARD", "TOKENIZER", "MONKEY", "COMPASS", "PASSWORD_POLICY"])
def test_names_that_are_none(name: str) -> None:
    assert not secret(name, "zebra7")
    assert secret(name, "postgres://u:zebra7@db/x")
    assert not secret(name, "postgres://u:$(PASSWORD)@db/x")


def test_comments_accept_what_stands_on_their_line() -> None:
    text = TWO.replace("privileged: true", "privileged: true  # thwart: ignore[privileged-container] needs the GPU")
    [one] = judge(text).ignores
    assert (one.path, one.line, one.ids, one.reason) == ("x.yaml", 8, ("privileged-container",), "needs the GPU")
    assert judge(text.replace("privileged-container", "CVE-2024-1")).ignores == ()  # of other commands
    assert judge(text.replace("ignore[privileged-container]", "ignore[privileged-containr]")).ignores  # may be misspelt
    assert judge(text, framework="pss-baseline").ignores
    other = text.replace("ignore[privileged-container]", "ignore[no-cpu-limit]")
    assert judge(other).ignores
    assert judge(other, framework="pss-baseline").ignores == ()  # was not asked


def test_a_rule_that_crashes_is_no_clean_result(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(pod: Pod) -> Iterator[Hit]:
        if pod.containers:
            raise ValueError("boom")
        yield pod.spec.hit("x")

    members: Registry[Member] = Registry("thwart.rules.kubernetes")
    register(members, Pod, Severity.HIGH, family="kubernetes", language="yaml", references=("pss:privileged",))(run)
    monkeypatch.setattr(members, "_loaded", True)
    family = FAMILIES.load()["kubernetes"]
    from msgspec.structs import replace

    monkeypatch.setitem(FAMILIES._members, "kubernetes", replace(family, members=members))
    outcome = judge(TWO + "---\n" + TWO)
    assert [(one.slug, one.incomplete) for one in outcome.diagnostics] == [("rule-crashed", True)]
    assert "boom" in outcome.diagnostics[0].message
    assert "1 more" in outcome.diagnostics[0].message
    statuses = {one.id: one.status for one in judge(TWO, framework="pss-baseline").controls}
    assert statuses["pss:privileged"] == "unknown"


def test_frameworks_are_known_by_name_and_version() -> None:
    assert rules.frameworks() == [
        "cis-docker",
        "cis-kubernetes",
        "nist-800-190",
        "nsa",
        "pss-baseline",
        "pss-restricted",
    ]
    for text in (
        "pss",
        "pss-restrictd",
        "pss-restricted@2.0",
        "pss-restricted@1.38",
        "pss-restricted@1.03",
        "pss-baseline@x",
    ):
        with pytest.raises(UsageError):
            judge(POD, framework=text)
    for text in ("pss-restricted", "pss-restricted@latest", "pss-restricted@v1.37", "pss-restricted@1.37"):
        assert judge(POD, framework=text).controls[0].framework == "pss-restricted@1.37"


def test_controls_without_anything_to_judge_do_not_pass() -> None:
    statuses = {one.status for one in judge("apiVersion: v1\nkind: ConfigMap", framework="pss-baseline").controls}
    assert statuses == {"not-applicable"}
    broken = judge(f"{POD}\n---\na: [", framework="pss-baseline")
    assert {one.status for one in broken.controls} == {"unknown", "fail"}, "the sound document is judged"


# -- look-ups ---------------------------------------------------------------------------------------------------------------


def test_a_view_answers_whatever_is_there() -> None:
    view = View({"a": {"b": [1, None, "x"], "c": True, "n": 3, 7: 1}, "z": None})
    assert view.at("a", "b", "c") is None
    assert view.at("z", "y") is None
    assert view.flag("a", "c") is True
    assert view.flag("a", "n") is None
    assert view.number("a", "c") is None
    assert view.number("a", "n") == 3
    assert view.text("a") == ""
    assert view.words("a", "b") == ["", "", "x"]
    assert view.values("a", "c") == []
    assert set(view.mapping("a")) == {"b", "c", "n"}
    assert view.mapping("z") == {}
    assert not view.has("z")
    assert [one.pointer for one in view.entries("a", "b")] == [("a", "b", 0), ("a", "b", 1), ("a", "b", 2)]


def test_words_are_listed() -> None:
    assert listed(["a"]) == "a"
    assert listed(["a", "b", "a", "c"]) == "a, b and c"
    assert listed([""]) == '""'
    assert listed(list("abcdefg")) == "a, b, c, d, e and 2 more"


def test_the_images_that_documents_run_and_build_on_are_named() -> None:
    dockerfile = "ARG V=1\nFROM golang:$V AS build\nFROM scratch\nCOPY --from=build /x /x\nFROM build\n"
    pod = "{apiVersion: v1, kind: Pod, spec: {containers: [{name: c, image: nginx}]}}"
    compose = "services: {a: {image: redis:7}, b: {build: ., image: shop/b}}"
    outcome = check([("Dockerfile", dockerfile.encode()), ("compose.yaml", compose.encode()), ("x.yaml", pod.encode())])
    assert outcome.bases == ("golang:1",)
    assert outcome.images == ("redis:7", "nginx")
