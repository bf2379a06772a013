"""The reference grammar; expectations were compared with the distribution project's own parser."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from thwart.lib.reference import Reference, ReferenceError_, check_digest, check_tag, is_digest, parse, split_host

A = "a" * 64
SHA256, SHA512 = f"sha256:{A}", f"sha512:{'b' * 128}"

GOOD = [
    # text, registry, repository, tag, digest, familiar
    ("nginx", "docker.io", "library/nginx", "", "", "nginx"),
    ("nginx:1.27", "docker.io", "library/nginx", "1.27", "", "nginx:1.27"),
    ("library/nginx", "docker.io", "library/nginx", "", "", "nginx"),
    ("docker.io/nginx", "docker.io", "library/nginx", "", "", "nginx"),
    ("index.docker.io/nginx:a", "docker.io", "library/nginx", "a", "", "nginx:a"),
    ("index.docker.io/me/app", "docker.io", "me/app", "", "", "me/app"),
    ("docker.io/library/a/b", "docker.io", "library/a/b", "", "", "library/a/b"),
    ("registry-1.docker.io/x", "registry-1.docker.io", "x", "", "", "registry-1.docker.io/x"),
    ("me/app", "docker.io", "me/app", "", "", "me/app"),
    ("localhost/app", "localhost", "app", "", "", "localhost/app"),
    ("localhost", "docker.io", "library/localhost", "", "", "localhost"),
    ("r.example.test", "docker.io", "library/r.example.test", "", "", "r.example.test"),
    ("r.example.test/app", "r.example.test", "app", "", "", "r.example.test/app"),
    ("host:5000/app", "host:5000", "app", "", "", "host:5000/app"),
    ("host:5000", "docker.io", "library/host", "5000", "", "host:5000"),
    ("HOST/app", "HOST", "app", "", "", "HOST/app"),
    ("DOCKER.IO/app", "DOCKER.IO", "app", "", "", "DOCKER.IO/app"),
    ("[::1]/a/b", "[::1]", "a/b", "", "", "[::1]/a/b"),
    ("[2001:db8::1]:5000/a:T", "[2001:db8::1]:5000", "a", "T", "", "[2001:db8::1]:5000/a:T"),
    (f"a@{SHA256}", "docker.io", "library/a", "", SHA256, f"a@{SHA256}"),
    (f"a:t@{SHA512}", "docker.io", "library/a", "t", SHA512, f"a:t@{SHA512}"),
    (f"a@sha384:{'c' * 96}", "docker.io", "library/a", "", f"sha384:{'c' * 96}", f"a@sha384:{'c' * 96}"),
    ("a/b__c/d.e/f---g/h_i", "docker.io", "a/b__c/d.e/f---g/h_i", "", "", "a/b__c/d.e/f---g/h_i"),
    ("a:_x", "docker.io", "library/a", "_x", "", "a:_x"),
    (f"a:{'t' * 128}", "docker.io", "library/a", "t" * 128, "", f"a:{'t' * 128}"),
    ("docker.io/localhost/x", "docker.io", "localhost/x", "", "", "docker.io/localhost/x"),
    ("docker.io/a.b/x:t", "docker.io", "a.b/x", "t", "", "docker.io/a.b/x:t"),
    (f"docker.io/{A}", "docker.io", f"library/{A}", "", "", f"docker.io/library/{A}"),
    (f"{A}:t", "docker.io", f"library/{A}", "t", "", f"{A}:t"),
    (f"r.test/{'b' * 255}", "r.test", "b" * 255, "", "", f"r.test/{'b' * 255}"),
]

BAD = [
    ("", "is empty"),
    (A, "identifier"),
    ("Nginx", "did you mean 'nginx'"),
    ("me/App:T", "did you mean 'me/app'"),
    ("r.test/x/É", "lower case"),
    ("\N{LATIN SMALL LETTER E WITH ACUTE}/x", "cannot be part"),
    (" nginx", "white space"),
    ("nginx\n", "white space"),
    ("https://r.test/x", "leave out what stands before 'r.test/x'"),
    ("docker://x", "leave out"),
    ("/x", "'/x' has an empty part"),
    ("x/", "empty part"),
    ("r.test/", "no repository name"),
    ("a//b", "empty part"),
    ("a___b", "'a___b' cannot be part"),
    ("a..b/c", "not a registry's host"),
    ("-a/b", "cannot be part"),
    ("a-/b", "cannot be part"),
    ("a:", "tag after ':' is empty"),
    ("a:-x", "is not a tag"),
    ("a:b:c", "is not a tag"),
    ("a:\N{FULLWIDTH DIGIT ONE}", "is not a tag"),
    (f"a:{'t' * 129}", "129 characters"),
    ("a@", "is not a digest"),
    ("a@sha256", "is not a digest"),
    (f"a@sha256:{'a' * 63}", "64 hexadecimal digits"),
    (f"a@sha256:{'A' * 64}", "other than 0-9"),
    (f"a@md5:{'d' * 32}", "'md5' is not known"),
    (f"a@{SHA256}@{SHA256}", "64 hexadecimal digits"),
    (f"r.test/{'b' * 256}", "more than 255"),
    (f"a/{'b' * 254}", "more than 255"),
    ("::1/x", "in brackets"),
    ("[fe80::1%eth0]/x", "not a registry's host"),
    ("host:port/x", "not a registry's host"),
    ("r.test:/x", "not a registry's host"),
    ("a_b.test/x", "not a registry's host"),
    ("x" * 5000, "more than any name"),
]


@pytest.mark.parametrize(("text", "registry", "repository", "tag", "digest", "familiar"), GOOD)
def test_good(text: str, registry: str, repository: str, tag: str, digest: str, familiar: str) -> None:
    found = parse(text)
    assert found == Reference(registry, repository, tag, digest)
    assert found.familiar() == familiar
    suffix = (f":{tag}" if tag else "") + (f"@{digest}" if digest else "")
    assert found.canonical() == str(found) == f"{registry}/{repository}{suffix}"


@pytest.mark.parametrize(("text", "message"), BAD)
def test_bad(text: str, message: str) -> None:
    with pytest.raises(ReferenceError_) as caught:
        parse(text)
    assert message in str(caught.value)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 300
    assert isinstance(caught.value, ValueError)


def test_a_digest_is_wanted_before_a_tag_and_latest_last() -> None:
    assert parse(f"a:t@{SHA256}").wanted == SHA256
    assert parse("a:t").wanted == "t"
    assert parse("a").wanted == "latest"


PARTS = [
    "a",
    "B",
    "1",
    ".",
    "_",
    "-",
    ":",
    "/",
    "@",
    "[",
    "]",
    "λ",
    " ",
    "\n",
    "docker.io/",
    "localhost",
    "library/",
    A,
]
TEXTS = st.lists(st.sampled_from(PARTS), max_size=12).map("".join)


@given(TEXTS)
def test_any_text_is_read_or_refused_and_reading_is_stable(text: str) -> None:
    try:
        found = parse(text)
    except ReferenceError_:
        return
    for again in (found.canonical(), found.familiar()):
        assert parse(again) == found


@pytest.mark.parametrize("unit", ["a-", "a.", "-", "a_", "/", ":", "@", "[", "A."])
def test_long_texts_take_no_time(unit: str) -> None:
    started = time.process_time()
    for text in (unit * 500, f"h.test/{unit * 400}", f"{unit * 400}!/x"):
        with pytest.raises(ReferenceError_):
            parse(text[:1020])
    assert time.process_time() - started < 1.0


@pytest.mark.parametrize(
    ("registry", "expected"),
    [
        ("h.test", ("h.test", None)),
        ("h.test:5000", ("h.test", 5000)),
        ("[::1]", ("::1", None)),
        ("[::1]:1", ("::1", 1)),
    ],
)
def test_host_and_port(registry: str, expected: tuple[str, int | None]) -> None:
    assert split_host(registry) == expected


@pytest.mark.parametrize("registry", ["h:0", "h:65536", "h:99999999999", "[::1]:0"])
def test_impossible_ports(registry: str) -> None:
    with pytest.raises(ReferenceError_, match="1 to 65535"):
        split_host(registry)


def test_parts_can_be_checked_alone() -> None:
    assert check_tag("v1") == "v1"
    assert check_digest(SHA512) == SHA512
    assert is_digest(SHA256)
    assert not is_digest("latest")
    for path in ("../../etc", "sha256:../../x", f"{SHA256}/x", f"{SHA256}\n"):
        assert not is_digest(path)
