"""Calico's flow logs as files, and what the Whisker console's interface gives.

Shapes: flow logs of felix (`flows.log`), whisker-backend pkg/apis/v1 FlowResponse. Names may be aggregated (`web-*`), and
the source's address is missing then (calico#10601).
"""

from __future__ import annotations

import msgspec

from thwart.network.flowlogs.formats import Read, Sample, Stream, flow_format
from thwart.network.flowlogs.formats._calico import Written, end_of, record_of


class _Labels(msgspec.Struct):
    labels: tuple[str, ...] | None = None


class _Line(msgspec.Struct):
    start_time: str | int | float | None = None
    end_time: str | int | float | None = None
    start_camel: int | None = msgspec.field(default=None, name="startTime")
    end_camel: int | None = msgspec.field(default=None, name="endTime")
    source_ip: str | None = None
    source_name: str | None = None
    source_name_aggr: str | None = None
    source_namespace: str | None = None
    source_type: str | None = None
    source_labels: _Labels | tuple[str, ...] | str | None = None
    dest_ip: str | None = None
    dest_name: str | None = None
    dest_name_aggr: str | None = None
    dest_namespace: str | None = None
    dest_port: int | str | None = None
    dest_type: str | None = None
    dest_labels: _Labels | tuple[str, ...] | str | None = None
    proto: str | int | None = None
    protocol: str | int | None = None
    action: str = ""
    reporter: str = ""
    num_flows: int | None = None


@flow_format
class Calico:
    """Flat objects, one flow each."""

    json = True

    def __init__(self, stream: Stream) -> None:
        self._ends = stream.ends
        self._decode = msgspec.json.Decoder(_Line, strict=False).decode

    @staticmethod
    def knows(sample: Sample) -> bool:
        """Whether it is a flow log of Calico."""
        return (
            isinstance(sample.value, dict)
            and {"dest_port", "reporter", "action"} <= sample.value.keys()
            and "Key" not in sample.value
        )

    def read(self, line: bytes, number: int) -> Read:
        """One flow."""
        one = self._decode(line)
        source = Written(
            name=one.source_name or "",
            aggregated=one.source_name_aggr or "",
            namespace=one.source_namespace or "",
            type=one.source_type or "",
            ip=one.source_ip or "",
            labels=_labels(one.source_labels),
        )
        destination = Written(
            name=one.dest_name or "",
            aggregated=one.dest_name_aggr or "",
            namespace=one.dest_namespace or "",
            type=one.dest_type or "",
            ip=one.dest_ip or "",
            labels=_labels(one.dest_labels),
        )
        return record_of(
            end_of(self._ends, source),
            end_of(self._ends, destination),
            protocol=one.proto or one.protocol or "",
            port=one.dest_port,
            action=one.action,
            reporter=one.reporter,
            start=one.start_time if one.start_time is not None else one.start_camel,
            end=one.end_time if one.end_time is not None else one.end_camel,
            count=1 if one.num_flows is None else one.num_flows,
            number=number,
        )


def _labels(written: _Labels | tuple[str, ...] | str | None) -> tuple[str, ...]:
    if isinstance(written, _Labels):
        return written.labels or ()
    if isinstance(written, str):
        return tuple(written.replace("|", ",").split(","))
    return written or ()
