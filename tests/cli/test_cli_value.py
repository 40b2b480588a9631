"""`omnimix value`: the model and its test, one profile, and clear words before a run and for a stranger."""

import json

from tests.cli.conftest import Shop

from omnimix.audience.value.record import ValueReport
from omnimix.cli.options import opened
from omnimix.flow.understand import take_in
from omnimix.flow.value import value


def valued(shop: Shop) -> str:
    """Take in and value; one profile's id."""
    shop.change("omnimix.toml", "buy_days = 30", "buy_days = 60\nleast = 3\ndraws = 100\nresamples = 20 #")
    with opened(shop.root) as (_, machine):
        take_in(machine)
        value(machine)
        return str(
            machine.warehouse.arrow(machine.warehouse.table("value").order_by("profile_id"))["profile_id"][0]
        )


def test_before_a_run_it_says_what_to_do(shop: Shop) -> None:
    code, _out, err = shop.run("value")
    assert code == 2
    assert "omnimix run" in err
    code, _out, err = shop.run("value", "p_nobody")
    assert code == 2
    assert "p_nobody" in err


def test_model_test_and_one_profile(shop: Shop) -> None:
    profile = valued(shop)
    code, out, _err = shop.run("value", "--bins")
    assert code == 0
    assert "Value of 40 customers" in out
    assert "alpha" in out
    assert "tenth" in out
    code, out, _err = shop.run("value", "--json")
    assert code == 0
    assert set(json.loads(out)) == set(ValueReport.__slots__)
    code, out, _err = shop.run("value", profile)
    assert code == 0
    assert "lifetime value" in out
    assert "cannot be known" in out  # nobody was contacted
    code, out, _err = shop.run("value", profile, "--json")
    assert json.loads(out)["profile_id"] == profile
    code, _out, err = shop.run("value", "p_nobody")
    assert code == 2
    assert "check the id" in err


def test_a_wrong_rule_is_named(shop: Shop) -> None:
    shop.change("omnimix.toml", "buy_days = 30", "level = 90 #")
    code, _out, err = shop.run("value")
    assert code == 2
    assert "value.level" in err + _out
