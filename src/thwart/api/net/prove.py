"""Policies in the kernel: compiled to packet filters, and tried with real connections against the engine's answers."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from random import Random
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from thwart.core.errors import UsageError
from thwart.core.finding import Diagnostic

if TYPE_CHECKING:
    from thwart.api.net._lab import Lab
    from thwart.api.net._lab_cast import Actor, Cast
    from thwart.api.net._lab_probes import Knock, Prober
    from thwart.api.net._load import Network
    from thwart.network.enforcement import Options, Table
    from thwart.network.engine import Model
    from thwart.network.model import Answer, World

MOST_PORTS = 200  # of a protocol
_PATIENCE = (1.0, 3.0)  # seconds to wait for an answer at first, and again before anything is reported
_TRACED = 25  # disagreements for which the kernel's rules are looked up
Service = tuple[str, int]


class NotCompilableError(UsageError):
    """A policy cannot be expressed as packet filters and nothing less was asked for (exit 2)."""

    slug = "not-compilable"


class Disagreement(Struct, frozen=True, kw_only=True):
    """A connection about which the kernel and the engine differ. `rules` are those of the kernel that it met."""

    source: str
    destination: str
    protocol: str
    port: int
    kernel: bool
    engine: Answer
    rules: tuple[str, ...]


class Proof(Struct, frozen=True, kw_only=True):
    """What was tried and how it went.

    `allowed` and `denied` are connections on which kernel and engine agree, `unknown` those about which the engine
    cannot be certain, `silent` those of which nothing was heard. `possible` is how many there are of the same kind.
    """

    cast: Cast
    wiring: str
    ports: tuple[Service, ...]
    possible: int
    tried: Mapping[str, int]
    allowed: int
    denied: int
    unknown: int
    silent: tuple[str, ...]
    disagreements: tuple[Disagreement, ...]
    diagnostics: tuple[Diagnostic, ...]

    @property
    def agree(self) -> int:
        """How many connections kernel and engine agree on."""
        return self.allowed + self.denied


def compile_network(
    network: Network, options: Options | None = None, addresses: Mapping[str, Sequence[str]] | None = None
) -> Table:
    """The policies as a table of nftables; see `thwart.network.enforcement`.

    Args:
        network: what was read.
        options: how the table is made.
        addresses: addresses of pods and workloads that the documents do not tell, by `namespace/name`.

    Raises:
        UsageError: there is no such pod, or no such address.
    """
    from thwart.network.enforcement import compile_world

    return compile_world(_addressed(network.model.world, addresses or {}), options)


def _addressed(world: World, addresses: Mapping[str, Sequence[str]]) -> World:
    from thwart.lib.intervals import parse_address

    given = {}
    for name, texts in addresses.items():
        try:
            given[name] = tuple(map(parse_address, texts))
        except ValueError as error:
            raise UsageError(str(error), f"write --address {name}=192.0.2.1") from None
    endpoints = []
    met = set()
    for endpoint in world.endpoints:
        names = {f"{endpoint.namespace}/{name}" for name in (endpoint.name, f"{endpoint.kind}/{endpoint.name}")}
        met |= names
        own = [address for name in sorted(names & given.keys()) for address in given[name]]
        endpoints.append(replace(endpoint, addresses=tuple(own)) if own else endpoint)
    unmet = sorted(given.keys() - met)
    if unmet:
        raise UsageError(f"there is no pod or workload {unmet[0]}", "name it as namespace/name or namespace/Kind/name")
    return replace(world, endpoints=tuple(endpoints))


def refuse_doubt(network: Network, table: Table) -> None:
    """Refuse a table that says less than the policies.

    Raises:
        NotCompilableError: something of them is not in it, or was not even read.
    """
    incomplete = [one for one in (*network.diagnostics, *table.diagnostics) if one.incomplete]
    if incomplete:
        raise NotCompilableError(incomplete[0].message, *(one.message for one in incomplete[1:6]))


def prove_network(
    network: Network, *, sample: int = 48, probes: int = 100_000, seed: int = 0, ports: Sequence[Service] = ()
) -> Proof:
    """Build a part of the cluster in this kernel, try connections, and compare with the engine.

    Args:
        network: what was read.
        sample: how many pods take part at most (and hosts, and outside addresses); every class before a second of any.
        probes: how many connections are tried at most.
        seed: chooses among pods, addresses and ports.
        ports: what is tried; by default both sides of every bound that a policy has.

    Raises:
        LabError: this machine cannot do it.
    """
    from thwart.api.net._lab import Lab
    from thwart.api.net._lab_cast import choose, make_concrete, selects_hosts
    from thwart.network.enforcement import Options, compile_world, write_text
    from thwart.network.engine import Model
    from thwart.network.explain import Directory
    from thwart.network.model import ON_THE_NET

    random = Random(seed)  # noqa: S311 - a choice of samples
    world, notes = make_concrete(network.model.world)
    on_the_net = replace(world, policies=tuple(policy for policy in world.policies if policy.layer == ON_THE_NET))
    model = Model(on_the_net)
    directory = Directory(model)
    cast = choose(model, directory, sample, random)
    there = replace(world, endpoints=tuple(e for e in world.endpoints if id(e) in cast.endpoints or e.host_network))
    table = compile_world(there, Options(counters=True, hooks=("forward",)))
    notes += table.diagnostics
    if cast.missing:
        message = f"{cast.missing} classes of pods, hosts or outside addresses took no part"
        hint = "raise --sample; a pod whose address is another's too, or of no link, never takes part"
        notes.append(Diagnostic(slug="classes-not-proved", message=message, hint=hint))
    plan = _Plan(cast, hosts=selects_hosts(world), services=ports or services_in_use(world, random), random=random)
    with Lab(cast.boxes) as lab:
        trial = _Trial(lab, model, write_text(table))
        trial.check(cast)
        for actor, knocks in plan.chosen(probes):
            trial.try_all(actor, knocks)
        trial.look_up()
        return trial.proof(cast, plan, tuple(notes))


class _Plan:
    """What is tried."""

    def __init__(self, cast: Cast, *, hosts: bool, services: Sequence[Service], random: Random) -> None:
        self.services = tuple(services)
        self._pairs = [(there, sources) for there, sources in cast.pairs(hosts=hosts) if sources]
        self.possible = sum(len(sources) for _, sources in self._pairs) * len(self.services)
        self._random = random

    def chosen(self, probes: int) -> Iterable[tuple[Actor, dict[Knock, Actor]]]:
        """Each destination with what is tried there; of every pair of ends about as much."""
        from thwart.api.net._lab_probes import Knock

        pairs = sum(len(sources) for _, sources in self._pairs)
        each = min(len(self.services), max(1, probes // max(1, pairs)))
        share = min(1.0, probes / max(1, pairs))
        for there, sources in self._pairs:
            found: dict[Knock, Actor] = {}
            for here in sources:
                if share == 1.0 or self._random.random() < share:
                    tried = self.services if each == len(self.services) else self._random.sample(self.services, each)
                    found.update((Knock(here.end, protocol, port), here) for protocol, port in tried)
            yield there, found


class _Trial:
    """Connections tried, answers compared."""

    def __init__(self, lab: Lab, model: Model, rules: str) -> None:
        from thwart.api.net._lab_probes import Prober

        self._lab, self._model, self._rules = lab, model, rules
        self._prober: Prober = Prober(lab)
        self._answers: dict[tuple[int, int, int, int], Answer] = {}
        self._counts = {True: 0, False: 0, None: 0}
        self._tried = dict.fromkeys(("TCP", "UDP", "SCTP"), 0)
        self._silent: list[str] = []
        self._differ: list[tuple[Actor, Actor, Knock, str]] = []
        self._found: list[Disagreement] = []

    def check(self, cast: Cast) -> None:
        """Everybody reaches everybody as long as there are no rules; then load them.

        Raises:
            LabError: somebody does not.
        """
        from thwart.api.net._lab import LabError
        from thwart.api.net._lab_probes import YES, Knock

        for there, sources in cast.pairs(hosts=True):
            waiting = [Knock(here.end, "UDP", 7) for here in sources]
            for _ in range(20):
                found = self._prober.knock(there.end, waiting, 0.25)
                waiting = [one for one in waiting if found[one] != YES]
                if not waiting:
                    break
            if waiting:
                raise LabError(
                    f"without rules, {waiting[0].source.address} does not reach {there.end.address} in the lab"
                )
        self._lab.load(self._rules)
        self._lab.forget_connections()

    def try_all(self, there: Actor, knocks: Mapping[Knock, Actor]) -> None:
        """Try connections to one end; what is not as expected is tried again before it counts."""
        from thwart.api.net._lab_probes import SILENT, YES

        found = self._prober.knock(there.end, knocks, _PATIENCE[0])
        again = [one for one, answer in found.items() if self._surprises(there, knocks[one], one, answer)]
        if again:
            found.update(self._prober.knock(there.end, again, _PATIENCE[1]))
        for one, answer in found.items():
            here = knocks[one]
            expected = self._expected(here, there, one)
            self._tried[one.protocol] += 1
            if answer == SILENT:
                self._silent.append(f"{here.name} -> {there.name} {one.protocol} {one.port}")
            elif expected.allowed is None or expected.allowed is (answer == YES):
                self._counts[expected.allowed] += 1
            else:
                self._differ.append((here, there, one, answer))

    def _surprises(self, there: Actor, here: Actor, one: Knock, answer: str) -> bool:
        from thwart.api.net._lab_probes import SILENT, YES

        expected = self._expected(here, there, one).allowed
        return answer == SILENT or (expected is not None and expected is not (answer == YES))

    def _expected(self, here: Actor, there: Actor, one: Knock) -> Answer:
        from thwart.network.explain import judge

        bit = self._model.ports.bit(one.protocol, one.port)
        key = (here.party.number, there.party.number, bit, there.end.address.version)
        found = self._answers.get(key)
        if found is None:
            found = self._answers[key] = judge(self._model, here.party, there.party, bit)
        return found

    def look_up(self) -> None:
        """Which rules of the kernel the connections met that are not as the engine says."""
        from thwart.api.net._lab_probes import YES

        for number, (here, there, one, answer) in enumerate(self._differ):
            rules: tuple[str, ...] = ()
            if number < _TRACED:
                before = _counted(self._lab.counters())
                self._prober.knock(there.end, [one], _PATIENCE[1])
                after = _counted(self._lab.counters())
                rules = tuple(
                    text for (text, packets), (_, earlier) in zip(after, before, strict=True) if packets > earlier
                )
            self._found.append(
                Disagreement(
                    source=_named(here),
                    destination=_named(there),
                    protocol=one.protocol,
                    port=one.port,
                    kernel=answer == YES,
                    engine=self._expected(here, there, one),
                    rules=rules,
                )
            )

    def proof(self, cast: Cast, plan: _Plan, notes: tuple[Diagnostic, ...]) -> Proof:
        """Everything together."""
        return Proof(
            cast=cast,
            wiring=self._lab.wiring,
            ports=plan.services,
            possible=plan.possible,
            tried=self._tried,
            allowed=self._counts[True],
            denied=self._counts[False],
            unknown=self._counts[None],
            silent=tuple(self._silent),
            disagreements=tuple(self._found),
            diagnostics=notes,
        )


def _named(actor: Actor) -> str:
    address = str(actor.end.address)
    return actor.name if actor.name == address else f"{actor.name} ({address})"


def _counted(listing: str) -> list[tuple[str, int]]:
    """The comments of the rules in the kernel, with the packets that they met."""
    found = []
    for entry in json.loads(listing)["nftables"]:
        rule = entry.get("rule")
        if rule and "comment" in rule:
            packets = [one["counter"]["packets"] for one in rule["expr"] if "counter" in one]
            found.append((str(rule["comment"]), packets[0] if packets else 0))
    return found


def services_in_use(world: World, random: Random) -> list[Service]:
    """Both sides of every bound of ports that a policy has, and one port of each protocol that none speaks of."""
    found: dict[str, set[int]] = {"TCP": set(), "UDP": set(), "SCTP": set()}
    names = set()
    for policy in world.policies:
        for rule in (*policy.ingress, *policy.egress):
            for port in rule.ports or ():
                if port.name:
                    names.add(port.name)
                else:
                    found[port.protocol].update((port.first - 1, port.first, port.last, port.last + 1))
    for endpoint in world.endpoints:
        for own in endpoint.ports:
            if own.name in names:
                found[own.protocol].update((own.number - 1, own.number, own.number + 1))
    services: list[Service] = []
    for protocol, numbers in found.items():
        usable = sorted(number for number in numbers if 1 <= number <= 65535)
        chosen = usable if len(usable) <= MOST_PORTS else sorted(random.sample(usable, MOST_PORTS))
        services += ((protocol, number) for number in sorted({*chosen, random.randint(1, 65535)}))
    return services
