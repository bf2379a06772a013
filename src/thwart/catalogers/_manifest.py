"""The few fields that matter of a `package.json`, read without building the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from thwart.catalogers._documents import array, json_as, json_of, table, text
from thwart.catalogers._lines import Lines
from thwart.core.errors import ParseError

if TYPE_CHECKING:
    from thwart.core.limits import Limits
    from thwart.core.package import File


class Manifest(NamedTuple):
    """Name with scope, version, licences; empty where not stated. `line` is that of the name."""

    name: str
    version: str
    licences: tuple[str, ...]
    line: int


class _Wanted(msgspec.Struct):
    name: Any = None
    version: Any = None
    license: Any = None  # also an object or an array, as older manifests write it
    licenses: Any = None


def manifest(file: File, limits: Limits) -> Manifest:
    """Read a manifest, or raise ParseError."""
    wanted = json_as(file, _Wanted, limits)
    if wanted is None:
        document = json_of(file, limits)
        if not isinstance(document, dict):
            raise ParseError("package.json is not a JSON object")
        wanted = _Wanted(*(document.get(key) for key in _Wanted.__struct_fields__))
    name, version = text(wanted.name), text(wanted.version)
    line = Lines(file.data).of('"name"') if name else 0
    return Manifest(name, version.removeprefix("v"), _licences(wanted), line)


def _licences(wanted: _Wanted) -> tuple[str, ...]:
    values = [one for value in (wanted.license, wanted.licenses) for one in array(value) or [value]]
    stated = (text(one) or text(table(one).get("type")) or text(table(one).get("name")) for one in values)
    return tuple(dict.fromkeys(licence for licence in stated if licence))
