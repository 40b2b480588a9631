"""Rough days for a budget: bursts, outages, traffic that drifts from its forecast, workers that are killed.

in   how the money is to be spent, a seed
out  what was really spent, as a share of the budget
"""

from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import numpy.typing as npt

from omnimix.activation.decide.budget import buried, key_of, read_counter, written
from omnimix.activation.decide.pacing import Pace, Way
from omnimix.activation.decide.purse import Purse
from omnimix.store.online.lmdb_store import LmdbStore
from omnimix.store.online.port import Change
from omnimix.testing.moments import DAY, HOURS, SECOND, MomentMarket, MomentTruth
from proofs._day_mind import STARTS

STARTS_US = int(STARTS.timestamp()) * SECOND
WORKERS, VISITS, COST = 4, 40_000, 4_000
STEP_US = 20 * SECOND
PROFILE = tuple(h / sum(HOURS) / 7 for h in HOURS) * 7
_KEY = key_of("day")


def rough_day(way: Way, seed: int) -> float:
    """What was spent of the budget, 1 for all of it. Each day has its own shape, size and accidents."""
    rng = np.random.default_rng([seed, 31])
    drifted = tuple(h * float(np.exp(rng.normal(0, 0.25))) for h in HOURS)
    start = float(rng.uniform(8, 21))
    truth = MomentTruth(
        shares=drifted,
        bursts={float(h): float(rng.uniform(2, 8)) for h in rng.integers(0, 96, 3) / 4},
        outages=((start, start + float(rng.uniform(0.25, 1.5))),),
    )
    share = float(rng.uniform(0.1, 0.75))
    pace = Pace("day", daily=int(VISITS * share) * COST, way=way, profile=PROFILE, cost=COST)
    at = MomentMarket(truth, people=50, seed=seed).visits(VISITS).at_us
    with TemporaryDirectory() as folder:
        store = LmdbStore(Path(folder) / "online", map_bytes=1 << 26)
        paid = _spend(store, pace, at, rng)
        store.close()
    return paid / pace.daily


def _spend(store: LmdbStore, pace: Pace, at: npt.NDArray[np.int64], rng: np.random.Generator) -> int:
    """What was really paid, summed beside the counter."""
    purses = [Purse(store, f"worker-{i}", {"day": pace}) for i in range(WORKERS)]
    draws = rng.random(len(at))
    killed = set(rng.integers(0, DAY // STEP_US, 12).tolist())
    edges = np.searchsorted(at, np.arange(0, DAY + STEP_US, STEP_US)).tolist()
    paid = 0
    for tick, (first, last) in enumerate(pairwise(edges)):
        now = STARTS_US + tick * STEP_US
        for place, purse in enumerate(purses):
            own = draws[first + place : last : WORKERS]
            wanting = int((own < purse.chance("day", now)).sum())
            paid += COST * purse.spend_upto("day", COST, wanting, now)
        if tick in killed:  # nothing is told, nothing given back
            place = int(rng.integers(WORKERS))
            purses[place] = Purse(store, f"worker-{place}-{tick}", {"day": pace})
        if tick % 180 == 0:  # an hour
            _bury(store, paid, now)
    return paid


def _bury(store: LmdbStore, paid: int, now: int) -> None:
    """What the settling process does with what the log tells."""
    store.change(
        [_KEY],
        lambda raw: Change({_KEY: written(buried(read_counter(raw[0]), yesterday=0, today=paid, now_us=now))}),
    )
