"""Bounds on hostile input. Every reader takes them as an argument; none has a private constant."""

from __future__ import annotations

from msgspec import Struct

KIB = 1024
MIB = 1024 * KIB
GIB = 1024 * MIB


class Limits(Struct, frozen=True, kw_only=True):
    """Upper bounds; sizes in bytes, times in seconds."""

    layers: int = 512
    layer_bytes: int = 64 * GIB  # inflated size of one layer
    ratio: int = 400  # inflated to compressed, from the first GiB on; deflate itself ends at 1032
    entries: int = 5_000_000  # members of one layer
    path_bytes: int = 4096
    path_parts: int = 256
    symlinks: int = 40  # followed in one resolution, as Linux does
    manifest_bytes: int = 4 * MIB  # OCI distribution specification, "pushing manifests"
    config_bytes: int = 8 * MIB
    file_bytes: int = 256 * MIB  # one file that a parser reads
    nested_depth: int = 8  # archives within archives
    nested_bytes: int = 1 * GIB  # inflated, of one outer archive
    nested_entries: int = 200_000
    json_depth: int = 256
    yaml_bytes: int = 32 * MIB
    packages: int = 500_000
    network_seconds: float = 30.0  # for one answer
    redirects: int = 5
    retries: int = 4


DEFAULT = Limits()
