"""Sets of joint classes in words: whole namespaces and blocks where it is all of them, names where not."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from thwart.lib.bitsets import members, pack
from thwart.lib.intervals import WIDTHS, Span, blocks_of, union
from thwart.network._comparing_rows import State
from thwart.network._comparing_units import BOTH, OUT, WORKLOAD, Joint
from thwart.network.comparing import Comparison

_SHOWN = 6  # names of a set


class Names:
    """Words for the sets of a comparison."""

    def __init__(self, found: Comparison) -> None:
        self._joints = found.joints
        self._ports = found.ports
        size = len(found.joints)
        workloads = [n for n, one in enumerate(found.joints) if one.what == WORKLOAD]
        self._outside = pack((n for n, one in enumerate(found.joints) if one.what == OUT), size)
        self._everyone = pack(workloads, size)
        self._standing = pack((n for n in workloads if found.joints[n].stands == BOTH), size)
        namespaces: dict[str, list[int]] = {}
        for number in workloads:
            namespaces.setdefault(found.joints[number].units[0].namespace, []).append(number)
        self._namespaces = {
            name: (pack(numbers, size), sum(len(found.joints[n].units) for n in numbers))
            for name, numbers in namespaces.items()
        }

    def parts(self, bits: int) -> list[str]:
        """Everyone in a set, as few words as say it exactly."""
        found = []
        inside = bits & ~self._outside
        if self._standing and self._everyone & bits in (self._everyone, self._standing):
            found.append("every workload" if self._everyone & ~bits == 0 else "every workload of before and after")
            inside &= ~self._everyone
        else:
            for name, (whole, count) in self._namespaces.items():
                if count > 1 and bits & whole == whole:
                    found.append(f"{name}/*")
                    inside &= ~whole
        found += sorted(unit.label for number in members(inside) for unit in self._joints[number].units)
        return found + self._addresses(bits & self._outside)

    def say(self, bits: int) -> str:
        """The same, cut when it is long."""
        parts = self.parts(bits)
        more = f" and {len(parts) - _SHOWN} more" if len(parts) > _SHOWN else ""
        return ", ".join(parts[:_SHOWN]) + more

    def _addresses(self, bits: int) -> list[str]:
        if not bits:
            return []
        if bits == self._outside:
            return ["any address outside"]
        inside = [self._joints[number] for number in members(bits)]
        others = [self._joints[number] for number in members(self._outside & ~bits)]
        return [part for version in WIDTHS for part in _blocks(version, inside, others)]

    def state(self, state: State) -> str:
        """What is allowed, and what is unknown, in words."""
        words = [self._ports.describe(state.allow)] if state.allow else []
        if state.partial:
            words.append(f"of these for some pods only {self._ports.describe(state.partial)}")
        if state.unknown:
            words.append(f"unknown {self._ports.describe(state.unknown)}")
        return "; ".join(words) or "nothing"


def _blocks(version: int, inside: Sequence[Joint], others: Sequence[Joint]) -> list[str]:
    """The blocks of a family, or those that are excepted where these are fewer."""
    here, rest = _spans(version, inside), _spans(version, others)
    if not here:
        return []
    if not rest:
        return [f"any IPv{version} address outside"]
    single = f"/{WIDTHS[version]}"
    plain, excepted = (
        [block.removesuffix(single) for span in spans for block in blocks_of(version, span)] for spans in (here, rest)
    )
    if len(excepted) < len(plain):
        return [f"IPv{version} addresses outside but {' and '.join(excepted)}"]
    return plain


def _spans(version: int, joints: Iterable[Joint]) -> list[Span]:
    return union(span for one in joints for family, span in one.spans if family == version)
