"""Precision and recall of matching against labelled matches of real images.

    python benchmarks/labels.py LABELS DATABASE [--index FILE] [--show missed|false]

LABELS is `anchore-match-labels.jsonl.gz`: one line per match that some scanner reported on one of 88 images, with the
package, its version and a person's verdict (TP, FP). DATABASE is a file that `thwart db build` made. `--index` is a Debian
`Packages` index (`apt-cache dumpavail`), which tells the source of a binary package; without it only packages that are
called like their source can be asked for in Debian and Ubuntu.

What the figures can say, and what not:

* A line names no ecosystem, no release, no source package and no path. The kind of package is judged from the form of
  the version, the release of an image from its C library or from marks in versions (`deb11u2`, `.el8`);
  images of which neither is labelled are left out, Alpine's branches among them. A language package is taken to be of
  the ecosystems in which a package of that name has the labelled advisory.
* Some releases share a C library (2.19 is in Ubuntu 14.04 and 14.10), and the source package of an old release need
  not be that of the index.
* Only *decidable* lines count: those where the database says anything of that CVE for that package. It holds partial
  feeds of different dates, and a feed that lists only fixed defects knows no unfixed ones: a missing statement is a
  gap of the data, not of matching.
* Labels were given to what scanners reported, so what all of them missed is not in them: recall is relative.
* FP labels often mean "another product of that name" (guessed CPE names) or "owned by the distribution"; the line
  does not show the owner, so the latter count as false here although a whole image would have them set aside.
"""

from __future__ import annotations

import argparse
import gzip
import json
import re
import sys
from collections import Counter, defaultdict
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from thwart.advisories.database import Database
from thwart.core.package import Package
from thwart.matching import match
from thwart.matching.naming import covered

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_FORMS = (
    ("rpm", re.compile(r"\.el\d|\.module|\.amzn\d|\.cm\d|\.fc\d|\.ol\d")),
    ("apk", re.compile(r"-r\d+\Z")),
    ("deb", re.compile(r"deb\d+u|ubuntu|\+b\d|[+.]dfsg|\+nmu|-\d[\w.+~]*\Z")),
)
_LANGUAGES = {
    "PyPI": "pypi",
    "npm": "npm",
    "Go": "golang",
    "Maven": "maven",
    "RubyGems": "gem",
    "Packagist": "composer",
    "NuGet": "nuget",
    "crates.io": "cargo",
    "Bitnami": "bitnami",
}
_GLIBC = {  # (built by Ubuntu, version): the release that has it
    (True, "2.19"): "Ubuntu:14.04:LTS",
    (True, "2.23"): "Ubuntu:16.04:LTS",
    (True, "2.27"): "Ubuntu:18.04:LTS",
    (True, "2.31"): "Ubuntu:20.04:LTS",
    (True, "2.35"): "Ubuntu:22.04:LTS",
    (False, "2.13"): "Debian:7",
    (False, "2.19"): "Debian:8",
    (False, "2.24"): "Debian:9",
    (False, "2.28"): "Debian:10",
    (False, "2.31"): "Debian:11",
    (False, "2.36"): "Debian:12",
}
_TODAY = date(2026, 11, 23)


class Line(NamedTuple):
    image: str
    advisory: str
    cve: str
    name: str
    version: str
    true: bool

    @property
    def ids(self) -> set[str]:
        return {self.advisory, self.cve} - {""}


class World:
    """The database, and the names that it can be asked for."""

    def __init__(self, database: Database, sources: dict[str, str]) -> None:
        self.database = database
        self.sources = sources
        self.artifacts: dict[str, set[str]] = defaultdict(set)
        for name in _names(database, "Maven"):
            self.artifacts[name.rpartition(":")[2]].add(name)
        self._covers: dict[str, set[str]] = {}

    def covers(self, advisory: str) -> set[str]:
        """Every id that a record stands for."""
        if advisory not in self._covers:
            record = self.database.advisory(advisory)
            names, further = covered(advisory, record)
            aliases = record.aliases if record else ()
            self._covers[advisory] = {advisory, *names, *further, *aliases}
        return self._covers[advisory]

    def knows(self, ecosystem: str, names: Iterable[str], ids: set[str]) -> bool:
        statements = (one for name in names for one in self.database.affected(ecosystem, name))
        return any(self.covers(one.advisory) & ids for one in statements)


def _names(database: Database, ecosystem: str) -> list[str]:
    query = "SELECT p.name FROM package p JOIN ecosystem e ON e.id = p.ecosystem WHERE e.name = ?"
    return [name for (name,) in database._connection.execute(query, (ecosystem,))]  # noqa: SLF001 - no public listing


def lines(path: Path) -> Iterator[Line]:
    with gzip.open(path, "rt", encoding="utf-8") as stream:
        for text in stream:
            row = json.loads(text)
            if row["label"] in ("TP", "FP") and row["pkg"] and row["version"]:
                yield Line(
                    row["image"], row["vuln"] or "", row["cve"] or "", row["pkg"], row["version"], row["label"] == "TP"
                )


def sources(path: Path | None) -> dict[str, str]:
    """Source of each binary package of a Debian index."""
    found: dict[str, str] = {}
    name = ""
    for text in path.read_text(encoding="utf-8", errors="replace").split("\n") if path else ():
        if text.startswith("Package: "):
            name = text[9:].strip()
        elif text.startswith("Source: "):
            found[name] = text[8:].split()[0]
    return found


def kind(line: Line) -> str:
    return next((kind for kind, form in _FORMS if form.search(line.version)), "")


def release(image: str, members: list[Line]) -> dict[str, str]:
    """The ecosystem of an image's system packages, by kind of package, as far as the lines tell."""
    votes: Counter[tuple[str, str]] = Counter()
    for line in members:
        form = kind(line)
        if form == "rpm" and "almalinux" in image:
            major = re.search(r"\.el(\d+)", line.version)
            votes[form, f"AlmaLinux:{major[1] if major else ''}"] += 1
        elif form == "apk" and ("wolfi" in image or "chainguard" in image):
            votes[form, "Wolfi"] += 1
        elif form == "deb" and line.name in ("libc6", "libc-bin"):
            votes[form, _GLIBC.get(("ubuntu" in line.version, line.version[:4]), "")] += 1
        elif form == "deb" and (mark := re.search(r"deb(\d+)u", line.version)):
            votes[form, f"Debian:{mark[1]}"] += 1
    best: dict[str, str] = {}
    for (form, ecosystem), _ in votes.most_common():
        if ecosystem:
            best.setdefault(form, ecosystem)
    return best


def _source(world: World, line: Line) -> str:
    return world.sources.get(line.name, line.name)


def packages(world: World, line: Line, system: dict[str, str]) -> list[Package]:
    """What the line may mean, as far as the database says anything of its CVE."""
    form = kind(line)
    if form in system:
        source = _source(world, line) if form == "deb" else line.name
        if world.knows(system[form], {source, line.name}, line.ids):
            return [_package(form, system[form], line.name, line.version, source=source)]
    found: list[Package] = []
    if form:
        return found
    for ecosystem, purl_type in _LANGUAGES.items():
        if ecosystem == "Bitnami" and "bitnami" not in line.image:
            continue
        names = world.artifacts.get(line.name, set()) if ecosystem == "Maven" else {line.name}
        for name in sorted(names):
            if world.knows(ecosystem, [name], line.ids):
                namespace, _, plain = name.rpartition(":") if ecosystem == "Maven" else ("", "", name)
                found.append(_package(purl_type, ecosystem, plain, line.version, namespace=namespace))
    return found


def _package(
    purl_type: str, ecosystem: str, name: str, version: str, *, source: str = "", namespace: str = ""
) -> Package:
    return Package(
        name=name,
        version=version,
        type=purl_type,
        ecosystem=ecosystem,
        purl=f"pkg:{purl_type}/{name}@{version}",
        source=source,
        namespace=namespace,
    )


def judge(world: World, line: Line, candidates: list[Package]) -> bool:
    """Whether any reading of the line has a finding by one of its ids."""
    found = match(candidates, None, world.database, today=_TODAY).findings
    return any(line.ids & {finding.id, *finding.aliases, *finding.advisories} for finding in found)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("labels", type=Path)
    parser.add_argument("database", type=Path)
    parser.add_argument("--index", type=Path)
    parser.add_argument("--show", choices=("missed", "false"))
    options = parser.parse_args()
    world = World(Database.open(options.database), sources(options.index))
    images: dict[str, list[Line]] = defaultdict(list)
    for line in lines(options.labels):
        images[line.image].append(line)
    table: dict[str, Counter[str]] = defaultdict(Counter)
    for image, members in sorted(images.items()):
        system = release(image, members)
        for line in members:
            candidates = packages(world, line, system)
            group = candidates[0].ecosystem if candidates else "undecidable"
            found = judge(world, line, candidates) if candidates else False
            table[group][f"{'TP' if line.true else 'FP'} {'found' if found else 'not'}"] += 1
            if candidates and options.show and line.true != found and (options.show == "missed") == line.true:
                print(group, *line[1:5], image.partition("@")[0], sep="\t", file=sys.stderr)
    _print(table)


def _print(table: dict[str, Counter[str]]) -> None:
    print(
        f"{'ecosystem':24} {'TP found':>9} {'TP missed':>10} {'FP found':>9} {'FP avoided':>11} {'precision':>10} {'recall':>7}"
    )
    total: Counter[str] = Counter()
    for group in sorted(table, key=lambda name: (name == "undecidable", name)):
        if group != "undecidable":
            total += table[group]
            _row(group, table[group])
    _row("all decidable", total)
    skipped = table["undecidable"]
    print(f"{'undecidable':24} {skipped['TP not']:>9} TP and {skipped['FP not']} FP: the database says nothing of them")


def _row(group: str, counts: Counter[str]) -> None:
    hits, misses, alarms, avoided = (counts[key] for key in ("TP found", "TP not", "FP found", "FP not"))
    precision = f"{hits / (hits + alarms):.3f}" if hits + alarms else "-"
    recall = f"{hits / (hits + misses):.3f}" if hits + misses else "-"
    print(f"{group:24} {hits:>9} {misses:>10} {alarms:>9} {avoided:>11} {precision:>10} {recall:>7}")


if __name__ == "__main__":
    main()
