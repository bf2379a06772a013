"""Challenges, tokens and credentials: what is sent, and above all to whom it is not."""

from __future__ import annotations

import base64
import json
import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from thwart.core.errors import SourceError
from thwart.core.limits import DEFAULT, Limits
from thwart.sources import _registry_errors as errors
from thwart.sources._challenges import Challenge, parse_challenges
from thwart.sources._credentials import Credentials, default_auth_files, find_credentials
from thwart.sources.registry import RegistryOptions

if TYPE_CHECKING:
    from tests.unit.fake_registry import Bench, Fake, Reply, Seen

pytest_plugins = ["tests.unit.fake_registry"]

IMAGE = {"schemaVersion": 2, "config": {}, "layers": []}
PATH = "/v2/demo/app/manifests/1"
BASIC = "Basic " + base64.b64encode("alice:s3cret ü".encode()).decode()
ALICE: dict[str, Any] = {"username": "alice", "password": "s3cret ü"}


@pytest.fixture
def fake(bench: Bench) -> Fake:
    made = bench.fake()
    made.add_manifest(IMAGE)
    return made


def guard(fake: Fake, bench: Bench, challenge: str, *accepted: str) -> None:
    """From now on every path but `/token` wants one of the `accepted` values of `Authorization`."""
    routes = dict(fake.routes)

    def guarded(seen: Seen) -> Reply:
        if seen.headers.get("authorization") not in accepted:
            return bench.reply(401, b'{"errors":[{"code":"UNAUTHORIZED"}]}', {"WWW-Authenticate": challenge})
        reply: Reply = routes.get(seen.path, bench.reply(200, b"{}"))
        return reply

    fake.routes = dict.fromkeys((*routes, "/v2/"), guarded)


def tokens(fake: Fake, bench: Bench, *answers: object) -> None:
    fake.routes["/token"] = [bench.reply(body=json.dumps(answer).encode()) for answer in answers]


def bearer(fake: Fake, extra: str = "") -> str:
    return f'Bearer realm="{fake.url}/token",service="reg.test",scope="repository:demo/app:pull"{extra}'


def asked(fake: Fake) -> list[Seen]:
    return [seen for seen in fake.seen if seen.path == "/token"]


# Tokens


def test_an_anonymous_token(bench: Bench, fake: Fake) -> None:
    guard(fake, bench, bearer(fake), "Bearer abc")
    tokens(fake, bench, {"token": "abc", "expires_in": 300, "issued_at": "2026-01-01T00:00:00Z"})
    store = bench.store(fake)
    store.manifest("1")
    store.manifest("1")
    assert fake.paths() == [PATH, "/token", PATH, PATH]
    assert fake.connections == 1
    token = asked(fake)[0]
    assert token.query == {"service": ["reg.test"], "scope": ["repository:demo/app:pull"]}
    assert "authorization" not in token.headers


@pytest.mark.parametrize(
    "answer",
    [
        {"access_token": "abc"},
        {"token": "abc", "access_token": "x"},
        {"token": None, "access_token": "abc", "expires_in": "9"},
    ],
)
def test_both_names_of_the_token(bench: Bench, fake: Fake, answer: object) -> None:
    guard(fake, bench, bearer(fake), "Bearer abc")
    tokens(fake, bench, answer)
    assert bench.store(fake).manifest("1")


def test_a_token_for_a_user(bench: Bench, fake: Fake) -> None:
    guard(fake, bench, bearer(fake), "Bearer abc")
    tokens(fake, bench, {"token": "abc"})
    bench.store(fake, **ALICE).manifest("1")
    assert fake.paths() == ["/v2/", "/token", PATH]
    assert asked(fake)[0].headers["authorization"] == BASIC
    assert asked(fake)[0].query["account"] == ["alice"]
    assert [seen.headers.get("authorization") for seen in fake.seen] == [None, BASIC, "Bearer abc"]


def test_a_realm_with_a_query_of_its_own(bench: Bench, fake: Fake) -> None:
    guard(fake, bench, f'Bearer realm="{fake.url}/token?a=b&c"', "Bearer abc")
    tokens(fake, bench, {"token": "abc"})
    bench.store(fake).manifest("1")
    assert asked(fake)[0].query == {"a": ["b"], "scope": ["repository:demo/app:pull"]}


@pytest.mark.parametrize(
    "entry", [{"identitytoken": "id en"}, {"auth": base64.b64encode(b"<token>:id en").decode()}], ids=["field", "user"]
)
def test_an_identity_token_is_traded_by_post(bench: Bench, fake: Fake, tmp_path: Path, entry: object) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"auths": {fake.host: entry}}))
    guard(fake, bench, bearer(fake), "Bearer abc")
    tokens(fake, bench, {"access_token": "abc"})
    bench.store(fake, docker_config=tmp_path).manifest("1")
    token = asked(fake)[0]
    assert token.method == "POST"
    assert "authorization" not in token.headers
    assert token.headers["content-type"] == "application/x-www-form-urlencoded"
    assert token.body.decode().split("&") == [
        "service=reg.test",
        "scope=repository%3Ademo%2Fapp%3Apull",
        "client_id=thwart",
        "grant_type=refresh_token",
        "refresh_token=id+en",
    ]
    assert token.query == {}


def test_a_registry_token_is_shown_as_it_is(bench: Bench, fake: Fake, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"auths": {fake.host: {"registrytoken": "ready"}}}))
    guard(fake, bench, bearer(fake), "Bearer ready")
    bench.store(fake, docker_config=tmp_path).manifest("1")
    assert fake.paths() == [PATH]


def test_a_refused_token_is_renewed_once(bench: Bench, fake: Fake) -> None:
    guard(fake, bench, bearer(fake), "Bearer two")
    tokens(fake, bench, {"token": "one"}, {"token": "two"}, {"token": "three"})
    store = bench.store(fake)
    with pytest.raises(errors.UnauthorizedError):
        store.manifest("1")
    assert len(asked(fake)) == 1
    assert store.manifest("1")
    assert len(asked(fake)) == 2


def test_a_token_that_has_run_out_is_renewed_before_it_is_used(
    bench: Bench, fake: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    guard(fake, bench, bearer(fake), "Bearer one", "Bearer two")
    tokens(fake, bench, {"token": "one", "expires_in": 1}, {"token": "two"})
    store, ahead = bench.store(fake), [0.0]
    real = time.monotonic
    monkeypatch.setattr("thwart.sources._auth.time.monotonic", lambda: real() + ahead[0])
    for later, expected in ((0.0, 1), (50.0, 1), (61.0, 2)):
        ahead[0] = later
        store.manifest("1")
        assert len(asked(fake)) == expected


def test_threads_share_one_token(bench: Bench, fake: Fake) -> None:
    guard(fake, bench, bearer(fake), "Bearer abc")
    tokens(fake, bench, {"token": "abc"})
    store = bench.store(fake)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: store.manifest("1"), range(16)))
    assert len(asked(fake)) == 1


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        ("repository:demo/app:pull,push", ["repository:demo/app:pull"]),
        ("repository:demo/app:*", ["repository:demo/app:pull"]),
        ("repository:demo/app:pull repository:base:delete,pull", ["repository:demo/app:pull", "repository:base:pull"]),
        ("repository:host:5000/x:pull", ["repository:host:5000/x:pull"]),
        ("registry:catalog", ["registry:catalog"]),
        ("", ["repository:demo/app:pull"]),
        ("x" * 600, ["repository:demo/app:pull"]),
    ],
)
def test_only_the_right_to_read_is_asked_for(bench: Bench, fake: Fake, scope: str, expected: list[str]) -> None:
    guard(fake, bench, f'Bearer realm="{fake.url}/token",scope="{scope}"', "Bearer abc")
    tokens(fake, bench, {"token": "abc"})
    bench.store(fake).manifest("1")
    assert asked(fake)[0].query["scope"] == expected


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (200, b"<html>", errors.AnswerError),
        (200, b"[]", errors.AnswerError),
        (200, b"{}", errors.AnswerError),
        (200, b'{"token":""}', errors.AnswerError),
        (200, b'{"token":7}', errors.AnswerError),
        (200, b'{"token":"a\\r\\nX: y"}', errors.AnswerError),
        (200, b'{"token":"a b"}', errors.AnswerError),
        (200, b'{"token":"\xff"}', errors.AnswerError),
        (200, b'{"x":' * 100_000, errors.AnswerError),
        (200, b" " * 1_100_000, SourceError),
        (401, b"{}", errors.UnauthorizedError),
        (403, b"{}", errors.UnauthorizedError),
        (400, b"{}", errors.UnauthorizedError),
        (404, b"{}", errors.AnswerError),
        (429, b"{}", errors.RateLimitError),
        (503, b"{}", errors.UnavailableError),
    ],
)
def test_bad_token_services(bench: Bench, fake: Fake, status: int, body: bytes, kind: type[SourceError]) -> None:
    guard(fake, bench, bearer(fake), "Bearer abc")
    fake.routes["/token"] = bench.reply(status, body)
    with pytest.raises(kind) as caught:
        bench.store(fake, **ALICE).manifest("1")
    assert "s3cret" not in str(caught.value) + "".join(caught.value.hints)


@pytest.mark.parametrize(
    ("realm", "message"),
    [
        ("http://auth.test/token", "without https"),
        ("http://169.254.169.254/token", "without https"),
        ("https://169.254.169.254/token", "inside this machine or its cloud"),
        ("https://[fd00:ec2::254]/token", "inside this machine or its cloud"),
        ("ftp://auth.test/", "cannot be used"),
        ("file:///etc/passwd", "cannot be used"),
        ("https://u:p@auth.test/", "user name"),
        ("//auth.test/token", "cannot be used"),
        ("/token", "cannot be used"),
        ("", "cannot be used"),
    ],
)
def test_realms_that_get_nothing(bench: Bench, fake: Fake, realm: str, message: str) -> None:
    guard(fake, bench, f'Bearer realm="{realm}"', "Bearer abc")
    with pytest.raises(errors.RedirectError, match=message):
        bench.store(fake, **ALICE).manifest("1")
    assert all("authorization" not in seen.headers for seen in fake.seen)


def test_a_token_service_on_another_port_of_the_same_host(bench: Bench, fake: Fake) -> None:
    other = bench.fake()
    guard(fake, bench, f'Bearer realm="{other.url}/token"', "Bearer abc")
    tokens(other, bench, {"token": "abc"})
    bench.store(fake, **ALICE).manifest("1")
    assert [seen.headers.get("authorization") for seen in other.seen] == [BASIC]


def test_a_token_service_that_redirects_gets_nothing_carried_along(bench: Bench, fake: Fake, tmp_path: Path) -> None:
    other = bench.fake()
    guard(fake, bench, bearer(fake), "Bearer abc")
    fake.routes["/token"] = bench.reply(307, headers={"Location": f"{other.url}/token"})
    tokens(other, bench, {"token": "abc"})
    bench.store(fake, **ALICE).manifest("1")
    assert "authorization" not in other.seen[0].headers
    (tmp_path / "config.json").write_text(json.dumps({"auths": {fake.host: {"identitytoken": "id"}}}))
    with pytest.raises(errors.RedirectError, match="carries a secret"):
        bench.store(fake, docker_config=tmp_path).manifest("1")
    assert len(other.seen) == 1


# Basic, and several challenges


def test_basic(bench: Bench, fake: Fake) -> None:
    guard(fake, bench, 'Basic realm="x"', BASIC)
    bench.store(fake, **ALICE).manifest("1")
    assert fake.paths() == ["/v2/", PATH]


def test_wrong_password(bench: Bench, fake: Fake) -> None:
    guard(fake, bench, 'Basic realm="x"', BASIC)
    with pytest.raises(errors.UnauthorizedError, match="the credentials of alice") as caught:
        bench.store(fake, username="alice", password="wr0ng").manifest("1")
    assert caught.value.slug == "unauthorized"
    assert "wr0ng" not in repr(caught.value) + "".join(caught.value.hints)
    assert fake.paths() == ["/v2/", PATH]


def test_basic_without_credentials_names_the_way_in(bench: Bench, fake: Fake) -> None:
    guard(fake, bench, 'Basic realm="x"', BASIC)
    with pytest.raises(errors.UnauthorizedError) as caught:
        bench.store(fake).manifest("1")
    assert any(f"docker login {fake.host}" in hint for hint in caught.value.hints)


def test_bearer_is_preferred_whatever_the_order(bench: Bench, fake: Fake) -> None:
    guard(fake, bench, 'Negotiate, Basic realm="x", ' + bearer(fake), "Bearer abc")
    tokens(fake, bench, {"token": "abc"})
    bench.store(fake, **ALICE).manifest("1")
    assert fake.seen[-1].headers["authorization"] == "Bearer abc"


def test_a_registry_that_does_not_challenge_at_first(bench: Bench, fake: Fake) -> None:
    guard(fake, bench, 'Basic realm="x"', BASIC)
    fake.routes["/v2/"] = bench.reply(404)
    bench.store(fake, **ALICE).manifest("1")
    assert fake.paths() == ["/v2/", PATH, PATH]


@pytest.mark.parametrize("challenge", ["", "Bearer", "Digest realm=x", "Bearer service=x"])
def test_challenges_that_nobody_can_answer(bench: Bench, fake: Fake, challenge: str) -> None:
    guard(fake, bench, challenge, BASIC)
    with pytest.raises(errors.UnauthorizedError):
        bench.store(fake, **ALICE).manifest("1")


@pytest.mark.parametrize(
    "challenge", ['Bearer realm="x', "Bearer realm=https://x.test/", '"', 'Bearer realm="a", realm="b"']
)
def test_challenges_that_nobody_can_read(bench: Bench, fake: Fake, challenge: str) -> None:
    guard(fake, bench, challenge, BASIC)
    with pytest.raises(errors.AnswerError, match="challenge"):
        bench.store(fake).manifest("1")


# Leaks


def test_a_blob_store_elsewhere_sees_no_secret(bench: Bench, fake: Fake) -> None:
    other = bench.fake()
    guard(fake, bench, bearer(fake), "Bearer abc")
    tokens(fake, bench, {"token": "abc"})
    digest = "sha256:" + "0" * 64
    fake.routes[fake.blob_path(digest)] = bench.reply(307, headers={"Location": f"{other.url}/data"})
    other.routes["/data"] = bench.reply(307, headers={"Location": f"{fake.url}/back"})
    fake.routes["/back"] = bench.reply(body=b"x")
    store = bench.store(fake, **ALICE)
    store.manifest("1")
    assert list(store.blob(digest, 1)) == [b"x"]
    assert set(other.seen[0].headers) == {"host", "user-agent", "accept-encoding"}
    assert "authorization" not in fake.seen[-1].headers  # nor does it come back


def test_a_challenge_from_elsewhere_is_not_answered(bench: Bench, fake: Fake) -> None:
    other = bench.fake()
    fake.routes[PATH] = bench.reply(307, headers={"Location": f"{other.url}/x"})
    other.routes["/x"] = bench.reply(401, headers={"WWW-Authenticate": 'Basic realm="x"'})
    with pytest.raises(errors.UnauthorizedError):
        bench.store(fake, **ALICE).manifest("1")
    assert len(other.seen) == 1
    assert "authorization" not in other.seen[0].headers


def test_the_first_question_is_answered_elsewhere(bench: Bench, fake: Fake) -> None:
    other = bench.fake()
    fake.routes["/v2/"] = bench.reply(307, headers={"Location": f"{other.url}/v2/"})
    other.routes["/v2/"] = bench.reply(401, headers={"WWW-Authenticate": f'Bearer realm="{other.url}/token"'})
    assert bench.store(fake, **ALICE).manifest("1")
    assert other.paths() == ["/v2/"]


def test_secrets_are_not_shown() -> None:
    shown = repr(Credentials(username="u", password="s3cret", identity_token="s3cret", registry_token="s3cret"))
    assert "s3cret" not in shown + repr(RegistryOptions(username="u", password="s3cret"))


# Challenges (RFC 9110, 11.6.1)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Basic", [("basic", {})]),
        ("Basic realm", [("basic", {})]),
        ("Basic realm=x", [("basic", {"realm": "x"})]),
        ('Basic realm="a \\"b\\" \\\\", charset="UTF-8"', [("basic", {"realm": 'a "b" \\', "charset": "UTF-8"})]),
        (
            'BEARER Realm="https://a.test/t",scope="x y" , service = z',
            [("bearer", {"realm": "https://a.test/t", "scope": "x y", "service": "z"})],
        ),
        (
            'Newauth realm="apps", type=1, title="Login to \\"apps\\"", Basic realm="simple"',
            [("newauth", {"realm": "apps", "type": "1", "title": 'Login to "apps"'}), ("basic", {"realm": "simple"})],
        ),
        ("Negotiate, Basic realm=x", [("negotiate", {}), ("basic", {"realm": "x"})]),
        ("Negotiate YIIabc==, Basic realm=x", [("negotiate", {}), ("basic", {"realm": "x"})]),
        (", ,Basic realm=x,, ,", [("basic", {"realm": "x"})]),
        ('Bearer realm="a,b=c, Basic realm=x"', [("bearer", {"realm": "a,b=c, Basic realm=x"})]),
        ("", []),
        (" , ", []),
    ],
)
def test_challenges(text: str, expected: list[tuple[str, dict[str, str]]]) -> None:
    assert parse_challenges(text) == [Challenge(*one) for one in expected]


@pytest.mark.parametrize(
    "text",
    ["=", 'Basic realm="x', "Basic realm=a b", "a" * 20_000, "A, " * 17, "Basic a=1, A=2", "B\x00"],
)
def test_unreadable_challenges(text: str) -> None:
    with pytest.raises(ValueError, match="challenge"):
        parse_challenges(text)


@given(st.text(alphabet='Bb a=",\\/\té\x00', max_size=60))
def test_any_challenge_is_read_or_refused(text: str) -> None:
    try:
        found = parse_challenges(text)
    except ValueError:
        return
    assert all(one.scheme == one.scheme.lower() for one in found)


@pytest.mark.parametrize("unit", ["a", "a,", "a=", '"', "\\", "a ", 'a="', ",", " ", "a=b,"])
def test_long_challenges_take_no_time(unit: str) -> None:
    started = time.process_time()
    for text in (unit * (16_000 // len(unit)), 'Bearer x="' + unit * (15_000 // len(unit))):
        try:
            parse_challenges(text)
        except ValueError:
            continue
    assert time.process_time() - started < 1.0


# Credential files


def write(folder: Path, document: object) -> Path:
    file = folder / "config.json"
    file.write_text(document if isinstance(document, str) else json.dumps(document))
    return file


def auth(user: str) -> dict[str, str]:
    return {"auth": base64.b64encode(f"{user}:pw".encode()).decode()}


def find(file: Path, registry: str = "r.test", repository: str = "a/b", **environment: str) -> Credentials | None:
    return find_credentials(registry, repository, [file], environment, DEFAULT)


@pytest.mark.parametrize(
    ("registry", "key"),
    [
        ("docker.io", "https://index.docker.io/v1/"),
        ("docker.io", "index.docker.io"),
        ("docker.io", "docker.io"),
        ("docker.io", "https://registry-1.docker.io/v2/"),
        ("registry-1.docker.io", "docker.io"),
        ("r.test", "r.test"),
        ("r.test", "https://r.test"),
        ("r.test", "https://r.test/"),
        ("r.test", "http://r.test/v1/"),
        ("r.test", "https://R.test/v2"),
        ("R.test:5000", "r.test:5000"),
        ("[::1]:5000", "http://[::1]:5000"),
    ],
)
def test_all_spellings_of_a_host(tmp_path: Path, registry: str, key: str) -> None:
    found = find(write(tmp_path, {"auths": {key: auth("u")}}), registry)
    assert found is not None
    assert (found.username, found.password) == ("u", "pw")


@pytest.mark.parametrize("key", ["r.test:5000", "x.r.test", "test", "r.test.evil.test", "r.test/other", "r.tes", ""])
def test_other_hosts_are_other_hosts(tmp_path: Path, key: str) -> None:
    assert find(write(tmp_path, {"auths": {key: auth("u")}})) is None


def test_the_most_specific_key_wins(tmp_path: Path) -> None:
    auths = {"r.test": auth("host"), "r.test/a": auth("space"), "r.test/a/b": auth("repo"), "r.test/a/c": auth("no")}
    for key, repository in (("repo", "a/b"), ("space", "a/x/y"), ("host", "ab"), ("repo", "a/b/c")):
        found = find(write(tmp_path, {"auths": auths}), repository=repository)
        assert found is not None
        assert found.username == key


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ({"username": "u", "password": "p"}, Credentials(username="u", password="p")),
        ({"username": "x", "password": "y", **auth("u")}, Credentials(username="u", password="pw")),
        ({"auth": base64.b64encode(b"u:a:b\0\0").decode()}, Credentials(username="u", password="a:b")),
        ({"identitytoken": "t", **auth("u")}, Credentials(username="u", password="pw", identity_token="t")),
        ({"registrytoken": "t"}, Credentials(registry_token="t")),
        ({"email": "x"}, None),
        ({}, None),
        ([], None),
        ({"auth": 7}, None),
    ],
)
def test_entries(tmp_path: Path, entry: object, expected: Credentials | None) -> None:
    found = find(write(tmp_path, {"auths": {"r.test": entry}}))
    if expected is None:
        assert found is None
    else:
        assert found is not None
        assert found.origin == str(tmp_path / "config.json")
        for name in ("username", "password", "identity_token", "registry_token"):
            assert getattr(found, name) == getattr(expected, name)


@pytest.mark.parametrize(
    "document",
    [
        "{",
        "[]",
        "[" * 100_000,
        '{"auths": []}',
        '{"auths": {"r.test": {"auth": "s3cret!"}}}',
        '{"auths": {"r.test": {"auth": "czNjcmV0"}}}',
        '{"auths": {"r.test": {"auth": "/////w=="}}}',
        '{"auths": {"r.test": {"auth": "s3cret"}',
        '{"credsStore": "../../bin/sh"}',
        '{"credsStore": 7}',
        '{"credHelpers": {"r.test": "a b"}}',
        '{"credHelpers": 1}',
    ],
)
def test_broken_files_say_so_without_their_content(tmp_path: Path, document: str) -> None:
    with pytest.raises(errors.CredentialsError) as caught:
        find(write(tmp_path, document))
    assert "s3cret" not in str(caught.value)
    assert "config.json" in str(caught.value)


def test_files_that_are_absent_empty_or_too_large(tmp_path: Path) -> None:
    assert find(tmp_path / "absent.json") is None
    assert find(write(tmp_path, "{}") / "below.json") is None
    assert find(write(tmp_path, "")) is None
    with pytest.raises(errors.CredentialsError, match="larger than 10 bytes"):
        find_credentials("r.test", "a", [write(tmp_path, " " * 11)], {}, Limits(config_bytes=10))
    with pytest.raises(errors.CredentialsError, match="cannot be read"):
        find(tmp_path)


def test_the_first_file_that_knows_the_registry(tmp_path: Path) -> None:
    for name, host in (("one", "x.test"), ("two", "r.test"), ("three", "r.test")):
        (tmp_path / name).mkdir()
        write(tmp_path / name, {"auths": {host: auth(name)}})
    files = [tmp_path / name / "config.json" for name in ("one", "two", "three")]
    found = find_credentials("r.test", "a", files, {}, DEFAULT)
    assert found is not None
    assert found.username == "two"


def test_default_places() -> None:
    environment = {"HOME": "/h", "XDG_RUNTIME_DIR": "/run/u"}
    assert default_auth_files(environment) == [
        Path("/run/u/containers/auth.json"),
        Path("/h/.config/containers/auth.json"),
        Path("/h/.docker/config.json"),
    ]
    environment |= {"DOCKER_CONFIG": "/d", "XDG_CONFIG_HOME": "/c"}
    assert default_auth_files(environment)[1:] == [Path("/c/containers/auth.json"), Path("/d/config.json")]
    assert default_auth_files(environment | {"REGISTRY_AUTH_FILE": "/a.json"}) == [Path("/a.json")]
    assert default_auth_files({}) == []


# Credential helpers


def helper(folder: Path, script: str, name: str = "mine") -> dict[str, Any]:
    program = folder / f"docker-credential-{name}"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return {"PATH": f"{folder}{os.pathsep}{os.defpath}"}


SAYS = """read -r host; echo "$1 $host" >> "$0.log"; echo noise >&2; printf '{"ServerURL":"x","Username":"u","Secret":"s"}'"""


@pytest.mark.parametrize(("registry", "asked"), [("r.test", "r.test"), ("docker.io", "https://index.docker.io/v1/")])
@pytest.mark.parametrize("form", ["credsStore", "credHelpers"])
def test_a_helper_is_asked(tmp_path: Path, registry: str, asked: str, form: str) -> None:
    document: Any = (
        {"credsStore": "mine"} if form == "credsStore" else {"credHelpers": {asked: "mine"}, "credsStore": "no"}
    )
    environment = helper(tmp_path, SAYS)
    found = find(write(tmp_path, {**document, "auths": {registry: auth("file")}}), registry, **environment)
    assert found is not None
    assert (found.username, found.password, found.origin) == ("u", "s", "docker-credential-mine")
    assert (tmp_path / "docker-credential-mine.log").read_text() == f"get {asked}\n"


def test_a_helper_for_another_registry_is_not_asked(tmp_path: Path) -> None:
    file = write(tmp_path, {"credHelpers": {"x.test": "absent"}, "auths": {"r.test": auth("u")}})
    assert find(file) is not None


def test_a_helper_with_an_identity_token(tmp_path: Path) -> None:
    environment = helper(tmp_path, """printf '{"Username":"<token>","Secret":"t"}'""")
    found = find(write(tmp_path, {"credsStore": "mine"}), **environment)
    assert found is not None
    assert (found.identity_token, found.username) == ("t", "")


def test_a_helper_that_knows_nothing_leaves_it_to_the_file(tmp_path: Path) -> None:
    environment = helper(tmp_path, "echo credentials not found in native keychain; exit 1")
    found = find(write(tmp_path, {"credsStore": "mine", "auths": {"r.test": auth("u")}}), **environment)
    assert found is not None
    assert found.username == "u"


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("echo keychain is locked; exit 3", "exit code 3: keychain is locked"),
        ("exit 1", "it said nothing"),
        ("echo s3cret", "is not JSON"),
        ("echo '[]'", "is not a JSON object"),
        ("head -c 70000 /dev/zero; sleep 60", "more than 65536 bytes"),
        ("sleep 60", "within 0.5 seconds"),
        ("sleep 60 & exit 0", "within 0.5 seconds"),
        ("exec <&-; exec >&-; sleep 60", "within 0.5 seconds"),
    ],
)
def test_helpers_that_fail(tmp_path: Path, script: str, message: str) -> None:
    environment = helper(tmp_path, script)
    file = write(tmp_path, {"credsStore": "mine"})
    started = time.monotonic()
    with pytest.raises(errors.CredentialsError, match=message) as caught:
        find_credentials("r.test", "a", [file], environment, Limits(network_seconds=0.5))
    assert time.monotonic() - started < 20
    assert "s3cret" not in str(caught.value)


def test_a_missing_helper_does_not_hinder_a_public_image(bench: Bench, fake: Fake, tmp_path: Path) -> None:
    write(tmp_path, {"credsStore": "absent"})
    environment = {"PATH": str(tmp_path)}
    assert bench.store(fake, docker_config=tmp_path, environment=environment).manifest("1")
    guard(fake, bench, 'Basic realm="x"', BASIC)
    with pytest.raises(errors.UnauthorizedError) as caught:
        bench.store(fake, docker_config=tmp_path, environment=environment).manifest("1")
    assert "docker-credential-absent cannot be run: no such file or directory" in caught.value.hints[0]


def test_offline_runs_no_helper(bench: Bench, fake: Fake, tmp_path: Path) -> None:
    write(tmp_path, {"credsStore": "mine"})
    store = bench.store(fake, docker_config=tmp_path, environment=helper(tmp_path, SAYS), offline=True)
    with pytest.raises(errors.OfflineError):
        store.manifest("1")
    assert not (tmp_path / "docker-credential-mine.log").exists()
