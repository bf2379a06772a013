"""A Dockerfile as rules see it: its stages, and every command that its RUN instructions come to."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from msgspec.structs import replace

from thwart.core.finding import Diagnostic
from thwart.lib.documents import DocumentError
from thwart.rules._view import Hit

if TYPE_CHECKING:
    from thwart.core.limits import Limits
    from thwart.lib.dockerfile import Build, Dockerfile, Problem, Span, Stage, Step
    from thwart.rules import Source
    from thwart.rules.dockerfile._commands import Ran

_MAX_BYTES = 4 << 20  # of one Dockerfile
_MOST_TOLD = 20  # problems of one file
_LONGEST = 100  # of a name, in a message
_MOST_ABOVE = 4  # folders from the Dockerfile's to the one that is built
_RULED = frozenset({"stage-twice"})  # problems that a rule tells of


class Made(NamedTuple):
    """An instruction in its stage; that of an ONBUILD stands for itself."""

    stage: Stage
    step: Step


class File:
    """One Dockerfile: `parsed` is what is written, `build` what the stages come to, `runs` what RUN runs."""

    document = 0
    partial = False

    def __init__(
        self,
        path: str,
        parsed: Dockerfile,
        build: Build,
        text: str = "",
        today: str = "",
        beside: Callable[[str], object] = lambda _: None,
    ) -> None:
        self.text = text
        self._beside = beside
        self._own_ignore = f"{posixpath.basename(path)}.dockerignore"
        self.today = today  # ISO date on which bases are judged, empty for none
        self.name = "Dockerfile" if path == "-" else posixpath.basename(path)[:_LONGEST]
        self.parsed = parsed
        self.build = build

    @cached_property
    def ignores(self) -> bool:
        """Whether a file beside this one, or above it where the build may begin, says what a build does not get."""
        names = [self._own_ignore, *(f"{'../' * up}.dockerignore" for up in range(_MOST_ABOVE)), ".containerignore"]
        return any(self._beside(name) is not None for name in names)

    def part(self, stage: Stage) -> str:
        """What a reader calls the stage; empty where there is only one."""
        if len(self.build.stages) == 1:
            return ""
        return f"stage {stage.name[:_LONGEST] or stage.index + 1}"

    def hit(self, span: Span, phrase: str, stage: Stage | None = None, *, hidden: bool = False) -> Hit:
        """A finding where `span` begins."""
        return Hit((), phrase, self.part(stage) if stage else "", hidden, (span.line, span.column))

    @cached_property
    def made(self) -> list[Made]:
        """The instructions of every stage, each once, also those that ONBUILD keeps for later."""
        found = []
        for stage in self.build.stages:
            for step in stage.steps:
                trigger = step.instruction.trigger
                if step.instruction.name == "ONBUILD" and trigger is not None:
                    found.append(Made(stage, replace(step, instruction=trigger, escape="\\")))
                elif not step.triggered:
                    found.append(Made(stage, step))
        return found

    def steps(self, *names: str) -> Iterator[Made]:
        """The instructions of these names."""
        return (one for one in self.made if one.step.instruction.name in names)

    @cached_property
    def runs(self) -> list[Ran]:
        """What each RUN runs."""
        from thwart.rules.dockerfile._commands import all_ran

        return all_ran(self.steps("RUN"))

    @cached_property
    def lines(self) -> list[str]:
        """The lines as written, without the line feeds; the first without a byte order mark."""
        return self.text.removeprefix("\ufeff").split("\n")

    @cached_property
    def shipped_runs(self) -> list[Ran]:
        """The runs of the stages whose layers are in the image."""
        return [run for run in self.runs if run.stage.index in self.shipped]

    @cached_property
    def shipped(self) -> frozenset[int]:
        """The stages whose layers are in the image: the last one and those that it is built on."""
        final = self.build.final
        return frozenset(stage.index for stage in self.build.lineage(final)) if final else frozenset()

    @property
    def running(self) -> Stage | None:
        """The last stage, unless it begins with nothing and has nobody and nothing to start: files, not a container."""
        final = self.build.final
        if final is None or (
            self.origin(final).scratch and final.command is None and final.entrypoint is None and final.user is None
        ):
            return None
        return final

    @property
    def bases(self) -> list[str]:
        """The images that its stages begin with."""
        needs = [need for stage in self.build.stages for need in stage.needs if need.how == "from"]
        return [
            one.image
            for one in needs
            if one.stage is None and one.image not in ("", "scratch") and "$" not in one.image
        ]

    def origin(self, stage: Stage) -> Stage:
        """The stage that begins with an image, or with nothing, on which this one is built."""
        return self.build.lineage(stage)[-1]


def read_file(source: Source, limits: Limits, today: str = "") -> Iterator[File | Diagnostic]:
    """What is wrong with the file, then the file."""
    from thwart.lib.dockerfile import evaluate, parse

    try:
        parsed = parse(source.data, max_bytes=min(_MAX_BYTES, limits.file_bytes))
    except DocumentError as error:
        yield _told(source.path, error.line or 0, error.reason)
        return
    build = evaluate(parsed)
    file = File(source.path, parsed, build, source.data.decode("utf-8", "replace"), today, source.beside)
    yield from _problems(source.path, [*parsed.problems, *build.problems])
    yield from _unread(source.path, file)
    if parsed.instructions:
        yield file


def _problems(path: str, problems: list[Problem]) -> Iterator[Diagnostic]:
    problems = sorted((one for one in problems if one.slug not in _RULED), key=lambda one: one.span)
    for one in problems[:_MOST_TOLD]:
        yield _told(path, one.span.line, f"{one.sentence} ({one.slug})", incomplete=one.fatal)
    rest = problems[_MOST_TOLD:]
    if rest:
        yield _told(path, 0, f"{len(rest)} more problems", incomplete=any(one.fatal for one in rest))


def _unread(path: str, file: File) -> Iterator[Diagnostic]:
    """What no rule can judge of the programs that RUN runs."""
    foreign: dict[str, list[int]] = {}
    broken: list[tuple[int, str]] = []
    for run in file.runs:
        line = run.step.instruction.line
        if run.foreign:
            foreign.setdefault(run.foreign, []).append(line)
        broken += [(at, why) for at, why in run.unparsed]
    for at, why in broken[:_MOST_TOLD]:
        yield _told(path, at, f"the program of RUN cannot be read from here on, so that no rule judged it: {why}")
    if broken[_MOST_TOLD:]:
        yield _told(path, 0, f"{len(broken) - _MOST_TOLD} more programs of RUN cannot be read")
    for shell, lines in foreign.items():
        count = "1 program" if len(lines) == 1 else f"{len(lines)} programs"
        yield _told(path, lines[0], f"rules do not read {count} for {shell}", incomplete=False)


def _told(path: str, line: int, sentence: str, *, incomplete: bool = True) -> Diagnostic:
    place = f"line {line}: " if line else ""
    return Diagnostic(slug="dockerfile-problem", message=f"{place}{sentence[:500]}", path=path, incomplete=incomplete)
