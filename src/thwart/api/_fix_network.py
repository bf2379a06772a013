"""Network policies as a fix: a default-deny where it lacks, and the least policies that intents need, proved before use."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from thwart.core.edit import Append
from thwart.core.errors import ThwartError

if TYPE_CHECKING:
    from thwart.api.net._load import Network
    from thwart.core.limits import Limits

RULE = "namespace-without-default-deny"
NAME = "networkpolicy-default-deny.yaml"
_KUSTOMIZATIONS = ("kustomization.yaml", "kustomization.yml", "Kustomization")


class Policies(Struct, frozen=True, kw_only=True):
    """What the network fix came to: contents of files before (None for new ones) and after, or why there are none.

    `namespaces` are those that lacked a default.
    """

    namespaces: tuple[str, ...] = ()
    changes: Mapping[str, tuple[bytes | None, bytes]]
    reason: str = ""


def network_fix(
    paths: Sequence[str], intents: Sequence[tuple[str, bytes]], files: Mapping[str, bytes], limits: Limits
) -> Policies:
    """Policies for the namespaces whose pods nothing isolates.

    Nothing is made unless the engine proves that exactly what intents ask for stays possible, beside what existing
    policies allow, and that no intent fares worse than before.

    Args:
        paths: files and folders with manifests.
        intents: files of intents, by name.
        files: contents of the files as they will be, for a kustomization that has to list the new one.
        limits: bounds on each file.
    """
    from thwart.api.net._load import load_network
    from thwart.api.net.lint import lint_network

    try:
        network = load_network(paths, limits=limits)
        found = lint_network(network, only=[RULE]).findings
        names = {one.what.removeprefix("Namespace "): one.place.path for one in found}
        if not names:
            return Policies(changes={})
        text, reason = _made(network, intents, limits)
        if not reason:
            reason = _objection(paths, network, text, intents, limits)
        if reason:
            return Policies(namespaces=tuple(names), changes={}, reason=reason)
    except ThwartError as error:
        return Policies(changes={}, reason=error.sentence)
    return Policies(namespaces=tuple(names), changes=_placed(text, list(names.values()), paths, files, limits))


def _made(network: Network, intents: Sequence[tuple[str, bytes]], limits: Limits) -> tuple[str, str]:
    """The policies as YAML, or why they cannot be used."""
    from thwart.api.net.synth import Synthesizer
    from thwart.network.synthesis.asking import Options

    synthesizer = Synthesizer(network, Options(keep_existing=True))
    synthesizer.add_intents(intents, limits=limits)
    made = synthesizer.make()
    if network.incomplete:
        return "", "the manifests could not be read whole, so that nothing about their network is proved"
    if not made.proof.holds:
        return "", "the engine does not prove that the policies allow exactly what the intents ask for"
    return made.text, ""


def _objection(
    paths: Sequence[str], before: Network, text: str, intents: Sequence[tuple[str, bytes]], limits: Limits
) -> str:
    """The first intent that fares worse with the policies."""
    from thwart.api.net._load import load_network
    from thwart.api.net.verify import read_intents, verify_network

    meant = read_intents(intents, limits)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / NAME
        file.write_text(text, encoding="utf-8")
        after = load_network([*paths, str(file)], limits=limits)
        verdicts = [verify_network(network, meant).outcomes for network in (before, after)]
    for old, new in zip(*verdicts, strict=True):
        if old.status == "held" and new.status != "held":
            return f"the intent {new.intent.name!r} would be {new.status}"
    return ""


def _placed(
    text: str, homes: Sequence[str], paths: Sequence[str], files: Mapping[str, bytes], limits: Limits
) -> dict[str, tuple[bytes | None, bytes]]:
    """The new file beside the manifests, and the kustomization of that folder with one line more."""
    from thwart.fixes import mend

    folder = _folder(homes, paths)
    path = os.path.normpath(folder / _free(folder))
    changes: dict[str, tuple[bytes | None, bytes]] = {path: (None, text.encode())}
    for name in _KUSTOMIZATIONS:
        listing = os.path.normpath(folder / name)
        if not Path(listing).is_file():
            continue
        before = files.get(listing) or Path(listing).read_bytes()
        mended = mend(before, [[Append(pointer=("resources",), value=Path(path).name)]], limits)
        if mended.data != before:
            changes[listing] = (before, mended.data)
    return changes


def _folder(homes: Sequence[str], paths: Sequence[str]) -> Path:
    """The folder of the manifests that speak of the namespaces, or the first that was named."""
    places = {os.path.dirname(one) for one in homes if one}  # noqa: PTH120
    if len(places) == 1:
        return Path(places.pop())
    first = Path(paths[0])
    return first if first.is_dir() else first.parent


def _free(folder: Path) -> str:
    """A name that no file has."""
    stem, _, end = NAME.partition(".")
    names = (NAME, *(f"{stem}-{number}.{end}" for number in range(2, 1000)))
    return next(name for name in names if not (folder / name).exists())
