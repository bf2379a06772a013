"""`thwart net verify` from the outside: streams, formats, exit codes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.conftest import ROOT
from tests.unit.network.helpers import PODS, policy
from thwart.api.net import load_network
from thwart.api.net.verify import read_intents, verdict_formats, verify_network, write_verdict

HOLDS = "{name: db is kept, nothing-reaches: {to: a/db, but: a/web}}"
BREAKS = "{name: 'web <b>|is kept', why: 'it & it', deny: {from: outside, to: a/web, ports: http}}"
NOTHING = "{name: nobody, deny: {from: a/none, to: a/db}}"
RULES = policy("{podSelector: {matchLabels: {app: db}}, ingress: [{from: [{podSelector: {matchLabels: {app: web}}}]}]}")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "world").mkdir()
    (tmp_path / "world" / "world.yaml").write_text(PODS + RULES)
    return tmp_path


def verify(folder: Path, *intents: str, also: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    file = folder / "intents.yaml"
    file.write_text("version: 1\nintents:\n" + "".join(f"- {one}\n" for one in intents))
    command = [sys.executable, "-m", "thwart", "net", "verify", "--intents", str(file), *also, str(folder / "world")]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_exit_codes(folder: Path) -> None:
    assert verify(folder, HOLDS).returncode == 0
    assert verify(folder, HOLDS, BREAKS).returncode == 1
    empty = verify(folder, NOTHING)
    assert (empty.returncode, "from selects nothing" in empty.stdout) == (1, True)
    assert verify(folder, HOLDS, HOLDS).returncode == 2
    assert verify(folder, HOLDS, also=("-o", "sarif")).returncode == 2
    strange = "{apiVersion: crd.antrea.io/v1beta1, kind: NetworkPolicy, metadata: {name: x, namespace: b}}"
    (folder / "world" / "strange.yaml").write_text(strange)
    assert verify(folder, "{name: far, deny: {from: b/web, to: a/db}}").returncode == 0  # denied whatever it says
    assert verify(folder, "{name: near, allow: {from: b/web, to: a/web}}").returncode == 3
    assert verify(folder, "{name: near, allow: {from: b/web, to: a/web}}", BREAKS).returncode == 1
    (folder / "world" / "broken.yaml").write_text("a: b: c")
    unread = verify(folder, HOLDS)
    assert (unread.returncode, "not read" in unread.stdout) == (3, True)
    (folder / "none").mkdir()
    assert verify(folder / "none", HOLDS).returncode == 4


def test_mistakes_are_all_told_and_nothing_is_printed(folder: Path) -> None:
    done = verify(folder, "{name: a, deny: {from: x, to: any}}", "{name: b, denies: {}}")
    assert (done.returncode, done.stdout) == (2, "")
    errors = [line for line in done.stderr.splitlines() if line.startswith("error[intents]")]
    assert ["intents.yaml:3" in errors[0], "intents.yaml:4" in errors[1], len(errors)] == [True, True, 2]


def test_text_names_the_flow_and_its_reason(folder: Path) -> None:
    lines = verify(folder, HOLDS, BREAKS).stdout.splitlines()
    assert lines[0] == "held     db is kept"
    assert lines[1].startswith("broken   web <b>|is kept (")
    assert lines[2] == "  why it matters: it & it"
    assert lines[3] == "  203.0.113.1 -> a/Pod/web, TCP 8080 is allowed but must be denied"
    assert lines[-1] == "2 intents: 1 holds, 1 is broken"


def test_formats_in_files_at_once(folder: Path) -> None:
    outputs = [part for name in verdict_formats() for part in ("-o", f"{name}={folder / name}.out")]
    done = verify(folder, HOLDS, BREAKS, NOTHING, also=tuple(outputs))
    assert (done.returncode, done.stdout) == (1, "")
    document = json.loads((folder / "json.out").read_text())
    assert document["schema"] == "thwart-net-verify-v1"
    assert document["summary"] == {"intents": 3, "held": 1, "broken": 1, "empty": 1, "unknown": 0}
    flow = document["intents"][1]["flow"]
    assert (flow["src"], flow["dst"]["pod"], flow["port"]) == ({"ip": "203.0.113.1"}, "Pod/web", 8080)
    suite = ElementTree.fromstring((folder / "junit.out").read_text())[0]
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("3", "2", "0")
    assert [case.find("failure") is not None for case in suite] == [False, True, True]
    written = (folder / "markdown.out").read_text()
    assert "web &lt;b&gt;\\|is kept" in written
    assert "<b>" not in written
    assert verify(folder, HOLDS, also=("-o", "json", "-o", "junit")).returncode == 2


def test_a_flow_of_the_json_can_be_asked_again(folder: Path) -> None:
    verify(folder, BREAKS, also=("-o", f"json={folder / 'v.json'}"))
    flow = json.loads((folder / "v.json").read_text())["intents"][0]["flow"]
    question = json.dumps({key: flow[key] for key in ("src", "dst", "protocol", "port")})
    command = [sys.executable, "-m", "thwart", "net", "eval", str(folder / "world")]
    done = subprocess.run(command, input=question, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["allowed"] is flow["allowed"] is True


def test_names_of_strangers_do_no_harm(folder: Path) -> None:
    done = verify(folder, '{name: "\\e[31mred", deny: {from: a/web, to: a/db}}')
    assert "\x1b" not in done.stdout
    xml = verify(folder, '{name: "\\e[31m\\uFFFE]]>", deny: {from: a/web, to: a/db}}', also=("-o", "junit"))
    assert ElementTree.fromstring(xml.stdout)[0][0].get("name") == "\\x1b[31m\\ufffe]]>"


def test_the_same_input_gives_the_same_bytes_and_the_shop_its_flaws() -> None:
    path = str(ROOT / "examples" / "shop" / "intents.yaml")
    intents = read_intents([(path, Path(path).read_bytes())])
    verdicts = [verify_network(load_network([str(ROOT / "examples/shop/deploy/kubernetes")]), intents) for _ in "12"]
    for name in verdict_formats():
        assert write_verdict(verdicts[0], name) == write_verdict(verdicts[1], name)
    assert [outcome.intent.name for outcome in verdicts[0].outcomes if outcome.status == "held"] == [
        "the storefront reaches every backend",
        "backends do not call out",
        "the batch jobs do not reach the cloud's metadata",
    ]
    assert verdicts[0].count("broken") == len(intents) - 3
