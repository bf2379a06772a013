"""`security.json` of Wolfi and Chainguard: Alpine's layout without a branch; version `0` marks a false positive."""

from __future__ import annotations

from typing import TYPE_CHECKING

from thwart.advisories.feeds import Document, Record, decoder
from thwart.advisories.feeds._secdb import entries, header, is_secdb
from thwart.core.errors import ParseError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from thwart.core.limits import Limits


def _accepts(document: Document) -> bool:
    return is_secdb(document) and "distroversion" not in document.keys


@decoder(accepts=_accepts, label="Wolfi")
def wolfi(document: Document, limits: Limits) -> Iterator[Record]:
    """Statements under `Wolfi` or `Chainguard`. The ids `WOLFI-CVE-…` are ours: the file has none of its own."""
    del limits
    top = header(document)
    prefix = top.urlprefix.lower()
    name = "Wolfi" if "wolfi" in prefix else "Chainguard" if "cgr.dev" in prefix or "chainguard" in prefix else ""
    if not name:
        raise ParseError("a security database of a distribution that is not known: neither Wolfi nor Chainguard")
    yield from entries(top, name, name, f"{name.upper()}-")
