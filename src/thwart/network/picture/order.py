"""An order of namespaces in which those that are alike stand together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


def alike_together(names: Sequence[str], words: Mapping[tuple[str, str], str]) -> list[str]:
    """The names, each followed by the one most like it that is left, beginning with the most open one.

    Two are alike when their rows and columns are. What is equally alike keeps the order of `names`. The cost is the
    square of the number of names.
    """
    others = sorted({name for pair in words for name in pair})
    codes = {word: number for number, word in enumerate(sorted(set(words.values())), 1)}
    seen = {name: _seen(name, others, words, codes) for name in names}
    open_to = {name: sum(words.get((other, name), "-") != "-" for other in others) for name in names}
    left = sorted(names, key=lambda name: -open_to[name])
    found: list[str] = []
    while left:
        last = seen[found[-1]] if found else seen[left[0]]
        best = min(left, key=lambda name: _differences(last, seen[name]))
        left.remove(best)
        found.append(best)
    return found


def _seen(name: str, others: Sequence[str], words: Mapping[tuple[str, str], str], codes: Mapping[str, int]) -> bytes:
    """Row and column. A namespace and itself are left out: they would tell apart two that are alike."""
    row = [codes.get(words.get((name, other), ""), 0) if other != name else 0 for other in others]
    column = [codes.get(words.get((other, name), ""), 0) if other != name else 0 for other in others]
    return bytes(row + column)


def _differences(one: bytes, other: bytes) -> int:
    both = int.from_bytes(one, "big") ^ int.from_bytes(other, "big")
    return sum(map(bool, both.to_bytes(len(one), "big")))
