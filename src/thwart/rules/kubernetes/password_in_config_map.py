"""A ConfigMap holds a password.

ConfigMaps are for what everybody may read: they are shown by every tool, rarely encrypted, and read with rights that
are given freely.

Fix: Move the value to a Secret that does not live in the repository, and change it. No edit is offered: the value has
to be stored somewhere else first.

Bad:
    apiVersion: v1
    kind: ConfigMap
    metadata: {name: web}
    data:
      DB_PASSWORD: hunter2-hunter2

Good:
    apiVersion: v1
    kind: ConfigMap
    metadata: {name: web}
    data:
      DB_HOST: db.example.test
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._secrets import secret
from thwart.rules._view import Hit
from thwart.rules.kubernetes import Object, object_rule


@object_rule(Severity.HIGH, "cis-kubernetes:5.4.1", "nsa:secrets", confidence="medium")
def password_in_config_map(one: Object) -> Iterator[Hit]:
    """Entries by their names and values, not what stands inside files; the value is not repeated."""
    if one.kind != "ConfigMap" or one.api != "v1":
        return
    for key, value in one.mapping("data").items():
        if isinstance(value, str) and secret(key, value):
            told = f"holds a secret in {key[:100]}"
            yield Hit((*one.pointer, "data", key), told, f"entry {key[:100]}", hidden=True)
