"""Node's catalogers: what the data folder cannot say well, and laws over generated input."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from thwart.catalogers import MEMBERS
from thwart.catalogers._node import alias, repository, specifier, split
from thwart.core.errors import ParseError
from thwart.core.limits import Limits
from thwart.core.package import File, FileFacts, Found
from thwart.lib.pathtable import PathTable

law = settings(max_examples=50, deadline=None)  # the machine may be busy

PARTS = st.from_regex(r"[a-z][a-z0-9._-]{0,6}", fullmatch=True)
NAMES = st.one_of(PARTS, st.builds("@{}/{}".format, PARTS, PARTS))
NUMBERS = st.from_regex(r"(0|[1-9][0-9]?)(\.(0|[1-9][0-9]?)){2}(-rc\.[1-9])?", fullmatch=True)


def read(cataloger: str, path: str, data: bytes | str, limits: Limits | None = None) -> FileFacts:
    member = MEMBERS.get(cataloger)
    assert member is not None
    raw = data.encode() if isinstance(data, str) else data
    return member.parse(File(path=path, data=raw, size=len(raw)), limits or Limits())


def names(facts: FileFacts) -> list[tuple[str, str]]:
    return [(f"{found.namespace}/{found.name}".lstrip("/"), found.version) for found in facts.found]


MANIFEST = '{"name": "x", "version": "1.0.0"}'


@pytest.mark.parametrize(
    ("path", "counts"),
    [
        ("node_modules/x/package.json", True),
        ("usr/lib/node_modules/npm/node_modules/@npmcli/arborist/package.json", True),
        ("a/node_modules/.pnpm/x@1.0.0_y@2/node_modules/x/package.json", True),
        ("node_modules/@s/x/package.json", True),
        ("node_modules/x/test/fixtures/package.json", False),
        ("node_modules/x/dist/package.json", False),
        ("node_modules/@s/x/dist/esm/package.json", False),
        ("node_modules/.bin/package.json", False),
        ("node_modules/@s/package.json", False),
        ("node_modules/package.json", False),
        ("src/package.json", False),
        ("not_node_modules/x/package.json", False),
        ("node_modules/x/node_modules/.cache/package.json", False),
    ],
)
def test_what_is_the_root_of_an_installed_package(path: str, counts: bool) -> None:
    member = MEMBERS.get("node_installed")
    assert member is not None
    wanted = bool(PathTable((pattern, "it") for pattern in member.paths).match(path))
    assert (wanted and bool(read("node_installed", path, MANIFEST).found)) is counts


def test_an_application_is_for_images_and_outside_modules() -> None:
    member = MEMBERS.get("node_application")
    assert member is not None
    assert (member.images, member.directories) == (True, False)
    assert read("node_application", "srv/app/package.json", MANIFEST).found == (Found("x", "1.0.0", "npm", line=1),)
    assert read("node_application", "srv/node_modules/x/lib/package.json", MANIFEST).found == ()


@law
@given(NAMES, NUMBERS)
def test_names_split_and_aliases_resolve(name: str, number: str) -> None:
    assert "/".join(filter(None, split(name))) == name
    assert specifier(f"{name}@{number}") == (name, number)
    assert specifier(f"{name}@npm:@a/b@{number}") == (name, f"npm:@a/b@{number}")
    assert alias(f"npm:{name}@{number}") == (name, number)
    assert alias(number) == alias(f"npm:{number}") == ("", "")


@pytest.mark.parametrize(
    ("address", "url"),
    [
        ("git+ssh://git@example.test/x.git#abc", "git+ssh://git@example.test/x.git@abc"),
        ("git+https://u:p@example.test/x.git#abc", "git+https://example.test/x.git@abc"),
        ("https://example.test/x.git#abc", "git+https://example.test/x.git@abc"),
        ("https://example.test/x/-/x-1.0.0.tgz#abc", ""),
        ("file:../x", ""),
        ("", ""),
    ],
)
def test_repositories(address: str, url: str) -> None:
    assert repository(address) == ((("vcs_url", url),) if url else ())


@st.composite
def trees(draw: st.DrawFn) -> dict[str, tuple[str, str, bool]]:
    """Place in `node_modules` → real name, version, for development only."""
    places = draw(st.lists(st.lists(NAMES, min_size=1, max_size=3), max_size=8))
    return {
        "/".join(f"node_modules/{name}" for name in place): (
            draw(st.just(place[-1]) | NAMES),
            draw(NUMBERS),
            draw(st.booleans()),
        )
        for place in places
    }


def stated(tree: dict[str, tuple[str, str, bool]]) -> dict[tuple[str, str], str]:
    known: dict[tuple[str, str], str] = {}
    for name, version, dev in tree.values():
        known[name, version] = "dev" if dev and known.get((name, version), "dev") == "dev" else ""
    return known


@law
@given(trees())
def test_generation_3_states_what_was_written(tree: dict[str, tuple[str, str, bool]]) -> None:
    packages = {
        place: {
            "version": version,
            **({"dev": True} if dev else {}),
            **({} if place.endswith(f"node_modules/{name}") else {"name": name}),
        }
        for place, (name, version, dev) in tree.items()
    }
    text = json.dumps(
        {"lockfileVersion": 3, "packages": {"": {"name": "me", "version": "1.0.0"}, **packages}}, indent=2
    )
    facts = read("package_lock", "package-lock.json", text)
    scopes = dict(zip(names(facts), (found.scope for found in facts.found), strict=True))
    assert scopes == stated(tree)
    for found in facts.found:
        written = text.split("\n")[found.line - 1]
        assert written.startswith('    "node_modules/')
        assert written.endswith("{")


@law
@given(st.lists(st.tuples(NAMES, NUMBERS, st.none() | NAMES), unique_by=lambda one: one[0]))
def test_yarn_states_what_was_written_in_both_grammars(entries: list[tuple[str, str, str | None]]) -> None:
    classic, berry = ["# yarn lockfile v1\n\n"], ["__metadata:\n  version: 8\n\n"]
    for name, version, real in entries:
        asked = f"npm:{real}@^{version}" if real else f"^{version}"
        key = f'"{name}@{asked}"' if name.startswith("@") or real else f"{name}@{asked}"
        classic.append(f'{key}, "{name}@*":\n  version "{version}"\n  resolved "https://example.test/x.tgz#00"\n\n')
        asked = asked if real else f"npm:{asked}"
        berry.append(
            f'"{name}@{asked}, {name}@npm:*":\n  version: {version}\n  resolution: "{real or name}@npm:{version}"\n'
            "  languageName: node\n  linkType: hard\n\n"
        )
    wanted = list(dict.fromkeys((real or name, version) for name, version, real in entries))
    assert names(read("yarn_lock", "yarn.lock", "".join(classic))) == wanted
    assert names(read("yarn_lock", "yarn.lock", "".join(berry))) == wanted


@law
@given(st.lists(st.tuples(NAMES, NUMBERS, st.none() | st.tuples(NAMES, NUMBERS)), unique_by=lambda one: one[:2]))
def test_pnpm_states_what_was_written_in_every_generation(
    entries: list[tuple[str, str, tuple[str, str] | None]],
) -> None:
    def lock(generation: str, key: str, peer: str) -> str:
        lines = [f"lockfileVersion: '{generation}'\n\npackages:\n"]
        for name, version, other in entries:
            tail = peer.format(*other).replace("/", "+" if "_" in peer else "/") if other else ""
            lines.append(f"\n  '{key.format(name, version)}{tail}':\n    resolution: {{integrity: sha512-00}}\n")
        return "".join(lines)

    wanted = [(name, version) for name, version, _ in entries]
    for text in (lock("5.4", "/{}/{}", "_{}@{}"), lock("6.0", "/{}@{}", "({}@{})"), lock("9.0", "{}@{}", "")):
        assert names(read("pnpm_lock", "pnpm-lock.yaml", text)) == wanted


def test_a_tree_of_generation_1_is_walked_without_recursion() -> None:
    depth = 100
    text = '{"lockfileVersion": 1, "dependencies": {"a": {"version": "1.0.0"' + (
        ', "dependencies": {"a": {"version": "1.0.0"' * depth + "}}" * depth + "}}}"
    )
    assert names(read("package_lock", "package-lock.json", text)) == [("a", "1.0.0")]
    with pytest.raises(ParseError, match="deep"):
        read("package_lock", "package-lock.json", text, Limits(json_depth=50))


def test_lockfiles_inside_installed_packages_do_not_count() -> None:
    lock = '{"lockfileVersion": 3, "packages": {"node_modules/a": {"version": "1.0.0"}}}'
    assert read("package_lock", "x/node_modules/b/package-lock.json", lock).found == ()
    assert len(read("package_lock", "x/package-lock.json", lock).found) == 1


def test_laughs_in_a_yaml_lock_are_refused() -> None:
    lines = ["lockfileVersion: '9.0'", "x0: &x0 {a: a, b: b}"]
    lines += [f"x{n}: &x{n} {{{', '.join(f'k{m}: *x{n - 1}' for m in range(9))}}}" for n in range(1, 9)]
    with pytest.raises(ParseError, match="nodes"):
        read("pnpm_lock", "pnpm-lock.yaml", "\n".join(lines))


def test_a_lock_of_several_documents() -> None:
    text = "".join(
        f"---\nlockfileVersion: '9.0'\npackages:\n  {name}@1.0.0: {{}}\nsnapshots: {{}}\n" for name in ("a", "b")
    )
    assert names(read("pnpm_lock", "pnpm-lock.yaml", text)) == [("a", "1.0.0"), ("b", "1.0.0")]


FIELDS = [
    "name",
    "version",
    "packages",
    "dependencies",
    "node_modules/a",
    "license",
    "type",
    "lockfileVersion",
    "importers",
    "snapshots",
]
ODD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELDS), inner),
    max_leaves=10,
)


@law
@given(st.dictionaries(st.sampled_from(FIELDS), ODD))
def test_odd_shapes_give_facts_or_the_one_error(document: dict[str, object]) -> None:
    text = json.dumps(document)  # which is YAML as well
    for cataloger, path in (
        ("package_lock", "package-lock.json"),
        ("node_installed", "node_modules/a/package.json"),
        ("node_application", "package.json"),
        ("pnpm_lock", "pnpm-lock.yaml"),
        ("yarn_lock", "yarn.lock"),
    ):
        try:
            facts = read(cataloger, path, "__metadata:\n" * (cataloger == "yarn_lock") + text)
        except ParseError:
            continue
        assert all(found.name and found.version for found in facts.found)
