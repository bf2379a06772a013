"""A live cluster, read through its API: what it serves is discovered, listed page by page and told apart by kind.

Only GET requests are made (Kubernetes API concepts, "Retrieving large results sets in chunks").
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from typing import IO, NamedTuple
from urllib.parse import urlencode

import msgspec

from thwart.api.net._cluster_config import find_access
from thwart.api.net._cluster_kinds import Resource, chosen, discover
from thwart.api.net._cluster_wire import Reply, Wire
from thwart.core.errors import LimitError
from thwart.core.finding import Diagnostic
from thwart.core.limits import Limits
from thwart.lib import json_bounded
from thwart.lib.documents import DocumentError
from thwart.sources._registry_errors import clean

PREFIX = "cluster:"
PAGE = 500  # objects asked for at once, as kubectl does
_MOST_PAGES = 4_000  # of one kind
_MOST_VALUES = 40_000_000  # JSON values of one page
_RESTARTS = 3  # of a list whose snapshot the server gave up
_IN_MEMORY = 32 << 20  # bytes of one kind; more goes to a file that has no name
_JSON = "application/json"

Progress = Callable[[int], None]


def read_cluster(
    name: str,
    limits: Limits,
    unread: list[Diagnostic],
    environment: Mapping[str, str] | None = None,
    progress: Progress | None = None,
) -> Iterator[tuple[str, bytes]]:
    """The objects of `cluster:` or `cluster:CONTEXT` that have to do with the network, as files.

    A policy or a Service is a file of its own, laid out as `kubectl get KIND NAME -o json` prints it, so that lines
    mean something; pods and the like come in pages. What cannot be read is added to `unread`.

    Raises:
        SourceError: no such context, no way to the cluster, or no answer that can be understood.
    """
    environment = os.environ if environment is None else environment
    access = find_access(name.removeprefix(PREFIX), environment, limits)
    label = f"{PREFIX}{clean(access.name, 120)}"
    wire = Wire(access, environment, limits)
    try:
        found = discover(wire, limits, label)
        unread += found.problems
        for resource in chosen(found.resources):
            yield from _Lister(wire, resource, label, limits, unread, progress or _silent).files()
    finally:
        wire.close()


def _silent(_: int) -> None:
    return


class _ListMeta(msgspec.Struct, rename="camel"):
    continue_: str | None = msgspec.field(default=None, name="continue")


class _List(msgspec.Struct):
    kind: str | None = None
    metadata: _ListMeta | None = None
    items: msgspec.Raw = msgspec.Raw(b"null")


class _Status(msgspec.Struct):
    kind: str | None = None
    message: str | None = None


class _Span(NamedTuple):
    start: int
    length: int


class _ExpiredError(Exception):
    """The server gave up the snapshot that the pages come from (410)."""


class _Lister:
    def __init__(
        self,
        wire: Wire,
        resource: Resource,
        label: str,
        limits: Limits,
        unread: list[Diagnostic],
        progress: Progress,
    ) -> None:
        self._wire = wire
        self._resource = resource
        self._place = f"{label}/{resource.where}"
        self._limits = limits
        self._unread = unread
        self._progress = progress

    def files(self) -> Iterator[tuple[str, bytes]]:
        """All objects of the kind. They are gathered first: a list that must begin anew must leave nothing behind."""
        with tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY) as spool:
            spans = self._gather(spool)
            for span in spans:
                spool.seek(span.start)
                yield from self._shaped(msgspec.Raw(spool.read(span.length)))

    def _gather(self, spool: IO[bytes]) -> list[_Span]:
        for _ in range(_RESTARTS):
            spool.seek(0)
            spool.truncate()
            try:
                return list(self._pages(spool))
            except _ExpiredError:
                continue
            except _UnlistedError as error:
                self._tell(error.slug, error.sentence, error.hint)
                return []
        self._tell("cluster-unread", f"the server gave up the list of {self._resource.where} again and again")
        return []

    def _tell(self, slug: str, message: str, hint: str = "") -> None:
        self._unread.append(Diagnostic(slug=slug, message=message, path=self._place, hint=hint))

    def _pages(self, spool: IO[bytes]) -> Iterator[_Span]:
        token, seen = "", set[str]()
        while True:
            page = self._page(token)
            start = spool.tell()
            spool.write(bytes(page.items))
            yield _Span(start, spool.tell() - start)
            token = (page.metadata.continue_ if page.metadata else None) or ""
            if not token:
                return
            if token in seen or len(seen) >= _MOST_PAGES:
                raise _UnlistedError("cluster-unread", f"the list of {self._resource.where} does not end")
            seen.add(token)

    def _page(self, token: str) -> _List:
        query = {"limit": str(PAGE)} | ({"continue": token} if token else {})
        target = f"{self._resource.target}?{urlencode(query)}"
        try:
            reply = self._wire.get(target, _JSON, f"the list of {self._resource.where}")
        except LimitError as error:
            raise _UnlistedError("cluster-unread", error.sentence) from None
        self._progress(len(reply.body))
        if reply.status == 410:
            raise _ExpiredError
        if reply.status != 200:
            raise self._refusal(reply)
        return self._understood(reply.body)

    def _understood(self, body: bytes) -> _List:
        garbage = _UnlistedError("cluster-unread", f"the list of {self._resource.where} cannot be understood")
        try:
            page = json_bounded.load_as(body, _List, max_bytes=self._limits.file_bytes, max_items=_MOST_VALUES)
        except DocumentError as error:
            raise _UnlistedError("cluster-unread", f"the list of {self._resource.where}: {error.reason}") from None
        if page is None or not (page.kind or "").endswith("List") or bytes(page.items)[:1] not in (b"[", b"n"):
            raise garbage
        return page

    def _refusal(self, reply: Reply) -> _UnlistedError:
        what = self._resource.where
        if reply.status == 403:
            verb = f"kubectl auth can-i list {what} -A"
            return _UnlistedError("cluster-forbidden", f"this user may not list {what}", f"see `{verb}`")
        try:
            said = clean(msgspec.json.decode(reply.body, type=_Status).message or "", 160)
        except (msgspec.MsgspecError, ValueError, RecursionError):
            said = ""
        return _UnlistedError(
            "cluster-unread", f"{what} cannot be listed: {said or 'no reason given'} ({reply.status})"
        )

    def _shaped(self, items: msgspec.Raw) -> Iterator[tuple[str, bytes]]:
        kind, api = self._resource.kind, self._resource.api
        if bytes(items)[:1] != b"[":
            return
        if self._resource.bulk:
            # line feeds say that places in here are no lines that anybody could look up
            head = msgspec.json.encode({"kind": f"{kind}List", "apiVersion": api})
            yield self._place, b"\n\n" + head[:-1] + b',"items":' + bytes(items) + b"}"
            return
        try:
            objects = msgspec.json.decode(bytes(items), type=list[dict[str, object]])
        except (msgspec.MsgspecError, ValueError, RecursionError):
            self._tell("cluster-unread", f"the list of {self._resource.where} cannot be understood")
            return
        for one in objects:
            meta = one.get("metadata")
            if isinstance(meta, dict):
                meta.pop("managedFields", None)
            whole = {"apiVersion": api, "kind": kind} | one
            laid = msgspec.json.format(msgspec.json.encode(whole, order="sorted"), indent=4)
            yield self._named(meta), laid + b"\n"

    def _named(self, meta: object) -> str:
        if not isinstance(meta, dict):
            return self._place
        parts = [str(meta[key]) for key in ("namespace", "name") if isinstance(meta.get(key), str)]
        return "/".join((self._place, *(clean(part, 253) for part in parts)))


class _UnlistedError(Exception):
    """One kind that cannot be read; the others can."""

    def __init__(self, slug: str, sentence: str, hint: str = "") -> None:
        super().__init__(sentence)
        self.slug, self.sentence, self.hint = slug, sentence, hint
