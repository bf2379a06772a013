"""Sign: find the digest that a name stands for, sign it, and put the signature beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct, field
from msgspec.structs import replace

from thwart.api._files import read_file
from thwart.core.errors import SourceError, UsageError
from thwart.core.limits import DEFAULT, MIB, Limits
from thwart.core.trust import Evidence, TrustError
from thwart.lib import reference as grammar
from thwart.sources import OpenOptions
from thwart.trust import signing
from thwart.trust.envelopes import COSIGN_SIGN
from thwart.trust.signing import Layer, Signer, Subject

if TYPE_CHECKING:
    from thwart.core.record import Entry
    from thwart.sources._push import Writable

LAYOUTS = ("legacy", "bundle", "notation")
_LARGEST_FILE = 1024 * MIB
_MANIFESTS = 256  # of one index


class SignOptions(Struct, frozen=True, kw_only=True):
    """How to sign. `layout` is one of `LAYOUTS`; empty means `legacy` for images and `bundle` for files.

    `recursive` signs an index and every manifest in it. `now` is the time that signatures state.
    """

    layout: str = ""
    annotations: Mapping[str, str] = field(default_factory=dict)
    recursive: bool = False
    source: OpenOptions = field(default_factory=OpenOptions)
    limits: Limits = DEFAULT
    now: datetime | None = None


class Signed(Struct, frozen=True, kw_only=True):
    """What was signed: its name and digest, where the signature lies, by which key; `fresh` unless it was there before."""

    name: str
    digest: str
    where: str
    layout: str
    key: str
    fresh: bool = True
    notes: tuple[str, ...] = ()


class Place(Struct, frozen=True, kw_only=True):
    """An image that was found, and the store that takes what is put beside it. `tag` where a tag led to the digest."""

    subject: Subject
    raw: bytes
    store: Writable
    evidence: Callable[[str], Evidence]
    tag: str = ""


def sign(target: str, signer: Signer, options: SignOptions | None = None) -> list[Signed]:
    """Sign an image in a registry or a layout, or a file.

    Args:
        target: `NAME@sha256:…`, `NAME:TAG`, `oci:FOLDER[:NAME]` or a file; `image:` and `file:` before it leave no doubt.
        signer: see `open_key`.
        options: see `SignOptions`.

    Returns:
        What was signed, an index before its manifests.

    Raises:
        SourceError: it cannot be resolved, read or written; TrustError: the key cannot sign so.
    """
    options = options or SignOptions()
    if options.layout not in ("", *LAYOUTS):
        raise UsageError(f"there is no layout {options.layout!r}", f"choose one of {', '.join(LAYOUTS)}")
    kind, name = kind_of(target)
    if kind == "file":
        return [_sign_file(Path(name), signer, options)]
    place = find(kind, name, options.source, options.limits)
    return [_sign_place(one, signer, options) for one in (place, *(_inside(place) if options.recursive else ()))]


def kind_of(target: str) -> tuple[str, str]:
    """`image`, `oci` or `file`, and the rest of the name."""
    from thwart.sources.detect import split_path

    prefix, _, rest = target.partition(":")
    if prefix in ("image", "oci", "file") and rest:
        return prefix, rest
    path, _ = split_path(target)
    if (path / "oci-layout").is_file():
        return "oci", target
    if Path(target).is_file():
        return "file", target
    if target.startswith(("/", "./", "../", "~")):
        raise SourceError(f"{target} is neither a file nor an OCI layout")
    return "image", target


def find(kind: str, name: str, source: OpenOptions, limits: Limits) -> Place:
    """The digest that a name stands for, read and verified.

    Raises:
        SourceError: there is no such image, or it cannot be reached.
    """
    return _in_layout(name, limits) if kind == "oci" else _in_registry(name, source, limits)


def entries(signed: Iterable[Signed], what: str = "signed", now: datetime | None = None) -> list[Entry]:
    """Entries of the record about signatures that were made."""
    from thwart.api.record import stamp
    from thwart.core.record import Entry

    return [
        Entry(
            kind="signature",
            time=stamp(now),
            subject=one.name,
            digest=one.digest,
            decision=what,
            details=(("key", one.key), ("layout", one.layout), ("where", one.where)),
        )
        for one in signed
        if one.fresh
    ]


# -- where it lies ------------------------------------------------------------------------------------------------------


def _in_registry(name: str, source: OpenOptions, limits: Limits) -> Place:
    from thwart.sources import evidence
    from thwart.sources._push import repository

    try:
        reference = grammar.parse(name)
    except ValueError as error:
        raise UsageError(f"{name!r} is neither a file, a layout nor an image reference: {error}") from None
    store = repository(reference, source, limits)
    blob = store.manifest(reference.wanted)
    subject = Subject(
        name=f"{reference.registry}/{reference.repository}",
        digest=blob.digest,
        media_type=blob.media_type,
        size=len(blob.raw),
    )
    return Place(
        subject=subject,
        raw=blob.raw,
        store=store,
        evidence=lambda digest: evidence.gather(store, digest),
        tag="" if reference.digest else reference.wanted,
    )


def _in_layout(name: str, limits: Limits) -> Place:
    from thwart.sources._container import FolderContainer
    from thwart.sources._evidence_layout import gather_layout
    from thwart.sources._push import LayoutWriter
    from thwart.sources.detect import split_path

    folder, tag = split_path(name)
    if not (folder / "oci-layout").is_file():
        raise SourceError(f"{folder} is not an OCI layout in a folder", "unpack it, if it is an archive")
    container = FolderContainer(folder)
    held, _ = gather_layout(container, str(folder), tag, "", limits)
    store = LayoutWriter(folder, limits)
    return Place(
        subject=Subject(name=str(folder.name), digest=held.digest, media_type=held.media_type, size=held.size),
        raw=store.manifest(held.digest).raw,
        store=store,
        evidence=lambda digest: gather_layout(FolderContainer(folder), str(folder), digest, "", limits)[1],
        tag="" if ":" in tag else tag,
    )


def _inside(place: Place) -> Iterator[Place]:
    """The manifests that an index lists."""
    from thwart.sources.oci import descriptor, json_object, verify

    listed = json_object(place.raw, f"the index {place.subject.digest}").get("manifests")
    if not isinstance(listed, list):
        return
    if len(listed) > _MANIFESTS:
        raise SourceError(f"the index {place.subject.digest} lists more than {_MANIFESTS} manifests")
    for entry in listed:
        at = descriptor(entry, "manifest")
        blob = place.store.manifest(at.digest)
        verify(blob.raw, at)
        subject = replace(
            place.subject, digest=at.digest, size=len(blob.raw), media_type=at.media_type or blob.media_type
        )
        yield replace(place, subject=subject, raw=blob.raw, tag="")


# -- signing ------------------------------------------------------------------------------------------------------------


def _sign_place(place: Place, signer: Signer, options: SignOptions) -> Signed:
    layout = options.layout or "legacy"
    subject = replace(place.subject, annotations=options.annotations)
    now = options.now or datetime.now(UTC)
    if layout == "notation":
        return _notation(place, subject, signer, now)
    legacy = layout == "legacy"
    body = signing.payload(subject) if legacy else signing.sign_statement(subject)
    if signing.said_before(place.evidence(subject.digest).pieces, body, signer, "cosign" if legacy else "bundle"):
        return done(place, signer, layout, "", fresh=False)
    if legacy:
        where = put_layer(place, "sig", signing.signature_layer(body, signer))
    else:
        where = put_bundle(place, signing.statement_bundle(body, signer), COSIGN_SIGN, now)
    return done(place, signer, layout, where)


def done(place: Place, signer: Signer, layout: str, where: str, *, fresh: bool = True) -> Signed:
    """What was signed, and where its signature is."""
    notes = (f"the tag {place.tag} may move, the signature is of the digest",) if place.tag else ()
    return Signed(
        name=place.subject.name,
        digest=place.subject.digest,
        where=where,
        layout=layout,
        key=signer.key.fingerprint,
        fresh=fresh,
        notes=notes,
    )


def put_layer(place: Place, suffix: str, layer: Layer) -> str:
    """Append a layer to the manifest `sha256-HEX.sig` or `.att`; returns that tag."""
    from thwart.sources._push import Change, update

    tag = f"{place.subject.digest.replace(':', '-', 1)}.{suffix}"

    def change(before: bytes | None) -> Change | None:
        made = signing.appended(before, layer)
        return None if made is None else Change(made[0], (layer.content, made[1]))

    update(place.store, tag, signing.OCI_MANIFEST, change)
    return tag


def put_bundle(place: Place, bundle: bytes, predicate_type: str, now: datetime) -> str:
    """Store a bundle as a referrer; returns its manifest's digest."""
    manifest = signing.bundle_manifest(place.subject, bundle, predicate_type, now)
    return put_referrer(place, manifest, (signing.EMPTY, bundle))


def put_referrer(place: Place, manifest: bytes, blobs: Iterable[bytes]) -> str:
    """Store a manifest with a subject, and list it where the registry does not do that itself; returns its digest."""
    from thwart.sources._push import Change, update

    for blob in blobs:
        place.store.put_blob(blob)
    if not place.store.put_manifest(manifest, signing.OCI_MANIFEST):

        def change(before: bytes | None) -> Change | None:
            made = signing.listed(before, manifest)
            return None if made is None else Change(made)

        update(place.store, place.subject.digest.replace(":", "-", 1), signing.OCI_INDEX, change)
    return str(signing.described("", manifest)["digest"])


def _notation(place: Place, subject: Subject, signer: Signer, now: datetime) -> Signed:
    from thwart._version import __version__
    from thwart.trust import notation_sign

    if signer.sign_with is None or not signer.certificate:
        raise TrustError(
            "a notation signature needs a key in a file and its certificate", "name them: --key FILE --certificate FILE"
        )
    target = notation_sign.Descriptor(
        media_type=subject.media_type, digest=subject.digest, size=subject.size, annotations=subject.annotations
    )
    chain = signer.certificate.rstrip() + b"\n" + signer.chain
    request = notation_sign.Request(target=target, chain=chain, at=now, agent=f"thwart/{__version__}")
    envelope = notation_sign.sign(request, signer.sign_with)
    manifest = notation_sign.manifest(request, envelope)
    return done(place, signer, "notation", put_referrer(place, manifest, (notation_sign.CONFIG, envelope)))


def _sign_file(path: Path, signer: Signer, options: SignOptions) -> Signed:
    """`FILE.sigstore.json`, or in the first layout `FILE.sig`."""
    import base64
    import hashlib

    if options.layout == "notation":
        raise UsageError("notation signs what lies in a registry or layout, not files")
    if options.annotations or options.recursive:
        raise UsageError("a file's signature has no annotations and nothing inside", "leave out the flags for images")
    content = read_file(path, _LARGEST_FILE)
    if options.layout == "legacy":
        written = path.with_name(path.name + ".sig")
        data = base64.b64encode(signer.sign(content)) + b"\n"
    else:
        written = path.with_name(path.name + ".sigstore.json")
        data = signing.file_bundle(content, signer)
    try:
        written.write_bytes(data)
    except OSError as error:
        raise SourceError(f"{written} cannot be written: {error.strerror}") from None
    return Signed(
        name=str(path),
        digest="sha256:" + hashlib.sha256(content).hexdigest(),
        where=str(written),
        layout=options.layout or "bundle",
        key=signer.key.fingerprint,
    )
