"""Off-policy evaluation: what a candidate policy would have earned, from the log of the policy that ran.

in   per decision: reward, the logged probability, the chance with which the candidate would choose the same arm;
     optionally a reward model's predictions, and who was decided for
out  values by inverse propensity (IPS), self-normalised (SNIPS) and doubly robust (DR) estimators with intervals,
     the difference from the policy that ran, and a diagnosis of overlap that refuses what the log cannot tell

A log can only speak of what the running policy might have done. Where the candidate would choose arms that were
never, or hardly ever, chosen, the weights are few and large and every estimate is a guess: `diagnose` says so, and
`evaluate` then gives no value.

Sources. IPS: Horvitz and Thompson 1952, JASA 47. SNIPS: Swaminathan and Joachims 2015, NeurIPS. DR: Dudík,
Langford and Li 2011, ICML. Effective sample size: Kong 1992. Errors are robust to several decisions for one person
(Liang and Zeger 1986, Biometrika 73); intervals allow for skewness (Hall 1992, JRSS B 54).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import stdtrit

from omnimix.core.errors import InvalidInput

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

LEAST_EFFECTIVE = 100.0  # decisions worth of information below which no value is given
LEAST_SHARE = 0.01  # effective share of the log below which the candidate is another world
LARGEST_SHARE = 0.05  # of the total weight that one decision may carry
MEAN_WEIGHT_ERRORS = (
    4.0  # the mean weight is 1 in truth; farther off than so many standard errors, support is missing
)


@dataclass(frozen=True, slots=True)
class Logged:
    """N decisions of the policy that ran.

    `reward` is in minor units of margin (or clicks), `probability` in (0, 1] is the logged chance of the arm that
    was chosen, `target` in [0, 1] the candidate's chance of that same arm. `person` (N,) groups decisions that are
    not independent; None: each stands alone. `predicted` (N,) is a reward model's value of the chosen arm,
    `expected` (N,) the same model's value averaged over the candidate's choice; both or neither, and fitted on
    other decisions.
    """

    reward: FloatArray
    probability: FloatArray
    target: FloatArray
    person: IntArray | None = None
    predicted: FloatArray | None = None
    expected: FloatArray | None = None

    def __post_init__(self) -> None:
        count = len(self.reward)
        given = (self.probability, self.target, self.person, self.predicted, self.expected)
        if any(v is not None and len(v) != count for v in given):
            raise InvalidInput("the columns of the log have different lengths", where="offpolicy")
        if not count:
            raise InvalidInput("the log is empty", where="offpolicy", fix="decide and log first")
        if not ((self.probability > 0) & (self.probability <= 1)).all():
            raise InvalidInput("a logged probability is not in (0, 1]", where="offpolicy.probability")
        if not ((self.target >= 0) & (self.target <= 1)).all():
            raise InvalidInput("a candidate's probability is not in [0, 1]", where="offpolicy.target")
        if (self.predicted is None) != (self.expected is None):
            raise InvalidInput("give both predictions of the reward model, or neither", where="offpolicy")

    @property
    def weight(self) -> FloatArray:
        """(N,) candidate's chance over logged chance."""
        return np.asarray(self.target / self.probability)


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean reward per decision with its standard error and interval."""

    value: float
    error: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Overlap:
    """How far the log can speak for the candidate. `refused` is empty, or says why it cannot."""

    decisions: int
    effective: float  # (Σw)² ÷ Σw², decisions
    mean_weight: float  # 1 in truth where every arm of the candidate had a chance
    largest_share: float  # of one decision in Σw
    refused: str


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What the candidate would have earned; the estimates are None where overlap refuses them."""

    overlap: Overlap
    running: Estimate  # the policy that ran, from its own rewards
    ips: Estimate | None
    snips: Estimate | None
    dr: Estimate | None  # None also where no reward model was given
    gain: Estimate | None  # candidate minus running, by DR where there is one, else by SNIPS

    @property
    def better(self) -> bool:
        """Whether the candidate may be published: its gain lies above zero, interval and all."""
        return self.gain is not None and self.gain.low > 0


def diagnose(logged: Logged) -> Overlap:
    """Whether importance weights can carry an estimate."""
    weight = logged.weight
    total, squares, count = float(weight.sum()), float((weight**2).sum()), len(weight)
    effective = total**2 / squares if squares else 0.0
    largest = float(weight.max()) / total if total else 1.0
    mean = total / count
    spread = float(weight.std()) / np.sqrt(count)
    refused = ""
    if effective < LEAST_EFFECTIVE:
        refused = f"the log holds only {effective:.0f} decisions' worth of information about the candidate"
    elif effective / count < LEAST_SHARE:
        refused = (
            f"{effective / count:.1%} of the log speaks for the candidate; it does other things than what ran"
        )
    elif largest > LARGEST_SHARE:
        refused = f"one decision carries {largest:.0%} of the weight"
    elif abs(mean - 1) > MEAN_WEIGHT_ERRORS * spread + 1e-9:
        refused = f"the weights average {mean:.2f} and not 1: the candidate uses arms that could not be chosen"
    return Overlap(count, effective, mean, largest, refused)


def evaluate(logged: Logged, *, level: float = 0.95) -> Evaluation:
    """Value the candidate. `level` in (0, 1) is the intervals' coverage."""
    overlap = diagnose(logged)
    reward, weight = logged.reward, logged.weight
    running = _estimate(reward.mean(), reward - reward.mean(), logged, level, np.ones_like(weight))
    if overlap.refused:
        return Evaluation(overlap, running, None, None, None, None)
    plain = weight * reward
    ips = _estimate(plain.mean(), plain - plain.mean(), logged, level, weight)
    ratio = float(plain.sum() / weight.sum())
    influence = weight * (reward - ratio) / weight.mean()  # of the ratio of two means (delta method)
    snips = _estimate(ratio, influence, logged, level, weight)
    value, pull, dr = ratio, influence, None
    if logged.predicted is not None and logged.expected is not None:
        robust = logged.expected + weight * (reward - logged.predicted)
        value, pull = float(robust.mean()), robust - robust.mean()
        dr = _estimate(value, pull, logged, level, weight)
    gain = _estimate(value - running.value, pull - (reward - reward.mean()), logged, level, weight)
    return Evaluation(overlap, running, ips, snips, dr, gain)


def _estimate(
    value: float | np.floating, influence: FloatArray, logged: Logged, level: float, weight: FloatArray
) -> Estimate:
    """A mean with its interval, from the influence of each decision on it, summed by person.

    Rare rewards times few large weights are skewed, which Hall's transformation takes into the interval. The
    degrees of freedom are the effective number of people.
    """
    if logged.person is None:
        sums, loads = influence, weight
    else:
        _, place = np.unique(logged.person, return_inverse=True)
        sums = np.asarray(np.bincount(place, influence), dtype=np.float64)
        loads = np.asarray(np.bincount(place, weight), dtype=np.float64)
    groups = len(sums)
    squares = float((sums**2).sum())
    error = float(np.sqrt(groups / max(1, groups - 1) * squares)) / len(influence)
    freedom = max(1.0, float(loads.sum() ** 2 / (loads**2).sum()) - 1)
    skew = (
        float((sums**3).sum() / squares**1.5) if squares else 0.0
    )  # skewness over the root of the number of people
    tails = (0.5 + level / 2, 0.5 - level / 2)
    low, high = (float(value) - _unskewed(float(stdtrit(freedom, tail)), skew) * error for tail in tails)
    return Estimate(float(value), error, low, high)


def _unskewed(quantile: float, skew: float) -> float:
    """Where a statistic with this skewness (over √n) has the quantile of a symmetric one."""
    if abs(skew) < 1e-6:
        return quantile
    return float(3 / skew * (np.cbrt(1 + skew * (quantile - skew / 6)) - 1))
