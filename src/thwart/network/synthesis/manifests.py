"""A static reading: hosts that workloads are told of, and backends of routes, as a request.

Nothing runs and nothing is guessed: a host counts when it names a service that was read, or is an address. Names outside
the cluster cannot be told to a policy by address, and are counted.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable

from thwart.lib.intervals import parse_address
from thwart.network._services_nouns import EXTERNAL_NAME, Route, Service, ServicePort
from thwart.network.model import Endpoint, World
from thwart.network.synthesis.asking import ANYONE, Peer, Ports, Request
from thwart.network.synthesis.dns import resolve_for
from thwart.network.synthesis.ends import Gazetteer, Place, Unmatched
from thwart.network.synthesis.learning import undecided
from thwart.network.synthesis.mentions import DEFAULTS, Mention, hosts_in
from thwart.network.synthesis.services import Backends, Target
from thwart.network.synthesis.settings import Setting, Settings

_MOST_ALIASES = 8  # services that lead to the name of another, one after the other
_LOCAL = ("localhost", "127.0.0.1", "0.0.0.0", "::1", "::")  # noqa: S104 - read, never bound


class Static:
    """Reads settings and routes into a request. `entrance` is who carries out routes, where the user said so."""

    def __init__(
        self, world: World, places: Gazetteer, backends: Backends, request: Request, entrance: Place | None = None
    ) -> None:
        self._world = world
        self._places = places
        self._backends = backends
        self._request = request
        self._entrance = entrance
        self._resolving: dict[Peer, None] = {}
        self._services = {(one.namespace, one.name): one for one in world.doors.services}

    def read(self, settings: Settings) -> None:
        """Ask for every connection that the documents tell of."""
        for sentence in settings.problems:
            self._request.drop("unreadable-settings", sentence)
        by_name: dict[tuple[str, str, str], list[Endpoint]] = {}
        for endpoint in self._world.endpoints:
            kind, _, name = endpoint.workload.partition("/")
            for key in {(endpoint.namespace, endpoint.kind, endpoint.name), (endpoint.namespace, kind, name)}:
                by_name.setdefault(key, []).append(endpoint)
        seen: set[tuple[Peer, tuple[Setting, ...]]] = set()
        for namespace, kind, name in settings.workloads():
            found = by_name.get((namespace, kind, name), [])
            told = tuple(settings.of(namespace, kind, name, self._injected(namespace))) if found else ()
            for endpoint in found:
                place = self._places.place(endpoint)
                for peer in place.peers[:1]:
                    if (peer, told) not in seen:
                        seen.add((peer, told))
                        self._workload(endpoint, place, told)
        for route in self._world.doors.routes:
            self._route(route)
        if self._resolving:
            resolve_for(self._resolving, self._world, self._places, self._backends, self._request)

    def _injected(self, namespace: str) -> dict[str, str]:
        """Variables that the kubelet adds for the services of a namespace, with names in place of addresses."""
        found = {}
        for (where, name), service in self._services.items():
            if where == namespace and not service.headless and service.ports:
                stem = name.upper().replace("-", "_")
                found[f"{stem}_SERVICE_HOST"] = name
                found[f"{stem}_SERVICE_PORT"] = str(service.ports[0].number)
                for port in service.ports:
                    if port.name:
                        found[f"{stem}_SERVICE_PORT_{port.name.upper().replace('-', '_')}"] = str(port.number)
        return found

    # -- settings -------------------------------------------------------------------------------------------------------

    def _workload(self, endpoint: Endpoint, place: Place, told: Iterable[Setting]) -> None:
        values = {setting.key: setting.text.strip() for setting in told if setting.key}
        for setting in told:
            for mention in _hosts(setting.key, setting.text):
                if mention.host not in _LOCAL and not mention.host.startswith("127."):
                    port = mention.port or _beside(setting.key, values)
                    why = f"{endpoint.namespace}/{endpoint.workload}: {setting.where}"
                    self._mentioned(endpoint, place, mention._replace(port=port), why, hidden=setting.hidden)

    def _mentioned(self, endpoint: Endpoint, place: Place, mention: Mention, why: str, *, hidden: bool) -> None:
        try:
            address = parse_address(mention.host)
        except ValueError:
            self._named(endpoint, place, mention, why, hidden=hidden)
            return
        port = mention.port or DEFAULTS.get(mention.scheme, 0)
        if port:
            try:
                found = self._places.address(str(address))
            except Unmatched as error:
                self._request.drop("unmatched", why if hidden else f"{why}: {error}")
                return
            if found.service is not None:
                self._to_service(place, self._services[found.service], mention._replace(port=port), why)
            else:
                self._connect(place, found, _protocol(mention), port, why)

    def _named(self, endpoint: Endpoint, place: Place, mention: Mention, why: str, *, hidden: bool) -> None:
        service = self._service(mention.host, endpoint.namespace)
        if service is not None:
            self._resolves(place)
            self._to_service(place, service, mention, why)
        elif mention.sure or (mention.port and "." in mention.host):
            self._resolves(place)
            port = mention.port or DEFAULTS.get(mention.scheme, 0) or "?"
            where = "a host" if hidden else f"{mention.host}:{port}"  # what looks like a host may be a password
            inside = "." not in mention.host or ".svc" in mention.host
            slug = "no-service" if inside else "outside-name"
            self._request.drop(slug, f"{why} names {where}")

    def _resolves(self, place: Place) -> None:
        for peer in place.peers if place.pods else ():
            self._resolving[peer] = None

    def _service(self, host: str, namespace: str) -> Service | None:
        """The service that a name means there, as the cluster's DNS resolves it; aliases are followed."""
        for _ in range(_MOST_ALIASES):
            found = next((self._services[key] for key in _readings(host, namespace) if key in self._services), None)
            if found is None or found.type != EXTERNAL_NAME:
                return found
            host, namespace = found.external_name, found.namespace
        return None

    def _to_service(self, place: Place, service: Service, mention: Mention, why: str) -> None:
        ports = self._ports(service, mention)
        if not ports:
            number = mention.port or DEFAULTS.get(mention.scheme, 0)
            self._request.drop("no-backend", f"{why} names port {number} of {service.what}, which it has not")
        for port in ports:
            targets = self._backends.through(service, port)
            if not targets:
                self._request.drop("no-backend", f"{why} names {service.what}, behind whose port nothing was read")
            self._to(place, targets, port.protocol, why)

    def _ports(self, service: Service, mention: Mention) -> list[ServicePort]:
        """The ports of a service that a mention means: the given one, else the scheme's, else all there are."""
        protocol = _protocol(mention)
        number = mention.port
        if not number and mention.scheme in DEFAULTS:
            number = DEFAULTS[mention.scheme]
        if not number:
            if len(service.ports) > 1:
                sentence = f"{service.what} is named without a port somewhere: all of its ports are meant"
                self._request.note("port-not-stated", sentence)
            return list(service.ports)
        found = [port for port in service.ports if port.number == number]
        exact = [port for port in found if port.protocol == protocol]
        if service.headless and not found:
            return [ServicePort("", protocol, number, number)]  # the pods themselves are dialled
        return exact if mention.scheme and exact else found

    def _to(self, source: Place, targets: Iterable[Target], protocol: str, why: str) -> None:
        for end, port in targets:
            self._connect(source, self._places.target(end), protocol, port, why)

    def _connect(self, source: Place, destination: Place, protocol: str, port: int, why: str) -> None:
        slug = undecided(source, destination)
        if slug:
            self._request.drop(slug, why)
            return
        self._request.learned += 1
        for here in source.peers:
            for there in destination.peers:
                self._request.add(here, there, Ports(protocol, port, port), why)

    # -- routes ---------------------------------------------------------------------------------------------------------

    def _route(self, route: Route) -> None:
        places = self._entrances(route)
        for backend in route.backends:
            why = f"{route.what} leads to {backend.namespace}/{backend.name}"
            service = self._services.get((backend.namespace, backend.name)) if not backend.kind else None
            if service is None:
                self._request.drop("no-backend", f"{why}, which was not read")
                continue
            ports = [p for p in service.ports if backend.port is None or backend.port in (p.number, p.name)]
            if backend.of_pods and isinstance(backend.port, int):
                ports = [p for p in service.ports if p.target == backend.port] or ports
            targets = [(port, target) for port in ports for target in self._backends.through(service, port)]
            if not targets:
                self._request.drop("no-backend", f"{why}, behind whose port nothing was read")
            for port, target in targets:
                self._enter(places, self._places.target(target[0]), Ports(port.protocol, target[1], target[1]), why)

    def _entrances(self, route: Route) -> list[Place]:
        if self._entrance is not None:
            return [self._entrance]
        pods = self._backends.carriers(route)
        if not pods:
            sentence = (
                "the pods that carry out routes were not read: what routes lead to is opened to everyone on its port"
            )
            self._request.note("entrance-not-read", sentence)
            return [Place(peers=(ANYONE,))]
        return list({self._places.place(pod).peers: self._places.place(pod) for pod in pods}.values())

    def _enter(self, places: Iterable[Place], destination: Place, ports: Ports, why: str) -> None:
        for place in places:
            if place.peers == (ANYONE,) and destination.pods:
                self._request.learned += 1
                for peer in destination.peers:
                    self._request.add(ANYONE, peer, ports, why)
            elif place.peers == (ANYONE,):
                self._request.drop("host-network", why)
            else:
                self._connect(place, destination, ports.protocol, ports.first, why)


@functools.lru_cache(maxsize=1 << 12)
def _hosts(key: str, text: str) -> tuple[Mention, ...]:
    """The hosts of a setting; many workloads share one."""
    return tuple(dict.fromkeys(hosts_in(key, text)))


def _protocol(mention: Mention) -> str:
    return "UDP" if "udp" in mention.scheme else "TCP"


def _readings(host: str, namespace: str) -> list[tuple[str, str]]:
    """Namespace and name of the services that a host name can mean, as resolv.conf in a pod searches for it."""
    parts = host.rstrip(".").lower().split(".")
    if "svc" in parts[2:4]:
        parts = parts[: parts.index("svc", 2)]
    if len(parts) == 1:
        return [(namespace, parts[0])]
    if len(parts) == 2:
        return [(parts[1], parts[0]), (namespace, parts[1])]  # the second: one pod of a headless service
    return [(parts[2], parts[1])] if len(parts) == 3 else []


def _beside(key: str, values: dict[str, str]) -> int:
    """The port that a setting beside a host gives: `DB_PORT` for `DB_HOST`."""
    for ending in ("HOSTNAME", "HOSTS", "HOST", "ADDRESS", "ADDR", "SERVER", "ENDPOINT", "SERVICE"):
        for word, port in ((ending, "PORT"), (ending.lower(), "port")):
            if key.endswith(word):
                text = values.get(key.removesuffix(word) + port, "")
                return int(text) if text.isascii() and text.isdigit() and 0 < len(text) < 6 and int(text) < 65536 else 0
    return 0
