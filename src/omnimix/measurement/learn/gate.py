"""The gate before a model is published: what would it have earned, judged from the log of what ran.

in   Log: decisions of the rung `moment` with the chance of each; a way to fit a model on some of them; a tolerance
out  Verdict: the off-policy evaluation, and whether the model may be published

A model judged on the decisions it was fitted on looks better than it is. So the log is cut in two by person; each
half is judged with the policy and the reward model that the other half teaches (Chernozhukov et al. 2018,
Econometrics Journal 21, cross-fitting). Margins of young decisions are divided by the share known at their age;
where less than half is known they are left out.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from omnimix.activation.decide.moment import Moment, chances_many, scores
from omnimix.core.errors import InvalidInput
from omnimix.measurement.learn.offpolicy import Evaluation, Logged, evaluate

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

YOUNGEST = 0.5  # share of a decision's margin that must be known for it to count
LEAST = 20  # decisions in each half


@dataclass(frozen=True, slots=True, eq=False)
class Log:
    """N decisions, each of V variants."""

    x: npt.NDArray[np.float32]  # (N, F)
    masks: BoolArray  # (N, V) what was eligible
    place: IntArray  # (N,) what was shown
    probability: FloatArray  # (N,) with which it was chosen
    reward: FloatArray  # (N,) margin so far, minor units
    known: FloatArray  # (N,) share of the margin that is known at the decision's age
    person: IntArray  # (N,) who it was for

    def part(self, rows: BoolArray) -> "Log":
        """Some of the rows."""
        return Log(
            x=self.x[rows],
            masks=self.masks[rows],
            place=self.place[rows],
            probability=self.probability[rows],
            reward=self.reward[rows],
            known=self.known[rows],
            person=self.person[rows],
        )


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a model may be published. `refused` is empty, or says why it may not."""

    evaluation: Evaluation | None  # None: there is next to no log
    refused: str

    @property
    def passed(self) -> bool:
        """Whether it may be published."""
        return not self.refused


def judge(log: Log, fit: Callable[[BoolArray], Moment], *, tolerance: float) -> Verdict:
    """Judge the model that `fit` makes of the decisions a mask (N,) lets it see.

    `tolerance` ≥ 0 is the share of the running policy's value that a model may be worse by, at the lower end of
    the interval: new models come often and differ little, so they need not be proven better each time, only not
    worse.
    """
    if tolerance < 0:
        raise InvalidInput(f"a tolerance of {tolerance:g}", where="moment.tolerance", fix="give 0 or more")
    mature = log.known >= YOUNGEST
    half = (log.person % 2).astype(np.bool_)
    if min(int((mature & half).sum()), int((mature & ~half).sum())) < LEAST:
        count = int(mature.sum())
        return Verdict(None, f"the rung `moment` has only {count} decisions whose margin is known by half")
    parts = [_judged(log.part(mature & side), fit(~side)) for side in (half, ~half)]
    found = evaluate(_together(parts))
    if found.overlap.refused:
        return Verdict(found, found.overlap.refused)
    gain = found.gain
    if gain is None:
        return Verdict(found, "its gain cannot be estimated")
    worst = -tolerance * abs(found.running.value)
    if gain.low < worst:
        return Verdict(
            found,
            f"it may earn {-gain.low:.2f} less a decision than what runs; at most {-worst:.2f} is let pass",
        )
    return Verdict(found, "")


def _judged(log: Log, moment: Moment) -> Logged:
    chance = chances_many(moment, log.x, log.masks)
    value = scores(moment, log.x)
    rows = np.arange(len(log.place))
    return Logged(
        reward=log.reward / log.known,
        probability=log.probability,
        target=np.clip(chance[rows, log.place], 0.0, 1.0),
        person=log.person,
        predicted=value[rows, log.place],
        expected=(chance * value).sum(axis=1),
    )


def _together(parts: list[Logged]) -> Logged:
    names = ("reward", "probability", "target", "person", "predicted", "expected")
    return Logged(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))
