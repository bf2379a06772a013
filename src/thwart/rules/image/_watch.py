"""Notes on the entries of a layer, taken while it is read for its packages: nearly all of them come from tar headers."""

from __future__ import annotations

import re

from thwart.core.layer import Member, MemberStream, Note, Problem
from thwart.rules.image import _content

MOST = 20_000  # notes of one layer, of each kind
BUDGET = 256 << 20  # bytes of one layer that are looked at beyond what names ask for

_TOOL = re.compile(
    r"(?P<shell>sh|ash|bash|busybox|csh|dash|fish|ksh|mksh|pwsh|tcsh|toybox|zsh)"
    r"|(?P<manager>apk|apt|apt-get|dnf|dpkg|gem|microdnf|npm|opkg|pacman|pip3?|rpm|tdnf|yum|zypper)"
    r"|(?P<tool>curl|ftp|gcc|gdb|make|nc|ncat|netcat|nmap|rsync|scp|socat|ssh|strace|sudo|tcpdump|telnet|wget)"
)
_CACHES = (
    "var/lib/apt/lists/",
    "var/cache/apt/archives/",
    "var/cache/apk/",
    "etc/apk/cache/",
    "var/cache/dnf/",
    "var/cache/yum/",
    "var/cache/zypp/",
    "var/cache/pacman/pkg/",
    "root/.cache/pip/",
    "root/.cache/uv/",
    "root/.npm/_cacache/",
)
_KEPT = ("/lock", "/partial", "/.keep")  # files that an empty cache has


class Watch:
    """See `thwart.core.layer.Watch`."""

    def __init__(self) -> None:
        self._notes: dict[str, Note] = {}
        self._counts: dict[str, int] = {}
        self._budget = BUDGET
        self._problems: dict[Problem, None] = {}

    def notes(self) -> tuple[Note, ...]:
        """What was noted, in the order of the layer."""
        return tuple(self._notes.values())

    def problems(self) -> tuple[Problem, ...]:
        """What could not be looked at."""
        return tuple(self._problems)

    def see(self, stream: MemberStream, member: Member, path: str) -> None:
        """Look at an entry."""
        if path in self._notes:
            del self._notes[path]
        kind, mode = member.kind, member.mode
        if kind == "0":
            self._file(stream, member, path)
        elif kind == "5":
            uid, gid = stream.owner()
            if uid or (mode & 0o1002) == 0o002 or (gid and mode & 0o020):
                self._add("folder", Note(path, kind, mode, uid, gid))
        elif kind == "1":
            self._hard_link(member, path)
        elif kind == "2":
            if tool := _tool(path):
                self._add(tool, Note(path, kind, mode, *stream.owner(), 0, tool))
        elif kind in "34" and not path.startswith("dev/"):
            self._add("device", Note(path, kind, mode, *stream.owner()))

    def _file(self, stream: MemberStream, member: Member, path: str) -> None:
        mode = member.mode
        holds = self._look(stream, member, path)
        if holds is None and mode & 0o111 and (tool := _tool(path)):
            holds = _content.Look(tool)
        if holds is None and (kept := _left(path)):
            holds = _content.Look(kept)
        if holds is None and not mode & 0o6113:
            return
        uid, gid = stream.owner()
        if holds is not None or mode & 0o6002 or uid or (gid and mode & 0o020):
            told, detail = holds or ("", ())
            self._add(told or "file", Note(path, "0", mode, uid, gid, member.size, told, detail))

    def _look(self, stream: MemberStream, member: Member, path: str) -> _content.Look | None:
        if not member.size or path.startswith(_content.DULL):
            return None
        kinds = _content.kinds(path)
        if not kinds:
            if not stream.starts_with(_content.KEY_START):
                return None
            kinds = ("key",)
        named = kinds not in (("text",), ("key",))
        if not named and member.size > _content.SCANNED and kinds == ("text",):
            return None
        if member.size > _content.LONGEST and kinds[0] in ("passwd", "shadow"):
            message = f"{member.size} bytes are more than the {_content.LONGEST} in which rules look for accounts"
            self._problems[Problem("too-large", message, path)] = None
        data = stream.head(_content.LONGEST if named else _content.SCANNED)
        if not named:
            self._budget -= len(data)
            if self._budget < 0:
                self._enough()
                return None
        return _content.look(path, kinds, data)

    def _hard_link(self, member: Member, path: str) -> None:
        """A second name of a file is as the first: mode, owner, content."""
        first = self._notes.get(member.link.removeprefix("./").strip("/"))
        if first is not None:
            self._add(first.holds or "file", first._replace(path=path))

    def _add(self, which: str, note: Note) -> None:
        count = self._counts[which] = self._counts.get(which, 0) + 1
        if count <= MOST:
            self._notes[note.path] = note
        else:
            self._enough()

    def _enough(self) -> None:
        message = "a layer has more that rules ask about than they look at; not all is judged"
        self._problems[Problem("limit", message, "")] = None


def _tool(path: str) -> str:
    folder, _, name = path.rpartition("/")
    found = _TOOL.fullmatch(name) if folder.endswith("bin") else None
    return found.lastgroup or "" if found else ""


def _left(path: str) -> str:
    """What a build leaves behind, by its path alone."""
    if path.startswith(_CACHES):
        return "" if path.endswith(_KEPT) else "cache"
    return "repository" if path.endswith("/.git/HEAD") else ""
