"""Poetry's lock file, of Poetry 1 and 2."""

from __future__ import annotations

from typing import TYPE_CHECKING

from thwart.catalogers import cataloger
from thwart.catalogers._documents import array, table, text, toml_of, toml_tables
from thwart.catalogers._gather import Gather
from thwart.catalogers._python import TYPE, Qualifiers, from_address, from_git, normalise
from thwart.core.package import File, FileFacts, Found

if TYPE_CHECKING:
    from thwart.core.limits import Limits


@cataloger("**/poetry.lock", images=False)
def poetry_lock(file: File, limits: Limits) -> FileFacts:
    """`poetry.lock`, lock versions 1.0 to 2.1.

    Scope: `groups` (2.1) or `category` (1.0, 1.1); the formats between name neither, and then everything counts as run-time.
    Folders beside the project are its own code and are left out.
    """
    document = toml_of(file, limits)
    gather = Gather("poetry_lock", file, limits)
    for entry, line in toml_tables(file, document, "package"):
        name, version = text(entry.get("name")), text(entry.get("version"))
        source = table(entry.get("source"))
        if text(source.get("type")) == "directory":
            continue
        if name and version:
            gather.add(
                Found(normalise(name), version, TYPE, scope=_scope(entry), line=line, qualifiers=_origin(source))
            )
        else:
            gather.count("no-version", name or f"line {line}")
    gather.summarise("no-version", "locked entries without name or version")
    return gather.facts()


def _scope(entry: dict[str, object]) -> str:
    groups = array(entry.get("groups")) or [text(entry.get("category")) or "main"]
    if "main" not in groups:
        return "dev"
    return "optional" if entry.get("optional") is True else ""


def _origin(source: dict[str, object]) -> Qualifiers:
    kind, address = text(source.get("type")), text(source.get("url"))
    if kind == "git":
        return from_git(address, text(source.get("resolved_reference")) or text(source.get("reference")))
    return from_address(address) if kind == "url" else ()
