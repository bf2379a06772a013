"""What decided about a recorded flow, in words and as fields."""

from __future__ import annotations

from typing import Any

from thwart.network import words
from thwart.network.model import Reason


def sentence(reason: Reason) -> str:
    """What decided, in words, with the side that it decided on."""
    return f"{reason.direction}: {words.sentence(reason)}" if reason.direction else words.sentence(reason)


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
