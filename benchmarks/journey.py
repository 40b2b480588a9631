"""Stage times of journeys on generated events, against hand-written DuckDB SQL over the same Parquet file.

in   1 million and 10 million events of `omnimix.testing.events`, written to a temporary folder
out  for each table: how many times as long as the SQL ours takes; whether both gave the same rows; peak memory

Ours and the SQL run in turn in one engine with the same settings, and each writes its result into a table; the
figure is the ratio of the medians of three runs. The goal of 1.2 is for transitions; the others are held to it as
well.
"""

import resource
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

from ibis.expr.types import Table

from omnimix.audience.journey import medium
from omnimix.audience.journey.funnel import begun, funnel, funnel_paths
from omnimix.audience.journey.sessions import in_sessions, sessions
from omnimix.audience.journey.steps import event_steps
from omnimix.audience.journey.touches import touches
from omnimix.audience.journey.transitions import moves, profile_moves, transitions
from omnimix.store.warehouse import Warehouse
from omnimix.testing.events import write_events
from omnimix.testing.evidence import Figure, at_most, equal

SIZES = {"1M": 1_000_000, "10M": 10_000_000}
RUNS = 3
AS_OF = datetime(2026, 1, 1)
FUNNEL = ("Product Viewed", "Product Added", "Checkout Started", "Order Completed")


def figures() -> Iterator[Figure]:
    """Ratios for sessions, touches, transitions and funnel at both sizes, and the peak memory of all of it."""
    with tempfile.TemporaryDirectory() as folder:
        for label, count in SIZES.items():
            file = Path(folder) / f"{label}.parquet"
            write_events(file, count, seed=7)
            yield from _compare(Path(folder), file, label)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    yield at_most("journey: peak memory of the process", peak, 4, unit=" GB")


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
        mine, theirs = (statistics.median(t) for t in times)
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
        "funnel": (funnel(funnel_paths(begun(steps, within_days=180), FUNNEL), FUNNEL), FUNNELS.format(source=source)),
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
