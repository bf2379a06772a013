"""What a change of manifests opens and closes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from thwart.api._collector import no_collector
from thwart.api.net._load import RefusedError, _files
from thwart.api.net.verify import IN_THE_ANSWERS
from thwart.core.errors import SourceError, UsageError
from thwart.core.finding import Diagnostic
from thwart.core.limits import DEFAULT, Limits

if TYPE_CHECKING:
    from thwart.network._comparing_report import Difference
    from thwart.network.intents.form import Intent
    from thwart.network.model import World


class Side(NamedTuple):
    """One of the two worlds, and what is to be known about how it was read."""

    world: World
    diagnostics: tuple[Diagnostic, ...]

    @property
    def incomplete(self) -> bool:
        """Whether something could not be read, or is not modelled."""
        return any(diagnostic.incomplete for diagnostic in self.diagnostics)


def load_side(paths: Iterable[str], *, stdin: bytes | None = None, limits: Limits = DEFAULT) -> Side:
    """Read one side.

    Args:
        paths: files, folders, and `-` for `stdin`.
        stdin: what `-` stands for.
        limits: bounds on each file.

    Raises:
        SourceError: a path cannot be read;
        RefusedError: the API server would refuse an object.
    """
    from thwart.network.assumptions import assumptions
    from thwart.network.world import read_world

    unread: list[Diagnostic] = []
    chosen = list(paths)
    with no_collector():
        world = read_world(_files(chosen, stdin, limits, unread), limits)
    if world.refused:
        raise RefusedError(world.refused)
    if not (world.endpoints or world.policies or world.namespaces or world.unmodelled):
        reasons = [f"{one.path}: {one.message}" for one in (*unread, *world.diagnostics)[:5]]
        where = ", ".join(chosen)
        raise SourceError(f"nothing in {where} describes a pod, a workload, a namespace or a policy", *reasons)
    return Side(world, (*unread, *world.diagnostics, *assumptions(world)))


def diff_networks(old: Side, new: Side, intents: Sequence[Intent] = ()) -> Difference:
    """The connections that differ, and the intents that fare otherwise."""
    from thwart.network._comparing_report import Difference, intent_changes
    from thwart.network.comparing import compare
    from thwart.network.intents.checking import verify

    with no_collector():
        found = compare(old.world, new.world)
    changed = intent_changes(verify(found.old, intents), verify(found.new, intents)) if intents else ()
    unread = [one for side in (old, new) for one in side.diagnostics if one.incomplete and one.slug != IN_THE_ANSWERS]
    return Difference(found, changed, tuple(dict.fromkeys(unread)))


def difference_formats() -> list[str]:
    """The names of all formats of a difference."""
    from thwart.network._comparing_formats import FORMATS

    return list(FORMATS)


def write_difference(difference: Difference, name: str) -> str:
    """A difference in a format; see `difference_formats`."""
    from thwart.network._comparing_formats import FORMATS

    if name not in FORMATS:
        raise UsageError(f"there is no format {name} here", f"one of {', '.join(FORMATS)}")
    return FORMATS[name](difference)
