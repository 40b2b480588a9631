"""A campaign's budget and pace: from its file and the traffic of the weeks before; and plan against spent.

in   a Machine, a campaign's Job; events, or orders where there are none; counters in the online store
out  Pace for the release; Standing (plan, spent, chance) for a person; counters put right after a worker died
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

import ibis
import numpy as np
from ibis import _
from ibis.expr.types import Table

from omnimix.activation.decide.budget import Counter, buried, dead, key_of, read_counter, rebuilt, turned, written
from omnimix.activation.decide.decision import unpacked
from omnimix.activation.decide.pacing import HOUR, SECOND, WEEK_HOURS, Day, Pace, day_at, micros_of, planned
from omnimix.audience.segment.local import local
from omnimix.data.ingest import LOCK
from omnimix.flow.bids import bills_of
from omnimix.flow.machine import Job, Machine
from omnimix.flow.people import events_of, lines_of
from omnimix.governance.consent import Purpose
from omnimix.store.online.port import Change, OnlineStore
from omnimix.store.turns import turn

WEEKS = 8  # of traffic, from which the profile of the week is made
_MOST = 20_000  # journal entries at once
_SMOOTH = 200.0  # events' worth of belief that every day has the same hours
_EPOCH = dt.datetime(1970, 1, 1)  # noqa: DTZ001  instants are naive UTC


@dataclass(frozen=True, slots=True)
class Standing:
    """How a campaign's money stands today. Micros of the currency; hours from the beginning of the local day."""

    campaign: str
    date: str  # local
    way: str
    daily: int
    total: int | None
    spent_today: int
    spent_before: int
    on_loan: int  # granted to workers and not told to be spent
    chance: float  # with which opportunities take part now
    plan: tuple[int, ...]  # by hour
    spent: tuple[int, ...]  # by hour
    planned_by_now: int
    workers: int
    missing: tuple[str, ...]  # workers whose lease ended without a word


@dataclass(frozen=True, slots=True)
class Paid:
    """What a campaign's decisions and bills come to, in micros, by local day."""

    earlier: int  # before yesterday
    yesterday: int
    hours: Mapping[int, int]  # today, by hour of the day


def pace_of(machine: Machine, job: Job) -> Pace:
    """The campaign's pace: caps from its file, the profile of the week from its traffic."""
    rules, currency = job.pacing, machine.currency
    return Pace(
        campaign=job.campaign.key,
        daily=micros_of(job.campaign.daily_budget, currency),
        total=micros_of(rules.total_budget, currency) if rules.total_budget else None,
        way=rules.way,
        timezone=machine.timezone,
        profile=profile_of(machine),
        cost=micros_of(rules.cost_per_thousand, currency) // 1000,
    )


def profile_of(machine: Machine) -> tuple[float, ...]:
    """(168,) share of the traffic by hour of the week from Monday 0:00, local; empty where nothing is known.

    Whole days before today: within a day it stays the same.
    """
    until = dt.datetime.combine(machine.today.date(), dt.time())
    for seen in (events_of(machine, Purpose.MEASUREMENT), lines_of(machine, Purpose.MEASUREMENT)):
        table = hours_of_week(seen, until=until, timezone=machine.timezone)
        counts = np.zeros(WEEK_HOURS)
        for row in machine.warehouse.arrow(table.order_by("hour")).to_pylist():
            counts[row["hour"]] = row["seen"]
        if counts.any():
            return smoothed(counts)
    return ()


def hours_of_week(seen: Table, *, until: dt.datetime, timezone: str) -> Table:
    """hour (0–167 from Monday 0:00, local), seen: how many rows of the weeks before `until` fell into it."""
    lately = seen.filter(
        (_.occurred_at < until) & (_.occurred_at >= ibis.timestamp(until - timedelta(weeks=WEEKS)))
    )
    placed = lately.select(at=local(lately.occurred_at, timezone, until=until))
    hour = placed.at.day_of_week.index().cast("int64") * 24 + placed.at.hour().cast("int64")
    return placed.select(hour=hour).group_by("hour").aggregate(seen=_.count())


def smoothed(counts: np.ndarray[tuple[int], np.dtype[np.float64]]) -> tuple[float, ...]:
    """(168,) shares from counts, drawn a little towards days that are alike in their hours."""
    week = counts.reshape(7, 24)
    alike = np.outer(week.sum(axis=1), week.sum(axis=0)) / counts.sum() ** 2
    shares = (week + _SMOOTH * alike) / (counts.sum() + _SMOOTH)
    return tuple(float(s) for s in shares.ravel())


def standing(store: OnlineStore, pace: Pace, now: dt.datetime) -> Standing:
    """Plan against spent at `now` (UTC)."""
    now_us = micros_at(now)
    day = day_at(pace.timezone, now_us)
    counter = turned(read_counter(store.read([key_of(pace.campaign)])[0]), pace, now_us)
    allowance = pace.daily if pace.total is None else max(0, min(pace.daily, pace.total - counter.before))
    plan = planned(pace, day, allowance=allowance)
    spent = (*counter.hours, *(0 for _hour in range(len(plan) - len(counter.hours))))
    return Standing(
        campaign=pace.campaign,
        date=str(dt.date.fromordinal(day.number)),
        way=str(pace.way),
        daily=pace.daily,
        total=pace.total,
        spent_today=counter.spent,
        spent_before=counter.before,
        on_loan=counter.granted - counter.spent,
        chance=counter.chance,
        plan=tuple(plan),
        spent=spent,
        planned_by_now=_by_now(plan, day, now_us),
        workers=len(counter.held),
        missing=dead(counter, now_us),
    )


def recount(store: OnlineStore, pace: Pace, paid: Paid, *, now: dt.datetime, after_s: float = 0.0) -> Counter:
    """Give back what killed workers hold, or make the counter anew where the store has lost it.

    `paid` is read after `now`, its days are those as of `now`. Workers count as killed `after_s` seconds after
    their lease ended.
    """
    now_us = micros_at(now)
    silent_us = now_us - round(after_s * SECOND)
    after = Counter()

    def make(raw: list[bytes | None]) -> Change:
        nonlocal after
        if raw[0] is None:
            spent = tuple(paid.hours.get(h, 0) for h in range(max(paid.hours, default=-1) + 1))
            before = paid.earlier + paid.yesterday
            after = rebuilt(pace, before=before, hours=spent, now_us=now_us)
        else:
            counter = turned(read_counter(raw[0]), pace, now_us)
            after = buried(counter, yesterday=paid.yesterday, today=sum(paid.hours.values()), now_us=silent_us)
        return Change({key_of(pace.campaign): written(after)})

    store.change([key_of(pace.campaign)], make)
    return after


def recount_all(machine: Machine, paces: Mapping[str, Pace]) -> dict[str, int]:
    """Put the counters right of campaigns where a worker was killed, or that the store has lost.

    Returns what came back, in micros, by campaign. Where bids are made it waits until they cannot be billed any
    more. Safe to do again; costs nothing while nobody is missing.
    """
    now = machine.clock()
    silent_us = micros_at(now) - machine.bid.life_seconds * SECOND
    back: dict[str, int] = {}
    store = machine.online()
    try:
        raw = store.read([key_of(c) for c in paces])
        for (campaign, pace), value in zip(paces.items(), raw, strict=True):
            counter = read_counter(value)
            if value is None or dead(counter, silent_us):
                with turn(machine.warehouse.local.root.parent / LOCK):  # nothing moves from journal to facts
                    paid = _paid(machine, store, pace, now)
                after = recount(store, pace, paid, now=now, after_s=machine.bid.life_seconds)
                held = counter.before + counter.granted
                back[campaign] = held - after.before - after.granted if value is not None else 0
    finally:
        store.close()
    return back


def _paid(machine: Machine, store: OnlineStore, pace: Pace, now: dt.datetime) -> Paid:
    """What decisions and bills come to, the days as of `now`."""
    day = day_at(pace.timezone, micros_at(now))
    facts = machine.warehouse.local
    mine = facts.table("decision").filter((_.campaign == pace.campaign) & (_.cost_micros > 0))
    paid = mine.select("decision_id", "decided_at", "cost_micros")
    found = facts.arrow(paid)
    instants = found["decided_at"].cast("int64").to_pylist()
    costs = zip(instants, found["cost_micros"].to_pylist(), strict=True)
    rows = dict(zip(found["decision_id"].to_pylist(), costs, strict=True))
    at = 0
    while entries := store.entries(at, _MOST):
        at = entries[-1][0]
        for one in (unpacked(entry) for _number, entry in entries):
            if one.campaign == pace.campaign and one.cost:
                rows[one.decision_id] = (one.at_us, one.cost)
    spent, hours = defaultdict[int, int](int), defaultdict[int, int](int)
    for at_us, cost in rows.values():
        if day.starts_us <= at_us < day.ends_us:
            hours[int((at_us - day.starts_us) // HOUR)] += cost
        elif at_us < day.starts_us:
            spent[day_at(pace.timezone, at_us).number] += cost
    for bill in bills_of(machine):
        if bill.campaign == pace.campaign:
            micros = -(-bill.nano // 1000)
            if bill.on.toordinal() >= day.number:
                hours[0] += micros  # bills name a day, not an hour
            else:
                spent[bill.on.toordinal()] += micros
    yesterday = spent.pop(day.number - 1, 0)
    return Paid(sum(spent.values()), yesterday, dict(hours))


def micros_at(at: dt.datetime) -> int:
    """Microseconds since 1970 of a naive UTC instant."""
    return (at - _EPOCH) // timedelta(microseconds=1)


def _by_now(plan: list[int], day: Day, now_us: int) -> int:
    hour = min(int((now_us - day.starts_us) // HOUR), len(plan) - 1)
    part = (now_us - day.starts_us - hour * HOUR) / HOUR
    return sum(plan[:hour]) + round(plan[hour] * min(part, 1.0))
