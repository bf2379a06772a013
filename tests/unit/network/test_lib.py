"""Interval sets, bit sets and the Kubernetes reading of YAML scalars."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from thwart.lib.bitsets import members, pack
from thwart.lib.intervals import (
    Address,
    Block,
    Cuts,
    Span,
    blocks_of,
    cover,
    parse_address,
    parse_block,
    subtract,
    union,
)
from thwart.lib.yaml_positions import load_all

SPANS = st.lists(
    st.tuples(st.integers(0, 60), st.integers(0, 60)).map(lambda ends: Span(min(ends), max(ends))), max_size=8
)


def points(spans: list[Span]) -> set[int]:
    return {point for first, last in spans for point in range(first, last + 1)}


@given(SPANS, SPANS)
def test_union_and_difference_are_those_of_sets(some: list[Span], others: list[Span]) -> None:
    assert points(union(some)) == points(some)
    assert all(left.last + 1 < right.first for left, right in zip(union(some), union(some)[1:], strict=False))
    whole = Span(10, 50)
    assert points(subtract(whole, others)) == points([whole]) - points(others)


@given(SPANS)
def test_cuts_tell_apart_what_spans_tell_apart(spans: list[Span]) -> None:
    whole = Span(1, 55)
    cuts = Cuts(whole, spans)
    for span in spans:
        inside = points([span]) & points([whole])
        if inside:
            mask = cuts.mask(span)
            assert {point for point in points([whole]) if mask >> cuts.atom(point) & 1} == inside
    assert points([cuts.span(atom) for atom in range(len(cuts))]) == points([whole])


@given(st.lists(SPANS, max_size=5))
def test_cover_names_the_sets_of_every_point(sets: list[list[Span]]) -> None:
    whole = Span(0, 60)
    for span, names in cover(whole, enumerate(sets)):
        for point in points([span]):
            assert names == {number for number, spans in enumerate(sets) if point in points(spans)}


@given(st.sets(st.integers(0, 500)))
def test_bitsets_hold_what_was_put_in(numbers: set[int]) -> None:
    assert list(members(pack(numbers, 501))) == sorted(numbers)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("10.1.2.3/8", "10.0.0.0/8"),
        ("010.001.0.0/016", "10.1.0.0/16"),
        ("::ffff:10.0.0.0/104", "10.0.0.0/8"),
        ("2001:db8::1/32", "2001:db8::/32"),
        ("0.0.0.0/0", "0.0.0.0/0"),
        ("::/0", "::/0"),
    ],
)
def test_blocks_are_read_as_go_reads_them(text: str, expected: str) -> None:  # k8s.io/utils/net ParseCIDRSloppy
    network = ipaddress.ip_network(expected)
    found = parse_block(text)
    assert found == Block(network.version, int(network.network_address), int(network.broadcast_address))
    assert blocks_of(found.version, Span(found.first, found.last)) == [expected]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "/",
        "10.0.0.0",
        "10.0.0.0/",
        "10.0.0.0/33",
        "10.0.0/8",
        "10.0.0.256/8",
        "::/129",
        "fe80::1%eth0/64",
        "1.2.3.4/-1",
        "٣.0.0.0/8",
    ],
)
def test_what_is_no_block_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a CIDR"):
        parse_block(text)


def test_addresses() -> None:
    assert parse_address("::ffff:1.2.3.4") == Address(4, 0x01020304)
    assert str(parse_address("2001:db8:0::1")) == "2001:db8::1"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("yes", True),
        ("Off", False),
        ("y", True),
        ("N", False),
        ("true", True),
        ("010", 8),
        ("08", 8.0),
        ("0x1F", 31),
        ("0b101", 5),
        ("0o17", 15),
        ("1_000", 1000),
        ("1.10", 1.1),
        ("~", None),
        ("", None),
        ("'yes'", "yes"),
        ("!!str 12", "12"),
        ("2024-01-01", "2024-01-01"),
        ("1:30", "1:30"),
        ("18446744073709551615", 18446744073709551615),
        ("nope", "nope"),
        ("-", [None]),
    ],
)
def test_scalars_as_kubectl_reads_them(text: str, value: object) -> None:  # sigs.k8s.io/yaml, goyaml.v2 resolve.go
    (found,) = load_all(
        f"k: {text}\n".encode() if text != "-" else b"k:\n- \n",
        max_bytes=99,
        max_depth=9,
        max_nodes=9,
        schema="kubernetes",
    )
    assert found["k"] == value
    assert type(found["k"]).__name__ in (type(value).__name__, "YamlList")


def test_keys_are_text() -> None:
    (found,) = load_all(
        b"on: 1\n80: 2\n1.5: 3\n~: 4\n'x': 5\n", max_bytes=99, max_depth=9, max_nodes=20, schema="kubernetes"
    )
    assert found == {"true": 1, "80": 2, "1.5": 3, "null": 4, "x": 5}


def test_the_core_schema_is_as_before() -> None:
    assert load_all(b"[yes, 010, 1_0, on]", max_bytes=99, max_depth=9, max_nodes=9) == (["yes", 10, "1_0", "on"],)
