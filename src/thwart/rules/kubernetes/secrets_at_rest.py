"""The API server writes secrets to etcd as they are.

The first provider is the one that writes: with identity in that place, whoever reads etcd or a backup of it reads
every secret of the cluster.

Fix: Put kms, secretbox or aescbc first, keep identity last, and write all secrets anew. No edit is offered: it needs
a key.

Bad:
    apiVersion: apiserver.config.k8s.io/v1
    kind: EncryptionConfiguration
    resources:
      - resources: [secrets]
        providers:
          - identity: {}

Good:
    apiVersion: apiserver.config.k8s.io/v1
    kind: EncryptionConfiguration
    resources:
      - resources: [secrets]
        providers:
          - secretbox: {keys: [{name: one, secret: c2VjcmV0}]}
          - identity: {}
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.kubernetes import Object, object_rule


@object_rule(Severity.HIGH, "cis-kubernetes:1.2.28")
def secrets_at_rest(one: Object) -> Iterator[Hit]:
    """EncryptionConfiguration; for secrets only."""
    if one.kind != "EncryptionConfiguration":
        return
    for entry in one.entries("resources"):
        providers = entry.entries("providers")
        if (
            {"secrets", "*.", "*.*"}.intersection(entry.words("resources"))
            and providers
            and providers[0].has("identity")
        ):
            yield Hit(providers[0].pointer, "writes secrets as they are")
