"""Images made in memory: layers, docker-archives and OCI layouts, whole or broken on purpose."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

Entry = tuple[str, "bytes | str | None"]

STATUS = "var/lib/dpkg/status"
RELEASE = b'ID=debian\nVERSION_ID="12"\nVERSION_CODENAME=bookworm\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n'


def status(*packages: tuple[str, str]) -> bytes:
    """A dpkg status file that lists these packages (name, version) as installed."""
    stanza = "Package: {}\nStatus: install ok installed\nArchitecture: amd64\nVersion: {}\n\n"
    return "".join(stanza.format(name, version) for name, version in packages).encode()


def layer(*entries: Entry, pax: bool = False) -> bytes:
    """A layer tar: (path, bytes) is a file, (path, "text") a symbolic link, (path, "=text") a hard link, None a folder."""
    out = io.BytesIO()
    form = tarfile.PAX_FORMAT if pax else tarfile.GNU_FORMAT
    with tarfile.open(fileobj=out, mode="w", format=form) as tar:
        for path, content in entries:
            info = tarfile.TarInfo(path)
            if content is None:
                info.type, info.mode = tarfile.DIRTYPE, 0o755
                tar.addfile(info)
            elif isinstance(content, bytes):
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
            else:
                info.type = tarfile.LNKTYPE if content.startswith("=") else tarfile.SYMTYPE
                info.linkname = content.removeprefix("=")
                tar.addfile(info)
    return out.getvalue()


def digest(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


def config(layers: Iterable[bytes], **more: Any) -> bytes:
    layers = list(layers)
    document = {
        "architecture": "amd64",
        "os": "linux",
        "config": {},
        "rootfs": {"type": "layers", "diff_ids": [digest(one) for one in layers]},
        "history": [{"created_by": f"RUN step {index}"} for index in range(len(layers))],
        **more,
    }
    return json.dumps(document).encode()


def tar_of(files: Mapping[str, bytes]) -> bytes:
    return layer(*files.items())


def docker_archive(*layers: bytes, tags: tuple[str, ...] = ("demo/app:1",)) -> dict[str, bytes]:
    """Members of a `docker save` archive."""
    raw = config(layers)
    name = hashlib.sha256(raw).hexdigest() + ".json"
    paths = [f"{hashlib.sha256(one).hexdigest()}/layer.tar" for one in layers]
    manifest = [{"Config": name, "RepoTags": list(tags), "Layers": paths}]
    members = dict(zip(paths, layers, strict=True))
    return {**members, name: raw, "manifest.json": json.dumps(manifest).encode()}


def oci_layout(*layers: bytes, compress: Any = gzip.compress, tag: str = "1", **more: Any) -> dict[str, bytes]:
    """Files of an OCI image layout."""
    blobs = [compress(one) for one in layers]
    raw = config(layers, **more)
    kind = "application/vnd.oci.image.layer.v1.tar+gzip"
    manifest = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": describe(raw, "application/vnd.oci.image.config.v1+json"),
        "layers": [describe(blob, kind) for blob in blobs],
    }
    top = json.dumps(manifest).encode()
    entry = describe(top, "application/vnd.oci.image.manifest.v1+json")
    entry["annotations"] = {"org.opencontainers.image.ref.name": tag}
    index = {"schemaVersion": 2, "manifests": [entry]}
    files = {blob_path(data): data for data in (*blobs, raw, top)}
    return {**files, "index.json": json.dumps(index).encode(), "oci-layout": b'{"imageLayoutVersion":"1.0.0"}'}


def describe(data: bytes, media_type: str) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": digest(data), "size": len(data)}


def blob_path(data: bytes) -> str:
    return "blobs/sha256/" + hashlib.sha256(data).hexdigest()


def write_folder(files: Mapping[str, bytes], root: Path) -> Path:
    for name, data in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return root


def write_tar(files: Mapping[str, bytes], path: Path, compress: Any = None) -> Path:
    data = tar_of(files)
    path.write_bytes(compress(data) if compress else data)
    return path
