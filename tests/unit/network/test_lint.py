"""Each check on a world that has the defect, and on its neighbour that has not."""

from __future__ import annotations

import pytest

from tests.unit.network.helpers import PODS, cluster_policy, policy, world_of
from thwart.core.advisory import Severity
from thwart.network.engine import Model
from thwart.network.lint import MEMBERS, Finding, lint
from thwart.network.lint._near import nearest

DENY = policy("{podSelector: {}, policyTypes: [Ingress, Egress]}", "deny")
DENY_B = policy("{podSelector: {}, policyTypes: [Ingress, Egress]}", "deny", "b")
DNS = policy("{podSelector: {}, policyTypes: [Egress], egress: [{ports: [{protocol: UDP, port: 53}]}]}", "dns")
HOSTED = """---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: agent, namespace: a}
spec: {template: {metadata: {labels: {app: agent}}, spec: {hostNetwork: true, containers: [{}]}}}
"""
KUBE_DNS = """---
{apiVersion: v1, kind: Pod, metadata: {name: coredns, namespace: kube-system, labels: {k8s-app: kube-dns}},
 spec: {containers: [{ports: [{name: dns, containerPort: 53, protocol: UDP}]}]}}
"""


def found(*parts: str, check: str = "", tenant_label: str = "") -> list[Finding]:
    world = world_of(PODS + "".join(parts))
    assert world.refused == (), world.refused
    only = (check,) if check else ()
    findings = lint(Model(world), tenant_label=tenant_label, only=only)
    assert all(finding.severity <= MEMBERS.load()[finding.check].severity for finding in findings)
    return list(findings)


def one(check: str, *parts: str, tenant_label: str = "") -> Finding:
    """The only finding of a check."""
    findings = found(*parts, check=check, tenant_label=tenant_label)
    assert len(findings) == 1, findings
    assert findings[0].check == check
    return findings[0]


def none(check: str, *parts: str, tenant_label: str = "") -> None:
    assert found(*parts, check=check, tenant_label=tenant_label) == []


def ingress(*rules: str, name: str = "p", select: str = "{}") -> str:
    return policy(f"{{podSelector: {select}, policyTypes: [Ingress], ingress: [{', '.join(rules)}]}}", name)


def egress(*rules: str, name: str = "p", select: str = "{}") -> str:
    return policy(f"{{podSelector: {select}, policyTypes: [Egress], egress: [{', '.join(rules)}]}}", name)


WEB = "{from: [{podSelector: {matchLabels: {app: web}}}]}"
ANY_POD = "{from: [{podSelector: {}}]}"


# --- redundancy -------------------------------------------------------------------------------------------------------


def test_a_rule_that_a_wider_one_covers_is_redundant_and_the_wider_one_is_named() -> None:
    finding = one("redundant-rule", ingress(WEB, ANY_POD))
    assert "ingress rule 1 changes no answer" in finding.sentence
    assert "ingress rule 2 of NetworkPolicy a/p" in finding.sentence
    assert finding.place.what == "NetworkPolicy a/p"
    assert (finding.place.path, finding.place.line) == ("w.yaml", finding.others[0].line)
    assert finding.severity is Severity.LOW


def test_several_rules_together_can_cover_one() -> None:
    both = ingress(WEB, "{from: [{podSelector: {matchLabels: {app: db}}}]}", ANY_POD)
    findings = found(both, check="redundant-rule")
    assert len(findings) == 2  # the narrow ones, as the wide one does what both do; never all three
    assert all("rule 3" in finding.sentence for finding in findings)


def test_of_two_equal_rules_only_the_later_one_is_redundant() -> None:
    finding = one("redundant-rule", ingress(WEB, name="p1"), ingress(WEB, "{ports: [{port: 1}]}", name="p2"))
    assert finding.place.what == "NetworkPolicy a/p2"


def test_a_rule_with_a_port_more_is_not_redundant() -> None:
    none("redundant-rule", ingress("{from: [{podSelector: {}}], ports: [{port: 80}]}", WEB))


def test_equal_policies_are_duplicates_and_their_rules_are_not_told_again() -> None:
    finding = one("duplicate-policy", ingress(WEB, name="p1"), ingress(WEB, name="p2"))
    assert finding.place.what == "NetworkPolicy a/p2"
    assert finding.others[0].what == "NetworkPolicy a/p1"
    none("redundant-rule", ingress(WEB, name="p1"), ingress(WEB, name="p2"))
    none("duplicate-policy", ingress(WEB, name="p1"), ingress(ANY_POD, name="p2"))


def test_a_rule_that_the_other_end_stops_is_one_sided() -> None:
    into_db = ingress(WEB, name="db", select="{matchLabels: {app: db}}")
    shut = egress(name="shut", select="{matchLabels: {app: web}}")
    finding = one("one-sided-rule", into_db, shut)
    assert finding.place.what == "NetworkPolicy a/db"
    assert finding.example.startswith("a/web -> a/db")
    assert [other.what for other in finding.others] == ["NetworkPolicy a/shut"]
    none("one-sided-rule", into_db)
    none(
        "one-sided-rule", into_db, egress("{to: [{podSelector: {}}]}", name="shut", select="{matchLabels: {app: web}}")
    )


def test_egress_can_be_one_sided_too() -> None:
    out = egress("{to: [{podSelector: {matchLabels: {app: db}}}]}", name="out", select="{matchLabels: {app: web}}")
    shut = ingress(name="shut", select="{matchLabels: {app: db}}")
    assert one("one-sided-rule", out, shut).sentence == (
        "egress rule 1 allows egress that the ingress of every destination forbids"
    )


# --- tiers --------------------------------------------------------------------------------------------------------------

ALL = "[{namespaces: {}}]"


def admin(*rules: str, priority: int = 5, tier: str = "Admin", name: str = "c") -> str:
    spec = f"{{tier: {tier}, priority: {priority}, subject: {{namespaces: {{}}}}, ingress: [{', '.join(rules)}]}}"
    return cluster_policy(spec, name)


def test_a_deny_that_an_earlier_accept_shadows_is_severe() -> None:
    finding = one("shadowed-rule", admin(f"{{action: Accept, from: {ALL}}}", f"{{action: Deny, from: {ALL}}}"))
    assert finding.severity is Severity.HIGH
    assert "ingress rule 2 (deny) is never reached" in finding.sentence
    first, second = (
        admin(f"{{action: Accept, from: {ALL}}}"),
        admin(f"{{action: Deny, from: {ALL}}}", priority=6, name="d"),
    )
    assert one("shadowed-rule", first, second).place.what == "ClusterNetworkPolicy d"
    none(
        "shadowed-rule",
        admin(f"{{action: Accept, from: {ALL}, protocols: [{{tcp: {{destinationPort: {{number: 1}}}}}}]}}"),
        second,
    )


def test_equal_priorities_that_disagree_are_told_and_agreeing_ones_are_not() -> None:
    accept, deny = f"{{action: Accept, from: {ALL}}}", f"{{action: Deny, from: {ALL}}}"
    finding = one("equal-priority", admin(accept), admin(deny, name="d"))
    assert finding.severity is Severity.HIGH
    assert "ClusterNetworkPolicy c" in finding.sentence
    assert finding.example
    none("equal-priority", admin(accept), admin(accept, name="d"))
    none("equal-priority", admin(accept), admin(deny, name="d", priority=6))
    # an earlier policy decides what they disagree on
    none("equal-priority", admin(deny, name="first", priority=1), admin(accept), admin(deny, name="d"))


def test_a_rule_that_the_admin_tier_overrules_is_dead_or_partly_so() -> None:
    deny_b = "{action: Deny, from: [{namespaces: {matchLabels: {team: blue}}}]}"
    from_b = "{from: [{namespaceSelector: {matchLabels: {team: blue}}}]}"
    finding = one("overruled-policy", admin(deny_b), ingress(from_b))
    assert finding.severity is Severity.MEDIUM
    assert "nothing of it is left" in finding.sentence
    part = one("overruled-policy", admin(deny_b), ingress("{from: [{namespaceSelector: {}}]}"))
    assert part.severity is Severity.LOW
    none("overruled-policy", admin("{action: Pass, from: [{namespaces: {}}]}", deny_b), ingress(from_b))


def test_isolation_that_the_admin_tier_overrules_is_told() -> None:
    accept = f"{{action: Accept, from: {ALL}}}"
    finding = one("overruled-isolation", admin(accept), DENY)
    assert finding.place.what == "ClusterNetworkPolicy c"
    assert finding.others[0].what == "NetworkPolicy a/deny"
    none("overruled-isolation", admin(accept), ingress("{}"))
    none("overruled-isolation", admin(accept, tier="Baseline"), DENY)


# --- what selects or matches nothing ----------------------------------------------------------------------------------


def test_a_policy_that_selects_nothing_says_what_was_probably_meant() -> None:
    finding = one("policy-selects-nothing", ingress(WEB, select="{matchLabels: {app: wbe}}"))
    assert finding.severity is Severity.HIGH
    assert "did you mean app=web" in finding.sentence
    key = one("policy-selects-nothing", ingress(WEB, select="{matchLabels: {apps: web}}"))
    assert "did you mean app=web" in key.sentence
    far = one("policy-selects-nothing", ingress(WEB, select="{matchLabels: {app: elasticsearch}}"))
    assert far.severity is Severity.MEDIUM
    assert "did you mean" not in far.sentence
    none("policy-selects-nothing", DENY, policy("{podSelector: {matchLabels: {app: x}}}", "q", "empty"))


def test_a_policy_over_pods_of_the_hosts_network_cannot_hold() -> None:
    finding = one("policy-cannot-hold", HOSTED, ingress(WEB, select="{matchLabels: {app: agent}}"))
    assert "a/agent" in finding.sentence
    none("policy-selects-nothing", HOSTED, ingress(WEB, select="{matchLabels: {app: agent}}"))
    none("policy-cannot-hold", HOSTED, DENY)


def test_a_namespace_that_was_not_read_is_told_with_its_neighbour() -> None:
    near = one("policy-in-missing-namespace", "---\n{apiVersion: v1, kind: Namespace, metadata: {name: shop}}\n",
               policy("{podSelector: {}}", "p", "shpo"))  # fmt: skip
    assert "did you mean shop" in near.sentence
    none("policy-in-missing-namespace", policy("{podSelector: {}}", "p", "kube-system"), DENY)


@pytest.mark.parametrize(
    ("peer", "meant", "severity"),
    [
        ("{podSelector: {matchLabels: {app: wbe}}}", "app=web", Severity.MEDIUM),
        ("{namespaceSelector: {matchLabels: {team: bleu}}}", "team=blue", Severity.MEDIUM),
        ("{namespaceSelector: {matchLabels: {teem: blue}}}", "team=blue", Severity.MEDIUM),
        ("{podSelector: {matchLabels: {app: elasticsearch}}}", "", Severity.LOW),
    ],
)
def test_a_peer_that_matches_nothing_is_told(peer: str, meant: str, severity: Severity) -> None:
    finding = one("peer-matches-nothing", ingress(f"{{from: [{peer}]}}"))
    assert finding.severity is severity
    assert (f"did you mean {meant}" in finding.sentence) is bool(meant)


def test_peers_of_the_platform_are_no_news_where_only_an_application_was_read() -> None:
    in_system = "{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: kube-system}}}"
    anywhere = "{namespaceSelector: {}, podSelector: {matchLabels: {k8s-app: kube-dns}}}"
    none("peer-matches-nothing", egress(f"{{to: [{in_system}, {anywhere}]}}"))
    whole = one(
        "peer-matches-nothing",
        KUBE_DNS,
        egress("{to: [{namespaceSelector: {}, podSelector: {matchLabels: {k8s-app: gone}}}]}"),
    )
    assert whole.severity is Severity.MEDIUM


def test_two_peers_where_one_was_meant_are_told() -> None:
    there = "{namespaceSelector: {matchLabels: {team: blue}}}"
    finding = one("or-instead-of-and", ingress(f"{{from: [{there}, {{podSelector: {{matchLabels: {{app: web}}}}}}]}}"))
    assert finding.severity is Severity.LOW  # there are such pods here as well: it may be meant
    only_there = "---\n{apiVersion: v1, kind: Pod, metadata: {name: q, namespace: b, labels: {app: api}}, spec: {}}\n"
    sure = one(
        "or-instead-of-and", only_there, ingress(f"{{from: [{there}, {{podSelector: {{matchLabels: {{app: api}}}}}}]}}")
    )
    assert sure.severity is Severity.HIGH
    none("or-instead-of-and", ingress("{from: [{namespaceSelector: {matchLabels: {team: blue}}, podSelector: {}}]}"))


def test_a_peer_that_another_one_holds_is_told() -> None:
    finding = one("redundant-peer", ingress("{from: [{podSelector: {matchLabels: {app: web}}}, {podSelector: {}}]}"))
    assert finding.sentence == "peer 1 of ingress rule 1 adds nothing to peer 2"
    none(
        "redundant-peer",
        ingress("{from: [{podSelector: {matchLabels: {app: web}}}, {podSelector: {matchLabels: {app: db}}}]}"),
    )


def test_names_of_ports_that_nobody_has_are_told() -> None:
    assert "did you mean http" in one("unknown-port-name", ingress("{ports: [{port: htpt}]}")).sentence
    wrong = one("unknown-port-name", ingress("{ports: [{port: dns}]}", select="{matchLabels: {app: web}}"))
    assert "it is UDP there, not TCP" in wrong.sentence
    assert wrong.fix == "write protocol: UDP"
    none("unknown-port-name", ingress("{ports: [{port: http}, {port: dns, protocol: UDP}]}"))
    to_block = one("unknown-port-name", egress("{to: [{ipBlock: {cidr: 192.0.2.0/24}}], ports: [{port: http}]}"))
    assert to_block.fix == "write the number"


# --- what is open -----------------------------------------------------------------------------------------------------


def test_egress_without_dns_is_told_and_silence_is_not() -> None:
    to_b = "{to: [{namespaceSelector: {matchLabels: {team: blue}}}], ports: [{port: 443}]}"
    finding = one("egress-without-dns", egress(to_b))
    assert finding.severity is Severity.MEDIUM
    assert "k8s-app: kube-dns" in finding.snippet
    none("egress-without-dns", egress(to_b), DNS)
    none("egress-without-dns", egress())  # nothing may be reached, so that no name is needed
    none("egress-without-dns", egress(to_b, "{to: [{namespaceSelector: {}}], ports: [{port: 53, protocol: UDP}]}"))
    here = "{to: [{podSelector: {}}]}"  # every port, but of this namespace
    assert one("egress-without-dns", egress(here)).severity is Severity.MEDIUM
    block = one("egress-without-dns", egress("{to: [{ipBlock: {cidr: 10.0.0.0/8}}]}"))
    assert block.severity is Severity.LOW


def test_name_servers_that_were_read_are_asked_for_themselves() -> None:
    right = "{to: [{namespaceSelector: {}, podSelector: {matchLabels: {k8s-app: kube-dns}}}], ports: [{port: 53, protocol: UDP}]}"
    wrong = right.replace("kube-dns", "coredns")
    none("egress-without-dns", KUBE_DNS, egress(right))
    assert one("egress-without-dns", KUBE_DNS, egress(wrong)).severity is Severity.MEDIUM
    named = right.replace("port: 53", "port: dns")
    none("egress-without-dns", KUBE_DNS, egress(named))


def test_namespaces_without_a_default_and_workloads_without_a_policy() -> None:
    findings = found(check="namespace-without-default-deny")
    assert [finding.what for finding in findings] == ["Namespace a", "Namespace b"]
    none("namespace-without-default-deny", DENY, DENY_B)
    low = one("namespace-without-default-deny", policy("{podSelector: {}}", "in"), DENY_B)
    assert low.severity is Severity.LOW
    assert "egress" in low.sentence
    missed = one("workload-without-policy", ingress(WEB, select="{matchLabels: {app: db}}"))
    assert "a/web" in missed.sentence
    none("workload-without-policy", DENY, ingress(WEB, select="{matchLabels: {app: db}}"))
    none("workload-without-policy")


def test_a_baseline_for_the_cluster_is_a_default() -> None:
    both = (
        f"{{tier: Baseline, priority: 1, subject: {{namespaces: {{}}}}, ingress: [{{action: Deny, from: {ALL}}}], "
        f"egress: [{{action: Deny, to: {ALL}}}]}}"
    )
    none("namespace-without-default-deny", cluster_policy(both))
    none("workload-without-policy", cluster_policy(both))


def test_the_whole_world_and_everything() -> None:
    every = one("open-to-the-world", ingress("{from: [{ipBlock: {cidr: 0.0.0.0/0, except: [10.0.0.0/8]}}]}"))
    assert every.severity is Severity.MEDIUM
    door = one("open-to-the-world", ingress("{from: [{ipBlock: {cidr: '::/0'}}], ports: [{port: 443}]}"))
    assert door.severity is Severity.LOW
    assert "TCP 443" in door.sentence
    none("open-to-the-world", ingress("{from: [{ipBlock: {cidr: 10.0.0.0/8}}]}"))
    assert one("allow-all", ingress("{}")).severity is Severity.MEDIUM
    assert one("allow-all", egress("{}")).severity is Severity.LOW
    none("allow-all", ingress("{ports: [{port: 80}]}"))


def test_the_metadata_service_must_be_excepted() -> None:
    finding = one("metadata-service", egress("{to: [{ipBlock: {cidr: 0.0.0.0/0}}]}"))
    assert finding.fix == "add 169.254.169.254/32 to its except"
    none("metadata-service", egress("{to: [{ipBlock: {cidr: 0.0.0.0/0, except: [169.254.0.0/16]}}]}"))
    none("metadata-service", egress("{to: [{ipBlock: {cidr: 0.0.0.0/0}}], ports: [{port: 443}]}"))
    none("metadata-service", egress("{to: [{ipBlock: {cidr: 169.254.169.254/32}}]}"))  # asked for by name
    none("metadata-service", ingress("{from: [{ipBlock: {cidr: 0.0.0.0/0}}]}"))


def test_blocks_that_hold_pods() -> None:
    finding = one("block-holds-pods", egress("{to: [{ipBlock: {cidr: 10.0.0.0/16}}]}"))
    assert "a/db, a/web" in finding.sentence
    none("block-holds-pods", egress("{to: [{ipBlock: {cidr: 10.0.0.0/16, except: [10.0.0.0/23]}}]}"))
    none("block-holds-pods", egress("{to: [{ipBlock: {cidr: 0.0.0.0/0}}]}"))


def test_exceptions_that_are_given_back() -> None:
    hole = "{ipBlock: {cidr: 10.0.0.0/8, except: [10.96.0.0/12]}}"
    finding = one("except-without-effect", egress(f"{{to: [{hole}, {{ipBlock: {{cidr: 0.0.0.0/0}}}}]}}"))
    assert "except 10.96.0.0/12 has no effect" in finding.sentence
    none("except-without-effect", egress(f"{{to: [{hole}, {{ipBlock: {{cidr: 192.0.2.0/24}}}}]}}"))
    other = egress("{to: [{ipBlock: {cidr: 10.96.0.0/11}}]}", name="other")
    assert "rule 1 of other" in one("except-without-effect", egress(f"{{to: [{hole}]}}"), other).sentence
    narrow = egress("{to: [{ipBlock: {cidr: 10.96.0.0/11}}], ports: [{port: 53}]}", name="other")
    none("except-without-effect", egress(f"{{to: [{hole}]}}"), narrow)
    some = egress("{to: [{ipBlock: {cidr: 10.96.0.0/11}}]}", name="other", select="{matchLabels: {app: db}}")
    none("except-without-effect", egress(f"{{to: [{hole}]}}"), some)


def test_tenants_that_reach_each_other() -> None:
    findings = found(check="tenants-not-isolated", tenant_label="team")
    assert [finding.sentence for finding in findings] == [
        "tenant blue reaches tenant red",
        "tenant red reaches tenant blue",
    ]
    assert all(finding.severity is Severity.HIGH for finding in findings)
    none("tenants-not-isolated", DENY, tenant_label="team")  # neither in nor out
    half = one(
        "tenants-not-isolated",
        policy("{podSelector: {}, ingress: [{from: [{podSelector: {}}]}]}", "in"),
        tenant_label="team",
    )
    assert half.sentence == "tenant red reaches tenant blue"
    none("tenants-not-isolated")
    none("tenants-not-isolated", tenant_label="owner")


@pytest.mark.parametrize(
    ("spec", "sentence"),
    [
        ("{podSelector: {}, egress: []}", "egress is not isolated"),
        ("{podSelector: {}, egress: [{ports: [{port: 1}]}]}", "all ingress of the selected pods is denied too"),
        ("{podSelector: {}, policyTypes: [Ingress], egress: [{}]}", "its egress rules are ignored"),
        ("{podSelector: {}, policyTypes: [Egress], ingress: [{}], egress: []}", "its ingress rules are ignored"),
    ],
)
def test_policy_types_that_surprise(spec: str, sentence: str) -> None:
    assert sentence in one("policy-types", policy(spec)).sentence


@pytest.mark.parametrize(
    "spec",
    [
        "{podSelector: {}}",
        "{podSelector: {}, policyTypes: [Egress], egress: []}",
        "{podSelector: {}, policyTypes: [Ingress, Egress]}",
        "{podSelector: {}, ingress: [], egress: [{}]}",
    ],
)
def test_policy_types_that_say_what_is_meant(spec: str) -> None:
    none("policy-types", policy(spec))


def test_labels_that_owners_could_set() -> None:
    finding = one("settable-namespace-label", ingress("{from: [{namespaceSelector: {matchLabels: {team: blue}}}]}"))
    assert "team" in finding.sentence
    none(
        "settable-namespace-label",
        ingress("{from: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: b}}}]}"),
    )
    none("settable-namespace-label", ingress("{from: [{namespaceSelector: {}}]}"))


# --- all of them ------------------------------------------------------------------------------------------------------


def test_good_manifests_have_no_findings() -> None:
    good = (
        DENY,
        DENY_B,
        policy("{podSelector: {matchLabels: {app: db}}, policyTypes: [Ingress], "
               "ingress: [{from: [{podSelector: {matchLabels: {app: web}}}], ports: [{port: http}]}]}", "db"),
        policy("{podSelector: {matchLabels: {app: web}}, policyTypes: [Egress], "
               "egress: [{to: [{podSelector: {matchLabels: {app: db}}}], ports: [{port: http}]}]}", "web"),
        policy("{podSelector: {}, policyTypes: [Egress], egress: [{to: [{namespaceSelector: {matchLabels: "
               "{kubernetes.io/metadata.name: kube-system}}, podSelector: {matchLabels: {k8s-app: kube-dns}}}], "
               "ports: [{port: 53, protocol: UDP}, {port: 53, protocol: TCP}]}]}", "dns"),
    )  # fmt: skip
    assert found(*good, tenant_label="team") == []


def test_findings_are_sorted_and_each_is_told_once() -> None:
    findings = found(ingress(WEB, ANY_POD, "{}"), egress("{to: [{ipBlock: {cidr: 0.0.0.0/0}}]}", name="q"))
    assert len(findings) == len(set(findings)) > 4
    assert findings == sorted(findings, key=lambda f: (f.place.path, f.place.line, f.check, f.what, f.sentence))


def test_worlds_without_policies_or_without_pods_do_not_break_any_check() -> None:
    for text in (
        "{apiVersion: v1, kind: Namespace, metadata: {name: a}}",
        policy("{podSelector: {matchLabels: {a: b}}}"),
        PODS,
    ):
        lint(Model(world_of(text)), tenant_label="team")


def test_every_check_explains_itself() -> None:
    for slug, check in MEMBERS.load().items():
        assert check.slug == slug
        assert len(check.explanation) > 80, slug
        assert check.title.endswith((".", "?")), slug


def test_words_that_are_near() -> None:
    assert nearest("payment", ["payments", "checkout"]) == "payments"
    assert nearest("forntend", ["frontend", "backend"]) == "frontend"
    assert nearest("web", ["api", "db"]) == ""
    assert nearest("v1", ["v2"]) == "v2"
    assert nearest("x", ["y"]) == ""
    assert nearest("payments", ["payments"]) == ""
