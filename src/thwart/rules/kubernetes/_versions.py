"""Versions of APIs that went: the release that serves them no more, the one that began to warn, and what to use.

From Kubernetes' "Deprecated API Migration Guide".
"""

from __future__ import annotations

from typing import NamedTuple


class Gone(NamedTuple):
    """`since` and `removed` are minor versions; `same` says that the schema of `instead` holds every such object."""

    since: int
    removed: int
    instead: str
    same: bool = False


_APPS = {
    kind: Gone(9, 16, "apps/v1")
    for kind in ("Deployment", "DaemonSet", "ReplicaSet", "StatefulSet", "ControllerRevision")
}
_RBAC = dict.fromkeys(
    ("Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding"),
    Gone(17, 22, "rbac.authorization.k8s.io/v1", same=True),
)
_ADMISSION = dict.fromkeys(
    ("ValidatingWebhookConfiguration", "MutatingWebhookConfiguration"), Gone(16, 22, "admissionregistration.k8s.io/v1")
)
_FLOW = ("FlowSchema", "PriorityLevelConfiguration")
_STORAGE = "storage.k8s.io/v1"
_GONE: dict[str, dict[str, Gone]] = {
    "extensions/v1beta1": {
        **_APPS,
        "NetworkPolicy": Gone(9, 16, "networking.k8s.io/v1", same=True),
        "PodSecurityPolicy": Gone(10, 16, "Pod Security admission"),
        "Ingress": Gone(14, 22, "networking.k8s.io/v1"),
    },
    "apps/v1beta1": _APPS,
    "apps/v1beta2": _APPS,
    "networking.k8s.io/v1beta1": {
        "Ingress": Gone(19, 22, "networking.k8s.io/v1"),
        "IngressClass": Gone(19, 22, "networking.k8s.io/v1", same=True),
    },
    "admissionregistration.k8s.io/v1beta1": _ADMISSION,
    "apiextensions.k8s.io/v1beta1": {"CustomResourceDefinition": Gone(16, 22, "apiextensions.k8s.io/v1")},
    "apiregistration.k8s.io/v1beta1": {"APIService": Gone(19, 22, "apiregistration.k8s.io/v1", same=True)},
    "certificates.k8s.io/v1beta1": {"CertificateSigningRequest": Gone(19, 22, "certificates.k8s.io/v1")},
    "coordination.k8s.io/v1beta1": {"Lease": Gone(19, 22, "coordination.k8s.io/v1", same=True)},
    "rbac.authorization.k8s.io/v1alpha1": _RBAC,
    "rbac.authorization.k8s.io/v1beta1": _RBAC,
    "scheduling.k8s.io/v1alpha1": {"PriorityClass": Gone(14, 22, "scheduling.k8s.io/v1", same=True)},
    "scheduling.k8s.io/v1beta1": {"PriorityClass": Gone(14, 22, "scheduling.k8s.io/v1", same=True)},
    "storage.k8s.io/v1beta1": {
        "StorageClass": Gone(19, 22, _STORAGE, same=True),
        "VolumeAttachment": Gone(19, 22, _STORAGE, same=True),
        "CSIDriver": Gone(19, 22, _STORAGE, same=True),
        "CSINode": Gone(17, 22, _STORAGE, same=True),
        "CSIStorageCapacity": Gone(24, 27, _STORAGE, same=True),
    },
    "batch/v1beta1": {"CronJob": Gone(21, 25, "batch/v1", same=True)},
    "batch/v2alpha1": {"CronJob": Gone(8, 21, "batch/v1", same=True)},
    "discovery.k8s.io/v1beta1": {"EndpointSlice": Gone(21, 25, "discovery.k8s.io/v1")},
    "events.k8s.io/v1beta1": {"Event": Gone(19, 25, "events.k8s.io/v1")},
    "autoscaling/v2beta1": {"HorizontalPodAutoscaler": Gone(22, 25, "autoscaling/v2")},
    "autoscaling/v2beta2": {"HorizontalPodAutoscaler": Gone(23, 26, "autoscaling/v2", same=True)},
    "policy/v1beta1": {
        "PodDisruptionBudget": Gone(21, 25, "policy/v1"),
        "PodSecurityPolicy": Gone(21, 25, "Pod Security admission"),
    },
    "node.k8s.io/v1beta1": {"RuntimeClass": Gone(22, 25, "node.k8s.io/v1", same=True)},
    "flowcontrol.apiserver.k8s.io/v1beta1": dict.fromkeys(_FLOW, Gone(23, 26, "flowcontrol.apiserver.k8s.io/v1")),
    "flowcontrol.apiserver.k8s.io/v1beta2": dict.fromkeys(_FLOW, Gone(26, 29, "flowcontrol.apiserver.k8s.io/v1")),
    "flowcontrol.apiserver.k8s.io/v1beta3": dict.fromkeys(_FLOW, Gone(29, 32, "flowcontrol.apiserver.k8s.io/v1")),
    "v1": {"ComponentStatus": Gone(19, 999, "health endpoints"), "Endpoints": Gone(33, 999, "discovery.k8s.io/v1")},
}


def gone(api: str, kind: str) -> Gone | None:
    """What is known of a version of a kind that went or will go."""
    return _GONE.get(api, {}).get(kind)
