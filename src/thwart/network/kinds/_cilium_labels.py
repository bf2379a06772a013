"""Cilium's label selectors: keys with a source, checked as Cilium checks them, and what each condition looks at.

Sources: cilium pkg/labels (labels.go, validation.go), pkg/k8s/utils/utils.go (SanitizePodLabels: which labels a pod's
identity has), pkg/labelsfilter/filter.go (which of a pod's own labels are part of its identity unless configured).
"""

from __future__ import annotations

import re
from typing import NamedTuple

from thwart.network.model import Pointer
from thwart.network.selectors import (
    Expression,
    Invalid,
    LabelSelector,
    Requirement,
    check_key,
    check_value,
    shown,
)

RESERVED = "reserved"
KUBERNETES = ("k8s", "any")  # sources under which the labels of pods are found
NAMESPACE = "io.kubernetes.pod.namespace"
NAMESPACE_LABELS = "io.cilium.k8s.namespace.labels."
ACCOUNT = "io.cilium.k8s.policy.serviceaccount"
CLUSTER = "io.cilium.k8s.policy.cluster"
_OWN = "io.cilium.k8s"  # what a pod claims under this prefix is thrown away
_SOURCE = re.compile(r"[A-Za-z0-9]+")
_OPPOSITE = {"In": "NotIn", "NotIn": "In", "Exists": "DoesNotExist", "DoesNotExist": "Exists"}
_PARTS = (NAMESPACE, NAMESPACE_LABELS[:-1], "app.kubernetes.io", CLUSTER, ACCOUNT)
_NO_PARTS = re.compile(
    r"io\.kubernetes|kubernetes\.io|k8s\.io|topology\.kubernetes\.io|pod-template-(?:generation|hash)"
    r"|controller-revision-hash|controller-uid|annotation|etcd_node|statefulset\.kubernetes\.io/pod-name"
    r"|apps\.kubernetes\.io/pod-index|batch\.kubernetes\.io/(?:job-completion-index|controller-uid)"
)


class Condition(NamedTuple):
    """One condition of a selector. `source` is `any` where none is written."""

    source: str
    key: str
    operator: str
    values: tuple[str, ...]

    @property
    def positive(self) -> bool:
        """Whether it asks for the label to be there."""
        return self.operator in ("In", "Exists")

    def turned(self) -> Condition:
        """The condition that holds where this one does not."""
        return self._replace(operator=_OPPOSITE[self.operator])

    def requirement(self, key: str = "") -> Requirement:
        """The same, on a plain label."""
        return Requirement(key or self.key, self.operator, self.values)


def conditions(written: LabelSelector, pointer: Pointer) -> tuple[Condition, ...]:
    """The conditions of a selector; none match everything.

    Raises:
        Invalid: Cilium refuses a key, a value or an operator (validation.go, ValidateLabelSelector).
    """
    found = set()
    for key, value in (written.match_labels or {}).items():
        where = (*pointer, "matchLabels", key)
        source, bare = _key(key, where)
        check_value(value or "", where)
        found.add(Condition(source, bare, "In", (value or "",)))
    for index, expression in enumerate(written.match_expressions or ()):
        found.add(_expression(expression, (*pointer, "matchExpressions", index)))
    return tuple(sorted(found))


def _expression(written: Expression, pointer: Pointer) -> Condition:
    source, bare = _key(written.key or "", (*pointer, "key"))
    operator, values = written.operator or "", written.values or []
    if operator not in _OPPOSITE:
        raise Invalid((*pointer, "operator"), f"{shown(operator)} is not a valid selector operator")
    if bool(values) != (operator in ("In", "NotIn")):
        what = "may not" if values else "must"
        raise Invalid((*pointer, "values"), f"values {what} be given when the operator is {operator}")
    for number, value in enumerate(values):
        check_value(value or "", (*pointer, "values", number))
    return Condition(source, bare, operator, tuple(sorted({value or "" for value in values})))


def _key(key: str, pointer: Pointer) -> tuple[str, str]:
    """Source and name; a source is of letters and digits (IsValidCiliumLabelKey)."""
    source, colon, bare = key.rpartition(":")
    if colon and not _SOURCE.fullmatch(source):
        raise Invalid(pointer, f"the source of the label key {shown(key)} is not of letters and digits")
    check_key(bare, pointer)
    return source or "any", bare


def foreign(key: str) -> bool:
    """Whether no pod has this label, as Cilium throws such away."""
    return key.startswith(_OWN) and key not in (ACCOUNT, CLUSTER) and not key.startswith(NAMESPACE_LABELS)


def left_out(key: str) -> bool:
    """Whether a label is not part of identities unless Cilium was configured so ("limiting identity-relevant labels")."""
    included = max((len(part) for part in _PARTS if key.startswith(part)), default=0)
    beta = key.rfind("beta.kubernetes.io")
    ignored = [match.end()] if (match := _NO_PARTS.match(key)) else []
    ignored += [beta + len("beta.kubernetes.io")] if beta >= 0 else []
    return bool(ignored) and included <= min(ignored)
