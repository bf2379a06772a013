"""Edits from what the user gives: digests of images from a lock, limits from what was observed."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import NamedTuple

from msgspec import Struct, field
from msgspec.structs import replace

from thwart.core.edit import Edit, Lines, Mend, Pointer, Put
from thwart.core.errors import UsageError
from thwart.core.finding import Evidence, Finding
from thwart.core.limits import Limits
from thwart.fixes._documents import Documents
from thwart.fixes._tree import MendError
from thwart.lib import json_bounded, reference, toml_bounded
from thwart.lib.documents import DocumentError

_UNPINNED = re.compile(r".*-without-digest|floating-.*|undigested-image|latest-image")
_LIMITS = {
    "memory": re.compile(r"no-(?:container-)?memory-(limit|request)"),
    "cpu": re.compile(r"no-(?:container-)?cpu-(limit|request)"),
}
_QUANTITIES = {
    "memory": re.compile(r"[0-9]{1,18}(?:k|Ki|[MGT]i?)?"),
    "cpu": re.compile(r"[0-9]{1,9}m?|[0-9]{1,6}\.[0-9]{1,3}"),
}
_SERVICE_KEYS = frozenset({"mem_limit", "memory", "cpus"})
_BYTES = 8 << 20


class Needs(NamedTuple):
    """Memory and processors of a container, as Kubernetes quantities; empty where they are not known."""

    memory: str = ""
    cpu: str = ""


_UNKNOWN = Needs()


class Given(Struct, frozen=True, kw_only=True):
    """What the user knows and rules cannot. `lock` has digests by canonical reference, `observed` needs by name.

    `default` is for containers that were not observed; without it they get no limits.
    """

    lock: Mapping[str, str] = field(default_factory=dict)
    observed: Mapping[str, Needs] = field(default_factory=dict)
    default: Needs = _UNKNOWN


def read_lock(name: str, data: bytes) -> dict[str, str]:
    """Digests by canonical reference: a JSON or TOML mapping of references to digests, or lines `image@digest`.

    Raises:
        UsageError: it is none of them, or names no image or digest.
    """
    found = _mapping(name, data)
    pairs = list(found.items()) if found is not None else [_line(name, one) for one in _text(name, data)]
    lock = {}
    for image, digest in pairs:
        try:
            lock[_unpinned(reference.parse(image))] = reference.check_digest(str(digest).rpartition("@")[2])
        except reference.ReferenceError_ as error:
            raise UsageError(f"{name}: {image[:200]}: {error}") from None
    if not lock:
        raise UsageError(f"{name} names no image")
    return lock


def read_observed(name: str, data: bytes) -> dict[str, Needs]:
    """Needs by container or `workload/container`: JSON such as `{"web": {"memory": "200Mi", "cpu": "250m"}}`.

    Raises:
        UsageError: it is something else.
    """
    found = _mapping(name, data)
    if found is None:
        raise UsageError(f"{name} is no mapping of names to memory and cpu")
    needs = {}
    for key, value in found.items():
        if not isinstance(value, dict) or not value or set(value) - {"memory", "cpu"}:
            raise UsageError(f"{name}: {key[:100]} must have memory or cpu and nothing else")
        needs[key] = needs_of(f"{name}: {key[:100]}", value)
    return needs


def needs_of(name: str, value: Mapping[str, object]) -> Needs:
    """Quantities, checked.

    Raises:
        UsageError: one is none.
    """
    for key, one in value.items():
        if not _QUANTITIES[key].fullmatch(str(one)):
            raise UsageError(f"{name}: {str(one)[:40]!r} is no quantity", "write 256Mi of memory and 500m of cpu")
    return Needs(str(value.get("memory", "")), str(value.get("cpu", "")))


def given_edits(finding: Finding, data: bytes, given: Given, limits: Limits) -> Mend | None:
    """The edits that close a finding by what the user gave; None where that says nothing about it."""
    if given.lock and _UNPINNED.fullmatch(finding.id):
        return _all(finding, partial(_pinned, data=data, lock=given.lock, limits=limits), safe=True)
    for resource, pattern in _LIMITS.items():
        asked = pattern.fullmatch(finding.id)
        if asked:
            edit = partial(_limited, data=data, given=given, asked=(resource, asked[1]), limits=limits)
            return _all(finding, edit, safe=False)
    return _observed_service(finding, given.observed) if finding.fix else None


def _observed_service(finding: Finding, observed: Mapping[str, Needs]) -> Mend | None:
    """The limits of a Compose service, whose rules know where they are written, with what was observed."""
    edits = finding.fix.edits if finding.fix else ()
    made = []
    for edit in edits:
        if not isinstance(edit, Put) or edit.pointer[:1] != ("services",) or edit.pointer[-1] not in _SERVICE_KEYS:
            return None
        needs = observed.get(str(edit.pointer[1]), _UNKNOWN)
        cpu = edit.pointer[-1] == "cpus"
        value: object = _processors(needs.cpu) if cpu else needs.memory.removesuffix("i").lower()
        if not value:
            return None
        made.append(replace(edit, value=str(value) if isinstance(edit.value, str) else value))
    return Mend(edits=tuple(made), safe=False) if made else None


def _processors(quantity: str) -> float:
    """A Kubernetes quantity of processors as a number: `250m` is 0.25."""
    return float(quantity.removesuffix("m")) / (1000 if quantity.endswith("m") else 1) if quantity else 0.0


def _all(finding: Finding, edit: Callable[[Evidence], Edit | None], *, safe: bool) -> Mend | None:
    edits = [edit(one) for one in finding.evidence]
    made = [one for one in edits if one is not None]
    return Mend(edits=tuple(made), safe=safe) if made and len(made) == len(edits) else None


def _pinned(place: Evidence, data: bytes, lock: Mapping[str, str], limits: Limits) -> Edit | None:
    """The reference to an image with its digest."""
    if not place.pointer:
        return _pinned_word(place, data, lock)
    found = _follow(place, data, limits)
    if found is None or not isinstance(found.value, str):
        return None
    pinned = _with_digest(found.value, lock)
    return Put(pointer=found.pointer, value=pinned, document=found.document) if pinned else None


def _pinned_word(place: Evidence, data: bytes, lock: Mapping[str, str]) -> Lines | None:
    """The same in a Dockerfile, where the finding stands at the name of the image."""
    lines = data.decode("utf-8", "replace").split("\n")
    number, column = place.location.line, place.location.column
    if not 0 < number <= len(lines):
        return None
    line = lines[number - 1].removesuffix("\r")
    word = re.match(r"[^\s,]*", line[column - 1 :])
    pinned = _with_digest(word[0], lock) if word else ""
    if not word or not pinned:
        return None
    text = line[: column - 1] + pinned + line[column - 1 + len(word[0]) :]
    return Lines(first=number, last=number, text=text + "\n")


def _with_digest(image: str, lock: Mapping[str, str]) -> str:
    try:
        parsed = reference.parse(image)
    except reference.ReferenceError_:
        return ""
    digest = "" if parsed.digest else lock.get(_unpinned(parsed), "")
    return f"{image}@{digest}" if digest else ""


def _unpinned(image: reference.Reference) -> str:
    """What a lock knows an image by: registry, repository and tag, which is `latest` where none is written."""
    return f"{image.registry}/{image.repository}:{image.tag or 'latest'}"


def _limited(place: Evidence, data: bytes, given: Given, asked: tuple[str, str], limits: Limits) -> Put | None:
    """The limit or request of the container that lacks it."""
    found = _follow(place, data, limits)
    if found is None or found.container is None:
        return None
    pointer, container = found.container
    name = container.get("name")
    owner = f"{found.owner}/{name}"
    needs = given.observed.get(owner) or given.observed.get(str(name)) or given.default
    resource, kind = asked
    value = getattr(needs, resource) or getattr(given.default, resource)
    if not value:
        return None
    return Put(pointer=(*pointer, "resources", f"{kind}s", resource), value=value, document=found.document)


class _Found(NamedTuple):
    """Where evidence leads: the document, the pointer with its numbers, the value, the container on the way to it."""

    document: int
    pointer: Pointer
    value: object
    container: tuple[Pointer, dict[str, object]] | None
    owner: str


def _follow(place: Evidence, data: bytes, limits: Limits) -> _Found | None:
    try:
        values = Documents.read(data.decode("utf-8-sig"), limits).values
    except (MendError, UnicodeDecodeError):
        return None
    # evidence names a line of the file, and a pointer from the root of the document that has it
    begun = [n for n, one in enumerate(values) if getattr(one, "place", (1, 1))[0] <= place.location.line]
    document = begun[-1] if begun else 0
    node: object = values[document] if values else None
    owner = _name(node)
    pointer: list[str | int] = []
    container: tuple[Pointer, dict[str, object]] | None = None
    for part in place.pointer.split("/")[1:]:
        step: str | int = part.replace("~1", "/").replace("~0", "~")
        if isinstance(node, list):
            step = int(part) if part.isdigit() else -1
            node = node[step] if 0 <= step < len(node) else None
            if isinstance(node, dict) and pointer[-1:] and str(pointer[-1]).lower().endswith("containers"):
                container = ((*pointer, step), node)
        else:
            node = node.get(step) if isinstance(node, dict) else None
        pointer.append(step)
    return _Found(document, tuple(pointer), node, container, owner)


def _name(node: object) -> str:
    metadata = node.get("metadata") if isinstance(node, dict) else None
    return str(metadata.get("name", "")) if isinstance(metadata, dict) else ""


def _mapping(name: str, data: bytes) -> dict[str, object] | None:
    """The mapping that a JSON or TOML file is; None where it is neither."""
    try:
        if data.lstrip()[:1] == b"{":
            found = json_bounded.load(data, max_bytes=_BYTES, max_depth=16, max_items=1_000_000)
            return found if isinstance(found, dict) else None
        return toml_bounded.load(data, max_bytes=_BYTES) if name.endswith(".toml") else None
    except DocumentError as error:
        raise UsageError(f"{name} cannot be read: {error.reason}") from None


def _text(name: str, data: bytes) -> list[str]:
    if len(data) > _BYTES:
        raise UsageError(f"{name} is larger than {_BYTES} bytes")
    lines = (line.partition("#")[0].strip() for line in data.decode("utf-8", "replace").splitlines())
    return [line for line in lines if line]


def _line(name: str, line: str) -> tuple[str, str]:
    image, _, digest = line.partition("@")
    if not digest:
        raise UsageError(f"{name}: {line[:200]!r} has no digest", "write image:tag@sha256:… on each line")
    return image, digest
