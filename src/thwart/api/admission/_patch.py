"""What a mutating webhook changes: digests beside tags, and limits where there are none (RFC 6902)."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Any

from msgspec import Struct

from thwart.api.admission._pods import Used, containers, spec_of


class Defaults(Struct, frozen=True, kw_only=True):
    """Limits for containers without any, as Kubernetes writes quantities; empty adds none."""

    memory: str = ""
    cpu: str = ""


def patches(
    template: dict[str, Any], pointer: str, pinned: list[tuple[Used, str]], defaults: Defaults
) -> list[dict[str, Any]]:
    """The operations; none where there is nothing to change."""
    found: list[dict[str, Any]] = [
        {"op": "replace", "path": used.pointer, "value": f"{used.image}@{digest}"} for used, digest in pinned
    ]
    wanted = {name: value for name, value in (("memory", defaults.memory), ("cpu", defaults.cpu)) if value}
    for kind, index, container in containers(spec_of(template)) if wanted else ():
        if kind != "ephemeralContainers":  # they cannot have any
            found += _limits(container, f"{pointer}/spec/{kind}/{index}", wanted)
    return found


def _limits(container: dict[str, Any], at: str, wanted: dict[str, str]) -> list[dict[str, Any]]:
    """A limit for each resource that has none; never below what is requested, as the API server would refuse that."""
    resources = container.get("resources")
    resources = resources if isinstance(resources, dict) else None
    limits, requests = ((resources or {}).get(name) for name in ("limits", "requests"))
    limits = limits if isinstance(limits, dict) else None
    asked = requests if isinstance(requests, dict) else {}
    lacking = {
        name: _larger(value, asked.get(name)) for name, value in wanted.items() if limits is None or name not in limits
    }
    if not lacking:
        return []
    if resources is None:
        return [{"op": "add", "path": f"{at}/resources", "value": {"limits": lacking}}]
    if limits is None:
        return [{"op": "add", "path": f"{at}/resources/limits", "value": lacking}]
    return [{"op": "add", "path": f"{at}/resources/limits/{name}", "value": one} for name, one in lacking.items()]


def _larger(default: str, requested: object) -> str:
    """The default, or the request where that is more: a container that asks for more gets what it asks for."""
    if requested is None:
        return default
    request = quantity(requested)
    return str(requested) if request is not None and request > (quantity(default) or 0) else default


_SUFFIXES = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY = {"Ki": 1, "Mi": 2, "Gi": 3, "Ti": 4, "Pi": 5, "Ei": 6}
_QUANTITY = re.compile(
    r"([+-]?(?:[0-9]{1,30}(?:\.[0-9]{0,30})?|\.[0-9]{1,30}))([eE][+-]?[0-9]{1,2}|[numkMGTPE]|[KMGTPE]i)?"
)


def quantity(value: object) -> Fraction | None:
    """What a Kubernetes quantity means (apimachinery, resource.Quantity: `1Gi`, `500m`, `1e3`, 2); None where it is none."""
    match = _QUANTITY.fullmatch(str(value).strip()) if isinstance(value, str | int | float) else None
    if match is None:
        return None
    number, suffix = Fraction(match[1]), match[2] or ""
    if suffix in _BINARY:
        return number * Fraction(1024 ** _BINARY[suffix])
    return number * Fraction(f"1e{_SUFFIXES[suffix] if suffix in _SUFFIXES else int(suffix[1:])}")
