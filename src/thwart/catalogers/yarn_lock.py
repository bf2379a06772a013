"""Yarn's lockfiles: the classic grammar of Yarn 1, and the YAML of Yarn 2 and later."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import unquote

from thwart.catalogers import cataloger
from thwart.catalogers._documents import table, text, yaml_texts
from thwart.catalogers._gather import Gather
from thwart.catalogers._node import TYPE, alias, in_modules, repository, specifier, split
from thwart.core.errors import ParseError
from thwart.core.package import File, FileFacts, Found
from thwart.lib.yaml_positions import YamlMap

if TYPE_CHECKING:
    from collections.abc import Iterator

    from thwart.core.limits import Limits

_BERRY = re.compile(rb"^__metadata:", re.MULTILINE)
_FIELD = re.compile(r'  "?(version|resolved)"? +"?([^"]*+)"?')
_SPECIFIER = re.compile(r'"((?:[^"\\]|\\.)*+)"|([^",:\s][^",]*+)')
_LOCAL = ("file:", "link:", "portal:", "workspace:")


@cataloger("**/yarn.lock", images=False)
def yarn_lock(file: File, limits: Limits) -> FileFacts:
    """`yarn.lock`. Neither grammar tells what is for development, so every package counts as run-time.

    Workspaces, links and folders are the project's own code and are left out; a patched package counts as what it patches.
    """
    gather = Gather("yarn_lock", file, limits)
    if in_modules(file.path):
        return gather.facts()
    if _BERRY.search(file.data):
        _berry(yaml_texts(file, limits), gather)
    else:
        if len(file.data) > limits.yaml_bytes:
            raise ParseError(f"a lockfile of {len(file.data)} bytes, more than the {limits.yaml_bytes} allowed")
        for line, header, fields in _blocks(file.data.decode("utf-8-sig", "replace")):
            _classic(line, header, fields, gather)
    gather.summarise("no-version", "locked entries without name or version")
    return gather.facts()


def _blocks(lock: str) -> Iterator[tuple[int, str, dict[str, str]]]:
    """The classic grammar's blocks: line and text of the header, and the fields one level in."""
    start, header = 0, ""
    fields: dict[str, str] = {}
    for number, line in enumerate(lock.split("\n"), 1):
        if line.startswith(("<<<<<<<", ">>>>>>>", "=======")):
            raise ParseError("the lockfile holds an unresolved merge conflict", number)
        if line.startswith("  "):
            field = _FIELD.match(line) if header else None
            if field and not line.startswith("   "):
                fields.setdefault(field[1], field[2])
        elif line.strip() and not line.startswith("#"):
            if header:
                yield start, header, fields
            start, header, fields = number, _header(line, number), {}
    if header:
        yield start, header, fields


def _header(line: str, number: int) -> str:
    header = line.rstrip()
    if not header.endswith(":") or header.startswith(" "):
        raise ParseError("neither an entry nor a field of yarn's lockfile grammar", number)
    return header[:-1]


def _classic(line: int, header: str, fields: dict[str, str], gather: Gather) -> None:
    first = _SPECIFIER.match(header)
    key, wanted = specifier((first[1] or first[2] or "") if first else "")
    resolved, version = fields.get("resolved", ""), fields.get("version", "")
    if wanted.startswith(_LOCAL) and not resolved:
        return
    full = _renamed(wanted) or key
    if not full or not version:
        gather.count("no-version", f"{header} on line {line}")
        return
    name = split(full)
    gather.add(Found(name.name, version, TYPE, name.namespace, line=line, qualifiers=repository(resolved)))


def _renamed(wanted: str) -> str:
    """The real name in `npm:name@range`; `npm:^1.0.0` has none."""
    real, _ = alias(wanted)
    return real


def _berry(documents: tuple[object, ...], gather: Gather) -> None:
    for document in documents:
        if not isinstance(document, YamlMap):
            raise ParseError("the lockfile is not a YAML mapping")
        for key, value in document.items():
            entry = table(value)
            if key == "__metadata" or text(entry.get("linkType")) == "soft":
                continue
            _resolved(text(key), entry, document.keys_at[key].line, gather)


def _resolved(key: str, entry: dict[str, object], line: int, gather: Gather) -> None:
    """`resolution` is the locator `name@protocol:reference`; its name is the real one behind an alias."""
    full, reference = specifier(text(entry.get("resolution")))
    version = text(entry.get("version"))
    if reference.startswith(_LOCAL) and not _is_archive(reference):
        return
    if reference.startswith("patch:"):  # the locator of what is patched, percent-encoded, then `#` and the patches
        full, inner = specifier(unquote(reference.removeprefix("patch:").partition("#")[0]))
        full = _renamed(inner) or full
    if not full or not version:
        gather.count("no-version", f"{key} on line {line}")
        return
    name = split(full)
    origin = repository(reference.replace("#commit=", "#"))
    gather.add(Found(name.name, version, TYPE, name.namespace, line=line, qualifiers=origin))


def _is_archive(reference: str) -> bool:
    return reference.partition("::")[0].partition("#")[0].endswith((".tgz", ".tar.gz"))
