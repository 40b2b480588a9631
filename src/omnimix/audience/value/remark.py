"""What must be known beside the figures of value, in words.

in   a Worth record, or none
out  a few sentences
"""

from omnimix.audience.value.record import Backtest, Worth
from omnimix.audience.value.rules import ValueRules

_OFF = 0.1  # predicted in all and seen in all this far apart is said
_DEPENDENT = 0.3  # Spearman correlation from which frequency and spend can hardly be called unrelated
_NOBODY_LEAVES = 0.99


def remark(worth: Worth | None, rules: ValueRules) -> str:
    """The note of a ValueReport."""
    if worth is None:
        few = f"fewer than {rules.least} customers have ordered on more than one day"
        return f"Lifetime value cannot be known yet: {few}."
    return " ".join([_ground(worth), *_tested(worth), *_assumptions(worth)])


def _ground(worth: Worth) -> str:
    if worth.fitted_on < worth.customers:
        drawn = f"{worth.fitted_on:,} of {worth.customers:,} customers, drawn at random"
        return f"Fitted on {drawn}; the standard errors say what that costs."
    return f"Fitted on all {worth.customers:,} customers."


def _tested(worth: Worth) -> list[str]:
    if not worth.tests:
        return ["The history is too short to test on a later time: take the values as untested."]
    orders = worth.tests[0]
    ratio = orders.seen / orders.predicted if orders.predicted > 0 else 1.0
    said = []
    if abs(ratio - 1) > _OFF:
        said.append(
            f"On the last {_days(orders)} days, unseen by the model, {ratio:.2f} times as many orders came as it "
            "expected: season and growth are not in it."
        )
    no_better = [f"{t.name} ({s.name})" for t in worth.tests for s in t.scores if not s.beats]
    if no_better:
        said.append(f"Not better than recency alone beyond chance: {', '.join(no_better)}.")
    return said


def _assumptions(worth: Worth) -> list[str]:
    said = []
    if worth.deciles and min(d.p_alive for d in worth.deciles) > _NOBODY_LEAVES:
        said.append(
            "Nobody seems to leave for good, so that the chance of that tells nobody apart; look at churn instead."
        )
    if abs(worth.association) > _DEPENDENT:
        said.append(
            "How often and how much people buy go together, which the model leaves out "
            f"(rank correlation {worth.association:.2f})."
        )
    return said


def _days(test: Backtest) -> int:
    return (test.tested_at - test.fitted_at).days
