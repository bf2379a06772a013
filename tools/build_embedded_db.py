"""Compile the embedded advisory database from a folder of feeds in their download formats.

    python tools/build_embedded_db.py FOLDER [--output src/thwart/advisories/data]

The same folder gives the same bytes (with the same versions of SQLite and zstandard). What the folder holds and its
licences are in docs/reference/advisory-sources.md.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

from thwart.advisories.build import BuildResult, build, files
from thwart.advisories.pack import packed as compress

DATA = Path(__file__).resolve().parent.parent / "src" / "thwart" / "advisories" / "data"

# The day of the snapshot: nothing in the folder that is newer speaks for all of it.
BUILT = "2026-08-22"
TODAY = date(2026, 11, 23)

# Days of feeds that do not say how old they are, as the folder's list of sources has them.
DATES = {
    "Alpine": "2026-08-22",
    "CVE": "2024-10-24",
    "CVSS vectors": "2024-10-24",
    "End of life": "2026-11-23",
    "Go": "2026-08-21",
    "Wolfi": "2025-05-07",
}

# Left out: test samples, which would make ecosystems look known of which there are a handful of records; what is no
# feed; the CSV of what is there as JSON; and Debian's support lists, whose licence (GPL-2.0) is not ours.
LEFT_OUT = (
    "sample",
    "labels",
    "redhat",
    "overrides",
    "debian-security-support",
    "SOURCES",
    "MANIFEST",
    "known_exploited_vulnerabilities.csv",
)


# Where each feed's data was taken from, and how: written beside the database, for docs and the curious.
ORIGINS = {
    "AlmaLinux": (
        "AlmaLinux/osv-database, commit 948f47aa",
        "verbatim records; 43 duplicated ids merged",
    ),
    "Alpine": (
        "secfixes of aports (branch points of 3.17 to 3.24, and edge of 2026-08-22)",
        "generated as Alpine's own database is; later backports to stable branches are missing",
    ),
    "BellSoft": (
        "bell-sw/osv-database, commit 5005275d",
        "verbatim records; also Alpaquita",
    ),
    "Bitnami": (
        "bitnami/vulndb, commit 0054d6e3",
        "verbatim records",
    ),
    "CISA KEV": (
        "catalogue 2026.08.21",
        "verbatim",
    ),
    "CVE": (
        "cisagov/vulnrichment, commit b0ed758, and anchore/cve-data-enrichment, commit e509012",
        "scores, weaknesses, dates; package data of 429 records",
    ),
    "CVSS vectors": (
        "vectors of CNAs and CISA ADP in vulnrichment, and of NVD as quoted by the Ubuntu tracker",
        "vectors only; scores computed anew",
    ),
    "Chainguard": (
        "wolfi-dev/advisories, commit 244709c9",
        "the last commit under Apache-2.0",
    ),
    "Debian": (
        "data/DSA/list and data/DLA/list of the security tracker, commit 32127b7",
        "fixed versions by release, up to Debian 11",
    ),
    "Debian changelogs": (
        "changelogs inside 77 and 78 binary packages of Debian 12 and 13",
        "the oldest entry that names a CVE; not the tracker: nothing on unfixed defects",
    ),
    "End of life": (
        "distro-info-data 0.66",
        "dates of releases",
    ),
    "FIRST EPSS": (
        "scores of 2026-08-16",
        "scores and percentiles, for the CVEs that occur elsewhere in the database",
    ),
    "FriendsOfPHP": (
        "FriendsOfPHP/security-advisories, commit 73745a61",
        "converted to OSV ranges; ids are ours",
    ),
    "GitHub": (
        "advisories found in test data of open-source scanners",
        "verbatim records; a small part of the database",
    ),
    "Go": (
        "golang/vulndb, commit a752ea54",
        "verbatim records",
    ),
    "Node.js": (
        "nodejs/security-wg, commit f1288d0d",
        "converted to OSV ranges",
    ),
    "PyPA": (
        "westonsteimel/advisory-database-pypa, commit 57da901a, a superset of pypa/advisory-database",
        "verbatim records",
    ),
    "Retire.js": (
        "RetireJS/retire.js, commit fd8df0d6",
        "converted to OSV ranges; ids are ours",
    ),
    "RubySec": (
        "rubysec/ruby-advisory-db, commit 8cfcc07c",
        "converted to OSV ranges; ids are ours",
    ),
    "RustSec": (
        "rustsec/advisory-db, branch osv",
        "verbatim records",
    ),
    "Ubuntu": (
        "mirror of the Ubuntu CVE tracker, commit 66a43c37",
        "facts only; sources of linux flavours are left out",
    ),
    "Wolfi": (
        "wolfi-dev/advisories, commit 244709c9",
        "the last commit under Apache-2.0; also false positives",
    ),
}


def main() -> int:
    """Build, compress, write the two files, and say what is in them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--output", type=Path, default=DATA)
    parser.add_argument("--level", type=int, default=22)
    args = parser.parse_args()
    paths = [
        path
        for path, _ in files([args.folder])
        if not any(part in str(path.relative_to(args.folder)) for part in LEFT_OUT)
    ]
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "db"
        result = build(paths, place, today=TODAY, dates=DATES, built=BUILT, only_referenced=True)
        data = place.read_bytes()
    packed = compress(data, args.level)
    args.output.mkdir(parents=True, exist_ok=True)
    (args.output / "thwart-db.sqlite.zst").write_bytes(packed)
    (args.output / "thwart-db.json").write_text(describe(result, data, packed), encoding="utf-8")
    say(result, len(data), len(packed), time.monotonic() - started)
    return 1 if any(problem.incomplete for problem in result.problems) else 0


def describe(result: BuildResult, data: bytes, packed: bytes) -> str:
    """The JSON beside the compressed file."""
    facts = {
        "built": result.built,
        "counts": result.counts,
        "feeds": [
            {
                "name": feed.name,
                "date": feed.date,
                "records": feed.records,
                "licence": feed.licence,
                "attribution": feed.attribution,
                "origin": ORIGINS[feed.name][0],
                "how": ORIGINS[feed.name][1],
            }
            for feed in result.feeds
        ],
        "packed_sha256": hashlib.sha256(packed).hexdigest(),
        "packed_size": len(packed),
        "sha256": hashlib.sha256(data).hexdigest(),
        "size": len(data),
    }
    return json.dumps(facts, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def say(result: BuildResult, size: int, packed: int, seconds: float) -> None:
    """What was built, on standard output."""
    print(f"{size} bytes, {packed} compressed, {seconds:.1f} s; {result.counts}")
    for feed in result.feeds:
        print(f"  {feed.name}: {feed.records} records of {feed.date} ({feed.licence})")
    for label, reason, times in result.left:
        print(f"  left out of {label}: {times} {reason}")
    for problem in result.problems:
        print(f"  {problem.slug}: {problem.path}: {problem.message}")


if __name__ == "__main__":
    sys.exit(main())
