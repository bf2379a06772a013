"""What a Dockerfile comes to: stages and their bases, variables, users and shells, and which stages the target needs.

Source: the Dockerfile reference, "FROM", "ARG", "ENV", "ONBUILD"; BuildKit's `dockerfile2llb` for the order of things.
"""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from typing import NamedTuple

from msgspec import Struct, field

from thwart.lib._dockerfile_expand import Expansion, expand
from thwart.lib._dockerfile_model import Dockerfile, Instruction, Pair, Word
from thwart.lib._dockerfile_state import (
    DEFAULT_SHELL,
    WINDOWS_SHELL,
    Environment,
    History,
    Mount,
    Program,
    Setting,
    Step,
)
from thwart.lib._dockerfile_text import Problem, Span

__all__ = ["Build", "Environment", "Mount", "Need", "Program", "Setting", "Stage", "Step", "evaluate"]

_EXPANDED_MAX = 8 << 20  # characters of all words of one file
_DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_NOT_IN_ENVIRONMENT = frozenset({"BUILDKIT_SBOM_SCAN_CONTEXT", "BUILDKIT_SBOM_SCAN_STAGE"})
_WINDOWS_HINTS = ("/windows/", "nanoserver", "servercore", "windowsservercore")


class Need(NamedTuple):
    """Something a stage takes from elsewhere: another `stage`, else the image that `image` names."""

    how: str  # "from", "copy" or "mount"
    stage: int | None
    image: str
    span: Span


class Stage(Struct, kw_only=True):
    """A stage. `base` is the image or stage after FROM, expanded; `parent` the stage that it is, if it is one.

    The last values of the stage, its parents' included: `environment` (ARG and ENV), `env` (what the image keeps),
    `user`, `workdir`, `shell`, `entrypoint`, `command`, `healthcheck`, `ports`. None: the base image's, not known.
    """

    index: int
    name: str
    instruction: Instruction
    base: Expansion
    base_word: Word
    parent: int | None
    platform: Expansion | None
    steps: list[Step] = field(default_factory=list)
    needs: list[Need] = field(default_factory=list)
    history: History = field(default_factory=History)
    env: dict[str, Setting] = field(default_factory=dict)
    ports: list[Setting] = field(default_factory=list)
    user: Setting | None = None
    workdir: str | None = None
    shell: tuple[str, ...] = DEFAULT_SHELL
    entrypoint: Instruction | None = None
    command: Instruction | None = None
    healthcheck: Instruction | None = None

    @property
    def scratch(self) -> bool:
        """Whether the stage begins with nothing."""
        return self.parent is None and self.base.text == "scratch"


class Build(Struct, frozen=True, kw_only=True):
    """All stages; `target` is the one that becomes the image, `needed` those that it is made from, itself included."""

    stages: tuple[Stage, ...]
    arguments: Environment  # what ARG before the first FROM and the builder itself set
    target: int | None
    needed: frozenset[int]
    problems: tuple[Problem, ...]

    @property
    def final(self) -> Stage | None:
        """The target's stage."""
        return None if self.target is None else self.stages[self.target]

    def lineage(self, stage: Stage) -> list[Stage]:
        """The stage and those that it is built on, nearest first."""
        found = [stage]
        while found[-1].parent is not None:
            found.append(self.stages[found[-1].parent])
        return found


def evaluate(
    dockerfile: Dockerfile,
    *,
    build_args: Mapping[str, str] | None = None,
    target: str | None = None,
    platform: str = "linux/amd64",
    max_stages: int = 500,
    max_steps: int = 200_000,
) -> Build:
    """Follow every stage as a build would, as far as the file alone tells. `target`: a stage's name or number, else the last."""
    builder = _Builder(dockerfile, build_args or {}, platform, target, max_stages, max_steps)
    builder.run()
    chosen = builder.chosen()
    return Build(
        stages=tuple(builder.stages),
        arguments=builder.globals.snapshot(),
        target=chosen,
        needed=_reachable(builder.stages, chosen),
        problems=tuple(builder.problems),
    )


def _reachable(stages: list[Stage], target: int | None) -> frozenset[int]:
    seen: set[int] = set()
    todo = [] if target is None else [target]
    while todo:
        index = todo.pop()
        if index in seen:
            continue
        seen.add(index)
        todo += [need.stage for need in stages[index].needs if need.stage is not None]
    return frozenset(seen)


class _Builder(Struct):
    dockerfile: Dockerfile
    build_args: Mapping[str, str]
    platform: str
    target: str | None
    max_stages: int
    max_steps: int
    globals: History = field(default_factory=History)
    stages: list[Stage] = field(default_factory=list)
    names: dict[str, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    _steps: int = 0
    _characters: int = 0

    def run(self) -> None:
        self._platform_arguments()
        for instruction in self.dockerfile.instructions:
            if self._steps > self.max_steps:
                self._note(
                    instruction.span, "too-many-steps", f"more than {self.max_steps} steps; the rest is not followed"
                )
                break
            if instruction.name == "FROM":
                if len(self.stages) >= self.max_stages:
                    self._note(
                        instruction.span,
                        "too-many-stages",
                        f"more than {self.max_stages} stages; the rest is not followed",
                    )
                    break
                self._begin(instruction)
            elif self.stages:
                self._step(self.stages[-1], instruction)
            elif instruction.name == "ARG":
                self._arguments(self.globals, instruction, {})
        for stage in self.stages:
            self._references(stage)

    def chosen(self) -> int | None:
        """The index of the stage to build."""
        if not self.stages:
            return None
        if self.target is None:
            return len(self.stages) - 1
        index = self.names.get(self.target.lower())
        if index is None and self.target.isdecimal() and len(self.target) < 6 and int(self.target) < len(self.stages):
            index = int(self.target)
        return index

    def _platform_arguments(self) -> None:
        parts = [*self.platform.split("/"), "", ""]
        for side in ("BUILD", "TARGET"):
            for name, value in (
                ("PLATFORM", self.platform),
                ("OS", parts[0]),
                ("ARCH", parts[1]),
                ("VARIANT", parts[2]),
            ):
                self.globals.set(side + name, self.build_args.get(side + name, value))
        self.globals.set("TARGETSTAGE", self.target or "default")

    def _note(self, span: Span, slug: str, sentence: str, *, fatal: bool = True) -> None:
        self.problems.append(Problem(span, slug, sentence, fatal))

    def _begin(self, instruction: Instruction) -> None:
        words = instruction.args
        word = words[0] if words else Word("", instruction.span)
        lookup = self.globals.snapshot().get
        base = expand(word.text, lookup, escape=self.dockerfile.escape)
        if base.error or not base.text:
            self._note(word.span, "no-base", base.error or f"the base {word.text[:80]!r} comes to nothing")
        platform = instruction.flag("platform")
        name = words[2].text.lower() if len(words) == 3 and words[1].text.lower() == "as" else ""
        parent = self.names.get(base.text.lower())
        stage = Stage(
            index=len(self.stages),
            name=name,
            instruction=instruction,
            base=base,
            base_word=word,
            parent=parent,
            platform=None if platform is None else expand(platform, lookup, escape=self.dockerfile.escape),
        )
        stage.needs.append(Need("from", parent, "" if parent is not None else base.text, word.span))
        self.stages.append(stage)
        self._inherit(stage, None if parent is None else self.stages[parent])
        if name:
            if name in self.names:
                self._note(words[2].span, "stage-twice", f"the stage {name!r} is named twice", fatal=False)
            self.names[name] = stage.index

    def _inherit(self, stage: Stage, parent: Stage | None) -> None:
        if parent is None:
            system = (stage.platform.text if stage.platform else self.platform).split("/")[0]
            if system == "windows" or any(hint in stage.base.text.lower() for hint in _WINDOWS_HINTS):
                stage.shell = WINDOWS_SHELL
            if stage.scratch:
                stage.history.set("PATH", _DEFAULT_PATH)
                stage.workdir = "/"
            return
        stage.history = History(parent.history.snapshot())
        self._steps += len(parent.env) + len(parent.ports)
        stage.env, stage.ports = dict(parent.env), list(parent.ports)
        stage.user, stage.workdir, stage.shell = parent.user, parent.workdir, parent.shell
        stage.entrypoint, stage.command, stage.healthcheck = parent.entrypoint, parent.command, parent.healthcheck
        for step in parent.steps:
            trigger = step.instruction.trigger
            if trigger is not None and not step.triggered and trigger.name not in ("ONBUILD", "FROM", "MAINTAINER"):
                self._step(stage, trigger, triggered=True)

    def _step(self, stage: Stage, instruction: Instruction, *, triggered: bool = False) -> None:
        self._steps += 1
        step = Step(
            instruction=instruction,
            environment=stage.history.snapshot(),
            escape="\\" if triggered else self.dockerfile.escape,
            shell=stage.shell,
            user=stage.user,
            workdir=stage.workdir,
            triggered=triggered,
        )
        stage.steps.append(step)
        apply = _EFFECTS.get(instruction.name)
        if apply is not None:
            apply(self, stage, step)

    def _value(self, step: Step, word: Word) -> Expansion:
        if self._characters > _EXPANDED_MAX:
            return Expansion(word.text, (), (), "too much was expanded before")
        value = step.expand(word.text)
        self._characters += len(value.text)
        if self._characters > _EXPANDED_MAX:
            self._note(word.span, "too-much-expanded", "the values are too long together; the rest is not expanded")
        if value.error:
            self._note(word.span, "bad-substitution", f"{step.instruction.name} cannot be expanded: {value.error}")
        return value

    def _arguments(self, history: History, instruction: Instruction, inherited: Mapping[str, str]) -> None:
        for pair in instruction.pairs:
            name = pair.name.text
            value = self.build_args.get(name)
            if value is None and pair.value is not None:
                found = expand(pair.value.text, history.snapshot().get, escape=self.dockerfile.escape)
                if found.error:
                    self._note(pair.value.span, "bad-substitution", f"ARG cannot be expanded: {found.error}")
                value = found.text
            if value is None:
                value = inherited.get(name)
            if value is not None and name not in _NOT_IN_ENVIRONMENT:
                history.set(name, value)

    def arg(self, stage: Stage, step: Step) -> None:
        """ARG: its default, else the value from before the first FROM."""
        view = self.globals.snapshot()
        known = {pair.name.text: view.get(pair.name.text) for pair in step.instruction.pairs}
        self._arguments(
            stage.history, step.instruction, {name: text for name, text in known.items() if text is not None}
        )

    def env(self, stage: Stage, step: Step) -> None:
        """ENV: every value is expanded with what held before the instruction."""
        values = [(pair, self._value(step, pair.name), self._expanded(step, pair)) for pair in step.instruction.pairs]
        for pair, name, value in values:
            stage.history.set(name.text, value.text)
            stage.env[name.text] = Setting(value, step.instruction, pair.value or pair.name)

    def _expanded(self, step: Step, pair: Pair) -> Expansion:
        return Expansion("", ()) if pair.value is None else self._value(step, pair.value)

    def set_user(self, stage: Stage, step: Step) -> None:
        """USER: also for what follows."""
        for word in step.instruction.args[:1]:
            stage.user = Setting(self._value(step, word), step.instruction, word)

    def set_workdir(self, stage: Stage, step: Step) -> None:
        """WORKDIR: relative to the one before."""
        for word in step.instruction.args[:1]:
            path = self._value(step, word).text
            if path.startswith("/"):
                stage.workdir = posixpath.normpath("/" + path.lstrip("/"))
            elif path[1:2] == ":" and path[0].isalpha():  # a drive of Windows
                stage.workdir = path[:4096]
            elif stage.workdir is not None:
                stage.workdir = posixpath.normpath(posixpath.join(stage.workdir, path))[:4096]

    def set_shell(self, stage: Stage, step: Step) -> None:
        """SHELL: for every later shell form."""
        if step.instruction.exec_form and step.instruction.args:
            stage.shell = tuple(word.text for word in step.instruction.args)

    def set_entrypoint(self, stage: Stage, step: Step) -> None:
        """ENTRYPOINT: a CMD of an earlier stage or image no longer counts."""
        stage.entrypoint = step.instruction
        if not any(other.instruction.name == "CMD" for other in stage.steps):
            stage.command = None

    def set_command(self, stage: Stage, step: Step) -> None:
        """CMD: the last one counts."""
        stage.command = step.instruction

    def set_healthcheck(self, stage: Stage, step: Step) -> None:
        """HEALTHCHECK: the last one counts."""
        stage.healthcheck = step.instruction

    def add_ports(self, stage: Stage, step: Step) -> None:
        """EXPOSE: one word may come to several ports."""
        for word in step.instruction.args:
            value = self._value(step, word)
            stage.ports += [
                Setting(Expansion(port, (port,), value.unset), step.instruction, word) for port in value.words
            ]

    def check_words(self, stage: Stage, step: Step) -> None:  # noqa: ARG002 - one shape for all effects
        """COPY, ADD, LABEL, VOLUME, STOPSIGNAL: nothing to remember, but their words must expand."""
        for pair in step.instruction.pairs:
            self._expanded(step, pair)
        for word in step.instruction.args:
            self._value(step, word)

    def _references(self, stage: Stage) -> None:
        for step in stage.steps:
            for flag in step.instruction.flags:
                if step.instruction.name == "COPY" and flag.name == "from" and flag.value:
                    self._need(stage, "copy", flag.value, flag.span, numbers=True)
            for mount in step.mounts() if step.instruction.name == "RUN" else ():
                if mount.options.get("from"):
                    self._need(stage, "mount", mount.options["from"], mount.span, numbers=False)

    def _need(self, stage: Stage, how: str, name: str, span: Span, *, numbers: bool) -> None:
        if "$" in name:
            self._note(span, "variable-in-from", f"{name[:80]!r} would need a variable, which is not expanded here")
        index = self.names.get(name.lower())
        if index is None and numbers and name.isascii() and name.isdigit():
            index = int(name) if len(name) < 6 else self.max_stages
            if index >= len(self.stages):
                self._note(span, "no-such-stage", f"there is no stage {name[:40]}")
                return
        if index is not None and index >= stage.index:
            self._note(span, "stage-not-before", f"the stage {name[:80]!r} does not stand before this one")
            return
        stage.needs.append(Need(how, index, "" if index is not None else name, span))


_EFFECTS = {
    "ADD": _Builder.check_words,
    "ARG": _Builder.arg,
    "CMD": _Builder.set_command,
    "COPY": _Builder.check_words,
    "ENTRYPOINT": _Builder.set_entrypoint,
    "ENV": _Builder.env,
    "EXPOSE": _Builder.add_ports,
    "HEALTHCHECK": _Builder.set_healthcheck,
    "LABEL": _Builder.check_words,
    "SHELL": _Builder.set_shell,
    "STOPSIGNAL": _Builder.check_words,
    "USER": _Builder.set_user,
    "VOLUME": _Builder.check_words,
    "WORKDIR": _Builder.set_workdir,
}
