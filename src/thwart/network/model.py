"""The nouns of network policy: what there is, what the policies say, what was answered."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, Protocol

from msgspec import Struct, field

from thwart.core.finding import Diagnostic
from thwart.lib.intervals import Address, Block
from thwart.network._services_nouns import NO_DOORS, Doors
from thwart.network.selectors import Selector

NAME_LABEL = "kubernetes.io/metadata.name"  # set by the API server on every namespace
NOT_INJECTED = "annotation:sidecar.istio.io/inject"  # stands among the labels of pods that so decline; no key can be so
PROTOCOLS = ("TCP", "UDP", "SCTP")  # network policies define no others
LAST_PORT = 65535
ALLOW, DENY, PASS = "allow", "deny", "pass"
INGRESS, EGRESS = "ingress", "egress"
Pointer = tuple[str | int, ...]
ON_THE_NET, IN_THE_MESH = 0, 1  # layers that enforce: a connection needs all of them


class Tier(NamedTuple):
    """A stage of evaluation: lower orders come first, names break ties. The orders are those that Calico gives."""

    order: float
    name: str


ADMIN = Tier(1_000.0, "kube-admin")
NETWORK = Tier(1_000_000.0, "default")  # where NetworkPolicy stands, and what other tools merge with it
BASELINE = Tier(10_000_000.0, "kube-baseline")
DENIALS = Tier(999_999.0, "denials")  # what outranks all that NETWORK allows, a pod's own node too


class Priority(NamedTuple):
    """The place of a policy in its tier: lower first. Which of two equal ones wins is not defined, so that it is unknown."""

    order: float = 0.0
    tie: str = ""


PLAIN = Priority(1_000.0)  # of NetworkPolicy among what shares its tier


class Origin(Protocol):
    """The document that an object was read from; tells lines only when asked."""

    path: str

    def line(self, pointer: Pointer) -> int:
        """The 1-based line of the value at the pointer below the object, or of the nearest value above it; 0 unknown."""
        ...


class Namespace(Struct, frozen=True, kw_only=True):
    """A namespace; `stated` is false when only something in it was read, so that its own labels are unknown."""

    name: str
    labels: dict[str, str]
    stated: bool = True


class ContainerPort(Struct, frozen=True):
    """A named port of a pod."""

    name: str
    protocol: str
    number: int


class Endpoint(Struct, frozen=True, kw_only=True):
    """A pod, or the pods that a workload makes. `workload` is what it is shown as, `Kind/name`.

    `addresses` are the pod's own; of a host-network pod those of its node. `node` is empty where unknown.
    `everywhere` says that every node runs one (DaemonSet), `single` that there is exactly one pod.
    `account` is the service account that it runs as.
    """

    namespace: str
    kind: str
    name: str
    workload: str
    labels: dict[str, str]
    ports: tuple[ContainerPort, ...] = ()
    addresses: tuple[Address, ...] = ()
    host_network: bool = False
    node: str = ""
    everywhere: bool = False
    single: bool = False
    account: str = "default"


class Node(Struct, frozen=True, kw_only=True):
    """A machine of the cluster; `stated` is false when only its name was read."""

    name: str
    labels: dict[str, str] = field(default_factory=dict)
    addresses: tuple[Address, ...] = ()
    stated: bool = True


class PodPeer(Struct, frozen=True):
    """Pods by their namespace and their labels. `namespace` names one; else `namespaces` selects them."""

    pods: Selector
    namespace: str | None = None
    namespaces: Selector = ()


class BlockPeer(Struct, frozen=True):
    """Addresses of a block that lie in none of the exceptions."""

    block: Block
    excepted: tuple[Block, ...] = ()


class NodePeer(Struct, frozen=True):
    """Nodes by their labels."""

    nodes: Selector


class NamePeer(Struct, frozen=True):
    """Domain names: which addresses they mean is not in the documents, so that any external one may be meant."""

    names: tuple[str, ...]


class AccountPeer(Struct, frozen=True):
    """Pods that run as one of these service accounts, as pairs of namespace and name."""

    accounts: frozenset[tuple[str, str]]


class OutsidePeer(Struct, frozen=True):
    """Every address that is neither a pod's nor a node's."""


class AnyOf(Struct, frozen=True):
    """What is in one of the parts; without parts nothing."""

    parts: tuple[Peer, ...]


class AllOf(Struct, frozen=True):
    """What is in every part; without parts everyone."""

    parts: tuple[Peer, ...]


class Not(Struct, frozen=True):
    """Everyone who is not in the part: pods, hosts and addresses outside."""

    part: Peer


class Maybe(Struct, frozen=True):
    """What is in the part may be meant or not: the documents do not tell."""

    part: Peer


Peer = PodPeer | BlockPeer | NodePeer | NamePeer | AccountPeer | OutsidePeer | AnyOf | AllOf | Not | Maybe


def leaves(peer: Peer) -> Iterator[Peer]:
    """The peers that a peer is made of."""
    if isinstance(peer, AnyOf | AllOf):
        for part in peer.parts:
            yield from leaves(part)
    elif isinstance(peer, Not | Maybe):
        yield from leaves(peer.part)
    else:
        yield peer


class PortMatch(Struct, frozen=True):
    """Ports of one protocol: from `first` to `last`, or those of the destination's that bear `name`.

    With a name, an empty protocol stands for all.
    """

    protocol: str
    first: int = 1
    last: int = LAST_PORT
    name: str = ""


class Rule(Struct, frozen=True, kw_only=True):
    """One rule. `peers` None is everyone, external addresses too; `ports` None is every port of every protocol.

    `doubt` says why the rule may match or not even where peers and ports do (empty: it does). `note` is what else it
    asks of a connection, for people (an HTTP path).
    """

    index: int
    action: str
    peers: tuple[Peer, ...] | None
    ports: tuple[PortMatch, ...] | None
    pointer: Pointer
    name: str = ""
    doubt: str = ""
    note: str = ""


class Doubt(NamedTuple):
    """A part of a policy that is not modelled: where it stands, and why answers may be unknown."""

    pointer: Pointer
    sentence: str


class Policy(Struct, frozen=True, kw_only=True):
    """A policy of any kind, in common terms.

    Rules are tried in order of tier, priority and index, and the first that matches decides (`pass`: goes on with the
    next tier). `isolates` are the directions in which what no rule of the tier decided is denied at its end.
    `subject` are pods; node peers in it mean hosts.
    """

    kind: str
    name: str
    namespace: str
    tier: Tier
    subject: Peer
    origin: Origin
    priority: Priority = PLAIN
    layer: int = ON_THE_NET
    isolates: frozenset[str] = frozenset()
    ingress: tuple[Rule, ...] = ()
    egress: tuple[Rule, ...] = ()
    doubts: tuple[Doubt, ...] = ()

    def rules(self, direction: str) -> tuple[Rule, ...]:
        """The rules of a direction."""
        return self.ingress if direction == INGRESS else self.egress

    def line(self, pointer: Pointer = ()) -> int:
        """Where in its file the policy, or a part of it, stands."""
        return self.origin.line(pointer)


class Unmodelled(Struct, frozen=True, kw_only=True):
    """A policy whose kind is not modelled: what it could change is unknown.

    `namespace` None reaches every namespace and the nodes. `only_denies` holds for kinds that never add a connection, `only_hosts` for those that are about nodes alone;
    `directions` are the sides that it could change.
    """

    kind: str
    name: str
    namespace: str | None
    origin: Origin
    only_denies: bool = False
    only_hosts: bool = False
    directions: frozenset[str] = frozenset({INGRESS, EGRESS})


class Refusal(Struct, frozen=True):
    """An object that the API server would refuse, where and why."""

    path: str
    line: int
    what: str
    why: str


class World(Struct, frozen=True, kw_only=True):
    """Everything that was read."""

    namespaces: dict[str, Namespace]
    endpoints: tuple[Endpoint, ...]
    nodes: tuple[Node, ...] = ()
    policies: tuple[Policy, ...] = ()
    unmodelled: tuple[Unmodelled, ...] = ()
    refused: tuple[Refusal, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()
    finished: frozenset[tuple[str, str]] = frozenset()
    doors: Doors = NO_DOORS


class Reason(Struct, frozen=True, kw_only=True):
    """What decided one direction of a flow.

    `effect` is `allows`, `denies`, `passes`, `isolates` (selects the pod, and no rule allows the flow), `unknown`,
    `node` (the pod's own node) or `self` (a pod's way to itself). `rule` is -1 where no single rule decided.
    """

    direction: str
    effect: str
    kind: str = ""
    namespace: str = ""
    policy: str = ""
    rule: int = -1
    path: str = ""
    line: int = 0
    text: str = ""


class Answer(Struct, frozen=True, kw_only=True):
    """Whether a connection can be made; None is unknown. `because` is empty where no policy has a say."""

    allowed: bool | None
    because: tuple[Reason, ...] = ()
