"""Costs: what a rung costs besides the media it buys, charged to the rungs that need it.

in   the `[costs]` table of a campaign file; variants per brief; profiles per segment; weeks
out  fixed cost of each rung in each segment, in minor units per profile-week

A rung is charged at the campaign's scale: as if everybody in the segment got it for the whole campaign. That
is the choice that promotion makes. Charging a test lane alone would make every rung look several times dearer
than it is.
"""

from collections.abc import Mapping

from omnimix.activation.experiment.ladder import Rung
from omnimix.core.errors import InvalidInput
from omnimix.core.money import Money
from omnimix.core.record import config
from omnimix.creative.brief.brief import BROAD

RungCosts = Mapping[tuple[str, Rung], float]
"""(segment, rung) → fixed cost in minor units per profile-week; a pair that is missing costs nothing."""

TAILORED = (Rung.SEGMENT, Rung.SEQUENCE, Rung.MOMENT)
_INFORMED = (Rung.RELEVANT, *TAILORED)


@config
class Costs:
    """What the campaign pays besides media. Amounts are decimal text in the workspace's currency, like "12.50"."""

    creative_per_variant: str = "0"  # making one variant
    review_per_variant: str = "0"  # a person's time to check and approve it
    data_per_profile: str = "0"  # a campaign's data for one person: bought-in traits, storage, matching
    platform_share: float = 0.0  # fee of tools and agencies, as a share of media cost, ≥ 0

    def __post_init__(self) -> None:
        for name in ("creative_per_variant", "review_per_variant", "data_per_profile"):
            if Money.parse(str(getattr(self, name)), "EUR").minor < 0:
                raise InvalidInput(f"{name} is below zero", where="[costs]", fix="write a positive amount")
        if not 0 <= self.platform_share <= 10:
            raise InvalidInput(
                f"platform_share is {self.platform_share!r}",
                where="[costs]",
                fix="write a share of media such as 0.03",
            )


def variants_needed(rung: Rung, segment: str, variants: Mapping[str, int]) -> tuple[int, int]:
    """How many broad and how many of the segment's own variants a rung needs in a segment.

    `variants` counts them by brief; a segment without a brief of its own falls back to the broad variants.
    """
    broad, own = variants.get(BROAD, 0), variants.get(segment, 0)
    if rung is Rung.NONE:
        return 0, 0
    if rung not in TAILORED or not own:
        return broad, 0
    return (broad if rung is Rung.MOMENT else 0), own


def rung_costs(
    costs: Costs, *, variants: Mapping[str, int], profiles: Mapping[str, int], weeks: int, currency: str
) -> dict[tuple[str, Rung], float]:
    """Fixed cost per profile-week of every rung in every segment, in minor units, media and its fee left out.

    `profiles` counts everybody assigned, by segment. Broad variants are shared by the whole campaign, a
    segment's own by the segment; data are needed from `relevant` upwards.
    """
    per_variant = sum(_exact(t, currency) for t in (costs.creative_per_variant, costs.review_per_variant))
    data = _exact(costs.data_per_profile, currency) / weeks
    everybody = max(1, sum(profiles.values()))
    charged = {}
    for segment, members in profiles.items():
        for rung in Rung:
            broad, own = variants_needed(rung, segment, variants)
            made = per_variant * (broad / everybody + own / max(1, members)) / weeks
            charged[segment, rung] = made + (data if rung in _INFORMED else 0.0)
    return charged


def trial_bill(
    costs: Costs, rung: Rung, *, lanes: Mapping[str, int], variants: Mapping[str, int], currency: str
) -> int:
    """What must be paid besides media to try a rung, in minor units: its variants in full, data for its lane.

    `lanes` counts the people of the rung's lane by segment. Broad variants are billed to `broad` only: every
    rung above it finds them made.
    """
    per_variant = sum(_exact(t, currency) for t in (costs.creative_per_variant, costs.review_per_variant))
    made = variants.get(BROAD, 0) if rung is Rung.BROAD else 0
    if rung in TAILORED:
        made += sum(variants.get(segment, 0) for segment in lanes)
    data = _exact(costs.data_per_profile, currency) if rung in _INFORMED else 0
    return made * per_variant + data * sum(lanes.values())


def _exact(text: str, currency: str) -> int:
    return Money.parse(str(text), currency).minor
