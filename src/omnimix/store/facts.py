"""The few table schemas that stages share. Instants are naive UTC and end in `_at`; money is minor units.

in   nothing
out  ibis schemas by fact name, and `check`, which guards a stage's input at run time

A `*_key` is a keyed pseudonym of a personal identifier (`user:…`, `anon:…`, `email:…`, `phone:…`); the
identifier itself lives only in the vault.
"""

from typing import Any

import ibis
from ibis.expr.types import Table

from omnimix.core.errors import InvalidInput

_AT = "timestamp(6)"

EVENT = ibis.schema(
    {
        "event_id": "!string",  # message id, or a stable hash where the source has none
        "source": "!string",  # key of the source in omnimix.toml
        "name": "!string",  # Segment spec: Product Viewed, Order Completed, Order Refunded, Email Opened …
        "occurred_at": f"!{_AT}",
        "person_key": "string",  # user_key, or anonymous_key where there is none; null: nobody is known
        "order_id": "string",
        "product_id": "string",
        "quantity": "int64",
        "revenue_minor": "int64",  # signed: refunds and cancellations are negative
        "currency": "string",
        "page_path": "string",
        "medium": "string",  # utm_medium, or what the referrer or click id says
        "utm_source": "string",
        "utm_campaign": "string",
        "click_id_kind": "string",  # gclid, msclkid, fbclid …
        "referrer_host": "string",
        "device": "string",
        "country": "string",  # ISO 3166 alpha-2; null where the source names none
        "language": "string",
        "properties": "string",  # the rest, as a JSON object without personal identifiers
        "robot": "string",  # what the sender's own words say: known agent, link scanner, prefetch; null: nothing
        "network": "string",  # pseudonym of day and truncated address; null: unknown
    }
)

AUTOMATED = ibis.schema(  # events that no person did; orders are never among them
    {"event_id": "!string", "reason": "!string"}
)

ROBOT = ibis.schema({"profile_id": "!string"})  # profiles that nobody but robots made

ORDER_LINE = ibis.schema(
    {
        "line_id": "!string",
        "source": "!string",
        "order_id": "!string",
        "person_key": "string",
        "occurred_at": f"!{_AT}",
        "product_id": "!string",
        "description": "string",
        "quantity": "!int64",  # negative on returns
        "amount_minor": "!int64",  # quantity × unit price, rounded once; negative on returns
        "currency": "!string",
        "country": "string",
        "kind": "!string",  # sale, return (cancellations and refunds), fee (postage, bank charges, adjustments)
    }
)

LINK = ibis.schema(  # which profile a key belongs to
    {"key": "!string", "kind": "!string", "profile_id": "!string", "linked_at": f"!{_AT}"}
)

TRAIT = ibis.schema(  # what is known of a person, each with its source and time; provider: bought-in enrichment
    {
        "trait_id": "!string",
        "person_key": "!string",
        "trait": "!string",
        "value": "!string",
        "source": "!string",
        "provider": "string",
        "observed_at": f"!{_AT}",
        "confidence": "float64",  # [0, 1]; null where the person said it
    }
)

CONSENT = ibis.schema(
    {
        "consent_id": "!string",
        "person_key": "!string",
        "purpose": "!string",  # measurement, personalisation, advertising, email
        "granted": "!boolean",
        "decided_at": f"!{_AT}",
        "source": "!string",
        "repeated": "boolean",  # sent along with every event: a decision only where it changes
    }
)

PRODUCT = ibis.schema(
    {
        "product_id": "!string",
        "name": "!string",  # as a customer would read it
        "category": "!string",
        "price_minor": "int64",
        "currency": "string",
        "margin_share": "float64",  # contribution before marketing, share of price in [0, 1]; null: unknown
        "in_stock": "!boolean",
        "url": "string",
        "image": "string",  # path inside the workspace
        "description": "string",
        "source": "!string",
    }
)

SPEND = ibis.schema(  # what ad platforms say they delivered, one row per day and ad
    {
        "spend_id": "!string",
        "source": "!string",
        "spent_on": "!date",
        "channel": "!string",
        "campaign": "!string",
        "ad_group": "string",
        "ad": "string",
        "impressions": "!int64",
        "clicks": "!int64",
        "cost_minor": "!int64",
        "currency": "!string",
        "claimed_conversions": "float64",
        "claimed_value_minor": "int64",
    }
)

MEMBER = ibis.schema(  # which segment a profile is in; `(rest)` where none fits
    {"profile_id": "!string", "segment": "!string", "as_of": f"!{_AT}"}
)

PROFILE_VALUE = ibis.schema(  # what each profile is worth and likely to do next; null: cannot be known
    {
        "profile_id": "!string",
        "expected_orders": "float64",  # days with an order within the horizon of [value]; null: never ordered
        "p_alive": "float64",  # chance of not having stopped buying for good; null: never ordered
        "clv_minor": "int64",  # discounted margin of the horizon, refunds taken off
        "clv_low": "int64",
        "clv_high": "int64",
        "p_buy": "float64",  # chance of an order soon
        "p_churn": "float64",  # chance of no order for long; null: never ordered
        "p_respond": "float64",  # chance of an answer, if contacted
        "as_of": f"!{_AT}",
    }
)

ASSIGNMENT = ibis.schema(  # one row per campaign and profile
    {
        "campaign": "!string",
        "profile_id": "!string",
        "segment": "!string",
        "lane": "!string",  # a rung with a standing share, or `follow`
        "simulated": "!boolean",  # the person exists only in the simulated market
    }
)

EXPOSURE = ibis.schema(  # one row per profile, week, channel and variant: was shown `impressions` times
    {
        "exposure_id": "!string",
        "campaign": "!string",
        "profile_id": "!string",
        "segment": "!string",
        "lane": "!string",
        "rung": "!string",  # what was really served: the lane's rung, or what `follow` resolved to
        "channel": "!string",
        "variant_id": "!string",
        "probability": "!float64",  # chance with which the variant was chosen
        "snapshot_id": "!string",
        "occurred_at": f"!{_AT}",
        "week": "!int64",  # 0-based week of the campaign
        "impressions": "!int64",
        "clicks": "!int64",  # human clicks
        "bot_clicks": "!int64",  # marked by the bot filter, kept out of rewards
        "cost_micros": "!int64",  # media cost in millionths of the major unit
        "currency": "!string",
        "irrelevant": "!boolean",  # shown although a hard eligibility rule other than consent failed
        "simulated": "!boolean",
    }
)

CONVERSION = ibis.schema(  # every order of an assigned profile while the campaign ran, advertised to or not
    {
        "conversion_id": "!string",
        "campaign": "!string",
        "profile_id": "!string",
        "occurred_at": f"!{_AT}",
        "week": "!int64",  # week in which it became known
        "revenue_minor": "!int64",
        "margin_minor": "!int64",  # contribution before marketing; negative for a refund
        "refund": "!boolean",
        "variant_id": "string",  # last variant clicked within the attribution window, for platform-like counts
        "currency": "!string",
        "simulated": "!boolean",
    }
)

DECISION = ibis.schema(  # one row per slot that a live decision filled, or found nothing to fill with
    {
        "decision_id": "!string",
        "decided_at": f"!{_AT}",
        "person": "string",  # as the online state named a person then; null: measurement is not permitted
        "campaign": "!string",  # empty: none fills the placement
        "placement": "!string",
        "channel": "!string",
        "release_id": "!string",
        "snapshot_id": "!string",
        "model": "!string",  # version of the moment model; empty where none was asked
        "segment": "!string",
        "lane": "!string",  # `unknown` where no run had met the person
        "rung": "!string",
        "step": "!int64",
        "variant_id": "string",  # null: nothing
        "probability": "!float64",  # with which it was chosen among the eligible
        "draw": "!float64",
        "chosen": "!int64",  # place among the campaign's offers in the release, -1: nothing
        "pool": "!binary",  # places that the rung might show: a bit set, little-endian
        "eligible": "!binary",  # those of them that nothing ruled out
        "against": "!binary",  # MessagePack: [reason, bit set of the places it ruled out] …
        "chances": "!binary",  # of the eligible places in order, float64
        "features": "!binary",  # x, float32; empty where none was worked out
        "irrelevant": "!boolean",  # shown although a hard eligibility rule that holds above `broad` failed
        "cost_micros": "!int64",  # what the budget paid, millionths of the major unit
    }
)

SCHEMAS = {
    "event": EVENT,
    "automated": AUTOMATED,
    "robot": ROBOT,
    "order_line": ORDER_LINE,
    "link": LINK,
    "trait": TRAIT,
    "consent": CONSENT,
    "product": PRODUCT,
    "spend": SPEND,
    "member": MEMBER,
    "membership": MEMBER,  # of rule segments: a profile once for each that it meets
    "value": PROFILE_VALUE,
    "assignment": ASSIGNMENT,
    "exposure": EXPOSURE,
    "conversion": CONVERSION,
    "decision": DECISION,
}


def widened(table: Table, schema: ibis.Schema) -> Table:
    """`table` with the schema's nullable columns that it lacks, as nulls: rows written before there was one."""
    lacking = {n: ibis.null(t) for n, t in schema.items() if t.nullable and n not in table.columns}
    return table.mutate(**lacking) if lacking else table


def check(table: Table, schema: ibis.Schema, *, name: str) -> Table:
    """Return `table` narrowed to the schema's columns, in order, or say which column is missing or of which type.

    Raises InvalidInput. Extra columns are dropped; nullability is not looked at here.
    """
    have = table.schema()
    for column, wanted in schema.items():
        if column not in have:
            raise InvalidInput(f"table {name!r} has no column {column!r}", where=f"facts.{name}")
        if not _same(have[column], wanted):
            raise InvalidInput(f"column {column!r} of {name!r} is {have[column]}, expected {wanted}")
    return table.select(*schema.names)


def _same(have: Any, wanted: Any) -> bool:
    """Whether two column types hold the same; Spark does not say how fine its instants are (microseconds)."""
    if have.is_timestamp() and wanted.is_timestamp():
        return bool(have.timezone == wanted.timezone and (have.scale or 6) == (wanted.scale or 6))
    return bool(have.copy(nullable=True) == wanted.copy(nullable=True))
