"""What can be known before spend: the formula against simulation, the words against the numbers."""

import math
from datetime import timedelta

import ibis
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from omnimix.activation.experiment.ladder import Ladder, Rung
from omnimix.core.errors import InvalidInput
from omnimix.measurement.lift.costs import Costs, rung_costs, trial_bill, variants_needed
from omnimix.measurement.lift.power import Verdict, detectable, verdicts
from omnimix.measurement.lift.promote import promote
from omnimix.measurement.lift.spread import Spread, pooled, read_spreads, spread, spread_sums
from omnimix.measurement.lift.standards import Standards
from omnimix.measurement.lift.stats import Cell, Moments

STANDARDS, LADDER = Standards(), Ladder()
USUAL = Spread(n=2000, mean=100.0, between=4_000.0, within=60_000.0)


def verdict(people: int, rung: Rung = Rung.SEGMENT, **change: object) -> Verdict:
    arguments: dict[str, object] = {
        "profiles": {"a": people},
        "shares": LADDER.shares(),
        "weeks": 6,
        "costs": Costs(),
        "variants": {"broad": 2, "a": 3},
        "media_per_week": 2.0,
        "currency": "GBP",
        "standards": STANDARDS,
    } | change
    return next(v for v in verdicts({"a": USUAL}, **arguments) if v.segment == "a" and v.rung is rung)


def test_the_detectable_effect_is_found_as_often_as_promised() -> None:
    """Normal margins, one rung tried, promotion's own rule at the last look."""
    rng, runs, weeks, n, m = np.random.default_rng(4), 600, 6, 900, 700
    effect = detectable([(1.0, USUAL, n, m)], weeks=weeks, rungs=1, standards=STANDARDS)
    sd, found = math.sqrt(USUAL.variance(weeks)), 0
    for _ in range(runs):
        made = {}
        for lane, count, mean in (("broad", m, 100.0), ("segment", n, 100.0 + effect)):
            y = rng.normal(mean, sd, count)
            made[Cell("a", lane, weeks)] = Moments(count, y.sum(), (y * y).sum())
        rules = {"look": weeks, "looks": weeks, "costs": {}, "checks": (), "standards": STANDARDS}
        found += promote(made, **rules)["a"].promoted
    assert found / runs == pytest.approx(0.8, abs=3 * math.sqrt(0.8 * 0.2 / runs))


@given(st.integers(50, 10**6), st.integers(2, 30), st.floats(1.1, 5))
def test_more_people_and_more_weeks_never_hurt(people: int, weeks: int, more: float) -> None:
    def smallest(n: int, w: int) -> float:
        return detectable([(1.0, USUAL, n, n)], weeks=w, rungs=4, standards=STANDARDS)

    assert smallest(math.ceil(people * more), weeks) < smallest(people, weeks)
    assert smallest(people, weeks + 1) <= smallest(people, weeks)
    floor = detectable(
        [(1.0, Spread(9, 0, USUAL.between, 0), people, people)], weeks=6, rungs=4, standards=STANDARDS
    )
    assert smallest(people, weeks) > floor  # what differs between people for good never averages out


def test_the_verdict_says_what_the_numbers_say() -> None:
    much, little = verdict(10**7), verdict(1000)
    assert much.knowable
    assert str(much).startswith("can be known in 1 week at cost £")
    assert not little.knowable
    assert str(little).startswith("cannot be known at this traffic in 6 weeks: ")
    assert little.people_needed is not None
    enough = verdict(math.ceil(little.people_needed / 300 * 1000 * 1.02))
    assert enough.weeks_needed is not None
    assert enough.weeks_needed <= 6
    assert f"{little.people_needed:,} people needed" in str(little)


def test_without_history_nothing_is_promised() -> None:
    found = verdicts(
        {"a": Spread(0, 0.0, 0.0, 0.0)},
        profiles={"a": 10**6},
        shares=LADDER.shares(),
        weeks=6,
        costs=Costs(),
        variants={},
        media_per_week=0.0,
        currency="GBP",
        standards=STANDARDS,
    )
    assert not any(v.knowable for v in found)
    assert str(found[0]).startswith("cannot be known: history")


def test_the_smallest_effect_worth_having_is_the_larger_of_cost_and_share() -> None:
    assert verdict(1000).worth == pytest.approx(0.05 * 100)
    dear = verdict(1000, costs=Costs(creative_per_variant="400"))
    # three own variants instead of two broad ones, at 40,000 minor units each, for 1,000 people and 6 weeks
    assert dear.worth == pytest.approx((3 - 2) * 40_000 / 1000 / 6)
    assert dear.cost == 3 * 40_000 + 2.0 * 6 * (150 + 150)


def test_verdicts_cover_all_rungs_overall_and_per_segment() -> None:
    found = verdicts(
        {"a": USUAL},
        profiles={"a": 5000, "unknown": 3000},
        shares=LADDER.shares(),
        weeks=4,
        costs=Costs(),
        variants={},
        media_per_week=0.0,
        currency="GBP",
        standards=STANDARDS,
    )
    assert [(v.segment, v.rung) for v in found] == [(s, r) for s in (None, "a", "unknown") for r in list(Rung)[1:]]
    overall, alone = found[0], found[5]
    assert overall.detectable < alone.detectable


def test_spread_finds_planted_parts() -> None:
    rng, n, weeks = np.random.default_rng(6), 20_000, 8
    x = rng.normal(100, 30, n)[:, None] + rng.normal(0, 200, (n, weeks))
    totals = x.sum(axis=1)
    found = spread(n, totals.sum(), (totals**2).sum(), (x**2).sum(), weeks=weeks)
    assert found.mean == pytest.approx(100, abs=2)
    assert found.within == pytest.approx(200**2, rel=0.03)
    assert found.between == pytest.approx(30**2, rel=0.35)
    assert found.variance(weeks) == pytest.approx((totals / weeks).var(ddof=1))
    both = pooled([found, Spread(0, 0.0, 0.0, 0.0)])
    assert (both.between, both.within) == pytest.approx((found.between, found.within))


def test_spread_sums_count_zeros_and_leave_other_times_out(warehouse: object, now: object) -> None:
    at = [now - timedelta(days=d, seconds=1) for d in (0, 7, 8, 22, 30)] + [now]
    margins = pa.table(
        {
            "profile_id": ["p", "p", "p", "q", "q", "p"],
            "occurred_at": pa.array(at, pa.timestamp("us")),
            "margin_minor": [10, 20, 5, 7, 1000, 1000],  # the last two are too old and too new
        }
    )
    members = pa.table({"profile_id": ["p", "q", "r"], "segment": ["a", "a", "b"]})
    sums = warehouse.arrow(spread_sums(ibis.memtable(margins), ibis.memtable(members), until=now, weeks=4))
    rows = {row["segment"]: {k: int(v) for k, v in row.items() if k != "segment"} for row in sums.to_pylist()}
    assert rows == {
        "a": {"people": 2, "total": 42, "squares": 35**2 + 7**2, "weekly_squares": 10**2 + 25**2 + 7**2},
        "b": {"people": 1, "total": 0, "squares": 0, "weekly_squares": 0},
    }
    assert read_spreads(sums, weeks=4)["b"] == Spread(1, 0.0, 0.0, 0.0)


def test_costs_are_charged_to_the_rungs_that_need_them() -> None:
    costs = Costs(creative_per_variant="10", review_per_variant="2", data_per_profile="0.06")
    charged = rung_costs(
        costs, variants={"broad": 4, "a": 3}, profiles={"a": 100, "b": 300}, weeks=2, currency="GBP"
    )
    broad, own = 4 * 1200 / 400 / 2, 3 * 1200 / 100 / 2
    assert [charged["a", r] for r in Rung] == [0, broad, broad + 3, own + 3, own + 3, broad + own + 3]
    assert [charged["b", r] for r in Rung] == [0, broad, *[broad + 3] * 4]  # no creative of its own: broad again
    assert trial_bill(costs, Rung.SEGMENT, lanes={"a": 15, "b": 45}, variants={"a": 3}, currency="GBP") == 3960
    assert variants_needed(Rung.NONE, "a", {"broad": 4}) == (0, 0)


@pytest.mark.parametrize(
    "wrong", [{"creative_per_variant": "-1"}, {"data_per_profile": "much"}, {"platform_share": -0.1}]
)
def test_wrong_costs_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(InvalidInput):
        Costs(**wrong)


@pytest.mark.parametrize("wrong", [{"level": 1.0}, {"power": 0.0}, {"most_weeks": 0}, {"promotion_error": 5}])
def test_wrong_standards_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(InvalidInput, match=next(iter(wrong))):
        Standards(**wrong)
