"""One flow: allowed or not, and which policy, which rule, which line decided."""

from __future__ import annotations

from typing import NamedTuple

from thwart.lib.intervals import Address, parse_address
from thwart.network.classes import HOST, OUTSIDE
from thwart.network.deciding import STOPPING, Decision
from thwart.network.engine import Model
from thwart.network.model import (
    ALLOW,
    DENY,
    EGRESS,
    INGRESS,
    ON_THE_NET,
    PASS,
    Answer,
    Endpoint,
    Pointer,
    Policy,
    Reason,
    Tier,
)
from thwart.network.plane import Plane
from thwart.network.sides import Applied

_EFFECT = {ALLOW: "allows", DENY: "denies", PASS: "passes"}


class Party(NamedTuple):
    """One end of a flow: its class, and the endpoint or the address that was meant."""

    number: int
    endpoint: Endpoint | None = None
    address: Address | None = None


class UnknownParty(Exception):  # noqa: N818 - says what it is
    """Nothing of that name was read; the sentence says so."""


class Directory:
    """Endpoints by name and by address."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._names: dict[tuple[str, str], list[Endpoint]] = {}
        self._addresses: dict[Address, Party] = {}
        for endpoint in model.world.endpoints:
            number = model.partition.of_endpoint[id(endpoint)]
            for name in {endpoint.name, f"{endpoint.kind}/{endpoint.name}", endpoint.workload}:
                self._names.setdefault((endpoint.namespace, name), []).append(endpoint)
            plain = endpoint.workload.partition("/")[2]
            if plain != endpoint.name:
                self._names.setdefault((endpoint.namespace, plain), []).append(endpoint)
            if not endpoint.host_network:
                for address in endpoint.addresses:
                    self._addresses[address] = Party(number, endpoint, address)
        for number, one in enumerate(model.classes):
            if one.what == HOST:
                self._of_host(number)

    def _of_host(self, number: int) -> None:
        one = self._model.classes[number]
        named = next((node for node in self._model.world.nodes if node.name == one.node), None)
        own = [address for member in one.members for address in member.addresses]
        for address in (*(named.addresses if named else ()), *own):
            self._addresses.setdefault(address, Party(number, None, address))

    def pod(self, namespace: str, name: str) -> Party:
        """A pod or a workload: `name`, or `Kind/name` where several kinds share a name.

        Raises:
            UnknownParty: there is none, it has finished, or the name means several that policies tell apart.
        """
        found = self._names.get((namespace, name), [])
        pods = [endpoint for endpoint in found if endpoint.kind == "Pod" and endpoint.name == name] or found
        if not pods:
            if (namespace, name.removeprefix("Pod/")) in self._model.world.finished:
                raise UnknownParty(f"pod {namespace}/{name} has finished: its address may be another's")
            raise UnknownParty(f"there is no pod or workload {namespace}/{name}")
        numbers = {self._model.partition.of_endpoint[id(endpoint)] for endpoint in pods}
        if len(numbers) > 1:
            kinds = sorted({f"{endpoint.kind}/{endpoint.name}" for endpoint in pods})
            raise UnknownParty(f"{namespace}/{name} means several: {', '.join(kinds[:5])}")
        return Party(numbers.pop(), pods[0] if len(pods) == 1 else None)

    def ip(self, text: str) -> Party:
        """The pod or node that has an address, else the class of the address.

        Raises:
            UnknownParty: it is no address.
        """
        try:
            address = parse_address(text)
        except ValueError as error:
            raise UnknownParty(str(error)) from None
        return self._addresses.get(address) or Party(self._model.partition.outside(address), None, address)


def judge(model: Model, source: Party, destination: Party, port: int) -> Answer:
    """Whether one flow is possible; `port` is a mask of one bit (`Ports.bit`).

    A pod always reaches itself: policies do not stop it (kubernetes.io, "network policies").
    """
    if source.endpoint is not None and source.endpoint is destination.endpoint and source.endpoint.single:
        return Answer(allowed=True, because=(Reason(direction="", effect="self", text="a pod always reaches itself"),))
    if source.number == destination.number and model.classes[source.number].is_one_host:
        return Answer(allowed=True, because=(Reason(direction="", effect="self", text="a node always reaches itself"),))
    families = model.families(source.number, destination.number)
    for party in (source, destination):
        if party.address is not None and party.address.version in model.planes:
            families = [party.address.version]
    answers = [_in_plane(model, model.planes[family], source.number, destination.number, port) for family in families]
    for wanted in (True, None):
        for answer in answers:
            if answer.allowed is wanted:
                return answer
    return answers[0]


def _in_plane(model: Model, plane: Plane, source: int, destination: int, port: int) -> Answer:
    egress, ingress = plane.at(source, destination, port)
    verdicts = {EGRESS: _verdict(egress), INGRESS: _verdict(ingress)}
    if False in verdicts.values():
        allowed: bool | None = False
    else:
        allowed = None if None in verdicts.values() else True
    reasons: list[Reason] = []
    for direction, verdict in verdicts.items():
        if verdict is allowed:
            reasons += _Walk(model, plane, source, destination, port, direction).reasons(verdict)
    return Answer(allowed=allowed, because=tuple(reasons))


def _verdict(decision: Decision) -> bool | None:
    return True if decision.allow else False if decision.deny else None


class _Walk:
    """The rules that had a say in one direction of one flow."""

    def __init__(self, model: Model, plane: Plane, source: int, destination: int, port: int, direction: str) -> None:
        self._model, self._plane, self._direction = model, plane, direction
        self._own, self._other = (destination, source) if direction == INGRESS else (source, destination)
        self._at = model.classes[destination]
        self._port = port
        self._selecting = plane.selecting(self._own)

    def reasons(self, verdict: bool | None) -> list[Reason]:
        if verdict is None:
            return [*self._doubts(), *self._foreign()]
        found: list[Reason] = []
        for layer in self._plane.layers:
            allowed, reasons = self._in_layer(layer)
            if allowed is verdict:
                found += reasons
        return found

    def _in_layer(self, layer: int) -> tuple[bool, list[Reason]]:
        """What a layer says, and why: the first tier that decides."""
        policies = [policy for number in self._selecting if (policy := self._policy(number)).layer == layer]
        found: list[Reason] = []
        for tier in sorted({policy.tier for policy in policies}):
            hits = [hit for hit in self._hits(tier) if hit.policy.layer == layer]
            isolating = [p for p in policies if p.tier == tier and self._direction in p.isolates]
            speaking = any(p.tier == tier and (p.rules(self._direction) or p in isolating) for p in policies)
            if layer == ON_THE_NET and self._is_near(tier) and speaking and not (hits and hits[0].rule.action == ALLOW):
                text = "a pod's own node always reaches it"
                return True, [*found, Reason(direction=self._direction, effect="node", text=text)]
            if hits:
                first = hits[0]
                alike = [hit for hit in hits if hit.adds] if first.adds else [first]
                found += [self._reason(hit.policy, hit, _EFFECT[hit.rule.action]) for hit in alike]
                if first.rule.action != PASS:
                    return first.rule.action == ALLOW, found
            elif isolating:
                return False, [*found, *(self._reason(policy, None, "isolates") for policy in isolating)]
        return True, found

    def _policy(self, number: int) -> Policy:
        return self._model.world.policies[number]

    def _is_near(self, tier: Tier) -> bool:
        near = self._direction == INGRESS and self._plane.near(self._other, self._own)
        return near and tier not in STOPPING

    def _hits(self, tier: Tier, *, perhaps: bool = False) -> list[Applied]:
        """The rules of a tier that are about this flow, in their order."""
        found = []
        applied = self._plane.ingress if self._direction == INGRESS else self._plane.egress
        for number in self._selecting:
            for one in applied[number]:
                who = one.perhaps if perhaps else one.sure
                ports = self._model.ports.mask(one.rule.ports, self._at)
                if one.policy.tier == tier and who >> self._other & 1 and ports & self._port:
                    found.append(one)
        return sorted(found, key=lambda one: (one.policy.priority, one.number, one.rule.index))

    def _doubts(self) -> list[Reason]:
        found = []
        for tier in sorted({self._policy(number).tier for number in self._selecting}):
            doubtful = self._hits(tier, perhaps=True)
            hits = [hit for hit in self._hits(tier) if doubtful or not hit.adds]
            found += [self._reason(hit.policy, hit, "unknown") for hit in (*hits, *doubtful)]
        if not found and self._model.classes[self._other].what == HOST:
            text = "whether the source runs on the pod's own node, which always reaches it, is not known"
            found.append(Reason(direction=self._direction, effect="unknown", text=text))
        return found

    def _foreign(self) -> list[Reason]:
        own = self._model.classes[self._own]
        found = []
        for other in self._model.world.unmodelled:
            here = other.namespace == own.namespace if other.namespace is not None else own.what != OUTSIDE
            here = own.what == HOST if other.only_hosts else here
            if here and self._direction in other.directions:
                found.append(
                    Reason(
                        direction=self._direction,
                        effect="unknown",
                        kind=other.kind,
                        namespace=other.namespace or "",
                        policy=other.name,
                        path=other.origin.path,
                        line=other.origin.line(()),
                        text="policies of this kind are not modelled",
                    )
                )
        return found

    def _reason(self, policy: Policy, hit: Applied | None, effect: str) -> Reason:
        pointer: Pointer = hit.rule.pointer if hit else ("spec",)
        return Reason(
            direction=self._direction,
            effect=effect,
            kind=policy.kind,
            namespace=policy.namespace,
            policy=policy.name,
            rule=hit.rule.index if hit else -1,
            path=policy.origin.path,
            line=policy.line(pointer),
            text=(hit.rule.doubt or hit.rule.note) if hit else "",
        )
