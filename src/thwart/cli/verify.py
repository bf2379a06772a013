"""`thwart verify`."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from thwart.api import _verify as api
from thwart.cli import _judgement, complain
from thwart.cli._scanning import worst
from thwart.cli._settings import data_dir, load_config
from thwart.core.config import resolve
from thwart.core.errors import ThwartError, UsageError
from thwart.core.trust import DENIED, UNKNOWN, VERIFIED
from thwart.sources import OpenOptions

_CODES = {VERIFIED: 0, DENIED: 1, UNKNOWN: 3}


def configure(parser: argparse.ArgumentParser) -> None:
    """Flags of the command."""
    parser.description = "Tell who vouches for images, layouts and files, and whether that is enough."
    parser.epilog = (
        "exit codes: 0 verified, 1 denied, 2 usage, policy or roots are wrong, 3 evidence could not be read, "
        "4 the target could not be reached"
    )
    parser.add_argument(
        "targets", nargs="+", metavar="TARGET", help="image, oci:DIR[:TAG], archive:FILE, file, or sha256:… of a file"
    )
    parser.add_argument("-o", "--output", choices=("text", "json"), default="text", help="default: text")
    _configure_required(parser.add_argument_group("what is required"))
    _configure_evidence(parser.add_argument_group("what vouches for a file (default: what lies beside it)"))
    reach = parser.add_argument_group("finding an image and its signatures")
    configure_reach(reach)
    reach.add_argument("--notary", default="", metavar="URL|DIR", help="Docker Content Trust: a server, or its mirror")
    reach.add_argument("--tuf", type=Path, metavar="DIR", help="a mirror of a TUF repository")
    reach.add_argument("--platform", metavar="OS/ARCH", help="judge that image of an index, not the index")
    reach.add_argument("--signatures-in", default="", metavar="REPOSITORY", help="another repository with signatures")
    reach.add_argument("--as", dest="judge_as", default="", metavar="REPOSITORY", help="judge files by this one's rule")
    reach.add_argument("--config", type=Path, metavar="FILE", help="settings (default: the nearest thwart.toml)")


def configure_reach(group: argparse._ArgumentGroup) -> None:
    """Flags that say how to reach a registry."""
    group.add_argument("--offline", action="store_true", default=None, help="never use the network")
    group.add_argument("--plain-http", action="store_true", help="speak unencrypted HTTP with the registry")
    group.add_argument("--registry-ca", type=Path, metavar="FILE", help="certificates that vouch for the registry")
    group.add_argument("--client-cert", type=Path, metavar="FILE", help="certificate to show to the registry")
    group.add_argument("--client-key", type=Path, metavar="FILE", help="key of that certificate")


def _configure_required(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--trust-policy", type=Path, metavar="FILE", help="rules by repository (default: [[trust]] in thwart.toml)"
    )
    group.add_argument(
        "--key", type=Path, action="append", default=[], metavar="FILE", help="signed by this public key; may repeat"
    )
    group.add_argument("--threshold", type=int, default=0, metavar="N", help="by so many of the keys (default: one)")
    group.add_argument("--identity", default="", metavar="TEXT", help="the certificate is this one's, exactly")
    group.add_argument("--identity-regexp", default="", metavar="REGEX", help="the same by pattern, from ^ to $")
    group.add_argument("--issuer", default="", metavar="URL", help="who checked the identity, exactly")
    group.add_argument("--issuer-regexp", default="", metavar="REGEX", help="the same by pattern, from ^ to $")
    group.add_argument(
        "--ca", type=Path, action="append", default=[], metavar="FILE", help="an own authority, in PEM; may repeat"
    )
    group.add_argument(
        "--trusted-root", type=Path, action="append", default=[], metavar="FILE", help="Sigstore's trusted_root.json"
    )
    group.add_argument(
        "--tsa", type=Path, action="append", default=[], metavar="FILE", help="a time-stamping authority, in PEM"
    )
    group.add_argument(
        "--rekor-key", type=Path, action="append", default=[], metavar="FILE", help="a transparency log's public key"
    )
    group.add_argument("--notation-policy", type=Path, metavar="FILE", help="judge as notation: its trustpolicy.json")
    group.add_argument("--trust-store", type=Path, metavar="DIR", help="and its trust store")
    group.add_argument(
        "--crl", type=Path, action="append", default=[], metavar="FILE", help="and lists of revoked certificates"
    )
    group.add_argument("--pin", type=Path, metavar="FILE", help="the root file or root key of --notary or --tuf")
    group.add_argument("--require-log", action="store_true", help="a trusted transparency log must hold it")
    group.add_argument("--type", default="", metavar="PREDICATE", help="an attestation: slsaprovenance1, vuln, spdx, …")
    group.add_argument("--builder", default="", metavar="ID", help="SLSA provenance: who built it")
    group.add_argument("--source", default="", metavar="URI", help="SLSA provenance: from which repository")
    group.add_argument(
        "--annotation", action="append", default=[], metavar="NAME=VALUE", help="the signer wrote this; may repeat"
    )
    group.add_argument(
        "--at", type=moment, metavar="TIME", help="for tests: judge as of this moment (2026-01-31T12:00:00Z)"
    )


def _configure_evidence(group: argparse._ArgumentGroup) -> None:
    for flag in ("--bundle", "--attestation"):
        group.add_argument(
            flag, type=Path, action="append", default=[], metavar="FILE", help=f"a {flag[2:]} of it; may repeat"
        )
    group.add_argument("--signature", type=Path, metavar="FILE", help="a bare signature, raw or in base64")
    group.add_argument("--certificate", type=Path, metavar="FILE", help="the signer's certificate")
    group.add_argument("--certificate-chain", type=Path, metavar="FILE", help="certificates above it")
    group.add_argument("--rekor-bundle", type=Path, metavar="FILE", help="the log's promise, as cosign keeps it")
    group.add_argument("--timestamp", type=Path, metavar="FILE", help="an RFC 3161 timestamp over the signature")


def run(arguments: argparse.Namespace) -> int:
    """Judge every target and write."""
    trusting = trusting_of(arguments)
    options = _options(arguments)
    judged, code = [], 0
    for target in arguments.targets:
        try:
            artifact, judgement = api.verify(target, trusting, options)
        except ThwartError as error:
            complain(error.slug, f"{target}: {error.sentence}", *error.hints)
            code = worst(code, error.exit_code)
            continue
        judged.append(_judgement.Judged(target, artifact, judgement))
        code = worst(code, _CODES[judgement.decision])
    if arguments.output == "json":
        sys.stdout.write(_judgement.document(judged))
    else:
        sys.stdout.write("\n".join(_judgement.text(one) for one in judged))
    return code


def trusting_of(arguments: argparse.Namespace) -> api.Court:
    """The policy: of the file that was named, of flags, or of the nearest settings."""
    direct = _direct(arguments)
    if arguments.notation_policy is not None or arguments.trust_store is not None:
        if direct or arguments.trust_policy or None in (arguments.notation_policy, arguments.trust_store):
            raise UsageError("--notation-policy and --trust-store belong together, without any other policy")
        from thwart.api._notation import from_notation

        return from_notation(arguments.notation_policy, arguments.trust_store, tuple(arguments.crl))
    if arguments.trust_policy is not None:
        if direct:
            raise UsageError("a trust policy and flags that say who is trusted were given", "put all into the policy")
        return api.from_file(arguments.trust_policy)
    if direct:
        return api.from_flags(_required(arguments))
    settings = load_config(arguments.config)
    if settings is None or not settings.trust:
        raise UsageError(
            "nothing says who is trusted",
            "name a key (--key FILE), an identity (--identity TEXT --issuer URL), or a policy (--trust-policy FILE)",
        )
    return api.from_file(Path(settings.path))


def _direct(arguments: argparse.Namespace) -> bool:
    """Whether flags say who is trusted."""
    named = ("key", "identity", "identity_regexp", "issuer", "issuer_regexp", "ca", "trusted_root", "pin")
    return any(getattr(arguments, name) for name in named)


def _required(arguments: argparse.Namespace) -> api.Required:
    if arguments.threshold and not 1 <= arguments.threshold <= len(arguments.key):
        raise UsageError(f"--threshold must be a number from 1 to {len(arguments.key)}, the keys that were given")
    identity = arguments.identity or arguments.identity_regexp
    repositories = tuple(name for name, at in (("dct", arguments.notary), ("tuf", arguments.tuf)) if at)
    if not arguments.key and not arguments.ca and not arguments.trusted_root and not (arguments.pin and repositories):
        raise UsageError(
            "no authority is trusted that could vouch for an identity",
            "name your own (--ca FILE), or Sigstore's root (--trusted-root FILE)",
        )
    return api.Required(
        keys=tuple(arguments.key),
        threshold=arguments.threshold,
        subject=arguments.identity,
        subject_regex=arguments.identity_regexp,
        issuer=arguments.issuer,
        issuer_regex=arguments.issuer_regexp,
        authorities=tuple(arguments.ca),
        trusted_roots=tuple(arguments.trusted_root),
        timestamping=tuple(arguments.tsa),
        logs=tuple(arguments.rekor_key),
        pin=arguments.pin,
        formats=repositories if arguments.pin and not identity and not arguments.key else (),
        transparency=arguments.require_log,
        predicate=api.PREDICATES.get(arguments.type, arguments.type),
        builder=arguments.builder,
        source=arguments.source,
        annotations=_pairs(arguments.annotation),
    )


def _options(arguments: argparse.Namespace) -> api.VerifyOptions:
    settings = resolve(
        {"platform": arguments.platform, "offline": arguments.offline}, os.environ, load_config(arguments.config)
    )
    return api.VerifyOptions(
        source=OpenOptions(
            platform=arguments.platform or "",
            offline=bool(settings["offline"]),
            plain_http=arguments.plain_http,
            ca=arguments.registry_ca,
            client_cert=arguments.client_cert,
            client_key=arguments.client_key,
            environment=os.environ,
            registries=settings.registries,
        ),
        signatures_in=arguments.signatures_in or os.environ.get("COSIGN_REPOSITORY", ""),
        judge_as=arguments.judge_as,
        files=api.FileEvidence(
            bundles=(*arguments.bundle, *arguments.attestation),
            signature=arguments.signature,
            certificate=arguments.certificate,
            chain=arguments.certificate_chain,
            rekor=arguments.rekor_bundle,
            timestamp=arguments.timestamp,
        ),
        notary=arguments.notary,
        tuf=arguments.tuf,
        state=data_dir(),
        now=arguments.at,
    )


def _pairs(texts: Iterable[str]) -> dict[str, str]:
    pairs = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise UsageError(f"--annotation {text} is not NAME=VALUE")
        pairs[name] = value
    return pairs


def moment(text: str) -> datetime:
    """A moment with its time zone, for argparse."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a moment like 2026-01-31T12:00:00Z") from None
    return at if at.tzinfo else at.replace(tzinfo=UTC)
