"""`thwart trust migrate`: sign anew what Docker Content Trust vouches for."""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from thwart.cli import complain, sign
from thwart.cli._screen import plain
from thwart.core.errors import ThwartError, UsageError

if TYPE_CHECKING:
    from thwart.api._migrate import Plan
    from thwart.core.trust import Evidence
    from thwart.sources import OpenOptions
    from thwart.trust import Anchors

_REFUSED, _UNREAD = 1, 3


def configure(parser: argparse.ArgumentParser) -> None:
    """Flags of the verb."""
    parser.description = (
        "Verify Notary repositories as Docker does, and sign every digest for which it would accept a tag, with a key. "
        "Without --key it only tells what that would be."
    )
    parser.add_argument("repositories", nargs="+", metavar="GUN", help="repository with its registry")
    trusted = parser.add_argument_group("what is verified")
    trusted.add_argument("--notary", required=True, metavar="URL|DIR", help="a Notary server, or a folder: its mirror")
    trusted.add_argument("--pin", type=Path, metavar="FILE", help="a root file or root key of these repositories")
    trusted.add_argument(
        "--first-use", action="store_true", help="trust roots that nobody pinned; the new signatures inherit that"
    )
    trusted.add_argument("--at", type=sign.moment, metavar="TIME", help="for tests: judge as of this moment")
    how = parser.add_argument_group("how to sign")
    sign.key_flags(how)
    how.add_argument("--layout", choices=("legacy", "bundle"), help="as in thwart sign (default: legacy)")
    sign.shared_flags(parser)


def run(arguments: argparse.Namespace) -> int:
    """Plan and sign, one repository after the other; of several troubles the worst is told by the exit code."""
    if arguments.pin is None and not arguments.first_use:
        raise UsageError(
            "nothing says which root is trusted", "pin it (--pin FILE), or trust what is there today (--first-use)"
        )
    from thwart.api._trusting import read_file
    from thwart.core.trust import Roots
    from thwart.trust import read_roots

    anchors = read_roots(Roots(pins={"**": read_file(arguments.pin)} if arguments.pin else {}))
    source = sign.source_options(arguments)
    signer = sign.opened_key(arguments) if arguments.key else None
    code = 0
    for gun in arguments.repositories:
        try:
            plan, evidence = _plan(gun, arguments, anchors, source)
        except ThwartError as error:
            complain(error.slug, f"{gun}: {error.sentence}", *error.hints)
            code = max(code, error.exit_code)
            continue
        for reason in plan.refused:
            complain(reason.slug, f"{reason.where}: {reason.sentence}")
        trouble = _UNREAD if evidence.missing else _REFUSED if plan.refused or not plan.signings else 0
        code = max(code, trouble)
        for one in plan.signings:
            print(plain(f"{one.reference}: {', '.join(one.tags)} (vouched for by {', '.join(one.roles)})"))  # noqa: T201
        if signer is not None:
            code = max(code, _sign(plan, signer, arguments, source))
    if signer is None:
        sys.stderr.write("note: nothing was signed: name a key with --key\n")
    return code
