"""What was found out about values and propensities, and how such figures held out of time.

in   what the fits found
out  ValueReport and its parts; all of it is of evidence grade `model`
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from omnimix.core.grade import Grade


@dataclass(frozen=True, slots=True)
class Parameter:
    """One fitted parameter with its standard error (observed information, delta method)."""

    name: str
    value: float
    error: float


@dataclass(frozen=True, slots=True)
class Bin:
    """People who were given about the same prediction, what they then did, and a 95 % interval of its mean."""

    label: str
    people: int
    predicted: float  # mean, in the unit of the outcome
    seen: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Score:
    """One measure of the model and of the recency baseline on the same people, 95 % bootstrap intervals.

    `gain` is how much better the model is (positive: better, whichever way the measure runs), resampled in pairs.
    """

    name: str
    model: float
    low: float
    high: float
    baseline: float
    gain: float
    gain_low: float
    gain_high: float

    @property
    def beats(self) -> bool:
        """Whether the model is better than the baseline beyond chance."""
        return self.gain_low > 0


class Used(StrEnum):
    """What a predicted figure stands on."""

    MODEL = "model"
    BASELINE = "baseline"  # the model was no better than recency alone
    NOTHING = "nothing"  # cannot be known: too few people or outcomes


@dataclass(frozen=True, slots=True)
class Backtest:
    """Fitted on what was known before `fitted_at`, compared with what happened from there to `tested_at`."""

    name: str  # orders, margin; buy, churn, respond
    unit: str  # days with an order, minor units, chance
    fitted_at: datetime
    tested_at: datetime
    people: int  # once for each window they are looked at in
    predicted: float  # mean over people
    seen: float
    bins: tuple[Bin, ...]  # by tenths of the prediction, the lowest first
    scores: tuple[Score, ...]
    by_orders: tuple[Bin, ...] = ()  # by days with an order so far


@dataclass(frozen=True, slots=True)
class Weight:
    """What one standard deviation of a habit adds to the log-odds."""

    habit: str
    weight: float


@dataclass(frozen=True, slots=True)
class Propensity:
    """One propensity: what it stands on, how it held out of time, what speaks for it. `note` says so in words."""

    name: str  # buy, churn, respond
    days: int
    used: Used
    note: str
    people: int = 0  # in the window it was fitted on
    outcomes: int = 0  # of those
    test: Backtest | None = None
    weights: tuple[Weight, ...] = ()  # largest first


@dataclass(frozen=True, slots=True)
class Decile:
    """A tenth of the valued customers, 1 being the most valuable; money in minor units of margin."""

    decile: int
    people: int
    clv_minor: float  # mean
    low: float  # mean of the customers' intervals
    high: float
    expected_orders: float
    p_alive: float
    share: float  # of the value of everybody


@dataclass(frozen=True, slots=True)
class Worth:
    """The lifetime-value model: BG/NBD for how often, Gamma-Gamma for how much, a shrunken share for refunds."""

    customers: int
    fitted_on: int  # fewer than `customers` where a sample was drawn; the errors below then say what that cost
    orders: tuple[Parameter, ...]  # r, alpha, a, b; time in weeks
    log_likelihood: float
    spend: tuple[Parameter, ...]  # p, q, gamma: margin of a day with an order, minor units
    refunds: tuple[Parameter, ...]  # share of margin that goes back
    association: float  # Spearman correlation of frequency and margin per order; the model takes it for 0
    deciles: tuple[Decile, ...]
    tests: tuple[Backtest, ...]  # orders, margin; empty where the history is too short
    coverage: float | None  # share of customers whose later margin lay within their interval
    level: float  # that share as it should be


@dataclass(frozen=True, slots=True)
class ValueReport:
    """Everything `value` found on one day. Without a `worth` the note says why it cannot be known."""

    as_of: datetime
    currency: str
    horizon_days: int
    customers: int  # with at least one order
    note: str
    worth: Worth | None
    propensities: tuple[Propensity, ...]
    grade: Grade = Grade.MODEL
