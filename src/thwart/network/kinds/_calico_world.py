"""What Calico's selectors select in a world: pods, the addresses of network sets, and those of host endpoints.

Sources: projectcalico/calico, libcalico-go/lib/backend/k8s/conversion (which labels an endpoint has) and
felix/labelindex (an IP set holds the addresses of endpoints and the networks of network sets alike).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import msgspec
from msgspec import Struct

from thwart.lib.intervals import Block
from thwart.network.documents import Item
from thwart.network.kinds import Surroundings
from thwart.network.kinds._calico_selectors import (
    ACCOUNT,
    HAS,
    IN,
    NAME,
    NAMESPACE,
    NOT_IN,
    OF_ACCOUNT,
    OF_NAMESPACE,
    ORCHESTRATOR,
    Every,
    Expression,
    Global,
    Test,
    Unless,
    holds,
    satisfies,
)
from thwart.network.kinds._calico_spec import CRD, GROUPS, HostEndpointSpec, NetworkSetSpec, TierSpec, network
from thwart.network.kinds._supporting import Service, accounts, services
from thwart.network.model import (
    ADMIN,
    BASELINE,
    NETWORK,
    AccountPeer,
    AllOf,
    AnyOf,
    BlockPeer,
    Endpoint,
    Maybe,
    NamePeer,
    NodePeer,
    Not,
    OutsidePeer,
    Peer,
    PodPeer,
    Tier,
)
from thwart.network.selectors import Requirement

NOTHING = AnyOf(())
PODS = PodPeer(())
WHOLE = {4: Block(4, 0, (1 << 32) - 1), 6: Block(6, 0, (1 << 128) - 1)}
LAST = float("inf")  # where what has no order stands
_NAME_LABEL = "kubernetes.io/metadata.name"
_STORED = "projectcalico.org/metadata"
_OPERATORS = {(IN, False): "In", (IN, True): "NotIn", (NOT_IN, False): "NotIn", (NOT_IN, True): "In"}
_BUILT_IN = {tier.name: tier for tier in (NETWORK, ADMIN, BASELINE)} | {
    "adminnetworkpolicy": ADMIN,  # as they were called before
    "baselineadminnetworkpolicy": BASELINE,
}
_FOUND_DENYING = frozenset({NETWORK.name})  # of the tiers that are always there


class Place(Struct, frozen=True):
    """A tier, and whether what nothing in it decided is denied at its end."""

    tier: Tier
    denies: bool


class _Set(Struct, frozen=True):
    """A network set, or a host endpoint: labels and addresses. `complete` is false where labels are kept elsewhere."""

    labels: Mapping[str, str]
    complete: bool
    blocks: tuple[Peer, ...]
    names: tuple[Peer, ...] = ()


class Host(Struct, frozen=True):
    """A host endpoint, and the node that it stands for as a peer."""

    name: str
    labels: Mapping[str, str]
    complete: bool
    node: Peer


class CalicoWorld:
    """The surroundings as Calico's selectors see them. Everything is worked out once and when asked."""

    def __init__(self, around: Surroundings) -> None:
        self._around = around
        self._values: dict[str, frozenset[str]] = {}
        self._numbers: dict[tuple[str, str], frozenset[int]] | None = None
        self._pods: dict[tuple[Expression, bool], Peer] = {}
        self._members: dict[tuple[Expression, bool], tuple[Peer, ...]] = {}
        self._accounts = accounts(around)
        self._in_use = sorted({(endpoint.namespace, endpoint.account) for endpoint in around.endpoints})
        self._namespace_names = frozenset(around.namespaces)
        self.services: dict[tuple[str, str], Service] = services(around)
        self._sets = [_set(item, around) for item in _both_groups(around, ("NetworkSet", "GlobalNetworkSet"))]
        self.hosts: list[Host] = []
        for item in _both_groups(around, ("HostEndpoint",)):
            self._host_endpoint(item)
        self.places = _places(around)
        every = [a for e in around.endpoints for a in e.addresses] + [a for n in around.nodes for a in n.addresses]
        six = any(address.version == 6 for address in every)
        # pods without an address are of IPv4 unless something is known to be of IPv6
        self.families: dict[int, Peer] = {
            4: BlockPeer(WHOLE[4]) if six else AnyOf((Not(OutsidePeer()), BlockPeer(WHOLE[4]))),
            6: BlockPeer(WHOLE[6]) if six else AllOf((OutsidePeer(), BlockPeer(WHOLE[6]))),
        }

    def _host_endpoint(self, item: Item) -> None:
        spec = item.spec(HostEndpointSpec)
        labels, complete = _labels(item)
        blocks = tuple(BlockPeer(network(text, ("spec", "expectedIPs"))) for text in spec.expected_ips or ())
        self._sets.append(_Set(labels, complete, blocks))
        node = next((node for node in self._around.nodes if node.name == spec.node and node.addresses), None)
        peer: Peer = Maybe(NodePeer(()))
        if node is not None:
            own = tuple(BlockPeer(Block(a.version, a.value, a.value)) for a in node.addresses)
            peer = AllOf((NodePeer(()), AnyOf(own)))
        self.hosts.append(Host(item.name, labels, complete, peer))

    def hosts_behind(self, namespace: str, labels: Mapping[str, str]) -> Iterator[tuple[Endpoint, tuple[Peer, ...]]]:
        """Pods in the host's network that have the labels, and their addresses; any host where these are not known."""
        for endpoint in self._around.endpoints:
            if endpoint.host_network and endpoint.namespace == namespace and labels.items() <= endpoint.labels.items():
                node = next((node for node in self._around.nodes if node.name == endpoint.node), None)
                addresses = endpoint.addresses or (node.addresses if node else ())
                blocks = tuple(BlockPeer(Block(a.version, a.value, a.value)) for a in addresses)
                yield endpoint, blocks or (Maybe(NodePeer(())),)

    def numbers(self, name: str, protocol: str) -> frozenset[int]:
        """The ports that pods call so."""
        if self._numbers is None:
            found: dict[tuple[str, str], set[int]] = {}
            for endpoint in self._around.endpoints:
                for port in endpoint.ports if not endpoint.host_network else ():
                    found.setdefault((port.name, port.protocol), set()).add(port.number)
            self._numbers = {key: frozenset(numbers) for key, numbers in found.items()}
        return self._numbers.get((name, protocol), frozenset())

    # --- what an expression selects ---------------------------------------------------------------------------------

    def members(self, expression: Expression, *, names: bool) -> tuple[Peer, ...]:
        """Pods and addresses that an IP set of the expression holds; domain names too where they count (`names`)."""
        key = (expression, names)
        found = self._members.get(key)
        if found is None:
            found = self._members[key] = tuple(self._gather(expression, names=names))
        return found

    def _gather(self, expression: Expression, *, names: bool) -> Iterable[Peer]:
        pods = self.pods(expression)
        yield from pods.parts if isinstance(pods, AnyOf) else (pods,)
        for one in self._sets:
            inside = holds(expression, one.labels, complete=one.complete)
            held = (*one.blocks, *one.names) if names else one.blocks
            if inside:
                yield from held
            elif inside is None and held:
                yield Maybe(AnyOf(held))

    def pods(self, expression: Expression) -> Peer:
        """The pods that an expression selects."""
        return _settled(self._of(expression, negated=False))

    def _of(self, expression: Expression, *, negated: bool) -> Peer:
        key = (expression, negated)
        found = self._pods.get(key)
        if found is None:
            found = self._pods[key] = self._work_out(expression, negated=negated)
        return found

    def _work_out(self, expression: Expression, *, negated: bool) -> Peer:
        """Negations are driven inwards, so that what is left is about pods only and never about everyone else."""
        if isinstance(expression, Test):
            return self._test(expression, negated=negated)
        if isinstance(expression, Unless):
            return self._of(expression.part, negated=not negated)
        if isinstance(expression, Global):
            return PODS if negated else NOTHING
        parts = [self._of(part, negated=negated) for part in expression.parts]
        return _all(parts) if isinstance(expression, Every) is not negated else _any(parts)

    def _test(self, test: Test, *, negated: bool) -> Peer:
        key = test.key
        if key == ORCHESTRATOR:
            return PODS if satisfies("k8s", test) is not negated else NOTHING
        if key == NAMESPACE:
            return self._required(Test(_NAME_LABEL, test.operator, test.values), negated=negated, of_namespace=True)
        if key == ACCOUNT:
            return self._of_accounts(Test(NAME, test.operator, test.values), negated=negated)
        if key.startswith(OF_NAMESPACE):
            plain = key.removeprefix(OF_NAMESPACE)
            plain = _NAME_LABEL if plain == NAME else plain
            return self._required(Test(plain, test.operator, test.values), negated=negated, of_namespace=True)
        if key.startswith(OF_ACCOUNT):
            return self._of_accounts(Test(key.removeprefix(OF_ACCOUNT), test.operator, test.values), negated=negated)
        return self._required(test, negated=negated, of_namespace=False)

    def _required(self, test: Test, *, negated: bool, of_namespace: bool) -> Peer:
        """A test as a requirement; one on parts of a value is one on the values that occur."""
        if test.operator == HAS:
            requirement = Requirement(test.key, "DoesNotExist" if negated else "Exists")
        else:
            operator, values = test.operator, test.values
            if operator not in (IN, NOT_IN):
                operator, values = (
                    IN,
                    tuple(sorted(v for v in self._occurring(test.key, of_namespace) if satisfies(v, test))),
                )
            name = _OPERATORS[operator, negated]
            if not values:
                return NOTHING if name == "In" else PODS
            requirement = Requirement(test.key, name, values)
        return PodPeer((), None, (requirement,)) if of_namespace else PodPeer((requirement,))

    def _occurring(self, key: str, of_namespace: bool) -> frozenset[str]:
        """The values of a label."""
        if of_namespace:
            return frozenset(n.labels[key] for n in self._around.namespaces.values() if key in n.labels)
        found = self._values.get(key)
        if found is None:
            found = frozenset(e.labels[key] for e in self._around.endpoints if key in e.labels)
            self._values[key] = found
        return found

    def _of_accounts(self, test: Test, *, negated: bool) -> Peer:
        """Pods by their service accounts; the labels of one that was not read are not known (`default` has none)."""
        sure, unsure = [], []
        for account in self._in_use:
            stated = self._accounts.get(account)
            complete = stated is not None or account[1] == "default"
            found = holds(test, {**(stated or {}), NAME: account[1]}, complete=complete)
            if found is None:
                unsure.append(account)
            elif found is not negated:
                sure.append(account)
        parts: list[Peer] = [AccountPeer(frozenset(sure))] if sure else []
        if unsure:
            parts.append(Maybe(AccountPeer(frozenset(unsure))))
        return _any(parts)


def _both_groups(around: Surroundings, kinds: Iterable[str]) -> list[Item]:
    """Objects of either API; what both have is one, and the newer one knows all of its labels."""
    found: dict[tuple[str, str, str], Item] = {}
    for kind in kinds:
        for group in GROUPS:
            for item in around.items(group, kind):
                found.setdefault((kind, item.namespace if kind == "NetworkSet" else "", item.name), item)
    return list(found.values())


def _labels(item: Item) -> tuple[dict[str, str], bool]:
    """The labels, and whether they are all: the older API's store keeps foreign ones in an annotation."""
    labels = item.labels
    if not item.api.startswith(CRD) or any("projectcalico.org/" not in key for key in labels):
        return labels, True
    try:
        kept = msgspec.json.decode((item.meta.annotations or {}).get(_STORED) or "", type=_Stored)
    except (msgspec.MsgspecError, RecursionError, ValueError):
        return labels, False
    return {**labels, **{key: value or "" for key, value in (kept.labels or {}).items()}}, True


def _set(item: Item, around: Surroundings) -> _Set:
    spec = item.spec(NetworkSetSpec)
    labels, complete = _labels(item)
    if item.kind == "NetworkSet":
        namespace = around.namespaces.get(item.namespace)
        inherited = namespace.labels if namespace else {_NAME_LABEL: item.namespace}
        labels = {OF_NAMESPACE + key: value for key, value in inherited.items()} | labels
        labels |= {NAMESPACE: item.namespace, OF_NAMESPACE + NAME: item.namespace}
    blocks = tuple(BlockPeer(network(text, ("spec", "nets"))) for text in spec.nets or ())
    domains = spec.allowed_egress_domains
    return _Set(labels, complete, blocks, (NamePeer(tuple(domains)),) if domains else ())


class _Stored(msgspec.Struct):
    """What the annotation holds."""

    labels: dict[str, str | None] | None = None


def _places(around: Surroundings) -> dict[str, Place]:
    places = {name: Place(tier, name in _FOUND_DENYING) for name, tier in _BUILT_IN.items()}
    for item in _both_groups(around, ("Tier",)):
        spec = item.spec(TierSpec)
        order = LAST if spec.order is None else spec.order
        default = "Deny" if item.name not in _BUILT_IN or item.name in _FOUND_DENYING else "Pass"
        tier = _BUILT_IN.get(item.name) or Tier(order, item.name)
        places[item.name] = Place(tier, (spec.default_action or default) == "Deny")
    return places


def _all(parts: Iterable[Peer]) -> Peer:
    """What is in every part; conditions on pods become one."""
    pods: set[Requirement] = set()
    namespaces: set[Requirement] = set()
    others: dict[Peer, None] = {}
    for part in parts:
        for one in part.parts if isinstance(part, AllOf) else (part,):
            if one == NOTHING:
                return NOTHING
            if isinstance(one, PodPeer):
                pods.update(one.pods)
                namespaces.update(one.namespaces)
            else:
                others[one] = None
    merged = PodPeer(tuple(sorted(pods)), None, tuple(sorted(namespaces)))
    if not others:
        return merged
    found = ((merged,) if merged != PODS else ()) + tuple(others)
    return found[0] if len(found) == 1 else AllOf(found)


def _any(parts: Iterable[Peer]) -> Peer:
    """What is in some part."""
    found: dict[Peer, None] = {}
    for part in parts:
        for one in part.parts if isinstance(part, AnyOf) else (part,):
            if one == PODS:
                return PODS
            found[one] = None
    return next(iter(found)) if len(found) == 1 else AnyOf(tuple(found))


def _settled(peer: Peer) -> Peer:
    """The same with a namespace by its name where there is one only."""
    if isinstance(peer, AnyOf | AllOf):
        return type(peer)(tuple(_settled(part) for part in peer.parts))
    if isinstance(peer, PodPeer) and len(peer.namespaces) == 1:
        key, operator, values = peer.namespaces[0]
        if key == _NAME_LABEL and operator == "In" and len(values) == 1:
            return PodPeer(peer.pods, values[0])
    return peer
