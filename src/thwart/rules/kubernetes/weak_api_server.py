"""The API server is less strict than it can be.

It is the door of the cluster: who is asked for a name, what a name may do, what is written down, and which of its own
callers it believes are decided by its flags.

Fix: Set each flag as CIS Kubernetes 1.2 asks. No edit is offered: files with keys and policies have to be there
first, and an API server that does not start is no cluster.

Bad:
    apiVersion: v1
    kind: Pod
    metadata: {name: kube-apiserver, namespace: kube-system}
    spec:
      containers:
        - name: kube-apiserver
          image: registry.example.test/kube-apiserver:1.30
          command:
            - kube-apiserver
            - --anonymous-auth=true
            - --authorization-mode=AlwaysAllow

Good:
    apiVersion: v1
    kind: Pod
    metadata: {name: kube-apiserver, namespace: kube-system}
    spec:
      containers:
        - name: kube-apiserver
          image: registry.example.test/kube-apiserver:1.30
          command:
            - kube-apiserver
            - --anonymous-auth=false
            - --authorization-mode=Node,RBAC
            - --profiling=false
            - --audit-log-path=/var/log/audit.log
            - --audit-policy-file=/etc/audit.yaml
            - --enable-admission-plugins=NodeRestriction
            - --encryption-provider-config=/etc/encryption.yaml
            - --kubelet-certificate-authority=/pki/ca
            - --kubelet-client-certificate=/pki/c
            - --kubelet-client-key=/pki/k
            - --etcd-cafile=/pki/ca
            - --etcd-certfile=/pki/e
            - --etcd-keyfile=/pki/f
            - --tls-cert-file=/pki/t
            - --tls-private-key-file=/pki/u
            - --client-ca-file=/pki/ca
            - --service-account-key-file=/pki/sa
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.kubernetes import Pod, pod_rule
from thwart.rules.kubernetes._flags import OLD_TLS, WEAK_CIPHERS, Ask, asked

_NEEDED = ("ServiceAccount", "NamespaceLifecycle", "NodeRestriction", "PodSecurity")
_TABLE = (
    Ask("anonymous-auth", "answers those who give no name", must=("false",)),
    Ask("token-auth-file", "takes tokens from a file, which nobody can revoke", gone=True),
    Ask("basic-auth-file", "takes passwords from a file", gone=True),
    Ask("insecure-port", "listens without TLS and without asking who it is", must=("0",), unset=True),
    Ask("insecure-bind-address", "listens without TLS and without asking who it is", gone=True),
    Ask("authorization-mode", "lets everybody do everything", never=("AlwaysAllow",)),
    Ask("authorization-mode", "does not decide by roles", holds=("RBAC",), unset=True),
    Ask("authorization-mode", "does not keep kubelets to their own nodes", holds=("Node",), unset=True),
    Ask("enable-admission-plugins", "does not keep kubelets to their own objects", holds=("NodeRestriction",)),
    Ask("enable-admission-plugins", "admits everything", never=("AlwaysAdmit",), unset=True),
    Ask("disable-admission-plugins", "switches off what protects it", never=_NEEDED, unset=True),
    Ask("profiling", "shows its insides to whoever may ask", must=("false",)),
    Ask("audit-log-path", "writes no audit log"),
    Ask("audit-log-maxage", "throws its audit log away within a month", least=30, unset=True),
    Ask("audit-log-maxbackup", "throws its audit log away after few files", least=10, unset=True),
    Ask("audit-policy-file", "has no audit policy"),
    Ask("service-account-lookup", "takes tokens of accounts that are gone", must=("true",), unset=True),
    Ask("service-account-extend-token-expiration", "makes tokens live for a year", must=("false",), unset=True),
    Ask("service-account-key-file", "has no key of its own for service accounts"),
    Ask("kubelet-https", "speaks to kubelets without TLS", must=("true",), unset=True),
    Ask("kubelet-certificate-authority", "does not know whether a kubelet is its own"),
    Ask("kubelet-client-certificate", "does not show kubelets who it is"),
    Ask("kubelet-client-key", "does not show kubelets who it is"),
    Ask("etcd-cafile", "does not know whether etcd is its own"),
    Ask("etcd-certfile", "does not show etcd who it is"),
    Ask("etcd-keyfile", "does not show etcd who it is"),
    Ask("secure-port", "does not listen with TLS", never=("0",), unset=True),
    Ask("tls-cert-file", "makes a certificate for itself that nobody can check"),
    Ask("tls-private-key-file", "makes a certificate for itself that nobody can check"),
    Ask("tls-cipher-suites", "takes ciphers that are broken", never=WEAK_CIPHERS, unset=True),
    Ask("tls-min-version", "speaks versions of TLS that are broken", never=OLD_TLS, unset=True),
    Ask("client-ca-file", "knows no certificates of clients"),
    Ask("encryption-provider-config", "writes secrets to etcd as they are"),
)


@pod_rule(
    Severity.HIGH,
    "cis-kubernetes:1.2.1",
    "cis-kubernetes:1.2.6",
    "cis-kubernetes:1.2.7",
    "cis-kubernetes:1.2.8",
    "cis-kubernetes:1.2.16",
    "cis-kubernetes:3.2.1",
)
def weak_api_server(pod: Pod) -> Iterator[Hit]:
    """Static pods: the program by its name, flags in `command` and `args`, and in a shell's line."""
    yield from asked(pod, ("kube-apiserver",), _TABLE)
