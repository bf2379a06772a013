"""Node applications and tools that lie in an image outside any `node_modules`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from thwart.catalogers import cataloger
from thwart.catalogers._gather import Gather
from thwart.catalogers._manifest import manifest
from thwart.catalogers._node import TYPE, in_modules, split
from thwart.core.package import File, FileFacts, Found

if TYPE_CHECKING:
    from thwart.core.limits import Limits


@cataloger("**/package.json", directories=False)
def node_application(file: File, limits: Limits) -> FileFacts:
    """A `package.json` with name and version, such as `opt/yarn-v1.22.22/package.json` or the application's own.

    In a source tree the same file is the project itself, or a fixture, and is left alone.
    """
    gather = Gather("node_application", file, limits)
    if not in_modules(file.path):
        stated = manifest(file, limits)
        if stated.name and stated.version:
            name = split(stated.name)
            gather.add(
                Found(name.name, stated.version, TYPE, name.namespace, licences=stated.licences, line=stated.line)
            )
    return gather.facts()
