"""Standards: how sure is sure enough, as the `[measurement]` table of a campaign file says.

in   the table's keys
out  a frozen Standards record
"""

from omnimix.core.errors import InvalidInput
from omnimix.core.record import config


@config
class Standards:
    """Error rates and what is worth knowing. Shares and probabilities lie strictly between 0 and 1."""

    level: float = 0.95  # of every reported interval, over all weekly looks together
    promotion_error: float = 0.05  # chance that a segment where nothing works is ever promoted above `broad`
    power: float = 0.80  # with which the smallest effect worth having must be found
    worth_share: float = 0.05  # smallest effect worth having, as a share of the margin per profile-week
    most_weeks: int = 52  # beyond this a test is called not knowable

    def __post_init__(self) -> None:
        for name in ("level", "promotion_error", "power", "worth_share"):
            value = getattr(self, name)
            if not 0 < value < 1:
                raise InvalidInput(
                    f"{name} must lie between 0 and 1, not {value!r}", where="[measurement]", fix=f"correct {name}"
                )
        if self.most_weeks < 1:
            raise InvalidInput(
                f"most_weeks must be at least 1, not {self.most_weeks!r}", where="[measurement]", fix="raise it"
            )
