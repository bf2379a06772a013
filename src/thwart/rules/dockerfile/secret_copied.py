"""A file that holds secrets is copied into the image.

Every layer can be read by whoever can pull the image; a later `rm` only hides the file.

Fix: Give it to the build as `RUN --mount=type=secret,id=…`, to the container when it runs, and name it in `.dockerignore`.
No edit is offered, as what reads the file has to find it elsewhere.

Bad:
    FROM registry.example.test/base:1.2
    COPY .env id_rsa /srv/

Good:
    FROM registry.example.test/base:1.2
    COPY .env.example id_rsa.pub /srv/
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.dockerfile import File, dockerfile_rule

_FILES = re.compile(
    r"\.env(?:\.(?:local|prod|production|staging|dev|development))?|id_(?:rsa|dsa|ecdsa|ed25519)|\.npmrc|\.pypirc|\.netrc|_netrc|"
    r"\.git-credentials|\.dockercfg|\.dockerconfigjson|kubeconfig|\.htpasswd|\.pgpass|\.my\.cnf|\.vault-token|"
    r"credentials\.json|service[-_]account[^/]{0,40}\.json|[^/]*\.(?:p12|pfx|kdbx|ppk)|"
    r"(?:[^/]*[-_.])?(?:priv|private|privkey|key)\.pem|[^/]*[-_]key\.pem|(?!pub)[^/]*(?<!public)\.key",
    re.IGNORECASE,
)
_FOLDERS = re.compile(
    r"(?:^|/)(?:\.aws(?:/credentials)?|\.ssh|\.gnupg|\.docker/config\.json|\.kube(?:/config)?|\.azure|\.gcloud)/?\*?$"
)
_PUBLIC = re.compile(r"gpg|public|example|sample|template|archive-keyring|(?:^|[-_.])pub", re.IGNORECASE)


@dockerfile_rule(
    Severity.HIGH,
    "cis-docker:4.10",
    "nist-800-190:4.1.4",
    "trivy:DS-0031",
    "dockle:CIS-DI-0010",
    confidence="medium",
)
def secret_copied(file: File) -> Iterator[Hit]:
    """Names that are there for secrets, in the stages whose layers are in the image."""
    for stage, step in file.steps("COPY", "ADD"):
        if stage.index not in file.shipped:
            continue
        for word in step.instruction.sources:
            path = step.expand(word.text).text.strip("\"'")
            name = path.rstrip("/").rpartition("/")[2]
            if not _PUBLIC.search(name) and (_FILES.fullmatch(name) or _FOLDERS.search(path)):
                yield file.hit(word.span, f"copies {path[:80]}, which is there for secrets", stage)
