"""A kubelet is less strict than it can be.

It runs the node's containers and shows their logs and secrets. Whoever it answers without asking has the node.

Fix: Set each field as CIS Kubernetes 4.2 asks.

Bad:
    apiVersion: kubelet.config.k8s.io/v1beta1
    kind: KubeletConfiguration
    authentication: {anonymous: {enabled: true}}
    authorization: {mode: AlwaysAllow}
    readOnlyPort: 10255

Good:
    apiVersion: kubelet.config.k8s.io/v1beta1
    kind: KubeletConfiguration
    authentication: {anonymous: {enabled: false}, webhook: {enabled: true}}
    authorization: {mode: Webhook}
    readOnlyPort: 0
    protectKernelDefaults: true
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.core.edit import Put
from thwart.rules._view import Hit, listed
from thwart.rules.kubernetes import Object, object_rule
from thwart.rules.kubernetes._flags import OLD_TLS, WEAK_CIPHERS, Ask, asked
from thwart.rules.kubernetes._objects import pods

_NEVER = ("0", "0s", "0h", "0h0m0s")
_EVER = (*_NEVER, 0)
_TABLE: tuple[tuple[tuple[str, ...], tuple[object, ...] | None, object, str], ...] = (
    (("authentication", "anonymous", "enabled"), None, False, "answers those who give no name"),
    (("authentication", "webhook", "enabled"), None, True, "does not ask the API server who calls"),
    (("authorization", "mode"), None, "Webhook", "lets everybody do everything"),
    (("readOnlyPort",), None, 0, "shows its pods on a port that asks nobody"),
    (("streamingConnectionIdleTimeout",), _EVER, "4h", "never ends a connection that nobody uses"),
    (("protectKernelDefaults",), None, True, "changes the kernel's settings to its liking"),
    (("makeIPTablesUtilChains",), None, True, "does not keep the rules of its firewall"),
    (("rotateCertificates",), None, True, "keeps its certificate for ever"),
    (("featureGates", "RotateKubeletServerCertificate"), None, True, "keeps its certificate for ever"),
    (("serverTLSBootstrap",), None, True, "makes a certificate for itself that nobody can check"),
    (("eventRecordQPS",), (-1,), 50, "drops what it should tell"),
    (("podPidsLimit",), (-1,), 4096, "lets one pod take all processes of the node"),
    (("seccompDefault",), None, True, "runs pods without a seccomp profile"),
)

_FLAGS = (  # what is not given is in the file that --config names
    Ask("anonymous-auth", "answers those who give no name", must=("false",), unset=True),
    Ask("authorization-mode", "lets everybody do everything", never=("AlwaysAllow",), unset=True),
    Ask("read-only-port", "shows its pods on a port that asks nobody", must=("0",), unset=True),
    Ask("streaming-connection-idle-timeout", "never ends a connection that nobody uses", never=_NEVER, unset=True),
    Ask("protect-kernel-defaults", "changes the kernel's settings to its liking", must=("true",), unset=True),
    Ask("make-iptables-util-chains", "does not keep the rules of its firewall", must=("true",), unset=True),
    Ask("rotate-certificates", "keeps its certificate for ever", must=("true",), unset=True),
    Ask("feature-gates", "keeps its certificate for ever", never=("RotateKubeletServerCertificate=false",), unset=True),
    Ask("tls-cipher-suites", "takes ciphers that are broken", never=WEAK_CIPHERS, unset=True),
    Ask("tls-min-version", "speaks versions of TLS that are broken", never=OLD_TLS, unset=True),
)


@object_rule(
    Severity.HIGH,
    "cis-kubernetes:4.2.1",
    "cis-kubernetes:4.2.2",
    "cis-kubernetes:4.2.4",
    "cis-kubernetes:4.2.5",
    "cis-kubernetes:4.2.6",
    "cis-kubernetes:4.2.7",
    "cis-kubernetes:4.2.11",
    "cis-kubernetes:4.2.12",
)
def weak_kubelet(one: Object) -> Iterator[Hit]:
    """What is stated in a KubeletConfiguration and in the flags of a kubelet that runs in a container; no defaults."""
    if one.kind != "KubeletConfiguration":
        for pod in pods(one):
            yield from asked(pod, ("kubelet",), _FLAGS)
        return
    if weak := [name for name in one.words("tlsCipherSuites") if name in WEAK_CIPHERS]:
        yield one.hit(f"takes ciphers that are broken, {listed(weak)}", "tlsCipherSuites")
    for steps, wrong, right, why in _TABLE:
        value = one.at(*steps)
        if value is not None and (value in wrong if isinstance(wrong, tuple) else value != right):
            yield one.hit(why, *steps).mended(Put(pointer=(*one.pointer, *steps), value=right))
