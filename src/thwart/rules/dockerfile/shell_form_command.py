"""The container's command runs within a shell.

The shell is then process 1: it does not hand on the signal to stop, so that the container is killed after a grace period
instead of ending well. And an ENTRYPOINT in this form ignores CMD.

Fix: Write the JSON form: `CMD ["python", "app.py"]`, or begin with `exec`.

Bad:
    FROM registry.example.test/base:1.2
    CMD python app.py

Good:
    FROM registry.example.test/base:1.2
    CMD ["python", "app.py"]
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.lib import shell
from thwart.lib.dockerfile import Program
from thwart.rules._view import Hit
from thwart.rules.dockerfile import File, dockerfile_rule
from thwart.rules.dockerfile._mending import Change, mended, replaced


@dockerfile_rule(Severity.LOW, "hadolint:DL3025")
def shell_form_command(file: File) -> Iterator[Hit]:
    """The CMD and the ENTRYPOINT that the image ends with; a command that begins with `exec` takes the shell's place."""
    final = file.running
    if final is None:
        return
    for stage in file.build.lineage(final):
        for step in stage.steps:
            instruction = step.instruction
            if instruction not in (final.command, final.entrypoint) or instruction.exec_form:
                continue
            program = step.program()
            if program is None or not program.dialect or program.text.text.split(maxsplit=1)[:1] == ["exec"]:
                continue
            hit = file.hit(instruction.span, f"runs {instruction.name} within a shell", stage)
            yield from mended(file, [(hit, _json(program))])


def _json(program: Program) -> tuple[Change, ...]:
    """The JSON form of a command that needs no shell."""
    script = shell.parse(program.text.text)
    found = shell.commands(script)
    if len(script.items) != 1 or len(found.found) != 1 or found.unparsed or len(found.found[0].pipeline) != 1:
        return ()
    command = found.found[0].command
    words = [word.static for word in command.words]
    if any(word is None or set(word) & set("*?[{~") for word in words) or command.assignments or command.redirects:
        return ()
    if not isinstance(found.found[0].pipeline[0], shell.Simple) or program.text.text.rstrip()[-1:] == "&":
        return ()
    span = program.text.span(0, len(program.text.text))
    return (replaced(span, json.dumps(words, ensure_ascii=False)),)
