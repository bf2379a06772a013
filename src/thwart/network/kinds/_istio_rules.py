"""One rule of an AuthorizationPolicy as rules in common terms, for each way in which pods are served.

Sources: pilot/pkg/security/authz/model/model.go (what is ANDed and ORed; what becomes of attributes of HTTP on other
connections) and pilot/pkg/serviceregistry/kube/controller/ambient/authorization.go (what ztunnel enforces).

What a rule says of HTTP is no question of a connection. A sidecar takes such a rule that allows for HTTP only: some
request can be allowed, so that the connection is, with a note. One that denies stops every connection that is not HTTP,
and of HTTP only some requests: unknown. Where Services declare the port to speak something else, the one never matches,
and the other always does. Ztunnel, which reads no HTTP, drops such rules that allow, and the HTTP in those that deny.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from thwart.lib.intervals import Span, subtract
from thwart.network import model
from thwart.network.kinds._istio_mesh import AMBIENT, EVERYONE, NOBODY, SIDECAR, UNSURE, Mesh, Spoken
from thwart.network.kinds._istio_spec import (
    ALLOW,
    CUSTOM,
    HTTP_OPERATION,
    HTTP_SOURCE,
    IDENTITY,
    Condition,
    RuleSpec,
    address_block,
    plain,
)
from thwart.network.model import LAST_PORT, AllOf, AnyOf, BlockPeer, Maybe, Not, Peer, PortMatch, Rule

WHOLE = Span(1, LAST_PORT)
OTHERS = (PortMatch("UDP"), PortMatch("SCTP"))
_CALLED = {
    "source.principal": "principals",
    "source.namespace": "namespaces",
    "source.serviceAccount": "serviceAccounts",
}
_FORWARDED = "it asks for the address that a proxy before it reports"
_EXTERNAL = "an external authorizer decides"
_NO_TOKENS = "it asks for a token, and no RequestAuthentication says whose are believed"
_DECLARED = "it is about HTTP, and a Service declares the port to speak something else"
_SPOKEN = "it stops what is not HTTP, and of HTTP requests by their "
_UNSERVED = "it asks for what only some ways of serving the pod know"
_NAMES = {"connection.sni": "it asks for a name in the TLS handshake"}


class Place(NamedTuple):
    """Where a rule is looked at: how pods are served there, and whether their peers come under other names."""

    plane: str
    blurred: bool


class Context(NamedTuple):
    """What the rules of one policy share. `spoken` is what Services declare to be no HTTP."""

    mesh: Mesh
    action: str
    namespace: str
    spoken: tuple[Spoken, ...]


class _Term(NamedTuple):
    """An entry of from, of to or of when; all of it must hold. `http` are attributes that only requests have."""

    peers: tuple[Peer, ...] = ()
    ports: tuple[Span, ...] = (WHOLE,)
    here: tuple[Peer, ...] = ()  # what the pod itself must be
    http: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()

    def also(self, other: _Term) -> _Term:
        """Both."""
        return _Term(
            (*self.peers, *other.peers),
            _common(self.ports, other.ports),
            (*self.here, *other.here),
            (*self.http, *other.http),
            (*self.doubts, *other.doubts),
        )


Made = tuple[tuple[Peer, ...], Rule]  # what the pod must be, and the rule


def needs_identity(rules: Iterable[RuleSpec]) -> bool:
    """Whether any of these rules asks who the source is."""
    return any(
        any(plain(name) in IDENTITY for entry in rule.from_ or () if entry.source for name in entry.source.given())
        or any(condition.key in _CALLED for condition in rule.when or ())
        for rule in rules
    )


def make_rule(spec: RuleSpec, index: int, place: Place, context: Context) -> Iterator[Made]:
    """The rules that one makes, or none where it never matches."""
    source = _Sources(place, context)
    common = _Term()
    for condition in spec.when or ():
        common = common.also(source.condition(condition))
    froms = _alike([source.source(entry.source.given()) for entry in spec.from_ or () if entry.source])
    tos = _alike([_operation(entry.operation.given()) for entry in spec.to or () if entry.operation])
    every = [common.also(one).also(other) for one in froms for other in tos]
    if context.action == ALLOW:
        every = _together(every, place)
    for term in every:
        for judged in _judged(term, place, context):
            if judged.ports and NOBODY not in judged.here:
                yield (*term.here, *judged.here), _rule(index, context, term, judged)


def _together(terms: list[_Term], place: Place) -> list[_Term]:
    """What the terms of a rule that allows share: one that is about HTTP makes all of it so; ztunnel drops it whole."""
    unread = any(term.http or term.doubts for term in terms)
    if place.plane == AMBIENT and unread:
        return []
    http = tuple(dict.fromkeys(name for term in terms for name in term.http))
    dropped = (_UNSERVED,) if place.plane == UNSURE and unread else ()
    return [term._replace(http=http, doubts=(*term.doubts, *dropped)) for term in terms]


def _rule(index: int, context: Context, term: _Term, judged: _Judged) -> Rule:
    return Rule(
        index=index,
        action=model.ALLOW if context.action == ALLOW else model.DENY,
        peers=(_all(term.peers),) if term.peers else None,
        ports=tuple(PortMatch("TCP", span.first, span.last) for span in judged.ports),
        pointer=("spec", "rules", index),
        doubt=judged.doubt,
        note=judged.note,
    )


class _Judged(NamedTuple):
    """Ports of a term, where they stand so, and what the rule is there."""

    ports: tuple[Span, ...]
    here: tuple[Peer, ...] = ()
    doubt: str = ""
    note: str = ""


def _judged(term: _Term, place: Place, context: Context) -> Iterator[_Judged]:
    doubts = "; ".join(dict.fromkeys(term.doubts))
    if context.action == CUSTOM:
        yield _Judged(term.ports, doubt=_EXTERNAL)
    elif place.plane == AMBIENT or not (term.http or doubts):
        yield _Judged(term.ports)
    elif not term.http:
        yield _Judged(term.ports, doubt=doubts)
    elif place.plane != SIDECAR:
        yield _Judged(term.ports, doubt=doubts or _UNSERVED)
    else:
        yield from _by_protocol(term, doubts, context)


def _by_protocol(term: _Term, doubts: str, context: Context) -> Iterator[_Judged]:
    """A rule about HTTP at pods with sidecars: what it is depends on what the port speaks."""
    named = ", ".join(dict.fromkeys(term.http))
    allows = context.action == ALLOW
    doubt, note = (doubts, f"only HTTP requests by their {named}") if allows else (doubts or _SPOKEN + named, "")
    left = term.ports
    for spoken in context.spoken:
        declared = _ports(map(str, spoken.ports), denied=False)
        ports, left = _common(term.ports, declared), _minus(left, declared)
        if ports:
            yield _Judged(ports, (Not(AnyOf((spoken.never, spoken.perhaps))),), doubt, note)
            yield _Judged(ports, (spoken.perhaps,), doubt=_DECLARED)
            if not allows:
                yield _Judged(ports, (spoken.never,), doubts)
    yield _Judged(left, (), doubt, note)


class _Sources:
    """Reads what asks for the source."""

    def __init__(self, place: Place, context: Context) -> None:
        self._place, self._context, self._mesh = place, context, context.mesh

    def source(self, given: dict[str, list[str]]) -> _Term:
        found = _Term()
        for name, values in given.items():
            found = found.also(self._attribute(plain(name), values, denied=name.startswith("not")))
        return found

    def _attribute(self, name: str, values: list[str], *, denied: bool) -> _Term:
        if name in HTTP_SOURCE:
            return self._token(name)
        if name == "remoteIpBlocks":
            return self._unread(name, _FORWARDED)
        found = _blocks(values) if name == "ipBlocks" else self._identity(name, values)
        return _Term(peers=(Not(found) if denied else found,))

    def _identity(self, name: str, values: list[str]) -> Peer:
        if self._place.blurred:
            return Maybe(EVERYONE)
        if name == "principals":
            return self._mesh.principals(values)
        if name == "namespaces":
            return self._mesh.namespaces(values)
        return self._mesh.accounts(values, self._context.namespace)

    def _token(self, name: str) -> _Term:
        believed = self._mesh.has_tokens() or self._context.action != ALLOW
        return _Term(http=(name,), doubts=() if believed else (_NO_TOKENS,))

    def _unread(self, name: str, doubt: str) -> _Term:
        """What is seen on other connections than HTTP ones too, but not in the documents; ztunnel knows none of it."""
        return _Term(http=(name,)) if self._place.plane == AMBIENT else _Term(doubts=(doubt,))

    def condition(self, condition: Condition) -> _Term:
        key, found = condition.key or "", _Term()
        for values, denied in ((condition.values, False), (condition.not_values, True)):
            if values:
                found = found.also(self._condition(key, values, denied=denied))
        return found

    def _condition(self, key: str, values: list[str], *, denied: bool) -> _Term:
        if key == "source.ip" or key in _CALLED:
            return self._attribute(_CALLED.get(key, "ipBlocks"), values, denied=denied)
        if key == "destination.port":
            return _Term(ports=_ports(values, denied=denied))
        if key == "destination.ip":
            found = _blocks(values)
            return _Term(here=(self._mesh.elsewhere(found) if denied else found,))
        if key == "remote.ip":
            return self._unread(key, _FORWARDED)
        if key.startswith("request.auth."):
            return self._token(key)
        if key.startswith("request."):
            return _Term(http=(key,))
        return self._unread(key, _NAMES.get(key, f"it asks for {key}"))


def _operation(given: dict[str, list[str]]) -> _Term:
    found = _Term()
    for name, values in given.items():
        if plain(name) in HTTP_OPERATION:
            found = found.also(_Term(http=(name,)))
        else:
            found = found.also(_Term(ports=_ports(values, denied=name.startswith("not"))))
    return found


def _alike(terms: list[_Term]) -> list[_Term]:
    """Entries of which one must hold, put together where they differ in nothing but peers, or nothing but ports."""
    if not terms:
        return [_Term()]
    found: dict[tuple[object, ...], list[_Term]] = {}
    for term in terms:
        other = term.ports if term.peers else ()
        found.setdefault((term.http, term.doubts, other), []).append(term)
    return [_either(several) for several in found.values()]


def _either(terms: list[_Term]) -> _Term:
    first = terms[0]
    if not first.peers:
        return first._replace(ports=_union(span for term in terms for span in term.ports))
    return first._replace(peers=(AnyOf(tuple(dict.fromkeys(_all(term.peers) for term in terms))),))


def _all(peers: tuple[Peer, ...]) -> Peer:
    return peers[0] if len(peers) == 1 else AllOf(peers)


def _blocks(texts: Iterable[str]) -> Peer:
    found = tuple(dict.fromkeys(BlockPeer(address_block(text, ())) for text in texts))
    return found[0] if len(found) == 1 else AnyOf(found)


# --- ports ------------------------------------------------------------------------------------------------------------


def _ports(texts: Iterable[str], *, denied: bool) -> tuple[Span, ...]:
    numbers = sorted({int(text) for text in texts} - {0})
    spans = tuple(Span(number, number) for number in numbers)
    return _minus((WHOLE,), spans) if denied else spans


def _minus(spans: tuple[Span, ...], holes: Iterable[Span]) -> tuple[Span, ...]:
    return _common(spans, tuple(subtract(WHOLE, holes)))


def _common(spans: tuple[Span, ...], others: tuple[Span, ...]) -> tuple[Span, ...]:
    """What is in both; each is ascending and without overlaps, and so is what they share."""
    found: list[Span] = []
    here = there = 0
    while here < len(spans) and there < len(others):
        one, two = spans[here], others[there]
        if one.first <= two.last and two.first <= one.last:
            found.append(Span(max(one.first, two.first), min(one.last, two.last)))
        if one.last <= two.last:
            here += 1
        else:
            there += 1
    return tuple(found)


def _union(spans: Iterable[Span]) -> tuple[Span, ...]:
    found: list[Span] = []
    for span in sorted(spans):
        if found and span.first <= found[-1].last + 1:
            found[-1] = Span(found[-1].first, max(found[-1].last, span.last))
        else:
            found.append(span)
    return tuple(found)
