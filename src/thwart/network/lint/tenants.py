"""Tenants that reach each other."""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.lib.bitsets import members
from thwart.network.explain import Party, judge
from thwart.network.lint import Finding, Place, check
from thwart.network.lint._look import Look
from thwart.network.model import Reason


@check("tenants-not-isolated", Severity.HIGH)
def tenants_not_isolated(look: Look) -> Iterator[Finding]:
    """Pods of one tenant can connect to pods of another. Tenants are told by a label of their namespaces (`--tenant-label`).

    One finding for each two tenants and direction, with a flow that shows it and the rule that allows it, if one does.
    Namespaces without the label are no tenant's: what they reach, and what reaches them, is not asked. `medium` where
    the answer is not known.
    """
    tenants = _tenants(look) if look.tenant_label else {}
    everyone = 0
    for bits in tenants.values():
        everyone |= bits
    for name, own in sorted(tenants.items()):
        found: dict[str, tuple[int, int, int, bool]] = {}
        others = everyone & ~own
        for destination in members(own):
            for ports, allow, deny in look.model.row(destination):
                for sure, bits in ((True, allow & others), (False, others & ~allow & ~deny)):
                    if bits:
                        for source_tenant, theirs in tenants.items():
                            known = found.get(source_tenant)
                            if bits & theirs and (known is None or (sure and not known[3])):
                                found[source_tenant] = next(members(bits & theirs)), destination, ports, sure
        for source_tenant, (source, destination, ports, sure) in sorted(found.items()):
            yield _finding(look, (source_tenant, name), source, destination, ports, sure=sure)


def _tenants(look: Look) -> dict[str, int]:
    """The classes of each tenant's pods."""
    found: dict[str, int] = {}
    for name, bits in look.of_namespace.items():
        tenant = look.world.namespaces[name].labels.get(look.tenant_label)
        if tenant:
            found[tenant] = found.get(tenant, 0) | bits
    return found


def _finding(look: Look, tenants: tuple[str, str], source: int, destination: int, ports: int, *, sure: bool) -> Finding:
    bit = ports & -ports
    answer = judge(look.model, Party(source), Party(destination), bit)
    reason = next((reason for reason in answer.because if reason.policy), None)
    ends = f"{look.class_names(source)[0]} -> {look.class_names(destination)[0]}"
    return Finding(
        check="tenants-not-isolated",
        severity=Severity.HIGH if sure else Severity.MEDIUM,
        sentence=f"tenant {tenants[0]} {'reaches' if sure else 'may reach'} tenant {tenants[1]}",
        fix="deny ingress from other tenants' namespaces, or isolate them and allow their own only",
        place=_place(reason) if reason else Place(f"Namespace {look.model.classes[destination].namespace}"),
        example=f"{ends}, {look.port(bit)}" + ("" if reason else " (no policy restricts it)"),
    )


def _place(reason: Reason) -> Place:
    name = f"{reason.namespace}/{reason.policy}" if reason.namespace else reason.policy
    return Place(f"{reason.kind} {name}", reason.path, reason.line)
