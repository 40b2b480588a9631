"""[prove value] Published parameters recovered; values and propensities held against later data and recency alone.

in   CDNOW and Online Retail, which ship; Complete Journey, where it may be read; histories with planted parameters
out  parameters and log-likelihood against print; for each data set what was predicted against what was seen

Published: Fader, Hardie and Lee (2005), table 2, for BG/NBD on CDNOW; Fader and Hardie (2013), "The Gamma-Gamma
Model of Monetary Value", for spend. Each data set goes through the same functions as a run of the program:
fitted on what was known before the last window, compared on that window. The margin share of CDNOW and Complete
Journey is not known: 0.3 stands in (assumed), which cancels from every comparison.
"""

import tempfile
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import ibis
import numpy as np
import pyarrow as pa
import pyarrow.csv
from ibis import _
from ibis.expr.types import Table

from omnimix.audience.value.bgnbd import Bgnbd, Counts, fit_bgnbd
from omnimix.audience.value.days import histories, last_day
from omnimix.audience.value.propensity import Window, fit_propensity
from omnimix.audience.value.record import Backtest, Used, ValueReport
from omnimix.audience.value.rules import ValueRules
from omnimix.audience.value.spend import fit_spend
from omnimix.audience.value.worth import WEEK, Histories, fit_model, read_histories, values
from omnimix.flow.value import read_past, valued
from omnimix.store.facts import EVENT
from omnimix.store.warehouse import Warehouse
from omnimix.testing import shop
from omnimix.testing.evidence import Figure, at_least, at_most
from proofs.data import restricted, shipped

BGNBD = {"r": 0.243, "alpha": 4.414, "a": 0.793, "b": 2.426}
LOG_LIKELIHOOD = -9582.4
SPEND = {"p": 6.25, "q": 3.74, "gamma": 15.44}
SHARE = 0.3  # margin share where none is known
CALIBRATED = datetime(1997, 10, 1)  # the published fit knows what happened before
GROCERY = ValueRules(  # a grocer's customers come weekly: the horizons follow their rhythm
    buy_days=7,
    churn_days=14,
    respond_days=30,
    contacts=("Campaign Received",),
    responses=("Coupon Redeemed",),
)
FEES = ("POST", "D", "M", "C2", "DOT", "BANK CHARGES", "CRUK", "AMAZONFEE", "S", "B", "PADS")


def figures() -> Iterator[Figure]:
    """Print against print; then each data set out of time; then what the errors and the gate promise."""
    with tempfile.TemporaryDirectory() as folder:
        warehouse = Warehouse(Path(folder) / "facts")
        try:
            yield from _published(warehouse)
            yield from _held("CDNOW", warehouse, *_cdnow(warehouse), datetime(1998, 7, 1), ValueRules())
            yield from _held("Online Retail", warehouse, *_retail(warehouse), datetime(2011, 12, 10), ValueRules())
            grocery = restricted("complete_journey")
            if grocery is None:
                yield Figure("Complete Journey", "skipped: not here", "(may not be passed on)", True)
            else:
                yield from _held(
                    "Complete Journey", warehouse, *_journey(warehouse, grocery), datetime(2018, 1, 1), GROCERY
                )
        finally:
            warehouse.close()
    yield _errors_hold()
    yield _gate_holds()
    yield _million()


def _published(warehouse: Warehouse) -> Iterator[Figure]:
    """From the transactions, through our own counting, to the numbers in print."""
    lines, events = _cdnow(warehouse)
    past = read_past(warehouse, lines, events, ValueRules(), as_of=CALIBRATED)
    people = read_histories(past.arrow(histories(past.rows, upto=last_day(CALIBRATED))))
    x, t_x, age = people.orders - 1, people.span_days / WEEK, people.known_days / WEEK
    found = fit_bgnbd(Counts(x, t_x, age, np.ones(len(x))))
    for name, wanted in BGNBD.items():
        yield _within(f"CDNOW {name}", getattr(found, name), wanted)
    yield _within("CDNOW log-likelihood", found.log_likelihood, LOG_LIKELIHOOD)
    orders, mean = _repeat_spend()
    spend = fit_spend(orders, mean)
    for name, wanted in SPEND.items():
        yield _within(f"CDNOW spend {name}", getattr(spend, name), wanted)


def _within(name: str, found: float, wanted: float) -> Figure:
    off = abs(found / wanted - 1)
    return Figure(name, f"{found:.4f} (off by {off:.2%})", f"{wanted:g} ± 1 %", off <= 0.01)


def _repeat_spend() -> tuple[np.ndarray, np.ndarray]:
    """The 946 repeat buyers of the published fit: their repeat order days and the mean amount, in dollars."""
    sold = ibis.read_parquet(shipped("cdnow") / "orders.parquet").filter(_.ordered_on < CALIBRATED.date())
    by_day = sold.group_by("customer", "ordered_on").aggregate(amount=_.amount_minor.sum())
    first = by_day.group_by("customer").aggregate(first=_.ordered_on.min())
    repeat = by_day.join(first, "customer").filter(_.ordered_on > _.first, _.amount > 0)
    rows = repeat.group_by("customer").aggregate(n=_.count(), mean=_.amount.mean() / 100).order_by("customer")
    table = rows.to_pyarrow()
    return table["n"].to_numpy().astype(np.float64), table["mean"].to_numpy()


def _no_events() -> Table:
    nothing = EVENT.to_pyarrow().empty_table().append_column("profile_id", pa.array([], pa.string()))
    return ibis.memtable(nothing)


def _cdnow(warehouse: Warehouse) -> tuple[Table, Table]:
    sold = warehouse.connection.read_parquet(str(shipped("cdnow") / "orders.parquet"))
    lines = sold.select(
        profile_id=_.customer.cast("string"),
        occurred_at=_.ordered_on.cast("timestamp(6)"),
        kind=ibis.literal("sale"),
        margin_minor=(_.amount_minor * SHARE).round().cast("int64"),
    )
    return lines, _no_events()


def _retail(warehouse: Warehouse) -> tuple[Table, Table]:
    folder = Path(shop.__file__).parent
    sold = warehouse.connection.read_parquet(str(folder / "online_retail.parquet"))
    listed = ibis.memtable(pa.csv.read_csv(folder / "products.csv").select(["product_id", "margin_share"]))
    bought = sold.filter(_.CustomerID.notnull())
    known = bought.left_join(listed, bought.StockCode == listed.product_id)
    lines = known.select(
        profile_id=_.CustomerID.cast("string"),
        occurred_at=_.InvoiceDate.cast("timestamp(6)"),
        kind=ibis.cases((_.StockCode.isin(FEES), "fee"), (_.Quantity < 0, "return"), else_="sale"),
        margin_minor=(_.Quantity * _.UnitPrice * 100 * _.margin_share.fill_null(0.4)).round().cast("int64"),
    )
    return lines, _no_events()


def _journey(warehouse: Warehouse, folder: Path) -> tuple[Table, Table]:
    """Baskets as orders; a campaign's start as contact, a redeemed coupon as response."""
    baskets = warehouse.connection.read_parquet(str(folder / "transactions_300_households.parquet"))
    lines = baskets.select(
        profile_id=_.household_id.cast("string"),
        occurred_at=_.transaction_timestamp.cast("timestamp(6)"),
        kind=ibis.literal("sale"),
        margin_minor=(_.sales_value * 100 * SHARE).round().cast("int64"),
    )
    shown = baskets.select("household_id").distinct()
    sent, told, redeemed = (
        warehouse.connection.read_parquet(str(folder / f"{name}.parquet"))
        for name in ("campaigns", "campaign_descriptions", "coupon_redemptions")
    )
    contacts = sent.join(told, "campaign_id").semi_join(shown, "household_id")
    answers = redeemed.semi_join(shown, "household_id")
    events = ibis.union(
        contacts.select(
            profile_id=_.household_id.cast("string"),
            name=ibis.literal("Campaign Received"),
            occurred_at=_.start_date.cast("timestamp(6)"),
        ),
        answers.select(
            profile_id=_.household_id.cast("string"),
            name=ibis.literal("Coupon Redeemed"),
            occurred_at=_.redemption_date.cast("timestamp(6)"),
        ),
    )
    return lines, events


def _held(
    name: str, warehouse: Warehouse, lines: Table, events: Table, as_of: datetime, rules: ValueRules
) -> Iterator[Figure]:
    """Every test of one data set: totals, tenths, and each measure against recency alone."""
    past = read_past(warehouse, lines, events, rules, as_of=as_of)
    _rows, report = valued(past, rules, as_of=as_of, currency="GBP")
    yield from _value_held(name, report)
    for found in report.propensities:
        if found.test is None:
            yield Figure(f"{name} {found.name}: stands on", str(found.used), "(no outcomes to learn from)", True)
            continue
        yield _tenths(f"{name} {found.name} in {found.days} d", found.test, percent=True)
        yield from _against(f"{name} {found.name}", found.test)
        verdict = next(s for s in found.test.scores if s.name == "log loss")
        right = found.used is (Used.MODEL if verdict.beats else Used.BASELINE)
        yield Figure(f"{name} {found.name}: stands on", str(found.used), "the better one", right)


def _value_held(name: str, report: ValueReport) -> Iterator[Figure]:
    worth = report.worth
    if worth is None or worth.coverage is None:
        yield Figure(f"{name} value", "not tested", "tested out of time", False)
        return
    for test in worth.tests:
        days = (test.tested_at - test.fitted_at).days
        ratio = test.predicted / test.seen
        yield Figure(f"{name} {test.name}, {days} d", f"predicted {ratio:.2f} of what came", "(shown)", True)
        yield _tenths(f"{name} {test.name}", test, percent=False)
        yield from _against(f"{name} {test.name}", test)
    covered = f"{worth.coverage:.1%}"
    yield Figure(f"{name} margin within own 90 % interval", covered, "≥ 85 %", worth.coverage >= 0.85)


def _tenths(name: str, test: Backtest, *, percent: bool) -> Figure:
    """Predicted → seen for every tenth."""
    scale, form = (100, ".0f") if percent else (0.01, ".0f") if test.name == "margin" else (1, ".2f")
    pairs = " ".join(f"{b.predicted * scale:{form}}→{b.seen * scale:{form}}" for b in test.bins)
    return Figure(f"{name}: by tenths", pairs, "(shown)", True)


def _against(name: str, test: Backtest) -> Iterator[Figure]:
    for s in test.scores:
        scale = 0.01 if test.name == "margin" and s.name != "share of the top tenth" else 1
        both = f"{s.model * scale:.3g} against {s.baseline * scale:.3g}"
        gain = f"gain {s.gain * scale:+.3g} [{s.gain_low * scale:+.3g}, {s.gain_high * scale:+.3g}]"
        yield Figure(f"{name}: {s.name}", f"{both}, {gain}", "better" if s.beats else "(no better)", True)


def _errors_hold(samples: int = 60, people: int = 2000) -> Figure:
    """How often the 95 % interval of a parameter holds the planted one, over simulated histories."""
    truth = Bgnbd(0.8, 6.0, 0.8, 2.5, 0.0, 0, ((0.0,),))
    held = []
    for seed in range(samples):
        rng = np.random.default_rng([seed, 5])
        counts = _lived(truth, people, rng)
        found = fit_bgnbd(counts)
        spread = np.sqrt(np.diag(np.array(found.covariance)))
        held.append(np.abs(np.log(found.values) - np.log(truth.values)) <= 1.96 * spread)
    return at_least("planted parameters within their 95 % interval", float(np.mean(held)), 0.9)


def _lived(truth: Bgnbd, people: int, rng: np.random.Generator) -> Counts:
    """Histories lived through order by order."""
    rows = []
    for age in rng.integers(100, 365, people):
        rate, leaves = rng.gamma(truth.r, 1 / truth.alpha), rng.beta(truth.a, truth.b)
        at, x, last = 0.0, 0, 0.0
        while True:
            at += rng.exponential(1 / rate)
            if at > age / WEEK:
                break
            x, last = x + 1, at
            if rng.random() < leaves:
                break
        rows.append((x, last, age / WEEK))
    x, t_x, weeks = np.array(rows).T
    return Counts(x, t_x, weeks, np.ones(people))


def _gate_holds(samples: int = 200, people: int = 600) -> Figure:
    """How often a model is preferred although recency is all there is to know."""
    rules, chosen = ValueRules(resamples=200), 0
    for seed in range(samples):
        rng = np.random.default_rng([seed, 6])
        tested, fitted = (_only_recency(people, rng) for _ in range(2))
        found, _chances = fit_propensity("buy", 30, tested, fitted, tested.habits, rules, rng=rng)
        chosen += found.used is Used.MODEL
    return at_most("model preferred where only recency matters", chosen / samples, 0.05)


def _only_recency(people: int, rng: np.random.Generator) -> Window:
    known = rng.integers(60, 400, people)
    habits = {
        "since_order": rng.integers(0, 10, people) * 6,
        "known_days": known,
        "span_days": rng.integers(0, 60, people),
        "orders": rng.integers(1, 6, people),
        "margin_minor": rng.integers(100, 9000, people),
        "actions": rng.integers(0, 20, people),
        "contacts": rng.integers(0, 5, people),
    }
    others = (
        "since_action",
        "since_response",
        "orders_30",
        "orders_90",
        "refund_minor",
        "actions_30",
        "responses",
    )
    habits |= {n: np.zeros(people) for n in others}
    outcome = (rng.random(people) < 0.55 - habits["since_order"] / 54 * 0.4).astype(np.float64)
    columns = {n: v.astype(np.float64) for n, v in habits.items()}
    return Window(np.arange(people).astype(np.str_), columns, outcome, datetime(2026, 1, 1), datetime(2026, 1, 31))


def _million(count: int = 1_000_000) -> Figure:
    """Fitting on a sample and valuing everybody: seconds of one core."""
    rng = np.random.default_rng(8)
    known = rng.integers(0, 730, count)
    x = np.minimum(rng.poisson(rng.gamma(0.7, 1 / 140, count) * known), known)
    span = np.where(x > 0, np.clip((known * rng.beta(x + 1, 1)).astype(np.int64), x, known), 0)
    margin = np.rint(rng.gamma(2.9 * (x + 1)) / rng.gamma(3.2, 1 / 13_000, count))
    people = Histories(x + 1, span, known, margin, np.rint(margin * rng.beta(0.1, 4, count)))
    rules, started = ValueRules(), time.process_time()
    model = fit_model(people, sample=rules.sample, rng=rng)
    found = values(
        people,
        model,
        days=rules.horizon_days,
        discount=rules.discount,
        draws=rules.draws,
        level=rules.level,
        rng=rng,
    )
    seconds = time.process_time() - started
    all_known = bool(np.isfinite(found.value).all() and (found.low <= found.high).all())
    return Figure("1 million customers fitted and valued", f"{seconds:.0f} s of a core", "(shown)", all_known)
