"""Gathering evidence: what lies beside an image, and what a registry that is slow, broken or a liar makes of it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from tests.unit.fake_registry import Bench, Fake, Reply, Seen, bench  # noqa: F401 - a fixture
from tests.unit.trust.workshop import BUNDLE, Workshop
from thwart.core.limits import DEFAULT, Limits
from thwart.core.trust import Bounds, Evidence
from thwart.sources._container import FolderContainer
from thwart.sources._evidence_layout import gather_layout
from thwart.sources.evidence import gather

SIMPLE = "application/vnd.dev.cosign.simplesigning.v1+json"
DSSE = "application/vnd.dsse.envelope.v1+json"
EMPTY = "application/vnd.oci.empty.v1+json"
NOTATION = "application/vnd.cncf.notary.signature"
INDEX = "application/vnd.oci.image.index.v1+json"
IMAGE = "sha256:" + hashlib.sha256(b"image").hexdigest()
TAG = IMAGE.replace(":", "-")


def manifest(fake: Fake, content: bytes, media_type: str, tag: str = "unused", **more: Any) -> dict[str, Any]:
    """Route a manifest with one layer; its descriptor."""
    digest = fake.add_blob(content)
    layer = {"mediaType": media_type, "digest": digest, "size": len(content), "annotations": {"n": "v"}}
    config = {"mediaType": EMPTY, "digest": "sha256:" + "0" * 64, "size": 2}
    raw, at = fake.add_manifest({"schemaVersion": 2, "config": config, "layers": [layer], **more}, tag)
    return {"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": at, "size": len(raw)}


def index(*entries: dict[str, Any]) -> bytes:
    return json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries}).encode()


def referrers(fake: Fake, *entries: dict[str, Any]) -> None:
    fake.routes[f"/v2/demo/app/referrers/{IMAGE}"] = Reply(body=index(*entries), headers={"Content-Type": INDEX})


def formats(evidence: Evidence) -> list[str]:
    return sorted(piece.format for piece in evidence.pieces)


def slugs(evidence: Evidence) -> set[str]:
    return {reason.slug for reason in evidence.missing}


def test_an_image_without_anything(bench: Bench) -> None:  # noqa: F811
    assert gather(bench.store(bench.fake()), IMAGE) == Evidence()


def test_every_place_is_looked_at(bench: Bench) -> None:  # noqa: F811
    fake = bench.fake()
    manifest(fake, b"{}", SIMPLE, f"{TAG}.sig")
    manifest(fake, b"[1]", DSSE, f"{TAG}.att")
    referrers(fake, {**manifest(fake, b"[2]", BUNDLE), "artifactType": BUNDLE})
    fallback = {**manifest(fake, b"[3]", "application/jose+json"), "artifactType": NOTATION}
    fake.add_manifest(index(fallback), TAG, INDEX)
    evidence = gather(bench.store(fake), IMAGE)
    assert formats(evidence) == ["bundle", "cosign", "dsse", "notation"]
    assert not evidence.missing
    assert all(piece.annotations == {"n": "v"} for piece in evidence.pieces)


def test_what_is_in_both_lists_is_read_once(bench: Bench) -> None:  # noqa: F811
    fake = bench.fake()
    entry = {**manifest(fake, b"[2]", BUNDLE), "artifactType": BUNDLE}
    referrers(fake, entry)
    fake.add_manifest(index(entry), TAG, INDEX)
    assert formats(gather(bench.store(fake), IMAGE)) == ["bundle"]
    assert fake.paths().count(f"/v2/demo/app/manifests/{entry['digest']}") == 1


@pytest.mark.parametrize("kind", [EMPTY, None])
def test_a_bundle_that_its_list_calls_empty(bench: Bench, kind: str | None) -> None:  # noqa: F811
    fake = bench.fake()
    entry = manifest(fake, b"[2]", BUNDLE, artifactType=BUNDLE)
    fake.add_manifest(index({**entry, **({"artifactType": kind} if kind else {})}), TAG, INDEX)
    assert formats(gather(bench.store(fake), IMAGE)) == ["bundle"]


def test_what_says_that_it_is_something_else_is_not_fetched(bench: Bench) -> None:  # noqa: F811
    fake = bench.fake()
    entry = manifest(fake, b"[2]", "text/spdx+json")
    referrers(fake, {**entry, "artifactType": "text/spdx+json"})
    assert gather(bench.store(fake), IMAGE) == Evidence()
    assert f"/v2/demo/app/manifests/{entry['digest']}" not in fake.paths()


@pytest.mark.parametrize("host", ["", "http://elsewhere.example.test"])
def test_pages_are_followed_on_the_same_server(bench: Bench, host: str) -> None:  # noqa: F811
    fake = bench.fake()
    path = f"/v2/demo/app/referrers/{IMAGE}"
    first, second = ({**manifest(fake, text, BUNDLE), "artifactType": BUNDLE} for text in (b"[1]", b"[2]"))

    def page(seen: Seen) -> Reply:
        if seen.query.get("page"):
            return Reply(body=index(second))
        return Reply(body=index(first), headers={"Link": f'<{host}{path}?page=2>; rel="next"'})

    fake.routes[path] = page
    assert len(gather(bench.store(fake), IMAGE).pieces) == 2


@pytest.mark.parametrize("link", ["</v2/other/referrers/x>; rel=next", "</v2/demo/app/referrers/{}>; rel=next"])
def test_a_list_that_leads_away_or_never_ends(bench: Bench, link: str) -> None:  # noqa: F811
    fake = bench.fake()
    reply = Reply(body=index(), headers={"Link": link.format(IMAGE)})
    fake.routes[f"/v2/demo/app/referrers/{IMAGE}"] = reply
    evidence = gather(bench.store(fake), IMAGE)
    assert slugs(evidence) <= {"bad-answer", "limit"}
    assert evidence.missing[0].where == "the referrers"


LIES = {
    "another blob": (Reply(body=b"[1]"), "digest-mismatch"),
    "a longer blob": (Reply(body=b"[2]" + b" " * 99), "size-mismatch"),
    "an endless blob": (Reply(flood=b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 100), ""),
    "a stall": (Reply(body=b"[2]", hang=1), "timeout"),
    "a refusal": (Reply(401), "unauthorized"),
    "too often": (Reply(429, headers={"Retry-After": "1"}), "rate-limited"),
    "broken": (Reply(500), "unavailable"),
    "a circle": (Reply(302, headers={"Location": "/v2/demo/app/blobs/x"}), "redirect"),
    "a short one": (Reply(body=b"[2", length=2), "size-mismatch"),
}


@pytest.mark.parametrize("lie", LIES)
def test_lies_and_failures_are_missing_evidence(bench: Bench, lie: str) -> None:  # noqa: F811
    fake = bench.fake()
    entry = manifest(fake, b"[2]", SIMPLE, f"{TAG}.sig")
    reply, slug = LIES[lie]
    fake.routes[fake.blob_path("sha256:" + hashlib.sha256(b"[2]").hexdigest())] = reply
    fake.routes["/v2/demo/app/blobs/x"] = Reply(302, headers={"Location": "/v2/demo/app/blobs/x"})
    store = bench.store(fake, Limits(network_seconds=0.5, retries=0))
    evidence = gather(store, IMAGE)
    assert entry
    assert not evidence.pieces
    assert slugs(evidence) == {slug} if slug else evidence.missing


def test_another_manifest_than_asked_for(bench: Bench) -> None:  # noqa: F811
    fake = bench.fake()
    entry = manifest(fake, b"[2]", BUNDLE)
    fake.routes[f"/v2/demo/app/manifests/{entry['digest']}"] = Reply(body=b'{"layers": [], "config": {}}')
    referrers(fake, {**entry, "artifactType": BUNDLE})
    assert slugs(gather(bench.store(fake), IMAGE)) == {"digest-mismatch"}


def test_bounds_on_number_and_size(bench: Bench) -> None:  # noqa: F811
    fake = bench.fake()
    manifest(fake, b"[2]" * 100, SIMPLE, f"{TAG}.sig")
    assert slugs(gather(bench.store(fake), IMAGE, Bounds(piece_bytes=100))) == {"too-large"}
    entries = [{**manifest(fake, b"[%d]" % number, BUNDLE), "artifactType": BUNDLE} for number in range(12)]
    referrers(fake, *entries)
    assert "too-many" in slugs(gather(bench.store(fake), IMAGE, Bounds(pieces=2)))
    junk = [{"digest": IMAGE, "size": 1, "artifactType": "x"}] * 1025
    referrers(fake, *junk)
    assert "too-many" in slugs(gather(bench.store(fake), IMAGE))


@pytest.mark.parametrize("raw", [b"[]", b"{", b'{"manifests": 3}', b'{"manifests": [3, {"artifactType": 5}]}', b""])
def test_lists_that_are_none(bench: Bench, raw: bytes) -> None:  # noqa: F811
    fake = bench.fake()
    fake.routes[f"/v2/demo/app/referrers/{IMAGE}"] = Reply(body=raw)
    assert not gather(bench.store(fake), IMAGE).pieces


# -- layouts ------------------------------------------------------------------------------------------------------------


class Layout:
    """An OCI layout that is written as it goes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "blobs" / "sha256").mkdir(parents=True)
        self.entries: list[dict[str, Any]] = []
        self.image = self.add({"schemaVersion": 2, "config": {}, "layers": []})
        self.entries.append(self.image)

    def blob(self, data: bytes) -> str:
        name = hashlib.sha256(data).hexdigest()
        (self.folder / "blobs" / "sha256" / name).write_bytes(data)
        return f"sha256:{name}"

    def add(self, document: object) -> dict[str, Any]:
        raw = json.dumps(document).encode()
        return {"digest": self.blob(raw), "size": len(raw)}

    def signature(self, content: bytes, media_type: str = SIMPLE, **more: Any) -> dict[str, Any]:
        layer = {"mediaType": media_type, "digest": self.blob(content), "size": len(content)}
        return self.add({"schemaVersion": 2, "layers": [layer], **more})

    def gather(self, reference: str = "") -> Evidence:
        (self.folder / "index.json").write_text(json.dumps({"manifests": self.entries}))
        held, evidence = gather_layout(FolderContainer(self.folder), "layout", reference, "", DEFAULT)
        assert held.digest == self.image["digest"]
        return evidence


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(tmp_path)


def named(entry: dict[str, Any], name: str) -> dict[str, Any]:
    return {**entry, "annotations": {"org.opencontainers.image.ref.name": name}}


def test_a_layout_without_anything(layout: Layout) -> None:
    assert layout.gather() == Evidence()


def test_tags_of_cosign_in_a_layout(layout: Layout) -> None:
    tag = layout.image["digest"].replace(":", "-")
    layout.entries.append(named(layout.signature(b"[1]"), f"{tag}.sig"))
    layout.entries.append(named(layout.signature(b"[2]", DSSE), f"{tag}.att"))
    layout.entries.append(named(layout.signature(b"[3]"), f"{TAG}.sig"))  # of another image
    assert formats(layout.gather()) == ["cosign", "dsse"]


def test_kinds_of_cosign_save(layout: Layout) -> None:
    layout.entries[0]["annotations"] = {"kind": "dev.cosignproject.cosign/image"}
    for kind, media_type in (("sigs", SIMPLE), ("atts", DSSE)):
        notes = {"kind": f"dev.cosignproject.cosign/{kind}"}
        layout.entries.append({**layout.signature(kind.encode(), media_type), "annotations": notes})
    assert formats(layout.gather()) == ["cosign", "dsse"]


@pytest.mark.parametrize("where", ["index", "blobs", "fallback"])
def test_referrers_in_a_layout(layout: Layout, where: str) -> None:
    entry = layout.signature(b"[1]", BUNDLE, subject=layout.image)
    layout.signature(b"[2]", BUNDLE, subject={"digest": IMAGE, "size": 5})  # of another image
    if where == "index":
        layout.entries.append(entry)
    if where == "fallback":
        tag = layout.image["digest"].replace(":", "-")
        layout.entries.append(named(layout.add({"manifests": [entry]}), tag))
    evidence = layout.gather()
    assert [piece.content for piece in evidence.pieces] == [b"[1]"]


def test_a_changed_blob_in_a_layout_is_missing(layout: Layout) -> None:
    tag = layout.image["digest"].replace(":", "-")
    layout.entries.append(named(layout.signature(b"[1]"), f"{tag}.sig"))
    (layout.folder / "blobs" / "sha256" / hashlib.sha256(b"[1]").hexdigest()).write_bytes(b"[9]")
    evidence = layout.gather()
    assert (evidence.pieces, slugs(evidence)) == ((), {"digest-mismatch"})


def test_the_workshop_signs(layout: Layout) -> None:
    bundle = json.dumps(Workshop().bundle(b"x")).encode()
    layout.entries.append(layout.signature(bundle, BUNDLE, subject=layout.image))
    assert layout.gather(layout.image["digest"]).pieces[0].content == bundle
