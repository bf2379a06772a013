"""A Kubernetes API server that is a table of answers, over loopback."""

from __future__ import annotations

import json
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

Object = dict[str, Any]
Answer = tuple[int, bytes]
Trick = Callable[["Cluster", dict[str, str]], Answer | None]

KINDS = {
    ("", "v1"): [("pods", "Pod"), ("namespaces", "Namespace"), ("nodes", "Node"), ("services", "Service")],
    ("apps", "v1"): [("deployments", "Deployment"), ("replicasets", "ReplicaSet")],
    ("networking.k8s.io", "v1"): [("networkpolicies", "NetworkPolicy"), ("ingresses", "Ingress")],
}

AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
WIDE = ("namespaces", "nodes")


def _api(group: str, version: str) -> str:
    return f"{group}/{version}" if group else version


class Cluster:
    """What it holds and how it answers; `asked` has every request as (method, path with query, headers)."""

    def __init__(self) -> None:
        self.kinds = {place: list(kinds) for place, kinds in KINDS.items()}
        self.objects: dict[str, list[Object]] = {}
        self.tricks: dict[str, Trick] = {}
        self.forbidden: set[str] = set()
        self.aggregated = False
        self.token = ""
        self.page = 500
        self.asked: list[tuple[str, str, dict[str, str]]] = []
        self.url = ""

    def add(self, plural: str, name: str, namespace: str | None = None, **rest: Any) -> None:
        meta: Object = {"name": name, "managedFields": [{"manager": "test", "operation": "Update"}]}
        if namespace is not None:
            meta["namespace"] = namespace
        meta["labels"] = rest.pop("labels", {})
        self.objects.setdefault(plural, []).append({"metadata": meta, **rest})

    def paths(self) -> list[str]:
        return [urlsplit(target).path for _, target, _ in self.asked]

    def answer(self, target: str, headers: dict[str, str]) -> Answer:
        parts = urlsplit(target)
        query = {key: values[0] for key, values in parse_qs(parts.query).items()}
        trick = self.tricks.get(parts.path)
        tricked = trick(self, query) if trick else None
        if tricked is not None:
            return tricked
        if self.token and headers.get("authorization") != f"Bearer {self.token}":
            return status(401, "Unauthorized")
        if parts.path == "/version":
            return 200, json.dumps({"major": "1", "minor": "32", "gitVersion": "v1.32.0"}).encode()
        if parts.path in ("/api", "/apis"):
            return self._discovery(parts.path, "APIGroupDiscoveryList" in headers.get("accept", "") and self.aggregated)
        for (group, version), kinds in self.kinds.items():
            root = f"/apis/{group}/{version}" if group else f"/api/{version}"
            if parts.path == root:
                verbs = ["get", "list", "watch"]
                listed: list[Object] = [
                    {
                        "name": plural,
                        "singularName": kind.lower(),
                        "kind": kind,
                        "namespaced": plural not in WIDE,
                        "verbs": verbs,
                    }
                    for plural, kind in kinds
                ]
                listed += [{"name": "pods/status", "kind": "Pod", "namespaced": True, "verbs": ["get"]}]
                body = {"kind": "APIResourceList", "groupVersion": _api(group, version), "resources": listed}
                return 200, json.dumps(body).encode()
            for plural, kind in kinds:
                below = f"{root}/namespaces/"
                namespace, _, name = parts.path.removeprefix(below).partition(f"/{plural}/")
                if name and parts.path.startswith(below):
                    return self._one(plural, kind, _api(group, version), (namespace, name))
                if parts.path == f"{root}/{plural}":
                    return self._list(plural, kind, _api(group, version), query)
        return status(404, "the server could not find the requested resource")

    def _list(self, plural: str, kind: str, api: str, query: dict[str, str]) -> Answer:
        if plural in self.forbidden:
            return status(403, f'{plural} is forbidden: User "jane" cannot list resource')
        start = int(query.get("continue", 0))
        size = min(int(query.get("limit", 10**9)), self.page)
        found = self.objects.get(plural, [])
        meta: Object = {"resourceVersion": "7"}
        if start + size < len(found):
            meta["continue"] = str(start + size)
        body = {"kind": f"{kind}List", "apiVersion": api, "metadata": meta, "items": found[start : start + size]}
        return 200, json.dumps(body).encode()

    def _one(self, plural: str, kind: str, api: str, place: tuple[str, str]) -> Answer:
        for one in self.objects.get(plural, []):
            if (one["metadata"].get("namespace"), one["metadata"]["name"]) == place:
                return 200, json.dumps({"kind": kind, "apiVersion": api} | one).encode()
        return status(404, f"{plural} {place[1]} not found", "NotFound")

    def _discovery(self, root: str, aggregated: bool) -> Answer:
        places = [place for place in self.kinds if bool(place[0]) == (root == "/apis")]
        if aggregated:
            items = [
                {
                    "metadata": {"name": group},
                    "versions": [
                        {
                            "version": version,
                            "freshness": "Current",
                            "resources": [
                                {
                                    "resource": p,
                                    "responseKind": {"group": group, "version": version, "kind": k},
                                    "scope": "Cluster" if p in WIDE else "Namespaced",
                                    "singularResource": k.lower(),
                                    "verbs": ["get", "list"],
                                }
                                for p, k in self.kinds[group, version]
                            ],
                        }
                    ],
                }
                for group, version in places
            ]
            return 200, json.dumps(
                {"kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "items": items}
            ).encode()
        if root == "/api":
            return 200, json.dumps({"kind": "APIVersions", "versions": [version for _, version in places]}).encode()
        groups: dict[str, Object] = {}
        for group, version in places:
            made = groups.setdefault(group, {"name": group, "versions": []})
            made["versions"].append({"groupVersion": f"{group}/{version}", "version": version})
            made.setdefault("preferredVersion", made["versions"][0])
        return 200, json.dumps({"kind": "APIGroupList", "apiVersion": "v1", "groups": list(groups.values())}).encode()


def status(code: int, message: str, reason: str = "") -> Answer:
    """A `Status` as the API server answers it."""
    body = {
        "kind": "Status",
        "apiVersion": "v1",
        "status": "Failure",
        "message": message,
        "code": code,
        "reason": reason,
    }
    return code, json.dumps(body).encode()


@contextmanager
def serving(cluster: Cluster, context: ssl.SSLContext | None = None) -> Iterator[Cluster]:
    """Serve it, over TLS where a context is given; `cluster.url` says where."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            headers = {key.lower(): value for key, value in self.headers.items()}
            cluster.asked.append((self.command, self.path, headers))
            code, body = cluster.answer(self.path, headers)
            self.send_response(code)
            aggregated = b'"APIGroupDiscoveryList"' in body[:80]
            self.send_header("Content-Type", AGGREGATED if aggregated else "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if body.startswith(b"drip"):
                self._drip(body)
            else:
                self.wfile.write(body)

        def _drip(self, body: bytes) -> None:
            try:
                for byte in body:
                    self.wfile.write(bytes([byte]))
                    self.wfile.flush()
                    time.sleep(0.05)
            except OSError:
                self.close_connection = True

        def log_request(self, code: object = "-", size: object = "-") -> None:
            """Say nothing."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: object, client_address: object) -> None:
            """A client that goes away is what some tests are about."""

    server = Server(("127.0.0.1", 0), Handler)
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    cluster.url = f"{'https' if context else 'http'}://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield cluster
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
