"""Where in an object the pod is that it is or makes, and which images that runs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

_TEMPLATE = ("spec", "template")
TEMPLATES: dict[tuple[str, str], tuple[str, ...]] = {  # (group, kind) to the pod or its template
    ("", "Pod"): (),
    ("", "PodTemplate"): ("template",),
    ("", "ReplicationController"): _TEMPLATE,
    ("apps", "Deployment"): _TEMPLATE,
    ("apps", "ReplicaSet"): _TEMPLATE,
    ("apps", "DaemonSet"): _TEMPLATE,
    ("apps", "StatefulSet"): _TEMPLATE,
    ("batch", "Job"): _TEMPLATE,
    ("batch", "CronJob"): ("spec", "jobTemplate", "spec", "template"),
}
_LISTS = ("initContainers", "containers", "ephemeralContainers")


class Used(NamedTuple):
    """An image that a pod runs or mounts, and the JSON pointer (RFC 6901) to where it is named."""

    image: str
    pointer: str


def template_of(group: str, kind: str, document: object) -> tuple[dict[str, Any], str] | None:
    """The pod or template in an object and the pointer to it; None where the object makes no pods."""
    steps = TEMPLATES.get((group, kind))
    if steps is None:
        return None
    node = document
    for step in steps:
        node = node.get(step) if isinstance(node, dict) else None
    return (node, "".join(f"/{step}" for step in steps)) if isinstance(node, dict) else None


def spec_of(template: dict[str, Any]) -> dict[str, Any]:
    """The pod's `spec`; empty where there is none."""
    spec = template.get("spec")
    return spec if isinstance(spec, dict) else {}


def containers(spec: dict[str, Any]) -> Iterator[tuple[str, int, dict[str, Any]]]:
    """Every container with the list that it stands in and its place there."""
    for name in _LISTS:
        found = spec.get(name)
        for index, one in enumerate(found if isinstance(found, list) else []):
            if isinstance(one, dict):
                yield name, index, one


def images(template: dict[str, Any], pointer: str) -> Iterator[Used]:
    """The images of containers of every kind, and of image volumes."""
    spec = spec_of(template)
    for name, index, one in containers(spec):
        image = one.get("image")
        if isinstance(image, str) and image:
            yield Used(image, f"{pointer}/spec/{name}/{index}/image")
    volumes = spec.get("volumes")
    for index, one in enumerate(volumes if isinstance(volumes, list) else []):
        source = one.get("image") if isinstance(one, dict) else None
        image = source.get("reference") if isinstance(source, dict) else None
        if isinstance(image, str) and image:
            yield Used(image, f"{pointer}/spec/volumes/{index}/image/reference")


def pull_secrets(template: dict[str, Any]) -> tuple[str, ...]:
    """The names of the secrets with which the kubelet pulls; where none are stated, `serviceaccount/NAME` for that one's.

    The API server copies an account's secrets into pods, but not into the templates that those are made of.
    """
    spec = spec_of(template)
    found = spec.get("imagePullSecrets")
    names = [one.get("name") for one in (found if isinstance(found, list) else []) if isinstance(one, dict)]
    stated = tuple(name for name in names if isinstance(name, str) and name)
    account = spec.get("serviceAccountName") or spec.get("serviceAccount")
    return stated or (f"serviceaccount/{account if isinstance(account, str) and account else 'default'}",)
