"""Who may do what: roles, aggregated and bound, over all files of a run, and whom that makes master of the cluster.

Kubernetes' guide "RBAC good practices", privilege escalation risks, names the powers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from msgspec import Struct

from thwart.rules._view import View
from thwart.rules.kubernetes._world import chooses, same

if TYPE_CHECKING:
    from thwart.rules.kubernetes._world import Related, World

_SYSTEM = "kube-system"  # whose service accounts rule the cluster
_MOST = 20_000  # bindings of subjects that are followed


class Power(NamedTuple):
    """A permission that takes the cluster where it is held for all namespaces.

    `accounts`: held in one namespace, it takes over the service accounts of that namespace.
    """

    phrase: str
    group: str
    resources: tuple[str, ...]
    verbs: frozenset[str]
    accounts: bool = False


_RBAC = "rbac.authorization.k8s.io"
_WRITE = frozenset({"create", "update", "patch"})
_WORKLOADS = ("deployments", "daemonsets", "statefulsets", "replicasets")
POWERS = (
    Power("impersonate others", "", ("users", "groups"), frozenset({"impersonate"})),
    Power("impersonate service accounts", "", ("serviceaccounts",), frozenset({"impersonate"}), accounts=True),
    Power("change roles beyond its own rights", _RBAC, ("clusterroles",), frozenset({"escalate"})),
    Power("bind any role", _RBAC, ("clusterroles",), frozenset({"bind"})),
    Power("reach every kubelet", "", ("nodes/proxy",), frozenset({"get", "create"})),
    Power("change what is admitted", "admissionregistration.k8s.io", ("mutatingwebhookconfigurations",), _WRITE),
    Power(
        "approve certificates",
        "certificates.k8s.io",
        ("certificatesigningrequests/approval",),
        frozenset({"update", "patch"}),
    ),
    Power("read secrets", "", ("secrets",), frozenset({"get", "list", "watch"}), accounts=True),
    Power("issue tokens", "", ("serviceaccounts/token",), frozenset({"create"}), accounts=True),
    Power("run commands in pods", "", ("pods/exec", "pods/attach"), frozenset({"create", "get"}), accounts=True),
    Power("change running pods", "", ("pods/ephemeralcontainers",), frozenset({"update", "patch"}), accounts=True),
    Power("create pods", "", ("pods", "replicationcontrollers"), frozenset({"create"}), accounts=True),
    Power("create pods", "apps", _WORKLOADS, _WRITE, accounts=True),
    Power("create pods", "batch", ("jobs", "cronjobs"), _WRITE, accounts=True),
    Power("create volumes of the host", "", ("persistentvolumes",), frozenset({"create"})),
)
_BUILT_IN = {  # what the API server's own roles grant of the above
    "cluster-admin": ({"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]},),
    **dict.fromkeys(
        ("admin", "edit"),
        (
            {"apiGroups": [""], "resources": ["pods", "pods/exec", "secrets", "serviceaccounts/token"], "verbs": ["*"]},
            {"apiGroups": ["apps"], "resources": ["*"], "verbs": ["*"]},
            {"apiGroups": ["batch"], "resources": ["*"], "verbs": ["*"]},
            {"apiGroups": [""], "resources": ["serviceaccounts"], "verbs": ["impersonate"]},
        ),
    ),
}


class Subject(NamedTuple):
    """Who is bound; `namespace` only of service accounts."""

    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        if self.kind == "ServiceAccount":
            return f"service account {self.namespace}/{self.name}" if self.namespace else f"service account {self.name}"
        return f"{self.kind.lower()} {self.name}"


class Held(Struct, frozen=True):
    """Powers that a binding gives, in one namespace or, where that is empty, in all."""

    binding: Related
    role: str
    namespace: str
    powers: tuple[Power, ...]
    all: bool = False


class Access:
    """The permissions of every subject that some binding of the run names."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._roles = {_key(one.kind, one.namespace, one.text("metadata", "name")): one for one in _roles(world)}
        self.held: dict[Subject, list[Held]] = {}
        self._bindings: dict[int, dict[Subject, None]] = {}
        self._accounts: dict[str, dict[Subject, None]] = {}  # by name
        self._grants: dict[str, tuple[tuple[Power, ...], bool]] = {}
        for count, (subject, held) in enumerate(self._bound()):
            if count < _MOST:
                self.held.setdefault(subject, []).append(held)
                self._bindings.setdefault(id(held.binding), {})[subject] = None
                if subject.kind == "ServiceAccount":
                    self._accounts.setdefault(subject.name, {})[subject] = None

    def _bound(self) -> Iterator[tuple[Subject, Held]]:
        for binding in self._world.of("RoleBinding", "ClusterRoleBinding"):
            kind, name = binding.text("roleRef", "kind"), binding.text("roleRef", "name")
            where = "" if binding.kind == "ClusterRoleBinding" else binding.namespace or "default"
            powers, everything = self._powers(kind, binding.namespace, name)
            if not powers and not everything:
                continue
            for one in binding.entries("subjects"):
                own = one.text("namespace") or binding.namespace if one.text("kind") == "ServiceAccount" else ""
                subject = Subject(one.text("kind"), own, one.text("name"))
                yield subject, Held(binding, f"{kind} {name}", where, powers, everything)

    def role(self, kind: str, namespace: str, name: str) -> Related | None:
        """The role that a reference means, if the run has it."""
        return self._roles.get(_key(kind, namespace, name)) or self._roles.get(_key(kind, "", name))

    def _powers(self, kind: str, namespace: str, name: str) -> tuple[tuple[Power, ...], bool]:
        key = _key(kind, namespace, name)
        if key not in self._grants:
            rules = [*self._rules(kind, namespace, name)]
            powers = tuple(power for power in POWERS if any(_grants(rule, power) for rule in rules))
            self._grants[key] = powers, any(_everything(rule) for rule in rules)
        return self._grants[key]

    def _rules(self, kind: str, namespace: str, name: str) -> Iterator[View]:
        """The rules of a role; of an aggregated one those of all that its selectors choose, in place of its own."""
        role = self.role(kind, namespace, name)
        if role is None:
            yield from (View(rule) for rule in _BUILT_IN.get(name, ()) if kind == "ClusterRole")
            return
        selectors = role.values("aggregationRule", "clusterRoleSelectors")
        if not selectors:
            yield from role.entries("rules")
        for one in self._world.of("ClusterRole") if selectors else ():
            if one is not role and any(chooses(selector, one.mapping("metadata", "labels")) for selector in selectors):
                yield from one.entries("rules")

    # who is master of the cluster

    def takes(self, subject: Subject) -> str:
        """How a subject takes the cluster, in words; empty where nothing shows that it can."""
        direct = self._direct.get(subject)
        if direct is not None:
            return direct
        for held in self.held.get(subject, ()):
            for power in held.powers:
                if not power.accounts or not held.namespace:
                    continue
                for other, how in self._masters.get(held.namespace, ()):
                    if other != subject:
                        return f"may {power.phrase} in {held.namespace} ({held.role}), so as {other}, which {how}"
        return ""

    @cached_property
    def _direct(self) -> dict[Subject, str]:
        found = ((subject, next(filter(None, map(_mastery, all_held)), "")) for subject, all_held in self.held.items())
        return {subject: how for subject, how in found if how}

    @cached_property
    def _masters(self) -> dict[str, list[tuple[Subject, str]]]:
        """The service accounts that take the cluster directly, by namespace."""
        found: dict[str, list[tuple[Subject, str]]] = {}
        for subject, how in self._direct.items():
            if subject.kind == "ServiceAccount":
                found.setdefault(subject.namespace, []).append((subject, how))
        return found

    def bound(self, binding: Related) -> Iterable[Subject]:
        """Whom a binding names, where its role grants anything that matters."""
        return self._bindings.get(id(binding), ())

    def account(self, namespace: str, name: str) -> str:
        """How the service account of a workload takes the cluster; see `takes`."""
        for subject in self._accounts.get(name, ()):
            if same(subject.namespace, namespace):
                how = self.takes(subject)
                if how:
                    return how
        return ""


def _roles(world: World) -> Iterable[Related]:
    return world.of("Role", "ClusterRole")


def _key(kind: str, namespace: str, name: str) -> str:
    return f"{kind}\0{namespace if kind == 'Role' else ''}\0{name}"


def _mastery(held: Held) -> str:
    """How one binding gives the cluster away by itself."""
    where = f"in {held.namespace}" if held.namespace else "in the whole cluster"
    if held.all and held.namespace in ("", _SYSTEM):
        return f"may do everything {where} ({held.role})"
    for power in held.powers:
        if not held.namespace or (power.accounts and held.namespace == _SYSTEM):
            return f"may {power.phrase} {where} ({held.role})"
    return ""


def _everything(rule: View) -> bool:
    return all("*" in rule.words(field) for field in ("apiGroups", "resources", "verbs"))


def _grants(rule: View, power: Power) -> bool:
    """Whether a rule of a role grants a power on all objects: `resourceNames` keep it to some."""
    if rule.values("resourceNames"):
        return False
    groups, resources, verbs = (set(rule.words(field)) for field in ("apiGroups", "resources", "verbs"))
    if "*" not in groups and power.group not in groups:
        return False
    if "*" not in verbs and not verbs & power.verbs:
        return False
    wanted = set(power.resources) | {f"*/{one.partition('/')[2]}" for one in power.resources if "/" in one}
    return "*" in resources or bool(wanted & resources)
