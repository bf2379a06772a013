"""Dockerfiles and Containerfiles: what the file alone tells of the image and of the commands that build it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from thwart.core.advisory import Severity
from thwart.core.finding import Diagnostic
from thwart.core.registry import Registry
from thwart.rules import FAMILIES, Family
from thwart.rules._member import Member, Run, register
from thwart.rules.dockerfile._file import File

if TYPE_CHECKING:
    from thwart.rules import Options, Source

__all__ = ["File", "dockerfile_rule"]

MEMBERS: Registry[Member] = Registry(__name__)

_NAME = re.compile(r"(?i:dockerfile|containerfile)(?:[._-][^/]*)?|[^/]+\.(?i:dockerfile|containerfile)")
_OTHERS = re.compile(  # endings of files that are about Dockerfiles, and are none
    r"\.(?:dockerignore|containerignore|md|txt|rst|py|go|ts|js|rs|java|rb|sh|json|ya?ml|toml|lock|html|xml|swp)|.*~",
    re.IGNORECASE,
)
_BEGINS = re.compile(rb"(?:[ \t]*(?:#[^\n]*)?\r?\n)*[ \t]*(?:FROM|ARG)[ \t]+[^\s:]", re.IGNORECASE)


def dockerfile_rule(
    severity: Severity,
    *references: str,
    confidence: str = "high",
    covered_by: tuple[str, ...] = (),
) -> Callable[[Run], Run]:
    """Register a rule that judges a `File`."""
    return register(
        MEMBERS,
        File,
        severity,
        family="dockerfile",
        language="dockerfile",
        confidence=confidence,
        references=references,
        covered_by=covered_by,
    )


def named(path: str) -> bool:
    """`Dockerfile`, `Dockerfile.web`, `web.Dockerfile`, the same of Containerfile; not the sources of a program."""
    name = path.rpartition("/")[2]
    return path == "-" or (_NAME.fullmatch(name) is not None and not _OTHERS.fullmatch(name, max(name.rfind("."), 0)))


def claims(source: Source) -> bool:
    """The name decides; standard input must begin with a base or an argument."""
    return source.path != "-" or _BEGINS.match(source.data) is not None


def read(source: Source, options: Options) -> Iterator[File | Diagnostic]:
    """The file, after what is wrong with it."""
    from thwart.rules.dockerfile._file import read_file

    return read_file(source, options.limits, options.today)


FAMILIES.add("dockerfile", Family(name="dockerfile", named=named, claims=claims, read=read, members=MEMBERS))
