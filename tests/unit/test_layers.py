"""Layers laid over each other as the OCI specification says, and who brought what."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest
from msgspec.structs import replace

from tests.unit.images import RELEASE, STATUS, Entry, layer, status
from thwart import catalogers
from thwart.catalogers._assemble import assemble
from thwart.catalogers._layer import clean, read_layer, read_requests
from thwart.catalogers._tree import Tree
from thwart.core.inventory import Inventory
from thwart.core.layer import CannotReopen, LayerFacts, MemberStream
from thwart.core.limits import DEFAULT, Limits
from thwart.core.package import FileFacts
from thwart.lib.tarstream import TarStream

PKG = b'{"name": "left-pad", "version": "1.0.0"}'
PAD = "app/node_modules/left-pad/package.json"


def stream(data: bytes) -> MemberStream:
    file = io.BytesIO(data)
    return TarStream(iter(lambda: file.read(4096), b""), max_members=10_000)


def facts(data: bytes, limits: Limits = DEFAULT, again: bool = True) -> LayerFacts:
    members = {name: m for name, m in catalogers.MEMBERS.load().items() if m.images}
    opened: list[int] = []

    def open_stream() -> MemberStream:
        if opened and not again:
            raise CannotReopen
        opened.append(1)
        return stream(data)

    return read_layer(open_stream, members, limits)


def merge(*layers: bytes) -> Inventory:
    tree = Tree(DEFAULT.symlinks)
    read = [facts(one) for one in layers]
    for one in read:
        tree.add(one)
    return assemble(tree, read, [f"L{index}" for index in range(len(layers))])


def packages(*layers: bytes) -> dict[str, tuple[str, str]]:
    """Name to (version, layer)."""
    return {p.name: (p.version, p.layer) for p in merge(*layers).packages}


BASE = layer((STATUS, status(("bash", "5.2"), ("zlib1g", "1.2"))), ("etc/os-release", RELEASE), (PAD, PKG))


def test_one_layer() -> None:
    assert packages(BASE) == {"bash": ("5.2", "L0"), "zlib1g": ("1.2", "L0"), "left-pad": ("1.0.0", "L0")}


@pytest.mark.parametrize(
    "removal",
    [
        ("app/node_modules/left-pad/.wh.package.json", b""),
        ("app/node_modules/.wh.left-pad", b""),
        (".wh.app", b""),
        ("app/.wh..wh..opq", b""),
        (".wh..wh..opq", b""),
        ("app/node_modules/left-pad", b"now a file"),
        ("app", "elsewhere"),
        (PAD, None),
        (PAD, "nowhere"),
    ],
)
def test_what_a_layer_removes_or_replaces_is_gone(removal: Entry) -> None:
    assert "left-pad" not in packages(BASE, layer(removal))


@pytest.mark.parametrize(
    "harmless",
    [
        ("app", None),
        ("app/node_modules/left-pad", None),
        ("app/.wh.node_module", b""),
        ("ap/.wh..wh..opq", b""),
        ("app/.wh..wh.aufs", b""),
        ("app/node_modules/left-pad/index.js", b""),
        ("application", b""),
    ],
)
def test_what_only_looks_like_a_removal_is_not(harmless: Entry) -> None:
    assert packages(BASE, layer(harmless))["left-pad"] == ("1.0.0", "L0")


def test_whiteouts_do_not_reach_into_their_own_layer() -> None:
    top = layer((PAD, PKG), (".wh.app", b""), ("app/.wh..wh..opq", b""))
    assert packages(BASE, top)["left-pad"] == ("1.0.0", "L1")


def test_a_database_written_again_keeps_what_was_there_with_its_layer() -> None:
    top = layer((STATUS, status(("bash", "5.2"), ("zlib1g", "1.3"), ("curl", "8"))))
    found = packages(BASE, top)
    assert (found["bash"], found["zlib1g"], found["curl"]) == (("5.2", "L0"), ("1.3", "L1"), ("8", "L1"))


def test_removed_and_installed_again_counts_from_the_second_time() -> None:
    without = layer((STATUS, status(("zlib1g", "1.2"))))
    again = layer((STATUS, status(("zlib1g", "1.2"), ("bash", "5.2"))))
    found = packages(BASE, without, again)
    assert (found["bash"], found["zlib1g"]) == (("5.2", "L2"), ("1.2", "L0"))


def test_a_file_removed_and_written_again_counts_from_the_second_time() -> None:
    found = packages(BASE, layer((".wh.app", b"")), layer((PAD, PKG)))
    assert found["left-pad"] == ("1.0.0", "L2")


def test_a_file_written_again_unchanged_keeps_its_layer() -> None:
    assert packages(BASE, layer((PAD, PKG)))["left-pad"] == ("1.0.0", "L0")


def test_entries_behind_a_linked_folder_land_where_it_points() -> None:
    base = layer(("usr/lib", None), ("lib", "usr/lib"), ("etc/os-release", RELEASE))
    top = layer(("lib/node_modules/left-pad/package.json", PKG))
    found = merge(base, top).packages
    assert [p.locations[0].path for p in found] == ["usr/lib/node_modules/left-pad/package.json"]
    assert "left-pad" not in packages(base, top, layer(("lib/node_modules/.wh.left-pad", b"")))


def test_a_folder_replaces_a_link_to_a_folder() -> None:
    base = layer(("real/left-pad/package.json", PKG), ("app/node_modules", "../real"))
    top = layer(("app/node_modules", None), (PAD, PKG.replace(b"1.0.0", b"2.0.0")))
    assert packages(base, top)["left-pad"] == ("2.0.0", "L1")


@pytest.mark.parametrize(
    ("link", "target"), [("a", "a"), ("a", "b"), ("etc", "../../../../etc"), ("app", "../../app"), ("app", "/")]
)
def test_links_that_loop_or_climb_end(link: str, target: str) -> None:
    inventory = merge(layer((link, target), ("b", link), (f"{link}/node_modules/left-pad/package.json", PKG)))
    assert [p.name for p in inventory.packages] == ["left-pad"]
    assert all(".." not in place.path for p in inventory.packages for place in p.locations)


def test_hard_links_share_content_even_of_names_nobody_asked_for() -> None:
    found = merge(layer(("store/abc", PKG), (PAD, "=store/abc"), (PAD.replace("app", "two"), "=" + PAD))).packages
    assert [place.path for p in found for place in p.locations] == [PAD, PAD.replace("app", "two")]


def test_a_hard_link_into_nothing_is_told() -> None:
    inventory = merge(layer((PAD, "=store/missing")))
    assert [(d.slug, d.path) for d in inventory.diagnostics] == [("dangling-link", PAD)]


def test_a_hard_link_in_a_stream_that_cannot_be_read_again_is_told() -> None:
    read = facts(layer(("store/abc", PKG), (PAD, "=store/abc")), again=False)
    assert [(p.slug, p.path) for p in read.problems] == [("unreadable", PAD)]


@pytest.mark.parametrize("name", ["/app/x", "./app/x", "app//x", "app/./x", "../app/x", "../../app/x", "q/../app/x"])
def test_names_stay_below_the_root(name: str) -> None:
    assert clean(name) == "app/x"


def test_a_hard_link_into_a_layer_below_is_followed() -> None:
    inventory = merged_and_asked(layer(("store/abc", PKG)), layer((PAD, "=store/abc")))
    assert [(p.name, p.locations[0].path) for p in inventory.packages] == [("left-pad", PAD)]
    assert inventory.diagnostics == ()


def test_a_hard_link_to_a_link_is_that_link() -> None:
    data = layer(("store/package.json", PKG), ("l", "/store/package.json"), (PAD, "=l"))
    assert [p.locations[0].path for p in merged_and_asked(data).packages] == [PAD]


def test_a_chain_of_hard_links_is_followed_at_once() -> None:
    chain = [(f"h{n + 1}", f"=h{n}") for n in range(3000)]
    data = layer(("h0", PKG), *chain, (PAD, "=h3000"))
    assert [p.locations[0].path for p in merge(data).packages] == [PAD]


def merged_and_asked(*layers: bytes) -> Inventory:
    """Merged, and what only links make interesting has been read too."""
    tree = Tree(DEFAULT.symlinks)
    members = {name: m for name, m in catalogers.MEMBERS.load().items() if m.images}
    read = [facts(one) for one in layers]
    for one in read:
        tree.add(one)
    for index, request in tree.missing():
        more = read_requests(lambda index=index: stream(layers[index]), members, DEFAULT, [request])  # type: ignore[misc]
        read.append(more)
        for file in more.files:
            tree.adopt(index, file)
    return assemble(tree, read, [f"L{index}" for index in range(len(layers))])


def test_a_link_to_a_file_that_another_layer_wrote_under_another_name() -> None:
    """The target is asked for by the name that its own layer has for it, which leads through a link below."""
    base = layer(("real", None), ("way", "real"))
    found = merged_and_asked(base, layer(("way/one.json", PKG)), layer((PAD, "../../../real/one.json")))
    assert [(p.locations[0].path, p.layer) for p in found.packages] == [(PAD, "L1")]


@pytest.mark.parametrize(
    "removal", [("way/.wh.one.json", b""), (".wh.real", b""), ("real/one.json", None), ("real", b"")]
)
def test_a_link_to_a_file_that_is_gone(removal: Entry) -> None:
    base = layer(("real", None), ("way", "real"), ("real/one.json", PKG), (PAD, "/way/one.json"))
    assert [p.name for p in merged_and_asked(base).packages] == ["left-pad"]
    assert merged_and_asked(base, layer(removal)).packages == ()


def test_a_folder_that_replaces_a_link_is_not_the_folder_linked_to() -> None:
    """As engines write it: the new folder is opaque, which says nothing of what the link led to."""
    base = layer(("releases/1/node_modules/left-pad/package.json", PKG), ("current", "releases/1"))
    top = layer(("current", None), ("current/.wh..wh..opq", b""), ("current/node_modules", None))
    assert packages(base, top)["left-pad"] == ("1.0.0", "L0")


def test_entries_written_through_a_link_replace_what_it_leads_to() -> None:
    base = layer(("usr/lib", None), ("lib", "usr/lib"), ("usr/lib/node_modules/left-pad/package.json", PKG))
    for entry in (("lib/node_modules", "elsewhere"), ("lib/node_modules/left-pad/package.json", None)):
        assert "left-pad" not in packages(base, layer(entry))


@pytest.mark.parametrize("later", ["nowhere", b"a file", "=store", None])
def test_within_a_layer_the_last_entry_of_a_path_counts(later: bytes | str | None) -> None:
    assert "left-pad" not in packages(layer(("store", b"x"), (PAD, PKG), (PAD, later)))
    if later is not None:
        assert "left-pad" not in packages(layer(("store", b"x"), (PAD, PKG), ("app", later)))


def test_of_two_names_of_one_file_the_later_entry_counts() -> None:
    base = layer(("b", None), ("a", "b"))
    two = PKG.replace(b"1.0.0", b"2.0.0")
    first, second = "b/node_modules/left-pad/package.json", "a/node_modules/left-pad/package.json"
    assert packages(base, layer((first, PKG), (second, two)))["left-pad"][0] == "2.0.0"


def test_a_resolution_takes_few_steps() -> None:
    tree = Tree(DEFAULT.symlinks)
    tree.add(LayerFacts(links=tuple((f"l{n}", "./" * 2000 + f"l{n + 1}") for n in range(40))))
    assert tree.canonical("l0/x") == "l0/x"
    assert tree.canonical("/".join(["p"] * 100_000)).startswith("p/p")


def test_the_same_problem_a_million_times_is_told_with_measure() -> None:
    read = facts(layer(*((f"../x{n}", b"") for n in range(1500))))
    assert 900 < len(read.problems) < 1100
    assert read.problems[-1].slug == "limit"


def test_a_parser_that_asks_for_ranges_outside_of_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = ((1 << 70, 5), (-5, 10), (0, 1 << 70), (3, 4))
    member = catalogers.Cataloger(
        name="m", parse=lambda file, _: FileFacts(cataloger="m", path=file.path), magic=b"MAG"
    )
    member = replace(member, ranges=lambda *_: asked)
    data = layer(("x", b"MAGic bytes"))
    assert read_layer(lambda: stream(data), {"m": member}, DEFAULT).problems == ()
    crashing = replace(member, ranges=lambda *_: ((1 // 0, 0),))
    read = read_layer(lambda: stream(data), {"m": crashing}, DEFAULT)
    assert [slug for file in read.files for slug, _ in file.problems] == ["cataloger-crashed"]


def test_a_climbing_name_is_told_and_kept_inside() -> None:
    inventory = merge(layer(("../../" + PAD, PKG)))
    assert [p.locations[0].path for p in inventory.packages] == [PAD]
    assert [d.slug for d in inventory.diagnostics] == ["climbing-name"]


def test_absurd_names_are_told() -> None:
    inventory = merge(layer(("d/" * 300 + "x", b""), ("y" * 5000, b"")))
    assert [d.slug for d in inventory.diagnostics] == ["absurd-name", "absurd-name"]


def test_a_file_too_large_to_read_is_told() -> None:
    read = facts(layer((STATUS, status(("bash", "5.2")))), Limits(file_bytes=20))
    assert [(p.slug, p.path) for p in read.problems] == [("too-large", STATUS)]


def test_a_cataloger_that_crashes_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(*_: object) -> None:
        raise ZeroDivisionError("boom")

    load: Callable[[], dict[str, catalogers.Cataloger]] = catalogers.MEMBERS.load
    broken = {name: replace(m, parse=crash) for name, m in load().items()}
    monkeypatch.setattr(catalogers.MEMBERS, "load", lambda: broken)
    slugs = {(d.slug, d.path) for d in merge(BASE).diagnostics}
    assert ("cataloger-crashed", STATUS) in slugs


def test_the_later_of_two_entries_of_one_layer_counts() -> None:
    assert packages(layer((PAD, PKG), (PAD, PKG.replace(b"1.0.0", b"3.0.0"))))["left-pad"][0] == "3.0.0"


def test_a_link_where_a_database_is_expected_is_asked_for() -> None:
    tree = Tree(DEFAULT.symlinks)
    tree.add(facts(layer(("opt/release", RELEASE), ("etc/os-release", "../opt/release"))))
    assert [(layer_index, r.path, r.cataloger) for layer_index, r in tree.missing()] == [(0, "opt/release", "release")]


YAML = "usr/lib/python3/dist-packages/PyYAML-6.0.egg-info/PKG-INFO"
META = b"Metadata-Version: 2.1\nName: PyYAML\nVersion: 6.0\n"


@pytest.mark.parametrize(
    "lists",
    [
        (("var/lib/dpkg/info/python3-yaml:amd64.list", f"/.\n/{YAML}\n".encode()),),
        (("var/lib/dpkg/status.d/python3-yaml.md5sums", f"{'0' * 32}  {YAML}\n".encode()),),
        (("lib/apk/db/installed", f"P:python3-yaml\nV:6.0-r0\nF:{YAML.rpartition('/')[0]}\nR:PKG-INFO\n".encode()),),
    ],
)
def test_what_the_package_manager_installed_is_its_own(lists: tuple[Entry, ...]) -> None:
    found = {p.name: p.owner for p in merge(layer((YAML, META)), layer(*lists, (PAD, PKG))).packages}
    assert found["pyyaml"] == "python3-yaml"
    assert found["left-pad"] == ""
