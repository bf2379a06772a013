"""Docker Content Trust: who may sign which tag, and what a policy may require of them."""

from __future__ import annotations

import pytest

from tests.unit.trust.notary_workshop import GUN, NOW, OTHER, YEAR, Notary, certified, delegation, ecdsa, judge, target
from thwart.core.trust import DENIED, VERIFIED, Judgement, TrustError
from thwart.trust import policy

BOTH = 'trust = [{ scope = "**", delegations = ["targets/releases", "targets/alice"] }]'
OF_TWO = """
trust = [{ scope = "**", at-least = 2, of = [
  { key = "alice", format = "dct" }, { key = "bob", format = "dct" }, { key = "carol" } ] }]
"""


@pytest.fixture
def notary() -> Notary:
    return Notary()


def slugs(judgement: Judgement) -> set[str]:
    return {one.slug for one in judgement.refused}


def ask(notary: Notary, text: str = policy.__name__, **more: object) -> Judgement:
    text = 'trust = [{ scope = "**", format = "dct" }]' if text == policy.__name__ else text
    return judge(notary.files(), notary.root_key.pem, text, **more)  # type: ignore[arg-type]


def test_releases_is_asked_before_targets(notary: Notary) -> None:
    notary.delegate("targets/releases", [ecdsa()], {"v1": target(OTHER)})
    judgement = ask(notary)
    assert judgement.decision == DENIED
    assert {"overruled", "wrong-digest"} <= slugs(judgement)
    judgement = ask(notary, digest=OTHER)
    assert judgement.decision == VERIFIED
    assert judgement.signatures[0].annotations["role"] == "targets/releases"


def test_what_releases_does_not_name_targets_may(notary: Notary) -> None:
    notary.delegate("targets/releases", [ecdsa()], {"v9": target()})
    assert ask(notary).decision == VERIFIED
    assert ask(notary, tag="v9").decision == VERIFIED


@pytest.mark.parametrize("how", ["expired", "signature"])
def test_releases_that_cannot_be_used_does_not_give_way_to_targets(notary: Notary, how: str) -> None:
    notary.delegate("targets/releases", [ecdsa()], {}, signers=[ecdsa()] if how == "signature" else ())
    notary.expires["targets/releases"] = NOW - YEAR if how == "expired" else NOW + YEAR
    judgement = ask(notary)
    assert judgement.decision == DENIED
    assert {how, "overruled"} <= slugs(judgement)


def test_another_delegation_counts_only_where_the_policy_names_it(notary: Notary) -> None:
    notary.delegate("targets/alice", [ecdsa()], {"v2": target()})
    assert ask(notary, tag="v2").decision == DENIED
    assert ask(notary, 'trust = [{ scope = "**", delegations = "targets/alice" }]', tag="v2").decision == VERIFIED


def test_required_delegations_have_to_agree(notary: Notary) -> None:
    notary.delegate("targets/releases", [ecdsa()], {"v1": target()})
    assert ask(notary, BOTH).decision == DENIED
    notary.delegate("targets/alice", [ecdsa()], {"v1": target()})
    assert ask(notary, BOTH).decision == VERIFIED
    notary.delegated["targets/alice"][1]["v1"] = target(OTHER)
    assert ask(notary, BOTH).decision == DENIED
    assert ask(notary, BOTH, digest=OTHER).decision == DENIED


def test_signers_are_counted_by_their_keys(notary: Notary) -> None:
    alice, bob = ecdsa(), certified("bob")
    keys = {"alice": alice.pem, "bob": bob.pem, "carol": ecdsa().pem}
    notary.delegate("targets/alice", [alice], {"v1": target()})
    assert ask(notary, OF_TWO, keys=keys).decision == DENIED
    notary.delegate("targets/bob", [bob], {"v1": target()})
    judgement = ask(notary, OF_TWO, keys=keys)
    assert judgement.decision == VERIFIED
    assert {one.where for one in judgement.signatures} == {"targets/alice", "targets/bob"}


def test_one_key_in_two_delegations_is_one_signer(notary: Notary) -> None:
    alice = ecdsa()
    notary.delegate("targets/alice", [alice], {"v1": target()})
    notary.delegate("targets/bob", [alice], {"v1": target()})
    keys = {"alice": alice.pem, "bob": alice.pem, "carol": ecdsa().pem}
    assert ask(notary, OF_TWO, keys=keys).decision == DENIED


@pytest.mark.parametrize(
    ("paths", "fits"), [([""], True), (["v"], True), (["v1"], True), (["v10", "x"], False), ([], False)]
)
def test_a_delegation_stays_within_its_paths(notary: Notary, paths: list[str], fits: bool) -> None:
    notary.targets = {}
    notary.delegate("targets/releases", [ecdsa()], {"v1": target()}, paths=paths)
    assert (ask(notary).decision == VERIFIED) == fits


@pytest.mark.parametrize(("paths", "fits"), [(["dev"], True), (["dev-1"], True), (["v"], False), ([""], False)])
def test_a_delegation_cannot_give_away_what_it_has_not(notary: Notary, paths: list[str], fits: bool) -> None:
    notary.delegate("targets/a", [ecdsa()], {}, paths=["dev"])
    notary.delegate("targets/a/b", [ecdsa()], {"dev-1": target(), "v1": target()}, paths=paths)
    text = 'trust = [{ scope = "**", delegations = "targets/a/b" }]'
    assert (ask(notary, text, tag="dev-1").decision == VERIFIED) == fits
    assert ask(notary, text, tag="v1").decision == DENIED


@pytest.mark.parametrize(
    "name", ["targets", "targets/a/b", "root", "targets/A", "targets/../root", "targets/a//", "a", ""]
)
def test_a_delegations_name_is_its_parents_and_one_more_part(notary: Notary, name: str) -> None:
    key = ecdsa()
    notary.delegations["targets"] = [{"makers": [key], **delegation(name, key)}]
    assert ask(notary).decision == DENIED
    assert "malformed" in slugs(ask(notary))


def test_a_delegation_that_is_named_twice_is_refused(notary: Notary) -> None:
    for _ in range(2):
        notary.delegate("targets/a", [ecdsa()], {})
    assert "malformed" in slugs(ask(notary))


def test_a_delegation_in_a_circle_is_refused(notary: Notary) -> None:
    key = ecdsa()
    notary.delegate("targets/a", [key], {"v1": target()})
    notary.delegations["targets/a"] = [{"makers": [key], **delegation("targets/a", key)}]
    judgement = ask(notary, 'trust = [{ scope = "**", delegations = "targets/a" }]')
    assert judgement.decision == DENIED
    assert "malformed" in slugs(judgement)


def test_a_delegation_that_was_never_published_is_no_trouble(notary: Notary) -> None:
    key = ecdsa()
    notary.delegations["targets"] = [{"makers": [key], **delegation("targets/releases", key)}]
    assert ask(notary).decision == VERIFIED


def test_a_delegation_nobody_gave_does_not_count(notary: Notary) -> None:
    notary.delegated["targets/releases"] = ([ecdsa()], {"v1": target(OTHER)})
    assert ask(notary, digest=OTHER).decision == DENIED
    assert ask(notary).decision == VERIFIED


def test_a_published_delegation_that_is_missing_is_named(notary: Notary) -> None:
    notary.delegate("targets/alice", [ecdsa()], {"v1": target()})
    files = notary.files()
    del files["targets/alice"]
    judgement = judge(files, notary.root_key.pem)
    assert judgement.decision == VERIFIED
    assert "missing" in slugs(judgement)


def test_versions_of_delegations_are_remembered(notary: Notary) -> None:
    notary.delegate("targets/releases", [ecdsa()], {"v1": target()})
    old = notary.files()
    notary.versions["targets/releases"] = 5
    learnt = ask(notary).remembered
    judgement = judge(old, notary.root_key.pem, remembered=learnt)
    assert judgement.decision == DENIED
    assert "rollback" in slugs(judgement)


def test_too_many_delegations_and_keys_are_refused(notary: Notary) -> None:
    key = ecdsa()
    notary.delegations["targets"] = [
        {"makers": [key], **delegation(f"targets/r{number}", key)} for number in range(300)
    ]
    assert "too-many" in slugs(ask(notary))
    notary.delegations["targets"] = [{"makers": [key], **delegation("targets/a", key), "keyids": [key.id] * 300}]
    assert "too-many" in slugs(ask(notary))


@pytest.mark.parametrize(
    "entry", [{}, {"hashes": {}}, {"hashes": {"sha256": "YQ=="}, "length": 1}, {**target(), "length": -1}]
)
def test_a_target_without_hash_or_length_is_refused(notary: Notary, entry: dict[str, object]) -> None:
    notary.targets["v1"] = entry
    assert "malformed" in slugs(ask(notary))


def test_the_policy_refuses_what_makes_no_sense() -> None:
    for text in (
        'trust = [{ scope = "**", delegations = [] }]',
        'trust = [{ scope = "**", delegations = "targets/a", key = "alice" }]',
        'trust = [{ scope = "**", delegations = "targets/a", subject-regex = "^x$" }]',
        'trust = [{ scope = "**", format = ["dct", "cosign"] }]',
    ):
        with pytest.raises(TrustError):
            policy.parse(text.encode(), "p.toml")


def test_a_role_of_another_repository_does_not_count(notary: Notary) -> None:
    assert ask(notary, gun=GUN + "2").decision == DENIED
