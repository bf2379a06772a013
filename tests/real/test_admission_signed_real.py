"""Signatures at admission: a real registry, images signed by Thwart and by the real cosign, and the webhook over TLS.

`THWART_TEST_COSIGN` is a cosign, `THWART_TEST_APISERVER` a kube-apiserver in front of which the same is asked with kubectl.
"""

from __future__ import annotations

import base64
import http.client
import json
import os
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from tests.real.conftest import Registry, certificates, need, new_image, serve, write_layer
from tests.real.test_admission_real import Kubectl, api_server, listening, named, ports, started, until
from tests.real.test_sign_real import cosign, thwart
from tests.unit.admission.test_reviews import container, deployment, pod, review

pytestmark = pytest.mark.real

STRICT, LENIENT = 'fail-on = "high"\n', 'fail-on = "high"\non-incomplete = "warn"\n'


class Door:
    """The webhook at a port, what it reads in `home`, and the registry behind it."""

    def __init__(self, home: Path, registry: Registry, port: int, busy: int, silent: int) -> None:
        self.home, self.registry, self.port = home, registry, port
        self.busy, self.silent = f"127.0.0.1:{busy}/team/app:1", f"127.0.0.1:{silent}/team/app:1"
        (entry,) = json.loads((home / "L" / "index.json").read_text())["manifests"]
        self.digest = str(entry["digest"])

    def pushed(self, name: str) -> str:
        """The tag of the image in a repository of that name."""
        self.registry.copy(self.home / "L", "t", f"team/{name}:1")
        return f"{self.registry.host}/team/{name}:1"

    def post(self, path: str, body: bytes) -> dict[str, Any]:
        context = ssl.create_default_context(cafile=self.home / "tls-webhook" / "ca.crt")
        connection = http.client.HTTPSConnection("127.0.0.1", self.port, timeout=20, context=context)
        connection.request("POST", f"{path}?timeout=10s", body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        assert answer.status == 200, answer.read()
        found: dict[str, Any] = json.loads(answer.read())["response"]
        connection.close()
        return found

    def asked(self, image: str) -> dict[str, Any]:
        return self.post("/validate", review(running(image)))


def running(image: str) -> dict[str, Any]:
    return pod(containers=[container(image=image)])


class Busy(BaseHTTPRequestHandler):
    """A registry that asks for patience."""

    def do_GET(self) -> None:
        self.send_response(429)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_HEAD = do_GET  # noqa: N815 - http.server's form

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    need("umoci", "skopeo", "docker-registry")
    home = tmp_path_factory.mktemp("signed")
    new_image(home / "L", "t", write_layer(home / "layer.tar", {"app/hello": "hello"}))
    for name in ("ours", "theirs", "strangers"):
        made = thwart("sign", "--generate-key", name, home=home)
        assert made.code == 0, made.err
    either = '[[trust]]\nscope = "**"\nany-of = [{key = "ours.pub"}, {key = "theirs.pub"}]\n'
    (home / "trust.toml").write_text(either)
    (home / "policy.toml").write_text(STRICT)
    busy = ThreadingHTTPServer(("127.0.0.1", 0), Busy)
    Thread(target=busy.serve_forever, daemon=True).start()
    running: list[subprocess.Popen[bytes]] = []
    with socket.create_server(("127.0.0.1", 0)) as silent:  # the kernel takes connections, and nobody ever answers
        quiet = silent.getsockname()[1]
        for registry in serve(home, tls=certificates(home / "tls")):
            try:
                port = webhook(home, registry, running, busy.server_port, quiet)
                yield Door(home, registry, port, busy.server_port, quiet)
            finally:
                for process in running:
                    process.kill()
                    process.wait(20)
    busy.shutdown()
    busy.server_close()


def webhook(home: Path, registry: Registry, running: list[subprocess.Popen[bytes]], *plain: int) -> int:
    reach = f'[registry."{registry.host}"]\nca = "{registry.ca}"\n'
    reach += "".join(f'[registry."127.0.0.1:{one}"]\nplain-http = true\n' for one in plain)
    (home / "reach.toml").write_text(reach)
    [port] = ports(1)
    started(running, home / "webhook.log", sys.executable, "-m", "thwart", "serve", "--admission",
            "--tls", str(home / "tls-webhook"), "--listen", f"127.0.0.1:{port}", "--config", str(home / "reach.toml"),
            "--policy", str(home / "policy.toml"), "--trust-policy", str(home / "trust.toml"), "--signatures",
            "--framework", "pss-restricted", "--budget", "3", "--drain", "0")  # fmt: skip
    until(lambda: listening(port))
    return port


def sign(door: Door, image: str, key: str, *words: str) -> None:
    exact = f"{image.rpartition(':')[0]}@{door.digest}"
    done = thwart("sign", exact, "--key", f"{key}.key", "--ca", str(door.registry.ca), *words, home=door.home)
    assert done.code == 0, done.err


def test_an_image_that_nobody_signed_is_refused(door: Door) -> None:
    image = door.pushed("unsigned")
    response = door.asked(image)
    assert response["allowed"] is False
    assert image in response["status"]["message"]


@pytest.mark.parametrize("layout", ["legacy", "bundle"])
def test_an_image_that_thwart_signed_is_admitted_and_one_that_a_stranger_signed_is_not(door: Door, layout: str) -> None:
    image = door.pushed(f"ours-{layout}")
    sign(door, image, "ours", "--layout", layout)
    assert door.asked(image) == {"uid": "u-1", "allowed": True, "auditAnnotations": {"decision": "allow"}}
    strange = door.pushed(f"strange-{layout}")
    sign(door, strange, "strangers", "--layout", layout)
    assert door.asked(strange)["allowed"] is False


def test_an_image_that_cosign_signed_is_admitted(door: Door) -> None:
    image = door.pushed("theirs")
    exact = f"{image.rpartition(':')[0]}@{door.digest}"
    done = cosign("sign", "-y", "--tlog-upload=false", "--key", "theirs.key", exact, home=door.home)
    assert done.returncode == 0, done.stderr
    assert door.asked(image)["allowed"] is True


def test_a_tag_gets_the_digest_that_was_judged_and_a_template_keeps_it(door: Door) -> None:
    image = door.pushed("pinned")
    sign(door, image, "ours")
    response = door.post("/mutate", review(running(image)))
    patch = json.loads(base64.b64decode(response["patch"]))
    pinned = f"{image}@{door.digest}"
    assert patch == [{"op": "replace", "path": "/spec/containers/0/image", "value": pinned}]
    assert door.asked(pinned)["allowed"] is True
    assert "patch" not in door.post("/mutate", review(deployment(running(image))))


@pytest.mark.parametrize("which", ["busy", "silent"])
def test_what_a_registry_does_not_tell_is_refused_or_warned_of_as_the_policy_says(door: Door, which: str) -> None:
    image = getattr(door, which)
    response = door.asked(image)
    assert response["allowed"] is False
    assert image in response["status"]["message"]
    assert response["auditAnnotations"] == {"decision": "unknown"}
    try:
        (door.home / "policy.toml").write_text(LENIENT)
        until(lambda: door.asked(image)["allowed"], 10)
        [warning] = door.asked(image)["warnings"]
        assert image in warning
        unsigned = door.pushed("still-unsigned")
        assert door.asked(unsigned)["allowed"] is False, "what is known to be unsigned is not unknown"
    finally:
        (door.home / "policy.toml").write_text(STRICT)
    until(lambda: not door.asked(image)["allowed"], 10)


def test_what_was_verified_stays_admitted_while_the_registry_is_away(door: Door) -> None:
    image = door.pushed("stays")
    sign(door, image, "ours")
    exact = f"{image}@{door.digest}"
    assert door.asked(exact)["allowed"] is True
    asked = len(door.registry.requests())
    assert door.asked(exact)["allowed"] is True
    assert len(door.registry.requests()) == asked, "the registry was asked again"


# -- a real API server ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def kubectl(door: Door, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kubectl]:
    program = os.environ.get("THWART_TEST_APISERVER", "")
    if not program or not Path(program).is_file():
        pytest.skip("THWART_TEST_APISERVER names no kube-apiserver")
    need("etcd", "kubectl")
    folder = tmp_path_factory.mktemp("cluster")
    running: list[subprocess.Popen[bytes]] = []
    try:
        kubectl = Kubectl(api_server(Path(program), folder, running), folder, door.home / "policy.toml")
        bundle = base64.b64encode((door.home / "tls-webhook" / "ca.crt").read_bytes()).decode()
        for kind, path in (("Validating", "validate"), ("Mutating", "mutate")):
            rules = [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}]
            client = {"url": f"https://127.0.0.1:{door.port}/{path}", "caBundle": bundle}
            hook = {"name": f"{path}.thwart.test", "admissionReviewVersions": ["v1"], "sideEffects": "None",
                    "clientConfig": client, "rules": rules}  # fmt: skip
            whole = {"apiVersion": "admissionregistration.k8s.io/v1", "kind": f"{kind}WebhookConfiguration"}
            done = kubectl.apply({**whole, "metadata": {"name": "thwart"}, "webhooks": [hook]})
            assert done.returncode == 0, done.stderr
        assert kubectl("create", "namespace", "shop").returncode == 0
        yield kubectl
    finally:
        for process in reversed(running):
            process.kill()
            process.wait(20)


def test_kubectl_is_refused_the_unsigned_and_gets_the_signed_by_its_digest(door: Door, kubectl: Kubectl) -> None:
    unsigned, signed = door.pushed("cluster-unsigned"), door.pushed("cluster-signed")
    sign(door, signed, "ours")
    # the API server takes up webhooks a moment after they were stored
    until(lambda: "denied the request" in kubectl.apply(named(running(unsigned), "bad"), "--dry-run=server").stderr, 30)
    done = kubectl.apply(named(running(unsigned), "bad"))
    assert done.returncode != 0
    refused = f'admission webhook "validate.thwart.test" denied the request: thwart: {unsigned}@{door.digest}: '
    assert done.stderr.startswith(
        f'Error from server (Forbidden): error when creating "STDIN": {refused}there is no signature'
    ), done.stderr
    assert kubectl("get", "pod", "bad", "-n", "shop").returncode != 0
    done = kubectl.apply(named(running(signed), "good"))
    assert done.returncode == 0, done.stderr
    [one] = kubectl.get("pod", "good", "-n", "shop")["spec"]["containers"]
    assert one["image"] == f"{signed}@{door.digest}"
