"""`thwart fix` and vulnerable packages: which version is chosen, what is written, what is left and why."""

from __future__ import annotations

import io
import json
import zipfile
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from thwart.advisories.build import build
from thwart.api import _fix_packages
from thwart.api._fix import FixOptions, FixPlan, plan_fix
from thwart.api._fix_writing import write_plan
from thwart.cli import _command
from thwart.core.errors import UsageError
from thwart.core.report import Exception_, Policy

TODAY = date(2026, 1, 1)


def osv(name: str, ecosystem: str, package: str, *spans: tuple[str, str]) -> dict[str, Any]:
    """A record with ranges (introduced, fixed)."""
    events = [
        {"introduced": one} if key == 0 else {"fixed": one} for span in spans for key, one in enumerate(span) if one
    ]
    affected = [
        {"package": {"name": package, "ecosystem": ecosystem}, "ranges": [{"type": "ECOSYSTEM", "events": events}]}
    ]
    word = {"database_specific": {"severity": "HIGH"}}
    return {"id": name, "modified": "2025-12-31T00:00:00Z", "affected": affected, **word}


RECORDS = [
    osv("GHSA-0001", "PyPI", "foo", ("0", "1.2.7")),
    osv("GHSA-0002", "PyPI", "foo", ("0", "2.0.0")),
    osv("GHSA-0003", "PyPI", "steps", ("0", "1.1")),
    osv("GHSA-0004", "PyPI", "steps", ("1.1", "1.2")),  # the first fix has a defect of its own
    osv("GHSA-0005", "PyPI", "trap", ("0", "1.1")),
    osv("GHSA-0006", "PyPI", "trap", ("1.1", "")),
    osv("GHSA-0007", "npm", "direct", ("0", "1.0.5")),
    osv("GHSA-0008", "npm", "deep", ("0", "1.0.5")),
    osv("GHSA-0009", "Maven", "g:a", ("0", "1.0.5")),
    osv("GHSA-0010", "Maven", "g:b", ("0", "1.0.3")),
    osv("GHSA-0011", "Maven", "g:c", ("1.0.5", "")),
    osv("GHSA-0012", "Go", "example.test/foo", ("0", "1.0.5")),
]  # fmt: skip


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("db")
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w") as archive:
        for record in RECORDS:
            archive.writestr(f"{record['id']}.json", json.dumps(record))
    (folder / "all.zip").write_bytes(whole.getvalue())
    build([folder / "all.zip"], folder / "db", today=TODAY)
    return folder / "db"


class Plans:
    """Makes plans of the present folder."""

    def __init__(self, folder: Path, database: Path) -> None:
        self.folder = folder
        self.database = database

    def write(self, **files: str) -> None:
        for name, content in files.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)

    def __call__(self, *paths: str, **options: Any) -> FixPlan:
        return plan_fix(paths or (".",), FixOptions(database=self.database, today=TODAY, **options))


@pytest.fixture
def plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, database: Path) -> Plans:
    monkeypatch.chdir(tmp_path)
    return Plans(tmp_path, database)


def after(plan: FixPlan, path: str) -> str:
    return plan.files[path][1].decode()


def ids(findings: Any) -> list[str]:
    return sorted(one.id for one in findings)


def test_the_safe_step_is_made_and_the_rest_waits(plan: Plans) -> None:
    plan.write(**{"requirements.txt": "foo==1.2.3  # why\nbar==1\n"})
    made = plan()
    assert after(made, "requirements.txt") == "foo==1.2.7  # why\nbar==1\n"
    assert [one.title for one in made.sections] == ["upgrade foo 1.2.3 to 1.2.7"]
    assert ids(made.sections[0].findings) == ["GHSA-0001"]
    assert ids(made.unsafe) == ["GHSA-0002"]
    assert b"# closes vulnerable-package: upgrade foo 1.2.3 to 1.2.7\n#   GHSA-0001 (high)\n" in made.patch


def test_the_unsafe_step_closes_all(plan: Plans) -> None:
    plan.write(**{"requirements.txt": "foo==1.2.3\n"})
    made = plan(unsafe=True)
    assert after(made, "requirements.txt") == "foo==2.0.0\n"
    assert ids(made.sections[0].findings) == ["GHSA-0001", "GHSA-0002"]
    assert write_plan(made, ["."]) == []
    assert not plan(unsafe=True).files


def test_a_fix_with_a_defect_of_its_own_is_passed_over(plan: Plans) -> None:
    plan.write(**{"requirements.txt": "steps==1.0\ntrap==1.0\n"})
    made = plan()
    assert after(made, "requirements.txt") == "steps==1.2\ntrap==1.0\n"
    assert [(one.finding.id, "GHSA-0006" in one.reason) for one in made.refused] == [("GHSA-0005", True)]


def test_what_is_accepted_is_left_alone(plan: Plans) -> None:
    plan.write(**{"requirements.txt": "foo==1.2.3\n"})
    accepted = Exception_(id="GHSA-0001", reason="nobody calls it", owner="a@example.test", expires="2027-01-01")
    made = plan(policy=Policy(exceptions=(accepted,)))
    assert not made.files
    assert ids(made.unsafe) == ["GHSA-0002"]


def test_rules_choose_by_advisory(plan: Plans) -> None:
    plan.write(**{"requirements.txt": "foo==1.2.3\nsteps==1.0\n"})
    assert after(plan(rules=frozenset({"GHSA-0003"})), "requirements.txt") == "foo==1.2.3\nsteps==1.2\n"
    assert "steps==1.2" in after(plan(rules=frozenset({"vulnerable-package"})), "requirements.txt")
    assert not plan(rules=frozenset({"run-as-root"})).files
    with pytest.raises(UsageError):
        plan(rules=frozenset({"no-such-rule"}))


def test_constraints_follow(plan: Plans) -> None:
    plan.write(**{"requirements.txt": "-c limits.txt\nfoo==1.2.3\n", "limits.txt": "foo<=1.2.5\nbar<1\n"})
    made = plan(unsafe=True)
    assert after(made, "requirements.txt") == "-c limits.txt\nfoo==2.0.0\n"
    assert after(made, "limits.txt") == "foo<=2.0.0\nbar<1\n"


def test_hashes_and_generated_files_are_left_to_a_human(plan: Plans) -> None:
    plan.write(
        **{
            "a/requirements.txt": "foo==1.2.3 --hash=sha256:ab\n",
            "b/requirements.txt": "# This file is autogenerated by pip-compile\nfoo==1.2.3\n",
        }
    )
    made = plan()
    assert not made.files
    assert [one.path for one in made.advice] == ["a/requirements.txt", "b/requirements.txt"]
    assert "hashes" in made.advice[0].reason
    assert "--upgrade-package foo==" in made.advice[1].reason


def test_generated_requirements_follow_what_they_are_made_of(plan: Plans) -> None:
    plan.write(
        **{
            "requirements.txt": "# This file is autogenerated by pip-compile\nfoo==1.2.3\n",
            "requirements.in": "foo==1.2.3\n",
        }
    )
    made = plan()
    assert sorted(made.files) == ["requirements.in"]
    assert after(made, "requirements.in") == "foo==1.2.7\n"


def lock(**packages: dict[str, Any]) -> str:
    entries = {f"node_modules/{name}": entry for name, entry in packages.items()}
    return json.dumps({"lockfileVersion": 3, "packages": {"": {}, **entries}})


def test_what_a_project_of_node_asks_for(plan: Plans) -> None:
    plan.write(
        **{
            "package.json": '{\n  "dependencies": { "direct": "1.0.0" }\n}\n',
            "package-lock.json": lock(direct={"version": "1.0.0"}),
        }
    )
    made = plan()
    assert after(made, "package.json") == '{\n  "dependencies": { "direct": "1.0.5" }\n}\n'
    assert sorted(made.files) == ["package.json"]
    assert made.sections[0].follow == ("npm install, in .",)
    assert sorted(plan("package.json").files) == sorted(plan("package-lock.json").files) == ["package.json"]


def test_a_range_that_permits_the_fix_is_left_alone(plan: Plans) -> None:
    plan.write(
        **{
            "package.json": '{"dependencies": {"direct": "^1.0.0"}}',
            "package-lock.json": lock(direct={"version": "1.0.0"}),
        }
    )
    made = plan(unsafe=True)
    assert not made.files
    assert made.advice[0].reason.endswith("npm update direct")


def test_what_others_ask_for_is_overridden_only_when_asked(plan: Plans) -> None:
    files = {
        "package.json": '{"dependencies": {"top": "1.0.0"}}',
        "package-lock.json": lock(
            top={"version": "1.0.0", "dependencies": {"deep": "1.0.0"}}, deep={"version": "1.0.0"}
        ),
    }
    plan.write(**files)
    made = plan()
    assert not made.files
    assert ids(made.unsafe) == ["GHSA-0008"]
    assert json.loads(after(plan(unsafe=True), "package.json"))["overrides"] == {"deep@1.0.0": "1.0.5"}
    assert write_plan(plan(unsafe=True), ["."]) == []
    assert "overrides it already" in plan(unsafe=True).advice[0].reason
    plan.write(**{"package.json": files["package.json"]})
    plan.write(**{"package-lock.json": files["package-lock.json"].replace('"deep": "1.0.0"', '"deep": "^1.0.0"')})
    made = plan(unsafe=True)
    assert not made.files
    assert "npm update deep" in made.advice[0].reason


def test_nothing_is_overridden_while_the_lock_file_is_behind(plan: Plans) -> None:
    packages = lock(
        direct={"version": "1.0.0", "dependencies": {"deep": "1.0.0"}},
        deep={"version": "1.0.0"},
    )
    plan.write(**{"package.json": '{"dependencies": {"direct": "1.0.0"}}', "package-lock.json": packages})
    made = plan(unsafe=True)
    assert json.loads(after(made, "package.json")) == {"dependencies": {"direct": "1.0.5"}}
    assert ["follow" in one.reason for one in made.advice] == [True]
    assert write_plan(made, ["."]) == []
    assert not plan(unsafe=True).files


def pom(*names: str) -> str:
    each = "".join(
        f"<dependency><groupId>g</groupId><artifactId>{name}</artifactId><version>${{v}}</version></dependency>"
        for name in names
    )
    return f"<project><properties><v>1.0.0</v></properties><dependencies>{each}</dependencies></project>"


def test_packages_that_share_a_version_move_together(plan: Plans) -> None:
    plan.write(**{"pom.xml": pom("a", "b", "d")})
    made = plan()
    assert after(made, "pom.xml") == pom("a", "b", "d").replace("1.0.0", "1.0.5")
    assert sum(len(one.findings) for one in made.sections) == 2
    assert not made.refused


def test_nobody_gets_worse_with_a_shared_version(plan: Plans) -> None:
    plan.write(**{"pom.xml": pom("a", "c")})
    made = plan(unsafe=True)
    assert not made.files
    assert "g:c" in made.refused[0].reason


def test_modules_of_go(plan: Plans) -> None:
    plan.write(**{"go.mod": "module x\n\ngo 1.21\n\nrequire example.test/foo v1.0.0 // indirect\n"})
    made = plan()
    assert "foo v1.0.5 // indirect" in after(made, "go.mod")
    assert made.sections[0].follow == ("go mod tidy, in .",)


def test_without_manifests_no_database_is_opened(plan: Plans) -> None:
    plan.write(Dockerfile="FROM scratch\n")
    plan.database = plan.folder / "missing"
    assert not plan().diagnostics
    assert not plan("Dockerfile").diagnostics


def test_a_missing_database_is_told(plan: Plans) -> None:
    plan.write(**{"requirements.txt": "foo==1.2.3\n"})
    plan.database = plan.folder / "missing"
    made = plan()
    assert not made.files
    assert [(one.slug, one.incomplete) for one in made.diagnostics] == [("no-package-fix", True)]


def test_an_edit_that_changes_more_is_not_made(plan: Plans, monkeypatch: pytest.MonkeyPatch) -> None:
    from thwart.fixes.versions import Edited, Upgrade

    def clumsy(text: str, upgrade: Upgrade) -> Edited:
        return Edited(text=text.replace("1.2.3", upgrade.target).replace("bar==1", "bar==2"))

    monkeypatch.setattr("thwart.fixes.versions.requirements.edited", clumsy)
    plan.write(**{"requirements.txt": "foo==1.2.3\nbar==1\n"})
    made = plan()
    assert not made.files
    assert "more than this version" in made.advice[0].reason


def test_names_of_advisories() -> None:
    assert all(map(_fix_packages.is_advisory, ("CVE-2024-1", "GHSA-ab12-cd", "GO-2024-1", "PYSEC-2024-1")))
    assert not any(map(_fix_packages.is_advisory, ("run-as-root", "CVE", "")))


def test_the_command(plan: Plans, capfd: pytest.CaptureFixture[str]) -> None:
    plan.write(**{"requirements.txt": "foo==1.2.3\n", "go.mod": "module x\n\nrequire example.test/foo v1.0.0\n"})
    assert _command("fix", [".", "--db", str(plan.database)]) == 1
    told = capfd.readouterr().err
    assert "upgrade foo 1.2.3 to 1.2.7: closes 1 finding in 1 file\n" in told
    assert "then: go mod tidy, in .\n" in told
    assert "1 finding more with --unsafe-fixes: foo\n" in told
    assert _command("fix", [".", "--db", str(plan.database), "-o", "json", "--apply"]) in (0, 3)
    document = json.loads(capfd.readouterr().out)
    assert {one["title"] for one in document["sections"]} == {
        "upgrade foo 1.2.3 to 1.2.7",
        "upgrade example.test/foo v1.0.0 to v1.0.5",
    }
    assert (plan.folder / "requirements.txt").read_text() == "foo==1.2.7\n"
