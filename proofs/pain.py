"""Pain points on a clickstream with planted stories, on shuffled copies of it, and on planted incidents.

in   data/ecom_clickstream; no rule but the defaults
out  figures

Shuffled copies are of two kinds. In the first, what was done in a visit is dealt anew to the visits (a person, a
moment, a device, a channel): whatever is found is false. In the second, only the days are dealt anew among
the visits: no dated finding can be true, but a standing difference between devices may.
"""

import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import cache, partial
from multiprocessing import get_context
from pathlib import Path

import ibis
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from omnimix.audience.journey.pain.record import Kind, PainPoint, PainReport, TrafficChange
from omnimix.audience.journey.pain.rules import PainRules
from omnimix.audience.journey.rules import JourneyRules
from omnimix.flow.pain import PainRows, look_for_pain, pain_tables
from omnimix.store.facts import EVENT
from omnimix.store.warehouse import Warehouse
from omnimix.testing.evidence import Figure, at_least, at_most
from proofs.data import shipped

COPIES, DAY_COPIES = 200, 100
# Planted incidents: days they last, share of the group's carts they break. A group's carts are about 3 a day.
SIZES = ((7, 1.0), (14, 0.5), (14, 1.0), (28, 0.25), (28, 0.5), (28, 1.0))
TRIES = 10
AS_OF = datetime(2024, 7, 1)
BUG = (date(2024, 4, 9), date(2024, 5, 9))
PAYMENT = (date(2024, 5, 19), date(2024, 6, 7))
SPIKE = (date(2024, 2, 29), date(2024, 3, 3))

Columns = Mapping[str, NDArray[np.object_]]


@dataclass(frozen=True, slots=True)
class Stream:
    """The clickstream as arrays, one entry an event, in the order of visits; `visit` numbers them from 0."""

    visit: NDArray[np.int64]
    name: NDArray[np.object_]
    offset: NDArray[np.timedelta64]  # since the visit's first event
    at: NDArray[np.datetime64]  # by visit: its first event
    who: Columns  # by visit: person, device, medium, properties


def figures() -> Iterator[Figure]:
    """The planted stories, then the shuffled copies, then incidents planted into such copies; two processes."""
    yield from stories(report_of(stream()))
    yield from spike_figures(report_of(with_spike(stream(), seed=1)))
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        deeds = list(pool.map(partial(false_findings, "deeds"), range(COPIES), chunksize=5))
        yield at_most("deeds dealt anew: copies with any pain", _share(deeds), 0.05)
        days = list(pool.map(partial(false_findings, "days"), range(DAY_COPIES), chunksize=5))
        yield at_most("days dealt anew: copies with dated pain", _share([(dated, 0) for dated, _ in days]), 0.05)
        for length, broken in SIZES:
            found = list(pool.map(partial(recovered, length, broken), range(TRIES)))
            name = f"found: {length} days, {broken:.0%} of mobile carts"
            shown = f"{np.mean([f for f, _d in found]):.0%}, dates ± 3 days {np.mean([d for _f, d in found]):.0%}"
            big = length * broken >= 28
            yield Figure(
                name, shown, "≥ 80%" if big else "shown", not big or np.mean([f for f, _d in found]) >= 0.8
            )


def _share(found: Sequence[tuple[int, int]]) -> float:
    return float(np.mean([sum(counts) > 0 for counts in found]))


def stories(report: PainReport) -> Iterator[Figure]:
    """The five planted stories."""
    ranked = sorted((*report.points, *report.standing), key=lambda p: -p.score)
    two = {_story(p) for p in ranked[:2]}
    yield Figure(
        "two strongest", ", ".join(sorted(two)), "the bug, the payments", two == {"the bug", "the payments"}
    )
    for name, (start, end) in (("the bug", BUG), ("the payments", PAYMENT)):
        found = next((p for p in ranked if _story(p) == name), None)
        if found is None or found.period is None or found.period.ends_on is None:
            yield Figure(f"{name}: dates", "not found", "both within 3 days", ok=False)
            continue
        apart = (abs((found.period.starts_on - start).days), abs((found.period.ends_on - end).days))
        dates = f"{found.period.starts_on} to {found.period.ends_on}"
        yield Figure(f"{name}: dates", dates, f"{start} to {end} ± 3 days", max(apart) <= 3)
        place = found.who == (("device", "mobile"),) if name == "the bug" else found.step == "payment_details"
        yield Figure(f"{name}: where", f"{found.step}, {found.whom}", "right step or device", place)
    yield at_most("other findings at the same confidence", len(ranked) - 2, 1)
    pains = [p for p in report.points if p.period and overlaps(p, SPIKE)]
    yield at_most("the organic spike called pain", len(pains), 0)
    spikes = [t for t in report.traffic if _organic(t)]
    said = spikes[0].sentence if spikes else "not found: no more visits than usual"
    yield Figure("the organic spike in traffic", said, "reported", bool(spikes))
    new = next(c for c in report.contrasts if (c.dimension, c.value) == ("visitor", "new"))
    yield Figure(
        "new against loyal",
        f"{new.rate.value:.1%} against {new.other_rate.value:.1%}",
        "shown",
        new.difference.high < 0,
    )
    drift = report.cohorts[0]
    yield Figure(
        "cohort drift", f"{drift.slope.value:+.2%} a cohort, p {drift.p_value:.2g}", "shown", drift.p_value < 0.05
    )


def spike_figures(report: PainReport) -> Iterator[Figure]:
    """With organic visits of those four days really multiplied, by newcomers who do what organic newcomers do."""
    spikes = [t for t in report.traffic if _organic(t)]
    shown = f"{spikes[0].period.starts_on} to {spikes[0].period.ends_on}" if spikes else "not found"
    yield Figure("a real spike (× 4) in traffic", shown, f"{SPIKE[0]} to {SPIKE[1]} ± 3 days", bool(spikes))
    pains = [p for p in report.points if p.period and overlaps(p, SPIKE)]
    yield at_most("a real spike called pain", len(pains), 0)
    yield at_least("pain points found beside it", len(report.points), 2)


def _story(point: PainPoint) -> str:
    if (
        point.kind in (Kind.ERROR, Kind.LOOP)
        and point.step == "shipping_details"
        and ("device", "mobile") in point.who
    ):
        return "the bug"
    if "payment_details" in (point.step, point.next_step) or point.next_step == "payment_error":
        return "the payments"
    return point.key


def _organic(change: TrafficChange) -> bool:
    near = abs((change.period.starts_on - SPIKE[0]).days) <= 3
    return near and change.who in ((), (("medium", "organic_search"),)) and change.ratio.value > 1


def overlaps(point: PainPoint, days: tuple[date, date]) -> bool:
    """Whether a pain point's period meets these days."""
    assert point.period is not None
    return point.period.starts_on <= days[1] and (point.period.ends_on or date.max) >= days[0]


def report_of(events: Stream) -> PainReport:
    """Everything found in a stream, under the default rules."""
    with opened() as warehouse:
        table = warehouse.materialise(ibis.memtable(event_rows(events)))
        rows = pain_tables(warehouse, table, rules=PainRules(), journey=JourneyRules(), as_of=AS_OF)
        return look_for_pain(warehouse, rows, rules=PainRules(), as_of=AS_OF, currency="GBP")


@contextmanager
def opened() -> Iterator[Warehouse]:
    """An empty warehouse for a moment."""
    with tempfile.TemporaryDirectory() as folder:
        warehouse = Warehouse(Path(folder) / "facts", memory="400MB", threads=1)
        try:
            yield warehouse
        finally:
            warehouse.close()


def false_findings(dealt: str, seed: int) -> tuple[int, int]:
    """Dated and standing pain points in one shuffled copy; `dealt` is "deeds" or "days"."""
    warehouse, rows, seen = unshuffled()
    order = np.random.default_rng(seed).permutation(seen.num_rows)
    # A deed (tries, hurts, buying) keeps its key; the moment and the visitor are another visit's.
    moved = ["day"] if dealt == "days" else ["day", "started_at", *rows.dimensions]
    columns = {n: seen[n].take(order) if n in moved else seen[n] for n in seen.column_names}
    copy = replace(rows, seen=warehouse.materialise(ibis.memtable(pa.table(columns))))
    report = look_for_pain(warehouse, copy, rules=PainRules(), as_of=AS_OF, currency="GBP")
    return len(report.points), len(report.standing)


@cache
def unshuffled() -> tuple[Warehouse, PainRows, pa.Table]:
    """The rows of the data set, ready in this process."""
    warehouse = Warehouse(Path(tempfile.mkdtemp()) / "facts", memory="400MB", threads=1)
    table = warehouse.materialise(ibis.memtable(event_rows(stream())))
    rows = pain_tables(warehouse, table, rules=PainRules(), journey=JourneyRules(), as_of=AS_OF)
    return warehouse, rows, warehouse.arrow(rows.seen.order_by("profile_id", "session"))


def recovered(length: int, broken: float, seed: int) -> tuple[bool, bool]:
    """Whether an incident planted into a shuffled copy is found at all, and with both dates within 3 days."""
    events, period = with_incident(deal_deeds(stream(), seed), length, broken, seed)
    near = [p for p in report_of(events).points if overlaps(p, period) and p.who in ((), (("device", "mobile"),))]
    exact = [
        p
        for p in near
        if p.period
        and abs((p.period.starts_on - period[0]).days) <= 3
        and abs(((p.period.ends_on or AS_OF.date()) - period[1]).days) <= 3
    ]
    return bool(near), bool(exact)


def with_incident(events: Stream, length: int, broken: float, seed: int) -> tuple[Stream, tuple[date, date]]:
    """For `length` days, mobile visits end at the cart with chance `broken`."""
    rng = np.random.default_rng(1000 + seed)
    start = date(2024, 4, 1) + timedelta(days=int(rng.integers(0, 60)))
    end = start + timedelta(days=length - 1)
    day = events.at.astype("datetime64[D]")
    there = (day >= np.datetime64(start)) & (day <= np.datetime64(end)) & (events.who["device"] == "mobile")
    struck = there & (rng.random(len(day)) < broken)
    carts = events.name == "add_to_cart"
    first = np.full(len(day), np.timedelta64(365, "D"), dtype="timedelta64[us]")
    np.minimum.at(first, events.visit[carts], events.offset[carts])
    kept = ~struck[events.visit] | (events.offset <= first[events.visit])
    return Stream(events.visit[kept], events.name[kept], events.offset[kept], events.at, events.who), (start, end)


@cache
def stream() -> Stream:
    """The data set."""
    rows = pq.read_table(shipped("ecom_clickstream") / "ecom.parquet")
    columns = {name: np.array(rows[name].to_pylist(), dtype=object) for name in rows.column_names}
    at = columns["timestamp"].astype("datetime64[us]")
    _names, first, visit = np.unique(columns["session_id"].astype(str), return_index=True, return_inverse=True)
    kept = ("user_lifecycle", "user_cohort")
    who = {
        "person": columns["user_id"][first],
        "device": columns["platform"][first],
        "medium": columns["acquisition_channel"][first],
        "properties": np.array([json.dumps({k: columns[k][i] for k in kept}) for i in first], dtype=object),
    }
    return Stream(visit, columns["event"], at - at[first][visit], at[first], who)


def event_rows(events: Stream) -> pa.Table:
    """The event fact with profile_id."""
    count = len(events.visit)
    at = events.at[events.visit] + events.offset
    given = {
        "event_id": pa.array([f"e{i:07d}" for i in range(count)]),
        "source": pa.array(["clicks"] * count),
        "name": pa.array(events.name.tolist()),
        "occurred_at": pa.array(at.astype("datetime64[us]")),
        "page_path": pa.array(["/"] * count),
        **{
            name: pa.array(column[events.visit].tolist())
            for name, column in events.who.items()
            if name != "person"
        },
    }
    columns = {n: given.get(n, pa.nulls(count)).cast(EVENT[n].to_pyarrow()) for n in EVENT.names}
    return pa.table(columns | {"profile_id": pa.array(events.who["person"][events.visit].tolist())})


def deal_deeds(events: Stream, seed: int) -> Stream:
    """What was done in each visit goes to another visit."""
    order = np.random.default_rng(seed).permutation(len(events.at))
    return Stream(order[events.visit], events.name, events.offset, events.at, events.who)


def with_spike(events: Stream, seed: int, *, times: int = 4) -> Stream:
    """Organic visits of newcomers, `times` as many as there were in the four days in all, dealt out over them."""
    rng = np.random.default_rng(seed)
    day = events.at.astype("datetime64[D]")
    organic = events.who["medium"] == "organic"
    there = int((organic & (day >= np.datetime64(SPIKE[0])) & (day <= np.datetime64(SPIKE[1]))).sum())
    fresh = np.array(['"new"' in p for p in events.who["properties"]])
    chosen = rng.choice(np.flatnonzero(organic & fresh), size=there * (times - 1))
    moments = np.datetime64(SPIKE[0]) + rng.integers(0, 4 * 24 * 60 - 120, len(chosen)).astype("timedelta64[m]")
    pieces = [np.flatnonzero(events.visit == v) for v in chosen]
    number = np.concatenate([np.full(len(p), len(events.at) + i) for i, p in enumerate(pieces)])
    rows = np.concatenate(pieces)
    extra = {name: column[chosen] for name, column in events.who.items()}
    extra["person"] = np.array([f"visitor_{i}" for i in range(len(chosen))], dtype=object)
    return Stream(
        np.concatenate([events.visit, number]),
        np.concatenate([events.name, events.name[rows]]),
        np.concatenate([events.offset, events.offset[rows]]),
        np.concatenate([events.at, moments.astype("datetime64[us]")]),
        {name: np.concatenate([column, extra[name]]) for name, column in events.who.items()},
    )
