"""Images from known places only."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase

from thwart.gate.clauses import Case, Objection, clause, named, texts
from thwart.lib.reference import ReferenceError_, parse


@clause("images only from these registries and repositories; `*` stands for anything, slashes too", texts)
def registries(case: Case, value: list[str]) -> Iterator[Objection]:
    """The image that was pulled, and every image that documents name."""
    names = [*case.report.images, *([case.report.asset.reference] if case.report.asset.reference else [])]
    foreign = [name for name in names if not allowed(name, value)]
    if foreign:
        yield Objection(f"{named(foreign)} {'is' if len(foreign) == 1 else 'are'} from a place that is not allowed")
    elif case.report.asset.kind == "image" and not names:
        yield Objection("the image was not pulled, so nobody knows which registry it is from", unknown=True)


def allowed(name: str, globs: list[str]) -> bool:
    """Whether an image's full name (`docker.io/library/nginx`) or its registry fits one of the globs."""
    try:
        reference = parse(name)
    except ReferenceError_:
        return False
    whole = f"{reference.registry}/{reference.repository}"
    return any(fnmatchcase(whole, glob) or fnmatchcase(reference.registry, glob) for glob in globs)
