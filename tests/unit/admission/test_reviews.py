"""Reviews in, answers out: what is judged, what is left alone, what is changed, and what happens when nobody knows."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta, timezone
from threading import Event
from time import monotonic
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from thwart.api.admission import (
    Admission,
    AdmissionOptions,
    Busy,
    Defaults,
    Images,
    Lives,
    ReviewError,
    Unasked,
    quantity,
)
from thwart.core.advisory import Severity
from thwart.core.errors import SourceError, ThwartError
from thwart.core.finding import Finding
from thwart.core.policy import Clause
from thwart.core.report import Asset, Exception_, Policy, Report
from thwart.core.trust import Judgement, Reason

D1, D2 = f"sha256:{'1' * 64}", f"sha256:{'2' * 64}"
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.at = 1_000.0

    def __call__(self) -> float:
        return self.at


class FakeRegistry:
    """Answers, and counts how often it was asked."""

    def __init__(self, digests: dict[str, str], verified: set[str] | None = None) -> None:
        self.digests = digests
        self.verified = verified or set()
        self.asked: list[str] = []
        self.indexes: dict[str, tuple[str, ...]] = {}
        self.trouble: ThwartError | None = None

    def digest(self, image: str, secrets: tuple[str, ...], namespace: str) -> str:
        self.asked.append(f"digest {image} {namespace} {' '.join(secrets)}".strip())
        if self.trouble is not None:
            raise self.trouble
        if image not in self.digests:
            raise SourceError(f"{image} is not there")
        return self.digests[image]

    def platforms(self, image: str, digest: str, secrets: tuple[str, ...], namespace: str) -> tuple[str, ...]:
        return self.indexes.get(digest, ())

    def judge(self, image: str, digest: str, secrets: tuple[str, ...], namespace: str) -> Judgement:
        self.asked.append(f"judge {digest[:10]}")
        if self.trouble is not None:
            raise self.trouble
        if digest in self.verified:
            return Judgement(decision="verified")
        return Judgement(decision="denied", reasons=(Reason(slug="none", sentence="nobody signed it"),))


def container(**more: Any) -> dict[str, Any]:
    security = {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}
    return {"name": "web", "image": "registry.example.test/web:1", "securityContext": security, **more}


def pod(**spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "web-1", "namespace": "shop"},
        "spec": {
            "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [container()],
            **spec,
        },
    }


def deployment(template: dict[str, Any], **more: Any) -> dict[str, Any]:
    inner = {"metadata": {"labels": {"app": "web"}}, "spec": template["spec"]}
    spec = {"selector": {"matchLabels": {"app": "web"}}, "template": inner, **more}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": spec}


def review(document: object, **request: Any) -> bytes:
    kind = document.get("kind", "Pod") if isinstance(document, dict) else "Pod"
    group = "apps" if kind == "Deployment" else ""
    body = {
        "uid": "u-1",
        "kind": {"group": group, "version": "v1", "kind": kind},
        "operation": "CREATE",
        "namespace": "shop",
        "object": document,
        **request,
    }
    version = request.pop("version", "admission.k8s.io/v1")
    body.pop("version", None)
    return json.dumps({"apiVersion": version, "kind": "AdmissionReview", "request": body}).encode()


def asked(admission: Admission, body: bytes) -> dict[str, Any]:
    data, _ = admission.validate(body)
    found: dict[str, Any] = json.loads(data)["response"]
    return found


def patch(admission: Admission, body: bytes) -> list[dict[str, Any]]:
    response = json.loads(admission.mutate(body)[0])["response"]
    assert response["allowed"] is True
    assert ("patch" in response) == ("patchType" in response)
    if "patch" not in response:
        return []
    assert response["patchType"] == "JSONPatch"
    found: list[dict[str, Any]] = json.loads(base64.b64decode(response["patch"]))
    return found


def admission(registry: FakeRegistry | None = None, clock: Clock | None = None, **options: Any) -> Admission:
    clock = clock or Clock()
    images = Images(registry, clock, Lives()) if registry is not None else None
    return Admission(AdmissionOptions(**options), images, clock=clock, now=lambda: NOW)


PRIVILEGED = pod(containers=[container(securityContext={"privileged": True})])


# -- what is judged ------------------------------------------------------------------------------------------------------


def test_a_privileged_pod_is_refused_with_the_rule_that_says_so() -> None:
    response = asked(admission(more="https://wiki.example.test/thwart"), review(PRIVILEGED))
    assert response["uid"] == "u-1"
    assert response["allowed"] is False
    assert response["status"]["code"] == 403
    assert "privileged-container" in response["status"]["message"]
    assert response["status"]["message"].endswith("(https://wiki.example.test/thwart)")
    assert "patch" not in response


def test_a_pod_on_the_least_privilege_is_admitted() -> None:
    response = asked(admission(), review(pod()))
    assert response["allowed"] is True
    assert "status" not in response


@pytest.mark.parametrize("version", ["admission.k8s.io/v1", "admission.k8s.io/v1beta1"])
def test_the_answer_is_in_the_version_that_was_asked_in(version: str) -> None:
    answer = json.loads(admission().validate(review(pod(), version=version))[0])
    assert (answer["apiVersion"], answer["kind"]) == (version, "AdmissionReview")


def test_templates_are_judged_as_pods_are() -> None:
    assert asked(admission(), review(deployment(PRIVILEGED)))["allowed"] is False
    job = {"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "n"}}
    job |= {"spec": {"schedule": "* * * * *", "jobTemplate": {"spec": {"template": {"spec": PRIVILEGED["spec"]}}}}}
    kind = {"group": "batch", "version": "v1", "kind": "CronJob"}
    assert asked(admission(), review(job, kind=kind))["allowed"] is False


def test_an_ephemeral_container_is_judged() -> None:
    changed = pod(ephemeralContainers=[container(name="debug", securityContext={"privileged": True})])
    body = review(changed, operation="UPDATE", subResource="ephemeralcontainers", oldObject=pod())
    assert asked(admission(), body)["allowed"] is False


def test_a_framework_asks_its_controls_and_no_others() -> None:
    unlimited = review(pod())
    strict = Policy(fail_on="negligible")
    assert asked(admission(policy=strict), unlimited)["allowed"] is False
    assert asked(admission(policy=strict, framework="pss-restricted"), unlimited)["allowed"] is True
    assert asked(admission(policy=strict, framework="pss-baseline"), review(PRIVILEGED))["allowed"] is False


def test_an_object_that_is_missing_is_refused() -> None:
    assert asked(admission(), review(None))["allowed"] is False


# -- what is left alone --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "request_",
    [
        {"namespace": "kube-system"},
        {"operation": "DELETE", "object": None},
        {"operation": "CONNECT", "subResource": "exec"},
        {"operation": "UPDATE", "subResource": "status"},
        {"operation": "UPDATE", "oldObject": PRIVILEGED},
        {"kind": {"group": "", "version": "v1", "kind": "ConfigMap"}},
        {"kind": {"group": "acme.test", "version": "v1", "kind": "Pod"}},
    ],
)
def test_what_is_none_of_our_business_is_admitted(request_: dict[str, Any]) -> None:
    assert asked(admission(), review(PRIVILEGED, **request_)) == {"uid": "u-1", "allowed": True}


def test_a_scale_of_what_runs_is_admitted_and_a_change_of_it_is_judged() -> None:
    old = deployment(PRIVILEGED, replicas=1)
    scaled = review(deployment(PRIVILEGED, replicas=5), operation="UPDATE", oldObject=old)
    assert asked(admission(), scaled)["allowed"] is True
    changed = pod(containers=[container(securityContext={"privileged": True}, image="registry.example.test/web:2")])
    assert asked(admission(), review(deployment(changed), operation="UPDATE", oldObject=old))["allowed"] is False


def test_until_the_bootstrap_ends_everything_is_admitted_with_a_warning() -> None:
    response = asked(admission(bootstrap=NOW + timedelta(minutes=5)), review(PRIVILEGED))
    assert response["allowed"] is True
    assert "admitted only until 2026-11-23 12:05 UTC" in response["warnings"][0]
    elsewhere = (NOW + timedelta(minutes=5)).astimezone(timezone(timedelta(hours=2)))
    assert asked(admission(bootstrap=elsewhere), review(PRIVILEGED)) == response
    assert asked(admission(bootstrap=NOW), review(PRIVILEGED))["allowed"] is False


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"{",
        b"\xff",
        b'{"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview"}',
        b'{"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": null}',
        review(pod(), uid=""),
        review(pod(), version="admission.k8s.io/v2"),
        b"[" * 100_000,
        b" " * (9 << 20),
    ],
)
def test_what_is_no_review_is_refused_as_such(body: bytes) -> None:
    with pytest.raises(ReviewError):
        admission().validate(body)


def test_a_review_of_three_megabytes_is_judged() -> None:
    large = pod()
    large["metadata"]["annotations"] = {"x": "y" * (3 << 20)}
    assert asked(admission(), review(large))["allowed"] is True


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "spec",
                    "containers",
                    "image",
                    "name",
                    "volumes",
                    "initContainers",
                    "securityContext",
                    "imagePullSecrets",
                    "resources",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(JSON)
def test_no_object_makes_it_fail(document: object) -> None:
    whole = {"apiVersion": "v1", "kind": "Pod", "spec": document}
    registry = FakeRegistry({})
    judge = admission(registry, signatures=True, defaults=Defaults(memory="64Mi"), pin="all")
    assert isinstance(asked(judge, review(whole))["allowed"], bool)
    patch(judge, review(whole))


# -- images --------------------------------------------------------------------------------------------------------------


def test_an_unsigned_image_is_refused_and_a_signed_one_is_not() -> None:
    registry = FakeRegistry({"registry.example.test/web:1": D1})
    response = asked(admission(registry, signatures=True), review(pod()))
    assert response["status"]["message"] == "thwart: registry.example.test/web:1: nobody signed it"
    registry.verified.add(D1)
    assert asked(admission(registry, signatures=True), review(pod()))["allowed"] is True


def test_volumes_of_images_and_init_containers_need_signatures_too() -> None:
    registry = FakeRegistry({"registry.example.test/web:1": D1, "registry.example.test/data:1": D2}, {D1})
    volume = {"name": "data", "image": {"reference": "registry.example.test/data:1"}}
    assert asked(admission(registry, signatures=True), review(pod(volumes=[volume])))["allowed"] is False
    init = container(image="registry.example.test/data:1")
    assert asked(admission(registry, signatures=True), review(pod(initContainers=[init])))["allowed"] is False


def test_answers_are_kept_and_refusals_only_briefly() -> None:
    clock, registry = Clock(), FakeRegistry({"registry.example.test/web:1": D1})
    judge = admission(registry, clock, signatures=True)
    assert asked(judge, review(pod()))["allowed"] is False
    assert asked(judge, review(pod()))["allowed"] is False
    assert len(registry.asked) == 2
    registry.verified.add(D1)
    clock.at += 16
    assert asked(judge, review(pod()))["allowed"] is True
    clock.at += 30
    assert asked(judge, review(pod()))["allowed"] is True
    assert registry.asked.count(f"judge {D1[:10]}") == 2


def test_while_the_registry_is_busy_old_answers_count() -> None:
    clock, registry = Clock(), FakeRegistry({"registry.example.test/web:1": D1}, {D1})
    judge = admission(registry, clock, signatures=True)
    assert asked(judge, review(pod()))["allowed"] is True
    registry.trouble = Busy("too many requests")
    clock.at += 3_600
    assert asked(judge, review(pod()))["allowed"] is True
    clock.at += 90_000
    assert asked(judge, review(pod()))["allowed"] is False


def test_a_registry_that_is_silent_makes_it_unknown_as_the_policy_says() -> None:
    registry = FakeRegistry({})
    response = asked(admission(registry, signatures=True), review(pod()))
    assert response["allowed"] is False
    assert "is not there" in response["status"]["message"]


def test_what_one_namespace_may_pull_says_nothing_of_another() -> None:
    registry = FakeRegistry({"registry.example.test/web:1": D1}, {D1})
    judge = admission(registry, signatures=True)
    secret = pod(imagePullSecrets=[{"name": "mine"}])
    asked(judge, review(secret))
    asked(judge, review(pod(), namespace="other"))
    assert registry.asked[0] == "digest registry.example.test/web:1 shop mine"
    assert registry.asked[2] == "digest registry.example.test/web:1 other serviceaccount/default"


def test_the_last_scan_decides_by_digest() -> None:
    finding = Finding(id="CVE-2026-1", message="m", severity=Severity.CRITICAL)
    bad = Report(asset=Asset(kind="image", name="web", digest=D1), tool_version="1", created="", findings=(finding,))
    registry = FakeRegistry({"registry.example.test/web:1": D1})
    response = asked(admission(registry, scans={D1: bad}), review(pod()))
    assert "CVE-2026-1" in response["status"]["message"]
    assert asked(admission(registry, scans={D2: bad}), review(pod()))["allowed"] is True
    response = asked(admission(registry, scans={D2: bad}, scanned=True), review(pod()))
    assert "nobody has scanned" in response["status"]["message"]


# -- changes -------------------------------------------------------------------------------------------------------------


def test_tags_are_pinned_in_pods_and_elsewhere_only_when_asked() -> None:
    registry = FakeRegistry({"registry.example.test/web:1": D1})
    pinned = {"op": "replace", "path": "/spec/containers/0/image", "value": f"registry.example.test/web:1@{D1}"}
    assert patch(admission(registry), review(pod())) == [pinned]
    assert patch(admission(registry), review(deployment(pod()))) == []
    [one] = patch(admission(registry, pin="all"), review(deployment(pod())))
    assert one["path"] == "/spec/template/spec/containers/0/image"
    assert patch(admission(registry, pin="never"), review(pod())) == []
    assert patch(admission(registry), review(pod(), namespace="kube-system")) == []


def test_limits_are_added_only_where_there_are_none() -> None:
    judge = admission(defaults=Defaults(memory="64Mi", cpu="500m"))
    add = [
        {"op": "add", "path": "/spec/containers/0/resources", "value": {"limits": {"memory": "64Mi", "cpu": "500m"}}}
    ]
    assert patch(judge, review(pod())) == add
    some = container(resources={"limits": {"memory": "1Gi"}})
    [one] = patch(judge, review(pod(containers=[some])))
    assert one == {"op": "add", "path": "/spec/containers/0/resources/limits/cpu", "value": "500m"}


def test_a_default_is_never_below_what_is_requested() -> None:
    judge = admission(defaults=Defaults(memory="64Mi", cpu="500m"))
    asks = container(resources={"requests": {"memory": "1Gi", "cpu": "0.1"}, "limits": {}})
    found = {one["path"].rpartition("/")[2]: one["value"] for one in patch(judge, review(pod(containers=[asks])))}
    assert found == {"memory": "1Gi", "cpu": "500m"}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1Gi", 2**30),
        ("500m", 0.5),
        ("1e3", 1000),
        ("2E", 2e18),
        ("0.5", 0.5),
        (2, 2),
        ("1Gb", None),
        ("", None),
        (None, None),
    ],
)
def test_quantities(text: object, value: float | None) -> None:
    assert quantity(text) == value


def test_of_a_pod_that_runs_only_what_may_change_is_changed() -> None:
    registry = FakeRegistry({"registry.example.test/web:1": D1, "registry.example.test/web:2": D2})
    judge = admission(registry, defaults=Defaults(memory="64Mi"))
    changed = pod(
        containers=[container(image="registry.example.test/web:2")],
        volumes=[{"name": "data", "image": {"reference": "registry.example.test/web:1"}}],
    )
    [one] = patch(judge, review(changed, operation="UPDATE", oldObject=pod()))
    assert one["path"] == "/spec/containers/0/image"
    debugged = pod(ephemeralContainers=[container(name="debug")])
    body = review(debugged, operation="UPDATE", subResource="ephemeralcontainers", oldObject=pod())
    assert [one["path"] for one in patch(judge, body)] == ["/spec/ephemeralContainers/0/image"]


def test_what_is_being_deleted_and_what_a_kubelet_mirrors_is_never_refused() -> None:
    ending = pod(containers=PRIVILEGED["spec"]["containers"])
    ending["metadata"]["deletionTimestamp"] = "2026-11-23T12:00:00Z"
    assert asked(admission(), review(ending, operation="UPDATE", oldObject=pod()))["allowed"] is True
    mirror = pod(containers=PRIVILEGED["spec"]["containers"])
    mirror["metadata"]["annotations"] = {"kubernetes.io/config.mirror": "x"}
    assert asked(admission(), review(mirror))["allowed"] is False, "anybody can write an annotation"
    response = asked(admission(), review(mirror, userInfo={"username": "system:node:n1"}))
    assert response["allowed"] is True
    assert "static pod" in response["warnings"][0]


def test_the_requests_kind_counts_and_not_what_the_object_claims() -> None:
    lying = {**PRIVILEGED, "kind": "ConfigMap"}
    body = review(lying, kind={"group": "", "version": "v1", "kind": "Pod"})
    assert asked(admission(), body)["allowed"] is False


def test_clauses_see_every_rule_although_a_framework_is_asked() -> None:
    policy = Policy(clauses=(Clause(name="limits", value=True),))
    message = asked(admission(policy=policy, framework="pss-restricted"), review(pod()))["status"]["message"]
    assert "no-memory-limit" in message
    policy = Policy(clauses=(Clause(name="registries", value=["elsewhere.example.test"]),))
    assert "is from a place" in asked(admission(policy=policy), review(pod()))["status"]["message"]


@pytest.mark.parametrize("mode", ["warn", "dry-run"])
def test_a_policy_that_is_only_tried_warns(mode: str) -> None:
    registry = FakeRegistry({"registry.example.test/web:1": D1})
    for signatures in (False, True):
        response = asked(admission(registry, policy=Policy(mode=mode), signatures=signatures), review(PRIVILEGED))
        assert response["allowed"] is True
        assert f"mode is {mode}" in response["warnings"][0]


def test_a_registry_that_fails_only_warns_where_the_policy_says_so() -> None:
    response = asked(admission(FakeRegistry({}), signatures=True, policy=Policy(on_incomplete="warn")), review(pod()))
    assert response["allowed"] is True
    assert "is not there" in response["warnings"][0]


def test_exceptions_count_at_admission_too() -> None:
    one = Exception_(id="privileged-container", reason="r", owner="o", expires="2026-12-31", asset="Pod shop/*")
    two = Exception_(id="privilege-escalation", reason="r", owner="o", expires="2026-12-31")
    policy = Policy(exceptions=(one, two))
    assert asked(admission(policy=policy), review(PRIVILEGED))["allowed"] is True
    assert asked(admission(policy=policy), review(PRIVILEGED, namespace="other"))["allowed"] is False


def test_the_scan_of_an_image_counts_for_the_index_that_holds_it() -> None:
    finding = Finding(id="CVE-2026-1", message="m", severity=Severity.CRITICAL)
    bad = Report(asset=Asset(kind="image", name="web", digest=D2), tool_version="1", created="", findings=(finding,))
    registry = FakeRegistry({"registry.example.test/web:1": D1})
    registry.indexes[D1] = (D2,)
    assert "CVE-2026-1" in asked(admission(registry, scans={D2: bad}), review(pod()))["status"]["message"]


def test_many_images_are_refused_before_anybody_is_asked() -> None:
    registry = FakeRegistry({})
    many = pod(containers=[container(image=f"registry.example.test/web:{at}") for at in range(500)])
    assert "more than 100" in asked(admission(registry, signatures=True), review(many))["status"]["message"]
    assert registry.asked == []


def test_without_waiting_only_what_is_known_is_answered() -> None:
    registry = FakeRegistry({"registry.example.test/web:1": D1}, {D1})
    judge = admission(registry, signatures=True)
    with pytest.raises(Unasked):
        judge.validate(review(pod()), None)
    assert asked(judge, review(pod()))["allowed"] is True
    assert json.loads(judge.validate(review(pod()), None)[0])["response"]["allowed"] is True


def test_a_slow_registry_ends_with_the_time_and_its_answer_counts_later() -> None:
    class Slow(FakeRegistry):
        def digest(self, image: str, secrets: tuple[str, ...], namespace: str) -> str:
            released.wait(5)
            return super().digest(image, secrets, namespace)

    released = Event()
    registry = Slow({"registry.example.test/web:1": D1}, {D1})
    judge = Admission(AdmissionOptions(signatures=True, budget=0.1), Images(registry, monotonic), now=lambda: NOW)
    assert "has not answered within the time" in asked(judge, review(pod()))["status"]["message"]
    released.set()
    for _ in range(100):
        if asked(judge, review(pod()))["allowed"]:
            break
    assert asked(judge, review(pod()))["allowed"] is True
    assert len([one for one in registry.asked if one.startswith("digest")]) == 1
