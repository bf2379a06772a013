"""Hostile input, from the command line to the exit code: one clear error or a diagnostic, never a crash, never much memory."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import subprocess
import sys
import tarfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
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
from thwart.api import formats
from thwart.catalogers._layer import DANGLING
from thwart.cli import main
from thwart.lib import zstd

Files = dict[str, bytes]
PKG = b'{"name": "left-pad", "version": "1.0.0"}'
PAD = "app/node_modules/left-pad/package.json"
GOOD = layer((STATUS, status(("bash", "5.2"))), ("etc/os-release", RELEASE))


@pytest.fixture(autouse=True)
def _own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("THWART_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("THWART_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("THWART_DATA_DIR", str(tmp_path / "data"))
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")


def run(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[int, str, str]:
    code = main([str(argument) for argument in arguments])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def slugs(out: str) -> set[str]:
    return {note["slug"] for report in json.loads(out)["reports"] for note in report["diagnostics"]}


def judge(code: int, out: str, err: str) -> str:
    """What the run came to: the error's slug, or those of the diagnostics; fails unless it is one clear answer."""
    assert "Traceback" not in err
    assert "error[bug]" not in err
    if code == 3:
        assert err == ""
        assert slugs(out)
        return " ".join(sorted(slugs(out)))
    assert code in (2, 4)
    lines = [line for line in err.splitlines() if line.startswith("error[")]
    assert len(lines) == 1
    assert len(lines[0]) < 1000
    return lines[0]


def answer(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> str:
    return judge(*run(capsys, "sbom", *arguments, "-o", "json", "--offline"))


def limited(target: Path | str, megabytes: int, *flags: str) -> tuple[int, str, str]:
    """The same in a process of its own that cannot have more memory than that."""
    code = (
        "import resource, sys\n"
        f"resource.setrlimit(resource.RLIMIT_AS, ({megabytes << 20}, {megabytes << 20}))\n"
        "from thwart.cli import main\n"
        f"sys.exit(main(['sbom', {str(target)!r}, '-o', 'json', '--no-cache', '--jobs', '1', *{list(flags)!r}]))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


def zipped(chunks: Iterator[bytes]) -> tuple[bytes, str]:
    """A gzip stream of what need never be in memory, and the digest of that."""
    packer, sha, out = zlib.compressobj(9, wbits=31), hashlib.sha256(), []
    for chunk in chunks:
        sha.update(chunk)
        out.append(packer.compress(chunk))
    return b"".join((*out, packer.flush())), f"sha256:{sha.hexdigest()}"


def layout_of(blob: bytes, diff_id: str) -> Files:
    """A layout of one layer that is given as it is transported."""
    files = oci_layout(b"", compress=lambda _: blob)
    manifest = next(json.loads(data) for data in files.values() if b'"layers"' in data and b"rootfs" not in data)
    was = files.pop("blobs/" + manifest["config"]["digest"].replace(":", "/"))
    now = was.replace(hashlib.sha256(b"").hexdigest().encode(), diff_id.removeprefix("sha256:").encode())
    manifest["config"] = describe(now, manifest["config"]["mediaType"])
    raw = json.dumps(manifest).encode()
    index = {"manifests": [describe(raw, manifest["mediaType"])]}
    return {**files, blob_path(now): now, blob_path(raw): raw, "index.json": json.dumps(index).encode()}


def header(name: str, size: int, kind: bytes = b"0", **pax: str) -> bytes:
    info = tarfile.TarInfo(name)
    info.size, info.type, info.pax_headers = size, kind, pax
    return info.tobuf(tarfile.PAX_FORMAT if pax else tarfile.GNU_FORMAT)


def padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 512)


END = bytes(1024)
HUGE_PAX = header("pax", 1 << 40, b"x") + END
SPARSE = header("holes.so", 8, b"0", **{"GNU.sparse.map": "0,4,1125899906842620,4", "GNU.sparse.size": str(1 << 50)})
DEEP = "d/" * 30_000

LAYERS: dict[str, tuple[bytes, str]] = {
    "no tar at all": (b"not a tar" * 1000, "checksum"),
    "cut": (GOOD[:900], "ends in the middle"),
    "pax header of a terabyte": (HUGE_PAX, "an extended header of"),
    "pax record of no length": (header("p", 20, b"x") + padded(b"x" * 20) + END, "without a length"),
    "pax record with a lying length": (header("p", 20, b"x") + padded(b"99999999 path=abc\n\n\n") + END, "wrong length"),
    "pax name with a NUL": (header("p", 16, b"x") + padded(b"16 path=ab\0cdef\n") + END, "NUL"),
    "negative size": (header("x", 0)[:124] + b"\xff" * 12 + header("x", 0)[136:] + END, "wrong checksum"),
    "content that is not there": (header("x", 1 << 33) + END, "ends in the middle"),
    "path of a megabyte": (layer(("x" * 1_000_000, b"1"), pax=True), "absurd-name"),
    "path of sixty thousand folders": (layer((DEEP + "x", b"1"), pax=True), "absurd-name"),
    "link to a path of a megabyte": (layer(("l", "../" * 300_000), pax=True), "absurd-name"),
    "whiteouts of nothing": (layer((".wh.", b""), ("a/.wh..", b""), ("a/.wh...", b"")), "absurd-name"),
    "hard link to nothing": (layer((PAD, "=gone")), DANGLING),
    "hard link to itself": (layer((PAD, "=" + PAD), ("etc/os-release", b"\xff")), ""),
    "hard link to a folder": (layer(("d", None), (PAD, "=d")), "unreadable"),
    "lockfile nested ten thousand deep": (layer((PAD, b'{"name":' + b"[" * 10_000)), "unreadable"),
    "database of noise": (layer(("var/lib/rpm/rpmdb.sqlite", b"SQLite format 3\0" + b"\xff" * 4000)), "unreadable"),
}  # fmt: skip


@pytest.mark.parametrize("case", LAYERS)
@pytest.mark.parametrize("form", ["layout", "docker", "compressed"])
def test_a_hostile_layer(case: str, form: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data, words = LAYERS[case]
    if form == "layout":
        target = write_folder(oci_layout(GOOD, data), tmp_path / "L")
    else:
        target = write_tar(
            docker_archive(GOOD, data), tmp_path / "x.tar", gzip.compress if form == "compressed" else None
        )
    code, out, err = run(capsys, "sbom", target, "-o", "json")
    if words:
        assert words in judge(code, out, err)
    else:
        assert (code, err) == (0, "")


def test_climbing_and_absolute_names_stay_below_the_root(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = layer(
        ("/" + PAD, PKG), ("../../../" + PAD.replace("app", "b"), PKG), ("e", "/../../etc"), ("e/passwd", b"x")
    )
    code, out, _ = run(capsys, "sbom", write_folder(oci_layout(data), tmp_path / "L"), "-o", "json")
    assert code == 0
    assert "climbing-name" in slugs(out)
    assert "b/node_modules/left-pad/package.json" in out


@pytest.mark.parametrize("name", sorted(formats()))
def test_names_that_are_not_text_pass_every_format(name: str, tmp_path: Path, capfdbinary: Any) -> None:
    odd = [
        "new\nline",
        "\x1b[31mred",
        "bell\x07",
        "inval\udcffid",
        "\u202eleft",
        "<script>",
        "|pipe|",
        "a\u0085b",
        "\ufffe",
    ]
    entries = [(f"{one}/node_modules/left-pad/package.json", PKG) for one in odd]
    broken = [(f"{one}/node_modules/broken/package.json", b"{") for one in odd]
    target = write_folder(oci_layout(layer(*entries, *broken)), tmp_path / "L")
    assert main(["scan", str(target), "-o", name]) == 3
    out, err = capfdbinary.readouterr()
    assert err == b""
    assert out.decode("utf-8")  # whatever the names were
    assert b"\x1b" not in out


BOMB = 1_200  # MiB


def zeros(mebibytes: int) -> Iterator[bytes]:
    return (bytes(1 << 20) for _ in range(mebibytes))


def test_bombs_take_little_memory(tmp_path: Path) -> None:
    squeezed = zstd.compress(bytes(1 << 24)) * (BOMB // 16)
    root = write_folder(layout_of(squeezed, "sha256:" + "0" * 64), tmp_path / "zstd")
    assert "decompression bomb" in judge(*limited(root, 600))
    blob, _ = zipped(zeros(200))
    root = write_folder(layout_of(blob, "sha256:" + "0" * 64), tmp_path / "gzip")
    assert "error[digest-mismatch]" in judge(*limited(root, 600))


def test_a_sparse_file_of_a_pebibyte_takes_little_memory(tmp_path: Path) -> None:
    data = SPARSE + padded(b"\x7fELFtail") + END
    target = write_tar(docker_archive(GOOD, data), tmp_path / "x.tar")
    code, out, err = limited(target, 600)
    assert (code, err) == (0, "")
    assert "bash" in out


def test_many_members_take_bounded_memory(tmp_path: Path) -> None:
    blocks = []
    template = header("m/0000000", 0)
    for number in range(60_000):
        block = bytearray(template)
        block[2:9] = b"%07d" % number
        blocks.append(
            bytes(block[:148]) + b"%06o\0 " % (sum(block[:148]) + 256 + sum(block[156:])) + bytes(block[156:])
        )
    blob, diff_id = zipped(iter((*blocks, END)))
    code, out, err = limited(write_folder(layout_of(blob, diff_id), tmp_path / "L"), 700)
    assert (code, err) == (3, "")
    assert slugs(out) == {"no-packages"}


def test_storms_of_whiteouts_and_links_end_soon(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Quadratic steps would take hours here; linear ones take seconds."""
    count = 4_000
    below = layer(*((f"a{n % 50}/node_modules/x{n}/package.json", f"../x{n + 1}/package.json") for n in range(count)))
    storm = layer(*((f"a{n % 50}/node_modules/.wh.x{n}", b"") for n in range(count)), ("b/.wh..wh..opq", b""))
    chain = layer(*((f"h{n + 1}", f"=h{n}") for n in range(count)), *((f"s{n + 1}", f"s{n}") for n in range(count)))
    files = docker_archive(*[below, storm, chain] * 10)
    code, out, err = run(capsys, "sbom", write_tar(files, tmp_path / "x.tar"), "-o", "json")
    assert (code, err) == (3, "")
    assert slugs(out) == {"no-packages"}


def test_one_layer_listed_five_hundred_times(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "sbom", write_tar(docker_archive(*[GOOD] * 500), tmp_path / "x.tar"), "-o", "json")
    assert code == 0
    assert len(json.loads(out)["reports"][0]["packages"]) == 1
    assert "more than 512" in answer(capsys, write_tar(docker_archive(*[GOOD] * 513), tmp_path / "y.tar"))


def edited(change: Callable[[dict[str, Any]], None], which: str) -> Files:
    """A layout whose manifest, configuration or index was changed, and all digests told."""
    files = oci_layout(GOOD)
    index = json.loads(files["index.json"])
    entry = index["manifests"][0]
    manifest = json.loads(files.pop(_path(entry)))
    config = json.loads(files.pop(_path(manifest["config"])))
    if which == "config":
        change(config)
    raw = json.dumps(config).encode()
    files[blob_path(raw)] = raw
    manifest["config"] = describe(raw, manifest["config"]["mediaType"])
    if which == "manifest":
        change(manifest)
    top = json.dumps(manifest).encode()
    files[blob_path(top)] = top
    entry.update(describe(top, entry["mediaType"]))
    if which == "index":
        change(index)
    return {**files, "index.json": json.dumps(index).encode()}


def _path(entry: dict[str, Any]) -> str:
    path: str = "blobs/" + entry["digest"].replace(":", "/")
    return path


def nested(depth: int = 900) -> Any:
    value: Any = []
    for _ in range(depth):
        value = [value]
    return value


def put(*keys: Any, value: Any) -> Callable[[dict[str, Any]], None]:
    def change(document: Any) -> None:
        for key in keys[:-1]:
            document = document[key]
        document[keys[-1]] = value

    return change


BAD = {
    "null rootfs": ("config", put("rootfs", value=None), "no valid list of layers"),
    "diff_ids of numbers": ("config", put("rootfs", "diff_ids", value=[1]), "no valid list of layers"),
    "huge size": ("manifest", put("layers", 0, "size", value=10**4000), "its descriptor says|no valid size|not valid JSON"),
    "negative size": ("manifest", put("layers", 0, "size", value=-1), "no valid size"),
    "a size that is no number": ("manifest", put("layers", 0, "size", value=float("nan")), "no valid size"),
    "digest of another kind": ("manifest", put("layers", 0, "digest", value="md5:" + "0" * 32), "no valid digest"),
    "digest that nests": ("manifest", put("layers", 0, "digest", value=nested()), "no valid digest"),
    "type that nests": ("manifest", put("config", "mediaType", value=nested()), "is an artifact"),
    "layers that are no list": ("manifest", put("layers", value={}), "lists no layers"),
    "an index that lies about a size": ("index", put("manifests", 0, "size", value=7), "its descriptor says 7"),
    "an index of a million strings": ("index", put("manifests", value=["x"] * 500_000), "no valid digest"),
    "an index of nothing": ("index", put("manifests", value=None), "0 images"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_documents_that_lie(case: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    which, change, words = BAD[case]
    said = answer(capsys, write_folder(edited(change, which), tmp_path / "L"))
    assert any(word in said for word in words.split("|"))


@pytest.mark.parametrize(
    "change",
    [
        put("history", value=[{"created_by": nested(), "created": {"a": 1}}, None, 7]),
        put("history", value="none"),
        put("history", value=[{"created_by": "half \ud800", "created": "\udfff"}]),
        put("config", value={"Labels": {"a": nested(), "b": 1, "\ud800": "\udc00"}}),
        put("config", value={"Labels": ["x"]}),
        put("config", value=None),
        put("architecture", value=nested()),
        put("created", value=nested()),
    ],
)
def test_oddities_of_a_configuration_do_no_harm(
    change: Callable[[dict[str, Any]], None], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = write_folder(edited(change, "config"), tmp_path / "L")
    code, out, err = run(capsys, "sbom", target, "-o", "json")
    assert (code, err) == (0, "")
    assert "bash" in out


def test_an_index_that_points_to_indexes_without_end(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = oci_layout(GOOD)
    kind = "application/vnd.oci.image.index.v1+json"
    top = files["index.json"]
    for _ in range(10):
        files[blob_path(top)] = top
        top = json.dumps({"schemaVersion": 2, "manifests": [describe(top, kind)]}).encode()
    assert "too deep" in answer(capsys, write_folder({**files, "index.json": top}, tmp_path / "L"))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"layers"', b'"layers": [], "layers"'),
        (b'"layers"', b'"Layers": [], "layers"'),
        (b'"size"', b'"SIZE": 1, "size"'),
    ],
)
def test_a_document_that_two_readers_take_differently(
    old: bytes, new: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = oci_layout(GOOD)
    entry = json.loads(files["index.json"])["manifests"][0]
    raw = files.pop(_path(entry)).replace(old, new, 1)
    index = json.dumps({"manifests": [describe(raw, entry["mediaType"])]}).encode()
    root = write_folder({**files, blob_path(raw): raw, "index.json": index}, tmp_path / "L")
    assert "twice" in answer(capsys, root)


@pytest.mark.parametrize(
    ("manifest", "words"),
    [
        ([{"Config": "c.json", "Layers": ["../../etc/passwd"]}], "no layer ../../etc/passwd"),
        ([{"Config": "c.json", "Layers": ["/etc/passwd"]}], "no layer /etc/passwd"),
        ([{"Config": "c.json", "Layers": ["a\0b"]}], "no layer"),
        ([{"Config": "../c.json", "Layers": []}], "missing"),
        ([{"Config": 7, "Layers": []}], "names no configuration"),
        ([{"Config": "c.json", "Layers": [nested()]}], "names no configuration"),
        ([{"RepoTags": ["x"]}] * 100_000, "100000 images"),
        ([7] * 1_000_000, "0 images"),
        ({}, "0 images"),
        (None, "0 images|not a JSON document"),
    ],
)
@pytest.mark.parametrize("compress", [None, gzip.compress])
def test_archives_whose_manifest_lies(
    manifest: Any, words: str, compress: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = json.dumps({"rootfs": {"diff_ids": ["sha256:" + "0" * 64]}}).encode()
    files = {"c.json": config, "manifest.json": json.dumps(manifest).encode(), "layer.tar": GOOD}
    said = answer(capsys, write_tar(files, tmp_path / "x.tar", compress))
    assert any(word in said for word in words.split("|"))


def test_an_archive_of_documents_only_is_bounded(tmp_path: Path) -> None:
    many = {f"{n}.json": b"{" + bytes(1 << 20) for n in range(200)}
    said = judge(*limited(write_tar(many, tmp_path / "x.tar", lambda data: gzip.compress(data, 1)), 600))
    assert "JSON documents" in said


@pytest.mark.parametrize(
    "name", ["x" * 5000, "a/" * 3000, "x" * 300 + ":1", "nginx:\udcff", "oci:" + "y" * 5000, "archive:" + "z" * 5000]
)
def test_targets_that_no_system_can_name(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    answer(capsys, name)


def test_pipes_devices_and_loops_of_a_root_file_system(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = write_folder({STATUS: status(("bash", "5.2")), "etc/os-release": RELEASE}, tmp_path / "root")
    os.mkfifo(root / "etc" / "passwd")
    (root / "app" / "node_modules" / "x").mkdir(parents=True)
    os.mkfifo(root / "app" / "node_modules" / "x" / "package.json")
    (root / "loop").symlink_to("loop")
    (root / "etc" / "up").symlink_to("..")
    with (root / "holes").open("wb") as file:
        file.write(b"\x7fELF")
        file.truncate(1 << 40)
    with (root / "app" / "package-lock.json").open("wb") as file:
        file.truncate(1 << 40)
    with (root / "var/lib/dpkg/status.d").open("wb") as file:
        file.truncate(1 << 40)
    code, out, err = run(capsys, "sbom", f"rootfs:{root}", "-o", "json")
    assert (code, err) == (0, "")
    assert "bash" in out


def test_folders_deeper_than_any_path(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = write_folder({STATUS: status(("bash", "5.2"))}, tmp_path / "root")
    here = os.open(root, os.O_RDONLY)
    for _ in range(3000):
        os.mkdir("d", dir_fd=here)
        below = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(here)
    try:
        assert answer(capsys, f"rootfs:{root}") == "absurd-name"
    finally:
        subprocess.run(["rm", "-rf", root / "d"], check=True)


def test_an_unreadable_file_is_told(tmp_path: Path) -> None:
    if os.geteuid() != 0 or subprocess.run(["setpriv", "--version"], capture_output=True).returncode:
        pytest.skip("needs root and setpriv, to become somebody who may not read a file")
    root = write_folder(
        {STATUS: status(("bash", "5.2")), "etc/shadow": b"root:*:1", "closed/x": b""}, tmp_path / "root"
    )
    (root / "etc" / "shadow").chmod(0)
    (root / "closed").chmod(0)
    for folder in (root, *root.parents):
        if folder.stat().st_mode & 5 != 5 and folder != Path("/"):
            folder.chmod(0o755)
    code = f"from thwart.cli import main\nraise SystemExit(main(['sbom', 'rootfs:{root}', '-o', 'json', '--no-cache']))"
    command = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, cwd="/", env={"PYTHONDONTWRITEBYTECODE": "1"})
    if "Permission denied" in done.stderr or "not permitted" in done.stderr or "No module" in done.stderr:
        pytest.skip("another user cannot run this interpreter")
    assert judge(done.returncode, done.stdout, done.stderr) == "unreadable"
    paths = {note["path"] for note in json.loads(done.stdout)["reports"][0]["diagnostics"]}
    assert paths == {"etc/shadow", "closed"}


def shell(command: str, cwd: Path, **environment: str) -> tuple[int, str]:
    program = f"{sys.executable} -m thwart"
    done = subprocess.run(
        ["bash", "-c", command.replace("thwart", program, 1)],
        capture_output=True, text=True, cwd=cwd, env={**os.environ, **environment}, check=False,
    )  # fmt: skip
    assert "Traceback" not in done.stderr
    assert "error[bug]" not in done.stderr
    return done.returncode, done.stderr


@pytest.mark.parametrize(
    ("command", "code", "words"),
    [
        ("thwart sbom - <&-", 4, "standard input is closed"),
        ("thwart sbom - </dev/null", 4, "neither a docker-archive"),
        ("head -c 700 x.tar | thwart sbom -", 4, "ends in the middle"),
        ("thwart sbom x.tar >/dev/full", 2, "standard output cannot be written"),
        ("thwart --help >/dev/full", 2, "standard output cannot be written"),
        ("thwart sbom x.tar -o json=/dev/full", 2, "cannot be written"),
        ("thwart sbom x.tar --no-such 2>/dev/full", 2, ""),
        ("thwart sbom x.tar >&- 2>&-", 0, ""),
        ("thwart sbom <(cat x.tar)", 0, ""),
        ("mkfifo pipe; thwart sbom ./pipe", 4, "neither a docker-archive"),
        ("mkdir gone; cd gone; rmdir ../gone; thwart sbom ../x.tar", 0, ""),
        ("thwart sbom x.tar --config /dev/zero", 2, "more than the 1048576 allowed"),
        ("thwart sbom x.tar --jobs -3", 2, "not a number from 1 to 64"),
    ],
)
def test_streams_that_are_closed_full_or_odd(command: str, code: int, words: str, tmp_path: Path) -> None:
    write_tar(docker_archive(GOOD), tmp_path / "x.tar")
    got, err = shell(command.replace("x.tar", "x.tar") if "thwart" in command else command, tmp_path)
    assert (got, words in err) == (code, True), err


def test_a_cache_full_of_garbage(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = write_tar(docker_archive(GOOD), tmp_path / "x.tar")
    run(capsys, "sbom", target)
    entries = [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]
    assert entries
    for path in entries:
        path.unlink()
        path.mkdir()
        (path / "x").write_bytes(b"x")
    assert run(capsys, "sbom", target, "-o", "json")[0] == 0


def test_many_processes_on_one_cold_cache(tmp_path: Path) -> None:
    write_tar(docker_archive(GOOD, layer((PAD, PKG))), tmp_path / "x.tar")
    command = [sys.executable, "-m", "thwart", "sbom", "x.tar", "-o", "csv"]
    running = [
        subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(8)
    ]
    ended = [(process.communicate(), process.returncode) for process in running]
    assert {code for _, code in ended} == {0}
    assert len({out for (out, _), _ in ended}) == 1
    assert {err for (_, err), _ in ended} == {b""}


@pytest.mark.parametrize(
    "content", [b"", b"garbage" * 1000, b"SQLite format 3\0" + b"\xff" * 9000, b"\x28\xb5\x2f\xfd" + b"\0" * 50]
)
def test_a_database_that_is_none(content: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "bad.db").write_bytes(content)
    target = write_tar(docker_archive(GOOD), tmp_path / "x.tar")
    code, out, err = run(capsys, "scan", target, "--db", tmp_path / "bad.db")
    assert "error[database]" in judge(code, out, err)
    assert code == 4


@pytest.mark.parametrize(
    "text",
    [
        "[" * 500_000,
        "a = " + "[" * 100_000,
        "".join(f"[a{n}]\n" for n in range(100_000)),
        ".".join(["a"] * 200_000) + " = 1",
        "a = 1" + "0" * 10_000,
        "x" * 2_000_000,
        "\0" * 100,
        'fail-on = "\\ud800"',
    ],
)
def test_a_configuration_that_is_hostile(text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "here" / "thwart.toml").write_text(text)
    target = write_tar(docker_archive(GOOD), tmp_path / "x.tar")
    assert "error[config]" in judge(*run(capsys, "scan", target))


def test_a_tar_in_a_tar_is_no_layer_of_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What looks like an archive inside of a layer is a file of that layer, and nothing else."""
    inner = tar_of(docker_archive(layer((PAD, PKG))))
    target = write_tar(
        docker_archive(layer(("save.tar", inner), (STATUS, status(("bash", "5.2"))))), tmp_path / "x.tar"
    )
    _, out, _ = run(capsys, "sbom", target, "-o", "json")
    assert "bash" in out
    assert "left-pad" not in out
