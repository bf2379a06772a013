"""What vouches for an image: everything that lies beside it in its registry. Nothing of it is believed here.

One round trip per kind, all at once: the tags `sha256-HEX.sig` and `.att` (cosign, SIGNATURE_SPEC), the referrers API, and
the tag `sha256-HEX` that stands in for it (OCI distribution specification 1.1, "Unavailable Referrers API"). What is not
there is nothing; what is there and cannot be read is missing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Any, NamedTuple, Protocol

from thwart.core.errors import SourceError, ThwartError
from thwart.core.trust import BOUNDS, Bounds, Evidence, Piece, Reason
from thwart.sources import Store
from thwart.sources._registry_errors import NotFoundError
from thwart.sources.oci import Descriptor, descriptor, json_object, read_blob, text

_BUNDLE = "application/vnd.dev.sigstore.bundle"
_LAYERS = {
    "application/vnd.dev.cosign.simplesigning.v1+json": "cosign",
    "application/vnd.dsse.envelope.v1+json": "dsse",
    "application/jose+json": "notation",
    "application/cose": "notation",
}
# What may refer to an image and be about trust. cosign 3 calls its bundles `empty` in indexes that it writes itself.
_REFERRERS = ("application/vnd.oci.empty.v1+json", "application/vnd.cncf.notary.signature", *_LAYERS)
_FAMILIES = (_BUNDLE, "application/vnd.dev.cosign.")
_THREADS = 8
_LISTED = 1024  # entries of lists that are looked at

Found = Piece | Reason


class Referring(Store, Protocol):
    """A store that can be asked what refers to a digest."""

    def referrers(self, digest: str) -> Iterator[bytes]:
        """Indexes, page by page; NotFoundError where nobody can be asked."""


class _Job(NamedTuple):
    """A thing to read, and its name should that fail."""

    where: str
    read: Callable[[], Iterable[Found | _Job]]
    notes: tuple[tuple[str, str], ...] = ()  # two signers of one image sign the same payload: only these differ


def gather(store: Referring, digest: str, bounds: Bounds = BOUNDS) -> Evidence:
    """Everything in a repository that says something of a digest."""
    tag = digest.replace(":", "-", 1)
    reading = _Reading(store, bounds)
    jobs = [
        _Job(f"{tag}.sig", lambda: reading.manifest(f"{tag}.sig")),
        _Job(f"{tag}.att", lambda: reading.manifest(f"{tag}.att")),
        _Job("the referrers", lambda: reading.listed(store.referrers(digest))),
        _Job(tag, lambda: reading.listed([store.manifest(tag).raw])),
    ]
    return evidence_of(_carry_out(jobs, bounds))


def evidence_of(found: Iterable[Found]) -> Evidence:
    """Pieces and what is missing, each once."""
    pieces: dict[tuple[str, bytes, tuple[tuple[str, str], ...]], Piece] = {}
    missing: dict[Reason, None] = {}
    for one in found:
        if isinstance(one, Reason):
            missing[one] = None
        else:
            pieces.setdefault((one.format, one.content, tuple(sorted(one.annotations.items()))), one)
    return Evidence(pieces=tuple(pieces.values()), missing=tuple(missing))


def unread(error: ThwartError, where: str) -> Reason:
    """Evidence that is there, or may be, and could not be read."""
    return Reason(slug=error.slug, sentence=f"could not be read: {error.sentence}", where=where)


def too_many(what: str, most: int, where: str) -> Reason:
    """More than is looked at."""
    return Reason(
        slug="too-many", sentence=f"there are more than {most} {what}, and the rest was not read", where=where
    )


def layers_of(document: Mapping[str, object], where: str, bounds: Bounds) -> Iterator[tuple[Descriptor, str] | Reason]:
    """The layers of a manifest that are evidence, each with its format; and those too many or too large to be read."""
    listed = document.get("layers")
    entries = listed if isinstance(listed, list) else []
    if len(entries) > bounds.pieces:
        yield too_many("layers", bounds.pieces, where)
    for entry in entries[: bounds.pieces]:
        kind = text(entry.get("mediaType")) if isinstance(entry, dict) else ""
        format_ = "bundle" if kind.startswith(_BUNDLE) else _LAYERS.get(kind, "")
        if not format_:
            continue
        layer = descriptor(entry, "layer")
        if layer.size > bounds.piece_bytes:
            yield Reason(slug="too-large", sentence=f"more than {bounds.piece_bytes} bytes, not read", where=where)
        else:
            yield layer, format_


def piece_of(store: Store, layer: Descriptor, format_: str, bounds: Bounds) -> Piece:
    """A layer, whole, its digest verified."""
    content = read_blob(store, layer, bounds.piece_bytes)
    return Piece(format=format_, where=layer.digest, content=content, annotations=dict(layer.annotations))


def may_vouch(entry: Mapping[str, Any]) -> bool:
    """Whether an entry of a list of referrers is worth a look; those that do not say what they are, are."""
    kind = text(entry.get("artifactType"))
    return not kind or kind in _REFERRERS or kind.startswith(_FAMILIES)


class _Reading:
    """Reads manifests of one store into jobs for their layers."""

    def __init__(self, store: Store, bounds: Bounds) -> None:
        self._store = store
        self._bounds = bounds

    def manifest(self, reference: str) -> Iterator[Found | _Job]:
        document = json_object(self._store.manifest(reference).raw, f"the manifest {reference}")
        for found in layers_of(document, reference, self._bounds):
            yield found if isinstance(found, Reason) else self._layer(*found)

    def listed(self, indexes: Iterable[bytes]) -> Iterator[Found | _Job]:
        """Jobs for the manifests in indexes."""
        for raw in indexes:
            entries = json_object(raw, "the list of referrers").get("manifests")
            entries = [one for one in entries if isinstance(one, dict)] if isinstance(entries, list) else []
            if len(entries) > _LISTED:
                yield too_many("referrers", _LISTED, "the referrers")
            for entry in entries[:_LISTED]:
                if may_vouch(entry):
                    at = descriptor(entry, "referrer")
                    yield _Job(at.digest, lambda digest=at.digest: self.manifest(digest))  # type: ignore[misc]

    def _layer(self, layer: Descriptor, format_: str) -> _Job:
        return _Job(layer.digest, lambda: [piece_of(self._store, layer, format_, self._bounds)], layer.annotations)


def _carry_out(jobs: Iterable[_Job], bounds: Bounds) -> list[Found]:
    """All jobs and those that they bring forth, generation by generation; each name once, so that nothing goes in circles."""
    found: list[Found] = []
    seen: set[tuple[object, ...]] = set()
    with ThreadPoolExecutor(_THREADS) as pool:
        while jobs := list(_fresh(jobs, seen)):
            if len(seen) > 4 * bounds.pieces:
                found.append(too_many("pieces of evidence", 4 * bounds.pieces, ""))
                break
            results = [one for done in pool.map(_attempt, jobs) for one in done]
            found += [one for one in results if not isinstance(one, _Job)]
            jobs = [one for one in results if isinstance(one, _Job)]
    return found


def _fresh(jobs: Iterable[_Job], seen: set[tuple[object, ...]]) -> Iterator[_Job]:
    for job in jobs:
        if (job.where, job.notes) not in seen:
            seen.add((job.where, job.notes))
            yield job


def _attempt(job: _Job) -> list[Found | _Job]:
    done: list[Found | _Job] = []
    try:
        done.extend(islice(job.read(), 4 * _LISTED))
    except NotFoundError:
        pass  # nobody put it there
    except SourceError as error:
        done.append(unread(error, job.where))
    return done
