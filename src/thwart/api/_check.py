"""Check documents: find the files, judge them by the rules of their families."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from thwart._version import __version__
from thwart.api._collector import no_collector
from thwart.core.custom import CustomRule
from thwart.core.errors import LimitError, SourceError, UsageError
from thwart.core.finding import Diagnostic, Finding, Ignore
from thwart.core.limits import DEFAULT, Limits
from thwart.core.report import Asset, Report
from thwart.core.rule import Rule

if TYPE_CHECKING:
    from thwart.api._built import Built

_MOST_FILES = 500_000
_PASSED_OVER = frozenset({".git", ".hg", ".svn", ".venv", "node_modules", "__pycache__", ".terraform"})


class CheckOptions(Struct, frozen=True, kw_only=True):
    """How to check.

    `framework` is `pss-restricted@1.30` and the like. `stdin` is what `-` stands for. `now` is the moment of judgement.
    """

    framework: str = ""
    stdin: bytes | None = None
    limits: Limits = DEFAULT
    now: datetime | None = None
    minor: int | None = None  # of the version of Kubernetes that manifests are for; None is the newest
    custom: tuple[CustomRule, ...] = ()  # see `own_rules`


def check(paths: Iterable[str], options: CheckOptions | None = None) -> Report:
    """Judge the documents in files and folders.

    Args:
        paths: files, folders and `-`. A file that is named is read whatever it is called; in a folder, those that a rule
            may know by their names.
        options: see `CheckOptions`.

    Returns:
        The report, not yet judged: `decide` does that.

    Raises:
        SourceError: a path that was named cannot be read; UsageError: there is no path, or no such framework.
    """
    from thwart import rules

    options = options or CheckOptions()
    named = list(paths)
    if not named:
        raise UsageError("there is no path to check")
    begun = time.perf_counter()
    unread: list[Diagnostic] = []
    now = options.now or datetime.now(UTC)
    chosen = rules.Options(
        framework=options.framework,
        limits=options.limits,
        minor=rules.NEWEST if options.minor is None else options.minor,
        custom=options.custom,
        beside=_beside(named, options.limits),
        today=now.date().isoformat(),
    )
    made: list[Built] = []
    with no_collector():
        outcome = rules.check(_files(named, options, unread, made), chosen, unread)
    findings, ignores = _placed(outcome.findings, outcome.ignores, made)
    return Report(
        asset=Asset(kind="documents", name=_name(named)),
        tool_version=__version__,
        created=now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        findings=findings,
        diagnostics=_told(outcome.diagnostics),
        ignores=ignores,
        documents=outcome.documents,
        rules=outcome.rules,
        controls=outcome.controls,
        images=outcome.images,
        bases=outcome.bases,
        timings=tuple({"check": time.perf_counter() - begun}.items()),
    )


def rules() -> list[Rule]:
    """Every rule, by its id."""
    from thwart import rules as room

    return room.rules()


def rule_of(name: str) -> Rule | None:
    """The rule of that id."""
    from thwart import rules as room

    return room.rule_of(name)


def rule_ids() -> list[str]:
    """The id of every rule."""
    from thwart import rules as room

    return room.ids()


def frameworks() -> list[str]:
    """The names of frameworks, without versions."""
    from thwart import rules as room

    return room.frameworks()


def _name(paths: list[str]) -> str:
    shown = " ".join(path if path == "-" else os.path.normpath(path) for path in paths[:3])
    return shown if len(paths) <= 3 else f"{shown} and {len(paths) - 3} more"


def _placed(
    findings: tuple[Finding, ...], ignores: tuple[Ignore, ...], made: list[Built]
) -> tuple[tuple[Finding, ...], tuple[Ignore, ...]]:
    """Findings and comments at the lines of files that are there, where tools made others of them."""
    for built in made:
        from thwart.api._built import Places

        places = Places(built)
        findings, ignores = tuple(places.moved(findings)), (*ignores, *places.ignores())
    return findings, ignores


def _told(diagnostics: tuple[Diagnostic, ...]) -> tuple[Diagnostic, ...]:
    """A chart that is not rendered is told once, and not for each of its templates."""
    charts = {f"{one.path}{os.sep}" for one in diagnostics if one.slug == "chart-not-rendered"}
    return tuple(
        one
        for one in diagnostics
        if one.slug != "chart-not-rendered" or not any(one.path.startswith(chart) for chart in charts)
    )


def _beside(named: list[str], limits: Limits) -> Callable[[str], bytes | None]:
    """A look-up of files that others name: only those in the folders that are checked, and of files that are."""
    homes = [os.path.realpath(path if os.path.isdir(path) else os.path.dirname(path) or ".") for path in named]  # noqa: PTH112, PTH120

    def read(path: str) -> bytes | None:
        if not any(_inside(os.path.realpath(path), home) for home in homes):
            return None
        return next((data for _, data in _read(path, limits, [])), None)

    return read


def _files(
    paths: list[str], options: CheckOptions, unread: list[Diagnostic], made: list[Built]
) -> Iterator[tuple[str, bytes]]:
    from thwart.rules import wanted

    for name in paths:
        path = Path(name)
        if name == "-":
            yield "-", options.stdin or b""
        elif path.is_dir():
            covered: set[str] = set()
            files = list(_below(path, unread))
            for built in _built(path, files, options.limits):
                yield from built.files.items()
                covered |= built.covered
                unread += built.unread
                if built.files:
                    made.append(built)
            for one in files:
                if wanted(one) and one not in covered:
                    yield from _read(one, options.limits, unread)
        else:
            failed: list[Diagnostic] = []
            yield from _read(os.path.normpath(name), options.limits, failed)
            if failed:
                raise SourceError(f"{name} cannot be read: {failed[0].message}")


def _below(root: Path, unread: list[Diagnostic]) -> Iterator[str]:
    """The files of a folder, sorted; links that lead out of it are told and not followed, folders by links neither."""
    from thwart.rules import wanted

    home = os.path.realpath(root)
    count = 0
    left = [os.path.normpath(root)]
    while left:
        here = left.pop()
        folders: list[str] = []
        for entry in _entries(here, unread):
            path = entry.name if here == os.curdir else entry.path
            if _folder(entry):
                if entry.name not in _PASSED_OVER and not entry.is_symlink():
                    folders.append(path)
                continue
            count += 1
            if count > _MOST_FILES:
                raise LimitError(f"{root} has more than {_MOST_FILES} files")
            if not entry.is_symlink() or _inside(os.path.realpath(path), home):
                yield path
            elif wanted(path):
                message = "it is a link that leads out of the folder"
                unread.append(Diagnostic(slug="unreadable", message=message, path=path))
        left += reversed(folders)


def _entries(folder: str, unread: list[Diagnostic]) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda one: one.name)
    except OSError as error:
        unread.append(Diagnostic(slug="unreadable", message=f"{error.strerror}", path=folder))
        return []


def _folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link in circles
        return False


def _built(root: Path, files: list[str], limits: Limits) -> Iterator[Built]:
    """What the charts and kustomizations of a folder make, if there are any."""
    marks = {"Chart.yaml", "kustomization.yaml", "kustomization.yml", "Kustomization"}
    if any(one.rpartition(os.sep)[2] in marks for one in files):
        from thwart.api._built import build

        yield build(root, limits, os.environ, _PASSED_OVER)


def _inside(path: str, home: str) -> bool:
    return path == home or path.startswith(home.rstrip(os.sep) + os.sep)


def _read(path: str, limits: Limits, unread: list[Diagnostic]) -> Iterator[tuple[str, bytes]]:
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(handle, "rb") as file:
            about = os.fstat(handle)
            if not stat.S_ISREG(about.st_mode):
                why = "it is not a regular file"
            else:
                data = file.read(min(about.st_size, limits.file_bytes) + 1)
                if len(data) > about.st_size:  # it grows, or the system does not know its size
                    data += file.read(limits.file_bytes + 1 - len(data))
                if len(data) <= limits.file_bytes:
                    yield path, data
                    return
                why = f"it is larger than {limits.file_bytes} bytes"
    except OSError as error:
        why = error.strerror or str(error)
    unread.append(Diagnostic(slug="unreadable", message=why, path=path))
