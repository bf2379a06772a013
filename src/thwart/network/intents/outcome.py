"""How intents fare: the shapes of an answer."""

from __future__ import annotations

from msgspec import Struct

from thwart.core.finding import Diagnostic
from thwart.network.intents._ports import Spans
from thwart.network.intents.ends import End
from thwart.network.intents.form import Intent
from thwart.network.intents.meaning import Claim
from thwart.network.model import Answer, Reason

HELD, BROKEN, UNKNOWN, EMPTY = "held", "broken", "unknown", "empty"
PAIRS, SOURCES, DESTINATIONS, ANY_PAIR = "pairs", "sources", "destinations", "any pair"


class Example(Struct, frozen=True):
    """A flow that breaks a claim, or may: an end of each side, the pieces of ports, and the ports that were meant."""

    source: End
    destination: End
    pieces: int
    spans: Spans


class Tally(Struct):
    """How a claim fared. `broken` and `doubtful` count pairs, or ends that lack a partner (`unit`)."""

    claim: Claim
    unit: str = PAIRS
    broken: int = 0
    doubtful: int = 0
    example: Example | None = None


class Spot(Struct, frozen=True, kw_only=True):
    """One end of a flow, for people and programs. `text` is what `thwart net explain` takes.

    `host` is true of a pod in the network of its node.
    """

    text: str
    namespace: str = ""
    workload: str = ""
    name: str = ""
    ip: str = ""
    node: str = ""
    host: bool = False


class Breach(Struct, frozen=True, kw_only=True):
    """A flow that goes against an intent, or of which that is not known: `must` is what the intent says of it."""

    source: Spot
    destination: Spot
    protocol: str
    port: int
    must: bool
    answer: Answer

    @property
    def because(self) -> tuple[Reason, ...]:
        """What decides the flow."""
        return self.answer.because


class Outcome(Struct, frozen=True, kw_only=True):
    """What became of an intent.

    `status` is `held`, `broken`, `unknown`, or `empty` (it selects nothing, so that it could not fail). `count` says how
    many are concerned, in `unit`: `pairs`, `sources` or `destinations` that lack a partner, or `any pair` (of which one
    would be enough). `notes` say what else to know.
    """

    intent: Intent
    status: str
    count: int = 0
    unit: str = PAIRS
    breach: Breach | None = None
    notes: tuple[str, ...] = ()


class Verdict(Struct, frozen=True, kw_only=True):
    """All outcomes, in the order of the files. `unread` are inputs without which no answer is certain."""

    outcomes: tuple[Outcome, ...]
    unread: tuple[Diagnostic, ...] = ()

    def count(self, status: str) -> int:
        """How many intents have a status."""
        return sum(outcome.status == status for outcome in self.outcomes)
