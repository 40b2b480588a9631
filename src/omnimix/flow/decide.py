"""What should this person see now? One choice from what was learnt last, logged with its probability.

in   a known profile, a campaign's job
out  an Answer, logged
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from ibis.expr.types import Table

from omnimix.activation.decide import rows
from omnimix.activation.decide.choice import Choice, ready, ruled_out
from omnimix.activation.decide.serve import Decision, decide, engagements, replay
from omnimix.activation.decide.snapshot import Snapshot
from omnimix.activation.experiment.eligibility import excluded, offerings
from omnimix.activation.experiment.ladder import Rung
from omnimix.activation.experiment.lanes import lane
from omnimix.core.errors import NotAllowed, NotFound, OmnimixError
from omnimix.creative.variant import Variant
from omnimix.flow.create import approved_of
from omnimix.flow.machine import Job, Machine
from omnimix.flow.market import first_snapshot, prior_of
from omnimix.flow.measure import weeks_of
from omnimix.flow.people import (
    BROAD_ONLY,
    audience_of,
    fact,
    on_ladder,
    permitted_for,
    products_of,
    profiles_of,
)
from omnimix.governance.consent import Purpose
from omnimix.measurement.learn.rows import latest
from omnimix.measurement.learn.rows import read as read_snapshot

_LISTS = "omnimix journey behind lists profiles"


@dataclass(frozen=True, slots=True)
class Answer:
    """A decision, the choice it came to, and why the rung's other variants were ruled out.

    It is logged, so that it can be replayed, unless the person refuses measurement.
    """

    decision: Decision
    choice: Choice
    ruled_out: dict[str, tuple[str, ...]]
    logged: bool


def decide_for(machine: Machine, job: Job, profile_id: str) -> Answer:
    """Choose for one known person and log it.

    Raises NotFound for a profile nobody knows, NotAllowed while no variant is approved or for a person who refuses
    what the campaign asks consent for.
    """
    segment, place, measured = _place(machine, job, profile_id)
    variants = approved_of(machine, job)
    if not variants:
        raise NotAllowed(
            "no variant is approved", where=job.campaign.key, fix=f"omnimix review list {job.campaign.key}"
        )
    state = ready(current_snapshot(machine, job, variants))
    codes = _codes(machine, job, variants, profile_id)
    step = _step(machine, job, profile_id)
    decision, choice = decide(
        state,
        profile_id=profile_id,
        segment=segment,
        lane=place,
        codes=codes,
        now=machine.clock(),
        seed=machine.salt,
        step=step,
    )
    if measured:
        with machine.ledger.begin() as session:
            rows.log(session, decision)
    against = ruled_out(state, segment, codes, rung=choice.rung, step=step)
    return Answer(decision, choice, against, measured)


def _place(machine: Machine, job: Job, profile_id: str) -> tuple[str, str, bool]:
    """A person's segment and lane, and whether they may be measured; else they see the broad creative."""
    ladder = on_ladder(machine, job)
    found = machine.warehouse.arrow(ladder.filter(ladder.profile_id == profile_id)).to_pylist()
    if found:
        return found[0]["segment"], lane(profile_id, job.ladder, salt=machine.salt), True
    _known(machine, profiles_of(machine), profile_id, NotFound(f"no profile {profile_id!r}", fix=_LISTS))
    purpose = Purpose(job.eligibility.purpose)
    refused = NotAllowed(f"this person does not permit {purpose}", where=profile_id, fix="show them nothing")
    _known(machine, permitted_for(machine, purpose), profile_id, refused)
    return BROAD_ONLY, str(Rung.BROAD), False


def _known(machine: Machine, people: Table, profile_id: str, error: OmnimixError) -> None:
    if not machine.warehouse.arrow(people.filter(people.profile_id == profile_id)).num_rows:
        raise error


def replay_of(machine: Machine, decision_id: str) -> Choice:
    """Make a logged decision again from its snapshot. Raises NotFound, Conflict when the result differs."""
    with machine.ledger() as session:
        decision = rows.read(session, decision_id)
        snapshot = read_snapshot(session, decision.snapshot_id)
    return replay(ready(snapshot), decision)


def current_snapshot(machine: Machine, job: Job, variants: tuple[Variant, ...]) -> Snapshot:
    """The newest snapshot of exactly these variants; a first one is published where there is none."""
    with machine.ledger() as session:
        known = latest(session, job.campaign.key)
    if known is not None and known.variants == tuple(v.variant_id for v in variants):
        return known
    members = machine.warehouse.arrow(on_ladder(machine, job))
    sizes = {c["values"]: c["counts"] for c in members["segment"].value_counts().to_pylist()}
    return first_snapshot(machine, job, variants, sizes=sizes, prior=prior_of(machine, job), weeks=weeks_of(job))


def _codes(
    machine: Machine, job: Job, variants: tuple[Variant, ...], profile_id: str
) -> np.ndarray[tuple[int], np.dtype[np.uint32]]:
    campaign = job.campaign
    offers = offerings(
        variants, products_of(machine), language=campaign.languages[0], countries=campaign.countries
    )
    audience = audience_of(machine, job, pa.array([profile_id], pa.string()))
    codes: np.ndarray[tuple[int], np.dtype[np.uint32]] = excluded(audience, offers, job.eligibility)[0]
    return codes


def _step(machine: Machine, job: Job, profile_id: str) -> int:
    """How often the person engaged so far: the step of the story they are at."""
    shown = fact(machine, "exposure")
    own = machine.warehouse.arrow(
        shown.filter((shown.campaign == job.campaign.key) & (shown.profile_id == profile_id))
    )
    return int(engagements(own, pa.chunked_array([[profile_id]], pa.string()))[0])
