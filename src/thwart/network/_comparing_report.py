"""What a difference is reported from, and what all formats say alike."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from msgspec import Struct

from thwart.core.finding import Diagnostic
from thwart.network._comparing_names import Names
from thwart.network._comparing_units import ADDED, BOTH, REMOVED
from thwart.network._comparing_witness import Witness, Witnesses
from thwart.network.comparing import CHANGED, CLOSED, KNOWN, OPENED, UNKNOWN, Change, Comparison
from thwart.network.intents.formats._words import because
from thwart.network.intents.outcome import BROKEN, HELD, Outcome, Verdict

KINDS = (OPENED, CLOSED, CHANGED, UNKNOWN, KNOWN)
TITLES = {
    OPENED: "opened",
    CLOSED: "closed",
    CHANGED: "changed",
    UNKNOWN: "now unknown",
    KNOWN: "no longer unknown",
}


class IntentChange(Struct, frozen=True, kw_only=True):
    """An intent that fares otherwise: its status before, and its outcome now."""

    before: str
    after: Outcome

    @property
    def word(self) -> str:
        """`broken`, `repaired`, or the two statuses."""
        if self.after.status == BROKEN:
            return "broken"
        return "repaired" if self.after.status == HELD else f"{self.before}, now {self.after.status}"


def intent_changes(before: Verdict, after: Verdict) -> tuple[IntentChange, ...]:
    """The intents whose status differs; both verdicts are of the same intents."""
    pairs = zip(before.outcomes, after.outcomes, strict=True)
    return tuple(IntentChange(before=old.status, after=new) for old, new in pairs if old.status != new.status)


class Difference:
    """A comparison with what became of intents, ready to be written."""

    def __init__(
        self,
        found: Comparison,
        intents: tuple[IntentChange, ...] = (),
        unread: tuple[Diagnostic, ...] = (),
    ) -> None:
        self.found = found
        self.intents = intents
        self.unread = unread
        self.names = Names(found)
        self._witnesses = Witnesses(found)

    @property
    def reach_differs(self) -> bool:
        """Whether any connection is not what it was, or an intent is broken that was not."""
        return bool(self.found.changes) or any(one.word == "broken" for one in self.intents)

    @property
    def uncertain(self) -> bool:
        """Whether something is not known that could differ."""
        return bool(self.unread) or any(change.kind == UNKNOWN for change in self.found.changes)

    def counts(self) -> Mapping[str, int]:
        """How many pairs changed in each way, between those who are in both worlds."""
        counted = dict.fromkeys(KINDS, 0)
        for change in self.found.of(BOTH):
            counted[change.kind] += self.found.pairs(change)
        return counted

    def summary(self) -> str:
        """One line for all of it."""
        counts = [(TITLES[kind], count) for kind, count in self.counts().items() if count]
        parts = [", ".join(f"{count:,} {word}" for word, count in counts)] if counts else []
        for stands in (ADDED, REMOVED):
            names = self.found.names(stands)
            if names:
                parts.append(f"{len(names):,} workload{'s' * (len(names) > 1)} {stands}")
        for word in ("broken", "repaired"):
            count = sum(one.word == word for one in self.intents)
            if count:
                parts.append(f"{count} intent{'s' * (count > 1)} {word}")
        lead = "Connections: " if counts else ""
        return lead + "; ".join(parts) if parts else "No connection differs"

    def line(self, change: Change) -> str:
        """A change in one line."""
        ends = f"{self.names.say(change.sources)} -> {self.names.say(change.destinations)}"
        before, after = self.names.state(change.before), self.names.state(change.after)
        if change.stands == REMOVED or (change.stands == BOTH and change.kind == CLOSED and not change.after.unknown):
            return f"{ends}: {before}"
        if change.stands == ADDED or (change.kind == OPENED and not change.before.unknown):
            return f"{ends}: {after}"
        return f"{ends}: {before} -> {after}"

    def witness(self, change: Change) -> Witness | None:
        """One of the connections of a change as it is now."""
        return None if change.stands == REMOVED else self._witnesses.find(change)

    def reasons(self, change: Change) -> Iterator[str]:
        """Why a connection of a change is now as it is."""
        witness = self.witness(change)
        if witness is not None:
            yield from because(witness.source, witness.destination, witness.answer)
