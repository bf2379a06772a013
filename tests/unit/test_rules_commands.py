"""Command lines that make containers: their grammar, where they are found, what rules say of them, and what closes it."""

from __future__ import annotations

import textwrap
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from thwart.core.edit import Lines
from thwart.core.finding import Finding
from thwart.fixes._lines import edited
from thwart.lib import run_values
from thwart.lib.run_arguments import UNKNOWN, options, run_line, takes_value
from thwart.rules import Options, Outcome, check


def judge(text: str, path: str = "run.sh") -> Outcome:
    return check([(path, textwrap.dedent(text).encode())], Options())


def ids(text: str, path: str = "run.sh") -> set[str]:
    return {finding.id for finding in judge(text, path).findings}


def one(text: str, rule: str, path: str = "run.sh") -> Finding:
    (found,) = [finding for finding in judge(text, path).findings if finding.id == rule]
    return found


def given_of(line: str) -> list[tuple[str, str]]:
    run = run_line(line.split())
    assert run is not None
    return [(option.name, option.value) for option in run.options]


# -- the grammar -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "expected", "image"),
    [
        ("docker run nginx", [], "nginx"),
        ("docker run -itd nginx", [("interactive", "true"), ("tty", "true"), ("detach", "true")], "nginx"),
        ("docker run -p8080:80 nginx", [("publish", "8080:80")], "nginx"),
        ("docker run -p=8080:80 nginx", [("publish", "8080:80")], "nginx"),
        ("docker run -itp 8080:80 nginx", [("interactive", "true"), ("tty", "true"), ("publish", "8080:80")], "nginx"),
        ("docker run -it=false nginx", [("interactive", "true"), ("tty", "false")], "nginx"),
        ("docker run --name=web nginx", [("name", "web")], "nginx"),
        ("docker run --name web nginx", [("name", "web")], "nginx"),
        ("docker run --env=A=b=c nginx", [("env", "A=b=c")], "nginx"),
        ("docker run --rm=false -- nginx --privileged", [("rm", "false")], "nginx"),
        ("docker run nginx --privileged -v /:/x", [], "nginx"),
        ("docker run --net host nginx", [("network", "host")], "nginx"),
        ("docker container create --rm nginx", [("rm", "true")], "nginx"),
        ("docker --context far -D --log-level=debug run --rm nginx", [("rm", "true")], "nginx"),
        ("docker -H unix:///x run nginx", [], "nginx"),
        ("/usr/bin/podman --remote --url unix:///x run --tls-verify nginx", [("tls-verify", "true")], "nginx"),
        ("podman run --rootfs /srv/root sh", [("rootfs", "true")], "/srv/root"),
    ],
)
def test_options_are_read_as_the_programs_read_them(line: str, expected: list[tuple[str, str]], image: str) -> None:
    run = run_line(line.split())
    assert run is not None
    assert [(option.name, option.value) for option in run.options] == expected
    assert run.image == image
    assert not run.more
    assert not run.strange


@pytest.mark.parametrize(
    "line",
    [
        "docker",
        "docker compose run web",
        "docker service create nginx",
        "docker build --network host .",
        "docker exec run x",
        "podman pod create",
        "podman kube play run",
        "dockerd run",
        "echo docker run nginx",
        "docker -H",
    ],
)
def test_other_commands_are_none(line: str) -> None:
    assert run_line(line.split()) is None


def test_what_is_not_known_is_said() -> None:
    run = run_line(["docker", "run", UNKNOWN, "--privileged", "nginx"], {2})
    assert run is not None
    assert run.more
    assert run.image == "nginx"
    assert [option.name for option in run.options] == ["privileged"]
    run = run_line(["docker", "run", UNKNOWN, "--privileged"])
    assert run is not None
    assert run.image == UNKNOWN
    assert not run.options  # they are the image's
    run = run_line(["docker", "run", "--brand-new", "x", "nginx"])
    assert run is not None
    assert run.strange == (("brand-new", 2),)
    assert run.more
    assert run.image == "nginx"


def test_switches_say_yes_or_no_as_go_has_it() -> None:
    run = run_line(["docker", "run", "--privileged=F", "--init=T", "--rm=maybe", "x"])
    assert run is not None
    assert [option.on for option in run.options] == [False, True, None]
    assert takes_value("v") is takes_value("volume") is takes_value("dns-opt") is True
    assert takes_value("privileged") is False
    assert takes_value("z") is None
    assert options(["--cap-add", "ALL", "image"])[1] == [("image", 2)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("512m", 536870912),
        ("1g", 1 << 30),
        ("1.5k", 1536),
        ("64", 64),
        ("1GiB", 1 << 30),
        ("-1", -1),
        ("x", None),
        ("", None),
    ],
)
def test_sizes(text: str, expected: int | None) -> None:
    assert run_values.size(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("80", ("", (0, 0), (80, 80), "tcp")),
        ("8080:80/UDP", ("", (8080, 8080), (80, 80), "udp")),
        ("127.0.0.1:8080:80", ("127.0.0.1", (8080, 8080), (80, 80), "tcp")),
        ("127.0.0.1::80", ("127.0.0.1", (0, 0), (80, 80), "tcp")),
        ("[::1]:8080:80", ("::1", (8080, 8080), (80, 80), "tcp")),
        ("8000-8010:9000-9010", ("", (8000, 8010), (9000, 9010), "tcp")),
        ("70000:80", None),
        (f"{UNKNOWN}:80", None),
        (f"8080:{UNKNOWN}", ("", (8080, 8080), (0, 0), "tcp")),
        ("", None),
    ],
)
def test_ports(text: str, expected: Any) -> None:
    assert run_values.port(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/a/../etc:/x:ro,z", ("bind", "/a/../etc", "/x", True, "", "/etc")),
        ("data:/x", ("volume", "data", "/x", False, "", "")),
        ("/x", ("volume", "", "/x", False, "", "")),
        ("./here:/x:rshared", ("bind", "./here", "/x", False, "rshared", "")),
        ("C:\\here:/x", ("bind", "C:\\here", "/x", False, "", "")),
        (f"{UNKNOWN}/x:/y", ("bind", f"{UNKNOWN}/x", "/y", False, "", "")),
        (f"{UNKNOWN}:/y", None),
        ("a::/y", None),
        (f"/var/run/docker.sock:{UNKNOWN}", ("bind", "/var/run/docker.sock", "", False, "", "/var/run/docker.sock")),
    ],
)
def test_volumes(text: str, expected: Any) -> None:
    assert run_values.volume(text) == expected


def test_mounts() -> None:
    read = run_values.mount("type=bind,src=/etc,dst=/x,readonly,bind-propagation=rslave")
    assert read == ("bind", "/etc", "/x", True, "rslave", "/etc")
    assert run_values.mount("type=bind,source=/etc,target=/x,ro=false") == ("bind", "/etc", "/x", False, "", "/etc")
    assert run_values.mount("source=data,target=/x") == ("volume", "data", "/x", False, "", "")
    assert run_values.mount(f"type={UNKNOWN},src=/,dst=/x") is None
    assert run_values.ulimit("nofile=1:2") == ("nofile", 1, 2)
    assert run_values.ulimit("nofile=x") is None


# -- scripts ---------------------------------------------------------------------------------------------------------------

TIGHT = (
    "docker run --memory 64m --cpus 0.5 --pids-limit 50 --read-only --cap-drop ALL --security-opt no-new-privileges"
    " --user 1001 --network shop --health-cmd true registry.example.test/web:1@sha256:" + "a" * 64
)


def test_a_tight_line_has_no_finding_and_a_loose_one_many() -> None:
    assert ids(f"#!/bin/sh\n{TIGHT}\n") == set()
    loose = ids(
        "docker run -v /var/run/docker.sock:/s x:1\ndocker run --privileged -v /:/host --net host --pid=host nginx\n"
    )
    assert {
        "full-privileges",
        "mounted-engine-socket",
        "system-folder-mount",
        "host-network",
        "host-processes",
    } <= loose
    assert {"latest-image", "unlimited-memory", "unlimited-cpu", "unlimited-processes"} <= loose


def test_places_are_those_of_the_words() -> None:
    found = one("#!/bin/sh\nif true; then\n  sudo docker run -d \\\n    --privileged nginx:1\nfi\n", "full-privileges")
    place = found.locations[0]
    assert (place.line, place.column) == (4, 5)
    assert found.subject == "docker run of nginx:1"
    assert found.evidence[0].source.strip() == "--privileged nginx:1"
    lacking = one("true\n  sudo docker run nginx:1\n", "unlimited-memory")
    assert (lacking.locations[0].line, lacking.locations[0].column) == (2, 8)


@pytest.mark.parametrize(
    "text",
    [
        "docker run --help\n",
        "docker compose run --privileged web\n",
        "echo docker run --privileged nginx\n",
        "# docker run --privileged nginx\n",
        "cat <<EOF\ndocker run --privileged nginx\nEOF\n",
        "docker run $IMAGE --privileged\n",
        'docker run "$IMAGE" sh -c "mount --privileged"\n',
        "docker run --privileged=false nginx\n",
        "docker run --privileged=$P nginx\n",
        "podman ps --privileged; docker rm run --privileged\n",
    ],
)
def test_no_false_alarm(text: str) -> None:
    assert "full-privileges" not in ids(text)


@pytest.mark.parametrize(
    "text",
    [
        "OPTS=--privileged\ndocker run $OPTS nginx\n",
        'export OPTS="-d --privileged"\ndocker run $OPTS nginx\n',
        "x=$(docker run --privileged nginx)\n",
        "bash -c 'docker run --privileged nginx'\n",
        "sh <<EOF\ndocker run --privileged nginx\nEOF\n",
        "sudo -u root env A=b nice docker run --privileged nginx\n",
        "docker run $FLAGS --privileged nginx\n",
        'docker run "${ARGS[@]}" --privileged nginx\n',
        "f() { podman run --privileged nginx; }\n",
        "for i in 1 2; do docker container run --privileged nginx & done\n",
        "true && docker run --privileged nginx || exit 1\n",
    ],
)
def test_every_way_to_write_it_is_read(text: str) -> None:
    assert "full-privileges" in ids(text)


def test_a_setting_that_variables_decide_is_neither_found_nor_passed() -> None:
    text = 'docker run --memory "$MEMORY" --user $WHO nginx:1\n'
    outcome = judge(text)
    found = {finding.id for finding in outcome.findings}
    assert not found & {"unlimited-memory", "image-chosen-user", "stated-root"}
    assert "unlimited-cpu" in found
    (told,) = outcome.diagnostics
    assert told.slug == "command-problem"
    assert not told.incomplete
    everything = judge("docker run $OPTS nginx:1\n")
    assert {finding.id for finding in everything.findings} == {"undigested-image"}


def test_a_variable_that_is_set_twice_or_in_a_function_is_not_known() -> None:
    assert "full-privileges" not in ids("O=--privileged\nO=\ndocker run $O nginx\n")
    assert "full-privileges" not in ids("f() { O=--privileged; }\ndocker run $O nginx\n")
    assert "full-privileges" not in ids("O=--privileged\nread O\ndocker run $O nginx\n")


def test_what_cannot_be_read_is_told() -> None:
    outcome = judge("docker run --privileged nginx\nif docker run 'x\n")
    assert "full-privileges" in {finding.id for finding in outcome.findings}
    assert [told.message[:7] for told in outcome.diagnostics if told.incomplete] == ["line 2:"]
    strange = judge("docker run --brand-new nginx:1\n")
    assert "--brand-new" in strange.diagnostics[0].message
    binary = judge("docker run \0 nginx\n")
    assert binary.diagnostics[0].slug == "unreadable"
    unrelated = judge("echo docker\nif 'x\n")
    assert not unrelated.diagnostics


# -- makefiles -------------------------------------------------------------------------------------------------------------


def test_makefiles() -> None:
    text = (
        "IMAGE := nginx:1\nNAME ?= $(shell date)\n\nrun: build\n"
        "\t@docker run --rm -v $(PWD):/src \\\n\t  --privileged -e A=$$B $(IMAGE) sh -c 'x $$y'\n"
        "\t-podman run --pid host $(FLAGS) $(OTHER_IMAGE)\n"
        "docker run --uts host nginx\n"
        "\tdocker run -e A=$(shell echo $(X) | cut -f 1 -d '/') --ipc host $(IMAGE) || true\n"
    )
    outcome = judge(text, "Makefile")
    assert not any(told.incomplete for told in outcome.diagnostics)
    by_id = {finding.id: finding for finding in outcome.findings}
    assert by_id["full-privileges"].subject == "docker run of nginx:1"
    place = by_id["full-privileges"].locations[0]
    assert (place.line, place.column) == (6, 4)
    assert by_id["host-processes"].locations[0].line == 7
    assert by_id["host-ipc"].subject == "docker run of nginx:1"
    assert "host-uts" not in by_id  # no recipe


# -- units -----------------------------------------------------------------------------------------------------------------

SERVICE = """\
[Unit]
Description=docker run --privileged nginx
[Service]
Environment=IMAGE=nginx:1 "OPTS=--cap-add SYS_ADMIN"
ExecStartPre=-/usr/bin/docker rm %n
ExecStart=-/usr/bin/docker run --name %n \\
  # a remark
  "-v" '/:/host' $OPTS --hostname %H ${IMAGE}
ExecStop=/usr/bin/docker stop %n
ExecReload=@/usr/bin/podman podman run --privileged x:1 ; /bin/sh -c "docker run --pid=host y:1"
"""


def test_service_units() -> None:
    by_id = {finding.id: finding for finding in judge(SERVICE, "web.service").findings}
    assert by_id["system-folder-mount"].subject == "mount /host of docker run of nginx:1"
    place = by_id["system-folder-mount"].locations[0]
    assert (place.line, place.column) == (8, 3)
    assert by_id["host-breaking-capability"].locations[0].line == 8
    assert by_id["full-privileges"].subject == "podman run of x:1"
    assert by_id["host-processes"].subject == "docker run of y:1"
    assert ids(
        "[Service]\nEnvironmentFile=/x\nEnvironment=O=--privileged\nExecStart=docker run $O nginx\n", "a.service"
    ) <= {"latest-image"}
    assert judge("[Service]\nExecStart=docker run 'x\n", "a.service").diagnostics[0].incomplete
    assert "full-privileges" in ids("[Service]\nExecStart=docker run \\x2d\\x2dprivileged x\n", "b.service.d/over.conf")


QUADLET = """\
[Unit]
Description=web
[Container]
Image=registry.example.test/web:1
AddCapability=NET_ADMIN SYS_ADMIN
Volume=/run/podman/podman.sock:/s:ro
PublishPort=8080:80
Network=host
PodmanArgs=--pid host
[Service]
Restart=always
"""


def test_quadlet_units() -> None:
    by_id = {finding.id: finding for finding in judge(QUADLET, "web.container").findings}
    assert by_id["host-breaking-capability"].locations[0].line == 5
    assert by_id["mounted-engine-socket"].locations[0].line == 6
    assert by_id["host-network"].locations[0].line == 8
    assert by_id["host-processes"].locations[0].line == 9
    assert by_id["unlimited-memory"].locations[0].line == 4
    assert "unlimited-processes" not in by_id  # Podman limits them by itself
    good = (
        f"[Container]\nImage=registry.example.test/web:1@sha256:{'a' * 64}\nUser=1000\nReadOnly=yes\nDropCapability=all\n"
        "NoNewPrivileges=true\nNetwork=web.network\nHealthCmd=true\nPodmanArgs=--memory=64m --cpus 1\n"
    )
    assert ids(good, "web.container") == set()


# -- documentation ---------------------------------------------------------------------------------------------------------

MARKDOWN = """\
# Run it
docker run --privileged prose

```console
$ docker run --privileged \\
> --name x <image> sh
docker run --pid host output
```

- in a list:
  ```bash
  docker run [OPTIONS] IMAGE [COMMAND]
  docker run --uts host nginx
  ```

    $ docker run --ipc host nginx

```yaml
docker run --userns host nginx
```

~~~
some text
docker run --security-opt seccomp=unconfined nginx
~~~
"""


def test_markdown() -> None:
    found = {finding.id: finding.locations[0] for finding in judge(MARKDOWN, "README.md").findings}
    assert (found["full-privileges"].line, found["full-privileges"].column) == (5, 14)
    assert found["host-uts"].line == 13
    assert (found["host-ipc"].line, found["host-ipc"].column) == (16, 18)
    assert found["seccomp-off"].line == 24
    assert not {"host-processes", "host-user-namespace"} & set(found)


def test_restructured_text() -> None:
    text = "Run::\n\n    docker run --privileged nginx\n\n.. code-block:: console\n\n   # docker run --pid host nginx\n\nProse.\n"
    found = {finding.id: finding.locations[0] for finding in judge(text, "guide.rst").findings}
    assert (found["full-privileges"].line, found["full-privileges"].column) == (3, 16)
    assert found["host-processes"].line == 7


def test_examples_that_cannot_be_read_leave_the_report_complete() -> None:
    outcome = judge("```sh\ndocker run (see below)\n```\n", "README.md")
    assert outcome.diagnostics
    assert not any(told.incomplete for told in outcome.diagnostics)


# -- fixes -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "rule", "expected", "path"),
    [
        ("docker run nginx:1\n", "unlimited-memory", "docker run --memory 512m nginx:1\n", "x.sh"),
        ("sudo docker run -d nginx:1\n", "writable-root", "sudo docker run --read-only -d nginx:1\n", "x.sh"),
        ("a; docker run --privileged x:1\n", "full-privileges", "a; docker run x:1\n", "x.sh"),
        ("docker run -d \\\n  --net host \\\n  x:1\n", "host-network", None, "x.sh"),
        ("docker run -d \\\n  --pid host \\\n  x:1\n", "host-processes", "docker run -d \\\n  \\\n  x:1\n", "x.sh"),
        ("docker run -v /etc:/e x:1\n", "system-folder-mount", "docker run x:1\n", "x.sh"),
        ("docker run -p8080:80 x:1\n", "port-on-every-interface", "docker run -p127.0.0.1:8080:80 x:1\n", "x.sh"),
        ("docker run -p 8080:80 x:1\n", "port-on-every-interface", "docker run -p 127.0.0.1:8080:80 x:1\n", "x.sh"),
        (
            "[Container]\nImage=x:1\n",
            "undropped-capabilities",
            "[Container]\nDropCapability=ALL\nImage=x:1\n",
            "x.container",
        ),
        (
            "[Container]\nImage=x:1\n",
            "regained-privileges",
            "[Container]\nNoNewPrivileges=true\nImage=x:1\n",
            "x.container",
        ),
        (
            "[Container]\nImage=x:1\n",
            "unlimited-memory",
            "[Container]\nPodmanArgs=--memory 512m\nImage=x:1\n",
            "x.container",
        ),
    ],
)
def test_edits_close_what_they_are_for(text: str, rule: str, expected: str | None, path: str) -> None:
    finding = one(text, rule, path)
    assert finding.fix is not None
    if expected is None:
        assert not finding.fix.edits
        return
    lines = [edit for edit in finding.fix.edits if isinstance(edit, Lines)]
    assert len(lines) == len(finding.fix.edits) > 0
    assert edited(text, lines) == expected
    assert rule not in ids(expected, path)


# -- hostile ---------------------------------------------------------------------------------------------------------------

PIECES = [
    "docker run ",
    "podman create",
    " -",
    "--",
    "-v",
    "/:/x",
    "=",
    "$X",
    "${",
    "`",
    "'",
    '"',
    "\\",
    "\n",
    "\t",
    "%",
    "|",
]
PATHS = ["x.sh", "x.md", "x.rst", "x.service", "x.container", "Makefile", "-"]


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.sampled_from([*PIECES, "```", "$ ", "[Service]\n", "[Container]\n", "Exec=", "::\n", ": a\n"])),
    st.sampled_from(PATHS),
)
def test_nonsense_only_yields_findings_and_diagnostics(pieces: list[str], path: str) -> None:
    outcome = check([(path, ("docker " + "".join(pieces)).encode())])
    assert not any(told.slug == "rule-crashed" for told in outcome.diagnostics)


@pytest.mark.parametrize("path", PATHS)
def test_long_and_strange_files_end_soon(path: str) -> None:
    for text in (
        "docker run -v " * 50_000,
        "`" * 100_000 + "docker run",
        "$ docker run \\\n" * 30_000,
        "docker run $(" * 5_000,
    ):
        check([(path, text.encode())])
    check([(path, b"docker run \xff\xfe\x80 nginx\n")])
