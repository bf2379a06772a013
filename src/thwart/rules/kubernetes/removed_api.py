"""The API server does not serve this version of the API.

The object cannot be applied to a cluster of the version that the check is for: what it was to protect or to run is
not there after the upgrade.

Fix: Use the version of the API that took its place; where the schema is the same, that is the whole change.

Bad:
    apiVersion: batch/v1beta1
    kind: CronJob
    metadata: {name: tidy}
    spec:
      schedule: "0 3 * * *"
      jobTemplate:
        spec:
          template:
            spec:
              restartPolicy: Never
              containers: [{name: tidy, image: "registry.example.test/tidy:1.2"}]

Good:
    apiVersion: batch/v1
    kind: CronJob
    metadata: {name: tidy}
    spec:
      schedule: "0 3 * * *"
      jobTemplate:
        spec:
          template:
            spec:
              restartPolicy: Never
              containers: [{name: tidy, image: "registry.example.test/tidy:1.2"}]
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.core.edit import Put
from thwart.rules._view import Hit
from thwart.rules.kubernetes import Object, object_rule
from thwart.rules.kubernetes._versions import gone


@object_rule(Severity.MEDIUM)
def removed_api(one: Object) -> Iterator[Hit]:
    """Kubernetes' deprecated API migration guide; for the newest version unless another is asked for."""
    known = gone(one.api, one.kind)
    if known is None or one.minor < known.removed:
        return
    hit = one.hit(f"uses {one.api}, which 1.{known.removed} removed; use {known.instead}", "apiVersion")
    move = Put(pointer=(*one.pointer, "apiVersion"), value=known.instead)
    yield hit.mended(move, safe=True) if known.same else hit
