"""The least policies that allow what flow logs, intents or manifests ask for, with their proof."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from thwart.api.net._flows import blocks, open_flows
from thwart.api.net._load import Network, _files
from thwart.core.errors import ThwartError, UsageError
from thwart.core.finding import Diagnostic
from thwart.core.limits import DEFAULT, Limits

if TYPE_CHECKING:
    from thwart.network.synthesis.asking import Options, Request
    from thwart.network.synthesis.ends import Gazetteer
    from thwart.network.synthesis.making import Synthesis
    from thwart.network.synthesis.services import Backends


class SynthesisError(ThwartError):
    """Policies were made that cannot be proved (exit 1): none are given out."""

    slug = "not-proved"
    exit_code = 1


def synth_dialects() -> list[str]:
    """The dialects that policies can be written in."""
    from thwart.network.synthesis.making import dialects

    return dialects()


def read_manifests(
    paths: Iterable[str], *, stdin: bytes | None = None, limits: Limits = DEFAULT
) -> list[tuple[str, bytes]]:
    """The content of manifests, for a second look at them; what cannot be read was told by `load_network`."""
    unread: list[Diagnostic] = []
    return list(_files(paths, stdin, limits, unread))


class Synthesizer:
    """Gathers what is asked for, then makes policies.

    Args:
        network: what was read.
        options: how policies are made.
        pods_in: blocks of addresses that only pods and services have: one of them that nothing has is nobody outside.

    Raises:
        UsageError: a block is none.
    """

    def __init__(self, network: Network, options: Options, pods_in: Iterable[str] = ()) -> None:
        from thwart.network.synthesis.asking import Request
        from thwart.network.synthesis.ends import Gazetteer
        from thwart.network.synthesis.services import Backends

        self._world = network.model.world
        self._options = options
        self.request: Request = Request()
        self._backends: Backends = Backends(self._world)
        cilium = options.dialect == "cilium"
        inside = blocks(tuple(pods_in))
        self._places: Gazetteer = Gazetteer(self._world, self._backends.addresses(), entities=cilium, inside=inside)

    def add_flows(self, name: str, format: str = "auto", *, year: int = 0, denied: bool = False) -> None:  # noqa: A002
        """Ask for the flows of a log.

        Args:
            name: a file, or `-` for standard input.
            format: of its lines; `auto` tells by them.
            year: of times that lack it, 0 where it is not known.
            denied: whether flows that were denied are asked for, too.

        Raises:
            SourceError: it cannot be read.
            UsageError: there is no such format.
        """
        from thwart.network.synthesis.learning import Learner

        with open_flows(name, format, year) as records:
            Learner(self._places, self._backends, self.request, denied=denied).learn(records)

    def add_manifests(
        self, files: Sequence[tuple[str, bytes]], entrance: str = "", *, limits: Limits = DEFAULT
    ) -> None:
        """Ask for the connections that settings and routes in manifests tell of.

        Args:
            files: name and content of each.
            entrance: who carries out routes, as `namespace` or `namespace/key=value`.
            limits: bounds on each file.

        Raises:
            UsageError: the entrance is nobody.
        """
        from thwart.network.synthesis.ends import Unmatched
        from thwart.network.synthesis.manifests import Static
        from thwart.network.synthesis.settings import Settings

        try:
            place = self._places.entrance(entrance, self.request) if entrance else None
        except Unmatched as error:
            raise UsageError(str(error)) from None
        Static(self._world, self._places, self._backends, self.request, place).read(Settings(files, limits))

    def add_intents(self, files: Iterable[tuple[str, bytes]], *, limits: Limits = DEFAULT) -> None:
        """Ask for what intents want to be possible.

        Args:
            files: name and content of each.
            limits: bounds on each file.

        Raises:
            IntentsError: a file says what cannot be meant.
        """
        from thwart.network.intents.reading import read_intents
        from thwart.network.synthesis.intending import Intentions

        Intentions(self._world, self._places, self._backends, self.request).read(read_intents(files, limits))

    def add_dns(self) -> None:
        """Let every pod of the selected namespaces resolve names."""
        from thwart.network.synthesis.dns import resolve_for
        from thwart.network.synthesis.planning import Land

        land = Land(self._world, self.request, self._options)
        everyone = [pods for pods in land.units if pods.namespace in land.selected]
        resolve_for(everyone, self._world, self._places, self._backends, self.request)

    def make(self) -> Synthesis:
        """The policies, and whether the engine proves them: see `Synthesis.proof`.

        Raises:
            UsageError: nothing is asked for, or there is no such dialect.
            SynthesisError: what was written does not read back.
        """
        from thwart.network.synthesis.making import synthesise
        from thwart.network.synthesis.proving import Unreadable

        if not self.request.edges:
            raise UsageError("nothing is asked for that a policy can allow", *self._why())
        try:
            return synthesise(self._world, self.request, self._options)
        except Unreadable as error:
            raise SynthesisError(str(error)) from None

    def _why(self) -> Iterator[str]:
        from thwart.network.synthesis.report import WORDS

        for slug, tally in sorted(self.request.dropped.items()):
            yield f"{tally.records} left out ({WORDS.get(slug, slug)}), for example {tally.example}"


def synth_json(made: Synthesis, options: Options) -> str:
    """The report for programs, `thwart-net-synth-v1`."""
    from thwart.network.synthesis.report import json

    return json(made, options)


def synth_summary(made: Synthesis, options: Options) -> list[str]:
    """The report for people, in lines."""
    from thwart.network.synthesis.report import summary

    return list(summary(made, options))
