"""Pacing: the day's money lasts the day, whatever the traffic does; more left never means a smaller chance."""

from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omnimix.activation.decide.budget import key_of, read_counter
from omnimix.activation.decide.pacing import (
    HOUR,
    SECOND,
    Pace,
    Pacing,
    Traffic,
    Way,
    chance_of,
    day_at,
    level,
    micros_of,
    planned,
    throttle,
    wanted,
    weights,
)
from omnimix.activation.decide.purse import Purse
from omnimix.core.errors import InvalidInput
from omnimix.store.online.lmdb_store import LmdbStore
from omnimix.testing.moments import DAY, HOURS, MomentMarket, MomentTruth

MONDAY = int(datetime(2026, 6, 1, tzinfo=UTC).timestamp()) * SECOND
PROFILE = tuple(h / sum(HOURS) / 7 for h in HOURS) * 7
COST = 500


def instant(*parts: int) -> int:
    return int(datetime(*parts, tzinfo=UTC).timestamp()) * SECOND


@pytest.mark.parametrize(
    ("zone", "at", "hours"),
    [
        ("UTC", (2026, 6, 1, 12), 24),
        ("Europe/London", (2026, 3, 29, 12), 23),
        ("Europe/London", (2026, 10, 25, 12), 25),
        ("Asia/Kolkata", (2026, 6, 1, 18, 45), 24),
        ("Australia/Lord_Howe", (2026, 4, 4, 16), 25),
    ],
)
def test_a_day_is_the_zone_s(zone: str, at: tuple[int, ...], hours: int) -> None:
    now = instant(*at)
    day = day_at(zone, now)
    assert day.starts_us <= now < day.ends_us
    assert len(weights(Pace("c", 1, timezone=zone), day)) == hours
    assert day_at(zone, day.starts_us) == day
    assert day_at(zone, day.ends_us - 1) == day
    assert day_at(zone, day.ends_us).number == day.number + 1


@given(st.integers(0, 2**40), st.sampled_from(list(Way)))
def test_the_plan_sums_to_what_may_be_spent(allowance: int, way: Way) -> None:
    pace = Pace("c", allowance, way=way, profile=PROFILE)
    plan = planned(pace, day_at("UTC", MONDAY), allowance=allowance)
    assert sum(plan) == allowance
    assert min(plan) >= 0


@given(
    st.floats(0, 1e9),
    st.lists(st.tuples(st.floats(0, 1e6), st.floats(1, 3600)), min_size=1, max_size=24),
)
def test_level_spends_what_is_left(left: float, hours: list[tuple[float, float]]) -> None:
    most, seconds = [h[0] for h in hours], [h[1] for h in hours]
    speed = level(left, most, seconds)
    spent = sum(min(speed, m) * s for m, s in hours)
    able = sum(m * s for m, s in hours)
    assert spent == pytest.approx(min(left, able), rel=1e-9, abs=1e-6)


@given(
    st.integers(0, 10**9),
    st.integers(0, 10**9),
    st.integers(0, 24 * 3600 - 1),
    st.floats(0, 1e9),
    st.floats(0, 1e5),
    st.sampled_from(list(Way)),
    st.booleans(),
    st.floats(0, 0.999),
)
@settings(max_examples=200)
def test_more_left_and_less_traffic_never_mean_a_smaller_chance(
    a: int, b: int, second: int, money: float, open_s: float, way: Way, known: bool, draw: float
) -> None:
    pace = Pace("c", 10**9, way=way, profile=PROFILE if known else ())
    now = MONDAY + second * SECOND
    day = day_at("UTC", now)
    less, more = sorted((a, b))
    traffic = Traffic(money, open_s)
    low = chance_of(pace, day, left=less, now_us=now, traffic=traffic)
    high = chance_of(pace, day, left=more, now_us=now, traffic=traffic)
    assert 0 <= low <= high * (1 + 1e-12) <= 1 + 1e-12
    assert (low == 0) == (less == 0) or low < 1e-6
    busier = chance_of(pace, day, left=less, now_us=now, traffic=Traffic(money * 2, open_s))
    assert busier <= low * (1 + 1e-9)
    assert throttle(high, draw) >= throttle(low, draw)
    assert throttle(low, draw) >= throttle(low, min(draw + 0.1, 1))


def test_an_hour_s_plan_follows_the_forecast() -> None:
    pace = Pace("c", 10**9, way=Way.FORECAST, profile=PROFILE)
    now = MONDAY + 3 * HOUR
    speed = wanted(pace, day_at("UTC", now), left=10**9, now_us=now, speed=None)
    later = wanted(pace, day_at("UTC", now), left=10**9, now_us=now + 17 * HOUR, speed=None)
    assert speed * (sum(HOURS[3:])) / HOURS[3] * 3600 == pytest.approx(10**9)
    assert later > speed


def test_what_cannot_be_is_refused() -> None:
    assert micros_of("12.50", "GBP") == 12_500_000
    assert micros_of("12", "JPY") == 12_000_000
    with pytest.raises(InvalidInput, match="below zero"):
        Pacing(total_budget="-1")
    with pytest.raises(InvalidInput, match="not an amount"):
        Pacing(cost_per_thousand="lots")


def lived(folder: Path, pace: Pace, truth: MomentTruth, *, seed: int, most: int) -> tuple[int, list[int]]:
    """Spend a simulated day with two workers; returns what was spent and by hour."""
    market = MomentMarket(truth, people=50, seed=seed)
    at = market.visits(most, day=0).at_us
    draws = np.random.default_rng(seed).random(len(at))
    store = LmdbStore(folder, map_bytes=1 << 26)
    purses = [Purse(store, f"w{i}", {"c": pace}) for i in range(2)]
    step = 40 * SECOND
    edges = np.searchsorted(at, np.arange(0, DAY + step, step)).tolist()
    for tick, (start, stop) in enumerate(pairwise(edges)):
        now = MONDAY + tick * step
        for place, purse in enumerate(purses):
            chance = purse.chance("c", now)
            wanting = int((draws[start + place : stop : 2] < chance).sum())
            purse.spend_upto("c", COST, wanting, now)
    for purse in purses:
        purse.close(MONDAY + DAY - 1)
    counter = read_counter(store.read([key_of("c")])[0])
    store.close()
    return counter.spent, list(counter.hours)


ROUGH = MomentTruth(bursts={9.25: 8.0, 20.0: 5.0}, outages=((11.0, 12.5), (21.5, 22.0)))


@pytest.mark.parametrize("way", [Way.EVEN, Way.FORECAST])
@pytest.mark.parametrize("share", [0.1, 0.6])
def test_a_rough_day_ends_within_five_percent_and_never_over(tmp_path: Path, way: Way, share: float) -> None:
    visits = 12_000
    pace = Pace("c", daily=int(visits * share) * COST, way=way, profile=PROFILE)
    spent, hours = lived(tmp_path / "online", pace, ROUGH, seed=3, most=visits)
    assert 0.95 * pace.daily <= spent <= pace.daily
    assert sum(hours) == spent
    if way is Way.EVEN and share == 0.1:  # evenly indeed: the traffic of the evening is ten times the night's
        calm = [hours[h] for h in (5, 7, 14, 16, 18)]
        assert max(calm) < 1.5 * min(calm)


def test_without_a_profile_an_even_day_still_spends(tmp_path: Path) -> None:
    pace = Pace("c", daily=3_000 * COST, way=Way.EVEN)
    spent, _ = lived(tmp_path / "online", pace, ROUGH, seed=4, most=12_000)
    assert 0.95 * pace.daily <= spent <= pace.daily


def test_at_once_spends_at_once(tmp_path: Path) -> None:
    pace = Pace("c", daily=1_000 * COST, way=Way.AT_ONCE)
    spent, hours = lived(tmp_path / "online", pace, MomentTruth(), seed=5, most=12_000)
    assert spent == pace.daily
    assert sum(hours[8:]) == 0
