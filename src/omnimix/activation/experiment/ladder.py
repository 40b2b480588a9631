"""The relevance ladder: six rungs, each with a standing share of everybody.

in   shares from a campaign file
out  Rung and Ladder records
"""

from enum import StrEnum

from omnimix.core.errors import InvalidInput
from omnimix.core.record import config


class Rung(StrEnum):
    """The rungs, the lowest first. Each is measured against the one below."""

    NONE = "none"  # no message: measures whether advertising works at all
    BROAD = "broad"  # the best broad creative
    RELEVANT = "relevant"  # the broad creative, unless it would be irrelevant to them
    SEGMENT = "segment"  # their segment's creative
    SEQUENCE = "sequence"  # the next step of a story, given what they engaged with
    MOMENT = "moment"  # the creative chosen for this person in this context

    @property
    def below(self) -> "Rung | None":
        """The rung it is measured against; None for the lowest."""
        rungs = list(Rung)
        place = rungs.index(self)
        return rungs[place - 1] if place else None


FOLLOW = "follow"  # the lane of everybody without a standing share: gets the rung promoted for their segment


@config
class Ladder:
    """Standing shares in [0, 1]; what is left over follows the promoted rung."""

    none: float = 0.05
    broad: float = 0.15
    relevant: float = 0.15
    segment: float = 0.15
    sequence: float = 0.10
    moment: float = 0.10

    def __post_init__(self) -> None:
        shares = self.shares()
        if min(shares.values()) < 0 or sum(shares.values()) > 1 + 1e-9:
            raise InvalidInput(f"ladder shares must be ≥ 0 and add up to at most 1, not {shares}")

    def shares(self) -> dict[str, float]:
        """Share of each lane, `follow` last; they sum to 1."""
        standing = {str(r): float(getattr(self, r.value)) for r in Rung}
        return standing | {FOLLOW: max(0.0, 1 - sum(standing.values()))}
