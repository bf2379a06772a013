"""What the author of a policy wrote, where the decoded policy does not tell: the raw spec behind an origin."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from thwart.network.model import Origin
from thwart.network.origins import JsonOrigin, YamlOrigin


def written_spec(origin: Origin) -> Mapping[str, object]:
    """The `spec` as it was given; empty where the origin does not keep it."""
    found: object = None
    if isinstance(origin, YamlOrigin):
        found = origin.root.get("spec")
    elif isinstance(origin, JsonOrigin) and origin.spec:
        try:
            found = msgspec.json.decode(origin.spec)
        except (msgspec.MsgspecError, RecursionError, ValueError):
            return {}
    return found if isinstance(found, dict) else {}
