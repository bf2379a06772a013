"""The small words of an intents file: parties, selectors, ports."""

from __future__ import annotations

import re

import msgspec

from thwart.lib.intervals import parse_address, parse_block
from thwart.lib.yaml_positions import YamlList, YamlMap
from thwart.network.intents._fields import Fields, Mistake, Value, meant
from thwart.network.intents.form import Everyone, Named, OneOf, Party, Ports, Side, Without
from thwart.network.model import LAST_PORT, PROTOCOLS, BlockPeer, NodePeer, OutsidePeer, PodPeer, PortMatch
from thwart.network.selectors import (
    EVERYTHING,
    Invalid,
    LabelSelector,
    Requirement,
    Selector,
    check_key,
    check_value,
    compile_selector,
    shown,
)

# private, shared, loopback, link-local, multicast and reserved (IANA's special-purpose address registries); blocks for
# documentation are left in: nothing else uses them, and examples do
_NOT_INTERNET = (
    *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
    *("192.168.0.0/16", "224.0.0.0/3", "::/127", "fc00::/7", "fe80::/10", "ff00::/8"),
)
INTERNET = Without(OutsidePeer(), OneOf(tuple(BlockPeer(parse_block(text)) for text in _NOT_INTERNET)))
EVERY_POD = PodPeer(EVERYTHING)
_WORDS: dict[str, Party] = {
    "any": Everyone(),
    "pods": EVERY_POD,
    "nodes": NodePeer(EVERYTHING),
    "outside": OutsidePeer(),
    "internet": INTERNET,
}
_KEYS = ("namespace", "namespaces", "pods", "cidr", "nodes", "any-of", "but")
_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_HINT = "; write any, pods, nodes, outside, internet, namespace/name, namespace/*, an address, a block, or a mapping"


def side(value: Value, what: str) -> Side:
    """A party with its quantifier: `{all: …}` (as without one) or `{some: …}`."""
    if isinstance(value.node, YamlMap) and ("all" in value.node or "some" in value.node):
        fields = value.fields(what, ("all", "some"))
        if len(list(fields)) > 1:
            raise Mistake(value.line, f"{what} is either all or some of a party")
        word = next(iter(fields))
        return Side(party(fields.need(word), what), value.line, some=word == "some")
    return Side(party(value, what), value.line)


def every(value: Value, what: str) -> Side:
    """A party where a quantifier has no place."""
    found = side(value, what)
    if found.some:
        raise Mistake(value.line, f"{what} cannot be some of a party here")
    return found


def party(value: Value, what: str) -> Party:
    """Who is meant."""
    if isinstance(value.node, YamlList):
        parts = tuple(party(item, what) for item in value.items(what))
        return parts[0] if len(parts) == 1 else OneOf(parts)
    if isinstance(value.node, YamlMap):
        fields = value.fields(what, _KEYS)
        found = _mapping(fields, what)
        but = fields.get("but")
        return found if but is None else Without(found, party(but, f"but of {what}"))
    return _word(value.text(what), value.line, what)


def _word(text: str, line: int, what: str) -> Party:
    if text in _WORDS:
        return _WORDS[text]
    head, slash, tail = text.partition("/")
    if "." in head or ":" in head:
        return _block(text, line)
    if not slash:
        raise Mistake(line, f"{what}: {shown(text)} is no party{meant(text, _WORDS) or _HINT}")
    if not _LABEL.fullmatch(head):
        raise Mistake(line, f"{what}: {shown(head)} is not the name of a namespace")
    if tail == "*":
        return PodPeer(EVERYTHING, head)
    if not tail or "*" in tail:
        raise Mistake(line, f"{what}: {shown(text)} is not namespace/name or namespace/*")
    return Named(head, tail)


def _block(text: str, line: int) -> BlockPeer:
    whole = text if "/" in text else f"{text}/{128 if ':' in text else 32}"
    try:
        if "/" not in text:
            parse_address(text)
        return BlockPeer(parse_block(whole))
    except ValueError:
        raise Mistake(line, f"{shown(text)} is neither an address nor a CIDR block") from None


def _mapping(fields: Fields, what: str) -> Party:
    given = [key for key in fields if key != "but"]
    kinds = [key for key in given if key in ("cidr", "nodes", "any-of")]
    if not given:
        raise Mistake(fields.line, f"{what} says who is not meant but not who is: add any-of, namespace or pods")
    if kinds and len(given) > 1:
        raise Mistake(fields.line, f"{what}: {kinds[0]} goes with no key but 'but'")
    if "any-of" in fields:
        return party(fields.need("any-of"), what)
    if "cidr" in fields:
        blocks = tuple(_block(one.text("cidr"), one.line) for one in fields.need("cidr").items("cidr"))
        return blocks[0] if len(blocks) == 1 else OneOf(blocks)
    if "nodes" in fields:
        return NodePeer(selector(fields.need("nodes"), "nodes"))
    return _pods(fields, what)


def _pods(fields: Fields, what: str) -> Party:
    chosen = fields.get("pods")
    pods = EVERYTHING if chosen is None else selector(chosen, "pods")
    if "namespace" not in fields:
        where = fields.get("namespaces")
        return PodPeer(pods, None, EVERYTHING if where is None else selector(where, "namespaces"))
    if "namespaces" in fields:
        raise Mistake(fields.line, f"{what} has either namespace (by name) or namespaces (by labels)")
    names = namespace_names(fields.need("namespace"))
    parts = tuple(PodPeer(pods, name) for name in names)
    return parts[0] if len(parts) == 1 else OneOf(parts)


def namespace_names(value: Value) -> tuple[str, ...]:
    """Names of namespaces: one, or a list."""
    names = []
    for one in value.items("namespace"):
        name = one.text("namespace")
        if not _LABEL.fullmatch(name):
            raise Mistake(one.line, f"{shown(name)} is not the name of a namespace")
        names.append(name)
    return tuple(names)


# -- selectors ----------------------------------------------------------------------------------------------------

_NEGATED = re.compile(r"!\s*([^\s!=,()]+)")
_BARE = re.compile(r"[^\s!=,()]+")
_EQUAL = re.compile(r"([^\s!=,()]+)\s*(==|=|!=)\s*([^\s!=,()]*)")
_SET = re.compile(r"([^\s!=,()]+)\s+(in|notin)\s*\(([^()]*)\)")


def selector(value: Value, what: str) -> Selector:
    """A label selector: `app=web,tier in (a, b),!old`, or matchLabels and matchExpressions."""
    if isinstance(value.node, YamlMap):
        value.fields(what, ("matchLabels", "matchExpressions"))
        return _written(value, what)
    text = value.text(what)
    try:
        return tuple(sorted({_requirement(part.strip(), text) for part in _split(text)}))
    except Invalid as invalid:
        raise Mistake(value.line, f"{what}: {invalid.why}") from None


def _written(value: Value, what: str) -> Selector:
    try:
        return compile_selector(msgspec.convert(value.node, LabelSelector), ())
    except Invalid as invalid:
        line = value.line
        node = value.node
        for step in invalid.pointer:
            if isinstance(node, YamlMap) and step in node:
                line, node = node.keys_at[step].line, node[step]
            elif isinstance(node, YamlList) and isinstance(step, int):
                line, node = node.items_at[step].line, node[step]
        raise Mistake(line, f"{what}: {invalid.why}") from None
    except (msgspec.ValidationError, ValueError, RecursionError):
        raise Mistake(value.line, f"{what} is not a label selector: write matchLabels and matchExpressions") from None


def _split(text: str) -> list[str]:
    """The parts between commas that stand outside parentheses."""
    parts, depth, begin = [], 0, 0
    for at, char in enumerate(text):
        depth += (char == "(") - (char == ")")
        if char == "," and depth == 0:
            parts.append(text[begin:at])
            begin = at + 1
    return [*parts, text[begin:]]


def _requirement(part: str, text: str) -> Requirement:
    if match := _EQUAL.fullmatch(part):
        key, operator, value = match.groups()
        found = Requirement(key, "NotIn" if operator == "!=" else "In", (value,))
    elif match := _SET.fullmatch(part):
        key, operator, inside = match.groups()
        values = tuple(sorted({one.strip() for one in inside.split(",")}))
        found = Requirement(key, "In" if operator == "in" else "NotIn", values)
    elif match := _NEGATED.fullmatch(part):
        found = Requirement(match[1], "DoesNotExist")
    elif _BARE.fullmatch(part):
        found = Requirement(part, "Exists")
    else:
        raise Invalid((), f"{shown(text)} is not a selector: write app=web, tier in (a, b), !old")
    check_key(found.key, ())
    for one in found.values:
        check_value(one, ())
    return found


# -- ports --------------------------------------------------------------------------------------------------------

_NAME = re.compile(r"(?=[-0-9]*[a-z])[a-z0-9]([-a-z0-9]{0,13}[a-z0-9])?")


def ports(value: Value | None) -> Ports:
    """`80`, `53/UDP`, `8000-8100`, `http`, `any`, `any/UDP`; nothing is any."""
    if value is None:
        return None
    found: list[PortMatch] = []
    for one in value.items("ports"):
        text = one.text("a port")
        if text == "any":
            return None
        found.append(_port(text, one.line))
    return tuple(dict.fromkeys(found))


def _port(text: str, line: int) -> PortMatch:
    what, slash, protocol = text.partition("/")
    protocol = protocol.upper()
    if slash and protocol not in PROTOCOLS:
        raise Mistake(line, f"the protocol of the port {shown(text)} is not TCP, UDP or SCTP")
    if what == "any":
        return PortMatch(protocol)
    if _NAME.fullmatch(what):
        return PortMatch(protocol, name=what)
    first, dash, last = what.partition("-")
    bounds = (first, last if dash else first)
    if not all(bound.isascii() and bound.isdigit() and len(bound) <= 5 for bound in bounds):
        raise Mistake(line, f"{shown(text)} is no port: write 80, 53/UDP, 8000-8100, a name, or any")
    low, high = int(bounds[0]), int(bounds[1])
    if not 1 <= low <= high <= LAST_PORT:
        raise Mistake(line, f"{shown(text)} is not between 1 and {LAST_PORT}, lower bound first")
    return PortMatch(protocol or "TCP", low, high)
