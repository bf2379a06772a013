"""What an intent means in a world: claims about sets of ends, and what in it means nobody."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from msgspec import Struct, field

from thwart.lib.bitsets import members, pack
from thwart.network.intents._terms import INTERNET
from thwart.network.intents.ends import Ends, Found
from thwart.network.intents.form import (
    Allow,
    Deny,
    DnsAlways,
    Exposed,
    Intent,
    Isolated,
    NoInternet,
    Only,
    Party,
    Ports,
    Side,
    Without,
)
from thwart.network.model import OutsidePeer, PodPeer
from thwart.network.selectors import Requirement

DNS = PodPeer((Requirement("k8s-app", "In", ("kube-dns",)),), "kube-system")


class Claim(Struct, frozen=True, kw_only=True):
    """Flows that must all be possible (`must`) or impossible, from `within` without `but` to `destinations`.

    All sets are of ends, but `source_classes`, which are the classes that hold a source. A source that is not `explicit`
    is not held against a pod on whose own node it is: nothing can stop it. With `some_source` or `some_destination` one
    of that side is enough for each of the other (one pair with both). With `some_port` one of the ports is enough; with
    `beside` all ports but these are meant.
    """

    must: bool
    within: int
    destinations: int
    ports: Ports
    source_classes: int
    but: int = 0
    explicit: int = 0
    some_source: bool = False
    some_destination: bool = False
    some_port: bool = False
    beside: bool = False

    @property
    def sources(self) -> int:
        """The ends that flows begin at."""
        return self.within & ~self.but


class Meaning(Struct):
    """The claims of an intent, and sentences on what means nobody, with their lines."""

    intent: Intent
    claims: list[Claim] = field(default_factory=list)
    empty: list[tuple[int, str]] = field(default_factory=list)


def parties(intent: Intent) -> Iterator[Party]:
    """Every party that an intent speaks of."""
    form = intent.form
    if isinstance(form, Allow | Deny):
        yield from (form.source.party, form.destination.party)
    elif isinstance(form, Only):
        yield form.destination.party
        if form.source is not None:
            yield form.source.party
    elif isinstance(form, Isolated):
        yield from (one.party for _, one in form.groups)
        yield from () if form.shared is None else (form.shared,)
    elif isinstance(form, NoInternet):
        yield from (form.source.party, _internet(form))
    elif isinstance(form, DnsAlways):
        yield from (form.source.party, form.destination.party if form.destination else DNS)
    else:
        yield from (form.source.party, form.within.party, *(one.party for one, _ in form.at), OutsidePeer())


def port_names(intent: Intent) -> set[str]:
    """The names of ports that an intent uses."""
    form = intent.form
    listed = [on for _, on in form.at] if isinstance(form, Exposed) else [form.ports]
    return {port.name for on in listed for port in on or () if port.name}


def wants_dns(intent: Intent) -> bool:
    """Whether an intent asks for the cluster's DNS without saying where it is."""
    return isinstance(intent.form, DnsAlways) and intent.form.destination is None


def _internet(form: NoInternet) -> Party:
    return INTERNET if form.but is None else Without(INTERNET, form.but)


def mean(intent: Intent, ends: Ends) -> Meaning:
    """What an intent means where these ends are."""
    return _Mind(intent, ends).meaning()


class _Mind:
    def __init__(self, intent: Intent, ends: Ends) -> None:
        self._ends = ends
        self._made = Meaning(intent)

    def meaning(self) -> Meaning:
        form = self._made.intent.form
        if isinstance(form, Allow | Deny):
            self._flow(form)
        elif isinstance(form, Only):
            self._only(form)
        elif isinstance(form, Isolated):
            self._isolated(form)
        elif isinstance(form, NoInternet):
            source = self._side(form.source, "from")
            self._add(must=False, source=source, to=self._ends.find(_internet(form)).ends, ports=form.ports)
        elif isinstance(form, DnsAlways):
            self._dns(form)
        else:
            self._exposed(form)
        return self._made

    def _side(self, side: Side, what: str) -> Found:
        found = self._ends.find(side.party)
        if not found.ends:
            self._made.empty.append((side.line, f"{what} selects nothing"))
        return found

    def _add(
        self,
        *,
        must: bool,
        source: Found,
        to: int,
        ports: Ports,
        some: tuple[bool, bool, bool] = (False, False, False),
        beside: bool = False,
    ) -> None:
        """Add a claim; `some` are the quantifiers of sources, destinations and ports."""
        destinations = to if beside else self._having(to, ports)
        if source.ends and destinations:
            self._made.claims.append(
                Claim(
                    must=must,
                    within=source.ends,
                    explicit=source.explicit,
                    destinations=destinations,
                    ports=ports,
                    source_classes=self._ends.lift(source.ends),
                    some_source=some[0],
                    some_destination=some[1],
                    some_port=some[2],
                    beside=beside,
                )
            )

    def _having(self, to: int, ports: Ports, *, note: bool = True) -> int:
        """The destinations that have one of the ports: a name is nothing where nobody bears it."""
        if ports is None or any(not port.name for port in ports):
            return to
        wanted = [(port.name, port.protocol) for port in ports]
        found = pack((i for i in members(to) if _bears(self._ends.ends[i].ports, wanted)), self._ends.size)
        if to and not found and note:
            names = ", ".join(name for name, _ in wanted)
            self._made.empty.append((self._made.intent.line, f"no destination has a port called {names}"))
        return found

    # -- forms ----------------------------------------------------------------------------------------------------

    def _flow(self, form: Allow | Deny) -> None:
        source, destination = self._side(form.source, "from"), self._side(form.destination, "to")
        some = (form.source.some, form.destination.some, False)
        must = isinstance(form, Allow)
        self._add(must=must, source=source, to=destination.ends, ports=form.ports, some=some)

    def _only(self, form: Only) -> None:
        destination = self._side(form.destination, "to")
        chosen = 0
        if form.source is not None:
            source = self._side(form.source, "from" if self._made.intent.kind == "only" else "but")
            chosen = source.ends
            if form.can:
                self._add(must=True, source=source, to=destination.ends, ports=form.ports)
        others = Found(self._ends.everyone & ~chosen, 0)
        self._add(must=False, source=others, to=destination.ends, ports=form.ports)

    def _dns(self, form: DnsAlways) -> None:
        where = form.destination or Side(DNS, self._made.intent.line)
        to = self._side(where, "dns").ends
        source = self._side(form.source, "from")
        askers = Found(source.ends & ~to, source.explicit & ~to)  # whoever answers does not ask itself
        self._add(must=True, source=askers, to=to, ports=form.ports, some=(False, where.some, False))

    def _exposed(self, form: Exposed) -> None:
        source, within = self._side(form.source, "from"), self._side(form.within, "within").ends
        anyone = Found(self._ends.find(form.source.party).ends, 0)
        shut: list[tuple[int, Ports]] = []
        exposed = 0
        for at, ports in form.at:
            here = self._side(at, "at").ends
            self._add(must=True, source=source, to=here, ports=ports, some=(form.source.some, False, ports is None))
            exposed |= here
            shut = _shut(shut, here, ports)
        self._add(must=False, source=anyone, to=within & ~exposed, ports=None)
        for to, on in shut:
            if on is not None:
                self._add(must=False, source=anyone, to=to, ports=on, beside=True)

    def _isolated(self, form: Isolated) -> None:
        shared = 0 if form.shared is None else self._ends.find(form.shared).ends
        tenants = [bits & ~shared for bits in self._tenants(form)]
        tenants = [bits for bits in tenants if bits]
        if len(tenants) < 2:
            self._made.empty.append((form.line, "fewer than two tenants have pods"))
            return
        everyone = 0
        for bits in tenants:
            everyone |= bits
        holding = self._ends.lift(everyone)
        counts = Counter(self._ends.ends[one].number for one in members(everyone))
        pieces = _overlaps(everyone, tenants) if form.groups else [(bits, bits) for bits in tenants]
        for here, companions in pieces:
            # classes all of whose tenants are companions
            own = Counter(self._ends.ends[one].number for one in members(companions))
            whole = pack((number for number, count in own.items() if count == counts[number]), self._ends.classes)
            destinations = self._having(here, form.ports, note=False)
            if destinations:
                self._made.claims.append(
                    Claim(
                        must=False,
                        within=everyone,
                        but=companions,
                        destinations=destinations,
                        ports=form.ports,
                        source_classes=holding & ~whole,
                    )
                )

    def _tenants(self, form: Isolated) -> list[int]:
        if form.groups:
            return [self._side(side, f"tenant {name}").ends for name, side in form.groups]
        world = self._ends.model.world
        if form.namespaces:
            found = [(name, self._ends.namespace(name)) for name in form.namespaces]
            self._made.empty += [(form.line, f"namespace {name} has no pods") for name, bits in found if not bits]
            return [bits for _, bits in found]
        if form.namespaces is not None:
            return [self._ends.namespace(name) for name in sorted(world.namespaces)]
        valued: dict[str, int] = {}
        for name, one in sorted(world.namespaces.items()):
            value = one.labels.get(form.label)
            if value is not None:
                valued[value] = valued.get(value, 0) | self._ends.namespace(name)
        return list(valued.values())


def _overlaps(everyone: int, groups: list[int]) -> list[tuple[int, int]]:
    """Everyone cut into those who are in the same groups, each piece with all who share a group with it."""
    pieces = [(everyone, 0)]
    for group in groups:
        pieces = [
            part
            for here, companions in pieces
            for part in ((here & group, companions | group), (here & ~group, companions))
            if part[0]
        ]
    return pieces


def _shut(before: list[tuple[int, Ports]], here: int, ports: Ports) -> list[tuple[int, Ports]]:
    """Disjoint sets of ends with the ports that each is exposed on, and one more."""
    found: list[tuple[int, Ports]] = []
    new = here
    for bits, on in before:
        both = None if on is None or ports is None else tuple(dict.fromkeys((*on, *ports)))
        found += [part for part in ((bits & here, both), (bits & ~here, on)) if part[0]]
        new &= ~bits
    return [*found, (new, ports)] if new else found


def _bears(ports: frozenset[tuple[str, str, int]], wanted: Iterable[tuple[str, str]]) -> bool:
    return any(have == name and protocol in ("", at) for have, at, _ in ports for name, protocol in wanted)
