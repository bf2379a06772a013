"""Decisions on their way to the record: noted at once, written together, and never waited for."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path

from thwart.api import record
from thwart.api.admission import Decision
from thwart.core.errors import ThwartError
from thwart.core.record import Entry

_MOST = 50_000  # decisions that wait for the log
_TOGETHER = 2_000
_PAUSE = 1.0  # seconds until a log that could not be written is tried again


class Recorder:
    """Writes decisions to a log from a thread of its own.

    A log that cannot be written delays nobody: what waits is counted, told, and tried again; beyond 50,000 the oldest are
    given up and counted as lost.

    Raises:
        ThwartError: there is no such log, or no key to it.
    """

    def __init__(self, folder: Path, tell: Callable[[str], None]) -> None:
        files = record.LogFiles(folder=folder)
        record.open_log(files)
        self._writer = record.writer(files)
        self._tell = tell
        self._waiting: deque[Entry] = deque()
        self._some = threading.Condition()
        self._ending = False
        self._lost = 0
        self._failing = False
        self._thread = threading.Thread(target=self._run, name="record", daemon=True)
        self._thread.start()

    def note(self, decision: Decision) -> None:
        """Have a decision written."""
        self.add(entry(decision))

    def policy(self, path: Path, digest: str) -> None:
        """Have it written that a policy is in force from now on."""
        self.add(Entry(kind="policy", time=record.stamp(), subject=str(path), decision="in force", digest=digest))

    def add(self, one: Entry) -> None:
        """Have an entry written."""
        with self._some:
            if len(self._waiting) >= _MOST:
                self._waiting.popleft()
                self._lost += 1
            self._waiting.append(one)
            self._some.notify()

    def missing(self) -> int:
        """How many decisions are not on the record: lost ones, and those that wait for a log that refuses."""
        with self._some:
            return self._lost + (len(self._waiting) if self._failing else 0)

    def close(self, seconds: float = 5.0) -> None:
        """Write what is left, within some seconds."""
        with self._some:
            self._ending = True
            self._some.notify()
        self._thread.join(seconds)

    def _run(self) -> None:
        while True:
            with self._some:
                self._some.wait_for(lambda: self._waiting or self._ending)
                if not self._waiting:
                    return
                some = [self._waiting[at] for at in range(min(len(self._waiting), _TOGETHER))]
            if not self._written(some):
                with self._some:
                    if self._ending:
                        return
                    self._some.wait_for(lambda: self._ending, _PAUSE)

    def _written(self, some: list[Entry]) -> bool:
        from thwart.record import encode

        try:
            self._writer.append([encode(one) for one in some])
        except (OSError, ThwartError) as error:
            if not self._failing:
                self._tell(f"decisions are not recorded: {error}")
            self._failing = True
            return False
        if self._failing:
            self._tell("decisions are recorded again")
        self._failing = False
        with self._some:
            for one in some:
                if self._waiting and self._waiting[0] is one:  # else it was given up meanwhile
                    self._waiting.popleft()
        return True


def entry(decision: Decision) -> Entry:
    """The entry of a decision."""
    details = {"allowed": "yes" if decision.allowed else "no"}
    details |= {"dryRun": "yes"} if decision.dry_run else {}
    details |= {"images": ", ".join(decision.images)} if decision.images else {}
    return Entry(
        kind="admission",
        time=record.stamp(),
        subject=decision.subject,
        decision=decision.outcome,
        actor=decision.actor,
        reasons=decision.reasons,
        details=tuple(details.items()),
    )
