"""`omnimix pain` on a workspace that ran."""

import json

from tests.cli.conftest import Shop


def test_before_a_run_it_says_what_to_do(shop: Shop) -> None:
    code, _out, err = shop.run("pain")
    assert code == 2
    assert len(err.strip().splitlines()) == 1


def test_what_hurts_is_printed_and_is_json(known_shop: Shop) -> None:
    known_shop.run("run", "first")
    code, out, _err = known_shop.run("pain")
    assert code == 0
    assert "visits of 40 people" in out
    assert "No pain point found." in out
    code, out, _err = known_shop.run("pain", "--json")
    found = json.loads(out)
    assert code == 0
    assert found["points"] == []
    assert found["sessions"] > 40
    code, _out, err = known_shop.run("pain", "--behind", "nothing")
    assert code == 2
    assert "none was found" in err
