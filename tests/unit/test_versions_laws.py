"""What holds for every version scheme: its keys are one total order, and nothing but `VersionError` is raised."""

from __future__ import annotations

import re
import subprocess
import sys
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from thwart.lib import versions
from thwart.lib.versions import maven

# How versions begin, and how they go on: pieces that make versions which are nearly equal, where an order goes wrong.
PIECES = {
    "apk": (
        "",
        "0 00 01 1 1 2 10 . . .0 .01 a b z _alpha _beta1 _pre _rc2 _cvs _p _p1 _git20240101 ~a1 ~f -r0 -r1 - _x 8u3",
    ),
    "cargo": ("0.0.0 1.0.0 1.0.1 1 1.2", "-0 -1 -a -alpha .1 .beta +1 +b.2"),
    "composer": ("1 1.0 1.0.0 2 v1.2.3.4 20240101", ".1 -alpha -beta1 RC p1 -dev .x-dev @dev +1"),
    "dpkg": ("", "0 00 1 1 2 10 . - ~ ~~ + : a b Z 0: 1: _ ~rc1 +deb12u1 +b1"),
    "gem": ("0 1 1.0 2", ". .0 .a .b -1 .pre .0.a .1 .b2"),
    "go": (
        "v1 1.2 1.2.3 0.0.0 go1.21 1.21",
        "-0 -1 -rc.1 .2 .0 +incompatible rc1 beta2 -0.20230101000000-abcdefabcdef",
    ),
    "npm": ("v1.0.0 1.0.0 1.0.1 =1 1.2 0.0.0 01.0.0", "- -0 -1 -a -alpha .1 .beta +1 beta"),
    "nuget": ("1 1.0 1.0.0 1.0.0.1", "-a -A -alpha .1 .b -1 +x"),
    "pep440": ("", "1! 0 1 1.0 2 . a 1 b2 rc1 c .post1 -1 .dev0 dev1 +a +1 +a.1 v x - 2004d"),
    "rpm": ("", "0 00 1 1 2 10 . - ~ ^ _ a b Z 0: 1: el8 rc"),
}
REGULAR_MAVEN = re.compile(r"[1-9][0-9]*(\.[0-9]+)*(-(alpha|beta|rc|sp|x)([.-]?[1-9])?|\.(beta|sp|x)[1-9]?)?")
maven_pieces = "0 1 1 2 10 . . - alpha beta m a rc snapshot ga final sp x 00".split()  # noqa: SIM905


def strings(scheme: str) -> st.SearchStrategy[str]:
    begins, pieces = (st.sampled_from(text.split() or [""]) for text in PIECES[scheme])
    tail = st.lists(pieces, min_size=not PIECES[scheme][0], max_size=5).map("".join)
    return st.builds(str.__add__, begins, tail).filter(lambda text: orderable(scheme, text))


def orderable(scheme: str, version: str) -> bool:
    try:
        versions.key(scheme, version)
    except versions.VersionError:
        return False
    return True


def obeys(scheme: str, a: str, b: str, c: str) -> None:
    compare = versions.compare
    assert compare(scheme, a, a) == 0
    ab, bc, ac = compare(scheme, a, b), compare(scheme, b, c), compare(scheme, a, c)
    assert compare(scheme, b, a) == -ab
    if ab == bc or not bc:
        assert ac == ab
    if not ab:
        assert ac == bc
        assert versions.key(scheme, a) == versions.key(scheme, b)
        assert hash(versions.key(scheme, a)) == hash(versions.key(scheme, b))


@pytest.mark.parametrize("scheme", sorted(PIECES))
@given(data=st.data())
def test_keys_are_a_total_order(scheme: str, data: st.DataObject) -> None:
    a, b, c = (data.draw(strings(scheme)) for _ in range(3))
    obeys(scheme, a, b, c)


@given(*[st.from_regex(REGULAR_MAVEN, fullmatch=True)] * 3)
def test_regular_versions_of_maven_are_a_total_order(a: str, b: str, c: str) -> None:
    assert all(isinstance(maven.key(version), tuple) for version in (a, b, c))
    obeys("maven", a, b, c)


@given(*[st.lists(st.sampled_from(maven_pieces), min_size=1, max_size=7).map("".join)] * 2)
def test_any_two_versions_of_maven_have_one_order(a: str, b: str) -> None:
    """Whatever their shapes; three may go round, as they do in Maven."""
    sign = versions.compare("maven", a, b)
    assert versions.compare("maven", b, a) == -sign
    assert (sign == 0) == (versions.key("maven", a) == versions.key("maven", b))
    assert versions.compare("maven", a, a) == 0


def test_sorting_by_keys_agrees_with_comparing() -> None:
    mixed = ["1.0", "1.0~rc1", "1:0.5", "1.0-1", "0.9", "1.0+b1"]
    ordered = sorted(mixed, key=lambda version: versions.key("dpkg", version))
    assert ordered == ["0.9", "1.0~rc1", "1.0", "1.0-1", "1.0+b1", "1:0.5"]
    assert all(versions.compare("dpkg", a, b) < 0 for a, b in pairwise(ordered))


@pytest.mark.parametrize("scheme", versions.SCHEMES)
@settings(max_examples=50)
@given(text=st.one_of(st.text(max_size=60), st.text("0123456789.-~^+_:aArvx!\n\0", max_size=120)))
def test_nothing_but_version_errors(scheme: str, text: str) -> None:
    if orderable(scheme, text):
        assert not versions.key(scheme, text) < versions.key(scheme, text)
    else:
        assert not versions.valid(scheme, text)


@pytest.mark.parametrize("scheme", versions.SCHEMES)
@pytest.mark.parametrize("length", [101, 4000])
def test_long_versions_are_read_in_linear_time(scheme: str, length: int) -> None:
    """A regular expression that tries again and again would not come back from these."""
    for unit in ("9", "1.", "1-", "a", "~", "1a", ".a", "-", "_p1", "0", "1!", "[v=", "\u0660"):
        text = (unit * length)[:length]
        for version in (text, "1." + text, text + "!", "1.0.0-" + text + "!", "1.0" + text):
            assert versions.valid(scheme, version) <= orderable(scheme, version)


@pytest.mark.parametrize("scheme", versions.SCHEMES)
def test_no_version_at_all(scheme: str) -> None:
    with pytest.raises(versions.VersionError, match="empty"):
        versions.key(scheme, "")
    assert not versions.valid(scheme, "")


@pytest.mark.parametrize("scheme", versions.SCHEMES)
def test_versions_beyond_the_limit(scheme: str) -> None:
    with pytest.raises(versions.VersionError, match="4097 characters"):
        versions.key(scheme, "1" * 4097)
    assert not versions.valid(scheme, "1" * 4097)


@pytest.mark.parametrize("scheme", ["", "debian", "..", "_semver", "__init__", "os"])
def test_unknown_schemes(scheme: str) -> None:
    for call in (versions.key, versions.valid):
        with pytest.raises(versions.VersionError, match="no version scheme"):
            call(scheme, "1.0")
    with pytest.raises(versions.VersionError, match="no version scheme"):
        versions.compare(scheme, "1.0", "1.0")


def test_numbers_of_any_size() -> None:
    small, large = "9" * 30, "1" + "0" * 30
    for scheme in versions.SCHEMES:
        if scheme == "composer":  # five digits, or it is a date
            continue
        tail = ".0.0" if scheme in ("npm", "cargo") else ""
        assert versions.compare(scheme, small + tail, large + tail) == -1, scheme


def test_a_scheme_is_loaded_when_it_is_asked_for() -> None:
    code = (
        "import sys; from thwart.lib import versions; versions.compare('rpm', '1', '2');"
        "print([name for name in sys.modules if name.startswith('thwart.lib.versions.')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['thwart.lib.versions.rpm']"
