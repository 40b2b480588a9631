"""The demo shop, its campaign, six personas and who bought what, for the creative stage's tests."""

import csv
import tomllib
from collections.abc import Mapping
from datetime import date
from importlib.resources import files

import pytest

from omnimix.audience.persona.persona import Kind, Persona, Statement
from omnimix.audience.segment.segment import Segment
from omnimix.core.money import Money
from omnimix.creative.brand import Brand, BrandClaim, Words
from omnimix.creative.brief.brief import BROAD
from omnimix.creative.campaign import Campaign, Goal, Offer
from omnimix.creative.claim import ClaimKind
from omnimix.creative.policy.check import PolicyFacts
from omnimix.data.product import Product

CHANNELS = ("google_ads_editor", "meta_bulk", "microsoft_bulk", "email_files")


class Shop:
    """Everything a brief is made from. A plain class, so that a failing example prints short."""

    def __init__(self, brand: Brand, campaign: Campaign, products: tuple[Product, ...]) -> None:
        self.brand, self.campaign, self.products = brand, campaign, products
        self.personas = _personas()
        self.bought: Mapping[str, Mapping[str, int]] = _bought(products)

    def facts(self, today: date = date(2026, 11, 9)) -> PolicyFacts:
        """What the policy checks hold a variant of this shop against."""
        by_id = {p.product_id: p for p in self.products}
        return PolicyFacts(self.brand, self.campaign, by_id, self.bought[BROAD], today, self.campaign.channels)


def _products() -> tuple[Product, ...]:
    text = files("omnimix.testing").joinpath("shop", "products.csv").read_text("utf-8")
    return tuple(
        Product(
            r["product_id"], r["name"], r["category"], Money.parse(r["price"], r["currency"]),
            float(r["margin_share"]), r["in_stock"] == "true", r["url"], r["image"] or None, r["description"],
            "csv",
        )
        for r in csv.DictReader(text.splitlines())
    )  # fmt: skip


def _brand() -> Brand:
    table = tomllib.loads(files("omnimix.testing").joinpath("shop", "brand.toml").read_text("utf-8"))
    words = Words(avoid=tuple(table["words"]["avoid"]), keep=tuple(table["words"]["keep"]))
    claims = tuple(
        BrandClaim(text=c["text"], kind=ClaimKind(c["kind"]), source=c["source"], expires_on=c.get("expires_on"))
        for c in table["claims"]
    )
    plain = {k: v for k, v in table.items() if isinstance(v, str)}
    return Brand(**plain, tone=tuple(table["tone"]), words=words, claims=claims)


def make_campaign(**changes: object) -> Campaign:
    """A six-week sales campaign with an offer."""
    given: dict[str, object] = {
        "key": "autumn_gifts", "name": "Autumn gifts", "goal": Goal.SALES, "channels": CHANNELS,
        "daily_budget": "600.00",
        "starts_on": date(2026, 11, 9), "ends_on": date(2026, 12, 20), "landing_page": "https://shop.example/autumn",
        "countries": ("GB",),
        "offer": Offer(text="15% off orders over £40", short="15% off", source="campaign file", code="AUTUMN15"),
    }  # fmt: skip
    return Campaign(**(given | changes))  # type: ignore[arg-type]


def _persona(key: str, kind: Kind, text: str, metric: str, value: float, base: float, subject: str) -> Persona:
    unit = "minor" if kind is Kind.PRICE else "share"
    said = Statement(kind, text, metric, value, base, value * 0.9, value * 1.1, unit, 300, subject)
    return Persona(
        Segment(key, key.title(), 500, 0.1, "a rule", 0.8, 0.8, 0.9, {}, {}), f"They are {key}.", (said,)
    )


def _personas() -> tuple[Persona, ...]:
    unit_price, category = "usual unit price", "share of spend in a category"
    return (
        _persona(
            "regulars",
            Kind.MOTIVATION,
            "80% have ordered often.",
            "share with 3 or more orders",
            0.8,
            0.3,
            "trust",
        ),
        _persona(
            "bulk",
            Kind.MOTIVATION,
            "Typically 60 at a time.",
            "units of each product in an order",
            60,
            6,
            "quantity",
        ),
        _persona("lapsed", Kind.CHALLENGE, "90% have stayed away.", "share without an order", 0.9, 0.3, "absence"),
        _persona("christmas", Kind.CATEGORY, "They spend 38% on Christmas.", category, 0.38, 0.1, "Christmas"),
        _persona("thrifty", Kind.PRICE, "They choose things at £1.10.", unit_price, 110.0, 210.0, "unit price"),
        _persona("dear", Kind.PRICE, "They choose things at £4.95.", unit_price, 495.0, 210.0, "unit price"),
    )


def _bought(products: tuple[Product, ...]) -> dict[str, dict[str, int]]:
    """Counts that fall with the place in the catalogue, and lean to another part of it for every segment."""
    everybody = {p.product_id: 881 - 4 * place for place, p in enumerate(products)}
    leaning = {}
    for number, persona in enumerate(_personas()):
        shift = 1 + 30 * number
        leaning[persona.segment.key] = {
            p.product_id: 2 + (90 if shift <= place < shift + 30 else 0) for place, p in enumerate(products)
        }
    return {BROAD: everybody, **leaning}


@pytest.fixture(scope="session")
def shop() -> Shop:
    """The demo shop in full."""
    return Shop(_brand(), make_campaign(), _products())
