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
from thwart.rules._view import Hit
from thwart.rules.kubernetes import Object, object_rule

_EVER = ("0", "0s", "0h", "0h0m0s", 0)
_TABLE: tuple[tuple[tuple[str, ...], tuple[object, ...] | None, object, str], ...] = (
    (("authentication", "anonymous", "enabled"), None, False, "answers those who give no name"),
    (("authentication", "webhook", "enabled"), None, True, "does not ask the API server who calls"),
    (("authorization", "mode"), None, "Webhook", "lets everybody do everything"),
    (("readOnlyPort",), None, 0, "shows its pods on a port that asks nobody"),
    (("streamingConnectionIdleTimeout",), _EVER, "4h", "never ends a connection that nobody uses"),
    (("protectKernelDefaults",), None, True, "changes the kernel's settings to its liking"),
    (("makeIPTablesUtilChains",), None, True, "does not keep the rules of its firewall"),
    (("rotateCertificates",), None, True, "keeps its certificate for ever"),
    (("serverTLSBootstrap",), None, True, "makes a certificate for itself that nobody can check"),
    (("eventRecordQPS",), (-1,), 50, "drops what it should tell"),
    (("podPidsLimit",), (-1,), 4096, "lets one pod take all processes of the node"),
    (("seccompDefault",), None, True, "runs pods without a seccomp profile"),
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
    """KubeletConfiguration, whose defaults are stricter than those of the flags: what is missing is well, but where said."""
    if one.kind != "KubeletConfiguration":
        return
    for steps, wrong, right, why in _TABLE:
        value = one.at(*steps)
        if value is not None and (value in wrong if isinstance(wrong, tuple) else value != right):
            yield one.hit(why, *steps).mended(Put(pointer=(*one.pointer, *steps), value=right))
