"""What an asset holds, before anything is known of it."""

from __future__ import annotations

from msgspec import Struct

from thwart.core.finding import Diagnostic, Ignore
from thwart.core.layer import Placed
from thwart.core.package import Package, Release


class Inventory(Struct, frozen=True, kw_only=True):
    """Packages and release of an asset, what rules may judge of its files, and what of it could not be read.

    `notes` are None where nobody took any.
    """

    packages: tuple[Package, ...] = ()
    release: Release | None = None
    diagnostics: tuple[Diagnostic, ...] = ()
    ignores: tuple[Ignore, ...] = ()
    notes: tuple[Placed, ...] | None = None
