"""PeerAuthentication: which connections without mutual TLS pods take.

Sources: istio.io docs/reference/config/security/peer_authentication; istio/istio pilot/pkg/security/authn/
policy_applier.go (ComposePeerAuthentication) and the conversion for ztunnel in ambient/authorization.go.

The narrowest scope that says anything holds: port, workload, namespace, mesh. That is a tier of its own, in which what may
come in goes on to the AuthorizationPolicies. Where several of one scope meet, the oldest holds: unknown, if they differ.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from thwart.lib.intervals import Span, subtract
from thwart.network import model
from thwart.network.documents import Item
from thwart.network.kinds._istio_mesh import SIDECAR, UNSURE, Mesh, Plane
from thwart.network.kinds._istio_rules import WHOLE
from thwart.network.kinds._istio_spec import DISABLE, STRICT, UNSET, PeerSpec, mode
from thwart.network.model import (
    IN_THE_MESH,
    NETWORK,
    PASS,
    AllOf,
    AnyOf,
    Doubt,
    Maybe,
    Not,
    Peer,
    PodPeer,
    Pointer,
    Policy,
    PortMatch,
    Priority,
    Rule,
    Tier,
)
from thwart.network.selectors import Selector

TIER = Tier(NETWORK.order - 1, "istio-peer-authentication")
_WORKLOAD, _NAMESPACE, _MESH = Priority(1.0), Priority(2.0), Priority(3.0)
_PLAINTEXT = "only with mutual TLS"
_NAMELESS = "without mutual TLS nobody has the identity that policies may ask for"
_IN_ROOT = "has a selector in the root namespace: whether it holds for any pod depends on Istio's version"


_RIVALLED = "another PeerAuthentication of this scope may be older, and then this one does not hold"


class PeerRead(NamedTuple):
    """A PeerAuthentication, checked."""

    item: Item
    spec: PeerSpec
    chosen: Selector


class _Part(NamedTuple):
    """Ports that share a mode, and where that stands."""

    spans: tuple[Span, ...]
    mode: str
    pointer: Pointer


def rivalled(read: PeerRead, items: Iterable[Item]) -> bool:
    """Whether another of the same scope may hold in its place, and would leave a port to the next scope.

    Of several that select a workload the oldest holds alone; which that is is not read.
    """
    for item in items:
        spec = item.spec(PeerSpec)
        alike = item.namespace == read.item.namespace and bool(spec.selector) == bool(read.spec.selector)
        if alike and item.name != read.item.name and UNSET in (mode(spec.mtls), *_modes_of_ports(spec)):
            return True
    return False


def _modes_of_ports(spec: PeerSpec) -> Iterator[str]:
    return (mode(mtls) for mtls in (spec.port_level_mtls or {}).values())


def peer_policies(read: PeerRead, mesh: Mesh, doubts: tuple[Doubt, ...], *, rivals: bool) -> Iterator[Policy]:
    """One policy for each way in which its rules differ; with `rivals` it may not hold at all."""
    in_root = read.item.namespace == mesh.root
    misplaced = in_root and bool(read.chosen)
    scope = PodPeer(pods=read.chosen, namespace=None if in_root else read.item.namespace)
    priority = _WORKLOAD if read.chosen else _MESH if in_root else _NAMESPACE
    if misplaced:
        doubts = (*doubts, Doubt(("spec", "selector"), _IN_ROOT))
    elif rivals:
        doubts = (*doubts, Doubt(("spec",), f"does not hold for certain: {_RIVALLED}"))
    contents: dict[tuple[Rule, ...], list[Plane]] = {}
    for plane in mesh.planes:
        doubt = _IN_ROOT if misplaced else _RIVALLED if rivals else ""
        rules = tuple(_rules(read.spec, plane.name, mesh, doubt))
        contents.setdefault(rules, []).append(plane)
    for rules, planes in contents.items():
        if rules:
            pods = AnyOf(tuple(Maybe(one.pods) if one.name == UNSURE else one.pods for one in planes))
            yield Policy(
                kind=read.item.kind,
                name=read.item.name,
                namespace=read.item.namespace,
                tier=TIER,
                priority=priority,
                layer=IN_THE_MESH,
                subject=AllOf((scope, pods, Not(mesh.gateways))),  # gateways take what their own listeners say
                origin=read.item.origin,
                ingress=rules,
                doubts=doubts,
            )
            doubts = ()


def _parts(spec: PeerSpec) -> Iterator[_Part]:
    """The ports by their modes. What inherits from the next scope is left out."""
    general = mode(spec.mtls)
    own: dict[str, list[tuple[Span, str]]] = {}
    for text, mtls in (spec.port_level_mtls or {}).items():
        number = int(text)
        own.setdefault(mode(mtls), []).append((Span(number, number), text))
    for wanted, ports in own.items():
        if wanted != UNSET:
            spans = tuple(sorted(span for span, _ in ports))
            yield _Part(spans, wanted, ("spec", "portLevelMtls", ports[0][1]))
    if general != UNSET:
        said = [span for wanted, ports in own.items() if wanted != UNSET for span, _ in ports]
        yield _Part(tuple(subtract(WHOLE, said)), general, ("spec", "mtls"))


def _rules(spec: PeerSpec, plane: str, mesh: Mesh, doubt: str) -> Iterator[Rule]:
    index = 0
    for part in _parts(spec):
        ports = tuple(PortMatch("TCP", span.first, span.last) for span in part.spans)
        for action, peer, why, note in _steps(part.mode, plane, mesh):
            peers: Iterable[Peer] | None = None if peer is None else (peer,)
            yield Rule(
                index=index,
                action=action,
                peers=None if peers is None else tuple(peers),
                ports=ports,
                pointer=part.pointer,
                doubt=why or doubt,
                note=note,
            )
            index += 1


def _steps(wanted: str, plane: str, mesh: Mesh) -> Iterator[tuple[str, Peer | None, str, str]]:
    """Action, peer, doubt and note. Ztunnel knows no DISABLE: it takes connections either way."""
    if wanted == STRICT:
        yield model.DENY, Not(mesh.members), "", _PLAINTEXT
    if wanted == DISABLE and plane in (SIDECAR, UNSURE):
        # the other proxy drops its identity: what policies say of those who have one holds or not
        yield model.DENY, mesh.members, _NAMELESS, ""
        yield model.ALLOW, mesh.members, _NAMELESS, ""
    yield PASS, None, "", ""
