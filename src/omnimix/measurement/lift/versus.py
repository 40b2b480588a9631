"""Variants against each other: an experiment that may be looked at on any day, and stopped on any.

in   running sums per variant: people (or impressions), Σ reward, Σ reward²; the planned shares
out  Comparison records: differences with intervals that hold at all times together, the winner if there is one;
     before the start, the smallest difference that can be found

Intervals are asymptotic confidence sequences (Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas, Time-uniform
central limit theory and asymptotic confidence sequences, Annals of Statistics 52, 2024, theorem 2.2): the chance
that one of them ever misses is at most the error, however often one looks. Several variants share the error evenly
(Bonferroni). The price is width: about 1.5 times that of an interval for one look.

A winner is a finding, not a switch: who spends money decides what follows from it.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from omnimix.core.errors import InvalidInput
from omnimix.measurement.lift.looks import critical
from omnimix.measurement.lift.ratio import RatioCheck, sample_ratio
from omnimix.measurement.lift.stats import Moments

_FEWEST = 100  # people of a variant before its variance is trusted: the sequence is asymptotic


@dataclass(frozen=True, slots=True)
class Difference:
    """Mean reward of `one` less that of `other`; [low, high] holds at every look together. Infinite: too few."""

    one: str
    other: str
    estimate: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """An experiment as it stands. `winner`: the variant known to be better than every other one, if any."""

    differences: tuple[Difference, ...]
    ratio: RatioCheck
    winner: str | None
    why: str

    @property
    def trusted(self) -> bool:
        """Whether people were split as planned."""
        return not self.ratio.alarm


def compare(
    sums: Mapping[str, Moments], shares: Mapping[str, float], *, error: float = 0.05, planned: int = 10_000
) -> Comparison:
    """Compare variants by their running sums.

    `shares` are the planned shares, adding up to 1. `planned` is the number of people per variant for which the
    intervals are to be narrowest; they hold for any number. Raises InvalidInput for fewer than two variants.
    """
    if len(shares) < 2:
        raise InvalidInput("an experiment needs two variants or more", where="experiment", fix="add a variant")
    pairs = list(combinations(sorted(shares), 2))
    ratio = sample_ratio({v: m.n for v, m in sums.items()}, shares)
    found = tuple(
        _difference(a, b, sums.get(a, Moments()), sums.get(b, Moments()), error / len(pairs), planned)
        for a, b in pairs
    )
    if ratio.alarm:
        return Comparison(
            found, ratio, None, "people were not split as planned: find out why before anything else"
        )
    better = {v: sum((d.one == v and d.low > 0) or (d.other == v and d.high < 0) for d in found) for v in shares}
    winner = next((v for v in sorted(better) if better[v] == len(shares) - 1), None)
    return Comparison(found, ratio, winner, "" if winner else "no variant is known to be better than every other")


def _difference(one: str, other: str, a: Moments, b: Moments, error: float, planned: int) -> Difference:
    if min(a.n, b.n) < _FEWEST or a.variance + b.variance <= 0:
        return Difference(one, other, a.mean - b.mean, -math.inf, math.inf)
    reach = _reach(a.variance * (a.n + b.n) / a.n + b.variance * (a.n + b.n) / b.n, a.n + b.n, error, 2 * planned)
    return Difference(one, other, a.mean - b.mean, a.mean - b.mean - reach, a.mean - b.mean + reach)


def _reach(variance: float, n: int, error: float, planned: int) -> float:
    """Half the width of the sequence after `n` people, narrowest near `planned` (theorem 2.2, equation 36).

    `variance` is that of one person's contribution to the difference: Y·(1/p) for one variant, −Y·(1/(1−p)) for
    the other, each about its own mean.
    """
    wide = -2 * math.log(error)
    tuned = (wide + math.log(wide + 1)) / planned
    scale = n * tuned + 1
    return math.sqrt(2 * scale / (n**2 * tuned) * math.log(math.sqrt(scale) / error) * variance)


def smallest_found(
    variance: float, people: Sequence[int], *, error: float = 0.05, power: float = 0.8, pairs: int = 1
) -> float:
    """The smallest difference in mean reward that is found with `power` once each variant has `people`.

    `people` holds the numbers of the two variants, `variance` is the mean of their variances of one person's
    reward; `pairs` is how many pairs of variants share the error. Infinite while a variant has too few.
    """
    n, m = people
    if min(n, m) < _FEWEST:
        return math.inf
    reach = _reach(variance * (n + m) * (1 / n + 1 / m), n + m, error / pairs, n + m)
    return reach + critical(1 - power) * math.sqrt(variance * (1 / n + 1 / m))


def smallest_rise(
    rate: float, people: Sequence[int], *, error: float = 0.05, power: float = 0.8, pairs: int = 1
) -> float:
    """`smallest_found` for a rate in (0, 1), whose variance grows with the rise.

    At most 1 − `rate`, infinite where no rise would be found.
    """
    rise = 0.0
    for _ in range(50):  # a contraction: each step changes the rise by less than the one before
        higher = min(1.0, rate + rise)
        variance = (rate * (1 - rate) + higher * (1 - higher)) / 2
        rise = smallest_found(variance, people, error=error, power=power, pairs=pairs)
    return rise if rate + rise <= 1 else math.inf
