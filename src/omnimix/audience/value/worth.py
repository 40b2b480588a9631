"""Customer lifetime value: orders to come × margin of an order × share that stays, discounted, with an interval.

in   HISTORY rows as an Arrow table
out  Model, fitted; Values: arrays in the order of the rows

The interval is of one customer's own future: doubt about the four purchase parameters, whether the customer is
still there, how often they will order, and how much. It is simulated: alive with p_alive, then
min(Poisson(λ·weeks), Geometric(p)) orders with λ ~ Gamma(r + x, α + T) and p ~ Beta(a, b + x), the posteriors
given alive; their sum is Gamma(p·orders) ÷ ν. Given orders so far, that sum is the customer's own scale times a
number that depends only on (x, t_x, T): the simulation runs over those, to the week. Doubt about the spend
parameters, and the spread of refunds, are left out: they are small beside the rest. An interval reaches at
least to its expectation.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from omnimix.audience.value.bgnbd import LOG_BOUNDS, Bgnbd, Counts, expected_orders, fit_bgnbd, p_alive
from omnimix.audience.value.spend import FloatArray, Refunds, Spend, fit_refunds, fit_spend

WEEK = 7.0
_STEP_DAYS = 28  # discounting looks at the middle of so many days
_CELLS = 4000  # simulated at a time
IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Histories:
    """HISTORY rows as arrays, one entry a customer."""

    order_days: IntArray
    span_days: IntArray
    known_days: IntArray
    margin: FloatArray  # minor units, of everything sold
    refund: FloatArray

    @property
    def orders(self) -> FloatArray:
        """Days with an order."""
        return self.order_days.astype(np.float64)

    @property
    def mean(self) -> FloatArray:
        """Mean margin of a day with an order, before refunds."""
        return self.margin / self.orders


@dataclass(frozen=True, slots=True)
class Model:
    """The three fitted parts, and how many customers they were fitted on."""

    bgnbd: Bgnbd
    spend: Spend
    refunds: Refunds
    customers: int


@dataclass(frozen=True, slots=True)
class Values:
    """Per customer; money in minor units."""

    expected_orders: FloatArray
    p_alive: FloatArray
    value: FloatArray
    low: FloatArray
    high: FloatArray


def read_histories(rows: pa.Table) -> Histories:
    """HISTORY rows (see `days.histories`) as arrays."""
    columns = [
        rows[n].to_numpy() for n in ("order_days", "span_days", "known_days", "margin_minor", "refund_minor")
    ]
    whole = [c.astype(np.int64) for c in columns[:3]]
    return Histories(*whole, *(c.astype(np.float64) for c in columns[3:]))


def fit_model(people: Histories, *, sample: int, rng: np.random.Generator) -> Model:
    """Fit on everybody, or on `sample` customers drawn without regard to who they are.

    The same customers in any order give the same model. Raises ArithmeticError when nothing can be fitted.
    """
    columns = np.column_stack(
        [people.order_days, people.span_days, people.known_days, people.margin, people.refund]
    ).astype(np.int64)
    kinds, n = np.unique(columns, axis=0, return_counts=True)
    if n.sum() > sample:
        n = rng.multivariate_hypergeometric(n, sample, method="marginals")
        kinds, n = kinds[n > 0], n[n > 0]
    kept = np.repeat(kinds, n, axis=0)
    days, back = np.unique(kept[:, :3], axis=0, return_inverse=True)
    counts = np.bincount(back.ravel(), minlength=len(days)).astype(np.float64)
    x, t_x, age = (days - [1, 0, 0]).T.astype(np.float64)
    orders, margin, refund = (
        kept[:, 0].astype(np.float64),
        kept[:, 3].astype(np.float64),
        kept[:, 4].astype(np.float64),
    )
    return Model(
        bgnbd=fit_bgnbd(Counts(x, t_x / WEEK, age / WEEK, counts)),
        spend=fit_spend(orders, margin / orders),
        refunds=fit_refunds(orders, margin, refund),
        customers=len(kept),
    )


def values(
    people: Histories,
    model: Model,
    *,
    days: int,
    discount: float,
    draws: int,
    level: float,
    rng: np.random.Generator,
) -> Values:
    """What each customer brings in the next `days`. `discount` is a year's; `level` is the interval's."""
    triples = np.column_stack([people.order_days - 1, people.span_days, people.known_days])
    kinds, back = np.unique(triples, axis=0, return_inverse=True)
    back = back.ravel()
    x, t_x, age = kinds.T / np.array([[1.0], [WEEK], [WEEK]])
    orders, discounted = _orders(model.bgnbd, x, t_x, age, days=days, discount=discount)
    stays = 1 - model.refunds.expected(people.orders, people.margin, people.refund)
    value = discounted[back] * model.spend.expected(people.orders, people.mean) * stays
    low, high = _interval(kinds, model, days=days, draws=draws, level=level, rng=rng)
    worth_less = np.divide(discounted, orders, out=np.ones_like(orders), where=orders > 0)
    scale = (model.spend.gamma + people.margin) * stays * worth_less[back]
    return Values(
        expected_orders=orders[back],
        p_alive=p_alive(model.bgnbd.values, x, t_x, age)[back],
        value=value,
        low=np.minimum(low[back] * scale, value),
        high=np.maximum(high[back] * scale, value),
    )


def _orders(
    model: Bgnbd, x: FloatArray, t_x: FloatArray, age: FloatArray, *, days: int, discount: float
) -> tuple[FloatArray, FloatArray]:
    """Expected orders within `days`, and the same with each worth less the later it comes."""
    before = discounted = np.zeros_like(x)
    edges = [*range(_STEP_DAYS, days, _STEP_DAYS), days]
    for start, end in zip([0, *edges[:-1]], edges, strict=True):
        upto = expected_orders(model, x, t_x, age, end / WEEK)
        discounted = discounted + np.maximum(upto - before, 0) / (1 + discount) ** ((start + end) / 2 / 365)
        before = np.maximum(upto, before)
    return before, discounted


def _interval(
    kinds: IntArray, model: Model, *, days: int, draws: int, level: float, rng: np.random.Generator
) -> tuple[FloatArray, FloatArray]:
    """Two quantiles of a customer's margin in units of (γ + margin so far), for each (x, t_x, T) in days."""
    weekly = np.column_stack([kinds[:, 0], np.minimum(kinds[:, 1:], kinds[:, 2:]) // WEEK]).astype(np.int64)
    cells, back = np.unique(weekly, axis=0, return_inverse=True)
    parameters = _drawn(model.bgnbd, draws, rng)
    tail = (1 - level) / 2
    quantiles = [
        np.quantile(_futures(part, model.spend, parameters, days / WEEK, rng), [tail, 1 - tail], axis=1)
        for part in np.array_split(cells, -(-len(cells) // _CELLS))
    ]
    low, high = np.concatenate(quantiles, axis=1)[:, back.ravel()]
    return low, high


def _drawn(model: Bgnbd, draws: int, rng: np.random.Generator) -> FloatArray:
    """(4, draws) parameters as likely as the data leave them: normal in their logarithms."""
    logs = rng.multivariate_normal(np.log(model.values), np.array(model.covariance), draws, method="eigh")
    drawn: FloatArray = np.exp(np.clip(logs, *np.array(LOG_BOUNDS).T)).T
    return drawn


def _futures(
    cells: IntArray, spend: Spend, parameters: FloatArray, weeks: float, rng: np.random.Generator
) -> FloatArray:
    """(cells, draws) simulated margins, before the customer's own scale."""
    x, t_x, age = (c[:, None].astype(np.float64) for c in cells.T)
    r, alpha, a, b = parameters
    shape = (len(cells), parameters.shape[1])
    rate = rng.gamma(r + x, 1 / (alpha + age))
    leaves = np.clip(rng.beta(np.broadcast_to(a, shape), b + x), 1e-12, 1)
    orders = np.minimum(rng.poisson(rate * weeks), rng.geometric(leaves))
    orders = orders * (rng.random(shape) < p_alive(parameters, x, t_x, age))
    amount = rng.gamma(spend.p * orders)
    margin: FloatArray = amount / rng.gamma(spend.q + spend.p * (x + 1), size=shape)
    return margin
