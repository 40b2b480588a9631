"""Effects: stratified, net of cost, covering the truth."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from omnimix.activation.experiment.ladder import Rung
from omnimix.core.grade import Grade
from omnimix.measurement.lift.effect import campaign_increment, effects
from omnimix.measurement.lift.standards import Standards
from omnimix.measurement.lift.stats import Cell, Moments

STANDARDS = Standards()


def moments(y: np.ndarray) -> Moments:
    return Moments(len(y), float(y.sum()), float((y * y).sum()))


def cells(
    rng: np.random.Generator, sizes: dict[tuple[str, str], int], means: dict[str, float]
) -> dict[Cell, Moments]:
    """Skewed margins: most people buy nothing, the lane's mean is planted."""
    made = {}
    for (segment, lane), n in sizes.items():
        bought = rng.random(n) < 0.2
        y = bought * rng.lognormal(0, 0.8, n) / (0.2 * math.exp(0.32)) * means[lane]
        made[Cell(segment, lane, 1)] = moments(y)
    return made


SIZES = {(s, lane): n for s in ("a", "b") for lane, n in (("none", 300), ("broad", 700), ("relevant", 500))}


@given(st.integers(0, 10**6), st.floats(0, 50))
def test_overall_is_the_weighted_mean_of_the_segments(seed: int, cost: float) -> None:
    rng = np.random.default_rng(seed)
    sizes = {key: n if key[0] == "a" else 2 * n for key, n in SIZES.items()}
    made = cells(rng, sizes, {"none": 100, "broad": 110, "relevant": 120})
    costs = {("a", Rung.BROAD): cost, ("b", Rung.RELEVANT): cost / 2}
    found = effects(made, look=1, looks=1, costs=costs, standards=STANDARDS, simulated=False)
    for rung in (Rung.BROAD, Rung.RELEVANT):
        overall, a, b = (next(e for e in found if e.rung is rung and e.segment == s) for s in (None, "a", "b"))
        assert overall.estimate == pytest.approx((a.estimate + 2 * b.estimate) / 3)
        assert overall.n == a.n + b.n
        assert overall.cost == pytest.approx((a.cost + 2 * b.cost) / 3)
        assert (a.cost, b.cost) == ((cost, 0) if rung is Rung.BROAD else (-cost, cost / 2))
        assert overall.high - overall.low < b.high - b.low
        assert overall.grade is Grade.RANDOMISED
    free = effects(made, look=1, looks=1, costs={}, standards=STANDARDS, simulated=False)
    assert [e.estimate - f.estimate + e.cost for e, f in zip(found, free, strict=True)] == pytest.approx(
        [0] * len(found), abs=1e-9
    )


def test_order_of_cells_does_not_matter() -> None:
    made = cells(np.random.default_rng(1), SIZES, {"none": 100, "broad": 110, "relevant": 120})
    turned = dict(reversed(made.items()))
    both = [effects(c, look=1, looks=3, costs={}, standards=STANDARDS, simulated=True) for c in (made, turned)]
    assert [(e.rung, e.segment) for e in both[0]] == [(e.rung, e.segment) for e in both[1]]
    assert [e.estimate for e in both[0]] == pytest.approx([e.estimate for e in both[1]])


def test_rungs_nobody_is_in_are_left_out() -> None:
    made = cells(np.random.default_rng(1), SIZES, {"none": 100, "broad": 110, "relevant": 120})
    found = effects(made, look=1, looks=1, costs={}, standards=STANDARDS, simulated=False)
    assert {e.rung for e in found} == {Rung.BROAD, Rung.RELEVANT}
    assert len(found) == 2 * 3


def test_tiny_segments_are_pooled_not_lost() -> None:
    made = {
        Cell("a", "none", 1): Moments(50, 500.0, 9000.0),
        Cell("a", "broad", 1): Moments(50, 600.0, 9500.0),
        Cell("tiny", "none", 1): Moments(1, 10.0, 100.0),
        Cell("tiny", "broad", 1): Moments(2, 30.0, 500.0),
        Cell("small", "none", 1): Moments(2, 20.0, 250.0),
        Cell("small", "broad", 1): Moments(1, 10.0, 100.0),
    }
    found = effects(made, look=1, looks=1, costs={}, standards=STANDARDS, simulated=False)
    overall = next(e for e in found if e.segment is None)
    assert overall.estimate == pytest.approx((100 * (12 - 10) + 6 * (40 / 3 - 10)) / 106)
    assert overall.n + overall.n_against == 106
    alone = next(e for e in found if e.segment == "tiny")
    assert (alone.low, alone.high) == (-math.inf, math.inf)
    assert not alone.known


def test_intervals_cover_the_planted_difference() -> None:
    rng, runs = np.random.default_rng(8), 300
    hits = np.zeros(2)
    for _ in range(runs):
        made = cells(rng, SIZES, {"none": 100, "broad": 110, "relevant": 130})
        (overall,) = (
            e
            for e in effects(made, look=1, looks=6, costs={}, standards=STANDARDS, simulated=False)
            if e.segment is None and e.rung is Rung.RELEVANT
        )
        assert overall.low < overall.fixed_low < overall.fixed_high < overall.high
        hits += [overall.fixed_low <= 20 <= overall.fixed_high, overall.low <= 20 <= overall.high]
    three = 3 * math.sqrt(0.95 * 0.05 / runs)
    assert 0.95 - three <= hits[0] / runs <= 0.95 + three
    assert hits[1] / runs >= 0.97


def test_the_campaigns_increment_counts_everybody_advertised_to() -> None:
    made = {
        Cell("a", "none", 2): Moments(100, 1000.0, 20000.0),
        Cell("a", "broad", 2): Moments(100, 1300.0, 30000.0),
        Cell("a", "follow", 2): Moments(300, 4500.0, 90000.0),
    }
    found = campaign_increment(made, look=2, looks=2, standards=STANDARDS, simulated=True)
    assert found is not None
    assert found.net_of_media == pytest.approx((5800 / 400 - 10) * 400 * 2)
    assert found.low < found.net_of_media < found.high
    assert (found.profiles, found.n_none, found.weeks, found.simulated) == (400, 100, 2, True)


@pytest.mark.parametrize("lane", ["none", "broad"])
def test_without_holdout_or_advertising_there_is_no_increment(lane: str) -> None:
    made = {Cell("a", lane, 1): Moments(100, 1000.0, 20000.0)}
    assert campaign_increment(made, look=1, looks=1, standards=STANDARDS, simulated=False) is None
