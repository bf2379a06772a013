"""Versions of distribution packages: Debian, RPM, Alpine. Each chain is in ascending order, each group is equal."""

from __future__ import annotations

from itertools import combinations

import pytest

from thwart.lib.versions import VersionError, compare, key, rpm, valid


def ascends(scheme: str, chain: str) -> None:
    for a, b in combinations(chain.split(), 2):
        assert compare(scheme, a, b) == -1, (a, b)
        assert compare(scheme, b, a) == 1, (b, a)


def equal(scheme: str, group: str) -> None:
    for a, b in combinations(group.split(), 2):
        assert compare(scheme, a, b) == 0, (a, b)
        assert hash(key(scheme, a)) == hash(key(scheme, b))


@pytest.mark.parametrize(
    "chain",
    [
        "1.0~~ 1.0~~a 1.0~ 1.0 1.0a 1.0+ 1.0. 1.0.1",
        "2.36-9+deb12u9~ 2.36-9+deb12u9 2.36-9+deb12u9.1 2.36-9+deb12u10 2.36-10",
        "1.0-0ubuntu1 1.0-1 1.0-1ubuntu0.1~esm1 1.0-1ubuntu0.1 1.0-1ubuntu1 1.0.1-0",
        "9 1:0 1:0-1 2:0~ 2:0",
        "1.2.3~rc1-1 1.2.3-1 1.2.3-1+b1 1.2.3-1.1 1.2.3-2~bpo12+1 1.2.3-2",
        "0 0.0.1 0.1 0.9 0.10",
        "1.0-2 1.0-1-1 1.0-1-2 1.0.1",
        "1-a 1-a1 1-aa 1-b 1-+ 1-. 1-.1",
        "1A 1Z 1a 1z 1+ 1.",
    ],
)
def test_debian_order(chain: str) -> None:
    ascends("dpkg", chain)


@pytest.mark.parametrize("group", ["1.0 0:1.0 1.0-0 1.00 01.0 1.0-00 00:1.0", "1.0a 1.0a0 1.0a-0", "1:2:3 01:2:3-0"])
def test_debian_equals(group: str) -> None:
    equal("dpkg", group)


@pytest.mark.parametrize(
    "text", ["1.0-", "-1", ":1", "1:", "a:1", "-1:2", "2147483648:1", "1 2", "1.0\n2", "1\0", "1é"]
)
def test_debian_refuses(text: str) -> None:
    with pytest.raises(VersionError, match="no Debian version"):
        key("dpkg", text)
    assert not valid("dpkg", text)


@pytest.mark.parametrize("text", ["a", "1_0", "1/2", "1-1_1", "1:1.0-1:2", "kernel-2.4"])
def test_debian_orders_more_than_is_valid(text: str) -> None:
    assert key("dpkg", text)
    assert not valid("dpkg", text)


@pytest.mark.parametrize("text", ["1", "1.0-1", "1:1.0~rc1+dfsg-1~bpo12+1", "1:2:3-1", " 1.0 ", "1-1-1", "0", "+1:1"])
def test_debian_valid(text: str) -> None:
    assert valid("dpkg", text)


@pytest.mark.parametrize(
    "chain",
    [
        "1.0~~ 1.0~ 1.0~rc1 1.0~rc1^git1 1.0~rc2 1.0 1.0^ 1.0^git1 1.0^20240101 1.0a 1.0.1",
        "Z1 a b 1 1a 1.1 2 10 10a 11",
        "5.5p1 5.5p2 5.5p10 5.6",
        "xyz.4 xyz10 8 8.1 8.1.1",
        "1.0 1.0-0 1.0-1 1.0-1.el8 1.0-1.el8_5 1.0-1.el8_5.3 1.0-2 1:0.1 1:0.1-1 2:0",
        "3.8.8-6.module+el8.5.0+12205 3.8.8-6.module_el8.5.0+12206 3.8.8-6.module+el8.10.0+1",
    ],
)
def test_rpm_order(chain: str) -> None:
    ascends("rpm", chain)


@pytest.mark.parametrize(
    "group",
    [
        "1.0 1_0 1..0 1.00 0:1.0 :1.0 1.0. .1.0 1+0",
        "1.0-1 0:1.0-1 01.0-01 1.0-1.",
        "1.0^ 1.0.^",
        "1.0~a 1.0~_a",
        "2a 2.a",
    ],
)
def test_rpm_equals(group: str) -> None:
    equal("rpm", group)


def test_rpm_reads_the_epoch_as_digits_only() -> None:
    """As rpm's parseEVR: what stands before a colon and is no number is part of the version."""
    assert compare("rpm", "a:1", "0:a.1") == 0
    assert compare("rpm", "1-2:3", "1-2.3") == 0


def test_rpm_dependencies_count_releases_only_when_both_have_one() -> None:
    assert rpm.satisfies_equal("1.0-5", "1.0")
    assert rpm.satisfies_equal("1.0", "0:1.00-5")
    assert rpm.satisfies_equal("1.0-5", "1.0-5")
    assert not rpm.satisfies_equal("1.0-5", "1.0-6")
    assert not rpm.satisfies_equal("1:1.0-5", "1.0")
    assert not rpm.satisfies_equal("1.1", "1.0")
    assert compare("rpm", "1.0", "1.0-5") == -1


@pytest.mark.parametrize(
    ("text", "well"), [("1:1.0~rc1^2-1.el9", True), ("1.0", True), ("1-2-3", False), ("1 0", False)]
)
def test_rpm_valid(text: str, well: bool) -> None:
    assert valid("rpm", text) is well


@pytest.mark.parametrize(
    "chain",
    [
        "1.0_alpha 1.0_alpha0 1.0_alpha1 1.0_alpha1_p1 1.0_beta 1.0_pre 1.0_rc 1.0 1.0_cvs 1.0_svn 1.0_git 1.0_hg 1.0_p 1.0_p1",
        "1.0_alpha_pre2 1.0_alpha 1.0-r0 1.0-r1 1.0-r10 1.0~0a 1.0~f00 1.0_p1 1.0_p1-r0 1.0_p10 1.0a 1.0b 1.0.0 1.0.1",
        "1 1.0 1.00 1.001 1.01 1.1 1.2 1.10 1.20240101 2 10",
        "8.2.0015 8.2.002 8.2.1",
        "1.9.5 1.9.5p1-r0 1.9.5p2-r0 1.9.5q",
        "8u372_p7-r0 8u372_p7-r1 8u392_p9-r0 8u402_p7-r0 9",
        "0.9 006 10 20050718-r1",
    ],
)
def test_alpine_order(chain: str) -> None:
    ascends("apk", chain)


def test_alpine_equals() -> None:
    equal("apk", "1.2 01.2 001.2")
    equal("apk", "1.2_p1 1.2_p01")
    equal("apk", "1.2-r1 1.2-r01")


def test_alpine_places_what_stops_to_be_a_version() -> None:
    """Before all that goes on at that point but a pre-release suffix; among themselves such strings are equal."""
    for broken in ("1.2_foo", "1.2-1", "1.2.", "1.2-r", "1.2_", "1.2 ", "1.2~x", "1.2A"):
        assert not valid("apk", broken)
        assert compare("apk", broken, "1.2") == -1, broken
        assert compare("apk", broken, "1.2-r0") == -1, broken
        assert compare("apk", broken, "1.2_rc1") == 1, broken
        assert compare("apk", broken, "1.2_bar") == 0, broken
    assert compare("apk", "1.0", "1.0bc") == -1
    assert compare("apk", "latest", "0") == -1
    assert compare("apk", "latest", "v1") == 0


@pytest.mark.parametrize(
    ("text", "well"),
    [
        ("1", True),
        ("1.2.3b_alpha1_p2~0abc-r3", True),
        ("1.0_p", True),
        ("1.0bc", False),
        ("1.0_p1a", False),
        ("1.0_foo1", False),
        ("1.0~", False),
        ("1.0~ABC", False),
        ("1.0-r1-r2", False),
        ("1.0-r1~abc", False),
        ("1.a", False),
        ("8u392", False),
        ("v1", False),
    ],
)
def test_alpine_valid(text: str, well: bool) -> None:
    assert valid("apk", text) is well
