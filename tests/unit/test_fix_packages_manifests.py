"""Upgrades in the texts of manifests: the version changes and nothing else."""

from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from thwart.fixes.versions import ByHand, Edited, Upgrade, compatible, go_mod, gradle, package_json, pom, requirements
from thwart.fixes.versions import pyproject as toml
from thwart.fixes.versions._npm import permits
from thwart.fixes.versions._python import raised
from thwart.fixes.versions.kinds import kind_of
from thwart.fixes.versions.locked import Asked


def up(purl_type: str, name: str, installed: str, target: str) -> Upgrade:
    return Upgrade(type=purl_type, name=name, installed=installed, target=target)


def pypi(installed: str, target: str, name: str = "foo") -> Upgrade:
    return up("pypi", name, installed, target)


def npm(installed: str, target: str, name: str = "foo") -> Upgrade:
    return up("npm", name, installed, target)


def text(found: Edited | None) -> str:
    assert found is not None
    return found.text


@pytest.mark.parametrize(
    ("purl_type", "installed", "target", "answer"),
    [
        ("npm", "1.2.3", "1.9.0", True),
        ("npm", "1.2.3", "2.0.0", False),
        ("npm", "0.2.3", "0.2.9", True),
        ("npm", "0.2.3", "0.3.0", False),
        ("npm", "1.2.3", "1.2.4-rc.1", False),
        ("pypi", "1.2", "1.3rc1", False),
        ("pypi", "1.2", "1.3.post1", True),
        ("pypi", "1.2", "1!1.3", False),
        ("maven", "2.14.1", "2.17.0-beta1", False),
        ("maven", "31.1-jre", "31.2-jre", True),
        ("golang", "v1.2.3", "v1.3.0", True),
        ("golang", "v0.7.0", "v0.17.0", False),
        ("golang", "v1.0.0", "v1.0.1-0.20220521103104-8f96da9f5d5e", False),
        ("npm", "unknown", "1.0.0", False),
    ],
)
def test_what_is_safe(purl_type: str, installed: str, target: str, *, answer: bool) -> None:
    assert compatible(up(purl_type, "foo", installed, target)) is answer


def test_go_promises_for_one_minor_release_of_its_toolchain() -> None:
    assert compatible(up("golang", "stdlib", "1.25.11", "1.25.13"))
    assert not compatible(up("golang", "stdlib", "1.25.11", "1.26.0"))


@pytest.mark.parametrize(
    ("before", "installed", "target", "after"),
    [
        ("==1.2.3", "1.2.3", "1.2.7", "==1.2.7"),
        ("== 1.2.3", "1.2.3", "1.2.7", "== 1.2.7"),
        ("===1.2.3", "1.2.3", "1.2.7", "===1.2.7"),
        (">=1.2", "1.2.3", "1.2.7", ">=1.2"),
        ("~=1.2.3", "1.2.3", "1.2.7", "~=1.2.3"),
        ("~=1.2.3", "1.2.3", "1.3.1", "~=1.3.1"),
        ("~= 1.2", "1.2.3", "2.0.1", ">=2.0.1,==2.*"),
        ("==1.2.*", "1.2.3", "1.3.1", "==1.3.*"),
        (">=1.2,<1.3", "1.2.3", "1.3.1", ">=1.3.1,<1.4"),
        (">=1.2,<2.0", "1.2.3", "2.1.1", ">=2.1.1,<3.0"),
        (">1.2,<=1.2.5", "1.2.3", "1.2.7", ">=1.2.7,<=1.2.7"),
        ("==1.2.3,!=1.2.5", "1.2.3", "1.2.7", "==1.2.7,!=1.2.5"),
    ],
)
def test_specifiers(before: str, installed: str, target: str, after: str) -> None:
    assert text(raised(before, pypi(installed, target))) == after


@pytest.mark.parametrize(
    ("before", "installed", "target", "after"),
    [
        ("^1.2", "1.2.3", "1.9", "^1.2"),
        ("^1.2", "1.2.3", "2.0.1", "^2.0.1"),
        ("^0.2.3", "0.2.3", "0.3.1", "^0.3.1"),
        ("~1.2", "1.2.3", "1.3.1", "~1.3.1"),
        ("1.2.3", "1.2.3", "1.2.7", "1.2.7"),
        ("*", "1.2.3", "1.2.7", "*"),
        ("1.2.*", "1.2.3", "1.3.1", "1.3.*"),
    ],
)
def test_constraints_of_poetry(before: str, installed: str, target: str, after: str) -> None:
    assert text(raised(before, pypi(installed, target), poetry=True)) == after


@pytest.mark.parametrize("before", ["==1.2.3,!=1.2.7", "==1.2.3+cu118", "@ https://example.test/foo.whl", "^1"])
def test_specifiers_that_only_a_human_changes(before: str) -> None:
    with pytest.raises(ByHand):
        raised(before, pypi("1.2.3", "1.2.7") if "cu" not in before else pypi("1.2.3+cu118", "1.2.7"))


def test_a_specifier_of_another_version_is_left_alone() -> None:
    assert raised("==1.1", pypi("1.2.3", "1.2.7")) is None


def test_going_over_the_end_of_a_range_is_bold() -> None:
    found = raised(">=1.2,<1.3", pypi("1.2.3", "1.3.1"))
    assert found is not None
    assert found.bold
    pin = raised("==1.2.3", pypi("1.2.3", "1.3.1"))
    assert pin is not None
    assert not pin.bold


@given(st.text(alphabet="=<>~!^*.,0123456789ab +x", max_size=40))
def test_no_specifier_crashes(before: str) -> None:
    for poetry in (False, True):
        with contextlib.suppress(ByHand):
            raised(before, pypi("1.2.3", "1.2.7"), poetry=poetry)


def test_requirements_keep_everything_else() -> None:
    before = (
        "# Foo==1.2.3\r\n-c other.txt\r\nFoo[a, b] == 1.2.3 ; python_version < '3.12'  # why\r\n"
        "foo-bar==1.2.3\r\nbaz==1.2.3"
    )
    after = before.replace("Foo[a, b] == 1.2.3", "Foo[a, b] == 1.2.7")
    assert text(requirements.edited(before, pypi("1.2.3", "1.2.7"))) == after
    assert text(requirements.edited(before, pypi("1.2.3", "2.0", "baz"))) == before[:-5] + "2.0"
    assert requirements.edited(before, pypi("1.2.3", "2.0", "none")) is None
    assert requirements.included(before) == ["other.txt"]


def test_requirements_with_hashes_are_left_to_a_human() -> None:
    with pytest.raises(ByHand, match="hashes"):
        requirements.edited("foo==1.2.3 \\\n    --hash=sha256:ab\n", pypi("1.2.3", "1.2.7"))


def test_generated_requirements() -> None:
    assert requirements.generator("#\n# This file is autogenerated by pip-compile with Python 3.11\n") == "pip-compile"
    assert requirements.generator("# This file was autogenerated by uv via the following command:\n") == "uv"
    assert requirements.generator("foo==1\n") == ""


PYPROJECT = """\
[project]
name = "foo-user"  # foo==1.2.3
dependencies = [
  "foo[x]==1.2.3; python_version >= '3.9'",  # pinned
  'bar>=1',
]
[project.optional-dependencies]
more = ["Foo==1.2.3"]
[dependency-groups]
dev = ["foo == 1.2.3", {include-group = "test"}]
test = []
"""
POETRY = """\
[tool.poetry.dependencies]
python = "^3.9"
bar = "1.2.3"
foo = {version = "1.2.3", extras = ["x"]}
[tool.poetry.group.dev.dependencies]
foo = [{version = "1.2.3", python = "<3.9"}, {version = "^1.2", python = ">=3.9"}]
"""


def test_projects_of_python() -> None:
    after = (
        PYPROJECT.replace('"foo[x]==1.2.3', '"foo[x]==1.2.7')
        .replace('"Foo==1.2.3', '"Foo==1.2.7')
        .replace('"foo == 1.2.3', '"foo == 1.2.7')
    )
    assert text(toml.pyproject(PYPROJECT, pypi("1.2.3", "1.2.7"))) == after
    made = POETRY.replace('{version = "1.2.3"', '{version = "1.2.7"')
    assert text(toml.pyproject(POETRY, pypi("1.2.3", "1.2.7"))) == made
    assert toml.pyproject(PYPROJECT, pypi("1.2.3", "1.2.7", "none")) is None


def test_pipfile() -> None:
    before = '[packages]\nbar = "==1.2.3"\nfoo = "==1.2.3" # a\n[dev-packages]\nfoo = {version="==1.2.3"}\n'
    after = before.replace('foo = "==1.2.3"', 'foo = "==1.2.7"').replace('{version="==1.2.3"', '{version="==1.2.7"')
    assert text(toml.pipfile(before, pypi("1.2.3", "1.2.7"))) == after
    with pytest.raises(ByHand, match="elsewhere"):
        toml.pipfile('[packages]\nfoo = {git = "https://example.test/x"}\n', pypi("1.2.3", "1.2.7"))


@pytest.mark.parametrize(
    ("asked", "version", "answer"),
    [
        ("^1.2.3", "1.9.0", True),
        ("^1.2.3", "2.0.0", False),
        ("^0.2.3", "0.3.0", False),
        ("^0.0.3", "0.0.4", False),
        ("~1.2.3", "1.2.9", True),
        ("~1.2.3", "1.3.0", False),
        ("1.x", "1.9.0", True),
        ("1.2", "1.3.0", False),
        ("*", "1.0.0", True),
        ("", "1.0.0", True),
        (">=1 <2", "1.9.0", True),
        (">= 1.2.3", "9.0.0", True),
        ("1.2.3 - 2.3", "2.3.9", True),
        ("1.2.3 - 2.3", "2.4.0", False),
        ("<1 || >=3", "3.1.0", True),
        ("^1.2.3", "2.0.0-rc.1", False),
        ("^1.2.3", "1.3.0-rc.1", False),
        ("^1.3.0-rc.0", "1.3.0-rc.1", True),
        ("latest", "1.0.0", None),
        ("workspace:*", "1.0.0", None),
    ],
)
def test_ranges_of_npm(asked: str, version: str, *, answer: bool | None) -> None:
    assert permits(asked, version) is answer


@given(st.text(alphabet="=<>~^*.x|- 0123456789a", max_size=60))
def test_no_range_crashes(asked: str) -> None:
    assert permits(asked, "1.2.3") in (True, False, None)


@pytest.mark.parametrize(
    ("before", "installed", "target", "after"),
    [
        ("1.2.3", "1.2.3", "1.2.7", "1.2.7"),
        ("v1.2.3", "1.2.3", "1.2.7", "v1.2.7"),
        ("^1.2.3", "1.2.3", "2.0.1", "^2.0.1"),
        ("^1.2.3", "1.2.3", "1.2.7", "^1.2.3"),
        ("~1.2.3", "1.2.3", "1.3.1", "~1.3.1"),
        ("1.2.x", "1.2.3", "1.3.1", "1.3.x"),
        ("npm:foo@1.2.3", "1.2.3", "1.2.7", "npm:foo@1.2.7"),
    ],
)
def test_packages_of_node(before: str, installed: str, target: str, after: str) -> None:
    key = "other" if before.startswith("npm:") else "foo"
    manifest = (
        f'{{\n\t"dependencies": {{"{key}": "{before}", "bar": "1.2.3"}},\n\t"peerDependencies": {{"foo": "1"}}\n}}'
    )
    assert text(package_json.edited(manifest, npm(installed, target))) == manifest.replace(
        f'"{before}"', f'"{after}"', 1
    )


def test_packages_of_node_that_a_human_changes() -> None:
    with pytest.raises(ByHand, match="several parts"):
        package_json.edited('{"dependencies": {"foo": ">=1 <2"}}', npm("1.2.3", "2.0.1"))
    with pytest.raises(ByHand, match="declared as"):
        package_json.edited('{"dependencies": {"foo": "file:../foo"}}', npm("1.2.3", "2.0.1"))
    assert package_json.edited('{"peerDependencies": {"foo": "1.2.3"}}', npm("1.2.3", "2.0.1")) is None


def test_overrides() -> None:
    manifest = '{\n  "name": "x"\n}\n'
    change = npm("1.2.3", "1.2.7")
    made = package_json.overridden(manifest, change, "npm", alone=True)
    assert made.bold
    assert json.loads(made.text) == {"name": "x", "overrides": {"foo@1.2.3": "1.2.7"}}
    made = package_json.overridden(manifest, change, "pnpm", alone=False)
    assert json.loads(made.text) == {"name": "x", "pnpm": {"overrides": {"foo@1.2.3": "1.2.7"}}}
    made = package_json.overridden(manifest, change, "yarn", alone=True)
    assert json.loads(made.text) == {"name": "x", "resolutions": {"foo": "1.2.7"}}
    with pytest.raises(ByHand):
        package_json.overridden(manifest, change, "yarn", alone=False)
    with pytest.raises(ByHand, match="already"):
        package_json.overridden('{"overrides": {"foo": "1.2.3"}}', change, "npm", alone=True)
    assert package_json.overridden(manifest, change, "npm", alone=True, ranges=["^1.2.0"]).text == manifest
    assert package_json.overridden(manifest, change, "npm", alone=True, ranges=["^1.2.0", "1.2.3"]).text != manifest


def test_lock_files_tell_what_others_ask_for() -> None:
    lock = {
        "packages": {
            "": {},
            "node_modules/a": {"dependencies": {"foo": "^1.2.0"}},
            "node_modules/b": {"dependencies": {"foo": "2.x"}},
        }
    }
    assert Asked("npm", json.dumps(lock)).ranges("foo", "1.2.3") == ["^1.2.0"]
    old = {"dependencies": {"a": {"version": "1", "requires": {"foo": "1.2.3"}}}}
    assert Asked("npm", json.dumps(old)).ranges("foo", "1.2.3") == ["1.2.3"]
    yarn = '# yarn\n\nfoo@1.2.3, foo@^1.2.0:\n  version "1.2.3"\n\n"@s/foo@~1":\n  version "1.2.3"\n'
    assert Asked("yarn", yarn).ranges("foo", "1.2.3") == ["1.2.3", "^1.2.0"]
    assert Asked("yarn", yarn).ranges("@s/foo", "1.2.3") == ["~1"]
    assert Asked("yarn", '"foo@npm:^1.2.0":\n  version: 1.2.3\n').ranges("foo", "1.2.3") == ["^1.2.0"]
    assert Asked("npm", "{").ranges("foo", "1.2.3") == []


GO = """\
module example.test/x // foo

go 1.25.3
toolchain go1.25.11

require example.test/foo v1.2.3
require (
\texample.test/bar v1.2.3 // indirect
\t"example.test/foo/v2" v2.0.0
\texample.test/old v2.0.0+incompatible
\texample.test/here v1.0.0
\texample.test/fork v1.0.0
)
exclude example.test/bar v1.2.4
exclude (
\texample.test/foo v1.2.3
)
replace example.test/here => ./here
replace example.test/fork v1.0.0 => example.test/forked v1.0.1
"""


@pytest.mark.parametrize(
    ("name", "installed", "target", "old", "new"),
    [
        ("foo", "v1.2.3", "v1.2.7", "require example.test/foo v1.2.3", "require example.test/foo v1.2.7"),
        ("bar", "v1.2.3", "v1.3.0", "bar v1.2.3 // ind", "bar v1.3.0 // ind"),
        ("foo/v2", "v2.0.0", "v2.0.1", '/v2" v2.0.0', '/v2" v2.0.1'),
        ("old", "v2.0.0+incompatible", "v2.0.1", "v2.0.0+incompatible", "v2.0.1+incompatible"),
        ("forked", "v1.0.1", "v1.0.2", "forked v1.0.1", "forked v1.0.2"),
    ],
)
def test_modules_of_go(name: str, installed: str, target: str, old: str, new: str) -> None:
    assert text(go_mod.edited(GO, up("golang", f"example.test/{name}", installed, target))) == GO.replace(old, new)


def test_modules_of_go_that_a_human_changes() -> None:
    with pytest.raises(ByHand, match="excludes"):
        go_mod.edited(GO, up("golang", "example.test/bar", "v1.2.3", "v1.2.4"))
    with pytest.raises(ByHand, match="folder"):
        go_mod.edited(GO, up("golang", "example.test/here", "v1.0.0", "v1.0.1"))
    with pytest.raises(ByHand, match="module path"):
        go_mod.edited(GO, up("golang", "example.test/foo", "v1.2.3", "v2.0.0"))
    assert go_mod.edited(GO, up("golang", "example.test/fork", "v1.0.0", "v1.0.1")) is None
    assert go_mod.edited(GO, up("golang", "example.test/none", "v1.0.0", "v1.0.1")) is None


def test_the_toolchain_of_go() -> None:
    found = go_mod.edited(GO, up("golang", "stdlib", "1.25.11", "1.25.13"))
    assert text(found) == GO.replace("go1.25.11", "go1.25.13")
    line = go_mod.edited(GO, up("golang", "stdlib", "1.25.3", "1.25.13"))
    assert text(line) == GO.replace("go 1.25.3", "go 1.25.13")
    assert line is not None
    assert line.bold


POM = """\
<?xml version="1.0" encoding="UTF-8"?>
<project xmlns="http://maven.apache.org/POM/4.0.0"><!-- ö <version>1.2.3</version> -->
  <properties><a.version> 1.2.3 </a.version><all>1.2.3</all></properties>
  <dependencyManagement><dependencies>
    <dependency><groupId>g</groupId><artifactId>managed</artifactId><version>1.2.3</version></dependency>
  </dependencies></dependencyManagement>
  <dependencies>
    <dependency><groupId>g</groupId><artifactId>a</artifactId><version>${a.version}</version></dependency>
    <dependency><groupId>g</groupId><artifactId>literal</artifactId><version>1.2.3</version></dependency>
    <dependency><groupId>g</groupId><artifactId>pinned</artifactId><version>[1.2.3]</version></dependency>
    <dependency><groupId>g</groupId><artifactId>managed</artifactId></dependency>
    <dependency><groupId>g</groupId><artifactId>all</artifactId><version>${all}</version></dependency>
    <dependency><groupId>h</groupId><artifactId>all</artifactId><version>${all}</version></dependency>
    <dependency><groupId>g</groupId><artifactId>parts</artifactId><version>1.${all}</version></dependency>
    <dependency><groupId>g</groupId><artifactId>above</artifactId><version>${elsewhere}</version></dependency>
  </dependencies>
</project>
"""


@pytest.mark.parametrize(
    ("name", "old", "new", "bold"),
    [
        ("g:a", "<a.version> 1.2.3 <", "<a.version> 1.2.7 <", False),
        ("g:literal", "literal</artifactId><version>1.2.3<", "literal</artifactId><version>1.2.7<", False),
        ("g:pinned", "[1.2.3]", "[1.2.7]", False),
        ("g:managed", "managed</artifactId><version>1.2.3<", "managed</artifactId><version>1.2.7<", False),
        ("g:all", "<all>1.2.3<", "<all>1.2.7<", True),
    ],
)
def test_projects_of_maven(name: str, old: str, new: str, *, bold: bool) -> None:
    found = pom.edited(POM, up("maven", name, "1.2.3", "1.2.7"))
    assert text(found) == POM.replace(old, new)
    assert found is not None
    assert bool(found.bold) is bold


def test_projects_of_maven_that_a_human_changes() -> None:
    with pytest.raises(ByHand, match="parts"):
        pom.edited(POM, up("maven", "g:parts", "1.1.2.3", "1.2.7"))
    assert pom.edited(POM, up("maven", "g:above", "1.2.3", "1.2.7")) is None
    for broken in ("<project>", '<!DOCTYPE x [<!ENTITY a "b">]><project/>', "<x/>"):
        with pytest.raises(ByHand):
            pom.edited(broken, up("maven", "g:a", "1.2.3", "1.2.7"))


def test_scripts_of_gradle() -> None:
    script = """dependencies {
    // implementation 'g:a:1.2.3'
    implementation 'g:a:1.2.3'
    implementation("g:a:1.2.3:tests@jar")
    implementation group: 'g', name: 'a', version: '1.2.3'
    implementation 'g:ab:1.2.3'
}
"""
    change = up("maven", "g:a", "1.2.3", "1.2.7")
    lines = script.split("\n")
    after = "\n".join([*lines[:2], *(line.replace("1.2.3", "1.2.7") for line in lines[2:5]), *lines[5:]])
    assert text(gradle.script(script, change)) == after
    assert text(gradle.script(after, change)) == after
    assert gradle.script("implementation 'g:other:1.2.3'", change) is None
    with pytest.raises(ByHand, match="variable"):
        gradle.script('implementation "g:a:$version"', change)


def test_catalogues_of_gradle() -> None:
    catalogue = """[versions]
own = "1.2.3"
shared = "1.2.3"
[libraries]
a = { module = "g:a", version.ref = "own" }
b = { group = "g", name = "b", version = "1.2.3" }
c = "g:c:1.2.3"
d = { module = "g:d", version.ref = "shared" }
e = { module = "h:e", version.ref = "shared" }
"""
    for name, old, new in (
        ("a", 'own = "1.2.3"', 'own = "1.2.7"'),
        ("b", 'version = "1.2.3"', 'version = "1.2.7"'),
        ("c", "g:c:1.2.3", "g:c:1.2.7"),
    ):
        made = gradle.catalogue(catalogue, up("maven", f"g:{name}", "1.2.3", "1.2.7"))
        assert text(made) == catalogue.replace(old, new)
    with pytest.raises(ByHand, match="too"):
        gradle.catalogue(catalogue, up("maven", "g:d", "1.2.3", "1.2.7"))


def test_kinds_of_files() -> None:
    for path in ("a/package-lock.json", "uv.lock", "go.mod", "x/pom.xml", "dev-requirements.txt", "requirements/a.txt"):
        assert kind_of(path) is not None, path
    for path in ("package.json", "notes.txt", "Dockerfile", "constraints.txt"):
        assert kind_of(path) is None, path
