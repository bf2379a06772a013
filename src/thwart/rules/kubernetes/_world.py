"""All objects of a run beside each other: what workloads, services and policies mean by the names and labels they use."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import TYPE_CHECKING, Any

from thwart.rules._view import View
from thwart.rules.kubernetes._objects import Object, Pod

if TYPE_CHECKING:
    from thwart.rules import Source
    from thwart.rules.kubernetes._access import Access

_KEPT = frozenset(
    {
        *("Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding", "ServiceAccount", "Namespace"),
        *("Service", "Ingress", "HorizontalPodAutoscaler", "PodDisruptionBudget", "NetworkPolicy"),
        *("ResourceQuota", "LimitRange"),
    }
)
_RUNNING = frozenset({"Pod", "Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "ReplicationController"})


class Workload(View):
    """What makes pods, without its containers: a view of nothing, whose pointers lead into the document."""

    __slots__ = (
        *("account", "document", "kind", "labels", "name", "namespace", "own_name", "partial", "ports", "replicas"),
        *("token", "world"),
    )

    def __init__(self, pod: Pod) -> None:
        super().__init__(None, pod.pointer)
        owner = pod.object
        self.name = owner.name
        self.own_name = owner.text("metadata", "name")
        self.document = owner.document
        self.partial = pod.partial
        self.kind = owner.kind
        self.namespace = owner.namespace
        self.labels = pod.mapping("metadata", "labels")
        self.account = pod.spec.text("serviceAccountName") or pod.spec.text("serviceAccount") or "default"
        self.token = pod.spec.flag("automountServiceAccountToken")
        self.replicas = owner.number("spec", "replicas")
        self.ports = [port for one in pod.containers for port in one.values("ports") if isinstance(port, dict)]
        self.world: World

    @property
    def runs(self) -> bool:
        """Whether its pods are there all the time, to be served and selected."""
        return self.kind in _RUNNING


class Related(Object):
    """An object that says something about others, and the world that it says it in."""

    __slots__ = ("world",)

    def __init__(self, one: Object) -> None:
        super().__init__(one.node, one.pointer, one.document, one.api, one.kind, one.minor)
        self.world: World


def note(subject: object) -> Related | Workload | None:
    """What of a subject is kept to the end of the run."""
    if isinstance(subject, Pod):
        return None if subject.partial else Workload(subject)
    if isinstance(subject, Object) and subject.kind in _KEPT and not subject.partial:
        return Related(subject)
    return None


def subjects(notes: list[tuple[Source, Any]]) -> Iterator[tuple[Source, Related | Workload]]:
    """Everything that was kept, each knowing all others."""
    world = World(subject for _, subject in notes)
    for source, subject in notes:
        subject.world = world
        yield source, subject


class World:
    """Look-ups among the objects of a run. Where an object states no namespace, it may be in any."""

    def __init__(self, noted: Iterable[Related | Workload]) -> None:
        self.workloads: list[Workload] = []
        self._objects: dict[str, list[Related]] = {}
        for one in noted:
            if isinstance(one, Workload):
                self.workloads.append(one)
            else:
                self._objects.setdefault(one.kind, []).append(one)
        self._spaces: dict[str, dict[str, list[Related]]] = {}  # by kind and namespace
        self._here: dict[str, list[Workload]] = {}
        self._labelled: dict[tuple[str, str], list[Workload]] = {}
        for workload in self.workloads:
            self._here.setdefault(workload.namespace, []).append(workload)
            for key, value in workload.labels.items():
                if isinstance(value, str):
                    self._labelled.setdefault((key, value), []).append(workload)

    @cached_property
    def access(self) -> Access:
        """Who may do what."""
        from thwart.rules.kubernetes._access import Access

        return Access(self)

    def of(self, *kinds: str) -> list[Related]:
        """The objects of these kinds."""
        return [one for kind in kinds for one in self._objects.get(kind, ())]

    @cached_property
    def _accounts(self) -> dict[str, list[Related]]:
        found: dict[str, list[Related]] = {}
        for one in self.of("ServiceAccount"):
            found.setdefault(one.text("metadata", "name"), []).append(one)
        return found

    def accounts(self, namespace: str, name: str) -> list[Related]:
        """The service accounts of that name that may be in a namespace."""
        return [one for one in self._accounts.get(name, ()) if same(one.namespace, namespace)]

    def near(self, kind: str, namespace: str) -> list[Related]:
        """The objects of a kind that may be in a namespace."""
        if not namespace:
            return self.of(kind)
        if kind not in self._spaces:
            spaces = self._spaces[kind] = {}
            for one in self.of(kind):
                spaces.setdefault(one.namespace, []).append(one)
        spaces = self._spaces[kind]
        return [*spaces.get(namespace, ()), *spaces.get("", ())]

    def workloads_in(self, namespace: str) -> list[Workload]:
        """The workloads that may be in a namespace."""
        if not namespace:
            return self.workloads
        return [*self._here.get(namespace, ()), *self._here.get("", ())]

    def selected(self, namespace: str, selector: object) -> list[Workload]:
        """The workloads whose pods a label selector (`matchLabels`, `matchExpressions`) chooses; an empty one, all."""
        pair = next(iter(View(selector).mapping("matchLabels").items()), None)
        if pair is None or not isinstance(pair[1], str):
            return [one for one in self.workloads_in(namespace) if chooses(selector, one.labels)]
        near = (one for one in self._labelled.get((pair[0], pair[1]), ()) if same(one.namespace, namespace))
        return [one for one in near if chooses(selector, one.labels)]


def same(one: str, other: str) -> bool:
    """Whether two namespaces may be the same."""
    return not one or not other or one == other


def chooses(selector: object, labels: dict[str, object]) -> bool:
    """Whether a label selector chooses these labels (API reference, LabelSelector). What is no selector chooses nothing."""
    if not isinstance(selector, dict):
        return False
    wanted = selector.get("matchLabels")
    if isinstance(wanted, dict) and any(labels.get(key) != value for key, value in wanted.items()):
        return False
    expressions = selector.get("matchExpressions")
    return not expressions or all(_holds(one, labels) for one in View(selector).entries("matchExpressions"))


def _holds(view: View, labels: dict[str, object]) -> bool:
    key, operator, values = view.text("key"), view.text("operator"), view.values("values")
    if operator == "In":
        return key in labels and labels[key] in values
    if operator == "NotIn":
        return labels.get(key) not in values
    return (key in labels) == (operator == "Exists")
