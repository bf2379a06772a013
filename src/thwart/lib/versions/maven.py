"""Maven versions: `ComparableVersion` of Maven 3.9, case-insensitive, numbers of any size.

A version is a chain of lists, each the last item of the one before it: a hyphen, or a change between digits and
letters, begins the next list. Items are numbers and qualifiers; `ga`, `final` and `release` are the empty qualifier,
`cr` is `rc`, `a1` is `alpha-1`, `b1` `beta-1`, `m1` `milestone-1`. Items that are equal to nothing (0, the empty
qualifier) are dropped from the ends of the lists. Where lists end, nothing is compared with what is left of the other:
alpha < beta < milestone < rc < snapshot < nothing < sp < other qualifiers < numbers; at the same place a qualifier
comes before a list and a list before a number.

That makes Maven's order circular for a few odd shapes (`1 < 1.sp.1 < 1-alpha < 1`). `compare` answers as Maven does for
each pair. Every string but the empty one has a place. Maven 4 makes one item of a qualifier and the number behind it,
and so differs where a dot parts the two (`1-rc.1`).
"""

from __future__ import annotations

from functools import total_ordering

_ALIASES = {"ga": "", "final": "", "release": "", "cr": "rc"}
_SHORT = {"a": "alpha", "b": "beta", "m": "milestone"}
_RANKS = {name: str(rank) for rank, name in enumerate(("alpha", "beta", "milestone", "rc", "snapshot", "", "sp"))}
_NOTHING = _RANKS[""]

Item = int | str  # a number, or a qualifier's rank
Token = Item | None  # None: here the next list begins
Flat = tuple[Item, ...]

# Kinds in the keys of regular versions, in their order.
_BEFORE, _LIST_BEFORE, _END, _AFTER, _LIST_AFTER, _NUMBER = range(6)


def key(version: str) -> Flat | _Odd:
    """A plain tuple for regular versions, whose order is one; else an object that compares as Maven does."""
    chain = _normal(_chain(version.lower()))
    return _flat(chain) or _Odd(_tokens(chain))


def valid(version: str) -> bool:
    """Whether the version is one that Maven's own tools would not refuse as a file name."""
    return version.isprintable() and not any(character in '\\/:"<>|?*[](){},' for character in version)


def _chain(version: str) -> list[list[Item]]:
    """The lists of a version in lower case, outermost first."""
    chain: list[list[Item]] = [[]]
    start = 0
    digits = False
    for position, character in enumerate(version):
        if character in ".-":
            chain[-1].append(_item(version[start:position], digits) if position > start else 0)
            start = position + 1
            if character == "-":
                chain.append([])
        elif character.isdecimal():
            if not digits and position > start:
                if chain[-1]:
                    chain.append([])
                chain[-1].append(_qualifier(version[start:position], before_number=True))
                chain.append([])
                start = position
            digits = True
        else:
            if digits and position > start:
                chain[-1].append(int(version[start:position]))
                chain.append([])
                start = position
            digits = False
    if start < len(version):
        if not digits and chain[-1]:
            chain.append([])
        chain[-1].append(_item(version[start:], digits))
    return chain


def _item(text: str, digits: bool) -> Item:
    return int(text) if digits else _qualifier(text)


def _qualifier(name: str, *, before_number: bool = False) -> str:
    if before_number:
        name = _SHORT.get(name, name)
    name = _ALIASES.get(name, name)
    return _RANKS.get(name) or f"{len(_RANKS)}-{name}"


def _normal(chain: list[list[Item]]) -> list[list[Item]]:
    """Drop what is equal to nothing from the ends of the lists, and empty lists from the end of the chain."""
    for items in chain:
        while items and items[-1] in (0, _NOTHING):
            items.pop()
    while len(chain) > 1 and not chain[-1]:
        chain.pop()
    return chain


def _flat(chain: list[list[Item]]) -> Flat | None:
    """A tuple that orders regular versions: no list is empty below the top, and a qualifier only begins one."""
    flat: list[Item] = []
    for depth, items in enumerate(chain):
        if not items and len(chain) > 1:
            return None
        if depth:
            flat.append(_LIST_AFTER if isinstance(items[0], int) or items[0] > _NOTHING else _LIST_BEFORE)
        for place, item in enumerate(items):
            if isinstance(item, int):
                flat += (_NUMBER, item)
            elif place or item == _NOTHING:
                return None
            else:
                flat += (_AFTER if item > _NOTHING else _BEFORE, item)
    flat.append(_END)
    return tuple(flat)


def _tokens(chain: list[list[Item]]) -> tuple[Token, ...]:
    tokens: list[Token] = []
    for depth, items in enumerate(chain):
        if depth:
            tokens.append(None)
        tokens += items
    return tuple(tokens)


def _unflat(flat: Flat) -> tuple[Token, ...]:
    tokens: list[Token] = []
    position = 0
    while (kind := flat[position]) != _END:
        if kind in (_LIST_BEFORE, _LIST_AFTER):
            tokens.append(None)
            position += 1
        else:
            tokens.append(flat[position + 1])
            position += 2
    return tuple(tokens)


@total_ordering
class _Odd:
    """A version of irregular shape; compares pair by pair as Maven does, with regular keys as well."""

    __slots__ = ("tokens",)

    def __init__(self, tokens: tuple[Token, ...]) -> None:
        self.tokens = tokens

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Odd) and self.tokens == other.tokens

    def __hash__(self) -> int:
        return hash(self.tokens)

    def __lt__(self, other: Flat | _Odd) -> bool:
        return _compare(self.tokens, other.tokens if isinstance(other, _Odd) else _unflat(other)) < 0


def _compare(left: tuple[Token, ...], right: tuple[Token, ...]) -> int:
    for a, b in zip(left, right, strict=False):
        if a == b:
            continue
        if _kind(a) != _kind(b):
            return 1 if _kind(a) > _kind(b) else -1
        return 1 if a > b else -1  # type: ignore[operator]  # of one kind, and neither is None: those are equal
    if len(left) == len(right):
        return 0
    common = min(len(left), len(right))
    return _against_nothing(left[common:]) or -_against_nothing(right[common:])


def _kind(token: Token) -> int:
    return 0 if isinstance(token, str) else 1 if token is None else 2


def _against_nothing(tokens: tuple[Token, ...]) -> int:
    """How the rest of a version compares with its end: by its first item that is something."""
    for token in tokens:
        if isinstance(token, str) and token != _NOTHING:
            return 1 if token > _NOTHING else -1
        if isinstance(token, int) and token:
            return 1
    return 0
