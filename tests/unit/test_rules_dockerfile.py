"""Rules for Dockerfiles: what is found and what is not, where, and what cannot be judged."""

from __future__ import annotations

import itertools
import posixpath

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from thwart.core.edit import Lines
from thwart.core.finding import Finding
from thwart.core.rule import Rule
from thwart.rules import FAMILIES, Options, Outcome, check, rules, wanted

BASE = "FROM registry.example.test/base:1.2\n"
DIGEST = "sha256:" + "0123456789abcdef" * 4


def judge(text: str, path: str = "Dockerfile", **options: str) -> Outcome:
    return check([(path, text.encode())], Options(**options))  # type: ignore[arg-type]


def found(text: str) -> dict[str, Finding]:
    outcome = judge(text)
    assert not any(one.incomplete for one in outcome.diagnostics), outcome.diagnostics
    return {finding.id: finding for finding in outcome.findings}


# -- which files -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        "Dockerfile",
        "a/Dockerfile.web",
        "web.Dockerfile",
        "web.dockerfile",
        "Containerfile",
        "Containerfile.x",
        "dockerfile",
    ],
)
def test_names_of_dockerfiles(path: str) -> None:
    assert wanted(path)
    assert judge(BASE, path).documents == 1


@pytest.mark.parametrize(
    "path",
    ["Dockerfile.dockerignore", "dockerfile.py", "Dockerfile.md", "Dockerfiles", "x/Dockerfile/y", "MyDockerfile"],
)
def test_names_of_other_files(path: str) -> None:
    assert not FAMILIES.load()["dockerfile"].named(path)


def test_standard_input_is_known_by_its_beginning() -> None:
    assert {one.id for one in judge(f"# x\n\n{BASE}", "-").findings} >= {"unstated-user"}
    assert judge("from: x\n", "-").documents == 0


# -- users -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "root", "unstated"),
    [
        (f"{BASE}USER root", True, False),
        (f"{BASE}USER 0:1000", True, False),
        (f"{BASE}USER 10001\nUSER root:root", True, False),
        (f"{BASE}USER root\nUSER 10001", False, False),
        (f"{BASE}USER rooted", False, False),
        (f"{BASE}ARG U=0\nUSER $U", True, False),
        (BASE, False, True),
        ("FROM x AS a\nUSER root\nFROM a", True, False),
        ("FROM x AS a\nUSER 7\nFROM a", False, False),
        ("FROM x AS a\nUSER 7\nFROM y", False, True),
        ("FROM x AS a\nUSER 0\nFROM x\nUSER 7", False, False),
        ("FROM example.test/distroless:nonroot", False, False),
        ('FROM scratch\nCOPY a /\nCMD ["/a"]', True, False),
        ("FROM scratch\nCOPY a /", False, False),
    ],
)
def test_who_runs_the_image(text: str, root: bool, unstated: bool) -> None:
    ids = set(found(text))
    assert ("root-user" in ids, "unstated-user" in ids) == (root, unstated)


def test_what_the_file_does_not_say_is_less_certain() -> None:
    assert found(BASE)["unstated-user"].confidence == "medium"
    assert found(f"{BASE}USER 0")["root-user"].confidence == "high"
    assert found(f"{BASE}USER 0")["root-user"].priority > found(BASE)["unstated-user"].priority


# -- bases -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "floats", "pinned"),
    [
        ("FROM x", True, False),
        ("FROM x:latest", True, False),
        ("FROM h:5000/x", True, False),
        ("FROM x:1", False, False),
        (f"FROM x@{DIGEST}", False, True),
        (f"FROM x:latest@{DIGEST}", False, True),
        ("ARG V=latest\nFROM x:$V", True, False),
        ("ARG V\nFROM x:1$V", False, True),
        (f"FROM x@{DIGEST} AS a\nFROM a", False, True),
        ("FROM scratch", False, True),
        (f"FROM x@{DIGEST}\nCOPY --from=y /a /a", True, False),
        (f"FROM x@{DIGEST}\nRUN --mount=from=y:1,target=/y true", False, False),
    ],
)
def test_bases(text: str, floats: bool, pinned: bool) -> None:
    ids = set(found(text))
    assert ("floating-base" in ids, ids.isdisjoint({"floating-base", "base-without-digest"})) == (floats, pinned)


# -- secrets ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("ENV A_TOKEN=zebra7", True),
        ("ENV A_TOKEN zebra7", True),
        ("ARG A_TOKEN=zebra7", True),
        ("ARG A_TOKEN", True),
        ("ARG A_TOKEN\nENV A_TOKEN=$A_TOKEN", True),
        ("ARG X=zebra7\nENV A_TOKEN=$X", True),
        ("ENV URL=redis://u:zebra7@host/0", True),
        ("ENV A_TOKEN_FILE=/run/x", False),
        ("ENV A_TOKEN=", False),
        ("ENV TOKENIZER=zebra7", False),
        ("LABEL A_TOKEN=zebra7", False),
    ],
)
def test_secrets(text: str, secret: bool) -> None:
    assert ("baked-secret" in found(BASE + text)) is secret


def test_a_secret_is_never_repeated() -> None:
    one = found(f"ARG GLOBAL_TOKEN=zebra7\n{BASE}ENV A=1 \\\n  A_TOKEN=zebra7\n")["baked-secret"]
    assert "zebra7" not in repr(one)
    assert one.locations[0].line in (1, 4)


# -- commands --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "run",
    [
        "curl x | sh",
        "set -e; wget -qO- x | sudo -E bash -s -- --yes",
        "curl x | gunzip | /bin/bash -",
        "curl x | env A=b python3 -",
        'sh -c "$(curl x)"',
        'bash -o pipefail -c "curl x | bash"',
        "bash <(curl x)",
        ". <(curl x)",
        'eval "$(wget -O- x)"',
        "if true; then curl x | sh; fi",
        "(cd /; curl x) | sh",
        "<<EOF\ncurl x | sh\nEOF",
        "bash <<EOF\ncurl x | sh\nEOF",
    ],
)
def test_downloads_that_are_run(run: str) -> None:
    assert "curl-pipe-shell" in found(f"{BASE}RUN {run}\n")


@pytest.mark.parametrize(
    "run",
    [
        "curl x | tar xz",
        'echo "curl x | sh"',
        "curl x -o y && sh y",
        "curl x | python3 -m json.tool",
        "curl x | sh check.sh",
        "echo true | sh",
        "curl x | grep -q sh || sh y",
        '["curl", "x", "|", "sh"]',
    ],
)
def test_downloads_that_are_not_run(run: str) -> None:
    assert "curl-pipe-shell" not in found(f"{BASE}RUN {run}\n")


@pytest.mark.parametrize(
    ("rule", "text", "expected"),
    [
        ("remote-add", "ADD http://x.test/a /", True),
        ("remote-add", "ADD git@x.test:a/b.git /", True),
        ("remote-add", f"ADD https://x.test/a.git#{'ab' * 20}:docs /", False),
        ("remote-add", "ADD a /", False),
        ("remote-add", "ONBUILD ADD http://x.test/a /", True),
        ("add-for-local-files", "ADD a.tar.xz /", False),
        ("add-for-local-files", "ADD a.tar b /", False),
        ("add-for-local-files", "ADD a b /", True),
        ("add-for-local-files", "ADD http://x.test/a /", False),
        ("add-for-local-files", "ADD <<A /a\nx\nA", False),
        ("apt-recommended-packages", "RUN apt-get -y install a", True),
        ("apt-recommended-packages", "RUN sudo /usr/bin/apt install a", True),
        ("apt-recommended-packages", 'RUN ["apt-get", "install", "a"]', True),
        ("apt-recommended-packages", 'ENV O="-y --no-install-recommends"\nRUN apt-get install $O a', False),
        ("apt-recommended-packages", "RUN apt-get -o APT::Install-Recommends=false install a", False),
        ("apt-recommended-packages", "RUN echo apt-get install a", False),
        ("apt-lists-kept", "RUN apt-get update", True),
        ("apt-lists-kept", "RUN apt-get update\nRUN rm -rf /var/lib/apt/lists/*", True),
        ("apt-lists-kept", "RUN apt-get update && rm -r /var/lib/apt/lists", False),
        ("apt-lists-kept", "RUN apt-get update && rm -rf /var/lib/apt/*", False),
        ("apt-lists-kept", "RUN apt-get update && rm -rf /var/lib/aptitude", True),
        ("apt-lists-kept", "RUN --mount=type=cache,target=/var/lib/apt apt-get update", False),
        ("apt-lists-kept", "RUN --mount=type=cache,target=/var/cache/apt apt-get update", True),
        ("apt-lists-kept", "RUN <<E\napt-get update\nE", True),
        ("pip-cache-kept", "RUN pip3.11 install a", True),
        ("pip-cache-kept", "RUN python3 -m pip install a", True),
        ("pip-cache-kept", "RUN python3 -m pipx install a", False),
        ("pip-cache-kept", "ENV PIP_NO_CACHE_DIR=1\nRUN pip install a", False),
        ("pip-cache-kept", "RUN PIP_NO_CACHE_DIR=1 pip install a", False),
        ("pip-cache-kept", "RUN --mount=type=cache,target=/root/.cache pip install a", False),
        ("pip-cache-kept", "RUN pip uninstall install-x", False),
        ("sudo-in-build", "RUN true && env A=b sudo -u x true", True),
        ("sudo-in-build", "RUN apt-get install sudo", False),
        ("setuid-file", "RUN chmod 4755 a", True),
        ("setuid-file", "RUN chmod -R g+rs a", True),
        ("setuid-file", "RUN install -m 6755 a b", True),
        ("setuid-file", "COPY --chmod=4755 a /", True),
        ("setuid-file", "RUN chmod 1777 /tmp && chmod 755 s && chmod u-s s && chmod u+x s", False),
        ("missing-healthcheck", "HEALTHCHECK NONE", False),
        ("missing-healthcheck", "HEALTHCHECK CMD true", False),
        ("missing-healthcheck", "EXPOSE 1", True),
        ("pipe-without-pipefail", "RUN a | b", True),
        ("pipe-without-pipefail", "RUN set -o pipefail; a | b", False),
        ("pipe-without-pipefail", 'SHELL ["bash", "-o", "pipefail", "-c"]\nRUN a | b', False),
        ("pipe-without-pipefail", "RUN bash -o pipefail -c 'a | b'", False),
        ("pipe-without-pipefail", "RUN echo a | b", False),
        ("pipe-without-pipefail", "RUN a || b", False),
    ],
)
def test_instructions(rule: str, text: str, expected: bool) -> None:
    assert (rule in found(f"{BASE}{text}\n")) is expected


@pytest.mark.parametrize(
    ("rule", "text", "expected"),
    [
        ("relative-workdir", "WORKDIR 'a/b'", True),
        ("relative-workdir", 'WORKDIR "a/b"', True),
        ("relative-workdir", 'WORKDIR "/a"', False),
        ("relative-workdir", "ENV A=b\nWORKDIR $A", True),
        ("relative-workdir", "WORKDIR $UNSET", False),
        ("relative-workdir", "WORKDIR C:/", False),
        ("relative-copy-target", 'COPY a "b"', True),
        ("relative-copy-target", 'COPY a "/b"', False),
        ("relative-copy-target", "COPY a $UNSET", False),
        ("relative-copy-target", "ONBUILD WORKDIR /a\nONBUILD COPY a b", False),
        ("relative-copy-target", "ONBUILD WORKDIR a\nONBUILD COPY a b", True),
        ("relative-copy-target", "WORKDIR c:/a\nCOPY a b", False),
        ("cd-in-run", "RUN cd /a", True),
        ("cd-in-run", "RUN make && cd /a", True),
        ("cd-in-run", "RUN cd /a && make && cd /", True),
        ("cd-in-run", "RUN make && cd /a && make", False),
        ("cd-in-run", "RUN true && cd /a && make && cd /", False),
        ("rpm-cache-kept", "RUN dnf clean all && dnf install -y a", True),
        ("rpm-cache-kept", "RUN dnf install -y a && dnf clean all && dnf install -y b", True),
        ("rpm-cache-kept", "RUN dnf install -y a && microdnf clean all", True),
        ("rpm-cache-kept", "RUN yum install -y a && dnf clean all", False),
        ("rpm-cache-kept", "RUN yum install -y a && yum clean metadata", True),
        ("rpm-cache-kept", "RUN yum install -y a && yum --enablerepo=* clean all", False),
        ("rpm-cache-kept", "RUN zypper -n patch", True),
        ("rpm-cache-kept", "RUN zypper -n patch && zypper cc", False),
        ("rpm-cache-kept", "RUN dnf module install -y a:1", True),
        ("unpinned-packages", "RUN dnf module install -y a", True),
        ("unpinned-packages", "RUN dnf module install -y a:18/common", False),
        ("unpinned-language-packages", "RUN pip install git+https://a.test/b.git#egg=b", True),
        ("unpinned-language-packages", "RUN pip install git+ssh://git@a.test/b.git", True),
        ("unpinned-language-packages", "RUN pip install git+https://a.test/b.git@1#egg=b", False),
        ("unpinned-language-packages", "RUN npm install git+ssh://git@a.test:b/c.git", True),
        ("unpinned-language-packages", "RUN npm install git+ssh://git@a.test:b/c.git#v1", False),
        ("unpinned-language-packages", "RUN npm install a.tar.gz ~/b", False),
        ("unpinned-language-packages", "RUN npm install --loglevel verbose a@1", False),
        ("unpinned-language-packages", "RUN npm install --loglevel verbose a", True),
        ("unpinned-language-packages", "RUN gem i a", True),
        ("unpinned-language-packages", "RUN gem install a:1 -- --with-b c", False),
        ("unpinned-language-packages", "RUN go get a.test/b", True),
        ("unpinned-language-packages", "RUN go run a.test/b@latest c", True),
        ("unpinned-language-packages", "RUN go run a.test/b@v1 c.test/d", False),
        ("unpinned-language-packages", "RUN go run main.go && go get -d ./... && go install cmd/a", False),
        ("pip-cache-kept", "ENV PIP_NO_CACHE_DIR=0\nRUN pip install a", False),
        ("pip-cache-kept", "RUN export PIP_NO_CACHE_DIR=1 && pip install a", False),
        ("pip-cache-kept", "RUN export PIP_NO_CACHE_DIR= && pip install a", True),
        ("add-for-local-files", "ADD a.gz /b/", False),
        ("add-for-local-files", "ADD a.zip /b/", True),
        ("stale-package-lists", "RUN apk update", True),
        ("stale-package-lists", "RUN apt-get update && ./install", False),
        ("unstated-user", 'ENTRYPOINT ["gosu", "me", "sh"]', False),
        ("unstated-user", 'ENTRYPOINT ["gosu", "root", "sh"]', True),
        ("unstated-user", 'ENTRYPOINT ["/sbin/su-exec"]', True),
        ("unverified-tls", 'RUN pip config set global.trusted-host "a b"', True),
        ("baked-secret", "ARG A_PSW", True),
        ("baked-secret", "ARG public_token", False),
    ],
)
def test_cases_of_the_peers(rule: str, text: str, expected: bool) -> None:
    assert (rule in found(f"{BASE}{text}\n")) is expected


def test_a_user_of_nothing_says_that_it_is_run() -> None:
    assert "root-user" in found("FROM scratch\nUSER 0\n")
    assert "root-user" not in found("FROM scratch\nCOPY a /\n")


def test_layers_that_are_not_shipped_may_be_large() -> None:
    heavy = "RUN apt-get update && apt-get install -y gcc && pip install a\n"
    ids = {"apt-lists-kept", "apt-recommended-packages", "pip-cache-kept"}
    assert ids.isdisjoint(found(f"FROM a:1 AS build\n{heavy}FROM b:1\nCOPY --from=build /x /x\n"))
    assert ids <= set(found(f"FROM a:1 AS build\n{heavy}FROM build\n"))


# -- places ----------------------------------------------------------------------------------------------------------------


def test_a_finding_is_where_the_command_is() -> None:
    text = f"{BASE}RUN true && \\\n    # a comment\n    echo \u2028 && \\\n    sudo true\nRUN sudo true\n"
    one = found(text)["sudo-in-build"]
    assert one.message == "Dockerfile uses sudo"
    assert [(at.line, at.column) for at in one.locations] == [(5, 5), (6, 5)]
    assert [at.source for at in one.evidence] == ["    sudo true", "RUN sudo true"]


def test_programs_within_programs_keep_their_lines() -> None:
    text = f"{BASE}RUN bash -e <<EOF\ntrue\n  sudo true\nEOF\nRUN true && \\\n  sh -c 'a\\\n && sudo b'\n"
    [here, there] = found(text)["sudo-in-build"].locations
    assert (here.line, here.column) == (4, 3)
    assert there.line in (7, 8)


def test_stages_are_named_and_crlf_is_no_matter() -> None:
    text = "FROM a:1 AS build\r\nRUN sudo a\r\nFROM b:1\r\nRUN sudo b\r\n"
    outcome = judge(text, "deploy/web.Dockerfile")
    subjects = [one.subject for one in outcome.findings if one.id == "sudo-in-build"]
    assert subjects == ["stage build of web.Dockerfile", "stage 2 of web.Dockerfile"]


def test_comments_accept() -> None:
    [one] = judge(f"{BASE}# thwart: ignore[sudo-in-build] it must\nRUN sudo a\n").ignores
    assert (one.line, one.ids, one.reason) == (3, ("sudo-in-build",), "it must")


# -- what cannot be judged -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "incomplete", "part"),
    [
        ("RUN a\n", True, "line 1: "),
        ("", True, "no-instructions"),
        (f"{BASE}FRM x\n", True, "line 2: "),
        (f"{BASE}RUN if true\n", True, "line 2: the program of RUN cannot be read"),
        (f'{BASE}SHELL ["pwsh", "-c"]\nRUN Get-Item\n', False, "rules do not read 1 program for pwsh"),
        ("FROM x\0", True, "binary"),
    ],
)
def test_problems_are_told(text: str, incomplete: bool, part: str) -> None:
    told = judge(text).diagnostics
    assert {one.slug for one in told} == {"dockerfile-problem"}
    assert any(part in one.message for one in told)
    assert any(one.incomplete for one in told) is incomplete


def test_many_problems_are_told_in_few_words() -> None:
    told = judge(BASE + "NONSENSE\n" * 3000).diagnostics
    assert len(told) <= 21
    assert told[-1].message == "2980 more problems"


def test_a_framework_for_kubernetes_asks_nothing_of_dockerfiles() -> None:
    outcome = judge("RUN a\n", framework="pss-baseline")
    assert (outcome.findings, outcome.diagnostics, outcome.documents) == ((), (), 0)


WORDS = st.sampled_from(
    [
        "FROM",
        "ARG",
        "ENV",
        "RUN",
        "ADD",
        "COPY",
        "USER",
        "SHELL",
        "ONBUILD",
        "HEALTHCHECK",
        "AS",
        "a:1",
        "scratch",
        "A=$B",
        "B=${A}",
        "$A",
        "sudo",
        "apt-get",
        "install",
        "update",
        "|",
        "&&",
        "||",
        "(",
        ")",
        "{",
        "}",
        "if",
        "fi",
        "`a`",
        "$(curl",
        "sh",
        "-c",
        "-",
        "-s",
        "chmod",
        "4755",
        "u+s",
        "--from=a",
        "--chmod=4755",
        "--mount=type=cache,target=/a",
        "<<E",
        "E",
        '"',
        "'",
        "\\",
        '["a",',
        '"b"]',
        "#",
        "\n",
        "\n",
        "\n",
        "\r\n",
        "http://x.test/a",
        ".tar",
        "\u2028",
        "\x00",
        "root",
    ]
)


@settings(max_examples=300, deadline=None)
@given(st.lists(WORDS, max_size=40))
def test_no_file_makes_a_rule_crash(words: list[str]) -> None:
    for text in (" ".join(words), f"{BASE}{' '.join(words)}", f"{BASE}RUN {' '.join(words)}"):
        outcome = judge(text)
        assert {one.slug for one in outcome.diagnostics} <= {"dockerfile-problem"}
        for finding in outcome.findings:
            assert all(0 < at.line <= text.count("\n") + 1 for at in finding.locations)


# -- edits -----------------------------------------------------------------------------------------------------------------

RULES = [rule for rule in rules() if rule.family == "dockerfile"]
TODAY = "2026-11-23"


def edited(text: str, edits: tuple[object, ...]) -> str:
    """The text with its lines replaced, from the last edit to the first."""
    lines = text.split("\n")
    if lines[-1] == "":
        lines.pop()
    lines = [f"{line}\n" for line in lines]
    ordered = sorted((one for one in edits if isinstance(one, Lines)), key=lambda one: (one.first, one.last))
    assert len(ordered) == len(edits)
    for one, other in itertools.pairwise(ordered):
        assert one.last < other.first, "edits of a finding must not touch the same lines"
    for one in reversed(ordered):
        assert one.last >= one.first - 1
        assert one.text == "" or one.text.endswith("\n")
        lines[one.first - 1 : one.last] = [one.text]
    return "".join(lines)


def close(text: str, rule: str) -> str:
    """The text after the edits of all findings of a rule; they close them, and open none of another."""
    before = judge(text, today=TODAY)
    mine = [one for one in before.findings if one.id == rule]
    edits = tuple(edit for one in mine if one.fix for edit in one.fix.edits)
    assert edits, f"{rule} has no edits for {text!r}"
    after = edited(text, edits)
    outcome = judge(after, today=TODAY)
    assert not any(one.incomplete for one in outcome.diagnostics), after
    ids = {one.id for one in outcome.findings}
    assert rule not in ids, after
    assert ids <= {one.id for one in before.findings}, after
    return after


def offers(rule: Rule) -> bool:
    return any(one.fix and one.fix.edits for one in judge(rule.bad, today=TODAY).findings if one.id == rule.id)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_edits_close_what_they_are_for_and_open_nothing(rule: Rule) -> None:
    if offers(rule):
        close(rule.bad, rule.id)
        close(f"{rule.bad}\n", rule.id)
        crlf = judge(rule.bad.replace("\n", "\r\n"), today=TODAY)
        [one] = [one for one in crlf.findings if one.id == rule.id]
        assert one.fix
        for edit in one.fix.edits:
            assert isinstance(edit, Lines)
            assert edit.text.count("\n") - edit.text.count("\r\n") <= 1  # the last line of the text has no ending
    else:
        assert rule.fix.count("o edit is offered"), "say why there is no edit"


@pytest.mark.parametrize(
    ("rule", "text", "expected"),
    [
        ("add-for-local-files", "  add  --chown=1 a \\\n  b/\n", "  COPY  --chown=1 a \\\n  b/\n"),
        (
            "apt-recommended-packages",
            "RUN apt-get update && \\\n  # why\n  apt-get install -y \\\n    a=1 \\\n    b=1 && \\\n  rm -rf /var/lib/apt/lists/*\n",
            (
                "RUN apt-get update && \\\n  # why\n  apt-get install --no-install-recommends -y \\\n    a=1 \\\n    b=1 && \\\n"
                "  rm -rf /var/lib/apt/lists/*\n"
            ),
        ),
        (
            "apt-lists-kept",
            "RUN apt-get update && \\\n    apt-get install a=1 \\\n    # b\n    c=1\n",
            "RUN apt-get update && \\\n    apt-get install a=1 \\\n    # b\n    c=1 && rm -rf /var/lib/apt/lists/*\n",
        ),
        (
            "apt-lists-kept",
            "RUN <<E\napt-get update\napt-get install a\n\nE\n",
            "RUN <<E\napt-get update\napt-get install a && rm -rf /var/lib/apt/lists/*\n\nE\n",
        ),
        (
            "pip-cache-kept",
            "RUN pip install a && pip install b\n",
            "RUN pip install --no-cache-dir a && pip install --no-cache-dir b\n",
        ),
        ("pip-cache-kept", "RUN python -m pip \\\n  install a\n", "RUN python -m pip \\\n  install --no-cache-dir a\n"),
        ("sudo-in-build", "RUN sudo a && \\\n    sudo b\n", "RUN a && \\\n    b\n"),
        (
            "pipe-without-pipefail",
            "RUN a | b\nRUN c | d\n",
            'SHELL ["/bin/bash", "-o", "pipefail", "-c"]\nRUN a | b\nRUN c | d\n',
        ),
        ("needless-package", "RUN apk add --no-cache \\\n  vim \\\n  curl\n", "RUN apk add --no-cache \\\n  curl\n"),
        ("needless-package", "RUN apk add --no-cache \\\n  curl \\\n  vim\n", "RUN apk add --no-cache \\\n  curl\n"),
        ("exposed-ssh-port", "EXPOSE 80 22 443\n", "EXPOSE 80 443\n"),
        ("exposed-ssh-port", "USER 7\nEXPOSE \\\n  22\nUSER 8\n", "USER 7\nUSER 8\n"),
        ("deprecated-maintainer", 'MAINTAINER A "B" $C\n', 'LABEL org.opencontainers.image.authors="A \\"B\\" \\$C"\n'),
        ("repeated-instruction", 'CMD ["a", \\\n "b"]\nUSER 7\nCMD ["c"]\n', 'USER 7\nCMD ["c"]\n'),
        ("shell-form-command", "CMD a 'b c' \\\n  d\n", 'CMD ["a", "b c", "d"]\n'),
        ("unverified-tls", "RUN curl -k --insecure x\n", "RUN curl x\n"),
        ("root-user", "USER 0\nCMD a\n", "USER 0\nUSER 10001:10001\nCMD a\n"),
        ("copy-target-no-folder", "COPY a b /c\n", "COPY a b /c/\n"),
        ("unstated-user", "ENV A=é B=1\n", "ENV A=é B=1\nUSER 10001:10001\n"),
    ],
)
def test_edits_keep_everything_else(rule: str, text: str, expected: str) -> None:
    head = f"# syntax=x@{DIGEST}\n{BASE}"
    [one] = [one for one in judge(head + text).findings if one.id == rule]
    assert one.fix
    assert edited(head + text, one.fix.edits) == head + expected


@pytest.mark.parametrize(
    ("base", "user"),
    [
        ("alpine:3.20", "RUN addgroup -g 10001 -S app && adduser -S -D -H -u 10001 -G app app\nUSER 10001:10001\n"),
        (
            "debian:12",
            "RUN groupadd --gid 10001 app && useradd --uid 10001 --gid 10001 --no-create-home app\nUSER 10001:10001\n",
        ),
        ("gcr.example.test/distroless/static:1", "USER 10001:10001\n"),
        ("scratch", "USER 10001:10001\n"),
    ],
)
def test_a_user_is_made_as_the_base_can(base: str, user: str) -> None:
    text = f'FROM {base}\nCOPY a /\nENTRYPOINT ["/a"]\nCMD ["b"]\n'
    [one] = [one for one in judge(text).findings if one.id in ("root-user", "unstated-user")]
    assert one.fix
    assert not one.fix.safe
    assert edited(text, one.fix.edits) == f'FROM {base}\nCOPY a /\n{user}ENTRYPOINT ["/a"]\nCMD ["b"]\n'


@pytest.mark.parametrize(
    "run",
    ["apt-get update;", "apt-get update &", "apt-get update # x", '["apt-get", "update"]', "sh -c 'apt-get update'"],
)
def test_what_cannot_be_said_at_the_end_is_not_said(run: str) -> None:
    [one] = [one for one in judge(f"{BASE}RUN {run}\n").findings if one.id == "apt-lists-kept"]
    assert one.fix
    for edit in one.fix.edits:
        assert edit == Lines(first=2, last=2, text=f"RUN {run} && rm -rf /var/lib/apt/lists/*\n")
        assert run.startswith("sh -c")


# -- bases that have ended ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("image", "ended"),
    [
        ("debian:9-slim", ["debian 9"]),
        ("debian:buster-20240101", ["debian buster"]),
        ("docker.io/library/ubuntu:18.04", ["ubuntu 18.04"]),
        ("alpine:3.18.4", ["alpine 3.18"]),
        ("alpine:3", []),
        ("python:3.7-bookworm", ["python 3.7"]),
        ("python:3.8.1-slim-buster", ["python 3.8", "debian buster"]),
        ("node:16-alpine3.17", ["node 16", "alpine 3.17"]),
        ("node:lts", []),
        ("debian:13", []),
        ("registry.example.test/debian:9", []),
        ("someone/python:3.7", []),
    ],
)
def test_bases_that_get_no_more_fixes(image: str, ended: list[str]) -> None:
    text = f"FROM {image}\nUSER 7\n"
    told = [one for one in judge(text, today=TODAY).findings if one.id == "ended-base"]
    assert [part in told[0].message for part in ended] == [True] * len(ended) if told else not ended
    assert "ended-base" not in found(text)  # without a day there is no verdict


@pytest.mark.parametrize("name", [".dockerignore", "../.dockerignore", "Dockerfile.dockerignore"])
def test_what_a_build_does_not_get_is_said_beside_it(name: str) -> None:
    path = posixpath.normpath(f"web/{name}")
    text = b"FROM example.test/base:1\nCOPY . /srv\n"

    def found(*names: str) -> set[str]:
        beside = Options(beside=lambda one: b".git" if one in names else None)
        return {one.id for one in check([("web/Dockerfile", text)], beside).findings}

    assert "whole-context-copied" in found("other/.dockerignore")
    assert "whole-context-copied" not in found(path)


def test_a_package_that_a_later_layer_removes_stays() -> None:
    base = "FROM example.test/base:1\n"
    kept = f"{base}RUN apk add curl tar\nRUN apk del curl\n"
    same = f"{base}RUN apk add curl && apk del curl\n"
    other = f"{base}RUN apk add curl\nRUN apk del git\n"
    found = [{one.id for one in check([("Dockerfile", text.encode())]).findings} for text in (kept, same, other)]
    assert ["removed-too-late" in ids for ids in found] == [True, False, False]
