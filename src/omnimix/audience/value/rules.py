"""The rules of value and propensity: how far ahead to look, and what counts as contact and response.

in   the [value] table of omnimix.toml
out  ValueRules, checked
"""

from omnimix.core.errors import InvalidInput
from omnimix.core.record import config


@config
class ValueRules:
    """Horizons are days ahead of the day everything is reckoned from."""

    horizon_days: int = 365  # lifetime value is the margin of so many days ahead
    discount: float = 0.10  # a year; what comes later is worth less
    buy_days: int = 30  # p_buy: orders at least once within so many days
    churn_days: int = 90  # p_churn: somebody who has ordered does not order within so many days
    respond_days: int = 30  # p_respond: answers at least one contact of the next so many days
    contacts: tuple[str, ...] = ("Email Delivered",)  # events that reach a person …
    responses: tuple[str, ...] = ("Email Link Clicked",)  # … and those that answer; opens are left to machines
    least: int = 50  # fewer people with an outcome, or without it, and it cannot be known
    sample: int = 200_000  # at most so many customers are used to fit; everybody gets a value
    draws: int = 600  # simulated futures for the interval of each customer's value
    level: float = 0.9  # of that interval
    resamples: int = 400  # bootstrap resamples for the intervals of the scores

    def __post_init__(self) -> None:
        for name in ("horizon_days", "buy_days", "churn_days", "respond_days", "least", "resamples"):
            if getattr(self, name) < 1:
                raise InvalidInput(f"{name} must be at least 1", where=f"value.{name}", fix="give 1 or more")
        for name, low in (("sample", 1000), ("draws", 100)):
            if getattr(self, name) < low:
                raise InvalidInput(f"{name} is too small", where=f"value.{name}", fix=f"give {low} or more")
        if not 0 < self.level < 1:
            raise InvalidInput("a level is between 0 and 1", where="value.level", fix="use 0.9")
        if not 0 <= self.discount < 10:
            raise InvalidInput("a discount rate is a share a year", where="value.discount", fix="use 0.1 for 10 %")
        if set(self.contacts) & set(self.responses):
            raise InvalidInput(
                "an event is either a contact or a response", where="value.responses", fix="name it once"
            )
