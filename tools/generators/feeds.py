"""docs/reference/advisory-sources.md, from the table of feeds: whose data it is, on which terms."""

from __future__ import annotations

from collections.abc import Iterator

from tools.generators import code, page, table

from thwart.advisories.sources import DOWNLOADS, HOMES

PATH = "docs/reference/advisory-sources.md"
INTRODUCTION = (
    "The advisory database is compiled from the data of others. It keeps facts (ids, aliases, packages, ranges, "
    "fixed versions, severity vectors, dates) and none of the prose. `thwart db status` lists the feeds of the "
    "database in use, with the day that their data is from and the number of records."
)
DOWNLOADED = (
    "`thwart db update` asks for these, each by its official address or, with `--mirror`, by its path below the "
    "mirror. `--feed NAME` restricts it to those whose names begin so."
)


def generate() -> Iterator[tuple[str, bytes]]:
    """One page."""
    homes = table(
        ("source", "licence", "attribution"), ((name, one.licence, one.attribution) for name, one in HOMES.items())
    )
    downloads = table(("feed", "path below a mirror"), ((code(one.name), code(one.path)) for one in DOWNLOADS))
    yield PATH, page("Advisory sources", INTRODUCTION, homes, "## Feeds that are downloaded", DOWNLOADED, downloads)
