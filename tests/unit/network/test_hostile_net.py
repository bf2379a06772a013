"""What strangers hand to `thwart net`: refused or told, with the right exit code, never dropped and never a bug."""

from __future__ import annotations

import itertools
import os
from pathlib import Path

import pytest

from thwart.cli import main

POD = """\
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop, labels: {app: web}}
"""
POLICY = """\
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: p, namespace: shop}
spec: {podSelector: {}}
"""


def _map(tmp_path: Path, text: str, name: str = "a.yaml") -> int:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return main(["net", "map", str(path)])


@pytest.mark.parametrize(
    ("document", "says"),
    [
        (POLICY.replace("kind: NetworkPolicy\n", ""), "it has no kind"),
        (POLICY.replace("apiVersion: networking.k8s.io/v1\n", ""), "it has no apiVersion"),
        (POLICY.replace("kind: NetworkPolicy", "kind: NetworkPolcy"), "did you mean NetworkPolicy?"),
        (POLICY.replace("kind: NetworkPolicy", "kind: networkPolicy"), "did you mean NetworkPolicy?"),
        ("---\napiVersion: apps/v1\nkind: Deploymnet\nmetadata: {name: x}\n", "did you mean Deployment?"),
        ("---\napiVersion: v1\nkind: List\nitems: hello\n", "items must be a list"),
        ('---\napiVersion: v1\nkind: Pod\nmetadata: {name: "=cmd|x", namespace: a}\n', "is not a DNS subdomain"),
        ('---\napiVersion: v1\nkind: Pod\nmetadata: {name: x, namespace: "a\\e[31m"}\n', "is not a DNS label"),
        ("---\napiVersion: v1\nkind: Namespace\nmetadata: {name: a.b}\n", "is not a DNS label"),
        (f"---\napiVersion: v1\nkind: Pod\nmetadata: {{name: {'x' * 300}}}\n", "is not a DNS subdomain"),
    ],
)
def test_what_the_api_server_would_refuse_is_refused_and_not_passed_over(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], document: str, says: str
) -> None:
    assert _map(tmp_path, POD + document) == 2
    out, err = capsys.readouterr()
    assert not out
    assert "error[invalid-object]: " in err
    assert says in err
    assert "\x1b" not in err


def test_an_object_without_a_kind_or_an_api_is_refused_in_json_too(tmp_path: Path) -> None:
    pod = '{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"}}'
    for lacking in ('"kind": "Pod", ', '"apiVersion": "v1", '):
        assert _map(tmp_path, pod, "a.json") == 0
        assert _map(tmp_path, pod.replace(lacking, ""), "a.json") == 2


@pytest.mark.parametrize(
    "document",
    [
        "---\napiVersion: apps/v1\nkind: ControllerRevision\nmetadata: {name: x}\n",
        "---\napiVersion: v1\nkind: PodTemplate\nmetadata: {name: x}\n",
        "---\napiVersion: v1\nkind: Event\nmetadata: {name: x.1}\n",
        "---\napiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: 'system:node'}\n",
        "---\napiVersion: networking.k8s.io/v1\nkind: ServiceCIDR\nmetadata: {name: kubernetes}\n",
        "---\napiVersion: v2\nname: a-chart\nversion: 1.0.0\n",
        "---\nservices: {web: {image: x}}\n",
        "---\napiVersion: v1\nkind: Pod\nmetadata: {generateName: web-, namespace: shop}\n",
    ],
)
def test_other_documents_are_no_reason_to_refuse(tmp_path: Path, document: str) -> None:
    assert _map(tmp_path, POD + document) == 0


def test_a_path_that_is_empty_is_a_mistake(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["net", "map", ""]) == 2
    assert "a path is empty" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["a" * 5000, "a\0b"])
def test_what_cannot_be_a_file_cannot_be_read(tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    good = tmp_path / "a.yaml"
    good.write_text(POD, encoding="utf-8")
    for command in (["map", name], ["eval", "--flows", name, str(good)], ["verify", "--intents", name, str(good)]):
        assert main(["net", *command]) == 4
        assert "error[source]: " in capsys.readouterr().err


def test_an_unknown_option_is_told_with_the_options_of_its_verb(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["net", "explain", "--jsno", "a/b", "c/d"]) == 2
    assert "did you mean --json" in capsys.readouterr().err
    assert main(["net", "map", "--out", "json", "."]) == 2  # no abbreviations: the next version may have two of them


@pytest.mark.parametrize(
    "options",
    [
        ["--window", "0"],
        ["--score", "nan"],
        ["--score", "0"],
        ["--scan-ports", "0"],
        ["--scan-destinations", "-1"],
        ["--repeat", "nan"],
        ["--idle", "-1"],
    ],
)
def test_a_watch_that_could_never_alarm_is_a_mistake(tmp_path: Path, options: list[str]) -> None:
    good, flows = tmp_path / "a.yaml", tmp_path / "flows.csv"
    good.write_text(POD, encoding="utf-8")
    flows.write_text("src,dst,port\n", encoding="utf-8")
    assert main(["net", "watch", "--flows", str(flows), str(good)]) == 0
    assert main(["net", "watch", "--flows", str(flows), *options, str(good)]) == 2


def test_explain_and_eval_agree_that_strangers_are_not_asked_about(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = tmp_path / "a.yaml"
    good.write_text(POD, encoding="utf-8")
    assert main(["net", "explain", "192.0.2.1", "198.51.100.1", "80", "-f", str(good)]) == 2
    out, err = capsys.readouterr()
    assert not out
    assert "network policies have no say" in err


def test_truncated_manifests_are_told_or_refused_and_never_a_bug(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = POD + POLICY
    for cut, suffix in itertools.product(range(1, len(text), 7), ("", "\0", "\t{", "]")):
        code = _map(tmp_path, text[:cut] + suffix)
        assert code in (0, 2, 3, 4)
        assert "error[bug]" not in capsys.readouterr().err


def test_lines_that_cannot_be_read_are_told_beside_a_table_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good, flows = tmp_path / "a.yaml", tmp_path / "flows.csv"
    good.write_text(POD, encoding="utf-8")
    flows.write_bytes("src,dst,port\nshop/web,192.0.2.1,80\n".encode("utf-16"))
    assert main(["net", "simulate", "--flows", str(flows), "-o", "csv", str(good)]) == 3
    out, err = capsys.readouterr()
    assert out.splitlines() == out.splitlines()[:1]
    assert "warning[flow-unrecognised]: " in err


def test_a_pipe_in_a_folder_is_told_and_not_waited_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    os.mkfifo(tmp_path / "pipe.yaml")
    (tmp_path / "pod.yaml").write_text("{apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {containers: []}}")
    assert main(["net", "map", str(tmp_path)]) == 3
    assert "no regular file" in capsys.readouterr().err


def test_keys_given_twice_in_json_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = (
        '{"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": "p"},'
        ' "spec": {"podSelector": {}, "podSelector": {"matchLabels": {"a": "b"}}}}'
    )
    (tmp_path / "p.json").write_text(text)
    assert main(["net", "map", str(tmp_path)]) == 3
    assert "'podSelector' is given twice" in capsys.readouterr().err


def test_a_slip_in_a_verb_is_answered_with_the_verb(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["net", "mpa", "."]) == 2
    assert "did you mean map" in capsys.readouterr().err
