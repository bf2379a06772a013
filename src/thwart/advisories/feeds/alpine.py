"""Alpine's security database: `main.json` and `community.json` of each branch. It lists fixed issues only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from thwart.advisories.feeds import Document, Record, decoder
from thwart.advisories.feeds._secdb import entries, header, is_secdb

if TYPE_CHECKING:
    from collections.abc import Iterator

    from thwart.core.limits import Limits


def _accepts(document: Document) -> bool:
    return is_secdb(document) and "distroversion" in document.keys


@decoder(accepts=_accepts, label="Alpine")
def alpine(document: Document, limits: Limits) -> Iterator[Record]:
    """Statements under `Alpine:v3.20` or `Alpine:edge`; ids as OSV gives them, `ALPINE-CVE-…`."""
    del limits
    top = header(document)
    branch = top.distroversion.strip() or "edge"
    yield from entries(top, f"Alpine:{branch}", "Alpine", "ALPINE-")
