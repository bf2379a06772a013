"""CiliumNetworkPolicy and CiliumClusterwideNetworkPolicy, cilium.io/v2.

Sources: cilium pkg/policy/api (rule.go and rule_validation.go above all), pkg/policy/repository.go (default deny),
pkg/policy/utils/parserules.go, the CRD schema, and Documentation/security/policy; version 1.20, with what 1.18 still had.
Cilium is taken to run with its defaults, but with what a policy needs to work (host firewall, node selectors, L7 proxy).
"""

from __future__ import annotations

from collections.abc import Sequence

from thwart.network.documents import Item
from thwart.network.kinds import Made, Pending, Surroundings, policy_kind
from thwart.network.kinds._cilium_peers import peers, required
from thwart.network.kinds._cilium_ports import Place, has_layer4, layer4
from thwart.network.kinds._cilium_selectors import Context, nodes, subject
from thwart.network.kinds._cilium_types import DefaultDeny, EgressRule, IngressRule, Spec
from thwart.network.kinds._parts import check_name
from thwart.network.model import ALLOW, DENIALS, DENY, EGRESS, INGRESS, NETWORK, Peer, Pointer, Policy, Rule
from thwart.network.selectors import Invalid, LabelSelector, shown

_Written = Sequence[IngressRule | EgressRule]
_WAYS = (INGRESS, EGRESS)
_MODES = ("disabled", "required", "test-always-fail")


@policy_kind("cilium.io/v2", "CiliumNetworkPolicy")
def cilium_network_policy(item: Item) -> Pending:
    """Decode and check one object; what it refers to is looked up when everything was read."""
    check_name(item, namespaced=True)
    return _pending(item, item.namespace)


@policy_kind("cilium.io/v2", "CiliumClusterwideNetworkPolicy")
def cilium_clusterwide_network_policy(item: Item) -> Pending:
    """The same for one of no namespace, which may also be about nodes."""
    check_name(item, namespaced=False)
    return _pending(item, "")


def _pending(item: Item, namespace: str) -> Pending:
    written = _specs(item)

    def decode(around: Surroundings) -> Made:
        found: list[Policy] = []
        for pointer, spec in written:
            context = Context(namespace, around, hosts=spec.node_selector is not None)
            found += _policies(item, spec, pointer, context)
        return tuple(found)

    return decode


def _specs(item: Item) -> list[tuple[Pointer, Spec]]:
    """`spec` and each of `specs` with their places."""
    found: list[tuple[Pointer, Spec]] = []
    if item.has_spec:
        found.append((("spec",), item.spec(Spec)))
    several = item.several()
    for index, one in enumerate(several or ()):
        pointer = ("specs", index)
        try:
            found.append((pointer, item.with_spec(one).spec(Spec)))
        except Invalid as invalid:
            raise Invalid((*pointer, *invalid.pointer[1:]), invalid.why) from None
    if not found and several is None:
        raise Invalid((), "spec or specs must be given")
    return found


def _policies(item: Item, spec: Spec, pointer: Pointer, context: Context) -> list[Policy]:
    """One `spec`: a policy of what it denies, which is tried first, and one of what it allows and isolates."""
    who = _subject(spec, pointer, context)
    allowed: dict[str, _Written] = {INGRESS: spec.ingress or [], EGRESS: spec.egress or []}
    denied: dict[str, _Written] = {INGRESS: spec.ingress_deny or [], EGRESS: spec.egress_deny or []}
    if not any((*allowed.values(), *denied.values())):
        raise Invalid(pointer, "there must be at least one of ingress, ingressDeny, egress and egressDeny")
    allowing = {
        way: _rules(allowed[way], Place((*pointer, way), way == INGRESS, False, context.hosts), context)
        for way in _WAYS
    }
    denying = {
        way: _rules(denied[way], Place((*pointer, f"{way}Deny"), way == INGRESS, True, context.hosts), context)
        + _limits(allowed[way], Place((*pointer, way), way == INGRESS, False, context.hosts), context)
        for way in _WAYS
    }
    isolates = frozenset(way for way in _WAYS if (allowed[way] or denied[way]) and _denies_by_default(spec, way))
    last = NETWORK if any(allowing.values()) or isolates else DENIALS  # what tells the doubts
    return [
        Policy(
            kind=item.kind,
            name=item.name,
            namespace=context.namespace,
            tier=tier,
            subject=who,
            origin=item.origin,
            isolates=isolates if tier == NETWORK else frozenset(),
            ingress=rules[INGRESS],
            egress=rules[EGRESS],
            doubts=tuple(context.doubts) if tier == last else (),
        )
        for tier, rules in ((DENIALS, denying), (NETWORK, allowing))
        if any(rules.values()) or (isolates and tier == NETWORK)
    ]


def _subject(spec: Spec, pointer: Pointer, context: Context) -> Peer:
    if (spec.endpoint_selector is None) == (spec.node_selector is None):
        raise Invalid(pointer, "there must be exactly one of endpointSelector and nodeSelector")
    if spec.node_selector is None:
        return subject(spec.endpoint_selector or LabelSelector(), (*pointer, "endpointSelector"), context)
    where = (*pointer, "nodeSelector")
    if context.namespace:
        raise Invalid(where, "only a CiliumClusterwideNetworkPolicy may have a nodeSelector")
    return nodes(spec.node_selector, where, context, source="k8s")


def _denies_by_default(spec: Spec, way: str) -> bool:
    """Whether a section isolates; one that is not there never does, whatever is asked for (parserules.go)."""
    asked = spec.enable_default_deny or DefaultDeny()
    return (asked.ingress if way == INGRESS else asked.egress) is not False


def _rules(written: _Written, section: Place, context: Context) -> tuple[Rule, ...]:
    found: list[Rule] = []
    for index, rule in enumerate(written):
        place = section._replace(pointer=(*section.pointer, index))
        who = peers(rule.peers(), context, place, ports=has_layer4(rule))
        doubt, note = _authentication(rule, place)
        found += [
            Rule(
                index=index,
                action=DENY if place.denies else ALLOW,
                peers=who,
                ports=ports,
                pointer=place.pointer,
                doubt=doubt or found_doubt,
                note="; ".join(part for part in (more, note) if part),
            )
            for ports, more, found_doubt in layer4(rule, place)
        ]
    return tuple(found)


def _limits(written: _Written, section: Place, context: Context) -> tuple[Rule, ...]:
    """What `fromRequires` and `toRequires` took away from pods until Cilium 1.18; later the object is refused."""
    found: list[Rule] = []
    for index, rule in enumerate(written):
        place = section._replace(pointer=(*section.pointer, index))
        short = required(rule.peers(), context, place)
        if short is not None:
            doubt = "whether the labels that are required matter depends on Cilium's version"
            found.append(Rule(index=index, action=DENY, peers=(short,), ports=None, pointer=place.pointer, doubt=doubt))
    return tuple(found)


def _authentication(rule: IngressRule | EgressRule, place: Place) -> tuple[str, str]:
    """A doubt and a note."""
    if rule.authentication is None:
        return "", ""
    pointer = (*place.pointer, "authentication")
    mode = rule.authentication.mode
    if place.denies:
        raise Invalid(pointer, "rules that deny may not have authentication")
    if mode not in _MODES:
        raise Invalid((*pointer, "mode"), f"{shown(str(mode))} is not disabled, required or test-always-fail")
    if mode == "test-always-fail":
        return "its authentication is one that always fails", ""
    return "", "only with mutual authentication" if mode == "required" else ""
