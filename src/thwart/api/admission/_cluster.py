"""The API server, read with the pod's own account: pull secrets, and the accounts that name them. Every question is a GET."""

from __future__ import annotations

import base64
import http.client
import re
import ssl
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from thwart.core.errors import SourceError
from thwart.lib import json_bounded
from thwart.lib.documents import DocumentError

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
ACCOUNTS = "serviceaccount/"
_BYTES = 2 << 20  # a Secret has up to 1 MiB, before base64
_LIFE = 60.0  # seconds for which an answer counts
_MOST = 2_000  # answers that are kept
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?")  # RFC 1123 subdomain, as Kubernetes names things


class Cluster:
    """An API server at `host` and `port`; `account` is the folder with `token` and `ca.crt`, read anew as it rotates."""

    def __init__(self, host: str, port: int, account: Path = ACCOUNT, seconds: float = 3.0) -> None:
        self._host = host
        self._port = port
        self._account = account
        self._seconds = seconds
        self._kept: dict[str, tuple[Mapping[str, Any] | None, float]] = {}
        self._guard = threading.Lock()

    @classmethod
    def inside(cls, environment: Mapping[str, str]) -> Cluster | None:
        """The cluster that this process is a pod of; None where it is none."""
        host, port = environment.get("KUBERNETES_SERVICE_HOST", ""), environment.get("KUBERNETES_SERVICE_PORT", "443")
        return cls(host, int(port)) if host and port.isdigit() and (ACCOUNT / "token").exists() else None

    def pull_secrets(self, namespace: str, names: tuple[str, ...]) -> list[Mapping[str, object]]:
        """What the named secrets know of registries, in their order; `serviceaccount/NAME` stands for an account's.

        A secret that is missing, or that we may not read, is passed over, as the kubelet does.

        Raises:
            SourceError: the API server cannot be asked.
        """
        secrets: list[str] = []
        for name in names:
            if name.startswith(ACCOUNTS):
                account = self._get(namespace, "serviceaccounts", name.removeprefix(ACCOUNTS)) or {}
                listed = account.get("imagePullSecrets")
                secrets += [str(one.get("name", "")) for one in listed or () if isinstance(one, dict)]
            else:
                secrets.append(name)
        documents = [self._get(namespace, "secrets", name) for name in dict.fromkeys(secrets)]
        return [found for one in documents if one is not None and (found := _credentials(one)) is not None]

    def _get(self, namespace: str, kind: str, name: str) -> Mapping[str, Any] | None:
        if not _NAME.fullmatch(namespace) or not _NAME.fullmatch(name):
            return None
        path = f"/api/v1/namespaces/{namespace}/{kind}/{name}"
        now = time.monotonic()
        with self._guard:
            value, until = self._kept.get(path, (None, 0.0))
        if until > now:
            return value
        value = self._ask(path)
        with self._guard:
            if len(self._kept) >= _MOST:
                self._kept.clear()
            self._kept[path] = value, now + _LIFE
        return value

    def _ask(self, path: str) -> Mapping[str, Any] | None:
        try:
            token = (self._account / "token").read_text().strip()
            context = ssl.create_default_context(cafile=self._account / "ca.crt")
            connection = http.client.HTTPSConnection(self._host, self._port, timeout=self._seconds, context=context)
            try:
                connection.request(
                    "GET", path, headers={"Authorization": f"Bearer {token}", "Accept": "application/json"}
                )
                answer = connection.getresponse()
                data = answer.read(_BYTES + 1)
            finally:
                connection.close()
        except (OSError, http.client.HTTPException) as error:
            raise SourceError(f"pull secrets cannot be read from the API server ({type(error).__name__})") from error
        if answer.status in (403, 404):
            return None
        if answer.status != 200 or len(data) > _BYTES:
            raise SourceError(f"pull secrets cannot be read: the API server answers with status {answer.status}")
        return _object(data)


def _object(data: bytes) -> Mapping[str, Any] | None:
    try:
        found = json_bounded.load(data, max_bytes=_BYTES, max_depth=64, max_items=100_000)
    except DocumentError:
        return None
    return found if isinstance(found, dict) else None


def _credentials(secret: Mapping[str, Any]) -> Mapping[str, object] | None:
    """The `config.json` in a Secret of type kubernetes.io/dockerconfigjson, or the older kubernetes.io/dockercfg."""
    data = secret.get("data")
    for key in (".dockerconfigjson", ".dockercfg"):
        encoded = data.get(key) if isinstance(data, dict) else None
        if isinstance(encoded, str):
            try:
                found = _object(base64.b64decode(encoded))
            except ValueError:
                return None
            return found if found is None or key == ".dockerconfigjson" else {"auths": found}
    return None
