"""Rules without code: what they may say, what CEL means, what hostile documents do; plug-ins."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from thwart import rules
from thwart.api._own_rules import load_plugins, own_rules, try_examples
from thwart.cli import main
from thwart.core.config import parse
from thwart.core.custom import CustomRule, parse_rules
from thwart.core.errors import ConfigError
from thwart.lib.cel import Cel, EvaluationError, _loops
from thwart.rules import Options, Outcome, check

POD = """\
apiVersion: v1
kind: Pod
metadata: {name: web, labels: {app: web, nothing: null}}
spec:
  replicas: 3
  containers:
    - name: one
      image: registry.example.test/one:1
      ports: [{containerPort: 80}, {containerPort: 443}]
    - {name: two, image: "elsewhere.example.test/two:2"}
"""
DOCKERFILE = "FROM a AS build\nRUN one\nFROM b\nCOPY --chown=1 x y\nUSER 10\n"


def rule(expression: str, **more: Any) -> CustomRule:
    lines = {"id": "own-rule", "title": "it is wrong", "severity": "high", "expression": expression, **more}
    return parse_rules(_yaml(lines), "rules.yaml")[0]


def _yaml(*entries: dict[str, Any]) -> bytes:
    import json

    return json.dumps(list(entries)).encode()


def judge(one: CustomRule, text: str = POD, path: str = "x.yaml", **options: Any) -> Outcome:
    return check([(path, text.encode())], Options(custom=(one,), **options))


def found(one: CustomRule, text: str = POD, path: str = "x.yaml") -> list[str]:
    outcome = judge(one, text, path)
    assert not [each for each in outcome.diagnostics if each.slug == "rule-crashed"]
    return [finding.message for finding in outcome.findings if finding.id == "own-rule"]


def holds(expression: str, **more: Any) -> bool:
    return not found(rule(expression, **more))


@pytest.mark.parametrize(
    "expression",
    [
        "has(object.metadata.labels)",
        "!has(object.metadata.annotations)",
        "object.metadata.name == 'web'",
        "object.spec.replicas >= 3 && object.spec.replicas < 4",
        "object.spec.containers.all(c, c.name.size() == 3)",
        "object.spec.containers.exists(c, c.name == 'two')",
        "object.spec.containers.exists_one(c, has(c.ports))",
        "object.spec.containers.filter(c, has(c.ports))[0].name == 'one'",
        "object.spec.containers.map(c, c.name) == ['one', 'two']",
        "object.metadata.labels.all(k, k.matches('^[a-z]+$'))",
        "'app' in object.metadata.labels",
        "size(object.spec.containers) == 2",
        "object.metadata.labels.nothing == null",
        "object.metadata.name.startsWith('w') && object.metadata.name.endsWith('b') && object.metadata.name.contains('e')",
        "object.spec.containers.all(c, c.image.split('/')[0].lowerAscii().endsWith('.example.test'))",
        "has(object.spec.nothing) ? false : true",
        "object.spec.nothing == 1 || true",
        "int('3') + 1 == 4 && type(1) == int && string(2) == '2'",
        "duration('1h') < duration('2h')",
        "containers.size() == 2 && pod.spec.replicas == 3 && object.kind == 'Pod'",
        "math.greatest(1, 2) == 2",
        "pod.metadata.name // a comment with object.\n == 'web'",
    ],
)
def test_cel_means_what_its_specification_says(expression: str) -> None:
    assert holds(expression)
    assert not holds(f"!({expression}\n)")


def test_a_finding_says_what_where_and_how_bad() -> None:
    one = rule(
        "has(object.metadata.labels.team)", message="has no team", pointer="/metadata/labels", fix="Say whose it is."
    )
    [finding] = judge(one).findings[:0] or [each for each in judge(one).findings if each.id == "own-rule"]
    assert finding.message == "Pod web has no team"
    assert finding.severity.word == "high"
    assert (finding.locations[0].line, finding.evidence[0].pointer) == (3, "/metadata/labels")
    assert finding.fix is not None
    assert finding.fix.title == "Say whose it is"
    assert [each.title for each in judge(one).rules if each.id == "own-rule"] == ["it is wrong"]


def test_each_container_is_judged_by_itself() -> None:
    one = rule(
        "container.image.startsWith('registry.example.test/')",
        **{"for-each": "container", "message-expression": "'runs ' + container.image", "pointer": "/image"},
    )
    assert found(one) == ["container two of Pod web runs elsewhere.example.test/two:2"]
    [finding] = [each for each in judge(one).findings if each.id == "own-rule"]
    assert finding.evidence[0].pointer == "/spec/containers/1/image"


def test_kinds_and_groups_choose() -> None:
    assert not found(rule("false", match={"kinds": ["Deployment"]}))
    assert found(rule("false", match={"kinds": ["Pod"], "api-groups": [""]}))
    assert not found(rule("false", match={"api-groups": ["apps"]}))
    assert found(rule("false", match={"api-groups": ["*"]}))


def test_a_dockerfile_is_seen_by_stages_and_instructions() -> None:
    file: dict[str, Any] = {"match": {"family": "dockerfile"}}
    assert not found(
        rule("object.stages.map(s, s.base) == ['a', 'b'] && object.stages[1].user == '10'", **file),
        DOCKERFILE,
        "Dockerfile",
    )
    each = rule("instruction.name != 'COPY' || !has(instruction.flags.chown)", **file, **{"for-each": "instruction"})
    outcome = judge(each, DOCKERFILE, "Dockerfile")
    assert [one.locations[0].line for one in outcome.findings if one.id == "own-rule"] == [4]
    stage = rule("stage.shipped || stage.base != 'a'", **file, **{"for-each": "stage"})
    assert len(found(stage, DOCKERFILE, "Dockerfile")) == 1


def test_a_service_of_compose_is_seen_as_it_is_written() -> None:
    one = rule("has(object.restart)", match={"family": "compose"}, pointer="/restart")
    text = "services:\n  web: {image: 'a:1'}\n  db: {image: 'b:1', restart: always}\n"
    assert [message.partition(" ")[2] for message in found(one, text, "compose.yaml")] == [
        "web breaks the rule own-rule: it is wrong"
    ]


def test_an_expression_without_a_value_is_incomplete_and_no_pass() -> None:
    for expression in ("object.spec.nothing.more == 1", "object.metadata.name", "object.metadata.name > 1"):
        [told] = [one for one in judge(rule(expression)).diagnostics if one.slug == "rule-crashed"]
        assert told.incomplete
        assert "own-rule" in told.message
        assert "has(" in told.hint


def test_a_reference_joins_a_framework_and_a_crash_leaves_its_control_unknown() -> None:
    one = rule("true", references=["cis-kubernetes:5.3.1"])
    answers = {each.id: each for each in judge(one, framework="cis-kubernetes").controls}
    assert answers["cis-kubernetes:5.3.1"].status == "pass"
    assert answers["cis-kubernetes:5.3.1"].rules == ("own-rule",)
    broken = rule("object.a.b", references=["cis-kubernetes:5.3.1"])
    answers = {each.id: each for each in judge(broken, framework="cis-kubernetes").controls}
    assert answers["cis-kubernetes:5.3.1"].status == "unknown"
    other = rule("true", references=["cis-kubernetes:5.3.1"], match={"kinds": ["Node"]})
    answers = {each.id: each for each in judge(other, framework="cis-kubernetes").controls}
    assert answers["cis-kubernetes:5.3.1"].status == "not-applicable"


def test_comments_may_name_own_rules() -> None:
    text = POD.replace("metadata:", "# thwart: ignore[own-rule] why\nmetadata:")
    assert judge(rule("false"), text).ignores


def test_nested_loops_over_a_large_list_are_refused_and_quick() -> None:
    large = POD.replace("spec:", f"data: {list(range(3000))}\nspec:")
    [told] = [
        one
        for one in judge(rule("object.data.all(x, object.data.exists(y, x == y))"), large).diagnostics
        if one.slug == "rule-crashed"
    ]
    assert "too large for loops in loops" in told.message
    assert not found(rule("object.data.all(x, x >= 0)"), large)


def test_how_deep_loops_nest_is_read_from_the_text() -> None:
    assert _loops("a.all(x, x.all(y, y)) && b.exists(z, z)") == (frozenset({"x", "y", "z"}), 2)
    assert _loops("'a.all(x, b.all(y,' == \"c.map(q, \"") == (frozenset(), 0)
    assert _loops("f(a).filter(x, g(x))") == (frozenset({"x"}), 1)


@settings(max_examples=60, deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda one: st.lists(one, max_size=3) | st.dictionaries(st.text(max_size=3), one, max_size=3),
        max_leaves=8,
    )
)
def test_any_value_is_taken_or_told(value: object) -> None:
    cel = Cel()
    program = cel.compile("has(object.a) && object.a == object.a || true")
    try:
        assert cel.evaluate(program, {"object": value}) is True
    except EvaluationError as error:
        assert str(error)


BASE = {"id": "a-b", "title": "t", "severity": "low", "expression": "true"}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"expresion": "true"}, "did you mean expression"),
        ({"severity": "hihg"}, "none of"),
        ({"id": "Not An Id"}, "not of the form"),
        ({"id": "run-as-root"}, "a rule that thwart has"),
        ({"expression": "object."}, "no CEL"),
        ({"expression": "objct.a"}, "speaks of objct"),
        ({"expression": "object.a.frobnicate()"}, "calls frobnicate"),
        ({"expression": "x" * 10_001}, "longer than"),
        ({"expression": 1}, "must be text"),
        ({"title": " "}, "is empty"),
        ({"for-each": "contaner"}, "none of container"),
        ({"for-each": "stage"}, "which is of dockerfile"),
        ({"match": {"family": "dockerfil"}}, "did you mean dockerfile"),
        ({"match": {"family": "compose", "kinds": ["a"]}}, "only Kubernetes"),
        ({"match": {"kind": ["a"]}}, "did you mean kinds"),
        ({"match": []}, "must be a table"),
        ({"references": ["cis"]}, "STANDARD:CLAUSE"),
        ({"references": "a:b"}, "array of texts"),
        ({"pointer": "a"}, "does not begin with /"),
    ],
)
def test_a_wrong_rule_is_refused_with_its_line(change: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        judge(parse_rules(b"\n" + _yaml({**BASE, **change}), "rules.yaml")[0])
    assert said in " ".join([caught.value.sentence, *caught.value.hints])
    assert caught.value.sentence.startswith("rules.yaml:2")


@pytest.mark.parametrize("text", ["a: [", "1", "rules: 1", "- 1", "{}", "rulez: []", "- {id: a}", "- &a [*a]", "\0"])
def test_a_file_that_holds_no_rules_is_one_clear_error(text: str) -> None:
    with pytest.raises(ConfigError, match=r"^rules\.yaml:\d+: "):
        parse_rules(text.encode(), "rules.yaml")


def test_two_rules_of_one_name_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"already stated at rules\.yaml:1"):
        check([], Options(custom=parse_rules(_yaml(BASE, BASE), "rules.yaml")))


TOML = """\
plugins = []

[[rules]]
id = "team-label"
title = "Nobody owns it"
severity = "medium"
expression = "has(object.metadata.labels.team)"
[rules.match]
kinds = ["Pod"]
"""


def test_rules_stand_in_the_configuration_with_lines() -> None:
    [one] = parse(TOML, "thwart.toml").rules
    assert isinstance(one, CustomRule)
    assert (one.id, one.kinds, one.origin) == ("team-label", ("Pod",), "thwart.toml:3")
    with pytest.raises(ConfigError, match=r"^thwart\.toml:10: unknown key rules\.match\.kind$"):
        parse(f'{TOML}kind = ["Pod"]\n', "thwart.toml")
    with pytest.raises(ConfigError, match="array"):
        parse("rules = 1", "thwart.toml")
    assert parse('rules = ["a.yaml"]', "thwart.toml").rules == ("a.yaml",)


def test_examples_are_tried() -> None:
    bad, good = POD, POD.replace("labels: {", "labels: {team: a, ")
    expression = "has(object.metadata.labels.team)"
    assert not try_examples(rule(expression, bad=bad, good=good))
    assert try_examples(rule(expression, bad=good, good=bad)) == [
        "the bad example gives no finding",
        "the good example gives a finding",
    ]
    assert "no document" in try_examples(rule(expression, bad="a: 1"))[0]
    assert "not judged" in try_examples(rule("object.a.b", bad=bad))[0]


PLUGIN = '''\
"""A pod has no owner.

Bad:
    a

Good:
    b
"""

from collections.abc import Iterator

from thwart.core.advisory import Severity
from thwart.rules._view import Hit
from thwart.rules.kubernetes import Pod, pod_rule


@pod_rule(Severity.LOW, "acme:1")
def plug_in_owner(pod: Pod) -> Iterator[Hit]:
    if not pod.has("metadata", "labels", "owner"):
        yield pod.hit("has no owner", "metadata")
'''


def test_a_plug_in_brings_rules(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from thwart.rules.kubernetes import MEMBERS

    monkeypatch.chdir(tmp_path)
    (tmp_path / "acme_rules").mkdir()
    (tmp_path / "acme_rules" / "__init__.py").write_text("")
    (tmp_path / "acme_rules" / "plug_in_owner.py").write_text(PLUGIN)
    (tmp_path / "acme_rules" / "_helper.py").write_text("raise RuntimeError")
    (tmp_path / "thwart.toml").write_text('plugins = ["./acme_rules"]\n')
    (tmp_path / "x.yaml").write_text(POD)
    try:
        assert main(["check", "x.yaml"]) == 2
        assert "--config thwart.toml" in capsys.readouterr().err
        main(["check", "x.yaml", "--config", "thwart.toml"])
        assert "plug-in-owner" in capsys.readouterr().out
        assert main(["rules", "--standard", "acme", "--config", "thwart.toml"]) == 0
    finally:
        MEMBERS._members.pop("plug_in_owner", None)
        for name in ("acme_rules", "acme_rules.plug_in_owner"):
            sys.modules.pop(name, None)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("raise ValueError('oh')", "ValueError: oh"),
        ("import nothing_of_that_name", "ModuleNotFoundError"),
        ("def (", "SyntaxError"),
        (PLUGIN, "two members"),
    ],
)
def test_a_plug_in_that_fails_is_one_clear_error(tmp_path: Path, text: str, said: str) -> None:
    name = "run_as_root" if text is PLUGIN else "acme_broken"
    (tmp_path / f"{name}.py").write_text(text)
    with pytest.raises(ConfigError, match=rf"^the plug-in \./{name}\.py cannot be loaded: .*{said}"):
        load_plugins((f"./{name}.py",), tmp_path)
    assert name not in sys.modules


def test_a_plug_in_that_is_not_there_is_one_clear_error(tmp_path: Path) -> None:
    for name in ("acme_missing", "./acme_missing.py", "./acme_missing/"):
        with pytest.raises(ConfigError, match="cannot be loaded"):
            load_plugins((name,), tmp_path)


def test_without_rules_nothing_of_cel_is_loaded() -> None:
    import subprocess

    code = (
        "import sys; from thwart import rules; rules.check([('x.yaml', b'kind: Pod')]); assert 'cel' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    assert own_rules(None, trusted=False) == ()
    assert rules.ids()
