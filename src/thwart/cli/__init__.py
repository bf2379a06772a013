"""The command line: argv in, streams and an exit code out."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from io import TextIOWrapper
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

COMMANDS = {
    "scan": "find known vulnerabilities in images, root file systems and directories",
    "sbom": "list the packages of a target",
    "check": "judge documents by rules: Dockerfiles, Compose files, manifests, run lines",
    "fix": "the patch that closes what check finds",
    "rules": "list the rules of check",
    "net": "tell who can talk to whom under network policies, and why",
    "sign": "sign images and files, as cosign and notation verify them",
    "attest": "state something of an image, signed: packages, vulnerabilities, how it was built",
    "verify": "tell whether an image or a file is vouched for, by whom, and why not",
    "trust": "look at keys, roots and trust policies",
    "gate": "decide again from saved reports, and test policies",
    "serve": "admit pods, or containers on a Docker host, by the same decisions",
    "log": "show, prove and verify the record of decisions",
    "explain": "tell what is known of an advisory or a rule",
    "db": "show, build, update and move the advisory database",
    "config": "show settings and where each comes from",
    "help": "read about targets, formats, exit codes and more",
}
SHORT = {"-h": "--help", "-V": "--version"}


def main(argv: list[str] | None = None) -> int:
    """Run one command; returns the exit code (see `thwart help exit-codes`)."""
    arguments = sys.argv[1:] if argv is None else argv
    _prepare_streams()
    try:
        code = _run(arguments)
        sys.stdout.flush()
    except KeyboardInterrupt:
        code = 130
    except BrokenPipeError:
        # whoever read our output has seen enough: a normal end
        _silence_stdout()
        code = 0
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EIO, errno.EFBIG, errno.EDQUOT) or error.filename is not None:
            code = _complain_bug(error)
        else:
            _silence_stdout()
            complain("output", f"standard output cannot be written: {error.strerror}")
            code = 2
    except Exception as error:  # noqa: BLE001 - whatever happens, the user gets a sentence and a red exit code
        code = _complain_bug(error)
    return code


def _prepare_streams() -> None:
    """A stream that the caller closed swallows what is written; a name that is not text is shown as an escape."""
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123 - lives as long as the process
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def _silence_stdout() -> None:
    """Let the interpreter, which writes what is left at its end, write it to nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def _complain_bug(error: Exception) -> int:
    if os.environ.get("THWART_TRACEBACK"):
        import traceback

        traceback.print_exc()
    complain(
        "bug",
        f"thwart failed where it never should ({type(error).__name__}: {error})",
        "please report it, with the output of the same command under THWART_TRACEBACK=1",
    )
    return 3


def _run(arguments: list[str]) -> int:
    first = SHORT.get(arguments[0], arguments[0]) if arguments else "--help"
    if first == "--version":
        from thwart._version import __version__

        print(f"thwart {__version__}")  # noqa: T201 - the answer
        return 0
    if first == "--help":
        print(_overview())  # noqa: T201
        return 0
    if first not in COMMANDS:
        _complain_unknown(first)
        return 2
    return _command(first, arguments[1:])


def _command(name: str, arguments: list[str]) -> int:
    import argparse
    import importlib

    from thwart.core.errors import ThwartError

    module = importlib.import_module(f"thwart.cli.{name}")
    parser = _Parser(prog=f"thwart {name}", formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False)
    module.configure(parser)
    try:
        code: int = module.run(parser.parse_args(arguments))
    except ThwartError as error:
        complain(error.slug, error.sentence, *error.hints)
        return error.exit_code
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else 2
    return code


def complain(slug: str, sentence: str, *hints: str) -> None:
    """Print an error and its hints on stderr."""
    from thwart.cli._screen import plain

    lines = [f"error[{slug}]: {_short(plain(sentence))}", *(f"hint: {_short(plain(hint))}" for hint in hints)]
    with contextlib.suppress(OSError):  # nobody is left to be told
        sys.stderr.write("\n".join(lines) + "\n")


def _short(text: str) -> str:
    """A stranger's name may be a megabyte: the beginning and the end of a sentence say enough."""
    return text if len(text) <= 900 else f"{text[:600]} … {text[-200:]}"


def _overview() -> str:
    width = max(map(len, COMMANDS))
    commands = "\n".join(f"  {name:<{width}}  {text}" for name, text in COMMANDS.items())
    return (
        "usage: thwart COMMAND [OPTION…] [TARGET…]\n\n"
        "What in these containers can an attacker use, and what is the smallest change that stops it?\n\n"
        f"commands:\n{commands}\n\n"
        "  thwart scan nginx:1.27        scan an image\n"
        "  thwart COMMAND --help         options of a command\n"
        "  thwart --version"
    )


def _complain_unknown(word: str) -> None:
    import difflib

    near = difflib.get_close_matches(word, COMMANDS, 1)
    hint = f"did you mean: thwart {near[0]}" if near else "see: thwart --help"
    if word.startswith("-"):
        complain("usage", f"there is no option {word} before a command", "see: thwart --help")
    else:
        complain("usage", f"there is no command {word}", hint)


def _parser_class() -> type[argparse.ArgumentParser]:
    import argparse
    import difflib
    import re
    from typing import NoReturn

    class Parser(argparse.ArgumentParser):
        """argparse with errors in the house's manner."""

        def error(self, message: str) -> NoReturn:
            hints = [f"see: {self.prog} --help"]
            unknown = re.match(r"unrecognized arguments: (--[\w-]+)", message)
            if unknown:
                flags = [flag for action in self._actions for flag in action.option_strings]
                near = difflib.get_close_matches(unknown[1], flags, 1)
                hints = [f"did you mean {near[0]}"] if near else hints
            choice = re.search(r"invalid choice: '(.*?)' \(choose from (.*)\)", message, re.DOTALL)
            if choice:
                near = difflib.get_close_matches(choice[1], [one.strip("' ") for one in choice[2].split(",")], 1)
                hints = [f"did you mean {near[0]}"] if near else hints
            complain("usage", message, *hints)
            self.exit(2)

    return Parser


def _Parser(**options: object) -> argparse.ArgumentParser:  # noqa: N802 - stands for the class, made when needed
    return _parser_class()(**options)  # type: ignore[arg-type]
