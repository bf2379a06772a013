"""What decided a flow, in words that every report shares."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from thwart.network.model import Reason

_EFFECTS = {"isolates": "selects it and no rule allows this", "unknown": "may decide either way"}


def sentence(reason: Reason) -> str:
    """One reason, with policy, rule and place."""
    if not reason.policy:
        return reason.text
    name = f"{reason.namespace}/{reason.policy}" if reason.namespace else reason.policy
    place = f" ({reason.path}:{reason.line})" if reason.line else f" ({reason.path})" if reason.path else ""
    rule = f", rule {reason.rule + 1}," if reason.rule >= 0 else ""
    said = f": {reason.text}" if reason.text else ""
    return f"{reason.kind} {name}{rule} {_EFFECTS.get(reason.effect, reason.effect)}{said}{place}"
