"""Policies in the real kernel: nftables, network namespaces, sockets. Needs root and nft."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace
from tools.prove_campaign import campaign

from tests.conftest import ROOT
from tests.unit.network.helpers import PODS, policy, world_of
from tests.unit.network.test_nft import WEB
from thwart.api.net import load_network
from thwart.api.net import prove as module
from thwart.api.net._lab import BRIDGE, ROUTED, Lab, LabError, Namespaces
from thwart.api.net._lab_probes import NO, SILENT, YES, End, Knock, Prober, crc32c
from thwart.api.net.prove import Proof, prove_network
from thwart.lib.intervals import parse_address
from thwart.network import enforcement
from thwart.network.enforcement import Options, Table, compile_world, write_json, write_text

pytestmark = pytest.mark.real

SHOP = ROOT / "examples" / "shop" / "deploy" / "kubernetes"
RULES = policy(
    "{podSelector: {matchLabels: {app: db}}, ingress: [{from: [{podSelector: {}}], ports: [{port: http}, {port: 53, protocol: UDP}]}]}"
)


@pytest.fixture(autouse=True)
def able() -> None:
    if shutil.which("nft", path=f"{os.environ['PATH']}:/usr/sbin:/sbin") is None:
        pytest.skip("not installed: nft")
    try:
        spaces = Namespaces()
        with contextlib.closing(spaces):
            spaces.add()
    except OSError as error:
        pytest.skip(f"network namespaces cannot be made here: {error.strerror}")


@pytest.fixture
def manifests(tmp_path: Path) -> Path:
    path = tmp_path / "world.yaml"
    path.write_text(PODS + RULES)
    return path


def command(*arguments: str | Path) -> list[str]:
    return [sys.executable, "-m", "thwart", "net", *map(str, arguments)]


def thwart(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(*arguments), capture_output=True, text=True, check=False, timeout=120)


# -- the rules are rules -------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def alone() -> Iterator[None]:
    """A network namespace for whoever is called."""
    spaces = Namespaces()
    try:
        spaces.add()
        yield
    finally:
        spaces.close()


def nft(*arguments: str, text: str = "") -> str:
    found = shutil.which("nft") or "/usr/sbin/nft"
    done = subprocess.run([found, *arguments], input=text, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


EVERY_OPTION = (
    Options(),
    Options(table="other", deny="drop", log_group=5, log_allowed=True, counters=True, hooks=("forward", "output")),
)


@pytest.mark.parametrize("options", EVERY_OPTION)
def test_nft_takes_both_forms_and_reads_the_same(options: Options) -> None:
    holes = policy(
        "{podSelector: {}, policyTypes: [Egress], egress: [{to: ["
        "{ipBlock: {cidr: 0.0.0.0/0, except: [10.0.0.0/8]}}, {ipBlock: {cidr: '::/0', except: ['fd00::/8']}}], "
        "ports: [{port: 1, endPort: 65535}, {protocol: UDP}, {protocol: SCTP, port: 9}]}]}",
        "q",
    )
    with alone():
        for table in (compile_world(world_of(PODS + RULES + holes), options), compile_world(world_of(PODS), options)):
            nft("-c", "-f", "-", text=write_text(table))
            nft("-f", "-", text=write_text(table))
            nft("-f", "-", text=write_text(table))  # again: replaced, not doubled
            first = nft("list", "ruleset")
            nft("-j", "-f", "-", text=write_json(table))
            assert nft("list", "ruleset") == first
            assert first.count("chain refuse {") == 1


def test_nft_takes_names_that_strangers_chose() -> None:
    world = world_of(PODS + RULES)
    evil = 'p" accept } } add table ip evil; #\n$(reboot)\\ ' + "x" * 300
    named = tuple(replace(one, name=evil, namespace=evil, kind=evil) for one in world.policies)
    table = compile_world(replace(world, policies=named), Options(log_group=1, log_allowed=True))
    with alone():
        nft("-f", "-", text=write_text(table))
        nft("-j", "-f", "-", text=write_json(table))
        assert nft("list", "tables").split() == ["table", "inet", "thwart"]


# -- the lab -----------------------------------------------------------------------------------------------------------------

DENIES = """table inet t {
  chain c {
    type filter hook forward priority 0;
    ct state established,related accept
    tcp dport 81 reject with tcp reset
    tcp dport 82 drop
    udp dport 81 reject with icmpx admin-prohibited
    udp dport 82 drop
    sctp dport 81 reject with icmpx admin-prohibited
    sctp dport 82 drop
  }
}
"""


@pytest.mark.parametrize("wiring", [BRIDGE, ROUTED])
@pytest.mark.parametrize("texts", [("10.0.0.1", "10.9.0.1"), ("fd00::1", "2001:db8::9")])
def test_a_probe_tells_yes_no_and_nothing_apart(wiring: str, texts: tuple[str, str]) -> None:
    if wiring == BRIDGE and not Path("/proc/sys/net/bridge").is_dir():
        pytest.skip("this kernel does not filter on bridges (br_netfilter)")
    here, there = (End(box, parse_address(text)) for box, text in enumerate(texts))
    with Lab([(here.address,), (there.address,)], wiring) as lab:
        prober = Prober(lab)
        ready = Knock(here, "UDP", 7)
        assert any(prober.knock(there, [ready], 0.3)[ready] == YES for _ in range(20))
        lab.load(DENIES)
        knocks = [Knock(here, protocol, port) for protocol in ("TCP", "UDP", "SCTP") for port in (80, 81, 82)]
        found = prober.knock(there, knocks, 0.5)
        for knock, answer in found.items():
            assert answer == {80: YES, 81: NO, 82: SILENT}[knock.port], knock


def test_the_checksum_of_sctp() -> None:
    assert crc32c(b"123456789") == 0xE3069283  # the check value of CRC-32C


def test_the_thread_comes_home_and_nothing_stays() -> None:
    def state() -> tuple[str, list[str], int]:
        links = sorted(path.name for path in Path("/sys/class/net").iterdir())
        return str(Path("/proc/thread-self/ns/net").readlink()), links, len(list(Path("/proc/self/fd").iterdir()))

    before = state()
    with pytest.raises(KeyboardInterrupt), Lab([(WEB,)]):
        raise KeyboardInterrupt
    assert state() == before
    with pytest.raises(LabError, match="File exists"):
        Lab([(WEB, WEB)])
    assert state() == before


# -- proofs ----------------------------------------------------------------------------------------------------------------


# a compiler that mistakes a bound, a tier or a Pass is caught by the first row
@pytest.mark.parametrize(
    ("kinds", "seeds"), [(("kubernetes",), range(7_000_025, 7_000_060)), (("calico", "cilium"), range(24))]
)
def test_random_worlds_agree_three_ways(kinds: tuple[str, ...], seeds: range) -> None:
    found = campaign(seeds, kinds)
    assert found.wrong == []
    assert found.worlds == len(seeds)
    assert found.kernel[YES] > 1000
    assert found.kernel[NO] > 300
    assert min(found.protocols[protocol] for protocol in ("TCP", "UDP", "SCTP")) > 300


def test_the_shop_is_proved() -> None:
    done = thwart("prove", "-o", "json", SHOP)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["schema"] == "thwart-net-prove-v1"
    assert report["lab"]["pods"] == 18
    assert report["tried"]["TCP"] > 1000
    assert report["agree"]["allowed"] > 100
    assert report["agree"]["denied"] > 100
    assert (report["disagreements"], report["unknown"], report["silent"]) == ([], 0, [])
    assert thwart("prove", "-o", "json", SHOP).stdout == done.stdout


def proof_of(path: Path, *, probes: int = 100_000) -> Proof:
    return prove_network(load_network([str(path)]), probes=probes)


def test_small_proofs_are_samples(manifests: Path) -> None:
    everything, some = proof_of(manifests), proof_of(manifests, probes=50)
    assert sum(everything.tried.values()) == everything.possible
    assert some.possible == everything.possible
    assert 10 < sum(some.tried.values()) < 100


def test_a_kernel_that_does_something_else_is_caught(manifests: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = enforcement.compile_world

    def forgetful(*arguments: object) -> Table:
        table = real(*arguments)  # type: ignore[arg-type]
        return replace(table, sets={name: _less(found) for name, found in table.sets.items()})

    def _less(elements: enforcement.ruleset.Elements) -> enforcement.ruleset.Elements:
        if isinstance(elements, enforcement.ruleset.Doors):
            return replace(elements, doors=tuple((where, name, number + 1) for where, name, number in elements.doors))
        return elements

    monkeypatch.setattr(enforcement, "compile_world", forgetful)
    proof = proof_of(manifests)
    found = {(one.port, one.kernel) for one in proof.disagreements}
    assert found == {(9090, False), (9091, True)}
    assert all(one.source.startswith("a/web") and one.destination.startswith("a/db") for one in proof.disagreements)
    (closed,) = {one.rules for one in proof.disagreements if not one.kernel}
    (opened,) = {one.rules for one in proof.disagreements if one.kernel}
    assert closed == ("NetworkPolicy a/p ingress isolates",)
    assert opened == ("NetworkPolicy a/p ingress[0]",)
    assert all(one.engine.because for one in proof.disagreements)


def test_the_command_tells_a_disagreement(
    manifests: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from thwart.cli import main

    monkeypatch.setattr(enforcement, "write_text", lambda table: "")
    assert main(["net", "prove", str(manifests), "--ports", "80"]) == 1
    out = capsys.readouterr().out
    assert "disagree: b/web (10.1.0.1) -> a/db (10.0.1.1) TCP 80" in out
    assert "  engine: denied\n    ingress: NetworkPolicy a/p selects it and no rule allows this" in out
    assert "  kernel: allowed\n    met no rule of a policy" in out


def test_what_is_unknown_stays_unknown(tmp_path: Path) -> None:
    path = tmp_path / "world.yaml"
    foreign = "---\n{apiVersion: example.test/v1, kind: NetworkPolicy, metadata: {name: x, namespace: a}, spec: {}}\n"
    path.write_text(PODS + foreign.replace("example.test/v1", "crd.antrea.io/v1beta1"))
    done = thwart("prove", path)
    assert done.returncode == 3, done.stdout + done.stderr
    assert "unknown: 0" not in done.stdout


def test_interrupting_leaves_nothing(tmp_path: Path) -> None:
    """The namespaces are the process's own: they end with it, by whatever signal."""
    for number, code in ((signal.SIGINT, 130), (signal.SIGKILL, -9)):
        running = subprocess.Popen(command("prove", SHOP), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        home = Path("/proc/self/ns/net").readlink()
        spaces = Path(f"/proc/{running.pid}/task/{running.pid}/ns/net")
        for _ in range(400):
            with contextlib.suppress(OSError):
                if spaces.readlink() != home:
                    break
            time.sleep(0.01)
        else:
            running.kill()
            pytest.fail("it never built its network")
        running.send_signal(number)
        _, err = running.communicate(timeout=30)
        assert running.returncode == code, err
        assert "Traceback" not in err


def test_several_run_at_once(manifests: Path) -> None:
    running = [subprocess.Popen(command("prove", manifests), stdout=subprocess.PIPE, text=True) for _ in range(3)]
    outs = {one.communicate(timeout=60)[0] for one in running}
    assert [one.returncode for one in running] == [0, 0, 0]
    assert len(outs) == 1


def test_without_rights_it_says_what_to_do(manifests: Path) -> None:
    if shutil.which("setpriv") is None:
        pytest.skip("not installed: setpriv")
    weak = ["setpriv", "--bounding-set=-sys_admin", *command("prove", manifests)]
    done = subprocess.run(weak, capture_output=True, text=True, check=False)
    assert done.returncode == 4, done.stderr
    assert "error[no-lab]" in done.stderr
    assert "hint: run it as root" in done.stderr


def test_a_user_namespace_gives_the_rights(manifests: Path) -> None:
    """What the hint says to do without root."""
    mapped = ["unshare", "--user", "--map-root-user", "--net"]
    if shutil.which("unshare") is None or subprocess.run([*mapped, "true"], check=False).returncode:
        pytest.skip("user namespaces cannot be made here")
    done = subprocess.run([*mapped, *command("prove", manifests)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_without_nft_it_says_what_to_install(manifests: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)
    with pytest.raises(LabError, match="nft is not installed"):
        module.prove_network(load_network([str(manifests)]))


def test_nft_on_the_command_line(tmp_path: Path, manifests: Path) -> None:
    done = thwart("nft", manifests)
    assert done.returncode == 0, done.stderr
    with alone():
        nft("-c", "-f", "-", text=done.stdout)
    bare = tmp_path / "bare.yaml"
    bare.write_text(PODS.replace("status: {podIPs: [{ip: 10.0.1.1}]}\n", "") + RULES)
    assert thwart("nft", bare).returncode == 3
    assert thwart("nft", "--strict", bare).returncode == 2
    given = thwart("nft", "--strict", "--address", "a/db=10.0.1.1", bare)
    assert given.returncode == 0, given.stderr
    assert given.stdout == done.stdout
