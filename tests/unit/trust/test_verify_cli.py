"""`thwart verify`, `thwart trust` and `scan --trust-policy`: exit codes, words, JSON, discovery, memory."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.unit.fake_registry import Bench, Fake, Reply, bench  # noqa: F401 - a fixture
from tests.unit.trust.workshop import START, Workshop, public_pem
from thwart.api import _beside, _remembered
from thwart.api._verify import vouched
from thwart.cli import _command
from thwart.core.errors import SourceError
from thwart.core.report import Asset, Policy, Report, Vouched, Voucher
from thwart.core.trust import DENIED, VERIFIED, Attestation, Identity, Judgement, Reason, Signature

SHOP = Workshop()
AT = ("--at", (START + timedelta(hours=1)).isoformat())
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("THWART_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.delenv("DOCKER_CONFIG", raising=False)
    (tmp_path / "k.pub").write_bytes(public_pem(SHOP.root_key))
    (tmp_path / "other.pub").write_bytes(public_pem(SHOP.ca_key))

    def call(*arguments: str | Path) -> tuple[int, str, str]:
        code = _command(str(arguments[0]), [str(one) for one in arguments[1:]])
        return (code, *capsys.readouterr())

    return call


def write(folder: Path, name: str, data: bytes | str) -> Path:
    path = folder / name
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return path


def sign(folder: Path, name: str = "file") -> None:
    """A file and its signature beside it."""
    write(folder, name, b"hello")
    write(folder, f"{name}.sig", SHOP.base64(SHOP.sign(SHOP.root_key, b"hello")))


# -- files --------------------------------------------------------------------------------------------------------------


def test_a_file_with_its_signature_beside_it(run: Run, tmp_path: Path) -> None:
    sign(tmp_path)
    code, out, _ = run("verify", "file", "--key", "k.pub")
    assert (code, out.splitlines()[0]) == (0, "verified: file")
    code, out, _ = run("verify", "file", "--key", "other.pub")
    assert code == 1
    assert "not counted: the signature is not right under any of the 1 trusted keys [wrong-key] at " in out
    write(tmp_path, "file", b"hullo")
    assert run("verify", "file", "--key", "k.pub")[0] == 1


def test_a_digest_in_place_of_a_file(run: Run, tmp_path: Path) -> None:
    sign(tmp_path)
    digest = "sha256:" + hashlib.sha256(b"hello").hexdigest()
    assert run("verify", digest, "--key", "k.pub", "--signature", "file.sig")[0] == 0
    assert run("verify", digest, "--key", "k.pub")[0] == 1


def test_a_keyless_bundle(run: Run, tmp_path: Path) -> None:
    write(tmp_path, "file", b"hello")
    write(tmp_path, "file.sigstore.json", json.dumps(SHOP.bundle(b"hello")))
    write(tmp_path, "root.json", SHOP.trusted_root())
    who = ("--identity", "dev@example.test", "--issuer", "https://id.example.test", "--trusted-root", "root.json")
    code, out, _ = run("verify", "file", *who, *AT)
    assert (code, "no-sct" in out) == (1, True)  # the workshop's leaf has no promise unless asked for one
    write(tmp_path, "ca.pem", SHOP.pem(SHOP.root, SHOP.intermediate))
    own = ("--identity", "dev@example.test", "--issuer", "https://id.example.test", "--ca", "ca.pem")
    write(tmp_path, "rekor.pub", public_pem(SHOP.log_key))
    code, out, _ = run("verify", "file", *own, "--rekor-key", "rekor.pub", "--require-log", *AT, "-o", "json")
    (result,) = json.loads(out)["results"]
    assert (code, result["decision"]) == (0, "verified"), result
    assert result["signatures"][0]["identity"] == {
        "subject": "dev@example.test",
        "kind": "email",
        "issuer": "https://id.example.test",
    }
    eve = ("--identity", "eve@example.test", *own[2:])
    code, out, _ = run("verify", "file", *eve, "--rekor-key", "rekor.pub", *AT)
    assert (code, "[wrong-identity]" in out) == (1, True)
    pattern = ("--identity-regexp", "^.*@example\\.test$", *own[2:], "--rekor-key", "rekor.pub", *AT)
    assert run("verify", "file", *pattern)[0] == 0


def test_a_bare_signature_with_a_certificate(run: Run, tmp_path: Path) -> None:
    certificate, key = SHOP.leaf()
    write(tmp_path, "file", b"hello")
    write(tmp_path, "s", SHOP.sign(key, b"hello"))
    pem = SHOP.pem(certificate)
    write(tmp_path, "ca.pem", SHOP.pem(SHOP.root))
    write(tmp_path, "chain.pem", SHOP.pem(SHOP.intermediate))
    who = ("--identity", "dev@example.test", "--ca", "ca.pem", "--signature", "s", "--certificate-chain", "chain.pem")
    for form in (pem, SHOP.base64(pem).encode()):
        write(tmp_path, "c", form)
        code, out, _ = run("verify", "file", *who, "--certificate", "c", "--at", START.isoformat())
        assert code == 0, out


@pytest.mark.parametrize(
    ("flags", "complaint"),
    [
        ((), "nothing says who is trusted"),
        (("--identity", "dev@example.test"), "no authority is trusted"),
        (("--key", "k.pub", "--threshold", "2"), "--threshold must be"),
        (("--key", "k.pub", "--identity", "x", "--issuer", "y"), "two requirements"),
        (("--key", "gone.pub"), "cannot be read"),
        (("--key", "file"), "is not a public key"),
        (("--identity", "*", "--issuer", "y", "--ca", "k.pub"), "no name"),
        (("--identity-regexp", ".*", "--issuer", "y", "--ca", "k.pub"), "must begin with ^"),
        (("--key", "k.pub", "--certificate", "k.pub"), "belongs to a signature"),
        (("--key", "k.pub", "--trust-policy", "p.toml"), "put all into the policy"),
        (("--key", "k.pub", "--annotation", "x"), "not NAME=VALUE"),
    ],
)
def test_carelessness_is_refused(run: Run, tmp_path: Path, flags: tuple[str, ...], complaint: str) -> None:
    write(tmp_path, "file", b"hello")
    code, _, err = run("verify", "file", *flags)
    assert code == 2
    assert complaint in err


def test_what_cannot_be_reached(run: Run, tmp_path: Path) -> None:
    assert run("verify", "./gone", "--key", "k.pub")[0] == 4
    assert run("verify", "oci:gone", "--key", "k.pub")[0] == 4
    code, _, err = run("verify", "registry.example.test/x:1", "--key", "k.pub", "--offline")
    assert (code, "offline" in err) == (4, True)
    (tmp_path / "folder").mkdir()
    assert run("verify", "folder", "--key", "k.pub")[0] == 2


def test_an_image_by_digest_is_unknown_offline(run: Run) -> None:
    code, out, _ = run("verify", "registry.example.test/x@sha256:" + "0" * 64, "--key", "k.pub", "--offline")
    assert (code, out.splitlines()[0].partition(":")[0]) == (3, "unknown")


def test_a_docker_archive_says_so(run: Run, tmp_path: Path) -> None:
    import tarfile

    write(tmp_path, "manifest.json", b"[]")
    with tarfile.open(tmp_path / "i.tar", "w") as archive:
        archive.add(tmp_path / "manifest.json", "manifest.json")
    code, _, err = run("verify", "archive:i.tar", "--key", "k.pub")
    assert (code, "docker-archive" in err) == (4, True)


def test_formats_of_what_lies_beside(tmp_path: Path) -> None:
    write(tmp_path, "f", b"hello")
    lines = b'{"payloadType": "x"}\n{"payloadType": "y"}\n'
    cases = {
        ".sigstore.json": b'{"verificationMaterial": {}}',
        ".bundle": b'{"base64Signature": ""}',
        ".intoto.jsonl": lines,
        ".sigstore": b"{",
    }
    for suffix, content in cases.items():
        write(tmp_path, f"f{suffix}", content)
    found = _beside.beside_file(tmp_path / "f", _beside.FileEvidence())
    assert [piece.format for piece in found.pieces] == ["bundle", "bundle", "detached", "dsse", "dsse"]


# -- policies -----------------------------------------------------------------------------------------------------------

POLICY = """
[roots]
keys = {release = "keys/k.pub"}

[[trust]]
scope = "files"
key = "release"
"""


def test_a_policy_with_roots_beside_it(run: Run, tmp_path: Path) -> None:
    sign(tmp_path)
    (tmp_path / "policy" / "keys").mkdir(parents=True)
    (tmp_path / "k.pub").rename(tmp_path / "policy" / "keys" / "k.pub")
    write(tmp_path, "policy/p.toml", POLICY)
    code, out, _ = run("verify", "file", "--trust-policy", "policy/p.toml")
    assert code == 0, out
    assert run("trust", "policy", "check", "policy/p.toml") == (0, "policy/p.toml: no flaws\n", "")
    write(
        tmp_path, "thwart.toml", POLICY.replace('keys = {release = "keys/k.pub"}', "").replace("release", "other.pub")
    )
    write(tmp_path, "thwart.toml", '[[trust]]\nscope = "files"\nkey = "other.pub"\n')
    assert run("verify", "file")[0] == 1  # the nearest settings speak where no flag does


@pytest.mark.parametrize(
    "text", ["roots = 3", "[roots]\nkee = {}", "[roots]\nkeys = 3", "[roots.keys]\na = 3", '[roots.keys]\na = "gone"']
)
def test_roots_that_are_none(run: Run, tmp_path: Path, text: str) -> None:
    write(tmp_path, "p.toml", f'{text}\n[[trust]]\nscope = "files"\nkey = "k.pub"\n')
    assert run("trust", "policy", "check", "p.toml")[0] == 2


def test_a_policy_that_cannot_be_met(run: Run, tmp_path: Path) -> None:
    text = '[[trust]]\nscope = "files"\nat-least = 2\nkeys = ["k.pub", "same.pub"]\n'
    write(tmp_path, "same.pub", public_pem(SHOP.root_key))
    write(tmp_path, "p.toml", text)
    code, out, _ = run("trust", "policy", "check", "p.toml")
    assert (code, "[unreachable]" in out) == (1, True)


def test_keys_and_roots_are_shown(run: Run, tmp_path: Path) -> None:
    code, out, _ = run("trust", "keys", "k.pub")
    assert (code, "ECDSA secp256r1  sha256:" in out) == (0, True)
    write(tmp_path, "leaf.pem", SHOP.pem(SHOP.leaf()[0]))
    code, out, _ = run("trust", "keys", "leaf.pem")
    assert "dev@example.test (https://id.example.test)" in out
    write(tmp_path, "root.json", SHOP.trusted_root())
    code, out, _ = run("trust", "roots", "root.json")
    assert (code, "transparency log, ECDSA secp256r1" in out, "log.example.test" in out) == (0, True, True)
    assert run("trust", "keys", "root.json")[0] == 2


# -- images -------------------------------------------------------------------------------------------------------------


def image(fake: Fake) -> str:
    """Route a signed image; its digest."""
    raw, digest = fake.add_manifest({"schemaVersion": 2, "config": {"digest": "sha256:" + "0" * 64}, "layers": []})
    assert raw
    payload = {
        "critical": {
            "identity": {"docker-reference": "x"},
            "image": {"docker-manifest-digest": digest},
            "type": "cosign container image signature",
        },
        "optional": None,
    }
    content = json.dumps(payload).encode()
    notes = {"dev.cosignproject.cosign/signature": SHOP.base64(SHOP.sign(SHOP.root_key, content))}
    layer = {
        "mediaType": "application/vnd.dev.cosign.simplesigning.v1+json",
        "digest": fake.add_blob(content),
        "size": len(content),
        "annotations": notes,
    }
    tag = digest.replace(":", "-")
    fake.add_manifest({"schemaVersion": 2, "config": {}, "layers": [layer]}, f"{tag}.sig")
    return digest


def test_an_image_is_verified_denied_and_unknown(bench: Bench, run: Run) -> None:  # noqa: F811
    fake = bench.fake()
    digest = image(fake)
    name = f"{fake.host}/demo/app:1"
    code, out, _ = run("verify", name, "--key", "k.pub", "--plain-http", "-o", "json")
    (result,) = json.loads(out)["results"]
    assert (code, result["digests"], result["tag"]) == (0, [digest], "1")
    assert run("verify", name, "--key", "other.pub", "--plain-http")[0] == 1
    fake.routes[f"/v2/demo/app/manifests/{digest.replace(':', '-')}.att"] = Reply(403)
    code, out, _ = run("verify", name, "--key", "other.pub", "--plain-http")
    assert (code, "[forbidden]" in out) == (3, True)  # what could not be read might have vouched
    assert run("verify", name, "--key", "k.pub", "--plain-http")[0] == 0
    assert run("verify", f"{fake.host}/demo/gone:1", "--key", "k.pub", "--plain-http")[0] == 4
    code, out, _ = run("verify", name, f"{fake.host}/demo/gone:1", "--key", "k.pub", "--plain-http")
    assert (code, out.count("verified")) == (4, 1)  # one that fails does not keep the others back


def test_the_platform_s_manifest_instead_of_the_index(bench: Bench, run: Run) -> None:  # noqa: F811
    fake = bench.fake()
    digest = image(fake)
    kind = "application/vnd.oci.image.manifest.v1+json"
    size = len(fake.routes[f"/v2/demo/app/manifests/{digest}"].body)
    entry = {"mediaType": kind, "digest": digest, "size": size, "platform": {"os": "linux", "architecture": "arm64"}}
    fake.add_manifest({"schemaVersion": 2, "manifests": [entry]}, "many", "application/vnd.oci.image.index.v1+json")
    name = f"{fake.host}/demo/app:many"
    assert run("verify", name, "--key", "k.pub", "--plain-http")[0] == 1
    assert run("verify", name, "--key", "k.pub", "--plain-http", "--platform", "linux/arm64")[0] == 0


# -- what is remembered and reported ------------------------------------------------------------------------------------


def test_versions_are_remembered_and_never_fall(tmp_path: Path) -> None:
    assert _remembered.recall(tmp_path) == {}
    _remembered.remember(tmp_path, {}, {"a": 3, "b": 1})
    _remembered.remember(tmp_path, {}, {"a": 2})  # by a run that began before the first one ended
    assert _remembered.recall(tmp_path) == {"a": 3, "b": 1}
    _remembered.remember(tmp_path, {"a": 3, "b": 1}, {"a": 4})  # what the trust room forgets is forgotten
    assert _remembered.recall(tmp_path) == {"a": 4}
    for wrong in (b"[]", b"{", b'{"a": "1"}', b'{"a": true}'):
        (tmp_path / "trust.json").write_bytes(wrong)
        with pytest.raises(SourceError):
            _remembered.recall(tmp_path)


SIGNATURE = Signature(
    format="bundle", where="w", digest="d", key="sha256:k", identity=Identity(subject="s", kind="uri")
)


def test_a_judgement_in_a_report() -> None:
    attested = Attestation(signature=SIGNATURE, predicate_type="https://slsa.dev/provenance/v1", predicate={})
    judgement = Judgement(
        decision=VERIFIED,
        rule="**",
        reasons=(Reason(slug="met", sentence="fine"),),
        signatures=(SIGNATURE, SIGNATURE),
        attestations=(attested,),
    )
    kept = vouched(judgement)
    assert [(one.who, one.predicate_type) for one in kept.by] == [("s", ""), ("s", "https://slsa.dev/provenance/v1")]
    assert (kept.decision, kept.rule, kept.reasons) == ("verified", "**", ("fine",))


@pytest.mark.parametrize(
    ("kept", "signatures", "attestations"),
    [
        (None, "unknown", "unknown"),
        (Vouched(decision=DENIED, reasons=("no",)), "deny", "deny"),
        (Vouched(decision="unknown"), "unknown", "unknown"),
        (Vouched(decision=VERIFIED), "allow", "deny"),
        (Vouched(decision=VERIFIED, by=(Voucher(format="dsse", who="w", predicate_type="p"),)), "allow", "allow"),
    ],
)
def test_the_gate_asks_who_vouches(kept: Vouched | None, signatures: str, attestations: str) -> None:
    from datetime import date

    from thwart import gate
    from thwart.core.policy import Clause

    report = Report(asset=Asset(kind="image", name="x"), tool_version="1", created="c", documents=1, vouched=kept)
    cases: list[tuple[str, object, str]] = [("signatures", True, signatures), ("attestations", ["p"], attestations)]
    for name, value, expected in cases:
        policy = Policy(clauses=(Clause(name=name, value=value),))
        _, verdict = gate.decide(report, policy, date(2026, 1, 2))
        assert verdict.decision == expected, name


def test_what_vouches_survives_the_journey_through_json() -> None:
    from thwart.core.report import Verdict
    from thwart.reports import RenderOptions, write
    from thwart.reports.json_v1 import read_json

    kept = Vouched(decision=VERIFIED, rule="**", reasons=("r",), by=(Voucher(format="cosign", who="k", issuer="i"),))
    report: Any = Report(asset=Asset(kind="image", name="x"), tool_version="1", created="c", vouched=kept)
    found, _ = read_json(write("json", [(report, Verdict(decision="allow"))], RenderOptions()))
    assert found.vouched == kept


def test_content_trust_from_a_mirror_and_its_rollback(run: Run, tmp_path: Path) -> None:
    from tests.unit.trust import notary_workshop

    notary = notary_workshop.Notary()
    write(tmp_path, "root.pin", notary.root())
    mirror = tmp_path / "mirror"
    mirror.mkdir()
    name = f"{notary_workshop.GUN}:v1@{notary_workshop.DIGEST}"
    flags = ("--notary", "mirror", "--pin", "root.pin", "--offline", "--at", notary_workshop.NOW.isoformat())
    old = notary.files()
    notary.versions |= {"timestamp": 5, "snapshot": 5}
    for version, expected in ((notary.files(), 0), (old, 3)):
        for role, data in version.items():
            write(mirror, f"{role}.json", data)
        code, out, _ = run("verify", name, *flags)
        assert code == expected, out
    assert "[rollback]" in out
    assert run("verify", name, "--key", "k.pub", "--notary", "gone", "--offline")[0] == 4


@pytest.mark.parametrize("name", ["notation-policy", "trust-store"])
def test_notation_s_policy_needs_its_store(run: Run, tmp_path: Path, name: str) -> None:
    write(tmp_path, "file", b"hello")
    assert run("verify", "file", f"--{name}", "x")[0] == 2


def test_notation_s_policy_is_obeyed(run: Run, tmp_path: Path) -> None:
    statement = {
        "name": "all",
        "registryScopes": ["*"],
        "signatureVerification": {"level": "strict"},
        "trustStores": ["ca:acme"],
        "trustedIdentities": ["*"],
    }
    write(tmp_path, "trustpolicy.json", json.dumps({"version": "1.0", "trustPolicies": [statement]}))
    store = tmp_path / "store" / "x509" / "ca" / "acme"
    store.mkdir(parents=True)
    write(store, "root.pem", SHOP.pem(SHOP.root))
    write(tmp_path, "file", b"hello")
    flags = ("--notation-policy", "trustpolicy.json", "--trust-store", "store")
    assert run("verify", "file", *flags, "--as", "registry.example.test/app", *AT)[0] == 1
    assert run("trust", "policy", "check", "trustpolicy.json")[0] == 0
    write(tmp_path, "trustpolicy.json", json.dumps({"version": "1.0", "trustPolicies": [{}]}))
    assert run("trust", "policy", "check", "trustpolicy.json")[0] == 2


def test_a_file_s_bundle_may_hold_a_statement(run: Run, tmp_path: Path) -> None:
    write(tmp_path, "file", b"hello")
    digest = hashlib.sha256(b"hello").hexdigest()
    statement = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "file", "digest": {"sha256": digest}}],
        "predicateType": "https://example.test/p/v1",
        "predicate": {},
    }
    kind, payload = "application/vnd.in-toto+json", json.dumps(statement).encode()
    signature = SHOP.sign(SHOP.root_key, b"DSSEv1 %d %s %d %s" % (len(kind), kind.encode(), len(payload), payload))
    envelope = {
        "payloadType": kind,
        "payload": SHOP.base64(payload),
        "signatures": [{"sig": SHOP.base64(signature)}],
    }
    write(tmp_path, "e.json", json.dumps(envelope))
    assert run("verify", "file", "--key", "k.pub", "--attestation", "e.json")[0] == 0
    assert run("verify", "file", "--key", "other.pub", "--attestation", "e.json")[0] == 1
    typed = ("--type", "https://example.test/other")
    assert run("verify", "file", "--key", "k.pub", "--attestation", "e.json", *typed)[0] == 1
    write(tmp_path, "file", b"hullo")
    assert run("verify", "file", "--key", "k.pub", "--attestation", "e.json")[0] == 1


def test_a_tuf_repository_without_a_key(run: Run, tmp_path: Path) -> None:
    from tests.unit.trust import test_tuf

    repository = test_tuf.Repository()
    for name, data in repository.all().items():
        write(folder(tmp_path, "mirror/metadata"), name, data)
    write(tmp_path, "root.pin", repository.files["1.root.json"])
    target = write(folder(tmp_path, "mirror/targets/dir"), "a.txt", test_tuf.CONTENT)
    flags = ("--tuf", "mirror", "--pin", "root.pin", "--at", test_tuf.NOW.isoformat())
    code, out, _ = run("verify", target, *flags)
    assert (code, out.splitlines()[0]) == (0, f"verified: {target}"), out
    target.write_bytes(b"other")
    assert run("verify", target, *flags)[0] == 1
    assert run("verify", target, "--tuf", "mirror")[0] == 2  # nobody is trusted


def folder(above: Path, name: str) -> Path:
    path = above / name
    path.mkdir(parents=True, exist_ok=True)
    return path


def test_content_trust_from_a_server(run: Run, tmp_path: Path, bench: Bench) -> None:  # noqa: F811
    from tests.unit.trust import notary_workshop

    fake = bench.fake()
    raw, digest = fake.add_manifest({"schemaVersion": 2, "config": {}, "layers": []})
    gun = f"{fake.host}/demo/app"
    notary = notary_workshop.Notary(gun)
    notary.targets = {"1": notary_workshop.target(digest, len(raw))}
    write(tmp_path, "root.pin", notary.root())
    for role, data in notary.files().items():
        fake.routes[f"/v2/{gun}/_trust/tuf/{role}.json"] = Reply(200, data)
    flags = ("--pin", "root.pin", "--at", notary_workshop.NOW.isoformat(), "--notary", f"http://{fake.host}")
    code, out, err = run("verify", f"{gun}:1", *flags, "--plain-http")
    assert (code, out.splitlines()[0]) == (0, f"verified: {gun}:1"), err
    code, _, err = run("verify", f"{gun}:1@{digest}", *flags, "--offline")
    assert (code, "is not encrypted" in err) == (2, True)


def test_settings_hold_a_policy_and_its_roots(run: Run, tmp_path: Path) -> None:
    sign(tmp_path)
    body = 'keys = {release = "k.pub"}\n[[%strust]]\nscope = "files"\nkey = "release"\n'
    write(tmp_path, "thwart.toml", 'fail-on = "low"\n[roots]\n' + body % "")
    assert run("verify", "file")[0] == 0
    write(tmp_path, "thwart.toml", "[root]\n" + body % "")
    code, _, err = run("verify", "file")
    assert (code, "error[config]" in err) == (2, True)
    (tmp_path / "thwart.toml").unlink()
    write(tmp_path, "pyproject.toml", "[tool.thwart.roots]\n" + body % "tool.thwart.")
    assert run("verify", "file")[0] == 0
    write(tmp_path, "pyproject.toml", '[tool.thwart]\nfail-on = "low"\n')
    code, _, err = run("verify", "file")
    assert (code, "nothing says who is trusted" in err) == (2, True)


def test_keys_seen_first_bind_only_where_that_is_allowed(run: Run, tmp_path: Path) -> None:
    from tests.unit.trust import notary_workshop

    name = f"{notary_workshop.GUN}:v1@{notary_workshop.DIGEST}"
    flags = ("--notary", "mirror", "--offline", "--at", notary_workshop.NOW.isoformat(), "--trust-policy")
    write(tmp_path, "strict.toml", notary_workshop.POLICY)
    write(tmp_path, "lax.toml", notary_workshop.FIRST_USE)
    write(tmp_path, "wrong.toml", notary_workshop.FIRST_USE.replace("unsafe", 'subject = "targets/none", unsafe'))
    stranger, owner = notary_workshop.Notary(), notary_workshop.Notary()
    mirror = folder(tmp_path, "mirror")
    for notary, policy, expected in (
        (stranger, "strict.toml", 3),
        (stranger, "wrong.toml", 3),
        (owner, "lax.toml", 0),
        (owner, "strict.toml", 3),
        (stranger, "lax.toml", 3),
        (owner, "lax.toml", 0),
    ):
        for role, data in notary.files().items():
            write(mirror, f"{role}.json", data)
        code, out, _ = run("verify", name, *flags, policy)
        assert code == expected, (policy, out)
