"""A candidate becomes a pain point: put at its step, dated, counted in people and money, said in a sentence.

in   candidates; the visits behind the chosen one, counted
out  PainPoints
"""

from collections.abc import Sequence
from datetime import date

import pyarrow as pa
from ibis import _
from ibis.expr.types import Table

from omnimix.audience.journey.journey import EXIT, START
from omnimix.audience.journey.pain.counts import Struck, of_group
from omnimix.audience.journey.pain.estimate import difference, rate_of, times
from omnimix.audience.journey.pain.find import Candidate, Ratio
from omnimix.audience.journey.pain.record import Interval, Kind, PainPoint, Period
from omnimix.audience.journey.pain.standing import Standing

_VISIT = ["profile_id", "session"]
_EVENTS = (Kind.ERROR, Kind.SUPPORT)
_MOST_ALSO = 5
_NEARLY = 0.75  # of the best score


def localise(found: Sequence[Candidate]) -> Candidate:
    """The strongest candidate; an error or a call for help at the step it belongs to.

    Where an error explains nearly as much as an exit or a loop, it is what happened and they are what came of it.
    An error counts after every step before it. It belongs where much of what is tried meets it (precision) and
    much of it is met (recall): the base with the highest F1 against the widest base.
    """
    best = found[0]
    named = [c for c in found if c.ratio.kind is Kind.ERROR and c.who == best.who and _overlap(c, best)]
    if best.ratio.kind is not Kind.ERROR and named and named[0].dates.score >= _NEARLY * best.dates.score:
        best = named[0]
    if best.ratio.kind not in _EVENTS:
        return best
    same = [
        c
        for c in found
        if (c.ratio.kind, c.ratio.next_step, c.who) == (best.ratio.kind, best.ratio.next_step, best.who)
        and _overlap(c, best)
    ]
    whole = max(c.hurt for c in same)
    return max(same, key=lambda c: (2 * c.hurt / (c.tried + whole), c.dates.score))


def struck(point: Candidate) -> Struck:
    """What a conditional re-scan sets aside: from the earliest first to the latest last day."""
    return Struck(
        base=point.ratio.base,
        kind=str(point.ratio.kind),
        next_step=point.ratio.next_step,
        who=point.who,
        first_on=point.day(point.dates.firsts[0]),
        last_on=point.day(point.dates.lasts[2]),
    )


def period_of(found: Candidate) -> tuple[date, date]:
    """First and last day that are counted, which are those shown: the medians; the last day of all if ongoing."""
    last = found.dates.lasts[1] if found.dates.ends else found.days - 1
    return found.day(found.dates.firsts[1]), found.day(last)


def ratio_of(point: PainPoint) -> Ratio:
    """The ratio that a pain point is about."""
    move = point.kind is Kind.SLOW
    return Ratio(point.kind, point.step, (point.next_step or "") if move else "", point.next_step or "")


def behind_point(
    seen: Table,
    tried: Table,
    hurt: Table,
    ratio: Ratio,
    who: Sequence[tuple[str, str]],
    days: tuple[date, date] | None,
) -> Table:
    """The visits a pain point counts: profile_id, session, bad, bought_soon. `days` None: all."""
    here = seen.filter(of_group(seen, who))
    if days is not None:
        here = here.filter(here.day.between(*days))
    made = tried.filter((_.base == ratio.base) & (_.to == ratio.to)).select(*_VISIT)
    bad = hurt.filter(
        (_.base == ratio.base)
        & (_.to == ratio.to)
        & (_.kind == str(ratio.kind))
        & (_.next_step == ratio.next_step)
    ).select(hurt_by=_.profile_id, hurt_in=_.session)
    rows = here.join(made, _VISIT)
    joined = rows.left_join(bad, (rows.profile_id == bad.hurt_by) & (rows.session == bad.hurt_in))
    return joined.select(*_VISIT, bad=joined.hurt_by.notnull(), bought_soon=joined.bought_soon)


def outcomes(behind: Table) -> Table:
    """Visits, people and later buyers, for those hurt and those not."""
    return behind.group_by("bad").aggregate(
        visits=_.count(), people=_.profile_id.nunique(), bought=_.bought_soon.sum()
    )


def make_point(
    found: Candidate,
    counted: pa.Table,
    *,
    also: Sequence[Candidate] = (),
    margin: Interval | None = None,
) -> PainPoint:
    """The pain point. `counted` is `outcomes` of it; `margin` is what one order brings, in minor units."""
    period = _period(found)
    return _point(
        found.ratio,
        found.who,
        period,
        counted,
        expected=found.expected,
        effect=found.effect,
        q_value=found.q_value,
        score=found.dates.score,
        also=_also(found, also),
        margin=margin,
    )


def make_standing(
    found: Standing, counted: pa.Table, *, also: Sequence[Standing] = (), margin: Interval | None = None
) -> PainPoint:
    """The chronic pain point."""
    names = [f"{s.ratio.kind}: {s.ratio.base} → {s.ratio.next_step or 'goal missed'}" for s in also if s != found]
    return _point(
        found.ratio,
        found.who,
        None,
        counted,
        expected=found.expected,
        effect=found.effect,
        q_value=found.q_value,
        score=found.score,
        also=tuple(names[:_MOST_ALSO]),
        margin=margin,
    )


def _point(
    ratio: Ratio,
    who: tuple[tuple[str, str], ...],
    period: Period | None,
    counted: pa.Table,
    *,
    expected: float,
    effect: float,
    q_value: float,
    score: float,
    also: tuple[str, ...],
    margin: Interval | None,
) -> PainPoint:
    rows = {r["bad"]: r for r in counted.to_pylist()}
    none = {"visits": 0, "people": 0, "bought": 0}
    bad, good = rows.get(True, none), rows.get(False, none)
    tried = bad["visits"] + good["visits"]
    rate = rate_of(bad["visits"], tried, effect=effect)
    excess = Interval(*((r - expected) * tried for r in (rate.value, rate.low, rate.high)))
    bought = [rate_of(r["bought"], r["visits"], effect=effect) for r in (good, bad)]
    lost = times(excess, difference(*bought)) if good["visits"] and good["bought"] else None
    start = period.starts_on.isoformat() if period else "standing"
    whom = ",".join(f"{name}={value}" for name, value in who) or "everybody"
    point = PainPoint(
        key="|".join((str(ratio.kind), ratio.base, ratio.next_step or "(goal)", whom, start)),
        kind=ratio.kind,
        step=ratio.base,
        next_step=ratio.next_step or None,
        period=period,
        who=who,
        tried=tried,
        hurt=bad["visits"],
        affected=bad["people"],
        rate=rate,
        expected=expected,
        excess=excess,
        lost_people=lost,
        lost_minor=times(lost, margin) if lost and margin else None,
        q_value=q_value,
        score=score,
        sentence="",
        also=also,
    )
    return _said(point)


def _period(found: Candidate) -> Period:
    (low, start, high), (early, end, late) = found.dates.firsts, found.dates.lasts
    ended = found.dates.ends
    return Period(
        starts_on=found.day(start),
        starts_from=found.day(low),
        starts_to=found.day(high),
        ends_on=found.day(end) if ended else None,
        ends_from=found.day(early) if ended else None,
        ends_to=found.day(late) if ended else None,
    )


def _overlap(one: Candidate, other: Candidate) -> bool:
    return one.dates.first <= other.dates.last and other.dates.first <= one.dates.last


def _also(found: Candidate, others: Sequence[Candidate]) -> tuple[str, ...]:
    """Other outcomes of the same people in which it shows, the strongest first."""
    names = [
        f"{c.ratio.kind}: {c.ratio.base} → {c.ratio.next_step or 'goal missed'}"
        for c in others
        if (c.ratio.kind, c.ratio.next_step) != (found.ratio.kind, found.ratio.next_step)
        and _overlap(c, found)
        and c.who in (found.who, ())
    ]
    return tuple(dict.fromkeys(names))[:_MOST_ALSO]


def _said(point: PainPoint) -> PainPoint:
    when = "All the time" if point.period is None else _when(point.period)
    whom = f" by {point.whom}" if point.who else ""
    made = "visits" if point.step == START else f"visits that made {point.step!r}"
    lost = ""
    if point.lost_people is not None:
        low, high = point.lost_people.low, point.lost_people.high
        lost = f"; about {point.lost_people.value:,.0f} orders lost ({low:,.0f} to {high:,.0f})"
    text = (
        f"{when}, {point.rate.value:.0%} of {point.tried:,} {made}{whom} {_what(point)}, where "
        f"{point.expected:.0%} were to be expected: {point.hurt:,} visits of {point.affected:,} people{lost}."
    )
    return PainPoint(**{name: getattr(point, name) for name in point.__slots__} | {"sentence": text})


def _what(point: PainPoint) -> str:
    match point.kind:
        case Kind.LOOP:
            return (
                f"went back to {point.next_step!r}" if point.next_step != point.step else "made it again at once"
            )
        case Kind.DROP_OFF:
            return "left there" if point.next_step == EXIT else "did not get to an order"
        case Kind.SLOW:
            return f"waited long for {point.next_step!r}"
        case Kind.ERROR:
            return f"ran into {point.next_step!r}"
        case Kind.SUPPORT:
            return f"came to {point.next_step!r}"


def _when(period: Period) -> str:
    start = f"{period.starts_on:%-d %B %Y}"
    return f"Since {start}" if period.ends_on is None else f"From {start} to {period.ends_on:%-d %B %Y}"
