import csv
import re
import tomllib
from datetime import date
from pathlib import Path

import duckdb
from pydantic import TypeAdapter

from omnimix.activation.experiment.ladder import Ladder
from omnimix.creative.brand import Brand
from omnimix.creative.campaign import Campaign
from omnimix.testing.shop import SHOP, open_shop, shop_files


def rows() -> list[dict[str, str]]:
    with (SHOP / "products.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_the_shop_opens_as_a_complete_workspace(tmp_path: Path) -> None:
    written = open_shop(tmp_path / "shop")
    assert {str(p.relative_to(tmp_path / "shop")) for p in written} == {str(p) for p in shop_files()}
    for needed in (
        "omnimix.toml",
        "brand.toml",
        "campaigns/autumn_gifts.toml",
        "ATTRIBUTION.md",
        "photos/LICENSE",
    ):
        assert (tmp_path / "shop" / needed).is_file()
    assert open_shop(tmp_path / "shop") == written  # a second time changes nothing and does not fail


def test_product_names_read_like_a_shop_wrote_them() -> None:
    products = rows()
    assert len({p["product_id"] for p in products}) == len(products) >= 200
    assert len({p["name"] for p in products}) == len(products)
    assert 10 <= len({p["category"] for p in products}) <= 12
    for product in products:
        name = product["name"]
        assert name[0].isupper()
        assert name == " ".join(name.split())
        capitals = re.findall(r"\b[A-Z]{2,}\b", name)
        assert set(capitals) <= {"LED"}, name
        assert not re.search(r"\d{4,}|\b(hldr|asstd|s/\d|ant)\b", name.lower()), name
        assert product["description"].endswith(".")
        assert 0 < float(product["margin_share"]) < 1
        assert not product["image"] or (SHOP / product["image"]).is_file()


def test_prices_are_the_medians_of_the_orders() -> None:
    with duckdb.connect() as connection:
        sold = dict(
            connection.sql(
                f"SELECT StockCode, median(UnitPrice) FROM '{SHOP / 'online_retail.parquet'}' "
                "WHERE Quantity > 0 AND UnitPrice > 0 GROUP BY 1"
            ).fetchall()
        )
    ours = [p for p in rows() if p["product_id"] in sold]
    assert len(ours) == len(rows()) - 4  # the four photographed products were never sold
    for product in ours:
        assert abs(float(product["price"]) - sold[product["product_id"]]) <= 0.005, product


def test_brand_and_campaign_fill_their_records() -> None:
    brand = TypeAdapter(Brand).validate_python(tomllib.loads((SHOP / "brand.toml").read_text()))
    assert brand.logo
    assert (SHOP / brand.logo).is_file()
    assert brand.postal_address
    assert brand.unsubscribe_url.startswith("https://")
    assert all(c.expires_on is None or c.expires_on > date(2030, 1, 1) for c in brand.claims)
    file = tomllib.loads((SHOP / "campaigns/autumn_gifts.toml").read_text())
    content = file["campaign"] | {"key": "autumn_gifts", "offer": file["offer"], "products": file["products"]}
    campaign = TypeAdapter(Campaign).validate_python(content)
    assert (campaign.ends_on - campaign.starts_on).days + 1 == 42
    assert campaign.offer is not None
    assert len(campaign.offer.short) <= 20
    products = rows()
    assert set(campaign.products.categories) <= {p["category"] for p in products}
    assert set(campaign.products.ids) <= {p["product_id"] for p in products}
    shares = TypeAdapter(Ladder).validate_python(file["ladder"]).shares()
    assert abs(sum(shares.values()) - 1) < 1e-9
    assert set(file) == {"campaign", "offer", "products", "ladder", "costs", "eligibility", "simulator"}


def test_omnimix_toml_names_files_that_are_there() -> None:
    settings = tomllib.loads((SHOP / "omnimix.toml").read_text())
    categories = {p["category"] for p in rows()} | {"Jewellery & accessories"}
    assert settings["workspace"]["as_of"] == date(2011, 12, 10)
    for source in settings["sources"].values():
        assert (SHOP / source["path"]).is_file()
        assert set(source.get("categories", {})) <= categories
