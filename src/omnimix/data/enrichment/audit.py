"""Is a bought trait worth its price: agreement with what is known, and the break-even it has to reach.

in   counts by provider and trait: people it covers, people whose truth is known too, how many of those agree
out  TraitAudit records; `usable_traits`, the trait rows that targeting may use

Each person is treated by what the trait says. Who is treated rightly brings `worth` more margin than who is not.
Without the trait everybody would be treated by the most common value, rightly for a share g of people. With it, a
share a is treated rightly, for a price c a profile:

    gain per profile = (a - g) × worth - c          break-even a* = g + c / worth

Agreement a is a share with Wilson's interval (Wilson 1927). A trait is used only while the interval's lower end
reaches break-even; with fewer than `least_comparisons` people nothing is claimed.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

import ibis
from ibis.expr.types import Table
from scipy.special import ndtri

from omnimix.core.errors import InvalidInput
from omnimix.core.grade import Grade
from omnimix.core.record import config


@config
class EnrichmentRules:
    """`[enrichment]`: what being right about a person is worth, and how sure the audit has to be.

    `worth_minor` is the margin (minor units) that treating one person rightly brings over treating them wrongly;
    left out, it is assumed to be the share `lift` of the mean margin of a customer. `bands` cut numbers before
    they are compared: `bands.age = [18, 25, 35]` compares `under 18`, `18 to 25` and so on. `names` calls a trait
    as customers' own data call it: `names.home_country = "country"`.
    """

    worth_minor: float | None = None
    lift: float = 0.05
    confidence: float = 0.95
    least_comparisons: int = 30
    bands: dict[str, tuple[float, ...]] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.worth_minor is not None and not self.worth_minor > 0:
            raise InvalidInput(
                "worth has to be above zero", where="enrichment.worth_minor", fix="give minor units"
            )
        if not 0 < self.lift <= 1:
            raise InvalidInput("lift is a share", where="enrichment.lift", fix="use a number above 0 and up to 1")
        if not 0.5 < self.confidence < 1:
            raise InvalidInput("confidence is a share", where="enrichment.confidence", fix="use 0.95")
        if self.least_comparisons < 1:
            raise InvalidInput("at least one comparison", where="enrichment.least_comparisons", fix="use 30")
        for name, cuts in self.bands.items():
            if list(cuts) != sorted(set(cuts)):
                raise InvalidInput("bands do not ascend", where=f"enrichment.bands.{name}", fix="sort the numbers")


@dataclass(frozen=True, slots=True)
class Comparison:
    """Counts of one trait of one provider: 0 ≤ agreeing ≤ compared ≤ covered ≤ profiles. `guess` is a share."""

    profiles: int
    covered: int
    compared: int
    agreeing: int
    guess: float | None
    truth: str


class Verdict(StrEnum):
    """What may be done with a provider's trait."""

    USED = "used"  # right often enough, surely
    BELOW = "below break-even"  # costs more than being right that often brings
    UNSURE = "not sure enough"  # the interval reaches below break-even
    UNKNOWN = "cannot be known"  # too few people to compare with, or nobody who could tell


@dataclass(frozen=True, slots=True)
class TraitAudit:
    """One trait of one provider, judged. Shares are in [0, 1], amounts in minor units per profile."""

    provider: str
    trait: str
    profiles: int  # people who could have it: every known profile
    covered: int  # of those, people the provider says something of
    compared: int  # of those, people whose truth is known
    agreeing: int
    agreement: float | None  # None without comparisons
    low: float | None
    high: float | None
    guess: float | None  # share that would be right without the trait: the most common truth
    truth: str  # where the truth comes from: "said", "orders", "said, orders"; empty: nobody knows it
    price_minor: float | None  # per profile; None: the source names none, and it is taken as free
    worth_minor: float
    worth_assumed: bool
    break_even: float | None
    gain_minor: float | None  # expected, per profile covered
    gain_low_minor: float | None
    gain_high_minor: float | None
    verdict: Verdict
    grade: Grade = Grade.MODEL

    @property
    def coverage(self) -> float:
        """Share of all people that the provider says something of."""
        return self.covered / self.profiles if self.profiles else 0.0

    @property
    def text(self) -> str:
        """The verdict as one plain sentence."""
        if self.verdict is Verdict.UNKNOWN or self.agreement is None or self.break_even is None:
            return (
                f"{self.provider}'s {self.trait} cannot be checked: the truth is known of only {self.compared:,} "
                "of its people. It is not used for targeting."
            )
        right = f"right for {self.agreement:.0%} of {self.compared:,} people ({self.low:.0%} to {self.high:.0%})"
        need = (
            f"break-even is {self.break_even:.0%}" if self.break_even <= 1 else "no accuracy would pay its price"
        )
        kept = {
            Verdict.USED: "it is used",
            Verdict.BELOW: "it is not used for targeting",
            Verdict.UNSURE: "that is not sure enough, so it is not used for targeting",
        }[self.verdict]
        return f"{self.provider}'s {self.trait} is {right}; {need}: {kept}."


def judged(
    provider: str,
    trait: str,
    found: Comparison,
    *,
    price_minor: float | None,
    worth_minor: float,
    worth_assumed: bool,
    rules: EnrichmentRules,
) -> TraitAudit:
    """The audit of one trait from its counts."""
    compared, agreeing, guess = found.compared, found.agreeing, found.guess
    known = compared > 0 and guess is not None
    value = agreeing / compared if known else None
    low, high = wilson(agreeing, compared, confidence=rules.confidence) if known else (None, None)
    price = price_minor or 0.0
    even = guess + price / worth_minor if guess is not None else None

    def gain(share: float | None) -> float | None:
        return None if share is None or guess is None else (share - guess) * worth_minor - price

    return TraitAudit(
        provider=provider,
        trait=trait,
        profiles=found.profiles,
        covered=found.covered,
        compared=compared,
        agreeing=agreeing,
        agreement=value,
        low=low,
        high=high,
        guess=guess,
        truth=found.truth,
        price_minor=price_minor,
        worth_minor=worth_minor,
        worth_assumed=worth_assumed,
        break_even=even,
        gain_minor=gain(value),
        gain_low_minor=gain(low),
        gain_high_minor=gain(high),
        verdict=_verdict(value, low, even, compared, rules),
        grade=Grade.ASSUMED if worth_assumed else Grade.MODEL,
    )


def _verdict(
    value: float | None, low: float | None, even: float | None, compared: int, rules: EnrichmentRules
) -> Verdict:
    if value is None or low is None or even is None or compared < rules.least_comparisons:
        return Verdict.UNKNOWN
    if value < even:
        return Verdict.BELOW
    # At break-even itself nothing is gained, but nothing is lost either.
    return Verdict.USED if low >= even else Verdict.UNSURE


def wilson(hits: int, n: int, *, confidence: float) -> tuple[float, float]:
    """Wilson's score interval of the share hits / n (Wilson 1927); n ≥ 1."""
    z = float(ndtri(0.5 + confidence / 2))
    share = hits / n
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return max(0.0, min(share, middle - half)), min(1.0, max(share, middle + half))


def usable_traits(traits: Table, audits: Iterable[TraitAudit]) -> Table:
    """The rows of the trait fact that targeting may use: what people said themselves, and enrichment that pays.

    A provider's trait that was never audited is not used.
    """
    rows = ibis.or_(
        traits.provider.isnull(),
        *(
            (traits.provider == a.provider) & (traits.trait == a.trait)
            for a in audits
            if a.verdict is Verdict.USED
        ),
    )
    return traits.filter(rows)
