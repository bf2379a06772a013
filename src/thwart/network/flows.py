"""The protocol of `eval`: flows as JSON lines in, the same with answers out."""

from __future__ import annotations

from typing import Any

import msgspec

from thwart.network.engine import Model
from thwart.network.explain import Directory, Party, UnknownParty, judge
from thwart.network.model import PROTOCOLS, Answer, Reason
from thwart.network.services import Aim, Service, ServiceAnswer, ServicePort, Services, ask_service

ANSWERED, UNKNOWN, MALFORMED = "answered", "unknown", "malformed"


class _End(msgspec.Struct):
    namespace: str = "default"
    pod: str | None = None
    ip: str | None = None
    service: str | None = None


class _Flow(msgspec.Struct):
    src: _End
    dst: _End
    port: int | str
    protocol: str = "TCP"


class Answers:
    """Answers flows; flows that no policy tells apart are judged once."""

    def __init__(self, model: Model, directory: Directory) -> None:
        self._model = model
        self._directory = directory
        self._services = Services(model, directory)
        self._ends: dict[tuple[str, str | None, str | None], Party] = {}
        self._known: dict[tuple[object, ...], dict[str, object]] = {}

    def line(self, line: bytes) -> tuple[bytes, str]:
        """One line of input to one of output, and how it went.

        What cannot be answered gets `"allowed": "unknown"` and an `error` that says why.
        """
        try:
            written = msgspec.json.decode(line)
            flow = msgspec.convert(written, _Flow)
        except (msgspec.MsgspecError, RecursionError, ValueError) as error:
            text = line.decode("utf-8", "replace").strip()
            return _encoded({"input": text[:500], **_failed(f"not a flow: {error}")}), MALFORMED
        given: dict[str, Any] = written
        try:
            answer = self._answer(flow)
        except UnknownParty as error:
            return _encoded({**given, **_failed(str(error))}), UNKNOWN
        except ValueError as error:
            return _encoded({**given, **_failed(str(error))}), MALFORMED
        return _encoded({**given, **answer}), UNKNOWN if answer["allowed"] == "unknown" else ANSWERED

    def _answer(self, flow: _Flow) -> dict[str, object]:
        if flow.protocol not in PROTOCOLS:
            raise ValueError(f"the protocol {flow.protocol!r} is not TCP, UDP or SCTP")
        if flow.dst.service is not None:
            return self._of_service(flow, flow.dst.service)
        source, destination = self._end(flow.src), self._end(flow.dst)
        if source.endpoint is None and destination.endpoint is None and self._strange(source, destination):
            raise UnknownParty("neither end is a pod or a node: network policies have no say")
        port = self._port(flow, destination)
        same = source.endpoint is not None and source.endpoint is destination.endpoint and source.endpoint.single
        versions = [party.address.version if party.address else 0 for party in (source, destination)]
        key = (source.number, destination.number, port, same, *versions)
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = encode(judge(self._model, source, destination, port))
        return known

    def _of_service(self, flow: _Flow, name: str) -> dict[str, object]:
        """A service is reached at its port; policies see what stands behind it."""
        service = self._services.get(flow.dst.namespace, name)
        if service is None:
            raise UnknownParty(f"there is no service {flow.dst.namespace}/{name}")
        port = self._service_port(service, flow)
        if port is None:
            raise UnknownParty(f"{service.what} has no port {flow.port} for {flow.protocol}")
        return encode_service(
            ask_service(self._model, self._services, self._end(flow.src), service, flow.protocol, port.number)
        )

    def _service_port(self, service: Service, flow: _Flow) -> ServicePort | None:
        if isinstance(flow.port, int):
            return self._services.port(service, flow.protocol, flow.port)
        named = (one for one in service.ports if (one.protocol, one.name) == (flow.protocol, flow.port))
        return next(named, None)

    def _strange(self, source: Party, destination: Party) -> bool:
        from thwart.network.classes import OUTSIDE

        return all(self._model.classes[end.number].what == OUTSIDE for end in (source, destination))

    def _end(self, end: _End) -> Party:
        key = (end.namespace, end.pod, end.ip)
        found = self._ends.get(key)
        if found is None:
            if (end.pod is None) == (end.ip is None):
                raise ValueError(
                    "an end of a flow has either a pod (with its namespace) or an ip; a destination may be a service"
                )
            found = (
                self._directory.pod(end.namespace, end.pod) if end.pod is not None else self._directory.ip(end.ip or "")
            )
            self._ends[key] = found
        return found

    def _port(self, flow: _Flow, destination: Party) -> int:
        number = flow.port
        if isinstance(number, str):
            members = (
                [destination.endpoint] if destination.endpoint else self._model.classes[destination.number].members
            )
            numbers = {
                p.number for one in members for p in one.ports if p.name == flow.port and p.protocol == flow.protocol
            }
            if len(numbers) != 1:
                what = f"ports {sorted(numbers)}" if numbers else "no port"
                raise UnknownParty(f"the destination has {what} of the name {flow.port!r} for {flow.protocol}")
            number = numbers.pop()
        if not 1 <= number <= 65535:
            raise ValueError(f"{number} is not a port between 1 and 65535")
        return self._model.ports.bit(flow.protocol, number)


def encode(answer: Answer) -> dict[str, object]:
    """An answer as the protocol writes it."""
    allowed: object = "unknown" if answer.allowed is None else answer.allowed
    return {"allowed": allowed, "because": [_reason(reason) for reason in answer.because]}


def encode_service(answer: ServiceAnswer) -> dict[str, object]:
    """An answer about a service as JSON: `allowed` is true, false, `"some"` or `"unknown"`."""
    allowed: object = {"all": True, "none": False}.get(answer.state, answer.state)
    endpoints = [{"endpoint": name_of(aim), "port": aim.port, **encode(found)} for aim, found in answer.each]
    counts = {"reached": answer.reached, "denied": answer.denied, "unknown": answer.unknown}
    return {"allowed": allowed, **counts, "endpoints": endpoints, **({"note": answer.note} if answer.note else {})}


def name_of(aim: Aim) -> str:
    """The endpoints of an aim, in words."""
    names = sorted({f"{one.namespace}/{one.workload}" for one in aim.endpoints}) or [str(aim.address)]
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _reason(reason: Reason) -> dict[str, object]:
    found: dict[str, object] = {
        "direction": reason.direction,
        "effect": reason.effect,
        "kind": reason.kind,
        "namespace": reason.namespace,
        "policy": reason.policy,
        "rule": reason.rule if reason.rule >= 0 else None,
        "file": reason.path,
        "line": reason.line or None,
        "text": reason.text,
    }
    return {key: value for key, value in found.items() if value not in ("", None) or key == "rule"}


def _failed(why: str) -> dict[str, object]:
    return {"allowed": "unknown", "because": [], "error": why}


def _encoded(document: dict[str, Any]) -> bytes:
    return msgspec.json.encode(document) + b"\n"
