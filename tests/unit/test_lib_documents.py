"""The bounded loaders of JSON, TOML and YAML: values, places, bounds."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from thwart.lib import json_bounded, toml_bounded, yaml_positions
from thwart.lib.documents import DocumentError
from thwart.lib.yaml_positions import Place, YamlList, YamlMap

if TYPE_CHECKING:
    from collections.abc import Callable

law = settings(max_examples=60, deadline=None)  # the machine may be busy

LEAVES = st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False) | st.text()
VALUES = st.recursive(LEAVES, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20)


def load_json(data: bytes, *, max_bytes: int = 10**6, max_depth: int = 256, max_items: int = 10**5) -> object:
    return json_bounded.load(data, max_bytes=max_bytes, max_depth=max_depth, max_items=max_items)


def load_yaml(
    data: bytes, *, max_bytes: int = 10**6, max_depth: int = 256, max_nodes: int = 10**5, typed: bool = True
) -> tuple[Any, ...]:
    return yaml_positions.load_all(data, max_bytes=max_bytes, max_depth=max_depth, max_nodes=max_nodes, typed=typed)


def one_yaml(text: str, *, typed: bool = True) -> Any:
    (value,) = load_yaml(text.encode(), typed=typed)
    return value


# JSON


@law
@given(VALUES.filter(lambda value: "Infinity" not in json.dumps(value)))
def test_json_is_read_as_the_standard_reader_does(value: object) -> None:
    text = json.dumps(value)
    assert load_json(text.encode()) == json.loads(text)


def test_json_skips_a_byte_order_mark() -> None:
    assert load_json(b'\xef\xbb\xbf{"a": 1}') == {"a": 1}


def test_json_not_utf8_is_read_with_replacement() -> None:
    assert load_json(b'{"a": "\xe9"}') == {"a": "\ufffd"}


def test_json_lone_surrogate_is_read() -> None:
    assert load_json(b'{"a": "\\ud800"}') == {"a": "\ud800"}


def test_json_error_names_the_line() -> None:
    with pytest.raises(DocumentError, match="not JSON") as caught:
        load_json(b'{\n "a": 1,\n}')
    assert caught.value.line == 3


@pytest.mark.parametrize("text", ["", "NaN", "[Infinity]", "1" * 5000, "[1]x", "{'a': 1}", "\x00"])
def test_json_malformed_is_refused(text: str) -> None:
    with pytest.raises(DocumentError, match="not JSON"):
        load_json(text.encode())


@pytest.mark.parametrize("opening", [b"[", b'{"a":'])
def test_json_bomb_of_depth_is_refused(opening: bytes) -> None:
    with pytest.raises(DocumentError, match="nested too deeply"):
        load_json(opening * 200_000, max_items=10**7, max_bytes=10**7)


@law
@given(st.integers(1, 60), st.booleans())
def test_json_depth_is_bounded_exactly(depth: int, objects: bool) -> None:
    text = '{"a]}": ' * depth + "1" + "}" * depth if objects else "[" * depth + r'"]\"}\\"' + "]" * depth
    assert load_json(text.encode(), max_depth=depth) is not None
    if depth > 1:
        with pytest.raises(DocumentError, match=f"more than {depth - 1} deep"):
            load_json(text.encode(), max_depth=depth - 1)


@pytest.mark.parametrize("text", [r'["\\", [], [], []]', r'["\"[[[", [], []]', r'{"a\\\"{{": [], "b": {}, "c": []}'])
def test_json_depth_is_that_of_brackets_outside_strings(text: str) -> None:
    assert load_json(text.encode(), max_depth=2) == json.loads(text)


def test_json_bounds_bytes_and_values() -> None:
    with pytest.raises(DocumentError, match="11 bytes, more than the 10 allowed"):
        load_json(b'["aaaaaaa"]', max_bytes=10)
    assert load_json(b"[1,2,3]", max_items=3) == [1, 2, 3]
    with pytest.raises(DocumentError, match="more than 3 values"):
        load_json(b"[1,2,3,4]", max_items=3)


class Named(msgspec.Struct):
    name: str


def test_json_as_a_type_or_none() -> None:
    def load(data: bytes) -> Named | None:
        return json_bounded.load_as(data, Named, max_bytes=10**6, max_items=10**5)

    assert load(b'\xef\xbb\xbf{"x": [[[]]], "name": "a"}') == Named("a")
    for odd in (b'{"name": 1}', b"[]", b"", b'{"name": "\xe9"}', b'{"x":' + b"[" * 50_000):
        assert load(odd) is None
    with pytest.raises(DocumentError, match="more than the 5 allowed"):
        json_bounded.load_as(b'{"name": "a"}', Named, max_bytes=5, max_items=10**5)


# TOML


def load_toml(data: bytes, max_bytes: int = 10**6) -> dict[str, Any]:
    return toml_bounded.load(data, max_bytes=max_bytes)


def test_toml_is_read() -> None:
    assert load_toml(b'\xef\xbb\xbfa.b = "x"\n[[c]]\nd = [1, 2]\n') == {"a": {"b": "x"}, "c": [{"d": [1, 2]}]}


@pytest.mark.parametrize(
    ("text", "line"), [(b"a = 1\nb =\n", 2), (b"a = 1\nb = \xff", 2), (b"a = 1\n\na = 2\nb = 1", 3)]
)
def test_toml_error_names_the_line(text: bytes, line: int) -> None:
    with pytest.raises(DocumentError) as caught:
        load_toml(text)
    assert caught.value.line == line


@pytest.mark.parametrize("text", [b"a=" + b"[" * 50_000, b"a=" + b"{a=" * 50_000, b"a = " + b"1" * 5000])
def test_toml_bombs_are_refused(text: bytes) -> None:
    with pytest.raises(DocumentError):
        load_toml(text)


@pytest.mark.parametrize(
    "text",
    [
        b"a." * 40 + b"b = 1",
        b"[" + b"'a' . " * 40 + b"b]",
        b"[[" + b'"a.b" .' * 40 + b"c]]",
        b"x={" + b"a." * 40 + b"b=1}",
    ],
)
def test_toml_long_keys_are_refused(text: bytes) -> None:
    with pytest.raises(DocumentError, match="more than 32 parts"):
        load_toml(b"ok = 1\n" + text)


@pytest.mark.parametrize(
    "text", ["a.b.c.d = 1", f"a = '{'x.' * 100}'", f'a = "{"x." * 100}" # {"." * 99}', "a = [" + '"x.y", ' * 100 + "]"]
)
def test_toml_dots_in_values_are_no_key(text: str) -> None:
    assert load_toml(text.encode())["a"]


def test_toml_bounds_bytes() -> None:
    with pytest.raises(DocumentError, match="more than the 3 allowed"):
        load_toml(b"a = 1", 3)


def test_toml_lines_of_an_array() -> None:
    data = b"x = 1\n[[package]]\r\na = 1\n  [[ package ]] # two\n[[package.sub]]\n[[packages]]\n# [[package]]\n"
    assert toml_bounded.array_lines(data, "package") == [2, 4]


# YAML


@law
@given(VALUES)
def test_yaml_quoted_text_and_numbers_come_back(value: object) -> None:
    assert one_yaml(yaml.dump(value, Dumper=_Plain)) == value


class _Plain(yaml.SafeDumper):
    """Writes text quoted, so that the reader's rules for plain scalars do not matter."""


_Plain.add_representer(str, lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, style='"'))
_Plain.add_representer(float, lambda dumper, number: dumper.represent_scalar("tag:yaml.org,2002:float", _float(number)))


def _float(number: float) -> str:
    return {math.inf: ".inf", -math.inf: "-.inf"}.get(number, repr(number))


@pytest.mark.parametrize(
    ("plain", "value"),
    [
        ("", None), ("~", None), ("null", None), ("true", True), ("FALSE", False), ("yes", "yes"), ("on", "on"),
        ("0", 0), ("-17", -17), ("+3", 3), ("0o17", 15), ("0x1F", 31), ("017", 17), ("0b1", "0b1"), ("1_000", "1_000"),
        ("1.10", 1.1), ("1e3", 1000.0), (".5", 0.5), ("-.inf", -math.inf), ("1.2.3", "1.2.3"), (".", "."), ("12:30:45", "12:30:45"),
        ("2020-01-01", "2020-01-01"), ('"true"', "true"), ("'1'", "1"), ("!!str 1", "1"), ('!!int "1"', 1), ("!own 1", "1"),
        ("<<", "<<"), ("9" * 5000, "9" * 5000),
    ],
)  # fmt: skip
def test_yaml_core_schema(plain: str, value: object) -> None:
    assert one_yaml(f"- {plain}\n") == [value]


def test_yaml_nan() -> None:
    assert math.isnan(one_yaml(".nan"))


def test_yaml_as_texts() -> None:
    assert one_yaml("a: 1.10\nb: [true, ~, '']\n", typed=False) == {"a": "1.10", "b": ["true", "~", ""]}


def test_yaml_places() -> None:
    value = one_yaml("# head\nspec:\n  ports:\n    - 80\n    - {name: x}\n  'q': >\n    text\n")
    assert isinstance(value, YamlMap)
    assert value.place == (2, 1)
    spec = value["spec"]
    assert (value.keys_at["spec"], value.values_at["spec"]) == (Place(2, 1), Place(3, 3))
    assert spec.keys_at == {"ports": (3, 3), "q": (6, 3)}
    ports = spec["ports"]
    assert isinstance(ports, YamlList)
    assert ports.items_at == [(4, 7), (5, 7)]
    assert ports[1].values_at["name"] == (5, 14)
    assert spec.values_at["q"].column == 8


def test_yaml_documents_each_with_its_own_anchors() -> None:
    assert load_yaml(b"a: &x 1\n---\n- 2\n---\n") == ({"a": 1}, [2], None)
    assert load_yaml(b"") == ()
    assert load_yaml(b"# nothing\n") == ()
    with pytest.raises(DocumentError, match="no anchor") as caught:
        load_yaml(b"a: &x 1\n---\n- *x\n")
    assert caught.value.line == 3


def test_yaml_aliases_and_merges() -> None:
    value = one_yaml(
        "base: &base {image: a, user: root}\nmore: &more {user: more, cpu: 1}\n"
        "one:\n  <<: *base\n  user: app\ntwo:\n  <<: [*more, *base]\nthree: {'<<': plain}\n"
    )
    assert value["one"] == {"user": "app", "image": "a"}
    assert value["one"].keys_at == {"user": (5, 3), "image": (1, 14)}
    assert value["two"] == {"user": "more", "cpu": 1, "image": "a"}
    assert value["three"] == {"<<": "plain"}


def test_yaml_key_given_twice_is_noted() -> None:
    value = one_yaml("a: 1\nb: 2\na: 3\n")
    assert value == {"a": 3, "b": 2}
    assert value.repeated == [("a", (3, 1))]


def test_yaml_billion_laughs_is_counted() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    with pytest.raises(DocumentError, match="more than 100000 nodes"):
        load_yaml("\n".join(lines).encode())
    assert len(load_yaml("\n".join(lines[:4]).encode())) == 1


def test_yaml_alias_inside_its_own_anchor_is_refused() -> None:
    for text in (b"&a [*a]", b"a: &x\n  b: *x\n"):
        with pytest.raises(DocumentError, match="inside its own anchor"):
            load_yaml(text)


@law
@given(st.integers(1, 50), st.booleans())
def test_yaml_depth_is_bounded_exactly(depth: int, maps: bool) -> None:
    text = ("{a: " * depth + "1" + "}" * depth) if maps else ("[" * depth + "]" * depth)
    load_yaml(text.encode(), max_depth=depth)
    with pytest.raises(DocumentError, match="deep"):
        load_yaml(text.encode(), max_depth=depth - 1)


def test_yaml_bounds_bytes_and_nodes() -> None:
    with pytest.raises(DocumentError, match="more than the 3 allowed"):
        load_yaml(b"a: b", max_bytes=3)
    assert load_yaml(b"[1, 2]", max_nodes=3) == ([1, 2],)
    with pytest.raises(DocumentError, match="more than 2 nodes"):
        load_yaml(b"[1, 2]", max_nodes=2)


@pytest.mark.parametrize(
    ("text", "line"), [(b"a: 1\nb: [\n", 3), (b"a: 1\n\tb: 2", 2), (b"a: 'x", 1), (b"? [a]\n: 1", 1), (b"a: b: c", 1)]
)
def test_yaml_error_names_the_line(text: bytes, line: int) -> None:
    with pytest.raises(DocumentError) as caught:
        load_yaml(text)
    assert caught.value.line == line


def complaint(load: Callable[[bytes], object], data: bytes) -> DocumentError:
    """What the loader says against the data; a mild error when it accepts it."""
    try:
        load(data)
    except DocumentError as error:
        return error
    return DocumentError("none")


@pytest.mark.parametrize("data", [b"\xff\xfe\xff", b"a: \x00", b"%YAML 9.9\n---\na", b"\xc3(", b"!<", b"a: !!int x"])
def test_yaml_oddities_give_a_value_or_the_one_error(data: bytes) -> None:
    assert complaint(load_yaml, data).reason


@law
@given(st.binary(max_size=200))
def test_any_bytes_give_a_value_or_the_one_error(data: bytes) -> None:
    for load in (load_json, load_toml, load_yaml):
        said = complaint(load, data)
        assert said.reason
        assert said.line >= 0
