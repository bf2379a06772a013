"""One pass over a layer: what some cataloger wants is parsed on the spot, everything else is only noted by path."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Mapping

from thwart.catalogers import Cataloger
from thwart.core.errors import ParseError
from thwart.core.layer import CannotReopen, LayerFacts, Member, MemberStream, Problem, Request
from thwart.core.limits import Limits
from thwart.core.package import HEAD, File, FileFacts, NeedRanges, Part
from thwart.lib.pathtable import PathTable

PASSES = 4  # first reading, hard links, and what parsers ask for after a look at the first ranges


def read_layer(open_stream: Callable[[], MemberStream], members: Mapping[str, Cataloger], limits: Limits) -> LayerFacts:
    """Read a layer. `open_stream` is called once, and again only where a hard link or a parser asks for more."""
    reader = _Reader(members, limits)
    reader.first(open_stream())
    for _ in range(PASSES):
        requests = reader.take_requests()
        if not requests:
            return reader.result()
        try:
            stream = open_stream()
        except CannotReopen:
            return reader.give_up(requests, "is a link or a table that takes a second look, which a stream cannot give")
        reader.again(stream, requests)
    return reader.give_up(reader.take_requests(), "a parser asks for more and more of this file")


def read_requests(
    stream: MemberStream, members: Mapping[str, Cataloger], limits: Limits, requests: list[Request]
) -> tuple[FileFacts, ...]:
    """Read just these files of a layer."""
    reader = _Reader(members, limits)
    reader.again(stream, requests)
    return reader.result().files


class _Reader:
    def __init__(self, members: Mapping[str, Cataloger], limits: Limits) -> None:
        self._members = members
        self._limits = limits
        self._table = PathTable((pattern, m.name) for m in members.values() for pattern in m.paths)
        self._magic = [(m.magic, m) for m in members.values() if m.magic]
        self._files: dict[tuple[str, str], FileFacts] = {}
        self._dirs: list[str] = []
        self._nondirs: list[str] = []
        self._links: dict[str, str] = {}
        self._wanted_links: list[tuple[str, str]] = []
        self._hard: dict[str, str] = {}
        self._hidden: list[str] = []
        self._opaque: list[str] = []
        self._problems: list[Problem] = []
        self._requests: list[Request] = []

    def problem(self, slug: str, message: str, path: str) -> None:
        """Note what could not be read."""
        self._problems.append(Problem(slug, message, path))

    def take_requests(self) -> list[Request]:
        """What another pass must read."""
        requests, self._requests = self._requests, []
        return requests

    def first(self, stream: MemberStream) -> None:
        """The pass that sees every entry."""
        for member in stream:
            name = clean(member.name)
            if not self._plausible(name, member.name):
                continue
            if ".wh." in name and name.rpartition("/")[2].startswith(".wh."):
                self._whiteout(name)
            elif member.kind == "0":
                self._nondirs.append(name)
                self._file(stream, member, name)
            elif member.kind == "5":
                self._dirs.append(name)
            else:
                self._nondirs.append(name)
                if member.kind == "2":
                    self._symlink(name, member.link)
                elif member.kind == "1":
                    self._hard[name] = clean(member.link)
        self._follow_hard_links()

    def again(self, stream: MemberStream, requests: list[Request]) -> None:
        """A pass that reads what `requests` name."""
        wanted: dict[str, list[Request]] = {}
        for request in requests:
            wanted.setdefault(request.path, []).append(request)
        for member in stream:
            name = clean(member.name)
            if member.kind == "0" and name in wanted:
                self._serve(stream, member, wanted[name])
        seen = {(facts.cataloger, facts.path) for facts in self._files.values()}
        asked = {(r.cataloger, r.name) for r in self._requests}
        noted = {p.path for p in self._problems}
        for request in requests:
            key = (request.cataloger, request.name)
            if key not in seen and key not in asked and request.name not in noted and not self._is_magic(request):
                self.problem("unreadable", f"is a link to {request.path}, which this layer does not hold", request.name)

    def give_up(self, requests: list[Request], why: str) -> LayerFacts:
        """All facts, and a problem for each file that stays unread."""
        for request in requests:
            self.problem("unreadable", why, request.name)
        return self.result()

    def result(self) -> LayerFacts:
        """All facts, in an order that depends on the content only."""
        return LayerFacts(
            files=tuple(self._files[key] for key in sorted(self._files)),
            dirs=tuple(dict.fromkeys(self._dirs)),
            nondirs=tuple(dict.fromkeys(self._nondirs)),
            links=tuple(sorted(self._links.items())),
            wanted_links=tuple(sorted(set(self._wanted_links))),
            hidden=tuple(dict.fromkeys(self._hidden)),
            opaque=tuple(dict.fromkeys(self._opaque)),
            problems=tuple(dict.fromkeys(self._problems)),
        )

    def _is_magic(self, request: Request) -> bool:
        return bool(self._members[request.cataloger].magic)

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
        if base == ".wh..wh..opq":
            self._opaque.append(folder)
        elif not base.startswith(".wh..wh."):  # aufs keeps its own bookkeeping under such names
            self._hidden.append(f"{folder}/{base[4:]}" if folder else base[4:])

    def _symlink(self, name: str, target: str) -> None:
        self._links[name] = target
        self._forget(name)
        self._wanted_links += [(name, owner) for owner in self._table.match(name)]

    def _follow_hard_links(self) -> None:
        """A hard link shares the content of an earlier member, which may lie under a name that nobody asked for."""
        for name, target in self._hard.items():
            seen = {name}
            while target in self._hard and target not in seen:
                seen.add(target)
                target = self._hard[target]  # noqa: PLW2901 - the chain is followed
            owners = self._table.match(name)
            self._requests += [Request(target, owner, name) for owner in owners]

    def _forget(self, name: str) -> None:
        for owner in self._table.match(name):
            self._files.pop((name, owner), None)

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
        for request in requests:
            if request not in whole:
                self._pick(stream, member, self._members[request.cataloger], request.name, request.ranges)
                return

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
        if not ranges and cataloger.ranges is not None:
            ranges = cataloger.ranges(head, member.size)
            if not ranges:
                return
        wanted = _merge(ranges)
        if sum(length for _, length in wanted) > self._limits.file_bytes:
            self.problem("too-large", f"its tables take more than {self._limits.file_bytes} bytes", name)
            return
        parts = tuple(Part(offset, data) for offset, data in stream.ranges(wanted))
        self._parse(cataloger, File(path=name, data=head, size=member.size, mode=member.mode, parts=parts), ranges)

    def _parse(self, cataloger: Cataloger, file: File, ranges: tuple[tuple[int, int], ...] = ()) -> None:
        key = (file.path, cataloger.name)
        try:
            facts = cataloger.parse(file, self._limits)
        except NeedRanges as need:
            self._requests.append(Request(file.path, cataloger.name, file.path, (*ranges, *need.ranges)))
            return
        except ParseError as error:
            where = f"line {error.line}: " if error.line else ""
            facts = _failed(cataloger, file, "unreadable", where + error.reason)
        except Exception as error:  # noqa: BLE001 - a member that crashes is a diagnostic, never a clean result
            reason = f"the {cataloger.name} cataloger crashed ({type(error).__name__}: {error}); this is a bug"
            facts = _failed(cataloger, file, "cataloger-crashed", reason)
        if facts.found or facts.owns or facts.release or facts.problems or key in self._files or not cataloger.magic:
            self._files[key] = facts


def clean(name: str) -> str:
    """A member's name as a path below the root: no leading slash, no `.`, and `..` stays inside the root."""
    name = name.removeprefix("./")
    if "./" in name or "//" in name or name.endswith(("/.", "/..")) or name in (".", ".."):
        name = posixpath.normpath("/" + name)
    return name.strip("/")


def _failed(cataloger: Cataloger, file: File, slug: str, reason: str) -> FileFacts:
    return FileFacts(cataloger=cataloger.name, path=file.path, problems=((slug, reason),))


def _merge(ranges: tuple[tuple[int, int], ...]) -> list[tuple[int, int]]:
    """Sorted and joined, so that one forward pass can serve them."""
    merged: list[tuple[int, int]] = []
    for offset, length in sorted(ranges):
        if merged and offset <= merged[-1][0] + merged[-1][1]:
            start, size = merged[-1]
            merged[-1] = (start, max(size, offset + length - start))
        elif length > 0:
            merged.append((offset, length))
    return merged
