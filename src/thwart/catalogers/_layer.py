"""One pass over a layer: what some cataloger wants is parsed on the spot, everything else is only noted by path."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterable, Mapping

from msgspec.structs import replace

from thwart.catalogers import Cataloger
from thwart.catalogers._tree import ancestors
from thwart.core.errors import ParseError
from thwart.core.layer import CannotReopen, LayerFacts, Member, MemberStream, Problem, Request, Watch
from thwart.core.limits import Limits
from thwart.core.package import HEAD, File, FileFacts, NeedRanges, Part
from thwart.lib.inline import comments
from thwart.lib.pathtable import PathTable

PASSES = 4  # first reading, hard links, and what parsers ask for after a look at the first ranges
MOST_TOLD = 1000  # problems of one layer
AUFS = ".wh..wh."
DANGLING = "dangling-link"  # told only when no layer below holds what the link names


def read_layer(
    open_stream: Callable[[], MemberStream],
    members: Mapping[str, Cataloger],
    limits: Limits,
    watch: Watch | None = None,
) -> LayerFacts:
    """Read a layer. `open_stream` is called once, and again only where a hard link or a parser asks for more.

    `watch` sees every entry of the first pass.
    """
    reader = _Reader(members, limits, watch=watch)
    reader.first(open_stream())
    return reader.finish(open_stream)


def read_requests(
    open_stream: Callable[[], MemberStream], members: Mapping[str, Cataloger], limits: Limits, requests: list[Request]
) -> LayerFacts:
    """Read just these files of a layer."""
    return _Reader(members, limits, requests).finish(open_stream)


class _Reader:
    def __init__(
        self,
        members: Mapping[str, Cataloger],
        limits: Limits,
        requests: Iterable[Request] = (),
        watch: Watch | None = None,
    ) -> None:
        self._members = members
        self._limits = limits
        self._table = PathTable((pattern, m.name) for m in members.values() for pattern in m.paths)
        self._magic = [(m.magic, m) for m in members.values() if m.magic]
        self._files: dict[str, dict[str, FileFacts]] = {}
        self._entries: dict[str, str] = {}  # path to kind, in the order in which they were last written
        self._links: dict[str, str] = {}
        self._hard: dict[str, str] = {}
        self._hidden: list[str] = []
        self._opaque: list[str] = []
        self._problems: dict[Problem, None] = {}
        self._requests: list[Request] = list(requests)
        self._watch = watch

    def problem(self, slug: str, message: str, path: str) -> None:
        """Note what could not be read; no more than anybody would look at."""
        if len(self._problems) >= MOST_TOLD:
            slug, message, path = (
                "limit",
                f"more than {MOST_TOLD} things are wrong in one layer; not all are listed",
                "",
            )
        self._problems[Problem(slug, message, path)] = None

    def first(self, stream: MemberStream) -> None:
        """The pass that sees every entry."""
        for member in stream:
            name = clean(member.name)
            if not self._plausible(name, member.name):
                continue
            if ".wh." in name and (name.startswith(AUFS) or name.rpartition("/")[2].startswith(".wh.")):
                self._whiteout(name)
                continue
            kind = member.kind
            if name in self._entries:
                self._forget(name)
            self._entries[name] = kind
            if self._watch is not None:
                self._watch.see(stream, member, name)
            if kind == "0":
                self._file(stream, member, name)
            elif kind == "2":
                self._symlink(name, member.link)
            elif kind == "1":
                self._hard_link(name, clean(member.link))
        self._bury()
        self._follow_hard_links()

    def finish(self, open_stream: Callable[[], MemberStream]) -> LayerFacts:
        """Further passes, as long as something is asked for; then all facts."""
        for _ in range(PASSES):
            requests, self._requests = self._requests, []
            if not requests:
                return self._result()
            try:
                stream = open_stream()
            except CannotReopen:
                why = "is a link or a table that takes a second look, which a stream cannot give"
                return self._give_up(requests, why)
            self._again(stream, requests)
        return self._give_up(self._requests, "a parser asks for more and more of this file")

    def _again(self, stream: MemberStream, requests: list[Request]) -> None:
        """A pass that reads what `requests` name."""
        wanted: dict[str, list[Request]] = {}
        for request in requests:
            wanted.setdefault(request.path, []).append(request)
        for member in stream:
            name = clean(member.name)
            if name not in wanted:
                continue
            if member.kind == "0":
                self._serve(stream, member, wanted[name])
            elif member.kind == "1":
                self._requests += [request._replace(path=clean(member.link)) for request in wanted[name]]
        asked = {(r.cataloger, r.name) for r in self._requests}
        noted = {p.path for p in self._problems}
        for request in requests:
            seen = request.cataloger in self._files.get(request.name, ()) or (request.cataloger, request.name) in asked
            if not seen and request.name not in noted and not self._members[request.cataloger].magic:
                self.problem("unreadable", f"is a link to {request.path}, which is no file of this layer", request.name)

    def _give_up(self, requests: list[Request], why: str) -> LayerFacts:
        for request in requests:
            self.problem("unreadable", why, request.name)
        return self._result()

    def _result(self) -> LayerFacts:
        """All facts, files in the order of the layer: two of its names may be one file, once links below are known."""
        order = [path for path in self._entries if path in self._files] or sorted(self._files)
        links = sorted(self._links.items())
        seen = self._watch
        notes = tuple(note for note in seen.notes() if note.path in self._entries) if seen else None
        return LayerFacts(
            files=tuple(self._files[path][name] for path in order for name in sorted(self._files[path])),
            dirs=tuple(path for path, kind in self._entries.items() if kind == "5"),
            nondirs=tuple(path for path, kind in self._entries.items() if kind != "5"),
            links=tuple(links),
            wanted_links=tuple((path, owner) for path, _ in links for owner in sorted(self._table.match(path))),
            hidden=tuple(dict.fromkeys(self._hidden)),
            opaque=tuple(dict.fromkeys(self._opaque)),
            problems=(*self._problems, *(seen.problems() if seen else ())),
            notes=notes,
        )

    def _plausible(self, name: str, written: str) -> bool:
        if len(name) > self._limits.path_bytes or name.count("/") > self._limits.path_parts:
            self.problem("absurd-name", "a path that is longer or deeper than any system allows", name[:200])
            return False
        if ".." in written and ".." in written.split("/"):
            # placed below the root, as container engines that accept such members do
            self.problem("climbing-name", f"the archive names {written[:200]!r}, outside of its root", name)
        return bool(name)

    def _whiteout(self, name: str) -> None:
        folder, _, base = name.rpartition("/")
        gone = base[4:]
        if base == ".wh..wh..opq":
            self._opaque.append(folder)
        elif name.startswith(AUFS) or base.startswith(AUFS):
            return  # aufs keeps its own books under such names, which engines pass over
        elif gone in ("", ".", ".."):
            self.problem("absurd-name", "a whiteout that names nothing", name)
        else:
            self._hidden.append(f"{folder}/{gone}" if folder else gone)

    def _symlink(self, name: str, target: str) -> None:
        if len(target) > self._limits.path_bytes:
            self.problem("absurd-name", "a link to a path that is longer than any system allows", name)
            return
        self._links[name] = target

    def _hard_link(self, name: str, target: str) -> None:
        """A hard link shares the content of an earlier member, which may be a link of either kind itself."""
        target = self._hard.get(target, target)
        if target in self._links:
            self._entries[name] = "2"
            self._links[name] = self._links[target]
        elif target != name:
            self._hard[name] = target

    def _follow_hard_links(self) -> None:
        """Ask for the content that wanted hard links share; one into a layer below is followed like a symbolic link."""
        for name, target in self._hard.items():
            owners = self._table.match(name)
            if owners and target not in self._entries:
                self._links[name] = "/" + target
                self.problem(DANGLING, f"is a hard link to {target}, which does not exist", name)
            else:
                self._requests += [Request(target, owner, name) for owner in owners]

    def _forget(self, name: str) -> None:
        """Drop what an earlier entry of this layer left at a path."""
        del self._entries[name]
        self._files.pop(name, None)
        self._links.pop(name, None)
        self._hard.pop(name, None)

    def _bury(self) -> None:
        """Drop what lay in a folder whose place a later entry of this layer took."""
        suspects = {path for path in ancestors(self._entries) if self._entries.get(path, "5") != "5"}
        closed: set[str] = set()
        for name in reversed(list(self._entries)) if suspects else ():
            if not closed.isdisjoint(ancestors([name])):
                self._forget(name)
            elif name in suspects:
                closed.add(name)

    def _file(self, stream: MemberStream, member: Member, name: str) -> None:
        owners = self._table.match(name)
        if owners:
            data = self._content(stream, member, name)
            for owner in owners if data is not None else ():
                self._parse(self._members[owner], File(path=name, data=data or b"", size=member.size, mode=member.mode))
            return
        for magic, cataloger in self._magic:
            if stream.starts_with(magic):
                self._pick(stream, member, cataloger, name, ())
                return

    def _serve(self, stream: MemberStream, member: Member, requests: list[Request]) -> None:
        whole = [r for r in requests if not self._members[r.cataloger].magic]
        if whole:
            data = self._content(stream, member, whole[0].name)
            for request in whole if data is not None else ():
                file = File(path=request.name, data=data or b"", size=member.size, mode=member.mode)
                self._parse(self._members[request.cataloger], file)
        elif requests:
            first = requests[0]
            self._pick(stream, member, self._members[first.cataloger], first.name, first.ranges)

    def _content(self, stream: MemberStream, member: Member, name: str) -> bytes | None:
        if member.size > self._limits.file_bytes:
            self.problem("too-large", f"{member.size} bytes are more than the {self._limits.file_bytes} read", name)
            return None
        return stream.read(self._limits.file_bytes)

    def _pick(
        self,
        stream: MemberStream,
        member: Member,
        cataloger: Cataloger,
        name: str,
        ranges: tuple[tuple[int, int], ...],
    ) -> None:
        head = stream.head(HEAD)
        file = File(path=name, data=head, size=member.size, mode=member.mode)
        if not ranges and cataloger.ranges is not None:
            try:
                ranges = cataloger.ranges(head, member.size)
            except Exception as error:  # noqa: BLE001 - see _parse
                self._files.setdefault(name, {})[cataloger.name] = _crashed(cataloger, file, error)
            if not ranges:
                return
        wanted = _merge(ranges, member.size)
        if sum(length for _, length in wanted) > self._limits.file_bytes:
            self.problem("too-large", f"its tables take more than {self._limits.file_bytes} bytes", name)
            return
        parts = tuple(Part(offset, data) for offset, data in stream.ranges(wanted))
        self._parse(cataloger, replace(file, parts=parts), ranges)

    def _parse(self, cataloger: Cataloger, file: File, ranges: tuple[tuple[int, int], ...] = ()) -> None:
        try:
            facts = cataloger.parse(file, self._limits)
        except NeedRanges as need:
            self._requests.append(Request(file.path, cataloger.name, file.path, (*ranges, *need.ranges)))
            return
        except ParseError as error:
            where = f"line {error.line}: " if error.line else ""
            facts = _failed(cataloger, file, "unreadable", where + error.reason)
        except Exception as error:  # noqa: BLE001 - a member that crashes is a diagnostic, never a clean result
            facts = _crashed(cataloger, file, error)
        if not cataloger.images:
            # an image is not asked what to think of it; a repository's own files are
            facts = replace(facts, ignores=tuple(comments(file.data)))
        if facts.found or facts.owns or facts.release or facts.problems or not cataloger.magic:
            self._files.setdefault(file.path, {})[cataloger.name] = facts


def clean(name: str) -> str:
    """A member's name as a path below the root: no leading slash, no `.`, and `..` stays inside the root."""
    name = name.removeprefix("./")
    if "./" in name or "//" in name or name.endswith(("/.", "/..")) or name in (".", ".."):
        name = posixpath.normpath("/" + name)
    return name.strip("/")


def _failed(cataloger: Cataloger, file: File, slug: str, reason: str) -> FileFacts:
    return FileFacts(cataloger=cataloger.name, path=file.path, problems=((slug, reason),))


def _crashed(cataloger: Cataloger, file: File, error: Exception) -> FileFacts:
    reason = f"the {cataloger.name} cataloger crashed ({type(error).__name__}: {error}); this is a bug"
    return _failed(cataloger, file, "cataloger-crashed", reason)


def _merge(ranges: tuple[tuple[int, int], ...], size: int) -> list[tuple[int, int]]:
    """Sorted, joined and within the file, so that one forward pass can serve them."""
    merged: list[tuple[int, int]] = []
    for offset, length in sorted(ranges):
        end = min(offset + length, size)
        if merged and 0 <= offset <= sum(merged[-1]):
            start = merged[-1][0]
            merged[-1] = (start, max(sum(merged[-1]), end) - start)
        elif 0 <= offset < end:
            merged.append((offset, end - offset))
    return merged
