"""Folders that have to be made manifests of: charts and kustomizations, with the tools and without."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT
from thwart.api.net._rendered import read_folder
from thwart.core.finding import Diagnostic
from thwart.core.limits import DEFAULT

POD = "apiVersion: v1\nkind: Pod\nmetadata: {name: NAME}\n"
Read = tuple[dict[str, str], list[tuple[str, str]]]


def put(root: Path, **files: str) -> Path:
    """Write files; `__` in a name is a folder, `_yaml` at its end the suffix."""
    for name, text in files.items():
        path = root / name.replace("__", "/").replace("_yaml", ".yaml")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def tool(folder: Path, name: str, code: str) -> None:
    """A program that writes its arguments to a file beside it, and then does as told."""
    folder.mkdir(exist_ok=True)
    script = folder / name
    note = f"open({str(folder / 'called')!r}, 'a').write(repr(sys.argv[1:]) + '\\n')"
    script.write_text(f"#!{sys.executable}\nimport os, sys\n{note}\n{code}\n")
    script.chmod(0o700)


def read(root: Path, tools: Path | None = None) -> Read:
    """Names (from the root on) and content; and what was told, as (slug, message)."""
    unread: list[Diagnostic] = []
    files = list(read_folder(root, DEFAULT, unread, {"PATH": str(tools or "")}))
    told = [(one.slug, one.message) for one in unread]
    return {name.replace(f"{root}/", ""): data.decode() for name, data in files}, told


def kinds(told: list[tuple[str, str]]) -> list[str]:
    return [slug for slug, _ in told]


# plain folders


def test_everything_below_is_read(tmp_path: Path) -> None:
    put(tmp_path, a_yaml=POD, b__c_yaml=POD, b__notes_txt="x", **{".git__d_yaml": POD})
    assert read(tmp_path) == ({"a.yaml": POD, "b/c.yaml": POD}, [])


def test_links_are_followed_within_the_folder_only(tmp_path: Path) -> None:
    root = put(tmp_path / "in", **{"..data__a_yaml": POD})
    put(tmp_path, out_yaml=POD, outside__b_yaml=POD)
    (root / "a.yaml").symlink_to("..data/a.yaml")  # as a mounted ConfigMap has them
    (root / "out.yaml").symlink_to(tmp_path / "out.yaml")
    (root / "folder").symlink_to(tmp_path / "outside")
    files, told = read(root)
    assert list(files) == ["a.yaml"]
    assert told == [("unreadable-file", "it is a link that leads out of the folder")]


def test_the_folder_itself_may_be_a_link(tmp_path: Path) -> None:
    put(tmp_path / "in", a_yaml=POD)
    (tmp_path / "link").symlink_to(tmp_path / "in")
    assert read(tmp_path / "link") == ({"a.yaml": POD}, [])


# kustomizations


def test_one_that_only_gathers_needs_no_tool_and_keeps_its_lines(tmp_path: Path) -> None:
    root = put(
        tmp_path / "app",
        kustomization_yaml="resources: [a.yaml, ../base]\nimages: [{name: x, newTag: y}]\n",
        a_yaml=POD,
        left_yaml=POD,
    )
    put(tmp_path / "base", kustomization_yaml="resources: [b.yaml]", b_yaml=POD)
    tools = tmp_path / "tools"
    tool(tools, "kustomize", "print('never')")
    files, told = read(root, tools)
    assert list(files) == ["a.yaml", str(tmp_path / "base" / "b.yaml")]
    assert told == [("kustomization-beside", "left.yaml is not part of the kustomization, and is not read")]
    assert not (tools / "called").exists()


def test_local_config_is_left_to_the_tool(tmp_path: Path) -> None:
    note = "  annotations: {config.kubernetes.io/local-config: 'true'}\n"
    root = put(tmp_path / "app", kustomization_yaml="resources: [a.yaml]", a_yaml=POD + note)
    assert kinds(read(root)[1]) == ["kustomization-not-built"]


CHANGES = "namespace: other\nresources: [a.yaml]\n"


@pytest.mark.parametrize(("name", "verb"), [("kustomize", "build"), ("kubectl", "kustomize")])
def test_one_that_changes_things_is_built(tmp_path: Path, name: str, verb: str) -> None:
    root = put(tmp_path / "app", kustomization_yaml=CHANGES, a_yaml=POD)
    tools = tmp_path / "tools"
    tool(tools, name, "print('built: 1')\nprint(os.environ['GIT_ALLOW_PROTOCOL'], os.environ['HTTPS_PROXY'])")
    files, told = read(root, tools)
    assert files == {f"kustomize:{root}": "built: 1\nnone http://127.0.0.1:9\n"}
    assert kinds(told) == ["kustomization-built"]
    assert (tools / "called").read_text() == f"{[verb, str(root)]}\n"  # no plugins, no programs, no charts


def test_without_a_tool_its_files_are_read_and_that_is_told(tmp_path: Path) -> None:
    text = CHANGES + "patches: [{path: patch.yaml}]\n"
    root = put(tmp_path / "app", kustomization_yaml=text, a_yaml=POD, patch_yaml=POD)
    files, told = read(root)
    assert list(files) == ["a.yaml"]
    assert kinds(told) == ["kustomization-not-built"]
    assert "neither kustomize nor kubectl" in told[0][1]


def test_a_tool_that_refuses_is_quoted(tmp_path: Path) -> None:
    root = put(tmp_path / "app", kustomization_yaml=CHANGES, a_yaml=POD)
    tool(tmp_path / "tools", "kustomize", "sys.exit('no\\x1b[31m way')")
    files, told = read(root, tmp_path / "tools")
    assert list(files) == ["a.yaml"]
    assert "kustomize refuses: no [31m way" in told[0][1]


@pytest.mark.parametrize(
    "text",
    [
        "resources: ['https://example.test/a.yaml']",
        "resources: ['https://example.test/repo//base?ref=v1']",
        "resources: ['git@example.test:a/b.git']",
        "resources: [github.com/a/b]",
        "resources: [example.test/a/b]",
        "bases: ['ssh://git@example.test/a']",
        "components: ['file:///etc']",
        "resources: [a.yaml, gone.yaml]",
        "resources: [../out.yaml]",
        "resources: [/etc/hostname]",
        "resources: [/etc]",
        "resources: [loop]",
        "resources: [link.yaml]",
        "resources: [elsewhere]",
        "patches: [{path: 'https://example.test/p.yaml'}]",
        "patchesStrategicMerge: ['http://example.test/p.yaml']",
        "patchesJson6902: [{path: ../out.yaml}]",
        "replacements: [{path: 'https://example.test/r.yaml'}]",
        "configurations: ['https://example.test/c.yaml']",
        "crds: ['https://example.test/c.yaml']",
        "openapi: {path: 'https://example.test/o.json'}",
        "configMapGenerator: [{name: c, files: ['k=https://example.test/f']}]",
        "secretGenerator: [{name: c, envs: [/etc/passwd]}]",
        "helmCharts: [{name: x, repo: 'https://example.test'}]",
        "generators: [g.yaml]",
        "transformers: ['https://example.test/t.yaml']",
        "transformers:\n- |-\n  kind: PatchTransformer\n  path: https://example.test/p.yaml\n",
        "- no\n- mapping",
        "{",
        "resources: [a.yaml]\n---\nresources: []",
    ],
)
def test_what_would_fetch_or_run_or_lead_out_is_never_built(tmp_path: Path, text: str) -> None:
    put(tmp_path, out_yaml=POD, outside__kustomization_yaml="resources: []")
    root = put(
        tmp_path / "app",
        kustomization_yaml=f"{text}\n",
        a_yaml=POD,
        g_yaml="kind: Executable\npath: git@example.test:x/y\n",
        loop__kustomization_yaml="resources: [..]",
    )
    (root / "link.yaml").symlink_to(tmp_path / "out.yaml")
    (root / "elsewhere").symlink_to(tmp_path / "outside")
    tools = tmp_path / "tools"
    tool(tools, "kustomize", "print('never')")
    files, told = read(root, tools)
    assert "kustomization-not-built" in kinds(told)
    assert not (tools / "called").exists()
    assert set(files) <= {"a.yaml"}


def test_a_text_that_is_no_path_may_have_an_address(tmp_path: Path) -> None:
    text = "configMapGenerator: [{name: c, literals: ['URL=https://example.test'], files: [k=a.yaml]}]\n"
    root = put(tmp_path / "app", kustomization_yaml=CHANGES + text, a_yaml=POD)
    tool(tmp_path / "tools", "kubectl", "print('built: 1')")
    assert kinds(read(root, tmp_path / "tools")[1]) == ["kustomization-built"]


def test_a_base_that_fetches_is_found(tmp_path: Path) -> None:
    put(tmp_path / "base", kustomization_yaml="resources: ['https://example.test/a.yaml']")
    root = put(tmp_path / "app", kustomization_yaml="resources: [../base]")
    files, told = read(root)
    assert files == {}
    assert "would fetch https://example.test/a.yaml" in told[0][1]


# among other things


def shop(tmp_path: Path) -> Path:
    return put(
        tmp_path / "deploy",
        base__kustomization_yaml="resources: [b.yaml]",
        base__b_yaml=POD,
        overlays__one__kustomization_yaml="resources: [../../base]\nnamePrefix: one-",
        overlays__two__kustomization_yaml="resources: [../../base]\nnamePrefix: two-",
        overlays__two__patch_yaml=POD,
        chart__Chart_yaml="name: c",
        chart__templates__t_yaml="{{ raw }}",
    )


def test_variants_and_charts_beside_a_base_are_told_and_not_mixed_in(tmp_path: Path) -> None:
    tools = tmp_path / "tools"
    for name in ("kustomize", "helm"):
        tool(tools, name, "print('never')")
    files, told = read(shop(tmp_path), tools)
    assert files == {"base/b.yaml": POD}
    assert kinds(told) == ["kustomization-not-built", "kustomization-not-built", "chart-not-rendered"]
    assert not (tools / "called").exists()


def test_what_lies_below_a_kustomization_is_its_own_affair(tmp_path: Path) -> None:
    root = put(
        tmp_path / "deploy",
        app__kustomization_yaml="resources: [part]",
        app__part__kustomization_yaml="resources: [p.yaml]",
        app__part__p_yaml=POD,
        app__overlays__x__kustomization_yaml="resources: [../../part]",
        app__overlays__x__patch_yaml=POD,
        plain_yaml=POD,
    )
    files, told = read(root)
    assert list(files) == ["plain.yaml", "app/part/p.yaml"]
    assert kinds(told) == ["kustomization-not-built"]


def test_the_only_variant_is_read(tmp_path: Path) -> None:
    put(tmp_path / "base", kustomization_yaml="resources: [b.yaml]", b_yaml=POD)
    root = put(tmp_path / "overlays", one__kustomization_yaml="resources: [../../base]")
    assert list(read(root)[0]) == [str(tmp_path / "base" / "b.yaml")]


def test_the_house_example_is_the_same_with_and_without_tools() -> None:
    folder = ROOT / "examples" / "shop" / "deploy" / "kubernetes"
    files, told = read(folder)
    assert sorted(files) == sorted(path.name for path in folder.glob("*.yaml") if path.name != "kustomization.yaml")
    assert told == []


# charts

CHART = {"Chart_yaml": "apiVersion: v2\nname: c\nversion: 1.0.0\n", "templates__p_yaml": "{{ .Values.x }}\n"}


def test_a_chart_is_rendered(tmp_path: Path) -> None:
    root = put(tmp_path / "My_Chart", **CHART)
    tools = tmp_path / "tools"
    tool(tools, "helm", "print('rendered: 1')")
    files, told = read(root, tools)
    assert files == {f"helm:{root}": "rendered: 1\n"}
    assert kinds(told) == ["chart-rendered"]
    assert (tools / "called").read_text() == f"{['template', '--skip-tests', 'my-chart', str(root)]}\n"


def test_without_helm_no_template_is_read(tmp_path: Path) -> None:
    files, told = read(put(tmp_path / "chart", **CHART))
    assert files == {}
    assert kinds(told) == ["chart-not-rendered"]


def test_charts_alone_in_a_folder_are_rendered(tmp_path: Path) -> None:
    for name in ("a", "b"):
        put(tmp_path / "charts" / name, **CHART)
    tool(tmp_path / "tools", "helm", "print(sys.argv[3])")
    files, _ = read(tmp_path / "charts", tmp_path / "tools")
    assert list(files.values()) == ["a\n", "b\n"]


@pytest.mark.parametrize("code", ["sys.exit('broken')", "while True: sys.stdout.write('x' * 1_000_000)"])
def test_a_helm_that_fails(tmp_path: Path, code: str) -> None:
    tool(tmp_path / "tools", "helm", code)
    files, told = read(put(tmp_path / "chart", **CHART), tmp_path / "tools")
    assert files == {}
    assert kinds(told) == ["chart-not-rendered"]
    assert "broken" in told[0][1] or "writes more than" in told[0][1]


def test_helm_is_not_let_at_links_that_lead_out(tmp_path: Path) -> None:
    root = put(tmp_path / "chart", **CHART)
    (root / "templates" / "x.yaml").symlink_to("/etc/hostname")
    tools = tmp_path / "tools"
    tool(tools, "helm", "print('never')")
    assert kinds(read(root, tools)[1]) == ["chart-not-rendered"]
    assert not (tools / "called").exists()
