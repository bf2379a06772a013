"""The smallest changes: each turns the answer, no part of it does, and what it writes is what was judged."""

from __future__ import annotations

import copy
import json
from itertools import combinations, permutations
from random import Random
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.network.helpers import PODS, Asked, cluster_policy, policy
from tests.unit.network.oracle import Object, Oracle
from tests.unit.network.worlds import OUTSIDE, PORTS, PROTOCOLS, Maker
from thwart.network.changes import Changes, Finder, Shown
from thwart.network.engine import Model
from thwart.network.explain import Directory, judge
from thwart.network.world import read_world

DENY_A = policy("{podSelector: {}, policyTypes: [Ingress, Egress]}", "deny")
FROM_WEB = policy(
    "{podSelector: {matchLabels: {app: db}}, ingress: [{from: [{podSelector: {matchLabels: {app: web}}}]}]}", "from-web"
)


def changes(world: Asked, source: str, destination: str, port: int = 80, protocol: str = "TCP") -> Changes:
    ends = []
    for text in (source, destination):
        namespace, slash, name = text.partition("/")
        ends.append(world.directory.pod(namespace, name) if slash else world.directory.ip(text))
    return Finder(world.model).find(ends[0], ends[1], protocol, port)


def sets(found: Changes) -> set[frozenset[tuple[str, str, str]]]:
    """The sets, each edit as its action, its direction and the name of its object."""
    return {
        frozenset((found.edits[n].action, found.edits[n].direction, found.edits[n].name) for n in one)
        for one in found.sets
    }


def test_a_denied_flow_needs_one_rule_in_one_of_the_isolating_policies_or_no_isolation_at_all() -> None:
    found = changes(Asked(PODS + FROM_WEB + policy("{podSelector: {}}", "deny")), "b/web", "a/db")
    assert found.wanted is True
    assert not found.cut
    assert sets(found) == {
        frozenset({("add-rule", "ingress", "from-web")}),
        frozenset({("add-rule", "ingress", "deny")}),
        frozenset({("add-policy", "ingress", "allow-ingress-db")}),
        frozenset({("lift-isolation", "ingress", "from-web"), ("lift-isolation", "ingress", "deny")}),
    }
    assert found.sets[0] == (0,)
    assert (
        found.edits[0].name == "from-web"
    )  # the least intrusive first: the other would open every pod of the namespace
    assert len(found.sets[-1]) == 2
    assert found.edits[0].path == "w.yaml"
    assert yaml.safe_load(found.edits[0].snippet) == {
        "spec": {
            "ingress": [
                {
                    "from": [
                        {
                            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "b"}},
                            "podSelector": {"matchLabels": {"app": "web"}},
                        }
                    ],
                    "ports": [{"protocol": "TCP", "port": 80}],
                }
            ]
        }
    }


def test_both_directions_must_be_turned_where_both_deny() -> None:
    found = changes(Asked(PODS + DENY_A), "a/web", "a/db")
    assert all(len(one) == 2 for one in found.sets)
    for one in found.sets:
        assert {found.edits[number].direction for number in one} == {"egress", "ingress"}
    assert len(found.sets) == 9  # for each direction a rule in `deny`, a new policy, or no isolation


def test_an_allowed_flow_is_stopped_in_either_direction() -> None:
    found = changes(Asked(PODS + FROM_WEB), "a/web", "a/db")
    assert found.wanted is False
    assert sets(found) == {
        frozenset({("remove-rule", "ingress", "from-web")}),
        frozenset({("add-policy", "egress", "deny-egress-web")}),
        frozenset({("add-policy", "ingress", "deny-ingress-db")}),
        frozenset({("drop-label", "", "web")}),
    }
    kinds = sorted((edit.kind, edit.name) for edit in found.edits if edit.action == "add-policy")
    assert kinds == [
        ("ClusterNetworkPolicy", "deny-egress-web"),
        ("ClusterNetworkPolicy", "deny-ingress-db"),
        ("NetworkPolicy", "deny-egress-web"),
    ]


def test_every_rule_that_allows_a_flow_must_go() -> None:
    other = policy("{podSelector: {}, ingress: [{from: [{podSelector: {}}]}, {ports: [{port: 80}]}]}", "other")
    found = changes(Asked(PODS + FROM_WEB + other), "a/web", "a/db")
    removing = [one for one in found.sets if found.edits[one[0]].action == "remove-rule"]
    assert len(removing) == 1
    assert {(found.edits[n].name, found.edits[n].rule) for n in removing[0]} == {
        ("from-web", 0), ("other", 0), ("other", 1)
    }  # fmt: skip


def test_labels_that_a_rule_waits_for_are_a_change() -> None:
    waiting = policy(
        "{podSelector: {matchLabels: {app: db}}, ingress: [{from: [{podSelector: {matchLabels: {app: api}}}]}]}"
    )
    found = changes(Asked(PODS + waiting), "a/web", "a/db")
    edit = next(edit for edit in found.edits if edit.action == "set-label")
    assert (edit.kind, edit.namespace, edit.name, edit.key, edit.value) == ("Pod", "a", "web", "app", "api")
    assert "from web to api" in edit.sentence


def test_a_policy_that_misses_its_pod_by_a_label_is_found() -> None:
    missed = policy(
        "{podSelector: {matchLabels: {app: database}}, ingress: [{from: [{podSelector: {matchLabels: {app: web}}}]}]}"
    )
    found = changes(Asked(PODS + policy("{podSelector: {}}", "deny") + missed), "a/web", "a/db")
    assert frozenset({("set-label", "", "db")}) in sets(found)


def test_a_label_that_brings_another_policy_into_play_does_not_count() -> None:
    waiting = policy(
        "{podSelector: {matchLabels: {app: db}}, ingress: [{from: [{podSelector: {matchLabels: {app: api}}}]}]}"
    )
    stops = policy("{podSelector: {matchLabels: {app: api}}, policyTypes: [Egress]}", "stops")
    found = changes(Asked(PODS + waiting + stops), "a/web", "a/db")
    assert not any(edit.action == "set-label" for edit in found.edits)


def test_an_admin_denial_is_undone_in_its_tier_only() -> None:
    stop = cluster_policy(
        "{tier: Admin, priority: 5, subject: {namespaces: {}}, ingress: [{action: Deny, from: [{namespaces: {}}]}]}"
    )
    found = changes(Asked(PODS + stop + FROM_WEB), "a/web", "a/db")
    assert sets(found) == {frozenset({("remove-rule", "ingress", "c")}), frozenset({("insert-rule", "ingress", "c")})}
    inserted = next(edit for edit in found.edits if edit.action == "insert-rule")
    assert yaml.safe_load(inserted.snippet)["spec"]["ingress"][0]["action"] == "Accept"


def test_an_unknown_answer_says_what_would_make_it_known() -> None:
    foreign = "---\n{apiVersion: cilium.io/v9, kind: CiliumNetworkPolicy, metadata: {name: f, namespace: a}}\n"
    found = changes(Asked(PODS + foreign), "b/web", "a/db")
    assert found.wanted is None
    assert found.sets == ()
    assert found.missing
    assert "not modelled" in found.missing[0]


def test_nothing_stops_a_pod_from_reaching_itself() -> None:
    found = changes(Asked(PODS + DENY_A), "a/web", "a/web")
    assert found.wanted is False
    assert found.sets == ()


def test_an_address_outside_is_a_block_of_one() -> None:
    found = changes(Asked(PODS + FROM_WEB), "203.0.113.9", "a/db")
    first = yaml.safe_load(found.edits[0].snippet)["spec"]["ingress"][0]
    assert first["from"] == [{"ipBlock": {"cidr": "203.0.113.9/32"}}]
    found = changes(Asked(PODS + FROM_WEB + DENY_A), "a/web", "2001:db8::1")
    first = yaml.safe_load(found.edits[0].snippet)["spec"]["egress"][0]
    assert first["to"] == [{"ipBlock": {"cidr": "2001:db8::1/128"}}]


def test_a_pod_that_may_be_any_of_a_class_is_judged_as_one_of_them() -> None:
    found = changes(Asked(PODS + FROM_WEB), "b/web", "a/db")
    assert found.wanted is True


# --- every change against the oracle, applied to the documents as a person would -------------------------------------


def applied(objects: list[Object], edits: list[Shown]) -> list[Object]:
    """The documents with the edits made, as their fields say."""
    made = copy.deepcopy(objects)
    for edit in edits:
        if edit.action == "add-policy":
            made.append(yaml.safe_load(edit.snippet))
    for edit in edits:  # at the end, so that places stay what they were
        if edit.action == "add-rule":
            spec = target(made, edit)["spec"]
            spec[edit.direction] = [*(spec.get(edit.direction) or []), *rules_of(edit)]
    for edit in sorted(edits, key=lambda edit: -edit.rule):
        if edit.action in ("remove-rule", "insert-rule"):
            spec = target(made, edit)["spec"]
            spec[edit.direction][edit.rule : edit.rule + (edit.action == "remove-rule")] = rules_of(edit)
            if edit.action == "remove-rule" and edit.snippet:
                spec.update(yaml.safe_load(edit.snippet)["spec"])
        elif edit.action in ("set-label", "drop-label"):
            labels = target(made, edit)["metadata"].setdefault("labels", {})
            labels.pop(edit.key, None)
            labels.update({edit.key: edit.value} if edit.action == "set-label" else {})
    for edit in edits:
        if edit.action == "lift-isolation":
            lift(made, edit)
    return made


def rules_of(edit: Shown) -> list[Any]:
    found: list[Any] = (yaml.safe_load(edit.snippet)["spec"] if edit.snippet else {}).get(edit.direction, [])
    return found


def target(objects: list[Object], edit: Shown) -> Object:
    """The object that an edit is about; a namespace without a document gets one."""
    for one in objects:
        meta = one["metadata"]
        if (one["kind"], meta.get("namespace", ""), meta["name"]) == (edit.kind, edit.namespace, edit.name):
            return one
    assert edit.kind == "Namespace"
    objects.append({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": edit.name}})
    return objects[-1]


def lift(objects: list[Object], edit: Shown) -> None:
    one = target(objects, edit)
    spec = one["spec"]
    types = spec.get("policyTypes") or (["Ingress", "Egress"] if spec.get("egress") else ["Ingress"])
    left = [name for name in types if name.lower() != edit.direction]
    if left:
        spec["policyTypes"] = left
    else:
        objects.remove(one)


def verdict(
    objects: list[Object], source: tuple[str, str] | str, destination: tuple[str, str] | str, port: Any
) -> set[bool]:
    oracle = Oracle(objects)
    ends = [
        end if isinstance(end, str)
        else next(p for p in oracle.pods if (p["metadata"]["namespace"], p["metadata"]["name"]) == end)
        for end in (source, destination)
    ]  # fmt: skip
    return oracle.flow(ends[0], ends[1], *port)


def check_world(objects: list[Object], random: Random) -> int:
    world = read_world([("world.json", json.dumps({"kind": "List", "items": objects}).encode())])
    model = Model(world)
    directory, finder = Directory(model), Finder(model)
    names = [(o["metadata"]["namespace"], o["metadata"]["name"]) for o in objects if o["kind"] == "Pod"]
    done = 0
    for _ in range(3):
        source: Any = random.choice(names)
        destination: Any = random.choice(names)
        if random.randrange(3) == 0:
            source, destination = random.choice(
                [(random.choice(OUTSIDE), destination), (source, random.choice(OUTSIDE))]
            )
        port = random.choice(PROTOCOLS), random.choice(PORTS)
        ends = [directory.ip(e) if isinstance(e, str) else directory.pod(*e) for e in (source, destination)]
        found = finder.find(ends[0], ends[1], *port)
        answer = judge(model, ends[0], ends[1], model.ports.bit(*port))
        assert found.wanted is (None if answer.allowed is None else not answer.allowed)
        assert bool(found.missing) is (found.wanted is None)
        for one in found.sets[:20]:
            edits = [found.edits[number] for number in one]
            assert verdict(applied(objects, edits), source, destination, port) == {found.wanted}, edits
            done += 1
            for size in range(1, len(edits)):
                for part in combinations(edits, size):
                    assert verdict(applied(objects, list(part)), source, destination, port) != {found.wanted}, part
        for one_set, other in permutations([set(one) for one in found.sets], 2):
            assert not one_set <= other
    return done


@settings(max_examples=120, deadline=None)
@given(st.integers(0, 1 << 48))
def test_each_change_turns_the_oracles_answer_and_no_part_of_it_does(seed: int) -> None:
    random = Random(seed)
    check_world(Maker(random).world(), random)


def test_the_worlds_have_changes_to_check() -> None:
    done = 0
    for seed in range(20):
        random = Random(seed)
        done += check_world(Maker(random).world(), random)
    assert done > 100


@pytest.mark.parametrize("count", [40])
def test_many_changes_are_cut_and_say_so(count: int) -> None:
    both = "{podSelector: {}, policyTypes: [Ingress, Egress]}"
    found = changes(Asked(PODS + "".join(policy(both, f"p{number}") for number in range(count))), "a/web", "a/db")
    assert found.cut
    assert len(found.sets) == 64


# --- nothing of the space is missed -----------------------------------------------------------------------------------


def removals(objects: list[Object]) -> list[Shown]:
    """Every edit that takes something out of a policy."""
    found = []
    for one in objects:
        if "NetworkPolicy" not in one["kind"] or one["apiVersion"].startswith("cilium"):
            continue
        spec, meta = one["spec"], one["metadata"]
        types = spec.get("policyTypes") or (["Ingress", "Egress"] if spec.get("egress") else ["Ingress"])
        for direction in ("ingress", "egress"):
            named = {"kind": one["kind"], "namespace": meta.get("namespace", ""), "name": meta["name"]}
            plain = one["kind"] == "NetworkPolicy"
            if plain and direction.capitalize() not in types:
                continue
            snippet = yaml.safe_dump({"spec": {"policyTypes": types}}) if plain else ""
            if plain:
                found.append(Shown(action="lift-isolation", direction=direction, sentence="", **named))
            found += [
                Shown(action="remove-rule", direction=direction, sentence="", rule=place, snippet=snippet, **named)
                for place in range(len(spec.get(direction) or []))
            ]
    return found


def same(edit: Shown) -> tuple[object, ...]:
    return edit.action, edit.kind, edit.namespace, edit.name, edit.direction, edit.rule


def check_complete(objects: list[Object], random: Random) -> int:
    world = read_world([("world.json", json.dumps({"kind": "List", "items": objects}).encode())])
    model = Model(world)
    directory, finder = Directory(model), Finder(model)
    names = [(o["metadata"]["namespace"], o["metadata"]["name"]) for o in objects if o["kind"] == "Pod"]
    source, destination = random.choice(names), random.choice(names)
    port = random.choice(PROTOCOLS), random.choice(PORTS)
    found = finder.find(directory.pod(*source), directory.pod(*destination), *port)
    if found.wanted is None or found.cut:
        return 0
    listed = [{same(found.edits[number]) for number in one} for one in found.sets]
    turning = 0
    # that a pod which nothing isolates falls to the Baseline tier, which may deny, is no way to stop a flow
    every = [edit for edit in removals(objects) if found.wanted or edit.action != "lift-isolation"]
    for edits in [*combinations(every, 1), *combinations(every, 2)]:
        gone = {(e.kind, e.namespace, e.name, e.direction) for e in edits if e.action == "lift-isolation"}
        if any(e.action == "remove-rule" and (e.kind, e.namespace, e.name, e.direction) in gone for e in edits):
            continue  # what is lifted has no rules any more
        if verdict(applied(objects, list(edits)), source, destination, port) == {found.wanted}:
            turning += 1
            assert any(one <= {same(edit) for edit in edits} for one in listed), (source, destination, port, edits)
    return turning


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1 << 48))
def test_whatever_can_be_taken_out_to_turn_an_answer_is_found(seed: int) -> None:
    random = Random(seed)
    check_complete(Maker(random).world(), random)


def test_there_are_such_removals() -> None:
    assert sum(check_complete(Maker(Random(seed)).world(), Random(seed)) for seed in range(25)) > 8
