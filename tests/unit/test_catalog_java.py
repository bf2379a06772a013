"""Java archives, POMs and Gradle locks: identity, nesting, interpolation, and hostile input."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.java_archives import DATA, Member, archive, classes, coordinates, manifest, pom
from thwart.catalogers._java_identity import Name, group_of, identify, split
from thwart.catalogers._pom import parse
from thwart.catalogers._properties import properties
from thwart.catalogers.gradle_lockfile import gradle_lockfile
from thwart.catalogers.java_archive import java_archive
from thwart.catalogers.pom_xml import pom_xml
from thwart.core.errors import ParseError
from thwart.core.limits import DEFAULT, Limits
from thwart.core.package import File, FileFacts

FOLDER = Path(__file__).resolve().parent.parent / "data" / "catalogers" / "java_archive"


@pytest.mark.parametrize("name", DATA)
def test_the_archives_kept_as_data_are_those_made_here(name: str) -> None:
    assert (FOLDER / name).read_bytes() == DATA[name]


def read(path: str, data: bytes, limits: Limits = DEFAULT) -> FileFacts:
    return java_archive(File(path=path, data=data, size=len(data)), limits)


def rows(facts: FileFacts) -> list[tuple[str, str, str, str, str]]:
    return [(one.namespace, one.name, one.version, one.confidence, one.inner) for one in facts.found]


def slugs(facts: FileFacts) -> list[str]:
    return [slug for slug, _ in facts.problems]


@pytest.mark.parametrize(
    ("stem", "wanted"),
    [
        ("log4j-core-2.14.1", ("log4j-core", "2.14.1", "")),
        ("spring-core-5.3.9.RELEASE", ("spring-core", "5.3.9.RELEASE", "")),
        ("guava-31.1-jre", ("guava", "31.1-jre", "")),
        ("guava-31.1-android", ("guava", "31.1-android", "")),
        ("foo_2.13-1.0", ("foo_2.13", "1.0", "")),
        (
            "netty-transport-native-epoll-4.1.68.Final-linux-x86_64",
            ("netty-transport-native-epoll", "4.1.68.Final", "linux-x86_64"),
        ),
        ("log4j-1.2-api-2.14.1", ("log4j-1.2-api", "2.14.1", "")),
        ("log4j-1.2.17", ("log4j", "1.2.17", "")),
        ("servlet-api-2.5-6.1.14", ("servlet-api-2.5", "6.1.14", "")),
        ("geronimo-jms_1.1_spec-1.1.1", ("geronimo-jms_1.1_spec", "1.1.1", "")),
        ("bcprov-jdk15on-1.68", ("bcprov-jdk15on", "1.68", "")),
        ("h2-1.4.200", ("h2", "1.4.200", "")),
        ("jsr305-3.0.2", ("jsr305", "3.0.2", "")),
        ("foo-1.0-SNAPSHOT", ("foo", "1.0-SNAPSHOT", "")),
        ("foo-1.0-20200101.123456-1", ("foo", "1.0-20200101.123456-1", "")),
        ("foo-1.0-SNAPSHOT-sources", ("foo", "1.0-SNAPSHOT", "sources")),
        ("foo-1.0-jar-with-dependencies", ("foo", "1.0", "jar-with-dependencies")),
        ("postgresql-9.1-901.jdbc4", ("postgresql", "9.1-901.jdbc4", "")),
        ("mssql-jdbc-6.2.1.jre8", ("mssql-jdbc", "6.2.1.jre8", "")),
        ("guice-4.0-no_aop", ("guice", "4.0", "no_aop")),
        ("testng-5.11-jdk15", ("testng", "5.11", "jdk15")),
        ("foo-1.2.3.Final-redhat-00001", ("foo", "1.2.3.Final-redhat-00001", "")),
        ("plexus-container-default-1.0-alpha-9-stable-1", ("plexus-container-default", "1.0-alpha-9-stable-1", "")),
        (
            "google-api-services-storage-v1-rev20200927-1.30.10",
            ("google-api-services-storage", "v1-rev20200927-1.30.10", ""),
        ),
        ("lucene-core-8.0.0-snapshot-ff9509a8df", ("lucene-core", "8.0.0-snapshot-ff9509a8df", "")),
        ("junit-4.13-beta-3", ("junit", "4.13-beta-3", "")),
        ("json-20200518", ("json", "20200518", "")),
        ("xpp3_min-1.1.4c", ("xpp3_min", "1.1.4c", "")),
        ("jna", ("jna", "", "")),
        ("commons-lang3", ("commons-lang3", "", "")),
        ("", ("", "", "")),
        ("-1.0", ("", "1.0", "")),
    ],
)
def test_file_names(stem: str, wanted: tuple[str, str, str]) -> None:
    assert split(stem) == Name(*wanted)


def test_a_stated_version_decides_where_the_name_splits() -> None:
    assert split("foo-7-bar-1", ("7-bar-1",)) == Name("foo", "7-bar-1")
    assert split("foo-1.0-custom-linux", ("1.0-custom",)) == Name("foo", "1.0-custom", "linux")
    assert split("foo-1.01", ("1.0",)) == Name("foo", "1.01")


@given(st.text(alphabet="ab1v.-_", max_size=5000))
@settings(max_examples=60, deadline=None)
def test_splitting_loses_nothing(stem: str) -> None:
    parts = split(stem)
    assert "-".join(part for part in (*parts[:1], *filter(None, parts[1:]))) in (stem, stem.rstrip("-"))


def test_own_coordinates_and_those_swallowed() -> None:
    data = archive(
        manifest(Implementation_Title="shade"),
        coordinates("com.google.guava", "guava", "30.1.1-jre"),
        coordinates("com.acme", "shade", "1.0"),
        pom("com.acme", "shade", "1.0", licence="MIT"),
    )
    facts = read("app/shade-1.0.jar", data)
    assert rows(facts) == [
        ("com.acme", "shade", "1.0", "high", ""),
        ("com.google.guava", "guava", "30.1.1-jre", "high", ""),
    ]
    assert facts.found[0].licences == ("MIT",)
    assert facts.problems == ()


def test_swallowed_coordinates_do_not_become_the_archive() -> None:
    data = archive(manifest(Implementation_Version="2.0"), coordinates("com.google.code.gson", "gson", "2.8.6"))
    assert rows(read("app-2.0.jar", data)) == [
        ("", "app", "2.0", "medium", ""),
        ("com.google.code.gson", "gson", "2.8.6", "high", ""),
    ]


@pytest.mark.parametrize("path", ["ROOT.war", "app.jar", "service-1.0.jar", "com.acme.service-1.0.jar"])
def test_a_renamed_archive_keeps_its_single_coordinates(path: str) -> None:
    data = archive(manifest(), coordinates("com.acme", "acme-service", "1.0"))
    assert rows(read(path, data)) == [("com.acme", "acme-service", "1.0", "high", "")]


def test_pom_alone_gives_coordinates_from_its_parent() -> None:
    text = b"<project><parent><groupId>g</groupId><artifactId>p</artifactId><version>3</version></parent><artifactId>a</artifactId></project>"
    facts = read("a-3.jar", archive(Member(name="META-INF/maven/g/a/pom.xml", data=text)))
    assert rows(facts) == [("g", "a", "3", "high", "")]


def test_coordinates_that_maven_did_not_fill_in() -> None:
    data = archive(coordinates("g", "a", "${project.version}"), pom("g", "a", "2.0"))
    assert rows(read("a.jar", data)) == [("g", "a", "2.0", "high", "")]


def test_archives_within_archives() -> None:
    inner = archive(manifest(), coordinates("g", "inner", "1"))
    war = archive(manifest(), coordinates("g", "web", "2"), Member(name="WEB-INF/lib/inner-1.jar", data=inner))
    data = archive(
        manifest(Spring_Boot_Version="2.5.0"),
        coordinates("g", "boot", "3"),
        Member(name="BOOT-INF/lib/inner-1.jar", data=inner, method=0),
        Member(name="web-2.war", data=war),
        prefix=b"#!/bin/bash\n",
    )
    assert rows(read("opt/boot-3.jar", data)) == [
        ("g", "boot", "3", "high", ""),
        ("g", "inner", "1", "high", "BOOT-INF/lib/inner-1.jar"),
        ("g", "web", "2", "high", "web-2.war"),
        ("g", "inner", "1", "high", "web-2.war!/WEB-INF/lib/inner-1.jar"),
    ]


def test_jenkins_plugin() -> None:
    data = archive(
        manifest(Short_Name="git", Plugin_Version="4.8.2", Group_Id="org.jenkins-ci.plugins", Long_Name="Git")
    )
    assert rows(read("plugins/git.hpi", data)) == [("org.jenkins-ci.plugins", "git", "4.8.2", "medium", "")]


@pytest.mark.parametrize(
    ("stem", "attributes", "packages", "wanted"),
    [
        (
            "spring-core-5.3.9",
            {"implementation-title": "spring-core", "implementation-version": "5.3.9"},
            ["org.springframework.core"],
            ("org.springframework", "spring-core", "5.3.9", "medium"),
        ),
        (
            "spring-security-web-5.5.0",
            {"implementation-version": "5.5.0"},
            ["org.springframework.security.web"],
            ("org.springframework.security", "spring-security-web", "5.5.0", "medium"),
        ),
        ("spring-core-5.3.9", {}, ["com.evil"], ("", "spring-core", "5.3.9", "low")),
        (
            "liquibase-core-4.3.0",
            {"bundle-symbolicname": "org.liquibase.core;singleton:=true", "bundle-version": "4.3.0"},
            ["liquibase"],
            ("org.liquibase", "liquibase-core", "4.3.0", "medium"),
        ),
        (
            "scala-reflect-2.13.5",
            {"bundle-symbolicname": "org.scala-lang.scala-reflect", "bundle-version": "2.13.5.v2021"},
            ["scala.reflect"],
            ("org.scala-lang", "scala-reflect", "2.13.5", "medium"),
        ),
        (
            "rxjava-2.2.0",
            {"bundle-symbolicname": "io.reactivex.rxjava2.rxjava", "implementation-version": "2.2.0"},
            ["io.reactivex"],
            ("io.reactivex.rxjava2", "rxjava", "2.2.0", "medium"),
        ),
        (
            "elasticsearch-7.10.0",
            {"implementation-title": "org.elasticsearch#server;7.10.0"},
            [],
            ("org.elasticsearch", "elasticsearch", "7.10.0", "medium"),
        ),
        (
            "bcprov-jdk15on-1.60",
            {"implementation-vendor-id": "org.bouncycastle", "implementation-version": "1.60.0"},
            ["org.bouncycastle.crypto"],
            ("org.bouncycastle", "bcprov-jdk15on", "1.60", "medium"),
        ),
        (
            "lucene-core-8.8.0",
            {"extension-name": "org.apache.lucene", "implementation-version": "8.8.0 b10659f"},
            ["org.apache.lucene"],
            ("org.apache.lucene", "lucene-core", "8.8.0", "low"),
        ),
        ("jstl-1.2", {"implementation-vendor-id": "org.apache"}, ["javax.servlet"], ("", "jstl", "1.2", "low")),
        ("a", {"implementation-title": "demo", "implementation-version": "0.1"}, [], ("", "demo", "0.1", "low")),
        ("tool", {"implementation-title": "tool", "implementation-version": "0.1"}, [], ("", "tool", "0.1", "medium")),
        ("nothing", {}, [], ("", "nothing", "", "low")),
        ("x", {"implementation-version": "${version}", "implementation-title": "A B"}, [], ("", "x", "", "low")),
    ],
)
def test_identity_without_coordinates(
    stem: str, attributes: dict[str, str], packages: list[str], wanted: tuple[str, str, str, str]
) -> None:
    assert tuple(identify(stem, attributes, Counter(packages))) == wanted


def test_commons_projects_of_the_first_days_are_their_own_group() -> None:
    packages = Counter(["org.apache.commons.io"])
    assert group_of("commons-io", {}, packages) == ("commons-io", True)
    assert (
        group_of("commons-lang3", {"bundle-symbolicname": "org.apache.commons.lang3"}, packages)[0] != "commons-lang3"
    )


def test_licences_of_the_manifest() -> None:
    facts = read("a-1.jar", archive(manifest(Bundle_License="Apache-2.0, MIT"), coordinates("g", "a", "1")))
    assert facts.found[0].licences == ("Apache-2.0", "MIT")


def test_classes_tell_the_family() -> None:
    data = archive(manifest(Implementation_Version="5.3.9"), *classes("org/springframework/beans/A", "META-INF/x/B"))
    assert rows(read("spring-beans-5.3.9.jar", data)) == [
        ("org.springframework", "spring-beans", "5.3.9", "medium", "")
    ]


@pytest.mark.parametrize("path", ["a.jar", "b.war", "c.hpi"])
def test_what_is_no_archive_is_refused(path: str) -> None:
    with pytest.raises(ParseError, match="zip"):
        read(path, b"not a zip archive at all, only text")


@pytest.mark.parametrize("path", ["a.rar", "a.par", "a.sar", "a.nar", "a.kar", "a.lpkg"])
def test_other_formats_with_such_names_are_left_alone(path: str) -> None:
    assert read(path, b"Rar!\x1a\x07\x00" + bytes(100)).found == ()
    assert rows(read(path, archive(coordinates("g", "a", "1")))) == [("g", "a", "1", "high", "")]


def test_depth_is_bounded() -> None:
    data = archive(coordinates("g", "a0", "1"))
    for level in range(1, 12):
        data = archive(coordinates("g", f"a{level}", "1"), Member(name=f"a{level - 1}-1.jar", data=data))
    facts = read("a11-1.jar", data)
    assert len(facts.found) == DEFAULT.nested_depth
    assert slugs(facts) == ["limit"]


def test_inflated_bytes_are_bounded() -> None:
    bomb = archive(Member(name="x", data=bytes(300_000)))
    members = [Member(name=f"{n}.jar", data=bomb + bytes(500_000)) for n in range(5)]
    facts = read("a-1.jar", archive(coordinates("g", "a", "1"), *members), Limits(nested_bytes=1_200_000))
    assert rows(facts)[0] == ("g", "a", "1", "high", "")
    assert "limit" in slugs(facts)


def test_members_are_bounded_over_all_archives_together() -> None:
    inner = archive(*(Member(name=f"n{n}", method=0) for n in range(40)))
    members = [Member(name=f"{n}.jar", data=inner) for n in range(10)]
    facts = read("a-1.jar", archive(coordinates("g", "a", "1"), *members), Limits(nested_entries=100))
    assert "limit" in slugs(facts)
    assert len(facts.found) == 1 + 10


def test_one_kernel_under_many_names_is_inflated_once() -> None:
    kernel = archive(Member(name="x", data=bytes(100_000)))
    members = [Member(name=f"{n:03}.jar", data=kernel, at=0) for n in range(30)]
    facts = read("a-1.jar", archive(*members))
    assert len(facts.found) == 2
    assert slugs(facts).count("overlap") == 29


def test_problems_are_listed_up_to_a_bound() -> None:
    members = [Member(name=f"{n:03}.jar", data=b"1", flags=1) for n in range(200)]
    facts = read("a-1.jar", archive(*members))
    assert slugs(facts) == ["encrypted"] * 50 + ["more-problems"]


def test_damaged_inner_archive_is_a_problem_of_that_archive() -> None:
    data = archive(coordinates("g", "a", "1"), Member(name="lib/b.jar", data=b"nonsense"))
    facts = read("a-1.jar", data)
    assert rows(facts) == [("g", "a", "1", "high", "")]
    assert facts.problems[0][0] == "damaged"
    assert "lib/b.jar" in facts.problems[0][1]


def test_hostile_pom_inside_is_a_problem() -> None:
    text = b'<!DOCTYPE p [<!ENTITY a "aaaa">]><project>&a;</project>'
    facts = read("a-1.jar", archive(coordinates("g", "a", "1"), Member(name="META-INF/maven/g/a/pom.xml", data=text)))
    assert rows(facts) == [("g", "a", "1", "high", "")]
    assert slugs(facts) == ["pom"]


@given(st.binary(max_size=60), st.floats(0, 1))
@settings(max_examples=150, deadline=None)
def test_damaged_archives_never_surprise(junk: bytes, where: float) -> None:
    inner = archive(manifest(), coordinates("g", "i", "1"), pom("g", "i", "1"))
    good = archive(
        manifest(Bundle_License="x"), coordinates("g", "a", "1"), Member(name="i-1.jar", data=inner, method=0)
    )
    at = int(where * len(good))
    try:
        facts = read("a-1.jar", good[:at] + junk + good[at + len(junk) :])
    except ParseError:
        return
    assert all(one.name for one in facts.found)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (b"a=1\nb:2\nc 3\n d = 4 \n", {"a": "1", "b": "2", "c": "3", "d": "4 "}),
        (b"# x=1\n! y=2\r\n\r\na=1", {"a": "1"}),
        (b"# a\\\nb=1\n", {"b": "1"}),
        (b"a=1\\\n   2\\\r\n3", {"a": "123"}),
        (b"a\\=b=c\\u0041\\t", {"a=b": "cA\t"}),
        (b"a=\\ud83d\\ude00 \\ud800", {"a": "\U0001f600 \ufffd"}),
        (b"a=\\u12", {"a": "u12"}),
        (b"=v\nk", {"": "v", "k": ""}),
        (b"a=1\\", {"a": "1"}),
        (b"\\", {}),
        (b"", {}),
    ],
)
def test_property_files(text: bytes, wanted: dict[str, str]) -> None:
    assert properties(text) == wanted


def project(body: str) -> FileFacts:
    return pom_xml(File(path="pom.xml", data=f"<project>{body}</project>".encode()), DEFAULT)


def dependency(group: str, artifact: str, version: str = "", **more: str) -> str:
    fields = {"groupId": group, "artifactId": artifact, "version": version, **more}
    return f"<dependency>{''.join(f'<{key}>{value}</{key}>' for key, value in fields.items() if value)}</dependency>"


def test_properties_that_lead_in_circles_or_explode_stay_open() -> None:
    names = [f"p{n}" for n in range(40)]
    chain = "".join(f"<{a}>${{{b}}}${{{b}}}</{a}>" for a, b in pairwise(names))
    body = f"<properties><a>${{b}}</a><b>${{a}}</b>{chain}<p39>{'x' * 50}</p39></properties>"
    wanted = dependency("g", "circle", "${a}") + dependency("g", "bomb", "${p0}") + dependency("g", "ok", "${p38}")
    facts = project(f"{body}<dependencies>{wanted}</dependencies>")
    assert [(one.name, one.version) for one in facts.found] == [("circle", ""), ("bomb", ""), ("ok", "x" * 100)]
    assert slugs(facts) == ["unresolved"]


@pytest.mark.parametrize(
    ("written", "version"),
    [
        ("[1.2]", "1.2"),
        ("[ 1.2 ]", "1.2"),
        ("[1,2)", ""),
        ("(,1]", ""),
        ("LATEST", ""),
        ("RELEASE", ""),
        ("${no}", ""),
        ("1", "1"),
    ],
)
def test_versions_that_name_no_single_release(written: str, version: str) -> None:
    facts = project(f"<dependencies>{dependency('g', 'a', written)}</dependencies>")
    assert facts.found[0].version == version
    assert facts.found[0].confidence == ("high" if version else "low")
    assert bool(facts.problems) == (not version)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('<!DOCTYPE project [<!ENTITY a "aaa"><!ENTITY b "&a;&a;">]><project>&b;</project>', "document type"),
        ('<!DOCTYPE project SYSTEM "http://example.test/x.dtd"><project/>', "document type"),
        ("<project>" * 1000, "too deep"),
        ("<settings/>", "root element"),
        ("<project><a></project>", "well-formed"),
        ("", "well-formed"),
        ('<?xml version="1.0" encoding="no-such"?><project/>', "encoding"),
    ],
)
def test_poms_that_are_refused(text: str, reason: str) -> None:
    with pytest.raises(ParseError, match=reason):
        parse(text.encode())


def test_poms_with_too_many_elements_are_refused() -> None:
    with pytest.raises(ParseError, match="too many"):
        parse(b"<project>" + b"<a/>" * 300_000 + b"</project>")


def test_named_entities_are_skipped_as_maven_does() -> None:
    facts = project(f"<name>M&oslash;rk</name><dependencies>{dependency('g', 'a', '1')}</dependencies>")
    assert [one.name for one in facts.found] == ["a"]


@given(st.text(alphabet="<>/&;!-[]\"' abdeprojct${}", max_size=300))
@settings(max_examples=150, deadline=None)
def test_any_pom_is_read_or_refused(text: str) -> None:
    try:
        facts = project(text)
    except ParseError:
        return
    assert all(one.name for one in facts.found)


def lock(path: str, text: str) -> list[tuple[str, str, str]]:
    facts = gradle_lockfile(File(path=path, data=text.encode()), DEFAULT)
    return [(one.name, one.version, one.scope) for one in facts.found]


@pytest.mark.parametrize(
    ("configurations", "scope"),
    [
        ("runtimeClasspath", ""),
        ("compileClasspath,testCompileClasspath", ""),
        ("testCompileClasspath,testRuntimeClasspath", "test"),
        ("integrationTestRuntimeClasspath", "test"),
        ("debugAndroidTestCompileClasspath,debugUnitTestRuntimeClasspath", "test"),
        ("annotationProcessor,kotlinCompilerPluginClasspathMain,checkstyle", "dev"),
        ("jacocoAgent,testRuntimeClasspath", "dev"),
        ("latestRuntime", ""),
        ("", ""),
    ],
)
def test_scopes_of_gradle_configurations(configurations: str, scope: str) -> None:
    assert lock("gradle.lockfile", f"g:a:1={configurations}\n") == [("a", "1", scope)]


def test_locks_of_old_gradle_and_of_the_build_script() -> None:
    assert lock("gradle/dependency-locks/testRuntimeClasspath.lockfile", "g:a:1\n") == [("a", "1", "test")]
    assert lock("app/gradle/dependency-locks/runtimeClasspath.lockfile", "g:a:1\n") == [("a", "1", "")]
    assert lock("buildscript-gradle.lockfile", "g:a:1=classpath\n") == [("a", "1", "dev")]


def test_lock_entries_that_are_none() -> None:
    facts = gradle_lockfile(File(path="gradle.lockfile", data=b"g:a:1=x\n<<<<<<< HEAD\nempty=y\n"), DEFAULT)
    assert slugs(facts) == ["lockfile-entry"]
    with pytest.raises(ParseError, match="Gradle"):
        lock("gradle.lockfile", "nonsense\n")
    with pytest.raises(ParseError, match="Gradle"):
        lock("gradle.lockfile", "g:a:1=" + "x" * 70_000)
