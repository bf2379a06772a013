"""CEL, the Common Expression Language, bounded: an expression is the user's own, what it looks at is a stranger's.

The engine evaluates an expression in one go and cannot be stopped, so that what it may cost is worked out beforehand from
how deep its loops are nested and how large the largest list or map in its variables is.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

MOST_STEPS = 5_000_000  # of nested loops, about a second
MOST_VALUES = 200_000  # in the variables of one evaluation
_MACROS = frozenset({"all", "exists", "exists_one", "existsOne", "filter", "map"})
_TYPES = frozenset({"bool", "bytes", "double", "int", "list", "map", "null_type", "string", "type", "uint", "optional"})
_NATIVE = frozenset(
    re.findall(
        r"\w+",
        """
    bool bytes contains double duration dyn endsWith getDate getDayOfMonth getDayOfWeek getDayOfYear
    getFullYear getHours getMilliseconds getMinutes getMonth getSeconds has hasValue int matches max min none
    of ofNonZeroValue or orValue size startsWith string timestamp type uint value
    """,
    )
)
_TOKEN = re.compile(
    r'[rRbB]{0,2}(?:"""(?:[^"\\]|\\.|"(?!""))*"""|\'\'\'(?:[^\'\\]|\\.|\'(?!\'\'))*\'\'\''
    r'|"(?:[^"\\\n]|\\.)*"|\'(?:[^\'\\\n]|\\.)*\')|//[^\n]*|[A-Za-z_][A-Za-z0-9_]*|[().,]',
    re.DOTALL,
)


class EvaluationError(Exception):
    """The expression cannot be read, or has no value here; the message is one sentence."""


class Program(NamedTuple):
    """A compiled expression. `functions` are those it calls that do not exist; `depth` is how deep its loops nest."""

    run: Any
    variables: frozenset[str]
    functions: frozenset[str]
    depth: int


class Cel:
    """A CEL environment with the library's own functions and those of cel-go's extensions that it has in Python."""

    def __init__(self) -> None:
        import cel
        from cel import stdlib

        left_out = ("lists.range", "contains")  # of any size; the native one is for text, and `in` for lists
        functions = {name: one for name, one in stdlib.STDLIB_FUNCTIONS.items() if name not in left_out}
        self._compile = cel.compile
        self._context = cel.Context({}, functions)
        self._functions = _NATIVE.union(functions, *(name.split(".") for name in functions))
        self._namespaces = {name.partition(".")[0] for name in functions if "." in name}
        self._held: dict[str, tuple[object, int]] = {}  # each variable's value, and its largest list or map

    def compile(self, text: str) -> Program:
        """A program.

        Raises:
            EvaluationError: it is not CEL.
        """
        try:
            run = self._compile(text)
            named = run.references()
        except BaseException as error:  # noqa: BLE001 - a panic of the library is no Exception
            raise _told(error) from None
        bound, depth = _loops(text)
        called = {name for name in named["functions"] if name[:1].isalpha()}
        return Program(
            run,
            frozenset(named["variables"]) - bound - _TYPES - self._namespaces,
            frozenset(called - self._functions),
            depth,
        )

    def evaluate(self, program: Program, variables: Mapping[str, object]) -> object:
        """The value of the program.

        Raises:
            EvaluationError: it has none, or it would take too long.
        """
        largest = max([self._take(name, variables[name]) for name in program.variables], default=0)
        if largest**program.depth > MOST_STEPS:
            raise EvaluationError(f"a list or map of {largest} entries is too large for loops in loops")
        try:
            return program.run.execute(self._context)
        except BaseException as error:  # noqa: BLE001 - a panic of the library is no Exception
            raise _told(error) from None

    def _take(self, name: str, value: object) -> int:
        """Hand a variable over, unless it is there already; the entries of its largest list or map."""
        held = self._held.get(name)
        if held is None or held[0] is not value:
            self._held.pop(name, None)
            held = value, _largest(value)
            try:
                self._context.add_variable(name, value)
            except BaseException as error:  # noqa: BLE001 - a panic of the library is no Exception
                raise _told(error) from None
            self._held[name] = held
        return held[1]


def _told(error: BaseException) -> BaseException:
    """The library's complaint in one sentence; a panic of it is one too, an interrupt is none."""
    if isinstance(error, KeyboardInterrupt | SystemExit):
        return error
    if isinstance(error, KeyError):
        return EvaluationError(f"no such key: {str(error.args[0])[:100] if error.args else ''}")
    lines = str(error).strip().splitlines() or [type(error).__name__]
    first = lines[0].partition("ERROR: <input>:")[2] or lines[0].partition(". ")[0]
    return EvaluationError(first[:200].rstrip("."))


def _loops(text: str) -> tuple[frozenset[str], int]:
    """The names that loops of an expression bind, and how deep loops nest."""
    bound: set[str] = set()
    depth = deepest = 0
    open_: list[bool] = []
    tokens = [one for one in _TOKEN.findall(text) if not one.startswith("//")]
    for index, word in enumerate(tokens):
        if word == "(":
            loop = index > 1 and tokens[index - 1] in _MACROS and tokens[index - 2] == "."
            open_.append(loop)
            depth += loop
            deepest = max(deepest, depth)
            if loop and tokens[index + 2 : index + 3] == [","]:
                bound.add(tokens[index + 1])
        elif word == ")" and open_:
            depth -= open_.pop()
    return frozenset(bound), deepest


def _largest(value: object) -> int:
    """The entries of the largest list or map in a value."""
    largest = count = 0
    left = [value]
    while left:
        node = left.pop()
        if isinstance(node, dict | list):
            count += len(node)
            if count > MOST_VALUES:
                raise EvaluationError(f"the document has more than {MOST_VALUES} values, too many for an expression")
            largest = max(largest, len(node))
            left.extend(node.values() if isinstance(node, dict) else node)
    return largest
