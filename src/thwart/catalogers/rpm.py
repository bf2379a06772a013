"""Packages of rpm (Red Hat's family, Fedora, SUSE, Amazon, Oracle, Azure Linux, Photon, openEuler)."""

from __future__ import annotations

from io import BytesIO

from thwart.catalogers import cataloger
from thwart.catalogers._ownership import owned, take
from thwart.catalogers._problems import Problems
from thwart.core.errors import ParseError
from thwart.core.limits import Limits
from thwart.core.package import File, FileFacts, Found, Owned
from thwart.lib import rpmdb
from thwart.lib.rpmdb import header as tag

_FOLDERS = ("var/lib/rpm", "usr/lib/sysimage/rpm", "usr/share/rpm")
_FILES = ("rpmdb.sqlite", "Packages.db", "Packages")
_MANIFEST = "var/lib/rpmmanifest/container-manifest-2"
_NONE = "(none)"  # rpm's word for a tag that is not there


@cataloger(*(f"{folder}/{name}" for folder in _FOLDERS for name in _FILES), _MANIFEST)
def rpm(file: File, limits: Limits) -> FileFacts:
    """Read an rpm database: SQLite, ndb or Berkeley DB, told apart by their first bytes.

    A version is `epoch:version-release` when the package has an epoch that is not 0, else `version-release`.
    `source_version` is without epoch: the name of the source package, where it stands, has none.
    The keys that rpm keeps as packages called `gpg-pubkey` are left out.
    """
    problems = Problems()
    found: list[Found] = []
    owns: list[Owned] = []
    if file.path.endswith(_MANIFEST):
        return _manifest(file, limits)
    try:
        blobs = rpmdb.blobs(file.data, lambda sentence: problems.add("rpm-database", sentence))
    except rpmdb.DamageError as error:
        raise ParseError(str(error)) from error
    for blob in blobs:
        try:
            header = rpmdb.Header(blob)
            package = _found(header)
        except rpmdb.DamageError as error:
            problems.add("rpm-header", str(error))
            continue
        if package.name == "gpg-pubkey" and not package.arch:
            continue
        if not package.name or not package.version.strip("-"):
            problems.add("rpm-header", f"a package has no {'name' if not package.name else 'version'}")
            continue
        if len(found) >= limits.packages or len(owns) >= limits.entries:
            problems.add("limit", "more packages or files than the limits allow: the rest is not read")
            break
        found.append(package)
        try:
            owns.extend(owned(header.paths(), package.name))
        except rpmdb.DamageError as error:
            problems.add("rpm-header", f"the files of {package.name[:80]!r} are not known: {error}")
    taken = take(owns, limits, problems)
    return FileFacts(cataloger="rpm", path=file.path, found=tuple(found), owns=taken, problems=problems.all())


def _found(header: rpmdb.Header) -> Found:
    epochs = header.numbers(tag.EPOCH)
    return _package(
        name=header.string(tag.NAME),
        version=f"{header.string(tag.VERSION)}-{header.string(tag.RELEASE)}",
        epoch=str(epochs[0]) if epochs else "",
        arch=header.string(tag.ARCH),
        source=header.string(tag.SOURCERPM),
        vendor=header.string(tag.VENDOR),
        licence=header.string(tag.LICENSE),
        module=header.string(tag.MODULARITYLABEL),
    )


def _package(
    *, name: str, version: str, epoch: str, arch: str, source: str, vendor: str, licence: str = "", module: str = ""
) -> Found:
    source_name, source_version = split_source(source)
    return Found(
        name=name,
        version=f"{epoch}:{version}" if epoch.strip("0") else version,
        type="rpm",
        arch="" if arch == _NONE else arch,
        source=source_name or name,
        source_version=source_version or version,
        licences=(licence,) if licence else (),
        vendor="" if vendor == _NONE else vendor,
        module="" if module == _NONE else module,
    )


def split_source(source: str) -> tuple[str, str]:
    """Name and version of `openssl-3.0.7-16.el9_2.src.rpm`: name and version may hold dashes, so from the right."""
    stem = source.removesuffix(".rpm")
    if stem == source or not stem.endswith((".src", ".nosrc")):
        return "", ""
    parts = stem.rpartition(".")[0].rsplit("-", 2)
    return (parts[0], f"{parts[1]}-{parts[2]}") if len(parts) == 3 and all(parts) else ("", "")


def _manifest(file: File, limits: Limits) -> FileFacts:
    """The list that Azure Linux's distroless images keep in place of a database.

    Columns between tabs: name, version-release, times of installation and build, vendor, epoch, size, architecture,
    epoch as a number (the other one is `(none)` whatever the package says when Dalec built the image), source package.
    """
    problems = Problems()
    found: list[Found] = []
    for number, line in enumerate(BytesIO(file.data), start=1):
        columns = line.decode("utf-8", "replace").rstrip("\r\n").split("\t", 10)
        if not line.strip():
            continue
        if len(columns) < 10 or not columns[0] or not columns[1]:
            problems.add("rpm-manifest", f"line {number} does not have the ten columns of a package")
            if problems.hopeless:
                break
            continue
        if len(found) >= limits.packages:
            problems.add("limit", f"more than {limits.packages} packages: the rest from line {number} is not read")
            break
        if columns[0] == "gpg-pubkey":
            continue
        epoch = columns[8] if columns[8].isdecimal() else ""
        one = _package(
            name=columns[0], version=columns[1], epoch=epoch, arch=columns[7], source=columns[9], vendor=columns[4]
        )
        found.append(one._replace(line=number))
    return FileFacts(cataloger="rpm", path=file.path, found=tuple(found), problems=problems.all())
