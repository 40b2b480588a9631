"""Evidence grade: how strong the ground is that a reported number stands on.

in   the way a number was obtained
out  one of six grades, the strongest first
"""

from enum import StrEnum


class Grade(StrEnum):
    """Ordered from strongest to weakest; every reported number carries one."""

    RANDOMISED = "randomised"
    GEO = "geo"
    PLATFORM_SPLIT = "platform_split"
    MODEL = "model"
    PLATFORM_CLAIMED = "platform_claimed"
    ASSUMED = "assumed"

    @property
    def rank(self) -> int:
        """0 for the strongest."""
        return list(Grade).index(self)


def weakest(*grades: Grade) -> Grade:
    """A number computed from several is as good as its weakest input."""
    return max(grades, key=lambda g: g.rank)
