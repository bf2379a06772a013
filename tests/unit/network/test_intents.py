"""Reading intents, and what each form means in a small world."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import ROOT
from tests.unit.network.helpers import PODS, policy, world_of
from thwart.network.engine import Model
from thwart.network.intents.checking import verify
from thwart.network.intents.outcome import Outcome
from thwart.network.intents.reading import IntentsError, read_intents

SCHEMA = json.loads((ROOT / "docs" / "reference" / "schema" / "thwart-intents-v1.schema.json").read_text())


def outcome(form: str, *policies: str, world: str = PODS) -> Outcome:
    """What becomes of one intent, its form as it stands in the file."""
    model = Model(world_of(world + "".join(policies)))
    assert model.world.refused == ()
    (found,) = verify(model, read_intents([("i.yaml", file(form))])).outcomes
    return found


def file(form: str) -> bytes:
    return f"version: 1\nintents:\n  - name: one\n    {form}\n".encode()


def mistakes(text: str) -> list[str]:
    with pytest.raises(IntentsError) as caught:
        read_intents([("i.yaml", text.encode())])
    return caught.value.sentences


IN = "{podSelector: {matchLabels: {app: db}}, ingress: [{from: [{podSelector: {matchLabels: {app: web}}}], ports: [{port: 5432}]}]}"
BACKEND = policy(IN, "db-in")


# -- forms ---------------------------------------------------------------------------------------------------------


def test_only_frontends_reach_backends_as_in_the_tutorial() -> None:
    """The allow-apps policy: `role: frontend` reaches `role: backend`, and nobody else."""
    pods = "".join(
        f"---\n{{apiVersion: v1, kind: Pod, metadata: {{name: {name}, namespace: shop, labels: {{role: {role}}}}}, spec: {{}}}}\n"
        for name, role in (("front", "frontend"), ("back", "backend"), ("batch", "batch"))
    )
    spec = "{podSelector: {matchLabels: {role: backend}}, ingress: [{from: [{podSelector: {matchLabels: {role: frontend}}}]}]}"
    intent = (
        "only: {from: {namespace: shop, pods: role=frontend}, to: {namespace: shop, pods: role=backend}, can: true}"
    )
    assert outcome(intent, policy(spec, "allow-apps", "shop"), world=pods).status == "held"
    open_ = outcome(intent, world=pods)
    assert (open_.status, open_.count) == ("broken", 2)  # batch, and addresses outside
    closed = outcome(intent, policy("{podSelector: {}, policyTypes: [Ingress]}", "deny", "shop"), world=pods)
    assert closed.breach is not None
    assert (closed.status, closed.breach.must, closed.breach.source.text) == ("broken", True, "shop/Pod/front")


def test_a_broken_intent_shows_a_flow_with_policy_rule_and_line() -> None:
    found = outcome("deny: {from: a/web, to: a/db, ports: 5000-6000}", BACKEND)
    assert found.breach is not None
    assert (found.breach.protocol, found.breach.port) == ("TCP", 5432)
    (reason,) = found.breach.because
    assert (reason.policy, reason.rule, reason.path, reason.line > 0) == ("db-in", 0, "w.yaml", True)


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ("allow: {from: a/web, to: a/db, ports: 5432}", "held"),
        ("allow: {from: a/web, to: a/db, ports: [5432, 80]}", "broken"),  # every port
        ("allow: {from: a/*, to: a/db, ports: 5432}", "held"),  # a pod's way to itself is no flow
        ("allow: {from: pods, to: a/db, ports: 5432}", "broken"),
        ("allow: {from: {some: pods}, to: {some: {namespace: a, pods: app=db}}, ports: 5432}", "held"),
        ("allow: {from: pods, to: {some: a/*}, ports: 5432}", "held"),  # b/web reaches a/web
        ("allow: {from: {some: b/*}, to: a/*, ports: 5432}", "broken"),  # nobody of b reaches a/db
        ("deny: {from: b/*, to: a/db}", "held"),
        ("deny: {from: outside, to: a/db}", "held"),
        ("deny: {from: 203.0.113.0/24, to: [a/db, a/web], ports: http}", "broken"),
        ("deny: {from: 10.1.0.0/16, to: a/web}", "broken"),  # the pod b/web has an address there
        ("only: {from: a/web, to: a/db, ports: any/TCP}", "held"),
        ("nothing-reaches: {to: a/db, ports: any/UDP}", "held"),
        ("nothing-reaches: {to: a/db, but: {namespaces: team=red, pods: 'app in (web, x)'}}", "held"),
        ("nothing-reaches: {to: a/db}", "broken"),
        ("isolated: {by-label: team}", "broken"),  # a/web is open to b
        ("isolated: {by-label: team, shared: a/web}", "broken"),  # b/web is open to a/db
        ("isolated: {by-label: team, shared: [a/web, b/web], may-be: x}", "mistake"),
        ("isolated: {tenants: {one: a/db, other: 'b/*'}, ports: any/UDP}", "broken"),
        ("isolated: {by-namespace: [a, b], ports: 1-79}", "broken"),
        ("no-internet-egress: pods", "broken"),
        ("exposed: {at: [a/web, b/web]}", "held"),
        ("exposed: {at: [{to: a/web, ports: http}], within: a/*}", "broken"),  # on other ports too
        ("exposed: {at: [], within: a/db}", "held"),
        ("exposed: {at: a/db}", "broken"),
    ],
)
def test_forms(form: str, status: str) -> None:
    if status == "mistake":
        assert mistakes(file(form).decode())
        return
    assert outcome(form, BACKEND).status == status


def test_internet_is_what_is_not_private() -> None:
    spec = "{podSelector: {}, policyTypes: [Egress], egress: [{to: [{ipBlock: {cidr: 10.0.0.0/8}}, {ipBlock: {cidr: 192.168.0.0/16}}]}]}"
    assert outcome("no-internet-egress: a/*", policy(spec)).status == "held"
    wider = spec.replace("192.168.0.0/16", "192.168.0.0/15")  # 192.169 is public
    found = outcome("no-internet-egress: a/*", policy(wider))
    assert found.breach is not None
    assert found.breach.destination.ip == "192.169.0.0"
    assert outcome("no-internet-egress: {from: a/*, but: 192.169.0.0/16}", policy(wider)).status == "held"


def test_dns_is_found_or_assumed() -> None:
    deny = policy("{podSelector: {}, policyTypes: [Egress]}")
    assert outcome("dns-always: a/*", deny).status == "broken"
    assert "one is assumed" in outcome("dns-always: a/*", deny).notes[0]
    to = "{to: [{namespaceSelector: {}, podSelector: {matchLabels: {k8s-app: kube-dns}}}], ports: [{port: 53, protocol: UDP}%s]}"
    udp = policy("{podSelector: {}, policyTypes: [Egress], egress: [%s]}" % (to % ""))
    found = outcome("dns-always: a/*", udp)
    assert found.breach is not None
    assert (found.breach.protocol, found.breach.port) == ("TCP", 53)
    both = policy("{podSelector: {}, policyTypes: [Egress], egress: [%s]}" % (to % ", {port: 53}"))
    assert outcome("dns-always: a/*", both).status == "held"
    there = (
        "---\n{apiVersion: v1, kind: Pod, metadata: {name: dns, namespace: kube-system, labels: {k8s-app: kube-dns}}}\n"
    )
    read = outcome("dns-always: a/*", both, there)
    assert (read.status, read.notes) == ("held", ())
    assert outcome("dns-always: {from: a/*, dns: b/web}", both).status == "broken"


def test_a_pods_own_node_is_forgiven_unless_it_is_named() -> None:
    host = "---\n{apiVersion: v1, kind: Pod, metadata: {name: agent, namespace: b}, spec: {hostNetwork: true, nodeName: n1}}\n"
    deny = policy("{podSelector: {}, policyTypes: [Ingress]}")
    assert outcome("nothing-reaches: {to: a/web}", deny, host).status == "held"
    assert outcome("deny: {from: any, to: a/web}", deny, host).status == "held"
    for who in ("nodes", "b/agent", "pods"):
        found = outcome(f"deny: {{from: {who}, to: a/web}}", deny, host)
        assert found.breach is not None
        assert (found.status, found.breach.because[-1].effect) == ("broken", "node")
    # a/db has no node: whether the agent runs there is not known
    assert outcome("nothing-reaches: {to: a/db}", deny, host).status == "held"
    assert outcome("deny: {from: b/agent, to: a/db}", deny, host).status == "unknown"


def test_what_is_not_modelled_is_unknown_and_never_held() -> None:
    strange = "---\n{apiVersion: crd.antrea.io/v1beta1, kind: NetworkPolicy, metadata: {name: x, namespace: a}}\n"
    for form in ("allow: {from: b/web, to: a/web}", "deny: {from: b/web, to: a/web}", "nothing-reaches: {to: a/db}"):
        found = outcome(form, strange)
        assert found.status == "unknown"
        assert found.breach is not None
        assert found.breach.answer.allowed is None


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ("deny: {from: {pods: app=wbe}, to: a/db}", "from selects nothing"),
        ("deny: {from: a/web, to: c/*}", "to selects nothing"),
        ("only: {from: a/nobody, to: a/db}", "from selects nothing"),
        ("deny: {from: a/web, to: a/db, ports: ssh}", "no destination has a port called ssh"),
        ("deny: {from: a/web, to: a/web}", "there is no connection that it could be about"),
        ("deny: {from: nodes, to: a/web}", "from selects nothing"),
        ("isolated: {by-label: nothing}", "fewer than two tenants have pods"),
        ("isolated: {by-namespace: [a, c]}", "namespace c has no pods"),
        ("exposed: {at: c/web}", "at selects nothing"),
    ],
)
def test_an_intent_that_cannot_fail_is_refused(form: str, said: str) -> None:
    found = outcome(form, BACKEND)
    assert found.status == "empty"
    assert said in found.notes
    assert outcome(f"{form}\n    may-be-empty: true", BACKEND).status != "empty"


# -- the file ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ("denny: {from: any, to: any}", "i.yaml:4: an intent has no key 'denny': did you mean 'deny'?"),
        ("deny: {form: any, to: any}", "i.yaml:4: deny has no key 'form': did you mean 'from'?"),
        ("deny: {from: any}", "i.yaml:4: deny needs the key 'to'"),
        ("deny: {from: any, to: outsid}", "'outsid' is no party: did you mean 'outside'?"),
        ("deny: {from: any, to: any, ports: 70000}", "not between 1 and 65535"),
        ("deny: {from: any, to: any, ports: 20-10}", "lower bound first"),
        ("deny: {from: any, to: any, ports: 80/ICMP}", "is not TCP, UDP or SCTP"),
        ("deny: {from: any, to: any, ports: '80,81'}", "is no port"),
        ("deny: {from: any, to: 10.0.0.0/33}", "neither an address nor a CIDR block"),
        ("deny: {from: any, to: {pods: 'app in web'}}", "is not a selector"),
        ("deny: {from: any, to: {pods: app in (a, b)}}", "needs quotes"),
        ("deny: {from: any, to: {pods: {matchLabels: {-x: y}}}}", "the label key '-x'"),
        (
            "deny: {from: any, to: {pods: {matchExpressions: [{key: a, operator: Is}]}}}",
            "not a valid selector operator",
        ),
        ("deny: {from: any, to: {pods: {matchLabel: {x: y}}}}", "did you mean 'matchLabels'?"),
        ("deny: {from: any, to: {pods: ''}}", "pods must be text"),
        ("deny: {from: any, to: {but: a/db}}", "says who is not meant but not who is"),
        ("deny: {from: any, to: {namespace: a, namespaces: x=y}}", "either namespace (by name) or namespaces"),
        ("deny: {from: any, to: {cidr: 10.0.0.0/8, pods: app=x}}", "cidr goes with no key but 'but'"),
        ("deny: {from: [], to: any}", "from is an empty list"),
        ("only: {from: {some: any}, to: any}", "cannot be some"),
        ("deny: {from: {some: any, all: any}, to: any}", "either all or some"),
        ("deny: {from: any, to: Shop/web}", "not the name of a namespace"),
        ("isolated: {by-label: team, by-namespace: all}", "exactly one of by-label"),
        ("isolated: {by-namespace: [a]}", "at least two"),
        ("isolated: {tenants: {a: 'a/*'}}", "at least two"),
        ("allow: {from: any, to: any}\n    deny: {from: any, to: any}", "has allow and deny: give exactly one"),
        ("why: because", "says nothing that must hold"),
        ("may-be-empty: perhaps\n    deny: {from: any, to: any}", "must be true or false"),
        ("deny: {from: any, from: any, to: any}", "has the key 'from' twice"),
    ],
)
def test_mistakes_are_told_with_their_line(form: str, said: str) -> None:
    (sentence,) = mistakes(file(form).decode())
    assert said in sentence
    assert sentence.startswith("i.yaml:")


def test_every_mistake_of_a_file_is_told() -> None:
    text = "version: 1\nintents:\n- {name: a, deny: {from: x, to: any}}\n- {name: b}\n- {name: a, deny: {from: any, to: any}}\n- {name: a, deny: {from: any, to: any}}\n"
    found = mistakes(text)
    assert [sentence.split(":")[1] for sentence in found] == ["3", "4", "6"]
    assert "another intent is called 'a'" in found[2]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "version: 1",
        "version: 2\nintents: [x]",
        "- x",
        "version: 1\nintents: []",
        "a: b: c",
        "version: 1\nintents: x",
        "{",
    ],
)
def test_what_is_no_file_of_intents(text: str) -> None:
    assert mistakes(text)


def test_hostile_files_are_bounded() -> None:
    bomb = "version: 1\na: &a [x]\n" + "".join(
        f"b{i}: &{chr(98 + i)} [{','.join(['*' + chr(97 + i)] * 20)}]\n" for i in range(8)
    )
    assert "nodes" in mistakes(bomb)[0]
    assert "deep" in mistakes("version: 1\nintents: " + "[" * 500)[0]


@given(st.binary(max_size=200), st.integers(min_value=0, max_value=2000))
def test_damaged_files_are_mistakes_at_worst(noise: bytes, at: int) -> None:
    whole = (ROOT / "examples" / "shop" / "intents.yaml").read_bytes()
    at %= len(whole)
    for data in (whole[:at], whole[:at] + noise + whole[at:]):
        try:
            read_intents([("i.yaml", data)])
        except IntentsError as error:
            assert error.sentences


# -- the schema ----------------------------------------------------------------------------------------------------

GOOD: list[dict[str, Any]] = [
    {
        "allow": {
            "from": "any",
            "to": {"some": ["a/b", {"cidr": "10.0.0.0/8", "but": "10.1.1.1"}]},
            "ports": [80, "53/UDP", "http"],
        }
    },
    {
        "deny": {
            "from": {"all": "outside"},
            "to": {"namespaces": "team=x", "pods": {"matchLabels": {"a": "b"}}},
            "ports": "any/udp",
        }
    },
    {"only": {"from": "nodes", "to": {"nodes": {}}, "can": True}},
    {"nothing-reaches": {"to": "a/Deployment/b", "but": "internet"}},
    {"isolated": {"by-label": "example.test/team", "shared": "pods", "ports": "8000-9000/SCTP"}},
    {"isolated": {"by-namespace": "all"}},
    {"isolated": {"tenants": {"x": "a/*", "y": {"all": "b/*"}}}},
    {"no-internet-egress": ["pods"]},
    {"dns-always": {"from": "pods", "dns": {"some": "kube-system/*"}, "ports": "5353/UDP"}},
    {"exposed": {"at": [], "from": "10.0.0.0/8", "within": "a/*"}},
    {"exposed": {"at": [{"to": "a/b", "ports": 80}, "c/d"]}, "why": "w", "may-be-empty": True},
]
BAD: list[dict[str, Any]] = [
    {},
    {"allow": {"from": "any"}},
    {"allow": {"from": "any", "to": "any", "port": 80}},
    {"allow": {"from": "any", "to": "some"}},
    {"allow": {"from": [], "to": "any"}},
    {"allow": {"from": "any", "to": {}}},
    {"allow": {"from": "any", "to": {"nodes": {}, "pods": {}}}},
    {"allow": {"from": "any", "to": {"namespace": "a", "namespaces": "b"}}},
    {"allow": {"from": "any", "to": "any", "ports": 0}},
    {"allow": {"from": "any", "to": "any", "ports": "80/ICMP"}},
    {"only": {"from": {"some": "pods"}, "to": "any"}},
    {"isolated": {"by-label": "a", "by-namespace": "all"}},
    {"isolated": {"tenants": {"x": "a/*"}}},
    {"isolated": {}},
    {"exposed": {}},
    {"dns-always": {"dns": "pods"}},
    {"deny": {"from": "any", "to": "any"}, "allow": {"from": "any", "to": "any"}},
    {"deny": {"from": "any", "to": "any"}, "may-be-empty": "maybe"},
]


@pytest.mark.parametrize("form", [*GOOD, *BAD], ids=str)
def test_the_schema_agrees_with_the_reader(form: dict[str, Any]) -> None:
    document = {"version": 1, "intents": [{"name": "n", **form}]}
    valid = jsonschema.Draft202012Validator(SCHEMA).is_valid(document)
    try:
        read_intents([("i.yaml", json.dumps(document).encode())])
        read = True
    except IntentsError:
        read = False
    assert valid is read is (form in GOOD)


def test_the_shop_keeps_to_the_schema() -> None:
    document = yaml.safe_load(Path(ROOT / "examples" / "shop" / "intents.yaml").read_text())
    assert jsonschema.Draft202012Validator(SCHEMA).is_valid(document)
