"""Compose files: services with what they extend, include and are overridden by; variables put in."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from thwart.core.finding import Diagnostic
from thwart.rules import FAMILIES, Family
from thwart.rules.container import MEMBERS, Container, Project

if TYPE_CHECKING:
    from thwart.rules import Options, Source

_NAME = re.compile(r"(?:[^/]*[._-])?compose(?:[._-][^/]*)?\.(?:ya?ml|json)", re.IGNORECASE)
_SERVICES = re.compile(rb'^services[ \t]*:|"services"[ \t\r\n]*:', re.MULTILINE)


def named(path: str) -> bool:
    """YAML or JSON; standard input may be anything."""
    return path == "-" or path.lower().endswith((".yaml", ".yml", ".json"))


def claims(source: Source) -> bool:
    """The name decides; a file of any other name must have services that look like Compose's."""
    return _known(source.path) or _SERVICES.search(source.data) is not None


def _known(path: str) -> bool:
    return _NAME.fullmatch(path.rpartition("/")[2]) is not None


def read(source: Source, _: Options) -> Iterator[Container | Project | Diagnostic]:
    """The project that the file belongs to: its services, then all of them together, after what is wrong with it."""
    from thwart.rules.compose._project import read_project

    return read_project(source, sure=_known(source.path))


FAMILIES.add("compose", Family(name="compose", named=named, claims=claims, read=read, members=MEMBERS))
