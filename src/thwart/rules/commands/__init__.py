"""`docker run`, `podman run` and their like in shell scripts, makefiles, documentation, systemd and Quadlet units."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from thwart.core.finding import Diagnostic
from thwart.rules import FAMILIES, Family
from thwart.rules.container import MEMBERS, Container

if TYPE_CHECKING:
    from thwart.rules import Options, Source

_NAMES = (
    ("script", re.compile(r"\.(?:sh|bash|dash|ash|ksh)$")),
    ("markdown", re.compile(r"\.(?:md|markdown|mdx)$")),
    ("restructured", re.compile(r"\.rst$")),
    ("service", re.compile(r"\.service$|\.service\.d/[^/]+\.conf$")),
    ("quadlet", re.compile(r"\.container$")),
    ("makefile", re.compile(r"(?:^|/)(?:gnu)?makefile$|\.mk$")),
)
_SHEBANG = re.compile(rb"#![ \t]*(?:/\S*/)?(?:env[ \t]+(?:-S[ \t]+)?)?(?:ba|da|k|a)?sh\b")
_ABOUT = re.compile(rb"(?:docker|podman)\b")
_QUADLET = re.compile(rb"^\[Container\][ \t]*\r?$", re.MULTILINE)
_SERVICE = re.compile(rb"^\[Service\][ \t]*\r?$", re.MULTILINE)


def named(path: str) -> bool:
    """By its ending; standard input may be a script or a unit."""
    return path == "-" or bool(_named(path))


def claims(source: Source) -> bool:
    """Whether there may be such a command in it."""
    kind = kind_of(source)
    return bool(kind) and (kind == "quadlet" or _ABOUT.search(source.data) is not None)


def kind_of(source: Source) -> str:
    """Which reader the file has: by its name, else as a script by its first line, or as a unit by its sections."""
    found = "" if source.path == "-" else _named(source.path)
    if found:
        return found
    if _SHEBANG.match(source.data):
        return "script"
    if _QUADLET.search(source.data):
        return "quadlet"
    return "service" if _SERVICE.search(source.data) else ""


def _named(path: str) -> str:
    lowered = path.lower()
    return next((kind for kind, name in _NAMES if name.search(lowered)), "")


def read(source: Source, options: Options) -> Iterator[Container | Diagnostic]:
    """Each command line as the container that it makes, then what could not be read."""
    from thwart.rules.commands._read import read_file

    return read_file(source, kind_of(source), options.limits)


FAMILIES.add("commands", Family(name="commands", named=named, claims=claims, read=read, members=MEMBERS))
