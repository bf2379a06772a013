"""Recorded flows judged by a model. Flows that no policy tells apart are judged once."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from thwart.lib.intervals import Block
from thwart.network.engine import Model
from thwart.network.explain import Directory, Party, judge
from thwart.network.flowlogs import End
from thwart.network.flowlogs.matching import Matcher, Meant, make_pods, with_pods
from thwart.network.model import Answer, Endpoint, Policy, Reason
from thwart.network.services import ask_service

_MOST_KNOWN = 1 << 20
_WORK, _LEAST = 200_000, 4  # endpoints that may be read again because of pods that were not known
_NO_SAY = "neither end is a pod or a node: network policies have no say"


class Judged(Struct, frozen=True, kw_only=True):
    """A recorded flow under a model: who its ends are, and whether it is allowed.

    `answer` is None where an end is unmatched; `why` then says which and why.
    """

    source: Meant
    destination: Meant
    answer: Answer | None
    why: str = ""


class Judge:
    """Judges flows between recorded ends."""

    def __init__(self, model: Model, matcher: Matcher) -> None:
        self._model = model
        self.matcher = matcher
        self._known: dict[tuple[object, ...], Answer] = {}
        self._by_name: dict[tuple[str, str, str], list[Policy]] = {}
        for policy in model.world.policies:
            self._by_name.setdefault((policy.kind, policy.namespace, policy.name), []).append(policy)

    def judge(self, source: End, destination: End, protocol: str, port: int) -> Judged:
        """Whether a flow is allowed."""
        here, there = self.matcher.find(source), self.matcher.find(destination)
        for meant, word, end in ((here, "source", source), (there, "destination", destination)):
            if meant.why:
                return Judged(source=here, destination=there, answer=None, why=f"{word} {end}: {meant.why}")
        if here.service is not None:
            return Judged(
                source=here, destination=there, answer=None, why=f"source {source}: a service connects to nobody"
            )
        if here.outside and there.outside:
            return Judged(source=here, destination=there, answer=None, why=_NO_SAY)
        return Judged(source=here, destination=there, answer=self._answer(here, there, protocol, port))

    def _answer(self, source: Meant, destination: Meant, protocol: str, port: int) -> Answer:
        if destination.service is not None:
            return self._to_service(source, destination, protocol, port)
        bit = self._model.ports.bit(protocol, port)
        if len(source.parties) == 1 == len(destination.parties) and not destination.made:
            return self._one(source.parties[0], destination.parties[0], bit)
        answers = {self._one(one, other, bit) for one in source.parties for other in destination.parties}
        if len(answers) > 1 and len({answer.allowed for answer in answers}) > 1:
            text = "the recorder does not tell the address outside, and policies tell such addresses apart"
            return Answer(allowed=None, because=(Reason(direction="", effect="unknown", text=text),))
        answer = min(answers, key=lambda one: str(one.because))
        if answer.allowed is False and destination.made and self._by_port_name(answer):
            text = "a rule names a port, and the recorder does not tell how the pod names its ports"
            return Answer(allowed=None, because=(Reason(direction="", effect="unknown", text=text),))
        return answer

    def _to_service(self, source: Meant, destination: Meant, protocol: str, port: int) -> Answer:
        """A service that the recorder did not resolve: allowed when every pod behind it is reached, denied when none is."""
        assert destination.service is not None
        found = None
        for party in source.parties[:1]:
            found = ask_service(self._model, self.matcher.services, party, destination.service, protocol, port)
        if found is None or found.allowed is None or not found.each or len(source.parties) > 1:
            text = found.note if found is not None and found.note else "it depends on the pod behind the service"
            return Answer(allowed=None, because=(Reason(direction="", effect="unknown", text=text),))
        return Answer(allowed=found.allowed, because=found.each[0][1].because)

    def _one(self, source: Party, destination: Party, bit: int) -> Answer:
        same = source.endpoint is not None and source.endpoint is destination.endpoint and source.endpoint.single
        versions = tuple(party.address.version if party.address else 0 for party in (source, destination))
        key = (source.number, destination.number, bit, same, versions)
        known = self._known.get(key)
        if known is None:
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            known = self._known[key] = judge(self._model, source, destination, bit)
        return known

    def _by_port_name(self, answer: Answer) -> bool:
        """Whether a policy that denied has a rule with a port by name."""
        for reason in answer.because:
            for policy in self._by_name.get((reason.kind, reason.namespace, reason.policy), ()):
                for rule in policy.rules(reason.direction):
                    if any(port.name for port in rule.ports or ()):
                        return True
        return False


def prepare(model: Model, directory: Directory, ends: Iterable[End], pods_in: tuple[Block, ...] = ()) -> Judge:
    """A judge of a model to which the pods are added that only the recorder describes."""
    matcher = Matcher(model, directory, pods_in)
    made = make_pods(matcher, ends)
    return _with(model, made, pods_in) if made else Judge(model, matcher)


def _with(model: Model, made: tuple[Endpoint, ...], pods_in: tuple[Block, ...]) -> Judge:
    model = Model(with_pods(model.world, made))
    return Judge(model, Matcher(model, Directory(model), pods_in, frozenset(map(id, made))))


class GrowingJudge:
    """A judge of a stream: pods that only the recorder describes are added as they are met.

    Each addition makes the model anew, so that there are only so many: what comes after is unmatched.
    """

    def __init__(self, model: Model, directory: Directory, pods_in: tuple[Block, ...] = ()) -> None:
        self._model = model
        self._pods_in = pods_in
        self._made: tuple[Endpoint, ...] = ()
        self._left = max(_WORK // (len(model.world.endpoints) + 1), _LEAST)
        self._matcher = Matcher(model, directory, pods_in)
        self._judge = Judge(model, self._matcher)

    def judge(self, source: End, destination: End, protocol: str, port: int) -> Judged:
        """Whether a flow is allowed."""
        judged = self._judge.judge(source, destination, protocol, port)
        if judged.answer is None and (judged.source.why or judged.destination.why) and self._left > 0:
            made = make_pods(self._matcher, (source, destination))
            if made:
                self._left -= 1
                self._made += made
                self._judge = _with(self._model, self._made, self._pods_in)
                self._matcher = self._judge.matcher
                return self._judge.judge(source, destination, protocol, port)
        return judged
