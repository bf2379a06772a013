"""Random stacks of layers, merged by us and unpacked by umoci: both must hold the same files at the same paths.

umoci unpacks layer by layer, as containerd and Docker do. The one place where engines differ is left out: a plain
whiteout in a layer that also writes what it names. The specification ("layer", whiteouts) lets it hide only what lies
below; containerd removes whatever stands there when it meets the whiteout. We follow the specification, and here
whiteouts come first, where all agree.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from tests.unit.images import Entry, layer, oci_layout, write_folder
from thwart.api._inventory import read_source
from thwart.core.limits import DEFAULT
from thwart.sources import OpenOptions

pytestmark = pytest.mark.real

if shutil.which("umoci") is None or os.geteuid() != 0:
    pytest.skip("umoci is not installed, or this is not root", allow_module_level=True)

FOLDERS = ("a", "b", "a/b", "node_modules", "a/node_modules", "b/node_modules", "a/b/node_modules")
MODULES = tuple(f"{folder}/{name}" for folder in FOLDERS if folder.endswith("node_modules") for name in "xy")
PATTERN = "*/node_modules/[xy]/package.json"
WANTED = tuple(f"{folder}/package.json" for folder in MODULES)
PATHS = (*FOLDERS, *MODULES, *WANTED, "f", "a/f", "b/f")
TARGETS = (*PATHS, *("/" + path for path in PATHS), "..", "../b", "../../b", "../x", "x", "/", "b/../a", ".", "../f")

paths, targets = st.sampled_from(PATHS), st.sampled_from(TARGETS)
whiteouts = st.one_of(
    paths.map(lambda path: _beside(path, ".wh.")), st.sampled_from(FOLDERS).map("{}/.wh..wh..opq".format)
)
files = st.tuples(st.sampled_from([*WANTED, *WANTED, "f", "a/f", "b/f", *FOLDERS, *MODULES]), st.just("file"))
others = st.one_of(
    st.tuples(paths, st.just("folder")),
    st.tuples(paths, targets),
    st.tuples(paths, paths.map("={}".format)),
)
stacks = st.lists(
    st.tuples(
        st.lists(whiteouts, max_size=2),
        st.lists(st.one_of(files, files, others), max_size=6, unique_by=lambda entry: entry[0]),
    ),
    min_size=1,
    max_size=4,
)


def _beside(path: str, prefix: str) -> str:
    folder, slash, base = path.rpartition("/")
    return f"{folder}{slash}{prefix}{base}"


def made(stack: list[tuple[list[str], list[tuple[str, str]]]]) -> list[bytes]:
    """Layers; every file is a package of its own, so that it is known wherever it turns up."""
    layers, number = [], 0
    for hidden, entries in stack:
        written: list[Entry] = [(path, b"") for path in hidden]
        closed: set[str] = set()
        for path, what in sorted(entries, key=lambda entry: entry[0].count("/")):
            if any(path.startswith(folder + "/") for folder in closed):
                continue  # engines write a folder before what is in it, and nothing below what is no folder
            if what != "folder":
                closed.add(path)
            number += 1
            content = b'{"name": "p%d", "version": "1.0.0"}' % number
            written.append((path, content if what == "file" else None if what == "folder" else what))
        layers.append(layer(*written))
    return layers


def unpacked(image: Path, root: Path) -> dict[str, str]:
    """Path to package name, of every wanted file that umoci leaves on disk."""
    command = ["umoci", "raw", "unpack", "--image", f"{image}:1", str(root)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assume(done.returncode == 0)  # what umoci refuses, no engine runs
    found = {}
    for folder, folders, names in os.walk(root):
        for name in (*folders, *names):
            path = os.path.relpath(Path(folder, name), root)
            if not fnmatchcase("/" + path, PATTERN):
                continue
            real = resolved(root, path)
            if real is not None and (real == path or not fnmatchcase("/" + real, PATTERN)):
                found[path] = (root / real).read_text().split('"')[3]
    return found


def resolved(root: Path, path: str) -> str | None:
    """Where a path leads inside of the root, if to a file; as `chroot` would see it, by the system's own steps."""
    done: list[str] = []
    todo, followed = path.split("/")[::-1], 0
    while todo:
        part = todo.pop()
        if part == "..":
            done = done[:-1]
        elif part not in ("", "."):
            here = root.joinpath(*done, part)
            if here.is_symlink():
                followed += 1
                if followed > 40:
                    return None
                target = str(here.readlink())
                done = [] if target.startswith("/") else done
                todo += target.split("/")[::-1]
            elif not os.path.lexists(here):
                return None
            else:
                done.append(part)
    return "/".join(done) if root.joinpath(*done).is_file() else None


def merged(image: Path) -> dict[str, str]:
    inventory = read_source(f"oci:{image}", OpenOptions(), DEFAULT, None, 1).inventory
    # a file written through a link is known by that name and by its real path, which nobody might have asked for
    places = [(place.path, package.name) for package in inventory.packages for place in package.locations]
    return {path: name for path, name in places if fnmatchcase("/" + path, PATTERN)}


@pytest.fixture(scope="module")
def work() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow])
@given(stack=stacks)
def test_the_merged_view_is_what_umoci_unpacks(
    stack: list[tuple[list[str], list[tuple[str, str]]]], work: Path
) -> None:
    with tempfile.TemporaryDirectory(dir=work) as folder:
        image = write_folder(oci_layout(*made(stack)), Path(folder, "image"))
        assert merged(image) == unpacked(image, Path(folder, "root"))
