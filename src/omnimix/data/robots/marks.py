"""Events that no person did, with the reason why we think so.

in   events with a profile_id, the rules
out  the fact `automated`: event_id and one reason, the surest where several hold

An order is never marked: money is real, whoever pressed the button. Nothing is deleted: stages leave marked events
out, and the run says how many and why. Hidden links are those of Brewer et al., "A link obfuscation service to
detect webbots", Electronic Commerce Research 10, 2010; people cannot see them.
"""

from collections.abc import Iterator

import ibis
from ibis import _
from ibis.expr.types import Table

from omnimix.data.robots.rules import RobotRules
from omnimix.data.robots.words import AGENT, PREFETCH, SCANNER

HIDDEN_LINK = "Hidden Link Clicked"
DELIVERED, ANSWERS = "Email Delivered", ("Email Opened", "Email Link Clicked")
NEAR_HIDDEN, INSTANT, BURST, PACE = "hidden link", "too soon after delivery", "burst of a network", "pace"
REASONS = (AGENT, SCANNER, PREFETCH, NEAR_HIDDEN, INSTANT, BURST, PACE)  # the surest first


def automated(events: Table, rules: RobotRules) -> Table:
    """Marks of `events` (EVENT with profile_id): event_id, reason; one row an event."""
    told = events.mutate(person=ibis.coalesce(events["profile_id"], events["person_key"]))
    found = ibis.union(*_marks(told, rules), distinct=False)
    surest = found.group_by("event_id").aggregate(place=_.place.min())
    orders = told.filter(_.name.startswith("Order ") | _.revenue_minor.notnull())
    named = ibis.cases(*((surest["place"] == n, reason) for n, reason in enumerate(REASONS)), else_=PACE)
    return surest.select("event_id", reason=named).anti_join(orders, "event_id")


def robot_profiles(events: Table, marks: Table, *known_by: Table) -> Table:
    """Profiles with marked events and nothing else: neither other events nor a row in `known_by` (profile_id)."""
    marked = events.semi_join(marks, "event_id").filter(_.profile_id.notnull()).select("profile_id").distinct()
    found = marked.anti_join(events.anti_join(marks, "event_id"), "profile_id")
    for table in known_by:
        found = found.anti_join(table, "profile_id")
    return found


def _marks(told: Table, rules: RobotRules) -> Iterator[Table]:
    """Tables of event_id and place of the reason in REASONS."""
    for reason in (AGENT, SCANNER, PREFETCH):
        yield _marked(told.filter(told["robot"] == reason), reason)
    yield _marked(told.filter(told["name"] == HIDDEN_LINK), NEAR_HIDDEN)
    for around in ("person", "network"):
        yield _marked(_near_hidden(told, around, rules), NEAR_HIDDEN)
    yield _marked(_instant(told, rules), INSTANT)
    placed = _placed(told, rules)
    yield _marked(_burst(placed, rules), BURST)
    yield _marked(_fast(placed, rules), PACE)


def _marked(rows: Table, reason: str) -> Table:
    found = rows.select(event_id="event_id", place=ibis.literal(REASONS.index(reason), "int64"))
    return found.cast({"event_id": "string", "place": "int64"})  # a union wants the same nullability everywhere


def _near_hidden(told: Table, around: str, rules: RobotRules) -> Table:
    """Events of the same `around` (person or network) that stand near a hit of the hidden link."""
    span = ibis.interval(minutes=rules.hidden_minutes)
    hits = told.filter(told["name"] == HIDDEN_LINK, told[around].notnull())
    hits = hits.select(by=hits[around], low=hits["occurred_at"] - span, high=hits["occurred_at"] + span).distinct()
    at = told["occurred_at"]
    return told.semi_join(hits, [told[around] == hits["by"], at >= hits["low"], at <= hits["high"]])


def _instant(told: Table, rules: RobotRules) -> Table:
    """Opens and clicks that follow the person's latest delivery within a moment."""
    mails = told.filter(_.name.isin([DELIVERED, *ANSWERS]), _.person.notnull())
    mails = mails.mutate(
        answers=mails["name"] != DELIVERED,
        delivered_at=(mails["name"] == DELIVERED).ifelse(mails["occurred_at"], ibis.null("timestamp(6)")),
    )
    so_far = ibis.cumulative_window(group_by="person", order_by=["occurred_at", "answers", "event_id"])
    soon = ibis.interval(seconds=rules.instant_seconds)
    known = mails.mutate(latest=mails["delivered_at"].max().over(so_far))
    return known.filter(known["answers"], known["occurred_at"] <= known["latest"] + soon)


def _placed(told: Table, rules: RobotRules) -> Table:
    """Events of known visitors from known networks: when, and how much the visitor did that day from there."""
    live = told.filter(told["network"].notnull(), told["person"].notnull())
    at = live["occurred_at"]
    live = live.select(
        "event_id",
        "person",
        "network",
        hour=at.truncate("h"),
        span=at.minute() // rules.burst_minutes,
        minute=at.truncate("m"),
    )
    day = ibis.window(group_by=["network", "person"])
    return live.mutate(done=live["event_id"].count().over(day))


def _burst(placed: Table, rules: RobotRules) -> Table:
    """What passers-by did in a burst of their network; who looked around stays unmarked."""
    place = ["network", "hour", "span"]
    passing = placed["done"] <= rules.burst_steps
    crowds = (
        placed.mutate(passer=passing.ifelse(placed["person"], ibis.null("string")))
        .group_by(place)
        .aggregate(people=_.person.nunique(), passers=_.passer.nunique())
        .filter(_.people >= rules.burst_people, _.passers >= rules.burst_share * _.people)
    )
    return placed.filter(passing).semi_join(crowds, place)


def _fast(placed: Table, rules: RobotRules) -> Table:
    """Everything a visitor did in an hour in which a minute saw more than a person can do."""
    minutes = placed.group_by("network", "person", "hour", "minute").aggregate(things=_.count())
    hours = minutes.filter(minutes["things"] > rules.pace_events).select("network", "person", "hour").distinct()
    return placed.semi_join(hours, ["network", "person", "hour"])
