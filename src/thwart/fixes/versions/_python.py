"""Python's version specifiers (PEP 440), requirements (PEP 508), and Poetry's constraints on top of them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from thwart.fixes.versions import ByHand, Edited, Upgrade
from thwart.lib import versions

_CLAUSE = re.compile(
    r"\s*+(===|==|~=|!=|<=|>=|<|>|\^|~)?\s*+([A-Za-z0-9](?:[A-Za-z0-9+!_-]|\.(?!\*))*+(?:\.\*)?|\*)\s*+"
)
_RELEASE = re.compile(r"[vV]?(?:([0-9]+)!)?([0-9]+(?:\.[0-9]+)*)")
_REQUIREMENT = re.compile(
    r"\s*(?P<name>[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)\s*+(?:\[[^\]]*+\])?\s*+(?P<open>\()?(?P<rest>[^;#()\\]*+)"
)
_OPTION = re.compile(r"\s--?[A-Za-z]")  # of a line in a requirements file
_RUNS = re.compile(r"[-_.]+")


class _Clause(NamedTuple):
    """An operator (empty where none is written) and a version, which stands at `start` to `end` of the text."""

    op: str
    version: str
    begin: int
    start: int
    end: int


def normalised(name: str) -> str:
    """The name as PEP 503 compares it."""
    return _RUNS.sub("-", name).lower()


def requirement(text: str, upgrade: Upgrade) -> Edited | None:
    """A requirement as PEP 508 writes it with the new version; None where it speaks of something else.

    Raises:
        ByHand: it names an address, or a range that is not edited.
    """
    found = _REQUIREMENT.match(text)
    if found is None or normalised(found["name"]) != upgrade.name:
        return None
    if found["rest"].lstrip().startswith("@"):
        raise ByHand("it is fetched from an address")
    bare = _OPTION.split(found["rest"], maxsplit=1)[0].rstrip()
    made = raised(bare, upgrade)
    if made is None:
        return None
    at = found.start("rest")
    return Edited(text=text[:at] + made.text + text[at + len(bare) :], bold=made.bold)


def raised(text: str, upgrade: Upgrade, *, poetry: bool = False) -> Edited | None:
    """Specifiers that permit the new version, written as they were; None where they do not permit the installed one.

    Raises:
        ByHand: they cannot be read, or not be changed without guessing what is meant.
    """
    clauses = _clauses(text, poetry=poetry)
    if clauses is None:
        raise ByHand(f"its range {text[:80]!r} is not edited")
    if all(_holds(one, upgrade.target) for one in clauses):
        return Edited(text=text)
    if not all(_holds(one, upgrade.installed) for one in clauses):
        return None
    bold = ""
    made = text
    for one in reversed(clauses):
        if one.op in (">=", ">") or not _holds(one, upgrade.target):
            made = made[: one.begin] + _changed(one, upgrade) + made[one.end :]
            pin = one.op in ("", "==", "===") and not one.version.endswith(".*")
            bold = (
                bold if pin or one.op in (">=", ">", "^") else f"its range {text[:80]!r} ends before {upgrade.target}"
            )
    after = _clauses(made, poetry=poetry)
    if not after or not all(_holds(one, upgrade.target) for one in after):
        raise ByHand(f"its range {text[:80]!r} is not edited")
    return Edited(text=made, bold=bold)


def _clauses(text: str, *, poetry: bool) -> list[_Clause] | None:
    """What the commas part; None where the text is no list of clauses."""
    if len(text) > 1000:
        return None
    clauses: list[_Clause] = []
    at = 0
    while at < len(text):
        found = _CLAUSE.match(text, at)
        if (
            found is None
            or (not found[1] and not poetry and found[2] != "*")
            or (found[1] in ("^", "~") and not poetry)
        ):
            return None
        begin = found.start(1) if found[1] else found.start(2)
        clauses.append(_Clause(found[1] or "", found[2], begin, found.start(2), found.end(2)))
        at = found.end()
        if at < len(text):
            if text[at] != "," and not (poetry and text[at - 1].isspace()):
                return None
            at += text[at] == ","
    return clauses


def _holds(clause: _Clause, version: str) -> bool:
    """Whether a version is one that the clause means (PEP 440, "Version specifiers"; Poetry, "Dependency specification")."""
    op, stated = clause.op, clause.version
    if stated == "*":
        return True
    if stated.endswith(".*"):
        return _begins(version, stated[:-2]) != (op == "!=")
    if "+" not in stated:
        version = version.partition("+")[0]
    if op == "===":
        return version.lower() == stated.lower()
    sign = versions.compare("pep440", version, stated)
    if op in ("", "=="):
        return sign == 0
    if op == "<":
        return sign < 0 and _numbers(version) != _numbers(stated)
    if op in ("!=", "<=", ">=", ">"):
        return {"!=": sign != 0, "<=": sign <= 0, ">=": sign >= 0, ">": sign > 0}[op]
    return sign >= 0 and _begins(version, ".".join(_kept(op, stated)))


def _kept(op: str, stated: str) -> list[str]:
    """The numbers that `~=`, `~` or `^` hold fast."""
    epoch, numbers = _numbers(stated)
    parts = list(map(str, numbers))
    if op == "~=":
        kept = parts[:-1]
    elif op == "~":
        kept = parts[:2]
    else:
        first = next((index for index, number in enumerate(numbers) if number), len(numbers) - 1)
        kept = parts[: first + 1]
    return [f"{epoch}!{kept[0]}", *kept[1:]] if epoch and kept else kept


def _numbers(version: str) -> tuple[int, tuple[int, ...]]:
    """Epoch and release numbers."""
    found = _RELEASE.match(version)
    if found is None:
        return 0, ()
    return int(found[1] or "0"), tuple(int(one[:20]) for one in found[2].split(".")[:20])


def _begins(version: str, prefix: str) -> bool:
    (epoch, numbers), (other, kept) = _numbers(version), _numbers(prefix)
    padded = (*numbers, *(0,) * len(kept))
    return epoch == other and padded[: len(kept)] == kept


def _changed(clause: _Clause, upgrade: Upgrade) -> str:
    """The clause with the operator that it had, so that it permits the new version."""
    op, target = clause.op, upgrade.target
    count = len(_numbers(clause.version)[1])
    numbers = [str(number) for number in _padded(_numbers(target)[1], count)]
    if op == "!=":
        raise ByHand(f"it rules {target} out")
    if "+" in clause.version or "!" in target:
        raise ByHand(f"its version {clause.version[:80]!r} is not edited")
    if clause.version.endswith(".*"):
        return f"{op}{'.'.join(numbers[:count])}.*"
    if op == "<":
        return f"<{_above(clause.version, target)}"
    if op == ">":
        return f">={target}"
    if op == "~=" and len(_numbers(target)[1]) > count:
        return f">={target},=={'.'.join(numbers[: count - 1])}.*"
    exact = target if op in ("", "==", "===", "<=", ">=") or len(_numbers(target)[1]) >= count else ".".join(numbers)
    return _operator(clause) + exact


def _operator(clause: _Clause) -> str:
    """The operator and the space behind it."""
    return clause.op + " " * (clause.start - clause.begin - len(clause.op))


def _padded(numbers: Sequence[int], count: int) -> list[int]:
    return [*numbers, *(0,) * (count - len(numbers))]


def _above(bound: str, target: str) -> str:
    """An upper bound of the same coarseness that lies above the target: 3 for 2.1 below 2, 1.5 for 1.4.2 below 1.3."""
    numbers = list(_numbers(bound)[1])
    coarse = max((index for index, number in enumerate(numbers) if number), default=0) + 1
    kept = _padded(_numbers(target)[1], coarse)[:coarse]
    kept[-1] += 1
    return ".".join(map(str, _padded(kept, len(numbers))))
