"""`thwart net`: network policy. One file per verb."""

from __future__ import annotations

import argparse
import importlib

VERBS = {
    "map": "everything: who reaches whom, on which ports",
    "eval": "answer flows, one JSON object a line",
    "explain": "one flow: which policy, which rule, which line decided",
    "lint": "what is wrong, useless or surprising in the policies, and how to mend it",
    "verify": "intents as tests: what must hold, and a flow for what does not",
    "diff": "two sets of manifests: connections opened, closed and changed",
    "simulate": "recorded flows against proposed policies: what they would cut",
    "exposure": "what is reachable from outside, and through which door",
    "prove": "the policies in the real kernel: connections made, compared with the answers",
    "nft": "the policies as packet filters of nftables",
    "synth": "the least policies that allow given flows, intents or settings, proved",
    "watch": "flow logs as they come: denied, let through in error, never seen, scans",
}


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the subcommands of `thwart net`; each is a module of this package with `configure` and `run`."""
    parser.description = "Who can talk to whom in a cluster, and which policy, rule and line decides."
    parser.epilog = (
        "exit codes: 0 answered, 1 an intent is broken, 2 usage or an object that the API server would refuse, "
        "3 incomplete or unknown, 4 could not read"
    )
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True, parser_class=_verb_class(parser))
    for name, text in VERBS.items():
        importlib.import_module(f"{__name__}.{name}").configure(verbs.add_parser(name, help=text, allow_abbrev=False))


def run(arguments: argparse.Namespace) -> int:
    """Carry out `thwart net VERB`; the exit code."""
    code: int = importlib.import_module(f"{__name__}.{arguments.verb}").run(arguments)
    return code


def _verb_class(parser: argparse.ArgumentParser) -> type[argparse.ArgumentParser]:
    """A parser that itself complains of what it does not know, so that the hint is about this verb's options."""

    class Verb(type(parser)):  # type: ignore[misc]
        def parse_known_args(self, *given: object, **named: object) -> tuple[argparse.Namespace, list[str]]:
            found, rest = super().parse_known_args(*given, **named)
            if rest:
                self.error(f"unrecognized arguments: {' '.join(rest)}")
            return found, rest

    return Verb
