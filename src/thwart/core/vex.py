"""Vulnerability exploitability exchange: what somebody states of a vulnerability in a product, in any of the formats.

The words are those of CISA's "Minimum Requirements for VEX" (2023) and "Status Justifications" (2022), which all formats share.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from datetime import datetime

    from thwart.lib.purl import Purl

NOT_AFFECTED, AFFECTED, FIXED, UNDER_INVESTIGATION = "not_affected", "affected", "fixed", "under_investigation"
STATUSES = (NOT_AFFECTED, AFFECTED, FIXED, UNDER_INVESTIGATION)
SUPPRESSING = frozenset({NOT_AFFECTED, FIXED})
JUSTIFICATIONS = (
    "component_not_present",
    "vulnerable_code_not_present",
    "vulnerable_code_not_in_execute_path",
    "vulnerable_code_cannot_be_controlled_by_adversary",
    "inline_mitigations_already_exist",
)


class Component(Struct, frozen=True, kw_only=True):
    """A piece of software, by whatever identifies it; one identifier that fits is enough, a hash that differs refutes all.

    `names` are other identifiers, compared as they are; `hashes` are (algorithm as IANA spells it, hexadecimal digits);
    `platforms` are (id, version) of an operating system's release. `versions` narrow the purls: versions, or ranges
    that begin with `vers:`; the version must be one of them.
    """

    purls: tuple[Purl, ...] = ()
    names: tuple[str, ...] = ()
    hashes: tuple[tuple[str, str], ...] = ()
    platforms: tuple[tuple[str, str], ...] = ()
    versions: tuple[str, ...] = ()


class Product(Struct, frozen=True, kw_only=True):
    """What a statement is about: all of a component, or of what is in it only these `parts`."""

    whole: Component
    parts: tuple[Component, ...] = ()


class Statement(Struct, frozen=True, kw_only=True):
    """One status of one vulnerability, by all of its names, in some products.

    `at` is when that was known, None when nobody says. `order` sorts statements of one moment, the last counts; among
    those of one order the one that suppresses nothing does. `why` is the impact in words.
    """

    names: tuple[str, ...]
    status: str
    products: tuple[Product, ...]
    at: datetime | None = None
    order: int = 0
    justification: str = ""
    why: str = ""


class Document(Struct, frozen=True, kw_only=True):
    """The statements of one file at `path`. `problems` are sentences on those that could not be understood."""

    path: str
    id: str = ""
    author: str = ""
    statements: tuple[Statement, ...] = ()
    problems: tuple[str, ...] = ()
