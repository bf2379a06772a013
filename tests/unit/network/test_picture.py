"""The picture of a map: what it says agrees with the map, whoever named what is in it, and however large it is."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from random import Random
from xml.etree import ElementTree as ET

import pytest
from benchmarks.network_workloads import kano, realistic
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.network.helpers import PODS, asked, policy, world_of
from tests.unit.network.worlds import Maker
from thwart.lib.bitsets import members
from thwart.network.engine import Model
from thwart.network.formats.html import html
from thwart.network.formats.svg import svg
from thwart.network.mapping import Map, build_map
from thwart.network.picture import survey as survey_module
from thwart.network.picture.board import board
from thwart.network.picture.bundles import SEVERAL, WITHIN
from thwart.network.picture.listing import list_pairs
from thwart.network.picture.matrix import matrix
from thwart.network.picture.names import anchors, columns, several, short
from thwart.network.picture.order import alike_together
from thwart.network.picture.shapes import Box, Drawing, Part, Shape, Words
from thwart.network.picture.survey import REST, Survey
from thwart.network.picture.wiring import MOST_BUNDLES, Wiring, wire
from thwart.network.world import read_world

SVG = "{http://www.w3.org/2000/svg}"
RULES = policy(
    "{podSelector: {matchLabels: {app: db}}, ingress: [{from: [{podSelector: {}}], ports: [{port: 5432}]}]}", "db-in"
)
DENY = policy("{podSelector: {}, policyTypes: [Ingress]}", "deny", "b")
OTHER = """---
apiVersion: v1
kind: Pod
metadata: {name: agent, namespace: a}
spec: {hostNetwork: true, containers: [{}]}
"""  # on a node that nobody knows: perhaps that of a pod, which its own node always reaches


def map_of(*policies: str) -> Map:
    return build_map(asked(*policies).model)


def realistic_map(namespaces: int, policies: int) -> Map:
    data = json.dumps({"apiVersion": "v1", "kind": "List", "items": realistic(namespaces, policies)}).encode()
    world = read_world([("w.json", data)])
    assert world.refused == ()
    return build_map(Model(world))


@pytest.fixture(scope="module")
def middling() -> Map:
    return realistic_map(10, 60)


@pytest.fixture(scope="module")
def large() -> Map:
    return realistic_map(90, 400)


def flat(shapes: tuple[Shape, ...], x: float = 0, y: float = 0) -> Iterator[tuple[Shape, float, float]]:
    for one in shapes:
        if isinstance(one, Part):
            yield from flat(one.shapes, x + one.x, y + one.y)
        else:
            yield one, x, y


class Page(HTMLParser):
    """Ids, links, tags and attributes of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        for name, value in attrs:
            self.attributes.add(name)
            if name == "id":
                self.ids.append(value or "")
            if name == "href":
                self.links.append(value or "")


def check_page(text: str) -> Page:
    page = Page(text)
    assert len(page.ids) == len(set(page.ids))
    assert all(link.startswith("#") and link[1:] in page.ids for link in page.links), page.links
    assert not page.tags & {"script", "img", "iframe", "object", "link", "foreignobject", "b>"}
    assert not [name for name in page.attributes if name.startswith("on")]
    assert "default-src 'none'" in text
    assert not re.search(r"url\(|@import|https?://(?!www\.w3\.org/2000/svg)", text)
    return page


def check_svg(text: str) -> ET.Element:
    root = ET.fromstring(text)
    assert root.tag == f"{SVG}svg"
    assert not re.search(r"url\(|@import|<script|https?://(?!www\.w3\.org/2000/svg)", text)
    for tag in ("title", "desc"):
        assert root.find(f"{SVG}{tag}") is not None
    return root


# what the pictures say


@pytest.mark.parametrize("policies", [(), (RULES,), (RULES, DENY), (DENY, OTHER)])
def test_words_of_a_survey_are_those_of_the_map(policies: tuple[str, ...]) -> None:
    found = map_of(*policies)
    assert {pair: reach.word for pair, reach in Survey(found).reach.items()} == found.matrix


def test_words_agree_in_a_larger_world(middling: Map) -> None:
    survey = Survey(middling)
    assert {pair: reach.word for pair, reach in survey.reach.items()} == middling.matrix
    for (here, there), reach in survey.reach.items():
        area = {one.name: one for one in survey.areas}
        pairs = {
            (source, destination)
            for one in middling.connections
            if not one.unknown
            for destination in one.destinations
            if area[there].bits >> destination & 1
            for source in members(one.source_bits & area[here].bits)
        }
        assert reach.connected == len(pairs)
        assert reach.connected <= reach.possible


def test_a_rest_says_what_its_namespaces_say(middling: Map, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(survey_module, "MOST_NAMESPACES", 6)
    monkeypatch.setattr(survey_module, "SHOWN_NAMESPACES", 4)
    survey = Survey(middling)
    (rest,) = [area for area in survey.areas if area.what == REST]
    shown = {area.name for area in survey.areas}
    assert rest.name == "(9 others)"
    assert survey.left_out == 9
    assert middling.matrix is not None
    hidden = {area for area in middling.areas if area not in shown}
    assert len(hidden) == 9
    for area in shown - {rest.name}:
        words = {middling.matrix[area, other] for other in hidden}
        (word,) = words if len(words) == 1 else ("some",)
        assert survey.reach[area, rest.name].word == word
    exposed = {area.name for area in survey.open_to_outside}
    assert exposed <= shown  # what the outside reaches is never folded away


def pairs_of(wiring: Wiring) -> set[tuple[int, int, int, bool]]:
    found = set()
    for one in wiring.bundles:
        for source in one.sources:
            for destination in one.destinations:
                if one.area != WITHIN or source == destination:
                    found.add((source, destination, one.ports, one.unknown))
    return found


@pytest.mark.parametrize("policies", [(), (RULES,), (RULES, DENY), (DENY, OTHER)])
def test_lines_say_what_the_map_says(policies: tuple[str, ...]) -> None:
    check_lines(map_of(*policies))


def test_lines_say_what_a_larger_map_says(middling: Map) -> None:
    check_lines(middling)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000))
def test_pictures_of_random_worlds_agree_with_their_maps(seed: int) -> None:
    objects = Maker(Random(seed)).world()
    world = read_world([("w.json", json.dumps({"kind": "List", "items": objects}).encode())])
    found = build_map(Model(world))
    survey = Survey(found)
    assert {pair: reach.word for pair, reach in survey.reach.items()} == found.matrix
    if not wire(survey).coarse:
        check_lines(found)
    check_listing(survey)
    check_svg(svg(found))
    check_page(html(found))


def check_listing(survey: Survey) -> None:
    """A pair of areas is listed when, and only when, something may flow."""
    found = survey.found
    names = {number: area.name for area in survey.areas for number in members(area.bits)}
    expected = {
        (names[source], names[destination])
        for one in found.connections
        for destination in one.destinations
        for source in one.sources
    }
    pairs = {(one.here.name, one.there.name): one for one in list_pairs(survey)}
    assert pairs.keys() == expected
    ports: dict[tuple[str, str], set[tuple[str, bool]]] = {}
    masks: dict[tuple[int, int, bool], int] = {}
    for one in found.connections:
        for destination in one.destinations:
            for source in one.sources:
                key = (source, destination, one.unknown)
                masks[key] = masks.get(key, 0) | one.ports
    for (source, destination, unknown), mask in masks.items():
        words = (found.model.ports.describe(mask), unknown)
        ports.setdefault((names[source], names[destination]), set()).add(words)
    for ends, pair in pairs.items():
        if pair.reach.word != "all" and not pair.left_out:
            assert {(flow.ports, flow.unknown) for flow in pair.flows} == ports[ends]


def check_lines(found: Map) -> None:
    """Drawn pairs of boxes are exactly the pairs of groups in the map, with all of their ports."""
    wiring = wire(Survey(found))
    assert not wiring.coarse
    expected: dict[tuple[int, int, bool], int] = {}
    for one in found.connections:
        for destination in one.destinations:
            for source in one.sources:
                key = (source, destination, one.unknown)
                expected[key] = expected.get(key, 0) | one.ports
    drawn: dict[tuple[int, int, bool], int] = {}
    for source, destination, ports, unknown in pairs_of(wiring):
        for here in members(wiring.rows[source].bits):
            for there in members(wiring.rows[destination].bits):
                key = (here, there, unknown)
                drawn[key] = drawn.get(key, 0) | ports
    lonely = {
        number for number, one in enumerate(found.model.classes) if len(one.members) == 1 and one.members[0].single
    }  # in a box with others it stands for their connections among each other
    assert {k: v for k, v in drawn.items() if not (k[0] == k[1] and k[0] in lonely)} == expected
    covered = 0
    for row in wiring.rows:
        assert not covered & row.bits
        covered |= row.bits
    assert covered == (1 << len(found.groups)) - 1


def test_a_large_map_is_of_namespaces_and_leaves_none_out(large: Map) -> None:
    wiring = wire(Survey(large))
    assert wiring.coarse
    check_nothing_hidden(large, wiring)
    assert any(one.area in (SEVERAL, WITHIN) for one in wiring.bundles)


def test_one_large_namespace_shows_its_chief_workloads() -> None:
    data = json.dumps({"kind": "List", "items": kano(200, 120)}).encode()
    found = build_map(Model(read_world([("w.json", data)])))
    survey = Survey(found)
    wiring = wire(survey)
    assert wiring.chief
    check_nothing_hidden(found, wiring)
    (others,) = [row for row in wiring.rows if row.label.startswith("(")]
    shown = [row for row in wiring.rows if row is not others and row.pods]
    assert len(shown) == 18
    outside = [survey.from_outside(row.bits.bit_length() - 1) for row in shown]
    hidden = [survey.from_outside(number) for number in members(others.bits)]
    assert any(outside)
    assert all(outside) or not any(hidden)
    assert "those that the outside reaches" in svg(found)


def check_nothing_hidden(found: Map, wiring: Wiring) -> None:
    """Every connection of the map lies in a drawn line; every group in one row."""
    assert len(wiring.bundles) <= MOST_BUNDLES
    assert sum(row.bits.bit_count() for row in wiring.rows) == len(found.groups)
    reached: dict[int, int] = {}
    for source, destination, _, _ in pairs_of(wiring):
        for there in members(wiring.rows[destination].bits):
            reached[there] = reached.get(there, 0) | wiring.rows[source].bits
    for one in found.connections:
        for destination in one.destinations:
            assert one.source_bits & ~reached.get(destination, 0) == 0


def test_default_deny_is_told_by_direction() -> None:
    closed = {area.name: sorted(area.closed) for area in Survey(map_of(DENY)).areas if area.what == "pod"}
    assert closed == {"a": [], "b": ["ingress"]}
    titles = titles_of(matrix(Survey(map_of(DENY)), {}))
    assert "b: a policy denies by default what reaches it (ingress)" in titles
    assert "b: no policy denies what leaves it by default (egress)" in titles
    assert "(outside) to b: nothing" in titles
    assert "a to a: every pod on every port" in titles


def titles_of(drawing: Drawing) -> list[str]:
    return [one.title for one in drawing.shapes if isinstance(one, Part)]


def test_lines_are_told_in_words() -> None:
    survey = Survey(map_of(RULES))
    titles = titles_of(board(survey, wire(survey), {}))
    assert any("a/web → a/db: TCP 5432" in title for title in titles), titles


def test_a_pair_lists_what_flows() -> None:
    pairs = {(one.here.name, one.there.name): one for one in list_pairs(Survey(map_of(RULES)))}
    (flow,) = [one for one in pairs["a", "a"].flows if one.destinations == "Pod/db"]
    assert flow.sources == "Pod/web"
    assert (flow.ports, flow.unknown) == ("TCP 5432", False)
    assert pairs["a", "b"].reach.word == "all"
    assert pairs["a", "b"].flows == ()  # the word says everything


# how the pictures look


@pytest.mark.parametrize("name", ["middling", "large"])
def test_no_two_labels_meet_and_all_is_inside(name: str, request: pytest.FixtureRequest) -> None:
    survey = Survey(request.getfixturevalue(name))
    for drawing in (matrix(survey, {}), board(survey, wire(survey), {})):
        level: list[tuple[float, float, float]] = []
        slanted: dict[int, list[float]] = {}
        for one, dx, dy in flat(drawing.shapes):
            if isinstance(one, Box):
                assert 0 <= one.x + dx <= one.x + dx + one.width <= drawing.width
                assert 0 <= one.y + dy <= one.y + dy + one.height <= drawing.height
            if isinstance(one, Words):
                wide = columns(one.text) * 7.3
                if one.turn:
                    slanted.setdefault(one.turn, []).append(one.x)
                    assert one.y - wide * (1 if one.turn == -90 else 0.71) >= 0, one.text
                    assert one.x + (wide * 0.71 if one.turn == -45 else 0) <= drawing.width, one.text
                else:
                    start = one.x - {"start": 0, "middle": wide / 2, "end": wide}[one.anchor]
                    assert start + dx >= 0, one.text
                    assert "key" in one.look or "figure" in one.look or start + dx + wide <= drawing.width, one.text
                    level.append((round(one.y), start, start + wide))
        for turn, places in slanted.items():
            places.sort()
            gaps = [right - left for left, right in pairwise(places)]
            assert min(gaps) >= (14 if turn == -90 else 15)
        level.sort()
        for (y, _, end), (other, start, _) in pairwise(level):
            assert y != other or end <= start + 1


def test_same_input_same_bytes() -> None:
    for write in (svg, html):
        assert write(map_of(RULES, DENY)) == write(map_of(RULES, DENY))
    code = (
        "import hashlib;from tests.unit.network.test_picture import *;"
        "print(hashlib.sha256((svg(map_of(RULES))+html(map_of(RULES))).encode()).hexdigest())"
    )
    seen = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": f"{Path(__file__).parents[3]}:src"},
            cwd=Path(__file__).parents[3],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(seen) == 1


@pytest.mark.parametrize("name", ["middling", "large"])
def test_size_is_bounded(name: str, request: pytest.FixtureRequest) -> None:
    found = request.getfixturevalue(name)
    picture, page = svg(found), html(found)
    check_svg(picture)
    check_page(page)
    assert len(picture) < 700_000
    assert len(page) < 1_200_000


def test_what_is_left_out_is_said(large: Map) -> None:
    page = html(large)
    assert "40 of 93 namespaces are shown" in page
    assert "(53 others)" in page
    assert "There are too many workloads to draw" in page
    assert re.search(r"<b>[\d,]+ pairs</b>|pairs of namespaces|pairs</b> of namespaces", page)


# the page


def test_a_cell_leads_to_what_flows_between_the_two() -> None:
    text = html(map_of(RULES))
    page = check_page(text)
    assert "#a--b" in page.links
    assert "#outside--a" in page.links
    section = text.split('<details id="a--a">')[1].split("</details>")[0]
    assert "TCP 5432" in section
    assert "Pod/db" in section
    assert "<details open" not in text


def test_unknown_is_seen_and_said() -> None:
    found = map_of(DENY, OTHER)
    assert found.matrix is not None
    assert found.matrix["(nodes)", "b"] == "-?"
    survey = Survey(found)
    page = html(found)
    check_page(page)
    looks = {one.look for one, _, _ in flat(matrix(survey, {}).shapes) if not isinstance(one, Part)}
    assert "hatch" in looks
    looks = {one.look for one, _, _ in flat(board(survey, wire(survey), {}).shapes) if not isinstance(one, Part)}
    assert "to in doubt" in looks
    assert "(nodes) to b: nothing; more is unknown" in titles_of(matrix(survey, {}))
    section = page.split('<details id="nodes--b">')[1].split("</details>")[0]
    assert '<span class="doubt">unknown</span>' in section


def test_empty_worlds_have_a_picture() -> None:
    found = build_map(Model(world_of("{apiVersion: v1, kind: Namespace, metadata: {name: lonely}}")))
    check_svg(svg(found))
    page = check_page(html(found))
    assert "matrix" in page.ids
    assert "No pods were read" in html(found)


NASTY = "</text><script>alert(1)</script>\"'&\u202e\u0301\x00\x1b[31m" + "n" * 253


def nasty_map() -> Map:
    pods = [
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": space}, "spec": {"containers": []}}
        for space in (NASTY, NASTY + "2", "日本語" * 40, "a--b", "a", "b--a")
        for name in (NASTY, "x" * 253, "b")
    ]
    world = read_world([("f" * 5000 + "<script>.json", json.dumps({"kind": "List", "items": pods}).encode())])
    return build_map(Model(world))


def test_names_of_strangers_do_no_harm() -> None:
    found = nasty_map()
    root = check_svg(svg(found))
    page = html(found)
    check_page(page)
    for text in (svg(found), page):
        assert not re.search("[\u202a-\u202e\u2066-\u2069\x00\x1b\u0301]", text)
        assert "<script" not in text
    longest = max(len(one.text or "") for one in root.iter(f"{SVG}text"))
    assert longest <= 120
    assert max(len(one.text or "") for one in root.iter(f"{SVG}title")) <= 700
    assert len(page) < 300_000


def test_long_messages_and_paths_are_cut() -> None:
    path = "d/" * 2500 + "<script>.yaml"
    world = world_of(PODS + "\n---\n{not: [closed", path)
    page = html(build_map(Model(world)))
    check_page(page)
    assert "d/d/d/" in page
    assert "d/" * 300 not in page


@given(st.text(max_size=60), st.integers(4, 30))
def test_short_fits(text: str, most: int) -> None:
    made = short(text, most)
    assert columns(made) <= most
    assert made.isprintable()


@given(st.lists(st.text(max_size=20), max_size=8), st.integers(12, 40), st.integers(0, 99))
def test_several_fits_and_counts(names: list[str], most: int, more: int) -> None:
    if names:
        assert columns(several(names, most, more)) <= most


@settings(max_examples=50)
@given(st.lists(st.tuples(st.text(max_size=6), st.text(max_size=6)), unique=True))
def test_anchors_differ_and_need_no_escape(pairs: list[tuple[str, str]]) -> None:
    made = anchors(pairs)
    assert len(set(made.values())) == len(pairs)
    assert all(re.fullmatch(r"[A-Za-z0-9.-]+", one) for one in made.values())


def test_anchors_read_as_the_names_do() -> None:
    made = anchors([("shop", "shop-data"), ("a", "b--c"), ("a--b", "c"), ("(outside)", "shop")])
    assert list(made.values()) == ["shop--shop-data", "a--b--c", "a--b--c.2", "outside--shop"]


def test_alike_stand_together() -> None:
    names = ["a", "b", "c", "d"]
    words = {(x, y): "all" if {x, y} <= {"a", "c"} or {x, y} <= {"b", "d"} else "-" for x in names for y in names}
    order = alike_together(names, words)
    assert abs(order.index("a") - order.index("c")) == 1
    assert abs(order.index("b") - order.index("d")) == 1
    assert sorted(order) == names
