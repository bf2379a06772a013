"""Policies made into packet filters of nftables: from the documents, never from what the analysis made of them."""

from __future__ import annotations

from thwart.network.enforcement.compiling import compile_world
from thwart.network.enforcement.json import write_json
from thwart.network.enforcement.names import is_identifier
from thwart.network.enforcement.rules import Options
from thwart.network.enforcement.ruleset import Table
from thwart.network.enforcement.text import write_text

__all__ = ["Options", "Table", "compile_world", "is_identifier", "write_json", "write_text"]
