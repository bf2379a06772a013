"""A file is removed in another layer than it came with.

The layer before still has it: the image is no smaller, and whoever has the image has the file.

Fix: Copy and use it by `RUN --mount=type=bind`, or in a stage of its own; download and remove in one RUN. No edit is
offered, as the instructions in between have to move.

Bad:
    FROM registry.example.test/base:1.2
    COPY setup.tar.gz /tmp/setup.tar.gz
    RUN tar xf /tmp/setup.tar.gz -C /opt && rm /tmp/setup.tar.gz

Good:
    FROM registry.example.test/base:1.2
    RUN --mount=type=bind,source=setup.tar.gz,target=/tmp/setup.tar.gz tar xf /tmp/setup.tar.gz -C /opt
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.lib.dockerfile import Step
from thwart.rules._view import Hit
from thwart.rules.dockerfile import File, dockerfile_rule
from thwart.rules.dockerfile._packages import actions, package


@dockerfile_rule(Severity.LOW, "cis-docker:4.3", confidence="medium")
def removed_too_late(file: File) -> Iterator[Hit]:
    """`rm` of what a COPY or ADD of an earlier layer brought, by its whole path; packages that an earlier RUN installed."""
    yield from _packages(file)
    came: dict[tuple[int, str], str] = {}
    runs = {id(run.step): run for run in file.shipped_runs}
    for stage, step in file.made:
        if stage.index in file.shipped and step.instruction.name in ("COPY", "ADD"):
            came.update({(stage.index, path): step.instruction.name for path in _brought(step)})
        run = runs.get(id(step))
        for call in run.calls if run and came else ():
            for word in call.operands if call.name == "rm" else ():
                name = came.get((stage.index, word.rstrip("/") or word))
                if name:
                    yield file.hit(call.span, f"removes {word[:80]}, which stays in the layer of its {name}", stage)


def _packages(file: File) -> Iterator[Hit]:
    came: set[tuple[int, str, str]] = set()
    for run in file.shipped_runs:
        every = list(actions(run))
        for one in every:
            for word in one.names if one.removes else ():
                if (run.stage.index, one.manager, package(word)) in came:
                    told = f"removes {package(word)[:80]}, which stays in the layer that installed it"
                    yield file.hit(one.call.span, told, run.stage)
        came |= {(run.stage.index, one.manager, package(word)) for one in every if one.installs for word in one.names}


def _brought(step: Step) -> Iterator[str]:
    """Whole paths of what it brings."""
    words = step.instruction.args
    target = step.expand(words[-1].text).text if len(words) > 1 else ""
    if not target.startswith("/"):
        return
    if len(words) == 2 and not target.endswith("/"):
        yield target
    for word in step.instruction.sources:
        name = step.expand(word.text).text.rstrip("/").rpartition("/")[2]
        if target.endswith("/") and name not in ("", ".", "..") and not set(name) & set("*?["):
            yield f"{target}{name}"
