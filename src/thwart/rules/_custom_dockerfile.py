"""A Dockerfile as an expression sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from thwart.lib.dockerfile import Instruction, Stage

Seen = tuple["Mapping[str, object]", str, "tuple[int, int] | None"]


def things(file: Any, for_each: str) -> Iterator[Seen]:  # noqa: ANN401 - the family's `File`
    """Variables, part and place of the file, of each stage or of each instruction.

    `object` is `{"stages": [stage…]}`. A stage has `name`, `base`, `user`, `shipped` and `instructions`; an instruction has
    `name`, `text` (what follows the flags), `flags` (a map), `args` (words as they are written) and `line`.
    """
    if not file.build.stages:
        return
    stages = [_stage(file, one) for one in file.build.stages]
    whole: dict[str, object] = {"object": {"stages": stages}}
    if not for_each:
        yield whole, "", _place(file.build.stages[-1].instruction)
    for stage, seen in zip(file.build.stages, stages, strict=True):
        if for_each == "stage":
            yield {**whole, "stage": seen}, file.part(stage), _place(stage.instruction)
        elif for_each == "instruction":
            own = [step.instruction for step in stage.steps if not step.triggered]
            for instruction, one in zip(own, seen["instructions"], strict=True):
                yield {**whole, "instruction": one}, file.part(stage), _place(instruction)


def _place(instruction: Instruction) -> tuple[int, int]:
    return instruction.span.line, instruction.span.column


def _stage(file: Any, stage: Stage) -> dict[str, Any]:  # noqa: ANN401 - the family's `File`
    return {
        "name": stage.name,
        "base": stage.base.text,
        "user": stage.user.value.text if stage.user else "",
        "shipped": stage.index in file.shipped,
        "instructions": [_instruction(step.instruction) for step in stage.steps if not step.triggered],
    }


def _instruction(one: Instruction) -> dict[str, object]:
    return {
        "name": one.name,
        "text": one.body_text,
        "flags": {flag.name: flag.value or "" for flag in one.flags},
        "args": [word.text for word in one.args],
        "line": one.line,
    }
