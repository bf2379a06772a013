"""Running engines: the engine itself, and its containers as they really run. Also what `docker inspect` prints, in a file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from msgspec.structs import replace

from thwart.core.advisory import Severity
from thwart.core.finding import Finding, Fix
from thwart.core.registry import Registry
from thwart.rules import FAMILIES, Family
from thwart.rules._member import Member, Run, register
from thwart.rules._view import View
from thwart.rules.container import MEMBERS as SHARED
from thwart.rules.container import Container
from thwart.rules.engine._document import MARK, Host, Running, subjects

if TYPE_CHECKING:
    from thwart.rules import Options, Source
    from thwart.rules.engine._observed import Suggestion

__all__ = ["MARK", "Host", "Running", "host_rule", "running_rule", "suggested"]

MEMBERS: Registry[Member] = Registry(__name__)


def host_rule(severity: Severity, *references: str, confidence: str = "high") -> Callable[[Run], Run]:
    """Register a rule that judges a `Host`."""
    return _rule(Host, severity, references, confidence)


def running_rule(severity: Severity, *references: str, confidence: str = "high") -> Callable[[Run], Run]:
    """Register a rule that judges a `Running`."""
    return _rule(Running, severity, references, confidence)


def _rule(target: type, severity: Severity, references: tuple[str, ...], confidence: str) -> Callable[[Run], Run]:
    return register(
        MEMBERS, target, severity, family="engine", language="json", confidence=confidence, references=references
    )


def named(path: str) -> bool:
    """An engine that was asked, or JSON; standard input may be either."""
    return path == "-" or path.startswith("engine:") or path.lower().endswith(".json")


def claims(source: Source) -> bool:
    """Whether it can be what an engine tells of containers."""
    data = source.data
    return MARK.encode() in data or (b'"HostConfig"' in data and data.lstrip()[:1] in (b"[", b"{"))


def read(source: Source, _: Options) -> Iterator[Host | Running]:
    """The engine, if it was asked, and its containers."""
    return subjects(source)


def read_shared(source: Source, _: Options) -> Iterator[Container]:
    """The containers as the rules of containers know them."""
    from thwart.rules.engine._inspect import container

    return (container(one) for one in subjects(source) if isinstance(one, Running))


def suggested(findings: Iterable[Finding], document: Mapping[str, object]) -> tuple[Finding, ...]:
    """The same findings; those of missing limits say what was seen of the container, and which limit would do.

    Args:
        document: what an engine told, with the samples of its containers' use.
    """
    from thwart.rules.engine._observed import suggestions

    by_name = {}
    for one in View(document).entries("containers"):
        running = Running(one.under("inspect"), 0, view=one)
        by_name[running.name] = suggestions(one.under("usage"))
    return tuple(_with(finding, by_name.get(finding.subject, {}).get(finding.id)) for finding in findings)


def _with(finding: Finding, suggestion: Suggestion | None) -> Finding:
    if suggestion is None:
        return finding
    fix = Fix(title=f"Set `{suggestion.option}`", kind="edit", safe=False)
    return replace(finding, message=f"{finding.message}: {suggestion.seen}", fix=fix)


FAMILIES.add("engine", Family(name="engine", named=named, claims=claims, read=read, members=MEMBERS))
FAMILIES.add("inspect", Family(name="inspect", named=named, claims=claims, read=read_shared, members=SHARED))
