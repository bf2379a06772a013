"""What the checks share: policies as sets of classes, and classes as names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cached_property

from thwart.lib.bitsets import members, pack
from thwart.lib.intervals import Address
from thwart.network.classes import HOST, OUTSIDE, POD
from thwart.network.engine import Model
from thwart.network.lint._finding import Place
from thwart.network.lint._fold import Fold, folds
from thwart.network.lint._removal import Removal, Verdict
from thwart.network.lint._sides import RuleSide, sides
from thwart.network.model import ALLOW, EGRESS, INGRESS, NETWORK, PLAIN, Endpoint, Peer, Pointer, Policy, Rule

SYSTEM = ("kube-", "openshift-")  # namespaces of the platform, which manifests of an application leave out
_SHOWN = 3


class Look:
    """A model, and answers that several checks need."""

    def __init__(self, model: Model, tenant_label: str = "") -> None:
        self.model = model
        self.world = model.world
        self.policies = model.world.policies
        self.tenant_label = tenant_label
        self.everyone = next(iter(model.planes.values())).everyone
        self.pods = pack((i for i, one in enumerate(model.classes) if one.what == POD), len(model.classes))
        self.hosts = pack((i for i, one in enumerate(model.classes) if one.what == HOST), len(model.classes))
        self.outside = self.everyone & ~self.pods & ~self.hosts

    @cached_property
    def complete(self) -> bool:
        """Whether a whole cluster was read, and not only the manifests of an application."""
        return any(node.stated for node in self.world.nodes) or any(
            endpoint.namespace.startswith(SYSTEM) for endpoint in self.world.endpoints
        )

    @cached_property
    def inhabited(self) -> dict[str, list[Endpoint]]:
        """The endpoints of each namespace."""
        found: dict[str, list[Endpoint]] = {}
        for endpoint in self.world.endpoints:
            found.setdefault(endpoint.namespace, []).append(endpoint)
        return found

    @cached_property
    def of_namespace(self) -> dict[str, int]:
        """The classes of pods of each namespace, as sets."""
        numbers: dict[str, list[int]] = {}
        for number, one in enumerate(self.model.classes):
            if one.what == POD:
                numbers.setdefault(one.namespace, []).append(number)
        return {name: pack(found, len(self.model.classes)) for name, found in numbers.items()}

    @cached_property
    def removal(self) -> Removal:
        """What would change without a rule, and the verdicts of all."""
        return Removal(self.model)

    @cached_property
    def verdicts(self) -> list[Verdict]:
        """One for each rule that is about any flow."""
        return list(self.removal.verdicts())

    @cached_property
    def sides(self) -> list[RuleSide]:
        """Every side at which an ordered tier speaks; none where there is NetworkPolicy alone."""
        if all(adds(policy) for policy in self.policies):
            return []
        return [
            side
            for family, plane in self.model.planes.items()
            for direction in (INGRESS, EGRESS)
            for side in sides(plane, family, direction)
            if side.ranked
        ]

    @cached_property
    def folded(self) -> dict[int, list[Fold]]:
        """What the ordered tiers do at each of these sides, by its id."""
        return {id(side): list(folds(side)) for side in self.sides}

    @property
    def folds(self) -> Iterator[tuple[RuleSide, Fold]]:
        """The sides with each of their folds."""
        for side in self.sides:
            for fold in self.folded[id(side)]:
                yield side, fold

    @cached_property
    def duplicates(self) -> dict[int, int]:
        """Policies that say the same as an earlier one of their kind, by number."""
        first: dict[object, int] = {}
        found = {}
        for number, policy in enumerate(self.policies):
            earlier = first.setdefault(_meaning(policy), number)
            if earlier != number:
                found[number] = earlier
        return found

    def rules(self) -> Iterator[tuple[int, Policy, str, Rule]]:
        """Every rule, with the number of its policy, the policy and the direction."""
        for number, policy in enumerate(self.policies):
            for direction in (INGRESS, EGRESS):
                for rule in policy.rules(direction):
                    yield number, policy, direction, rule

    def subject(self, number: int) -> int:
        """The classes that a policy selects, or may."""
        bits = 0
        for plane in self.model.planes.values():
            bits |= plane.subjects[number] | plane.perhaps_subjects[number]
        return bits

    def peer(self, peer: Peer, rule: Rule) -> int:
        """The classes that a peer of a rule holds, or may."""
        bits = 0
        for plane in self.model.planes.values():
            sure, perhaps = plane.index.peer(peer, allows=rule.action == ALLOW)
            bits |= sure | perhaps
        return bits

    def peers(self, rule: Rule) -> int:
        """The classes that a rule is about, or may be."""
        if rule.peers is None:
            return self.everyone
        bits = 0
        for peer in rule.peers:
            bits |= self.peer(peer, rule)
        return bits

    def destinations(self, number: int, direction: str, rule: Rule) -> int:
        """The classes at which a rule's ports are looked up."""
        return self.subject(number) if direction == INGRESS else self.peers(rule)

    def outside_class(self, address: Address) -> int:
        """The class of an address of nothing that was read."""
        return self.model.partition.outside(address)

    def place(self, policy: Policy, pointer: Pointer = ("metadata", "name")) -> Place:
        """A policy, or a part of it, and where it stands."""
        return Place(name_of(policy), policy.origin.path, policy.line(pointer))

    def names(self, bits: int) -> str:
        """Classes in words, cut when there are many."""
        found: dict[str, None] = {}
        for number in members(bits):
            for name in self.class_names(number):
                found[name] = None
                if len(found) > 50:
                    break
        return some(sorted(found))

    def class_names(self, number: int) -> list[str]:
        """The workloads, the node or the addresses of a class."""
        one = self.model.classes[number]
        if one.what == OUTSIDE:
            return [self.address_of(number)]
        if one.what == HOST:
            return [f"node {one.node}" if one.node else "a node"]
        return sorted({f"{member.namespace}/{member.workload.partition('/')[2]}" for member in one.members})

    def port(self, piece: int) -> str:
        """One port of a piece of ports."""
        protocol, span = self.model.ports.spans(piece)[0]
        return f"{protocol} {span.first}"

    def address_of(self, number: int) -> str:
        """One address of a class of outside ones, as people write it."""
        version, span = self.model.classes[number].spans[0]
        return str(Address(version, span.first + (span.first < span.last)))


def _meaning(policy: Policy) -> object:
    """Equal for policies that say the same; where rules only add up their order does not count."""
    sides: list[object] = []
    for rules in (policy.ingress, policy.egress):
        told = [(r.action, r.peers and frozenset(r.peers), r.ports and frozenset(r.ports), r.doubt) for r in rules]
        sides.append(frozenset(told) if adds(policy) else tuple(told))
    place = (policy.kind, policy.namespace, policy.tier, policy.priority, policy.layer)
    return (*place, policy.subject, policy.isolates, tuple(sides), policy.doubts)


def some(names: Iterable[str], most: int = _SHOWN) -> str:
    """Names in a row, cut when there are many."""
    found = list(names)
    rest = f" and {len(found) - most} more" if len(found) > most else ""
    return ", ".join(found[:most]) + rest


def name_of(policy: Policy) -> str:
    """Kind, namespace and name."""
    return f"{policy.kind} {policy.namespace}/{policy.name}" if policy.namespace else f"{policy.kind} {policy.name}"


def adds(policy: Policy) -> bool:
    """Whether the policy's rules only add up, as NetworkPolicy's do."""
    return policy.tier == NETWORK and policy.priority == PLAIN


def fields(direction: str) -> str:
    """The field of a rule that holds its peers."""
    return "from" if direction == INGRESS else "to"
