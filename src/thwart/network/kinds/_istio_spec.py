"""AuthorizationPolicy and PeerAuthentication of Istio as written, checked as Istio's webhook and schema check them.

Sources: istio/istio pkg/config/validation/validation.go and pkg/config/security/security.go; istio/api security/v1 and
type/v1beta1/selector.proto with the CRDs that are made from them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from thwart.lib.intervals import Block, parse_address, parse_block
from thwart.network.documents import Item
from thwart.network.model import LAST_PORT, Pointer
from thwart.network.selectors import Invalid, Requirement, Selector, shown

ALLOW, DENY, AUDIT, CUSTOM = "ALLOW", "DENY", "AUDIT", "CUSTOM"
UNSET, DISABLE, PERMISSIVE, STRICT = "UNSET", "DISABLE", "PERMISSIVE", "STRICT"
_MODES = (UNSET, DISABLE, PERMISSIVE, STRICT)
IDENTITY = ("principals", "namespaces", "serviceAccounts")  # what the certificate of the source tells
HTTP_SOURCE = ("requestPrincipals",)
HTTP_OPERATION = ("hosts", "methods", "paths")
_TRUE = frozenset({"1", "t", "T", "true", "TRUE", "True"})  # strconv.ParseBool
_MOST = {"serviceAccounts": 16, "notServiceAccounts": 16}
_TARGETS = (
    ("core", "Service"),
    ("networking.istio.io", "ServiceEntry"),
    ("gateway.networking.k8s.io", "Gateway"),
    ("gateway.networking.k8s.io", "GatewayClass"),
)
_REPLACED = ("destination.namespace", "destination.name", "destination.user")
_BAD_TEMPLATE = re.compile(r"/\{\w+=\*\*?\}|\{\w*\}|/\*\*?|\*\*?/")


class _Shape(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    def given(self) -> dict[str, list[str]]:
        """The fields that have values, by their names as written."""
        names = zip(self.__struct_encode_fields__, self.__struct_fields__, strict=True)
        return {written: values for written, name in names if (values := getattr(self, name))}


class SelectorSpec(_Shape):
    """Labels of pods."""

    match_labels: dict[str, str | None] | None = None


class Source(_Shape):
    """`from[].source`: all that is given must hold."""

    principals: list[str] | None = None
    not_principals: list[str] | None = None
    request_principals: list[str] | None = None
    not_request_principals: list[str] | None = None
    namespaces: list[str] | None = None
    not_namespaces: list[str] | None = None
    service_accounts: list[str] | None = None
    not_service_accounts: list[str] | None = None
    ip_blocks: list[str] | None = None
    not_ip_blocks: list[str] | None = None
    remote_ip_blocks: list[str] | None = None
    not_remote_ip_blocks: list[str] | None = None


class From(_Shape):
    """`from[]`."""

    source: Source | None = None


class Operation(_Shape):
    """`to[].operation`: all that is given must hold."""

    hosts: list[str] | None = None
    not_hosts: list[str] | None = None
    ports: list[str] | None = None
    not_ports: list[str] | None = None
    methods: list[str] | None = None
    not_methods: list[str] | None = None
    paths: list[str] | None = None
    not_paths: list[str] | None = None


class To(_Shape):
    """`to[]`."""

    operation: Operation | None = None


class Condition(_Shape):
    """`when[]`."""

    key: str | None = None
    values: list[str] | None = None
    not_values: list[str] | None = None


class RuleSpec(msgspec.Struct, forbid_unknown_fields=True):
    """`rules[]`. Without anything it matches every request."""

    from_: list[From] | None = msgspec.field(default=None, name="from")
    to: list[To] | None = None
    when: list[Condition] | None = None


class Provider(_Shape):
    """Who decides for a CUSTOM policy."""

    name: str | None = None


class TargetRef(_Shape):
    """What a policy is attached to in place of pods."""

    group: str | None = None
    kind: str | None = None
    name: str | None = None
    namespace: str | None = None


class PolicySpec(_Shape):
    """`spec` of an AuthorizationPolicy."""

    selector: SelectorSpec | None = None
    target_ref: TargetRef | None = None
    target_refs: list[TargetRef] | None = None
    rules: list[RuleSpec] | None = None
    action: str | None = None
    provider: Provider | None = None

    def targets(self) -> list[TargetRef]:
        """What it is attached to."""
        return [*([self.target_ref] if self.target_ref else []), *(self.target_refs or ())]


class Mtls(_Shape):
    """Whether connections must be, may be or are not encrypted between proxies."""

    mode: str | None = None


class PeerSpec(_Shape):
    """`spec` of a PeerAuthentication."""

    selector: SelectorSpec | None = None
    mtls: Mtls | None = None
    port_level_mtls: dict[str, Mtls | None] | None = None


def annotation(item: Item, name: str) -> str:
    """An annotation of an object; empty where there is none."""
    return (item.meta.annotations or {}).get(name) or ""


def dry_run(item: Item) -> bool:
    """Whether a policy is only tried out (`istio.io/dry-run`)."""
    return annotation(item, "istio.io/dry-run") in _TRUE


def selector(spec: SelectorSpec | None) -> Selector:
    """The labels that are asked for.

    Raises:
        Invalid: an empty key, a wildcard, or a value that is too long.
    """
    found = []
    for key, value in ((spec.match_labels if spec else None) or {}).items():
        where = ("spec", "selector", "matchLabels", key)
        if not key:
            raise Invalid(where, "the key of a label may not be empty")
        if "*" in key or "*" in (value or ""):
            raise Invalid(where, "there are no wildcards in labels")
        if len(value or "") > 63:
            raise Invalid(where, "the value of a label has at most 63 characters")
        found.append(Requirement(key, "In", (value or "",)))
    return tuple(sorted(found))


def address_block(text: str, pointer: Pointer) -> Block:
    """An address or a block (netip.ParseAddr, netip.ParsePrefix)."""
    try:
        if "/" in text:
            return parse_block(text)
        address = parse_address(text)
        return Block(address.version, address.value, address.value)
    except ValueError:
        raise Invalid(pointer, f"{shown(text)} is neither an address nor a CIDR block") from None


def port(text: str, pointer: Pointer) -> int:
    """A port, as the text that the API wants it to be."""
    if not (text.isascii() and text.isdigit() and len(text) < 20 and int(text) <= LAST_PORT):
        raise Invalid(pointer, f"{shown(text)} is not a port up to {LAST_PORT}")
    return int(text)


# --- AuthorizationPolicy ----------------------------------------------------------------------------------------------


def check_policy(spec: PolicySpec) -> None:
    """Check an AuthorizationPolicy.

    Raises:
        Invalid: Istio's webhook or the schema would refuse it.
    """
    action = spec.action or ALLOW
    if action not in (ALLOW, DENY, AUDIT, CUSTOM):
        raise Invalid(("spec", "action"), f"{shown(action)} is not ALLOW, DENY, AUDIT or CUSTOM")
    if sum((spec.selector is not None, spec.target_ref is not None, bool(spec.target_refs))) > 1:
        raise Invalid(("spec",), "only one of selector, targetRef and targetRefs may be given")
    selector(spec.selector)
    _check_targets(spec)
    if spec.rules is None and action in (DENY, CUSTOM):
        raise Invalid(("spec",), f"without rules the action {action} would never be taken")
    if spec.provider is not None and action != CUSTOM:
        raise Invalid(("spec", "provider"), "only the action CUSTOM has a provider")
    if action == CUSTOM and not (spec.provider and spec.provider.name):
        raise Invalid(("spec",), "the action CUSTOM needs provider.name")
    for index, rule in enumerate(spec.rules or ()):
        _check_rule(rule, ("spec", "rules", index), custom=action == CUSTOM)


def _check_targets(spec: PolicySpec) -> None:
    if len(spec.target_refs or ()) > 16:
        raise Invalid(("spec", "targetRefs"), "there may be at most 16 targetRefs")
    for index, target in enumerate(spec.targets()):
        where: Pointer = ("spec", "targetRef") if spec.target_ref else ("spec", "targetRefs", index)
        if not target.name:
            raise Invalid(where, "the targetRef has no name")
        if target.namespace:
            raise Invalid((*where, "namespace"), "a targetRef may not name a namespace")
        if (target.group or "core", target.kind) not in _TARGETS:
            raise Invalid(where, "a targetRef must be a Service, ServiceEntry, Gateway or GatewayClass")


def _check_rule(rule: RuleSpec, where: Pointer, *, custom: bool) -> None:
    for name, several in (("from", rule.from_), ("to", rule.to)):
        if several is not None and not several:
            raise Invalid((*where, name), f"{name} may not be empty; leave it out to match all")
    for index, entry in enumerate(rule.from_ or ()):
        _check_source(entry.source, (*where, "from", index), custom=custom)
    for index, to in enumerate(rule.to or ()):
        _check_operation(to.operation, (*where, "to", index))
    for index, condition in enumerate(rule.when or ()):
        _check_condition(condition, (*where, "when", index), custom=custom)


def _check_source(source: Source | None, where: Pointer, *, custom: bool) -> None:
    given = source.given() if source else {}
    where = (*where, "source")
    if not given:
        raise Invalid(where, "the source may not be empty; leave from out to match all")
    _check_texts(given, where)
    positive = {plain(name) for name in given}
    if "serviceAccounts" in positive and positive & {"principals", "namespaces"}:
        raise Invalid(where, "serviceAccounts may not be given together with namespaces or principals")
    for name, values in given.items():
        if custom and plain(name) in (*IDENTITY, *HTTP_SOURCE):
            raise Invalid((*where, name), f"{name} may not be given with the action CUSTOM")
        if len(values) > _MOST.get(name, len(values)):
            raise Invalid((*where, name), f"there may be at most {_MOST[name]} of them")
        for index, value in enumerate(values):
            if plain(name) in ("ipBlocks", "remoteIpBlocks"):
                address_block(value, (*where, name, index))
            elif plain(name) == "serviceAccounts":
                _check_account(value, (*where, name, index))


def _check_account(value: str, where: Pointer) -> None:
    if value.count("/") > 1 or len(value) > 320 or not all(value.split("/")):
        raise Invalid(where, f"{shown(value)} is not a service account, or a namespace, a slash and a service account")


def _check_operation(operation: Operation | None, where: Pointer) -> None:
    given = operation.given() if operation else {}
    where = (*where, "operation")
    if not given:
        raise Invalid(where, "the operation may not be empty; leave to out to match all")
    _check_texts(given, where)
    for name, values in given.items():
        for index, value in enumerate(values):
            if plain(name) == "ports":
                port(value, (*where, name, index))
            elif plain(name) == "paths" and ("{*}" in value or "{**}" in value) and _BAD_TEMPLATE.search(value):
                raise Invalid((*where, name, index), f"{shown(value)} is not a path template that Istio knows")


def _check_texts(given: dict[str, list[str]], where: Pointer) -> None:
    for name, values in given.items():
        if "" in values:
            raise Invalid((*where, name, values.index("")), f"{name} may have no empty value")


def _check_condition(condition: Condition, where: Pointer, *, custom: bool) -> None:
    key = condition.key or ""
    if not key:
        raise Invalid(where, "a condition needs a key")
    if custom and (key in ("source.namespace", "source.principal", "source.serviceAccount") or _is_token(key)):
        raise Invalid((*where, "key"), f"{key} may not be given with the action CUSTOM")
    given = [(name, values) for name, values in condition.given().items() if name != "key"]
    if not given:
        raise Invalid(where, "a condition needs values or notValues")
    _check_texts(dict(given), where)
    _check_key(key, (*where, "key"))
    for name, values in given:
        for index, value in enumerate(values):
            if key in ("source.ip", "remote.ip", "destination.ip"):
                address_block(value, (*where, name, index))
            elif key == "destination.port":
                port(value, (*where, name, index))
            elif key == "source.serviceAccount":
                _check_account(value, (*where, name, index))


_PLAIN_KEYS = frozenset(
    {
        "source.ip",
        "remote.ip",
        "source.namespace",
        "source.principal",
        "source.serviceAccount",
        "request.auth.principal",
        "request.auth.audiences",
        "request.auth.presenter",
        "destination.ip",
        "destination.port",
        "connection.sni",
    }
)
_MAP_KEYS = ("request.headers", "request.auth.claims", "experimental.envoy.filters.")


def _check_key(key: str, where: Pointer) -> None:
    if key in _PLAIN_KEYS:
        return
    if key in _REPLACED or key.startswith("destination.labels"):
        raise Invalid(where, f"the condition {shown(key)} is no longer known; the policy's place and selector say it")
    if not key.startswith(_MAP_KEYS):
        raise Invalid(where, f"{shown(key)} is not a condition that Istio knows")
    opened = key.find("[")
    if not (key.endswith("]") and 0 < opened < len(key) - 2):
        raise Invalid(where, f"{shown(key)} needs a name in brackets")


def _is_token(key: str) -> bool:
    return key.startswith("request.auth.")


def plain(name: str) -> str:
    """The field that a field of the form `notX` denies."""
    return name[3].lower() + name[4:] if name.startswith("not") and name[3:4].isupper() else name


# --- PeerAuthentication -----------------------------------------------------------------------------------------------


def check_peer(spec: PeerSpec) -> None:
    """Check a PeerAuthentication.

    Raises:
        Invalid: Istio's webhook or the schema would refuse it.
    """
    chosen = selector(spec.selector)
    for pointer, mtls in _modes(spec):
        if mtls is not None and (mtls.mode or UNSET) not in _MODES:
            raise Invalid((*pointer, "mode"), f"{shown(str(mtls.mode))} is not {', '.join(_MODES)}")
    if spec.port_level_mtls is None:
        return
    where = ("spec", "portLevelMtls")
    if not spec.port_level_mtls:
        raise Invalid(where, "portLevelMtls may not be empty")
    if not chosen:
        raise Invalid(where, "portLevelMtls needs a selector")
    for text in spec.port_level_mtls:
        if port(text, (*where, text)) == 0:
            raise Invalid((*where, text), f"a port is between 1 and {LAST_PORT}")


def _modes(spec: PeerSpec) -> Iterator[tuple[Pointer, Mtls | None]]:
    yield ("spec", "mtls"), spec.mtls
    for text, mtls in (spec.port_level_mtls or {}).items():
        yield ("spec", "portLevelMtls", text), mtls


def mode(mtls: Mtls | None) -> str:
    """The mode that is asked for."""
    return (mtls.mode if mtls else None) or UNSET
