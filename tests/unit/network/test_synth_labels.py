"""Which labels are chosen: exactly the wanted pods, few labels, telling ones."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from thwart.network.selectors import Selector, describe, matches
from thwart.network.synthesis.labels import TELLING, VOLATILE, Area, stable

Labels = tuple[tuple[str, str], ...]
KEYS = ("app", "tier", "version", "zz", "app.kubernetes.io/name", "x1", "x2")
SETS = st.lists(
    st.dictionaries(st.sampled_from(KEYS), st.sampled_from(["a", "b", "c"])).map(lambda d: tuple(sorted(d.items()))),
    min_size=1,
    max_size=8,
    unique=True,
)


def chosen(selectors: list[Selector], sets: list[Labels]) -> set[Labels]:
    return {labels for labels in sets for selector in selectors if matches(selector, dict(labels))}


@given(SETS, st.data(), st.booleans())
def test_selectors_select_exactly_what_is_wanted(sets: list[Labels], data: st.DataObject, shared: bool) -> None:
    wanted = data.draw(st.lists(st.sampled_from(sets), min_size=1, unique=True))
    found = Area(sets).selectors(wanted, shared=shared)
    assert chosen(found, sets) == set(wanted)
    assert len(found) <= len(wanted)
    for at in range(len(found)):  # none of them could go
        assert chosen(found[:at] + found[at + 1 :], sets) != set(wanted) or shared


@given(SETS)
def test_no_label_of_a_selector_could_go(sets: list[Labels]) -> None:
    """But for one that tells what the pods are, which stays beside one that only happens to differ."""
    area = Area(sets)
    for number, labels in enumerate(sets):
        own = area.own(number)
        for at, one in enumerate(own):
            fewer = (*own[:at], *own[at + 1 :])
            needed = chosen([fewer], sets) != {labels}
            assert needed or one.key in TELLING or len(own) == 1


def own(labels: dict[str, str], *others: dict[str, str]) -> str:
    sets = list(dict.fromkeys(stable(one) for one in (labels, *others)))
    return describe(Area(sets).own(0))


@pytest.mark.parametrize(
    ("labels", "others", "selector"),
    [
        ({"app": "a", "tier": "t"}, [], "app=a"),
        ({"app": "a", "app.kubernetes.io/name": "n"}, [{"app": "b"}], "app.kubernetes.io/name=n"),
        ({"app": "a", "odd": "x"}, [{"app": "a", "odd": "y"}], "app=a,odd=x"),
        ({"odd": "x", "version": "1"}, [{"odd": "y", "version": "1"}], "odd=x"),
        ({"app": "a", "version": "1"}, [{"app": "a", "version": "2"}], "app=a,version=1"),
        ({"app": "a", "version": "1"}, [{"app": "b", "version": "2"}], "app=a"),
        ({"app": "a", "helm.sh/chart": "c-1"}, [{"app": "b"}], "app=a"),
        ({"app": "a"}, [{"app": "a", "canary": "yes"}], "app=a,!canary"),
        ({}, [{"app": "a"}, {"tier": "t"}], "!app,!tier"),
        ({}, [], "everything"),
        ({"app": "a", "pod-template-hash": "1"}, [{"app": "b", "pod-template-hash": "2"}], "app=a"),
        ({"app": "a", "tier": "x"}, [{"app": "a", "tier": "y"}, {"app": "b", "tier": "x"}], "app=a,tier=x"),
    ],
)
def test_telling_labels_are_preferred(labels: dict[str, str], others: list[dict[str, str]], selector: str) -> None:
    assert own(labels, *others) == selector


def test_many_labels_are_told_apart_without_trying_every_combination() -> None:
    sets = [tuple((f"k{bit:02}", str(number >> bit & 1)) for bit in range(40)) for number in range(200)]
    area = Area(sets)
    for number in (0, 77, 199):
        assert chosen([area.own(number)], sets) == {sets[number]}
        assert len(area.own(number)) <= 8


def test_values_of_one_key_become_a_list_and_shared_labels_only_where_asked() -> None:
    sets: list[Labels] = [(("app", name), ("role", "backend" if name < "d" else "front")) for name in "abcd"]
    area = Area(sets)
    assert list(map(describe, area.selectors(sets[:3], shared=False))) == ["app in (a, b, c)"]
    assert list(map(describe, area.selectors(sets[:3], shared=True))) == ["role=backend"]
    assert list(map(describe, area.selectors(sets, shared=True))) == ["everything"]
    assert list(map(describe, area.selectors(sets, shared=False))) == ["app in (a, b, c, d)"]


@pytest.mark.parametrize("key", sorted(VOLATILE))
def test_volatile_labels_are_never_named(key: str) -> None:
    assert stable({key: "x", "app": "a"}) == (("app", "a"),)
