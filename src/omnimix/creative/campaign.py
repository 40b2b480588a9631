"""A campaign, as `campaigns/<key>.toml` tells it (its ladder, costs and limits are read by later stages).

in   the [campaign], [offer] and [products] tables
out  frozen records
"""

from datetime import date
from enum import StrEnum

from omnimix.core.errors import InvalidInput
from omnimix.core.money import Money
from omnimix.core.record import config

SPECIAL = ("housing", "employment", "credit", "politics", "health")


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
    special_categories: tuple[str, ...] = ()  # what the platforms must be told of: see SPECIAL

    def __post_init__(self) -> None:
        place = "campaign.daily_budget"
        try:
            budget = Money.parse(self.daily_budget, "GBP")
        except InvalidInput as error:
            raise InvalidInput(error.message, where=place, fix=error.fix) from None
        if budget.minor <= 0:
            raise InvalidInput(f"{self.daily_budget!r} buys nothing", where=place, fix="write it like 50.00")
        if self.ends_on < self.starts_on:
            raise InvalidInput("it ends before it starts", where="campaign.ends_on", fix="swap the dates")
        unknown = sorted(set(self.special_categories) - set(SPECIAL))
        if unknown:
            raise InvalidInput(
                f"{unknown[0]!r} is no special category",
                where="campaign.special_categories",
                fix=f"choose from {', '.join(SPECIAL)}",
            )
        if not self.channels or len(set(self.channels)) < len(self.channels):
            raise InvalidInput(
                "there is no channel" if not self.channels else "a channel is named twice",
                where="campaign.channels",
                fix='name each once: ["google_ads_editor", "email_files"]',
            )
        if not self.landing_page.startswith("https://"):
            raise InvalidInput(
                f"{self.landing_page!r} is no https address",
                where="campaign.landing_page",
                fix="ad platforms take https only",
            )
