"""What a role grants, one rule at a time."""

from __future__ import annotations

from collections.abc import Iterator

from thwart.rules._view import View
from thwart.rules.kubernetes import Object

_API = "rbac.authorization.k8s.io/"


class Grant(View):
    """One rule of a role."""

    __slots__ = ()

    @property
    def part(self) -> str:
        """`rule 2`: rules have no names."""
        number = self.pointer[-1]
        return f"rule {number + 1 if isinstance(number, int) else number}"

    def grants(self, verbs: set[str], resource: str, *, stars: bool = True) -> set[str]:
        """Which of the verbs it grants on a resource, of whatever group; with `stars`, an asterisk is all verbs.

        A role for all resources is another rule's business: wildcard-role.
        """
        parent, _, sub = resource.partition("/")
        if not {resource, *((f"*/{sub}", f"{parent}/*") if sub else ())}.intersection(self.words("resources")):
            return set()
        granted = set(self.words("verbs"))
        return verbs if stars and "*" in granted else verbs & granted


def grants(one: Object) -> Iterator[Grant]:
    """The rules of a Role or ClusterRole; nothing of any other object."""
    if one.kind in ("Role", "ClusterRole") and one.api.startswith(_API):
        for view in one.entries("rules"):
            yield Grant(view.node, view.pointer)
