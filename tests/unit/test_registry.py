"""Manifests and blobs from a registry that may fail, lie, stall and redirect."""

from __future__ import annotations

import gc
import gzip
import hashlib
import json
import socket
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from thwart.core.errors import DigestError, LimitError, SourceError
from thwart.core.limits import Limits
from thwart.lib.reference import Reference, parse
from thwart.sources import _registry_errors as errors
from thwart.sources.registry import RegistryOptions, RegistryStore

if TYPE_CHECKING:
    from tests.unit.fake_registry import Bench, Fake, Reply, Seen

pytest_plugins = ["tests.unit.fake_registry"]

OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
IMAGE = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": {}, "layers": []}
BARE = {"schemaVersion": 2, "config": {}, "layers": []}
BARE_INDEX = {"schemaVersion": 2, "manifests": []}
DATA = bytes(range(256)) * 5000  # 1.28 MB
PATH = "/v2/demo/app/manifests/1"
QUICK = Limits(network_seconds=0.3, retries=1)


def sha256(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


@pytest.fixture
def fake(bench: Bench) -> Fake:
    return bench.fake()


# Manifests


def test_a_manifest_by_tag_and_by_digest_over_one_connection(bench: Bench, fake: Fake) -> None:
    raw, digest = fake.add_manifest(IMAGE)
    store = bench.store(fake)
    assert store.manifest("1") == (raw, OCI_MANIFEST, digest)
    assert store.manifest(digest) == (raw, OCI_MANIFEST, digest)
    assert fake.connections == 1
    headers = fake.seen[0].headers
    for media_type in (OCI_INDEX, OCI_MANIFEST, DOCKER_LIST, DOCKER_MANIFEST):
        assert media_type in headers["accept"]
    assert headers["host"] == fake.host
    assert headers["user-agent"].startswith("thwart/")
    assert "authorization" not in headers


def test_a_manifest_by_sha512(bench: Bench, fake: Fake) -> None:
    raw = json.dumps(IMAGE).encode()
    digest = "sha512:" + hashlib.sha512(raw).hexdigest()
    fake.routes[f"/v2/demo/app/manifests/{digest}"] = bench.reply(body=raw)
    assert bench.store(fake).manifest(digest).digest == digest


def test_a_manifest_that_is_not_the_one_asked_for(bench: Bench, fake: Fake) -> None:
    _, digest = fake.add_manifest(IMAGE)
    fake.routes[f"/v2/demo/app/manifests/{digest}"] = bench.reply(body=b'{"other":1}')
    with pytest.raises(DigestError, match=digest):
        bench.store(fake).manifest(digest)


@pytest.mark.parametrize("stated", ["sha256:" + "0" * 64, "sha512:" + "0" * 128, "garbage", "sha256:1, sha256:2"])
def test_a_header_that_promises_another_digest(bench: Bench, fake: Fake, stated: str) -> None:
    body = json.dumps(IMAGE).encode()
    fake.routes[PATH] = bench.reply(body=body, headers={"Docker-Content-Digest": stated})
    with pytest.raises(DigestError, match="header promises"):
        bench.store(fake).manifest("1")


def test_a_header_that_promises_the_right_digest_or_one_nobody_knows(bench: Bench, fake: Fake) -> None:
    body = json.dumps(IMAGE).encode()
    for stated in (sha256(body), "sha512:" + hashlib.sha512(body).hexdigest(), "blake9:00"):
        fake.routes[PATH] = bench.reply(body=body, headers={"Docker-Content-Digest": stated})
        assert bench.store(fake).manifest("1").digest == sha256(body)


@pytest.mark.parametrize(
    ("document", "header", "expected"),
    [
        (IMAGE, OCI_MANIFEST, OCI_MANIFEST),
        (IMAGE, f"{OCI_MANIFEST.upper()}; charset=utf-8", OCI_MANIFEST),
        (IMAGE, "application/json", OCI_MANIFEST),
        (IMAGE, "", OCI_MANIFEST),
        ({**BARE, "mediaType": DOCKER_MANIFEST}, "application/octet-stream", DOCKER_MANIFEST),
        (BARE, DOCKER_MANIFEST, DOCKER_MANIFEST),
        (BARE, "text/plain", OCI_MANIFEST),
        (BARE_INDEX, "", OCI_INDEX),
        (BARE_INDEX, DOCKER_LIST, DOCKER_LIST),
    ],
)
def test_media_types(bench: Bench, fake: Fake, document: object, header: str, expected: str) -> None:
    fake.add_manifest(document, media_type=header)
    assert bench.store(fake).manifest("1").media_type == expected


@pytest.mark.parametrize(
    ("document", "header", "message"),
    [
        (IMAGE, DOCKER_MANIFEST, "contradicts itself"),
        (IMAGE, "text/html", "contradicts itself"),
        (BARE, OCI_INDEX, "sends a manifest and calls it"),
        (BARE_INDEX, OCI_MANIFEST, "sends an index and calls it"),
        ({**BARE, "manifests": []}, OCI_INDEX, "both an index and a manifest"),
        ({**IMAGE, "mediaType": 7}, OCI_MANIFEST, "mediaType is not a text"),
        ({"schemaVersion": 2}, "", "not a manifest"),
        ([1], OCI_MANIFEST, "not a manifest"),
        (b"{", OCI_MANIFEST, "not JSON"),
        (b"\xff\xfe", OCI_MANIFEST, "not JSON"),
        (b"[" * 200_000, OCI_MANIFEST, "not JSON"),
        (b"<!DOCTYPE html><p>Please log in", "text/html", "an HTML page"),
        (b"\n <html>", "application/json", "an HTML page"),
    ],
)
def test_what_is_no_manifest(bench: Bench, fake: Fake, document: object, header: str, message: str) -> None:
    fake.add_manifest(document, media_type=header)
    with pytest.raises(errors.AnswerError, match=message):
        bench.store(fake).manifest("1")


@pytest.mark.parametrize(
    ("document", "header"),
    [
        ({"schemaVersion": 1, "fsLayers": []}, "application/json"),
        ({"schemaVersion": 1}, "application/vnd.docker.distribution.manifest.v1+prettyjws"),
        ({"mediaType": "application/vnd.oci.artifact.manifest.v1+json"}, ""),
    ],
)
def test_manifests_that_are_no_images(bench: Bench, fake: Fake, document: object, header: str) -> None:
    fake.add_manifest(document, media_type=header)
    with pytest.raises(errors.UnsupportedManifestError):
        bench.store(fake).manifest("1")


@pytest.mark.parametrize("chunked", [True, False])
def test_a_manifest_that_is_too_large(bench: Bench, fake: Fake, chunked: bool) -> None:
    fake.routes[PATH] = bench.reply(body=b" " * 2000, chunked=chunked)
    store = bench.store(fake, Limits(manifest_bytes=1999))
    with pytest.raises(LimitError, match="1999 bytes"):
        store.manifest("1")


def test_an_encoded_answer_is_refused(bench: Bench, fake: Fake) -> None:
    body = gzip.compress(json.dumps(IMAGE).encode())
    fake.routes[PATH] = bench.reply(body=body, headers={"Content-Encoding": "gzip"})
    with pytest.raises(errors.AnswerError, match="encoded"):
        bench.store(fake).manifest("1")
    assert fake.seen[0].headers["accept-encoding"] == "identity"


def test_a_part_of_a_manifest_is_refused(bench: Bench, fake: Fake) -> None:
    fake.routes[PATH] = bench.reply(206, b"{}", {"Content-Range": "bytes 0-1/9"})
    with pytest.raises(errors.AnswerError, match="a part of a manifest"):
        bench.store(fake).manifest("1")


def test_an_interrupted_manifest_is_read_again(bench: Bench, fake: Fake) -> None:
    body = json.dumps(IMAGE).encode()
    fake.routes[PATH] = [bench.reply(body=body, cut=9), bench.reply(body=body)]
    assert bench.store(fake).manifest("1").raw == body
    assert bench.slept == [0.5]


@pytest.mark.parametrize("text", ["../x", "a/b", "", "sha256:../x", "sha256:" + "g" * 64, "a?b", "a\r\nHost: x"])
def test_only_tags_and_digests_become_paths(bench: Bench, fake: Fake, text: str) -> None:
    store = bench.store(fake)
    with pytest.raises(SourceError):
        store.manifest(text)
    with pytest.raises(SourceError):
        store.blob(text, 1)
    assert fake.seen == []


# Blobs


def test_a_blob_comes_in_large_pieces(bench: Bench, fake: Fake) -> None:
    digest = fake.add_blob(DATA)
    pieces = list(bench.store(fake).blob(digest, len(DATA)))
    assert b"".join(pieces) == DATA
    assert all(262_144 <= len(piece) <= 1_048_576 for piece in pieces[:-1])


@pytest.mark.parametrize("size", [0, 1, 300_000, -1])
def test_blobs_of_all_sizes(bench: Bench, fake: Fake, size: int) -> None:
    data = DATA[: max(size, 0)] if size >= 0 else DATA
    digest = fake.add_blob(data, bench.reply(body=data, chunked=size in (1, -1)))
    assert b"".join(bench.store(fake).blob(digest, size)) == data


def test_a_blob_of_another_size_than_promised(bench: Bench, fake: Fake) -> None:
    digest = fake.add_blob(b"0123456789")
    store = bench.store(fake)
    for size in (9, 11, 0):
        with pytest.raises(errors.SizeError, match="10 bytes"):
            list(store.blob(digest, size))
    assert bench.slept == []


def test_a_blob_without_a_length_that_does_not_end_in_time(bench: Bench, fake: Fake) -> None:
    digest = fake.add_blob(b"", bench.reply(body=b"0123456789", chunked=True))
    with pytest.raises(errors.SizeError, match="more than the 9 bytes"):
        list(bench.store(fake).blob(digest, 9))


def test_a_blob_that_properly_ends_too_early(bench: Bench, fake: Fake) -> None:
    short = bench.reply(body=b"01234", chunked=True)
    digest = fake.add_blob(b"01234", short, short, short)
    with pytest.raises(errors.ShortError, match="broke off after 5 bytes"):
        list(bench.store(fake).blob(digest, 10))
    assert [seen.headers.get("range") for seen in fake.seen] == [None, "bytes=5-", "bytes=5-"]


def test_blobs_have_a_limit_of_their_own(bench: Bench, fake: Fake) -> None:
    digest = fake.add_blob(DATA, bench.reply(body=DATA, chunked=True))
    store = bench.store(fake, Limits(layer_bytes=1000))
    with pytest.raises(LimitError):
        store.blob(digest, 1001)
    with pytest.raises(LimitError, match="more than 1000 bytes"):
        list(store.blob(digest, -1))


@pytest.mark.parametrize("known", [True, False])
def test_an_interrupted_blob_is_resumed(bench: Bench, fake: Fake, known: bool) -> None:
    cut = [bench.reply(body=DATA, cut=700_001), bench.reply(206, DATA[700_001:], cut=5)]
    cut[1].headers["Content-Range"] = f"bytes 700001-{len(DATA) - 1}/{len(DATA)}"
    digest = fake.add_blob(DATA, *cut)
    assert b"".join(bench.store(fake).blob(digest, len(DATA) if known else -1)) == DATA
    ranges = [seen.headers.get("range") for seen in fake.seen]
    assert ranges[0] is None
    assert len(ranges) == 3
    assert all(text is not None and 0 < int(text[6:-1]) <= 700_006 for text in ranges[1:])
    assert bench.slept == [0.5, 1.0]


def test_a_server_without_ranges_sends_the_beginning_again(bench: Bench, fake: Fake) -> None:
    digest = fake.add_blob(DATA, bench.reply(body=DATA, cut=700_001), bench.reply(body=DATA))
    assert b"".join(bench.store(fake).blob(digest, len(DATA))) == DATA


@pytest.mark.parametrize("span", ["", "bytes 0-9/10", "bytes 6-9/10", "items 5-9/10", "bytes 5-9", "bytes 5-9/10 x"])
def test_another_part_than_asked_for(bench: Bench, fake: Fake, span: str) -> None:
    part = bench.reply(206, b"56789", {"Content-Range": span} if span else {})
    digest = fake.add_blob(b"0123456789", bench.reply(body=b"01234", length=10, close=True), part)
    with pytest.raises(errors.AnswerError, match="another part"):
        list(bench.store(fake).blob(digest, 10))


def test_another_total_than_promised_when_resumed(bench: Bench, fake: Fake) -> None:
    part = bench.reply(206, b"56789", {"Content-Range": "bytes 5-9/11"})
    digest = fake.add_blob(b"0123456789", bench.reply(body=b"01234", length=10, close=True), part)
    with pytest.raises(errors.SizeError, match="11 bytes"):
        list(bench.store(fake).blob(digest, 10))


def test_a_part_that_nobody_asked_for(bench: Bench, fake: Fake) -> None:
    digest = fake.add_blob(b"01", bench.reply(206, b"01", {"Content-Range": "bytes 0-1/2"}))
    with pytest.raises(errors.AnswerError, match="another part"):
        list(bench.store(fake).blob(digest, 2))


def test_a_blob_that_never_gets_further_ends(bench: Bench, fake: Fake) -> None:
    digest = fake.add_blob(b"", *[bench.reply(body=b"0123456789", cut=0) for _ in range(9)])
    with pytest.raises(errors.BrokenError, match="after 0 bytes"):
        list(bench.store(fake).blob(digest, 10))
    assert len(fake.seen) == 1 + bench.limits.retries


def test_one_byte_at_a_time_is_no_progress(bench: Bench, fake: Fake) -> None:
    data = b"0123456789"

    def handler(seen: Seen) -> Reply:
        start = int(seen.headers.get("range", "bytes=0-")[6:-1])
        span = {"Content-Range": f"bytes {start}-9/10"} if start else {}
        return bench.reply(206 if start else 200, data[start : start + 1], span, length=10 - start, close=True)

    fake.routes[fake.blob_path(sha256(data))] = handler
    with pytest.raises(errors.BrokenError):
        list(bench.store(fake).blob(sha256(data), 10))
    assert len(fake.seen) == 1 + bench.limits.retries


def test_interruptions_count_anew_after_progress(bench: Bench, fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("thwart.sources.registry.RENEWED_BY", 100_000)

    def handler(seen: Seen) -> Reply:
        start = int(seen.headers.get("range", "bytes=0-")[6:-1])
        span = {"Content-Range": f"bytes {start}-{len(DATA) - 1}/{len(DATA)}"} if start else {}
        body, rest = DATA[start : start + 200_000], len(DATA) - start
        return bench.reply(206 if start else 200, body, span, length=rest, close=True)

    fake.routes[fake.blob_path(sha256(DATA))] = handler
    assert b"".join(bench.store(fake).blob(sha256(DATA), len(DATA))) == DATA
    assert len(fake.seen) == 7 > 1 + bench.limits.retries
    assert bench.slept == [0.5] * 6


def test_a_connection_without_an_end_after_the_last_byte(bench: Bench, fake: Fake) -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\na\r\n0123456789\r\n"
    digest = fake.add_blob(b"0123456789", bench.reply(raw=head))
    assert b"".join(bench.store(fake).blob(digest, 10)) == b"0123456789"


def test_a_body_that_ends_with_the_connection(bench: Bench, fake: Fake) -> None:
    digest = fake.add_blob(DATA, bench.reply(body=DATA, close=True))
    assert b"".join(bench.store(fake).blob(digest, len(DATA))) == DATA


def test_a_missing_blob_and_a_foreign_one(bench: Bench, fake: Fake) -> None:
    store, digest = bench.store(fake), sha256(b"x")
    with pytest.raises(errors.NotFoundError, match="no manifest or blob"):
        list(store.blob(digest, 1))
    with pytest.raises(errors.ForeignLayerError, match=r"https://layers\.test/x$") as caught:
        list(store.blob(digest, 1, ["https://layers.test/x?key=secret"]))
    assert caught.value.hints
    assert len(fake.seen) == 2


def test_a_foreign_layer_that_the_registry_holds_is_read(bench: Bench, fake: Fake) -> None:
    digest = fake.add_blob(b"x")
    assert list(bench.store(fake).blob(digest, 1, ["https://layers.test/x"])) == [b"x"]


def test_threads_share_a_store(bench: Bench, fake: Fake) -> None:
    blobs = [DATA[start:] for start in range(16)]
    digests = [fake.add_blob(blob) for blob in blobs]
    store = bench.store(fake)
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda i: b"".join(store.blob(digests[i], len(blobs[i]))), range(16)))
    assert results == blobs
    assert fake.connections <= 8


def test_a_blob_left_half_read_does_not_disturb(bench: Bench, fake: Fake) -> None:
    digest = fake.add_blob(DATA * 4)
    store = bench.store(fake)
    assert next(store.blob(digest, len(DATA) * 4))
    assert b"".join(store.blob(digest, len(DATA) * 4)) == DATA * 4


def test_a_store_that_is_forgotten_closes_its_connections(bench: Bench, fake: Fake) -> None:
    fake.add_manifest(IMAGE)
    store = RegistryStore(fake.reference(), RegistryOptions(plain_http=True, environment={}), bench.limits)
    store.manifest("1")
    closer = store._closer
    del store
    gc.collect()
    assert not closer.alive


# Redirects


def test_a_redirect_to_a_blob_store(bench: Bench, fake: Fake) -> None:
    other = bench.fake()
    digest = sha256(DATA)
    fake.routes[fake.blob_path(digest)] = bench.reply(307, headers={"Location": f"{other.url}/data?key=secret"})
    other.routes["/data"] = bench.reply(body=DATA)
    assert b"".join(bench.store(fake).blob(digest, len(DATA))) == DATA
    assert other.seen[0].query == {"key": ["secret"]}
    assert other.seen[0].headers["host"] == other.host


def test_a_resumed_blob_asks_the_registry_again(bench: Bench, fake: Fake) -> None:
    other = bench.fake()
    digest = sha256(b"0123456789")
    fake.routes[fake.blob_path(digest)] = bench.reply(307, headers={"Location": f"{other.url}/data"})
    part = bench.reply(206, b"56789", {"Content-Range": "bytes 5-9/10"})
    other.routes["/data"] = [bench.reply(body=b"01234", length=10, close=True), part]
    assert b"".join(bench.store(fake).blob(digest, 10)) == b"0123456789"
    assert [seen.headers.get("range") for seen in other.seen] == [None, "bytes=5-"]
    assert len(fake.seen) == 2


def test_relative_redirects(bench: Bench, fake: Fake) -> None:
    raw, _ = fake.add_manifest(IMAGE, tag="real")
    fake.routes[PATH] = bench.reply(302, headers={"Location": "./real"})
    assert bench.store(fake).manifest("1").raw == raw
    assert fake.connections == 1


def test_redirects_in_a_circle(bench: Bench, fake: Fake) -> None:
    fake.routes[PATH] = bench.reply(302, headers={"Location": "/b?secret"})
    fake.routes["/b"] = bench.reply(302, headers={"Location": PATH})
    with pytest.raises(errors.RedirectError, match="circle") as caught:
        bench.store(fake).manifest("1")
    assert "secret" not in caught.value.sentence
    assert len(fake.seen) == 2


def test_too_many_redirects(bench: Bench, fake: Fake) -> None:
    def onwards(seen: Seen) -> Reply:
        return bench.reply(302, headers={"Location": f"/{len(fake.seen)}"})

    fake.routes = dict.fromkeys((PATH, *(f"/{n}" for n in range(20))), onwards)
    with pytest.raises(errors.RedirectError, match="more than 3 times"):
        bench.store(fake, Limits(redirects=3)).manifest("1")
    assert len(fake.seen) == 4


@pytest.mark.parametrize(
    ("location", "message"),
    [
        ("ftp://x.test/", "neither an https"),
        ("file:///etc/passwd", "neither an https"),
        ("http://u:p@x.test/", "user name"),
        ("http://x.test:0/", "host or port"),
        ("http://x.test:99999/", "host or port"),
        ("http:///x", "host or port"),
        ("http://x test/", "blanks"),
        ("http://x.test\\.y.test/", "host or port"),
        ("http://169.254.169.254/latest/meta-data", "inside this machine or its cloud"),
        ("http://[::ffff:169.254.169.254]/", "inside this machine or its cloud"),
        ("http://[fe80::1]/", "inside this machine or its cloud"),
        ("http://0.0.0.0/", "inside this machine or its cloud"),
    ],
)
def test_redirects_that_are_not_followed(bench: Bench, fake: Fake, location: str, message: str) -> None:
    fake.routes[PATH] = bench.reply(307, headers={"Location": location})
    with pytest.raises(errors.RedirectError, match=message):
        bench.store(fake).manifest("1")
    assert len(fake.seen) == 1


def test_a_redirect_without_a_location(bench: Bench, fake: Fake) -> None:
    fake.routes[PATH] = bench.reply(302)
    with pytest.raises(errors.AnswerError, match="status 302"):
        bench.store(fake).manifest("1")


def test_a_name_from_outside_that_leads_inside(bench: Bench, fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    """The registry is `a.test` on a public address; its blob store's name leads to loopback."""
    inside = bench.fake()
    real = socket.create_connection

    def connect(address: tuple[str, int], *args: object, **named: object) -> socket.socket:
        return real(("127.0.0.1", address[1]))

    monkeypatch.setattr(socket, "create_connection", connect)
    monkeypatch.setattr("thwart.sources._registry_wire.is_loopback", lambda host: False)
    fake.routes[PATH] = bench.reply(307, headers={"Location": f"http://b.test:{inside.port}/"})
    store = bench.store_for(Reference(f"a.test:{fake.port}", "demo/app"), plain_http=True)
    with pytest.raises(errors.RedirectError, match="inside this machine"):
        store.manifest("1")
    assert len(fake.seen) == 1
    assert inside.seen == []


# Refusals, retries and waits


@pytest.mark.parametrize(
    ("status", "body", "kind", "message"),
    [
        (404, b'{"errors":[{"code":"MANIFEST_UNKNOWN"}]}', errors.NotFoundError, "has no such tag: 1"),
        (404, b'{"errors":[{"code":"NAME_UNKNOWN"}]}', errors.NotFoundError, "has no repository demo/app"),
        (404, b"404 page not found", errors.NotFoundError, "not a registry's: 404 page"),
        (404, b"<html>", errors.NotFoundError, "an HTML page"),
        (401, b"", errors.UnauthorizedError, "a request without credentials"),
        (403, b'{"errors":[{"code":"DENIED","message":"no\x1b[31m\\u001b"}]}', errors.ForbiddenError, "refuses"),
        (403, b'{"errors":[{"code":"DENIED","message":"a\\u001b[31m b"}]}', errors.ForbiddenError, r"a \[31m b"),
        (403, b'{"errors":{"x":1}}', errors.ForbiddenError, "refuses access to"),
        (403, b"[" * 50_000, errors.ForbiddenError, "refuses access to"),
        (400, b"Client sent an HTTP request to an HTTPS server.\n", errors.PlainHttpError, "speaks TLS"),
        (418, b"", errors.AnswerError, "status 418"),
        (204, b"", errors.AnswerError, "status 204"),
        (501, b"", errors.UnavailableError, "status 501"),
    ],
)
def test_refusals(bench: Bench, fake: Fake, status: int, body: bytes, kind: type[SourceError], message: str) -> None:
    fake.routes[PATH] = bench.reply(status, body)
    with pytest.raises(kind, match=message) as caught:
        bench.store(fake).manifest("1")
    assert caught.value.exit_code == 4
    assert caught.value.sentence.isprintable()
    assert len(caught.value.sentence) < 500
    assert caught.value.slug != SourceError.slug
    assert bench.slept == []


def test_a_missing_tag_may_be_a_private_repository(bench: Bench, fake: Fake) -> None:
    with pytest.raises(errors.NotFoundError) as caught:
        bench.store(fake).manifest("nope")
    assert caught.value.slug == "not-found"
    assert any("private" in hint for hint in caught.value.hints)
    assert any("docker login" in hint for hint in caught.value.hints)


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, [0.5]),
        ({"Retry-After": "3"}, [3.0]),
        ({"Retry-After": "0"}, [0.5]),
        ({"Retry-After": "99999999999999999999"}, [10.0]),
        ({"Retry-After": "soon"}, [0.5]),
        ({"Retry-After": "-5"}, [0.5]),
        ({"Retry-After": "Mon, 23 Nov 2026 10:00:07 GMT", "Date": "Mon, 23 Nov 2026 10:00:00 GMT"}, [7.0]),
        ({"Retry-After": "Mon, 23 Nov 2020 10:00:07 GMT"}, [0.5]),
    ],
)
@pytest.mark.parametrize("status", [429, 503])
def test_waiting_as_long_as_the_registry_asks(
    bench: Bench, fake: Fake, status: int, headers: dict[str, str], expected: list[float]
) -> None:
    raw, _ = fake.add_manifest(IMAGE, tag="ok")
    fake.routes[PATH] = [bench.reply(status, b"{}", headers), bench.reply(body=raw)]
    assert bench.store(fake).manifest("1").raw == raw
    assert bench.slept == expected
    assert fake.connections == 1


def test_waits_grow_and_end(bench: Bench, fake: Fake) -> None:
    fake.routes[PATH] = bench.reply(500)
    with pytest.raises(errors.UnavailableError, match="status 500"):
        bench.store(fake, Limits(retries=4)).manifest("1")
    assert bench.slept == [0.5, 1.0, 2.0, 4.0]


def test_all_waits_together_are_bounded(bench: Bench, fake: Fake) -> None:
    fake.routes[PATH] = bench.reply(429, headers={"Retry-After": "3600"})
    with pytest.raises(errors.RateLimitError):
        bench.store(fake, Limits(retries=50, network_seconds=30)).manifest("1")
    assert bench.slept == [60.0, 60.0]


def test_too_many_requests_says_what_the_registry_says(bench: Bench, fake: Fake) -> None:
    body = b'{"errors":[{"code":"TOOMANYREQUESTS","message":"You have reached your pull rate limit."}]}'
    fake.routes[PATH] = bench.reply(429, body)
    with pytest.raises(errors.RateLimitError, match="You have reached your pull rate limit"):
        bench.store(fake).manifest("1")


def test_a_reset_connection_is_tried_again(bench: Bench, fake: Fake) -> None:
    raw, _ = fake.add_manifest(IMAGE, tag="ok")
    fake.routes[PATH] = [bench.reply(raw=b""), bench.reply(raw=b"HTTP/1.1 200"), bench.reply(body=raw)]
    assert bench.store(fake).manifest("1").raw == raw
    assert bench.slept == [0.5, 1.0]


def test_nobody_listens(bench: Bench) -> None:
    server = socket.create_server(("127.0.0.1", 0))
    port = server.getsockname()[1]
    server.close()
    store = bench.store_for(Reference(f"127.0.0.1:{port}", "demo/app"), plain_http=True)
    with pytest.raises(errors.UnreachableError, match="connection refused") as caught:
        store.manifest("1")
    assert caught.value.slug == "unreachable"


def test_a_name_that_nobody_knows(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*args: object, **named: object) -> object:
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(errors.UnreachableError, match=r"the name r\.test cannot be resolved"):
        bench.store_for(parse("r.test/x")).manifest("1")
    assert bench.slept == []


def test_offline_asks_nobody(bench: Bench, fake: Fake) -> None:
    store = bench.store(fake, offline=True)
    with pytest.raises(errors.OfflineError):
        store.manifest("1")
    with pytest.raises(errors.OfflineError):
        list(store.blob(sha256(b""), 0))
    assert fake.connections == 0


def test_an_impossible_port(bench: Bench) -> None:
    with pytest.raises(SourceError, match="1 to 65535"):
        bench.store_for(parse("r.test:70000/x"))


# Stalls: each must end within a few times the limit of 0.3 seconds


@pytest.mark.parametrize(
    "case",
    [
        {"raw": b"", "hang": 0},
        {"raw": b"HTTP/1.1 200 OK\r\n", "hang": 0},
        {"body": b"{}", "headers": {"X": "y" * 500}, "drip": 0.01},
        {"body": b"{}" * 400, "drip": 0.01},
        {"body": b"{}" * 400, "hang": 5},
        {"flood": b"HTTP/1.1 100 Continue\r\n\r\n"},
    ],
    ids=["silence", "half a head", "dripping head", "dripping body", "half a body", "endless interim answers"],
)
def test_a_manifest_that_stalls(bench: Bench, fake: Fake, case: dict[str, object]) -> None:
    fake.routes[PATH] = bench.reply(**case)
    with pytest.raises(errors.StallError) as caught:
        bench.store(fake, QUICK).manifest("1")
    assert caught.value.slug == "timeout"
    assert len(fake.seen) == 1


def test_a_blob_that_stalls_is_resumed(bench: Bench, fake: Fake) -> None:
    digest = fake.add_blob(DATA, bench.reply(body=DATA, hang=700_000))
    assert b"".join(bench.store(fake, QUICK).blob(digest, len(DATA))) == DATA


def test_a_blob_that_always_stalls_ends(bench: Bench, fake: Fake) -> None:
    digest = fake.add_blob(DATA, *[bench.reply(body=DATA, drip=0.01) for _ in range(9)])
    with pytest.raises(errors.StallError):
        list(bench.store(fake, QUICK).blob(digest, len(DATA)))
    assert len(fake.seen) <= 1 + QUICK.retries


def test_a_slow_reader_is_not_a_slow_server(bench: Bench, fake: Fake) -> None:
    import time

    digest = fake.add_blob(DATA)
    got = 0
    for piece in bench.store(fake, QUICK).blob(digest, len(DATA)):
        got += len(piece)
        time.sleep(0.2)
    assert got == len(DATA)
    assert len(fake.seen) == 1


@pytest.mark.parametrize(
    "raw", [b"SSH-2.0-OpenSSH_9.2\r\n", b"\x00" * 100, b"HTTP/1.1 abc\r\n\r\n", b"220 mail\r\n\r\n"]
)
def test_another_protocol(bench: Bench, fake: Fake, raw: bytes) -> None:
    fake.routes[PATH] = bench.reply(raw=raw)
    with pytest.raises((errors.AnswerError, errors.BrokenError, errors.PlainHttpError)):
        bench.store(fake).manifest("1")


def test_contradictory_lengths(bench: Bench, fake: Fake) -> None:
    fake.routes[PATH] = bench.reply(raw=b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{} ")
    with pytest.raises(errors.AnswerError):
        bench.store(fake).manifest("1")


def test_endless_headers(bench: Bench, fake: Fake) -> None:
    fake.routes[PATH] = bench.reply(raw=b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 100_000)
    with pytest.raises((errors.AnswerError, errors.BrokenError)):
        bench.store(fake).manifest("1")
