"""The environment puts a library into every program.

LD_PRELOAD makes each program of the container, and each that an administrator starts in it, run that library's code. It is
what an intruder would set to stay.

Fix: Set the variable for the one program that needs it, in its start script. No edit is offered, as that program may rely
on it.

Bad:
    FROM registry.example.test/base:1.2
    ENV LD_PRELOAD=/tmp/hook.so

Good:
    FROM registry.example.test/base:1.2
    ENV LD_BIND_NOW=1
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.dockerfile import File, dockerfile_rule

_KNOWN = re.compile(
    r"jemalloc|tcmalloc|mimalloc|nss_wrapper|libgomp|libstdc|faketime|libfontconfig|gnu-libiconv|iconv", re.IGNORECASE
)


@dockerfile_rule(Severity.MEDIUM, "nist-800-190:4.1.2", confidence="medium")
def injected_library(file: File) -> Iterator[Hit]:
    """LD_PRELOAD and LD_AUDIT; allocators and other libraries that are often loaded so are passed over."""
    for stage, step in file.steps("ENV"):
        for pair in step.instruction.pairs if stage.index in file.shipped else ():
            value = step.expand(pair.value.text).text if pair.value else ""
            if pair.name.text in ("LD_PRELOAD", "LD_AUDIT") and value and not _KNOWN.search(value):
                yield file.hit(pair.name.span, f"sets {pair.name.text} to {value[:80]}", stage)
