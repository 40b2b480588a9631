"""Stage 5 as a run does it: read a week, learn from it, post the books, and the final account.

in   assignment, exposure and conversion facts of a campaign
out  Reading records, published snapshots, posted entries, artifact `result`
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time
from typing import Any

from ibis.expr.types import Table

from omnimix.activation.decide.pooling import FloatArray, Prior
from omnimix.activation.decide.snapshot import Snapshot
from omnimix.core.errors import NotFound
from omnimix.creative.variant import Variant
from omnimix.flow.machine import Job, Machine
from omnimix.flow.people import fact
from omnimix.flow.step import Counts
from omnimix.measurement.books.facts import making_entries, margin_entries, margin_sums, media_entries, media_sums
from omnimix.measurement.books.journal import correct, replay
from omnimix.measurement.books.statement import Statement, statement
from omnimix.measurement.learn.fit import fit_snapshot
from omnimix.measurement.learn.rewards import lag_counts, reward_sums
from omnimix.measurement.lift.costs import RungCosts, rung_costs
from omnimix.measurement.lift.effect import campaign_increment, effects
from omnimix.measurement.lift.performance import NOBODY, performance
from omnimix.measurement.lift.promote import promote
from omnimix.measurement.lift.ratio import ratio_checks
from omnimix.measurement.lift.reading import Reading
from omnimix.measurement.lift.stats import Cells, cell_sums, read_cells


@dataclass(frozen=True, slots=True)
class Result:
    """The final account of a campaign; `performance` has one list of rows per grouping."""

    readings: tuple[Reading, ...]
    performance: dict[str, list[dict[str, Any]]]
    statement: Statement
    irrelevance_rate: float


def weeks_of(job: Job) -> int:
    """Whole weeks of the campaign, at least one; the planned looks."""
    if job.simulator:
        return job.simulator.weeks
    return max(1, ((job.campaign.ends_on - job.campaign.starts_on).days + 1) // 7)


def starts_at(job: Job) -> datetime:
    """The instant the campaign begins, UTC."""
    return datetime.combine(job.campaign.starts_on, time())


def costs_of(machine: Machine, job: Job, variants: tuple[Variant, ...], sizes: Mapping[str, int]) -> RungCosts:
    """Fixed cost of each rung in each segment per profile-week."""
    made = Counter(v.brief for v in variants)
    return rung_costs(job.costs, variants=made, profiles=sizes, weeks=weeks_of(job), currency=machine.currency)


def facts_of(machine: Machine) -> tuple[Table, Table, Table]:
    """Assignments, exposures, conversions."""
    return fact(machine, "assignment"), fact(machine, "exposure"), fact(machine, "conversion")


def read_week(machine: Machine, job: Job, *, look: int, costs: RungCosts) -> Reading:
    """Compare the lanes after `look` weeks, and say which rung each segment has earned."""
    looks, simulated = weeks_of(job), job.simulator is not None
    sums = cell_sums(
        *facts_of(machine),
        campaign=job.campaign.key,
        looks=look,
        currency=machine.currency,
        platform_share=job.costs.platform_share,
    )
    cells: Cells = read_cells(machine.warehouse.arrow(sums), currency=machine.currency)
    checks = ratio_checks(cells, look=look, shares=job.ladder.shares())
    standards = job.measurement
    promotions = promote(cells, look=look, looks=looks, costs=costs, checks=checks, standards=standards)
    return Reading(
        look=look,
        looks=looks,
        effects=effects(cells, look=look, looks=looks, costs=costs, standards=standards, simulated=simulated),
        checks=checks,
        promotions=tuple(promotions[s] for s in sorted(promotions)),
        increment=campaign_increment(cells, look=look, looks=looks, standards=standards, simulated=simulated),
    )


def learn(
    machine: Machine,
    job: Job,
    variants: tuple[Variant, ...],
    *,
    reading: Reading,
    prior: Prior,
    segments: tuple[str, ...],
    ahead: FloatArray,
) -> Snapshot:
    """Fit the next snapshot from everything logged up to the reading's look."""
    _assigned, exposures, conversions = facts_of(machine)
    epoch = int(starts_at(job).replace(tzinfo=UTC).timestamp())
    key, weeks = job.campaign.key, reading.look
    rewards = reward_sums(
        exposures, conversions, campaign=key, starts_at_epoch=epoch, weeks=weeks, currency=machine.currency
    )
    lags = lag_counts(conversions, campaign=key, starts_at_epoch=epoch, weeks=weeks)
    return fit_snapshot(
        machine.warehouse.arrow(rewards),
        machine.warehouse.arrow(lags),
        campaign=key,
        now=machine.clock(),
        weeks=weeks,
        segments=segments,
        variants=tuple(v.variant_id for v in variants),
        briefs=tuple(v.brief for v in variants),
        steps=tuple(v.step for v in variants),
        prior=prior,
        promoted=reading.promoted,
        currency=machine.currency,
        ahead=ahead,
    )


def post_books(machine: Machine, job: Job, variants: tuple[Variant, ...], *, profiles: int) -> int:
    """Post what was made, media, margin and refunds; what is posted already stays. Returns the new entries.

    Of a simulated campaign nothing else stays: what an earlier life of its market posted is taken back.
    """
    _assigned, exposures, conversions = facts_of(machine)
    arrow, key, on = machine.warehouse.arrow, job.campaign.key, job.campaign.starts_on
    entries = (
        *making_entries(
            job.costs,
            campaign=key,
            on=on,
            variant_ids=[v.variant_id for v in variants],
            profiles=profiles,
            currency=machine.currency,
            simulated=job.simulator is not None,
        ),
        *media_entries(
            arrow(media_sums(exposures, campaign=key)),
            campaign=key,
            starts_on=on,
            platform_share=job.costs.platform_share,
            currency=machine.currency,
        ),
        *margin_entries(
            arrow(margin_sums(conversions, campaign=key)), campaign=key, starts_on=on, currency=machine.currency
        ),
    )
    why, now = "the facts were read anew", machine.clock()
    with machine.ledger.begin() as session:
        if job.simulator is not None:
            return replay(session, key, entries, on=on, why=why, now=now)
        return sum(correct(session, entry, why=why, now=now) for entry in entries)


def conclude(machine: Machine, job: Job, readings: tuple[Reading, ...]) -> Result:
    """The final account: performance by each grouping, and the statement of the books."""
    if not readings:
        raise NotFound(
            "nothing was measured yet", where=job.campaign.key, fix="ingest results, or add [simulator]"
        )
    assigned, exposures, conversions = (t.filter(t.campaign == job.campaign.key) for t in facts_of(machine))
    grouped = {}
    for by in ((), ("channel",), ("segment",), ("rung",), ("lane",), ("variant_id",), ("week",)):
        table = performance(assigned, exposures, conversions, by=by, currency=machine.currency)
        ordered = table.order_by(*by) if by else table  # the engine gives groups in no order of its own
        grouped["total" if not by else by[0]] = machine.warehouse.arrow(ordered).to_pylist()
    shown = exposures.aggregate(
        wrong=exposures.irrelevant.ifelse(exposures.impressions, 0).sum().fill_null(0),
        shown=exposures.impressions.sum().fill_null(0),
    )
    rate = machine.warehouse.arrow(shown).to_pylist()[0]
    credited = [r for r in grouped["variant_id"] if r["variant_id"] != NOBODY]
    with machine.ledger() as session:
        drawn = statement(
            session,
            job.campaign.key,
            currency=machine.currency,
            increment=readings[-1].increment,
            credited_revenue_minor=sum(r["revenue_minor"] - r["refunded_minor"] for r in credited),
        )
    return Result(readings, grouped, drawn, rate["wrong"] / rate["shown"] if rate["shown"] else 0.0)


def measure(machine: Machine, job: Job) -> Counts:
    """The last step: from readings to the final account."""
    readings = machine.artifacts.load(f"{job.campaign.key}/readings", tuple[Reading, ...])
    result = conclude(machine, job, readings)
    machine.artifacts.save(f"{job.campaign.key}/result", result)
    last = readings[-1]
    return Counts(
        len(readings),
        len(last.effects),
        unit_in="weekly readings",
        unit_out="effects",
        detail={"promoted": sum(p.promoted for p in last.promotions), "known": sum(e.known for e in last.effects)},
        output=readings,
    )
