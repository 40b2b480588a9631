"""A reading: what the lanes of the ladder say at one weekly look.

in   effects, sample-ratio checks and promotions of the look
out  one Reading record
"""

from dataclasses import dataclass

from omnimix.activation.experiment.ladder import Rung
from omnimix.measurement.lift.effect import Effect, Increment
from omnimix.measurement.lift.promote import Promotion
from omnimix.measurement.lift.ratio import RatioCheck


@dataclass(frozen=True, slots=True)
class Reading:
    """What the lanes say after `look` of `looks` planned weeks."""

    look: int
    looks: int
    effects: tuple[Effect, ...]
    checks: tuple[RatioCheck, ...] = ()
    promotions: tuple[Promotion, ...] = ()
    increment: Increment | None = None

    @property
    def promoted(self) -> dict[str, Rung]:
        """Segment → the rung its `follow` lane gets."""
        return {p.segment: p.rung for p in self.promotions}
