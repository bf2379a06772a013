"""What a cluster serves (Kubernetes API concepts, "API discovery"), and which of it has to do with the network."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeVar

import msgspec
from msgspec import Struct, field

from thwart.api.net._cluster_wire import Wire
from thwart.core.errors import LimitError, SourceError
from thwart.core.finding import Diagnostic
from thwart.core.limits import Limits
from thwart.lib import json_bounded
from thwart.lib.documents import DocumentError
from thwart.sources._registry_errors import clean

T = TypeVar("T")

_AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
_ACCEPT = f"{_AGGREGATED},{_AGGREGATED.replace('v=v2', 'v=v2beta1')},application/json"
_MOST_VALUES = 2_000_000
_MOST_VERSIONS = 2_000  # of groups; each may cost a request

_WORKLOADS = frozenset(
    {
        ("", "ReplicationController"),
        ("apps", "Deployment"),
        ("apps", "StatefulSet"),
        ("apps", "DaemonSet"),
        ("apps.openshift.io", "DeploymentConfig"),
        ("batch", "CronJob"),
    }
)  # not what these make, which lives on when its pods are gone: ReplicaSets and Jobs
_BULK = frozenset({("", "Pod"), ("", "Node"), ("", "Namespace"), ("", "ServiceAccount")}) | _WORKLOADS
# The same objects under two names: the first counts where the second is served.
_DOUBLES = {
    ("extensions", "Ingress"): ("networking.k8s.io", "Ingress"),
    ("extensions", "NetworkPolicy"): ("networking.k8s.io", "NetworkPolicy"),
    ("", "Endpoints"): ("discovery.k8s.io", "EndpointSlice"),
}
_CALICO, _CALICO_STORED = "projectcalico.org", "crd.projectcalico.org"


class Resource(Struct, frozen=True, order=True):
    """A kind as one version of its API serves it; `preferred` is the server's own rank, 0 first."""

    group: str
    kind: str
    preferred: int
    version: str
    plural: str

    @property
    def api(self) -> str:
        """The `apiVersion` of its objects."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def target(self) -> str:
        """Where all its objects are listed, whatever their namespace."""
        return (
            f"/apis/{self.group}/{self.version}/{self.plural}" if self.group else f"/api/{self.version}/{self.plural}"
        )

    @property
    def where(self) -> str:
        """The name that kubectl takes."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def bulk(self) -> bool:
        """Whether there are too many of it to look at one by one."""
        return (self.group, self.kind) in _BULK or self.kind == "EndpointSlice"


class Served(Struct):
    """What the server offers, and which parts of its offer could not be read."""

    resources: list[Resource] = field(default_factory=list)
    problems: list[Diagnostic] = field(default_factory=list)


class _Meta(msgspec.Struct):
    name: str | None = None


class _Kind(msgspec.Struct):
    kind: str | None = None


class _Discovered(msgspec.Struct, rename="camel"):
    resource: str | None = None
    response_kind: _Kind | None = None
    verbs: list[str] | None = None


class _Version(msgspec.Struct, rename="camel"):
    version: str | None = None
    group_version: str | None = None
    freshness: str | None = None
    resources: list[_Discovered] | None = None


class _Group(msgspec.Struct):
    name: str | None = None
    metadata: _Meta | None = None
    versions: list[_Version] | None = None


class _Top(msgspec.Struct):
    """`APIGroupDiscoveryList`, `APIGroupList` or `APIVersions`."""

    kind: str | None = None
    items: list[_Group] | None = None
    groups: list[_Group] | None = None
    versions: list[str] | None = None


class _Listed(msgspec.Struct):
    name: str | None = None
    kind: str | None = None
    verbs: list[str] | None = None


class _ResourceList(msgspec.Struct):
    kind: str | None = None
    resources: list[_Listed] | None = None


def discover(wire: Wire, limits: Limits, label: str) -> Served:
    """Everything that can be listed.

    Raises:
        SourceError: the server answers neither of the two questions that everything begins with.
    """
    served = Served()
    for root in ("/api", "/apis"):
        top = _get(wire, root, _Top, limits)
        for group in top.items or ():
            _take_aggregated(served, group, label)
        if top.items is None:
            if top.versions is None and top.groups is None:
                raise SourceError(f"{label} does not answer as a Kubernetes API does at {root}")
            for name, version, rank in _versions(top):
                _take_version(served, wire, limits, label, name, version, rank)
    return served


def chosen(resources: Iterable[Resource]) -> list[Resource]:
    """What is worth reading: each kind once, in the version that is understood or, failing that, that is preferred."""
    best: dict[tuple[str, str], Resource] = {}
    for one in sorted(resources):
        if wanted(one):
            held = best.setdefault((one.group, one.kind), one)
            if _understood(one) and not _understood(held):
                best[one.group, one.kind] = one
    return sorted(one for one in best.values() if not _double(one, best))


def wanted(one: Resource) -> bool:
    """Whether the network is any different for objects of a kind."""
    from thwart.network._services_reading import _KINDS, _NOT_MODELLED
    from thwart.network.kinds._unmodelled import _REACH

    place = (one.group, one.kind)
    core = not one.group and one.kind in ("Pod", "Node", "Namespace")
    doors = place in _KINDS or one.kind in _NOT_MODELLED.get(one.group, ())
    looks = one.kind.endswith("NetworkPolicy") and not one.kind.startswith("Staged")
    return core or place in _WORKLOADS or doors or looks or place in _REACH or _understood(one)


def _understood(one: Resource) -> bool:
    from thwart.network._services_reading import _KINDS
    from thwart.network.kinds import decoder, supporting

    door = _KINDS.get((one.group, one.kind))
    if door is not None and one.version in door[1]:
        return True
    return decoder(one.api, one.kind) is not None or supporting(one.group, one.kind) is not None


def _double(one: Resource, best: dict[tuple[str, str], Resource]) -> bool:
    if one.group == _CALICO:
        # Calico's API server shows what is stored and, besides, the policies of Kubernetes once more
        return (_CALICO_STORED, one.kind) in best
    return _DOUBLES.get((one.group, one.kind)) in best


def _get(wire: Wire, target: str, type_: type[T], limits: Limits) -> T:
    reply = wire.get(target, _ACCEPT, f"the answer at {target}")
    if reply.status != 200:
        hint = "may this user ask what the server offers (system:discovery)?" if reply.status == 403 else ""
        raise SourceError(f"the API server answers {reply.status} at {target}", *([hint] if hint else []))
    try:
        found = json_bounded.load_as(reply.body, type_, max_bytes=limits.config_bytes, max_items=_MOST_VALUES)
    except DocumentError as error:
        raise LimitError(f"what the API server answers at {target} cannot be read: {error.reason}") from None
    if found is None:
        raise SourceError(f"what answers at {target} is no Kubernetes API server", "is the server's address right?")
    return found


def _versions(top: _Top) -> Iterator[tuple[str, str, int]]:
    pairs = [("", version, rank) for rank, version in enumerate(top.versions or ())]
    for group in top.groups or ():
        pairs += [(group.name or "", one.version or "", rank) for rank, one in enumerate(group.versions or ())]
    if len(pairs) > _MOST_VERSIONS:
        raise LimitError(f"the API server offers more than {_MOST_VERSIONS} versions of groups")
    yield from pairs


def _take_aggregated(served: Served, group: _Group, label: str) -> None:
    name = (group.metadata.name if group.metadata else None) or ""
    for rank, one in enumerate(group.versions or ()):
        if one.freshness == "Stale":
            _missing(served, label, name, one.version or "", "the server behind it does not answer")
        for found in one.resources or ():
            kind = (found.response_kind.kind if found.response_kind else None) or ""
            _offer(served, name, one.version or "", rank, found.resource or "", kind, found.verbs)


def _take_version(served: Served, wire: Wire, limits: Limits, label: str, group: str, version: str, rank: int) -> None:
    if not (_plain(version) and (not group or _plain(group))):
        return
    target = f"/apis/{group}/{version}" if group else f"/api/{version}"
    try:
        found = _get(wire, target, _ResourceList, limits)
    except SourceError as error:
        _missing(served, label, group, version, error.sentence)
        return
    for one in found.resources or ():
        _offer(served, group, version, rank, one.name or "", one.kind or "", one.verbs)


def _offer(
    served: Served, group: str, version: str, rank: int, plural: str, kind: str, verbs: list[str] | None
) -> None:
    named = all(_plain(one) for one in (version, plural, kind, group or "core"))  # a subresource has a slash
    if named and "list" in (verbs or ()):
        served.resources.append(Resource(group, kind, rank, version, plural))


def _plain(name: str) -> bool:
    """Whether a name can stand in an address as it is."""
    return 0 < len(name) <= 253 and name.isascii() and all(c.isalnum() or c in "-." for c in name) and ".." not in name


def _missing(served: Served, label: str, group: str, version: str, why: str) -> None:
    # what measures the cluster has no policies; anything else might
    harmless = group == "metrics.k8s.io" or group.endswith(".metrics.k8s.io")
    message = f"what the server offers in {clean(group, 120)}/{clean(version, 40)} cannot be read: {why}"
    served.problems.append(Diagnostic(slug="cluster-unread", message=message, path=label, incomplete=not harmless))
