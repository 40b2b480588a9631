import hashlib
from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text as sql

from omnimix.core.errors import Conflict, InvalidInput, NotAllowed, NotFound
from omnimix.core.finding import Finding, Severity
from omnimix.creative.claim import Claim, ClaimKind
from omnimix.creative.review.decision import approve, approved, reject
from omnimix.creative.review.document import findings_from, findings_json, variant_from, variant_json
from omnimix.creative.review.queue import Status, candidate, candidates, queue, submit, withdraw
from omnimix.creative.variant import EmailCopy, Image, Variant
from omnimix.governance import audit
from omnimix.store.ledger import open_ledger

words = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
several = st.lists(words, max_size=3).map(tuple)
variants = st.builds(
    Variant,
    campaign=words,
    brief=words,
    angle=words,
    step=st.integers(0, 9),
    headlines=several,
    descriptions=several,
    long_headline=words,
    primary_text=words,
    call_to_action=words,
    email=st.builds(EmailCopy, subject=words, preheader=words, body=several),
    keywords=several,
    product_ids=several,
    final_url=words,
    claims=st.lists(
        st.builds(Claim, st.sampled_from(ClaimKind), words, words, st.none() | st.dates()), max_size=2
    ).map(tuple),
    images=st.lists(
        st.builds(
            Image,
            size=words,
            width=st.integers(1, 5000),
            height=st.integers(1, 5000),
            path=words,
            sha256=words,
            alt_text=words,
            contrast=st.floats(allow_nan=False, allow_infinity=False),
            with_photo=st.booleans(),
        ),
        max_size=2,
    ).map(tuple),
)


@given(variants)
def test_a_variant_reads_back_from_its_json_exactly(variant):
    again = variant_from(variant_json(variant))
    assert again == variant
    assert again.digest == variant.digest
    assert again.variant_id == variant.variant_id


@given(st.lists(st.builds(Finding, words, st.sampled_from(Severity), words, words, words), max_size=3).map(tuple))
def test_findings_read_back_exactly(findings):
    assert findings_from(findings_json(findings)) == findings


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"campaign": 1}', "nonsense"])
def test_spoilt_json_is_one_clear_error(text):
    with pytest.raises(InvalidInput, match="cannot be read"):
        variant_from(text)


def example(folder, headline="A gift", picture=b"bytes"):
    file = folder / "creatives" / "a.png"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(picture)
    image = Image(
        "square",
        1080,
        1080,
        "creatives/a.png",
        hashlib.sha256(picture).hexdigest(),
        "A gift",
        7.5,
        with_photo=False,
    )
    claim = Claim(ClaimKind.PRICE, "£5", "catalogue:1:price", date(2027, 1, 1))
    copy = EmailCopy("s", "p", ("b",))
    return Variant(
        "spring", "broad", "value", 0, (headline,), ("d",), "l", "t", "SHOP_NOW", copy, ("k",), ("1",),
        "https://a.example", (claim,), (image,),
    )  # fmt: skip


BLOCKS = Finding("claims.unbound", Severity.BLOCKING, "headline 1", "“best” has no source", "bind it")
WARNS = Finding("copy.length", Severity.WARNING, "headline 1", "long")


@pytest.fixture
def desk(ledger, tmp_path, now):
    """One person's desk: every act in a transaction of its own."""

    class Desk:
        folder = tmp_path

        def act(self, function, *args, **named):
            with ledger.begin() as session:
                return function(session, *args, **named)

        def submit(self, *variants, findings=(), days=0, **named):
            return self.act(submit, [(v, findings) for v in variants], now=now + timedelta(days=days), **named)

        def approve(self, variant, digest=None, approver="Ann"):
            return self.act(
                approve,
                "spring",
                variant.variant_id,
                digest=digest or variant.digest,
                approver=approver,
                now=now,
                pictures=tmp_path,
            )

        def reject(self, variant, reason="dull", digest=None, approver="Bob"):
            return self.act(
                reject,
                "spring",
                variant.variant_id,
                digest=digest or variant.digest,
                approver=approver,
                reason=reason,
                now=now,
            )

        def approved(self):
            return self.act(approved, "spring", pictures=tmp_path)

        def status(self, variant):
            return self.act(candidate, "spring", variant.variant_id).status

        def log(self):
            with ledger() as session:
                assert audit.verify(session).intact
                return [(e.action, e.actor) for e in audit.entries(session)]

    return Desk()


def test_from_queue_to_approved(desk):
    variant = example(desk.folder)
    assert desk.submit(variant, findings=[WARNS]).queued == (variant.variant_id,)
    waiting = desk.act(queue, "spring")
    assert [(c.variant, c.digest, c.findings) for c in waiting] == [(variant, variant.digest, (WARNS,))]
    assert desk.approved() == ()
    shown = desk.approve(variant)
    assert (shown.status, shown.by) == (Status.APPROVED, "Ann")
    assert desk.approved() == (variant,)
    assert desk.act(queue, "spring") == ()
    desk.approve(variant, approver="Someone else")
    assert desk.log() == [("variant.submit", "omnimix"), ("variant.approve", "Ann")]


def test_blocking_findings_keep_a_variant_out_but_it_is_kept_with_them(desk):
    variant = example(desk.folder)
    assert desk.submit(variant, findings=[WARNS, BLOCKS]).blocked == (variant.variant_id,)
    assert desk.act(queue, "spring") == ()
    kept = desk.act(candidates, "spring")[0]
    assert (kept.status, kept.findings) == (Status.BLOCKED, (BLOCKS, WARNS))
    with pytest.raises(NotAllowed, match="has no source"):
        desk.approve(variant)
    assert desk.approved() == ()


def test_an_approval_is_of_exactly_what_was_shown(desk):
    shown = example(desk.folder)
    desk.submit(shown)
    newer = replace(shown, final_url="https://b.example")
    assert newer.variant_id == shown.variant_id
    desk.submit(newer)
    with pytest.raises(Conflict, match="changed after it was shown"):
        desk.approve(shown)
    assert desk.status(shown) is Status.QUEUED
    desk.approve(newer)
    assert desk.approved() == (newer,)


def test_a_new_version_voids_the_approval_and_the_old_words_do_not_bring_it_back(desk):
    variant = example(desk.folder)
    desk.submit(variant)
    desk.approve(variant)
    desk.submit(replace(variant, call_to_action="LEARN_MORE"))
    assert desk.approved() == ()
    desk.submit(variant)
    assert desk.approved() == ()
    assert desk.status(variant) is Status.QUEUED


def test_the_same_content_again_keeps_the_decision(desk):
    variant = example(desk.folder)
    desk.submit(variant)
    desk.approve(variant)
    before = desk.log()
    assert desk.submit(variant, days=3).decided == (variant.variant_id,)
    assert desk.approved() == (variant,)
    assert desk.log() == before
    desk.submit(variant, findings=[BLOCKS])
    assert desk.approved() == ()
    desk.submit(variant)
    assert desk.approved() == (variant,)


def test_a_rejection_has_a_reason_and_may_follow_an_approval(desk):
    variant = example(desk.folder)
    desk.submit(variant)
    with pytest.raises(InvalidInput, match="needs a reason"):
        desk.reject(variant, reason="  ")
    desk.approve(variant)
    shown = desk.reject(variant)
    assert (shown.status, shown.reason, shown.by) == (Status.REJECTED, "dull", "Bob")
    assert desk.approved() == ()
    assert desk.submit(variant).decided == (variant.variant_id,)
    assert desk.log()[-1] == ("variant.reject", "Bob")


def test_a_changed_picture_file_is_a_conflict_at_approval_and_later(desk):
    variant = example(desk.folder)
    desk.submit(variant)
    picture = desk.folder / "creatives" / "a.png"
    picture.write_bytes(b"another")
    with pytest.raises(Conflict, match="picture file was changed"):
        desk.approve(variant)
    picture.write_bytes(b"bytes")
    desk.approve(variant)
    picture.write_bytes(b"another")
    with pytest.raises(Conflict, match="picture file was changed"):
        desk.approved()
    picture.unlink()
    with pytest.raises(Conflict, match="picture file is missing"):
        desk.approved()


def test_content_changed_in_the_database_is_a_conflict(desk):
    variant = example(desk.folder)
    desk.submit(variant)
    desk.approve(variant)
    swap = sql("UPDATE review_candidate SET content = replace(content, 'A gift', 'A GIFT')")
    desk.act(lambda session: session.execute(swap))
    with pytest.raises(Conflict, match="changed outside review"):
        desk.approved()


def test_an_act_and_its_audit_entry_commit_together_or_not_at_all(desk, now):
    variant = example(desk.folder)
    desk.submit(variant)

    def approve_and_fail(session):
        approve(
            session,
            "spring",
            variant.variant_id,
            digest=variant.digest,
            approver="Ann",
            now=now,
            pictures=desk.folder,
        )
        raise RuntimeError

    with pytest.raises(RuntimeError):
        desk.act(approve_and_fail)
    assert desk.status(variant) is Status.QUEUED
    assert desk.log() == [("variant.submit", "omnimix")]


def test_withdrawn_variants_are_neither_queued_nor_approved_until_submitted_again(desk, now):
    old, new = example(desk.folder), example(desk.folder, headline="Another gift")
    desk.submit(old, new)
    desk.approve(old)
    assert desk.act(withdraw, "spring", keep={new.variant_id}, now=now) == (old.variant_id,)
    assert desk.act(withdraw, "spring", keep={new.variant_id}, now=now) == ()
    assert desk.approved() == ()
    assert [c.variant for c in desk.act(queue, "spring")] == [new]
    with pytest.raises(NotAllowed, match="withdrawn"):
        desk.approve(old)
    desk.submit(old)
    assert desk.approved() == (old,)


def test_clear_errors(desk):
    variant = example(desk.folder)
    with pytest.raises(NotFound, match="no variant"):
        desk.approve(variant)
    desk.submit(variant)
    with pytest.raises(InvalidInput, match="name of the person"):
        desk.approve(variant, approver="")
    with pytest.raises(InvalidInput, match="submitted twice"):
        desk.submit(variant, replace(variant, step=1))


@settings(max_examples=6)
@given(st.permutations(range(4)))
def test_the_order_of_a_submission_does_not_matter(tmp_path_factory, order):
    folder = tmp_path_factory.mktemp("order")
    listed = [example(folder, headline=f"Gift {i}") for i in range(4)]
    ledger = open_ledger(f"sqlite:///{folder / 'l.sqlite'}")
    with ledger.begin() as session:
        submit(session, [(listed[i], [BLOCKS] if i == 3 else []) for i in order], now=datetime(2026, 11, 1))
        found = candidates(session, "spring")
    ledger.kw["bind"].dispose()
    assert {(c.variant, c.status) for c in found} == {
        (v, Status.BLOCKED if i == 3 else Status.QUEUED) for i, v in enumerate(listed)
    }
    assert [c.variant_id for c in found] == sorted(c.variant_id for c in found)


def test_four_eyes_are_two_people_who_did_not_write_it(desk):
    variant = example(desk.folder)
    desk.submit(variant, actor="Ann", approvals=2)
    with pytest.raises(NotAllowed, match="wrote it"):
        desk.approve(variant, approver="Ann")
    assert desk.approve(variant, approver="Bob").status is Status.QUEUED
    assert desk.approved() == ()
    with pytest.raises(NotAllowed, match="approved it already"):
        desk.approve(variant, approver="Bob")
    shown = desk.approve(variant, approver="Eve")
    assert (shown.status, shown.approvers) == (Status.APPROVED, ("Bob", "Eve"))
    assert desk.approved() == (variant,)


def test_a_rejection_undoes_the_approvals_before_it(desk):
    variant = example(desk.folder)
    desk.submit(variant, approvals=2)
    desk.approve(variant, approver="Ann")
    desk.reject(variant, approver="Bob")
    assert desk.status(variant) is Status.REJECTED
    desk.approve(variant, approver="Eve")
    assert desk.status(variant) is Status.QUEUED
    desk.approve(variant, approver="Ann")
    assert desk.status(variant) is Status.APPROVED


def test_an_approval_of_earlier_content_does_not_count(desk):
    variant = example(desk.folder)
    desk.submit(variant, approvals=2)
    desk.approve(variant, approver="Ann")
    desk.submit(replace(variant, call_to_action="LEARN_MORE"), approvals=2)
    assert desk.act(candidate, "spring", variant.variant_id).approvers == ()


def test_a_stricter_rule_holds_for_what_was_approved_before(desk):
    variant = example(desk.folder)
    desk.submit(variant)
    desk.approve(variant)
    desk.submit(variant, approvals=2)
    assert desk.status(variant) is Status.QUEUED
    assert desk.approved() == ()
