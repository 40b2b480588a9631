"""One person's answer from the command: logged, the same again on replay, explained; releases and back."""

import json
import re
from pathlib import Path

import pytest
from tests.cli.conftest import Shop
from tests.cli.conftest import shop as shop  # the fixture of the small shop

from omnimix.cli import main


@pytest.fixture
def approved(shop: Shop) -> Shop:
    """The small shop with everything approved and released, its campaign running; channels' plans wait."""
    campaign = shop.root / "campaigns" / "first.toml"
    campaign.write_text(re.sub(r"starts_on = \S+", "starts_on = 2026-01-01", campaign.read_text()))
    assert shop.run("run", "first")[0] == 1
    assert shop.run("review", "approve", "first", "--all", "--as", "anna")[0] == 0
    assert shop.run("run", "first")[0] == 1
    return shop


def told(shop: Shop, *command: str) -> dict:
    """What a command says in JSON."""
    code, out, err = shop.run(*command, "--json")
    assert code == 0, err
    return json.loads(out)


def test_an_answer_is_logged_replayed_and_explained(approved: Shop) -> None:
    people = told(approved, "journey", "behind", "--step", "1st order")
    lanes = set()
    for number, profile in enumerate(people[:10]):
        (slot,) = told(approved, "decide", "first", profile)["slots"]
        lanes.add(slot["lane"])
        assert 0 < slot["probability"] <= 1
        assert (slot["variant"] is None) == bool(slot["why"])
        assert slot["lane"] != "none" or slot["variant"] is None
        if number < 2:
            again = told(approved, "replay", slot["decision_id"])
            assert (again["variant"], again["probability"]) == (slot["variant"], slot["probability"])
            why = told(approved, "explain", slot["decision_id"])
            if why["score"] is not None:
                assert sum(points for _name, points in why["contributions"]) == pytest.approx(why["score"])
    assert len(lanes) > 2
    supposed = told(approved, "decide", "first", people[0], "--what-if", "language=de")
    assert not supposed["kept"]
    assert len(supposed["explanations"]) == 1
    everybody = told(approved, "decide", "first", "--all")
    rows = Path(everybody["file"]).read_text(encoding="utf-8").splitlines()
    assert len(rows) == 1 + everybody["people"] > 1
    assert everybody["shown"] > 0


def test_a_release_is_listed_shown_and_taken_back(approved: Shop) -> None:
    (first,) = told(approved, "release", "list")
    assert first["served"]
    assert told(approved, "release", "publish")["release"] == first["release_id"]  # nothing changed
    campaign = approved.root / "campaigns" / "first.toml"
    told_before = campaign.read_text(encoding="utf-8")
    changed = told_before.replace("[eligibility]", '[eligibility]\nquiet_hours = "22-7"', 1)
    campaign.write_text(changed, encoding="utf-8")
    second = told(approved, "release", "publish", "--note", "quiet nights")["release"]
    assert [r["served"] for r in told(approved, "release", "list")] == [True, False]
    assert told(approved, "release", "revert")["release"] == first["release_id"]
    assert told(approved, "release", "show", second)["note"] == "quiet nights"
    assert told(approved, "release", "show")["release_id"] == first["release_id"]


def test_unknown_people_and_decisions_are_said(approved: Shop) -> None:
    code, _out, err = approved.run("decide", "first", "p_nobody")
    assert code == 2
    assert "no profile 'p_nobody'" in err
    code, _out, err = approved.run("replay", "dec_nothing")
    assert code == 2
    assert "no decision" in err


def test_nothing_is_decided_before_a_release(shop: Shop) -> None:
    code, _out, err = shop.run("decide", "first", "pf_1")
    assert code == 2
    assert "no release is published" in err
    assert main(["decide", "first"]) == 2
