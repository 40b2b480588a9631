"""The campaign lived through in a simulated market, week by week: serve, look, measure, learn, promote.

in   approved variants, members, the job's `[simulator]` table
out  facts assignment, exposure, conversion (marked simulated); artifacts `readings` and `truth`; snapshots; books
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from omnimix.activation.decide.choice import ready
from omnimix.activation.decide.pooling import FloatArray, Prior, even_ahead, prior_snapshot, scaled_prior
from omnimix.activation.decide.serve import engagements, marks_of, serve_week
from omnimix.activation.decide.snapshot import Snapshot
from omnimix.activation.experiment.eligibility import Codes, excluded, offerings
from omnimix.activation.experiment.lanes import BROAD_ONLY, assignments
from omnimix.audience.segment.segment import REST
from omnimix.core.errors import InvalidInput
from omnimix.core.money import Money
from omnimix.creative.variant import Variant
from omnimix.flow.create import approved_of
from omnimix.flow.machine import HISTORY_WEEKS, Job, Machine, Simulation
from omnimix.flow.measure import costs_of, learn, post_books, read_week, starts_at
from omnimix.flow.people import audience_of, on_ladder, products_of, purchase_rates, spreads_of
from omnimix.flow.step import Counts
from omnimix.measurement.learn.rows import publish
from omnimix.measurement.lift.reading import Reading
from omnimix.measurement.lift.spread import pooled
from omnimix.store.facts import MEMBER
from omnimix.testing.market import Market, people
from omnimix.testing.truth import planted


@dataclass(frozen=True, slots=True)
class Crowd:
    """Everybody in the market: the workspace's own people, then simulated lookalikes."""

    assigned: pa.Table  # ASSIGNMENT
    own: pa.Table  # MEMBER: the workspace's own people
    like: pa.Array  # the profile whose habits each person has
    sizes: dict[str, int]  # by segment


def gather(machine: Machine, job: Job, simulation: Simulation) -> Crowd:
    """Put everybody on the ladder. Raises InvalidInput when there is nobody."""
    members = machine.warehouse.arrow(on_ladder(machine, job))
    if not members.num_rows:
        raise InvalidInput(
            "there is nobody to advertise to", where=job.campaign.key, fix="ingest customers and their consent"
        )
    extra = people(members, n=max(0, simulation.people - members.num_rows), seed=simulation.seed)
    made = [
        assignments(table, campaign=job.campaign.key, ladder=job.ladder, salt=machine.salt, simulated=simulated)
        for table, simulated in ((members, False), (extra.select(MEMBER.names), True))
    ]
    assigned = pa.concat_tables(made).combine_chunks()
    like = pa.concat_arrays([members["profile_id"].combine_chunks(), extra["like"].combine_chunks()])
    counted = pc.value_counts(assigned["segment"]).to_pylist()
    return Crowd(assigned, members, like, {c["values"]: c["counts"] for c in counted})


def live(machine: Machine, job: Job) -> Counts:
    """Live all weeks of the campaign. Everything it writes is marked simulated."""
    simulation = job.simulator
    if simulation is None:
        raise InvalidInput("the campaign has no [simulator] table", where=job.campaign.key, fix="add one")
    variants, crowd = approved_of(machine, job), gather(machine, job, simulation)
    key = job.campaign.key
    for name in ("exposure", "conversion"):
        for part in machine.warehouse.parts(name):
            if part.startswith(f"{key}/"):
                machine.warehouse.drop(name, part=part)
    machine.warehouse.write("assignment", crowd.assigned, part=key)
    market = _market(machine, job, simulation, crowd)
    readings, shown, refused = _weeks(machine, job, simulation, variants, crowd, market)
    late = market.settle()
    post_books(machine, job, variants, profiles=crowd.assigned.num_rows)
    machine.artifacts.save(f"{key}/readings", readings)
    machine.artifacts.save(f"{key}/truth", market.truth)
    total = crowd.assigned.num_rows * simulation.weeks
    return Counts(
        total,
        shown,
        unit_in="person-weeks",
        unit_out="person-weeks",
        set_aside={"not shown: holdout, ineligible, unreached": total - shown - refused, "over budget": refused},
        detail={
            "simulated people": sum(crowd.assigned["simulated"].to_pylist()),
            "orders known later": late.num_rows,
        },
        output=[r.promotions for r in readings],
    )


def _market(machine: Machine, job: Job, simulation: Simulation, crowd: Crowd) -> Market:
    truth = planted(purchase_rates(machine, crowd.own, weeks=HISTORY_WEEKS), seed=simulation.seed)
    return Market(
        truth,
        crowd.assigned,
        campaign=job.campaign.key,
        currency=machine.currency,
        starts_at=starts_at(job),
        seed=simulation.seed,
    )


def _weeks(
    machine: Machine,
    job: Job,
    simulation: Simulation,
    variants: tuple[Variant, ...],
    crowd: Crowd,
    market: Market,
) -> tuple[tuple[Reading, ...], int, int]:
    """Serve, live, read, learn, week after week. Returns the readings, rows shown and rows refused."""
    prior, costs = prior_of(machine, job), costs_of(machine, job, variants, crowd.sizes)
    segments = _segments(crowd.sizes)
    snapshot = first_snapshot(machine, job, variants, sizes=crowd.sizes, prior=prior, weeks=simulation.weeks)
    codes = codes_of(machine, job, variants, crowd)
    budget = Money.parse(job.campaign.daily_budget, machine.currency).minor * 7
    deployed = {v.variant_id for v in variants}
    engaged = np.zeros(crowd.assigned.num_rows, dtype=np.int64)
    seed, key = f"{machine.salt}:{simulation.seed}", job.campaign.key
    marks = marks_of(crowd.assigned["profile_id"], seed=seed, campaign=key)
    readings, shown, refused = [], 0, 0
    for week in range(simulation.weeks):
        served = serve_week(
            ready(snapshot),
            crowd.assigned,
            codes,
            week=week,
            seed=seed,
            steps=engaged,
            marks=marks,
        )
        lived = market.week(week, served, live=deployed, budget_minor=float(budget))
        part = f"{key}/week-{week:02d}"
        shown += machine.warehouse.write("exposure", lived.exposures, part=part)
        machine.warehouse.write("conversion", lived.conversions, part=part)
        refused += lived.refused
        engaged += engagements(lived.exposures, crowd.assigned["profile_id"])
        reading = read_week(machine, job, look=week + 1, costs=costs)
        readings.append(reading)
        to_come = simulation.weeks - week - 1
        left = _ahead(job, crowd.sizes, segments, variants=len(variants), weeks=to_come)
        snapshot = learn(machine, job, variants, reading=reading, prior=prior, segments=segments, ahead=left)
        with machine.ledger.begin() as session:
            publish(session, snapshot)
    return tuple(readings), shown, refused


def prior_of(machine: Machine, job: Job) -> Prior:
    """What variants may be expected to earn, from the user's own history."""
    everybody = pooled(spreads_of(machine, job).values())
    return scaled_prior(everybody.mean, everybody.variance(1) ** 0.5)


def _ahead(
    job: Job, sizes: Mapping[str, int], segments: tuple[str, ...], *, variants: int, weeks: int
) -> FloatArray:
    """(S, V) profile-weeks still to come: choices explore only what they can resolve."""
    shown = np.array([sizes[s] * (1 - job.ladder.none) for s in segments], dtype=np.float64)
    return even_ahead(shown, variants, weeks)


def _segments(sizes: Mapping[str, int]) -> tuple[str, ...]:
    """The segments a snapshot knows; the rest is served from the mean of all, unless there is nothing else."""
    return tuple(sorted(s for s in sizes if s not in (REST, BROAD_ONLY))) or tuple(sizes)


def first_snapshot(
    machine: Machine,
    job: Job,
    variants: tuple[Variant, ...],
    *,
    sizes: Mapping[str, int],
    prior: Prior,
    weeks: int,
) -> Snapshot:
    """Publish the snapshot of the first week: nothing seen yet. `sizes` counts people by segment."""
    segments = _segments(sizes)
    snapshot = prior_snapshot(
        campaign=job.campaign.key,
        now=machine.clock(),
        segments=segments,
        variants=tuple(v.variant_id for v in variants),
        briefs=tuple(v.brief for v in variants),
        steps=tuple(v.step for v in variants),
        prior=prior,
        ahead=_ahead(job, sizes, segments, variants=len(variants), weeks=weeks),
    )
    with machine.ledger.begin() as session:
        publish(session, snapshot)
    return snapshot


def codes_of(machine: Machine, job: Job, variants: tuple[Variant, ...], crowd: Crowd) -> Codes:
    """(people, variants) reason flags of hard eligibility."""
    offers = offerings(
        variants, products_of(machine), language=job.campaign.languages[0], countries=job.campaign.countries
    )
    audience = audience_of(machine, job, crowd.assigned["profile_id"], like=crowd.like)
    return excluded(audience, offers, job.eligibility)
