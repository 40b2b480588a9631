"""`[review]` of omnimix.toml: how many people must approve.

in   the table's keys
out  a frozen ReviewRules record
"""

from omnimix.core.errors import InvalidInput
from omnimix.core.record import config


@config
class ReviewRules:
    """`approvals`: how many different people must approve a variant; 2 is the four-eyes rule."""

    approvals: int = 1

    def __post_init__(self) -> None:
        if not 1 <= self.approvals <= 5:
            raise InvalidInput(f"{self.approvals} approvals", where="review.approvals", fix="choose from 1 to 5")
