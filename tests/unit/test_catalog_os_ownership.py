"""Which owned paths are kept, and the two spellings of a path in a merged tree."""

from __future__ import annotations

import pytest

from thwart.catalogers._ownership import aliases, ownable, owned, take
from thwart.catalogers._problems import HOPELESS, SHOWN, Problems
from thwart.core.limits import Limits
from thwart.core.package import Owned

KEPT = [
    "usr/bin/git",
    "bin/busybox",
    "usr/bin/python3.11",
    "usr/sbin/epoch.tool",
    "sbin/ld.so",
    "usr/libexec/docker/cli-plugins/docker-buildx",
    "usr/libexec/tool.v2",
    "usr/lib/git-core/git-lfs",
    "opt/app/server",
    "init",
    "usr/lib/python3/dist-packages/x-1.dist-info/METADATA",
    "usr/lib/python3/dist-packages/x-1.egg-info",
    "usr/lib/python3/dist-packages/x-1.egg-info/PKG-INFO",
    "usr/share/nodejs/semver/package.json",
    "usr/share/doc/x/examples/package.json",
    "usr/share/java/log4j-core-2.17.1.jar",
    "var/lib/tomcat/webapps/x.war",
    "usr/share/rubygems-integration/all/specifications/rake-13.gemspec",
    "usr/share/dotnet/shared/X/X.deps.json",
    "usr/share/php/Composer/installed.json",
    "usr/lib/R/library/x/DESCRIPTION",
    "usr/lib/python3/dist-packages/cryptography/_rust.abi3.so",
    "usr/lib/x86_64-linux-gnu/librsvg-2.so.2.48.0",
]
DROPPED = [
    "usr/share/doc/git/README",
    "usr/share/man/man1/git.1.gz",
    "usr/share/locale/de/LC_MESSAGES/git.mo",
    "usr/share/zoneinfo/Europe/Berlin",
    "usr/share/info/dir",
    "usr/include/linux/version.h",
    "usr/lib/python3/dist-packages/x/__init__.py",
    "usr/share/x/settings.json",
    "usr/share/cabin/readme.txt",
    "etc/passwd",
    "usr/lib/x.so.d/readme.txt",
    "usr/bin/",
    "",
]


@pytest.mark.parametrize("path", KEPT)
def test_evidence_is_kept(path: str) -> None:
    assert ownable(path)


@pytest.mark.parametrize("path", DROPPED)
def test_text_and_data_are_not(path: str) -> None:
    assert not ownable(path)


def test_paths_lose_their_leading_slash() -> None:
    paths = ["/usr/bin/a", "./usr/bin/b", "usr/bin/c", "//usr/bin/d", "/usr/share/doc/x/y"]
    assert [one.path for one in owned(paths, "p")] == ["usr/bin/a", "usr/bin/b", "usr/bin/c", "usr/bin/d"]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("bin/sh", ("bin/sh", "usr/bin/sh")),
        ("usr/sbin/init", ("usr/sbin/init", "sbin/init")),
        ("lib/x86_64-linux-gnu/libz.so.1", ("lib/x86_64-linux-gnu/libz.so.1", "usr/lib/x86_64-linux-gnu/libz.so.1")),
        ("usr/lib64/libz.so", ("usr/lib64/libz.so", "lib64/libz.so")),
        ("usr/libexec/x", ("usr/libexec/x",)),
        ("usr/local/bin/x", ("usr/local/bin/x",)),
        ("binary/x", ("binary/x",)),
        ("opt/bin/x", ("opt/bin/x",)),
    ],
)
def test_both_spellings(path: str, expected: tuple[str, ...]) -> None:
    assert aliases(path) == expected
    for other in expected:
        assert set(aliases(other)) == set(expected)


def test_owned_paths_are_bounded() -> None:
    problems = Problems()
    some = [Owned(str(number), "p") for number in range(3)]
    assert take(some, Limits(entries=3), problems) == tuple(some)
    assert problems.all() == ()
    assert take(some, Limits(entries=2), problems) == tuple(some[:2])
    assert [slug for slug, _ in problems.all()] == ["limit"]


def test_problems_are_bounded() -> None:
    problems = Problems()
    for number in range(SHOWN + 3):
        problems.add("slug", str(number))
    assert len(problems.all()) == SHOWN + 1
    assert problems.all()[-1] == ("more-problems", "3 more problems of this file are not listed")
    assert not problems.hopeless
    for number in range(HOPELESS):
        problems.add("slug", str(number))
    assert problems.hopeless
    assert problems.all()[-1][1].endswith("the rest of it is not read")
