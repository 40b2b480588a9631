"""A day in the simulated market, a million decisions: does the ladder end with more margin than simpler policies?

in   testing.moments: planted effects of variants by segment, context and trait; drift, delays, refunds, robots
out  seconds for a million decisions; margin against three rivals; pacing; what the ladder says of its rungs

The first day goes through everything that serves (release, states and journal in the online store, hard rules,
leases, the moment model learnt in micro-batches), in one process with a simulated clock. Nothing is known when the
day begins but how often people buy and for how much; `follow` stands on the rung `moment`. The rivals (see
`_day_rivals`) serve everybody, without holdout and lanes; ours pays for both. Margin is the expected margin of
what each policy really showed, refunds and media taken off, whenever it becomes known: exact, as it is planted.

Intervals are Student's over SEEDS markets drawn anew, a million decisions each: same ladder, rules and learning,
half an hour decided at once without the store, and every visit let in by the same share as the budget would.
"""

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import numpy.typing as npt
from scipy import stats
from threadpoolctl import threadpool_limits

from omnimix.activation.decide.pacing import Pace, Way
from omnimix.activation.experiment.ladder import Ladder, Rung
from omnimix.measurement.lift.effect import Effect, effects
from omnimix.measurement.lift.standards import Standards
from omnimix.measurement.lift.stats import Cell, Moments
from omnimix.store.online.lmdb_store import LmdbStore
from omnimix.testing.evidence import Figure, at_least, at_most, equal
from omnimix.testing.moments import HOURS, MomentMarket, MomentTruth, Visits, batches
from proofs._day_ladder import Lived, lanes_of, live, live_in_bulk
from proofs._day_pacing import rough_day
from proofs._day_rivals import EVERY_US, RIVALS, lived

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

DECISIONS, SEEDS, ROUGH_DAYS = 1_000_000, 5, 10
LADDER = Ladder(none=0.03, broad=0.03, relevant=0.03, segment=0.03, sequence=0.03, moment=0.03)
TRUTH = MomentTruth(bursts={10.0: 4.0, 20.5: 2.5}, outages=((15.0, 15.75),))
COST = 4_000  # micros of one showing: 0.4 minor units
PAID_FOR = 0.85  # share of the opportunities outside the holdout that the day's budget pays for
PROFILE = tuple(h / sum(HOURS) / 7 for h in HOURS) * 7  # what the weeks before would show, without bursts
VISITS_EACH = 10  # a person's, on average


@dataclass(frozen=True, slots=True)
class Result:
    """One day. `margin`: minor units per thousand visits by policy; "ladder" is ours."""

    margin: dict[str, float]
    lanes: dict[str, float]  # expected margin per visit by lane
    effects: tuple[Effect, ...]  # as the ladder measures them
    seconds: float = 0.0
    spent: int = 0
    cap: int = 0

    def gain(self, rival: str) -> float:
        """Per cent more margin than a rival."""
        return 100 * (self.margin["ladder"] / self.margin[rival] - 1)

    def true(self, effect: Effect) -> float:
        """What is planted of an effect: minor units a person and day."""
        return VISITS_EACH * (self.lanes[effect.rung] - self.lanes[effect.against])


def figures() -> Iterator[Figure]:
    """A million decisions through the machine; in bulk for the intervals."""
    whole = through_the_machine(DECISIONS, seed=1)
    yield at_most(f"{DECISIONS:,} decisions of one day", whole.seconds, 300, unit=" s")
    for rival in RIVALS:
        yield Figure(
            f"that day's margin over {rival}", f"{whole.gain(rival):+.1f} %", "> 0", whole.gain(rival) > 0
        )
    yield at_most("|spent − budget| of that day", 100 * abs(whole.spent - whole.cap) / whole.cap, 5, unit=" %")
    yield equal("micros spent above the cap", max(0, whole.spent - whole.cap), 0)
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        for way in (Way.EVEN, Way.FORECAST):
            shares = list(pool.map(rough_day, [way] * ROUGH_DAYS, range(ROUGH_DAYS)))
            off = 100 * max(abs(share - 1) for share in shares)
            yield at_most(f"{way}: |spent − budget|, worst of {ROUGH_DAYS} rough days", off, 5, unit=" %")
            yield equal(f"{way}: rough days above the cap", sum(share > 1 for share in shares), 0)
        days = list(pool.map(in_bulk, [DECISIONS] * SEEDS, range(2, 2 + SEEDS)))
    for rival in RIVALS:
        gains = np.array([d.gain(rival) for d in days])
        low, high = _interval(gains)
        name = f"margin over {rival}, {SEEDS} days"
        yield Figure(name, f"{gains.mean():+.1f} % [{low:+.1f}, {high:+.1f}]", "interval above 0", low > 0)
    yield from _rungs(whole, days)


def _rungs(whole: Result, days: Sequence[Result]) -> Iterator[Figure]:
    """What the ladder says of each rung on the first day, against what is planted; how all ladders held."""
    for effect in whole.effects:
        if effect.segment is None:
            true = whole.true(effect)
            verdict = "pays" if effect.pays else "loses" if effect.high < 0 else "not known"
            said = f"{verdict} {effect.estimate:+.0f} [{effect.low:+.0f}, {effect.high:+.0f}]"
            right = not effect.known or (effect.estimate > 0) == (true > 0)
            yield Figure(f"{effect.rung} over {effect.against}, a person", said, f"planted {true:+.0f}", right)
    said_so = [(d.true(e), e) for d in (whole, *days) for e in d.effects if e.segment is None]
    held = sum(e.low <= true <= e.high for true, e in said_so)
    least = int(stats.binom.ppf(0.01, len(said_so), 0.95))
    yield at_least(f"of {len(said_so)} intervals, those that hold what is planted", held, least)


def through_the_machine(decisions: int, *, seed: int) -> Result:
    """Live one day through everything that serves, and with each rival."""
    with threadpool_limits(1), TemporaryDirectory() as folder:
        market = MomentMarket(TRUTH, people=decisions // VISITS_EACH, seed=seed)
        visits = market.visits(decisions)
        cap = int(decisions * (1 - LADDER.none) * PAID_FOR) * COST
        pace = Pace("day", daily=cap, way=Way.EVEN, profile=PROFILE, cost=COST)
        store = LmdbStore(Path(folder) / "online", map_bytes=4 << 30)
        began = time.perf_counter()
        ours = live(market, visits, ladder=LADDER, pace=pace, store=store)
        seconds = time.perf_counter() - began
        store.close()
        assert ours.counter is not None
        return replace(_compared(market, visits, ours), seconds=seconds, spent=ours.counter.spent, cap=cap)


def in_bulk(decisions: int, seed: int) -> Result:
    """Live one day in bulk, and with each rival."""
    with threadpool_limits(1):
        market = MomentMarket(TRUTH, people=decisions // VISITS_EACH, seed=seed)
        visits = market.visits(decisions)
        lets_in = np.random.default_rng([seed, 8]).random(decisions) < PAID_FOR
        return _compared(market, visits, live_in_bulk(market, visits, ladder=LADDER, takes_part=lets_in))


def _compared(market: MomentMarket, visits: Visits, ours: Lived) -> Result:
    earned = _margin(market, visits, ours.shown)
    margin = {"ladder": earned}
    for name, policy in RIVALS.items():
        rival = policy(market, market.seed, len(visits))
        shown = [part for _, _, part in lived(rival, visits, ours.takes_part)]
        margin[name] = _margin(market, visits, np.concatenate(shown))
    lane = np.array(lanes_of(market, LADDER))
    return Result(
        margin={name: float(1000 * value.mean()) for name, value in margin.items()},
        lanes={name: float(earned[lane[visits.person] == name].mean()) for name in map(str, Rung)},
        effects=_effects(market, visits, ours, lane),
    )


def _margin(market: MomentMarket, visits: Visits, shown: IntArray) -> FloatArray:
    """(M,) expected margin of what was shown, media taken off."""
    parts = []
    for start, stop in batches(visits, EVERY_US):
        part, own = visits.cut(start, stop), shown[start:stop]
        got = market.expected(part)[np.arange(stop - start), np.maximum(own, 0)] - COST / 10_000
        parts.append(np.where(own < 0, market.nothing(part), got))
    return np.concatenate(parts)


def _effects(market: MomentMarket, visits: Visits, ours: Lived, lane: npt.NDArray[np.str_]) -> tuple[Effect, ...]:
    """What the ladder measures, person by person, once all orders of the day are known."""
    found = market.outcomes(visits, ours.shown)
    got = np.where(found.refunded_us >= 0, 0.0, found.margin) - (ours.shown >= 0) * COST / 10_000
    people = len(market.crowd.segment)
    each = np.bincount(visits.person, got, minlength=people)
    cells = {}
    for s in range(market.truth.segments):
        for name in np.unique(lane).tolist():
            own = each[(lane == name) & (market.crowd.segment == s)]
            cells[Cell(f"segment-{s}", name, 1)] = Moments(len(own), float(own.sum()), float(own @ own))
    return effects(cells, look=1, looks=1, costs={}, standards=Standards(), simulated=True)


def _interval(values: FloatArray, level: float = 0.95) -> tuple[float, float]:
    half = stats.t.ppf((1 + level) / 2, len(values) - 1) * values.std(ddof=1) / len(values) ** 0.5
    return float(values.mean() - half), float(values.mean() + half)
