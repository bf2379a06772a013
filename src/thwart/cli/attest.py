"""`thwart attest`."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from thwart.cli.sign import key_flags, opened_key, report, shared_flags, source_options
from thwart.core.errors import UsageError


def configure(parser: argparse.ArgumentParser) -> None:
    """Flags of the command."""
    parser.description = "State something of an image, signed: its packages, its vulnerabilities, how it was built."
    parser.epilog = "exit codes: 0 attested, 2 usage, key or a variable that lacks, 4 could not reach, read or write"
    parser.add_argument("target", metavar="TARGET", help="NAME@sha256:…, NAME:TAG or oci:FOLDER[:NAME]")
    what = parser.add_argument_group("what to state")
    what.add_argument("--predicate", type=Path, metavar="FILE", help="a predicate of --type")
    what.add_argument(
        "--type",
        metavar="TYPE",
        help="spdxjson, cyclonedx, vuln, openvex, slsaprovenance1, custom … as cosign has them, or a URI",
    )
    what.add_argument("--sbom", choices=("cyclonedx", "spdx"), help="the packages that a scan finds")
    what.add_argument("--vulnerabilities", action="store_true", help="the findings of a scan")
    what.add_argument("--vex", action="store_true", help="the status of each vulnerability, as OpenVEX")
    what.add_argument(
        "--report", type=Path, metavar="FILE", help="make --vex from this saved report (-o json) instead of a scan"
    )
    what.add_argument("--provenance", action="store_true", help="SLSA provenance, from the variables of the CI service")
    how = parser.add_argument_group("how to sign")
    key_flags(how)
    how.add_argument(
        "--layout", choices=("legacy", "bundle"), default="legacy", help="default: legacy, cosign's .att tag"
    )
    shared_flags(parser)
    parser.add_argument("--db", type=Path, metavar="FILE", help="advisory database of the scan")


def run(arguments: argparse.Namespace) -> int:
    """Make the predicates, sign and store them."""
    from thwart.api import ScanOptions
    from thwart.api._attest import AttestOptions, attest, read_predicate
    from thwart.cli._settings import cache_dir, data_dir

    if (arguments.predicate is None) != (arguments.type is None):
        raise UsageError("a predicate and its type belong together", "name both: --predicate FILE --type TYPE")
    if arguments.report is not None and not arguments.vex:
        raise UsageError("--report is what --vex is made from", "write --vex --report FILE, or leave it out")
    given = (read_predicate(arguments.predicate, arguments.type),) if arguments.predicate is not None else ()
    options = AttestOptions(
        given=given,
        sbom=arguments.sbom or "",
        vulnerabilities=arguments.vulnerabilities,
        vex=arguments.vex,
        saved=arguments.report,
        provenance=arguments.provenance,
        layout=arguments.layout,
        environment=os.environ,
        source=source_options(arguments),
        scan=ScanOptions(database=arguments.db, data=data_dir(), cache=cache_dir()),
    )
    report(attest(arguments.target, opened_key(arguments), options), arguments, "attested")
    return 0
