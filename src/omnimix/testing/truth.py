"""The planted truth of a simulated market: what every effect really is, by formula.

in   per segment: orders and margin without advertising; effects of rungs and variants; media prices; delays
out  a Truth (frozen, readable from TOML, JSON-able), and the expected margin of any treatment

Everything is per profile-week and in minor units unless a name says otherwise. A rung's effect is what it adds to
the rung below for one exposed, unfatigued profile-week, net of refunds and before media cost.
"""

from collections.abc import Mapping
from dataclasses import field

import numpy as np
from scipy.special import ndtri

from omnimix.activation.experiment.ladder import Rung
from omnimix.core.errors import InvalidInput
from omnimix.core.hashing import unit_interval
from omnimix.core.record import config

_WIDEST = (
    2.5  # variant effects are normal, cut at so many standard deviations, so that no purchase rate can be negative
)


@config
class Medium:
    """One channel of the market. `share` is the chance that an exposed person's week happens there."""

    share: float
    cost_per_mille_minor: float
    click_rate: float  # human clicks per impression
    impressions: float  # mean impressions of an exposed profile-week, ≥ 1


@config
class SegmentTruth:
    """One segment. `effects`: rung → what it adds to the rung below; missing rungs add nothing."""

    orders_per_week: float
    margin_per_order_minor: float  # mean contribution before marketing, net of refunds
    effects: Mapping[str, float] = field(default_factory=dict)
    scale: float = (
        1.0  # multiplies drawn variant effects and irrelevance here, so that large buyers react in proportion
    )


def usual_media() -> dict[str, Medium]:
    """Prices and click rates of a plausible size: assumptions of the simulation, not measurements."""
    return {
        "google_ads_editor": Medium(share=0.3, cost_per_mille_minor=450, click_rate=0.02, impressions=3),
        "meta_bulk": Medium(share=0.35, cost_per_mille_minor=620, click_rate=0.011, impressions=4),
        "microsoft_bulk": Medium(share=0.15, cost_per_mille_minor=380, click_rate=0.016, impressions=2.5),
        "email_files": Medium(share=0.2, cost_per_mille_minor=60, click_rate=0.03, impressions=1.2),
    }


@config
class Truth:
    """A whole market. Shares and chances are in [0, 1]; raises InvalidInput where the numbers cannot be."""

    segments: Mapping[str, SegmentTruth]
    seed: int = 0  # of the variants' effects
    variant_sd: float = 0.0  # of a variant's effect in all segments
    cell_sd: float = 0.0  # of what a variant adds in one segment alone
    variants: Mapping[str, Mapping[str, float]] = field(
        default_factory=dict
    )  # variant → segment → effect, said outright
    media: Mapping[str, Medium] = field(default_factory=usual_media)
    reach: float = 0.85  # chance that a served profile-week is exposed at all
    fatigue: float = 0.08  # each earlier exposed week multiplies the effect by exp(-fatigue)
    irrelevance: float = 0.0  # margin lost by an exposed week that an irrelevance rule speaks against
    order_cv: float = 1.2  # coefficient of variation of an order's margin (log-normal)
    margin_share: float = 0.4  # margin before refunds as a share of revenue
    lag: tuple[float, ...] = (0.7, 0.2, 0.1)  # share of orders that become known 0, 1, 2 … weeks later
    refunds: float = 0.06  # share of orders refunded in full
    refund_lag: tuple[float, ...] = (0.0, 0.6, 0.4)  # … this many weeks after the order became known
    bots: float = 0.1  # bot clicks as a share of all clicks

    def __post_init__(self) -> None:
        for name in ("reach", "margin_share", "refunds", "bots"):
            if not 0 <= getattr(self, name) <= 1:
                raise InvalidInput(f"{name} must be in [0, 1], not {getattr(self, name)}", where="truth")
        for name in ("lag", "refund_lag"):
            if abs(sum(getattr(self, name)) - 1) > 1e-9 or min(getattr(self, name)) < 0:
                raise InvalidInput(f"{name} must be shares that add up to 1", where="truth")
        if self.refunds >= 1 or self.bots >= 1 or self.margin_share == 0:
            raise InvalidInput("refunds and bots must be below 1, margin_share above 0", where="truth")
        for key, segment in self.segments.items():
            if self._lowest(segment) < 0:
                raise InvalidInput(
                    f"effects of segment {key!r} could make its purchase rate negative", where="truth"
                )

    def _lowest(self, segment: SegmentTruth) -> float:
        steps = np.cumsum([segment.effects.get(str(r), 0.0) for r in Rung])
        said = [effect for by_segment in self.variants.values() for effect in by_segment.values()]
        worst = min([-_WIDEST * (self.variant_sd + self.cell_sd) * segment.scale, *said])
        return (
            segment.orders_per_week * segment.margin_per_order_minor
            + float(steps.min())
            + worst
            - self.irrelevance * segment.scale
        )

    def variant_effect(self, variant_id: str, segment: str) -> float:
        """What a variant adds to the mean variant in a segment: as said in `variants`, or drawn from the seed."""
        said = self.variants.get(variant_id, {})
        if segment in said:
            return said[segment]
        shared = self.variant_sd * _normal(self.seed, variant_id) if self.variant_sd else 0.0
        alone = self.cell_sd * _normal(self.seed, f"{segment}:{variant_id}") if self.cell_sd else 0.0
        return (shared + alone) * self.segments[segment].scale

    def irrelevance_in(self, segment: str) -> float:
        """Margin lost in a segment by an exposed week that an irrelevance rule speaks against."""
        return self.irrelevance * self.segments[segment].scale

    def effect(self, rung: str, segment: str) -> float:
        """What a rung adds to `none`, all rungs below it included, for one exposed and unfatigued week."""
        order = list(Rung)
        effects = self.segments[segment].effects
        return sum(effects.get(str(r), 0.0) for r in order[1 : order.index(Rung(rung)) + 1])

    def baseline(self, segment: str) -> float:
        """Margin a profile brings in a week without advertising."""
        return self.segments[segment].orders_per_week * self.segments[segment].margin_per_order_minor

    def media_cost(self) -> float:
        """Mean media cost of a served profile-week, minor units, unexposed weeks included."""
        total = sum(m.share for m in self.media.values())
        each = sum(m.share * m.impressions * m.cost_per_mille_minor / 1000 for m in self.media.values())
        return self.reach * each / total if total else 0.0

    def freshness(self, week: int) -> float:
        """Mean multiplier of the effect in a week (0-based) for who was served in every week before it."""
        return float((1 - self.reach + self.reach * np.exp(-self.fatigue)) ** week)

    def known(self, weeks: int, within: int | None) -> float:
        """Share of the net margin of an order made in week `weeks` that is known before week `within`.

        None: all of it, in the end. Can exceed 1, as refunds come in later than orders.
        """
        if within is None:
            return 1.0
        total = 0.0
        for late, share in enumerate(self.lag):
            seen = float(weeks + late < within)
            back = sum(p for wait, p in enumerate(self.refund_lag) if weeks + late + wait < within)
            total += share * (seen - self.refunds * back) / (1 - self.refunds)
        return total


def expected_margin(
    truth: Truth, rung: str, segment: str, *, weeks: int, known_within: int | None = None, net: bool = False
) -> float:
    """Mean margin a profile brings per week, served on `rung` in each of `weeks` weeks with an average variant.

    Average means: variants whose effects are zero, nothing irrelevant. `known_within`: count only what is known
    before that week (None: everything in the end). `net`: less media cost. Exact, no simulation.
    """
    total = 0.0
    for week in range(weeks):
        gained = truth.reach * truth.freshness(week) * truth.effect(rung, segment)
        total += (truth.baseline(segment) + gained) * truth.known(week, known_within)
    cost = truth.media_cost() if net and rung != Rung.NONE else 0.0
    return total / weeks - cost


def true_increment(
    truth: Truth,
    rung: Rung,
    segment: str,
    *,
    weeks: int,
    against: Rung | None = None,
    known_within: int | None = None,
    net: bool = False,
) -> float:
    """Planted incremental margin per profile-week of a rung against the one below (or `against`).

    Arguments as in `expected_margin`. Multiply by `weeks` for the margin per profile.
    """
    below = against if against is not None else rung.below
    if below is None:
        raise InvalidInput(f"rung {rung} has none below it")
    upper = expected_margin(truth, rung, segment, weeks=weeks, known_within=known_within, net=net)
    return upper - expected_margin(truth, below, segment, weeks=weeks, known_within=known_within, net=net)


def planted(baselines: Mapping[str, tuple[float, float]], *, seed: int, works: bool = True) -> Truth:
    """A plausible market over a shop's own segments: segment → (orders per week, margin per order in minor units).

    Advertising adds 8 % of the segment's margin and avoiding irrelevance 2 % more. A creative of its own pays in
    every second segment only (25 %; the seed says which), a story and a moment hardly anywhere.
    With `works` false all effects are zero: nothing should ever be promoted.
    """
    bases = {key: orders * margin for key, (orders, margin) in baselines.items()}
    usual = sum(bases.values()) / max(len(bases), 1)
    segments = {}
    for place, key in enumerate(sorted(baselines, key=lambda k: unit_interval(f"truth:{seed}", k))):
        base = bases[key]
        effects = {
            "broad": 0.08 * base,
            "relevant": 0.02 * base,
            "segment": 0.25 * base if place % 2 == 0 else 0.0,
            "sequence": 0.02 * base if place == 0 else 0.0,
        }
        segments[key] = SegmentTruth(
            orders_per_week=baselines[key][0],
            margin_per_order_minor=baselines[key][1],
            effects=effects if works else {},
            scale=base / usual if usual else 1.0,
        )
    size = usual if works else 0.0
    return Truth(
        segments=segments, seed=seed, variant_sd=0.03 * size, cell_sd=0.012 * size, irrelevance=0.05 * size
    )


def _normal(seed: int, key: str) -> float:
    """A standard normal number that depends only on seed and key, cut at ± _WIDEST."""
    point = unit_interval(f"variant-effect:{seed}", key)
    return float(np.clip(ndtri(min(max(point, 1e-9), 1 - 1e-9)), -_WIDEST, _WIDEST))
