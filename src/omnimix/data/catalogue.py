"""The catalogue: declared products over those that order lines tell of.

in   order lines, declared products, the words that put a product into a category
out  the product fact; names as a customer would read them; Product records
"""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import ibis
import pyarrow as pa
from ibis import _
from ibis.expr.types import Table

from omnimix.core.money import Money
from omnimix.data.product import Product
from omnimix.store.facts import PRODUCT

OTHER = "other"
Categories = Mapping[str, Mapping[str, Sequence[str]]]  # source → category → its words

# Names and acronyms that keep their capitals in the middle of a sentence.
_NAMES = """
T-light Christmas Easter Valentine Valentines Valentine's Halloween Noel Jubilee
English French Scottish Irish Indian Chinese Japanese Moroccan Danish Swiss Russian Mexican Spanish Swedish German
Italian Scandinavian Nordic Edwardian Victorian Regency Union Jack London Paris Brazil
Monday Tuesday Wednesday Thursday Friday Saturday Sunday
UK USA CD DVD LED TV DIY BBQ WC A4 A5 A6 3D 2D I
"""
_SPELT = {name.lower(): name for name in _NAMES.split()} | {
    "tlight": "T-light",
    "t-lights": "T-lights",
    "tlights": "T-lights",
    "xmas": "Christmas",
}
_SHORT = (
    (re.compile(r"\bset[ /]?(?:of[ /]?)?(\d+)\b", re.I), r"set of \1"),
    (re.compile(r"\bs/(\d+)\b", re.I), r"set of \1"),
    (re.compile(r"\bpack[ /]?(?:of[ /]?)?(\d+)\b", re.I), r"pack of \1"),
    (re.compile(r"\bbox[ /]?(?:of[ /]?)?(\d+)\b", re.I), r"box of \1"),
    (re.compile(r"\bw/\s*", re.I), "with "),
    (re.compile(r"\bass(?:t|td|orted)\b\.?", re.I), "assorted"),
    (re.compile(r"\s*&\s*"), " & "),
    (re.compile(r"\s*,\s*"), ", "),
    (re.compile(r"\s+"), " "),
)
_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9'’-]*")


def display_name(text: str) -> str:
    """A stock description as a customer would read it: `WHITE HANGING HEART T-LIGHT HOLDER` becomes
    `White hanging heart T-light holder`.

    Text that has lower-case letters keeps its spelling; known names, acronyms and numbers keep theirs.
    """
    short = text.strip()
    for pattern, replacement in _SHORT:
        short = pattern.sub(replacement, short)
    short = short.strip(" ,.*")
    if not any(c.islower() for c in text):
        short = _WORD.sub(lambda m: _SPELT.get(m[0].lower(), m[0].lower()), short)
    return short[:1].upper() + short[1:]


def sold(order_lines: Table) -> Table:
    """Products that order lines tell of.

    in   order_line
    out  product_id, description (the most frequent), price_minor (median unit price of sales), currency, source
    """
    sales = order_lines.filter((_.kind == "sale") & (_.quantity > 0) & (_.amount_minor > 0))
    prices = sales.group_by("product_id").aggregate(
        price=(_.amount_minor / _.quantity).median(), currency=_.currency.min(), source=_.source.min()
    )
    counted = (
        sales.filter(_.description.notnull()).group_by("product_id", "description").aggregate(lines=_.count())
    )
    most = ibis.window(group_by="product_id", order_by=[ibis.desc("lines"), "description"])
    named = counted.mutate(place=ibis.row_number().over(most)).filter(_.place == 0)
    joined = prices.left_join(named.select("product_id", "description"), "product_id")
    return joined.select(
        "product_id", "description", "currency", "source", price_minor=_.price.round().cast("int64")
    ).order_by("product_id")


def declared_last(declared: Table) -> Table:
    """Of each product the declaration seen last."""
    newest = ibis.window(group_by="product_id", order_by=[ibis.desc("seen_at"), ibis.desc("row_id")])
    return (
        declared.mutate(age=ibis.row_number().over(newest)).filter(_.age == 0).drop("age").order_by("product_id")
    )


def catalogue(sold_rows: pa.Table, declared_rows: pa.Table | None, *, categories: Categories) -> pa.Table:
    """The product fact: declared products, and those sold that nobody declared.

    A declared product without a price or category takes what the order lines tell.
    """
    found: dict[str, dict[str, Any]] = {}
    for row in sold_rows.to_pylist():
        name = display_name(row["description"] or row["product_id"])
        found[row["product_id"]] = {
            **dict.fromkeys(PRODUCT.names),
            "product_id": row["product_id"],
            "name": name,
            "category": category(name, categories.get(row["source"], {})),
            "price_minor": row["price_minor"],
            "currency": row["currency"],
            "in_stock": True,
            "source": row["source"],
        }
    for row in declared_rows.to_pylist() if declared_rows is not None else []:
        told = {name: row[name] for name in PRODUCT.names if row[name] is not None}
        under = found.get(row["product_id"], {})
        if "category" not in told and not under:
            own = categories.get(row["source"]) or next((r for r in categories.values() if r), {})
            told["category"] = category(row["name"], own)
        if under.get("currency") != told.get("currency", under.get("currency")):
            under = {**under, "price_minor": None}
        found[row["product_id"]] = {**dict.fromkeys(PRODUCT.names), **under, **told}
    rows = [found[product] for product in sorted(found)]
    return pa.Table.from_pylist(rows, schema=PRODUCT.to_pyarrow())


def category(name: str, rules: Mapping[str, Sequence[str]]) -> str:
    """The first category one of whose words (or its plural) is in the name, else `other`."""
    text = name.lower()
    for label, words in rules.items():
        if _any_of(tuple(words)).search(text):
            return label
    return OTHER


@lru_cache(maxsize=256)
def _any_of(words: tuple[str, ...]) -> re.Pattern[str]:
    """A pattern that finds any of the words, or its plural."""
    if not words:
        return re.compile(r"(?!)")
    return re.compile(rf"\b(?:{'|'.join(re.escape(word.lower()) for word in words)})(?:s|es)?\b")


def load_products(rows: pa.Table) -> tuple[Product, ...]:
    """Product records from rows of the product fact, by product id."""
    return tuple(
        Product(
            product_id=row["product_id"],
            name=row["name"],
            category=row["category"],
            price=None if row["price_minor"] is None else Money(row["price_minor"], row["currency"]),
            margin_share=row["margin_share"],
            in_stock=row["in_stock"],
            url=row["url"],
            image=row["image"],
            description=row["description"],
            source=row["source"],
        )
        for row in sorted(rows.to_pylist(), key=lambda row: row["product_id"])
    )
