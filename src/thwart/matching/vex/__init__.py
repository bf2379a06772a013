"""VEX documents, read: one file per format. `read` finds out which it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from thwart.core.errors import ParseError
from thwart.core.limits import DEFAULT, Limits
from thwart.core.registry import Registry
from thwart.core.vex import Document
from thwart.lib import json_bounded
from thwart.lib.documents import DocumentError

Object = Mapping[str, Any]
Claims = Callable[[Object], bool]
Read = Callable[[Object, str], Document]
MOST = 2_000_000  # values of a document, and what it may unfold to


class Form(NamedTuple):
    """A member: whether a document is of the format, and its reader."""

    claims: Claims
    read: Read


MEMBERS: Registry[Form] = Registry(__name__)


def form(claims: Claims) -> Callable[[Read], Read]:
    """Register a reader under its module's name."""

    def register(read: Read) -> Read:
        MEMBERS.add(read.__module__.rpartition(".")[2], Form(claims, read))
        return read

    return register


def read(data: bytes, path: str, limits: Limits = DEFAULT) -> Document:
    """The statements of a VEX document.

    Raises:
        ParseError: it is not JSON, too large, or of no format that is known.
    """
    try:
        document = json_bounded.load(data, max_bytes=limits.file_bytes, max_depth=limits.json_depth, max_items=2 * MOST)
    except DocumentError as error:
        raise ParseError(error.reason, error.line) from None
    if isinstance(document, dict):
        for member in MEMBERS.load().values():
            if member.claims(document):
                return member.read(document, path)
    raise ParseError("it is neither OpenVEX nor CycloneDX nor CSAF")
