"""Compose: files laid together as Compose does it, variables, short forms, places in the right file, edits, strangers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from thwart.core.edit import Append, Drop, Put
from thwart.core.finding import Diagnostic, Finding
from thwart.core.limits import DEFAULT
from thwart.lib import run_values
from thwart.lib.run_arguments import UNKNOWN
from thwart.rules import Options, Outcome, check
from thwart.rules._source import Source
from thwart.rules.compose import _syntax as syntax
from thwart.rules.compose._interpolate import dotenv, fill
from thwart.rules.compose._project import read_project
from thwart.rules.compose._service import KEYS
from thwart.rules.container import Container
from thwart.rules.container._settings import Device, Mount, Port, Restart

DATA = Path(__file__).parent.parent / "data" / "rules" / "compose"
FILES = {one.relative_to(DATA).as_posix(): one.read_bytes() for one in DATA.rglob("*") if one.is_file()}


def judge(files: dict[str, str], *paths: str) -> Outcome:
    data = {name: text.encode() for name, text in files.items()}
    return check([(path, data[path]) for path in paths or list(files)[:1]], Options(beside=data.get))


def one(text: str) -> Outcome:
    return judge({"compose.yaml": text})


def service(text: str) -> Container:
    """The service `a` of these settings."""
    data = ("services:\n  a:\n    " + text.replace("\n", "\n    ")).encode()
    found = read_project(Source("compose.yaml", data, DEFAULT), sure=True)
    return next(one for one in found if isinstance(one, Container))


def ids(outcome: Outcome) -> set[tuple[str, str]]:
    return {(finding.id, finding.subject) for finding in outcome.findings}


def by_id(outcome: Outcome, name: str) -> Finding:
    return next(finding for finding in outcome.findings if finding.id == name)


# -- projects -------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def harbour() -> Outcome:
    return check([("compose.yaml", FILES["compose.yaml"])], Options(beside=FILES.get))


def test_findings_stand_in_the_file_that_says_it(harbour: Outcome) -> None:
    places = {(f.id, f.subject): (f.locations[0].path, f.locations[0].line) for f in harbour.findings}
    assert places["full-privileges", "service web"] == ("compose.override.yaml", 3)
    assert ("host-breaking-capability", "service web") not in places  # privileged is that and more
    assert places["secret-in-settings", "service web"] == ("shared/common.yaml", 6)
    assert places["host-processes", "service queue"] == ("shared/queue.yaml", 4)
    assert places["mounted-engine-socket", "mount /data of service api"] == ("compose.override.yaml", 6)
    assert places["port-on-every-interface", "port 9090 of service web"] == ("compose.override.yaml", 4)
    assert places["unlimited-memory", "service api"] == ("compose.yaml", 16)


def test_merged_settings_count(harbour: Outcome) -> None:
    found = ids(harbour)
    assert ("unlimited-memory", "service web") not in found  # by the merge key
    assert ("secret-in-settings", "service api") not in found  # its values stand in no file that was given, or in .env
    assert ("undigested-image", "service api") in found  # API_TAG is in .env
    assert all(f.locations[0].path != ".env" for f in harbour.findings)
    assert [(one.slug, one.incomplete) for one in harbour.diagnostics] == [("unset-variable", False)]
    assert "API_TOKEN has" in harbour.diagnostics[0].message


def test_an_override_leads_to_the_same_findings_once(harbour: Outcome) -> None:
    both = check([(name, FILES[name]) for name in ("compose.override.yaml", "compose.yaml")], Options(beside=FILES.get))
    alone = check([("compose.override.yaml", FILES["compose.override.yaml"])], Options(beside=FILES.get))
    assert ids(both) == ids(harbour) == ids(alone)
    assert len(both.findings) == len(harbour.findings)


def test_reset_and_override_tags() -> None:
    base = "services:\n  web: {image: x, privileged: true, cap_add: [ALL], ports: ['5432:5432']}\n"
    over = "services:\n  web:\n    privileged: !reset null\n    cap_add: !override [CHOWN]\n    ports: !reset []\n"
    found = judge({"compose.yaml": base, "compose.override.yml": over})
    names = {finding.id for finding in found.findings}
    assert not names & {"full-privileges", "host-breaking-capability", "published-inner-port"}


def test_extends_in_a_chain_and_from_a_file() -> None:
    files = {
        "compose.yaml": "services:\n  a: {extends: {service: b, file: sub/x.yaml}}\n",
        "sub/x.yaml": "services:\n  b: {extends: c}\n  c: {extends: {file: y.yaml, service: d}}\n",
        "sub/y.yaml": "services:\n  d: {image: x, privileged: true}\n",
    }
    found = judge(files)
    assert by_id(found, "full-privileges").locations[0].path == "sub/y.yaml"
    assert found.diagnostics == ()


@pytest.mark.parametrize(
    "text",
    [
        "services:\n  a: {image: x, extends: b}\n  b: {image: x, extends: a}\n",
        "services:\n  a: {image: x, extends: a}\n",
        "services:\n  a: {image: x, extends: {file: gone.yaml, service: b}}\n",
        "services:\n  a: {image: x, extends: gone}\n",
        "services:\n  a: {image: x, extends: [1]}\n",
        "include: [compose.yaml]\nservices:\n  a: {image: x}\n",
        "include: ['oci://registry.example.test/x', gone.yaml]\nservices:\n  a: {image: x}\n",
        "include: 5\nservices:\n  a: {image: x}\n",
        "services: [1]",
        "services:\n  a: {image: x, mem_limit: much}\n",
    ],
)
def test_what_cannot_be_followed_is_told(text: str) -> None:
    told = [one for one in one_diagnostics(text) if one.slug == "compose-problem"]
    assert told
    assert all(diagnostic.incomplete and diagnostic.message.startswith("line ") for diagnostic in told)


def one_diagnostics(text: str) -> tuple[Diagnostic, ...]:
    return one(text).diagnostics


def test_of_a_service_whose_base_is_not_there_only_what_it_says_is_judged() -> None:
    found = one("services:\n  a: {privileged: true, extends: {file: gone.yaml, service: b}}\n")
    assert {finding.id for finding in found.findings} == {"full-privileges"}


def test_long_chains_are_no_error_of_ours() -> None:
    chain = "".join(f"  s{n}: {{extends: s{n + 1}}}\n" for n in range(300)) + "  s300: {image: y}\n"
    assert {one.slug for one in one_diagnostics(f"services:\n{chain}")} == {"compose-problem", "partial-manifest"}


@pytest.mark.parametrize(
    ("path", "text", "claimed"),
    [
        ("stack.yaml", "services: {a: {image: x, privileged: true}}", True),
        ("-", "services: {a: {image: x, privileged: true}}", True),
        ("services.yaml", "services: {a: {class: x, privileged: true}}", False),
        ("x.yaml", "apiVersion: v1\nkind: X\nservices: {a: {image: x, privileged: true}}", False),
        ("docker-compose.yml", "a: {image: x, privileged: true}", True),
        ("web.compose.yml", "services: {a: {image: x, privileged: true}}", True),
        ("docker-compose.prod.yml", "services: {a: {privileged: true}}", True),
        ("compose.json", '{"services": {"a": {"image": "x", "privileged": true}}}', True),
        ("compose.yaml", "services:\n  a: {image: x, privileged: true}\n---\nservices:\n  b: {image: y}\n", True),
    ],
)
def test_what_is_a_compose_file(path: str, text: str, claimed: bool) -> None:
    assert ("full-privileges" in {finding.id for finding in judge({path: text}).findings}) is claimed


def test_several_documents_are_laid_over_each_other() -> None:
    found = one("services:\n  a: {image: x, privileged: true}\n---\nservices:\n  a: {privileged: false, pid: host}\n")
    names = {finding.id: finding.locations[0].line for finding in found.findings}
    assert "full-privileges" not in names
    assert names["host-processes"] == 5


def test_keys_given_twice_are_told() -> None:
    [told] = one_diagnostics("services:\n  a: {image: x, image: y}\n")
    assert (told.slug, told.incomplete) == ("compose-problem", False)


# -- variables ------------------------------------------------------------------------------------------------------------

VALUES = {"SET": "s", "EMPTY": "", "OTHER": "o"}


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("$SET-${SET}", "s-s"),
        ("$$SET $${SET}", "$SET ${SET}"),
        ("${EMPTY:-d} ${EMPTY-d} ${UNSET:-d} ${UNSET-d}", "d  d d"),
        ("${SET:+r} ${EMPTY:+r} ${EMPTY+r} ${UNSET+r}", "r  r "),
        ("${SET:?e} ${EMPTY?e}", "s "),
        ("${UNSET:-${EMPTY:-${OTHER}x}}y", "oxy"),
        ("${UNSET:-a}b}", "ab}"),
        ("${UNSET:-}", ""),
        ("a$1 $", "a$1 $"),
        ("$UNSET!", f"{UNKNOWN}!"),
        ("${UNSET:?must be set}", UNKNOWN),
        ("${UNSET-${UNSET2}}", UNKNOWN),
    ],
)
def test_variables(text: str, wanted: str) -> None:
    found = fill(text, VALUES)
    assert (found.text, found.error) == (wanted, "")
    assert bool(found.unset) is (UNKNOWN in wanted)


@pytest.mark.parametrize("text", ["${", "${}", "${1}", "${A!b}", "x ${A:-${B}", "${A:-" * 50 + "}" * 50])
def test_what_is_no_variable(text: str) -> None:
    assert fill(text, {}).error


def test_variables_do_not_grow_without_bound() -> None:
    assert fill("$A" * 1000, {"A": "x" * 1000}).error


def test_dotenv() -> None:
    text = b"A=1 # c\nexport B='$A x'\n# C=2\nD=\"a\\nb $A\"\nE=\nF=$A$B\nbroken\nG='open\nH=#no\n"
    assert dotenv(text) == {"A": "1", "B": "$A x", "D": "a\nb 1", "E": "", "F": "1$A x", "H": ""}


def test_an_unknown_value_is_neither_found_nor_passed() -> None:
    found = one("services:\n  a: {image: x, privileged: '${P}', mem_limit: '${M}', user: '${U}'}\n")
    names = {finding.id for finding in found.findings}
    assert not names & {"full-privileges", "unlimited-memory", "stated-root", "image-chosen-user"}
    assert [(one.slug, one.incomplete) for one in found.diagnostics] == [("unset-variable", True)]


def test_a_default_is_a_literal_and_a_reference_is_none() -> None:
    text = "services:\n  a: {image: x, environment: {A_PASSWORD: '${P}', B_PASSWORD: '${P:-zebra7}'}}\n"
    finding = by_id(one(text), "secret-in-settings")
    assert [one.phrase for one in finding.evidence] == ["has a secret in B_PASSWORD"]
    assert "zebra7" not in repr(finding)


# -- short forms ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (80, Port("", (0, 0), (80, 80))),
        ("8080:80/UDP", Port("", (8080, 8080), (80, 80), "udp")),
        ("127.0.0.1:8001:80", Port("127.0.0.1", (8001, 8001), (80, 80))),
        ("127.0.0.1::80", Port("127.0.0.1", (0, 0), (80, 80))),
        ("[::1]:8000:80", Port("::1", (8000, 8000), (80, 80))),
        ("9000-9002:80-82", Port("", (9000, 9002), (80, 82))),
        ("x", None),
        ("70000:80", None),
        ("82-80", None),
        ("", None),
    ],
)
def test_ports(text: object, wanted: Port | None) -> None:
    assert syntax.port(text) == wanted


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("/data", Mount("volume", "", "/data")),
        ("vol:/v:ro", Mount("volume", "vol", "/v", True)),
        ("./x:/x:ro,z", Mount("bind", "./x", "/x", True)),
        ("/etc/../var:/v:rshared", Mount("bind", "/etc/../var", "/v", False, "rshared", "/var")),
        ("C:\\data:/w", Mount("bind", "C:\\data", "/w")),
        ("~/x:/h", Mount("bind", "~/x", "/h")),
        ("a:b:c:d", None),
        (":/x", None),
        ("", None),
    ],
)
def test_volumes(text: str, wanted: Mount | None) -> None:
    assert syntax.volume(text) == wanted


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("512m", 512 << 20),
        ("1.5GB", 3 << 29),
        ("1GiB", 1 << 30),
        (64, 64),
        ("10b", 10),
        ("-1", -1),
        ("x", None),
        (True, None),
    ],
)
def test_sizes(text: object, wanted: int | None) -> None:
    assert syntax.size(text) == wanted


def test_other_short_forms() -> None:
    assert syntax.device("/dev/sda:/dev/x:r") == Device("/dev/sda", "/dev/x", "r")
    assert syntax.restart("on-failure:3") == Restart("on-failure", 3)
    assert syntax.restart(False) == Restart("no")
    assert syntax.restart("sometimes") is None
    assert run_values.option("seccomp:unconfined") == "seccomp=unconfined"
    assert [syntax.flag(one) for one in (True, "yes", "off", "perhaps", None)] == [True, True, False, None, None]


def test_long_forms_and_old_keys() -> None:
    found = service(
        "image: x\nnet: host\nports: [{target: 80, published: '8080-8081', host_ip: 127.0.0.1, protocol: udp}]\n"
        "volumes: [{type: bind, source: /etc, target: /e, read_only: true, bind: {propagation: rslave}}]\n"
        "deploy: {resources: {limits: {memory: 1g, cpus: '0.5', pids: 9}}, restart_policy: {condition: any}}\n"
        "ulimits: {nproc: 5, nofile: {soft: 1, hard: 2}}\nlogging: {driver: none}\nhealthcheck: {test: [NONE]}"
    )
    assert found.network_mode is not None
    assert found.network_mode.value == "host"
    assert found.ports[0].value == Port("127.0.0.1", (8080, 8081), (80, 80), "udp")
    assert found.mounts[0].value == Mount("bind", "/etc", "/e", True, "rslave", "/etc")
    limits = [one.value if one else None for one in (found.memory, found.cpus, found.pids_limit)]
    assert limits == [1 << 30, 0.5, 9]
    assert found.restart is not None
    assert found.restart.value == Restart("always")
    assert [tuple(one.value) for one in found.ulimits] == [("nproc", 5, 5), ("nofile", 1, 2)]
    assert found.healthcheck is not None
    assert not found.healthcheck.value
    assert found.unknown == set()


# -- edits ----------------------------------------------------------------------------------------------------------------


def test_edits_lead_to_the_service() -> None:
    found = one(
        "services:\n  a:\n    image: x\n    privileged: true\n    security_opt: ['label:disable']\n"
        "    ports: ['8080:80']\n    deploy: {resources: {limits: {cpus: '1'}}}\n"
    )
    edits = {f.id: f.fix.edits for f in found.findings if f.fix is not None}
    service = ("services", "a")
    assert edits["full-privileges"] == (Drop(pointer=(*service, "privileged")),)
    limit = (*service, "deploy", "resources", "limits", "memory")
    assert edits["unlimited-memory"] == (Put(pointer=limit, value="512m"),)
    assert edits["port-on-every-interface"] == (Put(pointer=(*service, "ports", 0), value="127.0.0.1:8080:80"),)


def test_lists_are_appended_to() -> None:
    found = one("services:\n  a: {image: x, security_opt: ['label:disable']}\n")
    edits = {f.id: f.fix.edits for f in found.findings if f.fix is not None}
    pointer = ("services", "a", "security_opt")
    assert edits["undropped-capabilities"] == (Append(pointer=("services", "a", "cap_drop"), value="ALL"),)
    assert edits["regained-privileges"] == (Append(pointer=pointer, value="no-new-privileges:true"),)
    assert edits["selinux-off"] == (Drop(pointer=(*pointer, 0)),)


def test_nothing_is_put_into_another_file_than_the_finding_s() -> None:
    files = {
        "compose.yaml": "services:\n  a: {image: x}\n",
        "compose.override.yaml": "services:\n  a: {mem_limit: 0, privileged: true}\n",
    }
    found = judge(files)
    assert by_id(found, "unlimited-memory").fix is not None
    assert by_id(found, "unlimited-memory").fix.edits == ()  # type: ignore[union-attr]
    assert by_id(found, "full-privileges").fix.edits == (Drop(pointer=("services", "a", "privileged")),)  # type: ignore[union-attr]


# -- strangers ------------------------------------------------------------------------------------------------------------

ODD = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 70000) | st.text("ab/:.-$={}", max_size=8) | st.floats(allow_nan=False),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["target", "type", "limits", "resources", "soft", "file", "service"]), inner, max_size=3
        )
    ),
    max_leaves=6,
)


@settings(max_examples=200, deadline=None)
@given(
    services=st.dictionaries(
        st.sampled_from("ab"), st.dictionaries(st.sampled_from(sorted(KEYS)), ODD, max_size=8) | ODD, max_size=2
    ),
    rest=st.dictionaries(st.sampled_from(["include", "networks", "volumes", "name", "version"]), ODD, max_size=3),
    over=st.dictionaries(st.sampled_from("ab"), st.dictionaries(st.sampled_from(sorted(KEYS)), ODD, max_size=8)),
)
def test_no_file_makes_anything_crash(services: object, rest: dict[str, object], over: object) -> None:
    files = {
        "compose.yaml": json.dumps({**rest, "services": services}),
        "compose.override.yaml": json.dumps({"services": over}),
    }
    outcome = judge(files)
    assert {one.slug for one in outcome.diagnostics} <= {
        "compose-problem",
        "unset-variable",
        "partial-manifest",
        "unreadable",
    }
    assert all(finding.locations and finding.message for finding in outcome.findings)


def test_broken_bytes_only_make_diagnostics() -> None:
    data = FILES["compose.yaml"]
    for cut in range(0, len(data), 5):
        flipped = bytearray(data)
        flipped[cut] ^= 0x41
        for text in (data[:cut], bytes(flipped)):
            found = check([("compose.yaml", text)], Options(beside=FILES.get))
            assert not {one.slug for one in found.diagnostics} & {"rule-crashed"}


def test_a_bomb_is_no_work() -> None:
    lines = ["services:", "  a: {image: x, labels: {q: *a11}}"]
    bomb = ["a0: &a0 [x,x,x,x,x,x,x,x,x,x]"]
    bomb += [f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    assert {one.slug for one in one_diagnostics("\n".join(bomb + lines))} == {"unreadable"}


# -- one of several --------------------------------------------------------------------------------------------------------


def told(service: str) -> set[tuple[str, str]]:
    text = f"services:\n  web:\n    image: example.test/web:1.2@sha256:{'a' * 64}\n{service}"
    return {(one.id, one.subject) for one in check([("compose.yaml", text.encode())]).findings}


def test_a_mount_hides_no_other() -> None:
    found = told("    volumes: ['/var/run/docker.sock:/var/run/docker.sock', '/:/host']\n")
    assert ("mounted-engine-socket", "mount /var/run/docker.sock of service web") in found
    assert ("system-folder-mount", "mount /host of service web") in found
    assert ("writable-host-mount", "mount /host of service web") not in found


def test_a_port_hides_no_other() -> None:
    found = told("    ports: ['5432:5432', '8080:80']\n")
    assert ("published-inner-port", "port 5432 of service web") in found
    assert ("port-on-every-interface", "port 8080 of service web") in found
    assert ("port-on-every-interface", "port 5432 of service web") not in found


@pytest.mark.parametrize(
    "mount",
    [
        "${XDG_RUNTIME_DIR}/docker.sock:/run/app.sock",
        "${XDG_RUNTIME_DIR}/podman/podman.sock:/run/app.sock",
        "${SOCKET}:/var/run/docker.sock",
        "./proxied:/var/run/docker.sock",
    ],
)
def test_a_socket_is_known_by_either_end(mount: str) -> None:
    assert "mounted-engine-socket" in {name for name, _ in told(f"    volumes: ['{mount}']\n")}
    assert "mounted-engine-socket" not in {
        name for name, _ in told("    volumes: ['${DATA}/x:/data', 'run:/var/run']\n")
    }


def test_a_privileged_hook_is_told_and_mended() -> None:
    text = "services:\n  a:\n    image: b:1\n    post_start:\n      - command: c\n        privileged: {}\n"
    hits = [finding for finding in one(text.format("true")).findings if finding.id == "full-privileges"]
    assert [finding.locations[0].line for finding in hits] == [6]
    assert hits[0].fix is not None
    assert hits[0].fix.edits
    assert "full-privileges" not in {finding.id for finding in one(text.format("false")).findings}
    assert "full-privileges" not in {finding.id for finding in one(text.format("[1]")).findings}
