"""What Cilium and the schema of its policies refuse, and hostile input."""

from __future__ import annotations

import json
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.network.helpers import world_of
from tests.unit.network.test_cilium_network_policy import cilium
from tests.unit.network.test_cilium_worlds import CiliumMaker
from thwart.core.limits import DEFAULT
from thwart.network.engine import Model
from thwart.network.world import read_world

REFUSED = [
    ("{}", "exactly one of endpointSelector and nodeSelector"),
    ("{endpointSelector: {}, nodeSelector: {}, ingress: [{}]}", "exactly one of endpointSelector and nodeSelector"),
    ("{nodeSelector: {}, ingress: [{}]}", "only a CiliumClusterwideNetworkPolicy"),
    ("{endpointSelector: {}}", "at least one of ingress"),
    ("{endpointSelector: {}, ingress: [{fromEndpoints: [{}], fromCIDR: [10.0.0.0/8]}]}", "may not stand together"),
    (
        "{endpointSelector: {}, egress: [{toFQDNs: [{matchName: a.test}], toEntities: [world]}]}",
        "may not stand together",
    ),
    ("{endpointSelector: {}, ingress: [{fromEntities: [everyone]}]}", "no entity"),
    ("{endpointSelector: {}, ingress: [{fromCIDR: [10.0.0.0/33]}]}", "not a CIDR"),
    ("{endpointSelector: {}, ingress: [{fromCIDR: [10.0.0.1]}]}", "not a CIDR"),
    ("{endpointSelector: {}, ingress: [{fromCIDR: [10.0.0.01/32]}]}", "not a CIDR"),
    ("{endpointSelector: {}, ingress: [{fromCIDRSet: [{}]}]}", "exactly one of cidr"),
    ("{endpointSelector: {}, ingress: [{fromCIDRSet: [{cidr: 10.0.0.0/8, cidrGroupRef: x}]}]}", "exactly one of cidr"),
    ("{endpointSelector: {}, ingress: [{fromCIDRSet: [{cidr: 10.0.0.0/8, except: [11.0.0.0/9]}]}]}", "is not in"),
    ("{endpointSelector: {}, ingress: [{toPorts: [{ports: [{}]}]}]}", "port must be given"),
    ("{endpointSelector: {}, ingress: [{toPorts: [{ports: [{port: 80}]}]}]}", "expected str"),
    ("{endpointSelector: {}, ingress: [{toPorts: [{ports: [{port: '65536'}]}]}]}", "neither a port number"),
    ("{endpointSelector: {}, ingress: [{toPorts: [{ports: [{port: '08'}]}]}]}", "neither a port number"),
    ("{endpointSelector: {}, ingress: [{toPorts: [{ports: [{port: '80', protocol: ICMP}]}]}]}", "no protocol"),
    ("{endpointSelector: {}, ingress: [{toPorts: [{ports: [{port: '80', protocol: GRE}]}]}]}", "has no ports"),
    ("{endpointSelector: {}, ingress: [{toPorts: [{ports: [{port: '80', endPort: 65536}]}]}]}", "between 0 and 65535"),
    (
        "{endpointSelector: {}, ingress: [{icmps: [{fields: [{type: 8}]}], toPorts: [{ports: [{port: '1'}]}]}]}",
        "beside toPorts",
    ),
    ("{endpointSelector: {}, ingress: [{icmps: [{fields: [{type: 256}]}]}]}", "no type of ICMP"),
    ("{endpointSelector: {}, ingress: [{icmps: [{fields: [{type: PacketTooBig}]}]}]}", "no type of ICMP"),
    ("{endpointSelector: {}, ingress: [{icmps: [{fields: [{type: 8, family: IPv5}]}]}]}", "not IPv4 or IPv6"),
    (
        "{endpointSelector: {}, ingress: [{toPorts: [{ports: [{port: '53'}], rules: {dns: [{matchPattern: '*'}]}}]}]}",
        "ingress",
    ),
    (
        "{endpointSelector: {}, egress: [{toPorts: [{ports: [{port: '80'}], rules: {http: [{}]}}]}]}",
        "only apply to TCP",
    ),
    (
        "{endpointSelector: {}, egress: [{toPorts: [{ports: [{port: '0', protocol: TCP}], rules: {http: [{}]}}]}]}",
        "port 0",
    ),
    ("{endpointSelector: {}, egress: [{toPorts: [{rules: {dns: [{matchName: a.test}]}}]}]}", "port 53"),
    (
        "{endpointSelector: {}, egress: [{toPorts: [{ports: [{port: '53', endPort: 54}], rules: {dns: [{matchName: a}]}}]}]}",
        "ranges",
    ),
    (
        "{endpointSelector: {}, egress: [{toPorts: [{ports: [{port: '53'}], rules: {}}]}]}",
        "exactly one of http and dns",
    ),
    ("{endpointSelector: {}, egress: [{toPorts: [{ports: [{port: '53'}], serverNames: ['']}]}]}", "domain name"),
    (
        "{endpointSelector: {}, ingress: [{toPorts: [{ports: [{port: '1'}], listener: {name: l, envoyConfig: {name: e}}}]}]}",
        "ingress",
    ),
    (
        "{endpointSelector: {}, ingressDeny: [{toPorts: [{ports: [{port: '1', protocol: TCP}], rules: {http: [{}]}}]}]}",
        "only ports",
    ),
    ("{endpointSelector: {}, egressDeny: [{toFQDNs: [{matchName: a.test}]}]}", "may not have toFQDNs"),
    ("{endpointSelector: {}, egress: [{toFQDNs: [{matchName: a b}]}]}", "domain name"),
    ("{endpointSelector: {}, egress: [{toFQDNs: [{matchName: a, matchPattern: b}]}]}", "exactly one of matchName"),
    ("{endpointSelector: {}, ingress: [{fromEndpoints: [{}], authentication: {mode: maybe}}]}", "disabled, required"),
    ("{endpointSelector: {matchLabels: {'a:b:c': x}}, ingress: [{}]}", "source of the label key"),
    ("{endpointSelector: {matchLabels: {'k8s.x:b': x}}, ingress: [{}]}", "source of the label key"),
    ("{endpointSelector: {matchLabels: {app: 'a b'}}, ingress: [{}]}", "label value"),
    ("{endpointSelector: {matchExpressions: [{key: app, operator: In}]}, ingress: [{}]}", "values must be given"),
    ("{endpointSelector: {matchExpressions: [{key: app, operator: Is}]}, ingress: [{}]}", "operator"),
]


@pytest.mark.parametrize(("spec", "why"), REFUSED)
def test_what_cilium_refuses_is_refused(spec: str, why: str) -> None:
    world = world_of(cilium(spec))
    (refusal,) = world.refused
    assert why in refusal.why
    assert refusal.line > 1
    assert world.policies == ()


def test_more_ports_than_an_entry_may_have() -> None:
    ports = ", ".join(f"{{port: '{number}'}}" for number in range(1, 42))
    (refusal,) = world_of(cilium(f"{{endpointSelector: {{}}, ingress: [{{toPorts: [{{ports: [{ports}]}}]}}]}}")).refused
    assert "at most 40" in refusal.why


def test_groups_are_checked() -> None:
    text = "{apiVersion: cilium.io/v2, kind: CiliumCIDRGroup, metadata: {name: x}, spec: {externalCIDRs: [nowhere]}}"
    (refusal,) = world_of(text).refused
    assert "CIDR block" in refusal.why


def test_json_with_several_specs_is_not_passed_over() -> None:
    one: dict[str, Any] = {"apiVersion": "cilium.io/v2", "kind": "CiliumNetworkPolicy"}
    one |= {"metadata": {"name": "s", "namespace": "a"}, "specs": [{"endpointSelector": {}, "ingress": [{}]}]}
    world = world_of(json.dumps(one))
    assert world.refused == ()
    assert world.policies or world.unmodelled


def test_neither_spec_nor_specs() -> None:
    text = "apiVersion: cilium.io/v2\nkind: CiliumNetworkPolicy\nmetadata: {name: s, namespace: a}\n"
    (refusal,) = world_of(text).refused
    assert refusal.why == "spec or specs must be given"
    (refusal,) = world_of(text + "specs: {}\n").refused
    assert refusal.why == "specs must be a list"
    (refusal,) = world_of(text + "specs:\n- {endpointSelector: {}, ingress: [{}]}\n- {endpointSelector: []}\n").refused
    assert (refusal.line, "expected object" in refusal.why) == (6, True)


WRONG: list[Any] = [None, [], {}, "", "x", 0, -1, True, [None], [{}], {"": ""}, [[]], "0" * 4000, {"a" * 300: None}]


def spoil(value: Any, random: Random) -> Any:
    """The value with something in it replaced."""
    if not random.randrange(4) or not value or not isinstance(value, dict | list):
        return random.choice(WRONG)
    at = random.choice(list(value)) if isinstance(value, dict) else random.randrange(len(value))
    changed = value.copy()
    changed[at] = spoil(value[at], random)
    return changed


@settings(max_examples=300)
@given(st.integers(min_value=0, max_value=1 << 40))
def test_spoilt_policies_are_refused_or_read(seed: int) -> None:
    random = Random(seed)
    made = CiliumMaker(random).cilium_policy(0)
    for _ in range(random.randrange(1, 3)):
        made["spec"] = spoil(made["spec"], random)
    world = read_world([("w.json", json.dumps(made).encode())], DEFAULT)
    assert len(world.refused) + bool(world.policies or world.unmodelled) == 1
    if made["spec"] != [] and not world.refused:
        Model(world)
