"""Kubernetes' rules where peers' own fixtures showed them wrong: what the API server and the engines do decides."""

from __future__ import annotations

from typing import Any

import pytest

from thwart.core.finding import Finding
from thwart.rules import Options, check

ROLE = "{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: w}, rules: [%s]}"
PLAIN = "containers: [{name: c, image: 'x:1'%s}]"


def judge(*texts: str, **options: Any) -> list[Finding]:
    return list(
        check([(f"{index}.yaml", one.encode()) for index, one in enumerate(texts)], Options(**options)).findings
    )


def ids(*texts: str) -> set[str]:
    return {finding.id for finding in judge(*texts)}


def told(rule: str, *texts: str) -> list[str]:
    return [finding.message for finding in judge(*texts) if finding.id == rule]


def program(name: str, *flags: str) -> str:
    words = ", ".join(f'"{one}"' for one in (name, *(f"--{flag}" for flag in flags)))
    return f"{{apiVersion: v1, kind: Pod, metadata: {{name: p}}, spec: {{{PLAIN % f', command: [{words}]'}}}}}"


# -- roles -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "grant", "expected"),
    [
        ("secrets-role", '{apiGroups: [""], resources: [secrets], verbs: [get]}', True),
        ("secrets-role", "{apiGroups: [metrics.example.test], resources: [secrets], verbs: [get]}", False),
        ("secrets-role", "{resources: [secrets], verbs: [get]}", True),
        ("secrets-role", '{apiGroups: [""], resources: [secrets], verbs: [patch]}', True),
        ("secrets-role", '{apiGroups: [""], resources: [secrets], verbs: [deletecollection]}', True),
        ("secrets-role", '{apiGroups: [""], resources: [secrets], verbs: [create, update, delete]}', False),
        ("secrets-role", '{apiGroups: [""], resources: [secrets], verbs: [list, watch], resourceNames: [w]}', False),
        ("pod-creating-role", "{apiGroups: [rbac.authorization.k8s.io], resources: [pods], verbs: [create]}", False),
        ("pod-creating-role", '{apiGroups: [""], resources: [replicationcontrollers], verbs: [create]}', True),
        ("pod-creating-role", "{apiGroups: [batch], resources: [cronjobs], verbs: [update]}", True),
        ("pod-creating-role", "{apiGroups: [batch], resources: [cronjobs], verbs: [deletecollection]}", False),
        ("role-changing-role", "{apiGroups: [rbac.authorization.k8s.io], resources: [roles], verbs: ['*']}", True),
        ("role-changing-role", "{apiGroups: [example.test], resources: [groups], verbs: [impersonate]}", False),
        (
            "webhook-changing-role",
            "{apiGroups: [admissionregistration.k8s.io], resources: [validatingwebhookconfigurations], verbs: [delete]}",
            True,
        ),
    ],
)
def test_what_a_grant_is(rule: str, grant: str, *, expected: bool) -> None:
    assert (rule in ids(ROLE % grant)) is expected


def test_an_asterisk_on_roles_is_told_once_and_by_what_it_is() -> None:
    found = ids(ROLE % "{apiGroups: ['*'], resources: [clusterroles], verbs: ['*']}")
    assert "role-changing-role" in found
    assert "all-verbs-role" not in found


@pytest.mark.parametrize(("name", "expected"), [("system:viewer", True), ("system:public-info-viewer", False)])
def test_a_name_does_not_make_a_binding_the_clusters_own(name: str, *, expected: bool) -> None:
    binding = (
        f"{{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRoleBinding, metadata: {{name: '{name}'}}, "
        "roleRef: {kind: ClusterRole, name: view}, subjects: [{kind: Group, name: 'system:unauthenticated'}]}"
    )
    assert ("anonymous-binding" in ids(binding)) is expected


# -- pods --------------------------------------------------------------------------------------------------------------

ACCOUNT = "{apiVersion: v1, kind: ServiceAccount, metadata: {name: w, namespace: s}, automountServiceAccountToken: %s}"
USER = "{apiVersion: v1, kind: Pod, metadata: {name: p, namespace: s}, spec: {serviceAccountName: %s, containers: [{image: x}]}}"


@pytest.mark.parametrize(
    ("stated", "account", "expected"),
    [
        ("false", "w", False),
        ("true", "w", True),
        ("null", "w", True),
        ("false", "other", True),
        ("false", "default", True),
    ],
)
def test_a_service_account_may_keep_its_token(stated: str, account: str, *, expected: bool) -> None:
    assert ("service-account-token" in ids(USER % account, ACCOUNT % stated)) is expected


def test_all_service_accounts_that_may_be_meant_have_to_keep_it() -> None:
    nowhere = (ACCOUNT % "true").replace(", namespace: s", "")
    assert "service-account-token" in ids(USER % "w", ACCOUNT % "false", nowhere)


@pytest.mark.parametrize(
    ("path", "expected"),
    [("/var/run/docker", True), ("/run/containerd/", True), ("/run/containerd/io", False), ("/run/docker-x", False)],
)
def test_a_folder_that_holds_the_engines_socket(path: str, *, expected: bool) -> None:
    pod = f"{{apiVersion: v1, kind: Pod, spec: {{volumes: [{{name: v, hostPath: {{path: {path}}}}}], {PLAIN % ''}}}}}"
    assert ("engine-socket" in ids(pod)) is expected


@pytest.mark.parametrize(
    ("kind", "policy", "expected"),
    [
        ("Pod", "", True),
        ("Pod", "restartPolicy: Always, ", True),
        ("Pod", "restartPolicy: Never, ", False),
        ("ReplicationController", "", True),
        ("DeploymentConfig", "", True),
        ("Rollout", "", True),
        ("Job", "restartPolicy: Never, ", False),
    ],
)
def test_probes_are_for_what_runs_for_ever(kind: str, policy: str, *, expected: bool) -> None:
    spec = f"{{{policy}{PLAIN % ', ports: [{containerPort: 80}]'}}}"
    template = spec if kind == "Pod" else f"{{template: {{spec: {spec}}}}}"
    found = ids(f"{{apiVersion: v1, kind: {kind}, metadata: {{name: w}}, spec: {template}}}")
    assert ({"no-liveness-probe", "no-readiness-probe"} <= found) is expected


def test_all_that_is_dropped_in_small_letters_is_refused_by_the_standard() -> None:
    pod = f"{{apiVersion: v1, kind: Pod, spec: {{{PLAIN % ', securityContext: {capabilities: {drop: [all]}}'}}}}}"
    [found] = [one for one in judge(pod) if one.id == "kept-capability"]
    assert "but not as ALL" in found.message
    assert found.fix is not None
    assert found.fix.safe


def test_what_has_a_selector_is_no_patch() -> None:
    text = "{apiVersion: apps/v1, kind: Deployment, metadata: {name: w}, spec: {%stemplate: {spec: {containers: [{name: c}]}}}}"
    assert "privilege-escalation" not in ids(text % "")
    assert "privilege-escalation" in ids(text % "selector: {matchLabels: {app: w}}, ")


@pytest.mark.parametrize("name", ["AZURE_BATCH_KEY", "AZURE_STORAGE_KEY", "OCI_CLI_KEY_CONTENT"])
def test_keys_of_clouds_are_secrets(name: str) -> None:
    pod = f"{{apiVersion: v1, kind: Pod, spec: {{{PLAIN % f', env: [{{name: {name}, value: xxx}}]'}}}}}"
    assert "literal-secret" in ids(pod)


def test_a_patch_without_containers_is_judged_by_what_it_says() -> None:
    patch = (
        "{apiVersion: apps/v1, kind: Deployment, metadata: {name: w}, spec: {template: {spec: {hostNetwork: true}}}}"
    )
    assert ids(patch) == {"host-namespace"}
    assert "missing-field" in ids("{apiVersion: v1, kind: Pod, metadata: {name: w}, spec: {containers: null}}")


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("hostPath: {path: /}", True),
        ("hostPath: {path: /boot/}", True),
        ("local: {path: /var/lib/kubelet/x}", True),
        ("hostPath: {path: /srv}", False),
        ("local: {path: /mnt/disks/one}", False),
        ("nfs: {path: /etc}", False),
    ],
)
def test_a_volume_of_the_host_behind_a_claim(source: str, *, expected: bool) -> None:
    volume = f"{{apiVersion: v1, kind: PersistentVolume, metadata: {{name: v}}, spec: {{{source}}}}}"
    assert ("sensitive-persistent-volume" in ids(volume)) is expected


def test_a_revision_of_knative_is_a_pod() -> None:
    text = "{apiVersion: %s, kind: Revision, metadata: {name: r}, spec: {containers: [{securityContext: {privileged: true}}]}}"
    assert "privileged-container" in ids(text % "serving.knative.dev/v1")
    assert not ids(text % "example.test/v1")


def test_tiller_is_known_by_its_labels() -> None:
    labels = "labels: {app: helm, name: tiller}"
    pod = f"{{apiVersion: v1, kind: Pod, metadata: {{name: t, {labels}}}, spec: {{{PLAIN % ''}}}}}"
    assert told("tiller", pod) == ["Pod t runs it, by its labels"]
    assert "tiller" not in ids(pod.replace("app: helm", "app: ship"))


# -- what refers to others ---------------------------------------------------------------------------------------------

SERVICE = "{apiVersion: v1, kind: Service, metadata: {name: w}, spec: {ports: [{name: web, port: 80}]}}"
NEW = "{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: i}, spec: {rules: [{http: {paths: [{backend: %s}]}}]}}"
OLD = "{apiVersion: extensions/v1beta1, kind: Ingress, metadata: {name: i}, spec: {backend: %s}}"


@pytest.mark.parametrize(
    ("ingress", "expected"),
    [
        (NEW % "{service: {name: w, port: {number: 80}}}", ""),
        (NEW % "{service: {name: w, port: {name: web}}}", ""),
        (NEW % "{service: {name: w, port: {number: 8080}}}", "leads to the port 8080, which its Service does not have"),
        (NEW % "{service: {name: w, port: {name: http}}}", "leads to the port http, which its Service does not have"),
        (NEW % "{service: {name: x, port: {number: 80}}}", "leads to the Service x, which is in none of the files"),
        (NEW % "{resource: {kind: Bucket, name: x}}", ""),
        (OLD % "{serviceName: w, servicePort: 80}", ""),
        (OLD % "{serviceName: x, servicePort: 80}", "leads to the Service x, which is in none of the files"),
    ],
)
def test_where_an_ingress_leads(ingress: str, expected: str) -> None:
    assert told("ingress-without-service", ingress, SERVICE) == ([f"Ingress i {expected}"] if expected else [])


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("auth-url", r"http://a.example.test/#;\ninjected", True),
        ("auth-tls-match-cn", r"CN=a #(\n){}\n}}", True),
        ("mirror-host", r"a.example.test\n", False),
        ("auth-tls-match-cn", "CN=(one|two)", False),
        ("auth-signin", r"http://a.example.test/\nx", False),
    ],
)
def test_a_line_that_is_put_into_the_proxys_configuration(name: str, value: str, *, expected: bool) -> None:
    notes = f'annotations: {{nginx.ingress.kubernetes.io/{name}: "{value}"}}'
    ingress = f"{{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {{name: i, {notes}}}}}"
    assert ("snippet-annotation" in ids(ingress)) is expected


def test_the_pods_of_jobs_need_a_policy_too() -> None:
    policy = (
        "{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: n, namespace: s}, "
        "spec: {podSelector: {matchLabels: {app: a}}}}"
    )
    job = (
        "{apiVersion: batch/v1, kind: Job, metadata: {name: j, namespace: s}, "
        f"spec: {{template: {{metadata: {{labels: {{app: %s}}}}, spec: {{{PLAIN % ''}}}}}}}}}"
    )
    assert "unprotected-pod" in ids(policy, job % "b")
    assert "unprotected-pod" not in ids(policy, job % "a")


# -- the cluster's own programs ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "name", "flag", "expected"),
    [
        ("weak-kubelet", "kubelet", "anonymous-auth=true", True),
        ("weak-kubelet", "kubelet", "anonymous-auth=false", False),
        ("weak-kubelet", "kubelet", "read-only-port=1", True),
        ("weak-kubelet", "kubelet", "streaming-connection-idle-timeout=0", True),
        ("weak-kubelet", "kubelet", "config=/etc/kubelet.yaml", False),
        ("weak-kubelet", "kubelet", "tls-cipher-suites=TLS_RSA_WITH_RC4_128_SHA,TLS_AES_128_GCM_SHA256", True),
        ("weak-kubelet", "kubelet", "tls-cipher-suites=TLS_AES_128_GCM_SHA256", False),
        ("weak-api-server", "kube-apiserver", "tls-min-version=VersionTLS10", True),
        ("weak-api-server", "kube-apiserver", "tls-min-version=VersionTLS12", False),
        ("weak-api-server", "kube-apiserver", "audit-log-maxage=7", True),
        ("weak-api-server", "kube-apiserver", "audit-log-maxage=30", False),
        ("weak-api-server", "kube-apiserver", "audit-log-maxage=0", False),
        ("weak-api-server", "kube-apiserver", "secure-port=0", True),
        ("weak-controller-flag", "kube-controller-manager", "use-service-account-credentials=false", True),
        ("weak-controller-flag", "kube-controller-manager", "use-service-account-credentials=true", False),
    ],
)
def test_flags(rule: str, name: str, flag: str, *, expected: bool) -> None:
    assert any(f"(--{flag[:20]}" in one for one in told(rule, program(name, flag))) is expected


@pytest.mark.parametrize("flag", ["kubelet-certificate-authority", "etcd-keyfile", "tls-private-key-file"])
def test_flags_that_an_api_server_needs(flag: str) -> None:
    assert any(f"(no --{flag})" in one for one in told("weak-api-server", program("kube-apiserver")))


def test_only_the_controller_manager_has_flags_for_accounts() -> None:
    manager = told("weak-controller-flag", program("kube-controller-manager"))
    scheduler = told("weak-controller-flag", program("kube-scheduler"))
    assert any("--use-service-account-credentials" in one for one in manager)
    assert not any("account" in one for one in scheduler)


@pytest.mark.parametrize(
    "field", ["tlsCipherSuites: [TLS_RSA_WITH_RC4_128_SHA]", "featureGates: {RotateKubeletServerCertificate: false}"]
)
def test_a_kubelets_file(field: str) -> None:
    assert ids(f"{{apiVersion: kubelet.config.k8s.io/v1beta1, kind: KubeletConfiguration, {field}}}") == {
        "weak-kubelet"
    }
