"""Enrichment through a whole workspace: bought traits are audited, told, and used only where they pay."""

import json
import os
import random
from pathlib import Path

import pytest
from tests.cli.conftest import Shop, lay_out, write_csv
from tests.conftest import NOW

from omnimix.app import machine_of, settings_of
from omnimix.data.enrichment.audit import Verdict
from omnimix.flow.enrichment import audit_enrichment, audits_of, usable_traits_of
from omnimix.flow.understand import take_in

SOURCES = """
[enrichment]
worth_minor = 200
least_comparisons = 20

[sources.told]
path = "data/told.csv"
holds = "profiles"
properties = ["gender"]

[sources.bought]
path = "data/bought.csv"
holds = "enrichment"
provider = "Datahouse"
price_minor_per_profile = 12.5
properties = ["gender", "income"]
"""


@pytest.fixture
def enriched(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Shop:
    """Forty customers who said their gender; a provider that is wrong of most, and right about their country."""
    shop = lay_out(tmp_path / "shop", capsys.readouterr)
    rng = random.Random(4)
    said = {f"cust{i}@example.com": rng.choice(["female", "male"]) for i in range(40)}
    wrong = {"female": "male", "male": "female"}
    told = [{"email": e, "gender": g, "observed_at": "2026-01-01"} for e, g in said.items()]
    bought = [
        {
            "email": e,
            "gender": g if i % 10 < 4 else wrong[g],
            "income": "high",
            "country": "United Kingdom",
            "observed_at": "2026-02-01",
        }
        for i, (e, g) in enumerate(said.items())
    ]
    write_csv(shop.root / "data" / "told.csv", told, tuple(told[0]))
    write_csv(shop.root / "data" / "bought.csv", bought, tuple(bought[0]))
    with (shop.root / "omnimix.toml").open("a", encoding="utf-8") as file:
        file.write(SOURCES)
    return shop


def test_bought_traits_are_judged_told_and_kept_from_targeting(enriched: Shop) -> None:
    settings = settings_of(enriched.root, os.environ)
    with machine_of(settings, os.environ, clock=lambda: NOW) as machine:
        take_in(machine)
        counts = audit_enrichment(machine)
        assert counts.adds_up
        found = {a.trait: a for a in audits_of(machine)}
        assert (found["gender"].compared, found["gender"].agreeing) == (40, 16)
        assert found["gender"].verdict is Verdict.BELOW
        assert found["gender"].price_minor == 12.5
        assert found["country"].truth == "orders"
        assert found["country"].agreement == 1
        assert found["country"].verdict is Verdict.BELOW, "everybody is British: the guess is as right, and free"
        assert found["income"].verdict is Verdict.UNKNOWN
        kept = machine.warehouse.arrow(usable_traits_of(machine)).to_pylist()
        assert {(t["trait"], t["provider"]) for t in kept} == {("gender", None)}
        assert len(kept) == 40
    code, out, _err = enriched.run("enrichment")
    assert code == 0
    assert "Datahouse's gender is right for 40% of 40 people" in out
    assert "not used for targeting" in out
    code, out, _err = enriched.run("enrichment", "--json")
    assert {a["trait"]: a["verdict"] for a in json.loads(out)}["gender"] == "below break-even"


def test_without_enrichment_the_command_says_how_to_begin(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shop = lay_out(tmp_path / "shop", capsys.readouterr)
    code, out, _err = shop.run("enrichment")
    assert code == 0
    assert "nothing was bought" in out
    settings = settings_of(shop.root, os.environ)
    with machine_of(settings, os.environ, clock=lambda: NOW) as machine:
        take_in(machine)
        assert audit_enrichment(machine).rows_in == 0


def test_rules_in_the_file_are_checked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shop = lay_out(tmp_path / "shop", capsys.readouterr)
    with (shop.root / "omnimix.toml").open("a", encoding="utf-8") as file:
        file.write("\n[enrichment]\nlift = 7\n\n[personas]\nleast_group = 1\n")
    code, _out, err = shop.run("enrichment")
    assert code == 2
    assert "enrichment.lift" in _out + err
    assert "personas.least_group" in _out + err or "lift is a share" in _out + err
