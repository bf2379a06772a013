"""The lock file that all Python installers share (PEP 751)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from thwart.catalogers import cataloger
from thwart.catalogers._documents import array, table, text, toml_of, toml_tables
from thwart.catalogers._gather import Gather
from thwart.catalogers._python import TYPE, Qualifiers, from_address, from_git, normalise
from thwart.core.errors import ParseError
from thwart.core.package import File, FileFacts, Found

if TYPE_CHECKING:
    from thwart.core.limits import Limits

_GROUP = re.compile(r"""["']([^"']*+)["']\s++in\s++(dependency_groups|extras)\b""")


@cataloger("**/pylock.toml", "**/pylock.*.toml", images=False)
def pylock_toml(file: File, limits: Limits) -> FileFacts:
    """`pylock.toml`, lock version 1.

    Scope comes from the groups and extras that a package's marker asks for: none, or a default group, is run-time.
    """
    document = toml_of(file, limits)
    if not text(document.get("lock-version")).startswith("1"):
        raise ParseError(f"lock-version {text(document.get('lock-version'))!r} is not one that PEP 751 defines")
    gather = Gather("pylock_toml", file, limits)
    defaults = {text(group) for group in array(document.get("default-groups"))}
    for entry, line in toml_tables(file, document, "packages"):
        name, version = text(entry.get("name")), text(entry.get("version"))
        if "directory" in entry:  # the project's own code; PEP 751 allows it no version
            continue
        if name and version:
            scope = _scope(text(entry.get("marker")), defaults)
            gather.add(Found(normalise(name), version, TYPE, scope=scope, line=line, qualifiers=_origin(entry)))
        else:
            gather.count("no-version", name or f"line {line}")
    gather.summarise("no-version", "locked entries without name or version")
    return gather.facts()


def _scope(marker: str, defaults: set[str]) -> str:
    asked = _GROUP.findall(marker)
    if not asked or any(kind == "dependency_groups" and name in defaults for name, kind in asked):
        return ""
    return "optional" if any(kind == "extras" for _, kind in asked) else "dev"


def _origin(entry: dict[str, object]) -> Qualifiers:
    vcs = table(entry.get("vcs"))
    if text(vcs.get("type")) == "git":
        return from_git(text(vcs.get("url")), text(vcs.get("commit-id")))
    return from_address(text(table(entry.get("archive")).get("url")))
