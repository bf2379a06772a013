"""Pipenv's lock file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from thwart.catalogers import cataloger
from thwart.catalogers._documents import json_of, table, text
from thwart.catalogers._gather import Gather
from thwart.catalogers._lines import Lines
from thwart.catalogers._python import TYPE, from_address, from_git, is_local, normalise
from thwart.core.errors import ParseError
from thwart.core.package import File, FileFacts, Found

if TYPE_CHECKING:
    from thwart.core.limits import Limits

_SCOPES = {"default": "", "develop": "dev"}


@cataloger("**/Pipfile.lock", images=False)
def pipfile_lock(file: File, limits: Limits) -> FileFacts:
    """`Pipfile.lock` of pipfile-spec 6: categories of name to `{"version": "==1.0", ..}`.

    `default` runs, `develop` is `dev`, categories of one's own are `optional`.
    """
    document = json_of(file, limits)
    if not isinstance(document, dict):
        raise ParseError("Pipfile.lock is not a JSON object")
    gather = Gather("pipfile_lock", file, limits)
    lines = Lines(file.data)
    for category, entries in document.items():
        if category != "_meta":
            for name, entry in table(entries).items():
                line = lines.of(f'"{name}": {{')
                _add(name, table(entry), _SCOPES.get(category, "optional"), line, gather)
    gather.summarise("no-version", "locked entries without a version")
    return gather.facts()


def _add(name: str, entry: dict[str, object], scope: str, line: int, gather: Gather) -> None:
    if is_local(entry) or "path" in entry:
        return
    version = text(entry.get("version"))
    if not version.startswith("=="):
        gather.count("no-version", name)
        return
    origin = from_git(text(entry.get("git")), text(entry.get("ref"))) or from_address(text(entry.get("file")))
    gather.add(Found(normalise(name), version.lstrip("="), TYPE, scope=scope, line=line, qualifiers=origin))
