"""[prove experiments] Experiments that are looked at every day: false winners, misses, broken splits.

in   simulated experiments of two to four variants over 28 days; the Upworthy tests
out  share of experiments without a difference that ever declare a winner; how often intervals ever miss; how often
     a planted difference is found; sample-ratio alarms on planted and real splits
"""

from collections.abc import Iterator

import numpy as np
import pyarrow.parquet as pq

from omnimix.measurement.lift.ratio import sample_ratio
from omnimix.measurement.lift.stats import Moments
from omnimix.measurement.lift.versus import compare, smallest_rise
from omnimix.testing.evidence import Figure, at_least, at_most
from proofs.data import shipped

RUNS, DAYS, VISITORS, RATE = 2000, 28, 300, 0.03  # visitors a day and variant
PEOPLE, SPLITS, ALARM = 30_000, 20_000, 0.001


def figures() -> Iterator[Figure]:
    """False winners, misses, power, splits."""
    for variants in (2, 4):
        won, missed = _declared([RATE] * variants, seed=variants)
        yield at_most(f"A/A of {variants} variants, daily peeking: winners", won, 0.05)
        yield at_most(f"A/A of {variants} variants: an interval ever misses", missed, 0.05)
    found = smallest_rise(RATE, (DAYS * VISITORS, DAYS * VISITORS))
    won, missed = _declared([RATE, RATE + found], seed=9, runs=1000)
    yield at_least("difference promised at 80 % power: found", won, 0.8)
    yield at_most("with a difference: an interval ever misses", missed, 0.05)
    yield from _splits()
    yield from _upworthy()


def _declared(rates: list[float], *, seed: int, runs: int = RUNS) -> tuple[float, float]:
    """Share of experiments with a winner on any day, and with an interval that ever left out the truth."""
    rng = np.random.default_rng(seed)
    names = [chr(97 + i) for i in range(len(rates))]
    shares = {name: 1 / len(names) for name in names}
    won = missed = 0
    for _ in range(runs):
        clicks = rng.binomial(VISITORS, rates, (DAYS, len(rates))).cumsum(axis=0)
        declared = wrong = False
        for day in range(DAYS):
            n = VISITORS * (day + 1)
            sums = {name: Moments(n, c, c) for name, c in zip(names, clicks[day].tolist(), strict=True)}
            told = compare(sums, shares, planned=DAYS * VISITORS)
            declared |= told.winner is not None
            truth = dict(zip(names, rates, strict=True))
            wrong |= any(not d.low <= truth[d.one] - truth[d.other] <= d.high for d in told.differences)
        won, missed = won + declared, missed + wrong
    return won / runs, missed / runs


def _splits() -> Iterator[Figure]:
    rng = np.random.default_rng(3)
    for share in (0.52, 0.5):
        seen = rng.binomial(PEOPLE, share, SPLITS).tolist()
        alarms = np.mean([sample_ratio({"a": a, "b": PEOPLE - a}, {"a": 0.5, "b": 0.5}).alarm for a in seen])
        if share == 0.5:
            most = ALARM + 3 * (ALARM / SPLITS) ** 0.5
            yield at_most("50/50: false alarms (0.001 + 3 errors)", float(alarms), round(most, 5))
        else:
            yield at_least(f"52/48 of {PEOPLE:,} people meant as 50/50: caught", float(alarms), 0.99)


def _upworthy() -> Iterator[Figure]:
    """Over the whole archive 69.5 % of the tests of the faulty months raise an alarm, 0.47 % of the others."""
    packages = pq.read_table(shipped("upworthy") / "packages.parquet")
    tests: dict[str, tuple[bool, list[int]]] = {}
    for row in packages.select(["clickability_test_id", "impressions", "problem_window"]).to_pylist():
        tests.setdefault(row["clickability_test_id"], (row["problem_window"], []))[1].append(row["impressions"])
    alarms: dict[bool, list[bool]] = {True: [], False: []}
    for faulty, shown in tests.values():
        if len(shown) > 1:
            arms = {str(i): n for i, n in enumerate(shown)}
            alarms[faulty].append(sample_ratio(arms, dict.fromkeys(arms, 1 / len(arms))).alarm)
    for faulty, published in ((True, 0.695), (False, 0.0047)):
        count, share = len(alarms[faulty]), float(np.mean(alarms[faulty]))
        spread = 3 * (published * (1 - published) / count) ** 0.5
        name = f"Upworthy, {'faulty months' if faulty else 'other months'}: alarms in {count} tests"
        goal = f"{published:.2%} ± {spread:.2%} (3 errors)"
        yield Figure(name, f"{share:.2%}", goal, abs(share - published) <= spread)
