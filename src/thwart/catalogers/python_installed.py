"""Python distributions as installed: the core metadata in `*.dist-info` and `*.egg-info`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from thwart.catalogers import cataloger
from thwart.catalogers._gather import Gather
from thwart.catalogers._python import TYPE, normalise
from thwart.core.package import File, FileFacts, Found

if TYPE_CHECKING:
    from thwart.core.limits import Limits

# Headers end at the first empty line (RFC 5322 section 2.1, which core metadata follows); a description can be megabytes.
_END = re.compile(rb"\r?\n\r?\n|\r\r")
_FIELD = re.compile(
    r"^(Name|Version|License-Expression|License|Classifier)[ \t]*+:[ \t]*+([^\r\n]*+(?:\r?\n[ \t|][^\r\n]*+)*+)",
    re.MULTILINE | re.IGNORECASE,
)
_SUFFIXES = (".dist-info", ".egg-info", ".egg")
_CLASSIFIER = "License :: "
_LONGEST_LICENCE = 200  # characters; some packages put the whole text there


@cataloger(
    "**/*.dist-info/METADATA", "**/*.egg-info/PKG-INFO", "**/EGG-INFO/PKG-INFO", "**/*.egg-info", directories=True
)
def python_installed(file: File, limits: Limits) -> FileFacts:
    """Core metadata (PEP 566, PEP 639 for licences): one distribution a file.

    Name or version that the metadata lacks is taken from the folder's name, with medium confidence and a problem.
    """
    gather = Gather("python_installed", file, limits)
    fields = _fields(file.data)
    name = _first(fields, "name")
    version = _first(fields, "version")
    licences = _licences(fields)
    if name and version:
        gather.add(Found(normalise(name), version, TYPE, licences=licences, line=_line(file.data, "name")))
        return gather.facts()
    missing = "name" if not name else "version"
    folder_name, folder_version = _folder(file.path)
    name, version = name or folder_name, version or folder_version
    if not (name and version):
        gather.problem("no-version", f"the metadata states no {missing}, and neither does the folder's name")
        return gather.facts()
    gather.problem("no-version", f"the metadata states no {missing}; taken from the folder's name")
    gather.add(Found(normalise(name), version, TYPE, licences=licences, confidence="medium"))
    return gather.facts()


def _folder(path: str) -> tuple[str, str]:
    """Name and version from `Name-1.0.dist-info`, `Name-1.0-py3.11.egg-info`, `Name-1.0-py3.11.egg/EGG-INFO`."""
    for part in reversed(path.split("/")):
        for suffix in _SUFFIXES:
            if part.endswith(suffix):
                name, _, rest = part.removesuffix(suffix).partition("-")
                return name, rest.partition("-")[0]
    return "", ""


def _fields(data: bytes) -> dict[str, list[str]]:
    end = _END.search(data)
    head = data[: end.start()] if end else data
    fields: dict[str, list[str]] = {}
    for match in _FIELD.finditer(head.decode("utf-8-sig", "replace")):
        value = match[2].strip()
        if value and value.upper() != "UNKNOWN":
            fields.setdefault(match[1].lower(), []).append(value)
    return fields


def _first(fields: dict[str, list[str]], key: str) -> str:
    values = fields.get(key)
    return values[0].splitlines()[0].strip() if values else ""


def _licences(fields: dict[str, list[str]]) -> tuple[str, ...]:
    """`License-Expression` if there is one (PEP 639 gives it precedence), else `License`, else the classifiers."""
    for key in ("license-expression", "license"):
        value = fields.get(key, [""])[0]
        if value and "\n" not in value and len(value) <= _LONGEST_LICENCE:
            return (value,)
    stated = [value for value in fields.get("classifier", []) if value.startswith(_CLASSIFIER)]
    return tuple(dict.fromkeys(value.rpartition(" :: ")[2] for value in stated))


def _line(data: bytes, key: str) -> int:
    match = re.search(rb"^" + key.encode() + rb"[ \t]*+:", data, re.MULTILINE | re.IGNORECASE)
    return data.count(b"\n", 0, match.start()) + 1 if match else 0
