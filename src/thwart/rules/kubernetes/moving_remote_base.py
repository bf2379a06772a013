"""A kustomization builds on files elsewhere that may change.

What is applied is what stands there at that moment; whoever may write there deploys here.

Fix: Name a commit: `?ref=` with its whole number. No edit is offered: which commit is meant is not written.

Bad:
    apiVersion: kustomize.config.k8s.io/v1beta1
    kind: Kustomization
    resources: ["https://git.example.test/shop/base?ref=main"]

Good:
    apiVersion: kustomize.config.k8s.io/v1beta1
    kind: Kustomization
    resources: ["https://git.example.test/shop/base?ref=0123456789abcdef0123456789abcdef01234567"]
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.kubernetes import Object, object_rule

_REMOTE = re.compile(r"://|^git@|^(?:github|gitlab|bitbucket)\.\w+[/:]")
_COMMIT = re.compile(r"[?&](?:ref|version)=[0-9a-f]{40}(?:&|$)")


@object_rule(Severity.MEDIUM)
def moving_remote_base(one: Object) -> Iterator[Hit]:
    """Resources, bases and components that are fetched; only a whole commit does not move."""
    if not one.api.startswith("kustomize.config.k8s.io/"):
        return
    for field in ("resources", "bases", "components"):
        for index, word in enumerate(one.words(field)):
            if _REMOTE.search(word[:2000]) and not _COMMIT.search(word[:2000]):
                yield one.hit(f"builds on {word[:100]}", field, index)
