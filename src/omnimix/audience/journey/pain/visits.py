"""Visits, what was tried in them, and what went wrong: the rows that pain is counted from.

in   events    the event fact with profile_id
out  visits    profile_id, session, day, started_at, bought, bought_soon, and one column per dimension
     tries     profile_id, session, base, to                    the session made step `base` (START: any session);
                                                                with `to`: made the move base → to
     hurts     profile_id, session, base, to, kind, next_step   a try with a bad outcome; next_step "": goal missed

Each row stands once, so whoever makes a step ten times in one visit counts once: visits, unlike clicks, are nearly
independent of each other.
"""

import ibis
from ibis import _
from ibis.expr.types import BooleanValue, StringValue, Table

from omnimix.audience.journey.journey import EXIT, START
from omnimix.audience.journey.medium import medium
from omnimix.audience.journey.pain.record import Kind
from omnimix.audience.journey.pain.rules import ERROR_PROPERTY, PainRules
from omnimix.audience.journey.sessions import in_sessions
from omnimix.audience.journey.steps import event_steps, fold
from omnimix.store.instants import seconds

MISSED = ""  # the next step of a try that did not reach the goal
NEW, RETURNING, LOYAL = "new", "returning", "loyal"
DIMENSIONS = ("device", "medium", "country", "language", "visitor")
TECHNICAL = ("device", "medium", "country", "language")  # a standing difference in these can be somebody's fault
_VISIT = ["profile_id", "session"]
_SLOW = 0.9  # quantile of a move's waits beyond which it is slow


def pain_rows(
    events: Table,
    *,
    rules: PainRules,
    gap_minutes: int,
    own_hosts: tuple[str, ...] = (),
    properties: tuple[str, ...] = (),
) -> dict[str, Table]:
    """`clicks` (run it first: the others read it), by name. `properties` are names in the events' JSON."""
    placed = in_sessions(events, gap_minutes=gap_minutes)
    return {"clicks": _clicks(placed, rules, own_hosts, properties)}


def visits(clicks: Table, *, recover_days: int, properties: tuple[str, ...] = ()) -> Table:
    """One row per session: its day, whether it reached the goal, then or within `recover_days`, and who it was."""
    first = clicks.filter(_.place == 1)
    summed = clicks.group_by(_VISIT).aggregate(bought=_.goal.max(), started_at=_.occurred_at.min())
    so_far = ibis.cumulative_window(group_by="profile_id", order_by="session")
    on = ibis.window(group_by="profile_id", order_by="session", preceding=0, following=None)
    before = summed.mutate(
        before=_.bought.sum().over(so_far) - _.bought,
        buys_at=(_.bought > 0).ifelse(_.started_at, ibis.null("timestamp(6)")).min().over(on),
    )
    soon = before.buys_at <= before.started_at + ibis.interval(days=recover_days)
    # Whoever comes in the first weeks of the data may have come before them: not known.
    begun = clicks.aggregate(begun_at=_.occurred_at.min())
    before = before.cross_join(begun)
    early = before.started_at < before.begun_at + ibis.interval(days=recover_days * 4)
    visitor = ibis.cases(
        (before.before > 0, LOYAL), (early, ibis.null("string")), (before.session == 1, NEW), else_=RETURNING
    )
    known = before.select(
        seen_by=before.profile_id,
        seen=before.session,
        bought=before.bought,
        visitor=visitor.cast("string"),
        bought_soon=soon.fill_null(False).cast("int64"),
    )
    joined = first.join(known, (first.profile_id == known.seen_by) & (first.session == known.seen))
    return joined.select(
        "profile_id",
        "session",
        "bought",
        "bought_soon",
        *DIMENSIONS,
        *properties,
        day=joined.occurred_at.date(),
        started_at=joined.occurred_at,
    )


def tries(clicks: Table) -> Table:
    """What was tried: each step of a session once, START for the session itself, and each move with its wait."""
    steps = clicks.filter(_.place == _.first_place).select(*_VISIT, base=_.step, to=ibis.literal(""))
    begun = clicks.filter(_.place == 1).select(*_VISIT, base=ibis.literal(START), to=ibis.literal(""))
    moved = clicks.filter(_.wait.notnull()).select(*_VISIT, base=_.step, to=_.next_step).distinct()
    return ibis.union(_plain(steps), _plain(begun), _plain(moved))


def hurts(clicks: Table, tried: Table, seen: Table) -> Table:
    """What went wrong: loops, exits, goals missed, errors, calls for help and long waits, each once a session."""
    one = tried.filter(_.to == "")
    # A repeat (`again`) is a step already made in this visit.
    loops = clicks.filter(_.next_again).select(*_VISIT, base=_.step, next_step=_.next_step).distinct()
    exits = clicks.filter(_.next_step.isnull()).select(*_VISIT, base=_.step, next_step=ibis.literal(EXIT))
    # Who only asks for help or returns something did not come to buy.
    came = clicks.filter(~_.support & (_.goal == 0)).select(*_VISIT).distinct()
    idle = seen.filter(_.bought == 0).semi_join(came, _VISIT)
    missed = one.semi_join(idle, _VISIT).select(*_VISIT, base=_.base, next_step=ibis.literal(MISSED))
    return ibis.union(
        _named(loops, Kind.LOOP),
        _named(exits, Kind.DROP_OFF),
        _named(missed, Kind.DROP_OFF),
        _named(_after(clicks, clicks.error), Kind.ERROR),
        _named(_after(clicks, clicks.support), Kind.SUPPORT),
        _slow(clicks),
    )


def _clicks(placed: Table, rules: PainRules, own_hosts: tuple[str, ...], properties: tuple[str, ...]) -> Table:
    """One narrow row per event: its place in the visit, what came next, and what it means."""
    steps = fold(event_steps(placed), most=rules.most_steps).select(click_id=_.step_id, step=_.step)
    named = placed.join(steps, placed.event_id == steps.click_id)
    name, path = named["name"].lower(), named.page_path.lower().fill_null("")
    lines = named.select(
        "profile_id",
        "session",
        "event_id",
        "occurred_at",
        "step",
        "country",
        "language",
        device=named.device.lower(),
        medium=medium(named, own_hosts),
        goal=name.re_search(rules.goal).cast("int64"),
        support=name.re_search(rules.support),
        error=_fails(name, path, named.properties.lower().fill_null(""), rules),
        **{p: named.properties.re_extract(f'"{p}": ?"([^"]*)"', 1).nullif("") for p in properties},
    )
    visit = ibis.window(group_by=_VISIT, order_by=["occurred_at", "event_id"])
    same = ibis.window(group_by=[*_VISIT, "step"])
    numbered = lines.mutate(place=ibis.row_number().over(visit) + 1)
    firsts = numbered.mutate(first_place=_.place.min().over(same))
    ahead = firsts.mutate(
        next_step=_.step.lead().over(visit),
        next_again=(_.place > _.first_place).lead().over(visit).fill_null(False),
        next_at=_.occurred_at.lead().over(visit),
    )
    waited = (seconds(_.next_at) - seconds(_.occurred_at)).cast("float64")
    return ahead.mutate(wait=waited).drop("next_at", "event_id")


def _fails(name: StringValue, path: StringValue, properties: StringValue, rules: PainRules) -> BooleanValue:
    return name.re_search(rules.error) | path.re_search(rules.error) | properties.re_search(ERROR_PROPERTY)


def _after(clicks: Table, marked: BooleanValue) -> Table:
    """The marked steps of a visit, after each step made before and after START."""
    ends = clicks.filter(marked).group_by([*_VISIT, "step"]).aggregate(last=_.place.max())
    ends = ends.select(*_VISIT, "last", next_step=_.step)
    begun = clicks.filter(_.place == _.first_place).select(*_VISIT, "place", base=_.step)
    joined = begun.join(ends, _VISIT)
    after = joined.filter((joined.place < joined["last"]) & (joined.base != joined.next_step))
    any_time = ends.select(*_VISIT, base=ibis.literal(START), next_step=_.next_step)
    return ibis.union(_plain(after.select(*_VISIT, "base", "next_step")), _plain(any_time))


def _slow(clicks: Table) -> Table:
    """Moves that took longer than nine in ten of their kind."""
    moved = clicks.filter(_.wait.notnull())
    usual = moved.group_by("step", "next_step").aggregate(usual=_.wait.quantile(_SLOW))
    joined = moved.join(usual, ["step", "next_step"])
    late = joined.filter(joined.wait > joined.usual).select(*_VISIT, base=_.step, to=_.next_step).distinct()
    return _plain(late.mutate(kind=ibis.literal(str(Kind.SLOW)), next_step=_.to)).select(
        *_VISIT, "base", "to", "kind", "next_step"
    )


def _named(rows: Table, kind: Kind) -> Table:
    return _plain(rows.mutate(to=ibis.literal(""), kind=ibis.literal(str(kind)))).select(
        *_VISIT, "base", "to", "kind", "next_step"
    )


def _plain(rows: Table) -> Table:
    """All columns nullable, so that unions agree."""
    return rows.cast({name: kind.copy(nullable=True) for name, kind in rows.schema().items()})
