"""Damage images at random and read them: anything but a result or one clear error is a finding.

    python tools/fuzz_images.py --count 5000 --seed 1

Every case is made of the seed and its number, so `--only NUMBER` repeats one.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import resource
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.unit.images import RELEASE, STATUS, describe, docker_archive, layer, oci_layout, status, tar_of, write_folder

from thwart.api._inventory import read_source
from thwart.core.errors import SourceError, UsageError
from thwart.core.limits import Limits
from thwart.lib import zstd
from thwart.sources import OpenOptions

Files = dict[str, bytes]
LIMITS = Limits(layer_bytes=1 << 26, entries=100_000)
SLOW = 2.0  # seconds
PKG = b'{"name": "left-pad", "version": "1.0.0"}'
NAMES = [
    "app/node_modules/a/package.json",
    "etc/os-release",
    STATUS,
    "lib/apk/db/installed",
    "bin/tool",
    "a",
    "a/b",
    "lib",
]
VALUES: list[Any] = [
    None, True, -1, 0, 1e300, 10**30, "", "\ud800", "x" * 100_000, "../../etc/passwd", "/etc/passwd", "a\0b", [], {},
    [[]], {"a": {}}, "sha256:" + "0" * 64, "sha512:" + "0" * 128, "md5:0", ["x"] * 1000,
]  # fmt: skip


class _Case:
    """One damaged image; `chance` is all the randomness there is."""

    def __init__(self, seed: int, number: int) -> None:
        self.chance = random.Random(f"{seed}:{number}")

    def _name(self) -> str:
        pick = self.chance.choice
        name: str = pick(NAMES)
        odd = [
            f"../{name}",
            f"/{name}",
            f"./{name}/.",
            f".wh.{name}",
            f"{name}/.wh..wh..opq",
            "d/" * 300 + "x",
            "\udcff\n\x1b[31m",
            "",
        ]
        return pick(odd) if self.chance.random() < 0.3 else name

    def _layer(self) -> bytes:
        pick = self.chance.choice
        contents: list[Any] = [
            PKG,
            RELEASE,
            status(("bash", "5.2")),
            b"\x7fELF" + bytes(5000),
            b"",
            None,
            "a",
            "../lib",
            "=a",
            "=" + NAMES[0],
        ]
        entries = [(self._name(), pick(contents)) for _ in range(self.chance.randrange(12))]
        return self._bytes(layer(*entries, pax=pick([True, False])), 0.15)

    def _bytes(self, data: bytes, likely: float) -> bytes:
        """Flip, cut, repeat or overwrite."""
        if self.chance.random() > likely or not data:
            return data
        raw, at = bytearray(data), self.chance.randrange(len(data))
        kind = self.chance.randrange(5)
        if kind == 0:
            raw[at] ^= 1 << self.chance.randrange(8)
        elif kind == 1:
            del raw[at:]
        elif kind == 2:
            raw[at:at] = raw[max(0, at - 700) : at]
        elif kind == 3:
            raw[at : at + 12] = self.chance.randbytes(12)
        else:
            del raw[at : at + self.chance.randrange(600)]
        return bytes(raw)

    def _json(self, raw: bytes) -> bytes:
        """Exchange one value of a document, or state one twice, or nest it deep."""
        document = json.loads(raw)
        places: list[tuple[Any, Any]] = []
        todo = [document]
        while todo:
            node = todo.pop()
            pairs = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
            places += [(node, key) for key, _ in pairs]
            todo += [value for _, value in pairs]
        node, key = self.chance.choice(places)
        node[key] = self.chance.choice(VALUES)
        text = json.dumps(document)
        deep = self.chance.random()
        if deep < 0.05:
            text = text.replace(": ", ": " + "[" * 900 + "]" * 900 + ', "k": ', 1)
        elif deep < 0.1:
            text = text.replace("{", '{"layers": [], ', 1)
        return text.encode()

    def _documents(self, files: Files) -> Files:
        """Damage one document; whoever points to it by digest is told of the new one, mostly."""
        name = self.chance.choice([name for name in files if files[name][:1] in (b"{", b"[")])
        old, new = files[name], self._json(files[name])
        files = {**files, name: new}
        if name.startswith("blobs/") and self.chance.random() < 0.9:
            was, now = describe(old, ""), describe(new, "")
            files.pop(name)
            files["blobs/" + now["digest"].replace(":", "/")] = new
            for other, data in list(files.items()):
                if was["digest"].encode() in data and other == "index.json":
                    entry = data.replace(was["digest"].encode(), now["digest"].encode())
                    files[other] = entry.replace(b'"size": %d' % was["size"], b'"size": %d' % now["size"])
        return files

    def write(self, root: Path) -> str:
        """Make the target; returns what to scan."""
        layers = [self._layer() for _ in range(self.chance.randrange(1, 4))]
        packers: list[Callable[[bytes], bytes]] = [gzip.compress, zstd.compress, bytes]
        compress = self.chance.choice(packers)
        files = docker_archive(*layers) if self.chance.random() < 0.4 else oci_layout(*layers, compress=compress)
        if self.chance.random() < 0.5:
            files = self._documents(files)
        files = {name: self._bytes(data, 0.05) for name, data in files.items()}
        if "index.json" in files and self.chance.random() < 0.3:
            return f"oci:{write_folder(files, root / 'L')}"
        whole = self._bytes(tar_of(files), 0.2)
        path = root / "x.tar"
        path.write_bytes(self._bytes(self.chance.choice([*packers[::2], bytes])(whole), 0.1))
        return f"archive:{path}"


def try_one(seed: int, number: int, cache: Path) -> str:
    """Read one case; returns what is wrong, or how it ended."""
    with tempfile.TemporaryDirectory() as folder:
        target = _Case(seed, number).write(Path(folder))
        begun = time.monotonic()
        try:
            reading = read_source(target, OpenOptions(), LIMITS, cache if number % 2 else None, 2)
            outcome = "incomplete" if any(d.incomplete for d in reading.inventory.diagnostics) else "clean"
            if any(d.slug == "cataloger-crashed" for d in reading.inventory.diagnostics):
                outcome = "CRASHED " + next(d.message for d in reading.inventory.diagnostics)
        except (SourceError, UsageError) as error:
            outcome = type(error).__name__
            if not error.sentence or "\n" in error.sentence or len(error.sentence) > 5000:
                outcome = f"UGLY {error.sentence[:200]!r}"
        except Exception:  # noqa: BLE001 - what this tool looks for
            outcome = "CRASHED " + traceback.format_exc()
        if time.monotonic() - begun > SLOW:
            outcome = f"SLOW {time.monotonic() - begun:.1f} s"
    return outcome


def main() -> int:
    """Run the cases; 1 when one of them is a finding."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", type=int)
    arguments = parser.parse_args()
    ended: dict[str, int] = {}
    numbers = range(arguments.count) if arguments.only is None else [arguments.only]
    with tempfile.TemporaryDirectory() as cache:
        for number in numbers:
            outcome = try_one(arguments.seed, number, Path(cache))
            if outcome[:5].isupper():
                print(f"case {number}: {outcome}")
                outcome = outcome.partition(" ")[0]
            ended[outcome] = ended.get(outcome, 0) + 1
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"{ended}, at most {memory} MB")
    return int(any(word.isupper() for word in ended))


if __name__ == "__main__":
    sys.exit(main())
