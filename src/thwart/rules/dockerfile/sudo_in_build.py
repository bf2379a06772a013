"""sudo is used to build the image.

RUN already has the user that USER names. An image with sudo gives whoever breaks into the container a way to root, and its
behaviour with signals and terminals is not what a build expects.

Fix: Switch with `USER root` for what needs root, and back after it; leave sudo out of the image. No edit is offered unless the user is root already.

Bad:
    FROM registry.example.test/base:1.2
    USER 10001
    RUN sudo install-things

Good:
    FROM registry.example.test/base:1.2
    USER root
    RUN install-things
    USER 10001
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.dockerfile import File, dockerfile_rule
from thwart.rules.dockerfile._commands import Call, Ran
from thwart.rules.dockerfile._mending import Change, mended


@dockerfile_rule(Severity.MEDIUM, "nist-800-190:4.1.2", "hadolint:DL3004", "trivy:DS-0010", "checkov:CKV2_DOCKER_1")
def sudo_in_build(file: File) -> Iterator[Hit]:
    """Commands that are run by sudo, whatever is around it."""
    yield from mended(file, list(_found(file)))


def _found(file: File) -> Iterator[tuple[Hit, tuple[Change, ...]]]:
    for run in file.runs:
        for call in run.calls:
            if "sudo" in call.wrappers:
                yield file.hit(call.span, "uses sudo", run.stage), _bare(file, run, call)


def _bare(file: File, run: Ran, call: Call) -> tuple[Change, ...]:
    """Without sudo, where it is told nothing and the user is root by then, or the base decides."""
    user = run.step.user.value.text.partition(":")[0] if run.step.user else "root"
    span = call.where("sudo")
    words = call.invocation.command.words if call.invocation else ()
    plain = (
        len(words) > 1
        and words[0].static == "sudo"
        and not words[1].known.startswith("-")
        and "=" not in words[1].known
    )
    if span is None or not plain or user not in ("root", "0"):
        return ()
    line = file.lines[span.line - 1]
    end = len(line) - len(line[span.end_column - 1 :].lstrip())
    return (Change(span.line, span.column, span.line, end + 1, ""),)
