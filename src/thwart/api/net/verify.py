"""Intents as tests of a network."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from thwart.api.net._load import Network
from thwart.core.errors import UsageError
from thwart.core.limits import DEFAULT, Limits

if TYPE_CHECKING:
    from thwart.network.flowlogs import FlowRecord
    from thwart.network.flowlogs.judging import Judged
    from thwart.network.intents.form import Intent
    from thwart.network.intents.outcome import Verdict
    from thwart.network.watching import Forbidden

IN_THE_ANSWERS = "unmodelled-policy"  # what such a policy could change is unknown in every answer


def read_intents(files: Iterable[tuple[str, bytes]], limits: Limits = DEFAULT) -> tuple[Intent, ...]:
    """The intents of files, each given as name and content.

    Raises:
        UsageError: a mistake in a file; `sentences` has all of them.
    """
    from thwart.network.intents.reading import read_intents as read

    return read(files, limits)


def verify_network(network: Network, intents: Sequence[Intent]) -> Verdict:
    """What becomes of each intent.

    What could not be read makes every answer uncertain; a policy that is not modelled only those that it could change.
    """
    from thwart.network.intents.checking import verify

    unread = [one for one in network.diagnostics if one.incomplete and one.slug != IN_THE_ANSWERS]
    return verify(network.model, intents, unread)


def verdict_formats() -> list[str]:
    """The names of all formats of a verdict."""
    from thwart.network.intents.formats import MEMBERS

    return MEMBERS.names()


def write_verdict(verdict: Verdict, name: str) -> str:
    """A verdict in a format; see `verdict_formats`."""
    from thwart.network.intents.formats import MEMBERS

    write = MEMBERS.get(name)
    if write is None:
        raise UsageError(f"there is no format {name} here", f"one of {', '.join(verdict_formats())}")
    return write(verdict)


def forbidding(network: Network, intents: Sequence[Intent]) -> Forbidden:
    """Says why an intent forbids a recorded flow; None where none does. See `thwart.api.net.watch.Watch`."""
    from thwart.network.intents.forbidding import Forbidding

    found = Forbidding(network.model, intents)

    def why(record: FlowRecord, judged: Judged) -> str | None:
        said = [
            found.why(source, destination, record.protocol, record.port)
            for source in judged.source.parties
            for destination in judged.destination.parties
        ]
        return said[0] if said and all(said) else None

    return why
