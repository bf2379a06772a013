"""Kubernetes' rules: files together, schemas, versions, edits, and documents that are broken or no YAML at all."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from thwart import rules
from thwart.api import CheckOptions
from thwart.api import check as check_paths
from thwart.core.edit import Append, Drop, Put
from thwart.core.finding import Finding
from thwart.core.limits import Limits
from thwart.core.rule import Rule
from thwart.lib.go_template import literal
from thwart.rules import Options, Outcome, check
from thwart.rules.kubernetes import MEMBERS

ALL = [rule for rule in rules.rules() if rule.family == "kubernetes"]
PRIVILEGED = (
    "apiVersion: v1\nkind: Pod\nmetadata: {name: NAME}\n"
    "spec: {containers: [{name: c, image: 'x:1', securityContext: {privileged: true}}]}\n"
)


def judge(*texts: str, **options: Any) -> Outcome:
    return check([(f"{index}.yaml", text.encode()) for index, text in enumerate(texts)], Options(**options))


def ids(outcome: Outcome) -> set[str]:
    return {finding.id for finding in outcome.findings}


def only(outcome: Outcome, rule: str) -> Finding:
    [found] = [finding for finding in outcome.findings if finding.id == rule]
    return found


# -- broken documents --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("broken", "line"),
    [
        ("kind: Pod\nspec: [", 7),
        ("\tkind: Pod", 6),
        ("kind: Pod\na: *nowhere", 7),
        ("kind: Pod\nspec: &a {b: *a}", 7),
        ("kind: Pod\nspec: " + "[" * 300, 7),
    ],
)
def test_a_broken_document_hides_no_other(broken: str, line: int) -> None:
    outcome = judge(f"{PRIVILEGED}---\n{broken}\n---\n{PRIVILEGED}")
    places = [one.locations[0].line for one in outcome.findings if one.id == "privileged-container"]
    assert places[0] == 4
    assert len(places) == 2
    [told] = outcome.diagnostics
    assert (told.slug, told.path, told.incomplete) == ("unreadable", "0.yaml", True)
    assert int(told.message.removeprefix("line ").partition(":")[0]) in (line, line + 1)


def test_a_bomb_is_told_and_the_rest_judged() -> None:
    bomb = "kind: Pod\na: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"{after}: &{after} [{', '.join([f'*{before}'] * 10)}]\n"
        for before, after in zip("abcdefg", "bcdefgh", strict=True)
    )
    outcome = judge(f"{PRIVILEGED}---\n{bomb}---\n{PRIVILEGED}")
    assert sum(one.id == "privileged-container" for one in outcome.findings) == 2
    assert [one.slug for one in outcome.diagnostics] == ["unreadable"]


def test_a_key_given_twice_is_told_with_its_line() -> None:
    outcome = judge(PRIVILEGED + "kind: Pod\n")
    [told] = outcome.diagnostics
    assert (told.slug, told.incomplete) == ("repeated-key", False)
    assert told.message.startswith("line 5: kind is given more than once")
    assert "privileged-container" in ids(outcome)


def test_null_and_wrong_kinds_are_judged_without_a_crash() -> None:
    for value in ("null", "[]", "text", "3", "{containers: null}", "{containers: [null, 3]}"):
        outcome = judge(f"apiVersion: v1\nkind: Pod\nmetadata: {{name: a}}\nspec: {value}\n---\n{PRIVILEGED}")
        assert not [one for one in outcome.diagnostics if one.slug == "rule-crashed"]
        assert "privileged-container" in ids(outcome)


def test_files_that_cannot_be_read_are_told_once_each(tmp_path: Path) -> None:
    folder = tmp_path / "tree"
    folder.mkdir()
    (folder / "good.yaml").write_text(PRIVILEGED)
    (folder / "binary.yaml").write_bytes(b"kind: apiVersion: \x00\x01\x02\xff" * 50)
    (folder / "large.yaml").write_bytes(b"apiVersion: v1\nkind: Pod\n" + b"# x\n" * 30_000)
    (tmp_path / "outside.yaml").write_text(PRIVILEGED)
    (folder / "link.yaml").symlink_to(tmp_path / "outside.yaml")
    report = check_paths([str(folder)], CheckOptions(limits=Limits(file_bytes=100_000)))
    assert sum(one.id == "privileged-container" for one in report.findings) == 1
    told = sorted((Path(one.path).name, one.slug) for one in report.diagnostics)
    assert told == [(name, "unreadable") for name in ("binary.yaml", "large.yaml", "link.yaml")]


# -- templates ------------------------------------------------------------------------------------------------------------


def test_a_template_keeps_what_it_says_whatever_the_values_are() -> None:
    text = b"a: 1\n{{- if .x }}\nb: {{ .y }}\nc: 'v{{ .z\n}}'\n{{ end }}\n- d: x{{ 1 }}\n"
    assert literal(text) == b"a: 1\n\nb:\nc:\n\n\n- d:\n"
    assert literal(b"{{ no end") == b"{{ no end"


def test_of_a_template_only_what_is_literal_is_judged() -> None:
    whole = (
        "apiVersion: v1\nkind: Pod\nmetadata:\n  name: {{ .Release.Name }}\nspec:\n  containers:\n"
        "    - name: web\n      image: {{ .Values.image }}\n      securityContext:\n        privileged: true\n"
        "        {{- toYaml .Values.more | nindent 8 }}\n"
    )
    outcome = check([("chart/templates/pod.yaml", whole.encode())], Options())
    assert ids(outcome) == {"privileged-container", "bare-pod"}
    assert only(outcome, "privileged-container").locations[0].line == 10
    assert [one.slug for one in outcome.diagnostics] == ["chart-not-rendered"]


# -- schemas and versions ------------------------------------------------------------------------------------------------------

DEPLOYMENT: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web"},
    "spec": {
        "replicas": 2,
        "selector": {"matchLabels": {"app": "web"}},
        "template": {
            "metadata": {"labels": {"app": "web"}},
            "spec": {"containers": [{"name": "web", "image": "x:1", "ports": [{"containerPort": 80}]}]},
        },
    },
}


@pytest.mark.parametrize(
    ("path", "value", "rule", "said"),
    [
        (("spec", "replica"), 1, "unknown-field", "is it replicas?"),
        (("spec", "replicas"), "2", "wrong-type", "is text where a whole number"),
        (("spec", "selector"), None, "missing-field", "lacks selector"),
        (("spec", "template", "spec", "containers", 0, "env"), {}, "wrong-type", "is a mapping where a list"),
        (
            ("spec", "template", "spec", "containers", 0, "env"),
            [{"name": "A", "value": 1}],
            "wrong-type",
            "a number where text",
        ),
        (("metadata", "labels"), {"a": True}, "wrong-type", "true or false where text"),
        (("spec", "template", "spec", "containers", 0, "resource"), {}, "unknown-field", "is it resources?"),
    ],
)
def test_what_the_api_server_refuses(path: tuple[str | int, ...], value: Any, rule: str, said: str) -> None:
    document = copy.deepcopy(DEPLOYMENT)
    assert not ids(judge(yaml.safe_dump(document))) & {"unknown-field", "wrong-type", "missing-field"}
    node: Any = document
    for step in path[:-1]:
        node = node.setdefault(step, {}) if isinstance(node, dict) else node[step]
    node[path[-1]] = value
    assert said in only(judge(yaml.safe_dump(document)), rule).message


def test_kinds_of_operators_and_fields_of_their_time() -> None:
    assert "unknown-field" not in ids(judge("apiVersion: x.example.test/v1\nkind: Thing\nspec: {any: 1}"))
    sidecar = copy.deepcopy(DEPLOYMENT)
    sidecar["spec"]["template"]["spec"]["containers"][0]["restartPolicy"] = "Always"
    assert "from 1.28 on" in only(judge(yaml.safe_dump(sidecar), minor=27), "unknown-field").message
    assert "unknown-field" not in ids(judge(yaml.safe_dump(sidecar), minor=28))


def test_versions_that_went_by_the_version_asked_for() -> None:
    job = "apiVersion: batch/v1beta1\nkind: CronJob\nmetadata: {name: a}\n"
    assert not ids(judge(job, minor=20)) & {"removed-api", "deprecated-api"}
    assert "deprecated-api" in ids(judge(job, minor=24))
    found = only(judge(job, minor=25), "removed-api")
    assert found.fix is not None
    assert found.fix.safe
    assert found.fix.edits == (Put(pointer=("apiVersion",), value="batch/v1"),)


# -- files together --------------------------------------------------------------------------------------------------------------


def role(name: str, resource: str, verb: str, labels: str = "{}", *, kind: str = "ClusterRole") -> str:
    return (
        f"apiVersion: rbac.authorization.k8s.io/v1\nkind: {kind}\nmetadata: {{name: {name}, labels: {labels}}}\n"
        f"rules: [{{apiGroups: ['*'], resources: [{resource}], verbs: [{verb}]}}]\n"
    )


def binding(name: str, account: str, namespace: str = "") -> str:
    kind, where = ("RoleBinding", f", namespace: {namespace}") if namespace else ("ClusterRoleBinding", "")
    return (
        f"apiVersion: rbac.authorization.k8s.io/v1\nkind: {kind}\nmetadata: {{name: b-{name}{where}}}\n"
        f"roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: {name}}}\n"
        f"subjects: [{{kind: ServiceAccount, name: {account}, namespace: {namespace or 'shop'}}}]\n"
    )


POD = (
    "apiVersion: v1\nkind: Pod\nmetadata: {name: web, namespace: shop}\n"
    "spec: {serviceAccountName: web, containers: [{name: c, image: 'x:1'}]}\n"
)
TAKEOVER = "cluster-takeover-workload"


@pytest.mark.parametrize(
    ("resource", "verb", "taken"),
    [
        ("pods", "create", True),
        ("pods", "get", False),
        ("secrets", "list", True),
        ("nodes/proxy", "get", True),
        ("pods/exec", "create", True),
        ("users", "impersonate", True),
        ("clusterroles", "escalate", True),
        ("clusterroles", "get", False),
        ("serviceaccounts/token", "create", True),
        ("certificatesigningrequests/approval", "update", True),
        ("mutatingwebhookconfigurations", "patch", True),
        ("'*'", "create", True),
        ("configmaps", "'*'", False),
    ],
)
def test_powers_over_the_whole_cluster(resource: str, verb: str, *, taken: bool) -> None:
    outcome = judge(POD, role("r", resource, verb), binding("r", "web"))
    assert (TAKEOVER in ids(outcome)) == taken
    assert ("cluster-takeover-binding" in ids(outcome)) == taken


def test_powers_in_one_namespace_lead_by_way_of_another_account() -> None:
    here = [POD, role("pods", "pods", "create"), binding("pods", "web", "shop")]
    assert TAKEOVER not in ids(judge(*here))
    chain = only(judge(*here, role("all", "'*'", "'*'"), binding("all", "operator")), TAKEOVER).message
    assert "may create pods in shop" in chain
    assert "as service account shop/operator, which may do everything in the whole cluster" in chain
    system = binding("pods", "web", "kube-system").replace(
        "name: web, namespace: kube-system", "name: web, namespace: shop"
    )
    assert TAKEOVER in ids(judge(POD, here[1], system))


def test_aggregated_roles_and_those_of_the_api_server() -> None:
    aggregated = (
        "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: sum}\n"
        "aggregationRule: {clusterRoleSelectors: [{matchLabels: {add: 'yes'}}]}\n"
    )
    part = role("part", "secrets", "get", "{add: 'yes'}")
    assert TAKEOVER in ids(judge(POD, aggregated, part, binding("sum", "web")))
    assert TAKEOVER not in ids(judge(POD, aggregated, part.replace("'yes'", "'no'"), binding("sum", "web")))
    assert TAKEOVER in ids(judge(POD, binding("edit", "web")))
    assert TAKEOVER not in ids(judge(POD, binding("view", "web")))
    assert TAKEOVER not in ids(judge(POD, role("r", "pods", "create"), binding("r", "other")))


def test_places_are_those_of_the_file_that_was_forgotten() -> None:
    found = only(judge("# first\n" + POD, role("r", "secrets", "get"), binding("r", "web")), TAKEOVER)
    assert (found.locations[0].path, found.locations[0].line) == ("0.yaml", 5)


# -- edits ------------------------------------------------------------------------------------------------------------------------


def applied(text: str, findings: list[Finding]) -> str:
    documents = list(yaml.safe_load_all(text))
    for finding in findings:
        for edit in finding.fix.edits if finding.fix else ():
            assert isinstance(edit, Put | Append | Drop)
            node = documents[edit.document]
            for step in edit.pointer[:-1]:
                node = node.setdefault(step, {}) if isinstance(node, dict) else node[step]
            last: Any = edit.pointer[-1]
            if isinstance(edit, Put):
                node[last] = edit.value
            elif isinstance(edit, Drop) and (isinstance(node, list) or last in node):
                del node[last]
    return yaml.safe_dump_all(documents)


@pytest.mark.parametrize("rule", ALL, ids=lambda rule: rule.id)
def test_edits_close_their_finding_and_open_none(rule: Rule) -> None:
    before = judge(rule.bad)
    mine = [one for one in before.findings if one.id == rule.id]
    edits = [one for one in mine if one.fix is not None and one.fix.edits]
    if not edits:
        return
    once = applied(rule.bad, edits)
    after = judge(once)
    assert rule.id not in ids(after)
    covered = {one.rule.id for one in MEMBERS.load().values() if rule.id in one.covered_by}  # silent only for its sake
    assert ids(after) - ids(before) <= covered
    assert not [one for one in after.diagnostics if one.incomplete]
    assert applied(once, edits) == once or any(isinstance(e, Drop) for one in edits if one.fix for e in one.fix.edits)


def test_all_edits_together_leave_a_pod_that_the_strictest_standard_admits() -> None:
    text = PRIVILEGED.replace(
        "privileged: true", "privileged: true, capabilities: {add: [SYS_ADMIN, CHOWN]}, runAsUser: 0"
    )
    for _ in range(3):
        text = applied(text, [one for one in judge(text).findings if one.fix and one.fix.edits])
    assert not judge(text, framework="pss-restricted").findings
    assert judge(text, framework="pss-restricted").documents == 1


# -- false alarms ------------------------------------------------------------------------------------------------------


def wildcard(group: str) -> set[str]:
    return ids(
        judge(
            "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: r}\n"
            f"rules: [{{apiGroups: ['{group}'], resources: ['*'], verbs: [get]}}]\n"
        )
    )


def test_all_resources_of_an_operators_own_group_are_few() -> None:
    assert "wildcard-role" not in wildcard("cert-manager.io")
    assert all("wildcard-role" in wildcard(group) for group in ("", "*", "apps", "rbac.authorization.k8s.io"))


@pytest.mark.parametrize(
    ("path", "mount", "expected"),
    [
        ("/etc", "readOnly: true", "sensitive-host-path"),
        ("/etc/machine-id", "readOnly: true", "host-path"),
        ("/etc/machine-ids", "readOnly: true", "sensitive-host-path"),
        ("/sys", "readOnly: true", "host-path"),
        ("/sys", "readOnly: false", "sensitive-host-path"),
    ],
)
def test_what_every_container_has_is_not_sensitive(path: str, mount: str, expected: str) -> None:
    found = ids(
        judge(
            "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n"
            f"  containers: [{{name: c, image: x, volumeMounts: [{{name: v, mountPath: /v, {mount}}}]}}]\n"
            f"  volumes: [{{name: v, hostPath: {{path: {path}}}}}]\n"
        )
    )
    assert found & {"sensitive-host-path", "host-path"} == {expected}


def test_the_entry_that_does_not_count_is_dropped() -> None:
    text = (
        "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {containers: [{name: c, image: x, "
        "env: [{name: A, value: '1'}, {name: B, value: 'VALUE'}, {name: A, value: '2'}]}]}\n"
    )
    plain = only(judge(text), "duplicate-environment-variable").fix
    assert plain is not None
    assert (plain.safe, plain.edits) == (True, (Drop(pointer=("spec", "containers", 0, "env", 0)),))
    used = only(judge(text.replace("VALUE", "$(A)")), "duplicate-environment-variable").fix
    assert used is not None
    assert not used.safe


@pytest.mark.parametrize(
    ("data", "line"),
    [
        (b"kind apiVersion \x00\xff\xfe", 1),
        (b"apiVersion: v1\nkind: Pod\nmetadata: {name: caf\xe9}\n", 3),
        (b"apiVersion: v1\nkind: Pod\nmetadata: {name: \x07}\n", 3),
    ],
)
def test_what_is_no_text_is_told_with_its_line(data: bytes, line: int) -> None:
    [told] = check([("x.yaml", data)]).diagnostics
    assert (told.slug, told.message.startswith(f"line {line}: not YAML: ")) == ("unreadable", True)
    assert "byte string" not in told.message
