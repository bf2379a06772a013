"""Ports of Cilium's rules, and what else they ask of a connection (l4.go, rule_validation.go)."""

from __future__ import annotations

import pytest

from tests.unit.network.test_cilium_network_policy import into, out


@pytest.mark.parametrize(
    ("port", "found"),
    [
        ("{port: '80'}", {"TCP 80", "UDP 80", "SCTP 80"}),
        ("{port: '80', protocol: ANY}", {"TCP 80", "UDP 80", "SCTP 80"}),
        ("{port: '80', protocol: TCP}", {"TCP 80"}),
        ("{port: '0120', protocol: TCP}", {"TCP 80"}),  # octal
        ("{port: '0', protocol: UDP}", {"UDP 80", "UDP 443", "UDP 8080"}),
        ("{port: '80', endPort: 443, protocol: TCP}", {"TCP 80", "TCP 443"}),
        ("{port: '443', endPort: 80, protocol: TCP}", {"TCP 443"}),  # an end before the beginning is none
        ("{port: http}", {"TCP 8080"}),
        ("{port: HTTP, protocol: TCP}", {"TCP 8080"}),
        ("{port: http, protocol: UDP}", set()),
        ("{protocol: VRRP}", set()),
    ],
)
def test_ports(port: str, found: set[str]) -> None:
    world = into(f"[{{fromEntities: [all], toPorts: [{{ports: [{port}]}}]}}]")
    flows = [(protocol, number) for protocol in ("TCP", "UDP", "SCTP") for number in (80, 443, 8080)]
    assert {f"{p} {n}" for p, n in flows if world.allowed("b/web", "a/web", n, p)} == found


def test_a_range_behind_a_name_is_unknown() -> None:
    world = into("[{fromEntities: [all], toPorts: [{ports: [{port: http, protocol: TCP, endPort: 9000}]}]}]")
    found = [world.allowed("b/web", "a/web", port) for port in (8080, 8081, 9001)]
    assert found == [True, None, False]


def test_layer_7_is_an_annotated_allow() -> None:
    rules = "[{method: GET, path: /public}, {path: /a}, {host: x.test}, {}]"
    entry = f"{{ports: [{{port: '80', protocol: TCP}}], rules: {{http: {rules}}}}}"
    world = into(f"[{{fromEndpoints: [{{}}], toPorts: [{entry}, {{ports: [{{port: '81', protocol: TCP}}]}}]}}]")
    (reason,) = (one for one in world.answer("a/web", "a/db", 80).because if one.direction == "ingress")
    assert reason.text == "only HTTP GET /public or any method /a or any method any path of host x.test or 1 more"
    (plain,) = (one for one in world.answer("a/web", "a/db", 81).because if one.direction == "ingress")
    assert plain.text == ""


@pytest.mark.parametrize(
    ("entry", "note"),
    [
        (
            "{ports: [{port: '53'}], rules: {dns: [{matchPattern: '*.example.test'}]}}",
            "only DNS queries for *.example.test",
        ),
        ("{ports: [{port: '443', protocol: TCP}], serverNames: [a.test]}", "only TLS for a.test"),
        ("{ports: [{port: '443', protocol: TCP}], terminatingTLS: {secret: {name: s}}}", "TLS ends at Cilium's proxy"),
        ("{ports: [{port: '80'}], listener: {name: l, envoyConfig: {name: e}}}", "through the Envoy listener l"),
        ("{ports: [{port: '80', protocol: TCP}], rules: {kafka: [{}]}}", "only Kafka requests that its rules match"),
    ],
)
def test_notes(entry: str, note: str) -> None:
    world = out(f"[{{toEndpoints: [{{}}], toPorts: [{entry}]}}]")
    rules = [rule for one in world.world.policies for rule in one.egress]
    assert [rule.note for rule in rules] == [note]


def test_authentication() -> None:
    asks = into("[{fromEndpoints: [{}], authentication: {mode: required}}]")
    assert asks.allowed("a/web", "a/db") is True
    assert "only with mutual authentication" in {one.text for one in asks.answer("a/web", "a/db").because}
    fails = into("[{fromEndpoints: [{}], authentication: {mode: test-always-fail}}]")
    assert fails.allowed("a/web", "a/db") is None


def test_requirements_of_old_versions_are_unknown() -> None:
    world = into("[{fromEndpoints: [{matchLabels: {app: web}}]}, {fromRequires: [{matchLabels: {app: db}}]}]")
    assert world.allowed("a/web", "a/db") is None
    assert world.allowed("b/web", "a/db") is False
    assert into("[{fromEndpoints: [{}], fromRequires: []}]").allowed("a/web", "a/db") is True
