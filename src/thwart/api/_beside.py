"""What vouches for a file: what was named, else what lies beside it under the usual names."""

from __future__ import annotations

import base64
import binascii
import json
import textwrap
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from thwart.core.errors import SourceError, UsageError
from thwart.core.trust import BOUNDS, Evidence, Piece
from thwart.sources._container import file_pieces

_NOTE = "dev.sigstore.cosign/"
_BUNDLES = (".sigstore.json", ".sigstore", ".bundle", ".intoto.jsonl")  # client specification, "Bundle"; SLSA; cosign
_CERTIFICATES = (".pem", ".crt", ".cert")


class FileEvidence(Struct, frozen=True, kw_only=True):
    """Files with evidence: bundles and attestations, and a signature with what came beside it."""

    bundles: tuple[Path, ...] = ()
    signature: Path | None = None
    certificate: Path | None = None
    chain: Path | None = None
    rekor: Path | None = None
    timestamp: Path | None = None

    @property
    def given(self) -> bool:
        """Whether any was named."""
        return self != FileEvidence()


def beside_file(path: Path | None, named: FileEvidence) -> Evidence:
    """The evidence of a file; of a digest without a file, only what was named.

    Raises:
        SourceError: a file that was named cannot be read; UsageError: a certificate without its signature.
    """
    if named.signature is None and _accompanied(named):
        raise UsageError("a certificate, chain, log entry or timestamp belongs to a signature", "name it: --signature")
    if path is not None and not named.given:
        named = _discovered(path)
    pieces = [piece for bundle in named.bundles for piece in _bundled(bundle)]
    if named.signature is not None:
        pieces.append(
            Piece(
                format="detached", where=str(named.signature), content=_read(named.signature), annotations=_notes(named)
            )
        )
    return Evidence(pieces=tuple(pieces))


def _accompanied(named: FileEvidence) -> bool:
    """Whether anything was named that only means something beside a signature."""
    return any((named.certificate, named.chain, named.rekor, named.timestamp))


def _discovered(path: Path) -> FileEvidence:
    def existing(*suffixes: str) -> list[Path]:
        every = (path.with_name(path.name + suffix) for suffix in suffixes)
        return [one for one in every if one.is_file()]

    signatures = existing(".sig")
    certificates = existing(*_CERTIFICATES) if signatures else []
    return FileEvidence(
        bundles=tuple(existing(*_BUNDLES)),
        signature=signatures[0] if signatures else None,
        certificate=certificates[0] if certificates else None,
    )


def _bundled(path: Path) -> Iterator[Piece]:
    """The pieces of a file of JSON: one document, or one on each line."""
    content = _read(path)
    lines = [line for line in content.splitlines() if line.strip()]
    several = len(lines) > 1 and all(line.lstrip()[:1] == b"{" and line.rstrip()[-1:] == b"}" for line in lines)
    for number, one in enumerate(lines if several else [content], 1):
        yield Piece(format=_format_of(one), where=f"{path}:{number}" if several else str(path), content=one)


def _format_of(content: bytes) -> str:
    """The format that a document's keys tell; what tells nothing is held to be a bundle, which will say what is wrong."""
    if content[:1] == b"\xd2":  # a tagged COSE_Sign1 (RFC 9052 section 2)
        return "notation"
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        return "bundle" if content.lstrip()[:1] == b"{" else "detached"
    keys = document.keys() if isinstance(document, dict) else ()
    marks = {
        "verificationMaterial": "bundle",
        "payloadType": "dsse",
        "base64Signature": "detached",
        "protected": "notation",
    }
    return next((format_ for mark, format_ in marks.items() if mark in keys), "bundle")


def _notes(named: FileEvidence) -> dict[str, str]:
    """What came beside a signature, as cosign's annotations say it."""
    notes = {}
    if named.certificate is not None:
        notes[_NOTE + "certificate"] = _pem(_read(named.certificate))
    if named.chain is not None:
        notes[_NOTE + "chain"] = _pem(_read(named.chain))
    if named.rekor is not None:
        notes[_NOTE + "bundle"] = _read(named.rekor).decode("utf-8", "replace")
    if named.timestamp is not None:
        stamp = _read(named.timestamp)
        raw = stamp if stamp.lstrip()[:1] != b"{" else b""
        wrapped = json.dumps({"SignedRFC3161Timestamp": base64.b64encode(raw).decode()})
        notes[_NOTE + "rfc3161timestamp"] = wrapped if raw else stamp.decode("utf-8", "replace")
    return notes


def _pem(content: bytes) -> str:
    """Certificates in PEM; cosign also writes them as the base64 of PEM, and others as DER."""
    if b"-----BEGIN" not in content:
        try:
            inner = base64.b64decode(content, validate=False)
        except (binascii.Error, ValueError):
            inner = b""
        if b"-----BEGIN" in inner:
            content = inner
        elif content[:1] == b"\x30":
            body = "\n".join(textwrap.wrap(base64.b64encode(content).decode(), 64))
            return f"-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n"
    return content.decode("utf-8", "replace")


def _read(path: Path) -> bytes:
    if not path.is_file():
        raise SourceError(f"{path} is not a file that is there")
    parts, total = [], 0
    for piece in file_pieces(path):
        parts.append(piece)
        total += len(piece)
        if total > BOUNDS.piece_bytes:
            raise SourceError(f"{path} is larger than {BOUNDS.piece_bytes} bytes")
    return b"".join(parts)
