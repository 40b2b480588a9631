"""`omnimix segments`: what is shown adds up, lists are complete, a faulty rule is one line with its place."""

import json
import os

from tests.cli.conftest import Shop
from tests.conftest import NOW

from omnimix.app import machine_of, settings_of
from omnimix.flow.segments import segment
from omnimix.flow.understand import take_in

RULES = """
[segments.rules.regulars]
name = "Our regulars"
when = ["orders >= 2"]
claims = false
"""


def prepared(shop: Shop) -> None:
    """Forty customers, taken in and placed."""
    with (shop.root / "omnimix.toml").open("a", encoding="utf-8") as file:
        file.write(RULES)
    with machine_of(settings_of(shop.root, os.environ), os.environ, clock=lambda: NOW) as machine:
        take_in(machine)
        segment(machine)


def test_segments_are_shown_listed_moved_and_watched(shop: Shop) -> None:
    prepared(shop)
    code, out, _err = shop.run("segments", "--json")
    shown = json.loads(out)
    assert code == 0
    assert sum(s["size"] for s in shown["segments"]) == 40
    (regulars,) = shown["watch"]["lists"]
    assert regulars["name"] == "Our regulars"
    listed = json.loads(shop.run("segments", "people", "regulars", "--json")[1])
    assert len(listed) == regulars["profiles"] > 0
    for s in shown["segments"][-1:]:
        assert len(json.loads(shop.run("segments", "people", s["key"], "--json")[1])) == s["size"]

    code, out, _err = shop.run("segments")
    assert code == 0
    assert "Our regulars" in out
    past = json.loads(shop.run("segments", "--as-of", "2026-09-01", "--json")[1])
    assert 0 < sum(s["size"] for s in past["segments"]) <= 40
    moved = json.loads(shop.run("segments", "moves", "--from", "2026-09-01", "--json")[1])
    assert sum(m["profiles"] for m in moved["moves"]) == 40
    assert shop.run("segments", "drift")[0] == 0
    assert shop.run("segments", "refit")[0] == 0

    code, _out, err = shop.run("segments", "people", "nobody")
    assert code == 2
    assert "there is no segment 'nobody'" in err
    assert "regulars" in err


def test_a_fault_in_a_rule_is_told_with_its_place(shop: Shop) -> None:
    with (shop.root / "omnimix.toml").open("a", encoding="utf-8") as file:
        file.write('[segments.rules.a]\nwhen = ["in:b"]\n[segments.rules.b]\nwhen = ["ordres >= 2"]\n')
    code, out, err = shop.run("segments")
    said = " ".join((out + err).split())
    assert code == 2
    assert "omnimix.toml: segments.rules.b.when" in said
    assert "did you mean 'orders'" in said
    shop.change("omnimix.toml", "ordres >= 2", "in:a")
    code, out, err = shop.run("segments")
    assert code == 2
    assert "defined by each other: a → b → a" in " ".join((out + err).split())
