"""How long matching takes: 10,000 packages against an advisory database.

    python benchmarks/matching.py [DATABASE]

Without DATABASE the embedded one is opened. Two mixtures are timed, the best of five runs each by processor time, which
other programs on the machine disturb less (a new `match` call has no memory of the one before; SQLite's cache is warm):

* *image*: 1,000 packages of one Debian release, 9,000 of language ecosystems, one in twenty with known advisories;
* *worst*: every package has advisories, no two are alike.
"""

from __future__ import annotations

import argparse
import time
from datetime import date
from itertools import cycle, islice
from pathlib import Path
from typing import TYPE_CHECKING

from thwart.advisories.database import Database
from thwart.core.package import Package, Release
from thwart.matching import match

if TYPE_CHECKING:
    from collections.abc import Iterable

_RELEASE = Release(id="debian", version="12", name="Debian GNU/Linux 12", ecosystem="Debian:12")
_LANGUAGES = {"npm": "npm", "PyPI": "pypi", "Go": "golang", "Maven": "maven", "crates.io": "cargo", "RubyGems": "gem"}
_COUNT = 10_000


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("database", type=Path, nargs="?")
    path = parser.parse_args().database
    if path is None:
        from thwart.advisories.embedded import open_embedded

        database = open_embedded(None)
    else:
        database = Database.open(path)
    for name, packages in (("image", image(database)), ("worst", worst(database))):
        best, found, aside = min(timed(packages, database) for _ in range(5))
        print(f"{name}: {len(packages):,} packages in {best:.2f} s: {found:,} findings, {aside:,} set aside")


def timed(packages: list[Package], database: Database) -> tuple[float, int, int]:
    start = time.process_time()
    matches = match(packages, _RELEASE, database, today=date(2026, 11, 23))
    return time.process_time() - start, len(matches.findings), len(matches.suppressed)


def image(database: Database) -> list[Package]:
    """A large image: most packages are unknown to the database."""
    known = list(islice(_known(database, _LANGUAGES), 450))
    system = [*islice(_known(database, ["Debian:12"]), 50)]
    system += [_package("deb", "Debian:12", f"quiet-{number}", "1.0-1") for number in range(1000 - len(system))]
    quiet = zip(range(_COUNT - len(known) - len(system)), cycle(_LANGUAGES.items()), strict=False)
    return [*system, *known, *(_package(kind, name, f"quiet-{n}", "1.0.0") for n, (name, kind) in quiet)]


def worst(database: Database) -> list[Package]:
    """Packages that the database knows; those after the first round in other versions."""
    every = list(_known(database, [*_LANGUAGES, "Debian:12"]))
    rounds = (
        _package(one.type, one.ecosystem, one.name, f"{1 + number // len(every)}.{number % 7}.0")
        for number, one in zip(range(_COUNT), cycle(every), strict=False)
    )
    return list(rounds)


def _known(database: Database, ecosystems: Iterable[str]) -> Iterable[Package]:
    query = "SELECT p.name FROM package p JOIN ecosystem e ON e.id = p.ecosystem WHERE e.name = ? ORDER BY p.name"
    names = {
        ecosystem: [name for (name,) in database._connection.execute(query, (ecosystem,))]  # noqa: SLF001
        for ecosystem in ecosystems
    }
    for place in range(max(map(len, names.values()))):
        for ecosystem, members in names.items():
            if place < len(members):
                yield _package(_LANGUAGES.get(ecosystem, "deb"), ecosystem, members[place], "1.0.0")


def _package(purl_type: str, ecosystem: str, name: str, version: str) -> Package:
    return Package(
        name=name, version=version, type=purl_type, ecosystem=ecosystem, purl=f"pkg:{purl_type}/{name}@{version}"
    )


if __name__ == "__main__":
    main()
