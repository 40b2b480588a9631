"""A person's own words for a variant: bound to their grounds, drawn, checked and put into review again.

in   the variant as it was shown (by its digest), the new words, who wrote them
out  a Candidate; the one before is withdrawn
"""

from dataclasses import dataclass, replace

from omnimix.core.errors import Conflict, InvalidInput
from omnimix.core.finding import Finding
from omnimix.creative.ledger.attach import with_claims
from omnimix.creative.ledger.ground import Ledger
from omnimix.creative.policy.check import run_checks, texts
from omnimix.creative.policy.checks import CHECKS
from omnimix.creative.review.queue import Candidate, Status, candidate, candidates, submit, withdraw
from omnimix.creative.variant import EmailCopy, Variant
from omnimix.flow.claims import claim_ledger
from omnimix.flow.create import drawn_again, policy_facts
from omnimix.flow.machine import Job, Machine


@dataclass(frozen=True, slots=True)
class Words:
    """All words of a variant that a person may change."""

    headlines: tuple[str, ...]
    descriptions: tuple[str, ...]
    long_headline: str
    primary_text: str
    email: EmailCopy

    @classmethod
    def of(cls, variant: Variant) -> "Words":
        """The words as they are."""
        return cls(
            variant.headlines, variant.descriptions, variant.long_headline, variant.primary_text, variant.email
        )


def tried(machine: Machine, job: Job, variant_id: str, words: Words) -> tuple[Finding, ...]:
    """What the checks would say of these words, pictures as they are. Nothing is kept. Raises NotFound."""
    with machine.ledger() as session:
        shown = candidate(session, job.campaign.key, variant_id)
    ledger = claim_ledger(machine, job)
    made = _bound(machine, job, shown.variant, words, ledger)
    return run_checks(made, policy_facts(machine, job, (made,), ledger), CHECKS)


def edit(machine: Machine, job: Job, variant_id: str, words: Words, *, digest: str, person: str) -> Candidate:
    """Replace a variant's words. What was decided about the old ones stays behind with them.

    Raises Conflict when the variant is no longer what was shown, or nothing changed; InvalidInput without a
    headline or description; NotFound.
    """
    key = job.campaign.key
    with machine.ledger() as session:
        shown = candidate(session, key, variant_id)
    where = f"{key}/{variant_id}"
    if shown.digest != digest or shown.status is Status.WITHDRAWN:
        raise Conflict("the variant changed after it was shown", where=where, fix="look at it again")
    if not words.headlines or not words.descriptions:
        raise InvalidInput("a variant needs a headline and a description", where=where)
    if words == Words.of(shown.variant):
        raise Conflict("nothing was changed", where=where)
    ledger = claim_ledger(machine, job)
    made = drawn_again(machine, job, _bound(machine, job, shown.variant, words, ledger))
    findings = run_checks(made, policy_facts(machine, job, (made,), ledger), CHECKS)
    now = machine.clock()
    with machine.ledger.begin() as session:
        submit(session, [(made, findings)], now=now, actor=person, approvals=machine.review.approvals)
        stays = {c.variant_id for c in candidates(session, key)} - {variant_id} | {made.variant_id}
        withdraw(session, key, keep=stays, now=now, actor=person)
        done = candidate(session, key, made.variant_id)
    with machine.ledger() as session:
        machine.anchor.write(session)
    _remember(machine, key, variant_id, made)
    return done


def _bound(machine: Machine, job: Job, before: Variant, words: Words, ledger: Ledger) -> Variant:
    changed = replace(
        before,
        headlines=words.headlines,
        descriptions=words.descriptions,
        long_headline=words.long_headline,
        primary_text=words.primary_text,
        email=words.email,
    )
    last_day = max(machine.clock().date(), job.campaign.ends_on)
    said = tuple(text for _, text in texts(changed))
    return with_claims(changed, said, ledger, last_day=last_day, exempt=(machine.brand.name,))


def _remember(machine: Machine, key: str, variant_id: str, made: Variant) -> None:
    """Put the variant where the campaign's run looks for it, in the place of the old one."""
    variants = machine.artifacts.load(f"{key}/variants", tuple[Variant, ...])
    machine.artifacts.save(f"{key}/variants", tuple(made if v.variant_id == variant_id else v for v in variants))
