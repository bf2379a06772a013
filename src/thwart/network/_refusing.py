"""Objects that no API server would take, whatever their kind: by name, by namespace, by a kind that is misspelt."""

from __future__ import annotations

import difflib
import functools
import re

from thwart.network.documents import Item
from thwart.network.selectors import Invalid, shown

_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
# groups that Kubernetes itself owns, with what decides about traffic in them; kinds beside these that look alike
_KINDS = {
    "": ("Pod", "Namespace", "Node", "Service", "ServiceAccount", "ReplicationController", "Endpoints"),
    "apps": ("Deployment", "ReplicaSet", "StatefulSet", "DaemonSet"),
    "batch": ("Job", "CronJob"),
    "networking.k8s.io": ("NetworkPolicy", "Ingress", "IngressClass"),
}
_NEAR = 0.8  # of difflib's ratio: one or two letters of a kind


def check_names(item: Item) -> None:
    """A DNS subdomain for a name, a DNS label for a namespace (Kubernetes' "Object Names and IDs").

    Raises:
        Invalid: neither.
    """
    name, namespace = item.meta.name, item.meta.namespace
    if name and not (len(name) <= 253 and _SUBDOMAIN.fullmatch(name)):
        raise Invalid(("metadata", "name"), f"the name {shown(name)} is not a DNS subdomain")
    if namespace and not _is_label(namespace):
        raise Invalid(("metadata", "namespace"), f"the namespace {shown(namespace)} is not a DNS label")
    if item.kind == "Namespace" and name and not _is_label(name):
        raise Invalid(("metadata", "name"), f"the name {shown(name)} is not a DNS label")


@functools.lru_cache(maxsize=1 << 12)
def _is_label(text: str) -> bool:
    return len(text) <= 63 and _LABEL.fullmatch(text) is not None


def check_kind(group: str, kind: str) -> None:
    """Refuse a kind that is none of its group, but nearly: left out, its policies or pods would be missed.

    Raises:
        Invalid: it is misspelt.
    """
    near = _near(group, kind)
    if near:
        where = f"{group} has" if group else "there is"
        raise Invalid(("kind",), f"{where} no kind {shown(kind)}: did you mean {near}?")


@functools.lru_cache(maxsize=1 << 10)
def _near(group: str, kind: str) -> str:
    known = {one.lower(): one for one in _KINDS.get(group, ())}
    if known.get(kind.lower()) == kind or len(kind) > 40:
        return ""
    return next((known[one] for one in difflib.get_close_matches(kind.lower(), known, 1, _NEAR)), "")
