"""OpenShift is told to let privileged containers run.

Whoever may use these constraints starts a container that the node cannot tell from its own programs, and has the node.

Fix: Set `allowPrivilegedContainer: false`.

Bad:
    apiVersion: security.openshift.io/v1
    kind: SecurityContextConstraints
    metadata: {name: web}
    allowPrivilegedContainer: true

Good:
    apiVersion: security.openshift.io/v1
    kind: SecurityContextConstraints
    metadata: {name: web}
    allowPrivilegedContainer: false
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.core.edit import Put
from thwart.rules._view import Hit
from thwart.rules.kubernetes import Object, object_rule


@object_rule(Severity.HIGH)
def privileged_constraints(one: Object) -> Iterator[Hit]:
    """SecurityContextConstraints of any name but OpenShift's own."""
    if one.kind != "SecurityContextConstraints" or one.text("metadata", "name") == "privileged":
        return
    if one.flag("allowPrivilegedContainer"):
        put = Put(pointer=(*one.pointer, "allowPrivilegedContainer"), value=False)
        yield one.hit("allows privileged containers", "allowPrivilegedContainer").mended(put)
