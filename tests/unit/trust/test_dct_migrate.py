"""What is to be signed anew when Docker Content Trust is left."""

from __future__ import annotations

from tests.unit.trust.notary_workshop import DIGEST, GUN, NOW, OTHER, YEAR, Notary, ecdsa, pieces, target
from thwart import trust
from thwart.api import _migrate
from thwart.core.trust import Evidence, Roots


def plan(notary: Notary, *, pinned: bool = True, **more: object) -> _migrate.Plan:
    anchors = trust.read_roots(Roots(pins={GUN: notary.root_key.pem} if pinned else {}))
    now = more.pop("now", NOW)
    return _migrate.plan(GUN, Evidence(pieces=pieces(notary.files())), anchors, now, **more)  # type: ignore[arg-type]


def test_one_signature_for_each_digest_with_all_its_tags() -> None:
    notary = Notary()
    notary.targets |= {"v2": target(OTHER), "latest": target(), "no tag": target()}
    notary.delegate("targets/releases", [ecdsa()], {"v2": target(), "stable": target()})
    notary.delegate("targets/alice", [ecdsa()], {"alices": target(OTHER)})
    found = plan(notary)
    (signing,) = found.signings
    assert signing.reference == f"{GUN}@{DIGEST}"
    assert signing.tags == ("latest", "stable", "v1", "v2")
    assert signing.roles == ("targets", "targets/releases")
    assert [one.slug for one in found.refused] == ["no-tag"]
    assert found.remembered


def test_what_is_not_verified_is_not_signed_anew() -> None:
    notary = Notary()
    for found, slug in ((plan(notary, pinned=False), "first-use"), (plan(notary, now=NOW + YEAR), "expired")):
        assert not found.signings
        assert [one.slug for one in found.refused] == [slug]
        assert not found.remembered
    assert plan(notary, pinned=False, first_use=True).signings


def test_while_releases_cannot_be_read_nothing_of_targets_counts() -> None:
    notary = Notary()
    notary.delegate("targets/releases", [ecdsa()], {}, signers=[ecdsa()])
    found = plan(notary)
    assert not found.signings
    assert {one.slug for one in found.refused} == {"signature", "overruled"}
