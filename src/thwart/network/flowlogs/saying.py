"""What decided about a recorded flow, in words and as fields."""

from __future__ import annotations

from typing import Any

from thwart.network.model import Reason


def sentence(reason: Reason) -> str:
    """What decided, in words."""
    side = f"{reason.direction}: " if reason.direction else ""
    if not reason.policy:
        return f"{side}{reason.text}"
    name = f"{reason.namespace}/{reason.policy}" if reason.namespace else reason.policy
    place = f" ({reason.path}:{reason.line})" if reason.line else f" ({reason.path})" if reason.path else ""
    rule = f", rule {reason.rule + 1}," if reason.rule >= 0 else ""
    effect = "selects it and no rule allows this" if reason.effect == "isolates" else reason.effect
    if reason.effect == "unknown":
        effect = f"may decide either way{': ' + reason.text if reason.text else ''}"
    return f"{side}{reason.kind} {name}{rule} {effect}{place}"


def fields(reason: Reason) -> dict[str, Any]:
    """A reason as `net eval` writes it."""
    found: dict[str, Any] = {
        "direction": reason.direction,
        "effect": reason.effect,
        "kind": reason.kind,
        "namespace": reason.namespace,
        "policy": reason.policy,
        "rule": reason.rule if reason.rule >= 0 else None,
        "file": reason.path,
        "line": reason.line or None,
        "text": reason.text,
    }
    return {key: value for key, value in found.items() if value not in ("", None) or key == "rule"}
