"""Rules on images: notes of layers laid over each other, described in a document, judged."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from msgspec.structs import replace

from thwart.core.layer import LayerFacts, Note, Placed
from thwart.core.limits import Limits
from thwart.core.package import FileFacts
from thwart.sources import Image, Source

if TYPE_CHECKING:
    from thwart.rules import Options, Outcome

_LINKED = ("etc/passwd", "etc/shadow")  # what is read through a link


def lay(facts: Sequence[LayerFacts], diff_ids: Sequence[str], limits: Limits) -> tuple[Placed, ...]:
    """The notes of all layers, lowest first, each with whether the final file system still has what it is about."""
    from thwart.catalogers._tree import Tree

    tree = Tree(limits.symlinks)
    noted: list[dict[str, Note]] = []
    for index, one in enumerate(facts):
        if index and one is facts[index - 1]:  # the same layer once more changes nothing
            noted.append({})
        else:
            noted.append({note.path: note for note in one.notes or ()})
            marked = tuple(FileFacts(cataloger="", path=path) for path in noted[-1])
            laid = replace(one, files=marked, wanted_links=())
        tree.add(laid)
    kept = {(by[""].layer, by[""].facts.path): path for path, by in tree.files.items()}
    placed = [
        Placed(note._replace(path=kept.get((layer, path), path)), diff_ids[layer], (layer, path) not in kept)
        for layer, notes in enumerate(noted)
        for path, note in notes.items()
    ]
    final = {one.note.path: one for one in placed if not one.hidden}
    ends = {name: end for name in _LINKED if (end := tree.resolve(name)) != name}
    through = [
        final[end]._replace(note=final[end].note._replace(path=name)) for name, end in ends.items() if end in final
    ]
    return (*placed, *through)


def judge(source: Source, placed: Sequence[Placed], now: datetime, options: Options) -> Outcome:
    """Judge an image, or a root file system."""
    from thwart import rules
    from thwart.rules.image import DOCUMENT

    document: dict[str, object] = {"judged": now.isoformat(), "notes": placed}
    if isinstance(source, Image):
        document |= _configuration(source)
    return rules.check([(DOCUMENT, json.dumps(document).encode())], options)


def _configuration(image: Image) -> Mapping[str, object]:
    config = image.config
    return {
        "config": config.get("config") or {},
        "created": config.get("created"),
        "history": config.get("history"),
        "format": "oci" if any(".oci." in layer.media_type for layer in image.layers) else "docker",
        "layers": [{"diff_id": layer.diff_id, "created_by": layer.created_by} for layer in image.layers],
    }
