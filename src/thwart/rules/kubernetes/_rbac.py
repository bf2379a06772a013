"""What a role grants, one rule at a time."""

from __future__ import annotations

from collections.abc import Iterator

from thwart.rules._view import View
from thwart.rules.kubernetes import Object

_API = "rbac.authorization.k8s.io/"
_GROUPS = {  # of the resources that rules ask for; of all others the core group, which has no name
    **dict.fromkeys(("deployments", "daemonsets", "replicasets"), ("apps", "extensions")),
    "statefulsets": ("apps",),
    **dict.fromkeys(("jobs", "cronjobs"), ("batch",)),
    "networkpolicies": ("networking.k8s.io", "extensions"),
    "endpointslices": ("discovery.k8s.io",),
    "certificatesigningrequests": ("certificates.k8s.io",),
    **dict.fromkeys(("roles", "clusterroles"), ("rbac.authorization.k8s.io",)),
    **dict.fromkeys(
        ("mutatingwebhookconfigurations", "validatingwebhookconfigurations"), ("admissionregistration.k8s.io",)
    ),
}


class Grant(View):
    """One rule of a role."""

    __slots__ = ()

    @property
    def part(self) -> str:
        """`rule 2`: rules have no names."""
        number = self.pointer[-1]
        return f"rule {number + 1 if isinstance(number, int) else number}"

    def grants(self, verbs: set[str], resource: str) -> set[str]:
        """Which of the verbs it grants on a resource of its own API group; an asterisk is all verbs.

        A role for all resources is another rule's business: wildcard-role. Where no group is stated, which the API
        server refuses, any may be meant.
        """
        parent, _, sub = resource.partition("/")
        groups = self.words("apiGroups")
        if groups and not {"*", *_GROUPS.get(parent, ("",))}.intersection(groups):
            return set()
        if not {resource, *((f"*/{sub}", f"{parent}/*") if sub else ())}.intersection(self.words("resources")):
            return set()
        granted = set(self.words("verbs"))
        return verbs if "*" in granted else verbs & granted


def grants(one: Object) -> Iterator[Grant]:
    """The rules of a Role or ClusterRole; nothing of any other object."""
    if one.kind in ("Role", "ClusterRole") and one.api.startswith(_API):
        for view in one.entries("rules"):
            yield Grant(view.node, view.pointer)
