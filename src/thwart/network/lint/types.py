"""policyTypes that do not say what the rules seem to say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from thwart.core.advisory import Severity
from thwart.network.lint import Finding, check
from thwart.network.lint._look import Look
from thwart.network.model import Pointer, Policy
from thwart.network.written import written_spec


@check("policy-types", Severity.MEDIUM)
def policy_types(look: Look) -> Iterator[Finding]:
    """What `policyTypes` says, or leaves out, is not what the rules suggest.

    Where it is missing, ingress is always isolated, and egress only if there is an egress rule (networking/v1
    defaults.go): `egress: []` alone isolates nothing, and a policy that was meant for egress alone cuts off all ingress.
    Where it is given, rules of a direction that is not in it are ignored.
    """
    for policy in look.policies:
        if policy.kind == "NetworkPolicy" and policy.isolates:
            for sentence, fix, pointer in _surprises(policy, written_spec(policy.origin)):
                yield Finding(
                    check="policy-types",
                    severity=Severity.MEDIUM,
                    sentence=sentence,
                    fix=fix,
                    place=look.place(policy, pointer),
                )


def _surprises(policy: Policy, spec: Mapping[str, object]) -> Iterator[tuple[str, str, Pointer]]:
    given = spec.get("policyTypes")
    if "podSelector" not in spec and not given and not spec.get("ingress") and not spec.get("egress"):
        return  # Calico's kind of the same name, or a spec that was not kept
    if not given:
        if "egress" in spec and not spec["egress"]:
            yield (
                "egress is given without a rule, and without policyTypes: egress is not isolated",
                "write policyTypes: [Ingress, Egress]",
                ("spec", "egress"),
            )
        if spec.get("egress") and "ingress" not in spec:
            yield (
                "it has egress rules only, and no policyTypes: all ingress of the selected pods is denied too",
                "write policyTypes: [Egress], or [Ingress, Egress] if that is meant",
                ("spec", "egress"),
            )
        return
    for direction in ("ingress", "egress"):
        if spec.get(direction) and direction not in policy.isolates:
            word = direction.capitalize()
            yield (
                f"its {direction} rules are ignored: policyTypes has no {word}",
                f"add {word} to policyTypes, or take the rules out",
                ("spec", direction),
            )
