"""What an asset holds, before anything is known of it."""

from __future__ import annotations

from dataclasses import dataclass

from thwart.core.finding import Diagnostic, Ignore
from thwart.core.layer import Placed
from thwart.core.package import Package, Release


@dataclass(frozen=True, slots=True, kw_only=True)
class Inventory:
    """Packages and release of an asset, what rules may judge of its files, and what of it could not be read.

    `notes` are None where nobody took any.
    """

    packages: tuple[Package, ...] = ()
    release: Release | None = None
    diagnostics: tuple[Diagnostic, ...] = ()
    ignores: tuple[Ignore, ...] = ()
    notes: tuple[Placed, ...] | None = None
