"""The simulated day: the same seed the same market, outcomes as planted, traffic in the shape asked for."""

import numpy as np
import pytest

from omnimix.testing.moments import DAY, HOUR, HOURS, MomentMarket, MomentTruth, batches

PEOPLE, VISITS = 2_000, 40_000


@pytest.fixture(scope="module")
def market() -> MomentMarket:
    return MomentMarket(MomentTruth(), people=PEOPLE, seed=3)


def test_the_same_seed_is_the_same_market(market: MomentMarket) -> None:
    again = MomentMarket(MomentTruth(), people=PEOPLE, seed=3)
    visits, same = market.visits(500), again.visits(500)
    assert np.array_equal(visits.at_us, same.at_us)
    assert np.array_equal(market.expected(visits), again.expected(same))
    other = MomentMarket(MomentTruth(), people=PEOPLE, seed=4)
    assert not np.array_equal(market.expected(visits), other.expected(other.visits(500)))


def test_what_a_visit_brings_does_not_depend_on_the_cut(market: MomentMarket) -> None:
    visits = market.visits(1_000)
    shown = np.arange(1_000) % 21 - 1
    whole = market.outcomes(visits, shown)
    parts = [market.outcomes(visits.cut(a, b), shown[a:b]) for a, b in ((0, 10), (10, 400), (400, 1_000))]
    assert np.array_equal(whole.margin, np.concatenate([p.margin for p in parts]))
    assert np.array_equal(whole.known_us, np.concatenate([p.known_us for p in parts]))
    assert np.array_equal(market.expected(visits)[10:400], market.expected(visits.cut(10, 400)))


@pytest.mark.parametrize("variant", [-1, 0, 7])
def test_outcomes_are_as_planted_on_average(market: MomentMarket, variant: int) -> None:
    visits = market.visits(VISITS)
    shown = np.full(VISITS, variant)
    found = market.outcomes(visits, shown)
    kept = np.where(found.refunded_us < 0, found.margin, 0.0)
    planted = market.nothing(visits) if variant < 0 else market.expected(visits)[:, variant]
    assert kept.mean() == pytest.approx(planted.mean(), abs=4 * kept.std() / VISITS**0.5)
    assert not found.margin[visits.robot].any()
    assert (found.known_us >= visits.at_us).all()
    assert (found.refunded_us[found.margin == 0] == -1).all()


def test_orders_become_known_as_planted(market: MomentMarket) -> None:
    visits = market.visits(VISITS)
    for hours in (1, 6, 30):
        share = (visits.delay_us <= hours * HOUR).mean()
        assert share == pytest.approx(float(market.known_share(np.array(hours * HOUR))), abs=0.012)


def test_traffic_has_the_shape_asked_for() -> None:
    truth = MomentTruth(bursts={9.0: 10.0}, outages=((12.0, 13.0),))
    visits = MomentMarket(truth, people=50, seed=1).visits(VISITS)
    assert (np.diff(visits.at_us) >= 0).all()
    assert visits.at_us[0] >= 0
    assert visits.at_us[-1] < DAY
    by_hour = np.bincount(visits.at_us // HOUR, minlength=24)
    assert by_hour[12] == 0
    expected = HOURS[9] * (10 + 3) / 4 / HOURS[8]
    assert by_hour[9] / by_hour[8] == pytest.approx(expected, rel=0.1)


def test_batches_hold_every_visit_once(market: MomentMarket) -> None:
    visits = market.visits(3_000)
    parts = list(batches(visits, HOUR // 2))
    assert [stop for _, stop in parts[:-1]] == [start for start, _ in parts[1:]]
    assert (parts[0][0], parts[-1][1]) == (0, 3_000)
    for start, stop in parts:
        assert len(set((visits.at_us[start:stop] // (HOUR // 2)).tolist())) == 1


def test_what_is_irrelevant_brings_less(market: MomentMarket) -> None:
    visits = market.visits(VISITS)
    barred = ~market.crowd.allowed[visits.person]
    expected = market.expected(visits)
    people = ~visits.robot
    assert expected[people][barred[people]].mean() < 0.8 * expected[people][~barred[people]].mean()
