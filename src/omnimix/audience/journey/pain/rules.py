"""The rules of looking for pain: which words mean an error, help or success, and how sure is sure enough.

in   the [pain] table of omnimix.toml
out  PainRules, checked
"""

import re

from omnimix.core.errors import InvalidInput
from omnimix.core.record import config

# Patterns over an event's name, page path or properties, in lower case; they must also run on Java's engine.
ERROR = (
    r"error|fail|declin|exception|crash|time(d )?.?out|rage.?click|dead.?click"
    r"|(^|[^0-9])404([^0-9]|$)|(^|[^a-z])bug([^a-z]|$)"
)
ERROR_PROPERTY = (
    r'"[a-z_.]*(error|exception|failure)[a-z_.]*": ?("[^"]+"|true|[1-9])'
    r'|"[a-z_.]*status[a-z_.]*": ?"?(failed|declined|error|[45][0-9][0-9])'
)
SUPPORT = r"support|(^|[^a-z])(live)?chat|ticket|complain|refund|(^|[^a-z])return(s|ed)?([^a-z]|$)"
GOAL = r"^((order|checkout)[ _.](completed?|placed)|purchased?|transaction)$"


@config
class PainRules:
    """What to look at, and how sure is sure enough. The defaults need no change for the Segment spec's names."""

    goal: str = GOAL  # pattern of the names, in lower case, that mean success
    error: str = ERROR
    support: str = SUPPORT
    properties: tuple[str, ...] = ()  # event properties to compare by; empty: those with few values are found
    most_values: int = 12  # of a property or dimension; the rarer ones are not looked at apart
    most_steps: int = 40  # the rarer steps are looked at together
    false_rate: float = 0.05  # share of false findings among the findings, at most
    least_hurt: int = 8  # fewer bad outcomes than this are never called pain
    least_people: int = 5  # nor fewer people
    most_points: int = 12  # findings shown
    recover_days: int = 7  # who buys within so many days after a bad visit was not lost
    cohort_days: int = 30  # cohorts are compared over so many days after the first visit

    def __post_init__(self) -> None:
        for name in ("goal", "error", "support"):
            try:
                re.compile(getattr(self, name))
            except re.error as error:
                raise InvalidInput(
                    f"cannot read the pattern: {error}", where=f"pain.{name}", fix="give a regular expression"
                ) from None
        if not 0 < self.false_rate < 1:
            raise InvalidInput("a share lies between 0 and 1", where="pain.false_rate", fix="0.05 is usual")
        whole = ("most_values", "most_steps", "least_hurt", "least_people", "recover_days", "cohort_days")
        for name in (*whole, "most_points"):
            if getattr(self, name) < 1:
                raise InvalidInput(f"{name} must be at least 1", where=f"pain.{name}", fix="give 1 or more")
