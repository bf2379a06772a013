"""Recorded flows against proposed policies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from thwart.api.net._flows import blocks, open_flows
from thwart.api.net._load import Network, load_network
from thwart.core.errors import UsageError
from thwart.core.limits import DEFAULT, Limits

if TYPE_CHECKING:
    from thwart.network.engine import Model
    from thwart.network.flowlogs.judging import Judge
    from thwart.network.replay import Seen, Simulation


class Replay(Struct, frozen=True, kw_only=True):
    """A simulation, and the network of the proposed policies that it was made with."""

    network: Network
    simulation: Simulation

    @property
    def incomplete(self) -> bool:
        """Whether something is unknown, unmatched or could not be read."""
        return self.network.incomplete or self.simulation.uncertain


def simulation_formats() -> list[str]:
    """The names of all formats of a simulation."""
    from thwart.network.replay.formats import MEMBERS

    return MEMBERS.names()


def write_simulation(simulation: Simulation, name: str) -> str:
    """A simulation in a format; see `simulation_formats`."""
    from thwart.network.replay.formats import MEMBERS

    write = MEMBERS.get(name)
    if write is None:
        raise UsageError(f"there is no format {name}", f"one of {', '.join(simulation_formats())}")
    return write(simulation)


def simulate_network(
    paths: Sequence[str],
    flows: Sequence[str],
    *,
    add: Sequence[str] = (),
    against: Sequence[str] = (),
    format: str = "auto",  # noqa: A002
    year: int = 0,
    pods_in: Sequence[str] = (),
    stdin: bytes | None = None,
    limits: Limits = DEFAULT,
) -> Replay:
    """Replay flow logs against policies before they are applied.

    Args:
        paths: manifests of the cluster, with the policies that are proposed.
        flows: logs; `-` is standard input.
        add: manifests on top of `paths`, in the place of what has the same name there; `paths` alone is then today.
        against: the policies of today, so that only what is cut newly counts as cut.
        format: of all logs, `auto` to tell each by its lines.
        year: of log times that lack it.
        pods_in: blocks of addresses given to pods: one that no pod has is a pod that is gone.
        stdin: what `-` in the manifests stands for.
        limits: bounds on each manifest.

    Raises:
        UsageError: no log, no such format, no such block;
        SourceError: something cannot be read;
        RefusedError: the API server would refuse an object.
    """
    if not flows:
        raise UsageError("there are no flows to replay", "write --flows FILE")
    pods = blocks(tuple(pods_in))
    proposed = load_network(paths, over=add, stdin=stdin, limits=limits)
    current = _current(paths, add, against, stdin, limits)
    seen = _collect(flows, format, year)
    from thwart.network.flowlogs.judging import prepare
    from thwart.network.replay import simulate

    ends = dict.fromkeys(end for source, destination, _, _ in seen.tallies for end in (source, destination))

    def judge(model: Model) -> Judge:
        from thwart.network.explain import Directory

        return prepare(model, Directory(model), ends, pods)

    before = judge(current) if current is not None else None
    return Replay(network=proposed, simulation=simulate(seen, judge(proposed.model), before))


def _collect(flows: Sequence[str], format: str, year: int) -> Seen:  # noqa: A002
    from thwart.network.replay import Seen

    seen = Seen()
    for name in flows:
        with open_flows(name, format, year) as records:
            seen.collect(name, records)
    return seen


def _current(
    paths: Sequence[str], add: Sequence[str], against: Sequence[str], stdin: bytes | None, limits: Limits
) -> Model | None:
    """The model of today: its own workloads where it has some, else those of the proposal with its policies alone."""
    if not against:
        return load_network(paths, stdin=stdin, limits=limits).model if add else None
    from thwart.network.engine import Model

    alone = load_network(against, stdin=stdin, limits=limits).model
    if alone.world.endpoints:
        return alone
    files = {one.origin.path for one in alone.world.policies} | {one.origin.path for one in alone.world.unmodelled}
    world = load_network(paths, over=against, stdin=stdin, limits=limits).model.world
    return Model(
        replace(
            world,
            policies=tuple(one for one in world.policies if one.origin.path in files),
            unmodelled=tuple(one for one in world.unmodelled if one.origin.path in files),
        )
    )
