"""Every form of intent against an evaluator that looks at each flow by itself, over random worlds."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Iterator
from itertools import product
from random import Random
from typing import Any, NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.network.worlds import BLOCKS, BLOCKS6, HOLES, HOLES6, KEYS, NAMES, NAMESPACES, OUTSIDE, PORTS, Maker
from thwart.lib.intervals import Address, parse_address
from thwart.network.classes import HOST, POD
from thwart.network.engine import Model
from thwart.network.explain import Party, judge
from thwart.network.intents import checking
from thwart.network.intents.reading import read_intents
from thwart.network.model import PROTOCOLS, Answer, Endpoint
from thwart.network.world import read_world

Object = dict[str, Any]


class Body(NamedTuple):
    """Someone: a pod, a node, or an address outside."""

    party: Party
    endpoint: Endpoint | None = None
    ip: str = ""

    @property
    def node(self) -> bool:
        return self.endpoint is None and not self.ip


class Naive:
    """Reads intents as plain dictionaries."""

    def __init__(self, model: Model) -> None:
        self.model = model
        world = model.world
        known = {a for pod in world.endpoints for a in pod.addresses} | {
            a for node in world.nodes for a in node.addresses
        }
        self.bodies = [Body(Party(model.partition.of_endpoint[id(e)], e), e) for e in world.endpoints]
        self.bodies += [Body(Party(number)) for number, one in enumerate(model.classes) if one.what == HOST]
        for address in sorted(addresses() - known):
            number = model.partition.outside(address)
            self.bodies.append(Body(Party(number, None, address), None, str(address)))
        self.answers: dict[tuple[object, ...], Answer] = {}

    # -- who ---------------------------------------------------------------------------------------------------------

    def member(self, party: Any, body: Body) -> bool:
        if isinstance(party, list):
            return any(self.member(one, body) for one in party)
        if isinstance(party, str):
            return self.word(party, body)
        if "but" in party:
            rest = {key: value for key, value in party.items() if key != "but"}
            return self.member(rest, body) and not self.member(party["but"], body)
        if "any-of" in party:
            return self.member(party["any-of"], body)
        if "cidr" in party:
            blocks = party["cidr"] if isinstance(party["cidr"], list) else [party["cidr"]]
            return any(self.inside(block, body) for block in blocks)
        if "nodes" in party:
            return self.is_host(body) and self.node_selected(party["nodes"], body)
        return self.pod(party, body)

    def word(self, word: str, body: Body) -> bool:
        if word == "any":
            return True
        if word == "pods":
            return body.endpoint is not None
        if word == "nodes":
            return self.is_host(body)
        if word == "outside":
            return bool(body.ip)
        if word == "internet":
            return bool(body.ip) and not private(body.ip)
        if word[0].isdigit() or ":" in word:
            return self.inside(word, body)
        namespace, _, name = word.partition("/")
        one = body.endpoint
        if one is None or one.namespace != namespace:
            return False
        return name in ("*", one.name, f"{one.kind}/{one.name}", one.workload, one.workload.partition("/")[2])

    def is_host(self, body: Body) -> bool:
        return self.model.classes[body.party.number].what == HOST

    def node_selected(self, selector: Object, body: Body) -> bool:
        name = self.model.classes[body.party.number].node
        found = [node for node in self.model.world.nodes if node.name == name]
        return not selector or (bool(found) and selected(selector, found[0].labels))

    def inside(self, block: str, body: Body) -> bool:
        network = ipaddress.ip_network(block)
        return any(ip.version == network.version and ip in network for ip in self.ips(body))

    def ips(self, body: Body) -> list[ipaddress.IPv4Address | ipaddress.IPv6Address]:
        if body.ip:
            return [ipaddress.ip_address(body.ip)]
        found: list[Address] = list(body.endpoint.addresses) if body.endpoint else []
        if self.is_host(body):
            one = self.model.classes[body.party.number]
            found += [a for member in one.members for a in member.addresses]
            found += [a for node in self.model.world.nodes if one.node == node.name for a in node.addresses]
        return [ipaddress.ip_address(str(address)) for address in found]

    def pod(self, party: Object, body: Body) -> bool:
        one = body.endpoint
        if one is None:
            return False
        if "namespace" in party:
            names = party["namespace"] if isinstance(party["namespace"], list) else [party["namespace"]]
            if one.namespace not in names:
                return False
        elif not selected(party.get("namespaces", {}), self.model.world.namespaces[one.namespace].labels):
            return False
        return selected(party.get("pods", {}), one.labels)

    def explicit(self, party: Any, body: Body) -> bool:
        """Whether a body is meant by more than `any`."""
        if isinstance(party, list):
            return any(self.explicit(one, body) for one in party)
        if isinstance(party, dict) and "but" in party:
            rest = {key: value for key, value in party.items() if key != "but"}
            return self.explicit(rest, body) and not self.member(party["but"], body)
        if isinstance(party, dict) and "any-of" in party:
            return self.explicit(party["any-of"], body)
        return party != "any" and self.member(party, body)

    # -- which ports -------------------------------------------------------------------------------------------------

    def ports(self, written: list[str] | None, destination: Body) -> list[tuple[str, int]]:
        """All ports that differ, of those that are meant."""
        found = []
        for protocol, number in self.all_ports():
            if written is None or any(self.is_port(text, destination, protocol, number) for text in written):
                found.append((protocol, number))
        return found

    def is_port(self, text: str, destination: Body, protocol: str, number: int) -> bool:
        what, _, wanted = str(text).partition("/")
        if what == "any":
            return wanted in ("", protocol)
        if what in NAMES:
            ports = destination.endpoint.ports if destination.endpoint else ()
            return wanted in ("", protocol) and any(
                (p.name, p.protocol, p.number) == (what, protocol, number) for p in ports
            )
        first, _, last = what.partition("-")
        return protocol == (wanted or "TCP") and int(first) <= number <= int(last or first)

    def all_ports(self) -> list[tuple[str, int]]:
        found = {
            (protocol, number)
            for protocol in PROTOCOLS
            for number in (*PORTS, 2, 52, 54, 81, 82, 7999, 8000, 8100, 8101)
        }
        for protocol, (first, last) in (
            span for i in range(self.model.ports.size) for span in self.model.ports.spans(1 << i)
        ):
            found |= {(protocol, first), (protocol, last)}
        return sorted(found)

    # -- what holds --------------------------------------------------------------------------------------------------

    def answer(self, source: Body, destination: Body, protocol: str, number: int) -> Answer:
        bit = self.model.ports.bit(protocol, number)
        key = (
            id(source.endpoint) if source.endpoint else source.party,
            id(destination.endpoint) if destination.endpoint else destination.party,
            bit,
        )
        if key not in self.answers:
            self.answers[key] = judge(self.model, source.party, destination.party, bit)
        return self.answers[key]

    def is_flow(self, source: Body, destination: Body) -> bool:
        if source is destination:
            return source.endpoint is not None and not source.endpoint.single
        return not (source.ip and destination.ip)

    def pair(
        self, source: Body, destination: Body, ports: list[tuple[str, int]], *, must: bool, some: bool
    ) -> bool | None:
        """Whether a pair is as it must be; None where that is not known."""
        found = []
        for protocol, number in ports:
            allowed = self.answer(source, destination, protocol, number).allowed
            found.append(None if allowed is None else allowed is must)
        return any_of(found) if some else all_of(found)

    def forgiven(
        self, source: Body, destination: Body, ports: list[tuple[str, int]], sources: list[Body], party: Any
    ) -> bool:
        """Whether a flow that should not be comes from the destination's own node, which nobody named."""
        here, there = (self.model.classes[body.party.number] for body in (source, destination))
        home = here is there and here.is_one_host
        if here.what != HOST or not (home or there.what == POD):
            return False
        if any(self.explicit(party, body) for body in sources if body.party.number == source.party.number):
            return False
        if home or here.everywhere or (here.node and here.node == there.node):
            return True
        if here.node and there.node:
            return False
        answers = [self.answer(source, destination, protocol, number) for protocol, number in ports]
        doubts = [answer for answer in answers if answer.allowed is None]
        return all(answer.allowed is not True for answer in answers) and not any(
            r.policy for answer in doubts for r in answer.because
        )

    def claim(
        self,
        must: bool,
        sources: list[Body],
        destinations: list[tuple[Body, list[tuple[str, int]]]],
        some: tuple[bool, bool, bool],
        party: Any,
    ) -> tuple[bool | None, int, bool]:
        """Whether a claim holds, how many pods and nodes are concerned, and whether there was anything to ask."""
        table: dict[tuple[int, int], bool | None] = {}
        for (i, source), (j, (destination, ports)) in product(enumerate(sources), enumerate(destinations)):
            if ports and self.is_flow(source, destination):
                holds = self.pair(source, destination, ports, must=must, some=some[2])
                if (
                    holds is not True
                    and not must
                    and not any(some[:2])
                    and self.forgiven(source, destination, ports, sources, party)
                ):
                    holds = True
                table[i, j] = holds
        if not table:
            return True, 0, False
        if some[0] and some[1]:
            return any_of(list(table.values())), 1, True
        # all addresses outside are one when it comes to counting
        here = [-1 if body.ip else i for i, body in enumerate(sources)]
        there = [-1 if body.ip else j for j, (body, _) in enumerate(destinations)]
        if some[0] or some[1]:
            side, names = (1, there) if some[0] else (0, here)
            ends = sorted({pair[side] for pair in table})
            groups = [
                (any_of([holds for pair, holds in table.items() if pair[side] == one]), names[one]) for one in ends
            ]
            state = all_of([holds for holds, _ in groups])
            return state, len({name for holds, name in groups if holds is state}), True
        state = all_of(list(table.values()))
        return state, len({(here[i], there[j]) for (i, j), holds in table.items() if holds is state}), True


def all_of(found: list[bool | None]) -> bool | None:
    return False if False in found else None if None in found else True


def any_of(found: list[bool | None]) -> bool | None:
    return True if True in found else None if None in found else False


def private(ip: str) -> bool:
    blocks = "0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.168.0.0/16 224.0.0.0/3 ::/127 fc00::/7 fe80::/10 ff00::/8"
    address = ipaddress.ip_address(ip)
    return any(address in ipaddress.ip_network(b) for b in blocks.split() if (":" in b) == (":" in ip))


def selected(selector: Object, labels: dict[str, str]) -> bool:
    for key, value in selector.get("matchLabels", {}).items():
        if labels.get(key) != value:
            return False
    for one in selector.get("matchExpressions", []):
        have, values = labels.get(one["key"]), one.get("values", [])
        good = {
            "In": have in values,
            "NotIn": have not in values,
            "Exists": have is not None,
            "DoesNotExist": have is None,
        }
        if not good[one["operator"]]:
            return False
    return True


def addresses() -> set[Address]:
    """Addresses on both sides of every bound that worlds and intents use."""
    found = {parse_address(text) for text in OUTSIDE}
    private_blocks = (
        "172.16.0.0/12",
        "100.64.0.0/10",
        "224.0.0.0/3",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "0.0.0.0/8",
        "fe80::/10",
        "ff00::/8",
        "fc00::/7",
        "::/127",
    )
    holes = [one for several in (*HOLES.values(), *HOLES6.values()) for one in several]
    for text in (*BLOCKS, *BLOCKS6, *holes, *private_blocks, "10.1.2.3/32"):
        block = ipaddress.ip_network(text)
        low, high = int(block.network_address), int(block.broadcast_address)
        found |= {
            Address(block.version, value)
            for value in (low - 1, low, high, high + 1)
            if 0 <= value < 1 << block.max_prefixlen
        }
    return found


def evaluate(naive: Naive, intent: Object) -> tuple[str, int]:
    """What becomes of an intent, and how many are concerned where that can be compared (else 0)."""
    claims: list[tuple[bool | None, int, bool]] = []
    empties: list[bool] = []

    def ends(party: Any) -> list[Body]:
        return [body for body in naive.bodies if naive.member(party, body)]

    def to(party: Any, ports: list[str] | None) -> list[tuple[Body, list[tuple[str, int]]]]:
        found = [(body, naive.ports(ports, body)) for body in ends(party)]
        empties.append(not any(on for _, on in found))
        return found

    def sources(party: Any) -> list[Body]:
        found = ends(party)
        empties.append(not found)
        return found

    kind = next(key for key in intent if key not in ("name", "why", "may-be-empty"))
    form = intent[kind]
    if kind in ("allow", "deny"):
        (source, some_source), (destination, some_destination) = side(form["from"]), side(form["to"])
        some = (some_source, some_destination, False)
        claims.append(naive.claim(kind == "allow", sources(source), to(destination, form.get("ports")), some, source))
    elif kind in ("only", "nothing-reaches"):
        chosen = form.get("from", form.get("but"))
        there = to(form["to"], form.get("ports"))
        if chosen is not None:
            here = sources(chosen)
            if form.get("can"):
                claims.append(naive.claim(True, here, there, (False, False, False), chosen))
        others = [body for body in naive.bodies if chosen is None or not naive.member(chosen, body)]
        claims.append(naive.claim(False, others, there, (False, False, False), "any"))
    elif kind == "no-internet-egress":
        party = {"any-of": "internet", "but": form["but"]} if "but" in form else "internet"
        claims.append(
            naive.claim(False, sources(form["from"]), to(party, form.get("ports")), (False, False, False), form["from"])
        )
    elif kind == "dns-always":
        dns, some_dns = side(form["dns"])
        there = to(dns, form.get("ports", ["53/UDP", "53/TCP"]))
        askers = [body for body in sources(form["from"]) if not naive.member(dns, body)]
        claims.append(naive.claim(True, askers, there, (False, some_dns, False), form["from"]))
    elif kind == "isolated":
        claims += isolated(naive, form, empties)
    else:
        claims += exposed(naive, form, sources, to, empties)
    states = [state for state, _, _ in claims]
    if not intent.get("may-be-empty") and (any(empties) or not any(asked for _, _, asked in claims)):
        return "empty", 0
    state = all_of(states)
    return {True: "held", False: "broken", None: "unknown"}[state], claims[0][1] if len(
        claims
    ) == 1 and state is not True else 0


def side(party: Any) -> tuple[Any, bool]:
    if isinstance(party, dict) and ("some" in party or "all" in party):
        return party.get("some", party.get("all")), "some" in party
    return party, False


def isolated(naive: Naive, form: Object, empties: list[bool]) -> Iterator[tuple[bool | None, int, bool]]:
    shared = form.get("shared")
    groups: dict[str, list[Body]] = {}
    for body in naive.bodies:
        if shared is not None and naive.member(shared, body):
            continue
        for name in tenants(naive, form, body):
            groups.setdefault(name, []).append(body)
    if "tenants" in form:
        empties.append(any(not any(naive.member(p, b) for b in naive.bodies) for p in form["tenants"].values()))
    if isinstance(form.get("by-namespace"), list):
        empties.append(any(not any(naive.member(f"{n}/*", b) for b in naive.bodies) for n in form["by-namespace"]))
    empties.append(len(groups) < 2)
    everyone = {id(body): body for bodies in groups.values() for body in bodies}
    for body in everyone.values():
        mine = {id(one) for bodies in groups.values() if any(one is body for one in bodies) for one in bodies}
        others = [one for key, one in everyone.items() if key not in mine]
        yield naive.claim(False, others, [(body, naive.ports(form.get("ports"), body))], (False, False, False), "any")


def tenants(naive: Naive, form: Object, body: Body) -> list[str]:
    if "tenants" in form:
        return [name for name, party in form["tenants"].items() if naive.member(party, body)]
    if body.endpoint is None:
        return []
    namespace = body.endpoint.namespace
    if "by-namespace" in form:
        return [namespace] if form["by-namespace"] == "all" or namespace in form["by-namespace"] else []
    value = naive.model.world.namespaces[namespace].labels.get(form["by-label"])
    return [] if value is None else [value]


def exposed(
    naive: Naive, form: Object, sources: Any, to: Any, empties: list[bool]
) -> Iterator[tuple[bool | None, int, bool]]:
    party, some = side(form.get("from", {"some": "outside"}))
    here = sources(party)
    places = [(at["to"], at.get("ports")) if isinstance(at, dict) and "to" in at else (at, None) for at in form["at"]]
    for at, ports in places:
        yield naive.claim(True, here, to(at, ports), (some, False, ports is None), party)
    within = form.get("within", "pods")
    empties.append(not any(naive.member(within, body) for body in naive.bodies))
    for body in naive.bodies:
        mine = [ports for at, ports in places if naive.member(at, body)]
        if None in mine or not (mine or naive.member(within, body)):
            continue
        used = [on for ports in mine for on in naive.ports(ports, body)]
        left = [on for on in naive.ports(None, body) if on not in used]
        yield naive.claim(False, here, [(body, left)], (False, False, False), "any")


class Intents:
    """Random intents."""

    def __init__(self, random: Random, endpoints: tuple[Endpoint, ...]) -> None:
        self.r = random
        self.maker = Maker(random)
        self.endpoints = endpoints

    def party(self, depth: int = 2) -> Any:
        r = self.r
        kind = r.randrange(11 if depth else 8)
        if kind == 0 or r.randrange(6) == 0:
            return r.choice(["any", "pods", "pods", "nodes", "outside", "internet"])
        if kind == 1:
            return f"{r.choice(NAMESPACES)}/*"
        if kind == 2:
            one = r.choice(self.endpoints)
            return f"{one.namespace}/{r.choice([one.name, f'{one.kind}/{one.name}'])}"
        if kind == 3:
            return {"cidr": r.sample([*BLOCKS, *BLOCKS6], r.randrange(1, 3))}
        if kind < 6:
            return {"namespace": r.sample(NAMESPACES, r.randrange(1, 3)), "pods": self.maker.selector()}
        if kind < 8:
            return {"namespaces": self.maker.namespace_selector(), "pods": self.maker.selector()}
        if kind == 8:
            return [self.party(depth - 1) for _ in range(r.randrange(1, 3))]
        return {"any-of": self.party(depth - 1), "but": self.party(depth - 1)}

    def side(self) -> Any:
        return {self.r.choice(["all", "some", "some"]): self.party()} if self.r.randrange(3) == 0 else self.party()

    def ports(self) -> dict[str, list[str]]:
        r = self.r
        if r.randrange(3) == 0:
            return {}
        found = []
        for _ in range(r.randrange(1, 3)):
            what = r.choice([str(r.choice(PORTS)), "8000-8100", "2-52", r.choice(NAMES), "any"])
            protocol = r.choice(["", f"/{r.choice(PROTOCOLS)}"])
            found.append(what + (protocol or ("/TCP" if what == "any" else "")))
        return {"ports": found}

    def form(self) -> tuple[str, Object]:
        r = self.r
        kind = r.choice(
            [
                "allow",
                "deny",
                "deny",
                "only",
                "nothing-reaches",
                "no-internet-egress",
                "dns-always",
                "isolated",
                "exposed",
            ]
        )
        if kind in ("allow", "deny"):
            return kind, {"from": self.side(), "to": self.side(), **self.ports()}
        if kind == "only":
            return kind, {
                "from": self.party(),
                "to": self.party(),
                **({"can": True} if r.randrange(2) else {}),
                **self.ports(),
            }
        if kind == "nothing-reaches":
            return kind, {"to": self.party(), **({"but": self.party()} if r.randrange(2) else {}), **self.ports()}
        if kind == "no-internet-egress":
            return kind, {"from": self.party(), **({"but": self.party()} if r.randrange(2) else {}), **self.ports()}
        if kind == "dns-always":
            return kind, {"from": self.party(), "dns": self.side(), **self.ports()}
        if kind == "isolated":
            way = r.randrange(4)
            how: Object = (
                {"by-label": r.choice(list(KEYS))}
                if way == 0
                else {"by-namespace": "all" if way == 1 else r.sample(NAMESPACES, 2)}
            )
            if way == 3:
                how = {"tenants": {name: self.party() for name in "abc"[: r.randrange(2, 4)]}}
            return kind, {**how, **({"shared": self.party()} if r.randrange(3) == 0 else {}), **self.ports()}
        at = [{"to": self.party(1), **self.ports()} for _ in range(r.randrange(0, 3))]
        form: Object = {"at": at, **({"within": self.party(1)} if r.randrange(2) else {})}
        return kind, {**form, **({"from": self.side()} if r.randrange(2) else {})}


def unmodelled(one: Object) -> Object:
    """A policy that nobody models in place of one that somebody may."""
    if not one["kind"].startswith("Cilium"):
        return one
    kind = "ClusterNetworkPolicy" if "Clusterwide" in one["kind"] else "NetworkPolicy"
    return {**one, "kind": kind, "apiVersion": "crd.antrea.io/v1beta1"}


def compare(seed: int) -> list[str]:
    """Intents of one world, both ways; the outcomes."""
    random = Random(seed)
    objects = [unmodelled(one) for one in Maker(random).world()]
    if random.randrange(4) == 0:
        meta = {"name": "strange", "namespace": random.choice(NAMESPACES)}
        objects.append({"apiVersion": "crd.antrea.io/v1beta1", "kind": "NetworkPolicy", "metadata": meta})
    world = read_world([("w.json", json.dumps({"kind": "List", "apiVersion": "v1", "items": objects}).encode())])
    assert world.refused == ()
    model = Model(world)
    makes = Intents(random, world.endpoints)
    intents: list[Object] = [dict([("name", f"i{number}"), makes.form()]) for number in range(12)]
    for intent in intents[::2]:
        intent["may-be-empty"] = True
    text = json.dumps({"version": 1, "intents": intents}).encode()
    verdict = checking.verify(model, read_intents([("i.yaml", text)]))
    naive = Naive(model)
    for intent, outcome in zip(intents, verdict.outcomes, strict=True):
        expected, count = evaluate(naive, intent)
        assert outcome.status == expected, (seed, intent, outcome)
        assert not count or outcome.count == count, (seed, intent, outcome, count)
        check_breach(outcome)
    return [outcome.status for outcome in verdict.outcomes]


def check_breach(outcome: Any) -> None:
    """The flow that is shown is what it is shown for."""
    if outcome.status == "broken":
        assert outcome.breach is not None
        assert outcome.breach.answer.allowed is not None or outcome.unit != "pairs"
        assert outcome.breach.answer.allowed is not outcome.breach.must
        assert outcome.count > 0
    elif outcome.status == "unknown":
        assert outcome.breach is not None
        assert outcome.breach.answer.allowed is None or outcome.unit != "pairs"


@settings(max_examples=25, deadline=None)
@given(st.integers(min_value=0, max_value=1 << 40))
def test_every_intent_fares_as_flow_by_flow(seed: int) -> None:
    assert len(compare(seed)) == 12


def test_random_intents_fare_in_every_way() -> None:
    """Intents that always hold or always break would prove little."""
    seen = dict.fromkeys(("held", "broken", "unknown", "empty"), 0)
    for seed in range(24):
        for status in compare(seed):
            seen[status] += 1
    assert min(seen.values()) > 8, seen
