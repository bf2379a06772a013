"""What Cilium's selectors select, as peers: pods, nodes, addresses outside.

Sources: cilium pkg/k8s/apis/cilium.io/utils/utils.go (getEndpointSelector, ParseToCiliumRule: which selectors are kept to
the policy's namespace), pkg/policy/rule.go (matchesSubject), Documentation/security/policy/kubernetes.rst.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct, field

from thwart.lib.intervals import parse_block
from thwart.network.kinds import Surroundings
from thwart.network.kinds._cilium_labels import (
    ACCOUNT,
    CLUSTER,
    KUBERNETES,
    NAMESPACE,
    NAMESPACE_LABELS,
    RESERVED,
    Condition,
    conditions,
    foreign,
    left_out,
)
from thwart.network.model import (
    AccountPeer,
    AllOf,
    AnyOf,
    BlockPeer,
    Doubt,
    Maybe,
    NodePeer,
    Not,
    OutsidePeer,
    Peer,
    PodPeer,
    Pointer,
)
from thwart.network.selectors import EVERYTHING, LabelSelector, Requirement, shown

NAME_LABEL = "kubernetes.io/metadata.name"  # of every namespace
EVERYONE, NOBODY = AllOf(()), AnyOf(())
PODS, HOSTS, OUTSIDE = PodPeer(EVERYTHING), NodePeer(EVERYTHING), OutsidePeer()
WORLDS = {"world-ipv4": parse_block("0.0.0.0/0"), "world-ipv6": parse_block("::/0")}
_OF_PODS = (NAMESPACE, NAMESPACE_LABELS, ACCOUNT, CLUSTER)
_ABSENT = frozenset({"cidr", "cidrgroup", "fqdn", "node"})  # sources of labels that no pod has


class Context(Struct):
    """One `spec`: where it stands, what else was read, and the doubts that it raises.

    `namespace` is empty for clusterwide policies, `hosts` says that nodes are the subject, `unlimited` that selectors of
    peers are not kept to pods (the subject speaks of `reserved:init`).
    """

    namespace: str
    around: Surroundings
    hosts: bool = False
    unlimited: bool = False
    doubts: list[Doubt] = field(default_factory=list)

    def doubt(self, pointer: Pointer, sentence: str) -> None:
        """Say why answers may be unknown."""
        self.doubts.append(Doubt(pointer, sentence))


def subject(written: LabelSelector, pointer: Pointer, context: Context) -> Peer:
    """`endpointSelector`: pods, of the policy's own namespace whatever else it says.

    With a `reserved:` label it selects Cilium's own endpoints (health, ingress proxies), which no pod is.
    """
    found = conditions(written, pointer)
    context.unlimited = any((one.source, one.key) == (RESERVED, "init") for one in found)
    own = f"k8s:{NAMESPACE}"
    if context.namespace and own in (written.match_labels or {}):  # replaced by the policy's namespace; Cilium warns
        others = {key: value for key, value in (written.match_labels or {}).items() if key != own}
        found = conditions(LabelSelector(others, written.match_expressions), pointer)
    return _pods(found, context.namespace, pointer, context)


def endpoints(written: LabelSelector, pointer: Pointer, context: Context) -> Peer:
    """`fromEndpoints[]` and `toEndpoints[]`: pods of the policy's own namespace unless the selector speaks of namespaces.

    A selector that does, or that has a `reserved:` label, is matched against everyone (getEndpointSelector).
    """
    found = conditions(written, pointer)
    ours = [one for one in found if one.source in KUBERNETES]
    named = any(one.key == NAMESPACE for one in ours)
    if not any(one.source == RESERVED for one in found) and not named:
        if context.namespace and not any(one.key.startswith(NAMESPACE_LABELS) for one in ours):
            return _pods(found, context.namespace, pointer, context)
        if not context.namespace and not context.unlimited:
            return _pods(found, "", pointer, context)
    if any(one.positive and (one.source == "k8s" or one.key.startswith(_OF_PODS)) for one in ours):
        return _everyone(found, pointer, context) if len(ours) < len(found) else _pods(found, "", pointer, context)
    # what only excludes does not exclude nodes and addresses outside
    return _with_groups(found, _everyone(found, pointer, context), context)


def _with_groups(found: tuple[Condition, ...], peer: Peer, context: Context) -> Peer:
    """Addresses outside have the labels of their CIDR groups, which a condition without a source may be about."""
    keys = {one.key for one in found if one.source == "any"}
    groups = context.around.items("cilium.io", "CiliumCIDRGroup")
    if not any(keys & group.labels.keys() for group in groups):
        return peer
    return AnyOf((AllOf((peer, AnyOf((PODS, HOSTS)))), Maybe(OUTSIDE)))


def labelled(labels: Iterable[tuple[str, str]], namespace: str, pointer: Pointer, context: Context) -> Peer:
    """Pods of a namespace that have labels."""
    found = tuple(Condition("k8s", key, "In", (value,)) for key, value in labels)
    return _pods(found, namespace, pointer, context)


def _pods(found: tuple[Condition, ...], namespace: str, pointer: Pointer, context: Context) -> Peer:
    """Pods that satisfy every condition; `namespace` empty is any."""
    pods: set[Requirement] = set()
    spaces: set[Requirement] = set()
    rest: list[Peer] = []
    for one in found:
        if one.source not in KUBERNETES:
            rest += _strange(one, pointer, context)
        elif one.key == NAMESPACE:
            spaces.add(one.requirement(NAME_LABEL))
        elif one.key == ACCOUNT:
            rest.append(_account(one, namespace, context))
        elif one.key == CLUSTER and one.values:
            context.doubt(pointer, "asks for the name of the cluster, which is not in these documents")
            rest.append(Maybe(PODS))
        elif one.key == CLUSTER:
            rest += [] if one.positive else [NOBODY]
        elif foreign(one.key):
            rest += [NOBODY] if one.positive else []
        elif left_out(one.key):
            rest.append(_left_out(one, pointer, context))
        elif one.key.startswith(NAMESPACE_LABELS):
            spaces.add(one.requirement(one.key.removeprefix(NAMESPACE_LABELS)))
        else:
            pods.add(one.requirement())
    return _joined(_pod_peer(pods, spaces, namespace), rest)


def _pod_peer(pods: set[Requirement], spaces: set[Requirement], namespace: str) -> PodPeer:
    if namespace:
        spaces.add(Requirement(NAME_LABEL, "In", (namespace,)))
    chosen = tuple(sorted(pods))
    only = next(iter(spaces)) if len(spaces) == 1 else None
    if only and only.key == NAME_LABEL and only.operator == "In" and len(only.values) == 1:
        return PodPeer(chosen, only.values[0])
    return PodPeer(chosen, None, tuple(sorted(spaces)))


def _joined(first: Peer, rest: list[Peer]) -> Peer:
    return AllOf((first, *rest)) if rest else first


def _strange(one: Condition, pointer: Pointer, context: Context) -> list[Peer]:
    """A condition on labels that pods do not get from Kubernetes."""
    if one.source in _ABSENT or one.source == RESERVED:
        return [NOBODY] if one.positive else []
    context.doubt(pointer, f"selects by labels of the source {shown(one.source)}, which are not in these documents")
    return [Maybe(PODS)]


def _account(one: Condition, namespace: str, context: Context) -> Peer:
    if one.operator in ("Exists", "DoesNotExist"):
        return EVERYONE if one.positive else NOBODY
    spaces = [namespace] if namespace else list(context.around.namespaces)
    peer = AccountPeer(frozenset((space, account) for space in spaces for account in one.values))
    return peer if one.positive else Not(peer)


def _left_out(one: Condition, pointer: Pointer, context: Context) -> Peer:
    context.doubt(
        pointer,
        f"selects by the label {shown(one.key)}, which Cilium leaves out of identities unless configured not to",
    )
    of_namespace = one.key.startswith(NAMESPACE_LABELS)
    plain = one.requirement(one.key.removeprefix(NAMESPACE_LABELS))
    here = PodPeer((), None, (plain,)) if of_namespace else PodPeer((plain,))
    return Maybe(here) if one.positive else AnyOf((here, Maybe(PODS)))


def _everyone(found: tuple[Condition, ...], pointer: Pointer, context: Context) -> Peer:
    """Pods, hosts and addresses outside that satisfy every condition."""
    parts = tuple(_holders(one, pointer, context) for one in found)
    return parts[0] if len(parts) == 1 else AllOf(parts)


def _holders(one: Condition, pointer: Pointer, context: Context) -> Peer:
    if not one.positive:
        return Not(_holders(one.turned(), pointer, context))
    if one.source in KUBERNETES:
        return _pods((one,), "", pointer, context)
    if one.source == RESERVED:
        return reserved(one.key, context) if one.operator == "Exists" or "" in one.values else NOBODY
    context.doubt(pointer, f"selects by labels of the source {shown(one.source)}, which are not in these documents")
    return Maybe(EVERYONE)


def reserved(name: str, context: Context) -> Peer:
    """Who bears a reserved label. The host and remote nodes depend on where the pod runs."""
    if name in ("host", "remote-node"):
        return Maybe(HOSTS)
    if name == "kube-apiserver":
        return Maybe(AnyOf((HOSTS, OUTSIDE)))
    both = any(len({address.version for address in one.addresses}) > 1 for one in context.around.endpoints)
    if name == "world":
        return Maybe(OUTSIDE) if both else OUTSIDE  # in dual-stack clusters addresses bear the labels of one family
    if name in WORLDS:
        peer = AllOf((BlockPeer(WORLDS[name]), OUTSIDE))
        return peer if both else Maybe(peer)
    return NOBODY  # health, ingress, init and unmanaged endpoints are none of those that were read


def nodes(written: LabelSelector, pointer: Pointer, context: Context, *, source: str) -> Peer:
    """`nodeSelector` (source `k8s`), or `fromNodes[]` and `toNodes[]` (source `node`): hosts by their node's labels."""
    plain: set[Requirement] = set()
    rest: list[Peer] = []
    itself = "host" if source == "k8s" else "remote-node"
    for one in conditions(written, pointer):
        if (one.source, one.key) == (RESERVED, itself):
            present = not one.values or "" in one.values
            rest += [] if one.positive == present else [NOBODY]
        elif one.source in (source, "any") and one.key != CLUSTER:
            if source == "k8s" and left_out(one.key):
                here = NodePeer((one.requirement(),))
                rest.append(Maybe(here) if one.positive else AnyOf((here, Maybe(HOSTS))))
            else:
                plain.add(one.requirement())
        else:
            context.doubt(
                pointer, f"selects nodes by {shown(f'{one.source}:{one.key}')}, which these documents do not tell"
            )
            rest.append(Maybe(HOSTS))
    return _joined(NodePeer(tuple(sorted(plain))), rest)
