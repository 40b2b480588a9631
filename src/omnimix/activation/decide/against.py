"""What stands against which variants of a campaign, for one person here and now: hard eligibility as bit sets.

in   a campaign of a release, made into RuleSets once; a Call
out  for each Reason that holds, the set of places it rules out: a bit for each of the campaign's offers

A rule is a look-up that gives the whole set at once, however many offers there are: some microseconds a person.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from operator import or_

from omnimix.activation.decide.release import Offer, Placement, Running
from omnimix.activation.decide.state import DAY_US, State, is_suppressed, permissions
from omnimix.activation.experiment.eligibility import Eligibility, Reason

Against = list[tuple[int, int]]  # (Reason, set of places)

_WEEK = 7
_NONE = (0, 0, 0, 0, 0, 0)
_CONSENT, _CAP, _SUPPRESSED = Reason.NO_CONSENT.value, Reason.FREQUENCY_CAP.value, Reason.SUPPRESSED.value
_QUIET, _STOPPED, _ROBOT = Reason.QUIET_HOURS.value, Reason.STOPPED.value, Reason.ROBOT.value
_BOUGHT, _LANGUAGE, _REGION = Reason.BOUGHT.value, Reason.LANGUAGE.value, Reason.REGION.value
_PRICE, _DATES, _PLACEMENT, _SHOWN = (
    Reason.PRICE.value,
    Reason.DATES.value,
    Reason.PLACEMENT.value,
    Reason.SHOWN.value,
)


@dataclass(frozen=True, slots=True)
class Now:
    """What all calls of one instant have in common. `hour` is that of the workspace's time zone."""

    us: int
    hour: int
    assumed: frozenset[str]  # purposes


class Call:
    """One person at one place now, as far as the rules look."""

    __slots__ = ("country", "language", "now", "place", "placement", "robot", "said", "state", "taken", "totals")

    def __init__(
        self,
        state: State,
        now: Now,
        placement: str,
        place: Placement,
        context: Mapping[str, str | float | bool],
        said: Mapping[str, bool],
        robot: bool,
        taken: Sequence[str],
    ) -> None:
        self.state, self.now = state, now
        self.placement, self.place = placement, place
        known = permissions(state)
        self.said = {**known, **said} if said else known  # what the caller says holds before what is known
        self.language = str(context.get("language") or state.language)
        self.country = str(context.get("country") or state.country)
        self.robot = robot or state.robot
        self.taken = taken  # variants given to earlier slots of the same answer
        self.totals: tuple[int, int, int, int] | None = None

    def permits(self, purpose: str) -> bool:
        """Whether the person permits a purpose."""
        said = self.said.get(purpose)
        return purpose in self.now.assumed if said is None else said

    def counted(self, campaign: str) -> tuple[int, int, int, int, int, int]:
        """Shown today and within a week: everything, this campaign, this channel."""
        shown = self.state.shown
        if not shown:
            return _NONE
        today = self.now.us // DAY_US
        if self.totals is None:
            day = week = 0
            for what, days in shown.items():
                if what[0] != "@":
                    one, seven = _recent(days, today)
                    day, week = day + one, week + seven
            self.totals = (day, week, *_recent(shown.get(f"@{self.place.channel}"), today))
        day, week, of_day, of_week = self.totals
        return (day, week, *_recent(shown.get(campaign), today), of_day, of_week)


def _recent(days: Mapping[int, int] | None, today: int) -> tuple[int, int]:
    if not days:
        return 0, 0
    since, week = today - _WEEK, 0
    for day, count in days.items():
        if day > since:
            week += count
    return days.get(today, 0), week


@dataclass(frozen=True, slots=True)
class _Prices:
    """Offers by a price: `upto[i]`: the places of the i lowest, `beyond[i]`: of all but the i lowest."""

    values: list[float]
    upto: list[int]
    beyond: list[int]


@dataclass(frozen=True, slots=True)
class RuleSets:
    """A campaign's rules as sets of places, each ready to be looked up."""

    campaign: str
    rules: Eligibility
    caps: tuple[int, int, int, int, int, int]  # in the order of Call.counted
    quiet: tuple[int, int] | None
    everything: int
    fixed: Against  # what holds for everybody
    languages: Mapping[str, int]  # those offered → places in another
    countries: Mapping[str, int]  # those named → places elsewhere
    elsewhere: int  # for any other country
    leading: Mapping[str, int]  # product → places that are about it
    cheapest: _Prices  # of each offer
    dearest: _Prices  # times the factor
    fits: Mapping[str, int]  # placement → places that do not fit
    turns: list[int]  # instants at which an offer begins or ends, sorted
    off: list[int]  # places that do not run, before turns[0], from turns[0] on …
    places: Mapping[str, int]  # variant → set of its place


def rule_sets(running: Running, placements: Mapping[str, Placement]) -> RuleSets:
    """Work out the sets of a campaign: O(V · what the offers name)."""
    offers, rules = running.offers, running.rules
    spoken = {_base(o.language) for o in offers}
    named = {c for o in offers for c in o.countries}
    fixed = {
        Reason.OUT_OF_STOCK: _where(not o.in_stock for o in offers),
        Reason.NOT_APPROVED: _where(not o.approved for o in offers),
    }
    turns = sorted({t for o in offers for t in (o.starts_us, o.ends_us)} | {running.starts_us, running.ends_us})
    spans = [turns[0] - 1, *turns]
    return RuleSets(
        campaign=running.campaign,
        rules=rules,
        caps=(
            rules.impressions_per_day,
            rules.impressions_per_week,
            rules.campaign_per_day,
            rules.campaign_per_week,
            rules.channel_per_day,
            rules.channel_per_week,
        ),
        quiet=rules.quiet(),
        everything=(1 << len(offers)) - 1,
        fixed=[(int(reason), places) for reason, places in fixed.items() if places],
        languages={s: _where(_base(o.language) != s for o in offers) for s in spoken},
        countries={c: _where(bool(o.countries) and c not in o.countries for o in offers) for c in named},
        elsewhere=_where(bool(o.countries) for o in offers),
        leading={p: _where(o.leading == p for o in offers) for p in {o.leading for o in offers if o.leading}},
        cheapest=_prices([o.price_low for o in offers], 1.0),
        dearest=_prices([o.price_high for o in offers], rules.price_factor),
        fits={
            name: _where(not _fits(running.campaign, o, place) for o in offers)
            for name, place in placements.items()
        },
        turns=turns,
        off=[_where(not _runs(running, o, t) for o in offers) for t in spans],
        places={o.variant: 1 << i for i, o in enumerate(offers)},
    )


def against(sets: RuleSets, call: Call, *, stopped: bool) -> Against:
    """Every reason that holds, and where. The budget is left to the caller, who knows whether it is needed."""
    found = sets.fixed.copy()
    _of_all(found, sets, call, stopped=stopped)
    _of_some(found, sets, call)
    return found


def _of_all(found: Against, sets: RuleSets, call: Call, *, stopped: bool) -> None:
    """Add what stands against the whole campaign."""
    state, whole = call.state, sets.everything
    if not call.permits(call.place.purpose or sets.rules.purpose):
        found.append((_CONSENT, whole))
    if state.shown and _capped(sets.caps, call.counted(sets.campaign)):
        found.append((_CAP, whole))
    if state.suppressed and is_suppressed(state, call.place.channel):
        found.append((_SUPPRESSED, whole))
    if sets.quiet is not None and _within(call.now.hour, *sets.quiet):
        found.append((_QUIET, whole))
    if stopped:
        found.append((_STOPPED, whole))
    if call.robot:
        found.append((_ROBOT, whole))


def _of_some(found: Against, sets: RuleSets, call: Call) -> None:
    """Add what stands against some of its offers."""
    state = call.state
    if state.bought and (places := _bought(sets, state, call.now.us)):
        found.append((_BOUGHT, places))
    if call.language and (places := sets.languages.get(_base(call.language), sets.everything)):
        found.append((_LANGUAGE, places))
    if call.country and (places := sets.countries.get(call.country, sets.elsewhere)):
        found.append((_REGION, places))
    if places := _far(sets, state):
        found.append((_PRICE, places))
    if places := sets.off[bisect_right(sets.turns, call.now.us)]:
        found.append((_DATES, places))
    if places := sets.fits[call.placement]:
        found.append((_PLACEMENT, places))
    if call.taken and (places := _union([sets.places.get(v, 0) for v in call.taken])):
        found.append((_SHOWN, places))


def ruled_out(found: Against, blocking: int) -> int:
    """The places that reasons in `blocking` rule out."""
    out = 0
    for reason, places in found:
        if reason & blocking:
            out |= places
    return out


def _capped(caps: Sequence[int], counted: Sequence[int]) -> bool:
    for cap, count in zip(caps, counted, strict=True):  # noqa: SIM110 - any() costs more than all of the rest
        if count >= cap > 0:
            return True
    return False


def _bought(sets: RuleSets, state: State, now_us: int) -> int:
    since = now_us - sets.rules.bought_within_days * DAY_US
    about = state.bought.keys() & sets.leading.keys()
    return _union([sets.leading[p] for p in about if state.bought[p] >= since])


def _far(sets: RuleSets, state: State) -> int:
    """Too dear: the cheapest product shown is above the person's range; too cheap: the dearest is below it."""
    far = 0
    if state.price_high:
        low = sets.cheapest
        far = low.beyond[bisect_right(low.values, state.price_high * sets.rules.price_factor)]
    if state.price_low:
        high = sets.dearest
        far |= high.upto[bisect_left(high.values, state.price_low)]
    return far


def _within(hour: int, first: int, end: int) -> bool:
    return first <= hour < end if first < end else hour >= first or hour < end


@lru_cache(maxsize=1024)
def _base(language: str) -> str:
    return language.partition("-")[0].lower()


def _fits(campaign: str, offer: Offer, place: Placement) -> bool:
    if place.campaigns and campaign not in place.campaigns:
        return False
    return not place.size or any(a.size == place.size for a in offer.content.assets)


def _runs(running: Running, offer: Offer, at_us: int) -> bool:
    return max(running.starts_us, offer.starts_us) <= at_us < min(running.ends_us, offer.ends_us)


def _prices(prices: list[float | None], factor: float) -> _Prices:
    order = sorted((price * factor, 1 << i) for i, price in enumerate(prices) if price is not None)
    places = [place for _, place in order]
    upto = list(accumulate(places, or_, initial=0))
    beyond = list(accumulate(reversed(places), or_, initial=0))[::-1]
    return _Prices([price for price, _ in order], upto, beyond)


def _where(holds: Iterable[bool]) -> int:
    return _union(1 << i for i, it in enumerate(holds) if it)


def _union(sets: Iterable[int]) -> int:
    found = 0
    for places in sets:
        found |= places
    return found
