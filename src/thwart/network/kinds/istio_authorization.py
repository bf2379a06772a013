"""AuthorizationPolicy and PeerAuthentication of Istio, security.istio.io, as far as they decide about connections.

Sources: istio.io docs/reference/config/security/authorization-policy and peer_authentication; istio/istio
pilot/pkg/security/authz/builder (CUSTOM, then DENY, then ALLOW), pilot/pkg/security/authn ComposePeerAuthentication (which
mode holds), pilot/pkg/serviceregistry/kube/controller/ambient (ztunnel), pkg/config/validation (what is refused).

A mesh carries TCP only: it stops no UDP and no SCTP. Pods out of the mesh enforce nothing. What is enforced elsewhere, at
waypoints and by external authorizers, is unknown, never allowed. The proxy's own ports (15008, 15020, 15021, 15090) are
judged as any other; egress (Sidecar, REGISTRY_ONLY, ServiceEntry) and DestinationRule are not read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from msgspec.structs import replace

from thwart.network import model
from thwart.network.documents import Item
from thwart.network.kinds import Made, Pending, Surroundings, policy_kind, supporting_kind
from thwart.network.kinds._istio_members import GatewaySpec, any_of
from thwart.network.kinds._istio_mesh import (
    AMBIENT,
    NOBODY,
    OTHER_ROOT,
    UNSURE,
    InstallSpec,
    Mesh,
    Plane,
    mesh_of,
)
from thwart.network.kinds._istio_peers import PeerRead, peer_policies, rivalled
from thwart.network.kinds._istio_rules import OTHERS, Context, Place, make_rule, needs_identity
from thwart.network.kinds._istio_spec import (
    ALLOW,
    AUDIT,
    CUSTOM,
    PeerSpec,
    PolicySpec,
    TargetRef,
    check_peer,
    check_policy,
    dry_run,
    selector,
)
from thwart.network.kinds._parts import check_name
from thwart.network.model import (
    IN_THE_MESH,
    INGRESS,
    NETWORK,
    PLAIN,
    AllOf,
    AnyOf,
    Doubt,
    Maybe,
    Not,
    OutsidePeer,
    Peer,
    PodPeer,
    Policy,
    PortMatch,
    Priority,
    Rule,
)
from thwart.network.selectors import Requirement, Selector

GROUP = "security.istio.io"
_FIRST = {CUSTOM: Priority(-2.0), "DENY": Priority(-1.0), ALLOW: PLAIN}
_UNSIGNED = "is about pods of a mesh, and no label of a namespace or a pod shows which are in it"
_CUSTOM = "leaves the decision to an external authorizer"
_WAYPOINT = "is enforced at gateways or waypoints, which are not modelled"
_GATEWAY_NAME = "gateway.networking.k8s.io/gateway-name"
_FOR_NAMESPACE = "istio.io/use-waypoint-namespace"


class _Read(NamedTuple):
    item: Item
    spec: PolicySpec
    chosen: Selector


@policy_kind(f"{GROUP}/v1", "AuthorizationPolicy")
@policy_kind(f"{GROUP}/v1beta1", "AuthorizationPolicy")
def authorization_policy(item: Item) -> Pending:
    """Decode and check one object; who is meant is worked out when everything was read."""
    check_name(item, namespaced=True)
    spec = item.spec(PolicySpec)
    check_policy(spec)
    read = _Read(item, spec, selector(spec.selector))
    if spec.action == AUDIT or dry_run(item):
        return lambda _: ()  # decides nothing
    return lambda around: _finish(read, mesh_of(around))


@policy_kind(f"{GROUP}/v1", "PeerAuthentication")
@policy_kind(f"{GROUP}/v1beta1", "PeerAuthentication")
def peer_authentication(item: Item) -> Pending:
    """The same for one that says how connections reach pods."""
    check_name(item, namespaced=True)
    spec = item.spec(PeerSpec)
    check_peer(spec)
    read = PeerRead(item, spec, selector(spec.selector))

    def decode(around: Surroundings) -> Made:
        mesh = mesh_of(around)
        doubts = () if mesh.signed else (Doubt(("spec",), _UNSIGNED),)
        rivals = rivalled(read, around.items(GROUP, "PeerAuthentication"))
        return tuple(peer_policies(read, mesh, doubts, rivals=rivals))

    return decode


def _finish(read: _Read, mesh: Mesh) -> Made:
    if read.spec.targets():
        return tuple(_attached(read, mesh))
    return tuple(_policies(read, mesh))


def _scope(read: _Read, mesh: Mesh) -> Peer:
    """The pods that are selected: of the policy's namespace, or of all if that is the root namespace."""
    namespace = read.item.namespace
    everywhere = PodPeer(pods=read.chosen)
    if namespace == mesh.root:
        return everywhere
    own = PodPeer(pods=read.chosen, namespace=namespace)
    if namespace == OTHER_ROOT and not mesh.root_stated:
        return AnyOf((own, Maybe(everywhere)))
    return own


# --- policies of pods -------------------------------------------------------------------------------------------------

_Content = tuple[tuple[tuple[Peer, ...], tuple[Rule, ...]], ...]  # what the pod must be, and the rules it then has


def _policies(read: _Read, mesh: Mesh) -> Iterator[Policy]:
    """The rules as they are in each plane, and for ALLOW the isolation of what is selected.

    A pod that may be in the mesh has the rules that allow for certain, as out of the mesh all is allowed; what is in
    doubt is the isolation.
    """
    scope = _scope(read, mesh)
    everything = read.item.namespace in (mesh.root, OTHER_ROOT)
    action = read.spec.action or ALLOW
    context = Context(mesh, action, read.item.namespace, mesh.spoken(None if everything else read.item.namespace))
    contents: dict[_Content, list[Plane]] = {}
    for place, plane in _places(read, mesh):
        contents.setdefault(_content(read, place, context), []).append(plane)
    doubts = [Doubt(("spec",), _UNSIGNED)] if not mesh.signed else []
    if action == CUSTOM:
        doubts.append(Doubt(("spec", "action"), _CUSTOM))
    certain = all(plane.name != UNSURE for several in contents.values() for plane in several)
    simple = certain and len(contents) == 1
    for content, planes in contents.items():
        pods = AnyOf(tuple(p.pods if action == ALLOW or p.name != UNSURE else Maybe(p.pods) for p in planes))
        for here, rules in content:
            isolates = frozenset({INGRESS}) if simple and action == ALLOW and not here else frozenset[str]()
            if rules or isolates:
                yield _policy(read, AllOf((scope, pods, *here)), rules, isolates, doubts)
                doubts = []
    if action == ALLOW and not simple:
        yield _policy(read, AllOf((scope, mesh.members)), (), frozenset({INGRESS}), doubts)


def _places(read: _Read, mesh: Mesh) -> Iterator[tuple[Place, Plane]]:
    """The planes; ambient pods behind a waypoint apart where it matters who comes."""
    waypointed = mesh.waypointed if needs_identity(read.spec.rules or ()) else None
    for plane in mesh.planes:
        if plane.name == AMBIENT and read.spec.action == CUSTOM:
            continue  # ztunnel has no such thing
        if plane.name == AMBIENT and waypointed is not None:
            yield Place(plane.name, True), Plane(plane.name, AllOf((plane.pods, waypointed)))
            yield Place(plane.name, False), Plane(plane.name, AllOf((plane.pods, Not(waypointed))))
        else:
            yield Place(plane.name, False), plane


def _content(read: _Read, place: Place, context: Context) -> _Content:
    found: dict[tuple[Peer, ...], list[Rule]] = {(): []}
    for index, rule in enumerate(read.spec.rules or ()):
        for here, made in make_rule(rule, index, place, context):
            found.setdefault(here, []).append(made)
    if context.action == ALLOW:
        found[()].append(_passed())
    return tuple((here, tuple(rules)) for here, rules in found.items())


def _passed() -> Rule:
    note = "only TCP goes through the mesh"
    return Rule(index=-1, action=model.ALLOW, peers=None, ports=OTHERS, pointer=("spec",), note=note)


def _policy(
    read: _Read, subject: Peer, rules: tuple[Rule, ...], isolates: frozenset[str], doubts: Iterable[Doubt]
) -> Policy:
    return Policy(
        kind=read.item.kind,
        name=read.item.name,
        namespace=read.item.namespace,
        tier=NETWORK,
        priority=_FIRST[read.spec.action or ALLOW],
        layer=IN_THE_MESH,
        subject=subject,
        origin=read.item.origin,
        isolates=isolates,
        ingress=rules,
        doubts=tuple(doubts),
    )


# --- policies of what is before pods ----------------------------------------------------------------------------------


def _attached(read: _Read, mesh: Mesh) -> Iterator[Policy]:
    """What is enforced at gateways and waypoints may stop connections to them and to what is behind them."""
    doubts = (Doubt(("spec",), _WAYPOINT),)
    served = tuple(plane.pods for plane in mesh.planes if plane.name in (AMBIENT, UNSURE))
    behind = any_of(peer for target in read.spec.targets() for peer in _behind(target, read, mesh))
    if behind != NOBODY:
        subject = AllOf((AnyOf((mesh.gateways, _named_gateways(), *served)), behind))
        yield replace(_policy(read, subject, (_stopped(),), frozenset(), doubts), priority=_FIRST[CUSTOM])
    if any(target.kind == "ServiceEntry" for target in read.spec.targets()):
        found = _policy(read, AnyOf(served), (), frozenset(), doubts if behind == NOBODY else ())
        yield replace(found, egress=(replace(_stopped(), peers=(OutsidePeer(),)),), priority=_FIRST[CUSTOM])


def _stopped() -> Rule:
    doubt = f"it {_WAYPOINT}"
    return Rule(
        index=-1, action=model.DENY, peers=None, ports=(PortMatch("TCP"),), pointer=("spec",), doubt=doubt
    )  # fmt: skip


def _behind(target: TargetRef, read: _Read, mesh: Mesh) -> Iterator[Peer]:
    namespace = read.item.namespace
    if target.kind == "ServiceEntry":
        return
    if target.kind == "GatewayClass" or namespace == mesh.root:
        yield PodPeer(pods=())
        return
    yield PodPeer(pods=(), namespace=namespace)
    yield PodPeer(pods=(), namespaces=(Requirement(_FOR_NAMESPACE, "In", (namespace,)),))


def _named_gateways() -> Peer:
    return PodPeer(pods=(Requirement(_GATEWAY_NAME, "Exists"),))


# --- what policies refer to -------------------------------------------------------------------------------------------


@supporting_kind("networking.istio.io", "Gateway")
def gateway(item: Item) -> None:
    """Check the shape."""
    item.spec(GatewaySpec)


@supporting_kind("install.istio.io", "IstioOperator")
@supporting_kind("sailoperator.io", "Istio")
def installation(item: Item) -> None:
    """Check the shape."""
    item.spec(InstallSpec)


@supporting_kind(GROUP, "RequestAuthentication")
def request_authentication(item: Item) -> None:
    """That there is one is all that matters."""
    check_name(item, namespaced=True)
