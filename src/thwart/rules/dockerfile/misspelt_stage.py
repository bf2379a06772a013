"""COPY takes files from an image that is named almost as a stage.

A name that is no stage is an image: instead of the stage that was meant, the build pulls whatever has that name in a
registry.

Fix: Write the stage's name as its FROM does.

Bad:
    FROM registry.example.test/base:1.2 AS builder
    RUN make
    FROM registry.example.test/base:1.2
    COPY --from=buidler /out /out

Good:
    FROM registry.example.test/base:1.2 AS builder
    RUN make
    FROM registry.example.test/base:1.2
    COPY --from=builder /out /out
"""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.dockerfile import File, dockerfile_rule
from thwart.rules.dockerfile._mending import mended, replaced

_MOST = 50  # stages, and names that are compared with theirs
_LONGEST = 80


@dockerfile_rule(Severity.MEDIUM, "hadolint:DL3022", confidence="medium")
def misspelt_stage(file: File) -> Iterator[Hit]:
    """Names without registry, tag and digest that resemble those of earlier stages."""
    names = [one.name for one in file.build.stages[:_MOST]]
    asked: dict[tuple[str, int], list[str]] = {}
    for stage in file.build.stages[:_MOST]:
        before = [name for name in names[: stage.index] if name]
        for need in stage.needs:
            name = need.image
            if need.stage is None and name and need.how != "from" and not set(name) & set(":@/$."):
                key = (name[:_LONGEST], stage.index)
                if key not in asked and len(asked) < _MOST:
                    asked[key] = get_close_matches(name[:_LONGEST], before, 1, 0.75)
                meant = asked.get(key, [])
                if meant:
                    hit = file.hit(
                        need.span, f"takes files from {name[:80]}, which is no stage; {meant[0][:80]} is", stage
                    )
                    changes = (replaced(need.span, f"--from={meant[0]}"),) if need.how == "copy" else ()
                    yield from mended(file, [(hit, changes)])
