"""Flow logs: what was seen on the wire, from any recorder, in common terms. One file per format in `formats/`."""

from __future__ import annotations

import msgspec

WORLD, HOST, SERVICE = "world", "host", "service"  # what an end is, where the recorder says it


class End(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One end of a recorded flow, as far as the recorder knew it: by name, by labels, by address.

    `workload` is `Kind/name` or a bare name; a pod's name may be missing where the recorder folds replicas, and it ends
    in `*` where it stands for several. `what` is `world` (outside the cluster), `host` (a node), `service` (the name of
    a service that was not resolved to a pod) or empty, which says nothing.
    """

    namespace: str = ""
    pod: str = ""
    workload: str = ""
    labels: tuple[tuple[str, str], ...] = ()
    ip: str = ""
    what: str = ""

    def __str__(self) -> str:
        """The end in words: the best name that the recorder gave it."""
        name = self.workload or self.pod or ",".join(f"{key}={value}" for key, value in self.labels)
        if name:
            return f"{self.namespace}/{name}" if self.namespace else name
        return self.ip or self.what or self.namespace or "?"


class FlowRecord(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One connection, or several alike (`count`). `port` is the destination's, after any service was resolved.

    `verdict` is what happened to it: True let through, False dropped or refused, None not recorded. `side` says whose
    side `verdict` speaks of: `egress` the source's alone, `ingress` the destination's, empty the whole way. `time` (and
    `until`, where a record sums up an interval) is in seconds since 1970, None where the log has none. A `count` of 0
    tells more of a connection that was counted before, or that began before the log. `line` is the 1-based line of the
    log. `note` are the recorder's own words, such as the reason of a drop.
    """

    source: End
    destination: End
    protocol: str
    port: int
    verdict: bool | None = None
    time: float | None = None
    count: int = 1
    line: int = 0
    side: str = ""
    until: float | None = None
    note: str = ""


class Problem(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A line, or a part of one, that is no flow. `incomplete` says that a flow may be missing because of it.

    `slug` names the kind, so that a million of them can be counted; `message` tells of this one.
    """

    line: int
    slug: str
    message: str
    incomplete: bool = True
