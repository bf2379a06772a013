"""`thwart sign`."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from thwart.cli._screen import plain
from thwart.core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from thwart.api._sign import Signed
    from thwart.sources import OpenOptions
    from thwart.trust.signing import Signer

_LONGEST = 4096


def configure(parser: argparse.ArgumentParser) -> None:
    """Flags of the command."""
    parser.description = "Sign images and files, as cosign and notation verify them."
    parser.epilog = (
        "The passphrase of a key is read from THWART_KEY_PASSPHRASE or COSIGN_PASSWORD, from --passphrase-file, or asked for.\n"
        "exit codes: 0 signed, 2 usage or key, 4 could not reach, read or write"
    )
    parser.add_argument(
        "targets", nargs="*", metavar="TARGET", help="NAME@sha256:…, NAME:TAG, oci:FOLDER[:NAME] or a file"
    )
    how = parser.add_argument_group("how to sign")
    key_flags(how)
    how.add_argument(
        "--layout",
        choices=("legacy", "bundle"),
        help="legacy: cosign's .sig tag, FILE.sig (default of images); bundle: cosign 3's referrer, FILE.sigstore.json",
    )
    how.add_argument("--format", choices=("cosign", "notation"), default="cosign", help="default: cosign")
    how.add_argument("-a", "--annotation", action="append", default=[], metavar="NAME=VALUE", help="signed as well")
    how.add_argument("-r", "--recursive", action="store_true", help="an index and every image in it")
    make = parser.add_argument_group("making a key")
    make.add_argument("--generate-key", type=Path, metavar="PREFIX", help="write PREFIX.key, encrypted, and PREFIX.pub")
    make.add_argument(
        "--key-type", default="ecdsa-p256", metavar="KIND", help="ecdsa-p256 (default), -p384, -p521, rsa-3072, ed25519"
    )
    shared_flags(parser)


def key_flags(group: argparse._ArgumentGroup) -> None:
    """The key and its certificate."""
    group.add_argument("--key", metavar="KEY", help="a file, or awskms://…, gcpkms://…, azurekms://…, hsm:…")
    group.add_argument("--certificate", type=Path, metavar="FILE", help="the key's certificate, PEM")
    group.add_argument("--certificate-chain", type=Path, metavar="FILE", help="those above it, PEM")
    group.add_argument("--passphrase-file", type=Path, metavar="FILE", help="the key's passphrase is its first line")


def shared_flags(parser: argparse.ArgumentParser) -> None:
    """Reaching a registry, and the record."""
    reach = parser.add_argument_group("reaching a registry")
    reach.add_argument("--plain-http", action="store_true", help="speak unencrypted HTTP with the registry")
    reach.add_argument("--ca", type=Path, metavar="FILE", help="certificates that vouch for the registry")
    reach.add_argument("--client-cert", type=Path, metavar="FILE", help="certificate to show to the registry")
    reach.add_argument("--client-key", type=Path, metavar="FILE", help="key of that certificate")
    reach.add_argument("--config", type=Path, metavar="FILE", help="settings (default: the nearest thwart.toml)")
    parser.add_argument("--log", type=Path, metavar="FOLDER", help="note it in this log (thwart log init)")


def run(arguments: argparse.Namespace) -> int:
    """Make a key, or sign every target."""
    from thwart.api._sign import SignOptions, sign

    if arguments.generate_key is not None:
        return _generate(arguments)
    if not arguments.targets:
        raise UsageError(
            "nothing is named that could be signed", "name an image or a file: thwart sign NAME --key FILE"
        )
    if arguments.format == "notation" and arguments.layout:
        raise UsageError("notation has one layout", "leave out --layout")
    options = SignOptions(
        layout="notation" if arguments.format == "notation" else arguments.layout or "",
        annotations=_annotations(arguments.annotation),
        recursive=arguments.recursive,
        source=source_options(arguments),
    )
    signer = opened_key(arguments)
    for target in arguments.targets:
        report(sign(target, signer, options), arguments, "signed")
    return 0


def source_options(arguments: argparse.Namespace) -> OpenOptions:
    """How to reach registries."""
    from thwart.cli._scanning import opening
    from thwart.cli._settings import load_config
    from thwart.core.config import resolve

    return opening(arguments, resolve({}, os.environ, load_config(arguments.config)))


def opened_key(arguments: argparse.Namespace) -> Signer:
    """The key that was named, with its certificate."""
    from thwart.api._signing_keys import open_key
    from thwart.api._trusting import read_file

    if not arguments.key:
        raise UsageError("a key is needed", "name it with --key; make one: thwart sign --generate-key PREFIX")
    certificate = read_file(arguments.certificate) if arguments.certificate else b""
    chain = read_file(arguments.certificate_chain) if arguments.certificate_chain else b""
    return open_key(arguments.key, lambda name: passphrase(arguments.passphrase_file, name), certificate, chain)


def report(signed: Sequence[Signed], arguments: argparse.Namespace, verb: str) -> None:
    """Tell what was done, and note it in the log."""
    from thwart.api import record
    from thwart.api._sign import entries

    for one in signed:
        done = f"{verb} {one.digest} in {one.where}" if one.fresh else f"{verb} before by this key: {one.digest}"
        print(plain(f"{one.name}: {done}"))  # noqa: T201 - the answer
        for note in one.notes:
            print(plain(f"note: {note}"), file=sys.stderr)  # noqa: T201
    fresh = entries(signed, verb)
    if arguments.log is not None and fresh:
        record.append(record.LogFiles(folder=arguments.log), fresh)


def passphrase(file: Path | None, name: str, *, twice: bool = False) -> bytes:
    """The passphrase of a key: from a file, the environment or the terminal, in this order."""
    if file is not None:
        from thwart.api._trusting import read_file

        return read_file(file)[:_LONGEST].partition(b"\n")[0].rstrip(b"\r")
    for variable in ("THWART_KEY_PASSPHRASE", "COSIGN_PASSWORD"):
        if variable in os.environ:
            return os.environ[variable].encode()
    if not sys.stdin.isatty():
        raise UsageError(f"the passphrase of {name} is needed", "set THWART_KEY_PASSPHRASE, or name --passphrase-file")
    import getpass

    given = getpass.getpass(f"Passphrase of {name}: ")
    if twice and getpass.getpass("Again: ") != given:
        raise UsageError("the two passphrases are not the same")
    return given.encode()


def _generate(arguments: argparse.Namespace) -> int:
    from thwart.api._signing_keys import generate

    if arguments.targets or arguments.key:
        raise UsageError("a key is made by itself", "sign with it afterwards: thwart sign NAME --key FILE")
    prefix: Path = arguments.generate_key
    secret = passphrase(arguments.passphrase_file, f"{prefix}.key", twice=True)
    private, public = generate(prefix, secret, arguments.key_type)
    print(plain(f"wrote {private} (secret, encrypted) and {public}"))  # noqa: T201
    return 0


def _annotations(texts: Sequence[str]) -> dict[str, str]:
    stated = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise UsageError(f"{text!r} is not NAME=VALUE")
        stated[name] = value
    return stated
