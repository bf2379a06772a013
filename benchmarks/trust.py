"""How long verification takes: the signatures themselves, and an image in a registry that answers after a round trip.

    python benchmarks/trust.py [--cosign PROGRAM] [--delay MILLISECONDS]

1. *key*: a cosign signature by an ECDSA key, without any network; the budget is 1 ms.
2. *bundle*: a keyless bundle with its certificate, log entry and checkpoint.
3. *cold*: an image by tag in a registry on loopback whose every answer is late by one round trip (default 50 ms), with
   everything that verification asks for. With `--cosign`, the whole process of `cosign verify` beside that of `thwart
   verify`, against the same registry.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.unit.fake_registry import Bench, Fake, Reply, Seen  # noqa: E402
from tests.unit.trust.test_verify_cli import image  # noqa: E402
from tests.unit.trust.workshop import START, Workshop, public_pem  # noqa: E402

from thwart import trust  # noqa: E402
from thwart.api import _verify  # noqa: E402
from thwart.core.trust import VERIFIED, Artifact, Evidence, Piece, Roots  # noqa: E402
from thwart.sources import OpenOptions  # noqa: E402
from thwart.trust import policy  # noqa: E402


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--cosign", metavar="PROGRAM")
    parser.add_argument("--delay", type=float, default=50.0, metavar="MILLISECONDS")
    arguments = parser.parse_args()
    from tests.unit.trust.test_verify_cli import SHOP

    bench = Bench()
    fake = bench.fake()
    digest = image(fake)
    key = public_pem(SHOP.root_key)
    in_memory(fake, digest, key)
    keyless(SHOP)
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "k.pub").write_bytes(key)
        over_network(fake, Path(folder), arguments.delay / 1000, arguments.cosign)
    bench.close()


def in_memory(fake: Fake, digest: str, key: bytes) -> None:
    evidence = _verify.evidence_of(f"image:{fake.host}/demo/app:1", options()).evidence
    stated = policy.parse(b'[[trust]]\nscope = "**"\nkey = "k"\n', "p.toml")
    anchors = trust.read_roots(Roots(keys={"k": key}))
    artifact = Artifact(digests=(digest,), repository="registry.example.test/demo/app")

    def verify() -> None:
        assert trust.verify(artifact, evidence, stated, anchors, START).decision == VERIFIED

    report("key", timed(verify, 500), "budget 1 ms")


def keyless(shop: Workshop) -> None:
    bundle = json.dumps(shop.bundle(b"hello")).encode()
    text = b'[[trust]]\nscope = "files"\nsubject = "dev@example.test"\nissuer = "https://id.example.test"\n'
    stated = policy.parse(text + b"unsafe-no-sct = true\n", "p.toml")
    anchors = trust.read_roots(Roots(sigstore={"root": shop.trusted_root()}))
    artifact = Artifact(digests=("sha256:" + hashlib.sha256(b"hello").hexdigest(),))
    evidence = Evidence(pieces=(Piece(format="bundle", where="file", content=bundle),))

    def verify() -> None:
        assert trust.verify(artifact, evidence, stated, anchors, START).decision == VERIFIED

    report("bundle", timed(verify, 200))


def over_network(fake: Fake, folder: Path, delay: float, cosign: str | None) -> None:
    """Every answer is late; what is left of the time after whole round trips is ours."""
    for path, route in list(fake.routes.items()):
        fake.routes[path] = late(route, delay)
    missing = Reply(404, b'{"errors":[{"code":"MANIFEST_UNKNOWN","message":"no"}]}')
    tag = next(path for path in fake.routes if path.endswith(".sig")).removesuffix(".sig")
    for path in (f"{tag}.att", tag, tag.replace("manifests/sha256-", "referrers/sha256:")):
        fake.routes[path] = late(missing, delay)
    fake.routes["/v2/"] = late(Reply(), delay)
    trusting = _verify.from_flags(_verify.Required(keys=(folder / "k.pub",)))
    name = f"{fake.host}/demo/app:1"

    def verify() -> None:
        _, judgement = _verify.verify(name, trusting, options())
        assert judgement.decision == VERIFIED

    verify()
    cold = timed(verify, 10)
    trips = 3  # the tag; then every kind at once; then every layer at once
    report(
        "cold",
        cold,
        f"{trips} round trips of {delay * 1000:.0f} ms in a row, and {(cold - trips * delay) * 1000:.1f} ms",
    )
    flags = ["--key", "k.pub"]
    program = "import sys; from thwart.cli import _command; sys.exit(_command('verify', sys.argv[1:]))"
    ours = whole([sys.executable, "-c", program, name, *flags, "--plain-http"], folder)
    report("process", ours, "thwart verify")
    if cosign:
        insecure = ["--insecure-ignore-tlog=true", "--private-infrastructure", "--allow-insecure-registry"]
        theirs = whole([cosign, "verify", *insecure, *flags, name], folder)
        report("process", theirs, f"cosign verify: {theirs / ours:.1f} times ours")


def late(route: Reply | Callable[[Seen], Reply], delay: float) -> Callable[[Seen], Reply]:
    def answer(seen: Seen) -> Reply:
        time.sleep(delay)
        reply = route if isinstance(route, Reply) else route(seen)
        if seen.method != "HEAD":
            return reply
        digest = {"Docker-Content-Digest": "sha256:" + hashlib.sha256(reply.body).hexdigest()}
        return replace(reply, body=b"", length=len(reply.body), headers={**reply.headers, **digest})

    return answer


def options() -> _verify.VerifyOptions:
    return _verify.VerifyOptions(source=OpenOptions(plain_http=True))


def timed(work: Callable[[], None], times: int) -> float:
    """The median of so many runs, in seconds."""
    taken = []
    for _ in range(times):
        begun = time.perf_counter()
        work()
        taken.append(time.perf_counter() - begun)
    return statistics.median(taken)


def whole(command: list[str], folder: Path) -> float:
    def run() -> None:
        subprocess.run(command, cwd=folder, check=True, capture_output=True)

    run()
    return timed(run, 5)


def report(what: str, seconds: float, remark: str = "") -> None:
    print(f"{what:<8} {seconds * 1000:8.2f} ms  {remark}")


if __name__ == "__main__":
    main()
