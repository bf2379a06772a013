"""`thwart net diff`: what is opened and closed, in words, formats and exit codes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.network.helpers import PODS, policy, world_of
from thwart.network._comparing_report import Difference
from thwart.network.comparing import compare

CLOSED = policy(
    "{podSelector: {matchLabels: {app: db}}, ingress: [{from: [{podSelector: {matchLabels: {app: web}}}], ports: [{port: 80}]}]}",
    "db",
)
OTHER = CLOSED.replace("app: web", "app: cart")
PORTS = CLOSED.replace("port: 80", "port: 80, endPort: 90")
MORE = "---\n{apiVersion: apps/v1, kind: Deployment, metadata: {name: new, namespace: a}, spec: {template: {metadata: {labels: {app: new}}}}}\n"


def lines(old: str, new: str) -> list[str]:
    """Kinds and lines of all changes."""
    difference = Difference(compare(world_of(PODS + old), world_of(PODS + new)))
    return [f"{one.stands} {one.kind}: {difference.line(one)}" for one in difference.found.changes]


def test_a_policy_that_is_added_closes_and_one_that_is_removed_opens() -> None:
    assert lines("", CLOSED) == [
        "both changed: a/Pod/web -> a/Pod/db: any -> TCP 80",
        "both closed: b/Pod/web, any address outside -> a/Pod/db: any",
    ]
    assert "both opened: b/Pod/web, any address outside -> a/Pod/db: any" in lines(CLOSED, "")


def test_ports_that_differ_are_a_change() -> None:
    assert lines(CLOSED, PORTS) == ["both changed: a/Pod/web -> a/Pod/db: TCP 80 -> TCP 80-90"]
    assert lines(CLOSED, OTHER) == ["both closed: a/Pod/web -> a/Pod/db: TCP 80"]


def test_addresses_are_cut_by_the_blocks_of_both() -> None:
    block = "{podSelector: {matchLabels: {app: db}}, ingress: [{from: [{ipBlock: {cidr: %s}}], ports: [{port: 80}]}]}"
    old, new = (policy(block % cidr) for cidr in ("192.0.2.0/24", "192.0.2.128/23"))
    assert lines(old, new) == ["both opened: 192.0.3.0/24 -> a/Pod/db: TCP 80"]
    pod = policy(block % "10.0.0.1/32")  # the address of a pod is no address outside
    assert lines(old, old + pod.replace("name: p", "name: q")) == ["both opened: a/Pod/web -> a/Pod/db: TCP 80"]
    holes = policy(block % "0.0.0.0/0, except: [10.0.0.0/8, 192.168.0.0/16]")
    found = lines(policy(block % "0.0.0.0/0"), holes)
    assert found == ["both closed: a/Pod/web, b/Pod/web, 10.0.0.0/8, 192.168.0.0/16 -> a/Pod/db: TCP 80"]


def test_the_same_in_other_words_is_no_difference() -> None:
    split = policy(
        "{podSelector: {matchExpressions: [{key: app, operator: In, values: [db]}]}, policyTypes: [Ingress], ingress: ["
        "{from: [{podSelector: {matchLabels: {app: web}}}], ports: [{port: 80, endPort: 84, protocol: TCP}]},"
        "{from: [{podSelector: {matchLabels: {app: web}}}], ports: [{port: 85, endPort: 90}]}]}",
        "other-name",
    )
    assert compare(world_of(PODS + PORTS), world_of(PODS + split)).same


def test_who_comes_and_goes_is_told_apart_from_what_policies_change() -> None:
    found = compare(world_of(PODS), world_of(PODS + MORE))
    assert found.names("added") == ["a/Deployment/new"]
    assert {change.stands for change in found.changes} == {"added"}
    assert not found.same
    back = compare(world_of(PODS + MORE), world_of(PODS))
    assert back.names("removed") == ["a/Deployment/new"]
    assert {change.stands for change in back.changes} == {"removed"}


def test_replicas_with_other_names_are_the_same_workload() -> None:
    pod = (
        "---\n{apiVersion: v1, kind: Pod, metadata: {name: api-%s, namespace: a, labels: {app: api, pod-template-hash: x},"
        " ownerReferences: [{kind: ReplicaSet, name: api-x, controller: true}]}}\n"
    )
    old, new = (PODS + CLOSED + "".join(pod % name for name in names) for names in ("ab", "bcd"))
    assert compare(world_of(old), world_of(new)).same
    deployment = "---\n{apiVersion: apps/v1, kind: Deployment, metadata: {name: api, namespace: a}, spec: {template: {metadata: {labels: {app: api}}}}}\n"
    assert compare(world_of(old), world_of(PODS + CLOSED + deployment)).same


def test_what_becomes_unknown_is_told_as_such() -> None:
    strange = "---\n{apiVersion: crd.antrea.io/v1beta1, kind: NetworkPolicy, metadata: {name: x, namespace: b}}\n"
    assert all(line.startswith("both unknown: ") for line in lines("", strange))
    assert all(line.startswith("both known: ") for line in lines(strange, ""))
    assert len(lines("", strange)) > 0


# -- from the outside ----------------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, rules in (("old", CLOSED), ("new", PORTS)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "policy.yaml").write_text(rules)
    (tmp_path / "pods.yaml").write_text(PODS)
    (tmp_path / "intents.yaml").write_text(
        "version: 1\nintents:\n- {name: narrow, deny: {from: a/web, to: a/db, ports: 81-90}}\n- {name: fine, allow: {from: a/web, to: a/db, ports: 80}}\n"
    )
    return tmp_path


def diff(folder: Path, old: str, new: str, *also: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "thwart", "net", "diff", old, new, "--with", "pods.yaml", *also]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder)


def test_exit_codes(folder: Path) -> None:
    assert diff(folder, "old", "new").returncode == 0
    assert diff(folder, "old", "new", "--exit-code").returncode == 1
    same = diff(folder, "old", "old", "--exit-code")
    assert (same.returncode, same.stdout) == (0, "No connection differs\n")
    assert diff(folder, "old", "none").returncode == 4
    assert diff(folder, "old", "new", "-o", "dot").returncode == 2
    (folder / "bad.yaml").write_text(policy("{policyTypes: [x]}"))
    refused = diff(folder, "old", "bad.yaml")
    assert (refused.returncode, "error[invalid-object]: bad.yaml:5" in refused.stderr) == (2, True)
    strange = "{apiVersion: crd.antrea.io/v1beta1, kind: NetworkPolicy, metadata: {name: x, namespace: b}}"
    (folder / "new" / "strange.yaml").write_text(strange)
    assert diff(folder, "old", "new").returncode == 3


def test_text_has_the_reason_and_the_intents_that_break(folder: Path) -> None:
    done = diff(folder, "old", "new", "--intents", "intents.yaml", "--exit-code")
    assert done.returncode == 1
    printed = done.stdout.splitlines()
    assert printed[0] == "changed: a/Pod/web -> a/Pod/db: TCP 80 -> TCP 80-90"
    assert "    ingress of a/Pod/db: NetworkPolicy a/db, rule 1, allows (new/policy.yaml:5)" in printed
    assert "intent broken: narrow (intents.yaml:3)" in printed
    assert not any("fine" in line for line in printed)
    assert printed[-1] == "Connections: 1 changed; 1 intent broken"
    back = diff(folder, "new", "old", "--intents", "intents.yaml")
    assert "intent repaired: narrow (intents.yaml:3)" in back.stdout


def test_json_can_be_read_back(folder: Path) -> None:
    document = json.loads(diff(folder, "old", "new", "-o", "json", "--intents", "intents.yaml").stdout)
    assert document["schema"] == "thwart-net-diff-v1"
    (change,) = document["changes"]
    names = {group["id"]: group["names"] for group in document["groups"]}
    assert [names[one] for one in (*change["from"], *change["to"])] == [["a/Pod/web"], ["a/Pod/db"]]
    assert change["before"]["allowed"] == [{"protocol": "TCP", "first": 80, "last": 80}]
    assert change["after"]["allowed"] == [{"protocol": "TCP", "first": 80, "last": 90}]
    assert (change["example"]["port"], change["example"]["allowed"]) == (81, True)
    assert [(one["name"], one["change"], one["before"]) for one in document["intents"]] == [
        ("narrow", "broken", "held")
    ]


def test_markdown_is_short_first_and_folded(folder: Path) -> None:
    written = diff(folder, "old", "new", "-o", "markdown", "--intents", "intents.yaml").stdout
    assert written.splitlines()[0] == "### Connections: 1 changed; 1 intent broken"
    assert written.count("<details>") == written.count("</details>") == 1
    assert "a/Pod/web -&gt; a/Pod/db: TCP 80 -&gt; TCP 80-90" in written


def test_the_same_input_gives_the_same_bytes(folder: Path) -> None:
    for name in ("text", "json", "markdown"):
        assert diff(folder, "old", "new", "-o", name).stdout == diff(folder, "old", "new", "-o", name).stdout
