"""Whole-file documents under the room's limits, and total look-ups into what they hold."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypeVar

from thwart.core.errors import ParseError
from thwart.lib.documents import DocumentError

if TYPE_CHECKING:
    from thwart.core.limits import Limits
    from thwart.core.package import File

T = TypeVar("T")

VALUES_PER_PACKAGE = 16  # a lockfile's entry holds about a dozen; memory is bounded by values, not bytes

# A line of a lockfile's array of wheels: `{ url = "..", hash = "sha256:..", size = 1 },`. They are nine tenths of a
# uv.lock, no cataloger reads them, and the standard TOML reader takes a millisecond for thirty.
_STRING = rb'"[^"\\\n]*+"'
_VALUE = rb"(?:" + _STRING + rb"|[0-9TZ:.-]++|\{ ?[a-z0-9]++ = " + _STRING + rb" ?\})"
_ARTEFACT = re.compile(
    rb"^[ \t]++\{ ?(?:url|file) = " + _STRING + rb"(?:, [a-z-]++ = " + _VALUE + rb")++ ?\},?[ \t]*+$", re.MULTILINE
)


def json_of(file: File, limits: Limits) -> object:
    """The file as JSON, or ParseError."""
    from thwart.lib import json_bounded

    most = limits.packages * VALUES_PER_PACKAGE
    try:
        return json_bounded.load(file.data, max_bytes=limits.file_bytes, max_depth=limits.json_depth, max_items=most)
    except DocumentError as error:
        raise ParseError(error.reason, error.line) from None


def json_as(file: File, type_: type[T], limits: Limits) -> T | None:
    """The file as a msgspec type, None when it does not fit; ParseError when it is too large."""
    from thwart.lib import json_bounded

    most = limits.packages * VALUES_PER_PACKAGE
    try:
        return json_bounded.load_as(file.data, type_, max_bytes=limits.file_bytes, max_items=most)
    except DocumentError as error:
        raise ParseError(error.reason, error.line) from None


def toml_of(file: File, limits: Limits) -> dict[str, object]:
    """The file as TOML, or ParseError."""
    from thwart.lib import toml_bounded

    try:
        return toml_bounded.load(file.data, max_bytes=limits.yaml_bytes, blank=_ARTEFACT)
    except DocumentError as error:
        raise ParseError(error.reason, error.line) from None


def toml_tables(file: File, document: dict[str, object], name: str) -> list[tuple[dict[str, object], int]]:
    """The tables of the array `[[name]]`, each with its line; line 0 where the file leaves it in doubt."""
    from thwart.lib import toml_bounded

    value = document.get(name, [])
    if not isinstance(value, list):
        raise ParseError(f"{name} is not an array of tables")
    lines = toml_bounded.array_lines(file.data, name)
    if len(lines) != len(value):
        lines = [0] * len(value)
    return [(table(one), line) for one, line in zip(value, lines, strict=True)]


def yaml_texts(file: File, limits: Limits) -> tuple[object, ...]:
    """The documents of a YAML file with every scalar as text, or ParseError."""
    from thwart.lib import yaml_positions

    try:
        return yaml_positions.load_all(
            file.data,
            max_bytes=limits.yaml_bytes,
            max_depth=limits.json_depth,
            max_nodes=limits.packages * VALUES_PER_PACKAGE,
            typed=False,
        )
    except DocumentError as error:
        raise ParseError(error.reason, error.line) from None


def table(value: object) -> dict[str, object]:
    """The value if it is a mapping, else an empty one."""
    return value if isinstance(value, dict) else {}


def array(value: object) -> list[object]:
    """The value if it is a sequence, else an empty one."""
    return value if isinstance(value, list) else []


def text(value: object) -> str:
    """The value if it is text or a number, trimmed; else nothing."""
    if isinstance(value, str):
        return value.strip()
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else ""
