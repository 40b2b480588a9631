"""A campaign, as `campaigns/<key>.toml` tells it (its ladder, costs and limits are read by later stages).

in   the [campaign], [offer] and [products] tables
out  frozen records
"""

from datetime import date
from enum import StrEnum

from omnimix.core.record import config


class Goal(StrEnum):
    """What the campaign is for."""

    TRAFFIC = "traffic"
    LEADS = "leads"
    SALES = "sales"


@config
class Offer:
    """What is offered, in words that may stand in an ad: "15% off orders over £40"."""

    text: str
    short: str  # at most 20 characters: "15% off"
    source: str  # where the offer is decided, for the claim ledger
    code: str | None = None
    ends_on: date | None = None  # the last day it is true; None: the campaign's end


@config
class Choice:
    """Which products the campaign may show: by category, by id, or the best sellers of everything."""

    categories: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()
    most: int = 40


@config
class Campaign:
    """One campaign. Budgets are decimal text in the workspace's currency; dates are inclusive."""

    key: str
    name: str
    goal: Goal
    channels: tuple[str, ...]
    daily_budget: str
    starts_on: date
    ends_on: date
    landing_page: str
    languages: tuple[str, ...] = ("en",)
    countries: tuple[str, ...] = ()  # ISO 3166 alpha-2; empty: everywhere
    offer: Offer | None = None
    products: Choice = Choice()
    variants_per_brief: int = 3
