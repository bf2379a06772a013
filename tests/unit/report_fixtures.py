"""Reports that every output format must cope with. `REPORTS` is what the parametrised tests write in every format."""

from __future__ import annotations

import random

from thwart.core.advisory import Exploited, Feed, Range, Score, Severity
from thwart.core.finding import Diagnostic, Finding, Fix, Suppressed
from thwart.core.package import Layer, Location, Package, Release
from thwart.core.report import Asset, DatabaseInfo, Report, Verdict

Judged = tuple[Report, Verdict]

DIGEST = "sha256:" + "4c0fdaa8b634" + "0" * 52
DIFF_IDS = tuple(f"sha256:{index:064x}" for index in range(1, 7))
HISTORY = (
    "/bin/sh -c #(nop) ADD file:0a1b2c3d in / ",
    "RUN /bin/sh -c set -x     && groupadd --system nginx     && apt-get update     && apt-get install -y openssl # buildkit",
    "COPY docker-entrypoint.sh / # buildkit",
    "RUN /bin/sh -c apt-get install -y curl=7.88.1-10+deb12u5 # buildkit",
    "COPY package.json package-lock.json /app/ # buildkit",
    "RUN /bin/sh -c cd /app && npm ci --omit=dev # buildkit",
)
LAYERS = tuple(
    Layer(
        index=index,
        diff_id=diff_id,
        digest=f"sha256:{index + 40:064x}",
        size=(77_812_224, 62_144_000, 1_620, 4_210_688, 18_432, 9_871_360)[index],
        media_type="application/vnd.oci.image.layer.v1.tar+gzip",
        created_by=HISTORY[index],
        created="2026-11-02T00:00:00Z",
    )
    for index, diff_id in enumerate(DIFF_IDS)
)
DEBIAN = Release(
    id="debian",
    version="12",
    codename="bookworm",
    name="Debian GNU/Linux 12 (bookworm)",
    ecosystem="Debian:12",
)
FEEDS = (
    Feed(
        name="debian",
        licence="MIT",
        attribution="Debian Security Tracker, © Debian contributors",
        date="2026-11-20",
        records=41_200,
        url="https://security-tracker.debian.example",
    ),
    Feed(
        name="ghsa",
        licence="CC-BY-4.0",
        attribution="GitHub Advisory Database, © GitHub",
        date="2026-11-21",
        records=24_010,
    ),
)
DATABASE = DatabaseInfo(built="2026-11-21", origin="embedded", age_days=2, schema=1, feeds=FEEDS)
ALLOW = Verdict(decision="allow", reasons=("no finding is high or worse",))
DENY = Verdict(
    decision="deny",
    reasons=("5 findings are high or worse", "CVE-2026-0001 is known to be exploited"),
    exit_code=1,
)
UNKNOWN = Verdict(decision="unknown", reasons=("the report is incomplete: findings may be missing",), exit_code=3)


def deb(name: str, version: str, layer: int = 1, *, source: str = "", licences: tuple[str, ...] = ()) -> Package:
    return Package(
        name=name,
        version=version,
        type="deb",
        ecosystem="Debian:12",
        namespace="debian",
        arch="amd64",
        purl=f"pkg:deb/debian/{name}@{version.replace('+', '%2B').replace(':', '%3A')}?arch=amd64&distro=debian-12",
        source=source or name,
        source_version=version,
        licences=licences,
        vendor="Debian Maintainers <nobody@debian.example>",
        cataloger="dpkg",
        locations=(Location(path="var/lib/dpkg/status", layer=DIFF_IDS[layer]),),
        layer=DIFF_IDS[layer],
    )


def npm(name: str, version: str, *, namespace: str = "", scope: str = "", licences: tuple[str, ...] = ()) -> Package:
    full = f"{namespace}/{name}" if namespace else name
    return Package(
        name=name,
        version=version,
        type="npm",
        ecosystem="npm",
        namespace=namespace,
        purl=f"pkg:npm/{full.replace('@', '%40')}@{version}",
        scope=scope,
        licences=licences,
        cataloger="npm_installed",
        locations=(Location(path=f"app/node_modules/{full}/package.json", line=3, layer=DIFF_IDS[5]),),
        layer=DIFF_IDS[5],
    )


def vulnerability(
    cve: str,
    package: Package,
    severity: Severity,
    fixed: str = "",
    *,
    base: float = -1.0,
    kev: bool = False,
    epss: float | None = None,
    priority: float = 10.0,
    status: str = "",
    again: tuple[Range, ...] = (),
) -> Finding:
    vector = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H" if base >= 0 else severity.word
    score = Score("NVD" if base >= 0 else "Debian", "CVSS_V3" if base >= 0 else "word", vector, base, severity)
    upgrade = package.source or package.full_name
    return Finding(
        id=cve,
        message=f"{package.full_name} {package.version} is affected by {cve}",
        severity=severity,
        package=package,
        aliases=(f"GHSA-{cve[4:8]}-{cve[9:13]}-aaaa",) if package.type == "npm" else (),
        advisories=(f"DEBIAN-{cve}" if package.type == "deb" else f"GHSA-{cve[4:8]}-{cve[9:13]}-aaaa",),
        score=score,
        scores=(score, Score("GHSA", "word", "moderate", -1.0, Severity.MEDIUM)),
        epss=epss,
        percentile=None if epss is None else min(0.999, epss + 0.3),
        kev=Exploited(added="2026-10-01", due="2026-10-22", ransomware=True) if kev else None,
        state="fixed" if fixed else "unfixed",
        status=status,
        fix=Fix(title=f"upgrade {upgrade} to {fixed}", package=upgrade, version=fixed, again=again) if fixed else None,
        priority=priority,
        because=("severity", "known to be exploited") if kev else ("severity",),
        locations=package.locations,
        published="2026-05-01",
        cwes=("CWE-79", "CWE-787"),
    )


LIBSSL = deb("libssl3", "3.0.13-1~deb12u1", source="openssl", licences=("Apache-2.0",))
OPENSSL = deb("openssl", "3.0.13-1~deb12u1", licences=("Apache-2.0",))
CURL = deb("curl", "7.88.1-10+deb12u5", 3, licences=("curl",))
ZLIB = deb("zlib1g", "1:1.2.13.dfsg-1", 0, source="zlib", licences=("Zlib",))
PERL = deb("perl-base", "5.36.0-7+deb12u1", 0, source="perl", licences=("GPL-1+ or Artistic", "BSD-3-clause"))
EXPRESS = npm("express", "4.17.1", licences=("MIT",))
QS = npm("qs", "6.7.0", licences=("BSD-3-Clause",))
BABEL = npm("core", "7.1.0", namespace="@babel", scope="dev", licences=("MIT OR Apache-2.0",))
TAR = npm("tar", "4.4.1", licences=("SEE LICENSE IN LICENSE.md",))

ASSET = Asset(
    kind="image",
    name="registry.example:5000/shop/web:1.27",
    digest=DIGEST,
    image_id="sha256:" + "9" * 64,
    platform="linux/amd64",
    labels=(("org.opencontainers.image.title", "web"), ("maintainer", "shop@shop.example")),
    created="2026-11-02T00:00:00Z",
)
PACKAGES = (ZLIB, PERL, LIBSSL, OPENSSL, CURL, BABEL, EXPRESS, QS, TAR)
C, H, M, L, N, U = (
    Severity.CRITICAL,
    Severity.HIGH,
    Severity.MEDIUM,
    Severity.LOW,
    Severity.NEGLIGIBLE,
    Severity.UNKNOWN,
)
SSL = "3.0.15-1~deb12u1"
FINDINGS = (
    vulnerability("CVE-2026-0001", LIBSSL, C, SSL, base=9.8, kev=True, epss=0.94, priority=99.0),
    vulnerability("CVE-2026-0001", OPENSSL, C, SSL, base=9.8, kev=True, epss=0.94, priority=99.0),
    vulnerability("CVE-2026-0002", LIBSSL, H, SSL, base=7.5, epss=0.012, priority=60.0),
    vulnerability("CVE-2026-0003", LIBSSL, M, "3.0.14-1~deb12u2", base=5.3, priority=30.0),
    vulnerability("CVE-2026-0010", CURL, H, "7.88.1-10+deb12u8", base=8.1, epss=0.31, priority=70.5),
    vulnerability("CVE-2026-0011", CURL, L, status="no-dsa", priority=3.0),
    vulnerability(
        "CVE-2026-0020", QS, H, "6.7.3", base=7.5, epss=0.002, priority=41.0, again=(Range("6.8.0", "6.8.3"),)
    ),
    vulnerability("CVE-2026-0021", EXPRESS, M, "4.17.3", priority=20.0),
    vulnerability("CVE-2026-0030", ZLIB, N, status="unimportant", priority=0.5),
    vulnerability("CVE-2026-0031", PERL, U, priority=5.0),
    vulnerability("CVE-2026-0032", PERL, H, base=7.8, priority=44.0, status="postponed"),
)
SUPPRESSED = (
    Suppressed(
        finding=vulnerability("CVE-2026-0040", TAR, H, "4.4.18", base=8.2),
        by="exception",
        reason="only reads archives that our own build wrote",
        owner="shop@shop.example",
        expires="2027-01-31",
    ),
    Suppressed(
        finding=vulnerability("CVE-2026-0041", ZLIB, C, base=9.8),
        by="distribution",
        reason="Debian: the vulnerable file is not part of the binary package",
    ),
    Suppressed(finding=vulnerability("CVE-2026-0042", PERL, M), by="vex", reason="vulnerable_code_not_in_execute_path"),
)
INCOMPLETE = (
    Diagnostic(
        slug="layer-unreadable",
        message="layer 4 is cut off after 1,024 bytes; what it holds is not known",
        path="sha256:" + "5" * 64,
        hint="pull the image again",
    ),
    Diagnostic(
        slug="database-stale",
        message="the advisory database is 41 days old",
        incomplete=False,
        hint="thwart db update",
    ),
)


def report(**fields: object) -> Report:
    values: dict[str, object] = {
        "asset": ASSET,
        "tool_version": "0.1.0",
        "created": "2026-11-23T12:00:00Z",
        "release": DEBIAN,
        "layers": LAYERS,
        "packages": PACKAGES,
        "database": DATABASE,
    }
    return Report(**(values | fields))  # type: ignore[arg-type]


CLEAN = report()
FOUND = report(findings=FINDINGS, timings=(("pull", 0.8125), ("match", 0.015625)))
HIDDEN = report(findings=FINDINGS[4:], suppressed=SUPPRESSED)
PARTIAL = report(findings=FINDINGS[:3], diagnostics=INCOMPLETE, release=None)
EMPTY = Report(asset=Asset(kind="directory", name="."), tool_version="0.1.0", created="2026-11-23T12:00:00Z")

ATTACKS = (
    "</script><script>alert(1)</script>",
    "<!--<img src=x onerror=alert(1)>-->]]>",
    "\x1b[2J\x1b]0;owned\x07\x1b[31mred",
    "\x9b31mC1",
    "abc\u202etxt.exe\u2066\u2069\u200b\u2028",
    "line\nbreak\r\nand\ttab\x00null\x7f",
    "caf\udce9/\udcff",
    "pair\ud83d",
    "{{ 7*7 }}{% raw %}${x}`id`",
    "quote\"'\\back",
    "::error file=x::injected",
    "=cmd|' /C calc'!A0",
    "| a | b |\n|---|",
    "x" * 10_000,
    "界" * 50 + "e\u0301" * 50,
    "https://evil.example/?q=1#f g",
    "",
    " ",
    "🙂\U000e0041\U0010ffff",
)


def hostile() -> Report:
    """Every attack in every string that a target can choose."""
    packages = tuple(_hostile_package(index, text) for index, text in enumerate(ATTACKS))
    # A lone surrogate that is no escaped byte cannot be fingerprinted by the core: it is in packages only.
    findable = [package for package in packages if "\ud83d" not in package.name]
    findings = tuple(_hostile_finding(index, package) for index, package in enumerate(findable))
    return Report(
        asset=Asset(
            kind="image",
            name=ATTACKS[2] + ATTACKS[0],
            digest="nonsense",
            platform=ATTACKS[5],
            labels=(("a\n", ATTACKS[4]),),
        ),
        tool_version="0.1.0",
        created="2026-11-23T12:00:00Z",
        release=Release(id=ATTACKS[0], version=ATTACKS[2], name=ATTACKS[4]),
        layers=tuple(
            Layer(index=index, diff_id=f"sha256:{index:064x}", created_by=text, size=index)
            for index, text in enumerate(ATTACKS)
        ),
        packages=packages,
        findings=findings[::2],
        suppressed=tuple(
            Suppressed(finding=finding, by="inline", reason=text, owner=text, expires=text)
            for finding, text in zip(findings[1::2], ATTACKS, strict=False)
        ),
        diagnostics=tuple(
            Diagnostic(slug="unreadable", message=text, path=text, hint=text, incomplete=bool(index % 2))
            for index, text in enumerate(ATTACKS)
        ),
        database=DATABASE,
    )


def _hostile_package(index: int, text: str) -> Package:
    return Package(
        name=text,
        version=text,
        type=("deb", "npm", "maven", "golang")[index % 4],
        ecosystem=text,
        purl=f"pkg:generic/hostile{index}@1",
        namespace=text,
        licences=(text,),
        vendor=text,
        scope=text,
        locations=(Location(path=text, line=index, layer=f"sha256:{index:064x}"),),
        layer=f"sha256:{index:064x}",
    )


def _hostile_finding(index: int, package: Package) -> Finding:
    text = package.name
    return Finding(
        id=text or "empty",
        message=text,
        severity=Severity(index % 6),
        package=package,
        aliases=(text,),
        advisories=(text,),
        status=text,
        score=Score(text, "word", text, -1.0, Severity(index % 6)),
        fix=Fix(title=text, package=text, version=text or "1") if index % 3 else None,
        priority=float(index),
        because=(text,),
        locations=package.locations,
        published=text,
        cwes=(text,),
    )


def large(count: int, seed: int = 7) -> Report:
    """A report of `count` findings in about a third as many packages: the same for the same arguments."""
    chance = random.Random(seed)
    packages = [deb(f"lib{index:04}", f"1.{index % 40}-{index % 7}", index % 4) for index in range(max(1, count // 3))]
    findings = []
    for index in range(count):
        package = chance.choice(packages)
        severity = Severity(chance.choices(range(6), (1, 6, 8, 10, 5, 1))[0])
        fixed = f"2.{chance.randrange(3)}-1" if chance.random() < 0.6 else ""
        findings.append(
            vulnerability(
                f"CVE-2026-{index + 1000}",
                package,
                severity,
                fixed,
                epss=chance.random() ** 6,
                kev=chance.random() < 0.01,
                priority=round(chance.random() * 20 * severity, 1),
            )
        )
    return report(packages=tuple(packages), findings=tuple(findings))


REPORTS: dict[str, list[Judged]] = {
    "clean": [(CLEAN, ALLOW)],
    "findings": [(FOUND, DENY)],
    "suppressed": [(HIDDEN, DENY)],
    "incomplete": [(PARTIAL, UNKNOWN)],
    "hostile": [(hostile(), Verdict(decision="deny", reasons=ATTACKS, exit_code=1, doubts=ATTACKS, notes=ATTACKS))],
    "empty": [(EMPTY, ALLOW)],
    "many": [(FOUND, DENY), (EMPTY, ALLOW), (PARTIAL, UNKNOWN), (FOUND, DENY)],
}
