"""Counters of a watch, in Prometheus' text format (version 0.0.4)."""

from __future__ import annotations

from collections import Counter

from thwart.network.flowlogs import FlowRecord, Problem
from thwart.network.flowlogs.judging import Judged

_POLICY = {True: "allow", False: "deny", None: "unknown"}
_SEEN = {True: "passed", False: "dropped", None: "unrecorded"}


class Metrics:
    """What a watch counted."""

    def __init__(self) -> None:
        self.records = 0
        self.forgotten = self.late = self.ahead = self.crowded = 0
        self.problems: Counter[str] = Counter()
        self.first_problem: dict[str, Problem] = {}
        self.incomplete = False
        self.last: float | None = None
        self._flows: Counter[tuple[str, str]] = Counter()
        self._met: Counter[str] = Counter()
        self._told: Counter[str] = Counter()

    def record(self, record: FlowRecord, judged: Judged) -> None:
        """Count a flow."""
        self.records += 1
        policy = _POLICY[judged.answer.allowed] if judged.answer is not None else "unmatched"
        self._flows[policy, _SEEN[record.verdict]] += record.count
        if record.time is not None and (self.last is None or record.time > self.last):
            self.last = record.time

    def problem(self, problem: Problem) -> None:
        """Count a line that is no flow."""
        self.problems[problem.slug] += 1
        self.first_problem.setdefault(problem.slug, problem)
        self.incomplete = self.incomplete or problem.incomplete

    def met(self, kind: str) -> None:
        """Count what is of a kind, told or not."""
        self._met[kind] += 1

    def told(self, kind: str) -> None:
        """Count a report."""
        self._told[kind] += 1

    @property
    def kinds(self) -> dict[str, int]:
        """How many reports of each kind were made."""
        return dict(sorted(self._told.items()))

    @property
    def met_kinds(self) -> dict[str, int]:
        """How many records were of each kind."""
        return dict(sorted(self._met.items()))

    def text(self) -> str:
        """The exposition; the same counts give the same text."""
        lines = _family("thwart_flow_records_total", "Records of flows that were read.", "counter", {"": self.records})
        flows = {f'{{policy="{policy}",seen="{seen}"}}': n for (policy, seen), n in sorted(self._flows.items())}
        lines += _family(
            "thwart_flow_connections_total", "Connections, by what policies say and what was seen.", "counter", flows
        )
        told = {f'{{kind="{kind}"}}': n for kind, n in self.kinds.items()}
        lines += _family("thwart_flow_findings_total", "Reports that were made.", "counter", told)
        met = {f'{{kind="{kind}"}}': n for kind, n in self.met_kinds.items()}
        lines += _family("thwart_flow_matched_total", "Records and windows of a kind, told or not.", "counter", met)
        problems = {f'{{slug="{slug}"}}': n for slug, n in sorted(self.problems.items())}
        lines += _family("thwart_flow_problems_total", "Lines that are no flows.", "counter", problems)
        unplaced = {
            '{why="ahead"}': self.ahead,
            '{why="crowded"}': self.crowded,
            '{why="late"}': self.late,
        }
        lines += _family("thwart_flow_unwindowed_total", "Records that no window could take.", "counter", unplaced)
        lines += _family(
            "thwart_flow_forgotten_total", "Flows forgotten for want of room.", "counter", {"": self.forgotten}
        )
        if self.last is not None:
            lines += _family("thwart_flow_last_time_seconds", "The newest time in the log.", "gauge", {"": self.last})
        return "\n".join(lines) + "\n"


def _family(name: str, help_: str, type_: str, samples: dict[str, int] | dict[str, float]) -> list[str]:
    head = [f"# HELP {name} {help_}", f"# TYPE {name} {type_}"]
    return [*head, *(f"{name}{labels} {value}" for labels, value in samples.items())]
