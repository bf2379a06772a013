"""Redundancy is exact: against the engine's own differences, rule by rule and all together, over random worlds."""

from __future__ import annotations

import json
from collections import Counter
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.unit.network.worlds import Maker
from thwart.lib.bitsets import members
from thwart.network.editing import Difference, differences
from thwart.network.engine import Model
from thwart.network.explain import Party, judge
from thwart.network.lint import lint
from thwart.network.lint._removal import Removal, Verdict
from thwart.network.model import INGRESS, Policy
from thwart.network.world import read_world


def model_of(seed: int) -> Model:
    objects = Maker(Random(seed)).world()
    world = read_world([("w.json", json.dumps({"kind": "List", "items": objects}).encode())])
    return Model(world)


def without(model: Model, verdicts: list[Verdict]) -> dict[int, Policy]:
    """The policies without some rules."""
    changed: dict[int, Policy] = {}
    for verdict in verdicts:
        for number, policy in enumerate(model.world.policies):
            if policy.origin is verdict.policy.origin:
                now = changed.get(number, policy)
                rules = tuple(r for r in now.rules(verdict.direction) if r.pointer != verdict.rule.pointer)
                ingress = verdict.direction == INGRESS
                changed[number] = replace(now, ingress=rules) if ingress else replace(now, egress=rules)
    return changed


def changes(model: Model, changed: dict[int, Policy]) -> list[Difference]:
    """What is answered differently, apart from pods' ways to themselves."""
    found = differences(model, model.edited(changed), list(changed))
    return [one for one in found if any(one.sources & ~_itself(model, number) for number in members(one.destinations))]


def _itself(model: Model, number: int) -> int:
    one = model.classes[number]
    return 1 << number if len(one.members) == 1 and one.members[0].single else 0


def turned(model: Model, verdict: Verdict) -> bool:
    """Whether the witness is answered differently without the rule."""
    assert verdict.witness is not None
    edited = model.edited(without(model, [verdict]))
    source, destination, port = verdict.witness
    ((protocol, span),) = model.ports.spans(port)
    ends = Party(source), Party(destination)
    bit = edited.ports.bit(protocol, span.first)
    return judge(model, *ends, port).allowed is not judge(edited, *ends, bit).allowed


def check_world(seed: int) -> Counter[str]:
    model = model_of(seed)
    counted: Counter[str] = Counter()
    plain = len(model.planes) == 1 and not model.world.unmodelled
    for verdict in Removal(model, together=False).verdicts():
        found = changes(model, without(model, [verdict]))
        if verdict.redundant or verdict.one_sided:
            assert found == [], verdict
            counted["needless"] += 1
        elif verdict.witness is not None:
            assert found, verdict
            assert turned(model, verdict), verdict
            counted["needed"] += 1
        elif plain and verdict.policy.kind == "NetworkPolicy":
            counted["open"] += 1
    return counted


@settings(max_examples=80, deadline=None)
@given(st.integers(0, 1 << 48))
def test_each_verdict_is_what_the_engine_finds(seed: int) -> None:
    check_world(seed)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 1 << 48))
def test_all_redundant_rules_can_go_at_once(seed: int) -> None:
    model = model_of(seed)
    gone = [verdict for verdict in Removal(model).verdicts() if verdict.redundant]
    assert not gone or changes(model, without(model, gone)) == []


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 1 << 48))
def test_every_check_stands_any_world(seed: int) -> None:
    model = model_of(seed)
    assert lint(model, tenant_label="team") == lint(model, tenant_label="team")


def test_the_worlds_have_both_kinds() -> None:
    counted: Counter[str] = Counter()
    for seed in range(60):
        counted += check_world(seed)
    assert counted["needless"] > 20
    assert counted["needed"] > 40
