"""Configuration: every key checked, with line and suggestion, and every value with its origin."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from thwart.core.config import Config, Registry, keys, parse, resolve, variable
from thwart.core.errors import ConfigError
from thwart.core.report import Exception_, Policy

WHOLE = """\
fail-on = "medium"
on-incomplete = "warn"
only-fixed = true
platform = "linux/arm64/v8"
offline = true

[[exceptions]]
id = "CVE-2024-1000"
reason = '''
a reason = "with a look-alike"
[[exceptions]]
'''
owner = "shop"
expires = 2027-01-31

[[exceptions]]
id = "GHSA-1"
reason = "why"
owner = "shop"
expires = "2027-02-28"
asset = "*cart*"
package = "openssl"
path = "opt/*"

[registry."localhost:5000"]
plain-http = true

[registry."registry.example.test"]
ca = "ca.pem"
client-cert = "c.pem"
client-key = "k.pem"
"""


ONE = '[[exceptions]]\nid = "a"\nreason = "r"\nowner = "o"\nexpires = 2027-01-31'


def test_every_key_is_read() -> None:
    config = parse(WHOLE, "thwart.toml")
    assert config.values == {
        "fail-on": "medium",
        "on-incomplete": "warn",
        "only-fixed": True,
        "platform": "linux/arm64/v8",
        "offline": True,
    }
    assert config.lines == {"fail-on": 1, "on-incomplete": 2, "only-fixed": 3, "platform": 4, "offline": 5}
    first, second = config.exceptions
    assert (first.id, first.expires, first.asset) == ("CVE-2024-1000", "2027-01-31", "")
    assert second == Exception_(
        id="GHSA-1",
        reason="why",
        owner="shop",
        expires="2027-02-28",
        asset="*cart*",
        package="openssl",
        path="opt/*",
    )
    assert config.registries == (
        Registry(host="localhost:5000", plain_http=True),
        Registry(host="registry.example.test", ca="ca.pem", client_cert="c.pem", client_key="k.pem"),
    )


def test_an_empty_file_states_nothing() -> None:
    assert parse("", "thwart.toml") == Config(path="thwart.toml")


def test_pyproject_is_read_below_tool_thwart_only() -> None:
    text = '[project]\nname = "x"\n[tool.thwart]\nfail-on = "low"\n[[tool.thwart.exceptions]]\nid = "x"\n'
    with pytest.raises(ConfigError, match=r"sub/pyproject.toml:5: the exception lacks reason and owner and expires"):
        parse(text, "sub/pyproject.toml")
    config = parse(text.partition("[[")[0], "sub/pyproject.toml")
    assert (config.values, config.lines) == ({"fail-on": "low"}, {"fail-on": 4})
    assert not parse('[project]\nname = "x"\n', "pyproject.toml").found
    assert not parse("tool = 3\n", "pyproject.toml").found


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ('\n\nfail_on = "high"', "3: unknown key fail_on", "did you mean fail-on?"),
        ('fial-on = "high"', "1: unknown key fial-on", "did you mean fail-on?"),
        ("zzz = 1", "1: unknown key zzz", "known are fail-on"),
        ('fail-on = "hihg"', "1: fail-on is 'hihg', which is none of", "did you mean high?"),
        ("fail-on = 7", "1: fail-on must be text, not a number", ""),
        ('only-fixed = "yes"', "1: only-fixed must be true or false, not text", ""),
        ("offline = 1", "1: offline must be true or false, not a number", ""),
        ('on-incomplete = "ignore"', "1: on-incomplete is 'ignore'", "known are fail, warn"),
        ('platform = "arm64"', "1: platform is 'arm64', which is not of the form linux/arm64", ""),
        ('platform = ["linux/arm64"]', "1: platform must be text, not an array", ""),
        ('fail-on = "high', "1: not TOML", ""),
        ("a = 1\na = 2", "2: not TOML", ""),
        ("exceptions = 3", "1: exceptions must be an array of tables", ""),
        ("[exceptions]\nid = 'x'", "1: exceptions must be an array of tables", ""),
        ('[[exceptions]]\nid = "x"\nreason = "r"\nowner = "o"', "1: the exception lacks expires", "until when"),
        (
            '[[exceptions]]\nid = "x"\nreason = "r"\nowner = "o"\nexpires = "soon"',
            "5: expires is 'soon', which is not a date",
            "",
        ),
        (
            '[[exceptions]]\nid = "x"\nreason = "r"\nowner = "o"\nexpires = 2027-01-31T00:00:00Z',
            "5: expires must be a date like 2027-01-31, not a date with a time",
            "",
        ),
        (
            '[[exceptions]]\nid = "x"\nreason = "r"\nowner = ""\nexpires = 2027-01-31',
            "4: owner is empty",
            "",
        ),
        (
            '[[exceptions]]\nid = 1\nreason = "r"\nowner = "o"\nexpires = 2027-01-31',
            "2: id must be text, not a number",
            "",
        ),
        (
            f'{ONE}\n{ONE}\nimage = "x"',
            "11: unknown key exceptions.image",
            "known are id",
        ),
        ('[registry]\n"h" = 3', "2: the registry 'h' must be a table", ""),
        ("registry = 3", "1: registry must hold a table for each host", ""),
        ('[registry."https://h"]', "1: 'https://h' is not a host", "leave out the scheme"),
        ('[registry."h"]\nplain-http = "yes"', "2: plain-http must be true or false, not text", ""),
        ('[registry."h"]\nplain_http = true', "2: unknown key registry.h.plain_http", "did you mean plain-http?"),
        ('[registry."h"]\nclient-cert = "c"', "1: the registry 'h' has only one of", ""),
        ("tool.thwart.offline = true", "1: unknown key tool", ""),
    ],
)
def test_what_is_wrong_is_said_with_line_and_suggestion(text: str, message: str, hint: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(text, "thwart.toml")
    assert caught.value.sentence.startswith(f"thwart.toml:{message}")
    assert hint in " ".join(caught.value.hints)
    assert caught.value.exit_code == 2


def test_flag_before_environment_before_file_before_default() -> None:
    file = parse('\nfail-on = "low"\nplatform = "linux/arm64"\nonly-fixed = true', "a/thwart.toml")
    env = {"THWART_FAIL_ON": "medium", "THWART_ONLY_FIXED": "no", "THWART_OFFLINE": "", "THWART_OTHER": "x"}
    settings = resolve({"fail-on": "critical", "platform": None}, env, file)
    assert [tuple(setting) for setting in settings.all] == [
        ("fail-on", "critical", "--fail-on"),
        ("on-incomplete", "fail", "default"),
        ("only-fixed", False, "THWART_ONLY_FIXED"),
        ("platform", "linux/arm64", "a/thwart.toml:3"),
        ("offline", False, "default"),
    ]
    assert settings["platform"] == "linux/arm64"
    assert settings.policy == Policy(fail_on="critical", on_incomplete="fail", only_fixed=False)


def test_without_anything_the_defaults_are_the_policys() -> None:
    settings = resolve({}, {}, None)
    assert settings.policy == Policy()
    assert [setting.key for setting in settings.all] == list(keys())
    assert {setting.origin for setting in settings.all} == {"default"}


def test_exceptions_and_registries_come_from_the_file() -> None:
    config = parse(WHOLE, "thwart.toml")
    settings = resolve({}, {}, config)
    assert settings.policy.exceptions == config.exceptions
    assert settings.registries == config.registries


@pytest.mark.parametrize(
    ("flags", "env", "message"),
    [
        ({"fail-on": "hihg"}, {}, "--fail-on is 'hihg'"),
        ({}, {"THWART_FAIL_ON": "severe"}, "THWART_FAIL_ON is 'severe'"),
        ({}, {"THWART_OFFLINE": "perhaps"}, "THWART_OFFLINE is 'perhaps', which is neither true nor false"),
        ({"offline": 1}, {}, "--offline must be true or false"),
    ],
)
def test_flags_and_variables_are_checked_too(flags: dict[str, str], env: dict[str, str], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        resolve(flags, env, None)
    assert caught.value.sentence.startswith(message)


def test_variables_are_named_after_their_keys() -> None:
    assert variable("on-incomplete") == "THWART_ON_INCOMPLETE"


@given(st.integers(0, len(WHOLE)), st.integers(0, len(WHOLE)), st.characters())
def test_any_text_is_read_or_refused(start: int, end: int, instead: str) -> None:
    text = WHOLE[:start] + instead + WHOLE[end:]
    refusal = ""
    try:
        parse(text, "thwart.toml")
    except ConfigError as error:
        refusal = error.sentence
    assert not refusal or refusal.startswith("thwart.toml:")
