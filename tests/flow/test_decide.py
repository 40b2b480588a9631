"""One person's answer: logged, eligible, the same again on replay."""

import json

import pytest
from tests.cli.conftest import Shop
from tests.cli.conftest import shop as shop  # the fixture of the small shop

from omnimix.cli import main


@pytest.fixture
def approved(shop: Shop) -> Shop:
    """The small shop with everything approved."""
    assert shop.run("run", "first")[0] == 1
    assert shop.run("review", "approve", "first", "--all", "--as", "anna")[0] == 0
    return shop


def test_an_answer_is_logged_and_replays(approved: Shop) -> None:
    people = json.loads(approved.run("journey", "behind", "--step", "1st order", "--json")[1])
    lanes = set()
    for profile in people[:12]:
        code, out, err = approved.run("decide", "first", profile, "--json")
        assert code == 0, err
        answer = json.loads(out)
        choice, decision = answer["choice"], answer["decision"]
        lanes.add(decision["lane"])
        assert 0 < choice["probability"] <= 1
        assert (choice["variant_id"] is None) == (not choice["considered"])
        assert choice["variant_id"] is None or choice["variant_id"] in choice["considered"]
        assert not set(choice["considered"]) & set(answer["ruled_out"])
        assert decision["lane"] != "none" or choice["variant_id"] is None
        code, out, err = approved.run("replay", decision["decision_id"], "--json")
        assert code == 0, err
        assert json.loads(out)["variant_id"] == choice["variant_id"]
        assert json.loads(out)["probability"] == pytest.approx(choice["probability"])
    assert len(lanes) > 2


def test_unknown_people_and_decisions_are_said(approved: Shop) -> None:
    code, _out, err = approved.run("decide", "first", "p_nobody")
    assert code == 2
    assert "no profile 'p_nobody'" in err
    code, _out, err = approved.run("replay", "dec_nothing")
    assert code == 2
    assert "no decision" in err


def test_nothing_is_decided_before_approval(shop: Shop) -> None:
    shop.run("run", "first")
    person = json.loads(shop.run("journey", "behind", "--step", "1st order", "--json")[1])[0]
    code, _out, err = shop.run("decide", "first", person)
    assert code == 1
    assert "no variant is approved" in err
    assert main(["decide", "first"]) == 2
