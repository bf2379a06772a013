"""Everybody may write files or folders of the image.

Whatever runs in the container, as whichever user, may change what is there, and what another process reads or runs from it.

Fix: Give folders to the one user that writes to them, `COPY --chown=10001`, instead of `chmod 777`; set the sticky
bit where all must write. No edit is offered: the image is not the Dockerfile it was built from.

Bad:
    config: {User: "10001"}
    files:
      - {path: app/plugins, kind: folder, mode: "0777"}

Good:
    config: {User: "10001"}
    files:
      - {path: app/plugins, kind: folder, mode: "0755", uid: 10001}
      - {path: tmp, kind: folder, mode: "1777"}
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.core.layer import Note
from thwart.rules._view import Hit
from thwart.rules.image import Image, image_rule

_MOUNTED = ("dev/", "proc/", "sys/")


@image_rule(Severity.MEDIUM, "nist-800-190:4.1.2")
def world_writable_path(image: Image) -> Iterator[Hit]:
    """Folders without the sticky bit, and files; not what engines mount over."""
    found = [one for one in image.files if _open(one.note) and not one.note.path.startswith(_MOUNTED)]
    yield from image.grouped((one for one in found if one.note.kind == "5"), "has folders that everybody may write to")
    yield from image.grouped((one for one in found if one.note.kind == "0"), "has files that everybody may write to")


def _open(note: Note) -> bool:
    if note.kind == "5":
        return note.mode & 0o1002 == 0o002
    return note.kind == "0" and bool(note.mode & 0o002)
