"""Lifetime value and propensities as a step of a run.

in   order lines and events of those who may be personalised
out  the fact `value`, one row a profile; artifact `value`, a ValueReport
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from ibis import _
from ibis.expr.types import Table
from threadpoolctl import threadpool_limits

from omnimix.audience.value.days import days, habits, histories, instant, last_day, outcomes
from omnimix.audience.value.fit import Later, fit_worth, read_later
from omnimix.audience.value.propensity import NAMES, Window, blocks, columns_of, fit_propensity, window
from omnimix.audience.value.record import Propensity, ValueReport, Worth
from omnimix.audience.value.remark import remark
from omnimix.audience.value.rules import ValueRules
from omnimix.audience.value.worth import Values, read_histories
from omnimix.core.errors import NotFound
from omnimix.flow.machine import Machine
from omnimix.flow.people import events_of, lines_with_margin, profiles_of
from omnimix.flow.step import Counts
from omnimix.governance.consent import Purpose
from omnimix.store.facts import PROFILE_VALUE
from omnimix.store.warehouse import Warehouse

SEED = 20260102  # of samples, simulated futures and resamples: the same customers give the same figures
_PLACES = 6  # of chances and expectations: more would only be noise


@dataclass(frozen=True, slots=True)
class Past:
    """The days of everybody (DAY rows), the first and the last of them, and what runs an expression over them."""

    rows: Table
    first: int
    last: int
    arrow: Callable[[Table], pa.Table]

    def windows(self, name: str, length: int) -> Iterator[Window]:
        """Windows of `length` days without overlap, the newest first, while there is a history before them."""
        for upto in range(self.last, self.first + 2 * length - 1, -length):
            after = upto - length
            known, then = habits(self.rows, upto=after), outcomes(self.rows, after=after, upto=upto)
            yield window(self.arrow(known), self.arrow(then), name, after=instant(after), upto=instant(upto))

    def later(self, upto: int, length: int) -> Later:
        """Customers as they were `length` days before the end of `upto`, and what they then did."""
        after = upto - length
        known, then = histories(self.rows, upto=after), outcomes(self.rows, after=after, upto=upto)
        return read_later(self.arrow(known), self.arrow(then), after=instant(after), upto=instant(upto))


def read_past(warehouse: Warehouse, lines: Table, events: Table, rules: ValueRules, *, as_of: datetime) -> Past:
    """Everybody's days before `as_of`: lines with margins and events, each with profile_id."""
    rows = days(lines, events, as_of=as_of, contacts=rules.contacts, responses=rules.responses)
    table, last = warehouse.materialise(rows), last_day(as_of)
    first = warehouse.arrow(table.aggregate(day=_.day.min()))["day"][0].as_py()
    return Past(table, last if first is None else first, last, warehouse.arrow)


def value(machine: Machine) -> Counts:
    """Say what each profile is worth and likely to do next; who may not be profiled gets no row."""
    past = read_past(
        machine.warehouse,
        lines_with_margin(machine, Purpose.PERSONALISATION),
        events_of(machine, Purpose.PERSONALISATION),
        machine.value,
        as_of=machine.today,
    )
    rows, report = valued(past, machine.value, as_of=machine.today, currency=machine.currency)
    machine.warehouse.write("value", rows)
    machine.artifacts.save("value", report)
    everybody = machine.warehouse.arrow(profiles_of(machine)).num_rows
    return Counts(
        everybody,
        rows.num_rows,
        unit_in="profiles",
        unit_out="profiles",
        set_aside={"without orders, events or consent": everybody - rows.num_rows},
        detail={"customers": report.customers, **{p.name: str(p.used) for p in report.propensities}},
        output=[report, rows.num_rows],
    )


def valued(past: Past, rules: ValueRules, *, as_of: datetime, currency: str) -> tuple[pa.Table, ValueReport]:
    """PROFILE_VALUE rows of everybody known, ascending by profile, and the report on them."""
    now = past.arrow(habits(past.rows, upto=past.last)).sort_by("profile_id")
    customers = past.arrow(histories(past.rows, upto=past.last)).sort_by("profile_id")
    propensities = []
    with threadpool_limits(limits=1):  # the number of threads leaves no trace in the figures
        worth, found = _worth(past, customers, rules)
        columns: dict[str, Any] = {"profile_id": now["profile_id"], **_money(now, customers, found)}
        for name in NAMES:
            record, chances = _propensity(past, name, columns_of(now), rules)
            propensities.append(record)
            columns[f"p_{name}"] = _chances(chances, now, bought_only=name == "churn")
    columns["as_of"] = pa.repeat(pa.scalar(as_of, pa.timestamp("us")), now.num_rows)
    report = ValueReport(
        as_of=as_of,
        currency=currency,
        horizon_days=rules.horizon_days,
        customers=customers.num_rows,
        note=remark(worth, rules),
        worth=worth,
        propensities=tuple(propensities),
    )
    return pa.table({n: columns[n] for n in PROFILE_VALUE.names}), report


def _worth(past: Past, customers: pa.Table, rules: ValueRules) -> tuple[Worth | None, Values | None]:
    """Value is tested on the last third of the history, at most one horizon."""
    length = min(rules.horizon_days, (past.last - past.first + 1) // 3)
    tested, before = (
        (past.later(past.last, length), past.later(past.last - length, length)) if length else (None, None)
    )
    rng = np.random.default_rng([SEED, 0])
    return fit_worth(read_histories(customers), tested, before, rules, rng=rng) or (None, None)


def _propensity(
    past: Past, name: str, now: dict[str, np.ndarray], rules: ValueRules
) -> tuple[Propensity, np.ndarray | None]:
    length = {"buy": rules.buy_days, "churn": rules.churn_days, "respond": rules.respond_days}[name]
    contacted = name != "respond" or now["contacts"].any()  # nobody was: no window needs to be looked at
    tested, fitted = blocks(past.windows(name, length) if contacted else iter(()))
    rng = np.random.default_rng([SEED, 1 + NAMES.index(name)])
    return fit_propensity(name, length, tested, fitted, now, rules, rng=rng)


def _money(now: pa.Table, customers: pa.Table, found: Values | None) -> dict[str, pa.Array]:
    """The columns of lifetime value for every row of `now`; null for who never ordered, or without a model."""
    names = {"expected_orders": pa.float64(), "p_alive": pa.float64()}
    whole = {"clv_minor": "value", "clv_low": "low", "clv_high": "high"}
    if found is None:
        return {n: pa.nulls(now.num_rows, t) for n, t in (names | dict.fromkeys(whole, pa.int64())).items()}
    place = pc.index_in(now["profile_id"], value_set=customers["profile_id"])
    columns = {n: pa.array(np.round(getattr(found, n), _PLACES)) for n in names}
    columns |= {n: pa.array(np.rint(getattr(found, a)).astype(np.int64)) for n, a in whole.items()}
    return {n: column.take(place.combine_chunks()) for n, column in columns.items()}


def _chances(chances: np.ndarray | None, now: pa.Table, *, bought_only: bool) -> pa.Array:
    if chances is None:
        return pa.nulls(now.num_rows, pa.float64())
    unknown = now["orders"].to_numpy() == 0 if bought_only else np.zeros(now.num_rows, bool)
    return pa.array(np.round(chances, _PLACES), mask=unknown)


def profile_value(machine: Machine, profile: str) -> dict[str, Any]:
    """The row of one profile. Raises NotFound, saying why there may be none."""
    rows = machine.warehouse.table("value").filter(_.profile_id == profile)
    found = machine.warehouse.arrow(rows).to_pylist()
    if not found:
        raise NotFound(
            f"nothing is known of the value of {profile!r}",
            where="value",
            fix="check the id (p_…); without orders, events or consent to personalisation there is no figure",
        )
    row: dict[str, Any] = found[0]
    return row
