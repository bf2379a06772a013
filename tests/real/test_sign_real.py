"""What Thwart signs, the real cosign verifies, in both layouts, through TLS and a password; and what it refuses.

`THWART_TEST_COSIGN` is a cosign of version 2, `THWART_TEST_COSIGN3` one of version 3, which alone reads bundles beside images.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.real.conftest import Cli, Registry, certificates, need, new_image, run, serve, write_layer
from tests.unit.trust.workshop import Workshop

pytestmark = pytest.mark.real

PASSWORD = "correct horse"
KINDS = ("ecdsa-p256", "ecdsa-p384", "ecdsa-p521", "rsa-3072", "ed25519")
OFFLINE = ("--insecure-ignore-tlog=true", "--private-infrastructure")
CALL = "import sys; from thwart.cli import _command; raise SystemExit(_command(sys.argv[1], sys.argv[2:]))"
DJANGO = "app/django-2.2.dist-info/METADATA"
MEMBER = "https://example.test/predicate/v1"


def cosign(
    *arguments: str | Path, home: Path, variable: str = "THWART_TEST_COSIGN"
) -> subprocess.CompletedProcess[str]:
    program = os.environ.get(variable) or (shutil.which("cosign") if variable.endswith("COSIGN") else "")
    if not program or not Path(program).exists():
        pytest.skip(f"no cosign: set {variable} to its path")
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "TUF_ROOT": str(home / "tuf"),
        "COSIGN_PASSWORD": PASSWORD,
        "SSL_CERT_FILE": str(home / "tls" / "client" / "ca.crt"),
    }
    return subprocess.run(
        [program, *map(str, arguments)], cwd=home, env=environment, capture_output=True, text=True, timeout=90
    )


def thwart(*arguments: str | Path, home: Path, **environment: str) -> Cli:
    clean = {"PATH": os.environ["PATH"], "HOME": str(home), "NO_PROXY": "*", "THWART_KEY_PASSPHRASE": PASSWORD}
    done = subprocess.run(
        [sys.executable, "-c", CALL, *map(str, arguments)],
        cwd=home,
        env={**clean, **environment},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return Cli(done.returncode, done.stdout, done.stderr)


class Bench:
    """A home with keys of every kind, an image in a layout `L`, and the registry with its password in Docker's file."""

    def __init__(self, home: Path, registry: Registry) -> None:
        self.home = home
        self.registry = registry
        self.reach = ("--ca", str(registry.ca))
        self.count = 0

    def image(self) -> str:
        """A fresh repository's image, by digest."""
        self.count += 1
        name = f"{self.registry.host}/team/app{self.count}"
        to = [*self.registry.skopeo, "--dest-creds", "alice:s3cret"]
        run("skopeo", "copy", "-q", *to, f"oci:{self.home / 'L'}:t", f"docker://{name}:1")
        return f"{name}@{self.digest}"

    @property
    def digest(self) -> str:
        (entry,) = json.loads((self.home / "L" / "index.json").read_text())["manifests"]
        return str(entry["digest"])

    def thwart(self, *arguments: str | Path, **environment: str) -> Cli:
        return thwart(*arguments, home=self.home, **environment)

    def verified(self, *arguments: str | Path, version: str = "") -> bool:
        done = cosign(*arguments, home=self.home, variable=f"THWART_TEST_COSIGN{version}")
        self.said = done.stderr
        return done.returncode == 0


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    need("umoci", "skopeo", "htpasswd", "docker-registry")
    home = tmp_path_factory.mktemp("sign")
    new_image(
        home / "L",
        "t",
        write_layer(home / "layer.tar", {DJANGO: "Metadata-Version: 2.1\nName: Django\nVersion: 2.2\n"}),
    )
    (home / "users").write_text(run("htpasswd", "-Bbn", "alice", "s3cret"))
    for name in (*KINDS, "theirs"):  # cosign 3 itself does not verify what it signs with P-384 or Ed25519
        kind = name if name in KINDS else "ecdsa-p256"
        made = thwart("sign", "--generate-key", name, "--key-type", kind, home=home)
        assert made.code == 0, made.err
    (home / "data").mkdir()
    for registry in serve(home, tls=certificates(home / "tls"), users=home / "users"):
        (home / ".docker").mkdir()
        secret = base64.b64encode(b"alice:s3cret").decode()
        (home / ".docker" / "config.json").write_text(json.dumps({"auths": {registry.host: {"auth": secret}}}))
        yield Bench(home, registry)


@pytest.mark.parametrize("kind", KINDS)
def test_the_first_layout(bench: Bench, kind: str) -> None:
    image = bench.image()
    done = bench.thwart("sign", image, "--key", f"{kind}.key", "-a", "env=prod", *bench.reach)
    assert done.code == 0, done.err
    for version in ("", "3") if os.environ.get("THWART_TEST_COSIGN3") else ("",):
        verify = ("verify", *OFFLINE, "-a", "env=prod", "--key")
        assert bench.verified(*verify, f"{kind}.pub", image, version=version), bench.said
        other = "ecdsa-p256" if kind != "ecdsa-p256" else "ed25519"
        assert not bench.verified(*verify, f"{other}.pub", image, version=version)
    assert not bench.verified("verify", *OFFLINE, "-a", "env=test", "--key", f"{kind}.pub", image)


@pytest.mark.parametrize("kind", KINDS)
def test_bundles_as_referrers(bench: Bench, kind: str) -> None:
    image = bench.image()
    done = bench.thwart("sign", image, "--key", f"{kind}.key", "--layout", "bundle", "-a", "env=prod", *bench.reach)
    assert done.code == 0, done.err
    verify = ("verify", *OFFLINE, "--key", f"{kind}.pub", "-a")
    assert bench.verified(*verify, "env=prod", image, version="3"), bench.said
    assert not bench.verified(*verify, "env=test", image, version="3")


def test_signatures_of_others_stay(bench: Bench) -> None:
    image = bench.image()
    theirs = ("sign", "-y", "--tlog-upload=false", "--key", "ecdsa-p384.key")
    assert bench.verified(*theirs, image), bench.said
    assert bench.thwart("sign", image, "--key", "ecdsa-p256.key", *bench.reach).code == 0
    again = bench.thwart("sign", image, "--key", "ecdsa-p256.key", *bench.reach)
    assert (again.code, "before by this key" in again.out) == (0, True)
    for kind in ("ecdsa-p256", "ecdsa-p384"):
        done = cosign("verify", *OFFLINE, "--key", f"{kind}.pub", image, home=bench.home)
        assert (done.returncode, len(json.loads(done.stdout))) == (0, 1), done.stderr


def test_referrers_of_others_stay(bench: Bench) -> None:
    image = bench.image()
    theirs = ("sign", "-y", "--tlog-upload=false", "--use-signing-config=false", "--key", "theirs.key")
    mine = ("sign", image, "--key", "ecdsa-p256.key", "--layout", "bundle", *bench.reach)
    assert bench.verified(*theirs, image, version="3"), bench.said
    assert bench.thwart(*mine).code == 0
    assert bench.verified(*theirs, image, version="3"), bench.said
    assert "before by this key" in bench.thwart(*mine).out
    for kind in ("ecdsa-p256", "theirs"):
        assert bench.verified("verify", *OFFLINE, "--key", f"{kind}.pub", image, version="3"), bench.said


@pytest.mark.parametrize(("layout", "version"), [("legacy", ""), ("bundle", "3")])
def test_attestations(bench: Bench, layout: str, version: str) -> None:
    image = bench.image()
    (bench.home / "predicate.json").write_text('{"a": 1}')
    ci = {
        "GITLAB_CI": "true",
        "CI_PROJECT_URL": "https://git.example.test/team/app",
        "CI_RUNNER_ID": "7",
        "CI_COMMIT_BRANCH": "main",
        "CI_COMMIT_SHA": "a" * 40,
        "CI_CONFIG_PATH": ".gitlab-ci.yml",
        "CI_JOB_URL": "https://git.example.test/team/app/-/jobs/1",
    }
    what = (
        "--predicate",
        "predicate.json",
        "--type",
        MEMBER,
        "--provenance",
        "--sbom",
        "cyclonedx",
        "--vulnerabilities",
    )
    how = ("--key", "ecdsa-p256.key", "--layout", layout, *bench.reach)
    done = bench.thwart("attest", image, *what, *how, **ci)
    assert done.code == 0, done.err
    for kind in (MEMBER, "slsaprovenance1", "cyclonedx", "vuln"):
        verify = ("verify-attestation", *OFFLINE, "--type", kind, "--key")
        assert bench.verified(*verify, "ecdsa-p256.pub", image, version=version), bench.said
        assert not bench.verified(*verify, "ed25519.pub", image, version=version)
    assert not bench.verified(
        "verify-attestation", *OFFLINE, "--type", "openvex", "--key", "ecdsa-p256.pub", image, version=version
    )


@pytest.mark.parametrize("kind", KINDS)
def test_files(bench: Bench, kind: str) -> None:
    file = bench.home / f"{kind}.txt"
    file.write_text("hello")
    for layout in ("bundle", "legacy"):
        assert bench.thwart("sign", f"./{file.name}", "--key", f"{kind}.key", "--layout", layout).code == 0
    verify = ("verify-blob", "--insecure-ignore-tlog=true", "--key", f"{kind}.pub")
    assert bench.verified(*verify, "--signature", f"{file.name}.sig", file), bench.said
    (bench.home / "root.json").write_text('{"mediaType":"application/vnd.dev.sigstore.trustedroot+json;version=0.1"}')
    new = ("--new-bundle-format", "--trusted-root", "root.json", "--bundle", f"{file.name}.sigstore.json")
    assert bench.verified(*verify, *new, file), bench.said
    if os.environ.get("THWART_TEST_COSIGN3"):
        assert bench.verified(*verify, "--bundle", f"{file.name}.sigstore.json", file, version="3"), bench.said
    file.write_text("hullo")
    assert not bench.verified(*verify, "--signature", f"{file.name}.sig", file)
    assert not bench.verified(*verify, *new, file)


def test_certificates_of_an_own_authority(bench: Bench) -> None:
    from datetime import UTC, datetime

    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    shop, image = Workshop(), bench.image()
    leaf, key = shop.leaf(begins=datetime.now(UTC))
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    written = {"leaf.key": pem, "leaf.pem": shop.pem(leaf), "ca.pem": shop.pem(shop.intermediate, shop.root)}
    for name, content in written.items():
        (bench.home / name).write_bytes(content)
    pair = ("--certificate", "leaf.pem", "--certificate-chain", "ca.pem")
    done = bench.thwart("sign", image, "--key", "leaf.key", *pair, *bench.reach)
    assert done.code == 0, done.err
    verify = ("verify", *OFFLINE, "--insecure-ignore-sct", "--certificate-chain", "ca.pem")
    issuer = ("--certificate-oidc-issuer", "https://id.example.test", "--certificate-identity")
    assert bench.verified(*verify, *issuer, "dev@example.test", image), bench.said
    assert not bench.verified(*verify, *issuer, "eve@example.test", image)
    wrong = bench.thwart("sign", image, "--key", "ecdsa-p256.key", *pair, *bench.reach)
    assert (wrong.code, "not of the key" in wrong.err) == (2, True)


def test_a_key_in_a_token(bench: Bench) -> None:
    """SoftHSM, through PKCS #11; the Python that has Thwart's libraries and python-pkcs11 is named by the environment."""
    need("softhsm2-util", "pkcs11-tool")
    python, module = os.environ.get("THWART_TEST_PKCS11_PYTHON", ""), Path("/usr/lib/softhsm/libsofthsm2.so")
    if not python or not module.exists():
        pytest.skip("no Python with python-pkcs11: set THWART_TEST_PKCS11_PYTHON")
    (bench.home / "tokens").mkdir()
    (bench.home / "softhsm.conf").write_text(f"directories.tokendir = {bench.home / 'tokens'}\n")
    token = {"SOFTHSM2_CONF": str(bench.home / "softhsm.conf"), "PYKCS11LIB": str(module)}
    pin = ("--pin", "1234", "--token-label", "release")
    for step in (
        ("softhsm2-util", "--init-token", "--free", "--label", "release", "--pin", "1234", "--so-pin", "4321"),
        ("pkcs11-tool", "--module", module, *pin, "--keypairgen", "--key-type", "EC:prime256v1", "--id", "02"),
        ("pkcs11-tool", "--module", module, *pin, "--read-object", "--type", "pubkey", "--id", "02", "-o", "token.der"),
    ):
        run("env", *(f"{name}={value}" for name, value in token.items()), *step, cwd=bench.home)
    run("openssl", "pkey", "-pubin", "-inform", "DER", "-in", "token.der", "-out", "token.pub", cwd=bench.home)
    image = bench.image()
    path = str(Path(__file__).parents[2] / "src")
    environment = {**os.environ, **token, "PYTHONPATH": path, "HOME": str(bench.home), "COSIGN_PKCS11_PIN": "1234"}
    command = [python, "-c", CALL, "sign", image, "--key", "hsm:2?label=release", *bench.reach]
    done = subprocess.run(command, cwd=bench.home, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert bench.verified("verify", *OFFLINE, "--key", "token.pub", image), bench.said
    command[4] = bench.image()
    wrong = subprocess.run(
        command, cwd=bench.home, env={**environment, "COSIGN_PKCS11_PIN": "9999"}, capture_output=True, text=True
    )
    assert (wrong.returncode, "Traceback" in wrong.stderr, "9999" in wrong.stderr) == (2, False, False), wrong.stderr


def test_a_layout_copied_into_a_registry(bench: Bench) -> None:
    shutil.copytree(bench.home / "L", bench.home / "M")
    for layout in ("legacy", "bundle"):
        done = bench.thwart("sign", "oci:M:t", "--key", "ecdsa-p256.key", "--layout", layout)
        assert done.code == 0, done.err
        assert "before" in bench.thwart("sign", "oci:M:t", "--key", "ecdsa-p256.key", "--layout", layout).out
    image = bench.image()
    tag = bench.digest.replace(":", "-") + ".sig"
    to = f"docker://{image.partition('@')[0]}:{tag}"
    run(
        "skopeo",
        "copy",
        "-q",
        *bench.registry.skopeo,
        "--dest-creds",
        "alice:s3cret",
        f"oci:{bench.home / 'M'}:{tag}",
        to,
    )
    assert bench.verified("verify", *OFFLINE, "--key", "ecdsa-p256.pub", image), bench.said


def test_an_index_and_what_is_in_it(bench: Bench) -> None:
    image = bench.image()
    name, raw = image.partition("@")[0], (bench.home / "L" / "blobs" / bench.digest.replace(":", "/")).read_bytes()
    index = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": []}
    index["manifests"] = [
        {"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": bench.digest, "size": len(raw)}
    ]
    url = f"https://{self_host(name)}/v2/{name.partition('/')[2]}/manifests/multi"
    command = ["curl", "-sf", "--cacert", str(bench.registry.ca), "-u", "alice:s3cret", "-X", "PUT", url]
    run(*command, "-H", f"Content-Type: {index['mediaType']}", "-d", json.dumps(index))
    done = bench.thwart("sign", f"{name}:multi", "-r", "--key", "ecdsa-p256.key", *bench.reach)
    assert done.code == 0, done.err
    assert (len(done.out.splitlines()), "may move" in done.err) == (2, True)
    for one in (f"{name}:multi", image):
        assert bench.verified("verify", *OFFLINE, "--key", "ecdsa-p256.pub", one), bench.said


def self_host(name: str) -> str:
    return name.partition("/")[0]


def test_what_is_refused(bench: Bench) -> None:
    image = bench.image()
    key = ("--key", "ecdsa-p256.key", *bench.reach)
    wrong = bench.thwart("sign", image, *key, THWART_KEY_PASSPHRASE="battery staple")
    assert (wrong.code, "passphrase" in wrong.err) == (2, True)
    assert "battery" not in wrong.err + wrong.out
    public = bench.thwart("sign", image, "--key", "ecdsa-p256.pub", *bench.reach)
    assert (public.code, "private" in public.err) == (2, True)
    absent = bench.thwart("sign", image.partition("@")[0] + ":none", *key)
    assert (absent.code, "none" in absent.err) == (4, True)
    stranger = bench.thwart("sign", image, *key, HOME=str(bench.home / "nobody"))
    assert (stranger.code, "s3cret" in stranger.err) == (4, False)
    there = bench.thwart("sign", "--generate-key", "ecdsa-p256")
    assert (there.code, "not overwritten" in there.err) == (4, True)
    missing = bench.thwart("attest", image, "--provenance", *key, GITLAB_CI="true")
    assert (missing.code, "CI_COMMIT_BRANCH" in missing.err) == (2, True)


def test_every_signature_is_noted(bench: Bench) -> None:
    image = bench.image()
    assert thwart("log", "init", "--log", "record", home=bench.home).code == 0
    for _ in range(2):
        assert bench.thwart("sign", image, "--key", "ecdsa-p256.key", "--log", "record", *bench.reach).code == 0
    shown = thwart("log", "show", "--log", "record", "-o", "jsonl", home=bench.home).out.splitlines()
    assert [(json.loads(line)["kind"], json.loads(line)["digest"]) for line in shown] == [("signature", bench.digest)]
