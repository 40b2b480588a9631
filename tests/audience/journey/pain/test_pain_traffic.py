"""Traffic: growth and weekdays are no change, a spike and a gap are."""

from datetime import date, timedelta

import numpy as np
import pyarrow as pa
import pytest

from omnimix.audience.journey.journey import START
from omnimix.audience.journey.pain.rules import PainRules
from omnimix.audience.journey.pain.traffic import traffic_changes

FIRST = date(2026, 1, 5)
DAYS = 150


def counts(by_group: dict[tuple[str, str], np.ndarray]) -> dict[str, pa.Table]:
    rows = [
        {
            "stratum": "",
            "base": START,
            "to": "",
            "dimension": name,
            "value": value,
            "day": FIRST + timedelta(days=day),
            "tried": int(visits[day]),
        }
        for (name, value), visits in by_group.items()
        for day in range(DAYS)
        if visits[day]
    ]
    return {"tried": pa.Table.from_pylist(rows)}


def usual(seed: int, *, a_day: float = 20, growth: float = 1.0) -> np.ndarray:
    days = np.arange(DAYS)
    mean = a_day * (1 + growth * days / DAYS) * np.where(days % 7 >= 5, 0.5, 1.0)
    return np.random.default_rng(seed).poisson(mean)


def shop(seed: int, extra: tuple[int, int, float] = (0, 0, 1.0)) -> dict[str, pa.Table]:
    organic, mail = usual(seed), usual(1000 + seed, a_day=12, growth=0.2)
    start, end, times = extra
    organic[start:end] = (organic[start:end] * times).astype(int)
    return counts({("", ""): organic + mail, ("medium", "organic"): organic, ("medium", "email"): mail})


def test_growth_and_weekdays_are_no_change() -> None:
    found = [len(traffic_changes(shop(seed), PainRules())) > 0 for seed in range(60)]
    assert np.mean(found) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 60)


@pytest.mark.parametrize(("start", "end", "times"), [(50, 54, 3.0), (90, 104, 2.0), (60, 66, 0.0)])
def test_a_spike_and_a_gap_are_found_in_their_medium(start: int, end: int, times: float) -> None:
    hits = 0
    for seed in range(10):
        found = traffic_changes(shop(seed, (start, end, times)), PainRules())
        first, last = FIRST + timedelta(days=start), FIRST + timedelta(days=end - 1)
        hits += any(
            abs((c.period.starts_on - first).days) <= 1
            and c.period.ends_on is not None
            and abs((c.period.ends_on - last).days) <= 1
            and c.who in ((), (("medium", "organic"),))
            and (c.ratio.value > 1) == (times > 1)
            and c.ratio.low <= c.ratio.value <= c.ratio.high
            for c in found
        )
    assert hits >= 9


def test_too_few_days_say_nothing() -> None:
    assert traffic_changes(counts({("", ""): np.array([1, 2] + [0] * (DAYS - 2))}), PainRules()) == ()
