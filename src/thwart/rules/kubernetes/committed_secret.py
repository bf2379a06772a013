"""A Secret stands in a file with its values.

base64 is no encryption: whoever reads the repository, the artefact or the chat where the file went has the value, and
the history keeps it.

Fix: Keep the value in a secret store, and the manifest as a SealedSecret, an ExternalSecret or an encrypted file.
Change the value. No edit is offered: the value has to be stored somewhere else first.

Bad:
    apiVersion: v1
    kind: Secret
    metadata: {name: web}
    stringData: {password: hunter2-hunter2}

Good:
    apiVersion: v1
    kind: Secret
    metadata: {name: web}
    type: Opaque
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit, listed
from thwart.rules.kubernetes import Object, object_rule


@object_rule(Severity.HIGH, "cis-kubernetes:5.4.2", "nsa:secrets", confidence="medium")
def committed_secret(one: Object) -> Iterator[Hit]:
    """Any value that is not empty or a template's placeholder; files that a tool encrypted (SOPS) are left out."""
    if one.kind != "Secret" or one.api != "v1" or one.has("sops"):
        return
    for field in ("data", "stringData"):
        keys = [key for key, value in one.mapping(field).items() if isinstance(value, str) and _real(value)]
        if keys:
            yield Hit((*one.pointer, field), f"has the values of {listed(sorted(keys))}", hidden=True)


def _real(value: str) -> bool:
    return bool(value.strip()) and not value.startswith(("<", "${", "$(", "{{", "ENC["))
