"""Pacing: spend a day's budget over the whole day, evenly or as the traffic comes.

in   a Pace (caps, way of spending, profile of the week); what was spent and seen so far; the instant
out  the chance in [0, 1] with which an opportunity takes part; planned spending by hour

The chance is the wanted speed of spending divided by the speed there would be if everything took part
(probabilistic throttling: Agarwal, Ghosh, Wei & You 2014, KDD, "Budget pacing for targeted online advertisements
at LinkedIn"; Xu et al. 2015, KDD, "Smart pacing"). The wanted speed is worked out afresh from what is *left* over
what is left of the day, so that bursts, outages and drift are made up for by themselves. The open speed is a ratio
of two sums that fade alike: money spent and open time, each second counted by the chance that held in it.

`even` spends at one level, but no faster in an hour than its traffic can carry: what a quiet night cannot spend is
planned into the hours before it. `forecast` spends as the traffic of that hour of the week usually is.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from math import exp
from zoneinfo import ZoneInfo

from omnimix.core.errors import InvalidInput
from omnimix.core.money import Money, exponent
from omnimix.core.record import config

SECOND = 1_000_000  # microseconds
HOUR = 3600 * SECOND
WEEK_HOURS = 168
FADE_S = 300.0  # seconds after which what was seen of the traffic counts for 1/e
FIRST_CHANCE = 0.1  # while nothing is known of the traffic: careful, for some seconds
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Way(StrEnum):
    """How a day's money is spread over the day."""

    EVEN = "even"
    FORECAST = "forecast"
    AT_ONCE = "at_once"  # as fast as opportunities come, until the cap


@config
class Pacing:
    """`[pacing]` of a campaign file. The daily cap is the campaign's `daily_budget`."""

    way: Way = Way.EVEN
    total_budget: str = ""  # decimal text in the workspace's currency; empty: the daily caps alone
    cost_per_thousand: str = "0"  # what a thousand showings on own pages and in e-mail cost

    def __post_init__(self) -> None:
        for name in ("total_budget", "cost_per_thousand"):
            text = getattr(self, name)
            if text and Money.parse(text, "EUR").minor < 0:
                raise InvalidInput(f"{name} is below zero", where=f"pacing.{name}", fix="write it like 50.00")


@dataclass(frozen=True, slots=True)
class Pace:
    """One campaign's budget and how it is spent, as a release carries it. Money is micros of the currency."""

    campaign: str
    daily: int  # cap of one local day, ≥ 0
    total: int | None = None  # cap over all days
    way: Way = Way.EVEN
    timezone: str = "UTC"  # IANA; a day and its hours are this zone's
    profile: tuple[float, ...] = ()  # (168,) usual traffic by hour of the week from Monday 0:00; empty: not known
    cost: int = 0  # micros of one showing on own pages and in e-mail


@dataclass(frozen=True, slots=True)
class Day:
    """One local day. It has 23 to 25 hours where clocks are put forward and back."""

    number: int  # proleptic ordinal of the date
    starts_us: int  # microseconds since 1970, UTC
    ends_us: int


@dataclass(frozen=True, slots=True)
class Traffic:
    """What is known of the speed of spending when everything takes part."""

    money: float = 0.0  # micros spent lately, faded
    open_s: float = 0.0  # seconds, each counted by the chance that held in it, faded

    @property
    def speed(self) -> float | None:
        """Micros a second at chance 1; None while nothing is known."""
        return self.money / self.open_s if self.open_s > 1e-9 else None

    def seen(self, spent: int, seconds: float, chance: float) -> "Traffic":
        """What is known after `seconds` more at `chance`, in which `spent` micros went."""
        keep = exp(-seconds / FADE_S)
        money = max(0.0, keep * self.money + spent)  # what lost bids give back makes `spent` negative at times
        return Traffic(money, keep * self.open_s + chance * seconds)


def micros_of(text: str, currency: str) -> int:
    """Decimal text as micros of the major unit: "12.50" → 12,500,000."""
    return int(Money.parse(text, currency).minor * 10 ** (6 - exponent(currency)))


def throttle(chance: float, draw: float) -> bool:
    """Whether an opportunity takes part. `draw` in [0, 1) belongs to the decision, so that a replay agrees."""
    return draw < chance


@lru_cache(maxsize=64)
def day_of_hour(timezone: str, hour: int) -> Day:
    """The local day that holds the UTC hour `hour` (hours since 1970)."""
    zone = ZoneInfo(timezone)
    date = (_EPOCH + timedelta(hours=hour)).astimezone(zone).date()
    starts, ends = (
        round(datetime(d.year, d.month, d.day, tzinfo=zone).timestamp()) * SECOND
        for d in (date, date + timedelta(days=1))
    )
    return Day(date.toordinal(), starts, ends)


def day_at(timezone: str, now_us: int) -> Day:
    """The local day of an instant. Zones whose days start within a UTC hour are looked up on both sides of it."""
    day = day_of_hour(timezone, now_us // HOUR)
    return day if now_us < day.ends_us else day_of_hour(timezone, now_us // HOUR + 1)


def weights(pace: Pace, day: Day) -> Sequence[float]:
    """(hours,) usual traffic in each hour of the day, > 0; all alike where no profile is known."""
    return _weights(pace.profile, day)


@lru_cache(maxsize=256)
def _weights(profile: tuple[float, ...], day: Day) -> tuple[float, ...]:
    hours = -(-(day.ends_us - day.starts_us) // HOUR)
    if not profile:
        return (1.0,) * hours
    start = (day.number - 1) % 7 * 24  # ordinal 1 was a Monday
    least = max(sum(profile) / WEEK_HOURS * 0.01, 1e-12)  # an hour nobody was ever seen in is not impossible
    return tuple(max(profile[(start + min(h, 23)) % WEEK_HOURS], least) for h in range(hours))


def wanted(pace: Pace, day: Day, *, left: int, now_us: int, speed: float | None) -> float:
    """The speed at which to spend now, in micros a second, so that `left` micros last to the end of the day.

    `speed` is the open speed now; with a profile it tells what the hours to come can carry.
    """
    hours = weights(pace, day)
    at = min(int((now_us - day.starts_us) // HOUR), len(hours) - 1)
    rest = [float(HOUR)] * (len(hours) - at)
    rest[0] = (at + 1) * HOUR - (now_us - day.starts_us)
    rest[-1] += day.ends_us - day.starts_us - len(hours) * HOUR
    seconds = [max(r, 1.0) / SECOND for r in rest]
    ahead = hours[at:]
    if pace.way is Way.FORECAST:
        return left * ahead[0] / sum(w * s for w, s in zip(ahead, seconds, strict=True))
    if speed is None or not pace.profile:
        return left / sum(seconds)
    return level(left, [speed * w / ahead[0] for w in ahead], seconds)


def level(left: float, most: Sequence[float], seconds: Sequence[float]) -> float:
    """The one speed that spends `left` when hour h lasts `seconds[h]` and carries no more than `most[h]`.

    Infinite where even everything does not spend it.
    """
    remaining = sum(seconds)
    for speed, lasts in sorted(zip(most, seconds, strict=True)):
        if speed * remaining >= left:
            return left / remaining
        left -= speed * lasts
        remaining -= lasts
    return float("inf")


def chance_of(pace: Pace, day: Day, *, left: int, now_us: int, traffic: Traffic) -> float:
    """The chance with which opportunities take part from now on. 0 when nothing is left."""
    if left <= 0:
        return 0.0
    if pace.way is Way.AT_ONCE:
        return 1.0
    speed = traffic.speed
    if speed is None:
        return FIRST_CHANCE
    goal = wanted(pace, day, left=left, now_us=now_us, speed=speed)
    return 1.0 if goal >= speed else goal / speed


def planned(pace: Pace, day: Day, *, allowance: int) -> list[int]:
    """Micros planned for each hour of the day, from its start; they sum to `allowance`."""
    hours = weights(pace, day) if pace.way is Way.FORECAST else (1.0,) * len(weights(pace, day))
    total, done, reached, out = sum(hours), 0.0, 0, []
    for weight in hours:
        done += weight
        upto = round(allowance * done / total)
        out.append(upto - reached)
        reached = upto
    return out
