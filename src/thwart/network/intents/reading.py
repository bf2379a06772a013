"""Intents out of a YAML file: bounded, strict, every mistake with its line."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from thwart.core.errors import UsageError
from thwart.core.limits import DEFAULT, Limits
from thwart.lib.documents import DocumentError
from thwart.lib.yaml_positions import YamlMap, load_all
from thwart.network.intents._fields import Mistake, Value
from thwart.network.intents._terms import EVERY_POD, every, namespace_names, party, ports, side
from thwart.network.intents.form import Allow, Deny, DnsAlways, Exposed, Form, Intent, Isolated, NoInternet, Only, Side
from thwart.network.model import OutsidePeer, PortMatch
from thwart.network.selectors import Invalid, check_key, shown

MAX_NODES = 400_000
MAX_DEPTH = 64
MAX_TENANTS = 500
_DNS_PORTS = (PortMatch("UDP", 53, 53), PortMatch("TCP", 53, 53))
_NAME_LENGTH = 200


class IntentsError(UsageError):
    """An intents file says what cannot be meant (exit 2); `sentences` has every mistake."""

    slug = "intents"

    def __init__(self, sentences: list[str]) -> None:
        super().__init__(sentences[0], "docs/reference/intents.md describes the file")
        self.sentences = sentences


def read_intents(files: Iterable[tuple[str, bytes]], limits: Limits = DEFAULT) -> tuple[Intent, ...]:
    """The intents of all files.

    Args:
        files: name and content of each.
        limits: bounds on each file.

    Raises:
        IntentsError: a file is no YAML, or something in it cannot be meant so.
    """
    found: list[Intent] = []
    wrong: list[str] = []
    names: dict[str, Intent] = {}
    for path, data in files:
        for made in _file(path, data, limits):
            if isinstance(made, Mistake):
                wrong.append(f"{path}:{made.line}: {made.sentence}" if made.line else f"{path}: {made.sentence}")
            elif made.name in names:
                first = names[made.name]
                place = f"{first.path}:{first.line}"
                wrong.append(f"{path}:{made.line}: another intent is called {shown(made.name)} ({place})")
            else:
                names[made.name] = made
                found.append(made)
    if wrong:
        raise IntentsError(wrong)
    return tuple(found)


def _file(path: str, data: bytes, limits: Limits) -> list[Intent | Mistake]:
    try:
        documents = load_all(data, max_bytes=limits.yaml_bytes, max_depth=MAX_DEPTH, max_nodes=MAX_NODES, typed=False)
    except DocumentError as error:
        return [Mistake(error.line, error.reason)]
    try:
        listed = _list(documents)
    except Mistake as mistake:
        return [mistake]
    made: list[Intent | Mistake] = []
    for one in listed:
        try:
            made.append(_intent(one, path))
        except Mistake as mistake:
            made.append(mistake)
    return made


def _list(documents: tuple[object, ...]) -> list[Value]:
    if len(documents) != 1:
        raise Mistake(0, f"an intents file is one YAML document, not {len(documents)}")
    line = documents[0].place.line if isinstance(documents[0], YamlMap) else 1
    fields = Value(documents[0], line).fields("an intents file", ("version", "intents"))
    version = fields.need("version")
    if version.node != "1":
        raise Mistake(version.line, f"the version {shown(str(version.node))} is not known: this reads version 1")
    intents = fields.need("intents")
    if not isinstance(intents.node, list):
        raise Mistake(intents.line, "intents must be a list")
    return intents.items("intents")


def _intent(value: Value, path: str) -> Intent:
    fields = value.fields("an intent", ("name", "why", "may-be-empty", *_FORMS))
    name = fields.need("name").text("name")
    if len(name) > _NAME_LENGTH or "\n" in name:
        raise Mistake(fields.need("name").line, f"a name is one line of at most {_NAME_LENGTH} characters")
    forms = [key for key in fields if key in _FORMS]
    if len(forms) != 1:
        found = f"has {' and '.join(forms)}" if forms else "says nothing that must hold"
        raise Mistake(value.line, f"the intent {shown(name)} {found}: give exactly one of {', '.join(_FORMS)}")
    kind = forms[0]
    why, empty = fields.get("why"), fields.get("may-be-empty")
    return Intent(
        name=name,
        why="" if why is None else why.text("why"),
        kind=kind,
        form=_FORMS[kind](fields.need(kind)),
        path=path,
        line=value.line,
        may_be_empty=empty is not None and empty.flag("may-be-empty"),
    )


# -- forms --------------------------------------------------------------------------------------------------------


def _flow(value: Value, what: str) -> tuple[Side, Side, tuple[PortMatch, ...] | None]:
    fields = value.fields(what, ("from", "to", "ports"))
    return side(fields.need("from"), "from"), side(fields.need("to"), "to"), ports(fields.get("ports"))


def _allow(value: Value) -> Form:
    source, destination, on = _flow(value, "allow")
    return Allow(source=source, destination=destination, ports=on)


def _deny(value: Value) -> Form:
    source, destination, on = _flow(value, "deny")
    return Deny(source=source, destination=destination, ports=on)


def _only(value: Value) -> Form:
    fields = value.fields("only", ("from", "to", "ports", "can"))
    can = fields.get("can")
    return Only(
        source=every(fields.need("from"), "from"),
        destination=every(fields.need("to"), "to"),
        ports=ports(fields.get("ports")),
        can=can is not None and can.flag("can"),
    )


def _nothing(value: Value) -> Form:
    fields = value.fields("nothing-reaches", ("to", "but", "ports"))
    but = fields.get("but")
    return Only(
        source=None if but is None else every(but, "but"),
        destination=every(fields.need("to"), "to"),
        ports=ports(fields.get("ports")),
    )


def _internet(value: Value) -> Form:
    if not isinstance(value.node, YamlMap):
        return NoInternet(source=every(value, "no-internet-egress"), but=None, ports=None)
    fields = value.fields("no-internet-egress", ("from", "but", "ports"))
    but = fields.get("but")
    return NoInternet(
        source=every(fields.need("from"), "from"),
        but=None if but is None else party(but, "but"),
        ports=ports(fields.get("ports")),
    )


def _dns(value: Value) -> Form:
    if not isinstance(value.node, YamlMap):
        return DnsAlways(source=every(value, "dns-always"), destination=None, ports=_DNS_PORTS)
    fields = value.fields("dns-always", ("from", "dns", "ports"))
    where, on = fields.get("dns"), fields.get("ports")
    return DnsAlways(
        source=every(fields.need("from"), "from"),
        destination=None if where is None else side(where, "dns"),
        ports=_DNS_PORTS if on is None else ports(on),
    )


def _exposed(value: Value) -> Form:
    fields = value.fields("exposed", ("at", "from", "within"))
    source, within = fields.get("from"), fields.get("within")
    at = fields.need("at")
    listed = at.items("at") if at.node != [] else []  # an empty list says that nothing is exposed
    return Exposed(
        at=tuple(_place(one) for one in listed),
        source=Side(OutsidePeer(), at.line, some=True) if source is None else side(source, "from"),
        within=Side(EVERY_POD, at.line) if within is None else every(within, "within"),
    )


def _place(value: Value) -> tuple[Side, tuple[PortMatch, ...] | None]:
    if not isinstance(value.node, YamlMap):
        return every(value, "at"), None
    fields = value.fields("at", ("to", "ports"))
    return every(fields.need("to"), "to"), ports(fields.get("ports"))


def _isolated(value: Value) -> Form:
    fields = value.fields("isolated", ("by-label", "by-namespace", "tenants", "shared", "ports"))
    ways = [key for key in ("by-label", "by-namespace", "tenants") if key in fields]
    if len(ways) != 1:
        raise Mistake(fields.line, "isolated needs exactly one of by-label, by-namespace and tenants")
    shared = fields.get("shared")
    chosen = fields.need(ways[0])
    return Isolated(
        label=_label(chosen) if ways[0] == "by-label" else "",
        namespaces=_namespaces(chosen) if ways[0] == "by-namespace" else None,
        groups=_tenants(chosen) if ways[0] == "tenants" else (),
        shared=None if shared is None else party(shared, "shared"),
        ports=ports(fields.get("ports")),
        line=value.line,
    )


def _label(value: Value) -> str:
    key = value.text("by-label")
    try:
        check_key(key, ())
    except Invalid as invalid:
        raise Mistake(value.line, invalid.why) from None
    return key


def _namespaces(value: Value) -> tuple[str, ...]:
    if value.node == "all":
        return ()
    names = namespace_names(value)
    if len(set(names)) < 2:
        raise Mistake(value.line, "by-namespace is all, or a list of at least two namespaces")
    return tuple(dict.fromkeys(names))


def _tenants(value: Value) -> tuple[tuple[str, Side], ...]:
    if not isinstance(value.node, YamlMap) or len(value.node) < 2:
        raise Mistake(value.line, "tenants are at least two, as a mapping of names to parties")
    if len(value.node) > MAX_TENANTS:
        raise Mistake(value.line, f"more than {MAX_TENANTS} tenants: tell them apart by-label or by-namespace")
    fields = value.fields("tenants", tuple(value.node))
    return tuple((key, every(fields.need(key), f"tenant {key}")) for key in fields)


_FORMS: dict[str, Callable[[Value], Form]] = {
    "allow": _allow,
    "deny": _deny,
    "only": _only,
    "nothing-reaches": _nothing,
    "isolated": _isolated,
    "no-internet-egress": _internet,
    "dns-always": _dns,
    "exposed": _exposed,
}
