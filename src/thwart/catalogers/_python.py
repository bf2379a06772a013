"""What the Python catalogers share: names, versions, and where a locked package comes from."""

from __future__ import annotations

import re

from thwart.catalogers._documents import table, text
from thwart.catalogers._gather import without_credentials

TYPE = "pypi"
_RUNS = re.compile(r"[-_.]+")

Qualifiers = tuple[tuple[str, str], ...]


def normalise(name: str) -> str:
    """The name as PEP 503 compares it, which is also the purl's."""
    return _RUNS.sub("-", name).lower()


def from_git(address: str, commit: str) -> Qualifiers:
    """The purl qualifier of a package built from a repository at a commit."""
    bare = without_credentials(address).partition("#")[0].partition("?")[0]
    location = bare if bare.startswith("git+") else f"git+{bare}"
    return (("vcs_url", f"{location}@{commit}" if commit else location),) if bare else ()


def from_address(address: str) -> Qualifiers:
    """The purl qualifier of a package fetched from an address that is no registry."""
    return (("download_url", without_credentials(address)),) if address else ()


def is_local(source: dict[str, object]) -> bool:
    """Whether a lock's source is the project itself, a member of its workspace or a folder beside it."""
    return any(key in source for key in ("editable", "virtual", "directory", "workspace"))


def origin(entry: object) -> Qualifiers:
    """Qualifiers of a `{git|vcs|url|archive: ..}`-like source table."""
    source = table(entry)
    if address := text(source.get("git")):
        return from_git(address, text(source.get("revision")) or text(source.get("rev")) or address.partition("#")[2])
    return from_address(text(source.get("url")))
