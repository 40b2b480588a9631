"""The rules of the moment: what x is made of, and how its model learns.

in   the `[moment]` table of omnimix.toml
out  MomentRules, checked
"""

from omnimix.activation.decide.feature import FeatureRules
from omnimix.activation.decide.moment import FLOOR
from omnimix.core.errors import InvalidInput
from omnimix.core.record import config
from omnimix.measurement.learn.moment import DRAWS, EXPLORE


@config
class MomentRules(FeatureRules):
    """`[moment]`: features and interactions (FeatureRules), and how the model learns."""

    learn_minutes: int = 10  # between two models while the server runs; 0: only `omnimix policy` learns
    half_life_days: float = 60.0  # a decision so long ago counts half: what people like changes
    explore: float = EXPLORE  # share of what is uncertain that choices explore, in [0, 1]
    floor: float = FLOOR  # share of choices made evenly among the eligible, in (0, 1]
    draws: int = DRAWS  # posterior draws of the ensemble
    tolerance: float = 0.05  # a model may be published that is at worst so much worse than what runs (share of it)

    def __post_init__(self) -> None:
        super().__post_init__()
        shares = {"explore": self.explore, "floor": self.floor, "tolerance": self.tolerance}
        for name, value in shares.items():
            if not 0 <= value <= 1 or (name == "floor" and value == 0):
                raise InvalidInput(
                    f"{value:g} is no such share", where=f"moment.{name}", fix="give a share below 1"
                )
        if self.learn_minutes < 0 or self.half_life_days <= 0:
            raise InvalidInput(
                "a time below zero", where="moment", fix="give learn_minutes and half_life_days > 0"
            )
        if not 64 <= self.draws <= 1024:
            raise InvalidInput(f"{self.draws} draws", where="moment.draws", fix="give 64 to 1024")

    @property
    def x(self) -> FeatureRules:
        """What x is made of, alone."""
        return FeatureRules(features=self.features, interactions=self.interactions)

    @property
    def keep(self) -> float:
        """What a day that passes leaves of a decision's weight."""
        return float(0.5 ** (1 / self.half_life_days))
