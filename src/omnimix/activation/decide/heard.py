"""Rows of the facts as online state sees them: the one reading for what is live and what is rebuilt.

in   a row of EVENT (instants as µs), rows of CONSENT
out  an Event; of feedback the person its token names
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any

import msgspec

from omnimix.activation.decide.feedback import FEEDBACK
from omnimix.activation.decide.grow import ORDERED
from omnimix.activation.decide.state import Consent, Event

_MOST_MINOR = 10**15
Row = Mapping[str, Any]


def heard(event_id: str, row: Row | None, consents: Iterable[Row] = (), *, decimals: int) -> Event:
    """An event and what consent came with it, of a row with `seen.COLUMNS`.

    `row` None: a call that only says who somebody is. `decimals` are of the workspace's currency.
    """
    said = tuple([consent_of(told) for told in consents])
    if row is None or row["robot"] is not None:
        return Event(event_id, "", 0, consents=said, behaviour=False)
    more = _properties(row["properties"])
    name = row["name"]
    return Event(
        event_id=event_id,
        name=name,
        at_us=row["occurred_at"],
        product=row["product_id"] or "",
        products=_products(more.get("products")) if name == ORDERED else (),
        category=str(more.get("category") or ""),
        price_minor=_minor(more.get("price"), decimals),
        quantity=row["quantity"] or 1,
        medium=row["medium"] or "",
        campaign=row["utm_campaign"] or "",
        variant=str(more.get("variant_id") or ""),
        consents=said,
    )


def consent_of(row: Row) -> Consent:
    """A row of CONSENT."""
    return Consent(row["purpose"], row["source"], row["decided_at"], row["granted"], bool(row.get("repeated")))


def person_told(row: Row | None) -> str:
    """Whom feedback is about: a person's id, which only tokens can bring. "" for any other event."""
    if row is None or row["source"] != FEEDBACK:
        return ""
    return str(_properties(row["properties"]).get("person") or "")


@lru_cache(maxsize=4_096)
def _properties(text: str | None) -> Mapping[str, Any]:
    return msgspec.json.decode(text, type=dict[str, Any]) if text else {}


def _products(listed: Any) -> tuple[str, ...]:
    """Product ids of an order's lines, however the sender spells them."""
    if not isinstance(listed, list):
        return ()
    lines = [line for line in listed if isinstance(line, dict)]
    ids = [line.get("product_id") or line.get("productId") or line.get("sku") for line in lines]
    return tuple([str(i) for i in ids if i])


def _minor(price: Any, decimals: int) -> int:
    """A price in the minor unit; 0 where it is none."""
    try:
        found = int((Decimal(str(price)).scaleb(decimals)).to_integral_value()) if price is not None else 0
    except (InvalidOperation, ValueError, OverflowError):
        return 0
    return found if 0 < found < _MOST_MINOR else 0
