"""Timestamps that OpenSSL's time-stamping authority makes (RFC 3161)."""

from __future__ import annotations

import hashlib
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.real.conftest import need
from tests.unit.trust.workshop import Workshop, public_pem
from thwart import trust
from thwart.core.trust import DENIED, VERIFIED, Artifact, Evidence, Judgement, Piece, Roots
from thwart.trust import policy

pytestmark = pytest.mark.real

CONFIG = """
[tsa]
serial = serial
crypto_device = builtin
signer_digest = sha256
default_policy = 1.2.3.4
digests = sha256
accuracy = secs:1
ess_cert_id_alg = sha256
[ca]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign
[leaf]
extendedKeyUsage = {usage}
"""
SHOP = Workshop()
DATA = b"hello"
SIGNATURE = SHOP.sign(SHOP.root_key, DATA)


def openssl(folder: Path, *arguments: str) -> None:
    done = subprocess.run(["openssl", *arguments], cwd=folder, capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr


def authority(folder: Path, usage: str = "critical,timeStamping") -> Path:
    need("openssl")
    (folder / "c").write_text(CONFIG.format(usage=usage))
    (folder / "serial").write_text("01\n")
    curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    openssl(folder, "req", "-x509", *curve, "-subj", "/CN=tsa-root", "-keyout", "r.key", "-out", "r.pem", "-config", "c", "-extensions", "ca")  # fmt: skip
    openssl(folder, "req", *curve, "-subj", "/CN=tsa", "-keyout", "t.key", "-out", "t.csr", "-config", "/dev/null")
    openssl(folder, "x509", "-req", "-in", "t.csr", "-CA", "r.pem", "-CAkey", "r.key", "-CAcreateserial", "-days", "9", "-extfile", "c", "-extensions", "leaf", "-out", "t.pem")  # fmt: skip
    return folder


def stamp(folder: Path, data: bytes, *options: str) -> bytes:
    (folder / "data").write_bytes(data)
    openssl(folder, "ts", "-query", "-data", "data", "-sha256", *options, "-out", "q.tsq")
    openssl(folder, "ts", "-reply", "-config", "c", "-section", "tsa", "-queryfile", "q.tsq", "-signer", "t.pem", "-inkey", "t.key", "-out", "r.tsr")  # fmt: skip
    return (folder / "r.tsr").read_bytes()


def judge(token: bytes, *trusted: Path) -> Judgement:
    annotations = {"dev.sigstore.cosign/rfc3161timestamp": f'{{"SignedRFC3161Timestamp": "{SHOP.base64(token)}"}}'}
    piece = Piece(format="detached", where="f.sig", content=SIGNATURE, annotations=annotations)
    roots = Roots(
        keys={"release": public_pem(SHOP.root_key)},
        timestamping={"own": b"".join(path.read_bytes() for path in trusted)} if trusted else {},
    )
    stated = policy.parse(b'[[trust]]\nscope = "files"\nkey = "release"\ntimestamp = true', "thwart.toml")
    artifact = Artifact(digests=("sha256:" + hashlib.sha256(DATA).hexdigest(),))
    now = datetime.now(UTC) + timedelta(minutes=1)
    return trust.verify(artifact, Evidence(pieces=(piece,)), stated, trust.read_roots(roots), now)


@pytest.mark.parametrize("options", [(), ("-cert",)], ids=["without certificate", "with certificate"])
def test_a_timestamp_over_the_signature(tmp_path: Path, options: tuple[str, ...]) -> None:
    folder = authority(tmp_path)
    token = stamp(folder, SIGNATURE, *options)
    judgement = judge(token, folder / "t.pem", folder / "r.pem")
    assert judgement.decision == VERIFIED, judgement.refused
    assert judgement.signatures[0].moments[0].source == "timestamp"
    assert (judge(token, folder / "r.pem").decision == VERIFIED) is bool(options)  # without it, the leaf must be known


def test_timestamps_that_prove_nothing(tmp_path: Path) -> None:
    folder = authority(tmp_path)
    chain = (folder / "t.pem", folder / "r.pem")
    assert judge(stamp(folder, b"something else", "-cert"), *chain).refused[0].slug == "timestamp"
    token = stamp(folder, SIGNATURE, "-cert")
    assert judge(token).refused[0].slug == "no-timestamp"  # nobody is trusted for timestamps
    (tmp_path / "other").mkdir()
    other = authority(tmp_path / "other")
    assert judge(token, other / "t.pem", other / "r.pem").refused[0].slug == "timestamp"
    for broken in (token[:-1], token[:50], b"", token[:-20] + bytes(20)):
        assert judge(broken, *chain).decision == DENIED


def test_an_authority_for_other_things_too(tmp_path: Path) -> None:
    folder = authority(tmp_path, "timeStamping")  # not critical
    need("openssl")
    (folder / "data").write_bytes(SIGNATURE)
    openssl(folder, "ts", "-query", "-data", "data", "-sha256", "-cert", "-out", "q.tsq")
    reply = "ts -reply -config c -section tsa -queryfile q.tsq -signer t.pem -inkey t.key -out r.tsr"
    done = subprocess.run(["openssl", *reply.split()], cwd=folder, capture_output=True)
    if done.returncode:
        pytest.skip("this OpenSSL refuses to be such an authority")
    assert judge((folder / "r.tsr").read_bytes(), folder / "r.pem").decision == DENIED
