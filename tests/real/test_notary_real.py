"""What the real notary signs, Thwart verifies: server, signer and client of Debian, on loopback."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.real.conftest import need, new_image, run, serve, thwart, write_layer
from tests.unit.trust.notary_workshop import YEAR, certified
from thwart import trust
from thwart.core.limits import Limits
from thwart.core.trust import DENIED, VERIFIED, Artifact, Evidence, Judgement, Piece, Roots
from thwart.sources._notary import NotaryServer, read_folder
from thwart.sources._registry_http import Trust
from thwart.sources._url import Url
from thwart.trust import policy

pytestmark = pytest.mark.real

GUN = "registry.example.test/team/app"
ONE, TWO = "ab" * 32, "cd" * 32
DEFAULT = 'trust = [{ scope = "**", format = "dct" }]'
FIRST_USE = 'trust = [{ scope = "**", format = "dct", unsafe-first-use = true }]'
BOTH = 'trust = [{ scope = "**", delegations = ["targets/releases", "targets/alice"] }]'


@dataclass
class Notary:
    """A running server and a client's folder."""

    folder: Path
    port: int

    def __call__(self, *arguments: str, client: str = "client") -> str:
        done = subprocess.run(
            ["notary", "-s", f"https://localhost:{self.port}", *self.options(client), *arguments],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            env={**os.environ, **{f"NOTARY_{role}_PASSPHRASE": "passphrase" for role in ROLES}},
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def options(self, client: str) -> list[str]:
        return ["--tlscacert", str(self.folder / "ca.pem"), "-d", str(self.folder / client)]

    def add(self, gun: str, tag: str, digest: str, *roles: str) -> None:
        named = [part for role in roles for part in ("--roles", role)]
        self("addhash", "-p", gun, tag, "528", "--sha256", digest, *named)

    def evidence(self, gun: str) -> Evidence:
        home = Url("https", "localhost", self.port, "/")
        server = NotaryServer(home, gun, Limits(), trust=Trust(ca=self.folder / "ca.pem"), environment={})
        try:
            return server.evidence()
        finally:
            server.close()


ROLES = ("ROOT", "TARGETS", "SNAPSHOT", "DELEGATION")


@pytest.fixture(scope="module")
def notary(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Notary]:
    need("notary", "notary-server", "notary-signer")
    folder = tmp_path_factory.mktemp("notary")
    authority = trustme.CA()
    authority.cert_pem.write_to_path(folder / "ca.pem")
    certificate = authority.issue_cert("localhost", "127.0.0.1")
    certificate.private_key_pem.write_to_path(folder / "tls.key")
    for index, blob in enumerate(certificate.cert_chain_pems):
        blob.write_to_path(folder / "tls.crt", append=index > 0)
    ports = _free(), _free()
    tls = {"tls_key_file": str(folder / "tls.key"), "tls_cert_file": str(folder / "tls.crt")}
    common = {"logging": {"level": "error"}, "storage": {"backend": "memory"}}
    signer = {"grpc_addr": f"127.0.0.1:{ports[1]}", "client_ca_file": str(folder / "ca.pem"), **tls}
    service = {
        "type": "remote",
        "hostname": "localhost",
        "port": str(ports[1]),
        "key_algorithm": "ecdsa",
        "tls_ca_file": str(folder / "ca.pem"),
        "tls_client_cert": tls["tls_cert_file"],
        "tls_client_key": tls["tls_key_file"],
    }
    (folder / "signer.json").write_text(json.dumps({"server": signer, **common}))
    server = {"http_addr": f"127.0.0.1:{ports[0]}", **tls}
    (folder / "server.json").write_text(json.dumps({"server": server, "trust_service": service, **common}))
    running = []
    try:
        for name, port in (("signer", ports[1]), ("server", ports[0])):
            command = [f"notary-{name}", "-config", str(folder / f"{name}.json")]
            with (folder / f"{name}.log").open("w") as log:
                running.append(subprocess.Popen(command, stdout=log, stderr=log, cwd=folder))
            _wait(port, folder / f"{name}.log")
        yield Notary(folder, ports[0])
    finally:
        for process in reversed(running):
            process.terminate()
            process.wait(10)


def _free() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait(port: int, log: Path) -> None:
    for _ in range(100):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise AssertionError(log.read_text()[-2000:])


@pytest.fixture(scope="module")
def released(notary: Notary) -> Evidence:
    """A repository with a tag by its owner, and another by two delegates."""
    notary("init", "-p", GUN)
    notary.add(GUN, "v1", ONE)
    notary("key", "rotate", GUN, "snapshot", "-r")
    for role, name in (("targets/releases", "releases"), ("targets/alice", "alice")):
        maker = certified(name, datetime.now(UTC) - timedelta(days=1), datetime.now(UTC) + 3 * YEAR)
        assert isinstance(maker.private, ec.EllipticCurvePrivateKey)
        (notary.folder / f"{name}.crt").write_bytes(maker.public)
        private = maker.private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        )
        (notary.folder / f"{name}.key").write_bytes(private)
        (notary.folder / f"{name}.key").chmod(0o600)
        notary("delegation", "add", "-p", GUN, role, str(notary.folder / f"{name}.crt"), "--all-paths")
        notary("key", "import", str(notary.folder / f"{name}.key"), "--role", name, "-g", GUN)
    notary.add(GUN, "v2", TWO, "targets/releases", "targets/alice")
    found = notary.evidence(GUN)
    assert not found.missing
    return found


def pin(evidence: Evidence) -> bytes:
    return next(one.content for one in evidence.pieces if one.where == "root.json")


def judge(evidence: Evidence, tag: str, digest: str, text: str = DEFAULT, **more: object) -> Judgement:
    pinned = more.pop("pin", None)
    return trust.verify(
        Artifact(digests=(f"sha256:{digest}",), repository=str(more.pop("gun", GUN)), tag=tag, size=528),
        evidence,
        policy.parse(text.encode(), "p.toml"),
        trust.read_roots(Roots(pins={"**": pinned} if isinstance(pinned, bytes) else {})),
        more.pop("now", datetime.now(UTC)),  # type: ignore[arg-type]
        remembered=more.pop("remembered", None),  # type: ignore[arg-type]
    )


def test_what_the_owner_and_the_delegates_signed(released: Evidence) -> None:
    mine = pin(released)
    assert judge(released, "v1", ONE, pin=mine).decision == VERIFIED
    assert judge(released, "v2", TWO, pin=mine).decision == VERIFIED
    assert judge(released, "v2", TWO, BOTH, pin=mine).decision == VERIFIED
    assert judge(released, "v1", ONE, BOTH, pin=mine).decision == DENIED
    assert judge(released, "v1", TWO, pin=mine).decision == DENIED
    assert judge(released, "v1", ONE).decision == DENIED
    assert judge(released, "v1", ONE, FIRST_USE).decision == VERIFIED


def test_the_clients_cache_is_a_mirror_too(notary: Notary, released: Evidence) -> None:
    notary("list", GUN, client="reader")
    for folder in (notary.folder / "reader", notary.folder / "reader" / "tuf" / GUN / "metadata"):
        found = read_folder(folder, GUN)
        assert judge(found, "v2", TWO, BOTH, pin=pin(released)).decision == VERIFIED


def test_a_mirror_of_the_server_is_read(released: Evidence, tmp_path: Path) -> None:
    for one in released.pieces:
        path = tmp_path / GUN / "_trust" / "tuf" / one.where
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(one.content)
    assert judge(read_folder(tmp_path, GUN), "v2", TWO, BOTH, pin=pin(released)).decision == VERIFIED


def test_every_changed_byte_is_found(released: Evidence) -> None:
    now, mine = datetime.now(UTC), pin(released)
    used = [one for one in released.pieces if one.annotations["role"] != "root" or one.where == "root.json"]
    for one in used:
        others = tuple(other for other in used if other is not one)
        for place in range(0, len(one.content), max(1, len(one.content) // 60)):
            data = one.content[:place] + bytes([one.content[place] ^ 1]) + one.content[place + 1 :]
            changed = Piece(format="dct", where=one.where, content=data, annotations=one.annotations)
            judgement = judge(Evidence(pieces=(*others, changed)), "v2", TWO, BOTH, pin=mine, now=now)
            assert judgement.decision == DENIED, (one.where, place)


def test_all_expires(released: Evidence) -> None:
    later = datetime.now(UTC) + timedelta(days=20)
    judgement = judge(released, "v1", ONE, pin=pin(released), now=later)
    assert judgement.decision == DENIED
    assert "expired" in {one.slug for one in judgement.refused}


def test_rotated_keys_and_rollback(notary: Notary) -> None:
    gun = "registry.example.test/team/rotated"
    notary("init", "-p", gun)
    notary.add(gun, "v1", ONE)
    before = notary.evidence(gun)
    learnt: Mapping[str, int] = judge(before, "v1", ONE, FIRST_USE, gun=gun).remembered
    notary("key", "rotate", gun, "root")
    notary("key", "rotate", gun, "targets")
    notary.add(gun, "v1", TWO)
    after = notary.evidence(gun)
    assert {"root.json", "1.root.json"} <= {one.where for one in after.pieces}
    judgement = judge(after, "v1", TWO, FIRST_USE, gun=gun, remembered=learnt)
    assert judgement.decision == VERIFIED, judgement
    assert judge(after, "v1", TWO, gun=gun, pin=pin(before)).decision == VERIFIED
    again = judge(before, "v1", ONE, FIRST_USE, gun=gun, remembered=judgement.remembered)
    assert again.decision == DENIED
    assert "rollback" in {one.slug for one in again.refused}


def test_docker_says_the_same(notary: Notary, released: Evidence) -> None:
    need("docker")
    config = notary.folder / "docker"
    authority = config / "tls" / f"localhost:{notary.port}"
    authority.mkdir(parents=True)
    shutil.copy(notary.folder / "ca.pem", authority / "ca.crt")
    os.environ["DOCKER_CONTENT_TRUST_SERVER"] = f"https://localhost:{notary.port}"
    try:
        said = json.loads(run("docker", "--config", config, "trust", "inspect", GUN))[0]
    finally:
        del os.environ["DOCKER_CONTENT_TRUST_SERVER"]
    for tag in said["SignedTags"]:
        assert judge(released, tag["SignedTag"], tag["Digest"], pin=pin(released)).decision == VERIFIED
    assert {tag["SignedTag"]: tag["Digest"] for tag in said["SignedTags"]} == {"v1": ONE, "v2": TWO}


def test_a_server_that_is_not_there_leaves_everything_open(notary: Notary) -> None:
    home = Url("https", "localhost", _free(), "/")
    server = NotaryServer(home, GUN, Limits(retries=0), trust=Trust(ca=notary.folder / "ca.pem"), environment={})
    found = server.evidence()
    server.close()
    assert found.missing
    assert judge(found, "v1", ONE).decision == "unknown"
    assert "no timestamp.json" in notary.evidence(GUN + "/none").missing[0].sentence


def test_what_content_trust_vouched_for_is_signed_anew(
    notary: Notary, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    need("umoci", "skopeo")
    new_image(tmp_path / "L", "t", write_layer(tmp_path / "layer.tar", {"name": "x"}))
    for registry in serve(tmp_path_factory.mktemp("registry")):
        registry.copy(tmp_path / "L", "t", "team/app:1")
        gun = f"{registry.host}/team/app"
        manifest = run("skopeo", "inspect", "--raw", "--tls-verify=false", f"docker://{gun}:1")
        digest = hashlib.sha256(manifest.encode()).hexdigest()
        notary("init", "-p", gun)
        notary("addhash", "-p", gun, "1", str(len(manifest)), "--sha256", digest)
        (tmp_path / "root.json").write_bytes(pin(notary.evidence(gun)))
        home = tmp_path / "home"
        secret = {"THWART_KEY_PASSPHRASE": "secret"}
        assert thwart("sign", "--generate-key", "release", home=home, **secret).code == 0
        server = ("--notary", f"https://localhost:{notary.port}", "--ca", notary.folder / "ca.pem")
        flags = (*server, "--plain-http", "--pin", tmp_path / "root.json", "--key", "release.key")
        done = thwart("trust", "migrate", gun, *flags, home=home, **secret)
        assert (done.code, f"signed sha256:{digest}" in done.out) == (0, True), done
        assert thwart("verify", f"{gun}:1", "--key", "release.pub", "--plain-http", home=home).code == 0
        cosign = os.environ.get("THWART_TEST_COSIGN") or shutil.which("cosign")
        if cosign:
            offline = ("--insecure-ignore-tlog=true", "--allow-insecure-registry", "--allow-http-registry")
            run(cosign, "verify", *offline, "--key", home / "release.pub", f"{gun}@sha256:{digest}")
