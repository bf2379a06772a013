"""Calico's Goldmane: what its emitter posts, and what its gRPC interface gives as JSON.

Shape: calico goldmane/proto/api.proto; the emitter writes Go's JSON of it (enumerations are numbers), grpcurl protobuf's
(camel case, enumerations are names, 64-bit numbers are texts). There are no addresses: ends have names and labels.
"""

from __future__ import annotations

import msgspec

from thwart.network.flowlogs._words import snake
from thwart.network.flowlogs.formats import Read, Sample, Stream, flow_format
from thwart.network.flowlogs.formats._calico import Written, end_of, record_of


class _Key(msgspec.Struct):
    source_name: str = ""
    source_namespace: str = ""
    source_type: int | str = 0
    dest_name: str = ""
    dest_namespace: str = ""
    dest_type: int | str = 0
    dest_port: int = 0
    proto: str = ""
    reporter: int | str = 0
    action: int | str = 0


class _Flow(msgspec.Struct):
    key: _Key | None = msgspec.field(default=None, name="Key")
    start_time: int | None = None
    end_time: int | None = None
    source_labels: tuple[str, ...] | None = None
    dest_labels: tuple[str, ...] | None = None
    num_connections_started: int = 0
    num_connections_completed: int = 0
    num_connections_live: int = 0


class _Result(_Flow):
    flow: _Flow | None = None


@flow_format
class Goldmane:
    """Flows of Goldmane, alone or as results of its interface."""

    json = True

    def __init__(self, stream: Stream) -> None:
        self._ends = stream.ends
        self._decode = msgspec.json.Decoder(_Result, strict=False).decode

    @staticmethod
    def knows(sample: Sample) -> bool:
        """Whether it is a flow of Goldmane."""
        flow = sample.value.get("flow", sample.value) if isinstance(sample.value, dict) else None
        return isinstance(flow, dict) and isinstance(flow.get("Key", flow.get("key")), dict)

    def read(self, line: bytes, number: int) -> Read:
        """One flow of one interval."""
        if b'"destPort"' in line or b'"sourceName"' in line or b'"destName"' in line or b'"key"' in line:
            line = msgspec.json.encode(snake(msgspec.json.decode(line), {"key": "Key"}))
        result = self._decode(line)
        flow = result.flow or result
        key = flow.key or _Key()
        source = Written(
            name=key.source_name, namespace=key.source_namespace, type=key.source_type, labels=flow.source_labels or ()
        )
        destination = Written(
            name=key.dest_name, namespace=key.dest_namespace, type=key.dest_type, labels=flow.dest_labels or ()
        )
        return record_of(
            end_of(self._ends, source),
            end_of(self._ends, destination),
            protocol=key.proto,
            port=key.dest_port,
            action=key.action,
            reporter=key.reporter,
            start=flow.start_time,
            end=flow.end_time,
            count=max(flow.num_connections_started, flow.num_connections_completed, flow.num_connections_live),
            number=number,
        )
