"""Python's catalogers: what the data folder cannot say well, and laws over generated input."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from thwart.catalogers import MEMBERS
from thwart.catalogers._python import from_git, normalise
from thwart.catalogers._reach import scopes
from thwart.core.errors import ParseError
from thwart.core.limits import Limits
from thwart.core.package import File, FileFacts, Found

law = settings(max_examples=100, deadline=None)  # the machine may be busy

NAMES = st.from_regex(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,8}[A-Za-z0-9])?", fullmatch=True)
VERSIONS = st.from_regex(
    r"([0-9]!)?[0-9]{1,3}(\.[0-9]{1,3}){0,3}((a|b|rc)[0-9])?(\.post[0-9])?(\.dev[0-9])?(\+[a-z0-9]{1,3})?",
    fullmatch=True,
)
PUBLIC = VERSIONS.map(lambda version: version.partition("+")[0])


def read(cataloger: str, path: str, data: bytes | str, limits: Limits | None = None) -> FileFacts:
    member = MEMBERS.get(cataloger)
    assert member is not None
    raw = data.encode() if isinstance(data, str) else data
    return member.parse(File(path=path, data=raw, size=len(raw)), limits or Limits())


def pins(text: str) -> list[tuple[str, str]]:
    return [(found.name, found.version) for found in read("requirements_txt", "requirements.txt", text).found]


@law
@given(NAMES)
def test_names_are_compared_as_packaging_does(name: str) -> None:
    assert normalise(name) == canonicalize_name(name)


def clauses() -> st.SearchStrategy[str]:
    exact = st.builds("{}{}{}".format, st.sampled_from(["==", "== "]), VERSIONS, st.just(""))
    wild = PUBLIC.filter(lambda version: re.fullmatch(r"[0-9.!]+", version)).map(lambda version: f"=={version}.*")
    ranged = st.builds("{}{}".format, st.sampled_from([">=", "<=", "> ", "<", "!="]), PUBLIC)
    arbitrary = VERSIONS.map(lambda version: f"=== {version}")  # which PEP 508 lets nothing follow but a space
    return arbitrary | st.lists(st.one_of(exact, wild, ranged), max_size=3).map(", ".join)


@law
@given(
    NAMES,
    st.sampled_from(["", "[a]", " [a, b-c] "]),
    clauses(),
    st.booleans(),
    st.sampled_from(["", ' ; python_version < "3.9"', ";sys_platform == 'win32' and extra == 'x'"]),
    st.sampled_from(["", "  # == 9.9", " --hash=sha256:00 --hash sha256:11"]),
)
def test_pins_are_those_that_packaging_sees(
    name: str, extras: str, clause: str, brackets: bool, marker: str, tail: str
) -> None:
    specifier = f" ({clause})" if brackets and clause else clause
    line = f"{name}{extras}{specifier}{marker}"
    wanted = Requirement(line)
    exact = [
        re.split(r"[= ]+", one)[1] for one in clause.split(", ") if one.startswith("==") and not one.endswith(".*")
    ]
    assert set(exact) <= {one.version for one in wanted.specifier}
    facts = read("requirements_txt", "requirements.txt", line + tail)
    assert [(found.name, found.version) for found in facts.found] == [
        (canonicalize_name(wanted.name), version) for version in exact[:1]
    ]
    assert [slug for slug, _ in facts.problems] == ([] if exact else ["unpinned"])


def test_continuations_count_from_the_first_line() -> None:
    facts = read(
        "requirements_txt", "requirements.txt", "# a \\\nflask==1.0 \\\n  ; \\\n python_version > '3'\nx==2\\\n"
    )
    assert [(found.name, found.version, found.line) for found in facts.found] == [("flask", "1.0", 2), ("x", "2", 5)]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32", "latin-1"])
def test_encodings_that_pip_accepts(encoding: str) -> None:
    text = "flask==1.0  # é\n"
    facts = read("requirements_txt", "requirements.txt", text.encode(encoding))
    assert [(found.name, found.version) for found in facts.found] == [("flask", "1.0")]


def test_no_credential_reaches_a_problem() -> None:
    lines = "x @ https://user:hunter2@example.test/x.zip\n-e git+https://hunter2@example.test/y.git\n"
    facts = read("requirements_txt", "requirements.txt", lines + "z " + "x" * 85 + " https://u:hunter2@example.test\n")
    assert facts.problems
    assert "hunter2" not in str(facts)
    assert from_git("https://u:hunter2@example.test/x.git", "abc") == (
        ("vcs_url", "git+https://example.test/x.git@abc"),
    )


def test_a_pin_in_an_option_is_none() -> None:
    assert pins("--index-url https://example.test/a==1.0\n--pre\n-c flask==1.0\n-i x\nflask==2.0\n") == [
        ("flask", "2.0")
    ]


def test_metadata_is_read_to_the_first_empty_line_only() -> None:
    body = b"\nVersion: 9\nLicense: no\n" * 10
    facts = read("python_installed", "a-1.dist-info/METADATA", b"Name: a\nVersion: 1\n\nName: b" + body)
    assert facts.found == (Found("a", "1", "pypi", line=1),)


def test_metadata_field_names_are_whole() -> None:
    head = b"Metadata-Version: 2.1\nXName: no\nName-Other: no\nName: yes\nVersion: 1\nLicense-File: LICENSE\n\n"
    facts = read("python_installed", "a-1.dist-info/METADATA", head)
    assert facts.found == (Found("yes", "1", "pypi", line=4),)


def test_the_strongest_scope_and_the_first_line_stay() -> None:
    lock = '{"develop": {\n"a": {"version": "==1"}},\n"own": {\n"a": {"version": "==1"}},\n"default": {"a": {"version": "==1"}}}'
    assert read("pipfile_lock", "Pipfile.lock", lock).found == (Found("a", "1", "pypi", line=2),)


def test_packages_beyond_the_limit_are_told() -> None:
    lock = "".join(f'[[package]]\nname = "a{number}"\nversion = "1"\n' for number in range(5))
    facts = read("poetry_lock", "poetry.lock", lock, Limits(packages=3))
    assert [found.name for found in facts.found] == ["a0", "a1", "a2"]
    assert facts.problems == (("limit", "more than 3 packages in one file; the rest is left out"),)


def test_a_name_given_again_and_again_stays_linear() -> None:
    entry = '[[package]]\nname = "a"\nversion = "1"\ndependencies = [{ name = "a" }, { name = "a" }]\n'
    root = '[[package]]\nname = "r"\nsource = { virtual = "." }\ndependencies = [{ name = "a" }]\n'
    assert len(read("uv_lock", "uv.lock", "version = 1\n" + root + entry * 2000).found) == 1


def test_an_extra_is_reached_by_who_asks_for_it() -> None:
    lock = """version = 1
[[package]]
name = "me"
source = { virtual = "." }
dependencies = [{ name = "a" }]
[package.dev-dependencies]
dev = [{ name = "a", extra = ["x"] }]
[[package]]
name = "a"
version = "1"
[package.optional-dependencies]
x = [{ name = "b" }]
y = [{ name = "c" }]
[[package]]
name = "b"
version = "1"
[[package]]
name = "c"
version = "1"
"""
    facts = read("uv_lock", "uv.lock", lock)
    assert {found.name: found.scope for found in facts.found} == {"a": "", "b": "dev", "c": ""}


@pytest.mark.parametrize(
    ("cataloger", "path", "text"),
    [
        ("poetry_lock", "poetry.lock", "package = 1"),
        ("uv_lock", "uv.lock", "version = 1\npackage = 'x'"),
        ("pdm_lock", "pdm.lock", "package = {}"),
        ("pylock_toml", "pylock.toml", "packages = []"),
        ("pipfile_lock", "Pipfile.lock", ""),
    ],
)
def test_what_is_no_lock_is_refused(cataloger: str, path: str, text: str) -> None:
    with pytest.raises(ParseError):
        read(cataloger, path, text)


ODD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["name", "version", "git", "x"]), inner)
    ),
    max_leaves=8,
)


@law
@given(st.dictionaries(st.sampled_from(["_meta", "default", "develop", "x"]), ODD))
def test_odd_shapes_are_survived(document: dict[str, object]) -> None:
    import json

    assert isinstance(read("pipfile_lock", "Pipfile.lock", json.dumps(document)), FileFacts)


GRAPH = st.dictionaries(st.integers(0, 8), st.lists(st.integers(0, 8), max_size=4), max_size=9)


@law
@given(GRAPH, GRAPH, st.lists(st.integers(0, 8)), st.lists(st.integers(0, 8)), st.lists(st.integers(0, 8)))
def test_scopes_are_those_of_plain_reachability(
    hard: dict[int, list[int]], soft: dict[int, list[int]], run: list[int], extra: list[int], dev: list[int]
) -> None:
    def reach(starts: set[int], *graphs: dict[int, list[int]]) -> set[int]:
        known = set(starts)
        while more := {there for here in known for graph in graphs for there in graph.get(here, [])} - known:
            known |= more
        return known

    at_run = reach(set(run), hard)
    optional = reach(set(extra) | {there for here in at_run for there in soft.get(here, [])}, hard, soft)
    develop = reach(set(dev), hard, soft)
    wanted = dict.fromkeys(develop, "dev") | dict.fromkeys(optional, "optional") | dict.fromkeys(at_run, "")
    got = scopes({"": run, "optional": extra, "dev": dev}, lambda n: hard.get(n, ()), lambda n: soft.get(n, ()))
    assert got == wanted
