"""The mesh around the policies: how its pods are served, who is who in it, and what is spoken.

Sources: istio/istio pilot/pkg/security/authz/model/generator.go (how identities are matched), pilot/pkg/security/
trustdomain, pkg/config/protocol (what a Service declares); istio.io docs/reference/config/istio.mesh.v1alpha1.

Taken as given: proxies in the mesh speak mutual TLS to each other wherever the other side can (automatic mutual TLS), and
identities are `<trust domain>/ns/<namespace>/sa/<account>`. A mesh of several clusters is judged as this one alone:
addresses outside have no identity.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from typing import Any, NamedTuple

import msgspec

from thwart.network.kinds import Surroundings
from thwart.network.kinds._istio_members import (
    NAME,
    any_of,
    captured,
    gateways,
    injected,
    is_ambient,
    labelled,
    pod_labels,
    signed,
    unsure,
)
from thwart.network.model import AccountPeer, AllOf, AnyOf, Maybe, Not, Peer, PodPeer
from thwart.network.selectors import Requirement

SIDECAR, AMBIENT, UNSURE = "sidecar", "ambient", "unsure"
NOBODY, EVERYONE = AnyOf(()), AllOf(())
ROOT = "istio-system"
OTHER_ROOT = "istio-config"  # the root namespace of many examples
_LOCAL = (
    "cluster.local"  # stands for the mesh's own trust domain, whatever it is called (pilot/pkg/security/trustdomain)
)
_WAYPOINT = "istio.io/use-waypoint"
_NOT_HTTP = frozenset({"tcp", "tls", "https", "mongo", "mysql", "redis"})
_MOST_COMPARISONS = 5_000_000  # of patterns with the names of namespaces; what is beyond is unknown
_SERVER_FIRST = frozenset({25, 53, 3306, 27017})  # no protocol is looked for there


Account = tuple[str, str]  # namespace and name


class Plane(NamedTuple):
    """A way of serving pods, and the pods: `unsure` ones are served in one of the other ways, or in none."""

    name: str
    pods: Peer


class Spoken(NamedTuple):
    """Ports with the pods at which they never speak HTTP, and those at which they may not, as Services declare it."""

    ports: tuple[int, ...]
    never: Peer
    perhaps: Peer


class _Declared(NamedTuple):
    pods: Peer
    not_http: bool
    by_name: bool


class MeshConfig(msgspec.Struct, rename="camel"):
    """What an installation says of the mesh."""

    root_namespace: str | None = None
    trust_domain: str | None = None
    trust_domain_aliases: list[str] | None = None


class _Values(msgspec.Struct, rename="camel"):
    mesh_config: MeshConfig | None = None


class InstallSpec(msgspec.Struct, rename="camel"):
    """`spec` of an IstioOperator, or of an Istio of the Sail operator."""

    mesh_config: MeshConfig | None = None
    values: _Values | None = None


class _Port(msgspec.Struct, rename="camel"):
    name: str | None = None
    port: int | None = None
    target_port: int | str | None = None
    protocol: str | None = None
    app_protocol: str | None = None


class _Service(msgspec.Struct):
    selector: dict[str, str | None] | None = None
    ports: list[_Port] | None = None


class Mesh:
    """What the documents tell about the mesh."""

    def __init__(self, around: Surroundings) -> None:
        self._around = around
        self._found: dict[tuple[str, str], Peer] = {}  # patterns that were looked up
        self._comparisons = _MOST_COMPARISONS
        config = _config(around)
        self.root = config.root_namespace or ROOT
        self.root_stated = bool(config.root_namespace)
        self._domains_stated = bool(config.trust_domain)
        self._domains = dict.fromkeys((_LOCAL, config.trust_domain or _LOCAL, *(config.trust_domain_aliases or ())))
        self.gateways = gateways(around)
        self.signed = signed(around)
        sidecars = AnyOf((*injected(), self.gateways))
        ambient = AllOf((AnyOf(captured()), Not(sidecars)))
        self.planes = [Plane(SIDECAR, sidecars)]
        if is_ambient(around):
            self.planes.append(Plane(AMBIENT, ambient))
        open_question = unsure(around, signed=self.signed)
        if open_question is not None:
            self.planes.append(Plane(UNSURE, AllOf((open_question, Not(sidecars), Not(ambient)))))

    @cached_property
    def members(self) -> Peer:
        """The pods in the mesh: those whose connections have an identity."""
        return AnyOf(tuple(Maybe(plane.pods) if plane.name == UNSURE else plane.pods for plane in self.planes))

    @cached_property
    def waypointed(self) -> Peer | None:
        """Pods that others may reach through a waypoint, in whose name the connection then arrives."""
        used = (Requirement(_WAYPOINT, "Exists"), Requirement(_WAYPOINT, "NotIn", ("none",)))
        found: list[Peer] = [PodPeer(namespace=item.namespace, pods=()) for item in self._around.items("", "Service")
                             if item.labels.get(_WAYPOINT, "none") != "none"]  # fmt: skip
        if any(_WAYPOINT in namespace.labels for namespace in self._around.namespaces.values()):
            found.append(PodPeer(pods=(), namespaces=used))
        if any(_WAYPOINT in labels for labels in pod_labels(self._around)):
            found.append(PodPeer(pods=used))
        return any_of(found) if found else None

    @cached_property
    def _addressed(self) -> bool:
        return all(pod.addresses for pod in self._around.endpoints)

    def elsewhere(self, blocks: Peer) -> Peer:
        """The pods that are selected because they are in none of these blocks; one without address may be in one."""
        return Not(blocks) if self._addressed else Maybe(Not(blocks))

    # --- who is who ---------------------------------------------------------------------------------------------------

    @cached_property
    def _identities(self) -> tuple[list[tuple[str, Account]], list[tuple[str, Account]]]:
        """`/ns/<namespace>/sa/<account>` of all pods in their order; and backwards, letter by letter."""
        pairs = {(pod.namespace, pod.account) for pod in self._around.endpoints if not pod.host_network}
        found = [(f"/ns/{namespace}/sa/{account}", (namespace, account)) for namespace, account in pairs]
        return sorted(found), sorted((text[::-1], pair) for text, pair in found)

    def principals(self, patterns: Iterable[str]) -> Peer:
        """The pods whose identity matches one of these: whole, `abc*`, `*abc`, or `*` for any."""
        return self._identified("principal", patterns, self._principal)

    def namespaces(self, patterns: Iterable[str]) -> Peer:
        """The pods whose identity is of one of these namespaces; a `*` stands for anything, wherever it is."""
        return self._identified("namespace", patterns, self._namespace)

    def accounts(self, names: Iterable[str], namespace: str) -> Peer:
        """The pods whose identity is of one of these service accounts, by default of the policy's namespace."""
        pairs = {(head if slash else namespace, tail if slash else head)
                 for head, slash, tail in (name.partition("/") for name in names)}  # fmt: skip
        return AllOf((self.members, AccountPeer(frozenset(pairs))))

    def _identified(self, what: str, patterns: Iterable[str], look_up: Callable[[str], Peer]) -> Peer:
        found = []
        for pattern in patterns:
            peer = self._found.get((what, pattern))
            if peer is None:
                peer = self._found[what, pattern] = look_up(pattern)
            found.append(peer)
        return AllOf((self.members, any_of(found)))

    def _principal(self, pattern: str) -> Peer:
        if pattern == "*":
            return EVERYONE
        if pattern.startswith("*"):
            return self._ending(pattern[1:])
        domain, slash, rest = pattern.partition("/")
        if pattern.endswith("*"):
            if slash and domain not in self._domains:
                return self._elsewhere(domain, self._prefixed(rest[:-1]))
            return self._prefixed(rest[:-1]) if slash else self._any_domain(pattern[:-1])
        parts = pattern.split("/")
        if len(parts) != 5 or (parts[1], parts[3]) != ("ns", "sa"):
            return NOBODY
        found = AccountPeer(frozenset({(parts[2], parts[4])}))
        return found if domain in self._domains else self._elsewhere(domain, found)

    def _elsewhere(self, domain: str, found: Peer) -> Peer:
        """Another trust domain: nobody's here, if it is known how this mesh calls its own. No domain has a colon."""
        return NOBODY if self._domains_stated or ":" in domain else Maybe(found)

    def _prefixed(self, rest: str) -> Peer:
        parts = rest.split("/")
        if len(parts) > 2 and parts[0] == "ns" and parts[2:] in ([""], ["sa", ""]):
            return PodPeer(pods=(), namespace=parts[1])
        return AccountPeer(frozenset(_beginning(self._identities[0], "/" + rest)))

    def _ending(self, end: str) -> Peer:
        """The pods whose identity ends so; the end may be longer than what comes behind the trust domain."""
        found = set(_beginning(self._identities[1], end[::-1]))
        at = end.find("/ns/")
        if at >= 0 and any(domain.endswith(end[:at]) for domain in self._domains):
            found |= {pair for text, pair in self._identities[0][slice(*_range(self._identities[0], end[at:]))]
                      if text == end[at:]}  # fmt: skip
        return AccountPeer(frozenset(found))

    def _any_domain(self, start: str) -> Peer:
        if any(domain.startswith(start) for domain in self._domains):
            return EVERYONE
        return self._elsewhere(start, EVERYONE)

    def _namespace(self, pattern: str) -> Peer:
        if "*" not in pattern:
            return PodPeer(pods=(), namespace=pattern)
        if not pattern.strip("*"):
            return EVERYONE
        self._comparisons -= len(self._around.namespaces)
        if self._comparisons < 0:
            return Maybe(EVERYONE)
        found = tuple(sorted(name for name in self._around.namespaces if _glob(pattern, name)))
        return PodPeer(pods=(), namespaces=(Requirement(NAME, "In", found),)) if found else NOBODY

    # --- what is spoken -----------------------------------------------------------------------------------------------

    @cached_property
    def _declarations(self) -> list[tuple[str, int, _Declared]]:
        """Namespace and port of pods with what a Service says of it."""
        named: dict[tuple[str, str], set[int]] = {}
        for pod in self._around.endpoints:
            for port in pod.ports:
                named.setdefault((pod.namespace, port.name), set()).add(port.number)
        found = []
        for item in self._around.items("", "Service"):
            spec = item.spec(_Service)
            pods = PodPeer(pods=labelled(spec.selector or {}), namespace=item.namespace)
            for port_spec in (spec.ports or ()) if spec.selector else ():
                if (port_spec.protocol or "TCP") == "TCP":
                    target = port_spec.target_port or port_spec.port or 0
                    by_name = isinstance(target, str)
                    numbers = named.get((item.namespace, target), ()) if isinstance(target, str) else (target,)
                    declared = _Declared(pods, _is_not_http(port_spec), by_name)
                    found += [(item.namespace, number, declared) for number in sorted(numbers)]
        return found

    def spoken(self, namespace: str | None) -> tuple[Spoken, ...]:
        """Ports of pods of a namespace (None: of any) that a Service declares to speak something else than HTTP."""
        by_port: dict[int, list[_Declared]] = {}
        for place, number, declared in self._declarations:
            if namespace in (None, place):
                by_port.setdefault(number, []).append(declared)
        found: dict[tuple[Peer, Peer], list[int]] = {}
        for number, several in sorted(by_port.items()):
            if any(one.not_http for one in several):
                agreed = all(one.not_http for one in several)
                never = [one.pods for one in several if agreed and not one.by_name]
                perhaps = [one.pods for one in several if not agreed or one.by_name]
                found.setdefault((any_of(never), any_of(perhaps)), []).append(number)
        return tuple(Spoken(tuple(numbers), *peers) for peers, numbers in found.items())

    def has_tokens(self) -> bool:
        """Whether anything says whose tokens are believed."""
        return bool(self._around.items("security.istio.io", "RequestAuthentication"))


_last: list[tuple[Surroundings, Mesh]] = []


def mesh_of(around: Surroundings) -> Mesh:
    """The mesh of a world, made once for all of its policies."""
    if not _last or _last[0][0] is not around:
        _last[:] = [(around, Mesh(around))]
    return _last[0][1]


def _config(around: Surroundings) -> MeshConfig:
    for group, kind in (("install.istio.io", "IstioOperator"), ("sailoperator.io", "Istio")):
        for item in around.items(group, kind):
            spec = item.spec(InstallSpec)
            found = spec.mesh_config or (spec.values.mesh_config if spec.values else None)
            if found is not None:
                return found
    return MeshConfig()


def _range(texts: list[tuple[str, Account]], start: str) -> tuple[int, int]:
    """Where the texts that begin so stand in their order."""
    return bisect_left(texts, (start,)), bisect_left(texts, (start + chr(0x10FFFF),))


def _beginning(texts: list[tuple[str, Account]], start: str) -> Iterator[Account]:
    yield from (pair for _, pair in texts[slice(*_range(texts, start))])


def _glob(pattern: str, text: str) -> bool:
    """Whether a text has a pattern's parts in their order; linear, whatever is written."""
    first, *rest = pattern.split("*")
    if not text.startswith(first):
        return False
    at = len(first)
    for part in rest[:-1]:
        at = text.find(part, at)
        if at < 0:
            return False
        at += len(part)
    return not rest or (len(text) - at >= len(rest[-1]) and text.endswith(rest[-1]))


def _is_not_http(port: _Port) -> bool:
    """`appProtocol`, else the name up to its first hyphen; else it is looked for in what is spoken."""
    told: Any = port.app_protocol or (port.name or "").partition("-")[0]
    if told.lower() in _NOT_HTTP:
        return True
    return not port.app_protocol and told.lower() not in ("http", "http2", "grpc") and port.port in _SERVER_FIRST
