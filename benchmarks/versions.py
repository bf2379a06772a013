"""Nanoseconds for a fresh key and for a comparison in every version scheme, and for package URLs, beside other libraries.

Run it with the environment's Python; `packaging` and `packageurl-python` are development dependencies, `univers` and
`python-debian` are compared with where they are installed. The versions are made up in the shapes of each ecosystem.
"""

from __future__ import annotations

import importlib
import operator
import random
import timeit
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from typing import Any

from thwart.lib import purl, versions

Make = Callable[[random.Random], str]
COUNT = 2000

SHAPES: dict[str, Make] = {
    "apk": lambda r: f"{number(r)}{r.choice(['', 'b', '_rc1', '_p2', '_git20240101'])}-r{r.randint(0, 12)}",
    "cargo": lambda r: f"{number(r)}{r.choice(['', '', '-alpha.1', '-rc.2'])}",
    "composer": lambda r: f"{r.choice(['', 'v'])}{number(r)}{r.choice(['', '', '-beta2', '-RC1'])}",
    "dpkg": lambda r: (
        f"{r.choice(['', '', '1:'])}{number(r)}{r.choice(['', '+dfsg', '~rc1'])}-{r.randint(1, 9)}{r.choice(['', '+deb12u3', 'ubuntu0.1'])}"
    ),
    "gem": lambda r: f"{number(r)}{r.choice(['', '', '.rc1', '.pre.2'])}",
    "go": lambda r: f"v{number(r)}{r.choice(['', '', '+incompatible', '-0.20240101000000-abcdefabcdef'])}",
    "maven": lambda r: f"{number(r)}{r.choice(['', '.RELEASE', '.Final', '-rc1', '-SNAPSHOT', '-jre'])}",
    "npm": lambda r: f"{number(r)}{r.choice(['', '', '-beta.3', '-rc.1'])}",
    "nuget": lambda r: f"{number(r)}{r.choice(['', '.1', '-preview.5'])}",
    "pep440": lambda r: f"{number(r)}{r.choice(['', '', 'rc1', '.post1', '.dev3', 'a2'])}",
    "rpm": lambda r: (
        f"{r.choice(['', '1:'])}{number(r)}-{r.randint(1, 40)}{r.choice(['.el9', '.el8_10', '.fc40', '~rc1'])}"
    ),
}

PEERS = {
    "pep440": (("packaging", "packaging.version", "Version"), ("univers", "univers.versions", "PypiVersion")),
    "dpkg": (
        ("python-debian", "debian.debian_support", "NativeVersion"),
        ("univers", "univers.versions", "DebianVersion"),
    ),
    "rpm": (("univers", "univers.versions", "RpmVersion"),),
    "apk": (("univers", "univers.versions", "AlpineLinuxVersion"),),
    "npm": (("univers", "univers.versions", "SemverVersion"),),
    "maven": (("univers", "univers.versions", "MavenVersion"),),
    "gem": (("univers", "univers.versions", "RubygemsVersion"),),
    "nuget": (("univers", "univers.versions", "NugetVersion"),),
    "composer": (("univers", "univers.versions", "ComposerVersion"),),
    "go": (("univers", "univers.versions", "GolangVersion"),),
}


def number(chance: random.Random) -> str:
    return f"{chance.randint(0, 40)}.{chance.randint(0, 30)}.{chance.randint(0, 200)}"


def nanoseconds(call: Callable[[], object], count: int) -> float:
    return min(timeit.repeat(call, number=1, repeat=5)) / count * 1e9


def ordered(compare: Callable[[Any, Any], object], items: list[Any]) -> float:
    pairs = list(pairwise(items))
    return nanoseconds(lambda: [compare(a, b) for a, b in pairs], len(pairs))


def peer(scheme: str, made: list[str]) -> list[tuple[str, float, float]]:
    """For each installed peer: its name, ns to read a version, ns to compare two that are read."""
    found = []
    for name, module, attribute in PEERS.get(scheme, ()):
        try:
            read = getattr(importlib.import_module(module), attribute)
            objects = list(map(read, made))
        except (ImportError, AttributeError, ValueError):
            continue
        reading = nanoseconds(partial(collect, read, made), len(made))
        found.append((name, reading, ordered(operator.lt, objects)))
    return found


def collect(read: Callable[[str], object], made: list[str]) -> list[object]:
    return [read(version) for version in made]


def scheme_line(scheme: str) -> str:
    chance = random.Random(scheme)
    made = [SHAPES[scheme](chance) for _ in range(COUNT)]
    module = importlib.import_module(f"thwart.lib.versions.{scheme}")
    fresh = nanoseconds(partial(collect, module.key, made), COUNT)
    keys = [versions.key(scheme, version) for version in made]
    known = ordered(operator.lt, keys)
    compared = ordered(lambda a, b: versions.compare(scheme, a, b), made)
    line = f"{scheme:9} {fresh:9.0f} {known:9.0f} {compared:9.0f}"
    for name, reading, comparing in peer(scheme, made):
        line += f"   {name} {reading:.0f} ({reading / fresh:.1f}x), {comparing:.0f} ({comparing / known:.1f}x)"
    return line


def purl_lines() -> list[str]:
    chance = random.Random(1)
    made = [(f"lib{chance.randint(0, 999)}-dev", SHAPES["dpkg"](chance)) for _ in range(COUNT)]
    extra = {"distro": "debian-12", "arch": "amd64"}
    plain = nanoseconds(lambda: [purl.build("deb", "debian", name, version) for name, version in made], COUNT)
    full = nanoseconds(lambda: [purl.build("deb", "debian", name, version, extra) for name, version in made], COUNT)
    texts = [purl.build("deb", "debian", name, version, extra) for name, version in made]
    read = nanoseconds(lambda: [purl.parse(text) for text in texts], COUNT)
    theirs = importlib.import_module("packageurl").PackageURL
    built = nanoseconds(
        lambda: [theirs("deb", "debian", name, version, extra).to_string() for name, version in made], COUNT
    )
    parsed = nanoseconds(lambda: [theirs.from_string(text) for text in texts], COUNT)
    return [
        f"purl build            {plain:6.0f}",
        f"purl build, qualifiers{full:6.0f}   packageurl-python {built:.0f} ({built / full:.1f}x)",
        f"purl parse, qualifiers{read:6.0f}   packageurl-python {parsed:.0f} ({parsed / read:.1f}x)",
    ]


def main() -> None:
    print("scheme    fresh key  key < key   compare   peers: reading, comparing (how many times ours), in ns")
    for scheme in versions.SCHEMES:
        print(scheme_line(scheme))
    for line in purl_lines():
        print(line)


if __name__ == "__main__":
    main()
