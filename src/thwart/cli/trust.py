"""`thwart trust`: look at keys, roots and policies; leave Docker Content Trust."""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, datetime
from pathlib import Path

from thwart.cli import _migrate
from thwart.cli._screen import plain

_DENIED = 1


def configure(parser: argparse.ArgumentParser) -> None:
    """The verbs of `thwart trust`."""
    parser.description = "What is trusted: keys, certificates, roots and the policy over them."
    parser.epilog = (
        "exit codes: 0 fine, 1 all of a file has expired, the policy has flaws, or something was not signed anew, "
        "2 usage, or a file that is wrong, 3 and 4 a repository could not be read or reached"
    )
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    keys = verbs.add_parser("keys", help="show keys and certificates: kind, fingerprint, identity, validity")
    keys.add_argument("files", nargs="+", type=Path, metavar="FILE", help="PEM, DER or JWK")
    roots = verbs.add_parser("roots", help="show what a trusted root or a trust store holds, and until when")
    roots.add_argument("files", nargs="+", type=Path, metavar="PATH", help="trusted_root.json, a PEM file, a folder")
    policy = verbs.add_parser("policy", help="find flaws in trust policies")
    policy.add_argument("action", choices=("check",), help="check: read strictly, then look for what cannot be met")
    policy.add_argument("files", nargs="+", type=Path, metavar="FILE", help="thwart's policies, or notation's")
    _migrate.configure(verbs.add_parser("migrate", help="sign anew what Docker Content Trust vouches for"))


def run(arguments: argparse.Namespace) -> int:
    """Carry out `thwart trust VERB`."""
    if arguments.verb == "migrate":
        return _migrate.run(arguments)
    if arguments.verb == "policy":
        return _check(arguments.files)
    from thwart.api import _trust as api

    describe = api.keys_in if arguments.verb == "keys" else api.roots_in
    now, code = datetime.now(UTC), 0
    for path in arguments.files:
        _out(str(path))
        found = [(one, one.state(now)) for one in describe(path)]
        for one, state in found:
            _out(f"  {one.kind}  {one.fingerprint}")
            for name, value in (("name", one.name), ("identity", one.identity), ("valid", one.validity(state))):
                if value:
                    _out(f"    {name:<9}{value}")
        if all(state == api.EXPIRED for _, state in found):  # old roots stay for what was signed in their time
            code = _DENIED
    return code


def _check(files: list[Path]) -> int:
    from thwart.api._trusting import lint

    found = 0
    for path in files:
        flaws = lint(path)
        for flaw in flaws:
            _out(f"{path}: {flaw.where}: {flaw.sentence} [{flaw.slug}]")
        if not flaws:
            _out(f"{path}: no flaws")
        found += len(flaws)
    return _DENIED if found else 0


def _out(line: str) -> None:
    sys.stdout.write(f"{plain(line)}\n")
