"""A controller of the cluster shows or shares more than it has to.

The controller manager and the scheduler act with rights of the cluster. What listens, and what runs with whose
rights, is decided by their flags.

Fix: Set each flag as CIS Kubernetes 1.3 and 1.4 ask. No edit is offered: monitoring may use what is to be closed.

Bad:
    apiVersion: v1
    kind: Pod
    metadata: {name: kube-controller-manager, namespace: kube-system}
    spec:
      containers:
        - name: kube-controller-manager
          image: registry.example.test/kube-controller-manager:1.30
          command:
            - kube-controller-manager
            - --bind-address=0.0.0.0
            - --profiling=true

Good:
    apiVersion: v1
    kind: Pod
    metadata: {name: kube-controller-manager, namespace: kube-system}
    spec:
      containers:
        - name: kube-controller-manager
          image: registry.example.test/kube-controller-manager:1.30
          command:
            - kube-controller-manager
            - --bind-address=127.0.0.1
            - --profiling=false
            - --use-service-account-credentials=true
            - --root-ca-file=/pki/ca
            - --service-account-private-key-file=/pki/sa
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.kubernetes import Pod, pod_rule
from thwart.rules.kubernetes._flags import Ask, asked

_TABLE = (
    Ask("profiling", "shows its insides to whoever may ask", must=("false",)),
    Ask("bind-address", "listens on every address", must=("127.0.0.1", "localhost", "::1")),
    Ask("address", "listens without TLS beyond its own node", must=("127.0.0.1", "localhost", "::1"), unset=True),
    Ask("port", "listens without TLS", must=("0",), unset=True),
)
_MANAGER = (
    Ask("use-service-account-credentials", "runs all controllers with one set of rights", must=("true",)),
    Ask("root-ca-file", "tells pods no certificate to know the API server by"),
    Ask("service-account-private-key-file", "has no key of its own for service accounts"),
    Ask(
        "feature-gates",
        "does not renew the kubelets' certificates",
        never=("RotateKubeletServerCertificate=false",),
        unset=True,
    ),
)


@pod_rule(
    Severity.MEDIUM,
    "cis-kubernetes:1.3.2",
    "cis-kubernetes:1.3.3",
    "cis-kubernetes:1.3.7",
    "cis-kubernetes:1.4.1",
    "cis-kubernetes:1.4.2",
)
def weak_controller_flag(pod: Pod) -> Iterator[Hit]:
    """Static pods: the program by its name, flags in `command` and `args`, and in a shell's line."""
    yield from asked(pod, ("kube-controller-manager", "kube-scheduler"), _TABLE)
    yield from asked(pod, ("kube-controller-manager",), _MANAGER)
