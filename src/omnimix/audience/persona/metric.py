"""The closed list of what a persona may speak of: how each figure is made, and the sentence that reports it.

in   a Matrix
out  Metrics: values per person, the people it makes sense for, and wording in either direction

A motivation, a goal or a challenge is inferred from behaviour, and worded so ("seem"); nobody was asked.
"""

from collections.abc import Callable, Iterable

import numpy as np

from omnimix.audience.persona.evidence import Method
from omnimix.audience.persona.figure import Mask, Metric, Side
from omnimix.audience.persona.persona import Kind
from omnimix.audience.persona.worth import worth
from omnimix.audience.segment.features import BANDS, SEASONS, WEEKDAYS
from omnimix.audience.segment.matrix import FloatArray, Matrix
from omnimix.audience.segment.naming import in_sentence

HALF_A_YEAR = 180
A_MONTH = 30
SEVERAL = 3  # orders that make a habit
TWO_YEARS = 730
"""Days of history from which a season can be told from having come, or gone, lately."""


def metrics(rows: Matrix) -> tuple[Metric, ...]:
    """Every metric the columns of `rows` allow."""
    return (*_FIXED, *worth(rows), *_categories(rows), *_times(rows), *_media(rows))


def _bought(rows: Matrix) -> Mask:
    bought: Mask = rows.column("orders") > 0
    return bought


def _column(name: str) -> Callable[[Matrix], FloatArray]:
    return lambda rows: rows.column(name)


def _flag(name: str, holds: Callable[[FloatArray], Mask]) -> Callable[[Matrix], FloatArray]:
    return lambda rows: holds(rows.column(name)).astype(np.float64)


def _medium_known(rows: Matrix) -> Mask:
    total = np.zeros(len(rows.profiles))
    for column in rows.family("medium_share"):
        total += rows.column(column)
    known: Mask = total > 0
    return known


_ALL = "among all customers"
_WHEN = {
    **{f"hour_share:{band}": f"in the {band}" for band in BANDS},
    "hour_share:early morning": "before nine in the morning",
    "hour_share:midday": "at midday",
    "hour_share:night": "at night",
    **{f"weekday_share:{day}": f"on a {day}" for day in WEEKDAYS},
    **{f"season_share:{season}": f"between {season.replace(' to ', ' and ')}" for season in SEASONS},
}

_FIXED = (
    Metric(
        Kind.MOTIVATION,
        "share of lines bought at least 10% below the usual price",
        "share",
        Method.MEAN,
        _column("discount_share"),
        _bought,
        Side(
            f"A better price seems to draw them: on average {{value}} of what they choose is bought well below "
            f"its usual unit price, against {{base}} {_ALL}.",
            "buy below the usual price",
        ),
        Side(
            f"They seem content to pay the usual price: on average only {{value}} of what they choose is bought "
            f"well below it, against {{base}} {_ALL}.",
            "pay the usual price",
        ),
        subject="better price",
    ),
    Metric(
        Kind.MOTIVATION,
        "units of each product in an order",
        "count",
        Method.MEDIAN,
        _column("units_per_line"),
        _bought,
        Side(
            f"They seem to stock up: typically {{value}} of each product at a time, against {{base}} {_ALL}.",
            "stock up",
        ),
        Side(
            "They seem to buy for their own use or as gifts: typically {value} of each product at a time, "
            f"against {{base}} {_ALL}.",
            "buy in small numbers",
        ),
        subject="quantity",
        plain="Customers typically take {value} of each product they order.",
    ),
    Metric(
        Kind.MOTIVATION,
        f"share with {SEVERAL} or more orders",
        "share",
        Method.SHARE,
        _flag("orders", lambda x: x >= SEVERAL),
        _bought,
        Side(
            f"They seem to trust the shop: {{value}} have ordered three times or more, against {{base}} {_ALL}.",
            "come back again and again",
        ),
        subject="trust",
    ),
    Metric(
        Kind.GOAL,
        "different products in an order",
        "count",
        Method.MEDIAN,
        _column("lines_per_order"),
        _bought,
        Side(
            f"They seem to want many things in one go: typically {{value}} different products in an order, "
            f"against {{base}} {_ALL}.",
            "fill whole baskets",
        ),
        Side(
            f"They seem to come for something particular: typically {{value}} different products in an order, "
            f"against {{base}} {_ALL}.",
            "come for something particular",
        ),
        subject="basket",
        plain="Customers typically put {value} different products into an order.",
    ),
    Metric(
        Kind.GOAL,
        "categories bought from",
        "count",
        Method.MEDIAN,
        _column("breadth"),
        _bought,
        Side(
            f"They seem to use the whole range: they have typically bought from {{value}} categories, against "
            f"{{base}} {_ALL}.",
            "use the whole range",
        ),
        Side(
            f"They seem to keep to a part of the range: they have typically bought from {{value}} categories, "
            f"against {{base}} {_ALL}.",
            "keep to few categories",
        ),
        subject="range",
    ),
    Metric(
        Kind.CHALLENGE,
        "share with a single order",
        "share",
        Method.SHARE,
        _flag("orders", lambda x: x == 1),
        _bought,
        Side(
            f"The second order is the hurdle: {{value}} have ordered only once, against {{base}} {_ALL}.",
            "have often ordered only once",
        ),
        subject="second order",
        plain="{value} of customers have ordered only once.",
    ),
    Metric(
        Kind.CHALLENGE,
        f"share without an order for more than {HALF_A_YEAR} days",
        "share",
        Method.SHARE,
        _flag("recency_days", lambda x: x > HALF_A_YEAR),
        _bought,
        Side(
            f"They are drifting away: {{value}} have not ordered for more than half a year, against {{base}} "
            f"{_ALL}.",
            "have not been back for a while",
        ),
        subject="absence",
        plain="{value} of customers have not ordered for more than half a year.",
    ),
    Metric(
        Kind.TIME,
        f"share with an order in the last {A_MONTH} days",
        "share",
        Method.SHARE,
        _flag("recency_days", lambda x: x < A_MONTH),
        _bought,
        Side(
            f"They have been here lately: {{value}} have ordered in the last {A_MONTH} days, against {{base}} "
            f"{_ALL}.",
            "have ordered lately",
        ),
        subject="lately",
    ),
    Metric(
        Kind.CHALLENGE,
        "share of purchases returned, by value",
        "share",
        Method.MEAN,
        _column("return_share"),
        _bought,
        Side(
            f"Not everything suits them: on average they send back {{value}} of what they buy, by value, "
            f"against {{base}} {_ALL}.",
            "send more back",
        ),
        subject="returns",
        plain="On average customers send back {value} of what they buy, by value.",
    ),
    Metric(
        Kind.CHALLENGE,
        "share with a filled basket and no order",
        "share",
        Method.SHARE,
        _flag("orders", lambda x: x == 0),
        lambda rows: rows.column("carts") > 0,
        Side(
            "They hesitate at the basket: of those who put something into it, {value} have never ordered, "
            f"against {{base}} {_ALL}.",
            "hesitate at the basket",
        ),
        subject="basket left",
    ),
    Metric(
        Kind.CHANNEL,
        "share who opened an e-mail",
        "share",
        Method.SHARE,
        _flag("emails_opened", lambda x: x > 0),
        lambda rows: np.full(len(rows.profiles), bool((rows.column("emails_opened") > 0).any())),
        Side(
            f"They read e-mail: {{value}} have opened one, against {{base}} {_ALL}.",
            "read e-mail",
        ),
        subject="email",
    ),
    Metric(
        Kind.PRICE,
        "usual unit price",
        "minor",
        Method.MEDIAN,
        _column("median_price_minor"),
        _bought,
        Side(
            f"They choose dearer things: typically {{value}} apiece, against {{base}} {_ALL}.",
            "choose dearer things",
        ),
        Side(
            f"They choose inexpensive things: typically {{value}} apiece, against {{base}} {_ALL}.",
            "choose inexpensive things",
        ),
        subject="unit price",
        plain="Customers typically choose things at {value} apiece.",
    ),
    Metric(
        Kind.PRICE,
        "average order",
        "minor",
        Method.MEDIAN,
        _column("average_order_minor"),
        _bought,
        Side(
            f"Their orders are large: typically {{value}}, against {{base}} {_ALL}.",
            "place large orders",
        ),
        Side(
            f"Their orders are small: typically {{value}}, against {{base}} {_ALL}.",
            "place small orders",
        ),
        subject="order value",
        plain="A typical customer's average order is {value}.",
    ),
)


def _categories(rows: Matrix) -> Iterable[Metric]:
    for column in rows.family("category_share"):
        category = column.partition(":")[2]
        said = in_sentence(category)
        if said == category and " " not in said:  # "Christmas" is no thing one can spend on
            said = f"{said} things"
        yield _share_of(
            Kind.CATEGORY,
            column,
            f"share of spend in {category}",
            Side(
                f"On average {{value}} of their spending goes on {said}, against {{base}} {_ALL}.",
                f"lean towards {said}",
            ),
            f"On average {{value}} of a customer's spending goes on {said}.",
        )


def _times(rows: Matrix) -> Iterable[Metric]:
    tenure = rows.column("tenure_days")
    seasons = bool(tenure.size) and float(tenure.max()) >= TWO_YEARS
    for column, when in _WHEN.items():
        if column.startswith("season_share:") and not seasons:
            continue
        yield _share_of(
            Kind.TIME,
            column,
            f"share of orders {when}",
            Side(
                f"On average {{value}} of their orders are placed {when}, against {{base}} {_ALL}.",
                f"order {when}",
            ),
            f"On average {{value}} of a customer's orders are placed {when}.",
        )


def _media(rows: Matrix) -> Iterable[Metric]:
    for column in rows.family("medium_share"):
        medium = column.partition(":")[2]
        yield _share_of(
            Kind.CHANNEL,
            column,
            f"share of visits through {medium}",
            Side(
                f"On average {{value}} of their visits come through {medium}, against {{base}} {_ALL}.",
                f"come through {medium}",
            ),
            f"On average {{value}} of a customer's visits come through {medium}.",
        )


def _share_of(kind: Kind, column: str, name: str, above: Side, plain: str) -> Metric:
    family, _, subject = column.partition(":")
    applies = _medium_known if family == "medium_share" else _bought
    return Metric(kind, name, "share", Method.MEAN, _column(column), applies, above, None, plain, subject, family)
