"""`thwart fix`: the patch on standard output, what is written, what is refused."""

from __future__ import annotations

import json
import shutil
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT
from thwart.api import _fix_round
from thwart.api._fix import FixOptions, FixPlan, plan_fix
from thwart.api._fix_writing import write_plan
from thwart.cli import _command
from thwart.core.edit import Put
from thwart.core.finding import Fix
from thwart.core.report import Exception_, Policy

DIGEST = "sha256:" + "ab" * 32
POD = """\
# a pod
apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  containers:
    - name: web  # the only one
      image: registry.example.test/web:1.2
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pod.yaml").write_text(POD)
    return tmp_path


def run(capfdbinary: Any, *arguments: str) -> tuple[int, bytes, str]:
    code = _command("fix", list(arguments))
    out, err = capfdbinary.readouterr()
    return code, out, err.decode()


@pytest.mark.parametrize("tool", [["patch", "-p1"], ["git", "apply", "-"]])
def test_the_patch_is_all_of_standard_output_and_tools_take_it(
    tool: list[str], folder: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    code, out, err = run(capfdbinary, ".", "--unsafe-fixes", "--rule", "no-memory-limit")
    assert code == 1
    assert out.startswith(b"# closes no-memory-limit: ")
    assert b"container web of Pod web" in out
    assert "1 finding closed by changes of 1 file" in err
    assert (folder / "pod.yaml").read_text() == POD
    subprocess.run(tool, input=out, check=True, capture_output=True)
    fixed = (folder / "pod.yaml").read_text()
    assert fixed == POD + "      resources:\n        limits:\n          memory: 256Mi\n"
    assert run(capfdbinary, ".", "--unsafe-fixes", "--rule", "no-memory-limit")[:2] == (0, b"")


def test_apply_writes_what_the_patch_says_and_keeps_the_mode(
    folder: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    (folder / "pod.yaml").chmod(0o640)
    shown = run(capfdbinary, ".", "--unsafe-fixes")
    code, out, err = run(capfdbinary, ".", "--unsafe-fixes", "--apply")
    assert (code, out) == (0, shown[1])
    assert "written; next: thwart check ." in err
    assert stat.S_IMODE((folder / "pod.yaml").stat().st_mode) == 0o640
    assert [one.name for one in folder.iterdir()] == ["pod.yaml"]
    assert "# the only one" in (folder / "pod.yaml").read_text()
    assert run(capfdbinary, ".", "--unsafe-fixes")[:2] == (0, b"")


def test_unsafe_edits_are_made_only_when_asked_for(folder: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    code, out, err = run(capfdbinary, ".", "--rule", "no-memory-limit")
    assert (code, out) == (0, b"")
    assert "1 finding more with --unsafe-fixes: no-memory-limit" in err
    assert "nothing to fix" in err


def test_what_is_accepted_is_left_alone(folder: Path) -> None:
    policy = Policy(
        exceptions=(Exception_(id="no-memory-limit", reason="it is measured", owner="me", expires="2999-01-01"),)
    )
    options = FixOptions(unsafe=True, policy=policy, rules=frozenset({"no-memory-limit"}))
    plan = plan_fix(["."], options)
    assert plan == FixPlan(base=folder.resolve(), diagnostics=plan.diagnostics)


def test_digests_come_from_the_lock(folder: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    (folder / "Dockerfile").write_text("FROM registry.example.test/web:1.2 AS a\nFROM other.example.test/x:1\n")
    (folder / "lock").write_text(f"registry.example.test/web:1.2@{DIGEST}\n")
    _, out, _ = run(
        capfdbinary, ".", "--lock", "lock", "--rule", "image-without-digest", "--rule", "base-without-digest"
    )
    assert f"+      image: registry.example.test/web:1.2@{DIGEST}\n".encode() in out
    assert f"+FROM registry.example.test/web:1.2@{DIGEST} AS a\n".encode() in out
    assert b"-FROM other" not in out


def test_limits_come_from_what_was_observed(folder: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    (folder / "seen.json").write_text('{"web/web": {"memory": "200Mi"}}')
    arguments = ["pod.yaml", "--unsafe-fixes", "--observed", "seen.json", "--rule", "no-memory-limit"]
    assert b"+          memory: 200Mi\n" in run(capfdbinary, *arguments)[1]
    assert b"+          memory: 1Gi\n" in run(
        capfdbinary, "pod.yaml", "--unsafe-fixes", "--rule", "no-memory-limit", "--default-memory", "1Gi"
    )[1]  # fmt: skip


def test_limits_of_services_come_from_what_was_observed(
    folder: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    (folder / "compose.yaml").write_text("services:\n  web:\n    image: web:1\n  db:\n    image: db:1\n")
    (folder / "seen.json").write_text('{"web": {"memory": "200Mi", "cpu": "250m"}}')
    rules = ["--rule", "unlimited-memory", "--rule", "unlimited-cpu"]
    out = run(capfdbinary, "compose.yaml", "--unsafe-fixes", "--observed", "seen.json", *rules)[1]
    assert b"+    mem_limit: 200m\n" in out
    assert b"+    cpus: 0.25\n" in out
    assert out.count(b"+    mem_limit: ") == 2


def test_the_plan_as_json(folder: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    code, out, _ = run(capfdbinary, ".", "--unsafe-fixes", "-o", "json")
    plan = json.loads(out)
    assert code == 1
    assert plan["schema"] == "thwart-fix-v1"
    section = next(one for one in plan["sections"] if one["rule"] == "no-memory-limit")
    assert section["files"] == ["pod.yaml"]
    assert section["closes"][0]["subject"] == "container web of Pod web"
    assert section["patch"].startswith("--- a/pod.yaml\n+++ b/pod.yaml\n")
    assert {one["rule"] for one in plan["manual"]} >= {"image-without-digest"}


@pytest.mark.parametrize(
    ("arguments", "code", "word"),
    [
        (["-"], 2, "standard input"),
        (["."], 0, ""),
        (["missing.yaml"], 4, "cannot be read"),
        ([".", "--rule", "no-such-rule"], 2, "no rule no-such-rule"),
        ([".", "--lock", "missing"], 4, "cannot be read"),
        ([".", "--default-memory", "much"], 2, "no quantity"),
        ([".", "--intents", "pod.yaml"], 2, "--unsafe-fixes"),
    ],
)
def test_exit_codes(
    arguments: list[str], code: int, word: str, folder: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    found = run(capfdbinary, *arguments)
    assert found[0] == code
    assert word in found[2]


def test_what_cannot_be_read_makes_it_incomplete(folder: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    (folder / "pod.yaml").write_text("apiVersion: v1\nkind: Pod\na: [\n")
    code, out, err = run(capfdbinary, ".")
    assert (code, out) == (3, b"")
    assert "incomplete[unreadable]" in err


def test_a_link_out_of_the_folder_is_not_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inside, outside = tmp_path / "in", tmp_path / "out"
    inside.mkdir()
    outside.mkdir()
    (outside / "pod.yaml").write_text(POD)
    (inside / "pod.yaml").symlink_to(outside / "pod.yaml")
    monkeypatch.chdir(inside)
    assert plan_fix(["."], FixOptions(unsafe=True)).files == {}
    plan = plan_fix(["pod.yaml"], FixOptions(unsafe=True))
    assert [one.path for one in write_plan(plan, ["pod.yaml"])] == ["pod.yaml"]
    assert (outside / "pod.yaml").read_text() == POD


def test_a_file_with_two_names_is_written_once(folder: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    (folder / "a.yaml").symlink_to("pod.yaml")
    assert run(capfdbinary, ".", "pod.yaml", "--unsafe-fixes", "--apply")[0] == 0
    assert (folder / "a.yaml").is_symlink()
    assert (folder / "pod.yaml").read_text().count("memory: 256Mi") == 2


def test_a_file_that_changed_meanwhile_stays(folder: Path) -> None:
    plan = plan_fix(["."], FixOptions(unsafe=True))
    (folder / "pod.yaml").write_text("mine\n")
    assert "it changed" in write_plan(plan, ["."])[0].reason
    assert (folder / "pod.yaml").read_text() == "mine\n"
    assert [one.name for one in folder.iterdir()] == ["pod.yaml"]


def test_an_edit_that_brings_something_else_is_dropped_and_told(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bad = Put(pointer=("spec", "hostNetwork"), value=True)
    limit = Put(pointer=("spec", "containers", 0, "resources", "limits", "memory"), value="1Gi")
    monkeypatch.setattr(
        _fix_round.Round,
        "_fix",
        lambda _, finding: Fix(
            title="x", kind="edit", edits=(limit, bad) if finding.id == "no-memory-limit" else (limit,)
        ),
    )
    plan = plan_fix(["."], FixOptions(rules=frozenset({"no-memory-limit"})))
    assert plan.files == {}
    assert "it would bring host-" in plan.refused[0].reason


def test_an_edit_that_closes_nothing_is_dropped_and_told(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    useless = Fix(title="x", kind="edit", edits=(Put(pointer=("metadata", "labels", "a"), value="b"),))
    monkeypatch.setattr(_fix_round.Round, "_fix", lambda *_: useless)
    plan = plan_fix(["."], FixOptions(rules=frozenset({"no-memory-limit"})))
    assert plan.files == {}
    assert plan.refused[0].reason == "no-memory-limit is still found after it"


def test_edits_of_the_same_lines_are_made_in_rounds(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dockerfile = folder / "Dockerfile"
    dockerfile.write_text("FROM base.example.test/a:1\nRUN apt-get update && apt-get install curl\nUSER 10001\n")
    plan = plan_fix(["Dockerfile"], FixOptions(unsafe=True))
    fixed = plan.files["Dockerfile"][1].decode()
    assert "--no-install-recommends" in fixed
    assert " -y " in fixed
    assert "rm -rf /var/lib/apt/lists/*" in fixed


def test_policies_are_added_to_what_intents_need(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shop = tmp_path / "shop"
    shutil.copytree(ROOT / "examples" / "shop" / "deploy" / "kubernetes", shop)
    monkeypatch.chdir(tmp_path)
    intents = (ROOT / "examples" / "shop" / "intents.yaml").read_bytes()
    plan = plan_fix(
        ["shop"], FixOptions(unsafe=True, rules=frozenset({"ssh-port"}), intents=(("intents.yaml", intents),))
    )
    before, policies = plan.files["shop/networkpolicy-default-deny.yaml"]
    assert before is None
    assert b"kind: NetworkPolicy" in policies
    assert plan.files["shop/kustomization.yaml"][1].endswith(b"  - networkpolicy-default-deny.yaml\n")
    assert write_plan(plan, ["shop"]) == []
    again = plan_fix(
        ["shop"], FixOptions(unsafe=True, rules=frozenset({"ssh-port"}), intents=(("intents.yaml", intents),))
    )
    assert again.files == {}


def test_policies_that_are_not_proved_are_not_made(folder: Path) -> None:
    (folder / "pod.yaml").write_text(POD.replace("{name: web}", "{name: web, namespace: shop}"))
    intents = b"version: 1\nintents:\n  - name: nobody\n    allow: {from: shop/none, to: shop/web, ports: 80}\n"
    plan = plan_fix(["."], FixOptions(unsafe=True, rules=frozenset({"ssh-port"}), intents=(("i.yaml", intents),)))
    assert plan.files == {}
    assert "no network policies were made" in plan.diagnostics[-1].message


def test_the_shop_is_fixed_and_nothing_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(ROOT / "examples" / "shop", tmp_path / "shop", ignore=shutil.ignore_patterns("images*"))
    monkeypatch.chdir(tmp_path)
    for options in (FixOptions(), FixOptions(unsafe=True)):
        plan = plan_fix(["shop"], options)
        assert plan.refused == ()
        assert write_plan(plan, ["shop"]) == []
        assert plan_fix(["shop"], options).files == {}
