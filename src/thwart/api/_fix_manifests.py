"""Manifests as a fix changes them: which ones speak of a package, what becomes of them, and the proof that it is all."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence

from msgspec import Struct, field

from thwart.api._check import _read
from thwart.core.errors import ParseError
from thwart.core.limits import Limits
from thwart.core.package import File, Found
from thwart.fixes.versions import ByHand, Edited, Upgrade, go_mod, gradle, package_json, pom, pyproject, requirements
from thwart.fixes.versions.kinds import Kind, kind_of
from thwart.fixes.versions.locked import Asked
from thwart.lib.versions import VersionError

Identity = tuple[str, str]  # full name and version

_EDITORS: dict[str, Callable[[str, Upgrade], Edited | None]] = {
    "package.json": package_json.edited,
    "pyproject.toml": pyproject.pyproject,
    "Pipfile": pyproject.pipfile,
    "go.mod": go_mod.edited,
    "pom.xml": pom.edited,
    "build.gradle": gradle.script,
    "build.gradle.kts": gradle.script,
    "libs.versions.toml": gradle.catalogue,
}
_MOST_INCLUDED = 100


class Outcome(Struct, frozen=True, kw_only=True):
    """What an upgrade came to: contents of manifests after it by path, or the reason why none is edited.

    `bold` says why the edit is unsafe whatever the version, `override` that it is against what others ask for, `behind`
    that the manifest asks for the new version already and the lock file does not have it. `moved` are other packages that the edit takes along, by what
    they were and the version that they come to.
    """

    after: dict[str, bytes] = field(default_factory=dict)
    bold: str = ""
    override: bool = False
    behind: bool = False
    reason: str = ""
    moved: dict[Identity, str] = field(default_factory=dict)


class Manifests:
    """The files as they are so far. `noted` are the paths of all that speak of packages."""

    def __init__(self, files: dict[str, bytes], noted: Sequence[str], limits: Limits) -> None:
        self.files = files
        self._noted = noted
        self._limits = limits
        self._asked: dict[str, Asked] = {}

    def data(self, path: str) -> bytes | None:
        """The content of a file; None where there is none that can be read."""
        if path not in self.files:
            for _, found in _read(path, self._limits, []):
                self.files[path] = found
        return self.files.get(path)

    def make(self, path: str, upgrade: Upgrade, *, alone: bool) -> Outcome:
        """The upgrade of a package that the scan found in the file of that path.

        Args:
            path: of the lock file or manifest.
            upgrade: what to do.
            alone: the file has no other version of the package.
        """
        kind = kind_of(path)
        if kind is None:
            return Outcome(reason="no manifest is known for it")
        try:
            return self._stated(path, kind, upgrade) if kind.cataloger else self._locked(path, kind, upgrade, alone)
        except ByHand as reason:
            return Outcome(reason=str(reason))
        except VersionError:
            return Outcome(reason="its versions cannot be ordered")

    def _stated(self, path: str, kind: Kind, upgrade: Upgrade) -> Outcome:
        """In a manifest that the scan itself reads."""
        text = self._text(path)
        if kind.cataloger == "requirements_txt" and requirements.generator(text):
            return self._compiled(path, requirements.generator(text), upgrade)
        found = self._edited(path, upgrade)
        if found is None:
            return Outcome(reason="its version is not written beside its name in this file")
        after = {path: found.text.encode()}
        bold = found.bold
        if kind.cataloger == "requirements_txt":
            for other in self._constraints(path):
                more = self._edited(other, upgrade)
                if more is not None and more.text != self._text(other):
                    after[other] = more.text.encode()
                    bold = bold or more.bold
        moved = self._proved(path, kind, after[path], upgrade)
        return Outcome(after=after, bold=bold, moved=moved)

    def _compiled(self, path: str, generator: str, upgrade: Upgrade) -> Outcome:
        """A requirements file that a program wrote, from one that ends in `.in`."""
        command = "pip-compile" if generator == "pip-compile" else "uv pip compile"
        update = f"{command} --upgrade-package {upgrade.name}=={upgrade.target}"
        source = path.removesuffix(".txt") + ".in"
        found = self._edited(source, upgrade) if self.data(source) is not None else None
        if found is None or found.text == self._text(source):
            return Outcome(reason=f"{command} wrote it: {update}")
        return Outcome(after={source: found.text.encode()}, bold=found.bold)

    def _locked(self, path: str, kind: Kind, upgrade: Upgrade, alone: bool) -> Outcome:
        """In the manifests of a lock file."""
        manifests = list(self._manifests(path, kind))
        found = {one: self._edited(one, upgrade) for one in manifests}
        update = self._update(path, kind).format(name=upgrade.name)
        stated = {one: edited for one, edited in found.items() if edited is not None}
        override = not stated
        if override:
            if not kind.tool or not manifests:
                return Outcome(reason=f"other packages bring it: {update}")
            asked = self._ranges(path, kind).ranges(upgrade.name, upgrade.installed)
            text = self._text(manifests[0])
            made = package_json.overridden(text, upgrade, kind.tool, alone=alone, ranges=asked)
            stated = {manifests[0]: made}
        after = {one: made.text.encode() for one, made in stated.items() if made.text != self._text(one)}
        if not after:
            reason = f"the manifest permits it, and only the lock file holds it back: {update}"
            if override and f'"{upgrade.name}@{upgrade.installed}"' in self._text(manifests[0]):
                # npm keeps what is locked, whatever is overridden since
                reason = f"the manifest overrides it already: take its entry out of the lock file, then {kind.then}"
            return Outcome(reason=reason, behind=not override)
        bold = next((made.bold for made in stated.values() if made.bold), "")
        return Outcome(after=after, bold=bold, override=override)

    def _manifests(self, path: str, kind: Kind) -> Iterator[str]:
        """Those beside a lock file, and those of the members of its workspace."""
        folder = os.path.dirname(path)  # noqa: PTH120
        beside = [os.path.normpath(os.path.join(folder, name)) for name in kind.manifests]  # noqa: PTH118
        there = [one for one in beside if self.data(one) is not None]
        yield from there
        if there and self._workspace(folder, there[0]):
            for one in self._noted:
                inside = not folder or one.startswith(folder + os.sep)
                if inside and one not in there and os.path.basename(one) in kind.manifests:  # noqa: PTH119
                    yield one

    def _workspace(self, folder: str, root: str) -> bool:
        """Whether the root says that it has members."""
        text = self._text(root)
        beside = os.path.join(folder, "pnpm-workspace.yaml")  # noqa: PTH118
        return '"workspaces"' in text or "[tool.uv.workspace]" in text or self.data(beside) is not None

    def _edited(self, path: str, upgrade: Upgrade) -> Edited | None:
        editor = _EDITORS.get(os.path.basename(path), requirements.edited)  # noqa: PTH119
        return editor(self._text(path), upgrade)

    def _text(self, path: str) -> str:
        data = self.data(path)
        try:
            return (data or b"").decode()
        except UnicodeDecodeError:
            raise ByHand("it is not UTF-8") from None

    def _update(self, path: str, kind: Kind) -> str:
        berry = kind.tool == "yarn" and b"\n__metadata:" in (self.data(path) or b"")
        return "yarn up -R {name}" if berry else kind.update

    def _ranges(self, path: str, kind: Kind) -> Asked:
        if path not in self._asked:
            self._asked[path] = Asked(kind.tool, (self.data(path) or b"").decode("utf-8", "replace"))
        return self._asked[path]

    def _constraints(self, path: str) -> list[str]:
        """The files that a requirements file includes and that no scan reads."""
        known, waiting = [path], [path]
        while waiting and len(known) < _MOST_INCLUDED:
            here = waiting.pop()
            for name in requirements.included(self._text(here)):
                other = os.path.normpath(os.path.join(os.path.dirname(here), name))  # noqa: PTH118, PTH120
                if other not in known and "://" not in name and self.data(other) is not None:
                    known.append(other)
                    waiting.append(other)
        return [one for one in known[1:] if kind_of(one) is None]

    def _proved(self, path: str, kind: Kind, after: bytes, upgrade: Upgrade) -> dict[Identity, str]:
        """What other packages move with the edit, as the cataloger reads the file before and after it.

        Raises:
            ByHand: something else changes, or the file cannot be read as before.
        """
        before, problems = self._read(path, kind, self.data(path) or b"")
        now, others = self._read(path, kind, after)
        gone, come = before - now, now - before
        moved = {one: upgrade.target for one in gone if one != (upgrade.name, upgrade.installed)}
        meant = all(old == upgrade.installed for _, old in moved) and {name for name, _ in come} <= {
            one for one, _ in gone
        }
        meant = meant and all(new.startswith(upgrade.target) for _, new in come)  # Go may add `+incompatible`
        if others - problems or (upgrade.name, upgrade.installed) in now or not meant:
            raise ByHand("the edit would change more than this version")
        if moved and kind.cataloger != "pom_xml":  # whose properties others may share
            raise ByHand("the edit would change more than this version")
        return moved

    def _read(self, path: str, kind: Kind, data: bytes) -> tuple[set[Identity], set[str]]:
        from thwart.catalogers import MEMBERS

        try:
            facts = MEMBERS.load()[kind.cataloger].parse(File(path=path, data=data, size=len(data)), self._limits)
        except ParseError as error:
            raise ByHand(f"it cannot be read: {error.reason}") from None
        return {(_full_name(one), one.version) for one in facts.found}, {slug for slug, _ in facts.problems}


def _full_name(one: Found) -> str:
    if not one.namespace:
        return one.name
    return f"{one.namespace}{':' if one.type == 'maven' else '/'}{one.name}"
