"""Who a jar without Maven coordinates is: what its file name, manifest and classes tell, and how sure that is."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections import Counter

_NUMBER = re.compile(r"v?[0-9]")
_DOTTED = re.compile(r"[0-9]+(?:\.[0-9]+)+(?:[.][A-Za-z]\w*)?")
_STAMP = re.compile(r"[0-9]{8}\.[0-9]{6}")
# words that stand within a version after a dash; what else follows a dash is a classifier
_QUALIFIER = re.compile(
    r"(?:alpha|beta|a|b|m|rc|cr|sp|ea|pr|rev|milestone|build|patch|preview|pre|dev|stable|incubating|snapshot|final|ga"
    r"|release|redhat|jbossorg|fuse|atlassian|hudson|kohsuke|cdh|hdp|mapr|amzn|jre|android|empty|sec)[0-9.]*[a-z]?[0-9]*"
    r"|[0-9a-f]{7,40}",
    re.IGNORECASE,
)
_VERSION = re.compile(r"v?[0-9][0-9A-Za-z.+_~-]*")
_ARTIFACT = re.compile(r"[a-z0-9][a-z0-9_-]*(?:-[0-9.]+[a-z0-9-]*)?")
_PACKAGE = re.compile(r"[a-z][\w-]*(?:\.[a-z][\w-]*)+")
_TOKENS = 64
_IVY = re.compile(r"([\w.-]+)#([\w.-]+);([\w.+-]+)")
_VERSIONS = ("plugin-version", "implementation-version", "bundle-version", "specification-version")


class Name(NamedTuple):
    """A file name's parts."""

    artifact: str
    version: str = ""
    classifier: str = ""


class Identity(NamedTuple):
    """What is most likely inside, with a confidence of `medium` or `low`."""

    group: str
    artifact: str
    version: str
    confidence: str


def split(stem: str, hints: tuple[str, ...] = ()) -> Name:
    """Take `artifact-version[-classifier]` apart; `hints` are versions that the archive states itself.

    Without a hint the version begins at the first token that starts with a digit and is followed only by what may
    stand in a version: so `log4j-1.2-api-2.14.1` ends in 2.14.1, and `servlet-api-2.5-6.1.14` in 6.1.14.
    """
    for hint in hints:
        at = stem.find(f"-{hint}") if hint else -1
        end = at + 1 + len(hint)
        if at > 0 and (end == len(stem) or stem[end] == "-"):
            tail = stem[end + 1 :].split("-") if end < len(stem) else []
            kept = _qualifiers(tail)
            return Name(stem[:at], "-".join([hint, *tail[:kept]]), "-".join(tail[kept:]))
    tokens = stem.split("-", _TOKENS)
    start = _start(tokens)
    if start is None:
        return Name(stem)
    kept = start + 1 + _qualifiers(tokens[start + 1 :])
    return Name("-".join(tokens[:start]), "-".join(tokens[start:kept]), "-".join(tokens[kept:]))


def _start(tokens: list[str]) -> int | None:
    numbers = [at for at in range(1, len(tokens)) if _NUMBER.match(tokens[at])]
    if not numbers:
        return None
    start = numbers[0]
    for at in numbers[1:]:
        between = tokens[start + 1 : at]
        apart = any(not _is_qualifier(token) for token in between)
        second = not between and _DOTTED.fullmatch(tokens[at]) and not _STAMP.fullmatch(tokens[at])
        if (apart and "." in tokens[at]) or (second and _DOTTED.fullmatch(tokens[start])):
            start = at
    return start


def _qualifiers(tokens: list[str]) -> int:
    """How many leading tokens still belong to the version."""
    for count, token in enumerate(tokens):
        if not _is_qualifier(token):
            return count
    return len(tokens)


def _is_qualifier(token: str) -> bool:
    return _NUMBER.match(token) is not None or _QUALIFIER.fullmatch(token) is not None


def stated_versions(manifest: dict[str, str]) -> tuple[str, ...]:
    """Versions in the manifest, the most telling first; build numbers after a space are left out."""
    found = []
    for key in _VERSIONS:
        words = manifest.get(key, "").split()
        if words and len(words[0]) <= 128 and _VERSION.fullmatch(words[0]):
            found.append(words[0])
    return tuple(dict.fromkeys(found))


def identify(stem: str, manifest: dict[str, str], packages: Counter[str]) -> Identity:
    """The identity of an archive that carries no coordinates of its own.

    `packages` counts classes by Java package. A version that file name and manifest agree on, or a full `ivy` title,
    is `medium`; what rests on one of them alone is `low`.
    """
    ivy = _IVY.fullmatch(manifest.get("implementation-title", ""))
    if ivy:  # Gradle's Nebula plugin: organisation#module;version
        named = split(stem, (ivy[3],)).artifact
        return Identity(ivy[1], named if ivy[1].endswith(f".{named}") else ivy[2], ivy[3], "medium")
    versions = stated_versions(manifest)
    name = split(stem, versions)
    version = name.version or next(iter(versions), "")
    artifact = name.artifact if name.version else _titled(stem, manifest)
    agreed = any(_same(name.version, one) for one in versions) or (
        not name.version and artifact in _titles(manifest, stem)
    )
    group, sure = group_of(artifact, manifest, packages)
    return Identity(group, artifact, version, "medium" if version and agreed and sure else "low")


def _same(one: str, other: str) -> bool:
    shorter, longer = sorted((one, other), key=len)
    return bool(shorter) and (longer == shorter or (longer.startswith(shorter) and not longer[len(shorter)].isalnum()))


def _titles(manifest: dict[str, str], stem: str) -> tuple[str, ...]:
    """Names that two things tell: a title that is also the file's name, or a Jenkins plugin's name and group."""
    plugin = manifest.get("short-name", "") if manifest.get("plugin-version") and manifest.get("group-id") else ""
    return plugin, stem if manifest.get("implementation-title") == stem else ""


def _titled(stem: str, manifest: dict[str, str]) -> str:
    """The artifact of a file without a version in its name: a title that looks like an artifact, else the name."""
    for key in ("short-name", "implementation-title"):
        title = manifest.get(key, "")
        if len(title) <= 128 and _ARTIFACT.fullmatch(title):
            return title
    return stem


def group_of(artifact: str, manifest: dict[str, str], packages: Counter[str]) -> tuple[str, bool]:
    """The Maven group as far as anything states it, and whether the classes bear that out.

    An empty group says that nothing stated it: the common prefix of the classes is not asked, since it is the group of
    two archives in five only.
    """
    if manifest.get("group-id"):  # Jenkins plugins
        return manifest["group-id"], True
    for pattern, root, group in _FAMILIES:
        known = pattern.fullmatch(artifact)
        if known and _holds(packages, root):
            return known.expand(group), True
    symbolic = manifest.get("bundle-symbolicname", "").partition(";")[0].strip()
    vendor = manifest.get("implementation-vendor-id", "")
    stated = vendor == artifact or ("." in vendor and vendor not in _WIDE)
    borne = vendor == artifact or _holds(packages, vendor)
    group = _unjoined(symbolic, artifact) or (vendor if stated and borne else "")
    if group:
        return group, True
    group = _leading(manifest, artifact) or (vendor if stated else "")
    return group, not group


def _holds(packages: Counter[str], root: str) -> bool:
    return any(f"{package}.".startswith(f"{root}.") for package in packages)


def _leading(manifest: dict[str, str], artifact: str) -> str:
    """A package name that ends in the artifact's first word: `org.apache.lucene` for `lucene-core`.

    When it ends in the whole artifact, it is the group only if what is left cannot be one: `org.testng`.
    """
    first, _, rest = artifact.partition("-")
    for key in ("bundle-symbolicname", "implementation-title", "extension-name", "automatic-module-name"):
        name = manifest.get(key, "").partition(";")[0].strip()
        parent = name[: -len(first) - 1]
        if not name.endswith(f".{first}") or not _PACKAGE.fullmatch(name):
            continue
        if parent in _WIDE or "." not in parent or (rest and key.startswith(("impl", "ext"))):
            return name
    return ""


def _unjoined(symbolic: str, artifact: str) -> str:
    """The group that the Maven bundle plugin joined with the artifact to the symbolic name; empty when it did not.

    Source: maven-bundle-plugin, default of `Bundle-SymbolicName`: group, dot and artifact, where a beginning of the
    artifact that repeats the group's last part is dropped.
    """
    group = symbolic[: -len(artifact) - 1]
    if symbolic.endswith(f".{artifact}") and ("-" in artifact or group.rpartition(".")[2].startswith(artifact)):
        return group
    first, _, rest = artifact.partition("-")
    dotted = rest.replace("-", ".")
    for ending in (rest, dotted):
        group = symbolic[: -len(ending) - 1]
        if ending and symbolic.endswith(f".{ending}") and group.rpartition(".")[2] == first and "." in group:
            return group
    return ""


# vendors that hold many groups: no group by themselves
_WIDE = frozenset(
    {"org.apache", "org.eclipse", "com.sun", "com.google", "com.ibm", "org.codehaus", "com.oracle", "org.jboss"}
)

# Gradle, Ant and old builds write no coordinates. These large families name their artifacts by rule:
# artifact, the package that its classes must lie in, group.
_SPRING = (
    r"spring-(boot|security|data|session|batch|integration|ws|kafka|amqp|ldap|hateoas|restdocs|shell|retry|statemachine"
    r"|plugin|cloud|graphql|credhub|vault|authorization-server)(?:-.*)?"
)
_COMMONS = (
    r"(commons-(?:beanutils|betwixt|chain|cli|codec|collections|configuration|dbcp|dbutils|digester|discovery|el"
    r"|fileupload|httpclient|io|jelly|jexl|jxpath|lang|launcher|logging|modeler|net|pool|primitives|validator|vfs))"
)
_FAMILIES = tuple(
    (re.compile(artifact), root, group)
    for artifact, root, group in (
        (_SPRING, "org.springframework", r"org.springframework.\1"),
        (_COMMONS, "org.apache.commons", r"\1"),
        (r"spring-rabbit(?:-.*)?", "org.springframework.amqp", "org.springframework.amqp"),
        (r"spring-[a-z0-9]+(?:-(?:indexer|support|portlet))?", "org.springframework", "org.springframework"),
        (r"tomcat-embed-.*", "org.apache", "org.apache.tomcat.embed"),
        (r"tomcat-.*", "org.apache", "org.apache.tomcat"),
        (r"kafka(?:_[0-9.]+)?", "kafka", "org.apache.kafka"),
        (r"kafka-.*", "org.apache.kafka", "org.apache.kafka"),
        (r"kotlin-.*", "kotlin", "org.jetbrains.kotlin"),
        (r"kotlinx-.*", "kotlinx", "org.jetbrains.kotlinx"),
        (r"(okhttp|logging-interceptor|mockwebserver|okhttp-.*)", "okhttp3", "com.squareup.okhttp3"),
        (r"okio(?:-.*)?", "okio", "com.squareup.okio"),
        (r"mysql-connector-java", "com.mysql", "mysql"),
        (r"groovy(?:-.*)?", "org.codehaus.groovy", "org.codehaus.groovy"),
        (r"groovy(?:-.*)?", "org.apache.groovy", "org.apache.groovy"),
        (r"xercesImpl", "org.apache.xerces", "xerces"),
        (r"h2", "org.h2", "com.h2database"),
        (r"scala-(?:library|compiler|reflect)", "scala", "org.scala-lang"),
    )
)
