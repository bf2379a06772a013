"""Images that are built on known ones only."""

from __future__ import annotations

from collections.abc import Iterator

from thwart.gate.clauses import Case, Objection, clause, named, texts
from thwart.gate.clauses.registries import allowed

_NAME = "org.opencontainers.image.base.name"


@clause("only images that are built on these; `*` stands for anything, slashes too", texts)
def base_images(case: Case, value: list[str]) -> Iterator[Objection]:
    """The base that an image states (OCI image-spec, annotations), and those that Dockerfiles name."""
    stated = dict(case.report.asset.labels).get(_NAME, "")
    names = [*case.report.bases, *([stated] if stated else [])]
    foreign = [name for name in names if not allowed(name, value)]
    if foreign:
        yield Objection(f"{named(foreign)} {'is' if len(foreign) == 1 else 'are'} no base that is allowed")
    elif case.report.asset.kind == "image" and not stated:
        yield Objection(f"the image does not state its base ({_NAME})", unknown=True)
