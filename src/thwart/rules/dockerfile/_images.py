"""The images that a Dockerfile takes something from."""

from __future__ import annotations

from collections.abc import Iterator

from thwart.lib import reference
from thwart.lib.dockerfile import Span, Stage
from thwart.rules.dockerfile import File


def images(file: File) -> Iterator[tuple[Stage, Span, reference.Reference]]:
    """Bases, and what `COPY --from` and mounts name. A name with a variable that has no value is left out."""
    for stage in file.build.stages:
        for need in stage.needs:
            if need.stage is not None or need.image in ("", "scratch") or "$" in need.image:
                continue
            if need.how == "from" and (stage.base.unset or stage.base.error):
                continue
            try:
                yield stage, need.span, reference.parse(need.image)
            except reference.ReferenceError_:
                continue
