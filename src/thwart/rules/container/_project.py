"""Several containers that are run together: a Compose project."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from thwart.rules.container._settings import Container, Where

if TYPE_CHECKING:
    from thwart.core.edit import Edit
    from thwart.rules._view import Hit


class Project(Struct, kw_only=True):
    """A project and its containers.

    `version` is where the key of that name stands, which means nothing any more. `internal` are the networks without a
    way out, by their keys.
    """

    name: str
    where: Where
    containers: tuple[Container, ...]
    version: Where | None = None
    internal: frozenset[str] = frozenset()
    document: int = 0
    partial: bool = False

    def hit(
        self, where: Where, phrase: str, part: str = "", edits: tuple[Edit, ...] = (), *, safe: bool = False
    ) -> Hit:
        """A finding at that place, with what closes it, if anything does."""
        found = where.hit(phrase, part)
        return found.mended(*edits, safe=safe) if edits else found
