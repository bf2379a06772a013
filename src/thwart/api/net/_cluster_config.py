"""Where a cluster is and who asks: kubeconfig files, or the service account of a pod."""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from thwart.api.net._cluster_exec import APIS, Plugin, Secret, ask
from thwart.core.errors import SourceError
from thwart.core.limits import Limits
from thwart.lib.documents import DocumentError
from thwart.sources._registry_errors import clean
from thwart.sources._url import Url, is_loopback, parse_url

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_BY_HAND = "read it with kubectl, and pipe what it prints: kubectl get … -o json | thwart net map -"
_NODES = 200_000  # values of one kubeconfig
_Table = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """One cluster as one user. `name` is the context's; `ca` is PEM, empty for the system's own authorities."""

    name: str
    server: Url
    ca: str = ""
    server_name: str = ""  # that its certificate must have, where it is not the host's
    proxy: str = ""
    headers: tuple[tuple[str, str], ...] = ()  # whom to act as
    user: User


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """What proves who asks; some of it is renewed with time."""

    fixed: Secret = field(repr=False)
    token_file: Path | None = None
    plugin: Plugin | None = None

    @property
    def renewable(self) -> bool:
        """Whether asking again may give something else."""
        return self.token_file is not None or self.plugin is not None

    def secret(self, environment: Mapping[str, str], limits: Limits) -> Secret:
        """The credentials of now.

        Raises:
            SourceError: they cannot be had.
        """
        if self.plugin is not None and not (self.fixed.token or self.fixed.certificate or self.fixed.username):
            return ask(self.plugin, environment)
        if self.token_file is not None:
            token = read_bounded(self.token_file, limits.config_bytes).decode("utf-8", "replace").strip()
            return Secret(token=token, certificate=self.fixed.certificate, key=self.fixed.key)
        return self.fixed


def find_access(context: str, environment: Mapping[str, str], limits: Limits, account: Path = ACCOUNT) -> Access:
    """The cluster of a context; of the current one where none is named, or the one that this pod runs in.

    Raises:
        SourceError: there is none, or its description cannot be used.
    """
    merged = _merge(_files(environment), limits)
    if merged is None or not (merged["contexts"] or merged["clusters"]):
        if not context and environment.get("KUBERNETES_SERVICE_HOST") and (account / "token").exists():
            return _within(environment, limits, account)
        raise SourceError(
            "there is no kubeconfig that names a cluster", "name its file in KUBECONFIG, or put it at ~/.kube/config"
        )
    name = context or str(merged["current-context"] or "")
    if name not in merged["contexts"]:
        known = ", ".join(clean(one, 80) for one in sorted(merged["contexts"])[:10]) or "none"
        missing = f"has no context {clean(name, 80)}" if name else "names no current context"
        raise SourceError(f"the kubeconfig {missing}", f"write cluster:CONTEXT; there are: {known}")
    chosen, _ = merged["contexts"][name]
    cluster, cluster_home = _named(merged, "clusters", chosen.get("cluster"), name)
    user, user_home = _named(merged, "users", chosen.get("user"), name) if chosen.get("user") else ({}, Path())
    return _access(name, cluster, cluster_home, user, user_home, limits)


def read_bounded(path: Path, most: int) -> bytes:
    """The content of a file that a kubeconfig names, or of one itself."""
    try:
        with path.open("rb") as file:
            data = file.read(most + 1)
    except (OSError, ValueError) as error:
        reason = (getattr(error, "strerror", "") or "no such name").lower()
        raise SourceError(f"{clean(str(path))} cannot be read: {reason}") from None
    if len(data) > most:
        raise SourceError(f"{path} is larger than {most} bytes")
    return data


def _files(environment: Mapping[str, str]) -> list[Path]:
    listed = environment.get("KUBECONFIG", "")
    if listed:
        return [Path(one) for one in dict.fromkeys(listed.split(os.pathsep)) if one]
    home = environment.get("HOME", "")
    return [Path(home, ".kube", "config")] if home else []


def _merge(files: Iterable[Path], limits: Limits) -> _Table | None:
    """All files as one: what comes first counts, as kubectl has it. Entries stand with the folder of their file."""
    merged: _Table = {"contexts": {}, "clusters": {}, "users": {}, "current-context": ""}
    found = False
    for path in files:
        if not path.exists():
            continue
        found = True
        document = _document(path, limits)
        merged["current-context"] = merged["current-context"] or document.get("current-context") or ""
        for part in ("contexts", "clusters", "users"):
            for entry in _list(document.get(part)):
                body = entry.get(part.removesuffix("s")) if isinstance(entry, dict) else None
                if isinstance(body, dict) and isinstance(entry.get("name"), str):
                    merged[part].setdefault(entry["name"], (body, path.parent))
    return merged if found else None


def _document(path: Path, limits: Limits) -> _Table:
    from thwart.lib.yaml_positions import load_all

    data = read_bounded(path, limits.config_bytes)
    try:
        documents = load_all(data, max_bytes=limits.config_bytes, max_depth=64, max_nodes=_NODES, schema="kubernetes")
    except DocumentError as error:
        place = f"{path}:{error.line}" if error.line else str(path)
        raise SourceError(f"the kubeconfig {place} cannot be read: {error.reason}") from None
    if documents and not isinstance(documents[0], dict | None):
        raise SourceError(f"{path} is no kubeconfig")
    return (documents[0] if documents else None) or {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _named(merged: _Table, part: str, name: object, context: str) -> tuple[_Table, Path]:
    if not isinstance(name, str) or name not in merged[part]:
        what = f"the {part.removesuffix('s')} {clean(str(name), 80)}" if name else f"no {part.removesuffix('s')}"
        raise SourceError(f"context {clean(context, 80)} of the kubeconfig names {what}, which is not there")
    body, folder = merged[part][name]
    return body, folder


def _access(name: str, cluster: _Table, cluster_home: Path, user: _Table, user_home: Path, limits: Limits) -> Access:
    if cluster.get("insecure-skip-tls-verify"):
        raise SourceError(
            f"the kubeconfig asks not to check the certificate of cluster {clean(name, 80)}",
            "anybody on the way could answer in its place: name its authority with certificate-authority",
            _BY_HAND,
        )
    server = _server(_text(cluster, "server"), name)
    ca = _pem(cluster, "certificate-authority", cluster_home, limits)
    return Access(
        name=name,
        server=server,
        ca=ca.decode("ascii", "replace"),
        server_name=_text(cluster, "tls-server-name"),
        proxy=_text(cluster, "proxy-url"),
        headers=tuple(_acting(user)),
        user=_user(user, user_home, cluster, ca, limits),
    )


def _server(text: str, name: str) -> Url:
    try:
        url = parse_url(text if "://" in text else f"https://{text}")
    except ValueError as error:
        raise SourceError(f"the server of cluster {clean(name, 80)} cannot be used: {error}") from None
    if url.scheme == "http" and not is_loopback(url.host):
        raise SourceError(
            f"the server of cluster {clean(name, 80)} is to be spoken to without TLS",
            "only a server on this machine may be, as `kubectl proxy` starts one",
        )
    return url


def _text(table: _Table, key: str) -> str:
    value = table.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise SourceError(f"{key} in the kubeconfig must be text")
    return value


def _pem(table: _Table, key: str, folder: Path, limits: Limits) -> bytes:
    """What `KEY-data` or, without that, the file at `KEY` holds."""
    inline = _text(table, f"{key}-data")
    if inline:
        try:
            return base64.b64decode("".join(inline.split()), validate=True)
        except (binascii.Error, ValueError):
            raise SourceError(f"{key}-data in the kubeconfig is not base64") from None
    path = _text(table, key)
    return read_bounded(folder / path, limits.config_bytes) if path else b""


def _user(user: _Table, folder: Path, cluster: _Table, ca: bytes, limits: Limits) -> User:
    if user.get("auth-provider"):
        raise SourceError(
            "the kubeconfig has credentials of the kind auth-provider, which Kubernetes has given up",
            "make it anew with your provider's present tool, which names an exec program",
            _BY_HAND,
        )
    token_file = _text(user, "tokenFile")
    fixed = Secret(
        token="" if token_file else _text(user, "token"),
        username=_text(user, "username"),
        password=_text(user, "password"),
        certificate=_pem(user, "client-certificate", folder, limits),
        key=_pem(user, "client-key", folder, limits),
    )
    if bool(fixed.certificate) != bool(fixed.key):
        raise SourceError("the kubeconfig has a client certificate or its key alone")
    plugin = _plugin(user["exec"], folder, cluster, ca) if isinstance(user.get("exec"), dict) else None
    return User(fixed=fixed, token_file=folder / token_file if token_file else None, plugin=plugin)


def _plugin(entry: _Table, folder: Path, cluster: _Table, ca: bytes) -> Plugin:
    command, api = _text(entry, "command"), _text(entry, "apiVersion")
    if not command:
        raise SourceError("exec in the kubeconfig names no command")
    if api not in APIS:
        raise SourceError(
            f"exec in the kubeconfig is of version {clean(api, 60) or 'unknown'}", f"one of {', '.join(APIS)}"
        )
    if entry.get("interactiveMode") == "Always":
        raise SourceError(f"{clean(command, 120)}, which the kubeconfig names, wants to talk to somebody", _BY_HAND)
    told: _Table | None = None
    if entry.get("provideClusterInfo"):
        told = {key: cluster[key] for key in ("server", "tls-server-name", "proxy-url") if key in cluster}
        if ca:
            told["certificate-authority-data"] = base64.b64encode(ca).decode()
    if "/" in command:  # a bare name is looked for on the PATH, any other is beside the kubeconfig
        command = str((folder / command).absolute())
    return Plugin(
        command=command,
        arguments=tuple(str(one) for one in _list(entry.get("args"))),
        environment={
            str(one["name"]): str(one.get("value") or "")
            for one in _list(entry.get("env"))
            if isinstance(one, dict) and one.get("name")
        },
        api=api,
        hint=_text(entry, "installHint"),
        cluster=told,
    )


def _acting(user: _Table) -> Iterable[tuple[str, str]]:
    """Whom the user acts as: to pass over it would read with other rights than were meant."""
    from urllib.parse import quote

    if as_user := _text(user, "as"):
        yield "Impersonate-User", as_user
    if as_uid := _text(user, "as-uid"):
        yield "Impersonate-Uid", as_uid
    for group in _list(user.get("as-groups")):
        yield "Impersonate-Group", str(group)
    extra = user.get("as-user-extra")
    for key, values in (extra if isinstance(extra, dict) else {}).items():
        for value in _list(values):
            yield f"Impersonate-Extra-{quote(str(key), safe='')}", str(value)


def _within(environment: Mapping[str, str], limits: Limits, account: Path) -> Access:
    host, port = environment["KUBERNETES_SERVICE_HOST"], environment.get("KUBERNETES_SERVICE_PORT") or "443"
    authority = f"[{host}]" if ":" in host else host
    return Access(
        name="in-cluster",
        server=_server(f"https://{authority}:{port}", "in-cluster"),
        ca=read_bounded(account / "ca.crt", limits.config_bytes).decode("ascii", "replace"),
        user=User(fixed=Secret(), token_file=account / "token"),
    )
