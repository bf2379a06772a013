"""The default service account gives its token to every pod that does not refuse it.

Pods that name no account run as default. With its token, whoever takes over any of them speaks to the API server with
whatever rights somebody once gave to default.

Fix: Set `automountServiceAccountToken: false`, and give an account of its own to what needs a token.

Bad:
    apiVersion: v1
    kind: ServiceAccount
    metadata: {name: default, namespace: shop}

Good:
    apiVersion: v1
    kind: ServiceAccount
    metadata: {name: default, namespace: shop}
    automountServiceAccountToken: false
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.kubernetes import Object, object_rule
from thwart.rules.kubernetes._edits import put

_FIELD = "automountServiceAccountToken"


@object_rule(Severity.LOW, "cis-kubernetes:5.1.5", "nsa:authentication", confidence="medium")
def default_account_token(one: Object) -> Iterator[Hit]:
    """Only where the files hold the account: the API server makes it in every namespace all the same."""
    ours = one.kind == "ServiceAccount" and one.api == "v1" and one.text("metadata", "name") == "default"
    if ours and one.flag(_FIELD) is not False:
        yield one.hit("gives its token to every pod that does not refuse it", _FIELD).mended(put(one, False, _FIELD))
