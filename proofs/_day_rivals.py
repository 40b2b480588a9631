"""What the ladder of a simulated day is compared with: three usual policies, in the same market.

in   a MomentMarket, its visits, which of them take part (pacing)
out  what each policy showed to every visit

All of them obey the same hard rules, learn as often, from the same orders as they become known, and are told how
many orders are still to come (a young decision counts as the share of orders known at its age). None keeps a
holdout or a lane: what the ladder spends on knowing whether it pays is to its own disadvantage here.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from omnimix.activation.decide.pooling import belief, scaled_prior
from omnimix.testing.moments import HOUR, MomentMarket, Visits, batches

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

EVERY_US = HOUR // 2  # how often everybody learns
TEST_SHARE = 0.2  # of the day that A/B-then-commit tests


class Heard:
    """Orders that become known, each once, and refunds."""

    def __init__(self, market: MomentMarket, visits: Visits) -> None:
        self._market, self._visits = market, visits
        self._at: list[tuple[IntArray, IntArray, FloatArray]] = []  # when known, which visit, margin

    def add(self, start: int, stop: int, shown: IntArray) -> None:
        """Take in what was shown to the visits from place `start` to before `stop`."""
        found = self._market.outcomes(self._visits.cut(start, stop), shown)
        rows = np.nonzero((found.margin > 0) & (shown >= 0))[0]
        self._at.append((found.known_us[rows], start + rows, found.margin[rows]))
        back = rows[found.refunded_us[rows] >= 0]
        self._at.append((found.refunded_us[back], start + back, -found.margin[back]))

    def upto(self, now_us: int) -> tuple[IntArray, FloatArray]:
        """What became known by now and was not told yet: places of visits, margins (negative: refunded)."""
        told, kept = [], []
        for when, rows, margin in self._at:
            now = when <= now_us
            told.append((rows[now], margin[now]))
            if not now.all():
                kept.append((when[~now], rows[~now], margin[~now]))
        self._at = kept
        if not told:
            return np.zeros(0, dtype=np.int64), np.zeros(0)
        return np.concatenate([t[0] for t in told]), np.concatenate([t[1] for t in told])


@dataclass
class Cells:
    """Sums by segment and variant (S, V); decisions by the stretch of time they fell into."""

    count: FloatArray  # (T, S, V)
    total: FloatArray  # (S, V)
    squares: FloatArray  # (S, V)

    @classmethod
    def empty(cls, stretches: int, segments: int, variants: int) -> "Cells":
        """Nothing seen."""
        shape = (segments, variants)
        return cls(np.zeros((stretches, *shape)), np.zeros(shape), np.zeros(shape))

    def decided(self, stretch: int, segment: IntArray, shown: IntArray) -> None:
        """Count what was shown."""
        seen = shown >= 0
        np.add.at(self.count[stretch], (segment[seen], shown[seen]), 1.0)

    def heard(self, segment: IntArray, shown: IntArray, margin: FloatArray) -> None:
        """Add margins; a refund takes its order away again."""
        np.add.at(self.total, (segment, shown), margin)
        np.add.at(self.squares, (segment, shown), np.sign(margin) * margin**2)

    def weighed(self, known: FloatArray) -> FloatArray:
        """(S, V) decisions, each stretch by the share of orders known of it; `known` (T,)."""
        return np.asarray(np.einsum("t,tsv->sv", known[: len(self.count)], self.count))


def known_of(market: MomentMarket, stretches: int, now_us: int) -> FloatArray:
    """(T,) share of orders known now of each stretch of the day."""
    middle = (np.arange(stretches)[:, None] + np.linspace(0.05, 0.95, 10)) * EVERY_US
    return np.asarray(market.known_share(now_us - middle).mean(axis=1))


class Policy:
    """Chooses for visits from what is known by segment and variant."""

    def __init__(self, market: MomentMarket, seed: int, visits: int) -> None:
        self.market = market
        self.rng = np.random.default_rng([seed, 99])
        truth = market.truth
        self.base = truth.rate * truth.order_minor
        self.noise = (truth.rate * truth.order_minor**2 * (1 + truth.order_cv**2)) ** 0.5
        every = np.arange(truth.variants)
        self.broad: BoolArray = market.brief < 0
        self.pool: BoolArray = self.broad | (market.brief[None, :] == np.arange(truth.segments)[:, None])  # (S, V)
        self.draws: FloatArray = np.zeros((truth.segments, len(every), 1))  # (S, V, K)
        people = np.bincount(market.crowd.segment, minlength=truth.segments) / len(market.crowd.segment)
        self.ahead = visits * people[:, None] / self.pool.sum(axis=1, keepdims=True)  # (S, 1) a variant's share

    def learn(self, count: FloatArray, cells: Cells, share: float) -> None:
        """Learn from the sums; `share` of the day's visits has passed."""
        raise NotImplementedError

    def choose(self, segment: IntArray, fit: BoolArray) -> IntArray:
        """(N,) one variant each of those that fit (N, V); -1 where none does."""
        k = self.rng.integers(0, self.draws.shape[2], len(segment))
        worth = np.where(fit & self.pool[segment], self.draws[segment, :, k], -np.inf)
        best = worth.argmax(axis=1)
        return np.where(np.isfinite(worth.max(axis=1)), best, -1)


class Commit(Policy):
    """A/B test of the broad variants on the first fifth of the day, then the winner for everybody."""

    def __init__(self, market: MomentMarket, seed: int, visits: int) -> None:
        super().__init__(market, seed, visits)
        self.pool = np.broadcast_to(self.broad, self.pool.shape)
        self.draws = self.rng.random((*self.pool.shape, 512))
        self._done = False

    def learn(self, count: FloatArray, cells: Cells, share: float) -> None:
        """Commit once; who must not be shown the winner gets the next best."""
        if share >= TEST_SHARE and not self._done:
            self._done = True
            mean = cells.total.sum(axis=0) / np.maximum(count.sum(axis=0), 1e-9)
            self.draws = np.broadcast_to(mean[None, :, None], (*self.pool.shape, 1))


class Unpooled(Policy):
    """Thompson sampling, every segment and variant on its own."""

    def learn(self, count: FloatArray, cells: Cells, share: float) -> None:  # noqa: ARG002
        """Normal posterior of each cell: prior mean and standard deviation of a visit's margin."""
        precision = count / self.noise**2 + 1 / self.base**2
        mean = (cells.total / self.noise**2 + 1 / self.base) / precision
        self.draws = mean[:, :, None] + self.rng.normal(size=(*mean.shape, 512)) / np.sqrt(precision)[:, :, None]


class Segmented(Policy):
    """The best creative of each segment, pooled partially and blind to the moment; explores what the day can
    still resolve."""

    def learn(self, count: FloatArray, cells: Cells, share: float) -> None:
        """The posterior of `pooling`, as the rungs below `moment` use it."""
        prior = scaled_prior(self.base, self.noise)
        found = belief(
            count, cells.total, np.maximum(cells.squares, 0), prior, ahead=self.ahead * (1 - share) * self.pool
        )
        normal = self.rng.normal(size=(count.shape[1], 512))
        self.draws = np.stack(
            [m[:, None] + _root(c) @ normal for m, c in zip(found.mean, found.reachable, strict=True)]
        )


RIVALS: dict[str, type[Policy]] = {"A/B then commit": Commit, "unpooled": Unpooled, "segment only": Segmented}


def lived(policy: Policy, visits: Visits, takes_part: BoolArray) -> Iterator[tuple[int, int, IntArray]]:
    """Live the day: places from … to, and what was shown to the visits between."""
    market = policy.market
    segment = market.crowd.segment[visits.person]
    parts = list(batches(visits, EVERY_US))
    cells = Cells.empty(24 * HOUR // EVERY_US, market.truth.segments, market.truth.variants)
    heard, everything = Heard(market, visits), np.full(len(visits), -1, dtype=np.int64)
    policy.learn(cells.count.sum(axis=0), cells, 0.0)
    for start, stop in parts:
        stretch = int(visits.at_us[start] // EVERY_US)
        fit = market.crowd.allowed[visits.person[start:stop]] & takes_part[start:stop, None]
        shown = policy.choose(segment[start:stop], fit)
        everything[start:stop] = shown
        heard.add(start, stop, shown)
        cells.decided(stretch, segment[start:stop], shown)
        yield start, stop, shown
        now_us = (stretch + 1) * EVERY_US
        rows, margin = heard.upto(now_us)
        cells.heard(segment[rows], everything[rows], margin)
        count = cells.weighed(known_of(market, len(cells.count), now_us))
        policy.learn(count, cells, stop / len(visits))


def _root(covariance: FloatArray) -> FloatArray:
    values, vectors = np.linalg.eigh(covariance)
    return np.asarray(vectors * np.sqrt(values.clip(min=0)))
