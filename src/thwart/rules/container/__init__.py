"""Containers as something wants to run them, or runs them: Compose services, command lines, engines. One model, one set of rules.

The readers are families of their own (`compose`, `commands`, `engine`); what they yield is judged by the members of this
package, whichever of them has read it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from thwart.core.registry import Registry
from thwart.rules._member import Member, Run, register
from thwart.rules.container._project import Project
from thwart.rules.container._settings import Container

if TYPE_CHECKING:
    from thwart.core.advisory import Severity

__all__ = ["MEMBERS", "Container", "Project", "container_rule", "project_rule"]

MEMBERS: Registry[Member] = Registry(__name__)


def container_rule(
    severity: Severity,
    *references: str,
    confidence: str = "high",
    covered_by: tuple[str, ...] = (),
) -> Callable[[Run], Run]:
    """Register a rule that judges a `Container`."""
    return _rule(Container, severity, references, confidence, covered_by)


def project_rule(
    severity: Severity,
    *references: str,
    confidence: str = "high",
    covered_by: tuple[str, ...] = (),
) -> Callable[[Run], Run]:
    """Register a rule that judges a `Project`: all containers of one Compose project together."""
    return _rule(Project, severity, references, confidence, covered_by)


def _rule(
    target: type, severity: Severity, references: tuple[str, ...], confidence: str, covered_by: tuple[str, ...]
) -> Callable[[Run], Run]:
    return register(
        MEMBERS,
        target,
        severity,
        family="container",
        language="compose",
        confidence=confidence,
        references=references,
        covered_by=covered_by,
    )
