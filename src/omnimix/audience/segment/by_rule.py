"""Who meets which rule segment: definitions compiled to one expression over the facts.

in   FEATURE rows; events with a profile_id; traits with a profile_id; the fact `value`
out  one row per profile of the features, with a truth value for each rule segment, named by its key

One pass over the events counts for all conditions at once. Nothing at or after `as_of` is looked at. Only people
with a feature row are asked about: those who may be profiled.
"""

import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import ibis
from ibis import _
from ibis.expr.types import BooleanValue, Table, Value

from omnimix.audience.segment.clause import VALUES, Clause, Compared, Happened, Known, Member
from omnimix.audience.segment.definition import Definition, in_order
from omnimix.audience.segment.place import figure
from omnimix.core.errors import InvalidInput

VALUE = ibis.schema({"profile_id": "string", **dict.fromkeys(VALUES, "float64"), "as_of": "timestamp(6)"})
"""What is read of the fact `value`; columns it lacks are unknown."""

_COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    ">=": lambda a, b: a >= b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    "<": lambda a, b: a < b,
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
}


def by_rule(
    features: Table,
    definitions: Mapping[str, Definition],
    *,
    events: Table,
    traits: Table,
    value: Table,
    as_of: dt.datetime,
) -> Table:
    """`profile_id` and a never-null boolean column for each definition, in their order.

    `value` counts only where its `as_of` is not later than `as_of`. Raises InvalidInput as `in_order` does.
    """
    order = in_order(definitions)
    clauses = [c for key in order for part in definitions[key].clauses(key) for c in part]
    asked = tuple(dict.fromkeys(c.asks for c in clauses))
    happened = tuple(a for a in asked if isinstance(a, Happened))
    known = tuple(dict.fromkeys(a.trait for a in asked if isinstance(a, Known)))
    rows = features
    if happened:
        rows = _joined(rows, _counted(events, happened, as_of=as_of))
    if known:
        rows = _joined(rows, _told(traits, known, as_of=as_of))
    if any(isinstance(a, Compared) and a.column in VALUES for a in asked):
        rows = _joined(rows, _valued(value, as_of=as_of))
    holds = {a: _holds(rows, a, happened, known).fill_null(False) for a in asked if not isinstance(a, Member)}
    truth: dict[str, BooleanValue] = {}
    for key in order:
        truth[key] = _met(definitions[key], key, holds, truth)
    return rows.select("profile_id", **{key: truth[key] for key in definitions})


def memberships(flags: Table, keys: Iterable[str], *, as_of: dt.datetime) -> Table:
    """MEMBER-like rows of `flags`: a profile once for each rule segment it meets."""
    day = ibis.literal(as_of, "timestamp(6)")
    parts = [flags.filter(flags[k]).select("profile_id", segment=ibis.literal(k), as_of=day) for k in keys]
    return ibis.union(*parts, distinct=False) if len(parts) > 1 else parts[0]


def _joined(rows: Table, more: Table) -> Table:
    keyed = more.rename(joined_id="profile_id")
    return rows.left_join(keyed, rows["profile_id"] == keyed["joined_id"]).drop("joined_id")


def _met(
    definition: Definition, key: str, holds: Mapping[Any, BooleanValue], truth: Mapping[str, BooleanValue]
) -> BooleanValue:
    def says(clause: Clause) -> BooleanValue:
        asks = clause.asks
        held = truth[asks.segment] if isinstance(asks, Member) else holds[asks]
        return ~held if clause.negated else held

    when, some, none = definition.clauses(key)
    parts = [says(c) for c in when]
    if some:
        parts.append(_any([says(c) for c in some]))
    if none:
        parts.append(~_any([says(c) for c in none]))
    met = parts[0]
    for part in parts[1:]:
        met = met & part
    return met


def _any(parts: list[BooleanValue]) -> BooleanValue:
    met = parts[0]
    for part in parts[1:]:
        met = met | part
    return met


def _holds(rows: Table, asks: Any, happened: tuple[Happened, ...], known: tuple[str, ...]) -> BooleanValue:
    if isinstance(asks, Compared):
        return _compare(_figure(rows, asks), asks.sign, asks.value)
    if isinstance(asks, Known):
        said = rows[f"t{known.index(asks.trait)}"]
        if not asks.sign:
            return said.notnull()
        number = isinstance(asks.value, float)
        return _compare(said.try_cast("float64") if number else said, asks.sign, asks.value)
    place = happened.index(asks)
    if asks.since is None:
        return _compare(rows[f"e{place}"].fill_null(0), asks.sign, asks.count)
    last, began = rows[f"e{place}"], rows[f"s{place}"]
    followed = began.notnull() & (last >= began).fill_null(False)
    return followed if asks.sign == ">=" else began.notnull() & ~followed


def _figure(rows: Table, asks: Compared) -> Value:
    if isinstance(asks.value, str) or asks.column in VALUES:
        return rows[asks.column]
    return figure(rows, asks.column, home=None)


def _compare(left: Any, sign: str, right: float | int | str) -> Any:
    return _COMPARE[sign](left, right)


def _counted(events: Table, happened: tuple[Happened, ...], *, as_of: dt.datetime) -> Table:
    """`profile_id, e0, e1, …, s0, …`: counts, or for `since` the last instants of both events."""
    names = {a.event for a in happened} | {a.since for a in happened if a.since}
    seen = events.filter(
        _.profile_id.notnull() & _.name.isin(sorted(names)) & (_.occurred_at < ibis.literal(as_of, "timestamp(6)"))
    )
    columns: dict[str, Value] = {}
    for place, asks in enumerate(happened):
        right = seen["name"] == asks.event
        for column, word in asks.where:
            right = right & (seen[column] == word).fill_null(False)
        if asks.since is not None:
            columns[f"e{place}"] = _last(seen, right)
            columns[f"s{place}"] = _last(seen, seen["name"] == asks.since)
            continue
        if asks.hours is not None:
            began = ibis.literal(as_of - dt.timedelta(hours=asks.hours), "timestamp(6)")
            right = right & (seen["occurred_at"] >= began)
        columns[f"e{place}"] = right.ifelse(1, 0).cast("int64").sum()
    return seen.group_by("profile_id").aggregate(**columns)


def _last(seen: Table, right: BooleanValue) -> Value:
    return right.ifelse(seen["occurred_at"], ibis.null("timestamp(6)")).max()


def _told(traits: Table, known: tuple[str, ...], *, as_of: dt.datetime) -> Table:
    """`profile_id, t0, t1, …`: the latest word on each trait; of two at the same instant what the person said."""
    asked = traits.filter(
        _.profile_id.notnull() & _.trait.isin(known) & (_.observed_at < ibis.literal(as_of, "timestamp(6)"))
    )
    newest = ibis.window(
        group_by=["profile_id", "trait"],
        order_by=[ibis.desc("observed_at"), asked["provider"].notnull().ifelse(1, 0), "trait_id"],
    )
    latest = asked.mutate(place=ibis.row_number().over(newest)).filter(_.place == 0)
    words = {
        f"t{i}": (latest["trait"] == t).ifelse(latest["value"], ibis.null("string")).max()
        for i, t in enumerate(known)
    }
    return latest.group_by("profile_id").aggregate(**words)


def _valued(value: Table, *, as_of: dt.datetime) -> Table:
    if "profile_id" not in value.columns:
        raise InvalidInput("the fact value has no profile_id", where="facts.value")
    rows = (
        value.filter(value["as_of"] <= ibis.literal(as_of, "timestamp(6)")) if "as_of" in value.columns else value
    )
    columns = {c: rows[c].cast("float64") if c in rows.columns else ibis.null("float64") for c in VALUES}
    return rows.select("profile_id", **columns)
