"""Ends of recorded flows as peers of a policy: by name, by labels, by address, as far as the recorder knew them."""

from __future__ import annotations

import re
from collections.abc import Iterable

from msgspec import Struct

from thwart.lib.intervals import Address, Block, parse_address
from thwart.network.flowlogs import HOST, SERVICE, WORLD, End
from thwart.network.model import Endpoint, World
from thwart.network.synthesis.asking import Nodes, Outside, Peer, Pods, Request, Whole
from thwart.network.synthesis.labels import stable

_RANDOM = "[bcdfghjklmnpqrstvwxz2456789]"  # what controllers make names of (apimachinery pkg/util/rand)
_SUFFIX = {
    "Deployment": re.compile(rf"-[a-z0-9]{{5,10}}-{_RANDOM}{{5}}"),
    "ReplicaSet": re.compile(rf"-{_RANDOM}{{5}}"),
    "DaemonSet": re.compile(rf"-{_RANDOM}{{5}}"),
    "ReplicationController": re.compile(rf"-{_RANDOM}{{5}}"),
    "StatefulSet": re.compile(r"-\d{1,9}"),
    "Job": re.compile(rf"(-\d{{1,9}})?-{_RANDOM}{{5}}"),
    "CronJob": re.compile(rf"-\d{{1,12}}(-\d{{1,9}})?-{_RANDOM}{{5}}"),
    "DeploymentConfig": re.compile(rf"-\d{{1,9}}-{_RANDOM}{{5}}"),
}


class Unmatched(Exception):  # noqa: N818 - says what it is
    """An end that is nothing that was read; the sentence says why."""


class Place(Struct, frozen=True, kw_only=True):
    """What an end turned out to be.

    `peers` may be several where a workload's pods differ. `endpoint` is the one pod that is meant, where it is one.
    `host` says that the end lives in a node's network, on `node` if known; its peers are then that node's addresses, and
    there are none when these are not known. `service` is a service that was not resolved yet, by namespace and name.
    """

    peers: tuple[Peer, ...]
    endpoint: Endpoint | None = None
    host: bool = False
    node: str = ""
    service: tuple[str, str] | None = None

    @property
    def pods(self) -> bool:
        """Whether policies hold for the end."""
        return not self.host and any(isinstance(peer, Pods | Whole) for peer in self.peers)


def single(address: Address) -> Outside:
    """The block of one address."""
    return Outside(Block(address.version, address.value, address.value))


class Gazetteer:
    """Where everything in a world is.

    Args:
        world: what was read.
        services: addresses of services, with their namespaces and names.
        entities: whether nodes are named as a whole, and not by their addresses.
        inside: addresses that only pods and services have; one of them that nothing has was some pod's that is gone.
    """

    def __init__(
        self,
        world: World,
        services: Iterable[tuple[Address, tuple[str, str]]] = (),
        *,
        entities: bool = False,
        inside: Iterable[Block] = (),
    ) -> None:
        self._inside = tuple(inside)
        self._entities = entities
        self._world = world
        self._nodes = {node.name: node for node in world.nodes}
        self._named: dict[tuple[str, str], list[Endpoint]] = {}
        self._in: dict[str, list[Endpoint]] = {}
        self._at: dict[Address, Endpoint] = {}
        self._node_at = {address: node.name for node in world.nodes for address in node.addresses}
        self._services = dict(services)
        self._stable: dict[int, Pods] = {}
        self._known: dict[End, Place | str] = {}
        for endpoint in world.endpoints:
            self._in.setdefault(endpoint.namespace, []).append(endpoint)
            for name in {endpoint.name, f"{endpoint.kind}/{endpoint.name}", endpoint.workload}:
                self._named.setdefault((endpoint.namespace, name), []).append(endpoint)
            plain = endpoint.workload.partition("/")[2]
            if plain != endpoint.name:
                self._named.setdefault((endpoint.namespace, plain), []).append(endpoint)
            for address in endpoint.addresses:
                if endpoint.host_network:
                    self._node_at.setdefault(address, endpoint.node)
                else:
                    self._at[address] = endpoint

    @property
    def namespaces(self) -> frozenset[str]:
        """Namespaces in which pods were read."""
        return frozenset(self._in)

    def taken(self) -> list[Address]:
        """Every address that is a pod's or a node's: no block for strangers may hold one unasked."""
        return [*self._at, *self._node_at]

    def peer(self, endpoint: Endpoint) -> Pods:
        """The pods that no label tells from this one."""
        known = self._stable.get(id(endpoint))
        if known is None:
            known = self._stable[id(endpoint)] = Pods(endpoint.namespace, stable(endpoint.labels))
        return known

    def place(self, endpoint: Endpoint) -> Place:
        """An endpoint as an end."""
        if endpoint.host_network:
            return self._host(endpoint.node, endpoint.addresses)
        return Place(peers=(self.peer(endpoint),), endpoint=endpoint if endpoint.single else None, node=endpoint.node)

    def entrance(self, text: str, request: Request) -> Place:
        """Who carries out routes: `namespace`, or `namespace/key=value,…`; pods that were not read are taken as told.

        Raises:
            Unmatched: it cannot be read so, or no pod of the namespace is meant.
        """
        namespace, _, written = text.partition("/")
        pairs = [part.partition("=") for part in written.split(",")] if written else []
        labels = tuple(sorted((key.strip(), value.strip()) for key, _, value in pairs))
        if not namespace or not all(equals and key.strip() for key, equals, _ in pairs):
            raise Unmatched(f"{text!r} is not a namespace, or a namespace and labels as in ingress/app=nginx")
        if namespace not in self._in:
            return Place(peers=(request.phantom(namespace, labels, "entrance"),))
        if not labels:
            return Place(peers=(Whole(namespace),))
        found = [self.peer(e) for e in self._in[namespace] if set(labels) <= set(self.peer(e).labels)]
        if not found:
            raise Unmatched(f"no pod of namespace {namespace} has the labels {written}")
        return Place(peers=tuple(dict.fromkeys(found)))

    def node(self, name: str) -> Place:
        """A node as an end."""
        return self._host(name, ())

    def target(self, end: Endpoint | Address) -> Place:
        """What stands behind a service as an end."""
        return self.place(end) if isinstance(end, Endpoint) else self._placed(end)

    def find(self, end: End, request: Request) -> Place:
        """What a recorded end is.

        Raises:
            Unmatched: nothing that was read is meant for certain.
        """
        known = self._known.get(end)
        if known is None:
            try:
                known = self._find(end, request)
            except Unmatched as error:
                known = str(error)
            self._known[end] = known
        if isinstance(known, str):
            raise Unmatched(known)
        return known

    def _find(self, end: End, request: Request) -> Place:
        if end.what == SERVICE and end.namespace:
            return Place(peers=(), service=(end.namespace, (end.workload or end.pod).removeprefix("Service/")))
        if end.what == HOST:
            return self._recorded_host(end)
        if end.what != WORLD and end.namespace and (end.pod or end.workload or end.labels):
            return self._recorded_pod(end, request)
        if not end.ip:
            raise Unmatched(f"{end} has neither a name in a namespace nor an address")
        return self.address(end.ip)

    def address(self, text: str) -> Place:
        """What has an address: a pod, a node, a service, or something outside.

        Raises:
            Unmatched: it is no address.
        """
        try:
            parsed = parse_address(text)
        except ValueError as error:
            raise Unmatched(str(error)) from None
        return self._placed(parsed)

    def _placed(self, address: Address) -> Place:
        if address in self._at:
            return self.place(self._at[address])
        if address in self._services:
            return Place(peers=(), service=self._services[address])
        if address in self._node_at:
            return self._host(self._node_at[address], (address,))
        if any(one.version == address.version and one.first <= address.value <= one.last for one in self._inside):
            raise Unmatched(f"{address} is in a block of pods or services, and nothing that was read has it")
        return Place(peers=(single(address),))

    def _recorded_host(self, end: End) -> Place:
        if not end.ip:
            return self._host(end.workload or end.pod, ())
        found = self.address(end.ip)
        if found.pods:
            return found
        return Place(peers=(Nodes(),) if self._entities else found.peers, host=True, node=found.node or end.workload)

    def _host(self, node: str, addresses: tuple[Address, ...]) -> Place:
        if self._entities:
            return Place(peers=(Nodes(),), host=True, node=node)
        stated = self._nodes.get(node)
        own = addresses or (stated.addresses if stated else ())
        return Place(peers=tuple(map(single, own)), host=True, node=node)

    def _recorded_pod(self, end: End, request: Request) -> Place:
        found = self._by_name(end) or self._by_labels(end)
        if found:
            places = [self.place(endpoint) for endpoint in found]
            if len(places) == 1 or len({place.peers for place in places}) == 1:
                return places[0] if len(places) == 1 else Place(peers=places[0].peers, host=places[0].host)
            if any(place.host for place in places):
                raise Unmatched(f"{end} means several, some of them in the host's network")
            return Place(peers=tuple(dict.fromkeys(peer for place in places for peer in place.peers)))
        if (end.namespace, end.pod) in self._world.finished:
            raise Unmatched(f"pod {end.namespace}/{end.pod} has finished")
        labels = stable(dict(end.labels))
        if end.namespace not in self._in and labels:
            sentence = f"nothing of namespace {end.namespace} was read: its pods are taken as the flows describe them"
            request.note("pods-not-read", sentence)
            return Place(peers=(request.phantom(end.namespace, labels, end.pod or end.workload or "pod"),))
        raise Unmatched(f"there is no pod or workload {end}")

    def _by_name(self, end: End) -> list[Endpoint]:
        """Endpoints of the recorded name; of several that share one, those that also have the recorded labels."""
        for name in (end.pod, end.workload):
            found = self._named.get((end.namespace, name), []) if name else []
            exact = [endpoint for endpoint in found if endpoint.kind == "Pod" and endpoint.name == name]
            found = exact or found or self._made_by(end.namespace, name)
            if found:
                labels = dict(end.labels).items()
                return [endpoint for endpoint in found if labels >= dict(self.peer(endpoint).labels).items()] or found
        return []

    def _made_by(self, namespace: str, name: str) -> list[Endpoint]:
        """Workloads whose pods are called so; a name that ends in `*` stands for all that begin as it does."""
        if name.endswith("*"):
            return self._beginning(namespace, name.removesuffix("*"))
        parts = name.split("-")
        for cut in (1, 2, 3):
            plain, rest = "-".join(parts[:-cut]), name[len("-".join(parts[:-cut])) :]
            for kind, suffix in _SUFFIX.items() if plain else ():
                found = self._named.get((namespace, f"{kind}/{plain}"))
                if found and suffix.fullmatch(rest):
                    return found
        return []

    def _beginning(self, namespace: str, start: str) -> list[Endpoint]:
        """Pods whose names begin so, else the workload whose pods do: `web-*`, `web-6d4cf56db6-*`."""
        around = self._in.get(namespace, ())
        pods = [endpoint for endpoint in around if endpoint.kind == "Pod" and endpoint.name.startswith(start)]
        found = pods or [one for one in around if start.startswith(one.workload.partition("/")[2] + "-")]
        longest = max((len(one.workload) for one in found), default=0)
        return pods or [one for one in found if len(one.workload) == longest]

    def _by_labels(self, end: End) -> list[Endpoint]:
        """Endpoints whose labels the recorder saw: exactly those, else the most of them, else some."""
        labels = frozenset(stable(dict(end.labels)))
        if not labels:
            return []
        # no recorder knows the labels of pods in the network of a node
        pods = (endpoint for endpoint in self._in.get(end.namespace, ()) if not endpoint.host_network)
        around = [(endpoint, frozenset(self.peer(endpoint).labels)) for endpoint in pods]
        same = [endpoint for endpoint, own in around if own == labels]
        if same:
            return same
        within = [(endpoint, own) for endpoint, own in around if own and own <= labels]
        if within:
            most = max(len(own) for _, own in within)
            return [endpoint for endpoint, own in within if len(own) == most]
        found = [(endpoint, own) for endpoint, own in around if labels <= own]
        if len({own for _, own in found}) > 1:
            raise Unmatched(f"{end} may be any of {len(found)} pods")
        return [endpoint for endpoint, _ in found]
