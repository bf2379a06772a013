"""The server around the decisions: pages, certificates, files that change, the record, and what it loads."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.unit.admission.test_reviews import PRIVILEGED, admission, pod, review
from tests.unit.trust.workshop import Workshop, public_pem
from thwart.api import record
from thwart.api.admission import Admission, AdmissionOptions, Decision, Images
from thwart.api.admission._registry import RegistryAccess
from thwart.core.errors import ConfigError, SourceError
from thwart.server._judging import Files, Read, Watched
from thwart.server._recording import Recorder
from thwart.server.admission import App
from thwart.server.certificates import Folder, ServeError, authority_in, make

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
SERVE = "from thwart.cli import _command; import sys; raise SystemExit(_command('serve', sys.argv[1:]))"


class Fixed:
    """Judging that never changes."""

    images: Images | None = None
    trouble = ""

    def __init__(self) -> None:
        self.current = admission()


def asked(app: App, path: str, body: bytes = b"", method: str = "POST", query: bytes = b"") -> tuple[int, bytes]:
    begin, whole = sent_by(app, path, body, method, query)
    return begin["status"], whole["body"]


def headers(app: App, path: str, body: bytes) -> dict[bytes, bytes]:
    return dict(sent_by(app, path, body)[0]["headers"])


def sent_by(app: App, path: str, body: bytes = b"", method: str = "POST", query: bytes = b"") -> list[Any]:
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "path": path, "method": method, "query_string": query}
    asyncio.run(app(scope, receive, send))
    return sent


# -- pages ---------------------------------------------------------------------------------------------------------------


def test_a_review_is_answered_noted_and_counted() -> None:
    noted: list[Decision] = []
    app = App(Fixed(), noted.append)
    status, body = asked(app, "/validate", review(PRIVILEGED), query=b"timeout=5s")
    assert (status, json.loads(body)["response"]["allowed"]) == (200, False)
    assert [(one.outcome, one.allowed) for one in noted] == [("deny", False)]
    assert 'reviews_total{webhook="validate",outcome="deny"} 1' in app.metrics()
    assert "thwart_admission_duration_seconds_count 1" in app.metrics()


def test_what_is_exempt_is_not_noted() -> None:
    noted: list[Decision] = []
    asked(App(Fixed(), noted.append), "/validate", review(PRIVILEGED, namespace="kube-system"))
    assert noted == []


@pytest.mark.parametrize(
    ("path", "method", "status"),
    [
        ("/healthz", "GET", 200),
        ("/metrics", "GET", 200),
        ("/x", "GET", 404),
        ("/x", "POST", 405),
        ("/mutate", "GET", 405),
    ],
)
def test_pages(path: str, method: str, status: int) -> None:
    assert asked(App(Fixed()), path, method=method)[0] == status


def test_what_is_no_review_is_a_bad_request_and_what_is_too_large_is_told() -> None:
    app = App(Fixed())
    assert asked(app, "/validate", b"{}")[0] == 400
    assert asked(app, "/validate", b" " * (9 << 20))[0] == 413


def test_readiness_tells_what_is_not_in_force_and_ends_with_the_server() -> None:
    judging = Fixed()
    app = App(judging, None, lambda: 3)
    judging.trouble = "what changed is not in force: because"
    status, body = asked(app, "/readyz", method="GET")
    assert (status, body) == (200, b"ready\nwhat changed is not in force: because\n3 decisions are not on the record\n")
    app.ready = False
    assert asked(app, "/readyz", method="GET")[0] == 503


def test_at_the_end_clients_are_told_to_leave_with_their_answers() -> None:
    app = App(Fixed())
    assert b"connection" not in headers(app, "/validate", review(pod()))
    app.ready = False
    assert headers(app, "/validate", review(pod()))[b"connection"] == b"close"


# -- certificates --------------------------------------------------------------------------------------------------------


def test_certificates_are_made_once_and_renewed_before_they_end(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "tls", ("web.shop.svc", "127.0.0.1"))
    assert folder.ensure(NOW)
    first = (tmp_path / "tls" / "tls.crt").read_bytes()
    authority = (tmp_path / "tls" / "ca.crt").read_bytes()
    assert not folder.ensure(NOW + timedelta(days=59))
    assert folder.ensure(NOW + timedelta(days=61))
    assert (tmp_path / "tls" / "tls.crt").read_bytes() != first
    assert (tmp_path / "tls" / "ca.crt").read_bytes() == authority
    assert (tmp_path / "tls" / "tls.key").stat().st_mode & 0o077 == 0
    assert Folder(tmp_path / "tls", ("other.svc",)).ensure(NOW + timedelta(days=61)), "another name"


def test_replicas_share_an_authority(tmp_path: Path) -> None:
    shared = tmp_path / "authority"
    bundle, _ = authority_in(shared, NOW)
    for name in ("a", "b"):
        Folder(tmp_path / name, ("web.shop.svc",), shared).ensure(NOW)
        assert not (tmp_path / name / "ca.key").exists()
    assert (tmp_path / "a" / "tls.crt").read_bytes() != (tmp_path / "b" / "tls.crt").read_bytes()
    assert authority_in(shared, NOW)[0] == bundle


def test_given_certificates_are_left_alone_and_half_a_pair_is_not_taken(tmp_path: Path) -> None:
    one, other = make(("a.svc",), NOW), make(("a.svc",), NOW)
    (tmp_path / "tls.crt").write_bytes(one.certificate)
    (tmp_path / "tls.key").write_bytes(one.key)
    folder, context = Folder(tmp_path, ("b.svc",)), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    assert not folder.ensure(NOW + timedelta(days=1_000))
    assert folder.load(context)
    assert not folder.load(context)
    (tmp_path / "tls.crt").write_bytes(other.certificate)
    with pytest.raises(ServeError):
        folder.load(context)
    (tmp_path / "tls.key").write_bytes(other.key)
    assert folder.load(context)


def test_an_authority_that_is_none_is_told(tmp_path: Path) -> None:
    (tmp_path / "ca.crt").write_text("x")
    (tmp_path / "ca.key").write_text("x")
    with pytest.raises(ServeError):
        Folder(tmp_path / "tls", ("a.svc",), tmp_path).ensure(NOW)


# -- the whole server ----------------------------------------------------------------------------------------------------


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[int, Path, subprocess.Popen[bytes]]]:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    words = ["--admission", "--tls", str(tmp_path / "tls"), "--listen", f"127.0.0.1:{port}", "--drain", "0.2"]
    process = subprocess.Popen([sys.executable, "-c", SERVE, *words], stderr=subprocess.PIPE, cwd=tmp_path)
    try:
        for _ in range(200):
            with socket.socket() as one:
                if one.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        yield port, tmp_path / "tls", process
    finally:
        process.kill()
        process.communicate()


def connected(port: int, folder: Path) -> ssl.SSLSocket:
    context = ssl.create_default_context(cafile=folder / "ca.crt")
    return context.wrap_socket(socket.create_connection(("127.0.0.1", port), 10), server_hostname="localhost")


def exchanged(connection: ssl.SSLSocket) -> bytes:
    connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
    data = b""
    while not data.endswith(b"\r\n\r\nok\n"):
        data += connection.recv(4096)
    return data


def test_a_new_certificate_is_served_without_a_restart_and_sigterm_ends_it_well(
    served: tuple[int, Path, subprocess.Popen[bytes]],
) -> None:
    port, folder, process = served
    with connected(port, folder) as old:
        assert b"200 OK" in exchanged(old)
        seen = old.getpeercert(binary_form=True)
        authority = (folder / "ca.crt").read_bytes(), (folder / "ca.key").read_bytes()
        fresh = make(("localhost", "127.0.0.1", "thwart-admission.thwart.svc"), datetime.now(UTC), authority)
        (folder / "tls.key").write_bytes(fresh.key)
        (folder / "tls.crt").write_bytes(fresh.certificate)
        for _ in range(100):
            with connected(port, folder) as new:
                if new.getpeercert(binary_form=True) != seen:
                    break
            time.sleep(0.1)
        else:
            pytest.fail("the new certificate is not served")
        assert b"200 OK" in exchanged(old), "the old connection goes on"
    process.terminate()
    assert process.wait(15) == 0


# -- one review without a server -----------------------------------------------------------------------------------------


def reviewed(folder: Path, body: bytes, *words: str, file: str = "-") -> tuple[int, str, str]:
    command = [sys.executable, "-c", SERVE, "--admission", "--review", file, *words]
    done = subprocess.run(command, input=body, capture_output=True, cwd=folder, check=False)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def test_a_review_is_answered_without_a_server(tmp_path: Path) -> None:
    code, out, err = reviewed(tmp_path, review(PRIVILEGED))
    response = json.loads(out)["response"]
    assert (code, err, response["uid"], response["allowed"]) == (1, "", "u-1", False)
    assert "privileged-container" in response["status"]["message"]
    (tmp_path / "good.json").write_bytes(review(pod()))
    code, out, _ = reviewed(tmp_path, b"", "--framework", "pss-restricted", file="good.json")
    assert (code, json.loads(out)["response"]["allowed"]) == (0, True)
    code, out, _ = reviewed(tmp_path, review(PRIVILEGED), "--dry-run")
    assert (code, json.loads(out)["response"]["allowed"]) == (0, True)
    assert "would have been refused" in json.loads(out)["response"]["warnings"][0]


def test_a_review_without_a_server_is_recorded(tmp_path: Path) -> None:
    files = record.LogFiles(folder=tmp_path / "log")
    record.make(files, "example.test/log")
    assert reviewed(tmp_path, review(PRIVILEGED), "--log", "log")[0] == 1
    [entry] = list(record.shown(record.open_log(files)))
    assert (entry["kind"], entry["decision"]) == ("admission", "deny")
    assert entry["details"] == {"allowed": "no", "images": "registry.example.test/web:1"}


@pytest.mark.parametrize(
    ("body", "words", "code", "said"),
    [
        (b"{}", (), 4, "no AdmissionReview"),
        (b" " * (9 << 20), (), 4, "larger than"),
        (review(pod()), ("--policy", "none.toml"), 2, "none.toml cannot be read"),
        (review(pod()), ("--signatures",), 2, "--signatures needs a trust policy"),
        (review(pod()), ("--trust-policy", "none.toml"), 2, "none.toml"),
    ],
)
def test_what_cannot_be_reviewed(tmp_path: Path, body: bytes, words: tuple[str, ...], code: int, said: str) -> None:
    got, out, err = reviewed(tmp_path, body, *words)
    assert (got, out) == (code, "")
    assert said in err
    assert "Traceback" not in err


def test_a_review_that_is_not_there(tmp_path: Path) -> None:
    assert reviewed(tmp_path, b"", file="none.json") == (4, "", "error[source]: none.json: No such file or directory\n")


# -- files that change ---------------------------------------------------------------------------------------------------


def test_a_policy_is_taken_up_and_a_broken_one_never(tmp_path: Path) -> None:
    policy, told, noted = tmp_path / "policy.toml", [], []  # type: ignore[var-annotated]
    policy.write_text('fail-on = "high"\n')
    made: list[Read] = []

    def make_(read: Read) -> Admission:
        made.append(read)
        return Admission(AdmissionOptions(policy=read.policy))

    watched = Watched(Files(policy=policy), make_, told.append, lambda path, digest: noted.append(digest))
    watched.renew()
    assert len(made) == 1
    policy.write_text('fail-on = "critical"\n')
    watched.renew()
    assert made[-1].policy.fail_on == "critical"
    before = watched.current
    policy.write_text("nonsense")
    watched.renew()
    assert watched.current is before
    assert "not in force" in watched.trouble
    policy.unlink()
    watched.renew()
    assert watched.current is before
    policy.write_text('fail-on = "low"\n')
    watched.renew()
    assert (watched.trouble, made[-1].policy.fail_on) == ("", "low")
    assert len(set(noted)) == len(noted) == 3


def test_a_trust_policy_is_read_again_with_the_files_that_it_names_and_no_others(tmp_path: Path) -> None:
    for folder in ("policy", "keys"):
        (tmp_path / folder).mkdir()
    trust, key = tmp_path / "policy" / "trust.toml", tmp_path / "keys" / "release.pub"
    trust.write_text('[[trust]]\nscope = "**"\nkey = "../keys/release.pub"\n')
    key.write_bytes(public_pem(Workshop().root_key))
    told: list[str] = []
    watched = Watched(Files(trust=trust, access=RegistryAccess()), lambda read: read.images, told.append)
    begun = watched.current
    assert begun is not None
    (tmp_path / "policy" / "webhook.log").write_text("a neighbour that nobody reads")
    watched.renew()
    assert (watched.current, told) == (begun, [])
    key.write_bytes(public_pem(Workshop().root_key))
    watched.renew()
    assert watched.current is not begun
    with pytest.raises(SourceError):  # who began with the old one ends with it
        begun.digest("UPPER", (), "", time.monotonic() + 10)
    key.unlink()
    watched.renew()
    assert "release.pub cannot be read" in watched.trouble


def test_without_a_policy_that_can_be_read_nothing_is_served(tmp_path: Path) -> None:
    with pytest.raises(ConfigError):
        Watched(Files(policy=tmp_path / "none.toml"), lambda read: read, lambda line: None)


# -- the record ----------------------------------------------------------------------------------------------------------


def test_decisions_are_recorded_and_a_log_that_refuses_delays_nobody(tmp_path: Path) -> None:
    files = record.LogFiles(folder=tmp_path / "log")
    record.make(files, "example.test/log")
    told: list[str] = []
    recorder = Recorder(tmp_path / "log", told.append)
    recorder.note(Decision("deny", "shop", "Pod shop/web", ("why",), images=("web:1",), actor="eve", allowed=False))
    recorder.close()
    assert recorder.missing() == 0
    [entry] = list(record.shown(record.open_log(files)))
    assert (entry["kind"], entry["decision"], entry["actor"]) == ("admission", "deny", "eve")
    assert entry["details"] == {"allowed": "no", "images": "web:1"}

    recorder = Recorder(tmp_path / "log", told.append)
    (tmp_path / "log" / "checkpoint").rename(tmp_path / "away")
    begun = time.monotonic()
    recorder.note(Decision("deny", "shop", "Pod shop/web"))
    assert time.monotonic() - begun < 0.5
    for _ in range(50):
        if recorder.missing():
            break
        time.sleep(0.05)
    assert recorder.missing() == 1
    (tmp_path / "away").rename(tmp_path / "log" / "checkpoint")
    for _ in range(100):
        if not recorder.missing():
            break
        time.sleep(0.05)
    recorder.close()
    assert len(list(record.shown(record.open_log(files)))) == 2
    assert [line.partition(":")[0] for line in told] == ["decisions are not recorded", "decisions are recorded again"]


# -- what it is made of --------------------------------------------------------------------------------------------------

PARTIES = {
    "cryptography",
    "httptools",
    "msgspec",
    "uvicorn",
    "uvloop",
    "yaml",
    "click",
    "h11",
    "typing_extensions",
    "cython_runtime",
}
NEVER = ("catalogers", "advisories", "matching", "network", "fixes", "cli.scan", "api._scan", "api._inventory")


def test_the_webhook_loads_little_and_no_scanner(tmp_path: Path) -> None:
    """What stands between a cluster and its pods is small enough to be read: its closure is listed here."""
    code = (
        "import sys\n"
        "from thwart.cli import serve\n"
        "from thwart.server import serving\n"
        "def stop(*_): raise SystemExit\n"
        "def listed(app, where, renew=None):\n"
        "    import asyncio, uvloop\n"
        "    from datetime import UTC, datetime\n"
        "    where.tls.ensure(datetime.now(UTC))\n"
        "    body = open(sys.argv[1], 'rb').read()\n"
        "    app._judging.current.validate(body)\n"
        "    print('\\n'.join(sorted(sys.modules)))\n"
        "serving.serve = listed\n"
        "from thwart.cli import _command\n"
        "_command('serve', ['--admission', '--tls', sys.argv[2], '--framework', 'pss-restricted'])\n"
    )
    (tmp_path / "review.json").write_bytes(review(pod()))
    words = [sys.executable, "-c", code, str(tmp_path / "review.json"), str(tmp_path / "tls")]
    done = subprocess.run(words, capture_output=True, text=True, check=True, cwd=tmp_path, env={**os.environ})
    loaded = done.stdout.split()
    own = [name for name in loaded if name.startswith("thwart.")]
    assert "thwart.rules.kubernetes.privileged_container" in own
    assert [name for name in own if name.removeprefix("thwart.").startswith(NEVER)] == []
    assert len([name for name in own if not name.startswith("thwart.rules.")]) < 90
    tops = {name.partition(".")[0] for name in loaded} - set(sys.stdlib_module_names)
    from_wheels = {name for name in tops if not name.startswith("_")} - {"thwart", "sitecustomize"}
    assert from_wheels <= PARTIES, from_wheels - PARTIES
