"""Flows that policies allow and intents forbid, as `net watch` tells them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.unit.network.helpers import PODS
from thwart.cli import main

INTENTS = """version: 1
intents:
  - name: db is for web of a
    only: {from: a/web, to: a/db, ports: 80}
  - name: no internet
    no-internet-egress: {from: {namespace: a}}
  - name: some backend is closed
    deny: {from: b/web, to: {some: {namespace: a}}}
  - name: web of b is reached
    allow: {from: a/web, to: b/web}
"""
SEEN = """source,destination,protocol,port
a/web,a/db,TCP,80
b/web,a/db,TCP,80
b/web,a/db,TCP,81
a/db,8.8.8.8,TCP,443
8.8.8.8,a/db,TCP,80
a/web,b/web,TCP,1
"""


def test_flows_that_intents_forbid_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = {"pods.yaml": PODS, "intents.yaml": INTENTS, "seen.csv": SEEN}
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    intents, seen, pods = (str(tmp_path / name) for name in ("intents.yaml", "seen.csv", "pods.yaml"))
    assert main(["net", "watch", "--intents", intents, "--flows", seen, pods]) == 1
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    told = [(one["log_line"], one["message"]) for one in events if one.get("kind") == "forbidden"]
    assert [(line, message.split("'")[1]) for line, message in told] == [
        (3, "db is for web of a"),
        (5, "no internet"),
        (6, "db is for web of a"),
    ]
    assert f"({intents}:3)" in told[0][1]


def test_a_mistake_in_the_intents_stops_the_watch(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "pods.yaml").write_text(PODS)
    (tmp_path / "intents.yaml").write_text("version: 1\nintents: [{name: x, denny: {}}]\n")
    paths = [str(tmp_path / name) for name in ("intents.yaml", "pods.yaml", "pods.yaml")]
    assert main(["net", "watch", "--intents", paths[0], "--flows", paths[1], paths[2]]) == 2
    assert "intents.yaml:2" in capsys.readouterr().err
