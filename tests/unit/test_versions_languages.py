"""Versions of language packages. Each chain is in ascending order, each group is equal."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.version import InvalidVersion, Version

from thwart.lib.versions import VersionError, compare, key, valid


def ascends(scheme: str, chain: str) -> None:
    for a, b in combinations(chain.split(), 2):
        assert compare(scheme, a, b) == -1, (a, b)
        assert compare(scheme, b, a) == 1, (b, a)


def equal(scheme: str, group: str) -> None:
    for a, b in combinations(group.split(), 2):
        assert compare(scheme, a, b) == 0, (a, b)
        assert hash(key(scheme, a)) == hash(key(scheme, b))


CHAINS = [
    ("npm", "1.0.0-0 1.0.0-1 1.0.0-alpha 1.0.0-alpha.1 1.0.0-alpha.beta 1.0.0-alpha-1 1.0.0-beta.2 1.0.0-beta.11 1.0.0-rc 1.0.0"),
    ("npm", "1.0.0-A 1.0.0-a 1.0.0 1.0.1-0 1.0.1 1.2 1.10 2"),
    ("npm", "1.2.3-1.2 1.2.3-1.2.0 1.2.3-1.a 1.2.3-a 1.2.3"),
    ("cargo", "0.1.0-alpha 0.1.0 0.1.1 0.2 1.0.0-rc.1 1.0.0"),
    ("nuget", "1.0.0-alpha 1.0.0-Alpha.1 1.0.0-alpha.2 1.0.0-alpha.10 1.0.0-beta 1.0 1.0.0.1 1.0.1"),
    ("gem", "1.0.a 1.0.a.1 1.0.b1 1.0.b2 1.0.rc1 1 1.0.1.pre 1.0.1 1.1 1.10 2.a 2"),
    ("gem", "1.a.0.a 1.a 1.a.0.1 1.a.1 1.b 1"),
    ("gem", "1.0-1 1.0-2 1.0 1.0.1-a 1.0.1"),
    ("go", "v0.0.0-20180101000000-abcdefabcdef v0.0.0-20190101000000-0123456789ab v0.0.0 v1.0.0-alpha v1.0.0 v1.0.1-0.20200101000000-abcdefabcdef v1.0.1"),
    ("go", "1.20.0-0 go1.20rc1 1.20 1.20.1 go1.21beta1 1.21rc2 1.21.0-rc.3 1.21.0 go1.21.1 go1.22.10"),
    ("composer", "1.0.0-dev 1.0.0-alpha1 1.0.0a2 1.0.0-beta.1 1.0.0-RC1 1.0.0 1.0.0-p1 1.0.0pl2 1.0.0.1 1.1 1.x-dev 2.0"),
    ("maven", "1-alpha 1-alpha-2 1-beta 1-m1 1-milestone-2 1-rc 1-cr2 1-SNAPSHOT 1 1-sp 1-sp-1 1-abc 1-xyz 1-1 1-2 1.1 1.2 2 10"),
    ("maven", "2.0.0-alpha4 2.0.0.Beta1 2.0.0.Beta2 2.0.0.CR1 2.0.0.CR2 2.0.0.Final 2.0.0.SP1 2.0.0.jre8 2.0.1.Final"),
    ("maven", "1.0-rc1-SNAPSHOT 1.0-rc1 1.0-rc2 1.0-SNAPSHOT 1.0 1.0.1-SNAPSHOT 1.0.1"),
    ("maven", "31.0-android 31.0-jre 31.0.1-android 31.0.1-jre 31.1-jre"),
    ("maven", "3.17.0.rc.1 3.17 3.17.1"),
    ("maven", "20240101 20240101.1 99999999999 999999999999999999999999 1000000000000000000000000"),
    ("pep440", "1.0.dev1 1.0a1.dev1 1.0a1 1.0a1.post1 1.0b2 1.0rc1 1.0 1.0+a 1.0+a.1 1.0+1 1.0.post1.dev1 1.0.post1 1.1 1!0"),
]  # fmt: skip


@pytest.mark.parametrize(("scheme", "chain"), CHAINS)
def test_order(scheme: str, chain: str) -> None:
    ascends(scheme, chain)


GROUPS = [
    ("npm", "1.2.3 v1.2.3 =1.2.3 =v1.2.3 01.02.03 1.2.3+build 1.2.3+other.1"),
    ("npm", "1.2.3-beta 1.2.3beta v1.2.3-beta+5"),
    ("npm", "1.2.0 1.2 v1.2"),
    ("npm", "0 0.0.0 0.0"),
    ("cargo", "1.0.0 1.0.0+1 1 1.0"),
    ("nuget", "1 1.0 1.0.0 1.0.0.0 01.00 1.0+meta"),
    ("nuget", "1.0-BETA 1.0.0-beta 1.0.0-Beta+x"),
    ("gem", "1 1.0 1.0.0"),
    ("gem", "1.a 1.0.a 1.a.0 1.0.0.a.0"),
    ("gem", "1-1 1.pre.1"),
    ("go", "v1.2.3 1.2.3 v1.2.3+incompatible go1.2.3 go1.2.3-acme"),
    ("go", "1.21.0 go1.21 v1.21 1.21"),
    ("go", "1.21rc2 go1.21rc2 1.21.0-rc.2 v1.21.0-rc.2"),
    ("composer", "1 1.0 1.0.0.0 v1.0 1.0-stable 1.0+build 1.0@beta"),
    ("composer", "1.0-b2 1.0.0-beta2 1.0beta.2 1.0.0.0-BETA-2"),
    ("composer", "2024-01-02 2024:01:02"),
    ("maven", "1 1.0 1-0 1.0.0 1-ga 1-final 1.Final 1.0.RELEASE 1.0-0-ga 1."),
    ("maven", "1-rc1 1-RC-1 1.0-cr1 1.0.CR1 1rc1"),
    ("maven", "1-a1 1-alpha-1 1a1 1.0-ALPHA1"),
    ("maven", "1-m2 1-milestone-2 1.m2"),
    ("pep440", "1.0 1 v1.0 1.0.0 0!1"),
    ("pep440", "1.0a1 1.0.alpha-1 1.0-ALPHA_1 1.0.0a01"),
    ("pep440", "1.0.post1 1.0-1 1.0-r1 1.0.rev.1"),
    ("pep440", "1.0rc1 1.0c1 1.0-preview1 1.0pre1"),
]


@pytest.mark.parametrize(("scheme", "group"), GROUPS)
def test_equals(scheme: str, group: str) -> None:
    equal(scheme, group)


REFUSED = [
    ("npm", ["latest", "1.2.3.4", "1.x", "64e00e7", "1.2.3-", ">=1.0.0", "1.2.3-a..b", "1.2.3+"]),
    ("cargo", ["*", "1.2.3.4", "^1"]),
    ("nuget", ["1.2.3.4.5", "2.0a1", "1.*", "", "1.0-"]),
    ("gem", ["1.0_1", "a", "1..2", "1.-2", "1.0 java"]),
    ("go", ["(devel)", "v01.2.3", "v1.2.3-01", "v1.2-rc", "v1+x", "devel +abc", "abcdedf", "go", "gorc1", "1.2.3.4"]),
    ("composer", ["dev-main", "master", "main", "601688ee8e8808a23b102fa305b178f27cbd226d", "1.0-foo", "1.2.3.4.5"]),
]


@pytest.mark.parametrize(("scheme", "texts"), REFUSED)
def test_what_has_no_place(scheme: str, texts: list[str]) -> None:
    for text in texts:
        assert not valid(scheme, text), text
        if text == "1.2.3-" and scheme == "npm":  # in node-semver's loose mode its pre-release is the hyphen
            continue
        with pytest.raises(VersionError):
            key(scheme, text)


VALID = [
    ("npm", "1.2.3-rc.1+b", "v1.2.3"),
    ("npm", "0.0.0", "01.2.3"),
    ("cargo", "1.0.0-alpha", "1.0"),
    ("nuget", "1.0.0.1-a.1", "1.0-a_b"),
    ("gem", "1.0.rc1", "1.0.rc_1"),
    ("go", "v1.2.3+incompatible", "1.2.3-rc_1"),
    ("go", "go1.21rc2", "golang1.21"),
    ("composer", "v1.2.3-RC1", "dev-master"),
    ("maven", "1.0-SNAPSHOT", "[1.0,2.0)"),
    ("pep440", " 1.0-RC_1 ", "1.0-foo"),
]


@pytest.mark.parametrize(("scheme", "well", "ill"), VALID)
def test_valid(scheme: str, well: str, ill: str) -> None:
    assert valid(scheme, well)
    assert not valid(scheme, ill)


def test_maven_goes_round_where_maven_does() -> None:
    assert compare("maven", "1", "1.sp.1") == -1
    assert compare("maven", "1.sp.1", "1-alpha") == -1
    assert compare("maven", "1-alpha", "1") == -1


def test_python_versions_that_are_none_come_before_all_others() -> None:
    ascends("pep440", "-class- 2004d-rc1 2004d 2004d-1 0.dev0 0")


releases = st.lists(st.integers(0, 12), min_size=1, max_size=4).map(lambda numbers: ".".join(map(str, numbers)))
separators = st.sampled_from(["", ".", "-", "_"])


@st.composite
def python_versions(draw: Any) -> str:
    number = st.sampled_from(["", "0", "1", "02", "10"])
    words = ["a", "b", "c", "rc", "alpha", "BETA", "pre", "preview"]
    text = draw(st.sampled_from(["", "", "v", "0!", "1!"])) + draw(releases)
    if draw(st.booleans()):
        text += draw(separators) + draw(st.sampled_from(words)) + draw(separators) + draw(number)
    if draw(st.booleans()):
        text += draw(st.sampled_from(["-1", ".post", ".post2", "-r3", "rev4", "_POST_5"]))
    if draw(st.booleans()):
        text += draw(separators) + "dev" + draw(separators) + draw(number)
    if draw(st.booleans()):
        text += "+" + draw(st.sampled_from(["a", "1", "01", "a.1", "1-a", "A_b", "ubuntu.1"]))
    return str(text)


@given(python_versions(), python_versions())
def test_python_versions_are_as_packaging_has_them(a: str, b: str) -> None:
    left, right = Version(a), Version(b)
    assert compare("pep440", a, b) == (left > right) - (left < right)
    assert valid("pep440", a)


@given(st.text("0123456789.!+-_abcdeprtvoshluw ", max_size=12))
def test_validity_of_python_versions_is_as_packaging_has_it(text: str) -> None:
    try:
        Version(text)
    except InvalidVersion:
        assert not valid("pep440", text)
    else:
        assert valid("pep440", text)
