"""A person's words: checked, drawn and put into review anew; false ones are held back with the nearest ground."""

from dataclasses import replace

import pytest
from tests.flow.conftest import Ran

from omnimix.core.errors import Conflict, InvalidInput
from omnimix.creative.review.queue import Candidate, Status, candidate, candidates
from omnimix.creative.variant import Variant
from omnimix.flow.create import approved_of
from omnimix.flow.edit import Words, edit
from omnimix.governance.audit import verify


def first(ran: Ran) -> Candidate:
    with ran.machine.ledger() as session:
        return next(c for c in candidates(session, "first") if c.status is Status.APPROVED)


def with_description(shown: Candidate, text: str) -> Words:
    words = Words.of(shown.variant)
    return replace(words, descriptions=(text, *words.descriptions[1:]))


def test_new_words_wait_for_a_person_and_the_old_ones_are_gone(ran: Ran) -> None:
    shown = first(ran)
    words = with_description(shown, "Small things to give, and to keep.")
    done = edit(ran.machine, ran.job, shown.variant_id, words, digest=shown.digest, person="Zoe")
    assert (done.status, done.author) == (Status.QUEUED, "Zoe")
    assert done.variant.descriptions[0] == "Small things to give, and to keep."
    assert done.variant.images
    with ran.machine.ledger() as session:
        assert candidate(session, "first", shown.variant_id).status is Status.WITHDRAWN
        assert verify(session, ran.machine.anchor).intact
    approved = {v.variant_id for v in approved_of(ran.machine, ran.job)}
    assert not approved & {shown.variant_id, done.variant_id}
    kept = ran.machine.artifacts.load("first/variants", tuple[Variant, ...])
    assert done.variant in kept


def test_a_false_claim_is_held_back(ran: Ran) -> None:
    shown = first(ran)
    words = with_description(shown, "The best gifts in Britain.")
    done = edit(ran.machine, ran.job, shown.variant_id, words, digest=shown.digest, person="Zoe")
    assert done.status is Status.BLOCKED
    assert "claims.unsupported" in {f.rule for f in done.findings}


def test_only_what_was_shown_can_be_changed(ran: Ran) -> None:
    shown = first(ran)
    words, same = with_description(shown, "Small things to give."), Words.of(shown.variant)
    for changed, digest, error in (
        (words, "0" * 64, Conflict),
        (same, shown.digest, Conflict),
        (replace(words, headlines=()), shown.digest, InvalidInput),
    ):
        with pytest.raises(error):
            edit(ran.machine, ran.job, shown.variant_id, changed, digest=digest, person="Zoe")
