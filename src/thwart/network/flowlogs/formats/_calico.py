"""What Calico's two shapes share: aggregated names, labels, reporters."""

from __future__ import annotations

import msgspec

from thwart.network.flowlogs import HOST, WORLD, End, FlowRecord
from thwart.network.flowlogs._words import (
    Ends,
    Odd,
    bad_time,
    count_of,
    cut,
    labels_of,
    other_protocol,
    port_of,
    protocol_of,
    time_of,
)
from thwart.network.flowlogs.formats import Read

_TYPES: dict[str | int, str] = {
    **dict.fromkeys(("wep", "WorkloadEndpoint", 1), "pod"),
    **dict.fromkeys(("hep", "HostEndpoint", 2), HOST),
    **dict.fromkeys(("ns", "NetworkSet", 3), WORLD),
    **dict.fromkeys(("net", "Network", 4), WORLD),
}
_ACTIONS: dict[str | int, bool | None] = {
    **dict.fromkeys(("allow", "Allow", 1), True),
    **dict.fromkeys(("deny", "Deny", 2), False),
    **dict.fromkeys(("", "ActionUnspecified", 0, "-", "pass", "Pass", 3), None),
}
_SIDES: dict[str | int, str] = {
    **dict.fromkeys(("src", "Src", 1), "egress"),
    **dict.fromkeys(("dst", "Dst", 2), "ingress"),
    **dict.fromkeys(("", "ReporterUnspecified", 0, "-", "fwd"), ""),
}


class Written(msgspec.Struct, kw_only=True):
    """One end as written. `labels` is a list, or a text of `key=value` joined by bars or commas."""

    name: str = ""
    aggregated: str = ""
    namespace: str = ""
    type: str | int = ""
    ip: str = ""
    labels: tuple[str, ...] = ()


def end_of(ends: Ends, written: Written) -> End:
    """An end in common terms; `-` and empty say that nothing was recorded."""
    key = (written.name, written.aggregated, written.namespace, written.type, written.ip, written.labels)
    return ends.get(key, lambda: _make(written))


def _make(written: Written) -> End:
    what = _TYPES.get(written.type, "")
    name = next((one for one in (written.name, written.aggregated) if one not in ("", "-")), "")
    ip = "" if written.ip == "-" else written.ip
    namespace = "" if written.namespace in ("-", "") else written.namespace
    if name in ("pub", "pvt") and not namespace:
        return End(ip=ip, what=WORLD, workload="" if ip else name)
    if what in (HOST, WORLD):
        return End(namespace=namespace, workload=name, ip=ip, what=what)
    return End(namespace=namespace, pod=name, labels=labels_of(written.labels), ip=ip)


def record_of(
    source: End,
    destination: End,
    *,
    protocol: str | int,
    port: str | int | None,
    action: str | int,
    reporter: str | int,
    start: str | float | None,
    end: str | float | None,
    count: int,
    number: int,
) -> Read:
    """A flow that one end reported.

    What the source's end let through may still be refused at the destination's, which then reports it itself.
    """
    known = protocol_of(protocol)
    if not known:
        return other_protocol(number, protocol)
    if action not in _ACTIONS or reporter not in _SIDES:
        raise Odd(f"Calico has no action {cut(action)} by {cut(reporter)}")
    verdict, side = _ACTIONS[action], _SIDES[reporter]
    if verdict is not False and (side == "ingress" or not (destination.pod or destination.labels)):
        side = ""
    problem = None
    try:
        began, ended = time_of(start), time_of(end)
    except Odd as odd:
        began, ended, problem = None, None, bad_time(number, odd)
    record = FlowRecord(
        source=source,
        destination=destination,
        protocol=known,
        port=port_of(port),
        verdict=verdict,
        time=began,
        until=ended,
        count=count_of(count),
        line=number,
        side=side,
    )
    return record if problem is None else (record, problem)
