"""The metadata of a repository of The Update Framework in a folder. Nothing is verified here.

Source: specification 1.0.34, section 3.1 (files) and 6.1 (consistent snapshots): `N.root.json`, `timestamp.json`,
`[N.]snapshot.json`, `[N.]targets.json`, `[N.]ROLE.json` with the role's name percent-encoded.
"""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import unquote

from thwart.core.errors import LimitError, SourceError
from thwart.core.trust import BOUNDS, Evidence, Piece, Reason
from thwart.sources._notary import content_of

_NAME = re.compile(r"(?:([1-9][0-9]{0,18})\.)?(.+)\.json")
_FILES = 4096


def read_folder(folder: Path) -> Evidence:
    """The metadata files in a folder, or in its `metadata`; of a role's versions the newest first.

    Raises:
        SourceError: there is no metadata. LimitError: more files than anybody's repository has.
    """
    base = next((one for one in (folder / "metadata", folder) if any(one.glob("*timestamp.json"))), None)
    if base is None:
        raise SourceError(f"{folder} holds no metadata of a TUF repository", "a file timestamp.json belongs to it")
    named: list[tuple[bool, int, str, str, Path]] = []
    paths = [*base.glob("*.json"), *base.glob("root_history/*.json")]
    if len(paths) > _FILES:
        raise LimitError(f"{base} has more than {_FILES} files")
    for path in paths:
        match = _NAME.fullmatch(path.name)
        if match:
            role = unquote(match[2])
            named.append((role != "root", -int(match[1] or 1 << 62), role, match[1] or "", path))
    pieces, missing = [], []
    for _, _, role, version, path in sorted(named):
        try:
            content = content_of(path)
        except (SourceError, LimitError) as error:
            missing.append(Reason(slug="unreadable", sentence=error.sentence, where=str(path)))
            continue
        where = path.relative_to(base).as_posix()
        notes = {"role": role, "version": version} if version else {"role": role}
        pieces.append(Piece(format="tuf", where=where, content=content, annotations=notes))
    if len(pieces) > BOUNDS.pieces:
        sentence = f"only {BOUNDS.pieces} of {len(pieces)} files were read"
        missing.append(Reason(slug="too-many", sentence=sentence, where=str(base)))
    return Evidence(pieces=tuple(pieces[: BOUNDS.pieces]), missing=tuple(missing))
