"""Node packages as installed below `node_modules`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from thwart.catalogers import cataloger
from thwart.catalogers._gather import Gather
from thwart.catalogers._manifest import manifest
from thwart.catalogers._node import TYPE, split
from thwart.core.package import File, FileFacts, Found

if TYPE_CHECKING:
    from thwart.core.limits import Limits

# A package's own root and nothing within it: its fixtures and `{"type": "module"}` stubs are no packages. Names that
# begin with a dot are the package managers' own folders (`.bin`, `.pnpm`).
_ROOT = re.compile(r"(?:.*/)?node_modules/((?:@[^/]++/)?[^/@.][^/]*+)/package\.json", re.DOTALL)


@cataloger("**/node_modules/*/package.json", "**/node_modules/@*/*/package.json")
def node_installed(file: File, limits: Limits) -> FileFacts:
    """`node_modules/x/package.json` and `node_modules/@s/x/package.json` at any depth, pnpm's layout included.

    The manifest's own name counts, as the folder may be an alias; a manifest without one is called as its folder.
    """
    gather = Gather("node_installed", file, limits)
    root = _ROOT.fullmatch(file.path)
    if root is None:
        return gather.facts()
    stated = manifest(file, limits)
    name = split(stated.name or root[1])
    if not stated.version:
        gather.problem("no-version", f"package {stated.name or root[1]} states no version")
    else:
        confidence = "high" if stated.name else "medium"
        found = Found(name.name, stated.version, TYPE, name.namespace, licences=stated.licences)
        gather.add(found._replace(line=stated.line, confidence=confidence))
    return gather.facts()
