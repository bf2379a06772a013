"""`thwart net` from the outside: streams, formats, exit codes."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.network.helpers import PODS, policy
from thwart.api.net import load_network, map_formats, map_network
from thwart.cli import main

RULES = policy(
    "{podSelector: {matchLabels: {app: db}}, ingress: [{from: [{podSelector: {}}], ports: [{port: 5432}]}]}", "db-in"
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "sub").mkdir()
    (tmp_path / "pods.yaml").write_text(PODS)
    (tmp_path / "sub" / "policy.yml").write_text(RULES)
    (tmp_path / "README.txt").write_text("{not read")
    return tmp_path


def thwart(*arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "thwart", "net", *arguments]
    return subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)


def test_map_is_text_with_the_matrix_first(folder: Path) -> None:
    done = thwart("map", str(folder))
    assert done.returncode == 0
    assert done.stderr == ""
    rows = done.stdout.splitlines()
    (head,) = (row for row in rows if row.split() == ["a", "b", "(outside)"])
    at = rows.index(head)
    assert rows[at + 1].split() == ["a", "some", "all", "all"]
    assert rows[at + 2].split() == ["b", "some", "all"]  # nothing in b talks to another in b
    assert "  <- a/Pod/web: TCP 5432" in rows


@pytest.mark.parametrize("name", map_formats())
def test_every_format_has_the_connection(folder: Path, name: str) -> None:
    network = load_network([str(folder)])
    written = map_network(network, name)
    assert "5432" in written
    assert "Pod/db" in written
    assert map_network(load_network([str(folder)]), name) == written


def test_json_and_csv_can_be_read_back(folder: Path) -> None:
    network = load_network([str(folder)])
    document = json.loads(map_network(network, "json"))
    assert document["schema"] == "thwart-net-map-v1"
    names = {tuple(group["names"]): group["id"] for group in document["groups"] if group["namespace"] == "a"}
    into = [one for one in document["connections"] if names["Pod/db",] in one["to"]]
    assert [(one["from"], one["ports"]) for one in into] == [
        ([names["Pod/web",]], [{"protocol": "TCP", "first": 5432, "last": 5432}])
    ]
    rows = list(csv.DictReader(io.StringIO(map_network(network, "csv"))))
    assert [(r["from"], r["first_port"]) for r in rows if (r["to_namespace"], r["to"]) == ("a", "Pod/db")] == [
        ("Pod/web", "5432")
    ]


def test_names_of_strangers_do_no_harm(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("thwart.network.world.check_names", lambda _: None)  # refused, and written safely all the same
    file = tmp_path / "x.yaml"
    file.write_text('{apiVersion: v1, kind: Pod, metadata: {name: "\\"];|x\\n\\e[31m<b>", namespace: "=a"}}')
    network = load_network([str(file)])
    assert "\\|x" in map_network(network, "markdown")
    assert '\\"];' in map_network(network, "dot")
    assert '"Pod/"' not in map_network(network, "mermaid")
    assert main(["net", "map", str(file)]) == 0
    printed = capsys.readouterr().out
    assert "|x" in printed
    assert "\x1b" not in printed


def test_eval_answers_line_by_line(folder: Path) -> None:
    flow = {"src": {"namespace": "a", "pod": "web"}, "dst": {"namespace": "a", "pod": "db"}, "port": 5432}
    done = thwart("eval", str(folder), stdin=json.dumps(flow) + "\n\n" + json.dumps({**flow, "port": 1}))
    first, second = map(json.loads, done.stdout.splitlines())
    assert (first["allowed"], second["allowed"], done.returncode) == (True, False, 0)
    assert first["because"][0]["file"].endswith("policy.yml")
    unknown = thwart("eval", str(folder), stdin=json.dumps({**flow, "src": {"namespace": "a", "pod": "none"}}))
    assert unknown.returncode == 3
    assert thwart("eval", str(folder), stdin="{nonsense\n").returncode == 2


def test_explain_names_policy_rule_and_line(folder: Path) -> None:
    done = thwart("explain", "a/web", "a/db", "5432", "-f", str(folder))
    assert done.returncode == 0
    assert done.stdout.splitlines()[0] == "allowed: a/web -> a/db, TCP 5432"
    assert "NetworkPolicy a/db-in, rule 1, allows (" in done.stdout
    assert "policy.yml:5)" in done.stdout
    denied = thwart("explain", "b/web", "a/db", "-f", str(folder), "--json")
    document = json.loads(denied.stdout)
    assert [answer["allowed"] for answer in document["answers"]] == [False]
    assert thwart("explain", "a/web", "a/none", "-f", str(folder)).returncode == 2
    assert thwart("explain", "a/web", "a/db", "smtp", "-f", str(folder)).returncode == 2


def test_every_object_that_is_refused_is_told_with_its_line(folder: Path) -> None:
    (folder / "bad.yaml").write_text(
        policy("{policyTypes: [x]}", "one") + policy("{ingress: [{ports: [{port: 0}]}]}", "two")
    )
    done = thwart("map", str(folder))
    assert done.returncode == 2
    assert done.stdout == ""
    errors = [line for line in done.stderr.splitlines() if line.startswith("error[invalid-object]")]
    assert ["bad.yaml:5: NetworkPolicy a/one" in errors[0], "bad.yaml:10: NetworkPolicy a/two" in errors[1]] == [
        True
    ] * 2


def test_what_is_missing_or_incomplete_has_its_exit_code(folder: Path, tmp_path: Path) -> None:
    assert thwart("map", str(tmp_path / "none")).returncode == 4
    empty = tmp_path / "empty"
    empty.mkdir()
    assert thwart("map", str(empty)).returncode == 4
    (folder / "antrea.yaml").write_text(
        "{apiVersion: crd.antrea.io/v1beta1, kind: NetworkPolicy, metadata: {name: c, namespace: a}}"
    )
    done = thwart("map", str(folder))
    assert done.returncode == 3
    assert "warning[unmodelled-policy]" in done.stderr
    assert "?" in done.stdout
    assert thwart("map", "-o", "picture", str(folder)).returncode == 2


def test_standard_input(folder: Path) -> None:
    done = thwart("map", "-", "-o", "json", stdin=PODS)
    assert done.returncode == 0
    assert len(json.loads(done.stdout)["groups"]) > 0
