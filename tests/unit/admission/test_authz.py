"""The authorization plugin: what it lets pass, what it refuses, and how requests try to get around it."""

from __future__ import annotations

import asyncio
import base64
import json
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from thwart.api.authz import Authorization, AuthzOptions, Known, Request
from thwart.core.errors import SourceError
from thwart.core.report import Exception_, Policy
from thwart.server.authz import App

GOOD, OTHER = f"sha256:{'1' * 64}", f"sha256:{'2' * 64}"
SAFE: dict[str, Any] = {
    "Memory": 1 << 26,
    "NanoCpus": 10**9,
    "PidsLimit": 50,
    "CapDrop": ["ALL"],
    "ReadonlyRootfs": True,
}


class FakeEngine:
    """Two images, one with a user; silent when told to be."""

    silent = False

    def image(self, name: str) -> Known | None:
        if self.silent:
            raise SourceError("the engine is silent")
        return {"app:1": Known(GOOD, (), "1001"), "rooted:1": Known(OTHER)}.get(name)


def authorization(engine: FakeEngine | None = None, **options: Any) -> Authorization:
    return Authorization(AuthzOptions(**options), engine or FakeEngine(), None, lambda: 0.0, lambda: date(2026, 11, 23))


def decided(uri: str, body: object = None, method: str = "POST", **options: Any) -> tuple[bool, str]:
    data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
    decision = authorization(**options).decide(Request(method, uri, data, "eve"))
    return decision.allowed, "; ".join(decision.reasons)


def create(image: str = "app:1", **host: Any) -> dict[str, Any]:
    return {"Image": image, "HostConfig": {**SAFE, **host}}


def test_a_container_with_little_privilege_passes() -> None:
    assert decided("/v1.41/containers/create?name=web", create())[0]


@pytest.mark.parametrize(
    "uri",
    [
        "/containers/create",
        "/v1.41/containers/create?name=web",
        "/v1.41/containers/create/",
        "//v1.41//containers///create",
        "/v1.41/containers/./create",
        "/v1.41/images/../containers/create",
        "/v1.41/%63ontainers/create",
        "/v1.41/containers%2Fcreate",
        "http://docker/v1.41/containers/create",
        "/v1.41/%2563ontainers/create",
        "/v1.41/containers/create%00",
        "/v1.41.2/containers/create",
    ],
)
def test_however_it_is_spelled_a_privileged_container_is_refused(uri: str) -> None:
    allowed, why = decided(uri, create(Privileged=True))
    assert not allowed
    assert why


@pytest.mark.parametrize(
    "body",
    [
        {"image": "app:1", "hostconfig": {"privileged": True}},
        {"Image": "app:1", "HOSTCONFIG": {"PRIVILEGED": True}},
        b'{"Image": "app:1", "HostConfig": {}, "hostConfig": {"Privileged": true}}',
        b'{"Image": "app:1", "HostConfig": {"Privileged": true, "Privileged": false}}',
        '{"Image": "app:1", "HostConfig": {"Mount\u017f": [], "Privileged": true}}'.encode(),
        b"",
        None,
        b"[]",
        b"{",
        b"[" * 100_000,
        b"\xff",
    ],
)
def test_a_body_that_go_reads_otherwise_or_nobody_can_is_refused(body: object) -> None:
    assert not decided("/containers/create", body)[0]


@pytest.mark.parametrize(
    ("host", "rule"),
    [
        ({"Binds": ["/var/run/docker.sock:/var/run/docker.sock"]}, "mounted-engine-socket"),
        ({"Mounts": [{"Type": "bind", "Source": "/etc", "Target": "/x"}]}, "system-folder-mount"),
        ({"NetworkMode": "host"}, "host-network"),
        ({"PidMode": "host"}, "host-processes"),
        ({"CapAdd": ["SYS_ADMIN"]}, "host-breaking-capability"),
        ({"Mounts": [{"Type": "volume", "Source": "v", "Target": "/x", "VolumeOptions": {"DriverConfig": {
            "Name": "local", "Options": {"type": "none", "o": "bind", "device": "/etc"}}}}]}, "system-folder-mount"),
    ],
)  # fmt: skip
def test_flags_are_judged_by_the_rules_of_containers(host: dict[str, Any], rule: str) -> None:
    allowed, why = decided("/containers/create", create(**host))
    assert not allowed
    assert rule in why


def test_the_user_is_the_images_where_the_request_states_none() -> None:
    assert decided("/containers/create", create("app:1"))[0]
    assert "stated-root" in decided("/containers/create", create("rooted:1"))[1]
    assert decided("/containers/create", {**create("rooted:1"), "User": "1001"})[0]


@pytest.mark.parametrize(
    ("query", "name"),
    [("?name=web", "web"), ("?platform=&name=%2Fweb", "web"), ("", "(new)"), ("?name=a%0Ab", "(new)")],
)
def test_a_refusal_names_the_container(query: str, name: str) -> None:
    _, why = decided(f"/containers/create{query}", create(Privileged=True))
    assert f"full-privileges: container {name} is privileged" in why


@pytest.mark.parametrize("asset", ["app:*", GOOD])
def test_an_exception_is_for_an_image_and_ends(asset: str) -> None:
    def excepting(expires: str, image: str = "app:1") -> tuple[bool, str]:
        one = Exception_(id="host-network", reason="it measures", owner="net", expires=expires, asset=asset)
        policy = Policy(exceptions=(one,))
        return decided("/containers/create", create(image, NetworkMode="host"), policy=policy)

    assert excepting("2026-11-23")[0]
    assert not excepting("2026-11-23", "rooted:1")[0]
    allowed, why = excepting("2026-11-22")
    assert not allowed
    assert "the exception for host-network expired on 2026-11-22: 1 finding counts again" in why


def test_only_approved_images_are_created() -> None:
    approved: dict[str, Any] = {"approved": frozenset({GOOD})}
    assert decided("/containers/create", create(), **approved)[0]
    allowed, why = decided("/containers/create", {**create("rooted:1"), "User": "1"}, **approved)
    assert (allowed, why) == (False, "rooted:1 (sha256:222222222222) is not on the list of approved images")
    assert decided("/containers/create", create("absent:1"), **approved)[0], "the engine says itself that it has none"


def test_nobody_who_could_be_asked_means_no_unless_the_policy_says_otherwise() -> None:
    engine = FakeEngine()
    engine.silent = True
    assert decided("/containers/create", create(), engine=engine) == (False, "the engine is silent")
    assert decided("/containers/create", create(), engine=engine, policy=Policy(on_incomplete="warn"))[0]
    assert decided("/containers/create", create(Privileged=True), policy=Policy(mode="dry-run"))[0]


@pytest.mark.parametrize(
    ("uri", "body", "allowed"),
    [
        ("/v1.41/containers/web/exec", {"Cmd": ["id"]}, True),
        ("/v1.41/containers/web/exec", {"Cmd": ["id"], "privileged": True}, False),
        ("/v1.41/containers/web/exec", None, False),
        ("/v1.41/containers/web/start", None, True),
        ("/v1.20/containers/web/start", {"Privileged": True}, False),
        ("/v1.41/containers/web/update", {"Memory": 1 << 27}, True),
        ("/v1.41/containers/web/update", {"PidsLimit": -1}, False),
        ("/v1.41/plugins/pull?remote=x", [], False),
        ("/v1.41/volumes/create", {"Name": "data"}, True),
        ("/v1.41/volumes/create", {"DriverOpts": {"o": "bind", "type": "none", "device": "/etc"}}, False),
        ("/v1.41/images/create?fromImage=x", None, True),
        ("/v1.41/containers/web/stop", None, True),
    ],
)
def test_other_requests(uri: str, body: object, allowed: bool) -> None:
    assert decided(uri, body)[0] is allowed


def test_services_of_a_swarm_are_judged_as_containers() -> None:
    spec = {"Image": "app:1", "CapabilityDrop": ["ALL"], "ReadOnly": True}
    limits = {"MemoryBytes": 1 << 26, "NanoCPUs": 10**9, "Pids": 50}
    task = {"ContainerSpec": spec, "Resources": {"Limits": limits}}
    assert decided("/services/create", {"Name": "web", "TaskTemplate": task}) == (True, "")
    mounts = [{"Type": "bind", "Source": "/var/run/docker.sock", "Target": "/s"}]
    bad = {**task, "ContainerSpec": {**spec, "Mounts": mounts}}
    assert not decided("/services/web/update?version=3", {"Name": "web", "TaskTemplate": bad})[0]


def test_what_only_reads_or_removes_asks_nobody() -> None:
    engine = FakeEngine()
    engine.silent = True
    for method, uri in (
        ("GET", "/containers/json"),
        ("HEAD", "/_ping"),
        ("DELETE", "/containers/web"),
        ("GET", "/%zz"),
    ):
        assert decided(uri, None, method, engine=engine)[0]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["HostConfig", "Image", "Mounts", "Binds", "Cmd", "CapAdd", "TaskTemplate", "DriverOpts"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=10,
)


@given(st.sampled_from(["/containers/create", "/services/create", "/volumes/create", "/containers/x/exec"]), JSON)
def test_no_body_makes_it_fail(uri: str, body: object) -> None:
    assert isinstance(decided(uri, body)[0], bool)


class Fixed:
    current = authorization()


def asked(path: str, body: bytes) -> dict[str, Any]:
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body}

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(App(Fixed())({"type": "http", "path": path, "method": "POST"}, receive, send))
    found: dict[str, Any] = json.loads(sent[1]["body"])
    return found


def test_the_plugins_protocol() -> None:
    assert asked("/Plugin.Activate", b"") == {"Implements": ["authz"]}
    assert asked("/AuthZPlugin.AuthZRes", b"{}") == {"Allow": True}
    body = base64.b64encode(json.dumps(create(Privileged=True)).encode()).decode()
    question = {"RequestMethod": "POST", "RequestUri": "/v1.41/containers/create", "RequestBody": body}
    answer = asked("/AuthZPlugin.AuthZReq", json.dumps(question).encode())
    assert answer["Allow"] is False
    assert answer["Msg"].startswith("thwart: full-privileges: ")
    assert asked("/AuthZPlugin.AuthZReq", b'{"RequestMethod": "GET", "RequestUri": "/containers/json"}') == {
        "Allow": True
    }
    for broken in (b"", b"[", b'{"RequestMethod": "POST", "RequestUri": "/containers/create", "RequestBody": "%"}'):
        assert asked("/AuthZPlugin.AuthZReq", broken)["Allow"] is False
