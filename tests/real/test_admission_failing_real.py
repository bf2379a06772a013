"""What the webhook does to a cluster when something fails: nobody answers, nobody has a certificate, everybody gets another.

The manifests of `deploy/` are applied to a real API server, as docs/guides/admission.md says. `THWART_TEST_APISERVER` is the
path of a kube-apiserver; etcd and kubectl must be installed. No controller runs: what they would write is written here.
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
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event, Thread
from typing import NamedTuple, Self

import pytest
import yaml
from cryptography import x509

from tests.real.conftest import need
from tests.real.test_admission_real import SERVE, Kubectl, api_server, listening, named, ports, started, until
from tests.unit.admission.test_deploy import DEPLOY
from tests.unit.admission.test_reviews import PRIVILEGED, deployment, pod
from thwart.server.certificates import authority_in, make

pytestmark = pytest.mark.real

MANIFESTS = (DEPLOY / "manifests" / "thwart-admission.yaml").read_text()
SERVICE = "thwart-admission.thwart.svc"
NAMES = (SERVICE, "localhost", "127.0.0.1")
KINDS = "validatingwebhookconfiguration,mutatingwebhookconfiguration"
GOOD, BAD = named(pod(), "good"), named(PRIVILEGED, "bad")


class Cluster:
    """An API server on which the manifests are installed under an authority, and what listens behind the webhooks."""

    def __init__(self, kubectl: Kubectl) -> None:
        self.kubectl = kubectl
        self.authority = kubectl.folder / "authority"
        self._count = 0

    @property
    def bundle(self) -> bytes:
        return (self.authority / "ca.crt").read_bytes()

    def manifests(self) -> str:
        """The plain manifests, with the authority of this cluster."""
        return MANIFESTS.replace("Q0FCVU5ETEU=", base64.b64encode(self.bundle).decode())

    def hook(self, *, failure: str = "Fail", bundle: bytes | None = None, port: int | None = None) -> str:
        """Install the manifests' webhooks and give the name that refusals and metrics call them by from now on.

        With `port` they are at loopback, else behind the Service. Every name is new, so that it can be seen when the API
        server has taken them up.
        """
        self._count += 1
        mark = f"n{self._count}.thwart.test"
        for whole in yaml.safe_load_all(self.manifests()):
            if not whole["kind"].endswith("WebhookConfiguration"):
                continue
            [hook] = whole["webhooks"]
            client = hook["clientConfig"]
            if port is not None:
                client = {"url": f"https://127.0.0.1:{port}{client['service']['path']}"}
            client["caBundle"] = base64.b64encode(bundle or self.bundle).decode()
            verb = hook["name"].partition(".")[0]
            whole["webhooks"] = [{**hook, "name": f"{verb}.{mark}", "failurePolicy": failure, "clientConfig": client}]
            done = self.kubectl.apply(whole)
            assert done.returncode == 0, done.stderr
        return mark

    def refusing(self, mark: str) -> None:
        """Wait until webhooks of this name refuse, of themselves or because they cannot be asked."""
        until(lambda: mark in self.kubectl.apply(BAD, "--dry-run=server").stderr, 30)

    def unhooked(self) -> None:
        """Take the webhooks away as the guide says, and wait until the API server has forgotten them."""
        self.kubectl("delete", KINDS, "thwart-admission", "--ignore-not-found")
        until(lambda: self.kubectl.apply(BAD, "--dry-run=server").returncode == 0, 30)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    program = os.environ.get("THWART_TEST_APISERVER", "")
    if not program or not Path(program).is_file():
        pytest.skip("THWART_TEST_APISERVER names no kube-apiserver")
    need("etcd", "kubectl")
    folder = tmp_path_factory.mktemp("failing")
    running: list[subprocess.Popen[bytes]] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NO_PROXY", "*")  # a proxy would answer in place of a Service that has nobody behind it
        patch.setenv("no_proxy", "*")
        try:
            # a Service is reached by its endpoints, as nothing here makes addresses of Services lead anywhere
            config = api_server(Path(program), folder, running, "--enable-aggregator-routing=true")
            yield installed(Cluster(Kubectl(config, folder, folder / "policy.toml")))
        finally:
            ended(running)


def ended(running: list[subprocess.Popen[bytes]]) -> None:
    for process in reversed(running):
        process.kill()
        process.wait(20)


def installed(cluster: Cluster) -> Cluster:
    """Follow the guide: an authority, its Secret, the manifests with its certificate."""
    kubectl = cluster.kubectl
    kubectl.policy.write_text('fail-on = "high"\n')
    command = [sys.executable, "-c", SERVE, "--make-authority", str(cluster.authority)]
    bundle = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    assert base64.b64decode(bundle) == cluster.bundle
    for words in (
        ("namespace", "thwart"),
        ("secret", "generic", "thwart-admission-authority", "-n", "thwart", f"--from-file={cluster.authority}"),
        ("namespace", "shop"),
    ):
        done = kubectl("create", *words)
        assert done.returncode == 0, done.stderr
    done = kubectl("apply", "-f", "-", text=cluster.manifests())
    assert done.returncode == 0, done.stderr
    # the quota is in force once a controller has counted
    quota = kubectl.get("quota", "thwart", "-n", "thwart")
    hard = quota["spec"]["hard"]
    quota["status"] = {"hard": hard, "used": dict.fromkeys(hard, "0")}
    counted = "/api/v1/namespaces/thwart/resourcequotas/thwart/status"
    assert kubectl("replace", "--raw", counted, "-f", "-", text=json.dumps(quota)).returncode == 0
    endpoints(cluster, "")
    return cluster


@contextmanager
def serving(cluster: Cluster, tls: Path, *words: str, host: str = "127.0.0.1") -> Iterator[int]:
    """A replica on a port of its own, with its certificate in `tls`; its log is beside that."""
    running: list[subprocess.Popen[bytes]] = []
    [port] = ports(1)
    try:
        started(running, log_of(tls), sys.executable, "-c", SERVE, "--admission", "--tls", str(tls), "--listen",
                f"{host}:{port}", "--framework", "pss-restricted", "--policy", str(cluster.kubectl.policy),
                "--exempt", "thwart", "--drain", "0", *(f"--name={one}" for one in NAMES), *words)  # fmt: skip
        until(lambda: listening(port, host))
        yield port
        running[0].terminate()
        assert running[0].wait(30) == 0, log_of(tls).read_text()
    finally:
        ended(running)


def log_of(tls: Path) -> Path:
    return tls.with_suffix(".log")


# -- nobody answers ------------------------------------------------------------------------------------------------------


def test_while_nobody_answers_pods_are_refused_but_in_the_systems_namespaces_and_its_own(cluster: Cluster) -> None:
    kubectl = cluster.kubectl
    until(lambda: kubectl.apply(GOOD, "--dry-run=server").returncode != 0, 30)
    done = kubectl.apply(GOOD)
    assert 'failed calling webhook "mutate.admission.thwart"' in done.stderr, done.stderr
    assert 'no endpoints available for service "thwart-admission"' in done.stderr
    for namespace in ("kube-system", "thwart"):
        done = kubectl.apply(named(pod(), "open", namespace))
        assert done.returncode == 0, done.stderr
    web = {**deployment(pod()), "metadata": {"name": "web", "namespace": "shop"}}
    assert 'failed calling webhook "mutate.admission.thwart"' in kubectl.apply(web).stderr
    assert kubectl("delete", KINDS, "thwart-admission").returncode == 0
    until(lambda: kubectl.apply(GOOD, "--dry-run=server").returncode == 0, 30)
    assert kubectl.apply(GOOD).returncode == 0
    assert kubectl.apply(BAD, "--dry-run=server").returncode == 0, "nobody judges any more"


def test_while_nobody_answers_what_is_there_can_change_but_not_what_it_runs_and_go(cluster: Cluster) -> None:
    kubectl = cluster.kubectl
    cluster.unhooked()
    labelled = {**pod(), "metadata": {"labels": {"app": "web"}, "finalizers": ["thwart.test/held"]}}
    web = {**deployment(labelled), "metadata": {"name": "there", "namespace": "shop"}}
    for one in (web, named(labelled, "there")):
        done = kubectl.apply(one)
        assert done.returncode == 0, done.stderr
    try:
        cluster.refusing(cluster.hook())
        for words in (
            ("label", "pod", "there", "a=b"),
            ("annotate", "deployment", "there", "a=b"),
            ("scale", "deployment", "there", "--replicas=3"),
            ("delete", "pod", "there", "--wait=false"),
            ("patch", "pod", "there", "--type=json", '-p=[{"op": "remove", "path": "/metadata/finalizers"}]'),
        ):
            done = kubectl("-n", "shop", *words)
            assert done.returncode == 0, done.stderr
        assert kubectl("get", "pod", "there", "-n", "shop").returncode != 0
        done = kubectl("set", "image", "deployment/there", "-n", "shop", "web=registry.example.test/web:2")
        assert "failed calling webhook" in done.stderr
    finally:
        cluster.unhooked()


def test_with_ignore_a_pod_that_nobody_can_judge_is_let_in(cluster: Cluster) -> None:
    kubectl = cluster.kubectl
    try:
        mark = cluster.hook(failure="Ignore")

        def passed() -> bool:
            assert kubectl.apply(named(PRIVILEGED, "unjudged"), "--dry-run=server").returncode == 0
            opened = kubectl("get", "--raw", "/metrics").stdout
            told = [line for line in opened.splitlines() if "admission_webhook_fail_open_count{" in line]
            return all(any(f'name="{verb}.{mark}"' in line for line in told) for verb in ("mutate", "validate"))

        until(passed, 30)
        assert kubectl.apply(named(PRIVILEGED, "unjudged")).returncode == 0
        assert kubectl("get", "pod", "unjudged", "-n", "shop").returncode == 0
    finally:
        cluster.unhooked()


# -- the beginning -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("moment", "open_"), [("2999-01-31T12:00:00+02:00", True), ("2001-01-31T12:00:00Z", False)])
def test_until_the_bootstrap_ends_what_is_refused_later_is_admitted_with_a_warning(
    cluster: Cluster, tmp_path: Path, moment: str, open_: bool
) -> None:
    kubectl = cluster.kubectl
    with serving(cluster, tmp_path / "tls", "--authority", str(cluster.authority), "--bootstrap-until", moment) as port:
        try:
            cluster.hook(port=port)
            until(lambda: "privileged-container" in kubectl.apply(BAD, "--dry-run=server").stderr, 30)
            done = kubectl.apply(BAD, "--dry-run=server")
            assert (done.returncode == 0) is open_
            warned = "Warning: thwart: admitted only until 2999-01-31 10:00 UTC: privileged-container: container web"
            assert (warned in done.stderr) is open_, done.stderr
            assert ("denied the request: thwart: privileged-container" in done.stderr) is not open_
            done = kubectl.apply(named(pod(), "quiet"), "--dry-run=server")
            assert done.returncode == 0
            assert "Warning" not in done.stderr
        finally:
            cluster.unhooked()


# -- certificates --------------------------------------------------------------------------------------------------------


class Answer(NamedTuple):
    """What the API server said to a pod."""

    good: bool
    status: int
    said: str


class Traffic:
    """Good and bad pods that are sent to the API server by turns until it is left; all of them must be decided."""

    def __init__(self, kubectl: Kubectl) -> None:
        config = json.loads(kubectl.config.read_text())
        self._address = config["clusters"][0]["cluster"]["server"].removeprefix("https://")
        self._context = ssl.create_default_context(cafile=kubectl.folder / "ca.crt")
        self._token = config["users"][0]["user"]["token"]
        self._over = Event()
        self._threads = [Thread(target=self._send) for _ in range(3)]
        self.answers: list[Answer] = []

    def __enter__(self) -> Self:
        for one in self._threads:
            one.start()
        self.flows()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for one in self._threads:
            one.join()

    def flows(self) -> None:
        """Wait for some more answers."""
        before = len(self.answers)
        until(lambda: len(self.answers) >= before + 30, 30)

    def _send(self) -> None:
        connection = http.client.HTTPSConnection(self._address, context=self._context, timeout=30)
        heads = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
        while not self._over.is_set():
            for good, document in ((True, named(pod(), "one")), (False, BAD)):
                connection.request("POST", "/api/v1/namespaces/shop/pods?dryRun=All", json.dumps(document), heads)
                answer = connection.getresponse()
                self.answers.append(Answer(good, answer.status, answer.read().decode()))
        connection.close()

    def decided(self) -> None:
        """Every good pod was admitted, and every bad one refused by the webhook's own words."""
        wrong = [
            one for one in self.answers if one.status != (201 if one.good else 403)
            or (not one.good and "denied the request: thwart: privileged-container" not in one.said)
        ]  # fmt: skip
        assert not wrong, f"{len(wrong)} of {len(self.answers)}: {wrong[:3]}"
        assert {one.good for one in self.answers} == {True, False}


def served(port: int, bundle: bytes, name: str | None = "localhost", host: str = "127.0.0.1") -> int:
    """The serial of the certificate that is served to a new connection; with no name the client asks for an address."""
    context = ssl.create_default_context(cadata=bundle.decode())
    with context.wrap_socket(socket.create_connection((host, port), 10), server_hostname=name or host) as one:
        found = one.getpeercert()
    assert found is not None
    return int(str(found["serialNumber"]), 16)


def serial(certificate: bytes) -> int:
    return x509.load_pem_x509_certificate(certificate).serial_number


def put(folder: Path, certificate: bytes, key: bytes, between: Callable[[], None] = lambda: None) -> None:
    """Write a pair, one half after the other, as people do."""
    (folder / "tls.crt").write_bytes(certificate)
    between()
    (folder / "tls.key").write_bytes(key)


def test_a_given_certificate_is_replaced_half_by_half_and_no_review_fails(cluster: Cluster, tmp_path: Path) -> None:
    tls, now = tmp_path / "tls", datetime.now(UTC)
    authority = authority_in(cluster.authority, now)
    old, new = (make(NAMES, now, authority) for _ in range(2))
    tls.mkdir()
    put(tls, old.certificate, old.key)
    with serving(cluster, tls) as port:
        try:
            cluster.refusing(cluster.hook(port=port))
            with Traffic(cluster.kubectl) as traffic:

                def half() -> None:
                    until(lambda: "cannot be used" in log_of(tls).read_text(), 20)
                    # with another bundle the API server opens new connections
                    cluster.refusing(cluster.hook(port=port, bundle=cluster.bundle + b"\n"))
                    traffic.flows()
                    assert served(port, cluster.bundle) == serial(old.certificate)

                put(tls, new.certificate, new.key, half)
                until(lambda: served(port, cluster.bundle) == serial(new.certificate), 20)
                assert served(port, cluster.bundle, None) == serial(new.certificate)
                cluster.refusing(cluster.hook(port=port, bundle=cluster.bundle + b"\n\n"))
                traffic.flows()
            traffic.decided()
        finally:
            cluster.unhooked()


def test_a_certificate_that_ends_soon_is_renewed_and_no_review_fails(cluster: Cluster, tmp_path: Path) -> None:
    tls, now = tmp_path / "tls", datetime.now(UTC)
    authority = authority_in(cluster.authority, now)
    with serving(cluster, tls, "--authority", str(cluster.authority)) as port:
        try:
            first = served(port, cluster.bundle)
            cluster.refusing(cluster.hook(port=port))
            with Traffic(cluster.kubectl) as traffic:
                soon = make(NAMES, now - timedelta(days=61), authority)
                put(tls, soon.certificate, soon.key)
                old = [first, serial(soon.certificate)]
                until(lambda: served(port, cluster.bundle) not in old, 20)
                cluster.refusing(cluster.hook(port=port, bundle=cluster.bundle + b"\n"))
                traffic.flows()
            traffic.decided()
            assert served(port, cluster.bundle) == serial((tls / "tls.crt").read_bytes())
        finally:
            cluster.unhooked()


def test_the_authority_is_replaced_and_no_review_fails(cluster: Cluster, tmp_path: Path) -> None:
    now, shared, tls = datetime.now(UTC), tmp_path / "shared", tmp_path / "tls"
    old, _ = authority_in(shared, now)
    new, key = authority_in(tmp_path / "new", now)
    with serving(cluster, tls, "--authority", str(shared)) as port:
        try:
            cluster.refusing(cluster.hook(port=port, bundle=old))
            with Traffic(cluster.kubectl) as traffic:
                cluster.refusing(cluster.hook(port=port, bundle=old + new))
                (shared / "ca.crt").write_bytes(new)
                until(lambda: "holds no certificate and key of an authority" in log_of(tls).read_text(), 20)
                traffic.flows()
                assert served(port, old), "half of an authority changes nothing"
                (shared / "ca.key").write_bytes(key)
                until(lambda: signed(port, new), 20)
                # from here on nothing but the new certificate would be taken
                cluster.refusing(cluster.hook(port=port, bundle=new))
                traffic.flows()
            traffic.decided()
            assert not signed(port, old)
        finally:
            cluster.unhooked()


def signed(port: int, bundle: bytes) -> bool:
    try:
        return bool(served(port, bundle))
    except ssl.SSLCertVerificationError:
        return False


# -- two replicas --------------------------------------------------------------------------------------------------------


def address() -> str:
    """An address of this machine that may stand in Endpoints, which loopback may not."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        try:
            one.connect(("192.0.2.1", 9))  # nothing is sent
        except OSError:
            pytest.skip("this machine has no address but loopback")
        return str(one.getsockname()[0])


def endpoints(cluster: Cluster, host: str, *open_: int) -> None:
    """Say where the Service's replicas are, as the controller of Endpoints does."""
    subsets = [{"addresses": [{"ip": host}], "ports": [{"name": "https", "port": one}]} for one in open_]
    done = cluster.kubectl.apply({
        "apiVersion": "v1", "kind": "Endpoints", "subsets": subsets,
        "metadata": {"name": "thwart-admission", "namespace": "thwart"},
    })  # fmt: skip
    assert done.returncode == 0, done.stderr


def reviews(port: int, bundle: bytes, host: str) -> int:
    """How many reviews a replica has answered."""
    context = ssl.create_default_context(cadata=bundle.decode())
    context.check_hostname = False  # its name is the Service's
    connection = http.client.HTTPSConnection(host, port, timeout=10, context=context)
    connection.request("GET", "/metrics")
    text = connection.getresponse().read().decode()
    connection.close()
    return sum(
        int(line.rpartition(" ")[2]) for line in text.splitlines() if line.startswith("thwart_admission_reviews_total{")
    )


def test_either_of_two_replicas_answers_for_the_service_and_one_may_end(cluster: Cluster, tmp_path: Path) -> None:
    host, shared = address(), ("--authority", str(cluster.authority))
    kubectl, bundle = cluster.kubectl, cluster.bundle

    def answered(port: int) -> bool:
        assert "denied the request: thwart: " in kubectl.apply(BAD, "--dry-run=server").stderr
        return reviews(port, bundle, host) > 0

    with serving(cluster, tmp_path / "a", *shared, host=host) as one:
        try:
            endpoints(cluster, host, one)
            cluster.hook()
            until(lambda: "denied the request: thwart: " in kubectl.apply(BAD, "--dry-run=server").stderr, 30)
            until(lambda: answered(one), 30)
            with Traffic(kubectl) as traffic:
                with serving(cluster, tmp_path / "b", *shared, "--drain", "2", host=host) as other:
                    assert served(one, bundle, SERVICE, host) != served(other, bundle, SERVICE, host)
                    endpoints(cluster, host, other)
                    cluster.refusing(cluster.hook(bundle=bundle + b"\n"))  # anew connected, to this one alone
                    until(lambda: answered(other), 30)
                    endpoints(cluster, host, one, other)
                    traffic.flows()
                    endpoints(cluster, host, one)  # as it is when a replica is not ready any more
                traffic.flows()
            traffic.decided()
        finally:
            cluster.unhooked()
            endpoints(cluster, "")
