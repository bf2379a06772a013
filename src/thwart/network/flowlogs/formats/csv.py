"""Plain CSV with a header row. A record is a line; the separator is a comma, a semicolon, a tab or a bar.

The names of columns are forgiving: see docs/reference/flow-logs.md.
"""

from __future__ import annotations

import csv as library
from collections.abc import Sequence

from thwart.network.flowlogs import End, FlowRecord
from thwart.network.flowlogs._words import (
    MOST_NOTE,
    Odd,
    bad_time,
    count_of,
    cut,
    labels_of,
    other_protocol,
    port_of,
    protocol_of,
    time_of,
    verdict_of,
)
from thwart.network.flowlogs.formats import Read, Sample, Stream, flow_format

_SOURCE, _DESTINATION = ("src", "source", "from", "s"), ("dst", "dest", "destination", "to", "d")
_FIELDS = {
    "end": ("", "end", "endpoint"),
    "ip": ("ip", "addr", "address", "host"),
    "namespace": ("namespace", "ns"),
    "pod": ("pod", "podname", "name"),
    "workload": ("workload", "app", "deployment"),
    "labels": ("labels",),
}
_COLUMNS = {
    "port": ("port", "dport", "dpt", "serviceport", *(f"{side}port" for side in _DESTINATION)),
    "protocol": ("protocol", "proto", "l4protocol", "ipprotocol"),
    "verdict": ("verdict", "action", "decision", "result", "status", "allowed"),
    "time": ("time", "timestamp", "starttime", "start", "first", "firstseen", "date", "@timestamp"),
    "until": ("until", "endtime", "last", "lastseen", "stop"),
    "count": ("count", "flows", "connections", "numflows", "hits", "times"),
    "note": ("note", "reason", "comment", "prefix"),
}
_NEEDED = ("source", "destination", "port")
_SEPARATORS = ",;\t|"
_MOST_COLUMNS = 256
Columns = dict[str, int]


@flow_format
class Csv:
    """Rows below a header."""

    json = False

    def __init__(self, stream: Stream) -> None:
        self._ends = stream.ends
        self._columns: Columns | None = None
        self._separator = ","

    @staticmethod
    def knows(sample: Sample) -> bool:
        """Whether it is a header that names both ends and the port."""
        return sample.value is None and _header(sample.line) is not None

    def read(self, line: bytes, number: int) -> Read:
        """One row; the first is the header."""
        if self._columns is None:
            found = _header(line)
            if found is None:
                raise Odd("the header names no source, destination and port")
            self._columns, self._separator = found
            return None
        cells = _cells(line.decode("utf-8", "replace"), self._separator)
        columns = self._columns
        if len(cells) <= max(columns.values()):
            raise Odd(f"{len(cells)} cells are too few for the header")
        written = {name: cells[at].strip() for name, at in columns.items()}
        protocol = protocol_of(written.get("protocol") or "TCP")
        if not protocol:
            return other_protocol(number, written["protocol"])
        return self._record(written, protocol, number)

    def _record(self, written: dict[str, str], protocol: str, number: int) -> Read:
        problem = None
        try:
            when, until = time_of(written.get("time")), time_of(written.get("until"))
        except Odd as odd:
            when, until, problem = None, None, bad_time(number, odd)
        record = FlowRecord(
            source=self._end(written, "source"),
            destination=self._end(written, "destination"),
            protocol=protocol,
            port=port_of(written["port"]),
            verdict=verdict_of(written.get("verdict")),
            time=when,
            until=until,
            count=_count(written.get("count", "")),
            line=number,
            note=written.get("note", "")[:MOST_NOTE],
        )
        return record if problem is None else (record, problem)

    def _end(self, written: dict[str, str], side: str) -> End:
        key = tuple(written.get(f"{side} {field}", "") for field in _FIELDS)
        return self._ends.get(key, lambda: _make(*key))


def _make(end: str, ip: str, namespace: str, pod: str, workload: str, labels: str) -> End:
    """`end` is an address, `namespace/pod` or `namespace/Kind/name`."""
    if end and not (ip or pod or workload or labels):
        space, slash, name = end.partition("/")
        if slash:
            namespace, pod, workload = (space, "", name) if "/" in name else (space, name, "")
        elif _is_address(end):
            ip = end
        else:
            pod = end
    if not (ip or pod or workload or labels):
        raise Odd("an end of the flow is empty")
    separator = ";" if ";" in labels else "|" if "|" in labels else ","
    named = bool(pod or workload or labels)
    return End(
        namespace=namespace or ("default" if named else ""),
        pod=pod,
        workload=workload,
        labels=labels_of(labels.split(separator)) if labels else (),
        ip=ip,
    )


def _is_address(text: str) -> bool:
    return ":" in text or (text.count(".") == 3 and text.replace(".", "").isdigit())


def _count(text: str) -> int:
    if not text:
        return 1
    if not (text.isascii() and text.isdigit() and len(text) < 16):
        raise Odd(f"{cut(text)} is not a count")
    return count_of(int(text))


def _cells(line: str, separator: str) -> Sequence[str]:
    line = line.rstrip("\r\n")
    if '"' not in line:
        return line.split(separator)
    try:
        return next(library.reader([line], delimiter=separator, strict=True), [])
    except library.Error as error:
        raise Odd(f"not CSV: {error}") from None


def _header(line: bytes) -> tuple[Columns, str] | None:
    text = line.decode("utf-8", "replace").removeprefix("\ufeff").strip()
    separator = max(_SEPARATORS, key=text.count)
    try:
        cells = _cells(text, separator)
    except Odd:
        return None
    if len(cells) > _MOST_COLUMNS:
        return None
    columns: Columns = {}
    for at, cell in enumerate(cells):
        name = _column(cell)
        if name and name not in columns:
            columns[name] = at
    sides = {name.partition(" ")[0] for name in columns}
    return (columns, separator) if sides >= set(_NEEDED) else None


def _column(cell: str) -> str:
    """`source ip`, `destination pod`, `port` …; empty for a column that says nothing here."""
    name = "".join(c for c in cell.strip().lower() if c not in " _-.")
    for column, names in _COLUMNS.items():
        if name in names:
            return column
    for side, sides in (("source", _SOURCE), ("destination", _DESTINATION)):
        for prefix in sides:
            for field, names in _FIELDS.items():
                if any(name == prefix + one for one in names):
                    return f"{side} {field}"
    return ""
