"""Ends of recorded flows as parties of a model: by name, by workload, by address, by labels.

A name decides before an address, as addresses are given to other pods in time. What cannot be told for certain is not
guessed: it is unmatched, and the reason says what would help.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from thwart.lib.intervals import Address, Block, Span, parse_address, parse_block, subtract
from thwart.network._services_nouns import Service
from thwart.network.classes import HOST as ON_HOST
from thwart.network.classes import OUTSIDE
from thwart.network.engine import Model
from thwart.network.explain import Directory, Party, UnknownParty
from thwart.network.flowlogs import HOST, SERVICE, WORLD, End
from thwart.network.model import NAME_LABEL, Endpoint, Namespace, World
from thwart.network.services import Services

_R = "[bcdfghjklmnpqrstvwxz2456789]"  # apimachinery pkg/util/rand: what controllers make names of
_MADE = {  # how the names of pods continue that of what made them
    "Deployment": re.compile(rf"-{_R}{{1,10}}-(?:{_R}{{5}}|\*)|-{_R}{{6,10}}"),
    "ReplicaSet": re.compile(rf"-(?:{_R}{{5}}|\*)"),
    "DaemonSet": re.compile(rf"-(?:{_R}{{5}}|\*)"),
    "ReplicationController": re.compile(rf"-(?:{_R}{{5}}|\*)"),
    "StatefulSet": re.compile(r"-(?:\d{1,9}|\*)"),
    "Job": re.compile(rf"(?:-\d{{1,9}})?-(?:{_R}{{5}}|\*)"),
    "CronJob": re.compile(rf"-\d{{1,12}}(?:-\d{{1,9}})?-(?:{_R}{{5}}|\*)"),
    "DeploymentConfig": re.compile(rf"-\d{{1,9}}-(?:{_R}{{5}}|\*)"),
}
_GENERATED = (  # labels that controllers give to pods, and manifests do not have
    "pod-template-hash",
    "controller-revision-hash",
    "pod-template-generation",
    "statefulset.kubernetes.io/pod-name",
    "apps.kubernetes.io/pod-index",
    "controller-uid",
    "job-name",
    "batch.kubernetes.io/controller-uid",
    "batch.kubernetes.io/job-name",
    "batch.kubernetes.io/job-completion-index",
)
_RFC1918 = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")
_PRIVATE = [Span(block.first, block.last) for block in map(parse_block, _RFC1918)]
_INSIDE = [parse_block(text) for text in (*_RFC1918, "100.64.0.0/10", "198.18.0.0/15", "240.0.0.0/4", "fc00::/7")]
OUTSIDE_LABEL = "(outside)"
_MOST_DASHES = 64  # a longer name is no pod's: 253 characters
_MOST_MADE = 10_000
_MOST_KNOWN = 1 << 19


class Meant(Struct, frozen=True, kw_only=True):
    """What an end turned out to be.

    `parties` are several where the recorder did not tell which address outside it was; none where the end is unmatched,
    and `why` says so. `service` was not resolved to a pod by the recorder. `label` names the workload, or what stands
    outside. `made` is a pod that nothing describes but the recorder.
    """

    label: str
    parties: tuple[Party, ...] = ()
    service: Service | None = None
    why: str = ""
    made: bool = False

    @property
    def outside(self) -> bool:
        """Whether it lies outside the cluster."""
        return self.label.startswith(OUTSIDE_LABEL)


class Matcher:
    """Finds parties for ends. Equal ends are found once.

    Args:
        model: where to look.
        directory: the model's.
        pods_in: blocks of addresses that are given to pods: one that nobody has there is a pod that is gone.
        made: places of endpoints in the world that were made of what a recorder said.
    """

    def __init__(
        self, model: Model, directory: Directory, pods_in: Sequence[Block] = (), made: frozenset[int] = frozenset()
    ) -> None:
        self._model = model
        self._directory = directory
        self._services = Services(model, directory)
        self._pods_in = tuple(pods_in)
        self._made = made
        self._known: dict[End, Meant] = {}
        self._labelled: dict[str, dict[frozenset[tuple[str, str]], list[Endpoint]]] | None = None
        self._without = sum(not one.addresses and not one.host_network for one in model.world.endpoints)

    @property
    def services(self) -> Services:
        """The services of the model."""
        return self._services

    def find(self, end: End) -> Meant:
        """What an end is."""
        known = self._known.get(end)
        if known is None:
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            try:
                known = self._find(end)
            except UnknownParty as error:
                known = Meant(label=str(end), why=str(error))
            self._known[end] = known
        return known

    def _find(self, end: End) -> Meant:
        if end.what == SERVICE or end.workload.startswith("Service/"):
            service = self._services.get(end.namespace, end.workload.removeprefix("Service/"))
            if service is None:
                raise UnknownParty(f"there is no service {end.namespace}/{end.workload.removeprefix('Service/')}")
            return Meant(label=f"{service.namespace}/Service/{service.name}", service=service)
        if (end.pod or end.workload or end.labels) and end.what not in (WORLD, HOST):
            return self._named(end)
        if end.ip:
            return self._addressed(end)
        if end.what == WORLD:
            return self._anyone(end)
        if end.what == HOST and end.workload:
            return self._node(end.workload)
        raise UnknownParty("the recorder tells neither name nor address")

    def _named(self, end: End) -> Meant:
        missed: UnknownParty | None = None
        for name in _names(end):
            try:
                return self._meant(self._directory.pod(end.namespace, name))
            except UnknownParty as error:
                missed = missed or error
        maker = self._maker(end)
        if maker is not None:
            return self._meant(maker)
        if end.labels and end.namespace:
            return self._by_labels(end)
        raise missed or UnknownParty("the recorder gives no namespace")

    def _maker(self, end: End) -> Party | None:
        """The workload whose pods are called so."""
        name = end.pod
        candidates = []
        if name.count("-") > _MOST_DASHES:
            return None
        for at, character in enumerate(name):
            if character == "-" and at:
                for kind, suffix in _MADE.items():
                    if suffix.fullmatch(name, at):
                        candidates.append(f"{kind}/{name[:at]}")
        found = []
        for candidate in candidates:
            try:
                found.append(self._directory.pod(end.namespace, candidate))
            except UnknownParty:
                continue
        return found[0] if len({one.number for one in found}) == 1 else None

    def _by_labels(self, end: End) -> Meant:
        wanted = _plain(end.labels)
        there = self._in(end.namespace)
        fitting = there.get(frozenset(end.labels), []) or there.get(wanted, [])
        if not fitting:
            fitting = [one for labels, members in there.items() if wanted <= labels for one in members]
        numbers = {self._model.partition.of_endpoint[id(one)] for one in fitting}
        if len(numbers) > 1:
            names = sorted({one.workload for one in fitting})
            raise UnknownParty(f"the labels of {end} fit several that policies tell apart: {', '.join(names[:5])}")
        if not numbers:
            raise UnknownParty(f"no pod of namespace {end.namespace} has the labels of {end}")
        return self._meant(Party(numbers.pop(), fitting[0] if len(fitting) == 1 else None))

    def _in(self, namespace: str) -> dict[frozenset[tuple[str, str]], list[Endpoint]]:
        if self._labelled is None:
            self._labelled = {}
            for endpoint in self._model.world.endpoints:
                if not endpoint.host_network:
                    sets = self._labelled.setdefault(endpoint.namespace, {})
                    sets.setdefault(_plain(endpoint.labels.items()), []).append(endpoint)
        return self._labelled.get(namespace, {})

    def _addressed(self, end: End) -> Meant:
        party = self._directory.ip(end.ip)
        one = self._model.classes[party.number]
        if one.what != OUTSIDE:
            return self._meant(party)
        address = party.address or parse_address(end.ip)
        service = self._services.find(end.ip)
        if service is not None:
            return Meant(label=f"{service.namespace}/Service/{service.name}", service=service)
        if any(
            block.version == address.version and block.first <= address.value <= block.last for block in self._pods_in
        ):
            raise UnknownParty(f"no pod has the address {end.ip}")
        if end.what == HOST:
            raise UnknownParty(f"no node has the address {end.ip}")
        if end.what != WORLD and self._without and not _public(address):
            raise UnknownParty(f"{end.ip} may be one of {self._without} pods and workloads without an address here")
        return Meant(label=OUTSIDE_LABEL, parties=(party,))

    def _anyone(self, end: End) -> Meant:
        """Someone outside, of whom the recorder says no more, or only whether the address is private (`pvt`, `pub`)."""
        parties = []
        for number, one in enumerate(self._model.classes):
            if one.what == OUTSIDE and _fits(one.spans, end.workload):
                parties.append(Party(number))
        label = f"{OUTSIDE_LABEL} {end.workload}".rstrip()
        return Meant(label=label, parties=tuple(parties), why="" if parties else "there is no such address")

    def _node(self, name: str) -> Meant:
        number = self._model.partition.of_node.get(name)
        if number is None:
            raise UnknownParty(f"there is no node {name}")
        return self._meant(Party(number))

    def _meant(self, party: Party) -> Meant:
        one = self._model.classes[party.number]
        if one.what == ON_HOST:
            name = one.node or "any"
            return Meant(label=f"(node) {name}", parties=(party,))
        members = [party.endpoint] if party.endpoint else list(one.members)
        names = sorted({member.workload for member in members})
        more = f" and {len(names) - 3} more" if len(names) > 3 else ""
        made = all(id(member) in self._made for member in members)
        return Meant(label=f"{one.namespace}/{', '.join(names[:3])}{more}", parties=(party,), made=made)


def _names(end: End) -> list[str]:
    """The names to look for, the most telling first."""
    names = [end.pod] if end.pod and "*" not in end.pod else []
    if end.workload:
        names.append(end.workload)
    hashes = [value for key, value in end.labels if key == "pod-template-hash" and value]
    stem = end.pod.removesuffix("-*").removesuffix("*").rstrip("-")
    for value in hashes:
        names += [f"Deployment/{stem[: -len(value) - 1]}"] if stem.endswith(f"-{value}") else []
    if "*" in end.pod and stem:
        names.append(stem)
    return names


def _plain(labels: Iterable[tuple[str, str]]) -> frozenset[tuple[str, str]]:
    return frozenset(pair for pair in labels if pair[0] not in _GENERATED)


def _public(address: Address) -> bool:
    """Whether no cluster gives the address to pods."""
    return not any(block.version == address.version and block.first <= address.value <= block.last for block in _INSIDE)


def _fits(spans: Iterable[tuple[int, Span]], name: str) -> bool:
    if name not in ("pub", "pvt"):
        return True
    for version, span in spans:
        public = version == 6 or bool(subtract(span, _PRIVATE))
        private = version == 4 and any(one.first <= span.last and span.first <= one.last for one in _PRIVATE)
        if public if name == "pub" else private:
            return True
    return False


def make_pods(matcher: Matcher, ends: Iterable[End]) -> tuple[Endpoint, ...]:
    """Pods for ends that nothing describes but the recorder, by their labels and their namespace.

    Their ports have no names, as no recorder tells them.
    """
    found: dict[tuple[object, ...], Endpoint] = {}
    for end in ends:
        if not (end.namespace and end.labels) or end.what or matcher.find(end).why == "":
            continue
        if "fit several" in matcher.find(end).why or len(found) >= _MOST_MADE:
            continue
        name = end.workload or end.pod or ",".join(f"{key}={value}" for key, value in _plain(end.labels))
        key = (end.namespace, name, end.labels, end.ip)
        if key not in found:
            found[key] = Endpoint(
                namespace=end.namespace,
                kind="Pod",
                name=name,
                workload=end.workload if "/" in end.workload else f"Pod/{name}",
                labels=dict(end.labels),
                addresses=_address(end.ip),
            )
    return tuple(found.values())


def _address(text: str) -> tuple[Address, ...]:
    try:
        return (parse_address(text),) if text else ()
    except ValueError:
        return ()


def with_pods(world: World, pods: Iterable[Endpoint]) -> World:
    """The world with pods added, and the namespaces that they need."""
    made = list(pods)
    namespaces: Mapping[str, Namespace] = {
        one.namespace: Namespace(name=one.namespace, labels={NAME_LABEL: one.namespace}, stated=False) for one in made
    }
    endpoints = sorted([*world.endpoints, *made], key=lambda one: (one.namespace, one.workload, one.name))
    return replace(world, endpoints=tuple(endpoints), namespaces={**namespaces, **world.namespaces})
