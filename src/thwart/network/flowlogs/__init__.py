"""Flow logs: what was seen on the wire, from any recorder, in common terms. One file per format."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """One end of a recorded flow, as far as the recorder knew it: by name, by labels, by address.

    `workload` is `Kind/name` or a bare name; a pod's name may be missing where the recorder folds replicas.
    """

    namespace: str = ""
    pod: str = ""
    workload: str = ""
    labels: tuple[tuple[str, str], ...] = ()
    ip: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowRecord:
    """One connection, or several alike (`count`). `port` is the destination's, after any service was resolved.

    `verdict` is what happened to it: True let through, False dropped or refused, None not recorded. `time` is in
    seconds since 1970, None where the log has none. `line` is the 1-based line of the log.
    """

    source: End
    destination: End
    protocol: str
    port: int
    verdict: bool | None = None
    time: float | None = None
    count: int = 1
    line: int = 0
