"""Journeys on generated events: the whole stage, transitions against peers, tables against hand-written SQL.

in   1 million and 10 million events of `omnimix.testing.events`, written to a temporary folder
out  seconds and peak memory of the whole stage; how many times as fast as two peers transitions are counted,
     and whether all three count the same; how many times as long as the SQL each table takes, with the same rows

The whole stage is everything `flow.journey.know_journey` does: map, funnel, stages, longer paths, comparisons,
opportunities and catalysts. It runs in a process of its own. Figures of speed are the least of several runs, so
that whatever else the machine does counts as little as possible; processor seconds are printed beside. The peers
begin with their data frame in memory, we with the Parquet file.
"""

import importlib
import multiprocessing
import os
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from ibis.expr.types import Table

from omnimix.audience.journey import medium
from omnimix.audience.journey.funnel import begun, funnel, funnel_paths
from omnimix.audience.journey.rules import JourneyRules, Lifecycle
from omnimix.audience.journey.sessions import in_sessions, sessions
from omnimix.audience.journey.steps import event_steps
from omnimix.audience.journey.touches import touches
from omnimix.audience.journey.transitions import moves, profile_moves, transitions
from omnimix.flow.journey import know_journey
from omnimix.store.warehouse import Warehouse
from omnimix.testing.events import write_events
from omnimix.testing.evidence import Figure, at_least, at_most, equal

RUNS = 5
AS_OF = datetime(2026, 1, 1)
LATER = datetime(2026, 2, 1)  # after all events
FUNNEL = ("Product Viewed", "Product Added", "Checkout Started", "Order Completed")


def figures() -> Iterator[Figure]:
    """The whole stage, the peers, and ratios to SQL for sessions, touches, transitions and funnel."""
    yield from stage_figures()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "1M.parquet"
        write_events(file, 1_000_000, seed=7)
        yield from _compare(Path(folder), file, "1M")


def stage_figures() -> Iterator[Figure]:
    """The whole journey stage on 10 million events, and transitions of 1 million against two peers."""
    with tempfile.TemporaryDirectory() as folder:
        large, small = Path(folder) / "10M.parquet", Path(folder) / "1M.parquet"
        write_events(large, 10_000_000, seed=7)
        runs = [_alone(whole_stage, large) for _ in range(2)]
        best = min(runs, key=lambda r: r["seconds"])
        yield at_most("journey: whole stage, 10M events", best["seconds"], 60, unit=" s")
        yield Figure(
            "journey: processor time of it",
            f"{best['processor']:.0f} s",
            "two cores: ≤ 120 s",
            best["processor"] <= 120,
        )
        yield at_most("journey: peak memory of it", max(r["memory"] for r in runs), 4, unit=" GB")
        write_events(small, 1_000_000, seed=7)
        ours = _alone(our_transitions, small)
        for name, peer in (("PM4Py", pm4py_transitions), ("Retentioneering", retentioneering_transitions)):
            theirs = _alone(peer, small)
            ratio = theirs["seconds"] / ours["seconds"]
            yield at_least(f"journey: transitions as fast as {name}, 1M", ratio, 3, unit="×")
            spent = theirs["processor"] / ours["processor"]
            yield at_least(f"journey: the same in processor seconds, {name}", spent, 1, unit="×")
            yield equal(
                f"journey: moves counted differently by {name}", _unlike(ours["moves"], theirs["moves"]), 0
            )


def _alone(work: Callable[[Path], dict[str, Any]], file: Path) -> dict[str, Any]:
    """Run `work` in a process of its own, so that its memory is its own."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(work, file).result()


def whole_stage(file: Path) -> dict[str, Any]:
    """The journey stage on the events in `file`: seconds, processor seconds, peak memory in GB."""
    warehouse = Warehouse(file.parent / "stage" / "facts", memory="2500MB", threads=2)
    warehouse.root.parent.mkdir(exist_ok=True)
    events = warehouse.connection.read_parquet(str(file))
    started, processor = time.perf_counter(), time.process_time()
    know_journey(
        warehouse,
        events,
        rules=JourneyRules(),
        lifecycle=Lifecycle(),
        as_of=AS_OF,
        currency="GBP",
        margin_share=0.4,
    )
    found = {"seconds": time.perf_counter() - started, "processor": time.process_time() - processor}
    warehouse.close()
    return found | {"memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2}


def _least(run: Callable[[], dict[tuple[str, str], int]]) -> dict[str, Any]:
    seconds, processor, moved = [], [], {}
    for _ in range(RUNS):
        started, spent = time.perf_counter(), time.process_time()
        moved = run()
        seconds.append(time.perf_counter() - started)
        processor.append(time.process_time() - spent)
    return {"seconds": min(seconds), "processor": min(processor), "moves": moved}


def our_transitions(file: Path) -> dict[str, Any]:
    """Moves, people and shares, from the Parquet file; of the result the moves between steps."""
    warehouse = Warehouse(file.parent / "ours" / "facts", memory="2500MB", threads=2)
    events = warehouse.connection.read_parquet(str(file))

    def run() -> dict[tuple[str, str], int]:
        names = warehouse.learn(events.select("name"))
        steps = warehouse.materialise(event_steps(events).drop("device", "country"), {"step": names})
        moved = moves(steps, within_days=10_000, as_of=LATER)  # peers know no pause that ends a path
        rows = warehouse.arrow(transitions(profile_moves(moved))).to_pylist()
        return {(r["step"], r["next_step"]): r["moves"] for r in rows if "(" not in r["step"] + r["next_step"]}

    found = _least(run)
    warehouse.close()
    return found


def _frame(file: Path) -> Any:
    table = pq.read_table(file, columns=["profile_id", "event_id", "name", "occurred_at"])
    frame = table.to_pandas().dropna()
    return frame.sort_values(["occurred_at", "event_id"])  # their ties go by the order of rows


def pm4py_transitions(file: Path) -> dict[str, Any]:
    """PM4Py's directly-follows graph, from a data frame in memory."""
    pm4py = importlib.import_module("pm4py")
    frame = _frame(file)

    def run() -> dict[tuple[str, str], int]:
        log = pm4py.format_dataframe(frame, case_id="profile_id", activity_key="name", timestamp_key="occurred_at")
        return dict(pm4py.discover_dfg(log)[0])

    return _least(run)


def retentioneering_transitions(file: Path) -> dict[str, Any]:
    """Retentioneering's transition counts, from a data frame in memory."""
    os.environ["RETENTIONEERING_NO_TRACK"] = "1"
    stream = importlib.import_module("retentioneering.eventstream").Eventstream
    frame = _frame(file)
    schema = {"path_cols": ["profile_id"], "event_col": "name", "timestamp_col": "occurred_at"}

    def run() -> dict[tuple[str, str], int]:
        counts = stream(frame, schema=schema).transition_graph_data(edge_weight="count")
        return {(a, b): int(n) for a, row in counts.to_dict("index").items() for b, n in row.items() if n}

    return _least(run)


def _unlike(ours: dict[tuple[str, str], int], theirs: dict[tuple[str, str], int]) -> int:
    """Moves between the shop's own steps that were counted differently; peers add steps of their own."""
    names = {step for pair in ours for step in pair}
    known = {pair for pair in theirs if set(pair) <= names}
    return sum(ours.get(pair, 0) != theirs.get(pair, 0) for pair in known | set(ours))


def _compare(folder: Path, file: Path, label: str) -> Iterator[Figure]:
    warehouse = Warehouse(folder / label / "facts", memory="2500MB", threads=2)
    events = warehouse.connection.read_parquet(str(file))
    source = f"read_parquet('{file}')"
    for name, (ours, sql) in _pairs(events, source).items():
        times: tuple[list[float], list[float]] = ([], [])
        marks = set()
        for _ in range(RUNS):
            for which, run in enumerate((_ours(warehouse, ours), _theirs(warehouse, sql))):
                started = time.perf_counter()
                table = run()
                times[which].append(time.perf_counter() - started)
                marks.add(_mark(warehouse, table))
                warehouse.connection.raw_sql(f"DROP TABLE {table}")
        mine, theirs = (min(t) for t in times)
        ratio = mine / theirs
        shown = f"{ratio:.2f}× ({mine:.2f} s against {theirs:.2f} s)"
        yield Figure(f"journey: {name}, {label} events", shown, "≤ 1.2×", ratio <= 1.2)
        yield equal(f"journey: {name}, {label}, different results", len(marks) - 1, 0)
    warehouse.close()


def _ours(warehouse: Warehouse, expression: Table) -> Callable[[], str]:
    return lambda: str(warehouse.materialise(expression).get_name())


def _theirs(warehouse: Warehouse, sql: str) -> Callable[[], str]:
    def run() -> str:
        warehouse.connection.raw_sql(f"CREATE TEMP TABLE by_hand AS {sql}")
        return "by_hand"

    return run


def _mark(warehouse: Warehouse, table: str) -> tuple[object, ...]:
    """A number that all rows of a table make together, whatever their order; fractions to nine places."""
    names = [(r[0], r[1]) for r in warehouse.connection.raw_sql(f"DESCRIBE {table}").fetchall()]
    columns = [f"round({n}, 9)" if kind == "DOUBLE" else f"{n}::VARCHAR" for n, kind in sorted(names)]
    query = f"SELECT count(*), bit_xor(hash({', '.join(columns)})) FROM {table}"
    return tuple(warehouse.connection.raw_sql(query).fetchall()[0])


def _pairs(events: Table, source: str) -> dict[str, tuple[Table, str]]:
    steps = event_steps(events)
    placed = in_sessions(events, gap_minutes=30)
    return {
        "transitions": (
            transitions(profile_moves(moves(steps, within_days=180, as_of=AS_OF))),
            TRANSITIONS.format(source=source),
        ),
        "sessions": (sessions(placed), SESSIONS.format(placed=PLACED.format(source=source))),
        "touches": (touches(placed), TOUCHES.format(placed=PLACED.format(source=source))),
        "funnel": (
            funnel(funnel_paths(begun(steps, within_days=180), FUNNEL), FUNNEL),
            FUNNELS.format(source=source),
        ),
    }


PLACED = """
    seen AS (
        SELECT *, lag(occurred_at) OVER (PARTITION BY profile_id ORDER BY occurred_at, event_id) AS before_at
        FROM {source} WHERE profile_id IS NOT NULL),
    opened AS (
        SELECT *, before_at IS NULL OR occurred_at > before_at + INTERVAL 30 MINUTE AS opens FROM seen),
    placed AS (
        SELECT *, sum(opens::BIGINT) OVER (
            PARTITION BY profile_id ORDER BY occurred_at, event_id ROWS UNBOUNDED PRECEDING)::BIGINT AS session
        FROM opened)
"""

SESSIONS = """
    WITH {placed}
    SELECT profile_id, session, min(occurred_at) AS started_at, max(occurred_at) AS ended_at, count(*) AS events,
        sum((name = 'Order Completed')::BIGINT)::BIGINT AS orders,
        coalesce(sum(revenue_minor), 0)::BIGINT AS revenue_minor
    FROM placed GROUP BY profile_id, session
"""


def _words(words: tuple[str, ...]) -> str:
    return ", ".join(f"'{w}'" for w in words)


def _cases() -> str:
    """The same order of trust as in `medium.medium`, as the arms of one CASE."""
    said = "lower(medium)"
    paid = f"{said} IN ({_words(medium.UTM_WORDS['paid_search'])})"
    social = f"lower(utm_source) IN ({_words(medium.SOCIAL_SOURCES)})"
    arms = [
        (f"name IN ({_words(medium.EMAIL_TOUCHES)})", "email"),
        (f"{paid} AND ({social} OR lower(click_id_kind) IN ('fbclid', 'igshid'))", "paid_social"),
        *((f"{said} IN ({_words(w)})", n) for n, w in medium.UTM_WORDS.items() if n != medium.DIRECT),
        (f"medium IS NOT NULL AND {said} NOT IN ({_words(medium.UTM_WORDS[medium.DIRECT])})", "other"),
        *((f"lower(click_id_kind) IN ({_words(kinds)})", n) for n, kinds in medium.CLICK_IDS.items()),
    ]
    hosts = {
        "email": medium.host_pattern(medium.MAIL_HOSTS),
        "organic_search": medium.host_pattern(medium.SEARCH_HOSTS, medium.SEARCH_BRANDS),
        "organic_social": medium.host_pattern(medium.SOCIAL_HOSTS),
    }
    unseen = "page_path IS NULL AND referrer_host IS NULL AND medium IS NULL"
    arms += [(f"regexp_matches(lower(referrer_host), '{pattern}')", n) for n, pattern in hosts.items()]
    arms += [("referrer_host <> ''", "referral"), ("utm_source IS NOT NULL", "other"), (unseen, medium.UNKNOWN)]
    return " ".join(f"WHEN {condition} THEN '{name}'" for condition, name in arms)


# Braces of the patterns are doubled because the text is formatted once more.
TOUCHES = f"""
    WITH {{placed}},
    named AS (
        SELECT event_id AS touch_id, profile_id, session, occurred_at,
            CASE {_cases().replace("{", "{{").replace("}", "}}")} ELSE 'direct' END AS medium,
            coalesce(lower(utm_source), CASE WHEN referrer_host <> ''
                THEN regexp_replace(lower(referrer_host), '^www\\.', '', 'g') END,
                lower(click_id_kind), '(none)') AS source,
            coalesce(utm_campaign, '(none)') AS campaign
        FROM placed
        WHERE opens OR lower(medium) NOT IN ({_words(medium.UTM_WORDS[medium.DIRECT])}) OR utm_source IS NOT NULL
            OR click_id_kind IS NOT NULL OR referrer_host <> '' OR name IN ({_words(medium.EMAIL_TOUCHES)})),
    marked AS (
        SELECT *, lag(medium) OVER visit AS medium_before, lag(source) OVER visit AS source_before,
            lag(campaign) OVER visit AS campaign_before
        FROM named WINDOW visit AS (PARTITION BY profile_id, session ORDER BY occurred_at, touch_id))
    SELECT touch_id, profile_id, session, occurred_at, medium, source, campaign FROM marked
    WHERE medium_before IS NULL OR medium <> medium_before OR source <> source_before
        OR campaign <> campaign_before
"""

TRANSITIONS = """
    WITH around AS (
        SELECT profile_id, name AS step, occurred_at, lead(name) OVER timeline AS following,
            lead(occurred_at) OVER timeline AS followed_at, lag(occurred_at) OVER timeline AS before_at
        FROM {source} WHERE profile_id IS NOT NULL
        WINDOW timeline AS (PARTITION BY profile_id ORDER BY occurred_at, event_id)),
    moved AS (
        SELECT profile_id, step, before_at IS NULL OR occurred_at > before_at + INTERVAL 180 DAY AS begins,
            CASE WHEN followed_at <= occurred_at + INTERVAL 180 DAY THEN following
                WHEN followed_at IS NULL AND occurred_at + INTERVAL 180 DAY >= TIMESTAMP '2026-01-01' THEN '(open)'
                ELSE '(exit)' END AS next_step
        FROM around),
    by_profile AS (
        SELECT profile_id, step, next_step, count(*) AS n, sum(begins::BIGINT) AS begun
        FROM moved GROUP BY profile_id, step, next_step),
    counted AS (
        SELECT step, next_step, sum(n)::BIGINT AS moves, count(*) AS profiles
        FROM by_profile GROUP BY step, next_step
        UNION ALL
        SELECT '(start)', step, sum(begun)::BIGINT, count(*) FROM (
            SELECT profile_id, step, sum(begun) AS begun FROM by_profile WHERE begun > 0 GROUP BY profile_id, step)
        GROUP BY step)
    SELECT *, moves / sum(moves) OVER (PARTITION BY step) AS share FROM counted
"""

FUNNELS = """
    WITH seen AS (
        SELECT profile_id, event_id, name, occurred_at, lag(occurred_at) OVER timeline AS before_at,
            row_number() OVER timeline AS place
        FROM {source} WHERE profile_id IS NOT NULL
        WINDOW timeline AS (PARTITION BY profile_id ORDER BY occurred_at, event_id)),
    cut AS (
        SELECT *, sum((before_at IS NULL OR occurred_at > before_at + INTERVAL 180 DAY)::BIGINT) OVER (
            PARTITION BY profile_id ORDER BY occurred_at, event_id ROWS UNBOUNDED PRECEDING) AS path FROM seen),
    f0 AS (
        SELECT *, min(CASE WHEN name = 'Product Viewed' THEN place END) OVER (PARTITION BY profile_id, path) AS p0
        FROM cut
        WHERE name IN ('Product Viewed', 'Product Added', 'Checkout Started', 'Order Completed')),
    f1 AS (
        SELECT *, min(CASE WHEN name = 'Product Added' AND place > p0 THEN place END) OVER (
            PARTITION BY profile_id, path) AS p1 FROM f0),
    f2 AS (
        SELECT *, min(CASE WHEN name = 'Checkout Started' AND place > p1 THEN place END) OVER (
            PARTITION BY profile_id, path) AS p2 FROM f1),
    f3 AS (
        SELECT *, min(CASE WHEN name = 'Order Completed' AND place > p2 THEN place END) OVER (
            PARTITION BY profile_id, path) AS p3 FROM f2),
    paths AS (
        SELECT profile_id, path, min(occurred_at) FILTER (place = p0) AS at_0,
            min(occurred_at) FILTER (place = p1) AS at_1, min(occurred_at) FILTER (place = p2) AS at_2,
            min(occurred_at) FILTER (place = p3) AS at_3
        FROM f3 GROUP BY profile_id, path),
    counted AS (
        SELECT count(DISTINCT profile_id) FILTER (at_0 IS NOT NULL) AS n0,
            count(DISTINCT profile_id) FILTER (at_1 IS NOT NULL) AS n1,
            count(DISTINCT profile_id) FILTER (at_2 IS NOT NULL) AS n2,
            count(DISTINCT profile_id) FILTER (at_3 IS NOT NULL) AS n3,
            quantile_cont(epoch(at_1) - epoch(at_0), 0.5) AS m1,
            quantile_cont(epoch(at_2) - epoch(at_1), 0.5) AS m2,
            quantile_cont(epoch(at_3) - epoch(at_2), 0.5) AS m3
        FROM paths)
    SELECT 0::BIGINT AS place, 'Product Viewed' AS step, n0 AS profiles, NULL::DOUBLE AS median FROM counted
    UNION ALL SELECT 1, 'Product Added', n1, m1 FROM counted
    UNION ALL SELECT 2, 'Checkout Started', n2, m2 FROM counted
    UNION ALL SELECT 3, 'Order Completed', n3, m3 FROM counted
"""
