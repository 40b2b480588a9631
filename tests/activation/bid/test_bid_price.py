"""Prices: never above the value, never below the floor; the win curve is found again."""

from decimal import Decimal

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from omnimix.activation.bid.price import STEP, cpm_of, micros_of, price_of, told_price, value_of
from omnimix.activation.bid.win_curve import PRIOR, Curve, Tally, fitted

CPMS = st.integers(0, 50_000_000)
CURVES = st.builds(Curve, st.floats(1e4, 1e8), st.floats(0.3, 12))


@given(
    value=CPMS,
    floor=CPMS,
    auction=st.sampled_from([1, 2, 3, 500]),
    curve=CURVES,
    most=st.integers(STEP, 30_000_000),
    draw=st.floats(0, 1, exclude_max=True),
)
@settings(max_examples=100)
def test_a_price_lies_between_floor_and_value(
    value: int, floor: int, auction: int, curve: Curve, most: int, draw: float
) -> None:
    price = price_of(value, floor, auction=auction, curve=curve, most=most, explore=0.3, draw=draw)
    if price is None:
        assert min(value, most) // STEP * STEP < max(floor, STEP)
        return
    assert floor <= price <= min(value, most)
    assert price % STEP == 0
    if auction == 2:
        assert price == min(value, most) // STEP * STEP
    if auction == 3:
        assert price - floor < STEP or price == STEP


@given(curve=CURVES, value=st.integers(100_000, 40_000_000))
@settings(max_examples=60)
def test_shading_finds_the_largest_expected_gain(curve: Curve, value: int) -> None:
    prices = np.linspace(value / 2000, value * 0.9995, 1999)
    gains = [(value - p) * curve.chance(p) for p in prices]
    best = curve.best(value)
    assert (value - best) * curve.chance(best) >= max(gains) * (1 - 1e-3)
    soon = curve.best_soon(value)
    assert (value - soon) * curve.chance(soon) >= max(gains) * (1 - 5e-3)


def test_the_curve_of_a_market_is_found_again() -> None:
    rng = np.random.default_rng(3)
    for true in (Curve(2e6, 3.0), Curve(4e5, 1.5), Curve(1.2e7, 6.0)):
        tally = Tally.empty()
        for price in np.exp(rng.normal(np.log(true.middle), 0.6, 6000)):
            tally.saw(int(price), bool(rng.random() < true.chance(price)))
        found = fitted(tally)
        for price in true.middle * np.array([0.5, 0.8, 1.0, 1.5]):
            assert abs(found.chance(price) - true.chance(price)) < 0.05


def test_few_bids_keep_to_the_prior_and_many_to_what_was_seen() -> None:
    tally = Tally.empty()
    assert fitted(tally) == PRIOR
    prior = Curve(3e6, 4.0)
    tally.saw(1_000_000, won=True)
    assert abs(fitted(tally, prior).chance(3e6) - 0.5) < 0.2
    for _ in range(500):
        tally.saw(1_000_000, won=True)
    assert fitted(tally, prior).chance(1e6) > 0.9


@given(st.lists(st.tuples(st.integers(1, 10**8), st.booleans()), max_size=40), st.integers(0, 40))
@settings(max_examples=25)
def test_tallies_of_workers_add_up(seen: list[tuple[int, bool]], cut: int) -> None:
    whole, one, other = Tally.empty(), Tally.empty(), Tally.empty()
    for place, (price, won) in enumerate(seen):
        whole.saw(price, won)
        (one if place < cut else other).saw(price, won)
    assert one.plus(other) == whole == other.plus(one)


def test_many_bids_are_halved_and_wins_never_exceed_bids() -> None:
    tally = Tally([20_001] + [1] * 63, [20_001] + [1] * 63)
    halved = tally.plus(Tally.empty())
    assert halved.total <= 10_064
    assert all(w <= b for w, b in zip(halved.wins, halved.bids, strict=True))


def test_value_is_the_quantile_of_what_is_expected() -> None:
    draws = np.linspace(0, 2, 101)  # minor units of margin
    assert value_of(draws, quantile=0.5, caused=1.0, minor_units=100) == 10_000_000  # 0.01 each: 10 per thousand
    assert value_of(draws, quantile=0.25, caused=0.5, minor_units=100) == 2_500_000
    assert value_of(draws - 5, quantile=0.5, caused=1.0, minor_units=100) == 0


@given(cpm=st.integers(0, 10**9), rate=st.decimals("0.001", "1000", places=3))
@settings(max_examples=100)
def test_money_of_another_currency_is_rounded_to_our_side(cpm: int, rate: Decimal) -> None:
    price = told_price(cpm, rate)
    assert Decimal(repr(price)) <= Decimal(cpm) / 1_000_000 * rate
    assert cpm_of(price, rate, up=False) <= cpm
    floor = cpm_of(float(rate), rate, up=True)
    assert floor == 1_000_000
    assert 0 <= micros_of(cpm) * 1000 - cpm < 1000
