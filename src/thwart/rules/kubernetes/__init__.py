"""Kubernetes manifests: objects, and the pods that they are or make."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Protocol

from thwart.core.advisory import Severity
from thwart.core.finding import Diagnostic
from thwart.core.registry import Registry
from thwart.rules import FAMILIES, Family, Together
from thwart.rules._member import Member, Run, register
from thwart.rules.kubernetes._objects import Container, Object, Pod, objects, pods, repeated
from thwart.rules.kubernetes._world import Related, Workload, note, subjects

if TYPE_CHECKING:
    from thwart.rules import Options, Source

__all__ = [
    "Container",
    "Object",
    "Pod",
    "Related",
    "Workload",
    "object_rule",
    "pod_rule",
    "related_rule",
    "workload_rule",
]

MEMBERS: Registry[Member] = Registry(__name__)


class _Judging(Protocol):
    """A decorator of rules that judge one kind of subjects."""

    def __call__(
        self, severity: Severity, *references: str, confidence: str = "high", covered_by: tuple[str, ...] = ()
    ) -> Callable[[Run], Run]: ...


def _judging(target: type) -> _Judging:
    def decorate(
        severity: Severity, *references: str, confidence: str = "high", covered_by: tuple[str, ...] = ()
    ) -> Callable[[Run], Run]:
        return register(
            MEMBERS,
            target,
            severity,
            family="kubernetes",
            language="yaml",
            confidence=confidence,
            references=references,
            covered_by=covered_by,
        )

    return decorate


_RENDER = "put helm on the PATH, or render it by hand: helm template CHART | thwart check -"

pod_rule = _judging(Pod)  # a pod, or the template of pods
object_rule = _judging(Object)  # an object of any kind
related_rule = _judging(Related)  # an object, when all files have been read
workload_rule = _judging(Workload)  # what makes pods, when all files have been read


def named(path: str) -> bool:
    """Manifests are YAML or JSON; standard input may be anything."""
    return path == "-" or path.lower().endswith((".yaml", ".yml", ".json"))


def claims(source: Source) -> bool:
    """Whether it can be a manifest: the words must be there, unless the text may hide them."""
    return (b"kind" in source.data and b"apiVersion" in source.data) or source.coded


def read(source: Source, options: Options) -> Iterator[Object | Pod | Diagnostic]:
    """The objects of a file, lists opened, each followed by its pods. Documents of other kinds are passed over."""
    for one in objects(source, options.minor):
        yield one
        yield from pods(one)
    for error in source.broken:
        yield Diagnostic(slug="unreadable", message=f"line {error.line}: {error.reason}", path=source.path)
    if source.template:
        message = "is a template, so that rules judged only what it says whatever the values are"
        yield Diagnostic(slug="chart-not-rendered", message=message, path=source.path, hint=_RENDER)
        return
    for key, line in repeated(source):
        told = (
            f"line {line}: {key[:80]} is given more than once; the last one counts, and a strict API server refuses it"
        )
        yield Diagnostic(slug="repeated-key", message=told, path=source.path, incomplete=False)


FAMILIES.add(
    "kubernetes",
    Family(
        name="kubernetes",
        named=named,
        claims=claims,
        read=read,
        members=MEMBERS,
        together=Together(note=note, subjects=subjects),
    ),
)
