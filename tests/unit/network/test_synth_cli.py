"""`thwart net synth` from the outside: streams, formats, exit codes, and what kubectl makes of it."""

from __future__ import annotations

import http.server
import json
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any, ClassVar

import pytest
import yaml

from tests.conftest import ROOT
from tests.unit.network.helpers import PODS, policy
from thwart.network.synthesis.making import dialects

SHOP = str(ROOT / "examples" / "shop" / "deploy" / "kubernetes")
FLOW = "source_namespace,source_pod,destination_namespace,destination_pod,protocol,port\n"


def thwart(*arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "thwart", "net", "synth", *arguments]
    return subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)


@pytest.fixture
def pods(tmp_path: Path) -> str:
    (tmp_path / "pods.yaml").write_text(PODS)
    return str(tmp_path / "pods.yaml")


@pytest.fixture
def flows(tmp_path: Path) -> str:
    (tmp_path / "flows.csv").write_text(FLOW + "a,web,a,db,TCP,5432\n")
    return str(tmp_path / "flows.csv")


def test_policies_go_to_stdout_and_everything_else_to_stderr(pods: str, flows: str) -> None:
    done = thwart(pods, "--flows", flows)
    assert done.returncode == 0, done.stderr
    names = [(d["metadata"]["namespace"], d["metadata"]["name"]) for d in yaml.safe_load_all(done.stdout)]
    assert names == [("a", "default-deny"), ("a", "db"), ("a", "web"), ("b", "default-deny")]
    assert done.stderr.splitlines()[-1].startswith("proved over 4 classes of endpoints and ")
    assert thwart(pods, "--flows", flows).stdout == done.stdout


def test_what_was_written_does_what_it_says(pods: str, flows: str, tmp_path: Path) -> None:
    target = tmp_path / "out" / "policies.yaml"
    target.parent.mkdir()
    assert thwart(pods, "--flows", flows, "-o", f"yaml={target}").stdout == ""
    asked = '{"src": {"namespace": "a", "pod": "%s"}, "dst": {"namespace": "a", "pod": "%s"}, "port": 5432}\n'
    command = [sys.executable, "-m", "thwart", "net", "eval", pods, str(target)]
    lines = asked % ("web", "db") + asked % ("db", "web")
    done = subprocess.run(command, input=lines, capture_output=True, text=True, check=False)
    assert [json.loads(line)["allowed"] for line in done.stdout.splitlines()] == [True, False]


def test_json_has_policies_and_proof(pods: str, flows: str) -> None:
    done = thwart(pods, "--flows", flows, "-o", "json", "--dialect", "cilium", "--no-default-deny")
    document = json.loads(done.stdout)
    assert [one["kind"] for one in document["policies"]] == ["CiliumNetworkPolicy"] * 2
    assert document["verification"]["holds"] is True


def test_flows_and_manifests_from_standard_input(pods: str, flows: str) -> None:
    assert thwart(pods, "--flows", "-", stdin=Path(flows).read_text()).returncode == 0
    assert thwart("-", "--flows", flows, stdin=PODS).returncode == 0
    shop = "\n---\n".join(path.read_text() for path in sorted(Path(SHOP).glob("*.yaml")))
    piped = thwart("-", "--from-manifests", "--ingress-from", "edge", stdin=shop)
    assert piped.stdout == thwart(SHOP, "--from-manifests", "--ingress-from", "edge").stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "nothing is asked for"),
        (("--flows", "-", "-"), "only one thing can come from standard input"),
        (("--flows", "F", "--dialect", "nope"), "there is no dialect nope"),
        (("--flows", "F", "--format", "nope"), "there is no flow log format nope"),
        (("--flows", "F", "--pods-in", "nope"), "is not a CIDR block"),
        (("--flows", "F", "--ingress-only", "--egress-only"), "exclude each other"),
        (("--flows", "F", "--cidr-generalize", "33"), "'33' is not a length"),
        (("--flows", "F", "--cidr-generalize", "24,x"), "'x' is not a length"),
        (("--flows", "F", "--cidr-generalize", "24,64,1"), "one length"),
        (("--flows", "F", "--ingress-from", "x"), "only --from-manifests reads"),
        (("--from-manifests", "--ingress-from", "a/none"), "is not a namespace, or a namespace and labels"),
        (("--from-manifests", "--ingress-from", "a/app=none"), "no pod of namespace a has the labels app=none"),
        (("--from-manifests",), "nothing is asked for that a policy can allow"),
    ],
)
def test_what_is_wrong_is_told(pods: str, flows: str, arguments: tuple[str, ...], words: str) -> None:
    done = thwart(*(flows if one == "F" else one for one in arguments), pods)
    assert done.returncode == 2
    assert done.stdout == ""
    assert words in done.stderr


def test_files_that_are_not_there(pods: str, flows: str) -> None:
    assert thwart(pods, "--flows", "/nowhere/x").returncode == 4
    assert thwart("/nowhere/x", "--flows", flows).returncode == 4


def test_lost_flows_make_it_incomplete(pods: str, flows: str) -> None:
    Path(flows).write_text(Path(flows).read_text() + "a,gone,a,db,TCP,80\n")
    done = thwart(pods, "--flows", flows)
    assert done.returncode == 3
    assert done.stdout
    assert "warning[unmatched]: 1 left out (an end is nothing that was read), for example line 3" in done.stderr


def test_nothing_is_written_that_cannot_be_proved(pods: str, flows: str, tmp_path: Path) -> None:
    (tmp_path / "deny.yaml").write_text(
        "apiVersion: policy.networking.k8s.io/v1alpha2\nkind: ClusterNetworkPolicy\nmetadata: {name: never}\n"
        "spec: {tier: Admin, priority: 1, subject: {namespaces: {}}, ingress: [{action: Deny, from: [{namespaces: {}}]}]}\n"
    )
    done = thwart(pods, str(tmp_path / "deny.yaml"), "--flows", flows, "--keep-existing")
    assert done.returncode == 1
    assert done.stdout == ""
    assert "error[not-proved]" in done.stderr
    assert "not proved: 1 asked for and denied: a/Pod/web -> a/Pod/db (TCP 5432)" in done.stderr


def test_intents_are_asked_for(pods: str, tmp_path: Path) -> None:
    (tmp_path / "i.yaml").write_text(
        "version: 1\nintents: [{name: one, allow: {from: a/web, to: a/db, ports: http}}]\n"
    )
    done = thwart(pods, "--intents", str(tmp_path / "i.yaml"))
    assert done.returncode == 0, done.stderr
    assert "port: 9090" in done.stdout
    (tmp_path / "i.yaml").write_text("intents: 3")
    assert thwart(pods, "--intents", str(tmp_path / "i.yaml")).returncode == 2


def test_names_by_strangers_steer_nothing(flows: str, tmp_path: Path) -> None:
    evil = '{"apiVersion": "v1", "kind": "Pod", "metadata": {"namespace": "a", "name": "web", "labels": {"app": "w"}, '
    evil += '"ownerReferences": [{"kind": "Job", "controller": true, "name": "x\\n---\\nkind: Evil\\u001b[2J"}]}}'
    (tmp_path / "evil.json").write_text(evil)
    (tmp_path / "db.yaml").write_text(
        "{apiVersion: v1, kind: Pod, metadata: {name: db, namespace: a, labels: {app: db}}}\n"
    )
    done = thwart(str(tmp_path / "evil.json"), str(tmp_path / "db.yaml"), "--flows", flows)
    assert done.returncode == 0, done.stderr
    assert {d["kind"] for d in yaml.safe_load_all(done.stdout)} == {"NetworkPolicy"}
    assert "\x1b" not in done.stdout + done.stderr


def test_dns_for_all_and_addresses_in_blocks(pods: str, tmp_path: Path) -> None:
    (tmp_path / "f.csv").write_text(FLOW + "a,web,a,db,TCP,5432\n")
    done = thwart(pods, "--flows", str(tmp_path / "f.csv"), "--dns", "all", "--egress-only")
    assert done.stdout.count("kube-system") == 3
    assert "Ingress" not in done.stdout


def test_existing_rules_are_kept(pods: str, flows: str, tmp_path: Path) -> None:
    spec = "{podSelector: {matchLabels: {app: db}}, ingress: [{from: [{podSelector: {}}], ports: [{port: 5432}]}]}"
    (tmp_path / "p.yaml").write_text(policy(spec, "db"))
    done = thwart(pods, str(tmp_path / "p.yaml"), "--flows", flows, "--keep-existing")
    assert [d["metadata"]["name"] for d in yaml.safe_load_all(done.stdout)] == ["default-deny", "web", "default-deny"]


class Discovery(http.server.BaseHTTPRequestHandler):
    """As much of an API server as kubectl asks for before a dry run: which kinds there are."""

    KINDS: ClassVar[dict[str, tuple[str, str]]] = {
        "networking.k8s.io/v1": ("networkpolicies", "NetworkPolicy"),
        "cilium.io/v2": ("ciliumnetworkpolicies", "CiliumNetworkPolicy"),
        "projectcalico.org/v3": ("networkpolicies", "NetworkPolicy"),
    }

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        versions = [{"groupVersion": one, "version": one.rpartition("/")[2]} for one in self.KINDS]
        groups = [{"name": one["groupVersion"].partition("/")[0], "versions": [one]} for one in versions]
        body: dict[str, Any] = {"kind": "APIVersions", "versions": ["v1"]}
        if path == "/apis":
            body = {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}
        elif path.count("/") > 1:
            name, kind = self.KINDS.get(path.removeprefix("/apis/"), ("", ""))
            resource = {"name": name, "singularName": "", "namespaced": True, "kind": kind, "verbs": ["create", "get"]}
            body = {"kind": "APIResourceList", "groupVersion": path[6:], "resources": [resource] if name else []}
        data = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        pass


@pytest.mark.real
@pytest.mark.parametrize("dialect", dialects())
def test_kubectl_takes_it_in_a_dry_run(dialect: str, tmp_path: Path) -> None:
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        pytest.skip("kubectl is not installed")
    done = thwart(SHOP, "--from-manifests", "--dialect", dialect)
    (tmp_path / "p.yaml").write_text(done.stdout)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Discovery) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        command = [kubectl, f"--server=http://127.0.0.1:{server.server_port}", f"--cache-dir={tmp_path / 'cache'}"]
        command += ["create", "--dry-run=client", "--validate=false", "-f", str(tmp_path / "p.yaml"), "-o", "name"]
        read = subprocess.run(command, capture_output=True, text=True, check=False)
        server.shutdown()
    assert read.returncode == 0, read.stderr
    assert len(read.stdout.splitlines()) == len(list(yaml.safe_load_all(done.stdout)))


@pytest.mark.real
@pytest.mark.parametrize("dialect", dialects())
def test_kubectl_reads_the_same(dialect: str, tmp_path: Path) -> None:
    """Go's reader of YAML, as an oracle for ours."""
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        pytest.skip("kubectl is not installed")
    done = thwart(SHOP, "--from-manifests", "--dialect", dialect)
    (tmp_path / "p.yaml").write_text(done.stdout)
    command = [kubectl, "annotate", "--local", "-f", str(tmp_path / "p.yaml"), "seen=by-kubectl", "-o", "json"]
    read = subprocess.run(command, capture_output=True, text=True, check=False)
    assert read.returncode == 0, read.stderr
    decoder, at = json.JSONDecoder(), 0
    found: list[dict[str, Any]] = []
    while at < len(read.stdout.rstrip()):
        one, at = decoder.raw_decode(read.stdout, at)
        at += len(read.stdout[at:]) - len(read.stdout[at:].lstrip())
        found += one["items"] if one["kind"] == "List" else [one]
    for one in found:
        assert one["metadata"].pop("annotations") == {"seen": "by-kubectl"}
    assert found == list(yaml.safe_load_all(done.stdout))
