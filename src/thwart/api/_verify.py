"""Verify what vouches for images and files: gather the evidence, let the trust room judge, remember what it learnt."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from msgspec import Struct, field

from thwart.api._beside import FileEvidence, beside_file
from thwart.api._remembered import recall, remember
from thwart.api._trusting import PREDICATES, Court, Required, Trusting, from_file, from_flags, lint
from thwart.core.errors import SourceError, UsageError
from thwart.core.limits import DEFAULT, Limits
from thwart.core.report import Vouched, Voucher
from thwart.core.trust import BOUNDS, VERIFIED, Artifact, Attestation, Bounds, Evidence, Judgement, Reason, Signature
from thwart.lib import reference as grammar
from thwart.sources import OpenOptions

if TYPE_CHECKING:
    from thwart.sources import ManifestBlob
    from thwart.sources.registry import RegistryStore

__all__ = [
    "PREDICATES",
    "Court",
    "FileEvidence",
    "Gathered",
    "Required",
    "Trusting",
    "VerifyOptions",
    "evidence_of",
    "from_file",
    "from_flags",
    "judge_image",
    "judge_scanned",
    "lint",
    "verify",
    "vouched",
]

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}|sha384:[0-9a-f]{96}|sha512:[0-9a-f]{128}")
_PREFIXES = ("image", "oci", "archive", "file")


class VerifyOptions(Struct, frozen=True, kw_only=True):
    """How to find evidence and how to judge it.

    `signatures_in` is another repository that holds the signatures of images (cosign's COSIGN_REPOSITORY). `judge_as` is
    the repository as which files and layouts are judged, whose own claims about their names count for nothing. `files`
    are what came beside a file. `notary` is the address of a Notary server or a folder that mirrors one, `tuf` a folder that
    mirrors a TUF repository. `state` is a folder that keeps what must not be rolled back; None keeps nothing. `now` is
    the moment of the judgement.
    """

    source: OpenOptions = field(default_factory=OpenOptions)
    signatures_in: str = ""
    judge_as: str = ""
    files: FileEvidence = field(default_factory=FileEvidence)
    notary: str = ""
    tuf: Path | None = None
    state: Path | None = None
    now: datetime | None = None
    limits: Limits = DEFAULT
    bounds: Bounds = BOUNDS


class Gathered(NamedTuple):
    """What is judged and all that was found beside it."""

    artifact: Artifact
    evidence: Evidence


def verify(target: str, trusting: Court, options: VerifyOptions) -> tuple[Artifact, Judgement]:
    """Judge a target: an image, an OCI layout, a file, or a file's digest.

    Args:
        target: `registry/app:1`, `image:…`, `oci:DIR[:TAG]`, `archive:FILE[:TAG]`, `file:FILE`, a path, or `sha256:…`.
        trusting: from `from_file`, `from_flags` or `from_notation`.
        options: see `VerifyOptions`.

    Raises:
        SourceError: the target cannot be reached; UsageError: its name makes no sense.
    """
    artifact, evidence = evidence_of(target, options)
    return artifact, _judge(artifact, _joined(evidence, _elsewhere(artifact, options)), trusting, options)


def judge_image(image: str, digest: str, trusting: Court, options: VerifyOptions) -> Judgement:
    """Judge an image in a registry whose digest is known already.

    Raises:
        SourceError: the network is switched off. What the registry does not tell is `missing` in the evidence.
    """
    reference = grammar.parse(image)
    with closing(_store(reference, options)) as store:
        evidence = _beside_image(store, digest, options)
    artifact = Artifact(digests=(digest,), repository=f"{reference.registry}/{reference.repository}", tag=reference.tag)
    return _judge(artifact, evidence, trusting, options)


def judge_scanned(image: str, digest: str, trusting: Court, options: VerifyOptions) -> Judgement:
    """Judge an image that was scanned: by what vouches for the scanned manifest, or for the index that its name means.

    Args:
        image: the name in the registry.
        digest: of the manifest that was scanned.
        trusting: see `verify`.
        options: see `VerifyOptions`.
    """
    judgement = judge_image(image, digest, trusting, options)
    reference = grammar.parse(image)
    if judgement.decision == VERIFIED or reference.digest == digest:
        return judgement
    with closing(_store(reference, options)) as store:
        named = store.manifest(reference.wanted)
    if named.digest == digest or digest.encode() not in named.raw or not _lists(named, digest):
        return judgement  # the name is of another image by now
    of_index = judge_image(image, named.digest, trusting, options)
    return of_index if of_index.decision == VERIFIED else judgement


def _lists(index: ManifestBlob, digest: str) -> bool:
    from thwart.sources.oci import json_object

    listed = json_object(index.raw, "the index").get("manifests")
    return (
        any(isinstance(one, dict) and one.get("digest") == digest for one in listed)
        if isinstance(listed, list)
        else False
    )


def evidence_of(target: str, options: VerifyOptions) -> Gathered:
    """What a target is, and everything that was found beside it. Raises as `verify` does."""
    if _DIGEST.fullmatch(target.lower()) and not Path(target).is_file():
        artifact = Artifact(digests=(target.lower(),), repository=options.judge_as)
        return Gathered(artifact, beside_file(None, options.files))
    prefix, _, rest = target.partition(":")
    if prefix not in _PREFIXES or not rest:
        prefix, rest = _guess(target), target
    if prefix == "file":
        return _of_file(Path(rest), options)
    if options.files.given:
        raise UsageError(f"a bundle or signature in a file is for a file, and {target} is none", "write file:PATH")
    return _of_image(rest, options) if prefix == "image" else _of_layout(prefix, rest, options)


def vouched(judgement: Judgement) -> Vouched:
    """A judgement as a report keeps it."""
    finds: tuple[Signature | Attestation, ...] = (*judgement.signatures, *judgement.attestations)
    return Vouched(
        decision=judgement.decision,
        rule=judgement.rule,
        reasons=tuple(reason.sentence for reason in judgement.reasons),
        by=tuple(dict.fromkeys(_voucher(one) for one in finds)),
    )


def _voucher(find: Signature | Attestation) -> Voucher:
    signature = find.signature if isinstance(find, Attestation) else find
    identity = signature.identity
    return Voucher(
        format=signature.format,
        who=identity.subject if identity else signature.key,
        issuer=(identity.issuer or signature.authority) if identity else "",
        predicate_type=find.predicate_type if isinstance(find, Attestation) else "",
    )


def _judge(artifact: Artifact, evidence: Evidence, trusting: Court, options: VerifyOptions) -> Judgement:
    now = options.now or datetime.now(UTC)
    known = recall(options.state) if options.state else {}
    judgement = trusting.judge(artifact, evidence, now, options.bounds, known)
    if options.state and judgement.remembered != known:
        remember(options.state, known, judgement.remembered)
    return judgement


def _guess(target: str) -> str:
    """A path that exists is what it is; what is spelled like a path has to exist; all else names an image."""
    path = Path(target)
    layout = Path(target.partition(":")[0])
    if path.is_file():
        return "file"
    for folder in (path, layout):
        if (folder / "index.json").is_file() or (folder / "oci-layout").is_file():
            return "oci"
    if path.is_dir():
        raise UsageError(f"{target} is a folder and no OCI layout", "nothing vouches for a folder; name its files")
    if target.startswith(("/", "./", "../", "~")):
        raise SourceError(f"{target} does not exist", f"if it is the name of an image, write image:{target}")
    return "image"


def _of_image(text: str, options: VerifyOptions) -> Gathered:
    try:
        reference = grammar.parse(text)
    except ValueError as error:
        raise UsageError(f"{text!r} is neither a file, a layout nor an image reference: {error}") from None
    if options.source.offline and reference.digest:  # other evidence, a mirror of Notary's for one, may suffice
        artifact = Artifact(
            digests=(reference.digest,), repository=f"{reference.registry}/{reference.repository}", tag=reference.tag
        )
        sentence = "the registry was not asked, as the network is switched off"
        missing = Reason(slug="offline", sentence=sentence, where=reference.registry)
        return Gathered(artifact, Evidence(missing=(missing,)))
    with closing(_store(reference, options)) as store:
        blob = _manifest(store, reference, options)
        evidence = _beside_image(store, blob.digest, options)
    artifact = Artifact(
        digests=(blob.digest,),
        repository=f"{reference.registry}/{reference.repository}",
        tag=reference.tag or ("" if reference.digest else grammar.DEFAULT_TAG),
        media_type=blob.media_type,
        size=len(blob.raw),
    )
    return Gathered(artifact, evidence)


def _manifest(store: RegistryStore, reference: grammar.Reference, options: VerifyOptions) -> ManifestBlob:
    """What the name stands for; with a platform, that entry of the index."""
    from thwart.sources.oci import choose_platform, descriptor, json_object

    blob = store.manifest(reference.wanted)
    listed = json_object(blob.raw, f"the manifest of {reference}").get("manifests")
    if not options.source.platform or not isinstance(listed, list):
        return blob
    entries = [descriptor(one, "manifest") for one in listed]
    return store.manifest(choose_platform(entries, options.source.platform, reference.familiar()).digest)


def _elsewhere(artifact: Artifact, options: VerifyOptions) -> Iterator[Evidence]:
    """What Docker Content Trust and a TUF repository say, where they were named."""
    if options.notary:
        yield notary_evidence(artifact.repository, options.notary, options.source, options.limits)
    if options.tuf is not None:
        from thwart.sources import _tuf_mirror

        yield _tuf_mirror.read_folder(options.tuf)


def notary_evidence(gun: str, where: str, source: OpenOptions, limits: Limits = DEFAULT) -> Evidence:
    """What Docker Content Trust says of a repository.

    Args:
        gun: the repository, with its registry.
        where: the address of a Notary server, or a folder that mirrors one.
        source: how to reach the server.
        limits: of what is read.

    Raises:
        UsageError: the address makes no sense; SourceError: the folder does not have the repository.
    """
    from thwart.sources import _notary
    from thwart.sources._credentials import default_auth_files, find_credentials
    from thwart.sources._registry_http import Trust
    from thwart.sources._url import parse_url

    if not gun:
        raise UsageError("a Notary repository is an image's", "say which: --as REPOSITORY")
    if not where.startswith(("https://", "http://")):
        return _notary.read_folder(Path(where), gun)
    if where.startswith("http://") and not source.plain_http:
        raise UsageError(f"{where} is not encrypted", "use https, or --plain-http where that is meant")
    try:
        home = parse_url(where)
    except ValueError as error:
        raise UsageError(f"{where} is not the address of a Notary server: {error}") from None
    trust_ = Trust(ca=source.ca, certificate=source.client_cert, key=source.client_key)
    files = default_auth_files(source.environment)
    find = partial(find_credentials, home.authority, gun, files, source.environment, limits)
    server = _notary.NotaryServer(
        home, gun, limits, trust=trust_, find=find, environment=source.environment, offline=source.offline
    )
    with closing(server):
        return server.evidence()


def _joined(first: Evidence, others: Iterable[Evidence]) -> Evidence:
    every = [first, *others]
    return Evidence(
        pieces=tuple(piece for one in every for piece in one.pieces),
        missing=tuple(reason for one in every for reason in one.missing),
    )


def _store(reference: grammar.Reference, options: VerifyOptions) -> RegistryStore:
    from thwart.sources.pull import opened

    return opened(reference, options.source, options.limits)


def _beside_image(store: RegistryStore, digest: str, options: VerifyOptions) -> Evidence:
    from thwart.sources.evidence import gather

    if not options.signatures_in:
        return gather(store, digest, options.bounds)
    try:
        elsewhere = grammar.parse(options.signatures_in)
    except ValueError as error:
        raise UsageError(f"{options.signatures_in!r} is not the name of a repository: {error}") from None
    with closing(_store(elsewhere, options)) as other:
        return gather(other, digest, options.bounds)


def _of_layout(prefix: str, rest: str, options: VerifyOptions) -> Gathered:
    from thwart.sources._container import FolderContainer, TarContainer
    from thwart.sources._evidence_layout import gather_layout
    from thwart.sources.detect import split_path

    path, name = split_path(rest)
    if not path.exists():
        raise SourceError(f"{path} does not exist")
    container = FolderContainer(path) if path.is_dir() else TarContainer(path, options.limits)
    if container.size("index.json") < 0:
        kind = "a docker-archive" if prefix == "archive" else "no OCI layout"
        hint = "verify the image in its registry, or a layout: cosign save, skopeo copy --all … oci:DIR"
        raise SourceError(f"{path} is {kind}, in which nothing can vouch for its images", hint)
    held, evidence = gather_layout(container, str(path), name, options.source.platform, options.limits, options.bounds)
    artifact = Artifact(digests=(held.digest,), repository=options.judge_as, media_type=held.media_type, size=held.size)
    return Gathered(artifact, evidence)


def _target_path(path: Path, tuf: Path | None) -> str:
    """What a TUF repository calls a file: its path below `targets`, else its name."""
    below = tuf.resolve() / "targets" if tuf is not None else None
    where = path.resolve()
    return where.relative_to(below).as_posix() if below is not None and where.is_relative_to(below) else path.name


def _of_file(path: Path, options: VerifyOptions) -> Gathered:
    from thwart.sources._container import file_pieces

    if not path.is_file():
        raise SourceError(f"{path} is not a file that is there")
    small = path.stat().st_size <= options.limits.file_bytes
    hashes = [hashlib.new(name) for name in ("sha256", "sha384", "sha512")]
    kept: list[bytes] = []
    for piece in file_pieces(path):
        for one in hashes:
            one.update(piece)
        if small:
            kept.append(piece)
    artifact = Artifact(
        digests=tuple(f"{one.name}:{one.hexdigest()}" for one in hashes),
        repository=options.judge_as,
        tag=_target_path(path, options.tuf),
        size=path.stat().st_size,
        content=b"".join(kept) if small else None,
    )
    return Gathered(artifact, beside_file(path, options.files))
