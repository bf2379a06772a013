"""What the field's suites ask for, in our own words: a case is a world, and who must reach whom in it.

Covered: the upstream end-to-end suite of NetworkPolicy (kubernetes, test/e2e/network/netpol), the categories of
cyclonus' generator, and corners that np-guard's analyzer has fixtures for.

Pods are `namespace/pod`. A table begins with everybody reaching everybody; each line `+ source destination` or
`- source destination` changes a part of it, `*` stands for all. A pod's way to itself is left out, as upstream does
(kubernetes#95879).
"""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase
from itertools import product
from typing import NamedTuple

import pytest

from tests.unit.network.helpers import Asked, policy, world_of

NAMESPACES, NAMES = "xvz", "abc"  # not y: unquoted it is a boolean to kubectl
PODS = [f"{namespace}/{name}" for namespace, name in product(NAMESPACES, NAMES)]


def address(pod: str) -> str:
    return f"10.{NAMESPACES.index(pod[0])}.0.{NAMES.index(pod[2]) + 1}"


def namespace(name: str, **labels: str) -> str:
    return (
        f"---\n{{apiVersion: v1, kind: Namespace, metadata: {{name: {name}, labels: {{ns: {name}{_more(labels)}}}}}}}\n"
    )


def pod(name: str, **labels: str) -> str:
    """A pod that serves 80 and 81 of every protocol under names like `serve-80-tcp`."""
    ports = ", ".join(
        f"{{name: serve-{number}-{protocol.lower()}, containerPort: {number}, protocol: {protocol}}}"
        for number, protocol in product((80, 81), ("TCP", "UDP", "SCTP"))
    )
    return (
        f"---\napiVersion: v1\nkind: Pod\n"
        f"metadata: {{name: {name[2]}, namespace: {name[0]}, labels: {{pod: {name[2]}{_more(labels)}}}}}\n"
        f"spec: {{containers: [{{name: c, ports: [{ports}]}}]}}\nstatus: {{podIPs: [{{ip: {address(name)}}}]}}\n"
    )


def _more(labels: dict[str, str]) -> str:
    return "".join(f", {key}: {value}" for key, value in labels.items())


def world(*policies: str, relabelled: Iterable[str] = ()) -> Asked:
    """The nine pods; `relabelled` are documents that take the place of their namesakes."""
    documents = {name: namespace(name) for name in NAMESPACES} | {name: pod(name) for name in PODS}
    documents |= {document.split("name: ")[1][0]: document for document in relabelled if "Namespace" in document}
    documents |= {_whose(document): document for document in relabelled if "kind: Pod" in document}
    return Asked("".join(documents.values()) + "".join(policies))


def _whose(document: str) -> str:
    name, where = (document.split(key)[1][0] for key in ("name: ", "namespace: "))
    return f"{where}/{name}"


def matches(pattern: str, name: str) -> bool:
    return pattern == "*" or fnmatchcase(name, pattern)


def check(asked: Asked, table: str, port: int = 80, protocol: str = "TCP", pods: Iterable[str] = tuple(PODS)) -> None:
    """Every ordered pair of pods against the table."""
    lines = [line.split() for line in table.split(";") if line.strip()]
    for source, destination in product(pods, pods):
        if source == destination:
            continue
        wanted = True
        for sign, left, right in lines:
            if matches(left, source) and matches(right, destination):
                wanted = sign == "+"
        answer = asked.answer(source, destination, port, protocol)
        assert answer.allowed is wanted, (source, destination, port, protocol, answer)


A, B, C = (f"podSelector: {{matchLabels: {{pod: {name}}}}}" for name in NAMES)
EVERY = "podSelector: {}"


def named(name: str) -> str:
    return f"namespaceSelector: {{matchLabels: {{kubernetes.io/metadata.name: {name}}}}}"


def outside(name: str, key: str = "kubernetes.io/metadata.name") -> str:
    return f"namespaceSelector: {{matchExpressions: [{{key: {key}, operator: NotIn, values: [{name}]}}]}}"


def in_x(spec: str, name: str = "p") -> str:
    return policy(f"{{{spec}}}", name, "x")


IN, OUT = "policyTypes: [Ingress]", "policyTypes: [Egress]"
BOTH = "policyTypes: [Ingress, Egress]"


class Case(NamedTuple):
    name: str
    policies: tuple[str, ...]
    table: str
    port: int = 80
    protocol: str = "TCP"


E2E = [
    Case("deny ingress of a namespace", (in_x(f"{EVERY}, {IN}"),), "- * x/*"),
    Case("deny everything of a namespace", (in_x(f"{EVERY}, {BOTH}"),), "- * x/*; - x/* *"),
    Case("pods of the server's namespace", (in_x(f"{A}, ingress: [{{from: [{{{B}}}]}}]"),), "- * x/a; + x/b x/a"),
    Case(
        "one target of a closed namespace",
        (
            in_x(f"{EVERY}, {IN}", "deny"),
            in_x(f"{A}, ingress: [{{from: [{{{EVERY}, namespaceSelector: {{}}}}]}}]", "open"),
        ),
        "- * x/*; + * x/a",
    ),
    Case("pods of all namespaces", (in_x(f"{A}, ingress: [{{from: [{{namespaceSelector: {{}}}}]}}]"),), ""),
    Case("another namespace only", (in_x(f"{A}, ingress: [{{from: [{{{named('v')}}}]}}]"),), "- * x/a; + v/* x/a"),
    Case(
        "pods by expression",
        (
            in_x(
                f"{A}, ingress: [{{from: [{{podSelector: {{matchExpressions: [{{key: pod, operator: In, values: [b]}}]}}}}]}}]"
            ),
        ),
        "- * x/a; + x/b x/a",
    ),
    Case(
        "namespaces by expression",
        (
            in_x(
                f"{A}, ingress: [{{from: [{{namespaceSelector: {{matchExpressions: "
                "[{key: kubernetes.io/metadata.name, operator: In, values: [v]}]}}]}]"
            ),
        ),
        "- * x/a; + v/* x/a",
    ),
    Case(
        "pods or namespaces",
        (in_x(f"{A}, ingress: [{{from: [{{{outside('x')}}}, {{{B}}}]}}]"),),
        "- x/c x/a",
    ),
    Case(
        "pods and namespaces",
        (in_x(f"{A}, ingress: [{{from: [{{{outside('x')}, {B}}}]}}]"),),
        "- * x/a; + v/b x/a; + z/b x/a",
    ),
    Case("any of the pods", (in_x(f"{A}, ingress: [{{from: [{{{B}}}, {{{C}}}]}}]"),), "- * x/a; + x/b x/a; + x/c x/a"),
    Case(
        "a pod of another namespace",
        (in_x(f"{A}, ingress: [{{from: [{{{named('v')}, {A}}}]}}]"),),
        "- * x/a; + v/a x/a",
    ),
    Case(
        "a port, asked",
        (in_x(f"{A}, ingress: [{{from: [{{{named('v')}}}], ports: [{{port: 81, protocol: TCP}}]}}]"),),
        "- * x/a; + v/* x/a",
        81,
    ),
    Case(
        "a port, another asked",
        (in_x(f"{A}, ingress: [{{from: [{{{named('v')}}}], ports: [{{port: 81, protocol: TCP}}]}}]"),),
        "- * x/a",
    ),
    Case(
        "stacked policies add up",
        tuple(
            in_x(f"{A}, ingress: [{{from: [{{{named('v')}}}], ports: [{{port: {port}}}]}}]", f"p{port}")
            for port in (80, 81)
        ),
        "- * x/a; + v/* x/a",
    ),
    Case("allow all, 80", (in_x(f"{EVERY}, ingress: [{{}}]"),), ""),
    Case("allow all, 81", (in_x(f"{EVERY}, ingress: [{{}}]"),), "", 81),
    Case("a named port, its own", (in_x(f"{EVERY}, ingress: [{{ports: [{{port: serve-81-tcp}}]}}]"),), "", 81),
    Case("a named port, another", (in_x(f"{EVERY}, ingress: [{{ports: [{{port: serve-81-tcp}}]}}]"),), "- * x/*"),
    Case(
        "a namespace on a named port",
        (in_x(f"{A}, ingress: [{{from: [{{{named('v')}}}], ports: [{{port: serve-80-tcp, protocol: TCP}}]}}]"),),
        "- * x/a; + v/* x/a",
    ),
    Case(
        "a namespace on a named port, another port",
        (in_x(f"{A}, ingress: [{{from: [{{{named('v')}}}], ports: [{{port: serve-80-tcp, protocol: TCP}}]}}]"),),
        "- * x/a",
        81,
    ),
    Case("egress to a named port", (in_x(f"{EVERY}, {OUT}, egress: [{{ports: [{{port: serve-80-tcp}}]}}]"),), ""),
    Case(
        "egress to a named port, another port",
        (in_x(f"{EVERY}, {OUT}, egress: [{{ports: [{{port: serve-80-tcp}}]}}]"),),
        "- x/* *",
        81,
    ),
    Case("own namespace only", (in_x(f"{EVERY}, ingress: [{{from: [{{{EVERY}}}]}}]"),), "- v/* x/*; - z/* x/*"),
    Case("deny egress of a pod", (in_x(f"{A}, {OUT}"),), "- x/a *"),
    Case("deny egress of a namespace", (in_x(f"{EVERY}, {OUT}"),), "- x/* *"),
    Case(
        "both directions in one policy, the egress port",
        (in_x(f"{A}, {BOTH}, ingress: [{{from: [{{{B}}}]}}], egress: [{{ports: [{{port: 80}}]}}]"),),
        "- * x/a; + x/b x/a",
    ),
    Case(
        "both directions in one policy, another port",
        (in_x(f"{A}, {BOTH}, ingress: [{{from: [{{{B}}}]}}], egress: [{{ports: [{{port: 80}}]}}]"),),
        "- * x/a; + x/b x/a; - x/a *",
        81,
    ),
    Case(
        "the client's side denies what the server allows",
        (
            in_x(f"{A}, {OUT}, egress: [{{to: [{{{named('v')}, {A}}}]}}]"),
            policy(f"{{{A}, ingress: [{{from: [{{{named('x')}, {A}}}]}}]}}", "a", "v"),
            policy(f"{{{B}, ingress: [{{from: [{{{named('x')}, {A}}}]}}]}}", "b", "v"),
        ),
        "- x/a *; - * v/a; - * v/b; + x/a v/a",
    ),
    Case(
        "egress to a pod of another namespace",
        (in_x(f"{A}, {OUT}, egress: [{{to: [{{{named('v')}, {A}}}]}}]"),),
        "- x/a *; + x/a v/a",
    ),
    Case("any port of a protocol", (in_x(f"{A}, ingress: [{{ports: [{{protocol: TCP}}]}}]"),), ""),
    Case(
        "any port of another protocol", (in_x(f"{A}, ingress: [{{ports: [{{protocol: TCP}}]}}]"),), "- * x/a", 80, "UDP"
    ),
    Case("one port only", (in_x(f"{EVERY}, ingress: [{{ports: [{{port: 80}}]}}]"),), "- * x/*", 81),
    Case(
        "allow all beside one port",
        (in_x(f"{EVERY}, ingress: [{{ports: [{{port: 80}}]}}]"), in_x(f"{EVERY}, ingress: [{{}}]", "all")),
        "",
        81,
    ),
    Case("egress to one port only", (in_x(f"{EVERY}, {OUT}, egress: [{{ports: [{{port: 80}}]}}]"),), "- x/* *", 81),
    Case(
        "egress to all beside one port",
        (
            in_x(f"{EVERY}, {OUT}, egress: [{{ports: [{{port: 80}}]}}]"),
            in_x(f"{EVERY}, {OUT}, egress: [{{}}]", "all"),
        ),
        "",
        81,
    ),
    Case("no policy", (), ""),
    Case(
        "egress to a block that holds a pod",
        (in_x(f"{A}, {OUT}, egress: [{{to: [{{ipBlock: {{cidr: {address('v/b')}/32}}}}]}}]"),),
        "- x/a *; + x/a v/b",
    ),
    Case(
        "a pod excepted from a block",
        (in_x(f"{A}, {OUT}, egress: [{{to: [{{ipBlock: {{cidr: 10.0.0.0/8, except: [{address('x/b')}/32]}}}}]}}]"),),
        "- x/a x/b",
    ),
    Case(
        "another policy allows what is excepted",
        (
            in_x(f"{A}, {OUT}, egress: [{{to: [{{ipBlock: {{cidr: 10.0.0.0/8, except: [{address('x/b')}/32]}}}}]}}]"),
            in_x(f"{A}, {OUT}, egress: [{{to: [{{ipBlock: {{cidr: {address('x/b')}/32}}}}]}}]", "again"),
        ),
        "",
    ),
    Case("egress opened", (in_x(f"{A}, {OUT}, egress: [{{}}]"),), ""),
    Case(
        "egress opened, ingress closed",
        (in_x(f"{A}, {OUT}, egress: [{{}}]"), in_x(f"{A}, {IN}", "deny")),
        "- * x/a",
    ),
    Case(
        "SCTP is not TCP",
        (in_x(f"{EVERY}, {IN}", "deny"), in_x(f"{A}, ingress: [{{ports: [{{protocol: SCTP, port: 81}}]}}]")),
        "- * x/*",
        81,
    ),
    Case("SCTP isolates", (in_x(f"{A}, ingress: [{{ports: [{{protocol: SCTP, port: 80}}]}}]"),), "- * x/a", 81),
    Case("UDP is not TCP", (in_x(f"{A}, ingress: [{{ports: [{{protocol: UDP, port: 81}}]}}]"),), "- * x/a", 81),
    Case(
        "egress by the name that all namespaces bear",
        (in_x(f"{A}, {OUT}, egress: [{{to: [{{{outside('v')}}}]}}]"),),
        "- x/a v/*",
    ),
    *(
        Case(f"{protocol}: {name}", policies, table, port, protocol)
        for protocol in ("UDP", "SCTP")
        for name, policies, table, port in (
            ("deny ingress of a namespace", (in_x(f"{EVERY}, {IN}"),), "- * x/*", 80),
            (
                "a port",
                (in_x(f"{A}, ingress: [{{from: [{{{named('v')}}}], ports: [{{port: 81, protocol: {protocol}}}]}}]"),),
                "- * x/a; + v/* x/a",
                81,
            ),
            (
                "a pod of another namespace",
                (in_x(f"{A}, ingress: [{{from: [{{{named('v')}, {A}}}]}}]"),),
                "- * x/a; + v/a x/a",
                80,
            ),
        )
    ),
]


@pytest.mark.parametrize("case", E2E, ids=lambda case: case.name)
def test_the_upstream_suite(case: Case) -> None:
    check(world(*case.policies), case.table, case.port, case.protocol)


def test_a_label_that_a_namespace_gets_later() -> None:
    rule = in_x(f"{A}, ingress: [{{from: [{{namespaceSelector: {{matchLabels: {{ns2: updated}}}}}}]}}]")
    check(world(rule), "- * x/a")
    check(world(rule, relabelled=[namespace("v", ns2="updated")]), "- * x/a; + v/* x/a")


def test_a_label_that_a_client_gets_later() -> None:
    rule = in_x(f"{A}, ingress: [{{from: [{{podSelector: {{matchLabels: {{pod: b, pod2: updated}}}}}}]}}]")
    check(world(rule), "- * x/a")
    check(world(rule, relabelled=[pod("x/b", pod2="updated")]), "- * x/a; + x/b x/a")


def test_a_label_that_a_server_gets_later() -> None:
    rule = in_x(f"podSelector: {{matchLabels: {{target: isolated}}}}, {IN}")
    check(world(rule), "")
    check(world(rule, relabelled=[pod("x/a", target="isolated")]), "- * x/a")


# -- cyclonus: what its generator adds to the upstream suite ------------------------------------------------------------

DIRECTIONS = [("ingress", "from", IN, "- * x/a", "+ {0} x/a"), ("egress", "to", OUT, "- x/a *", "+ x/a {0}")]
PEERS = [
    ("missing", None, ["*"]),
    ("null", "null", ["*"]),
    ("empty", "[]", ["*"]),
    ("every pod of the namespace", f"[{{{EVERY}}}]", ["x/*"]),
    ("some pods of the namespace", f"[{{{C}}}]", ["x/c"]),
    ("every namespace", "[{namespaceSelector: {}}]", ["*"]),
    ("every namespace, every pod", f"[{{namespaceSelector: {{}}, {EVERY}}}]", ["*"]),
    ("every namespace, some pods", f"[{{namespaceSelector: {{}}, {C}}}]", ["?/c"]),
    ("some namespaces", "[{namespaceSelector: {matchLabels: {ns: v}}}]", ["v/*"]),
    ("some namespaces, every pod", f"[{{namespaceSelector: {{matchLabels: {{ns: v}}}}, {EVERY}}}]", ["v/*"]),
    ("some namespaces, some pods", f"[{{namespaceSelector: {{matchLabels: {{ns: v}}}}, {C}}}]", ["v/c"]),
    ("a namespace by exclusion", f"[{{{outside('v', 'ns')}}}]", ["x/*", "z/*"]),
    ("an absent key excluded", f"[{{{outside('v', 'nobody')}}}]", ["*"]),
    ("key there", "[{namespaceSelector: {matchExpressions: [{key: ns, operator: Exists}]}}]", ["*"]),
    ("key not there", "[{namespaceSelector: {matchExpressions: [{key: ns, operator: DoesNotExist}]}}]", []),
    ("a block", f"[{{ipBlock: {{cidr: {address('z/c')}/24}}}}]", ["z/*"]),
    (
        "a block with an exception",
        f"[{{ipBlock: {{cidr: 10.2.0.0/24, except: [{address('z/c')}/32]}}}}]",
        ["z/a", "z/b"],
    ),
    ("two peers", f"[{{{named('v')}, {B}}}, {{{C}}}]", ["v/b", "x/c"]),
]


@pytest.mark.parametrize(
    ("direction", "field", "types", "closed", "opened"), DIRECTIONS, ids=lambda text: str(text)[:7]
)
@pytest.mark.parametrize(("name", "peers", "whom"), PEERS, ids=[name for name, _, _ in PEERS])
def test_peers(
    direction: str, field: str, types: str, closed: str, opened: str, name: str, peers: str | None, whom: list[str]
) -> None:
    del name
    rule = "{}" if peers is None else f"{{{field}: {peers}}}"
    table = ";".join([closed, *(opened.format(who) for who in whom)])
    check(world(in_x(f"{A}, {types}, {direction}: [{rule}]")), table)


ALL = frozenset(product((80, 81), ("TCP", "UDP", "SCTP")))
PORTS = [
    ("missing", None, ALL),
    ("null", "null", ALL),
    ("empty", "[]", ALL),
    ("nothing said is TCP", "[{}]", {(80, "TCP"), (81, "TCP")}),
    ("a protocol", "[{protocol: UDP}]", {(80, "UDP"), (81, "UDP")}),
    ("a number is TCP", "[{port: 80}]", {(80, "TCP")}),
    ("a number and a protocol", "[{port: 81, protocol: SCTP}]", {(81, "SCTP")}),
    ("a name", "[{port: serve-81-udp, protocol: UDP}]", {(81, "UDP")}),
    ("a name of another protocol", "[{port: serve-81-udp, protocol: TCP}]", set()),
    ("a name that nobody has", "[{port: nobody}]", set()),
    ("a range", "[{port: 79, endPort: 80}]", {(80, "TCP")}),
    ("a range to its end", "[{port: 80, endPort: 81, protocol: UDP}]", {(80, "UDP"), (81, "UDP")}),
    ("two ports", "[{port: 80}, {port: 81, protocol: UDP}]", {(80, "TCP"), (81, "UDP")}),
    ("a protocol beside a port", "[{port: 80}, {protocol: TCP}]", {(80, "TCP"), (81, "TCP")}),
]


@pytest.mark.parametrize(
    ("direction", "field", "types", "closed", "opened"), DIRECTIONS, ids=lambda text: str(text)[:7]
)
@pytest.mark.parametrize(("name", "ports", "which"), PORTS, ids=[name for name, _, _ in PORTS])
def test_ports(
    direction: str,
    field: str,
    types: str,
    closed: str,
    opened: str,
    name: str,
    ports: str | None,
    which: frozenset[tuple[int, str]],
) -> None:
    del name
    rule = f"{field}: [{{namespaceSelector: {{}}}}]" + ("" if ports is None else f", ports: {ports}")
    asked = world(in_x(f"{A}, {types}, {direction}: [{{{rule}}}]"))
    for port, protocol in ALL:
        table = f"{closed};{opened.format('*')}" if (port, protocol) in which else closed
        check(asked, table, port, protocol, ["x/a", "x/b", "v/a"])


@pytest.mark.parametrize(
    ("spec", "table"),
    [
        (f"{EVERY}", "- * x/*"),
        (f"{EVERY}, policyTypes: []", "- * x/*"),
        (f"{EVERY}, egress: []", "- * x/*"),  # no rule, so that nothing is isolated on that side
        (f"{EVERY}, egress: [{{}}]", "- * x/*"),
        (f"{EVERY}, egress: [{{to: [{{{B}}}]}}]", "- * x/*; - x/* *"),
        (f"{EVERY}, {OUT}, ingress: [{{from: [{{{B}}}]}}]", "- x/* *"),  # rules of an undeclared direction are void
        (f"{EVERY}, {IN}, egress: [{{to: [{{{B}}}]}}]", "- * x/*"),
        (f"{A}, {IN}, ingress: null", "- * x/a"),
        (f"{A}, ingress: [null]", ""),
    ],
)
def test_targets_and_types(spec: str, table: str) -> None:
    check(world(in_x(spec)), table)


@pytest.mark.parametrize(
    ("one", "other", "table"),
    [
        (f"{A}, {IN}", f"{A}, ingress: [{{}}]", ""),
        (f"{A}, {IN}", f"{EVERY}, ingress: [{{from: [{{{B}}}]}}]", "- * x/*; + x/b x/*"),
        (f"{A}, {OUT}", f"{A}, {OUT}, egress: [{{to: [{{{named('z')}}}]}}]", "- x/a *; + x/a z/*"),
        (f"{A}, {OUT}", f"{B}, {IN}", "- x/a *; - * x/b"),
        (
            f"{A}, ingress: [{{from: [{{ipBlock: {{cidr: 10.1.0.0/16, except: [10.1.0.2/32]}}}}]}}]",
            f"{A}, ingress: [{{from: [{{{named('v')}, {B}}}]}}]",
            "- * x/a; + v/* x/a",
        ),
    ],
)
def test_conflicts_are_settled_by_adding(one: str, other: str, table: str) -> None:
    check(world(in_x(one, "one"), in_x(other, "other")), table)
    check(world(in_x(other, "one"), in_x(one, "other")), table)


# -- np-guard: corners of its fixtures ----------------------------------------------------------------------------------


def test_a_block_inside_another_with_a_hole() -> None:
    spec = f"{A}, ingress: [{{from: [{{ipBlock: {{cidr: 172.16.0.0/12, except: [172.21.0.0/16]}}}}, {{ipBlock: {{cidr: 172.21.2.0/24}}}}]}}]"
    asked = world(in_x(spec))
    ends = ["172.16.0.0", "172.20.255.255", "172.21.0.0", "172.21.1.255", "172.21.2.0", "172.21.3.0", "172.31.255.255"]
    assert [asked.allowed(end, "x/a") for end in ends] == [True, True, False, False, True, False, True]
    assert asked.allowed("172.32.0.0", "x/a") is False


def test_one_name_with_several_numbers() -> None:
    def server(name: str, number: int, protocol: str = "TCP") -> str:
        return (
            f"---\n{{apiVersion: v1, kind: Pod, metadata: {{name: {name}, namespace: v, labels: {{serves: web}}}}, "
            f"spec: {{containers: [{{ports: [{{name: web, containerPort: {number}, protocol: {protocol}}}]}}]}}}}\n"
        )

    rule = in_x(f"{A}, {OUT}, egress: [{{to: [{{namespaceSelector: {{}}}}], ports: [{{port: web}}]}}]")
    asked = world(server("p", 8080), server("q", 9090), server("r", 7070, "UDP"), rule)
    found = {(to, port) for to in "pqr" for port in (7070, 8080, 9090) if asked.allowed("x/a", f"v/{to}", port)}
    assert found == {("p", 8080), ("q", 9090)}
    assert asked.allowed("x/a", "198.51.100.7", 8080) is False  # an address has no names


def test_a_range_of_ports_cut_by_another_rule() -> None:
    spec = f"{A}, ingress: [{{ports: [{{port: 1, endPort: 100}}]}}, {{from: [{{{B}}}], ports: [{{port: 90, endPort: 200}}]}}]"
    asked = world(in_x(spec))
    assert [asked.allowed("v/a", "x/a", port) for port in (1, 89, 100, 101)] == [True, True, True, False]
    assert [asked.allowed("x/b", "x/a", port) for port in (89, 100, 101, 200, 201)] == [True, True, True, True, False]


def test_an_owner_stands_for_its_pods() -> None:
    """A ReplicaSet's pods are shown as their Deployment, those of a machine's own manifests as themselves."""

    def owned(name: str, kind: str, owner: str, template: str = "") -> str:
        return (
            f"---\n{{apiVersion: v1, kind: Pod, metadata: {{name: {name}, namespace: x, labels: {{app: s{template}}}, "
            f"ownerReferences: [{{kind: {kind}, name: {owner}, controller: true}}]}}, spec: {{hostNetwork: true}}}}\n"
        )

    text = owned("shop-5d5f-x", "ReplicaSet", "shop-54c7c5d9d", ", pod-template-hash: 54c7c5d9d")
    text += owned("etcd-n1", "Node", "n1") + owned("kube-proxy-1", "DaemonSet", "kube-proxy")
    found = [endpoint.workload for endpoint in world_of(text).endpoints]
    assert sorted(found) == ["DaemonSet/kube-proxy", "Deployment/shop", "Pod/etcd-n1"]
