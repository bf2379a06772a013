"""PDM's own lock file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from thwart.catalogers import cataloger
from thwart.catalogers._documents import array, text, toml_of, toml_tables
from thwart.catalogers._gather import Gather
from thwart.catalogers._python import TYPE, normalise, origin
from thwart.core.package import File, FileFacts, Found

if TYPE_CHECKING:
    from thwart.core.limits import Limits


@cataloger("**/pdm.lock", images=False)
def pdm_lock(file: File, limits: Limits) -> FileFacts:
    """`pdm.lock`, lock versions 2 to 4.5: one `[[package]]` for each name and set of extras.

    `groups` (`sections` before 4.0) holds `default` for run-time; whether another group is for development or an extra,
    the file does not tell: names that begin with dev, test, lint or doc are taken as `dev`, others as `optional`.
    """
    document = toml_of(file, limits)
    gather = Gather("pdm_lock", file, limits)
    for entry, line in toml_tables(file, document, "package"):
        name, version = text(entry.get("name")), text(entry.get("version"))
        if entry.get("editable") is True or ("path" in entry and not text(entry.get("path")).endswith((".whl", ".gz"))):
            continue
        if name and version:
            gather.add(Found(normalise(name), version, TYPE, scope=_scope(entry), line=line, qualifiers=origin(entry)))
        else:
            gather.count("no-version", name or f"line {line}")
    gather.summarise("no-version", "locked entries without name or version")
    return gather.facts()


def _scope(entry: dict[str, object]) -> str:
    groups = [text(group) for group in array(entry.get("groups") or entry.get("sections"))]
    if not groups or "default" in groups:
        return ""
    return "dev" if all(group.startswith(("dev", "test", "lint", "doc")) for group in groups) else "optional"
