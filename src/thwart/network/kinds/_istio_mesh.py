"""The mesh around the policies: which pods are in it, how each is served, and who is who in it.

Sources: istio.io docs/setup/additional-setup/sidecar-injection and the webhook that its charts make (labels, and which of
them wins), pkg/kube/inject/inject.go (host network, system namespaces), cni/pkg/util/podutil.go (ambient),
pilot/pkg/security/authz/model/generator.go (how identities are matched), pkg/config/protocol (what a Service declares).

Taken as given: the revisions that labels name are installed, `enableNamespacesByDefault` is off, proxies in the mesh
speak mutual TLS to each other wherever the other side can (automatic mutual TLS), and identities are `<trust
domain>/ns/<namespace>/sa/<account>`. Pods' annotations are not read. A mesh of several clusters is judged as this one
alone: addresses outside have no identity.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any, NamedTuple

import msgspec

from thwart.network.kinds import Surroundings
from thwart.network.model import AccountPeer, AllOf, AnyOf, Maybe, Not, Peer, PodPeer
from thwart.network.selectors import Requirement, Selector

SIDECAR, AMBIENT, UNSURE = "sidecar", "ambient", "unsure"
NOBODY, EVERYONE = AnyOf(()), AllOf(())
ROOT = "istio-system"
OTHER_ROOT = "istio-config"  # the root namespace of many examples
_LOCAL = "cluster.local"  # stands for the mesh's own trust domain, whatever it is called (pilot/pkg/security/trustdomain)
_NAME = "kubernetes.io/metadata.name"
_BY_NAMESPACE, _REVISION, _BY_POD = "istio-injection", "istio.io/rev", "sidecar.istio.io/inject"
_MODE, _TLS, _WAYPOINT = "istio.io/dataplane-mode", "security.istio.io/tlsMode", "istio.io/use-waypoint"
_MANAGED, _ROLE = "gateway.istio.io/managed", "istio"
_GATEWAY_ROLES = ("eastwestgateway", "egressgateway", "ingressgateway")
_IGNORED = ("kube-node-lease", "kube-public", "kube-system", "local-path-storage")
_NOT_HTTP = frozenset({"tcp", "tls", "https", "mongo", "mysql", "redis"})
_SERVER_FIRST = frozenset({25, 53, 3306, 27017})  # no protocol is looked for there


class Plane(NamedTuple):
    """A way of serving pods, and the pods: `unsure` ones are served in one of the other ways, or in none."""

    name: str
    pods: Peer


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


class GatewaySpec(msgspec.Struct):
    """`spec` of Istio's own Gateway: the labels of the pods that it configures."""

    selector: dict[str, str | None] | None = None


class _Port(msgspec.Struct, rename="camel"):
    name: str | None = None
    port: int | None = None
    target_port: int | str | None = None
    protocol: str | None = None
    app_protocol: str | None = None


class _Service(msgspec.Struct):
    ports: list[_Port] | None = None


class Mesh:
    """What the documents tell about the mesh."""

    def __init__(self, around: Surroundings) -> None:
        self._around = around
        config = _config(around)
        self.root = config.root_namespace or ROOT
        self.root_stated = bool(config.root_namespace)
        self._domains_stated = bool(config.trust_domain)
        self._domains = dict.fromkeys((_LOCAL, config.trust_domain or _LOCAL, *(config.trust_domain_aliases or ())))
        self.gateways = _gateways(around)
        self.signed = _signed(around)
        sidecars = AnyOf((*_injected(), self.gateways))
        ambient = AllOf((AnyOf(_captured()), Not(sidecars)))
        self.planes = [Plane(SIDECAR, sidecars)]
        if _is_ambient(around):
            self.planes.append(Plane(AMBIENT, ambient))
        unsure = _unsure(around, signed=self.signed)
        if unsure is not None:
            self.planes.append(Plane(UNSURE, AllOf((unsure, Not(sidecars), Not(ambient)))))

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
        if any(_WAYPOINT in labels for labels in _labels(self._around)):
            found.append(PodPeer(pods=used))
        return AnyOf(tuple(dict.fromkeys(found))) if found else None

    # --- who is who ---------------------------------------------------------------------------------------------------

    @cached_property
    def _accounts(self) -> list[tuple[str, str]]:
        return sorted({(pod.namespace, pod.account) for pod in self._around.endpoints if not pod.host_network})

    def principals(self, patterns: Iterable[str]) -> Peer:
        """The pods whose identity matches one of these: whole, `abc*`, `*abc`, or `*` for any."""
        return self._identified(map(self._principal, patterns))

    def namespaces(self, patterns: Iterable[str]) -> Peer:
        """The pods whose identity is of one of these namespaces; a `*` stands for anything, wherever it is."""
        return self._identified(map(self._namespace, patterns))

    def accounts(self, names: Iterable[str], namespace: str) -> Peer:
        """The pods whose identity is of one of these service accounts, by default of the policy's namespace."""
        pairs = {(head if slash else namespace, tail if slash else head)
                 for head, slash, tail in (name.partition("/") for name in names)}  # fmt: skip
        return self._identified([AccountPeer(frozenset(pairs))])

    def _identified(self, parts: Iterable[Peer]) -> Peer:
        return AllOf((self.members, AnyOf(tuple(dict.fromkeys(parts)))))

    def _principal(self, pattern: str) -> Peer:
        if pattern == "*":
            return EVERYONE
        if pattern.startswith("*"):
            return self._matching(lambda identity: identity.endswith(pattern[1:]), self._domains)
        domain, slash, rest = pattern.partition("/")
        if pattern.endswith("*"):
            if slash and domain not in self._domains:
                return self._elsewhere(domain, self._prefixed(domain, rest[:-1]))
            return self._prefixed(domain, rest[:-1]) if slash else self._any_domain(pattern[:-1])
        parts = pattern.split("/")
        if len(parts) != 5 or (parts[1], parts[3]) != ("ns", "sa"):
            return NOBODY
        found = AccountPeer(frozenset({(parts[2], parts[4])}))
        return found if domain in self._domains else self._elsewhere(domain, found)

    def _elsewhere(self, domain: str, found: Peer) -> Peer:
        """Another trust domain: nobody's here, if it is known how this mesh calls its own. No domain has a colon."""
        return NOBODY if self._domains_stated or ":" in domain else Maybe(found)

    def _prefixed(self, domain: str, rest: str) -> Peer:
        parts = rest.split("/")
        if len(parts) > 2 and parts[0] == "ns" and parts[2:] in ([""], ["sa", ""]):
            return PodPeer(pods=(), namespace=parts[1])
        return self._matching(lambda identity: identity.startswith(f"{domain}/{rest}"), (domain,))

    def _any_domain(self, start: str) -> Peer:
        if any(domain.startswith(start) for domain in self._domains):
            return EVERYONE
        return self._elsewhere(start, EVERYONE)

    def _matching(self, matches: Callable[[str], bool], domains: Iterable[str]) -> Peer:
        names = list(domains)
        return AccountPeer(
            frozenset(
                (namespace, account)
                for namespace, account in self._accounts
                if any(matches(f"{domain}/ns/{namespace}/sa/{account}") for domain in names)
            )
        )

    def _namespace(self, pattern: str) -> Peer:
        if "*" not in pattern:
            return PodPeer(pods=(), namespace=pattern)
        if not pattern.strip("*"):
            return EVERYONE
        found = tuple(sorted(name for name in self._around.namespaces if _glob(pattern, name)))
        return PodPeer(pods=(), namespaces=(Requirement(_NAME, "In", found),)) if found else NOBODY

    # --- what is spoken -----------------------------------------------------------------------------------------------

    @cached_property
    def _not_http(self) -> dict[str, frozenset[int]]:
        named: dict[tuple[str, str], set[int]] = {}
        for pod in self._around.endpoints:
            for port in pod.ports:
                named.setdefault((pod.namespace, port.name), set()).add(port.number)
        found: dict[str, set[int]] = {}
        for item in self._around.items("", "Service"):
            for port_spec in item.spec(_Service).ports or ():
                if (port_spec.protocol or "TCP") == "TCP" and _is_not_http(port_spec):
                    target = port_spec.target_port or port_spec.port or 0
                    numbers = {target} if isinstance(target, int) else named.get((item.namespace, target), set())
                    found.setdefault(item.namespace, set()).update(numbers)
        return {namespace: frozenset(numbers) for namespace, numbers in found.items()}

    def not_http(self, namespace: str | None) -> frozenset[int]:
        """Ports of pods of a namespace (None: of any) that a Service declares to speak something else than HTTP."""
        if namespace is not None:
            return self._not_http.get(namespace, frozenset())
        return frozenset().union(*self._not_http.values())

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


def _labels(around: Surroundings) -> Iterator[Mapping[str, str]]:
    """The different labels of pods: replicas share theirs."""
    yield from {id(pod.labels): pod.labels for pod in around.endpoints}.values()


def _signed(around: Surroundings) -> bool:
    """Whether the documents show at all how pods get into the mesh."""
    return any(
        labels.get(_BY_NAMESPACE) == "enabled" or _REVISION in labels or labels.get(_MODE) == "ambient"
        for labels in (namespace.labels for namespace in around.namespaces.values())
    ) or any(
        labels.get(_BY_POD) == "true" or _REVISION in labels or labels.get(_MODE) == "ambient"
        or labels.get(_TLS) == "istio"
        for labels in _labels(around)
    )  # fmt: skip


def _is_ambient(around: Surroundings) -> bool:
    places = (namespace.labels for namespace in around.namespaces.values())
    return any(labels.get(_MODE) == "ambient" for several in (places, _labels(around)) for labels in several)


def _req(key: str, operator: str, *values: str) -> Requirement:
    return Requirement(key, operator, values)


_SYSTEM = _req(_NAME, "NotIn", *_IGNORED)
_WANTED = _req(_BY_POD, "NotIn", "false")


def _injected() -> tuple[Peer, ...]:
    """Pods with a sidecar. A label that says no wins, be it the namespace's or the pod's."""
    unlabelled = (_req(_BY_NAMESPACE, "DoesNotExist"), _req(_REVISION, "DoesNotExist"), _SYSTEM)
    return (
        PodPeer(pods=(_WANTED,), namespaces=(_req(_BY_NAMESPACE, "In", "enabled"), _SYSTEM)),
        PodPeer(
            pods=(_WANTED,),
            namespaces=(_req(_BY_NAMESPACE, "DoesNotExist"), _req(_REVISION, "Exists"), _NOT_AMBIENT, _SYSTEM),
        ),
        PodPeer(pods=(_req(_BY_POD, "In", "true"),), namespaces=unlabelled),
        PodPeer(pods=(_req(_REVISION, "Exists"), _WANTED, _NOT_AMBIENT), namespaces=(*unlabelled, _NOT_AMBIENT)),
        PodPeer(pods=(_req(_TLS, "In", "istio"),)),  # the injector writes it
    )


_NOT_AMBIENT = _req(_MODE, "NotIn", "ambient")  # there, the revision is that of the waypoints


def _captured() -> tuple[Peer, ...]:
    """Pods of the ambient mesh, as far as they have no sidecar."""
    return (
        PodPeer(pods=(_req(_MODE, "NotIn", "none"),), namespaces=(_req(_MODE, "In", "ambient"),)),
        PodPeer(pods=(_req(_MODE, "In", "ambient"),)),
    )


def _unsure(around: Surroundings, *, signed: bool) -> Peer | None:
    """Pods that may be in the mesh: the labels of their namespace were not read, or nothing shows how a pod gets in."""
    if not signed:
        return PodPeer(pods=(_WANTED,), namespaces=(_req(_BY_NAMESPACE, "DoesNotExist"), _SYSTEM))
    names = sorted(name for name, namespace in around.namespaces.items() if not namespace.stated)
    return PodPeer(pods=(_WANTED,), namespaces=(_req(_NAME, "In", *names), _SYSTEM)) if names else None


def _gateways(around: Surroundings) -> Peer:
    """Pods that are proxies themselves, whatever the injector does with them."""
    selectors: dict[Selector, None] = {
        (_req(_ROLE, "In", *_GATEWAY_ROLES),): None,
        (_req(_MANAGED, "Exists"),): None,
    }
    for item in around.items("networking.istio.io", "Gateway"):
        chosen = (item.spec(GatewaySpec).selector or {}).items()
        if chosen:
            selectors[tuple(sorted(_req(key, "In", value or "") for key, value in chosen))] = None
    return AnyOf(tuple(PodPeer(pods=chosen) for chosen in selectors))


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
