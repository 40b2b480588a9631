"""From when on behaviour is a robot's: `[robots]` of omnimix.toml.

in   the table's keys
out  a frozen RobotRules
"""

from omnimix.core.errors import InvalidInput
from omnimix.core.record import config


@config
class RobotRules:
    """Thresholds. They look at what a network and a visitor do, never at who the visitor is.

    Burst: at least `burst_people` visitors of one network within `burst_minutes`, of whom at least `burst_share`
    did no more than `burst_steps` things that day. Offices and mobile networks send as many people, but people
    look around. Pace: one visitor does more than `pace_events` things within a minute. Both need a known network,
    which only live events have: exports often put a whole day's events at midnight.
    """

    burst_people: int = 25
    burst_minutes: int = 10  # divides 60
    burst_steps: int = 2
    burst_share: float = 0.9
    pace_events: int = 60
    hidden_minutes: int = 5  # around a hit of the hidden link, events of the same visitor or network are a robot's
    instant_seconds: int = 1  # so soon after delivery nobody opens an e-mail or follows its link

    def __post_init__(self) -> None:
        if self.burst_minutes < 1 or 60 % self.burst_minutes:
            raise InvalidInput(
                f"{self.burst_minutes} minutes do not divide an hour",
                where="robots.burst_minutes",
                fix="give 5, 10, 15, 20 or 30",
            )
        for key in ("burst_people", "burst_steps", "pace_events"):
            if getattr(self, key) < 1:
                raise InvalidInput("it is below 1", where=f"robots.{key}", fix="give 1 or more")
        if not 0 < self.burst_share <= 1:
            raise InvalidInput(
                "it is no share", where="robots.burst_share", fix="give a number above 0, at most 1"
            )
