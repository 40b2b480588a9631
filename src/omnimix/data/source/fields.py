"""The canonical fields of each kind of source: what columns are mapped onto, and their types.

in   nothing
out  FIELDS by kind; the personal fields that only the vault may keep
"""

from dataclasses import dataclass
from enum import StrEnum

from omnimix.data.source.spec import Holds
from omnimix.governance.pseudonym import KeyKind


class Kind(StrEnum):
    """How the text of a field is read."""

    TEXT = "text"
    WHOLE = "whole number"
    NUMBER = "number"
    INSTANT = "instant"
    DATE = "date"
    TRUTH = "yes or no"
    CURRENCY = "currency code"
    COUNTRY = "country"
    STATUS = "subscription status"


@dataclass(frozen=True, slots=True)
class Field:
    """One canonical field. `low` and `high` bound numbers (inclusive)."""

    name: str
    kind: Kind = Kind.TEXT
    required: bool = False
    low: float | None = None
    high: float | None = None


_T, _W, _N, _A, _D, _B, _C, _L, _S = Kind

# Canonical name → kind of key. These and the personal fields never reach a fact in the clear.
IDENTIFIERS = {
    "user_id": KeyKind.USER,
    "anonymous_id": KeyKind.ANONYMOUS,
    "email": KeyKind.EMAIL,
    "phone": KeyKind.PHONE,
    "handle": KeyKind.HANDLE,  # with `platform`: the same name on two networks may be two people
}
PERSONAL = (
    "name",
    "first_name",
    "last_name",
    "birth_date",
    "company",
    "address",
    "city",
    "postcode",
)
_PERSON = tuple(Field(name) for name in (*IDENTIFIERS, "previous_id", *PERSONAL))
_LARGEST = 1e12

FIELDS: dict[Holds, tuple[Field, ...]] = {
    Holds.ORDERS: (
        Field("order_id", required=True),
        Field("occurred_at", _A, required=True),
        Field("product_id", required=True),
        Field("quantity", _W, required=True, low=-1e9, high=1e9),
        Field("unit_price", _N, low=-_LARGEST, high=_LARGEST),
        Field("amount", _N, low=-_LARGEST, high=_LARGEST),  # of the line; unit_price is enough
        Field("refunded", _N, low=0, high=_LARGEST),  # of the whole order, on its first line
        Field("discount", _N, low=0, high=_LARGEST),  # of the whole order, on its first line
        Field("subtotal", _N, low=0, high=_LARGEST),  # of its goods after discounts, on its first line
        Field("currency", _C),
        Field("description"),
        Field("country", _L),
        Field("status"),
        *_PERSON,
    ),
    Holds.EVENTS: (
        Field("message_id"),
        Field("type"),  # Segment's call: track, page, screen, identify, alias, group
        Field("name_of_event"),
        Field("occurred_at", _A, required=True),
        Field("order_id"),
        Field("product_id"),
        Field("quantity", _W, low=-1e9, high=1e9),
        Field("revenue", _N, low=-_LARGEST, high=_LARGEST),
        Field("currency", _C),
        Field("page_url"),
        Field("page_path"),
        Field("medium"),
        Field("utm_source"),
        Field("utm_campaign"),
        Field("gclid"),
        Field("referrer"),
        Field("device"),
        Field("country", _L),
        Field("language"),
        Field("text"),  # what a person wrote; kept without identifiers, with its sentiment
        Field("platform"),  # the social network
        Field("likes", _W, low=0, high=1e12),
        Field("replies", _W, low=0, high=1e12),
        Field("deal_id"),
        Field("deal_stage"),
        Field("stage_since", _A),  # since when the deal is there; without it a stage is counted once for each deal
        Field("lead_score", _N, low=-_LARGEST, high=_LARGEST),
        Field(
            "library"
        ),  # the client that sent it: only a browser's own requests say where and what the visitor is
        Field("user_agent"),  # of the visitor, as the client says
        Field("sent_by"),  # User-Agent of the request that brought the event
        Field("ip_address"),  # of the visitor, as the client says; kept as a pseudonym of day and network
        Field("sent_from"),  # IP address of the request
        Field("fetched_for"),  # Sec-Purpose or Purpose of the request: prefetch
        Field("gpc", _B),  # Global Privacy Control
        Field("tcf"),  # IAB TCF consent string
        Field("consent_at", _A),  # when the consent that is sent along was given
        *_PERSON,
    ),
    Holds.PROFILES: (
        Field("observed_at", _A),
        Field("country", _L),
        Field("language"),
        Field("platform"),  # that `handle` is of
        Field("lead_score", _N, low=-_LARGEST, high=_LARGEST),
        Field("lead_status"),
        Field("lifecycle_stage"),
        Field("deal_stage"),
        Field("email_status", _S),  # subscribed, unsubscribed, cleaned …: an answer for the purpose `email`
        Field("email_opt_out", _B),  # yes refuses `email`; no says nothing, since nobody was asked
        *_PERSON,
    ),
    Holds.ENRICHMENT: (
        Field("observed_at", _A, required=True),
        Field("trait"),  # with `value`: one row a trait; otherwise the listed properties
        Field("value"),
        Field("provider"),
        Field("confidence", _N, low=0, high=1),
        Field("country", _L),
        Field("language"),
        *_PERSON,
    ),
    Holds.PRODUCTS: (
        Field("product_id", required=True),
        Field("name", required=True),
        Field("category"),
        Field("price", _N, low=0, high=_LARGEST),
        Field("currency", _C),
        Field("margin_share", _N, low=-1, high=1),
        Field("in_stock", _B),
        Field("url"),
        Field("image"),
        Field("description"),
    ),
    Holds.SPEND: (
        Field("spent_on", _D, required=True),
        Field("campaign", required=True),
        Field("channel"),
        Field("ad_group"),
        Field("ad"),
        Field("impressions", _W, low=0, high=_LARGEST),
        Field("clicks", _W, low=0, high=_LARGEST),
        Field("cost", _N, low=0, high=_LARGEST),
        Field("currency", _C),
        Field("conversions", _N, low=0, high=_LARGEST),
        Field("conversion_value", _N, low=-_LARGEST, high=_LARGEST),
    ),
}
