"""How likely a price wins, learnt from bids that won and lost.

in   counts of bids and wins by price
out  a Curve: P(win | price), log-logistic

Counts stand in 64 steps of price, a factor of 1.16 each, and add up over workers; from `MOST` on they are halved,
so that the market of long ago is forgotten. The curve is a logistic regression on the logarithm of the price
(Newton's method) over what was counted and 21 bids more that went as a prior has it; an exchange's own curve is
the prior of those of its sizes, so that a size that is rarely seen keeps to it (partial pooling). The prior of an
exchange is `PRIOR`.
"""

from dataclasses import dataclass
from functools import cached_property
from math import exp, log

import msgspec
import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

STEPS = 64
MOST = 20_000  # bids of one curve
_LOW, _HIGH = 1e4, 1e8  # cpm: 0.01 to 100 units per thousand
_WIDTH = log(_HIGH / _LOW) / STEPS
_MIDDLES = np.log(_LOW) + _WIDTH * (np.arange(STEPS) + 0.5)
_ROUNDS, _HALVINGS = 50, 24
_REACH, _TABLE = 8.0, 96  # of `best_soon`
_FLATTEST, _STEEPEST = 0.3, 12.0  # slopes that are believed


@dataclass(frozen=True)
class Curve:
    """P(win | price) = 1 / (1 + (middle / price) ** slope); `middle` in cpm, `slope` above 0."""

    middle: float
    slope: float

    @cached_property
    def _shares(self) -> list[float]:
        """The best price over the value, for values of e ** -8 to e ** 8 times the middle."""
        scale = [exp(-_REACH + 2 * _REACH * place / _TABLE) for place in range(_TABLE + 1)]
        return [self.best(self.middle * s) / (self.middle * s) for s in scale]

    def best_soon(self, value: float) -> float:
        """As `best`, to one part in some thousand, from a table: for use while somebody waits."""
        at = min(max((log(value / self.middle) + _REACH) * _TABLE / (2 * _REACH), 0.0), _TABLE - 1e-9)
        place = int(at)
        low, high = self._shares[place], self._shares[place + 1]
        return value * (low + (high - low) * (at - place))

    def chance(self, price: float) -> float:
        """The chance of winning at a price above 0."""
        return 1 / (1 + exp(min(self.slope * (log(self.middle) - log(price)), 700.0)))

    def best(self, value: float) -> float:
        """The price in (0, value) of the largest expected gain."""
        low, high = 0.0, float(value)
        for _ in range(_HALVINGS):
            price = (low + high) / 2
            gain = (value - price) * self.slope * (1 - self.chance(price)) - price
            low, high = (price, high) if gain > 0 else (low, price)
        return low


PRIOR = Curve(middle=1.5e6, slope=2.0)
_AROUND = np.linspace(-1.5, 1.5, 7)  # of the prior's middle, in logarithms: where its bids stand
_EACH = 3.0  # bids at each


class Tally(msgspec.Struct, array_like=True):
    """Bids and wins by price step; what several workers counted adds up."""

    bids: list[int]
    wins: list[int]

    @classmethod
    def empty(cls) -> "Tally":
        """Nothing counted."""
        return cls([0] * STEPS, [0] * STEPS)

    def saw(self, price: int, won: bool) -> None:
        """Count one bid."""
        place = min(max(int((log(max(price, 1)) - log(_LOW)) / _WIDTH), 0), STEPS - 1)
        self.bids[place] += 1
        self.wins[place] += won

    def saw_threshold(self, price: int) -> None:
        """Count what the exchange tells of the least winning price: just below it loses, at it wins."""
        self.saw(int(price * exp(-_WIDTH)), won=False)
        self.saw(price, won=True)

    def plus(self, other: "Tally") -> "Tally":
        """Both together, halved when they are many."""
        bids = [a + b for a, b in zip(self.bids, other.bids, strict=True)]
        wins = [a + b for a, b in zip(self.wins, other.wins, strict=True)]
        if sum(bids) > MOST:
            wins = [w // 2 for w in wins]
            bids = [max(b // 2, w) for b, w in zip(bids, wins, strict=True)]
        return Tally(bids, wins)

    @property
    def total(self) -> int:
        """How many bids were counted."""
        return sum(self.bids)


def fitted(tally: Tally, prior: Curve = PRIOR) -> Curve:
    """The curve of a tally: the mode of the posterior. O(1): at most 50 rounds over 64 steps."""
    bids, wins = np.array(tally.bids, dtype=float), np.array(tally.wins, dtype=float)
    if not bids.any():
        return prior
    origin = log(prior.middle)
    supposed = 1 / (1 + np.exp(-prior.slope * _AROUND))
    places = np.concatenate([_MIDDLES - origin, _AROUND])
    bids = np.concatenate([bids, np.full(len(_AROUND), _EACH)])
    wins = np.concatenate([wins, _EACH * supposed])
    slope = float(np.clip(_mode(places, bids, wins, prior.slope, free=True)[1], _FLATTEST, _STEEPEST))
    height = _mode(places, bids, wins, slope, free=False)[0]
    return Curve(middle=exp(origin - min(max(height / slope, -15), 15)), slope=slope)


def _mode(
    places: FloatArray, bids: FloatArray, wins: FloatArray, slope: float, *, free: bool
) -> tuple[float, float]:
    """The likeliest (height, slope) of a logistic curve; `free` False keeps the slope."""
    columns = np.column_stack([np.ones(len(places)), places])[:, : 1 + free]
    kept = 0.0 if free else slope * places
    weights = np.array([0.0, slope][: 1 + free])
    for _ in range(_ROUNDS):
        chance = 1 / (1 + np.exp(-np.clip(columns @ weights + kept, -30, 30)))
        spread = columns * np.maximum(bids * chance * (1 - chance), 1e-12)[:, None]
        step = np.linalg.solve(columns.T @ spread, columns.T @ (wins - bids * chance))
        size = float(np.abs(step).max())
        weights += step / max(1.0, size)  # a whole step may overshoot while the start is far off
        if size < 1e-9:
            break
    return float(weights[0]), float(weights[1]) if free else slope
