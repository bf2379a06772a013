"""Package URLs: each rule of ECMA-427 and of the type definitions, round trips, and packageurl-python beside ours."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packageurl import PackageURL

from thwart.lib.purl import Purl, PurlError, build, decode, parse

CANONICAL = re.compile(  # the grammar of ECMA-427, annex C
    r"pkg:[a-z][a-z0-9.-]*(?:/(?:[A-Za-z0-9._~:-]|%[0-9A-F]{2})+)+(?:@(?:[A-Za-z0-9._~:-]|%[0-9A-F]{2})+)?"
    r"(?:\?[a-z][a-z0-9._-]*=(?:[A-Za-z0-9._~:-]|%[0-9A-F]{2})+(?:&[a-z][a-z0-9._-]*=(?:[A-Za-z0-9._~:-]|%[0-9A-F]{2})+)*)?"
    r"(?:#(?:[A-Za-z0-9._~:-]|%[0-9A-F]{2})+(?:/(?:[A-Za-z0-9._~:-]|%[0-9A-F]{2})+)*)?"
)

# A purl as somebody may write it, the canonical one.
NORMALISED = [
    # scheme and type
    ("pkg:/generic/a", "pkg:generic/a"),
    ("pkg:////generic/a", "pkg:generic/a"),
    ("PKG:Generic/a", "pkg:generic/a"),
    ("pkg:my-own.type2/A/B@C", "pkg:my-own.type2/A/B@C"),
    # namespace and name
    ("pkg:generic//x//y/a", "pkg:generic/x/y/a"),
    ("pkg:generic/a/", "pkg:generic/a"),
    ("pkg:generic/x y/a+b", "pkg:generic/x%20y/a%2Bb"),
    ("pkg:generic/x%3Ay/%7Ea%2Db", "pkg:generic/x:y/~a-b"),
    ("pkg:generic/first%2fsecond", "pkg:generic/first%2Fsecond"),
    ("pkg:generic/caf\u00e9", "pkg:generic/caf%C3%A9"),
    ("pkg:generic/%F0%9F%98%83", "pkg:generic/%F0%9F%98%83"),
    ("pkg:generic/a!b*c(d)e,f;g$h'i", "pkg:generic/a%21b%2Ac%28d%29e%2Cf%3Bg%24h%27i"),
    # version
    ("pkg:generic/a@", "pkg:generic/a"),
    ("pkg:generic/a@1:2.0%2Bb1~rc", "pkg:generic/a@1:2.0%2Bb1~rc"),
    ("pkg:generic/a@1+2 3", "pkg:generic/a@1%2B2%203"),
    ("pkg:generic/a@feature/x", "pkg:generic/a@feature%2Fx"),
    ("pkg:generic/a%40b@c%40d", "pkg:generic/a%40b@c%40d"),
    ("pkg:generic/x@y/a@1", "pkg:generic/x%40y/a@1"),
    # qualifiers
    ("pkg:generic/a?b=1&A=2", "pkg:generic/a?a=2&b=1"),
    ("pkg:generic/a?", "pkg:generic/a"),
    ("pkg:generic/a?b=&c=1&d&&=", "pkg:generic/a?c=1"),
    ("pkg:generic/a?a=b=c", "pkg:generic/a?a=b%3Dc"),
    ("pkg:generic/a?u=https://example.test/x", "pkg:generic/a?u=https:%2F%2Fexample.test%2Fx"),
    ("pkg:generic/a?checksum=sha1:ab,sha256:cd", "pkg:generic/a?checksum=sha1:ab%2Csha256:cd"),
    ("pkg:generic/a?k.b=1&k=2&k_a=3&k-c=4", "pkg:generic/a?k=2&k-c=4&k.b=1&k_a=3"),
    ("pkg:generic/a?x=%2520", "pkg:generic/a?x=%2520"),
    # subpath
    ("pkg:generic/a#/x//./y/../z/", "pkg:generic/a#x/y/z"),
    ("pkg:generic/a#%2E/%2e%2E/x%20y", "pkg:generic/a#x%20y"),
    ("pkg:generic/a#", "pkg:generic/a"),
    ("pkg:generic/a#../..", "pkg:generic/a"),
    ("pkg:generic/a@1?b=c#d:e+f", "pkg:generic/a@1?b=c#d:e%2Bf"),
    # types
    ("pkg:alpm/Arch/Pacman@6.0.1-1?arch=x86_64", "pkg:alpm/arch/pacman@6.0.1-1?arch=x86_64"),
    ("pkg:apk/Alpine/Curl@7.83.0-r0", "pkg:apk/alpine/curl@7.83.0-r0"),
    ("pkg:bazel/Rules@1", "pkg:bazel/Rules@1"),
    ("pkg:bitbucket/Owner/Repo@Tag", "pkg:bitbucket/owner/repo@Tag"),
    ("pkg:bitnami/WordPress@6.2.0", "pkg:bitnami/wordpress@6.2.0"),
    ("pkg:brew/Some/Tap/Python@3.12@3.12.1", "pkg:brew/Some/Tap/python%403.12@3.12.1"),
    ("pkg:cargo/Serde@1.0.0", "pkg:cargo/Serde@1.0.0"),
    ("pkg:chrome-extension/" + "Ab" * 16 + "@1.2.3.4", "pkg:chrome-extension/" + "ab" * 16 + "@1.2.3.4"),
    ("pkg:cocoapods/Kit@2.0#Sub+Spec", "pkg:cocoapods/Kit@2.0#Sub%2BSpec"),
    ("pkg:composer/Laravel/Framework@V1", "pkg:composer/laravel/framework@V1"),
    ("pkg:conan/Org/Name@1?Channel=Stable", "pkg:conan/Org/Name@1?channel=Stable"),
    ("pkg:cpan/gdt/URI-PackageURL", "pkg:cpan/GDT/URI-PackageURL"),
    ("pkg:cpan/DateTime@1.55", "pkg:cpan/DateTime@1.55"),
    ("pkg:cran/A3@0.9.1", "pkg:cran/A3@0.9.1"),
    ("pkg:deb/Debian/Attr@1:2.4.47-2+b1?arch=amd64", "pkg:deb/debian/attr@1:2.4.47-2%2Bb1?arch=amd64"),
    ("pkg:deb/attr@1", "pkg:deb/attr@1"),
    ("pkg:docker/Customer/Image@sha256%3Aabc", "pkg:docker/Customer/Image@sha256:abc"),
    ("pkg:gem/Jruby-Launcher@1.1.2?Platform=java", "pkg:gem/Jruby-Launcher@1.1.2?platform=java"),
    ("pkg:github/Package-URL/Purl-Spec@244fD", "pkg:github/package-url/purl-spec@244fD"),
    ("pkg:GOLANG/GitHub.com/BurntSushi/Toml@v1#Cmd", "pkg:golang/github.com/burntsushi/toml@v1#Cmd"),
    ("pkg:golang/stdlib@1.22.3", "pkg:golang/stdlib@1.22.3"),
    ("pkg:hackage/AC_HalfInteger@1", "pkg:hackage/AC-HalfInteger@1"),
    ("pkg:hex/Acme/Jason@1.1.2", "pkg:hex/acme/jason@1.1.2"),
    ("pkg:huggingface/EleutherAI/gpt-neo-1.3B@797ABC", "pkg:huggingface/EleutherAI/gpt-neo-1.3B@797abc"),
    ("pkg:julia/Dates@1.9?uuid=AB", "pkg:julia/Dates@1.9?uuid=AB"),
    ("pkg:luarocks/Hisham/LuaFileSystem@1.8.0-1", "pkg:luarocks/hisham/luafilesystem@1.8.0-1"),
    ("pkg:Maven/HTTPClient/HTTPClient@0.3-3", "pkg:maven/HTTPClient/HTTPClient@0.3-3"),
    ("pkg:maven/name@1", "pkg:maven/name@1"),
    ("pkg:mlflow/Fraud@3?repository_url=https://databricks.example.test", "pkg:mlflow/fraud@3?repository_url=https:%2F%2Fdatabricks.example.test"),
    ("pkg:mlflow/Fraud@3?repository_url=https://azureml.example.test", "pkg:mlflow/Fraud@3?repository_url=https:%2F%2Fazureml.example.test"),
    ("pkg:npm/%40Angular/Animation@12.3.1", "pkg:npm/%40angular/animation@12.3.1"),
    ("pkg:npm/@babel/core@1.0.2#/x/", "pkg:npm/%40babel/core@1.0.2#x"),
    ("pkg:npm/@babel/core", "pkg:npm/%40babel/core"),
    ("pkg:Nuget/EnterpriseLibrary.Common@6.0.1304", "pkg:nuget/EnterpriseLibrary.Common@6.0.1304"),
    ("pkg:oci/Debian@sha256%3AAB?tag=Latest", "pkg:oci/debian@sha256:ab?tag=Latest"),
    ("pkg:opam/Git@3/16.1", "pkg:opam/Git@3%2F16.1"),
    ("pkg:otp/Hex@2.1.1", "pkg:otp/hex@2.1.1"),
    ("pkg:pub/Flutter-Test.x@0.0.0", "pkg:pub/flutter_test_x@0.0.0"),
    ("pkg:PYPI/Django_Package.x@1.11.1.DEV1", "pkg:pypi/django-package.x@1.11.1.dev1"),
    ("pkg:qpkg/BlackBerry/com.QNX@7", "pkg:qpkg/blackberry/com.QNX@7"),
    ("pkg:Rpm/Fedora/Curl@7.50.3-1.fc25?Arch=i386", "pkg:rpm/fedora/Curl@7.50.3-1.fc25?arch=i386"),
    ("pkg:swid/Acme/example.test/Server@1?tag_id=A", "pkg:swid/Acme/example.test/Server@1?tag_id=A"),
    ("pkg:swift/github.com/Alamofire/Alamofire@5.4.3", "pkg:swift/github.com/Alamofire/Alamofire@5.4.3"),
    ("pkg:vcpkg/bzip2@1.0.8?port_version=6", "pkg:vcpkg/bzip2@1.0.8?port_version=6"),
    ("pkg:vscode-extension/RedHat/Java@1.46?platform=Linux", "pkg:vscode-extension/redhat/java@1.46?platform=Linux"),
    ("pkg:yocto/Core/Glibc@2.35", "pkg:yocto/core/Glibc@2.35"),
]  # fmt: skip


@pytest.mark.parametrize(("written", "canonical"), NORMALISED)
def test_canonical_form(written: str, canonical: str) -> None:
    assert str(parse(written)) == canonical
    assert str(parse(canonical)) == canonical
    assert parse(written) == parse(canonical)
    assert CANONICAL.fullmatch(canonical)


REFUSED = [
    ("", "pkg:"),
    ("a@6.0", "pkg:"),
    ("npm:a", "pkg:"),
    ("pkg%3Amaven/a/b", "pkg:"),
    (" pkg:npm/a", "pkg:"),
    ("pkg:", "type"),
    ("pkg:Library.Common@6.0", "type"),
    ("pkg:npm", "type"),
    ("pkg:///a", "type"),
    ("pkg:n&g?inx/nginx@1", "type"),
    ("pkg:3nginx/nginx", "no type"),
    ("pkg:ngi_nx/nginx", "no type"),
    ("pkg:n+x/nginx", "no type"),
    ("pkg:n:a/nginx", "no type"),
    ("pkg:%6Epm/a", "no type"),
    ("pkg:\u212anpm/a", "no type"),
    ("pkg:npm/", "no name"),
    ("pkg:maven/@1.3.4", "no name"),
    ("pkg:swift/github.com/Alamofire/@5.4.3", "no name"),
    ("pkg:generic/%2F", "name"),
    ("pkg:generic/a?in%20it=1", "qualifier key"),
    ("pkg:generic/a?1a=1", "qualifier key"),
    ("pkg:generic/a?%61=1", "qualifier key"),
    ("pkg:generic/a?\u212a=1", "qualifier key"),
    ("pkg:generic/a?b=1&B=2", "twice"),
    ("pkg:generic/x%2Fy/a", "encoded slash"),
    ("pkg:generic/a#x%2Fy", "encoded slash"),
    ("pkg:generic/%zz", "escape"),
    ("pkg:generic/a@1%", "escape"),
    ("pkg:generic/a?b=%4", "escape"),
    ("pkg:generic/%FF", "UTF-8"),
    ("pkg:generic/a@%C3", "UTF-8"),
    ("pkg:generic/%ED%A0%80", "UTF-8"),
    ("pkg:swift/Alamofire@5.4.3", "needs a namespace"),
    ("pkg:composer/laravel@1", "needs a namespace"),
    ("pkg:huggingface/bert", "needs a namespace"),
    ("pkg:vscode-extension/java@1", "needs a namespace"),
    ("pkg:pypi/x/django", "no namespace"),
    ("pkg:otp/x/hex@2.1.1", "no namespace"),
    ("pkg:vcpkg/boost/asio@1", "no namespace"),
    ("pkg:cpan/GDT/URI::PackageURL", "Perl module"),
    ("pkg:cpan/LWP::UserAgent@6.7", "Perl module"),
    ("pkg:julia/Dates@1.9.0", "qualifier uuid"),
    ("pkg:swid/Fedora@29", "qualifier tag_id"),
    ("pkg:chrome-extension/dogs", "32 letters"),
    ("pkg:chrome-extension/4" + "a" * 31, "32 letters"),
    ("pkg:chrome-extension/" + "a" * 32 + "@1.2.3.4.5", "one to four numbers"),
    ("pkg:chrome-extension/" + "a" * 32 + "@1.2-beta", "one to four numbers"),
]


@pytest.mark.parametrize(("text", "reason"), REFUSED)
def test_what_is_no_purl(text: str, reason: str) -> None:
    with pytest.raises(PurlError, match=reason):
        parse(text)


def test_components() -> None:
    purl = parse("pkg:deb/debian/attr@1:2.4.47-2%2Bb1?distro=debian-12&arch=amd64#usr%20share/doc")
    assert purl == Purl(
        "deb", "debian", "attr", "1:2.4.47-2+b1", {"arch": "amd64", "distro": "debian-12"}, "usr share/doc"
    )
    assert list(purl.qualifiers) == ["arch", "distro"]
    assert parse("pkg:npm/a") == Purl("npm", name="a")
    assert {parse("pkg:npm/a"), parse("pkg:npm/a"), parse("pkg:npm/b")} == {
        Purl("npm", name="a"),
        Purl("npm", name="b"),
    }


def test_decode_leaves_the_components_as_written() -> None:
    purl = decode("pkg:golang/github.com/BurntSushi/Toml@V1?Goos=Linux#Cmd")
    assert (purl.namespace, purl.name, purl.version) == ("github.com/BurntSushi", "Toml", "V1")
    assert purl.qualifiers == {"goos": "Linux"}
    assert decode("pkg:swift/x@1").name == "x"  # no rule of its type is asked for
    with pytest.raises(PurlError):
        decode("pkg:npm/")


BUILT = [
    (("npm", "@angular", "core", "12.3.1"), "pkg:npm/%40angular/core@12.3.1"),
    (("NPM", None, "a", None, None, None), "pkg:npm/a"),
    (("generic", "/x//y/", "/a/", "1"), "pkg:generic/x/y/a@1"),
    (("generic", "", "a b", "", {}, ""), "pkg:generic/a%20b"),
    (("generic", "", "a", "", {"B": "1 2", "a": "x&y=z", "c": ""}), "pkg:generic/a?a=x%26y%3Dz&b=1%202"),
    (("generic", "", "a", "", {"u": "https://example.test/?q[]=%20#f"}), "pkg:generic/a?u=https:%2F%2Fexample.test%2F%3Fq%5B%5D%3D%2520%23f"),
    (("generic", "", "a", "", None, "/x/./../y z/"), "pkg:generic/a#x/y%20z"),
    (("generic", "", "a", "", None, "./.."), "pkg:generic/a"),
    (("generic", "", "a/b", "c/d"), "pkg:generic/a%2Fb@c%2Fd"),
    (("generic", "", "100%", "%41"), "pkg:generic/100%25@%2541"),
    (("pypi", None, "Zope.Interface_x", "1.0RC1"), "pkg:pypi/zope.interface-x@1.0rc1"),
    (("deb", None, "Curl", "7"), "pkg:deb/curl@7"),
    (("generic", "", "a\udcffb", "\ud800"), "pkg:generic/a%EF%BF%BDb@%EF%BF%BD"),
    (("generic", "", "caf\u00e9" * 60, ""), "pkg:generic/" + "caf%C3%A9" * 60),
]  # fmt: skip


@pytest.mark.parametrize(("components", "text"), BUILT)
def test_build(components: tuple[str, str, str], text: str) -> None:
    assert build(*components) == text


@pytest.mark.parametrize(
    ("components", "reason"),
    [
        ((None, None, "a"), "no type"),
        (("", "", "a"), "no type"),
        (("n m", "", "a"), "no type"),
        (("npm", "", None), "needs a name"),
        (("npm", "@x", "//"), "needs a name"),
        (("npm", "", "a", "1", {"in production": "true"}), "qualifier key"),
        (("npm", "", "a", "1", {"\u00e9": "1"}), "qualifier key"),
        (("npm", "", "a", "1", {"a": "1", "A": "2"}), "twice"),
        (("pypi", "x", "a"), "no namespace"),
        (("swift", None, "Alamofire"), "needs a namespace"),
        (("cpan", "GDT", "URI::PackageURL"), "Perl module"),
        (("julia", None, "Dates", "1", {"uuid": ""}), "qualifier uuid"),
    ],
)
def test_build_refuses(components: tuple[str, str, str], reason: str) -> None:
    with pytest.raises(PurlError, match=reason):
        build(*components)


KINDS = "alpm apk bitbucket cargo cpan deb docker generic github golang hackage hex maven npm oci pub pypi rpm".split()  # noqa: SIM905
words = st.text(st.characters(codec="utf-8"), min_size=1, max_size=8)
paths = st.lists(words.filter(lambda word: "/" not in word), max_size=3).map("/".join)
keys = st.from_regex(re.compile("[a-z][a-z0-9._-]{0,5}"), fullmatch=True)


@given(
    st.sampled_from(KINDS), paths, words, st.one_of(st.just(""), words), st.dictionaries(keys, words, max_size=3), paths
)
def test_what_is_built_is_canonical_and_reads_back(
    kind: str, namespace: str, name: str, version: str, qualifiers: dict[str, str], subpath: str
) -> None:
    try:
        text = build(kind, namespace, name, version, qualifiers, subpath)
    except PurlError:
        return
    assert CANONICAL.fullmatch(text)
    purl = parse(text)
    assert str(purl) == text
    assert parse(str(purl)) == purl
    assert purl.qualifiers == qualifiers
    if kind == "generic":
        assert (purl.namespace, purl.name, purl.version) == (namespace.strip("/"), name.strip("/"), version)


@given(st.text(max_size=40) | st.text("pkg:/npm@?#=&%2F4.0aA _+", max_size=40).map("pkg:generic/".__add__))
def test_any_string_is_a_purl_or_refused(text: str) -> None:
    try:
        purl = parse(text)
    except PurlError:
        return
    assert parse(str(purl)) == purl


plain = st.text("abcXYZ019-._~:+@ %&\u00e9", min_size=1, max_size=8).map(str.strip).filter(bool)


@given(
    st.sampled_from(["generic", "nuget", "docker", "maven", "gem"]),
    plain,
    plain,
    st.dictionaries(keys, plain, max_size=3),
)
def test_packageurl_python_builds_the_same(kind: str, name: str, version: str, qualifiers: dict[str, str]) -> None:
    """Where the two are meant to agree: without a slash in a value, without white space at its ends."""
    namespace = "" if kind in ("nuget", "gem") else "Some.Where"
    theirs = PackageURL(kind, namespace, name, version, qualifiers)
    ours = build(kind, namespace, name, version, qualifiers)
    assert ours == theirs.to_string()
    read = parse(ours)
    assert (read.type, read.namespace, read.name, read.version, dict(read.qualifiers)) == (
        theirs.type,
        theirs.namespace or "",
        theirs.name,
        theirs.version or "",
        theirs.qualifiers,
    )


def test_packageurl_python_differs_where_the_specification_does() -> None:
    """Kept so that an update of the peer that changes this is noticed."""
    qualifiers = {"u": "https://example.test/x"}
    assert PackageURL("generic", "", "a", "", qualifiers).to_string() == "pkg:generic/a?u=https://example.test/x"
    assert build("generic", "", "a", "", qualifiers) == "pkg:generic/a?u=https:%2F%2Fexample.test%2Fx"
    assert PackageURL.from_string("pkg:deb/Debian/Curl").to_string() == "pkg:deb/Debian/Curl"
    assert PackageURL("github", "a", "b+", "").to_string() == "pkg:github/a/b%2b"
    assert PackageURL.from_string("pkg:generic/%zz").name == "%zz"
    assert PackageURL.from_string("pkg:generic/a?b=1&b=2").qualifiers == {"b": "2"}


@pytest.mark.parametrize("unit", ["/", "@", "%", "%41", "?a=", "#", "&", "a", "a/", "..", ":", "\u00e9"])
def test_long_strings_are_read_in_linear_time(unit: str) -> None:
    for text in ("pkg:generic/" + unit * 50_000, "pkg:" + unit * 50_000 + "/a", "pkg:generic/a?b=" + unit * 50_000):
        try:
            parse(text)
        except PurlError as error:
            assert len(str(error)) < 300
