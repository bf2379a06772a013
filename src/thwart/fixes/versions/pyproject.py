"""`pyproject.toml` of PEP 621, PEP 735, uv, PDM and Poetry, and pipenv's `Pipfile`."""

from __future__ import annotations

from collections.abc import Iterator

from thwart.fixes.versions import ByHand, Edited, Upgrade
from thwart.fixes.versions._python import normalised, raised, requirement
from thwart.fixes.versions._toml import Path, exchanged, load, table

_NO_PACKAGES = frozenset({"source", "requires", "scripts", "pipenv", "pipfile"})
_MOST = 20  # places of one package in one file, each of which is proved
_ELSEWHERE = ("git", "path", "url", "file")


def pyproject(text: str, upgrade: Upgrade) -> Edited | None:
    """The project with the new version wherever it asks for the package; None where it does not.

    Raises:
        ByHand: it is fetched from elsewhere, or has a range that is not edited.
    """
    document = load(text)
    poetry = [
        (("tool", "poetry", *path), value) for path, value in _poetry(table(table(document.get("tool")).get("poetry")))
    ]
    asked = [(path, value, False) for path, value in _standard(document)]
    return _each(text, [*asked, *((path, value, True) for path, value in poetry)], upgrade)


def pipfile(text: str, upgrade: Upgrade) -> Edited | None:
    """The same of a Pipfile."""
    entries = [
        (path, value, True)
        for group, packages in load(text).items()
        if group not in _NO_PACKAGES
        for path, value in _named((group,), packages)
    ]
    return _each(text, entries, upgrade)


def _each(text: str, entries: list[tuple[Path, object, bool]], upgrade: Upgrade) -> Edited | None:
    known, bold, changed = False, "", 0
    for path, value, named in entries:
        found = _entry(path, value, upgrade) if named else requirement(str(value), upgrade)
        if found is None:
            continue
        known = True
        if found.text != value:
            changed += 1
            if changed > _MOST:
                raise ByHand("it is asked for in too many places")
            text = exchanged(text, path, found.text)
            bold = bold or found.bold
    return Edited(text=text, bold=bold) if known else None


def _entry(path: Path, value: object, upgrade: Upgrade) -> Edited | None:
    """A package that is a key, with its constraint."""
    key = next(one for one in reversed(path) if isinstance(one, str) and one != "version")
    if normalised(key) != upgrade.name:
        return None
    if not isinstance(value, str):
        raise ByHand("it is fetched from elsewhere")
    return raised(value, upgrade, poetry=True)


def _standard(document: dict[str, object]) -> Iterator[tuple[Path, object]]:
    """Requirements as PEP 508 writes them."""
    project, tool = table(document.get("project")), table(document.get("tool"))
    yield from _strings(("project", "dependencies"), project.get("dependencies"))
    for name, group in table(project.get("optional-dependencies")).items():
        yield from _strings(("project", "optional-dependencies", name), group)
    for name, group in table(document.get("dependency-groups")).items():
        yield from _strings(("dependency-groups", name), group)
    for key in ("dev-dependencies", "constraint-dependencies", "override-dependencies"):
        yield from _strings(("tool", "uv", key), table(tool.get("uv")).get(key))
    for name, group in table(table(tool.get("pdm")).get("dev-dependencies")).items():
        yield from _strings(("tool", "pdm", "dev-dependencies", name), group)


def _strings(path: Path, group: object) -> Iterator[tuple[Path, object]]:
    if isinstance(group, list):
        yield from (((*path, index), one) for index, one in enumerate(group) if isinstance(one, str))


def _poetry(poetry: dict[str, object]) -> Iterator[tuple[Path, object]]:
    """Poetry's constraints, by name."""
    for key in ("dependencies", "dev-dependencies"):
        yield from _named((key,), poetry.get(key))
    for name, group in table(poetry.get("group")).items():
        yield from _named(("group", name, "dependencies"), table(group).get("dependencies"))


def _named(path: Path, packages: object) -> Iterator[tuple[Path, object]]:
    """Packages by their keys: a constraint, a table that has one as `version`, or several of these."""
    for key, value in table(packages).items():
        several = value if isinstance(value, list) else [value]
        for index, one in enumerate(several):
            place: Path = (*path, key, index) if isinstance(value, list) else (*path, key)
            if isinstance(one, dict) and "version" in one:
                yield (*place, "version"), one["version"]
            elif isinstance(one, str) or any(kind in table(one) for kind in _ELSEWHERE):
                yield place, one
