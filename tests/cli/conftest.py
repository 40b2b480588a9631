"""A small workspace that runs in seconds: a few customers, eight products, one campaign."""

import csv
import os
import random
import shutil
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from omnimix.app import machine_of, settings_of
from omnimix.cli import main
from omnimix.flow.campaign import understand_steps
from omnimix.flow.step import run_steps

PRODUCTS = (
    ("A1", "Blue enamel mug", "Kitchen", "8.50"),
    ("A2", "White china teapot", "Kitchen", "24.00"),
    ("A3", "Set of four egg cups", "Kitchen", "12.00"),
    ("B1", "Beeswax pillar candle", "Candles", "9.00"),
    ("B2", "Glass tealight holder", "Candles", "4.50"),
    ("C1", "Striped cotton cushion", "Home", "18.00"),
    ("C2", "Oak picture frame", "Home", "15.00"),
    ("C3", "Willow log basket", "Home", "32.00"),
)
ORDER_COLUMNS = (
    "order_id",
    "product_id",
    "description",
    "quantity",
    "occurred_at",
    "unit_price",
    "customer",
    "country",
)
Row = dict[str, Any]


def order_lines(customers: int, *, seed: int = 1, refund_only: int = 0) -> list[Row]:
    """Order lines of so many customers; the last `refund_only` of them only ever returned things."""
    rng = random.Random(seed)
    rows: list[Row] = []
    for customer in range(customers):
        for order in range(rng.randint(1, 4)):
            returns = customer >= customers - refund_only
            at = datetime(2026, 10, 30) - timedelta(days=rng.randint(0, 300), hours=rng.randint(0, 12))
            for product_id, name, _category, price in rng.sample(PRODUCTS, rng.randint(1, 3)):
                rows.append(
                    {
                        "order_id": f"{'C' if returns else ''}{customer:04d}-{order}",
                        "product_id": product_id,
                        "description": name,
                        "quantity": -1 if returns else rng.randint(1, 3),
                        "occurred_at": at.isoformat(sep=" "),
                        "unit_price": price,
                        "customer": f"cust{customer}@example.com",
                        "country": "GB",
                    }
                )
    return rows


def write_csv(path: Path, rows: list[Row], columns: tuple[str, ...] = ORDER_COLUMNS) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(rows)


SOURCES = """
[sources.orders]
path = "data/orders.csv"
holds = "orders"
preset = "order_lines"
currency = "GBP"
[sources.orders.columns]
email = "customer"

[sources.products]
path = "data/products.csv"
holds = "products"
currency = "GBP"
"""


class Shop:
    """A workspace and the command that works on it."""

    def __init__(self, root: Path, read: Callable[[], Any]) -> None:
        self.root, self._read = root, read

    def run(self, *arguments: str) -> tuple[int, str, str]:
        """Exit code, standard output, standard error of a command on this workspace."""
        self._read()
        code = main([*arguments, "--workspace", str(self.root)])
        captured = self._read()
        return code, captured.out, captured.err

    def orders(self, rows: list[Row], columns: tuple[str, ...] = ORDER_COLUMNS) -> None:
        write_csv(self.root / "data" / "orders.csv", rows, columns)

    def change(self, name: str, old: str, new: str) -> None:
        path = self.root / name
        text = path.read_text(encoding="utf-8")
        assert old in text, f"{old!r} is not in {name}"
        path.write_text(text.replace(old, new, 1), encoding="utf-8")


def lay_out(root: Path, read: Callable[[], Any]) -> Shop:
    """A new workspace of forty customers, ready to run; one segment only, so that it is quick."""
    assert main(["init", str(root)]) == 0
    made = Shop(root, read)
    made.orders(order_lines(40))
    write_csv(
        root / "data" / "products.csv",
        [
            {"product_id": p, "name": n, "category": c, "price": price, "margin_share": 0.5, "in_stock": "yes"}
            for p, n, c, price in PRODUCTS
        ],
        ("product_id", "name", "category", "price", "margin_share", "in_stock"),
    )
    with (root / "omnimix.toml").open("a", encoding="utf-8") as file:
        file.write(SOURCES)
    made.change("omnimix.toml", "# as_of = 2026-11-01", "as_of = 2026-11-01 #")
    made.change(
        "omnimix.toml", "assume = []", 'assume = ["measurement", "personalisation", "advertising", "email"]'
    )
    made.change("brand.toml", 'postal_address = ""', 'postal_address = "My shop, 1 High Street, Anytown"')
    made.change("brand.toml", 'unsubscribe_url = ""', 'unsubscribe_url = "https://www.example.com/unsubscribe"')
    made.change("brand.toml", 'sender = ""', 'sender = "My shop <hello@example.com>"')
    made.change("campaigns/first.toml", "most = 40", "most = 8")
    made.change("omnimix.toml", "[journey]", "[lifecycle]\nperiods = 1\n\n[journey]\ncompare = []")
    return made


@pytest.fixture
def shop(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Shop:
    """Forty customers, ready to run."""
    return lay_out(tmp_path / "shop", capsys.readouterr)


@pytest.fixture(scope="session")
def known(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A shop whose customers are known: stages 1 and 2 of its campaign's run are done."""
    root = lay_out(tmp_path_factory.mktemp("known") / "shop", lambda: None).root
    with machine_of(settings_of(root, os.environ), os.environ) as machine:
        list(run_steps("first", understand_steps(machine), ledger=machine.ledger, clock=machine.clock))
    return root


@pytest.fixture
def known_shop(tmp_path: Path, known: Path, capsys: pytest.CaptureFixture[str]) -> Shop:
    """A copy of that shop: a run goes on from the briefs, as long as nothing before them is changed."""
    shutil.copytree(known, tmp_path / "shop")
    return Shop(tmp_path / "shop", capsys.readouterr)
