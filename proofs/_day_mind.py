"""What a simulated day teaches: sums that grow with every micro-batch, the snapshot and the model made of them.

in   decisions as they are made (features x, variant, rung), orders and refunds as they become known
out  a Snapshot for the rungs blind to the moment, a Moment for the rung `moment`
"""

from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt

from omnimix.activation.decide.feature import Feature, FeatureRules, compiled
from omnimix.activation.decide.moment import Moment
from omnimix.activation.decide.pooling import belief, scaled_prior
from omnimix.activation.decide.snapshot import Snapshot
from omnimix.activation.experiment.ladder import Rung
from omnimix.measurement.learn import moment as learner
from omnimix.measurement.learn.stream import Sums, nothing, summed, weighed
from omnimix.testing.moments import DAY, DEVICES, PAGES, PARTS, TRAITS, MomentMarket, Visits
from proofs._day_rivals import EVERY_US, Cells, known_of

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

CAMPAIGN = "day"
STARTS = datetime(2026, 6, 1, tzinfo=UTC)
BLIND = frozenset(map(str, (Rung.BROAD, Rung.RELEVANT, Rung.SEGMENT, Rung.SEQUENCE)))
DAYPARTS = ("night", "morning", "afternoon", "evening")
_BOUND = 2.5  # of a trait


def rules_of(market: MomentMarket) -> FeatureRules:
    """Features of the moment as a marketer would declare them: 39 columns, not all of which matter."""
    truth = market.truth
    places = {
        "device": ("context.device", DEVICES),
        "page": ("context.page", PAGES),
        "category": ("context.category", tuple(f"category-{c}" for c in range(truth.categories))),
        "daypart": ("time.daypart", DAYPARTS),
        "segment": ("state.segment", tuple(f"segment-{s}" for s in range(truth.segments))),
    }
    levels = {n: Feature(source=source, kind="level", levels=known) for n, (source, known) in places.items()}
    traits = {t: Feature(source=f"trait.{t}", low=-_BOUND, high=_BOUND) for t in TRAITS}
    return FeatureRules(features=levels | traits, interactions=(("device", "daypart"),))


def vectors(market: MomentMarket, visits: Visits) -> npt.NDArray[np.float32]:
    """(M, F) what `compiled(rules_of(market))` makes of each visit, all at once."""
    truth, who = market.truth, visits.person
    part = visits.at_us * PARTS // DAY
    sizes = (len(DEVICES), len(PAGES), truth.categories, PARTS, truth.segments)
    values = (visits.device, visits.page, visits.category, part, market.crowd.segment[who])
    levels = [value[:, None] == np.arange(size) for value, size in zip(values, sizes, strict=True)]
    traits = np.rint((market.crowd.traits[who] + _BOUND) / (2 * _BOUND) * 2048 - 1024) / 1024
    crossed = (levels[0][:, :, None] & levels[3][:, None, :]).reshape(len(visits), -1)
    return np.hstack([np.ones((len(visits), 1)), *levels, traits, crossed]).astype(np.float32)


class Mind:
    """Learns from one day of one market. Nothing is known at first but how often people buy, and for how much."""

    def __init__(self, market: MomentMarket, visits: Visits) -> None:
        truth = market.truth
        self.market, self.visits = market, visits
        self.rules = rules_of(market)
        made = compiled(self.rules)
        self.features, self.classes = made.names, made.classes
        self.segments = tuple(f"segment-{s}" for s in range(truth.segments))
        self.variants = tuple(f"variant-{v:02d}" for v in range(truth.variants))
        self.briefs = tuple("broad" if b < 0 else self.segments[b] for b in market.brief.tolist())
        own = (np.arange(truth.variants) - truth.broad) // truth.segments
        self.steps: tuple[int, ...] = tuple(np.where(market.brief < 0, 0, own).tolist())
        self.base = truth.rate * truth.order_minor
        self.noise = (truth.rate * truth.order_minor**2 * (1 + truth.order_cv**2)) ** 0.5
        self.segment = market.crowd.segment[visits.person]
        self.shown = np.full(len(visits), -1, dtype=np.int64)
        self.blind = np.zeros(len(visits), dtype=np.bool_)
        self.x = np.zeros((len(visits), len(self.features)), dtype=np.float32)
        self.moment: Moment | None = None
        self.models = 0
        self._cells = Cells.empty(DAY // EVERY_US, truth.segments, truth.variants)
        self._sums: Sums = nothing(truth.variants, len(self.features))
        self._passed = 0

    def decided(self, stretch: int, start: int, stop: int) -> None:
        """Take in a stretch's decisions: nothing is known of their orders yet."""
        shown = self.shown[start:stop]
        self._cells.decided(stretch, self.segment[start:stop], np.where(self.blind[start:stop], shown, -1))
        rows = start + np.nonzero(shown >= 0)[0]
        self._sums += self._summed(rows, np.zeros(len(rows)))
        self._passed = stop

    def heard(self, rows: IntArray, margin: FloatArray) -> None:
        """Take in orders and refunds: what was counted as nothing is amended."""
        blind = self.blind[rows]
        self._cells.heard(self.segment[rows][blind], self.shown[rows][blind], margin[blind])
        before = np.where(margin < 0, -margin, 0.0)
        self._sums = self._sums + self._summed(rows, before + margin) - self._summed(rows, before)

    def _summed(self, rows: IntArray, reward: FloatArray) -> Sums:
        stretch = self.visits.at_us[rows] // EVERY_US
        return summed(self.x[rows], self.shown[rows], reward, stretch, variants=len(self.variants))

    def learn(self, stretch: int) -> None:
        """Fit the moment model anew from the day so far; a stretch counts as the share known of it."""
        known = known_of(self.market, stretch + 1, (stretch + 1) * EVERY_US)
        seen = weighed(self._sums, today=stretch, known=known[::-1])
        prior = learner.scaled_prior(self.base * (1 + self.market.truth.lift), self.noise)
        self.moment = learner.learnt(
            seen,
            self.rules,
            self.features,
            self.classes,
            self.variants,
            prior,
            seed=stretch,
            ahead=float(len(self.visits) - self._passed),
        )
        self.models += 1

    def snapshot(self, stretch: int) -> Snapshot:
        """What the rungs blind to the moment choose from: their own decisions. `follow` stands on `moment`."""
        count = self._cells.weighed(known_of(self.market, len(self._cells.count), (stretch + 1) * EVERY_US))
        prior = scaled_prior(self.base, self.noise)
        found = belief(count, self._cells.total, np.maximum(self._cells.squares, 0), prior, ahead=None)
        return Snapshot(
            snapshot_id=f"snap-{stretch}",
            campaign=CAMPAIGN,
            made_at=STARTS,
            segments=self.segments,
            variants=self.variants,
            briefs=self.briefs,
            steps=self.steps,
            mean=found.mean,
            covariance=found.covariance,
            promoted=(Rung.MOMENT,) * len(self.segments),
        )
