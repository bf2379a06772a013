"""Questions about network policy: read manifests, then ask. One file per verb."""

from __future__ import annotations

from thwart.api.net._ask import answer_flows, ask, ask_all, find_party, map_formats, map_network
from thwart.api.net._load import Network, RefusedError, load_network

__all__ = [
    "Network",
    "RefusedError",
    "answer_flows",
    "ask",
    "ask_all",
    "find_party",
    "load_network",
    "map_formats",
    "map_network",
]
