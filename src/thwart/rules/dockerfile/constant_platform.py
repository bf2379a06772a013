"""The base is taken for one platform only.

On every other machine the image is emulated or does not start, although its name promises all platforms.

Fix: Leave `--platform` out, or write `--platform=$BUILDPLATFORM` where a stage only builds.

Bad:
    FROM --platform=linux/amd64 registry.example.test/base:1.2

Good:
    FROM registry.example.test/base:1.2
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.dockerfile import File, dockerfile_rule
from thwart.rules.dockerfile._mending import mended, without


@dockerfile_rule(Severity.NEGLIGIBLE, "hadolint:DL3029")
def constant_platform(file: File) -> Iterator[Hit]:
    """Of the stages whose layers are in the image; Windows has no other platform worth the name."""
    for stage in file.build.stages:
        for flag in stage.instruction.flags if stage.index in file.shipped else ():
            if (
                flag.name == "platform"
                and "$" not in (flag.value or "$")
                and not (flag.value or "").startswith("windows")
            ):
                hit = file.hit(flag.span, f"takes its base for {(flag.value or '')[:40]} only", stage)
                yield from mended(file, [(hit, (without(file, flag.span),))])
