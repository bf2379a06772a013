"""The engine trusts registries without encryption or without a valid certificate.

Whoever is on the way to such a registry answers in its place: images that are pulled are theirs, and so are the credentials.
Registries on this machine itself are the engine's default and no matter.

Fix: Give the registry a certificate, put its authority into `/etc/docker/certs.d`, and take it off
`insecure-registries`. No edit is offered: the engine's settings are not among the files.

Bad:
    {"thwart-engine": 1, "engine": {"kind": "docker", "info": {"RegistryConfig": {
      "InsecureRegistryCIDRs": ["127.0.0.0/8"], "IndexConfigs": {"registry.example.test:5000": {"Secure": false}}}}}}

Good:
    {"thwart-engine": 1, "engine": {"kind": "docker", "info": {"RegistryConfig": {
      "InsecureRegistryCIDRs": ["127.0.0.0/8"], "IndexConfigs": {"docker.io": {"Secure": true}}}}}}
"""

from __future__ import annotations

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit, listed
from thwart.rules.engine import Host, host_rule

_HERE = ("127.", "localhost", "::1", "[::1]")


@host_rule(Severity.HIGH, "cis-docker:2.5", "nist-800-190:4.2.1")
def insecure_registry(host: Host) -> Iterator[Hit]:
    """Networks of addresses and single names alike."""
    config = host.info.under("RegistryConfig")
    networks = config.words("InsecureRegistryCIDRs")
    names = [name for name in config.mapping("IndexConfigs") if config.flag("IndexConfigs", name, "Secure") is False]
    away = [one for one in [*networks, *names] if not one.startswith(_HERE)]
    if away:
        yield host.hit(f"trusts {listed(away)} without a valid certificate", "info", "RegistryConfig")
