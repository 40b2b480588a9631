"""[prove claims] The claim ledger against sentences labelled by hand, by somebody who does not know how it works.

in   three invented shops and their sentences (`data/claims`): true, false, expired, synonymous, denied …
out  how many false sentences pass, how many true ones do: held out, in all, in development; by kind

The rules and word lists were made on one half of the sentences, drawn by the hash of their text. Of the other half
only counts were looked at, in all and by kind, but several times while the rules were made; and both halves share
their shops. So its figures flatter a little: a shop nobody has seen may fare worse.
"""

import tomllib
from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from hashlib import sha256
from typing import Any

from omnimix.core.money import Money
from omnimix.creative.brand import Brand, BrandClaim
from omnimix.creative.campaign import Campaign, Goal, Offer
from omnimix.creative.claim import ClaimKind
from omnimix.creative.ledger.bind import Verdict, bind
from omnimix.creative.ledger.gather import ledger_of
from omnimix.creative.ledger.ground import Ledger
from omnimix.data.product import Product
from omnimix.testing.evidence import Figure, at_least, equal
from proofs.data import shipped

LAST_DAY = date(2026, 12, 20)


def figures() -> Iterator[Figure]:
    """False sentences that pass, true ones that pass, by kind."""
    rows = read()
    passed = [(row, all(v.ground is not None for v in verdicts)) for row, verdicts in judged(rows)]
    yield at_least("labelled sentences", len(rows), 300)
    halves = [("held out", [p for p in passed if not _development(p[0]["text"])]), ("all", passed)]
    for name, those in halves:
        false, true = _shares(those)
        yield equal(f"{name}: false sentences that pass, of {len(false)}", sum(false), 0)
        yield at_least(f"{name}: true sentences that pass, of {len(true)}", sum(true) / len(true), 0.95)
    false, true = _shares([p for p in passed if _development(p[0]["text"])])
    told = f"{sum(false)} of {len(false)} false, {sum(true)} of {len(true)} true"
    yield Figure("development: sentences that pass", told, "(no goal: the rules were made on these)", True)
    kinds: dict[str, list[bool]] = defaultdict(list)
    for row, ok in passed:
        kinds[row["kind"]].append(ok == row["true"])
    for kind, right in sorted(kinds.items()):
        yield Figure(f"{kind}: judged rightly", f"{sum(right)} of {len(right)}", "(by kind)", True)


def _development(text: str) -> bool:
    """Whether a sentence is of the half that was read while the rules were made; the other half was counted."""
    return int(sha256(text.encode()).hexdigest(), 16) % 2 == 0


def _shares(passed: list[tuple[dict[str, Any], bool]]) -> tuple[list[bool], list[bool]]:
    """Which of the false and which of the true sentences pass."""
    return [ok for row, ok in passed if not row["true"]], [ok for row, ok in passed if row["true"]]


def read() -> list[dict[str, Any]]:
    """The sentences: shop, text, shown, true, kind."""
    text = (shipped("claims") / "sentences.toml").read_text("utf-8")
    return list(tomllib.loads(text)["sentences"])


def judged(rows: list[dict[str, Any]]) -> Iterator[tuple[dict[str, Any], tuple[Verdict, ...]]]:
    """Each sentence with the verdicts on its phrases."""
    shops = {s["key"]: s for s in tomllib.loads((shipped("claims") / "shops.toml").read_text("utf-8"))["shops"]}
    ledgers = {key: _ledger(shop) for key, shop in shops.items()}
    for row in rows:
        name = (shops[row["shop"]]["name"],)
        yield row, bind(row["text"], ledgers[row["shop"]], shown=row["shown"], last_day=LAST_DAY, exempt=name)


def _ledger(shop: dict[str, Any]) -> Ledger:
    claims = tuple(
        BrandClaim(text=c["text"], kind=ClaimKind.NUMBER, source="terms", expires_on=c.get("expires_on"))
        for c in shop["claims"]
    )
    brand = Brand(name=shop["name"], website="https://shop.example", promise="", sells="things", claims=claims)
    products = tuple(
        Product(
            p["id"], p["name"], "all", Money.parse(p["price"], p["currency"]), None, p["in_stock"], None, None,
            p["description"], "labelled",
        )
        for p in shop["products"]
    )  # fmt: skip
    return ledger_of(brand, products, campaign=_campaign(shop), buyers=shop.get("buyers"))


def _campaign(shop: dict[str, Any]) -> Campaign | None:
    told = shop.get("offer")
    if told is None:
        return None
    offer = Offer(
        text=told["text"],
        short=told["short"],
        source="campaign",
        code=told.get("code"),
        ends_on=told.get("ends_on"),
    )
    return Campaign(
        key="labelled", name="Labelled", goal=Goal.SALES, channels=("email_files",), daily_budget="1.00",
        starts_on=date(2026, 11, 1), ends_on=LAST_DAY, landing_page="https://shop.example", offer=offer,
    )  # fmt: skip
