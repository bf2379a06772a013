"""Kubernetes manifests: objects, and the pods that they are or make."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from thwart.core.advisory import Severity
from thwart.core.registry import Registry
from thwart.rules import FAMILIES, Family
from thwart.rules._member import Member, Run, register
from thwart.rules.kubernetes._objects import Container, Object, Pod, objects, pods

if TYPE_CHECKING:
    from thwart.rules import Options, Source

__all__ = ["Container", "Object", "Pod", "object_rule", "pod_rule"]

MEMBERS: Registry[Member] = Registry(__name__)


def pod_rule(
    severity: Severity,
    *references: str,
    confidence: str = "high",
    covered_by: tuple[str, ...] = (),
) -> Callable[[Run], Run]:
    """Register a rule that judges a `Pod`."""
    return register(
        MEMBERS,
        Pod,
        severity,
        family="kubernetes",
        language="yaml",
        confidence=confidence,
        references=references,
        covered_by=covered_by,
    )


def object_rule(
    severity: Severity,
    *references: str,
    confidence: str = "high",
    covered_by: tuple[str, ...] = (),
) -> Callable[[Run], Run]:
    """Register a rule that judges an `Object` of any kind."""
    return register(
        MEMBERS,
        Object,
        severity,
        family="kubernetes",
        language="yaml",
        confidence=confidence,
        references=references,
        covered_by=covered_by,
    )


def named(path: str) -> bool:
    """Manifests are YAML or JSON; standard input may be anything."""
    return path == "-" or path.lower().endswith((".yaml", ".yml", ".json"))


def claims(source: Source) -> bool:
    """Whether it can be a manifest: the words must be there, unless the text may hide them."""
    return (b"kind" in source.data and b"apiVersion" in source.data) or source.coded


def read(source: Source, options: Options) -> Iterator[Object | Pod]:
    """The objects of a file, lists opened, each followed by its pods. Documents of other kinds are passed over."""
    for one in objects(source):
        yield one
        yield from pods(one, options.minor)


FAMILIES.add("kubernetes", Family(name="kubernetes", named=named, claims=claims, read=read, members=MEMBERS))
