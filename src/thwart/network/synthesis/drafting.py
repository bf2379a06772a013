"""A plan as policies in no particular dialect: subjects, peers and ports, equal ones put together."""

from __future__ import annotations

import re
from collections.abc import Collection

from msgspec import Struct

from thwart.network.model import EGRESS, INGRESS
from thwart.network.selectors import Selector
from thwart.network.synthesis.asking import Anyone, Nodes, Options, Outside, Peer, Pods, Ports, PortSet, Whole, port_set
from thwart.network.synthesis.labels import Area
from thwart.network.synthesis.planning import Land, Plan

_MOST_NAME = 200
_BAD = re.compile(r"[^a-z0-9.-]+")
_DOTS = re.compile(r"[-.]*\.[-.]*")
DENY = "default-deny"


class PodsPeer(Struct, frozen=True):
    """Pods that a selector matches, in the named namespaces; none named is the policy's own."""

    namespaces: tuple[str, ...]
    pods: Selector


class DraftRule(Struct, frozen=True, kw_only=True):
    """Who may connect, on which ports. `anyone` is every pod, host and address, `nodes` every node."""

    pods: tuple[PodsPeer, ...] = ()
    blocks: tuple[Outside, ...] = ()
    anyone: bool = False
    nodes: bool = False
    ports: PortSet


class Draft(Struct, frozen=True, kw_only=True):
    """One policy. `directions` are those that it isolates its subject in. `about` says whom, for people."""

    namespace: str
    name: str
    subject: Selector
    directions: tuple[str, ...]
    ingress: tuple[DraftRule, ...] = ()
    egress: tuple[DraftRule, ...] = ()
    about: str = ""

    def rules(self, direction: str) -> tuple[DraftRule, ...]:
        """The rules of a direction."""
        return self.ingress if direction == INGRESS else self.egress


_Rules = tuple[DraftRule, ...]


class Drafter:
    """Writes the policies of a plan. `taken` are names that stand for something else, by namespace."""

    def __init__(self, land: Land, options: Options, taken: Collection[tuple[str, str]] = ()) -> None:
        self._land = land
        self._options = options
        self._names = set(taken)
        self._areas: dict[str, Area] = {}
        self._directions = tuple(one for one in (INGRESS, EGRESS) if one in options.directions)

    def area(self, namespace: str) -> Area:
        """The labels of a namespace."""
        known = self._areas.get(namespace)
        if known is None:
            labels = [pods.labels for pods in self._land.of_namespace.get(namespace, ())]
            known = self._areas[namespace] = Area(labels)
        return known

    def draft(self, plan: Plan) -> list[Draft]:
        """Every policy, sorted by namespace, what denies first."""
        found = []
        subjects: dict[str, list[Pods]] = {}
        for pods in sorted({*plan.egress, *plan.ingress}):
            subjects.setdefault(pods.namespace, []).append(pods)
        denied = self._land.selected & self._land.of_namespace.keys() if self._options.default_deny else frozenset()
        for namespace in sorted(denied | subjects.keys()):
            if namespace in denied:
                found.append(self._deny(namespace))
            found += self._policies(plan, subjects.get(namespace, []))
        return found

    def _deny(self, namespace: str) -> Draft:
        name = self._name(namespace, DENY)
        about = "every pod: nothing but what other policies allow"
        return Draft(namespace=namespace, name=name, subject=(), directions=self._directions, about=about)

    def _policies(self, plan: Plan, subjects: list[Pods]) -> list[Draft]:
        """One policy for each unit; units of one workload that may do the same share theirs where a selector can say so."""
        groups: dict[tuple[object, _Rules, _Rules], list[Pods]] = {}
        for pods in subjects:
            ingress = self._rules(plan.ingress.get(pods, {}), pods.namespace)
            egress = self._rules(plan.egress.get(pods, {}), pods.namespace)
            alike: object = pods
            if self._options.generalize == "workload":
                alike = self._land.units[pods].workloads
            groups.setdefault((alike, ingress, egress), []).append(pods)
        found = []
        for (_, ingress, egress), members in groups.items():
            found += self._of_group(members, ingress, egress)
        return sorted(found, key=lambda draft: draft.name)

    def _of_group(self, members: list[Pods], ingress: _Rules, egress: _Rules) -> list[Draft]:
        namespace = members[0].namespace
        workloads = sorted({name for pods in members for name in self._land.units[pods].workloads})
        selectors = self.area(namespace).selectors((pods.labels for pods in members), shared=len(members) > 1)
        directions = self._directions
        if self._options.default_deny:
            directions = tuple(d for d in directions if (ingress if d == INGRESS else egress))
        return [
            Draft(
                namespace=namespace,
                name=self._name(namespace, workloads[0].partition("/")[2]),
                subject=selector,
                directions=directions,
                ingress=ingress,
                egress=egress,
                about=", ".join(workloads),
            )
            for selector in selectors
        ]

    def _name(self, namespace: str, wanted: str) -> str:
        base = _DOTS.sub(".", _BAD.sub("-", wanted.lower())).strip("-.")[:_MOST_NAME].rstrip("-.") or "policy"
        name, number = base, 2
        while (namespace, name) in self._names:
            name, number = f"{base}-{number}", number + 1
        self._names.add((namespace, name))
        return name

    def _rules(self, peers: dict[Peer, set[Ports]], namespace: str) -> _Rules:
        """The fewest rules: peers with equal ports stand in one."""
        groups: dict[PortSet, list[Peer]] = {}
        for peer, asked in peers.items():
            groups.setdefault(port_set(asked), []).append(peer)
        rules = []
        for ports, found in groups.items():
            blocks = tuple(sorted(peer for peer in found if isinstance(peer, Outside)))
            anyone = any(isinstance(peer, Anyone) for peer in found)
            pods = () if anyone else self._pods(found, namespace)
            nodes = not anyone and any(isinstance(peer, Nodes) for peer in found)
            rules.append(DraftRule(pods=pods, blocks=() if anyone else blocks, anyone=anyone, nodes=nodes, ports=ports))
        return tuple(sorted(rules, key=_order))

    def _pods(self, peers: list[Peer], own: str) -> tuple[PodsPeer, ...]:
        by_namespace: dict[str, list[Pods]] = {}
        selectors: dict[str, list[Selector]] = {}
        for peer in peers:
            if isinstance(peer, Pods):
                by_namespace.setdefault(peer.namespace, []).append(peer)
        for namespace, found in by_namespace.items():
            shared = self._options.generalize != "none"
            selectors[namespace] = self.area(namespace).selectors((pods.labels for pods in found), shared=shared)
        selectors.update((peer.namespace, [()]) for peer in peers if isinstance(peer, Whole))
        where: dict[Selector, list[str]] = {}
        found_peers = []
        for namespace in sorted(selectors):
            for selector in selectors[namespace]:
                if namespace == own:
                    found_peers.append(PodsPeer((), selector))
                else:
                    where.setdefault(selector, []).append(namespace)
        found_peers += [PodsPeer(tuple(names), selector) for selector, names in where.items()]
        return tuple(sorted(found_peers, key=lambda peer: (peer.namespaces, peer.pods)))


def _order(rule: DraftRule) -> tuple[object, ...]:
    """Neighbours first, strangers last."""
    outside = 2 if rule.anyone else 0 if rule.pods else 1
    names = tuple((peer.namespaces, peer.pods) for peer in rule.pods)
    return outside, names, rule.blocks, rule.ports
