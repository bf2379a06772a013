"""The user of the image may change programs that it runs.

Whoever takes over the service can put a program of their own in the place of one that runs next, also after a restart where the
file system is kept. The user should be able to read and run programs, not to write them.

Fix: Leave programs to root: `COPY --chown=root:root --chmod=0755`, and give the user only the folders for its data.
No edit is offered: the image is not the Dockerfile it was built from.

Bad:
    config: {User: "10001"}
    files:
      - {path: usr/local/bin/server, mode: "0755", uid: 10001}

Good:
    config: {User: "10001"}
    files:
      - {path: usr/local/bin/server, mode: "0755"}
      - {path: data, kind: folder, mode: "0700", uid: 10001}
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.core.layer import Note
from thwart.rules._view import Hit
from thwart.rules.image import Image, image_rule
from thwart.rules.image._image import runnable


@image_rule(Severity.LOW, "nist-800-190:4.1.2")
def program_writable_by_user(image: Image) -> Iterator[Hit]:
    """Programs anywhere, and folders of PATH, that belong to the user or to its group with the right to write."""
    uid = image.uid
    if not uid:
        return
    found = [one for one in image.files if runnable(one.note) or (one.note.kind == "5" and one.note.path in image.path)]
    mine = [one for one in found if one.note.uid == uid or _shared(one.note, image.gid)]
    yield from image.grouped(mine, f"runs as {image.user[:40]}, who may change programs")


def _shared(note: Note, gid: int | None) -> bool:
    return bool(note.mode & 0o020) and gid is not None and note.gid == gid
