"""How segments are made and watched: the [segments] table of omnimix.toml.

in   nothing
out  SegmentRules, checked
"""

from dataclasses import field

from omnimix.audience.segment.definition import Definition, in_order
from omnimix.core.errors import InvalidInput
from omnimix.core.record import config


@config
class DriftRules:
    """`[segments.drift]`: when a change is an alarm. Shares are in [0, 1]."""

    bins: int = 10
    small: float = 0.1  # index from which a change is worth a look
    large: float = 0.25  # from which the segments no longer fit
    false_alarm: float = 0.01  # chance of any alarm where nothing changed


@config
class SegmentRules:
    """How segments are made. Shares are in [0, 1]."""

    rules: dict[str, Definition] = field(
        default_factory=dict
    )  # rule segments; the first that claims a person wins
    features: tuple[str, ...] = (
        "recency_days",
        "orders",
        "average_order_minor",
        "units_per_line",
        "median_price_minor",
        "discount_share",
        "category_share",
    )
    weights: dict[str, float] = field(default_factory=dict)  # feature → weight, 1 where absent
    fewest: int = 3
    most: int = 8
    min_size: int = 50
    min_share: float = 0.03
    resamples: int = 8
    resample_share: float = 0.8
    starts: int = 4  # k-means starts per fit
    bootstraps: int = 20  # of the chosen clustering, for its stability
    stable: float = 0.75
    least: float = 0.6
    winsor: float = 0.01
    sample: int = 10_000  # at most so many people are used to fit; everybody is placed
    refit: str = "drift"  # when segments are found anew: at an alarm of `drift`; or "always", in every run
    compare_days: int = 90  # movement is shown against so many days ago
    drift: DriftRules = DriftRules()
    proxy_auc: float = 0.65  # membership that tells a protected attribute so well is called a proxy
    proxy_people: int = 200  # of whom the attribute must be known for that to be tested

    def __post_init__(self) -> None:
        in_order(self.rules)
        if self.refit not in ("drift", "always"):
            raise InvalidInput(f"{self.refit!r} is no occasion", where="segments.refit", fix="use drift or always")


def check(rules: SegmentRules) -> None:
    """Raises InvalidInput for a number out of range."""
    faults = {
        "fewest": not 2 <= rules.fewest <= rules.most,
        "min_size": rules.min_size < 1,
        "min_share": not 0 <= rules.min_share < 0.5,
        "resamples": rules.resamples < 2,
        "resample_share": not 0 < rules.resample_share <= 1,
        "bootstraps": rules.bootstraps < 1,
        "winsor": not 0 <= rules.winsor < 0.5,
        "sample": rules.sample < 100,
        "compare_days": rules.compare_days < 1,
        "proxy_auc": not 0.5 < rules.proxy_auc <= 1,
        "proxy_people": rules.proxy_people < 50,
    }
    drift = rules.drift
    faults["drift.bins"] = not 2 <= drift.bins <= 100
    faults["drift.large"] = not 0 < drift.small < drift.large
    faults["drift.false_alarm"] = not 0 < drift.false_alarm < 1
    for name, wrong in faults.items():
        if wrong:
            value: object = rules
            for part in name.split("."):
                value = getattr(value, part)
            raise InvalidInput(f"{name} = {value!r} is out of range", where="segments", fix=f"correct {name}")
