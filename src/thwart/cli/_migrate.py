"""`thwart trust migrate`: sign anew what Docker Content Trust vouches for."""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from thwart.cli import complain, sign
from thwart.cli._screen import plain
from thwart.cli._settings import data_dir
from thwart.cli.verify import moment
from thwart.core.errors import ThwartError, UsageError

if TYPE_CHECKING:
    from thwart.api._migrate import Plan, Signing
    from thwart.sources import OpenOptions
    from thwart.trust import Anchors
    from thwart.trust.signing import Signer

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
    trusted.add_argument("--at", type=moment, metavar="TIME", help="for tests: judge as of this moment")
    how = parser.add_argument_group("how to sign")
    sign.key_flags(how)
    how.add_argument("--layout", choices=("legacy", "bundle"), help="as in thwart sign (default: legacy)")
    sign.shared_flags(parser)


def run(arguments: argparse.Namespace) -> int:
    """Plan and sign, one repository after the other; of several troubles the worst is the exit code."""
    from thwart.api._trusting import read_file
    from thwart.cli._scanning import worst
    from thwart.core.trust import Roots
    from thwart.trust import read_roots

    if arguments.pin is None and not arguments.first_use:
        raise UsageError(
            "nothing says which root is trusted", "pin it (--pin FILE), or trust what is there today (--first-use)"
        )
    anchors = read_roots(Roots(pins={"**": read_file(arguments.pin)} if arguments.pin else {}))
    source = sign.source_options(arguments)
    signer = sign.opened_key(arguments) if arguments.key else None
    codes = []
    for gun in arguments.repositories:
        try:
            plan, code = _planned(gun, arguments, anchors, source)
        except ThwartError as error:
            complain(error.slug, f"{gun}: {error.sentence}", *error.hints)
            codes.append(error.exit_code)
            continue
        codes += [code, *(_carried_out(one, signer, arguments, source) for one in plan.signings)]
    if signer is None:
        sys.stderr.write("note: nothing was signed: name a key with --key\n")
    return worst(*codes)


def _planned(gun: str, arguments: argparse.Namespace, anchors: Anchors, source: OpenOptions) -> tuple[Plan, int]:
    """What is to be signed, with what is left out told on standard error; and the exit code for that."""
    from thwart.api import _migrate
    from thwart.api._remembered import recall, remember
    from thwart.api._verify import notary_evidence

    evidence = notary_evidence(gun, arguments.notary, source)
    folder = data_dir()
    known = recall(folder) if folder else {}
    now = arguments.at or datetime.now(UTC)
    plan = _migrate.plan(gun, evidence, anchors, now, first_use=arguments.first_use, remembered=known)
    if folder and plan.remembered != known:
        remember(folder, known, plan.remembered)
    for reason in plan.refused:
        complain(reason.slug, f"{gun}: {reason.where}: {reason.sentence}")
    if not plan.signings and not plan.refused:
        complain("nothing-signed", f"{gun}: Docker Content Trust vouches for no tag")
    return plan, _UNREAD if evidence.missing else _REFUSED if plan.refused or not plan.signings else 0


def _carried_out(one: Signing, signer: Signer | None, arguments: argparse.Namespace, source: OpenOptions) -> int:
    """Tell of one image, and sign it where there is a key."""
    from thwart.api._sign import SignOptions
    from thwart.api._sign import sign as put

    sys.stdout.write(plain(f"{one.reference}: {', '.join(one.tags)}, vouched for by {', '.join(one.roles)}") + "\n")
    if signer is None:
        return 0
    try:
        signed = put(f"image:{one.reference}", signer, SignOptions(layout=arguments.layout or "", source=source))
    except ThwartError as error:
        complain(error.slug, f"{one.reference}: {error.sentence}", *error.hints)
        return error.exit_code
    sign.report(signed, arguments, "signed")
    return 0
