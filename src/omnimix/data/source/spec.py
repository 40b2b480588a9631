"""What a workspace says about one of its sources: a `[sources.<key>]` table of omnimix.toml.

in   the table's keys
out  a frozen Source record

Columns are given as `canonical name = "their column"`; `data.source.fields` has the canonical names of each
kind. A preset fills everything that the table leaves out.
"""

from collections.abc import Mapping
from dataclasses import field
from enum import StrEnum
from zoneinfo import available_timezones

from omnimix.core.errors import InvalidInput
from omnimix.core.record import config
from omnimix.governance.consent.signals import Signals


class Holds(StrEnum):
    """What one row of a source is."""

    ORDERS = "orders"  # one line of an order
    EVENTS = "events"  # something a visitor did
    PROFILES = "profiles"  # what is known of a person, and the person's consent
    PRODUCTS = "products"
    SPEND = "spend"  # what an ad platform says it delivered, by day and ad
    ENRICHMENT = "enrichment"  # traits bought from or given by a third party


@config
class Source:
    """One source. Either `path` (a file or a glob, from the workspace) or `url` with `query` or `table`.

    `categories` names a category and the words that put a product into it; the first that fits wins.
    `fees` are patterns of product ids that are not merchandise (postage, charges, adjustments; `*` fits anything).
    `properties` are their columns that may be kept as event properties or traits; any other column is left behind.
    `consent` names a purpose and their column that holds the answer.
    """

    holds: Holds | None = None  # the preset's, where it is left out
    path: str | None = None
    url: str | None = field(default=None, repr=False)  # may hold a password
    query: str | None = None
    table: str | None = None
    format: str | None = None  # csv, parquet, jsonl, excel; by the file's ending where it is left out
    preset: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    constants: Mapping[str, str] = field(default_factory=dict)  # canonical name → value for every row
    names: Mapping[str, str] = field(default_factory=dict)  # their event name → Segment's
    properties: tuple[str, ...] = ()
    consent: Mapping[str, str] = field(default_factory=dict)
    categories: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    fees: tuple[str, ...] | None = None
    void_statuses: tuple[str, ...] | None = None  # orders that never were: their lines are counted as ignored
    cancellation_prefix: str | None = None  # order ids that begin so are cancellations
    currency: str | None = None  # ISO 4217, for rows that do not say
    timezone: str | None = None  # IANA zone of instants that do not say: the workspace's, where it is left out
    date_format: str | None = None  # strptime format, where ISO 8601 and the usual ones do not fit
    day_first: bool = True  # 3/4/2026 is 3 April
    decimal_comma: bool = False  # 1.234,56
    encoding: str | None = None
    delimiter: str | None = None
    sheet: str | None = None
    region: str = "GB"  # ISO 3166 region of phone numbers without a country code
    signals: Signals | None = None  # how consent that comes with events is read: the workspace's, where left out
    provider: str | None = None  # of enrichment
    confidence: float | None = None  # of enrichment, in [0, 1]
    price_minor_per_profile: float | None = None  # of enrichment, in minor units for each profile bought
    channel: str | None = None  # of spend

    def __post_init__(self) -> None:
        if self.timezone and self.timezone not in available_timezones():
            raise InvalidInput(f"{self.timezone!r} is no time zone", fix="use one like Europe/London")
