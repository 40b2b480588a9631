"""A simulated day of moments: who comes when, in what context, and what each variant would bring, by formula.

in   a planted MomentTruth and a seed
out  Crowd (people), Visits (a day of opportunities), expected margin of every variant, outcomes that arrive late

A visit's chance of an order is that of the person, times exp(what the variant adds for this person, here and now):
an effect of its own that drifts over the day, one in the segment, one of device, part of the day and their
interaction, one of the person's traits, and one of meeting the category in view. Orders become known hours to days
later, some are refunded, some visitors are robots that never buy. Traffic has the shape of a day, with bursts and
outages where asked for. Everything is drawn from the seed; policies of one market meet the same visitors, and a
visitor's luck is the same whatever they are shown. All of it is simulated and to be labelled so.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields

import numpy as np
import numpy.typing as npt

from omnimix.core.record import config

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

DEVICES = ("desktop", "mobile", "tablet")
PAGES = ("home", "category", "product", "cart")
PARTS = 4  # night 0–6, morning 6–12, afternoon 12–18, evening 18–24
TRAITS = ("p_buy", "recency", "discount", "novelty")
SECOND = 1_000_000
HOUR = 3600 * SECOND
DAY = 24 * HOUR
# Usual share of traffic by hour, an assumption: a shop that sleeps at night and peaks in the evening.
HOURS = (
    1.5,
    1,
    0.7,
    0.5,
    0.5,
    0.8,
    1.6,
    2.6,
    3.6,
    4.4,
    5,
    5.3,
    5.6,
    5.2,
    5,
    4.9,
    5.1,
    5.6,
    6.4,
    7.5,
    8,
    7.2,
    5,
    3,
)


@config
class MomentTruth:
    """What is planted. Effects are standard deviations on the logarithm of the chance of an order."""

    segments: int = 5
    categories: int = 6
    broad: int = 5  # variants for everybody; the others belong to one segment each
    variants: int = 20
    rate: float = 0.025  # mean chance of an order after a visit without advertising
    order_minor: float = 1_500.0  # mean margin of an order
    order_cv: float = 0.7
    lift: float = 0.10  # mean effect of showing anything
    own: float = 0.10  # further effect of a segment's own creative in its segment, and its loss outside
    variant_sd: float = 0.12
    segment_sd: float = 0.10
    device_sd: float = 0.14
    part_sd: float = 0.12
    device_part_sd: float = 0.10  # interaction of device and part of the day
    trait_sd: float = 0.08
    match: float = 0.30  # of a variant that meets the category in view
    irrelevant: float = 0.40  # lost where the variant should not have been shown to the person
    drift_sd: float = 0.15  # change of a variant's own effect from the day's beginning to its end
    refunds: float = 0.06
    robots: float = 0.03  # share of visits by robots that do not say so
    soon: float = 0.6  # share of orders known after hours; the others after days
    soon_hours: float = 2.0
    late_hours: float = 36.0
    shares: tuple[float, ...] = HOURS
    bursts: Mapping[float, float] = field(default_factory=dict)  # hour → traffic of that quarter hour, times
    outages: tuple[tuple[float, float], ...] = ()  # from hour to hour: nobody gets through


@dataclass(frozen=True, slots=True)
class Crowd:
    """N people."""

    segment: IntArray  # (N,)
    traits: FloatArray  # (N, T) standard normal, in the order of TRAITS
    rate: FloatArray  # (N,) chance of an order after a visit without advertising
    favourite: IntArray  # (N,) category
    device: IntArray  # (N,) the device mostly used
    allowed: BoolArray  # (N, V) False: irrelevant to them, as they have what it is about


@dataclass(frozen=True, slots=True)
class Visits:
    """M opportunities in the order of time."""

    at_us: IntArray  # (M,) microseconds since the day began, rising
    person: IntArray  # (M,) place in the crowd
    device: IntArray
    page: IntArray
    category: IntArray  # in view
    robot: BoolArray
    luck: FloatArray  # (M,) in [0, 1): an order is made when the chance exceeds it
    size: FloatArray  # (M,) margin of that order in minor units
    delay_us: IntArray  # (M,) until it becomes known
    return_us: IntArray  # (M,) from then until it is refunded; -1: never

    def __len__(self) -> int:
        return len(self.at_us)

    def cut(self, start: int, stop: int) -> "Visits":
        """The visits from place `start` to before `stop`."""
        return Visits(*(getattr(self, f.name)[start:stop] for f in fields(self)))


@dataclass(frozen=True, slots=True)
class Outcomes:
    """What M shown variants brought; margin 0 for no order."""

    margin: FloatArray  # (M,) minor units, as first known
    known_us: IntArray  # (M,) when it becomes known, since the day began; only where there is an order
    refunded_us: IntArray  # (M,) when it is taken back; -1 where it is not


class MomentMarket:
    """One planted market. Same truth and seed, same market."""

    def __init__(self, truth: MomentTruth, *, people: int, seed: int) -> None:
        self.truth, self.seed = truth, seed
        rng = np.random.default_rng([seed, 1])
        count, segments = truth.variants, truth.segments
        self.brief: IntArray = np.where(
            np.arange(count) < truth.broad, -1, (np.arange(count) - truth.broad) % segments
        )  # (V,) segment whose creative it is; -1: for everybody
        self.category = rng.integers(0, truth.categories, count)
        fits = self.brief[None, :] == np.arange(segments)[:, None]
        own = np.where(self.brief[None, :] < 0, 0.0, np.where(fits, truth.own, -truth.own))
        self._base = truth.lift + own + rng.normal(0, truth.variant_sd, count)
        self._base = self._base + rng.normal(0, truth.segment_sd, (segments, count))  # (S, V)
        self._drift = rng.normal(0, truth.drift_sd, count)
        self._device = rng.normal(0, truth.device_sd, (len(DEVICES), count))
        self._part = rng.normal(0, truth.part_sd, (PARTS, count))
        self._device_part = rng.normal(0, truth.device_part_sd, (len(DEVICES), PARTS, count))
        self._trait = rng.normal(0, truth.trait_sd, (len(TRAITS), count))
        self.crowd = self._people(people)

    def _people(self, count: int) -> Crowd:
        truth, rng = self.truth, np.random.default_rng([self.seed, 2])
        traits = np.clip(rng.normal(size=(count, len(TRAITS))), -2.5, 2.5)
        segment = rng.choice(truth.segments, count, p=_falling(truth.segments))
        level = rng.uniform(0.7, 1.3, truth.segments)[segment] * np.exp(0.4 * traits[:, 0])
        return Crowd(
            segment=segment,
            traits=traits,
            rate=truth.rate * level / level.mean(),
            favourite=rng.integers(0, truth.categories, count),
            device=rng.choice(len(DEVICES), count, p=(0.38, 0.54, 0.08)),
            allowed=rng.random((count, truth.variants)) >= 0.12,
        )

    def visits(self, count: int, *, day: int = 0) -> Visits:
        """`count` opportunities of one day. Some people come often, most seldom."""
        truth, crowd = self.truth, self.crowd
        rng = np.random.default_rng([self.seed, 3, day])
        eager = rng.gamma(0.7, size=len(crowd.segment)) + 1e-9
        person = rng.choice(len(crowd.segment), count, p=eager / eager.sum())
        device = np.where(rng.random(count) < 0.8, crowd.device[person], rng.integers(0, len(DEVICES), count))
        favours = rng.random(count) < 0.5
        spread = np.log(1 + truth.order_cv**2)
        wait = np.where(rng.random(count) < truth.soon, truth.soon_hours, truth.late_hours)
        back = rng.random(count) < truth.refunds
        return Visits(
            at_us=self._instants(count, rng),
            person=person,
            device=device,
            page=rng.choice(len(PAGES), count, p=(0.3, 0.3, 0.3, 0.1)),
            category=np.where(favours, crowd.favourite[person], rng.integers(0, truth.categories, count)),
            robot=rng.random(count) < truth.robots,
            luck=rng.random(count),
            size=truth.order_minor * np.exp(rng.normal(-spread / 2, np.sqrt(spread), count)),
            delay_us=(rng.exponential(wait) * HOUR).astype(np.int64),
            return_us=np.where(back, (rng.exponential(48.0, count) * HOUR).astype(np.int64), -1),
        )

    def _instants(self, count: int, rng: np.random.Generator) -> IntArray:
        """Rising instants in the shape of the day."""
        quarter = np.repeat(np.array(self.truth.shares, dtype=np.float64), 4)
        for hour, times in self.truth.bursts.items():
            quarter[int(hour * 4)] *= times
        for start, end in self.truth.outages:
            quarter[int(start * 4) : int(end * 4)] = 0.0
        which = rng.choice(len(quarter), count, p=quarter / quarter.sum())
        at = which * (HOUR // 4) + rng.integers(0, HOUR // 4, count)
        return np.sort(at)

    def expected(self, visits: Visits) -> FloatArray:
        """(M, V) expected margin of each variant in minor units, net of refunds, whenever it becomes known."""
        return np.asarray(self._chance(visits) * self._worth)

    def nothing(self, visits: Visits) -> FloatArray:
        """(M,) expected margin when nothing is shown."""
        return np.asarray(self.crowd.rate[visits.person] * ~visits.robot * self._worth)

    @property
    def _worth(self) -> float:
        return self.truth.order_minor * (1 - self.truth.refunds)

    def _chance(self, visits: Visits) -> FloatArray:
        """(M, V) chance of an order."""
        who, truth = visits.person, self.truth
        part = visits.at_us * PARTS // DAY
        adds = self._base[self.crowd.segment[who]] + self._device[visits.device] + self._part[part]
        adds += self._device_part[visits.device, part]
        adds += self.crowd.traits[who] @ self._trait
        adds += np.outer(visits.at_us / DAY, self._drift)
        adds += truth.match * (visits.category[:, None] == self.category[None, :])
        adds -= truth.irrelevant * ~self.crowd.allowed[who]
        rate = (self.crowd.rate[who] * ~visits.robot)[:, None]
        return np.asarray(np.minimum(rate * np.exp(adds), 0.9))

    def outcomes(self, visits: Visits, shown: IntArray) -> Outcomes:
        """What the visits bring when variant `shown` (M,) is shown, -1 for nothing."""
        chance = self._chance(visits)[np.arange(len(visits)), np.maximum(shown, 0)]
        chance = np.where(shown < 0, self.crowd.rate[visits.person] * ~visits.robot, chance)
        orders = visits.luck < chance
        known = visits.at_us + visits.delay_us
        back = orders & (visits.return_us >= 0)
        return Outcomes(np.where(orders, visits.size, 0.0), known, np.where(back, known + visits.return_us, -1))

    def known_share(self, age_us: FloatArray) -> FloatArray:
        """Share of orders known so long after the visit."""
        hours, truth = np.maximum(age_us, 0) / HOUR, self.truth
        late = truth.soon * np.exp(-hours / truth.soon_hours) + (1 - truth.soon) * np.exp(
            -hours / truth.late_hours
        )
        return np.asarray(1 - late)


def batches(visits: Visits, every_us: int) -> Iterator[tuple[int, int]]:
    """Places from … to of the visits of each stretch of time, empty ones left out."""
    edges = np.searchsorted(visits.at_us, np.arange(0, DAY + every_us, every_us))
    for start, stop in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        if stop > start:
            yield start, stop


def _falling(count: int) -> FloatArray:
    """Shares that fall, as the sizes of segments do."""
    share = 1.0 / (1.0 + np.arange(count))
    return np.asarray(share / share.sum())
