"""What a purl type says: who manages such packages, and whose advisories speak of them."""

from __future__ import annotations

# Installed by a distribution's package manager; the release names the ecosystem.
SYSTEM_TYPES = frozenset({"deb", "rpm", "apk", "alpm", "portage", "opkg", "qpkg"})

# The OSV ecosystem of every other type.
ECOSYSTEMS = {
    "bitnami": "Bitnami",
    "cargo": "crates.io",
    "composer": "Packagist",
    "conan": "ConanCenter",
    "gem": "RubyGems",
    "githubactions": "GitHub Actions",
    "golang": "Go",
    "hex": "Hex",
    "maven": "Maven",
    "npm": "npm",
    "nuget": "NuGet",
    "pub": "Pub",
    "pypi": "PyPI",
    "swift": "SwiftURL",
}
