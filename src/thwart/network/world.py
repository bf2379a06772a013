"""Documents in, one `World` out: every object decoded, checked, folded and accounted for."""

from __future__ import annotations

from collections.abc import Iterable

from thwart.core.finding import Diagnostic
from thwart.core.limits import DEFAULT, Limits
from thwart.lib.documents import DocumentError
from thwart.network import workloads
from thwart.network._refusing import check_kind, check_names
from thwart.network._services_reading import Gatherer
from thwart.network.documents import Item, labels_of, read_items
from thwart.network.kinds import Check, Pending, Surroundings, decoder, supporting
from thwart.network.kinds._unmodelled import unmodelled
from thwart.network.model import (
    NAME_LABEL,
    Endpoint,
    Namespace,
    Node,
    Origin,
    Pointer,
    Policy,
    Refusal,
    Unmodelled,
    World,
)
from thwart.network.origins import JsonOrigin, YamlOrigin
from thwart.network.selectors import Invalid, check_key, check_value, shown

_ENTRIES = ("", "apps", "batch", "extensions", "apps.openshift.io")


def read_world(
    files: Iterable[tuple[str, bytes]], limits: Limits = DEFAULT, over: Iterable[tuple[str, bytes]] = ()
) -> World:
    """The world that files describe.

    Args:
        files: name and content of each, YAML or JSON.
        limits: bounds on each file.
        over: files whose objects take the place of those of the same name in `files`.

    Returns:
        The world. Files that cannot be read are diagnostics, objects that the API server would refuse are `refused`.
    """
    reader = _Reader(limits)
    for path, data in over:
        _read(reader, path, data, limits)
    reader.settle()
    for path, data in files:
        _read(reader, path, data, limits)
    return reader.world()


def _read(reader: _Reader, path: str, data: bytes, limits: Limits) -> None:
    reader.doors.begin(data)
    try:
        for item in read_items(path, data, limits):
            reader.take(item)
    except DocumentError as error:
        where = f"{path}:{error.line}" if error.line else path
        reader.diagnostics.append(Diagnostic(slug="unreadable-file", message=error.reason, path=where))


class _Reader:
    def __init__(self, limits: Limits) -> None:
        self.diagnostics: list[Diagnostic] = []
        self.doors = Gatherer(limits)
        self._refused: list[Refusal] = []
        self._namespaces: dict[str, Namespace] = {}
        self._seen: dict[tuple[str, str, str], object] = {}
        self._settled: frozenset[tuple[str, str, str]] = frozenset()
        self._pods: list[Endpoint] = []
        self._workloads: list[tuple[Endpoint, tuple[str, str] | None]] = []
        self._nodes: list[Node] = []
        self._policies: list[Policy] = []
        self._pending: list[tuple[Item, Pending]] = []
        self._kept: dict[str, list[Item]] = {}
        self._unmodelled: list[Unmodelled] = []
        self._finished: set[tuple[str, str]] = set()

    def settle(self) -> None:
        """What was met so far stands, whatever is met later under the same names."""
        self._settled = frozenset(self._seen)

    def take(self, item: Item | tuple[Origin, str, Invalid]) -> None:
        """Sort one object in."""
        self.doors.step()
        if not isinstance(item, Item):
            origin, what, invalid = item
            self._refuse(origin, what, invalid)
            return
        try:
            self._sort(item)
        except Invalid as invalid:
            self._refuse(item.origin, item.what, invalid)

    def _refuse(self, origin: Origin, what: str, invalid: Invalid) -> None:
        self._refused.append(Refusal(origin.path, origin.line(invalid.pointer), what, invalid.why))

    def _sort(self, item: Item) -> None:
        group = item.api.rpartition("/")[0]
        if bool(item.kind) != bool(item.api) and item.name:
            raise Invalid(("metadata",), f"it has no {'apiVersion' if item.kind else 'kind'}")
        if not item.kind or not item.api:
            message = "a document that is no Kubernetes object was passed over"
            self.diagnostics.append(
                Diagnostic(slug="not-kubernetes", message=message, path=item.origin.path, incomplete=False)
            )
        elif item.kind == "Pod" and not group:
            self._pod(item)
        elif item.kind in workloads.WORKLOADS and group in _ENTRIES:
            made = workloads.workload(item)
            if self._new(item, (made.labels, made.ports, made.host_network, made.node)):
                self._workloads.append((made, workloads.owner(item)))
                self.doors.published(item, made)
        elif item.kind == "Namespace" and not group:
            self._namespace(item)
        elif item.kind == "Node" and not group:
            node = workloads.node(item)
            if self._new(item, (node.labels, node.addresses)):
                self._nodes.append(node)
        else:
            self._policy(item)

    def _pod(self, item: Item) -> None:
        endpoint, finished = workloads.pod(item)
        if not self._new(item, endpoint):
            return
        if finished:
            self._finished.add((endpoint.namespace, endpoint.name))
        else:
            self._pods.append(endpoint)
            self.doors.published(item, endpoint)

    def _namespace(self, item: Item) -> None:
        labels = labels_of(item.meta)
        for key, value in labels.items():
            check_key(key, ("metadata", "labels", key))
            check_value(value, ("metadata", "labels", key))
        if self._new(item, labels):
            self._namespaces[item.name] = _namespace(item.name, labels, stated=True)

    def _policy(self, item: Item) -> None:
        group = item.api.rpartition("/")[0]
        decode = decoder(item.api, item.kind)
        check = supporting(group, item.kind)
        if decode is not None:
            made = decode(item)
            self._look_closely(item)
            if not isinstance(made, Policy):
                if self._new(item, item.content):
                    self._pending.append((item, made))
                    self._kept.setdefault(f"{item.kind} {group}", []).append(item)
            elif self._new(item, (made.subject, made.ingress, made.egress, made.isolates, made.priority)):
                self._add(made)
        elif check is not None or self.doors.wants(item):
            try:
                self._support(item, check)
            except Invalid as invalid:
                if not self.doors.wants(item):
                    raise
                # it leads to pods, but decides nothing between them
                message = f"{item.what} is left out, as the API server would refuse it: {invalid.why}"
                place = f"{item.origin.path}:{item.origin.line(invalid.pointer)}"
                self.diagnostics.append(Diagnostic(slug="refused-object", message=message, path=place))
        else:
            other = unmodelled(item)
            if other is not None:
                self._add(other)
            else:
                check_kind(group, item.kind)

    def _support(self, item: Item, check: Check | None) -> None:
        """Keep what policies refer to, and what leads traffic to pods; an object can be both."""
        if check is not None:
            changes = check(item)
        door, content = self.doors.decode(item) if self.doors.wants(item) else (None, item.content)
        if not self._new(item, content):
            return
        if check is not None:
            self._kept.setdefault(f"{item.kind} {item.api.rpartition('/')[0]}", []).append(item)
            if changes is not None:
                self._add(changes)
        if door is not None:
            self.doors.add(door)

    def _look_closely(self, item: Item) -> None:
        for pointer in item.unknown:
            message = f"{item.what}: there is no field {shown(str(pointer[-1]))} there: it is passed over"
            place = f"{item.origin.path}:{item.origin.line(pointer)}"
            hint = "the API server drops it or, asked to be strict, refuses the object"
            self.diagnostics.append(Diagnostic(slug="unknown-field", message=message, path=place, hint=hint))
        if isinstance(item.origin, YamlOrigin | JsonOrigin):
            for key, line in item.origin.repeated():
                message = f"{item.what}: the key {shown(key)} is given twice: the last one counts"
                self.diagnostics.append(
                    Diagnostic(slug="repeated-key", message=message, path=f"{item.origin.path}:{line}")
                )

    def _finish(self, surroundings: Surroundings) -> None:
        """Decode the policies whose meaning depends on what else was read."""
        for item, pending in self._pending:
            try:
                for made in pending(surroundings):
                    self._add(made)
            except Invalid as invalid:
                self._refuse(item.origin, item.what, invalid)

    def _add(self, made: Policy | Unmodelled) -> None:
        if isinstance(made, Unmodelled):
            self._unmodelled.append(made)
            self._tell(made, (), "is not modelled: answers that it could change are unknown")
            return
        self._policies.append(made)
        for doubt in made.doubts:
            self._tell(made, doubt.pointer, doubt.sentence)

    def _tell(self, made: Policy | Unmodelled, pointer: Pointer, what: str) -> None:
        name = f"{made.namespace}/{made.name}" if made.namespace else made.name
        place = f"{made.origin.path}:{made.origin.line(pointer)}"
        self.diagnostics.append(Diagnostic(slug="unmodelled-policy", message=f"{made.kind} {name} {what}", path=place))

    def _new(self, item: Item, content: object) -> bool:
        """Whether the object is met for the first time; the same object with other content is refused."""
        if not item.meta.name:
            if item.meta.generate_name:
                return True
            raise Invalid(("metadata",), "it has no name")
        check_names(item)
        group = item.api.rpartition("/")[0]
        key = (f"{item.kind}.{group}", item.meta.namespace or "default", item.name)
        if key not in self._seen:
            self._seen[key] = content
            return True
        if self._seen[key] != content and key not in self._settled:
            raise Invalid(("metadata", "name"), f"another {item.kind} {shown(item.name)} was given before, and differs")
        return False

    def world(self) -> World:
        """What was taken, folded."""
        endpoints = [*self._pods, *self._standing()]
        for name in sorted({endpoint.namespace for endpoint in endpoints} - self._namespaces.keys()):
            self._namespaces[name] = _namespace(name, {}, stated=False)
        stated = {node.name for node in self._nodes}
        used = {e.node for e in endpoints if e.node} - stated
        around = Surroundings(
            namespaces=self._namespaces,
            endpoints=tuple(sorted(endpoints, key=lambda e: (e.namespace, e.workload, e.name))),
            nodes=tuple(sorted([*self._nodes, *(Node(name=n, stated=False) for n in used)], key=lambda n: n.name)),
            kept={kind: tuple(found) for kind, found in self._kept.items()},
        )
        self._finish(around)
        return World(
            namespaces=self._namespaces,
            endpoints=around.endpoints,
            nodes=around.nodes,
            policies=tuple(self._policies),
            unmodelled=tuple(self._unmodelled),
            refused=tuple(self._refused),
            diagnostics=tuple(self.diagnostics),
            finished=frozenset(self._finished),
            doors=self.doors.doors(around.endpoints),
        )

    def _standing(self) -> list[Endpoint]:
        """Workloads that are not represented by what they own, or by their owner."""
        given = {(made.namespace, made.workload) for made, _ in self._workloads}
        with_pods = {(pod.namespace, pod.workload) for pod in self._pods}
        standing = []
        for made, by in self._workloads:
            owned = by is not None and (made.namespace, f"{by[0]}/{by[1]}") in given
            if not owned and (made.namespace, made.workload) not in with_pods:
                standing.append(made)
        return standing


def _namespace(name: str, labels: dict[str, str], *, stated: bool) -> Namespace:
    return Namespace(name=name, labels={**labels, NAME_LABEL: name}, stated=stated)
