"""Reading a live cluster: kubeconfig, discovery, pages, refusals, and servers that mean harm."""

from __future__ import annotations

import base64
import json
import os
import ssl
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.network.fake_cluster import Cluster, serving, status
from thwart.api.net import ask, find_party, load_network
from thwart.api.net._cluster import read_cluster
from thwart.api.net._cluster_config import find_access
from thwart.api.net._cluster_kinds import Resource, chosen
from thwart.core.errors import SourceError
from thwart.core.finding import Diagnostic
from thwart.core.limits import DEFAULT, Limits
from thwart.network.world import read_world

PODS, POLICIES = "/api/v1/pods", "/apis/networking.k8s.io/v1/networkpolicies"
HASTY = Limits(network_seconds=0.1, retries=0)  # a whole answer has four times that
DENY = {"podSelector": {"matchLabels": {"app": "db"}}, "policyTypes": ["Ingress"]}


def pod(cluster: Cluster, name: str, address: str, **labels: str) -> None:
    cluster.add("pods", name, "shop", labels=labels, spec={"nodeName": "n1"}, status={"podIP": address})


@pytest.fixture
def cluster() -> Cluster:
    made = Cluster()
    made.add("namespaces", "shop", labels={"team": "a"})
    made.add("nodes", "n1", status={"addresses": [{"type": "InternalIP", "address": "192.0.2.1"}]})
    pod(made, "web", "10.0.0.1", app="web")
    pod(made, "db", "10.0.0.2", app="db")
    made.add("networkpolicies", "db-in", "shop", spec=DENY)
    return made


@pytest.fixture
def live(cluster: Cluster) -> Iterator[Cluster]:
    with serving(cluster):
        yield cluster


def kubeconfig(
    folder: Path, server: str, user: dict[str, Any] | None = None, name: str = "config", **more: Any
) -> dict[str, str]:
    """Write a kubeconfig with the context `c`; the environment that leads to it."""
    document = {
        "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u"}}],
        "clusters": [{"name": "k", "cluster": {"server": server, **more}}],
        "users": [{"name": "u", "user": user or {}}],
    }
    (folder / name).write_text(yaml.safe_dump(document))
    return {"KUBECONFIG": str(folder / name), "PATH": os.environ["PATH"]}


Files = list[tuple[str, bytes]]


def read(
    environment: dict[str, str], name: str = "cluster:", limits: Limits = DEFAULT
) -> tuple[Files, list[Diagnostic]]:
    unread: list[Diagnostic] = []
    return list(read_cluster(name, limits, unread, environment)), unread


def plural(files: Files) -> list[str]:
    return sorted({name.split("/")[1] for name, _ in files})


def test_a_policy_decides_and_says_where_it_stands(
    live: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", kubeconfig(tmp_path, live.url)["KUBECONFIG"])
    network = load_network(["cluster:c"])
    assert not network.incomplete
    web, db = (find_party(network, f"shop/{name}") for name in ("web", "db"))
    answer = ask(network, web, db, "TCP", 5432)
    assert answer.allowed is False
    assert {one.path for one in answer.because} == {"cluster:c/networkpolicies.networking.k8s.io/shop/db-in"}


@pytest.mark.parametrize("aggregated", [False, True])
def test_discovery_in_both_forms_finds_the_same(live: Cluster, tmp_path: Path, aggregated: bool) -> None:
    live.aggregated = aggregated
    files, unread = read(kubeconfig(tmp_path, live.url))
    assert plural(files) == ["deployments.apps", "namespaces", "networkpolicies.networking.k8s.io", "nodes", "pods"]
    assert unread == []
    assert ("/api/v1" in live.paths()) is not aggregated  # one answer has it all


def test_replica_sets_are_not_asked_for(live: Cluster, tmp_path: Path) -> None:
    read(kubeconfig(tmp_path, live.url))
    assert "/apis/apps/v1/deployments" in live.paths()
    assert "/apis/apps/v1/replicasets" not in live.paths()


def test_pages_make_one_whole(live: Cluster, tmp_path: Path) -> None:
    live.page = 2
    for number in range(5):
        pod(live, f"p{number}", f"10.0.1.{number}")
    files, _ = read(kubeconfig(tmp_path, live.url))
    names = [
        item["metadata"]["name"] for name, data in files if name.endswith("/pods") for item in json.loads(data)["items"]
    ]
    assert names == ["web", "db", "p0", "p1", "p2", "p3", "p4"]
    asked = [target for _, target, _ in live.asked if target.startswith(f"{PODS}?")]
    assert all(data.startswith(b"\n\n{") for name, data in files if name.endswith("/pods"))  # no lines to look up
    assert asked == [f"{PODS}?limit=500", *(f"{PODS}?limit=500&continue={n}" for n in (2, 4, 6))]


def test_a_list_whose_snapshot_is_gone_begins_anew(live: Cluster, tmp_path: Path) -> None:
    live.page = 1
    times: list[int] = []

    def gone(cluster: Cluster, query: dict[str, str]) -> tuple[int, bytes] | None:
        if "continue" in query and not times:
            times.append(1)
            cluster.objects["pods"][0]["metadata"]["labels"] = {"app": "changed"}  # the first page is stale by now
            return status(410, "The provided continue parameter is too old", "Expired")
        return None

    live.tricks[PODS] = gone
    files, unread = read(kubeconfig(tmp_path, live.url))
    pages = [json.loads(data)["items"] for name, data in files if name.endswith("/pods")]
    assert [[item["metadata"]["name"] for item in page] for page in pages] == [["web"], ["db"]]
    assert pages[0][0]["metadata"]["labels"] == {"app": "changed"}
    assert unread == []


def test_a_list_that_is_always_gone_is_told(live: Cluster, tmp_path: Path) -> None:
    live.tricks[PODS] = lambda _c, _q: status(410, "too old", "Expired")
    files, unread = read(kubeconfig(tmp_path, live.url))
    assert "pods" not in plural(files)
    assert [(one.slug, one.incomplete) for one in unread] == [("cluster-unread", True)]


@pytest.mark.parametrize("kind", ["networkpolicies", "pods", "nodes"])
def test_what_may_not_be_listed_makes_it_incomplete(live: Cluster, tmp_path: Path, kind: str) -> None:
    live.forbidden = {kind}
    files, unread = read(kubeconfig(tmp_path, live.url))
    assert [(one.slug, one.incomplete) for one in unread] == [("cluster-forbidden", True)]
    assert kind in unread[0].message
    assert f"kubectl auth can-i list {kind}" in unread[0].hint
    assert len(plural(files)) == 4


def test_a_kind_that_is_absent_is_fine(live: Cluster, tmp_path: Path) -> None:
    del live.kinds["networking.k8s.io", "v1"]
    files, unread = read(kubeconfig(tmp_path, live.url))
    assert plural(files) == ["deployments.apps", "namespaces", "nodes", "pods"]
    assert unread == []


@pytest.mark.parametrize(("group", "incomplete"), [("metrics.k8s.io", False), ("policies.example.test", True)])
def test_an_aggregated_api_that_is_down_is_told(live: Cluster, tmp_path: Path, group: str, incomplete: bool) -> None:
    live.kinds[group, "v1"] = []
    live.tricks[f"/apis/{group}/v1"] = lambda _c, _q: status(503, "service unavailable")
    files, unread = read(kubeconfig(tmp_path, live.url), limits=Limits(retries=0))
    assert "pods" in plural(files)
    assert [(one.slug, one.incomplete) for one in unread] == [("cluster-unread", incomplete)]
    assert group in unread[0].message


def test_policies_of_kinds_that_nobody_heard_of_are_read_too(live: Cluster, tmp_path: Path) -> None:
    live.kinds["crd.example.test", "v1"] = [("megapolicies", "MegaNetworkPolicy"), ("toasters", "Toaster")]
    live.add("megapolicies", "strict", "shop", spec={})
    files, _ = read(kubeconfig(tmp_path, live.url))
    assert "megapolicies.crd.example.test" in plural(files)
    assert "/apis/crd.example.test/v1/toasters" not in live.paths()


def test_a_single_object_is_laid_out_as_kubectl_prints_it(live: Cluster, tmp_path: Path) -> None:
    files, _ = read(kubeconfig(tmp_path, live.url))
    (data,) = [data for name, data in files if "networkpolicies" in name]
    whole = json.loads(data)
    assert whole["kind"] == "NetworkPolicy"
    assert "managedFields" not in whole["metadata"]
    assert data.decode() == json.dumps(whole, indent=4, sort_keys=True) + "\n"


# versions


def best(*served: tuple[str, str, str, int]) -> list[str]:
    return [f"{one.api} {one.kind}" for one in chosen(Resource(g, k, rank, v, k.lower()) for g, v, k, rank in served)]


def test_the_version_that_is_understood_wins_over_the_servers_own_preference() -> None:
    group = "policy.networking.k8s.io"
    assert best((group, "v1", "ClusterNetworkPolicy", 0), (group, "v1alpha2", "ClusterNetworkPolicy", 1)) == [
        f"{group}/v1alpha2 ClusterNetworkPolicy"
    ]
    assert best((group, "v9", "ClusterNetworkPolicy", 0), (group, "v8", "ClusterNetworkPolicy", 1)) == [
        f"{group}/v9 ClusterNetworkPolicy"
    ]


def test_what_is_served_under_two_names_is_read_once() -> None:
    calico = [(group, "v3", "NetworkPolicy", 0) for group in ("projectcalico.org", "crd.projectcalico.org")]
    assert best(*calico) == ["crd.projectcalico.org/v3 NetworkPolicy"]
    assert best(calico[0]) == ["projectcalico.org/v3 NetworkPolicy"]
    both = [("", "v1", "Endpoints", 0), ("discovery.k8s.io", "v1", "EndpointSlice", 0)]
    assert best(*both) == ["discovery.k8s.io/v1 EndpointSlice"]
    assert best(both[0]) == ["v1 Endpoints"]


# servers that mean harm, or are unwell


def test_a_list_without_an_end(live: Cluster, tmp_path: Path) -> None:
    body = json.dumps({"kind": "PodList", "metadata": {"continue": "again"}, "items": []}).encode()
    live.tricks[PODS] = lambda _c, _q: (200, body)
    _, unread = read(kubeconfig(tmp_path, live.url))
    assert [one.slug for one in unread] == ["cluster-unread"]
    assert "does not end" in unread[0].message
    assert live.paths().count(PODS) == 2


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[]",
        b'{"kind": "PodList", "items": 3}',
        b'{"kind": "Status"}',
        b'{"kind": "PodList", "items": [' + b"[" * 200_000,
        b'{"kind": "NetworkPolicyList", "items": [1]}',
        b'{"kind": "NetworkPolicyList", "items": [{"spec": ' + b"[" * 5000 + b"]" * 5000 + b"}]}",
    ],
)
def test_garbage_is_told(live: Cluster, tmp_path: Path, body: bytes) -> None:
    live.tricks[POLICIES] = lambda _c, _q: (200, body)
    files, unread = read(kubeconfig(tmp_path, live.url))
    assert "pods" in plural(files)
    assert [(one.slug, one.incomplete) for one in unread] == [("cluster-unread", True)]


def test_an_answer_that_is_too_large(live: Cluster, tmp_path: Path) -> None:
    live.tricks[PODS] = lambda _c, _q: (200, b'{"kind": "PodList", "items": [' + b" " * 70_000 + b"]}")
    _, unread = read(kubeconfig(tmp_path, live.url), limits=Limits(file_bytes=65_536))
    assert [one.slug for one in unread] == ["cluster-unread"]
    assert "65536 bytes" in unread[0].message


def test_an_answer_that_drips(live: Cluster, tmp_path: Path) -> None:
    live.tricks[PODS] = lambda _c, _q: (200, b"drip" * 100)
    with pytest.raises(SourceError, match=r"too long|too slowly"):
        read(kubeconfig(tmp_path, live.url), limits=HASTY)


def test_somebody_else_at_that_address(live: Cluster, tmp_path: Path) -> None:
    live.tricks["/api"] = lambda _c, _q: (200, b"<html>hello</html>")
    with pytest.raises(SourceError, match="no Kubernetes API server"):
        read(kubeconfig(tmp_path, live.url))


def test_a_redirect_is_not_followed(live: Cluster, tmp_path: Path) -> None:
    live.tricks["/api"] = lambda _c, _q: (302, b"")
    with pytest.raises(SourceError, match="elsewhere"):
        read(kubeconfig(tmp_path, live.url))


def test_names_that_would_lead_elsewhere_are_not_asked_for(live: Cluster, tmp_path: Path) -> None:
    live.kinds["..%2f..", "v1"] = [("networkpolicies", "NetworkPolicy")]
    live.kinds["a.example.test", "v1"] = [("../../x?a=", "ANetworkPolicy")]
    read(kubeconfig(tmp_path, live.url))
    assert not [path for path in live.paths() if ".." in path]


def test_a_busy_server_is_asked_again(live: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda _: None)
    times = iter([status(429, "busy"), status(503, "busy")])
    live.tricks[PODS] = lambda _c, _q: next(times, None)
    files, unread = read(kubeconfig(tmp_path, live.url))
    assert "pods" in plural(files)
    assert unread == []


def test_no_server_at_all(tmp_path: Path) -> None:
    with serving(Cluster()) as gone:
        url = gone.url
    with pytest.raises(SourceError, match="no connection") as caught:
        read(kubeconfig(tmp_path, url), limits=HASTY)
    assert "is the cluster up" in caught.value.hints[0]
    assert caught.value.exit_code == 4


# who asks


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def secure(cluster: Cluster, authority: trustme.CA) -> Iterator[Cluster]:
    with serving(cluster, tls(authority)):
        yield cluster


def tls(authority: trustme.CA, name: str = "127.0.0.1", client: bool = False) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    authority.configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED if client else ssl.CERT_NONE
    return context


def data(text: bytes) -> str:
    return base64.b64encode(text).decode()


def trusted(authority: trustme.CA) -> dict[str, Any]:
    return {"certificate-authority-data": data(authority.cert_pem.bytes())}


def test_a_token_over_tls(secure: Cluster, authority: trustme.CA, tmp_path: Path) -> None:
    secure.token = "t0p"
    files, _ = read(kubeconfig(tmp_path, secure.url, {"token": "t0p"}, **trusted(authority)))
    assert "pods" in plural(files)
    with pytest.raises(SourceError, match="does not know who asks") as caught:
        read(kubeconfig(tmp_path, secure.url, {"token": "old"}, **trusted(authority)))
    assert "old" not in str(caught.value.sentence)


def test_no_token_goes_out_in_the_clear(live: Cluster, tmp_path: Path) -> None:
    read(kubeconfig(tmp_path, live.url, {"token": "t0p"}))
    assert not [headers for _, _, headers in live.asked if "authorization" in headers]


def test_an_authority_that_is_not_named_is_not_trusted(secure: Cluster, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="not trusted") as caught:
        read(kubeconfig(tmp_path, secure.url, {"token": "t0p"}))
    assert "certificate-authority" in caught.value.hints[0]
    assert secure.asked == []


def test_the_servers_name_can_be_another(cluster: Cluster, authority: trustme.CA, tmp_path: Path) -> None:
    with serving(cluster, tls(authority, "api.example.test")):
        named: dict[str, Any] = {"tls-server-name": "api.example.test", **trusted(authority)}
        assert "pods" in plural(read(kubeconfig(tmp_path, cluster.url, **named))[0])
        with pytest.raises(SourceError, match="not trusted"):
            read(kubeconfig(tmp_path, cluster.url, **trusted(authority)))


@pytest.mark.parametrize("inline", [True, False])
def test_a_client_certificate(cluster: Cluster, authority: trustme.CA, tmp_path: Path, inline: bool) -> None:
    pair = authority.issue_cert("jane@example.test")
    certificate, key = b"".join(one.bytes() for one in pair.cert_chain_pems), pair.private_key_pem.bytes()
    (tmp_path / "jane.pem").write_bytes(certificate)
    (tmp_path / "jane.key").write_bytes(key)
    user = {"client-certificate": "jane.pem", "client-key": "jane.key"}
    if inline:
        user = {"client-certificate-data": data(certificate), "client-key-data": data(key)}
    with serving(cluster, tls(authority, client=True)):
        assert "pods" in plural(read(kubeconfig(tmp_path, cluster.url, user, **trusted(authority)))[0])
        with pytest.raises(SourceError):
            read(kubeconfig(tmp_path, cluster.url, **trusted(authority)), limits=Limits(retries=0))


def plugin(tmp_path: Path, code: str, **more: Any) -> dict[str, Any]:
    script = tmp_path / "login"
    script.write_text(f"#!{sys.executable}\n{code}")
    script.chmod(0o700)
    return {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": "./login", **more}}


ANSWER = """
import json, os, sys
asked = json.loads(os.environ["KUBERNETES_EXEC_INFO"])
assert asked["spec"]["interactive"] is False
assert asked["spec"]["cluster"]["server"].startswith("https://127.0.0.1")
assert sys.argv[1:] == ["--role", "reader"] and sys.stdin.read() == ""
open(os.environ["COUNT"], "a").write("x")
print(json.dumps({"apiVersion": asked["apiVersion"], "kind": "ExecCredential", "status": {"token": "t0p"}}))
"""


@pytest.mark.parametrize("version", ["v1", "v1beta1"])
def test_a_program_gives_the_credentials_once(
    secure: Cluster, authority: trustme.CA, tmp_path: Path, version: str
) -> None:
    secure.token = "t0p"
    more = {
        "apiVersion": f"client.authentication.k8s.io/{version}",
        "args": ["--role", "reader"],
        "env": [{"name": "COUNT", "value": str(tmp_path / "count")}],
        "provideClusterInfo": True,
    }
    files, _ = read(kubeconfig(tmp_path, secure.url, plugin(tmp_path, ANSWER, **more), **trusted(authority)))
    assert "pods" in plural(files)
    assert (tmp_path / "count").read_text() == "x"


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("import sys; sys.exit(3)", "ended with 3"),
        ("print('secret words')", "does not answer with an ExecCredential"),
        ('print(\'{"kind": "ExecCredential"}\')', "does not answer with an ExecCredential of"),
        ("import sys\nwhile True: sys.stdout.write('x' * 65536)", "writes more than"),
    ],
)
def test_a_program_that_fails(secure: Cluster, authority: trustme.CA, tmp_path: Path, code: str, why: str) -> None:
    user = plugin(tmp_path, code, installHint="get it from the shelf")
    with pytest.raises(SourceError, match=why) as caught:
        read(kubeconfig(tmp_path, secure.url, user, **trusted(authority)))
    assert "secret words" not in caught.value.sentence


def test_a_program_that_never_ends_is_ended(tmp_path: Path) -> None:
    from thwart.api.net._cluster_exec import run_bounded

    with pytest.raises(SourceError, match=r"did not finish within 0\.2 seconds"):
        run_bounded(["sleep", "60"], environment=dict(os.environ), seconds=0.2, most=10)


def test_a_token_file_is_read_again_when_it_is_refused(secure: Cluster, authority: trustme.CA, tmp_path: Path) -> None:
    secure.token = "new"
    (tmp_path / "token").write_text("old\n")

    def renewed(_c: Cluster, _q: dict[str, str]) -> None:
        (tmp_path / "token").write_text("new\n")

    secure.tricks["/api"] = renewed
    files, _ = read(kubeconfig(tmp_path, secure.url, {"tokenFile": "token"}, **trusted(authority)))
    assert "pods" in plural(files)


def proxy(url: str) -> dict[str, Any]:
    return {"proxy-url": url}


def test_through_a_proxy(live: Cluster, tmp_path: Path) -> None:
    """The server is nowhere; the proxy answers in its place."""
    files, _ = read(kubeconfig(tmp_path, "http://localhost:1", **proxy(live.url)))
    assert "pods" in plural(files)
    assert {target.split("/api")[0] for _, target, _ in live.asked} == {"http://localhost:1"}
    with pytest.raises(SourceError, match="'socks5' is not supported"):
        read(kubeconfig(tmp_path, "http://localhost:1", **proxy("socks5://127.0.0.1:1")))


def test_acting_as_somebody_else_is_passed_on(live: Cluster, tmp_path: Path) -> None:
    read(kubeconfig(tmp_path, live.url, {"as": "jane", "as-groups": ["devs"]}))
    assert {headers.get("impersonate-user") for _, _, headers in live.asked} == {"jane"}
    assert {headers.get("impersonate-group") for _, _, headers in live.asked} == {"devs"}


# kubeconfig


def refused(
    tmp_path: Path,
    user: dict[str, Any] | None = None,
    server: str = "https://k.example.test",
    more: dict[str, Any] | None = None,
) -> str:
    with pytest.raises(SourceError) as caught:
        find_access("", kubeconfig(tmp_path, server, user, **(more or {})), DEFAULT)
    assert caught.value.exit_code == 4
    return caught.value.sentence


def test_what_a_kubeconfig_may_not_ask_for(tmp_path: Path) -> None:
    assert "not to check the certificate" in refused(tmp_path, more={"insecure-skip-tls-verify": True})
    assert "without TLS" in refused(tmp_path, server="http://k.example.test")
    assert "auth-provider" in refused(tmp_path, {"auth-provider": {"name": "gcp"}})
    assert "alone" in refused(tmp_path, {"client-certificate-data": data(b"x")})
    assert "base64" in refused(tmp_path, more={"certificate-authority-data": "%%%"})
    old = {"apiVersion": "client.authentication.k8s.io/v1alpha1", "command": "x"}
    assert "v1alpha1" in refused(tmp_path, {"exec": old})
    asking = {"apiVersion": "client.authentication.k8s.io/v1", "command": "x", "interactiveMode": "Always"}
    assert "wants to talk" in refused(tmp_path, {"exec": asking})
    assert "must be text" in refused(tmp_path, {"token": ["x"]})
    assert "cannot be used" in refused(tmp_path, server="https://user@k.example.test")
    assert "cannot be read" in refused(tmp_path, {"client-certificate": "gone.pem"})


def test_a_token_that_would_make_a_header_of_its_own(secure: Cluster, authority: trustme.CA, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no header"):
        read(kubeconfig(tmp_path, secure.url, {"token": "a\r\nX-Other: b"}, **trusted(authority)))


def test_the_first_of_several_files_counts(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    first = kubeconfig(tmp_path, "https://one.example.test", name="one")["KUBECONFIG"]
    (tmp_path / "sub" / "ca.pem").write_text("from the second folder")
    second = Path(kubeconfig(tmp_path / "sub", "https://two.example.test", name="two")["KUBECONFIG"])
    document = yaml.safe_load(second.read_text())
    document["contexts"].append({"name": "d", "context": {"cluster": "d", "user": "u"}})
    ca = {"server": "https://d.example.test", "certificate-authority": "ca.pem"}
    document["clusters"].append({"name": "d", "cluster": ca})
    second.write_text(yaml.safe_dump(document))
    environment = {"KUBECONFIG": os.pathsep.join([str(tmp_path / "absent"), first, str(second)])}
    assert find_access("", environment, DEFAULT).server.host == "one.example.test"
    found = find_access("d", environment, DEFAULT)
    assert found.server.host == "d.example.test"
    assert found.ca == "from the second folder"
    with pytest.raises(SourceError, match="no context e") as caught:
        find_access("e", environment, DEFAULT)
    assert "c, d" in caught.value.hints[0]


@pytest.mark.parametrize("text", ["[1, 2", "- a\n", "a: &a [*a]\n", "x: " + "[" * 1000, "\0"])
def test_what_is_no_kubeconfig(tmp_path: Path, text: str) -> None:
    (tmp_path / "config").write_text(text)
    with pytest.raises(SourceError):
        find_access("", {"KUBECONFIG": str(tmp_path / "config")}, DEFAULT)


VALID: dict[str, Any] = {
    "current-context": "c",
    "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u"}}],
    "clusters": [
        {
            "name": "k",
            "cluster": {
                "server": "https://k.example.test",
                "certificate-authority-data": data(b"pem"),
                "tls-server-name": "n",
                "proxy-url": "http://p.example.test",
            },
        }
    ],
    "users": [
        {
            "name": "u",
            "user": {
                "token": "t",
                "tokenFile": "f",
                "as": "j",
                "as-groups": ["g"],
                "as-user-extra": {"k": ["v"]},
                "client-certificate-data": data(b"pem"),
                "client-key": "k",
                "exec": {
                    "apiVersion": "client.authentication.k8s.io/v1",
                    "command": "c",
                    "args": ["a"],
                    "env": [{"name": "N", "value": "V"}],
                    "provideClusterInfo": True,
                },
            },
        }
    ],
}
ODD: list[Any] = [
    None,
    0,
    -1.5,
    True,
    "",
    "\0",
    "\x1b[31m",
    "%",
    "../x",
    "://",
    [],
    {},
    [[]],
    [None],
    {"a": None},
    10**30,
]


def places(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    for key, below in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield (*at, key)
        yield from places(below, (*at, key))


@pytest.mark.parametrize("place", list(places(VALID)), ids=lambda place: ".".join(map(str, place)))
def test_an_odd_value_anywhere_is_refused_or_read(tmp_path: Path, place: tuple[Any, ...]) -> None:
    (tmp_path / "k").write_text("pem")
    environment = {"KUBECONFIG": str(tmp_path / "config")}
    for odd in ODD:
        document = json.loads(json.dumps(VALID))
        holder = document
        for step in place[:-1]:
            holder = holder[step]
        holder[place[-1]] = odd
        (tmp_path / "config").write_text(json.dumps(document))
        try:
            found = find_access("", environment, DEFAULT)
        except SourceError as error:
            assert error.sentence.isprintable()
        else:
            assert found.server.scheme == "https"


@given(st.data())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_damaged_answer_is_told_or_read(live: Cluster, tmp_path: Path, draw: st.DataObject) -> None:
    root = draw.draw(st.sampled_from([PODS, POLICIES, "/apis", "/api/v1", "/apis/apps/v1"]))
    live.tricks.clear()
    _, whole = live.answer(root, {})
    at = draw.draw(st.integers(0, len(whole) - 1))
    cut = draw.draw(st.booleans())
    damaged = (
        whole[:at] if cut else whole[:at] + bytes([whole[at] ^ 1 << draw.draw(st.integers(0, 7))]) + whole[at + 1 :]
    )
    live.tricks[root] = lambda _c, _q: (200, damaged)
    try:
        files, unread = read(kubeconfig(tmp_path, live.url))
    except SourceError:
        return
    assert files or unread
    read_world(files)


def test_within_a_pod(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("t0p")
    (tmp_path / "ca.crt").write_text("pem")
    environment = {"KUBERNETES_SERVICE_HOST": "fd00::1", "KUBERNETES_SERVICE_PORT": "6443"}
    found = find_access("", environment, DEFAULT, account=tmp_path)
    assert (found.server.host, found.server.port, found.ca) == ("fd00::1", 6443, "pem")
    assert found.user.secret(environment, DEFAULT).token == "t0p"
    with pytest.raises(SourceError, match="no kubeconfig"):
        find_access("", {}, DEFAULT, account=tmp_path)
