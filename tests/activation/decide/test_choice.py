"""Choices: chances are chances, eligibility is obeyed, the ladder's rungs mean what they say, replays agree."""

from dataclasses import replace
from datetime import datetime

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import multivariate_normal

from omnimix.activation.decide.choice import FLOOR, chances, choose, choose_many, pool, ready
from omnimix.activation.decide.serve import SERVED, engagements, serve_week
from omnimix.activation.decide.snapshot import Snapshot
from omnimix.activation.experiment.eligibility import IRRELEVANT, Reason, allowed
from omnimix.activation.experiment.ladder import FOLLOW, Rung
from omnimix.core.errors import InvalidInput

NOW = datetime(2026, 11, 1, 12)
BRIEFS = ("broad", "broad", "broad", "a", "a", "a", "b")
STEPS = (0, 1, 2, 0, 1, 1, 0)
LANES = [*(str(r) for r in Rung), FOLLOW]


def snapshot(seed=0, segments=("a", "b", "c"), promoted=(Rung.SEGMENT, Rung.BROAD, Rung.MOMENT)):
    rng = np.random.default_rng(seed)
    count = len(BRIEFS)
    roots = rng.normal(size=(len(segments), count, count))
    return Snapshot(
        snapshot_id=f"snap_{seed}",
        campaign="c",
        made_at=NOW,
        segments=segments,
        variants=tuple(f"v{i}" for i in range(count)),
        briefs=BRIEFS,
        steps=STEPS,
        mean=rng.normal(size=(len(segments), count)),
        covariance=roots @ np.swapaxes(roots, 1, 2),
        promoted=promoted,
    )


STATE = ready(snapshot())
CODES = st.lists(st.integers(0, 127), min_size=7, max_size=7).map(lambda c: np.array(c, dtype=np.uint32))
SEGMENTS = st.sampled_from(["a", "b", "c", "unheard of"])
DRAWS = st.floats(0, 1, exclude_max=True)


@given(SEGMENTS, st.sets(st.integers(0, 6), min_size=1))
def test_chances_sum_to_one_and_none_is_zero(segment, columns):
    found = chances(STATE, segment, np.array(sorted(columns)))
    assert found.sum() == pytest.approx(1)
    assert found.min() >= FLOOR / len(columns) * (1 - 1e-9)


def test_two_variants_are_exact_and_three_within_the_stated_error():
    shot = STATE.snapshot
    pick = np.array([0, 3])
    c = shot.covariance[0]
    spread = np.sqrt(c[0, 0] + c[3, 3] - 2 * c[0, 3])
    rng = np.random.default_rng(3)
    drawn = rng.multivariate_normal(shot.mean[0], c, 400_000)
    share = (drawn[:, 0] > drawn[:, 3]).mean()
    assert spread > 0
    assert (chances(STATE, "a", pick)[0] - FLOOR / 2) / (1 - FLOOR) == pytest.approx(share, abs=0.004)
    three = np.array([0, 3, 6])
    ideal = np.bincount(drawn[:, three].argmax(axis=1), minlength=3) / len(drawn)
    assert chances(STATE, "a", three) == pytest.approx((1 - FLOOR) * ideal + FLOOR / 3, abs=4 * 0.023)


def test_three_equal_variants_are_the_orthant_third():
    """To be the best of three alike is the orthant probability at correlation 1/2."""
    shot = replace(snapshot(), mean=np.zeros((3, 7)), covariance=np.stack([np.eye(7)] * 3))
    third = multivariate_normal([0, 0], [[1, 0.5], [0.5, 1]]).cdf([0, 0])
    assert third == pytest.approx(1 / 3, abs=1e-6)
    assert chances(ready(shot), "a", np.array([0, 1, 2])) == pytest.approx(third, abs=4 * 0.023)


@given(SEGMENTS, CODES, st.sampled_from(LANES), DRAWS, st.integers(0, 5))
def test_nobody_is_shown_what_is_ruled_out(segment, codes, lane, draw, step):
    made = choose(STATE, segment, codes, lane=lane, draw=draw, step=step)
    wanted = {STATE.snapshot.variants[i] for i in np.nonzero(pool(STATE, segment, made.rung, step))[0]}
    fit = {STATE.snapshot.variants[i] for i in np.nonzero(allowed(codes, made.rung))[0]}
    assert set(made.considered) == wanted & fit
    assert made.variant_id in made.considered if made.considered else made.variant_id is None
    assert 0 < made.probability <= 1
    assert bool(made.why) == (made.variant_id is None)


@given(SEGMENTS, st.lists(CODES, min_size=1, max_size=6), st.sampled_from(LANES), st.integers(0, 10**6))
def test_many_choices_are_the_single_ones(segment, codes, lane, seed):
    rng = np.random.default_rng(seed)
    draws, steps = rng.random(len(codes)), rng.integers(0, 4, len(codes))
    made = choose_many(STATE, segment, np.stack(codes), lane=lane, draws=draws, steps=steps)
    for i, code in enumerate(codes):
        one = choose(STATE, segment, code, lane=lane, draw=draws[i], step=int(steps[i]))
        column = made.column[i]
        assert (STATE.snapshot.variants[column] if column >= 0 else None) == one.variant_id
        assert made.probability[i] == one.probability
        assert made.sets[made.considered[i]] == one.considered
        assert made.rung == one.rung


def test_the_logged_probability_is_the_rate_of_choice():
    draws = np.random.default_rng(4).random(40_000)
    made = choose_many(STATE, "a", None, lane="moment", draws=draws, steps=np.zeros(40_000, dtype=np.int64))
    for column in np.unique(made.column):
        mine = made.column == column
        p = made.probability[mine][0]
        assert abs(mine.mean() - p) < 4 * np.sqrt(p * (1 - p) / len(draws))


def shown(rung, segment="a", step=0):
    return [STATE.snapshot.variants[i] for i in np.nonzero(pool(STATE, segment, rung, step))[0]]


def test_each_rung_shows_what_its_name_says():
    assert shown(Rung.NONE) == []
    assert shown(Rung.BROAD) == shown(Rung.RELEVANT) == ["v0", "v1", "v2"]
    assert shown(Rung.SEGMENT) == ["v3", "v4", "v5"]
    assert shown(Rung.SEGMENT, "c") == ["v0", "v1", "v2"]  # no brief of its own: broad
    assert shown(Rung.MOMENT) == ["v0", "v1", "v2", "v3", "v4", "v5"]
    assert [shown(Rung.SEQUENCE, step=s) for s in range(4)] == [["v3"], ["v4", "v5"], ["v4", "v5"], ["v4", "v5"]]
    assert shown(Rung.SEQUENCE, "c", 9) == ["v2"]


def test_follow_gets_what_is_promoted_and_broad_where_nothing_is_known():
    rungs = [choose(STATE, s, None, lane=FOLLOW, draw=0.5).rung for s in ("a", "b", "c", "unheard of")]
    assert rungs == [Rung.SEGMENT, Rung.BROAD, Rung.MOMENT, Rung.BROAD]


def test_only_the_reachable_part_is_explored():
    shot = snapshot()
    greedy = ready(replace(shot, reachable=np.zeros_like(shot.covariance)))
    columns = np.arange(7)
    found = chances(greedy, "a", columns)
    assert found.argmax() == shot.mean[0].argmax()
    assert found.max() == pytest.approx(1 - FLOOR + FLOOR / 7)
    assert chances(STATE, "a", columns).max() < found.max()


def assigned(count, seed=0):
    rng = np.random.default_rng(seed)
    return pa.table(
        {
            "campaign": ["c"] * count,
            "profile_id": [f"p{i}" for i in range(count)],
            "segment": rng.choice(["a", "b", "c"], count),
            "lane": rng.choice(LANES, count),
            "simulated": [True] * count,
        }
    )


@given(st.integers(0, 12), st.randoms(use_true_random=False))
def test_a_week_is_served_to_each_alike_whatever_the_order(count, shuffler):
    people = assigned(count)
    codes = np.random.default_rng(1).choice([0, 0, 4, 1], (count, 7)).astype(np.uint32)
    order = list(range(count))
    shuffler.shuffle(order)
    straight = serve_week(STATE, people, codes, week=2, seed="s")
    turned = serve_week(STATE, people.take(pa.array(order, pa.int64())), codes[order], week=2, seed="s")
    assert straight.schema.equals(SERVED.to_pyarrow())
    assert turned.to_pylist() == [straight.to_pylist()[i] for i in order]
    rows = straight.to_pylist()
    assert [r["profile_id"] for r in rows] == people["profile_id"].to_pylist()
    for i, row in enumerate(rows):
        one = choose(STATE, row["segment"], codes[i], lane=row["lane"], draw=row["draw"])
        assert (row["variant_id"], row["probability"], row["rung"]) == (one.variant_id, one.probability, one.rung)
        assert row["considered"].split() == list(one.considered)
        column = STATE.snapshot.variants.index(one.variant_id) if one.variant_id else None
        assert row["irrelevant"] == (column is not None and bool(codes[i, column] & IRRELEVANT))


def test_only_broad_ever_shows_what_is_irrelevant():
    people = assigned(400)
    codes = np.full((400, 7), int(Reason.BOUGHT), dtype=np.uint32)
    rows = serve_week(STATE, people, codes, week=0, seed="s").to_pylist()
    assert {r["rung"] for r in rows if r["irrelevant"]} == {"broad"}
    assert all(r["variant_id"] is None for r in rows if r["rung"] not in ("broad",))


def test_weeks_draw_anew():
    people = assigned(300)
    first, second = (serve_week(STATE, people, None, week=w, seed="s")["draw"].to_numpy() for w in (0, 1))
    assert abs(np.corrcoef(first, second)[0, 1]) < 4 / np.sqrt(300)


def test_engagements_count_clicked_exposures_of_those_asked_for():
    exposures = pa.table({"profile_id": ["p", "p", "q", "z"], "clicks": [1, 2, 0, 5]})
    assert engagements(exposures, pa.chunked_array([["q", "p"], ["r"]])).tolist() == [0, 2, 0]


def test_codes_of_the_wrong_size_are_refused():
    with pytest.raises(InvalidInput, match="expected"):
        serve_week(STATE, assigned(2), np.zeros((3, 7), dtype=np.uint32), week=0, seed="s")
