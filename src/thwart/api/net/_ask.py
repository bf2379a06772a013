"""Questions to a network: the map, one flow, many flows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from thwart.api.net._load import Network
from thwart.core.errors import UsageError

if TYPE_CHECKING:
    from thwart.network.explain import Party
    from thwart.network.model import Answer


def map_network(network: Network, name: str) -> str:
    """The whole connectivity in a format; see `map_formats`."""
    from thwart.network.formats import MEMBERS
    from thwart.network.mapping import build_map

    write = MEMBERS.get(name)
    if write is None:
        raise UsageError(f"there is no map format {name}", f"one of {', '.join(map_formats())}")
    return write(build_map(network.model))


def map_formats() -> list[str]:
    """The names of all map formats."""
    from thwart.network.formats import MEMBERS

    return MEMBERS.names()


def find_party(network: Network, text: str) -> Party:
    """One end of a flow: an address, `namespace/pod`, `namespace/workload` or `namespace/Kind/name`.

    Raises:
        UsageError: there is nothing of that name.
    """
    from thwart.network.explain import UnknownParty

    try:
        if "/" not in text:
            return network.directory.ip(text)
        namespace, _, name = text.partition("/")
        return network.directory.pod(namespace, name)
    except UnknownParty as error:
        hint = "name a pod or workload as namespace/name or namespace/Kind/name, or give an address"
        raise UsageError(str(error), hint) from None


def ask(network: Network, source: Party, destination: Party, protocol: str, port: int) -> Answer:
    """Whether one connection can be made, and why."""
    from thwart.network.explain import judge

    return judge(network.model, source, destination, network.model.ports.bit(protocol, port))


def ask_all(network: Network, source: Party, destination: Party) -> list[tuple[str, Answer]]:
    """Every port of every protocol: the ports in words, and the answer that they share."""
    from thwart.lib.bitsets import members
    from thwart.network.explain import judge

    found: dict[Answer, int] = {}
    for number in members(network.model.ports.all):
        answer = judge(network.model, source, destination, 1 << number)
        found[answer] = found.get(answer, 0) | 1 << number
    return [(network.model.ports.describe(mask), answer) for answer, mask in found.items()]


def answer_flows(network: Network, lines: Iterable[bytes]) -> Iterator[tuple[bytes, str]]:
    """Answer flows, one JSON object a line; see `thwart.network.flows.Answers`.

    Yields:
        The line of output, and `answered`, `unknown` or `malformed`.
    """
    from thwart.network.flows import Answers

    answers = Answers(network.model, network.directory)
    for line in lines:
        if line.strip():
            yield answers.line(line)
