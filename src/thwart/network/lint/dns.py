"""Egress that forgot the cluster's name servers."""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.lib.bitsets import members, pack
from thwart.network.classes import POD
from thwart.network.lint import Finding, check
from thwart.network.lint._look import Look, name_of, some
from thwart.network.model import ALLOW, EGRESS, NAME_LABEL, BlockPeer, PodPeer, Policy, Rule, leaves

_PORTS = (53, 5353)  # OpenShift's name servers listen on 5353
_HOMES = ("kube-system", "openshift-dns")
_LABELS = (("k8s-app", "kube-dns"), ("k8s-app", "coredns"), ("app.kubernetes.io/name", "coredns"))
_DNS = """spec:
  egress:
  - to:
    - namespaceSelector:
        matchLabels: {kubernetes.io/metadata.name: kube-system}
      podSelector:
        matchLabels: {k8s-app: kube-dns}
    ports:
    - {protocol: UDP, port: 53}
    - {protocol: TCP, port: 53}
"""


@check("egress-without-dns", Severity.MEDIUM)
def egress_without_dns(look: Look) -> Iterator[Finding]:
    """Pods may connect to some peers, but not to the cluster's name servers: no name that they use will resolve.

    Asked are pods that policies isolate in egress and that have at least one egress rule; pods that may reach nothing
    need no names. `low` where UDP 53 is allowed by an ipBlock only: some plugins (Cilium) never apply blocks to pods.
    Where the name servers' pods were read (`k8s-app: kube-dns`, CoreDNS, OpenShift's), they are looked at themselves;
    where not, any rule that could mean them counts.
    """
    servers = _servers(look)
    plane = look.model.planes[4]
    asked: dict[tuple[int, ...], list[int]] = {}
    for number, one in enumerate(look.model.classes):
        if one.what != POD or 1 << number & servers:
            continue
        isolating = tuple(n for n in plane.selecting(number) if EGRESS in look.policies[n].isolates)
        if isolating:
            asked.setdefault(isolating, []).append(number)
    for numbers, classes in asked.items():
        policies = [look.policies[number] for number in numbers]
        rules = [(p, rule) for p in policies for rule in p.egress if rule.action == ALLOW]
        found = max((_reaches(look, rule, servers) for _, rule in rules), default=2)
        if found == 2 or _admits(look, classes[0], servers):
            continue
        owner = next(policy for policy, _ in rules)
        bits = pack(classes, len(look.model.classes))
        others = [name_of(policy) for policy in policies if policy is not owner]
        yield _finding(look, owner, others, bits, through_block=found == 1)


def _finding(look: Look, owner: Policy, others: list[str], classes: int, *, through_block: bool) -> Finding:
    names = look.names(classes)
    among = f" and {some(others)}" if others else ""
    if through_block:
        sentence = f"{names} may ask name servers only through an ipBlock, which some plugins never apply to pods"
    else:
        sentence = f"egress of {names} is limited by it{among} to peers without DNS: names will not resolve"
    return Finding(
        check="egress-without-dns",
        severity=Severity.LOW if through_block else Severity.MEDIUM,
        sentence=sentence,
        fix="allow UDP and TCP 53 to the cluster's name servers",
        place=look.place(owner, ("spec", "egress")),
        snippet=_DNS if owner.kind == "NetworkPolicy" else "",
    )


def _servers(look: Look) -> int:
    """The classes of the cluster's name servers, if they were read."""
    found = []
    for number, one in enumerate(look.model.classes):
        if one.what == POD and one.namespace in _HOMES:
            labels = [member.labels for member in one.members]
            if any(any(label.get(key) == value for key, value in _LABELS) for label in labels) or any(
                "dns.operator.openshift.io/daemonset-dns" in label for label in labels
            ):
                found.append(number)
    return pack(found, len(look.model.classes))


def _reaches(look: Look, rule: Rule, servers: int) -> int:
    """2: a rule lets name servers be asked; 1: it does through a block; 0: it does not."""
    if rule.peers is None:
        return 2 if _asks(look, rule, servers) else 0
    best = 0
    for peer in rule.peers:
        held = look.peer(peer, rule)
        if servers and any(isinstance(leaf, PodPeer) for leaf in leaves(peer)):
            good = bool(held & servers) and _asks(look, rule, held & servers)
            best = max(best, 2 if good else 0)
        elif _asks(look, rule, 0):
            best = max(best, _may_hold(peer))
    return best


def _asks(look: Look, rule: Rule, servers: int) -> bool:
    """Whether the rule is about UDP on a port of name servers."""
    ports = look.model.ports
    at = next(members(servers), 0)
    mask = ports.mask(rule.ports, look.model.classes[at])
    named = not servers and any(port.name.startswith("dns") for port in rule.ports or ())
    return named or any(mask & ports.bit("UDP", number) for number in _PORTS)


def _may_hold(peer: object) -> int:
    """Whether name servers that were not read could be a peer: 2, or 1 if only by their address."""
    if isinstance(peer, BlockPeer):
        # a link-local address is that of a cache on the node, which is no pod
        local = 169 << 24 | 254 << 16
        return 2 if peer.block.version == 4 and peer.block.first >> 16 == local >> 16 else 1
    if not isinstance(peer, PodPeer):
        return 2
    if peer.namespace is not None:
        return 2 if peer.namespace in _HOMES else 0
    named = [value for key, _, values in peer.namespaces if key == NAME_LABEL for value in values]
    return 2 if not named or any(name in _HOMES for name in named) else 0


def _admits(look: Look, own: int, servers: int) -> bool:
    """Whether an ordered tier lets the pods ask the name servers, whatever the policies that isolate say."""
    plane, ports = look.model.planes[4], look.model.ports
    for number in plane.selecting(own):
        if look.policies[number].isolates:
            continue
        for rule in look.policies[number].egress:
            if rule.action == ALLOW and _reaches(look, rule, servers) == 2:
                return True
    if not servers:
        return False
    server = next(members(servers))
    return any(plane.at(own, server, ports.bit("UDP", port))[0].allow for port in _PORTS)
