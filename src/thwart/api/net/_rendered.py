"""Folders of manifests: plain files, and the charts and kustomizations that a tool has to make manifests of.

What a folder means does not hang on the tools that are installed, but whether all of it can be read does.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from thwart.api.net._cluster_exec import run_bounded
from thwart.api.net._kustomization import Kustomization, inspect, kustomization_file
from thwart.core.errors import LimitError, SourceError
from thwart.core.finding import Diagnostic
from thwart.core.limits import Limits
from thwart.sources._registry_errors import clean

SUFFIXES = (".yaml", ".yml", ".json")
SECONDS = 60.0  # for one chart or kustomization
_MOST_FILES = 200_000
_HELM_HINT = "put helm on the PATH, or render it by hand: helm template CHART -f VALUES | thwart net map -"
_KUSTOMIZE_HINT = (
    "put kustomize or kubectl on the PATH, or build it by hand: kubectl kustomize FOLDER | thwart net map -"
)
_NAME_IT = "name it as a PATH of its own"


def read_folder(
    root: Path, limits: Limits, unread: list[Diagnostic], environment: Mapping[str, str] | None = None
) -> Iterator[tuple[str, bytes]]:
    """The manifests that a folder stands for, with their names.

    A chart is rendered and a kustomization built. In any other folder everything below is read: of kustomizations
    those that build on no other, and charts only where there is nothing else; the rest is told in `unread`.
    """
    yield from _Folder(root, limits, unread, os.environ if environment is None else environment).files()


class _Folder:
    def __init__(self, root: Path, limits: Limits, unread: list[Diagnostic], environment: Mapping[str, str]) -> None:
        self._root = root
        self._home = root.resolve()
        self._limits = limits
        self._unread = unread
        self._environment = environment

    def files(self) -> Iterator[tuple[str, bytes]]:
        if (self._root / "Chart.yaml").is_file():
            yield from self._chart(self._root)
        elif kustomization_file(self._root) is not None:
            yield from self._kustomization(inspect(self._root, self._limits))
        else:
            yield from self._everything()

    def _tell(self, slug: str, message: str, path: Path, hint: str = "", *, incomplete: bool = True) -> None:
        self._unread.append(Diagnostic(slug=slug, message=message, path=str(path), hint=hint, incomplete=incomplete))

    # plain files

    def _read(self, paths: Iterable[Path]) -> Iterator[tuple[str, bytes]]:
        for path in paths:
            try:
                yield str(path), read_file(path, self._limits)
            except (SourceError, OSError) as error:
                self._tell("unreadable-file", str(error), path)

    def _everything(self) -> Iterator[tuple[str, bytes]]:
        plain, charts, built = self._walk()
        reading = self._standing(built)
        yield from self._read(plain)
        for one in reading:
            yield from self._kustomization(one)
        for chart in charts:
            if plain or built:
                message = "it is another way to deploy what lies beside it, and was passed over"
                self._tell("chart-not-rendered", message, chart, _NAME_IT)
            else:
                yield from self._chart(chart)

    def _walk(self) -> tuple[list[Path], list[Path], list[Kustomization]]:
        plain: list[Path] = []
        charts: list[Path] = []
        built: list[Kustomization] = []
        covered: set[str] = set()  # folders whose plain files are a kustomization's affair
        for here, folders, files in os.walk(self._root):
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            if here in covered or kustomization_file(Path(here)) is not None:
                covered.update(str(Path(here, name)) for name in folders)
                if kustomization_file(Path(here)) is not None:
                    built.append(inspect(Path(here), self._limits))
            if "Chart.yaml" in files:
                charts.append(Path(here))
                folders.clear()
            elif here not in covered and not (built and built[-1].folder == Path(here)):
                plain += self._inside(Path(here), files)
            if len(plain) + len(built) > _MOST_FILES:
                raise LimitError(f"{self._root} has more than {_MOST_FILES} manifests")
        return plain, charts, built

    def _inside(self, here: Path, files: Iterable[str]) -> Iterator[Path]:
        """The manifests among these files, without those that a link leads to elsewhere."""
        for name in sorted(files):
            path = here / name
            if not name.lower().endswith(SUFFIXES):
                continue
            if path.is_symlink() and not path.resolve().is_relative_to(self._home):
                self._tell("unreadable-file", "it is a link that leads out of the folder", path)
            elif path.exists() and not path.is_file():  # to open a pipe would wait for ever
                self._tell("unreadable-file", "it is no regular file", path)
            else:
                yield path

    def _standing(self, built: list[Kustomization]) -> list[Kustomization]:
        """The kustomizations to read: those that are no variant of another, and no part of one that is read."""
        homes = {one.folder.resolve() for one in built}
        variants = [one for one in built if one.component or any(not _below(base, one) for base in one.bases)]
        standing = [one for one in built if one not in variants]
        if not standing and len(variants) == 1:
            standing, variants = variants, []
        parts = {part for one in standing for part in one.parts}
        for one in variants:
            known = " that was read" if any(base in homes for base in one.bases) else ""
            if one.folder.resolve() not in parts:
                message = f"it is a variant of another kustomization{known}, and was passed over"
                self._tell("kustomization-not-built", message, one.folder, _NAME_IT)
        return [one for one in standing if one.folder.resolve() not in parts]

    # kustomizations

    def _beside(self, made: Kustomization) -> None:
        """Tell of manifests in the folder that the kustomization does not name: kubectl would not apply them."""
        named = {path.name for path in made.files if path.parent == made.folder} | made.mentioned
        left = [
            name
            for name in sorted(path.name for path in made.folder.iterdir())
            if name.lower().endswith(SUFFIXES) and name not in named and (made.folder / name).is_file()
        ]
        if left:
            message = f"{', '.join(clean(name, 80) for name in left[:5])}{' and others' if len(left) > 5 else ''}"
            what = "is" if len(left) == 1 else "are"
            self._tell(
                "kustomization-beside",
                f"{message} {what} not part of the kustomization, and {what} not read",
                made.folder,
                incomplete=False,
            )

    def _kustomization(self, made: Kustomization) -> Iterator[tuple[str, bytes]]:
        self._beside(made)
        why = made.refused
        if not why and made.gathers:
            texts = list(self._read(made.files))
            if not any(b"config.kubernetes.io/local-config" in data for _, data in texts):
                yield from texts
                return
        if not why:
            out, command = build_kustomization(made.folder, self._limits, self._environment)
            if isinstance(out, bytes):
                called = f"kustomize:{made.folder}"
                self._tell(
                    "kustomization-built",
                    f"was built; lines are those of what `{command} {made.folder}` prints",
                    made.folder,
                    incomplete=False,
                )
                yield called, out
                return
            why = out
        message = f"it is not built: {why}; the files that it names are read as they are"
        self._tell("kustomization-not-built", message, made.folder, "" if made.refused else _KUSTOMIZE_HINT)
        yield from self._read(made.files)

    # charts

    def _chart(self, chart: Path) -> Iterator[tuple[str, bytes]]:
        out = render_chart(chart, self._limits, self._environment)
        if isinstance(out, bytes):
            message = f"was rendered with its own values; lines are those of what `helm template {chart}` prints"
            self._tell("chart-rendered", message, chart, incomplete=False)
            yield f"helm:{chart}", out
            return
        self._tell("chart-not-rendered", f"nothing in this chart is read: {out}", chart, _HELM_HINT)


def render_chart(chart: Path, limits: Limits, environment: Mapping[str, str]) -> bytes | str:
    """What helm makes of a chart with its own values, or why there is nothing."""
    why = _leads_out(chart)
    if why:
        return why
    tool = _tool(environment, ("helm", "template"))
    if tool is None:
        return "there is no helm"
    # what helm's own tests run is in the cluster only while they do
    return _run([*tool, "--skip-tests", _release(chart), str(chart.resolve())], limits, environment)


def build_kustomization(folder: Path, limits: Limits, environment: Mapping[str, str]) -> tuple[bytes | str, str]:
    """What kustomize or kubectl makes of a kustomization that nothing speaks against, or why nothing; and the command."""
    tool = _tool(environment, ("kustomize", "build"), ("kubectl", "kustomize"))
    if tool is None:
        return "there is neither kustomize nor kubectl", ""
    return _run([*tool, str(folder.resolve())], limits, environment), f"{Path(tool[0]).name} {tool[1]}"


def _run(command: list[str], limits: Limits, environment: Mapping[str, str]) -> bytes | str:
    """The output of a tool, or why there is none."""
    try:
        done = run_bounded(
            command,
            environment=_secluded(environment),
            seconds=SECONDS,
            most=min(limits.yaml_bytes, limits.file_bytes),
        )
    except SourceError as error:
        return error.sentence
    if done.code != 0:
        said = clean(done.complaint.strip(), 240) or f"it ended with {done.code}"
        return f"{Path(command[0]).name} refuses: {said}"
    return done.out


def read_file(path: Path, limits: Limits) -> bytes:
    """The content of one file within the bound."""
    with path.open("rb") as file:
        data = file.read(limits.file_bytes + 1)
    if len(data) > limits.file_bytes:
        raise LimitError(f"{path} is larger than {limits.file_bytes} bytes")
    return data


def _below(base: Path, one: Kustomization) -> bool:
    return base.is_relative_to(one.folder.resolve())


def _tool(environment: Mapping[str, str], *choices: tuple[str, str]) -> list[str] | None:
    for name, verb in choices:
        found = shutil.which(name, path=environment.get("PATH", ""))
        if found is not None:
            return [found, verb]
    return None


def _secluded(environment: Mapping[str, str]) -> dict[str, str]:
    """An environment in which nothing is fetched, should a tool try: dead proxies, and no way for git."""
    kept = {key: value for key, value in environment.items() if not key.upper().endswith("_PROXY")}
    kept |= dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"), "http://127.0.0.1:9")
    return kept | {"GIT_ALLOW_PROTOCOL": "none", "GIT_TERMINAL_PROMPT": "0", "KUBECONFIG": os.devnull}


def _release(chart: Path) -> str:
    """A release's name that tells where objects are from: the folder's, as far as helm allows."""
    name = "".join(c if c.isascii() and c.isalnum() else "-" for c in chart.resolve().name.lower())[:40].strip("-")
    return name or "release"


def _leads_out(folder: Path) -> str:
    """Why a tool should not be let at a folder: helm follows links wherever they lead."""
    home = folder.resolve()
    for count, (here, folders, files) in enumerate(os.walk(folder)):
        if count > _MOST_FILES:
            return "it has too many folders"
        for name in (*folders, *files):
            path = Path(here, name)
            if path.is_symlink() and not path.resolve().is_relative_to(home):
                return f"{clean(str(path.relative_to(folder)), 120)} is a link that leads out of it"
    return ""
