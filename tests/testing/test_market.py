"""The market keeps to its planted truth, loses nobody, and repeats itself."""

import dataclasses
import json
from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from omnimix.activation.experiment.ladder import Rung
from omnimix.core.errors import Conflict, InvalidInput
from omnimix.store.facts import CONVERSION, EXPOSURE, MEMBER
from omnimix.testing.market import Market, people
from omnimix.testing.truth import Medium, SegmentTruth, Truth, expected_margin, planted, true_increment

START = datetime(2026, 11, 2)
SEGMENTS = ["a", "b"]
TRUTH = Truth(
    segments={
        "a": SegmentTruth(
            orders_per_week=0.2, margin_per_order_minor=3000, effects={"broad": 150, "segment": 200}
        ),
        "b": SegmentTruth(orders_per_week=0.1, margin_per_order_minor=5000, effects={"broad": 50}),
    },
    irrelevance=40,
)


def assigned(count, lanes=("broad",)):
    return pa.table(
        {
            "campaign": ["c"] * count,
            "profile_id": [f"p{i}" for i in range(count)],
            "segment": [SEGMENTS[i % 2] for i in range(count)],
            "lane": [lanes[(i // 2) % len(lanes)] for i in range(count)],
            "simulated": [True] * count,
        }
    )


def served(table, *, irrelevant=False, variant="v"):
    """Everybody gets the rung of their lane; `none` gets nothing."""
    count = table.num_rows
    lanes = table["lane"]
    silent = pc.equal(lanes, "none")
    return pa.table(
        {
            "profile_id": table["profile_id"],
            "lane": lanes,
            "rung": lanes,
            "variant_id": pc.if_else(silent, None, pa.scalar(variant)),
            "probability": [0.5] * count,
            "snapshot_id": ["s"] * count,
            "irrelevant": [irrelevant] * count,
        }
    )


def market(table, truth=TRUTH, seed=1):
    return Market(truth, table, campaign="c", currency="GBP", starts_at=START, seed=seed)


def lived(table, truth=TRUTH, weeks=3, seed=1, **kwargs):
    there = market(table, truth, seed)
    done = [there.week(w, served(table, **kwargs)) for w in range(weeks)]
    exposures = pa.concat_tables([w.exposures for w in done])
    return exposures, pa.concat_tables([*(w.conversions for w in done), there.settle()]), done


def test_the_tables_are_facts_marked_simulated():
    exposures, conversions, _ = lived(assigned(400, ("broad", "none")))
    assert exposures.schema.equals(EXPOSURE.to_pyarrow())
    assert conversions.schema.equals(CONVERSION.to_pyarrow())
    for table, key in ((exposures, "exposure_id"), (conversions, "conversion_id")):
        assert table.num_rows > 20
        assert pc.all(table["simulated"]).as_py()
        assert len(pc.unique(table[key])) == table.num_rows
        at, week = table["occurred_at"].to_pylist(), table["week"].to_pylist()
        assert all(START <= a < START + timedelta(weeks=w + 1) for a, w in zip(at, week, strict=True))
    assert "none" not in exposures["lane"].to_pylist()
    organic = set(conversions["profile_id"].to_pylist()) - set(exposures["profile_id"].to_pylist())
    assert organic  # people who saw nothing buy as well


@given(st.integers(0, 40), st.randoms(use_true_random=False))
def test_the_same_seed_gives_the_same_weeks_in_whatever_order_people_are_served(count, shuffler):
    table = assigned(count, ("broad", "none", "segment"))
    order = list(range(count))
    shuffler.shuffle(order)
    for week_rows in (order, order[: count // 2]):
        one, two = market(table), market(table)
        straight = served(table).take(pa.array(sorted(week_rows), pa.int64()))
        turned = served(table).take(pa.array(week_rows, pa.int64()))
        a, b = one.week(0, straight), two.week(0, turned)
        assert a.exposures.equals(b.exposures)
        assert a.conversions.equals(b.conversions)
        assert one.settle().equals(two.settle())


def test_another_seed_gives_another_week():
    table = assigned(300)
    assert not lived(table, seed=1)[1].equals(lived(table, seed=2)[1])


@pytest.mark.parametrize("irrelevant", [False, True])
def test_margins_are_what_the_formula_says(irrelevant):
    """40,000 people over three weeks, each rung and segment within four standard errors of the planted mean."""
    table = assigned(40_000, ("none", "broad", "segment"))
    _, conversions, done = lived(table, irrelevant=irrelevant)
    margin = dict.fromkeys(table["profile_id"].to_pylist(), 0)
    for who, minor in zip(
        conversions["profile_id"].to_pylist(), conversions["margin_minor"].to_pylist(), strict=True
    ):
        margin[who] += minor
    found = np.array(list(margin.values())) / 3
    expected = np.mean([w.expected_minor for w in done], axis=0)
    lanes, segments = np.array(table["lane"].to_pylist()), np.array(table["segment"].to_pylist())
    for lane in ("none", "broad", "segment"):
        for segment in SEGMENTS:
            mine = (lanes == lane) & (segments == segment)
            error = found[mine].std() / np.sqrt(mine.sum())
            wanted = expected_margin(TRUTH, lane, segment, weeks=3)
            if irrelevant and lane != "none":
                wanted -= TRUTH.reach * TRUTH.irrelevance
            assert abs(found[mine].mean() - wanted) < 4 * error
            assert expected[mine].mean() == pytest.approx(wanted, rel=0.01)


def test_what_is_known_in_time_is_what_the_formula_says():
    table = assigned(40_000, ("broad",))
    there = market(table)
    known = [there.week(w, served(table)).conversions for w in range(3)]
    total = sum(pc.sum(t["margin_minor"]).as_py() for t in known)
    wanted = sum(20_000 * 3 * expected_margin(TRUTH, "broad", s, weeks=3, known_within=3) for s in SEGMENTS)
    assert total == pytest.approx(wanted, rel=0.03)
    assert wanted < sum(20_000 * 3 * expected_margin(TRUTH, "broad", s, weeks=3) for s in SEGMENTS)


def test_orders_are_heavy_tailed_delayed_refunded_and_clicked_by_bots_as_planted():
    exposures, conversions, _ = lived(assigned(40_000))
    refund = conversions["refund"].to_numpy(zero_copy_only=False)
    margin = conversions["margin_minor"].to_numpy()
    orders = conversions.filter(pc.invert(conversions["refund"]))
    assert refund.sum() / (~refund).sum() == pytest.approx(TRUTH.refunds, rel=0.1)
    assert (margin[refund] < 0).all()
    assert (margin[~refund] > 0).all()
    by_id = dict(zip(orders["conversion_id"].to_pylist(), orders["margin_minor"].to_pylist(), strict=True))
    back = conversions.filter(conversions["refund"])
    for name, minor in zip(back["conversion_id"].to_pylist(), back["margin_minor"].to_pylist(), strict=True):
        assert by_id[name.removesuffix(":refund")] == -minor  # in full, of an order there is
    in_a = margin[~refund][
        pc.match_substring_regex(orders["profile_id"], "[02468]$").to_numpy(zero_copy_only=False)
    ]
    assert in_a.std() / in_a.mean() == pytest.approx(TRUTH.order_cv, rel=0.15)
    made = (orders["occurred_at"].to_numpy() - np.datetime64(START)) // np.timedelta64(7, "D")
    late = np.bincount(orders["week"].to_numpy() - made.astype(np.int64), minlength=3) / len(made)
    assert late == pytest.approx(TRUTH.lag, abs=0.02)
    bots, human = (pc.sum(exposures[c]).as_py() for c in ("bot_clicks", "clicks"))
    assert bots / (bots + human) == pytest.approx(TRUTH.bots, rel=0.15)


def test_media_cost_and_reach_are_as_planted():
    table = assigned(20_000)
    exposures, _, _ = lived(table, weeks=1)
    assert exposures.num_rows / table.num_rows == pytest.approx(TRUTH.reach, abs=0.01)
    cost = pc.sum(exposures["cost_micros"]).as_py() / 10_000  # minor units: 100 in a pound
    assert cost / table.num_rows == pytest.approx(TRUTH.media_cost(), rel=0.03)
    shares = {
        m: n / exposures.num_rows
        for m, n in zip(*np.unique(exposures["channel"], return_counts=True), strict=True)
    }
    assert shares == pytest.approx({k: m.share for k, m in TRUTH.media.items()}, abs=0.015)


def test_only_what_is_deployed_and_paid_for_is_shown():
    table = assigned(1000)
    nothing = market(table).week(0, served(table), live=frozenset({"another"}))
    assert (nothing.exposures.num_rows, nothing.refused) == (0, 1000)
    budget = 200.0
    some = market(table).week(0, served(table), live=frozenset({"v"}), budget_minor=budget)
    spent = pc.sum(some.exposures["cost_micros"]).as_py() / 10_000
    assert 0.95 * budget < spent <= budget
    assert some.refused > 0


def test_an_order_counts_for_the_last_variant_clicked_lately():
    truth = dataclasses.replace(
        TRUTH, reach=1.0, media={"x": Medium(share=1, cost_per_mille_minor=0, click_rate=1, impressions=1)}
    )
    table = assigned(2000)
    there = market(table, truth)
    weeks = [there.week(0, served(table, variant="first"))]
    empty = served(table).slice(0, 0)
    weeks += [there.week(w, empty) for w in (1, 2)]
    conversions = pa.concat_tables([*(w.conversions for w in weeks), there.settle()])
    orders = conversions.filter(pc.invert(conversions["refund"]))
    made = (orders["occurred_at"].to_numpy() - np.datetime64(START)) // np.timedelta64(7, "D")
    clicked = np.array([v is not None for v in orders["variant_id"].to_pylist()])
    assert clicked[made.astype(int) <= 1].all()
    assert not clicked[made.astype(int) == 2].any()


def test_lookalikes_have_the_segments_of_those_they_resemble():
    members = pa.table(
        {
            "profile_id": [f"m{i}" for i in range(100)],
            "segment": ["a"] * 80 + ["b"] * 20,
            "as_of": pa.array([START] * 100, pa.timestamp("us")),
        }
    )
    made = people(members, n=20_000, seed=3)
    assert made.drop_columns("like").schema.equals(MEMBER.to_pyarrow())
    assert len(pc.unique(made["profile_id"])) == 20_000
    assert all(i.startswith("sim_") for i in made["profile_id"].to_pylist()[:50])
    segment = dict(zip(members["profile_id"].to_pylist(), members["segment"].to_pylist(), strict=True))
    assert made["segment"].to_pylist() == [segment[m] for m in made["like"].to_pylist()]
    assert np.mean(np.array(made["segment"].to_pylist()) == "a") == pytest.approx(0.8, abs=4 * 0.4 / 20_000**0.5)
    assert people(members, n=50, seed=3).equals(people(members, n=50, seed=3))
    assert people(members.slice(0, 0), n=0, seed=1).num_rows == 0


def test_what_cannot_be_is_refused():
    table = assigned(4)
    there = market(table)
    with pytest.raises(Conflict, match="week 0"):
        there.week(1, served(table))
    with pytest.raises(InvalidInput, match="twice"):
        there.week(0, pa.concat_tables([served(table), served(table)]))
    with pytest.raises(InvalidInput, match="not in the market"):
        market(assigned(2)).week(0, served(table))
    with pytest.raises(InvalidInput, match="no planted truth"):
        market(table, dataclasses.replace(TRUTH, segments={"a": TRUTH.segments["a"]}))
    with pytest.raises(InvalidInput, match="negative"):
        Truth(segments={"a": SegmentTruth(orders_per_week=0.1, margin_per_order_minor=10, effects={"broad": -2})})
    with pytest.raises(InvalidInput, match="add up to 1"):
        Truth(segments={}, lag=(0.5,))
    with pytest.raises(InvalidInput, match="nobody to resemble"):
        people(table.slice(0, 0), n=1, seed=1)


def test_the_truth_reads_back_from_json_and_a_market_without_effects_has_none():
    adapter = TypeAdapter(Truth)
    truth = planted({"a": (0.1, 3000.0), "b": (0.05, 8000.0)}, seed=4)
    text = adapter.dump_json(truth)
    assert adapter.validate_python(json.loads(text)) == truth
    assert true_increment(truth, Rung.BROAD, "a", weeks=6) > 0
    assert true_increment(truth, Rung.BROAD, "a", weeks=6, net=True) < true_increment(
        truth, Rung.BROAD, "a", weeks=6
    )
    dead = planted({"a": (0.1, 3000.0)}, seed=4, works=False)
    for rung in list(Rung)[1:]:
        assert true_increment(dead, rung, "a", weeks=6) == 0
    assert dead.variant_effect("v", "a") == 0


@given(st.integers(0, 50))
def test_variant_effects_are_fixed_by_the_seed_and_never_make_buying_impossible(seed):
    truth = planted({"a": (0.1, 3000.0), "b": (0.05, 8000.0)}, seed=seed)
    effects = [truth.variant_effect(f"v{i}", s) for i in range(40) for s in SEGMENTS]
    assert effects == [truth.variant_effect(f"v{i}", s) for i in range(40) for s in SEGMENTS]
    assert np.std(effects) > 0
    for s in SEGMENTS:
        worst = min(truth.variant_effect(f"v{i}", s) for i in range(40))
        assert truth.baseline(s) + worst - truth.irrelevance_in(s) > 0
        assert truth.variant_effect("v0", s) / truth.baseline(s) == pytest.approx(
            truth.variant_effect("v0", "a") / truth.baseline("a"), abs=0.1
        )
