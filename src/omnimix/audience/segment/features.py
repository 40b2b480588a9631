"""What each profile does, one row per profile.

in   order_lines  the order_line fact with a profile_id (null: not identified, left out)
     events       the event fact with a profile_id, may be empty
     products     the product fact: categories and margins
     stages       profile_id, stage (optional): lifecycle stages
out  FEATURE      one row per profile seen before `as_of`; counts and shares never null, NaN or infinite

Fees (postage, charges) are no choice of the customer's: they count in nothing but when a profile was first and
last seen. Nothing after `as_of` is looked at, so that features of a past day can be made again.
"""

import datetime as dt

import ibis
from ibis import _
from ibis.expr.types import IntegerValue, Table, TimestampValue

from omnimix.audience.segment.local import local
from omnimix.store.instants import seconds

OTHER = "(other)"
"""Key of a share whose product category, medium or hour is not known."""

_NO_CATEGORY = (
    "",
    "other",
    "others",
    "misc",
    "miscellaneous",
    "uncategorised",
    "uncategorized",
    "none",
    "unknown",
)

FEATURE = ibis.schema(
    {
        "profile_id": "!string",
        "recency_days": "!int64",  # whole days since the last order; without orders since the last sign of life
        "tenure_days": "!int64",  # the same since the first
        "orders": "!int64",  # orders with at least one sale line
        "returns": "!int64",  # orders with at least one return line
        "sales_minor": "!int64",  # before returns
        "revenue_minor": "!int64",  # after returns; may be negative
        "margin_minor": "!int64",  # Σ amount × margin share, after returns
        "average_order_minor": "!float64",  # sales per order; 0 without orders
        "items": "!int64",  # units bought, before returns
        "lines_per_order": "!float64",  # different lines in an order; 0 without orders
        "units_per_line": "!float64",  # bulk habit; 0 without orders
        "products": "!int64",  # different products bought
        "breadth": "!int64",  # different known categories bought
        "median_price_minor": "!float64",  # median unit price over lines; 0 without orders
        "discount_share": "!float64",  # share of lines bought clearly below the product's usual price
        "return_share": "!float64",  # returned ÷ sold amount, at most 1; 1 for returns without a sale
        "category_share": "map<string, float64>",  # share of sales by category; sums to 1; null without sales
        "hour_share": "map<string, float64>",  # share of orders by hour band (local time)
        "weekday_share": "map<string, float64>",  # share of orders by weekday (local time)
        "season_share": "map<string, float64>",  # share of orders by quarter of the year (local time)
        "medium_share": "map<string, float64>",  # share of visits whose medium is known, by medium
        "visits": "!int64",  # days with activity in the shop, orders and e-mails apart
        "views": "!int64",
        "carts": "!int64",
        "checkouts": "!int64",
        "emails_opened": "!int64",
        "country": "string",  # where most lines went
        "stage": "string",  # lifecycle stage, where given
    }
)

BANDS = {
    "early morning": (5, 9),
    "morning": (9, 12),
    "midday": (12, 14),
    "afternoon": (14, 18),
    "evening": (18, 23),
    "night": (23, 29),
}
"""Hour bands of the day, [from, to); `night` runs past midnight."""

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
SEASONS = ("January to March", "April to June", "July to September", "October to December")

_DAY = 86_400


def features(
    order_lines: Table,
    events: Table,
    products: Table,
    *,
    as_of: dt.datetime,
    stages: Table | None = None,
    timezone: str = "UTC",
    margin_share: float = 0.5,
    discount: float = 0.1,
) -> Table:
    """One FEATURE row per profile with an order line or an event before `as_of`.

    `margin_share` stands in where a product has none. A line counts as discounted when its unit price is at
    least `discount` (a share) below the median price the product was sold at. Quantity breaks count: it is
    what the person paid that is compared.
    """
    lines = _lines(order_lines, products, as_of=as_of, margin_share=margin_share, discount=discount)
    sales = lines.filter(_.kind == "sale")
    seen = events.filter(_.profile_id.notnull() & (_.occurred_at < as_of))
    # Local time is worked out inside the aggregation, where it is written into the query once.
    ordered_at = local(sales.occurred_at.min(), timezone, until=as_of)
    orders = sales.group_by("profile_id", "order_id").aggregate(at=ordered_at)
    parts = [
        _amounts(lines, as_of=as_of),
        _activity(seen, as_of=as_of),
        _shares(sales.select("profile_id", key=_.category, weight=_.amount_minor), "category_share"),
        _shares(orders.select("profile_id", key=_band(orders.at), weight=1), "hour_share"),
        _shares(orders.select("profile_id", key=_weekday(orders.at), weight=1), "weekday_share"),
        _shares(orders.select("profile_id", key=_season(orders.at), weight=1), "season_share"),
        _media(seen),
        _countries(sales),
    ]
    if stages is not None:
        parts.append(stages.group_by("profile_id").aggregate(stage=_.stage.min()))
    rows = ibis.union(lines.select("profile_id"), seen.select("profile_id"), distinct=True)
    for part in parts:
        rows = rows.left_join(part, "profile_id").drop("profile_id_right")
    return _filled(rows)


def _lines(
    order_lines: Table, products: Table, *, as_of: dt.datetime, margin_share: float, discount: float
) -> Table:
    """The lines of known profiles with category, margin and whether they were discounted."""
    known = products.group_by("product_id").aggregate(  # several sources may list one product
        category=_.category.min(), product_margin=_.margin_share.min()
    )
    kept = order_lines.filter(_.profile_id.notnull() & (_.occurred_at < as_of))
    priced = kept.mutate(
        unit_price=((_.kind == "sale") & (_.quantity != 0)).ifelse(_.amount_minor / _.quantity, None)
    )
    usual = priced.group_by("product_id").aggregate(usual_price=_.unit_price.median())
    joined = (
        priced.left_join(known, "product_id")
        .drop("product_id_right")
        .left_join(usual, "product_id")
        .drop("product_id_right")
    )
    return joined.mutate(
        category=_.category.strip().lower().isin(_NO_CATEGORY).ifelse(OTHER, _.category).fill_null(OTHER),
        margin=_.amount_minor * _.product_margin.fill_null(margin_share),
        discounted=(_.unit_price <= _.usual_price * (1 - discount)).fill_null(False),
    )


def _amounts(lines: Table, *, as_of: dt.datetime) -> Table:
    sale, returned = _.kind == "sale", _.kind == "return"
    known = sale & (_.category != OTHER)
    return (
        lines.group_by("profile_id")
        .aggregate(
            bought_last=_.occurred_at.max(where=sale),
            bought_first=_.occurred_at.min(where=sale),
            line_last=_.occurred_at.max(),
            line_first=_.occurred_at.min(),
            orders=_.order_id.nunique(where=sale),
            returns=_.order_id.nunique(where=returned),
            sales_minor=_.amount_minor.sum(where=sale),
            revenue_minor=_.amount_minor.sum(where=sale | returned),
            # Summed in whole hundred-thousandths, because a sum of floats depends on the order of the rows.
            margin_minor=((_.margin * 100_000).round().cast("int64").sum(where=sale | returned) / 100_000).round(),
            items=_.quantity.sum(where=sale),
            lines=_.count(where=sale),
            products=_.product_id.nunique(where=sale),
            breadth=_.category.nunique(where=known),
            median_price_minor=_.unit_price.median(),
            discounted=_.count(where=sale & _.discounted),
        )
        .mutate(
            line_recency=_days(_.bought_last.fill_null(_.line_last), as_of),
            line_tenure=_days(_.bought_first.fill_null(_.line_first), as_of),
            average_order_minor=_.sales_minor / _.orders.nullif(0),
            lines_per_order=_.lines / _.orders.nullif(0),
            units_per_line=_.items / _.lines.nullif(0),
            discount_share=_.discounted / _.lines.nullif(0),
            return_share=_return_share(),
        )
        .drop("bought_last", "bought_first", "line_last", "line_first", "lines", "discounted")
    )


def _return_share() -> ibis.Deferred:
    returned = ibis.greatest(_.sales_minor.fill_null(0) - _.revenue_minor.fill_null(0), 0)
    only_returns = ((_.sales_minor.fill_null(0) <= 0) & (_.returns > 0)).ifelse(1.0, 0.0)
    return (_.sales_minor > 0).ifelse(ibis.least(returned / _.sales_minor.nullif(0), 1.0), only_returns)


def _days(at: TimestampValue, as_of: dt.datetime) -> IntegerValue:
    epoch = int(as_of.replace(tzinfo=dt.UTC).timestamp())
    return ((epoch - seconds(at)) / _DAY).floor()


def _activity(events: Table, *, as_of: dt.datetime) -> Table:
    in_shop = ~(_.name.startswith("Order ") | _.name.startswith("Email "))
    return (
        events.group_by("profile_id")
        .aggregate(
            event_last=_.occurred_at.max(),
            event_first=_.occurred_at.min(),
            visits=_.occurred_at.date().nunique(where=in_shop),
            views=_.count(where=_.name == "Product Viewed"),
            carts=_.count(where=_.name == "Product Added"),
            checkouts=_.count(where=_.name == "Checkout Started"),
            emails_opened=_.count(where=_.name == "Email Opened"),
        )
        .mutate(
            event_recency=_days(_.event_last, as_of),
            event_tenure=_days(_.event_first, as_of),
        )
        .drop("event_last", "event_first")
    )


def _shares(weights: Table, name: str) -> Table:
    """`profile_id, key, weight` → `profile_id, {name}`: a map from key to its share of the profile's weight."""
    cells = weights.group_by("profile_id", "key").aggregate(weight=ibis.greatest(_.weight.sum(), 0))
    whole = cells.mutate(total=_.weight.sum().over(ibis.window(group_by="profile_id")))
    shares = whole.filter(_.weight > 0).mutate(share=_.weight / _.total)
    # Sorted after collecting: not every engine can sort while it collects.
    pairs = shares.mutate(pair=ibis.struct({"key": _.key, "share": _.share})).group_by("profile_id")
    listed = pairs.aggregate(pairs=_.pair.collect()).mutate(pairs=_.pairs.sort())
    as_map = ibis.map(_.pairs.map(lambda pair: pair["key"]), _.pairs.map(lambda pair: pair["share"]))
    return listed.select("profile_id", as_map.name(name))


def _media(events: Table) -> Table:
    """A visit is a day on which a medium brought the person: many events of one day count once."""
    visits = events.filter(_.medium.notnull()).select("profile_id", key=_.medium, day=_.occurred_at.date())
    return _shares(visits.distinct().mutate(weight=1), "medium_share")


def _countries(sales: Table) -> Table:
    counted = sales.filter(_.country.notnull()).group_by("profile_id", "country").aggregate(lines=_.count())
    first = ibis.window(group_by="profile_id", order_by=[ibis.desc("lines"), "country"])
    ranked = counted.mutate(rank=ibis.row_number().over(first))
    return ranked.filter(_.rank == 0).select("profile_id", "country")


def _band(at: TimestampValue) -> ibis.Deferred:
    hour = (at.hour() < 5).ifelse(at.hour() + 24, at.hour())
    return ibis.cases(*((hour < end, band) for band, (_start, end) in BANDS.items()), else_=OTHER)


def _weekday(at: TimestampValue) -> ibis.Deferred:
    day = at.day_of_week.index()
    return ibis.cases(*((day == index, name) for index, name in enumerate(WEEKDAYS)), else_=OTHER)


def _season(at: TimestampValue) -> ibis.Deferred:
    return ibis.cases(*((at.quarter() == q, name) for q, name in enumerate(SEASONS, start=1)), else_=OTHER)


def _filled(rows: Table) -> Table:
    """The FEATURE columns in order, with 0 for what never happened."""
    if "stage" not in rows.columns:
        rows = rows.mutate(stage=ibis.null("string"))
    rows = rows.mutate(
        recency_days=ibis.greatest(_.line_recency.fill_null(_.event_recency), 0),
        tenure_days=ibis.greatest(_.line_tenure.fill_null(_.event_tenure), 0),
    )
    columns = {}
    for name, kind in FEATURE.items():
        column = rows[name]
        columns[name] = (column.fill_null(0) if kind.is_numeric() else column).cast(kind.copy(nullable=True))
    return rows.select(**columns)
