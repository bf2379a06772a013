"""Build the images of examples/shop as OCI layouts: no container engine, no network, the same bytes every time.

Usage: python tools/build_shop_images.py [--output examples/shop/images] [NAME ...]

What an image holds is said in examples/shop/images.in/NAME.toml (layers) and NAME.tsv (packages of the distribution);
its history and configuration come from the Dockerfile of the service, its language packages from the lockfiles.
"""

from __future__ import annotations

import argparse
import base64
import csv
import gzip
import hashlib
import io
import json
import re
import shlex
import sqlite3
import struct
import sys
import tarfile
import tomllib
import zipfile
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

SHOP = Path(__file__).resolve().parent.parent / "examples" / "shop"
INPUTS = SHOP / "images.in"
MEDIA = "application/vnd.oci.image"
CREATED = "2026-03-02T08:00:00Z"
STAMP = int(datetime.fromisoformat(CREATED).timestamp())
_FILE = re.compile(r"([A-Za-z0-9_.]+)-([0-9][^-/]*)(?:-py3\.\d+)?\.(?:dist|egg)-info")

Files = dict[str, bytes]
Table = dict[str, Any]
Row = dict[str, str]


# -- what a Dockerfile says --------------------------------------------------------------------------------------------


def instructions(dockerfile: str) -> list[tuple[str, str]]:
    """Instruction and arguments of the last stage after its FROM, continued lines joined."""
    joined = re.sub(r"\\\n\s*", "", dockerfile)
    lines = [line.strip() for line in joined.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    parted = [(line.split(None, 1)[0].upper(), line.split(None, 1)[1]) for line in lines]
    last = max(at for at, (word, _) in enumerate(parted) if word == "FROM")
    return parted[last + 1 :]


def history_line(word: str, rest: str) -> str:
    """How BuildKit writes an instruction into the history."""
    if word == "RUN":
        return f"RUN /bin/sh -c {rest} # buildkit"
    return f"{word} {rest} # buildkit" if word in ("COPY", "ADD") else f"{word} {rest}"


def command(rest: str) -> list[str]:
    """A command in exec form, or in shell form through the shell."""
    return list(json.loads(rest)) if rest.startswith("[") else ["/bin/sh", "-c", rest]


def apply(config: Table, word: str, rest: str) -> None:
    """One instruction that changes the configuration only."""
    if word == "ENV":
        config.setdefault("Env", []).extend(shlex.split(rest))
    elif word in ("USER", "WORKDIR"):
        config["User" if word == "USER" else "WorkingDir"] = rest
    elif word == "EXPOSE":
        config.setdefault("ExposedPorts", {}).update({f"{port}/tcp": {} for port in rest.split()})
    elif word in ("CMD", "ENTRYPOINT"):
        config[word.capitalize()] = command(rest)
    elif word == "HEALTHCHECK":
        test = command(rest.partition("CMD ")[2])
        config["Healthcheck"] = {"Test": ["CMD-SHELL", test[2]] if test[0] == "/bin/sh" else ["CMD", *test]}
    else:
        raise SystemExit(f"{word} is not an instruction that this script knows")


# -- package databases -------------------------------------------------------------------------------------------------


def rows(image: str, part: str = "") -> list[Row]:
    """Lines of a table among the inputs."""
    with (INPUTS / f"{image}{part}.tsv").open(encoding="utf-8", newline="") as file:
        return [{key: value or "" for key, value in row.items()} for row in csv.DictReader(file, delimiter="\t")]


def files_of(row: Row) -> list[str]:
    """Paths that a package owns, without a leading slash."""
    return row["files"].split()


def with_parents(paths: Iterable[str]) -> list[str]:
    """Paths and the folders that they lie in, sorted."""
    found = set(paths)
    for path in list(found):
        while path := path.rpartition("/")[0]:
            found.add(path)
    return sorted(found)


def _stanza(row: Row, *, status: bool) -> str:
    lines = [f"Package: {row['name']}"]
    lines += ["Status: install ok installed"] * status
    lines += ["Priority: optional", "Section: misc", "Maintainer: The shop <shop@example.test>"]
    lines.append(f"Architecture: {row['arch']}")
    lines += [f"Multi-Arch: {row['note']}"] * bool(row["note"])
    lines += [f"Source: {row['source']}"] * bool(row["source"])
    lines += [f"Version: {row['version']}", f"Description: {row['name']} of the shop's image"]
    return "".join(f"{line}\n" for line in lines)


def dpkg(packages: list[Row]) -> Files:
    """dpkg's database: the status file, and a list of files for each package."""
    files = {"var/lib/dpkg/status": "\n".join(_stanza(row, status=True) for row in packages).encode() + b"\n"}
    files["var/lib/dpkg/info/format"] = b"1\n"  # lists may be called after an architecture, too
    for row in packages:
        stem = f"{row['name']}:{row['arch']}" if row["note"] == "same" else row["name"]
        paths = with_parents(files_of(row))
        files[f"var/lib/dpkg/info/{stem}.list"] = "".join(f"/{path}\n" for path in (".", *paths)).encode()
    return files


def status_d(packages: list[Row]) -> Files:
    """What distroless images keep in place of dpkg's database."""
    files: Files = {}
    for row in packages:
        files[f"var/lib/dpkg/status.d/{row['name']}"] = _stanza(row, status=False).encode()
        sums = (f"{hashlib.md5(content(path, row)).hexdigest()}  {path}\n" for path in files_of(row))
        files[f"var/lib/dpkg/status.d/{row['name']}.md5sums"] = "".join(sums).encode()
    return files


def apk(packages: list[Row]) -> Files:
    """apk's database of installed packages."""
    text = ""
    for row in packages:
        sum_ = base64.b64encode(hashlib.sha1(f"{row['name']}-{row['version']}".encode()).digest()).decode()
        text += f"C:Q1{sum_}\nP:{row['name']}\nV:{row['version']}\nA:{row['arch']}\nS:4096\nI:8192\n"
        text += f"T:{row['name']} of the shop's image\nU:https://example.test/\nL:{row['note']}\no:{row['source']}\n"
        folder = None
        for path in sorted(files_of(row)):
            parent, _, base = path.rpartition("/")
            text += f"F:{parent}\n" * (parent != folder) + f"R:{base}\na:0:0:755\n"
            folder = parent
        text += "\n"
    return {"lib/apk/db/installed": text.encode()}


def _entries(row: Row) -> Iterator[tuple[int, int, bytes, int]]:
    """Tag, type, value and count of what rpm keeps of a package, by tag (rpm's `rpmtag.h`)."""
    epoch, _, full = row["version"].rpartition(":")
    version, _, release = full.rpartition("-")
    folders = sorted({f"/{path.rpartition('/')[0]}/" for path in files_of(row)})
    paths = sorted(files_of(row))
    text = [(1000, row["name"]), (1001, version), (1002, release), (1004, f"{row['name']} of the shop's image")]
    text += [(1011, "AlmaLinux"), (1014, row["note"]), (1021, "linux"), (1022, row["arch"]), (1044, row["source"])]
    yield from ((tag, 9 if tag == 1004 else 6, value.encode() + b"\0", 1) for tag, value in text)
    numbers = [(1008, STAMP), (1009, 4096)] + ([(1003, int(epoch))] if epoch else [])
    yield from ((tag, 4, struct.pack(">I", value), 1) for tag, value in numbers)
    if paths:
        at = [folders.index(f"/{path.rpartition('/')[0]}/") for path in paths]
        names = [path.rpartition("/")[2] for path in paths]
        yield 1029, 1, bytes(len(paths)), len(paths)
        yield 1030, 3, struct.pack(f">{len(paths)}H", *[0o100644] * len(paths)), len(paths)
        yield 1116, 4, struct.pack(f">{len(paths)}I", *at), len(paths)
        yield 1117, 8, b"".join(name.encode() + b"\0" for name in names), len(paths)
        yield 1118, 8, b"".join(folder.encode() + b"\0" for folder in folders), len(folders)


def rpm_header(row: Row) -> bytes:
    """A header as rpm stores it: an index over values, in one immutable region (LSB 5.0, 22.2.3)."""
    index, store = b"", b""
    entries = sorted(_entries(row))
    for tag, kind, value, count in entries:
        store += bytes(-len(store) % {3: 2, 4: 4}.get(kind, 1))
        index += struct.pack(">IIiI", tag, kind, len(store), count)
        store += value
    region = struct.pack(">IIiI", 63, 7, len(store), 16)
    store += struct.pack(">IIiI", 63, 7, -16 * (len(entries) + 1), 16)
    return struct.pack(">II", len(entries) + 1, len(store)) + region + index + store


def rpm(packages: list[Row]) -> Files:
    """rpm's database in its SQLite form; of the indices, which rpm wants to be there, only that of names is filled."""
    database = sqlite3.connect(":memory:")
    database.execute("CREATE TABLE Packages (hnum INTEGER PRIMARY KEY AUTOINCREMENT, blob BLOB NOT NULL)")
    for name in INDICES:
        columns = "key TEXT NOT NULL, hnum INTEGER NOT NULL, idx INTEGER NOT NULL"
        database.execute(f"CREATE TABLE {name} ({columns}, FOREIGN KEY (hnum) REFERENCES Packages(hnum))")
    for number, row in enumerate(packages, start=1):
        database.execute("INSERT INTO Packages VALUES (?, ?)", (number, rpm_header(row)))
        database.execute("INSERT INTO Name VALUES (?, ?, 0)", (row["name"], number))
    database.commit()
    data = bytearray(database.serialize())
    database.close()
    data[96:100] = struct.pack(">I", 3_040_001)  # the library's version, which would differ between machines
    return {"var/lib/rpm/rpmdb.sqlite": bytes(data)}


INDICES = (
    *("Name", "Basenames", "Providename", "Requirename", "Conflictname", "Obsoletename", "Triggername", "Dirnames"),
    *("Installtid", "Sigmd5", "Sha1header", "Filetriggername", "Transfiletriggername", "Recommendname"),
    *("Suggestname", "Supplementname", "Enhancename", '"Group"'),
)
DATABASES: dict[str, Callable[[list[Row]], Files]] = {"dpkg": dpkg, "status.d": status_d, "apk": apk, "rpm": rpm}


# -- language packages -------------------------------------------------------------------------------------------------


def content(path: str, row: Row) -> bytes:
    """What a package's file holds: the metadata of a Python distribution by its path, else a line of text."""
    known = _FILE.search(path)
    if known and path.endswith(("METADATA", "PKG-INFO", ".egg-info")):
        return f"Metadata-Version: 2.1\nName: {known[1]}\nVersion: {known[2]}\n".encode()
    if path.endswith(".jar"):
        return jar({"META-INF/MANIFEST.MF": f"Manifest-Version: 1.0\nCreated-By: {row['version']}\n\n".encode()})
    return f"{row['name']} {row['version']}\n".encode()


def node_modules(want: Table) -> Files:
    """Packages of a package-lock as `npm ci --omit=dev` lays them out."""
    lock = json.loads((SHOP / want["lock"]).read_text(encoding="utf-8"))
    files: Files = {}
    for path, entry in lock["packages"].items():
        if path and not entry.get("dev") and not entry.get("optional"):
            manifest = {"name": path.rpartition("node_modules/")[2], "version": entry["version"]}
            manifest |= {"license": entry["license"]} if "license" in entry else {}
            files[f"{want['to']}/{path}/package.json"] = json.dumps(manifest, indent=2).encode() + b"\n"
    return files


def site_packages(want: Table) -> Files:
    """Distributions of a requirements file or of a uv.lock without its development group."""
    files: Files = {}
    for name, version in sorted(_pinned(want["lock"])):
        folder = f"{want['to']}/{name.replace('-', '_')}-{version}.dist-info"
        files[f"{folder}/METADATA"] = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode()
        files[f"{folder}/RECORD"] = b""
        files[f"{folder}/INSTALLER"] = b"pip\n"
    return files


def _pinned(path: str) -> Iterator[tuple[str, str]]:
    text = (SHOP / path).read_text(encoding="utf-8")
    if path.endswith(".txt"):
        yield from re.findall(r"^([\w.-]+)==(\S+)", text, re.MULTILINE)
        return
    locked = {entry["name"]: entry for entry in tomllib.loads(text)["package"]}
    waiting = [name for name, entry in locked.items() if "virtual" in entry["source"]]
    seen = set(waiting)
    while waiting:
        entry = locked[waiting.pop()]
        if "virtual" not in entry["source"]:
            yield entry["name"], entry["version"]
        wanted = [one["name"] for one in entry.get("dependencies", ()) if "win32" not in one.get("marker", "")]
        waiting += [name for name in wanted if name not in seen]
        seen.update(wanted)


def jar(members: Files) -> bytes:
    """A zip with fixed times; archives within are stored, as class loaders ask."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in members.items():
            info = zipfile.ZipInfo(name, (2026, 3, 2, 8, 0, 0))
            info.compress_type = zipfile.ZIP_STORED if name.endswith(".jar") else zipfile.ZIP_DEFLATED
            archive.writestr(info, data)
    return out.getvalue()


def library(row: Row) -> bytes:
    """A jar of one artifact; without `maven` in its note only the manifest says what it is."""
    manifest = f"Manifest-Version: 1.0\nImplementation-Title: {row['name']}\nImplementation-Version: {row['version']}\n"
    members = {"META-INF/MANIFEST.MF": f"{manifest}Bundle-SymbolicName: {row['group']}.{row['name']}\n\n".encode()}
    if row["note"] == "maven":
        text = f"artifactId={row['name']}\ngroupId={row['group']}\nversion={row['version']}\n"
        members[f"META-INF/maven/{row['group']}/{row['name']}/pom.properties"] = text.encode()
    folder = row["group"].replace(".", "/")
    members[f"{folder}/package-info.class"] = b"\xca\xfe\xba\xbe\0\0\0\x34"
    return jar(members)


def fat_jar(want: Table) -> Files:
    """An application's jar with its libraries inside, in Spring Boot's layout; the first row is the application."""
    own, *libraries = rows(want["list"])
    start = (
        f"Manifest-Version: 1.0\nMain-Class: org.springframework.boot.loader.JarLauncher\nStart-Class: {want['main']}\n"
    )
    members = {"META-INF/MANIFEST.MF": f"{start}Spring-Boot-Lib: BOOT-INF/lib/\n\n".encode()}
    text = f"artifactId={own['name']}\ngroupId={own['group']}\nversion={own['version']}\n"
    members[f"META-INF/maven/{own['group']}/{own['name']}/pom.properties"] = text.encode()
    members |= {f"BOOT-INF/lib/{row['name']}-{row['version']}.jar": library(row) for row in libraries}
    return {want["to"]: jar(members)}


def go_program(want: Table) -> Files:
    """An ELF file with the build information that `go build` would write for a go.mod."""
    folder = SHOP / want["module"]
    mod = (folder / "go.mod").read_text(encoding="utf-8")
    sums = re.findall(r"^(\S+) (\S+) (h1:\S+)$", (folder / "go.sum").read_text(encoding="utf-8"), re.MULTILINE)
    known = {(path, version): sum_ for path, version, sum_ in sums}
    name = re.findall(r"^module (\S+)", mod, re.MULTILINE)[0]
    lines = [f"path\t{name}", f"mod\t{name}\t(devel)\t"]
    for path, version in sorted(re.findall(r"^\t(\S+) (v\S+)", mod, re.MULTILINE)):
        lines.append(f"dep\t{path}\t{version}\t{known[path, version]}")
    lines += ["build\t-buildmode=exe", "build\t-compiler=gc", "build\tCGO_ENABLED=0", "build\tGOARCH=amd64"]
    toolchain = re.findall(r"^toolchain (\S+)", mod, re.MULTILINE)[0]
    return {want["to"]: elf(toolchain, "\n".join([*lines, "build\tGOOS=linux"]) + "\n")}


def elf(version: str, modules: str) -> bytes:
    """A 64-bit program as Go's linker lays it out: headers in the first page, then text, then `.go.buildinfo`."""
    base, text_at, data_at, names_at = 0x400000, 0x1000, 0x2000, 0x800
    frame = (bytes.fromhex("3077af0c9274080241e1c107e6d618e6"), bytes.fromhex("f932433186182072008242104116d8f2"))
    info = b"\xff Go buildinf:\x08\x02" + bytes(16)
    for part in (version.encode(), frame[0] + modules.encode() + frame[1]):
        info += _uvarint(len(part)) + part
    names = b"\0.text\0.go.buildinfo\0.shstrtab\0"
    head = b"\x7fELF\x02\x01\x01" + bytes(9)
    head += struct.pack("<HHI3QI6H", 2, 62, 1, base + text_at, 64, 0x200, 0, 64, 56, 2, 64, 4, 3)
    for flags, at, size in ((5, text_at, 16), (6, data_at, len(info))):
        head += struct.pack("<2I6Q", 1, flags, at, base + at, base + at, size, size, 0x1000)
    out = head.ljust(0x200, b"\0") + bytes(64)
    # name, type, flags, place, size, alignment; the program itself only leaves with status 0
    for name, kind, flags, at, size, align in (
        (1, 1, 6, text_at, 16, 16),
        (7, 1, 3, data_at, len(info), 16),
        (21, 3, 0, names_at, len(names), 1),
    ):
        out += struct.pack("<2I4Q2I2Q", name, kind, flags, base + at if flags else 0, at, size, 0, 0, align, 0)
    out = out.ljust(names_at, b"\0") + names
    out = out.ljust(text_at, b"\0") + bytes.fromhex("b83c00000031ff0f05").ljust(16, b"\xcc")
    return out.ljust(data_at, b"\0") + info


def _uvarint(number: int) -> bytes:
    out = b""
    while number > 0x7F:
        out, number = out + bytes((number & 0x7F | 0x80,)), number >> 7
    return out + bytes((number,))


LANGUAGES: dict[str, Callable[[Table], Files]] = {
    "node": node_modules,
    "python": site_packages,
    "java": fat_jar,
    "go": go_program,
}


# -- layers ------------------------------------------------------------------------------------------------------------


@dataclass(kw_only=True)
class Builder:
    """An image that grows layer by layer; the package database is written anew in each that changes it."""

    recipe: Table
    packages: dict[str, Row] = field(default_factory=dict)
    database: Files = field(default_factory=dict)
    layers: list[bytes] = field(default_factory=list)

    def add(self, layer: Table) -> None:
        """Lay one more layer on top."""
        files: Files = {path: text.encode() for path, text in layer.get("text", {}).items()}
        files |= {path: (SHOP / source).read_bytes() for path, source in layer.get("copy", {}).items()}
        gone = list(layer.get("gone", ()))
        for language in LANGUAGES.keys() & layer.keys():
            files |= LANGUAGES[language](layer[language])
        if "install" in layer or "remove" in layer:
            changed, left = self._change(layer)
            files |= changed
            gone += left
        self.layers.append(tar(files | {_whiteout(path): b"" for path in gone}))

    def _change(self, layer: Table) -> tuple[Files, list[str]]:
        """Install and remove packages: the files that this writes, and the paths that go."""
        files: Files = {}
        left = [path for name in layer.get("remove", ()) for path in files_of(self.packages.pop(name))]
        for row in rows(self.recipe["name"]):
            if row["step"] == layer.get("install"):
                old = self.packages.get(row["name"])
                left += files_of(old) if old else []
                files |= {path: content(path, row) for path in files_of(row)}
                self.packages[row["name"]] = row
        database = DATABASES[self.recipe["database"]](sorted(self.packages.values(), key=lambda row: row["name"]))
        files |= {path: data for path, data in database.items() if self.database.get(path) != data}
        left += [path for path in self.database if path not in database]
        self.database = database
        return files, sorted(set(left) - files.keys())


def _whiteout(path: str) -> str:
    folder, _, base = path.rpartition("/")
    return f"{folder}/.wh.{base}" if folder else f".wh.{base}"


def tar(files: Files) -> bytes:
    """A layer: folders and files, sorted, of root, with one time."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for path in with_parents(files):
            info = tarfile.TarInfo(path)
            info.mtime, info.mode = STAMP, 0o755
            if path in files:
                info.size, info.mode = (
                    len(files[path]),
                    0o755 if "bin/" in path or files[path][:4] == b"\x7fELF" else 0o644,
                )
            else:
                info.type = tarfile.DIRTYPE
            archive.addfile(info, io.BytesIO(files.get(path, b"")))
    return out.getvalue()


# -- images ------------------------------------------------------------------------------------------------------------


def build(name: str) -> Files:
    """Files of the OCI layout of one image."""
    recipe = tomllib.loads((INPUTS / f"{name}.toml").read_text(encoding="utf-8"))
    builder = Builder(recipe=recipe)
    config: Table = dict(recipe.get("base", {}))
    history: list[Table] = []
    planned = list(recipe["layer"])
    while planned and "base" in planned[0]:
        layer = planned.pop(0)
        builder.add(layer)
        history.append({"created": CREATED, "created_by": layer["base"], "comment": "debuerreotype 0.15"})
    steps = instructions((SHOP / recipe["dockerfile"]).read_text(encoding="utf-8"))
    for word, rest in steps:
        line: Table = {"created": CREATED, "created_by": history_line(word, rest), "comment": "buildkit.dockerfile.v0"}
        if word in ("RUN", "COPY", "ADD"):
            layer = planned.pop(0)
            if not f"{word} {rest}".startswith(layer["instruction"]):
                raise SystemExit(f"{name}: the Dockerfile says {word} {rest}, the recipe {layer['instruction']}")
            builder.add(layer)
        else:
            apply(config, word, rest)
            line["empty_layer"] = True
        history.append(line)
    if planned:
        raise SystemExit(f"{name}: the Dockerfile has no {planned[0]['instruction']}")
    return layout(builder.layers, config, history, recipe["tag"])


def layout(layers: list[bytes], config: Table, history: list[Table], tag: str) -> Files:
    """Blobs, index and marker of an OCI image layout (image-layout.md)."""
    blobs = [gzip.compress(layer, 9, mtime=0) for layer in layers]
    image = {
        "created": CREATED,
        "architecture": "amd64",
        "os": "linux",
        "config": config,
        "rootfs": {"type": "layers", "diff_ids": [digest(layer) for layer in layers]},
        "history": history,
    }
    raw = json.dumps(image, sort_keys=True).encode()
    manifest = {
        "schemaVersion": 2,
        "mediaType": f"{MEDIA}.manifest.v1+json",
        "config": describe(raw, "config.v1+json"),
        "layers": [describe(blob, "layer.v1.tar+gzip") for blob in blobs],
    }
    top = json.dumps(manifest, sort_keys=True).encode()
    entry = describe(top, "manifest.v1+json") | {"annotations": {"org.opencontainers.image.ref.name": tag}}
    index = json.dumps({"schemaVersion": 2, "manifests": [entry]}, sort_keys=True).encode()
    files = {f"blobs/sha256/{digest(data)[7:]}": data for data in (*blobs, raw, top)}
    return {**files, "index.json": index, "oci-layout": b'{"imageLayoutVersion": "1.0.0"}'}


def digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def describe(data: bytes, kind: str) -> Table:
    return {"mediaType": f"{MEDIA}.{kind}", "digest": digest(data), "size": len(data)}


def write(files: Files, folder: Path) -> None:
    """Put a layout in a folder, and take away the blobs of an earlier one."""
    blobs = folder / "blobs" / "sha256"
    blobs.mkdir(parents=True, exist_ok=True)
    for path in blobs.iterdir():
        if f"blobs/sha256/{path.name}" not in files:
            path.unlink()
    for name, data in files.items():
        (folder / name).write_bytes(data)


def names() -> list[str]:
    """Images for which there is a recipe."""
    return sorted(path.stem for path in INPUTS.glob("*.toml"))


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description="Build the images of examples/shop as OCI layouts.")
    parser.add_argument("--output", type=Path, default=SHOP / "images", help="folder for the layouts")
    parser.add_argument("image", nargs="*", help="only these images")
    chosen = parser.parse_args(arguments)
    for name in chosen.image or names():
        if name not in names():
            parser.error(f"no image {name}; there are {', '.join(names())}")
        files = build(name)
        write(files, chosen.output / name)
        manifest = json.loads(files["index.json"])["manifests"][0]
        size = sum(map(len, files.values()))
        print(f"{chosen.output / name}: {len(files) - 4} layers, {size} bytes, {manifest['digest']}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
