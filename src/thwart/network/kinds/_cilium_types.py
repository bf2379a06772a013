"""The shapes of Cilium's policies, as its CRD schema has them.

Sources: cilium pkg/policy/api (rule.go, ingress.go, egress.go, l4.go, cidr.go, fqdn.go, icmp.go, service.go) and
pkg/k8s/apis/cilium.io/client/crds/v2. Null is as good as absent, as the API server prunes it; an empty list is not.
"""

from __future__ import annotations

from typing import Any

import msgspec

from thwart.network.selectors import LabelSelector


class Authentication(msgspec.Struct):
    """`authentication`."""

    mode: str | None = None


class CidrRule(msgspec.Struct, rename="camel"):
    """`fromCIDRSet[]` and `toCIDRSet[]`."""

    cidr: str | None = None
    cidr_group_ref: str | None = None
    cidr_group_selector: LabelSelector | None = None
    except_: list[str] | None = msgspec.field(default=None, name="except")


class Name(msgspec.Struct, rename="camel"):
    """`toFQDNs[]` and `rules.dns[]`."""

    match_name: str | None = None
    match_pattern: str | None = None


class ServiceRef(msgspec.Struct, rename="camel"):
    """`k8sService`."""

    service_name: str | None = None
    namespace: str | None = None


class ServiceSelector(msgspec.Struct):
    """`k8sServiceSelector`."""

    selector: LabelSelector | None = None
    namespace: str | None = None


class ToService(msgspec.Struct, rename="camel"):
    """`toServices[]`."""

    k8s_service: ServiceRef | None = msgspec.field(default=None, name="k8sService")
    k8s_service_selector: ServiceSelector | None = msgspec.field(default=None, name="k8sServiceSelector")


class Port(msgspec.Struct, rename="camel"):
    """`toPorts[].ports[]`; the port is always a string."""

    port: str | None = None
    end_port: int | None = None
    protocol: str | None = None


class Http(msgspec.Struct, rename="camel"):
    """`rules.http[]`."""

    method: str | None = None
    path: str | None = None
    host: str | None = None
    headers: list[str] | None = None
    header_matches: list[Any] | None = None


class Layer7(msgspec.Struct):
    """`rules`. Kafka and the generic kind are of Cilium before 1.19."""

    http: list[Http] | None = None
    dns: list[Name] | None = None
    kafka: list[Any] | None = None
    l7proto: str | None = None
    l7: list[Any] | None = None


class EnvoyConfig(msgspec.Struct):
    """`listener.envoyConfig`."""

    kind: str | None = None
    name: str | None = None


class Listener(msgspec.Struct, rename="camel"):
    """`toPorts[].listener`."""

    envoy_config: EnvoyConfig | None = None
    name: str | None = None
    priority: int | None = None


class Secret(msgspec.Struct):
    """`terminatingTLS.secret`."""

    name: str | None = None
    namespace: str | None = None


class Tls(msgspec.Struct):
    """`terminatingTLS` and `originatingTLS`."""

    secret: Secret | None = None


class PortRule(msgspec.Struct, rename="camel"):
    """`toPorts[]`."""

    ports: list[Port] | None = None
    terminating_tls: Tls | None = msgspec.field(default=None, name="terminatingTLS")
    originating_tls: Tls | None = msgspec.field(default=None, name="originatingTLS")
    server_names: list[str] | None = None
    listener: Listener | None = None
    rules: Layer7 | None = None


class IcmpField(msgspec.Struct):
    """`icmps[].fields[]`."""

    family: str | None = None
    type: int | str | None = None


class Icmp(msgspec.Struct):
    """`icmps[]`."""

    fields: list[IcmpField] | None = None


class PeerParts(msgspec.Struct, rename="camel"):
    """The peers of a rule in either direction, under one name each."""

    endpoints: list[LabelSelector] | None = None
    requires: list[LabelSelector] | None = None
    cidr: list[str] | None = None
    cidr_set: list[CidrRule] | None = None
    entities: list[str] | None = None
    groups: list[Any] | None = None
    nodes: list[LabelSelector] | None = None
    services: list[ToService] | None = None
    fqdns: list[Name] | None = None


class IngressRule(msgspec.Struct, rename="camel"):
    """`ingress[]` and `ingressDeny[]`."""

    from_endpoints: list[LabelSelector] | None = None
    from_requires: list[LabelSelector] | None = None
    from_cidr: list[str] | None = msgspec.field(default=None, name="fromCIDR")
    from_cidr_set: list[CidrRule] | None = msgspec.field(default=None, name="fromCIDRSet")
    from_entities: list[str] | None = None
    from_groups: list[Any] | None = None
    from_nodes: list[LabelSelector] | None = None
    to_ports: list[PortRule] | None = None
    icmps: list[Icmp] | None = None
    authentication: Authentication | None = None

    def peers(self) -> PeerParts:
        """The peers, under the names that both directions share."""
        return PeerParts(
            endpoints=self.from_endpoints,
            requires=self.from_requires,
            cidr=self.from_cidr,
            cidr_set=self.from_cidr_set,
            entities=self.from_entities,
            groups=self.from_groups,
            nodes=self.from_nodes,
        )


class EgressRule(msgspec.Struct, rename="camel"):
    """`egress[]` and `egressDeny[]`."""

    to_endpoints: list[LabelSelector] | None = None
    to_requires: list[LabelSelector] | None = None
    to_cidr: list[str] | None = msgspec.field(default=None, name="toCIDR")
    to_cidr_set: list[CidrRule] | None = msgspec.field(default=None, name="toCIDRSet")
    to_entities: list[str] | None = None
    to_groups: list[Any] | None = None
    to_nodes: list[LabelSelector] | None = None
    to_services: list[ToService] | None = None
    to_fqdns: list[Name] | None = msgspec.field(default=None, name="toFQDNs")
    to_ports: list[PortRule] | None = None
    icmps: list[Icmp] | None = None
    authentication: Authentication | None = None

    def peers(self) -> PeerParts:
        """The peers, under the names that both directions share."""
        return PeerParts(
            endpoints=self.to_endpoints,
            requires=self.to_requires,
            cidr=self.to_cidr,
            cidr_set=self.to_cidr_set,
            entities=self.to_entities,
            groups=self.to_groups,
            nodes=self.to_nodes,
            services=self.to_services,
            fqdns=self.to_fqdns,
        )


class DefaultDeny(msgspec.Struct):
    """`enableDefaultDeny`."""

    ingress: bool | None = None
    egress: bool | None = None


class Spec(msgspec.Struct, rename="camel"):
    """`spec`, and each of `specs`."""

    endpoint_selector: LabelSelector | None = None
    node_selector: LabelSelector | None = None
    enable_default_deny: DefaultDeny | None = None
    ingress: list[IngressRule] | None = None
    ingress_deny: list[IngressRule] | None = None
    egress: list[EgressRule] | None = None
    egress_deny: list[EgressRule] | None = None


class CidrGroup(msgspec.Struct):
    """`spec` of a CiliumCIDRGroup."""

    external_cidrs: list[str] | None = msgspec.field(default=None, name="externalCIDRs")
