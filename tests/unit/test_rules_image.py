"""Rules on images: what lies in which layer, what a later layer hides, what is no secret, hostile layers, every format."""

from __future__ import annotations

import io
import json
import tarfile
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.unit.images import config, digest, docker_archive, status, tar_of
from thwart.api import _inventory
from thwart.api._image_rules import judge, lay
from thwart.api._scan import ScanOptions, scan
from thwart.core.finding import Finding
from thwart.core.layer import LayerFacts, Note
from thwart.core.limits import DEFAULT
from thwart.core.report import Exception_, Policy, Report
from thwart.gate import decide
from thwart.reports import RenderOptions, formats, write
from thwart.rules import Options, check
from thwart.rules.image import DOCUMENT, _content
from thwart.sources import OpenOptions

PASSWD = b"root:x:0:0:root:/root:/bin/sh\napp:x:10001:10001::/app:/bin/sh\n"
BODY = b"MHcCAQEEIAbcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJ"
KEY = b"-----BEGIN EC PRIVATE KEY-----\n" + BODY + b"\n-----END EC PRIVATE KEY-----\n"
NOW = datetime(2026, 6, 1, tzinfo=UTC)
BASE: tuple[tuple[str, bytes], ...] = (("var/lib/dpkg/status", status(("base-files", "1"))), ("etc/passwd", PASSWD))


def layer(*entries: dict[str, Any] | tuple[str, bytes]) -> bytes:
    """A layer tar; an entry is (path, content), or the fields of a `TarInfo` with `data`."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT, errors="surrogateescape") as tar:
        for entry in entries:
            fields: dict[str, Any] = {"name": entry[0], "data": entry[1]} if isinstance(entry, tuple) else dict(entry)
            data = fields.pop("data", b"")
            info = tarfile.TarInfo()
            for name, value in fields.items():
                setattr(info, name, value)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return out.getvalue()


def archive(target: Path, *layers: bytes, **more: Any) -> Path:
    """A `docker save` archive; `more` goes into its configuration."""
    raw = config(layers, **more)
    paths = [f"{digest(one)[7:]}/layer.tar" for one in layers]
    manifest = [{"Config": "config.json", "RepoTags": ["demo:1"], "Layers": paths}]
    members = {**dict(zip(paths, layers, strict=True)), "config.json": raw}
    target.write_bytes(tar_of({**members, "manifest.json": json.dumps(manifest).encode()}))
    return target


def report(target: Path | str, **more: Any) -> Report:
    return scan(str(target), ScanOptions(now=NOW, **more))


def rules(told: Report) -> dict[str, list[Finding]]:
    found: dict[str, list[Finding]] = {}
    for finding in told.findings:
        if finding.kind == "rule":
            found.setdefault(finding.id, []).append(finding)
    return found


def judged(tmp_path: Path, *layers: bytes, **more: Any) -> dict[str, list[Finding]]:
    target = archive(tmp_path / "x.tar", *layers, **more)
    reading = _inventory.read_source(str(target), OpenOptions(), DEFAULT, None, 1, watched=True)
    outcome = judge(reading.source, reading.inventory.notes or (), NOW, Options())
    assert outcome.diagnostics == ()
    return rules(replace(Report(asset=reading.source.asset, tool_version="", created=""), findings=outcome.findings))


# -- layers ----------------------------------------------------------------------------------------------------------------


def test_a_file_has_its_path_and_its_layer(tmp_path: Path) -> None:
    low, high = layer(*BASE), layer(("srv/tls/server", KEY))
    [one] = judged(tmp_path, low, high)["private-key-in-image"]
    assert (one.locations[0].path, one.locations[0].layer) == ("srv/tls/server", digest(high))
    assert one.message == "srv/tls/server of the image holds an EC private key"
    assert BODY.decode() not in repr(one)


@pytest.mark.parametrize(
    "above",
    [
        [("root/.wh.key", b"")],
        [(".wh.root", b"")],
        [("root/.wh..wh..opq", b"")],
        [("root/key", b"nothing")],
        [{"name": "root/key", "type": tarfile.DIRTYPE}],
        [{"name": "root", "type": tarfile.SYMTYPE, "linkname": "home"}],
    ],
    ids=["whiteout", "folder", "opaque", "overwritten", "replaced by a folder", "its folder by a link"],
)
def test_a_secret_that_a_later_layer_hides_is_told_with_its_layer(tmp_path: Path, above: list[Any]) -> None:
    low = layer(*BASE, ("root/key", KEY))
    found = judged(tmp_path, low, layer(*above))
    assert "private-key-in-image" not in found
    [one] = found["secret-in-hidden-layer"]
    assert one.locations[0].layer == digest(low)
    assert digest(low)[:19] in one.message
    assert "RUN step 0" in one.message


def test_the_command_of_a_layer_is_not_told_when_it_holds_a_secret(tmp_path: Path) -> None:
    history = [{"created_by": "RUN |1 API_TOKEN=zebra7zebra7 sh -c fetch"}, {"created_by": "RUN rm root/key"}]
    layers = layer(*BASE, ("root/key", KEY)), layer(("root/.wh.key", b""))
    told = report(archive(tmp_path / "x.tar", *layers, history=history))
    found = rules(told)
    assert found["secret-in-image-history"][0].subject == "API_TOKEN in the history of the image"
    assert "zebra7" not in repr(told.findings)


def test_a_secret_written_again_is_told_once(tmp_path: Path) -> None:
    found = judged(tmp_path, layer(*BASE, ("root/key", KEY)), layer({"name": "root/key", "data": KEY, "mode": 0o600}))
    assert "secret-in-hidden-layer" not in found
    assert len(found["private-key-in-image"]) == 1


def test_what_a_later_layer_mends_is_not_told(tmp_path: Path) -> None:
    low = layer(
        *BASE, {"name": "opt/x", "mode": 0o4755, "data": b"#!"}, {"name": "d", "type": tarfile.DIRTYPE, "mode": 0o777}
    )
    assert {"unusual-setuid-file", "world-writable-path"} <= judged(tmp_path, low).keys()
    high = layer({"name": "opt/x", "mode": 0o755, "data": b"#!"}, {"name": "d", "type": tarfile.DIRTYPE, "mode": 0o755})
    assert not {"unusual-setuid-file", "world-writable-path"} & judged(tmp_path, low, high).keys()


def test_paths_are_resolved_through_the_links_of_layers_below(tmp_path: Path) -> None:
    low = layer(
        *BASE, {"name": "bin", "type": tarfile.SYMTYPE, "linkname": "usr/bin"}, {"name": "usr/bin/su", "mode": 0o4755}
    )
    assert "usual-setuid-files" in judged(tmp_path, low)
    assert "usual-setuid-files" not in judged(tmp_path, low, layer(("bin/.wh.su", b"")))


def test_a_second_name_is_as_the_first(tmp_path: Path) -> None:
    link = {"name": "opt/y", "type": tarfile.LNKTYPE, "linkname": "./opt/x"}
    found = judged(tmp_path, layer(*BASE, {"name": "opt/x", "mode": 0o4755}, link))["unusual-setuid-file"]
    assert [one.locations[0].path for one in found] == ["opt/x", "opt/y"]


def test_the_same_layer_twice_hides_nothing(tmp_path: Path) -> None:
    one = layer(*BASE, ("root/key", KEY))
    found = judged(tmp_path, one, one)
    assert "secret-in-hidden-layer" not in found
    assert len(found["private-key-in-image"]) == 1


def test_the_last_entry_of_a_layer_counts(tmp_path: Path) -> None:
    twice = layer(*BASE, {"name": "opt/x", "mode": 0o4755}, {"name": "opt/x", "mode": 0o755})
    assert "unusual-setuid-file" not in judged(tmp_path, twice)
    buried = layer(*BASE, {"name": "opt/x", "mode": 0o4755}, ("opt", b"now a file"))
    assert "unusual-setuid-file" not in judged(tmp_path, buried)


# -- users and accounts ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("user", "rule"),
    [
        ("", "image-root-user"),
        ("root", "image-root-user"),
        ("00", "image-root-user"),
        ("0:10001", "image-root-user"),
        (":10001", "image-root-user"),
        ("admin", "image-root-user"),
        ("app", ""),
        ("app:app", ""),
        ("10001:0", ""),
        ("ghost", "unknown-image-user"),
    ],
)
def test_users(tmp_path: Path, user: str, rule: str) -> None:
    accounts = PASSWD + b"admin:x:0:0::/:/bin/sh\n"
    found = judged(tmp_path, layer(BASE[0], ("etc/passwd", accounts)), config={"User": user})
    assert {"image-root-user", "unknown-image-user"} & found.keys() == ({rule} if rule else set())


@pytest.mark.parametrize(
    "target", ["../usr/share/accounts/passwd", "/usr/share/accounts/passwd", "../../../usr/share/accounts/passwd"]
)
def test_accounts_behind_a_link_are_read_inside_the_root(tmp_path: Path, target: str) -> None:
    link = {"name": "etc/passwd", "type": tarfile.SYMTYPE, "linkname": target}
    files = layer(BASE[0], link, ("usr/share/accounts/passwd", PASSWD))
    assert "unknown-image-user" in judged(tmp_path, files, config={"User": "ghost"})
    assert not {"unknown-image-user", "image-root-user"} & judged(tmp_path, files, config={"User": "app"}).keys()


def test_accounts_of_the_host_are_never_read(tmp_path: Path) -> None:
    link = {"name": "etc/passwd", "type": tarfile.SYMTYPE, "linkname": "/../../../../etc/passwd"}
    found = judged(tmp_path, layer(BASE[0], link), config={"User": "root1"})
    assert not {"unknown-image-user", "image-root-user"} & found.keys()


def test_accounts(tmp_path: Path) -> None:
    shadow = (
        b"root:*:1:0:99999:7:::\napp::1:0:99999:7:::\nops:$6$salt$hash:1:0:99999:7:::\nold:!$1$a$b:1:0:99999:7:::\n"
    )
    found = judged(
        tmp_path, layer(BASE[0], ("etc/shadow", shadow), ("etc/passwd", PASSWD + b"toor:x:0:0::/:/bin/sh\n"))
    )
    assert found["account-without-password"][0].message.endswith(": app")
    assert found["password-hash-in-image"][0].message.endswith("of ops and old")
    assert found["second-root-account"][0].message.endswith("toor")
    assert "$6$" not in repr(found)


def test_programs_that_the_user_may_change(tmp_path: Path) -> None:
    files = layer(
        *BASE,
        {"name": "app/run", "mode": 0o755, "uid": 10001, "data": b"x"},
        {"name": "app/other", "mode": 0o755, "uid": 5, "data": b"x"},
        {"name": "usr/local/bin", "type": tarfile.DIRTYPE, "mode": 0o755, "uid": 10001},
        {"name": "app/shared", "mode": 0o775, "gid": 7, "data": b"x"},
    )
    paths = {"app/run", "usr/local/bin"}
    for user, more in (("app", set[str]()), ("10001:7", {"app/shared"})):
        [one] = judged(tmp_path, files, config={"User": user})["program-writable-by-user"]
        assert {place.path for place in one.locations} == paths | more
    assert "program-writable-by-user" not in judged(tmp_path, files, config={"User": "77"})


# -- configuration -----------------------------------------------------------------------------------------------------------


def test_a_health_check_is_asked_for_where_the_format_has_one(tmp_path: Path) -> None:
    assert "image-without-healthcheck" in judged(tmp_path, layer(*BASE))
    assert "image-without-healthcheck" not in judged(tmp_path, layer(*BASE), config={"Healthcheck": {"Test": ["NONE"]}})


@pytest.mark.parametrize(
    ("created", "old"),
    [("2025-05-31T00:00:00Z", True), ("2025-06-02T00:00:00Z", False), ("1970-01-01T00:00:00Z", False), ("soon", False)],
)
def test_age(tmp_path: Path, created: str, old: bool) -> None:
    assert ("old-image" in judged(tmp_path, layer(*BASE), created=created)) is old


@pytest.mark.parametrize(
    "odd",
    [
        {"config": None},
        {"config": []},
        {"config": {"Env": [None, 7, "=", "A"], "User": 0, "ExposedPorts": [1], "Volumes": "x", "Healthcheck": 1}},
        {"history": {"created_by": 1}, "created": 5},
        {"history": [None, {"created_by": None}, {"created_by": "=" * 100_000}]},
    ],
)
def test_odd_configurations_crash_no_rule(tmp_path: Path, odd: dict[str, Any]) -> None:
    told = report(archive(tmp_path / "x.tar", layer(*BASE), **odd))
    assert not {"rule-crashed", "unreadable"} & {one.slug for one in told.diagnostics}


# -- secrets -------------------------------------------------------------------------------------------------------------------

TOKEN = "ghp_" + "a1B2" * 9
SECRETS = [
    ("home/u/.ssh/id_rsa", KEY.replace(b"EC", b"RSA")),
    ("usr/lib/odd", KEY),
    ("etc/k.pem", b"Bag Attributes\n  friendlyName: x\n" + KEY),
    ("etc/k.pem", b"-----BEGIN ENCRYPTED PRIVATE KEY-----\n" + BODY + b"\n-----END ENCRYPTED PRIVATE KEY-----\n"),
    (
        "etc/k.ppk",
        b"PuTTY-User-Key-File-3: ssh-rsa\nEncryption: none\nComment: x\nPublic-Lines: 1\nAA\nPrivate-Lines: 1\nAA\n",
    ),
    ("root/.docker/config.json", b'{"auths": {"r.example.test": {"auth": "dTpwYXNz"}}}'),
    ("root/.npmrc", b"//r.example.test/:_authToken=abcdefgh\n"),
    ("root/.pypirc", b"[x]\nusername = u\npassword = abcdefgh\n"),
    ("root/.git-credentials", b"https://u:zebra7@git.example.test\n"),
    ("app/.git/config", b"[remote]\n url = https://u:zebra7@git.example.test/x\n"),
    ("root/.netrc", b"machine x login u password zebra7\n"),
    ("root/.kube/config", b"users:\n- user:\n    client-key-data: QUJDREVGR0g=\n"),
    ("root/.config/gcloud/application_default_credentials.json", b'{"refresh_token": "abcdefgh"}'),
    ("app/key.json", b'{"type": "service_account", "private_key": "-----BEGIN"}'),
    ("srv/terraform.tfstate", b'{"terraform_version": "1.5", "resources": [{"instances": [{"attributes": {}}]}]}'),
    ("root/.pgpass", b"db:5432:shop:u:zebra7\n"),
    ("etc/nginx/.htpasswd", b"u:$apr1$abc$def\n"),
    ("app/.env", b"# x\nexport DB_PASSWORD='zebra7'\n"),
    ("app/settings.py", b"TOKEN = '" + TOKEN.encode() + b"'"),
    ("root/.bash_history", b"curl -H 'token: " + TOKEN.encode() + b"'\n"),
]
NONE = [
    ("etc/ssl/certs/ca.pem", b"-----BEGIN CERTIFICATE-----\n" + BODY + b"\n-----END CERTIFICATE-----\n"),
    ("root/.ssh/id_rsa.pub", b"ssh-rsa AAAA"),
    ("usr/lib/python3/test/keycert.pem", KEY),
    ("usr/share/doc/x/example.key", KEY),
    ("etc/k.pem", b"-----BEGIN RSA PRIVATE KEY-----\n...\n-----END RSA PRIVATE KEY-----\n" + b" " * 100),
    ("etc/k.pem", b"-----BEGIN RSA PRIVATE KEY-----\n" + b"x" * 64 + b"\n-----END RSA PRIVATE KEY-----\n"),
    ("root/.docker/config.json", b'{"auths": {"r.example.test": {}}, "credsStore": "pass"}'),
    ("root/.npmrc", b"//r.example.test/:_authToken=${NPM_TOKEN}\nregistry=https://r.example.test\n"),
    ("root/.aws/config", b"[default]\nregion = x\n"),
    ("app/.git/config", b"[remote]\n url = git@git.example.test:x/y\n"),
    ("app/.env", b"DB_PASSWORD=\nDB_HOST=db\nDB_PASSWORD_FILE=/run/secrets/x\n"),
    ("app/.env.example", b"DB_PASSWORD=zebra7\n"),
    ("app/node_modules/x/readme.js", TOKEN.encode()),
    ("app/x.py", b"AKIAIOSFODNN7EXAMPLE"),
    ("usr/share/bash-completion/completions/passwd", b"complete -F _passwd passwd\n"),
]


def held(path: str, data: bytes) -> _content.Look | None:
    kinds = _content.kinds(path) or (("key",) if data.startswith(_content.KEY_START) else ())
    return _content.look(path, kinds, data)


@pytest.mark.parametrize(("path", "data"), SECRETS)
def test_secrets_are_known_by_content(tmp_path: Path, path: str, data: bytes) -> None:
    found = judged(tmp_path, layer(*BASE, (path, data)))
    [one] = found.get("private-key-in-image", []) + found.get("credentials-in-image", [])
    assert one.locations[0].path == path
    assert "zebra7" not in repr(one)
    assert TOKEN not in repr(one)


@pytest.mark.parametrize(("path", "data"), NONE)
def test_what_is_no_secret(tmp_path: Path, path: str, data: bytes) -> None:
    found = judged(tmp_path, layer(*BASE, (path, data)))
    assert not {"private-key-in-image", "credentials-in-image"} & found.keys()


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(SECRETS), st.integers(0, 200), st.integers(0, 255))
def test_damaged_secrets_make_no_reader_fail(one: tuple[str, bytes], place: int, byte: int) -> None:
    path, data = one
    broken = bytearray(data)
    broken[place % len(data)] = byte
    assert held(path, data) is not None
    held(path, bytes(broken))
    held(path, data[: place % len(data)])


# -- the report ------------------------------------------------------------------------------------------------------------------


def rich(tmp_path: Path) -> Path:
    files = layer(*BASE, ("root/key", KEY), {"name": "usr/bin/su", "mode": 0o4755}, {"name": "bin/sh", "mode": 0o755})
    return archive(tmp_path / "x.tar", files, layer(("root/.wh.key", b"")), config={"Env": ["A_TOKEN=zebra7"]})


def test_notes_come_from_the_cache_and_are_taken_when_a_list_of_packages_has_none(tmp_path: Path) -> None:
    target, cache = rich(tmp_path), tmp_path / "cache"
    assert report(target, cache=cache, packages_only=True).findings == ()
    first = report(target, cache=cache)
    assert "secret-in-hidden-layer" in rules(first)
    reads = []
    real = _inventory._watch

    def counting() -> Any:
        reads.append(1)
        return real()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_inventory, "_watch", counting)
        second = report(target, cache=cache)
        assert reads == []
        (tmp_path / "y").mkdir()
        report(rich(tmp_path / "y"))
        assert reads
    assert second.findings == first.findings
    assert {one.fingerprint for one in second.findings} == {one.fingerprint for one in first.findings}


def test_exceptions_accept_by_rule_and_path(tmp_path: Path) -> None:
    told = report(rich(tmp_path))
    for path, accepted in (("root/*", True), ("/root/key", True), ("srv/*", False), ("", True)):
        exception = Exception_(
            id="secret-in-hidden-layer", reason="a test key", owner="a", expires="2026-12-31", path=path
        )
        after, _ = decide(told, Policy(exceptions=(exception,)), date(2026, 6, 1))
        assert ("secret-in-hidden-layer" in rules(after)) is not accepted
    _, verdict = decide(told, Policy(fail_on="high"), date(2026, 6, 1))
    assert verdict.exit_code == 1


@pytest.mark.parametrize("name", formats())
def test_every_format_tells_of_them_and_of_no_secret(tmp_path: Path, name: str) -> None:
    judged_report, verdict = decide(report(rich(tmp_path)), Policy(), date(2026, 6, 1))
    written = write(name, [(judged_report, verdict)], RenderOptions()).decode()
    assert "zebra7" not in written
    if name not in ("spdx", "openvex", "cyclonedx", "spdx-json", "licences"):
        assert "secret-in-hidden-layer" in written


def test_standard_archives_and_root_file_systems_are_judged_and_folders_are_not(tmp_path: Path) -> None:
    root = tmp_path / "root"
    for path, data in (*BASE, ("srv/key", KEY)):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(data)
    (root / "etc/open").mkdir()
    (root / "etc/open").chmod(0o777)
    found = rules(report(f"rootfs:{root}"))
    assert found["private-key-in-image"][0].message == "srv/key of the file system holds an EC private key"
    assert found["world-writable-path"][0].locations[0].path == "etc/open"
    assert "image-root-user" not in found
    assert rules(report(f"dir:{root}")) == {}


# -- hostile -----------------------------------------------------------------------------------------------------------------------


def test_names_that_are_not_utf_8_and_absurd_owners(tmp_path: Path) -> None:
    files = layer(
        *BASE,
        {"name": "opt/\udcff", "mode": 0o7777, "uid": 1 << 40, "data": b"x"},
        {"name": "opt/y", "mode": 0o4755, "pax_headers": {"uid": "-7", "gid": "x"}, "data": b"x"},
    )
    found = judged(tmp_path, files)["unusual-setuid-file"]
    assert len(found) == 2
    assert {one.message.partition(" of the image is ")[2] for one in found} == {
        "setuid and setgid of user 1099511627776",
        "setuid of an unknown user",
    }


def test_a_huge_list_of_accounts_is_told(tmp_path: Path) -> None:
    huge = PASSWD + b"".join(b"u%d:x:%d:1::/:/bin/sh\n" % (n, n) for n in range(60_000))
    told = report(archive(tmp_path / "x.tar", layer(BASE[0], ("etc/passwd", huge)), config={"User": "app"}))
    assert [one.path for one in told.diagnostics if one.slug == "too-large"] == ["etc/passwd"]


def test_more_notes_than_are_kept_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("thwart.rules.image._watch.MOST", 3)
    files = layer(*BASE, *({"name": f"opt/{n}", "mode": 0o4755} for n in range(9)))
    told = report(archive(tmp_path / "x.tar", files))
    assert len(rules(told)["unusual-setuid-file"]) == 3
    assert any(one.slug == "limit" and one.incomplete for one in told.diagnostics)


@pytest.mark.parametrize(
    "text", ["[]", "{notes: [1]}", "{notes: [[1, 2, 3]]}", "{notes: [[[], '', 0]]}", "x", "{files: [1], config: 7}"]
)
def test_other_documents_of_that_name_are_no_crash(text: str) -> None:
    outcome = check([(DOCUMENT, text.encode())])
    assert {one.slug for one in outcome.diagnostics} <= {"unreadable"}


def test_layers_are_laid_without_a_tree_of_their_own() -> None:
    low = LayerFacts(nondirs=("a", "b"), notes=(Note("a", "0", 0o4755, 0, 0), Note("b", "0", 0o4755, 0, 0)))
    high = LayerFacts(hidden=("a",), notes=())
    assert [(one.note.path, one.layer, one.hidden) for one in lay([low, high], ["l", "h"], DEFAULT)] == [
        ("a", "l", True),
        ("b", "l", False),
    ]


def test_docker_archives_of_the_helpers_are_judged(tmp_path: Path) -> None:
    target = tmp_path / "x.tar"
    target.write_bytes(tar_of(docker_archive(layer(*BASE))))
    assert "image-root-user" in rules(report(target))
