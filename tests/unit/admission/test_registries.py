"""Registries and the API server on loopback: digests, indexes, pull secrets, and what is told when they fail."""

from __future__ import annotations

import base64
import json
import ssl
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import trustme

from thwart.api.admission import Busy
from thwart.api.admission._cluster import Cluster
from thwart.api.admission._registry import Registries, RegistryAccess
from thwart.api.admission._trust import judge_by
from thwart.core.config import Registry
from thwart.core.errors import SourceError, ThwartError
from thwart.core.trust import Judgement

if TYPE_CHECKING:
    from thwart.lib.reference import Reference
    from thwart.sources.registry import RegistryStore

from tests.unit.fake_registry import OCI_MANIFEST, Fake, Reply, Seen

INDEX = "application/vnd.oci.image.index.v1+json"
CHILD = f"sha256:{'3' * 64}"


def manifest(kind: str = OCI_MANIFEST, **more: Any) -> Reply:
    body = json.dumps({"schemaVersion": 2, "mediaType": kind, **more}).encode()
    return Reply(body=body, headers={"Content-Type": kind})


@pytest.fixture
def server() -> Any:
    fake = Fake()
    yield fake
    fake.close()


def registries(fake: Fake, cluster: Cluster | None = None, **more: Any) -> tuple[Registries, str]:
    host = f"127.0.0.1:{fake.port}"
    stated = (Registry(host=host, plain_http=True),)
    return Registries(RegistryAccess(registries=stated, seconds=1.0, cluster=cluster), **more), host


def test_the_digest_of_a_tag_and_the_images_of_an_index(server: Fake) -> None:
    index = manifest(INDEX, manifests=[{"digest": CHILD}, {"digest": 3}, None])
    server.routes["/v2/web/manifests/1"] = index
    asked, host = registries(server)
    digest = asked.digest(f"{host}/web:1", (), "shop")
    assert digest.startswith("sha256:")
    server.routes[f"/v2/web/manifests/{digest}"] = index
    assert asked.platforms(f"{host}/web:1", digest, (), "shop") == (CHILD,)


@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_registry_is_told_as_such_and_asked_once(server: Fake, status: int) -> None:
    server.routes["/v2/web/manifests/1"] = Reply(status=status, headers={"Retry-After": "1"})
    asked, host = registries(server)
    with pytest.raises(Busy):
        asked.digest(f"{host}/web:1", (), "shop")
    assert len(server.seen) == 1


def test_what_is_not_there_or_hangs_is_a_sentence(server: Fake) -> None:
    server.routes["/v2/web/manifests/1"] = Reply(status=404)
    server.routes["/v2/web/manifests/2"] = Reply(body=b"x" * 100, hang=10)
    asked, host = registries(server)
    for image in (f"{host}/web:1", f"{host}/web:2", "UPPER"):
        with pytest.raises(SourceError):
            asked.digest(image, (), "shop")


def test_the_judge_is_given_the_store_and_without_one_nothing_is_verified(server: Fake) -> None:
    def judge(reference: Reference, digest: str, store: RegistryStore) -> Judgement:
        seen.append((reference.repository, digest))
        return Judgement(decision="verified")

    seen: list[tuple[str, str]] = []
    asked, host = registries(server, judge=judge)
    assert asked.judge(f"{host}/web:1", CHILD, (), "shop").decision == "verified"
    assert seen == [("web", CHILD)]
    asked, host = registries(server)
    with pytest.raises(ThwartError):
        asked.judge(f"{host}/web:1", CHILD, (), "shop")


class Api:
    """An API server with a pull secret, an account that names it, and a token."""

    def __init__(self, folder: Path) -> None:
        authority = trustme.CA()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("127.0.0.1").configure_cert(context)
        self.fake = Fake(context)
        (folder / "token").write_text("t0ken\n")
        authority.cert_pem.write_to_path(folder / "ca.crt")
        self.cluster = Cluster("127.0.0.1", self.fake.port, folder, 2.0)

    def put(self, path: str, document: object) -> None:
        self.fake.routes[f"/api/v1/namespaces/shop/{path}"] = Reply(body=json.dumps(document).encode())


@pytest.fixture
def api(tmp_path: Path) -> Any:
    made = Api(tmp_path)
    yield made
    made.fake.close()


def secret(host: str, **more: object) -> dict[str, Any]:
    auth = base64.b64encode(b"robot:pass").decode()
    inner = json.dumps({"auths": {host: {"auth": auth}}, **more}).encode()
    return {"data": {".dockerconfigjson": base64.b64encode(inner).decode()}}


def test_a_private_registry_is_asked_as_the_pods_would(server: Fake, api: Api) -> None:
    def guarded(seen: Seen) -> Reply:
        if seen.headers.get("authorization") == "Basic " + base64.b64encode(b"robot:pass").decode():
            return manifest()
        return Reply(status=401, headers={"WWW-Authenticate": 'Basic realm="x"'})

    server.routes["/v2/web/manifests/1"] = guarded
    asked, host = registries(server, api.cluster)
    api.put("secrets/registry", secret(host, credsStore="evil", credHelpers={host: "evil"}))
    api.put("serviceaccounts/default", {"imagePullSecrets": [{"name": "registry"}, {"name": "gone"}]})
    api.fake.routes["/api/v1/namespaces/shop/secrets/gone"] = Reply(status=404)
    for secrets in (("registry",), ("serviceaccount/default",)):
        assert asked.digest(f"{host}/web:1", secrets, "shop").startswith("sha256:")
    assert {one.headers["authorization"] for one in api.fake.seen} == {"Bearer t0ken"}
    assert {one.method for one in api.fake.seen} == {"GET"}
    with pytest.raises(SourceError):
        registries(server)[0].digest(f"{host}/web:1", (), "shop")


def test_names_that_are_none_are_never_part_of_a_path(api: Api) -> None:
    for name in ("../../other/secrets/x", "A", "", "x" * 300, "serviceaccount/../../x"):
        assert api.cluster.pull_secrets("shop", (name,)) == []
    assert api.fake.seen == []


def test_an_api_server_that_refuses_is_no_answer_and_one_that_fails_is_an_error(api: Api) -> None:
    api.fake.routes["/api/v1/namespaces/shop/secrets/a"] = Reply(status=403)
    api.fake.routes["/api/v1/namespaces/shop/secrets/b"] = Reply(status=500)
    api.fake.routes["/api/v1/namespaces/shop/secrets/c"] = Reply(body=b"[" * 1000)
    assert api.cluster.pull_secrets("shop", ("a", "c")) == []
    with pytest.raises(SourceError):
        api.cluster.pull_secrets("shop", ("b",))


def test_a_trust_policy_denies_what_nobody_signed(server: Fake, tmp_path: Path) -> None:
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    key = ec.generate_private_key(ec.SECP256R1()).public_key()
    (tmp_path / "team.pub").write_bytes(key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    (tmp_path / "trust.toml").write_text('[[trust]]\nscope = "**"\nkeys = ["team.pub"]\n')
    asked, host = registries(server, judge=judge_by(tmp_path / "trust.toml"))
    judgement = asked.judge(f"{host}/web:1", CHILD, (), "shop")
    assert judgement.decision == "denied"
    assert judgement.rule == "**"
    server.routes[f"/v2/web/manifests/{CHILD.replace(':', '-')}.sig"] = Reply(status=403)
    assert asked.judge(f"{host}/web:1", CHILD, (), "shop").decision == "unknown"
    server.routes[f"/v2/web/manifests/{CHILD.replace(':', '-')}.sig"] = Reply(status=429)
    with pytest.raises(Busy):
        asked.judge(f"{host}/web:1", CHILD, (), "shop")
