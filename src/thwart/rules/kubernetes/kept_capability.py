"""A container does not drop all capabilities.

A program that serves a network needs none of the dozen capabilities that an engine grants by default. Each is a tool for
whoever takes the program over: to change owners of files, to forge packets, to become any user.

Fix: Add `capabilities: {drop: [ALL]}` to the container's security context, and add back NET_BIND_SERVICE at most.

Bad:
    apiVersion: v1
    kind: Pod
    metadata: {name: web}
    spec:
      containers:
        - name: web
          image: registry.example.test/web:1.2
          securityContext:
            capabilities: {drop: [NET_RAW]}

Good:
    apiVersion: v1
    kind: Pod
    metadata: {name: web}
    spec:
      containers:
        - name: web
          image: registry.example.test/web:1.2
          securityContext:
            capabilities: {drop: [ALL], add: [NET_BIND_SERVICE]}
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit, listed
from thwart.rules.kubernetes import Pod, pod_rule
from thwart.rules.kubernetes._edits import put, without

_PATH = ("securityContext", "capabilities")


@pod_rule(
    Severity.MEDIUM,
    "pss:capabilities_restricted",
    "cis-kubernetes:5.2.9",
    "nsa:pod-security",
    covered_by=("privileged-container",),
)
def kept_capability(pod: Pod) -> Iterator[Hit]:
    """Pod Security Standards, restricted, from 1.22 on; pods for Windows are exempt from 1.25 on."""
    if pod.windows:
        return
    for container in pod.containers:
        dropped = container.words(*_PATH, "drop")
        if "ALL" not in dropped:
            misspelt = any(one.upper() == "ALL" for one in dropped)  # engines take it, the standard does not
            told = "drops all, but not as ALL" if misspelt else "does not drop all capabilities"
            every = put(container, ["ALL"], *_PATH, "drop")
            yield container.hit(told, *_PATH, "drop").mended(every, safe=misspelt)
        added = [one for one in container.words(*_PATH, "add") if one != "NET_BIND_SERVICE"]
        if added:
            less = without(container, frozenset({"NET_BIND_SERVICE"}))
            yield container.hit(f"adds {listed(added)}", *_PATH, "add").mended(less)
