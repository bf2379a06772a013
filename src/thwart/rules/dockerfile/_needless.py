"""Packages that an image is better without."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from thwart.rules._view import Hit
from thwart.rules.dockerfile._file import File
from thwart.rules.dockerfile._mending import Change, without
from thwart.rules.dockerfile._packages import actions, kept


def dropped(file: File, packages: frozenset[str], phrase: str) -> Iterator[tuple[Hit, tuple[Change, ...]]]:
    """Each of them that the image's layers get, and the change that leaves it out where others remain."""
    for run in file.shipped_runs:
        found = list(kept(run, packages))
        left = Counter({id(one.call): len(one.names) for one in actions(run)})
        left.subtract(id(call) for call, _, _ in found)
        for call, name, word in found:
            span = call.where(word)
            changes = (without(file, span),) if span and left[id(call)] > 0 else ()
            yield file.hit(call.span, phrase.format(name), run.stage), changes
