"""Archives, layouts and folders: every way in, the choice of an image, and everything that may be wrong with them."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.unit.images import (
    RELEASE,
    STATUS,
    blob_path,
    describe,
    docker_archive,
    layer,
    oci_layout,
    status,
    tar_of,
    write_folder,
    write_tar,
)
from thwart.api._inventory import read_source
from thwart.core.errors import DigestError, SourceError, UsageError
from thwart.core.limits import DEFAULT, Limits
from thwart.lib import zstd
from thwart.sources import Image, OpenOptions
from thwart.sources._verified import LayerTar

ONE = layer((STATUS, status(("bash", "5.2"))), ("etc/os-release", RELEASE))
TWO = layer((STATUS, status(("bash", "5.2"), ("curl", "8"))))
OTHER = layer((STATUS, status(("dash", "0.5"))))


def names(target: Path | str, platform: str = "", cache: Path | None = None, limits: Limits = DEFAULT) -> list[str]:
    reading = read_source(str(target), OpenOptions(platform=platform), limits, cache, 2)
    return [package.name for package in reading.inventory.packages]


def identity(data: bytes) -> bytes:
    return data


@pytest.mark.parametrize("compress", [identity, gzip.compress, zstd.compress])
@pytest.mark.parametrize("outer", [None, gzip.compress, zstd.compress])
@pytest.mark.parametrize("make", [docker_archive, oci_layout])
def test_every_wrapping_gives_the_same_packages(
    make: Callable[..., dict[str, bytes]], outer: Any, compress: Any, tmp_path: Path
) -> None:
    files = make(ONE, TWO, compress=compress) if make is oci_layout else make(ONE, TWO)
    assert names(write_tar(files, tmp_path / "x.tar", outer)) == ["bash", "curl"]


@pytest.mark.parametrize("make", [docker_archive, oci_layout])
def test_standard_input(make: Callable[..., dict[str, bytes]], monkeypatch: pytest.MonkeyPatch) -> None:
    stdin = SimpleNamespace(buffer=io.BytesIO(tar_of(make(ONE, TWO))))
    monkeypatch.setattr(sys, "stdin", stdin)
    assert names("-") == ["bash", "curl"]


def test_a_layout_folder(tmp_path: Path) -> None:
    assert names(f"oci:{write_folder(oci_layout(ONE, TWO), tmp_path / 'L')}") == ["bash", "curl"]
    assert names(tmp_path / "L") == ["bash", "curl"]


def test_the_asset_says_who_it_is(tmp_path: Path) -> None:
    files = oci_layout(ONE, TWO, config={"Labels": {"b": "2", "a": "1"}})
    source = read_source(str(write_folder(files, tmp_path)), OpenOptions(), DEFAULT, None, 1).source
    assert isinstance(source, Image)
    assert source.asset.platform == "linux/amd64"
    assert source.asset.labels == (("a", "1"), ("b", "2"))
    assert source.asset.digest in files["index.json"].decode()
    assert [one.created_by for one in source.layers] == ["RUN step 0", "RUN step 1"]


def test_history_lines_without_a_layer_are_passed_over(tmp_path: Path) -> None:
    history = [{"created_by": "FROM"}, {"created_by": "ENV", "empty_layer": True}, {"created_by": "COPY"}]
    source = read_source(
        str(write_folder(oci_layout(ONE, TWO, history=history), tmp_path)), OpenOptions(), DEFAULT, None, 1
    ).source
    assert isinstance(source, Image)
    assert [one.created_by for one in source.layers] == ["FROM", "COPY"]


def test_layers_that_older_engines_wrote_as_links(tmp_path: Path) -> None:
    files: dict[str, Any] = docker_archive(ONE, TWO)
    first = f"{hashlib.sha256(ONE).hexdigest()}/layer.tar"
    files["moved/layer.tar"], files[first] = files[first], "../moved/layer.tar"
    archive = tmp_path / "x.tar"
    archive.write_bytes(layer(*files.items()))
    assert names(archive) == ["bash", "curl"]
    archive.write_bytes(gzip.compress(layer(*files.items())))
    assert names(archive) == ["bash", "curl"]


def platforms() -> dict[str, bytes]:
    """A layout whose index holds an image index of two platforms and an attestation."""
    amd, arm = oci_layout(ONE), oci_layout(OTHER, architecture="arm64")
    entries = []
    for files, platform in ((amd, "amd64"), (arm, "arm64")):
        entry = json.loads(files["index.json"])["manifests"][0]
        entry["platform"] = {"os": "linux", "architecture": platform}
        entries.append(entry)
    entries.append({**entries[0], "platform": {"os": "unknown", "architecture": "unknown"}})
    index = json.dumps({"schemaVersion": 2, "manifests": entries}).encode()
    kind = "application/vnd.oci.image.index.v1+json"
    top = json.dumps({"schemaVersion": 2, "manifests": [describe(index, kind)]}).encode()
    return {**amd, **arm, blob_path(index): index, "index.json": top}


@pytest.mark.parametrize(
    ("platform", "expected"),
    [("", ["bash"]), ("linux/amd64", ["bash"]), ("arm64", ["dash"]), ("linux/aarch64", ["dash"])],
)
def test_a_platform_is_chosen(platform: str, expected: list[str], tmp_path: Path) -> None:
    assert names(write_folder(platforms(), tmp_path), platform) == expected


def test_a_platform_that_is_not_there_lists_those_that_are(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no image for linux/s390x") as caught:
        names(write_folder(platforms(), tmp_path), "linux/s390x")
    assert "linux/amd64, linux/arm64" in caught.value.hints[0]


def test_one_of_several_images_is_named(tmp_path: Path) -> None:
    one, two = docker_archive(ONE, tags=("demo/a:1",)), docker_archive(OTHER, tags=("demo/b:2",))
    manifest = json.loads(one["manifest.json"]) + json.loads(two["manifest.json"])
    archive = write_tar({**one, **two, "manifest.json": json.dumps(manifest).encode()}, tmp_path / "x.tar")
    assert names(f"archive:{archive}:demo/b:2") == ["dash"]
    with pytest.raises(SourceError, match="2 images") as caught:
        names(archive)
    assert f"{archive}:demo/a:1" in caught.value.hints[0]
    with pytest.raises(SourceError, match="no image demo/c:3"):
        names(f"{archive}:demo/c:3")


def test_one_of_several_tags_of_a_layout_is_named(tmp_path: Path) -> None:
    one, two = oci_layout(ONE, tag="a"), oci_layout(OTHER, tag="b")
    entries = [json.loads(files["index.json"])["manifests"][0] for files in (one, two)]
    index = json.dumps({"schemaVersion": 2, "manifests": entries}).encode()
    root = write_folder({**one, **two, "index.json": index}, tmp_path / "L")
    assert names(f"oci:{root}:b") == ["dash"]
    with pytest.raises(SourceError, match="2 images"):
        names(f"oci:{root}")


def test_archives_of_recent_engines_hold_both_forms(tmp_path: Path) -> None:
    both = {**docker_archive(ONE), **oci_layout(ONE)}
    assert names(write_tar(both, tmp_path / "x.tar")) == ["bash"]
    entry = json.loads(both["index.json"])["manifests"][0]
    del both["blobs/" + entry["digest"].replace(":", "/")]
    assert names(write_tar(both, tmp_path / "y.tar")) == ["bash"]


def test_a_root_file_system_as_folder_and_as_tar(tmp_path: Path) -> None:
    root = write_folder({STATUS: status(("bash", "5.2")), "etc/os-release": RELEASE}, tmp_path / "root")
    (root / "etc" / "loop").symlink_to("loop")
    (root / "out").symlink_to("/etc")
    assert names(f"rootfs:{root}") == names(root) == ["bash"]
    tar = tmp_path / "root.tar"
    for data in (ONE, gzip.compress(ONE)):
        tar.write_bytes(data)
        assert names(tar) == names(f"rootfs:{tar}") == ["bash"]


def test_a_directory_reads_lockfiles_and_leaves_version_control_alone(tmp_path: Path) -> None:
    lock = {"lockfileVersion": 3, "packages": {"node_modules/left-pad": {"version": "1.0.0"}}}
    write_folder({"a/package-lock.json": json.dumps(lock).encode(), ".git/package-lock.json": b"{"}, tmp_path)
    assert names(f"dir:{tmp_path}") == ["left-pad"]


def damaged(change: Callable[[dict[str, bytes]], None], **more: Any) -> dict[str, bytes]:
    files = oci_layout(ONE, TWO, **more)
    change(files)
    return files


def _largest(files: dict[str, bytes]) -> str:
    """The path of a layer's blob."""
    return max((name for name in files if files[name][:2] == b"\x1f\x8b"), key=lambda name: len(files[name]))


def _flip(files: dict[str, bytes], name: str) -> None:
    data = bytearray(files[name])
    data[len(data) // 2] ^= 1
    files[name] = bytes(data)


def _edit_manifest(files: dict[str, bytes], edit: Callable[[dict[str, Any]], None]) -> None:
    entry = json.loads(files["index.json"])["manifests"][0]
    manifest = json.loads(files.pop("blobs/" + entry["digest"].replace(":", "/")))
    edit(manifest)
    raw = json.dumps(manifest).encode()
    files[blob_path(raw)] = raw
    files["index.json"] = json.dumps({"manifests": [describe(raw, entry["mediaType"])]}).encode()


def _lie(key: str, value: Any) -> Callable[[dict[str, bytes]], None]:
    return lambda files: _edit_manifest(files, lambda m: m["layers"][0].__setitem__(key, value))


BAD: dict[str, tuple[Callable[[dict[str, bytes]], None], type[SourceError], str]] = {
    "flipped layer": (lambda f: _flip(f, _largest(f)), SourceError, "layer sha256"),
    "missing layer": (lambda f: f.__delitem__(_largest(f)), SourceError, "missing"),
    "size too small": (_lie("size", 10), DigestError, "its descriptor says 10"),
    "size not a number": (_lie("size", "big"), SourceError, "no valid size"),
    "negative size": (_lie("size", -1), SourceError, "no valid size"),
    "digest that climbs": (_lie("digest", "sha256:../../../etc/passwd"), SourceError, "no valid digest"),
    "layer left out": (
        lambda f: _edit_manifest(f, lambda m: m.__setitem__("layers", m["layers"][:1])),
        SourceError,
        "lists 1 layers",
    ),
    "layers exchanged": (lambda f: _edit_manifest(f, lambda m: m["layers"].reverse()), DigestError, "is not sha256"),
    "schema 1": (
        lambda f: _edit_manifest(f, lambda m: m.update(schemaVersion=1, fsLayers=[])),
        SourceError,
        "image format 1",
    ),
    "an artifact": (
        lambda f: _edit_manifest(f, lambda m: m["config"].__setitem__("mediaType", "application/x-helm")),
        SourceError,
        "not a container image",
    ),
    "both at once": (
        lambda f: _edit_manifest(f, lambda m: m.__setitem__("manifests", [])),
        SourceError,
        "both an index and a manifest",
    ),
    "index not json": (lambda f: f.__setitem__("index.json", b"{"), SourceError, "not valid JSON"),
    "index too deep": (lambda f: f.__setitem__("index.json", b'{"a":' + b"[" * 20_000), SourceError, "not valid JSON"),
    "index without images": (lambda f: f.__setitem__("index.json", b'{"manifests":[]}'), SourceError, "0 images"),
    "index is a list": (lambda f: f.__setitem__("index.json", b"[]"), SourceError, "not a JSON object"),
}


@pytest.mark.parametrize("case", BAD)
@pytest.mark.parametrize("form", ["folder", "tar", "compressed"])
def test_a_lie_is_one_clear_error(case: str, form: str, tmp_path: Path) -> None:
    change, kind, words = BAD[case]
    files = damaged(change)
    if form == "folder":
        target = write_folder(files, tmp_path / "L")
    else:
        target = write_tar(files, tmp_path / "x.tar", gzip.compress if form == "compressed" else None)
    with pytest.raises(kind if form != "compressed" else SourceError) as caught:
        names(f"oci:{target}")
    if form != "compressed":
        assert words in str(caught.value)


def test_a_layer_that_is_not_what_the_configuration_says(tmp_path: Path) -> None:
    files = docker_archive(ONE, TWO)
    files[f"{hashlib.sha256(TWO).hexdigest()}/layer.tar"] = OTHER
    for compress in (None, gzip.compress):
        with pytest.raises(SourceError, match="is not"):
            names(write_tar(files, tmp_path / "x.tar", compress))


def test_a_configuration_under_a_wrong_name(tmp_path: Path) -> None:
    files = docker_archive(ONE)
    manifest = json.loads(files["manifest.json"])
    raw = files.pop(manifest[0]["Config"])
    manifest[0]["Config"] = "0" * 64 + ".json"
    files = {**files, "0" * 64 + ".json": raw, "manifest.json": json.dumps(manifest).encode()}
    with pytest.raises(DigestError, match="another digest than its name"):
        names(write_tar(files, tmp_path / "x.tar"))


@pytest.mark.parametrize("part", [0.0, 0.01, 0.3, 0.6, 0.9])
def test_a_cut_archive(part: float, tmp_path: Path) -> None:
    whole = tar_of(docker_archive(ONE, TWO)).rstrip(b"\0")
    path = tmp_path / "x.tar"
    for data in (whole, gzip.compress(whole)):
        path.write_bytes(data[: int(len(data) * part)])
        with pytest.raises(SourceError):
            names(path)


def test_a_link_out_of_a_layout_is_refused(tmp_path: Path) -> None:
    files = oci_layout(ONE)
    outside = tmp_path / "outside"
    blob = _largest(files)
    outside.write_bytes(files.pop(blob))
    root = write_folder(files, tmp_path / "L")
    (root / blob).symlink_to(outside)
    with pytest.raises(SourceError, match="leads out of"):
        names(root)


def test_limits_on_layers(tmp_path: Path) -> None:
    root = write_folder(oci_layout(ONE, TWO), tmp_path)
    with pytest.raises(SourceError, match="more than 1"):
        names(root, limits=Limits(layers=1))
    with pytest.raises(SourceError, match="inflates to more than 5000"):
        names(root, limits=Limits(layer_bytes=5000))


@pytest.mark.parametrize(
    ("target", "kind", "words"),
    [
        ("./nothing-here", SourceError, "does not exist"),
        ("/dev/null", SourceError, "neither a file nor a folder"),
        ("NOT/A/Reference", UsageError, "neither a file, a folder nor an image reference"),
        ("sbom:x.json", UsageError, "not supported by this version"),
        ("archive:nowhere.tar", SourceError, "cannot be read"),
        ("oci:nowhere", SourceError, "No such file"),
    ],
)
def test_targets_that_name_nothing(target: str, kind: type[SourceError], words: str) -> None:
    with pytest.raises(kind, match=words):
        names(target)


def test_a_folder_that_could_be_an_image_is_ambiguous(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "nginx").mkdir()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError) as caught:
        names("nginx")
    assert "dir:nginx" in caught.value.hints[0]
    assert "image:nginx" in caught.value.hints[0]
    assert names("./nginx") == []


def test_a_scan_that_is_offline_does_not_pull() -> None:
    with pytest.raises(SourceError, match="offline"):
        read_source("nginx:1.27", OpenOptions(offline=True), DEFAULT, None, 1)


def test_a_second_reading_opens_no_layer(tmp_path: Path) -> None:
    files = oci_layout(ONE, TWO)
    root, cache = write_folder(files, tmp_path / "L"), tmp_path / "cache"
    assert names(root, cache=cache) == ["bash", "curl"]
    for name, data in files.items():
        if data[:2] == b"\x1f\x8b":
            (root / name).unlink()
    assert names(root, cache=cache) == ["bash", "curl"]


def test_a_layer_in_the_cache_serves_another_image(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    names(write_folder(oci_layout(ONE), tmp_path / "a"), cache=cache)
    second = write_folder(oci_layout(ONE, TWO), tmp_path / "b")
    source = read_source(str(second), OpenOptions(), DEFAULT, None, 1).source
    assert isinstance(source, Image)
    (second / f"blobs/{source.layers[0].digest.replace(':', '/')}").unlink()
    assert names(second, cache=cache) == ["bash", "curl"]


def test_a_damaged_cache_is_a_miss(tmp_path: Path) -> None:
    root, cache = write_folder(oci_layout(ONE, TWO), tmp_path / "L"), tmp_path / "cache"
    expected = names(root, cache=cache)
    for change in (lambda raw: raw[:-5], lambda raw: raw[:40] + b"x" + raw[41:], lambda _: b""):
        for path in cache.rglob("*"):
            if path.is_file():
                path.write_bytes(change(path.read_bytes()))
        assert names(root, cache=cache) == expected


def test_a_cache_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file where a folder should be")
    assert names(write_folder(oci_layout(ONE), tmp_path / "L"), cache=tmp_path / "cache") == ["bash"]


def test_a_compressed_root_file_system_is_not_taken_for_layers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its files are looked at, not each tried as a layer."""
    tried: list[str] = []

    def tell(*arguments: Any) -> Any:
        tried.append(arguments[1])
        return LayerTar(*arguments)

    monkeypatch.setattr("thwart.sources.stream.LayerTar", tell)
    many = [(f"usr/share/doc/{n}", b"some text, and more of it" * 40) for n in range(50)]
    path = tmp_path / "root.tar.gz"
    path.write_bytes(gzip.compress(layer((STATUS, status(("bash", "5.2"))), *many)))
    assert names(path) == ["bash"]
    assert tried == []


@pytest.mark.parametrize("first", ["{slug}.js", "[id].js"])
def test_a_layer_that_begins_like_a_document(first: str, tmp_path: Path) -> None:
    path = write_tar(docker_archive(layer((first, b"x"), (STATUS, status(("bash", "5.2"))))), tmp_path / "x.tar.gz")
    path.write_bytes(gzip.compress(path.read_bytes()))
    assert names(path) == ["bash"]


def test_a_file_that_only_a_link_makes_interesting_is_told_when_it_has_gone_by(tmp_path: Path) -> None:
    data = layer(("opt/release", RELEASE), ("etc/os-release", "../opt/release"), (STATUS, status(("bash", "5.2"))))
    path = write_tar(docker_archive(data), tmp_path / "x.tar", gzip.compress)
    inventory = read_source(str(path), OpenOptions(), DEFAULT, None, 1).inventory
    assert [(d.slug, d.path) for d in inventory.diagnostics] == [("unreadable", "etc/os-release")]
    assert [p.name for p in inventory.packages] == ["bash"]


@pytest.mark.parametrize("cut", range(1, 40))
def test_a_layer_cut_anywhere_is_one_error(cut: int, tmp_path: Path) -> None:
    """Also where a cataloger is in the middle of a file, or has a look at its first bytes."""
    data = gzip.compress(layer(("bin/tool", b"\x7fELF" + bytes(range(256)) * 40), ("etc/os-release", RELEASE * 9)))
    files = oci_layout(ONE, b"", compress=lambda one: gzip.compress(one) if one else data[: len(data) * cut // 40])
    with pytest.raises(SourceError):
        names(write_folder(files, tmp_path / "L"))
