"""Certificates, plain HTTP where TLS is due and the other way round, and proxies."""

from __future__ import annotations

import base64
import json
import socket
import ssl
from typing import TYPE_CHECKING, Any

import pytest
import trustme

from thwart.core.limits import Limits
from thwart.lib.reference import Reference, parse
from thwart.sources import _registry_errors as errors
from thwart.sources._proxy import proxy_for
from thwart.sources._url import is_inward, parse_url

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.fake_registry import Bench, Fake

pytest_plugins = ["tests.unit.fake_registry"]

IMAGE = {"schemaVersion": 2, "config": {}, "layers": []}
PATH = "/v2/demo/app/manifests/1"


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def ca(authority: trustme.CA, tmp_path: Path) -> Path:
    file = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(file)
    return file


def server_context(authority: trustme.CA, name: str = "127.0.0.1", client: int = ssl.CERT_NONE) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    authority.configure_trust(context)
    context.verify_mode = ssl.VerifyMode(client)
    return context


@pytest.fixture
def secure(bench: Bench, authority: trustme.CA) -> Fake:
    fake = bench.fake(server_context(authority))
    fake.add_manifest(IMAGE)
    return fake


@pytest.fixture
def client(authority: trustme.CA, tmp_path: Path) -> dict[str, Any]:
    pair = authority.issue_cert("client@example.test")
    certificate, key = tmp_path / "client.pem", tmp_path / "client.key"
    pair.private_key_pem.write_to_path(key)
    certificate.write_bytes(b"".join(part.bytes() for part in pair.cert_chain_pems))
    return {"client_cert": certificate, "client_key": key}


def test_an_own_authority(bench: Bench, secure: Fake, ca: Path) -> None:
    assert bench.store(secure, ca=ca).manifest("1")


def test_an_unknown_authority_names_the_flag(bench: Bench, secure: Fake) -> None:
    with pytest.raises(errors.TlsError, match="not trusted") as caught:
        bench.store(secure).manifest("1")
    assert caught.value.slug == "tls"
    assert "--ca" in caught.value.hints[0]
    assert secure.seen == []
    assert bench.slept == []


def test_a_certificate_for_another_host(bench: Bench, authority: trustme.CA, ca: Path) -> None:
    fake = bench.fake(server_context(authority, "other.test"))
    with pytest.raises(errors.TlsError, match="not trusted"):
        bench.store(fake, ca=ca).manifest("1")


@pytest.mark.parametrize("content", [None, b"", b"not a certificate"])
def test_an_unusable_authority(bench: Bench, secure: Fake, tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "x.pem"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(errors.TlsError, match=r"no CA certificate can be read from .*x\.pem"):
        bench.store(secure, ca=file).manifest("1")


def test_http_where_https_is_due_names_the_flag(bench: Bench) -> None:
    fake = bench.fake()
    fake.routes["/"] = bench.reply()
    with pytest.raises(errors.PlainHttpError, match="does not speak TLS") as caught:
        bench.store(fake, plain_http=False).manifest("1")
    assert caught.value.slug == "plain-http"
    assert "--plain-http" in caught.value.hints[0]
    assert fake.seen == []


def test_https_where_http_is_due(bench: Bench, secure: Fake) -> None:
    with pytest.raises((errors.PlainHttpError, errors.BrokenError)):
        bench.store(secure, plain_http=True).manifest("1")
    assert secure.seen == []


def test_a_tls_alert_where_http_is_due(bench: Bench) -> None:
    fake = bench.fake()
    fake.routes[PATH] = bench.reply(raw=b"\x15\x03\x01\x00\x02\x02\x46")
    with pytest.raises(errors.PlainHttpError, match="perhaps it speaks TLS") as caught:
        bench.store(fake).manifest("1")
    assert "--plain-http" in caught.value.hints[0]


def test_a_client_certificate(bench: Bench, authority: trustme.CA, ca: Path, client: dict[str, Any]) -> None:
    fake = bench.fake(server_context(authority, client=ssl.CERT_REQUIRED))
    fake.add_manifest(IMAGE)
    assert bench.store(fake, ca=ca, **client).manifest("1")
    assert fake.seen[0].peer_certificate
    with pytest.raises((errors.TlsError, errors.BrokenError)):
        bench.store(fake, ca=ca).manifest("1")


def test_a_client_certificate_is_for_the_registry_only(
    bench: Bench, authority: trustme.CA, ca: Path, client: dict[str, Any]
) -> None:
    fake = bench.fake(server_context(authority, client=ssl.CERT_OPTIONAL))
    other = bench.fake(server_context(authority, client=ssl.CERT_OPTIONAL))
    fake.routes[PATH] = bench.reply(307, headers={"Location": f"{other.url}/x"})
    other.routes["/x"] = bench.reply(body=json.dumps(IMAGE).encode())
    bench.store(fake, ca=ca, **client).manifest("1")
    assert fake.seen[0].peer_certificate
    assert not other.seen[0].peer_certificate


def test_a_client_key_that_does_not_fit(bench: Bench, secure: Fake, ca: Path, client: dict[str, Any]) -> None:
    other = trustme.CA().issue_cert("x.test").private_key_pem
    other.write_to_path(client["client_key"])
    with pytest.raises(errors.TlsError, match="cannot be used"):
        bench.store(secure, ca=ca, **client).manifest("1")


def test_a_redirect_down_to_http_is_refused(bench: Bench, secure: Fake, ca: Path) -> None:
    other = bench.fake()
    secure.routes[PATH] = bench.reply(307, headers={"Location": f"{other.url}/x"})
    with pytest.raises(errors.RedirectError, match="plain http"):
        bench.store(secure, ca=ca).manifest("1")
    assert other.connections == 0


def test_a_token_service_without_tls_gets_nothing(bench: Bench, secure: Fake, ca: Path) -> None:
    other = bench.fake()
    challenge = {"WWW-Authenticate": f'Bearer realm="{other.url}/token"'}
    secure.routes[PATH] = secure.routes["/v2/"] = bench.reply(401, headers=challenge)
    for options in (dict[str, Any](), {"username": "u", "password": "p"}):
        with pytest.raises(errors.RedirectError, match="without https"):
            bench.store(secure, ca=ca, **options).manifest("1")
    assert other.connections == 0


def test_a_token_service_elsewhere_with_tls(bench: Bench, authority: trustme.CA, ca: Path) -> None:
    """Over plain HTTP too, the token service may be another host, if it has TLS."""
    fake, other = bench.fake(), bench.fake(server_context(authority, "localhost"))
    other.routes["/token"] = bench.reply(body=b'{"token":"abc"}')
    challenge = {"WWW-Authenticate": f'Bearer realm="https://localhost:{other.port}/token"'}
    ok = bench.reply(body=json.dumps(IMAGE).encode())
    fake.routes["/v2/"] = bench.reply(401, headers=challenge)
    fake.routes[PATH] = ok
    bench.store(fake, ca=ca, username="u", password="p").manifest("1")
    assert other.seen[0].headers["authorization"] == "Basic " + base64.b64encode(b"u:p").decode()
    assert fake.seen[-1].headers["authorization"] == "Bearer abc"


def test_a_handshake_that_stalls(bench: Bench) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        reference = Reference(f"127.0.0.1:{server.getsockname()[1]}", "demo/app")
        with pytest.raises(errors.StallError):
            bench.store_for(reference, Limits(network_seconds=0.2, retries=1)).manifest("1")


# Proxies


def test_plain_http_through_a_proxy(bench: Bench) -> None:
    proxy = bench.fake()
    proxy.routes[f"http://r.test:80{PATH}"] = bench.reply(body=json.dumps(IMAGE).encode())
    environment = {"HTTP_PROXY": f"http://me:p%40ss@{proxy.host}"}
    store = bench.store_for(parse("r.test:80/demo/app"), plain_http=True, environment=environment)
    assert store.manifest("1")
    assert proxy.seen[0].headers["proxy-authorization"] == "Basic " + base64.b64encode(b"me:p@ss").decode()
    assert proxy.seen[0].headers["host"] == "r.test"


def test_docker_hub_through_a_proxy_that_refuses(bench: Bench) -> None:
    proxy = bench.fake()
    proxy.routes["registry-1.docker.io:443"] = bench.reply(407, headers={"Connection": "close"})
    store = bench.store_for(parse("nginx"), environment={"https_proxy": proxy.host})
    with pytest.raises(errors.UnreachableError, match=r"proxy refuses to connect to registry-1\.docker\.io"):
        store.manifest("latest")
    assert proxy.seen[0].method == "CONNECT"


def test_a_slow_proxy_is_not_waited_for(bench: Bench) -> None:
    proxy = bench.fake()
    proxy.routes[f"http://r.test:80{PATH}"] = bench.reply(body=b"{}" * 400, drip=0.01)
    store = bench.store_for(
        parse("r.test:80/demo/app"),
        Limits(network_seconds=0.3),
        plain_http=True,
        environment={"HTTP_PROXY": proxy.url},
    )
    with pytest.raises(errors.StallError):
        store.manifest("1")


@pytest.mark.parametrize("host", ["169.254.169.254", "127.0.0.1", "localhost", "[::1]", "0.0.0.0"])
def test_a_registry_elsewhere_that_redirects_inward(bench: Bench, host: str) -> None:
    proxy, inside = bench.fake(), bench.fake()
    location = f"http://{host}:{inside.port}/"
    proxy.routes[f"http://r.test:80{PATH}"] = bench.reply(307, headers={"Location": location})
    store = bench.store_for(parse("r.test:80/demo/app"), plain_http=True, environment={"HTTP_PROXY": proxy.url})
    with pytest.raises(errors.RedirectError, match="inside this machine"):
        store.manifest("1")
    assert len(proxy.seen) == 1
    assert inside.connections == 0


@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:1", "ftp://x", "http://", "http://[x"])
def test_proxies_of_other_kinds(bench: Bench, proxy: str) -> None:
    with pytest.raises(errors.UnreachableError, match="proxy"):
        bench.store_for(parse("r.test/x"), environment={"HTTPS_PROXY": proxy}).manifest("1")


@pytest.mark.parametrize(
    ("no_proxy", "host", "port", "direct"),
    [
        ("", "r.test", 443, False),
        ("*", "r.test", 443, True),
        ("r.test", "r.test", 443, True),
        ("r.test", "a.r.test", 443, True),
        ("r.test", "xr.test", 443, False),
        (".r.test", "a.r.test", 443, True),
        (".r.test", "r.test", 443, False),
        ("*.r.test", "a.r.test", 443, True),
        ("R.TEST", "r.test", 443, True),
        ("r.test:443", "r.test", 443, True),
        ("r.test:5000", "r.test", 443, False),
        ("x, , r.test", "r.test", 443, True),
        ("10.0.0.0/8", "10.1.2.3", 443, True),
        ("10.0.0.0/8", "11.1.2.3", 443, False),
        ("10.0.0.0/8", "r.test", 443, False),
        ("10.0.0.0/99", "10.1.2.3", 443, False),
        ("10.1.2.3", "10.1.2.3", 443, True),
        ("10.1.2.3:5000", "10.1.2.3", 443, False),
        ("2001:db8::1", "2001:db8::1", 443, True),
        ("[2001:db8::1]:443", "2001:db8::1", 443, True),
        ("2001:db8::/32", "2001:db8::1", 443, True),
        ("", "localhost", 443, True),
        ("", "127.8.8.8", 443, True),
        ("", "::1", 443, True),
    ],
)
def test_what_goes_through_no_proxy(no_proxy: str, host: str, port: int, direct: bool) -> None:
    environment = {"HTTPS_PROXY": "http://p.test:1", "NO_PROXY": no_proxy}
    assert proxy_for("https", host, port, environment) == (None if direct else "http://p.test:1")


def test_which_variable_counts() -> None:
    assert proxy_for("https", "r.test", 443, {"HTTP_PROXY": "p:1"}) is None
    assert proxy_for("http", "r.test", 80, {"HTTP_PROXY": "p:1"}) == "http://p:1"
    assert proxy_for("https", "r.test", 443, {"https_proxy": " https://p:1 "}) == "https://p:1"
    cgi = {"HTTP_PROXY": "evil:1", "REQUEST_METHOD": "GET"}
    assert proxy_for("http", "r.test", 80, cgi) is None
    assert proxy_for("http", "r.test", 80, cgi | {"http_proxy": "p:1"}) == "http://p:1"


# Addresses


@pytest.mark.parametrize(
    ("text", "authority", "target"),
    [
        ("https://R.test", "r.test", "/"),
        ("https://r.test:443/a?b=c#d", "r.test", "/a?b=c"),
        ("http://r.test:443/", "r.test:443", "/"),
        ("https://[::1]:5000/x", "[::1]:5000", "/x"),
        ("https://r.test?x", "r.test", "/?x"),
    ],
)
def test_addresses(text: str, authority: str, target: str) -> None:
    url = parse_url(text)
    assert (url.authority, url.target) == (authority, target)


def test_an_address_is_shown_without_its_query() -> None:
    assert str(parse_url("https://r.test/a?X-Amz-Signature=secret")) == "https://r.test/a"


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "::1",
        "169.254.1.1",
        "fe80::1",
        "fe80::1%lo",
        "0.0.0.0",
        "::",
        "::ffff:127.0.0.1",
        "100.100.100.200",
        "224.0.0.1",
        "localhost",
        "a.localhost",
    ],
)
def test_inward(host: str) -> None:
    assert is_inward(host)


@pytest.mark.parametrize("host", ["10.0.0.1", "192.168.1.1", "192.0.2.1", "2001:db8::1", "r.test", "fd00::1"])
def test_not_inward(host: str) -> None:
    assert not is_inward(host)
