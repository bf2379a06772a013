"""Charts and kustomizations for `check`: what their tools make of them is judged, and told at the lines of origin."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field
from msgspec.structs import replace

from thwart.core.edit import Append, Drop, Put
from thwart.core.finding import Diagnostic, Evidence, Finding, Fix, Ignore
from thwart.core.locate import locate
from thwart.core.package import Location
from thwart.lib.documents import DocumentError
from thwart.lib.go_template import literal
from thwart.lib.yaml_positions import Place, YamlMap, load_all

if TYPE_CHECKING:
    from thwart.api.net._kustomization import Kustomization
    from thwart.core.limits import Limits

_MOST_RUNS = 50  # of tools
_SOURCE = re.compile(rb"^# Source: [^/\n]{1,200}/(.{1,1000})$", re.MULTILINE)
_BETWEEN = re.compile(rb"^---[ \t]*$", re.MULTILINE)


class Built(Struct):
    """What tools made. `files` are to be judged in place of those in `covered`; `origins` says where lines are from."""

    files: dict[str, bytes] = field(default_factory=dict)
    covered: set[str] = field(default_factory=set)
    origins: dict[str, list[str]] = field(default_factory=dict)
    unread: list[Diagnostic] = field(default_factory=list)
    runs: int = 0


def build(root: Path, limits: Limits, environment: Mapping[str, str], passed_over: Iterable[str]) -> Built:
    """Render the charts and build the kustomizations of a folder, each with the tool that is at hand.

    What no tool can make is left to be read as it stands, and told.
    """
    built = Built()
    charts, folders = _find(root, frozenset(passed_over))
    for chart in charts:
        _chart(built, chart, limits, environment)
    if folders:
        from thwart.api.net._kustomization import inspect

        every = [inspect(folder, limits) for folder in folders]
        parts = {part for one in every for part in one.parts}
        for one in every:
            if one.folder.resolve() not in parts and not one.component and not (one.gathers and not one.refused):
                _kustomization(built, one, limits, environment)
    return built


def _find(root: Path, passed_over: frozenset[str]) -> tuple[list[Path], list[Path]]:
    charts: list[Path] = []
    folders: list[Path] = []
    for here, below, files in os.walk(root):
        below[:] = sorted(name for name in below if name not in passed_over)
        if "Chart.yaml" in files and "templates" in below:
            charts.append(Path(here))
            below.clear()  # the charts that it depends on are rendered with it
        elif {"kustomization.yaml", "kustomization.yml", "Kustomization"}.intersection(files):
            folders.append(Path(here))
    return charts, folders


def _chart(built: Built, chart: Path, limits: Limits, environment: Mapping[str, str]) -> None:
    from thwart.api.net._rendered import render_chart

    built.runs += 1
    out = render_chart(chart, limits, environment) if built.runs <= _MOST_RUNS else "too many others were rendered"
    if isinstance(out, str):
        message = f"is not rendered: {out}; of its templates only what they say whatever the values are is judged"
        hint = f"render it by hand: helm template {os.path.normpath(chart)} | thwart check -"
        built.unread.append(
            Diagnostic(slug="chart-not-rendered", message=message, path=os.path.normpath(chart), hint=hint)
        )
        return
    pieces: dict[str, list[bytes]] = {}
    for piece in _BETWEEN.split(out):
        named = _SOURCE.search(piece)
        path = os.path.normpath(chart / os.fsdecode(named[1].strip())) if named else os.path.normpath(chart)
        pieces.setdefault(path if Path(path).is_relative_to(chart) else os.path.normpath(chart), []).append(piece)
    for path, several in pieces.items():
        _add(built, path, b"\n---\n".join(several), [path, os.path.normpath(chart / "values.yaml")])
    covered = (*(chart / "templates").rglob("*"), *(chart / "charts").rglob("*"))
    built.covered.update(os.path.normpath(path) for path in covered)


def _kustomization(built: Built, made: Kustomization, limits: Limits, environment: Mapping[str, str]) -> None:
    from thwart.api.net._rendered import build_kustomization

    why: bytes | str = made.refused
    built.runs += 1
    if not why and built.runs > _MOST_RUNS:
        why = "too many others were built"
    if not why:
        why, _ = build_kustomization(made.folder, limits, environment)
    if isinstance(why, str):
        message = f"it is not built: {why}; the files that it names are judged as they are, patches by what they say"
        place = os.path.normpath(made.folder)
        built.unread.append(
            Diagnostic(slug="kustomization-not-built", message=message, path=place, incomplete=bool(made.refused))
        )
        return
    named = [os.path.normpath(path) for path in made.files]
    beside = [os.path.normpath(made.folder / name) for name in sorted(made.mentioned)]
    own = [path for path in beside if Path(path).is_file()]
    known = {path: _documents(path, limits) for path in named}
    pieces: dict[str, list[bytes]] = {}
    for piece in _BETWEEN.split(why):
        origin = _origin(piece, known) or (own or named or [os.path.normpath(made.folder)])[0]
        pieces.setdefault(origin, []).append(piece)
    for origin, several in pieces.items():
        _add(built, origin, b"\n---\n".join(several), [*own, origin])
    built.covered.update(
        named, (path for path in own if not path.endswith(("kustomization.yaml", "kustomization.yml")))
    )


def _add(built: Built, path: str, data: bytes, origins: list[str]) -> None:
    before = built.files.get(path)
    built.files[path] = data if before is None else before + b"\n---\n" + data
    known = built.origins.setdefault(path, [])
    known += [one for one in origins if one not in known]


def _documents(path: str, limits: Limits) -> list[tuple[str, str]]:
    """The kinds and names of the objects in a file."""
    try:
        return [_named(one) for one in _objects(Path(path).read_bytes()[: limits.yaml_bytes])]
    except OSError:
        return []


def _objects(data: bytes) -> list[YamlMap]:
    """The documents of a file, empty ones for what is no mapping; of a template what it states literally."""
    text = literal(data) if b"{{" in data else data
    try:
        every = load_all(text, max_bytes=1 << 25, max_depth=256, max_nodes=1 << 20, schema="kubernetes")
    except DocumentError:
        return []
    return [one if isinstance(one, YamlMap) else YamlMap(Place(1, 1)) for one in every]


def _named(document: dict[str, Any]) -> tuple[str, str]:
    metadata = document.get("metadata")
    return str(document.get("kind")), str(metadata.get("name")) if isinstance(metadata, dict) else ""


def _origin(piece: bytes, known: dict[str, list[tuple[str, str]]]) -> str:
    """The file that an object is from: kustomize may put something before and after its name."""
    documents = _objects(piece)
    kind, name = _named(documents[0]) if documents else ("", "")
    for path, objects in known.items():
        if (kind, name) in objects:
            return path
    close = (path for path, objects in known.items() for one, part in objects if one == kind and part and part in name)
    return next(close, "")


# -- where it is told ----------------------------------------------------------------------------------------------------


class Places:
    """Lines of what tools made, found again in what they made it of."""

    def __init__(self, built: Built) -> None:
        self._built = built
        self._texts: dict[str, list[str]] = {}
        self._documents: dict[tuple[str, bool], list[YamlMap]] = {}

    def moved(self, findings: Iterable[Finding]) -> list[Finding]:
        """The findings at the lines of origin, each once; without edits, which were for what is in no file."""
        seen: dict[tuple[str, str, tuple[Location, ...]], Finding] = {}
        for finding in findings:
            if finding.locations and finding.locations[0].path in self._built.files:
                finding = self._moved(finding)  # noqa: PLW2901 - the same finding, elsewhere
            seen.setdefault((finding.id, finding.message, finding.locations), finding)
        return list(seen.values())

    def _moved(self, finding: Finding) -> Finding:
        evidence = tuple(self._evidence(one) for one in finding.evidence)
        places = tuple(dict.fromkeys(one.location for one in evidence)) or finding.locations
        fix = finding.fix
        if fix is not None and fix.edits:
            fix = self._fix(fix, finding, places)
        return replace(finding, evidence=evidence, locations=places, fix=fix)

    def _fix(self, fix: Fix, finding: Finding, places: tuple[Location, ...]) -> Fix:
        """The fix with its edits in the object of origin, as long as they mean the same there; else without."""
        path = finding.locations[0].path
        pair = self._pair(path, finding.locations[0].line)
        edits = []
        for edit in fix.edits if pair is not None and all(place.path == path for place in places) else ():
            if pair is not None and isinstance(edit, Put | Append | Drop) and _alike(*pair, edit.pointer):
                index = next(number for number, one in enumerate(self._parsed(path)) if one is pair[1])
                edits.append(replace(edit, document=index))
        whole = len(edits) == len(fix.edits) and b"{{" not in "\n".join(self._lines(path)).encode()
        return replace(fix, edits=tuple(edits)) if whole else replace(fix, edits=(), safe=False)

    def _evidence(self, one: Evidence) -> Evidence:
        path = one.location.path
        line = self._pointed(one)
        for origin in self._built.origins.get(path, ()):
            if origin != path or not line:
                line_there = self._written(origin, one.source)
                if line_there:
                    path, line = origin, line_there
                    break
        if not line:
            return replace(one, location=Location(path=path), source="")
        text = self._lines(path)[line - 1] if line <= len(self._lines(path)) else ""
        column = len(text) - len(text.lstrip(" -")) + 1
        shown = text[:400] if one.source else ""
        return replace(one, location=Location(path=path, line=line, column=column), source=shown)

    def _pointed(self, one: Evidence) -> int:
        """The line that the pointer leads to in the object of origin; 0 where that is not known."""
        pair = self._pair(one.location.path, one.location.line)
        if pair is None:
            return 0
        steps = [step.replace("~1", "/").replace("~0", "~") for step in one.pointer.split("/")[1:]]
        return locate(pair[1], [int(step) if step.isdecimal() else step for step in steps]).line

    def _pair(self, path: str, line: int) -> tuple[YamlMap, YamlMap] | None:
        """The object on a line of what was made, and the one that it is from."""
        made = [doc for doc in self._parsed(path, made=True) if doc.place.line <= line]
        if not made:
            return None
        kind, name = _named(made[-1])
        same = [doc for doc in self._parsed(path) if _named(doc)[0] == kind]
        exact = [doc for doc in same if _named(doc)[1] == name]
        close = exact or [doc for doc in same if _named(doc)[1] in ("None", "") or _named(doc)[1] in name]
        return (made[-1], close[0]) if close else None

    def _written(self, path: str, source: str) -> int:
        """The one line of a file that says the same; 0 where there is none, or several."""
        wanted = _bare(source)
        if ":" not in wanted[:-1]:
            return 0
        lines = [number for number, text in enumerate(self._lines(path), 1) if _bare(text) == wanted]
        return lines[0] if len(lines) == 1 else 0

    def _parsed(self, path: str, *, made: bool = False) -> list[YamlMap]:
        if (path, made) not in self._documents:
            data = self._built.files[path] if made else "\n".join(self._lines(path)).encode()
            self._documents[path, made] = _objects(data)
        return self._documents[path, made]

    def _lines(self, path: str) -> list[str]:
        if path not in self._texts:
            try:
                self._texts[path] = Path(path).read_bytes().decode("utf-8", "replace").splitlines()
            except OSError:
                self._texts[path] = []
        return self._texts[path]

    def ignores(self) -> list[Ignore]:
        """The comments of the files that were made into others, which tools leave out."""
        from thwart.lib import inline

        found = []
        for path in sorted({one for several in self._built.origins.values() for one in several}):
            data = "\n".join(self._lines(path)).encode()
            if inline.MARK in data:
                found += [
                    Ignore(path=path, line=one.line, ids=one.ids, reason=one.reason) for one in inline.comments(data)
                ]
        return found


def _alike(made: object, origin: object, pointer: Sequence[str | int]) -> bool:
    """Whether a pointer leads by way of the same entries of lists in both: those of the same name."""
    for step in pointer:
        if isinstance(made, list) and isinstance(origin, list) and isinstance(step, int):
            if max(step + 1, 0) > min(len(made), len(origin)) or _entry(made[step]) != _entry(origin[step]):
                return False
            made, origin = made[step], origin[step]
        else:
            made = made.get(step) if isinstance(made, dict) else None
            origin = origin.get(step) if isinstance(origin, dict) else None
    return True


def _entry(one: object) -> object:
    return one.get("name") if isinstance(one, dict) else one


def _bare(line: str) -> str:
    """A line without what tools change: indentation, dashes of lists, quotes, comments."""
    return line.partition(" #")[0].strip().removeprefix("- ").replace('"', "").replace("'", "")
