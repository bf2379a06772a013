"""Pods that were not read: who of them reaches what, whatever labels they have.

One stranger stands for every pod in every namespace that was not read, and one in each namespace that was for every other
pod there. Whether a selector that asks for labels selects them is open, so that the engine's third value, read here as
"by its labels", is exact: yes is for all of them, no is for none. For selectors that nothing that was read satisfies, one
more stranger has just the labels that they ask for.
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct
from msgspec.structs import replace

from thwart.network.engine import Model
from thwart.network.model import (
    ALLOW,
    NAME_LABEL,
    AccountPeer,
    AllOf,
    AnyOf,
    Endpoint,
    Maybe,
    Namespace,
    Not,
    Peer,
    PodPeer,
    Policy,
    PortMatch,
    Rule,
    World,
    leaves,
)
from thwart.network.selectors import EVERYTHING, Requirement, Selector, describe, matches

_MARK = "\0any"  # no label can be called so
_ELSEWHERE = "\0"
_MARKED = Requirement(_MARK, "Exists")
_PLAIN = Requirement(_MARK, "DoesNotExist")
_STRANGERS: Selector = (_MARKED,)
_MOST = 1000  # strangers with labels


class Strangers(Struct, frozen=True, kw_only=True):
    """A model with strangers in it.

    `numbers` are its classes for those of the model it was made of. `anyone` is the class of pods in namespaces that were
    not read, `mates` those of other pods in each that was, `labelled` those of selectors that match nothing, in words.
    `left_out` counts selectors beyond the bound.
    """

    model: Model
    numbers: tuple[int, ...]
    anyone: int
    mates: dict[str, int]
    labelled: tuple[tuple[str, int], ...]
    left_out: int


def with_strangers(model: Model) -> Strangers:
    """The same world with one pod for each class, and strangers."""
    world = model.world
    examples = [one.members[0] for one in model.classes if one.members]
    anyone = _stranger(_ELSEWHERE)
    mates = [_stranger(name) for name in world.namespaces]
    wanted = list(_unmatched(model))
    labelled, namespaces = _examples(wanted[:_MOST], world)
    other = replace(
        world,
        namespaces={
            **world.namespaces,
            _ELSEWHERE: Namespace(name=_ELSEWHERE, labels={_MARK: ""}),
            **{one.name: one for one in namespaces},
        },
        endpoints=(*examples, anyone, *mates, *(pod for _, pod in labelled)),
        policies=tuple(_Opened(world).policy(policy) for policy in world.policies),
    )
    made = Model(other)
    of = made.partition.of_endpoint
    outside = iter(number for number, one in enumerate(made.classes) if one.spans)
    numbers = [
        of[id(one.members[0])] if one.members else next(outside) if one.spans else made.partition.of_node[one.node]
        for one in model.classes
    ]
    return Strangers(
        model=made,
        numbers=tuple(numbers),
        anyone=of[id(anyone)],
        mates={mate.namespace: of[id(mate)] for mate in mates},
        labelled=tuple((text, of[id(pod)]) for text, pod in labelled),
        left_out=max(0, len(wanted) - _MOST),
    )


def _stranger(namespace: str, labels: dict[str, str] | None = None, name: str = "") -> Endpoint:
    return Endpoint(
        namespace=namespace,
        kind="Pod",
        name=name or _MARK,
        workload=_MARK,
        labels={_MARK: ""} if labels is None else labels,
        account=_MARK,
    )


class _Opened:
    """Policies whose selectors leave open whether they select a stranger."""

    def __init__(self, world: World) -> None:
        self._read = world.namespaces.keys()

    def policy(self, policy: Policy) -> Policy:
        return replace(
            policy,
            subject=self._peer(policy.subject),
            ingress=tuple(self._rule(rule) for rule in policy.ingress),
            egress=tuple(made for rule in policy.egress for made in self._egress(rule)),
        )

    def _rule(self, rule: Rule) -> Rule:
        return rule if rule.peers is None else replace(rule, peers=tuple(map(self._peer, rule.peers)))

    def _egress(self, rule: Rule) -> Iterator[Rule]:
        """Which number a port's name has at a stranger is open."""
        yield self._rule(rule)
        named = {port.protocol for port in rule.ports or () if port.name}
        if named:
            peers = (PodPeer(EVERYTHING),) if rule.peers is None else tuple(map(self._peer, rule.peers))
            at_strangers = tuple(AllOf((peer, PodPeer(_STRANGERS))) for peer in peers)
            protocols = ("TCP", "UDP", "SCTP") if "" in named else sorted(named)
            ports = tuple(PortMatch(protocol) for protocol in protocols)
            yield replace(rule, peers=at_strangers, ports=ports, doubt="which port a name means there is not known")

    def _peer(self, peer: Peer) -> Peer:
        if isinstance(peer, PodPeer):
            return self._pods(peer)
        if isinstance(peer, AccountPeer):
            return AnyOf((peer, Maybe(PodPeer(_STRANGERS))))
        if isinstance(peer, AnyOf):
            return AnyOf(tuple(map(self._peer, peer.parts)))
        if isinstance(peer, AllOf):
            return AllOf(tuple(map(self._peer, peer.parts)))
        if isinstance(peer, Not):
            return Not(self._peer(peer.part))
        if isinstance(peer, Maybe):
            return Maybe(self._peer(peer.part))
        return peer

    def _pods(self, peer: PodPeer) -> Peer:
        pods = (*peer.pods, _PLAIN) if peer.pods else EVERYTHING
        elsewhere = False if peer.namespace is not None else self._elsewhere(peer.namespaces)
        namespaces = peer.namespaces
        if namespaces and elsewhere is True:
            namespaces = EVERYTHING if self._is_everywhere(namespaces) else namespaces
        if namespaces:
            namespaces = (*namespaces, _PLAIN)
        parts: list[Peer] = [PodPeer(pods, peer.namespace, namespaces)]
        if peer.pods:
            parts.append(Maybe(PodPeer(_STRANGERS, peer.namespace, namespaces)))
        if namespaces and elsewhere is not False:
            away: Peer = PodPeer(_STRANGERS, None, _STRANGERS)
            parts.append(away if elsewhere and not peer.pods else Maybe(away))
        return parts[0] if len(parts) == 1 else AnyOf(tuple(parts))

    def _is_everywhere(self, selector: Selector) -> bool:
        return all(one.key == NAME_LABEL and one.operator == "Exists" for one in selector)

    def _elsewhere(self, selector: Selector) -> bool | None:
        """Whether a namespace that was not read is selected: True all, False none, None by its labels."""
        found: list[bool | None] = []
        for key, operator, values in selector:
            if key != NAME_LABEL:
                found.append(None)
            elif operator in ("Exists", "DoesNotExist"):
                found.append(operator == "Exists")
            else:
                among = set(values) <= self._read
                found.append((operator == "NotIn") if among else None)
        return False if False in found else None if None in found else True


def _unmatched(model: Model) -> Iterator[PodPeer]:
    """The peers of rules that allow, and that no pod that was read matches."""
    seen: set[Peer] = set()
    index = model.planes[4].index
    for policy in model.world.policies:
        for rule in policy.ingress:
            if rule.action != ALLOW:
                continue
            for peer in (leaf for one in rule.peers or () for leaf in leaves(one)):
                if isinstance(peer, PodPeer) and peer not in seen:
                    seen.add(peer)
                    if not index.pods(peer):
                        yield peer


def _examples(wanted: list[PodPeer], world: World) -> tuple[list[tuple[str, Endpoint]], list[Namespace]]:
    """For each peer that can be satisfied a pod that does, and the namespaces that are needed for them."""
    found: list[tuple[str, Endpoint]] = []
    made: list[Namespace] = []
    for number, peer in enumerate(wanted):
        labels = _satisfying(peer.pods)
        where = peer.namespace
        if where is None:
            where, namespace = _namespace(peer.namespaces, world, number)
            if namespace is not None:
                made.append(namespace)
        if labels is not None and where:
            found.append((_in_words(peer), _stranger(where, labels, f"{_MARK}{number}")))
    return found, made


def _namespace(selector: Selector, world: World, number: int) -> tuple[str, Namespace | None]:
    """A namespace that a selector selects: a new one where there can be one, else the first that was read."""
    labels = _satisfying(selector)
    if labels is not None:
        name = labels.get(NAME_LABEL) or f"{_ELSEWHERE}{number}"
        if name not in world.namespaces:
            # two selectors can ask for one name: the pods are told apart by a namespace each
            return f"{_ELSEWHERE}{number}", Namespace(name=f"{_ELSEWHERE}{number}", labels={NAME_LABEL: name, **labels})
    return next((n.name for n in world.namespaces.values() if matches(selector, n.labels)), ""), None


def _satisfying(selector: Selector) -> dict[str, str] | None:
    """The fewest labels that satisfy a selector; None when none do."""
    labels: dict[str, str] = {}
    for key, operator, _ in selector:
        if operator in ("In", "Exists") and key not in labels:
            named = [set(one.values) for one in selector if one.key == key and one.operator == "In"]
            barred = {value for one in selector if one.key == key and one.operator == "NotIn" for value in one.values}
            choices = sorted(set.intersection(*named) - barred) if named else ["x" if "x" not in barred else "xx"]
            if not choices:
                return None
            labels[key] = choices[0]
    return labels if matches(selector, labels) else None


def _in_words(peer: PodPeer) -> str:
    pods = f"pods {describe(peer.pods)}" if peer.pods else "any pod"
    if peer.namespace is not None:
        return f"{pods} in namespace {peer.namespace}"
    return f"{pods} in namespaces {describe(peer.namespaces)}" if peer.namespaces else f"{pods} in any namespace"
