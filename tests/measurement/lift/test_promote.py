"""Promotion: earned, kept only while earned, and rarely by luck."""

import math

import numpy as np
import pytest

from omnimix.activation.experiment.ladder import Ladder, Rung
from omnimix.core.finding import is_blocked
from omnimix.measurement.lift.promote import TRIED, promote
from omnimix.measurement.lift.ratio import RatioCheck, ratio_checks, ratio_findings, sample_ratio
from omnimix.measurement.lift.standards import Standards
from omnimix.measurement.lift.stats import Cell, Moments

STANDARDS = Standards()
FINE = (RatioCheck(None, 0.0, 1.0, {}, {}),)


def cells(means: dict[Rung, float], *, look: int = 1, n: int = 1000, sd: float = 100.0) -> dict[Cell, Moments]:
    return {
        Cell("a", str(rung), look): Moments(n, n * mean, (n - 1) * sd**2 + n * mean**2)
        for rung, mean in means.items()
    }


def rung_of(means: dict[Rung, float], **kwargs: object) -> Rung:
    arguments = {"look": 1, "looks": 1, "costs": {}, "checks": FINE, "standards": STANDARDS} | kwargs
    return promote(cells(means, look=arguments["look"]), **arguments)["a"].rung


FLAT = dict.fromkeys(Rung, 100.0)


def test_the_rung_that_pays_is_promoted_and_falls_back() -> None:
    assert rung_of(FLAT | {Rung.SEGMENT: 130.0}, look=1, looks=2) is Rung.SEGMENT
    assert rung_of(FLAT | {Rung.SEGMENT: 104.0}, look=2, looks=2) is Rung.BROAD


def test_the_highest_rung_wins_unless_a_lower_one_earns_more() -> None:
    assert rung_of(FLAT | {Rung.SEGMENT: 130.0, Rung.MOMENT: 130.0}) is Rung.MOMENT
    assert rung_of(FLAT | {Rung.SEGMENT: 150.0, Rung.MOMENT: 125.0}) is Rung.SEGMENT


def test_costs_are_taken_off_first() -> None:
    assert rung_of(FLAT | {Rung.SEGMENT: 130.0}, costs={("a", Rung.SEGMENT): 25.0}) is Rung.BROAD
    assert rung_of(FLAT | {Rung.SEGMENT: 130.0}, costs={("a", r): 25.0 for r in Rung}) is Rung.SEGMENT


@pytest.mark.parametrize("where", [None, "a"])
def test_a_broken_split_blocks_promotion(where: str | None) -> None:
    alarm = (RatioCheck(where, 99.0, 1e-9, {}, {}),)
    assert rung_of(FLAT | {Rung.SEGMENT: 130.0}, checks=alarm) is Rung.BROAD
    elsewhere = (RatioCheck("b", 99.0, 1e-9, {}, {}),)
    assert rung_of(FLAT | {Rung.SEGMENT: 130.0}, checks=elsewhere) is Rung.SEGMENT


def test_without_a_broad_lane_nothing_can_be_promoted() -> None:
    found = promote(cells({Rung.SEGMENT: 130.0}), look=1, looks=1, costs={}, checks=FINE, standards=STANDARDS)["a"]
    assert (found.rung, found.tried, found.promoted) == (Rung.BROAD, (), False)


def test_holm_passes_what_bonferroni_would_not() -> None:
    """Once three rungs pass at their steps, the last one is held against the whole error."""
    z = 1.8  # one-sided p 0.036: above 0.05 / 4, below 0.05
    means = FLAT | dict.fromkeys(TRIED, 140.0) | {Rung.RELEVANT: 100 + z * 100 * math.sqrt(2 / 1000)}
    found = promote(cells(means), look=1, looks=1, costs={}, checks=FINE, standards=STANDARDS)["a"]
    assert all(t.passed for t in found.tried)
    alone = FLAT | {Rung.RELEVANT: means[Rung.RELEVANT]}
    assert rung_of(alone) is Rung.BROAD


def test_luck_promotes_rarely_though_looked_at_every_week() -> None:
    rng, runs, looks, n = np.random.default_rng(3), 1500, 6, 400
    lucky = 0
    for _ in range(runs):
        weekly = rng.normal(size=(looks, len(Rung))) * 100 / math.sqrt(n)
        running = weekly.cumsum(axis=0) / np.arange(1, looks + 1)[:, None]
        lucky += any(
            promote(
                cells(
                    dict(zip(Rung, 100 + running[look - 1], strict=True)), look=look, n=n, sd=100 / math.sqrt(look)
                ),
                look=look,
                looks=looks,
                costs={},
                checks=FINE,
                standards=STANDARDS,
            )["a"].promoted
            for look in range(1, looks + 1)
        )
    assert lucky / runs <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / runs)
    assert lucky > 0


def test_sample_ratio_alarms_at_its_rate_and_at_a_real_fault() -> None:
    rng, shares = np.random.default_rng(1), Ladder().shares()
    lanes, runs = list(shares), 4000
    drawn = rng.multinomial(3000, list(shares.values()), size=runs)
    checks = [sample_ratio(dict(zip(lanes, map(int, row), strict=True)), shares) for row in drawn]
    assert sum(c.alarm for c in checks) <= 12  # 4 expected; P(more than 12) < 0.001
    assert np.mean([c.p < 0.5 for c in checks]) == pytest.approx(0.5, abs=0.03)
    broken = {lane: round(3000 * share) for lane, share in shares.items()}
    broken["none"] -= 60
    assert sample_ratio(broken, shares).alarm


def test_a_lane_without_a_share_alarms_and_few_people_do_not() -> None:
    shares = Ladder(moment=0.0).shares()
    assert sample_ratio({"moment": 1, "broad": 900}, shares).alarm
    assert sample_ratio({"broad": 2, "none": 2}, shares).p == 1.0


def test_ratio_checks_find_the_segment_and_block() -> None:
    shares = Ladder(none=0.5, broad=0.5, relevant=0, segment=0, sequence=0, moment=0).shares()
    made = {
        Cell("a", "none", 2): Moments(500),
        Cell("a", "broad", 2): Moments(510),
        Cell("b", "none", 2): Moments(300),
        Cell("b", "broad", 2): Moments(500),
    }
    checks = ratio_checks(made, look=2, shares=shares)
    assert [(c.segment, c.alarm) for c in checks] == [(None, True), ("a", False), ("b", True)]
    assert is_blocked(ratio_findings(checks))
    assert [f.where for f in ratio_findings(checks)] == ["everybody", "b"]
