"""The ladder on simulated markets with known truth: coverage, false promotion, power, verdicts before spend.

in   200 seeds; each draws people, their lanes and three campaigns of six weeks: one where every rung does
     something, one where nothing works, one where the creatives of single segments do
out  figures

Four segments of 5,000 people buy 0.03 to 0.08 times a week, orders are log-normal with coefficient of
variation 1.2, 30 % become known late, 6 % come back. `follow` stays at `broad`: what it gets does not touch
the standing lanes.
"""

import tempfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import ibis
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from omnimix.activation.decide.choice import ready
from omnimix.activation.decide.pooling import Prior, prior_snapshot
from omnimix.activation.decide.serve import SERVED, serve_week
from omnimix.activation.experiment.ladder import Ladder, Rung
from omnimix.activation.experiment.lanes import assignments
from omnimix.measurement.lift.costs import Costs, RungCosts, rung_costs
from omnimix.measurement.lift.effect import campaign_increment, effects
from omnimix.measurement.lift.power import detectable, verdicts
from omnimix.measurement.lift.promote import TRIED, promote
from omnimix.measurement.lift.ratio import ratio_checks
from omnimix.measurement.lift.spread import Spread, read_spreads, spread_sums
from omnimix.measurement.lift.standards import Standards
from omnimix.measurement.lift.stats import Cell, Moments, cell_sums, read_cells
from omnimix.store.facts import MEMBER
from omnimix.store.warehouse import Warehouse
from omnimix.testing.evidence import Figure, at_least, at_most
from omnimix.testing.market import Market
from omnimix.testing.truth import SegmentTruth, Truth, true_increment

SEEDS, WEEKS, PEOPLE = 200, 6, 5_000  # people per segment
RATES = {"ava": 0.03, "ben": 0.05, "cat": 0.06, "dan": 0.08}  # orders per week
PLANTED = {"ava": 4.0, "ben": 4.0, "cat": 1.0, "dan": 0.0}  # multiples of the smallest detectable effect
MARGIN = 2_000.0  # minor units per order
LADDER, STANDARDS = Ladder(), Standards()
STARTS = datetime(2026, 2, 2)
COSTS = Costs(creative_per_variant="40", review_per_variant="10", data_per_profile="0.02", platform_share=0.03)
VARIANTS = ("broad-1", "broad-2", *(f"{s}-{i}" for s in RATES for i in (1, 2)))
BRIEFS = ("broad", "broad", *(s for s in RATES for _ in (1, 2)))


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one seed showed."""

    covered: dict[str, tuple[bool, bool, bool]]  # rung, overall → fixed, weekly at the end, weekly at every look
    covered_segments: list[tuple[bool, bool]]  # rung × segment → fixed, weekly at the end
    covered_campaign: bool
    false_free: list[bool]  # per segment, nothing works, no costs: was it ever promoted
    false_costly: list[bool]
    found: dict[float, list[bool]]  # multiple of the detectable effect → promoted at the end
    verdict_small: list[bool]  # effect far below what can be detected: says it can be known
    verdict_large: list[bool]  # four times what can be detected: says it can be known


def figures() -> Iterator[Figure]:
    """Run all seeds on two processes."""
    context = get_context("spawn")
    with ProcessPoolExecutor(2, mp_context=context) as pool:
        seen = list(pool.map(outcome, range(SEEDS), chunksize=5))
    for place, name in enumerate(("fixed horizon", "weekly, last look", "weekly, every look")):
        shares = {r: np.mean([o.covered[r][place] for o in seen]) for r in seen[0].covered}
        if place:  # the interval that is reported
            worst = min(shares, key=lambda r: shares[r])
            yield at_least(f"cover {name}, worst ({worst})", float(shares[worst]), 0.93)
        yield at_least(f"cover {name}, all rungs", float(np.mean(list(shares.values()))), 0.93)
    for place, name in enumerate(("fixed horizon", "weekly, last look")):
        share = np.mean([c[place] for o in seen for c in o.covered_segments])
        yield at_least(f"cover {name}, per segment", float(share), 0.93)
    yield at_least("cover campaign's increment, weekly", _share([o.covered_campaign for o in seen]), 0.93)
    yield at_most("promoted, nothing works, no costs", _share([x for o in seen for x in o.false_free]), 0.05)
    yield at_most("promoted, nothing works, with costs", _share([x for o in seen for x in o.false_costly]), 0.05)
    yield at_least("promoted at 4 × detectable effect", _share([x for o in seen for x in o.found[4.0]]), 0.80)
    # The promise of the power calculation; two binomial standard errors are 0.057 at 200 seeds.
    yield at_least("promoted at 1 × detectable effect", _share([x for o in seen for x in o.found[1.0]]), 0.743)
    yield at_most("promoted at 0 × detectable effect", _share([x for o in seen for x in o.found[0.0]]), 0.05)
    yield at_most(
        "verdict: 1/4 of detectable called knowable", _share([x for o in seen for x in o.verdict_small]), 0
    )
    yield at_least(
        "verdict: 4 × detectable called knowable", _share([x for o in seen for x in o.verdict_large]), 1
    )


def outcome(seed: int) -> Outcome:
    """All of one seed."""
    assigned = people(seed)
    with tempfile.TemporaryDirectory() as folder:
        warehouse = Warehouse(Path(folder) / "facts", memory="400MB", threads=1)
        lived = partial(cells_of, warehouse, assigned, weeks_served(assigned, seed), seed=seed)
        works, nothing = truth(working(seed)), truth({})
        spreads = history(warehouse, assigned, nothing, seed)
        targets = planted(spreads)
        sized = truth({s: {"segment": effect} for s, effect in targets.items()})
        working_cells, null_cells, sized_cells = (lived(t) for t in (works, nothing, sized))
        warehouse.close()
    charged = rung_costs(
        COSTS,
        variants={b: BRIEFS.count(b) for b in BRIEFS},
        profiles=dict.fromkeys(RATES, PEOPLE),
        weeks=WEEKS,
        currency="GBP",
    )
    at_end = promoted(sized_cells, {}, WEEKS)
    return Outcome(
        covered={str(r): covered(working_cells, works, r) for r in Rung if r.below},
        covered_segments=covered_segments(working_cells, works),
        covered_campaign=covered_campaign(working_cells, works),
        false_free=ever(null_cells, {}),
        false_costly=ever(null_cells, charged),
        found={m: [at_end[s] for s in RATES if PLANTED[s] == m] for m in set(PLANTED.values())},
        verdict_small=knowable(spreads, 0.25),
        verdict_large=knowable(spreads, 4.0),
    )


def people(seed: int) -> pa.Table:
    """ASSIGNMENT rows of everybody; the lanes are a new draw each seed."""
    names = [f"{seed}-{s}-{i}" for s in RATES for i in range(PEOPLE)]
    segments = [s for s in RATES for _ in range(PEOPLE)]
    members = pa.table({"profile_id": names, "segment": segments, "as_of": [STARTS] * len(names)})
    return assignments(
        members.cast(MEMBER.to_pyarrow()), campaign="proof", ladder=LADDER, salt="proof", simulated=True
    )


def working(seed: int) -> dict[str, dict[str, float]]:
    """Effects of every rung in every segment, some harmful, drawn from the seed."""
    rng = np.random.default_rng([seed, 7])
    return {s: {str(r): float(rng.uniform(-6, 18)) for r in Rung if r.below} for s in RATES}


def truth(by_segment: dict[str, dict[str, float]]) -> Truth:
    """A market with these effects; variants do not differ, so that the planted increment is exact."""
    return Truth(
        segments={
            s: SegmentTruth(orders_per_week=rate, margin_per_order_minor=MARGIN, effects=by_segment.get(s, {}))
            for s, rate in RATES.items()
        }
    )


def weeks_served(assigned: pa.Table, seed: int) -> list[pa.Table]:
    """What everybody is shown, week by week; it does not depend on what the market does."""
    snapshot = prior_snapshot(
        campaign="proof",
        now=STARTS,
        segments=tuple(RATES),
        variants=VARIANTS,
        briefs=BRIEFS,
        steps=(0,) * len(BRIEFS),
        prior=Prior(),
    )
    state = ready(snapshot)
    weeks = [serve_week(state, assigned, None, week=week, seed=str(seed)) for week in range(WEEKS)]
    return [served.filter(pc.is_valid(served["variant_id"])) for served in weeks]


def cells_of(
    warehouse: Warehouse, assigned: pa.Table, weeks: list[pa.Table], world: Truth, *, seed: int
) -> dict[Cell, Moments]:
    """Live six weeks and sum them up."""
    market = Market(world, assigned, campaign="proof", currency="GBP", starts_at=STARTS, seed=seed)
    exposures, conversions = [], []
    for week, served in enumerate(weeks):
        lived = market.week(week, served)
        exposures.append(lived.exposures)
        conversions.append(lived.conversions)
    for fact, rows in (("exposure", exposures), ("conversion", conversions), ("assignment", [assigned])):
        warehouse.write(fact, pa.concat_tables(rows))
    sums = cell_sums(
        *(warehouse.table(fact) for fact in ("assignment", "exposure", "conversion")),
        campaign="proof",
        looks=WEEKS,
        currency="GBP",
    )
    return read_cells(warehouse.arrow(sums), currency="GBP")


def history(warehouse: Warehouse, assigned: pa.Table, world: Truth, seed: int) -> dict[str, Spread]:
    """What the weeks before the campaign say of how margin varies."""
    began = STARTS - timedelta(weeks=WEEKS)
    market = Market(world, assigned, campaign="proof", currency="GBP", starts_at=began, seed=seed + 10**6)
    nobody = SERVED.to_pyarrow().empty_table()
    orders = pa.concat_tables([market.week(week, nobody).conversions for week in range(WEEKS)])
    margins = orders.select(["profile_id", "occurred_at", "margin_minor"])
    sums = spread_sums(ibis.memtable(margins), ibis.memtable(assigned), until=STARTS, weeks=WEEKS)
    return read_spreads(warehouse.arrow(sums), weeks=WEEKS)


def planted(spreads: dict[str, Spread]) -> dict[str, float]:
    """Effect per exposed week such that the measured increment is the wanted multiple of what can be detected."""
    unit = truth({s: {"segment": 1.0} for s in RATES})
    return {
        s: PLANTED[s]
        * smallest(spreads[s])
        / true_increment(unit, Rung.SEGMENT, s, weeks=WEEKS, known_within=WEEKS, net=True)
        for s in RATES
    }


def smallest(spread: Spread) -> float:
    """What the calculation before spend says can be detected in one segment, `segment` against `broad`."""
    n, against = (round(PEOPLE * LADDER.shares()[r]) for r in (Rung.SEGMENT, Rung.BROAD))
    return detectable([(1.0, spread, n, against)], weeks=WEEKS, rungs=len(TRIED), standards=STANDARDS)


def knowable(spreads: dict[str, Spread], multiple: float) -> list[bool]:
    """Per segment, the verdict before spend when the effect worth having is a multiple of the detectable one."""
    said = []
    for s in RATES:
        worth = min(0.999999, multiple * smallest(spreads[s]) / spreads[s].mean)
        found = verdicts(
            spreads,
            profiles=dict.fromkeys(RATES, PEOPLE),
            shares=LADDER.shares(),
            weeks=WEEKS,
            costs=Costs(),
            variants={},
            media_per_week=0.0,
            currency="GBP",
            standards=Standards(worth_share=worth),
        )
        said += [v.knowable for v in found if v.segment == s and v.rung is Rung.SEGMENT]
    return said


def true_overall(world: Truth, rung: Rung, look: int) -> float:
    """The planted increment over the rung below, known after `look` weeks; segments are of one size."""
    each = [true_increment(world, rung, s, weeks=look, known_within=look, net=True) for s in RATES]
    return float(np.mean(each))


def covered(cells: dict[Cell, Moments], world: Truth, rung: Rung) -> tuple[bool, bool, bool]:
    """Whether the overall intervals hold the planted value: fixed, weekly at the end, weekly at every look."""
    fixed, weekly = False, []
    for look in range(1, WEEKS + 1):
        found = effects(cells, look=look, looks=WEEKS, costs={}, standards=STANDARDS, simulated=True)
        effect = next(e for e in found if e.segment is None and e.rung is rung)
        value = true_overall(world, rung, look)
        weekly.append(effect.low <= value <= effect.high)
        fixed = effect.fixed_low <= value <= effect.fixed_high
    return fixed, weekly[-1], all(weekly)


def covered_segments(cells: dict[Cell, Moments], world: Truth) -> list[tuple[bool, bool]]:
    """The same at the end, per segment and rung."""
    result = []
    for e in effects(cells, look=WEEKS, looks=WEEKS, costs={}, standards=STANDARDS, simulated=True):
        if e.segment is not None:
            value = true_increment(world, e.rung, e.segment, weeks=WEEKS, known_within=WEEKS, net=True)
            result.append((e.fixed_low <= value <= e.fixed_high, e.low <= value <= e.high))
    return result


def covered_campaign(cells: dict[Cell, Moments], world: Truth) -> bool:
    """Whether the interval of the whole campaign's increment holds the planted value."""
    found = campaign_increment(cells, look=WEEKS, looks=WEEKS, standards=STANDARDS, simulated=True)
    assert found is not None
    shares = LADDER.shares()
    served = {Rung.BROAD: shares[Rung.BROAD] + shares["follow"]} | {r: shares[r] for r in TRIED}
    each = [
        share * true_increment(world, r, s, weeks=WEEKS, against=Rung.NONE, known_within=WEEKS, net=True)
        for r, share in served.items()
        for s in RATES
    ]
    value = sum(each) / len(RATES) / sum(served.values()) * found.profiles * WEEKS
    return found.low <= value <= found.high


def promoted(cells: dict[Cell, Moments], costs: RungCosts, look: int) -> dict[str, bool]:
    """Segment → whether it stands above `broad` after `look` weeks."""
    checks = ratio_checks(cells, look=look, shares=LADDER.shares())
    found = promote(cells, look=look, looks=WEEKS, costs=costs, checks=checks, standards=STANDARDS)
    return {s: p.promoted for s, p in found.items()}


def ever(cells: dict[Cell, Moments], costs: RungCosts) -> list[bool]:
    """Per segment, whether it was promoted at any weekly look."""
    looks = [promoted(cells, costs, look) for look in range(1, WEEKS + 1)]
    return [any(look[s] for look in looks) for s in RATES]


def _share(flags: list[bool]) -> float:
    return float(np.mean(flags))
