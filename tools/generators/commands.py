"""docs/reference/commands.md, from the parsers."""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Iterator

from tools.generators import code, page, table

from thwart.cli import COMMANDS

PATH = "docs/reference/commands.md"
INTRODUCTION = (
    "`thwart COMMAND [OPTION…] [TARGET…]`. Options may stand before or after targets and must be written out in full. "
    "`thwart --help` (`-h`) lists the commands, `thwart COMMAND --help` the options of one, `thwart --version` (`-V`) "
    "prints the version.\n\n"
    "The report goes to standard output; everything else goes to standard error. "
    "What the exit codes mean: [exit-codes.md](exit-codes.md)."
)


def parser(name: str) -> argparse.ArgumentParser:
    """The parser of one command."""
    made = argparse.ArgumentParser(prog=f"thwart {name}", allow_abbrev=False)
    importlib.import_module(f"thwart.cli.{name}").configure(made)
    return made


def generate() -> Iterator[tuple[str, bytes]]:
    """One page with a heading for every command and verb, and a row for every option."""
    sections = [part for name, about in COMMANDS.items() for part in _command(parser(name), about, 2)]
    yield PATH, page("Commands", INTRODUCTION, *sections)


def _command(one: argparse.ArgumentParser, about: str, level: int) -> Iterator[str]:
    yield f"{'#' * level} {one.prog}"
    yield _sentence(one.description or about)
    verbs = {
        name: (below, str(helps.help))
        for action in one._actions  # noqa: SLF001 - argparse offers no other way to ask
        if isinstance(action, argparse._SubParsersAction)  # noqa: SLF001
        for (name, below), helps in zip(action.choices.items(), action._choices_actions, strict=True)  # noqa: SLF001
    }
    if not verbs:
        yield f"```text\n{_usage(one)}\n```"
    for group in one._action_groups:  # noqa: SLF001
        rows = list(_rows(group))
        if rows:
            yield table((_title(group), "meaning"), rows)
    if one.epilog:
        yield _sentence(one.epilog)
    for below, helps in verbs.values():
        yield from _command(below, helps, level + 1)


def _usage(one: argparse.ArgumentParser) -> str:
    words = [one.prog, "[OPTION…]"]
    for action in one._get_positional_actions():  # noqa: SLF001
        shape = {"+": "{0}…", "*": "[{0}…]", "?": "[{0}]"}.get(str(action.nargs), "{0}")
        words.append(shape.format(_value(action)))
    return " ".join(words)


def _rows(group: argparse._ArgumentGroup) -> Iterator[tuple[str, str]]:
    for action in group._group_actions:  # noqa: SLF001
        if isinstance(action, argparse._SubParsersAction | argparse._HelpAction) or not action.help:  # noqa: SLF001
            continue
        value = "" if action.nargs == 0 else f" {_value(action)}"
        flags = ", ".join(action.option_strings)
        about = (action.help or "").replace("%(default)s", str(action.default))
        yield (
            code(f"{flags}{value}" if flags else value.strip()),
            about.replace("show this help message and exit", "show the options and exit"),
        )


def _value(action: argparse.Action) -> str:
    if isinstance(action.metavar, str):
        return action.metavar
    return "|".join(map(str, action.choices)) if action.choices else action.dest.upper()


def _title(group: argparse._ArgumentGroup) -> str:
    return {"positional arguments": "argument", "options": "option"}.get(group.title or "", group.title or "option")


def _sentence(text: str) -> str:
    text = text[:1].upper() + text[1:]
    return text if text.endswith(".") else f"{text}."
