"""Which files speak of packages: those that a scan reads, the manifests beside them, and the tools that join the two."""

from __future__ import annotations

import posixpath
import re

from msgspec import Struct

_REQUIREMENTS = re.compile(r"(?:.*/)?(?:[^/]*requirements[^/]*|requirements/[^/]+)\.txt")
_PYLOCK = re.compile(r"pylock(?:\.[^./]+)?\.toml")


class Kind(Struct, frozen=True, kw_only=True):
    """A kind of file that a scan finds packages in.

    `manifests` are the paths, relative to its folder, of those that people write for it; none where it is one itself, which
    `cataloger` reads. `then` is the command that makes the lock file follow, `update` the one that takes a newer version
    within what the manifest permits, with `{name}` in it. `tool` overrides versions of what others bring.
    """

    type: str
    manifests: tuple[str, ...] = ()
    cataloger: str = ""
    then: str = ""
    update: str = ""
    tool: str = ""


_NPM = Kind(type="npm", manifests=("package.json",), then="npm install", update="npm update {name}", tool="npm")
_PYPROJECT = ("pyproject.toml",)
_GRADLE = ("build.gradle", "build.gradle.kts", "gradle/libs.versions.toml", "../gradle/libs.versions.toml")
_KINDS = {
    "package-lock.json": _NPM,
    "npm-shrinkwrap.json": _NPM,
    "yarn.lock": Kind(
        type="npm", manifests=("package.json",), then="yarn install", update="yarn upgrade {name}", tool="yarn"
    ),
    "pnpm-lock.yaml": Kind(
        type="npm", manifests=("package.json",), then="pnpm install", update="pnpm update {name}", tool="pnpm"
    ),
    "uv.lock": Kind(type="pypi", manifests=_PYPROJECT, then="uv lock", update="uv lock --upgrade-package {name}"),
    "poetry.lock": Kind(type="pypi", manifests=_PYPROJECT, then="poetry lock", update="poetry update {name}"),
    "pdm.lock": Kind(type="pypi", manifests=_PYPROJECT, then="pdm lock", update="pdm update {name}"),
    "Pipfile.lock": Kind(type="pypi", manifests=("Pipfile",), then="pipenv lock", update="pipenv upgrade {name}"),
    "gradle.lockfile": Kind(
        type="maven",
        manifests=_GRADLE,
        then="gradle dependencies --write-locks",
        update="gradle dependencies --update-locks {name}",
    ),
    "go.mod": Kind(type="golang", cataloger="go_mod", then="go mod tidy"),
    "pom.xml": Kind(type="maven", cataloger="pom_xml"),
}
_PYLOCKED = Kind(type="pypi", manifests=_PYPROJECT, then="write it anew", update="write it anew")
_REQUIRED = Kind(type="pypi", cataloger="requirements_txt")
_MANIFESTS = frozenset(posixpath.basename(name) for kind in _KINDS.values() for name in kind.manifests)


def kind_of(path: str) -> Kind | None:
    """The kind of a file in which a scan finds packages that a manifest asks for."""
    name = posixpath.basename(path)
    if name in _KINDS:
        return _KINDS[name]
    if _PYLOCK.fullmatch(name):
        return _PYLOCKED
    return _REQUIRED if _REQUIREMENTS.fullmatch(path) else None


def speaks(path: str) -> bool:
    """Whether a file may say which packages there are, or which there should be."""
    return posixpath.basename(path) in _MANIFESTS or kind_of(path) is not None
