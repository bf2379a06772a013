"""What a registry's answer means: its refusals in words, and which kind of manifest it really sent."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, cast

from thwart.core.errors import LimitError
from thwart.lib.reference import Reference, is_digest
from thwart.sources._registry_errors import (
    AnswerError,
    ForbiddenError,
    NotFoundError,
    PlainHttpError,
    RateLimitError,
    RegistryError,
    UnauthorizedError,
    UnavailableError,
    UnsupportedManifestError,
    clean,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from thwart.sources._registry_http import Answer

OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
INDEXES = frozenset({OCI_INDEX, DOCKER_LIST})
MANIFESTS = frozenset({OCI_MANIFEST, DOCKER_MANIFEST})
ACCEPT = f"{OCI_INDEX}, {OCI_MANIFEST}, {DOCKER_LIST}, {DOCKER_MANIFEST}"

_SCHEMA_1 = "application/vnd.docker.distribution.manifest.v1"
_VAGUE = frozenset({"", "application/json", "application/octet-stream", "text/plain", "binary/octet-stream"})
_ERROR_BYTES = 65_536


def refusal(answer: Answer, reference: Reference, wanted: str, user: str, hints: Sequence[str]) -> RegistryError:
    """The error for a status that is not success. Reads and closes the answer.

    `wanted` is the tag or digest asked for, `user` who asked, `hints` what to say about credentials.
    """
    codes, said = _errors(answer)
    where, name = answer.url.authority, f"{reference.registry}/{reference.repository}"
    tail = f": {said}" if said else ""
    status = answer.status
    if status == 429 or "TOOMANYREQUESTS" in codes:
        return RateLimitError(f"registry {where} was asked too often{tail}", "wait, or log in to be allowed more")
    if status == 401:
        who = f"the credentials of {user}" if user else "a request without credentials"
        private = "a registry may also answer so when the repository does not exist"
        return UnauthorizedError(f"registry {where} does not accept {who} for {name}{tail}", *hints, private)
    if status == 403:
        return ForbiddenError(f"registry {where} refuses access to {name}{tail}", *hints)
    if status == 404:
        return _not_found(codes, reference, wanted, tail, hints)
    if status == 400 and "HTTPS server" in said:
        return PlainHttpError(f"{where} speaks TLS on this port, not plain HTTP", "leave out --plain-http")
    if status >= 500:
        return UnavailableError(f"registry {where} fails with status {status}{tail}", "try again later")
    return AnswerError(f"registry {where} answers with status {status}{tail}", "is it a container registry?")


def _not_found(
    codes: frozenset[str], reference: Reference, wanted: str, tail: str, hints: Sequence[str]
) -> RegistryError:
    name = f"{reference.registry}/{reference.repository}"
    if not codes:
        sentence = f"{name} with {wanted} is not found, and the answer is not a registry's{tail}"
        return NotFoundError(sentence, "is the registry's name right, and does it speak the OCI distribution protocol?")
    private = ("the repository may be private: registries then often claim that it does not exist", *hints)
    if "NAME_UNKNOWN" in codes:
        return NotFoundError(f"registry {reference.registry} has no repository {reference.repository}", *private)
    what = "manifest or blob" if is_digest(wanted) else "such tag:"
    return NotFoundError(f"{name} has no {what} {wanted}", *private)


def _errors(answer: Answer) -> tuple[frozenset[str], str]:
    """Codes and a readable message of an error body (OCI distribution specification, "Error Codes")."""
    try:
        raw = answer.read(_ERROR_BYTES, "the error")
        document = json.loads(raw)
    except (RegistryError, LimitError):
        return frozenset(), ""
    except (ValueError, RecursionError):
        return frozenset(), _plain(answer, raw)
    entries = document.get("errors") if isinstance(document, dict) else None
    if not isinstance(entries, list):
        return frozenset(), ""
    known = [entry for entry in entries[:8] if isinstance(entry, dict)]
    codes = frozenset(str(entry.get("code", ""))[:64].upper() for entry in known)
    texts = [entry["message"] for entry in known if isinstance(entry.get("message"), str) and entry["message"].strip()]
    return codes - {""}, clean("; ".join(texts), 200)


def _plain(answer: Answer, raw: bytes) -> str:
    kind = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
    text = raw.decode("utf-8", "replace")
    if kind == "text/html" or text.lstrip()[:1] == "<":
        return "an HTML page"
    return clean(text, 120)


def manifest_type(raw: bytes, header: str, where: str) -> str:
    """The media type of a manifest or index: what header, `mediaType` and shape agree on.

    Two statements that contradict each other are refused, because two readers of one digest would see two images
    (OCI image specification 1.1, "mediaType"; CVE-2021-41190). A vague header, such as `application/json`, says nothing.

    Raises:
        AnswerError: not JSON, or contradictory. UnsupportedManifestError: schema 1, or no image.
    """
    said = header.partition(";")[0].strip().lower()
    document = _manifest(raw, said, where)
    own = document.get("mediaType", "")
    if not isinstance(own, str):
        raise AnswerError(f"{where} sends a manifest whose mediaType is not a text")
    if said.startswith(_SCHEMA_1) or own.startswith(_SCHEMA_1) or document.get("schemaVersion") == 1:
        raise UnsupportedManifestError(
            f"{where} has this image in Docker's schema 1 only, which was withdrawn",
            "push it again with a current tool: docker pull and push, or skopeo copy --format v2s2",
        )
    stated = [kind for kind in (own.lower(), "" if said in _VAGUE else said) if kind]
    if len(set(stated)) > 1:
        raise AnswerError(f"{where} contradicts itself: header {clean(said, 80)}, manifest {clean(own, 80)}")
    return _shaped(document, stated[0] if stated else "", where)


def _manifest(raw: bytes, said: str, where: str) -> dict[str, object]:
    try:
        document = json.loads(raw)
    except (ValueError, RecursionError):
        html = said == "text/html" or raw.lstrip()[:1] == b"<"
        what = "an HTML page" if html else "something that is not JSON"
        raise AnswerError(
            f"{where} sends {what} instead of a manifest", "is it a registry, or a log-in page or proxy before it?"
        ) from None
    if not isinstance(document, dict):
        raise AnswerError(f"{where} sends JSON that is not a manifest")
    return cast("dict[str, object]", document)


def _shaped(document: dict[str, object], kind: str, where: str) -> str:
    """The kind, checked against what the document looks like."""
    index, image = "manifests" in document, "layers" in document or "config" in document
    if index and image:
        raise AnswerError(f"{where} sends a document that is both an index and a manifest")
    if not kind:
        if not index and not image:
            raise AnswerError(f"{where} sends JSON that is not a manifest")
        return OCI_INDEX if index else OCI_MANIFEST
    if kind not in INDEXES | MANIFESTS:
        raise UnsupportedManifestError(f"{where} has a {clean(kind, 80)} there, not a container image")
    if (kind in INDEXES and image) or (kind in MANIFESTS and index):
        raise AnswerError(f"{where} sends {'a manifest' if image else 'an index'} and calls it {kind}")
    return kind
