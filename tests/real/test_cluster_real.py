"""Clusters and kustomizations as the real kubectl sees them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme
import yaml

from tests.conftest import ROOT
from tests.unit.network.fake_cluster import Cluster, serving
from tests.unit.network.test_cluster import kubeconfig, read, tls, trusted
from thwart.api.net._cluster_config import find_access
from thwart.api.net._rendered import read_folder
from thwart.core.finding import Diagnostic
from thwart.core.limits import DEFAULT

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(shutil.which("kubectl") is None, reason="not installed: kubectl"),
]
SHOP = ROOT / "examples" / "shop" / "deploy"


def kubectl(*arguments: str, environment: dict[str, str] | None = None) -> bytes:
    command = ["kubectl", *arguments]
    done = subprocess.run(command, capture_output=True, check=False, env={**os.environ, **(environment or {})})
    assert done.returncode == 0, done.stderr
    return done.stdout


def mapped(*paths: str, stdin: bytes = b"", environment: dict[str, str] | None = None) -> dict[str, Any]:
    command = [sys.executable, "-m", "thwart", "net", "map", "-o", "json", *paths]
    run = {**os.environ, **(environment or {})}
    done = subprocess.run(command, input=stdin, capture_output=True, check=False, env=run)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def shop(authority: trustme.CA) -> Iterator[Cluster]:
    """The house example in a cluster, over TLS and with a token."""
    cluster = Cluster()
    cluster.token = "t0p"
    cluster.page = 3
    plural = {kind: name for kinds in cluster.kinds.values() for name, kind in kinds}
    for one in yaml.safe_load_all(kubectl("kustomize", str(SHOP / "kubernetes"))):
        if one["kind"] in plural:
            cluster.objects.setdefault(plural[one["kind"]], []).append(one)
    for number in range(7):
        rest = {"spec": {"nodeName": "n1"}, "status": {"podIP": f"10.0.0.{number + 1}"}}
        cluster.add("pods", f"p{number}", "shop", labels={"app": "storefront"}, **rest)
    with serving(cluster, tls(authority)):
        yield cluster


KINDS = "namespaces,nodes,pods,deployments,networkpolicies,ingresses,services"


@pytest.mark.parametrize("aggregated", [False, True])
def test_a_live_cluster_is_what_kubectl_prints_of_it(
    shop: Cluster, authority: trustme.CA, tmp_path: Path, aggregated: bool
) -> None:
    shop.aggregated = aggregated
    environment = kubeconfig(tmp_path, shop.url, {"token": "t0p"}, **trusted(authority))
    dumped = kubectl("get", KINDS, "-A", "-o", "json", "--cache-dir", str(tmp_path), environment=environment)
    live = mapped("cluster:c", environment=environment)
    assert live == mapped("-", stdin=dumped)
    assert len(live["groups"]) > 8


def test_lines_are_those_of_kubectl(shop: Cluster, authority: trustme.CA, tmp_path: Path) -> None:
    environment = kubeconfig(tmp_path, shop.url, {"token": "t0p"}, **trusted(authority))
    files, _ = read(environment)
    policies = [(name, data) for name, data in files if "/networkpolicies" in name]
    assert len(policies) == 9
    for place, data in policies[:3]:
        namespace, name = place.split("/")[-2:]
        get = ["get", "networkpolicy", name, "-n", namespace, "-o", "json", "--cache-dir", str(tmp_path)]
        assert data.decode() == kubectl(*get, environment=environment).decode()


def test_several_kubeconfigs_merge_as_kubectl_merges_them(tmp_path: Path) -> None:
    paths = []
    for number, names in enumerate(("ab", "bc", "ca")):
        document = {
            "current-context": "" if number == 0 else names[1],
            "contexts": [{"name": n, "context": {"cluster": n, "user": n}} for n in names],
            "clusters": [{"name": n, "cluster": {"server": f"https://{n}{number}.example.test"}} for n in names],
            "users": [{"name": n, "user": {"token": f"{n}{number}"}} for n in names],
        }
        paths.append(tmp_path / str(number))
        paths[-1].write_text(yaml.safe_dump(document))
    environment = {"KUBECONFIG": os.pathsep.join(map(str, [*paths, tmp_path / "absent"]))}
    for context in ("", "a", "b", "c"):
        chosen = ["--context", context] if context else []
        seen = yaml.safe_load(kubectl("config", "view", "--minify", "--raw", *chosen, environment=environment))
        found = find_access(context, environment, DEFAULT)
        assert f"https://{found.server.host}" == seen["clusters"][0]["cluster"]["server"]
        assert found.user.fixed.token == seen["users"][0]["user"]["token"]
        assert found.name == seen["current-context"]


# kustomizations


def test_one_that_only_gathers_means_what_kubectl_makes_of_it() -> None:
    built = kubectl("kustomize", str(SHOP / "kubernetes"))
    assert mapped(str(SHOP / "kubernetes")) == mapped("-", stdin=built)


def test_an_overlay_is_built_by_the_real_tool() -> None:
    unread: list[Diagnostic] = []
    ((name, data),) = read_folder(SHOP / "overlays" / "production", DEFAULT, unread)
    assert name == f"kustomize:{SHOP / 'overlays' / 'production'}"
    assert [one.slug for one in unread] == ["kustomization-built"]
    found = [one for one in yaml.safe_load_all(data) if one["metadata"]["name"] == "default-deny"]
    assert {tuple(one["spec"]["policyTypes"]) for one in found} == {("Ingress",)}  # what its patch makes of it
