"""docs/reference/rule-coverage.md, from tools/data/rule-coverage.csv: what other tools check, and which rule answers it here."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from tools.generators import page, table

PATH = "docs/reference/rule-coverage.md"
DATA = Path(__file__).resolve().parent.parent / "data" / "rule-coverage.csv"
INTRODUCTION = (
    "What the tools of the field check of containers, merged where several check the same, and the "
    "[rule](rules.md) that answers it here, or why there is none. Checks of Terraform, Ansible, pipelines, source-control "
    "settings and secrets in files of any kind are not about containers and not on this page."
)
_FAMILIES = {
    "dockerfile": "Dockerfiles",
    "image": "Images",
    "compose": "Compose files and command lines",
    "runtime": "Running engines",
    "helm": "Helm charts",
    "kustomize": "Kustomizations",
    "k8s-pod": "Kubernetes: pods",
    "k8s-image": "Kubernetes: images",
    "k8s-sa": "Kubernetes: service accounts",
    "k8s-rbac": "Kubernetes: permissions",
    "k8s-net": "Kubernetes: network",
    "k8s-secret": "Kubernetes: secrets",
    "k8s-ns": "Kubernetes: namespaces",
    "k8s-hygiene": "Kubernetes: hygiene",
    "k8s-control": "Kubernetes: control plane",
    "k8s-attack": "Kubernetes: attacks",
}


class Row(NamedTuple):
    """A check of other tools: what it asks, who asks it, the rules that answer, and a remark or the reason for none."""

    canonical: str
    family: str
    check: str
    peers: tuple[str, ...]
    rules: tuple[str, ...]
    reason: str


def rows() -> list[Row]:
    """Every check, by family."""
    with DATA.open(encoding="utf-8", newline="") as file:
        found = [
            Row(
                one["canonical_id"],
                one["family"],
                one["check"],
                _words(one["peers"]),
                _words(one["rules"]),
                one["reason"],
            )
            for one in csv.DictReader(file)
        ]
    return sorted(found, key=lambda row: list(_FAMILIES).index(row.family))


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split(" ")) if text else ()


def generate() -> Iterator[tuple[str, bytes]]:
    """The page."""
    parts = []
    for family, members in groupby(rows(), key=lambda row: row.family):
        cells = [(row.check, ", ".join(row.peers), _answer(row)) for row in members]
        parts += [f"## {_FAMILIES[family]}", table(("check", "asked by", "answered by"), cells)]
    yield PATH, page("Coverage of rules", INTRODUCTION, *parts)


def _answer(row: Row) -> str:
    links = ", ".join(f"[{name}](rules.md#{name})" for name in row.rules)
    return f"{links}. {row.reason}" if links and row.reason else links or row.reason
