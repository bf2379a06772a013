"""What the real cosign signs, Thwart verifies; what is not right, it refuses. Offline, against a registry on loopback."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import urllib.request
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.real.conftest import Registry, need, new_image, serve, write_layer
from tests.unit.trust.workshop import Workshop
from thwart import trust
from thwart.core.trust import DENIED, VERIFIED, Artifact, Evidence, Judgement, Piece, Roots
from thwart.trust import policy, private_keys

pytestmark = pytest.mark.real

NOW = datetime.now(UTC)
PASSWORD = "correct horse"
OFFLINE = ("-y", "--tlog-upload=false", "--allow-insecure-registry")
PROVENANCE = {
    "buildDefinition": {
        "buildType": "https://build.example.test/type/v1",
        "externalParameters": {
            "workflow": {"repository": "https://git.example.test/team/app", "ref": "refs/heads/main"}
        },
    },
    "runDetails": {"builder": {"id": "https://build.example.test/builder@v1"}},
}


def cosign(*arguments: str | Path, cwd: Path, check: bool = True) -> str:
    program = os.environ.get("THWART_TEST_COSIGN") or shutil.which("cosign")
    if not program or not Path(program).exists():
        pytest.skip("no cosign: set THWART_TEST_COSIGN to its path")
    done = subprocess.run(
        [program, *map(str, arguments)],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "COSIGN_PASSWORD": PASSWORD, "HOME": str(cwd), "TUF_ROOT": str(cwd / "tuf")},
    )
    assert not check or done.returncode == 0, done.stderr[-2000:]
    return done.stdout


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two pairs of keys by cosign."""
    folder = tmp_path_factory.mktemp("cosign")
    for name in ("ours", "theirs"):
        cosign("generate-key-pair", "--output-key-prefix", name, cwd=folder)
    return folder


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    folder = tmp_path_factory.mktemp("registry")
    yield from serve(folder)


@pytest.fixture(scope="module")
def image(registry: Registry, tmp_path_factory: pytest.TempPathFactory) -> str:
    """`sha256:…` of an image in the repository `demo/app`."""
    need("umoci", "skopeo")
    folder = tmp_path_factory.mktemp("image")
    new_image(folder / "L", "t", write_layer(folder / "layer.tar", {"hello": "world"}))
    registry.copy(folder / "L", "t", "demo/app:1")
    return "sha256:" + hashlib.sha256(get(registry, "manifests/1")).hexdigest()


def get(registry: Registry, path: str) -> bytes:
    request = urllib.request.Request(
        f"http://{registry.host}/v2/demo/app/{path}", headers={"Accept": "application/vnd.oci.image.manifest.v1+json"}
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        return bytes(answer.read())


def pieces(registry: Registry, digest: str, suffix: str) -> tuple[Piece, ...]:
    """The layers of what cosign pushed beside the image."""
    manifest = json.loads(get(registry, f"manifests/{digest.replace(':', '-')}.{suffix}"))
    return tuple(
        Piece(
            format={"sig": "cosign", "att": "dsse"}[suffix],
            where=layer["digest"],
            content=get(registry, f"blobs/{layer['digest']}"),
            annotations=layer.get("annotations", {}),
        )
        for layer in manifest["layers"]
    )


def judge(
    rule: str, artifact: Artifact, found: tuple[Piece, ...], roots: Mapping[str, Mapping[str, bytes]]
) -> Judgement:
    scope = '"**"' if artifact.repository else '"files"'
    stated = policy.parse(f"[[trust]]\nscope = {scope}\n{rule}\n".encode(), "thwart.toml")
    anchors = trust.read_roots(Roots(**roots))
    return trust.verify(artifact, Evidence(pieces=found), stated, anchors, NOW)


def keys(folder: Path, name: str = "ours") -> dict[str, dict[str, bytes]]:
    return {"keys": {"release": (folder / f"{name}.pub").read_bytes()}}


def test_an_image_signed_by_a_key(registry: Registry, image: str, folder: Path) -> None:
    name = f"{registry.host}/demo/app"
    cosign("sign", *OFFLINE, "--key", "ours.key", "-a", "env=prod", f"{name}@{image}", cwd=folder)
    found = pieces(registry, image, "sig")
    artifact = Artifact(digests=(image,), repository=name)
    good = judge('key = "release"\nannotations = {env = "prod"}', artifact, found, keys(folder))
    assert good.decision == VERIFIED, good.refused
    assert good.signatures[0].reference == name
    assert judge('key = "release"\nannotations = {env = "test"}', artifact, found, keys(folder)).decision == DENIED
    other = judge('key = "release"', artifact, found, keys(folder, "theirs"))
    assert (other.decision, other.refused[0].slug) == (DENIED, "wrong-key")
    elsewhere = Artifact(digests=("sha256:" + "0" * 64,), repository=name)
    assert judge('key = "release"', elsewhere, found, keys(folder)).refused[0].slug == "wrong-digest"


def test_an_attestation_by_a_key(registry: Registry, image: str, folder: Path) -> None:
    name = f"{registry.host}/demo/app"
    (folder / "provenance.json").write_text(json.dumps(PROVENANCE))
    options = ("--type", "slsaprovenance1", "--predicate", "provenance.json")
    cosign("attest", *OFFLINE, "--key", "ours.key", *options, f"{name}@{image}", cwd=folder)
    found = pieces(registry, image, "att")
    artifact = Artifact(digests=(image,), repository=name)
    rule = 'key = "release"\nattestation = {{predicate = "slsa-provenance", builder = "{}", source = "{}"}}'
    right = ("https://build.example.test/builder@v1", "https://git.example.test/team/app")
    good = judge(rule.format(*right), artifact, found, keys(folder))
    assert good.decision == VERIFIED, good.refused
    assert good.attestations[0].predicate["buildDefinition"]["buildType"] == "https://build.example.test/type/v1"
    bad = judge(rule.format(right[0], "https://git.example.test/evil/app"), artifact, found, keys(folder))
    assert "wrong-source" in {reason.slug for reason in bad.refused}
    assert judge('key = "release"', artifact, found, keys(folder)).decision == DENIED  # an attestation is no signature


def test_certificates_of_an_own_authority(registry: Registry, image: str, folder: Path) -> None:
    shop = Workshop()
    name = f"{registry.host}/demo/app"
    leaf, key = shop.leaf(email="dev@example.test", issuer="https://id.example.test", begins=NOW)
    payload = cosign("generate", f"{name}@{image}", cwd=folder).encode()
    paths = {"leaf.pem": shop.pem(leaf), "ca.pem": shop.pem(shop.intermediate, shop.root), "payload.json": payload}
    paths["payload.sig"] = shop.base64(shop.sign(key, payload)).encode()
    for path, content in paths.items():
        (folder / path).write_bytes(content)
    attach = ("--payload", "payload.json", "--signature", "payload.sig", "--certificate", "leaf.pem")
    chain = ("--certificate-chain", "ca.pem")
    cosign("attach", "signature", "--allow-insecure-registry", *attach, *chain, f"{name}@{image}", cwd=folder)
    insecure = ("--insecure-ignore-sct", "--insecure-ignore-tlog=true", "--private-infrastructure")
    identity = ("--certificate-identity", "dev@example.test", "--certificate-oidc-issuer", "https://id.example.test")
    cosign("verify", "--allow-insecure-registry", *insecure, *identity, *chain, f"{name}@{image}", cwd=folder)
    found = pieces(registry, image, "sig")
    artifact = Artifact(digests=(image,), repository=name)
    authority = {"authorities": {"own": shop.pem(shop.root)}}
    rule = 'subject = "{}"\nissuer = "https://id.example.test"\nauthority = "own"'
    assert judge(rule.format("dev@example.test"), artifact, found, authority).decision == VERIFIED
    assert judge(rule.format("eve@example.test"), artifact, found, authority).decision == DENIED
    stranger = {"authorities": {"own": shop.pem(Workshop().root)}}
    assert judge(rule.format("dev@example.test"), artifact, found, stranger).decision == DENIED


@pytest.mark.parametrize("options", [(), ("--new-bundle-format",)], ids=["old", "new"])
def test_a_file_signed_into_a_bundle(folder: Path, options: tuple[str, ...]) -> None:
    (folder / "file").write_bytes(b"hello")
    offline = ("-y", "--tlog-upload=false", "--key", "ours.key")
    cosign("sign-blob", *offline, "--bundle", "file.bundle", *options, "file", cwd=folder)
    found = (
        Piece(format="bundle" if options else "detached", where="f", content=(folder / "file.bundle").read_bytes()),
    )
    artifact = Artifact(digests=("sha256:" + hashlib.sha256(b"hello").hexdigest(),))
    assert judge('key = "release"', artifact, found, keys(folder)).decision == VERIFIED
    changed = Artifact(digests=("sha256:" + hashlib.sha256(b"hullo").hexdigest(),))
    assert judge('key = "release"', changed, found, keys(folder)).decision == DENIED
    assert judge('key = "release"', artifact, found, keys(folder, "theirs")).decision == DENIED


def test_a_bare_signature_over_a_file(folder: Path) -> None:
    (folder / "file").write_bytes(b"hello")
    text = cosign("sign-blob", "-y", "--tlog-upload=false", "--key", "ours.key", "file", cwd=folder)
    found = (Piece(format="detached", where="file.sig", content=text.encode()),)
    artifact = Artifact(digests=("sha256:" + hashlib.sha256(b"hello").hexdigest(),))
    assert judge('key = "release"', artifact, found, keys(folder)).decision == VERIFIED


def test_encrypted_keys_open_in_both_directions(folder: Path) -> None:
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

    key: Any = private_keys.load((folder / "ours.key").read_bytes(), PASSWORD.encode(), "ours.key")
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    assert public == (folder / "ours.pub").read_bytes()
    pkcs8 = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    (folder / "again.key").write_bytes(private_keys.encrypt(pkcs8, PASSWORD.encode(), os.urandom(32), os.urandom(24)))
    assert cosign("public-key", "--key", "again.key", cwd=folder).encode() == public
