"""The webhook in front of a real Kubernetes API server: what `kubectl` is told, and what is stored.

`THWART_TEST_APISERVER` is the path of a kube-apiserver; etcd and kubectl must be installed. A small Go module that requires
`k8s.io/kubernetes` builds it (docs/guides/admission.md says how).
"""

from __future__ import annotations

import base64
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import trustme

from tests.real.conftest import need
from tests.unit.admission.test_reviews import PRIVILEGED, container, deployment, pod

pytestmark = pytest.mark.real

SERVE = "from thwart.cli import _command; import sys; raise SystemExit(_command('serve', sys.argv[1:]))"
RULES = [
    {"apiGroups": [""], "resources": ["pods", "pods/ephemeralcontainers"]},
    {"apiGroups": ["apps"], "resources": ["deployments"]},
]


class Kubectl(NamedTuple):
    """A client of the API server; `folder` has the webhook's certificates."""

    config: Path
    folder: Path
    policy: Path

    def __call__(self, *words: str, text: str | None = None) -> subprocess.CompletedProcess[str]:
        command = ["kubectl", "--kubeconfig", str(self.config), *words]
        return subprocess.run(command, input=text, capture_output=True, text=True, timeout=60, check=False)

    def apply(self, document: object, *words: str) -> subprocess.CompletedProcess[str]:
        return self("apply", "--validate=false", "-f", "-", *words, text=json.dumps(document))

    def get(self, *words: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self("get", *words, "-o", "json").stdout)
        return found


@pytest.fixture(scope="module")
def kubectl(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kubectl]:
    program = os.environ.get("THWART_TEST_APISERVER", "")
    if not program or not Path(program).is_file():
        pytest.skip("THWART_TEST_APISERVER names no kube-apiserver")
    need("etcd", "kubectl")
    folder = tmp_path_factory.mktemp("cluster")
    running: list[subprocess.Popen[bytes]] = []
    try:
        config = api_server(Path(program), folder, running)
        yield webhook(folder, config, running)
    finally:
        for process in reversed(running):
            process.kill()
        for process in running:
            process.wait(20)


def ports(count: int) -> list[int]:
    taken = [socket.socket() for _ in range(count)]
    for one in taken:
        one.bind(("127.0.0.1", 0))
    found = [one.getsockname()[1] for one in taken]
    for one in taken:
        one.close()
    return found


def started(running: list[subprocess.Popen[bytes]], log: Path, *command: str) -> None:
    with log.open("wb") as file:
        running.append(subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT))


def api_server(program: Path, folder: Path, running: list[subprocess.Popen[bytes]], *flags: str) -> Path:
    client, peer, port = ports(3)
    store = f"http://127.0.0.1:{client}"
    here = f"http://127.0.0.1:{peer}"
    started(running, folder / "etcd.log", "etcd", "--data-dir", str(folder / "etcd"), "--unsafe-no-fsync",
            "--listen-client-urls", store, "--advertise-client-urls", store, "--listen-peer-urls", here,
            "--initial-advertise-peer-urls", here, "--initial-cluster", f"default={here}")  # fmt: skip
    authority = trustme.CA()
    leaf = authority.issue_cert("localhost", "127.0.0.1")
    key = folder / "api.key"
    certificate = folder / "api.crt"
    leaf.private_key_pem.write_to_path(key)
    for blob in leaf.cert_chain_pems:
        blob.write_to_path(certificate, append=True)
    authority.cert_pem.write_to_path(folder / "ca.crt")
    token = "t0ken"
    (folder / "tokens.csv").write_text(f'{token},admin,1,"system:masters"\n')
    started(running, folder / "api.log", str(program), f"--etcd-servers={store}", f"--secure-port={port}",
            "--bind-address=127.0.0.1", "--advertise-address=127.0.0.1", f"--tls-cert-file={certificate}",
            f"--tls-private-key-file={key}", f"--service-account-key-file={key}",
            f"--service-account-signing-key-file={key}", "--service-account-issuer=https://kubernetes.default.svc",
            f"--token-auth-file={folder / 'tokens.csv'}", "--authorization-mode=RBAC",
            "--service-cluster-ip-range=10.96.0.0/16", "--disable-admission-plugins=ServiceAccount", "--allow-privileged=true",
            *flags)  # fmt: skip
    config = folder / "kubeconfig"
    cluster = {"server": f"https://127.0.0.1:{port}", "certificate-authority": str(folder / "ca.crt")}
    config.write_text(json.dumps({
        "apiVersion": "v1", "kind": "Config", "current-context": "x",
        "clusters": [{"name": "x", "cluster": cluster}],
        "users": [{"name": "x", "user": {"token": token}}],
        "contexts": [{"name": "x", "context": {"cluster": "x", "user": "x"}}],
    }))  # fmt: skip
    until(lambda: run_ok("kubectl", "--kubeconfig", str(config), "get", "namespace", "default"))
    return config


def run_ok(*command: str) -> bool:
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def listening(port: int, host: str = "127.0.0.1") -> bool:
    with socket.socket() as one:
        return one.connect_ex((host, port)) == 0


def until(done: Any, seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end, "it does not come up"
        time.sleep(0.2)


def webhook(folder: Path, config: Path, running: list[subprocess.Popen[bytes]]) -> Kubectl:
    [port] = ports(1)
    policy = folder / "policy.toml"
    policy.write_text('fail-on = "high"\n')
    started(running, folder / "webhook.log", sys.executable, "-c", SERVE, "--admission", "--tls", str(folder / "tls"),
            "--listen", f"127.0.0.1:{port}", "--framework", "pss-restricted", "--policy", str(policy),
            "--default-memory", "64Mi", "--exempt", "spared", "--drain", "0")  # fmt: skip
    authority = folder / "tls" / "ca.crt"
    until(lambda: authority.exists() and listening(port))
    bundle = base64.b64encode(authority.read_bytes()).decode()
    kubectl = Kubectl(config, folder, policy)
    for kind, path in (("Validating", "validate"), ("Mutating", "mutate")):
        hook = {
            "name": f"{path}.thwart.test", "admissionReviewVersions": ["v1"], "sideEffects": "NoneOnDryRun",
            "clientConfig": {"url": f"https://127.0.0.1:{port}/{path}", "caBundle": bundle}, "timeoutSeconds": 10,
            "rules": [{**rule, "apiVersions": ["*"], "operations": ["CREATE", "UPDATE"]} for rule in RULES],
        }  # fmt: skip
        whole = {"apiVersion": "admissionregistration.k8s.io/v1", "kind": f"{kind}WebhookConfiguration"}
        done = kubectl.apply({**whole, "metadata": {"name": "thwart"}, "webhooks": [hook]})
        assert done.returncode == 0, done.stderr
    for name in ("shop", "spared"):
        assert kubectl("create", "namespace", name).returncode == 0
    told = ""

    def refusing() -> bool:
        nonlocal told
        told = kubectl.apply(PRIVILEGED, "--dry-run=server").stderr
        return "privileged-container" in told

    try:
        until(refusing, 30.0)
    except AssertionError:
        raise AssertionError(f"the webhook does not refuse: {told}") from None
    return kubectl


def named(document: dict[str, Any], name: str, namespace: str = "shop") -> dict[str, Any]:
    return {**document, "metadata": {**document["metadata"], "name": name, "namespace": namespace}}


def test_a_privileged_pod_is_refused_and_says_why(kubectl: Kubectl) -> None:
    done = kubectl.apply(named(PRIVILEGED, "bad"))
    assert done.returncode != 0
    assert "denied the request: thwart: " in done.stderr
    assert "privileged-container: container web of Pod" in done.stderr
    assert kubectl("get", "pod", "bad", "-n", "shop").returncode != 0


def test_a_restricted_pod_is_admitted_with_a_limit(kubectl: Kubectl) -> None:
    done = kubectl.apply(named(pod(), "good"))
    assert done.returncode == 0, done.stderr
    assert "Warning" not in done.stderr
    [one] = kubectl.get("pod", "good", "-n", "shop")["spec"]["containers"]
    assert one["resources"]["limits"] == {"memory": "64Mi"}


def test_a_default_below_a_request_is_raised_to_it(kubectl: Kubectl) -> None:
    asks = container(resources={"requests": {"memory": "1Gi"}})
    done = kubectl.apply(named(pod(containers=[asks]), "asks"))
    assert done.returncode == 0, done.stderr
    assert kubectl.get("pod", "asks", "-n", "shop")["spec"]["containers"][0]["resources"]["limits"] == {"memory": "1Gi"}


def test_the_image_and_labels_of_a_pod_that_runs_may_change(kubectl: Kubectl) -> None:
    assert kubectl.apply(named(pod(), "changing")).returncode == 0
    assert kubectl("label", "pod", "changing", "-n", "shop", "a=b").returncode == 0
    done = kubectl("set", "image", "pod/changing", "-n", "shop", "web=registry.example.test/web:2")
    assert done.returncode == 0, done.stderr


def test_a_dry_run_is_judged(kubectl: Kubectl) -> None:
    assert "privileged-container" in kubectl.apply(named(PRIVILEGED, "bad"), "--dry-run=server").stderr
    assert kubectl.apply(named(pod(), "never"), "--dry-run=server").returncode == 0
    assert kubectl("get", "pod", "never", "-n", "shop").returncode != 0


def test_an_ephemeral_container_is_judged(kubectl: Kubectl) -> None:
    assert kubectl.apply(named(pod(), "debugged")).returncode == 0
    path = "/api/v1/namespaces/shop/pods/debugged/ephemeralcontainers"
    whole = kubectl.get("pod", "debugged", "-n", "shop")
    for privileged, refused in ((True, True), (False, False)):
        security = {"privileged": True} if privileged else container()["securityContext"]
        whole["spec"]["ephemeralContainers"] = [
            {"name": "debug", "image": "registry.example.test/debug:1", "securityContext": security}
        ]
        done = kubectl("replace", "--raw", path, "-f", "-", text=json.dumps(whole))
        assert (done.returncode != 0) is refused, done.stderr
        assert ("privileged-container" in done.stderr) is refused


def test_a_deployment_is_judged_when_it_changes_and_scaled_when_it_is_bad(kubectl: Kubectl) -> None:
    labelled = {"metadata": {"labels": {"app": "web"}}}
    bad = deployment({**PRIVILEGED, **labelled})
    done = kubectl.apply({**bad, "metadata": {"name": "web", "namespace": "shop"}})
    assert "privileged-container: container web of Deployment" in done.stderr
    there = {**bad, "metadata": {"name": "web", "namespace": "spared"}}
    assert kubectl.apply(there).returncode == 0
    assert kubectl("scale", "deployment/web", "-n", "spared", "--replicas=3").returncode == 0


def test_a_policy_is_taken_up_and_a_broken_one_is_not(kubectl: Kubectl) -> None:
    untagged = named(pod(containers=[container(image="elsewhere.example.test/web:1")]), "moved")
    try:
        kubectl.policy.write_text('fail-on = "high"\nregistries = ["registry.example.test"]\n')
        until(lambda: "from a place that is not allowed" in kubectl.apply(untagged, "--dry-run=server").stderr, 10)
        kubectl.policy.write_text("this is no policy")
        until(lambda: "not in force" in (kubectl.folder / "webhook.log").read_text(), 10)
        assert "from a place that is not allowed" in kubectl.apply(untagged, "--dry-run=server").stderr
    finally:
        kubectl.policy.write_text('fail-on = "high"\n')
    until(lambda: kubectl.apply(untagged, "--dry-run=server").returncode == 0, 10)
