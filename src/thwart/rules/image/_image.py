"""An image as its rules see it, and the document that describes one.

A document is a mapping. `config` is what the OCI image configuration has there, or nothing for a root file system; so are
`created` and `history`. `layers` names each layer's `diff_id` and `created_by`; `format` is `docker` or `oci`; `judged` is the
moment of judgement. A scan gives `notes`: rows of note, diffID and whether a later layer hides it. Examples give `files`
instead: `path`, and where they matter `mode` (in octal), `uid`, `gid`, `content`, `kind`, `layer` and `deleted`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import TYPE_CHECKING

from thwart.core.package import Location
from thwart.lib.documents import DocumentError
from thwart.rules._view import Hit, View, listed
from thwart.rules.image._commands import shown

if TYPE_CHECKING:
    from thwart.core.layer import Member, Note, Placed
    from thwart.rules import Source

CONFIGURATION = "image configuration"  # the path of findings in it
_ROOT = "root"


class Image(View):
    """An image, or the root file system of one."""

    document = 0
    partial = False

    def __init__(self, node: object, placed: tuple[Placed, ...]) -> None:
        super().__init__(node)
        self.placed = placed

    @property
    def configured(self) -> bool:
        """Whether there is a configuration to judge."""
        return isinstance(self.at("config"), dict)

    @property
    def name(self) -> str:
        """What a reader calls it."""
        return "the image" if self.configured else "the file system"

    @cached_property
    def files(self) -> tuple[Placed, ...]:
        """What is in the final file system."""
        return tuple(one for one in self.placed if not one.hidden)

    def holding(self, *what: str) -> list[Placed]:
        """Files of the final file system that hold one of these."""
        return [one for one in self.files if one.note.holds in what]

    @cached_property
    def accounts(self) -> dict[str, int] | None:
        """Numbers of users by name; None where /etc/passwd was not read. Of equal names the first counts."""
        rows = [one.note.detail for one in self.holding("passwd") if one.note.path == "etc/passwd"]
        if not rows:
            return None
        return {row[0]: int(row[1]) for row in reversed(rows[-1])}

    @property
    def user(self) -> str:
        """The user without the group, as stated."""
        return self.text("config", "User").partition(":")[0].strip()

    @property
    def uid(self) -> int | None:
        """The number of the user that the image runs as; None where it is not known."""
        if not self.configured:
            return None
        user = self.user
        if user.isascii() and user.isdigit():
            return int(user[:20])
        return 0 if user in ("", _ROOT) else (self.accounts or {}).get(user)

    @property
    def gid(self) -> int | None:
        """The number of the group, where it is stated as one."""
        group = self.text("config", "User").partition(":")[2].strip()
        return int(group[:20]) if group.isascii() and group.isdigit() else None

    def environment(self) -> Iterator[tuple[int, str, str]]:
        """Variables: place in the list, name, value."""
        for index, text in enumerate(self.words("config", "Env")):
            name, _, value = text.partition("=")
            yield index, name, value

    @cached_property
    def path(self) -> frozenset[str]:
        """The folders of PATH, without a leading slash."""
        stated = next((value for _, name, value in self.environment() if name == "PATH"), "")
        usual = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        return frozenset(folder.strip("/") for folder in (stated or usual).split(":") if folder.startswith("/"))

    def layer_told(self, diff_id: str) -> str:
        """What made a layer, for a phrase."""
        for layer in self.entries("layers"):
            if layer.text("diff_id") == diff_id:
                made = shown(layer.text("created_by"))
                return f"layer {diff_id[:19]}" + (f" ({made})" if made else "")
        return f"layer {diff_id[:19]}" if diff_id else "a layer"

    def stated(self, phrase: str, *steps: str | int, part: str = "") -> Hit:
        """A finding in the configuration."""
        return Hit(steps, phrase, part, at=Location(path=CONFIGURATION))

    def found(self, one: Placed, phrase: str, *, part: str | None = None) -> Hit:
        """A finding in a file."""
        at = Location(path=one.note.path, layer=one.layer)
        return Hit((), phrase, one.note.path if part is None else part, at=at)

    def grouped(self, found: Iterable[Placed], phrase: str) -> Iterator[Hit]:
        """One finding for files that belong together."""
        files = list(found)
        told = f"{phrase}: {listed([one.note.path for one in files])}"
        return (self.found(one, told, part="") for one in files)


def read_image(source: Source) -> Iterator[Image]:
    """The image of a document.

    Raises:
        DocumentError: it is none.
    """
    root = next(iter(source.values()), None)
    if not isinstance(root, dict):
        raise DocumentError("this describes no image")
    view = View(root)
    try:
        told = [_placed(row) for row in view.values("notes")]
    except (TypeError, ValueError):
        raise DocumentError("the notes on the files of this image are none") from None
    yield Image(root, (*told, *_described(view)))


def _placed(row: object) -> Placed:
    if not isinstance(row, list):
        raise TypeError
    from thwart.core.layer import Placed, note_of

    note, layer, hidden = row
    return Placed(note_of(note), str(layer), bool(hidden))


def _described(view: View) -> Iterator[Placed]:
    """The files of an example, watched as those of a layer are."""
    from thwart.core.layer import Placed
    from thwart.rules.image._watch import Watch

    for file in view.entries("files"):
        stream, watch = _Example(file), Watch()
        watch.see(stream, stream.member, stream.member.name)
        for note in watch.notes():
            yield Placed(note, file.text("layer"), file.flag("deleted") is True)


class _Example:
    """A file of an example as a `MemberStream`."""

    def __init__(self, file: View) -> None:
        from thwart.core.layer import Member

        self._file = file
        self._data = file.text("content").encode()
        kind, mode = file.text("kind"), file.text("mode")
        flag = {"folder": "5", "link": "2", "device": "4"}.get(kind, "0")
        bits = int(mode, 8) if mode and not mode.strip("01234567") else 0o644
        self.member = Member(file.text("path"), flag, len(self._data), bits, "")

    def __iter__(self) -> Iterator[Member]:
        yield self.member

    def read(self, limit: int) -> bytes:
        return self._data[:limit]

    head = read

    def starts_with(self, magic: bytes) -> bool:
        return self._data.startswith(magic)

    def ranges(self, wanted: list[tuple[int, int]]) -> list[tuple[int, bytes]]:
        return [(start, self._data[start : start + length]) for start, length in wanted]

    def owner(self) -> tuple[int, int]:
        return int(self._file.number("uid") or 0), int(self._file.number("gid") or 0)


def runnable(note: Note) -> bool:
    """Whether it is a program."""
    return note.kind == "0" and bool(note.mode & 0o111)
