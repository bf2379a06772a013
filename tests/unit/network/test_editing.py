"""Columns are rows transposed; an edited model answers as one that is made from the edited world."""

from __future__ import annotations

import json
from itertools import product
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.unit.network.helpers import asked, policy
from tests.unit.network.worlds import Maker
from thwart.lib.bitsets import members
from thwart.network.editing import differences
from thwart.network.engine import Model
from thwart.network.explain import Directory, judge
from thwart.network.model import Policy, PortMatch, World
from thwart.network.world import read_world


def world(random: Random) -> World:
    document = {"apiVersion": "v1", "kind": "List", "items": Maker(random).world()}
    return read_world([("world.json", json.dumps(document).encode())])


@settings(max_examples=80)
@given(st.integers(min_value=0, max_value=1 << 40))
def test_columns_are_rows_transposed(seed: int) -> None:
    model = Model(world(Random(seed)))
    by_rows, by_columns = {}, {}
    for number in range(len(model.classes)):
        for cell in model.row(number):
            for port in members(cell.ports):
                by_rows.update({(s, number, port): True for s in members(cell.allow)})
                by_rows.update({(s, number, port): False for s in members(cell.deny)})
        for cell in model.column(number):
            for port in members(cell.ports):
                by_columns.update({(number, d, port): True for d in members(cell.allow)})
                by_columns.update({(number, d, port): False for d in members(cell.deny)})
    assert by_rows == by_columns


def same(edited: Model, fresh: Model) -> None:
    ours, theirs = Directory(edited), Directory(fresh)
    pods = [(e.namespace, e.name) for e in fresh.world.endpoints]
    for here, there in product(pods, pods):
        for protocol, port in (("TCP", 80), ("UDP", 53), ("TCP", 8080), ("SCTP", 9000)):
            answers = [
                judge(model, directory.pod(*here), directory.pod(*there), model.ports.bit(protocol, port)).allowed
                for model, directory in ((edited, ours), (fresh, theirs))
            ]
            assert answers[0] == answers[1], (here, there, protocol, port)
    for number in range(len(edited.classes)):
        column = edited.column(number)
        for destination in range(len(edited.classes)):
            for cell in edited.row(destination):
                port = cell.ports & -cell.ports
                (seen,) = (one for one in column if one.ports & port)
                assert cell.allow >> number & 1 == seen.allow >> destination & 1


@settings(max_examples=60)
@given(st.integers(min_value=0, max_value=1 << 40))
def test_edited_models_answer_as_new_ones(seed: int) -> None:
    random = Random(seed)
    before = world(random)
    model = Model(before)
    model.column(0)  # so that what columns need is carried over too
    policies = list(before.policies)
    for _ in range(3):
        donor = world(random).policies if random.random() < 0.3 else tuple(policies)
        removed = random.randrange(len(policies)) if policies and random.random() < 0.6 else None
        added = random.choice(donor) if donor and random.random() < 0.8 else None
        changes: dict[int, Policy | None] = {}
        if removed is not None:
            changes[removed] = None
        if removed is not None and added is not None and random.random() < 0.5:
            changes[removed], added = added, None
        model = model.edited(changes, (added,) if added else ())
        for number, policy_ in changes.items():
            policies[number] = policy_ or model.world.policies[number]
        policies += [added] if added else []
        same(model, Model(replace(before, policies=tuple(policies))))


@settings(max_examples=60)
@given(st.integers(min_value=0, max_value=1 << 40))
def test_differences_are_exactly_the_flows_that_changed(seed: int) -> None:
    random = Random(seed)
    old = Model(world(random))
    if not old.world.policies:
        return
    number, donor = random.randrange(len(old.world.policies)), random.choice(old.world.policies)
    new = old.edited({number: random.choice([None, donor, elsewhere(donor)])})
    fresh = old.edited({}, [new.world.policies[number]])  # the old answers on the new ports
    fresh = fresh.edited({len(fresh.world.policies) - 1: None})
    expected = states(fresh).items() ^ states(new).items()
    found = set()
    for one in differences(old, new, [number]):
        for source, destination, port in product(members(one.sources), members(one.destinations), members(one.ports)):
            for state in (one.before, one.after):
                assert ((source, destination, port), state) not in found
                found.add(((source, destination, port), state))
    assert found == expected


def elsewhere(donor: Policy) -> Policy:
    """The policy with its ingress on ports that no other policy speaks of."""
    ports = (PortMatch("TCP", 4242, 4300), PortMatch("UDP", 5353, 5353))
    return replace(donor, ingress=tuple(replace(rule, ports=ports) for rule in donor.ingress))


def states(model: Model) -> dict[tuple[int, int, int], bool | None]:
    found: dict[tuple[int, int, int], bool | None] = {}
    for destination in range(len(model.classes)):
        for cell in model.row(destination):
            for source, port in product(range(len(model.classes)), members(cell.ports)):
                allow, deny = cell.allow >> source & 1, cell.deny >> source & 1
                found[source, destination, port] = bool(allow) if allow or deny else None
    return found


def test_small_edits_keep_the_classes() -> None:
    here = asked(
        policy("{podSelector: {matchLabels: {app: db}}, ingress: [{from: [{podSelector: {matchLabels: {app: web}}}]}]}")
    )
    (only,) = here.world.policies
    emptied = here.model.edited({0: replace(only, ingress=())})
    assert emptied.partition is here.model.partition
    assert here.model.edited({0: None}).partition is here.model.partition
    other = asked(policy("{podSelector: {matchLabels: {tier: x}}}")).world.policies[0]
    assert here.model.edited({0: other}).partition is not here.model.partition
