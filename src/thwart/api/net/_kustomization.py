"""What a kustomization is made of, found without building it: so that no tool is let at one that would fetch or run.

Kustomize's reference, "kustomization file", names the fields.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from msgspec import Struct, field

from thwart.core.limits import Limits
from thwart.lib.documents import DocumentError
from thwart.sources._registry_errors import clean

NAMES = ("kustomization.yaml", "kustomization.yml", "Kustomization")
_MOST = 2_000  # kustomizations that one is made of, and files that each names
_NODES = 200_000
# fields that leave untouched whatever decides about traffic: the name of an image, the hash of a ConfigMap
_HARMLESS = frozenset(
    {
        *("apiVersion", "kind", "metadata", "resources", "bases", "images", "replicas", "sortOptions"),
        *("configMapGenerator", "secretGenerator", "generatorOptions", "commonAnnotations", "buildMetadata"),
    }
)
_ENTRIES = ("resources", "bases", "components")
_PLUGINS = ("generators", "transformers", "validators")
_PATHS = ("crds", "configurations", "patchesStrategicMerge")
_REMOTE = re.compile(r"://|^git::|^[\w.-]+@[\w.-]+:|[?&]ref=|^(github|gitlab|bitbucket)\.\w+[/:]", re.IGNORECASE)


class Kustomization(Struct):
    """One kustomization with all that it is built on.

    Attributes:
        folder: where it is, as it was given.
        gathers: whether building it changes nothing that decides about traffic.
        refused: why no tool may build it; empty when one may.
        files: the manifests that it and its bases name, in order.
        bases: real paths of the kustomizations that it names itself.
        parts: real paths of all that it is built on.
        mentioned: names in its folder that it names in any way, and its own.
    """

    folder: Path
    component: bool = False
    gathers: bool = True
    refused: str = ""
    files: list[Path] = field(default_factory=list)
    bases: list[Path] = field(default_factory=list)
    parts: set[Path] = field(default_factory=set)
    mentioned: set[str] = field(default_factory=set)


def kustomization_file(folder: Path) -> Path | None:
    """The kustomization of a folder, if there is one."""
    return next((folder / name for name in NAMES if (folder / name).is_file()), None)


def inspect(folder: Path, limits: Limits) -> Kustomization:
    """Follow a kustomization to all that it is made of; links are followed nowhere."""
    made = Kustomization(folder)
    _Inspector(made, limits).visit(folder, ())
    return made


class _Inspector:
    def __init__(self, made: Kustomization, limits: Limits) -> None:
        self._made = made
        self._limits = limits
        self._seen: set[Path] = set()

    def _refuse(self, why: str) -> None:
        self._made.refused = self._made.refused or why

    def visit(self, folder: Path, above: tuple[Path, ...]) -> None:
        real = folder.resolve()
        if real in above or len(above) > 32:
            self._refuse(f"{clean(str(folder), 120)} is built on itself, or too deeply")
            return
        if real in self._seen:
            return
        self._seen.add(real)
        if len(self._seen) > _MOST or len(self._made.files) > _MOST * 10:
            self._refuse("it is made of too many others")
            return
        document = self._document(folder)
        if document is None:
            return
        if not above:
            self._made.component = document.get("kind") == "Component"
            self._made.mentioned = {*NAMES, *(Path(text).name for text in _strings(document) if "\n" not in text)}
        if any(value and key not in _HARMLESS for key, value in document.items()):
            self._made.gathers = False
        self._look(folder, document)
        for key in _ENTRIES:
            for entry in _list(document.get(key)):
                self._entry(folder, str(entry), (*above, real))

    def _document(self, folder: Path) -> dict[str, Any] | None:
        from thwart.lib.yaml_positions import load_all

        path = kustomization_file(folder)
        if path is None or path.is_symlink():
            self._refuse(f"{clean(str(folder), 120)} has no kustomization of its own")
            return None
        try:
            with path.open("rb") as file:
                data = file.read(self._limits.config_bytes + 1)
            documents = load_all(
                data, max_bytes=self._limits.config_bytes, max_depth=64, max_nodes=_NODES, schema="kubernetes"
            )
        except (OSError, DocumentError) as error:
            self._refuse(f"{clean(str(path), 120)} cannot be read: {clean(str(error), 120)}")
            return None
        if len(documents) != 1 or not isinstance(documents[0], dict):
            self._refuse(f"{clean(str(path), 120)} is no kustomization")
            return None
        return documents[0]

    def _look(self, folder: Path, document: dict[str, Any]) -> None:
        """Refuse what would fetch or run something. Kustomize fetches wherever it takes a path."""
        for key in ("helmCharts", "helmChartInflationGenerator"):
            if document.get(key):
                self._refuse("it has charts rendered, which is not allowed to it")
        for text in _paths(document):
            if _REMOTE.search(text):
                self._refuse(f"it would fetch {clean(text, 120)}")
            else:
                self._local(folder, text)
        for key in _PLUGINS:
            for entry in _list(document.get(key)):
                text = str(entry)
                inline = "\n" in text
                path = folder / text
                if not inline and not path.is_file():
                    self._refuse(f"{clean(text, 120)} under {key} is no file here")
                    continue
                words = text if inline else self._content(folder, path)
                if "://" in words or "git@" in words or "exec:" in words:
                    self._refuse(f"what it names under {key} would fetch or run something")

    def _content(self, folder: Path, path: Path) -> str:
        if not self._local(folder, str(path.relative_to(folder)) if path.is_relative_to(folder) else str(path)):
            return ""
        try:
            with path.open("rb") as file:
                return file.read(self._limits.config_bytes).decode("utf-8", "replace")
        except OSError:
            return ""

    def _local(self, folder: Path, text: str) -> bool:
        """Whether a path stays in the folder, links resolved: kustomize's own rule for files."""
        try:
            inside = (folder / text).resolve().is_relative_to(folder.resolve())
        except (OSError, ValueError, RuntimeError):
            inside = False
        if not inside:
            self._refuse(f"{clean(text, 120)} leads out of {clean(str(folder), 120)}")
        return inside

    def _entry(self, folder: Path, text: str, above: tuple[Path, ...]) -> None:
        """One of `resources`, `bases` or `components`: a file here, or the folder of another kustomization."""
        path = folder / text
        try:
            is_file, is_folder = path.is_file(), path.is_dir()
        except (OSError, ValueError):
            is_file = is_folder = False
        if is_folder and not Path(text).is_absolute():
            real = path.resolve()
            lexical = Path(_normal(str(folder.resolve() / text)))
            if real != lexical:
                self._refuse(f"{clean(text, 120)} is a link that leads elsewhere")
                return
            self._made.parts.add(real)
            if len(above) == 1:
                self._made.bases.append(real)
            shown = Path(_normal(str(path)))
            self.visit(shown if shown.resolve() == real else real, above)
        elif is_file:
            if self._local(folder, text):
                self._made.files.append(Path(_normal(str(path))))
        elif _REMOTE.search(text) or "/" in text:
            self._refuse(f"it would fetch {clean(text, 120)}")
        else:
            self._refuse(f"{clean(text, 120)} is not there")


def _normal(path: str) -> str:
    import os.path

    return os.path.normpath(path)


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _strings(value: object) -> Iterator[str]:
    left = [value]
    while left:
        one = left.pop()
        if isinstance(one, str):
            yield one.partition("=")[2] or one
        elif isinstance(one, dict):
            left += one.values()
        elif isinstance(one, list):
            left += one


def _paths(document: dict[str, Any]) -> Iterator[str]:
    """Every text that kustomize takes as the path of a file, but those of `resources` and plugins."""
    for key in _PATHS:
        yield from (one for one in _list(document.get(key)) if isinstance(one, str) and "\n" not in one)
    for key in ("patches", "patchesJson6902", "replacements"):
        for one in _list(document.get(key)):
            if isinstance(one, dict) and isinstance(one.get("path"), str):
                yield one["path"]
    opened = document.get("openapi")
    if isinstance(opened, dict) and isinstance(opened.get("path"), str):
        yield opened["path"]
    for key in ("configMapGenerator", "secretGenerator"):
        for one in _list(document.get(key)):
            if isinstance(one, dict):
                named = [*_list(one.get("files")), *_list(one.get("envs")), one.get("env")]
                yield from (text.partition("=")[2] or text for text in named if isinstance(text, str))
