"""What workloads are told at their start: environment, arguments, and the ConfigMaps and Secrets that they use.

The content of a Secret is searched for hosts and kept nowhere.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

import msgspec

from thwart.core.limits import Limits
from thwart.lib.documents import DocumentError
from thwart.network._services_bodies import Bodies
from thwart.network.documents import Item, read_items
from thwart.network.selectors import Invalid
from thwart.network.workloads import WORKLOADS

_REFERENCE = re.compile(r"\$\$|\$\(([A-Za-z_][A-Za-z0-9_.-]*)\)|\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_LONGEST = 1 << 16  # of a value after references were replaced


class _Ref(msgspec.Struct):
    name: str | None = None
    key: str | None = None


class _ValueFrom(msgspec.Struct, rename="camel"):
    config_map_key_ref: _Ref | None = None
    secret_key_ref: _Ref | None = None


class _Variable(msgspec.Struct, rename="camel"):
    name: str | None = None
    value: str | int | float | bool | None = None
    value_from: _ValueFrom | None = None


class _From(msgspec.Struct, rename="camel"):
    prefix: str | None = None
    config_map_ref: _Ref | None = None
    secret_ref: _Ref | None = None


class _Container(msgspec.Struct, rename="camel"):
    env: list[_Variable] | None = None
    env_from: list[_From] | None = None
    command: list[str | int | float] | None = None
    args: list[str | int | float] | None = None


class _Source(msgspec.Struct, rename="camel"):
    name: str | None = None
    secret_name: str | None = None


class _Projected(msgspec.Struct, rename="camel"):
    sources: list[_Volume] | None = None


class _Volume(msgspec.Struct, rename="camel"):
    config_map: _Source | None = None
    secret: _Source | None = None
    projected: _Projected | None = None


class _Pod(msgspec.Struct, rename="camel"):
    containers: list[_Container] | None = None
    init_containers: list[_Container] | None = None
    volumes: list[_Volume] | None = None


class _Template(msgspec.Struct):
    spec: _Pod | None = None


class _Workload(msgspec.Struct):
    template: _Template | None = None


class _Job(msgspec.Struct):
    spec: _Workload | None = None


class _Cron(msgspec.Struct, rename="camel"):
    job_template: _Job | None = None


class _Body(msgspec.Struct, rename="camel"):
    data: dict[str, str | None] | None = None
    string_data: dict[str, str | None] | None = None


class Setting(NamedTuple):
    """A text that a container is given: where it comes from in words, its name (empty for files), and the text.

    `hidden` says that a Secret is in it: nothing of it may be shown.
    """

    where: str
    key: str
    text: str
    hidden: bool = False


class Settings:
    """Workloads and what they are told, by namespace, kind and name. `problems` are objects that could not be read."""

    def __init__(self, files: Iterable[tuple[str, bytes]], limits: Limits) -> None:
        self._pods: dict[tuple[str, str, str], _Pod] = {}
        self._maps: dict[tuple[str, str, str], dict[str, str]] = {}
        self.problems: list[str] = []
        for path, data in files:
            bodies = Bodies(data, limits)
            try:
                for item in read_items(path, data, limits):
                    bodies.met += 1
                    if isinstance(item, Item):
                        self._take(item, bodies)
            except DocumentError:
                continue  # said when the world was read

    def _take(self, item: Item, bodies: Bodies) -> None:
        try:
            if item.kind in ("ConfigMap", "Secret") and item.api == "v1":
                body = bodies.decode(item, _Body) or _Body()
                self._maps[item.kind, item.namespace, item.name] = _values(item.kind, body)
            elif item.kind == "Pod" and item.api == "v1":
                self._pods[item.namespace, "Pod", item.name] = item.spec(_Pod)
            elif item.kind in WORKLOADS:
                job = item.spec(_Cron).job_template or _Job() if item.kind == "CronJob" else _Job(item.spec(_Workload))
                template = (job.spec or _Workload()).template or _Template()
                self._pods[item.namespace, item.kind, item.name] = template.spec or _Pod()
        except Invalid as invalid:
            self.problems.append(f"{item.what}: {invalid.why}")

    def workloads(self) -> Iterator[tuple[str, str, str]]:
        """Namespace, kind and name of everything that has settings."""
        yield from self._pods

    def of(self, namespace: str, kind: str, name: str, injected: Mapping[str, str]) -> list[Setting]:
        """What the containers of a workload are told; `injected` are variables that the cluster adds."""
        pod = self._pods.get((namespace, kind, name))
        if pod is None:
            return []
        found: list[Setting] = []
        for container in (*(pod.init_containers or ()), *(pod.containers or ())):
            found += self._container(container, namespace, injected)
        found += self._mounted(pod.volumes or (), namespace)
        return list(dict.fromkeys(found))

    def _container(self, container: _Container, namespace: str, injected: Mapping[str, str]) -> Iterator[Setting]:
        given: dict[str, Setting] = {}
        for one in container.env_from or ():
            for kind, ref in (("ConfigMap", one.config_map_ref), ("Secret", one.secret_ref)):
                for key, value in self._map(kind, namespace, ref.name if ref else None).items():
                    name = (one.prefix or "") + key
                    given[name] = _variable(name, value, hidden=kind == "Secret")
        for variable in container.env or ():
            made = self._variable(variable, namespace, injected, given)
            if made is not None:
                given[made.key] = made
        yield from given.values()
        for word in map(str, (*(container.command or ()), *(container.args or ()))):
            text, hidden = _replaced(word, injected, given)
            yield Setting("an argument", word.partition("=")[0].lstrip("-"), text, hidden)

    def _variable(
        self, variable: _Variable, namespace: str, injected: Mapping[str, str], given: Mapping[str, Setting]
    ) -> Setting | None:
        if not variable.name:
            return None
        source = variable.value_from
        if source is None:
            if variable.value is None:
                return None
            text, hidden = _replaced(str(variable.value), injected, given)
            return _variable(variable.name, text, hidden=hidden)
        for kind, ref in (("ConfigMap", source.config_map_key_ref), ("Secret", source.secret_key_ref)):
            found = self._map(kind, namespace, ref.name).get(ref.key) if ref is not None and ref.key else None
            if found is not None:
                return _variable(variable.name, found, hidden=kind == "Secret")
        return None

    def _mounted(self, volumes: Iterable[_Volume], namespace: str) -> Iterator[Setting]:
        for volume in volumes:
            sources = (("ConfigMap", volume.config_map), ("Secret", volume.secret))
            for kind, source in sources:
                name = (source.name or source.secret_name) if source else None
                for key, value in self._map(kind, namespace, name).items():
                    yield Setting(f"file {key} of {kind} {name}", "", value, kind == "Secret")
            if volume.projected is not None:
                yield from self._mounted(volume.projected.sources or (), namespace)

    def _map(self, kind: str, namespace: str, name: str | None) -> dict[str, str]:
        return self._maps.get((kind, namespace, name or ""), {})


def _values(kind: str, body: _Body) -> dict[str, str]:
    found = {key: value or "" for key, value in (body.data or {}).items()}
    if kind == "Secret":
        found = {key: _decoded(value) for key, value in found.items()}
        found.update((key, value or "") for key, value in (body.string_data or {}).items())
    return found


def _decoded(text: str) -> str:
    try:
        return base64.b64decode(text, validate=False).decode("utf-8", "replace")
    except (binascii.Error, ValueError):
        return ""


def _variable(name: str, text: str, *, hidden: bool) -> Setting:
    return Setting(f"environment variable {name}", name, text, hidden)


def _replaced(text: str, injected: Mapping[str, str], given: Mapping[str, Setting]) -> tuple[str, bool]:
    """References to variables replaced as the kubelet does (`${X}` too, as shells in images do); whether one is hidden."""
    if "$" not in text:
        return text, False
    hidden = False

    def value(match: re.Match[str]) -> str:
        nonlocal hidden
        if match[0] == "$$":
            return "$"
        name = match[1] or match[2]
        known = given.get(name)
        if known is None:
            return injected.get(name, match[0])
        hidden = hidden or known.hidden
        return known.text

    replaced = _REFERENCE.sub(value, text)[:_LONGEST]
    return replaced, hidden
