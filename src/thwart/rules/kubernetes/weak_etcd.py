"""etcd answers more than its own.

All that the cluster knows is in etcd, every secret too. Whoever is answered by it has the cluster, past the API
server and its roles.

Fix: Set each flag as CIS Kubernetes 2 asks. No edit is offered: an etcd that finds no certificate does not start.

Bad:
    apiVersion: v1
    kind: Pod
    metadata: {name: etcd, namespace: kube-system}
    spec:
      containers:
        - name: etcd
          image: registry.example.test/etcd:1.30
          command:
            - etcd
            - --client-cert-auth=false

Good:
    apiVersion: v1
    kind: Pod
    metadata: {name: etcd, namespace: kube-system}
    spec:
      containers:
        - name: etcd
          image: registry.example.test/etcd:1.30
          command:
            - etcd
            - --client-cert-auth=true
            - --cert-file=/pki/s
            - --key-file=/pki/k
            - --peer-client-cert-auth=true
            - --peer-cert-file=/pki/p
            - --peer-key-file=/pki/q
            - --trusted-ca-file=/pki/ca
            - --peer-trusted-ca-file=/pki/ca
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.kubernetes import Pod, pod_rule
from thwart.rules.kubernetes._flags import Ask, asked

_TABLE = (
    Ask("client-cert-auth", "answers clients that show no certificate", must=("true",)),
    Ask("cert-file", "serves clients without TLS"),
    Ask("key-file", "serves clients without TLS"),
    Ask("trusted-ca-file", "takes certificates of whoever made them"),
    Ask("auto-tls", "makes certificates for itself that nobody can check", must=("false",), unset=True),
    Ask("peer-client-cert-auth", "answers peers that show no certificate", must=("true",)),
    Ask("peer-cert-file", "speaks to peers without TLS"),
    Ask("peer-key-file", "speaks to peers without TLS"),
    Ask("peer-auto-tls", "makes certificates for itself that nobody can check", must=("false",), unset=True),
)


@pod_rule(
    Severity.HIGH,
    "cis-kubernetes:2.1",
    "cis-kubernetes:2.2",
    "cis-kubernetes:2.3",
    "cis-kubernetes:2.4",
    "cis-kubernetes:2.5",
    "cis-kubernetes:2.6",
)
def weak_etcd(pod: Pod) -> Iterator[Hit]:
    """Static pods: the program by its name, flags in `command` and `args`, and in a shell's line."""
    yield from asked(pod, ("etcd",), _TABLE)
