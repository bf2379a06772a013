"""Writing to a registry that refuses, or lies about what it stored; and the right that is asked for."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from tests.unit.fake_registry import Bench, Fake, Reply, bench
from thwart.core.errors import DigestError
from thwart.core.limits import Limits
from thwart.sources import _registry_errors as errors
from thwart.sources._push import ImmutableError, ReadOnlyError, RegistryWriter
from thwart.sources.registry import RegistryOptions

__all__ = ["bench"]

BLOB = b"payload"
DIGEST = "sha256:" + hashlib.sha256(BLOB).hexdigest()
TYPE = "application/vnd.oci.image.manifest.v1+json"


def writer(fake: Fake, **options: Any) -> RegistryWriter:
    made = RegistryOptions(**{"environment": {}, "plain_http": True, **options})
    return RegistryWriter(fake.reference(), made, Limits(network_seconds=5.0, retries=0))


def error(status: int, code: str = "", message: str = "") -> Reply:
    body = f'{{"errors":[{{"code":"{code}","message":"{message}"}}]}}'.encode()
    return Reply(status, body, {"Content-Type": "application/json"})


def upload(fake: Fake, put: Reply) -> None:
    """Routes of one upload."""
    fake.routes[fake.blob_path(DIGEST)] = Reply(404)
    fake.routes["/v2/demo/app/blobs/uploads/"] = Reply(202, headers={"Location": "/upload/7?state=x"})
    fake.routes["/upload/7"] = put


def test_a_blob_is_sent_in_one_piece(bench: Bench) -> None:
    fake = bench.fake()
    upload(fake, Reply(201, headers={"Docker-Content-Digest": DIGEST}))
    writer(fake).put_blob(BLOB)
    put = fake.seen[-1]
    assert (put.method, put.path, put.body) == ("PUT", "/upload/7", BLOB)
    assert put.query == {"state": ["x"], "digest": [DIGEST]}


def test_a_blob_that_is_there_is_not_sent(bench: Bench) -> None:
    fake = bench.fake()
    fake.routes[fake.blob_path(DIGEST)] = Reply(200)
    writer(fake).put_blob(BLOB)
    assert {seen.method for seen in fake.seen} == {"HEAD"}


def test_a_registry_that_stored_something_else(bench: Bench) -> None:
    fake = bench.fake()
    upload(fake, Reply(201, headers={"Docker-Content-Digest": "sha256:" + "0" * 64}))
    with pytest.raises(DigestError, match="instead of"):
        writer(fake).put_blob(BLOB)


def test_whether_the_referrers_are_listed(bench: Bench) -> None:
    fake = bench.fake()
    route = f"/v2/demo/app/manifests/{DIGEST}"
    fake.routes[route] = [Reply(201), Reply(201, headers={"OCI-Subject": "sha256:" + "0" * 64})]
    made = writer(fake)
    assert [made.put_manifest(BLOB, TYPE) for _ in range(2)] == [False, True]


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (error(405, "UNSUPPORTED"), ReadOnlyError),
        (error(403, "DENIED"), errors.ForbiddenError),
        (error(401, "UNAUTHORIZED"), errors.UnauthorizedError),
        (error(400, "TAG_INVALID", "The tag is immutable"), ImmutableError),
        (error(409, "CONFLICT", "tag already exists"), ImmutableError),
        (error(412, "PRECONDITION", "immutable tag rule"), ImmutableError),
        (error(400, "MANIFEST_INVALID", "no"), errors.AnswerError),
        (error(503), errors.UnavailableError),
    ],
)
def test_refusals(bench: Bench, reply: Reply, kind: type[errors.RegistryError]) -> None:
    fake = bench.fake()
    fake.routes["/v2/demo/app/manifests/t"] = reply
    with pytest.raises(kind) as caught:
        writer(fake).put_manifest(b"{}", TYPE, "t")
    assert type(caught.value) is kind
    assert caught.value.exit_code == 4


def test_the_right_to_push_is_asked_for_and_stays_at_home(bench: Bench) -> None:
    fake, other = bench.fake(), bench.fake()
    challenge = f'Bearer realm="{fake.url}/token",service="s",scope="repository:demo/app:pull"'
    unauthorized = Reply(401, headers={"WWW-Authenticate": challenge})
    fake.routes["/v2/"] = unauthorized
    fake.routes["/token"] = Reply(body=b'{"token":"t0ken"}')
    fake.routes[fake.blob_path(DIGEST)] = Reply(404)
    fake.routes["/v2/demo/app/blobs/uploads/"] = Reply(202, headers={"Location": f"{other.url}/upload"})
    other.routes["/upload"] = Reply(201)
    writer(fake, username="alice", password="s3cret").put_blob(BLOB)
    asked = next(seen for seen in fake.seen if seen.path == "/token")
    assert asked.query["scope"] == ["repository:demo/app:pull,push"]
    assert next(seen for seen in fake.seen if seen.method == "POST").headers["authorization"] == "Bearer t0ken"
    assert "authorization" not in other.seen[0].headers
