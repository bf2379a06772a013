"""Version orders held against the programs that define them, on made-up strings and on those of real advisories."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import subprocess
import zipfile
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from thwart.lib import versions

pytestmark = pytest.mark.real

Pair = tuple[str, str]
Oracle = Callable[[list[Pair]], list[int]]

SOURCES = {
    "dpkg": ("Debian", "Ubuntu"),
    "rpm": ("AlmaLinux",),
    "apk": ("Wolfi", "BellSoft Hardened Containers"),
    "pep440": ("PyPI",),
    "npm": ("npm",),
    "maven": ("Maven",),
    "go": ("Go",),
    "gem": ("RubyGems",),
    "composer": ("Packagist",),
    "cargo": ("crates.io",),
    "nuget": ("NuGet",),
}


def tool(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


def run(command: list[str], text: str = "", **settings: object) -> str:
    done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=300, **settings)  # type: ignore[call-overload]
    assert done.returncode == 0, done.stderr[-2000:]
    return str(done.stdout)


def lines(pairs: list[Pair]) -> str:
    return "".join(f"{a}\t{b}\n" for a, b in pairs)


def signs(output: str) -> list[int]:
    numbers = [int(line) for line in output.split()]
    return [(number > 0) - (number < 0) for number in numbers]


def dpkg(pairs: list[Pair]) -> list[int]:
    """One shell asks whether dpkg agrees; where it does not, the answer is turned round."""
    script = 'while IFS="\t" read -r op a b; do if dpkg --compare-versions "$a" "$op" "$b" 2>/dev/null; then echo 1; else echo 0; fi; done'
    tool("dpkg")
    ours = [versions.compare("dpkg", a, b) for a, b in pairs]
    words = {-1: "lt", 0: "eq", 1: "gt"}
    text = "".join(f"{words[sign]}\t{a}\t{b}\n" for sign, (a, b) in zip(ours, pairs, strict=True))
    agreed = run(["sh", "-c", script], text).split()
    return [sign if yes == "1" else sign + 10 for sign, yes in zip(ours, agreed, strict=True)]


@pytest.fixture
def rpm(tmp_path: Path) -> Oracle:
    program = tool("rpm")

    def ask(pairs: list[Pair]) -> list[int]:
        (tmp_path / "pairs").write_text(lines(pairs))
        script = 'for line in io.lines("pairs") do io.write(rpm.vercmp(line:match("^(.-)\\t(.*)$")), "\\n") end'
        return signs(run([program, "--eval", f"%{{lua:{script}}}"], cwd=tmp_path))

    return ask


@pytest.fixture
def node() -> Oracle:
    """node-semver, as npm ships it."""
    program = tool("node")
    root = Path(run([tool("npm"), "root", "-g"]).strip().splitlines()[-1]) / "npm" / "node_modules" / "semver"
    if not root.is_dir():
        pytest.skip("npm ships no semver here")
    script = """
        const semver = require(process.argv[1]);
        const text = require("fs").readFileSync(0, "utf8").split("\\n").slice(0, -1);
        for (const line of text) { const [a, b] = line.split("\\t"); console.log(semver.compare(a, b, true)); }
    """
    return lambda pairs: signs(run([program, "-e", script, str(root)], lines(pairs)))


@pytest.fixture(scope="session")
def maven() -> Oracle:
    java = tool("java")
    jar = maven_jar()
    main = "org.apache.maven.artifact.versioning.ComparableVersion"

    def ask(pairs: list[Pair]) -> list[int]:
        answers: list[int] = []
        for start in range(0, len(pairs), 2000):
            chunk = [version for pair in pairs[start : start + 2000] for version in pair]
            printed = run([java, "-Dstdout.encoding=UTF-8", "-cp", str(jar), main, *chunk]).splitlines()
            found = [line for line in printed if line.startswith("   ")]
            words = {"<": -1, "==": 0, ">": 1}
            steps = zip(found, pairwise(chunk), strict=True)
            marks = [words[line[4 + len(a) : len(line) - len(b) - 1]] for line, (a, b) in steps]
            answers += marks[::2]
        return answers

    return ask


def maven_jar() -> Path:
    """maven-artifact of Maven 3.9 from the local repository, fetched with Maven where it can be."""
    place = Path.home() / ".m2" / "repository" / "org" / "apache" / "maven" / "maven-artifact" / "3.9.9"
    jar = place / "maven-artifact-3.9.9.jar"
    if not jar.exists() and shutil.which("mvn"):
        goal = ["dependency:get", "-Dartifact=org.apache.maven:maven-artifact:3.9.9", "-Dtransitive=false"]
        subprocess.run(["mvn", "-q", *goal], capture_output=True, timeout=300, check=False)
    if not jar.exists():
        pytest.skip("maven-artifact 3.9.9 is not in the local Maven repository and could not be fetched")
    return jar


GO_MAIN = """
package main

import (
	"bufio"
	"fmt"
	"go/version"
	"os"
	"strings"

	"golang.org/x/mod/semver"
)

func main() {
	input := bufio.NewScanner(os.Stdin)
	for input.Scan() {
		a, b, _ := strings.Cut(input.Text(), "\\t")
		if strings.HasPrefix(a, "go") {
			fmt.Println(version.Compare(a, b))
		} else {
			fmt.Println(semver.Compare(a, b))
		}
	}
}
"""


@pytest.fixture(scope="session")
def go(tmp_path_factory: pytest.TempPathFactory) -> Oracle:
    program = tool("go")
    place = tmp_path_factory.mktemp("go")
    (place / "main.go").write_text(GO_MAIN)
    (place / "go.mod").write_text("module oracle\n\ngo 1.22\n")
    settings = {"cwd": place, "env": {**os.environ, "GOFLAGS": "-mod=mod"}, "capture_output": True, "timeout": 300}
    got = subprocess.run([program, "get", "golang.org/x/mod@v0.24.0"], **settings)  # type: ignore[call-overload]
    if got.returncode:
        pytest.skip("golang.org/x/mod could not be fetched")
    built = subprocess.run([program, "build", "-o", "oracle", "."], **settings)  # type: ignore[call-overload]
    assert built.returncode == 0, built.stderr
    return lambda pairs: signs(run([str(place / "oracle")], lines(pairs)))


@pytest.fixture
def gem() -> Oracle:
    script = "STDIN.each_line { |l| a, b = l.chomp.split(%q(\t), 2); puts Gem::Version.new(a) <=> Gem::Version.new(b) }"
    program = tool("ruby")
    return lambda pairs: signs(run([program, "-e", script.replace("%q(\t)", '"\\t"')], lines(pairs)))


@pytest.fixture
def composer() -> Oracle:
    """composer/semver, as Debian packages it."""
    program = tool("php")
    script = """
        if (!@include "Composer/Semver/autoload.php") exit(3);
        $parser = new Composer\\Semver\\VersionParser();
        foreach (file("php://stdin") as $line) {
            [$a, $b] = explode("\\t", rtrim($line, "\\n"));
            try {
                echo version_compare($parser->normalize($a), $parser->normalize($b)), "\\n";
            } catch (UnexpectedValueException) {
                echo "9\\n";
            }
        }
    """
    if subprocess.run([program, "-r", script], input=b"", capture_output=True, check=False).returncode == 3:
        pytest.skip("PHP finds no Composer\\Semver")

    def ask(pairs: list[Pair]) -> list[int]:
        answers = list(map(int, run([program, "-r", script], lines(pairs)).split()))
        assert answers.count(9) < len(answers) / 50  # dates with more parts, which only newer releases read
        ours = (versions.compare("composer", a, b) for a, b in pairs)
        return [mine if answer == 9 else answer for mine, answer in zip(ours, answers, strict=True)]

    return ask


@pytest.fixture
def oracle(scheme: str, request: pytest.FixtureRequest) -> Oracle:
    if scheme == "dpkg":
        return dpkg
    found: Oracle = request.getfixturevalue("node" if scheme in ("npm", "cargo") else scheme)
    return found


PIECES = {
    "dpkg": "0 00 1 01 2 9 10 20240101 . . . - ~ ~~ + : 1: 0: a b rc deb u ubuntu A Z +b1 ~bpo12+1 _ = # /",
    "rpm": "0 00 1 01 2 9 10 20240101 . . . - ~ ^ _ + a b rc el8 fc40 git A Z 1: 0: : ~~ ^^ .. é % :",
    "npm": "0 1 2 10 1.0.0 0.0.0 1.2.3 . - -0 -1 -01 -alpha -beta. -rc.1 +5 +build.7 a A b v x 9007199254740991",
    "maven": "0 00 1 01 2 10 . . . - - alpha beta milestone m a b rc cr snapshot SNAPSHOT ga final release sp x RC Final jre 123456789012345678901 é ٣",
    "go": "v0 v1 v1.2 v1.2.3 v1.0.0 v2.0.0 v10.2.3 -0 -1 -01 -alpha -rc.1 .2 +incompatible +meta -0.20230101000000-abcdefabcdef x",
    "gem": "0 00 1 2 10 1.0 0.0 . . - .a .b .rc .pre 1a a A .0 .0.0",
    "composer": "0 1 2 10 1.0 1.0.0 1.2.3.4 . -alpha beta RC1 -rc.2 p1 -patch2 pl3 -dev .x-dev v @beta +build 2024.01.02 20240102 a b.1-2",
}


def invented(scheme: str, count: int, seed: int) -> list[str]:
    chance = random.Random(seed)
    pieces = PIECES[scheme].split()
    return ["".join(chance.choices(pieces, k=chance.randint(1, 7))) for _ in range(count)]


def orderable(scheme: str, candidates: list[str]) -> Iterator[str]:
    for version in candidates:
        try:
            versions.key(scheme, version)
        except versions.VersionError:
            continue
        yield version


def acceptable(scheme: str, version: str) -> bool:
    """Whether the oracle takes the string at all, where we take more than it."""
    if scheme in ("npm", "cargo"):
        numbers = re.fullmatch(r"[v=]*\d+\.\d+\.\d+(?![.\d]).*", version)
        return bool(numbers) and not re.search(r"\d{16}", version) and len(version) < 256
    if scheme == "dpkg":
        return not version.startswith("-")  # an option to dpkg
    return scheme != "go" or version.startswith("v")


def check(scheme: str, oracle: Oracle, pairs: list[Pair]) -> None:
    theirs = oracle(pairs)
    ours = [versions.compare(scheme, a, b) for a, b in pairs]
    wrong = [(*pair, mine, other) for pair, mine, other in zip(pairs, ours, theirs, strict=True) if mine != other]
    assert not wrong, f"{len(wrong)} of {len(pairs)}: {wrong[:20]}"


@pytest.mark.parametrize(
    ("scheme", "count"), [("dpkg", 1000), ("rpm", 40000), ("npm", 20000), ("maven", 20000), ("go", 20000)]
)
def test_made_up_versions(scheme: str, count: int, oracle: Oracle) -> None:
    made = [v for v in orderable(scheme, invented(scheme, count * 6, 7)) if acceptable(scheme, v)][: count * 2]
    assert len(made) > count / 2
    check(scheme, oracle, list(zip(made[::2], made[1::2], strict=False)))


@pytest.mark.parametrize(("scheme", "count"), [("gem", 20000), ("composer", 10000)])
def test_made_up_versions_of_further_schemes(scheme: str, count: int, oracle: Oracle) -> None:
    test_made_up_versions(scheme, count, oracle)


def test_validity_of_debian_versions() -> None:
    program = tool("dpkg")
    made = [version for version in invented("dpkg", 300, 11) if acceptable("dpkg", version)]
    made += ["1:2:3", "1:2-3:4", "+1:2", "1:a", "1.0-1", "1_0", "1.0-", "1:", ":1", "2147483648:1"]
    for version in made:
        done = subprocess.run([program, "--validate-version", version], capture_output=True, check=False)
        assert versions.valid("dpkg", version) == (done.returncode == 0), version


def of_advisories(place: Path, scheme: str, limit: int) -> list[str]:
    found: set[str] = set()
    for ecosystem in SOURCES[scheme]:
        with zipfile.ZipFile(place / "osv" / ecosystem / "all.zip") as archive:
            for name in archive.namelist():
                for affected in json.loads(archive.read(name)).get("affected", ()):
                    found.update(affected.get("versions") or ())
                    for part in affected.get("ranges", ()):
                        if part["type"] != "GIT":
                            found.update(version for event in part["events"] for version in event.values())
    return random.Random(3).sample(sorted(found), min(limit, len(found)))


@pytest.mark.parametrize("scheme", ["dpkg", "rpm", "npm", "cargo", "maven", "go", "gem", "composer"])
def test_versions_of_advisories(scheme: str, oracle: Oracle, advisories: Path) -> None:
    """Sorted by our keys, neighbours are in the oracle's order too."""
    prefix = "v" if scheme == "go" else ""
    real = [prefix + version for version in of_advisories(advisories, scheme, 1500)]
    known = sorted(
        (version for version in orderable(scheme, real) if acceptable(scheme, version)),
        key=lambda version: versions.key(scheme, version),
    )
    assert len(known) > len(real) * 0.9
    check(scheme, oracle, list(pairwise(known)))


def test_toolchains_of_go(go: Oracle) -> None:
    names = [
        "go1.20",
        "go1.20rc1",
        "go1.20.1",
        "go1.21rc2",
        "go1.21.0",
        "go1.21.13",
        "go1.22.0-acme",
        "go1.9",
        "go1.9.2",
    ]
    check("go", go, [(a, b) for a in names for b in names])


def test_every_version_of_every_feed_has_a_place(advisories: Path) -> None:
    """But for a handful of mistakes in the feeds: a commit, four numbers for npm, a Python version for NuGet."""
    for scheme in SOURCES:
        real = of_advisories(advisories, scheme, 100_000)
        refused = set(real) - set(orderable(scheme, real))
        assert len(refused) <= 5, (scheme, sorted(refused)[:10])


def test_versions_of_alpine_and_wolfi(advisories: Path) -> None:
    """The security databases hold what apk itself calls no version only by mistake."""
    found: set[str] = set()
    for path in [*(advisories / "alpine").rglob("*.json"), advisories / "wolfi" / "security.json"]:
        for entry in json.loads(path.read_text())["packages"]:
            found.update(entry["pkg"]["secfixes"])
    odd = sorted(version for version in found if not versions.valid("apk", version))
    assert len(found) > 5000
    assert len(odd) < 20, odd
