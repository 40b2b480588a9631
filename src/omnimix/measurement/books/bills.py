"""What exchanges billed: from bills to spend by day and ad, and to entries of the books.

in   Bills: one for each bid that was billed, cost in billionths of the currency's unit
out  SPEND rows and balanced entries, whose sums are the bills' to the minor unit

A single impression costs less than a minor unit. Of each campaign the bills are added up exactly, in order of day,
exchange and ad; a row holds what the rounded sum grew by. So the rows of a campaign add up to all its bills,
rounded once, and a bill that comes late moves at most one minor unit between the rows after it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby

import pyarrow as pa

from omnimix.core.hashing import stable_id
from omnimix.core.money import exponent
from omnimix.measurement.books.entry import Account, Entry, cost_entry
from omnimix.store.facts import SPEND

CHANNEL = "exchange"
_NANO = 10**9


@dataclass(frozen=True, slots=True, order=True)
class Bill:
    """One billed impression. `nano`: its cost in billionths of one unit of the workspace's currency."""

    campaign: str
    on: date
    exchange: str
    variant_id: str
    decision_id: str
    nano: int


def spend_rows(bills: Iterable[Bill], *, currency: str) -> pa.Table:
    """SPEND rows by campaign, day, exchange and ad, in that order."""
    scale = 10 ** exponent(currency)
    rows = []
    for campaign, own in groupby(sorted(bills), key=lambda b: b.campaign):
        total = 0
        for (on, exchange, variant), part in groupby(own, key=lambda b: (b.on, b.exchange, b.variant_id)):
            group = list(part)
            before = _rounded(total * scale)
            total += sum(b.nano for b in group)
            rows.append(
                {
                    "spend_id": stable_id("bid", campaign, on.isoformat(), exchange, variant),
                    "source": exchange,
                    "spent_on": on,
                    "channel": CHANNEL,
                    "campaign": campaign,
                    "ad_group": None,
                    "ad": variant,
                    "impressions": len(group),
                    "clicks": 0,
                    "cost_minor": _rounded(total * scale) - before,
                    "currency": currency,
                    "claimed_conversions": None,
                    "claimed_value_minor": None,
                }
            )
    return pa.Table.from_pylist(rows, schema=SPEND.to_pyarrow())


def bill_entries(spend: pa.Table) -> tuple[Entry, ...]:
    """A media entry for each campaign, day and exchange of `spend_rows`."""
    made: list[Entry | None] = []
    rows = spend.to_pylist()
    for (campaign, on, exchange), part in groupby(rows, key=lambda r: (r["campaign"], r["spent_on"], r["source"])):
        group = list(part)
        entry = cost_entry(
            campaign,
            f"{Account.MEDIA}:{CHANNEL}:{exchange}:{on.isoformat()}",
            on=on,
            account=Account.MEDIA,
            minor=sum(r["cost_minor"] for r in group),
            memo=f"bids billed by {exchange}, {on.isoformat()}",
            currency=group[0]["currency"],
            simulated=False,
        )
        made.append(entry)
    return tuple(entry for entry in made if entry)


def total_nano(bills: Sequence[Bill]) -> int:
    """All bills, exactly."""
    return sum(b.nano for b in bills)


def _rounded(scaled: int) -> int:
    """Billionths of minor units as minor units, half to even."""
    whole, rest = divmod(scaled, _NANO)
    return whole + (2 * rest > _NANO or (2 * rest == _NANO and whole % 2 == 1))
